"""Oscillatory neural networks: N phase oscillators, every one coupled to every other by a weight.

A sum ``S_i = sum_j w_ij (2 o_j - 1)`` changes only when an output toggles, twice a period each, and then by
``2 w_ij``. So it is never computed anew: work is done for what toggles, whatever the number of ticks in a
period. The order within a tick, the same in the model and in the circuit:

1. the outputs follow their phases;
2. for each that toggled, its column of the weights is added to, or taken from, all sums;
3. each oscillator compares its sum with zero, and may restart (``phase_oscillator``).

At the beginning one full pass makes the sums; a reference whose sum is then zero is the oscillator's output.
The network has settled when no phase was set anew for a whole period. Equal oscillators that repel each other and
begin in phase never do: nothing tells them apart, as long as there is no noise.

References
----------
B. Haverkort and A. Todri-Sanial, Front. Neurosci. 2026, 10.3389/fnins.2025.1658490 (the largest such network
published for a small FPGA: 506 oscillators, 5-bit weights, 4-bit phase, sums computed anew in every tick).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden_model.neuron import whole
from golden_model.phase_oscillator import PhaseOscillatorRaw, output, step

__all__ = ["OnnBitTrue", "OnnParams", "energy", "spins"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MOST = 4096
"""Oscillators that a network may have."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnParams:
    """A network, and what its word lengths are.

    Parameters
    ----------
    weights : ndarray of int, shape (count, count)
        ``weights[i, j]``: what oscillator i feels of oscillator j.
    weight_bits : int
        Of each weight, signed, 1 to 8: 1 bit is -1 or 0.
    phase_bits : int
        A period has ``2**phase_bits`` ticks; 4 to 8.
    symmetric : bool
        The memory holds one half of the matrix.

    Raises
    ------
    TypeError
        If the weights are no integers.
    ValueError
        If their shape is wrong, or they are not symmetric where that is said.
    OverflowError
        If one does not fit its bits.
    """

    weights: Integers
    weight_bits: int = 5
    phase_bits: int = 4
    symmetric: bool = False

    def __post_init__(self) -> None:
        whole("weight_bits", self.weight_bits, 1, 8)
        whole("phase_bits", self.phase_bits, 4, 8)
        weights = np.asarray(self.weights)
        if weights.dtype.kind == "f" and not np.isfinite(weights).all():
            raise ValueError("weights must be integers, but they hold a NaN or an infinity")
        if weights.dtype.kind != "i":
            raise TypeError(f"weights must be integers, not {weights.dtype}; quantize them first")
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not 2 <= len(weights) <= MOST:
            raise ValueError(f"weights must have shape (n, n) with n from 2 to {MOST}, not {weights.shape}")
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        outside = np.argwhere((weights < low) | (weights > high))
        if len(outside):
            i, j = outside[0].tolist()
            raise OverflowError(
                f"weights must be between {low} and {high} with {self.weight_bits} bits, not {weights[i, j]} (from "
                f"oscillator {j} to {i})"
            )
        if self.symmetric and (weights != weights.T).any():
            i, j = np.argwhere(weights != weights.T)[0].tolist()
            raise ValueError(
                f"weights must be symmetric, as symmetric says; oscillators {i} and {j} have {weights[i, j]} and "
                f"{weights[j, i]}"
            )
        object.__setattr__(self, "weights", weights.astype(np.int64))

    @property
    def count(self) -> int:
        """Oscillators."""
        return len(self.weights)

    @cached_property
    def raw(self) -> PhaseOscillatorRaw:
        """The integers of one oscillator."""
        return PhaseOscillatorRaw(self.phase_bits)

    @property
    def total_bits(self) -> int:
        """Of a sum, signed: the largest of any weights fits, so that none can saturate."""
        return self.weight_bits + self.count.bit_length()


