"""How long a tick may be: the rate of a neuron by the formulas of a tick, and the refusal of one that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from neuristor.golden_model.equations.discretise import discretise
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.numeric import FloatTick
from neuristor.golden_model.equations.system import System, read
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.units import si

__all__ = ["check_tick", "float_rate", "late_rate", "round_ticks"]

LARGEST_CHANGE = 0.1
"""Relative change of the rate at which a tick is refused."""
GOOD = 0.01
"""Relative change of the rate with the tick that is recommended then."""
TICKS = 8_000
"""Length of the run, in ticks of the model."""


def late_rate(times: Any) -> float:
    """The rate of the second half of the spikes, in hertz; 0 with fewer than three.

    Parameters
    ----------
    times : array_like of float, shape (spikes,)
        Times of the spikes, in second.
    """
    late = np.asarray(times, dtype=np.float64)[len(times) // 2 :]
    return float((len(late) - 1) / (late[-1] - late[0])) if len(late) > 1 and len(times) > 2 else 0.0


def float_rate(tick: FloatTick, current: float, ticks: int) -> float:
    """The rate of a neuron by the formulas of a tick, in hertz.

    Parameters
    ----------
    tick : FloatTick
        The formulas.
    current : float
        Constant input, in its SI unit.
    ticks : int
        Length of the run.
    """
    h = tick.tick.h
    state, times = tick.start(1), []
    drive = np.full(1, current)
    for n in range(ticks):
        state, spike = tick.step(state, drive)
        if spike[0]:
            times.append((n + 1 - float(state["lag"][0]) if "lag" in state else n + 1) * h)
    return late_rate(times)


def round_ticks(longest: float, decades: int) -> list[float]:
    """Ticks of 5, 2 and 1 times powers of ten, the longest first.

    Parameters
    ----------
    longest : float
        The first one has the power of ten of this, in second.
    decades : int
        Powers of ten.
    """
    top = 10.0 ** np.floor(np.log10(longest))
    return [float(digit * top * 10.0**-power) for power in range(decades) for digit in (5, 2, 1)]


@lru_cache(maxsize=64)
def check_tick(text: str, values: tuple[tuple[str, float], ...], dt: float) -> None:
    """Refuse a tick with which a neuron fires at another rate than with the tick of its model.

    Both rates are those of one neuron without neighbours under the usual input. A tick up to that of the model is not
    checked, nor is a model that has none, is random or does not fire under that input.

    Parameters
    ----------
    text : str
        The model, as JSON.
    values : tuple of (str, float)
        Parameters that differ from those of the model, in SI units.
    dt : float
        Time step (tick), in second.

    Raises
    ------
    EquationError
        If the rates differ by more than a tenth; the message names the longest tick with a hundredth.
    """
    system = read(Model.model_validate_json(text)).alone()
    if system.model.tick is None or system.noisy:
        return
    own = quantity(system.model.tick, "s")[0]
    if dt <= own:
        return
    changed = {system.parameters[name][0]: value for name, value in values}
    duration = TICKS * own
    expected = _rate(system, changed, own, duration)
    if not expected or abs(_rate(system, changed, dt, duration) / expected - 1) <= LARGEST_CHANGE:
        return
    shorter = [tick for tick in round_ticks(dt, 10) if own < tick < dt]
    good = (tick for tick in shorter if abs(_rate(system, changed, tick, duration) / expected - 1) <= GOOD)
    best = next(good, own)
    raise EquationError(
        f"{system.model.name}: dt must be at most {si(best, 's')}, not {si(dt, 's')}, with which the neuron fires "
        f"{_rate(system, changed, dt, duration) / expected - 1:+.0%} off the rate of {si(expected, 'Hz')}"
    )


def _rate(system: System, changed: Mapping[Any, float], dt: float, duration: float) -> float:
    """The rate with a tick under the usual input; 0 if a formula fails."""
    current = 0.0 if system.input is None else float(system.input.start)
    tick = FloatTick(discretise(system, dt), {**system.values, **changed})
    return float_rate(tick, current, round(duration / dt))
