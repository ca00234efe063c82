"""Checks of arguments that all parts share."""

from __future__ import annotations

import math

__all__ = ["positive", "whole"]


def positive(name: str, value: float, *, zero: bool = False) -> None:
    """Check a quantity.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    value : float
        What was given.
    zero : bool
        Whether zero is allowed, too.

    Raises
    ------
    ValueError
        If `value` is not a finite number above zero (or zero, where `zero` allows it).
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        wanted = "zero or a positive number" if zero else "a positive number"
        raise ValueError(f"{name} must be {wanted}, not {value!r}")


def whole(name: str, value: object, least: int, most: int) -> None:
    """Check an integer.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    value : object
        What was given.
    least, most : int
        Smallest and largest value allowed.

    Raises
    ------
    ValueError
        If `value` is not an integer between `least` and `most`.
    """
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be an integer between {least} and {most}, not {value!r}")
