"""Neuron models: their contract, float references, bit-true models, and measurements of their accuracy."""
