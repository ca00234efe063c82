"""An array of N neurons on L lanes: all that does not depend on the neuron model.

Neurons are stored in rows of L. The states of all neurons are in one block RAM, one row per word. A row is read, passes
through the lanes (one pipeline for each neuron of the row) and is written back::

    i (drive row) ──┐                 ┌── lane 0 ──┐
    state RAM ──────┼── row, t ───────┼── ...      ┼──┬── o (spikes and state row, t)
    parameter ROM ──┘                 └── lane L-1 ┘  └── state RAM

Timing, in clocks without stalls: `latency` is the clocks from the input of a row to its output, `interval` the clocks
from one row to the next (1, or more for neurons whose products share multipliers).

- From one tick to the next: ``interval * max(rows, ceil((latency + 1) / interval))``; with an interval of 1 this is
  ``max(rows, latency + 1)``.
- From one tick to the next with coupled neurons, whose coupling term needs `walk` clocks after the last row is written:
  ``interval * (rows - 1 + ceil((latency + walk) / interval))``; with an interval and a walk of 1 this is
  ``rows + latency``.
- From the first input to the last output of a single tick: ``(rows - 1) * interval + 1 + latency``.

The rows of a tick enter while the last rows of the previous tick are still in the lanes, but a row is never read before
its own state is written back. With fewer rows than pipeline stages, idle slots fill the gap. A read and a write thus
never meet at one address. Coupled neurons wait until all rows of the previous tick are written.
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
from neuristor.hdl.neighbours import CouplingTerm
from neuristor.hdl.protection import check_protection, guarded
from neuristor.hdl.row_port import RowPort
from neuristor.hdl.tree import count_ones

__all__ = [
    "ArrayParams",
    "NeuronArray",
    "Tuned",
    "check_lanes",
    "drive_layout",
    "in_rows",
    "output_layout",
    "rescaled",
    "state_layout",
]


class Stateful(Protocol):
    """Parameters of neurons with a state."""

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""


class ArrayParams(Stateful, Protocol):
    """What an array reads of the parameters of a neuron model."""

    @property
    def count(self) -> int:
        """Neurons of the array."""

    @property
    def drive(self) -> Format:
        """Word of the input."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the state fields that a reader of the array wants, besides the spikes."""

    def column(self, name: str) -> NDArray[np.int64]:
        """Words of a parameter that each neuron has of its own, shape (count,).

        Parameters
        ----------
        name : str
            Such as ``threshold``.
        """


def check_lanes(params: ArrayParams, lanes: int) -> int:
    """Check a number of lanes.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        The number to check.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not an integer between 1 and the number of neurons.
    """
    if not isinstance(lanes, int) or not 1 <= lanes <= params.count:
        raise ValueError(f"lanes must be an integer between 1 and {params.count}, not {lanes!r}")
    return lanes


def state_layout(params: Stateful) -> data.StructLayout:
    """Layout of the state of one neuron, as the block RAM stores it.

    Parameters
    ----------
    params : Stateful
        Parameters of the neurons.
    """
    return data.StructLayout(
        {field.name: signed(field.width) if field.signed else unsigned(field.width) for field in params.state_fields}
    )


def drive_layout(params: ArrayParams, lanes: int) -> data.ArrayLayout:
    """Layout of a row of input words.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Neurons of a row.
    """
    return data.ArrayLayout(signed(params.drive.width), lanes)


def output_layout(params: ArrayParams, lanes: int) -> data.StructLayout:
    """Layout of a row of output: ``last``, ``spikes`` and ``state``, see `NeuronArray.o`.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Neurons of a row.
    """
    return data.StructLayout(
        {"last": unsigned(1), "spikes": unsigned(lanes), "state": data.ArrayLayout(state_layout(params), lanes)}
    )


def in_rows(columns: dict[str, NDArray[np.int64]], lanes: int) -> list[list[dict[str, int]]]:
    """Arrange per-neuron parameters in rows; lanes beyond the last neuron repeat it.

    Parameters
    ----------
    columns : dict of ndarray of int64, shape (count,)
        Values of each parameter, by name.
    lanes : int
        Neurons of a row.

    Returns
    -------
    list of list of dict of str to int
        The parameters of each row and lane.
    """
    listed = {name: column.tolist() for name, column in columns.items()}
    count = len(next(iter(listed.values())))
    neurons = [{name: column[n] for name, column in listed.items()} for n in range(count)]
    neurons += [neurons[-1]] * (-count % lanes)
    return [neurons[start : start + lanes] for start in range(0, count, lanes)]


