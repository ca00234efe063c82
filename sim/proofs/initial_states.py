"""Initial states: those of the bit-true model as words of the circuit, and those that a lane generates.

After a reset, the array initializes its rows one after the other. For each row, every lane receives a `load` and gives
the initial state `clear_clocks` clocks later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph

__all__ = ["MOST_ROWS", "clock_of_row", "initial_state", "initial_words", "read_cleared", "same_initial_states"]

MOST_ROWS = 64
"""Largest number of rows for which tables of the model are part of the proof: initial states and parameters."""


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
    """Whether the lanes generate the initial states of the model in the first `MOST_ROWS` rows.

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
    initial, clears = initial_state(model, params), array.pipelines[0].clear_clocks
    for index, lane in enumerate(array.pipelines):
        graph = Graph()
        circuit = read_cleared(graph, to_rtlil(lane), "top", clears)
        words = initial_words(array, index, initial)[:MOST_ROWS]
        for row, word in enumerate(words):
            number = circuit.signal("initial_state", clock_of_row(row, clears))
            if row * array.lanes + index < params.count and number != graph.const(word, graph.width(number)):
                return False
    return True
