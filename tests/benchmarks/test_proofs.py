"""The benchmark of the proofs takes every neuron model, and stops what takes too long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from benchmarks import proofs
from neuristor.hdl.neurons import names
from neuristor.sim.proofs.claims import Claim


def claim(proved: bool | None, tried: bool = True) -> Claim:
    return Claim("a", "b", proved, 0.0, tried=tried)


def test_every_neuron_model_has_an_example_without_coupling() -> None:
    made = list(proofs.designs())
    assert {design.neuron.name for design in made} >= set(names())
    assert all(design.params.coupling is None for design in made)


def test_word_lengths_are_those_asked_for() -> None:
    design = next(proofs.designs())
    for width in proofs.WIDTHS:
        assert proofs.resized(design, width).membrane.width == width


def test_claims_are_counted_until_the_end() -> None:
    claims = iter([claim(True), claim(None), claim(False), claim(None, tried=False)])
    assert proofs.counted(claims, 60)[:3] == (1, 3, True)


def test_a_proof_without_end_is_stopped_and_what_it_proved_counts() -> None:
    def endless() -> Iterator[Claim]:
        yield claim(True)
        time.sleep(3600)

    assert proofs.counted(endless(), 3)[:3] == (1, 1, False)


def test_an_error_in_a_proof_is_an_error() -> None:
    def broken() -> Iterator[Claim]:
        yield claim(True)
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="a proof ended with an error"):
        proofs.counted(broken(), 60)
