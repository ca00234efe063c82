"""The parameters of a threshold-switch circuit from its measured oscillation.

The whole waveform is fitted with equation 2 of `threshold_switch`: exponentials towards ``v_ins`` and
``v_met`` that join at free switching times. The parameters of the fit are C, R_s, the two resistances
of the device (with their given uncertainty as prior), and the times. V_th and V_hold of each cycle are
the voltages at which the exponentials join. The voltage alone does not determine the scale of the
impedances, so R_ins must be given; R_met may be fitted.

A second fit leaves out the samples next to the switching times. If C or R_s then differ by more than
three standard errors, the transition takes time: the second fit is the result, and half of the
difference is a part of its uncertainty.

Successive periods share a threshold and are not independent. Therefore the cycle-to-cycle errors of the
times follow from those of V_th and V_hold, by the derivatives of equations 3 and 4.

References
----------
P. Maffezzoni, L. Daniel, N. Shukla, S. Datta and A. Raychowdhury, IEEE Trans. Circuits Syst. I
62(9), 2015.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.measurement import Measurement
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.devices.uncertainty import Value, standard_deviation, student

__all__ = ["TransientFit", "fit_transient"]

MAX_CYCLES = 24
"""Largest number of cycles of a transient that are fitted."""
MAX_SAMPLES = 100_000
"""Largest number of samples of a transient that are fitted, unless three cycles have more."""

MISFIT = 1.5
"""From this ratio of residual to noise, a fit is called bad."""
CORNERS = (0.2, 0.95)
"""Part of each phase in which a slow transition of the device does not show."""
MARGIN = 1.163
"""Half of the 98 % interval of the normal distribution, in standard errors."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TransientFit:
    """Parameters of the circuit from its oscillation."""

    frequency: Value
    """In hertz."""
    duty: Value
    """Fraction of a period in the insulating state."""
    t_ins: Value
    """Mean time T_ins in the insulating state, in second."""
    t_met: Value
    """Mean time T_met in the metallic state, in second."""
    jitter: Value
    """Standard deviation of the period, in second."""
    v_th: Value
    """Mean threshold voltage V_th, in volt."""
    v_hold: Value
    """Mean hold voltage V_hold, in volt."""
    v_th_c2c: Value
    """Cycle-to-cycle standard deviation of V_th, in volt."""
    v_hold_c2c: Value
    """Cycle-to-cycle standard deviation of V_hold, in volt."""
    series_resistance: Value
    """R_s, in ohm."""
    capacitance: Value
    """C, in farad."""
    r_ins: Value
    """Resistance of the insulating state, in ohm."""
    r_met: Value
    """Resistance of the metallic state, in ohm."""
    supply: float
    """Magnitude of the supply voltage V_DD, in volt."""
    noise: Value
    """Standard deviation of the samples around the fit, in volt."""
    misfit: float
    """Ratio of `noise` to the scatter of neighbouring samples; far above 1 if the model is wrong."""
    problems: tuple[str, ...]
    """What the two-state model misses; empty for a good fit."""
    time: Floats
    """Shape (points,): times of the fitted samples, in second."""
    voltage: Floats
    """Shape (points,): fitted voltage at these times, in volt; positive."""


