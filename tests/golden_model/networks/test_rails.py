"""Networks of two devices an oscillator: weights and elements, and that they recall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.rails import Rails, spins

DEVICE = preset("vo2-onn").device
CIRCUIT = Circuit(device=DEVICE, supply=10.0, series_resistance=10e3, capacitance=1e-9)
ROUNDING = 8 * float(np.finfo(float).eps)
"""Of a few products and quotients of numbers up to 2."""
WEIGHTS = np.array([[0, 1, -2], [1, 0, -1], [-2, -1, 0]])


def rails(**changed: Any) -> Rails:
    return Rails(**({"circuit": CIRCUIT, "kind": "capacitive", "weights": WEIGHTS} | changed))


def test_elements_have_the_wanted_weights() -> None:
    found = rails().weights_of(rails().coupling())
    np.testing.assert_allclose(found, WEIGHTS, rtol=0, atol=ROUNDING)


def test_a_weight_is_two_elements_and_each_oscillator_has_one_to_its_inverse() -> None:
    edges = dict(zip(rails().coupling().edges, rails().coupling().values, strict=True))
    assert set(edges) == {(0, 3), (1, 4), (2, 5), (0, 4), (1, 3), (0, 2), (3, 5), (1, 2), (4, 5)}
    assert edges[0, 2] == edges[3, 5] == pytest.approx(2 * edges[0, 4], rel=ROUNDING)


@pytest.mark.parametrize("pixels", [[1, 1, -1], [1, -1, -1], [1, 1, 1]])
def test_the_devices_go_where_all_weights_are_content(pixels: list[int]) -> None:
    phase, frequency = rails(strength=0.2).run(pixels, 120)
    assert np.ptp(frequency) < 1e-3 * frequency.mean()
    assert spins(phase).tolist() == [1, 1, -1]
    opposite = np.cos(np.radians(phase[:3] - phase[3:]))
    assert (opposite < -0.99).all()


def test_resistors_push_apart_where_they_do() -> None:
    slow = Circuit(device=DEVICE, supply=2.5, series_resistance=20e3, capacitance=100e-12)
    network = rails(circuit=slow, kind="resistive")
    np.testing.assert_allclose(network.weights_of(network.coupling()), WEIGHTS, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "resistive"}, "kind must push apart, but resistive elements pull in phase"),
        ({"weights": np.zeros((3, 3))}, "must not all be 0"),
        ({"weights": np.arange(9).reshape(3, 3)}, "finite and symmetric"),
        ({"weights": np.zeros((2, 3))}, r"shape \(n, n\)"),
        ({"strength": 0.0}, "strength"),
        ({"pairing": -1.0}, "pairing"),
    ],
)
def test_bad_networks_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rails(**wrong)


def test_bad_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="pixels must be 3 numbers"):
        rails().delays([1, 0, 1])


def test_a_device_that_has_stopped_has_no_sign() -> None:
    assert spins([0.0, 100.0, np.nan, 0.0, 0.0, 0.0]).tolist() == [1, -1, 0]
