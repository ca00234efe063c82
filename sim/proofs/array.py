"""Proof that an array applies its lanes to every neuron once a tick, whatever the lanes compute.

The lanes are opaque functions, see `neuristor.sim.proofs.opaque_lane`. In every tick, each row enters the lanes once
and in order, with the state after its previous tick, its own input and its own parameters; the result is written back
to the row and becomes the output. No address is read and written in the same clock, streams follow their protocol, and
a reset initializes all rows.

The proof is by induction over clocks, for a row whose number is symbolic: the invariants hold after a reset; if they
hold in one clock, they hold in the next. The other claims follow from the invariants.

`neuristor.sim.proofs.lane` proves that a lane computes the golden step. Both together say that the array equals the
model at every tick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from neuristor.golden_model.fixed import select
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import Claim, Stopwatch, all_of, any_of, holds, implies
from neuristor.sim.proofs.symbolic_array import SymbolicArray
from neuristor.sim.proofs.terms import Answer

__all__ = ["prove_array"]


def prove_array(
    array: NeuronArray, initial: Mapping[str, Any] | None = None, text: str | None = None
) -> Iterator[Claim]:
    """Prove an array for any lanes, claim by claim.

    Parameters
    ----------
    array : NeuronArray
        The array.
    initial : mapping of str to ndarray of int64, shape (count,), optional
        State of the model after a reset, by field, see `neuristor.sim.proofs.initial_states.initial_state`. It is
        compared for arrays of up to 64 rows. By default the initial states are those that the lanes give.
    text : str, optional
        RTLIL of the circuit to prove, such as a mutant of the array; the array's own by default.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    stopwatch = Stopwatch()
    symbolic = SymbolicArray(array, text or to_rtlil(array), initial)
    step = _Clock(symbolic)

    def claim(text: str, bit: Word, assumed: Sequence[int]) -> Claim:
        answer = holds(symbolic.graph, assumed, bit.number)
        lines = _lines(symbolic, answer) if answer.proved is False else ()
        return Claim("array", text, answer.proved, stopwatch.lap(), lines)

    for text, bit in step.invariants_after().items():
        yield claim(text, bit, step.assumed)
    reset = symbolic.word("rst", 0) == 1, symbolic.row < array.rows
    text = "a reset leads from any state to one in which all invariants hold"
    yield claim(text, _after_reset(symbolic), [bit.number for bit in reset])
    for text, bit in step.consequences():
        yield claim(text, bit, step.assumed)
    if array.coupled:
        text = "the pull on a neuron is the sum over its neighbours (`neuristor verify` compares it)"
        yield Claim("array", text, None, 0.0, tried=False)


class _Expected(NamedTuple):
    """Contents that the array should have in a clock.

    Attributes
    ----------
    state : int
        Node of the state of the symbolic row.
    drive : int
        Node of its input.
    next_out : Word
        Number of the row that is the next output.
    """

    state: int
    drive: int
    next_out: Word


