"""A tick of a system in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from neuristor.golden_model.equations.discretise import H, Tick, ahead, middle
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.system import System

__all__ = ["FloatTick", "constants"]

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
    """

    def __init__(self, tick: Tick, values: Mapping[Any, Any] | None = None) -> None:
        self.tick, system = tick, tick.system
        self.values = {**constants(system, tick.h), **(values or {})}
        self._names = [*system.states, *system.discrete]
        base = [*(each.symbol for each in (*system.states.values(), *system.discrete.values()))]
        self._input = system.input.symbol if system.input else sympy.Symbol("no_input", real=True)
        self._changes = []
        known = [*base, self._input, *(ahead(name) for name in tick.ahead)]
        for change in tick.changes:
            expressions = [change.factor * change.rate, change.noise]
            self._changes.append((change.name, tuple(known), compiled(known, expressions, self.values)))
            if change.name in tick.middle:
                known.append(middle(change.name))
        rates = list(system.rates.values())
        self._guards = [
            None if event.guard is None else compiled([*base, self._input, *rates], [event.guard], self.values)
            for event in system.events
        ]
        self._conditions = [
            compiled(base, [sympy.sympify(event.condition)], self.values) for event in system.events
        ]
        self._actions = [
            {name: compiled([*base, self._input], [each], self.values) for name, each in event.assignments.items()}
            for event in system.events
        ]
        self.spiking = [event.spike for event in system.events]

    def start(self, count: int) -> dict[str, Floats]:
        """The state after reset.

        Parameters
        ----------
        count : int
            Number of neurons.

        Returns
        -------
        dict of str to ndarray of float, shape (count,)
            States and discrete values; with the prefix ``d_``, changes that are remembered.
        """
        system = self.tick.system
        made: dict[str, Floats] = {}
        for name, variable in (*system.states.items(), *system.discrete.items()):
            symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
            known = [symbol for symbol in symbols if symbol.name in made]
            (value,) = compiled(known, [variable.start], self.values)(*(made[symbol.name] for symbol in known))
            made[name] = np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)).copy()
        return made | {f"d_{name}": np.zeros(count) for name in self.tick.ahead}

    def step(
        self, state: Mapping[str, Floats], drive: Floats, draws: Sequence[Floats] = ()
    ) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
        """Advance one tick.

        Parameters
        ----------
        state : mapping of str to ndarray of float, shape (count,)
            As of `start`.
        drive : ndarray of float, shape (count,)
            The input, in its SI unit.
        draws : sequence of ndarray of float, shape (count,)
            Normal random numbers, one for each state with noise.

        Returns
        -------
        state : dict of str to ndarray of float
            After the tick.
        spike : ndarray of bool, shape (count,)
            Which neurons fired.
        """
        tick, system = self.tick, self.tick.system
        old = [state[name] for name in self._names]
        known = [*old, drive, *(state[name] + state[f"d_{name}"] / 2 for name in tick.ahead)]
        change: dict[str, Any] = {}
        left = list(draws)
        for name, _, function in self._changes:
            moved, noise = function(*known)
            change[name] = moved + (noise * left.pop(0) if name in system.noise else 0.0)
            if name in tick.middle:
                known.append(state[name] + change[name] / 2)
        new = {name: state[name] + change[name] if name in change else state[name] for name in self._names}
        values = [new[name] for name in self._names]
        rates = [change[name] / tick.h for name in system.rates]
        spike = np.zeros(len(drive), dtype=bool)
        after, changed = dict(new), {name: np.zeros(len(drive), dtype=bool) for name in new}
        for number, event in enumerate(system.events):
            guard = self._guards[number]
            if guard is None:
                continue
            holds = np.broadcast_to(np.asarray(self._conditions[number](*old)[0], dtype=bool), spike.shape)
            happens = holds & (guard(*values, drive, *rates)[0] > 0)
            if not event.assignments:
                happens = happens & ~(guard(*old, drive, *rates)[0] > 0)
            if event.spike:
                spike = spike | happens
            for name, function in self._actions[number].items():
                at = happens & ~changed[name]
                after[name] = np.where(at, function(*values, drive)[0], after[name])
                changed[name] = changed[name] | at
        for name in tick.ahead:
            after[f"d_{name}"] = np.where(changed[name], 0.0, change[name])
        return after, np.asarray(spike)
