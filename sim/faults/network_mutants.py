"""Mutants of networks: what `neuristor.sim.faults.mutants` runs them against.

A network has many ports. A *desk* in front of it takes one stream of orders and gives one of answers, which is what a
compiled model can play; what the network shows beside them goes, event for event, into a signature.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.networks.snn import INPUT, LayerParams, SnnBitTrue, SnnParams
from neuristor.golden_model.networks.synapses import Dense
from neuristor.golden_model.neurons.lif import LIF
from neuristor.golden_model.noise import first_states
from neuristor.hdl.onn import Onn
from neuristor.hdl.rows import pack_state
from neuristor.hdl.snn import Snn, SnnLayer, word_bits
from neuristor.hdl.tree import count_ones
from neuristor.sim.benches.onn import OnnCase, Stretch
from neuristor.sim.benches.snn import SnnCase
from neuristor.sim.engines.compiled import CompiledModel, pack_rows, unpack_rows
from neuristor.sim.faults.mutants import Given, Mutant, Mutated, Vectors
from neuristor.sim.proofs.proof import same_pipeline, same_step
from neuristor.sim.proofs.sequences import Watch, same_from_start

__all__ = ["OnnVectors", "SnnVectors", "ticks_under_way"]

LONGEST = 100_000
"""Clocks that a network may be busy with one order."""
IDLE = 200
"""Clocks after which nothing moves in a network that is given nothing."""
WRITTEN = 8
"""Clocks after which the last state of a tick is in memory, once it was given."""
SLOW = 47
"""Clocks from one transfer to the next where what comes out is taken slowly."""


class _Desk(wiring.Component):
    """Takes orders for a network.

    Parameters
    ----------
    inner : Component
    ports : sequence of str
        Its streams that take orders, by their numbers.
    answer : int
        Bits of an answer.
    counters : sequence of str
        Outputs that are handed on.
    """

    i: Any
    o: Any
    seen: Signal

    def __init__(self, inner: Any, ports: Sequence[str], answer: int, counters: Sequence[str] = ()) -> None:
        self.inner, self.ports, self.counters = inner, list(ports), list(counters)
        self.kind_bits = len(self.ports).bit_length()
        widest = max(32, *(len(Value.cast(getattr(inner, name).payload)) for name in self.ports))
        super().__init__(
            {
                "i": In(stream.Signature(self.kind_bits + widest)),
                "o": Out(stream.Signature(answer)),
                "seen": Out(32),
            }
            | {name: Out(len(getattr(inner, name))) for name in counters}
        )

    def order(self, kind: int, value: Any) -> int:
        """The word of an order: what is for the port of a number, or another order."""
        if kind < len(self.ports):
            value = Const.cast(Const(value, getattr(self.inner, self.ports[kind]).payload.shape())).value
        return int(kind | value << self.kind_bits)

    def taken(self, m: Module, may: Value) -> tuple[Value, Value]:
        """Hand orders on while they may come; the number of the port they are for, and what they say."""
        kind, word = self.i.payload[: self.kind_bits], self.i.payload[self.kind_bits :]
        ready = Signal(init=1)
        with m.Switch(kind):
            for number, name in enumerate(self.ports):
                with m.Case(number):
                    m.d.comb += ready.eq(getattr(self.inner, name).ready)
        m.d.comb += self.i.ready.eq(ready & may)
        for number, name in enumerate(self.ports):
            port = getattr(self.inner, name)
            payload = Value.cast(port.payload)
            m.d.comb += [payload.eq(word[: len(payload)]), port.valid.eq(self.i.valid & may & (kind == number))]
        return kind, word

    def shows(self, m: Module, *events: tuple[Value, Value]) -> None:
        """Put words into the signature while they are valid: one wrong bit changes it."""
        folded: Value = self.seen.rotate_left(1)
        for valid, word in events:
            for low in range(0, len(word), 32):
                folded = folded ^ Mux(valid, word[low : low + 32], 0)
        with m.If(Cat(valid for valid, _ in events).any()):
            m.d.sync += self.seen.eq(folded)
        m.d.comb += [getattr(self, name).eq(getattr(self.inner, name)) for name in self.counters]


class OnnDesk(_Desk):
    """An oscillator network: each order is answered with the whole state, once the network is idle again."""

    BEGIN = 3

    def __init__(self, onn: Onn) -> None:
        self.fields = {
            name: len(Value.cast(getattr(onn, name)))
            for name in ("tick", "changed", "toggles", "settled", "phases", "outputs", "references", "totals")
        }
        super().__init__(onn, ["weight", "phase", "advance"], sum(self.fields.values()))

    def elaborate(self, platform: object) -> Module:
        """An order at a time."""
        m = Module()
        m.submodules.inner = onn = self.inner
        asked = Signal()
        may = ~asked & ~onn.busy
        kind, word = self.taken(m, may)
        m.d.comb += [
            onn.begin.eq(self.i.valid & may & (kind == self.BEGIN)),
            onn.seed.eq(word),
            self.o.valid.eq(asked & ~onn.busy),
            self.o.payload.eq(Cat(getattr(onn, name) for name in self.fields)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += asked.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += asked.eq(0)
        self.shows(m, (onn.toggled.valid, Value.cast(onn.toggled)))
        return m


class SnnDesk(_Desk):
    """A spiking network: spikes, or weights of a connection; answers are what it gives."""

    def __init__(self, snn: Snn) -> None:
        self.connections = [(n, k) for n, layer in enumerate(snn.layers) for k in range(len(layer.params.connections))]
        names = [f"weight_{n}_{k}" for n, k in self.connections]
        super().__init__(snn, ["i", *names], len(Value.cast(snn.o.payload)), ["saturated", "saturations"])

    def elaborate(self, platform: object) -> Module:
        """Nothing waits but for the network itself."""
        m = Module()
        m.submodules.inner = snn = self.inner
        self.taken(m, Const(1))
        m.d.comb += [self.o.valid.eq(snn.o.valid), self.o.payload.eq(snn.o.payload), snn.o.ready.eq(self.o.ready)]
        probes = [getattr(snn, f"probe_{n}") for n in range(len(snn.layers))]
        self.shows(m, *((probe.valid, Value.cast(probe)) for probe in probes))
        return m


@dataclass(frozen=True)
class OnnPiece:
    """A way through a network of oscillators.

    Attributes
    ----------
    params : OnnParams
    phases : ndarray of int64, shape (count,)
    seed : int
    stretches : tuple of Stretch
    stall_seed : int or None
    cut : int or None
        Clocks of the last stretch after which a reset comes; then all begins anew.
    counted : dict of str to int
        What counters are set to after the beginning.
    rows : ndarray of uint8
        The orders.
    """

    params: OnnParams
    phases: NDArray[np.int64]
    seed: int
    stretches: tuple[Stretch, ...]
    stall_seed: int | None = None
    cut: int | None = None
    counted: dict[str, int] = field(default_factory=dict)
    rows: NDArray[np.uint8] = field(kw_only=True)


class OnnVectors(Vectors):
    """For a network of oscillators: other weights, phases, noise and stretches in each piece.

    Parameters
    ----------
    case : OnnCase
        Its first piece.
    seed : int
    """

    within = "top.inner"
    counters: ClassVar[dict[str, int]] = {"tick": 32, "changed": 32, "toggles": 48}

    def __init__(self, case: OnnCase, seed: int = 1) -> None:
        self.component = OnnDesk(Onn(case.params, case.parts))
        random, given = np.random.default_rng(seed), case.params
        high = (1 << given.weight_bits - 1) - 1
        low = -high - 1

        def made(params: OnnParams, phases: NDArray[np.int64], number: int, way: Any, **more: Any) -> OnnPiece:
            rows = pack_rows(self._orders(params, phases, number, way), len(self.component.i.payload))
            return OnnPiece(params, phases, number, way, rows=rows, **more)

        def piece(stretches: int, density: float, **more: Any) -> OnnPiece:
            drawn = random.integers(low, high, given.weights.shape, endpoint=True)
            if random.random() < 0.3:
                drawn = random.choice([low, high, 0, -1, 1], given.weights.shape)
            weights = drawn * (random.random(drawn.shape) < density)
            most = (1 << given.noise_bits) - 1
            few = [0, 1, 1, 2, 3, given.half]
            way = [
                Stretch(
                    int(random.choice([*few, int(random.integers(1, 5 * given.half)), int(random.integers(400))])),
                    int(random.choice([0, 1, most, int(random.integers(most + 1))])) if most else 0,
                    int(random.choice([0, 1, 2, given.half - 1, given.half, given.half])),
                )
                for _ in range(stretches)
            ]
            phases = random.integers(0, given.raw.period, given.count)
            number = int(random.integers(1 << 31))
            return made(replace(given, weights=weights), phases, number, tuple(way), **more)

        def counted(value: int) -> dict[str, int]:
            ticks = value & 0x7FFF_FFFF & -given.raw.period
            return {"tick": ticks, "changed": ticks, "toggles": value & (1 << 48) - 1}

        own = made(given, case.phases, case.seed, tuple(case.stretches))
        self.pieces = [
            own,
            *(piece(6, density) for density in (0.0, 0.2, 0.5, 1.0)),
            *(piece(3, 0.6, cut=clocks) for clocks in range(24)),
            *(piece(12, density, stall_seed=n) for n, density in enumerate((0.1, 0.3, 0.6, 1.0))),
            *(piece(20, random.random()) for _ in range(60)),
            # Each bit of the counters goes up and down. A tick has its place in the period.
            *(piece(3, 0.6, counted=counted((1 << bit) - 1)) for bit in range(given.phase_bits, 49)),
            *(piece(4, 0.6, counted=counted(0x5555_5555_5555 << shift)) for shift in (0, 1)),
        ]
        self.long = [piece(40, random.random()) for _ in range(400)]

    def _orders(
        self, params: OnnParams, phases: NDArray[np.int64], seed: int, stretches: Sequence[Stretch]
    ) -> list[int]:
        desk, onn = self.component, self.component.inner
        made = [
            desk.order(0, {"chunk": chunk, "column": column, "data": onn.word(params.weights, column, chunk)})
            for column in range(params.count)
            for chunk in range(onn.chunks)
        ]
        made += [desk.order(1, {"oscillator": n, "value": phase}) for n, phase in enumerate(phases.tolist())]
        made.append(desk.order(desk.BEGIN, int(first_states(seed, 1)[0])))
        for ticks, noise, window in stretches:
            made.append(desk.order(2, {"ticks": ticks, "settle": 0, "noise": noise, "window": window}))
        return made

    def play(self, circuit: CompiledModel, piece: OnnPiece, limit: int | None = None) -> Given:
        """As `Vectors.play`."""
        circuit.reset()
        rows = piece.rows
        if piece.cut is not None:
            circuit.exchange(rows, len(rows) - 1, max_cycles=limit, idle_limit=LONGEST)
            circuit.wait(piece.cut)
            circuit.reset(1 + piece.cut % 2)
        begun = len(rows) - len(piece.stretches)
        first, passed = circuit.exchange(rows[:begun], stall_seed=piece.stall_seed, max_cycles=limit)
        for name, value in piece.counted.items():
            self.set_counter(circuit, name, value)
        rest, clocks = circuit.exchange(rows[begun:], stall_seed=piece.stall_seed, max_cycles=limit, idle_limit=LONGEST)
        return Given.of(circuit, np.concatenate([first, rest]), passed + clocks)

    def check(self, piece: OnnPiece, given: Given) -> None:
        """As `Vectors.check`."""
        model = OnnBitTrue(piece.params, piece.phases, piece.seed)
        answers = unpack_rows(given.rows)[-1 - len(piece.stretches) :]
        self._compare(model, answers[0], 0)
        model.tick = piece.counted.get("tick", model.tick)
        for name in set(piece.counted) - {"tick"}:
            getattr(model, name)[:] = piece.counted[name]
        for number, (answer, stretch) in enumerate(zip(answers[1:], piece.stretches, strict=True), start=1):
            for _ in range(stretch.ticks):
                model.step(stretch.noise, stretch.window)
            self._compare(model, answer, number)

    def _compare(self, model: OnnBitTrue, answer: int, number: int) -> None:
        if answer != self._snapshot(model):
            raise ValueError(f"the circuit itself is not its model after {number} stretches of ticks")

    def _snapshot(self, model: OnnBitTrue) -> int:
        made = at = 0
        own: dict[str, Any] = {
            "tick": [model.tick],
            "changed": model.changed,
            "toggles": model.toggles,
            "settled": model.settled,
        }
        own |= {"phases": model.phase[0], "outputs": model.output[0]}
        own |= {"references": model.reference[0], "totals": model.total[0]}
        for name, width in self.component.fields.items():
            words = [int(word) for word in own[name]]
            each = width // len(words)
            for word in words:
                made |= (word & ((1 << each) - 1)) << at
                at += each
        return made

    def judge(self, made: Mutated, mutant: Mutant) -> tuple[bool, list[OnnPiece]]:
        """As `Vectors.judge`: a step is that of the sound network, or no sequence of inputs tells them apart."""
        return _same(made.text, made.one(mutant)), []


@dataclass(frozen=True)
class SnnPiece:
    """What a spiking network hears.

    Attributes
    ----------
    params : SnnParams
        With weights that are written before.
    inputs : ndarray of int64, shape (ticks, inputs)
    stall_seed : int or None
    cut : int or None
        Clocks after which a reset comes; then all begins anew.
    saturations : int or None
        What the counter of clamped updates is set to beforehand.
    slow : bool
        Whether what comes out is taken so slowly that all layers wait for it.
    states : tuple of dict of ndarray of int64, shape (ticks, count), or None
        What is put into the memory of each layer before a tick.
    every : int
        Ticks from one state that is put in to the next.
    rows : ndarray of uint8
        The orders.
    """

    params: SnnParams
    inputs: NDArray[np.int64]
    stall_seed: int | None = None
    cut: int | None = None
    saturations: int | None = None
    slow: bool = False
    states: tuple[dict[str, NDArray[np.int64]], ...] | None = None
    every: int = 1
    rows: NDArray[np.uint8] = field(kw_only=True)


class SnnVectors(Vectors):
    """For a spiking network: other weights, other inputs, and states put in from outside, in each piece.

    Parameters
    ----------
    case : SnnCase
        Its first pieces.
    seed : int
    """

    within = "top.inner"
    counters: ClassVar[dict[str, int]] = {"saturations": 32}

    def __init__(self, case: SnnCase, seed: int = 1) -> None:
        self.component = SnnDesk(case.circuit())
        random, given = np.random.default_rng(seed), case.params

        def mixed() -> SnnParams:
            # Half of them exchange their weights, so that sums stay as large as they were; half get what just fits.
            anew = random.random() < 0.5
            layers = []
            for layer in given.layers:
                connections = []
                room_left = np.full(layer.count, (1 << layer.sum_bits - 1) - 1)
                for each in layer.connections:
                    synapses = each.synapses
                    if isinstance(synapses, Dense) and anew:
                        scale = 1 << (each.shift - layer.least_shift)
                        values = _fitting(random, synapses.values.shape, each.weight_bits, room_left // scale)
                        room_left = room_left - scale * np.abs(values).sum(axis=1)
                        synapses = synapses.with_values(values)
                    elif isinstance(synapses, Dense):
                        synapses = synapses.with_values(random.permuted(synapses.values, axis=1))
                    connections.append(replace(each, synapses=synapses))
                other = replace(layer, connections=tuple(connections), sum_bits_least=layer.sum_bits)
                layers.append(other if other.sum_bits == layer.sum_bits else layer)
            return replace(given, layers=tuple(layers))

        def made(params: SnnParams, inputs: NDArray[np.int64], **more: Any) -> SnnPiece:
            rows = pack_rows(self._orders(params, inputs), len(self.component.i.payload))
            return SnnPiece(params, inputs, rows=rows, **more)

        def piece(ticks: int, density: float, **more: Any) -> SnnPiece:
            return made(mixed(), (random.random((ticks, given.inputs)) < density).astype(np.int64), **more)

        def steps(ticks: int, stall_seed: int | None = None, every: int = 1) -> SnnPiece:
            states = tuple(_states(random, layer, ticks) for layer in given.layers)
            return piece(ticks, random.random(), stall_seed=stall_seed, states=states, every=every)

        runs = case.inputs.shape[1]
        self.pieces = [
            *(made(given, case.inputs[:, run]) for run in range(runs)),
            *(made(given, case.inputs[:, run], stall_seed=run) for run in range(runs)),
            *(piece(12, density) for density in (0.0, 0.1, 0.5, 0.9, 1.0)),
            *(piece(5, 0.5, cut=clocks) for clocks in range(0, 60, 3)),
            *(piece(20, 0.6, saturations=start) for start in (0xFFFF_FFFF, 0x5555_5555, 0xAAAA_AAAA, 0xFFFF_FFFE)),
            *(piece(20, 0.9, saturations=(1 << bit) - 1) for bit in range(1, 33)),
            *(piece(40, random.random(), stall_seed=n) for n in range(10)),
            *(piece(100, random.random()) for _ in range(20)),
            *(piece(60, 0.5 + random.random() / 2, slow=True) for _ in range(20)),
            *([steps(100, n % 3 or None) for n in range(20)] if _in_step(given) else []),
            # A bit that is inverted an even number of times is what it was.
            *(piece(1 + n % 20, 0.9, saturations=int(random.integers(1 << 32))) for n in range(40)),
            # What a current was clamped to shows some ticks later, once the neuron has spiked and waited.
            *([steps(100, n % 3 or None, every=(3, 8)[n % 2]) for n in range(40)] if _in_step(given) else []),
        ]
        self.long = [
            *(piece(400, random.random(), stall_seed=n % 3 or None) for n in range(30)),
            *([steps(500, n % 3 or None, every=(1, 2, 4, 8)[n % 4]) for n in range(60)] if _in_step(given) else []),
        ]

    def _orders(self, params: SnnParams, inputs: NDArray[np.int64]) -> list[int]:
        desk, snn = self.component, self.component.inner
        made = [
            desk.order(1 + number, {"address": address, "chunk": chunk, "data": word})
            for number, (n, k) in enumerate(desk.connections)
            for chunk, words in enumerate(snn.layers[n].chunks(k, params.layers[n].connections[k]))
            for address, word in enumerate(words)
        ]
        # There may be room in the number of a chunk for one that there is not.
        for number, (n, k) in enumerate(desk.connections):
            chunks = snn.layers[n].chunks(k)
            layout = getattr(snn, desk.ports[1 + number]).payload.shape()
            if len(chunks) < 1 << Shape.cast(layout["chunk"].shape).width:
                ones = (1 << Shape.cast(layout["data"].shape).width) - 1
                made += [
                    desk.order(1 + number, {"address": address, "chunk": len(chunks), "data": ones ^ word})
                    for address, word in enumerate(chunks[0])
                ]
        return made + [desk.order(0, word) for word in snn.words(inputs)]

    def play(self, circuit: CompiledModel, piece: SnnPiece, limit: int | None = None) -> Given:
        """As `Vectors.play`."""
        circuit.reset()
        if piece.saturations is not None:
            self.set_counter(circuit, "saturations", piece.saturations)
        rows = piece.rows
        groups = len(piece.inputs) * self.component.inner.plans[-1].groups
        if piece.cut is not None:
            circuit.exchange(rows, 1, max_cycles=limit)
            circuit.wait(piece.cut)
            circuit.reset(1 + piece.cut % 2)
        if piece.states is not None:
            return Given.of(circuit, *self._steps(circuit, piece, limit))
        made = circuit.exchange(
            rows,
            groups,
            ready_pattern=b"\x01" + bytes(SLOW - 1) if piece.slow else None,
            stall_seed=piece.stall_seed,
            max_cycles=limit,
        )
        circuit.wait(IDLE)  # who is ahead of the last layer comes to an end
        return Given.of(circuit, *made)

    def _steps(self, circuit: CompiledModel, piece: SnnPiece, limit: int | None) -> tuple[NDArray[np.uint8], int]:
        """A tick after the other; states are put in while nothing moves."""
        assert piece.states is not None
        snn, ticks = self.component.inner, len(piece.inputs)
        words = len(snn.words(piece.inputs[:1]))
        first = len(piece.rows) - ticks * words
        memories = [
            (
                self._memory(circuit, n),
                pack_state(plan.params, plan.updates, {k: v[:, plan.places] for k, v in each.items()}),
            )
            for n, (plan, each) in enumerate(zip(snn.plans, piece.states, strict=True))
        ]
        circuit.exchange(piece.rows[:first], 0, max_cycles=limit)
        circuit.wait(IDLE)
        made, clocks = [], 0
        for tick in range(ticks):
            if tick % piece.every == 0:
                for name, states in memories:
                    for row, word in enumerate(states[tick]):
                        circuit.poke(name, row, word)
            given = piece.rows[first + tick * words : first + (tick + 1) * words]
            seed = None if piece.stall_seed is None else piece.stall_seed + tick
            part, passed = circuit.exchange(given, snn.plans[-1].groups, stall_seed=seed, max_cycles=limit)
            circuit.wait(WRITTEN)
            made.append(part)
            clocks += passed
        return np.concatenate(made), clocks

    @staticmethod
    def _memory(circuit: CompiledModel, layer: int) -> str:
        """The name of the memory that holds the state of a layer."""
        begins = f"inner.layer_{layer}.state"
        (name,) = (each for each, (_, rows) in circuit.state.items() if each.split("$")[0] == begins and rows > 1)
        return name

    def check(self, piece: SnnPiece, given: Given) -> None:
        """As `Vectors.check`."""
        model = SnnBitTrue(piece.params)
        snn, plan, wanted = self.component.inner, self.component.inner.plans[-1], []
        for tick, inputs in enumerate(piece.inputs):
            put_in = piece.states if piece.states is not None and tick % piece.every == 0 else ()
            for into, states in zip(model.state, put_in, strict=bool(put_in)):
                into |= {name: column[tick][None].astype(into[name].dtype) for name, column in states.items()}
            spikes = plan.grouped(model.step(inputs[None])[-1][0].astype(np.int64))
            membranes = plan.grouped(model.state[-1]["membrane"][0])
            for group in range(plan.groups):
                bits = sum(one << n for n, one in enumerate(spikes[group]))
                word = {"spikes": bits, "membranes": membranes[group], "last": group == plan.groups - 1}
                wanted.append(Const.cast(snn.o.payload.shape().const(word)).value)
        if unpack_rows(given.rows) != wanted:
            raise ValueError("the circuit itself is not its model: other spikes or membranes")
        total = (piece.saturations or 0) + int(model.saturations.sum())
        if not any(piece.params.ahead) and given.flat["saturations"] != min(total, 0xFFFF_FFFF):
            raise ValueError("the circuit itself does not count clamped updates as its model")

    def judge(self, made: Mutated, mutant: Mutant) -> tuple[bool, list[SnnPiece]]:
        """As `Vectors.judge`.

        A mutant in a lane: the lane gives the same as the sound one, from any state its neurons can be in. Elsewhere:
        a step from any state is that of the sound network, or no sequence of inputs tells them apart.
        """
        other = made.one(mutant)
        if found := re.match(r"top\.inner\.layer_(\d+)\.lane_(\d+)(?=\.|$)", mutant.module):
            raw, lane, own = self.component.inner.layers[int(found[1])].pipeline(int(found[2]))
            if same_pipeline(LIF, raw, lane, own, found[0], made.text, other)[0]:
                return True, []
        return _same(made.text, other, ticks_under_way(self.component.inner)), []


def _same(sound: str, other: str, watches: Sequence[Watch] = ()) -> bool:
    """Whether it is proved that nobody can tell: from any state, or else from those that come."""
    return same_step(sound, other) or same_from_start(sound, other, watches=watches)


def ticks_under_way(snn: Snn) -> list[Watch]:
    """From a layer to itself, as many ticks are always under way as its spikes are late, if a tick is one word.

    So the layer never waits for room. Counted in groups of neurons: those that wait to be updated, those in the lanes,
    those of a word that is not whole, and whole words.
    """
    return [
        _under_way(n, k, layer)
        for n, layer in enumerate(snn.layers)
        for k, each in enumerate(layer.params.connections)
        if each.source == n and word_bits(layer.params.count, layer.plan.updates) == layer.params.count
    ]


def _under_way(n: int, k: int, layer: SnnLayer) -> Watch:
    watch, groups, connections = Watch(), layer.plan.groups, layer.params.connections
    delay = connections[k].delay
    own, edge, scanner = f"inner.layer_{n}", f"inner.edge_{n}_{k}", f"inner.layer_{n}.scanner_{k}"

    def below(many: int) -> int:
        return max(1, (many - 1).bit_length())

    state = watch.see(f"{own}.fsm_state", 2)
    gathers, drains, updates = (state == number for number in range(3))
    group, number = watch.see(f"{own}.group", below(groups)), watch.see(f"{edge}.number", below(groups))
    lanes = watch.see(f"{own}.in_lanes", 1 + layer.pipeline(0)[1].latency)
    heard = gathers & (watch.see(f"{own}.turn", below(len(connections))) > k)
    steps = [watch.see(f"{scanner}.{name}") for name in ("arrives", "waits", "works", "o__valid")]
    last = [watch.see(f"{scanner}.{name}.last") for name in ("arrived", "waiting", "present", "o__payload")]
    words = [
        watch.see(f"{edge}.quiet", below(delay + 1)),
        watch.see(f"{edge}.fifo.inner_level", below(delay + 1)),
        *(watch.see(f"{edge}.{name}") for name in ("fifo.r_rdy", "full")),
        *steps[:-1],
        steps[-1] & last[-1],
        heard,
    ]
    total = groups * sum(words, Const(0)) + Mux(gathers, 0, groups - group) + number + count_ones(lanes)
    # What it follows from: one tick begins with group 0, and each word is the last of a tick.
    watch.broken = Cat(
        total != groups * delay,
        ~(gathers | drains | updates),
        ~updates & (group != 0),
        *(step & ~ends for step, ends in zip(steps[:-1], last[:-1], strict=True)),
    ).any()
    return watch


def _in_step(params: SnnParams) -> bool:
    """Whether nothing is under way once the last layer has given a tick: no layer is ahead, and it waits for all."""
    waiting, found = [len(params.layers) - 1], {len(params.layers) - 1}
    while waiting:
        for each in params.layers[waiting.pop()].connections:
            if each.source != INPUT and not each.delay and each.source not in found:
                found.add(each.source)
                waiting.append(each.source)
    return not any(params.ahead) and len(found) == len(params.layers)


def _fitting(
    random: np.random.Generator, shape: tuple[int, ...], bits: int, most: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Weights, shape (count, inputs), whose magnitudes add up to no more than each neuron has room for."""
    high = (1 << bits - 1) - 1
    alike = random.choice([-1, 1], (shape[0], 1))
    signs = alike * np.where(random.random((shape[0], 1)) < 0.5, 1, random.choice([-1, 1], shape))
    # In half of the rows as large as can be: sums come to their bounds.
    least = np.where(random.random((shape[0], 1)) < 0.5, high, 0)
    drawn = signs * random.integers(least, high, shape, endpoint=True)
    order = random.permuted(np.broadcast_to(np.arange(shape[1]), shape), axis=1)
    sums = np.cumsum(np.abs(np.take_along_axis(drawn, order, axis=1)), axis=1)
    kept = np.zeros(shape, dtype=bool)
    np.put_along_axis(kept, order, sums <= most[:, None], axis=1)
    return np.asarray(drawn * kept)


def _near(random: np.random.Generator, levels: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.asarray(random.choice(levels, shape) + random.choice([-3, -2, -1, 0, 0, 0, 0, 1, 2, 3], shape))


def _states(random: np.random.Generator, layer: LayerParams, ticks: int) -> dict[str, NDArray[np.int64]]:
    """States of all kinds that the golden model does not exclude."""
    made = {}
    for name, width, is_signed in layer.state_fields:
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if is_signed else (0, (1 << width) - 1)
        if name == "refractory":
            high = layer.raw.lif.refractory_ticks
        if name == "noise":
            low = 1
        drawn = random.integers(low, high, (ticks, layer.count), endpoint=True)
        some = [low, low + 1, high - 1, high, max(low, 0)]
        corners = _near(random, some, drawn.shape)
        made[name] = np.where(random.random(drawn.shape) < 0.4, corners, drawn)
        # At some times all are alike: all spike, or none waits.
        same = np.zeros((ticks, 1)) if name == "refractory" else _near(random, some, (ticks, 1))
        made[name] = np.where(random.random((ticks, 1)) < 0.5, same, made[name]).clip(low, high).astype(np.int64)
    return made
