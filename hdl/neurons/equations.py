"""Neurons from equations in the circuit: the integer graph of a tick, scheduled on shared multipliers.

The graph is that of ``neuristor.golden_model.equations``. Additions, comparisons and selections are logic between two
registers, up to `DEPTH` of them in a row; what follows a product stands in the clock after its multiplier. Registers
have the names of the equations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Shape, Value, signed, unsigned

from neuristor.golden_model.equations.graph import Graph, bits
from neuristor.golden_model.equations.neuron import model_of
from neuristor.golden_model.equations.text import Model
from neuristor.hdl import noise
from neuristor.hdl.edges import coupling_term
from neuristor.hdl.fixed import floor_shift, round_add, round_shift
from neuristor.hdl.flow import Flow, FlowArray, FlowLane, Node
from neuristor.hdl.neighbours import CouplingTerm
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["EquationArray", "EquationLane", "EquationNeuron", "Scheduler", "equation_neuron"]

DEPTH = 2.0
"""Most logic between two registers, in adders."""
COST = {
    "add": 1.0,
    "sub": 1.0,
    "round": 1.0,
    "lt": 1.0,
    "bound": 0.5,
    "eq": 0.5,
    "select": 0.5,
    "and": 0.25,
    "or": 0.25,
}
"""Logic of an operation, in adders; that of others is wires."""
LARGE = "mul", "table", "advance", "draw"


def _fitted(value: Any, low: int, high: int) -> Value:
    """A value in as many bits as its range needs."""
    value = Value.cast(value)
    width = bits(low, high)
    if len(value) > width:
        value = value[:width]
    elif len(value) < width:
        value = (value + Const(0, signed(width + 1) if low < 0 else unsigned(width)))[:width]
    if low < 0:
        return Value.cast(value.as_signed())
    return Value.cast(value.as_unsigned()) if value.shape().signed else value


class Scheduler:
    """Gives each operation of a graph its place in a flow.

    Parameters
    ----------
    graph : Graph
        The operations.
    flow : Flow
        Receives the steps.
    given : callable
        ``given(kind, name)`` returns the node of a ``state``, a ``param``, the ``drive`` or the ``pull``.

    Attributes
    ----------
    chains : dict of int to list of int
        Operations that follow each product in the same clock, by the last one of them.
    """

    def __init__(self, graph: Graph, flow: Flow, given: Callable[[str, str], Node]) -> None:
        self.graph, self.flow, self.given = graph, flow, given
        self.nodes: dict[int, Node] = {}
        self.depth: dict[int, float] = {}
        self.entries: dict[int, dict[str, Node]] = {}
        needed = graph.needed()
        self.readers: Counter[int] = Counter()
        self.reader: dict[int, int] = {}
        self.bounded: dict[tuple[int, tuple[int, int]], list[int]] = {}
        self.indexed: dict[int, list[str]] = {}
        for number in needed:
            name, args, data = graph.operations[number]
            if name in ("clamp", "outside"):
                self.bounded.setdefault((args[0], data), []).append(number)
            if name == "table":
                self.indexed.setdefault(args[0], []).append(data)
            for each in set(args):
                # A clamp and whether it clamps are one operation; so are the tables with one index.
                first = self.bounded[args[0], data][0] if name in ("clamp", "outside") else number
                if name in ("clamp", "outside") and first != number:
                    continue
                self.readers[each] += 1
                self.reader[each] = number
        for number in graph.results.values():
            self.readers[number] += 2
        self.chains = self._chains(needed)

    def _cost(self, number: int) -> float:
        name = self.graph.operations[number].name
        return COST.get("bound" if name in ("clamp", "outside") else name, 0.0)

    def _chains(self, needed: list[int]) -> dict[int, list[int]]:
        """Operations that follow each product in the same clock, by the last one of them."""
        taken: set[int] = set()
        chains = {}
        for number in needed:
            if self.graph.operations[number].name != "mul":
                continue
            chain, depth = [number], 0.0
            while self.readers[chain[-1]] == 1:
                following = self.reader[chain[-1]]
                operation = self.graph.operations[following]
                if operation.name in LARGE or following in taken or operation.name in ("lt", "eq", "and", "or", "low"):
                    break
                if operation.name == "select" and operation.args[0] == chain[-1]:
                    break
                cost = self._cost(following)
                # A product that is rounded and added needs one carry chain.
                merged = (
                    operation.name == "add"
                    and self.graph.operations[chain[-1]].name == "round"
                    and len(set(operation.args)) == 2
                )
                if depth + (0.0 if merged else cost) > DEPTH:
                    break
                depth += 0.0 if merged else cost
                chain.append(following)
                taken.add(following)
                if operation.name in ("clamp", "outside"):
                    break
            chains[chain[-1]] = chain
        return chains

    def node(self, number: int) -> Node:
        """The node of an operation.

        Parameters
        ----------
        number : int
            Number of the operation; not one within a chain.
        """
        waiting = [number]
        while waiting:
            top = waiting[-1]
            if top in self.nodes:
                waiting.pop()
                continue
            lacking = [each for each in self._before(top) if each not in self.nodes]
            if lacking:
                waiting += lacking
            else:
                self.nodes[top] = self._made(top)
                waiting.pop()
        return self.nodes[number]

    def _pair(self, number: int) -> list[int]:
        name, args, data = self.graph.operations[number]
        return self.bounded[args[0], data] if name in ("clamp", "outside") else [number]

    def _before(self, number: int) -> list[int]:
        chain = self.chains.get(self._pair(number)[0])
        if chain is None:
            return list(self.graph.operations[number].args)
        inner = set(chain)
        return [each for member in chain for each in self.graph.operations[member].args if each not in inner]

    def _name(self, number: int) -> str:
        return self.graph.names.get(number, "")

    def _made(self, number: int) -> Node:
        graph, flow = self.graph, self.flow
        name, args, data = graph.operations[number]
        self.depth[number] = 0.0
        if name == "const":
            return flow.constant(data)
        if name in ("state", "param", "drive", "pull"):
            return self._ranged(self.given(name, data), number)
        if name in ("clamp", "outside"):
            return self._bound(number)
        if number in self.chains:
            return self._product(number)
        if name == "table":
            return self._entry(number)
        operands = [self.nodes[each] for each in args]
        if name in ("advance", "draw"):
            function = noise.advance if name == "advance" else noise.byte_sum
            low, high = graph.ranges[number]
            return flow.register(lambda state: _fitted(function(state), low, high), *operands, name=self._name(number))
        return self._logic(number, self._function(number), list(args))

    def _ranged(self, node: Node, number: int) -> Node:
        low, high = self.graph.ranges[number]
        return self.flow.wire(lambda value: _fitted(value, low, high), node) if node.interval else node

    def _logic(self, number: int, function: Callable[..., Any], args: list[int]) -> Node:
        """Logic: with a register if it is long, or if several read it."""
        flow = self.flow
        cost = self._cost(number)
        depth = cost + max((self.depth[each] for each in args), default=0.0)
        operands = [self.nodes[each] for each in args]
        if depth > DEPTH:
            operands = [self._registered(each) for each in args]
            depth = cost
        if cost and (self.readers[number] > 1 or depth > DEPTH - 0.5 or number in self.graph.names):
            self.depth[number] = 0.0
            return flow.register(function, *operands, name=self._name(number))
        self.depth[number] = depth
        return flow.wire(function, *operands)

    def _registered(self, number: int) -> Node:
        """An operand without logic behind it."""
        if self.depth[number] and self.nodes[number].interval:
            self.nodes[number] = self.flow.register(lambda value: value, self.nodes[number], name=self._name(number))
            self.depth[number] = 0.0
        return self.nodes[number]

    def _function(self, number: int) -> Callable[..., Value]:
        """The logic of an operation."""
        name, _, data = self.graph.operations[number]
        low, high = self.graph.ranges[number]
        plain: dict[str, Callable[..., Any]] = {
            "add": lambda a, b: a + b,
            "sub": lambda a, b: a - b,
            "shl": lambda a: Cat(Const(0, data), a).as_signed() if a.shape().signed else Cat(Const(0, data), a),
            "shr": lambda a: floor_shift(a, data),
            "round": lambda a: round_shift(a, data),
            "low": lambda a: a[:data],
            "lt": lambda a, b: a < b,
            "eq": lambda a, b: a == b,
            "and": lambda a, b: a & b,
            "or": lambda a, b: a | b,
            "select": lambda c, a, b: Mux(c, a, b),
        }
        function = plain[name]
        return lambda *values: _fitted(function(*values), low, high)

    def _bounds(self, number: int) -> Callable[[Any], Value]:
        """A clamp, with the flag above its bits."""
        _, args, (low, high) = self.graph.operations[number]
        inner = self.graph.ranges[args[0]]

        def function(value: Any) -> Value:
            below = (value < low) if inner[0] < low else Const(0, 1)
            above = (value > high) if inner[1] > high else Const(0, 1)
            chosen = Mux(below, Const(low, Shape.cast(range(low, low + 1))), Mux(above, high, value))
            return Cat(_fitted(chosen, low, high), below | above)

        return function

    def _bound(self, number: int) -> Node:
        """A clamp, or whether it clamps: parts of one register."""
        first = self._pair(number)[0]
        if first not in self.entries:
            function = self._bounds(first)
            if first in self.chains:
                whole = self._product(first, function)
            else:
                arg = self.graph.operations[first].args[0]
                operand = self._registered(arg) if self.depth[arg] > DEPTH - 1 else self.nodes[arg]
                whole = self.flow.register(function, operand, name=self._name(first))
            low, high = self.graph.operations[first].data
            width = bits(low, high)
            self.entries[first] = {
                "clamp": self.flow.wire(lambda v: v[:width].as_signed() if low < 0 else v[:width], whole),
                "outside": self.flow.wire(lambda v: v[width], whole),
            }
        self.depth[number] = 0.0
        return self.entries[first][self.graph.operations[number].name]

    def _product(self, number: int, last: Callable[[Any], Value] | None = None) -> Node:
        """A product, with the operations that follow it in the same clock."""
        graph = self.graph
        chain = self.chains[self._pair(number)[0]]
        first, rest = chain[0], chain[1:]
        factors = [self._factor(each) for each in graph.operations[first].args]
        others: list[int] = []
        for member in rest:
            others += [each for each in graph.operations[member].args if each not in chain and each not in others]
        nodes = [self._registered(each) for each in others]

        def function(product: Any, *values: Any) -> Value:
            known = dict(zip(others, values, strict=True))
            low, high = graph.ranges[first]
            known[first] = _fitted(product, low, high)
            skip: int | None = None
            for place, member in enumerate(rest):
                name, args, data = graph.operations[member]
                following = rest[place + 1] if place + 1 < len(rest) else None
                if member == skip:
                    continue
                if last is not None and member == rest[-1]:
                    return last(known[args[0]])
                if name == "round" and following is not None and graph.operations[following].name == "add":
                    base = next((each for each in graph.operations[following].args if each != member), None)
                    if base is not None and base in known:
                        low, high = graph.ranges[following]
                        known[following] = _fitted(round_add(Value.cast(known[base]), known[args[0]], data), low, high)
                        skip = following
                        continue
                known[member] = self._function(member)(*(known[each] for each in args))
            return Value.cast(known[chain[-1]])

        # Constants among the operands are no nodes that wait.
        return self.flow.multiply(factors[0], factors[1], function, *nodes, name=self._name(number))

    def _factor(self, number: int) -> Node:
        return self._registered(number) if self.depth[number] > 1 else self.nodes[number]

    def _entry(self, number: int) -> Node:
        """A field of a table entry; tables with the same index are one memory."""
        index = self.graph.operations[number].args[0]
        if index not in self.entries:
            if self.depth[index] > 1:
                self._registered(index)
            names = sorted(set(self.indexed[index]))
            columns = {name: self.graph.tables[name] for name in names}
            self.entries[index] = self.flow.read(names[0], columns, self.nodes[index])
        return self._ranged(self.entries[index][self.graph.operations[number].data], number)


class EquationLane(FlowLane):
    """The pipeline of one lane of neurons from equations.

    Parameters
    ----------
    params : EquationParams
        Parameters of the neurons.
    lane : int
        Number of the lane in its array; selects the noise seeds.
    lanes : int
        Lanes of the array.
    interval : int
        Clocks from one neuron to the next, at least 1.
    loadable : bool
        Whether parameters can be changed at run time.
    pull_shape : Shape, optional
        Shape of the input `pull`; None without coupling.

    See Also
    --------
    neuristor.hdl.flow.FlowLane : ports and timing.
    """

    pull_time = 2

    def __init__(
        self,
        params: Any,
        lane: int = 0,
        lanes: int = 1,
        interval: int = 1,
        loadable: bool = False,
        pull_shape: Shape | None = None,
    ) -> None:
        columns = {
            name: (Shape.cast(range(min(int(values.min()), 0), int(values.max()) + 1)), values)
            for name, values in params.quantised.columns.items()
        }
        super().__init__(params, lane, lanes, interval, columns, loadable, pull_shape)

    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Describe a tick: the operations of the graph.

        Parameters
        ----------
        flow : Flow
            Receives the steps.

        Returns
        -------
        next_state : dict of str to Node
            Each word after the tick.
        spike : Node
            Whether a spike event happens.
        saturated : Node
            Whether a word was clamped to its range.
        """
        taken: dict[tuple[str, str], Node] = {}

        def given(kind: str, name: str) -> Node:
            if (kind, name) not in taken:
                taken[kind, name] = (
                    flow.take(self.state[name])
                    if kind == "state"
                    else flow.take(self.drive)
                    if kind == "drive"
                    else flow.take(self.pull, self.pull_time)
                    if kind == "pull"
                    else self.own(flow, name)
                )
            return taken[kind, name]

        graph = self.params.quantised.graph
        scheduler = Scheduler(graph, flow, given)
        order = (*(field.name for field in self.params.state_fields), "spike", "saturated")
        made = {name: scheduler.node(graph.results[name]) for name in order}
        nodes = {name: self._out(flow, node, taken) for name, node in made.items()}
        return {name: nodes[name] for name in order[:-2]}, nodes["spike"], nodes["saturated"]

    def _out(self, flow: Flow, node: Node, taken: dict[tuple[str, str], Node]) -> Node:
        """A result; a constant one follows an input."""
        if node.interval:
            return node
        first = taken.get(("drive", "drive")) or next(iter(taken.values()))
        return flow.wire(lambda _: node.value, first)


