"""The parameters of a threshold switch, and of its circuit, from measured curves.

**I-V curves.** A switching event lies between two points of the sweep: V_th between the last point
that is insulating and the first that is metallic, V_hold likewise on the way down. The estimate is
the middle of that step, half a step below the point where the current has risen. With n cycles of
spread s, and steps of width h, the error of the mean has two parts::

    sampling          t s / sqrt(n)          with s at least h / sqrt(12)
    discretisation    h sqrt(sum_k exp(-(2 pi k sigma / h)^2) / (2 pi^2 k^2))                    (a)

The second is ``h / sqrt(12)`` when the cycles do not spread (all fall into the same step, so that
averaging does not help) and vanishes when they spread by more than a step; sigma is the spread
without the step's own, ``sigma^2 = s^2 - h^2 / 12``. R_off and R_on are chords through the origin:
R_off around 0.3 V_th, R_on between V_hold and nine tenths of the largest current, so that points
clipped by a current compliance are not in it.

**Transients.** The whole waveform is fitted with equation 2 of `threshold_switch`: exponentials
towards ``v_ins`` and ``v_met`` that join at free switching times. Its parameters are C and R_s, the
resistances with their given uncertainty as prior, and the times; every cycle's V_th and V_hold are
where the pieces meet. The voltage alone leaves the scale of the impedance open, so R_ins must be
given; R_met may be fitted.

Cycle-to-cycle errors of the times follow from those of V_th and V_hold by the derivatives of
equations 3 and 4, because successive periods share a threshold and are not independent.

Every `Value` has a sigma such that the truth is within two of them in at least 95 % of cases: sigma
is half of a 98 % interval (1.16 standard errors; more for few cycles, by Student's t). The
calibration of the instrument, and any drift over the cycles, is not in it.

References
----------
P. Maffezzoni, L. Daniel, N. Shukla, S. Datta and A. Raychowdhury, IEEE Trans. Circuits Syst. I
62(9), 2015. For (a): B. Widrow and I. Kollar, "Quantization Noise", Cambridge, 2008.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from neuristor.golden_model.devices.measurement import Measurement, Sweep
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["Cycle", "IvFit", "Polarity", "TransientFit", "Value", "average", "fit_iv", "fit_transient"]

MAX_CYCLES = 24
"""Cycles of a transient that are fitted."""
MAX_SAMPLES = 100_000
"""Samples of a transient that are fitted, if three cycles leave the choice."""

MARGIN = 1.163
"""Half of the normal distribution's 98 % interval, in standard errors."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Value:
    """A result: the truth is within two `sigma` of `value` in at least 95 % of cases."""

    value: float
    sigma: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.5g} +- {self.sigma:.2g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Cycle:
    """One excursion of one polarity; magnitudes, None where the sweep does not tell."""

    v_th: float | None
    v_hold: float | None
    th_step: float
    """Width of the step that V_th lies in, in volt."""
    hold_step: float
    r_off: Value | None
    r_on: Value | None
    compliance: float | None
    slope_on: float | None
    """At most this many millivolt per decade of current: the step bounds it."""
    slope_off: float | None


@dataclass(frozen=True)
class Polarity:
    """What the cycles of one polarity give; magnitudes."""

    cycles: tuple[Cycle, ...]
    v_th: Value
    v_hold: Value
    v_th_c2c: Value | None
    """Cycle-to-cycle standard deviation, in volt; None with a single cycle."""
    v_hold_c2c: Value | None
    r_off: Value
    r_on: Value | None
    """None if every point in the metallic state is clipped: R_on is unknown."""
    compliance: Value | None
    slope_on: Value
    slope_off: Value


@dataclass(frozen=True)
class IvFit:
    """The device, from I-V curves."""

    positive: Polarity | None
    negative: Polarity | None

    @property
    def main(self) -> Polarity:
        """The polarity with more cycles, the positive one if they are as many."""
        both = [side for side in (self.positive, self.negative) if side is not None]
        return max(both, key=lambda side: len(side.cycles))


@dataclass(frozen=True)
class TransientFit:
    """The circuit, from its oscillation."""

    frequency: Value
    duty: Value
    """Fraction of a period in the insulating state."""
    t_ins: Value
    t_met: Value
    jitter: Value
    """Standard deviation of the period, in second."""
    v_th: Value
    v_hold: Value
    v_th_c2c: Value
    v_hold_c2c: Value
    series_resistance: Value
    capacitance: Value
    r_ins: Value
    r_met: Value
    supply: float
    noise: Value
    """Standard deviation of the samples around the fit, in volt."""
    misfit: float
    """The same over the scatter of neighbouring samples: far above 1 where the model is wrong."""
    time: Floats
    """Shape (points,), of the fitted part, in second."""
    voltage: Floats
    """Shape (points,), the fit there, in volt."""


def average(values: Sequence[float], unit: str, *, step: float = 0.0) -> tuple[Value, Value | None]:
    """Mean and standard deviation of a quantity over cycles or devices.

    Parameters
    ----------
    values : sequence of float
    unit : str
    step : float
        Width of the grid on which each value is known, in the unit.

    Returns
    -------
    mean, spread : Value
        The spread is None for a single value.
    """
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Value(mean, step / math.sqrt(12), unit), None
    s = float(np.std(values, ddof=1))
    sigma = math.sqrt(max(0.0, s**2 - step**2 / 12))
    bias = 0.0
    if step > 0:
        k = np.arange(1, 200)
        bias = step * math.sqrt(float(np.sum(np.exp(-((2 * np.pi * k * sigma / step) ** 2)) / (2 * (np.pi * k) ** 2))))
    # Cycles that fall into one step by chance hide a spread of its size.
    error = math.hypot(_student(n - 1) * max(s, step / math.sqrt(12)) / math.sqrt(n), bias)
    return Value(mean, error, unit), _spread(s, n, step**2 / 12, bias, unit)


def _student(dof: int) -> float:
    """Half of Student's 98 % interval, in standard errors."""
    return float(special.stdtrit(dof, 0.99)) / 2


def _spread(s: float, n: int, other: float, bias: float, unit: str) -> Value:
    """A standard deviation without the variance `other` that is not its own, with chi-squared limits."""
    low, value, high = (
        math.sqrt(max(0.0, variance - other))
        for variance in (
            (n - 1) * s**2 / float(special.chdtri(n - 1, 0.01)),
            s**2,
            (n - 1) * s**2 / float(special.chdtri(n - 1, 0.99)),
        )
    )
    return Value(value, math.hypot(max(high - value, value - low) / 2, bias), unit)


def fit_iv(measurement: Measurement) -> IvFit:
    """Fit a threshold switch to I-V curves.

    Parameters
    ----------
    measurement : Measurement
        Of kind ``iv``.

    Raises
    ------
    ValueError
        If it holds no I-V curves, or no cycle of them switches on and off.
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
    # The offset keeps the logarithm finite, and noise and the first ohmic steps small beside a jump.
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
            metallic[turn + 1 :] = False  # nothing says where it went off
        first = _chord(v, i, metallic & (i < 0.9 * top))
        high = metallic & (i > 0.95 * top)
        if high.sum() >= 3 and v[high].max() > 1.15 * v[high].min():
            # Well above the voltage where it begins to clip.
            compliance = float(np.mean(i[high & (v >= (v[high].min() + v[high].max()) / 2)]))
        if first is not None:
            # The limit is one of voltage: a limit of current would choose among noisy points.
            r_on = _chord(v, i, metallic & (v < 0.9 * top * first.value))
        elif compliance is None:
            r_on = _chord(v, i, metallic)
    return Cycle(v_th, v_hold, th_step, hold_step, r_off, r_on, compliance, slope_on, slope_off)


def _event(jump: Floats, allowed: NDArray[np.bool_], start: int, stop: int) -> int | None:
    """The step with the largest jump, if it stands out."""
    part = np.where(allowed, jump, 0.0)[start:stop]
    if not len(part):
        return None
    best = int(np.argmax(part))
    scatter = 1.4826 * float(np.median(np.abs(jump[start:stop] - np.median(jump[start:stop]))))
    return start + best if part[best] > max(math.log(1.5), 6 * scatter) else None


def _chord(v: Floats, i: Floats, window: NDArray[np.bool_]) -> Value | None:
    """Resistance of a line through the origin."""
    v, i = v[window], i[window]
    if len(v) < 2 or not (slope := float(np.dot(v, i) / np.dot(v, v))) > 0:
        return None
    scatter = math.sqrt(float(np.sum((i - slope * v) ** 2)) / (len(v) - 1) / float(np.dot(v, v)))
    return Value(1 / slope, _student(len(v) - 1) * scatter / slope**2, "ohm")


def _polarity(cycles: list[Cycle]) -> Polarity | None:
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


def fit_transient(
    measurement: Measurement,
    *,
    r_ins: Value | float,
    r_met: Value | float | None = None,
    supply: float | None = None,
) -> TransientFit:
    """Fit C and R_s to the oscillation of the voltage on the device.

    Parameters
    ----------
    measurement : Measurement
        Of kind ``transient``; its longest record is used.
    r_ins : Value or float
        Insulating resistance, in ohm; its uncertainty goes into that of the results.
    r_met : Value or float, optional
        Metallic resistance, in ohm; fitted when absent.
    supply : float, optional
        V_DD, in volt; that of the record when absent.

    Raises
    ------
    ValueError
        If there are fewer than 4 oscillations, the falls have too few samples, or the supply could
        not sustain them.
    """
    if measurement.kind != "transient":
        raise ValueError(f"{measurement.source}: wanted a transient, not I-V curves")
    sweep = max(measurement.sweeps, key=lambda found: len(found.voltage))
    supply = sweep.supply if supply is None else supply
    if supply is None:
        raise ValueError(f"{measurement.source}: the record has no supply column: give --supply")
    assert sweep.time is not None
    sign = 1.0 if float(np.mean(sweep.voltage)) >= 0 else -1.0
    supply = abs(supply)
    priors = [value if isinstance(value, Value) else Value(value, 0.0, "ohm") for value in (r_ins, r_met) if value]
    for name, prior in zip(("r_ins", "r_met"), priors, strict=False):
        positive(name, prior.value)
    wave = _Wave(measurement.source, sweep.time, sign * sweep.voltage, supply)
    ratios = [priors[1].value / priors[0].value] if r_met else [0.2, 0.03, 0.003]
    results = []
    for ratio in ratios:
        try:
            results.append(wave.fit(priors, priors[0].value * ratio))
        except ValueError as error:
            problem = error
    if not results:
        raise problem
    return min(results, key=lambda result: result.noise.value)


class _Wave:
    """Part of a record, from the first rise to the last."""

    def __init__(self, source: str, time: Floats, voltage: Floats, supply: float) -> None:
        self.source, self.supply = source, supply
        bottom, top = (float(level) for level in np.percentile(voltage, (1, 99)))
        low, high = bottom + 0.3 * (top - bottom), bottom + 0.7 * (top - bottom)
        side = (voltage > high).astype(int) - (voltage < low)
        index = np.flatnonzero(side)
        falls = np.flatnonzero(np.diff(side[index]) < 0)
        rises = np.flatnonzero(np.diff(side[index]) > 0)
        if len(falls) < 4 or not top > bottom:
            raise ValueError(f"{source}: wanted at least 4 oscillations, not {len(falls)}")
        leave, reach = index[falls], index[falls + 1]  # last sample above, first below
        rises = rises[rises > falls[0]]
        usable = min(MAX_CYCLES, len(falls) - 1, len(rises), max(3, MAX_SAMPLES // max(1, reach[1] - reach[0])))
        # From 30 % of a rise to 70 % of a later one.
        begin, end = index[rises[0] + 1], index[rises[usable - 1]]
        if rises[0] > falls[0]:
            begin = index[rises[0]]
            end = index[rises[min(usable, len(rises) - 1)] + 1]
        self.time, self.v = time[begin : end + 1], voltage[begin : end + 1]
        inside = (leave > begin) & (reach < end)
        leave, reach = leave[inside], reach[inside]
        if len(leave) < 3:
            raise ValueError(f"{source}: wanted at least 4 oscillations, not {len(leave) + 1}")
        self.count = len(leave)
        self.down = _crossing(time, voltage, leave, reach, high), _crossing(time, voltage, leave, reach, low)
        self.low, self.high = low, high
        steps = np.diff(self.v, 2)
        resolution = np.diff(np.unique(self.v))
        self.noise = max(
            1.4826 * float(np.median(np.abs(steps))) / math.sqrt(6),
            float(resolution.min()) / math.sqrt(12),
            1e-6 * (top - bottom),
        )
        # The extremes of noisy samples are too far out by about two standard deviations.
        edges = [0, *(np.searchsorted(self.time, self.down[0])).tolist(), len(self.v)]
        pieces = [self.v[a:b] for a, b in pairwise(edges[1:])]
        self.v_hold = float(np.median([piece.min() for piece in pieces])) + 2 * self.noise
        self.v_th = float(np.median([piece.max() for piece in pieces])) - 2 * self.noise

    def _first(self, r_ins: float, r_met: float) -> tuple[float, float, Floats]:
        """R_s, C and the switching times to begin with, from equations 3 and 4."""
        v_th, v_hold, supply = self.v_th, self.v_hold, self.supply
        if not 0 < v_hold < v_th < supply:
            raise ValueError(
                f"{self.source}: supply must be above the peaks of the voltage ({v_th:.4g} V), not {supply:.4g} V"
            )
        try:
            ThresholdSwitch(r_ins=r_ins, r_met=r_met, v_th=v_th, v_hold=v_hold)
        except ValueError as error:
            raise ValueError(f"{self.source}: {error}") from None
        window = (r_met * (supply - v_hold) / v_hold, r_ins * (supply - v_th) / v_th)
        fall = float(np.median(self.down[1] - self.down[0]))
        ends = math.log(self.high / self.low)
        before, after = math.log(v_th / self.high) / ends * fall, math.log(self.low / v_hold) / ends * fall
        t_met = before + fall + after
        t_ins = float(np.median(np.diff(self.down[0]))) - t_met
        samples = t_met / float(np.median(np.diff(self.time)))
        if samples < 4 or t_ins <= 0:
            raise ValueError(
                f"{self.source}: wanted at least 4 samples in a fall of the voltage, not {samples:.1f}; sample faster"
            )
        if window[0] >= window[1] * 0.999:
            raise ValueError(
                f"{self.source}: no series resistance lets R_ins {r_ins:.4g} ohm and R_met {r_met:.4g} ohm oscillate "
                f"between {v_hold:.4g} V and {v_th:.4g} V at a supply of {supply:.4g} V"
            )

        def phases(resistance: float) -> tuple[float, float]:
            a, b = r_ins / (resistance + r_ins), r_met / (resistance + r_met)
            ins, met = supply * a, supply * b
            return (
                resistance * a * math.log((ins - v_hold) / (ins - v_th)),
                resistance * b * math.log((v_th - met) / (v_hold - met)),
            )

        def excess(log_resistance: float) -> float:
            ins, met = phases(math.exp(log_resistance))
            return math.log(ins / met) - math.log(t_ins / t_met)

        low, high = math.log(window[0]) + 1e-6, math.log(window[1]) - 1e-6
        if excess(low) > 0 or excess(high) < 0:
            resistance = math.exp(low if excess(low) > 0 else high)
        else:
            resistance = math.exp(float(optimize.brentq(excess, low, high)))
        times = np.stack([self.down[0] - before, self.down[1] + after], axis=1).ravel()
        return resistance, (t_ins + t_met) / sum(phases(resistance)), times

    def _states(self, p: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Beginnings, voltages there, targets and time constants of the pieces (equation 2)."""
        capacitance, resistance, r_ins, r_met = (math.exp(min(max(x, -80.0), 80.0)) for x in p[:4])
        pieces = len(p) - 4
        target, tau = np.empty(pieces), np.empty(pieces)
        for n, r in enumerate((r_ins, r_met)):
            target[n::2] = self.supply * r / (resistance + r)
            tau[n::2] = capacitance * resistance * r / (resistance + r)
        begin = np.concatenate([[0.0], p[5:]])
        v = np.empty(pieces)
        v[0] = p[4]
        decay = np.exp(np.clip(-np.diff(begin) / tau[:-1], -40, 40))
        for n in range(pieces - 1):
            v[n + 1] = target[n] + (v[n] - target[n]) * decay[n]
        return begin, v, target, tau

    def fit(self, priors: list[Value], r_met: float) -> TransientFit:
        resistance, capacitance, times = self._first(priors[0].value, r_met)
        start, scale = self.time[0], float(np.median(np.diff(self.down[0])))
        t = (self.time - start) / scale
        free = [capacitance / scale, resistance, priors[0].value, r_met]
        p = np.concatenate([np.log(free), [self.v[0]], (times - start) / scale])
        given = np.log([prior.value for prior in priors])
        known = np.array([max(prior.sigma / prior.value, 1e-6) for prior in priors])
        rows = slice(2, 2 + len(priors))

        def model(p: Floats) -> Floats:
            begin, v, target, tau = self._states(p)
            n = np.searchsorted(begin[1:], t, side="right")
            return np.asarray(target[n] + (v[n] - target[n]) * np.exp(np.clip(-(t - begin[n]) / tau[n], -40, 40)))

        noise, misfit = self.noise, 1.0
        for _ in range(3):

            def residual(p: Floats, noise: float = noise) -> Floats:
                return np.concatenate([(model(p) - self.v) / noise, (p[rows] - given) / known])

            result = optimize.least_squares(residual, p, method="lm", max_nfev=60 * len(p))
            p = result.x
            change = math.sqrt(float(np.mean(result.fun[: len(t)] ** 2)) * len(t) / max(1, len(t) - len(p)))
            if not math.isfinite(change) or change == 0:
                break
            noise, misfit = noise * change, misfit * change
            if abs(change - 1) < 0.05:
                break
        jacobian = np.asarray(result.jac)
        covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True)
        return self._result(p, covariance, scale, noise, misfit, model(p))

    def _result(
        self, p: Floats, covariance: Floats, scale: float, noise: float, misfit: float, fitted: Floats
    ) -> TransientFit:
        def derived(p: Floats) -> list[Floats]:
            begin, v = self._states(p)[:2]
            on, off = begin[1::2] * scale, begin[2::2] * scale
            insulating, metallic = on[1:] - off[:-1], off - on
            period = insulating + metallic[1:]
            return [v[1::2], v[2::2], insulating, metallic, period, insulating / period]

        base, step = derived(p), 1e-6
        slopes = [
            [(moved - value) / step for moved, value in zip(derived(p + step * unit), base, strict=True)]
            for unit in np.eye(len(p))
        ]
        count = self.count
        _, _, target, tau = self._states(p)
        levels = [float(base[n].mean()) for n in (0, 1)]
        sampling = [_student(count - 1) * float(np.std(base[n], ddof=1)) / math.sqrt(count) for n in (0, 1)]
        # Derivatives to V_th and V_hold: of themselves, of T_ins (equation 3), of T_met (equation 4).
        ins, met = (
            [sign * scale * tau[n] / abs(target[n] - level) for sign, level in zip((1, -1), levels, strict=True)]
            for n in (0, 1)
        )
        means = [float(values.mean()) for values in base]
        period_mean = means[2] + means[3]
        duty = [(a * means[3] - b * means[2]) / period_mean**2 for a, b in zip(ins, met, strict=True)]
        gradients = [(1, 0), (0, 1), ins, met, [a + b for a, b in zip(ins, met, strict=True)], duty]

        def value(n: int, unit: str) -> Value:
            jacobian = np.array([slope[n].mean() for slope in slopes])
            own = MARGIN * math.sqrt(max(0.0, float(jacobian @ covariance @ jacobian)))
            return Value(means[n], math.hypot(own, *(g * e for g, e in zip(gradients[n], sampling, strict=True))), unit)

        def spread(n: int, unit: str) -> Value:
            jacobian = np.stack([slope[n] - slope[n].mean() for slope in slopes], axis=1)
            size = jacobian.shape[0]
            own = max(0.0, float(np.einsum("ij,jk,ik", jacobian, covariance, jacobian))) / (size - 1)
            return _spread(float(np.std(base[n], ddof=1)), size, own, math.sqrt(own / (2 * (size - 1))), unit)

        period = value(4, "s")
        sizes = np.exp(p[:4]) * [scale, 1, 1, 1]
        errors = MARGIN * sizes * np.sqrt(np.maximum(np.diag(covariance)[:4], 0.0))
        capacitance, resistance, r_ins, r_met = (
            Value(float(size), float(error), unit)
            for size, error, unit in zip(sizes, errors, ("F", "ohm", "ohm", "ohm"), strict=True)
        )
        if not all(
            math.isfinite(found.value) and math.isfinite(found.sigma) for found in (capacitance, resistance, period)
        ):
            raise ValueError(f"{self.source}: the two-state model does not fit this waveform")
        return TransientFit(
            frequency=Value(1 / period.value, period.sigma / period.value**2, "Hz"),
            duty=value(5, ""),
            t_ins=value(2, "s"),
            t_met=value(3, "s"),
            jitter=spread(4, "s"),
            v_th=value(0, "V"),
            v_hold=value(1, "V"),
            v_th_c2c=spread(0, "V"),
            v_hold_c2c=spread(1, "V"),
            series_resistance=resistance,
            capacitance=capacitance,
            r_ins=r_ins,
            r_met=r_met,
            supply=self.supply,
            noise=Value(noise, noise / math.sqrt(2 * len(self.time)), "V"),
            misfit=misfit,
            time=self.time,
            voltage=fitted,
        )


def _crossing(time: Floats, voltage: Floats, before: NDArray[np.intp], after: NDArray[np.intp], level: float) -> Floats:
    """When the voltage crosses a level between two samples, by interpolation over what lies between."""
    found = np.empty(len(before))
    for n, (a, b) in enumerate(zip(before, after, strict=True)):
        part = voltage[a : b + 1]
        k = int(np.argmax(part <= level))
        v0, v1 = part[k - 1], part[k]
        found[n] = time[a + k - 1] + (time[a + k] - time[a + k - 1]) * float((v0 - level) / (v0 - v1))
    return found
