"""The sliders of a design: input, circuit, device, neuron, words, lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from neuristor.design_file import Design
from neuristor.docstrings import meaning, unit
from neuristor.explore.view import Knob, ranged
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.sections import CircuitSection, NeuronSection

__all__ = ["input_unit", "knobs_of"]

PULSE_UNITS = {"pulse_period": "s", "pulse_voltage": "V"}
MOST_LANES = 64
FACTORS = {"K": 1.1, "V": 3.0}
"""By how much the ends of a slider differ from the value, by unit; 10 for other units."""


def knobs_of(design: Design, inputs: tuple[float, float, float]) -> list[Knob]:
    """List the sliders of a design.

    Parameters
    ----------
    design : Design
        The design.
    inputs : (float, float, float)
        Value and ends of the constant input.
    """
    found = [*_input(design, inputs), *_circuit(design), *_device(design), *_neuron(design), *_numbers(design)]
    return [each for each in found if each is not None]


def input_unit(design: Design) -> str:
    """Unit of the input of a design; empty for pulses per period.

    Parameters
    ----------
    design : Design
        The design.
    """
    return "" if isinstance(design.device, PulsedDevice) else design.params.input_unit


def _input(design: Design, inputs: tuple[float, float, float]) -> Iterator[Knob]:
    value, low, high = inputs
    if high > low:
        yield Knob(
            key="input",
            group="Input",
            label="constant input",
            meaning="of every neuron in these pictures",
            unit=input_unit(design),
            value=value,
            low=low,
            high=high,
        )


def _circuit(design: Design) -> Iterator[Knob | None]:
    section = design.sections.circuit
    kind = Circuit if design.circuit is None else type(design.circuit)
    for key, value in ({} if section is None else section.model_dump()).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            field = CircuitSection.model_fields.get(key)
            symbol = unit(kind, key) or PULSE_UNITS.get(key, "")
            yield ranged(
                key=f"circuit.{key}",
                group="Circuit",
                label=key.replace("_", " "),
                meaning="" if field is None else field.description or "",
                unit=symbol,
                value=value,
                factor=3.0 if symbol == "V" else 30.0,
            )


def _device(design: Design) -> Iterator[Knob | None]:
    device = design.device
    for entry in fields(device) if is_dataclass(device) else ():
        value = getattr(device, entry.name)
        warm = design.sections.variability.temperature is not None
        if isinstance(value, float) and (warm or not entry.name.endswith("_temperature")):
            yield _of_class("device", "Device", type(device), entry.name, value)


def _neuron(design: Design) -> Iterator[Knob | None]:
    for key, value in (design.sections.neuron.model_extra or {}).items():
        if isinstance(value, float):
            yield _of_class("neuron", "Neuron", design.golden.options, key, value)


def _of_class(section: str, group: str, kind: type, name: str, value: float) -> Knob | None:
    try:
        about = meaning(kind, name).partition(". ")[2]
    except LookupError:
        about = ""
    symbol = unit(kind, name)
    return ranged(
        key=f"{section}.{name}",
        group=group,
        label=name,
        meaning=about,
        unit=symbol,
        value=value,
        factor=FACTORS.get(symbol, 10.0),
    )


def _numbers(design: Design) -> Iterator[Knob | None]:
    params: Any = design.params
    if design.sections.neuron.dt is not None:
        about = NeuronSection.model_fields["dt"].description or ""
        dt = design.sections.neuron.dt
        yield ranged(key="neuron.dt", group="Numbers", label="tick", meaning=about, unit="s", value=dt, factor=20.0)
    whole: Any = {"group": "Numbers", "scale": "whole"}
    bits, factors = params.membrane.frac_bits, int(params.coefficient_bits)
    label = f"fraction bits of {params.observed}"
    yield Knob(key="words.fraction", label=label, value=bits, low=max(2, bits - 10), high=bits + 6, **whole)
    low, high = (12, 25) if isinstance(params, EquationParams) else (4, 18)
    label = "bits of coefficients"
    yield Knob(key="words.coefficient", label=label, value=factors, low=low, high=max(high, factors), **whole)
    lanes, most = design.sections.fpga.lanes, min(MOST_LANES, params.count)
    if most > 1:
        yield Knob(
            key="fpga.lanes",
            group="FPGA",
            label="lanes",
            meaning="the number of neurons updated at the same time",
            value=lanes,
            low=1,
            high=max(most, lanes),
            scale="whole",
        )
