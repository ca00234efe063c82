"""Proof that a lane computes the golden step.

From any contents of its registers, the result of a lane, `latency` clocks after it accepts a neuron, equals the golden
step function bit for bit. The step function is the one of ``golden_model``, called with symbolic integers. During a
stall, no register of the lane changes. The invariants of the golden model are proved by induction over ticks.

`neuristor.sim.proofs.array` proves that the array applies its lanes to every neuron once a tick. Both together say that
the array equals the model at every tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib.data import StructLayout

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.delay import CLOCKS
from neuristor.hdl.lane import Lane
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_parts
from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.claims import Claim, Stopwatch, holds
from neuristor.sim.proofs.delay_lines import delay_lines, with_registers
from neuristor.sim.proofs.equivalence import PATIENCE_MS, Sweep
from neuristor.sim.proofs.initial_states import same_initial_states
from neuristor.sim.proofs.lane_circuit import RESULTS, lane_inputs, members, read_lane, stalled_inputs
from neuristor.sim.proofs.terms import Answer

__all__ = ["prove_lane"]

LONG_MS = 20 * PATIENCE_MS
"""Time limit for a query about a result of the lane, in milliseconds."""


class _Step:
    """A lane and the golden step as words, both applied to the same symbolic neuron.

    Attributes
    ----------
    state, own, tuning : dict of str to Word
        State of the neuron, its own parameters (ports of the lane), and loaded parameters that all neurons share.
    parameters : dict of str to Word
        Arguments of the golden step beside the state: symbolic if the lane has a port for them, else constants.
    drive : Word
        Its input.
    pull : Word or None
        Sum over its neighbours, if neurons are coupled.
    initial : dict of str to ndarray of int64, shape (count,)
        State of the model after a reset.
    before, after : dict of str to Word
        State before and after the golden step.
    pairs : dict of str to (Word, int)
        For each result: the word of the golden step, and the node of the lane.
    claims : list of int
        Bits that must be 1 for the golden step to be valid: indices of tables are within their tables.
    """

    def __init__(self, model: NeuronModel[Any], params: NeuronParams, lane: Lane) -> None:
        self.params, self.lane = params, lane
        self.text = to_rtlil(lane)
        self.graph = Graph()
        self.circuit = read_lane(self.graph, self.text, "top", lane)
        self.state = self._members("state", 0)
        self.drive = Word.of(self.graph, self.circuit.signal("drive", 0), True)
        self.own = self._members("parameters", 0)
        self.tuning = self._members("tuning", 0)
        self.raw = params.raw._replace(**self.tuning)
        self.pull = Word.of(self.graph, self.circuit.signal("pull", lane.pull_time), True) if lane.has("pull") else None

        bit_true = model.bit_true(params)
        self.initial = {name: np.asarray(getattr(bit_true, name)) for name in bit_true.rule.state}
        self.parameters = {name: self._parameter(name) for name in bit_true.rule.parameters}

        def stepped(before: dict[str, Word]) -> tuple[dict[str, Any], Any, Any]:
            arguments = [self.raw, *before.values(), *self.parameters.values(), self.drive]
            coupled = [] if self.pull is None else [self.pull]
            function = bit_true.rule.function if model.coupled_step is None or not coupled else model.coupled_step
            *state, spike, clipped = function(*arguments, *coupled)
            return dict(zip(before, state, strict=True)), spike, clipped

        self.before = self._before(stepped)
        self.after, self.spike, clipped = stepped(self.before)
        if "change" in self.state:
            self.after["change"] = self.after["membrane"] - self.before["membrane"]
        self.claims = list(self.graph.claims)
        self.pairs = self._pairs(clipped)

    def word(self, value: Any) -> Word:
        """Convert an integer into a constant; a word stays as it is."""
        return self.drive._other(value)

    def _members(self, port: str, clock: int) -> dict[str, Word]:
        """Members of a port; none if the lane does not have it."""
        if not self.lane.has(port):
            return {}
        return members(self.graph, self.circuit.signal(port, clock), getattr(self.lane, port).shape())

    def _before(self, stepped: Callable[[dict[str, Word]], tuple[dict[str, Any], Any, Any]]) -> dict[str, Word]:
        """The state: a field that the circuit lacks is constant if no step changes it, else it has any value."""
        lacking = [name for name in self.initial if name not in self.state]
        free = {name for name in lacking if np.ptp(self.initial[name]) > 0}
        while True:
            before = {name: self.state[name] for name in self.initial if name in self.state}
            for name in lacking:
                symbol = Word.of(self.graph, self.graph.input(f"no place for {name}", 64), True)
                before[name] = symbol if name in free else self.word(int(self.initial[name][0]))
            before = {name: before[name] for name in self.initial}
            after = stepped(before)[0]
            changed = {name for name in lacking if self.word(after[name]).number != before[name].number} - free
            if not changed:
                return before
            free |= changed

    def _parameter(self, name: str) -> Word:
        """A parameter: symbolic if the lane has a port for it, else the constant that all neurons share."""
        short = name.removesuffix("_raw")
        if short in self.own:
            return self.own[short]
        return self.word(int(getattr(self.params, name)[0]))

    def _pairs(self, clipped: Any) -> dict[str, tuple[Word, int]]:
        """Results of the golden step and of the lane."""
        latency = self.lane.latency
        pairs = {
            name: (self.word(self.after[name]), word.number)
            for name, word in self._members("next_state", latency).items()
        }
        pairs["spike"] = (self.word(self.spike), self.circuit.signal("spike", latency))
        pairs["saturated"] = (self.word(clipped), self.circuit.signal("saturated", latency))
        return pairs

    def ranges(self) -> list[int]:
        """Bits that are 1 if each parameter of the neuron, and its pull, is within the range of the design's."""
        made = []
        for name, word in self.own.items():
            column = self.params.column(name)
            made.append(((word >= int(column.min())) & (word <= int(column.max()))).number)
        limits = getattr(self.raw, "pull_range", None)
        if self.pull is not None and limits is not None:
            made.append(((self.pull >= limits[0]) & (self.pull <= limits[1])).number)
        return made

    def lines(self, answer: Answer, name: str | None = None) -> tuple[str, ...]:
        """A counterexample as lines of text: the neuron, and both values of the result `name`."""
        graph = self.graph
        own = {name: word for name, word in self.parameters.items() if graph.value(word.number) is None}
        known = {name for name, word in self.before.items() if graph.value(word.number) is not None}
        before = {name: word for name, word in self.before.items() if name in known or name in self.state}
        words = {**before, **own, **self.tuning, "drive": self.drive}
        if self.pull is not None:
            words["pull"] = self.pull
        numbers = [word.number for word in words.values()]
        pair = None if name is None else self.pairs[name]
        values = graph.compute(answer.inputs, [*numbers, *(() if pair is None else (pair[0].number, pair[1]))])

        def shown(number: int, signed: bool) -> int:
            return as_signed(values[number], graph.width(number)) if signed else values[number]

        lines = [", ".join(f"{key} {shown(word.number, word.signed)}" for key, word in words.items())]
        if pair is not None:
            wanted, got = pair
            signed = self.lane.next_state.shape()[name].shape.signed if name in self.state else False
            lines.append(
                f"the model gives {name} {shown(wanted.number, wanted.signed)}, the circuit {shown(got, signed)}"
            )
        return tuple(lines)


