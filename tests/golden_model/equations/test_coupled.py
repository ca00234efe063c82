"""Neighbours that a model from equations and its tick can have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.equations.neuron import model_of
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.neurons.coupling import Coupling

# Neighbours act on z, and z on x, which they read.
INDIRECT: dict[str, Any] = {
    "name": "indirect",
    "tick": "1 us",
    "equations": "dx/dt = z/(1*ms)\ndz/dt = (-z + pulled)/(1*ms)",
    "states": {"x": {"range": (-10, 10)}, "z": {"range": (-10, 10)}},
    "coupling": {"name": "pulled", "reads": "x", "unit": "1"},
    "events": ({"when": "x > 1", "do": ("x = 0",), "spike": True},),
}


def switches(value: float, kind: Any = "resistive", dt: float = 80e-9, **columns: Any) -> Any:
    params = model_of(shipped_model("vo2_switch")).from_circuit(None, count=4, dt=dt)
    if columns:
        params = params.measured(columns)
    return replace(params, coupling=Coupling(kind=kind, value=value, topology="ring", count=4))


# Two neighbours, 100 pF: 2 * 80 ns / (R * 100 pF) is 1/4 at 6.4 kohm.
def test_a_resistor_too_small_for_the_tick_names_the_limit() -> None:
    assert switches(6.41e3).coupling is not None
    with pytest.raises(ValueError, match=r"must be at least 6.4 kohm, not 6.39 kohm: with 2 neighbours .* of 80 ns"):
        switches(6.39e3)
    assert switches(6.39e3, dt=79e-9).coupling is not None


def test_a_weight_too_large_for_the_tick_names_the_limit() -> None:
    assert switches(1.56e-4, "weight").coupling is not None
    with pytest.raises(ValueError, match=r"must be at most 0.000156 A/V, not 0.000157 A/V"):
        switches(1.57e-4, "weight")


def test_the_smallest_capacitance_counts() -> None:
    columns = {"capacitance": np.array([100e-12, 50e-12, 200e-12, 100e-12])}
    assert switches(12.9e3, **columns).coupling is not None
    with pytest.raises(ValueError, match=r"must be at least 12.8 kohm"):
        switches(12.7e3, **columns)


def test_the_sum_of_all_weights_counts() -> None:
    params = model_of(shipped_model("vo2_switch")).from_circuit(None, count=4, dt=80e-9)
    edges, values = ((0, 1), (0, 2), (0, 3)), (10e3, 20e3, 20e3)
    coupling = Coupling(kind="resistive", value=10e3, topology="edges", count=4, edges=edges, values=values)
    assert replace(params, coupling=coupling).coupling is coupling
    coupling = replace(coupling, value=6.3e3, values=(6.3e3, 12.6e3, 12.6e3))
    with pytest.raises(ValueError, match=r"must be at least 6.4 kohm, not 6.3 kohm: with 3 neighbours"):
        replace(params, coupling=coupling)


def test_where_neighbours_act_on_another_state_there_is_no_such_limit() -> None:
    params = model_of(Model.model_validate(INDIRECT)).from_circuit(None, count=4, dt=1e-6)
    coupling = Coupling(kind="weight", value=100.0, topology="ring", count=4)
    assert replace(params, coupling=coupling).coupling is coupling


def test_heat_has_the_limit_of_the_heat_capacity() -> None:
    params = model_of(shipped_model("thermal_vo2")).from_circuit(None, count=4, dt=12.5e-9)
    most = 0.25 * 49.628e-12 / 12.5e-9 / 2
    with pytest.raises(ValueError, match=f"must be at most {most:.3g} W/K"):
        replace(params, coupling=Coupling(kind="weight", value=1.01 * most, topology="ring", count=4))
