"""Fixtures of all tests."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.devices.two_channel import NeuristorCircuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.hodgkin_huxley import HodgkinHuxleyParams
from neuristor.golden_model.neurons.izhikevich import PATTERNS, IzhikevichParams
from neuristor.golden_model.neurons.lif import LifOptions, LifParams, from_circuit
from neuristor.golden_model.neurons.neuristor import NeuristorParams
from neuristor.golden_model.neurons.relaxation_oscillator import (
    RelaxationOscillatorOptions,
    RelaxationOscillatorParams,
)
from neuristor.golden_model.neurons.relaxation_oscillator import from_circuit as oscillators
from neuristor.golden_model.variability import Variability


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
    options, spread = _split(numbers, LifOptions), _split(numbers, Variability)
    return from_circuit(vo2, count=count, options=LifOptions(**options), spread=Variability(**spread), **numbers)


def _split(numbers: dict[str, Any], kind: type) -> dict[str, Any]:
    """Take out the numbers that are fields of `kind`."""
    return {field.name: numbers.pop(field.name) for field in fields(kind) if field.name in numbers}


def random_drive(params: Any, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs that make neurons fire, rest, run into the rails, and meet corner values."""
    rng = np.random.default_rng(seed)
    shape = (ticks, params.count)
    if isinstance(params, LifParams):
        raw = params.drive_raw(rng.uniform(0.0, 1.2e-4, shape))
        corners = np.array([params.drive.min_raw, params.drive.max_raw, 0, -1, params.raw.hold_raw])
        return np.where(rng.random(shape) < 0.1, rng.choice(corners, shape), raw)
    raw = np.repeat(params.drive_raw(rng.uniform(-2e-5, 6e-5, (-(-ticks // 20), params.count))), 20, axis=0)[:ticks]
    corners = np.array([params.drive.min_raw, params.drive.max_raw, 0, -1, params.drive_raw(2e-4)])
    return np.where(rng.random(shape) < 0.02, rng.choice(corners, shape), raw)


def corner_drive(params: Any, ticks: int, seed: int) -> NDArray[np.int64]:
    """Inputs anywhere in an eighth of the range, held for 10 ticks, and both rails now and then."""
    rng = np.random.default_rng(seed)
    drive, shape = params.drive, (ticks, params.count)
    held = rng.integers(drive.min_raw // 8, drive.max_raw // 8, (-(-ticks // 10), params.count))
    corners = np.array([drive.min_raw, drive.max_raw, 0, -1])
    return np.where(rng.random(shape) < 0.02, rng.choice(corners, shape), np.repeat(held, 10, axis=0)[:ticks])


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


@pytest.fixture
def oscillator() -> Circuit:
    """A VO2 switch that oscillates at 240 kHz."""
    return Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)


def oscillator_params(circuit: Circuit, variant: str, count: int, **more: Any) -> RelaxationOscillatorParams:
    """The parameters of a variant."""
    numbers = {"dt": 40e-9, "seed": 2024} | OSCILLATOR_VARIANTS[variant] | more
    options = RelaxationOscillatorOptions(**_split(numbers, RelaxationOscillatorOptions))
    spread = Variability(**_split(numbers, Variability))
    return oscillators(circuit, count=count, options=options, spread=spread, **numbers)


SQUID = {"spread": Variability(current_d2d=0.2e-9, current_noise=0.5e-9, seed=5)}
FLOW_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "hodgkin_huxley": {
        "plain": {},
        "noise and spread": SQUID,
        "short words": {"membrane": Format(-2, 16), "drive": Format(-5, 20), "coefficient_bits": 10, "gate_bits": 17},
        "warm": {"temperature": 290.0, "dt": 10e-6},
        "saturating": {"drive": Format(1, 22)} | SQUID,
    },
    "izhikevich": {
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
    },
    "neuristor": {
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
    },
}
"""Parameters of the neurons whose lanes are flows."""


def neuristor_circuit(**more: Any) -> NeuristorCircuit:
    """The one whose rates are published: 129 Hz at 50 nA to 2,607 Hz at 5 uA."""
    device = ThresholdSwitch(r_ins=10e6, r_met=50e3, v_th=1.0, v_hold=0.5)
    numbers = {"supply": 0.9, "capacitance_1": 3e-9, "capacitance_2": 2e-9, "coupling_resistance": 100e3} | more
    return NeuristorCircuit(device=device, **numbers)


def flow_params(neuron: str, variant: str, count: int, **more: Any) -> Any:
    """The parameters of a variant."""
    numbers = dict(FLOW_VARIANTS[neuron][variant] | more)
    if neuron == "hodgkin_huxley":
        return HodgkinHuxleyParams(**({"count": count, "dt": 25e-6} | numbers))
    if neuron == "izhikevich":
        patterns = tuple(PATTERNS[name] for name in numbers.pop("patterns", PATTERNS))
        defaults = {
            "count": count,
            "dt": 1e-3 * patterns[0].tick,
            "patterns": patterns,
            "own_ticks": "dt" not in numbers,
        }
        return IzhikevichParams(**(defaults | numbers))
    circuit = neuristor_circuit(**_split(numbers, NeuristorCircuit))
    return NeuristorParams(**({"circuit": circuit, "count": count, "dt": 4e-6} | numbers))
