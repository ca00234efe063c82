"""A tick of a system in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sympy
from numpy.typing import NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.equations.discretise import (
    ELAPSED,
    LAG,
    LAG_BITS,
    LONGEST_LAG,
    H,
    Tick,
    ahead,
    middle,
    newest,
)
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.system import PULL, RAND, RANDN, System, SystemEvent

__all__ = ["Draws", "FloatTick", "constants"]

Floats = NDArray[np.float64]


def constants(system: System, h: float | None = None) -> dict[Any, float]:
    """The value of each symbol that does not change.

    Parameters
    ----------
    system : System
        The system.
    h : float, optional
        Length of the tick, in second.
    """
    return {**system.values, **({} if h is None else {H: h})}


class FloatTick:
    """A tick in float64, for many neurons at once.

    Parameters
    ----------
    tick : Tick
        The formulas.
    values : mapping of sympy.Symbol, optional
        Values of the parameters: numbers, or arrays of shape (count,). By default those of the system.
    seed : int
        Seed of everything random.
    """

    def __init__(self, tick: Tick, values: Mapping[Any, Any] | None = None, seed: int = 0) -> None:
        self.tick, self.seed, system = tick, seed, tick.system
        self.values = {**constants(system, tick.h), **(values or {})}
        self._names = [*system.states, *system.discrete]
        base = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
        given = [system.input.symbol if system.input else sympy.Symbol("no_input", real=True)]
        given += [PULL] if system.pull else []
        self._changes = []
        known = [*base, *given, *([LAG] if tick.located else []), *(ahead(name) for name in tick.ahead)]
        for change in tick.changes:
            expressions = [change.value, change.noise]
            self._changes.append((change.name, compiled(known, expressions, self.values)))
            if change.name in tick.middle:
                known.append(middle(change.name))
            if change.name in tick.newest:
                known.append(newest(change.name))
        self._until = compiled([*base, *given, ELAPSED], [change.value for change in tick.until], self.values)
        slopes = [H * system.derivatives[change.name] for change in tick.until]
        self._slopes = compiled([*base, *given], slopes, self.values)
        rates = list(system.rates.values())
        self._events = [_Compiled(event, base, given, rates, self.values) for event in system.events]

    def start(self, count: int) -> dict[str, Any]:
        """The state after reset.

        Parameters
        ----------
        count : int
            Number of neurons.

        Returns
        -------
        dict of str to ndarray, shape (count,)
            States and discrete values; with the prefix ``d_``, changes that are remembered; ``lag``; and ``noise``, the
            integer state of the random numbers.
        """
        system = self.tick.system
        made: dict[str, Any] = {}
        symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
        for name, variable in (*system.states.items(), *system.discrete.items()):
            known = [symbol for symbol in symbols if symbol.name in made]
            (value,) = compiled(known, [variable.start], self.values)(*(made[symbol.name] for symbol in known))
            made[name] = np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)).copy()
        made |= {f"d_{name}": np.zeros(count) for name in self.tick.ahead}
        if self.tick.located:
            made["lag"] = np.zeros(count)
        if system.noisy:
            made["noise"] = noise.first_states(self.seed, count)
        return made

    def _within(self, name: str, value: Floats) -> Floats:
        """A state, clamped to its range."""
        variable = self.tick.system.states[name]
        return np.clip(value, variable.low, variable.high)

    def step(
        self, state: Mapping[str, Any], drive: Floats, pull: Floats | None = None
    ) -> tuple[dict[str, Any], NDArray[np.bool_]]:
        """Advance one tick.

        Parameters
        ----------
        state : mapping of str to ndarray, shape (count,)
            As of `start`.
        drive : ndarray of float, shape (count,)
            The input, in its SI unit.
        pull : ndarray of float, shape (count,), optional
            Sum of the weighted differences to the neighbours, in the unit of what they exchange; needed by a system
            that is `joined`.

        Returns
        -------
        state : dict of str to ndarray
            After the tick.
        spike : ndarray of bool, shape (count,)
            Which neurons fired.
        """
        tick, system, count = self.tick, self.tick.system, len(drive)
        luck = self.luck(state.get("noise"))
        old = [state[name] for name in self._names]
        lag = [state["lag"]] if tick.located else []
        inputs = [drive, *([pull] if system.pull else [])]
        known = [*old, *inputs, *lag]
        known += [self._within(name, state[name] + state[f"d_{name}"] / 2) for name in tick.ahead]
        change: dict[str, Any] = {}
        for name, function in self._changes:
            moved, disturbed = function(*known)
            change[name] = moved + (disturbed * luck.normal[name] if name in system.noise else 0.0)
            if name in tick.middle:
                known.append(self._within(name, state[name] + change[name] / 2))
            if name in tick.newest:
                known.append(self._within(name, state[name] + change[name]))
        new = {
            name: self._within(name, state[name] + change[name]) if name in change else state[name]
            for name in self._names
        }
        rates = [change[name] / tick.h for name in system.rates]
        values = [new[name] for name in self._names]
        happens = []
        left, first = np.zeros(count), np.full(count, -1)
        for n, event in enumerate(self._events):
            found, part = event.happens(old, values, inputs, rates, luck.uniform.get(n), self.tick)
            happens.append(found)
            if tick.located and event.event.locate and event.event.assignments:
                first = np.where(found & (left == 0), n, first)
                left = np.where(found & (left == 0), part, left)
        lag_after = left * (1 + state["lag"]) if tick.located else left
        if tick.until:
            new, lag_after = self._crossing(old, new, inputs, first, (1 - left) * (1 + state["lag"]), lag_after)
            values = [new[name] for name in self._names]
        elif tick.located:
            new = {name: new[name] - left * change[name] if name in change else new[name] for name in self._names}
            values = [new[name] for name in self._names]
        spike = np.zeros(count, dtype=bool)
        after, changed = dict(new), {name: np.zeros(count, dtype=bool) for name in new}
        for n, (event, found) in enumerate(zip(self._events, happens, strict=True)):
            if event.event.spike:
                spike = spike | found
            for name, function in event.actions.items():
                at = found & ~changed[name]
                after[name] = np.where(at, function(*values, *inputs, *luck.both[n, name])[0], after[name])
                changed[name] = changed[name] | at
        for name in tick.ahead:
            after[f"d_{name}"] = np.where(changed[name] | (left > 0), 0.0, change[name])
        if tick.located:
            after["lag"] = np.clip(lag_after, 0.0, LONGEST_LAG - 2.0**-LAG_BITS)
        if system.noisy:
            after["noise"] = luck.after
        return after, np.asarray(spike)

    def _crossing(
        self, old: list[Any], new: dict[str, Any], inputs: list[Any], first: NDArray[np.int64], elapsed: Any, lag: Any
    ) -> tuple[dict[str, Any], Any]:
        """States at an event, by those at the time `elapsed` and one step of Newton's method; and what is left."""
        names = [change.name for change in self.tick.until]
        at = dict(zip(self._names, old, strict=True))
        for name, change in zip(names, self._until(*old, *inputs, elapsed), strict=True):
            at[name] = self._within(name, at[name] + change)
        slopes = dict(zip(names, self._slopes(*at.values(), *inputs), strict=True))
        more = np.zeros(len(first))
        for n, event in enumerate(self._events):
            ahead = [at[name] + slopes.get(name, 0.0) for name in self._names]
            more = np.where(first == n, event.newton([*at.values()], ahead, inputs), more)
        moved = dict(new)
        for name in names:
            moved[name] = np.where(first < 0, new[name], self._within(name, at[name] + more * slopes[name]))
        return moved, np.where(first < 0, 0.0, lag - more)

    def luck(self, state: Any) -> Luck:
        """The random numbers of a tick, in the order in which the circuit draws them.

        Parameters
        ----------
        state : ndarray of int64, shape (count,), or None
            States of the generators; None if nothing is random.
        """
        draws = Draws(state)
        normal = {name: draws.normal() for name, _ in self._changes if name in self.tick.system.noise}
        uniform = {n: draws.uniform() for n, event in enumerate(self._events) if event.rate is not None}
        both = {
            (n, name): draws.both(event.event.assignments[name])
            for n, event in enumerate(self._events)
            for name in event.actions
        }
        return Luck(normal, uniform, both, None if state is None else draws.after())


