"""Sweeps: every combination once, in the same file whoever ran it, whatever stopped it."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from neuristor import sweeps
from neuristor.commands.cli import app, main
from neuristor.design_file import DesignError, load
from neuristor.golden_model.neurons.lif import LifBitTrue
from neuristor.sweeps import Files, Sweep, parse_axis, run

ROOT = Path(__file__).parents[2]
LIF = ROOT / "examples/vo2_lif_digits.toml"
OSCILLATORS = ROOT / "examples/vo2_oscillators.toml"


def plan(*axes: str, design: Path = LIF, **more: Any) -> Sweep:
    return Sweep(Files.of(design, []), tuple(parse_axis(each) for each in axes), **more)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["sweep", *arguments])


def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a refusal, as a user sees it."""
    monkeypatch.setattr(sys, "argv", ["neuristor", "sweep", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("variability.seed=3..6", [3, 4, 5, 6]),
        ("circuit.supply=1:2:5", [1.0, 1.25, 1.5, 1.75, 2.0]),
        ("circuit.capacitance=1e-12:1e-9:4:log", [1e-12, 1e-11, 1e-10, 1e-9]),
        ("number.membrane=[3,9],[3,11]", [[3, 9], [3, 11]]),
        ('neuron.start="random","hold"', ["random", "hold"]),
        ("circuit.supply=1, 2.5", [1, 2.5]),
        ("fpga.clock_hz.ulx3s-85f=80e6", [80e6]),
    ],
)
def test_values_are_what_was_written(text: str, values: list[Any]) -> None:
    # `geomspace` raises to powers: a few units in the last place.
    exact = [pytest.approx(each, rel=1e-14) if text.endswith(":log") else each for each in values]
    assert list(parse_axis(text).values) == exact


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variability.seed", "must be SECTION.KEY=VALUES"),
        ("seed=1..3", "must be SECTION.KEY=VALUES"),
        ("a.b=", "must be SECTION.KEY=VALUES"),
        ("a.b=5..1", "from a lower to a higher integer"),
        ("a.b=1..99999999999", "in at most 10000000 steps"),
        ("a.b=2:1:4", "from a lower to a higher number, not '2:1:4'"),
        ("a.b=0:1:4:log", "to a higher number, above 0, not"),
        ("a.b=1:1e999:4", "from a lower to a higher number"),
        ("a.b=1:2:1", "2 to 10000000 points, not 1"),
        ("a.b=random", "texts in quotes"),
        ("a.b=1]\nc=[2", "texts in quotes"),
        ('a.b=1,"x"', "values of one kind"),
        ("a.b=2001-01-01", "values of one kind"),
        ("a.b=[1],[true]", "values of one kind"),
        ("a.b=9223372036854775808", "at most 64 bits"),
        ("a.b=9223372036854775807..9223372036854775808", "at most 64 bits"),
    ],
)
def test_values_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^--vary") as error:
        parse_axis(text)
    assert message in str(error.value)


def test_a_grid_has_every_combination_once() -> None:
    made = plan("variability.seed=1..3", "circuit.supply=1:2:2", "number.membrane=[3,9],[3,11]")
    got = [tuple(map(str, made.changes(number).values())) for number in range(made.runs)]
    wanted = itertools.product([1, 2, 3], [1.0, 2.0], [[3, 9], [3, 11]])
    assert got == [tuple(map(str, each)) for each in wanted]


def test_a_longer_sample_begins_with_the_shorter() -> None:
    axes = ("circuit.supply=1:2", "circuit.capacitance=1e-12:1e-6:log", "variability.seed=1..9")
    short, long = (plan(*axes, sample=count, seed=5) for count in (4, 200))
    assert [short.changes(n) for n in range(4)] == [long.changes(n) for n in range(4)]
    drawn = [long.changes(n) for n in range(200)]
    assert {each["variability.seed"] for each in drawn} == set(range(1, 10))


