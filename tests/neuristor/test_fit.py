from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.design_file import load
from neuristor.fit import Options, fit
from neuristor.folder import OutputError
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from tests.data import make

DATA = Path(make.__file__).parent
IV, WAVE = DATA / "easyexpert.csv", DATA / "scope.csv"
CIRCUIT: dict[str, Any] = {"supply": 1.5, "series_resistance": 20e3, "capacitance": 1e-9}


@pytest.mark.parametrize("count", [1, 7, 64])
def test_lif_design_loads_and_can_fire(tmp_path: Path, count: int) -> None:
    out = tmp_path / "fitted.toml"
    rows = fit([IV], out=out, count=count, **CIRCUIT).rows
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


def device_file(path: Path, v_th: float, v_hold: float, cycles: int = 3) -> Path:
    device = ThresholdSwitch(r_ins=100e3, r_met=1e3, v_th=v_th, v_hold=v_hold)
    v, i = make.iv_curve(device, np.random.default_rng(1), cycles=cycles, top=1.5 * v_th, step=0.01)
    path.write_text("V,I\n" + "".join(f"{a:.4f},{b:.6e}\n" for a, b in zip(v, i, strict=True)))
    return path


def test_several_devices_give_a_spread(tmp_path: Path) -> None:
    out = tmp_path / "fitted.toml"
    fit([IV, DATA / "sourcemeter.csv", DATA / "clarius.csv"], out=out, model="relaxation_oscillator", **CIRCUIT)
    spread = tomllib.loads(out.read_text("utf-8"))["variability"]
    assert 0 <= spread["threshold_d2d"] < 0.02
    assert 0 <= spread["hold_d2d"] < 0.04
    assert "mean of 3 devices" in out.read_text("utf-8")


def test_a_folder_holds_many_devices(tmp_path: Path) -> None:
    folder = tmp_path / "devices"
    folder.mkdir()
    rng = np.random.default_rng(7)
    v_th, v_hold = rng.normal(2.0, 0.1, 24), rng.normal(1.0, 0.08, 24)
    for n, (a, b) in enumerate(zip(v_th.tolist(), v_hold.tolist(), strict=True)):
        device_file(folder / f"{n:02d}.csv", a, b)
    (folder / "notes.txt").write_text("wafer 3, measured on Monday\n")
    (folder / "dead.csv").write_text("V,I\n" + "".join(f"{k / 10},{k / 1e6}\n" for k in range(20)))
    (folder / "photo.png").write_bytes(b"\x89PNG")
    out = folder / "fitted.toml"
    found = fit([folder], out=out, model="relaxation_oscillator", **(CIRCUIT | {"supply": 4.0}))
    table = tomllib.loads(out.read_text("utf-8"))
    assert table["device"]["v_th"] == pytest.approx(v_th.mean(), abs=0.01)
    assert table["variability"]["threshold_d2d"] == pytest.approx(v_th.std(ddof=1) / v_th.mean(), abs=0.003)
    assert table["variability"]["hold_d2d"] == pytest.approx(v_hold.std(ddof=1) / v_hold.mean(), abs=0.006)
    assert load(out).params.count == 64
    left = [line for line in found.readings if "left out" in line]
    assert [line.partition(":")[0] for line in left] == ["dead.csv", "notes.txt"]
    assert "never switches on" in left[0]
    assert len(found.readings) == 26
    assert sum(name == "V_th, V_hold, R_off, R_on" for name, _, _ in found.rows) == 24
    assert any(name == "V_hold device to device" for name, _, _ in found.rows)
    assert "2 files of folders left out" in found.verdict


