"""The transition of a device from its resistance over temperature.

On each branch, heating and cooling, the transition temperature is where the logarithm of the resistance
is half-way between its values at the ends of the branch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neuristor.golden_model.devices.measurement import Loop, Measurement
from neuristor.golden_model.devices.reading.sweeps import Floats
from neuristor.golden_model.devices.uncertainty import Value, average

__all__ = ["LoopFit", "fit_loop"]

LEAST_POINTS = 5
"""Fewer points are no branch."""
LEAST_RATIO = 3.0
"""The resistance of a branch must change at least by this factor."""


@dataclass(frozen=True)
class LoopFit:
    """Transition of the device."""

    heating: Value | None
    """Transition temperature on heating, in kelvin; None without a heating branch."""
    cooling: Value | None
    """The same on cooling."""
    r_cold: Value
    """Resistance at the lowest temperature, in ohm."""
    r_hot: Value
    """Resistance at the highest temperature, in ohm."""

    @property
    def transition(self) -> Value:
        """The transition on heating, at which the device switches on; on cooling, if only that is known."""
        found = self.heating or self.cooling
        assert found is not None  # checked by fit_loop
        return found


def fit_loop(measurement: Measurement) -> LoopFit:
    """Find the transition in loops of resistance over temperature.

    Parameters
    ----------
    measurement : Measurement
        Of kind ``rt``.

    Returns
    -------
    LoopFit
        At least one transition is not None.

    Raises
    ------
    ValueError
        If the measurement is of another kind, or no branch has a transition.
    """
    if measurement.kind != "rt":
        raise ValueError(f"{measurement.source}: wanted resistance over temperature, not {measurement.kind}")
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    cold, hot = [], []
    for loop in measurement.loops:
        for temperature, resistance in _branches(loop):
            order = np.argsort(temperature)
            cold.append(float(resistance[order[0]]))
            hot.append(float(resistance[order[-1]]))
            middle = _middle(temperature, resistance)
            if middle is not None:
                found[bool(temperature[-1] > temperature[0])].append(middle)
    both = [
        average([at for at, _ in each], "K", step=float(np.mean([step for _, step in each])))[0] if each else None
        for each in (found[True], found[False])
    ]
    if both == [None, None]:
        raise ValueError(
            f"{measurement.source}: wanted a transition: a resistance that changes at least by a factor of "
            f"{LEAST_RATIO:g}"
        )
    return LoopFit(both[0], both[1], average(cold, "ohm")[0], average(hot, "ohm")[0])


def _branches(loop: Loop) -> list[tuple[Floats, Floats]]:
    """The parts of a loop in which the temperature goes one way."""
    temperature = loop.temperature
    margin = 0.2 * float(np.ptp(temperature))
    cuts, best, rising = [0], 0, None
    for k, value in enumerate(temperature.tolist()):
        if rising is None:
            if abs(value - temperature[0]) > margin:
                rising, best = value > temperature[0], k
        elif (value > temperature[best]) == rising:
            best = k
        elif abs(value - temperature[best]) > margin:
            cuts.append(best)
            rising, best = not rising, k
    ends = [*cuts[1:], len(temperature) - 1]
    parts = [slice(a, b + 1) for a, b in zip(cuts, ends, strict=True) if b - a >= LEAST_POINTS - 1]
    return [(temperature[part], loop.resistance[part]) for part in parts]


def _middle(temperature: Floats, resistance: Floats) -> tuple[float, float] | None:
    """Temperature half-way through the transition of a branch, and the step of the temperature there."""
    if (resistance <= 0).any():
        return None
    log = np.log(resistance)
    ends = float(np.median(log[:3])), float(np.median(log[-3:]))
    if abs(ends[0] - ends[1]) < math.log(LEAST_RATIO):
        return None
    beyond = (log - sum(ends) / 2) * (ends[1] - ends[0]) > 0
    k = int(np.argmax(beyond))
    share = (sum(ends) / 2 - log[k - 1]) / (log[k] - log[k - 1])
    step = float(temperature[k] - temperature[k - 1])
    return float(temperature[k - 1]) + float(share) * step, abs(step)
