"""Circuits of the neuron models, and the registry of the neurons."""

from neuristor.hdl.neurons.contract import Neuron
from neuristor.hdl.neurons.registry import names, neuron, neurons

__all__ = ["Neuron", "names", "neuron", "neurons"]
