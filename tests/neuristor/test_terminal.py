"""What commands print: JSON of one schema, tables that fit, completion; and the questions of `neuristor new`."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from neuristor.commands.cli import app
from neuristor.commands.listing import COMMANDS, GROUPS
from neuristor.commands.record import JsonOutput
from neuristor.design_file import load

EXAMPLES = Path(__file__).parents[2] / "examples"
RUNNER = CliRunner()


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neuristor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def every_command() -> list[tuple[str, ...]]:
    return [path for path, _ in loaded()]


def loaded() -> list[tuple[tuple[str, ...], Any]]:
    """All commands, loaded."""
    found: list[tuple[tuple[str, ...], Any]] = []

    def walk(group: Any, path: tuple[str, ...]) -> None:
        for name in group.list_commands(None):
            each = group.get_command(None, name)
            if hasattr(each, "list_commands"):
                walk(each, (*path, name))
            else:
                found.append(((*path, name), each))

    walk(typer.main.get_command(app), ())
    return found


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    root: Any = typer.main.get_command(app)
    for name, entry in COMMANDS.items():
        assert (root.get_command(None, name).help or "").split("\n")[0] == entry.help, name
    own = {name for module in {entry.module for entry in COMMANDS.values()} for name in of_module(module)}
    assert own == set(COMMANDS)


def of_module(module: str) -> list[str]:
    if module in GROUPS:
        return [module]
    part = importlib.import_module(f"neuristor.commands.{module}").app
    return [name for name, _ in typer.main.get_group(part).commands.items()]


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = "import sys; sys.argv = ['neuristor', '--help']\ntry:\n    from neuristor.commands.cli import main; main()\n"
    code += "except SystemExit: pass\nprint(sorted({'numpy', 'amaranth', 'scipy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "explore" in done.stdout


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_has_json(command: tuple[str, ...]) -> None:
    done = RUNNER.invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "--json" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("devices",),
        ("devices", "vo2-onn"),
        ("keys",),
        ("boards",),
        ("model", "list"),
        ("accuracy", str(EXAMPLES / "vo2_oscillators.toml"), "--points", "2"),
        ("simulate", str(EXAMPLES / "ag_hfo2_lif.toml")),
        ("snn", "show", str(EXAMPLES / "digits.nir"), "--dt", "1e-3"),
        ("onn", "recall", "3x3"),
    ],
    ids=lambda found: " ".join(found[:2]),
)
def test_json_is_of_the_schema_and_the_same_twice(arguments: tuple[str, ...]) -> None:
    first, second = (run(*arguments, "--json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    found = JsonOutput.model_validate_json(first.stdout)
    assert found.status == 0
    assert found.command.startswith(f"neuristor {arguments[0]}")
    assert found.tables
    for table in found.tables:
        assert all(set(row) == set(table.columns) for row in table.rows)


def test_figures_have_their_value_and_not_that_of_their_text() -> None:
    done = run("accuracy", str(EXAMPLES / "vo2_oscillators.toml"), "--points", "2", "--json")
    row = json.loads(done.stdout)["tables"][0]["rows"][0]
    found = row["neuron"]
    assert (found["text"], found["unit"]) == ("240.183 kHz", "Hz")
    design: Any = load(EXAMPLES / "vo2_oscillators.toml")
    assert found["value"] == pytest.approx(design.circuit.frequency(), rel=1e-9)
    shown = row["device -> neuron"]
    assert shown["unit"] == "%"
    assert abs(shown["value"] - float(shown["text"].split()[0])) < 0.005
    assert shown["value"] != float(shown["text"].split()[0])


def test_wrong_input_is_in_the_json_too(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text("[neuron]\n")
    done = run("simulate", str(tmp_path / "d.toml"), "--json")
    assert done.returncode == 2
    found = JsonOutput.model_validate_json(done.stdout)
    assert found.status == 2
    assert found.error is not None
    assert f"neuristor: {found.error}\n" == done.stderr


def test_files_that_were_written_are_named(tmp_path: Path) -> None:
    target = tmp_path / "d.svg"
    found = json.loads(run("devices", "vo2-onn", "--plot", str(target), "--json").stdout)
    assert found["files"] == [str(target)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("devices",),
        ("keys",),
        ("boards",),
        ("accuracy", str(EXAMPLES / "vo2_oscillators.toml"), "--points", "2"),
        ("simulate", str(EXAMPLES / "vo2_oscillators.toml")),
        ("snn", "show", str(EXAMPLES / "digits.nir"), "--dt", "1e-3"),
        ("model", "show", "thermal_vo2"),
    ],
    ids=lambda found: " ".join(found[:1]),
)
def test_tables_fit_80_columns(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    import pty

    # A terminal of 80 columns: what the program writes to it is read from the other end.
    master, slave = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "neuristor", *arguments], stdout=slave, stderr=slave, env=env
    ) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            text += piece
        process.wait(60)
    os.close(master)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).replace("\r", "").split("\n")
    tables = [line for line in lines if line.startswith(("│", "┃", "┏", "└", "├", "┡", "  "))]
    assert tables
    assert max(map(len, tables)) <= 80
    assert not [line for line in tables if "…" in line]  # nothing is cut


def test_completion_names_commands() -> None:
    env = {**os.environ, "_NEURISTOR_COMPLETE": "complete_bash", "COMP_WORDS": "neuristor ex", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("neuristor")], capture_output=True, text=True, env=env, check=False
    )
    assert "explore" in done.stdout.split()


def asked(tmp_path: Path, *answers: str, out: str = "mine.toml") -> Any:
    return RUNNER.invoke(app, ["new", "--out", str(tmp_path / out)], input="".join(f"{each}\n" for each in answers))


def test_new_asks_for_a_switch_and_writes_a_design_that_runs(tmp_path: Path) -> None:
    done = asked(tmp_path, "3", "2 V", "1", "100k", "1 kohm", "2.5", "20k", "100p", "16")
    assert done.exit_code == 0, done.output
    assert "oscillates by itself, at 230 kHz" in done.output
    found: Any = load(tmp_path / "mine.toml")
    assert (found.neuron.name, found.params.count) == ("relaxation_oscillator", 16)
    assert (found.circuit.device.v_th, found.circuit.capacitance) == (2.0, 100e-12)


def test_new_asks_again_until_the_circuit_can_fire(tmp_path: Path) -> None:
    done = asked(tmp_path, "9", "1", "no-such", "vo2-onn", "2.5", "ten", "100", "", "", "20k", "", "0", "8")
    assert done.exit_code == 0, done.output
    for said in (
        "'9' is none of 1, 2, 3",
        "there is no device 'no-such'",
        "series resistance must be a number in ohm, such as 20 kohm, not 'ten'",
        "oscillates with series resistances from 1.51 kohm to 25.68 kohm",
        "the number of neurons must be 1 to 65536, not 0",
    ):
        assert said in done.output.replace("\n", " "), said
    assert load(tmp_path / "mine.toml").params.count == 8


def test_new_makes_a_neuron_of_a_circuit_at_rest(tmp_path: Path) -> None:
    done = asked(tmp_path, "1", "vo2-maffezzoni", "1.5", "20k", "1n", "")
    assert done.exit_code == 0, done.output
    assert "rests at 1.25 V, and fires above an input of" in done.output
    found = load(tmp_path / "mine.toml")
    assert (found.neuron.name, found.sections.stimulus.source) == ("lif", "digits")


def test_new_fits_curves_and_asks_for_what_they_do_not_tell(tmp_path: Path) -> None:
    curve = Path(__file__).parents[1] / "data" / "easyexpert.csv"
    done = asked(tmp_path, "2", "nowhere.csv", f"'{curve}',", "1.5", "20k", "1n")
    assert "nowhere.csv does not exist" in done.output
    assert done.exit_code == 0, (done.output, done.exception)
    assert load(tmp_path / "mine.toml").circuit.series_resistance == 20e3


def test_new_chooses_an_oscillator_for_curves_that_oscillate(tmp_path: Path) -> None:
    rows = [(v, v / (100e3 if up else 1e3)) for v, up in [(0.02 * n, n < 100) for n in range(125)]]
    rows += [(v, v / (1e3 if v > 1 else 100e3)) for v in [0.02 * n for n in range(124, -1, -1)]]
    (tmp_path / "iv.csv").write_text("V (V),I (A)\n" + "".join(f"{v:.3f},{i:.6e}\n" for v, i in rows))
    done = asked(tmp_path, "2", str(tmp_path / "iv.csv"), "20k", "2.6", "1n", "2.6", "20k", "100p")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "oscillates by itself, at" in done.output
    assert load(tmp_path / "mine.toml").neuron.name == "relaxation_oscillator"


def test_new_asks_again_for_a_switch_that_is_none(tmp_path: Path) -> None:
    done = asked(tmp_path, "3", "1", "2", "100k", "1k", "2", "1", "", "", "2.6", "20k", "100p", "4")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "v_hold" in done.output
    assert "[device]" not in done.output


def test_new_writes_nothing_when_the_answers_end(tmp_path: Path) -> None:
    done = asked(tmp_path, "3", "2 V")
    assert done.exit_code != 0
    assert not list(tmp_path.iterdir())


def test_new_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("mine")
    done = asked(tmp_path, "3")
    assert done.exit_code != 0
    assert (tmp_path / "mine.toml").read_text() == "mine"


def test_options_take_units_and_design_files_say_how_numbers_are_written(tmp_path: Path) -> None:
    curve = Path(__file__).parents[1] / "data" / "easyexpert.csv"
    out = tmp_path / "mine.toml"
    given = ("--supply", "1.5 V", "--series-resistance", "20k", "--capacitance", "1 nF", "--out", str(out))
    assert run("fit", str(curve), *given).returncode == 0
    assert load(out).circuit.series_resistance == 20e3
    wrong = run("fit", str(curve), "--supply", "20 F", *given[2:], "--force")
    assert wrong.stderr == "neuristor: --supply must be a number in V, such as 2.5 V, not '20 F'\n"
    text = out.read_text("utf-8")
    out.write_text(text.replace("series_resistance = 20000.0", "series_resistance = 20k"))
    assert "numbers have no unit and no comma here, such as 20e3 or 2.5, not '20k'" in run("simulate", str(out)).stderr
    out.write_text(text.replace("series_resistance = 20000.0", 'series_resistance = "20k"'))
    assert "not '20k'; numbers have no quotes and no unit, such as 20e3" in run("simulate", str(out)).stderr


def test_a_fit_whose_design_does_not_run_says_so(tmp_path: Path) -> None:
    curve = Path(__file__).parents[1] / "data" / "easyexpert.csv"
    given = ("--supply", "1.5", "--series-resistance", "1", "--capacitance", "1n", "--out", str(tmp_path / "mine.toml"))
    done = run("fit", str(curve), *given)
    assert "The design does not run: series_resistance must be above" in done.stdout
