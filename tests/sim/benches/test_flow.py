"""Neurons whose lanes are flows, as Verilog against the bit-true model, on every engine; broken ones are caught."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.variability import Variability
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from tests.marks import the_rest_is_slow
from tests.samples import SHARING, samples
from tests.samples import case as case_of

needs = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus", "compiled")
}
VARIANTS = [(name, variant) for name in SHARING for variant in samples(name).variants]
QUICK = [(name, variant) for name in SHARING for variant in samples(name).quick]
FIRST_OF_EACH = [(name, samples(name).quick[0]) for name in SHARING]
SMALL = [name for name in SHARING if len(samples(name).quick) > 1]
"""Those that compile soon."""
CONSTANTS = [(name, constant) for name in SHARING for constant in samples(name).constants]
FIRST = [n for n, (name, _) in enumerate(CONSTANTS) if n == 0 or CONSTANTS[n - 1][0] != name]
SIZES = [(5, 2, 3), (3, 3, 1), (4, 1, 8)]


def case(neuron: str, variant: str, ticks: int, size: tuple[int, int, int] | None = None, **more: Any) -> Case:
    """A case, with input that makes neurons fire."""
    size = size or SIZES[list(samples(neuron).variants).index(variant) % len(SIZES)]
    return case_of(neuron, variant, size, ticks, **more)


@pytest.mark.few(1)
@needs["compiled"]
@pytest.mark.parametrize(
    ("neuron", "variant"),
    the_rest_is_slow(VARIANTS, FIRST_OF_EACH, extended=[each for each in QUICK if each not in FIRST_OF_EACH]),
)
def test_compiled_verilog_equals_bit_true_model(neuron: str, variant: str) -> None:
    made = case(neuron, variant, 2000)
    assert made.bit_true().run(made.drive_raw)["spike"].sum() > 3
    verdict = verify(made, "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests) == (2000, 4)


@needs["compiled"]
def test_noise_of_many_steps_has_a_scale_that_its_word_holds() -> None:
    strong = {"spread": Variability(current_noise=30e-9, seed=2)}
    made = case("izhikevich", "one tick", 300, **strong)
    assert made.params.noise_scale_raw.max() >= 2**10
    verdict = verify(made, "compiled")
    assert verdict.equal, verdict.reason


@pytest.mark.extended
@needs["verilator"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(SHARING, SMALL[:1]))
def test_verilator_equals_bit_true_model(neuron: str) -> None:
    verdict = verify(case(neuron, samples(neuron).noisy, 300), "verilator")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (300, 4, "")


@pytest.mark.few(1)
@needs["icarus"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(SHARING, SMALL))
def test_icarus_equals_bit_true_model(neuron: str, tmp_path: Path) -> None:
    verdict = verify(case(neuron, samples(neuron).noisy, 60), "icarus", tmp_path)
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests, verdict.reason) == (60, 4, "")


@pytest.mark.few(1)
@needs["compiled"]
@pytest.mark.parametrize(("neuron", "name"), the_rest_is_slow(CONSTANTS, [CONSTANTS[n] for n in FIRST]))
def test_a_constant_one_off_is_caught(neuron: str, name: str) -> None:
    made = case(neuron, next(iter(samples(neuron).variants)), 1500)
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
    own = samples(neuron)
    assert own.random is not None
    rng = np.random.default_rng([seed, len(neuron)])
    count = int(rng.integers(1, 9))
    more = own.random(rng, seed)
    lanes, interval = int(rng.integers(1, count + 1)), int(rng.integers(1, 24))
    return case(neuron, next(iter(own.variants)), ticks, (count, lanes, interval), **more)


ENGINES = [
    pytest.param("verilator", 200, marks=needs["verilator"]),
    pytest.param("icarus", 40, marks=needs["icarus"]),
]


@pytest.mark.few(1)
@needs["compiled"]
@pytest.mark.parametrize("neuron", the_rest_is_slow(SHARING, SMALL))
def test_a_random_array_equals_the_bit_true_model(neuron: str) -> None:
    verdict = verify(random_case(neuron, 2500), "compiled")
    assert verdict.equal, verdict.reason


@needs["compiled"]
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("neuron", SHARING)
def test_random_arrays_equal_the_bit_true_model(neuron: str, seed: int) -> None:
    verdict = verify(random_case(neuron, seed), "compiled")
    assert verdict.equal, verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "ticks"), ENGINES)
@pytest.mark.parametrize("seed", range(100, 105))
@pytest.mark.parametrize("neuron", SHARING)
def test_random_arrays_equal_the_bit_true_model_in_cocotb(neuron: str, seed: int, engine: str, ticks: int) -> None:
    verdict = verify(random_case(neuron, seed, ticks), engine)
    assert verdict.equal, verdict.reason
