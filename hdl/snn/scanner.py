"""Spikes as streams: words in, one spike at a time out; and groups in, words out, some ticks later."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from neuristor.hdl.snn.plan import slots, word_bits
from neuristor.hdl.tree import lowest

__all__ = ["Edge", "Scanner"]


class Scanner(wiring.Component):
    """Finds the spikes in words, one per clock.

    A word without a spike takes one clock, any other word one clock per spike. The first spike of a word leaves four
    clocks after the word was accepted, or later.

    Parameters
    ----------
    count : int
        Places: spikes in a tick.
    width : int
        Bits of a word.

    Members
    -------
    i : In(stream of unsigned(width))
        A word of spikes, the lowest place in bit 0. A tick is ``ceil(count / width)`` words, the lowest places first.
    o : Out(stream of {slot, fire, last})
        An event: with `fire`, a spike at `slot` (see `slots`); slots ascend. `last` marks the last event of a tick,
        which has no spike (`fire` is 0) if the last word of the tick has none.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, count: int, width: int) -> None:
        self.words = -(-count // width)
        self.count, self.width = count, width
        self.slots = int(slots(count, width)[-1]) + 1
        event = {"slot": range(max(self.slots, 2)), "fire": 1, "last": 1}
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(width))),
                "o": Out(stream.Signature(data.StructLayout(event))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = data.StructLayout({"spikes": self.width, "number": range(max(self.words, 2)), "last": 1})
        # Three registers in a row (arrived, waiting, present) keep the path from `i` to the search for spikes short.
        arrived: Any = Signal(layout)
        waiting: Any = Signal(layout)
        present: Any = Signal(layout)
        arrives, waits, works, drop, take = (Signal(name=n) for n in ("arrives", "waits", "works", "drop", "take"))
        number = Signal(range(max(self.words, 2)))
        final = Signal()
        moves = Signal()
        done = Signal()
        bit, rest = lowest(present.spikes)
        # Bits of the last word beyond the last place are ignored.
        real = Signal(self.width)
        beyond = (1 << (self.words * self.width - self.count)) - 1
        m.d.comb += real.eq(self.i.payload)
        if beyond:
            there = ~(beyond << (self.width - beyond.bit_length()))
            m.d.comb += real.eq(self.i.payload & (there | (~final).replicate(self.width)))

        # A word without a spike is dropped, unless it is the last of the tick.
        m.d.comb += [
            final.eq(number == self.words - 1),
            drop.eq(~arrived.last & ~arrived.spikes.any()),
            self.i.ready.eq(~arrives | drop | ~waits),
            take.eq(waits & (~works | (moves & done))),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                arrives.eq(self.i.valid),
                arrived.spikes.eq(real),
                arrived.number.eq(number),
                arrived.last.eq(final),
            ]
            with m.If(self.i.valid):
                m.d.sync += number.eq(Mux(final, 0, number + 1))
        with m.If(take):
            m.d.sync += [present.eq(waiting), works.eq(1), waits.eq(0)]
        with m.Elif(moves & done):
            m.d.sync += works.eq(0)
        with m.If(~waits):
            m.d.sync += [waiting.eq(arrived), waits.eq(arrives & ~drop)]

        m.d.comb += [moves.eq(works & (~self.o.valid | self.o.ready)), done.eq(~rest.any())]
        with m.If(moves):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.p.slot.eq(Cat(bit, present.number) if self.width > 1 else present.number),
                self.o.p.fire.eq(present.spikes.any()),
                self.o.p.last.eq(present.last & done),
            ]
            with m.If(~done):
                m.d.sync += present.spikes.eq(rest)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m


class Edge(wiring.Component):
    """Packs the groups of spikes of one layer into the words of another, and delays them by some ticks.

    A FIFO holds ``delay + 1`` ticks, so that both layers run in parallel. One group is accepted and one word is sent
    per clock. A word leaves three clocks after its last group was accepted, or later.

    Parameters
    ----------
    count : int
        Spikes in a tick.
    group : int
        Spikes in a group; a divisor of `count`.
    delay : int
        Delay of the connection, in ticks.

    Members
    -------
    i : In(stream of unsigned(group))
        A group of spikes, the lowest place in bit 0; the lowest places of a tick first.
    o : Out(stream of unsigned(word_bits(count, group)))
        A word of spikes, in the same order. After reset, `delay` ticks without a spike come first.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, count: int, group: int, delay: int) -> None:
        self.count, self.group, self.delay = count, group, delay
        self.width = word_bits(count, group)
        self.words = -(-count // self.width)
        super().__init__({"i": In(stream.Signature(unsigned(group))), "o": Out(stream.Signature(unsigned(self.width)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=self.width, depth=max(2, self.words * (self.delay + 1)))
        groups, whole = self.count // self.group, self.width // self.group
        number = Signal(range(max(groups, 2)))
        position = Signal(range(max(whole, 2)))
        word = Signal(self.width)
        full = Signal()
        m.d.comb += [
            fifo.w_data.eq(word),
            fifo.w_en.eq(full),
            self.i.ready.eq(~full | fifo.w_rdy),
        ]
        with m.If(fifo.w_rdy):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            ends = number == groups - 1
            m.d.sync += number.eq(Mux(ends, 0, number + 1))
            with m.Switch(position):
                for n in range(whole):
                    with m.Case(n):
                        part = word[n * self.group : (n + 1) * self.group]
                        m.d.sync += (word if n == 0 else part).eq(self.i.payload)
            with m.If(ends | (position == whole - 1)):
                m.d.sync += [position.eq(0), full.eq(1)]
            with m.Else():
                m.d.sync += position.eq(position + 1)
        silence = self.words * self.delay
        quiet = Signal(range(silence + 1), init=silence)
        m.d.comb += [
            self.o.valid.eq((quiet != 0) | fifo.r_rdy),
            self.o.payload.eq(Mux(quiet != 0, 0, fifo.r_data)),
            fifo.r_en.eq((quiet == 0) & self.o.ready),
        ]
        with m.If((quiet != 0) & self.o.ready):
            m.d.sync += quiet.eq(quiet - 1)
        return m
