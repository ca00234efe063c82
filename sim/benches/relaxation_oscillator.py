"""cocotb bench of relaxation oscillators: ``RelaxationOscillatorArray`` as Verilog against the bit-true model."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from neuristor.sim.benches.bench import (
    check,
    matches_bit_true_model,
    matches_bit_true_model_after_reset_in_mid_run,
    matches_bit_true_model_under_stalls,
)
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.stream import start

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Inputs at both rails, and such that cancel the pull of each target at its threshold, and one step beside."""
    case = Case.from_environment()
    params, raw = case.params, case.params.raw
    rng = np.random.default_rng(1)
    at = np.concatenate([params.threshold_raw[:8], params.hold_raw[:8]])
    pulls = [(target - at) * k for target in (raw.insulating_raw, raw.metallic_raw) for k in raw.k_raw[:: raw.lags]]
    rails = [params.drive.min_raw, params.drive.max_raw, 0]
    levels = np.concatenate([rails, -np.concatenate(pulls) >> raw.drive_shift])
    corners = np.unique(np.clip([levels - 1, levels, levels + 1], params.drive.min_raw, params.drive.max_raw))
    # Hold each level for a while, so that membranes arrive there.
    drive = np.repeat(rng.choice(corners.astype(np.int64), (8, params.count)), 15, axis=0)
    await start(dut)
    await check(dut, case, case.bit_true(), drive)