def prove_lane(
    model: NeuronModel[Any],
    params: NeuronParams,
    array: NeuronArray,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Claim]:
    """Prove the lanes of an array, claim by claim.

    The claims hold for all states and inputs, and for all parameters of a neuron between the smallest and the largest
    of the design's neurons.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of the neurons.
    array : NeuronArray
        Their array.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of nodes.

    Yields
    ------
    Claim
        Each claim, once it is decided. If neurons differ in a parameter for which the lane has no port, that is the
        only one, and it is false.
    """
    stopwatch = Stopwatch()
    lacking = _without_port(model, params, array.pipelines[0])
    if lacking:
        text = f"the lane has a port for each parameter in which neurons differ ({', '.join(lacking)})"
        yield Claim("lane", text, False, stopwatch.lap())
        return
    if other := _other_words(params, array):
        text = f"the words of the lanes are those of the model: {', '.join(other)}"
        yield Claim("lane", text, False, stopwatch.lap())
        return
    whole = to_rtlil(array)
    if lines := delay_lines(whole):
        text = f"each delay line gives the word that it took {CLOCKS} enabled clocks before, also across a reset"
        yield Claim("lane", text, all(lines.values()), stopwatch.lap())
        if not all(lines.values()):
            return
    step = _Step(model, params, array.pipelines[0])
    yield from _results(model, step, stopwatch, progress)
    others = [read_lane(step.graph, to_rtlil(lane), "top", lane) for lane in array.pipelines[1:]]
    circuits = [step.circuit, *others]
    text = "no register changes during a stall, in any phase, whatever the inputs"
    keeps = all(_keeps_registers(circuit, step.lane) for circuit in circuits)
    yield Claim("lane", text, keeps, stopwatch.lap())
    text = "the results of a lane are the same in a stall"
    yield Claim("lane", text, all(_keeps_results(circuit, step.lane) for circuit in circuits), stopwatch.lap())
    text = "the lanes in the array are the circuits that are proved"
    yield Claim("lane", text, _in_array(circuits, array, whole), stopwatch.lap())
    if array.lanes > 1:
        yield Claim("lane", f"all {array.lanes} lanes are the same circuit", _alike(step, others), stopwatch.lap())
    if array.loadable:
        for text in (
            "each neuron's initial state, with loaded parameters, equals the model's (`neuristor run` compares it)",
            "all of this holds for loaded parameters outside the range of the design's neurons",
        ):
            yield Claim("lane", text, None, 0.0, tried=False)
    else:
        text = "each neuron's initial state equals the model's"
        yield Claim("lane", text, same_initial_states(model, params, array), stopwatch.lap())
    yield from _invariants(model, step, stopwatch)


