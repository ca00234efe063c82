"""Pipelines whose multiplications share multipliers, and the lane that is made of one.

If a lane accepts a new neuron only every `interval` clocks, one multiplier computes `interval` products of each neuron.
A `Flow` is written like a formula. It schedules the steps: in which clock each one happens, on which multiplier, and in
how many further registers a value is held until it is last read; where they are many, in memory::

    flow = Flow(interval=4)
    a, b = flow.take(port_a), flow.take(port_b)
    product = flow.multiply(a, b, lambda p: round_shift(p, 12))
    total = flow.register(lambda p, a: p + a, product, a)

Clocks are counted from the first one in which the inputs of a neuron are valid, clock 0; clocks without `enable` do not
count. With an `interval` of 1, a flow is a plain pipeline with one multiplier for each product.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Array, Const, Module, Shape, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden_noise
from neuristor.hdl import noise
from neuristor.hdl.array import NeuronArray, check_lanes, in_rows, state_layout
from neuristor.hdl.delay import CLOCKS, DelayLines
from neuristor.hdl.fixed import shape
from neuristor.hdl.lane import Lane
from neuristor.hdl.neighbours import CouplingTerm

__all__ = ["Flow", "FlowArray", "FlowLane", "Node"]

MULTIPLY = 3
"""Clocks of a multiplication: one register each for the factors, the product and the result."""


@dataclass(eq=False)
class Node:
    """A value of one neuron, and the clocks in which it is valid.

    It is valid for `interval` clocks. Then the value of the next neuron takes its place, and if it is read later, it is
    held in a copy.
    """

    interval: int
    """Clocks for which it is valid; 0 for a constant, which is always valid."""
    time: int
    """The first clock in which it is valid."""
    value: Value
    """The signal or the constant."""
    copies: dict[int, Any] = field(default_factory=dict)
    """Signals that hold it afterwards, for `interval` clocks each, by how many times `interval` later."""

    def at(self, clock: int) -> Value:
        """What to read in a clock; adds copies where they are needed.

        Parameters
        ----------
        clock : int
            Clock in which the value is read.

        Raises
        ------
        ValueError
            If the value is not yet valid in that clock.
        """
        if not self.interval:
            return self.value
        if clock < self.time:
            raise ValueError(f"clock must be at least {self.time}, not {clock}")
        return self.held((clock - self.time) // self.interval)

    def held(self, age: int) -> Value:
        """The value, some times `interval` later.

        Parameters
        ----------
        age : int
            How many times.
        """
        if not age:
            return self.value
        if age not in self.copies:
            self.copies[age] = Signal(self.value.shape(), name=f"held_{self.time}_{age - 1}")
        return Value.cast(self.copies[age])


@dataclass(eq=False)
class _Part(Node):
    """Some bits of another node; they are valid in the same clocks."""

    source: Node = field(kw_only=True)
    low: int = field(kw_only=True)
    high: int | None = field(kw_only=True)
    signed: bool = field(kw_only=True)

    def at(self, clock: int) -> Value:
        """The bits to read in a clock.

        Parameters
        ----------
        clock : int
            Clock in which they are read.
        """
        bits = self.source.at(clock)[self.low : self.high]
        return bits.as_signed() if self.signed else bits


@dataclass(eq=False)
class _Wire(Node):
    """A function of other nodes without a register: it is valid in the clocks in which all of them are."""

    function: Callable[..., Any] = field(kw_only=True)
    sources: tuple[Node, ...] = field(kw_only=True)

    def at(self, clock: int) -> Value:
        """The value in a clock.

        Parameters
        ----------
        clock : int
            Clock in which it is read.
        """
        return Value.cast(self.function(*(source.at(clock) for source in self.sources)))


class _Product(NamedTuple):
    """One multiplication on a multiplier."""

    time: int
    a: Value
    b: Value
    result: Any


class Flow:
    """The steps of one lane for each neuron.

    Parameters
    ----------
    interval : int
        Clocks from one neuron to the next, at least 1.

    Raises
    ------
    ValueError
        If `interval` is not an integer of at least 1.
    """

    def __init__(self, interval: int) -> None:
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f"interval must be an integer of at least 1, not {interval!r}")
        self.interval = interval
        self._nodes: list[Node] = []
        self._loads: list[tuple[int, Any, Value]] = []
        self._units: list[dict[int, _Product]] = []
        self._tables: list[tuple[str, data.StructLayout, list[dict[str, int]], int, Value, Any]] = []

    @property
    def multipliers(self) -> int:
        """Number of multipliers so far."""
        return len(self._units)

    def _node(self, time: int, value: Value) -> Node:
        self._nodes.append(Node(self.interval, time, value))
        return self._nodes[-1]

    def take(self, value: Any, time: int = 0) -> Node:
        """An input, valid from clock 0.

        Parameters
        ----------
        value : value-like
            Input of the lane.
        time : int
            The first clock in which it is valid, if that is another one.
        """
        return self._node(time, Value.cast(value))

    def constant(self, value: int) -> Node:
        """A constant, always valid.

        Parameters
        ----------
        value : int
            Its value; the shape is as wide as needed, signed.
        """
        return Node(0, 0, Const(value, signed(value.bit_length() + 1)))

    def part(self, node: Node, low: int, high: int | None = None, *, signed: bool = False) -> Node:
        """Some bits of a node; takes no clock.

        Parameters
        ----------
        node : Node
            The node.
        low : int
            The lowest bit.
        high : int, optional
            One above the highest bit; all bits from `low` upwards when absent.
        signed : bool
            Whether the bits are a signed number.
        """
        return _Part(node.interval, node.time, node.value, source=node, low=low, high=high, signed=signed)

    def wire(self, function: Callable[..., Any], *nodes: Node) -> Node:
        """Logic without a register, for a node that reads it; takes no clock.

        Parameters
        ----------
        function : callable
            Makes a value from the values of `nodes`, with combinational logic only.
        *nodes : Node
            Operands, of which one is no constant.
        """
        moving = [node for node in nodes if node.interval]
        time = max(node.time for node in moving)
        return _Wire(self.interval, time, Const(0), function=function, sources=nodes)

    def register(self, function: Callable[..., Any], *nodes: Node, name: str = "") -> Node:
        """Logic without a multiplication; takes one clock.

        Parameters
        ----------
        function : callable
            Makes a value from the values of `nodes`, with combinational logic only.
        *nodes : Node
            Operands.
        name : str
            Name of the register.

        Returns
        -------
        Node
            The result, valid one clock after the last operand.
        """
        time = max(node.time for node in nodes)
        return self._load(time, function(*(node.at(time) for node in nodes)), name)

    def _load(self, time: int, value: Any, name: str = "") -> Node:
        value = Value.cast(value)
        held = Signal(value.shape(), name=name or f"step_{time}_{len(self._loads)}")
        self._loads.append((time, held, value))
        return self._node(time + 1, held)

    def multiply(
        self,
        a: Node,
        b: Node,
        function: Callable[..., Any] = lambda product: product,
        *nodes: Node,
        name: str = "",
    ) -> Node:
        """A multiplication, and logic on its product; takes three clocks, and waits for a free multiplier.

        Parameters
        ----------
        a, b : Node
            Factors.
        function : callable
            Makes a value from the product and the values of `nodes`, with combinational logic only.
        *nodes : Node
            Further operands of `function`; needed two clocks later than the factors.
        name : str
            Name of the register of the result.

        Returns
        -------
        Node
            The result.
        """
        time = max(a.time, b.time, *(node.time - MULTIPLY + 1 for node in nodes), 0)
        # Add a multiplier only if all others are occupied in every clock.
        if all(len(unit) == self.interval for unit in self._units):
            self._units.append({})
        while not (free := [unit for unit in self._units if time % self.interval not in unit]):
            time += 1
        factors = [_signed(node.at(time)) for node in (a, b)]
        result = Signal(signed(len(factors[0]) + len(factors[1])), name=f"product_{time}")
        free[0][time % self.interval] = _Product(time, factors[0], factors[1], result)
        done = time + MULTIPLY - 1
        return self._load(done, function(result, *(node.at(done) for node in nodes)), name)

    def read(self, name: str, table: Mapping[str, tuple[int, ...]], index: Node) -> dict[str, Node]:
        """Read an entry of a table in block RAM; takes one clock.

        Parameters
        ----------
        name : str
            Name of the memory.
        table : mapping of str to tuple of int
            The entries of each field; all fields have the same number of entries.
        index : Node
            Number of the entry.

        Returns
        -------
        dict of str to Node
            The fields of the entry.
        """
        shapes = {key: Shape.cast(range(min(column), max(column) + 2)) for key, column in table.items()}
        layout = data.StructLayout(shapes)
        rows = [dict(zip(table, entry, strict=True)) for entry in zip(*table.values(), strict=True)]
        found: Any = Signal(layout, name=f"{name}_entry")
        self._tables.append((name, layout, rows, index.time, index.at(index.time), found))
        return {key: self._node(index.time + 1, found[key]) for key in table}

    def emit(self, m: Module, enable: Value, phase: Value) -> None:
        """Add the circuit to a module.

        Parameters
        ----------
        m : Module
            The module.
        enable : Value
            The pipeline advances in this clock.
        phase : Value
            The present clock, modulo `interval`.
        """

        def when(time: int) -> Value:
            return enable if self.interval == 1 else enable & (phase == time % self.interval)

        for time, held, value in self._loads:
            with m.If(when(time)):
                m.d.sync += held.eq(value)
        self._hold(m, when)
        for name, layout, rows, time, index, found in self._tables:
            memory: Any = Memory(shape=layout, depth=len(rows), init=rows)
            m.submodules[f"{name}_memory"] = memory
            port = memory.read_port()
            # A separate net: otherwise the port `enable` of the lane would get the name of the memory's port.
            m.d.comb += [port.en.eq(when(time) & 1), port.addr.eq(index), found.eq(port.data)]
        for number, unit in enumerate(self._units):
            self._multiplier(m, number, unit, enable, phase)

    def _hold(self, m: Module, when: Callable[[int], Value]) -> None:
        """Registers that hold values until they are last read, and memories where that is long."""
        long: dict[int, list[tuple[Value, Value]]] = {}
        for node in self._nodes:
            short, reached = list[tuple[Value, Value]](), 0
            for age in sorted(node.copies):
                while age - reached >= CLOCKS:
                    # A separate net: otherwise a port of the lane would get the name of a port of the delay lines.
                    old = node.held(reached) if reached else node.held(0) | 0
                    pair = old, node.held(reached + CLOCKS)
                    long.setdefault((node.time - 1) % self.interval, []).append(pair)
                    reached += CLOCKS
                short += [(node.held(each), node.held(each + 1)) for each in range(reached, age)]
                reached = age
            with m.If(when(node.time - 1)):
                m.d.sync += [new.eq(old) for old, new in short]
        for phase, pairs in sorted(long.items()):
            m.submodules[f"delay_{phase}"] = lines = DelayLines([len(new) for _, new in pairs])
            m.d.comb += lines.enable.eq(when(phase))
            for number, (old, new) in enumerate(pairs):
                m.d.comb += [lines.given[number].eq(old), new.eq(lines.delayed[number])]

    def _multiplier(self, m: Module, number: int, unit: dict[int, _Product], enable: Value, phase: Value) -> None:
        factors = []
        for side in "ab":
            choices = {slot: getattr(product, side) for slot, product in unit.items()}
            width = max(len(choice) for choice in choices.values())
            chosen = Signal(signed(width), name=f"choice_{side}_{number}")
            factor = Signal(signed(width), name=f"factor_{side}_{number}")
            with m.Switch(phase):
                for slot, choice in sorted(choices.items()):
                    # The last one is also the choice in clocks without a multiplication.
                    with m.Case(slot) if slot != max(choices) else m.Default():
                        m.d.comb += chosen.eq(choice)
            with m.If(enable):
                m.d.sync += factor.eq(chosen)
            factors.append(factor)
        product = Signal(signed(len(factors[0]) + len(factors[1])), name=f"multiplier_{number}")
        with m.If(enable):
            m.d.sync += product.eq(factors[0] * factors[1])
        m.d.comb += [each.result.eq(product) for each in unit.values()]


def _signed(value: Value) -> Value:
    if value.shape().signed:
        return value
    return (value + Const(0, signed(1)))[: len(value) + 1].as_signed()


class FlowLane(Lane):
    """The pipeline of one lane, described as a flow; the lane of a neuron is a subclass with `describe`.

    Parameters
    ----------
    params : NeuronParams
        Parameters of the neurons.
    lane : int
        Number of the lane in its array; selects the noise seeds and the initial states.
    lanes : int
        Lanes of the array.
    interval : int
        Clocks from one neuron to the next, at least 1.
    columns : mapping of str to (Shape, ndarray of int64, shape (count,))
        Per-neuron parameters. Those that differ between neurons become fields of `parameters`, the others constants.
    loadable : bool
        Whether parameters can be changed at run time: all of `columns` become fields of `parameters`, and the seed of
        the noise an input.
    pull_shape : Shape, optional
        Shape of the input `pull`; None without coupling.

    Members
    -------
    enable : In(1)
        The pipeline advances in this clock; without it, every register keeps its value.
    phase : In(range(interval))
        Enabled clocks since `state` was applied, modulo `interval`.
    state : In(state_layout)
        State of the neuron before the tick, valid for `interval` enabled clocks.
    drive : In(signed)
        Input of the neuron, on the grid of ``params.drive``; at the same time as `state`.
    parameters : In(StructLayout), optional
        Per-neuron parameters, see `columns`; at the same time as `state`.
    pull : In(signed), optional
        Coupling term of the neuron, `pull_time` enabled clocks after `state`. Only with coupling.
    seed : In(32), optional
        Loaded seed of the noise. Only in a loadable array with noise.
    next_state : Out(state_layout)
        State after the tick, `latency` enabled clocks after `state`.
    spike : Out(1)
        The neuron fired; at the same time as `next_state`.
    saturated : Out(1)
        The update was clamped to the range of a word; at the same time as `next_state`.
    load : In(1)
        Prepare the initial state of the next neuron of the lane.
    initial_state : Out(state_layout)
        That state, `clear_clocks` clocks after `load`.
    """

    clear_clocks = 1 + golden_noise.SEED_STEPS

    def __init__(
        self,
        params: Any,
        lane: int,
        lanes: int,
        interval: int,
        columns: Mapping[str, tuple[Any, Any]],
        loadable: bool = False,
        pull_shape: Shape | None = None,
    ) -> None:
        self.params, self._interval = params, interval
        self._flow = Flow(interval)
        self._lane, self._lanes = lane, lanes
        self._columns = columns
        self._own = {name: each for name, (each, column) in columns.items() if loadable or (column != column[0]).any()}
        state = state_layout(params)
        # Only what the hardware stores has an initial value.
        self._initial = {
            name: column[lane::lanes].tolist() for name, column in params.initial.items() if name in state.members
        }
        self._seeded = loadable and "noise" in state.members
        super().__init__(
            {
                "enable": In(1),
                "phase": In(range(interval)),
                "state": In(state),
                "drive": In(shape(params.drive)),
                **({"parameters": In(data.StructLayout(self._own))} if self._own else {}),
                **({"pull": In(pull_shape)} if pull_shape is not None else {}),
                **({"seed": In(32)} if self._seeded else {}),
                "next_state": Out(state),
                "spike": Out(1),
                "saturated": Out(1),
                "load": In(1),
                "initial_state": Out(state),
            }
        )
        self._next, self._spike, self._saturated = self.describe(self._flow)

    @abstractmethod
    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Describe the steps of a tick.

        Parameters
        ----------
        flow : Flow
            Receives the steps.

        Returns
        -------
        next_state : dict of str to Node
            Each field of the state after the tick.
        spike : Node
            The neuron fired.
        saturated : Node
            The update was clamped to the range of a word.
        """

    def own(self, flow: Flow, name: str) -> Node:
        """A per-neuron parameter: an input, or a constant if it is the same for all neurons.

        Parameters
        ----------
        flow : Flow
            Receives it.
        name : str
            Its name in `columns`.
        """
        if name in self._own:
            return flow.take(self.parameters[name])
        return flow.constant(int(self._columns[name][1][0]))

    @property
    def multipliers(self) -> int:
        """Number of multipliers of the lane."""
        return self._flow.multipliers

    @property
    def interval(self) -> int:
        """Clocks from one neuron to the next."""
        return self._interval

    @property
    def latency(self) -> int:
        """Enabled clocks from `state` to `next_state`."""
        return max(node.time for node in (*self._next.values(), self._spike, self._saturated))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last = self.latency
        m.d.comb += [
            *(self.next_state[name].eq(node.at(last)) for name, node in self._next.items()),
            self.spike.eq(self._spike.at(last)),
            self.saturated.eq(self._saturated.at(last)),
        ]
        self._flow.emit(m, self.enable, self.phase)
        row = Signal(range(max(2, max(map(len, self._initial.values())))))
        seen = Signal.like(row)
        with m.If(self.load):
            m.d.sync += [row.eq(row + 1), seen.eq(row)]
        for name, column in self._initial.items():
            same = all(value == column[0] for value in column)
            m.d.comb += self.initial_state[name].eq(column[0] if same else Array(column)[seen])
        if "noise" in self._next:
            m.submodules.seeder = seeder = noise.Seeder(self.params.seed, self._lane, self._lanes, self._seeded)
            if self._seeded:
                m.d.comb += seeder.seed.eq(self.seed)
            m.d.comb += [seeder.load.eq(self.load), self.initial_state.noise.eq(seeder.state)]
        return m


