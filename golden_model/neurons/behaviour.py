"""A firing behaviour: an input that evokes it, and a test of the spikes that recognizes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Behaviour", "bursts", "even", "gaps"]

Floats = NDArray[np.float64]


def gaps(times: Floats) -> Floats:
    """Intervals between spikes.

    Parameters
    ----------
    times : ndarray of float, shape (spikes,)
        Spike times of a neuron, in any unit.

    Returns
    -------
    ndarray of float, shape (spikes - 1,)
        Intervals, in the same unit.
    """
    return np.asarray(np.diff(times), dtype=np.float64)


def even(times: Floats, spread: float = 0.25) -> bool:
    """Whether three or more spikes are evenly spaced.

    Parameters
    ----------
    times : ndarray of float, shape (spikes,)
        Spike times of a neuron.
    spread : float
        The standard deviation of the intervals must be below this fraction of their mean.
    """
    found = gaps(times)
    return len(found) > 1 and float(found.std()) < spread * float(found.mean())


def bursts(times: Floats, ratio: float) -> list[Floats]:
    """Split spikes into bursts, at intervals of more than half the longest one.

    Parameters
    ----------
    times : ndarray of float, shape (spikes,)
        Spike times of a neuron.
    ratio : float
        If the longest interval is below this multiple of the shortest one, all spikes are one burst.

    Returns
    -------
    list of ndarray of float
        Spike times of each burst.
    """
    found = gaps(times)
    if len(found) == 0 or found.max() < ratio * found.min():
        return [times]
    return np.split(times, np.flatnonzero(found > found.max() / 2) + 1)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One behaviour of one neuron.

    Parameters
    ----------
    name : str
        Name of the behaviour, such as ``tonic_spiking``.
    params : NeuronParams
        Parameters of an array of one neuron.
    current : ndarray of float, shape (ticks,)
        Input of each tick, in the unit that ``params.drive_raw`` takes (ampere for most models).
    shown : callable
        ``shown(times)`` says whether spikes (their times in second, shape (spikes,)) are this behaviour.
    wanted : str
        What `shown` looks for, in words.
    """

    name: str
    params: Any
    current: Floats
    shown: Callable[[Floats], bool]
    wanted: str

    @property
    def title(self) -> str:
        """The name with spaces, for a reader."""
        return self.name.replace("_", " ")
