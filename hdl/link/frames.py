"""Commands in frames: each is carried out once, or not at all.

A frame is words of 32 bits, lowest byte first, the last a CRC-32 (that of Ethernet and zlib); on the wire it is
stuffed (``neuristor.hdl.link.cobs``) and ends with a zero::

    word 0    session (16) | sequence (8) | operation (8)
    word 1    same address for all words (1) | status (3) | count (8) | address (20)
    words     of a write, or of the answer to a read
    CRC-32    of all before

The host asks, the board answers with the same session, sequence and operation, a `status`, and the `count` of words
that were transferred; nothing else is ever sent. ``HELLO`` with a new session begins it, and makes its sequence the
last one. Then a command is carried out if its sequence is the next. The last one again is answered again, from what
was kept, and not carried out again; so the host repeats a command until it is answered, and a lost answer does no
harm. Anything else (other sessions, other sequences, frames that are damaged in any way, and those that come while a
command is carried out) changes nothing but a counter.

Words are transferred one by one until a register refuses (a stream that is full or empty, an address without a
register): the answer says how many were.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.cobs import CobsDecoder, CobsEncoder
from neuristor.hdl.link.wishbone import Wishbone

__all__ = ["ADDRESS_BITS", "COUNTERS", "HEADER_WORDS", "MOST_WORDS", "Link", "Operation", "Status"]

ADDRESS_BITS = 20
"""Of a register's address, in words."""
MOST_WORDS = 128
"""Of a command."""
HEADER_WORDS = 2
COUNTERS = ("accepted", "repeated", "foreign", "corrupt", "malformed", "missed")
"""What a link counts: see `Link`."""

_FIRST = data.StructLayout({"operation": 8, "sequence": 8, "session": 16})
_SECOND = data.StructLayout({"address": ADDRESS_BITS, "count": 8, "status": 3, "fixed": 1})
_DEPTH = 256
"""Words of a buffer: a block RAM's, and more than a frame may have."""


class Operation(IntEnum):
    """What a command asks for."""

    HELLO = 1
    READ = 2
    WRITE = 3


class Status(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    """By the register after the words that were transferred."""


class _Receiver(wiring.Component):
    """Frames whose CRC and length are right.

    Members
    -------
    i : In(stream)
        Bytes of the wire; always taken.
    busy : In(1)
        A command is at work: what comes meanwhile is missed.
    valid : Out(1)
        For one clock: a frame has come. `first` and `second` and the words stay until the next begins, which it
        does not while `busy`.
    address, word
        The word that stood at `address` in the clock before.
    corrupt, malformed, missed : Out(1)
        For one clock.
    """

    i: Any
    busy: Signal
    valid: Signal
    first: Any
    second: Any
    address: Signal
    word: Signal
    corrupt: Signal
    malformed: Signal
    missed: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(8))),
                "busy": In(1),
                "valid": Out(1),
                "first": Out(_FIRST),
                "second": Out(_SECOND),
                "address": In(8),
                "word": Out(32),
            }
            | dict.fromkeys(("corrupt", "malformed", "missed"), Out(1))
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=8).create()
        memory: Any = Memory(shape=unsigned(32), depth=_DEPTH, init=[])
        m.submodules.words = memory
        read, write = memory.read_port(), memory.write_port()
        wiring.connect(m, wiring.flipped(self.i), decoder.i)

        count, shift, skip = Signal(range(4 * _DEPTH)), Signal(24), Signal()
        word, number = Cat(shift, decoder.o.p.data), count[2:]
        m.d.comb += [
            decoder.o.ready.eq(1),
            read.addr.eq(self.address),
            self.word.eq(read.data),
            write.addr.eq(number - HEADER_WORDS),
            write.data.eq(word),
            crc.data.eq(decoder.o.p.data),
        ]
        token, end = decoder.o.valid & ~decoder.o.p.end, decoder.o.valid & decoder.o.p.end
        ignored = skip | self.busy
        fresh = Signal()
        m.d.comb += [crc.start.eq(fresh), crc.valid.eq(token & ~ignored)]
        m.d.sync += fresh.eq(end)
        with m.If(token):
            m.d.sync += skip.eq(ignored)
            with m.If(~ignored):
                m.d.sync += [shift.eq(word >> 8), count.eq(count + ~count.all())]
                with m.If(count[:2] == 3):
                    m.d.comb += write.en.eq(number >= HEADER_WORDS)
                    with m.If(number == 0):
                        m.d.sync += self.first.eq(word)
                    with m.If(number == 1):
                        m.d.sync += self.second.eq(word)

        asked = self.first.operation
        plain = (asked == Operation.READ) | (asked == Operation.HELLO)
        words = HEADER_WORDS + 1 + Mux(plain, 0, self.second.count)
        fits, whole = Signal(), Signal()
        m.d.comb += [
            fits.eq((plain | (asked == Operation.WRITE)) & (self.second.count <= MOST_WORDS) & (count == words << 2)),
            whole.eq(~decoder.o.p.bad & (count[:2] == 0) & (number > HEADER_WORDS)),
        ]
        with m.If(end):
            m.d.sync += [count.eq(0), skip.eq(0)]
            with m.If(skip):
                m.d.comb += self.missed.eq(1)
            with m.Elif(self.busy):
                pass  # no byte of a frame has come
            with m.Elif(count == 0):
                m.d.comb += self.malformed.eq(decoder.o.p.bad)
            with m.Elif(~whole):
                m.d.comb += self.malformed.eq(1)
            with m.Elif(~crc.match_detected):
                m.d.comb += self.corrupt.eq(1)
            with m.Else():
                m.d.comb += [self.valid.eq(fits), self.malformed.eq(~fits)]
        return m


