"""Circuits of the neuron models, and the registry of both."""
