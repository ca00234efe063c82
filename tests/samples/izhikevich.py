"""Arrays of Izhikevich neurons for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.izhikevich import PATTERNS, IzhikevichParams
from neuristor.golden_model.variability import Variability
from tests.samples import Proof, Samples, corner_drive

VARIANTS: dict[str, dict[str, Any]] = {
    "all patterns": {},
    "noise and spread": {"spread": Variability(current_d2d=0.5e-9, current_noise=1e-9, seed=6)},
    "one tick": {"dt": 0.2e-3, "patterns": ("tonic_bursting",)},
    "short words": {
        "membrane": Format(-1, 16),
        "recovery": Format(-2, 20),
        "drive": Format(-3, 20),
        "coefficient_bits": 11,
    },
    "saturating": {
        "membrane": Format(-2, 20),
        "recovery": Format(-3, 24),
        "drive": Format(0, 24),
        "patterns": ("tonic_spiking", "tonic_bursting"),
    },
}


def params(variant: str, count: int, **more: Any) -> IzhikevichParams:
    """The parameters of a variant."""
    numbers = dict(VARIANTS[variant] | more)
    patterns = tuple(PATTERNS[name] for name in numbers.pop("patterns", PATTERNS))
    defaults = {"count": count, "dt": 1e-3 * patterns[0].tick, "patterns": patterns, "own_ticks": "dt" not in numbers}
    return IzhikevichParams(**(defaults | numbers))


def random(rng: np.random.Generator, seed: int) -> dict[str, Any]:
    """Random words, spread and noise."""
    fraction = int(rng.integers(0, 6))
    return {
        "coefficient_bits": int(rng.integers(12, 19)),
        "membrane": Format(-1, 20 + fraction),
        "recovery": Format(-2, 26),
        "drive": Format(-2, 26),
        "spread": Variability(current_d2d=1e-9, current_noise=1e-9 * 10 ** rng.uniform(-1, 1.5), seed=seed),
    }


SAMPLES = Samples(
    variants=VARIANTS,
    params=params,
    drive=corner_drive,
    noisy="noise and spread",
    quick=("noise and spread", "saturating", "short words"),
    random=random,
    constants=("weight_shift",),
    mutants=("saturating", 3),
    proofs=tuple(
        Proof(variant, 3, interval=3, when="" if variant == "one tick" else "extended") for variant in VARIANTS
    ),
)
