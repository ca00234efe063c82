"""A circuit behind registers: what every core has, whatever its neurons are.

A core plays *records* of stimulus from a stream of words, and gives what it is told to record as a stream of words; so
a host may go away, and nothing waits for it but what it wanted to hear. Neither stream ever loses a word: a full one
makes the core wait, and the register refuses.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.frames import ADDRESS_BITS, COUNTERS
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.link.rows import RowWindow
from neuristor.hdl.link.wishbone import Wishbone
from neuristor.hdl.tree import count_ones

__all__ = ["MAGIC", "Content", "Core", "Kind", "Record", "StreamCore"]

MAGIC = int.from_bytes(b"NRST", "little")
"""What the first register says."""
STIMULUS_WORDS, OUTPUT_WORDS = 512, 512
"""Of the streams of a core."""
CHUNK = 16
"""Most spikes in a word of output."""


class Record:
    """Bits of the register `record`: what goes into the output."""

    SPIKES = 1
    STATE = 2
    """After every tick."""
    LAST_STATE = 4
    """After the last tick of each record."""


class Kind:
    """The two highest bits of a word of output."""

    STATE = 0
    """The state of group (30 bits) follows, in words."""
    SPIKES = 1
    """The spikes of as many lanes as there are, 16 at most, and above them their number in the tick."""
    TICK = 2
    """What follows is of this tick (30 bits)."""
    END = 3
    """A record is over, and so many ticks (30 bits) since reset."""


class Content(NamedTuple):
    """What belongs into a window or a register, and is loaded over the link."""

    name: str
    words: list[int]


class Core(wiring.Component, ABC):
    """Registers, and what they stand for.

    Parameters
    ----------
    entries : sequence of Entry
        Of this kind of core.

    Members
    -------
    bus : In(Wishbone)
    link : In(StructLayout)
        Counters of the link that leads here, if one does.
    active : Out(1)
        Something happens; for a light.
    """

    bus: Any
    link: Any
    active: Signal

    def __init__(self, entries: Sequence[Entry]) -> None:
        common = [
            Entry(name="magic", access="read", meaning=f"0x{MAGIC:08X}"),
            *(
                Entry(name=f"identity_{n}", access="read", meaning="of the circuit: SHA-256 of what cannot be loaded")
                for n in range(8)
            ),
            Entry(name="control", access="write", bits=2, meaning="bit 0: reset; bit 1: end the record soon"),
            Entry(name="status", access="read", meaning="bit 0: busy; bit 1: something was clamped since reset"),
            *(Entry(name=f"link_{name}", access="read", meaning=f"frames {name} since power up") for name in COUNTERS),
        ]
        self.registers = Registers([*common, *entries])
        self._elaborated = False
        super().__init__(
            {
                "bus": In(Wishbone(ADDRESS_BITS)),
                "link": In(data.StructLayout(dict.fromkeys(COUNTERS, 16))),
                "active": Out(1),
            }
        )

    @abstractmethod
    def structure(self) -> Mapping[str, Any]:
        """All that is built into the circuit, as plain data."""

    @abstractmethod
    def contents(self) -> list[Content]:
        """All that is loaded: what the circuit has when it is configured."""

    @property
    def identity(self) -> str:
        """SHA-256 of the structure, in hexadecimal digits: circuits of one identity differ in what is loaded only."""
        return hashlib.sha256(json.dumps(self.structure(), sort_keys=True, default=int).encode()).hexdigest()

    def describe_only(self) -> None:
        """It is not going into a circuit: Amaranth, which warns of what is never elaborated, need not."""
        if not self._elaborated:
            Fragment.get(self, None)

    def elaborate(self, platform: object) -> Module:
        self._elaborated = True
        m = Module()
        m.submodules.registers = registers = self.registers
        wiring.connect(m, wiring.flipped(self.bus), registers.bus)
        identity = bytes.fromhex(self.identity)
        m.d.comb += [
            registers.magic.eq(MAGIC),
            *(
                getattr(registers, f"identity_{n}").eq(int.from_bytes(identity[4 * n : 4 * n + 4], "big"))
                for n in range(8)
            ),
            *(getattr(registers, f"link_{name}").eq(self.link[name]) for name in COUNTERS),
        ]
        # One clock of reset for the circuit and its streams, not for what was loaded.
        reset = Signal()
        m.d.comb += reset.eq(registers.control__written & registers.control__value[0])
        self.describe(m, registers, reset)
        return m

    @abstractmethod
    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        """The circuit itself."""


def stream_entries() -> list[Entry]:
    """Of a core that plays records."""
    return [
        Entry(
            name="record",
            access="read and write",
            bits=3,
            meaning="bit 0: spikes; 1: state; 2: state after each record",
        ),
        Entry(name="ticks", access="read", meaning="ticks since reset; wraps"),
        Entry(name="spikes", access="read", meaning="spikes since reset; wraps"),
        Entry(name="saturations", access="read", meaning="updates that were clamped since reset"),
        Entry(name="stimulus_room", access="read", meaning="words that `stimulus` takes"),
        Entry(name="output_level", access="read", meaning="words that `output` has"),
        Entry(name="stimulus", access="write", meaning="records: ticks, and the input of a tick", window=True),
        Entry(name="output", access="read", meaning="what was recorded", window=True),
    ]


FAULTS = Entry(name="memory_faults", access="read", meaning="damaged words that were read since reset")


class StreamCore(Core):
    """A circuit that takes a stream of input and gives a stream of spikes and states.

    A record is a number of ticks, then the input of a tick, each transfer in as many words as it needs. It is played
    for that many ticks.

    Parameters
    ----------
    circuit : Component
        With streams `i` and `o`, and `saturations`; `o` has `spikes` and `last`.
    state : callable
        The state in a transfer of `o`, as a value.
    transfers, groups : int
        Of `i` and of `o` in a tick.
    windows : mapping of RowWindow
        What is loaded, by name.
    entries : sequence of Entry
        Of those.
    """

    def __init__(
        self, circuit: Any, transfers: int, groups: int, windows: Mapping[str, RowWindow], entries: Sequence[Entry]
    ) -> None:
        self.circuit, self.transfers, self.groups, self.windows = circuit, transfers, groups, windows
        if groups * self.chunks > 1 << 30 - self.chunk:
            raise ValueError(
                f"a tick must have at most {1 << 30 - self.chunk} words of spikes, not {groups * self.chunks}"
            )
        super().__init__([*stream_entries(), *entries, *([FAULTS] if self.protected else [])])

    @property
    def protected(self) -> bool:
        """Whether the circuit counts damaged words."""
        return getattr(self.circuit, "protection", "none") != "none"

    @property
    def input_bits(self) -> int:
        """Of a transfer of input."""
        return len(Value.cast(self.circuit.i.payload))

    @property
    def input_words(self) -> int:
        """Of the input of a tick."""
        return self.transfers * -(-self.input_bits // 32)

    @property
    def lanes(self) -> int:
        """Spikes of a transfer of output."""
        return len(self.circuit.o.p.spikes)

    @property
    @abstractmethod
    def neurons(self) -> int:
        """Whose spikes are in the output."""

    @property
    def chunk(self) -> int:
        """Spikes of a word of output."""
        return min(CHUNK, self.lanes)

    @property
    def chunks(self) -> int:
        """Words that the spikes of a transfer of output may need."""
        return -(-self.lanes // self.chunk)

    @property
    def state_bits(self) -> int:
        """Of a transfer of output."""
        return len(self.state())

    @abstractmethod
    def state(self) -> Value:
        """The state in a transfer of output."""

    @abstractmethod
    def settings(self, m: Module, registers: Registers, busy: Signal) -> None:
        """Connect what is loaded."""

    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        circuit, o = self.circuit, self.circuit.o
        m.submodules.circuit = ResetInserter(reset)(circuit)
        stimulus = SyncFIFOBuffered(width=32, depth=STIMULUS_WORDS)
        output = SyncFIFOBuffered(width=32, depth=OUTPUT_WORDS)
        m.submodules.stimulus = ResetInserter(reset)(stimulus)
        m.submodules.output = ResetInserter(reset)(output)
        player, busy, ended = _Player(self), Signal(), Signal(32)
        m.submodules.player = ResetInserter(reset)(player)
        taken = o.valid & o.ready
        tick_ends = taken & o.p.last
        m.d.comb += [
            busy.eq(player.busy | stimulus.r_rdy | (stimulus.w_level != 0)),
            registers.status.eq(Cat(busy, circuit.saturations.any())),
            registers.saturations.eq(circuit.saturations),
            *([registers.memory_faults.eq(circuit.memory_faults)] if self.protected else []),
            registers.ticks.eq(ended),
            registers.stimulus_room.eq(STIMULUS_WORDS - stimulus.w_level),
            registers.output_level.eq(output.r_level),
            # streams
            stimulus.w_data.eq(registers.stimulus.given),
            stimulus.w_en.eq(registers.stimulus.request & stimulus.w_rdy),
            registers.stimulus.done.eq(stimulus.w_rdy),
            registers.stimulus.refused.eq(~stimulus.w_rdy),
            registers.output.data.eq(output.r_data),
            registers.output.done.eq(output.r_rdy),
            registers.output.refused.eq(~output.r_rdy),
            output.r_en.eq(registers.output.request),
            # the player
            player.word.eq(stimulus.r_data),
            player.word_valid.eq(stimulus.r_rdy),
            stimulus.r_en.eq(player.word_ready),
            player.stop.eq(registers.control__written & registers.control__value[1]),
            player.ended.eq(tick_ends),
            Value.cast(circuit.i.payload).eq(player.payload),
            circuit.i.valid.eq(player.valid),
            player.ready.eq(circuit.i.ready),
        ]
        spikes = Signal(32)
        with m.If(tick_ends):
            m.d.sync += ended.eq(ended + 1)
        with m.If(taken):
            m.d.sync += spikes.eq(spikes + count_ones(o.p.spikes))
        with m.If(reset):
            m.d.sync += [ended.eq(0), spikes.eq(0)]
        m.d.comb += [registers.spikes.eq(spikes), self.active.eq(spikes[4])]
        recorder = _Recorder(self)
        m.submodules.recorder = ResetInserter(reset)(recorder)
        m.d.comb += [
            recorder.record.eq(registers.record__value),
            recorder.tick.eq(ended),
            recorder.valid.eq(o.valid),
            recorder.spikes.eq(o.p.spikes),
            recorder.state.eq(self.state()),
            recorder.last.eq(o.p.last),
            recorder.final.eq(player.final),
            o.ready.eq(recorder.ready),
            recorder.over.eq(player.over),
            player.noted.eq(recorder.noted),
            output.w_data.eq(recorder.word),
            output.w_en.eq(recorder.word_valid & output.w_rdy),
            recorder.word_ready.eq(output.w_rdy),
        ]
        self.settings(m, registers, busy)


class _Player(wiring.Component):
    """Takes records, and gives the input of each tick.

    Members
    -------
    word, word_valid, word_ready
        Of the stimulus.
    payload, valid, ready
        Of the circuit's input.
    ended : In(1)
        A tick of output was taken.
    final : Out(1)
        The tick of output that comes next is the last of its record.
    over : Out(1)
        A record is over, until that is `noted`.
    stop : In(1)
        No ticks but those begun.
    busy : Out(1)
    """

    word: Signal
    word_valid: Signal
    word_ready: Signal
    payload: Signal
    valid: Signal
    ready: Signal
    ended: Signal
    final: Signal
    over: Signal
    noted: Signal
    stop: Signal
    busy: Signal

    def __init__(self, core: StreamCore) -> None:
        self._bits, self._transfers = core.input_bits, core.transfers
        super().__init__(
            {
                "word": In(32),
                "word_valid": In(1),
                "word_ready": Out(1),
                "payload": Out(self._bits),
                "valid": Out(1),
                "ready": In(1),
                "ended": In(1),
                "final": Out(1),
                "over": Out(1),
                "noted": In(1),
                "stop": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, transfers = self._bits, self._transfers
        parts = -(-bits // 32)
        memory: Any = Memory(shape=bits, depth=max(2, transfers), init=[])
        m.submodules.tick = memory
        read, write = memory.read_port(), memory.write_port()
        staged = [Signal(32, name=f"part_{n}") for n in range(parts - 1)]
        part, row = Signal(range(max(parts, 2))), Signal(range(max(transfers, 2)))
        following = Signal.like(row)
        left, flying = Signal(32), Signal(16)
        begins, taken = Signal(), Signal()
        m.d.comb += [
            write.addr.eq(row),
            write.data.eq(Cat(*staged, self.word)),
            read.addr.eq(following),
            following.eq(row),
            self.payload.eq(read.data),
            self.busy.eq(1),
            taken.eq(self.valid & self.ready),
            begins.eq(taken & (row == 0)),
            self.final.eq((left == 0) & (flying == 1)),
        ]
        m.d.sync += flying.eq(flying + begins - self.ended)
        ends_row, ends_part = row == transfers - 1, part == parts - 1
        with m.FSM():
            with m.State("TICKS"):
                m.d.comb += [self.busy.eq(0), self.word_ready.eq(1)]
                m.d.sync += row.eq(0)
                with m.If(self.word_valid):
                    m.d.sync += left.eq(self.word)
                    m.next = "INPUT"
            with m.State("INPUT"):
                m.d.comb += self.word_ready.eq(1)
                with m.If(self.word_valid):
                    m.d.comb += write.en.eq(ends_part)
                    m.d.sync += part.eq(Mux(ends_part, 0, part + 1))
                    for n, each in enumerate(staged):
                        with m.If(part == n):
                            m.d.sync += each.eq(self.word)
                    with m.If(ends_part):
                        m.d.sync += row.eq(Mux(ends_row, 0, row + 1))
                        with m.If(ends_row):
                            m.next = "READ"
            with m.State("READ"):
                m.next = "PLAY"
                with m.If(left == 0):
                    m.next = "DRAIN"
            with m.State("PLAY"):
                m.d.comb += [
                    self.valid.eq(1),
                    following.eq(Mux(self.ready, Mux(ends_row, 0, row + 1), row)),
                ]
                with m.If(taken):
                    m.d.sync += row.eq(following)
                    with m.If(ends_row & (left == (1 if transfers == 1 else 0))):
                        m.next = "DRAIN"
                with m.If(begins):
                    m.d.sync += left.eq(left - 1)
            with m.State("DRAIN"), m.If(flying == 0):
                m.d.comb += self.over.eq(1)
                with m.If(self.noted):
                    m.next = "TICKS"
        with m.If(self.stop & (left > 1)):
            m.d.sync += left.eq(1)
        return m


class _Recorder(wiring.Component):
    """Turns what the circuit gives into words, as far as it is wanted.

    Members
    -------
    record : In
        Bits of `Record`.
    tick : In(32)
    valid, spikes, state, last, ready
        Of the circuit's output.
    final : In(1)
        Of this tick: it is the last of its record.
    over, noted : In(1), Out(1)
        A record is over.
    word, word_valid, word_ready
    """

    record: Signal
    tick: Signal
    valid: Signal
    spikes: Signal
    state: Signal
    last: Signal
    final: Signal
    ready: Signal
    over: Signal
    noted: Signal
    word: Signal
    word_valid: Signal
    word_ready: Signal

    def __init__(self, core: StreamCore) -> None:
        self._chunk, self._chunks, self._groups = core.chunk, core.chunks, core.groups
        self._bits = core.state_bits
        super().__init__(
            {
                "record": In(3),
                "tick": In(32),
                "valid": In(1),
                "spikes": In(core.lanes),
                "state": In(core.state_bits),
                "last": In(1),
                "final": In(1),
                "ready": Out(1),
                "over": In(1),
                "noted": Out(1),
                "word": Out(32),
                "word_valid": Out(1),
                "word_ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = -(-self._bits // 32)
        group, marked = Signal(range(max(self._groups, 2))), Signal()
        number, part = Signal(range(max(self._groups * self._chunks, 2))), Signal(range(max(self._chunks, parts, 2)))
        events, states = Signal(), Signal()
        m.d.comb += [
            events.eq(self.record[0] & self.spikes.any()),
            states.eq(self.record[1] | (self.record[2] & self.final)),
        ]

        def word(kind: int, *content: Any) -> Any:
            room = 30 - sum(len(Value.cast(each)) for each in content)
            return self.word.eq(Cat(*content, Const(0, room), Const(kind, 2)))

        sent = self.word_valid & self.word_ready
        chunk = self.spikes.word_select(part, self._chunk) if self._chunks > 1 else self.spikes
        chunk_bits: Any = Signal(self._chunk)
        m.d.comb += chunk_bits.eq(chunk)
        with m.If(self.valid & self.ready):
            m.d.sync += group.eq(Mux(self.last, 0, group + 1))
            m.d.sync += [number.eq(Mux(self.last, 0, number + self._chunks))]
            with m.If(self.last):
                m.d.sync += marked.eq(0)
        with m.FSM():
            with m.State("LOOK"):
                m.d.sync += part.eq(0)
                with m.If(self.over):
                    m.d.comb += [
                        word(Kind.END, self.tick[:30]),
                        self.word_valid.eq(self.record.any()),
                        self.noted.eq(self.word_ready | ~self.record.any()),
                    ]
                with m.Elif(self.valid & ~events & ~states):
                    m.d.comb += self.ready.eq(1)
                with m.Elif(self.valid):
                    m.next = "SPIKES"
                    with m.If(~marked):
                        m.d.comb += [word(Kind.TICK, self.tick[:30]), self.word_valid.eq(1)]
                        m.next = "LOOK"
                        with m.If(sent):
                            m.d.sync += marked.eq(1)
                            m.next = "SPIKES"
            with m.State("SPIKES"):
                m.d.comb += [
                    word(Kind.SPIKES, chunk_bits, (number + part)[: 30 - self._chunk]),
                    self.word_valid.eq(chunk_bits.any() & self.record[0]),
                ]
                with m.If(sent | ~self.word_valid):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == self._chunks - 1):
                        m.d.sync += part.eq(0)
                        m.next = "DONE"
                        with m.If(states):
                            m.next = "STATE"
            with m.State("STATE"):
                m.d.comb += [word(Kind.STATE, group), self.word_valid.eq(1)]
                with m.If(sent):
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += [self.word.eq(self.state.word_select(part, 32)), self.word_valid.eq(1)]
                with m.If(sent):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == parts - 1):
                        m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.ready.eq(1)
                m.next = "LOOK"
        return m