def _without_port(model: NeuronModel[Any], params: NeuronParams, lane: Lane) -> list[str]:
    """Parameters in which neurons differ, but for which the lane has no port."""
    ports = lane.parameters.shape().members if lane.has("parameters") else {}
    differ = [name for name in model.bit_true(params).rule.parameters if np.ptp(getattr(params, name)) > 0]
    return [name for name in differ if name.removesuffix("_raw") not in ports]


def _other_words(params: NeuronParams, array: NeuronArray) -> list[str]:
    """Ports of the lanes whose words cannot hold those of the model."""
    wanted = {field.name: (field.width, field.signed) for field in params.state_fields}
    made = set()
    for lane in array.pipelines:
        for port in ("state", "next_state", "initial_state"):
            if _words(getattr(lane, port).shape()) != wanted:
                made.add(port)
        if (len(lane.drive), lane.drive.shape().signed) != (params.drive.width, True):
            made.add("drive")
        for name, (width, signed) in _words(lane.parameters.shape()).items() if lane.has("parameters") else ():
            low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
            column = params.column(name)
            if int(column.min()) < low or int(column.max()) > high:
                made.add(name)
    return sorted(made)


def _words(layout: StructLayout) -> dict[str, tuple[int, bool]]:
    """Width of each member of a structure, and whether it is signed."""
    return {name: (layout[name].width, Shape.cast(layout[name].shape).signed) for name in layout.members}


def _in_array(alone: Sequence[Circuit], array: NeuronArray, whole: str) -> bool:
    """Whether the lanes in the array are the same circuits as the lanes alone, from any contents of their registers."""

    def given(name: str, clock: int) -> str:
        return f"{name.partition('$')[0]}@{clock}"

    names = [f"top.lane_{index}" for index in range(array.lanes)]
    for inside, found in zip(read_parts(alone[0].graph, with_registers(whole), names, given), alone, strict=True):
        wanted = found.again(given)
        for circuit in (inside, wanted):
            circuit.name_by_order()
        results = [name for name in (*RESULTS, "initial_state") if inside.has(name)]
        if any(inside.signal(name, 0) != wanted.signal(name, 0) for name in results):
            return False
        after = {wanted.register(cell, 1) for cell in wanted.registers}
        if not after.issuperset(inside.register(cell, 1) for cell in inside.registers):
            return False
    return True


