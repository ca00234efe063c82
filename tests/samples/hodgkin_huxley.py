"""Arrays of Hodgkin-Huxley neurons for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.hodgkin_huxley import HodgkinHuxleyParams
from neuristor.golden_model.variability import Variability
from tests.samples import Proof, Samples, corner_drive

SQUID = {"spread": Variability(current_d2d=0.2e-9, current_noise=0.5e-9, seed=5)}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "noise and spread": SQUID,
    "short words": {"membrane": Format(-2, 16), "drive": Format(-5, 20), "coefficient_bits": 10, "gate_bits": 17},
    "warm": {"temperature": 290.0, "dt": 10e-6},
    "saturating": {"drive": Format(1, 22)} | SQUID,
}


def params(variant: str, count: int, **more: Any) -> HodgkinHuxleyParams:
    """The parameters of a variant."""
    return HodgkinHuxleyParams(**({"count": count, "dt": 25e-6} | VARIANTS[variant] | more))


def random(rng: np.random.Generator, seed: int) -> dict[str, Any]:
    """Random parameters, words, spread and noise."""
    fraction = int(rng.integers(0, 6))
    return {
        "coefficient_bits": int(rng.integers(12, 19)),
        "g_na": 12e-6 * rng.uniform(0.5, 1.5),
        "g_k": 3.6e-6 * rng.uniform(0.5, 1.5),
        "capacitance": 100e-12 * rng.uniform(0.7, 2),
        "dt": float(rng.choice([10e-6, 25e-6, 40e-6])),
        "gate_bits": int(rng.integers(17, 25)),
        "membrane": Format(-2, 18 + fraction),
        "drive": Format(-3, 20 + fraction),
        "spread": Variability(current_d2d=rng.uniform(0, 1e-9), current_noise=1e-9, seed=seed),
    }


SAMPLES = Samples(
    variants=VARIANTS,
    params=params,
    drive=corner_drive,
    noisy="noise and spread",
    quick=("noise and spread",),
    random=random,
    constants=("g_l_raw", "e_na_raw"),
    mutants=("saturating", 2),
    proofs=(Proof("plain", 2, interval=2, when="slow"),),
)
