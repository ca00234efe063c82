"""A network of phase oscillators behind registers."""

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
"""In the first and in the second word of a record."""
NOISE_BITS = 16
"""Of the second word; the window is above."""
SCHEDULE_WORDS = 64
WATCHED = ("outputs", "phases", "references", "totals")
"""What can be read of the oscillators."""


class OnnCore(Core):
    """Oscillators whose weights, phases, noise and schedule come over the bus.

    A record of the schedule is two words: how many ticks (31 bits) and whether to stop when settled (`SETTLE`); and the
    noise (16 bits), the window (15 bits), and whether to begin anew before (`BEGIN`).

    Parameters
    ----------
    onn : Onn
        With weights that can be read.
    watched : sequence of str
        What can be read of each oscillator: some of `WATCHED`; each costs a wide multiplexer.
    """

    def __init__(self, onn: Onn, watched: Sequence[str] = ("outputs", "phases")) -> None:
        for name in watched:
            if name not in WATCHED:
                raise ValueError(f"watched must be among {', '.join(WATCHED)}, not {name!r}")
        if not onn.readable:
            raise ValueError("onn must be readable")
        self.circuit, self.watched = onn, tuple(watched)
        self._chunk_bits = (onn.chunks - 1).bit_length()
        self.weights = RowWindow(onn.chunk_bits, onn.params.count << self._chunk_bits)
        self.state_words = -(-len(self.state()) // 32)
        phase = "to begin with, of each oscillator"
        super().__init__(
            [
                Entry(name="ticks", access="read", meaning="of the phases, since they began"),
                Entry(name="changed", access="read", meaning="tick of the last new phase"),
                Entry(name="toggles", access="read", meaning="of outputs, since the phases began; wraps"),
                Entry(name="schedule_room", access="read", meaning="words that `schedule` takes"),
                Entry(
                    name="seed",
                    access="read and write",
                    init=1,
                    meaning="of the noise, not 0; counts when the phases begin",
                ),
                Entry(name="schedule", access="write", meaning="records of two words", window=True),
                Entry(name="phases", access="write", meaning=phase, words=onn.params.count, window=True),
                Entry(name="state", access="read", meaning=", ".join(watched), words=self.state_words, window=True),
                self.weights.entry("weights", "of each column, chunk by chunk"),
            ]
        )

    def state(self) -> Value:
        """What can be read."""
        return Cat(getattr(self.circuit, name) for name in self.watched)

    def structure(self) -> dict[str, Any]:
        """All that is built in."""
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
        """The weights."""
        return self.contents_for(self.circuit)

    def contents_for(self, onn: Onn) -> list[Content]:
        """What another network of the same structure has in the windows of this one."""
        rows = []
        for column in range(onn.params.count):
            rows += [onn.word(onn.params.weights, column, chunk) for chunk in range(onn.chunks)]
            rows += [0] * ((1 << self._chunk_bits) - onn.chunks)
        return [Content("weights", words_of(rows, onn.chunk_bits))]

    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        onn, bits = self.circuit, self._chunk_bits
        m.submodules.circuit = ResetInserter(reset)(onn)
        schedule = SyncFIFOBuffered(width=32, depth=SCHEDULE_WORDS)
        m.submodules.schedule = ResetInserter(reset)(schedule)
        busy, playing = Signal(), Signal()
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

        first, second = Signal(32), Signal(32)
        player = Module()
        m.submodules.player = ResetInserter(reset)(player)
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
