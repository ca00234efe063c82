"""Numbers with units, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from quantiphy import Quantity

__all__ = ["Figure", "counted", "other_prefix", "si"]


class Figure(str):
    """A number as text, such as ``44.4 uA``, that still knows its value.

    Parameters
    ----------
    text : str
        The text.
    value : float
        The number, in `unit`.
    unit : str
        Its unit; empty if it has none.
    """

    __slots__ = ("unit", "value")
    value: float
    unit: str

    def __new__(cls, text: str, value: float, unit: str = "") -> Self:
        made = super().__new__(cls, text)
        made.value, made.unit = value, unit
        return made


def si(value: float, unit: str = "", digits: int = 4) -> Figure:
    """A number with an SI prefix and its unit, such as ``44.4 uA``.

    Parameters
    ----------
    value : float
        In the SI unit.
    unit : str
        The unit, such as ``A`` or ``ohm``.
    digits : int
        Significant digits.
    """
    return Figure(Quantity(float(value), units=unit).render(prec=digits - 1), float(value), unit)


def other_prefix(value: float, unit: str, fits: Callable[[float], bool]) -> str:
    """Ask for a likely mistake of the unit, such as ``; is it 20 kohm?``; an empty text if no other prefix fits.

    Parameters
    ----------
    value : float
        What was given, in the SI unit.
    unit : str
        The unit, such as ``A`` or ``ohm``.
    fits : callable
        Whether a value would be right.
    """
    scaled = (value * 10.0**exponent for exponent in (3, 6, -3, -6, -9, -12))
    return next((f"; is it {si(each, unit)}?" for each in scaled if fits(each)), "")


def counted(count: int, name: str) -> str:
    """A count and the name of what is counted, such as ``1 cycle`` or ``3 cycles``.

    Parameters
    ----------
    count : int
        How many.
    name : str
        The name of one.
    """
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
