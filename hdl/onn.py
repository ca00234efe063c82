"""Networks of phase oscillators in the circuit: equal to ``neuristor.golden_model.networks.onn.OnnBitTrue``.

Each oscillator has its phase, output, reference and sum in registers. Ticks in which no output can toggle are skipped::

    occupied ticks -> next tick -> toggling outputs -> one column of weights a clock -> all sums -> references, phases

In a tick, the toggling outputs are searched 32 at a time. For each one, a column of weights is read from block RAM and
added to all sums, with one adder per oscillator. An oscillator toggles in the ticks that equal its phase modulo half a
period; `occupied` has a bit for each tick of half a period. The bit is set when a phase changes to such a tick, and
cleared in such a tick if no phase equals it.

A column may be read in several `parts`, one per clock. The adders in front of the sums are then shared, and block RAM
that has more words than the network has columns is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.networks.onn import OnnParams
from neuristor.hdl.noise import advance
from neuristor.hdl.protection import check_protection, guarded
from neuristor.hdl.tree import count_ones, lowest

__all__ = ["Generator", "Onn"]

WORD = 32
"""Outputs that are searched at a time."""
CHUNK_BITS = 36
"""Width of a block RAM, in bits; a chunk of a column holds as many weights as fit."""


def amount_bits(params: OnnParams) -> int:
    """Bits of what is added to a sum at a time, signed: twice a weight, or noise.

    Parameters
    ----------
    params : OnnParams
        Word lengths of the network.
    """
    return max(params.weight_bits, params.noise_bits) + 1


class Onn(wiring.Component):
    """N phase oscillators with all-to-all coupling.

    `advance` takes at most `parts` clocks for each toggle, the clocks of
    ``neuristor.golden_model.networks.onn.visit_clocks`` for each tick that is not skipped, and 4 clocks. `begin` takes
    at most one clock for each tick of a period, `parts` clocks for each oscillator, and 8 more.

    Parameters
    ----------
    params : OnnParams
        Word lengths, and the weights after configuration.
    parts : int
        Clocks in which a column of weights is read: 1, 2, 4, 8, 16 or 32.
    readable : bool
        Whether weights can be read back.
    protection : str
        Check bits of the weights: "none", "parity" or "secded"; see ``neuristor.hdl.protection``.

    Members
    -------
    weight : In(stream of {chunk, column, data})
        A chunk of weights to write: `data` as given by `word`. Accepted while not `busy`, one per clock. A chunk that
        does not exist is in no memory. Sums are right from the next `begin` on.
    look : In(stream of {chunk, column})
        A chunk of weights to read back. Accepted while not `busy`, if `readable`.
    seen : Out({valid, data})
        The chunk that was read back: `valid` for one clock, two clocks after `look`. 0 for a chunk that does not exist.
    phase : In(stream of {oscillator, value})
        The initial phase of an oscillator, in ticks. Accepted while not `busy`, one per clock; in use from the next
        `begin` on.
    seed : In(32)
        Initial state of the noise generator, not zero; read at `begin`.
    begin : In(1)
        Start at tick 0, while not `busy`: outputs follow from the phases, and all sums are computed anew.
    advance : In(stream of {ticks, settle, noise, window})
        Advance by `ticks`. With `settle`, stop earlier: once no phase has changed for a period. `noise` and `window` as
        for ``OnnBitTrue.step``. Accepted while not `busy` and without `begin`.
    busy : Out(1)
        The network is computing; the inputs above are not accepted.
    toggled : Out({valid, oscillator, high})
        While `valid`: in this tick, the output of `oscillator` changed to `high`.
    tick : Out(32)
        Ticks since `begin`; wraps.
    changed : Out(32)
        The last tick in which a phase changed; 0 if none did.
    toggles : Out(48)
        Outputs that have toggled since `begin`; wraps.
    settled : Out(1)
        No phase has changed for a period. Until tick 2**32: then `tick` wraps.
    phases : Out(count * phase_bits)
        Phase of each oscillator, in ticks; oscillator 0 in the lowest bits, here and below. Synthesis removes these
        outputs where they are not connected.
    outputs : Out(count)
        Output of each oscillator.
    references : Out(count)
        Reference of each oscillator.
    totals : Out(count * total_bits)
        Sum of each oscillator, signed.
    memory_faults : Out(32)
        Damaged words of weights that were read since reset; stays at its largest value. Only with protection.

    Raises
    ------
    ValueError
        If `parts` or `protection` has another value.
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
    """The number of each state of the controller; set by `elaborate`."""

    @property
    def chunk_bits(self) -> int:
        """Bits of a chunk of weights."""
        return self.per_chunk * self.params.weight_bits

    def word(self, weights: NDArray[np.int64], column: int, number: int) -> int:
        """A chunk of a column, as the memory holds it.

        Parameters
        ----------
        weights : ndarray of int, shape (count, count)
            ``weights[i, j]``: from oscillator j to oscillator i.
        column : int
            The oscillator j whose toggles the column is for.
        number : int
            Of the chunk, 0 to ``chunks - 1``.

        Returns
        -------
        int
            Weights in two's complement, the lowest oscillator in the lowest bits.
        """
        part, chunk = divmod(number, self.chunks_per_part)
        first = part * self.per_part + chunk * self.per_chunk
        last = min(first + self.per_chunk, (part + 1) * self.per_part)
        bits, some = self.params.weight_bits, weights[first:last, column].tolist()
        return sum((weight & ((1 << bits) - 1)) << (n * bits) for n, weight in enumerate(some))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        s = _Signals(self.params, self.parts, self.tick)
        self._elaborate_ports(m, s)
        column, sign = self._search(m, s)
        noise = self._elaborate_noise(m, s)
        self._add(m, s, column, sign, noise)
        m.d.comb += [
            self.toggled.valid.eq(s.issue & ~s.starting & (s.part == self.parts - 1)),
            self.toggled.oscillator.eq(column),
            self.toggled.high.eq(sign),
        ]
        with m.If(self.toggled.valid):
            m.d.sync += self.toggles.eq(self.toggles + 1)
        self._elaborate_oscillators(m, s, noise)
        self._elaborate_phases(m, s)
        self._elaborate_control(m, s, noise)
        return m

    def _elaborate_ports(self, m: Module, s: _Signals) -> None:
        """State outputs and handshakes."""
        idle = s.idle
        m.d.comb += [
            self.phases.eq(Cat(s.phase)),
            self.totals.eq(Cat(s.total)),
            self.outputs.eq(s.output),
            self.references.eq(s.reference),
            self.busy.eq(~idle),
            self.weight.ready.eq(idle),
            self.look.ready.eq(idle & self.readable),
            self.phase.ready.eq(idle),
            self.advance.ready.eq(idle & ~self.begin),
            self.settled.eq((self.tick - self.changed)[:32] >= s.period),
        ]

    def _elaborate_noise(self, m: Module, s: _Signals) -> _Noise:
        """The noise generator, if the network has noise."""
        noise = _Noise(self.params)
        if self.params.noise_bits:
            m.submodules.generator = generator = Generator(self.params)
            m.d.comb += [
                generator.seed.eq(self.seed),
                generator.load.eq(s.clear),
                generator.most.eq(noise.most),
                generator.draw.eq(noise.draw),
            ]
            noise.signs, noise.amount, noise.drawn = generator.signs, generator.amount, generator.ready
            noise.allowed = generator.allowed
        return noise

    def _elaborate_oscillators(self, m: Module, s: _Signals, noise: _Noise) -> None:
        """The new output of each oscillator, and whether its phase changes in this tick."""
        reference, rises, recent, restarts = s.reference, s.rises, s.recent, s.restarts
        zero, negative = s.zero, s.negative
        m.d.sync += zero.eq(Cat(each == 0 for each in s.total))
        m.d.comb += [
            # The output of an oscillator with a new phase is high from the next tick on.
            s.outward.eq(s.moved | rises | (s.output & ~s.falls)),
            restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent),
        ]
        if self.params.noise_bits:
            m.d.comb += restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent & noise.allowed)

    def _elaborate_phases(self, m: Module, s: _Signals) -> None:
        """Load a phase while idle; otherwise set it to the present tick where an oscillator restarts."""
        given = Signal(self.params.phase_bits)
        rows = Signal(-(-self.params.count // WORD))
        columns = Signal(WORD)
        m.d.comb += given.eq(Mux(s.idle, self.phase.payload.value, s.now))
        with m.If(self.phase.valid & s.idle):
            m.d.comb += [
                rows.eq(1 << self.phase.payload.oscillator[5:]),
                columns.eq(1 << self.phase.payload.oscillator[:5]),
            ]
        for n, each in enumerate(s.phase):
            with m.If((rows[n // WORD] & columns[n % WORD]) | (s.compare & s.restarts[n])):
                m.d.sync += each.eq(given)

    def _elaborate_control(self, m: Module, s: _Signals, noise: _Noise) -> None:
        """The controller: a finite-state machine."""
        c = _Control(self.params)
        m.d.comb += c.sampling.eq(s.place < c.window)
        with m.FSM() as machine:
            self._begin_states(m, s, c, noise)
            self._next_tick_states(m, s, c)
            self._toggle_states(m, s, c, noise)
            self._noise_states(m, s, noise)
            self._compare_states(m, s, noise)
        self.states = dict(machine.encoding)  # type: ignore[attr-defined]

    def _begin_states(self, m: Module, s: _Signals, c: _Control, noise: _Noise) -> None:
        """Wait for `begin` or `advance`; at `begin`, find the outputs at tick 0."""
        half, asked = s.half, self.advance.payload
        with m.State("IDLE"):
            with m.If(self.begin):
                m.d.comb += s.clear.eq(1)
                m.d.sync += [
                    *(each.eq(0) for each in (self.changed, self.toggles, s.moved, s.any_moved)),
                    *(each.eq(-1) for each in (s.occupied, s.pending)),
                    self.tick.eq(1 - s.period),
                    s.starting.eq(1),
                    s.idle.eq(0),
                ]
                m.next = "OUTPUTS"
            with m.Elif(self.advance.valid):
                all_ticks = (asked.window == half) & (asked.noise == 0)
                m.d.sync += [
                    c.left.eq(asked.ticks),
                    c.settle.eq(asked.settle),
                    noise.most.eq(asked.noise),
                    c.window.eq(asked.window),
                    c.sampled.eq(Mux(all_ticks, 0, Cat(asked.window > n for n in range(half)))),
                    s.idle.eq(0),
                ]
                m.next = "TURN"
        # One period up to tick 0: every output has then been set by its phase.
        with m.State("OUTPUTS"):
            m.d.sync += [s.output.eq(s.outward), s.last.eq(s.rises)]
            with m.If(self.tick == 0):
                m.next = "SEARCH"
            with m.Else():
                m.d.sync += self.tick.eq(self.tick + 1)

    def _next_tick_states(self, m: Module, s: _Signals, c: _Control) -> None:
        """Skip to the next tick in which an output may toggle."""
        half, bits = s.half, self.params.phase_bits
        until_settled = (self.changed + s.period - self.tick)[:32]
        number, _ = lowest(c.turned)
        visited = s.occupied | c.sampled
        with m.State("TURN"):
            m.d.sync += [
                c.turned.eq((Cat(visited, visited) >> (self.tick + 1)[: bits - 1])[:half]),
                c.room.eq(Mux(c.settle & (until_settled < c.left), until_settled, c.left)),
            ]
            m.next = "FIND"
            with m.If((c.left == 0) | (c.settle & self.settled)):
                m.d.sync += s.idle.eq(1)
                m.next = "IDLE"
        with m.State("FIND"):
            m.d.sync += c.distance.eq(Mux(s.any_moved, 1, Mux(c.turned.any(), number + 1, half)))
            m.next = "STEP"
        with m.State("STEP"):
            with m.If(c.distance > c.room):
                m.d.sync += [self.tick.eq(self.tick + c.room), s.last.eq(0), s.idle.eq(1)]
                m.next = "IDLE"
            with m.Else():
                m.d.sync += [self.tick.eq(self.tick + c.distance), c.left.eq(c.left - c.distance)]
                m.next = "TOGGLE"

    def _toggle_states(self, m: Module, s: _Signals, c: _Control, noise: _Noise) -> None:
        """Toggle outputs, and wait until their columns are in the sums."""
        with m.State("TOGGLE"):
            m.d.sync += [
                s.pending.eq(s.output ^ s.outward),
                s.output.eq(s.outward),
                s.recent.eq(Mux(c.distance == 1, s.last | s.moved, 0)),
                s.last.eq(s.rises),
                s.moved.eq(0),
                s.any_moved.eq(0),
            ]
            with m.If(~(s.rises | s.falls).any()):
                m.d.sync += s.occupied.bit_select(s.place, 1).eq(0)
            m.next = "SEARCH"
        with m.State("SEARCH"):
            m.d.comb += s.search.eq(1)
            with m.If(s.starting):
                m.d.sync += s.reference.eq(s.output)
            m.next = "DRAIN"
        with m.State("DRAIN"), m.If(~s.searching & ~s.adding):
            m.next = "COMPARE"
            with m.If(~s.starting):
                with m.If(~c.sampling):
                    m.next = "TURN"
                with m.Elif(noise.most != 0):
                    m.next = "DRAW"

    def _noise_states(self, m: Module, s: _Signals, noise: _Noise) -> None:
        """Draw noise, and add it to all sums."""
        with m.State("DRAW"):
            m.d.comb += noise.draw.eq(1)
            with m.If(noise.drawn):
                m.next = "MOVE"
        with m.State("MOVE"):
            m.d.comb += noise.move.eq(1)
            with m.If(s.part == self.parts - 1):
                m.next = "MOVING"
        with m.State("MOVING"), m.If(~s.adding):
            m.next = "COMPARE"

    def _compare_states(self, m: Module, s: _Signals, noise: _Noise) -> None:
        """Compare all sums with zero: new references and phases. Then subtract the noise."""
        reference, zero, negative = s.reference, s.zero, s.negative
        with m.State("COMPARE"):
            m.d.sync += [reference.eq((zero & reference) | (~zero & ~negative)), s.starting.eq(0)]
            with m.If(s.starting):
                m.d.sync += s.idle.eq(1)
                m.next = "IDLE"
            with m.Else():
                m.d.comb += s.compare.eq(1)
                m.d.sync += s.moved.eq(s.restarts)
                m.next = "MOVED"
        with m.State("MOVED"):
            with m.If(s.moved.any()):
                m.d.sync += [
                    s.any_moved.eq(1),
                    self.changed.eq(self.tick),
                    s.occupied.bit_select(s.place, 1).eq(1),
                ]
            with m.If(noise.most == 0):
                m.next = "TURN"
            with m.Else():
                m.d.comb += [noise.move.eq(1), noise.back.eq(1)]
                with m.If(s.part == self.parts - 1):
                    m.next = "BACK"
        with m.State("BACK"), m.If(~s.adding):
            m.next = "TURN"

    def _search(self, m: Module, s: _Signals) -> tuple[Value, Value]:
        """The column that is read next, and whether it is added or subtracted."""
        output, pending, search, issue, part = s.output, s.pending, s.search, s.issue, s.part
        words = range(0, self.params.count, WORD)
        full = Signal(len(words))
        base = Signal(range(max(len(words), 2)))
        word = Signal(WORD)
        high = Signal(WORD)
        first, others = lowest(full)
        bit, rest = lowest(word)
        m.d.comb += [issue.eq(word.any()), s.searching.eq(full.any() | word.any())]
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

    def _add(self, m: Module, s: _Signals, column: Value, sign: Value, noise: _Noise) -> None:
        """Add or subtract columns, doubled except in the first pass; or noise, through the same adders."""
        total, part, issue, starting, clear = s.total, s.part, s.issue, s.starting, s.clear
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
        m.d.comb += s.adding.eq(Cat(steps).any())
        if self.parts > 1:
            with m.If(issue | noise.move):
                m.d.sync += part.eq(part + 1)
        # What selects each bit of a term, the same for all oscillators. Noise is +a or -a, by its sign.
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
                    # To subtract is to add the complement and one; the one is the carry.
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
            """The memory of a chunk, and the address in it."""
            if self.parts == 1:
                return place.chunk, place.column
            part = Signal(range(self.parts))
            number = Signal(range(max(per_part, 2)))
            with m.Switch(place.chunk):
                for chunk in range(self.chunks):
                    with m.Case(chunk):
                        m.d.comb += [part.eq(chunk // per_part), number.eq(chunk % per_part)]
                if self.chunks & (self.chunks - 1):
                    with m.Default():
                        m.d.comb += number.eq(per_part)  # a chunk that does not exist is in no memory
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
            # A chunk that does not exist reads as 0.
            absent = [Const(0, self.chunk_bits)] * ((1 << len(looked)) - per_part)
            with m.If(looking):
                m.d.sync += self.seen.data.eq(Array([*words, *absent])[looked])
        return read


class _Signals:
    """The signals that the parts of a network share; a bit or an element for each oscillator where it says so.

    Attributes
    ----------
    period, half : int
        Ticks of a period, and of half a period.
    phase, total : list of Signal, length count
        Phase and sum of each oscillator.
    output, reference : Signal(count)
        Of each oscillator.
    moved : Signal(count)
        Its phase changed in the last visited tick.
    pending : Signal(count)
        Its output toggles in this tick.
    idle, starting : Signal(1)
        Nothing is being computed; `begin` is being carried out.
    search, issue, searching, adding : Signal(1)
        Start to search for `pending` outputs; a part of a column is read; the search goes on; parts are on their way.
    part : Signal
        The part of the column that is read.
    clear : Signal(1)
        Set all sums to 0.
    now, place : Value
        The tick modulo a period, and modulo half a period.
    rises, falls : Value
        In this tick, the output goes high or low by its phase.
    last, recent : Signal(count)
        The output rose in the last visited tick; in the tick before this one, the output rose or the phase changed.
    outward : Signal(count)
        The output in this tick.
    zero : Signal(count)
        The sum is zero.
    negative : Value
        The sum is negative.
    restarts : Signal(count)
        The phase is set to this tick, if it is compared.
    compare : Signal(1)
        Sums are compared in this clock.
    any_moved : Signal(1)
        Some phase changed in the last visited tick.
    occupied : Signal(half)
        Ticks, modulo half a period, in which an output may toggle.
    """

    def __init__(self, params: OnnParams, parts: int, tick: Signal) -> None:
        count, bits = params.count, params.phase_bits
        self.period, self.half = 1 << bits, 1 << (bits - 1)
        # `begin` sets both, so they need no reset.
        self.phase = [Signal(bits, name=f"phase_{n}", reset_less=True) for n in range(count)]
        self.total = [Signal(signed(params.total_bits), name=f"total_{n}", reset_less=True) for n in range(count)]
        self.output, self.reference, self.moved, self.pending = (
            Signal(count, name=name) for name in ("output", "reference", "moved", "pending")
        )
        self.idle = Signal(init=1)
        self.starting = Signal()
        names = ("search", "issue", "searching", "adding", "clear")
        self.search, self.issue, self.searching, self.adding, self.clear = (Signal(name=name) for name in names)
        self.part = Signal(range(max(parts, 2)))
        self.now = now = tick[:bits]
        self.place = now[: bits - 1]
        self.rises = Cat(each == now for each in self.phase)
        self.falls = Cat(each == (now ^ self.half) for each in self.phase)
        self.last, self.recent, self.outward, self.zero, self.restarts = (
            Signal(count, name=name) for name in ("last", "recent", "outward", "zero", "restarts")
        )
        self.negative = Cat(each[-1] for each in self.total)
        self.compare = Signal()
        self.any_moved = Signal()
        self.occupied = Signal(self.half)


class _Control:
    """Registers of the controller.

    Attributes
    ----------
    settle, left : Signal
        Stop when settled; ticks that are left to advance.
    room : Signal
        Ticks that may be skipped before the network has to stop.
    turned : Signal(half)
        The ticks to visit, those of `occupied` and `sampled`, from the next tick on.
    distance : Signal
        Ticks to the next one that is visited.
    window : Signal
        References are sampled in the first `window` ticks of each half period.
    sampled : Signal(half)
        Ticks, modulo half a period, that are visited in any case: with noise, all those of the window; also if the
        window is shorter than half a period, as a sum may have changed outside it.
    sampling : Signal(1)
        This tick is in the window.
    """

    def __init__(self, params: OnnParams) -> None:
        half = params.half
        self.settle = Signal()
        self.left = Signal(32)
        self.room = Signal(32)
        self.turned = Signal(half)
        self.distance = Signal(range(half + 1))
        self.window = Signal(range(half + 1), init=half)
        self.sampled = Signal(half)
        self.sampling = Signal()


class _Noise:
    """The signals between a network and its noise generator; constant 0 without one.

    Attributes
    ----------
    most : Signal(noise_bits)
        The largest amplitude; 0 without noise.
    draw, drawn : Signal(1)
        Request and end of a draw.
    move, back : Signal(1)
        Add the noise to the sums of a part; subtract it instead.
    amount, signs, allowed : Signal
        As the outputs of `Generator`.
    """

    def __init__(self, params: OnnParams) -> None:
        self.most = Signal(params.noise_bits)
        self.draw, self.drawn, self.move, self.back = (Signal(name=n) for n in ("draw", "drawn", "move", "back"))
        self.amount = Signal(amount_bits(params))
        self.signs = Signal(params.count)
        self.allowed = Signal(params.count)


class Generator(wiring.Component):
    """The noise of a tick, equal to that of ``OnnBitTrue``.

    A draw takes four clocks.

    Parameters
    ----------
    params : OnnParams
        Number of oscillators, and word lengths.

    Members
    -------
    seed : In(32)
        Initial state, not zero.
    load : In(1)
        Load `seed`, and clear all random bits.
    most : In(noise_bits)
        The largest amplitude; constant from `draw` until the noise has been used.
    draw : In(1)
        Draw the noise of the next tick; held until `ready`.
    ready : Out(1)
        The draw ends: from the next clock on, `amount`, `signs` and `allowed` are those of the new tick.
    amount : Out(amount_bits)
        Amplitude of the noise on every sum; stays until the next draw.
    signs : Out(count)
        For each oscillator: the noise is positive.
    allowed : Out(count)
        For each oscillator: its phase may change.
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
