"""What the shared tests know of each neuron: a file here for each, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.neurons import names, neuron
from neuristor.sim.benches.case import Case

__all__ = ["ALL", "SHARING", "Proof", "Samples", "corner_drive", "samples", "split"]


@dataclass(frozen=True)
class Proof:
    """An array whose lanes are proved."""

    variant: str
    count: int
    lanes: int = 1
    interval: int = 1
    loadable: bool = False
    when: str = ""
    """``extended`` or ``slow``; in each run when empty."""

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """Of the test."""
        return [getattr(pytest.mark, self.when)] if self.when else []

    def __str__(self) -> str:
        return f"{self.variant}{', loadable' if self.loadable else ''}"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Arrays of one neuron for the tests that all neurons share."""

    variants: Mapping[str, dict[str, Any]]
    """Parameters by name; the first is the plainest."""
    params: Callable[..., Any]
    """``params(variant, count, **more)``"""
    drive: Callable[[Any, int, int], NDArray[np.int64]]
    """``drive(params, ticks, seed)``: words that make neurons fire, rest and saturate."""
    noisy: str
    """The variant with the most noise and spread."""
    quick: tuple[str, ...]
    """Variants compared as compiled Verilog in every run; the others in long campaigns."""
    random: Callable[[np.random.Generator, int], dict[str, Any]] | None = None
    """Random parameters from a generator and a seed."""
    constants: tuple[str, ...] = ()
    """Integers of ``params.raw`` which, one off, must be noticed."""
    mutants: tuple[str, int] = ("plain", 1)
    """Variant and interval whose mutants are scored."""
    proofs: tuple[Proof, ...] = ()
    """Lanes that are proved."""


def samples(name: str) -> Samples:
    """Those of a neuron."""
    found: Samples = import_module(f"tests.samples.{name}").SAMPLES
    return found


ALL = tuple(name for name in names() if find_spec(f"tests.samples.{name}"))
"""Neurons of ours; others that are installed have no arrays here."""
SHARING = tuple(name for name in ALL if neuron(name).shares_multipliers)
"""Neurons whose products can share multipliers."""


def split(numbers: dict[str, Any], kind: type) -> dict[str, Any]:
    """Take out the numbers that are fields of `kind`."""
    return {field.name: numbers.pop(field.name) for field in fields(kind) if field.name in numbers}


def corner_drive(params: NeuronParams, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs anywhere in an eighth of the range, held for 10 ticks, and both rails now and then."""
    rng = np.random.default_rng(seed)
    drive, shape = params.drive, (ticks, params.count)
    held = rng.integers(drive.min_raw // 8, drive.max_raw // 8, (-(-ticks // 10), params.count))
    corners = np.array([drive.min_raw, drive.max_raw, 0, -1])
    return np.where(rng.random(shape) < 0.02, rng.choice(corners, shape), np.repeat(held, 10, axis=0)[:ticks])


def case(name: str, variant: str, size: tuple[int, int, int], ticks: int, **more: Any) -> Case:
    """A case of a variant: count, lanes and interval, with input that makes neurons fire."""
    count, lanes, interval = size
    own = samples(name)
    params = own.params(variant, count, **more)
    drive = own.drive(params, ticks, 31)
    return Case(neuron=neuron(name), params=params, lanes=lanes, interval=interval, drive_raw=drive)
