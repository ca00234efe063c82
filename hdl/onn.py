"""Networks of phase oscillators in the circuit: equal to ``golden_model.onn.OnnBitTrue``.

Each oscillator has its phase, its output, its reference and its sum. A tick in which nothing toggles takes no clock::

    occupied ticks -> next tick -> who toggles -> one column of weights a clock -> all sums -> references, phases

In a tick the outputs that toggle are looked for 32 at a time; each sends its column, read from block RAM, through one
adder an oscillator. An oscillator toggles in ticks of the same number modulo half a period, so `occupied` has a bit for
each of those: it is set where a phase comes to stand, and cleared when such a tick finds nobody.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden_model.onn import OnnParams

__all__ = ["Onn", "chunk", "lowest"]

WORD = 32
"""Outputs that are searched for toggles at a time."""
CHUNK_BITS = 36
"""Width of a block RAM; a chunk holds as many weights as fit."""


def lowest(value: Value) -> tuple[Value, Value]:
    """The number of the lowest bit that is set (0 if none is), and the value without that bit."""
    rest = value & (value - 1)[: len(value)]
    single = value & ~rest
    width = max(len(value) - 1, 1).bit_length()
    number = [(single & sum(1 << n for n in range(len(value)) if n >> bit & 1)).any() for bit in range(width)]
    return Cat(number), rest


def chunk(params: OnnParams, column: int, number: int) -> int:
    """Some weights of a column, as the one word that the memory holds."""
    bits, per_chunk = params.weight_bits, CHUNK_BITS // params.weight_bits
    part = params.weights[number * per_chunk : (number + 1) * per_chunk, column].tolist()
    return sum((weight & ((1 << bits) - 1)) << (n * bits) for n, weight in enumerate(part))


class Onn(wiring.Component):
    """N oscillators, every one coupled to every other.

    Parameters
    ----------
    params : OnnParams
        Its weights are those after configuration.

    Members
    -------
    weight : In(stream)
        Weights to write, while not `busy`: `chunk` of the column of oscillator `column`; weight k of chunk c is what
        oscillator ``c * per_chunk + k`` feels.
    phase : In(stream)
        The phase of an `oscillator` to begin with, while not `busy`.
    begin : In(1)
        Tick 0, while not `busy`: outputs of the phases, sums made anew.
    advance : In(stream)
        So many `ticks` more; `settle` ends earlier, at the end of a period without a new phase.
    busy : Out(1)
    toggled : Out
        While `valid`, the output of `oscillator` has become `high` in this tick: the phases, for who listens.
    tick, changed, toggles : Out
        As in ``OnnBitTrue``.
    settled : Out(1)
    phases, outputs, references, totals : Out
        The state, oscillator 0 lowest. What is not connected costs nothing.
    """

    weight: Any
    phase: Any
    begin: Signal
    advance: Any
    busy: Signal
    toggled: Any
    tick: Signal
    changed: Signal
    toggles: Signal
    settled: Signal
    phases: Signal
    outputs: Signal
    references: Signal
    totals: Signal

    def __init__(self, params: OnnParams) -> None:
        self.params = params
        self.per_chunk = CHUNK_BITS // params.weight_bits
        self.chunks = -(-params.count // self.per_chunk)
        count, bits = params.count, params.phase_bits
        weight = {"chunk": range(max(self.chunks, 2)), "column": range(count), "data": self.chunk_bits}
        super().__init__(
            {
                "weight": In(stream.Signature(data.StructLayout(weight))),
                "phase": In(stream.Signature(data.StructLayout({"oscillator": range(count), "value": unsigned(bits)}))),
                "begin": In(1),
                "advance": In(stream.Signature(data.StructLayout({"ticks": 32, "settle": 1}))),
                "busy": Out(1),
                "toggled": Out(data.StructLayout({"valid": 1, "oscillator": range(count), "high": 1})),
                "tick": Out(32),
                "changed": Out(32),
                "toggles": Out(48),
                "settled": Out(1),
                "phases": Out(count * bits),
                "outputs": Out(count),
                "references": Out(count),
                "totals": Out(count * params.total_bits),
            }
        )

    @property
    def chunk_bits(self) -> int:
        """Bits of a chunk of weights."""
        return min(self.per_chunk, self.params.count) * self.params.weight_bits

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, count, bits = self.params, self.params.count, self.params.phase_bits
        period, half = 1 << bits, 1 << (bits - 1)
        # What `begin` sets needs no reset of its own.
        phase = [Signal(bits, name=f"phase_{n}", reset_less=True) for n in range(count)]
        total = [Signal(signed(params.total_bits), name=f"total_{n}", reset_less=True) for n in range(count)]
        output, reference, moved, pending = (Signal(count, name=n) for n in ("output", "reference", "moved", "pending"))
        idle, starting = Signal(init=1), Signal()
        m.d.comb += [
            self.phases.eq(Cat(phase)),
            self.totals.eq(Cat(total)),
            self.outputs.eq(output),
            self.references.eq(reference),
            self.busy.eq(~idle),
            self.weight.ready.eq(idle),
            self.phase.ready.eq(idle),
            self.advance.ready.eq(idle & ~self.begin),
            self.settled.eq((self.tick - self.changed)[:32] >= period),
        ]
        search, issue, searching, adding, clear = (Signal() for _ in range(5))
        column, sign = self._search(m, output, pending, search, issue, searching)
        self._add(m, total, column, sign, issue, adding, starting, clear)
        m.d.comb += [
            self.toggled.valid.eq(issue & ~starting),
            self.toggled.oscillator.eq(column),
            self.toggled.high.eq(sign),
        ]
        with m.If(self.toggled.valid):
            m.d.sync += self.toggles.eq(self.toggles + 1)

        # Where each oscillator stands in this tick.
        now = self.tick[:bits]
        rises = Cat(each == now for each in phase)
        falls = Cat(each == (now ^ half) for each in phase)
        # What rose, or got its phase, in the tick before is recent in this one.
        last, recent = Signal(count), Signal(count)
        outward, zero, restarts = Signal(count), Signal(count), Signal(count)
        negative = Cat(each[-1] for each in total)
        m.d.sync += zero.eq(Cat(each == 0 for each in total))
        m.d.comb += [
            # What has a new phase is high from the tick after.
            outward.eq(moved | rises | (output & ~falls)),
            restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent),
        ]

        # A phase comes from outside, or is the present tick.
        compare, given = Signal(), Signal(bits)
        rows, columns = Signal(-(-count // WORD)), Signal(WORD)
        m.d.comb += given.eq(Mux(idle, self.phase.payload.value, now))
        with m.If(self.phase.valid & idle):
            m.d.comb += [
                rows.eq(1 << self.phase.payload.oscillator[5:]),
                columns.eq(1 << self.phase.payload.oscillator[:5]),
            ]
        for n, each in enumerate(phase):
            with m.If((rows[n // WORD] & columns[n % WORD]) | (compare & restarts[n])):
                m.d.sync += each.eq(given)

        any_moved, settle = Signal(), Signal()
        left, room = Signal(32), Signal(32)
        occupied, turned, distance = Signal(half), Signal(half), Signal(range(half + 1))
        until_settled = (self.changed + period - self.tick)[:32]
        number, _ = lowest(turned)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.begin):
                    m.d.comb += clear.eq(1)
                    m.d.sync += [
                        *(each.eq(0) for each in (self.changed, self.toggles, moved, any_moved)),
                        *(each.eq(-1) for each in (occupied, pending)),
                        self.tick.eq(1 - period),
                        starting.eq(1),
                        idle.eq(0),
                    ]
                    m.next = "OUTPUTS"
                with m.Elif(self.advance.valid):
                    m.d.sync += [Cat(left, settle).eq(self.advance.payload), idle.eq(0)]
                    m.next = "TURN"
            # A period up to tick 0, after which every output is what its phase says.
            with m.State("OUTPUTS"):
                m.d.sync += [output.eq(outward), last.eq(rises)]
                with m.If(self.tick == 0):
                    m.next = "SEARCH"
                with m.Else():
                    m.d.sync += self.tick.eq(self.tick + 1)
            # The next tick in which anything may toggle.
            with m.State("TURN"):
                m.d.sync += [
                    turned.eq((Cat(occupied, occupied) >> (self.tick + 1)[: bits - 1])[:half]),
                    room.eq(Mux(settle & (until_settled < left), until_settled, left)),
                ]
                m.next = "FIND"
                with m.If((left == 0) | (settle & self.settled)):
                    m.d.sync += idle.eq(1)
                    m.next = "IDLE"
            with m.State("FIND"):
                m.d.sync += distance.eq(Mux(any_moved, 1, Mux(turned.any(), number + 1, half)))
                m.next = "STEP"
            with m.State("STEP"):
                with m.If(distance > room):
                    m.d.sync += [self.tick.eq(self.tick + room), last.eq(0), idle.eq(1)]
                    m.next = "IDLE"
                with m.Else():
                    m.d.sync += [self.tick.eq(self.tick + distance), left.eq(left - distance)]
                    m.next = "TOGGLE"
            with m.State("TOGGLE"):
                m.d.sync += [
                    pending.eq(output ^ outward),
                    output.eq(outward),
                    recent.eq(Mux(distance == 1, last | moved, 0)),
                    last.eq(rises),
                    moved.eq(0),
                    any_moved.eq(0),
                ]
                with m.If(~(rises | falls).any()):
                    m.d.sync += occupied.bit_select(now[: bits - 1], 1).eq(0)
                m.next = "SEARCH"
            with m.State("SEARCH"):
                m.d.comb += search.eq(1)
                with m.If(starting):
                    m.d.sync += reference.eq(output)
                m.next = "DRAIN"
            with m.State("DRAIN"), m.If(~searching & ~adding):
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += [reference.eq((zero & reference) | (~zero & ~negative)), starting.eq(0)]
                with m.If(starting):
                    m.d.sync += idle.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.d.comb += compare.eq(1)
                    m.d.sync += moved.eq(restarts)
                    m.next = "MOVED"
            with m.State("MOVED"):
                with m.If(moved.any()):
                    m.d.sync += [
                        any_moved.eq(1),
                        self.changed.eq(self.tick),
                        occupied.bit_select(now[: bits - 1], 1).eq(1),
                    ]
                m.next = "TURN"
        return m

    def _search(
        self, m: Module, output: Signal, pending: Signal, search: Signal, issue: Signal, searching: Signal
    ) -> tuple[Value, Value]:
        """Which column is next, one a clock, and whether it is added: of the pending outputs, a word at a time."""
        words = range(0, self.params.count, WORD)
        full, base = Signal(len(words)), Signal(range(max(len(words), 2)))
        word, high = Signal(WORD), Signal(WORD)
        first, others = lowest(full)
        bit, rest = lowest(word)
        m.d.comb += [issue.eq(word.any()), searching.eq(full.any() | word.any())]
        with m.If(search):
            m.d.sync += full.eq(Cat(pending[start : start + WORD].any() for start in words))
        with m.Elif(~rest.any() & full.any()):
            m.d.sync += [
                full.eq(others),
                base.eq(first),
                word.eq(Array(pending[start : start + WORD] for start in words)[first]),
                high.eq(Array(output[start : start + WORD] for start in words)[first]),
            ]
        with m.Else():
            m.d.sync += word.eq(rest)
        return Cat(bit, base), high.bit_select(bit, 1)

    def _add(
        self,
        m: Module,
        total: list[Any],
        column: Value,
        sign: Value,
        issue: Signal,
        adding: Signal,
        starting: Signal,
        clear: Signal,
    ) -> None:
        """Add columns to all sums, or take them away: doubled, except for the first pass."""
        bits, depth = self.params.weight_bits, self.params.count
        address, steps = Signal(range(depth)), [Signal(name=f"valid_{n}") for n in range(3)]
        signs = [Signal(name=f"plus_{n}") for n in range(3)]
        m.d.sync += [
            address.eq(column),
            *(later.eq(now) for now, later in zip([issue, *steps], steps, strict=False)),
            *(later.eq(now) for now, later in zip([sign, *signs], signs, strict=False)),
        ]
        m.d.comb += adding.eq(Cat(steps).any())
        read = []
        for number in range(self.chunks):
            init = [chunk(self.params, column, number) for column in range(depth)]
            memory: Any = Memory(shape=self.chunk_bits, depth=depth, init=init)
            m.submodules[f"weights_{number}"] = memory
            port, write = memory.read_port(), memory.write_port()
            chosen = self.weight.valid & self.weight.ready & (self.weight.payload.chunk == number)
            m.d.comb += [
                port.addr.eq(address),
                port.en.eq(steps[0]),
                write.addr.eq(self.weight.payload.column),
                write.data.eq(self.weight.payload.data),
                write.en.eq(chosen),
            ]
            read += [port.data.word_select(n, bits) for n in range(self.per_chunk)]
        for n, each in enumerate(total):
            weight = read[n].as_signed()
            term = Signal(signed(bits + 1), name=f"term_{n}", reset_less=True)
            minus = ~signs[1]
            m.d.sync += term.eq(Mux(starting, weight, weight << 1) ^ minus.replicate(bits + 1).as_signed())
            with m.If(clear):
                m.d.sync += each.eq(0)
            with m.Elif(steps[2]):
                # Taking away is adding the complement and one; the one is the carry.
                carry = ~signs[2]
                m.d.sync += each.eq((Cat(carry, each).as_signed() + Cat(carry, term).as_signed()) >> 1)
