"""Hostile input: what every reader must do with it, told once for pytest and for the fuzzer."""
