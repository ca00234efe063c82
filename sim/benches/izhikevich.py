"""cocotb bench of Izhikevich neurons: ``IzhikevichArray`` as Verilog against ``IzhikevichBitTrue``."""

from neuristor.sim.benches.bench import (
    matches_bit_true_model,
    matches_bit_true_model_after_reset_in_mid_run,
    matches_bit_true_model_at_corner_values,
    matches_bit_true_model_under_stalls,
)

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]
