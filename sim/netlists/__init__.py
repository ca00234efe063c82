"""Netlists: synthesized circuits as Verilog for simulation, and circuits as graphs of words for proofs."""
