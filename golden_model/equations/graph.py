"""One tick as a graph of integer operations: the specification that the golden step and the circuit share.

Every node is an integer with a known range, or a truth value. The operations are few: constants, the state, parameters
and input of a neuron, sums, products, shifts, comparisons, selections and tables. What loses bits is a shift with a
rounding, or a clamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["Graph", "Node", "Operation"]


class Operation(NamedTuple):
    """An operation on the nodes before it.

    Parameters
    ----------
    name : str
        ``const``, ``state``, ``param``, ``drive``, ``add``, ``sub``, ``mul``, ``shl``, ``shr`` (floor), ``round`` (to
        the nearest, halves up), ``low`` (lowest bits), ``clamp``, ``outside`` (whether it clamps), ``lt``, ``eq``,
        ``and``, ``or``, ``select``, ``table``, ``advance`` (next state of the noise) or ``draw`` (sum of its bytes).
    args : tuple of int
        Numbers of the nodes.
    data : int, str or (int, int), optional
        Value of a constant, name of an input or of a table, number of bits, or range of a clamp.
    """

    name: str
    args: tuple[int, ...]
    data: Any = None


class Node(NamedTuple):
    """A node of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    number : int
        Its number.
    """

    graph: Graph
    number: int

    @property
    def low(self) -> int:
        """Smallest value."""
        return self.graph.ranges[self.number][0]

    @property
    def high(self) -> int:
        """Largest value."""
        return self.graph.ranges[self.number][1]

    @property
    def size(self) -> int:
        """Largest absolute value."""
        return max(abs(self.low), abs(self.high))

    @property
    def width(self) -> int:
        """Bits of the value, with its sign."""
        return bits(self.low, self.high)

    @property
    def constant(self) -> int | None:
        """Its value, if it has only one."""
        return self.low if self.low == self.high else None


def bits(low: int, high: int) -> int:
    """Bits of a word with values from `low` to `high`, with a sign if `low` is negative.

    Parameters
    ----------
    low, high : int
        Smallest and largest value.
    """
    if low < 0:
        return 1 + max((~low).bit_length(), high.bit_length() if high > 0 else 0)
    return max(1, high.bit_length())


class Graph:
    """The operations of a tick, in an order in which each one follows its arguments.

    Attributes
    ----------
    operations : list of Operation
        The operations, by number.
    ranges : list of (int, int)
        Smallest and largest value of each.
    names : dict of int to str
        Names from the equations.
    tables : dict of str to tuple of int
        Entries of each table.
    results : dict of str to int
        Node of each word after the tick, of ``spike``, and of ``saturated``.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.ranges: list[tuple[int, int]] = []
        self.names: dict[int, str] = {}
        self.tables: dict[str, tuple[int, ...]] = {}
        self.results: dict[str, int] = {}
        self._known: dict[Operation, int] = {}

    def _node(self, name: str, args: Iterable[Node], data: Any, low: int, high: int) -> Node:
        operation = Operation(name, tuple(each.number for each in args), data)
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
            self.ranges.append((low, high))
        return Node(self, self._known[operation])

    def named(self, node: Node, name: str) -> Node:
        """Name a node, unless it has a name.

        Parameters
        ----------
        node : Node
            The node.
        name : str
            Its name in the equations.
        """
        if self.operations[node.number].name not in ("const", "state", "param", "drive"):
            self.names.setdefault(node.number, name)
        return node

    def const(self, value: int) -> Node:
        """A constant.

        Parameters
        ----------
        value : int
            Its value.
        """
        return self._node("const", (), int(value), int(value), int(value))

    def given(self, kind: str, name: str, low: int, high: int) -> Node:
        """A state, a parameter of the neuron, or its input.

        Parameters
        ----------
        kind : {"state", "param", "drive"}
            What it is.
        name : str
            Its name.
        low, high : int
            Smallest and largest value.
        """
        return self._node(kind, (), name, low, high)

    def add(self, a: Node, b: Node) -> Node:
        """The sum.

        Parameters
        ----------
        a, b : Node
            What is added.
        """
        if a.constant is not None and b.constant is not None:
            return self.const(a.constant + b.constant)
        if a.constant == 0 or b.constant == 0:
            return b if a.constant == 0 else a
        for x, y in ((a, b), (b, a)):
            if (minus := self._negated(y)) is not None:
                return self.sub(x, minus)
        return self._node("add", (a, b), None, a.low + b.low, a.high + b.high)

    def sub(self, a: Node, b: Node) -> Node:
        """The difference.

        Parameters
        ----------
        a, b : Node
            `b` is subtracted from `a`.
        """
        if a.constant is not None and b.constant is not None:
            return self.const(a.constant - b.constant)
        if b.constant == 0:
            return a
        if a.number == b.number:
            return self.const(0)
        if a.constant != 0 and (minus := self._negated(b)) is not None:
            return self.add(a, minus)
        if b.constant is not None and b.constant < 0:
            return self.add(a, self.const(-b.constant))
        return self._node("sub", (a, b), None, a.low - b.high, a.high - b.low)

    def _negated(self, a: Node) -> Node | None:
        """What a node is the negative of, if it is."""
        name, args, _ = self.operations[a.number]
        return Node(self, args[1]) if name == "sub" and Node(self, args[0]).constant == 0 else None

    def mul(self, a: Node, b: Node) -> Node:
        """The product.

        Parameters
        ----------
        a, b : Node
            Factors.
        """
        for x, y in ((a, b), (b, a)):
            if x.constant is not None:
                if y.constant is not None:
                    return self.const(x.constant * y.constant)
                if x.constant == 0:
                    return self.const(0)
                if x.constant > 0 and x.constant & (x.constant - 1) == 0:
                    return self.shl(y, x.constant.bit_length() - 1)
                if x.constant < 0 and -x.constant & (-x.constant - 1) == 0:
                    return self.sub(self.const(0), self.shl(y, (-x.constant).bit_length() - 1))
        a, b = sorted((a, b), key=lambda each: each.number)
        corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        low = 0 if a.number == b.number and a.low <= 0 <= a.high else min(corners)
        if a.number == b.number and low > 0:
            low = min(a.low * a.low, a.high * a.high)
        return self._node("mul", (a, b), None, max(low, 0) if a.number == b.number else low, max(corners))

    def shl(self, a: Node, count: int) -> Node:
        """The value times a power of two.

        Parameters
        ----------
        a : Node
            The value.
        count : int
            The exponent; if negative, the value is divided and rounded to the nearest.
        """
        if count < 0:
            return self.round(a, -count)
        if count == 0:
            return a
        if a.constant is not None:
            return self.const(a.constant << count)
        if self.operations[a.number].name == "shl":
            return self.shl(Node(self, self.operations[a.number].args[0]), count + self.operations[a.number].data)
        return self._node("shl", (a,), count, a.low << count, a.high << count)

    def shr(self, a: Node, count: int) -> Node:
        """The value divided by a power of two, rounded down.

        Parameters
        ----------
        a : Node
            The value.
        count : int
            The exponent, 0 or more.
        """
        if count == 0:
            return a
        if a.constant is not None:
            return self.const(a.constant >> count)
        return self._node("shr", (a,), count, a.low >> count, a.high >> count)

    def round(self, a: Node, count: int) -> Node:
        """The value divided by a power of two, rounded to the nearest, halves up.

        Parameters
        ----------
        a : Node
            The value.
        count : int
            The exponent, 0 or more.
        """
        if count == 0:
            return a
        half = 1 << count >> 1
        if a.constant is not None:
            return self.const((a.constant + half) >> count)
        if self.operations[a.number].name == "shl" and self.operations[a.number].data >= count:
            return self.shl(Node(self, self.operations[a.number].args[0]), self.operations[a.number].data - count)
        return self._node("round", (a,), count, (a.low + half) >> count, (a.high + half) >> count)

    def low_bits(self, a: Node, count: int) -> Node:
        """The lowest bits of a value that is not negative.

        Parameters
        ----------
        a : Node
            The value.
        count : int
            Number of bits.

        Raises
        ------
        ValueError
            If the value can be negative.
        """
        if a.low < 0:
            raise ValueError(f"a must not be negative, but it is at least {a.low}")
        if a.high < 1 << count:
            return a
        return self._node("low", (a,), count, 0, (1 << count) - 1)

    def less(self, a: Node, b: Node) -> Node:
        """Whether a value is below another.

        Parameters
        ----------
        a, b : Node
            The values.
        """
        if a.high < b.low or a.low >= b.high:
            return self.const(int(a.high < b.low))
        return self._node("lt", (a, b), None, 0, 1)

    def equal(self, a: Node, b: Node) -> Node:
        """Whether two values are equal.

        Parameters
        ----------
        a, b : Node
            The values.
        """
        if a.constant is not None and a.constant == b.constant:
            return self.const(1)
        if a.high < b.low or b.high < a.low:
            return self.const(0)
        return self._node("eq", tuple(sorted((a, b), key=lambda each: each.number)), None, 0, 1)

    def both(self, a: Node, b: Node) -> Node:
        """Whether both truth values hold.

        Parameters
        ----------
        a, b : Node
            Truth values.
        """
        for x, y in ((a, b), (b, a)):
            if x.constant is not None:
                return y if x.constant else self.const(0)
        return a if a.number == b.number else self._node("and", (a, b), None, 0, 1)

    def either(self, a: Node, b: Node) -> Node:
        """Whether one of two truth values holds.

        Parameters
        ----------
        a, b : Node
            Truth values.
        """
        for x, y in ((a, b), (b, a)):
            if x.constant is not None:
                return self.const(1) if x.constant else y
        return a if a.number == b.number else self._node("or", (a, b), None, 0, 1)

    def select(self, condition: Node, yes: Node, no: Node) -> Node:
        """One of two values.

        Parameters
        ----------
        condition : Node
            A truth value.
        yes, no : Node
            The value if it holds, and if not.
        """
        if condition.constant is not None:
            return yes if condition.constant else no
        if yes.number == no.number:
            return yes
        return self._node("select", (condition, yes, no), None, min(yes.low, no.low), max(yes.high, no.high))

    def clamp(self, a: Node, low: int, high: int) -> tuple[Node, Node]:
        """A value limited to a range, and whether it was outside.

        Parameters
        ----------
        a : Node
            The value.
        low, high : int
            Smallest and largest result.

        Returns
        -------
        clamped, outside : Node
            The result, and a truth value.
        """
        if low <= a.low and a.high <= high:
            return a, self.const(0)
        clamped = self._node("clamp", (a,), (low, high), max(low, min(a.low, high)), min(high, max(a.high, low)))
        return clamped, self._node("outside", (a,), (low, high), 0, 1)

    def table(self, name: str, index: Node, entries: Iterable[int]) -> Node:
        """An entry of a table.

        Parameters
        ----------
        name : str
            Name of the table; the same name always has the same entries.
        index : Node
            Number of the entry, within the table.
        entries : iterable of int
            The entries.

        Raises
        ------
        ValueError
            If the index can be outside, or a table of this name has other entries.
        """
        row = tuple(int(each) for each in entries)
        if index.low < 0 or index.high >= len(row):
            raise ValueError(f"{name} has {len(row)} entries, but its index is from {index.low} to {index.high}")
        if self.tables.setdefault(name, row) != row:
            raise ValueError(f"there are two tables {name}")
        reached = row[index.low : index.high + 1]
        return self._node("table", (index,), name, min(reached), max(reached))

    def advance(self, state: Node) -> Node:
        """The next state of the generator of random numbers.

        Parameters
        ----------
        state : Node
            Its state.
        """
        return self._node("advance", (state,), None, 1, (1 << 32) - 1)

    def draw(self, state: Node) -> Node:
        """A random number of a bell-shaped distribution.

        Parameters
        ----------
        state : Node
            State of the generator.
        """
        return self._node("draw", (state,), None, -510, 510)

    def within(self, node: Node, low: int, high: int) -> Node:
        """A node, with what is known of its range besides its operation.

        Parameters
        ----------
        node : Node
            The node.
        low, high : int
            Its lowest and highest value.
        """
        self.ranges[node.number] = (low, high)
        return node

    def needed(self) -> list[int]:
        """The nodes on which results depend, in order."""
        wanted, waiting = set(), list(self.results.values())
        while waiting:
            number = waiting.pop()
            if number not in wanted:
                wanted.add(number)
                waiting += self.operations[number].args
        return sorted(wanted)

    def __iter__(self) -> Iterator[Node]:
        return (Node(self, number) for number in self.needed())
