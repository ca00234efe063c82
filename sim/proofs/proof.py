"""Proofs that a circuit is its bit-true model: for all states, inputs and parameters, not for samples.

Two kinds, which together say that the array is the model at every tick, for ever:

* **The lane.** From any contents of its registers, what a lane gives `latency` clocks after it took a neuron is what
  the golden step function gives for it, bit for bit. The function is that of ``golden_model``, called with words
  that nobody has chosen. While the lane is told to wait, nothing in it moves.
* **The array.** With lanes of which nothing is known but that they are functions of what they take: every neuron is
  taken once a tick, in order, with the state its last tick left, its own input and its own parameters; what comes
  out goes back to its row; no read meets a write; streams obey their rules; reset sets every row. By induction: the
  invariants hold after a reset, and if they hold in a clock they hold in the next, for a row that nobody has chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from amaranth.hdl import Signal
from amaranth.lib import data
from bitwuzla import Kind

from neuristor.golden_model.fixed import select
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.lane import Lane
from neuristor.hdl.protection import Code
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.equivalence import PATIENCE_MS, Answer, Sweep, Terms, answered, new_solver
from neuristor.sim.proofs.search import Field, told_apart

__all__ = [
    "Claim",
    "Known",
    "holds",
    "implies",
    "initial_state",
    "prove_array",
    "prove_lane",
    "same_lane",
    "same_step",
    "summary",
]


@dataclass(frozen=True)
class Claim:
    """One thing that was to be proved.

    Attributes
    ----------
    subject, text : str
        What it is about, and what it says.
    proved : bool or None
        None if the solver gave up.
    seconds : float
    counterexample : tuple of str
        Lines for a reader, if it is false.
    tried : bool
        False for what no proof is written for.
    """

    subject: str
    text: str
    proved: bool | None
    seconds: float
    counterexample: tuple[str, ...] = ()
    tried: bool = True

    @property
    def result(self) -> str:
        """In a word or two."""
        if not self.tried:
            return "not tried"
        return {True: "proved", False: "false", None: "no answer"}[self.proved]


@dataclass
class _Clock:
    """Time since it was made, or read last."""

    start: float = field(default_factory=time.perf_counter)

    def read(self) -> float:
        now = time.perf_counter()
        passed, self.start = now - self.start, now
        return passed


# --- the lane


def _fields(graph: Graph, word: int, layout: data.StructLayout) -> dict[str, Word]:
    """The members of a structure."""
    made = {}
    for name in layout.members:
        part = layout[name]
        signed = getattr(part.shape, "signed", False)
        made[name] = Word.of(graph, graph.slice(word, part.offset, part.width), signed)
    return made


def _read_lane(graph: Graph, text: str, top: str, lane: Lane, waits: int | None = None) -> Circuit:
    """A lane that took a neuron in clock 0, and moves in each clock but one."""
    return read_circuit(graph, text, top, _fed(lane, waits))


def _fed(lane: Lane, waits: int | None = None, took: int = 0) -> Callable[[str, int], int | str]:
    """The inputs of a lane that took a neuron `took` clocks ago, and moves in each clock but one."""

    def given(name: str, clock: int) -> int | str:
        name = name.partition("$")[0]  # a port that had the name of another signal has a number behind its own
        if name == "enable":
            return int(clock != waits)
        moved = took + clock - (waits is not None and clock > waits)
        if name == "phase":
            return moved % int(lane.interval)
        if name in ("rst", "load"):
            return 0
        if name in ("tuning", "seed"):
            return name
        if name not in lane.signature.members and name != "clk":
            raise ValueError(f"{name} is no port of a lane, but what Amaranth calls one")
        # A lane may look at its inputs for as long as the neuron is its newest.
        return f"{name}@{max(0, moved - lane.interval + 1) if moved < lane.interval else moved}"

    return given


class _Step:
    """A lane and the golden step, as words."""

    def __init__(self, model: NeuronModel[Any], params: NeuronParams, lane: Lane) -> None:
        self.params, self.lane = params, lane
        self.text = to_rtlil(lane)
        self.graph = graph = Graph()
        self.circuit = _read_lane(graph, self.text, "top", lane)
        latency = lane.latency
        self.state = _fields(graph, self.circuit.signal("state", 0), lane.state.shape())
        self.drive = Word.of(graph, self.circuit.signal("drive", 0), True)
        self.own: dict[str, Word] = {}
        if lane.has("parameters"):
            self.own = _fields(graph, self.circuit.signal("parameters", 0), lane.parameters.shape())
        self.tuning: dict[str, Word] = {}
        if lane.has("tuning"):
            self.tuning = _fields(graph, self.circuit.signal("tuning", 0), lane.tuning.shape())
        self.raw = params.raw._replace(**self.tuning)
        self.pull = Word.of(graph, self.circuit.signal("pull", 1), True) if lane.has("pull") else None

        bit_true = model.bit_true(params)
        rule, self.rule = bit_true.rule, bit_true.rule
        known = {**self.state}
        for name in rule.state:
            if name not in known:  # the circuit has no such state: what it is at reset, for ever
                known[name] = self.drive._other(int(getattr(bit_true, name)[0]))
        self.given = {name: known[name] for name in rule.state}
        self.constants = {name: self._parameter(name) for name in rule.parameters}
        arguments = [self.raw, *self.given.values(), *self.constants.values(), self.drive]
        if self.pull is None:
            *state, spike, clipped = rule.function(*arguments)
        else:
            assert model.coupled_step is not None  # its lane has neighbours
            *state, spike, clipped = model.coupled_step(*arguments, self.pull)
        after = dict(zip(rule.state, state, strict=True))
        if "change" in self.state:
            after["change"] = after["membrane"] - known["membrane"]
        self.after, self.spike, self.clipped = after, spike, clipped
        self.claims = list(graph.claims)
        self.pairs: dict[str, tuple[Word, int]] = {}
        for name, word in _fields(graph, self.circuit.signal("next_state", latency), lane.next_state.shape()).items():
            self.pairs[name] = (self.drive._other(after[name]), word.number)
        self.pairs["spike"] = (self.drive._other(spike), self.circuit.signal("spike", latency))
        self.pairs["saturated"] = (self.drive._other(clipped), self.circuit.signal("saturated", latency))

    def _parameter(self, name: str) -> Word:
        short = name.removesuffix("_raw")
        if short in self.own:
            return self.own[short]
        return self.drive._other(int(getattr(self.params, name)[0]))

    def ranges(self) -> list[int]:
        """Bits that say that each parameter of a neuron is one that the design has."""
        made = []
        for name, word in self.own.items():
            column = getattr(self.params, f"{name}_raw")
            made.append(((word >= int(column.min())) & (word <= int(column.max()))).number)
        return made


def prove_lane(
    model: NeuronModel[Any],
    params: NeuronParams,
    array: NeuronArray,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Claim]:
    """What is to be proved of the lanes of an array, one after another.

    Parameters
    ----------
    model : NeuronModel
    params : NeuronParams
    array : NeuronArray
    progress : callable, optional
        Told how many nodes of how many are done.
    """
    lane, clock = array.pipelines[0], _Clock()
    step = _Step(model, params, lane)
    graph = step.graph
    assumed = step.ranges()
    roots = [number for name, (wanted, got) in step.pairs.items() for number in (wanted.to(graph.width(got)), got)]
    sweep = Sweep(graph, [*roots, *step.claims], assumed)
    for patience in (PATIENCE_MS, 20 * PATIENCE_MS):
        sweep.run(progress, patience)
        answers = {
            name: sweep.equal(wanted.to(graph.width(got)), got, 20 * PATIENCE_MS)
            for name, (wanted, got) in step.pairs.items()
        }
        if all(answer.proved is not None for answer in answers.values()):
            break
    share = clock.read() / len(answers)
    for name, answer in answers.items():
        lines = _step_lines(step, answer, name) if answer.proved is False else ()
        yield Claim("lane", f"{name} is that of the golden step", answer.proved, share, lines)
    if step.claims:
        one = graph.const(1, 1)
        found = [sweep.equal(bit, one, 20 * PATIENCE_MS) for bit in step.claims]
        yield Claim("golden step", "no table is read beyond its ends", _all(found), clock.read())
    yield Claim("lane", "nothing moves while it waits", _stands(step), clock.read())
    if array.lanes > 1:
        yield Claim("lane", f"all {array.lanes} lanes are the same circuit", _alike(step, array), clock.read())
    if array.loadable:
        text = "each neuron's initial state, from what is loaded, is the model's (`neuristor run` compares it)"
        yield Claim("lane", text, None, 0.0, tried=False)
    else:
        some = f" in the first {MOST_ROWS} rows" if array.rows > MOST_ROWS else ""
        text = f"each neuron's initial state{some} is the model's"
        yield Claim("lane", text, _begun(model, params, array), clock.read())
    yield from _invariants(model, step, clock)


def _begun(model: NeuronModel[Any], params: NeuronParams, array: NeuronArray) -> bool:
    """Whether, whatever was before a reset, the lanes give each row (of the first ones) the state of the model."""
    initial, clears = initial_state(model, params), array.pipelines[0].clear_clocks
    for index, lane in enumerate(array.pipelines):
        graph = Graph()
        circuit = _read_cleared(graph, to_rtlil(lane), "top", clears)
        words = initial_words(array, index, initial)[:MOST_ROWS]
        for row, word in enumerate(words):
            at = 1 + row * (clears + 1) + clears
            number = circuit.signal("initial_state", at)
            if row * array.lanes + index < params.count and number != graph.const(word, graph.width(number)):
                return False
    return True


def _all(answers: Sequence[Answer]) -> bool | None:
    if all(answer.proved for answer in answers):
        return True
    return False if any(answer.proved is False for answer in answers) else None


def _stands(step: _Step) -> bool:
    """Whether registers that outputs come from keep what they have while `enable` is 0."""
    latency = step.lane.latency
    moving, still = step.circuit, _read_lane(step.graph, step.text, "top", step.lane, 0)
    for name in ("next_state", "spike", "saturated"):
        moving.signal(name, latency)
    names = moving.used_registers()
    return all(still.register(name, 1) == still.register(name, 0) for name in names)


def _alike(step: _Step, array: NeuronArray) -> bool:
    """Whether all lanes are, from input to output, one graph."""
    wanted = [step.circuit.signal(name, step.lane.latency) for name in ("next_state", "spike", "saturated")]
    for lane in array.pipelines[1:]:
        circuit = _read_lane(step.graph, to_rtlil(lane), "top", lane)
        # Registers of the same name in the same place have the same free contents.
        if [circuit.signal(name, lane.latency) for name in ("next_state", "spike", "saturated")] != wanted:
            return False
    return True


@dataclass(frozen=True)
class Moment:
    """A state and an input of a neuron.

    Attributes
    ----------
    state : dict of str to int
        Its fields.
    drive : int
    """

    state: dict[str, int]
    drive: int


def same_lane(
    model: NeuronModel[Any], params: NeuronParams, array: NeuronArray, index: int, sound: str, other: str
) -> tuple[bool, list[Moment]]:
    """Whether another circuit of a lane is proved to be like the sound one, and else what may tell them apart.

    Parameters
    ----------
    model : NeuronModel
    params : NeuronParams
    array : NeuronArray
    index : int
        Which lane.
    sound, other : str
        RTLIL of both arrays; their lanes are modules ``top.lane_0`` and so on.

    Returns
    -------
    bool
        Whether it is proved.
    list of Moment
        From the solver's counterexamples, or found by a search.
    """
    lane = array.pipelines[index]
    names = list(lane.parameters.shape().members) if "parameters" in lane.signature.members else []
    numbers = range(index, params.count, array.lanes)
    own = [{name: int(getattr(params, f"{name}_raw")[n]) for name in names} for n in numbers]
    return same_pipeline(model, params.raw, lane, own, f"top.lane_{index}", sound, other)


def same_pipeline(
    model: NeuronModel[Any], raw: Any, lane: Lane, own: Sequence[Mapping[str, int]], top: str, sound: str, other: str
) -> tuple[bool, list[Moment]]:
    """As `same_lane`, of a lane in any circuit that clears the neurons of it one after the other.

    Parameters
    ----------
    model : NeuronModel
    raw : named tuple
        Integers of the neurons, ``params.raw``.
    lane : Lane
    own : sequence of dict of str to int
        What each of its neurons has of its own, in their order; of one at least.
    top : str
        The module that the lane is.
    sound, other : str
        RTLIL of both circuits.
    """
    graph, latency = Graph(), lane.latency
    circuits = [_read_lane(graph, text, top, lane) for text in (sound, other)]
    ports = {name.partition("$")[0]: name for name in circuits[0].inputs}
    pairs = [
        (circuits[0].signal(name, latency), circuits[1].signal(name, latency))
        for name in circuits[0].outputs
        if not name.startswith("initial_state")
    ]
    waits = _may_wait(lane, circuits[1])
    # The initial state of each of its neurons, from any state before the reset.
    clears = lane.clear_clocks
    cleared = [_read_cleared(graph, text, top, clears) for text in (sound, other)]
    for begun in (name for name in circuits[0].outputs if name.startswith("initial_state")):
        for row in range(len(own)):
            at = 1 + row * (clears + 1) + clears
            pairs.append((cleared[0].signal(begun, at), cleared[1].signal(begun, at)))

    state = _fields(graph, circuits[0].signal(ports["state"], 0), lane.state.shape())
    given: dict[str, Word] = {}
    known: list[Any] = [*model.invariants(raw, Known(state)).values()]
    if "noise" in state:
        known.append(state["noise"] != 0)
    if "parameters" in ports:
        given = _fields(graph, circuits[0].signal(ports["parameters"], 0), lane.parameters.shape())
        for name, word in given.items():
            column = [each[name] for each in own]
            known += [word >= min(column), word <= max(column)]
    pairs = [(a, b) for a, b in pairs if a != b]
    assumed = [bit.number for bit in known if isinstance(bit, Word)]
    every = [*pairs, *(pair for way in waits for pair in way)]
    sweep = Sweep(graph, [number for pair in every for number in pair], assumed)
    sweep.run(None, PATIENCE_MS)
    # The parameters are those of one of its neurons.
    no = Word.of(graph, graph.const(0, 1), False)
    one_of = no
    for each in own:
        fits = no == 0
        for name, word in given.items():
            fits = fits & (word == each[name])
        one_of = one_of | fits
    limits = [*assumed, one_of.number]

    def asked(sweep: Sweep, pairs: Sequence[tuple[int, int]], patience: int) -> list[Answer]:
        """The solver's answers; where there is none, runs that show a difference."""
        answers = [sweep.equal(a, b, patience, [one_of.number]) for a, b in pairs]
        unknown = [pair for pair, answer in zip(pairs, answers, strict=True) if answer.proved is None]
        if not unknown or "drive" not in ports or any(answer.proved is False for answer in answers):
            return answers
        fields = _drawn(graph, [*(number for pair in unknown for number in pair), *limits], state, given, own)
        return [*answers, *(Answer(False, run) for run in told_apart(graph, unknown, fields, limits))]

    answers = asked(sweep, pairs, 10 * PATIENCE_MS)
    same = all(answer.proved for answer in answers)
    if same and any(all(sweep.equal(a, b).proved for a, b in way) for way in waits):
        return True, []
    if "drive" not in ports:
        return False, []
    if same:
        # What may show if it waits for a clock.
        late = [circuits[1].again(_fed(lane, clock)) for clock in _waits(lane)]
        names = [name for name in circuits[0].outputs if not name.startswith("initial_state")]
        pairs = [
            (circuits[0].signal(name, latency), circuit.signal(name, latency + 1)) for circuit in late for name in names
        ]
        pairs = list(dict.fromkeys(pairs))  # in many clocks waiting gives the same words
        sweep = Sweep(graph, [number for pair in pairs for number in pair], assumed)
        answers = asked(sweep, pairs, PATIENCE_MS)
    drive = Word.of(graph, circuits[0].signal(ports["drive"], 0), True)
    return False, [_moment(graph, answer, state, drive) for answer in answers if answer.proved is False]


