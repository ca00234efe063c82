"""The frame protocol: commands from the host that are carried out at most once.

A frame is a sequence of 32-bit words, lowest byte first. The last word is a CRC-32, that of Ethernet and zlib. On the
wire the frame is encoded by COBS (``neuristor.hdl.link.cobs``) and ends with a zero byte::

    word 0    session (16 bits) | sequence (8) | operation (8)
    word 1    same address for all words (1) | status (3) | count (8) | address (20)
    words     data of a write, or of the answer to a read
    CRC-32    of all words before it

The board sends nothing but answers. An answer repeats the session and sequence of the command and its operation, with
the highest bit set; it adds the `status` and the `count` of words that were transferred.

``HELLO`` with a new session number begins that session, and sets its sequence number. After that, a command is carried
out only if its sequence number is the next one. If the last command comes again, its stored answer is sent again and
the command is not repeated. So the host sends a command until it receives the answer; a lost answer does no harm. All
other frames only increment a counter: other sessions, other sequence numbers, damaged frames, and frames that arrive
while a command is being carried out.

Words are transferred one by one until a register refuses: a full or empty stream, or an address without a register. The
`count` of the answer is the number of words transferred before that.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.cobs import CobsDecoder, CobsEncoder
from neuristor.hdl.link.wishbone import Wishbone

__all__ = ["ADDRESS_BITS", "COUNTERS", "HEADER_WORDS", "MOST_WORDS", "Link", "Operation", "Status"]

ADDRESS_BITS = 20
"""Width of a register's address, in words."""
MOST_WORDS = 128
"""Most words that a command may transfer."""
HEADER_WORDS = 2
"""Words of a frame before the data."""
COUNTERS = ("accepted", "repeated", "foreign", "corrupt", "malformed", "missed")
"""Names of the counters of a link; see `Link`."""

_FIRST = data.StructLayout({"operation": 8, "sequence": 8, "session": 16})
_SECOND = data.StructLayout({"address": ADDRESS_BITS, "count": 8, "status": 3, "fixed": 1})
_DEPTH = 256
"""Words of a buffer: as many as a block RAM has, and more than a frame may have."""


class Operation(IntEnum):
    """The operations of a command."""

    HELLO = 1
    """Begin a session."""
    READ = 2
    """Read `count` words."""
    WRITE = 3
    """Write `count` words."""


class Status(IntEnum):
    """The result of a command."""

    DONE = 0
    """All words were transferred."""
    REFUSED = 1
    """A register refused the word after those that were transferred."""


class _Receiver(wiring.Component):
    """Receives frames, and checks their CRC and length.

    Members
    -------
    i : In(stream of unsigned(8))
        Bytes of the wire; always accepted.
    busy : In(1)
        A command is being carried out: frames that begin meanwhile are ignored.
    valid : Out(1)
        Set for one clock when a correct frame is complete. `first`, `second` and the words then keep their values while
        `busy`.
    first, second : Out(32)
        The two header words.
    address : In(8)
        The number of a data word, from 0.
    word : Out(32)
        The data word at `address` in the clock before.
    corrupt, malformed, missed : Out(1)
        Set for one clock at the end of a frame: wrong CRC, wrong form, ignored because of `busy`.
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

        count = Signal(range(4 * _DEPTH))
        shift = Signal(24)
        skip = Signal()
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
        fits = Signal()
        whole = Signal()
        m.d.comb += [
            fits.eq((plain | (asked == Operation.WRITE)) & (self.second.count <= MOST_WORDS) & (count == words << 2)),
            whole.eq(~decoder.o.p.bad & (count[:2] == 0) & (number > HEADER_WORDS)),
        ]
        with m.If(end):
            m.d.sync += [count.eq(0), skip.eq(0)]
            with m.If(skip):
                m.d.comb += self.missed.eq(1)
            with m.Elif(self.busy):
                pass  # the frame had no byte
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
    """Sends a frame: two header words, data words from a memory, and the CRC.

    Members
    -------
    start : In(1)
        Begin a frame, if not `busy`.
    busy : Out(1)
        A frame is being sent: `first`, `second` and `count` must not change.
    first, second : In(32)
        The two header words.
    count : In(8)
        Number of data words.
    address : Out(8)
        The number of the data word that is read, from 0.
    word : In(32)
        The data word at `address` in the clock before.
    o : Out(stream of unsigned(8))
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
        number = Signal(range(_DEPTH))
        byte = Signal(2)
        word = Signal(32)
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


class _State(NamedTuple):
    """The registers of a link."""

    session: Signal
    expected: Signal
    """Sequence number of the next command."""
    known: Signal
    """A session has begun."""
    first: Any
    """First header word of the answer."""
    second: Any
    """Second header word of the answer."""
    done: Signal
    """Words transferred."""
    words: Signal
    """Words in the answer."""
    counts: dict[str, Signal]
    """Events that the counters count."""


