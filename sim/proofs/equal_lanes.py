"""Equivalence of two circuits of a lane, for all states, inputs and parameters that its neurons can have.

The original and a changed lane accept the same symbolic neuron, and their results are compared. They must be equal
without stalls and with any number of stalls, in every clock in which the array can stall the lane. The initial states
after a reset must be equal too. If the lanes differ, the counterexamples are neurons that can distinguish them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.lane import Lane
from neuristor.sim.netlists.netlist import Circuit
from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.delay_lines import delay_lines
from neuristor.sim.proofs.equivalence import PATIENCE_MS, Sweep
from neuristor.sim.proofs.initial_states import clock_of_row, read_cleared
from neuristor.sim.proofs.lane_circuit import lane_inputs, members, read_lane
from neuristor.sim.proofs.search import Field, told_apart
from neuristor.sim.proofs.terms import Answer

__all__ = ["Known", "Moment", "same_lane", "same_pipeline"]

Pair = tuple[int, int]
"""Nodes of two words that are compared."""


@dataclass(frozen=True)
class Moment:
    """A state and an input of a neuron.

    Parameters
    ----------
    state : dict of str to int
        The state, by field.
    drive : int
        The input.
    """

    state: dict[str, int]
    drive: int


class Known(dict[str, Any]):
    """State fields by name; a field that the circuit does not have is 0."""

    def __missing__(self, key: str) -> int:
        return 0


def same_lane(
    model: NeuronModel[Any], params: NeuronParams, array: NeuronArray, index: int, sound: str, other: str
) -> tuple[bool, list[Moment]]:
    """Prove that a changed circuit of a lane is equivalent to the original, or find neurons that distinguish them.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    params : NeuronParams
        Parameters of the neurons.
    array : NeuronArray
        Their array.
    index : int
        Number of the lane.
    sound, other : str
        RTLIL of the original and of the changed array; their lanes are modules ``top.lane_0`` and so on.

    Returns
    -------
    proved : bool
        Whether the equivalence is proved.
    moments : list of Moment
        Neurons from the solver's counterexamples, or found by a search.
    """
    lane = array.pipelines[index]
    names = list(lane.parameters.shape().members) if "parameters" in lane.signature.members else []
    numbers = range(index, params.count, array.lanes)
    own = [{name: int(params.column(name)[n]) for name in names} for n in numbers]
    return same_pipeline(model, params.raw, lane, own, f"top.lane_{index}", sound, other)


def same_pipeline(
    model: NeuronModel[Any], raw: Any, lane: Lane, own: Sequence[Mapping[str, int]], top: str, sound: str, other: str
) -> tuple[bool, list[Moment]]:
    """Do the same as `same_lane`, for a lane of any circuit that initializes the neurons of the lane in their order.

    Parameters
    ----------
    model : NeuronModel
        The neuron model.
    raw : named tuple
        Integers that all neurons share, ``params.raw``.
    lane : Lane
        The lane.
    own : sequence of dict of str to int
        Parameters of each neuron of the lane; at least one neuron.
    top : str
        Name of the lane's module.
    sound, other : str
        RTLIL of the original and of the changed circuit.

    Returns
    -------
    proved : bool
        Whether the equivalence is proved.
    moments : list of Moment
        Neurons from the solver's counterexamples, or found by a search.
    """
    if not all(proved for name, proved in delay_lines(other).items() if name.startswith(top)):
        return False, []
    lanes = _Lanes(lane, top, sound, other)
    pairs = lanes.results()
    conditions = _stall_conditions(lane, lanes.other)
    pairs = _different(pairs + lanes.initial_states(len(own)))
    neuron = _Neuron(model, raw, lane, own, lanes.sound)
    every = [*pairs, *(pair for condition in conditions for pair in condition)]
    sweep = Sweep(lanes.graph, [number for pair in every for number in pair], neuron.assumed)
    sweep.run(None, PATIENCE_MS)
    answers = neuron.compared(sweep, pairs, 10 * PATIENCE_MS)
    same = all(answer.proved for answer in answers)
    if same and any(all(sweep.equal(a, b).proved for a, b in condition) for condition in conditions):
        return True, []
    if neuron.drive is None:
        return False, []
    if same:  # a difference can show during a stall only
        pairs = lanes.stalled_results()
        sweep = Sweep(lanes.graph, [number for pair in pairs for number in pair], neuron.assumed)
        answers = neuron.compared(sweep, pairs, PATIENCE_MS)
    return False, [neuron.moment(answer) for answer in answers if answer.proved is False]


def _different(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of different nodes."""
    return [(a, b) for a, b in pairs if a != b]


