"""The circuit of one lane as words, for a neuron that the lane accepts in clock 0."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.lib import data

from neuristor.hdl.lane import Lane
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.delay_lines import with_registers

__all__ = ["RESULTS", "lane_inputs", "members", "read_lane", "stalled_inputs"]

RESULTS = ("next_state", "spike", "saturated")
"""Outputs of a lane with the result of an update."""


def members(graph: Graph, number: int, layout: data.StructLayout) -> dict[str, Word]:
    """Split a structure into its members.

    Parameters
    ----------
    graph : Graph
        The graph.
    number : int
        Node of the structure.
    layout : StructLayout
        Layout of the structure.

    Returns
    -------
    dict of str to Word
        The members, by name.
    """
    made = {}
    for name in layout.members:
        part = layout[name]
        signed = getattr(part.shape, "signed", False)
        made[name] = Word.of(graph, graph.slice(number, part.offset, part.width), signed)
    return made


def lane_inputs(lane: Lane, stall: int | None = None, moved: int = 0) -> Callable[[str, int], int | str]:
    """Make the inputs of a lane that accepted a neuron some clocks ago.

    The inputs of the neuron are free words, and keep their values for `interval` clocks. After that, each input is a
    free word in each clock. `tuning` and `seed` are free words that never change.

    Parameters
    ----------
    lane : Lane
        The lane.
    stall : int, optional
        The only clock in which `enable` is 0; by default it is always 1.
    moved : int
        Number of clocks with `enable` before clock 0, since the lane accepted the neuron.

    Returns
    -------
    callable
        Value of an input, from its name and the clock; see `neuristor.sim.netlists.netlist.Circuit`. It raises
        ValueError for a name that is no port of the lane.
    """

    def given(name: str, clock: int) -> int | str:
        name = name.partition("$")[0]  # Amaranth appends a number if another signal has the same name
        if name == "enable":
            return int(clock != stall)
        steps = moved + clock - (stall is not None and clock > stall)
        if name == "phase":
            return steps % int(lane.interval)
        if name == "rst":
            return 0
        if name in ("tuning", "seed"):
            return name
        if name not in lane.signature.members and name != "clk":
            raise ValueError(f"the inputs must be ports of the lane, not {name}")
        return f"{name}@{0 if steps < lane.interval else steps}"

    return given


def stalled_inputs(phase: int) -> Callable[[str, int], int | str]:
    """Make the inputs of a lane that is stalled in a phase; all others are free words in each clock.

    Parameters
    ----------
    phase : int
        The phase.

    Returns
    -------
    callable
        Value of an input, from its name and the clock; see `neuristor.sim.netlists.netlist.Circuit`.
    """

    def given(name: str, clock: int) -> int | str:
        known = {"enable": 0, "rst": 0, "phase": phase}
        return known.get(name.partition("$")[0], f"{name}@{clock}")

    return given


def read_lane(graph: Graph, text: str, top: str, lane: Lane) -> Circuit:
    """Read a lane that accepts a neuron in clock 0, from any contents of its registers.

    Delay lines in memory are read as the shift registers that they are proved to be.

    Parameters
    ----------
    graph : Graph
        The graph that its nodes are added to.
    text : str
        RTLIL with the lane.
    top : str
        Name of the lane's module.
    lane : Lane
        The lane.

    Returns
    -------
    Circuit
        The circuit; `enable` is always 1.
    """
    return read_circuit(graph, with_registers(text), top, lane_inputs(lane))
