"""How Verilog is run: simulators, the compiled model, the circuit in Amaranth's simulator, a virtual board."""
