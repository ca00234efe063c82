"""cocotb bench of Hodgkin-Huxley neurons: ``HodgkinHuxleyArray`` as Verilog against ``HodgkinHuxleyBitTrue``."""

from __future__ import annotations

from typing import Any

import cocotb

from sim.bench import (
    check_corners,
    matches_bit_true_model,
    matches_bit_true_model_after_reset_in_mid_run,
    matches_bit_true_model_under_stalls,
)

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Inputs at both rails, at zero, and one step beside each."""
    await check_corners(dut)
