"""Neurons whose lanes are flows, as Verilog against the bit-true model, on every engine; broken ones are caught."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.neuron import room
from neuristor.golden_model.variability import Variability
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from tests.conftest import FLOW_VARIANTS, corner_drive, flow_params
from tests.marks import the_rest_is_slow

needs = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus", "compiled")
}
VARIANTS = [(neuron, variant) for neuron, variants in FLOW_VARIANTS.items() for variant in variants]
QUICK = [
    (neuron, variant) for neuron, variant in VARIANTS if variant in ("noise and spread", "saturating", "short words")
]
QUICK.remove(("hodgkin_huxley", "saturating"))
QUICK.remove(("hodgkin_huxley", "short words"))
SIZES = [(5, 2, 3), (3, 3, 1), (4, 1, 8)]


def case(neuron: str, variant: str, ticks: int, size: tuple[int, int, int] | None = None, **more: Any) -> Case:
    """A case, with input that makes neurons fire."""
    count, lanes, interval = size or SIZES[list(FLOW_VARIANTS[neuron]).index(variant) % len(SIZES)]
    params = flow_params(neuron, variant, count, **more)
    drive = corner_drive(params, ticks, seed=31)
    return Case(neuron=neuron, params=params, lanes=lanes, interval=interval, drive_raw=drive)


@needs["compiled"]
@pytest.mark.parametrize(("neuron", "variant"), the_rest_is_slow(VARIANTS, QUICK))
def test_compiled_verilog_equals_bit_true_model(neuron: str, variant: str) -> None:
    made = case(neuron, variant, 2000)
    assert room("golden_model", neuron).BitTrue(made.params).run(made.drive_raw)["spike"].sum() > 3
    verdict = verify(made, "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests) == (2000, 3)


@needs["verilator"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(FLOW_VARIANTS, ["neuristor"]))
def test_verilator_equals_bit_true_model(neuron: str) -> None:
    verdict = verify(case(neuron, "noise and spread", 300), "verilator")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (300, 4, "")


@needs["icarus"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(FLOW_VARIANTS, ["izhikevich", "neuristor"]))
def test_icarus_equals_bit_true_model(neuron: str, tmp_path: Path) -> None:
    verdict = verify(case(neuron, "noise and spread", 60), "icarus", tmp_path)
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (60, 4, "")


@needs["compiled"]
@pytest.mark.parametrize(
    ("neuron", "name"),
    [
        ("hodgkin_huxley", "g_l_raw"),
        pytest.param("hodgkin_huxley", "e_na_raw", marks=pytest.mark.slow),
        ("izhikevich", "weight_shift"),
        ("neuristor", "target_1"),
    ],
)
def test_a_constant_one_off_is_caught(neuron: str, name: str) -> None:
    made = case(neuron, "plain" if neuron != "izhikevich" else "all patterns", 1500)
    wrong = dataclasses.replace(made.params)
    old = getattr(wrong.raw, name)
    new = tuple(k + 1 for k in old) if isinstance(old, tuple) else old + 1
    wrong.__dict__["raw"] = wrong.raw._replace(**{name: new})
    broken = dataclasses.replace(made)
    broken.__dict__["verilog"] = dataclasses.replace(made, params=wrong).verilog
    verdict = verify(broken, "compiled")
    assert not verdict.equal
    assert re.search(r"neuron \d differs at tick \d+: \w+ is -?\d+, expected -?\d+", verdict.reason)


def random_case(neuron: str, seed: int, ticks: int = 1500) -> Case:
    """Random parameters, words, spread, noise, lanes and sharing."""
    rng = np.random.default_rng([seed, len(neuron)])
    count = int(rng.integers(1, 9))
    fraction = int(rng.integers(0, 6))
    more: dict[str, Any] = {"coefficient_bits": int(rng.integers(12, 19))}
    if neuron == "hodgkin_huxley":
        more |= {
            "g_na": 12e-6 * rng.uniform(0.5, 1.5),
            "g_k": 3.6e-6 * rng.uniform(0.5, 1.5),
            "capacitance": 100e-12 * rng.uniform(0.7, 2),
            "dt": float(rng.choice([10e-6, 25e-6, 40e-6])),
            "gate_bits": int(rng.integers(17, 25)),
            "membrane": Format(-2, 18 + fraction),
            "drive": Format(-3, 20 + fraction),
            "spread": Variability(current_d2d=rng.uniform(0, 1e-9), current_noise=1e-9, seed=seed),
        }
    elif neuron == "izhikevich":
        more |= {
            "membrane": Format(-1, 20 + fraction),
            "recovery": Format(-2, 26),
            "drive": Format(-2, 26),
            "spread": Variability(current_d2d=1e-9, current_noise=rng.uniform(0.1, 2) * 1e-9, seed=seed),
        }
    else:
        more |= {
            "supply": rng.uniform(0.8, 0.95),
            "capacitance_1": rng.uniform(1e-9, 5e-9),
            "capacitance_2": rng.uniform(1e-9, 5e-9),
            "input_capacitance": float(rng.choice([0.0, 1e-9])),
            "input_resistance": float(rng.choice([0.0, 300e3])),
            "membrane": Format(2, 15 + fraction),
            "drive": Format(4, 12),
            "dt": float(rng.choice([1e-6, 5e-6])),
            "spread": Variability(threshold_d2d=0.01, hold_d2d=0.01, threshold_c2c=0.01, hold_c2c=0.02, seed=seed),
        }
    lanes, interval = int(rng.integers(1, count + 1)), int(rng.integers(1, 24))
    return case(neuron, next(iter(FLOW_VARIANTS[neuron])), ticks, (count, lanes, interval), **more)


ENGINES = [
    pytest.param("verilator", 200, marks=needs["verilator"]),
    pytest.param("icarus", 40, marks=needs["icarus"]),
]


@needs["compiled"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(FLOW_VARIANTS, ["izhikevich", "neuristor"]))
def test_a_random_array_equals_the_bit_true_model(neuron: str) -> None:
    verdict = verify(random_case(neuron, 2500), "compiled")
    assert verdict.equal, verdict.reason


@needs["compiled"]
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("neuron", FLOW_VARIANTS)
def test_random_arrays_equal_the_bit_true_model(neuron: str, seed: int) -> None:
    verdict = verify(random_case(neuron, seed), "compiled")
    assert verdict.equal, verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "ticks"), ENGINES)
@pytest.mark.parametrize("seed", range(100, 105))
@pytest.mark.parametrize("neuron", FLOW_VARIANTS)
def test_random_arrays_equal_the_bit_true_model_in_cocotb(neuron: str, seed: int, engine: str, ticks: int) -> None:
    verdict = verify(random_case(neuron, seed, ticks), engine)
    assert verdict.equal, verdict.reason
