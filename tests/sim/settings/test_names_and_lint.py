"""Generated files in other people's tools: lint without a warning, names, and several circuits in one design."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from neuristor.hdl.names import KEYWORDS
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.simulators import find_tool
from tests.marks import the_rest_is_slow
from tests.sim.settings.host_bench import BUSES
from tests.sim.settings.subjects import ARRAYS, NETWORKS, OSCILLATORS, subject

needs_verilator = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")
ALL = [(kind, name) for name in (*ARRAYS, *NETWORKS, *OSCILLATORS) for kind in ("bare", *BUSES)]
EXTENDED = [
    *((kind, name) for kind, name in ALL if kind == "bare"),
    *(("axi4-lite", names[0]) for names in (ARRAYS, NETWORKS, OSCILLATORS)),
    ("axi4-lite", "noisy_oscillators"),
]
QUICK = [("bare", "vo2_coupled_oscillators"), ("axi4-lite", "noisy_oscillators"), ("serial", "ag_hfo2_lif")]
VHDL_NAME = re.compile(r"[a-z](_?[a-z0-9])*", re.IGNORECASE)
"""A basic identifier of VHDL-93, section 13.3.1."""


def lint(text: str, top: str, folder: Path, *options: str) -> str:
    """What Verilator says about a file."""
    path = folder / f"{top}.v"
    path.write_text(text)
    command = [find_tool("verilator").path, "--lint-only", "--quiet", *options, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout + done.stderr == ""), done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_verilator
@pytest.mark.parametrize(("kind", "name"), the_rest_is_slow(ALL, QUICK, extended=EXTENDED))
def test_a_file_is_right_in_form(kind: str, name: str, tmp_path: Path) -> None:
    made = subject(kind, name, tmp_path, 1)
    # Warnings are errors without an option too; all of them with -Wall.
    assert lint(made.text, made.top, tmp_path) == ""
    assert lint(made.text, made.top, tmp_path, "-Wall") == ""
    # With all signals public, as cocotb builds it, Verilator does not look into words for loops.
    command = [find_tool("verilator").path, "--cc", "--quiet", "--public-flat-rw", "--Mdir", tmp_path / "made"]
    done = subprocess.run([*command, tmp_path / f"{made.top}.v"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

    # Combinational logic is assigned: each process waits for a clock.
    processes = set(re.findall(r"\balways\b[^;\n]*", made.text))
    assert processes <= {"always @(posedge clk)", "always @(posedge clk) begin"}
    assert processes
    assert not re.search(r"\b(function|casez?|always_\w+|logic)\b", made.text)
    assert "\\" not in made.text  # no name is escaped
    assert not re.search(r"\[-|\$(?!signed)", made.text)
    for high, low in re.findall(r"\[(\d+):(\d+)\]", made.text):
        assert int(high) >= int(low)

    modules = re.findall(r"^module (\w+)", made.text, re.MULTILINE)
    assert len({each.lower() for each in modules}) == len(modules)
    inside = re.sub("_axi$", "", made.top) if kind == "axi4-lite" else made.top
    for module in modules:
        assert module in (made.top, inside) or module.startswith(f"{inside}__")
    assert "__" not in made.top
    ports = re.findall(r"^//   (?:input|output) +\[\d+:0\] (\w+)$", made.text, re.MULTILINE)
    body = re.search(rf"^module {made.top} ?\((.*?)\);$", made.text, re.MULTILINE | re.DOTALL)
    assert body is not None
    declared = re.sub(r"\(\*.*?\*\)|\b(input|output|wire)\b|\[[\d:]+\]", "", body[1], flags=re.DOTALL)
    assert sorted(ports) == sorted(each.strip() for each in declared.split(","))
    for each in (made.top, *ports):
        assert VHDL_NAME.fullmatch(each), each
        assert each.lower() not in KEYWORDS, each
    assert len({each.lower() for each in ports}) == len(ports)


@needs_verilator
def test_a_combinational_process_would_be_noticed(tmp_path: Path) -> None:
    text = subject("bare", "vo2_coupled_oscillators", tmp_path, 1).text
    changed, found = re.subn(r"  assign (has_row) = (.*);", r"  always @* \1 = \2;", text)
    assert found == 1
    assert changed.count("always @*") == 1
    assert set(re.findall(r"\balways\b[^;\n]*", changed)) - set(re.findall(r"\balways\b[^;\n]*", text))


@needs_verilator
def test_the_linter_still_sees_what_is_outside(tmp_path: Path) -> None:
    made = subject("bare", "vo2_coupled_oscillators", tmp_path, 1)
    user = "module user(input [7:0] wide, output [3:0] out);\n  assign out = wide;\nendmodule\n"
    assert "WIDTHTRUNC" in lint(made.text + user, "user", tmp_path, "--top-module", "user")
