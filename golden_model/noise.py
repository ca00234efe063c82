"""Bit-true random numbers: the same bits in NumPy and in the circuit, for any number of lanes.

Each neuron has its own xorshift generator with a state of 32 bits, stored with its membrane potential.
The state advances only when the neuron fires, so each firing cycle has one draw. This is cycle-to-cycle
variation, as it is measured on devices, and it does not depend on the time step. A draw is the sum of the
four bytes of the state (Irwin-Hall distribution, n = 4): bell-shaped, and limited to 3.45 standard
deviations.

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
"""Largest state and largest seed: 32 bits."""
WEYL = 0x9E37_79B9
"""2**32 divided by the golden ratio: the difference between the seeds of neighbouring neurons."""
SEED_STEPS = 3
"""Steps from a seed to the first state. With fewer, neighbouring neurons correlate (|r| is 0.28 with 0 steps)."""
CENTRE = 510
"""Mean of the sum of four bytes."""
SIGMA = math.sqrt(4 * (256**2 - 1) / 12)
"""Standard deviation of the sum of four bytes."""


def advance(state: Any) -> Any:
    """The next state of a generator.

    Parameters
    ----------
    state : int, ndarray of int, or a hardware value
        Present state, 1 to 2**32 - 1.
    """
    state = state ^ ((state << 13) & MASK)
    state = state ^ (state >> 17)
    return state ^ ((state << 5) & MASK)


def first_state(seed: int, index: Any) -> Any:
    """The state of a neuron's generator after reset.

    Parameters
    ----------
    seed : int
        Seed of the design, 0 to 2**32 - 1.
    index : int or ndarray of int
        Number of the neuron, from 0.
    """
    state = ((seed + (index + 1) * WEYL) & MASK) | 1
    for _ in range(SEED_STEPS):
        state = advance(state)
    return state


def first_states(seed: int, count: int) -> NDArray[np.int64]:
    """The states of all generators after reset.

    Parameters
    ----------
    seed : int
        Seed of the design, 0 to 2**32 - 1.
    count : int
        Number of neurons.

    Returns
    -------
    ndarray of int64, shape (count,)
        One state for each neuron.
    """
    return np.asarray(first_state(seed, np.arange(count, dtype=np.int64)))


def states(seed: int, trace: NDArray[np.int64]) -> NDArray[np.int64]:
    """The states before each time step, from those after it.

    Parameters
    ----------
    seed : int
        Seed of the design, 0 to 2**32 - 1.
    trace : ndarray of int64, shape (ticks, count)
        States after each time step, from the reset on.

    Returns
    -------
    ndarray of int64, shape (ticks, count)
        The first row is the states after reset.
    """
    return np.vstack([first_states(seed, trace.shape[1])[None], trace[:-1]])


def byte_sum(state: Any) -> Any:
    """The draw of a state: mean 0, standard deviation `SIGMA`, from -510 to 510.

    Parameters
    ----------
    state : int, ndarray of int, or a hardware value
        State of a generator.
    """
    return (state & 255) + ((state >> 8) & 255) + ((state >> 16) & 255) + ((state >> 24) & 255) - CENTRE


def scale_for(sigma_raw: float) -> tuple[int, int]:
    """Scale and shift that convert a draw into an offset with a given standard deviation.

    Parameters
    ----------
    sigma_raw : float
        Standard deviation of the offset, in raw steps; zero or more. Zero, or a value far below one step,
        turns the noise off.

    Returns
    -------
    scale_raw : int
        Factor of 8 significant bits, so the standard deviation is correct within 0.4 %; 0 without noise.
    shift : int
        Bits by which the product is shifted to the right.

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
    """The offset of a state, in raw steps.

    Parameters
    ----------
    state : int, ndarray of int, or a hardware value
        State of a generator.
    scale_raw, shift : int
        As returned by `scale_for`.
    """
    return round_shift(byte_sum(state) * scale_raw, shift)