class FlowArray(NeuronArray):
    """N neurons on L lanes that are flows; the array of a neuron is a subclass with its `lane_type`.

    Parameters
    ----------
    params : NeuronParams
        Parameters of the neurons.
    lanes : int
        Neurons updated in parallel, 1 to ``params.count``.
    interval : int
        Clocks from one row to the next, at least 1: as many multiplications share a multiplier.
    loadable : bool
        Whether parameters can be changed at run time.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.
    edges_per_clock : int, optional
        Edges summed in a clock, where each has its own value: `lanes` times a power of two; by default `lanes`.

    Raises
    ------
    ValueError
        If `lanes`, `interval` or `edges_per_clock` is outside its range, or `protection` has another value.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : ports and timing.
    """

    lane_type: type[Any]
    """The lane, a subclass of `FlowLane`: ``lane_type(params, lane, lanes, interval, loadable)``."""

    def __init__(
        self,
        params: Any,
        lanes: int,
        interval: int = 1,
        loadable: bool = False,
        protection: str = "none",
        edges_per_clock: int | None = None,
    ) -> None:
        check_lanes(params, lanes)
        Flow(interval)  # checks it
        term = self.term(params, lanes, loadable, edges_per_clock)
        coupled = {} if term is None else {"pull_shape": term.pull_shape}
        made = [self.lane_type(params, index, lanes, interval, loadable, **coupled) for index in range(lanes)]
        columns = {name: np.asarray(made[0]._columns[name][1]) for name in made[0]._own}
        super().__init__(
            params,
            lanes,
            lane=lambda index: made[index],
            parameters=in_rows(columns, lanes) if columns else None,
            neighbours=term,
            loadable=loadable,
            protection=protection,
        )

    def term(self, params: Any, lanes: int, loadable: bool, edges_per_clock: int | None) -> CouplingTerm | None:
        """The coupling term of the neurons; None if they have none.

        Parameters
        ----------
        params : NeuronParams
            Parameters of the neurons.
        lanes : int
            Neurons of a row.
        loadable : bool
            Whether the values of edges can be changed at run time, where each has its own.
        edges_per_clock : int or None
            Edges summed in a clock, where each has its own value; None for `lanes`.
        """
        return None
