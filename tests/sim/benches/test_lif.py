"""LIF arrays as Verilog against the bit-true model, on every engine; and that broken ones are caught."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

import neuristor.sim.benches.verify
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams
from neuristor.hdl.neurons import neuron
from neuristor.hdl.neurons.lif import LifLane
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import ENGINES, available, verify
from neuristor.sim.engines.simulators import ToolError
from tests.marks import the_rest_is_slow
from tests.samples.lif import LIF_VARIANTS, lif_drive, lif_params

needs = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus", "compiled")
}
ENGINE = pytest.mark.parametrize("engine", the_rest_is_slow(("compiled", "icarus"), ["compiled"], needs))

# More rows than pipeline stages, fewer, one; a last row that is full, and one that is not.
SIZES = [(1, 1), (3, 3), (13, 2), (5, 3), (8, 1)]
COMPILED = [(variant, *SIZES[n % len(SIZES)]) for n, variant in enumerate(LIF_VARIANTS)]
COMPILED += [("all", *size) for size in SIZES if ("all", *size) not in COMPILED]
EXTENDED = [each for each in COMPILED if each[0] not in ("subtract", "long refractory", "spread", "noise", "wide")]
QUICK = [each for each in EXTENDED if each[0] in ("hold", "all", "broken devices", "saturating subtract", "coarse")]


def lif_case(vo2: Circuit, variant: str, count: int, lanes: int, ticks: int, **more: float) -> Case:
    """A case, with input that fires every neuron."""
    params = lif_params(vo2, variant, count=count, **more)
    drive = lif_drive(params, ticks, seed=31)
    fired = LifBitTrue(params).run(drive)["spike"].any(axis=0)
    assert (fired == (params.fault_raw == 0)).all(), "each healthy neuron must fire, and no other"
    return Case(neuron=neuron("lif"), params=params, lanes=lanes, drive_raw=drive)


def patched(case: Case, pattern: str, replacement: str, times: int) -> Case:
    """A case whose Verilog is changed at `times` places, neither more nor fewer."""
    text, found = re.subn(pattern, replacement, case.verilog)
    assert found == times, f"{pattern} stands {found} times in the Verilog"
    assert text != case.verilog
    changed = dataclasses.replace(case)
    changed.__dict__["verilog"] = text
    return changed


@pytest.mark.few(3)
@needs["compiled"]
@pytest.mark.parametrize(
    ("variant", "count", "lanes"),
    the_rest_is_slow(COMPILED, QUICK, extended=[each for each in EXTENDED if each not in QUICK]),
)
def test_compiled_verilog_equals_bit_true_model(vo2: Circuit, variant: str, count: int, lanes: int) -> None:
    case = lif_case(vo2, variant, count, lanes, ticks=5000)  # more than one chunk
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.engine, verdict.ticks, verdict.tests, verdict.reason) == ("compiled", 5000, 4, "")


@needs["verilator"]
@pytest.mark.parametrize(
    ("variant", "count", "lanes"), the_rest_is_slow([("all", 6, 4), ("saturating subtract", 3, 3)], [("all", 6, 4)])
)
def test_verilator_equals_bit_true_model(vo2: Circuit, variant: str, count: int, lanes: int) -> None:
    verdict = verify(lif_case(vo2, variant, count, lanes, ticks=700), "verilator")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (700, 4, "")


@needs["icarus"]
@pytest.mark.parametrize(
    ("variant", "count", "lanes", "ticks"),
    the_rest_is_slow([("all", 5, 2, 60), ("coarse", 1, 1, 60), ("saturating", 3, 3, 60)], [("all", 5, 2, 60)]),
)
def test_icarus_equals_bit_true_model(
    vo2: Circuit, variant: str, count: int, lanes: int, ticks: int, tmp_path: Path
) -> None:
    verdict = verify(lif_case(vo2, variant, count, lanes, ticks), "icarus", tmp_path)
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (ticks, 4, "")
    assert "PASS=4 FAIL=0" in (tmp_path / "icarus" / "simulation.log").read_text()


@ENGINE
def test_a_single_tick_is_enough(vo2: Circuit, engine: str) -> None:
    params = lif_params(vo2, "all", count=3)
    case = Case(neuron=neuron("lif"), params=params, lanes=2, drive_raw=lif_drive(params, 1, seed=1))
    verdict = verify(case, engine)
    assert verdict.equal, verdict.reason
    assert verdict.ticks == 1


@pytest.mark.extended
def test_engines_count_the_same_clocks(vo2: Circuit) -> None:
    case = lif_case(vo2, "all", 5, 2, ticks=60)
    verdicts = [verify(case, engine) for engine in ("amaranth", "compiled", "icarus") if available(engine)]
    assert [verdict.reason for verdict in verdicts] == [""] * len(verdicts)
    rows, latency, clear = 3, 1 + LifLane.latency, 1 + LifLane.clear_clocks
    assert {verdict.cycles for verdict in verdicts} == {rows * clear + 59 * max(rows, latency + 1) + rows + latency}


# Pattern, what stands there instead, and how often it must stand there (with three lanes).
BROKEN = {
    "rounds down": (r"\{ 1'h0, product\[\d+\] \}", "{ 1'h0, 1'h0 }", None),
    "compares with >": (r"\$signed\(bounded\) >= \$signed\(limit\)", "$signed(bounded) > $signed(limit)", 3),
    "skips a lane": (r"( lane_1 \([^;]*\.enable\()begins\)", r"\g<1>1'h0)", 1),
    "refractory one short": (r"(= fires \? 2'h)3 :", r"\g<1>2 :", 3),
    "resets elsewhere": (r"(= fires \? (?!2')\d+'h)[0-9a-f]+ :", r"\g<1>0 :", 3),
}
DIFFERENCE = r"neuron (\d) differs at tick (\d+): (spike|membrane|refractory) is (-?\d+), expected (-?\d+)\n +tick .*\*"


@pytest.mark.few(2)
@ENGINE
@pytest.mark.parametrize("name", BROKEN)
def test_broken_verilog_is_caught(vo2: Circuit, engine: str, name: str) -> None:
    case = lif_case(vo2, "coarse", 8, 3, ticks=100, refractory=3e-6)
    pattern, replacement, times = BROKEN[name]
    times = times or len(re.findall(pattern, case.verilog))
    verdict = verify(patched(case, pattern, replacement, times), engine)
    assert not verdict.equal
    place = re.search(DIFFERENCE, verdict.reason)
    assert place is not None, verdict.reason
    neuron, tick, field, got, expected = (int(x) if x.lstrip("-").isdigit() else x for x in place.groups())
    model = case.bit_true().run(case.drive_raw)
    assert model[field][tick, neuron] == expected != got
    if name == "skips a lane":
        assert neuron % 3 == 1
    if name == "compares with >":
        assert (field, got, expected) == ("spike", 0, 1)
    if name == "refractory one short":
        assert (field, got, expected) == ("refractory", 2, 3)


@ENGINE
def test_wrong_constant_of_one_neuron_is_caught(vo2: Circuit, engine: str) -> None:
    case = lif_case(vo2, "coarse", 3, 1, ticks=100)
    word = int(case.params.threshold_raw[1]) & 0x7F
    broken = patched(case, rf"parameter_memory\[1\] = 7'h{word:02x};", f"parameter_memory[1] = 7'h{word + 1:02x};", 1)
    verdict = verify(broken, engine)
    assert not verdict.equal
    assert "neuron 1 differs at tick" in verdict.reason


@pytest.mark.parametrize("engine", the_rest_is_slow(("compiled", "icarus"), [], needs, ["compiled"]))
def test_lost_rows_are_a_verdict_and_no_crash(vo2: Circuit, engine: str) -> None:
    case = lif_case(vo2, "coarse", 8, 3, ticks=100)
    moves = patched(case, r"assign begins = .*;", "assign begins = 1'h1;", 1)
    stuck = patched(case, r"assign i_ready = .*;", "assign i_ready = 1'h0;", 1)
    padding = patched(case, r"assign is_last = .*;", "assign is_last = 1'h0;", 1)
    for broken, reason in ((moves, "withdrawn"), (stuck, "nothing moves at clock"), (padding, "out of step")):
        verdict = verify(broken, engine)
        assert not verdict.equal
        assert reason in verdict.reason


@pytest.mark.parametrize("engine", the_rest_is_slow(("compiled", "icarus"), [], needs, ["compiled"]))
def test_wrong_count_of_saturations_is_caught(vo2: Circuit, engine: str) -> None:
    case = lif_case(vo2, "saturating", 3, 3, ticks=60)
    model = case.bit_true()
    model.run(case.drive_raw)
    assert model.saturations > 0
    broken = patched(case, r"total\[32\] \? 33'h0ffffffff : total;", "saturations;", 1)
    verdict = verify(broken, engine)
    assert not verdict.equal
    assert "the count of saturations differs" in verdict.reason
    broken = patched(case, r"\A((?s:.*?)saturated <= )[^;]*;", r"\g<1>1'h0;", 1)  # of the array, which comes first
    verdict = verify(broken, engine)
    assert not verdict.equal
    assert "the saturation flag differs" in verdict.reason


def test_case_without_a_tick_is_refused(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=2)
    case = Case(neuron=neuron("lif"), params=params, lanes=1, drive_raw=np.zeros((0, 2), np.int64))
    for engine in filter(available, ENGINES):
        with pytest.raises(ValueError, match="there is no tick to compare"):
            verify(case, engine)


@pytest.mark.parametrize(
    ("drive", "error", "message"),
    [
        (np.zeros((3, 3), np.int64), ValueError, r"drive_raw must have shape \(ticks, 2\), not \(3, 3\)"),
        (np.full((3, 2), 1 << 15), OverflowError, "drive_raw must be between -32768 and 32767"),
        (np.zeros((3, 2)), TypeError, "drive_raw must hold integers, not float64"),
    ],
)
def test_wrong_input_is_an_error_and_no_verdict(
    vo2: Circuit, drive: np.ndarray, error: type[Exception], message: str
) -> None:
    case = Case(neuron=neuron("lif"), params=lif_params(vo2, "hold", count=2), lanes=1, drive_raw=drive)
    for engine in filter(available, ("amaranth", "compiled")):
        with pytest.raises(error, match=message):
            verify(case, engine)


def test_unknown_engine_is_refused(vo2: Circuit) -> None:
    case = lif_case(vo2, "hold", 2, 1, ticks=60)
    with pytest.raises(ValueError, match="must be one of verilator, icarus, compiled, amaranth, not 'vcs'"):
        verify(case, "vcs")
    with pytest.raises(ValueError, match="not 'vcs'"):
        available("vcs")


def test_missing_tool_is_said_before_anything_runs(vo2: Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ToolError(f"{name} is missing: install it")

    case = lif_case(vo2, "hold", 2, 1, ticks=60)
    monkeypatch.setattr(neuristor.sim.benches.verify, "find_tool", nothing)
    for engine, tool in (("verilator", "verilator"), ("icarus", "iverilog"), ("compiled", r"c\+\+")):
        assert not available(engine)
        with pytest.raises(ToolError, match=f"{tool} is missing: install it"):
            verify(case, engine)
    assert verify(case, "amaranth").equal


def test_amaranth_simulator_equals_bit_true_model(vo2: Circuit) -> None:
    verdict = verify(lif_case(vo2, "saturating", 5, 2, ticks=120), "amaranth")
    assert verdict.equal, verdict.reason
    assert (verdict.engine, verdict.ticks, verdict.tests, verdict.reason) == ("amaranth", 120, 2, "")


def random_case(seed: int) -> tuple[Case, int]:
    """An array that nobody would think of, and how many of its like were refused on the way."""
    rng = np.random.default_rng(seed)
    for refused in range(10_000):
        frac = int(rng.integers(0, 28))
        membrane = Format(int(rng.integers(0, 9)) + 2 * (frac < 2), frac)
        drive = Format(int(rng.integers(0, 12)) + 2 * (frac < 2), frac)
        threshold = float(rng.uniform(-0.6, 0.95)) * membrane.max
        hold, rest = (threshold - float(rng.uniform(0, 1.2)) * (threshold - membrane.min) for _ in range(2))
        dt = float(10 ** rng.uniform(-4 if rng.random() < 0.5 else -1, 0))
        spread, noise = (float(rng.uniform(0, 0.3)) * abs(threshold - hold) * (rng.random() < 0.5) for _ in range(2))
        count = int(rng.integers(1, 15))
        try:
            params = LifParams(
                count=count,
                tau=1.0,
                threshold=threshold,
                hold=hold,
                rest=rest,
                refractory=dt * int(rng.choice([0, 1, 2, 3, 4, 7, 8, rng.integers(9, 100)])),
                threshold_d2d=spread,
                threshold_c2c=noise,
                seed=int(rng.integers(0, 1 << 32)),
                dt=dt,
                reset="subtract" if rng.random() < 0.5 else "hold",
                leak="power_of_two" if rng.random() < 0.3 else "exact",
                membrane=membrane,
                drive=drive,
                coefficient_bits=int(rng.integers(4, 19)),
            )
        except (ValueError, OverflowError):
            continue
        shape = (300, count)
        corners = np.array([drive.min_raw, drive.max_raw, 0, -1, *np.clip(params.threshold_raw, drive.min_raw, None)])
        corners = np.minimum(corners, drive.max_raw)
        lively = rng.normal(params.threshold_raw, 1 + 0.5 * abs(params.threshold_raw - params.raw.hold_raw), shape)
        lively = np.clip(lively / min(1.0, 20 * params.k), drive.min_raw, drive.max_raw).astype(np.int64)
        anything = rng.integers(drive.min_raw, drive.max_raw, shape, endpoint=True)
        kind = np.repeat(rng.random((30, count)), 10, axis=0)  # each kind of input for ten ticks
        drive_raw = np.where(kind < 0.6, lively, np.where(kind < 0.8, rng.choice(corners, shape), anything))
        lanes = int(rng.integers(1, count + 1))
        return Case(neuron=neuron("lif"), params=params, lanes=lanes, drive_raw=drive_raw), refused
    raise AssertionError(f"no parameters with seed {seed}")


@pytest.mark.slow
@needs["compiled"]
@pytest.mark.parametrize("first", range(0, 200, 10))
def test_random_arrays_equal_bit_true_model(first: int) -> None:
    failures, spikes = [], 0
    for seed in range(first, first + 10):
        case, _ = random_case(seed)
        spikes += int(LifBitTrue(case.params).run(case.drive_raw)["spike"].sum())
        verdict = verify(case, "compiled")
        if not verdict.equal:
            failures.append(f"seed {seed}, {case.lanes} lanes, {case.params}\n{verdict.reason}")
    assert not failures, "\n\n".join(failures)
    assert spikes > 100


def test_random_arrays_are_varied() -> None:
    cases = [random_case(seed)[0] for seed in range(200)]
    assert len({(case.params.count, case.lanes) for case in cases}) > 40
    raws = [case.params.raw for case in cases]
    for wanted in (
        [raw.refractory_ticks > 0 for raw in raws],
        [raw.noise_scale_raw > 0 for raw in raws],
        [raw.reset for raw in raws],
        [case.params.leak == "exact" for case in cases],
        [case.params.threshold < 0 for case in cases],
        [case.params.drive.width > case.params.membrane.width for case in cases],
    ):
        assert 20 < sum(map(bool, wanted)) < 190
    silent = sum(not LifBitTrue(case.params).run(case.drive_raw)["spike"].any() for case in cases)
    assert silent < 60
    assert all(math.isfinite(case.params.k) for case in cases)
