"""Intervals of expressions, from the ranges of their symbols."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from neuristor.golden_model.equations.expressions import EquationError, choose, least, most, propagate
from neuristor.golden_model.equations.functions import compiled

__all__ = ["CASES", "Interval", "interval", "over"]

Interval = tuple[float, float]
CASES = 64
"""Most combinations of discrete values that are taken one by one."""
SAMPLES = 4097
"""Points at which a function of one variable is evaluated; its extrema between them are found by a parabola."""


def over(function: Any, low: float, high: float) -> Interval:
    """Lowest and highest value of a function over an interval.

    Parameters
    ----------
    function : callable
        From an array to an array.
    low, high : float
        Ends of the interval.

    Returns
    -------
    low, high : float
        NaN if the function is not finite everywhere.
    """
    x = np.linspace(low, high, SAMPLES if high > low else 1)
    y = np.broadcast_to(np.asarray(function(x), dtype=np.float64), x.shape)
    if not np.isfinite(y).all():
        return math.nan, math.nan
    found = []
    for sign in (-1.0, 1.0):
        k = int(np.argmax(sign * y))
        best = sign * y[k]
        if 0 < k < len(y) - 1:  # the vertex of the parabola through three points
            a, b, c = sign * y[k - 1 : k + 2]
            bend = a - 2 * b + c
            best = max(best, b - (a - c) ** 2 / (8 * bend) if bend < 0 else b)
        found.append(sign * best)
    return float(found[0]), float(found[1])


def interval(
    expression: Any, ranges: Mapping[Any, Interval], where: str, values: Mapping[Any, tuple[int, ...]] | None = None
) -> Interval:
    """An interval that contains all values of an expression.

    Parameters
    ----------
    expression : sympy.Expr
        The expression, with numbers for all parameters.
    ranges : mapping of sympy.Symbol to (float, float)
        Ranges of its symbols.
    where : str
        What it is part of, for messages.
    values : mapping of sympy.Symbol to tuple of int, optional
        All values of discrete symbols that have few.

    Returns
    -------
    low, high : float
        The interval.

    Raises
    ------
    EquationError
        If the expression is not finite for all values, such as a division by zero.
    """
    return _Intervals(ranges, where, values or {}).of(expression)


class _Intervals:
    def __init__(self, ranges: Mapping[Any, Interval], where: str, values: Mapping[Any, tuple[int, ...]]) -> None:
        self.ranges, self.where, self.values = ranges, where, values
        self.known: dict[Any, Interval] = {}

    def of(self, e: Any) -> Interval:
        if e not in self.known:
            low, high = self._of(e)
            if not (math.isfinite(low) and math.isfinite(high)):
                raise EquationError(f"{self.where}: {self._shown(e)} is not finite where {self._where(e)}")
            self.known[e] = low, high
        return self.known[e]

    @staticmethod
    def _shown(e: Any) -> str:
        text = str(e)
        return repr(text if len(text) < 60 else text[:57] + "...")

    def _where(self, e: Any) -> str:
        parts = [
            f"{symbol} is from {self.ranges[symbol][0]:.4g} to {self.ranges[symbol][1]:.4g}"
            for symbol in sorted(e.free_symbols & set(self.ranges), key=str)[:3]
        ]
        return " and ".join(parts) or "it is evaluated"

    def _of(self, e: Any) -> Interval:
        if e.is_Symbol:
            return self.ranges[e]
        if e.is_number:
            value = float(compiled([], [e], {})()[0] if e.has(propagate) else e)
            return value, value
        free = e.free_symbols
        finite = free & set(self.values)
        if finite and (isinstance(e, propagate) or len(free - finite) == 1) and self._combinations(finite) <= CASES:
            return self._by_cases(e, finite)
        if len(free) == 1 and not e.has(choose):
            (symbol,) = free
            function = compiled([symbol], [e], {})
            return over(lambda x: function(x)[0], *self.ranges[symbol])
        if e.is_Add:
            parts = [self.of(each) for each in self._joined(e)]
            return sum(low for low, _ in parts), sum(high for _, high in parts)
        if e.is_Mul:
            low, high = 1.0, 1.0
            for each in self._joined(e):
                a, b = self.of(each)
                corners = (low * a, low * b, high * a, high * b)
                low, high = min(corners), max(corners)
            return low, high
        if e.is_Pow:
            return self._power(e)
        if isinstance(e, (least, most)):
            (a, b), (c, d) = (self.of(each) for each in e.args)
            return (min(a, c), min(b, d)) if isinstance(e, least) else (max(a, c), max(b, d))
        if isinstance(e, choose):
            (a, b), (c, d) = (self.of(each) for each in e.args[1:])
            return min(a, c), max(b, d)
        (argument,) = e.args
        low, high = self.of(argument)
        x = sympy.Dummy("x", real=True)
        function = compiled([x], [e.func(x)], {})
        return over(lambda values: function(values)[0], low, high)

    def _combinations(self, symbols: set[Any]) -> int:
        return math.prod(len(self.values[each]) for each in symbols)

    def _by_cases(self, e: Any, finite: set[Any]) -> Interval:
        """The interval for each value of a discrete symbol, joined."""
        symbol = min(finite, key=str)
        found = [self.of(e.xreplace({symbol: sympy.Integer(value)})) for value in self.values[symbol]]
        return min(low for low, _ in found), max(high for _, high in found)

    @staticmethod
    def _joined(e: Any) -> list[Any]:
        """The terms or factors of an expression, with those of one and the same variable as one."""
        groups: dict[Any, list[Any]] = {}
        for each in e.args:
            alone = len(each.free_symbols) == 1 and not each.has(choose)
            groups.setdefault(next(iter(each.free_symbols)) if alone else each, []).append(each)
        return [e.func(*members) for members in groups.values()]

    def _power(self, e: Any) -> Interval:
        low, high = self.of(e.base)
        power = float(e.exp)
        if power == int(power):
            n = int(power)
            if n < 0 and low <= 0 <= high:
                raise EquationError(
                    f"{self.where}: division by zero: {self._shown(e.base)} is from {low:.4g} to {high:.4g} where "
                    f"{self._where(e.base)}"
                )
            ends = sorted((low**n, high**n))
            return (0.0, ends[1]) if n > 0 and n % 2 == 0 and low <= 0 <= high else (ends[0], ends[1])
        if low < 0 or (low == 0 and power < 0):
            raise EquationError(
                f"{self.where}: a root of {self._shown(e.base)}, which is from {low:.4g} to {high:.4g} where "
                f"{self._where(e.base)}"
            )
        ends = sorted((low**power, high**power))
        return ends[0], ends[1]