class _Sender(wiring.Component):
    """Sends a frame: two words, words of a memory, and the CRC.

    Members
    -------
    start : In(1)
        `first`, `second` and `count` stay until it is no longer `busy`.
    busy : Out(1)
    address : Out
    word : In(32)
        What stands at `address`, in the clock after.
    o : Out(stream)
        Bytes for the wire.
    """

    start: Signal
    busy: Signal
    first: Signal
    second: Signal
    count: Signal
    address: Signal
    word: Signal
    o: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "busy": Out(1),
                "first": In(32),
                "second": In(32),
                "count": In(8),
                "address": Out(8),
                "word": In(32),
                "o": Out(stream.Signature(unsigned(8))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=8).create()
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        number, byte, word = Signal(range(_DEPTH)), Signal(2), Signal(32)
        tail = Signal()
        m.d.comb += [
            self.address.eq(number - HEADER_WORDS),
            crc.data.eq(encoder.i.p.data),
            encoder.i.p.data.eq(word.word_select(byte, 8)),
            encoder.i.p.last.eq(tail & (byte == 3)),
            self.busy.eq(1),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(0)
                m.d.sync += [number.eq(0), tail.eq(0)]
                with m.If(self.start):
                    m.d.comb += crc.start.eq(1)
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.sync += [
                    word.eq(Mux(tail, crc.crc, Mux(number == 0, self.first, Mux(number == 1, self.second, self.word)))),
                    byte.eq(0),
                    number.eq(number + 1),
                ]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += encoder.i.valid.eq(1)
                with m.If(encoder.i.ready):
                    m.d.comb += crc.valid.eq(~tail)
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(byte == 3):
                        m.next = "FETCH"
                        with m.If(tail):
                            m.next = "IDLE"
                        with m.Elif(number == HEADER_WORDS + self.count):
                            m.d.sync += tail.eq(1)
        return m


class Link(wiring.Component):
    """Carries out commands on a bus.

    Members
    -------
    i, o : In(stream), Out(stream)
        Bytes from and to the host. Those that come are always taken.
    bus : Out(Wishbone)
    accepted, repeated, foreign, corrupt, malformed, missed : Out(16)
        Commands carried out; the last one again; of other sessions or sequences; with a wrong CRC; of a wrong form;
        that came while another was carried out. They wrap.
    """

    i: Any
    o: Any
    bus: Any
    accepted: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(8))),
                "o": Out(stream.Signature(unsigned(8))),
                "bus": Out(Wishbone(ADDRESS_BITS)),
            }
            | dict.fromkeys(COUNTERS, Out(16))
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = _Receiver()
        m.submodules.sender = sender = _Sender()
        wiring.connect(m, wiring.flipped(self.i), receiver.i)
        wiring.connect(m, sender.o, wiring.flipped(self.o))
        memory: Any = Memory(shape=unsigned(32), depth=_DEPTH, init=[])
        m.submodules.answer = memory
        read, write = memory.read_port(), memory.write_port()

        session, expected, known = Signal(16), Signal(8), Signal()
        first, second = receiver.first, receiver.second
        answer_first: Any = Signal(_FIRST)
        answer_second: Any = Signal(_SECOND)
        done, words = Signal(8), Signal(8)
        m.d.comb += [
            sender.first.eq(answer_first),
            sender.second.eq(answer_second),
            sender.count.eq(words),
            sender.word.eq(read.data),
            read.addr.eq(sender.address),
            write.addr.eq(done),
            write.data.eq(self.bus.dat_r),
            self.bus.sel.eq(0xF),
            self.bus.we.eq(first.operation == Operation.WRITE),
            self.bus.adr.eq(second.address + Mux(second.fixed, 0, done)),
            receiver.busy.eq(1),
        ]
        counts = {name: Signal(name=f"is_{name}") for name in COUNTERS}
        for name, counted in counts.items():
            total = getattr(self, name)
            with m.If(counted):
                m.d.sync += total.eq(total + 1)
        m.d.comb += [counts[name].eq(getattr(receiver, name)) for name in ("corrupt", "malformed", "missed")]

        ours, is_hello = known & (first.session == session), first.operation == Operation.HELLO
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += receiver.busy.eq(0)
                with m.If(receiver.valid):
                    with m.If(~ours & is_hello):
                        m.d.sync += [known.eq(1), session.eq(first.session), expected.eq(first.sequence)]
                        m.next = "BEGIN"
                    with m.Elif(ours & (first.sequence == expected)):
                        m.next = "BEGIN"
                    with m.Elif(ours & (first.sequence == (expected - 1)[:8])):
                        m.d.comb += counts["repeated"].eq(1)
                        m.next = "ANSWER"
                    with m.Else():
                        m.d.comb += counts["foreign"].eq(1)
            with m.State("BEGIN"):
                m.d.comb += counts["accepted"].eq(1)
                m.d.sync += [
                    expected.eq(expected + 1),
                    answer_first.eq(first),
                    answer_first.operation.eq(first.operation | 0x80),
                    answer_second.eq(second),
                    answer_second.status.eq(Status.DONE),
                    done.eq(0),
                ]
                m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += receiver.address.eq(done)
                m.next = "FETCHED"
                with m.If(is_hello | (done == second.count)):
                    m.next = "FINISH"
            with m.State("FETCHED"):
                m.d.sync += [self.bus.dat_w.eq(receiver.word), self.bus.cyc.eq(1), self.bus.stb.eq(1)]
                m.next = "TRANSFER"
            with m.State("TRANSFER"):
                with m.If(self.bus.ack | self.bus.err):
                    m.d.sync += [self.bus.cyc.eq(0), self.bus.stb.eq(0)]
                with m.If(self.bus.ack):
                    m.d.comb += write.en.eq(~self.bus.we)
                    m.d.sync += done.eq(done + 1)
                    m.next = "FETCH"
                with m.Elif(self.bus.err):
                    m.d.sync += answer_second.status.eq(Status.REFUSED)
                    m.next = "FINISH"
            with m.State("FINISH"):
                m.d.sync += [
                    answer_second.count.eq(done),
                    words.eq(Mux(first.operation == Operation.READ, done, 0)),
                ]
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += sender.start.eq(1)
                with m.If(~sender.busy):
                    m.next = "SENDING"
            with m.State("SENDING"), m.If(~sender.busy):
                m.next = "IDLE"
        return m
