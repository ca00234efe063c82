"""Test vectors for mutants of spiking networks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Value
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import INPUT, LayerParams, SnnBitTrue, SnnParams
from neuristor.golden_model.networks.synapses import Dense
from neuristor.golden_model.neurons.lif import LIF
from neuristor.hdl.rows import pack_state
from neuristor.hdl.snn import Snn, SnnLayer, word_bits
from neuristor.hdl.tree import count_ones
from neuristor.sim.benches.snn import SnnCase
from neuristor.sim.engines.compiled import CompiledModel, pack_rows, unpack_rows
from neuristor.sim.faults.mutants import Given, Mutant, Mutated, Vectors
from neuristor.sim.faults.network_mutants.common import CommandWrapper, indistinguishable
from neuristor.sim.proofs.equal_lanes import same_pipeline
from neuristor.sim.proofs.sequences import Watch

__all__ = ["SnnDesk", "SnnPiece", "SnnVectors", "ticks_under_way"]

IDLE = 200
"""Clocks after which a network without input is idle."""
WRITTEN = 8
"""Clocks from the last output of a tick until the last state is in memory."""
SLOW = 47
"""Clocks from one output transfer to the next where outputs are accepted slowly."""


class SnnDesk(CommandWrapper):
    """Command wrapper of a spiking network; its answers are the outputs of the network.

    The commands are input words (0), and weights of each connection (1 and up, layer by layer).

    Parameters
    ----------
    snn : Snn
        The network.
    """

    def __init__(self, snn: Snn) -> None:
        self.connections = [(n, k) for n, layer in enumerate(snn.layers) for k in range(len(layer.params.connections))]
        names = [f"weight_{n}_{k}" for n, k in self.connections]
        super().__init__(snn, ["i", *names], len(Value.cast(snn.o.payload)), ["saturated", "saturations"])

    def elaborate(self, platform: object) -> Module:
        """Connect the streams; only the network itself can stall them."""
        m = Module()
        m.submodules.inner = snn = self.inner
        self.accept(m, Const(1))
        m.d.comb += [self.o.valid.eq(snn.o.valid), self.o.payload.eq(snn.o.payload), snn.o.ready.eq(self.o.ready)]
        probes = [getattr(snn, f"probe_{n}") for n in range(len(snn.layers))]
        self.observe(m, *((probe.valid, Value.cast(probe)) for probe in probes))
        return m


@dataclass(frozen=True)
class SnnPiece:
    """One run of a spiking network, from a reset on.

    Parameters
    ----------
    params : SnnParams
        The network, with the weights to write.
    inputs : ndarray of int64, shape (ticks, inputs)
        Spikes (0 or 1).
    stall_seed : int or None
        Seed of the stall pattern; None for no stalls.
    cut : int or None
        Clocks after which the circuit is reset and the run begins again; None for no reset.
    saturations : int or None
        Value that the counter of saturated updates is set to at the beginning; None to leave it.
    slow : bool
        Whether outputs are accepted so slowly that all layers stall.
    states : tuple of dict of str to ndarray of int64, shape (ticks, count), or None
        State of each layer that is written into its memory before a tick; None to write none.
    every : int
        Number of ticks from one written state to the next.
    rows : ndarray of uint8, shape (commands, bytes)
        The commands.
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
    """Vectors for a spiking network, with other weights and inputs in each piece, and with states written from outside.

    Parameters
    ----------
    case : SnnCase
        The network, and the first pieces.
    seed : int
        Seed of the random numbers.
    """

    within = "top.inner"
    counters: ClassVar[dict[str, int]] = {"saturations": 32}

    def __init__(self, case: SnnCase, seed: int = 1) -> None:
        self.component = SnnDesk(case.circuit())
        random, given = np.random.default_rng(seed), case.params

        def mixed() -> SnnParams:
            # Half of the pieces exchange weights, so that sums keep their size; half draw weights that just fit.
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
            rows = pack_rows(self._commands(params, inputs), len(self.component.i.payload))
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
            # With one length only, a bit inverted an even number of times would not be noticed.
            *(piece(1 + n % 20, 0.9, saturations=int(random.integers(1 << 32))) for n in range(40)),
            # A saturated current has an effect some ticks later, after the refractory period.
            *([steps(100, n % 3 or None, every=(3, 8)[n % 2]) for n in range(40)] if _in_step(given) else []),
        ]
        self.long = [
            *(piece(400, random.random(), stall_seed=n % 3 or None) for n in range(30)),
            *([steps(500, n % 3 or None, every=(1, 2, 4, 8)[n % 4]) for n in range(60)] if _in_step(given) else []),
        ]

    def _commands(self, params: SnnParams, inputs: NDArray[np.int64]) -> list[int]:
        """The commands of a run: weights, and the inputs."""
        wrapper, snn = self.component, self.component.inner
        made = [
            wrapper.command(1 + number, {"address": address, "chunk": chunk, "data": word})
            for number, (n, k) in enumerate(wrapper.connections)
            for chunk, words in enumerate(snn.layers[n].chunks(k, params.layers[n].connections[k]))
            for address, word in enumerate(words)
        ]
        # The number of a chunk may have values without a chunk: writes to these must have no effect.
        for number, (n, k) in enumerate(wrapper.connections):
            chunks = snn.layers[n].chunks(k)
            layout = getattr(snn, wrapper.ports[1 + number]).payload.shape()
            if len(chunks) < 1 << Shape.cast(layout["chunk"].shape).width:
                ones = (1 << Shape.cast(layout["data"].shape).width) - 1
                made += [
                    wrapper.command(1 + number, {"address": address, "chunk": len(chunks), "data": ones ^ word})
                    for address, word in enumerate(chunks[0])
                ]
        return made + [wrapper.command(0, word) for word in snn.words(inputs)]

    def play(self, circuit: CompiledModel, piece: SnnPiece, limit: int | None = None) -> Given:
        """Run a piece of the vectors; see `Vectors.play`.

        Parameters
        ----------
        circuit : CompiledModel
            The circuit, or a mutant.
        piece : SnnPiece
            The piece.
        limit : int, optional
            Largest number of clocks; unlimited by default.

        Returns
        -------
        Given
            Outputs of the circuit.
        """
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
        circuit.wait(IDLE)  # layers ahead of the last one finish
        return Given.of(circuit, *made)

    def _steps(self, circuit: CompiledModel, piece: SnnPiece, limit: int | None) -> tuple[NDArray[np.uint8], int]:
        """Run tick by tick; states are written while the network is idle."""
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
        """Name of the state memory of a layer."""
        begins = f"inner.layer_{layer}.state"
        (name,) = (each for each, (_, rows) in circuit.state.items() if each.split("$")[0] == begins and rows > 1)
        return name

    def check(self, piece: SnnPiece, given: Given) -> None:
        """Compare the outputs of the circuit with the bit-true model; see `Vectors.check`.

        Parameters
        ----------
        piece : SnnPiece
            The piece.
        given : Given
            Outputs of the circuit.

        Raises
        ------
        ValueError
            If they differ.
        """
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
        """Try to prove a mutant equivalent; see `Vectors.judge`.

        For a mutant in a lane: the lane computes the same from any state its neurons can have. Elsewhere: a step from
        any state is that of the original network, or both have equal outputs for all sequences of inputs.

        Parameters
        ----------
        made : Mutated
            The circuit and its mutants.
        mutant : Mutant
            The mutant.

        Returns
        -------
        proved : bool
            Whether the mutant is proved equivalent.
        pieces : list of SnnPiece
            Always empty: the solver gives no vectors for networks.
        """
        other = made.one(mutant)
        if found := re.match(r"top\.inner\.layer_(\d+)\.lane_(\d+)(?=\.|$)", mutant.module):
            raw, lane, own = self.component.inner.layers[int(found[1])].pipeline(int(found[2]))
            if same_pipeline(LIF, raw, lane, own, found[0], made.text, other)[0]:
                return True, []
        return indistinguishable(made.text, other, ticks_under_way(self.component.inner)), []


