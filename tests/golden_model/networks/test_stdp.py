"""An array that learns: its rule by hand, and that it specialises."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.stdp import (
    PATTERNS,
    TRACE_MOST,
    StdpBitTrue,
    StdpParams,
    StdpReference,
    learn,
    presented,
    specialised,
)


def test_a_pair_changes_a_weight_by_its_distance() -> None:
    params = StdpParams(threshold=1)
    model = StdpBitTrue(params)
    before = model.weights.copy()
    spikes = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    winner = model.step(spikes)  # any membrane is above one
    assert winner == int(before[:, 0].argmax())
    expected = before.copy()
    expected[winner, 0] += (TRACE_MOST + 4) >> 3  # the input came in this very tick
    assert (model.weights == expected).all()
    assert (model.pre[0], model.post[winner], model.membrane[winner]) == (TRACE_MOST, TRACE_MOST, 0)
    # The neuron fired one tick before input 1 spikes: down by its trace.
    other = StdpBitTrue(StdpParams(threshold=1, inhibition=0))
    other.post[:] = [200, 100, 7]
    start = other.weights.copy()
    other.limit[:] = other.params.membrane_most
    other.step([0, 1, 0, 0, 0, 0, 0, 0])
    assert (start[:, 1] - other.weights[:, 1]).tolist() == [25, 13, 1]  # 25, 12.5, 0.9, halves up


def test_weights_and_membranes_stay_in_their_words() -> None:
    params = StdpParams(weight_bits=4, threshold=3, inhibition=20, plus_shift=0, minus_shift=0)
    model = StdpBitTrue(params)
    rng = np.random.default_rng(0)
    for _ in range(300):
        model.step(rng.integers(0, 2, 8))
        assert 0 <= model.weights.min() <= model.weights.max() <= params.weight_most
        assert 0 <= model.membrane.min() <= model.membrane.max() <= params.membrane_most
        assert params.threshold <= model.limit.min() <= model.limit.max() <= params.membrane_most


def test_one_neuron_fires_at_most_and_the_others_are_inhibited() -> None:
    model = StdpBitTrue(StdpParams(threshold=1, inhibition=50))
    model.membrane[:] = [100, 300, 300]
    assert model.step(np.zeros(8, dtype=int)) == 1  # the lowest of equals
    leaked = [100 - 6, 0, 300 - 19]
    assert model.membrane.tolist() == [leaked[0] - 50, 0, leaked[2] - 50]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [StdpBitTrue, StdpReference])
def test_three_neurons_specialise_on_three_patterns(kind: Any, seed: int) -> None:
    spikes, shown = presented(PATTERNS, 400, seed=seed)
    model = kind(StdpParams(seed=seed))
    winners = learn(model, spikes)
    last = len(spikes) // 4
    counts = specialised(winners[-last:], shown[-last:], 3, 3)
    best = max(permutations(range(3)), key=lambda order: sum(counts[order[n], n] for n in range(3)))
    assert sum(counts[best[n], n] for n in range(3)) >= 0.95 * counts.sum()
    assert all(counts[best[n], n] >= 0.6 * (shown[-last:] == n).sum() for n in range(3))  # tired ones miss some
    # Each has the weights of its pattern.
    for pattern, neuron in enumerate(best):
        weights = model.weights[neuron]
        assert weights[PATTERNS[pattern] == 1].min() > weights[PATTERNS[pattern] == 0].max()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inputs": 1}, "inputs must be an integer between 2 and 64"),
        ({"weight_bits": 13}, "weight_bits must be"),
        ({"threshold": 0}, "threshold must be"),
        ({"plus_shift": 16}, "plus_shift must be"),
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StdpParams(**wrong)


@pytest.mark.parametrize("spikes", [[1, 0], [2, 0, 0, 0, 0, 0, 0, 0]])
def test_wrong_spikes_are_refused(spikes: list[int]) -> None:
    with pytest.raises(ValueError, match="spikes must be 8 of 0 or 1"):
        StdpBitTrue(StdpParams()).step(spikes)