class Link(wiring.Component):
    """Receives commands from the host and carries them out on a Wishbone bus.

    Throughput: a word of a command takes 2 clocks and the time of its bus transfer.

    Members
    -------
    i : In(stream of unsigned(8))
        Bytes from the host; always accepted.
    o : Out(stream of unsigned(8))
        Bytes to the host.
    bus : Out(Wishbone(ADDRESS_BITS))
        Access to the registers.
    accepted : Out(16)
        Number of commands carried out; like all counters, modulo ``2**16``.
    repeated : Out(16)
        Repetitions of the last command, answered but not carried out.
    foreign : Out(16)
        Commands of other sessions or with other sequence numbers.
    corrupt : Out(16)
        Frames with a wrong CRC.
    malformed : Out(16)
        Frames that are not valid COBS, have a wrong length, or an unknown operation.
    missed : Out(16)
        Frames that arrived while a command was carried out.
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

        session = Signal(16)
        expected = Signal(8)
        known = Signal()
        first, second = receiver.first, receiver.second
        answer_first: Any = Signal(_FIRST)
        answer_second: Any = Signal(_SECOND)
        done = Signal(8)
        words = Signal(8)
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

        state = _State(session, expected, known, answer_first, answer_second, done, words, counts)
        is_hello = first.operation == Operation.HELLO
        with m.FSM():
            self._accept(m, state, receiver, is_hello)
            self._carry_out(m, state, receiver, is_hello, write)
            self._answer(m, sender)
        return m

    def _accept(self, m: Module, state: _State, receiver: _Receiver, is_hello: Value) -> None:
        """Wait for a frame; decide whether it is a new command, a repetition, or not for this session."""
        first = receiver.first
        ours = state.known & (first.session == state.session)
        with m.State("IDLE"):
            m.d.comb += receiver.busy.eq(0)
            with m.If(receiver.valid):
                with m.If(~ours & is_hello):
                    m.d.sync += [
                        state.known.eq(1),
                        state.session.eq(first.session),
                        state.expected.eq(first.sequence),
                    ]
                    m.next = "BEGIN"
                with m.Elif(ours & (first.sequence == state.expected)):
                    m.next = "BEGIN"
                with m.Elif(ours & (first.sequence == (state.expected - 1)[:8])):
                    m.d.comb += state.counts["repeated"].eq(1)
                    m.next = "ANSWER"
                with m.Else():
                    m.d.comb += state.counts["foreign"].eq(1)

    def _carry_out(self, m: Module, state: _State, receiver: _Receiver, is_hello: Value, write: Any) -> None:
        """Transfer the words of a command one by one, and fill in the answer."""
        first, second, bus = receiver.first, receiver.second, self.bus
        with m.State("BEGIN"):
            m.d.comb += state.counts["accepted"].eq(1)
            m.d.sync += [
                state.expected.eq(state.expected + 1),
                state.first.eq(first),
                state.first.operation.eq(first.operation | 0x80),
                state.second.eq(second),
                state.second.status.eq(Status.DONE),
                state.done.eq(0),
            ]
            m.next = "FETCH"
        with m.State("FETCH"):
            m.d.comb += receiver.address.eq(state.done)
            m.next = "FETCHED"
            with m.If(is_hello | (state.done == second.count)):
                m.next = "FINISH"
        with m.State("FETCHED"):
            m.d.sync += [bus.dat_w.eq(receiver.word), bus.cyc.eq(1), bus.stb.eq(1)]
            m.next = "TRANSFER"
        with m.State("TRANSFER"):
            with m.If(bus.ack | bus.err):
                m.d.sync += [bus.cyc.eq(0), bus.stb.eq(0)]
            with m.If(bus.ack):
                m.d.comb += write.en.eq(~bus.we)
                m.d.sync += state.done.eq(state.done + 1)
                m.next = "FETCH"
            with m.Elif(bus.err):
                m.d.sync += state.second.status.eq(Status.REFUSED)
                m.next = "FINISH"
        with m.State("FINISH"):
            m.d.sync += [
                state.second.count.eq(state.done),
                state.words.eq(Mux(first.operation == Operation.READ, state.done, 0)),
            ]
            m.next = "ANSWER"

    def _answer(self, m: Module, sender: _Sender) -> None:
        """Send the answer that is stored, and wait until it is sent."""
        with m.State("ANSWER"):
            m.d.comb += sender.start.eq(1)
            with m.If(~sender.busy):
                m.next = "SENDING"
        with m.State("SENDING"), m.If(~sender.busy):
            m.next = "IDLE"
