from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.catalogue import catalogue, preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.pictures.devices import device_picture
from neuristor.show import describe, window


@pytest.mark.parametrize("name", ["vo2-onn", "ag-hfo2", "hzo-afefet"])
def test_pictures_are_byte_identical(name: str, tmp_path: Path) -> None:
    device_picture(name).save(tmp_path / "first.svg")
    device_picture(name).save(tmp_path / "second.svg")
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    assert first.startswith(b"<?xml")
    assert b"dc:date" not in first


@pytest.mark.parametrize("name", ["vo2-onn", "vo2-thermal", "vo2-mott"])
def test_window_matches_the_regime(name: str) -> None:
    switch = preset(name).device.switch()
    random = np.random.default_rng(1)
    supply = switch.v_th * random.uniform(0.5, 4.0, 300)
    resistance = 10 ** random.uniform(2, 6, 300)
    seen = set()
    for v, r, low, high in zip(supply, resistance, *window(switch, supply), strict=True):
        regime = Circuit(device=switch, supply=v, series_resistance=r, capacitance=1e-9).regime()
        assert regime == ("silent" if r >= high else "latches" if r <= low else "oscillates")
        seen.add(regime)
    assert len(seen) == 3


@pytest.mark.parametrize("name", [name for name, entry in catalogue().items() if entry.missing])
def test_incomplete_devices_are_described_and_not_drawn(name: str) -> None:
    rows = dict(describe(name))
    assert "v_hold" in rows["missing"]
    assert any(label.startswith("published ") for label in rows)
    with pytest.raises(ValueError, match="but lacks"):
        device_picture(name)


def test_rows_of_an_oscillator() -> None:
    rows = dict(describe("vo2-onn"))
    assert rows["v_th"] == "1.99 V (the public netlist; verified)"
    assert rows["oscillates at 2.5 V with"] == "1.51 kohm to 25.68 kohm"
    assert rows["as a switch, frequency"] == "240.2 kHz, oscillates"
    assert rows["simulated frequency"] == "219.9 kHz"  # its transitions take time
    device, supply = (
        float(rows[f"energy per spike, {by}"].split(" pJ")[0]) for by in ("in the device", "from the supply")
    )
    assert supply > device > 0


def test_published_figures_stand_beside_computed_ones() -> None:
    rows = dict(describe("ag-hfo2"))
    assert rows["published t_off_s"].startswith("240 ns (V. Ostrovskii et al., printed: below this; verified)")
    assert rows["published t_off_s"].endswith("computed here 219.9 ns")


def test_numbers_of_a_device_have_units() -> None:
    """Each number that is not a ratio or an exponent; those say that they have none."""
    without = {"gamma", "a", "d_set", "d_reset"}
    assert dict(describe("vo2-mott"))["rho_ins"].startswith("10 mohm m (")
    for name, entry in catalogue().items():
        rows = dict(describe(name))
        for key in entry.numbers:
            number, unit = rows[key].split(" (")[0].split(" ", 1)
            assert (unit == "no unit") == (key in without), (name, key, number)


def test_unknown_device() -> None:
    with pytest.raises(ValueError, match="preset must be one of"):
        describe("vo3")