class Luck(NamedTuple):
    """The random numbers of a tick."""

    normal: Mapping[str, Floats]
    """For each state with noise."""
    uniform: Mapping[int, Floats]
    """For each random event, by its number: it happens if this is below its chance."""
    both: Mapping[tuple[int, str], Any]
    """``randn()`` and ``rand()`` in the assignment of each event to each name."""
    after: Any
    """States of the generators after the tick."""


class Draws:
    """Random numbers, one after the other.

    Parameters
    ----------
    state : ndarray of int64, shape (count,), or None
        States of the generators, of ``neuristor.golden_model.noise``.
    """

    def __init__(self, state: Any) -> None:
        self.state, self.fresh = state, True

    def _next(self) -> Any:
        if not self.fresh:
            self.state = noise.advance(self.state)
        self.fresh = False
        return self.state

    def normal(self) -> Floats:
        """A number with mean 0 and standard deviation 1, for each neuron."""
        return np.asarray(noise.byte_sum(self._next()) / noise.SIGMA)

    def uniform(self) -> Floats:
        """A number from 0 to 1, for each neuron."""
        return np.asarray((self._next() & 0xFFFF) / 65536)

    def both(self, expression: Any) -> list[Any]:
        """What stands for ``randn()`` and ``rand()`` in an expression.

        Parameters
        ----------
        expression : sympy.Expr
            The expression; what it does not have is not drawn.
        """
        return [self.normal() if expression.has(RANDN) else 0.0, self.uniform() if expression.has(RAND) else 0.0]

    def after(self) -> Any:
        """The states for the next tick."""
        return noise.advance(self.state)


