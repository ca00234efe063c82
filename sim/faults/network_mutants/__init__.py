"""Test vectors for mutants of networks, which `neuristor.sim.faults.mutants` runs.

A network has many ports, but a compiled model has one input and one output stream. Therefore a command wrapper around
the network receives all inputs as one stream of commands, and returns the outputs as one stream. Outputs beside the
streams are folded into a signature.
"""

from neuristor.sim.faults.network_mutants.onn import OnnDesk, OnnPiece, OnnVectors
from neuristor.sim.faults.network_mutants.snn import SnnDesk, SnnPiece, SnnVectors, ticks_under_way

__all__ = ["OnnDesk", "OnnPiece", "OnnVectors", "SnnDesk", "SnnPiece", "SnnVectors", "ticks_under_way"]
