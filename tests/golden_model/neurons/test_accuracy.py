from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.accuracy import MODELS, denser, measure, smallest, sweep
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.lif import LIF
from neuristor.golden_model.neurons.relaxation_oscillator import RELAXATION_OSCILLATOR as OSCILLATOR
from tests.samples.lif import lif_params
from tests.samples.relaxation_oscillator import oscillator_params


def both(oscillator: Circuit, vo2: Circuit) -> list[tuple[NeuronModel[Any], Any]]:
    return [
        (OSCILLATOR, oscillator_params(oscillator, "all", count=7, dt=20e-9)),
        (LIF, lif_params(vo2, "hold", count=7, dt=100e-9, threshold_c2c=0.02)),
    ]


def usual(neuron: NeuronModel[Any], params: Any, points: int) -> np.ndarray:
    """A sweep from near the firing threshold to four times its size."""
    low = neuron.window(params)[0]
    return sweep(neuron, params, low, low + 3 * abs(low), points)


def test_parts_add_up_and_physics_has_the_closed_form_rate(oscillator: Circuit, vo2: Circuit) -> None:
    for neuron, params in both(oscillator, vo2):
        current = usual(neuron, params, 5)
        made = measure(neuron, params, current)
        assert made.rate.shape == (len(MODELS), 5)
        assert made.total == pytest.approx(made.time_step + made.coefficient + made.word, abs=1e-15)
        closed = neuron.rate(params, current)
        assert made.rate[0] == pytest.approx(closed, rel=1e-6)
        assert made.worst == np.abs(made.total).max() < 0.02
        assert made.jitter[0].max() < 1e-6


def test_duty_of_the_physics_is_the_closed_form(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=1, dt=5e-9)
    made = measure(OSCILLATOR, params, np.array([0.0, 4e-6]))
    for n, current in enumerate(made.current):
        t_ins, t_met = oscillator.periods(current)
        assert made.duty[:, n] == pytest.approx(t_met / (t_ins + t_met), abs=0.0012)


@pytest.mark.extended
def test_errors_are_blamed_on_their_cause(oscillator: Circuit, vo2: Circuit) -> None:
    current = np.array([0.0, 5e-6])
    late = measure(OSCILLATOR, oscillator_params(oscillator, "on ticks", count=1, dt=50e-9), current)
    assert np.abs(late.time_step).min() > 0.05
    assert np.abs(late.coefficient + late.word).max() < 0.005
    coarse_k = oscillator_params(oscillator, "plain", count=1, dt=5e-9, coefficient_bits=11)
    made = measure(OSCILLATOR, coarse_k, current)
    assert np.abs(made.coefficient).min() > 5 * np.abs(made.time_step).max()
    coarse = replace(lif_params(vo2, "hold", count=1, dt=50e-9), membrane=Format(3, 9), drive=Format(3, 9))
    made = measure(LIF, coarse, usual(LIF, coarse, 4))
    assert np.nanmax(np.abs(made.word)) > max(0.01, 5 * np.abs(made.coefficient).max())


def test_silent_circuit_is_an_infinite_error(vo2: Circuit) -> None:
    # So few bits that the leak stops below the threshold.
    params = replace(lif_params(vo2, "hold", count=1, dt=50e-9), membrane=Format(3, 5), drive=Format(3, 5))
    made = measure(LIF, params, usual(LIF, params, 4))
    assert made.worst == np.inf
    with pytest.raises(ValueError, match="current must make the neuron fire"):
        measure(LIF, params, np.array([0.0]))


