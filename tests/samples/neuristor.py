"""Arrays of two-channel neuristors for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.devices.two_channel import NeuristorCircuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.neuristor import NeuristorParams
from neuristor.golden_model.variability import Variability
from tests.samples import Proof, Samples, corner_drive, split

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "spread": {"spread": Variability(threshold_d2d=0.02, hold_d2d=0.02, seed=7)},
    "noise and spread": {
        "spread": Variability(threshold_d2d=0.01, hold_d2d=0.02, threshold_c2c=0.01, hold_c2c=0.02, seed=8)
    },
    "resistive input": {"input_resistance": 200e3},
    "capacitive input": {"input_capacitance": 1e-9, "spread": Variability(hold_c2c=0.03)},
    "both inputs": {"input_capacitance": 1e-9, "input_resistance": 200e3},
    "short words": {"membrane": Format(2, 13), "drive": Format(4, 10), "coefficient_bits": 12},
    "saturating": {"membrane": Format(1, 14), "drive": Format(5, 10), "input_capacitance": 3e-9},
}


def neuristor_circuit(**more: Any) -> NeuristorCircuit:
    """The one whose rates are published: 129 Hz at 50 nA to 2,607 Hz at 5 uA."""
    device = ThresholdSwitch(r_ins=10e6, r_met=50e3, v_th=1.0, v_hold=0.5)
    numbers = {"supply": 0.9, "capacitance_1": 3e-9, "capacitance_2": 2e-9, "coupling_resistance": 100e3} | more
    return NeuristorCircuit(device=device, **numbers)


def params(variant: str, count: int, **more: Any) -> NeuristorParams:
    """The parameters of a variant."""
    numbers = dict(VARIANTS[variant] | more)
    circuit = neuristor_circuit(**split(numbers, NeuristorCircuit))
    return NeuristorParams(**({"circuit": circuit, "count": count, "dt": 4e-6} | numbers))


def random(rng: np.random.Generator, seed: int) -> dict[str, Any]:
    """Random circuits, words, spread and noise."""
    fraction = int(rng.integers(0, 6))
    return {
        "coefficient_bits": int(rng.integers(12, 19)),
        "supply": rng.uniform(0.8, 0.95),
        "capacitance_1": rng.uniform(1e-9, 5e-9),
        "capacitance_2": rng.uniform(1e-9, 5e-9),
        "input_capacitance": float(rng.choice([0.0, 1e-9])),
        "input_resistance": float(rng.choice([0.0, 300e3])),
        "membrane": Format(2, 15 + fraction),
        "drive": Format(4, 12),
        "dt": float(rng.choice([1e-6, 5e-6])),
        "spread": Variability(threshold_d2d=0.01, hold_d2d=0.01, threshold_c2c=0.01, hold_c2c=0.02, seed=seed),
    }


SAMPLES = Samples(
    variants=VARIANTS,
    params=params,
    drive=corner_drive,
    noisy="noise and spread",
    quick=("noise and spread", "saturating", "short words"),
    random=random,
    constants=("target_1",),
    mutants=("saturating", 2),
    proofs=tuple(Proof(variant, 2, interval=2, when="slow") for variant in ("plain", "spread")),
)
