"""Initial states: those of the bit-true model as words of the circuit, and those that a lane generates.

After a reset, the array initializes its rows one after the other. For each row, every lane receives a `load` and gives
the initial state `clear_clocks` clocks later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph

__all__ = [
    "MOST_ROWS",
    "clock_of_row",
    "depends_on_load",
    "initial_state",
    "initial_words",
    "read_cleared",
    "same_initial_states",
]

MOST_ROWS = 64
"""Largest number of rows for which initial states of the model are part of the proof of the array. For more rows, the
array is proved to store what the lanes give, and the lanes to give the states of the model."""
_LARGEST = 2_000_000
"""Values that are computed at a time."""


def initial_state(model: NeuronModel[Any], params: NeuronParams) -> dict[str, Any]:
    """Return the state of the bit-true model after a reset.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of the neurons.

    Returns
    -------
    dict of str to ndarray of int64, shape (count,)
        The state, by field.
    """
    made = model.bit_true(params)
    return {field.name: getattr(made, field.name) for field in params.state_fields if field.name in vars(made)}


def initial_words(array: NeuronArray, index: int, initial: Mapping[str, Any]) -> list[int]:
    """Pack the initial states of a lane's neurons as the circuit does.

    Parameters
    ----------
    array : NeuronArray
        The array.
    index : int
        Number of the lane.
    initial : mapping of str to ndarray of int64, shape (count,)
        State after a reset, by field; fields that are missing are 0.

    Returns
    -------
    list of int
        One unsigned word for each row; 0 if the lane has no neuron in the row.
    """
    shape, made = array.pipelines[index].state.shape(), []
    for neuron in range(index, array.rows * array.lanes, array.lanes):
        word = 0
        for name in shape.members if neuron < array.params.count else ():
            field = shape[name]
            value = int(initial[name][neuron]) if name in initial else 0
            word |= (value & ((1 << field.width) - 1)) << field.offset
        made.append(word)
    return made


def read_cleared(graph: Graph, text: str, top: str, clears: int) -> Circuit:
    """Read a lane of an array that initializes its rows after a reset in clock 0, from any state before the reset.

    Parameters
    ----------
    graph : Graph
        The graph that its nodes are added to.
    text : str
        RTLIL with the lane.
    top : str
        Name of the lane's module.
    clears : int
        Clocks from `load` to `initial_state`.

    Returns
    -------
    Circuit
        The circuit; `clock_of_row` gives the clock of each initial state.
    """

    def given(name: str, clock: int) -> int | str:
        if name == "rst":
            return int(clock == 0)
        return int(clock > 0 and (clock - 1) % (clears + 1) == 0) if name == "load" else f"{name}@{clock}"

    return read_circuit(graph, text, top, given)


def clock_of_row(row: int, clears: int) -> int:
    """Return the clock in which a lane from `read_cleared` gives the initial state of a row.

    Parameters
    ----------
    row : int
        Number of the row.
    clears : int
        Clocks from `load` to `initial_state`.

    Returns
    -------
    int
        Number of the clock.
    """
    return 1 + row * (clears + 1) + clears


def same_initial_states(model: NeuronModel[Any], params: NeuronParams, array: NeuronArray) -> bool:
    """Whether the lanes generate the initial states of the model, in every row.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of the neurons.
    array : NeuronArray
        Their array.

    Returns
    -------
    bool
        True if they do after every reset, from any state before it.
    """
    initial = initial_state(model, params)
    for index, lane in enumerate(array.pipelines):
        turn = _Turn(to_rtlil(lane), lane.clear_clocks)
        if not turn.known:
            return False
        words = initial_words(array, index, initial)
        given = turn.states(len(words))
        neurons = range(index, params.count, array.lanes)
        if any(given[row] != words[row] for row in range(len(neurons))):
            return False
    return True


def depends_on_load(text: str) -> bool:
    """Whether the initial states that a lane gives depend on its input `load`, in this clock or before.

    Parameters
    ----------
    text : str
        RTLIL of the lane, whose module is ``top``.

    Returns
    -------
    bool
        False only if they do not.
    """
    graph, seen = Graph(), set[str]()
    lane = read_circuit(graph, text, "top", lambda name, clock: 0 if name == "rst" else f"{name}@{clock}")
    waiting = [lane.signal("initial_state", 0)]
    while waiting:
        found = set(graph.needed({number: (1 << graph.width(number)) - 1 for number in waiting}))
        if "load@0" in found:
            return True
        cells = {cell for name in found if (cell := lane.register_of(name)) is not None} - seen
        seen |= cells
        waiting = [lane.register(cell, 1) for cell in sorted(cells)]
    return False


class _Turn:
    """The clocks in which a lane gives one initial state, from a `load` to the next, after a reset.

    Attributes
    ----------
    known : bool
        Whether the reset determines all registers that the initial states depend on, and configuration does alike.
    """

    def __init__(self, text: str, clears: int) -> None:
        self.graph = graph = Graph()

        def loads(name: str, clock: int) -> int | str:
            return {"rst": 0, "load": int(clock == 0)}.get(name, f"{name}@{clock}")

        turn = read_circuit(graph, text, "top", loads)
        after = turn.again(lambda name, clock: int(clock == 0) if name == "rst" else f"{name}@{clock}")
        self.out = turn.signal("initial_state", clears)
        names: dict[str, str] = {}
        free: set[str] = set()
        waiting = [self.out]
        while waiting:
            found = graph.needed({number: (1 << graph.width(number)) - 1 for number in waiting})
            cells = {name: turn.register_of(name) for name in found}
            free |= {name for name, cell in cells.items() if cell is None}
            new = {cell: name for name, cell in cells.items() if cell is not None and cell not in names}
            names |= new
            waiting = [turn.register(cell, clears + 1) for cell in new]
        self._next = {name: turn.register(cell, clears + 1) for cell, name in names.items()}
        first = {name: graph.value(after.register(cell, 1)) for cell, name in names.items()}
        configured = all(turn.configured(cell) == first[name] for cell, name in names.items())
        self.known = not free and None not in first.values() and configured
        self._first = {name: value or 0 for name, value in first.items()}

    def states(self, count: int) -> list[int]:
        """Return the initial states of the first neurons of the lane, as the circuit gives them."""
        graph, now = self.graph, self._first
        turns: dict[str, list[int]] = {name: [] for name in now}
        for _ in range(count):
            for name, value in now.items():
                turns[name].append(value)
            found = graph.compute(now, self._next.values())
            now = {name: found[number] for name, number in self._next.items()}
        if not turns:
            return [graph.compute({}, [self.out])[self.out]] * count
        made: list[int] = []
        step = max(1, _LARGEST // len(graph.cone([self.out])))
        for start in range(0, count, step):
            columns = {name: np.array(values[start : start + step], dtype=object) for name, values in turns.items()}
            made += [int(word) for word in graph.compute_many(columns, [self.out])[self.out]]
        return made
