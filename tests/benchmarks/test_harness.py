"""The shared command line of the benchmarks, their rows, and what they do if an extra is missing."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import Benchmark, Peer, Row, Run, Work, best_rates, environment, extras, table
from neuristor.boards.base import MissingTool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
SUBJECTS = [name for name in MODULES if '__name__ == "__main__"' in (FOLDER / f"{name}.py").read_text()]
KEYS = ["name", "value", "unit", "goal", "peer", "ok"]


def subject(name: str) -> Benchmark:
    found = importlib.import_module(f"benchmarks.{name}").BENCHMARK
    assert isinstance(found, Benchmark)
    return found


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def without(packages: list[str]) -> str:
    """Python code after which some packages cannot be imported."""
    return f"import sys; sys.modules.update(dict.fromkeys({packages!r}))"


# --- every benchmark in the folder


def test_there_are_benchmarks_and_helpers() -> None:
    assert len(SUBJECTS) >= 10
    for name in set(MODULES) - set(SUBJECTS):
        assert not hasattr(importlib.import_module(f"benchmarks.{name}"), "BENCHMARK"), name


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_benchmark_takes_json_and_quick(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = subject(name)
    assert made.name == name
    options = made.parser().parse_args(["--json", "--quick"])
    assert options.json is True
    assert options.quick is True
    with pytest.raises(SystemExit) as ended:
        made.main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for text in (f"python -m benchmarks.{name} ", "--json", "--quick"):
        assert text in out


def test_every_benchmark_can_be_imported_without_extras() -> None:
    optional = ["numba", "distributed", "torch", "snntorch", "mlxtend", "brian2"]
    assert all(extras(package) or package == "torch" for package in optional)
    code = f"""{without(optional)}
import importlib
for name in {SUBJECTS!r}:
    importlib.import_module(f"benchmarks.{{name}}").BENCHMARK.parser()
"""
    ended = run_python("-c", code)
    assert ended.returncode == 0, ended.stderr


NEEDED = [(name, package) for name in SUBJECTS for package in (*subject(name).needs, *subject(name).full_needs)]


@pytest.mark.parametrize(("name", "package"), NEEDED)
def test_a_missing_extra_gives_one_sentence_and_status_2(name: str, package: str) -> None:
    code = f"""{without([package])}