def _drawn(
    graph: Graph,
    wanted: Sequence[int],
    state: Mapping[str, Word],
    given: Mapping[str, Word],
    own: Sequence[Mapping[str, int]],
) -> list[Field]:
    """What is drawn of the inputs of some nodes: fields of the state, the parameters of a neuron, and all else."""

    def place(word: Word) -> tuple[str, int, int]:
        node, low = graph.nodes[word.number], 0
        if node.op == "slice":
            node, low = graph.nodes[node.args[0]], int(node.data)
        return str(node.data), low, word.width

    made: list[Field] = []
    places = {name: place(word) for name, word in given.items()}
    if places:
        words = {
            sum((each[name] & (1 << width) - 1) << low for name, (_, low, width) in places.items()) for each in own
        }
        made.append(Field(next(iter(places.values()))[0], 0, values=tuple(sorted(words))))
    made += [Field(*place(word)) for word in state.values()]
    known = {field.name for field in made}
    for number in graph.cone(wanted):
        node = graph.nodes[number]
        if node.op == "input" and node.data not in known:
            made += [Field(node.data, low, min(64, node.width - low)) for low in range(0, node.width, 64)]
    return made


def _waits(lane: Lane) -> range:
    """In which clocks, since it took a neuron, a lane may be told to wait: only while it gives some neuron's result."""
    return range(lane.latency % lane.interval or lane.interval, lane.latency + 1, lane.interval)


