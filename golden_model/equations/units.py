"""Units and dimensions of the quantities in equations."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Self

__all__ = ["NONE", "Dimension", "Unit", "column_unit", "quantity", "unit"]

_BASE = ("kg", "m", "s", "A", "K", "mol")
_PREFIXES = {
    "": 0, "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9,
    "T": 12,
}  # fmt: skip
_UNITS: dict[str, tuple[float, tuple[int, int, int, int, int, int]]] = {
    "kg": (1.0, (1, 0, 0, 0, 0, 0)),
    "g": (1e-3, (1, 0, 0, 0, 0, 0)),
    "m": (1.0, (0, 1, 0, 0, 0, 0)),
    "s": (1.0, (0, 0, 1, 0, 0, 0)),
    "min": (60.0, (0, 0, 1, 0, 0, 0)),
    "Hz": (1.0, (0, 0, -1, 0, 0, 0)),
    "A": (1.0, (0, 0, 0, 1, 0, 0)),
    "C": (1.0, (0, 0, 1, 1, 0, 0)),
    "K": (1.0, (0, 0, 0, 0, 1, 0)),
    "mol": (1.0, (0, 0, 0, 0, 0, 1)),
    "N": (1.0, (1, 1, -2, 0, 0, 0)),
    "J": (1.0, (1, 2, -2, 0, 0, 0)),
    "eV": (1.602176634e-19, (1, 2, -2, 0, 0, 0)),
    "W": (1.0, (1, 2, -3, 0, 0, 0)),
    "V": (1.0, (1, 2, -3, -1, 0, 0)),
    "ohm": (1.0, (1, 2, -3, -2, 0, 0)),
    "Ohm": (1.0, (1, 2, -3, -2, 0, 0)),
    "S": (1.0, (-1, -2, 3, 2, 0, 0)),
    "F": (1.0, (-1, -2, 4, 2, 0, 0)),
    "H": (1.0, (1, 2, -2, -2, 0, 0)),
    "Wb": (1.0, (1, 2, -2, -1, 0, 0)),
    "T": (1.0, (1, 0, -2, -1, 0, 0)),
    "M": (1e3, (0, -3, 0, 0, 0, 1)),
}
# Names that Brian2 and people use for the same units.
_LONG = {
    "volt": "V", "amp": "A", "ampere": "A", "second": "s", "siemens": "S", "farad": "F", "kelvin": "K", "watt": "W",
    "joule": "J", "hertz": "Hz", "metre": "m", "meter": "m", "henry": "H", "coulomb": "C", "molar": "M", "gram": "g",
    "kilogram": "kg", "weber": "Wb", "tesla": "T", "newton": "N",
}  # fmt: skip
_NO_PREFIX = {"kg", "min"}
_MOST_TEXT = 100


@dataclass(frozen=True)
class Dimension:
    """Exponents of kilogram, metre, second, ampere, kelvin and mole.

    Parameters
    ----------
    exponents : tuple[Fraction, ...]
        The exponents.
    """

    exponents: tuple[Fraction, ...]

    def __mul__(self, other: Self) -> Dimension:
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Self) -> Dimension:
        return Dimension(tuple(a - b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __pow__(self, power: Fraction) -> Dimension:
        return Dimension(tuple(a * power for a in self.exponents))

    def __str__(self) -> str:
        if self == NONE:
            return "a number without unit"
        for name in ("V", "A", "ohm", "S", "F", "W", "J", "s", "Hz", "K", "m", "C", "H", "Wb", "N", "kg"):
            if self == _dimension(name):
                return name
        for name in ("V", "A", "K", "W", "J", "F", "S", "ohm", "m"):  # what rates are made of
            for scale, power in (("/s", -1), ("*s", 1), ("/sqrt(s)", Fraction(-1, 2))):
                if self == _dimension(name) * _dimension("s") ** Fraction(power):
                    return f"{name}{scale}"
        named = ("V", "A", "W", "K", "S", "ohm", "F", "H", "J", "m", "C", "s")
        for first, second in product(named, named):
            a, b = _dimension(first), _dimension(second)
            if self == a / b:
                return f"{first}/{second}"
            if self == a * b:
                return f"{first}*{second}" if first != second else f"{first}**2"
        parts = [
            name if power == 1 else f"{name}**{power}" if power.denominator == 1 else f"{name}**({power})"
            for name, power in zip(_BASE, self.exponents, strict=True)
            if power
        ]
        return "*".join(parts)


def _dimension(name: str) -> Dimension:
    return Dimension(tuple(Fraction(each) for each in _UNITS[name][1]))


NONE = Dimension((Fraction(0),) * len(_BASE))
"""The dimension of a number without unit."""


@dataclass(frozen=True)
class Unit:
    """A unit of a quantity.

    Parameters
    ----------
    factor : float
        Its size, in the SI unit.
    dimension : Dimension
        The dimension.
    offset : float
        What is added after the factor: 273.15 for degrees Celsius.
    """

    factor: float
    dimension: Dimension
    offset: float = 0.0


def unit(name: str) -> Unit | None:
    """A unit by its name alone, such as ``mV``; None if there is none.

    Parameters
    ----------
    name : str
        SI symbol or English name, with an SI prefix or without.
    """
    if name == "degC":
        return Unit(1.0, _dimension("K"), 273.15)
    for symbols in ({each: each for each in _UNITS}, _LONG):
        for symbol, base in sorted(symbols.items(), key=lambda each: -len(each[0])):
            prefix = name.removesuffix(symbol)
            if not name.endswith(symbol) or (prefix and base in _NO_PREFIX):
                continue
            if prefix in _PREFIXES and not (prefix == "c" and base != "m"):
                factor, _ = _UNITS[base]
                # 1e-9 is nearer to a decimal than 10.0 ** -9.
                return Unit(float(f"1e{_PREFIXES[prefix]}") * factor, _dimension(base))
    return None


def _compound(text: str) -> Unit:
    """A product of powers of units, such as ``mS/cm**2``.

    Raises
    ------
    ValueError
        If it is none.
    """
    wanted = ValueError(f"{text[:40]!r} is no unit; wanted one such as V, mV, kohm, nF/cm**2 or 1")
    if len(text) > _MOST_TEXT:
        raise wanted
    if text.strip() in ("", "1"):
        return Unit(1.0, NONE)
    if text.strip() == "degC":
        return Unit(1.0, _dimension("K"), 273.15)
    spelled = text.strip().replace("^", "**").replace("Ω", "ohm").replace("·", "*").replace("%", "percent")
    try:
        tree = ast.parse(spelled, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise wanted from None

    def made(node: ast.expr) -> Unit:
        match node:
            case ast.Name(id="percent"):
                return Unit(0.01, NONE)
            case ast.Name(id=name) if (found := unit(name)) and not found.offset:
                return found
            case ast.Constant(value=1):
                return Unit(1.0, NONE)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                a, b = made(left), made(right)
                return Unit(a.factor * b.factor, a.dimension * b.dimension)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                a, b = made(left), made(right)
                return Unit(a.factor / b.factor, a.dimension / b.dimension)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                power = _small_power(right)
                if power is not None:
                    a = made(left)
                    return Unit(a.factor ** float(power), a.dimension**power)
        raise wanted

    return made(tree)


def _small_power(node: ast.expr) -> Fraction | None:
    """An exponent of a unit: an integer or a half, from -12 to 12."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = _small_power(operand)
            return None if found is None else -found
        case ast.Constant(value=int() | float() as value) if abs(value) <= 12 and 2 * value == int(2 * value):
            return Fraction(value)
    return None


