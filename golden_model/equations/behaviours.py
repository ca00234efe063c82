"""Firing behaviours of models from equations, as their files name them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neuristor.golden_model.equations.system import Pattern, System, stretches
from neuristor.golden_model.neurons.behaviour import Floats, bursts, even, gaps

__all__ = ["SHOWN", "pattern_input"]

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


def pattern_input(system: System, pattern: Pattern, dt: float) -> Floats:
    """The input of a behaviour in each tick.

    Parameters
    ----------
    system : System
        The system.
    pattern : Pattern
        One of its behaviours.
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
    made = stretches(system, pattern)
    if sum(length for length, _ in made) > MOST_TICKS * dt:
        raise ValueError(f"the input of a behaviour must last at most {MOST_TICKS} ticks")
    return np.repeat([value for _, value in made], [max(1, round(length / dt)) for length, _ in made])
