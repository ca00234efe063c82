"""Boards whose core receives a stream of inputs and sends a stream of spikes and states; arrays of neurons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neuristor.boards.host.driver import HostBoard
from neuristor.boards.host.recording import Recording
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Record, StreamCore
from neuristor.hdl.link.frames import MOST_WORDS
from neuristor.hdl.rows import pack_drive, unpack_state

__all__ = ["ArrayBoard", "StreamBoard"]

Integers = NDArray[np.int64]


class StreamBoard(HostBoard):
    """A board whose core works on records: an input, and the number of ticks for which it is held.

    Parameters
    ----------
    core : StreamCore
        The expected core. Only its description is used.
    client : Client
        Connection to the board.
    """

    core: StreamCore

    @property
    def places(self) -> Integers:
        """Number of the neuron at each place of the output: ndarray of int64, shape (lanes * groups,)."""
        return np.arange(self.core.lanes * self.core.groups)

    def stop(self) -> None:
        """End the current record after one more tick."""
        self.write("control", 2)

    def play(
        self,
        records: Iterable[tuple[int, Sequence[int]]],
        record: int = Record.SPIKES,
        recording: Recording | None = None,
    ) -> Iterator[Recording]:
        """Send records and receive the output while they run.

        Parameters
        ----------
        records : iterable of (ticks, words)
            For each record the number of ticks, and the input words of a tick.
        record : int
            What to record: bits of `Record`. With 0, only the end of the last record is awaited.
        recording : Recording, optional
            Collects the output; a new one by default.

        Yields
        ------
        Recording
            The same object each time: whenever output has arrived, or at the end if nothing is recorded. It keeps all
            received output, even after an error.
        """
        recording = Recording(self.core, self.places) if recording is None else recording
        self.write("record", record)
        source, sent, first, more = iter(records), 0, recording.records, True
        waiting: list[int] = []
        while True:
            while more and len(waiting) < MOST_WORDS:
                item = next(source, None)
                if item is None:
                    more = False
                else:
                    waiting += [item[0], *item[1]]
                    sent += 1
            if waiting:
                done = self.client.write(self._addresses["stimulus"], waiting[:MOST_WORDS], fixed=True)
                del waiting[:done]
            if record:
                words = self.client.read(self._addresses["output"], MOST_WORDS, fixed=True)
                recording.take(words)
                if words:
                    yield recording
                if not more and not waiting and recording.records - first >= sent:
                    return
            elif not more and not waiting and not self.busy:
                recording.records += sent
                recording.ticks = self.read("ticks")
                yield recording
                return


class ArrayBoard(StreamBoard):
    """A board with an array of neurons.

    Parameters
    ----------
    core : ArrayCore
        The expected core. Only its description is used.
    client : Client
        Connection to the board.
    """

    core: ArrayCore

    def words(self, drive_raw: Integers) -> list[list[int]]:
        """Convert drive words into the input words of records.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (ticks, count)
            Drive word of each neuron.

        Returns
        -------
        list of list of int
            Words of each tick, 32 bits each.
        """
        core = self.core
        rows = pack_drive(core.params, core.lanes, drive_raw)
        padded = np.zeros((len(rows), 4 * -(-rows.shape[1] // 4)), dtype=np.uint8)
        padded[:, : rows.shape[1]] = rows
        made: list[list[int]] = padded.view("<u4").reshape(len(drive_raw), -1).tolist()
        return made

    def run(self, drive_raw: Integers, ticks: int, record: int = Record.SPIKES) -> Recording:
        """Run with one or several inputs, each held for some ticks.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (count,) or (frames, count)
            Drive word of each neuron.
        ticks : int
            Ticks for which each input is held.
        record : int
            What to record: bits of `Record`.

        Returns
        -------
        Recording
            The output.
        """
        frames = np.atleast_2d(np.asarray(drive_raw))
        recording = Recording(self.core, self.places)
        for _ in self.play(((ticks, words) for words in self.words(frames)), record, recording):
            pass
        return recording

    def trace(self, recording: Recording, first: int = 0) -> tuple[Integers, dict[str, Integers]]:
        """The recorded states as fields.

        Parameters
        ----------
        recording : Recording
            Output of the board.
        first : int
            First tick.

        Returns
        -------
        ticks : ndarray of int64, shape (n,)
            Ticks whose states were recorded.
        fields : dict of str to ndarray of int64, shape (n, count)
            Each field of the state.
        """
        ticks, bits = recording.states(first)
        return ticks, unpack_state(self.core.params, bits.reshape(len(ticks), bits.shape[1] * bits.shape[2]))
