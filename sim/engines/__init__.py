"""Ways to run a circuit: cocotb on Verilog simulators, a compiled model, Amaranth's simulator, a simulated board."""
