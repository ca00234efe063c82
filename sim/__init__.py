"""Evidence: the exported Verilog against the bit-true models, on open-source simulators."""
