"""Combinational word-level cells of Yosys as nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuristor.sim.netlists.graph import Graph

__all__ = ["Operation"]

_BINARY = {
    "$add": "add",
    "$sub": "sub",
    "$mul": "mul",
    "$and": "and",
    "$or": "or",
    "$xor": "xor",
}
_COMPARE = {"$lt": (False, False), "$ge": (False, True), "$gt": (True, False), "$le": (True, True)}
"""Comparisons as "less than": whether the operands are swapped, and whether the result is inverted."""


class Operation:
    """A combinational cell of Yosys, as nodes of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    cell : dict
        The cell, from the JSON that Yosys writes.
    word : callable
        Node of an input of the cell, by the name of its port.
    """

    def __init__(self, graph: Graph, cell: Mapping[str, Any], word: Callable[[str], int]) -> None:
        self.graph, self.word = graph, word
        self.kind, self.connections, self.parameters = cell["type"], cell["connections"], cell["parameters"]
        self.width = len(self.connections["Y"])
        # Operands are signed only if all are.
        self.signed = all(
            self.parameters[name].endswith("1") for name in ("A_SIGNED", "B_SIGNED") if name in self.parameters
        )

    def operand(self, name: str, width: int) -> int:
        """Return an input of the cell, extended to a width.

        Parameters
        ----------
        name : str
            Name of the port.
        width : int
            The width, in bits.

        Returns
        -------
        int
            The node.
        """
        return self.graph.extended(self.word(name), width, self.signed)

    def result(self) -> int | None:
        """Return the node of the output; None if the cell is no operation on words."""
        kind = self.kind
        if kind in _BINARY or kind in ("$xnor", "$not", "$pos", "$neg"):
            return self.arithmetic()
        if kind in _COMPARE or kind in ("$eq", "$ne"):
            return self.comparison()
        if kind.startswith(("$reduce_", "$logic_")):
            return self.logic()
        if kind in ("$mux", "$pmux", "$bmux"):
            return self.selection()
        if kind in ("$shl", "$sshl", "$shr", "$sshr") or (
            kind in ("$shift", "$shiftx") and self.parameters["B_SIGNED"].endswith("0")
        ):
            return self.shift()
        return None

    def arithmetic(self) -> int:
        """Return the node of a sum, difference, product or bitwise operation."""
        graph, kind, width = self.graph, self.kind, self.width
        if kind in _BINARY:
            return graph.op(_BINARY[kind], width, self.operand("A", width), self.operand("B", width))
        if kind == "$xnor":
            return graph.op("not", width, graph.op("xor", width, self.operand("A", width), self.operand("B", width)))
        given = self.operand("A", width)
        if kind == "$neg":
            return graph.op("sub", width, graph.const(0, width), given)
        return graph.op("not", width, given) if kind == "$not" else given

    def comparison(self) -> int:
        """Return the node of a comparison of two words."""
        graph = self.graph
        inner = max(len(self.connections["A"]), len(self.connections["B"]))
        a, b = (self.operand(name, inner) for name in "AB")
        if self.kind in _COMPARE:
            swap, invert = _COMPARE[self.kind]
            bit = graph.op("slt" if self.signed else "ult", 1, *((b, a) if swap else (a, b)))
        else:
            bit, invert = graph.op("eq", 1, a, b), self.kind == "$ne"
        return graph.extended(graph.op("not", 1, bit) if invert else bit, self.width, False)

    def logic(self) -> int | None:
        """Return the node of a reduction of a word to a bit, or of a logical operation; None for other cells."""
        graph, kind = self.graph, self.kind
        if kind in ("$reduce_or", "$reduce_bool", "$reduce_and", "$reduce_xor", "$logic_not"):
            op = {"$reduce_and": "all", "$reduce_xor": "parity"}.get(kind, "any")
            bit = graph.op(op, 1, self.word("A"))
            return graph.extended(graph.op("not", 1, bit) if kind == "$logic_not" else bit, self.width, False)
        if kind in ("$logic_and", "$logic_or"):
            bits = [graph.op("any", 1, self.word(name)) for name in "AB"]
            return graph.extended(graph.op(kind[7:], 1, *bits), self.width, False)
        return None

    def selection(self) -> int:
        """Return the node of a multiplexer: of two words, with one-hot conditions, or with an index."""
        graph, word, width = self.graph, self.word, self.width
        if self.kind == "$mux":
            return graph.op("mux", width, word("S"), word("A"), word("B"))
        if self.kind == "$pmux":
            value, choices, select = word("A"), word("B"), word("S")
            for place in reversed(range(graph.width(select))):
                value = graph.op(
                    "mux", width, graph.slice(select, place, 1), value, graph.slice(choices, place * width, width)
                )
            return value
        words, index = word("A"), word("S")
        level = [graph.slice(words, place * width, width) for place in range(1 << graph.width(index))]
        for place in range(graph.width(index)):
            bit = graph.slice(index, place, 1)
            level = [graph.op("mux", width, bit, low, high) for low, high in zip(level[::2], level[1::2], strict=True)]
        return level[0]

    def shift(self) -> int:
        """Return the node of a shift by an unsigned count."""
        graph = self.graph
        inner = max(self.width, len(self.connections["A"]))
        signed = self.parameters["A_SIGNED"].endswith("1")
        given, by = graph.extended(self.word("A"), inner, signed), self.word("B")
        arithmetic = self.kind == "$sshr" and signed
        op = "shl" if self.kind in ("$shl", "$sshl") else "ashr" if arithmetic else "lshr"
        size = max(inner, graph.width(by))
        shifted = graph.op(op, size, graph.extended(given, size, arithmetic), graph.extended(by, size, False))
        return graph.slice(shifted, 0, self.width)
