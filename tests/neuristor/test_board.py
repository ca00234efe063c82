from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neuristor.attach import plugged
from neuristor.boards import BOARDS
from neuristor.commands.cli import app
from neuristor.design_file import load
from neuristor.golden_model.networks.onn import OnnBitTrue
from neuristor.session import ArraySession, OnnOptions, OnnSession, SnnSession, open_session
from neuristor.sim.benches.verify import available
from neuristor.waves import changes
from tests.neuristor.test_cli import SMALL, neuristor

EXAMPLES = Path(__file__).parents[2] / "examples"
needs_verilator = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")


@pytest.fixture
def design(tmp_path: Path) -> Path:
    (tmp_path / "currents.csv").write_text("1e-5,5e-5,9e-5,1e-4,8e-5\n0,0,1e-4,5e-5,1e-4\n")
    path = tmp_path / "few_neurons.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    matrix = np.random.default_rng(0).integers(-15, 16, (9, 9))
    np.fill_diagonal(matrix, 0)
    np.savetxt(tmp_path / "weights.csv", matrix, fmt="%d", delimiter=",")
    return tmp_path / "weights.csv"


@pytest.mark.extended
@needs_verilator
@pytest.mark.parametrize(
    ("example", "options"),
    [
        ("vo2_lif_digits.toml", ["--frames", "4"]),
        pytest.param("nbo2_mott_oscillators.toml", ["--frames", "1"], marks=pytest.mark.slow),
        pytest.param("snn_digits.toml", ["--frames", "5"], marks=pytest.mark.extended),
    ],
)
def test_examples_run_on_the_virtual_board_and_equal_the_model(
    example: str, options: list[str], tmp_path: Path
) -> None:
    done = neuristor("run", EXAMPLES / example, *options, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal in every value" in done.stdout
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["counters"]["link_corrupt"] == 0
    assert (tmp_path / "run" / "run.vcd").read_text().startswith("$comment Neuristor")
    with np.load(tmp_path / "run" / "run.npz") as run:
        arrays = dict(run)
    # By the model alone, without the code that compared.
    session = open_session(EXAMPLES / example, frames=int(options[-1]))
    if isinstance(session, ArraySession):
        frames = session.design.frames_raw[: int(options[-1])]
        trace = session.design.golden.bit_true(session.design.params).run(
            np.repeat(frames, session.design.stimulus.ticks, axis=0)
        )
        np.testing.assert_array_equal(arrays["spikes"], np.argwhere(trace["spike"]))
        assert len(arrays["state_ticks"]) >= len(frames)
        for name in ("membrane", "noise"):
            np.testing.assert_array_equal(arrays[name], trace[name][arrays["state_ticks"]])
    else:
        assert isinstance(session, SnnSession)
        assert arrays["spike"].shape == (5, 16, 10)
        assert 0 < arrays["spike"].sum() < arrays["spike"].size / 2


@pytest.mark.extended
@needs_verilator
def test_oscillators_run_on_the_virtual_board_and_equal_the_model(weights: Path, tmp_path: Path) -> None:
    options = ["--periods", "6", "--noise-bits", "6", "--noise", "30", "--seed", "3", "--parts", "2"]
    done = neuristor("run", weights, *options, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    session = open_session(weights, OnnOptions(noise_bits=6, periods=6, noise=30, seed=3))
    assert isinstance(session, OnnSession)
    model = OnnBitTrue(session.params, np.random.default_rng(3).integers(0, 16, 9), 3)
    with np.load(tmp_path / "run" / "run.npz") as run:
        for period, noise in enumerate((30, 24, 18, 12, 6, 0)):
            for _ in range(16):
                model.step(noise)
            np.testing.assert_array_equal(run["phase"][period], model.phase[0])
            np.testing.assert_array_equal(run["output"][period], model.output[0])


@pytest.mark.extended
@needs_verilator
def test_a_difference_is_named_and_ends_the_run(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = load(design).golden
    honest = golden.bit_true.step

    def wrong(self: object, drive_raw: object) -> object:
        spikes = honest(self, drive_raw)
        self.steps = getattr(self, "steps", 0) + 1  # type: ignore[attr-defined]
        if self.steps == 70:  # type: ignore[attr-defined]
            self.membrane[3] += 1  # type: ignore[attr-defined]
        return spikes

    monkeypatch.setattr(golden.bit_true, "step", wrong)
    done = CliRunner().invoke(app, ["run", str(design), "--every", "--out", str(tmp_path / "run")])
    assert done.exit_code == 1
    assert "tick 69, membrane of neuron 3: the board has" in done.output
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert not manifest["complete"]
    assert manifest["difference"].startswith("tick 69, membrane of neuron 3")


@needs_verilator
def test_another_file_runs_on_what_was_built_if_only_what_is_loaded_differs(design: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("threshold_d2d = 0.02", "threshold_d2d = 0.05\nseed = 9"))
    done = neuristor("run", other, "--built", design)
    assert done.returncode == 0, done.stderr
    assert "equal in every value" in done.stdout
    larger = tmp_path / "larger.toml"
    larger.write_text(SMALL.replace("lanes = 2", "lanes = 3"))
    done = neuristor("run", larger, "--built", design)
    assert done.returncode == 2
    assert "lanes is built in as 2, and cannot be 3 without a new bitstream" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "DESIGN", "--board", "arduino"], "--board must be among virtual, icebreaker"),
        (["run", "DESIGN", "--board", "xc7z020"], "--board must be among virtual"),
        (["run", "nothing.toml"], "nothing.toml: cannot be read"),
        (["run", "WEIGHTS", "--noise", "3"], "--noise must be below 2**0"),
        (["run", "WEIGHTS", "--parts", "3"], "--parts: parts must be 1, 2, 4, 8, 16 or 32, not 3"),
        (["bitstream", "DESIGN", "--board", "pynq-z2", "--out", "OUT"], "--board must be among icebreaker"),
        (["bitstream", "DESIGN", "--board", "icebreaker", "--baud", "7000000", "--out", "OUT"], "--baud: baud must be"),
        (["core", "DESIGN", "--board", "icebreaker", "--out", "OUT"], "--board must be among arty-a7-35t, pynq-z2"),
        (["program", "DESIGN"], "--board is missing"),
        (["program", "FOLDER"], "must be a folder that `neuristor bitstream` made"),
        (["program", "DESIGN", "--board", "icebreaker"], "must be a .bin bitstream"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], message: str, design: Path, weights: Path, tmp_path: Path
) -> None:
    names = {"DESIGN": design, "WEIGHTS": weights, "OUT": tmp_path / "out", "FOLDER": tmp_path}
    done = neuristor(*(names.get(each, each) for each in arguments))
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_board_that_does_not_answer_is_told_in_a_sentence(design: Path) -> None:
    ours, theirs = pty.openpty()
    done = neuristor("run", design, "--board", "icebreaker", "--port", os.ttyname(theirs))
    assert done.returncode == 2
    assert "no answer from /dev/pts/" in done.stderr
    for end in (ours, theirs):
        os.close(end)
    if not plugged({"icebreaker": BOARDS["icebreaker"]}):
        done = neuristor("run", design, "--board", "icebreaker")
        assert done.returncode == 2
        assert "no serial port of icebreaker is connected" in done.stderr


