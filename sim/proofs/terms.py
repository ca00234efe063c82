"""Translation of a graph into terms of the SMT solver Bitwuzla, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import bitwuzla
from bitwuzla import Kind

from neuristor.sim.netlists.graph import Graph

__all__ = ["PATIENCE_MS", "Answer", "Premise", "Terms", "answered", "new_solver", "satisfiable"]

PATIENCE_MS = 2_000
"""Time limit for one query, in milliseconds, unless it is said otherwise."""

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
    """Translation of the nodes of a graph into solver terms.

    Parameters
    ----------
    graph : Graph
        The graph.
    manager : TermManager
        Term manager of the solver.
    place : callable, optional
        Substitution: from the number of a node to a term that replaces it, or None to translate the node.

    Attributes
    ----------
    inputs : dict of str to Term
        Terms of the inputs that occurred.
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
        """Return a translation with the same inputs, but without substitution."""
        terms = Terms(self.graph, self.manager)
        terms.inputs, terms._functions = self.inputs, self._functions
        return terms

    def sort(self, width: int) -> Any:
        """Return the sort of bit vectors of a width.

        Parameters
        ----------
        width : int
            Width, in bits.

        Returns
        -------
        Sort
            The sort.
        """
        return self.manager.mk_bv_sort(width)

    def constant(self, value: int, width: int) -> Any:
        """Make a constant.

        Parameters
        ----------
        value : int
            Its value, unsigned.
        width : int
            Width, in bits.

        Returns
        -------
        Term
            The constant.
        """
        return self.manager.mk_bv_value(self.sort(width), value)

    def resized(self, term: Any, before: int, after: int, signed: bool) -> Any:
        """Change the width of a term: drop its upper bits, or extend it.

        Parameters
        ----------
        term : Term
            The term.
        before, after : int
            Its width and the new width, in bits.
        signed : bool
            Extend by the sign bit; else by zeros.

        Returns
        -------
        Term
            The term of the new width.
        """
        if after < before:
            return self.manager.mk_term(Kind.BV_EXTRACT, [term], [after - 1, 0])
        if after == before:
            return term
        return self.manager.mk_term(Kind.BV_SIGN_EXTEND if signed else Kind.BV_ZERO_EXTEND, [term], [after - before])

    def plain(self, number: int) -> Any:
        """Translate the operation of a node, without substitution for the node itself.

        Parameters
        ----------
        number : int
            The node.

        Returns
        -------
        Term
            The term.
        """
        for arg in self.graph.nodes[number].args:
            self.of(arg)
        return self._build(number)

    def of(self, number: int) -> Any:
        """Translate a node.

        Parameters
        ----------
        number : int
            The node.

        Returns
        -------
        Term
            The term.
        """
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
        """Make the term of a node from those of its arguments.

        Raises
        ------
        ValueError
            If there is no such operation.
        """
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
        """Convert a bit vector of width 1 into a truth value.

        Parameters
        ----------
        bit : Term
            The bit.

        Returns
        -------
        Term
            True if the bit is 1.
        """
        return self.manager.mk_term(Kind.EQUAL, [bit, self.constant(1, 1)])

    def bit(self, truth: Any) -> Any:
        """Convert a truth value into a bit vector of width 1.

        Parameters
        ----------
        truth : Term
            The truth value.

        Returns
        -------
        Term
            1 if it is true.
        """
        return self.manager.mk_term(Kind.ITE, [truth, self.constant(1, 1), self.constant(0, 1)])

    def _table(self, index: Any, bits: int, words: tuple[int, ...], width: int) -> Any:
        """Table as a tree of selections by the bits of the index."""
        level = [self.constant(word, width) for word in words[: 1 << bits]]
        for place in range(bits):
            if len(level) == 1 and place and 1 << place >= len(words):
                # 0 beyond the end of the table.
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
    """Make a term manager and a solver that gives counterexamples.

    Parameters
    ----------
    patience : int
        Time limit for a query, in milliseconds.

    Returns
    -------
    manager : TermManager
        Term manager.
    solver : Bitwuzla
        Solver.
    """
    manager, options = bitwuzla.TermManager(), bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    options.set(bitwuzla.Option.TIME_LIMIT_PER, patience)
    return manager, bitwuzla.Bitwuzla(manager, options)


def answered(solver: Any, terms: Terms) -> Answer:
    """Ask the solver whether the asserted formulas are satisfiable.

    Parameters
    ----------
    solver : Bitwuzla
        Solver with the assertions, the negated claim among them.
    terms : Terms
        Translation that made the terms.

    Returns
    -------
    Answer
        Proved if the assertions are unsatisfiable; else the inputs that satisfy them.
    """
    result = str(solver.check_sat())
    if result != "sat":
        return Answer(True if result == "unsat" else None)
    return Answer(False, {name: int(solver.get_value(term).value(10)) for name, term in terms.inputs.items()})


class Premise:
    """Assumptions, and what is possible under them: a claim about what is impossible says nothing.

    Parameters
    ----------
    graph : Graph
        The graph.
    assumed : sequence of int
        Nodes of one bit that are assumed to be 1.
    patience : int
        Time limit for the solver, for each question, in milliseconds.
    """

    def __init__(self, graph: Graph, assumed: Sequence[int], patience: int = 20 * PATIENCE_MS) -> None:
        manager, self._solver = new_solver(patience)
        self._terms = Terms(graph, manager)
        for bit in assumed:
            self._solver.assert_formula(self._truth(bit))

    def _truth(self, bit: int) -> Any:
        return self._terms.truth(self._terms.of(bit))

    def possible(self, *bits: int) -> bool | None:
        """Whether some bits can be 1 under the assumptions.

        Parameters
        ----------
        *bits : int
            Nodes of one bit; none to ask for the assumptions alone.

        Returns
        -------
        bool or None
            None if the solver reached its time limit.
        """
        return {"sat": True, "unsat": False}.get(str(self._solver.check_sat(*map(self._truth, bits))))


def satisfiable(graph: Graph, assumed: Sequence[int], patience: int = 20 * PATIENCE_MS) -> bool | None:
    """Whether all assumptions can hold at once; the answer is kept in the graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    assumed : sequence of int
        Nodes of one bit.
    patience : int
        Time limit for the solver, in milliseconds.

    Returns
    -------
    bool or None
        None if the solver reached its time limit.
    """
    key = tuple(assumed)
    if key not in graph.satisfiable:
        graph.satisfiable[key] = Premise(graph, assumed, patience).possible()
    return graph.satisfiable[key]


@dataclass
class Answer:
    """Result of a query.

    Parameters
    ----------
    proved : bool or None
        True or False; None if the solver reached its time limit.
    inputs : dict of str to int
        If `proved` is False, a counterexample: values of the inputs, by name.
    """

    proved: bool | None
    inputs: dict[str, int] = field(default_factory=dict)