class _Compiled:
    """An event as functions."""

    def __init__(self, event: SystemEvent, base: list[Any], given: list[Any], rates: list[Any], values: Any) -> None:
        self.event, self._rates = event, set(rates)
        guard = sympy.Integer(0) if event.guard is None else event.guard
        self.guard = compiled([*base, *given, *rates], [guard], values)
        self.condition = compiled(base, [sympy.sympify(event.condition)], values)
        self.rate = None if event.rate is None else compiled([*base, *given], [event.rate], values)
        self.actions = {
            name: compiled([*base, *given, RANDN, RAND], [each], values) for name, each in event.assignments.items()
        }

    def happens(
        self, old: list[Any], new: list[Any], inputs: list[Any], rates: list[Any], drawn: Any, tick: Tick
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Whether it happens, and the part of the tick that is left then."""
        shape = inputs[0].shape
        holds = np.broadcast_to(np.asarray(self.condition(*old)[0], dtype=bool), shape)
        none = np.zeros(shape)
        if self.rate is not None:
            chance = -np.expm1(-self.rate(*new, *inputs)[0] * tick.h)
            return holds & (drawn < chance), none
        after = np.broadcast_to(self.guard(*new, *inputs, *rates)[0], shape)
        found = holds & (after > 0)
        if not self.event.assignments:
            return found & ~(self.guard(*old, *inputs, *rates)[0] > 0), none
        if not (tick.located and self.event.locate):
            return found, none
        before = np.minimum(self.guard(*old, *inputs, *rates)[0], 0.0)
        return found, np.where(found, after / np.maximum(after - before, 1e-300), 0.0)

    def newton(self, at: list[Any], ahead: list[Any], inputs: list[Any]) -> Any:
        """A step to where the guard is 0, in ticks, from its values here and after a tick at the slopes of here.

        None where the guard does not rise.
        """
        if self.event.guard is None or self.event.guard.free_symbols & self._rates:
            return 0.0
        none = [0.0] * len(self._rates)
        now = self.guard(*at, *inputs, *none)[0]
        slope = self.guard(*ahead, *inputs, *none)[0] - now
        return np.where(slope > 0, np.clip(-now / np.where(slope > 0, slope, 1.0), -1.0, 1.0), 0.0)
