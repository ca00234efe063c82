"""Combinational equivalence of two words of a graph: equal intermediate results are merged from the inputs on.

Two circuits with the same function have many equal intermediate results. Nodes with equal values for many inputs are
candidates. A solver proves each pair, with all equalities proved so far substituted, so that a query is about a few
operations and not about the whole circuit. Products are opaque at first: products of equal factors are equal, and no
more is known of them. Only if that does not decide a query does the solver reason about the multiplication itself.

The method is that of A. Kuehlmann et al., "Robust Boolean reasoning for equivalence checking and functional property
verification", IEEE TCAD 21(12), 2002, on words instead of bits. The solver is Bitwuzla.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bitwuzla import Kind

from neuristor.sim.netlists.graph import Graph, as_signed, compute
from neuristor.sim.proofs.terms import PATIENCE_MS, Answer, Terms, answered, new_solver, satisfiable

__all__ = ["PATIENCE_MS", "Answer", "Sweep", "Terms", "answered", "new_solver"]

VECTORS = 192
"""Number of random inputs from which candidates are chosen."""
CANDIDATES = 4
"""Number of earlier nodes with equal values that a node is compared with."""


def _with_shifted(graph: Graph, order: Sequence[int]) -> list[int]:
    """For each slice of a sum, difference or product, add the slice from the same lowest bit to the highest bit.

    One circuit may add and then shift, another may shift and then add: the common intermediate result is the unsliced
    one. Slices are placed directly after the node they are taken from, the widest first.
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
    """For each slice, the wider slices of the same word that contain it."""
    of: dict[int, list[int]] = {}
    for number in order:
        if graph.nodes[number].op == "slice":
            of.setdefault(graph.nodes[number].args[0], []).append(number)

    def within(one: int, other: int) -> bool:
        a, b = graph.nodes[one], graph.nodes[other]
        return one != other and b.data <= a.data and a.data + a.width <= b.data + b.width

    return {one: found for some in of.values() for one in some if (found := [n for n in some if within(one, n)])}


