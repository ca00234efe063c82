"""Devices that the two-state model does not describe: the uncertainty contains the misfit, and the verdict says so."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neuristor.commands.cli import app
from neuristor.fit import Fitted, fit
from neuristor.golden_model.devices.fit import fit_iv
from neuristor.golden_model.devices.measurement import read
from tests.data import make

DATA = Path(make.__file__).parent
V_TH, V_HOLD, R_ON, SUPPLY = 1.35, 0.82, 1.1e3, 3.0
LOW, HIGH = 98e3, 49e3
"""R_off at 0.3 V and at V_th, by the law of Poole and Frenkel."""
B = math.log(LOW / HIGH) / (math.sqrt(V_TH) - math.sqrt(0.3))
OSCILLATOR = {"model": "relaxation_oscillator", "supply": SUPPLY}


def r_off(v: float) -> float:
    return LOW * math.exp(-B * (math.sqrt(max(v, 1e-9)) - math.sqrt(0.3)))


def curve(path: Path, *, v_hold: float = V_HOLD, compliance: float = 1e-3, seed: int = 1) -> Path:
    """Twenty cycles of the source, in steps of 10 mV, as a source meter stores them."""
    rng = np.random.default_rng(seed)
    ramp = np.arange(0, 2.0, 0.01)
    lines = ["Time (s),Voltage (V),Current (A)"]
    for cycle in range(20):
        on, high, low = False, rng.normal(V_TH, 0.02), rng.normal(v_hold, 0.01)
        for k, v in enumerate(np.concatenate([ramp, ramp[::-1]]).tolist()):
            on = v > low if on else v > high
            i = v / (R_ON if on else r_off(v))
            if i > compliance:
                i, v = compliance, compliance * R_ON
            i *= 1 + 3e-3 * rng.standard_normal()
            lines.append(f"{0.02 * (400 * cycle + k):.3f},{v + 2e-4 * rng.standard_normal():.6e},{i:.6e}")
    path.write_text("\n".join(lines))
    return path


def oscillation(
    r_s: float, c: float, duration: float, *, delay: float, seed: int = 2, step: float = 1e-9
) -> tuple[np.ndarray, np.ndarray]:
    """Voltage of the oscillator; the device switches `delay` after its thresholds are passed."""
    rng = np.random.default_rng(seed)
    v, on, timer = 0.9, False, -1.0
    high, low = rng.normal(V_TH, 0.02), rng.normal(V_HOLD, 0.01)
    out = np.empty(int(duration / step))
    for k in range(len(out)):
        if timer >= 0:
            timer -= step
            if timer < 0:
                on = not on
                high, low = rng.normal(V_TH, 0.02), rng.normal(V_HOLD, 0.01)
        elif v < low if on else v > high:
            timer = delay
        v += step * ((SUPPLY - v) / r_s - v / (R_ON if on else r_off(v))) / c
        out[k] = v
    return step * np.arange(len(out)), out


def scope(path: Path, *, delay: float) -> Path:
    """An 8-bit record of the oscillator with 8 kohm and 200 pF."""
    t, v = oscillation(8e3, 200e-12, 25e-6, delay=delay)
    t, v = t[::10], v[::10] + 3e-3 * np.random.default_rng(3).standard_normal(len(t[::10]))
    v = np.round(v / 0.0078) * 0.0078
    path.write_text("in s,C1 in V\n" + "".join(f"{a:.7e},{b:.5f}\n" for a, b in zip(t, v, strict=True)))
    return path


def value(found: Fitted, name: str) -> tuple[float, float]:
    """Value and uncertainty of the last row with this name, in SI units."""
    text = [text for title, text, _ in found.rows if title == name][-1]
    number, _, rest = text.partition(" +- ")
    sigma, _, unit = rest.partition(" ")
    scale = (
        {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}.get(unit[:1], 1.0) if len(unit) > 1 else 1.0
    )
    return float(number) * scale, float(sigma) * scale


def test_branch_that_is_not_ohmic_is_fitted_and_called_so(tmp_path: Path) -> None:
    side = fit_iv(read(curve(tmp_path / "iv.csv"))).main
    assert side.r_off_hold is not None
    assert side.r_off_th is not None
    assert side.r_off_hold.value == pytest.approx(r_off(V_HOLD), rel=0.01)
    assert side.r_off_th.value == pytest.approx(r_off(V_TH), rel=0.01)
    for resistance in (r_off(V_HOLD), r_off(V_TH)):
        assert abs(side.r_off.value - resistance) < 2 * side.r_off.sigma
    (problem,) = side.problems
    assert problem.startswith("the OFF branch is not ohmic (R_off is 6")
    assert side.r_on is not None
    assert side.r_on.value == pytest.approx(R_ON, rel=5e-3)


def test_ohmic_device_is_a_good_fit(tmp_path: Path) -> None:
    found = fit([DATA / "easyexpert.csv", DATA / "scope.csv"], out=tmp_path / "x.toml", model="relaxation_oscillator")
    assert (found.good, found.verdict) == (True, "Good fit.")
    assert "# Good fit." in (tmp_path / "x.toml").read_text("utf-8")


@pytest.mark.parametrize("delay", [0.0, 15e-9])
def test_circuit_is_within_its_uncertainty(tmp_path: Path, delay: float) -> None:
    files = [curve(tmp_path / "iv.csv"), scope(tmp_path / "scope.csv", delay=delay)]
    found = fit(files, out=tmp_path / "x.toml", **OSCILLATOR)
    for name, truth in (("capacitance", 200e-12), ("series_resistance", 8e3)):
        fitted, sigma = value(found, name)
        assert abs(fitted - truth) < 2 * sigma < 0.05 * truth
    assert not found.good
    assert "OFF branch is not ohmic" in found.verdict
    assert ("V_hold is 7" in found.verdict) == (delay > 0)
    assert f"# {found.verdict}" in (tmp_path / "x.toml").read_text("utf-8")


@pytest.mark.extended
@pytest.mark.parametrize(("r_s", "c"), [(8e3, 200e-12), (5e3, 50e-12), (20e3, 100e-12), (12e3, 1e-9)])
@pytest.mark.parametrize("delay", [0.0, 15e-9])
def test_frequency_of_other_circuits_is_within_its_uncertainty(
    tmp_path: Path, r_s: float, c: float, delay: float
) -> None:
    files = [curve(tmp_path / "iv.csv"), scope(tmp_path / "scope.csv", delay=delay)]
    found = fit(files, out=tmp_path / "x.toml", series_resistance=r_s, capacitance=c, **OSCILLATOR)
    t, v = oscillation(r_s, c, 150 * r_s * c, delay=delay, step=min(1e-9, r_s * c / 500))
    side = np.where(v > 1.2, 1, np.where(v < 0.95, -1, 0))
    falls = np.flatnonzero(np.diff(side[side != 0]) < 0)
    first, last = (np.flatnonzero(side != 0)[falls[k]] for k in (0, -1))
    truth = (len(falls) - 1) / (t[last] - t[first])
    frequency, sigma = value(found, "frequency of the design")
    assert abs(frequency - truth) < 2 * sigma < 0.45 * truth


def test_a_transient_of_another_circuit_is_called_so(tmp_path: Path) -> None:
    """With the wrong supply, the series resistance that is fitted is not the one that was there."""
    files = [curve(tmp_path / "iv.csv"), scope(tmp_path / "scope.csv", delay=0.0)]
    said = []
    for supply in (SUPPLY, 2.5):
        options = OSCILLATOR | {"supply": supply, "series_resistance": 8e3}
        said.append(fit(files, out=tmp_path / f"{supply}.toml", **options).verdict)
    assert "series resistance" not in said[0]
    assert "kohm as series resistance, not the 8 kohm of the design: it is of another circuit" in said[1]
    assert "or its supply was not 2.5 V" in said[1]


def test_curve_and_transient_that_disagree_are_called_so(tmp_path: Path) -> None:
    files = [curve(tmp_path / "iv.csv", v_hold=0.7), scope(tmp_path / "scope.csv", delay=0.0)]
    found = fit(files, out=tmp_path / "x.toml", **OSCILLATOR)
    assert "V_hold is 81" in found.verdict
    assert "in the transient and 69" in found.verdict
    fitted, sigma = value(found, "v_hold")
    assert abs(fitted - 0.7) < 2.1 * sigma


def test_command_says_what_it_read_and_whether_the_fit_is_good(tmp_path: Path) -> None:
    out = tmp_path / "x.toml"
    options = ["--supply", "2.5", "--series-resistance", "20e3", "--capacitance", "100e-12"]
    command = ["fit", str(curve(tmp_path / "iv.csv")), *options, "--model", "relaxation_oscillator", "--out", str(out)]
    result = CliRunner().invoke(app, [*command, "--voltage", "Voltage", "--current", "3"])
    assert result.exit_code == 0, result.output
    assert (
        "iv.csv: I-V curve, 20 sweeps: voltage = column 2 'Voltage (V)', current = column 3 'Current (A)'"
        in result.output
    )
    assert "Bad fit: iv.csv: the OFF branch is not ohmic" in result.output
    assert tomllib.loads(out.read_text("utf-8"))["device"]["r_ins"] == pytest.approx(56e3, rel=0.05)
