"""Are two words of a graph equal for all inputs? By merging, from the inputs on, what is equal within.

Two circuits that compute the same are alike inside. Nodes that have the same value for many inputs are candidates;
a solver proves each pair with all that was proved before taken as one, so a question is about a few operations
and not about the whole. A product is opaque at first: products of equal factors are equal, whatever a product is.
Only where that does not settle a question does the solver see the multiplication itself.

The method is that of A. Kuehlmann et al., "Robust Boolean reasoning for equivalence checking and functional property
verification", IEEE TCAD 21(12), 2002, on words instead of bits. The solver is Bitwuzla.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bitwuzla
from bitwuzla import Kind

from neuristor.sim.netlists.words import Graph, as_signed, compute

__all__ = ["Answer", "Sweep", "Terms"]

VECTORS = 192
CANDIDATES = 4
"""How many earlier nodes of the same values a node is compared with."""
PATIENCE_MS = 2_000
"""How long the solver may think about one question that needs true products."""

_KINDS = {
    "add": Kind.BV_ADD,
    "sub": Kind.BV_SUB,
    "mul": Kind.BV_MUL,
    "and": Kind.BV_AND,
    "or": Kind.BV_OR,
    "xor": Kind.BV_XOR,
    "not": Kind.BV_NOT,
    "shl": Kind.BV_SHL,
    "lshr": Kind.BV_SHR,
    "ashr": Kind.BV_ASHR,
    "eq": Kind.BV_COMP,
    "any": Kind.BV_REDOR,
    "all": Kind.BV_REDAND,
    "parity": Kind.BV_REDXOR,
}


class Terms:
    """The terms of a solver for the nodes of a graph.

    Parameters
    ----------
    graph : Graph
    manager : TermManager
    place : callable, optional
        From the number of a node to a term that stands for it, or None.
    """

    def __init__(
        self, graph: Graph, manager: bitwuzla.TermManager, place: Callable[[int], Any | None] | None = None
    ) -> None:
        self.graph, self.manager = graph, manager
        self._place = place
        self._terms: dict[int, Any] = {}
        self.inputs: dict[str, Any] = {}
        self._functions: dict[str, Any] = {}

    def unmerged(self) -> Terms:
        """Terms of the same inputs, in which nothing stands for anything else."""
        terms = Terms(self.graph, self.manager)
        terms.inputs, terms._functions = self.inputs, self._functions
        return terms

    def sort(self, width: int) -> Any:
        """Words of so many bits."""
        return self.manager.mk_bv_sort(width)

    def constant(self, value: int, width: int) -> Any:
        """A constant."""
        return self.manager.mk_bv_value(self.sort(width), value)

    def resized(self, term: Any, before: int, after: int, signed: bool) -> Any:
        """A term with another width."""
        if after < before:
            return self.manager.mk_term(Kind.BV_EXTRACT, [term], [after - 1, 0])
        if after == before:
            return term
        return self.manager.mk_term(Kind.BV_SIGN_EXTEND if signed else Kind.BV_ZERO_EXTEND, [term], [after - before])

    def plain(self, number: int) -> Any:
        """The term of a node's operation, whatever stands for the node."""
        for arg in self.graph.nodes[number].args:
            self.of(arg)
        return self._build(number)

    def of(self, number: int) -> Any:
        """The term of a node."""
        waiting = [number]
        while waiting:
            top = waiting[-1]
            if top in self._terms:
                waiting.pop()
                continue
            placed = None if self._place is None else self._place(top)
            if placed is not None:
                self._terms[top] = placed
                waiting.pop()
                continue
            lacking = [arg for arg in self.graph.nodes[top].args if arg not in self._terms]
            if lacking:
                waiting += lacking
            else:
                self._terms[top] = self._build(top)
                waiting.pop()
        return self._terms[number]

    def _build(self, number: int) -> Any:
        graph, manager = self.graph, self.manager
        node = graph.nodes[number]
        args = [self._terms[arg] for arg in node.args]
        op, width = node.op, node.width
        if op in _KINDS:
            return manager.mk_term(_KINDS[op], args)
        if op == "input":
            if node.data not in self.inputs:
                self.inputs[node.data] = manager.mk_const(self.sort(width), node.data)
            return self.inputs[node.data]
        if op == "const":
            return self.constant(node.data, width)
        if op == "slice":
            return manager.mk_term(Kind.BV_EXTRACT, args, [node.data + width - 1, node.data])
        if op == "concat":
            return manager.mk_term(Kind.BV_CONCAT, args[::-1])
        if op in ("sext", "zext"):
            return self.resized(args[0], graph.width(node.args[0]), width, op == "sext")
        if op == "mux":
            return manager.mk_term(Kind.ITE, [self.truth(args[0]), args[2], args[1]])
        if op in ("ult", "slt"):
            return self.bit(manager.mk_term(Kind.BV_ULT if op == "ult" else Kind.BV_SLT, args))
        if op == "opaque":
            sort = manager.mk_fun_sort([arg.sort() for arg in args], self.sort(width))
            if node.data not in self._functions:
                self._functions[node.data] = manager.mk_const(sort, node.data)
            return manager.mk_term(Kind.APPLY, [self._functions[node.data], *args])
        if op == "table":
            return self._table(args[0], graph.width(node.args[0]), node.data, width)
        raise ValueError(f"there is no operation {op!r}")

    def truth(self, bit: Any) -> Any:
        """A bit as a truth value."""
        return self.manager.mk_term(Kind.EQUAL, [bit, self.constant(1, 1)])

    def bit(self, truth: Any) -> Any:
        """A truth value as a bit."""
        return self.manager.mk_term(Kind.ITE, [truth, self.constant(1, 1), self.constant(0, 1)])

    def _table(self, index: Any, bits: int, words: tuple[int, ...], width: int) -> Any:
        level = [self.constant(word, width) for word in words[: 1 << bits]]
        for place in range(bits):
            if len(level) == 1 and place and 1 << place >= len(words):
                # Beyond the end: 0.
                low = self.manager.mk_term(Kind.BV_EXTRACT, [index], [place, place])
                level = [self.manager.mk_term(Kind.ITE, [self.truth(low), self.constant(0, width), level[0]])]
                continue
            if len(level) % 2:
                level.append(self.constant(0, width))
            choice = self.truth(self.manager.mk_term(Kind.BV_EXTRACT, [index], [place, place]))
            level = [
                low if low == high else self.manager.mk_term(Kind.ITE, [choice, high, low])
                for low, high in zip(level[::2], level[1::2], strict=True)
            ]
        return level[0]