class OnnBitTrue:
    """A network of phase oscillators, many trials at once: the specification of the circuit.

    Parameters
    ----------
    params : OnnParams
    phases : array_like of int, shape (trials, count)
        At the beginning, each 0 to ``2**phase_bits`` - 1.

    Attributes
    ----------
    phase, output, reference, total : ndarray of int64, shape (trials, count)
        The state: equations 1 to 3 of ``phase_oscillator``.
    tick : int
        Since the beginning.
    toggles : ndarray of int64, shape (trials,)
        Outputs that have toggled.
    changed : ndarray of int64, shape (trials,)
        The last tick in which a phase was set anew; 0 if none was.

    Raises
    ------
    TypeError, ValueError
        If the phases are none of this network.
    """

    def __init__(self, params: OnnParams, phases: ArrayLike) -> None:
        phase = np.atleast_2d(np.asarray(phases))
        if phase.dtype.kind != "i":
            raise TypeError(f"phases must hold integers, not {phase.dtype}")
        if phase.ndim != 2 or phase.shape[1] != params.count:
            raise ValueError(f"phases must have shape (trials, {params.count}), not {phase.shape}")
        if phase.size and (phase.min() < 0 or phase.max() >= params.raw.period):
            raise ValueError(f"phases must be 0 to {params.raw.period - 1}, not {phase.min()} to {phase.max()}")
        self.params = params
        # Sums of integers are exact in floating point far beyond what can occur, and products are much faster.
        exact = np.float32 if params.total_bits < 24 else np.float64
        self._columns = np.ascontiguousarray(params.weights.T, dtype=exact)
        self.tick = 0
        self.phase = phase.astype(np.int64)
        self.output = output(params.raw, self.phase, 0)
        self._total = (2 * self.output - 1).astype(exact) @ self._columns
        self.reference = np.where(self._total == 0, self.output, self._total > 0).astype(np.int64)
        self.toggles = np.zeros(len(phase), dtype=np.int64)
        self.changed = np.zeros(len(phase), dtype=np.int64)

    @property
    def total(self) -> Integers:
        """The sums."""
        return np.asarray(self._total, dtype=np.int64)

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Of each trial: no phase was set anew for a period, shape (trials,)."""
        return np.asarray(self.tick - self.changed >= self.params.raw.period)

    def step(self) -> None:
        """Advance one tick."""
        self.tick += 1
        raw = self.params.raw
        after = output(raw, self.phase, self.tick)
        change = after - self.output
        toggling = np.flatnonzero(change.any(axis=0))
        if len(toggling):
            part = change[:, toggling].astype(self._columns.dtype)
            self._total += 2 * (part @ self._columns[toggling])
            self.toggles += np.count_nonzero(part, axis=1)
        self.output = after
        self.phase, self.reference, moved = step(raw, self.phase, self.reference, self._total, self.tick)
        self.changed[moved.any(axis=1)] = self.tick

    def run(self, periods: int) -> None:
        """Advance so many periods, or until all trials have settled.

        Parameters
        ----------
        periods : int
            At least 1.
        """
        whole("periods", periods, 1, 1_000_000)
        for _ in range(periods):
            for _ in range(self.params.raw.period):
                self.step()
            if self.settled.all():
                return


def spins(phases: ArrayLike, phase_bits: int) -> Integers:
    """+1 for an oscillator within a quarter of a period of oscillator 0, -1 for any other.

    Parameters
    ----------
    phases : array_like of int, shape (..., count)
    phase_bits : int
    """
    phase, quarter = np.asarray(phases, dtype=np.int64), 1 << (phase_bits - 2)
    away = (phase - phase[..., :1] + quarter) & ((1 << phase_bits) - 1)
    return np.where(away < 2 * quarter, 1, -1)


def energy(weights: ArrayLike, spins: ArrayLike) -> Floats:
    """Ising energy ``-1/2 sum w_ij s_i s_j``, without the diagonal.

    Parameters
    ----------
    weights : array_like, shape (count, count)
    spins : array_like of int, shape (..., count)

    Returns
    -------
    ndarray of float, shape (...)
    """
    matrix, s = np.array(weights, dtype=np.float64), np.asarray(spins, dtype=np.float64)
    np.fill_diagonal(matrix, 0)
    return np.asarray(-0.5 * np.einsum("...i,...i->...", s @ matrix.T, s))
