"""A small array with unsupervised learning: pair-based STDP, lateral inhibition, adaptive thresholds.

Inputs have the index j, neurons the index i, and s_j is 1 for an input spike. All numbers are integers, without unit;
``a >> n`` stands for ``round_shift(a, n)``. Each time step (tick) has these parts, in this order:

1. integrate    ``v_i <- v_i - (v_i >> leak_shift) + sum_j w_ij s_j``                                         (1)
2. depress      ``w_ij <- w_ij - (y_i >> minus_shift)`` for every input that spikes                           (2)
3. compete      of the neurons with ``v_i >= theta_i``, the one with the largest ``v_i - theta_i`` fires (the
                lowest number among equals): its ``v_i <- 0``; all others lose ``inhibition``, down to 0       (3)
4. traces       ``x_j <- 255`` for a spike, else ``x_j - (x_j >> pre_shift)``; the same for y_i of the neurons
                with post_shift                                                                                (4)
5. potentiate   ``w_ij <- w_ij + (x_j >> plus_shift)`` for the neuron that fires                               (5)
6. adapt        ``theta_i <- theta_i + rise`` if it fired, else
                ``theta_i - ((theta_i - threshold) >> fall_shift)``                                            (6)

v is the membrane potential, theta the firing threshold, w the synaptic weight, x and y the traces of the inputs and of
the neurons. Weights saturate at 0 and ``2**weight_bits - 1``. A pair of spikes changes a weight by an exponential of
their time difference: upwards if the input spike came first, downwards if the neuron fired first. Each spike is paired
with the nearest spike of the other side.

References
----------
Z. Wang et al., Nature Electronics 1, 2018, 10.1038/s41928-018-0023-2 (diffusive-memristor neurons with drift-memristor
synapses: an 8 x 3 array that learns without a teacher); the rule is that of S. Song, K. D. Miller and L. F. Abbott,
Nature Neuroscience 3, 2000 (pairs), with the adaptive threshold of P. U. Diehl and M. Cook, Front. Comput. Neurosci. 9,
2015, 10.3389/fncom.2015.00099. The default values below are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import whole
from neuristor.golden_model.fixed import round_shift, saturate

__all__ = ["PATTERNS", "TRACE_MOST", "StdpBitTrue", "StdpParams", "StdpReference", "learn", "presented", "specialised"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
TRACE_MOST = 255
"""Value of a trace immediately after a spike."""
PATTERNS = np.array([[1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0, 1, 1]])
"""Three patterns of eight inputs; the first and the last share one input."""


@dataclass(frozen=True, kw_only=True)
class StdpParams:
    """Parameters of the array.

    Parameters
    ----------
    inputs, neurons : int
        Number of inputs, 2 to 64, and of neurons, 2 to 16.
    weight_bits : int
        Word length of a weight, unsigned, 4 to 12.
    threshold : int
        Initial and lowest firing threshold, 1 to half of `membrane_most`.
    inhibition : int
        Amount that the other membrane potentials lose when a neuron fires, 0 to `membrane_most`.
    leak_shift : int
        Leak of the membrane potential, as a power of two, 0 to 15 (equation 1).
    pre_shift, post_shift : int
        Decay of the traces of the inputs and of the neurons, as powers of two, 0 to 15 (equation 4).
    plus_shift, minus_shift : int
        Learning rates of potentiation (equation 5) and of depression (equation 2), as powers of two, 0 to 15.
    rise : int
        Increase of the threshold with each spike, 0 to a quarter of `membrane_most` (equation 6).
    fall_shift : int
        Decay of the threshold, as a power of two, 0 to 15 (equation 6).
    seed : int
        Seed of the initial weights, 0 to 2**32 - 1. They are uniform between a quarter and three quarters of the
        largest weight.

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
        """Word length of a membrane potential, unsigned: holds at least twice the sum of all inputs at once."""
        return (self.inputs * self.weight_most).bit_length() + 1

    @property
    def membrane_most(self) -> int:
        """The largest membrane potential and the largest threshold."""
        return (1 << self.membrane_bits) - 1

    @cached_property
    def first_weights(self) -> Integers:
        """Initial weights, shape (neurons, inputs)."""
        low, high = self.weight_most // 4, 3 * self.weight_most // 4
        return np.random.default_rng(self.seed).integers(low, high, (self.neurons, self.inputs), endpoint=True)


