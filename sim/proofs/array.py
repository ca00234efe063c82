"""Proof that an array applies its lanes to every neuron once a tick, whatever the lanes compute.

The lanes are opaque functions, see `neuristor.sim.proofs.opaque_lane`. In every tick, each row enters the lanes once
and in order, with the state after its previous tick, its own input and its own parameters; the result is written back
to the row and becomes the output. An accepted input is used once, in its turn. No address is read and written in the
same clock, streams follow their protocol, a reset initializes all rows, and counters and flags count each row once.

The proof is by induction over clocks, for a row whose number is symbolic: the invariants hold after a reset; if they
hold in one clock, they hold in the next. The other claims follow from the invariants. What is expected is computed from
the transfers at the ports alone: how many rows have been accepted and have come out, which is the next of each, and the
state and input of the symbolic row.

Progress is part of the claims. While its output is accepted, the array stalls in no clock; each clock advances the
schedule and every row in the pipeline by one. So a tick whose inputs are offered takes `cycles_per_tick` clocks, and a
row comes out `latency` clocks after it was accepted.

A premise that cannot be met would prove anything. Each claim is therefore decided together with the question whether
its assumptions can be met, and so is each condition in a claim.

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
from neuristor.sim.proofs.array_access import claims_of_access
from neuristor.sim.proofs.claims import Claim, Stopwatch, all_of, any_of, can_occur, holds, implies
from neuristor.sim.proofs.coupling import claims_of_coupling
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
        part of the claims for arrays of up to 64 rows. By default, and for larger arrays, the initial states are those
        that the lanes give, which `neuristor.sim.proofs.lane` compares with the model.
    text : str, optional
        RTLIL of the circuit to prove, such as a mutant of the array; the array's own by default.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    stopwatch = Stopwatch()
    if sizes := _undocumented(array):
        yield Claim(
            "array", f"the array has the sizes in its documentation: {', '.join(sizes)}", False, stopwatch.lap()
        )
        return
    text = text or to_rtlil(array)
    symbolic = SymbolicArray(array, text, initial)
    small = [name for name in _MEMORIES if name in symbolic.circuit.memories]
    small = [name for name in small if symbolic.circuit.memories[name].depth < array.rows]
    yield Claim("array", "each memory has all rows", not small, stopwatch.lap())
    yield from _configured(array, text, initial, stopwatch)
    lacking = [name for name in _signals(array) if not symbolic.circuit.has(name)]
    if lacking:  # Yosys drops what nothing depends on
        lack = f"no output is constant: the circuit has the signals {', '.join(lacking)}"
        yield Claim("array", lack, False, stopwatch.lap())
        return
    step = _Clock(symbolic)

    def claim(text: str, bit: Word, assumed: Sequence[int]) -> Claim:
        answer = holds(symbolic.graph, assumed, bit.number)
        return Claim("array", text, answer.proved, stopwatch.lap(), _lines(symbolic, answer))

    rtlil = text
    for text, bit in step.invariants_after().items():
        yield claim(text, bit, step.schedule if text in step.invariants.of_schedule() else step.assumed)
    reset = symbolic.word("rst", 0) == 1, symbolic.row < array.rows
    text = "a reset leads from any state to one in which all invariants hold, and all counters are 0"
    yield claim(text, _begun(symbolic, 1), [bit.number for bit in reset])
    for text, bit in step.consequences():
        yield claim(text, bit, step.assumed)
    for text, bit in step.of_schedule():
        yield claim(text, bit, step.schedule)
    if array.protection == "secded":
        yield claim("one flipped bit in a row's word of parameters is corrected", symbolic.corrected(), step.schedule)
    if symbolic.own is not None:
        wrong = symbolic.wrong_rows()
        lines = () if not wrong else (f"rows with other parameters: {', '.join(map(str, wrong[:10]))}",)
        text = "the memory of parameters holds those of the model in every row, after configuration"
        yield Claim("array", text, not wrong, stopwatch.lap(), lines)
    yield _can_occur(symbolic, step, stopwatch)
    if array.coupled:
        yield from claims_of_coupling(array, rtlil, symbolic, step.schedule, stopwatch)
    if array.loadable:
        yield from claims_of_access(array, rtlil, initial, stopwatch)
        text = "what the host sends arrives as rows, seed and tuning (`neuristor run` compares it)"
        yield Claim("array", text, None, 0.0, tried=False)


_MEMORIES = ("state_memory", "parameter_memory")


def _undocumented(array: NeuronArray) -> list[str]:
    """Sizes of the array that are not those that `neuristor.hdl.array` documents."""
    rows, first = -(-array.params.count // array.lanes), array.pipelines[0]
    latency, interval = 1 + first.latency, first.interval
    clocks = interval * max(rows, -(-(latency + 1) // interval))
    if array.neighbours is not None:
        clocks = interval * (rows - 1 + -(-(latency + array.neighbours.walk) // interval))
    wanted = {"rows": rows, "latency": latency, "interval": interval, "cycles_per_tick": clocks}
    return [name for name, value in wanted.items() if getattr(array, name) != value]


def _configured(
    array: NeuronArray, text: str, initial: Mapping[str, Any] | None, stopwatch: Stopwatch
) -> Iterator[Claim]:
    """Claim that the array begins after configuration of the FPGA as after a reset."""
    symbolic = SymbolicArray(array, text, initial, configured=True)
    if all(symbolic.circuit.has(name) for name in _signals(array)):
        assumed = [symbolic.row < array.rows]
        assumed += [lane.loads(0)[0] == 0 for lane in symbolic.lanes if lane.counts_loads]
        answer = holds(symbolic.graph, [bit.number for bit in assumed], _begun(symbolic, 0).number)
        text = "without a reset, all invariants hold after configuration, and all counters are 0"
        yield Claim("array", text, answer.proved, stopwatch.lap(), _lines(symbolic, answer))


def _signals(array: NeuronArray) -> list[str]:
    """Names of the signals that the claims are about."""
    made = ["running", "slot", "valid", "drives", "clear_row", "clear_step"]
    made += [f"row_{place}" for place in range(array.latency)]
    if array.interval > 1:
        made.append("phase")
    if array.protection != "none":
        made += ["parameters_used", "parameter_memory_was_read"]
    return made


def _can_occur(symbolic: SymbolicArray, step: _Clock, stopwatch: Stopwatch) -> Claim:
    """Claim that the conditions in the other claims can occur while the invariants hold."""
    found = can_occur(symbolic.graph, step.assumed, step.conditions)
    never = [step.conditions[n] for n, answer in enumerate(found) if answer is False]
    proved = False if never else None if None in found else True
    return Claim("array", "the invariants can be met, and so can each condition in a claim", proved, stopwatch.lap())


class _Expected(NamedTuple):
    """What is expected of the array in a clock, by the transfers at its ports since the reset.

    Attributes
    ----------
    state : int
        Node of the state of the symbolic row.
    drive : int
        Node of its input.
    next_in, next_out : Word
        Number of the row that is the next input, and of the row that is the next output.
    in_flight : Word
        Rows that were accepted and have not come out yet.
    fresh : Word
        Whether a row was accepted in the clock before.
    """

    state: int
    drive: int
    next_in: Word
    next_out: Word
    in_flight: Word
    fresh: Word


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
    conditions : list of int
        Nodes of the conditions in the invariants.
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
        self.conditions: list[int] = []

    def word(self, name: str) -> Word:
        """A signal in this clock, unsigned."""
        return self.symbolic.word(name, self.clock)

    def node(self, name: str) -> int:
        """Node of a signal in this clock."""
        return self.symbolic.node(name, self.clock)

    def implies(self, condition: Word, result: Word) -> Word:
        """An implication, whose condition is recorded."""
        self.conditions.append(condition.number)
        return implies(condition, result)

    def all(self) -> dict[str, Word]:
        """All invariants, by their texts."""
        made = self.of_schedule() | {
            "the memory holds the state of each row that is not in the pipeline": self.memory(),
            f"a row that was read has its state, its input and its parameters{self.symbolic.whose}": self.read(),
            "a row in the lanes keeps what was read": self.lanes(),
        }
        if self.rows > 1:
            made["a row that was initialized has its initial state"] = self.initialized()
        return made

    def of_schedule(self) -> dict[str, Word]:
        """The invariants that do not depend on the contents of memories, by their texts."""
        made = {
            "counters stay in their ranges": self.ranges(),
            "each row is in a pipeline stage that fits the time since it was accepted": self.ages(),
            "accepted rows are in the pipeline until they come out, in order, none twice, none left out": self.order(),
            "while rows are initialized, the pipeline is empty and the schedule is at its start": self.idle(),
        }
        if self.symbolic.array.protection != "none":
            made["a word of parameters that was read is the one in the memory"] = self.just_read()
        return made

    def ranges(self) -> Word:
        """Whether counters and row numbers are in their ranges."""
        bits = [self.slot < self.slots, self.expected.next_out < self.rows]
        bits += [self.implies(valid, row < self.rows) for valid, row in zip(self.valid, self.rows_at, strict=True)]
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
            bits.append(self.implies(valid, fits))
        return all_of(bits)

    def order(self) -> Word:
        """Whether the rows in the pipeline are those that were accepted and have not come out, from oldest to newest.

        The row that the schedule accepts next is the one after the last accepted row.
        """
        bits, wanted = [], self.expected.next_out
        count: Any = 0
        for valid, row in zip(reversed(self.valid), reversed(self.rows_at), strict=True):
            bits.append(self.implies(valid, row == wanted))
            wanted = select(valid, select(wanted == self.rows - 1, 0, wanted + 1), wanted)
            count = count + valid
        slot = select(self.slot < self.rows, self.slot, 0)
        return all_of([*bits, slot == wanted, self.expected.next_in == wanted, self.expected.in_flight == count])

    def memory(self) -> Word:
        """Whether the memory holds the state of the symbolic row while it is not in the pipeline."""
        return self.implies(self.running & (any_of(self.here) == 0), self._in_memory(self.expected.state))

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
        return self.implies(self.here[0], all_of(bits))

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
            bits.append(self.implies(here, all_of(stages)))
        return all_of(bits)

    def idle(self) -> Word:
        """Whether the pipeline is empty and all counters fit the row in turn, while rows are initialized."""
        clears = self.symbolic.array.pipelines[0].clear_clocks
        step, row = self.word("clear_step"), self.word("clear_row")
        start = -self.symbolic.array.idle_slots % self.slots
        bits = [row < self.rows, step <= clears, self.slot == start, self.expected.next_out == 0]
        bits += [valid == 0 for valid in self.valid]
        if self.phase is not None:
            bits.append(self.phase == 0)
        for lane in self.symbolic.lanes:
            if lane.counts_loads:
                count, age = lane.loads(self.clock)
                bits += [count == row + select(step == 0, 0, 1), implies(step != 0, age == step)]
        return self.implies(self.running == 0, all_of(bits))

    def initialized(self) -> Word:
        """Whether the memory holds the initial state of the symbolic row, once the initialization has passed it."""
        done = (self.running == 0) & (self.word("clear_row") > self.symbolic.row)
        return self.implies(done, self._in_memory(self.symbolic.initial()))

    def just_read(self) -> Word:
        """Whether the word of parameters of a row that was read is the one in the memory."""
        circuit, fresh = self.symbolic.circuit, self.expected.fresh
        content = circuit.content("parameter_memory", self.clock)
        same = self.symbolic.same(self.node("port__data"), content)
        same = same & implies(fresh == 1, self.word("parameter_memory_was_read") == 1)
        marked = (self.word("parameters_used") == 1) == (fresh == 1)
        return marked & self.implies(self.here[0], same) & implies(fresh == 1, self.valid[0])


class _Clock:
    """One clock of an array in which the invariants hold and no reset occurs.

    Attributes
    ----------
    assumed : list of int
        Nodes of the assumptions: the invariants, no reset, a symbolic row that exists, and the memory of parameters
        undamaged.
    schedule : list of int
        Those that do not depend on the contents of memories.
    conditions : list of int
        Nodes of the conditions in the invariants and the claims.
    accepts, gives : Word
        Whether the array accepts a row, and whether its output is accepted.
    accepts_row, gives_row : Word
        Whether this is the symbolic row, by the number of transfers before.
    stalls : Word
        Whether an output waits to be accepted.
    """

    def __init__(self, symbolic: SymbolicArray) -> None:
        self.symbolic, self.array = symbolic, symbolic.array
        graph, word, row = symbolic.graph, symbolic.word, symbolic.row
        self.slots = self.array.cycles_per_tick // self.array.interval

        def unknown(name: str, width: int) -> Word:
            return Word.of(graph, graph.input(name, width), False)

        bits = max(1, (self.array.rows - 1).bit_length())
        self.expected = _Expected(
            symbolic.state,
            symbolic.drive,
            unknown("next row in", bits),
            unknown("next row out", bits),
            unknown("rows in flight", (self.array.latency + 1).bit_length()),
            unknown("accepted before", 1),
        )
        self.invariants = _Invariants(symbolic, 0, self.expected)
        always = [word("rst", 0) == 0, row < self.array.rows]
        self.schedule = [bit.number for bit in (*self.invariants.of_schedule().values(), *always)]
        all_invariants = self.invariants.all().values()
        self.conditions = list(dict.fromkeys(self.invariants.conditions))
        self.assumed = [bit.number for bit in (*all_invariants, *always, *symbolic.known_parameters())]

        self.running, self.slot = self.invariants.running, self.invariants.slot
        self.out_row = self.invariants.rows_at[-1]
        self.accepts = (word("i__valid", 0) & word("i__ready", 0)) == 1
        self.gives = (word("o__valid", 0) & word("o__ready", 0)) == 1
        self.stalls = (word("o__valid", 0) == 1) & (word("o__ready", 0) == 0)
        self.begins = (self.stalls == 0) if self.array.interval == 1 else (self.stalls == 0) & (word("phase", 0) == 0)
        self.updated = symbolic.updated()
        self.accepts_row = self.accepts & (self.expected.next_in == row)
        self.gives_row = self.gives & (self.expected.next_out == row)

    def implies(self, condition: Word, result: Word) -> Word:
        """An implication, whose condition is recorded."""
        self.conditions.append(condition.number)
        return implies(condition, result)

    def invariants_after(self) -> dict[str, Word]:
        """The invariants in the next clock, by their texts."""
        symbolic, expected = self.symbolic, self.expected
        graph = symbolic.graph

        def chosen(condition: Word, yes: int, no: int) -> int:
            return graph.op("mux", graph.width(yes), condition.number, no, yes)

        def following(row: Word) -> Word:
            made: Word = select(row == self.array.rows - 1, 0, row + 1)
            return made

        state = chosen(self.gives_row, self.updated.state, expected.state)
        starts = (self.running == 0) & (symbolic.word("running", 1) == 1)
        after = _Expected(
            chosen(starts, symbolic.initial(), state),
            chosen(self.accepts_row, symbolic.node("i__payload", 0), expected.drive),
            select(self.accepts, following(expected.next_in), expected.next_in),
            select(self.gives, following(expected.next_out), expected.next_out),
            expected.in_flight + self.accepts - self.gives,
            self.accepts,
        )
        return _Invariants(symbolic, 1, after).all()

    def consequences(self) -> Iterator[tuple[str, Word]]:
        """The claims that follow from the invariants, with their texts."""
        yield "the output for a row is its update, and marks the last row", self._output()
        in_order = self.out_row == self.expected.next_out
        yield "rows come out in order, each once a tick", self.implies(self.gives, in_order)
        resting = any_of(self.invariants.here) == 0
        yield (
            "a row is accepted only when the state after its previous tick is in the memory",
            self.implies(self.accepts_row, resting),
        )
        yield "no address is read and written in the same clock", self._no_collision()
        yield "an output that is not accepted stays valid and keeps its value", self._stable_output()
        if self.array.interval > 1:
            yield from self._phase()
        yield (
            "the lanes have the enable, the phase and the loaded parameters of the array",
            self.implies(self.running, self._connected()) & self._loaded(),
        )
        yield "each saturated update is counted once, when its row comes out, and sets the flag", self._counted()

    def of_schedule(self) -> Iterator[tuple[str, Word]]:
        """The claims that follow from the invariants of the schedule alone, with their texts."""
        array = self.array
        clocks = array.rows * (1 + array.pipelines[0].clear_clocks)
        yield f"{clocks} clocks after a reset, all rows are initialized and the array runs", self._clearing()
        yield "in a clock without a stall, the schedule advances if it needs no input or has it", self._progress()
        yield "in a clock without a stall, each row in the pipeline moves on by one stage", self._moves_on()
        yield (
            "an input is accepted whenever its slot begins, and an output is offered whether it is accepted or not",
            self._offers(),
        )
        if array.protection != "none":
            yield "each accepted row with damaged parameters is counted once", self._faults_counted()

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
        offered = (symbolic.word("o__valid", 0) == 1) & (self.expected.next_out == symbolic.row)
        return self.implies(offered, all_of(right))

    def _no_collision(self) -> Word:
        """Whether no address of the state memory is read and written in this clock."""
        word = self.symbolic.word
        writes, row, _ = self.symbolic.written(0)
        reads, same = word("read__en", 0) == 1, row == word("read__addr", 0)
        collides = writes & same & self.running & (self.slot < self.array.rows)
        return self.implies(reads & self.begins, collides == 0)

    def _unchanged(self, name: str) -> Word:
        """Whether a signal has the same value in the next clock."""
        return self.symbolic.same(self.symbolic.node(name, 0), self.symbolic.node(name, 1))

    def _stable_output(self) -> Word:
        """Whether an output that is not accepted stays valid and keeps its value."""
        return self.implies(self.stalls, (self.symbolic.word("o__valid", 1) == 1) & self._unchanged("o__payload"))

    def _phase(self) -> Iterator[tuple[str, Word]]:
        """Claims about an array whose lanes accept a row every `interval` clocks only."""
        symbolic, interval = self.symbolic, self.array.interval
        phase = symbolic.word("phase", 0)
        advances = symbolic.word("phase", 1) == select(phase == interval - 1, 0, phase + 1)
        yield (
            "without a stall, the phase advances in every clock",
            self.implies(self.running & (self.stalls == 0), advances),
        )
        yield (
            "the array stalls only in the phase in which a row leaves the lanes",
            self.implies(self.stalls, phase == self.array.latency % interval),
        )
        unchanged = [self._unchanged("read__data"), self._unchanged("drives")]
        if symbolic.own is not None:
            unchanged.append(symbolic.same(symbolic.parameters_read(0), symbolic.parameters_read(1)))
        yield (
            "the inputs of the lanes keep their values until the next slot begins",
            self.implies(self.running & (phase != 0), all_of(unchanged)),
        )

    def _progress(self) -> Word:
        """Whether the schedule advances if a slot begins, without a stall, and the slot has its input or needs none."""
        word, slot = self.symbolic.word, self.slot
        goes = self.running & self.begins & ((slot >= self.array.rows) | (word("i__valid", 0) == 1))
        return self.implies(goes, word("slot", 1) == select(slot == self.slots - 1, 0, slot + 1))

    def _moves_on(self) -> Word:
        """Whether each row that is not at the output is in the next stage in the next clock."""
        word, bits = self.symbolic.word, []
        for place, (valid, row) in enumerate(zip(self.invariants.valid[:-1], self.invariants.rows_at, strict=False)):
            after = (word("valid", 1) >> place + 1 & 1) == 1
            moved = after & (word(f"row_{place + 1}", 1) == row)
            bits.append(self.implies(valid & (self.stalls == 0), moved))
        return all_of([self.row_exists, *bits])

    @property
    def row_exists(self) -> Word:
        """Whether the symbolic row exists."""
        return self.symbolic.row < self.array.rows

    def _offers(self) -> Word:
        """Whether handshakes depend on the state of the array alone, and a stall."""
        word = self.symbolic.word
        begins = self.running & self.begins & (self.slot < self.array.rows)
        accepts = (word("i__ready", 0) == 1) == begins
        offers = (word("o__valid", 0) == 1) == self.invariants.valid[-1]
        return accepts & offers

    def _clearing(self) -> Word:
        """Whether each clock of the initialization advances it by one."""
        word, clears = self.symbolic.word, self.array.pipelines[0].clear_clocks
        row, step = word("clear_row", 0), word("clear_step", 0)
        whole = step == clears
        ends = whole & (row == self.array.rows - 1)
        same_row = word("clear_row", 1) == select(whole, row + 1, row)
        goes = (word("running", 1) == 0) & same_row & (word("clear_step", 1) == select(whole, 0, step + 1))
        return self.implies(self.running == 0, select(ends, word("running", 1) == 1, goes)) & self.implies(
            self.running, word("running", 1) == 1
        )

    def _connected(self) -> Word:
        """Whether enable and phase of all lanes are those of the array."""
        symbolic = self.symbolic
        bits = []
        for lane in symbolic.lanes:
            bits.append((lane.word("enable", 0) == 1) == (self.stalls == 0))
            if self.array.interval > 1:
                after = select(self.stalls == 0, symbolic.word("phase", 0), lane.word("phase", 0))
                bits.append(lane.word("phase", 1) == after)
        return all_of(bits)

    def _loaded(self) -> Word:
        """Whether all lanes have the loaded parameters of the array, also while rows are initialized."""
        symbolic, bits = self.symbolic, [self.row_exists]
        for lane in symbolic.lanes:
            for name in ("tuning", "seed"):
                if lane.lane.has(name):
                    bits.append(symbolic.same(lane.node(name, 0), symbolic.node(name, 0)))
        return all_of(bits)

    def _counted(self) -> Word:
        """Whether saturated updates are counted when their row comes out, up to the largest count, and set the flag."""
        symbolic = self.symbolic
        saturated = Word.of(symbolic.graph, self.updated.saturated, False)
        count: Any = sum(saturated >> index & 1 for index in range(self.array.lanes))
        flag = symbolic.word("saturated", 1) == select(count > 0, 1, symbolic.word("saturated", 0))
        counts = self.implies(self.gives_row, self._counts("saturations", count) & flag)
        unchanged = self._unchanged("saturations") & self._unchanged("saturated")
        return counts & self.implies(self.gives == 0, unchanged)

    def _counts(self, name: str, more: Any) -> Word:
        """Whether a counter of 32 bits grows by a number, up to its largest value."""
        most, total = (1 << 32) - 1, self.symbolic.word(name, 0) + more
        counted: Word = self.symbolic.word(name, 1) == select(total > most, most, total)
        return counted

    def _faults_counted(self) -> Word:
        """Whether each accepted row with damaged parameters is counted, once."""
        fresh = self.expected.fresh == 1
        damaged = select(self.symbolic.check_bits_match(0) == 1, 0, 1)
        counted = self.implies(fresh & self.invariants.here[0], self._counts("memory_faults", damaged))
        return counted & self.implies(fresh == 0, self._unchanged("memory_faults"))


def _begun(symbolic: SymbolicArray, clock: int) -> Word:
    """Whether all invariants hold in a clock, counters are 0, and the initialization begins."""
    graph, word = symbolic.graph, symbolic.word
    none = Word.of(graph, graph.const(0, 1), False)
    expected = _Expected(symbolic.initial(), symbolic.drive, none, none, none, none)
    bits = [word("running", clock) == 0, *_Invariants(symbolic, clock, expected).all().values()]
    counters = ["clear_step", "saturated", "saturations"]
    counters += ["clear_row"] * (symbolic.array.rows > 1) + ["memory_faults"] * (symbolic.array.protection != "none")
    bits += [word(name, clock) == 0 for name in counters]
    bits += [lane.loads(clock)[0] == 0 for lane in symbolic.lanes if lane.counts_loads]
    return all_of(bits)


_SHOWN = ("valid", "rst", "running", "slot", "phase", "i__valid", "o__ready", "clear_row", "clear_step")
"""Signals in a counterexample."""


def _lines(symbolic: SymbolicArray, answer: Answer) -> tuple[str, ...]:
    """A counterexample as lines of text; none if the claim is not false."""
    if answer.proved is not False:
        return ()
    if not answer.inputs:
        return ("the premise of this claim cannot be met: no state satisfies it",)
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