@pytest.mark.parametrize("bus", ["axi4-lite", "wishbone", "serial"])
def test_cores_are_written_with_template_and_map_the_same_bytes_twice(design: Path, bus: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        done = neuristor("core", design, "--bus", bus, "--out", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["few_neurons.h", "few_neurons.v", "manifest.json", "template.v"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    if shutil.which("iverilog"):
        # The template names every port: a module around it compiles without a warning.
        made = (tmp_path / "one" / "template.v").read_text()
        wires = [f"wire [{size}] {name};" if (size := _size(line)) else f"wire {name};" for line, name in _ports(made)]
        (tmp_path / "around.v").write_text("\n".join(["module around;", *wires, made, "endmodule", ""]))
        done = subprocess.run(
            [
                "iverilog",
                "-g2005",
                "-Wall",
                "-Wno-timescale",
                "-s",
                "around",
                "-o",
                "/dev/null",
                "around.v",
                "one/few_neurons.v",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "around.v" not in done.stderr
    header = (tmp_path / "one" / "few_neurons.h").read_text()
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    for entry in manifest["registers"]:
        assert f"#define FEW_NEURONS_{entry['name'].upper()} 0x{4 * entry['address']:X} " in header
    assert manifest["identity"] in header


def _ports(text: str) -> list[tuple[str, str]]:
    return [(line, line.split("(")[1].split(")")[0]) for line in text.splitlines() if line.strip().startswith(".")]


def _size(line: str) -> str:
    return line.split("[")[1].split("]")[0] if "[" in line else ""


@pytest.mark.parametrize(("board", "names"), [("arty-a7-35t", ["build.tcl", "top.xdc"]), ("pynq-z2", ["build.tcl"])])
def test_cores_for_vivado_come_with_script_and_constraints(
    design: Path, board: str, names: list[str], tmp_path: Path
) -> None:
    done = neuristor("core", design, "--board", board, "--out", tmp_path / "core")
    assert done.returncode == 0, done.stderr
    for name in names:
        assert (tmp_path / "core" / name).stat().st_size > 200
    top = "few_neurons_top" if board.startswith("arty") else "few_neurons_axi"
    assert f"module {top} " in (tmp_path / "core" / "few_neurons.v").read_text()
    assert top in (tmp_path / "core" / "build.tcl").read_text()


@pytest.mark.slow
def test_bitstream_is_that_of_the_file(design: Path, tmp_path: Path) -> None:
    done = neuristor("bitstream", design, "--board", "icebreaker", "--out", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == ["icebreaker.bin", "manifest.json"]
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert manifest["fmax_hz"] > manifest["clock_hz"] == 12e6
    core = open_session(design).core()
    core.describe_only()
    assert manifest["identity"] == core.identity


def test_waveforms_have_every_change() -> None:
    class Writer:
        def __init__(self) -> None:
            self.log: list[tuple[object, ...]] = []

        def register_var(self, scope: str, name: str, kind: str, size: int, init: int) -> str:
            return f"{scope}.{name}"

        def change(self, variable: str, moment: int, value: int) -> None:
            self.log.append((moment, variable, value))

        def close(self) -> None:
            self.log.append(("closed",))

    writer = Writer()
    spikes = np.array([[1, 0], [0, 0], [0, 1]])
    changes(writer, {"spike": (np.array([2, 3, 5]), spikes)}, 10.0)  # type: ignore[arg-type]
    assert writer.log == [(20, "spike.0", 1), (30, "spike.0", 0), (50, "spike.1", 1), ("closed",)]


def test_ctrl_c_keeps_what_came_and_says_so(design: Path, tmp_path: Path) -> None:
    if not available("verilator"):
        pytest.skip("verilator is not installed")
    script = (
        "import sys, neuristor.session as s\n"
        "honest = s.ArraySession.steps\n"
        "def steps(self, board):\n"
        "    for step in honest(self, board):\n"
        "        yield step\n"
        "        raise KeyboardInterrupt\n"
        "s.ArraySession.steps = steps\n"
        "from neuristor.commands.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "run", str(design), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "stopped; the output received so far is in" in done.stderr
    with np.load(tmp_path / "run" / "run.npz") as run:
        assert len(run["spikes"]) > 0
    assert not json.loads((tmp_path / "run" / "manifest.json").read_text())["complete"]


def test_doctor_names_boards_and_whether_they_may_be_opened(tmp_path: Path) -> None:
    class Port:
        vid, pid = 0x0403, 0x6010
        device = str(tmp_path / "ttyUSB1")

    class Mouse:
        vid, pid, device = 0x1234, 0x5678, "/dev/ttyACM0"

    (found,) = plugged(BOARDS, [Mouse(), Port()])
    assert found.port == Port.device
    assert "icebreaker" in found.boards
    assert not found.allowed
    assert "60-neuristor.rules" in found.remedy
    Path(Port.device).touch()
    assert plugged(BOARDS, [Port()])[0].allowed
    rules = neuristor("doctor", "--udev").stdout
    assert 'ATTR{idVendor}=="0403", ATTR{idProduct}=="6010"' in rules
    assert "60-neuristor.rules" in rules
