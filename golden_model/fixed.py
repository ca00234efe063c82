"""Fixed point: one number format, and the four functions that are the only ones to drop bits.

``floor_shift``, ``round_shift``, ``saturate`` and ``wrap`` are generic. They accept NumPy integer
arrays, Python integers, and any value that has ``+ - * >> &`` and comparisons and for which
:func:`select` and :func:`lookup` are registered (``neuristor.hdl.fixed`` registers Amaranth values). The
step function of a neuron uses only these functions and operators. So the code that users run is the very
code that the proofs are about. The circuit is written independently of it, by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.units import si

__all__ = ["Format", "floor_shift", "lookup", "round_shift", "saturate", "select", "wrap"]


@dataclass(frozen=True)
class Format:
    """A signed two's-complement fixed-point format, ``SQ(int_bits, frac_bits)``.

    Parameters
    ----------
    int_bits : int
        Integer bits, including the sign bit. May be negative for numbers far below 1: ``Format(-2, 22)``
        ranges from -1/8 to almost 1/8.
    frac_bits : int
        Fraction bits, zero or more. One step of the raw integer is ``2 ** -frac_bits``.

    Raises
    ------
    TypeError
        If a bit count is not an integer.
    ValueError
        If `frac_bits` is negative, or the total is not between 2 and 48.
    """

    int_bits: int
    frac_bits: int

    def __post_init__(self) -> None:
        for name in ("int_bits", "frac_bits"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
        if self.frac_bits < 0:
            raise ValueError(f"frac_bits must not be negative, not {self.frac_bits!r}")
        if not 2 <= self.width <= 48:
            raise ValueError(f"int_bits + frac_bits must be between 2 and 48, not {self.int_bits} + {self.frac_bits}")

    @property
    def width(self) -> int:
        """Word length in bits, including the sign bit."""
        return self.int_bits + self.frac_bits

    @property
    def min_raw(self) -> int:
        """The smallest raw integer."""
        return -(1 << (self.width - 1))

    @property
    def max_raw(self) -> int:
        """The largest raw integer."""
        return (1 << (self.width - 1)) - 1

    @property
    def resolution(self) -> float:
        """The value of one raw step."""
        return 2.0**-self.frac_bits

    @property
    def min(self) -> float:
        """The smallest value."""
        return self.min_raw * self.resolution

    @property
    def max(self) -> float:
        """The largest value."""
        return self.max_raw * self.resolution

    def widened(self, largest: float) -> Format:
        """Make a format of the same width with more integer and fewer fraction bits, if a value needs them.

        Parameters
        ----------
        largest : float
            Largest size of a value that must fit.
        """
        needed = math.frexp(1.01 * largest)[1] + 1
        if needed <= self.int_bits or needed > 16:
            return self
        return Format(needed, max(self.width - needed, 0))

    def quantize(self, value: ArrayLike, name: str = "value", *, word: str = "", unit: str = "") -> NDArray[np.int64]:
        """Round to the nearest raw integer, halves up.

        Parameters
        ----------
        value : array_like of float, any shape
            Values from `min` to `max`.
        name : str
            Name of the value in error messages.
        word : str
            Name of the word in error messages.
        unit : str
            Unit of the value in error messages.

        Returns
        -------
        ndarray of int64, the shape of `value`
            Raw integers.

        Raises
        ------
        ValueError
            If a value is not finite.
        OverflowError
            If a value is outside the range of the format.
        """
        array = np.asarray(value, dtype=np.float64)
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name} must be finite, but it holds a NaN or an infinity")
        with np.errstate(over="ignore"):  # an infinity is outside the range, too
            raw = np.floor(np.ldexp(array, self.frac_bits) + 0.5)
        outside = (raw < self.min_raw) | (raw > self.max_raw)
        if np.any(outside):
            worst = float(array[outside].flat[0])
            low, high, found = (si(each, unit, 5) for each in (self.min, self.max, worst))
            word, wider = word or "word", self.widened(abs(worst))
            change = "" if wider == self else f"; {word} = [{wider.int_bits}, {self.frac_bits}] holds it"
            raise OverflowError(
                f"{name} must be between {low} and {high} with {word} = [{self.int_bits}, {self.frac_bits}], not "
                f"{found}{change}"
            )
        return raw.astype(np.int64)

    def value(self, raw: ArrayLike) -> NDArray[np.float64]:
        """The values that raw integers represent.

        Parameters
        ----------
        raw : array_like of int, any shape
            Raw integers.

        Returns
        -------
        ndarray of float, the shape of `raw`
            ``raw * 2 ** -frac_bits``.
        """
        return np.ldexp(np.asarray(raw, dtype=np.float64), -self.frac_bits)

    def __str__(self) -> str:
        return f"SQ({self.int_bits}, {self.frac_bits})"


@singledispatch
def select(condition: Any, if_true: Any, if_false: Any) -> Any:
    """``if_true`` where the condition holds, else ``if_false``.

    Parameters
    ----------
    condition : bool, ndarray of bool, or a registered hardware or solver value
        The condition.
    if_true, if_false : int, ndarray of int, or a value of that kind
        The two alternatives.

    Raises
    ------
    TypeError
        If the type of the condition is not registered.
    """
    raise TypeError(f"select has no rule for a condition of type {type(condition).__name__}")


@select.register(bool)
@select.register(np.bool_)
def _(condition: bool, if_true: Any, if_false: Any) -> Any:
    return if_true if condition else if_false


@select.register(np.ndarray)
def _(condition: NDArray[np.bool_], if_true: Any, if_false: Any) -> Any:
    return np.where(condition, if_true, if_false)


@singledispatch
def lookup(index: Any, table: tuple[int, ...]) -> Any:
    """The entry of a table of constants.

    Parameters
    ----------
    index : int, ndarray of int, or a registered hardware or solver value
        From 0 to ``len(table) - 1``.
    table : tuple of int
        The constants.

    Raises
    ------
    TypeError
        If the type of the index is not registered.
    """
    raise TypeError(f"lookup has no rule for an index of type {type(index).__name__}")


@lookup.register(int)
@lookup.register(np.integer)
def _(index: int, table: tuple[int, ...]) -> int:
    return table[index]


@lookup.register(np.ndarray)
def _(index: NDArray[np.int64], table: tuple[int, ...]) -> NDArray[np.int64]:
    return np.asarray(table, dtype=np.int64)[index]


def floor_shift(x: Any, n: int) -> Any:
    """Divide by ``2 ** n`` and round towards minus infinity.

    Parameters
    ----------
    x : int, ndarray of int, or a hardware or solver value
        The number.
    n : int
        Number of lowest bits to drop, zero or more.
    """
    return x >> n


def round_shift(x: Any, n: int) -> Any:
    """Divide by ``2 ** n`` and round to the nearest integer, halves up.

    Parameters
    ----------
    x : int, ndarray of int, or a hardware or solver value
        The number.
    n : int
        Number of lowest bits to drop, zero or more.
    """
    return (x + (1 << n >> 1)) >> n


def saturate(x: Any, low: int, high: int) -> Any:
    """Limit a number to a range.

    Parameters
    ----------
    x : int, ndarray of int, or a hardware or solver value
        The number.
    low, high : int
        Smallest and largest result.
    """
    return select(x < low, low, select(x > high, high, x))


def wrap(x: Any, width: int) -> Any:
    """Keep the lowest bits, as a signed two's-complement number.

    Parameters
    ----------
    x : int, ndarray of int, or a hardware or solver value
        The number.
    width : int
        Number of bits to keep, including the sign bit; at least 1.
    """
    half = 1 << (width - 1)
    return ((x + half) & (2 * half - 1)) - half
