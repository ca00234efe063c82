"""Symbolic integers: nodes of a graph with the arithmetic of Python's integers.

The golden step functions accept a `Word` in place of an array; their results are nodes of the graph.
"""

from __future__ import annotations

from typing import Any

from neuristor.golden_model import fixed
from neuristor.sim.netlists.graph import Graph, Node, as_signed, compute

__all__ = ["Graph", "Node", "Word", "as_signed", "compute"]


_View = tuple[int, bool]
"""A node, and whether it is read as a signed number."""


class Word:
    """A symbolic integer: a node of a graph, and the smallest and largest value it can have.

    Its arithmetic is that of Python's integers: results are exact, and as wide as their range requires.

    Parameters
    ----------
    graph : Graph
        The graph.
    number : int
        The node.
    low, high : int
        Smallest and largest value; signed if `low` is negative.
    """

    __slots__ = ("_choice", "_condition", "graph", "high", "low", "number")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, number: int, low: int, high: int) -> None:
        self.graph, self.low, self.high = graph, low, high
        width = _bits(low, high)
        self.number = graph.extended(number, width, low < 0)
        # An extension of an earlier node has no narrower form than that node.
        if width < graph.width(number) and self.number > number:
            graph.narrowed[self.number] = (number, low < 0)
        for each in (number, self.number):
            graph.ranges.setdefault(each, (low, high))
        # For a comparison with a constant: the compared integer, its range if true, and its range if false.
        self._condition: tuple[_View, tuple[int, int], tuple[int, int]] | None = None
        # For a selection: the condition, the word if true, and the word if false.
        self._choice: tuple[Word, Word, Word] | None = None

    @classmethod
    def of(cls, graph: Graph, number: int, signed: bool) -> Word:
        """Make a word of a node that can have any value.

        Parameters
        ----------
        graph : Graph
            The graph.
        number : int
            The node.
        signed : bool
            Whether the node is a two's complement number.

        Returns
        -------
        Word
            The word.
        """
        width = graph.width(number)
        return (
            cls(graph, number, -(1 << width - 1), (1 << width - 1) - 1)
            if signed
            else cls(graph, number, 0, (1 << width) - 1)
        )

    @property
    def signed(self) -> bool:
        """Whether the integer can be negative."""
        return self.low < 0

    @property
    def width(self) -> int:
        """Width of the node, in bits."""
        return self.graph.width(self.number)

    def to(self, width: int) -> int:
        """Return the node of the same integer in another width.

        Parameters
        ----------
        width : int
            The width, in bits.

        Returns
        -------
        int
            The node.
        """
        return self.graph.extended(self.number, width, self.signed)

    def _other(self, value: Any) -> Word:
        if isinstance(value, Word):
            return value
        value = int(value)
        return Word(self.graph, self.graph.const(value, _bits(value, value)), value, value)

    def _apply(self, op: str, low: int, high: int, *words: Word) -> Word:
        """Apply an operation, in a width for all operands and for the result, which is within `low` and `high`."""
        low_all, high_all = min(low, *(w.low for w in words)), max(high, *(w.high for w in words))
        width = _bits(low_all, high_all)
        return Word(self.graph, self.graph.op(op, width, *(word.to(width) for word in words)), low, high)

    def __add__(self, value: Any) -> Word:
        other = self._other(value)
        return self._apply("add", self.low + other.low, self.high + other.high, self, other)

    __radd__ = __add__

    def __sub__(self, value: Any) -> Word:
        other = self._other(value)
        return self._apply("sub", self.low - other.high, self.high - other.low, self, other)

    def __rsub__(self, value: Any) -> Word:
        return self._other(value) - self

    def __neg__(self) -> Word:
        return 0 - self

    def __mul__(self, value: Any) -> Word:
        other = self._other(value)
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        # A product of full width, so that products are compared by their factors alone.
        signed = self.signed or other.signed
        width = sum(each.width + (signed and not each.signed) for each in (self, other))
        made = self.graph.op("mul", width, self.to(width), other.to(width))
        return Word(self.graph, made, min(corners), max(corners))

    __rmul__ = __mul__

    def __lshift__(self, by: int) -> Word:
        number = self.graph.concat([self.graph.const(0, by), self.number]) if by else self.number
        return Word(self.graph, number, self.low << by, self.high << by)

    def __rshift__(self, by: int) -> Word:
        cut = min(by, self.width - 1)
        number = self.graph.slice(self.number, cut, self.width - cut)
        if by > cut and not self.signed:
            return self._other(0)
        return Word(self.graph, number, self.low >> by, self.high >> by)

    def _bitwise(self, op: str, value: Any) -> Word:
        other = self._other(value)
        width = _bits(min(self.low, other.low), max(self.high, other.high))
        low, high = -(1 << width - 1), (1 << width - 1) - 1
        if not self.signed and not other.signed:
            low, high = 0, (1 << width) - 1
        if op == "and" and not (self.signed and other.signed):
            low, high = 0, min(each.high for each in (self, other) if not each.signed)
        made = self.graph.op(op, width, self.to(width), other.to(width))
        return Word(self.graph, made, low, high)

    def __and__(self, other: Any) -> Word:
        return self._bitwise("and", other)

    def __or__(self, other: Any) -> Word:
        return self._bitwise("or", other)

    def __xor__(self, other: Any) -> Word:
        return self._bitwise("xor", other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def _compared(self, op: str, a: Any, b: Any, invert: bool) -> Word:
        left, right = self._other(a), self._other(b)
        low, high = min(left.low, right.low), max(left.high, right.high)
        width = _bits(low, high)
        kind = op if op == "eq" else "slt" if low < 0 else "ult"
        bit = self.graph.op(kind, 1, left.to(width), right.to(width))
        made = Word(self.graph, self.graph.op("not", 1, bit) if invert else bit, 0, 1)
        ranges = None
        if op == "lt" and right.low == right.high:
            ranges = left, (left.low, right.low - 1), (right.low, left.high)
        elif op == "lt" and left.low == left.high:
            ranges = right, (left.low + 1, right.high), (right.low, left.low)
        elif op == "eq" and right.low == right.high:
            ranges = left, (right.low, right.low), (left.low, left.high)
        if ranges is not None:
            word, yes, no = ranges
            made._condition = (word._view, no, yes) if invert else (word._view, yes, no)
        return made

    def __lt__(self, other: Any) -> Word:
        return self._compared("lt", self, other, False)

    def __ge__(self, other: Any) -> Word:
        return self._compared("lt", self, other, True)

    def __gt__(self, other: Any) -> Word:
        return self._compared("lt", other, self, False)

    def __le__(self, other: Any) -> Word:
        return self._compared("lt", other, self, True)

    def __eq__(self, other: object) -> Word:  # type: ignore[override]
        return self._compared("eq", self, other, False)

    def __ne__(self, other: object) -> Word:  # type: ignore[override]
        return self._compared("eq", self, other, True)

    @property
    def _view(self) -> _View:
        """The integer: one node may be read as a signed and as an unsigned number."""
        return self.number, self.signed

    def _within(self, view: _View, limits: tuple[int, int]) -> tuple[int, int] | None:
        """Range of the word while an integer is within limits; None if that is impossible."""
        if self._view == view:
            low, high = max(self.low, limits[0]), min(self.high, limits[1])
        elif self._choice is not None and (known := self._choice[0]._condition) and known[0] == view:
            _, yes, no = self._choice
            ranges = []
            for word, own in ((yes, known[1]), (no, known[2])):
                both = max(limits[0], own[0]), min(limits[1], own[1])
                if both[0] <= both[1] and (found := word._within(view, both)) is not None:
                    ranges.append(found)
            if not ranges:
                return None
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        else:
            return self.low, self.high
        return (low, high) if low <= high else None


def _bits(low: int, high: int) -> int:
    """Width of a word with values from `low` to `high`, with a sign bit if `low` is negative."""
    if low < 0:
        return 1 + max((~low).bit_length(), high.bit_length() if high > 0 else 0)
    return max(1, high.bit_length())


@fixed.select.register(Word)
def _(condition: Word, yes: Any, no: Any) -> Word:
    a, b = condition._other(yes), condition._other(no)
    ranges = [(a.low, a.high), (b.low, b.high)]
    if condition._condition is not None:
        view, if_yes, if_no = condition._condition
        found = [a._within(view, if_yes), b._within(view, if_no)]
        ranges = [each for each in found if each is not None] or ranges
    low, high = min(each[0] for each in ranges), max(each[1] for each in ranges)
    width = _bits(min(a.low, b.low), max(a.high, b.high))
    chosen = condition.graph.op("mux", width, condition.number, b.to(width), a.to(width))
    made = Word(condition.graph, chosen, low, high)
    made._choice = (condition, a, b)
    return made


@fixed.lookup.register(Word)
def _(index: Word, table: tuple[int, ...]) -> Word:
    index.graph.claims.append(((index >= 0) & (index < len(table))).number)
    width = _bits(min(table), max(table))
    mask = (1 << width) - 1
    made = index.graph.table(tuple(each & mask for each in table), width, index.number)
    return Word(index.graph, made, min(table), max(table))
