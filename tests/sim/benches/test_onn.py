"""Oscillator networks as Verilog against the bit-true model, on both simulators; and that a broken one is caught."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neuristor.golden_model.networks.onn import OnnParams
from neuristor.sim.benches.onn import OnnCase, Stretch, verify
from neuristor.sim.benches.verify import available
from tests.marks import the_rest_is_slow

NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}


def made(
    count: int, weight_bits: int, phase_bits: int, noise_bits: int = 0, parts: int = 1, stretches: int = 30
) -> OnnCase:
    """Few weights, so that ties occur, some of them the lowest and the highest; of all kinds of stretches."""
    rng = np.random.default_rng([count, weight_bits, phase_bits])
    low, high = -(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1
    weights = rng.integers(low, high, (count, count), endpoint=True) * (rng.random((count, count)) < 0.2)
    weights[0], weights[1] = low, rng.choice([low, high], count)  # sums reach their ends
    params = OnnParams(weights=weights, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=noise_bits)
    way = [
        Stretch(
            int(rng.choice([1, 1, 2, 5, params.half])),
            int(rng.choice([0, 1, (1 << noise_bits) - 1])) if noise_bits else 0,
            int(rng.choice([1, 3, params.half, params.half])),
        )
        for _ in range(stretches)
    ]
    phases = rng.integers(0, params.raw.period, count)
    return OnnCase(params=params, phases=phases, stretches=way, seed=3, parts=parts)


CASES = {
    "2": (2, 5, 4),
    "33, 8-bit phase": (33, 3, 8),
    "32, noise": (32, 5, 4, 5),
    "60, noise, parts": (60, 5, 5, 4, 4),
    "128": (128, 5, 4),
}


# Verilator compiles for half a minute and more.
RUNS = [(name, engine) for name in CASES for engine in NEEDS]
QUICK = [("2", "icarus")]
EXTENDED = [("2", "verilator"), *(run for run in RUNS if run[1] == "icarus" and run[0] not in ("2", "128"))]


@pytest.mark.parametrize(("name", "simulator"), the_rest_is_slow(RUNS, QUICK, NEEDS, EXTENDED))
def test_verilog_equals_the_model(name: str, simulator: str) -> None:
    result = verify(made(*CASES[name]), simulator)
    assert result.passed, result.messages
    assert result.tests == 2


@pytest.mark.slow
@NEEDS["verilator"]
def test_the_largest_published_size_equals_the_model() -> None:
    result = verify(made(506, 5, 4, 8, 1, 60), "verilator")
    assert result.passed, result.messages


@NEEDS["icarus"]
@pytest.mark.extended
def test_a_wrong_circuit_is_caught() -> None:
    """The sum of one oscillator is added to with another's weight."""
    case = made(20, 5, 4)
    text, found = re.subn(r"\bterm_7\b(?=\s*[,}\]])", "term_8", case.verilog(), count=1)
    assert found
    result = verify(case, "icarus", verilog=text)
    assert not result.passed
    assert "oscillator" in result.messages[0]