def _result_names(circuit: Circuit) -> list[str]:
    """Outputs of a lane other than initial states."""
    return [name for name in circuit.outputs if not name.startswith("initial_state")]


def _stall_clocks(lane: Lane) -> range:
    """Clocks after a neuron was accepted in which the array can stall the lane: those in which the lane gives a result.

    The array stalls only while its output is valid and is not accepted.
    """
    return range(lane.latency % lane.interval or lane.interval, lane.latency + 1, lane.interval)


class _Lanes:
    """The original and the changed circuit of a lane, with the same inputs."""

    def __init__(self, lane: Lane, top: str, sound: str, other: str) -> None:
        self.lane, self.top, self.texts = lane, top, (sound, other)
        self.graph = Graph()
        self.sound, self.other = (read_lane(self.graph, text, top, lane) for text in self.texts)

    def results(self) -> list[Pair]:
        """Results, `latency` clocks after the neuron is accepted."""
        latency = self.lane.latency
        return [
            (self.sound.signal(name, latency), self.other.signal(name, latency)) for name in _result_names(self.sound)
        ]

    def stalled_results(self) -> list[Pair]:
        """Results of the original, and of the changed lane after one stall, for each clock of the stall."""
        latency = self.lane.latency
        stalled = [self.other.again(lane_inputs(self.lane, clock)) for clock in _stall_clocks(self.lane)]
        pairs = [
            (self.sound.signal(name, latency), circuit.signal(name, latency + 1))
            for circuit in stalled
            for name in _result_names(self.sound)
        ]
        return list(dict.fromkeys(pairs))  # stalls in several clocks can give the same words

    def initial_states(self, count: int) -> list[Pair]:
        """Initial states of the first neurons after a reset, from any state before it."""
        clears = self.lane.clear_clocks
        sound, other = (read_cleared(self.graph, text, self.top, clears) for text in self.texts)
        names = [name for name in self.sound.outputs if name.startswith("initial_state")]
        clocks = [clock_of_row(row, clears) for row in range(count)]
        return [(sound.signal(name, clock), other.signal(name, clock)) for name in names for clock in clocks]


class _Neuron:
    """The symbolic neuron that the lanes accept, and the assumptions about it.

    Attributes
    ----------
    state, parameters : dict of str to Word
        State and parameters of the neuron.
    drive : Word or None
        Its input; None if the lane has none.
    assumed : list of int
        Bits that are 1 if the invariants of the model hold and the parameters are within their ranges.
    """

    def __init__(
        self, model: NeuronModel[Any], raw: Any, lane: Lane, own: Sequence[Mapping[str, int]], circuit: Circuit
    ) -> None:
        self.graph, self.own = circuit.graph, own
        ports = {name.partition("$")[0]: name for name in circuit.inputs}
        self.state = members(self.graph, circuit.signal(ports["state"], 0), lane.state.shape())
        known: list[Any] = [*model.invariants(raw, Known(self.state)).values()]
        if "noise" in self.state:
            known.append(self.state["noise"] != 0)
        self.parameters: dict[str, Word] = {}
        if "parameters" in ports:
            number = circuit.signal(ports["parameters"], 0)
            self.parameters = members(self.graph, number, lane.parameters.shape())
            for name, word in self.parameters.items():
                column = [each[name] for each in own]
                known += [word >= min(column), word <= max(column)]
        self.drive = Word.of(self.graph, circuit.signal(ports["drive"], 0), True) if "drive" in ports else None
        self.assumed = [bit.number for bit in known if isinstance(bit, Word)]

    @cached_property
    def exists(self) -> int:
        """Bit that is 1 if the parameters are those of one of the lane's neurons."""
        no = Word.of(self.graph, self.graph.const(0, 1), False)
        found = no
        for each in self.own:
            fits = no == 0
            for name, word in self.parameters.items():
                fits = fits & (word == each[name])
            found = found | fits
        return found.number

    def compared(self, sweep: Sweep, pairs: Sequence[Pair], patience: int) -> list[Answer]:
        """Compare pairs of words by the solver; where it gives no answer, search for inputs with a difference."""
        answers = [sweep.equal(a, b, patience, [self.exists]) for a, b in pairs]
        unknown = [pair for pair, answer in zip(pairs, answers, strict=True) if answer.proved is None]
        if not unknown or self.drive is None or any(answer.proved is False for answer in answers):
            return answers
        limits = [*self.assumed, self.exists]
        fields = self._fields([*(number for pair in unknown for number in pair), *limits])
        return [*answers, *(Answer(False, run) for run in told_apart(self.graph, unknown, fields, limits))]

    def _fields(self, wanted: Sequence[int]) -> list[Field]:
        """Inputs of the search: fields of the state, the parameters of one neuron, and all other inputs of nodes."""
        made: list[Field] = []
        places = {name: self._place(word) for name, word in self.parameters.items()}
        if places:
            words = {
                sum((each[name] & (1 << width) - 1) << low for name, (_, low, width) in places.items())
                for each in self.own
            }
            made.append(Field(next(iter(places.values()))[0], 0, values=tuple(sorted(words))))
        made += [Field(*self._place(word)) for word in self.state.values()]
        known = {field.name for field in made}
        for number in self.graph.cone(wanted):
            node = self.graph.nodes[number]
            if node.op == "input" and node.data not in known:
                made += [Field(node.data, low, min(64, node.width - low)) for low in range(0, node.width, 64)]
        return made

    def _place(self, word: Word) -> tuple[str, int, int]:
        """Name of the input that a member is part of, its lowest bit, and its width."""
        node, low = self.graph.nodes[word.number], 0
        if node.op == "slice":
            node, low = self.graph.nodes[node.args[0]], int(node.data)
        return str(node.data), low, word.width

    def moment(self, answer: Answer) -> Moment:
        """State and input of a counterexample."""
        assert self.drive is not None
        values = self.graph.compute(answer.inputs, [word.number for word in (*self.state.values(), self.drive)])

        def read(word: Word) -> int:
            value, width = values[word.number], self.graph.width(word.number)
            return as_signed(value, width) if word.signed else value

        return Moment({name: read(word) for name, word in self.state.items()}, read(self.drive))