def new_solver(patience: int) -> tuple[Any, Any]:
    """A term manager, and a solver that gives counterexamples and may think for so many milliseconds."""
    manager, options = bitwuzla.TermManager(), bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    options.set(bitwuzla.Option.TIME_LIMIT_PER, patience)
    return manager, bitwuzla.Bitwuzla(manager, options)


def answered(solver: Any, terms: Terms) -> Answer:
    """What the solver says of what was asserted: that it cannot be, or how it can."""
    result = str(solver.check_sat())
    if result != "sat":
        return Answer(True if result == "unsat" else None)
    return Answer(False, {name: int(solver.get_value(term).value(10)) for name, term in terms.inputs.items()})


@dataclass
class Answer:
    """What became of a question.

    Attributes
    ----------
    proved : bool or None
        True or False; None where the solver gave up.
    inputs : dict of str to int
        A counterexample, if `proved` is False.
    """

    proved: bool | None
    inputs: dict[str, int] = field(default_factory=dict)


def _with_shifted(graph: Graph, order: Sequence[int]) -> list[int]:
    """With all that a shift leaves of a sum, a difference or a product, where only a part of it is there.

    One circuit adds and then shifts, another shifts and then adds: what they have in common is the whole result.
    Slices come right after what they are of, the widest first.
    """
    of: dict[int, set[int]] = {}
    for number in order:
        node = graph.nodes[number]
        if node.op == "slice":
            source = node.args[0]
            some = of.setdefault(source, set())
            some.add(number)
            if node.data and graph.nodes[source].op in ("add", "sub", "mul"):
                some.add(graph.slice(source, node.data, graph.width(source) - node.data))
    made = []
    for number in order:
        if graph.nodes[number].op != "slice":
            made.append(number)
            made += sorted(of.get(number, ()), key=lambda each: (graph.nodes[each].data, -graph.width(each)))
    return made


def _around(graph: Graph, order: Iterable[int]) -> dict[int, list[int]]:
    """Of each slice, the wider slices of the same word that it is a part of."""
    of: dict[int, list[int]] = {}
    for number in order:
        if graph.nodes[number].op == "slice":
            of.setdefault(graph.nodes[number].args[0], []).append(number)

    def within(one: int, other: int) -> bool:
        a, b = graph.nodes[one], graph.nodes[other]
        return one != other and b.data <= a.data and a.data + a.width <= b.data + b.width

    return {one: found for some in of.values() for one in some if (found := [n for n in some if within(one, n)])}