def ticks_under_way(snn: Snn) -> list[Watch]:
    """Invariants of recurrent connections whose ticks are one word: as many ticks are in transit as the delay says.

    Therefore the layer never waits for space. The count is in groups of neurons: those waiting for their update, those
    in the lanes, those of an incomplete word, and those of complete words.

    Parameters
    ----------
    snn : Snn
        The network inside an `SnnDesk`.

    Returns
    -------
    list of Watch
        One invariant for each such connection.
    """
    return [
        _under_way(n, k, layer)
        for n, layer in enumerate(snn.layers)
        for k, each in enumerate(layer.params.connections)
        if each.source == n and word_bits(layer.params.count, layer.plan.updates) == layer.params.count
    ]


def _under_way(n: int, k: int, layer: SnnLayer) -> Watch:
    """The invariant of recurrent connection `k` of layer `n`."""
    watch, groups, connections = Watch(), layer.plan.groups, layer.params.connections
    delay = connections[k].delay
    own, edge, scanner = f"inner.layer_{n}", f"inner.edge_{n}_{k}", f"inner.layer_{n}.scanner_{k}"

    def below(many: int) -> int:
        return max(1, (many - 1).bit_length())

    state = watch.see(f"{own}.fsm_state", 2)
    gathers, drains, updates = (state == number for number in range(3))
    group, number = watch.see(f"{own}.group", below(groups)), watch.see(f"{edge}.number", below(groups))
    lanes = watch.see(f"{own}.in_lanes", 1 + layer.pipeline(0)[1].latency)
    taken = gathers & (watch.see(f"{own}.turn", below(len(connections))) > k)
    steps = [watch.see(f"{scanner}.{name}") for name in ("arrives", "waits", "works", "o__valid")]
    last = [watch.see(f"{scanner}.{name}.last") for name in ("arrived", "waiting", "present", "o__payload")]
    words = [
        watch.see(f"{edge}.quiet", below(delay + 1)),
        watch.see(f"{edge}.fifo.inner_level", below(delay + 1)),
        *(watch.see(f"{edge}.{name}") for name in ("fifo.r_rdy", "full")),
        *steps[:-1],
        steps[-1] & last[-1],
        taken,
    ]
    total = groups * sum(words, Const(0)) + Mux(gathers, 0, groups - group) + number + count_ones(lanes)
    # Invariants that it depends on: a tick begins with group 0, and each word is the last of a tick.
    watch.broken = Cat(
        total != groups * delay,
        ~(gathers | drains | updates),
        ~updates & (group != 0),
        *(step & ~ends for step, ends in zip(steps[:-1], last[:-1], strict=True)),
    ).any()
    return watch


