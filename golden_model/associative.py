"""Associative memory: weights that make patterns the resting states of a network.

Patterns are rows of +1 and -1. All rules give real weights with a zero diagonal; `quantized` makes integers of them.

References
----------
D. O. Hebb's rule as in J. J. Hopfield, PNAS 79, 1982; A. Storkey, ICANN 1997; L. Personnaz, I. Guyon and G.
Dreyfus, J. Physique Lett. 46, 1985 (pseudo-inverse); S. Diederich and M. Opper, Phys. Rev. Lett. 58, 1987 (rule I).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden_model.neuron import whole

__all__ = ["RULES", "diederich_opper", "hebbian", "pseudo_inverse", "quantized", "storkey"]

Floats = NDArray[np.float64]
ROUNDS = 1000
"""Passes over all patterns after which `diederich_opper` gives up."""


def _patterns(patterns: ArrayLike) -> Floats:
    made = np.asarray(patterns, dtype=np.float64)
    if made.ndim != 2 or 0 in made.shape:
        raise ValueError(f"patterns must have shape (patterns, count), not {made.shape}")
    if not np.isin(made, (-1.0, 1.0)).all():
        raise ValueError("patterns must hold +1 and -1 only")
    return made


def _without_diagonal(weights: Floats) -> Floats:
    np.fill_diagonal(weights, 0)
    return weights


def hebbian(patterns: ArrayLike) -> Floats:
    """``w_ij = sum x_i x_j / N``.

    Parameters
    ----------
    patterns : array_like, shape (patterns, count)

    Returns
    -------
    ndarray of float, shape (count, count)
    """
    x = _patterns(patterns)
    return _without_diagonal(x.T @ x / x.shape[1])


def storkey(patterns: ArrayLike) -> Floats:
    """One pattern after the other: ``w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N``, h_ij the field without i and j.

    Parameters and result as `hebbian`.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    weights = np.zeros((count, count))
    for row in x:
        field = weights @ row
        # h_ij leaves out what i and j themselves add to the field of i.
        h = field[:, None] - np.diag(weights)[:, None] * row[:, None] - weights * row[None, :]
        np.fill_diagonal(h, field - np.diag(weights) * row)
        weights = weights + (np.outer(row, row) - row[:, None] * h.T - h * row[None, :]) / count
    return _without_diagonal(weights)


def pseudo_inverse(patterns: ArrayLike) -> Floats:
    """The projection onto the patterns.

    Parameters and result as `hebbian`.
    """
    x = _patterns(patterns)
    return _without_diagonal(np.asarray(np.linalg.pinv(x) @ x))


def diederich_opper(patterns: ArrayLike) -> Floats:
    """Rule I: ``w_ij += x_i x_j / N`` for each i whose field ``x_i h_i`` is below one, until none is.

    Parameters and result as `hebbian`.

    Raises
    ------
    ValueError
        If the patterns cannot be stored so.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    learnt = np.zeros((count, count))  # N times the weights: whole numbers, so that a margin of one is exact
    for _ in range(ROUNDS):
        stable = True
        for row in x:
            low = row * (learnt @ row) < count
            stable &= not low.any()
            learnt[low] += np.outer(row[low], row)
            np.fill_diagonal(learnt, 0)
        if stable:
            return np.asarray(learnt / count)
    raise ValueError(f"patterns must be such that {ROUNDS} rounds of rule I store them; these {len(x)} are not")


RULES: dict[str, Callable[[ArrayLike], Floats]] = {
    "hebbian": hebbian,
    "storkey": storkey,
    "pseudo_inverse": pseudo_inverse,
    "diederich_opper": diederich_opper,
}
"""By name."""


def quantized(weights: ArrayLike, bits: int) -> NDArray[np.int64]:
    """The weights as integers of so many bits: the largest becomes ``2**(bits - 1) - 1``, halves are rounded up.

    Parameters
    ----------
    weights : array_like of float, shape (count, count)
    bits : int
        2 to 8.

    Raises
    ------
    ValueError
        If a weight is not finite.
    """
    whole("bits", bits, 2, 8)
    real = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(real).all():
        raise ValueError("weights must be finite, but they hold a NaN or an infinity")
    largest = float(np.abs(real).max())
    scale = ((1 << (bits - 1)) - 1) / largest if largest else 0.0
    return np.floor(real * scale + 0.5).astype(np.int64)
