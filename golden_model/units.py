"""Numbers with units, for people."""

from __future__ import annotations

from quantiphy import Quantity

__all__ = ["si"]


def si(value: float, unit: str = "", digits: int = 4) -> str:
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
    return str(Quantity(float(value), unit).render(prec=digits - 1))
