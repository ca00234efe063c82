"""Decoder of the output stream of a board: spikes and states by tick."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuristor.boards.host.client import BoardError
from neuristor.hdl.link.core import Kind, StreamCore

__all__ = ["Recording"]

Integers = NDArray[np.int64]


@dataclass(eq=False)
class Recording:
    """Spikes and states received from a board.

    Parameters
    ----------
    core : StreamCore
        The core on the board.
    places : ndarray of int64, shape (lanes * groups,)
        Number of the neuron at each place of the output. Places beyond the last neuron never spike.
    records : int
        Number of records that have ended.
    ticks : int
        Ticks since reset, at the end of the last record.
    count : int
        Number of spikes.
    """

    core: StreamCore
    places: Integers
    records: int = 0
    ticks: int = 0
    count: int = 0
    _tick: int = field(default=0, init=False)
    _spikes: list[tuple[int, int, int]] = field(default_factory=list, init=False)
    _states: list[tuple[int, int, list[int]]] = field(default_factory=list, init=False)
    _group: int = field(default=-1, init=False)
    _words: list[int] = field(default_factory=list, init=False)

    def take(self, words: Iterable[int]) -> None:
        """Decode words of the output stream.

        Parameters
        ----------
        words : iterable of int
            Words in the order of the stream, 32 bits each (``neuristor.hdl.link.core.Kind``).

        Raises
        ------
        BoardError
            If a word names spikes or states of a group that does not exist.
        """
        chunk = self.core.chunk
        needed = -(-self.core.state_bits // 32)
        for word in words:
            if self._group >= 0:
                self._words.append(word)
                if len(self._words) == needed:
                    self._states.append((self._tick, self._group, self._words))
                    self._group, self._words = -1, []
                continue
            kind, content = word >> 30, word & 0x3FFF_FFFF
            if kind == Kind.TICK:
                self._tick = self._whole(content)
            elif kind == Kind.SPIKES:
                bits = content & ((1 << chunk) - 1)
                if content >> chunk >= self.core.groups * self.core.chunks:
                    raise BoardError(
                        f"the board sends spike group {content >> chunk}, but there are "
                        f"{self.core.groups * self.core.chunks}: its output is damaged"
                    )
                self._spikes.append((self._tick, content >> chunk, bits))
                self.count += bits.bit_count()
            elif kind == Kind.STATE:
                if content >= self.core.groups:
                    raise BoardError(
                        f"the board sends state group {content}, but there are {self.core.groups}: "
                        "its output is damaged"
                    )
                self._group = content
            else:
                self.records += 1
                self.ticks = self._whole(content)

    def _whole(self, low: int) -> int:
        """The full number of a tick from its lower 30 bits: ticks never decrease."""
        base = self._tick & ~0x3FFF_FFFF
        return base + low + ((base + low < self._tick) << 30)

    @property
    def spikes(self) -> Integers:
        """Tick and neuron of each spike, in order of ticks: ndarray of int64, shape (n, 2)."""
        return self._located(0, len(self._spikes))

    def _located(self, begin: int, end: int) -> Integers:
        """Tick and neuron of each spike in some of the received spike words.

        Raises
        ------
        BoardError
            If there is no neuron of that number.
        """
        if begin == end:
            return np.zeros((0, 2), dtype=np.int64)
        found = np.array(self._spikes[begin:end], dtype=np.int64)
        which, bit = np.nonzero(found[:, 2:] >> np.arange(self.core.chunk) & 1)
        group, part = np.divmod(found[which, 1], self.core.chunks)
        place = group * self.core.lanes + part * self.core.chunk + bit
        if len(place) and place.max() >= len(self.places):
            raise BoardError("the board sends spikes of nonexistent neurons: its output is damaged")
        return np.stack([found[which, 0], self.places[place]], axis=1)

    def raster(self, first: int, ticks: int) -> Integers:
        """The spikes of some ticks as an array.

        Parameters
        ----------
        first : int
            First tick.
        ticks : int
            Number of ticks.

        Returns
        -------
        ndarray of int64, shape (ticks, neurons)
            1 where a neuron spikes, else 0.

        Raises
        ------
        BoardError
            If a spike has no neuron.
        """
        made = np.zeros((ticks, self.core.neurons), dtype=np.int64)
        spikes = self._located(bisect_left(self._spikes, (first,)), bisect_left(self._spikes, (first + ticks,)))
        if len(spikes) and spikes[:, 1].max() >= self.core.neurons:
            raise BoardError("the board sends spikes of nonexistent neurons: its output is damaged")
        made[spikes[:, 0] - first, spikes[:, 1]] = 1
        return made

    def states(self, first: int = 0) -> tuple[Integers, NDArray[np.uint8]]:
        """The recorded states.

        Parameters
        ----------
        first : int
            First tick.

        Returns
        -------
        ticks : ndarray of int64, shape (n,)
            Ticks whose states were recorded.
        bits : ndarray of uint8, shape (n, groups, bits)
            The state of each group of neurons, lowest bit first.
        """
        groups, bits = self.core.groups, self.core.state_bits
        begin = bisect_left(self._states, (first,))
        some = self._states[begin : begin + (len(self._states) - begin) // groups * groups]
        words = np.array([each[2] for each in some], dtype="<u4").reshape(-1, -(-bits // 32))
        spread = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :bits]
        ticks = np.array([each[0] for each in some], dtype=np.int64)[::groups]
        return ticks, spread.reshape(-1, groups, bits)
