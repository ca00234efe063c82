"""Neighbours of neurons from equations: which ones a model and its tick can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from neuristor.golden_model.equations.graph import bits
from neuristor.golden_model.equations.quantise import Quantised
from neuristor.golden_model.equations.ranges import interval
from neuristor.golden_model.equations.system import PULL, System
from neuristor.golden_model.equations.text import Coupled
from neuristor.golden_model.neurons.coupling import WEIGHT_BITS, Coupling
from neuristor.golden_model.units import si

__all__ = ["STRONGEST", "check_kind", "check_strength", "check_words"]

STRONGEST = 0.25
"""Part of the difference to its neighbours by which a neuron may move in a tick, as for the hand-written oscillators.

The pull is that of the values after the tick before: at a part of 1, neighbours would swing around each other."""


def _coupled(system: System) -> Coupled:
    """What the model says of its neighbours.

    Raises
    ------
    ValueError
        If it says nothing.
    """
    made = system.model.coupling
    if made is None:
        raise ValueError(
            f"the model {system.model.name} has no [coupling]: nothing says what neighbours add to a neuron"
        )
    return made


def check_kind(system: System, coupling: Coupling, count: int) -> None:
    """Check that a model can have these neighbours.

    Parameters
    ----------
    system : System
        The model.
    coupling : Coupling
        Which neurons are neighbours.
    count : int
        Number of neurons.

    Raises
    ------
    ValueError
        If it has none, or the edges are capacitors, or for another number of neurons.
    """
    made = _coupled(system)
    if coupling.count != count:
        raise ValueError(f"coupling must be for {count} neurons, not {coupling.count}")
    if coupling.kind == "capacitive":
        raise ValueError(
            "coupling must be 'resistive' or 'weight' in a model from equations, which reads "
            f"{made.reads} and not its change"
        )


def check_strength(system: System, coupling: Coupling, values: Mapping[Any, Any], dt: float) -> None:
    """Check that neighbours move a neuron by less than `STRONGEST` of their differences in a tick.

    Parameters
    ----------
    system : System
        The model with its neighbours.
    coupling : Coupling
        Which neurons are neighbours.
    values : mapping of sympy.Symbol to float or ndarray of float, shape (count,)
        The parameters.
    dt : float
        Time step (tick), in second.

    Raises
    ------
    ValueError
        If they do not; the message has the limit.
    """
    made = _coupled(system)
    gain = sympy.diff(system.derivatives[made.reads], PULL)
    if gain == 0:  # they act on another state, and only that acts on this one
        return
    ranges = {each.symbol: (each.low, each.high) for each in (*system.states.values(), *system.discrete.values())}
    ranges |= {symbol: (float(v.min()), float(v.max())) for symbol, v in values.items() if isinstance(v, np.ndarray)}
    if system.input is not None:
        ranges[system.input.symbol] = system.input.low, system.input.high
    numbers = {symbol: sympy.Float(v) for symbol, v in values.items() if symbol not in ranges}
    moved = max(map(abs, interval(gain.xreplace(numbers), ranges, system.model.name))) * dt * coupling.load
    if moved < STRONGEST:
        return
    if coupling.kind == "resistive":
        limit = f"at least {si(coupling.value * moved / STRONGEST, 'ohm')}"
        given: str = si(coupling.value, "ohm")
    else:
        unit = f"{made.unit}/{system.states[made.reads].unit}"
        limit = f"at most {abs(coupling.value) * STRONGEST / moved:.3g} {unit}"
        given = f"{abs(coupling.value):.3g} {unit}"
    raise ValueError(
        f"value of the strongest edge must be {limit}, not {given}: with {coupling.degree} neighbours it would move "
        f"{made.reads} by a quarter of the difference or more in a tick of {si(dt, 's')}"
    )


def check_words(system: System, coupling: Coupling, quantised: Quantised) -> None:
    """Check that the sums over the neighbours are exact in 62 bits.

    Parameters
    ----------
    system : System
        The model with its neighbours.
    coupling : Coupling
        Which neurons are neighbours.
    quantised : Quantised
        The tick in integers.

    Raises
    ------
    ValueError
        If they are not.
    """
    name = _coupled(system).reads
    word = quantised.state[name]
    # A sum of products, each with the weight of a neighbour, and one with all of them.
    sums = bits(word.low, word.high) + WEIGHT_BITS + coupling.degree_bits + 3
    if coupling.weighted and sums > 62:
        raise ValueError(
            f"the sum over {coupling.degree} neighbours needs {sums} bits with {name} of {bits(word.low, word.high)} "
            "bits; at most 62 are exact"
        )
