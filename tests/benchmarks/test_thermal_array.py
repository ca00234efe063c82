"""The published thermal array: three ways to its spikes agree, and the statistics are those of known data."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tables import thermal_array
from benchmarks.tables.thermal_array import METHODS, Array, exponent, phase

DURATION = 25e-6


@pytest.mark.extended
@pytest.mark.parametrize(("supply", "wanted"), [(8.0, "silent"), (12.0, "spiking"), (17.0, "stopped")])
def test_all_ways_to_an_array_are_in_one_phase(supply: float, wanted: str) -> None:
    for method in METHODS.values():
        assert phase(method(Array(3, supply, 0.02), DURATION), DURATION) == wanted


def test_all_ways_have_one_period_without_noise() -> None:
    array = Array(2, 12.0, 0.02, noise=0.0)
    # Euler steps of 10 ns are off by 0.7 %, in proportion to them.
    ways = [method for name, method in METHODS.items() if name != "Euler, 10 ns"]
    periods = [np.diff(method(array, DURATION)[0])[-4:].mean() for method in ways]
    # Spikes are at the ends of steps: 4 periods are known within one of each.
    for one, other in pairwise(periods):
        assert one == pytest.approx(other, abs=(12.5e-9 + 2.5e-9) / 4 + 0.002 * other)


@pytest.mark.parametrize("alpha", [1.8, 2.5])
def test_an_exponent_is_that_of_a_power_law(alpha: float) -> None:
    sizes = np.random.default_rng(2).zipf(alpha, 200_000)
    found, error = exponent(sizes)
    # The continuous estimate for integers is off by less than a hundredth from 10 on (Clauset et al., section 3.5).
    assert abs(found - alpha) < 3 * error + 0.01


@pytest.mark.extended
def test_the_page_says_what_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal_array, "SUPPLIES", (12,))
    monkeypatch.setattr(thermal_array, "SHARES", (0.02,))
    page = tmp_path / "page.md"
    arguments = ["--out", str(page), "--side", "3", "--seeds", "1", "--duration", "12e-6", "--small", "2"]
    assert thermal_array.main(arguments) == 0
    text = page.read_text()
    assert text.count("| spiking, ") + text.count("spiking, ") >= 3
    for window in ("50ns", "200ns"):
        assert (tmp_path / f"page-{window}.svg").read_text().startswith("<?xml")
        rows = (tmp_path / f"page-{window}.csv").read_text().splitlines()
        assert rows[0] == "method,size,avalanches"
        assert len(rows) > 3