import runpy
sys.argv = ["-m", "--json"]
runpy.run_module("benchmarks.{name}", run_name="__main__", alter_sys=True)
"""
    ended = run_python("-c", code)
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"benchmarks.{name} needs {package} (")
    assert extras(package)
    for extra in extras(package):
        assert f"'.[{extra}]'" in line


def check_rows(out: str) -> None:
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row) == KEYS
        assert isinstance(row["name"], str)
        assert isinstance(row["unit"], str)
        assert isinstance(row["value"], int | float)
        assert (row["ok"] is None) is (row["goal"] is None)
        assert row["ok"] in (None, True, False)
        assert row["peer"] is None or list(row["peer"]) == ["name", "value"]


def test_a_quick_run_prints_one_json_object_per_row() -> None:
    ended = run_python("-m", "benchmarks.associative", "--quick", "--json")
    assert ended.returncode == 0, ended.stderr
    check_rows(ended.stdout)
    header = ended.stderr.splitlines()[0]
    for text in ("python -m benchmarks.associative --quick --json", f"numpy: {np.__version__}", "cores, load "):
        assert text in header


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_quick_run_prints_one_json_object_per_row(name: str) -> None:
    ended = run_python("-m", f"benchmarks.{name}", "--quick", "--json")
    assert ended.returncode == 0, ended.stderr
    check_rows(ended.stdout)


# --- rows


def test_a_row_is_ok_when_its_goal_is_reached() -> None:
    assert Row(name="a", value=5.0, unit="1/s", goal=5.0).ok is True
    assert Row(name="a", value=4.9, unit="1/s", goal=5.0).ok is False
    assert Row(name="a", value=4.9, unit="1/s").ok is None
    assert Row(name="a", value=6.0, unit="1/s", peer=Peer("b", 4.0)).ratio == 1.5


def test_less_can_be_better() -> None:
    row = Row(name="a", value=5.0, unit="LUT", goal=6.0, peer=Peer("b", 10.0), less=True)
    assert row.ok is True
    assert row.ratio == 2.0
    assert Row(name="a", value=7.0, unit="LUT", goal=6.0, less=True).ok is False
    assert Row(name="a", value=0.0, unit="LUT", peer=Peer("b", 10.0), less=True).ratio is None


def test_a_goal_for_speed_is_a_ratio_to_the_peer() -> None:
    row = Row(name="a", value=6.0, unit="1/s", goal_ratio=2, peer=Peer("b", 4.0))
    assert row.goal == 8.0
    assert row.ok is False
    assert Row(name="a", value=2.0, unit="s", goal_ratio=2, peer=Peer("b", 4.0), less=True).ok is True
    assert Row(name="a", value=6.0, unit="1/s", goal_ratio=2).goal is None
    with pytest.raises(ValueError, match="exclude each other"):
        Row(name="a", value=6.0, unit="1/s", goal=1.0, goal_ratio=2, peer=Peer("b", 4.0))


def test_a_row_is_one_line_of_json() -> None:
    line = Row(name="a", value=np.int64(6), unit="1/s", goal=np.float64(7.0), peer=Peer("b", 4.0)).json()
    assert "\n" not in line
    assert list(json.loads(line)) == KEYS
    assert json.loads(line)["peer"] == {"name": "b", "value": 4.0}
    assert json.loads(line)["ok"] is False
    assert json.loads(Row(name="a", value=6.0, unit="1/s").json())["peer"] is None
    with pytest.raises(ValueError, match="not JSON compliant"):
        Row(name="a", value=float("inf"), unit="1/s").json()


# --- measuring


def test_rates_are_those_of_the_fastest_runs_measured_in_turn() -> None:
    now, done = 0.0, []

    def work(name: str, *durations: float) -> Work:
        left = iter(durations)

        def run() -> None:
            nonlocal now
            done.append(name)
            now += next(left)

        return Work(run, 10.0)

    rates = best_rates(
        work("a", 0.001, 1.0, 2.0, 4.0), work("b", 0.001, 9.0, 5.0), seconds=4.0, rounds=2, clock=lambda: now
    )
    assert done == ["a", "b", "a", "a", "b", "a", "b"]
    assert rates == pytest.approx([10.0, 2.0])


def test_environment_names_versions_and_machine() -> None:
    found = environment()
    assert {"command", "python", "numpy", "numba", "amaranth", "cocotb", "verilator", "machine"} == set(found)
    assert found["numpy"] == np.__version__
    assert "cores" in found["machine"]


def test_extras_are_those_of_the_project() -> None:
    assert extras("numba") == ["fast"]
    assert set(extras("mlxtend")) == {"test", "train"}
    assert extras("no-such-package") == []


# --- the command line


def measured(run: Run) -> Iterator[Row]:
    run.note(f"more: {run.options.more}")
    yield Row(name="fast" if run.quick else "slow", value=12_345.0, unit="1/s", goal=1e6, peer=Peer("other", 5.0))


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--more", type=int, default=1)


THINGS = Benchmark(name="things", title="Things", quick="few", measure=measured, arguments=more)


def test_main_prints_json_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert THINGS.main(["--quick", "--json", "--more", "3"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["name"] == "fast"
    assert printed.err.splitlines()[1] == "more: 3"
    assert THINGS.main([]) == 0
    printed = capsys.readouterr()
    assert "slow: 12345 " in printed.err  # as soon as it is found
    out = printed.out
    for text in ("Things", "slow", "12,345", "1,000,000", "missed", "other", "2,469.0 x", np.__version__):
        assert text in out
    assert len(table("Things", []).columns) == 8


def test_a_missing_tool_gives_one_sentence_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(run: Run) -> Iterator[Row]:
        raise MissingTool("yosys", "pyosys")
        yield

    assert Benchmark(name="things", title="Things", quick="few", measure=measure).main([]) == 2
    assert capsys.readouterr().err == "benchmarks.things: yosys is missing; install it with: pip install pyosys\n"
