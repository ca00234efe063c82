"""What `run` and `verify` refuse."""

from __future__ import annotations

from typing import Any

import pytest

import neuristor as nr

OSCILLATORS = nr.oscillators([[0, 3], [3, 0]])


@pytest.mark.parametrize(
    ("call", "options", "message"),
    [
        (nr.run, {"ticks": 3}, "ticks is not an option for oscillators"),
        (nr.run, {"current": 1e-6}, "current is not an option for oscillators"),
        (nr.verify, {"runs": 3}, "runs is not an option for oscillators"),
    ],
)
def test_options_of_another_kind_of_circuit_are_refused(call: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(OSCILLATORS, **options)


def test_options_of_networks_are_refused_for_neurons() -> None:
    vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    neurons: Any = nr.neurons(vo2)
    with pytest.raises(TypeError, match="periods is not an option for neurons"):
        nr.run(neurons, periods=3)
    with pytest.raises(nr.DesignError, match=r"dt must be time step \(tick\) in second, above 0"):
        nr.neurons(vo2, dt=0.0)


def test_ragged_weights_are_refused_in_one_sentence() -> None:
    with pytest.raises(nr.DesignError, match=r"^weights: "):
        nr.oscillators([[0, 1], [1]])  # type: ignore[list-item]