class Sweep:
    """Equalities within a graph.

    Parameters
    ----------
    graph : Graph
    roots : list of int
        What it is about.
    assumed : list of int
        Bits that are set: what is known of the inputs.
    seed : int
        Of the vectors.
    """

    def __init__(self, graph: Graph, roots: Sequence[int], assumed: Sequence[int] = (), seed: int = 1) -> None:
        self.graph, self.assumed = graph, list(assumed)
        self.order = _with_shifted(graph, graph.cone([*roots, *assumed]))
        self._position = {number: place for place, number in enumerate(self.order)}
        self._random = random.Random(seed)
        self._inputs = {graph.nodes[n].data: graph.nodes[n].width for n in self.order if graph.nodes[n].op == "input"}
        self.values: dict[int, list[int]] = {n: [] for n in self.order}
        self._seen: list[dict[str, int]] = []
        self.questions = {"congruent": 0, "local": 0, "opaque": 0, "true": 0, "refuted": 0, "open": 0}
        # Of each merged node: which earlier one it equals as an integer, whether that is with sign, and itself.
        self._same: dict[int, tuple[int, bool, bool]] = {}
        # Of each node that others equal: width and sign of the narrowest of them.
        self._narrowest: dict[int, tuple[int, bool]] = {}
        self._congruent: dict[Any, int] = {}
        # Of each difference: the one the other way round, if there is one. Of each slice: wider ones that it is in.
        subs = {graph.nodes[n].args: n for n in self.order if graph.nodes[n].op == "sub"}
        self._reversed = {n: subs[args[::-1]] for args, n in subs.items() if args[::-1] in subs}
        self._around = _around(graph, self.order)
        for vector in self._vectors(VECTORS):
            self._learn(vector)

    # --- values

    def _vectors(self, count: int) -> Iterable[dict[str, int]]:
        made = 0
        for _ in range(50 * count):
            vector = {name: self._word(width) for name, width in self._inputs.items()}
            if self._allowed(vector):
                made += 1
                yield vector
            if made == count:
                return

    def _word(self, width: int) -> int:
        top = (1 << width) - 1
        kind = self._random.randrange(8)
        if kind == 0:
            return self._random.choice([0, 1, top, top >> 1, (top >> 1) + 1, top - 1]) & top
        if kind == 1:
            return self._random.getrandbits(max(1, width // 2)) & top
        if kind == 2:
            return -self._random.getrandbits(max(1, width // 2)) & top
        return self._random.getrandbits(width)

    def _allowed(self, vector: Mapping[str, int]) -> bool:
        if not self.assumed:
            return True
        values = self.graph.compute(vector, self.assumed)
        return all(values[bit] for bit in self.assumed)

    def _learn(self, vector: Mapping[str, int]) -> None:
        nodes, now = self.graph.nodes, {}
        self._seen.append(dict(vector))
        for number in self.order:
            node = nodes[number]
            if node.op == "input":
                now[number] = vector.get(node.data, 0)
            else:
                args = node.args
                now[number] = compute(node, [now[arg] for arg in args], [nodes[arg].width for arg in args])
            self.values[number].append(now[number])

    def _signature(self, number: int, signed: bool) -> tuple[int, ...]:
        width = self.graph.width(number)
        values = self.values[number]
        return tuple(as_signed(value, width) for value in values) if signed else tuple(values)

    # --- questions

    def _integer(self, number: int, signed: bool) -> tuple[int, bool]:
        """The node that stands for the same integer as this one, and whether with sign."""
        same, same_signed, own = self._same.get(number, (number, signed, signed))
        if own == same_signed and self.graph.width(number) == self.graph.width(same):
            return same, signed  # the same bits
        return (same, same_signed) if own == signed else (number, signed)

    def _product_key(self, number: int) -> Any:
        """What a full product is of, whatever the words of its factors."""
        graph, node = self.graph, self.graph.nodes[number]
        factors = []
        for arg in node.args:
            # Yosys extends factors to the width of the product; what they were before counts.
            inner, signed = arg, True
            if graph.nodes[arg].op in ("sext", "zext"):
                inner, signed = graph.nodes[arg].args[0], graph.nodes[arg].op == "sext"
            factors.append((self._integer(inner, signed), graph.width(inner) + (not signed)))
        if sum(width for _, width in factors) > node.width:
            return None
        return tuple(sorted(key for key, _ in factors))

    def _terms(
        self, manager: Any, nodes: Iterable[int], local: bool, opaque: bool, whole: bool, known: list[Any]
    ) -> Terms:
        """Terms in which merged nodes are one; products opaque, or not. What is known of them goes into `known`."""
        graph = self.graph
        wanted = set(nodes)

        def place(number: int) -> Any | None:
            node = graph.nodes[number]
            if number in self._same:
                same, signed, _ = self._same[number]
                return terms.resized(terms.of(same), graph.width(same), node.width, signed)
            if node.op in ("const", "input"):
                return None
            # All of a class fit into the narrowest word of it.
            width, narrow_signed = self._narrowest.get(number, (node.width, False))
            if number not in wanted and ((opaque and node.op == "mul") or (local and number in self._narrowest)):
                made = terms.resized(
                    manager.mk_const(terms.sort(width), f"n{number}"), width, node.width, narrow_signed
                )
                if number in graph.ranges:
                    low, high = graph.ranges[number]
                    kinds = (Kind.BV_SLE, Kind.BV_SGE) if low < 0 else (Kind.BV_ULE, Kind.BV_UGE)
                    mask = (1 << node.width) - 1
                    for kind, limit in zip(kinds, (high, low), strict=True):
                        known.append(manager.mk_term(kind, [made, terms.constant(limit & mask, node.width)]))
                return made
            # What is known of a difference, or of a wider slice, is known of what it says it is.
            reverse = self._reversed.get(number)
            if reverse in self._narrowest and (number not in self._narrowest or self._earlier(reverse, number)):
                return manager.mk_term(Kind.BV_NEG, [terms.of(reverse)])
            for wider in self._around.get(number, ()):
                # Only what stands earlier: else it may be made of this one.
                same = self._same[wider][0] if wider in self._same else wider
                known_of = wider in self._same or wider in self._narrowest
                if known_of and self._earlier(same, number) and number not in self._narrowest:
                    low = node.data - graph.nodes[wider].data
                    return manager.mk_term(Kind.BV_EXTRACT, [terms.of(wider)], [low + node.width - 1, low])
            if width < node.width and not (whole and number in wanted):
                term = terms.plain(number)
                return terms.resized(terms.resized(term, node.width, width, False), width, node.width, narrow_signed)
            return None

        terms = Terms(graph, manager, place)
        return terms

    def _ask(
        self,
        a: int,
        b: int,
        signed_a: bool,
        signed_b: bool,
        local: bool,
        opaque: bool,
        patience: int,
        also: Sequence[int] = (),
        whole: bool = False,
    ) -> Answer:
        """Whether two nodes are equal as integers.

        That a sum fits into fewer bits may follow from what its products are; with opaque ones it is better not to know
        that of the two: `whole`.
        """
        manager, solver = new_solver(patience)
        known: list[Any] = []
        terms = self._terms(manager, (a, b), local, opaque, whole, known)
        width = max(self.graph.width(a), self.graph.width(b)) + (signed_a != signed_b)
        sides = [
            terms.resized(terms.of(n), self.graph.width(n), width, signed)
            for n, signed in ((a, signed_a), (b, signed_b))
        ]
        for fact in known:
            solver.assert_formula(fact)
        if not local:
            # As they are: what was merged because of them says nothing about them.
            plain = terms.unmerged()
            for bit in (*self.assumed, *also):
                solver.assert_formula(terms.truth(terms.of(bit)))
                solver.assert_formula(plain.truth(plain.of(bit)))
        solver.assert_formula(manager.mk_term(Kind.DISTINCT, sides))
        return answered(solver, terms)

    def run(self, progress: Callable[[int, int], None] | None = None, patience: int = PATIENCE_MS) -> None:
        """Merge all that is found equal.

        Parameters
        ----------
        progress : callable, optional
            Told how many nodes of how many are done.
        patience : int
            How long the solver may think about one question, in millisecond.
        """
        self._patience = patience
        graph = self.graph
        by_signature: dict[tuple[int, ...], list[tuple[int, bool]]] = {}
        place, order = 0, self.order
        while place < len(order):
            number = order[place]
            if progress is not None:
                progress(place, len(order))
            node = graph.nodes[number]
            restart = False
            if node.op not in ("input", "const") and number not in self._same:
                restart = self._merge(number, by_signature)
            if restart:
                # A new vector: what was one class may be two.
                by_signature = {}
                for earlier in order[:place]:
                    if earlier not in self._same:
                        self._enter(earlier, by_signature)
                continue
            if number not in self._same:
                self._enter(number, by_signature)
            place += 1

    def _enter(self, number: int, by_signature: dict[tuple[int, ...], list[tuple[int, bool]]]) -> None:
        width = self.graph.width(number)
        if self.graph.nodes[number].op == "const" and self._signature(number, False) in by_signature:
            return  # one constant for each number is enough
        for signed in (False, True) if width > 1 else (False,):
            known = by_signature.setdefault(self._signature(number, signed), [])
            if (number, not signed) not in known:
                known.append((number, signed))

    def _join(self, number: int, other: int, signed: bool, other_signed: bool) -> None:
        """As integers they are equal: the later one is the earlier one, cut or extended."""
        self._same[number] = (other, other_signed, signed)
        known = self._narrowest.get(other, (self.graph.width(other), False))
        self._narrowest[other] = min(known, (self.graph.width(number), signed))

    def _merge(self, number: int, by_signature: dict[tuple[int, ...], list[tuple[int, bool]]]) -> bool:
        """Merge a node with an earlier one, if it can be; whether there is a new vector instead."""
        graph, node = self.graph, self.graph.nodes[number]
        if node.op in ("mul", "table"):
            key = self._product_key(number) if node.op == "mul" else (node.data, self._integer(node.args[0], False))
            other = number if key is None else self._congruent.setdefault(key, number)
            if other != number:
                self._join(number, other, True, True)
                self.questions["congruent"] += 1
                return False
        if number in graph.narrowed:
            other, signed = graph.narrowed[number]
            same, same_signed = self._integer(other, signed)
            if same not in self._same:
                self._join(number, same, signed, same_signed)
                return False
        found = [
            (other, other_signed, signed)
            for signed in ((False, True) if node.width > 1 else (False,))
            for other, other_signed in by_signature.get(self._signature(number, signed), [])[:CANDIDATES]
        ]
        # A word that others are made of is worth more patience than a bit.
        limit = self._patience * (5 if node.width > 4 else 1)
        for kind, local, whole in (("local", True, False), ("opaque", False, False), ("opaque", False, True)):
            for other, other_signed, signed in found:
                if whole and not any(self._narrow(each) for each in (other, number)):
                    continue
                if self._ask(other, number, other_signed, signed, local, True, limit // 2, whole=whole).proved:
                    self.questions[kind] += 1
                    self._join(number, other, signed, other_signed)
                    return False
        for other, other_signed, signed in found[:2]:
            answer = self._ask(other, number, other_signed, signed, False, False, limit)
            if answer.proved:
                self.questions["true"] += 1
                self._join(number, other, signed, other_signed)
                return False
            if answer.proved is False and self._tells(answer.inputs, other, other_signed, number, signed):
                self.questions["refuted"] += 1
                self._learn(answer.inputs)
                return True
            self.questions["open"] += 1
        return False

    def _tells(self, inputs: Mapping[str, int], one: int, one_signed: bool, other: int, signed: bool) -> bool:
        """Whether a counterexample is one.

        An unknown function may be another one for the solver than for `compute`.
        """
        found = self.graph.compute(inputs, [one, other])
        a, b = (
            as_signed(found[number], self.graph.width(number)) if negative else found[number]
            for number, negative in ((one, one_signed), (other, signed))
        )
        if a == b and not any(self.graph.nodes[number].op == "opaque" for number in self.order):
            raise RuntimeError("a counterexample is none: something was called equal that is not")
        return a != b

    def _earlier(self, one: int, other: int) -> bool:
        return self._position[one] < self._position[other]

    def _narrow(self, number: int) -> bool:
        return number in self._narrowest and self._narrowest[number][0] < self.graph.width(number)

    def equal(self, a: int, b: int, patience: int = PATIENCE_MS, also: Sequence[int] = ()) -> Answer:
        """Whether two words of equal width are equal for all inputs, after `run`; `also` are more bits that are set."""
        if a == b:
            return Answer(True)
        for vector, x, y in zip(self._seen, self.values[a], self.values[b], strict=True):
            if x != y and all(self.graph.compute(vector, [bit])[bit] for bit in also):
                return Answer(False, vector)
        if self._integer(a, False) == self._integer(b, False) or self._integer(a, True) == self._integer(b, True):
            return Answer(True)
        for local, opaque in ((True, True), (False, True), (False, False)):
            answer = self._ask(a, b, False, False, local, opaque, patience, also)
            if answer.proved:
                break
        return answer
