"""Spiking networks in the circuit against the bit-true model: every state bit, any lanes, under stalls and resets."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from neuristor.golden_model.networks.snn import (
    INPUT,
    Layer,
    Network,
    Neurons,
    Projection,
    ResetRule,
    SnnBitTrue,
    SnnParams,
    Words,
    quantized,
)
from neuristor.golden_model.networks.synapses import Convolution, Dense
from neuristor.golden_model.neurons.lif import Reset
from neuristor.golden_model.variability import HEALTHY, Variability
from neuristor.hdl.snn import LayerPlan, Scanner, Snn, Source, WeightRows, places, slots


def projected(source: int, count: int, inputs: int, delay: int = 0, seed: int = 0, mean: float = 1.0) -> Projection:
    weights = np.random.default_rng([seed, count, inputs]).normal(mean, 3.0, (count, inputs))
    return Projection(source=source, synapses=Dense(weights=weights), delay=delay)


def rules() -> SnnParams:
    """Reset rules, with membranes above their threshold; with noise, spread, broken devices, refractory periods."""
    spread = Variability(threshold_d2d=0.1, stuck_on=0.1, stuck_off=0.1, dead=0.1, seed=5)
    noisy = replace(spread, threshold_c2c=0.1)
    kinds: list[tuple[ResetRule, dict[str, Any]]] = [
        ("subtract_late", {"spread": spread, "latched": 1.5, "reset": -0.25}),
        ("subtract_guarded", {"spread": noisy, "latched": 1.5, "reset": 0.25}),
        ("to_value_late", {"tau_syn": 4.0}),
        ("none", {"refractory": 2.0}),
        ("subtract_late", {"tau_syn": 2.0, "refractory": 1.0}),
    ]
    layers = tuple(
        Layer(
            name=f"{rule}_{n}",
            shape=(12,),
            neurons=Neurons(count=12, tau=8.0, reset_rule=rule, **more),
            projections=(projected(n - 1, 12, 12 if n else 9, seed=n, mean=1.0 if n else 4.0),),
        )
        for n, (rule, more) in enumerate(kinds)
    )
    return quantized(Network(dt=1.0, input_shape=(9,), layers=layers), Words(5, 12, level=0.25))


def deep() -> SnnParams:
    """Recurrent, delayed, skipping a layer; LIF, CuBa-LIF, and a read-out; a bias."""
    layers = (
        Layer(
            name="first",
            shape=(20,),
            neurons=Neurons(count=20, tau=16.0, reset_rule="subtract"),
            projections=(projected(INPUT, 20, 70), projected(0, 20, 20, 2, mean=0.0)),
            bias=np.random.default_rng(1).normal(0, 0.1, 20),
        ),
        Layer(
            name="second",
            shape=(6,),
            neurons=Neurons(count=6, tau=16.0, tau_syn=3.0),
            projections=(projected(0, 6, 20, mean=5.0), projected(INPUT, 6, 70, 1)),
        ),
        Layer(
            name="last",
            shape=(3,),
            neurons=Neurons(count=3, tau=8.0, threshold=None),
            projections=(projected(1, 3, 6),),
        ),
    )
    network = Network(dt=1.0, input_shape=(70,), layers=layers)
    return quantized(network, [Words(4, 8, level=0.75), Words(5, 9, coefficient_bits=0, level=0.5), Words(3, 12)])


def devices() -> SnnParams:
    """Refractory, noisy, broken, unlike; the current of the last tick; weights of 16 bits and of one."""
    spread = Variability(threshold_d2d=0.1, threshold_c2c=0.1, stuck_on=0.1, stuck_off=0.1, dead=0.1, seed=3)
    neurons = Neurons(count=12, tau=16.0, strict=False, reset=0.3, refractory=3.0, spread=spread, latched=0.2)
    late = Neurons(count=4, tau=8.0, tau_syn=4.0, late_current=True, refractory=1.0)
    layers = (
        Layer(name="devices", shape=(12,), neurons=neurons, projections=(projected(INPUT, 12, 9, mean=4.0),)),
        Layer(name="late", shape=(4,), neurons=late, projections=(projected(0, 4, 12, mean=9.0),)),
    )
    network = Network(dt=1.0, input_shape=(9,), layers=layers)
    return quantized(network, [Words(16, 18, level=0.5), Words(2, 8, level=0.5)])


def pictures() -> SnnParams:
    """Convolutions with stride, padding and pooling, then a dense layer of pooled spikes."""
    rng = np.random.default_rng(2)
    first = Convolution(kernel=rng.normal(0.5, 1.5, (4, 2, 3, 3)), input_shape=(2, 9, 8), stride=(2, 1), padding=(1, 1))
    second = Convolution(
        kernel=rng.normal(1, 2, (6, 4, 3, 3)), input_shape=first.output_shape, padding=(1, 0), pool=(2, 2)
    )
    channels, rows, columns = second.output_shape
    dense = Dense(
        weights=rng.normal(1, 2, (5, channels * rows * (columns // 2))), input_shape=second.output_shape, pool=(1, 2)
    )
    layers = tuple(
        Layer(
            name=str(n),
            shape=synapses.output_shape,
            neurons=Neurons(count=math.prod(synapses.output_shape), threshold=3.0),
            projections=(Projection(source=n - 1, synapses=synapses),),
        )
        for n, synapses in enumerate((first, second, dense))
    )
    return quantized(Network(dt=1.0, input_shape=(2, 9, 8), layers=layers), Words(5, 10, level=0.75))


def currents() -> SnnParams:
    """Currents from outside, and a recurrent connection."""
    first = Layer(
        name="a", shape=(8,), neurons=Neurons(count=8, tau=4.0), projections=(projected(0, 8, 8, 1, mean=0.0),)
    )
    second = Layer(name="b", shape=(2,), neurons=Neurons(count=2), projections=(projected(0, 2, 8),))
    network = Network(dt=1.0, input_shape=(8,), layers=(first, second), currents=True)
    return quantized(network, Words(4, 10, level=0.5))


def late() -> SnnParams:
    """Every connection has a delay: layers are ahead of the input."""
    neurons = Neurons(count=4, tau=4.0)
    first = Layer(name="a", shape=(4,), neurons=neurons, projections=(projected(INPUT, 4, 9, 2, mean=3.0),))
    second = Layer(name="b", shape=(3,), neurons=Neurons(count=3), projections=(projected(0, 3, 4, 3),))
    return quantized(Network(dt=1.0, input_shape=(9,), layers=(first, second)), Words(4, 10, level=0.5))


NETWORKS = {"deep": deep, "devices": devices, "pictures": pictures, "currents": currents, "late": late, "rules": rules}
PLANS: list[tuple[str, list[int], list[int] | None]] = [
    ("deep", [20, 6, 3], None),
    ("deep", [20, 6, 3], [4, 2, 1]),
    ("deep", [5, 3, 1], None),
    ("deep", [10, 2, 3], None),
    ("deep", [1, 1, 1], None),
    ("devices", [12, 4], [3, 1]),
    ("devices", [4, 2], None),
    ("pictures", [4, 6, 5], None),
    ("pictures", [2, 3, 1], None),
    ("currents", [8, 2], [4, 1]),
    ("currents", [2, 1], None),
    ("late", [4, 3], None),
    ("late", [2, 1], None),
    ("rules", [12, 12, 12, 12, 12], None),
    ("rules", [4, 6, 3, 2, 1], None),
]


def stimulus(params: SnnParams, ticks: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if params.currents:
        return rng.integers(-40, 200, (ticks, params.layers[0].count))
    return (rng.random((ticks, params.inputs)) < 0.15).astype(np.int64)


class Played:
    """A circuit and what it showed."""

    def __init__(self, circuit: Snn) -> None:
        self.circuit = circuit
        self.clocks = 0
        self.seen: list[dict[tuple[int, int], dict[str, int]]] = []
        self.spikes: list[int] = []
        self.saturations = 0

    def play(self, inputs: Any, stall: float = 0.0, seed: int = 0, before: Any = None) -> None:
        """Play all inputs, after what `before` does."""
        circuit, words = self.circuit, self.circuit.words(inputs)

        async def offer(ctx: Any) -> None:
            if before is not None:
                await before(ctx)
            rng, sent = np.random.default_rng(seed), 0
            while sent < len(words):
                offers = rng.random() >= stall
                ctx.set(circuit.i.valid, int(offers))
                if offers:
                    ctx.set(circuit.i.payload, words[sent])
                *_, ready = await ctx.tick().sample(circuit.i.ready)
                sent += int(offers and ready)
            ctx.set(circuit.i.valid, 0)

        async def watch(ctx: Any) -> None:
            rng = np.random.default_rng(seed + 1)
            self._begin()
            while len(self.spikes) < len(inputs) * circuit.plans[-1].groups:
                takes = int(rng.random() >= stall)
                ctx.set(circuit.o.ready, takes)
                probes = [getattr(circuit, f"probe_{n}") for n in range(len(circuit.plans))]
                _, _, *shown, valid, spikes = await ctx.tick().sample(*probes, circuit.o.valid, circuit.o.p.spikes)
                self.clocks += 1
                assert self.clocks < 100_000, "nothing comes any more"
                for n, probe in enumerate(shown):
                    self._see(n, probe)
                if valid and takes:
                    self.spikes.append(int(spikes))
            for _ in range(3):
                await ctx.tick()
            self.saturations = int(ctx.get(circuit.saturations))
            assert ctx.get(circuit.saturated) == int(self.saturations > 0)

        simulator = Simulator(circuit)
        simulator.add_clock(1e-6)
        simulator.add_testbench(offer, background=True)
        simulator.add_testbench(watch)
        simulator.run()

    def _begin(self) -> None:
        self.seen = [{} for _ in self.circuit.plans]
        self._ticks = [0] * len(self.circuit.plans)

    def _see(self, n: int, probe: Any) -> None:
        if not probe.valid:
            return
        plan, group = self.circuit.plans[n], int(probe.number)
        for lane in range(plan.updates):
            neuron = int(plan.places[group * plan.updates + lane])
            state = {field.name: int(probe.state[lane][field.name]) for field in plan.params.state_fields}
            self.seen[n][self._ticks[n], neuron] = state | {"spike": int(probe.spikes) >> lane & 1}
        self._ticks[n] += int(group == plan.groups - 1)


def assert_equal(played: Played, params: SnnParams, inputs: Any) -> None:
    model = SnnBitTrue(params)
    traces = model.run(inputs, keep=True)
    for n, (layer, trace) in enumerate(zip(params.layers, traces, strict=True)):
        assert len(played.seen[n]) >= len(inputs) * layer.count
        for (tick, neuron), state in played.seen[n].items():
            if tick >= len(inputs):
                continue  # ahead of the input
            for name, value in state.items():
                expected = int(trace[name][tick, 0, neuron])
                assert value == expected, f"{layer.name}, tick {tick}, neuron {neuron}: {name}"
    if not any(params.ahead):
        assert played.saturations == model.saturations.sum()


@pytest.mark.few(8)
@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(("name", "lanes", "updates"), PLANS)
def test_circuit_equals_the_model_with_any_lanes_and_under_stalls(
    name: str, lanes: Sequence[int], updates: Sequence[int] | None, stall: float
) -> None:
    params = NETWORKS[name]()
    inputs = stimulus(params, 14)
    played = Played(Snn(params, lanes, updates))
    played.play(inputs, stall)
    assert_equal(played, params, inputs)
    traces = SnnBitTrue(params).run(inputs)
    assert sum(int(trace["spike"].sum()) for trace in traces) > 20


def test_networks_cover_what_they_are_to_cover() -> None:
    """Saturation, spikes in every layer that can, noise that moves on, faults of each kind."""
    for name, make in NETWORKS.items():
        params = make()
        model = SnnBitTrue(params)
        traces = model.run(stimulus(params, 14))
        assert all(trace["spike"].any() == layer.fires for trace, layer in zip(traces, params.layers, strict=True)), (
            name
        )
        if name == "devices":
            assert set(params.layers[0].fault_raw.tolist()) >= {0, 1, 2, 3}
            assert params.layers[0].raw.lif.noise_scale_raw > 0
            assert params.layers[1].raw.late == 1
        if name == "rules":
            lif = [layer.raw.lif for layer in params.layers]
            assert {each.reset for each in lif} == set(Reset) - {Reset.SUBTRACT}  # which "deep" has
            assert lif[1].noise_scale_raw > 0
            again, above = SnnBitTrue(params), np.zeros(len(lif), dtype=int)
            for row in stimulus(params, 14):
                above += [
                    int(((state["membrane"] >= layer.threshold_raw) & (layer.fault_raw == HEALTHY)).sum())
                    for state, layer in zip(again.state, params.layers, strict=True)
                ]
                again.step(row[None])
            assert (above[[0, 1, 4]] > 3).all(), above
        if name == "deep":
            assert model.saturations.sum() > 0


def test_weights_are_written_at_run_time() -> None:
    params = currents()
    circuit = Snn(params, [2, 1])
    layer = circuit.layers[1]
    words = layer._rows[0].words()
    assert len(words) == layer._rows[0].depth
    inputs = stimulus(params, 6)
    played = Played(circuit)

    # The same weights once more, a zero matrix before: what was written last is what counts.
    async def write(ctx: Any) -> None:
        port = circuit.weight_1_0
        for value in (lambda _: 0, lambda row: row[0] & 15):
            for address, row in enumerate(words):
                ctx.set(port.payload, {"address": address, "chunk": 0, "data": value(row)})
                ctx.set(port.valid, 1)
                await ctx.tick()
        ctx.set(port.valid, 0)

    played.play(inputs, before=write)
    assert_equal(played, params, inputs)


@pytest.mark.parametrize(("count", "width"), [(1, 1), (5, 5), (32, 32), (70, 32), (33, 8), (30, 10), (64, 32)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_the_scanner_finds_every_spike_once_and_ends_every_tick(count: int, width: int, density: float) -> None:
    scanner = Scanner(count, width)
    rng = np.random.default_rng(count)
    ticks = (rng.random((4, count)) < density).astype(np.int64)
    padded = np.zeros((4, -(-count // width) * width), dtype=np.int64)
    padded[:, :count] = ticks
    padded[:, count:] = 1  # what lies beyond the last place means nothing
    words = (padded.reshape(-1, width) << np.arange(width)).sum(axis=1).tolist()
    found: list[list[int]] = [[]]
    clocks = 0

    async def offer(ctx: Any) -> None:
        sent = 0
        ctx.set(scanner.i.valid, 1)
        while sent < len(words):
            ctx.set(scanner.i.payload, words[sent])
            *_, ready = await ctx.tick().sample(scanner.i.ready)
            sent += ready
        ctx.set(scanner.i.valid, 0)

    async def take(ctx: Any) -> None:
        nonlocal clocks
        ctx.set(scanner.o.ready, 1)
        while len(found) <= 4:
            *_, valid, event = await ctx.tick().sample(scanner.o.valid, scanner.o.payload)
            clocks += 1
            assert clocks < 2000
            if valid:
                if event.fire:
                    found[-1].append(int(event.slot))
                if event.last:
                    found.append([])

    simulator = Simulator(scanner)
    simulator.add_clock(1e-6)
    simulator.add_testbench(offer, background=True)
    simulator.add_testbench(take)
    simulator.run()
    slot = slots(count, width)
    assert found[:4] == [slot[np.flatnonzero(row)].tolist() for row in ticks]
    # A clock a spike, two a word at most, and the way through.
    assert clocks <= ticks.sum() + 2 * len(words) + 8


def test_silent_inputs_cost_a_clock_a_word() -> None:
    layer = Layer(name="a", shape=(4,), neurons=Neurons(count=4), projections=(projected(INPUT, 4, 800),))
    params = quantized(Network(dt=1.0, input_shape=(800,), layers=(layer,)))

    def clocks(ticks: int, density: float) -> int:
        played = Played(Snn(params, [4], [4]))
        played.play((np.random.default_rng(0).random((ticks, 800)) < density).astype(np.int64))
        return played.clocks

    assert clocks(14, 0.0) - clocks(4, 0.0) <= 10 * (25 + 2)
    spikes = (np.random.default_rng(0).random((14, 800)) < 0.1)[4:].sum()
    assert clocks(14, 0.1) - clocks(4, 0.1) <= spikes + 10 * 20


def test_places_of_pictures_have_their_channels_side_by_side() -> None:
    assert places((4, 1, 3), 2).tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    assert places((5,), 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
@pytest.mark.parametrize(
    ("name", "lanes", "updates", "message"),
    [
        ("deep", [3, 6, 3], None, "lanes must be a divisor of the 20 neurons of first, not 3"),
        ("deep", [20, 6], None, "lanes must be 3, one for each layer, not 2"),
        ("deep", [20, 6, 3], [3, 1, 1], "updates must be a divisor of 20 lanes, not 3"),
        ("deep", [10, 6, 3], [5, 1, 1], "updates must equal the 10 lanes of first, whose sums are in block RAM, not 5"),
        ("pictures", [3, 6, 5], None, "lanes must be a divisor of the 4 channels of 0, not 3"),
    ],
)
def test_lanes_that_cannot_be_are_refused(name: str, lanes: list[int], updates: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Snn(NETWORKS[name](), lanes, updates)
    gc.collect()  # now, not in a later test


def test_all_lanes_by_default_share_at_most_eight_updates() -> None:
    plan = LayerPlan(params=deep().layers[0], lanes=20)
    assert (plan.updates, plan.groups, plan.rows) == (5, 4, 1)


def test_weights_in_memory_with_one_port_are_what_was_written() -> None:
    params = currents()
    circuit = Snn(params, [2, 1], single_port=[0, 1])
    inputs = stimulus(params, 6)

    async def write(ctx: Any) -> None:
        for n, layer in enumerate(circuit.layers):
            port = getattr(circuit, f"weight_{n}_0")
            for chunk, words in enumerate(layer._rows[0].chunks()):
                for address, word in enumerate(words):
                    ctx.set(port.payload, {"address": address, "chunk": chunk, "data": word})
                    ctx.set(port.valid, 1)
                    await ctx.tick()
            ctx.set(port.valid, 0)

    played = Played(circuit)
    played.play(inputs, before=write)
    assert_equal(played, params, inputs)


def test_room_is_left_for_weights_that_are_written_later() -> None:
    layer = Layer(name="a", shape=(4,), neurons=Neurons(count=4, tau=2.0), projections=(projected(INPUT, 4, 8),))
    made = quantized(Network(dt=1.0, input_shape=(8,), layers=(layer,)), Words(4, 12, level=0.5))

    def having(weights: Any) -> SnnParams:
        own = made.layers[0]
        connection = replace(own.connections[0], synapses=Dense(weights=weights))
        return replace(made, layers=(replace(own, connections=(connection,), sum_bits_least=8),))

    last = having(np.random.default_rng(1).integers(-8, 8, (4, 8)))
    plan = LayerPlan(params=last.layers[0], lanes=2)
    words = WeightRows(plan, last.layers[0].connections[0], Source(np.arange(8), 8)).chunks()[0]
    circuit = Snn(having(np.zeros((4, 8), dtype=np.int64)), [2])

    async def write(ctx: Any) -> None:
        for address, word in enumerate(words):
            ctx.set(circuit.weight_0_0.payload, {"address": address, "chunk": 0, "data": word})
            ctx.set(circuit.weight_0_0.valid, 1)
            await ctx.tick()
        ctx.set(circuit.weight_0_0.valid, 0)

    inputs = (np.random.default_rng(2).random((10, 8)) < 0.5).astype(np.int64)
    played = Played(circuit)
    played.play(inputs, before=write)
    assert_equal(played, last, inputs)


@pytest.mark.parametrize("stall", [0.4, 0.9])
def test_sums_in_block_ram_wait_for_lanes_that_stand_still(stall: float) -> None:
    layer = Layer(name="a", shape=(8,), neurons=Neurons(count=8, tau=16.0), projections=(projected(INPUT, 8, 9),))
    params = quantized(Network(dt=1.0, input_shape=(9,), layers=(layer,)), Words(4, 10, level=0.5))
    inputs = (np.random.default_rng(0).random((20, 9)) < 0.4).astype(np.int64)
    played = Played(Snn(params, [1]))
    played.play(inputs, stall)
    assert_equal(played, params, inputs)


def test_a_slow_layer_holds_up_the_one_before_and_changes_nothing() -> None:
    layers = (
        Layer(name="a", shape=(40,), neurons=Neurons(count=40, tau=2.0), projections=(projected(INPUT, 40, 9),)),
        Layer(name="b", shape=(64,), neurons=Neurons(count=64, tau=2.0), projections=(projected(0, 64, 40),)),
    )
    params = quantized(Network(dt=1.0, input_shape=(9,), layers=layers), Words(4, 10, level=0.5))
    inputs = (np.random.default_rng(0).random((8, 9)) < 0.4).astype(np.int64)
    played = Played(Snn(params, [8, 1]))
    played.play(inputs)
    assert_equal(played, params, inputs)


@pytest.mark.parametrize("lanes", [4, 2])
def test_noisy_devices_of_a_picture_draw_the_same_numbers(lanes: int) -> None:
    kernel = np.random.default_rng(4).normal(1, 2, (4, 1, 2, 2))
    synapses = Convolution(kernel=kernel, input_shape=(1, 4, 4))
    neurons = Neurons(count=36, tau=16.0, spread=Variability(threshold_c2c=0.1))
    layer = Layer(
        name="c",
        shape=(4, 3, 3),
        neurons=neurons,
        projections=(Projection(source=INPUT, synapses=synapses),),
    )
    params = quantized(Network(dt=1.0, input_shape=(1, 4, 4), layers=(layer,)), Words(4, 10, level=0.5))
    inputs = (np.random.default_rng(0).random((6, 16)) < 0.4).astype(np.int64)
    played = Played(Snn(params, [lanes]))
    played.play(inputs)
    assert_equal(played, params, inputs)
