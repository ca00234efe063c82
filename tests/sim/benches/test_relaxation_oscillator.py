"""Relaxation oscillators as Verilog against the bit-true model, on every engine; and that broken ones are caught."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue
from neuristor.hdl.neurons import neuron
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from tests.marks import the_rest_is_extended, the_rest_is_slow
from tests.samples.relaxation_oscillator import OSCILLATOR_VARIANTS, oscillator_drive, oscillator_params

needs = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus", "compiled")
}
SIZES = [(13, 2), (3, 3), (5, 2), (8, 1), (4, 2)]


def oscillator_case(circuit: Circuit, variant: str, count: int, lanes: int, ticks: int) -> Case:
    """A case, with input that makes oscillators fire."""
    params = oscillator_params(circuit, variant, count=count)
    drive = oscillator_drive(params, ticks, seed=31)
    model = RelaxationOscillatorBitTrue(params)
    assert (model.run(drive)["spike"].any(axis=0) == (params.fault_raw == 0)).all(), "each healthy one must fire"
    return Case(neuron=neuron("relaxation_oscillator"), params=params, lanes=lanes, drive_raw=drive)


@pytest.mark.few(1)
@needs["compiled"]
@pytest.mark.parametrize(
    "variant",
    the_rest_is_slow(
        OSCILLATOR_VARIANTS,
        ["all", "broken devices", "capacitor chain", "saturating"],
        extended=["on ticks", "resistor ring"],
    ),
)
def test_compiled_verilog_equals_bit_true_model(oscillator: Circuit, variant: str) -> None:
    count, lanes = SIZES[list(OSCILLATOR_VARIANTS).index(variant) % len(SIZES)]
    verdict = verify(oscillator_case(oscillator, variant, count, lanes, ticks=3000), "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests) == (3000, 4)


@needs["verilator"]
@pytest.mark.parametrize(("variant", "count", "lanes"), the_rest_is_slow([("all", 5, 2), ("capacitors", 4, 2)], []))
def test_verilator_equals_bit_true_model(oscillator: Circuit, variant: str, count: int, lanes: int) -> None:
    verdict = verify(oscillator_case(oscillator, variant, count, lanes, ticks=700), "verilator")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (700, 4, "")


@pytest.mark.extended
@needs["icarus"]
@pytest.mark.parametrize(
    ("variant", "count", "lanes"),
    the_rest_is_slow(
        [("all", 5, 2), ("on ticks", 1, 1), ("capacitor chain", 5, 3), ("resistors", 4, 4), ("broken devices", 5, 5)],
        [("all", 5, 2)],
        extended=[("capacitor chain", 5, 3)],
    ),
)
def test_icarus_equals_bit_true_model(
    oscillator: Circuit, variant: str, count: int, lanes: int, tmp_path: Path
) -> None:
    verdict = verify(oscillator_case(oscillator, variant, count, lanes, ticks=150), "icarus", tmp_path)
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (150, 4, "")


@needs["compiled"]
@pytest.mark.parametrize(
    ("variant", "change"),
    the_rest_is_extended(
        [
            ("all", {"k_raw": 64}),
            ("all", {"late_raw": 1}),
            ("resistor ring", {"coupling_raw": 1}),
            ("plain", {"insulating_raw": -1}),
        ],
        [("plain", {"insulating_raw": -1})],
    ),
)
def test_a_constant_one_off_is_caught(oscillator: Circuit, variant: str, change: dict[str, int]) -> None:
    case = oscillator_case(oscillator, variant, 5, 2, ticks=1500)
    ((name, by),) = change.items()
    wrong = dataclasses.replace(case.params)
    old = getattr(wrong.raw, name)
    new = tuple(k + by for k in old) if isinstance(old, tuple) else old + by
    wrong.__dict__["raw"] = wrong.raw._replace(**{name: new})
    broken = dataclasses.replace(case)
    broken.__dict__["verilog"] = dataclasses.replace(case, params=wrong).verilog
    verdict = verify(broken, "compiled")
    assert not verdict.equal
    assert re.search(r"neuron \d differs at tick \d+: \w+ is -?\d+, expected -?\d+", verdict.reason)


@needs["compiled"]
@pytest.mark.extended
@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"mask_memory\[1\] = 8'h66;", "mask_memory[1] = 8'h64;"),  # a neighbour is not seen
        (r"= ~ half;", "= half;"),  # the values of this tick, not of the last
    ],
)
def test_broken_neighbours_are_caught(oscillator: Circuit, pattern: str, replacement: str) -> None:
    case = oscillator_case(oscillator, "resistor ring", 5, 2, ticks=300)
    text, found = re.subn(pattern, replacement, case.verilog)
    assert found == 1
    broken = dataclasses.replace(case)
    broken.__dict__["verilog"] = text
    assert not verify(broken, "compiled").equal


def random_case(seed: int) -> Case:
    """A random circuit, word lengths, spread, noise, coupling and drive."""
    rng = np.random.default_rng(seed)
    device = preset("vo2-onn").device
    while True:
        count = int(rng.integers(1, 20))
        kind = str(rng.choice(["none", "resistive", "capacitive"]))
        topology = str(rng.choice(["all_to_all", "ring", "chain", "edges"]))
        series, supply = float(np.exp(rng.uniform(np.log(1.6e3), np.log(60e3)))), float(rng.uniform(2.2, 14))
        capacitance = float(10 ** rng.uniform(-10.5, -8))
        more = {"coupling": kind, "topology": topology} if kind != "none" else {}
        if kind == "resistive":
            more["coupling_resistance"] = float(10 ** rng.uniform(3.5, 6))
        if kind == "capacitive":
            more["coupling_capacitance"] = capacitance * float(rng.uniform(0.001, 0.2))
        if topology == "edges" and kind != "none":
            more["edges"] = ((0, count - 1), (0, 1))
        noisy = rng.random(4) < 0.5
        try:
            circuit = Circuit(device=device, supply=supply, series_resistance=series, capacitance=capacitance)
            frac = int(rng.integers(5, 22))
            params = oscillator_params(
                circuit,
                "plain",
                count,
                dt=float(10 ** rng.uniform(-2, 0.2)) * min(circuit.tau_met, circuit.tau_ins),
                seed=int(rng.integers(0, 1 << 32)),
                membrane=Format(int(rng.integers(3, 7)), frac),
                drive=Format(int(rng.integers(0, 4)), int(rng.integers(3, frac + 8))),
                coefficient_bits=int(rng.integers(8, 19)),
                crossings=str(rng.choice(["interpolated", "on_ticks"])),
                start=str(rng.choice(["zero", "random"])),
                threshold_d2d=0.02 * noisy[0],
                hold_d2d=0.05 * noisy[1],
                threshold_c2c=0.01 * noisy[2],
                hold_c2c=0.03 * noisy[3],
                **({"stuck_on": 0.1, "stuck_off": 0.1, "dead": 0.1} if rng.random() < 0.3 else {}),
                **more,
            )
            ticks = 400
            peak = 0.2 * supply / series
            drive = np.repeat(params.drive_raw(rng.uniform(-peak, peak, (ticks // 20, count))), 20, axis=0)
        except (ValueError, OverflowError):
            continue
        corners = np.array([params.drive.min_raw, params.drive.max_raw, 0])
        drive = np.where(rng.random(drive.shape) < 0.02, rng.choice(corners, drive.shape), drive)
        lanes = int(rng.integers(1, count + 1))
        return Case(neuron=neuron("relaxation_oscillator"), params=params, lanes=lanes, drive_raw=drive)


@needs["compiled"]
@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 4])
def test_a_few_random_arrays_equal_bit_true_model(first: int) -> None:
    for seed in range(first, first + 4):
        verdict = verify(random_case(seed), "compiled")
        assert verdict.equal, f"seed {seed}: {verdict.reason}"


@pytest.mark.slow
@needs["compiled"]
@pytest.mark.parametrize("first", range(8, 200, 10))
def test_random_arrays_equal_bit_true_model(first: int) -> None:
    for seed in range(first, min(200, first + 10)):
        verdict = verify(random_case(seed), "compiled")
        assert verdict.equal, f"seed {seed}: {verdict.reason}"


def test_random_arrays_are_varied() -> None:
    cases = [random_case(seed) for seed in range(60)]
    raws = [case.params.raw for case in cases]
    assert {case.params.crossings for case in cases} == {"interpolated", "on_ticks"}
    kinds = [None if case.params.coupling is None else case.params.coupling.kind for case in cases]
    assert min(kinds.count(kind) for kind in (None, "resistive", "capacitive")) >= 5
    topologies = {case.params.coupling.topology for case in cases if case.params.coupling is not None}
    assert topologies == {"all_to_all", "ring", "chain", "edges"}
    assert sum(raw.faults for raw in raws) >= 5
    assert sum(case.params.noisy for case in cases) >= 20
    fired = [RelaxationOscillatorBitTrue(case.params).run(case.drive_raw)["spike"].any() for case in cases]
    assert sum(fired) >= 30
