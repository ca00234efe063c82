"""A system in continuous time: SciPy's solvers, with every event located.

Nothing here is shared with the compiler but the parsed equations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.integrate import LSODA, solve_ivp
from scipy.optimize import brentq

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.system import PULL, RAND, RANDN, System

__all__ = ["Chance", "Equations", "Trajectories", "Trajectory", "follow", "follow_together"]

Floats = NDArray[np.float64]
NEAR_ZERO = 1e-2
"""Absolute tolerance of a step, as a part of the relative one of the largest value of a state."""
MOST_AT_ONCE = 50
"""Most events at one instant."""
LOCATED = 8 * float(np.finfo(float).eps)
"""Twice the error of the time at which SciPy locates an event, in second."""


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


class Chance:
    """What is random in a run.

    Parameters
    ----------
    generator : numpy.random.Generator, optional
        Where it is from; by default one with seed 0.
    """

    def __init__(self, generator: np.random.Generator | None = None) -> None:
        self.generator = generator or np.random.default_rng(0)

    def noise(self, count: int, duration: float) -> list[float]:
        """White noise over a stretch: its mean.

        Parameters
        ----------
        count : int
            Number of states that have it.
        duration : float
            Length of the stretch, in second.

        Returns
        -------
        list of float
            In 1 / sqrt(second).
        """
        return [float(each) / math.sqrt(duration) for each in self.generator.standard_normal(count)]

    def wait(self, event: int) -> float:
        """How much the integral of the rate of a random event grows until the event happens.

        Parameters
        ----------
        event : int
            Number of the event.
        """
        return float(self.generator.exponential())

    def both(self, event: int, name: str) -> tuple[float, float]:
        """``randn()`` and ``rand()`` in an assignment.

        Parameters
        ----------
        event : int
            Number of the event.
        name : str
            What is assigned.
        """
        return float(self.generator.standard_normal()), float(self.generator.random())


class Equations:
    """The equations of a system as functions of plain numbers, ready to be followed.

    Parameters
    ----------
    system : System
        The equations.
    values : mapping of sympy.Symbol to float
        Values of the parameters, in SI units.
    """

    def __init__(self, system: System, values: Mapping[Any, float]) -> None:
        self.system = system
        self.states, self.discrete = [*system.states], [*system.discrete]
        symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
        given = system.input.symbol if system.input else sympy.Symbol("no_input", real=True)
        arguments = [*symbols, given]
        xi = [sympy.Symbol(f"xi_{name}", real=True) for name in system.noise]
        rates = [
            system.derivatives[name]
            + (system.noise[name] * xi[[*system.noise].index(name)] if name in system.noise else 0)
            for name in self.states
        ]
        self.rate = compiled([*arguments, *xi], rates, values)
        exact = dict(zip(system.rates.values(), (system.derivatives[name] for name in system.rates), strict=True))
        self.guards = [
            compiled(arguments, [sympy.sympify(event.guard or 0).xreplace(exact)], values) for event in system.events
        ]
        self.conditions = [compiled(arguments, [sympy.sympify(event.condition)], values) for event in system.events]
        self.actions = [
            {name: compiled([*arguments, RANDN, RAND], [each], values) for name, each in event.assignments.items()}
            for event in system.events
        ]
        self.random = [n for n, event in enumerate(system.events) if event.rate is not None]
        """Numbers of the random events."""
        self.hazards = compiled(arguments, [system.events[n].rate for n in self.random], values)


class _Neuron:
    """A neuron on its way: its states, and beside them how far the integral of the rate of each random event came."""

    def __init__(self, made: Equations, start: Mapping[str, float], chance: Chance) -> None:
        self.made, self.chance, self.own = made, chance, len(made.states)
        self.y = np.array([*(start[name] for name in made.states), *(0.0 for _ in made.random)], dtype=np.float64)
        self.d = [float(start[name]) for name in made.discrete]
        self.waits = {n: chance.wait(n) for n in made.random}
        self.given, self.noise, self.active = 0.0, list[float](), list[int]()

    def begin(self, given: float, duration: float) -> None:
        """Begin a stretch of a constant input."""
        self.given, self.noise = given, self.chance.noise(len(self.made.system.noise), duration)

    def look(self) -> None:
        """See which events can happen: those whose condition, of discrete values only, holds."""
        numbers = range(len(self.made.system.events))
        self.active = [n for n in numbers if bool(self.made.conditions[n](*self._at(self.y))[0])]

    def _at(self, y: Any) -> tuple[Any, ...]:
        return (*y[: self.own], *self.d, self.given)

    def rate(self, _: float, y: Any) -> Any:
        """The derivatives."""
        at = self._at(y)
        hazards = zip(self.made.random, self.made.hazards(*at), strict=True)
        moving = (*self.made.rate(*at, *self.noise), *(each if n in self.active else 0.0 for n, each in hazards))
        return np.array([float(each) for each in moving])

    def guard(self, n: int, y: Any) -> float:
        """What becomes positive when an event happens."""
        if n in self.waits:
            return float(y[self.own + self.made.random.index(n)]) - self.waits[n]
        return float(self.made.guards[n](*self._at(y))[0])

    def stops(self, n: int) -> bool:
        """Whether the neuron is another one after an event."""
        return n in self.waits or bool(self.made.system.events[n].assignments)

    def overdue(self, moment: float) -> int | None:
        """An event whose guard is positive already, and stays so."""
        ahead = self.y + self.rate(0.0, self.y) * moment
        waiting = (n for n in self.active if n not in self.waits and self.stops(n))
        return next((n for n in waiting if self.guard(n, self.y) > 0 and self.guard(n, ahead) > 0), None)

    def change(self, fired: int) -> None:
        """Do what an event does."""
        made, y = self.made, self.y
        if fired in self.waits:
            y[self.own + made.random.index(fired)] = 0.0
            self.waits[fired] = self.chance.wait(fired)
        at = self._at(y)
        changed = {
            name: float(each(*at, *self.chance.both(fired, name))[0]) for name, each in made.actions[fired].items()
        }
        self.y = np.array([*(changed.get(name, y[k]) for k, name in enumerate(made.states)), *y[self.own :]])
        self.d = [changed.get(name, self.d[k]) for k, name in enumerate(made.discrete)]

    @property
    def after(self) -> dict[str, float]:
        """States and discrete values."""
        return dict(zip([*self.made.states, *self.made.discrete], [*self.y[: self.own].tolist(), *self.d], strict=True))


class _Crossing:
    """An event of a neuron, as SciPy takes it."""

    direction = 1.0

    def __init__(self, neuron: _Neuron, n: int) -> None:
        self.neuron, self.n, self.terminal = neuron, n, neuron.stops(n)

    def __call__(self, _: float, y: Any) -> float:
        return self.neuron.guard(self.n, y)


def follow(
    made: Equations,
    start: Mapping[str, float],
    inputs: Sequence[tuple[float, float]],
    times: Floats,
    *,
    longest: float,
    chance: Chance | None = None,
    rtol: float = 1e-8,
) -> Trajectory:
    """Integrate from event to event.

    Parameters
    ----------
    made : Equations
        The equations, and the values of their parameters.
    start : mapping of str to float
        States and discrete values at time 0.
    inputs : sequence of (float, float)
        Ends of the stretches of a constant input, in second, ascending, and the input, in its SI unit.
    times : ndarray of float, shape (n,)
        Times of the samples, in second, ascending; within the last stretch.
    longest : float
        Longest step of the solver, in second: an event that comes and goes within a step can be missed.
    chance : Chance, optional
        What is random; by default from a generator with seed 0. White noise has one value in each stretch.
    rtol : float
        Relative tolerance of a step; beside it, a state may be off by a hundredth of that of its largest value, so that
        one near zero does not stop the solver.

    Returns
    -------
    Trajectory
        Samples, spikes and events.

    Raises
    ------
    EquationError
        If the solver stops before the end, or an event happens without end.
    """
    neuron = _Neuron(made, start, chance or Chance())
    system, where = made.system, made.system.model.name
    scale = [max(abs(each.low), abs(each.high)) for each in system.states.values()] + [1.0 for _ in made.random]
    samples = {name: np.empty(len(times)) for name in (*made.states, *made.discrete)}
    spikes: list[float] = []
    events: list[tuple[float, str]] = []
    now, done = 0.0, 0
    for end, given in inputs:
        neuron.begin(given, end - now)
        at_once = 0
        while now < end:
            neuron.look()
            fired = neuron.overdue(max((end - now) * 1e-9, LOCATED))
            if fired is not None:
                events.append((now, system.events[fired].name))
                if system.events[fired].spike:
                    spikes.append(now)
                at_once += 1
                if at_once > MOST_AT_ONCE:
                    raise EquationError(
                        f"{where}: event {system.events[fired].name} happens without end at {now:.6g} s"
                    )
                neuron.change(fired)
                continue
            solution: Any = solve_ivp(
                neuron.rate,
                (now, end),
                neuron.y,
                method="LSODA",
                rtol=rtol,
                atol=rtol * NEAR_ZERO * np.array(scale),
                max_step=longest,
                events=[_Crossing(neuron, n) for n in neuron.active] or None,
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
                    samples[name][done:last] = neuron.d[k]
                done = last
            for n, when in zip(neuron.active, solution.t_events or [], strict=False):
                events += [(each, system.events[n].name) for each in when.tolist()]
                spikes += when.tolist() if system.events[n].spike else []
                if len(when) and neuron.stops(n):
                    fired = n
            at_once = 0 if reached > now else at_once
            now, neuron.y = reached, solution.y[:, -1].copy()
            if fired is not None:
                neuron.change(fired)
    return Trajectory(samples, np.array(sorted(spikes)), tuple(sorted(events)), neuron.after)


@dataclass(frozen=True)
class Trajectories:
    """What neurons with neighbours did.

    Parameters
    ----------
    samples : dict of str to ndarray, shape (times, count)
        States and discrete values at the given times.
    spikes : list of ndarray of float
        Times of the spikes of each neuron, in second.
    after : dict of str to ndarray, shape (count,)
        States and discrete values at the end.
    """

    samples: dict[str, Floats]
    spikes: list[Floats]
    after: dict[str, Floats]


class _Array:
    """The equations of an array of neurons that read each other."""

    def __init__(self, system: System, values: Mapping[Any, Any], pulls: Callable[[Floats], Floats]) -> None:
        assert system.model.coupling is not None
        self.system, self.pulls = system, pulls
        self.states, self.discrete = [*system.states], [*system.discrete]
        self.reads = self.states.index(system.model.coupling.reads)
        symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
        given = system.input.symbol if system.input else sympy.Symbol("no_input", real=True)
        known = [*symbols, given, PULL]
        self._rates = compiled(known, [system.derivatives[name] for name in self.states], values)
        exact = dict(zip(system.rates.values(), (system.derivatives[name] for name in system.rates), strict=True))
        self.events = [event for event in system.events if event.guard is not None]
        self._guards = compiled(known, [sympy.sympify(event.guard).xreplace(exact) for event in self.events], values)
        self._conditions = compiled(known, [sympy.sympify(event.condition) for event in self.events], values)
        self._actions = [
            {name: compiled(known, [each], values) for name, each in event.assignments.items()} for event in self.events
        ]

    def _arguments(self, y: Floats, d: Floats, given: Floats) -> list[Any]:
        return [*y, *d, given, self.pulls(y[self.reads])]

    def rate(self, y: Floats, d: Floats, given: Floats) -> Floats:
        """Derivatives of all states, shape (states, count)."""
        return np.array([np.broadcast_to(each, given.shape) for each in self._rates(*self._arguments(y, d, given))])

    def guards(self, y: Floats, d: Floats, given: Floats) -> Floats:
        """What becomes positive at each event, shape (events, count); minus infinity where its condition is false."""
        arguments = self._arguments(y, d, given)
        made = [
            np.where(np.broadcast_to(np.asarray(holds, dtype=bool), given.shape), guard, -np.inf)
            for guard, holds in zip(self._guards(*arguments), self._conditions(*arguments), strict=True)
        ]
        return np.array(made).reshape(len(self.events), len(given))

    def fire(self, event: int, n: int, y: Floats, d: Floats, given: Floats) -> None:
        """Let an event happen to one neuron."""
        arguments = self._arguments(y, d, given)
        changed = {
            name: float(np.broadcast_to(each(*arguments)[0], given.shape)[n])
            for name, each in self._actions[event].items()
        }
        for name, value in changed.items():
            if name in self.states:
                y[self.states.index(name), n] = value
            else:
                d[self.discrete.index(name), n] = value


def follow_together(
    system: System,
    values: Mapping[Any, Any],
    start: Mapping[str, Floats],
    inputs: Sequence[tuple[float, Floats]],
    times: Floats,
    *,
    pulls: Callable[[Floats], Floats],
    longest: float,
    rtol: float = 1e-8,
) -> Trajectories:
    """Integrate neurons that read each other, from event to event of any of them.

    Parameters
    ----------
    system : System
        The equations, `joined`; nothing in them is random.
    values : mapping of sympy.Symbol
        Values of the parameters, in SI units: numbers, or arrays of shape (count,).
    start : mapping of str to ndarray of float, shape (count,)
        States and discrete values at time 0.
    inputs : sequence of (float, ndarray of float, shape (count,))
        Ends of the stretches of a constant input, in second, ascending, and the inputs, in their SI unit.
    times : ndarray of float, shape (n,)
        Times of the samples, in second, ascending; within the last stretch.
    pulls : callable
        From the state that is read, of all neurons, to the weighted sums of the differences.
    longest : float
        Longest step of the solver, in second: an event that comes and goes within a step can be missed.
    rtol : float
        Relative tolerance.

    Returns
    -------
    Trajectories
        Samples and spikes.

    Raises
    ------
    EquationError
        If the solver stops before the end, or an event happens without end.
    """
    return _Together(_Array(system, values, pulls), start, times, longest, rtol).follow(inputs)


class _Together:
    """Neurons that are followed, and how far they came."""

    def __init__(self, array: _Array, start: Mapping[str, Floats], times: Floats, longest: float, rtol: float) -> None:
        self.array, self.times, self.longest, self.rtol = array, times, longest, rtol
        self.y = np.array([start[name] for name in array.states], dtype=np.float64)
        self.shape = self.y.shape
        count = self.shape[1]
        self.d = np.array([start[name] for name in array.discrete], dtype=np.float64).reshape(-1, count)
        self.given = np.zeros(count)
        self.now, self.done = 0.0, 0
        self.samples = {name: np.empty((len(times), count)) for name in (*array.states, *array.discrete)}
        self.spikes: list[list[float]] = [[] for _ in range(count)]

    def follow(self, inputs: Sequence[tuple[float, Floats]]) -> Trajectories:
        """Follow the stretches of constant inputs.

        Raises
        ------
        EquationError
            If an event happens without end.
        """
        for end, self.given in inputs:
            at_once = 0
            while self.now < end:
                at_once = at_once + 1 if self._due(end) else 0
                if at_once > MOST_AT_ONCE * self.shape[1]:
                    raise EquationError(f"{self._where}: an event happens without end at {self.now:.6g} s")
                if not at_once:
                    self._to_event(end)
        names = [*self.array.states, *self.array.discrete]
        after = dict(zip(names, [*self.y, *self.d], strict=True))
        return Trajectories(self.samples, [np.array(each) for each in self.spikes], after)

    @property
    def _where(self) -> str:
        return self.array.system.model.name

    def _rate(self, _: float, flat: Floats) -> Floats:
        return self.array.rate(flat.reshape(self.shape), self.d, self.given).ravel()

    def _guards(self, y: Floats) -> Floats:
        return self.array.guards(y.reshape(self.shape), self.d, self.given)

    def _fire(self, event: int, n: int, when: float) -> bool:
        """Let an event happen; returns whether it changes anything."""
        if self.array.events[event].spike:
            self.spikes[n].append(when)
        if not self.array.events[event].assignments:
            return False
        self.array.fire(event, n, self.y, self.d, self.given)
        return True

    def _due(self, end: float) -> bool:
        """Let the first event happen whose guard is positive and stays so; False if there is none."""
        # Longer than the error of the time at which an event is located.
        moment = max((end - self.now) * 1e-9, 2 * self._located)
        soon = self.y + self.array.rate(self.y, self.d, self.given) * moment
        due = np.argwhere((self._guards(self.y) > 0) & (self._guards(soon) > 0)).tolist()
        for event, n in due:
            if self.array.events[event].assignments:
                return self._fire(event, n, self.now)
        return False

    def _to_event(self, end: float) -> None:
        """Integrate to the next event that changes something, or to the end.

        Raises
        ------
        EquationError
            If the solver stops before the end.
        """
        scale = np.array([max(abs(each.low), abs(each.high)) for each in self.array.system.states.values()])
        solver: Any = LSODA(
            self._rate,
            self.now,
            self.y.ravel(),
            end,
            rtol=self.rtol,
            atol=self.rtol * NEAR_ZERO * np.repeat(scale, self.shape[1]),
            max_step=self.longest,
        )
        before = self._guards(self.y)
        while solver.status == "running":
            solver.step()
            if solver.status == "failed" or not np.isfinite(solver.y).all():
                raise EquationError(f"{self._where}: the equations cannot be followed beyond {solver.t:.6g} s")
            path, after = solver.dense_output(), self._guards(solver.y)
            crossings = sorted(
                (self._crossing(path, solver, event, n), event, n)
                for event, n in np.argwhere((before <= 0) & (after > 0)).tolist()
            )
            for when, event, n in crossings:
                if self.array.events[event].assignments:
                    self._sample(when, path)
                    self.now, self.y = when, path(when).reshape(self.shape)
                if self._fire(event, n, when):
                    return
            self._sample(solver.t, path)
            self.now, self.y, before = solver.t, solver.y.reshape(self.shape).copy(), after

    def _crossing(self, path: Any, solver: Any, event: int, n: int) -> float:
        """The time within the last step at which the guard of an event becomes positive."""

        def guard(t: float) -> float:
            return float(np.nan_to_num(self._guards(path(t))[event, n], neginf=-1e-300))

        # Where the guard is near 0, that of the path may have another sign than that of its ends.
        if guard(solver.t_old) > 0:
            return float(solver.t_old)
        if guard(solver.t) <= 0:
            return float(solver.t)
        return float(brentq(guard, solver.t_old, solver.t, xtol=self._located))

    @property
    def _located(self) -> float:
        """Error of the time at which an event is located, in second."""
        return 1e-9 * self.longest

    def _sample(self, until: float, path: Any) -> None:
        """Keep the samples up to a time."""
        last = int(np.searchsorted(self.times, until, side="right"))
        if last <= self.done:
            return
        states = path(self.times[self.done : last]).reshape(*self.shape, last - self.done)
        for name, column in zip(self.array.states, states, strict=True):
            self.samples[name][self.done : last] = column.T
        for name, values in zip(self.array.discrete, self.d, strict=True):
            self.samples[name][self.done : last] = values
        self.done = last
