"""cocotb bench of LIF arrays: ``LifArray`` as Verilog against ``LifBitTrue``."""

from __future__ import annotations

from typing import Any

import cocotb

from neuristor.sim.benches.bench import (
    check_corners,
    matches_bit_true_model,
    matches_bit_true_model_after_reset_in_mid_run,
    matches_bit_true_model_under_stalls,
)
from neuristor.sim.benches.case import Case

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Inputs at both rails, at zero, at the thresholds, and one step beside each."""
    params = Case.from_environment().params
    await check_corners(dut, [*params.threshold_raw[:8], params.raw.hold_raw])
