"""``neuristor onn``: as a user runs it, with good and with bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neuristor.sim.benches.verify import available
from tests.neuristor.test_cli import neuristor

EXAMPLE = Path(__file__).parents[2] / "examples" / "vo2_coupled_oscillators.toml"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.csv"
    path.write_text("0,1,-2\n1,0,3\n-2,3,0\n")
    return path


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "ring.txt"
    path.write_text("a b\nb c\nc d\nd a\n")
    return path


def test_a_graph_is_cut_twice_alike(graph: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        outputs = ("--out", tmp_path / f"{name}.json", "--plot", tmp_path / f"{name}.svg")
        done = neuristor("onn", "solve", graph, "--periods", 20, "--trials", 3, "--target", 4, *outputs)
        assert done.returncode == 0, done.stderr
        assert "best cut" in done.stdout
        assert "3 of 3" in done.stdout
    found = json.loads((tmp_path / "one.json").read_text())
    assert found["cut"] == 4
    spins = dict(found["spins"])
    assert spins["a"] == spins["c"] == -spins["b"] == -spins["d"]
    for kind in ("json", "svg"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_a_graph_is_coloured_and_numbers_are_parted(graph: Path, tmp_path: Path) -> None:
    coloured = neuristor("onn", "solve", graph, "--problem", "colouring", "--colours", 2, "--periods", 200)
    assert coloured.returncode == 0, coloured.stderr
    assert "yes" in coloured.stdout
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("3 1 1 2 2 1\n")
    parted = neuristor("onn", "solve", numbers, "--problem", "partition", "--periods", 50)
    assert parted.returncode == 0, parted.stderr
    assert [line.split("│")[2].strip() for line in parted.stdout.splitlines() if "difference" in line] == ["0"]


def test_qubo_and_ising_problems_are_solved(tmp_path: Path) -> None:
    path, out = tmp_path / "q.sparse", tmp_path / "q.json"
    path.write_bytes(b"\xef\xbb\xbf3 4\n1 1 -1\n1 2 2\n1 3 -2\n2 3 1\n")
    quick = ("--periods", 100, "--trials", 5)
    done = neuristor("onn", "solve", path, "--problem", "qubo", *quick, "--out", out)
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("│")[1:3]] for line in done.stdout.splitlines() if "│" in line]
    assert ["best energy", "-3"] in cells
    assert ["x of 1, 2, 3", "1, 0, 1"] in cells
    found = json.loads(out.read_text())
    assert (found["energy"], found["bits"]) == (-3, [["1", 1], ["2", 0], ["3", 1]])
    twice = neuristor("onn", "solve", path, "--problem", "qubo", "--upper-triangle", *quick)
    assert any("best energy" in line and "-5" in line for line in twice.stdout.splitlines())
    path.write_text("# vartype=SPIN\n0 0 1\n0 1 2\n")
    done = neuristor("onn", "solve", path, "--problem", "ising", *quick)
    assert done.returncode == 0, done.stderr
    assert any("s of 0, 1" in line and "-1, 1" in line for line in done.stdout.splitlines())


def test_what_was_read_from_a_graph_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "square.col"
    path.write_text("p edge 4 8\ne 1 2\ne 2 1\ne 2 3\ne 3 4\ne 4 1\n")
    done = neuristor("onn", "solve", path, "--problem", "colouring", "--colours", 2, "--periods", 200)
    assert done.returncode == 0, done.stderr
    for shown in ("4, 4", "1 repeated edges are counted once", "line 1 says 8 edges; the file has 4", "yes"):
        assert shown in done.stdout


def test_letters_are_recalled_drawn_and_become_weights(tmp_path: Path) -> None:
    target, made = tmp_path / "recall.svg", tmp_path / "weights.csv"
    rule = ("--rule", "diederich_opper", "--noise", 0.1, "--tries", 5)
    done = neuristor("onn", "recall", "5x4", *rule, "--plot", target, "--weights", made)
    assert done.returncode == 0, done.stderr
    assert "diederich_opper" in done.stdout
    assert target.read_text().startswith("<?xml")
    assert np.loadtxt(made, delimiter=",").shape == (20, 20)
    again = neuristor("onn", "recall", "5x4", *rule, "--plot", target)
    assert again.returncode == 2
    assert "exists" in again.stderr
    verilog = tmp_path / "onn.v"
    assert neuristor("onn", "generate", made, "--out", verilog, "--readable").returncode == 0
    manifest = json.loads(verilog.with_suffix(".json").read_text())
    assert (manifest["oscillators"], manifest["readable"]) == (20, True)
    assert f"module {made.stem}(" in verilog.read_text()


def test_devices_are_compared_with_the_digital_network(tmp_path: Path) -> None:
    target = tmp_path / "compare.svg"
    asked = ("--periods", 30, "--spread", 0.001, "--jitter", 0.001, "--plot", target)
    done = neuristor("onn", "compare", EXAMPLE, "3x3", *asked)
    assert done.returncode == 0, done.stderr
    assert "9 oscillators, 30 periods" in done.stdout
    assert target.exists()


@pytest.mark.skipif(not available("icarus"), reason="no Icarus Verilog")
def test_the_network_is_verified(weights: Path) -> None:
    done = neuristor("onn", "verify", weights, "--bits", 3, "--noise-bits", 3, "--ticks", 40, "--simulator", "icarus")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal in every state bit, 3 oscillators, 40 ticks" in done.stdout


def test_the_network_is_proved(weights: Path) -> None:
    done = neuristor("onn", "prove", weights, "--bits", 3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proofs of" in done.stdout
    assert "golden step" in done.stdout
    assert "not tried" in done.stdout
    assert "false" not in done.stdout


@pytest.mark.slow
def test_a_network_too_large_for_the_board_is_one_sentence(tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    row = np.random.default_rng(0).integers(-16, 16, (140, 140))
    np.savetxt(large, row, fmt="%d", delimiter=",")
    out = tmp_path / "bits"
    done = neuristor("onn", "synth", large, "--out", out, "--board", "icebreaker", "--parts", 4)
    assert done.returncode == 2
    assert "140 oscillators are too many: the design does not fit icebreaker" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


BAD = [
    (("generate", "{0,nan\n1,0\n}"), "row 1, column 2: a weight must be a whole number, not 'nan'"),
    (("generate", "{0,1.5\n1,0\n}"), "row 1, column 2: a weight must be a whole number, not '1.5'"),
    (("generate", "{0,1\n1\n}"), "row 2: must have 2 weights, as the first row, not 1"),
    (("generate", "{0,1\n}"), "as many rows as columns"),
    (("generate", "{0,99\n1,0\n}"), "weights must be between -16 and 15 with 5 bits, not 99"),
    (("generate", "{0,1\n2,0\n}", "--symmetric"), "weights must be symmetric"),
    (("generate", "{0,1\n1,0\n}", "--parts", "3"), "parts must be 1, 2, 4"),
    (("generate", "{0,1\n1,0\n}", "--phase-bits", "9"), "phase_bits must be an integer between 4 and 8"),
    (("synth", "{0,1\n1,0\n}", "--board", "none"), "--board must be among"),
    (("solve", "{a b 1\nb b 2\n}"), "line 2: this edge leads from vertex b to itself; if this is a QUBO"),
    (("solve", "{# vartype=BINARY\n0 1 2\n}"), "is a QUBO (problem qubo), not a graph"),
    (("solve", "{# vartype=SPIN\n0 1 2\n}", "--problem", "qubo"), "is an Ising problem (problem ising)"),
    (("solve", "{0 1 2\n}", "--problem", "ising", "--upper-triangle"), "--upper-triangle is for --problem qubo"),
    (("solve", "{3 2\n1 2 1\n1 4 1\n}"), "line 3: names vertex 4, but the graph has vertices 1 to 3"),
    (("solve", "{3 2\n1 2 1\n}"), "is it complete?"),
    (("solve", "{1 x}", "--problem", "partition"), "must hold numbers"),
    (("solve", "{a b}", "--trials", "0"), "trials must be"),
    (("recall", "{A\n##\n#\n}"), "line 3: a row must be 2 wide"),
    (("recall", "3x3", "--rule", "magic"), "--rule must be among"),
    (("recall", "3x3", "--noise", "2"), "noise must be 0 to 1"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    command, text, *options = given
    path: str | Path = text
    if text.startswith("{"):
        path = tmp_path / "input.txt"
        path.write_text(text.strip("{}"))
    target = {"generate": "--out", "synth": "--out", "solve": "--out", "recall": "--plot"}[command]
    ending = {"generate": "v", "solve": "json"}.get(command, "svg" if target == "--plot" else "v")
    done = neuristor("onn", command, path, *options, target, tmp_path / f"output.{ending}")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == ([path] if isinstance(path, Path) else [])
