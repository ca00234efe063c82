"""Arrays of relaxation oscillators for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.relaxation_oscillator import (
    RelaxationOscillatorOptions,
    RelaxationOscillatorParams,
    from_circuit,
)
from neuristor.golden_model.variability import Variability
from tests.samples import Proof, Samples, split

VO2 = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)
"""A VO2 switch that oscillates at 240 kHz."""
OSCILLATOR_VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "on ticks": {"crossings": "on_ticks"},
    "spread": {"threshold_d2d": 0.01, "hold_d2d": 0.03, "start": "random"},
    "threshold noise": {"threshold_c2c": 0.01},
    "noise": {"threshold_c2c": 0.005, "hold_c2c": 0.03},
    "all": {"threshold_d2d": 0.01, "hold_d2d": 0.03, "threshold_c2c": 0.005, "hold_c2c": 0.03, "start": "random"},
    "broken devices": {"stuck_on": 0.2, "stuck_off": 0.2, "dead": 0.2, "hold_c2c": 0.03, "start": "random"},
    "resistors": {"coupling": "resistive", "coupling_resistance": 20e3, "start": "random"},
    "capacitors": {"coupling": "capacitive", "coupling_capacitance": 2e-12, "start": "random"},
    "resistor ring": {"coupling": "resistive", "coupling_resistance": 20e3, "topology": "ring", "start": "random"},
    "capacitor chain": {
        "coupling": "capacitive",
        "coupling_capacitance": 8e-12,
        "topology": "chain",
        "start": "random",
        "threshold_c2c": 0.005,
        "hold_d2d": 0.02,
        "dead": 0.1,
    },
    "resistor edges": {
        "coupling": "resistive",
        "coupling_resistance": 50e3,
        "topology": "edges",
        "edges": ((0, 1), (2, 0)),
        "threshold_d2d": 0.01,
    },
    # Inputs that drive the membrane into its rails.
    "saturating": {"membrane": Format(3, 9), "drive": Format(4, 16), "coefficient_bits": 12, "hold_c2c": 0.02},
    "coarse": {"membrane": Format(3, 6), "drive": Format(0, 14), "coefficient_bits": 10, "dt": 100e-9},
    "wide": {"membrane": Format(3, 24), "drive": Format(1, 30), "coefficient_bits": 18, "hold_c2c": 0.02},
}


def oscillator_params(circuit: Circuit, variant: str, count: int, **more: Any) -> RelaxationOscillatorParams:
    """The parameters of a variant."""
    numbers = {"dt": 40e-9, "seed": 2024} | OSCILLATOR_VARIANTS[variant] | more
    options = RelaxationOscillatorOptions(**split(numbers, RelaxationOscillatorOptions))
    spread = Variability(**split(numbers, Variability))
    return from_circuit(circuit, count=count, options=options, spread=spread, **numbers)


def oscillator_drive(params: RelaxationOscillatorParams, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs held for 20 ticks that make oscillators run, stop and meet corner values."""
    rng = np.random.default_rng(seed)
    shape = (ticks, params.count)
    raw = np.repeat(params.drive_raw(rng.uniform(-2e-5, 6e-5, (-(-ticks // 20), params.count))), 20, axis=0)[:ticks]
    corners = np.array([params.drive.min_raw, params.drive.max_raw, 0, -1, params.drive_raw(2e-4)])
    return np.where(rng.random(shape) < 0.02, rng.choice(corners, shape), raw)


SAMPLES = Samples(
    variants=OSCILLATOR_VARIANTS,
    params=lambda variant, count, **more: oscillator_params(VO2, variant, count, **more),
    drive=oscillator_drive,
    noisy="all",
    quick=tuple(OSCILLATOR_VARIANTS),
    mutants=("saturating", 1),
    proofs=(Proof("on ticks", 1), Proof("plain", 1)),
)
