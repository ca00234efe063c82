"""Runs as files: what other tools read has all quantities, with their units, and is the same twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import neuristor as nr
from neuristor.commands.cli import app

SWITCH = {"neuron": {"model": "vo2_switch", "count": 3, "dt": 80e-9}, "stimulus": {"source": "none", "ticks": 400}}


@pytest.fixture(scope="module")
def run() -> nr.Run:
    return nr.run(nr.design(SWITCH, name="three"))


def test_an_npz_file_has_arrays_and_their_units(run: nr.Run, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    run.save(path)
    with np.load(path) as held:
        units, about = json.loads(str(held["units"])), json.loads(str(held["about"]))
        np.testing.assert_array_equal(held["v"], run.membrane)
        np.testing.assert_array_equal(held["device_v"], run.reference_membrane)
        np.testing.assert_array_equal(held["spike"], run.spikes)
        np.testing.assert_array_equal(held["time"], run.time)
        for n, times in enumerate(run.spike_times):
            np.testing.assert_array_equal(held["spike_time"][held["spike_neuron"] == n], times)
    assert units == {"time": "s", "spike_time": "s", "input": "A", "v": "V", "device_v": "V"}
    assert (about["design"], about["sha256"]) == ("three", run.neurons.digest)


def test_a_parquet_file_has_a_row_for_each_tick_and_neuron(run: nr.Run, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    run.save(path)
    table = pq.read_table(path)
    assert table.num_rows == run.spikes.size
    assert table.schema.field("v").metadata == {b"unit": b"V"}
    assert table.schema.metadata[b"sha256"].decode() == run.neurons.digest
    np.testing.assert_array_equal(table["v"].to_numpy().reshape(run.membrane.shape), run.membrane)
    np.testing.assert_array_equal(table["neuron"].to_numpy()[:4], [0, 1, 2, 0])


def test_parameters_that_differ_come_back(tmp_path: Path) -> None:
    devices = {"r_ins": np.array([100e3, 110e3, 95e3])}
    run = nr.run(nr.design({**SWITCH, "variability": {"parameters": {"v_th": 0.01}, "seed": 3}}))
    run.save(tmp_path / "spread.npz")
    measured = nr.run(nr.neurons(model="vo2_switch", count=3, dt=80e-9, devices=devices), ticks=100)
    measured.save(tmp_path / "run.npz")
    measured.save(tmp_path / "run.parquet")
    with np.load(tmp_path / "spread.npz") as held:
        assert np.ptp(held["parameter_v_th"]) > 0
        assert json.loads(str(held["units"]))["parameter_v_th"] == "V"
    with np.load(tmp_path / "run.npz") as held:
        np.testing.assert_array_equal(held["parameter_r_ins"], devices["r_ins"])
        assert json.loads(str(held["units"]))["parameter_r_ins"] == "ohm"
    table = pq.read_table(tmp_path / "run.parquet")
    np.testing.assert_array_equal(table["parameter_r_ins"].to_numpy()[:3], devices["r_ins"])
    assert table.schema.field("parameter_r_ins").metadata == {b"unit": b"ohm"}


def test_a_csv_file_has_the_spikes_in_their_order(run: nr.Run, tmp_path: Path) -> None:
    path = tmp_path / "spikes.csv"
    run.save(path)
    first, *rows = csv.reader(path.read_text().splitlines())
    assert first == ["time (s)", "neuron"]
    assert len(rows) == sum(map(len, run.spike_times))
    times = [float(time) for time, _ in rows]
    assert times == sorted(times)
    np.testing.assert_allclose(times[::3], run.spike_times[0], rtol=1e-8)


@pytest.mark.parametrize("ending", [".npz", ".parquet", ".csv"])
def test_the_same_run_gives_the_same_bytes(run: nr.Run, ending: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run.save(tmp_path / f"{name}{ending}")
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    with pytest.raises(ValueError, match="exists"):
        run.save(tmp_path / f"a{ending}")
    run.save(tmp_path / f"a{ending}", force=True)


def test_words_without_a_unit_say_so(tmp_path: Path) -> None:
    vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    made = nr.run(nr.neurons(vo2, count=2), ticks=300)
    made.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as held:
        assert {"membrane", "metallic_raw", "device_membrane"} <= set(held)
        assert "metallic_raw" not in json.loads(str(held["units"]))


def test_the_order_of_a_run_is_that_of_its_spikes(run: nr.Run) -> None:
    # Three equal switches: in order, as one avalanche of three in each period.
    late = run.synchronisation[np.isfinite(run.synchronisation)]
    np.testing.assert_allclose(late, 1, atol=1e-12)
    np.testing.assert_allclose(run.phase_differences, 0, atol=1e-9)
    assert set(run.avalanches(1e-9).tolist()) == {3}


def test_the_command_writes_it_or_says_why_not(tmp_path: Path) -> None:
    design = tmp_path / "three.toml"
    design.write_text('[neuron]\nmodel = "vo2_switch"\ncount = 3\n[stimulus]\nsource = "none"\nticks = 200\n')
    said = CliRunner().invoke(app, ["simulate", str(design), "--save", str(tmp_path / "run.txt")])
    assert "run.txt must end in .npz, .parquet or .csv" in str(said.exception)
    done = CliRunner().invoke(app, ["simulate", str(design), "--save", str(tmp_path / "run.npz")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run.npz").exists()
