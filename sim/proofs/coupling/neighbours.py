"""Proof that the coupling term of equal edges is the sum of the differences to the neighbours.

The sum over all neurons is proved by induction over the rows that are written: each adds its values, whatever was
summed before. Of sparse neighbours, each lane sums those that the mask of the row names, of the half of the memory that
is read; what is written goes to the other half, and the halves change when the last row is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuristor.golden_model.fixed import select
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neighbours import Neighbours
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import all_of, implies
from neuristor.sim.proofs.coupling.alone import Alone, Pairs
from neuristor.sim.proofs.symbolic_array import SymbolicArray

__all__ = ["Every", "Near", "earlier_rows"]


def earlier_rows(array: NeuronArray, symbolic: SymbolicArray, schedule: Sequence[int]) -> dict[str, Pairs]:
    """Claim that what is read is of the tick before, by its text.

    Parameters
    ----------
    array : NeuronArray
        The array.
    symbolic : SymbolicArray
        The array with opaque lanes.
    schedule : sequence of int
        Invariants of its schedule that hold in clock 0.
    """
    word = symbolic.word
    accepts = (word("i__valid", 0) & word("i__ready", 0)) == 1
    earlier = [
        implies((word("valid", 0) >> place & 1) == 1, word(f"row_{place}", 0) < word("slot", 0))
        for place in range(array.latency)
    ]
    # And the sums of a row are read before the last one is written, which changes what they are of.
    graph, before = symbolic.graph, array.neighbours is not None and array.neighbours.latency <= array.latency
    read = Word.of(graph, graph.const(int(before), 1), False)
    pairs = iter([(graph, [*schedule], implies(accepts, all_of(earlier)) & read)])
    return {"all rows of a tick are written before the first of the next begins": pairs}


class Every(Alone):
    """All neurons are neighbours of each other.

    Parameters
    ----------
    term : Neighbours
        The coupling term.
    text : str
        RTLIL of the circuit of the array.
    """

    def __init__(self, term: Neighbours, text: str) -> None:
        super().__init__(text)
        self.term = term

    def claims(self) -> dict[str, Pairs]:
        """What is claimed, by its text."""
        return {
            "each row that is written adds its values to the sum, or begins it": self.folds(),
            "the pull is the sum over all neurons, less the neuron's own value times their number": self.pulls(),
        }

    def _part(self, name: str, clock: int, index: int, circuit: Any, width: int) -> Word:
        """A word of a lane."""
        number = self.graph.slice(circuit.signal(name, clock), index * width, width)
        return Word.of(self.graph, number, True)

    def folds(self) -> Pairs:
        """Whether each row is added to the sum before it, and the last one completes it."""
        circuit, term = self.fresh(), self.term
        writes, row = self.of(circuit, "write", 0) == 1, self.of(circuit, "write_row", 0)
        added: Any = 0
        for lane in range(term.lanes):
            added = added + self._part("written", 0, lane, circuit, term.value_width)
        sums = [self.of(circuit, "running", clock, True) for clock in (1, 2)]
        totals = [self.of(circuit, "total", clock, True) for clock in (1, 2)]
        exact = select(row == 0, 0, sums[0]) + added
        kept = self.graph.slice(exact.number, 0, sums[1].width)
        wanted = select(writes, Word.of(self.graph, kept, True), sums[0])
        yield self.graph, self.quiet(circuit, 2), sums[1] == wanted
        done = writes & (row == term.last_row)
        yield self.graph, self.quiet(circuit, 2), totals[1] == select(done, wanted, totals[0])

    def pulls(self) -> Pairs:
        """Whether the pull follows from the sum, which a tick does not change, `latency` clocks after the row."""
        term, width = self.term, self.term.pull_shape.width
        for enables in self.paces(term):
            circuit, clocks, arrival = self.fresh(), len(enables), enables.index(1, 1)
            total = self.of(circuit, "total", arrival, True)
            assumed = self.quiet(circuit, clocks)
            assumed += [(self.of(circuit, "enable", clock) == on).number for clock, on in enumerate(enables)]
            for clock in range(arrival, clocks):
                assumed.append((self.of(circuit, "total", clock, True) == total).number)
            for lane in range(term.lanes):
                own = self._part("own", arrival, lane, circuit, term.value_width)
                exact = total - own * term.coupling.count
                wanted = Word.of(self.graph, self.graph.slice(exact.to(max(width, exact.width)), 0, width), True)
                yield self.graph, assumed, self._part("pull", clocks, lane, circuit, width) == wanted
        yield self.stalled()

    def stalled(self) -> tuple[Graph, list[int], Word]:
        """Whether a stall keeps the pull."""
        circuit = self.fresh()
        still = [*self.quiet(circuit, 1), (self.of(circuit, "enable", 0) == 0).number]
        return self.graph, still, self.of(circuit, "pull", 1) == self.of(circuit, "pull", 0)


class Near(Every):
    """Each neuron has few neighbours, at few distances.

    Parameters
    ----------
    term : Neighbours
        The coupling term.
    text : str
        RTLIL of the circuit of the array.
    """

    def __init__(self, term: Neighbours, text: str) -> None:
        super().__init__(term, text)
        self.span = 1 << (max(2, term.last_row + 1) - 1).bit_length()

    def claims(self) -> dict[str, Pairs]:
        """What is claimed, by its text."""
        return {
            "what is written goes to the half that is not read; the last row changes the halves": self.writes(),
            "the pull is the sum of the differences to the neighbours of a row, in the half that is read": self.pulls(),
        }

    def copies(self) -> list[str]:
        """Names of the memories of values."""
        return [name for name in self.circuit.memories if name.startswith("row_memory_")]

    def writes(self) -> Pairs:
        """Whether what is written is kept, in the half that is not read."""
        circuit = self.fresh()
        writes, row = self.of(circuit, "write", 0) == 1, self.of(circuit, "write_row", 0)
        if circuit.has("half"):
            half, after = (self.of(circuit, "half", clock) for clock in (0, 1))
            flips = writes & (row == self.term.last_row)
            yield self.graph, self.quiet(circuit, 1), after == select(flips, 1 - half, half)
        for name in self.copies():
            circuit = self.fresh(follow=False)
            side, at = self.free("half of values", 1), self.free("row of values", (self.span - 1).bit_length())
            address = side * self.span + at
            circuit.follow(name, address.number)
            before, kept = (Word.of(self.graph, circuit.content(name, clock), False) for clock in (0, 1))
            here = writes & (row == at) & (side != self.of(circuit, "half", 0))
            yield self.graph, [], kept == select(here, self.of(circuit, "written", 0), before)

    def pulls(self) -> Pairs:
        """Whether the pull is the sum of the differences, some clocks after its row, stalls not counted."""
        for enables in self.paces(self.term):
            yield from self._pull(enables)
        yield self.stalled()

    def _pull(self, enables: tuple[int, ...]) -> Pairs:
        term, graph, lanes = self.term, self.graph, self.term.lanes
        circuit, last = self.fresh(follow=False), len(enables) - 1
        rows, width, size = term.last_row + 1, term.pull_shape.width, term.value_width
        row = self.of(circuit, "row", 0)
        assumed = [*self.quiet(circuit, last + 1), (row < rows).number]
        assumed += [(self.of(circuit, "enable", clock) == on).number for clock, on in enumerate(enables)]
        # The states are read one enabled clock after their row is named; a stalled array keeps them.
        arrival = enables.index(1, 1)
        for clock in range(1, arrival):
            assumed.append((self.of(circuit, "own", clock) == self.of(circuit, "own", clock + 1)).number)
        own = [self._part("own", arrival, lane, circuit, size) for lane in range(lanes)]
        half = self.of(circuit, "half", 0) if circuit.has("half") else None
        distances = sorted({j - i for i, found in enumerate(term.coupling.neighbours) for j in found})
        copies: dict[int, str] = {}
        sums: list[list[tuple[list[bool], int, int]]] = []
        for lane in range(lanes):
            sums.append([])
            for distance in distances:
                has = [row * lanes + lane + distance in self._of(row * lanes + lane) for row in range(rows)]
                if any(has):
                    further, other = divmod(lane + distance, lanes)
                    sums[-1].append((has, further, other))
                    if further and further not in copies:
                        assert half is not None
                        name = copies[further] = f"row_memory_{len(copies)}"
                        circuit.follow(name, (half * self.span + ((row + further) & (self.span - 1))).number)
        for lane in range(lanes):
            total: Any = 0
            for has, further, other in sums[lane]:
                seen = own[other]
                if further:
                    word = circuit.content(copies[further], 0)
                    seen = Word.of(graph, graph.slice(word, other * size, size), True)
                total = total + select(self._bit(has, row) == 1, seen - own[lane], 0)
            pull = self._part("pull", len(enables), lane, circuit, width)
            yield graph, assumed, pull == total

    def _of(self, neuron: int) -> tuple[int, ...]:
        return self.term.coupling.neighbours[neuron] if neuron < self.term.coupling.count else ()

    def _bit(self, has: Sequence[bool], row: Word) -> Word:
        """Whether a neuron of each row has a neighbour."""
        table = (*map(int, has), *[0] * ((1 << row.width) - len(has)))
        return Word.of(self.graph, self.graph.table(table, 1, row.number), False)
