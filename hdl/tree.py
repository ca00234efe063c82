"""Circuits over all bits of a word: balanced trees, shallow and such that tools recurse into them; the lowest bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth.hdl import Cat, Value

__all__ = ["balanced", "count_ones", "lowest"]


def balanced(operator: Callable[[Value, Value], Value], values: Sequence[Value]) -> Value:
    """Combine one or more values, two by two."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return operator(balanced(operator, values[:half]), balanced(operator, values[half:]))


def count_ones(bits: Value) -> Value:
    """How many bits are set."""
    return balanced(lambda a, b: a + b, [bits[n] for n in range(len(bits))])


def lowest(value: Value) -> tuple[Value, Value]:
    """The number of the lowest bit that is set (0 if none is), and the value without that bit."""
    rest = value & (value - 1)[: len(value)]
    single = value & ~rest
    width = max(len(value) - 1, 1).bit_length()
    number = [(single & sum(1 << n for n in range(len(value)) if n >> bit & 1)).any() for bit in range(width)]
    return Cat(number), rest
