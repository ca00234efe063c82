"""Networks of devices: weights become elements that pull as they should, and load what they are tied to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.onn import DeviceOnn, kinds
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, spins

CIRCUIT = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=2e3, capacitance=1e-9)
PAIR = np.array([[0, 1], [1, 0]])


@pytest.mark.parametrize(("sign", "phase"), [(1, 0.0), (-1, 0.5)])
def test_a_weight_pulls_in_phase_or_apart(sign: int, phase: float) -> None:
    found = DeviceOnn(circuit=CIRCUIT, weights=sign * PAIR, strength=0.05).run([0.0, 0.3], 200)
    away = abs(float(found.phase[1]) - phase)
    assert min(away, 1 - away) < 0.02
    assert found.spins.tolist() == [1, sign]


def test_an_even_ring_that_repels_alternates_in_devices_as_in_the_digital_network() -> None:
    count = 8
    weights = np.zeros((count, count), dtype=int)
    for n in range(count):
        weights[n, (n + 1) % count] = weights[(n + 1) % count, n] = -1
    start = np.array([0.0, 0.45, 0.07, 0.55, 0.9, 0.4, 0.05, 0.6])
    devices = DeviceOnn(circuit=CIRCUIT, weights=weights, strength=0.1).run(start, 300)
    digital = OnnBitTrue(OnnParams(weights=weights, phase_bits=8), np.rint(start * 256).astype(int) % 256)
    digital.run(50)
    expected = [1, -1] * 4
    assert devices.spins.tolist() == expected
    assert spins(digital.phase, 8)[0].tolist() == expected


def test_detuning_and_noise_act_on_the_frequencies() -> None:
    free = np.zeros((3, 3))
    usual = CIRCUIT.frequency()
    found = DeviceOnn(circuit=CIRCUIT, weights=free, detuning=[0.0, 0.02, -0.03]).run(np.zeros(3), 400)
    np.testing.assert_allclose(found.frequency / usual - 1, [0.0, 0.02, -0.03], atol=1e-4)
    noisy = DeviceOnn(circuit=CIRCUIT, weights=free, noise=0.01, seed=1)
    first, again = noisy.run(np.zeros(3), 200), noisy.run(np.zeros(3), 200)
    assert (first.frequency == again.frequency).all()
    assert len(set(first.frequency.tolist())) == 3
    # Phases walk as `phase_noise` says: 40 devices, 100 periods.
    many = DeviceOnn(circuit=CIRCUIT, weights=np.zeros((40, 40)), noise=0.01, seed=2)
    spread = many.run(np.zeros(40), 100).frequency.std() / usual * 25 * 2 * np.pi  # over the last quarter
    assert spread == pytest.approx(many.phase_noise * 5, rel=0.3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": np.array([[0, 1], [2, 0]])}, "symmetric"),
        ({"weights": np.zeros((200, 200))}, "from 2 to 128"),
        ({"detuning": [0.0]}, "detuning must have shape"),
        ({"strength": -1.0}, "strength"),
        ({"circuit": dataclasses.replace(CIRCUIT, series_resistance=20e3)}, "each sign of weight"),
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeviceOnn(**({"circuit": CIRCUIT, "weights": PAIR} | wrong))


def test_elements_have_the_sign_of_the_phase_response() -> None:
    assert kinds(CIRCUIT) == ("resistive", "capacitive")
    conductance, capacitance = DeviceOnn(
        circuit=CIRCUIT, weights=np.array([[5, 1, -1], [1, 5, 0], [-1, 0, 5]])
    ).elements()
    assert (conductance > 0).tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert (capacitance > 0).tolist() == [[False, False, True], [False, False, False], [True, False, False]]


def test_a_detuning_that_no_threshold_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="detuning must be within reach of a change of V_th, not 500"):
        DeviceOnn(circuit=CIRCUIT, weights=PAIR, detuning=[0.0, 500.0]).run([0.0, 0.0], 10)
