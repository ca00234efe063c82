"""How far the fixed-point neurons are from the physics, by cause; and the smallest words that are close enough.

A sweep of constant inputs goes through four models of the same neuron::

    continuous   float, crossings located               the physics
    on ticks     float, in steps of dt                  + the time step
    rounded      float, with the circuit's coefficients + the rounding of the coefficients
    bit-true     fixed point                            + the word length

so that the differences of neighbours add up to the whole error. What is compared is the mean interval
between spikes (not their number, which depends on the window), the fluctuation of the intervals'
positions, and the duty. Spread and neighbours are switched off: they are the same in all four.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams, spike_times

__all__ = ["MODELS", "Accuracy", "Words", "denser", "measure", "smallest", "sweep"]

MODELS = ("continuous", "on ticks", "rounded", "bit-true")
PERIODS = 40
"""Periods that the slowest neuron of a sweep fires."""
MAX_UPDATES = 20_000_000
"""Ticks times neurons of one model."""
LEAST = 4
"""Bits below which the search does not go."""
SLOW = 10_000
"""Ticks from which compiling the bit-true model is worth its second."""
DENSER = 8
"""Steps between the points of a sweep, where words are confirmed."""
SKIPPED = 3
"""Spikes at the beginning that are not counted."""

Floats = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Accuracy:
    """What a sweep gave. The first axis is that of `MODELS`."""

    current: Floats
    """Shape (n,), in ampere."""
    rate: Floats
    """Spikes a second, shape (4, n); NaN where a model did not fire repeatedly."""
    jitter: Floats
    """Root mean square of the spike times about evenly spaced ones, in periods, shape (4, n)."""
    duty: Floats
    """Fraction of the time in the metallic state, shape (4, n); NaN for neurons without one."""
    dt: float

    def _part(self, later: int, earlier: int) -> Floats:
        return np.asarray((self.rate[later] - self.rate[earlier]) / self.rate[0])

    @property
    def time_step(self) -> Floats:
        """Relative error of the rate from the time step, shape (n,)."""
        return self._part(1, 0)

    @property
    def coefficient(self) -> Floats:
        """... from the rounding of the coefficients, shape (n,)."""
        return self._part(2, 1)

    @property
    def word(self) -> Floats:
        """... from the word length, shape (n,)."""
        return self._part(3, 2)

    @property
    def total(self) -> Floats:
        """The sum of the three, shape (n,)."""
        return self._part(3, 0)

    @property
    def worst(self) -> float:
        """The largest total error; infinite if a model is silent where the physics fires."""
        return _worst(self.total)


def _worst(error: Floats) -> float:
    return float(np.inf) if np.isnan(error).any() else float(np.abs(error).max())


@dataclass(frozen=True)
class Words:
    """The smallest words that meet a target."""

    params: NeuronParams
    """Parameters of the array, with these words."""
    error: float
    """Largest relative error of the rate they have."""
    tried: int
    """How many words were tried."""


def sweep(model: NeuronModel[Any], params: NeuronParams, points: int = 12, highest: float = 0.0) -> Floats:
    """Input currents from near the firing threshold upwards.

    Parameters
    ----------
    model : NeuronModel
    params : NeuronParams
        Parameters of an array of that model.
    points : int
        At least 2.
    highest : float
        The sweep reaches at least this, in ampere, as far as the neuron can be driven.

    Returns
    -------
    ndarray of float, shape (points,)
        In ampere.

    Raises
    ------
    ValueError
        If there are fewer than two points.
    """
    if points < 2:
        raise ValueError(f"points must be at least 2, not {points}")
    low, high = model.window(params)
    top = min(low + 0.95 * (high - low), max(highest, low + 3 * abs(low)))
    return np.linspace(low + 0.1 * (top - low), top, points)


def measure(model: NeuronModel[Any], params: NeuronParams, current: Floats) -> Accuracy:
    """Send constant inputs through all four models.

    Parameters
    ----------
    model : NeuronModel
    params : NeuronParams
        Spread and coupling are ignored.
    current : ndarray of float, shape (n,)
        In ampere.
    """
    bench = _Bench(model, params, current)
    return bench.accuracy(bench.params)


class _Bench:
    """A sweep, and what does not depend on the words, measured once."""

    def __init__(self, model: NeuronModel[Any], params: NeuronParams, current: Floats) -> None:
        self.model = model
        self.params: NeuronParams = model.alone(params, len(current))
        self.current = current
        rates = model.rate(self.params, current)
        if not (rates > 0).any():
            raise ValueError("current must make the neuron fire somewhere in the sweep")
        wanted = (PERIODS + SKIPPED) / rates[rates > 0].min() / self.params.dt
        self.ticks = int(min(max(wanted, 100), MAX_UPDATES / len(current)))
        self.volts = np.tile(self.params.drive_volts(current), (self.ticks, 1))
        self.references = [self._float(self.params, locate=True), self._float(self.params, locate=False)]

    def _float(self, params: NeuronParams, **how: bool) -> tuple[list[Floats], Floats]:
        trace, times = self.model.reference(params, **how).run(self.volts)
        return times, self._duty(trace, times)

    def _bit_true(self, params: NeuronParams) -> tuple[list[Floats], Floats]:
        model = self.model.bit_true(params)
        drive = np.tile(params.drive_raw(self.current), (self.ticks, 1))
        fast = self.ticks > SLOW and kernel.available()
        trace = kernel.run(model, drive, keep=True) if fast else model.run(drive)
        times = spike_times(params, trace)
        return times, self._duty(trace, times)

    def _duty(self, trace: dict[str, NDArray[Any]], times: list[Floats]) -> Floats:
        if "metallic" not in trace:
            return np.full(len(times), np.nan)
        made = []
        for n, found in enumerate(times):
            ticks = np.ceil(found[SKIPPED:] / self.params.dt - 1e-6).astype(int)  # whole periods
            made.append(trace["metallic"][ticks[0] : ticks[-1], n].mean() if len(ticks) > 1 else np.nan)
        return np.array(made)

    def accuracy(self, params: NeuronParams) -> Accuracy:
        """All four models with these words."""
        results = [*self.references, self._float(params, locate=False, rounded=True), self._bit_true(params)]
        spacing = np.array([[_spacing(found) for found in times] for times, _ in results])
        return Accuracy(
            current=self.current,
            rate=spacing[..., 0],
            jitter=spacing[..., 1],
            duty=np.array([duty for _, duty in results]),
            dt=self.params.dt,
        )

    def error(self, params: NeuronParams) -> float:
        """Largest relative error of the rate of the bit-true model, were each input rounded at its worst.

        What the rounding of an input did is known from the slope of the rate; half a step of the drive, either
        way, takes its place. Else the words would be judged by which inputs happen to be near a step.
        """
        exact = np.array([_spacing(found)[0] for found in self.references[0][0]])
        got = np.array([_spacing(found)[0] for found in self._bit_true(params)[0]])
        volts = params.drive_volts(self.current)
        slope = np.gradient(exact, volts) / exact
        rounded = params.drive.value(params.drive_raw(self.current)) - volts
        rest = got / exact - 1 - slope * rounded
        return _worst(np.abs(rest) + np.abs(slope) * params.drive.resolution / 2)

    def time_step(self) -> float:
        """Largest relative error of the rate from the time step alone."""
        exact, stepped = (np.array([_spacing(found)[0] for found in times]) for times, _ in self.references)
        return _worst(stepped / exact - 1)


def _spacing(times: Floats) -> tuple[float, float]:
    """Rate and jitter of evenly spaced spikes."""
    found = times[SKIPPED:]
    if len(found) < 5:
        return np.nan, np.nan
    number = np.arange(len(found))
    period, start = np.polyfit(number, found, 1)
    return float(1 / period), float(np.std(found - (start + period * number)) / period)


def smallest(
    model: NeuronModel[Any], params: NeuronParams, current: Floats, target: float, say: Say = lambda _: None
) -> Words:
    """The smallest words whose rate is everywhere within a target of the physics.

    First the fewest fraction bits of the membrane, then of the coefficients, then of the drive. From wide
    words down to the first miss: what is good below that is luck of the rounding. What is found must then
    hold on a sweep `DENSER` times as dense, and so must the same words with one bit more of each kind; if
    not, all grow by a bit, until they do.

    Parameters
    ----------
    model : NeuronModel
    params : NeuronParams
        Parameters of the array; its words are where the search begins.
    current : ndarray of float, shape (n,)
        In ampere.
    target : float
        Largest relative error of the rate, above 0.
    say : callable
        Told each step.

    Returns
    -------
    Words

    Raises
    ------
    ValueError
        If the time step alone misses the target (with the tick that would meet it), or no words do.
    """
    if not 0 < target < 1:
        raise ValueError(f"target must be between 0 and 1, not {target!r}")
    bench = _Bench(model, params, current)
    dense = _Bench(model, params, denser(current))
    step = dense.time_step()
    say(f"time step: {100 * step:.3g} %")
    if step > target:
        raise ValueError(
            f"target {100 * target:g} % cannot be met with a tick of {params.dt:.4g} s, whose error alone is "
            f"{100 * step:.3g} %; set dt to {_tick(model, params, current, target, say):.3g} s or less"
        )
    tried = 0
    widest = {"fraction": 22, "coefficient": 18, "drive": 28}
    found = dict(widest)

    def words(**bits: int) -> NeuronParams | None:
        try:
            made: NeuronParams = model.resized(bench.params, **(found | bits))
        except (ValueError, OverflowError):  # such words cannot hold this neuron
            return None
        return made

    def error(judge: _Bench, **bits: int) -> float:
        nonlocal tried
        tried += 1
        made = words(**bits)
        got = np.inf if made is None else judge.error(made.changed(count=judge.params.count))
        say(f"{', '.join(f'{name} {n}' for name, n in (found | bits).items())}: {100 * got:.3g} %")
        return got

    missed = f"target {100 * target:g} % is met by no words; the time step alone has {100 * step:.3g} %"
    if error(bench) > target:
        raise ValueError(missed)
    for name in widest:
        found["drive"] = model.resized(bench.params, **found).drive.frac_bits
        # Until the target is missed, or there is no such word in this model.
        while found[name] > LEAST and words() != words(**(less := {name: found[name] - 1})):
            if error(bench, **less) > target:
                break
            found |= less
    while True:
        more = [{name: bits + 1} for name, bits in found.items() if bits < widest[name]]
        own = [each for each in more if words(**each) != words()]
        reached = error(dense)
        if reached <= target and all(error(dense, **each) <= target for each in own):
            return Words(model.resized(params, **found), reached, tried)
        if not more:
            raise ValueError(missed)
        for each in more:
            found |= each


def denser(current: Floats) -> Floats:
    """The same sweep in `DENSER` times as many steps."""
    return np.linspace(current[0], current[-1], DENSER * (len(current) - 1) + 1)


def _tick(model: NeuronModel[Any], params: NeuronParams, current: Floats, target: float, say: Say) -> float:
    """A tick whose error alone is at most half the target, in second."""
    dt = params.dt
    for _ in range(12):
        dt /= 2
        step = _Bench(model, params.changed(dt=dt), current).time_step()
        say(f"a tick of {dt:.3g} s: {100 * step:.3g} %")
        if step <= target / 2:
            return float(dt)
    return float(dt)
