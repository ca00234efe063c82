"""An array of N neurons on L lanes: everything about it that does not depend on the neuron.

The neurons stand in rows of L. Their state waits in one block RAM, a row a word; a row is read, goes
through the lanes (one pipeline a neuron of the row) and is written back::

    i (drive row) ──┐                 ┌── lane 0 ──┐
    state RAM ──────┼── row, t ───────┼── ...      ┼──┬── o (spikes and state row, t)
    parameter ROM ──┘                 └── lane L-1 ┘  └── state RAM

A lane whose neuron shares multipliers takes a new row only every `interval` clocks, 1 for most. In units of
`interval`, a tick takes ``max(rows, latency)`` when the next one follows at once, and ``rows + latency``
alone. Rows of the next tick enter while the last rows of this one are still in the lanes, but never
before their own state is back: with fewer rows than pipeline stages, idle slots fill the gap, so a
read and a write never meet at one address. Coupled neurons wait for all rows of the last tick: a tick
takes ``rows + latency`` clocks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.model import Field
from neuristor.hdl.lane import Lane
from neuristor.hdl.neighbours import Neighbours
from neuristor.hdl.protection import check_protection, guarded
from neuristor.hdl.tree import count_ones

__all__ = [
    "ArrayParams",
    "NeuronArray",
    "RowPort",
    "Tuned",
    "check_lanes",
    "drive_layout",
    "in_rows",
    "output_layout",
    "rescaled",
    "state_layout",
]


class Stateful(Protocol):
    """What has a state."""

    @property
    def state_fields(self) -> tuple[Field, ...]: ...


class ArrayParams(Stateful, Protocol):
    """What the array needs to know of a neuron model's parameters."""

    @property
    def count(self) -> int: ...

    @property
    def drive(self) -> Format: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...


def check_lanes(params: ArrayParams, lanes: int) -> int:
    """The same number, if an array can have so many lanes.

    Raises
    ------
    ValueError
        If it is no integer between 1 and the number of neurons.
    """
    if not isinstance(lanes, int) or not 1 <= lanes <= params.count:
        raise ValueError(f"lanes must be an integer between 1 and {params.count}, not {lanes!r}")
    return lanes


def state_layout(params: Stateful) -> data.StructLayout:
    """The state of one neuron, as the block RAM holds it."""
    return data.StructLayout(
        {field.name: signed(field.width) if field.signed else unsigned(field.width) for field in params.state_fields}
    )


def drive_layout(params: ArrayParams, lanes: int) -> data.ArrayLayout:
    """One row of input."""
    return data.ArrayLayout(signed(params.drive.width), lanes)


def output_layout(params: ArrayParams, lanes: int) -> data.StructLayout:
    """One row of output: what `NeuronArray.o` carries."""
    return data.StructLayout(
        {"last": unsigned(1), "spikes": unsigned(lanes), "state": data.ArrayLayout(state_layout(params), lanes)}
    )


def in_rows(columns: dict[str, NDArray[np.int64]], lanes: int) -> list[list[dict[str, int]]]:
    """Per-neuron parameters, row by row and lane by lane; lanes beyond the last neuron repeat it.

    Parameters
    ----------
    columns : dict of ndarray of int64, shape (count,)
        By the name of the parameter.
    lanes : int
    """
    listed = {name: column.tolist() for name, column in columns.items()}
    count = len(next(iter(listed.values())))
    neurons = [{name: column[n] for name, column in listed.items()} for n in range(count)]
    neurons += [neurons[-1]] * (-count % lanes)
    return [neurons[start : start + lanes] for start in range(0, count, lanes)]


class RowPort(wiring.Signature):
    """A way to the rows of a memory, seen from outside.

    Members
    -------
    address : Out
    write : Out(1)
        `given` goes there.
    given : Out
    read : Out(1)
        `data` is the row, a clock later.
    data : In
    """

    def __init__(self, width: int, rows: int) -> None:
        super().__init__(
            {
                "address": Out(range(rows)),
                "write": Out(1),
                "given": Out(width),
                "read": Out(1),
                "data": In(width),
            }
        )


class Tuned:
    """The integers that a circuit is built from, those of `tuning` from outside.

    Parameters
    ----------
    raw : named tuple
    tuning : View or None
        Of a structure with some of its names.
    """

    def __init__(self, raw: Any, tuning: Any) -> None:
        self._raw, self._tuning = raw, tuning
        self._names = () if tuning is None else tuple(tuning.shape().members)

    def __getattr__(self, name: str) -> Any:
        return self._tuning[name] if name in self._names else getattr(self._raw, name)


