"""Neuron models: the contract each one keeps, float references, bit-true models, and what is measured of them."""
