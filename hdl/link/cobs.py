"""Consistent overhead byte stuffing (COBS): frames of any bytes, each ended by a zero that occurs nowhere else.

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
"""Data bytes of the longest block."""


class CobsDecoder(wiring.Component):
    """Decodes a COBS byte stream.

    Latency: none, the output is combinational. Throughput: one input byte a clock.

    Members
    -------
    i : In(stream of unsigned(8))
        Encoded bytes, in the order of the wire.
    o : Out(stream of StructLayout: data 8, end 1, bad 1)
        One transfer is a byte of a frame (`data`), or, with `end`, the end of a frame: then `data` means nothing, and
        `bad` is set if the frame ended within a block.
    """

    i: stream.Interface
    o: Any

    def __init__(self) -> None:
        token = data.StructLayout({"data": 8, "end": 1, "bad": 1})
        super().__init__({"i": In(stream.Signature(unsigned(8))), "o": Out(stream.Signature(token))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # `left`: bytes of the block still to come; `full`: the block has 254, so no zero follows it.
        left = Signal(8)
        full = Signal()
        first = Signal(init=1)
        byte = self.i.payload
        speaks = Signal()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & speaks),
            self.i.ready.eq(self.o.ready | ~speaks),
            self.o.p.end.eq(byte == 0),
            self.o.p.bad.eq(left != 0),
            self.o.p.data.eq(Mux(left == 0, 0, byte)),
            # A block begins with its length. That byte gives the zero between two blocks, unless the frame has just
            # begun or the block before was full.
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
    """Encodes frames into a COBS byte stream, block by block.

    A block is stored until it is complete, since its length is sent first. While a block is sent, the input stalls. A
    block of n data bytes takes about ``2 n + 3`` clocks.

    Members
    -------
    i : In(stream of StructLayout: data 8, last 1)
        A byte of a frame (`data`); `last` marks the last byte of the frame.
    o : Out(stream of unsigned(8))
        Encoded bytes, in the order of the wire; a zero ends each frame.
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
        count = Signal(8)
        index = Signal(8)
        following = Signal(8)
        ended = Signal()
        again = Signal()
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
