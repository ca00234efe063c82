"""Fits of I-V curves under noise that hides a part of the OFF branch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.iv_fit import fit_iv
from neuristor.golden_model.devices.measurement import read


@pytest.mark.parametrize("sigma", [0.0, 1e-6, 3e-6, 10e-6])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_does_not_lower_the_resistance(sigma: float, seed: int, tmp_path: Path) -> None:
    """At V_hold the current of 100 kohm is 10 uA, as large as the noise: its logarithm has a bias."""
    rng = np.random.default_rng(seed)
    lines = ["V (V),I (A)"]
    up = np.linspace(0, 2.5, 126)
    for v, on in [*((v, v > 2) for v in up), *((v, v > 1) for v in up[::-1])] * 5:
        lines.append(f"{v:.4f},{v / (1e3 if on else 100e3) + rng.normal(0, sigma):.6e}")
    (tmp_path / "iv.csv").write_text("\n".join(lines) + "\n")
    found = fit_iv(read(tmp_path / "iv.csv")).main
    assert abs(found.r_off.value - 100e3) <= 3 * found.r_off.sigma + 1e-6
    assert found.r_off.sigma < 10e3
    for at in (found.r_off_hold, found.r_off_th):
        # Where the current is 5 sigma, its logarithm is low by 1 / 50.
        assert at is None or abs(at.value - 100e3) <= 3 * at.sigma + 2e3
