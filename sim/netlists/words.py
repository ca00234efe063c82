"""Words and operations on them, as a graph in which equal nodes are one.

`Word` is an integer that nobody has chosen yet: golden step functions take it as they take arrays, and what they give
is a node of the graph. The graph can be computed with Python's integers, and handed to an SMT solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import shake_128
from operator import add, and_, mul, or_, sub, xor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model import fixed

__all__ = ["Graph", "Node", "Word", "as_signed", "compute"]


class Node(NamedTuple):
    """One word: an operation on others. Its number is its place in the graph."""

    op: str
    width: int
    args: tuple[int, ...] = ()
    data: Any = None
    """Of ``input`` its name, of ``const`` its value, of ``slice`` its lowest bit, of ``table`` its words."""


def as_signed(value: int, width: int) -> int:
    """A word as a number with sign."""
    return value - (1 << width) if value >> (width - 1) else value


class Graph:
    """Nodes, each made once.

    Attributes
    ----------
    nodes : list of Node
    claims : list of int
        Bits that must be set for words to mean what they say: that a table has the entry that is looked up.
    narrowed : dict of int to (int, bool)
        Nodes that are the same integer as a wider node, by the range it is in; with or without sign.
    ranges : dict of int to (int, int)
        Where the integer is that a node stands for.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.claims: list[int] = []
        self.narrowed: dict[int, tuple[int, bool]] = {}
        self.ranges: dict[int, tuple[int, int]] = {}
        self._numbers: dict[Node, int] = {}

    def _make(self, op: str, width: int, args: tuple[int, ...] = (), data: Any = None) -> int:
        node = Node(op, width, args, data)
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return number

    def width(self, number: int) -> int:
        """Bits of a node."""
        return self.nodes[number].width

    def value(self, number: int) -> int | None:
        """The value of a constant node; None for others."""
        node = self.nodes[number]
        return int(node.data) if node.op == "const" else None

    def input(self, name: str, width: int) -> int:
        """A free word."""
        return self._make("input", width, (), name)

    def const(self, value: int, width: int) -> int:
        """A constant."""
        return self._make("const", width, (), value & ((1 << width) - 1))

    def slice(self, number: int, low: int, width: int) -> int:
        """Some bits of a node."""
        node = self.nodes[number]
        if low == 0 and width == node.width:
            return number
        if node.op == "const":
            return self.const(node.data >> low, width)
        if node.op == "slice":
            return self.slice(node.args[0], node.data + low, width)
        if node.op == "concat":
            at = 0
            for part in node.args:
                part_width = self.width(part)
                if at <= low and low + width <= at + part_width:
                    return self.slice(part, low - at, width)
                at += part_width
        if node.op == "table":
            mask = (1 << width) - 1
            return self.table(tuple(word >> low & mask for word in node.data), width, node.args[0])
        if node.op in ("sext", "zext"):
            inner = self.width(node.args[0])
            if low + width <= inner:
                return self.slice(node.args[0], low, width)
            if low == 0:
                return self._make(node.op, width, node.args)
            if node.op == "zext" and low >= inner:
                return self.const(0, width)
        return self._make("slice", width, (number,), low)

    def concat(self, parts: Sequence[int]) -> int:
        """Nodes side by side, lowest first."""
        merged: list[int] = []
        for part in parts:
            if merged:
                before, now = self.nodes[merged[-1]], self.nodes[part]
                if before.op == now.op == "const":
                    merged[-1] = self.const(before.data | now.data << before.width, before.width + now.width)
                    continue
                if (
                    before.op == now.op == "slice"
                    and before.args == now.args
                    and before.data + before.width == now.data
                ):
                    merged[-1] = self.slice(before.args[0], before.data, before.width + now.width)
                    continue
            merged.append(part)
        if len(merged) == 1:
            return merged[0]
        top = self.nodes[merged[-1]]
        if top.op == "const" and top.data == 0:
            lower = self.concat(merged[:-1])
            return self._make("zext", self.width(lower) + top.width, (lower,))
        return self._make("concat", sum(map(self.width, merged)), tuple(merged))

    def extended(self, number: int, width: int, signed: bool) -> int:
        """A node with another width: cut, or extended by its sign or zeros."""
        node = self.nodes[number]
        if width <= node.width:
            return self.slice(number, 0, width)
        if node.op == "const":
            return self.const(as_signed(node.data, node.width) if signed else node.data, width)
        if node.op == "sext" and signed:
            return self._make("sext", width, node.args)
        if node.op == "zext":
            return self._make("zext", width, node.args)
        return self._make("sext" if signed else "zext", width, (number,))

    def op(self, op: str, width: int, *args: int) -> int:
        """An operation on nodes of equal width (but for shifts and selections)."""
        nodes = [self.nodes[arg] for arg in args]
        if all(node.op == "const" for node in nodes):
            value = compute(Node(op, width, args), [node.data for node in nodes], [node.width for node in nodes])
            return self.const(value, width)
        if op == "mux":
            _, low, high = args
            if nodes[0].op == "const":
                return high if nodes[0].data else low
            if low == high:
                return low
        if op in ("and", "or", "xor", "add", "mul", "eq") and args[0] > args[1]:
            args, nodes = (args[1], args[0]), [nodes[1], nodes[0]]
        if op in ("and", "or", "xor", "add", "sub"):
            for this, other in ((0, 1), (1, 0)):
                if nodes[this].op != "const":
                    continue
                value, ones = nodes[this].data, (1 << width) - 1
                if value == 0:
                    if op == "and":
                        return self.const(0, width)
                    if op != "sub" or this == 1:
                        return args[other]
                elif value == ones and op in ("and", "or"):
                    return args[other] if op == "and" else self.const(ones, width)
            if args[0] == args[1]:
                return (
                    args[0]
                    if op in ("and", "or")
                    else self._make(op, width, args)
                    if op == "add"
                    else self.const(0, width)
                )
        if op in ("any", "all") and nodes[0].width == 1:
            return args[0]
        if op == "not" and nodes[0].op == "not":
            return nodes[0].args[0]
        if op == "eq" and args[0] == args[1]:
            return self.const(1, 1)
        if op in ("shl", "lshr", "ashr") and nodes[1].op == "const":
            by = min(nodes[1].data, width)
            if by == 0:
                return args[0]
            if op == "shl":
                return (
                    self.concat([self.const(0, by), self.slice(args[0], 0, width - by)])
                    if by < width
                    else self.const(0, width)
                )
            if by < width:
                return self.extended(self.slice(args[0], by, width - by), width, op == "ashr")
            return (
                self.const(0, width) if op == "lshr" else self.extended(self.slice(args[0], width - 1, 1), width, True)
            )
        return self._make(op, width, args)

    def opaque(self, name: str, width: int, *args: int) -> int:
        """A function of which nothing is known but that equal arguments give equal values."""
        return self._make("opaque", width, args, name)

    def table(self, words: tuple[int, ...], width: int, index: int) -> int:
        """A word of a table; 0 beyond its end.

        Parameters
        ----------
        words : tuple of int
            Without sign.
        width, index : int
        """
        known = self.value(index)
        if known is not None:
            return self.const(words[known] if known < len(words) else 0, width)
        bits = max(1, (len(words) - 1).bit_length())
        if self.width(index) > bits:
            high = self.op("any", 1, self.slice(index, bits, self.width(index) - bits))
            return self.op(
                "mux", width, high, self.table(words, width, self.slice(index, 0, bits)), self.const(0, width)
            )
        words = (words + (0,) * (1 << self.width(index)))[: 1 << self.width(index)]
        # The narrowest words that do: tables of the same numbers are then the same.
        plain = max(word.bit_length() for word in words)
        signs = [as_signed(word, width) for word in words]
        narrow = 1 + max((each if each >= 0 else ~each).bit_length() for each in signs)
        signed = narrow < max(plain, 1)
        least = narrow if signed else max(plain, 1)
        mask = (1 << least) - 1
        made = self._make("table", least, (index,), tuple(word & mask for word in words))
        return self.extended(made, width, signed)

    def cone(self, roots: Iterable[int], stop: Mapping[int, Any] | None = None) -> list[int]:
        """All that `roots` depend on, in order; not beyond the nodes of `stop`."""
        stop = stop or {}
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                if number not in stop:
                    waiting += self.nodes[number].args
        return sorted(seen)

    def needed(self, wanted: Mapping[int, int]) -> dict[str, int]:
        """Which bits of inputs, and of unknown functions, some bits of nodes depend on.

        Parameters
        ----------
        wanted : mapping of int to int
            Nodes, and which of their bits: a mask.

        Returns
        -------
        dict of str to int
            Masks, by name.
        """
        masks = dict(wanted)
        found: dict[str, int] = {}
        for number in reversed(self.cone(wanted)):
            node, mask = self.nodes[number], masks.get(number, 0)
            if not mask:
                continue
            if node.op in ("input", "opaque"):
                found[node.data] = found.get(node.data, 0) | mask
            widths = [self.width(arg) for arg in node.args]
            for arg, bits in zip(node.args, _asked(node, mask, widths), strict=True):
                masks[arg] = masks.get(arg, 0) | bits
        return found

    def compute(self, inputs: Mapping[str, int], wanted: Iterable[int]) -> dict[int, int]:
        """The values of nodes; an input that is not given is 0."""
        values: dict[int, int] = {}
        for number in self.cone(wanted):
            node = self.nodes[number]
            if node.op == "input":
                values[number] = inputs.get(node.data, 0)
            else:
                widths = [self.nodes[arg].width for arg in node.args]
                values[number] = compute(node, [values[arg] for arg in node.args], widths)
        return values

    def compute_many(self, inputs: Mapping[str, NDArray[Any]], wanted: Iterable[int]) -> dict[int, NDArray[Any]]:
        """The values of nodes in many runs at once; an input that is not given is 0.

        Parameters
        ----------
        inputs : mapping of str to ndarray, shape (runs,)
            Words without sign; of Python's integers where they have more than 64 bits. One at least.
        wanted : iterable of int

        Returns
        -------
        dict of int to ndarray, shape (runs,)
            Of all nodes they depend on.
        """
        runs = len(next(iter(inputs.values())))
        values: dict[int, NDArray[Any]] = {}
        for number in self.cone(wanted):
            node = self.nodes[number]
            widths = [self.nodes[arg].width for arg in node.args]
            args = [values[arg] for arg in node.args]
            if max(node.width, *widths, 0) > 64:
                args = [arg.astype(object) for arg in args]
            if node.op == "input":
                found = inputs.get(node.data, np.zeros(runs, dtype=np.uint64))
            elif node.op == "const":
                found = np.full(runs, node.data, dtype=object)
            elif node.op in _SINGLY:
                singly = [compute(node, [int(each) for each in some], widths) for some in zip(*args, strict=True)]
                found = np.array(singly, dtype=object)
            else:
                found = compute(node, args, widths)
            values[number] = found.astype(np.uint64 if node.width <= 64 else object, copy=False)
        return values


