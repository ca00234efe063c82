"""A firing behaviour: an input that brings it out, and how to tell that it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Behaviour"]


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
    current: NDArray[np.float64]
    shown: Callable[[NDArray[np.float64]], bool]
    wanted: str

    @property
    def title(self) -> str:
        """The name, for a reader."""
        return self.name.replace("_", " ")
