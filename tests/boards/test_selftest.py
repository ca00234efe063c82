from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from neuristor.boards.selftest import OnnSelfTest, SelfTest, SnnSelfTest, generated_weights
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.onn import OnnParams
from neuristor.golden_model.networks.snn import Layer, Network, Neurons, Projection, SnnBitTrue, Words, quantized
from neuristor.golden_model.networks.synapses import Dense
from neuristor.golden_model.neurons.lif import LifBitTrue
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.neurons.relaxation_oscillator import RelaxationOscillatorArray
from neuristor.hdl.onn import Onn
from neuristor.hdl.snn import Snn
from tests.hdl.test_snn import NETWORKS, stimulus
from tests.samples.lif import lif_drive, lif_params
from tests.samples.relaxation_oscillator import oscillator_drive, oscillator_params


def play(selftest: SelfTest, extra: int = 0) -> tuple[int, int]:
    """Clocks until the self-test is done, and what it says."""
    seen: list[int] = []

    async def testbench(ctx: Any) -> None:
        clocks = 0
        while not ctx.get(selftest.done):
            await ctx.tick()
            clocks += 1
            assert clocks < 100_000
        await ctx.tick().repeat(extra + 1)
        seen.extend((clocks, ctx.get(selftest.equal)))

    simulator = Simulator(selftest)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen[0], seen[1]


@pytest.mark.parametrize(("count", "lanes"), [(1, 1), (7, 2), (10, 4), (12, 12)])
def test_self_test_says_equal_and_keeps_saying_so(vo2: Circuit, count: int, lanes: int) -> None:
    params = lif_params(vo2, "all", count=count)
    frames = lif_drive(params, 3, seed=1)
    selftest = SelfTest(LifArray(params, lanes), LifBitTrue(params), frames, ticks=20)
    clocks, equal = play(selftest, extra=200)
    assert equal == 1
    assert abs(clocks - selftest.cycles) <= 1


@pytest.mark.parametrize("field", ["threshold_raw", "raw"])
def test_self_test_says_unequal_for_other_neurons(vo2: Circuit, field: str) -> None:
    params = lif_params(vo2, "all", count=10)
    other = lif_params(vo2, "all", count=10)
    if field == "raw":
        other.__dict__["raw"] = params.raw._replace(k_raw=params.raw.k_raw + 1)
    else:
        other.__dict__["threshold_raw"] = params.threshold_raw + (np.arange(10) == 7)
    frames = np.full((2, 10), int(params.drive_raw(9e-5)))
    _, equal = play(SelfTest(LifArray(params, 4), LifBitTrue(other), frames, ticks=80))
    assert equal == 0


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
def test_self_test_needs_a_stimulus(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=2)
    array = LifArray(params, 1)
    with pytest.raises(ValueError, match="frames and ticks must be at least 1, not 0 frames of 5 ticks"):
        SelfTest(array, LifBitTrue(params), np.zeros((0, 2), dtype=np.int64), ticks=5)
    play(SelfTest(array, LifBitTrue(params), lif_drive(params, 1, seed=1), ticks=1))
    gc.collect()


@pytest.mark.parametrize("variant", ["all", "resistors", "capacitor chain"])
def test_self_test_of_oscillators_says_equal(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=7)
    frames = oscillator_drive(params, 2, seed=1)
    selftest = SelfTest(RelaxationOscillatorArray(params, 2), RelaxationOscillatorBitTrue(params), frames, ticks=80)
    clocks, equal = play(selftest, extra=200)
    assert equal == 1
    assert abs(clocks - selftest.cycles) <= 1
    other = oscillator_params(oscillator, variant, count=7)
    other.__dict__["threshold_raw"] = params.threshold_raw - 40
    selftest = SelfTest(RelaxationOscillatorArray(params, 2), RelaxationOscillatorBitTrue(other), frames, ticks=80)
    assert play(selftest)[1] == 0


@pytest.mark.few(1)
@pytest.mark.parametrize(("count", "parts", "noise"), [(2, 1, 0), (40, 2, 0), (40, 1, 20)])
def test_self_test_of_an_oscillator_network(count: int, parts: int, noise: int) -> None:
    rng = np.random.default_rng(count)
    weights, phases = rng.integers(-16, 16, (count, count)), rng.integers(0, 16, count)
    params = OnnParams(weights=weights, noise_bits=5 if noise else 0)
    window = 1 if noise else None
    assert play(OnnSelfTest(Onn(params, parts), phases, 100, noise, window, seed=3), extra=3000)[1] == 1
    weights[0] = -1 - weights[0]
    other = OnnSelfTest(
        Onn(OnnParams(weights=weights, noise_bits=params.noise_bits), parts), phases, 100, noise, window
    )
    play(other)
    selftest = OnnSelfTest(Onn(params, parts), phases, 100, noise, window, seed=3)
    selftest.expected_crc = other.expected_crc
    assert play(selftest)[1] == 0


@pytest.mark.extended
def test_self_test_of_a_spiking_network() -> None:
    for name, lanes in (("deep", [20, 6, 3]), ("pictures", [2, 3, 1]), ("currents", [2, 1])):
        params = NETWORKS[name]()
        inputs = stimulus(params, 8)
        good = SnnSelfTest(Snn(params, lanes), inputs)
        assert play(good, extra=300)[1] == 1
        layer = params.layers[-1]
        wrong = replace(layer, threshold_raw=layer.threshold_raw - 1, bias_raw=layer.bias_raw + 1)
        other = Snn(replace(params, layers=(*params.layers[:-1], wrong)), lanes)
        selftest = SnnSelfTest(other, inputs)
        selftest.expected_crc = good.expected_crc
        assert play(selftest)[1] == 0


def test_self_test_makes_the_weights_of_memory_without_initial_values() -> None:
    shapes = ((40, 12, 4), (12, 6, 2))
    made = generated_weights([(inputs, count // lanes, lanes) for inputs, count, lanes in shapes], 4)
    layers = []
    for n, weights in enumerate(made):
        neurons = Neurons(count=len(weights), threshold=9.0)
        synapses = Dense(weights=weights.astype(float))
        layers.append(
            Layer(
                name=str(n),
                shape=(len(weights),),
                neurons=neurons,
                projections=(Projection(source=n - 1, synapses=synapses),),
            )
        )
    params = quantized(Network(dt=1.0, input_shape=(40,), layers=tuple(layers)), Words(4, 9))
    params = replace(
        params,
        layers=tuple(
            replace(layer, connections=(replace(layer.connections[0], synapses=Dense(weights=weights)),))
            for layer, weights in zip(params.layers, made, strict=True)
        ),
    )
    inputs = (np.random.default_rng(0).random((10, 40)) < 0.3).astype(np.int64)
    assert SnnBitTrue(params).run(inputs)[-1]["spike"].any()
    assert play(SnnSelfTest(Snn(params, [4, 2], single_port=[0, 1]), inputs))[1] == 1