def rescaled(name: str, value: int, shift: int, built: int) -> int:
    """A coefficient whose product is shifted down by `shift`, for a circuit that shifts by `built`: the same result.

    Raises
    ------
    ValueError
        If there is none.
    """
    if shift <= built:
        return value << built - shift
    if value & ((1 << shift - built) - 1):
        raise ValueError(f"{name} {value} / 2**{shift} is finer than 2**-{built}, which the circuit is built for")
    return value >> shift - built


class NeuronArray(wiring.Component):
    """N neurons on L lanes.

    Parameters
    ----------
    params : ArrayParams
        Of the neuron model.
    lanes : int
        How many neurons are updated side by side, 1 to ``params.count``.
    lane : callable
        Makes the pipeline of one lane from its number. It has the properties ``latency`` and ``interval``
        (clocks at which it can take neurons; an input ``phase`` if that is not 1), and the members
        ``enable``, ``state``, ``drive``, ``parameters`` (inputs), ``next_state``, ``spike``, ``saturated``
        (outputs, `latency` enabled clocks later), ``load`` (input) and ``initial_state`` (output: the state
        after reset of the next neuron of the lane, `clear_clocks` clocks after `load`).
    parameters : list of list of dict, optional
        Per-neuron parameters: for each row and lane, the fields of the lane's ``parameters``.
    neighbours : Neighbours, optional
        What the neurons feel of each other. Each lane then has the input ``pull`` as well, one enabled
        clock after `state`; and a tick begins only when the last one has ended.
    loadable : bool
        Parameters can be changed while no neuron is updated. Lanes then may have inputs ``tuning`` and ``seed``.
    protection : str
        Of the memory of per-neuron parameters: "none", "parity" or "secded"; see ``neuristor.hdl.protection``.

    Members
    -------
    own : In
        Of a loadable array with per-neuron parameters: what is `given` goes to the `address` of a row with `write`;
        with `read`, the row's `data` is there a clock later.
    tuning : In(StructLayout)
        Of a loadable array whose lanes have it; what it is at reset, counts at reset.
    seed : In(32)
        Of a loadable array whose lanes have noise; counts at reset.
    i : In(stream.Signature(drive_layout))
        One transfer is the input of one row. Rows come in order, from row 0; a tick is `rows` transfers.
    o : Out(stream.Signature(output_layout))
        One transfer is one row after the tick: `spikes`, one bit a lane; `state`, as it is written
        back; `last`, set for the last row of a tick. Lanes beyond the last neuron read as zero.
    saturated : Out(1)
        Some neuron update was clamped since reset.
    saturations : Out(32)
        How many were; stays at its largest value.
    memory_faults : Out(32)
        Of an array with protection: how many damaged words were read since reset; stays at its largest value.

    Raises
    ------
    ValueError
        If `lanes` is outside its range, or there is no such protection.
    """

    i: stream.Interface
    o: stream.Interface
    saturated: Signal
    saturations: Signal
    own: Any
    tuning: Any
    seed: Signal
    memory_faults: Signal

    def __init__(
        self,
        params: ArrayParams,
        lanes: int,
        lane: Callable[[int], Lane],
        parameters: list[list[dict[str, int]]] | None = None,
        neighbours: Neighbours | None = None,
        loadable: bool = False,
        protection: str = "none",
    ) -> None:
        check_lanes(params, lanes)
        check_protection(protection)
        self.protection = protection if parameters is not None else "none"
        self.loadable = loadable
        self.params = params
        self.lanes = lanes
        self._lanes = [lane(index) for index in range(lanes)]
        self._parameters = parameters
        self._neighbours = neighbours
        first = self._lanes[0]
        loaded: dict[str, Any] = {}
        if loadable and parameters is not None:
            loaded["own"] = In(RowPort(self.row_shape.size, max(2, self.rows)))
        if loadable:
            loaded |= {name: In(getattr(first, name).shape()) for name in ("tuning", "seed") if first.has(name)}
        super().__init__(
            {
                "i": In(stream.Signature(drive_layout(params, lanes))),
                "o": Out(stream.Signature(output_layout(params, lanes))),
                "saturated": Out(1),
                "saturations": Out(32),
            }
            | ({} if self.protection == "none" else {"memory_faults": Out(32)})
            | loaded
        )

    @property
    def pipelines(self) -> list[Lane]:
        """The lanes."""
        return self._lanes

    @property
    def neighbours(self) -> Neighbours | None:
        """What the neurons feel of each other."""
        return self._neighbours

    @property
    def parameters(self) -> list[list[dict[str, int]]] | None:
        """Per-neuron parameters, by row and lane."""
        return self._parameters

    @property
    def row_shape(self) -> data.ArrayLayout:
        """The parameters of a row of neurons."""
        return data.ArrayLayout(self._lanes[0].parameters.shape(), self.lanes)

    @property
    def own_rows(self) -> list[int]:
        """The parameters of each row, as bits."""
        return [int(Const.cast(self.row_shape.const(row)).value) for row in self._parameters or []]

    def tuned(self, params: Any) -> dict[str, int]:
        """The `tuning` for other neurons of the same structure."""
        return {}

    @property
    def coupled(self) -> bool:
        """Whether the neurons feel each other."""
        return self._neighbours is not None

    @property
    def rows(self) -> int:
        """Rows of the array: ``ceil(count / lanes)``."""
        return -(-self.params.count // self.lanes)

    @property
    def latency(self) -> int:
        """Clocks from a row's input to its output: the RAM read and the lanes."""
        return 1 + self._lanes[0].latency

    @property
    def cycles_per_tick(self) -> int:
        """Clocks from one tick to the next, without stalls."""
        if self._neighbours is not None:
            return self.rows + self.latency
        return self.interval * max(self.rows, -(-(self.latency + 1) // self.interval))

    @property
    def interval(self) -> int:
        """Clocks from one row to the next."""
        return self._lanes[0].interval

    @property
    def cycles_alone(self) -> int:
        """Clocks of a tick that no other follows: from its first row taken to its last row given."""
        return (self.rows - 1) * self.interval + 1 + self.latency

    @property
    def cycles_after_reset(self) -> int:
        """Clocks after reset until the first input is taken: every row is set to its initial state."""
        return self.rows * (1 + self._lanes[0].clear_clocks)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, rows, latency = self._lanes, self.rows, self.latency
        row_state = data.ArrayLayout(state_layout(self.params), self.lanes)

        memory: Any = Memory(shape=row_state, depth=max(2, rows), init=[])
        m.submodules.state_memory = memory
        read = memory.read_port()
        write = memory.write_port()

        for index, lane in enumerate(lanes):
            m.submodules[f"lane_{index}"] = lane

        # The pipeline moves as a whole, and stalls while its last stage waits to be accepted.
        moves = Signal()
        m.d.comb += moves.eq(~self.o.valid | self.o.ready)

        slot, running, begins, lane_phase = self._schedule(m, moves)

        # What travels beside a row through the pipeline.
        valid = Signal(latency)
        stage_row = [Signal(range(max(2, rows)), name=f"row_{n}") for n in range(latency)]
        drives: Any = Signal(drive_layout(self.params, self.lanes))
        with m.If(moves):
            m.d.sync += [
                valid.eq(Cat(self.i.valid & self.i.ready, valid)),
                stage_row[0].eq(slot),
            ]
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(stage_row)]
        with m.If(begins):
            m.d.sync += drives.eq(self.i.payload)
        m.d.comb += [read.en.eq(begins), read.addr.eq(slot)]

        if self._parameters is not None:
            self._parameter_memory(m, slot, begins)

        # The last row may have fewer neurons than lanes.
        row = stage_row[-1]
        is_last = Signal()
        m.d.comb += [is_last.eq(row == rows - 1), self.o.valid.eq(valid[-1]), self.o.p.last.eq(is_last)]
        clamped = Signal(self.lanes)
        shared = [name for name in ("tuning", "seed") if name in self.signature.members]
        for index, lane in enumerate(lanes):
            exists: Any = Const(1) if self._full(index) else ~is_last
            m.d.comb += [
                lane.enable.eq(moves),
                *([lane.phase.eq(lane_phase)] if self.interval > 1 else []),
                *(getattr(lane, name).eq(getattr(self, name)) for name in shared),
                lane.state.eq(read.data[index]),
                lane.drive.eq(drives[index]),
                self.o.p.spikes[index].eq(lane.spike & exists),
                self.o.p.state[index].eq(Mux(exists, lane.next_state, 0)),
                clamped[index].eq(lane.saturated & exists),
            ]

        if self._neighbours is not None:
            self._connect_neighbours(m, self._neighbours, moves, slot, read, write)
        with m.If(~running):
            self._clear(m, running, write)
        with m.Else():
            m.d.comb += [
                write.en.eq(self.o.valid & self.o.ready),
                write.addr.eq(row),
                write.data.eq(self.o.p.state),
            ]
        self._count(m, clamped)
        return m

    def _full(self, index: int) -> bool:
        """Whether the last row has a neuron in this lane, as all others have."""
        return (self.rows - 1) * self.lanes + index < self.params.count

    def _schedule(self, m: Module, moves: Signal) -> tuple[Signal, Signal, Signal, Signal]:
        """One slot a row, then idle slots until the state of the first row is back."""
        rows = self.rows
        slots = self.cycles_per_tick // self.interval
        slot = Signal(range(slots))
        running = Signal()
        has_row = Signal()
        # A slot begins in phase 0; a row that arrives late waits for the next one.
        phase = Signal(range(self.interval))
        lane_phase = Signal(range(self.interval))
        begins = Signal()
        with m.If(running & moves):
            m.d.sync += [phase.eq(Mux(phase == self.interval - 1, 0, phase + 1)), lane_phase.eq(phase)]
        m.d.comb += [
            begins.eq(moves & (phase == 0)),
            has_row.eq(running & (slot < rows)),
            self.i.ready.eq(has_row & begins),
        ]
        with m.If(running & begins & (self.i.valid | ~has_row)):
            m.d.sync += slot.eq(Mux(slot == slots - 1, 0, slot + 1))
        return slot, running, begins, lane_phase

    def _parameter_memory(self, m: Module, slot: Signal, begins: Signal) -> None:
        """Per-neuron parameters, read with the state of their row."""
        assert self._parameters is not None
        lanes, rows = self._lanes, self.rows
        shape = data.ArrayLayout(lanes[0].parameters.shape(), self.lanes)
        table = self._parameters + [self._parameters[0]] * (max(2, rows) - rows)
        known = guarded(m, "parameter_memory", shape, len(table), table, self.protection, written=self.loadable)
        m.d.comb += [known.read_enable.eq(begins), known.read_address.eq(slot)]
        if self.loadable:
            own = self.own
            m.d.comb += [
                known.write_address.eq(own.address),
                known.given.eq(own.given),
                known.write_enable.eq(own.write),
                own.data.eq(known.data),
            ]
            with m.If(own.read):
                m.d.comb += [known.read_enable.eq(1), known.read_address.eq(own.address)]
        for index, lane in enumerate(lanes):
            m.d.comb += lane.parameters.eq(known.data[index])
        if self.protection != "none":
            with m.If(known.fault & ~self.memory_faults.all()):
                m.d.sync += self.memory_faults.eq(self.memory_faults + 1)

    def _connect_neighbours(
        self, m: Module, neighbours: Neighbours, moves: Signal, slot: Signal, read: Any, write: Any
    ) -> None:
        """The sums over the neighbours: what is read and written, and the pull on each neuron."""
        m.submodules.neighbours = neighbours
        m.d.comb += [
            neighbours.enable.eq(moves),
            neighbours.row.eq(slot),
            neighbours.write.eq(write.en),
            neighbours.write_row.eq(write.addr),
        ]
        for index, lane in enumerate(self._lanes):
            m.d.comb += [
                neighbours.own[index].eq(read.data[index][neighbours.field]),
                neighbours.written[index].eq(write.data[index][neighbours.field]),
                lane.pull.eq(neighbours.pull[index]),
            ]

    def _clear(self, m: Module, running: Signal, write: Any) -> None:
        """After reset every row gets its initial state, then the array runs."""
        lanes, rows = self._lanes, self.rows
        clear_row = Signal(range(max(2, rows)))
        clear_step = Signal(range(1 + lanes[0].clear_clocks))
        m.d.comb += [lane.load.eq(clear_step == 0) for lane in lanes]
        with m.If(clear_step == lanes[0].clear_clocks):
            m.d.sync += [clear_step.eq(0), clear_row.eq(clear_row + 1), running.eq(clear_row == rows - 1)]
            m.d.comb += write.en.eq(1)
        with m.Else():
            m.d.sync += clear_step.eq(clear_step + 1)
        m.d.comb += write.addr.eq(clear_row)
        for index, lane in enumerate(lanes):
            exists: Any = Const(1) if self._full(index) else clear_row != rows - 1
            m.d.comb += write.data[index].eq(Mux(exists, lane.initial_state, 0))

    def _count(self, m: Module, clamped: Signal) -> None:
        """Count clamped updates, as their rows are accepted."""
        taken = self.o.valid & self.o.ready
        total = Signal(33)
        m.d.comb += total.eq(self.saturations + count_ones(clamped))
        with m.If(taken & clamped.any()):
            m.d.sync += [self.saturated.eq(1), self.saturations.eq(Mux(total[32], 0xFFFF_FFFF, total))]
