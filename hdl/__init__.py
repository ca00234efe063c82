"""What the FPGA does: Amaranth circuits, equal bit for bit to the models in ``golden_model``."""
