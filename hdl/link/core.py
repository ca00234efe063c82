"""Cores: circuits of neurons that a host controls through registers. This is what all kinds of cores have in common.

A core receives its stimulus as a stream of words, divided into *records*, and sends what the host asked it to record as
another stream of words. Both streams are buffered in FIFOs and never lose a word: when the output is full, the core
stalls; when the stimulus is full, or the output is empty, the register refuses the transfer.
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
"""Value of the first register."""
STIMULUS_WORDS, OUTPUT_WORDS = 512, 512
"""Depths of the FIFOs of a core, in words."""
CHUNK = 16
"""Most spikes in one word of output."""


class Record:
    """Bits of the register `record`, which selects what is recorded."""

    SPIKES = 1
    """The spikes of every tick."""
    STATE = 2
    """The state after every tick."""
    LAST_STATE = 4
    """The state after the last tick of each record."""


class Kind:
    """Values of the two highest bits of a word of output: what the other 30 bits mean."""

    STATE = 0
    """The number of a group (30 bits); the words after it are its state, lowest word first."""
    SPIKES = 1
    """One bit for each lane, up to `CHUNK` lanes; the bits above are the number of this word in the tick."""
    TICK = 2
    """The number of the tick (30 bits) that the words after it belong to."""
    END = 3
    """A record has ended; the number of ticks since reset (30 bits)."""


class Content(NamedTuple):
    """The contents of a register or window that is loaded over the bus."""

    name: str
    """Name in the register map."""
    words: list[int]
    """Words of 32 bits, in the order of their addresses."""


class Core(wiring.Component, ABC):
    """A circuit of neurons with a register map.

    Parameters
    ----------
    entries : sequence of Entry
        Registers and windows of this kind of core, after those that all cores have.
    linked : bool
        True: the core is behind a serial link, and has registers for its counters.
    records : bool
        Whether the core plays records, which the register `control` can end.

    Members
    -------
    bus : In(Wishbone(ADDRESS_BITS))
        Access to the registers; one transfer is one word.
    link : In(StructLayout: 16 bits for each of COUNTERS)
        The counters of the serial link; only with `linked`.
    active : Out(1)
        Toggles every 16 spikes; for an LED.
    """

    bus: Any
    link: Any
    active: Signal

    def __init__(self, entries: Sequence[Entry], linked: bool = True, *, records: bool = False) -> None:
        self.linked = linked
        counters = COUNTERS if linked else ()
        common = [
            Entry(name="magic", access="read", meaning=f"0x{MAGIC:08X}"),
            *(
                Entry(name=f"identity_{n}", access="read", meaning="32 bits of the SHA-256 of the circuit's structure")
                for n in range(8)
            ),
            Entry(
                name="control",
                access="write",
                bits=2 if records else 1,
                meaning="bit 0: reset" + ("; bit 1: end the record after one more tick" if records else ""),
            ),
            Entry(
                name="status",
                access="read",
                meaning="bit 0: busy; bit 1: an update has saturated since reset; bit 2: the oscillators have settled",
            ),
            *(Entry(name=f"link_{name}", access="read", meaning=f"frames {name} since power up") for name in counters),
        ]
        self.registers = Registers([*common, *entries])
        self._elaborated = False
        super().__init__(
            {
                "bus": In(Wishbone(ADDRESS_BITS)),
                "active": Out(1),
            }
            | ({"link": In(data.StructLayout(dict.fromkeys(COUNTERS, 16)))} if linked else {})
        )

    @property
    def rescaled(self) -> frozenset[str]:
        """Entries of `structure` that may differ in what is loaded, because `contents_for` scales to the circuit's."""
        return frozenset()

    @abstractmethod
    def structure(self) -> Mapping[str, Any]:
        """The parameters that are built into the circuit.

        Returns
        -------
        mapping of str
            Plain data; circuits with equal data differ only in what is loaded.
        """

    @abstractmethod
    def contents(self) -> list[Content]:
        """The initial contents of what can be loaded.

        Returns
        -------
        list of Content
            What the circuit holds after configuration.
        """

    @property
    def identity(self) -> str:
        """SHA-256 of the structure, 64 hexadecimal digits: circuits of one identity differ only in what is loaded."""
        # Without the counters of the link, registers have other addresses.
        described = {**self.structure(), **({} if self.linked else {"linked": False})}
        return hashlib.sha256(json.dumps(described, sort_keys=True, default=int).encode()).hexdigest()

    def describe_only(self) -> None:
        """Use the core only for its register map: elaborate it, so that Amaranth does not warn of an unused circuit."""
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
            *(getattr(registers, f"link_{name}").eq(self.link[name]) for name in COUNTERS if self.linked),
        ]
        # A reset of one clock for the circuit and its streams; what was loaded stays.
        reset = Signal()
        m.d.comb += reset.eq(registers.control__written & registers.control__value[0])
        self.describe(m, registers, reset)
        return m

    @abstractmethod
    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        """Add the circuit of this kind of core.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        reset : Signal
            Set for one clock when the host resets the core.
        """


def stream_entries() -> list[Entry]:
    """The registers of a core that plays records.

    Returns
    -------
    list of Entry
        Registers first, then the windows ``stimulus`` and ``output``.
    """
    return [
        Entry(
            name="record",
            access="read and write",
            bits=3,
            meaning="bit 0: spikes; 1: state; 2: state after each record",
        ),
        Entry(name="ticks", access="read", meaning="ticks since reset; wraps"),
        Entry(name="spikes", access="read", meaning="spikes since reset; wraps"),
        Entry(name="saturations", access="read", meaning="updates that saturated since reset"),
        Entry(name="stimulus_room", access="read", meaning="words that `stimulus` can accept"),
        Entry(name="output_level", access="read", meaning="words that `output` holds"),
        Entry(name="stimulus", access="write", meaning="records: number of ticks, input of a tick", window=True),
        Entry(name="output", access="read", meaning="recorded words", window=True),
    ]


