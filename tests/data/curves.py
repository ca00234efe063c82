"""Curves of simulated devices, and files of them as laboratories write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.fit import fit_iv
from neuristor.golden_model.devices.measurement import Measurement, read
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from tests.data import make

DEVICE = ThresholdSwitch(r_ins=100e3, r_met=1.5e3, v_th=1.2, v_hold=0.6)
OTHER = ThresholdSwitch(r_ins=100e3, r_met=500.0, v_th=0.9, v_hold=0.4)
STEP, POINTS, START = 4e-8, 250, -2e-6
TIME = START + STEP * np.arange(POINTS)
WAVE = 0.9 + 0.3 * np.abs((np.arange(POINTS) % 50) / 25 - 1)
"""Five oscillations between 0.9 and 1.2 V."""
HALF_DIGIT = 5e-8
"""Largest relative error of a number of eight digits, as `text` writes it; a resistance has that of two."""
EXACT = 8 * np.finfo(np.float64).eps
"""What sums of a few numbers lose."""

Cell = float | str


def curve(device: ThresholdSwitch = DEVICE, top: float = 2.0, cycles: int = 2) -> tuple[np.ndarray, np.ndarray]:
    return make.iv_curve(device, np.random.default_rng(1), cycles=cycles, top=top, step=top / 100)


VOLT, AMPERE = curve()


def text(
    columns: Sequence[Sequence[Cell] | np.ndarray], *header: str, delimiter: str = ",", comma: bool = False
) -> str:
    rows = [delimiter.join(c if isinstance(c, str) else f"{c:.7E}" for c in row) for row in zip(*columns, strict=True)]
    if comma:
        rows = [row.replace(".", ",") for row in rows]
    return "\n".join([*header, *rows, ""])


def load(folder: Path, content: str, name: str = "data.csv", **options: object) -> Measurement:
    path = folder / name
    path.write_text(content, "utf-8")
    return read(path, **options)  # type: ignore[arg-type]


def check_curve(found: Measurement, device: ThresholdSwitch = DEVICE, step: float = 0.02) -> None:
    assert found.kind == "iv", found.reading
    side = fit_iv(found).main
    half = step / 2 + EXACT  # the middle of the step of the sweep in which the device switches
    assert side.v_th.value == pytest.approx(device.v_th, abs=half)
    assert side.v_hold.value == pytest.approx(device.v_hold, abs=half)
    assert side.r_off.value == pytest.approx(device.r_ins, rel=2 * HALF_DIGIT)
    assert side.r_on is not None
    assert side.r_on.value == pytest.approx(device.r_met, rel=2 * HALF_DIGIT)


def check_wave(found: Measurement, *, supply: float | None = None, start: float = START) -> None:
    assert found.kind == "transient", found.reading
    sweep = found.sweeps[0]
    assert sweep.time is not None
    np.testing.assert_allclose(sweep.time, TIME - START + start, rtol=0, atol=HALF_DIGIT * 1e-5)
    np.testing.assert_allclose(sweep.voltage, WAVE, rtol=HALF_DIGIT + EXACT)
    assert (sweep.supply is None) == (supply is None)
    assert supply is None or sweep.supply == pytest.approx(supply)