class Tuned:
    """The integers that a circuit is built from; those that are loadable are replaced by an input.

    Parameters
    ----------
    raw : named tuple of int
        Integers of the parameters, by name.
    tuning : View or None
        Input with some of these names; None if none is loadable.
    """

    def __init__(self, raw: Any, tuning: Any) -> None:
        self._raw, self._tuning = raw, tuning
        self._names = () if tuning is None else tuple(tuning.shape().members)

    def __getattr__(self, name: str) -> Any:
        return self._tuning[name] if name in self._names else getattr(self._raw, name)


def rescaled(name: str, value: int, shift: int, built: int) -> int:
    """Convert a coefficient to the shift of a circuit, with the same result.

    Parameters
    ----------
    name : str
        Name of the coefficient, for the error message.
    value : int
        Coefficient whose product is shifted down by `shift`.
    shift : int
        Its shift.
    built : int
        Shift of the circuit.

    Returns
    -------
    int
        Coefficient whose product is shifted down by `built`.

    Raises
    ------
    ValueError
        If the coefficient is finer than the circuit can represent.
    """
    if shift <= built:
        return value << built - shift
    if value & ((1 << shift - built) - 1):
        raise ValueError(f"{name} {value} / 2**{shift} is finer than 2**-{built}, which the circuit is built for")
    return value >> shift - built