def column_unit(text: str, wanted: str | None = None) -> Unit:
    """The unit of a column of numbers: a value v of it is ``v * factor + offset``.

    Parameters
    ----------
    text : str
        The unit.
    wanted : str, optional
        A unit of the same dimension.

    Returns
    -------
    Unit
        The unit.

    Raises
    ------
    ValueError
        If it is unknown, or of another dimension.
    """
    found = _compound(text)
    if wanted is not None and found.dimension != _compound(wanted).dimension:
        raise ValueError(f"it must be in {wanted} or the like, not in {text}")
    return found


def quantity(text: str | float | int, wanted: str | None = None) -> tuple[float, Dimension]:
    """A number with its unit, such as ``12 kohm``, in SI units.

    Parameters
    ----------
    text : str or float
        The number, and its unit after a blank or at once. A plain number is in the unit `wanted`, or has none.
    wanted : str, optional
        The unit of the quantity: that of plain numbers, and the dimension that others must have.

    Returns
    -------
    value : float
        In the SI unit.
    dimension : Dimension
        Of the quantity.

    Raises
    ------
    ValueError
        If it is no finite number, or its unit is unknown or of another dimension.
    """
    base = None if wanted is None else _compound(wanted)
    if isinstance(text, str):
        found = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", text, re.DOTALL)
        if not found:
            raise ValueError(f"{text[:40]!r} is no number with a unit, such as '12 kohm'")
        number, given = float(found[1]), found[2]
    elif isinstance(text, bool) or not isinstance(text, (int, float)):
        raise ValueError(f"{text!r} is no number with a unit, such as '12 kohm'")
    else:
        number, given = float(text), ""
    own = base if not given and base is not None else _compound(given)
    if base is not None and own.dimension != base.dimension and not (number == 0 and not given):
        raise ValueError(f"{str(text)[:40]!r} must have the dimension of {wanted}, but {given} is {own.dimension}")
    value = number * own.factor + own.offset
    if not math.isfinite(value):
        raise ValueError(f"{str(text)[:40]!r} must be a finite number")
    return value, own.dimension if base is None else base.dimension