def _may_wait(lane: Lane, circuit: Circuit) -> list[list[tuple[int, int]]]:
    """Words that are equal if a lane may wait for any number of clocks, in all in which it may be told to.

    One of two ways is enough. Either what comes of whatever it has in its registers is the same if it waits for a
    clock. Or what it has of a neuron is the same after a clock of waiting, as far as anything comes of it, by moving
    or by waiting more.
    """
    graph = circuit.graph
    names = [name for name in circuit.outputs if not name.startswith("initial_state")]
    anything: list[tuple[int, int]] = []
    same: list[tuple[int, int]] = []
    # From the outputs back: which bits of registers anything comes of.
    wanted = {name: (1 << circuit.outputs[name]) - 1 for name in names}
    masks: dict[str, int] = {}
    for took in reversed(range(1, lane.latency + 1)):
        moving, waiting, held = (circuit.again(_fed(lane, *how)) for how in ((None, took), (0, took), (took,)))
        left = lane.latency - took
        if left == 0:
            looked = {moving.signal(name, 0): mask for name, mask in wanted.items()}
        else:
            looked = {}
            for cell, mask in masks.items():
                number = moving.register(cell, 1)
                looked[number] = looked.get(number, 0) | mask
        masks = _looked_at(circuit, looked)
        if took not in _waits(lane):
            continue
        while True:
            more = dict(looked)
            for cell, mask in masks.items():
                more[waiting.register(cell, 1)] = more.get(waiting.register(cell, 1), 0) | mask
            if (found := _looked_at(circuit, more)) == masks:
                break
            masks = found
        anything += [(moving.signal(name, left), waiting.signal(name, left + 1)) for name in names]
        for cell, mask in masks.items():
            width = circuit.registers[cell]
            kept = graph.const(mask, width)
            now, then = circuit.register(cell, took), held.register(cell, took + 1)
            same.append((graph.op("and", width, kept, now), graph.op("and", width, kept, then)))
    return [[pair for pair in way if pair[0] != pair[1]] for way in (anything, same)]


