from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.networks.associative import (
    RULES,
    capacity,
    diederich_opper,
    disturbed,
    hebbian,
    letters,
    pseudo_inverse,
    quantized,
    read_patterns,
    recall,
    storkey,
)
from neuristor.golden_model.networks.onn import OnnParams

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


@pytest.mark.parametrize(("size", "count"), [("3x3", 3), ("5x4", 5), ("7x6", 10), ("10x10", 10), ("22x22", 10)])
def test_letters_come_along(size: str, count: int) -> None:
    found = letters(size)
    assert f"{found.rows}x{found.columns}" == size
    assert found.pixels.shape == (count, found.rows * found.columns) == (len(found.names), found.pixels.shape[1])
    assert len({tuple(abs(row * row[0] + 1).tolist()) for row in found.pixels}) == count  # none is another's inverse


def test_unknown_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="letters must be 3x3"):
        letters("4x4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains no picture"),
        ("A\n", "line 1: a picture must have a name and rows"),
        ("A\n##\n#x\n", "line 3: a row must be of # and ., not #x"),
        ("A\n##\n#\n", "line 3: a row must be 2 wide"),
        ("A\n##\n\nB\n##\n##\n", "line 4: B must be 1 by 2, as A is, not 2 by 2"),
        ("A\n##\n\nA\n#.\n", "line 4: A occurs twice"),
        ("A\n#\n", "at least two pixels"),
    ],
)
def test_bad_pictures_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_patterns(path)


def test_missing_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_patterns(tmp_path / "none.txt")


@pytest.mark.parametrize(("noise", "wrong"), [(0.0, 0), (0.1, 2), (0.25, 5), (1.0, 20)])
def test_so_many_pixels_are_wrong(noise: float, wrong: int) -> None:
    pixels = letters("5x4").pixels
    made = disturbed(pixels, noise, 7)
    assert ((made != np.repeat(pixels, 7, axis=0)).sum(axis=1) == wrong).all()
    if 0 < wrong < 20:
        assert len({tuple(row) for row in made.tolist()}) > len(pixels)


def test_noise_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"noise must be 0 to 1, not 1\.5"):
        disturbed(letters("5x4").pixels, 1.5, 1)


@pytest.mark.parametrize("rule", ["pseudo_inverse", "diederich_opper"])
def test_stored_letters_rest_and_are_recalled(rule: str) -> None:
    pixels = letters("10x10").pixels
    params = OnnParams(weights=quantized(RULES[rule](pixels), 5))
    still = recall(params, pixels, 0.0, tries=1)
    assert (still.correct, still.pixels, still.settled, still.periods) == (1.0, 1.0, 1.0, 0.0)
    disturbed_some = recall(params, pixels, 0.1, tries=20)
    assert disturbed_some.correct > 0.95
    assert disturbed_some.periods > 0
    assert recall(params, pixels, 0.5, tries=20).correct < 0.3  # nothing is left of them


def test_recall_counts_an_inverse_as_the_pattern() -> None:
    pixels = letters("10x10").pixels
    params = OnnParams(weights=quantized(diederich_opper(pixels), 5))
    assert recall(params, pixels, 1.0, tries=1).correct == 1.0


def test_capacity_falls_with_the_load() -> None:
    few, many = capacity(50, [2, 30], "hebbian", 5, sets=2, tries=3)
    assert few > 0.9
    assert many < 0.2
    # What rule I cannot store counts as not recalled.
    assert list(capacity(4, [16], "diederich_opper", 5, sets=1, tries=1)) == [0.0]
