"""Balanced trees of operators: shallow circuits, and expressions that tools can recurse into."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth.hdl import Value

__all__ = ["balanced", "count_ones"]


def balanced(operator: Callable[[Value, Value], Value], values: Sequence[Value]) -> Value:
    """Combine one or more values, two by two."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return operator(balanced(operator, values[:half]), balanced(operator, values[half:]))


def count_ones(bits: Value) -> Value:
    """How many bits are set."""
    return balanced(lambda a, b: a + b, [bits[n] for n in range(len(bits))])
