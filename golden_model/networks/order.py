"""What an array does as a whole: synchronisation, phases against each other, and avalanches of spikes.

All of it is computed from spike times, so that it is the same for the float model, the bit-true model and a board.

References
----------
Y. Kuramoto, "Chemical Oscillations, Waves, and Turbulence", 1984 (order parameter). J. M. Beggs and D. Plenz, J.
Neurosci. 23, 2003 (avalanches of spikes). C. Pikovsky, M. Rosenblum and J. Kurths, "Synchronization", 2001, section
6.3 (phase from times of events).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["avalanches", "phase_differences", "phases", "synchronisation"]

Floats = NDArray[np.float64]


def phases(times: Sequence[ArrayLike], when: ArrayLike) -> Floats:
    """The phase of each neuron: it grows by 1 from each spike to the next one, evenly.

    Parameters
    ----------
    times : sequence of array_like of float
        Spike times of each neuron, in second, in their order.
    when : array_like of float, shape (n,)
        Times at which the phases are wanted, in second.

    Returns
    -------
    ndarray of float, shape (n, neurons)
        Phases in turns; NaN before the first and after the last spike of a neuron.
    """
    wanted = np.asarray(when, dtype=np.float64)
    made = np.full((len(wanted), len(times)), np.nan)
    for n, each in enumerate(times):
        spikes = np.asarray(each, dtype=np.float64)
        if len(spikes) > 1:
            made[:, n] = np.interp(wanted, spikes, np.arange(len(spikes)), left=np.nan, right=np.nan)
    return made


def synchronisation(times: Sequence[ArrayLike], when: ArrayLike) -> Floats:
    """The order parameter: 1 if all neurons have one phase, about 0 if they are spread evenly.

    Parameters
    ----------
    times : sequence of array_like of float
        Spike times of each neuron, in second, in their order.
    when : array_like of float, shape (n,)
        Times at which it is wanted, in second.

    Returns
    -------
    ndarray of float, shape (n,)
        Absolute value of the mean of ``exp(2 pi i phase)`` over the neurons that have a phase; NaN if none has.
    """
    turning = np.exp(2j * np.pi * phases(times, when))
    known = np.isfinite(turning.real)
    count = known.sum(axis=1)
    total = np.abs(np.where(known, turning, 0).sum(axis=1))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def phase_differences(times: Sequence[ArrayLike], reference: int = 0) -> Floats:
    """How far each neuron is ahead of another one, on average over its spikes.

    Parameters
    ----------
    times : sequence of array_like of float
        Spike times of each neuron, in second, in their order.
    reference : int
        The neuron that they are compared with.

    Returns
    -------
    ndarray of float, shape (neurons,)
        In degrees, from -180 to 180; NaN for a neuron without a spike while the other one has a phase.
    """
    made = np.full(len(times), np.nan)
    for n, each in enumerate(times):
        behind = phases([times[reference]], each)[:, 0]
        behind = behind[np.isfinite(behind)]
        if len(behind):
            # Where the other one is in its period as this one fires: so far is this one behind.
            made[n] = -np.degrees(np.angle(np.exp(2j * np.pi * behind).mean()))
    return made


def avalanches(
    times: Sequence[ArrayLike], window: float, edges: Iterable[tuple[int, int]] | None = None
) -> NDArray[np.int64]:
    """Sizes of avalanches: spikes that follow each other within a window, at the same or at neighbouring neurons.

    Two spikes are in one avalanche if a chain of spikes leads from one to the other in which each is at most `window`
    after the one before, at the same neuron or at the other end of an edge. The sizes depend on the window: say it.

    Parameters
    ----------
    times : sequence of array_like of float
        Spike times of each neuron, in second, in their order.
    window : float
        Longest time between two spikes that follow each other, in second; 0 or more.
    edges : iterable of (int, int), optional
        Which neurons are neighbours, in both directions; by default all are.

    Returns
    -------
    ndarray of int, shape (avalanches,)
        Number of spikes of each, in the order of their first spikes.

    Raises
    ------
    ValueError
        If the window is negative or not finite, or an edge has an end that is no neuron.
    """
    if not 0 <= window < np.inf:
        raise ValueError(f"window must be 0 or more, in second, not {window!r}")
    spikes = [np.asarray(each, dtype=np.float64) for each in times]
    whole = np.concatenate([*spikes, np.zeros(0)])
    if not len(whole):
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(whole, kind="stable")
    if edges is None:
        parts = np.cumsum(np.diff(whole[order], prepend=whole[order[0]]) > window)
        return np.bincount(parts).astype(np.int64)
    first = np.concatenate([[0], np.cumsum([len(each) for each in spikes])])
    links = []
    for n, each in enumerate(spikes):
        near = np.flatnonzero(np.diff(each) <= window)
        links.append(first[n] + np.stack([near, near + 1]))
    for i, j in {way for ends in edges for way in (ends, ends[::-1])}:
        if not (0 <= i < len(spikes) and 0 <= j < len(spikes)):
            raise ValueError(f"the ends of an edge must be neurons from 0 to {len(spikes) - 1}, not {i} and {j}")
        # To the last spike of the other one before: earlier ones within the window are linked to that one.
        before = np.searchsorted(spikes[i], spikes[j], side="right") - 1
        near = np.flatnonzero(before >= 0)
        near = near[spikes[j][near] - spikes[i][before[near]] <= window]
        links.append(np.stack([first[i] + before[near], first[j] + near]))
    pairs = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(pairs.shape[1], dtype=np.int8), (pairs[0], pairs[1])), shape=(len(whole), len(whole)))
    _, label = connected_components(graph, directed=False)
    # Numbered by the first spike of each.
    _, place = np.unique(label[order], return_index=True)
    rank = np.argsort(np.argsort(place))
    return np.bincount(rank[label], minlength=len(place)).astype(np.int64)
