"""Words that are fitted to data, and what fixed point changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.design_file import load
from neuristor.golden_model.networks.datasets import digits
from neuristor.golden_model.networks.encoding import rate
from neuristor.golden_model.networks.nir_graph import read
from neuristor.golden_model.networks.quantization import (
    accuracy,
    answers,
    calibrated,
    compare,
    current_words,
    reference_answers,
    search,
    spread_sweep,
    sweep,
)
from neuristor.golden_model.networks.snn import Layer, Network, Neurons, Projection, Words, on_device, quantized
from neuristor.golden_model.networks.synapses import Dense
from tests.golden_model.networks.test_nir_graph import opened

EXAMPLES = Path(__file__).parents[3] / "examples"
NETWORK = read(EXAMPLES / "digits.nir", 1e-3).network
PICTURES = digits()
FITTING = rate(PICTURES.train[:60], 16, 1, 0.5)
INPUTS, LABELS = rate(PICTURES.test[:150], 16, 0, 0.5), PICTURES.test_labels[:150]


def test_more_bits_change_fewer_spikes() -> None:
    different = []
    for bits, room in ((2, 6), (4, 10), (8, 14), (14, 22)):
        params = quantized(NETWORK, calibrated(NETWORK, FITTING, bits, room, coefficient_bits=12))
        found = compare(NETWORK, params, INPUTS)
        different.append(sum(one.different for one in found))
        assert [one.layer for one in found] == ["lif1", "lif2"]
        assert found[0].reference == compare(NETWORK, params, INPUTS)[0].reference
    assert different == sorted(different, reverse=True)
    assert different[-1] < 0.005 * different[0]


def test_room_is_made_for_membranes_that_go_far() -> None:
    network = opened("braille_noDelay_noBias_subtract").network
    spikes = np.loadtxt(Path(__file__).parents[2] / "data/nir/braille_sample0_input_256x12.csv", delimiter=",")
    spikes = spikes.astype(int)[:, None]
    plain = compare(network, quantized(network, Words(12, 24, coefficient_bits=14)), spikes)
    words = calibrated(network, spikes, 12, 24, coefficient_bits=14, search=False)
    fitted = compare(network, quantized(network, words), spikes)
    assert plain[0].farthest > 100  # thresholds: this network inhibits without end
    assert plain[0].saturations > 0
    assert [one.saturations for one in fitted] == [0, 0]
    assert plain[0].different > 0
    assert [one.different for one in fitted] == [0, 0]
    # Membranes differ by the rounding of 12-bit weights only.
    assert fitted[0].error < 2**-11 * fitted[0].farthest


def test_the_smallest_words_for_a_loss_are_found() -> None:
    best, tried = search(NETWORK, INPUTS, LABELS, 0.02, most=(5, 8), calibration=60)
    expected = accuracy(reference_answers(NETWORK, INPUTS), LABELS)
    assert best.accuracy >= expected - 0.02 - 1e-9
    assert all(a <= 5 for a in best.weight_bits)
    assert sum(best.weight_bits) < 10
    assert best in tried
    assert accuracy(answers(quantized(NETWORK, best.words), INPUTS), LABELS) == best.accuracy


def test_a_loss_that_no_words_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="loss must be one that 2-bit weights"):
        search(NETWORK, INPUTS, LABELS, 0.0, most=(2, 5), calibration=60)


def test_sweeps_say_where_they_are() -> None:
    told: list[Any] = []
    points = sweep(
        NETWORK, INPUTS, LABELS, (2, 6), (9,), calibration=60, progress=lambda done, note: told.append((done, note))
    )
    assert [point.weight_bits for point in points] == [(2, 2), (6, 6)]
    assert points[0].accuracy < points[1].accuracy
    assert told[0] == (0.0, "2-bit weights, 9-bit membranes")
    assert told[-1][0] == 1.0


def test_spread_costs_accuracy_and_is_seeded() -> None:
    words = calibrated(NETWORK, FITTING, 4, 8)
    some = spread_sweep(NETWORK, words, INPUTS, LABELS, (0.0, 0.2, 0.5), seeds=3)
    assert len(set(some[0][1].tolist())) == 1  # without spread all arrays are alike
    assert some[2][1].mean() < some[0][1].mean()
    again = spread_sweep(NETWORK, words, INPUTS, LABELS, (0.2,), seeds=3)
    assert (again[0][1] == some[1][1]).all()
    cycles = spread_sweep(NETWORK, words, INPUTS, LABELS, (0.0, 0.5), seeds=1, cycle=True)
    assert cycles[0][1][0] == some[0][1][0]
    assert cycles[1][1][0] < cycles[0][1][0]


def test_a_network_of_vo2_devices_still_knows_its_digits() -> None:
    device = load(EXAMPLES / "vo2_lif_digits.toml").params
    network = on_device(NETWORK, device)
    neurons = network.layers[0].neurons
    assert neurons.reset[0] == pytest.approx((device.hold - device.rest) / (device.threshold - device.rest))
    assert neurons.refractory / 0.016 == pytest.approx(device.refractory / device.tau)
    params = quantized(network, calibrated(network, FITTING, 4, 8))
    assert params.layers[0].raw.lif.noise_scale_raw > 0
    assert len(set(params.layers[0].threshold_raw.tolist())) > 5
    ideal = accuracy(reference_answers(NETWORK, INPUTS), LABELS)
    assert ideal - 0.1 < accuracy(answers(params, INPUTS), LABELS) <= 1


def test_currents_become_words() -> None:
    weights = np.array([[0.5, 0.0], [0.0, -2.0], [1.0, 1.0]])
    layer = Layer(
        name="a",
        shape=(3,),
        neurons=Neurons(count=3, tau=4.0, r=4.0),
        projections=(Projection(source=-1, synapses=Dense(weights=weights)),),
    )
    network = Network(dt=1.0, input_shape=(2,), layers=(layer,), currents=True)
    params = quantized(network, Words(4, 12))
    values = np.array([[[0.2, 0.1]], [[1.0, -0.5]]])
    words = current_words(network, params, values)
    np.testing.assert_allclose(words * params.layers[0].lsb, values @ weights.T, atol=params.layers[0].lsb / 2)
    with pytest.raises(ValueError, match="currents must be finite"):
        current_words(network, params, np.full((1, 1, 2), np.nan))
    with pytest.raises(OverflowError, match="currents must be between"):
        current_words(network, params, np.full((1, 1, 2), 1e9))
