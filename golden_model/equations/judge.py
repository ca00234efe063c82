"""What a tick, tables and words cost: the rate of a neuron in continuous time, on ticks, and in integers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neuristor.golden_model.equations.discretise import discretise
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.neuron import EquationBitTrue, EquationParams
from neuristor.golden_model.equations.numeric import FloatTick
from neuristor.golden_model.equations.reference import Trajectory, follow
from neuristor.golden_model.equations.ticks import float_rate, late_rate, round_ticks

__all__ = ["Judged", "exact_run", "judge", "longest_tick"]

SPIKES = 12
"""Spikes that a run should have; the first half of them does not count."""
MOST_TICKS = 400_000
"""Longest run, in ticks."""


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
    """

    exact: float
    on_ticks: float
    bit_true: float
    saturations: int
    ticks: int
    reached: dict[str, tuple[float, float]]

    @property
    def step_error(self) -> float:
        """Relative error of the tick."""
        return self.on_ticks / self.exact - 1 if self.exact else 0.0

    @property
    def error(self) -> float:
        """Relative error of the circuit, tables and words included."""
        return self.bit_true / self.exact - 1 if self.exact else 0.0


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
    return follow(params.system, values, start, [(duration, current)], times, longest=20 * params.dt)


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
