"""The coupling term of an array by itself, from any contents of its registers and memories, and how it is connected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neighbours import CouplingTerm
from neuristor.sim.netlists.netlist import Circuit, read_parts
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import all_of, holds, implies
from neuristor.sim.proofs.symbolic_array import SymbolicArray

__all__ = ["Alone", "Pairs", "connected", "decided"]

Pairs = Iterator[tuple[Graph, list[int], Word]]
"""Bits that are claimed, each with its graph and assumptions."""


class Alone:
    """A coupling term whose inputs are free words.

    Parameters
    ----------
    text : str
        RTLIL of the circuit of the array.
    """

    def __init__(self, text: str) -> None:
        self.graph = Graph()
        self.circuit = read_parts(self.graph, text, ["top.neighbours"])[0]

    def fresh(self, follow: bool = True) -> Circuit:
        """The circuit again.

        Parameters
        ----------
        follow : bool
            Whether some row of each memory that is written is followed; else they can be read in clock 0 only.
        """
        circuit = self.circuit.again(lambda name, clock: f"{name}@{clock}")
        for name, memory in circuit.memories.items():
            if follow and memory.written:
                circuit.follow(name, self.free(f"row of {name}", (memory.depth - 1).bit_length()).number)
        return circuit

    def of(self, circuit: Circuit, name: str, clock: int, signed: bool = False) -> Word:
        """A signal as a word.

        Parameters
        ----------
        circuit : Circuit
            Of `fresh`.
        name : str
            Name of the signal.
        clock : int
            Number of the clock.
        signed : bool
            Whether it has a sign.
        """
        return Word.of(self.graph, circuit.signal(name, clock), signed)

    def free(self, name: str, width: int) -> Word:
        """Any number.

        Parameters
        ----------
        name : str
            Its name.
        width : int
            Its bits.
        """
        return Word.of(self.graph, self.graph.input(name, max(1, width)), False)

    def paces(self, term: CouplingTerm) -> list[tuple[int, ...]]:
        """Values of `enable` in the clocks from a row to its pull: without a stall, and with one at each place.

        Parameters
        ----------
        term : CouplingTerm
            The coupling term.
        """
        ones = (1,) * term.latency
        return [ones, *((*ones[:place], 0, *ones[place:]) for place in range(1, term.latency))]

    def quiet(self, circuit: Circuit, clocks: int) -> list[int]:
        """Bits that say that there is no reset.

        Parameters
        ----------
        circuit : Circuit
            Of `fresh`.
        clocks : int
            In how many clocks, from 0.
        """
        return [(self.of(circuit, "rst", clock) == 0).number for clock in range(clocks)]


def decided(pairs: Iterable[tuple[Graph, list[int], Word]]) -> bool | None:
    """Whether all bits are 1 under their assumptions; None if one is not decided.

    Parameters
    ----------
    pairs : iterable of (Graph, list of int, Word)
        The bits.
    """
    for graph, assumed, bit in pairs:
        answer = holds(graph, assumed, bit.number).proved
        if answer is not True:
            return answer
    return True


def connected(array: NeuronArray, term: CouplingTerm, symbolic: SymbolicArray) -> Word:
    """Whether values and sums go from and to the lanes of their neurons, and the row that begins is named.

    Neurons that do not exist, in the last row, have the value 0.

    Parameters
    ----------
    array : NeuronArray
        The array.
    term : CouplingTerm
        Its coupling term.
    symbolic : SymbolicArray
        The array with opaque lanes.

    Returns
    -------
    Word
        1 if so, in clock 0.
    """
    graph, word, bits = symbolic.graph, symbolic.word, list[Word]()
    layout, width = array.pipelines[0].state.shape(), term.value_width
    field, size, pull = layout[term.field], layout.size, term.pull_shape.width
    signed = next(each.signed for each in array.params.state_fields if each.name == term.field)

    def part(name: str, low: int, length: int) -> int:
        return graph.slice(symbolic.node(name, 0), low, length)

    writes, row, state = symbolic.written(0)
    read = symbolic.node("read__data", 0)
    for index, lane in enumerate(symbolic.lanes):
        after, before = (
            Word.of(graph, graph.slice(each, index * size + field.offset, field.width), signed)
            for each in (state, read)
        )
        taken = symbolic.same(part("neighbours.written", index * width, width), after.to(width))
        bits.append(implies(writes, taken))
        if symbolic.circuit.has("neighbours.own"):  # else nothing depends on it
            bits.append(symbolic.same(part("neighbours.own", index * width, width), before.to(width)))
        bits.append(symbolic.same(lane.node("pull", 0), part("neighbours.pull", index * pull, pull)))
        if (array.rows - 1) * array.lanes + index >= array.params.count:
            bits.append(implies(writes & (row == array.rows - 1), after == 0))
    bits.append((word("neighbours.write", 0) == 1) == writes)
    bits.append(implies(writes, word("neighbours.write_row", 0) == row))
    accepts = (word("i__valid", 0) & word("i__ready", 0)) == 1
    if symbolic.circuit.has("neighbours.row"):
        bits.append(implies(accepts, word("neighbours.row", 0) == word("slot", 0)))
    stalls = (word("o__valid", 0) == 1) & (word("o__ready", 0) == 0)
    bits.append((word("neighbours.enable", 0) == 1) == (stalls == 0))
    return all_of(bits)
