"""A small array that learns by itself: pair-based STDP, neurons that inhibit each other, thresholds that adapt.

Inputs j and neurons i, everything an integer; ``a >> n`` stands for ``round_shift(a, n)``. In each tick, in this order:

1. integrate    ``v_i <- v_i - (v_i >> leak_shift) + sum_j w_ij s_j``                                         (1)
2. depress      ``w_ij <- w_ij - (y_i >> minus_shift)`` for every input that spikes                           (2)
3. compete      of the neurons with ``v_i >= theta_i`` that with the most above (the lowest number, if equal)
                fires: ``v_i <- 0``, and all others lose ``inhibition``, but not below zero                    (3)
4. traces       ``x_j <- 255`` for a spike, else ``x_j - (x_j >> pre_shift)``; y_i alike, of the neurons       (4)
5. potentiate   ``w_ij <- w_ij + (x_j >> plus_shift)`` for the neuron that fires                               (5)
6. adapt        ``theta_i <- theta_i + rise`` where it fired, else
                ``theta_i - ((theta_i - threshold) >> fall_shift)``                                            (6)

Weights stay between 0 and ``2**weight_bits - 1``. A pair of spikes changes a weight by an exponential of their
distance: upwards where the input came first, downwards where the neuron did; each counts with the nearest of the other.

References
----------
Z. Wang et al., Nature Electronics 1, 2018, 10.1038/s41928-018-0023-2 (diffusive-memristor neurons with drift-memristor
synapses: an 8 x 3 array that learns without a teacher); the rule is that of S. Song, K. D. Miller and L. F. Abbott,
Nature Neuroscience 3, 2000 (pairs), with the adaptive threshold of P. U. Diehl and M. Cook, Front. Comput. Neurosci. 9,
2015, 10.3389/fncom.2015.00099. The numbers below are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.fixed import round_shift, saturate
from neuristor.golden_model.neurons.neuron import whole

__all__ = ["PATTERNS", "TRACE_MOST", "StdpBitTrue", "StdpParams", "StdpReference", "learn", "presented", "specialised"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
TRACE_MOST = 255
"""A trace just after a spike."""
PATTERNS = np.array([[1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0, 1, 1]])
"""Three patterns of eight inputs; the first and the last share an input."""


@dataclass(frozen=True, kw_only=True)
class StdpParams:
    """An array that learns.

    Parameters
    ----------
    inputs, neurons : int
        At most 64 and 16.
    weight_bits : int
        Of a weight, without a sign: 4 to 12.
    threshold : int
        The lowest threshold, which a neuron begins with.
    inhibition : int
        What the others lose when one fires.
    leak_shift, pre_shift, post_shift, plus_shift, minus_shift, fall_shift : int
        Powers of two, 0 to 15: see the equations.
    rise : int
        Of the threshold, with each spike.
    seed : int
        Of the weights to begin with: uniform, between a quarter and three quarters of the largest.

    Raises
    ------
    ValueError
        If one is outside its range.
    """

    inputs: int = 8
    neurons: int = 3
    weight_bits: int = 8
    threshold: int = 250
    inhibition: int = 400
    leak_shift: int = 4
    pre_shift: int = 2
    post_shift: int = 3
    plus_shift: int = 3
    minus_shift: int = 3
    rise: int = 30
    fall_shift: int = 7
    seed: int = 1

    def __post_init__(self) -> None:
        whole("inputs", self.inputs, 2, 64)
        whole("neurons", self.neurons, 2, 16)
        whole("weight_bits", self.weight_bits, 4, 12)
        whole("threshold", self.threshold, 1, self.membrane_most // 2)
        whole("inhibition", self.inhibition, 0, self.membrane_most)
        for name in ("leak_shift", "pre_shift", "post_shift", "plus_shift", "minus_shift", "fall_shift"):
            whole(name, getattr(self, name), 0, 15)
        whole("rise", self.rise, 0, self.membrane_most // 4)
        whole("seed", self.seed, 0, 0xFFFF_FFFF)

    @property
    def weight_most(self) -> int:
        """The largest weight."""
        return (1 << self.weight_bits) - 1

    @property
    def membrane_bits(self) -> int:
        """Of a membrane, without a sign: twice what all inputs bring at once, at least."""
        return (self.inputs * self.weight_most).bit_length() + 1

    @property
    def membrane_most(self) -> int:
        """The largest membrane, and threshold."""
        return (1 << self.membrane_bits) - 1

    @cached_property
    def first_weights(self) -> Integers:
        """To begin with, shape (neurons, inputs)."""
        low, high = self.weight_most // 4, 3 * self.weight_most // 4
        return np.random.default_rng(self.seed).integers(low, high, (self.neurons, self.inputs), endpoint=True)


class StdpBitTrue:
    """The array in integers: the specification of the circuit.

    Parameters
    ----------
    params : StdpParams

    Attributes
    ----------
    weights : ndarray of int64, shape (neurons, inputs)
    membrane, limit, post : ndarray of int64, shape (neurons,)
        v, theta and y.
    pre : ndarray of int64, shape (inputs,)
        x.
    """

    def __init__(self, params: StdpParams) -> None:
        self.params = params
        self.weights = params.first_weights.copy()
        self.membrane = np.zeros(params.neurons, dtype=np.int64)
        self.limit = np.full(params.neurons, params.threshold, dtype=np.int64)
        self.pre = np.zeros(params.inputs, dtype=np.int64)
        self.post = np.zeros(params.neurons, dtype=np.int64)

    def step(self, spikes: ArrayLike) -> int:
        """Advance one tick.

        Parameters
        ----------
        spikes : array_like of int, shape (inputs,)
            0 or 1.

        Returns
        -------
        int
            The neuron that fired; -1 for none.
        """
        params, s = self.params, np.asarray(spikes, dtype=np.int64)
        if s.shape != (params.inputs,) or ((s != 0) & (s != 1)).any():
            raise ValueError(f"spikes must be {params.inputs} of 0 or 1, not {np.asarray(spikes).tolist()}")
        brought = self.weights @ s
        moved = self.membrane - round_shift(self.membrane, params.leak_shift) + brought
        v = saturate(moved, 0, params.membrane_most)  # (1)
        lowered = self.weights - round_shift(self.post, params.minus_shift)[:, None]
        self.weights = np.where(s == 1, saturate(lowered, 0, params.weight_most), self.weights)  # (2)
        above = v - self.limit
        winner = int(above.argmax()) if above.max() >= 0 else -1
        fired = np.arange(params.neurons) == winner
        if winner >= 0:
            v = np.where(fired, 0, saturate(v - params.inhibition, 0, params.membrane_most))  # (3)
        self.membrane = v
        self.pre = np.where(s == 1, TRACE_MOST, self.pre - round_shift(self.pre, params.pre_shift))  # (4)
        self.post = np.where(fired, TRACE_MOST, self.post - round_shift(self.post, params.post_shift))
        raised = saturate(self.weights + round_shift(self.pre, params.plus_shift), 0, params.weight_most)
        self.weights = np.where(fired[:, None], raised, self.weights)  # (5)
        fallen = self.limit - round_shift(self.limit - params.threshold, params.fall_shift)
        self.limit = np.where(fired, saturate(self.limit + params.rise, 0, params.membrane_most), fallen)  # (6)
        return winner


class StdpReference:
    """The same in float64: nothing is rounded. Attributes as those of `StdpBitTrue`."""

    def __init__(self, params: StdpParams) -> None:
        self.params = params
        self.weights: Floats = params.first_weights.astype(np.float64)
        self.membrane = np.zeros(params.neurons)
        self.limit = np.full(params.neurons, float(params.threshold))
        self.pre, self.post = np.zeros(params.inputs), np.zeros(params.neurons)

    def step(self, spikes: ArrayLike) -> int:
        """Advance one tick; as `StdpBitTrue.step`."""
        params, s = self.params, np.asarray(spikes) == 1
        v = np.clip(self.membrane * (1 - 2.0**-params.leak_shift) + self.weights @ s, 0, params.membrane_most)
        lowered = np.clip(self.weights - self.post[:, None] * 2.0**-params.minus_shift, 0, params.weight_most)
        self.weights = np.where(s, lowered, self.weights)
        above = v - self.limit
        winner = int(above.argmax()) if above.max() >= 0 else -1
        fired = np.arange(params.neurons) == winner
        if winner >= 0:
            v = np.where(fired, 0.0, np.maximum(v - params.inhibition, 0.0))
        self.membrane = v
        self.pre = np.where(s, TRACE_MOST, self.pre * (1 - 2.0**-params.pre_shift))
        self.post = np.where(fired, TRACE_MOST, self.post * (1 - 2.0**-params.post_shift))
        raised = np.clip(self.weights + self.pre * 2.0**-params.plus_shift, 0, params.weight_most)
        self.weights = np.where(fired[:, None], raised, self.weights)
        fallen = self.limit - (self.limit - params.threshold) * 2.0**-params.fall_shift
        self.limit = np.where(fired, np.minimum(self.limit + params.rise, params.membrane_most), fallen)
        return winner


def presented(
    patterns: ArrayLike, times: int, ticks: int = 1, silence: int = 3, seed: int = 0, noise: float = 0.02
) -> tuple[NDArray[np.uint8], Integers]:
    """Patterns in a random order, each for some ticks, with some silence after it.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, inputs)
    times : int
        Presentations.
    ticks, silence : int
        Of each.
    seed : int
    noise : float
        Chance that an input is wrong in a tick.

    Returns
    -------
    spikes : ndarray of uint8, shape (ticks, inputs)
    shown : ndarray of int64, shape (ticks,)
        Which pattern; -1 in silence.
    """
    array, rng = np.asarray(patterns), np.random.default_rng(seed)
    which = rng.integers(0, len(array), times)
    shown = np.concatenate([[n] * ticks + [-1] * silence for n in which.tolist()]).astype(np.int64)
    clean = np.where(shown[:, None] >= 0, array[shown], 0)
    wrong = (rng.random(clean.shape) < noise) & (shown[:, None] >= 0)
    return (clean ^ wrong).astype(np.uint8), shown


def specialised(winners: ArrayLike, shown: ArrayLike, patterns: int, neurons: int) -> Integers:
    """How often each neuron fired while each pattern was shown, shape (neurons, patterns)."""
    made = np.zeros((neurons, patterns), dtype=np.int64)
    for winner, pattern in zip(np.asarray(winners).tolist(), np.asarray(shown).tolist(), strict=True):
        if winner >= 0 and pattern >= 0:
            made[winner, pattern] += 1
    return made


def learn(model: Any, spikes: NDArray[Any], each: Callable[[int], object] | None = None) -> Integers:
    """Let an array hear all ticks; which neuron fired in each, shape (ticks,)."""
    winners = []
    for tick, row in enumerate(spikes):
        winners.append(model.step(row))
        if each is not None:
            each(tick)
    return np.array(winners, dtype=np.int64)
