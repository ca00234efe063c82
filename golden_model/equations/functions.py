"""Expressions as NumPy functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

__all__ = ["compiled"]


def _exprel(x: Any) -> Any:
    near = np.abs(x) < 1e-6
    safe = np.where(near, 1.0, x)
    return np.where(near, 1 + np.asarray(x) / 2, np.expm1(safe) / safe)


MODULES = [
    {
        "exprel": _exprel,
        "relax": lambda x: _exprel(-np.asarray(x)),
        "least": np.minimum,
        "most": np.maximum,
        "choose": np.where,
    },
    "numpy",
]
"""What the functions of expressions are in NumPy."""


def compiled(
    arguments: Sequence[Any], expressions: Sequence[Any], values: Mapping[Any, Any]
) -> Callable[..., list[Any]]:
    """A NumPy function of several expressions.

    Parameters
    ----------
    arguments : sequence of sympy.Symbol
        Arguments of the function.
    expressions : sequence of sympy.Expr
        What it computes.
    values : mapping of sympy.Symbol
        Values of the other symbols: numbers, or arrays.

    Returns
    -------
    callable
        ``function(*values)`` returns a list of arrays.
    """
    fixed = [symbol for symbol in values if any(each.has(symbol) for each in expressions)]
    made = sympy.lambdify([*arguments, *fixed], list(expressions), modules=MODULES, cse=True)
    bound = [values[symbol] for symbol in fixed]

    def function(*given: Any) -> list[Any]:
        with np.errstate(all="ignore"):
            found: list[Any] = made(*given, *bound)
        return found

    return function
