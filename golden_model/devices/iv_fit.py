"""The parameters of a threshold switch from measured I-V curves.

A switching event lies between two points of the sweep: V_th between the last insulating and the first
metallic point on the way up, V_hold between the last metallic and the first insulating point on the way
down. The estimate is the middle of this step. The uncertainty over the cycles, including that of the
steps, is that of :mod:`neuristor.golden_model.devices.uncertainty`.

Where the source drives the current, the curve has the shape of an S: V_th is the maximum of v(i) on the
way up, V_hold its minimum on the way down.

R_off and R_on are chords: straight lines through the origin. R_off is fitted between V_hold and V_th,
where an oscillator charges; R_on between V_hold and nine tenths of the largest current, so that points
clipped by a current compliance are not included. If a branch is no straight line through the origin,
the chords of its lower and of its upper half differ; half of this difference is then a part of the
uncertainty. The insulating branch is also fitted with the Poole-Frenkel law::

    i = G v exp(b sqrt(v))                                                                (1)

which gives R_off at V_hold and at V_th.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.measurement import Measurement, Sweep
from neuristor.golden_model.devices.uncertainty import Value, average, student
from neuristor.golden_model.units import counted, si

__all__ = ["Cycle", "IvFit", "Polarity", "fit_iv"]

Floats = NDArray[np.float64]
SPREAD = 0.15
"""A larger spread of V_th from cycle to cycle, as a fraction, is called a bad fit."""
NOTABLE = 0.05
"""A branch is called not ohmic if the chords of its halves differ by more than this fraction."""


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
    slope_on: float | None = None
    """Upper bound of the switching slope at V_th, in millivolt per decade of current, from the step width."""
    slope_off: float | None = None
    """The same at V_hold."""
    off_bend: Value | None = None
    """Chord of the lower over that of the upper half of the insulating branch; 1 if it is ohmic."""
    on_bend: Value | None = None
    """The same of the metallic branch."""
    off_law: tuple[float, float] | None = None
    """Logarithm of G, in siemens, and b of equation 1; None if the insulating branch has too few points."""


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
    slope_on: Value | None
    """Upper bound of the switching slope at V_th, in millivolt per decade of current; None if unknown."""
    slope_off: Value | None
    """The same at V_hold."""
    r_off_hold: Value | None = None
    """Resistance of the insulating state at V_hold, in ohm; None if the branch has too few points."""
    r_off_th: Value | None = None
    """Resistance of the insulating state at V_th, in ohm; None if the branch has too few points."""
    problems: tuple[str, ...] = ()
    """What the model of two resistors misses; empty for a good fit."""


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
        volt = max(float(np.abs(sweep.voltage).max()) for sweep in measurement.sweeps)
        ampere = max(float(np.abs(sweep.current).max()) for sweep in measurement.sweeps if sweep.current is not None)
        raise ValueError(
            f"{measurement.source}: wanted a device that switches on and off in a sweep; in "
            f"{counted(len(cycles), 'cycle')} it never switches {event} (up to {si(volt, 'V')} and {si(ampere, 'A')})"
        )
    return IvFit(found[True], found[False])


def _cycle(sweep: Sweep, sign: float) -> Cycle:
    assert sweep.current is not None
    v, i = sign * sweep.voltage, np.abs(sweep.current)
    if i.max() == 0:
        return Cycle(None, None, 0.0, 0.0, None, None, None)
    return _current_cycle(v, i) if sweep.drive == "current" else _voltage_cycle(v, i)


def _voltage_cycle(v: Floats, i: Floats) -> Cycle:
    """A cycle in which the source drives the voltage: it jumps."""
    turn, top = int(np.argmax(v)), float(i.max())
    # The offset keeps the logarithm finite. It keeps noise and the first ohmic steps small compared with a jump.
    jump = np.diff(np.log(i + 0.05 * top))
    usual = float(np.median(np.abs(np.diff(v))))
    expected = i[:-1] * v[1:]  # the current of an unchanged resistance, times v[:-1]
    rises = (i[1:] * v[:-1] > 1.5 * expected) & (v[:-1] > 0.02 * v[turn])
    drops = (i[1:] * v[:-1] < 0.7 * expected) & (v[1:] > 0)
    on = _event(jump, rises, 0, turn + 1)
    off = _event(-jump, drops, max(turn, 0 if on is None else on + 1), len(jump))

    v_th = v_hold = slope_on = slope_off = None
    th_step = hold_step = 0.0
    floor = 1e-6 * top
    if on is not None:
        th_step = float(v[on + 1] - v[on]) if v[on + 1] > v[on] else usual  # the source may snap back
        v_th = float(v[on]) + th_step / 2
        slope_on = 1e3 * th_step / math.log10(max(i[on + 1], floor) / max(i[on], floor))
    if off is not None:
        hold_step = abs(float(v[off] - v[off + 1])) or usual
        v_hold = float(v[off] + v[off + 1]) / 2
        slope_off = 1e3 * hold_step / math.log10(max(i[off], floor) / max(i[off + 1], floor))
    index = np.arange(len(v))
    insulating = index <= on if on is not None else np.zeros(len(v), bool)
    metallic = np.zeros(len(v), bool)
    if on is not None or off is not None:
        metallic[(turn if on is None else on + 1) : (len(v) if off is None else off + 1)] = True
        if off is None:
            metallic[turn + 1 :] = False  # where it switched off is unknown
    r_on, on_bend, compliance = _metallic(v, i, metallic)
    r_off, off_bend, law = _insulating(v, i, insulating, v_th, v_hold)
    return Cycle(v_th, v_hold, th_step, hold_step, r_off, r_on, compliance, slope_on, slope_off, off_bend, on_bend, law)


def _current_cycle(v: Floats, i: Floats) -> Cycle:
    """A cycle in which the source drives the current: v(i) has a maximum and a minimum."""
    turn = int(np.argmax(i))
    on = _turning(v[: turn + 1])
    back = _turning(-v[turn:])
    if back is None and on is not None and turn == len(v) - 1:  # swept one way
        low = _turning(-v[on:])
        back = None if low is None else on + low - turn
    off = None if back is None else turn + back
    v_th = v_hold = None
    th_step = hold_step = 0.0
    if on is not None:
        v_th = float(v[on])
        th_step = v_th - float(np.sort(v[max(0, on - 1) : on + 2])[-2])
    if off is not None:
        near = v[max(0, off - 4) : off + 1]  # the least of noisy points is too low
        v_hold, hold_step = float(np.median(near)), 2 * float(np.ptp(near))
    index = np.arange(len(v))
    insulating = np.zeros(len(v), bool) if on is None else index < on if on > 3 else index <= on
    metallic = np.zeros(len(v), bool)
    if on is not None and off is not None:
        metallic = (i >= i[off]) & (index > on) if off >= turn else index >= off
    r_on, on_bend = _branch(v, i, metallic)
    r_off, off_bend, law = _insulating(v, i, insulating, v_th, v_hold)
    return Cycle(v_th, v_hold, th_step, hold_step, r_off, r_on, None, None, None, off_bend, on_bend, law)


def _turning(v: Floats) -> int | None:
    """Index of the first maximum from which the values fall by a twentieth of their range; None without one."""
    margin, best = 0.05 * float(np.ptp(v)), 0
    for k, value in enumerate(v.tolist()):
        if value > v[best]:
            best = k
        elif value < v[best] - margin:
            return best if best else None
    return None


def _metallic(v: Floats, i: Floats, metallic: NDArray[np.bool_]) -> tuple[Value | None, Value | None, float | None]:
    """R_on, its bend, and the compliance."""
    top, compliance = float(i.max()), None
    if not metallic.any():
        return None, None, None
    first = _chord(v, i, metallic & (i < 0.9 * top))
    high = metallic & (i > 0.95 * top)
    if high.sum() >= 3 and v[high].max() > 1.15 * v[high].min():
        # Well above the voltage at which clipping begins.
        compliance = float(np.mean(i[high & (v >= (v[high].min() + v[high].max()) / 2)]))
    if first is not None:
        # A limit of voltage, because a limit of current would select among noisy points.
        r_on, bend = _branch(v, i, metallic & (v < 0.9 * top * first.value))
        return r_on, bend, compliance
    if compliance is None:
        r_on, bend = _branch(v, i, metallic)
        return r_on, bend, None
    return None, None, compliance


def _insulating(
    v: Floats, i: Floats, insulating: NDArray[np.bool_], v_th: float | None, v_hold: float | None
) -> tuple[Value | None, Value | None, tuple[float, float] | None]:
    """R_off, its bend, and equation 1."""
    if v_th is None:
        return None, None, None
    window = insulating & (v >= (0.5 * v_th if v_hold is None else v_hold))
    wide = insulating & (v > 0.1 * v_th) & (i > 0)
    r_off, bend = _branch(v, i, window if window.sum() >= 4 else wide if wide.sum() >= 3 else insulating & (v > 0))
    law = None
    if r_off is not None:
        # The logarithm of noise is no noise: only where the current stands out of it, by the voltage, not by the point.
        wide = wide & (v > 5 * _noise(i[insulating]) * r_off.value)
    if wide.sum() >= 4 and float(np.ptp(v[wide])) > 0.1 * v_th:
        slope, start = np.polyfit(np.sqrt(v[wide]), np.log(i[wide] / v[wide]), 1, w=i[wide] / i[wide].max())
        law = float(start), float(slope)
    return r_off, bend, law


def _noise(i: Floats) -> float:
    """Standard deviation of noise on a smooth curve, from its second differences."""
    return 1.4826 * float(np.median(np.abs(np.diff(i, 2)))) / math.sqrt(6) if len(i) > 4 else 0.0


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


def _branch(v: Floats, i: Floats, window: NDArray[np.bool_]) -> tuple[Value | None, Value | None]:
    """Chord of a branch, and the ratio of the chords of its lower and its upper half.

    If the ratio is not 1, half of the difference is in the uncertainty of the chord.
    """
    whole = _chord(v, i, window)
    if whole is None or window.sum() < 6:
        return whole, None
    middle = float(np.median(v[window]))
    low, high = _chord(v, i, window & (v <= middle)), _chord(v, i, window & (v > middle))
    if low is None or high is None:
        return whole, None
    bend = Value(low.value / high.value, math.hypot(low.sigma / low.value, high.sigma / high.value), "")
    if _bent(bend):
        whole = replace(whole, sigma=math.hypot(whole.sigma, abs(low.value - high.value) / 2))
    return whole, bend


def _bent(bend: Value | None) -> bool:
    """Whether a branch is surely no straight line through the origin."""
    return bend is not None and abs(bend.value - 1) > max(3 * bend.sigma, 0.01)


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
    r_off, r_on = over("r_off", "ohm")[0], over("r_on", "ohm")[0]
    off_bend, on_bend = over("off_bend", "")[0], over("on_bend", "")[0]
    if v_th is None or v_hold is None or r_off is None:
        return None
    at = [_off_at(cycles, value) for value in (v_hold.value, v_th.value)]
    r_off, r_on = _with_bend(r_off, off_bend), None if r_on is None else _with_bend(r_on, on_bend)
    if at[0] is not None and at[1] is not None and (_bent(off_bend) or off_bend is None):
        far = max(abs(value.value - r_off.value) for value in at if value is not None)
        r_off = replace(r_off, sigma=max(r_off.sigma, far / 2))
    return Polarity(
        cycles=tuple(cycles),
        v_th=v_th,
        v_hold=v_hold,
        v_th_c2c=v_th_c2c,
        v_hold_c2c=v_hold_c2c,
        r_off=r_off,
        r_on=r_on,
        compliance=over("compliance", "A")[0],
        slope_on=over("slope_on", "mV/dec")[0],
        slope_off=over("slope_off", "mV/dec")[0],
        r_off_hold=at[0],
        r_off_th=at[1],
        problems=_problems(off_bend, on_bend, at, (v_th, v_th_c2c), cycles),
    )


def _with_bend(resistance: Value, bend: Value | None) -> Value:
    """The mean chord of several cycles, with half of the difference that a bend makes."""
    if bend is None or not _bent(bend):
        return resistance
    return replace(resistance, sigma=max(resistance.sigma, resistance.value * abs(bend.value - 1) / 2))


def _off_at(cycles: list[Cycle], voltage: float) -> Value | None:
    """R_off at a voltage by equation 1, in ohm: the mean over the cycles."""
    laws = [cycle.off_law for cycle in cycles if cycle.off_law is not None]
    if not laws:
        return None
    values = [math.exp(min(max(-start - slope * math.sqrt(voltage), -300.0), 300.0)) for start, slope in laws]
    if len(values) > 1:
        return average(values, "ohm")[0]
    chord = next(cycle.r_off for cycle in cycles if cycle.off_law is not None)
    return Value(values[0], values[0] * (0.0 if chord is None else chord.sigma / chord.value), "ohm")


def _problems(
    off_bend: Value | None,
    on_bend: Value | None,
    at: list[Value | None],
    thresholds: tuple[Value, Value | None],
    cycles: list[Cycle],
) -> tuple[str, ...]:
    """What the model of two resistors misses, in words."""
    found = []
    known = [value.value for value in at if value is not None]
    if len(known) == 2 and (off_bend is None or _bent(off_bend)) and max(known) > (1 + NOTABLE) * min(known):
        low, high = (f"{value / 1e3:.3g} kohm" for value in known)
        found.append(f"the OFF branch is not ohmic (R_off is {low} at V_hold and {high} at V_th)")
    if on_bend is not None and _bent(on_bend) and abs(on_bend.value - 1) > NOTABLE:
        found.append(f"the ON branch is not ohmic (R_on differs by {abs(on_bend.value - 1):.0%} between its halves)")
    switched = sum(cycle.v_th is not None for cycle in cycles)
    if switched < len(cycles):
        found.append(f"it switches on in {switched} of {counted(len(cycles), 'cycle')}")
    v_th, c2c = thresholds
    if c2c is not None and c2c.value > SPREAD * v_th.value:
        found.append(f"V_th differs by {c2c.value / v_th.value:.0%} between the cycles; are they of one device?")
    return tuple(found)
