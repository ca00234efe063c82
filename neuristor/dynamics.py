"""Devices of the catalogue by their own equations: the model, and its parameters from device and circuit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.equations.file import shipped_model
from neuristor.hdl.neurons import Neuron, neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.sections import CircuitSection, DeviceSection, NeuronSection, Sections, VariabilitySection
from neuristor.toml_file import DesignError, unknown_key, where

__all__ = ["own_neuron", "own_options"]

KINDS: Mapping[str, str] = MappingProxyType({"thermal_vo2": "thermal_vo2", "mott": "mott_nbo2"})
"""The model of each kind of device that has equations of its own."""
PRESETS: Mapping[str, str] = MappingProxyType({"vo2-mott": "mott_vo2"})
"""The model of a device whose states have other ranges than those of its kind."""
TWO_STATE = (
    "has a meaning for a two-state switch only: leave it out, so that the device runs by its own equations, or set "
    "[device] dynamics = 'two_state'"
)
OSCILLATOR = "relaxation_oscillator"
"""The model that stands for a device in the circuit of these models, as a two-state switch."""


def own_neuron(device: DeviceSection | None, model: str) -> Neuron | None:
    """The neuron of a device by its own equations; None if it is a two-state switch in the model.

    Parameters
    ----------
    device : DeviceSection, optional
        The device.
    model : str
        The neuron model.

    Returns
    -------
    Neuron or None
        The neuron.

    Raises
    ------
    ValueError
        If own equations are asked for, and there are none for the device in this model.
    """
    if device is None or device.dynamics == "two_state":
        return None
    kind = device.kind or "" if device.preset is None else preset(device.preset).kind
    if model != OSCILLATOR or kind not in KINDS:
        if device.dynamics == "own":
            raise ValueError(
                f"dynamics = 'own' needs [neuron] model = {OSCILLATOR!r} and a device of the kind {' or '.join(KINDS)}"
            )
        return None
    return equation_neuron(shipped_model(PRESETS.get(device.preset or "", KINDS[kind])).model_dump_json())


def own_options(own: Neuron, sections: Sections, device: Any, path: Path) -> Any:
    """The parameters of a device's own equations.

    Parameters
    ----------
    own : Neuron
        Of `own_neuron`.
    sections : Sections
        The design.
    device : object
        Model of the device, of a class in ``neuristor.golden_model.devices``.
    path : Path
        The design file, for messages.

    Returns
    -------
    own.model.options
        The parameters.

    Raises
    ------
    DesignError
        If a key is missing, unknown, or has a meaning for a two-state switch only.
    """
    kind = own.model.options
    keys = [each.name for each in fields(kind)]
    values = {name: float(getattr(device, name)) for name in keys if hasattr(device, name)}
    with where(path, "circuit"):
        values |= _elements(sections.circuit)
    with where(path, "neuron"):
        values |= _own_keys(sections.neuron, keys)
    for key, field in VariabilitySection.model_fields.items():
        if key not in ("seed", "temperature", "parameters") and getattr(sections.variability, key) != field.default:
            raise DesignError(f"{path}: [variability] {key} {TWO_STATE}")
    return kind(**values)


def _elements(section: CircuitSection | None) -> dict[str, float]:
    """Supply, series resistance and capacitance.

    Raises
    ------
    ValueError
        If one is missing.
    """
    values = {}
    for name in ("supply", "series_resistance", "capacitance"):
        value = None if section is None else getattr(section, name)
        if value is None:
            raise ValueError(f"{name} is missing: {CircuitSection.model_fields[name].description}")
        values[name] = float(value)
    return values


def _own_keys(section: NeuronSection, keys: list[str]) -> dict[str, float]:
    """Parameters of the equations in the section of the neuron.

    Raises
    ------
    ValueError
        If a key is unknown, belongs to the two-state switch, or is no number.
    """
    oscillator = {each.name for each in fields(neuron(OSCILLATOR).model.options)}
    values = {}
    for key, value in (section.model_extra or {}).items():
        if key in oscillator:
            raise ValueError(f"{key} {TWO_STATE}")
        if key not in keys:
            raise ValueError(unknown_key(key, [*NeuronSection.model_fields, *keys]))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} must be a number, not {value!r}")
        values[key] = float(value)
    return values
