"""A system in continuous time: SciPy's solvers, with every event located.

Nothing here is shared with the compiler but the parsed equations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.system import System

__all__ = ["Trajectory", "follow"]

Floats = NDArray[np.float64]
MOST_AT_ONCE = 50
"""Most events at one instant."""


@dataclass(frozen=True)
class Trajectory:
    """What a neuron did.

    Parameters
    ----------
    samples : dict[str, Floats]
        States and discrete values at the given times.
    spikes : Floats
        Times of the spikes, in second.
    events : tuple[tuple[float, str], ...]
        Times and names of all events.
    after : dict[str, float]
        States and discrete values at the end.
    """

    samples: dict[str, Floats]
    spikes: Floats
    events: tuple[tuple[float, str], ...]
    after: dict[str, float]


class _Compiled:
    """The equations of a system as functions of plain numbers."""

    def __init__(self, system: System, values: Mapping[Any, float]) -> None:
        self.system = system
        self.states, self.discrete = [*system.states], [*system.discrete]
        symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
        given = system.input.symbol if system.input else sympy.Symbol("no_input", real=True)
        self.arguments = [*symbols, given]
        xi = [sympy.Symbol(f"xi_{name}", real=True) for name in system.noise]
        rates = [
            system.derivatives[name]
            + (system.noise[name] * xi[[*system.noise].index(name)] if name in system.noise else 0)
            for name in self.states
        ]
        self.rate = compiled([*self.arguments, *xi], rates, values)
        exact = dict(zip(system.rates.values(), (system.derivatives[name] for name in system.rates), strict=True))
        self.guards = [
            compiled(self.arguments, [sympy.sympify(event.guard or 0).xreplace(exact)], values)
            for event in system.events
        ]
        self.conditions = [
            compiled(self.arguments, [sympy.sympify(event.condition)], values) for event in system.events
        ]
        self.actions = [
            {name: compiled(self.arguments, [each], values) for name, each in event.assignments.items()}
            for event in system.events
        ]


def follow(
    system: System,
    values: Mapping[Any, float],
    start: Mapping[str, float],
    inputs: Sequence[tuple[float, float]],
    times: Floats,
    *,
    longest: float,
    disturbances: Sequence[Sequence[float]] | None = None,
    rtol: float = 1e-8,
) -> Trajectory:
    """Integrate from event to event.

    Parameters
    ----------
    system : System
        The equations.
    values : mapping of sympy.Symbol to float
        Values of the parameters, in SI units.
    start : mapping of str to float
        States and discrete values at time 0.
    inputs : sequence of (float, float)
        Ends of the stretches of a constant input, in second, ascending, and the input, in its SI unit.
    times : ndarray of float, shape (n,)
        Times of the samples, in second, ascending; within the last stretch.
    longest : float
        Longest step of the solver, in second: an event that comes and goes within a step can be missed.
    disturbances : sequence of sequence of float, optional
        White noise, for each stretch and each state that has any, in 1 / sqrt(second).
    rtol : float
        Relative tolerance.

    Returns
    -------
    Trajectory
        Samples, spikes and events.

    Raises
    ------
    EquationError
        If the solver stops before the end, or an event happens without end.
    """
    made = _Compiled(system, values)
    y = np.array([start[name] for name in made.states], dtype=np.float64)
    d = [float(start[name]) for name in made.discrete]
    scale = np.array([max(abs(each.low), abs(each.high)) for each in system.states.values()])
    samples = {name: np.empty(len(times)) for name in (*made.states, *made.discrete)}
    spikes: list[float] = []
    events: list[tuple[float, str]] = []
    now, done = 0.0, 0
    where = system.model.name
    for stretch, (end, given) in enumerate(inputs):
        noise = [] if disturbances is None else list(disturbances[stretch])
        noise += [0.0] * (len(system.noise) - len(noise))

        def rate(_: float, y: Any, d: list[float] = d, given: float = given, noise: list[float] = noise) -> Any:
            return np.array([float(each) for each in made.rate(*y, *d, given, *noise)])

        at_once = 0
        while now < end:
            active = [
                n
                for n, event in enumerate(system.events)
                if event.guard is not None and bool(made.conditions[n](*y, *d, given)[0])
            ]
            tiny = (end - now) * 1e-9
            ahead = y + rate(now, y) * tiny
            first = next(
                (
                    n
                    for n in active
                    if system.events[n].assignments
                    and made.guards[n](*y, *d, given)[0] > 0
                    and made.guards[n](*ahead, *d, given)[0] > 0
                ),
                None,
            )
            if first is None:
                located = []
                for n in active:

                    def crossing(_: float, y: Any, n: int = n, d: list[float] = d, given: float = given) -> float:
                        return float(made.guards[n](*y, *d, given)[0])

                    crossing.direction = 1.0  # type: ignore[attr-defined]
                    crossing.terminal = bool(system.events[n].assignments)  # type: ignore[attr-defined]
                    located.append(crossing)
                solution: Any = solve_ivp(
                    rate,
                    (now, end),
                    y,
                    method="LSODA",
                    rtol=rtol,
                    atol=rtol * 1e-2 * scale,
                    max_step=longest,
                    events=located or None,
                    dense_output=True,
                )
                if solution.status < 0 or not np.isfinite(solution.y[:, -1]).all():
                    raise EquationError(f"{where}: the equations cannot be followed beyond {solution.t[-1]:.6g} s")
                reached = float(solution.t[-1])
                last = int(np.searchsorted(times, reached, side="right" if reached >= end else "left"))
                if last > done:
                    states = solution.sol(times[done:last])
                    for k, name in enumerate(made.states):
                        samples[name][done:last] = states[k]
                    for k, name in enumerate(made.discrete):
                        samples[name][done:last] = d[k]
                    done = last
                fired = None
                for n, when in zip(active, solution.t_events or [], strict=False):
                    event = system.events[n]
                    for each in when.tolist():
                        events.append((each, event.name))
                        if event.spike:
                            spikes.append(each)
                    if len(when) and event.assignments:
                        fired = n
                at_once = 0 if reached > now else at_once
                now, y = reached, solution.y[:, -1].copy()
            else:
                fired = first
                events.append((now, system.events[first].name))
                if system.events[first].spike:
                    spikes.append(now)
                at_once += 1
                if at_once > MOST_AT_ONCE:
                    raise EquationError(
                        f"{where}: event {system.events[first].name} happens without end at {now:.6g} s"
                    )
            if fired is not None:
                arguments = (*y, *d, given)
                changed = {name: float(each(*arguments)[0]) for name, each in made.actions[fired].items()}
                y = np.array([changed.get(name, y[k]) for k, name in enumerate(made.states)])
                d = [changed.get(name, d[k]) for k, name in enumerate(made.discrete)]
                rate.__defaults__ = (d, given, noise)
    after = dict(zip([*made.states, *made.discrete], [*y.tolist(), *d], strict=True))
    return Trajectory(samples, np.array(sorted(spikes)), tuple(sorted(events)), after)
