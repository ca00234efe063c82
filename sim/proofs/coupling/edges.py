"""Proof that the coupling term of an array is the weighted sum over the neighbours, by induction over lists of edges.

A list is worked off one edge a clock, so that sums of any number of edges follow from one step: each edge adds its
weight times the value of the neuron that it names, whatever was summed before, and each sum is stored for the neuron
that it is of. The contents of the lists are compared with the edges of the model, as numbers. That the walk is complete
before its sums are read, and that no value changes during it, is an invariant of the array's schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuristor.golden_model.fixed import round_shift, saturate, select
from neuristor.golden_model.neurons.coupling import WEIGHT_BITS
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.edges import STAGES, Edges
from neuristor.sim.netlists.netlist import Circuit
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of, implies
from neuristor.sim.proofs.coupling.alone import Alone, Pairs
from neuristor.sim.proofs.symbolic_array import SymbolicArray

__all__ = ["WalkSchedule", "Walks", "wrong_sums"]


Lists = list[list[dict[str, int]]]


def wrong_sums(term: Edges, lists: Lists) -> list[int]:
    """Neurons whose sum over the lists, worked off in order, is not the model's, or does not fit.

    Parameters
    ----------
    term : Edges
        The coupling term.
    lists : list of list of dict
        The entries of each walker.
    """
    coupling, lanes = term.coupling, term.lanes
    wanted: list[dict[int, int]] = [{} for _ in range(coupling.count)]
    for i, j, w in coupling.entries.tolist():
        wanted[i][j] = w
    # The circuit's sum is as wide as a product of both widths, and a bit more than the number of neighbours needs.
    widest = 1 << term.sum_width - 1
    stored: dict[tuple[int, int], dict[int, int]] = {}
    too_wide: set[tuple[int, int]] = set()
    for walker, edges in enumerate(lists):
        total: dict[int, int] = {}
        kept, reach = -1, 0
        for place, edge in enumerate(edges):
            reads = term.reads(place, edge)
            if edge["first"]:
                total, reach = {}, 0
            source, weight = (kept, edge["weight"] << term.lower) if edge.get("upper") else (reads, edge["weight"])
            total[source] = total.get(source, 0) + weight
            reach += abs(weight) << term.value_width - 1
            if edge.get("own"):
                kept = reads
            key = walker, edge["turn"]
            stored[key] = dict(total)
            if reach >= widest:
                too_wide.add(key)
    wrong = []
    for neuron in range(coupling.count):
        row, lane = divmod(neuron, lanes)
        key = lane + lanes * (row % (term.walkers // lanes)), row // (term.walkers // lanes)
        found = {j: w for j, w in stored.get(key, {}).items() if w}
        if found != {j: w for j, w in wanted[neuron].items() if w} or key in too_wide:
            wrong.append(neuron)
    return wrong


class Walks(Alone):
    """The coupling term by itself, with its lists.

    Parameters
    ----------
    term : Edges
        The coupling term.
    text : str
        RTLIL of the circuit of the array.
    """

    def __init__(self, term: Edges, text: str) -> None:
        super().__init__(text)
        self.term, self.longest = term, len(term.lists[0])

    def claims(self) -> dict[str, Pairs]:
        """What is claimed, by its text."""
        late = self.term.latency
        return {
            "each value that is written is kept in its row, and no other row changes": self.values(),
            "a walk begins when the last row is written, and takes each edge of the lists in order": self.order(),
            "each edge adds its weight times the value that it reads, or begins a sum with it": self.folds(),
            "each sum is rounded, limited and stored for the neuron that it is of": self.stores(),
            f"the pull is the stored sum of the row, {late} clocks later, stalls not counted": self.reads(),
        }

    def stored(self) -> Lists:
        """The lists that the memories hold after configuration."""
        shape = self.term.edge_shape
        found: Lists = []
        for number in range(self.term.walkers):
            memory = self.circuit.memories[f"edge_memory_{number}"]
            edges = []
            for word in memory.words[: self.longest]:
                edge = {}
                for name in shape.members:
                    field = shape[name]
                    value = word >> field.offset & (1 << field.width) - 1
                    negative = name == "weight" and value >> field.width - 1
                    edge[name] = value - (1 << field.width) if negative else value
                if not self.term.dense:
                    edge["reads"] = edge["row"] * self.term.lanes + edge["lane"]
                edges.append(edge)
            found.append(edges)
        return found

    def copies(self) -> list[str]:
        """Names of the memories of values."""
        return ["value_memory"] if self.term.dense else [f"value_memory_{n}" for n in range(self.term.walkers)]

    def values(self) -> Pairs:
        """Whether each copy of the values keeps what is written."""
        for name in self.copies():
            circuit = self.fresh()
            row = self.free("row of values", (self.circuit.memories[name].depth - 1).bit_length())
            circuit.follow(name, row.number)
            before, after = (Word.of(self.graph, circuit.content(name, clock), False) for clock in (0, 1))
            here = (self.of(circuit, "write", 0) == 1) & (self.of(circuit, "write_row", 0) == row)
            yield self.graph, [], after == select(here, self.of(circuit, "written", 0), before)

    def order(self) -> Pairs:
        """Whether the place goes through the lists, and in a matrix the neuron that is read goes with it."""
        circuit, longest = self.fresh(), self.longest
        place, after = (self.of(circuit, "place", clock) for clock in (0, 1))
        last = self.term.last_row
        begins = (self.of(circuit, "write", 0) == 1) & (self.of(circuit, "write_row", 0) == last)
        walking = place != longest
        follows = after == select(begins, 0, select(walking, place + 1, place))
        yield self.graph, [*self.quiet(circuit, 1), (place <= longest).number], follows
        yield self.graph, [(self.of(circuit, "rst", 0) == 1).number], after == longest
        if self.term.dense:
            known = [*self.quiet(circuit, 1), (place <= longest).number, self._in_step(circuit, 0).number]
            quiet = implies(walking | (self.of(circuit, "valid", 0) & 1 == 1), self.of(circuit, "write", 0) == 0)
            yield self.graph, [*known, quiet.number], self._in_step(circuit, 1)
            yield self.graph, [(self.of(circuit, "rst", 0) == 1).number], self._in_step(circuit, 1)

    def _in_step(self, circuit: Circuit, clock: int) -> Word:
        """Whether the neuron that is read is that of the edge whose weight is known now."""
        place, known = self.of(circuit, "place", clock), self.of(circuit, "valid", clock) & 1 == 1
        bits = [implies((place != self.longest) & (known == 0), place == 0), implies(known, place != 0)]
        places = [each % self.term.row_length for each in range(self.longest)]
        neurons = [self.term.reads(each, {}) for each in places]
        for name, wanted in (
            ("position", places),
            ("read_row", [each // self.term.lanes for each in neurons]),
            ("read_lane", [each % self.term.lanes for each in neurons]),
        ):
            if not circuit.has(name):  # a constant, 0
                bits.append(Word.of(self.graph, self.graph.const(int(not any(wanted)), 1), False))
                continue
            now = self.of(circuit, name, clock)
            table = (0, *wanted, *[0] * ((1 << place.width) - self.longest - 1))
            expected = Word.of(self.graph, self.graph.table(table, now.width, place.number), False)
            bits.append(implies(known, now == expected))
        return all_of(bits)

    def folds(self) -> Pairs:
        """Whether each edge is added to the sum before it, or begins one."""
        for number in range(self.term.walkers):
            yield from self._fold(number)

    def _fold(self, number: int) -> Pairs:
        term, graph, circuit = self.term, self.graph, self.fresh()
        edge, walking, place = self._edge(circuit, number)
        assumed = [*self.quiet(circuit, 5), (place <= self.longest).number]
        name = "value_memory" if term.dense else f"value_memory_{number}"
        row = self.free("row that is read", (circuit.memories[name].depth - 1).bit_length())
        lane = self.free("lane that is read", (term.lanes - 1).bit_length())
        circuit.follow(name, row.number)
        if term.dense:
            assumed.append(self._in_step(circuit, 1).number)
            assumed.append(implies(walking, self.of(circuit, "place", 1) == place + 1).number)
            neurons = [term.reads(each, {}) for each in range(self.longest)]
            at = [self._looked_up([each // term.lanes for each in neurons], place)]
            at.append(self._looked_up([each % term.lanes for each in neurons], place))
        else:
            at = [edge["row"], edge["lane"]]
        # A list that is loaded names lanes that exist.
        assumed += [(at[0] == row).number, (at[1] == lane).number, (lane < term.lanes).number]
        content, width = circuit.content(name, 1), term.value_width
        value: Any = Word.of(graph, graph.slice(content, 0, width), True)
        for other in range(1, term.lanes):
            value = select(lane == other, Word.of(graph, graph.slice(content, other * width, width), True), value)
        weight = Word.of(graph, edge["weight"].number, True)
        wanted = value
        if term.lower:
            kept = [self.of(circuit, f"kept_{number}", clock, True) for clock in (2, 3)]
            wanted = select(edge["upper"] == 1, kept[0], value)
            yield graph, [*assumed, walking.number], kept[1] == select(edge["own"] == 1, value, kept[0])
            yield graph, [*assumed, (walking == 0).number], kept[1] == kept[0]
        factors = [self.of(circuit, f"factor_{each}_{number}", 3, True) for each in "ab"]
        yield graph, [*assumed, walking.number], (factors[0] == weight) & (factors[1] == wanted)
        product = self.of(circuit, f"product_{number}", 4, True)
        yield graph, self.quiet(circuit, 4), product == factors[0] * factors[1]
        totals = [self.of(circuit, f"sum_{number}", clock, True) for clock in (4, 5)]
        more: Any = select(edge["upper"] == 1, product << term.lower, product) if term.lower else product
        exact = select(edge["first"] == 1, 0, totals[0]) + more
        same = graph.op("eq", 1, graph.slice(exact.number, 0, term.sum_width), totals[1].to(term.sum_width))
        yield graph, [*assumed, walking.number], Word.of(graph, same, False)
        yield graph, [*assumed, (walking == 0).number], totals[1] == totals[0]

    def _edge(self, circuit: Circuit, number: int) -> tuple[dict[str, Word], Word, Word]:
        """The edge that the memory of a walker has at the place of clock 0; whether there is one; the place."""
        term, graph, name = self.term, self.graph, f"edge_memory_{number}"
        place, memory = self.of(circuit, "place", 0), circuit.memories[name]
        if memory.written:
            circuit.follow(name, place.number)
            word = circuit.content(name, 0)
        else:
            address = max(1, (memory.depth - 1).bit_length())
            word = graph.table(memory.words, memory.width, graph.slice(place.number, 0, address))
        shape = term.edge_shape
        found = {
            each: Word.of(graph, graph.slice(word, shape[each].offset, shape[each].width), False)
            for each in shape.members
        }
        return found, place != self.longest, place

    def _looked_up(self, numbers: list[int], place: Word) -> Word:
        """A number for each place of a list."""
        table = (*numbers, *[0] * ((1 << place.width) - self.longest))
        width = max(1, max(numbers).bit_length())
        return Word.of(self.graph, self.graph.table(table, width, place.number), False)

    def stores(self) -> Pairs:
        """Whether each sum is stored for the turn of its edge."""
        low, high = -(1 << self.term.pull_shape.width - 1), (1 << self.term.pull_shape.width - 1) - 1
        for number in range(self.term.walkers):
            circuit, name = self.fresh(), f"sum_memory_{number}"
            edge, walking, place = self._edge(circuit, number)
            turn = self.free("turn", (circuit.memories[name].depth - 1).bit_length())
            circuit.follow(name, turn.number)
            before, after = (Word.of(self.graph, circuit.content(name, clock), True) for clock in (5, 6))
            bounded = saturate(round_shift(self.of(circuit, f"sum_{number}", 5, True), WEIGHT_BITS), low, high)
            wanted = select(walking & (edge["turn"] == turn), bounded, before)
            yield self.graph, [*self.quiet(circuit, 6), (place <= self.longest).number], after == wanted

    def reads(self) -> Pairs:
        """Whether the pull is the stored sum of the row, with and without a stall."""
        term, graph = self.term, self.graph
        many = term.walkers // term.lanes
        width = term.pull_shape.width
        for walker in range(term.walkers):
            place, lane = divmod(walker, term.lanes)
            for enables in self.paces(term):
                circuit, name = self.fresh(), f"sum_memory_{walker}"
                turn = self.free("turn", (circuit.memories[name].depth - 1).bit_length())
                circuit.follow(name, turn.number)
                moves = [self.of(circuit, "enable", clock) == value for clock, value in enumerate(enables)]
                asked = self.of(circuit, "row", 0) == turn * many + place
                pull = graph.slice(circuit.signal("pull", len(enables)), lane * width, width)
                same = graph.op("eq", 1, pull, circuit.content(name, 0))
                assumed = [*self.quiet(circuit, len(enables)), asked.number, *(each.number for each in moves)]
                yield graph, assumed, Word.of(graph, same, False)
        circuit = self.fresh()
        stalled = [*self.quiet(circuit, 1), (self.of(circuit, "enable", 0) == 0).number]
        yield graph, stalled, self.of(circuit, "pull", 1) == self.of(circuit, "pull", 0)


class WalkSchedule:
    """The coupling term within the array: how far its walk is at each point of the schedule.

    The time since the last row was accepted is counted in clocks without a stall. `latency` of them later the row is
    written, so that the walk begins; it goes on during stalls.

    Parameters
    ----------
    array : NeuronArray
        The array.
    term : Edges
        Its coupling term.
    symbolic : SymbolicArray
        The array with opaque lanes.
    """

    def __init__(self, array: NeuronArray, term: Edges, symbolic: SymbolicArray) -> None:
        self.array, self.term, self.symbolic = array, term, symbolic
        self.slots = array.cycles_per_tick // array.interval
        # A walk that begins with the initial states starts with the idle slots.
        start = self._number(-array.idle_slots % self.slots, 0)
        self.late = max(array.latency, start)

    def claim(self, schedule: Sequence[int]) -> dict[str, Pairs]:
        """What is claimed, by its text.

        Parameters
        ----------
        schedule : sequence of int
            Invariants of the schedule of the array that hold in clock 0.
        """
        return {"a walk is complete before a row is read or written again": self._pairs([*schedule])}

    def _pairs(self, schedule: list[int]) -> Pairs:
        graph, after = self.symbolic.graph, self._invariants(1)
        known = [*schedule, *(bit.number for bit in self._invariants(0))]
        for bit in after:
            yield graph, known, bit
            yield graph, [], implies(self.symbolic.word("rst", 0) == 1, bit)
        yield graph, known, self.complete()

    def _number(self, slot: int, phase: int) -> int:
        interval, rows = self.array.interval, self.array.rows
        since = slot - rows if slot >= rows else slot - rows + self.slots
        return interval * since + (phase - 1) % interval

    def _done(self, clock: int, since: Any) -> Word:
        """Whether a walk is as far as it must be after some clocks."""
        longest = len(self.term.lists[0])
        place, valid = (self.symbolic.word(f"neighbours.{name}", clock) for name in ("place", "valid"))
        bits = [place <= longest, implies(since <= longest, place >= since), implies(since > longest, place == longest)]
        for stage in range(STAGES - 1):
            bits.append(implies(since > longest + stage, (valid >> stage & 1) == 0))
        return all_of(bits)

    def _invariants(self, clock: int) -> list[Word]:
        """How far the walk is, by the schedule."""
        array, word = self.array, self.symbolic.word
        running, slot = word("running", clock) == 1, word("slot", clock)
        phase: Any = word("phase", clock) if array.interval > 1 else 0
        before = select(phase == 0, array.interval - 1, phase - 1) if array.interval > 1 else 0
        since_row = select(slot >= array.rows, slot - array.rows, slot + (self.slots - array.rows))
        since = since_row * array.interval + before
        flying = word("valid", clock) != 0
        waits = running & ((slot == 0) | (slot >= array.rows))
        whole = len(self.term.lists[0]) + STAGES
        return [
            word("neighbours.place", clock) <= len(self.term.lists[0]),
            implies(running == 0, self._done(clock, self._constant(whole))),
            implies(running & (waits == 0), self._done(clock, self._constant(whole))),
            implies(waits & flying, self._done(clock, self._constant(whole)) & (since < array.latency)),
            implies(waits & (flying == 0), self._done(clock, select(since > self.late, since - self.late, 0))),
        ]

    def _constant(self, value: int) -> Word:
        """A constant as a word."""
        graph = self.symbolic.graph
        return Word.of(graph, graph.const(value, max(1, value.bit_length())), False)

    def complete(self) -> Word:
        """Whether nothing walks when a row begins, and when a row is written after the initialization."""
        word, whole = self.symbolic.word, len(self.term.lists[0]) + STAGES
        running = word("running", 0) == 1
        begins = running & ((word("i__valid", 0) & word("i__ready", 0)) == 1)
        writes = running & self.symbolic.written(0)[0]
        return implies(begins | writes, self._done(0, self._constant(whole)))
