from __future__ import annotations

import numpy as np
import pytest

from neuristor.golden_model import noise


def test_generator_is_marsagliass_xorshift() -> None:
    # The first output that the 2003 paper's generator gives for the seed it prints, 2463534242.
    assert noise.advance(2463534242) == 723471715


def test_arrays_and_integers_give_the_same_bits() -> None:
    index = np.arange(200)
    states = noise.first_state(7, index)
    assert states.tolist() == [noise.first_state(7, value) for value in index.tolist()]
    assert noise.advance(states).tolist() == [noise.advance(value) for value in states.tolist()]
    assert noise.byte_sum(states).tolist() == [noise.byte_sum(value) for value in states.tolist()]


@pytest.mark.parametrize("seed", [0, 1, 12345, noise.MASK])
def test_first_draws_of_neighbouring_neurons_are_independent(seed: int) -> None:
    draws = noise.byte_sum(noise.first_state(seed, np.arange(20_000))) / noise.SIGMA
    error = 1 / np.sqrt(len(draws))
    assert abs(draws.mean()) < 4 * error
    assert abs(draws.std() - 1) < 4 * error
    for lag in (1, 2, 3, 5, 8, 13, 21, 34):
        assert abs(np.mean(draws[:-lag] * draws[lag:])) < 4.5 * error


def test_draws_of_one_neuron_are_bell_shaped_and_independent() -> None:
    state, draws = noise.first_state(3, np.arange(500)), []
    for _ in range(400):
        state = noise.advance(state)
        draws.append(noise.byte_sum(state) / noise.SIGMA)
    series = np.array(draws)
    error = 1 / np.sqrt(series.size)
    assert abs(series.mean()) < 4 * error
    assert abs(series.std() - 1) < 4 * error
    assert np.mean(series**4) == pytest.approx(3 - 6 / 5 / 4, abs=0.03)  # Irwin-Hall, n = 4
    for lag in (1, 2, 3, 4):
        assert abs(np.mean(series[:-lag] * series[lag:])) < 4.5 * error


@pytest.mark.parametrize("sigma", [0.2, 0.3, 1.0, 17.0, 326.0, 9000.0])
def test_scale_keeps_the_spread_within_its_rounding(sigma: float) -> None:
    scale, shift = noise.scale_for(sigma)
    assert scale * 2.0**-shift * noise.SIGMA == pytest.approx(sigma, rel=0.5 / 128)
    assert scale <= 256 or shift == 0


def test_scale_of_nothing_is_off() -> None:
    assert noise.scale_for(0.0) == (0, 0)
    assert noise.scale_for(1e-300) == (0, 0)
    with pytest.raises(ValueError, match="sigma_raw must be finite and not negative"):
        noise.scale_for(-1.0)