def _asked(node: Node, mask: int, widths: Sequence[int]) -> list[int]:
    """Which bits of its arguments some bits of a node depend on."""
    whole = [(1 << width) - 1 for width in widths]
    match node.op:
        case "slice":
            return [mask << node.data]
        case "concat":
            made, low = [], 0
            for width, ones in zip(widths, whole, strict=True):
                made.append(mask >> low & ones)
                low += width
            return made
        case "and" | "or" | "xor" | "not":
            return [mask for _ in widths]
        case "mux":
            return [1, mask, mask]
        case "add" | "sub" | "mul":
            return [ones & (1 << mask.bit_length()) - 1 for ones in whole]
        case "zext":
            return [mask & whole[0]]
        case "sext":
            above = mask >> widths[0]
            return [mask & whole[0] | (1 << widths[0] - 1 if above else 0)]
    return whole


_SINGLY = ("parity", "shl", "lshr", "ashr", "opaque")


"""Rare operations, which `compute` knows for integers only."""
_PLAIN = {"add": add, "sub": sub, "mul": mul, "and": and_, "or": or_, "xor": xor}


def compute(node: Node, args: Sequence[Any], widths: Sequence[int]) -> Any:
    """The value of a node, from those of its arguments, all without sign.

    Parameters
    ----------
    node : Node
    args : sequence of int, or of ndarray
        Arrays of 64-bit words or, where one has more bits, of Python's integers.
    widths : sequence of int
        Of the arguments.

    Raises
    ------
    ValueError
        If there is no such operation.
    """
    op, width = node.op, node.width
    mask = (1 << width) - 1
    match op:
        case "const":
            return int(node.data)
        case "slice":
            return args[0] >> int(node.data) & mask
        case "concat":
            value, at = args[0], widths[0]
            for part, part_width in zip(args[1:], widths[1:], strict=True):
                value, at = value | part << at, at + part_width
            return value
        case "zext":
            return args[0]
        case "sext":
            half = 1 << widths[0] - 1
            return (args[0] ^ half) - half & mask
        case "add" | "sub" | "mul" | "and" | "or" | "xor":
            return _PLAIN[op](args[0], args[1]) & mask
        case "not":
            return args[0] ^ mask
        case "mux":
            return fixed.select(args[0] != 0, args[2], args[1])
        case "eq":
            return (args[0] == args[1]) & 1
        case "ult":
            return (args[0] < args[1]) & 1
        case "slt":
            half = 1 << widths[0] - 1
            return ((args[0] ^ half) < (args[1] ^ half)) & 1
        case "any":
            return (args[0] != 0) & 1
        case "all":
            return (args[0] == (1 << widths[0]) - 1) & 1
        case "parity":
            return args[0].bit_count() & 1
        case "shl":
            return args[0] << args[1] & mask if args[1] < width else 0
        case "lshr":
            return args[0] >> args[1] if args[1] < width else 0
        case "ashr":
            return as_signed(args[0], width) >> min(args[1], width) & mask
        case "opaque":
            text = f"{node.data}{tuple(args)}".encode()
            return int.from_bytes(shake_128(text).digest(-(-width // 8)), "little") & mask
        case "table":
            return fixed.lookup(args[0], node.data)
    raise ValueError(f"there is no operation {op!r}")


class Word:
    """An integer that is not chosen: a node of a graph, and the least and the largest value it can have.

    Its arithmetic is that of Python's integers: results have all the bits they need, and no more.

    Parameters
    ----------
    graph : Graph
    number : int
        Of the node.
    low, high : int
        Where it is; with a sign if `low` is negative.
    """

    __slots__ = ("_choice", "_condition", "graph", "high", "low", "number")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, number: int, low: int, high: int) -> None:
        self.graph, self.low, self.high = graph, low, high
        width = _bits(low, high)
        self.number = graph.extended(number, width, low < 0)
        if width < graph.width(number) and graph.nodes[self.number].op != "const":
            graph.narrowed[self.number] = (number, low < 0)
        for each in (number, self.number):
            graph.ranges.setdefault(each, (low, high))
        # Of a comparison with a constant: which node, and its range if it holds, and if not.
        self._condition: tuple[int, tuple[int, int], tuple[int, int]] | None = None
        # Of a selection: condition and both words.
        self._choice: tuple[Word, Word, Word] | None = None

    @classmethod
    def of(cls, graph: Graph, number: int, signed: bool) -> Word:
        """A node that can be anything."""
        width = graph.width(number)
        return (
            cls(graph, number, -(1 << width - 1), (1 << width - 1) - 1)
            if signed
            else cls(graph, number, 0, (1 << width) - 1)
        )

    @property
    def signed(self) -> bool:
        """Whether it can be negative."""
        return self.low < 0

    @property
    def width(self) -> int:
        """Its bits."""
        return self.graph.width(self.number)

    def to(self, width: int) -> int:
        """The node of the same integer with another width."""
        return self.graph.extended(self.number, width, self.signed)

    def _other(self, value: Any) -> Word:
        if isinstance(value, Word):
            return value
        value = int(value)
        return Word(self.graph, self.graph.const(value, _bits(value, value)), value, value)

    def _apply(self, op: str, low: int, high: int, *words: Word) -> Word:
        """An operation whose result is in a range, in words that are wide enough for all."""
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
        # A product of full width, so that products can be told apart by their factors alone.
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
            made._condition = (word.number, no, yes) if invert else (word.number, yes, no)
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

    def _within(self, number: int, limits: tuple[int, int]) -> tuple[int, int] | None:
        """Where the word can be while a node is within limits; None if it cannot be."""
        if self.number == number:
            low, high = max(self.low, limits[0]), min(self.high, limits[1])
        elif self._choice is not None and (known := self._choice[0]._condition) and known[0] == number:
            _, yes, no = self._choice
            ranges = []
            for word, own in ((yes, known[1]), (no, known[2])):
                both = max(limits[0], own[0]), min(limits[1], own[1])
                if both[0] <= both[1] and (found := word._within(number, both)) is not None:
                    ranges.append(found)
            if not ranges:
                return None
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        else:
            return self.low, self.high
        return (low, high) if low <= high else None


def _bits(low: int, high: int) -> int:
    """Bits of a word that can be anything from `low` to `high`, with a sign if `low` is negative."""
    if low < 0:
        return 1 + max((~low).bit_length(), high.bit_length() if high > 0 else 0)
    return max(1, high.bit_length())


@fixed.select.register(Word)
def _(condition: Word, yes: Any, no: Any) -> Word:
    a, b = condition._other(yes), condition._other(no)
    ranges = [(a.low, a.high), (b.low, b.high)]
    if condition._condition is not None:
        node, if_yes, if_no = condition._condition
        found = [a._within(node, if_yes), b._within(node, if_no)]
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
