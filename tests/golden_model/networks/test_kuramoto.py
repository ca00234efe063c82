"""Phase equations against what can be solved by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.kuramoto import Kuramoto

PAIR = np.array([[0, 1], [1, 0]])


@pytest.mark.parametrize("sign", [1, -1])
def test_two_oscillators_approach_as_the_closed_form_says(sign: int) -> None:
    strength, begin = 0.2, 2.0
    found = Kuramoto(weights=sign * PAIR, strength=strength).run([[0.0, begin]], 10)
    away = found[:, 0, 1] - found[:, 0, 0]
    # d psi / dt = -2 K sin psi  ->  tan(psi / 2) decays with 2 K
    expected = 2 * np.arctan(math.tan(begin / 2) * np.exp(-2 * sign * strength * np.arange(11)))
    np.testing.assert_allclose(away, expected, atol=1e-4)


def test_injection_makes_phases_zero_or_half_a_turn() -> None:
    begin, injection = np.array([0.3, 1.2, 1.9, 4.0]), 0.5
    found = Kuramoto(weights=np.zeros((4, 4)), injection=injection).run(begin, 5)[-1, 0]
    np.testing.assert_allclose(np.tan(found), np.tan(begin) * math.exp(-2 * injection * 5), atol=1e-4)


@pytest.mark.parametrize(("detuning", "locked"), [(0.05, True), (0.08, False)])
def test_a_pair_locks_where_the_coupling_is_stronger_than_the_detuning(detuning: float, locked: bool) -> None:
    # 2 pi d < 2 K, with K = 0.2: d < 0.0637
    found = Kuramoto(weights=PAIR, strength=0.2, detuning=[0.0, detuning]).run([[0.0, 0.0]], 200)
    away = found[-1, 0, 1] - found[-1, 0, 0]
    assert (away < math.pi) == locked
    if locked:
        assert math.sin(away) == pytest.approx(2 * math.pi * detuning / 0.4, abs=1e-3)


def test_noise_spreads_phases_as_the_root_of_time_and_is_seeded() -> None:
    begin = np.zeros((2000, 2))
    model = Kuramoto(weights=np.zeros((2, 2)), noise=0.1, seed=4)
    found = model.run(begin, 9)
    assert found[-1].std() == pytest.approx(0.3, rel=0.05)
    assert (model.run(begin, 9) == found).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": np.zeros((2, 3))}, "weights must have shape"),
        ({"weights": np.array([[0, math.nan], [0, 0]])}, "weights must be finite"),
        ({"strength": 0.0}, "strength"),
        ({"noise": -1.0}, "noise"),
        ({"detuning": [0.1]}, "detuning must have shape"),
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Kuramoto(**({"weights": PAIR} | wrong))


def test_wrong_phases_are_refused() -> None:
    with pytest.raises(ValueError, match="phases must have shape"):
        Kuramoto(weights=PAIR).run([0.0, 0.0, 0.0], 1)