def _looked_at(circuit: Circuit, looked: Mapping[int, int]) -> dict[str, int]:
    """Which bits of registers some bits of nodes depend on."""
    sources = {circuit.register_of(source): mask for source, mask in circuit.graph.needed(looked).items()}
    return {cell: mask for cell, mask in sources.items() if cell is not None}


def _moment(graph: Graph, answer: Answer, state: Mapping[str, Word], drive: Word) -> Moment:
    values = graph.compute(answer.inputs, [word.number for word in (*state.values(), drive)])

    def read(word: Word) -> int:
        value, width = values[word.number], graph.width(word.number)
        return as_signed(value, width) if word.signed else value

    return Moment({name: read(word) for name, word in state.items()}, read(drive))


def same_step(sound: str, other: str, top: str = "top") -> bool:
    """Whether it is proved that two circuits with the same registers and memories cannot be told apart.

    If all bits that outputs ever depend on are the same, they are so after a clock.

    Parameters
    ----------
    sound, other : str
        RTLIL of both.
    top : str
    """
    graph = Graph()
    one, two = (read_circuit(graph, text, top) for text in (sound, other))
    if one.registers != two.registers or one.memories != two.memories:
        return False
    two.name_as(one)

    def whole(number: int) -> int:
        return (1 << graph.width(number)) - 1

    # What is looked at: outputs, and then what that comes from.
    looked = {circuit.signal(name, 0): whole(circuit.signal(name, 0)) for circuit in (one, two) for name in one.outputs}
    pairs = [(one.signal(name, 0), two.signal(name, 0)) for name in one.outputs]
    seen: dict[str, int] = {}
    while True:
        found = graph.needed(looked)
        fresh = {name: mask for name, mask in found.items() if mask & ~seen.get(name, 0)}
        if not fresh:
            break
        for name, mask in fresh.items():
            seen[name] = seen.get(name, 0) | mask
            for circuit in (one, two):
                for number, bits in circuit.before(name, mask):
                    looked[number] = looked.get(number, 0) | bits
    for name, mask in seen.items():
        for (a, bits), (b, _) in zip(one.before(name, mask), two.before(name, mask), strict=True):
            kept = graph.const(bits, graph.width(a))
            pairs.append((graph.op("and", graph.width(a), kept, a), graph.op("and", graph.width(a), kept, b)))
    pairs = [(a, b) for a, b in pairs if a != b]
    sweep = Sweep(graph, [number for pair in pairs for number in pair])
    sweep.run(None, PATIENCE_MS)
    return all(sweep.equal(a, b, 10 * PATIENCE_MS).proved for a, b in pairs)


def _read_cleared(graph: Graph, text: str, top: str, clears: int) -> Circuit:
    """A lane of an array that clears its rows after a reset in clock 0."""

    def given(name: str, clock: int) -> int | str:
        if name == "rst":
            return int(clock == 0)
        return int(clock > 0 and (clock - 1) % (clears + 1) == 0) if name == "load" else f"{name}@{clock}"

    return read_circuit(graph, text, top, given)


class Known(dict[str, Any]):
    """The state fields that the circuit has; the others are 0."""

    def __missing__(self, key: str) -> int:
        return 0


def _invariants(model: NeuronModel[Any], step: _Step, clock: _Clock) -> Iterator[Claim]:
    """What the golden model says always holds, by induction."""
    graph = step.graph
    before, after = (model.invariants(step.raw, state) for state in (step.given, step.after))
    if "noise" in step.state:
        name = "the noise state is never 0"
        before, after = before | {name: step.given["noise"] != 0}, after | {name: step.after["noise"] != 0}
    laws = model.laws(step.raw, step.given, step.spike)
    assumed = [step.drive._other(bit).number for bit in before.values()] + step.ranges()
    for text, bit in (after | laws).items():
        answer = holds(graph, assumed, step.drive._other(bit).number)
        lines = _step_lines(step, answer, None) if answer.proved is False else ()
        yield Claim("golden step", text, answer.proved, clock.read(), lines)


def holds(graph: Graph, assumed: Sequence[int], claim: int, patience: int = 20 * PATIENCE_MS) -> Answer:
    """Whether a bit is set whenever others are."""
    if graph.value(claim) == 1:
        return Answer(True)
    manager, solver = new_solver(patience)
    terms = Terms(graph, manager)
    for bit in assumed:
        solver.assert_formula(terms.truth(terms.of(bit)))
    solver.assert_formula(manager.mk_term(Kind.NOT, [terms.truth(terms.of(claim))]))
    return answered(solver, terms)


def _step_lines(step: _Step, answer: Answer, name: str | None) -> tuple[str, ...]:
    """A counterexample, for a reader."""
    graph = step.graph
    words = {**step.given, **{key: word for key, word in step.constants.items() if graph.value(word.number) is None}}
    words |= {**step.tuning, "drive": step.drive} | ({} if step.pull is None else {"pull": step.pull})
    numbers = [word.number for word in words.values()]
    pair = None if name is None else step.pairs[name]
    values = graph.compute(answer.inputs, [*numbers, *(() if pair is None else (pair[0].number, pair[1]))])

    def shown(number: int, signed: bool) -> int:
        return as_signed(values[number], graph.width(number)) if signed else values[number]

    lines = [", ".join(f"{key} {shown(word.number, word.signed)}" for key, word in words.items())]
    if pair is not None:
        wanted, got = pair
        signed = step.lane.next_state.shape()[name].shape.signed if name in step.state else False
        lines.append(f"the model gives {name} {shown(wanted.number, wanted.signed)}, the circuit {shown(got, signed)}")
    return tuple(lines)


