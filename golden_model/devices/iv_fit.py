"""The parameters of a threshold switch from measured I-V curves.

A switching event lies between two points of the sweep: V_th between the last insulating and the first
metallic point on the way up, V_hold between the last metallic and the first insulating point on the way
down. The estimate is the middle of this step. The uncertainty over the cycles, including that of the
steps, is that of :mod:`neuristor.golden_model.devices.uncertainty`.

R_off and R_on are chords: straight lines through the origin. R_off is fitted around 0.3 V_th, R_on
between V_hold and nine tenths of the largest current, so that points clipped by a current compliance
are not included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.measurement import Measurement, Sweep
from neuristor.golden_model.devices.uncertainty import Value, average, student

__all__ = ["Cycle", "IvFit", "Polarity", "fit_iv"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cycle:
    """Result of one excursion of one polarity: magnitudes, None if the sweep does not determine them."""

    v_th: float | None
    """Threshold voltage V_th, in volt."""
    v_hold: float | None
    """Hold voltage V_hold, in volt."""
    th_step: float
    """Width of the step of the sweep that contains V_th, in volt."""
    hold_step: float
    """Width of the step of the sweep that contains V_hold, in volt."""
    r_off: Value | None
    """Resistance of the insulating state, in ohm."""
    r_on: Value | None
    """Resistance of the metallic state, in ohm."""
    compliance: float | None
    """Current compliance of the instrument, in ampere."""
    slope_on: float | None
    """Upper bound of the switching slope at V_th, in millivolt per decade of current, from the step width."""
    slope_off: float | None
    """The same at V_hold."""


@dataclass(frozen=True)
class Polarity:
    """Result over all cycles of one polarity: magnitudes."""

    cycles: tuple[Cycle, ...]
    """The single cycles, in order."""
    v_th: Value
    """Mean threshold voltage V_th, in volt."""
    v_hold: Value
    """Mean hold voltage V_hold, in volt."""
    v_th_c2c: Value | None
    """Cycle-to-cycle standard deviation of V_th, in volt; None with a single cycle."""
    v_hold_c2c: Value | None
    """Cycle-to-cycle standard deviation of V_hold, in volt; None with a single cycle."""
    r_off: Value
    """Mean resistance of the insulating state, in ohm."""
    r_on: Value | None
    """Mean resistance of the metallic state, in ohm; None if the compliance clips all metallic points."""
    compliance: Value | None
    """Current compliance of the instrument, in ampere; None if it was not reached."""
    slope_on: Value
    """Upper bound of the switching slope at V_th, in millivolt per decade of current."""
    slope_off: Value
    """The same at V_hold."""


@dataclass(frozen=True)
class IvFit:
    """Parameters of the device from I-V curves."""

    positive: Polarity | None
    """Positive voltages; None if no cycle of them switches on and off."""
    negative: Polarity | None
    """Negative voltages; None if no cycle of them switches on and off."""

    @property
    def main(self) -> Polarity:
        """The polarity with more cycles; the positive one if both have the same number."""
        both = [side for side in (self.positive, self.negative) if side is not None]
        return max(both, key=lambda side: len(side.cycles))


def fit_iv(measurement: Measurement) -> IvFit:
    """Fit a threshold switch to I-V curves.

    Parameters
    ----------
    measurement : Measurement
        Of kind ``iv``.

    Returns
    -------
    IvFit
        At least one polarity is not None.

    Raises
    ------
    ValueError
        If the measurement has no I-V curves, or the device never switches on and off in them.
    """
    if measurement.kind != "iv":
        raise ValueError(f"{measurement.source}: wanted I-V curves, not a transient")
    sides: dict[bool, list[Cycle]] = {True: [], False: []}
    for sweep in measurement.sweeps:
        top = float(sweep.voltage[np.argmax(np.abs(sweep.voltage))])
        if top:
            sides[top > 0].append(_cycle(sweep, math.copysign(1.0, top)))
    found = {up: _polarity(cycles) for up, cycles in sides.items()}
    if not any(found.values()):
        cycles = sides[True] + sides[False]
        event = "off" if any(cycle.v_th is not None for cycle in cycles) else "on"
        raise ValueError(
            f"{measurement.source}: wanted a device that switches on and off in a sweep; "
            f"in {len(cycles)} cycles it never switches {event}"
        )
    return IvFit(found[True], found[False])


def _cycle(sweep: Sweep, sign: float) -> Cycle:
    assert sweep.current is not None
    v, i = sign * sweep.voltage, np.abs(sweep.current)
    turn, top = int(np.argmax(v)), float(i.max())
    if top == 0:
        return Cycle(None, None, 0.0, 0.0, None, None, None, None, None)
    # The offset keeps the logarithm finite. It keeps noise and the first ohmic steps small compared with a jump.
    jump = np.diff(np.log(i + 0.05 * top))
    usual = float(np.median(np.abs(np.diff(v))))
    expected = i[:-1] * v[1:]  # the current of an unchanged resistance, times v[:-1]
    rises = (i[1:] * v[:-1] > 1.5 * expected) & (v[:-1] > 0.02 * v[turn])
    drops = (i[1:] * v[:-1] < 0.7 * expected) & (v[1:] > 0)
    on = _event(jump, rises, 0, turn + 1)
    off = _event(-jump, drops, max(turn, 0 if on is None else on + 1), len(jump))

    v_th = v_hold = r_off = r_on = compliance = slope_on = slope_off = None
    th_step = hold_step = 0.0
    floor = 1e-6 * top
    if on is not None:
        th_step = float(v[on + 1] - v[on]) if v[on + 1] > v[on] else usual  # the source may snap back
        v_th = float(v[on]) + th_step / 2
        slope_on = 1e3 * th_step / math.log10(max(i[on + 1], floor) / max(i[on], floor))
        before = np.arange(len(v)) <= on
        window = before & (v > 0.1 * v_th) & (v < 0.5 * v_th)
        r_off = _chord(v, i, window if window.sum() >= 3 else before & (v > 0))
    if off is not None:
        hold_step = abs(float(v[off] - v[off + 1])) or usual
        v_hold = float(v[off] + v[off + 1]) / 2
        slope_off = 1e3 * hold_step / math.log10(max(i[off], floor) / max(i[off + 1], floor))
    if on is not None or off is not None:
        metallic = np.zeros(len(v), bool)
        metallic[(turn if on is None else on + 1) : (len(v) if off is None else off + 1)] = True
        if off is None:
            metallic[turn + 1 :] = False  # where it switched off is unknown
        first = _chord(v, i, metallic & (i < 0.9 * top))
        high = metallic & (i > 0.95 * top)
        if high.sum() >= 3 and v[high].max() > 1.15 * v[high].min():
            # Well above the voltage at which clipping begins.
            compliance = float(np.mean(i[high & (v >= (v[high].min() + v[high].max()) / 2)]))
        if first is not None:
            # A limit of voltage, because a limit of current would select among noisy points.
            r_on = _chord(v, i, metallic & (v < 0.9 * top * first.value))
        elif compliance is None:
            r_on = _chord(v, i, metallic)
    return Cycle(v_th, v_hold, th_step, hold_step, r_off, r_on, compliance, slope_on, slope_off)


def _event(jump: Floats, allowed: NDArray[np.bool_], start: int, stop: int) -> int | None:
    """The step with the largest jump, if it exceeds the scatter of the others."""
    part = np.where(allowed, jump, 0.0)[start:stop]
    if not len(part):
        return None
    best = int(np.argmax(part))
    scatter = 1.4826 * float(np.median(np.abs(jump[start:stop] - np.median(jump[start:stop]))))
    return start + best if part[best] > max(math.log(1.5), 6 * scatter) else None


def _chord(v: Floats, i: Floats, window: NDArray[np.bool_]) -> Value | None:
    """Resistance of the straight line through the origin that fits the points best, in ohm."""
    v, i = v[window], i[window]
    if len(v) < 2 or not (slope := float(np.dot(v, i) / np.dot(v, v))) > 0:
        return None
    scatter = math.sqrt(float(np.sum((i - slope * v) ** 2)) / (len(v) - 1) / float(np.dot(v, v)))
    return Value(1 / slope, student(len(v) - 1) * scatter / slope**2, "ohm")


def _polarity(cycles: list[Cycle]) -> Polarity | None:
    """The mean over the cycles; None if V_th, V_hold or R_off is unknown in all of them."""

    def over(name: str, unit: str, step: str = "") -> tuple[Value | None, Value | None]:
        chosen = [cycle for cycle in cycles if getattr(cycle, name) is not None]
        values = [getattr(cycle, name) for cycle in chosen]
        if not values:
            return None, None
        if isinstance(values[0], Value):
            if len(values) == 1:
                return values[0], None
            values = [value.value for value in values]
        return average(values, unit, step=float(np.mean([getattr(cycle, step) for cycle in chosen])) if step else 0.0)

    v_th, v_th_c2c = over("v_th", "V", "th_step")
    v_hold, v_hold_c2c = over("v_hold", "V", "hold_step")
    r_off, slope_on, slope_off = over("r_off", "ohm")[0], over("slope_on", "mV/dec")[0], over("slope_off", "mV/dec")[0]
    if v_th is None or v_hold is None or r_off is None or slope_on is None or slope_off is None:
        return None
    return Polarity(
        cycles=tuple(cycles),
        v_th=v_th,
        v_hold=v_hold,
        v_th_c2c=v_th_c2c,
        v_hold_c2c=v_hold_c2c,
        r_off=r_off,
        r_on=over("r_on", "ohm")[0],
        compliance=over("compliance", "A")[0],
        slope_on=slope_on,
        slope_off=slope_off,
    )
