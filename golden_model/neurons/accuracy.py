"""Error of the fixed-point neurons against their float model, by cause; and the smallest words that suffice.

A sweep of constant inputs is applied to four models of the same neuron::

    continuous   float, crossings located               the neuron's own equations
    on ticks     float, in steps of dt                  + the time step
    rounded      float, with the circuit's coefficients + the rounding of the coefficients
    bit-true     fixed point                            + the word length

so that the differences of adjacent models add up to the total error. Compared are the mean interval between spikes (not
their number, which depends on the simulated time), the fluctuation of the spike times, and the duty. Spread and
coupling are switched off: they are the same in all four models. What the neuron itself loses of its device is compared
in ``neuristor.golden_model.devices.reduction``.
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
from neuristor.golden_model.units import si

__all__ = ["MODELS", "Accuracy", "Words", "denser", "measure", "smallest", "sweep"]

MODELS = ("continuous", "on ticks", "rounded", "bit-true")
PERIODS = 40
"""Periods of the slowest neuron of a sweep that are simulated."""
MAX_UPDATES = 20_000_000
"""Largest number of ticks times neurons of one model."""
LEAST = 4
"""Smallest number of bits that the search tries."""
WIDEST = {"fraction": 22, "coefficient": 18, "drive": 28}
"""Words at which the search starts, as `NeuronModel.resized` takes them."""
SLOW = 10_000
"""Number of ticks above which the bit-true model is compiled, which takes about a second."""
DENSER = 8
"""Steps between two points of a sweep in the dense sweep on which words are confirmed."""
SKIPPED = 3
"""Spikes at the start that are not counted."""

Floats = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Accuracy:
    """Result of a sweep; the first axis of shape (4, n) is that of `MODELS`."""

    current: Floats
    """Constant input currents, in ampere, shape (n,)."""
    rate: Floats
    """Firing rate in hertz, shape (4, n); NaN where a model does not fire repeatedly."""
    jitter: Floats
    """Root mean square distance of the spike times from evenly spaced ones, in periods, shape (4, n)."""
    duty: Floats
    """Fraction of the time in the metallic state, shape (4, n); NaN for neurons without one."""
    dt: float
    """Time step (tick), in second."""

    def _part(self, later: int, earlier: int) -> Floats:
        return np.asarray((self.rate[later] - self.rate[earlier]) / self.rate[0])

    @property
    def time_step(self) -> Floats:
        """Relative error of the rate caused by the time step, shape (n,)."""
        return self._part(1, 0)

    @property
    def coefficient(self) -> Floats:
        """Relative error of the rate caused by the rounding of the coefficients, shape (n,)."""
        return self._part(2, 1)

    @property
    def word(self) -> Floats:
        """Relative error of the rate caused by the word lengths, shape (n,)."""
        return self._part(3, 2)

    @property
    def total(self) -> Floats:
        """Relative error of the rate, the sum of the three, shape (n,)."""
        return self._part(3, 0)

    @property
    def worst(self) -> float:
        """The largest total error; infinite if a model does not fire where the physics does."""
        return _worst(self.total)


def _worst(error: Floats) -> float:
    return float(np.inf) if np.isnan(error).any() else float(np.abs(error).max())


@dataclass(frozen=True)
class Words:
    """The smallest words that meet a target."""

    params: NeuronParams
    """Parameters of the array, with these words."""
    error: float
    """Largest relative error of the rate with these words."""
    tried: int
    """Number of word lengths that were tried."""


def sweep(model: NeuronModel[Any], params: NeuronParams, low: float, high: float, points: int = 12) -> Floats:
    """Input currents of a range, as far as the neuron fires repeatedly under them.

    A tenth of the range is left out next to the firing threshold, where the rate vanishes, and a twentieth of the
    neuron's whole range at its upper end.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of an array of that model.
    low, high : float
        Lowest and highest current, in ampere; equal for a single input.
    points : int
        Number of currents, at least 2.

    Returns
    -------
    ndarray of float, shape (points,) or (1,)
        Currents in ascending order, in ampere; one if `low` and `high` are equal.

    Raises
    ------
    ValueError
        If there are fewer than two points, or the neuron does not fire repeatedly anywhere in the range.
    """
    if points < 2:
        raise ValueError(f"points must be at least 2, not {points}")
    lowest, highest = model.window(params)
    if not (low <= high and low < highest and high > lowest):
        raise ValueError(
            f"the input must reach the range in which the neuron fires repeatedly, {si(lowest, 'A')} to "
            f"{si(highest, 'A')}; it is {si(low, 'A')} to {si(high, 'A')}"
        )
    if low == high:
        return np.array([low])
    stop = min(high, lowest + 0.95 * (highest - lowest))
    return np.linspace(max(low, lowest + 0.1 * (stop - lowest)), stop, points)


def measure(model: NeuronModel[Any], params: NeuronParams, current: Floats, *, periods: int = PERIODS) -> Accuracy:
    """Apply constant inputs to all four models.

    A ``ValueError`` is raised if the neuron fires under none of them.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of an array of that model; spread and coupling are ignored.
    current : ndarray of float, shape (n,)
        Constant inputs, in ampere.
    periods : int
        Periods of the slowest neuron that are simulated.
    """
    bench = _Bench(model, params, current, periods)
    return bench.accuracy(bench.params)


class _Bench:
    """A sweep, with the results that do not depend on the words, measured once.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of an array of that model.
    current : ndarray of float, shape (n,)
        Constant inputs, in ampere.
    periods : int
        Periods of the slowest neuron that are simulated.

    Raises
    ------
    ValueError
        If the neuron fires under none of them.
    """

    def __init__(self, model: NeuronModel[Any], params: NeuronParams, current: Floats, periods: int = PERIODS) -> None:
        self.model = model
        self.params: NeuronParams = model.alone(params, len(current))
        self.current = current
        rates = model.rate(self.params, current)
        if not (rates > 0).any():
            raise ValueError("current must make the neuron fire somewhere in the sweep")
        wanted = (periods + SKIPPED) / rates[rates > 0].min() / self.params.dt
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
        """Results of all four models with these words.

        Parameters
        ----------
        params : NeuronParams
            Parameters of an array of one neuron for each input.
        """
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
        """Largest relative error of the rate of the bit-true model, with the worst rounding of each input.

        The error caused by the actual rounding of an input follows from the slope of the rate. It is replaced by that
        of half a step of the drive. Otherwise the result would depend on which inputs happen to be near a step.

        Parameters
        ----------
        params : NeuronParams
            Parameters of an array of one neuron for each input.
        """
        exact = np.array([_spacing(found)[0] for found in self.references[0][0]])
        got = np.array([_spacing(found)[0] for found in self._bit_true(params)[0]])
        volts = params.drive_volts(self.current)
        # A circuit with one input alone is compared with that input: no other word stands for it.
        slope = np.gradient(exact, volts) / exact if len(volts) > 1 else np.zeros(1)
        rounded = params.drive.value(params.drive_raw(self.current)) - volts
        rest = got / exact - 1 - slope * rounded
        return _worst(np.abs(rest) + np.abs(slope) * params.drive.resolution / 2)

    def time_step(self) -> float:
        """Largest relative error of the rate caused by the time step alone."""
        exact, stepped = (np.array([_spacing(found)[0] for found in times]) for times, _ in self.references)
        return _worst(stepped / exact - 1)


def _spacing(times: Floats) -> tuple[float, float]:
    """Rate in hertz and jitter in periods of almost evenly spaced spikes; NaN for too few."""
    found = times[SKIPPED:]
    if len(found) < 5:
        return np.nan, np.nan
    number = np.arange(len(found))
    period, start = np.polyfit(number, found, 1)
    return float(1 / period), float(np.std(found - (start + period * number)) / period)


def smallest(
    model: NeuronModel[Any], params: NeuronParams, current: Floats, target: float, say: Say = lambda _: None
) -> Words:
    """Find the smallest words whose firing rate is within a target of the physics under all inputs.

    The search reduces the fraction bits of the membrane, then the bits of the coefficients, then the fraction bits of
    the drive. It stops at the first miss: shorter words that meet the target do so by chance of the rounding. The words
    found must then meet the target on a sweep that is `DENSER` times as dense, and so must the same words with one more
    bit of each kind. If they do not, all words grow by one bit, until they do.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of an array of that model; the bits that the search sets are ignored.
    current : ndarray of float, shape (n,)
        Constant inputs, in ampere.
    target : float
        Largest relative error of the rate, between 0 and 1.
    say : callable
        Called with a line of text at each step.

    Returns
    -------
    Words
        Parameters with the smallest words, and their error.

    Raises
    ------
    ValueError
        If the time step alone misses the target (the message says which time step meets it), or no words meet it.
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
    search = _Search(bench, target, say)
    error = search.confirmed(dense) if search.narrowed() else None
    if error is None:
        raise ValueError(f"target {100 * target:g} % is met by no words; the time step alone has {100 * step:.3g} %")
    return Words(model.resized(params, **search.found), error, search.tried)