def test_a_folder_without_measurements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold 1 to 2000 measurements \(.csv, .tsv, .*\), not 0"):
        fit([tmp_path], out=tmp_path / "x.toml", **CIRCUIT)
    (tmp_path / "a.csv").write_text("hello\n")
    with pytest.raises(ValueError, match=r"no file of the folder can be used; the first: .*a.csv must hold a table"):
        fit([tmp_path], out=tmp_path / "x.toml", **CIRCUIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_devices_and_cycles_side_by_side_in_a_file(tmp_path: Path) -> None:
    curves = []
    for v_th, v_hold in ((1.2, 0.6), (0.9, 0.4)):
        lines = device_file(tmp_path / "one.csv", v_th, v_hold, cycles=1).read_text().splitlines()[1:]
        curves.append([*lines, *[","] * (400 - len(lines))])
    rows = [",".join(pair) for pair in zip(*curves, strict=True)]
    for header, devices in (("V1,I1,V2,I2", 2), ("V cycle 1,I cycle 1,V cycle 2,I cycle 2", 1)):
        path = tmp_path / "pairs.csv"
        path.write_text("\n".join([header, *rows]))
        found = fit([path], out=tmp_path / "x.toml", force=True, model="relaxation_oscillator", **CIRCUIT)
        spread = tomllib.loads((tmp_path / "x.toml").read_text("utf-8"))["variability"]
        assert ("hold_d2d" in spread) == (devices == 2)
        if devices == 2:
            values = {source: value for name, value, source in found.rows if name == "V_th"}
            assert [source.partition(", 1 ")[0] for source in values] == ["pairs.csv, device 1", "pairs.csv, device 2"]
        else:
            values = {source: value for name, value, source in found.rows if name == "V_th, V_hold"}
            assert list(values) == ["pairs.csv, columns 'cycle 1'", "pairs.csv, columns 'cycle 2'"]
            assert "V_th differs by 20% between the cycles; are they of one device?" in found.verdict
            assert not found.good
        assert [value[:4] for value in values.values()] == ["1.20", "895 "] or len(values) == 2


def test_temperature_loop_gives_the_transition_temperature(tmp_path: Path) -> None:
    t = np.linspace(300, 370, 141)
    r = 1e3 * 100 ** (1 / (1 + np.exp((t - 340) / 1.5)))
    path = tmp_path / "rt.csv"
    path.write_text("T (K),R (ohm)\n" + "".join(f"{a:.2f},{b:.5e}\n" for a, b in zip(t, r, strict=True)))
    found = fit([IV, path], out=tmp_path / "x.toml", **CIRCUIT)
    assert load(tmp_path / "x.toml").circuit.device.transition_temperature == pytest.approx(340, abs=0.3)
    assert [name for name, _, source in found.rows if source == "rt.csv"][:3] == [
        "T_c, heating",
        "R, coldest",
        "R, hottest",
    ]
    with pytest.raises(ValueError, match=r"has no threshold voltage: add an I-V curve"):
        fit([path], out=tmp_path / "y.toml", **CIRCUIT)


def test_options_for_all_files_and_for_one(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    lines = (DATA / "sourcemeter.csv").read_text().splitlines()
    path.write_text("\n".join(["a,b,c", *lines[1:]]))
    with pytest.raises(ValueError, match=r"odd.csv, line 1: wanted a voltage column"):
        fit([path], out=tmp_path / "x.toml", **CIRCUIT)
    for options, files in (
        (Options(voltage=["b"], current=["3"]), [path]),
        (Options(voltage=["odd.csv:b"], current=["x", "odd.csv:c"], kind=["iv"]), [path]),
        (Options(voltage=["odd.csv:b"], current=["odd.csv:c"], kind=["odd.csv:iv"]), [path, IV]),
    ):
        found = fit(files, out=tmp_path / "x.toml", force=True, options=options, **CIRCUIT)
        assert found.readings[0] == (
            "odd.csv: I-V curve, 3 sweeps: voltage = column 2 'b', current = column 3 'c'; not used: 'a'"
        )
    with pytest.raises(ValueError, match=r"--kind must be among iv, transient, rt, not 'ivv'"):
        fit([path], out=tmp_path / "x.toml", force=True, options=Options(kind=["odd.csv:ivv"]), **CIRCUIT)


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
        (
            [IV],
            {"supply": 5.0, "model": "lif"},
            r"oscillates without input: for lif neurons give a --supply below 2\.\d+ V, not 5 V",
        ),
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
