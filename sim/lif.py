"""cocotb bench of LIF arrays: ``LifArray`` as Verilog against ``LifBitTrue``."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from sim.bench import (
    check,
    matches_bit_true_model,
    matches_bit_true_model_after_reset_in_mid_run,
    matches_bit_true_model_under_stalls,
)
from sim.case import Case
from sim.stream import start

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Inputs at both rails, at zero, at the thresholds, and one step beside each."""
    case = Case.from_environment()
    params = case.params
    rng = np.random.default_rng(1)
    levels = np.array([params.drive.min_raw, params.drive.max_raw, 0, *params.threshold_raw[:8], params.raw.hold_raw])
    corners = np.unique(
        np.clip([levels - 1, levels, levels + 1], params.drive.min_raw, params.drive.max_raw).astype(np.int64)
    )
    # Hold each level for a while, so that membranes arrive there.
    drive = np.repeat(rng.choice(corners, (8, params.count)), 15, axis=0)
    await start(dut)
    await check(dut, case, case.bit_true(), drive)
