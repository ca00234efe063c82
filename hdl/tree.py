"""Circuits over all bits of a word: balanced trees of operators, and the lowest set bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth.hdl import Cat, Value

__all__ = ["balanced", "count_ones", "lowest"]


def balanced(operator: Callable[[Value, Value], Value], values: Sequence[Value]) -> Value:
    """Combine values in a balanced binary tree, whose depth is the logarithm of their number.

    Parameters
    ----------
    operator : callable
        An associative operation on two values.
    values : sequence of Value
        At least one.

    Returns
    -------
    Value
        The combination of all values.
    """
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return operator(balanced(operator, values[:half]), balanced(operator, values[half:]))


def count_ones(bits: Value) -> Value:
    """Count the bits that are set.

    Parameters
    ----------
    bits : Value
        Of any width, at least 1.

    Returns
    -------
    Value, unsigned
        The number of ones.
    """
    return balanced(lambda a, b: a + b, [bits[n] for n in range(len(bits))])


def lowest(value: Value) -> tuple[Value, Value]:
    """Find the lowest bit that is set.

    Parameters
    ----------
    value : Value
        Of any width, at least 1.

    Returns
    -------
    number : Value, unsigned
        The position of that bit; 0 if no bit is set.
    rest : Value
        The value with that bit cleared.
    """
    rest = value & (value - 1)[: len(value)]
    single = value & ~rest
    width = max(len(value) - 1, 1).bit_length()
    number = [(single & sum(1 << n for n in range(len(value)) if n >> bit & 1)).any() for bit in range(width)]
    return Cat(number), rest
