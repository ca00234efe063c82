"""Firing behaviours of models from equations, as their files name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from neuristor.golden_model.equations.text import Pattern
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.neurons.behaviour import Floats, bursts, even, gaps
from neuristor.golden_model.units import si

__all__ = ["SHOWN", "pattern_input", "pattern_values", "stretches"]

LATE = 1.2
"""The last interval of spikes that adapt is longer than the first by this factor, at least."""
APART = 2.0
"""The longest interval is longer than the shortest by this factor, at least, where spikes are in bursts."""
MOST_TICKS = 1_000_000
"""Longest input of a behaviour, in ticks."""

SHOWN: dict[str, tuple[Callable[[Floats], bool], str]] = {
    "silence": (lambda times: len(times) == 0, "no spike"),
    "one spike": (lambda times: len(times) == 1, "one spike"),
    "spikes": (lambda times: len(times) > 1, "two spikes or more"),
    "regular spikes": (even, "three spikes or more, evenly spaced"),
    "adaptation": (
        lambda times: len(times) > 3 and bool(gaps(times)[-1] > LATE * gaps(times)[0]),
        "intervals that grow",
    ),
    "bursts": (
        lambda times: len(bursts(times, APART)) > 1 and max(map(len, bursts(times, APART))) > 1,
        "groups of spikes",
    ),
}
"""What a behaviour can be: a test of spike times, and what it looks for."""


def pattern_values(pattern: Pattern, units: Mapping[str, str]) -> dict[str, float]:
    """Parameters of a behaviour, in SI units.

    Parameters
    ----------
    pattern : Pattern
        The behaviour.
    units : mapping of str to str
        Unit of each parameter of the model; empty for a number.

    Raises
    ------
    ValueError
        If a name or a unit is wrong.
    """
    for name in pattern.parameters:
        if name not in units:
            raise ValueError(f"there is no parameter {name!r}; there are {', '.join(units)}")
    return {name: quantity(text, units[name] or "1")[0] for name, text in pattern.parameters.items()}


def stretches(pattern: Pattern, unit: str, low: float, high: float) -> list[tuple[float, float]]:
    """The input of a behaviour: for each stretch, its length in second, and the value in its SI unit.

    Parameters
    ----------
    pattern : Pattern
        The behaviour.
    unit : str
        Unit of the input.
    low, high : float
        Range of the input, in the SI unit.

    Raises
    ------
    ValueError
        If a length or a value is wrong.
    """
    found = [(quantity(length, "s")[0], quantity(value, unit)[0]) for length, value in pattern.input]
    for (seconds, given), (length, value) in zip(found, pattern.input, strict=True):
        if not 0 < seconds < 1e6:
            raise ValueError(f"a stretch of the input must be longer than 0, not {length!r}")
        if not low <= given <= high:
            raise ValueError(f"the input must be from {si(low, unit)} to {si(high, unit)}, not {value!r}")
    return found


def pattern_input(made: list[tuple[float, float]], dt: float) -> Floats:
    """The input of a behaviour in each tick.

    Parameters
    ----------
    made : list of (float, float)
        From `stretches`.
    dt : float
        Time step (tick), in second.

    Returns
    -------
    ndarray of float, shape (ticks,)
        In the SI unit of the input.

    Raises
    ------
    ValueError
        If it is too long.
    """
    if sum(length for length, _ in made) > MOST_TICKS * dt:
        raise ValueError(f"the input of a behaviour must last at most {MOST_TICKS} ticks")
    return np.repeat([value for _, value in made], [max(1, round(length / dt)) for length, _ in made])
