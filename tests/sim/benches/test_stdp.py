"""Arrays that learn as Verilog against the bit-true model; the three neurons specialise there, too."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neuristor.golden_model.networks.stdp import PATTERNS, StdpParams, presented
from neuristor.sim.benches.stdp import StdpCase, verify
from neuristor.sim.benches.verify import available
from tests.marks import the_rest_is_extended, the_rest_is_slow

NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}
OTHER = StdpParams(
    inputs=13, neurons=5, weight_bits=6, threshold=60, inhibition=40, plus_shift=3, minus_shift=2, rise=9, seed=4
)


@pytest.mark.parametrize("simulator", the_rest_is_slow(NEEDS, ["icarus"], NEEDS))
def test_the_circuit_learns_as_the_model(simulator: str) -> None:
    """With this array and seed the model specialises (tests/golden_model); equal weights mean that the circuit does."""
    spikes, _ = presented(PATTERNS, 400, seed=1)
    verify(StdpCase(params=StdpParams(seed=1), spikes=spikes), simulator).check()


@NEEDS["icarus"]
def test_another_size_and_other_words() -> None:
    spikes = (np.random.default_rng(3).random((150, 13)) < 0.3).astype(np.uint8)
    verify(StdpCase(params=OTHER, spikes=spikes), "icarus").check()


@NEEDS["icarus"]
@pytest.mark.parametrize(
    "change",
    the_rest_is_extended(
        [{"plus_shift": 5}, {"inhibition": 399}, {"fall_shift": 8}, {"post_shift": 2}], [{"inhibition": 399}]
    ),
)
def test_a_broken_circuit_is_caught(change: dict[str, int]) -> None:
    spikes, _ = presented(PATTERNS, 30, seed=1)
    case = StdpCase(params=StdpParams(seed=1), spikes=spikes)
    broken = dataclasses.replace(case, params=dataclasses.replace(case.params, **change))
    result = verify(case, "icarus", verilog=broken.verilog())
    assert not result.passed
    assert "tick" in result.messages[0]