def summary(claims: Sequence[Claim]) -> bool | None:
    """Whether all that was tried is proved; None if something had no answer, and nothing is false."""
    if any(claim.proved is False for claim in claims):
        return False
    return None if any(claim.proved is None and claim.tried for claim in claims) else True


# --- the array


def implies(condition: Word, result: Word) -> Word:
    """Whether the result holds where the condition does."""
    made: Word = select(condition, result, 1)
    return made


MOST_ROWS = 64
"""Rows up to which tables of the model's numbers are compared, too."""


def initial_state(model: NeuronModel[Any], params: NeuronParams) -> dict[str, Any]:
    """What the model has after reset, by state field, each of shape (count,)."""
    made = model.bit_true(params)
    return {field.name: getattr(made, field.name) for field in params.state_fields if field.name in vars(made)}


def initial_words(array: NeuronArray, index: int, initial: Mapping[str, Any]) -> list[int]:
    """Initial states of a lane's neurons, row by row, as the circuit's words; 0 where there is no neuron."""
    shape, made = array.pipelines[index].state.shape(), []
    for neuron in range(index, array.rows * array.lanes, array.lanes):
        word = 0
        for name in shape.members if neuron < array.params.count else ():
            field = shape[name]
            value = int(initial[name][neuron]) if name in initial else 0
            word |= (value & ((1 << field.width) - 1)) << field.offset
        made.append(word)
    return made


class _Lane:
    """A lane of which nothing is known but its timing: it gives, `latency` enabled clocks later, a function of what it
    took; its initial states are a function of how often it was loaded, and how many clocks ago.

    Its place in the circuit is empty: what went into it are outputs, what came out of it are inputs.
    """

    def __init__(self, proof: _ArrayProof, index: int, lane: Lane, initial: Mapping[str, Any] | None) -> None:
        self.proof, self.index, self.lane = proof, index, lane
        self.words: tuple[int, ...] | None = None
        if initial is not None:
            states = initial_words(proof.array, index, initial)
            rows = range(index, proof.array.params.count, proof.array.lanes)
            here = {states[row] for row in range(len(rows))}
            self.words = tuple(here) if len(here) == 1 else (0, *states)
        self.took = [name for name in ("state", "drive", "parameters") if lane.has(name)]
        self.size = int(lane.next_state.shape().size)
        self.loads_width = (proof.array.rows + 1).bit_length()
        self.age_width = (lane.clear_clocks + 1).bit_length()
        self._stages: dict[tuple[int, int], int] = {}
        self._loaded: dict[int, tuple[Word, Word]] = {}

    def port(self, name: str, clock: int) -> int:
        """What goes into the lane; anything, if Amaranth left the port out because it never changes."""
        full = f"lane_{self.index}.{name}"
        if full not in self.proof.ports:
            signal = getattr(self.lane, name)
            width = len(signal if isinstance(signal, Signal) else signal.as_value())
            return self.proof.graph.input(f"{full}@{clock}", width)
        return self.proof.circuit.signal(self.proof.ports[full], clock)

    def bit(self, name: str, clock: int) -> Word:
        """The same, as a word."""
        return Word.of(self.proof.graph, self.port(name, clock), False)

    def width(self, name: str) -> int:
        """Bits of a port."""
        return self.proof.graph.width(self.port(name, 0))

    def stage(self, place: int, clock: int) -> int:
        """What a stage of its pipeline holds: what it took so many enabled clocks ago, and one."""
        key = place, clock
        if key not in self._stages:
            graph = self.proof.graph
            if clock == 0:
                width = sum(self.width(name) for name in self.took)
                self._stages[key] = graph.input(f"lane_{self.index} stage_{place}@start", width)
            else:
                before, last = self.stage(place, clock - 1), clock - 1
                new = (
                    self.stage(place - 1, last)
                    if place
                    else graph.concat([self.port(each, last) for each in self.took])
                )
                enable = self.port("enable", last)
                self._stages[key] = graph.op("mux", graph.width(before), enable, before, new)
        return self._stages[key]

    @property
    def counts(self) -> bool:
        """Whether its initial states may differ: else it does not matter when it was told to load."""
        alike = self.words is not None and len(self.words) == 1
        return not alike and f"lane_{self.index}.load" in self.proof.ports

    def loaded(self, clock: int) -> tuple[Word, Word]:
        """How often it was loaded since reset, and how many clocks ago the last time was."""
        if clock not in self._loaded:
            graph = self.proof.graph
            if clock == 0:
                self._loaded[clock] = (
                    Word.of(graph, graph.input(f"lane_{self.index} loads@start", self.loads_width), False),
                    Word.of(graph, graph.input(f"lane_{self.index} age@start", self.age_width), False),
                )
            else:
                loads, age = self.loaded(clock - 1)
                load, reset = self.bit("load", clock - 1) == 1, self.proof.word("rst", clock - 1) == 1
                loads = select(reset, 0, select(load, loads + 1, loads))
                older = select(age <= self.lane.clear_clocks, age + 1, age)
                age = select(reset, 0, select(load, 1, older))
                self._loaded[clock] = (
                    Word.of(graph, loads.to(self.loads_width), False),
                    Word.of(graph, age.to(self.age_width), False),
                )
        return self._loaded[clock]

    def out(self, name: str, clock: int) -> Word:
        """What comes out of the lane."""
        graph = self.proof.graph
        if name == "initial_state":
            loads, age = self.loaded(clock)
            return Word.of(graph, self.begun(loads.to(self.loads_width), age.to(self.age_width)), False)
        made = self.step(self.stage(self.lane.latency - 1, clock))
        low, width = {"next_state": (0, self.size), "spike": (self.size, 1), "saturated": (self.size + 1, 1)}[name]
        return Word.of(graph, graph.slice(made, low, width), False)

    def step(self, took: int) -> int:
        """Next state, spike and saturation, of what it took."""
        return self.proof.graph.opaque("step", self.size + 2, took)

    @cached_property
    def _plain(self) -> int:
        """The initial state of a lane that has nothing to do for it: Amaranth leads it around the lane."""
        text = to_rtlil(self.lane)
        return _read_lane(self.proof.graph, text, "top", self.lane).signal("initial_state", 0)

    def begun(self, loads: int, age: int) -> int:
        """The initial state that stands there: that of the model, or if it is not known, a function of both."""
        graph = self.proof.graph
        if self.words is not None and len(self.words) == 1:
            return graph.const(self.words[0], self.size)
        if f"lane_{self.index}.initial_state" not in self.proof.ports:
            return self._plain
        told = (loads, age) if self.counts else ()
        anything = graph.opaque("begin", self.size, graph.const(self.index, 16), *told)
        if self.words is None:
            return anything
        there = graph.op("eq", 1, age, graph.const(self.lane.clear_clocks, self.age_width))
        return graph.op("mux", self.size, there, anything, graph.table(self.words, self.size, loads))


