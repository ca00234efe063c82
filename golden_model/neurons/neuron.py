"""The registry of neuron models, and the checks and small types that everything shares.

A neuron called NAME is one file in each room: ``golden_model/NAME.py``, ``hdl/NAME.py``,
``sim/NAME.py``, ``tests/*/test_NAME.py``, and one line in :data:`NEURONS`.
"""

from __future__ import annotations

import math
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

__all__ = ["NEURONS", "Bound", "Field", "positive", "room", "whole"]

NEURONS = {
    "lif": "leaky integrate-and-fire: a threshold switch that charges, fires and falls to V_hold",
    "relaxation_oscillator": "relaxation oscillator: a threshold switch that charges and discharges by itself",
    "hodgkin_huxley": "Hodgkin-Huxley: membrane and three gates, rates from tables",
    "neuristor": "two-channel neuristor: two threshold switches with opposite supplies, two capacitors",
    "izhikevich": "Izhikevich: two variables, and the twenty firing patterns neurons are compared by",
}
"""Every neuron model by name."""


class Field(NamedTuple):
    """One field of a neuron's state."""

    name: str
    width: int
    """Bits."""
    signed: bool


class Bound(NamedTuple):
    """The largest distance of the bit-true state from the float one, by cause, in volt."""

    rounding: float
    coefficient: float
    quantization: float

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(self)


def positive(name: str, value: float, *, zero: bool = False) -> None:
    """Check a quantity.

    Raises
    ------
    ValueError
        If `value` is not a finite number above zero (or zero, where `zero` allows it).
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        wanted = "zero or a positive number" if zero else "a positive number"
        raise ValueError(f"{name} must be {wanted}, not {value!r}")


def whole(name: str, value: object, least: int, most: int) -> None:
    """Check a number of something.

    Raises
    ------
    ValueError
        If `value` is not an integer between `least` and `most`.
    """
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be an integer between {least} and {most}, not {value!r}")


def room(folder: str, neuron: str) -> ModuleType:
    """The module of a neuron in one folder (``golden_model``, ``hdl`` or ``sim``).

    Raises
    ------
    ValueError
        If no neuron has that name.
    """
    if neuron not in NEURONS:
        raise ValueError(f"neuron must be one of {', '.join(NEURONS)}, not {neuron!r}")
    return import_module(f"{folder}.{neuron}")
