"""A data flow whose multiplications share multipliers, and the lane that is made of one.

A neuron with twenty multiplications need not have twenty multipliers. When a lane takes a new neuron
only every `interval` clocks, a multiplier serves `interval` multiplications of each neuron. A `Flow` is
written down like a formula; it finds out in which clock each step happens, which multiplier does it, and
how often a value must be handed on until its last reader has seen it::

    flow = Flow(interval=4)
    a, b = flow.take(port_a), flow.take(port_b)
    product = flow.multiply(a, b, lambda p: round_shift(p, 12))
    total = flow.register(lambda p, a: p + a, product, a)

Clocks are counted from the one in which the inputs of a neuron are there. With `interval` 1 it is a plain
pipeline with a multiplier for each multiplication.
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
from neuristor.hdl.fixed import shape
from neuristor.hdl.lane import Lane

__all__ = ["Flow", "FlowArray", "FlowLane", "Node"]

MULTIPLY = 3
"""Clocks from the factors of a multiplication to its result: factors, product, result."""


@dataclass(eq=False)
class Node:
    """A value of one neuron, and when it is there.

    It can be read for `interval` clocks; then the next neuron's takes its place, and it is handed on.
    """

    interval: int
    """0 for a constant, which stays."""
    time: int
    """The first clock in which it can be read."""
    value: Value
    copies: list[Any] = field(default_factory=list)

    def at(self, clock: int) -> Value:
        """The value, in a clock."""
        if not self.interval:
            return self.value
        if clock < self.time:
            raise ValueError(f"clock must be at least {self.time}, not {clock}")
        age = (clock - self.time) // self.interval
        while len(self.copies) < age:
            self.copies.append(Signal(self.value.shape(), name=f"held_{self.time}_{len(self.copies)}"))
        return self.value if age == 0 else self.copies[age - 1]


@dataclass(eq=False)
class _Part(Node):
    """Some bits of another node."""

    source: Node = field(kw_only=True)
    low: int = field(kw_only=True)
    high: int | None = field(kw_only=True)
    signed: bool = field(kw_only=True)

    def at(self, clock: int) -> Value:
        """The bits, in a clock."""
        bits = self.source.at(clock)[self.low : self.high]
        return bits.as_signed() if self.signed else bits


class _Product(NamedTuple):
    """One multiplication on a multiplier."""

    time: int
    a: Value
    b: Value
    result: Any


class Flow:
    """The steps that one lane takes for each neuron.

    Parameters
    ----------
    interval : int
        Clocks from one neuron to the next, at least 1.

    Raises
    ------
    ValueError
        If it is not.
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
        """How many there are."""
        return len(self._units)

    def _node(self, time: int, value: Value) -> Node:
        self._nodes.append(Node(self.interval, time, value))
        return self._nodes[-1]

    def take(self, value: Any) -> Node:
        """An input, there in clock 0."""
        return self._node(0, Value.cast(value))

    def constant(self, value: int) -> Node:
        """A constant, always there."""
        return Node(0, 0, Const(value, signed(value.bit_length() + 1)))

    def part(self, node: Node, low: int, high: int | None = None, *, signed: bool = False) -> Node:
        """Some bits of a node, unsigned or signed: no clock."""
        return _Part(node.interval, node.time, node.value, source=node, low=low, high=high, signed=signed)

    def register(self, function: Callable[..., Any], *nodes: Node) -> Node:
        """Logic without a multiplication: a clock.

        Parameters
        ----------
        function : callable
            From the values of `nodes` to a value.
        *nodes : Node
        """
        time = max(node.time for node in nodes)
        return self._load(time, function(*(node.at(time) for node in nodes)))

    def _load(self, time: int, value: Any) -> Node:
        value = Value.cast(value)
        held = Signal(value.shape(), name=f"step_{time}_{len(self._loads)}")
        self._loads.append((time, held, value))
        return self._node(time + 1, held)

    def multiply(self, a: Node, b: Node, function: Callable[..., Any] = lambda product: product, *nodes: Node) -> Node:
        """A multiplication, and logic that takes its product (first) and other nodes.

        Parameters
        ----------
        a, b : Node
            Factors.
        function : callable
            From the product and the values of `nodes` to a value.
        *nodes : Node
        """
        time = max(a.time, b.time, *(node.time - MULTIPLY + 1 for node in nodes), 0)
        # A new multiplier only when all others are taken in every clock.
        if all(len(unit) == self.interval for unit in self._units):
            self._units.append({})
        while not (free := [unit for unit in self._units if time % self.interval not in unit]):
            time += 1
        factors = [_signed(node.at(time)) for node in (a, b)]
        result = Signal(signed(len(factors[0]) + len(factors[1])), name=f"product_{time}")
        free[0][time % self.interval] = _Product(time, factors[0], factors[1], result)
        done = time + MULTIPLY - 1
        return self._load(done, function(result, *(node.at(done) for node in nodes)))

    def read(self, name: str, table: Mapping[str, tuple[int, ...]], index: Node) -> dict[str, Node]:
        """An entry of a table in block RAM: a clock.

        Parameters
        ----------
        name : str
            Of the memory.
        table : mapping of tuple of int
            The entries of each field.
        index : Node

        Returns
        -------
        dict of Node
            The fields of the entry.
        """
        shapes = {key: Shape.cast(range(min(column), max(column) + 2)) for key, column in table.items()}
        layout = data.StructLayout(shapes)
        rows = [dict(zip(table, entry, strict=True)) for entry in zip(*table.values(), strict=True)]
        found: Any = Signal(layout, name=f"{name}_entry")
        self._tables.append((name, layout, rows, index.time, index.at(index.time), found))
        return {key: self._node(index.time + 1, found[key]) for key in table}

    def emit(self, m: Module, enable: Value, phase: Value) -> None:
        """Put the circuit into a module.

        Parameters
        ----------
        m : Module
        enable : Value
            All moves, or stands.
        phase : Value
            The present clock, modulo `interval`.
        """

        def when(time: int) -> Value:
            return enable if self.interval == 1 else enable & (phase == time % self.interval)

        for time, held, value in self._loads:
            with m.If(when(time)):
                m.d.sync += held.eq(value)
        for node in self._nodes:
            with m.If(when(node.time - 1)):
                m.d.sync += [copy.eq(old) for old, copy in zip([node.value, *node.copies], node.copies, strict=False)]
        for name, layout, rows, time, index, found in self._tables:
            memory: Any = Memory(shape=layout, depth=len(rows), init=rows)
            m.submodules[f"{name}_memory"] = memory
            port = memory.read_port()
            # A net of its own: else the port `enable` of the lane would be called as the memory's.
            m.d.comb += [port.en.eq(when(time) & 1), port.addr.eq(index), found.eq(port.data)]
        for number, unit in enumerate(self._units):
            self._multiplier(m, number, unit, enable, phase)

    def _multiplier(self, m: Module, number: int, unit: dict[int, _Product], enable: Value, phase: Value) -> None:
        factors = []
        for side in "ab":
            choices = {slot: getattr(product, side) for slot, product in unit.items()}
            width = max(len(choice) for choice in choices.values())
            chosen = Signal(signed(width), name=f"choice_{side}_{number}")
            factor = Signal(signed(width), name=f"factor_{side}_{number}")
            with m.Switch(phase):
                for slot, choice in sorted(choices.items()):
                    # The last one stands for all clocks without a multiplication as well.
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
    """The pipeline of one lane, as a flow.

    A neuron's lane is a subclass with `describe`.

    Parameters
    ----------
    params : parameters of the neuron model
    lane, lanes : int
        Which lane of how many; decides the noise seeds and the initial states.
    interval : int
        Clocks from one neuron to the next.
    columns : dict of (shape, ndarray of int64, shape (count,))
        What each neuron has of its own: those that are not equal become ports.
    loadable : bool
        All of them become ports, and the seed of the noise, if there is any.

    Members
    -------
    enable : In(1)
        The pipeline moves.
    phase : In(range(interval))
        Clocks since `state` is there.
    state : In(state_layout)
    drive : In(signed)
    parameters : In(StructLayout)
        Those of `columns` that differ.
    seed : In(32)
    next_state : Out(state_layout)
    spike, saturated : Out(1)
        All `latency` enabled clocks after `state`.
    load : In(1)
    initial_state : Out(state_layout)
        The state after reset of the lane's next neuron, `clear_clocks` clocks after `load`.
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
    ) -> None:
        self.params, self._interval = params, interval
        self._flow = Flow(interval)
        self._lane, self._lanes = lane, lanes
        self._columns = columns
        self._own = {name: each for name, (each, column) in columns.items() if loadable or (column != column[0]).any()}
        state = state_layout(params)
        # What the hardware does not store has no first value in it.
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
        """The steps of a tick.

        Returns
        -------
        next_state : dict of Node
        spike, saturated : Node
        """

    def own(self, flow: Flow, name: str) -> Node:
        """A parameter of the neuron."""
        if name in self._own:
            return flow.take(self.parameters[name])
        return flow.constant(int(self._columns[name][1][0]))

    @property
    def multipliers(self) -> int:
        """How many the lane has."""
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
    """N neurons on L lanes that are flows.

    Parameters
    ----------
    params : parameters of the neuron model
    lanes : int
    interval : int
        Clocks from one row to the next: so many multiplications share a multiplier.
    loadable : bool
    protection : str
        Of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : the ports and the timing.
    """

    lane_type: type[Any]

    def __init__(
        self, params: Any, lanes: int, interval: int = 1, loadable: bool = False, protection: str = "none"
    ) -> None:
        check_lanes(params, lanes)
        Flow(interval)  # checks it
        made = [self.lane_type(params, index, lanes, interval, loadable) for index in range(lanes)]
        columns = {name: np.asarray(made[0]._columns[name][1]) for name in made[0]._own}
        super().__init__(
            params,
            lanes,
            lane=lambda index: made[index],
            parameters=in_rows(columns, lanes) if columns else None,
            loadable=loadable,
            protection=protection,
        )
