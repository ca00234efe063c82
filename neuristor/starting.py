"""A first design: the sections of a design file for a device in its circuit, with a tick and an input that fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from neuristor.design_file import DesignError, circuit_of, device_of
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.units import si
from neuristor.hdl.neurons import neuron
from neuristor.sections import CircuitSection
from neuristor.toml_file import where

__all__ = ["catalogue_circuit", "read_number", "starting_design", "starting_text"]

EXAMPLES = {"ohm": "20 kohm", "F": "12 nF", "s": "80 ns", "A": "15 uA", "V": "2.5 V"}
"""What a number of a unit looks like."""
PREFIXES = {"": 1.0, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
COMMENTS = {
    "supply": "V",
    "series_resistance": "ohm",
    "capacitance": "F",
    "v_th": "V",
    "v_hold": "V",
    "r_ins": "ohm",
    "r_met": "ohm",
    "pulse_period": "s",
    "pulse_voltage": "V",
    "dt": "s, one tick",
    "current": "A",
}
"""Comments beside keys."""


def read_number(name: str, unit: str, given: Any) -> float:
    """Read a number with a unit, a prefix, or neither, such as ``20 kohm``, ``20k`` or ``2e4``.

    Parameters
    ----------
    name : str
        What it is, for messages.
    unit : str
        Its SI unit; empty if it has none.
    given : float or str
        The number, or its text.

    Returns
    -------
    float
        In `unit`.

    Raises
    ------
    DesignError
        If it is no finite number of that unit.
    """
    if isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        return float(given)
    text = str(given).strip().replace("µ", "u").replace("μ", "u").replace("Ω", "ohm")
    value = math.nan
    for attempt in (text, f"{text}{unit}"):  # a prefix may stand without its unit
        try:
            value = float(attempt)
            break
        except ValueError:
            pass
        try:
            found, dimension = quantity(attempt)
        except ValueError:
            continue
        if dimension == quantity(f"1 {unit}" if unit else "1")[1]:
            value = found
        break
    if math.isnan(value):
        value = _scaled(text, unit)
    if not math.isfinite(value):
        wanted = f"{name} must be a number{f' in {unit}' if unit else ''}"
        raise DesignError(f"{wanted}, such as {EXAMPLES.get(unit, f'12 {unit}').strip()}, not {str(given)!r}")
    return float(value)


def _scaled(text: str, unit: str) -> float:
    """A number with a prefix that the units of equations lack, such as ``1M``; NaN if it is none."""
    found = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([TGMkmunpf]?)\s*(\w*)", text)
    if found is None or found[3] not in ("", unit, f"{unit}s"):
        return math.nan
    return float(found[1]) * PREFIXES[found[2]]


def catalogue_circuit(name: str) -> dict[str, float]:
    """The circuit of a device in the catalogue.

    Parameters
    ----------
    name : str
        Name of the preset.

    Raises
    ------
    DesignError
        If there is no such device, or the catalogue has no circuit for it.
    """
    with where(Path(name), "device"):
        entry = preset(name)
    if entry.missing:
        raise DesignError(f"{name}: the catalogue has no {', '.join(entry.missing)}")
    numbers = entry.pulses if isinstance(entry.device, PulsedDevice) else entry.circuit
    found = {key: each.value for key, each in (numbers or {}).items() if key in CircuitSection.model_fields}
    needed = (
        {"pulse_period"} if isinstance(entry.device, PulsedDevice) else {"supply", "series_resistance", "capacitance"}
    )
    if needed - set(found):
        raise DesignError(f"{name}: the catalogue has no circuit for it")
    return found


def starting_design(device: Mapping[str, Any], circuit: Mapping[str, float], count: int = 64) -> dict[str, Any]:
    """Sections of a design that runs: an oscillator by itself, a neuron at rest with the handwritten digits.

    Parameters
    ----------
    device : mapping
        The section ``[device]``.
    circuit : mapping of str to float
        The section ``[circuit]``.
    count : int
        Number of neurons.

    Returns
    -------
    dict
        The sections.

    Raises
    ------
    DesignError
        If the circuit is none of a neuron.
    """
    here = Path("design")
    physics = device_of(here, dict(device))
    made: dict[str, Any] = {"device": dict(device), "circuit": dict(circuit)}
    if isinstance(physics, PulsedDevice):
        made["neuron"] = {"model": "lif", "count": 64, "dt": circuit["pulse_period"]}
        made["stimulus"] = {"source": "digits", "frames": 10, "ticks": 100, "current": 1.0}
        return made
    found: Circuit = circuit_of(here, dict(circuit), physics, neuron("lif").model)
    regime = found.regime()
    if regime == "latches":
        low, high = found.series_resistance_window
        raise DesignError(
            f"the device latches in this circuit: after it has switched on, it stays on; with {si(found.supply, 'V')} "
            f"it oscillates with series resistances from {si(low, 'ohm')} to {si(high, 'ohm')}"
        )
    model = "lif" if regime == "silent" else "relaxation_oscillator"
    golden = neuron(model).model
    assert golden.suggested_tick is not None
    dt = golden.suggested_tick(found)[0]
    if regime == "oscillates":
        # Crossings are placed within ticks: half of the shorter part of a period is exact to tenths of a per cent.
        dt = max(dt, min(found.tau_ins / 50, min(found.periods()) / 2))
    dt = float(f"{dt:.2g}")
    made["neuron"] = {"model": model, "count": count, "dt": dt}
    if regime == "oscillates":
        periods = 20 / found.frequency() / dt
        made["stimulus"] = {"source": "none", "ticks": round(min(20_000, max(200, float(f"{periods:.1g}"))))}
        return made
    low, high = found.firing_currents
    current = float(f"{min(2 * low, (low + high) / 2):.2g}")
    ticks = round(min(2_000, max(100, float(f"{10 * found.tau_ins / dt:.1g}"))))
    source = {"source": "digits", "frames": 10} if count == 64 else {"source": "constant"}
    made["stimulus"] = {**source, "ticks": ticks, "current": current}
    return made


def starting_text(sections: Mapping[str, Mapping[str, Any]], heading: str) -> str:
    """Write sections as a design file, with units as comments.

    Parameters
    ----------
    sections : mapping of str to mapping
        The sections.
    heading : str
        Comment at the beginning.
    """
    document = tomlkit.document()
    for line in heading.splitlines():
        document.add(tomlkit.comment(line))
    for name, section in sections.items():
        table = tomlkit.table()
        for key, value in section.items():
            item = tomlkit.item(value)
            if key in COMMENTS and not isinstance(value, str):
                item.comment(COMMENTS[key])
            table.add(key, item)
        document.add(tomlkit.nl())
        document.add(name, table)
    return tomlkit.dumps(document)