@pytest.mark.slow
def test_smallest_words_meet_the_target_and_smaller_ones_do_not(oscillator: Circuit, vo2: Circuit) -> None:
    cases = [
        (OSCILLATOR, oscillator_params(oscillator, "plain", count=64, dt=80e-9), 0.01),
        (LIF, lif_params(vo2, "hold", count=64, dt=100e-9), 0.02),
    ]
    for neuron, params, target in cases:
        said: list[str] = []
        current = usual(neuron, params, 3)
        words = smallest(neuron, params, current, target, said.append)
        assert len(said) == words.tried + 1
        assert words.params.count == 64
        assert words.error <= target
        assert measure(neuron, words.params, denser(current)).worst <= words.error
        bits = bits_of(words.params)
        assert neuron.resized(params, **bits) == words.params
        assert holds(neuron, params, bits, current, target)
        # Either the last word stopped where one bit less misses, or all grew from where they did not hold.
        last = "drive" if neuron == OSCILLATOR else "coefficient"
        smaller = [bits | {last: bits[last] - 1}, {name: n - 1 for name, n in bits.items()}]
        assert not all(holds(neuron, params, each, current, target) for each in smaller)


def bits_of(params: Any) -> dict[str, int]:
    return {
        "fraction": params.membrane.frac_bits,
        "coefficient": params.coefficient_bits,
        "drive": params.drive.frac_bits,
    }


def holds(neuron: NeuronModel[Any], params: Any, bits: dict[str, int], current: np.ndarray, target: float) -> bool:
    """Whether these words, and one bit more of each kind, meet the target between the points of the sweep, too."""
    for more in ({}, *({name: n + 1} for name, n in bits.items())):
        try:
            made = neuron.resized(params, **(bits | more))
        except (ValueError, OverflowError):
            return False
        if measure(neuron, made, denser(current)).worst > target:
            return False
    return True


@pytest.mark.slow
def test_smallest_words_hold_between_the_points_of_the_sweep(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=1, dt=40e-9)
    current = usual(OSCILLATOR, params, 12)
    words = smallest(OSCILLATOR, params, current, 0.01)
    elsewhere = np.linspace(current[0], current[-1], 131)
    for more in ({}, {"fraction": 1}, {"coefficient": 1}, {"coefficient": 2, "drive": 1}):
        bits = {name: n + more.get(name, 0) for name, n in bits_of(words.params).items()}
        made = OSCILLATOR.resized(words.params, **bits)
        assert measure(OSCILLATOR, made, elsewhere).worst < 0.01, more


def test_a_tick_too_long_is_said_with_one_that_is_short_enough(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "on ticks", count=4, dt=50e-9)
    with pytest.raises(ValueError, match="target 3 % cannot be met with a tick of 5e-08 s") as error:
        smallest(OSCILLATOR, params, usual(OSCILLATOR, params, 3), 0.03)
    dt = float(str(error.value).split("set dt to ")[1].split()[0])
    found = measure(OSCILLATOR, replace(params, dt=dt), usual(OSCILLATOR, params, 3))
    assert np.abs(found.time_step).max() <= 0.03
    for target in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match="target must be between 0 and 1"):
            smallest(OSCILLATOR, params, usual(OSCILLATOR, params, 3), target)


def test_sweep_stays_where_the_neuron_fires(oscillator: Circuit, vo2: Circuit) -> None:
    for neuron, params in both(oscillator, vo2):
        for highest in (6e-5, 1e-4, 1.0):
            current = sweep(neuron, params, -1.0, highest, 9)
            assert (neuron.rate(params, current) > 0).all()
            assert (np.diff(current) > 0).all()
        with pytest.raises(ValueError, match="points must be at least 2"):
            usual(neuron, params, 1)


def test_sweep_is_that_of_the_input(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=3, dt=20e-9)
    assert sweep(OSCILLATOR, params, 0.0, 0.0).tolist() == [0.0]
    assert sweep(OSCILLATOR, params, 1e-6, 3e-6, 3) == pytest.approx([1e-6, 2e-6, 3e-6])
    assert measure(OSCILLATOR, params, np.array([0.0])).rate[0] == pytest.approx(oscillator.frequency())
    for low, high in ((-1.0, -0.9), (0.9, 1.0), (2e-6, 1e-6)):
        with pytest.raises(
            ValueError, match=r"must reach the range in which the neuron fires repeatedly, -5.64 uA to 924.5 uA; it is"
        ):
            sweep(OSCILLATOR, params, low, high)
