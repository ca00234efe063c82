"""Proofs that the coupling term of an array is the sum over the neighbours."""