class Sweep:
    """Search for equal nodes of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    roots : sequence of int
        Nodes of interest; they and all nodes they depend on are compared.
    assumed : sequence of int
        Nodes of one bit that are 1: assumptions about the inputs.
    seed : int
        Seed of the random inputs.

    Attributes
    ----------
    questions : dict of str to int
        Number of equalities by how they were proved (``congruent``, ``local``, ``opaque``, ``true``), of candidates
        that were ``refuted``, and of queries that stayed ``open``.

    Raises
    ------
    ValueError
        If the assumptions contradict each other.
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
        # For each merged node: the earlier node it equals as an integer, and for both whether they are signed.
        self._same: dict[int, tuple[int, bool, bool]] = {}
        # For each node that others equal: width and sign of the narrowest of them.
        self._narrowest: dict[int, tuple[int, bool]] = {}
        self._congruent: dict[Any, int] = {}
        # For each difference, the one with exchanged operands, if it exists. For each slice, the wider ones around it.
        subs = {graph.nodes[n].args: n for n in self.order if graph.nodes[n].op == "sub"}
        self._reversed = {n: subs[args[::-1]] for args, n in subs.items() if args[::-1] in subs}
        self._around = _around(graph, self.order)
        for vector in self._vectors(VECTORS):
            self._learn(vector)
        if not self._seen:
            self._check(self.assumed)

    def _check(self, assumed: Sequence[int]) -> None:
        """Check that assumptions can be met: otherwise anything could be proved.

        Raises
        ------
        ValueError
            If they contradict each other.
        """
        if not satisfiable(self.graph, assumed):
            raise ValueError("the assumptions contradict each other, or the solver found no input that meets them")

    # --- values

    def _vectors(self, count: int) -> Iterable[dict[str, int]]:
        """Random inputs that satisfy the assumptions; fewer if they are hard to find."""
        made = 0
        for _ in range(50 * count):
            vector = {name: self._word(width) for name, width in self._inputs.items()}
            if self._allowed(vector):
                made += 1
                yield vector
            if made == count:
                return

    def _word(self, width: int) -> int:
        """A random word: a corner value, a small positive or negative number, or any."""
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
        """Compute all nodes for some inputs, and append their values."""
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
        """Values of a node for all inputs so far, as integers."""
        width = self.graph.width(number)
        values = self.values[number]
        return tuple(as_signed(value, width) for value in values) if signed else tuple(values)

    # --- questions

    def _integer(self, number: int, signed: bool) -> tuple[int, bool]:
        """The earlier node that is the same integer as this one, and whether it is signed."""
        same, same_signed, own = self._same.get(number, (number, signed, signed))
        if own == same_signed and self.graph.width(number) == self.graph.width(same):
            return same, signed  # equal bits
        return (same, same_signed) if own == signed else (number, signed)

    def _product_key(self, number: int) -> Any:
        """The factors of a product as integers, whatever their widths; None if the product is truncated."""
        graph, node = self.graph, self.graph.nodes[number]
        factors = []
        for arg in node.args:
            # Yosys extends factors to the width of the product; compare them as they were before.
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
        """Translation in which merged nodes are one term; products opaque or not. Facts about terms go to `known`."""
        graph = self.graph
        wanted = set(nodes)

        def place(number: int) -> Any | None:
            node = graph.nodes[number]
            if number in self._same:
                same, signed, _ = self._same[number]
                return terms.resized(terms.of(same), graph.width(same), node.width, signed)
            if node.op in ("const", "input"):
                return None
            # All nodes of a class fit into its narrowest word.
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
            # Use what is known of the reversed difference, or of a wider slice.
            reverse = self._reversed.get(number)
            if reverse in self._narrowest and (number not in self._narrowest or self._earlier(reverse, number)):
                return manager.mk_term(Kind.BV_NEG, [terms.of(reverse)])
            for wider in self._around.get(number, ()):
                # Only earlier nodes: later ones may depend on this one.
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
        """Ask the solver whether two nodes are equal as integers.

        That a sum fits into fewer bits may follow from the values of its products. If products are opaque, it is better
        not to use this for the two nodes: `whole`.
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
            # Also without substitution: merges that were proved from an assumption say nothing about it.
            plain = terms.unmerged()
            for bit in (*self.assumed, *also):
                solver.assert_formula(terms.truth(terms.of(bit)))
                solver.assert_formula(plain.truth(plain.of(bit)))
        solver.assert_formula(manager.mk_term(Kind.DISTINCT, sides))
        return answered(solver, terms)

    def run(self, progress: Callable[[int, int], None] | None = None, patience: int = PATIENCE_MS) -> None:
        """Merge all nodes that are found equal.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of nodes done and the number of all nodes.
        patience : int
            Time limit for one query, in milliseconds.
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
                # A counterexample was added to the inputs: classes of equal values may be split.
                by_signature = {}
                for earlier in order[:place]:
                    if earlier not in self._same:
                        self._enter(earlier, by_signature)
                continue
            if number not in self._same:
                self._enter(number, by_signature)
            place += 1

    def _enter(self, number: int, by_signature: dict[tuple[int, ...], list[tuple[int, bool]]]) -> None:
        """Register a node as a candidate for later ones."""
        width = self.graph.width(number)
        if self.graph.nodes[number].op == "const" and self._signature(number, False) in by_signature:
            return  # one constant for each number is enough
        for signed in (False, True) if width > 1 else (False,):
            known = by_signature.setdefault(self._signature(number, signed), [])
            if (number, not signed) not in known:
                known.append((number, signed))

    def _join(self, number: int, other: int, signed: bool, other_signed: bool) -> None:
        """Merge two nodes that are equal as integers: the later is the earlier one, truncated or extended."""
        self._same[number] = (other, other_signed, signed)
        known = self._narrowest.get(other, (self.graph.width(other), False))
        self._narrowest[other] = min(known, (self.graph.width(number), signed))

    def _merge(self, number: int, by_signature: dict[tuple[int, ...], list[tuple[int, bool]]]) -> bool:
        """Merge a node with an equal earlier one; return True if a counterexample was added to the inputs instead."""
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
            if same not in self._same and self._earlier(same, number):
                self._join(number, same, signed, same_signed)
                return False
        found = [
            (other, other_signed, signed)
            for signed in ((False, True) if node.width > 1 else (False,))
            for other, other_signed in by_signature.get(self._signature(number, signed), [])[:CANDIDATES]
        ]
        # Wide words occur in later ones: allow more time for them than for bits.
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
        """Whether a counterexample distinguishes two nodes when it is computed.

        It may not if there are opaque functions: the solver chooses other functions than `compute`.

        Raises
        ------
        RuntimeError
            If it does not, although there is no opaque function: a wrong equality was merged.
        """
        found = self.graph.compute(inputs, [one, other])
        a, b = (
            as_signed(found[number], self.graph.width(number)) if negative else found[number]
            for number, negative in ((one, one_signed), (other, signed))
        )
        if a == b and not any(self.graph.nodes[number].op == "opaque" for number in self.order):
            raise RuntimeError("a counterexample of the solver is wrong: nodes that differ were merged")
        return a != b

    def _earlier(self, one: int, other: int) -> bool:
        return self._position[one] < self._position[other]

    def _narrow(self, number: int) -> bool:
        return number in self._narrowest and self._narrowest[number][0] < self.graph.width(number)

    def equal(self, a: int, b: int, patience: int = PATIENCE_MS, also: Sequence[int] = ()) -> Answer:
        """Prove that two words are equal for all inputs; call `run` before.

        Parameters
        ----------
        a, b : int
            Nodes of equal width.
        patience : int
            Time limit for one query, in milliseconds.
        also : sequence of int
            Further nodes of one bit that are assumed to be 1.

        Returns
        -------
        Answer
            The result, with a counterexample if they differ.

        Raises
        ------
        ValueError
            If the assumptions contradict each other.
        """
        if also:
            self._check([*self.assumed, *also])
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
