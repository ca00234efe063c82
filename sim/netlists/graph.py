"""A graph of operations on words (bit vectors), in which equal operations are one node.

The graph can be computed with Python's integers or NumPy arrays, and translated for an SMT solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import shake_128
from operator import add, and_, mul, or_, sub, xor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model import fixed

__all__ = ["Graph", "Node", "as_signed", "compute"]


class Node(NamedTuple):
    """An operation that gives one word. A node is identified by its number: its index in the graph.

    Parameters
    ----------
    op : str
        Name of the operation.
    width : int
        Width of the result, in bits.
    args : tuple of int
        Numbers of the nodes it is applied to.
    data : object
        Name of an ``input`` or ``opaque`` function, value of a ``const``, lowest bit of a ``slice``, words of a
        ``table``; None for other operations.
    """

    op: str
    width: int
    args: tuple[int, ...] = ()
    data: Any = None


def as_signed(value: int, width: int) -> int:
    """Interpret a word as a two's complement number.

    Parameters
    ----------
    value : int
        The word, unsigned.
    width : int
        Its width, in bits.

    Returns
    -------
    int
        The signed number.
    """
    return value - (1 << width) if value >> (width - 1) else value


class Graph:
    """Nodes; equal operations on equal arguments are one node.

    The methods that make a node simplify it where they can, and return its number.

    Attributes
    ----------
    nodes : list of Node
        All nodes. The arguments of a node stand before it.
    claims : list of int
        Bits that must be 1 for the words to be valid: each index of a table is less than its length.
    narrowed : dict of int to (int, bool)
        For nodes that are the lower bits of a wider node whose range allows it: the wider node, and whether the integer
        is signed.
    ranges : dict of int to (int, int)
        Smallest and largest value of the integer that a node represents.
    satisfiable : dict of tuple of int to bool or None
        For some lists of nodes of one bit, whether all can be 1 at once; None if a solver could not decide it.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.claims: list[int] = []
        self.narrowed: dict[int, tuple[int, bool]] = {}
        self.ranges: dict[int, tuple[int, int]] = {}
        self.satisfiable: dict[tuple[int, ...], bool | None] = {}
        self._numbers: dict[Node, int] = {}

    def _make(self, op: str, width: int, args: tuple[int, ...] = (), data: Any = None) -> int:
        node = Node(op, width, args, data)
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return number

    def width(self, number: int) -> int:
        """Return the width of a node.

        Parameters
        ----------
        number : int
            The node.

        Returns
        -------
        int
            Width, in bits.
        """
        return self.nodes[number].width

    def value(self, number: int) -> int | None:
        """Return the value of a constant node.

        Parameters
        ----------
        number : int
            The node.

        Returns
        -------
        int or None
            Its value, unsigned; None if it is no constant.
        """
        node = self.nodes[number]
        return int(node.data) if node.op == "const" else None

    def input(self, name: str, width: int) -> int:
        """Make a free word.

        Parameters
        ----------
        name : str
            Name of the input; equal names are one input.
        width : int
            Width, in bits.

        Returns
        -------
        int
            The node.
        """
        return self._make("input", width, (), name)

    def const(self, value: int, width: int) -> int:
        """Make a constant.

        Parameters
        ----------
        value : int
            Its value; bits beyond `width` are dropped.
        width : int
            Width, in bits.

        Returns
        -------
        int
            The node.
        """
        return self._make("const", width, (), value & ((1 << width) - 1))

    def slice(self, number: int, low: int, width: int) -> int:
        """Take some bits of a node.

        Parameters
        ----------
        number : int
            The node.
        low : int
            Lowest bit to take.
        width : int
            Number of bits.

        Returns
        -------
        int
            The node of these bits.
        """
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
        """Concatenate nodes.

        Parameters
        ----------
        parts : sequence of int
            The nodes, least significant first.

        Returns
        -------
        int
            The node of all bits.
        """
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
        """Change the width of a node: drop its upper bits, or extend it.

        Parameters
        ----------
        number : int
            The node.
        width : int
            New width, in bits.
        signed : bool
            Extend by the sign bit; else by zeros.

        Returns
        -------
        int
            The node of the new width.
        """
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
        """Apply an operation.

        Parameters
        ----------
        op : str
            The operation: ``add``, ``sub``, ``mul``, ``and``, ``or``, ``xor``, ``not``, ``mux`` (condition, value if 0,
            value if 1), ``eq``, ``ult``, ``slt``, ``any``, ``all``, ``parity``, ``shl``, ``lshr`` or ``ashr``.
        width : int
            Width of the result, in bits.
        *args : int
            Nodes of equal width, except the shift count and the condition of a ``mux``.

        Returns
        -------
        int
            The node of the result.
        """
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
        """Apply an uninterpreted function: all that is known is that equal arguments give equal values.

        Parameters
        ----------
        name : str
            Name of the function.
        width : int
            Width of the result, in bits.
        *args : int
            Its arguments.

        Returns
        -------
        int
            The node of the result.
        """
        return self._make("opaque", width, args, name)

    def table(self, words: tuple[int, ...], width: int, index: int) -> int:
        """Look up a word in a table; 0 beyond its end.

        Parameters
        ----------
        words : tuple of int
            The table, unsigned words.
        width : int
            Width of a word, in bits.
        index : int
            Node of the index, unsigned.

        Returns
        -------
        int
            The node of the word.
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
        # Store words as narrow as possible, so that tables of the same numbers are one node.
        plain = max(word.bit_length() for word in words)
        signs = [as_signed(word, width) for word in words]
        narrow = 1 + max((each if each >= 0 else ~each).bit_length() for each in signs)
        signed = narrow < max(plain, 1)
        least = narrow if signed else max(plain, 1)
        mask = (1 << least) - 1
        made = self._make("table", least, (index,), tuple(word & mask for word in words))
        return self.extended(made, width, signed)

    def cone(self, roots: Iterable[int], stop: Mapping[int, Any] | None = None) -> list[int]:
        """Return all nodes that some nodes depend on, themselves included.

        Parameters
        ----------
        roots : iterable of int
            The nodes.
        stop : mapping, optional
            Nodes whose arguments are not followed, as keys.

        Returns
        -------
        list of int
            The nodes, each after its arguments.
        """
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
        """Return the bits of inputs and opaque functions that some bits of nodes depend on.

        Parameters
        ----------
        wanted : mapping of int to int
            For each node, the mask of its bits.

        Returns
        -------
        dict of str to int
            For each input and opaque function, by name, the mask of its bits.
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
        """Compute nodes with integers.

        Parameters
        ----------
        inputs : mapping of str to int
            Values of inputs, unsigned; 0 for those that are missing.
        wanted : iterable of int
            The nodes.

        Returns
        -------
        dict of int to int
            Values, unsigned, of these nodes and all nodes they depend on.
        """
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
        """Compute nodes for many sets of inputs at once.

        Parameters
        ----------
        inputs : mapping of str to ndarray, shape (runs,)
            Values of inputs, unsigned; 0 for those that are missing. At least one input; arrays of Python's integers
            for inputs of more than 64 bits.
        wanted : iterable of int
            The nodes.

        Returns
        -------
        dict of int to ndarray, shape (runs,)
            Values, unsigned, of these nodes and all nodes they depend on; Python's integers above 64 bits.
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
    """Return the bits of each argument that the bits `mask` of a node depend on, as masks."""
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
"""Rare operations, which `compute` supports for integers only, not for arrays."""
_PLAIN = {"add": add, "sub": sub, "mul": mul, "and": and_, "or": or_, "xor": xor}


def compute(node: Node, args: Sequence[Any], widths: Sequence[int]) -> Any:
    """Compute the value of a node from the values of its arguments; all are unsigned.

    Parameters
    ----------
    node : Node
        The node; no ``input``.
    args : sequence of int, or of ndarray
        Values of the arguments. Arrays hold 64-bit words or, if the node or an argument is wider, Python's integers.
    widths : sequence of int
        Widths of the arguments, in bits.

    Returns
    -------
    int or ndarray
        The value.

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
