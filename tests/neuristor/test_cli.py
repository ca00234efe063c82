from __future__ import annotations

import filecmp
import gc
import json
import os
import re
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from amaranth.hdl import UnusedElaboratable

from neuristor.commands.cli import main
from neuristor.sim.benches.verify import available

SMALL = """
[device]
preset = "vo2-maffezzoni"
[circuit]
supply = 1.5
series_resistance = 20e3
capacitance = 1e-9
[neuron]
count = 5
dt = 1e-6
[stimulus]
source = "currents.csv"
ticks = 60
[variability]
threshold_d2d = 0.02
threshold_c2c = 0.01
[fpga]
lanes = 2
boards = ["icebreaker", "xc7z020"]
"""


@pytest.fixture
def design(tmp_path: Path) -> Path:
    (tmp_path / "currents.csv").write_text("1e-5,5e-5,9e-5,1e-4,8e-5\n0,0,1e-4,5e-5,1e-4\n")
    path = tmp_path / "few_neurons.toml"
    path.write_text(SMALL)
    return path


def neuristor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; in this process, unless it has an environment of its own."""
    words = [str(each) for each in arguments]
    if environment:
        return in_its_own_process(*words, **environment)
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["neuristor", *words])
        status = 0
        try:
            main()
        except SystemExit as done:
            status = int(done.code or 0)
    with warnings.catch_warnings():
        # A circuit that was refused is never elaborated.
        warnings.simplefilter("ignore", UnusedElaboratable)
        gc.collect()
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def in_its_own_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "neuristor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "160", **environment},
    )


def test_it_runs_as_a_module(design: Path) -> None:
    done = in_its_own_process("simulate", str(design))
    assert done.returncode == 0, done.stderr
    assert done.stdout == neuristor("simulate", design).stdout
    assert in_its_own_process("simulate", "nothing.toml").returncode == 2


@pytest.mark.parametrize("command", ["devices", "boards", "keys", "doctor", "--help", "--version"])
def test_lists_print(command: str) -> None:
    done = neuristor(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_one_device_prints_its_sources() -> None:
    done = neuristor("devices", "vo2-maffezzoni")
    assert "Maffezzoni" in done.stdout
    assert "verified" in done.stdout


def test_generate_writes_the_same_bytes_twice(design: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        done = neuristor("generate", design, "--out", tmp_path / name / "few_neurons.v")
        assert done.returncode == 0, done.stderr
    for name in ("few_neurons.v", "few_neurons.json"):
        assert filecmp.cmp(tmp_path / "one" / name, tmp_path / "two" / name, shallow=False)
    verilog = (tmp_path / "one" / "few_neurons.v").read_text()
    manifest = json.loads((tmp_path / "one" / "few_neurons.json").read_text())
    assert manifest["design"]["sha256"] in verilog
    assert str(tmp_path) not in verilog + json.dumps(manifest)


@pytest.mark.skipif(not available("compiled"), reason="needs a C++ compiler")
def test_verify_finds_equality(design: Path) -> None:
    done = neuristor("verify", design, "--simulator", "compiled", "--simulator", "amaranth")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal in every state bit") == 2


def test_verify_without_a_compiler_falls_back_and_says_so(design: Path, tmp_path: Path) -> None:
    done = neuristor("verify", design, PATH=str(tmp_path), CXX="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Amaranth's simulator instead" in re.sub(r"\s+", " ", done.stdout)
    assert "equal in every state bit" in done.stdout


def test_missing_tool_is_one_sentence(design: Path, tmp_path: Path) -> None:
    done = neuristor("verify", design, "--simulator", "icarus", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "neuristor: iverilog is missing: install the system package 'iverilog'\n"


def test_a_manifest_never_replaces_the_verilog(design: Path, tmp_path: Path) -> None:
    done = neuristor("generate", design, "--out", tmp_path / "a.json", "--force")
    assert (done.returncode, done.stdout) == (2, "")
    assert "must not end with .json: that is the manifest beside it" in done.stderr
    assert neuristor("generate", design, "--out", "/").returncode == 2


def test_a_path_with_brackets_is_no_markup(design: Path, tmp_path: Path) -> None:
    out = tmp_path / "[/red].v"
    done = neuristor("generate", design, "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"{out}: module few_neurons" in done.stdout


@pytest.mark.parametrize("name", ["report.html", "manifest.json"])
def test_a_design_named_as_what_goes_beside_it_is_refused(design: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(design.read_bytes())
    done = neuristor("build", tmp_path / name, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "must not have one of the names report.html, manifest.json" in done.stderr
    assert not (tmp_path / "out").exists()


def test_more_than_memory_holds_is_one_sentence(design: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.toml"
    (tmp_path / "currents.csv").write_text("1e-5,5e-5,9e-5,1e-4,8e-5\n" * 40)
    long.write_text(design.read_text().replace("ticks = 60", "ticks = 1000000"))
    done = neuristor("simulate", long)
    assert (done.returncode, done.stdout) == (2, "")
    assert "must be at most 100000000 where every tick is kept, not 40000000 x 5" in done.stderr


@pytest.mark.extended
def test_build_leaves_one_folder(design: Path, tmp_path: Path) -> None:
    """That two builds give the same bytes, the gate sees on the main example."""
    design = design.rename(tmp_path / "few<neurons.toml")
    done = neuristor("build", design, "--out", tmp_path / "one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERS" not in done.stdout
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [
        "data",
        "few<neurons.toml",
        "few_neurons-icebreaker.bin",
        "few_neurons.v",
        "manifest.json",
        "report.html",
        "spikes.csv",
        "traces.npz",
    ]
    page = (tmp_path / "one" / "report.html").read_text()
    assert "equal in every state bit" in page
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)="(?!data:|data/|#|traces|spikes)', body), "the report must open offline"
    assert str(tmp_path) not in page
    assert "few&lt;neurons.toml" in page
    assert "few<" not in page
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert all(entry["equal"] for entry in manifest["verification"])
    assert manifest["boards"][0]["timing_met"] is True

    again = neuristor("build", design, "--out", tmp_path / "one")
    assert again.returncode == 2
    assert "exists: name another, or pass --force to replace it" in again.stderr


@pytest.mark.slow
def test_design_that_does_not_fit_says_what_would_help(design: Path, tmp_path: Path) -> None:
    text = design.read_text().replace("count = 5", "count = 24").replace("lanes = 2", "lanes = 24")
    design.write_text(text)
    (tmp_path / "currents.csv").write_text(",".join(["9e-5"] * 24) + "\n")
    done = neuristor("synth", design, "--board", "icebreaker", "--out", tmp_path / "bits")
    assert done.returncode == 1, done.stderr
    assert re.search(r"the design does not fit icebreaker: LUT \d+ of 5280 \(\d+ over, [\d.]+ %\)", done.stdout)
    assert "fewer lanes (now 24)" in done.stdout


@pytest.mark.few(1)
@pytest.mark.parametrize("board", ["arty-a7-35t", "pynq-z2"])
def test_a_board_without_open_place_and_route_is_counted(board: str, design: Path, tmp_path: Path) -> None:
    done = neuristor("synth", design, "--board", board, "--out", tmp_path / "bits")
    assert done.returncode == 0, done.stderr
    (made,) = json.loads((tmp_path / "bits" / "manifest.json").read_text())["boards"]
    assert made["resources"]["LUT"][0] > 100
    assert made["fmax_hz"] is None


@pytest.mark.extended
def test_missed_timing_says_by_how_much(design: Path, tmp_path: Path) -> None:
    design.write_text(design.read_text() + "[fpga.clock_hz]\nicebreaker = 120e6\n")
    done = neuristor("synth", design, "--board", "icebreaker", "--out", tmp_path / "bits")
    assert done.returncode == 1, done.stderr
    assert re.search(r"icebreaker misses its clock of 120 MHz by [\d.]+ ns", done.stdout)


@pytest.mark.parametrize("command", ["build", "simulate", "generate", "verify", "synth"])
def test_bad_design_is_one_sentence_and_leaves_nothing(command: str, design: Path, tmp_path: Path) -> None:
    design.write_text(SMALL.replace("supply = 1.5", "supply = -1.5"))
    before = sorted(tmp_path.iterdir())
    out = [] if command in ("simulate", "verify") else ["--out", tmp_path / "out"]
    done = neuristor(command, design, *out)
    assert done.returncode == 2
    assert done.stderr == (
        f"neuristor: {design}: [circuit] supply must be supply voltage in volt, 0 or more, not -1.5\n"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_ctrl_c_is_a_sentence(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("neuristor.commands.design.build", stop)
    done = neuristor("build", design, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (130, "neuristor: stopped; nothing was written\n")
    assert not (tmp_path / "out").exists()


def test_unwritable_output_is_one_sentence(design: Path) -> None:
    done = neuristor("build", design, "--out", "/proc/neuristor")
    assert done.returncode == 2
    assert done.stderr.startswith("neuristor: /proc/neuristor cannot be written")
    assert done.stderr.count("\n") == 1


def test_oscillators_are_simulated_and_drawn(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "vo2_coupled_oscillators.toml"
    target = tmp_path / "page.html"
    text = neuristor("simulate", str(example), "--plot", str(tmp_path / "page.txt"))
    assert text.returncode == 2
    assert "--plot: " in text.stderr
    assert "must end in .svg, .pdf or .png (a drawing), .html (a page), or .csv" in text.stderr
    done = neuristor("simulate", str(example), "--plot", str(target))
    assert done.returncode == 0, done.stderr
    assert "K1 / f = +0.0071: pulls in phase" in done.stdout
    first = target.read_bytes()
    assert first.count(b'<figure class="picture"') == 6
    assert b"https://" not in re.sub(rb"<script>.*?</script>", b"", first, flags=re.DOTALL)
    again = neuristor("simulate", str(example), "--plot", str(target))
    assert again.returncode == 2
    assert "exists" in again.stderr
    assert neuristor("simulate", str(example), "--plot", str(target), "--force").returncode == 0
    assert target.read_bytes() == first


def test_device_is_shown_and_drawn(tmp_path: Path) -> None:
    target = tmp_path / "device.svg"
    done = neuristor("devices", "vo2-onn", "--plot", str(target))
    assert done.returncode == 0, done.stderr
    assert "energy per spike" in done.stdout
    assert target.read_text("utf-8").startswith("<?xml")
    wrong = neuristor("devices", "vo4")
    assert wrong.returncode == 2
    assert "preset must be one of" in wrong.stderr


def test_fit_writes_a_design_that_simulates(tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "data" / "easyexpert.csv"
    out = tmp_path / "mine.toml"
    asked = neuristor("fit", str(data), "--out", str(out))
    assert asked.returncode == 2
    assert "no time scale" in asked.stderr
    assert not out.exists()
    circuit = ("--supply", "1.0", "--series-resistance", "20e3", "--capacitance", "1e-9")
    done = neuristor("fit", str(data), "--out", str(out), *circuit, "--plot", str(tmp_path / "fit.svg"))
    assert done.returncode == 0, done.stderr
    assert out.exists()
    simulated = neuristor("simulate", str(out))
    assert simulated.returncode == 0, simulated.stderr
