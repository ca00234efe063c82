from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from neuristor.design_file import load
from neuristor.fit import fit
from neuristor.folder import OutputError
from tests.data import make

DATA = Path(make.__file__).parent
IV, WAVE = DATA / "easyexpert.csv", DATA / "scope.csv"
CIRCUIT: dict[str, Any] = {"supply": 1.5, "series_resistance": 20e3, "capacitance": 1e-9}


@pytest.mark.parametrize("count", [1, 7, 64])
def test_lif_design_loads_and_can_fire(tmp_path: Path, count: int) -> None:
    out = tmp_path / "fitted.toml"
    rows = fit([IV], out=out, count=count, **CIRCUIT)
    design = load(out)  # refuses a stimulus that makes no neuron fire
    assert design.circuit.device.v_th == pytest.approx(1.99, abs=0.05)
    assert design.circuit.device.r_met == pytest.approx(990, rel=5e-3)
    assert design.params.count == count
    assert design.circuit.tau_ins / design.params.dt == pytest.approx(50, rel=0.01)
    assert ("supply", "1.5 V", "given") in rows
    assert any(name == "V_th" and "+-" in value and "easyexpert.csv" in source for name, value, source in rows)


def test_numbers_carry_uncertainty_and_source(tmp_path: Path) -> None:
    out = tmp_path / "fitted.toml"
    fit([IV, WAVE], out=out, model="relaxation_oscillator", count=9)
    text = out.read_text("utf-8")
    for path in (IV, WAVE):
        assert f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in text
    table = tomllib.loads(text)
    assert table["circuit"]["capacitance"] == pytest.approx(300e-12, rel=0.02)
    assert table["circuit"]["series_resistance"] == pytest.approx(20e3, rel=0.02)
    assert table["circuit"]["supply"] == pytest.approx(4.0, rel=1e-3)
    assert table["variability"]["threshold_c2c"] == pytest.approx(0.005, abs=0.004)
    assert table["neuron"]["model"] == "relaxation_oscillator"
    for section in ("device", "circuit", "variability"):
        for key in table[section]:
            (line,) = (line for line in text.splitlines() if line.startswith(f"{key} = "))
            assert "sigma" in line or "mean of its column" in line
            assert "easyexpert.csv" in line or "scope.csv" in line


def test_several_devices_give_a_spread(tmp_path: Path) -> None:
    out = tmp_path / "fitted.toml"
    fit([IV, DATA / "sourcemeter.csv", DATA / "clarius.csv"], out=out, **CIRCUIT)
    assert 0 <= tomllib.loads(out.read_text("utf-8"))["variability"]["threshold_d2d"] < 0.02
    assert "mean of 3 devices" in out.read_text("utf-8")


def test_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fit(
            [IV, WAVE],
            out=tmp_path / name / "x.toml",
            plot=tmp_path / name / "x.svg",
            model="relaxation_oscillator",
        )
    for file in ("x.toml", "x.svg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "x.svg").read_text("utf-8").rstrip().endswith("</svg>")


def test_odd_file_names_stay_in_their_comment(tmp_path: Path) -> None:
    odd = tmp_path / 'a "b"\nsupply = 9 $x^$.csv'
    odd.write_bytes(IV.read_bytes())
    out = tmp_path / 'out "q" \\ é.toml'
    fit([odd], out=out, plot=tmp_path / "p.svg", count=2, **CIRCUIT)
    assert load(out).circuit.supply == 1.5


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (
            [IV],
            {"capacitance": None},
            "an I-V curve has no time scale: give --capacitance and --series-resistance, or a",
        ),
        ([IV], {"series_resistance": None}, "an I-V curve has no time scale"),
        ([IV], {"supply": None}, "an I-V curve has no supply: give --supply"),
        ([IV], {"supply": -1.0}, "supply must be a positive number, not -1.0"),
        ([IV], {"count": 0}, "count must be an integer between 1 and 65536, not 0"),
        ([IV], {"model": "lef"}, "neuron must be one of lif"),
        ([IV], {"supply": 5.0}, r"oscillates without input: for lif neurons give a --supply below 2\.\d+ V, not 5 V"),
        ([WAVE], {}, "a transient has no scale of resistance: add an I-V curve"),
        ([], {}, "data must be at least one file"),
        ([DATA / "absent.csv"], {}, "absent.csv cannot be read"),
    ],
)
def test_refused_and_nothing_written(tmp_path: Path, data: list[Path], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(data, out=tmp_path / "x.toml", plot=tmp_path / "x.svg", **(CIRCUIT | changes))
    assert not list(tmp_path.iterdir())


def test_r_on_must_be_known(tmp_path: Path) -> None:
    table = IV.read_text("utf-8").splitlines()
    clipped = tmp_path / "clipped.csv"
    lines = []
    for line in table:
        cells = line.split(", ")
        if cells[0] == "DataValue" and abs(float(cells[2])) > 1e-4:
            line = f"DataValue, {cells[1]}, 1e-4, -1e-4"
        lines.append(line)
    clipped.write_text("\n".join(lines), "utf-8")
    with pytest.raises(ValueError, match=r"clipped.csv: R_on is unknown, .* raise the compliance, or add a transient"):
        fit([clipped], out=tmp_path / "x.toml", **CIRCUIT)
    fit([clipped, WAVE], out=tmp_path / "x.toml", model="relaxation_oscillator")
    assert tomllib.loads((tmp_path / "x.toml").read_text("utf-8"))["device"]["r_met"] == pytest.approx(990, rel=0.02)


def test_existing_files_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "x.toml"
    out.write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists: name another, or pass --force"):
        fit([IV], out=out, **CIRCUIT)
    assert out.read_text("utf-8") == "mine"
    fit([IV], out=out, force=True, **CIRCUIT)
    copy = tmp_path / "iv.csv"
    copy.write_bytes(IV.read_bytes())
    with pytest.raises(ValueError, match="is one of the measurements"):
        fit([copy], out=copy, force=True, **CIRCUIT)