@pytest.mark.parametrize(("part", "supply", "capacitance"), [(0.0, 1.0, 1e-12), (0.5, 1.5, 1e-9), (1.0, 2.0, 1e-6)])
def test_a_range_is_drawn_evenly_or_evenly_in_its_logarithm(part: float, supply: float, capacitance: float) -> None:
    class Random:
        def uniform(self, low: float, high: float) -> float:
            return low + part * (high - low)

    assert parse_axis("circuit.supply=1:2").draw(Random()) == supply  # type: ignore[arg-type]
    # A logarithm of about 28 has an error of 4e-15 at most, and its exponential that relative error.
    drawn = parse_axis("circuit.capacitance=1e-12:1e-6:log").draw(Random())  # type: ignore[arg-type]
    assert drawn == pytest.approx(capacitance, rel=1e-14)


@pytest.mark.parametrize(
    ("axes", "more", "message"),
    [
        ((), {}, "nothing is varied"),
        (("a.b=1..2", "a.b=3..4"), {}, "each key can be varied once"),
        (("a.b=1:2",), {}, "needs a number of points, 1:2:9, or --sample"),
        (("a.b=1..9999999", "a.c=1..9"), {}, "1 to 10000000 runs"),
    ],
)
def test_sweeps_that_are_none_are_refused(axes: tuple[str, ...], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(*axes, **more)


def test_a_run_is_the_bit_true_model_of_the_changed_design() -> None:
    changes = {"variability.seed": 7, "stimulus.frames": 3, "circuit.supply": 1.7, "fpga.lanes": 8}
    made = plan(*(f"{key}={value}" for key, value in changes.items()), physics=True)
    row = run(made, 0)
    design = load(LIF, changes)
    model = LifBitTrue(design.params)
    spikes = model.run(design.drive_raw)["spike"].sum(axis=0)
    assert row["spikes"] == spikes.sum() > 100
    assert row["silent"] == (spikes == 0).sum()
    # A mean of 64 numbers: 64 roundings of 2**-53 each, and a few for the quotients.
    assert row["rate_hz"] == pytest.approx(spikes.mean() / (300 * 400e-9), rel=70 * 2**-53)
    assert row["cycles_per_tick"] == design.case.timing["cycles_per_tick"]
    assert (row["sha256"], row["ticks"]) == (design.digest, 300)
    assert 0 < row["membrane_error"] < row["membrane_bound"]
    assert {key: row[key] for key in changes} == changes


def test_long_input_is_run_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan("stimulus.frames=3", "stimulus.ticks=50")
    whole = run(made, 0)
    for block in (7, 50, 120):
        monkeypatch.setattr(sweeps, "BLOCK", block)
        assert run(made, 0) == whole


KILLED = """
import os, signal
from neuristor import sweep_file
from neuristor.commands import cli

results = sweep_file.results

def fifteen(*arguments, **options):
    for number, row in enumerate(results(*arguments, **options)):
        if number == 15:
            os.killpg(0, signal.SIGKILL)
        yield row

sweep_file.SAVE_S = 0.0
sweep_file.results = fifteen
cli.main()
"""
"""The command line, killed with its workers when fifteen runs are done."""


@pytest.mark.extended
def test_one_process_or_two_a_cluster_or_a_kill_give_the_same_file(tmp_path: Path) -> None:
    """The same bytes: 40 runs in one process; in two, killed half-way and resumed; on two workers of Dask."""
    from distributed import LocalCluster

    arguments = [str(LIF), "--vary", "variability.seed=1..20", "--vary", "stimulus.frames=2,4"]
    alone, killed, cluster = (tmp_path / f"{name}.parquet" for name in ("alone", "killed", "cluster"))
    done = invoke(*arguments, "--jobs", "1", "--out", str(alone), "--plot", str(tmp_path / "alone.svg"))
    assert done.exit_code == 0, done.output
    assert "</svg>" in (tmp_path / "alone.svg").read_text()
    table = pq.read_table(alone)
    assert table.column("run").to_pylist() == list(range(40))
    assert len(set(table.column("spikes").to_pylist())) > 10

    process = subprocess.run(
        [sys.executable, "-c", KILLED, "sweep", *arguments, "--jobs", "2", "--out", str(killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=300,
    )
    assert process.returncode == -signal.SIGKILL
    left = pq.read_metadata(killed).num_rows
    assert 0 < left <= 15
    done = invoke(*arguments, "--jobs", "2", "--out", str(killed))
    assert done.exit_code == 0, done.output
    assert f"{left} of 40 runs were already in the file" in done.output
    assert killed.read_bytes() == alone.read_bytes()

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers:
        done = invoke(*arguments, "--scheduler", workers.scheduler_address, "--out", str(cluster))
    assert done.exit_code == 0, done.output
    assert cluster.read_bytes() == alone.read_bytes()


def test_what_the_design_refuses_is_a_row_with_the_reason(tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    done = invoke(
        str(OSCILLATORS),
        "--vary",
        "circuit.supply=1.0,2.5",
        "--vary",
        "stimulus.ticks=50",
        "--jobs",
        "1",
        "--out",
        str(out),
    )
    assert done.exit_code == 0, done.output
    first, second = pq.read_table(out).to_pylist()
    assert "for the circuit to oscillate" in first["problem"]
    assert str(OSCILLATORS) in first["problem"]
    assert first["spikes"] is None
    assert second["problem"] is None
    assert second["spikes"] is not None
    assert "1 of 2 runs were refused" in done.output
    done = invoke(
        str(OSCILLATORS), "--vary", "circuit.supply=0.5,1.0", "--jobs", "1", "--out", str(tmp_path / "b.parquet")
    )
    assert done.exit_code == 1


def test_a_stimulus_file_goes_where_the_design_goes(tmp_path: Path) -> None:
    (tmp_path / "designs").mkdir()
    design = tmp_path / "designs/small.toml"
    text = (
        LIF.read_text()
        .replace("count = 64", "count = 2")
        .replace('"digits"', '"../in.csv"')
        .replace("lanes = 4", "lanes = 1")
    )
    design.write_text(text.replace("frames = 200", "frames = 1"))
    (tmp_path / "in.csv").write_text("1e-4,0\n")
    (tmp_path / "other.csv").write_text("1e-4,1e-4\n")
    out = tmp_path / "out.parquet"
    done = invoke(str(design), "--vary", 'stimulus.source="../in.csv","../other.csv"', "--jobs", "1", "--out", str(out))
    assert done.exit_code == 0, done.output
    one, two = (row["spikes"] for row in pq.read_table(out).to_pylist())
    assert 0 < one < two


def test_another_sweep_or_a_finished_one_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.parquet"
    common = [str(LIF), "--vary", "stimulus.frames=1", "--jobs", "1", "--out", str(out), "--vary"]
    assert invoke(*common, "variability.seed=1..2").exit_code == 0
    before = out.read_bytes()
    assert "holds all 2 runs of this sweep" in cli(monkeypatch, capsys, *common, "variability.seed=1..2")
    assert "holds another sweep" in cli(monkeypatch, capsys, *common, "variability.seed=1..3")
    assert out.read_bytes() == before
    assert invoke(*common, "variability.seed=1..3", "--force").exit_code == 0
    out.write_text("no table")
    assert "is no Parquet file" in cli(monkeypatch, capsys, *common, "variability.seed=1..3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "variability.sed=1..3"], "unknown key 'sed'; did you mean 'seed'?"),
        (["--vary", "varability.seed=1..3"], "unknown section 'varability'; did you mean 'variability'?"),
        (["--vary", "variability.seed=x"], "texts in quotes"),
        (["--vary", "variability.seed=1..3", "--scheduler", "nowhere"], "must be the address of a Dask scheduler"),
    ],
)
def test_what_is_misspelt_is_told_at_once_and_nothing_is_written(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = cli(monkeypatch, capsys, str(LIF), *arguments, "--out", str(tmp_path / "a.parquet"))
    assert message in error.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_changes_are_checked_as_the_file_is() -> None:
    with pytest.raises(DesignError, match=r"must be section.key, such as circuit.supply, not 'supply'"):
        load(LIF, {"supply": 1.0})
    with pytest.raises(DesignError, match=r"model is no section"):
        load(LIF, {"neuron.model.x": 1})
    assert load(LIF, {"variability.seed": 2}).digest != load(LIF).digest == load(LIF, {}).digest


@pytest.mark.parametrize("name", ["own_device", "vo2_measured_array"])
def test_a_sweep_takes_all_files_of_a_design_with_it(name: str, tmp_path: Path) -> None:
    out = tmp_path / "runs.parquet"
    design = LIF.parent / f"{name}.toml"
    done = invoke(str(design), "--vary", "stimulus.ticks=20,30", "--jobs", "1", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert [row["problem"] for row in pq.read_table(out).to_pylist()] == [None, None]