class _ArrayProof:
    """The array with opaque lanes, and one of its rows, which nobody has chosen."""

    def __init__(self, array: NeuronArray, text: str, initial: Mapping[str, Any] | None) -> None:
        self.array = array
        concrete = array.rows <= MOST_ROWS
        self.graph = graph = Graph()
        self.row = Word.of(graph, graph.input("row", max(1, (array.rows - 1).bit_length())), False)
        self.lanes = [
            _Lane(self, index, lane, initial if concrete else None) for index, lane in enumerate(array.pipelines)
        ]
        self.circuit = read_circuit(graph, text, "top", self._given, ["expose -evert top/c:lane_*"])
        # A port that had the name of another signal has a number behind its own.
        self.ports = {name.partition("$")[0]: name for name in (*self.circuit.inputs, *self.circuit.outputs)}
        known = {"clk", "rst", *array.pipelines[0].signature.members}
        others = [name for name in self.ports if name.startswith("lane_") and name.split(".")[1] not in known]
        if others:
            raise ValueError(f"{', '.join(others)}: no ports of a lane, but what Amaranth calls some")
        for memory in self.circuit.memories.values():
            if memory.written or not concrete:
                self.circuit.follow(memory.name, self.row.number)
        # What the row's neurons should have now, and the input of their tick that is under way.
        self.expected = graph.input("expected state", self._width("state"))
        self.drive = graph.input("expected drive", self._width("drive"))
        self.own = None if array.parameters is None else self._parameters(concrete)

    def _parameters(self, concrete: bool) -> int:
        """Those of the row's neurons: the model's, or if they are loaded or many, what is in the memory."""
        if not concrete or self.circuit.memories["parameter_memory"].written:
            content = self.circuit.content("parameter_memory", 0)
            return self.graph.slice(content, 0, sum(lane.width("parameters") for lane in self.lanes))
        array, parts, own = self.array, [], self.array.parameters or []
        for index, lane in enumerate(self.lanes):
            words = []
            for row in range(array.rows):
                neuron, low, word = row * array.lanes + index, 0, 0
                for name in lane.lane.parameters.shape().members:
                    width = lane.lane.parameters.shape()[name].width
                    value = (
                        int(getattr(array.params, f"{name}_raw")[neuron])
                        if neuron < array.params.count
                        else own[row][index][name]
                    )
                    word |= (value & ((1 << width) - 1)) << low
                    low += width
                words.append(word)
            parts.append(self.graph.table(tuple(words), low, self.row.number))
        return self.graph.concat(parts)

    def _width(self, name: str) -> int:
        return sum(lane.width(name) for lane in self.lanes)

    def _given(self, name: str, clock: int) -> int | str | Word:
        if name.startswith("lane_"):
            place, _, port = name.partition("$")[0].partition(".")
            return self.lanes[int(place.removeprefix("lane_"))].out(port, clock)
        if name in ("tuning", "seed"):
            return name
        if name in ("own__write", "own__read"):
            return 0  # parameters are loaded while no tick is under way
        return f"{name}@{clock}"

    def checked(self, clock: int) -> Word:
        """Whether the row's parameters in the memory have their check bits."""
        graph, array = self.graph, self.array
        if array.protection == "none" or not self.circuit.follows("parameter_memory"):
            return self.row >= 0
        content = self.circuit.content("parameter_memory", clock)
        code = Code(sum(lane.width("parameters") for lane in self.lanes), array.protection)
        sums = [
            graph.op("parity", 1, graph.concat([graph.slice(content, bit, 1) for bit in bits]))
            for bits in code.summed_bits
        ]
        whole = graph.concat([graph.slice(content, 0, code.width), *sums])
        return self.same(content, graph.concat([whole, graph.op("parity", 1, whole)]))

    def parameters_read(self, clock: int) -> int:
        """What all lanes have as parameters."""
        return self.graph.concat([lane.port("parameters", clock) for lane in self.lanes])

    def word(self, name: str, clock: int) -> Word:
        """A signal, without sign."""
        return Word.of(self.graph, self.circuit.signal(name, clock), False)

    def exists(self, index: int, row: Word) -> Word:
        """Whether there is a neuron in this lane of a row."""
        if (self.array.rows - 1) * self.array.lanes + index < self.array.params.count:
            return row >= 0
        return row != self.array.rows - 1

    def begun(self) -> int:
        """The initial states of the row."""
        graph, parts = self.graph, []
        for index, lane in enumerate(self.lanes):
            word = lane.begun((self.row + 1).to(lane.loads_width), graph.const(lane.lane.clear_clocks, lane.age_width))
            parts.append(self._if_exists(index, word, self.row))
        return graph.concat(parts)

    def _if_exists(self, index: int, word: int, row: Word) -> int:
        width = self.graph.width(word)
        return self.graph.op("mux", width, self.exists(index, row).number, self.graph.const(0, width), word)

    def taken(self, index: int) -> int:
        """What a lane should have taken of the row."""
        graph, lane = self.graph, self.lanes[index]
        size, drive = lane.width("state"), lane.width("drive")
        parts = [graph.slice(self.expected, index * size, size), graph.slice(self.drive, index * drive, drive)]
        if self.own is not None:
            own = lane.width("parameters")
            parts.append(graph.slice(self.own, index * own, own))
        return graph.concat(parts)

    def stepped(self) -> tuple[int, int, int]:
        """State, spikes and clampings of the row after its tick."""
        graph = self.graph
        states: list[int] = []
        spikes: list[int] = []
        clamped: list[int] = []
        for index, lane in enumerate(self.lanes):
            made, size = lane.step(self.taken(index)), lane.size
            for parts, low, width in ((states, 0, size), (spikes, size, 1), (clamped, size + 1, 1)):
                parts.append(self._if_exists(index, graph.slice(made, low, width), self.row))
        return graph.concat(states), graph.concat(spikes), graph.concat(clamped)

    # --- what is claimed

    def same(self, a: int, b: int) -> Word:
        """Whether two words are equal."""
        return Word.of(self.graph, self.graph.op("eq", 1, a, b), False)

    def invariants(self, clock: int, expected: int, drive: int, given: Word) -> dict[str, Word]:
        """What holds in every clock.

        Parameters
        ----------
        clock : int
        expected, drive : int
            State and input that the row should have.
        given : Word
            The row that comes out next.
        """
        array = self.array

        def word(name: str) -> Word:
            return self.word(name, clock)

        rows, latency, interval = array.rows, array.latency, array.interval
        slots = array.cycles_per_tick // interval
        yes = self.row >= 0
        running, slot = word("running") == 1, word("slot")
        phase = word("phase") if interval > 1 else None
        valid = [self.word("valid", clock) >> place & 1 for place in range(latency)]
        at = [word(f"row_{place}") for place in range(latency)]
        made: dict[str, Word] = {}

        def all_of(bits: Sequence[Word]) -> Word:
            total = yes
            for bit in bits:
                total = total & bit
            return total

        made["counters stay in their ranges"] = all_of(
            [slot < slots, given < rows, *(implies(v == 1, row < rows) for v, row in zip(valid, at, strict=True))]
            + ([phase < interval] if phase is not None else [])
        )
        # How many slots ago the row of each stage was taken.
        ages = [select(slot > row, slot - row, slot - row + slots) for row in at]
        timely, newer = [], yes - yes
        for place, (v, age) in enumerate(zip(valid, ages, strict=True)):
            fits = (age > newer) & (age <= 1 + place // interval)
            newer = select(v == 1, age, newer)
            if phase is not None:
                fits = fits & (phase == (place + 1) % interval)
            timely.append(implies(v == 1, fits))
        made["each row in the pipeline is where its age says"] = all_of(timely)
        # From the oldest to the newest, rows follow each other; the next to come follows the newest.
        wanted = given
        ordered = []
        for v, row in reversed(list(zip(valid, at, strict=True))):
            ordered.append(implies(v == 1, row == wanted))
            after = select(wanted == rows - 1, 0, wanted + 1)
            wanted = select(v == 1, after, wanted)
        ordered.append(select(slot < rows, slot, 0) == wanted)
        made["rows are in order, none twice, none left out"] = all_of(ordered)

        memory = self.circuit.content("state_memory", clock)
        here = [(v == 1) & (row == self.row) for v, row in zip(valid, at, strict=True)]
        anywhere = here[0]
        for bit in here[1:]:
            anywhere = anywhere | bit
        made["a row that rests has its state in the memory"] = implies(
            running & (anywhere == 0), self.same(memory, expected)
        )
        read = self.circuit.signal("read__data", clock)
        holds = [self.same(read, expected), self.same(self.circuit.signal("drives", clock), drive)]
        if self.own is not None:
            holds.append(self.same(self.parameters_read(clock), self.own))
        made["a row that is read has its state, its input and its parameters"] = implies(here[0], all_of(holds))
        carried = []
        for place, bit in enumerate(here[1:]):
            stages = [
                self.same(lane.stage(place, clock), self.taken_of(index, expected, drive))
                for index, lane in enumerate(self.lanes)
            ]
            carried.append(implies(bit, all_of(stages)))
        made["a row in the lanes is what was read"] = all_of(carried)

        idle = word("running") == 0
        step, row = word("clear_step"), word("clear_row")
        clears = array.pipelines[0].clear_clocks
        empty = [row < rows, step <= clears, slot == 0, given == 0, *(v == 0 for v in valid)]
        if phase is not None:
            empty.append(phase == 0)
        for lane in self.lanes:
            if not lane.counts:
                continue
            loads, age = lane.loaded(clock)
            empty += [loads == row + select(step == 0, 0, 1), implies(step != 0, age == step)]
        made["while rows are cleared, nothing else goes on"] = implies(idle, all_of(empty))
        made["a row that is cleared has its initial state"] = implies(
            idle & (row > self.row), self.same(memory, self.begun())
        )
        return made

    def taken_of(self, index: int, expected: int, drive: int) -> int:
        """As `taken`, of another clock."""
        before = self.expected, self.drive
        self.expected, self.drive = expected, drive
        made = self.taken(index)
        self.expected, self.drive = before
        return made


def prove_array(
    array: NeuronArray, initial: Mapping[str, Any] | None = None, text: str | None = None
) -> Iterator[Claim]:
    """What is to be proved of an array whatever its lanes do, one claim after another.

    Parameters
    ----------
    array : NeuronArray
    initial : mapping of str to ndarray of int64, shape (count,), optional
        State after reset; see `initial_state`. Compared in arrays of up to 64 rows.
    text : str, optional
        RTLIL of a circuit that is to behave like it; its own by default.
    """
    clock = _Clock()
    proof = _ArrayProof(array, text or to_rtlil(array), initial)
    graph, word = proof.graph, proof.word
    rows, latency, interval = array.rows, array.latency, array.interval
    slots = array.cycles_per_tick // interval
    given = Word.of(graph, graph.input("next row out", max(1, (rows - 1).bit_length())), False)
    before = proof.invariants(0, proof.expected, proof.drive, given)
    not_reset = word("rst", 0) == 0
    assumed = [bit.number for bit in (*before.values(), not_reset, proof.row < rows, proof.checked(0))]

    # What happens in this clock.
    running, moves = word("running", 0) == 1, word("moves", 0) == 1
    takes = (word("i__valid", 0) & word("i__ready", 0)) == 1
    gives = (word("o__valid", 0) & word("o__ready", 0)) == 1
    slot, out_row = word("slot", 0), word(f"row_{latency - 1}", 0)
    state, spikes, clamped = proof.stepped()
    mine_in, mine_out = takes & (slot == proof.row), gives & (out_row == proof.row)
    ends = running | (word("running", 1) == 0)

    def chosen(condition: Word, yes: int, no: int) -> int:
        return graph.op("mux", graph.width(yes), condition.number, no, yes)

    expected = chosen(mine_out, state, proof.expected)
    expected = chosen(ends, expected, proof.begun())
    drive = chosen(mine_in, proof.circuit.signal("i__payload", 0), proof.drive)
    next_given = select(gives, select(given == rows - 1, 0, given + 1), given)
    after = proof.invariants(1, expected, drive, next_given)

    def claim(text: str, bit: Word, known: Sequence[int] = assumed) -> Claim:
        answer = holds(graph, known, bit.number)
        lines = _array_lines(proof, answer) if answer.proved is False else ()
        return Claim("array", text, answer.proved, clock.read(), lines)

    for text, bit in after.items():
        yield claim(text, bit)
    # After a clock of reset, whatever was before: what a row should have counts from when all are cleared.
    reset = (word("rst", 0) == 1).number
    begun = proof.invariants(1, proof.begun(), proof.drive, Word.of(graph, graph.const(0, 1), False))
    cleared = [select(word("clear_row", 1) == 0, 1, 0)] if rows > 1 else []
    total = word("running", 1) == 0
    for bit in (*begun.values(), *cleared):
        total = total & bit
    lanes_reset = [lane.loaded(1)[0] == 0 for lane in proof.lanes if lane.counts]
    for bit in lanes_reset:
        total = total & bit
    yield claim("a reset leads to such a state, from any", total, [reset, (proof.row < rows).number])

    payload = word("o__payload", 0)
    per_lane = graph.width(proof.expected)
    parts = {"last": (0, 1), "spikes": (1, array.lanes), "state": (1 + array.lanes, per_lane)}
    got = {
        name: graph.slice(payload.to(1 + array.lanes + per_lane), low, width) for name, (low, width) in parts.items()
    }
    right = proof.same(got["state"], state) & proof.same(got["spikes"], spikes)
    right = right & (Word.of(graph, got["last"], False) == select(proof.row == rows - 1, 1, 0))
    yield claim("what comes out for a row is its step, and says whether it is the last", implies(mine_out, right))
    yield claim("rows come out in order, each once a tick", implies(gives, out_row == given))
    yield claim("a row is taken only when its last tick is in the memory", implies(mine_in, _resting(proof, latency)))
    writes, reads = word("write__en", 0) == 1, word("read__en", 0) == 1
    meets = writes & (word("write__addr", 0) == word("read__addr", 0)) & running & (slot < rows)
    yield claim("no read meets a write", implies(reads & (word("begins", 0) == 1), meets == 0))
    waits = (word("o__valid", 0) == 1) & (word("o__ready", 0) == 0)
    stays = (word("o__valid", 1) == 1) & proof.same(
        proof.circuit.signal("o__payload", 0), proof.circuit.signal("o__payload", 1)
    )
    yield claim("what waits to be taken stays as it is", implies(waits, stays))
    begins = (word("phase", 0) == 0) if interval > 1 else (slot >= 0)
    if interval > 1:
        phase = word("phase", 0)
        turns = word("phase", 1) == select(phase == interval - 1, 0, phase + 1)
        yield claim("the phase turns whenever the array moves", implies(running & moves, turns))
        yield claim(
            "an array waits in the phase in which results come", implies(moves == 0, phase == latency % interval)
        )
        held = [
            proof.same(proof.circuit.signal(name, 0), proof.circuit.signal(name, 1))
            for name in ("read__data", "drives")
        ]
        if proof.own is not None:
            held.append(proof.same(proof.parameters_read(0), proof.parameters_read(1)))
        stay = held[0]
        for bit in held[1:]:
            stay = stay & bit
        yield claim("a lane's inputs stay while it takes them", implies(running & (begins == 0), stay))
    goes = running & moves & begins & ((slot >= rows) | (word("i__valid", 0) == 1))
    yield claim(
        "an array that is offered rows, and rid of them, goes on",
        implies(goes, word("slot", 1) == select(slot == slots - 1, 0, slot + 1)),
    )
    passed = _passed(proof)
    yield claim("lanes move with the array, in its phase, with its parameters", implies(running, passed))
    count = Word.of(graph, graph.const(0, 1), False)
    for index in range(array.lanes):
        count = count + (Word.of(graph, clamped, False) >> index & 1)
    old, new = word("saturations", 0), word("saturations", 1)
    most = (1 << 32) - 1
    counted = new == select(old + count > most, most, old + count)
    flagged = word("saturated", 1) == select(count > 0, 1, word("saturated", 0))
    yield claim("each clamped update is counted, and flagged", implies(mine_out, counted & flagged))
    if array.coupled:
        text = "the pull on a neuron is the sum over its neighbours (`neuristor verify` compares it)"
        yield Claim("array", text, None, 0.0, tried=False)


def _passed(proof: _ArrayProof) -> Word:
    """Whether lanes are told what the array does."""
    total, interval = proof.row >= 0, proof.array.interval
    moves = proof.word("moves", 0)
    for lane in proof.lanes:
        total = total & (lane.bit("enable", 0) == moves)
        if interval > 1:
            after = select(moves == 1, proof.word("phase", 0), lane.bit("phase", 0))
            total = total & (lane.bit("phase", 1) == after)
        for name in ("tuning", "seed"):
            if lane.lane.has(name):
                total = total & proof.same(lane.port(name, 0), proof.circuit.signal(name, 0))
    return total


def _resting(proof: _ArrayProof, latency: int) -> Word:
    found = proof.row < 0
    for place in range(latency):
        found = found | ((proof.word("valid", 0) >> place & 1) == 1) & (proof.word(f"row_{place}", 0) == proof.row)
    return found == 0


def _array_lines(proof: _ArrayProof, answer: Answer) -> tuple[str, ...]:
    """A counterexample, for a reader."""
    latency, graph = proof.array.latency, proof.graph
    names = [name for name in _SHOWN if proof.circuit.has(name)]
    numbers = {(name, clock): proof.circuit.signal(name, clock) for name in names for clock in (0, 1)}
    numbers |= {
        (f"row_{n}", clock): proof.circuit.signal(f"row_{n}", clock) for n in range(latency) for clock in (0, 1)
    }
    values = graph.compute(answer.inputs, [*numbers.values(), proof.row.number])
    lines = [f"row {values[proof.row.number]}; a stage is written as its row, or - if it has none"]
    for clock in (0, 1):
        valid = values[numbers["valid", clock]]
        stages = " ".join(str(values[numbers[f"row_{n}", clock]]) if valid >> n & 1 else "-" for n in range(latency))
        shown = ", ".join(f"{name} {values[numbers[name, clock]]}" for name in names if name != "valid")
        lines.append(f"clock {clock}: stages {stages}; {shown}")
    return tuple(lines)


_SHOWN = ("valid", "rst", "running", "slot", "phase", "i__valid", "o__ready", "clear_row", "clear_step")
