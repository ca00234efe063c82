"""A device of the catalogue: its numbers with units and sources, and its response."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuristor.docstrings import unit
from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet, PulseResponse
from neuristor.golden_model.devices.catalogue import DEVICES, Number, Preset, preset
from neuristor.golden_model.devices.device import Transient
from neuristor.golden_model.devices.diffusive import DiffusiveSwitch
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.tables import si

__all__ = ["PAUSED", "describe", "response", "window"]

Floats = NDArray[np.float64]

CYCLES = 12
"""Cycles, or pulses, that are simulated."""
PAUSED = np.repeat([1.0, 0.0, 1.0], [5 * CYCLES + 4, CYCLES, 4 * CYCLES])
"""Pulses with a pause, which shows the leak."""
FIGURE_UNITS = {"hz": "Hz", "j": "J", "s": "s", "v": "V", "w": "W", "f": "F", "ohm": "ohm"}
"""Unit of a published figure, by the last word of its name."""
PLAIN_UNITS = {"m2": "m2", "cycles": "cycles", "fraction": "%"}
"""Units that have no SI prefix here."""
PULSE_UNITS = {
    "amplitude": "V",
    "pulse_voltage": "V",
    "width": "s",
    "period": "s",
    "pulse_period": "s",
    "series_resistance": "ohm",
    "capacitance": "F",
}
"""Unit of a number of the pulses."""
SHARE = " of P_max"
INTEGRATOR_UNITS = {
    "tau": "s",
    "refractory": "s",
    "threshold": SHARE,
    "hold": SHARE,
    "rest": SHARE,
    "input_resistance": f"{SHARE} per pulse in each period",
}
"""Unit of a number of the integrator closest to a transistor."""


def describe(name: str) -> list[tuple[str, str]]:
    """List the numbers of a device, with units and sources, and what its models compute from them.

    A name that the catalogue does not have raises `ValueError`.

    Parameters
    ----------
    name : str
        Name of the preset.

    Returns
    -------
    list of (str, str)
        Label and text.
    """
    entry = preset(name)
    rows = [("device", entry.title), ("paper", entry.paper), ("neuron class", ", ".join(entry.classes))]
    kind = DEVICES[entry.kind]
    rows += [("model", entry.kind), *_numbers(entry.numbers, {key: unit(kind, key) for key in entry.numbers})]
    computed: dict[str, float] = {}
    if entry.missing:
        rows.append(("missing", ", ".join(entry.missing)))
    else:
        more, computed = _computed(entry)
        rows += more
    for key, number in (entry.figures or {}).items():
        last = key.rpartition("_")[2]
        symbol = FIGURE_UNITS.get(last) or PLAIN_UNITS.get(last, "")
        value = _value(number.value, symbol, 4)
        beside = f"; computed here {_value(computed[key], symbol, 4)}" if key in computed else ""
        rows.append((f"published {key}", f"{value} ({_origin(number)}){beside}"))
    return rows


def _value(value: float, symbol: str, digits: int) -> str:
    """A number with its unit; temperatures, shares and numbers without a unit have no prefix."""
    if symbol == "%":
        return f"{100 * value:.{digits}g} %"
    if symbol in ("K", "1/K", *PLAIN_UNITS.values()) or symbol.startswith(SHARE):
        return f"{value:.{digits}g} {symbol.strip()}"
    return si(value, symbol, digits) if symbol else f"{value:.{digits}g}, no unit"


def window(switch: ThresholdSwitch, supply: Floats) -> tuple[Floats, Floats]:
    """Compute the series resistances between which a switch oscillates; it latches below, and is silent above.

    Parameters
    ----------
    switch : ThresholdSwitch
        The switch.
    supply : ndarray of float, shape (n,)
        Supply voltages, in volt.

    Returns
    -------
    low, high : ndarray of float, shape (n,)
        Resistances, in ohm; equal where no resistor makes the switch oscillate.
    """
    edges = [
        Circuit(device=switch, supply=v, series_resistance=1.0, capacitance=1.0).series_resistance_window
        for v in supply.tolist()
    ]
    low, high = np.array(edges).T
    return np.clip(low, 0.0, high), high


def _origin(number: Number) -> str:
    return f"{number.source}; {number.tag}"


def _numbers(numbers: dict[str, Number], units: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (key, f"{_value(number.value, units.get(key, ''), 6)} ({_origin(number)})") for key, number in numbers.items()
    ]


def _values(numbers: dict[str, Number]) -> dict[str, float]:
    return {key: number.value for key, number in numbers.items()}


@cache
def response(name: str) -> Transient | PulseResponse | None:
    """Simulate a device of the catalogue in its circuit, or under its pulses; None if the catalogue has neither.

    Parameters
    ----------
    name : str
        Name of the preset.
    """
    entry = preset(name)
    device = entry.device
    if isinstance(device, AntiferroelectricFet) and entry.pulses:
        values = _values(entry.pulses)
        return device.pulses(PAUSED * values["pulse_voltage"], pulse_period=values["pulse_period"])
    if isinstance(device, DiffusiveSwitch) and entry.pulses:
        return device.pulses(count=CYCLES, **_values(entry.pulses))
    if entry.circuit is None:
        return None
    circuit = Circuit(device=device.switch(), **_values(entry.circuit))
    cycle = 1 / circuit.frequency() if circuit.regime() == "oscillates" else circuit.tau_ins
    response: Transient = device.transient(duration=CYCLES * cycle, **_values(entry.circuit))
    return response


def _computed(entry: Preset) -> tuple[list[tuple[str, str]], dict[str, float]]:
    """Rows computed by the models, and the values to compare with published figures."""
    device = entry.device
    rows: list[tuple[str, str]] = []
    computed: dict[str, float] = {}
    if isinstance(device, AntiferroelectricFet):
        if entry.pulses:
            rows += _numbers(entry.pulses, PULSE_UNITS)
            for key, value in device.lif_numbers(**_values(entry.pulses)).items():
                rows.append((f"as an integrator, {key}", _value(value, INTEGRATOR_UNITS.get(key, ""), 4)))
        return rows, computed
    switch: ThresholdSwitch = device.switch()
    computed |= {"t_on_s": switch.t_imt, "t_off_s": switch.t_mit}
    if entry.kind != "threshold_switch":
        rows.append(("as a switch, V_th and V_hold", f"{si(switch.v_th, 'V')}, {si(switch.v_hold, 'V')}"))
        rows.append(("as a switch, R_ins and R_met", f"{si(switch.r_ins, 'ohm')}, {si(switch.r_met, 'ohm')}"))
        rows.append(("as a switch, time on and off", f"{si(switch.t_imt, 's')}, {si(switch.t_mit, 's')}"))
    rows += _numbers(entry.circuit or {}, {key: unit(Circuit, key) for key in entry.circuit or {}})
    rows += _numbers(entry.pulses or {}, PULSE_UNITS)
    if entry.circuit:
        circuit = Circuit(device=switch, **_values(entry.circuit))
        low, high = circuit.series_resistance_window
        reach = f"{si(low, 'ohm')} to {si(high, 'ohm')}" if low < high else "no resistor makes it oscillate"
        rows.append((f"oscillates at {si(circuit.supply, 'V', 6)} with", reach))
        rows.append(("as a switch, frequency", f"{si(circuit.frequency(), 'Hz')}, {circuit.regime()}"))
    seen = response(entry.name)
    if isinstance(seen, Transient):
        rows.append(("simulated frequency", si(seen.frequency, "Hz")))
        rows.append(("simulated duty", _value(seen.duty, "%", 4)))
        rows.append(("energy per spike, in the device", si(seen.energy_per_spike, "J")))
        if entry.circuit:
            taken = seen.supply_energy(**{k: v for k, v in _values(entry.circuit).items() if k != "capacitance"})
            rows.append(("energy per spike, from the supply", f"{si(taken, 'J')}, with the series resistor"))
        # Published frequencies are the largest of a device, not those of this circuit: only the energy is compared.
        computed["energy_per_spike_j"] = seen.energy_per_spike
    return rows, computed
