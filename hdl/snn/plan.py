"""How the neurons of a layer are spread over lanes, and how their spikes are packed into words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import LayerParams
from neuristor.hdl.protection import check_protection

__all__ = ["WORD", "LayerPlan", "Source", "places", "slots", "word_bits"]

WORD = 32
"""Spikes in a word, at most (more only if a single group is wider)."""
MOST_UPDATES = 8
"""Default limit for the neurons that are updated at a time in a layer whose sums are registers."""

Integers = NDArray[np.int64]


def word_bits(count: int, group: int) -> int:
    """Width of the words into which groups of spikes are packed.

    Parameters
    ----------
    count : int
        Spikes in a tick: one for each neuron.
    group : int
        Spikes in a group.

    Returns
    -------
    int
        As many whole groups as fit into `WORD` bits, at least one, at most `count` bits.
    """
    return min(group * max(1, WORD // group), count)


def places(shape: tuple[int, ...], lanes: int) -> Integers:
    """The index of the neuron at each place.

    Parameters
    ----------
    shape : tuple of int
        Of the layer: (count,), or (channels, height, width).
    lanes : int
        A divisor of the neurons or channels.

    Returns
    -------
    ndarray of int64, shape (count,)
        Indices in the order of the golden model (C order of `shape`).
    """
    if len(shape) == 1:
        return np.arange(shape[0])
    channels, height, width = shape
    natural = np.arange(math.prod(shape)).reshape(channels // lanes, lanes, height * width)
    return natural.transpose(2, 0, 1).ravel()


def slots(count: int, width: int) -> Integers:
    """The slot of each place.

    Parameters
    ----------
    count : int
        Places.
    width : int
        Bits of a word.

    Returns
    -------
    ndarray of int64, shape (count,)
        The number of the word, times `width` rounded up to a power of two, plus the number of the bit.
    """
    place = np.arange(count)
    return place // width * _room(width) + place % width


def _room(width: int) -> int:
    return 1 << max(width - 1, 1).bit_length() if width > 1 else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPlan:
    """How a layer is spread over lanes.

    Parameters
    ----------
    params : LayerParams
        The layer: neurons, weights and word lengths.
    lanes : int
        Sums to which a row of weights is added in one clock. A divisor of the neurons or, for a picture, of the
        channels.
    updates : int, optional
        Neurons that are updated at a time. If all sums are registers, a divisor of `lanes`; by default, the largest
        one up to 8. Otherwise it equals `lanes`.
    single_port : bool
        The weights are in memories with one port and no initial value (``neuristor.hdl.memory``): they must be
        written before the first tick.
    loadable : bool
        Thresholds and biases can be changed at run time, while no neuron is being updated.
    protection : str
        Check bits of weights, thresholds and biases in memory: "none", "parity" or "secded"; see
        ``neuristor.hdl.protection``.

    Raises
    ------
    ValueError
        If `lanes` or `updates` is not such a divisor, or `protection` has another value.
    """

    params: LayerParams
    lanes: int
    updates: int = 0
    single_port: bool = False
    loadable: bool = False
    protection: str = "none"

    def __post_init__(self) -> None:
        check_protection(self.protection)
        shape = self.params.shape
        what = f"the {shape[0]} {'neurons' if len(shape) == 1 else 'channels'} of {self.params.name}"
        if not isinstance(self.lanes, int) or self.lanes < 1 or shape[0] % self.lanes:
            raise ValueError(f"lanes must be a divisor of {what}, not {self.lanes!r}")
        if self.updates == 0:
            fits = [n for n in range(1, MOST_UPDATES + 1) if self.lanes % n == 0]
            object.__setattr__(self, "updates", max(fits) if self.registers else self.lanes)
        if not isinstance(self.updates, int) or self.updates < 1 or self.lanes % self.updates:
            raise ValueError(f"updates must be a divisor of {self.lanes} lanes, not {self.updates!r}")
        if not self.registers and self.updates != self.lanes:
            raise ValueError(
                f"updates must equal the {self.lanes} lanes of {self.params.name}, whose sums are in block RAM, not "
                f"{self.updates!r}"
            )

    @property
    def rows(self) -> int:
        """Rows of the layer: neurons divided by lanes."""
        return self.params.count // self.lanes

    @property
    def registers(self) -> bool:
        """Whether all sums are registers: there is one lane for each neuron."""
        return self.params.count == self.lanes

    @property
    def groups(self) -> int:
        """Groups of neurons that are updated one after the other in a tick."""
        return self.params.count // self.updates

    @property
    def places(self) -> Integers:
        """The index of the neuron at each place, shape (count,)."""
        return places(self.params.shape, self.lanes)

    def grouped(self, column: Integers) -> list[list[int]]:
        """Arrange one number for each neuron in the order in which the groups are updated.

        Parameters
        ----------
        column : ndarray of int64, shape (count,)
            By the index of the neuron.

        Returns
        -------
        list of list of int, shape (groups, updates)
        """
        rows: list[list[int]] = column[self.places].reshape(self.groups, self.updates).tolist()
        return rows


@dataclass(frozen=True, eq=False)
class Source:
    """The spikes that a connection receives.

    Parameters
    ----------
    places : ndarray of int64, shape (count,)
        The index of the sending neuron, or of the input, at each place.
    width : int
        Bits of the words in which the spikes arrive.
    """

    places: Integers
    width: int

    @property
    def slots(self) -> Integers:
        """The slot of each place, shape (count,)."""
        return slots(len(self.places), self.width)
