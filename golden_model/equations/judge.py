"""What a tick, tables and words cost: the rate of a neuron in continuous time, on ticks, and in integers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from neuristor.golden_model.equations.discretise import discretise
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.neuron import EquationBitTrue, EquationParams
from neuristor.golden_model.equations.numeric import FloatTick
from neuristor.golden_model.equations.reference import Equations, Trajectory, follow
from neuristor.golden_model.equations.ticks import float_rate, late_rate, round_ticks

__all__ = ["Judged", "exact_run", "judge", "longest_tick"]

SPIKES = 12
"""Spikes that a run should have; the first half of them does not count."""
MOST_TICKS = 400_000
"""Longest run, in ticks."""
LEAST_SPIKES = 20
"""Spikes in a stretch of time from which a mean rate is taken."""
RANDOM_SPIKES = 400
"""Spikes of a neuron that is random."""
NEURONS = 16
"""Random neurons of which ticks and circuit are the mean."""
MOST_NOISY_TICKS = 16_000
"""Longest run of a neuron with white noise, in ticks."""


def _relative(rate: float, exact: float) -> float:
    return rate / exact - 1 if exact else math.inf if rate else 0.0


@dataclass(frozen=True)
class Judged:
    """Rates of a neuron, in hertz.

    Parameters
    ----------
    exact : float
        In continuous time, by SciPy.
    on_ticks : float
        By the formulas of a tick.
    bit_true : float
        In integers.
    saturations : int
        Updates that were clamped.
    ticks : int
        Length of the run.
    reached : dict of str to (float, float)
        Lowest and highest value of each state in continuous time.
    chance : float
        For a random neuron, the standard error of `error` as far as it is by chance; else 0.
    """

    exact: float
    on_ticks: float
    bit_true: float
    saturations: int
    ticks: int
    reached: dict[str, tuple[float, float]]
    chance: float = 0.0

    @property
    def step_error(self) -> float:
        """Relative error of the tick; infinite if the neuron fires on ticks only."""
        return _relative(self.on_ticks, self.exact)

    @property
    def error(self) -> float:
        """Relative error of the circuit, tables and words included; infinite if it fires in the circuit only."""
        return _relative(self.bit_true, self.exact)


def exact_run(params: EquationParams, current: float, ticks: int) -> Trajectory:
    """The first neuron of an array in continuous time.

    Parameters
    ----------
    params : EquationParams
        Parameters of an array.
    current : float
        Constant input, in its SI unit.
    ticks : int
        Length of the run.
    """
    start = {name: float(column[0]) for name, column in params.float_tick.start(1).items()}
    values = {symbol: float(np.ravel(value)[0]) for symbol, value in params.own_values.items()}
    duration = ticks * params.dt
    times = np.linspace(0, duration, 2000)
    if params.system.noise:  # it has one value in each tick
        stretches = [((n + 1) * params.dt, current) for n in range(ticks)]
        return follow(Equations(params.system, values), start, stretches, times[:-1], longest=params.dt)
    return follow(Equations(params.system, values), start, [(duration, current)], times, longest=20 * params.dt)


def judge(params: EquationParams, current: float = 0.0) -> Judged:
    """Compare the rates of one neuron.

    Parameters
    ----------
    params : EquationParams
        Parameters of an array; its first neuron is compared.
    current : float
        Constant input, in its SI unit.

    Returns
    -------
    Judged
        The rates; 0 where it does not fire repeatedly.
    """
    if params.system.noisy:
        return _judge_random(params, current)
    ticks = 4000
    exact = exact_run(params, current, ticks)
    while len(exact.spikes) < SPIKES and 4 * ticks <= MOST_TICKS:
        ticks *= 4
        exact = exact_run(params, current, ticks)
    bit_true = EquationBitTrue(replace(params, count=1))
    state = [int(getattr(bit_true, name)[0]) for name in bit_true.rule.state]
    own = [int(getattr(params, name)[0]) for name in bit_true.rule.parameters]
    lag = bit_true.rule.state.index("lag") if "lag" in bit_true.rule.state else None
    drive = int(params.drive_raw(np.full(params.count, current))[0])
    times, saturations = [], 0
    for n in range(ticks):
        *state, spike, clipped = params.step(params.raw, *state, *own, drive)
        saturations += bool(clipped)
        if spike:
            times.append((n + 1 - (0.0 if lag is None else state[lag] / 256)) * params.dt)
    return Judged(
        exact=late_rate(exact.spikes),
        on_ticks=float_rate(params.float_tick, current, ticks),
        bit_true=late_rate(times),
        saturations=saturations,
        ticks=ticks,
        reached={name: (float(column.min()), float(column.max())) for name, column in exact.samples.items()},
    )


def _judge_random(params: EquationParams, current: float) -> Judged:
    """`judge` for neurons that are random: mean rates, and how far they differ by chance."""
    most = MOST_NOISY_TICKS if params.system.noise else MOST_TICKS
    ticks = 4000
    exact = exact_run(params, current, ticks)
    while len(exact.spikes) < RANDOM_SPIKES and 4 * ticks <= most:
        ticks *= 4
        exact = exact_run(params, current, ticks)
    several = replace(params, count=NEURONS)
    bit_true, state = EquationBitTrue(several), several.float_tick.start(NEURONS)
    drive, given = several.drive_raw(np.full(NEURONS, current)), np.full(NEURONS, current)
    steps = max(4000, ticks // NEURONS)
    on_ticks, in_words = 0, 0
    for n in range(steps):
        spike = bit_true.step(drive)
        state, float_spike = several.float_tick.step(state, given)
        if n >= steps // 5:
            in_words += int(np.sum(spike))
            on_ticks += int(np.sum(float_spike))
    # In the same stretch of time, if it has enough spikes: a device that ages has no other mean.
    spikes = np.asarray(exact.spikes)
    same = spikes[(spikes > steps // 5 * params.dt) & (spikes <= steps * params.dt)]
    intervals = np.diff(same) if len(same) > LEAST_SPIKES else np.diff(spikes)[len(spikes) // 5 :]
    seconds = NEURONS * (steps - steps // 5) * params.dt
    chance = 0.0
    if len(intervals) > 1 and in_words:
        chance = float(intervals.std() / intervals.mean() * np.sqrt(1 / len(intervals) + 1 / in_words))
    return Judged(
        exact=float(1 / intervals.mean()) if len(intervals) > 1 else 0.0,
        on_ticks=on_ticks / seconds,
        bit_true=in_words / seconds,
        saturations=bit_true.saturations,
        ticks=steps,
        reached={name: (float(column.min()), float(column.max())) for name, column in exact.samples.items()},
        chance=chance,
    )


def longest_tick(params: EquationParams, current: float, target: float) -> tuple[float, float]:
    """The longest tick whose error is within a target.

    Parameters
    ----------
    params : EquationParams
        Parameters of an array; its tick is where the search begins.
    current : float
        Constant input, in its SI unit.
    target : float
        Largest relative error of the rate.

    Returns
    -------
    tick : float
        In second: 1, 2 or 5 times a power of ten.
    error : float
        Its error.

    Raises
    ------
    EquationError
        If the neuron does not fire repeatedly, or no tick down to a thousandth of the given one is short enough.
    """
    exact = late_rate(exact_run(params, current, MOST_TICKS // 20).spikes)
    if not exact:
        raise EquationError(f"{params.system.model.name}: the neuron does not fire repeatedly under this input")
    values = dict(params.own_values)
    ticks = round_ticks(10 * params.dt, 4)
    for tick in ticks:
        steps = min(MOST_TICKS, max(4000, round(2 * SPIKES / exact / tick)))
        found = float_rate(FloatTick(discretise(params.system, tick), values), current, steps)
        if found and abs(found / exact - 1) <= target:
            return tick, found / exact - 1
    raise EquationError(
        f"{params.system.model.name}: no tick down to {ticks[-1]:g} s keeps the rate within {target:.2%}"
    )