def _results(
    model: NeuronModel[Any], step: _Step, stopwatch: Stopwatch, progress: Callable[[int, int], None] | None
) -> Iterator[Claim]:
    """Prove that the results of the lane equal those of the golden step, and that the golden step is valid."""
    # The circuit may rely on the invariants: they hold after reset, and after each golden step from where they hold.
    kept = model.invariants(step.raw, step.before)
    graph, assumed = step.graph, [*step.ranges(), *(step.word(bit).number for bit in kept.values())]
    pairs = {name: (wanted.to(graph.width(got)), got) for name, (wanted, got) in step.pairs.items()}
    sweep = Sweep(graph, [*(number for pair in pairs.values() for number in pair), *step.claims], assumed)
    for patience in (PATIENCE_MS, LONG_MS):
        sweep.run(progress, patience)
        answers = {name: sweep.equal(wanted, got, LONG_MS) for name, (wanted, got) in pairs.items()}
        if all(answer.proved is not None for answer in answers.values()):
            break
    share = stopwatch.lap() / len(answers)
    for name, answer in answers.items():
        lines = step.lines(answer, name) if answer.proved is False else ()
        yield Claim("lane", f"{name} equals that of the golden step", answer.proved, share, lines)
    if step.claims:
        one = graph.const(1, 1)
        found = [sweep.equal(bit, one, LONG_MS) for bit in step.claims]
        yield Claim("golden step", "each index of a table is within the table", _all_proved(found), stopwatch.lap())


def _all_proved(answers: Sequence[Answer]) -> bool | None:
    if all(answer.proved for answer in answers):
        return True
    return False if any(answer.proved is False for answer in answers) else None


def _keeps_registers(moving: Circuit, lane: Lane) -> bool:
    """Whether the registers that the results of a lane depend on keep their values while `enable` is 0.

    In each phase, from any contents of the registers, and for any other inputs.
    """
    for name in RESULTS:
        moving.signal(name, lane.latency)
    used = moving.used_registers()
    for phase in range(lane.interval):
        stalled = moving.again(stalled_inputs(phase))
        if any(stalled.register(name, 1) != stalled.register(name, 0) for name in used):
            return False
    return True


def _keeps_results(moving: Circuit, lane: Lane) -> bool:
    """Whether the results of a lane do not depend on `enable` in the clock in which they are due."""
    waiting = moving.again(lane_inputs(lane, stall=lane.latency))
    return all(waiting.signal(name, lane.latency) == moving.signal(name, lane.latency) for name in RESULTS)


def _alike(step: _Step, others: Sequence[Circuit]) -> bool:
    """Whether the results of all lanes are the same nodes of the graph."""
    wanted = [step.circuit.signal(name, step.lane.latency) for name in RESULTS]
    # Registers of the same name have the same free initial contents.
    return all([circuit.signal(name, step.lane.latency) for name in RESULTS] == wanted for circuit in others)


def _invariants(model: NeuronModel[Any], step: _Step, stopwatch: Stopwatch) -> Iterator[Claim]:
    """Prove the invariants of the golden model by induction, and its laws from the invariants."""
    before, after = (model.invariants(step.raw, state) for state in (step.before, step.after))
    if "noise" in step.state:
        name = "the noise state is never 0"
        before, after = before | {name: step.before["noise"] != 0}, after | {name: step.after["noise"] != 0}
    if not step.tuning:
        begun = model.invariants(step.params.raw, step.initial)
        if "noise" in step.state:
            begun[name] = step.initial["noise"] != 0
        text = "the initial state of each neuron meets the invariants"
        if begun:
            yield Claim("golden step", text, all(bool(np.all(bit)) for bit in begun.values()), stopwatch.lap())
    laws = model.laws(step.raw, step.before, step.spike)
    assumed = [step.word(bit).number for bit in before.values()] + step.ranges()
    for text, bit in (after | laws).items():
        answer = holds(step.graph, assumed, step.word(bit).number)
        lines = step.lines(answer) if answer.proved is False else ()
        yield Claim("golden step", text, answer.proved, stopwatch.lap(), lines)