def fit_transient(
    measurement: Measurement,
    *,
    r_ins: Value | float,
    r_met: Value | float | None = None,
    supply: float | None = None,
    r_ins_range: tuple[float, float] | None = None,
) -> TransientFit:
    """Fit C, R_s and the thresholds to the oscillating voltage across the device.

    Parameters
    ----------
    measurement : Measurement
        Of kind ``transient``; its longest record is used.
    r_ins : Value or float
        Resistance of the insulating state, in ohm; above 0. Its uncertainty propagates to the results.
    r_met : Value or float, optional
        Resistance of the metallic state, in ohm; above 0. Fitted by default.
    supply : float, optional
        V_DD, in volt; by default that of the record.
    r_ins_range : (float, float), optional
        Resistance of an insulating state that is not ohmic, at V_hold and at V_th, in ohm; above 0. The fit is
        repeated with each, and half of the largest change is a part of the uncertainty.

    Returns
    -------
    TransientFit
        The fit with the smallest residual.

    Raises
    ------
    ValueError
        If the measurement is not a transient, has no supply voltage, has fewer than 4 oscillations or too
        few samples in a fall of the voltage, or if a circuit with this supply and these resistances could
        not oscillate so.
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
    for bound in r_ins_range or ():
        positive("r_ins_range", bound)
    wave = _Wave(measurement.source, sweep.time, sign * sweep.voltage, supply)
    best = _best(wave, priors, bool(r_met))
    if r_ins_range is None:
        return best
    others = [_best(wave, [Value(bound, 0.0, "ohm"), *priors[1:]], bool(r_met)) for bound in r_ins_range]
    changed: dict[str, Any] = {}
    for name in ("t_ins", "t_met", "v_th", "v_hold", "series_resistance", "capacitance", "r_ins", "r_met"):
        value: Value = getattr(best, name)
        far = max(abs(getattr(other, name).value - value.value) for other in others)
        changed[name] = replace(value, sigma=math.hypot(value.sigma, far / 2))
    return replace(best, **changed)


def _best(wave: _Wave, priors: list[Value], metallic: bool) -> TransientFit:
    """The fit with the smallest residual, from several ratios of the resistances unless both are given."""
    ratios = [priors[1].value / priors[0].value] if metallic else [0.2, 0.03, 0.003]
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
    """The part of a record that is fitted, from one rise of the voltage to a later one.

    Raises
    ------
    ValueError
        If it has fewer than 4 oscillations.
    """

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
        # The extremes of noisy samples exceed the true ones by about two standard deviations.
        edges = [0, *(np.searchsorted(self.time, self.down[0])).tolist(), len(self.v)]
        pieces = [self.v[a:b] for a, b in pairwise(edges[1:])]
        self.v_hold = float(np.median([piece.min() for piece in pieces])) + 2 * self.noise
        self.v_th = float(np.median([piece.max() for piece in pieces])) - 2 * self.noise

    def _first(self, r_ins: float, r_met: float) -> tuple[float, float, Floats]:
        """Initial values of R_s, C and the switching times, from equations 3 and 4.

        Raises
        ------
        ValueError
            If the waveform, the supply and the resistances contradict each other.
        """
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
        """Start times, initial voltages, targets and time constants of the exponentials (equation 2)."""
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
        """Least-squares fit of the waveform; `priors` are R_ins and, if given, R_met."""
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

        def solve(p: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats, float, float]:
            """Parameters, their covariance, noise and misfit, from some of the samples."""
            noise, misfit = self.noise, 1.0
            count = int(inside.sum())
            for _ in range(3):

                def residual(p: Floats, noise: float = noise) -> Floats:
                    return np.concatenate([(model(p) - self.v)[inside] / noise, (p[rows] - given) / known])

                result = optimize.least_squares(residual, p, method="lm", max_nfev=60 * len(p))
                p = result.x
                change = math.sqrt(float(np.mean(result.fun[:count] ** 2)) * count / max(1, count - len(p)))
                if not math.isfinite(change) or change == 0:
                    break
                noise, misfit = noise * change, misfit * change
                if abs(change - 1) < 0.05:
                    break
            jacobian = np.asarray(result.jac)
            return p, np.linalg.pinv(jacobian.T @ jacobian, hermitian=True), noise, misfit

        p, covariance, noise, misfit = solve(p, np.ones(len(t), bool))
        rounded = 0.0
        inside = self._between_corners(p, t)
        if inside is not None:
            other, wider, _, _ = solve(p, inside)
            change = other[:4] - p[:4]
            if (np.abs(change[:2]) > 3 * np.sqrt(np.maximum(np.diag(wider)[:2], 0.0))).any():
                p, covariance, rounded = other, wider, float(np.abs(change[:2]).max())
                covariance[range(4), range(4)] += (change / (2 * MARGIN)) ** 2
        return self._result(p, covariance, scale, noise, misfit, model(p), rounded)

    def _between_corners(self, p: Floats, t: Floats) -> NDArray[np.bool_] | None:
        """The samples away from the switching times; None if too few are left in the shorter phase."""
        begin = np.concatenate([[t[0]], p[5:]])
        end = np.append(begin[1:], t[-1])
        piece = np.clip(np.searchsorted(p[5:], t, side="right"), 0, len(begin) - 1)
        phase = (t - begin[piece]) / np.maximum(end[piece] - begin[piece], 1e-12)
        inside = np.asarray((phase > CORNERS[0]) & (phase < CORNERS[1]))
        return inside if np.bincount(piece[inside], minlength=len(begin))[1:-1].min(initial=5) >= 5 else None

    def _result(
        self,
        p: Floats,
        covariance: Floats,
        scale: float,
        noise: float,
        misfit: float,
        fitted: Floats,
        rounded: float,
    ) -> TransientFit:
        """Quantities of the circuit with their uncertainties, from the parameters and their covariance.

        Raises
        ------
        ValueError
            If the fit has not converged to finite values.
        """

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
        sampling = [student(count - 1) * float(np.std(base[n], ddof=1)) / math.sqrt(count) for n in (0, 1)]
        # Derivatives with respect to V_th and V_hold: of themselves, of T_ins (equation 3) and T_met (equation 4).
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
            return standard_deviation(
                float(np.std(base[n], ddof=1)), size, own, math.sqrt(own / (2 * (size - 1))), unit
            )

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
            problems=_problems(misfit, rounded),
            time=self.time,
            voltage=fitted,
        )


def _problems(misfit: float, rounded: float) -> tuple[str, ...]:
    """What the two-state model misses, in words."""
    found = []
    if misfit > MISFIT:
        found.append(f"the two-state model does not describe the waveform (residual {misfit:.2g} times the noise)")
    if rounded:
        found.append(
            f"the waveform is rounded where the device switches (R_s and C change by up to {rounded:.1%} without "
            "these samples)"
        )
    return tuple(found)


def _crossing(time: Floats, voltage: Floats, before: NDArray[np.intp], after: NDArray[np.intp], level: float) -> Floats:
    """Times at which the falling voltage crosses a level between two samples, by linear interpolation."""
    found = np.empty(len(before))
    for n, (a, b) in enumerate(zip(before, after, strict=True)):
        part = voltage[a : b + 1]
        k = int(np.argmax(part <= level))
        v0, v1 = part[k - 1], part[k]
        found[n] = time[a + k - 1] + (time[a + k] - time[a + k - 1]) * float((v0 - level) / (v0 - v1))
    return found
