from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import lif
from benchmarks.harness import Peer, Row, best_rate, environment, main, table
from neuristor.golden_model.neurons.lif import LifBitTrue

ROOT = Path(__file__).parents[2]
KEYS = ["name", "value", "unit", "goal", "peer", "ok"]


def test_a_row_is_ok_when_its_goal_is_reached() -> None:
    assert Row(name="a", value=5.0, unit="1/s", goal=5.0).ok is True
    assert Row(name="a", value=4.9, unit="1/s", goal=5.0).ok is False
    assert Row(name="a", value=4.9, unit="1/s").ok is None
    assert Row(name="a", value=6.0, unit="1/s", peer=Peer("b", 4.0)).ratio == 1.5


def test_a_row_is_one_line_of_json() -> None:
    line = Row(name="a", value=6.0, unit="1/s", goal=7.0, peer=Peer("b", 4.0)).json()
    assert "\n" not in line
    assert list(json.loads(line)) == KEYS
    assert json.loads(line)["peer"] == {"name": "b", "value": 4.0}
    assert json.loads(Row(name="a", value=6.0, unit="1/s").json())["peer"] is None


def test_best_rate_takes_the_fastest_run_and_leaves_out_the_first() -> None:
    now, durations = 0.0, iter([0.001, 4.0, 2.0, 3.0, 99.0])

    def work() -> None:
        nonlocal now
        now += next(durations)

    assert best_rate(work, 10.0, seconds=5.0, least=2, clock=lambda: now) == pytest.approx(5.0)


def test_environment_names_versions_and_machine() -> None:
    found = environment()
    assert {"command", "python", "numpy", "numba", "amaranth", "cocotb", "verilator", "machine"} == set(found)
    assert found["numpy"] == np.__version__
    assert "cores" in found["machine"]


def measured(quick: bool, note: object) -> Iterator[Row]:
    yield Row(name="fast" if quick else "slow", value=12_345.0, unit="1/s", goal=1e6, peer=Peer("other", 5.0))


def test_main_prints_json_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    main("Things", measured, ["--quick", "--json"])
    assert json.loads(capsys.readouterr().out)["name"] == "fast"
    main("Things", measured, [])
    out = capsys.readouterr().out
    for text in ("Things", "slow", "12,345", "1,000,000", "missed", "other", "2,469.0 x", np.__version__):
        assert text in out
    assert len(table("Things", measured(True, None)).columns) == 8


def test_the_python_loop_gives_the_spikes_of_the_model() -> None:
    params = lif.params_for(9)
    drive = lif.drive_for(params, 300)
    spikes = LifBitTrue(params).run(drive)["spike"]
    assert lif.python_loop(params, drive) == spikes.tolist()
    assert spikes.sum() > 20
    with pytest.raises(ValueError, match="python_loop knows neither noise"):
        lif.python_loop(lif.params_for(9, threshold_c2c=0.01), drive)


@pytest.mark.slow
def test_quick_run_prints_one_json_object_a_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.lif", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert len({row["name"] for row in rows}) == len(rows) >= 3
    for row in rows:
        assert list(row) == KEYS
        assert row["value"] > 0
        assert row["ok"] is (None if row["goal"] is None else row["value"] >= row["goal"])
        assert row["peer"] is None or row["peer"]["value"] > 0
