"""Networks of phase oscillators in the circuit: equal to ``neuristor.golden_model.networks.onn.OnnBitTrue``.

Each oscillator has its phase, its output, its reference and its sum. A tick in which nothing toggles takes no clock::

    occupied ticks -> next tick -> who toggles -> one column of weights a clock -> all sums -> references, phases

In a tick the outputs that toggle are looked for 32 at a time; each sends its column, read from block RAM, through one
adder an oscillator. An oscillator toggles in ticks of the same number modulo half a period, so `occupied` has a bit for
each of those: it is set where a phase comes to stand, and cleared when such a tick finds nobody.

A column may come in `parts`, one a clock: the adders before the sums are shared, and block RAM that is deeper than
the network is large is put to use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.networks.onn import OnnParams
from neuristor.hdl.noise import advance
from neuristor.hdl.protection import check_protection, guarded
from neuristor.hdl.tree import count_ones, lowest

__all__ = ["Generator", "Onn"]

WORD = 32
"""Outputs that are searched for toggles at a time."""
CHUNK_BITS = 36
"""Width of a block RAM; a chunk holds as many weights as fit."""


def amount_bits(params: OnnParams) -> int:
    """Of what is added to a sum at once, signed: twice a weight, or a noise."""
    return max(params.weight_bits, params.noise_bits) + 1


class Onn(wiring.Component):
    """N oscillators, every one coupled to every other.

    Parameters
    ----------
    params : OnnParams
        Its weights are those after configuration.
    parts : int
        Clocks that a column takes; a power of two.
    readable : bool
        Whether weights can be read back.
    protection : str
        Of the weights: "none", "parity" or "secded"; see ``neuristor.hdl.protection``.

    Members
    -------
    weight : In(stream)
        Weights to write, while not `busy`: what `word` gives for a `chunk` of the `column` of an oscillator.
    look : In(stream)
        A `chunk` of a `column` to read back, while not `busy`.
    seen : Out
        The `data` of the last look, once `valid`.
    phase : In(stream)
        The phase of an `oscillator` to begin with, while not `busy`.
    seed : In(32)
        State of the generator of noise to begin with; not zero.
    begin : In(1)
        Tick 0, while not `busy`: outputs of the phases, sums made anew.
    advance : In(stream)
        So many `ticks` more; `settle` ends earlier, at the end of a period without a new phase. `noise` and `window` as
        for ``OnnBitTrue.step``.
    busy : Out(1)
    toggled : Out
        While `valid`, the output of `oscillator` has become `high` in this tick: the phases, for who listens.
    tick, changed, toggles : Out
        As in ``OnnBitTrue``.
    settled : Out(1)
    phases, outputs, references, totals : Out
        The state, oscillator 0 lowest. What is not connected costs nothing.
    memory_faults : Out(32)
        Of a network with protection: how many damaged words of weights were read; stays at its largest value.
    """

    weight: Any
    look: Any
    seen: Any
    phase: Any
    seed: Signal
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
    memory_faults: Signal

    def __init__(self, params: OnnParams, parts: int = 1, readable: bool = False, protection: str = "none") -> None:
        check_protection(protection)
        if parts not in (1, 2, 4, 8, 16, 32):
            raise ValueError(f"parts must be 1, 2, 4, 8, 16 or 32, not {parts}")
        self.params = params
        self.parts = parts
        self.readable = readable
        self.protection = protection
        count, bits = params.count, params.phase_bits
        self.per_part = -(-count // parts)
        self.per_chunk = min(CHUNK_BITS // params.weight_bits, self.per_part)
        self.chunks_per_part = -(-self.per_part // self.per_chunk)
        self.chunks = self.chunks_per_part * parts
        place = {"chunk": range(max(self.chunks, 2)), "column": range(count)}
        advance = {"ticks": 32, "settle": 1, "noise": params.noise_bits, "window": range(params.half + 1)}
        super().__init__(
            {
                "weight": In(stream.Signature(data.StructLayout(place | {"data": self.chunk_bits}))),
                "look": In(stream.Signature(data.StructLayout(place))),
                "seen": Out(data.StructLayout({"valid": 1, "data": self.chunk_bits})),
                "phase": In(stream.Signature(data.StructLayout({"oscillator": range(count), "value": unsigned(bits)}))),
                "seed": In(32),
                "begin": In(1),
                "advance": In(stream.Signature(data.StructLayout(advance))),
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
            | ({} if protection == "none" else {"memory_faults": Out(32)})
        )

    states: dict[str, int]
    """What the states of its control are as numbers, once it is elaborated."""

    @property
    def chunk_bits(self) -> int:
        """Bits of a chunk of weights."""
        return self.per_chunk * self.params.weight_bits

    def word(self, weights: NDArray[np.int64], column: int, number: int) -> int:
        """A chunk of a column: the word that the memory holds.

        Parameters
        ----------
        weights : ndarray of int, shape (count, count)
        column : int
            The oscillator whose output it is for.
        number : int
            0 to `chunks` - 1.
        """
        part, chunk = divmod(number, self.chunks_per_part)
        first = part * self.per_part + chunk * self.per_chunk
        last = min(first + self.per_chunk, (part + 1) * self.per_part)
        bits, some = self.params.weight_bits, weights[first:last, column].tolist()
        return sum((weight & ((1 << bits) - 1)) << (n * bits) for n, weight in enumerate(some))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, count, bits = self.params, self.params.count, self.params.phase_bits
        period, half = 1 << bits, 1 << (bits - 1)
        # What `begin` sets needs no reset of its own.
        phase = [Signal(bits, name=f"phase_{n}", reset_less=True) for n in range(count)]
        total = [Signal(signed(params.total_bits), name=f"total_{n}", reset_less=True) for n in range(count)]
        output, reference, moved, pending = (Signal(count, name=n) for n in ("output", "reference", "moved", "pending"))
        idle = Signal(init=1)
        starting = Signal()
        m.d.comb += [
            self.phases.eq(Cat(phase)),
            self.totals.eq(Cat(total)),
            self.outputs.eq(output),
            self.references.eq(reference),
            self.busy.eq(~idle),
            self.weight.ready.eq(idle),
            self.look.ready.eq(idle & self.readable),
            self.phase.ready.eq(idle),
            self.advance.ready.eq(idle & ~self.begin),
            self.settled.eq((self.tick - self.changed)[:32] >= period),
        ]
        names = ("search", "issue", "searching", "adding", "clear")
        search, issue, searching, adding, clear = (Signal(name=name) for name in names)
        part = Signal(range(max(self.parts, 2)))
        column, sign = self._search(m, output, pending, search, issue, searching, part)
        noise = _Noise(params)
        if params.noise_bits:
            m.submodules.generator = generator = Generator(params)
            m.d.comb += [
                generator.seed.eq(self.seed),
                generator.load.eq(clear),
                generator.most.eq(noise.most),
                generator.draw.eq(noise.draw),
            ]
            noise.signs, noise.amount, noise.drawn = generator.signs, generator.amount, generator.ready
        self._add(m, total, column, part, sign, issue, adding, starting, clear, noise)
        m.d.comb += [
            self.toggled.valid.eq(issue & ~starting & (part == self.parts - 1)),
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
        last, recent, outward, zero, restarts = (
            Signal(count, name=name) for name in ("last", "recent", "outward", "zero", "restarts")
        )
        negative = Cat(each[-1] for each in total)
        m.d.sync += zero.eq(Cat(each == 0 for each in total))
        m.d.comb += [
            # What has a new phase is high from the tick after.
            outward.eq(moved | rises | (output & ~falls)),
            restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent),
        ]
        if params.noise_bits:
            m.d.comb += restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent & generator.allowed)

        # A phase comes from outside, or is the present tick.
        compare = Signal()
        given = Signal(bits)
        rows = Signal(-(-count // WORD))
        columns = Signal(WORD)
        m.d.comb += given.eq(Mux(idle, self.phase.payload.value, now))
        with m.If(self.phase.valid & idle):
            m.d.comb += [
                rows.eq(1 << self.phase.payload.oscillator[5:]),
                columns.eq(1 << self.phase.payload.oscillator[:5]),
            ]
        for n, each in enumerate(phase):
            with m.If((rows[n // WORD] & columns[n % WORD]) | (compare & restarts[n])):
                m.d.sync += each.eq(given)

        any_moved = Signal()
        settle = Signal()
        left = Signal(32)
        room = Signal(32)
        occupied = Signal(half)
        turned = Signal(half)
        distance = Signal(range(half + 1))
        # References are sampled in the first ticks of half a period. With noise, all of those are visited; and if
        # others are left out, so that a sum may have changed before.
        window = Signal(range(half + 1), init=half)
        sampled = Signal(half)
        sampling = Signal()
        asked = self.advance.payload
        m.d.comb += sampling.eq(now[: bits - 1] < window)
        until_settled = (self.changed + period - self.tick)[:32]
        number, _ = lowest(turned)
        with m.FSM() as machine:
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
                    all_ticks = (asked.window == half) & (asked.noise == 0)
                    m.d.sync += [
                        left.eq(asked.ticks),
                        settle.eq(asked.settle),
                        noise.most.eq(asked.noise),
                        window.eq(asked.window),
                        sampled.eq(Mux(all_ticks, 0, Cat(asked.window > n for n in range(half)))),
                        idle.eq(0),
                    ]
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
                    turned.eq((Cat(occupied | sampled, occupied | sampled) >> (self.tick + 1)[: bits - 1])[:half]),
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
                with m.If(~starting):
                    with m.If(~sampling):
                        m.next = "TURN"
                    with m.Elif(noise.most != 0):
                        m.next = "DRAW"
            with m.State("DRAW"):
                m.d.comb += noise.draw.eq(1)
                with m.If(noise.drawn):
                    m.next = "MOVE"
            with m.State("MOVE"):
                m.d.comb += noise.move.eq(1)
                with m.If(part == self.parts - 1):
                    m.next = "MOVING"
            with m.State("MOVING"), m.If(~adding):
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
                with m.If(noise.most == 0):
                    m.next = "TURN"
                with m.Else():
                    m.d.comb += [noise.move.eq(1), noise.back.eq(1)]
                    with m.If(part == self.parts - 1):
                        m.next = "BACK"
            with m.State("BACK"), m.If(~adding):
                m.next = "TURN"
        self.states = dict(machine.encoding)  # type: ignore[attr-defined]
        return m

    def _search(
        self, m: Module, output: Signal, pending: Signal, search: Signal, issue: Signal, searching: Signal, part: Signal
    ) -> tuple[Value, Value]:
        """Which column is next, and whether it is added: of the pending outputs, a word at a time."""
        words = range(0, self.params.count, WORD)
        full = Signal(len(words))
        base = Signal(range(max(len(words), 2)))
        word = Signal(WORD)
        high = Signal(WORD)
        first, others = lowest(full)
        bit, rest = lowest(word)
        m.d.comb += [issue.eq(word.any()), searching.eq(full.any() | word.any())]
        with m.If(search):
            m.d.sync += full.eq(Cat(pending[start : start + WORD].any() for start in words))
        with m.Elif(issue & (part != self.parts - 1)):
            pass
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
        part: Signal,
        sign: Value,
        issue: Signal,
        adding: Signal,
        starting: Signal,
        clear: Signal,
        noise: _Noise,
    ) -> None:
        """Add columns to all sums, or take them away: doubled, except for the first pass. Noise takes the same way."""
        depth = self.params.count * self.parts
        width = amount_bits(self.params)
        address = Signal(range(depth))
        steps = [Signal(name=f"valid_{n}") for n in range(3)]
        signs = [Signal(name=f"plus_{n}") for n in range(3)]
        which = [Signal.like(part, name=f"part_{n}") for n in range(3)]
        moving = Signal()
        back = Signal()
        m.d.sync += [
            address.eq(Cat(part, column) if self.parts > 1 else column),
            steps[0].eq(issue),
            steps[1].eq(steps[0] | noise.move),
            steps[2].eq(steps[1]),
            signs[0].eq(sign),
            signs[1].eq(signs[0] | noise.move),
            signs[2].eq(signs[1]),
            which[0].eq(part),
            which[1].eq(Mux(noise.move, part, which[0])),
            which[2].eq(which[1]),
            moving.eq(noise.move),
            back.eq(noise.back),
        ]
        m.d.comb += adding.eq(Cat(steps).any())
        if self.parts > 1:
            with m.If(issue | noise.move):
                m.d.sync += part.eq(part + 1)
        # Of each bit of a term: what selects it, the same for all oscillators. A noise is +a or -a as its sign says.
        plus, minus = noise.amount, (-noise.amount)[:width]
        high = Mux(moving, Mux(back, minus, plus), starting.replicate(width))
        low = Mux(moving, Mux(back, plus, minus), (~signs[1]).replicate(width))
        read = self._read(m, address, steps[0])
        for slot in range(self.per_part):
            owners = range(slot, self.params.count, self.per_part)
            weight = read[slot].as_signed()
            once, twice = (Signal(signed(width), name=f"{name}_{slot}") for name in ("once", "twice"))
            m.d.comb += [once.eq(weight), twice.eq(weight << 1)]
            term = Signal(signed(width), name=f"term_{slot}", reset_less=True)
            chosen: Value = Cat(Mux(high[n], once[n], twice[n]) ^ low[n] for n in range(width))
            if self.params.noise_bits:
                up = Array(noise.signs[n] for n in owners)[which[1]] if self.parts > 1 else noise.signs[slot]
                chosen = Mux(moving, Mux(up, high, low), chosen)
            m.d.sync += term.eq(chosen)
            for place, n in enumerate(owners):
                with m.If(clear):
                    m.d.sync += total[n].eq(0)
                with m.Elif(steps[2] & (which[2] == place) if self.parts > 1 else steps[2]):
                    # Taking away is adding the complement and one; the one is the carry.
                    carry = ~signs[2]
                    m.d.sync += total[n].eq((Cat(carry, total[n]).as_signed() + Cat(carry, term).as_signed()) >> 1)

    def _read(self, m: Module, address: Signal, enable: Signal) -> list[Value]:
        """The weights at an address, in the clock after it."""
        bits, depth, per_part = self.params.weight_bits, self.params.count * self.parts, self.chunks_per_part
        shift = (self.parts - 1).bit_length()
        read: list[Value] = []
        looked = Signal(range(max(per_part, 2)))
        looking = Signal()
        words, faults = [], []

        def split(place: Any) -> tuple[Value, Value]:
            """Of the place of a chunk: which memory, and where in it."""
            if self.parts == 1:
                return place.chunk, place.column
            part = Signal(range(self.parts))
            number = Signal(range(max(per_part, 2)))
            with m.Switch(place.chunk):
                for chunk in range(self.chunks):
                    with m.Case(chunk):
                        m.d.comb += [part.eq(chunk // per_part), number.eq(chunk % per_part)]
            return number, Cat(part[:shift], place.column)

        written, write_address = split(self.weight.payload)
        if self.readable:
            seen, look_address = split(self.look.payload)
            look = self.look.valid & self.look.ready
            m.d.sync += [looking.eq(look), self.seen.valid.eq(looking)]
            with m.If(look):
                m.d.sync += looked.eq(seen)
        for number in range(per_part):
            init = [
                self.word(self.params.weights, column, part * per_part + number)
                for column in range(self.params.count)
                for part in range(self.parts)
            ]
            memory = guarded(m, f"weights_{number}", unsigned(self.chunk_bits), depth, init, self.protection)
            m.d.comb += [
                memory.read_address.eq(address),
                memory.read_enable.eq(enable),
                memory.write_address.eq(write_address),
                memory.given.eq(self.weight.payload.data),
                memory.write_enable.eq(self.weight.valid & self.weight.ready & (written == number)),
            ]
            if self.readable:
                with m.If(look):
                    m.d.comb += [memory.read_address.eq(look_address), memory.read_enable.eq(1)]
            words.append(memory.data)
            faults.append(memory.fault)
            read += [memory.data.word_select(n, bits) for n in range(self.per_chunk)]
        if self.protection != "none":
            total = Signal(33)
            m.d.comb += total.eq(self.memory_faults + count_ones(Cat(faults)))
            m.d.sync += self.memory_faults.eq(Mux(total[32], 0xFFFF_FFFF, total))
        if self.readable:
            with m.If(looking):
                m.d.sync += self.seen.data.eq(Array(words)[looked])
        return read


class _Noise:
    """The wires between the network and its generator; idle without one."""

    def __init__(self, params: OnnParams) -> None:
        self.most = Signal(params.noise_bits)
        self.draw, self.drawn, self.move, self.back = (Signal(name=n) for n in ("draw", "drawn", "move", "back"))
        self.amount = Signal(amount_bits(params))
        self.signs = Signal(params.count)


class Generator(wiring.Component):
    """The noise of a tick: as ``OnnBitTrue`` draws it.

    Parameters
    ----------
    params : OnnParams

    Members
    -------
    seed : In(32), load : In(1)
        The state to begin with.
    most : In
        The largest amount.
    draw : In(1)
        Held until `ready`.
    amount : Out
        How far every sum moves, until the next draw.
    signs, allowed : Out
        Of each oscillator: whether its sum moves up, and whether its phase may be set anew.
    """

    seed: Signal
    load: Signal
    most: Signal
    draw: Signal
    ready: Signal
    amount: Signal
    signs: Signal
    allowed: Signal

    def __init__(self, params: OnnParams) -> None:
        self.params = params
        super().__init__(
            {
                "seed": In(32),
                "load": In(1),
                "most": In(params.noise_bits),
                "draw": In(1),
                "ready": Out(1),
                "amount": Out(amount_bits(params)),
                "signs": Out(params.count),
                "allowed": Out(params.count),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(32)
        tosses = Signal(self.params.count)
        product = Signal(self.params.noise_bits + 16)
        after = advance(state)
        m.d.comb += [self.amount.eq(product[16:]), self.allowed.eq(tosses | (self.most == 0).replicate(len(tosses)))]
        m.d.sync += product.eq((self.most + 1) * state[16:])
        with m.FSM():
            with m.State("SIGNS"), m.If(self.draw):
                m.d.sync += [state.eq(after), self.signs.eq(Cat(after, self.signs))]
                m.next = "TOSSES"
            with m.State("TOSSES"):
                m.d.sync += [state.eq(after), tosses.eq(Cat(after, tosses))]
                m.next = "AMOUNT"
            with m.State("AMOUNT"):
                m.d.sync += state.eq(after)
                m.next = "PRODUCT"
            with m.State("PRODUCT"):
                m.d.comb += self.ready.eq(1)
                m.next = "SIGNS"
        with m.If(self.load):
            m.d.sync += [state.eq(self.seed), self.signs.eq(0), tosses.eq(0)]
        return m