def _in_step(params: SnnParams) -> bool:
    """Whether the network is idle after the last layer's output: no layer runs ahead, and the last depends on all."""
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
    """Draw weights, shape (count, inputs), whose magnitudes add up to at most `most` for each neuron."""
    high = (1 << bits - 1) - 1
    alike = random.choice([-1, 1], (shape[0], 1))
    signs = alike * np.where(random.random((shape[0], 1)) < 0.5, 1, random.choice([-1, 1], shape))
    # In half of the rows weights are as large as possible, so that sums reach their bounds.
    least = np.where(random.random((shape[0], 1)) < 0.5, high, 0)
    drawn = signs * random.integers(least, high, shape, endpoint=True)
    order = random.permuted(np.broadcast_to(np.arange(shape[1]), shape), axis=1)
    sums = np.cumsum(np.abs(np.take_along_axis(drawn, order, axis=1)), axis=1)
    kept = np.zeros(shape, dtype=bool)
    np.put_along_axis(kept, order, sums <= most[:, None], axis=1)
    return np.asarray(drawn * kept)


def _near(random: np.random.Generator, levels: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Draw numbers near some levels."""
    return np.asarray(random.choice(levels, shape) + random.choice([-3, -2, -1, 0, 0, 0, 0, 1, 2, 3], shape))


def _states(random: np.random.Generator, layer: LayerParams, ticks: int) -> dict[str, NDArray[np.int64]]:
    """Draw states of a layer, shape (ticks, count) each, of all kinds that the golden model does not exclude."""
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
        # In some ticks all neurons are equal: all spike, or none is refractory.
        same = np.zeros((ticks, 1)) if name == "refractory" else _near(random, some, (ticks, 1))
        made[name] = np.where(random.random((ticks, 1)) < 0.5, same, made[name]).clip(low, high).astype(np.int64)
    return made
