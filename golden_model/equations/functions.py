"""Expressions as NumPy functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

__all__ = ["compiled", "exponentials"]

TERMS = 14
"""Terms of the series of a scaled matrix: the next one is below 2**-53 with a norm of a half."""


def _exprel(x: Any) -> Any:
    near = np.abs(x) < 1e-6
    safe = np.where(near, 1.0, x)
    return np.where(near, 1 + np.asarray(x) / 2, np.expm1(safe) / safe)


def exponentials(matrices: Any) -> Any:
    """Exponentials of many small matrices at once, by scaling, a Taylor series, and squaring.

    SciPy's ``expm`` takes one after the other, a hundred times as long for thousands of them.

    Parameters
    ----------
    matrices : ndarray of float, shape (..., n, n)
        The matrices.

    Returns
    -------
    ndarray of float, same shape
        The exponential of each.

    References
    ----------
    C. Moler and C. Van Loan, "Nineteen dubious ways to compute the exponential of a matrix", SIAM Review 45, 2003,
    method 3.
    """
    norm = np.abs(matrices).sum(axis=-1).max(axis=-1, initial=0.0)
    finite = np.isfinite(norm)
    squarings = np.ceil(np.log2(np.where(finite, norm, 0.0).clip(0.5))) + 1
    scaled = np.where(finite, 2.0**-squarings, np.nan)[..., None, None] * matrices
    one = np.eye(matrices.shape[-1])
    made = np.broadcast_to(one, matrices.shape)
    for k in range(TERMS, 0, -1):
        made = one + scaled @ made / k
    for n in range(int(squarings.max(initial=0))):
        made = np.where((n < squarings)[..., None, None], made @ made, made)
    return made


class _Propagator:
    """Entries of matrix exponentials; the last ones are kept, since each of their entries is asked for."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}

    def __call__(self, integral: int, row: int, column: int, n: int, *values: Any) -> Any:
        arrays = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in values))
        key = b"".join((bytes([n]), *(each.tobytes() for each in arrays), repr(arrays[0].shape).encode()))
        if key not in self._known:
            if len(self._known) > 16:
                self._known.clear()
            matrix = np.stack(arrays[:-1], axis=-1).reshape(*arrays[0].shape, n, n)
            time = arrays[-1][..., None, None]
            # exp of ((A, 1), (0, 0)) has the integral of exp(A s) beside exp(A).
            whole = np.zeros((*arrays[0].shape, 2 * n, 2 * n))
            whole[..., :n, :n] = matrix * time
            whole[..., :n, n:] = np.eye(n) * time
            self._known[key] = exponentials(whole)
        found = self._known[key][..., row, column + n * integral]
        return found - 1 if row == column and not integral else found


MODULES = [
    {
        "propagate": _Propagator(),
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
