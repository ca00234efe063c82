"""Parts that the float model and the bit-true model of a spiking network share."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise

__all__ = ["NEAR", "History", "checked", "first_noise", "longest_delays"]

NEAR = 1e-9
"""Relative tolerance: a float this close to a grid point is taken as the grid point."""


class History:
    """The past spikes of each source, as far back as the longest delay.

    Parameters
    ----------
    delays : dict of int to int
        The longest delay of each source, in ticks.
    shapes : dict of int to tuple of int
        Shape (batch, count) of the spikes of each source.
    kind : dtype
        Data type of the zeros before the first tick.
    """

    def __init__(self, delays: dict[int, int], shapes: dict[int, tuple[int, int]], kind: Any) -> None:
        self._kept = {
            n: deque([np.zeros(shapes[n], dtype=kind)] * delay, maxlen=delay) for n, delay in delays.items() if delay
        }

    def spikes(self, source: int, delay: int, now: Any) -> Any:
        """The spikes that a connection delivers in this tick.

        Parameters
        ----------
        source : int
            Number of the source.
        delay : int
            Delay of the connection, in ticks.
        now : ndarray, shape (batch, count)
            The source's spikes of this tick, returned where `delay` is 0.

        Returns
        -------
        ndarray, shape (batch, count)
        """
        return now if delay == 0 else self._kept[source][-delay]

    def push(self, source: int, spikes: Any) -> None:
        """Store a copy of the spikes of this tick.

        Parameters
        ----------
        source : int
            Number of the source.
        spikes : ndarray, shape (batch, count)
            Its spikes.
        """
        if source in self._kept:
            self._kept[source].append(spikes.copy())


def longest_delays(layers: Sequence[Any], sources: Callable[[Any], list[tuple[int, int]]]) -> dict[int, int]:
    """The longest delay of each source, in ticks.

    Parameters
    ----------
    layers : sequence
        Layers of a network.
    sources : callable
        Returns (source, delay) of each connection of a layer.

    Returns
    -------
    dict of int to int
        By the number of the source.
    """
    longest: dict[int, int] = {}
    for layer in layers:
        for source, delay in sources(layer):
            longest[source] = max(longest.get(source, 0), delay)
    return longest


def checked(inputs: ArrayLike, count: int, kinds: str) -> Any:
    """Check the input of many ticks.

    Parameters
    ----------
    inputs : array_like, shape (ticks, batch, count), or (ticks, count) for a batch of one
        Spikes or currents.
    count : int
        Inputs per tick.
    kinds : str
        NumPy's letters for the allowed kinds of numbers, beside bool.

    Returns
    -------
    ndarray, shape (ticks, batch, count)

    Raises
    ------
    TypeError
        If the input has another kind of numbers.
    ValueError
        If the shape is wrong, or a number is not finite.
    """
    made = np.asarray(inputs)
    if made.dtype.kind not in kinds + "b":
        raise TypeError(f"inputs must be numbers, not {made.dtype}")
    if made.ndim == 2:
        made = made[:, None]
    if made.ndim != 3 or made.shape[2] != count:
        raise ValueError(f"inputs must have shape (ticks, batch, {count}), not {np.shape(inputs)}")
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        raise ValueError("inputs must be finite, but they hold a NaN or an infinity")
    return made


def first_noise(seed: int, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Noise states before the first tick.

    Generators are numbered by the place of a neuron in the circuit, where the channels of a pixel are neighbours.

    Parameters
    ----------
    seed : int
        Seed of the layer, 0 to 2**32 - 1.
    batch : int
        Runs side by side; all have the same states.
    shape : tuple of int
        Shape of the layer: (count,), or (channels, height, width).

    Returns
    -------
    ndarray of int64, shape (batch, count)
    """
    states = noise.first_states(seed, math.prod(shape))
    if len(shape) == 3:
        states = states.reshape(-1, shape[0]).T.ravel()
    return np.repeat(states[None], batch, axis=0)
