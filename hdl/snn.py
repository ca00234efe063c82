"""Spiking networks in the circuit: equal to ``neuristor.golden_model.networks.snn.SnnBitTrue``.

A layer is a process between streams of spikes, which takes a tick of each of its inputs, and then gives a tick::

    words of spikes -> Scanner -> slot -> rows of weights -> sums ---+
    words of spikes -> Scanner -> slot -> rows of weights ---^       +-> lanes -> groups of spikes -> words -> next
                                       bias, threshold, state -------+

Layers know nothing of each other's clocks: while one works on tick t, the next works on tick t - 1. What they compute
does not depend on who waits for whom. A layer that hears itself, or anything with a delay, hears a stream that begins
with so many ticks of silence.

*Events.* A word of 32 or so spikes that is all zero takes one clock, any other as many as there are spikes in it; for
each spike, a row of weights goes into the sums. With as many lanes as neurons, all sums are registers, and a row takes
one clock. With L lanes, N neurons stand in N / L rows, sums wait in block RAM, and a row of weights takes N / L clocks.

*Places.* A neuron's place is its row times L plus its lane. In pictures, the channels of a pixel stand side by side, so
that a kernel's row has the channels for its lanes. A *slot* is a place as the scanner numbers it: word and bit, with
words padded to a power of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.networks.snn import INPUT, Connection, LayerParams, SnnParams
from neuristor.golden_model.networks.synapses import Convolution, reach
from neuristor.golden_model.neurons.lif import LifRaw
from neuristor.golden_model.neurons.model import Field
from neuristor.hdl.array import RowPort, state_layout
from neuristor.hdl.fixed import round_shift, saturate
from neuristor.hdl.memory import SinglePort
from neuristor.hdl.neurons.lif import LifLane, parameter_layout
from neuristor.hdl.protection import Code, check_protection, guarded
from neuristor.hdl.tree import count_ones, lowest

__all__ = ["LayerPlan", "Scanner", "Snn", "SnnLayer", "places", "slots", "word_bits"]

WORD = 32
"""Spikes that are searched at a time, or somewhat less."""
CHUNK_BITS = 36
"""Width of a block RAM; wider rows of weights stand in several."""
MOST_UPDATES = 8
"""Neurons of a layer whose sums are registers that are updated at a time, by default."""

Integers = NDArray[np.int64]


def word_bits(count: int, group: int) -> int:
    """Of the words that groups of `count` spikes are packed into."""
    return min(group * max(1, WORD // group), count)


def places(shape: tuple[int, ...], lanes: int) -> Integers:
    """The natural number of the neuron at each place, shape (count,)."""
    if len(shape) == 1:
        return np.arange(shape[0])
    channels, height, width = shape
    natural = np.arange(math.prod(shape)).reshape(channels // lanes, lanes, height * width)
    return natural.transpose(2, 0, 1).ravel()


def slots(count: int, width: int) -> Integers:
    """The slot of each place, shape (count,), for words of so many bits."""
    place = np.arange(count)
    return place // width * _room(width) + place % width


def _room(width: int) -> int:
    return 1 << max(width - 1, 1).bit_length() if width > 1 else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPlan:
    """How a layer is spread over lanes.

    Parameters
    ----------
    params : LayerParams
    lanes : int
        Sums that a row of weights goes into at once: a divisor of the neurons, of a picture's channels.
    updates : int, optional
        Neurons that are updated at a time, where all sums are registers: a divisor of them. Otherwise it is the lanes.
    single_port : bool
        Its weights stand in memory with one port and no initial value (``neuristor.hdl.memory``): they are zero until
        they are written.
    loadable : bool
        Thresholds and biases can be changed while nothing is updated.
    protection : str
        Of weights, thresholds and biases in memory: "none", "parity" or "secded"; see ``neuristor.hdl.protection``.

    Raises
    ------
    ValueError
        If one is no divisor.
    """

    params: LayerParams
    lanes: int
    updates: int = 0
    single_port: bool = False
    loadable: bool = False
    protection: str = "none"

    def __post_init__(self) -> None:
        check_protection(self.protection)
        shape = self.params.shape
        what = f"the {shape[0]} {'neurons' if len(shape) == 1 else 'channels'} of {self.params.name}"
        if not isinstance(self.lanes, int) or self.lanes < 1 or shape[0] % self.lanes:
            raise ValueError(f"lanes must be a divisor of {what}, not {self.lanes!r}")
        if self.updates == 0:
            fits = [n for n in range(1, MOST_UPDATES + 1) if self.lanes % n == 0]
            object.__setattr__(self, "updates", max(fits) if self.registers else self.lanes)
        if not isinstance(self.updates, int) or self.updates < 1 or self.lanes % self.updates:
            raise ValueError(f"updates must be a divisor of {self.lanes} lanes, not {self.updates!r}")
        if not self.registers and self.updates != self.lanes:
            raise ValueError(f"updates must be as many as the {self.lanes} lanes of {self.params.name}, as it has rows")

    @property
    def rows(self) -> int:
        """Rows of the layer."""
        return self.params.count // self.lanes

    @property
    def registers(self) -> bool:
        """Whether all sums are registers."""
        return self.params.count == self.lanes

    @property
    def groups(self) -> int:
        """Groups of neurons that are updated one after the other."""
        return self.params.count // self.updates

    @property
    def places(self) -> Integers:
        """The natural number of the neuron at each place, shape (count,)."""
        return places(self.params.shape, self.lanes)

    def grouped(self, column: Integers) -> list[list[int]]:
        """A number for each neuron, group by group."""
        rows: list[list[int]] = column[self.places].reshape(self.groups, self.updates).tolist()
        return rows


class Scanner(wiring.Component):
    """Finds the spikes in words.

    Parameters
    ----------
    count : int
        Places.
    width : int
        Of a word.

    Members
    -------
    i : In(stream)
        Words, the lowest places first; a tick is ``ceil(count / width)`` of them.
    o : Out(stream)
        The `slot` of a spike, if it is one (`fire`); `last` ends the tick.
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
        # A word arrives, waits, and is at work: three registers, so that what is upstream sees no long path.
        arrived: Any = Signal(layout)
        waiting: Any = Signal(layout)
        present: Any = Signal(layout)
        arrives, waits, works, drop, take = (Signal(name=n) for n in ("arrives", "waits", "works", "drop", "take"))
        number = Signal(range(max(self.words, 2)))
        final = Signal()
        moves = Signal()
        done = Signal()
        bit, rest = lowest(present.spikes)
        # Beyond the last place there is nothing.
        real = Signal(self.width)
        beyond = (1 << (self.words * self.width - self.count)) - 1
        m.d.comb += real.eq(self.i.payload)
        if beyond:
            there = ~(beyond << (self.width - beyond.bit_length()))
            m.d.comb += real.eq(self.i.payload & (there | (~final).replicate(self.width)))

        # A word without a spike is dropped, unless it ends the tick.
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
    """From the groups of one layer to the words of another, some ticks later.

    Parameters
    ----------
    count, group : int
        Spikes in a tick, and in a transfer of `i`.
    delay : int
        Ticks.

    Members
    -------
    i : In(stream)
        Groups of spikes, the lowest places first.
    o : Out(stream)
        Words; at first `delay` ticks of silence.
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


class _Walker(wiring.Component):
    """The rows of weights that an event asks for, and the rows of sums that they go into.

    Members
    -------
    event : In(stream)
        Of a `Scanner`.
    go : In(1)
        It is this connection's turn.
    valid, address, row : Out
        A row of weights to be added to a row of sums.
    hold : In(1)
        Not in this clock.
    ended : Out(1)
        The tick is over.
    """

    event: Any
    go: Signal
    hold: Signal
    valid: Signal
    address: Signal
    row: Signal
    ended: Signal

    def __init__(self, event: Any, depth: int, rows: int) -> None:
        self.depth, self.rows = depth, rows
        super().__init__(
            {
                "event": In(stream.Signature(event)),
                "go": In(1),
                "hold": In(1),
                "valid": Out(1),
                "address": Out(range(max(depth, 2))),
                "row": Out(range(max(rows, 2))),
                "ended": Out(1),
            }
        )


class _DenseWalker(_Walker):
    """Every event asks for all rows."""

    def __init__(self, event: Any, count: int, rows: int) -> None:
        self._count = count
        super().__init__(event, count * rows, rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal()
        at_end = Signal()
        asks = self.event.valid & self.go
        m.d.comb += [
            self.valid.eq(asks & self.event.p.fire),
            at_end.eq(self.row == self.rows - 1),
            taken.eq(asks & ~self.hold & (at_end | ~self.event.p.fire)),
            self.event.ready.eq(taken),
            self.ended.eq(taken & self.event.p.last),
        ]
        slot = self.event.p.slot
        if self.rows == 1:
            m.d.comb += self.address.eq(slot)
            return m
        first = sum((slot << bit for bit in range(self.rows.bit_length()) if self.rows >> bit & 1), Const(0))
        m.d.comb += self.address.eq(first + self.row if self.rows & (self.rows - 1) else first | self.row)
        with m.If(self.valid & ~self.hold):
            m.d.sync += self.row.eq(Mux(at_end, 0, self.row + 1))
        return m


class _TableWalker(_Walker):
    """A table says where an event's rows begin, and how many steps they take in two directions.

    Parameters
    ----------
    table : list of (address, row, steps, lines)
        For each slot.
    rows : int
        Of the sums.
    inner : int
        Rows that follow each other in each step.
    step, line : (int, int)
        What is added to address and row from one step to the next, and from one line to the next.
    """

    def __init__(
        self,
        event: Any,
        depth: int,
        rows: int,
        table: list[tuple[int, int, int, int]],
        inner: int,
        step: tuple[int, int],
        line: tuple[int, int],
    ) -> None:
        self._table, self._inner, self._step, self._line = table, inner, step, line
        super().__init__(event, depth, rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps, lines = (max(entry[n] for entry in self._table) for n in (2, 3))
        layout = data.StructLayout(
            {
                "address": range(max(self.depth, 2)),
                "row": range(max(self.rows, 2)),
                "steps": range(steps + 1),
                "lines": range(lines + 1),
            }
        )
        init = [dict(zip(("address", "row", "steps", "lines"), entry, strict=True)) for entry in self._table]
        memory: Any = Memory(shape=layout, depth=max(2, len(init)), init=init)
        m.submodules.table = memory
        port = memory.read_port()
        entry = port.data
        m.d.comb += port.addr.eq(self.event.p.slot)
        # The table is read in the clock in which an event comes; `known` says that it has been.
        known = Signal()
        works = Signal()
        taken = Signal()
        idle = Signal()
        begin: Any = Signal(layout)
        inner = Signal(range(max(self._inner, 2)))
        left = Signal(range(steps + 1))
        down = Signal(range(lines + 1))
        done = (inner == self._inner - 1) & (left == 1) & (down == 1)
        m.d.comb += [
            self.valid.eq(works & self.go),
            idle.eq(~works | (~self.hold & done)),
            taken.eq(self.event.valid & self.go & idle & (known | ~self.event.p.fire)),
            self.event.ready.eq(taken),
        ]
        last = Signal()
        m.d.sync += known.eq(self.event.valid & ~taken)
        with m.If(works & self.go & ~self.hold):
            with m.If(inner != self._inner - 1):
                m.d.sync += [inner.eq(inner + 1), self.address.eq(self.address + 1), self.row.eq(self.row + 1)]
            with m.Else():
                m.d.sync += inner.eq(0)
                with m.If(left != 1):
                    m.d.sync += [
                        left.eq(left - 1),
                        self.address.eq(self.address + self._step[0] - (self._inner - 1)),
                        self.row.eq(self.row + self._step[1] - (self._inner - 1)),
                    ]
                with m.Elif(down != 1):
                    m.d.sync += [
                        down.eq(down - 1),
                        left.eq(begin.steps),
                        begin.address.eq(begin.address + self._line[0]),
                        begin.row.eq(begin.row + self._line[1]),
                        self.address.eq(begin.address + self._line[0]),
                        self.row.eq(begin.row + self._line[1]),
                    ]
                with m.Else():
                    m.d.sync += works.eq(0)
        with m.If(taken):
            m.d.sync += [
                last.eq(self.event.p.last),
                works.eq(self.event.p.fire & (entry.steps != 0) & (entry.lines != 0)),
                begin.eq(entry),
                inner.eq(0),
                left.eq(entry.steps),
                down.eq(entry.lines),
                self.address.eq(entry.address),
                self.row.eq(entry.row),
            ]
        # After the last event, the tick is over once its rows are.
        with m.Elif(self.ended):
            m.d.sync += last.eq(0)
        m.d.comb += self.ended.eq(last & idle & self.go)
        return m


@dataclass(frozen=True, eq=False)
class _Source:
    """What a connection hears: which neuron stands at each place, and in which words places come."""

    places: Integers
    width: int

    @property
    def slots(self) -> Integers:
        return slots(len(self.places), self.width)


class _Rows:
    """A connection's rows of weights, and how events find them."""

    def __init__(self, plan: LayerPlan, connection: Connection, source: _Source) -> None:
        self.plan, self.connection, self.source = plan, connection, source
        self.synapses = connection.synapses
        if isinstance(self.synapses, Convolution):
            self.inner = plan.params.shape[0] // plan.lanes
            self.depth = math.prod(self.synapses.kernel.shape[1:]) * self.inner
        elif self.synapses.pool == (1, 1):
            self.depth = (int(source.slots[-1]) + 1) * plan.rows
        else:
            self.depth = self.synapses.weights.shape[1] * plan.rows

    @property
    def row_bits(self) -> int:
        return self.plan.lanes * self.connection.weight_bits

    def words(self) -> list[list[int]]:
        """The weights of each row, lane by lane, shape (depth, lanes)."""
        plan, lanes = self.plan, self.plan.lanes
        made = np.zeros((self.depth, lanes), dtype=np.int64)
        if isinstance(self.synapses, Convolution):
            kernel = self.synapses.kernel  # address: ((channel * height + y) * width + x) * inner + part of the lanes
            made[:] = kernel.reshape(self.inner, lanes, -1).transpose(2, 0, 1).reshape(self.depth, lanes)
        else:
            weights = self.synapses.weights
            by_row = weights[plan.places].reshape(plan.rows, lanes, -1)  # row, lane, column
            columns = by_row.transpose(2, 0, 1)
            if self.synapses.pool == (1, 1):
                at = self.source.slots
                made.reshape(-1, plan.rows, lanes)[at] = columns[self.source.places]
            else:
                made[:] = columns.reshape(self.depth, lanes)
        rows: list[list[int]] = made.tolist()
        return rows

    def chunks(self) -> list[list[int]]:
        """The same as the words of each block RAM, one list a chunk."""
        bits, per_chunk, lanes = self.connection.weight_bits, chunk_lanes(self), self.plan.lanes
        mask, words = (1 << bits) - 1, self.words()
        return [
            [
                sum((weight & mask) << (bits * n) for n, weight in enumerate(word[first : first + per_chunk]))
                for word in words
            ]
            for first in range(0, lanes, per_chunk)
        ]

    def walker(self, event: Any) -> _Walker:
        plan = self.plan
        if not isinstance(self.synapses, Convolution) and self.synapses.pool == (1, 1):
            return _DenseWalker(event, int(self.source.slots[-1]) + 1, plan.rows)
        table = [(0, 0, 0, 0)] * (int(self.source.slots[-1]) + 1)
        for slot, natural in zip(self.source.slots.tolist(), self.source.places.tolist(), strict=True):
            table[slot] = self._entry(natural)
        if not isinstance(self.synapses, Convolution):
            return _TableWalker(event, self.depth, plan.rows, table, plan.rows, (0, 0), (0, 0))
        _, columns = self.synapses.output_shape[1:]
        across, down = self.synapses.stride[1], self.synapses.stride[0] * self.synapses.kernel.shape[3]
        return _TableWalker(
            event,
            self.depth,
            plan.rows,
            table,
            self.inner,
            (-across * self.inner, self.inner),
            (-down * self.inner, columns * self.inner),
        )

    def _entry(self, natural: int) -> tuple[int, int, int, int]:
        """Where the rows of an input begin, and how many there are."""
        synapses = self.synapses
        _, height, width = synapses.input_shape
        channel, pixel = divmod(natural, height * width)
        y, x = (at // size for at, size in zip(divmod(pixel, width), synapses.pool, strict=True))
        rows, columns = height // synapses.pool[0], width // synapses.pool[1]
        if y >= rows or x >= columns:
            return 0, 0, 0, 0
        if not isinstance(synapses, Convolution):
            return ((channel * rows + y) * columns + x) * self.plan.rows, 0, 1, 1
        (first_y, lines, tap_y), (first_x, steps, tap_x) = (
            reach(
                at, synapses.output_shape[n + 1], synapses.kernel.shape[n + 2], synapses.stride[n], synapses.padding[n]
            )
            for n, at in enumerate((y, x))
        )
        if not lines or not steps:
            return 0, 0, 0, 0
        tap = (channel * synapses.kernel.shape[2] + tap_y) * synapses.kernel.shape[3] + tap_x
        return tap * self.inner, (first_y * synapses.output_shape[2] + first_x) * self.inner, steps, lines


@dataclass(frozen=True, eq=False)
class _LaneParams:
    """A layer's neurons, as ``neuristor.hdl.neurons.lif`` knows them."""

    layer: LayerParams

    @property
    def raw(self) -> LifRaw:
        return self.layer.raw.lif

    @property
    def membrane(self) -> Format:
        return Format(self.layer.membrane_bits, 0)

    @property
    def drive(self) -> Format:
        return Format(2, 0)

    @property
    def seed(self) -> int:
        return self.layer.seed

    @property
    def state_fields(self) -> tuple[Field, ...]:
        return tuple(each for each in self.layer.state_fields if each.name != "current")


class SnnLane(wiring.Component):
    """The pipeline of one lane: a neuron's state and what its synapses bring, in and out in each clock.

    Members
    -------
    enable : In(1)
        The pipeline moves.
    state : In(state_layout)
    kick : In(signed)
        What synapses and bias bring.
    parameters : In(StructLayout)
    next_state : Out(state_layout)
    spike, saturated : Out(1)
        `latency` enabled clocks after `state`.
    load : In(1)
    initial_state : Out(state_layout)
        As for ``neuristor.hdl.neurons.lif.LifLane``.
    """

    enable: Signal
    state: Any
    kick: Signal
    parameters: Any
    next_state: Any
    spike: Signal
    saturated: Signal
    load: Signal
    initial_state: Any

    clear_clocks, interval = LifLane.clear_clocks, LifLane.interval

    def __init__(self, layer: LayerParams, total_bits: int, lane: int, lanes: int) -> None:
        self.layer = layer
        self._kick_bits = layer.current_bits if layer.raw.synaptic else total_bits
        self._lane = LifLane(_LaneParams(layer), lane, lanes, self._kick_bits)
        self.latency = LifLane.latency + 2 * layer.raw.synaptic
        state = state_layout(layer)
        super().__init__(
            {
                "enable": In(1),
                "state": In(state),
                "kick": In(signed(total_bits)),
                "parameters": In(self._lane.parameters.shape()),
                "next_state": Out(state),
                "spike": Out(1),
                "saturated": Out(1),
                "load": In(1),
                "initial_state": Out(state),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        raw, layer = self.layer.raw, self.layer
        m.submodules.lif = lane = self._lane
        names = [each.name for each in _LaneParams(layer).state_fields]
        m.d.comb += [
            lane.enable.eq(self.enable),
            lane.load.eq(self.load),
            self.spike.eq(lane.spike),
            *(self.next_state[name].eq(lane.next_state[name]) for name in names),
            *(self.initial_state[name].eq(lane.initial_state[name]) for name in names),
        ]
        if not raw.synaptic:
            m.d.comb += [
                *(lane.state[name].eq(self.state[name]) for name in names),
                lane.parameters.eq(self.parameters),
                lane.kick.eq(self.kick),
                self.saturated.eq(lane.saturated),
            ]
            return m
        # 1: how much of the current decays; 2: the current of this tick
        current = self.state.current
        layout = data.StructLayout({"state": self.state.shape(), "own": self.parameters.shape()})
        first: Any = Signal(layout)
        second: Any = Signal(layout)
        decay = Signal((-current * raw.syn_raw).shape())
        total = Signal(signed(len(self.kick)))
        moved = first.state.current + round_shift(decay, raw.syn_shift) + total
        after, clipped = saturate(moved, layer.current_bits)
        push = Signal(signed(layer.current_bits))
        flag = Signal()
        # 3 to 6: those of the membrane, beside which the current waits
        later = [Signal(signed(layer.current_bits), name=f"current_{n}") for n in range(LifLane.latency + 1)]
        flags = [Signal(name=f"clipped_{n}") for n in range(LifLane.latency)]
        with m.If(self.enable):
            m.d.sync += [
                first.state.eq(self.state),
                first.own.eq(self.parameters),
                decay.eq(-current * raw.syn_raw),
                total.eq(self.kick),
                second.eq(first),
                push.eq(first.state.current if raw.late else after),
                later[0].eq(after),
                flag.eq(clipped),
                *(b.eq(a) for a, b in pairwise(later)),
                flags[0].eq(flag),
                *(b.eq(a) for a, b in pairwise(flags)),
            ]
        m.d.comb += [
            *(lane.state[name].eq(second.state[name]) for name in names),
            lane.parameters.eq(second.own),
            lane.kick.eq(push),
            self.next_state.current.eq(later[-1]),
            self.saturated.eq(lane.saturated | flags[-1]),
        ]
        return m


class SnnLayer(wiring.Component):
    """One layer.

    Parameters
    ----------
    plan : LayerPlan
    sources : sequence of _Source
        What each connection hears.
    current_bits : int
        Of the currents it takes, too; 0 for none.

    Members
    -------
    i_N : In(stream)
        Words of spikes, for connection N.
    currents : In(stream)
        For each group of neurons, in every tick; only where there are any.
    o : Out(stream)
        Groups of `spikes`, a tick after the other; `last` ends each.
    weight_N : In(stream)
        Rows of weights to write: `chunk` (36 bits or less) of the row at `address`; a chunk that there is not changes
        nothing. Not while spikes come. The sums of a neuron must fit ``params.sum_bits``, whose width is that of the
        weights it is made with, or `sum_bits_least`.
    own : In(RowPort)
        Of a loadable layer: thresholds and biases of each group.
    probe : Out
        While `valid`, a group's `number`, its `state` after this tick, its `spikes`, and which were `clipped`.
    faults : Out(8)
        Of a layer with protection: how many damaged words were read in the clock before.
    """

    currents: Any
    faults: Signal
    own: Any
    o: Any
    probe: Any

    def __init__(self, plan: LayerPlan, sources: Sequence[_Source], current_bits: int = 0) -> None:
        self.plan, self.params = plan, plan.params
        self.current_bits = current_bits
        self._faults: list[Value] = []
        layer = plan.params
        self._rows = [_Rows(plan, each, source) for each, source in zip(layer.connections, sources, strict=True)]
        self._scanners = [Scanner(len(source.places), source.width) for source in sources]
        bias = self.bias_bits if layer.bias_raw.any() or plan.loadable else 0
        self.total_bits = max(layer.sum_bits + layer.least_shift, bias, current_bits) + bool(bias) + bool(current_bits)
        self._lanes = [SnnLane(layer, self.total_bits, n, plan.updates) for n in range(plan.updates)]
        state = data.ArrayLayout(state_layout(layer), plan.updates)
        probe = {
            "valid": 1,
            "number": range(max(plan.groups, 2)),
            "spikes": plan.updates,
            "clipped": plan.updates,
            "state": state,
        }
        members: dict[str, Any] = {
            "o": Out(stream.Signature(data.StructLayout({"spikes": plan.updates, "last": 1}))),
            "probe": Out(data.StructLayout(probe)),
        }
        for n, (rows, scanner) in enumerate(zip(self._rows, self._scanners, strict=True)):
            members[f"i_{n}"] = In(stream.Signature(unsigned(scanner.width)))
            members[f"weight_{n}"] = In(stream.Signature(weight_layout(rows)))
        if plan.loadable:
            members["own"] = In(RowPort(self.own_shape.size, max(2, plan.groups)))
        if plan.protection != "none":
            members["faults"] = Out(8)
        if current_bits:
            members["currents"] = In(stream.Signature(data.ArrayLayout(signed(current_bits), plan.updates)))
        super().__init__(members)

    @property
    def depths(self) -> list[int]:
        """Rows of weights of each connection."""
        return [rows.depth for rows in self._rows]

    @property
    def bias_bits(self) -> int:
        """Of a bias, signed."""
        needed = int(np.abs(self.params.bias_raw).max(initial=0)).bit_length() + 1
        return max(needed, self.params.membrane_bits) if self.plan.loadable else needed

    @property
    def _columns(self) -> dict[str, Integers]:
        """What each neuron has of its own."""
        layer = self.params
        faults = {"fault": layer.fault_raw} if layer.raw.lif.faults else {}
        return {"threshold": layer.threshold_raw} | faults | {"bias": layer.bias_raw}

    @property
    def _varied(self) -> dict[str, Integers]:
        """That of it which is in memory."""
        return {n: column for n, column in self._columns.items() if self.plan.loadable or (column != column[0]).any()}

    @property
    def own_shape(self) -> data.ArrayLayout:
        """A group of that memory."""
        shape = parameter_layout(_LaneParams(self.params))
        fields = {n: signed(self.bias_bits) if n == "bias" else shape[n].shape for n in self._varied}
        return data.ArrayLayout(data.StructLayout(fields), self.plan.updates)

    @property
    def _own_init(self) -> list[Any]:
        plan, varied = self.plan, self._varied
        tables = {name: plan.grouped(column) for name, column in varied.items()}
        return [
            [{name: tables[name][g][n] for name in varied} for n in range(plan.updates)] for g in range(plan.groups)
        ]

    @property
    def own_rows(self) -> list[int]:
        """The same as bits."""
        return [int(Const.cast(self.own_shape.const(each)).value) for each in self._own_init]

    def pipeline(self, number: int) -> tuple[LifRaw, SnnLane, list[dict[str, int]]]:
        """The numbers of its neurons, a lane, and what each neuron of that lane has of its own in it."""
        names = parameter_layout(_LaneParams(self.params)).members
        own = {name: [group[number] for group in self.plan.grouped(self._columns[name])] for name in names}
        return (
            self.params.raw.lif,
            self._lanes[number],
            [dict(zip(own, each, strict=True)) for each in zip(*own.values(), strict=True)],
        )

    def chunks(self, connection: int, other: Connection | None = None) -> list[list[int]]:
        """The rows of weights of a connection, in the words of each chunk; or those of another in its place."""
        rows = self._rows[connection]
        return (rows if other is None else _Rows(rows.plan, other, rows.source)).chunks()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, layer, lanes = self.plan, self.params, self._lanes
        groups, latency = plan.groups, 1 + lanes[0].latency
        self._faults = []

        gather = Signal()
        busy = Signal()
        issue = Signal()
        group = Signal(range(max(groups, 2)))
        clearing = Signal(init=1)
        clear_group = Signal(range(max(groups, 2)))
        sums, finished = self._sums(m, gather, busy, issue, group, clearing, clear_group)

        # The lanes move as a whole, and stand while a group waits to be taken.
        moves = Signal()
        in_lanes = Signal(latency)
        numbers = [Signal(range(max(groups, 2)), name=f"number_{n}") for n in range(latency)]
        m.d.comb += moves.eq(~self.o.valid | self.o.ready)
        with m.If(moves):
            m.d.sync += [in_lanes.eq(Cat(issue, in_lanes)), numbers[0].eq(group)]
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(numbers)]

        state_shape = data.ArrayLayout(state_layout(layer), plan.updates)
        memory: Any = Memory(shape=state_shape, depth=max(2, groups), init=[])
        m.submodules.state = memory
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [read.en.eq(issue), read.addr.eq(group)]
        own, bias = self._own(m, issue, group)
        total = [Signal(signed(self.total_bits), name=f"total_{n}") for n in range(plan.updates)]
        given: list[Any] = [0] * plan.updates
        ready: Any = Const(1)
        if self.current_bits:
            currents: Any = Signal(self.currents.p.shape())
            with m.If(issue):
                m.d.sync += currents.eq(self.currents.payload)
            m.d.comb += self.currents.ready.eq(issue)
            given, ready = [currents[n] for n in range(plan.updates)], self.currents.valid
        clipped = Signal(plan.updates)
        spikes = Signal(plan.updates)
        for n, lane in enumerate(lanes):
            m.submodules[f"lane_{n}"] = lane
            m.d.comb += [
                total[n].eq((sums[n] << layer.least_shift) + bias[n] + given[n]),
                lane.enable.eq(moves),
                lane.state.eq(read.data[n]),
                lane.parameters.eq(own[n]),
                lane.kick.eq(total[n]),
                spikes[n].eq(lane.spike),
                clipped[n].eq(lane.saturated),
                self.probe.state[n].eq(lane.next_state),
            ]
        taken = Signal()
        m.d.comb += [
            taken.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(in_lanes[-1]),
            self.o.p.spikes.eq(spikes),
            self.o.p.last.eq(numbers[-1] == groups - 1),
            self.probe.valid.eq(taken),
            self.probe.number.eq(numbers[-1]),
            self.probe.spikes.eq(spikes),
            self.probe.clipped.eq(clipped),
        ]

        # After reset each group gets its initial state.
        clear_step = Signal(range(1 + lanes[0].clear_clocks))
        with m.If(clearing):
            m.d.comb += [lane.load.eq(clear_step == 0) for lane in lanes]
            m.d.comb += [write.addr.eq(clear_group), write.en.eq(clear_step == lanes[0].clear_clocks)]
            m.d.comb += [write.data[n].eq(lane.initial_state) for n, lane in enumerate(lanes)]
            m.d.sync += clear_step.eq(clear_step + 1)
            with m.If(clear_step == lanes[0].clear_clocks):
                m.d.sync += [clear_step.eq(0), clear_group.eq(clear_group + 1), clearing.eq(clear_group != groups - 1)]
        with m.Else():
            m.d.comb += [write.addr.eq(numbers[-1]), write.en.eq(taken), write.data.eq(self.probe.state)]

        with m.FSM():
            with m.State("GATHER"):
                # Sums in block RAM are read anew only when the lanes have taken those of the last group.
                m.d.comb += gather.eq(~clearing if plan.registers else ~clearing & ~in_lanes[0])
                with m.If(finished & ~clearing):
                    m.next = "DRAIN"
            # The sums are whole, and the state of the last tick is back.
            with m.State("DRAIN"), m.If(~busy & ~in_lanes.any()):
                m.next = "UPDATE"
            with m.State("UPDATE"):
                m.d.comb += issue.eq(moves & ready)
                with m.If(issue):
                    m.d.sync += group.eq(Mux(group == groups - 1, 0, group + 1))
                    with m.If(group == groups - 1):
                        m.next = "GATHER"
        if plan.protection != "none":
            m.d.sync += self.faults.eq(count_ones(Cat(self._faults)))
        return m

    def _own(self, m: Module, issue: Signal, group: Signal) -> tuple[list[Any], list[Any]]:
        """Parameters and bias of a group's neurons: from a memory, as far as they differ."""
        plan, layer = self.plan, self.params
        varied = self._varied
        same = {name: int(column[0]) for name, column in self._columns.items() if name not in varied}
        shape = parameter_layout(_LaneParams(layer))
        own: list[Any] = [Signal(shape, name=f"own_{n}") for n in range(plan.updates)]
        bias: list[Any] = [Const(same.get("bias", 0))] * plan.updates
        kept: list[Any] = []
        if varied:
            memory = guarded(
                m,
                "parameters",
                self.own_shape,
                max(2, plan.groups),
                self._own_init,
                plan.protection,
                written=plan.loadable,
            )
            self._faults.append(memory.fault)
            m.d.comb += [memory.read_enable.eq(issue), memory.read_address.eq(group)]
            if plan.loadable:
                port = self.own
                m.d.comb += [
                    memory.write_address.eq(port.address),
                    memory.given.eq(port.given),
                    memory.write_enable.eq(port.write),
                    port.data.eq(memory.data),
                ]
                with m.If(port.read):
                    m.d.comb += [memory.read_enable.eq(1), memory.read_address.eq(port.address)]
            kept = [memory.data[n] for n in range(plan.updates)]
        for n in range(plan.updates):
            for name in self._columns:
                value = kept[n][name] if name in varied else Const(same[name], signed(64))
                if name == "bias":
                    bias[n] = value if name in varied else Const(same[name])
                else:
                    m.d.comb += own[n][name].eq(value)
        return own, bias

    def _sums(
        self,
        m: Module,
        gather: Signal,
        busy: Signal,
        issue: Signal,
        group: Signal,
        clearing: Signal,
        clear_group: Signal,
    ) -> tuple[list[Value], Value]:
        """The sums of the group that is issued, in the clock after; and whether all of the tick was heard."""
        plan, layer = self.plan, self.params
        if not self._rows:
            return [Const(0, signed(1))] * plan.updates, Const(1)
        turn = Signal(range(max(len(self._rows), 2)))
        finished = Signal()
        steps = Signal(3)
        rows = [Signal(range(max(plan.rows, 2)), name=f"row_{n}") for n in range(3)]
        valid = Signal()
        row = Signal(range(max(plan.rows, 2)))
        hold = Signal()
        m.d.comb += busy.eq(steps.any())
        m.d.sync += [steps.eq(Cat(valid & ~hold, steps)), rows[0].eq(row), rows[1].eq(rows[0]), rows[2].eq(rows[1])]
        terms: list[list[Value]] = [[] for _ in range(plan.lanes)]
        for n, (connection, scanner) in enumerate(zip(self._rows, self._scanners, strict=True)):
            m.submodules[f"scanner_{n}"] = scanner
            m.submodules[f"walker_{n}"] = walker = connection.walker(scanner.o.p.shape())
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{n}")), scanner.i)
            wiring.connect(m, scanner.o, walker.event)
            m.d.comb += [walker.go.eq(gather & (turn == n)), walker.hold.eq(hold)]
            with m.If(walker.valid):
                m.d.comb += [valid.eq(1), row.eq(walker.row)]
            with m.If(walker.ended):
                m.d.sync += turn.eq(0 if n == len(self._rows) - 1 else n + 1)
                if n == len(self._rows) - 1:
                    m.d.comb += finished.eq(1)
            self._weights(m, n, connection, walker, hold, terms)
        heard = [_either(each) for each in terms]
        if plan.registers:
            return self._registers(m, heard, steps[2], issue), finished
        # The sum that is being written is not there yet: the same row again waits for a clock.
        m.d.comb += hold.eq(steps[0] & (rows[0] == row))
        shape = data.ArrayLayout(signed(layer.sum_bits), plan.lanes)
        memory: Any = Memory(shape=shape, depth=plan.rows, init=[])
        m.submodules.sums = memory
        read, write = memory.read_port(), memory.write_port()
        emptied = Signal()
        last = Signal(range(plan.rows))
        m.d.sync += [emptied.eq(issue), last.eq(group)]
        m.d.comb += [
            read.addr.eq(Mux(steps[1], rows[1], group)),
            read.en.eq(steps[1] | issue),
            write.en.eq(steps[2] | emptied | clearing),
            write.addr.eq(Mux(clearing, clear_group, Mux(emptied, last, rows[2]))),
        ]
        for n, term in enumerate(heard):
            with m.If(steps[2]):
                m.d.comb += write.data[n].eq(term + read.data[n])
        return [read.data[n] for n in range(plan.lanes)], finished

    def _weights(self, m: Module, n: int, rows: _Rows, walker: _Walker, hold: Signal, terms: list[list[Value]]) -> None:
        """The memory of a connection; its weights become terms two clocks after their address."""
        bits, shift = rows.connection.weight_bits, rows.connection.shift - self.params.least_shift
        asked, read = Signal(name=f"asked_{n}"), Signal(name=f"read_{n}")
        address = Signal.like(walker.address, name=f"address_{n}")
        m.d.sync += [asked.eq(walker.valid & ~hold), address.eq(walker.address), read.eq(asked)]
        entry = getattr(self, f"weight_{n}")
        m.d.comb += entry.ready.eq(1)
        per_chunk = chunk_lanes(rows)
        words = rows.chunks()
        for chunk, first in enumerate(range(0, self.plan.lanes, per_chunk)):
            lanes = range(first, min(first + per_chunk, self.plan.lanes))
            written = entry.valid & (entry.p.chunk == chunk)
            if self.plan.single_port:
                code = Code(bits * len(lanes), self.plan.protection)
                single = SinglePort(code.width + code.check_bits, rows.depth)
                m.submodules[f"weights_{n}_{chunk}"] = single
                m.d.comb += [
                    single.address.eq(Mux(written, entry.p.address, address)),
                    single.read.eq(asked),
                    single.write.eq(written),
                    single.given.eq(code.encoded(entry.p.data)),
                ]
                row, damaged = code.decoded(m, single.data, f"weights_{n}_{chunk}")
                self._faults.append(read & damaged)
            else:
                memory = guarded(
                    m,
                    f"weights_{n}_{chunk}",
                    unsigned(bits * len(lanes)),
                    max(2, rows.depth),
                    words[chunk],
                    self.plan.protection,
                )
                m.d.comb += [
                    memory.read_enable.eq(asked),
                    memory.read_address.eq(address),
                    memory.write_address.eq(entry.p.address),
                    memory.given.eq(entry.p.data),
                    memory.write_enable.eq(written),
                ]
                row = memory.data
                self._faults.append(memory.fault)
            for k, lane in enumerate(lanes):
                term = Signal(signed(bits), name=f"term_{n}_{lane}")
                with m.If(read):
                    m.d.sync += term.eq(row.word_select(k, bits))
                with m.Else():
                    m.d.sync += term.eq(0)
                terms[lane].append((term << shift).as_signed() if shift else term)

    def _registers(self, m: Module, heard: list[Value], adds: Value, issue: Signal) -> list[Value]:
        """A register for each sum; those of the lanes that share an update stand in a chain."""
        plan, bits = self.plan, self.params.sum_bits
        sums: list[Any] = [Signal(signed(bits), name=f"sum_{n}") for n in range(plan.lanes)]
        for n, each in enumerate(sums):
            behind = sums[n + plan.updates] if n + plan.updates < plan.lanes else Const(0, signed(bits))
            # One adder, whose other input is what shifts: its term is zero then.
            with m.If(adds | issue):
                m.d.sync += each.eq(heard[n] + Mux(issue, behind, each))
        heads: list[Any] = [Signal(signed(bits), name=f"head_{n}") for n in range(plan.updates)]
        with m.If(issue):
            m.d.sync += [head.eq(each) for head, each in zip(heads, sums, strict=False)]
        return heads


def _either(terms: list[Value]) -> Value:
    """Terms of which all but one are zero."""
    width = max(len(term) for term in terms)
    made: Value = terms[0]
    for term in terms[1:]:
        made = _extended(made, width) | _extended(term, width)
    return made.as_signed()


def _extended(value: Value, width: int) -> Value:
    return Cat(value, value[-1].replicate(width - len(value)))


def chunk_lanes(rows: _Rows) -> int:
    """Weights in a block RAM's word."""
    return min(max(1, CHUNK_BITS // rows.connection.weight_bits), rows.plan.lanes)


def weight_layout(rows: _Rows) -> data.StructLayout:
    """A part of a row of weights, to be written."""
    per_chunk = chunk_lanes(rows)
    chunks = -(-rows.plan.lanes // per_chunk)
    return data.StructLayout(
        {
            "address": range(max(rows.depth, 2)),
            "chunk": range(max(chunks, 2)),
            "data": per_chunk * rows.connection.weight_bits,
        }
    )


class Snn(wiring.Component):
    """A network.

    Parameters
    ----------
    params : SnnParams
    lanes : sequence of int
        Of each layer: 1 for the smallest circuit, all neurons for the fastest.
    updates : sequence of int, optional
        Of each layer, see `LayerPlan`; 0 for the default.
    single_port : sequence of int
        Layers whose weights stand in memory with one port; see `LayerPlan`.
    loadable : bool
        Thresholds and biases can be loaded.
    protection : str
        Of weights, thresholds and biases; see `LayerPlan`.

    Members
    -------
    i : In(stream)
        Words of 32 spikes, the lowest inputs first, ``ceil(inputs / 32)`` a tick; or, for a network of currents, one
        for each neuron of a group of the first layer.
    o : Out(stream)
        Groups of `spikes` of the last layer, and its `membranes`; `last` ends a tick.
    weight_N_M : In(stream)
        Of layer N, connection M: see `SnnLayer`.
    own_N : In(RowPort)
        Of layer N, where it is loadable.
    probe_N : Out
        Of layer N: see `SnnLayer`. What is not connected costs nothing.
    saturated : Out(1)
        Some update was clamped since reset.
    saturations : Out(32)
        How many were; stays at its largest value.
    memory_faults : Out(32)
        Of a network with protection: how many damaged words were read since reset; stays at its largest value.
    """

    i: Any
    o: Any
    saturated: Signal
    saturations: Signal
    memory_faults: Signal

    def __init__(
        self,
        params: SnnParams,
        lanes: Sequence[int],
        updates: Sequence[int] | None = None,
        single_port: Sequence[int] = (),
        loadable: bool = False,
        protection: str = "none",
    ) -> None:
        self.params, self.protection = params, protection
        if len(lanes) != len(params.layers):
            raise ValueError(f"lanes must be {len(params.layers)}, one for each layer, not {len(lanes)}")
        shared = [0] * len(lanes) if updates is None else list(updates)
        self.plans = [
            LayerPlan(
                params=layer,
                lanes=count,
                updates=share,
                single_port=n in single_port,
                loadable=loadable,
                protection=protection,
            )
            for n, (layer, count, share) in enumerate(zip(params.layers, lanes, shared, strict=True))
        ]
        outside = _Source(np.arange(params.inputs), min(WORD, params.inputs))
        sources = {INPUT: outside} | {
            n: _Source(plan.places, word_bits(plan.params.count, plan.updates)) for n, plan in enumerate(self.plans)
        }
        self.layers = [
            SnnLayer(
                plan,
                [sources[each.source] for each in plan.params.connections],
                params.current_bits if params.currents and n == 0 else 0,
            )
            for n, plan in enumerate(self.plans)
        ]
        self.input_width = outside.width
        last = self.plans[-1]
        output = {
            "spikes": last.updates,
            "membranes": data.ArrayLayout(signed(last.params.membrane_bits), last.updates),
            "last": 1,
        }
        payload = self.layers[0].currents.p.shape() if params.currents else unsigned(outside.width)
        members: dict[str, Any] = {
            "i": In(stream.Signature(payload)),
            "o": Out(stream.Signature(data.StructLayout(output))),
            "saturated": Out(1),
            "saturations": Out(32),
        } | ({} if protection == "none" else {"memory_faults": Out(32)})
        for n, layer in enumerate(self.layers):
            members[f"probe_{n}"] = Out(layer.probe.shape())
            if loadable:
                members[f"own_{n}"] = In(RowPort(layer.own_shape.size, max(2, layer.plan.groups)))
            for k in range(len(layer.params.connections)):
                members[f"weight_{n}_{k}"] = In(stream.Signature(getattr(layer, f"weight_{k}").p.shape()))
        super().__init__(members)

    def words(self, inputs: NDArray[Any]) -> list[Any]:
        """The payloads of `i` for spikes, or for currents.

        Parameters
        ----------
        inputs : ndarray of int, shape (ticks, inputs)
        """
        if self.params.currents:
            plan = self.plans[0]
            groups: list[Any] = inputs[:, plan.places].reshape(-1, plan.updates).tolist()
            return groups
        padded = np.zeros((len(inputs), -(-self.params.inputs // self.input_width) * self.input_width), dtype=np.int64)
        padded[:, : self.params.inputs] = inputs
        packed = padded.reshape(-1, self.input_width) << np.arange(self.input_width)
        words: list[Any] = packed.sum(axis=1).tolist()
        return words

    def payloads(self, inputs: NDArray[Any]) -> list[int]:
        """The same as plain integers, as Verilog and memories take them."""
        words, bits = self.words(inputs), self.params.current_bits
        if not self.params.currents:
            return words
        return [sum((one & ((1 << bits) - 1)) << (n * bits) for n, one in enumerate(word)) for word in words]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs: dict[int, list[tuple[Value, Value]]] = {n: [] for n in range(len(self.layers))}
        inputs: list[tuple[Any, int]] = []
        for n, layer in enumerate(self.layers):
            m.submodules[f"layer_{n}"] = layer
            m.d.comb += getattr(self, f"probe_{n}").eq(layer.probe)
            if layer.plan.loadable:
                wiring.connect(m, wiring.flipped(getattr(self, f"own_{n}")), layer.own)
            for k, each in enumerate(layer.params.connections):
                wiring.connect(m, wiring.flipped(getattr(self, f"weight_{n}_{k}")), getattr(layer, f"weight_{k}"))
                to = getattr(layer, f"i_{k}")
                if each.source == INPUT:
                    inputs.append((to, each.delay))
                    continue
                plan = self.plans[each.source]
                m.submodules[f"edge_{n}_{k}"] = edge = Edge(plan.params.count, plan.updates, each.delay)
                m.d.comb += edge.i.payload.eq(self.layers[each.source].o.p.spikes)
                outputs[each.source].append((edge.i.valid, edge.i.ready))
                m.d.comb += [to.payload.eq(edge.o.payload), to.valid.eq(edge.o.valid), edge.o.ready.eq(to.ready)]
        self._take(m, inputs)

        last = self.layers[-1]
        m.submodules.output = output = SyncFIFOBuffered(width=len(self.o.payload.as_value()), depth=2)
        given: Any = Signal(self.o.p.shape())
        m.d.comb += [
            given.spikes.eq(last.o.p.spikes),
            given.last.eq(last.o.p.last),
            *(given.membranes[n].eq(last.probe.state[n].membrane) for n in range(self.plans[-1].updates)),
            output.w_data.eq(given),
            self.o.payload.eq(output.r_data),
            self.o.valid.eq(output.r_rdy),
            output.r_en.eq(self.o.ready),
        ]
        outputs[len(self.layers) - 1].append((output.w_en, output.w_rdy))
        for n, sinks in outputs.items():
            _fork(m, self.layers[n].o.valid, self.layers[n].o.ready, sinks)

        clamped = [Signal(range(plan.updates + 1), name=f"clamped_{n}") for n, plan in enumerate(self.plans)]
        for number, layer in zip(clamped, self.layers, strict=True):
            m.d.sync += number.eq(Mux(layer.probe.valid, count_ones(layer.probe.clipped), 0))
        total = Signal(33)
        m.d.comb += total.eq(sum(clamped, self.saturations))
        with m.If(Cat(clamped).any()):
            m.d.sync += [self.saturated.eq(1), self.saturations.eq(Mux(total[32], 0xFFFF_FFFF, total))]
        if self.protection != "none":
            faults = Signal(33)
            m.d.comb += faults.eq(sum((layer.faults for layer in self.layers), self.memory_faults))
            m.d.sync += self.memory_faults.eq(Mux(faults[32], 0xFFFF_FFFF, faults))
        return m

    def _take(self, m: Module, inputs: list[tuple[Any, int]]) -> None:
        """What comes from outside goes to all who hear it."""
        if self.params.currents:
            wiring.connect(m, wiring.flipped(self.i), self.layers[0].currents)
            return
        sinks: list[tuple[Value, Value]] = []
        for n, (to, delay) in enumerate(inputs):
            if len(inputs) == 1 and not delay:
                wiring.connect(m, wiring.flipped(self.i), to)
                return
            words = -(-self.params.inputs // self.input_width)
            m.submodules[f"input_{n}"] = edge = Edge(words * self.input_width, self.input_width, delay)
            m.d.comb += [
                edge.i.payload.eq(self.i.payload),
                to.payload.eq(edge.o.payload),
                to.valid.eq(edge.o.valid),
                edge.o.ready.eq(to.ready),
            ]
            sinks.append((edge.i.valid, edge.i.ready))
        _fork(m, self.i.valid, self.i.ready, sinks)


def _fork(m: Module, valid: Value, ready: Any, sinks: list[tuple[Value, Value]]) -> None:
    """A transfer happens for all sinks at once."""
    together = Cat(is_ready for _, is_ready in sinks).all() if sinks else Const(1)
    m.d.comb += ready.eq(together)
    for is_valid, _ in sinks:
        m.d.comb += is_valid.eq(valid & together)