FAULTS = Entry(name="memory_faults", access="read", meaning="damaged memory words read since reset")


class StreamCore(Core):
    """A core whose circuit has an input stream and an output stream of spikes and states.

    A record is the number of ticks (one word), then the input of one tick; each transfer of the input takes as many
    words as it needs, lowest word first. The input is repeated for that number of ticks.

    Parameters
    ----------
    circuit : Component
        Has streams `i` and `o` and a counter `saturations`; the payload of `o` has `spikes` and `last`.
    transfers : int
        Transfers of `i` in a tick.
    groups : int
        Transfers of `o` in a tick.
    windows : mapping of str to RowWindow
        The memories that can be loaded, by name.
    entries : sequence of Entry
        The registers and windows of this kind of core.
    linked : bool
        As for `Core`.

    Members
    -------
    bus, link, active
        As for `Core`.

    Raises
    ------
    ValueError
        If the words of spikes of a tick are too many to be numbered in 30 bits.
    """

    def __init__(
        self,
        circuit: Any,
        transfers: int,
        groups: int,
        windows: Mapping[str, RowWindow],
        entries: Sequence[Entry],
        linked: bool = True,
    ) -> None:
        self.circuit, self.transfers, self.groups, self.windows = circuit, transfers, groups, windows
        if groups * self.chunks > 1 << 30 - self.chunk:
            raise ValueError(
                f"a tick must have at most {1 << 30 - self.chunk} words of spikes, not {groups * self.chunks}"
            )
        entries = [*stream_entries(), *entries, *([FAULTS] if self.protected else [])]
        super().__init__(entries, linked, records=True)

    @property
    def protected(self) -> bool:
        """Whether the memories of the circuit have check bits, and damaged words are counted."""
        return getattr(self.circuit, "protection", "none") != "none"

    @property
    def input_bits(self) -> int:
        """Bits of a transfer of input."""
        return len(Value.cast(self.circuit.i.payload))

    @property
    def input_words(self) -> int:
        """Words of the input of a tick."""
        return self.transfers * -(-self.input_bits // 32)

    @property
    def lanes(self) -> int:
        """Neurons whose spikes a transfer of output carries."""
        return len(self.circuit.o.p.spikes)

    @property
    @abstractmethod
    def neurons(self) -> int:
        """Number of neurons whose spikes are in the output."""

    @property
    def chunk(self) -> int:
        """Spikes in a word of output."""
        return min(CHUNK, self.lanes)

    @property
    def chunks(self) -> int:
        """Most words that the spikes of a transfer of output need."""
        return -(-self.lanes // self.chunk)

    @property
    def state_bits(self) -> int:
        """Bits of the state in a transfer of output."""
        return len(self.state())

    @abstractmethod
    def state(self) -> Value:
        """The state in a transfer of output.

        Returns
        -------
        Value
            The state of all neurons of the transfer, lane 0 lowest.
        """

    @abstractmethod
    def settings(self, m: Module, registers: Registers, busy: Signal) -> None:
        """Connect the registers and windows that are loaded.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        busy : Signal
            Set while a record is played: windows refuse transfers.
        """

    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        """Connect the circuit, its streams and its windows to the registers.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        reset : Signal
            Resets the circuit and empties the streams.
        """
        circuit, o = self.circuit, self.circuit.o
        m.submodules.circuit = ResetInserter(reset)(circuit)
        stimulus = SyncFIFOBuffered(width=32, depth=STIMULUS_WORDS)
        output = SyncFIFOBuffered(width=32, depth=OUTPUT_WORDS)
        m.submodules.stimulus = ResetInserter(reset)(stimulus)
        m.submodules.output = ResetInserter(reset)(output)
        player = _Player(self)
        busy = Signal()
        ended = Signal(32)
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
    """Reads records from the stimulus, and sends the input of each tick to the circuit.

    Members
    -------
    word, word_valid, word_ready : In(32), In(1), Out(1)
        The stimulus: one transfer is one word.
    payload, valid, ready : Out(input_bits), Out(1), In(1)
        The input stream of the circuit.
    ended : In(1)
        The last output of a tick is transferred.
    final : Out(1)
        The output of the circuit belongs to the last tick of its record.
    over : Out(1)
        All output of a record has been transferred; set until `noted`.
    noted : In(1)
        The end of the record is recorded.
    stop : In(1)
        End the record after one more tick.
    busy : Out(1)
        A record is being played.
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
        part = Signal(range(max(parts, 2)))
        row = Signal(range(max(transfers, 2)))
        following = Signal.like(row)
        left = Signal(32)
        flying = Signal(16)
        begins = Signal()
        taken = Signal()
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
    """Encodes the output of the circuit as words, and drops what is not to be recorded.

    Members
    -------
    record : In(3)
        What is recorded: bits of `Record`.
    tick : In(32)
        Number of the tick, from 0 at reset.
    valid, spikes, state, last, ready : In(1), In(lanes), In(state_bits), In(1), Out(1)
        The output stream of the circuit.
    final : In(1)
        The tick is the last of its record.
    over, noted : In(1), Out(1)
        A record has ended; its `Kind.END` word is sent, or is not to be recorded.
    word, word_valid, word_ready : Out(32), Out(1), In(1)
        The output: one transfer is one word, as `Kind` describes.
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
        group = Signal(range(max(self._groups, 2)))
        marked = Signal()
        number = Signal(range(max(self._groups * self._chunks, 2)))
        part = Signal(range(max(self._chunks, parts, 2)))
        events = Signal()
        states = Signal()
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