class _Invariants:
    """The invariants of an array in one clock.

    Attributes
    ----------
    valid : list of Word
        For each stage of the pipeline, whether it contains a row.
    rows_at : list of Word
        Number of this row.
    here : list of Word
        For each stage, whether it contains the symbolic row.
    """

    def __init__(self, symbolic: SymbolicArray, clock: int, expected: _Expected) -> None:
        self.symbolic, self.clock, self.expected = symbolic, clock, expected
        array = symbolic.array
        self.rows, self.interval = array.rows, array.interval
        self.slots = array.cycles_per_tick // array.interval
        self.running, self.slot = self.word("running") == 1, self.word("slot")
        self.phase = self.word("phase") if self.interval > 1 else None
        self.valid = [(self.word("valid") >> place & 1) == 1 for place in range(array.latency)]
        self.rows_at = [self.word(f"row_{place}") for place in range(array.latency)]
        self.here = [valid & (row == symbolic.row) for valid, row in zip(self.valid, self.rows_at, strict=True)]

    def word(self, name: str) -> Word:
        """A signal in this clock, unsigned."""
        return self.symbolic.word(name, self.clock)

    def node(self, name: str) -> int:
        """Node of a signal in this clock."""
        return self.symbolic.node(name, self.clock)

    def all(self) -> dict[str, Word]:
        """All invariants, by their texts."""
        return {
            "counters stay in their ranges": self.ranges(),
            "each row is in a pipeline stage that fits the time since it was accepted": self.ages(),
            "rows are in order, none is repeated or left out": self.order(),
            "the memory holds the state of each row that is not in the pipeline": self.memory(),
            f"a row that was read has its state, its input and its parameters{self.symbolic.whose}": self.read(),
            "a row in the lanes keeps what was read": self.lanes(),
            "while rows are initialized, the pipeline is empty and the schedule is at its start": self.idle(),
            "a row that was initialized has its initial state": self.initialized(),
        }

    def ranges(self) -> Word:
        """Whether counters and row numbers are in their ranges."""
        bits = [self.slot < self.slots, self.expected.next_out < self.rows]
        bits += [implies(valid, row < self.rows) for valid, row in zip(self.valid, self.rows_at, strict=True)]
        return all_of(bits if self.phase is None else [*bits, self.phase < self.interval])

    def ages(self) -> Word:
        """Whether the age of each row in the pipeline fits its stage: the number of slots since it was accepted.

        A stall makes no row older. An older row is in a later stage.
        """
        bits = []
        newer: Any = 0
        for place, (valid, row) in enumerate(zip(self.valid, self.rows_at, strict=True)):
            age = select(self.slot > row, self.slot - row, self.slot - row + self.slots)
            fits = (age > newer) & (age <= 1 + place // self.interval)
            newer = select(valid, age, newer)
            if self.phase is not None:
                fits = fits & (self.phase == (place + 1) % self.interval)
            bits.append(implies(valid, fits))
        return all_of(bits)

    def order(self) -> Word:
        """Whether rows follow each other from the oldest to the newest, and the next one to accept follows these."""
        bits, wanted = [], self.expected.next_out
        for valid, row in zip(reversed(self.valid), reversed(self.rows_at), strict=True):
            bits.append(implies(valid, row == wanted))
            wanted = select(valid, select(wanted == self.rows - 1, 0, wanted + 1), wanted)
        bits.append(select(self.slot < self.rows, self.slot, 0) == wanted)
        return all_of(bits)

    def memory(self) -> Word:
        """Whether the memory holds the state of the symbolic row while it is not in the pipeline."""
        return implies(self.running & (any_of(self.here) == 0), self._in_memory(self.expected.state))

    def _in_memory(self, state: int) -> Word:
        """Whether the memory holds a state of the symbolic row."""
        return self.symbolic.same(self.symbolic.circuit.content("state_memory", self.clock), state)

    def read(self) -> Word:
        """Whether state, input and parameters of the symbolic row are at the inputs of the lanes after it was read."""
        symbolic, expected = self.symbolic, self.expected
        bits = [
            symbolic.same(self.node("read__data"), expected.state),
            symbolic.same(self.node("drives"), expected.drive),
        ]
        if symbolic.own is not None:
            bits.append(symbolic.same(symbolic.parameters_read(self.clock), symbolic.own))
        return implies(self.here[0], all_of(bits))

    def lanes(self) -> Word:
        """Whether each stage of the lanes with the symbolic row holds its state, input and parameters."""
        symbolic, expected = self.symbolic, self.expected
        bits = []
        for place, here in enumerate(self.here[1:]):
            stages = [
                symbolic.same(
                    lane.stage(place, self.clock), symbolic.lane_inputs(index, expected.state, expected.drive)
                )
                for index, lane in enumerate(symbolic.lanes)
            ]
            bits.append(implies(here, all_of(stages)))
        return all_of(bits)

    def idle(self) -> Word:
        """Whether the pipeline is empty and all counters fit the row in turn, while rows are initialized."""
        clears = self.symbolic.array.pipelines[0].clear_clocks
        step, row = self.word("clear_step"), self.word("clear_row")
        bits = [row < self.rows, step <= clears, self.slot == 0, self.expected.next_out == 0]
        bits += [valid == 0 for valid in self.valid]
        if self.phase is not None:
            bits.append(self.phase == 0)
        for lane in self.symbolic.lanes:
            if lane.counts_loads:
                count, age = lane.loads(self.clock)
                bits += [count == row + select(step == 0, 0, 1), implies(step != 0, age == step)]
        return implies(self.running == 0, all_of(bits))

    def initialized(self) -> Word:
        """Whether the memory holds the initial state of the symbolic row, once the initialization has passed it."""
        done = (self.running == 0) & (self.word("clear_row") > self.symbolic.row)
        return implies(done, self._in_memory(self.symbolic.initial()))


class _Clock:
    """One clock of an array in which the invariants hold and no reset occurs.

    Attributes
    ----------
    assumed : list of int
        Nodes of the assumptions: the invariants, no reset, and a symbolic row that exists.
    accepts, gives : Word
        Whether the array accepts a row, and whether its output is accepted.
    accepts_row, gives_row : Word
        Whether this is the symbolic row.
    """

    def __init__(self, symbolic: SymbolicArray) -> None:
        self.symbolic, self.array = symbolic, symbolic.array
        graph, word, row = symbolic.graph, symbolic.word, symbolic.row
        self.slots = self.array.cycles_per_tick // self.array.interval
        next_out = graph.input("next row out", max(1, (self.array.rows - 1).bit_length()))
        self.expected = _Expected(symbolic.state, symbolic.drive, Word.of(graph, next_out, False))
        self.invariants = _Invariants(symbolic, 0, self.expected)
        assumed = [*self.invariants.all().values(), word("rst", 0) == 0, row < self.array.rows]
        self.assumed = [bit.number for bit in (*assumed, symbolic.check_bits_match(0))]

        self.running, self.moves = self.invariants.running, word("moves", 0) == 1
        self.slot, self.out_row = self.invariants.slot, self.invariants.rows_at[-1]
        self.accepts = (word("i__valid", 0) & word("i__ready", 0)) == 1
        self.gives = (word("o__valid", 0) & word("o__ready", 0)) == 1
        self.updated = symbolic.updated()
        self.accepts_row = self.accepts & (self.slot == row)
        self.gives_row = self.gives & (self.out_row == row)

    def invariants_after(self) -> dict[str, Word]:
        """The invariants in the next clock, by their texts."""
        symbolic, expected = self.symbolic, self.expected
        graph = symbolic.graph

        def chosen(condition: Word, yes: int, no: int) -> int:
            return graph.op("mux", graph.width(yes), condition.number, no, yes)

        state = chosen(self.gives_row, self.updated.state, expected.state)
        starts = (self.running == 0) & (symbolic.word("running", 1) == 1)
        state = chosen(starts, symbolic.initial(), state)
        drive = chosen(self.accepts_row, symbolic.node("i__payload", 0), expected.drive)
        following = select(expected.next_out == self.array.rows - 1, 0, expected.next_out + 1)
        next_out = select(self.gives, following, expected.next_out)
        return _Invariants(symbolic, 1, _Expected(state, drive, next_out)).all()

    def consequences(self) -> Iterator[tuple[str, Word]]:
        """The claims that follow from the invariants, with their texts."""
        yield "the output for a row is its update, and marks the last row", self._output()
        yield "rows come out in order, each once a tick", implies(self.gives, self.out_row == self.expected.next_out)
        resting = any_of(self.invariants.here) == 0
        yield (
            "a row is accepted only when the state after its previous tick is in the memory",
            implies(self.accepts_row, resting),
        )
        yield "no address is read and written in the same clock", self._no_collision()
        yield "an output that is not accepted stays valid and keeps its value", self._stable_output()
        if self.array.interval > 1:
            yield from self._phase()
        yield (
            "the schedule advances if there is an input where it needs one, and the output is accepted",
            self._progress(),
        )
        yield (
            "the lanes have the enable, the phase and the loaded parameters of the array",
            implies(self.running, self._connected()),
        )
        yield "each saturated update is counted, and flagged", implies(self.gives_row, self._counted())

    def _output(self) -> Word:
        """Whether the output for the symbolic row is its update, and marks the last row."""
        symbolic, array, graph = self.symbolic, self.array, self.symbolic.graph
        size = graph.width(symbolic.state)
        payload = symbolic.word("o__payload", 0).to(1 + array.lanes + size)
        last = Word.of(graph, graph.slice(payload, 0, 1), False)
        right = [
            symbolic.same(graph.slice(payload, 1 + array.lanes, size), self.updated.state),
            symbolic.same(graph.slice(payload, 1, array.lanes), self.updated.spikes),
            last == select(symbolic.row == array.rows - 1, 1, 0),
        ]
        return implies(self.gives_row, all_of(right))

    def _no_collision(self) -> Word:
        """Whether no address of the state memory is read and written in this clock."""
        word = self.symbolic.word
        writes, reads = word("write__en", 0) == 1, word("read__en", 0) == 1
        same = word("write__addr", 0) == word("read__addr", 0)
        collides = writes & same & self.running & (self.slot < self.array.rows)
        return implies(reads & (word("begins", 0) == 1), collides == 0)

    def _unchanged(self, name: str) -> Word:
        """Whether a signal has the same value in the next clock."""
        return self.symbolic.same(self.symbolic.node(name, 0), self.symbolic.node(name, 1))

    def _stable_output(self) -> Word:
        """Whether an output that is not accepted stays valid and keeps its value."""
        word = self.symbolic.word
        waits = (word("o__valid", 0) == 1) & (word("o__ready", 0) == 0)
        return implies(waits, (word("o__valid", 1) == 1) & self._unchanged("o__payload"))

    def _phase(self) -> Iterator[tuple[str, Word]]:
        """Claims about an array whose lanes accept a row every `interval` clocks only."""
        symbolic, interval = self.symbolic, self.array.interval
        phase = symbolic.word("phase", 0)
        advances = symbolic.word("phase", 1) == select(phase == interval - 1, 0, phase + 1)
        yield "without a stall, the phase advances in every clock", implies(self.running & self.moves, advances)
        yield (
            "the array stalls only in the phase in which a row leaves the lanes",
            implies(self.moves == 0, phase == self.array.latency % interval),
        )
        unchanged = [self._unchanged("read__data"), self._unchanged("drives")]
        if symbolic.own is not None:
            unchanged.append(symbolic.same(symbolic.parameters_read(0), symbolic.parameters_read(1)))
        yield (
            "the inputs of the lanes keep their values until the next slot begins",
            implies(self.running & (phase != 0), all_of(unchanged)),
        )

    def _progress(self) -> Word:
        """Whether the schedule advances if the array moves, a slot begins, and the slot has its input or needs none."""
        word, slot = self.symbolic.word, self.slot
        goes = self.running & self.moves & ((slot >= self.array.rows) | (word("i__valid", 0) == 1))
        if self.array.interval > 1:
            goes = goes & (word("phase", 0) == 0)
        return implies(goes, word("slot", 1) == select(slot == self.slots - 1, 0, slot + 1))

    def _connected(self) -> Word:
        """Whether enable, phase and loaded parameters of all lanes are those of the array."""
        symbolic = self.symbolic
        moves = symbolic.word("moves", 0)
        bits = []
        for lane in symbolic.lanes:
            bits.append(lane.word("enable", 0) == moves)
            if self.array.interval > 1:
                after = select(moves == 1, symbolic.word("phase", 0), lane.word("phase", 0))
                bits.append(lane.word("phase", 1) == after)
            for name in ("tuning", "seed"):
                if lane.lane.has(name):
                    bits.append(symbolic.same(lane.node(name, 0), symbolic.node(name, 0)))
        return all_of(bits)

    def _counted(self) -> Word:
        """Whether saturated updates of the row are counted, up to the largest count, and set the flag."""
        symbolic, most = self.symbolic, (1 << 32) - 1
        saturated = Word.of(symbolic.graph, self.updated.saturated, False)
        count: Any = sum(saturated >> index & 1 for index in range(self.array.lanes))
        old, new = symbolic.word("saturations", 0), symbolic.word("saturations", 1)
        flag = symbolic.word("saturated", 1) == select(count > 0, 1, symbolic.word("saturated", 0))
        return all_of([new == select(old + count > most, most, old + count), flag])


def _after_reset(symbolic: SymbolicArray) -> Word:
    """Whether all invariants hold in the clock after a reset, and the initialization of the rows begins."""
    graph, word = symbolic.graph, symbolic.word
    first = Word.of(graph, graph.const(0, 1), False)
    expected = _Expected(symbolic.initial(), symbolic.drive, first)
    bits = [word("running", 1) == 0, *_Invariants(symbolic, 1, expected).all().values()]
    if symbolic.array.rows > 1:
        bits.append(word("clear_row", 1) == 0)
    bits += [lane.loads(1)[0] == 0 for lane in symbolic.lanes if lane.counts_loads]
    return all_of(bits)


_SHOWN = ("valid", "rst", "running", "slot", "phase", "i__valid", "o__ready", "clear_row", "clear_step")
"""Signals in a counterexample."""


def _lines(symbolic: SymbolicArray, answer: Answer) -> tuple[str, ...]:
    """A counterexample as lines of text."""
    latency, graph = symbolic.array.latency, symbolic.graph
    names = [name for name in _SHOWN if symbolic.circuit.has(name)]
    stages = [f"row_{place}" for place in range(latency)]
    numbers = {(name, clock): symbolic.node(name, clock) for name in (*names, *stages) for clock in (0, 1)}
    values = graph.compute(answer.inputs, [*numbers.values(), symbolic.row.number])
    lines = [f"row {values[symbolic.row.number]}; each stage is written as its row, or - if it has none"]
    for clock in (0, 1):
        valid = values[numbers["valid", clock]]
        rows = (str(values[numbers[name, clock]]) if valid >> n & 1 else "-" for n, name in enumerate(stages))
        shown = ", ".join(f"{name} {values[numbers[name, clock]]}" for name in names if name != "valid")
        lines.append(f"clock {clock}: stages {' '.join(rows)}; {shown}")
    return tuple(lines)