class NeuronArray(wiring.Component):
    """N neurons on L lanes.

    The first input is accepted `cycles_after_reset` clocks after reset, when all rows have their initial state.
    Throughput: one row every `interval` clocks, one tick every `cycles_per_tick` clocks. Latency of a row: `latency`
    clocks. The pipeline stalls as a whole while an output row waits to be accepted.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the neurons.
    lanes : int
        Neurons updated in parallel, 1 to ``params.count``.
    lane : callable
        ``lane(number)`` makes the pipeline of one lane, a `Lane`; numbers count from 0.
    parameters : list of list of dict, optional
        Per-neuron parameters: for each row and lane, the fields of the lane's `parameters`; see `in_rows`.
    neighbours : CouplingTerm, optional
        Coupling term of coupled neurons. Each lane then has the input `pull`, and a tick begins only when the previous
        one has ended.
    loadable : bool
        Whether parameters can be changed at run time, while no neuron is updated.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.

    Members
    -------
    i : In(stream.Signature(drive_layout))
        One transfer is the input of one row: a signed word of each lane, on the grid of ``params.drive``. Rows come in
        order, from row 0; a tick is `rows` transfers.
    o : Out(stream.Signature(output_layout))
        One transfer is one row after the tick, in the same order. `spikes`: one bit per lane. `state`: the state of
        each lane, as it is written back. `last`: set for the last row of a tick. Lanes beyond the last neuron are zero.
    saturated : Out(1)
        A neuron update was clamped since reset.
    saturations : Out(32)
        Neuron updates clamped since reset; stays at its largest value.
    own : In(RowPort), optional
        Access to the rows of per-neuron parameters, of a loadable array that has them.
    edges : In(RowPort), optional
        Access to the edges of a loadable array in which each has its own value; see ``neuristor.hdl.edges.Edges``.
    tuning : In(StructLayout), optional
        Loaded parameters that all neurons share, of a loadable array whose lanes have this input. The initial state is
        computed from its value after reset.
    seed : In(32), optional
        Loaded seed of the noise, of a loadable array whose lanes have this input. Used after reset only.
    memory_faults : Out(32), optional
        Since reset: rows accepted whose parameters were damaged, and damaged rows read through `own`; stays at its
        largest value. Only with protection.

    Raises
    ------
    ValueError
        If `lanes` is outside its range, or `protection` has another value.
    """

    i: stream.Interface
    o: stream.Interface
    saturated: Signal
    saturations: Signal
    own: Any
    edges: Any
    tuning: Any
    seed: Signal
    memory_faults: Signal

    def __init__(
        self,
        params: ArrayParams,
        lanes: int,
        lane: Callable[[int], Lane],
        parameters: list[list[dict[str, int]]] | None = None,
        neighbours: CouplingTerm | None = None,
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
        if neighbours is not None and neighbours.port is not None:
            loaded["edges"] = In(neighbours.port)
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
    def neighbours(self) -> CouplingTerm | None:
        """The coupling term; None for neurons without coupling."""
        return self._neighbours

    @property
    def parameters(self) -> list[list[dict[str, int]]] | None:
        """Per-neuron parameters of each row and lane; None if there are none."""
        return self._parameters

    @property
    def row_shape(self) -> data.ArrayLayout:
        """Layout of the per-neuron parameters of a row."""
        return data.ArrayLayout(self._lanes[0].parameters.shape(), self.lanes)

    @property
    def own_rows(self) -> list[int]:
        """The per-neuron parameters of each row, as the bits of a word of their memory."""
        return [int(Const.cast(self.row_shape.const(row)).value) for row in self._parameters or []]

    def tuned(self, params: Any) -> dict[str, int]:
        """Values to load into `tuning` for other neurons of the same structure.

        Parameters
        ----------
        params : NeuronParams
            Parameters of the other neurons, of the same model.

        Returns
        -------
        dict of str to int
            Value of each field of `tuning`; empty for an array without one.
        """
        return {}

    @property
    def coupled(self) -> bool:
        """Whether the neurons are coupled."""
        return self._neighbours is not None

    @property
    def rows(self) -> int:
        """Rows of the array: ``ceil(count / lanes)``."""
        return -(-self.params.count // self.lanes)

    @property
    def latency(self) -> int:
        """Clocks from the input of a row to its output: the read of the RAM, and the lanes."""
        return 1 + self._lanes[0].latency

    @property
    def cycles_per_tick(self) -> int:
        """Clocks from one tick to the next, without stalls."""
        if self._neighbours is not None:
            return self.interval * (self.rows - 1 + -(-(self.latency + self._neighbours.walk) // self.interval))
        return self.interval * max(self.rows, -(-(self.latency + 1) // self.interval))

    @property
    def interval(self) -> int:
        """Clocks from one row to the next."""
        return self._lanes[0].interval

    @property
    def cycles_alone(self) -> int:
        """Clocks of a single tick: from the first input row accepted to the last output row transferred."""
        return (self.rows - 1) * self.interval + 1 + self.latency

    @property
    def cycles_after_reset(self) -> int:
        """Clocks from reset to the first input accepted, in which every row is set to its initial state."""
        return self.rows * (1 + self._lanes[0].clear_clocks) + self.interval * self.idle_slots

    @property
    def idle_slots(self) -> int:
        """Slots after the clearing, in which the coupling terms of the initial state are computed."""
        return 0 if self._neighbours is None else -(-(self._neighbours.walk - 1) // self.interval)

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

        # What accompanies a row through the pipeline.
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
            self._connect_neighbours(m, self._neighbours, moves, self._held(m, slot, begins), read, write)
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
        """One slot for each row, then idle slots until the state of the first row is written back."""
        rows = self.rows
        slots = self.cycles_per_tick // self.interval
        slot = Signal(range(slots), init=-self.idle_slots % slots)
        running = Signal()
        has_row = Signal()
        # A slot begins in phase 0; a row that arrives late waits for the next phase 0.
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

    def _held(self, m: Module, slot: Signal, begins: Signal) -> Any:
        """The row that has begun, for as long as its lane reads what belongs to it."""
        if self.interval == 1:
            return slot
        held = Signal.like(slot, name="held_slot")
        with m.If(begins):
            m.d.sync += held.eq(slot)
        return Mux(begins, slot, held)

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
            # A row that waits for its input is read in every clock; it counts when it is accepted.
            used = Signal(name="parameters_used")
            m.d.sync += used.eq(self.i.valid & self.i.ready)
            if self.loadable:
                with m.If(self.own.read):
                    m.d.sync += used.eq(1)
            with m.If(used & known.fault & ~self.memory_faults.all()):
                m.d.sync += self.memory_faults.eq(self.memory_faults + 1)

    def _connect_neighbours(
        self, m: Module, neighbours: CouplingTerm, moves: Signal, row: Any, read: Any, write: Any
    ) -> None:
        """Connect the coupling term: the states read and written, and the term of each neuron."""
        m.submodules.neighbours = neighbours
        if neighbours.port is not None:
            inner, outer = neighbours.edges, self.edges
            m.d.comb += [
                getattr(inner, each).eq(getattr(outer, each)) for each in ("address", "write", "given", "read")
            ]
            m.d.comb += outer.data.eq(inner.data)
        m.d.comb += [
            neighbours.enable.eq(moves),
            neighbours.row.eq(row),
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
        """After reset, set every row to its initial state; then the array runs."""
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
        """Count clamped updates when their row is transferred."""
        taken = self.o.valid & self.o.ready
        total = Signal(33)
        m.d.comb += total.eq(self.saturations + count_ones(clamped))
        with m.If(taken & clamped.any()):
            m.d.sync += [self.saturated.eq(1), self.saturations.eq(Mux(total[32], 0xFFFF_FFFF, total))]