class EquationArray(FlowArray):
    """N neurons from equations on L lanes.

    Parameters
    ----------
    params : EquationParams
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

    See Also
    --------
    neuristor.hdl.array.NeuronArray : ports and timing.
    """

    lane_type = EquationLane

    def term(self, params: Any, lanes: int, loadable: bool, edges_per_clock: int | None) -> CouplingTerm | None:
        """The sum over the neighbours.

        Parameters
        ----------
        params : EquationParams
            Parameters of the neurons.
        lanes : int
            Neurons of a row.
        loadable : bool
            Whether the values of edges can be changed at run time, where each has its own.
        edges_per_clock : int or None
            Edges summed in a clock, where each has its own value; None for `lanes`.
        """
        if params.coupling is None:
            return None
        field = params.system.model.coupling.reads
        word = params.quantised.state[field]
        # A word without a sign needs one more bit as a signed one.
        width = bits(min(word.low, -1), word.high)
        pipelined = self.lane_type.pull_time > 1
        return coupling_term(params.coupling, lanes, width, field, loadable, edges_per_clock, pipelined)


@dataclass(frozen=True, kw_only=True, eq=False)
class EquationNeuron(Neuron):
    """A neuron from equations.

    Parameters
    ----------
    model : NeuronModel
        The golden model.
    array : type
        `EquationArray`.
    shares_multipliers : bool
        True.
    text : str
        The model, as JSON.
    """

    text: str

    def __reduce__(self) -> tuple[Callable[[str], Neuron], tuple[str]]:
        # Simulators receive cases by pickle.
        return equation_neuron, (self.text,)


@lru_cache(maxsize=64)
def equation_neuron(text: str) -> Neuron:
    """The neuron of a model, the same object at each call.

    Parameters
    ----------
    text : str
        The model, as JSON: ``model.model_dump_json()``.
    """
    model = model_of(Model.model_validate_json(text))
    return EquationNeuron(model=model, array=EquationArray, shares_multipliers=True, text=text)
