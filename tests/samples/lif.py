"""Arrays of LIF neurons for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.lif import LifOptions, LifParams, from_circuit
from neuristor.golden_model.variability import Variability
from tests.samples import Proof, Samples, split

VO2 = Circuit(device=preset("vo2-maffezzoni").device, supply=1.5, series_resistance=20e3, capacitance=1e-9)
"""A VO2 switch, biased below its threshold."""
LIF_VARIANTS: dict[str, dict[str, Any]] = {
    "hold": {},
    "subtract": {"reset": "subtract"},
    "power_of_two": {"leak": "power_of_two"},
    "no refractory": {"refractory": 0.0},
    "long refractory": {"refractory": 21.2e-6},
    "spread": {"threshold_d2d": 0.05},
    "noise": {"threshold_c2c": 0.02},
    "all": {"threshold_d2d": 0.03, "threshold_c2c": 0.02, "reset": "subtract", "refractory": 3e-6},
    "broken devices": {"stuck_on": 0.2, "stuck_off": 0.2, "dead": 0.2, "threshold_c2c": 0.02, "refractory": 3e-6},
    # An input four times wider than the membrane: the membrane saturates.
    "saturating": {
        "refractory": 3e-6,
        "membrane": Format(3, 9),
        "drive": Format(7, 9),
        "coefficient_bits": 6,
        "threshold_c2c": 0.02,
    },
    "saturating subtract": {
        "membrane": Format(3, 9),
        "drive": Format(9, 9),
        "threshold_d2d": 0.1,
        "reset": "subtract",
        "refractory": 0.0,
    },
    "coarse": {"membrane": Format(3, 4), "drive": Format(3, 4), "coefficient_bits": 4},
    "wide": {"membrane": Format(3, 21), "drive": Format(4, 21), "coefficient_bits": 18, "threshold_c2c": 0.03},
}


def lif_params(vo2: Circuit, variant: str, count: int, **more: Any) -> LifParams:
    """The parameters of a variant."""
    numbers = {"dt": 1e-6, "seed": 2024} | LIF_VARIANTS[variant] | more
    options, spread = split(numbers, LifOptions), split(numbers, Variability)
    return from_circuit(vo2, count=count, options=LifOptions(**options), spread=Variability(**spread), **numbers)


def lif_drive(params: LifParams, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs that make neurons fire, rest, run into the rails, and meet corner values."""
    rng = np.random.default_rng(seed)
    shape = (ticks, params.count)
    raw = params.drive_raw(rng.uniform(0.0, 1.2e-4, shape))
    corners = np.array([params.drive.min_raw, params.drive.max_raw, 0, -1, params.raw.hold_raw])
    return np.where(rng.random(shape) < 0.1, rng.choice(corners, shape), raw)


SAMPLES = Samples(
    variants=LIF_VARIANTS,
    params=lambda variant, count, **more: lif_params(VO2, variant, count, **more),
    drive=lif_drive,
    noisy="all",
    quick=tuple(LIF_VARIANTS),
    mutants=("saturating", 1),
    proofs=tuple(Proof(variant, 3, 2, loadable=loadable) for variant in LIF_VARIANTS for loadable in (False, True)),
)
