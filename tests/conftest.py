"""Fixtures of all tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from golden_model.devices.catalogue import preset
from golden_model.devices.threshold_switch import Circuit
from golden_model.fixed import Format
from golden_model.lif import LifOptions, LifParams, from_circuit


@pytest.fixture
def vo2() -> Circuit:
    """A VO2 switch, biased below its threshold."""
    return Circuit(device=preset("vo2-maffezzoni").device, supply=1.5, series_resistance=20e3, capacitance=1e-9)


LIF_VARIANTS: dict[str, dict[str, Any]] = {
    "hold": {},
    "subtract": {"reset": "subtract"},
    "power_of_two": {"leak": "power_of_two"},
    "no refractory": {"refractory": 0.0},
    "long refractory": {"refractory": 21.2e-6},
    "spread": {"threshold_d2d": 0.05},
    "noise": {"threshold_c2c": 0.02},
    "all": {"threshold_d2d": 0.03, "threshold_c2c": 0.02, "reset": "subtract", "refractory": 3e-6},
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
    options = {key: numbers.pop(key) for key in ("reset", "leak", "refractory") if key in numbers}
    return from_circuit(vo2, count=count, options=LifOptions(**options), **numbers)


def random_drive(params: LifParams, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs that make neurons fire, rest, run into the rails, and meet corner values."""
    rng = np.random.default_rng(seed)
    shape = (ticks, params.count)
    raw = params.drive_raw(rng.uniform(0.0, 1.2e-4, shape))
    corners = np.array([params.drive.min_raw, params.drive.max_raw, 0, -1, params.raw.hold_raw])
    return np.where(rng.random(shape) < 0.1, rng.choice(corners, shape), raw)
