"""A lane of which only the timing is known, in place of a lane of an array.

What is proved of an array with such lanes holds for any lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from amaranth.hdl import Signal

from neuristor.golden_model.fixed import select
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.initial_states import depends_on_load, initial_words
from neuristor.sim.proofs.lane_circuit import read_lane

__all__ = ["OpaqueLane"]


class OpaqueLane:
    """A lane of which only the timing is known.

    Its result is an opaque function of its inputs `latency` enabled clocks before. Its initial states are those of the
    model, or else an opaque function of the number of loads since the reset and of the clocks since the last load.

    Parameters
    ----------
    graph : Graph
        The graph of the array's circuit.
    array : NeuronArray
        The array.
    index : int
        Number of the lane.
    initial : mapping of str to ndarray of int64, shape (count,), or None
        Initial state of the model, by field; None if it is not known.
    """

    def __init__(self, graph: Graph, array: NeuronArray, index: int, initial: Mapping[str, Any] | None) -> None:
        self.graph, self.index, self.lane = graph, index, array.pipelines[index]
        self.size = int(self.lane.next_state.shape().size)
        self.loads_width = (array.rows + 1).bit_length()
        self.age_width = (self.lane.clear_clocks + 1).bit_length()
        self._inputs = [name for name in ("state", "drive", "parameters") if self.lane.has(name)]
        # Initial states by the number of loads.
        self._words: tuple[int, ...] | None = None
        if initial is not None:
            states = initial_words(array, index, initial)
            self._words = (0, *states)
        self._stages: dict[tuple[int, int], int] = {}
        self._loads: dict[int, tuple[Word, Word]] = {}

    def connect(self, circuit: Circuit, ports: Mapping[str, str]) -> None:
        """Connect the lane with the circuit around it; to be called once, before any other method.

        Parameters
        ----------
        circuit : Circuit
            The circuit of the array. An input of the lane is an output of this circuit, and vice versa.
        ports : mapping of str to str
            Name of each port in the circuit, by names such as ``lane_0.drive``.
        """
        self._circuit, self._ports = circuit, ports

    def node(self, name: str, clock: int) -> int:
        """Return the node of an input of the lane.

        Parameters
        ----------
        name : str
            Name of the port.
        clock : int
            Number of the clock.

        Returns
        -------
        int
            The node; free if Amaranth omitted the port because it is constant.
        """
        full = f"lane_{self.index}.{name}"
        if full not in self._ports:
            signal = getattr(self.lane, name)
            width = len(signal if isinstance(signal, Signal) else signal.as_value())
            return self.graph.input(f"{full}@{clock}", width)
        return self._circuit.signal(self._ports[full], clock)

    def uses(self, name: str) -> bool:
        """Whether the lane depends on an input: Amaranth omits one that it does not depend on.

        Parameters
        ----------
        name : str
            Name of the port.

        Returns
        -------
        bool
            True if so.
        """
        return f"lane_{self.index}.{name}" in self._ports

    def word(self, name: str, clock: int) -> Word:
        """Return an input of the lane as an unsigned word.

        Parameters
        ----------
        name : str
            Name of the port.
        clock : int
            Number of the clock.

        Returns
        -------
        Word
            The word.
        """
        return Word.of(self.graph, self.node(name, clock), False)

    def width(self, name: str) -> int:
        """Return the width of an input.

        Parameters
        ----------
        name : str
            Name of the port.

        Returns
        -------
        int
            Width, in bits.
        """
        return self.graph.width(self.node(name, 0))

    def stage(self, place: int, clock: int) -> int:
        """Return the contents of a stage of the lane's pipeline: the inputs of the neuron in this stage.

        Parameters
        ----------
        place : int
            Number of the stage, 0 to ``latency - 1``. Its neuron was accepted ``place + 1`` enabled clocks before.
        clock : int
            Number of the clock. In clock 0 the contents are free.

        Returns
        -------
        int
            Node of state, drive and parameters, concatenated.
        """
        key = place, clock
        if key not in self._stages:
            graph, last = self.graph, clock - 1
            if clock == 0:
                width = sum(self.width(name) for name in self._inputs)
                self._stages[key] = graph.input(f"lane_{self.index} stage_{place}@start", width)
            else:
                before = self.stage(place, last)
                if place:
                    new = self.stage(place - 1, last)
                else:
                    new = graph.concat([self.node(name, last) for name in self._inputs])
                self._stages[key] = graph.op("mux", graph.width(before), self.node("enable", last), before, new)
        return self._stages[key]

    @cached_property
    def counts_loads(self) -> bool:
        """Whether the initial state depends on the loads, as far as the circuit of the lane shows."""
        return self.uses("load") and depends_on_load(to_rtlil(self.lane))

    def loads(self, clock: int) -> tuple[Word, Word]:
        """Return the loads of the lane before a clock.

        Parameters
        ----------
        clock : int
            Number of the clock. In clock 0 both words are free.

        Returns
        -------
        count : Word
            Number of loads since the reset.
        age : Word
            Clocks since the last load, at most ``clear_clocks + 1``.
        """
        if clock not in self._loads:
            graph = self.graph
            if clock == 0:
                count = graph.input(f"lane_{self.index} loads@start", self.loads_width)
                age = graph.input(f"lane_{self.index} age@start", self.age_width)
            else:
                count, age = self._next_loads(clock - 1)
            self._loads[clock] = Word.of(graph, count, False), Word.of(graph, age, False)
        return self._loads[clock]

    def _next_loads(self, clock: int) -> tuple[int, int]:
        """Nodes of `loads` in the clock after this one."""
        count, age = self.loads(clock)
        load = self.word("load", clock) == 1
        reset = Word.of(self.graph, self._circuit.signal("rst", clock), False) == 1
        count = select(reset, 0, select(load, count + 1, count))
        older = select(age <= self.lane.clear_clocks, age + 1, age)
        age = select(reset, 0, select(load, 1, older))
        return count.to(self.loads_width), age.to(self.age_width)

    def output(self, name: str, clock: int) -> Word:
        """Return an output of the lane.

        Parameters
        ----------
        name : str
            Name of the port.
        clock : int
            Number of the clock.

        Returns
        -------
        Word
            The unsigned word.
        """
        graph = self.graph
        if name == "initial_state":
            count, age = self.loads(clock)
            return Word.of(graph, self.initial(count.to(self.loads_width), age.to(self.age_width)), False)
        made = self.step(self.stage(self.lane.latency - 1, clock))
        low, width = {"next_state": (0, self.size), "spike": (self.size, 1), "saturated": (self.size + 1, 1)}[name]
        return Word.of(graph, graph.slice(made, low, width), False)

    def step(self, inputs: int) -> int:
        """Apply the opaque step function, which is the same for all lanes.

        Parameters
        ----------
        inputs : int
            Node of state, drive and parameters, concatenated.

        Returns
        -------
        int
            Node of next state, spike and saturation, concatenated.
        """
        return self.graph.opaque("step", self.size + 2, inputs)

    @cached_property
    def _constant(self) -> int:
        """Initial state of a lane that does not compute it."""
        return read_lane(self.graph, to_rtlil(self.lane), "top", self.lane).signal("initial_state", 0)

    def initial(self, count: int, age: int) -> int:
        """Return the initial state at the lane's output.

        Parameters
        ----------
        count : int
            Node of the number of loads since the reset.
        age : int
            Node of the number of clocks since the last load.

        Returns
        -------
        int
            Node of the state of the model if it is known and the lane has finished it; else of an opaque function.
        """
        graph = self.graph
        # Amaranth may connect the constant around the lane.
        if f"lane_{self.index}.initial_state" not in self._ports:
            return self._constant
        if not self.counts_loads and graph.value(self._constant) is not None:
            return self._constant
        # Lanes of one array may differ in this: a function has one number of arguments.
        name, arguments = ("begin", (count, age)) if self.counts_loads else ("begin alike", ())
        unknown = graph.opaque(name, self.size, graph.const(self.index, 16), *arguments)
        if self._words is None or not self.counts_loads:
            return unknown
        finished = graph.op("eq", 1, age, graph.const(self.lane.clear_clocks, self.age_width))
        return graph.op("mux", self.size, finished, unknown, graph.table(self._words, self.size, count))
