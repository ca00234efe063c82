"""A firing behaviour: an input that brings it out, and how to tell that it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Behaviour", "bursts", "even", "gaps"]

Floats = NDArray[np.float64]


def gaps(times: Floats) -> Floats:
    """Intervals between spikes."""
    return np.asarray(np.diff(times), dtype=np.float64)


def even(times: Floats, spread: float = 0.25) -> bool:
    """Whether three or more spikes are evenly spaced: a standard deviation below `spread` of the mean."""
    found = gaps(times)
    return len(found) > 1 and float(found.std()) < spread * float(found.mean())


def bursts(times: Floats, ratio: float) -> list[Floats]:
    """Groups of spikes, parted by gaps of at least half the longest one.

    One group, if no gap is `ratio` times another.
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
        Such as ``tonic_spiking``.
    params : object
        Parameters of an array of one neuron.
    current : ndarray of float, shape (ticks,)
        Input of each tick, in the unit of ``params.drive_raw``.
    shown : callable
        From the spike times of the neuron (in second) to whether the behaviour is there.
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
        """The name, for a reader."""
        return self.name.replace("_", " ")
