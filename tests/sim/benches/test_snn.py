"""Spiking networks as Verilog against the bit-true model, on both simulators; and that a broken one is caught."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.networks.datasets import digits, mnist
from neuristor.golden_model.networks.encoding import rate
from neuristor.golden_model.networks.nir_graph import read
from neuristor.golden_model.networks.quantization import accuracy, answers, calibrated, reference_answers
from neuristor.golden_model.networks.snn import SnnParams, quantized
from neuristor.golden_model.neurons.lif import Reset
from neuristor.sim.benches.snn import SnnCase, verify
from neuristor.sim.benches.verify import available
from tests.hdl.test_snn import NETWORKS, stimulus
from tests.marks import the_rest_is_slow
from tests.sim.faults.injected import Bug, injected

EXAMPLES = Path(__file__).parents[3] / "examples"
NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}


def case(name: str, lanes: Sequence[int], ticks: int = 12) -> SnnCase:
    params = NETWORKS[name]()
    inputs = np.stack([stimulus(params, ticks, seed) for seed in range(2)], axis=1)
    return SnnCase(params=params, lanes=lanes, inputs=inputs)


# Icarus has all of them, Verilator those that differ most; it compiles for half a minute.
RUNS = [
    ("deep", [20, 6, 3], "icarus"),
    ("deep", [5, 3, 1], "icarus"),
    ("devices", [12, 4], "icarus"),
    ("devices", [4, 2], "verilator"),
    ("pictures", [4, 6, 5], "icarus"),
    ("pictures", [2, 3, 1], "verilator"),
    ("currents", [8, 2], "verilator"),
    ("currents", [8, 2], "icarus"),
    ("late", [2, 1], "icarus"),
    ("rules", [12, 6, 4, 3, 2], "icarus"),
    ("rules", [12, 6, 4, 3, 2], "verilator"),
]


QUICK = [("devices", [12, 4], "icarus")]
EXTENDED = [run for run in RUNS if run in (("late", [2, 1], "icarus"), ("currents", [8, 2], "verilator"))]


@pytest.mark.parametrize(("name", "lanes", "simulator"), the_rest_is_slow(RUNS, QUICK, NEEDS, EXTENDED))
def test_verilog_equals_the_model(name: str, lanes: Sequence[int], simulator: str) -> None:
    result = verify(case(name, lanes), simulator)
    result.check()
    assert result.tests == 3


def digits_network(weight_bits: int, membrane_bits: int) -> SnnParams:
    network, pictures = read(EXAMPLES / "digits.nir", 1e-3).network, digits()
    words = calibrated(network, rate(pictures.train[:100], 16, 1, 0.5), weight_bits, membrane_bits)
    return quantized(network, words)


@pytest.mark.parametrize("simulator", the_rest_is_slow(NEEDS, [], NEEDS, ["icarus"]))
def test_digits_from_a_nir_file_to_verilog(simulator: str) -> None:
    params = digits_network(4, 8)
    inputs = rate(digits().test[:4], 16, 0, 0.5).astype(np.int64)
    verify(SnnCase(params=params, lanes=[64, 10], inputs=inputs), simulator).check()


def test_digits_keep_their_accuracy_over_the_whole_test_split() -> None:
    network, pictures = read(EXAMPLES / "digits.nir", 1e-3).network, digits()
    spikes = rate(pictures.test, 16, 0, 0.5)
    expected = accuracy(reference_answers(network, spikes), pictures.test_labels)
    assert expected > 0.92
    assert accuracy(answers(digits_network(6, 9), spikes), pictures.test_labels) > expected - 0.005
    assert accuracy(answers(digits_network(4, 8), spikes), pictures.test_labels) > expected - 0.01


@pytest.mark.extended
def test_mnist_loses_at_most_half_a_point() -> None:
    network, pictures = read(EXAMPLES / "mnist.nir", 1e-3).network, mnist()
    spikes = rate(pictures.test, 25, 0, 0.75)
    expected = accuracy(reference_answers(network, spikes), pictures.test_labels)
    params = quantized(network, calibrated(network, rate(pictures.train[:100], 25, 1, 0.75), 6, 9))
    assert accuracy(answers(params, spikes), pictures.test_labels) >= expected - 0.005


@pytest.mark.slow
@NEEDS["verilator"]
def test_mnist_over_a_hundred_pictures_on_verilator() -> None:
    network, pictures = read(EXAMPLES / "mnist.nir", 1e-3).network, mnist()
    params = quantized(network, calibrated(network, rate(pictures.train[:100], 25, 1, 0.75), 4, 6, coefficient_bits=0))
    inputs = rate(pictures.test[:100], 25, 0, 0.75).astype(np.int64)
    verify(SnnCase(params=params, lanes=[128, 10], inputs=inputs), "verilator").check()


LATE = {
    "order": (
        "owed.eq(Mux(above, size, 0))",
        "owed.eq(Mux((self.state.membrane >= self.parameters.threshold) & healthy, size, 0))",
    ),
    "rounding": (
        "size.eq(self.parameters.threshold - raw.hold_raw)",
        "size.eq(self.parameters.threshold - raw.hold_raw - 1)",
    ),
    "handshake": ("with m.If(self.enable):", "with m.If(1):"),
}
"""Changes of the resets that act in the next tick: a stage early, one step less, and not held in a stall."""


@NEEDS["icarus"]
@pytest.mark.parametrize("what", the_rest_is_slow(LATE, [], extended=["order"]))
def test_a_wrong_late_reset_is_caught(what: str) -> None:
    whole = case("rules", [12, 6, 4, 3, 2])
    sound = whole.verilog()
    with injected(Bug("reset rules", what, "hdl.neurons.lif:LifLane._owe", *LATE[what])):
        wrong = whole.verilog()
    assert wrong != sound
    assert not verify(whole, "icarus", verilog=wrong).passed


@NEEDS["icarus"]
@pytest.mark.parametrize(
    "what", the_rest_is_slow(["threshold", "leak", "weight", "reset rule"], [], extended=["leak", "weight"])
)
def test_a_broken_circuit_is_caught(what: str) -> None:
    """The circuit of another network: one threshold, one coefficient, one weight or the rule apart."""
    whole = case("deep", [20, 6, 3], 10)
    layer = whole.params.layers[0]
    if what == "threshold":
        changed = layer.threshold_raw.copy()
        changed[7] += 1
        other = replace(layer, threshold_raw=changed)
    elif what == "leak":
        lif = layer.raw.lif
        other = replace(layer, raw=layer.raw._replace(lif=lif._replace(k_shift=lif.k_shift + 1)))
    elif what == "reset rule":
        lif = layer.raw.lif._replace(reset=Reset.SUBTRACT_LATE)
        other = replace(layer, raw=layer.raw._replace(lif=lif))
    else:
        values = layer.connections[0].synapses.values.copy()
        values[3, 11] = -1 - values[3, 11]
        first = replace(layer.connections[0], synapses=layer.connections[0].synapses.with_values(values))
        other = replace(layer, connections=(first, *layer.connections[1:]))
    broken = replace(whole, params=replace(whole.params, layers=(other, *whole.params.layers[1:])))
    result = verify(whole, "icarus", verilog=broken.verilog())
    assert not result.passed
    assert re.search(r"first, tick \d+, neuron \d+", result.messages[0])