def _stall_conditions(lane: Lane, circuit: Circuit) -> tuple[list[Pair], list[Pair]]:
    """Two conditions, as pairs of equal words; either of them implies that stalls do not change the results of a lane.

    Both are about every clock in which the array can stall the lane.

    1. From any contents of the registers, each result is the same with a stall of one clock as without it.
    2. The register bits that the results depend on keep their values during a stall of one clock. Results may depend on
       them directly, or through other register bits in later clocks with and without further stalls.
    """
    graph, names = circuit.graph, _result_names(circuit)
    results: list[Pair] = []
    registers: list[Pair] = []
    # From the results back: masks of the register bits that they depend on, `moved` clocks after the neuron entered.
    masks: dict[str, int] = {}
    for moved in reversed(range(1, lane.latency + 1)):
        moving, stalled = circuit.again(lane_inputs(lane, None, moved)), circuit.again(lane_inputs(lane, 0, moved))
        left = lane.latency - moved
        if left == 0:
            looked = {moving.signal(name, 0): (1 << circuit.outputs[name]) - 1 for name in names}
        else:
            looked = _before(moving, masks, {})
        masks = _register_bits(circuit, looked)
        if moved not in _stall_clocks(lane):
            continue
        while (more := _register_bits(circuit, _before(stalled, masks, looked))) != masks:
            masks = more
        results += [(moving.signal(name, left), stalled.signal(name, left + 1)) for name in names]
        held = circuit.again(lane_inputs(lane, moved))
        for cell, mask in masks.items():
            width = circuit.registers[cell]
            kept = graph.const(mask, width)
            now, then = circuit.register(cell, moved), held.register(cell, moved + 1)
            registers.append((graph.op("and", width, kept, now), graph.op("and", width, kept, then)))
    return _different(results), _different(registers)


def _before(circuit: Circuit, masks: Mapping[str, int], looked: Mapping[int, int]) -> dict[int, int]:
    """Nodes that give some register bits in clock 1, with the masks of their bits, in addition to other such nodes."""
    made = dict(looked)
    for cell, mask in masks.items():
        number = circuit.register(cell, 1)
        made[number] = made.get(number, 0) | mask
    return made


def _register_bits(circuit: Circuit, looked: Mapping[int, int]) -> dict[str, int]:
    """Masks of the register bits in clock 0 that some bits of nodes depend on, by the name of the register's cell."""
    sources = {circuit.register_of(source): mask for source, mask in circuit.graph.needed(looked).items()}
    return {cell: mask for cell, mask in sources.items() if cell is not None}
