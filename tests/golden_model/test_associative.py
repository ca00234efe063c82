from __future__ import annotations

import numpy as np
import pytest

from golden_model.associative import RULES, diederich_opper, hebbian, pseudo_inverse, quantized, storkey

PATTERNS = np.random.default_rng(6).choice([-1, 1], (4, 40))


@pytest.mark.parametrize("rule", RULES)
def test_stored_patterns_are_stable(rule: str) -> None:
    weights = RULES[rule](PATTERNS)
    assert (np.diag(weights) == 0).all()
    assert (np.sign(PATTERNS @ weights.T) == PATTERNS).all()
    assert (np.sign(PATTERNS @ quantized(weights, 5).T) == PATTERNS).all()


def test_hebbian_weights_are_those_of_the_formula() -> None:
    x = np.array([[1, -1, 1], [1, 1, 1]])
    assert hebbian(x) * 3 == pytest.approx(np.array([[0, 0, 2], [0, 0, 0], [2, 0, 0]]))


def test_storkey_weights_are_those_of_the_formula() -> None:
    count = PATTERNS.shape[1]
    w = np.zeros((count, count))
    for x in PATTERNS:
        old = w.copy()
        for i in range(count):
            for j in range(count):
                h_ij = sum(old[i, k] * x[k] for k in range(count) if k not in (i, j))
                h_ji = sum(old[j, k] * x[k] for k in range(count) if k not in (i, j))
                w[i, j] = old[i, j] + (x[i] * x[j] - x[i] * h_ji - h_ij * x[j]) / count
    np.fill_diagonal(w, 0)
    assert storkey(PATTERNS) == pytest.approx(w)


def test_pseudo_inverse_is_the_projection() -> None:
    projection = PATTERNS.T @ np.linalg.inv(PATTERNS @ PATTERNS.T) @ PATTERNS
    np.fill_diagonal(projection, 0)
    assert pseudo_inverse(PATTERNS) == pytest.approx(projection)


def test_diederich_opper_gives_every_field_a_margin_of_one() -> None:
    assert (PATTERNS * (PATTERNS @ (40 * diederich_opper(PATTERNS)).round().T) >= 40).all()
    with pytest.raises(ValueError, match="rounds of rule I store them; these 2 are not"):
        diederich_opper([[1, 1], [1, -1]])


def test_quantized_weights_use_all_bits() -> None:
    assert quantized([[0.0, 0.5], [-1.0, 0.25]], 4).tolist() == [[0, 4], [-7, 2]]
    assert quantized(np.zeros((2, 2)), 4).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="weights must be finite"):
        quantized([[np.nan, 0.0]], 4)
    with pytest.raises(ValueError, match="bits must be an integer between 2 and 8, not 1"):
        quantized([[1.0]], 1)


@pytest.mark.parametrize("wrong", [[[1, 0]], [1, -1], [[2, 1]]])
def test_patterns_are_checked(wrong: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match="patterns must"):
        hebbian(wrong)
