"""Bit-true random numbers: the same bits in NumPy and in the circuit, whatever the number of lanes.

Every neuron owns one 32-bit xorshift state, kept beside its membrane. The state moves on only
when the neuron fires, so each firing cycle has one draw: cycle-to-cycle variation, as measured
on devices, and independent of the time step. A draw is the sum of the state's four bytes
(Irwin-Hall, n = 4): bell-shaped, and cut at 3.45 standard deviations.

References
----------
G. Marsaglia, "Xorshift RNGs", J. Stat. Softw. 8(14), 2003: the triple (13, 17, 5), period 2**32 - 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.fixed import round_shift

__all__ = [
    "CENTRE",
    "MASK",
    "SEED_STEPS",
    "SIGMA",
    "WEYL",
    "advance",
    "byte_sum",
    "first_state",
    "first_states",
    "offset",
    "scale_for",
    "states",
]

MASK = 0xFFFF_FFFF
WEYL = 0x9E37_79B9
"""2**32 divided by the golden ratio: the step between the seeds of neighbouring neurons."""
SEED_STEPS = 3
"""Steps between a seed and the first state; with fewer, neighbouring neurons correlate (|r| 0.28 at 0)."""
CENTRE = 510
"""The mean of a byte sum."""
SIGMA = math.sqrt(4 * (256**2 - 1) / 12)
"""The standard deviation of a byte sum."""


def advance(state: Any) -> Any:
    """The next state of a generator (a non-zero integer below 2**32)."""
    state = state ^ ((state << 13) & MASK)
    state = state ^ (state >> 17)
    return state ^ ((state << 5) & MASK)


def first_state(seed: int, index: Any) -> Any:
    """The state of neuron `index` after reset.

    Parameters
    ----------
    seed : int
        The seed of the design, 0 to 2**32 - 1.
    index : int or ndarray of int
        The number of the neuron, from 0.
    """
    state = ((seed + (index + 1) * WEYL) & MASK) | 1
    for _ in range(SEED_STEPS):
        state = advance(state)
    return state


def first_states(seed: int, count: int) -> NDArray[np.int64]:
    """The states of all neurons after reset, shape (count,)."""
    return np.asarray(first_state(seed, np.arange(count, dtype=np.int64)))


def states(seed: int, trace: NDArray[np.int64]) -> NDArray[np.int64]:
    """The states before each tick, from those after it, shape (ticks, count)."""
    return np.vstack([first_states(seed, trace.shape[1])[None], trace[:-1]])


def byte_sum(state: Any) -> Any:
    """A draw from a state: mean 0, standard deviation `SIGMA`, from -510 to 510."""
    return (state & 255) + ((state >> 8) & 255) + ((state >> 16) & 255) + ((state >> 24) & 255) - CENTRE


def scale_for(sigma_raw: float) -> tuple[int, int]:
    """The scale and shift that turn a draw into an offset of the wanted spread.

    Parameters
    ----------
    sigma_raw : float
        The wanted standard deviation, in raw steps; zero, or far below one step, switches the noise off.

    Returns
    -------
    scale_raw : int
        Eight significant bits (0 when off), so the spread is right within 0.4 %.
    shift : int
        How far the product is shifted down.

    Raises
    ------
    ValueError
        If `sigma_raw` is negative or not finite.
    """
    if not math.isfinite(sigma_raw) or sigma_raw < 0:
        raise ValueError(f"sigma_raw must be finite and not negative, not {sigma_raw!r}")
    if sigma_raw == 0:
        return 0, 0
    ratio = sigma_raw / SIGMA
    shift = max(0, 7 - math.floor(math.log2(ratio)))
    if shift > 18:  # every draw would round to zero
        return 0, 0
    return math.floor(ratio * 2**shift + 0.5), shift


def offset(state: Any, scale_raw: int, shift: int) -> Any:
    """The offset, in raw steps, that a state stands for."""
    return round_shift(byte_sum(state) * scale_raw, shift)
