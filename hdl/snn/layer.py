"""One layer: it gathers the spikes of a tick into sums, then updates its neurons group by group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import Connection
from neuristor.golden_model.neurons.lif import LifRaw
from neuristor.hdl.array import state_layout
from neuristor.hdl.neurons.lif import parameter_layout
from neuristor.hdl.protection import guarded
from neuristor.hdl.row_port import RowPort
from neuristor.hdl.snn.lane import LifLayer, SnnLane
from neuristor.hdl.snn.plan import LayerPlan, Source
from neuristor.hdl.snn.scanner import Scanner
from neuristor.hdl.snn.sums import Control, Sums
from neuristor.hdl.snn.weights import WeightRows, weight_layout
from neuristor.hdl.tree import count_ones

__all__ = ["SnnLayer"]

Integers = NDArray[np.int64]


class SnnLayer(wiring.Component):
    """One layer of a spiking network.

    In each tick, the layer first receives the spikes of all its inputs: one row of weights per clock is added to the
    sums. Then it updates its neurons, one group per clock. A group leaves 5 clocks after it was issued, with a synaptic
    current 7. The next tick begins while the last groups are in the lanes.

    Parameters
    ----------
    plan : LayerPlan
        The layer and its lanes.
    sources : sequence of Source
        Where the spikes of each connection come from.
    current_bits : int
        Bits of the external currents, signed; 0 if there are none.

    Members
    -------
    i_N : In(stream of unsigned)
        For connection N: words of spikes, as for `Scanner`.
    currents : In(stream of ArrayLayout(signed(current_bits), updates))
        One current for each neuron of a group, in steps (LSB) of the membrane potential; all groups in every tick. Only
        with `current_bits`.
    o : Out(stream of {spikes, last})
        The spikes of a group, in the order of the places; `last` marks the last group of a tick.
    weight_N : In(stream of weight_layout)
        For connection N: a `chunk` of a row of weights to write (`data`, at `address`), at most 36 bits; one per clock.
        A chunk number beyond the last one changes nothing. Only while no spikes are received. The sums of the written
        weights must fit ``params.sum_bits``.
    own : In(RowPort)
        Thresholds and biases of each group, to read and write. Only if the layer is loadable.
    probe : Out({valid, number, spikes, clipped, state})
        While `valid`: the `number` of the group that leaves `o` in this clock, its `spikes`, its `state` after the
        tick, and whether an update of each neuron was clamped (`clipped`).
    faults : Out(8)
        Damaged words that were read in the clock before. Only with protection.
    """

    currents: Any
    faults: Signal
    own: Any
    o: Any
    probe: Any

    def __init__(self, plan: LayerPlan, sources: Sequence[Source], current_bits: int = 0) -> None:
        self.plan, self.params = plan, plan.params
        self.current_bits = current_bits
        layer = plan.params
        self._rows = [WeightRows(plan, each, source) for each, source in zip(layer.connections, sources, strict=True)]
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
        """Bits of a bias, signed; in a loadable layer, at least those of the membrane potential."""
        needed = int(np.abs(self.params.bias_raw).max(initial=0)).bit_length() + 1
        return max(needed, self.params.membrane_bits) if self.plan.loadable else needed

    @property
    def _columns(self) -> dict[str, Integers]:
        """The parameters of each neuron, by name."""
        layer = self.params
        faults = {"fault": layer.fault_raw} if layer.raw.lif.faults else {}
        return {"threshold": layer.threshold_raw} | faults | {"bias": layer.bias_raw}

    @property
    def _varied(self) -> dict[str, Integers]:
        """Those in memory: they differ between neurons, or can be loaded. The others are constants."""
        return {n: column for n, column in self._columns.items() if self.plan.loadable or (column != column[0]).any()}

    @property
    def own_shape(self) -> data.ArrayLayout:
        """A word of the memory of parameters: those of the neurons of one group."""
        shape = parameter_layout(LifLayer(self.params))
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
        """The words of the memory of parameters, group by group, as integers."""
        return [int(Const.cast(self.own_shape.const(each)).value) for each in self._own_init]

    def pipeline(self, number: int) -> tuple[LifRaw, SnnLane, list[dict[str, int]]]:
        """One lane and its neurons, for proofs about the lane.

        Parameters
        ----------
        number : int
            Of the lane, 0 to ``plan.updates - 1``.

        Returns
        -------
        raw : LifRaw
            The integers that all neurons share.
        lane : SnnLane
            The circuit of the lane.
        own : list of dict of str to int
            The parameters of each neuron of the lane.
        """
        names = parameter_layout(LifLayer(self.params)).members
        own = {name: [group[number] for group in self.plan.grouped(self._columns[name])] for name in names}
        return (
            self.params.raw.lif,
            self._lanes[number],
            [dict(zip(own, each, strict=True)) for each in zip(*own.values(), strict=True)],
        )

    def chunks(self, connection: int, other: Connection | None = None) -> list[list[int]]:
        """The content of the memories of weights of a connection.

        Parameters
        ----------
        connection : int
            Its number.
        other : Connection, optional
            Another connection of the same structure, whose weights are used instead.

        Returns
        -------
        list of list of int, shape (chunks, depth)
            As `WeightRows.chunks`.
        """
        rows = self._rows[connection]
        return (rows if other is None else WeightRows(rows.plan, other, rows.source)).chunks()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, connections = self.plan, range(len(self._rows))
        control = Control(plan.groups)
        sums = Sums(
            plan,
            self._rows,
            self._scanners,
            [getattr(self, f"i_{n}") for n in connections],
            [getattr(self, f"weight_{n}") for n in connections],
        )
        values, finished = sums.add_to(m, control)
        pipeline = _Pipeline(plan.groups, 1 + self._lanes[0].latency, plan.updates)
        self._elaborate_pipeline(m, control, pipeline)

        state_shape = data.ArrayLayout(state_layout(self.params), plan.updates)
        memory: Any = Memory(shape=state_shape, depth=max(2, plan.groups), init=[])
        m.submodules.state = memory
        # Unpacked in a second statement: in one, the version of Python decides whether Amaranth finds names for ports.
        ports = (memory.read_port(), memory.write_port())
        read, write = ports
        m.d.comb += [read.en.eq(control.issue), read.addr.eq(control.group)]
        own, bias, faults = self._elaborate_parameters(m, control)
        ready = self._elaborate_lanes(m, control, pipeline, values, own, bias, read.data)
        self._elaborate_output(m, pipeline)
        self._elaborate_state(m, control, pipeline, write)
        self._elaborate_control(m, control, pipeline, finished, ready)
        if plan.protection != "none":
            m.d.sync += self.faults.eq(count_ones(Cat(*sums.faults, *faults)))
        return m

    def _elaborate_pipeline(self, m: Module, control: Control, pipeline: _Pipeline) -> None:
        """All lanes stall while a group waits at the output."""
        m.d.comb += pipeline.moves.eq(~self.o.valid | self.o.ready)
        with m.If(pipeline.moves):
            m.d.sync += [
                pipeline.in_lanes.eq(Cat(control.issue, pipeline.in_lanes)),
                pipeline.numbers[0].eq(control.group),
            ]
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(pipeline.numbers)]

    def _elaborate_parameters(self, m: Module, control: Control) -> tuple[list[Any], list[Any], list[Value]]:
        """Parameters and bias of each neuron of the issued group, and faults of their memory.

        What differs between neurons, or can be loaded, is in memory; the rest is constant.
        """
        plan, varied = self.plan, self._varied
        same = {name: int(column[0]) for name, column in self._columns.items() if name not in varied}
        shape = parameter_layout(LifLayer(self.params))
        own: list[Any] = [Signal(shape, name=f"own_{n}") for n in range(plan.updates)]
        bias: list[Any] = [Const(same.get("bias", 0))] * plan.updates
        kept: list[Any] = []
        faults: list[Value] = []
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
            faults.append(memory.fault)
            m.d.comb += [memory.read_enable.eq(control.issue), memory.read_address.eq(control.group)]
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
        return own, bias, faults

    def _elaborate_lanes(
        self,
        m: Module,
        control: Control,
        pipeline: _Pipeline,
        sums: list[Value],
        own: list[Any],
        bias: list[Any],
        state: Any,
    ) -> Value:
        """The lanes and what they add up; whether the external currents of a group are there."""
        plan = self.plan
        total = [Signal(signed(self.total_bits), name=f"total_{n}") for n in range(plan.updates)]
        given: list[Any] = [0] * plan.updates
        ready: Value = Const(1)
        if self.current_bits:
            currents: Any = Signal(self.currents.p.shape())
            with m.If(control.issue):
                m.d.sync += currents.eq(self.currents.payload)
            m.d.comb += self.currents.ready.eq(control.issue)
            given, ready = [currents[n] for n in range(plan.updates)], self.currents.valid
        for n, lane in enumerate(self._lanes):
            m.submodules[f"lane_{n}"] = lane
            m.d.comb += [
                total[n].eq((sums[n] << self.params.least_shift) + bias[n] + given[n]),
                lane.enable.eq(pipeline.moves),
                lane.state.eq(state[n]),
                lane.parameters.eq(own[n]),
                lane.kick.eq(total[n]),
                pipeline.spikes[n].eq(lane.spike),
                pipeline.clipped[n].eq(lane.saturated),
                self.probe.state[n].eq(lane.next_state),
            ]
        return ready

    def _elaborate_output(self, m: Module, pipeline: _Pipeline) -> None:
        """The group that leaves the lanes."""
        m.d.comb += [
            pipeline.taken.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(pipeline.in_lanes[-1]),
            self.o.p.spikes.eq(pipeline.spikes),
            self.o.p.last.eq(pipeline.numbers[-1] == self.plan.groups - 1),
            self.probe.valid.eq(pipeline.taken),
            self.probe.number.eq(pipeline.numbers[-1]),
            self.probe.spikes.eq(pipeline.spikes),
            self.probe.clipped.eq(pipeline.clipped),
        ]

    def _elaborate_state(self, m: Module, control: Control, pipeline: _Pipeline, write: Any) -> None:
        """Write the initial state of each group after reset, then the state of each group that leaves the lanes."""
        lanes, last = self._lanes, self.plan.groups - 1
        clearing, clear_group = control.clearing, control.clear_group
        clear_step = Signal(range(1 + lanes[0].clear_clocks))
        with m.If(clearing):
            m.d.comb += [lane.load.eq(clear_step == 0) for lane in lanes]
            m.d.comb += [write.addr.eq(clear_group), write.en.eq(clear_step == lanes[0].clear_clocks)]
            m.d.comb += [write.data[n].eq(lane.initial_state) for n, lane in enumerate(lanes)]
            m.d.sync += clear_step.eq(clear_step + 1)
            with m.If(clear_step == lanes[0].clear_clocks):
                m.d.sync += [clear_step.eq(0), clear_group.eq(clear_group + 1), clearing.eq(clear_group != last)]
        with m.Else():
            m.d.comb += [
                write.addr.eq(pipeline.numbers[-1]),
                write.en.eq(pipeline.taken),
                write.data.eq(self.probe.state),
            ]

    def _elaborate_control(
        self, m: Module, control: Control, pipeline: _Pipeline, finished: Value, ready: Value
    ) -> None:
        """Gather the spikes of a tick, wait for the last rows and the last states, update all groups."""
        group, last = control.group, self.plan.groups - 1
        with m.FSM():
            with m.State("GATHER"):
                # Sums in block RAM: the read port may be used only once the lanes have the sums of the last group.
                gathers = ~control.clearing
                m.d.comb += control.gather.eq(gathers if self.plan.registers else gathers & ~pipeline.in_lanes[0])
                with m.If(finished & ~control.clearing):
                    m.next = "DRAIN"
            # Until the sums are complete and the state of the last tick is written.
            with m.State("DRAIN"), m.If(~control.busy & ~pipeline.in_lanes.any()):
                m.next = "UPDATE"
            with m.State("UPDATE"):
                m.d.comb += control.issue.eq(pipeline.moves & ready)
                with m.If(control.issue):
                    m.d.sync += group.eq(Mux(group == last, 0, group + 1))
                    with m.If(group == last):
                        m.next = "GATHER"


class _Pipeline:
    """The lanes as a whole: which groups are in them, and what leaves them.

    Parameters
    ----------
    groups : int
        Groups of neurons.
    latency : int
        Clocks from the issue of a group to the output.
    updates : int
        Lanes.
    """

    def __init__(self, groups: int, latency: int, updates: int) -> None:
        self.moves = Signal()
        self.in_lanes = Signal(latency)
        self.numbers = [Signal(range(max(groups, 2)), name=f"number_{n}") for n in range(latency)]
        self.clipped = Signal(updates)
        self.spikes = Signal(updates)
        self.taken = Signal()
