"""Consistent overhead byte stuffing: frames of any bytes, ended by a zero that stands nowhere else.

References
----------
S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2), 1999.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["CobsDecoder", "CobsEncoder"]

BLOCK = 254
"""Bytes of the longest block."""


class CobsDecoder(wiring.Component):
    """Takes the stuffing out, a byte a clock.

    Members
    -------
    i : In(stream)
        Bytes of the wire.
    o : Out(stream)
        A byte of a frame (`data`), or the `end` of one; `bad` if it ended within a block.
    """

    i: stream.Interface
    o: Any

    def __init__(self) -> None:
        token = data.StructLayout({"data": 8, "end": 1, "bad": 1})
        super().__init__({"i": In(stream.Signature(unsigned(8))), "o": Out(stream.Signature(token))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, full, first = Signal(8), Signal(), Signal(init=1)
        byte, speaks = self.i.payload, Signal()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & speaks),
            self.i.ready.eq(self.o.ready | ~speaks),
            self.o.p.end.eq(byte == 0),
            self.o.p.bad.eq(left != 0),
            self.o.p.data.eq(Mux(left == 0, 0, byte)),
            # What stands where a block begins is its length; a zero was between it and the one before.
            speaks.eq((byte == 0) | (left != 0) | (~first & ~full)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += first.eq(byte == 0)
            with m.If(byte == 0):
                m.d.sync += left.eq(0)
            with m.Elif(left == 0):
                m.d.sync += [left.eq(byte - 1), full.eq(byte == BLOCK + 1)]
            with m.Else():
                m.d.sync += left.eq(left - 1)
        return m


class CobsEncoder(wiring.Component):
    """Puts the stuffing in, a block at a time.

    Members
    -------
    i : In(stream)
        A byte of a frame (`data`), and whether it is its `last`.
    o : Out(stream)
        Bytes for the wire.
    """

    i: Any
    o: stream.Interface

    def __init__(self) -> None:
        token = data.StructLayout({"data": 8, "last": 1})
        super().__init__({"i": In(stream.Signature(token)), "o": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        memory: Any = Memory(shape=unsigned(8), depth=256, init=[])
        m.submodules.block = memory
        read, write = memory.read_port(), memory.write_port()
        count, index, following = Signal(8), Signal(8), Signal(8)
        ended, again = Signal(), Signal()
        zero = self.i.p.data == 0
        m.d.comb += [read.addr.eq(following), write.addr.eq(count), write.data.eq(self.i.p.data)]
        m.d.sync += index.eq(following)
        with m.FSM():
            with m.State("FILL"):
                m.d.comb += [self.i.ready.eq(1), write.en.eq(self.i.valid & ~zero)]
                with m.If(self.i.valid):
                    # A frame that ends with a zero ends with an empty block.
                    m.d.sync += [count.eq(count + ~zero), ended.eq(self.i.p.last), again.eq(self.i.p.last & zero)]
                    with m.If(zero | self.i.p.last | (count == BLOCK - 1)):
                        m.next = "LENGTH"
            with m.State("LENGTH"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(count + 1)]
                with m.If(self.o.ready):
                    m.next = "BYTES"
                    with m.If(count == 0):
                        m.next = "AFTER"
            with m.State("BYTES"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(read.data)]
                m.d.comb += following.eq(Mux(self.o.ready, index + 1, index))
                with m.If(self.o.ready & (following == count)):
                    m.next = "AFTER"
            with m.State("AFTER"):
                m.d.sync += [count.eq(0), again.eq(0)]
                m.next = "FILL"
                with m.If(again):
                    m.next = "LENGTH"
                with m.Elif(ended):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "FILL"
        return m
