"""Proofs that a circuit equals its bit-true model, for all states and inputs."""
