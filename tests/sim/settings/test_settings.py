"""Every example's Verilog equals the model in every simulator and under every setting, bare and behind each bus."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from amaranth.back import verilog
from amaranth.hdl import Module, Signal

from neuristor.design_file import load
from neuristor.network_file import open_network
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.simulators import ICARUS_OPTIONS, VERILATOR_OPTIONS, run_cocotb
from neuristor.weights_file import open_weights
from tests.marks import the_rest_is_slow
from tests.sim.faults.injected import BUGS, injected
from tests.sim.settings.host_bench import BUSES
from tests.sim.settings.subjects import (
    ARRAYS,
    EXAMPLES,
    NETWORKS,
    OSCILLATORS,
    SETTINGS,
    check,
    program,
    subject,
    weights,
)

BENCH = "tests.sim.settings.together_bench"
ALL = [(kind, name, s) for kind in ("bare", *BUSES) for name in (*ARRAYS, *NETWORKS, *OSCILLATORS) for s in SETTINGS]
QUICK = [("axi4-lite", "oscillators", "cocotb with icarus")]
EXTENDED = [
    *(("bare", "oscillators", setting) for setting in SETTINGS),
    ("bare", "vo2_coupled_oscillators", "yosys and icarus"),
    ("axi4-lite", "noisy_oscillators", "icarus -g2012"),
    ("serial", "oscillators", "icarus -g2009"),
    ("bare", "snn_digits", "icarus -g2009"),
]
AMOUNT = {"bare": 20}
"""Ticks of a bare array or of bare oscillators; others run one frame, run or period."""


@pytest.mark.parametrize(("kind", "name", "setting"), the_rest_is_slow(ALL, QUICK, extended=[*EXTENDED]))
def test_an_example_equals_the_model_under_each_setting(kind: str, name: str, setting: str, tmp_path: Path) -> None:
    chosen = SETTINGS[setting]
    if not available(chosen.simulator):
        pytest.skip(f"{chosen.simulator} is not installed")
    amount = 1 if name in NETWORKS or kind != "bare" else 20
    check(subject(kind, name, tmp_path, amount), chosen, tmp_path)


def test_a_file_that_depends_on_the_language_makes_other_programs(tmp_path: Path) -> None:
    """As Amaranth writes a multiplexer: in newer languages Icarus starts such a process at the first change only."""
    if not available("icarus"):
        pytest.skip("icarus is not installed")
    chosen, given, result = Signal(), Signal(4), Signal(4)
    m = Module()
    with m.If(chosen):
        m.d.comb += result.eq(3)
    with m.Else():
        m.d.comb += result.eq(given)
    (tmp_path / "made.v").write_text(verilog.convert(m, ports=[chosen, given, result], name="made"))
    made = [program(tmp_path / "made.v", "made", language) for language in ("2005", "2009", "2012")]
    assert made[0] != made[1]
    assert made[1] == made[2]


WRONG = {
    "handshake": "an output is withdrawn when an input comes",
    "rounding": "the sum of an oscillator lacks half a step",
    "order": "rows 0 and 1 have each other's state",
}


@pytest.mark.parametrize(
    "setting", the_rest_is_slow(["cocotb with icarus", "yosys and icarus"], [], extended=["cocotb with icarus"])
)
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_circuit_is_noticed_under_a_setting(kind: str, setting: str, tmp_path: Path) -> None:
    (bug,) = (each for each in BUGS if each.what == WRONG[kind])
    chosen = SETTINGS[setting]
    if not available(chosen.simulator):
        pytest.skip(f"{chosen.simulator} is not installed")
    with injected(bug):
        wrong = subject("bare", "vo2_coupled_oscillators", tmp_path, 20)
    with pytest.raises(AssertionError, match="cocotb tests failed"):
        check(wrong, chosen, tmp_path)


def test_our_own_runs_silence_nothing() -> None:
    assert ICARUS_OPTIONS == ()
    assert not [option for option in VERILATOR_OPTIONS if option.startswith("-W")]


def _ports(text: str) -> list[tuple[str, int, str]]:
    """Direction, highest bit and name of each port, from the header of a file."""
    found = re.findall(r"^//   (input|output) +\[(\d+):0\] (\w+)$", text, re.MULTILINE)
    return [(flow, int(high), name) for flow, high, name in found]


@pytest.mark.parametrize("simulator", the_rest_is_slow(["icarus", "verilator"], [], extended=["icarus"]))
def test_two_arrays_two_networks_and_oscillators_fit_in_one_design(simulator: str, tmp_path: Path) -> None:
    if not available(simulator):
        pytest.skip(f"{simulator} is not installed")
    (tmp_path / "one").mkdir()
    cases = {}
    for name, example in (("one", "vo2_coupled_oscillators"), ("two", "ag_hfo2_lif")):
        case = load(EXAMPLES / f"{example}.toml").case
        cases[name] = ("neurons", case, case.verilog, case.toplevel, case.drive_raw[:20])
    texts, lines, pins, wanted = [], [], [], []
    for name, (bench, case, text, module, drive) in cases.items():
        object.__setattr__(case, "drive_raw", drive)
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(case))
        wanted.append((name, bench, text, module))
    for name, example in (("three", "snn_digits"), ("four", "snn_digits_vo2")):
        file = open_network(EXAMPLES / f"{example}.toml")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(file.case(1)))
        wanted.append((name, "snn", file.verilog, file.module))
    onn = open_weights(weights(tmp_path, "oscillators"))
    (tmp_path / "five.pickle").write_bytes(pickle.dumps(onn.case(20)))
    wanted.append(("five", "onn", onn.verilog, onn.module))
    for name, _, text, module in wanted:
        ports = _ports(text)
        lines += [f"{flow} [{high}:0] {name}_{port}" for flow, high, port in ports]
        pins.append(f"  {module} {name} (" + ", ".join(f".{port}({name}_{port})" for _, _, port in ports) + ");\n")
        texts.append(text)
    top = "module together(" + ", ".join(lines) + ");\n" + "".join(pins) + "endmodule\n"
    (tmp_path / "together.v").write_text("\n".join([*texts, top]))
    plan = ";".join(f"{name},{bench},{tmp_path / name}.pickle" for name, bench, _, _ in wanted)
    result = run_cocotb(
        simulator, tmp_path / "together.v", "together", BENCH, {"TOGETHER": plan}, tmp_path / "run", options=()
    )
    result.check()
    assert result.tests == 5