class StdpBitTrue:
    """The bit-true array: the specification of the circuit.

    Parameters
    ----------
    params : StdpParams
        Parameters of the array.

    Attributes
    ----------
    weights : ndarray of int64, shape (neurons, inputs)
        w.
    membrane : ndarray of int64, shape (neurons,)
        v.
    limit : ndarray of int64, shape (neurons,)
        theta.
    pre : ndarray of int64, shape (inputs,)
        x.
    post : ndarray of int64, shape (neurons,)
        y.
    """

    def __init__(self, params: StdpParams) -> None:
        self.params = params
        self.weights = params.first_weights.copy()
        self.membrane = np.zeros(params.neurons, dtype=np.int64)
        self.limit = np.full(params.neurons, params.threshold, dtype=np.int64)
        self.pre = np.zeros(params.inputs, dtype=np.int64)
        self.post = np.zeros(params.neurons, dtype=np.int64)

    def step(self, spikes: ArrayLike) -> int:
        """Advance by one tick.

        Parameters
        ----------
        spikes : array_like of int, shape (inputs,)
            1 for an input that spikes, else 0.

        Returns
        -------
        int
            Number of the neuron that fires; -1 if none does.

        Raises
        ------
        ValueError
            If `spikes` has another shape or other values.
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
    """The array in float64, without rounding; with the attributes of `StdpBitTrue`.

    Parameters
    ----------
    params : StdpParams
        Parameters of the array.
    """

    def __init__(self, params: StdpParams) -> None:
        self.params = params
        self.weights: Floats = params.first_weights.astype(np.float64)
        self.membrane = np.zeros(params.neurons)
        self.limit = np.full(params.neurons, float(params.threshold))
        self.pre, self.post = np.zeros(params.inputs), np.zeros(params.neurons)

    def step(self, spikes: ArrayLike) -> int:
        """Advance by one tick.

        Parameters
        ----------
        spikes : array_like of int, shape (inputs,)
            1 for an input that spikes, else 0.

        Returns
        -------
        int
            Number of the neuron that fires; -1 if none does.
        """
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
    """Input spikes for patterns in random order, each shown for some ticks and followed by silence.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, inputs)
        1 for an input that spikes, else 0.
    times : int
        Number of presentations.
    ticks, silence : int
        Ticks of each presentation, and of the silence after it.
    seed : int
        Seed of the order and of the noise.
    noise : float
        Probability that an input is inverted in a tick of a presentation, 0 to 1.

    Returns
    -------
    spikes : ndarray of uint8, shape (times * (ticks + silence), inputs)
        1 for an input that spikes, else 0.
    shown : ndarray of int64, shape (times * (ticks + silence),)
        Number of the pattern shown in each tick; -1 during silence.
    """
    array, rng = np.asarray(patterns), np.random.default_rng(seed)
    which = rng.integers(0, len(array), times)
    shown = np.concatenate([[n] * ticks + [-1] * silence for n in which.tolist()]).astype(np.int64)
    clean = np.where(shown[:, None] >= 0, array[shown], 0)
    wrong = (rng.random(clean.shape) < noise) & (shown[:, None] >= 0)
    return (clean ^ wrong).astype(np.uint8), shown


def specialised(winners: ArrayLike, shown: ArrayLike, patterns: int, neurons: int) -> Integers:
    """Count how often each neuron fired while each pattern was shown.

    Parameters
    ----------
    winners : array_like of int, shape (ticks,)
        Number of the neuron that fired in each tick; -1 for none.
    shown : array_like of int, shape (ticks,)
        Number of the pattern shown in each tick; -1 during silence.
    patterns, neurons : int
        Number of patterns and of neurons.

    Returns
    -------
    ndarray of int64, shape (neurons, patterns)
        Number of spikes.
    """
    made = np.zeros((neurons, patterns), dtype=np.int64)
    for winner, pattern in zip(np.asarray(winners).tolist(), np.asarray(shown).tolist(), strict=True):
        if winner >= 0 and pattern >= 0:
            made[winner, pattern] += 1
    return made


def learn(model: Any, spikes: NDArray[Any], each: Callable[[int], object] | None = None) -> Integers:
    """Apply the input spikes of all ticks to an array.

    Parameters
    ----------
    model : StdpBitTrue or StdpReference
        The array; it changes.
    spikes : ndarray of int, shape (ticks, inputs)
        1 for an input that spikes, else 0.
    each : callable, optional
        Called with the number of each tick after it.

    Returns
    -------
    ndarray of int64, shape (ticks,)
        Number of the neuron that fired in each tick; -1 for none.
    """
    winners = []
    for tick, row in enumerate(spikes):
        winners.append(model.step(row))
        if each is not None:
            each(tick)
    return np.array(winners, dtype=np.int64)
