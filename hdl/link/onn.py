"""A network of phase oscillators as a core, with registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered

from neuristor.hdl.link.core import Content, Core
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.link.rows import RowWindow, words_of
from neuristor.hdl.onn import Onn

__all__ = ["BEGIN", "NOISE_BITS", "SETTLE", "WATCHED", "OnnCore"]

SETTLE, BEGIN = 1 << 31, 1 << 31
"""Highest bit of the first word of a record: stop when settled; and of the second: begin again from tick 0."""
NOISE_BITS = 16
"""Bits of the noise, lowest in the second word of a record; the window is above."""
SCHEDULE_WORDS = 64
"""Depth of the schedule's FIFO, in words."""
WATCHED = ("outputs", "phases", "references", "totals")
"""States of the oscillators that can be made readable."""


class OnnCore(Core):
    """A core of phase oscillators: weights, initial phases, noise and the annealing schedule are loaded over the bus.

    The schedule is a stream of records of two words. The first word is the number of ticks (31 bits) and whether to
    stop when the network has settled (`SETTLE`). The second word is the noise (16 bits), the window of the injection
    (15 bits), and whether to begin again from tick 0 before (`BEGIN`).

    Parameters
    ----------
    onn : Onn
        The network, built with ``readable=True``.
    watched : sequence of str
        The states of each oscillator that the host can read, from `WATCHED`; each costs a wide multiplexer.
    linked : bool
        As for `Core`.

    Members
    -------
    bus, link, active
        As for `Core`; `active` toggles every 16 output toggles.

    Raises
    ------
    ValueError
        If a name in `watched` is unknown, or the weights of `onn` are not readable.
    """

    def __init__(self, onn: Onn, watched: Sequence[str] = ("outputs", "phases"), linked: bool = True) -> None:
        for name in watched:
            if name not in WATCHED:
                raise ValueError(f"watched must be among {', '.join(WATCHED)}, not {name!r}")
        if not onn.readable:
            raise ValueError("onn must be built with readable=True")
        self.circuit, self.watched = onn, tuple(watched)
        self._chunk_bits = (onn.chunks - 1).bit_length()
        self.weights = RowWindow(onn.chunk_bits, onn.params.count << self._chunk_bits)
        self.state_words = -(-len(self.state()) // 32)
        phase = "initial phase of each oscillator"
        super().__init__(
            [
                Entry(name="ticks", access="read", meaning="ticks since the phases began"),
                Entry(name="changed", access="read", meaning="tick of the last new phase"),
                Entry(name="toggles", access="read", meaning="output toggles since the phases began; wraps"),
                Entry(name="schedule_room", access="read", meaning="words that `schedule` can accept"),
                Entry(
                    name="seed",
                    access="read and write",
                    init=1,
                    meaning="seed of the noise, not 0; used when the phases begin",
                ),
                Entry(name="schedule", access="write", meaning="records of two words", window=True),
                Entry(name="phases", access="write", meaning=phase, words=onn.params.count, window=True),
                Entry(name="state", access="read", meaning=", ".join(watched), words=self.state_words, window=True),
                self.weights.entry("weights", "weights of each column, chunk by chunk"),
            ],
            linked,
        )

    def state(self) -> Value:
        """The readable states of all oscillators.

        Returns
        -------
        Value
            Those in `watched`, in that order, the first one lowest; oscillator 0 lowest in each.
        """
        return Cat(getattr(self.circuit, name) for name in self.watched)

    def structure(self) -> dict[str, Any]:
        """The parameters that are built into the circuit.

        Returns
        -------
        dict
            Plain data; circuits with equal data differ only in what is loaded.
        """
        params = self.circuit.params
        return {
            "kind": "onn",
            "count": params.count,
            "parts": self.circuit.parts,
            "weight_bits": params.weight_bits,
            "total_bits": params.total_bits,
            "phase_bits": params.phase_bits,
            "noise_bits": params.noise_bits,
            "watched": list(self.watched),
        }

    def contents(self) -> list[Content]:
        """The initial contents of the windows: the weights.

        Returns
        -------
        list of Content
            One, ``weights``.
        """
        return self.contents_for(self.circuit)

    def contents_for(self, onn: Onn) -> list[Content]:
        """The contents that turn this core into another network of the same structure.

        Parameters
        ----------
        onn : Onn
            A network with the same `structure`.

        Returns
        -------
        list of Content
            One, ``weights``.
        """
        rows = []
        for column in range(onn.params.count):
            rows += [onn.word(onn.params.weights, column, chunk) for chunk in range(onn.chunks)]
            rows += [0] * ((1 << self._chunk_bits) - onn.chunks)
        return [Content("weights", words_of(rows, onn.chunk_bits))]

    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        """Connect the network, its schedule and its windows to the registers.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        reset : Signal
            Resets the network and the schedule.
        """
        onn, bits = self.circuit, self._chunk_bits
        m.submodules.circuit = ResetInserter(reset)(onn)
        schedule = SyncFIFOBuffered(width=32, depth=SCHEDULE_WORDS)
        m.submodules.schedule = ResetInserter(reset)(schedule)
        busy = Signal()
        playing = Signal()
        m.d.comb += [
            busy.eq(onn.busy | playing | schedule.r_rdy | (schedule.w_level != 0)),
            registers.status.eq(Cat(busy, Const(0, 1), onn.settled)),
            registers.ticks.eq(onn.tick),
            registers.changed.eq(onn.changed),
            registers.toggles.eq(onn.toggles),
            registers.schedule_room.eq(SCHEDULE_WORDS - schedule.w_level),
            onn.seed.eq(registers.seed__value),
            schedule.w_data.eq(registers.schedule.given),
            schedule.w_en.eq(registers.schedule.request & schedule.w_rdy),
            registers.schedule.done.eq(schedule.w_rdy),
            registers.schedule.refused.eq(~schedule.w_rdy),
            onn.phase.valid.eq(registers.phases.request & ~busy),
            onn.phase.payload.oscillator.eq(registers.phases.address),
            onn.phase.payload.value.eq(registers.phases.given),
            registers.phases.done.eq(~busy),
            registers.phases.refused.eq(busy),
            self.active.eq(onn.toggles[4]),
        ]
        whole = Cat(self.state(), Const(0, 32 * self.state_words - len(self.state())))
        words = Array(whole[32 * n : 32 * n + 32] for n in range(self.state_words))
        m.d.comb += [registers.state.data.eq(words[registers.state.address]), registers.state.done.eq(1)]

        m.submodules.weights_window = window = self.weights
        wiring.connect(m, registers.weights, window.window)
        m.d.comb += [
            window.busy.eq(busy),
            onn.weight.valid.eq(window.write),
            onn.weight.payload.chunk.eq(window.row[:bits]),
            onn.weight.payload.column.eq(window.row[bits:]),
            onn.weight.payload.data.eq(window.given),
            onn.look.valid.eq(window.read),
            onn.look.payload.chunk.eq(window.row[:bits]),
            onn.look.payload.column.eq(window.row[bits:]),
            window.arrived.eq(onn.seen.valid),
            window.data.eq(onn.seen.data),
        ]

        m.submodules.player = ResetInserter(reset)(self._player(schedule, playing))

    def _player(self, schedule: SyncFIFOBuffered, playing: Signal) -> Module:
        """Play the schedule: read a record, begin again if it says so, advance, and wait for the network each time."""
        onn, player = self.circuit, Module()
        first = Signal(32)
        second = Signal(32)
        player.d.comb += playing.eq(1)
        with player.FSM():
            with player.State("FIRST"):
                player.d.comb += [schedule.r_en.eq(1), playing.eq(0)]
                player.d.sync += first.eq(schedule.r_data)
                with player.If(schedule.r_rdy):
                    player.next = "SECOND"
            with player.State("SECOND"):
                player.d.comb += schedule.r_en.eq(1)
                player.d.sync += second.eq(schedule.r_data)
                with player.If(schedule.r_rdy):
                    player.next = "BEGIN"
            with player.State("BEGIN"):
                player.d.comb += onn.begin.eq(second[31])
                player.next = "BEGINNING"
            with player.State("BEGINNING"), player.If(~onn.busy):
                player.d.comb += [
                    onn.advance.valid.eq(1),
                    onn.advance.payload.ticks.eq(first[:31]),
                    onn.advance.payload.settle.eq(first[31]),
                    onn.advance.payload.noise.eq(second[:NOISE_BITS]),
                    onn.advance.payload.window.eq(second[NOISE_BITS:31]),
                ]
                player.next = "ADVANCING"
            with player.State("ADVANCING"), player.If(~onn.busy):
                player.next = "FIRST"
        return player
