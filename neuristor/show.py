"""A device of the catalogue: its numbers with units and sources, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.docstrings import unit
from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet, PulseResponse
from neuristor.golden_model.devices.catalogue import DEVICES, Number, Preset, preset
from neuristor.golden_model.devices.device import PulsedDevice, Transient
from neuristor.golden_model.devices.diffusive import DiffusiveSwitch
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.tables import si

__all__ = ["describe", "plot", "window"]

Floats = NDArray[np.float64]

CYCLES = 12
"""Cycles, or pulses, that are simulated."""
PAUSED = np.repeat([1.0, 0.0, 1.0], [5 * CYCLES + 4, CYCLES, 4 * CYCLES])
"""Pulses with a pause, which shows the leak."""
INK, ACCENT, FILL = "#1f3d7a", "#e08a1e", "#cfe3d6"
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


def plot(name: str, path: Path) -> None:
    """Draw a device as SVG; the same device gives the same bytes.

    The picture has the I-V curve, the operating window, and the waveform in the circuit of the catalogue; for a
    transistor, the polarisation under pulses and the leaky integrator closest to it. A device that the catalogue does
    not have, or that lacks numbers, raises `ValueError`.

    Parameters
    ----------
    name : str
        Name of the preset.
    path : Path
        The SVG file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    entry = preset(name)
    device = entry.device
    style: Any = {"svg.hashsalt": "neuristor", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(8.2, 5.4 if not isinstance(device, PulsedDevice) else 3.0), layout="constrained")
        figure.suptitle(entry.title)
        if isinstance(device, AntiferroelectricFet):
            _draw_polarisation(figure.subplots(), entry, device)
        else:
            axes = figure.subplot_mosaic([["iv", "window"], ["response", "response"]])
            _draw_iv(axes["iv"], device)
            _draw_window(axes["window"], entry, device.switch())
            _draw_response(axes["response"], entry)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _origin(number: Number) -> str:
    return f"{number.source}; {number.tag}"


def _numbers(numbers: dict[str, Number], units: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (key, f"{_value(number.value, units.get(key, ''), 6)} ({_origin(number)})") for key, number in numbers.items()
    ]


def _values(numbers: dict[str, Number]) -> dict[str, float]:
    return {key: number.value for key, number in numbers.items()}


@cache
def _response(name: str) -> Transient | PulseResponse | None:
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
    response = _response(entry.name)
    if isinstance(response, Transient):
        rows.append(("simulated frequency", si(response.frequency, "Hz")))
        rows.append(("simulated duty", _value(response.duty, "%", 4)))
        rows.append(("energy per spike, in the device", si(response.energy_per_spike, "J")))
        if entry.circuit:
            taken = response.supply_energy(**{k: v for k, v in _values(entry.circuit).items() if k != "capacitance"})
            rows.append(("energy per spike, from the supply", f"{si(taken, 'J')}, with the series resistor"))
        # Published frequencies are the largest of a device, not those of this circuit: only the energy is compared.
        computed["energy_per_spike_j"] = response.energy_per_spike
    return rows, computed


def _draw_iv(axes: Any, device: Any) -> None:
    top = 1.3 * device.switch().v_th
    sweep = np.concatenate([np.linspace(a, b, 200) for a, b in ((0, top), (top, -top), (-top, 0))])
    current = np.abs(device.iv(sweep))
    axes.semilogy(sweep, np.where(current > 0, current, np.nan), color=INK, lw=1)
    axes.set(xlabel="voltage (V)", ylabel="|current| (A)", title="I-V")


def _draw_window(axes: Any, entry: Preset, switch: ThresholdSwitch) -> None:
    values = _values(entry.circuit or {})
    top = max(3 * switch.v_th, 1.3 * values.get("supply", 0.0))
    supply = np.linspace(switch.v_th, top, 300)[1:]
    low, high = window(switch, supply)
    floor, ceiling = 0.1 * float(low[low > 0].min()), 10 * float(high.max())
    axes.fill_between(supply, low, high, color=FILL, lw=0)
    axes.plot(supply, low, color=INK, lw=1)
    axes.plot(supply, high, color=INK, lw=1)
    if values:
        axes.plot(values["supply"], values["series_resistance"], "o", color=ACCENT)
    x, below, above = supply[200], float(low[200]), float(high[200])
    for text, y in (
        ("silent", (above * ceiling) ** 0.5),
        ("oscillates", (below * above) ** 0.5),
        ("latches", (below * floor) ** 0.5),
    ):
        axes.text(x, y, text, ha="center", va="center", color="0.3")
    axes.set(yscale="log", xlim=(0, top), ylim=(floor, ceiling))
    # Between its thresholds a diffusive switch keeps a part of its filament, which the two-state switch cannot model.
    note = " (the model itself locks)" if entry.kind == "diffusive" else ""
    axes.set(xlabel="supply (V)", ylabel="series resistance (ohm)", title="operating window, as a switch" + note)


def _draw_response(axes: Any, entry: Preset) -> None:
    response = _response(entry.name)
    if not isinstance(response, Transient):
        axes.text(0.5, 0.5, "no circuit in the catalogue", transform=axes.transAxes, ha="center")
        axes.set_axis_off()
        return
    micro = response.time * 1e6
    keep = _thin(response.voltage)
    axes.plot(micro[keep], response.voltage[keep], color=INK, lw=1)
    axes.plot(response.spikes * 1e6, np.full(len(response.spikes), response.voltage.max() * 1.05), "|", color=ACCENT)
    axes.set(xlabel="time (us)", ylabel="voltage (V)", title="in its circuit; marks: switching on")


def _thin(values: Floats) -> NDArray[np.intp]:
    """Select samples to draw: those where the curve has moved by 1/500 of its range, and their neighbours."""
    step = np.floor(values / max(float(np.ptp(values)), 1e-300) * 500)
    moved = np.flatnonzero(np.diff(step))
    return np.unique(np.concatenate([[0], moved, moved + 1, [len(values) - 1]]))


def _draw_polarisation(axes: Any, entry: Preset, device: AntiferroelectricFet) -> None:
    response = _response(entry.name)
    if not isinstance(response, PulseResponse) or entry.pulses is None:
        raise ValueError(f"{entry.name} must have pulses in the catalogue to be drawn")
    lif = device.lif_numbers(**_values(entry.pulses))
    k = device.leak(entry.pulses["pulse_period"].value)
    axes.plot(response.time * 1e6, response.polarisation / device.p_max, "o-", color=INK, lw=1, ms=3, label="P / P_max")
    axes.plot(response.time * 1e6, _integrate(lif, k, PAUSED.tolist()), color=ACCENT, lw=1, label="leaky integrator")
    axes.axhline(lif["threshold"], color="0.5", lw=0.7, ls="--")
    axes.set(xlabel="time (us)", ylabel="P / P_max", title="under pulses, with a pause")
    axes.legend(frameon=False, loc="lower right")


def _integrate(lif: dict[str, float], k: float, driven: Sequence[float]) -> list[float]:
    v, trace = lif["rest"], []
    for i in driven:
        v += (lif["rest"] + lif["input_resistance"] * i - v) * k
        trace.append(v)
        if v >= lif["threshold"]:
            v = lif["hold"]
    return trace