class _Search:
    """The search for the smallest words that meet a target; it starts at `WIDEST`.

    Parameters
    ----------
    bench : _Bench
        The sweep.
    target : float
        Largest relative error of the rate.
    say : callable
        Called with a line of text at each step.

    Attributes
    ----------
    found : dict of str to int
        The words found so far.
    tried : int
        Number of word lengths that were tried.
    """

    def __init__(self, bench: _Bench, target: float, say: Say) -> None:
        self._bench, self._target, self._say = bench, target, say
        self.found = dict(WIDEST)
        self.tried = 0

    def _words(self, **bits: int) -> NeuronParams | None:
        """Parameters with the words found so far, but for `bits`; None if they cannot represent the neuron."""
        try:
            made: NeuronParams = self._bench.model.resized(self._bench.params, **(self.found | bits))
        except (ValueError, OverflowError):
            return None
        return made

    def _error(self, bench: _Bench, **bits: int) -> float:
        """Largest error on a sweep with the words found so far, but for `bits`."""
        self.tried += 1
        made = self._words(**bits)
        error = np.inf if made is None else bench.error(made.changed(count=bench.params.count))
        self._say(f"{', '.join(f'{name} {n}' for name, n in (self.found | bits).items())}: {100 * error:.3g} %")
        return error

    def narrowed(self) -> bool:
        """Reduce one word after the other, each until the target is missed; False if the widest words miss it."""
        if self._error(self._bench) > self._target:
            return False
        for name in WIDEST:
            self.found["drive"] = self._bench.model.resized(self._bench.params, **self.found).drive.frac_bits
            # Until the target is missed, or the model has no shorter word of this kind.
            while self.found[name] > LEAST and self._words() != self._words(**(less := {name: self.found[name] - 1})):
                if self._error(self._bench, **less) > self._target:
                    break
                self.found |= less
        return True

    def confirmed(self, dense: _Bench) -> float | None:
        """Widen all words until they meet the target on a dense sweep; the error there, None if no words meet it.

        Parameters
        ----------
        dense : _Bench
            The dense sweep.
        """
        while True:
            more = [{name: bits + 1} for name, bits in self.found.items() if bits < WIDEST[name]]
            own = [each for each in more if self._words(**each) != self._words()]
            reached = self._error(dense)
            if reached <= self._target and all(self._error(dense, **each) <= self._target for each in own):
                return reached
            if not more:
                return None
            for each in more:
                self.found |= each


def denser(current: Floats) -> Floats:
    """The same sweep in `DENSER` times as many steps.

    Parameters
    ----------
    current : ndarray of float, shape (n,)
        Evenly spaced currents.

    Returns
    -------
    ndarray of float, shape (DENSER * (n - 1) + 1,)
        Currents over the same range, in the same unit.
    """
    return np.linspace(current[0], current[-1], DENSER * (len(current) - 1) + 1)


def _tick(model: NeuronModel[Any], params: NeuronParams, current: Floats, target: float, say: Say) -> float:
    """A time step in second whose error alone is at most half the target."""
    dt = params.dt
    for _ in range(12):
        dt /= 2
        step = _Bench(model, params.changed(dt=dt), current).time_step()
        say(f"a tick of {dt:.3g} s: {100 * step:.3g} %")
        if step <= target / 2:
            return float(dt)
    return float(dt)
