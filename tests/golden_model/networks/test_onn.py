"""Networks of phase oscillators: event-driven sums against sums computed anew, and what such networks settle in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.associative import pseudo_inverse, quantized
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, cooling, energy, spins

SIZES = [2, 3, 7, 16, 33, 64, 100, 257, 600]
KINDS = ("any", "sparse", "zero", "extreme", "binary start", "symmetric")


def recomputed(params: OnnParams, phases: np.ndarray, ticks: int) -> list[tuple[list[int], list[int], list[int]]]:
    """Outputs, sums and phases of one trial after each tick: every sum anew, the rules written down a second time."""
    period, w = 2**params.phase_bits, params.weights
    phase = phases.copy()
    high = (-phase) % period < period // 2
    total = w @ np.where(high, 1, -1)
    reference = np.where(total == 0, high, total > 0)
    made = []
    for tick in range(1, ticks + 1):
        high = (tick - phase) % period < period // 2
        total = w @ np.where(high, 1, -1)
        after = np.where(total == 0, reference, total > 0)
        rises = after & ~reference & ((tick - phase) % period > 1)
        phase[rises] = tick % period
        reference = after
        made.append((high.astype(int).tolist(), total.tolist(), phase.tolist()))
    return made


def network(seed: int) -> tuple[OnnParams, np.ndarray]:
    rng = np.random.default_rng([seed, 5])
    count, kind = SIZES[seed % len(SIZES)], KINDS[seed % len(KINDS)]
    bits, phase_bits = int(rng.integers(1, 9)), int(rng.integers(4, 9))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    weights = rng.integers(low, high, (count, count), endpoint=True)
    if kind == "sparse":
        weights *= rng.random((count, count)) < 0.1
    elif kind == "zero":
        weights *= 0
    elif kind == "extreme":
        weights = rng.choice([low, high], (count, count))
    elif kind == "symmetric":
        weights = np.tril(weights) + np.tril(weights, -1).T
    params = OnnParams(weights=weights, weight_bits=bits, phase_bits=phase_bits, symmetric=kind == "symmetric")
    choices = [0, params.raw.period // 2] if kind == "binary start" else range(params.raw.period)
    return params, rng.choice(list(choices), (2, count))


def check(seed: int, periods: int) -> None:
    params, phases = network(seed)
    ticks = min(periods * params.raw.period, 80)
    model = OnnBitTrue(params, phases)
    expected = [recomputed(params, row, ticks) for row in phases]
    for tick in range(ticks):
        model.step()
        for trial in range(2):
            high, total, phase = expected[trial][tick]
            assert model.output[trial].tolist() == high
            assert model.total[trial].tolist() == total
            assert model.phase[trial].tolist() == phase


@pytest.mark.parametrize("seed", range(54))
def test_event_driven_sums_equal_sums_computed_anew(seed: int) -> None:
    check(seed, 2)


@pytest.mark.few(5)
@pytest.mark.parametrize("block", range(20))
def test_event_driven_sums_equal_sums_computed_anew_in_a_thousand_networks(block: int) -> None:
    for seed in range(100 + 50 * block, 150 + 50 * block):
        check(seed, 3)


def pair(weight: int, difference: int, phase_bits: int = 5) -> OnnBitTrue:
    model = OnnBitTrue(OnnParams(weights=np.array([[0, weight], [weight, 0]]), phase_bits=phase_bits), [0, difference])
    model.run(20)
    return model


@pytest.mark.parametrize("difference", range(1, 32))
def test_two_oscillators_settle_in_phase_or_opposite(difference: int) -> None:
    for weight, wanted in ((3, 0), (-3, 16)):
        model = pair(weight, difference)
        assert model.settled.all()
        # A tick apart is as near as they come.
        assert abs((model.phase[0, 1] - model.phase[0, 0] - wanted + 16) % 32 - 16) <= 1


def test_equal_oscillators_that_repel_stay_equal_since_nothing_tells_them_apart() -> None:
    model = pair(-3, 0)
    assert not model.settled.any()
    assert model.phase[0, 0] == model.phase[0, 1]


def test_nothing_moves_without_weights() -> None:
    params = OnnParams(weights=np.zeros((5, 5), dtype=np.int64))
    model = OnnBitTrue(params, [[0, 3, 7, 8, 15]])
    model.run(10)
    assert model.phase.tolist() == [[0, 3, 7, 8, 15]]
    assert (model.tick, model.toggles.tolist(), model.changed.tolist()) == (16, [10], [0])


def test_each_output_toggles_twice_a_period_once_the_network_has_settled() -> None:
    rng = np.random.default_rng(3)
    patterns = rng.choice([-1, 1], (3, 64))
    params = OnnParams(weights=quantized(pseudo_inverse(patterns), 5), phase_bits=8)
    model = OnnBitTrue(params, np.where(patterns == 1, 0, 128))
    model.run(10)
    assert model.settled.all()
    before = model.toggles.copy()
    for _ in range(params.raw.period):
        model.step()
    assert (model.toggles - before).tolist() == [128] * 3


def test_patterns_are_found_again_from_noisy_ones() -> None:
    rng = np.random.default_rng(4)
    patterns = rng.choice([-1, 1], (5, 100))
    params = OnnParams(weights=quantized(pseudo_inverse(patterns), 5), phase_bits=4)
    which = rng.integers(0, 5, 200)
    given = patterns[which] * np.where(rng.random((200, 100)) < 0.1, -1, 1)
    model = OnnBitTrue(params, np.where(given == 1, 0, 8))
    model.run(30)
    found = spins(model.phase, 4)
    right = np.abs((found * patterns[which]).sum(axis=1)) == 100
    assert right.mean() > 0.98
    assert (energy(params.weights, found) <= energy(params.weights, given)).all()


def test_spins_are_relative_to_the_first_oscillator() -> None:
    assert spins([0, 3, 4, 8, 11, 12, 15], 4).tolist() == [1, 1, -1, -1, -1, 1, 1]
    assert spins([[5, 5], [5, 13]], 4).tolist() == [[1, 1], [1, -1]]


def test_energy_counts_each_pair_once_and_no_diagonal() -> None:
    weights = np.array([[7, 1, 2], [1, 7, -3], [2, -3, 7]])
    assert energy(weights, [[1, 1, 1], [1, -1, 1]]).tolist() == [0.0, 0.0 - (-1 + 2 + 3)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"weights": np.ones((2, 3), dtype=int)},
            ValueError,
            r"weights must have shape \(n, n\) with n from 2 to 4096",
        ),
        ({"weights": np.array([[0, 16], [0, 0]])}, OverflowError, "between -16 and 15 with 5 bits, not 16 .from osc"),
        ({"weights": np.array([[0, np.nan], [0, 0]])}, ValueError, "weights must be integers, but they hold a NaN"),
        ({"weights": np.array([[0, 0.5], [0, 0]])}, TypeError, "weights must be integers, not float64; quantize them"),
        ({"weights": np.array([[0, 1], [2, 0]]), "symmetric": True}, ValueError, "oscillators 0 and 1 have 1 and 2"),
        ({"weight_bits": 9}, ValueError, "weight_bits must be an integer between 1 and 8, not 9"),
        ({"phase_bits": 3}, ValueError, "phase_bits must be an integer between 4 and 8, not 3"),
    ],
)
def test_wrong_networks_are_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        OnnParams(**({"weights": np.zeros((2, 2), dtype=int)} | change))


@pytest.mark.parametrize(
    ("phases", "error", "message"),
    [
        ([0, 1, 2], ValueError, r"phases must have shape \(trials, 2\), not \(1, 3\)"),
        ([0, 16], ValueError, "phases must be 0 to 15, not 0 to 16"),
        ([0.0, 1.0], TypeError, "phases must hold integers, not float64"),
    ],
)
def test_wrong_phases_are_refused(phases: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        OnnBitTrue(OnnParams(weights=np.zeros((2, 2), dtype=int)), phases)


@pytest.mark.parametrize(("detuning", "phase"), [(1 / 64, [0, -5]), (-1 / 32, [0, 10])])
def test_a_detuned_oscillator_slips_by_a_tick_now_and_then(detuning: float, phase: list[int]) -> None:
    model = OnnBitTrue(OnnParams(weights=np.zeros((2, 2), dtype=int)), [0, 0], detuning=[0.0, detuning])
    for _ in range(320):
        model.step()
    assert model.phase[0].tolist() == [phase[0], phase[1] % 16]


@pytest.mark.parametrize("detuning", [0.02, -0.02])
def test_a_coupled_oscillator_stays_locked_in_spite_of_its_detuning(detuning: float) -> None:
    weights = np.array([[0, 1], [1, 0]])
    model = OnnBitTrue(OnnParams(weights=weights, phase_bits=8), [0, 0], detuning=[0.0, detuning])
    for tick in range(1, 40 * 256):
        model.step()
        old = model.phase[0] != tick % 256  # a phase of this very tick acts from the next on
        assert (model.output[0] == ((tick - model.phase[0]) % 256 // 128 ^ 1))[old].all()
        assert model.total[0].tolist() == [2 * model.output[0, 1] - 1, 2 * model.output[0, 0] - 1]
        away = (model.phase[0, 1] - model.phase[0, 0] + 128) % 256 - 128
        assert abs(away) <= 8  # alone, it would slip by 5 ticks a period


@pytest.mark.parametrize(
    ("detuning", "message"),
    [
        ([0.1], r"detuning must have shape \(2,\)"),
        ([0.0, 0.6], "detuning must be between"),
        ([0.0, float("nan")], "-0.5"),
    ],
)
def test_wrong_detuning_is_refused(detuning: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OnnBitTrue(OnnParams(weights=np.zeros((2, 2), dtype=int)), [0, 0], detuning=detuning)


def test_trials_side_by_side_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(8)
    params = OnnParams(weights=rng.integers(-16, 16, (30, 30)), noise_bits=6)
    phases = rng.integers(0, 16, (5, 30))
    # Windows that open and close, so that what was not sampled waits; without noise, which each trial draws anew.
    ways = [(0, int(window)) for window in rng.integers(1, 9, 40) for _ in range(7)]
    together = OnnBitTrue(params, phases)
    for way in ways:
        together.step(*way)
    for n in range(5):
        alone = OnnBitTrue(params, phases[n])
        for way in ways:
            alone.step(*way)
        for name in ("phase", "output", "reference", "total", "toggles", "visits", "changed"):
            assert (getattr(together, name)[n] == getattr(alone, name)[0]).all(), (n, name)


def test_cooling_goes_from_the_first_noise_to_the_last() -> None:
    schedule = cooling(100, 50, steps=11, last=20)
    assert sum(segment.periods for segment in schedule) == 100
    assert [segment.noise for segment in schedule] == list(range(50, 19, -3))
