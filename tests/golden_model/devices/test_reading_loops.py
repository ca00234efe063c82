"""Loops of resistance over temperature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.fit import fit_loop
from tests.data.curves import AMPERE, VOLT, check_curve, load, text


def loop(cycles: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Transition at 340 K on heating and 332 K on cooling, 200 kohm to 1 kohm."""
    up = np.linspace(300, 370, 141)
    parts = []
    for rising in (True, False) * cycles:
        temperature = up if rising else up[::-1]
        share = 1 / (1 + np.exp((temperature - (340 if rising else 332)) / 1.5))
        parts.append((temperature, 1e3 * 200.0**share))
    return np.concatenate([t for t, _ in parts]), np.concatenate([r for _, r in parts])


T, R = loop()


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Temperature (K),Resistance (Ohm)", [T, R]),
        ("T (K),R (kOhm)", [T, R / 1e3]),
        ("T (°C),R (Ω)", [T - 273.15, R]),
        ("Temp. [C],Widerstand [kΩ]", [T - 273.15, R / 1e3]),
        ("Time (s),Temperature (K),Resistance (ohm)", [np.arange(len(T)), T, R]),
        ("Sample Temp (K),V (V),I (A),R (ohm)", [T, 1e-6 * R, 0 * T + 1e-6, R]),
        ("R,T", [R, T]),
        ("Index,Stage temperature (degC),DUT resistance (MOhm)", [np.arange(len(T)), T - 273.15, R / 1e6]),
    ],
)
def test_resistance_over_temperature(tmp_path: Path, header: str, columns: list[np.ndarray]) -> None:
    found = load(tmp_path, text(columns, header))
    assert (found.kind, found.sweeps, len(found.loops)) == ("rt", (), 1)
    fit = fit_loop(found)
    assert fit.heating is not None
    assert fit.cooling is not None
    assert abs(fit.heating.value - 340) < 0.2
    assert abs(fit.cooling.value - 332) < 0.2
    assert fit.r_cold.value == pytest.approx(200e3, rel=0.01)
    assert fit.r_hot.value == pytest.approx(1e3, rel=0.01)
    assert fit.transition is fit.heating


def test_heating_and_cooling_side_by_side(tmp_path: Path) -> None:
    half = len(T) // 2
    found = load(tmp_path, text([T[:half], R[:half], R[half:][::-1]], "T (K),R heating (ohm),R cooling (ohm)"))
    fit = fit_loop(found)
    assert fit.heating is not None
    assert fit.cooling is not None
    assert (fit.heating.value, fit.cooling.value) == pytest.approx((340, 332), abs=0.2)


def test_temperature_beside_a_curve_is_no_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stage = 300 + 0.05 * rng.standard_normal(len(VOLT))
    r = np.divide(VOLT, AMPERE, out=np.full(len(VOLT), 1e5), where=AMPERE > 0)
    check_curve(
        load(tmp_path, text([VOLT, AMPERE, stage, r], "Voltage (V),Current (A),Temperature (K),Resistance (ohm)"))
    )


def test_loops_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wanted a transition: a resistance that changes at least by a factor of 3"):
        fit_loop(load(tmp_path, text([T, 0 * T + 1e3], "T (K),R (ohm)")))
    with pytest.raises(ValueError, match=r"column 2 'R .arb.': the unit 'arb' is not understood; wanted resistance"):
        load(tmp_path, text([T, R], "T (K),R (arb)"), kind="rt")
    with pytest.raises(ValueError, match="column 1 'T' starts at 20 and has no unit: wanted K or degC"):
        load(tmp_path, text([T - 280, R], "T,R (ohm)"))
    with pytest.raises(ValueError, match="wanted a temperature and a resistance column"):
        load(tmp_path, text([VOLT, AMPERE], "V,I"), kind="rt")
    with pytest.raises(ValueError, match="wanted resistance over temperature, not iv"):
        fit_loop(load(tmp_path, text([VOLT, AMPERE], "V,I")))
