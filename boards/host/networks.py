"""Boards with a spiking network or with a network of phase oscillators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuristor.boards.host.arrays import StreamBoard
from neuristor.boards.host.client import BoardError
from neuristor.boards.host.driver import HostBoard
from neuristor.boards.host.recording import Recording
from neuristor.golden_model.checks import whole
from neuristor.hdl.link.core import Record
from neuristor.hdl.link.onn import BEGIN, NOISE_BITS, SETTLE, OnnCore
from neuristor.hdl.link.snn import SnnCore

__all__ = ["OnnBoard", "SnnBoard"]

Integers = NDArray[np.int64]


class SnnBoard(StreamBoard):
    """A board with a spiking network.

    Parameters
    ----------
    core : SnnCore
        The expected core. Only its description is used.
    client : Client
        Connection to the board.
    """

    core: SnnCore

    @property
    def places(self) -> Integers:
        """Number of the neuron at each place of the last layer: ndarray of int64, shape (lanes * groups,)."""
        return self.core.circuit.plans[-1].places

    def words(self, inputs: Integers) -> list[list[int]]:
        """Convert inputs into the input words of records.

        Parameters
        ----------
        inputs : ndarray of int64, shape (ticks, inputs)
            Spikes (0 or 1), or currents as fixed-point words.

        Returns
        -------
        list of list of int
            Words of each tick, 32 bits each.
        """
        core = self.core
        parts = -(-core.input_bits // 32)
        payloads = core.circuit.payloads(inputs)
        spread = [value >> (32 * part) & 0xFFFF_FFFF for value in payloads for part in range(parts)]
        return [spread[n : n + core.input_words] for n in range(0, len(spread), core.input_words)]

    def run(self, inputs: Integers, record: int = Record.SPIKES) -> Recording:
        """Run with a sequence of inputs, one for each tick.

        Parameters
        ----------
        inputs : ndarray of int64, shape (ticks, inputs)
            Spikes (0 or 1), or currents as fixed-point words.
        record : int
            What to record: bits of `Record`.

        Returns
        -------
        Recording
            The output.
        """
        recording = Recording(self.core, self.places)
        for _ in self.play(((1, words) for words in self.words(inputs)), record, recording):
            pass
        return recording

    def trace(self, recording: Recording, first: int = 0) -> tuple[Integers, dict[str, Integers]]:
        """The recorded membrane potentials of the last layer.

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
        fields : dict of str to ndarray of int64, shape (n, neurons)
            The membrane potentials, as `membrane`.
        """
        ticks, bits = recording.states(first)
        width = self.core.circuit.plans[-1].params.membrane_bits
        weights = 1 << np.arange(width, dtype=np.int64)
        weights[-1] = -weights[-1]
        membranes = np.zeros((len(ticks), len(self.places)), dtype=np.int64)
        membranes[:, self.places] = bits.reshape(len(ticks), len(self.places), width) @ weights
        return ticks, {"membrane": membranes}


class OnnBoard(HostBoard):
    """A board with a network of phase oscillators.

    Parameters
    ----------
    core : OnnCore
        The expected core. Only its description is used.
    client : Client
        Connection to the board.
    """

    core: OnnCore

    def phases(self, phases: Integers) -> None:
        """Set the initial phases.

        Parameters
        ----------
        phases : ndarray of int, shape (count,)
            Initial phase of each oscillator, 0 to 2**phase_bits - 1.

        Raises
        ------
        ValueError
            If the phases have another shape or are outside their range.
        BoardError
            If the board is busy.
        """
        params, words = self.core.circuit.params, np.asarray(phases).tolist()
        if np.shape(phases) != (params.count,):
            raise ValueError(f"phases must have shape ({params.count},), not {np.shape(phases)}")
        for each in words:
            whole("phases", each, 0, params.raw.period - 1)
        if self.client.write(self._addresses["phases"], words) != len(words):
            raise BoardError("the board refuses phases, as it is busy")

    def advance(
        self, ticks: int, *, settle: bool = False, noise: int = 0, window: int | None = None, begin: bool = False
    ) -> None:
        """Run for some ticks and wait until they are done.

        Parameters
        ----------
        ticks : int
            Number of ticks, 0 to 2**31 - 1.
        settle : bool
            Stop earlier if the phases have settled.
        noise : int
            Largest noise amplitude, 0 to ``2**noise_bits - 1``; as for ``OnnBitTrue.step``.
        window : int, optional
            Ticks of each half period in which references are sampled, as for ``OnnBitTrue.step``; all by default.
        begin : bool
            Start again at tick 0 from the initial phases.

        Raises
        ------
        ValueError
            If `ticks`, `noise` or `window` is outside its range.
        BoardError
            If the board accepts no further command.
        """
        params = self.core.circuit.params
        span = params.half if window is None else window
        whole("ticks", ticks, 0, SETTLE - 1)
        params.check_annealing(noise, span)
        record = [ticks | SETTLE * settle, span << NOISE_BITS | noise | BEGIN * begin]
        if self.client.write(self._addresses["schedule"], record, fixed=True) != 2:
            raise BoardError("the board's schedule is full")
        while self.busy:
            pass

    def seed(self, state: int) -> None:
        """Set the initial state of the noise generator.

        Parameters
        ----------
        state : int
            1 to 2**32 - 1.

        Raises
        ------
        ValueError
            If it is outside its range.
        """
        whole("state", state, 1, 2**32 - 1)
        self.write("seed", state)

    def state(self) -> dict[str, Integers]:
        """Read the state of the oscillators.

        Returns
        -------
        dict of str to ndarray of int64
            The observable fields of `OnnCore`, shape (count,) each, and the counters `tick`, `changed` and `toggles`.
        """
        params = self.core.circuit.params
        bits = np.unpackbits(np.array(self.read_window("state"), dtype="<u4").view(np.uint8), bitorder="little")
        found: dict[str, Integers] = {}
        widths = {"outputs": 1, "references": 1, "phases": params.phase_bits, "totals": params.total_bits}
        low = 0
        for name in self.core.watched:
            width = widths[name]
            weights = 1 << np.arange(width, dtype=np.int64)
            if name == "totals":
                weights[-1] = -weights[-1]
            part = bits[low : low + width * params.count].reshape(params.count, width)
            found[name] = part @ weights
            low += width * params.count
        return found | {
            name: np.array(self.read(register))
            for name, register in (("tick", "ticks"), ("changed", "changed"), ("toggles", "toggles"))
        }
