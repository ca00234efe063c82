"""What the docstring of a class says about its parameters: their meaning and their unit, for messages and tables."""

from __future__ import annotations

import re

__all__ = ["meaning", "unit"]

_UNITS = {
    "volt": "V",
    "ampere": "A",
    "ohm": "ohm",
    "farad": "F",
    "second": "s",
    "hertz": "Hz",
    "kelvin": "K",
    "metre": "m",
    "siemens": "S",
    "ohm metre": "ohm m",
    "joule per kelvin": "J/K",
    "watt per kelvin": "W/K",
    "watt per metre and kelvin": "W/(m K)",
    "joule per cubic metre": "J/m3",
    "joule per cubic metre and kelvin": "J/(m3 K)",
    "coulomb per square metre": "C/m2",
}
"""Unit symbols, by the words of a docstring."""


def _found(kind: type, name: str) -> re.Match[str] | None:
    """Find the type and the description of a parameter; several may share them."""
    return re.search(rf"\n    (?:\w+, )*{name}(?:, \w+)* : (.*)\n((?:        .*\n)+)", kind.__doc__ or "")


def meaning(kind: type, name: str) -> str:
    """Describe a parameter of a class in the words of its docstring.

    Parameters
    ----------
    kind : type
        A class with a numpydoc docstring.
    name : str
        The parameter.

    Returns
    -------
    str
        Its type and its description, on one line.

    Raises
    ------
    LookupError
        If the docstring does not describe it.
    """
    found = _found(kind, name)
    if found is None:
        raise LookupError(f"{kind.__name__} does not say what {name} is")
    return f"{found[1]}. {' '.join(found[2].split())}"


def unit(kind: type, name: str) -> str:
    """Find the unit of a parameter of a class.

    Parameters
    ----------
    kind : type
        A class with a numpydoc docstring.
    name : str
        The parameter.

    Returns
    -------
    str
        A symbol, such as ``ohm``; empty for a number without a unit.
    """
    found = _found(kind, name)
    text = " ".join(found[2].split()) if found else ""
    named = re.search(rf"\b(in|per) ({'|'.join(sorted(_UNITS, key=len, reverse=True))})\b", text)
    if named is None:
        return ""
    symbol = _UNITS[named[2]]
    return symbol if named[1] == "in" else f"1/{symbol}"
