"""Order parameters of arrays, from spike times whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from neuristor.golden_model.networks.order import avalanches, phase_differences, phases, synchronisation


def beats(lag: float, count: int = 50, period: float = 1e-6) -> list[float]:
    return (period * (np.arange(count) + lag)).tolist()


def test_a_phase_grows_by_one_a_period() -> None:
    found = phases([beats(0.0), beats(0.25), [3e-6]], [10.0e-6, 10.5e-6, -1.0, 1.0])
    np.testing.assert_allclose(found[:2], [[10, 9.75, np.nan], [10.5, 10.25, np.nan]], rtol=1e-12)
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_equal_phases_are_in_order_and_even_ones_are_not(count: int) -> None:
    when = np.linspace(5e-6, 40e-6, 30)
    np.testing.assert_allclose(synchronisation([beats(0.1)] * count, when), 1, atol=1e-12)
    np.testing.assert_allclose(synchronisation([beats(n / count) for n in range(count)], when), 0, atol=1e-9)
    assert np.isnan(synchronisation([[], [1e-6]], when)).all()


def test_a_neuron_that_fires_later_is_behind() -> None:
    found = phase_differences([beats(0.0), beats(0.25), beats(0.9), [], beats(0.5)])
    np.testing.assert_allclose(found[:4], [0, -90, 36, np.nan], atol=1e-6)
    assert abs(found[4]) == pytest.approx(180)


def in_one_go(times: list[list[float]], window: float, edges: set[tuple[int, int]]) -> list[int]:
    """Avalanches by definition: every pair of spikes is looked at."""
    spikes = sorted((when, n) for n, each in enumerate(times) for when in each)
    label = list(range(len(spikes)))
    for a, (first, i) in enumerate(spikes):
        for b, (second, j) in enumerate(spikes):
            near = i == j or (i, j) in edges or (j, i) in edges
            if a != b and near and abs(first - second) <= window and label[a] != label[b]:
                old, new = label[b], label[a]
                label = [new if each == old else each for each in label]
    order = list(dict.fromkeys(label))
    return [label.count(each) for each in order]


@pytest.mark.parametrize("seed", range(5))
def test_avalanches_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = [sorted(rng.integers(0, 60, rng.integers(0, 8)).astype(float).tolist()) for _ in range(9)]
    edges = {(int(a), int(b)) for a, b in rng.integers(0, 9, (8, 2)) if a != b}
    everyone = {(a, b) for a in range(9) for b in range(a)}
    for window in (0.0, 1.0, 3.0):
        assert avalanches(times, window, edges).tolist() == in_one_go(times, window, edges)
        assert avalanches(times, window).tolist() == in_one_go(times, window, everyone)


def test_what_is_no_window_or_no_neuron_is_refused() -> None:
    assert avalanches([[], []], 1.0).tolist() == []
    with pytest.raises(ValueError, match="window must be 0 or more"):
        avalanches([[1.0]], -1.0)
    with pytest.raises(ValueError, match="must be neurons from 0 to 0, not 0 and 1"):
        avalanches([[1.0]], 1.0, [(0, 1)])
