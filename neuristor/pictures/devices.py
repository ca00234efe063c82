"""Pictures of a device: its I-V curve, where its circuit oscillates, its waveform, its rate over the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet, PulseResponse
from neuristor.golden_model.devices.catalogue import Preset, preset
from neuristor.golden_model.devices.device import PulsedDevice, Transient
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.pictures.picture import Axis, Guide, Panel, Picture, Region, Series, Text
from neuristor.pictures.runs import about
from neuristor.show import PAUSED, response, window
from neuristor.version import __version__

__all__ = [
    "circuit_picture",
    "design_picture",
    "device_picture",
    "iv_panel",
    "physics_picture",
    "window_panel",
]

Floats = NDArray[np.float64]
VOLTAGE, CURRENT = Axis("voltage", "V"), Axis("|current|", "A", log=True)
READING = (
    "I-V: between V_hold and V_th the curve has two branches, which is why the device can oscillate. Window: the point "
    "is the operating point; inside the coloured area the circuit oscillates by itself, above it is silent and fires "
    "under an input only, below it stays on."
)


def device_picture(name: str) -> Picture:
    """Draw a device of the catalogue: I-V curve, operating window, and waveform in the circuit of the catalogue.

    A device that the catalogue does not have, or that lacks numbers, raises `ValueError`.

    Parameters
    ----------
    name : str
        Name of the preset.
    """
    entry = preset(name)
    device = entry.device
    source = {"neuristor": __version__, "device": name, "paper": entry.paper}
    if isinstance(device, PulsedDevice):
        caption = "Polarisation under pulses, with a pause that shows the leak, and the leaky integrator closest to it."
        return Picture("device", entry.title, caption, [_polarisation(entry, device)], about=source)
    circuit = {key: number.value for key, number in (entry.circuit or {}).items()}
    # Between its thresholds a diffusive switch keeps a part of its filament, which the two-state switch cannot model.
    note = " (the model itself locks)" if entry.kind == "diffusive" else ""
    panels = [iv_panel(device), window_panel(device.switch(), circuit, note)]
    found = response(name)
    if isinstance(found, Transient):
        panels.append(waveform_panel(found))
    caption = "I-V curve of the device; where it oscillates as a two-state switch; its waveform in the circuit of the "
    return Picture("device", entry.title, caption + "catalogue.", panels, READING, columns=2, about=source)


def physics_picture(device: Any, name: str) -> Picture:
    """Draw a device by its own numbers: I-V curve and operating window.

    Parameters
    ----------
    device : Device
        The device.
    name : str
        Its name.
    """
    panels = [iv_panel(device), window_panel(device.switch(), {})]
    return Picture(
        "device", name, "I-V curve, and where it oscillates as a two-state switch.", panels, READING, columns=2
    )


def circuit_picture(device: Any, circuit: Circuit, name: str) -> Picture:
    """Draw a device in its circuit: I-V curve, operating point, firing rate over the input as a two-state switch.

    Parameters
    ----------
    device : Device
        The device.
    circuit : Circuit
        The circuit, with the two-state switch closest to the device.
    name : str
        Name of the device.
    """
    low, high = circuit.firing_currents
    current = np.linspace(min(0.0, 1.2 * low), min(high, 2.5 * abs(low)), 200)
    rate = [Series("", current, [circuit.frequency(each) for each in current], "bit-true")]
    values = {"supply": circuit.supply, "series_resistance": circuit.series_resistance}
    panels = [
        iv_panel(device),
        window_panel(circuit.device, values),
        Panel("rate over input", Axis("input", "A"), Axis("rate", "Hz"), rate, [Guide("x", 0.0)]),
    ]
    caption = "I-V curve, operating point, and firing rate under a constant input, as a two-state switch."
    return Picture("device", name, caption, panels, READING, columns=3)


def design_picture(design: Design, reduction: Reduction | str | None) -> Picture:
    """Draw the device of a design, its operating point, and its rate over the input.

    Parameters
    ----------
    design : Design
        The design.
    reduction : Reduction, str or None
        Rates by the device's own equations; a reason, or None, if there are none.
    """
    panels = []
    device = design.device
    if device is not None and not isinstance(device, PulsedDevice) and hasattr(device, "switch"):
        given = design.sections.circuit
        circuit = (
            {} if given is None else {key: value for key, value in given.model_dump().items() if value is not None}
        )
        panels.append(iv_panel(device))
        if {"supply", "series_resistance"} <= set(circuit):
            panels.append(window_panel(device.switch(), circuit))
    panels.append(_rate_panel(design, reduction))
    what = "I-V curve, operating point, and firing rate" if len(panels) > 2 else "Firing rate"
    caption = (
        f"{what} under a constant input, in continuous time. In the grey range the neuron does not fire repeatedly."
    )
    if isinstance(reduction, Reduction):
        caption += " Points: by the device's own equations."
    reading = READING if len(panels) > 2 else ""
    return Picture("device", "The device", caption, panels, reading, len(panels), about=about(design))


def iv_panel(device: Any) -> Panel:
    """Draw the I-V curve: by the device's own model, and of the two-state switch closest to it.

    Parameters
    ----------
    device : Device
        The device.
    """
    switch: ThresholdSwitch = device.switch()
    top = 1.3 * switch.v_th
    sweep = np.concatenate([np.linspace(a, b, 150) for a, b in ((0, top), (top, 0))])
    current = np.abs(device.iv(sweep))
    own = not isinstance(device, ThresholdSwitch)
    shown = np.where(current > 0, current, np.nan)
    series = [Series("device" if own else "", sweep, shown, "device" if own else "bit-true")]
    if own:
        two = np.abs(switch.iv(sweep))
        series.append(Series("two-state switch", sweep, np.where(two > 0, two, np.nan), "bit-true"))
    guides = [Guide("x", switch.v_th, "V_th"), Guide("x", switch.v_hold, "V_hold")]
    return Panel("I-V", VOLTAGE, CURRENT, series, guides)


def window_panel(switch: ThresholdSwitch, circuit: Mapping[str, float], note: str = "") -> Panel:
    """Draw where a switch oscillates, over supply and series resistance, and the operating point.

    Parameters
    ----------
    switch : ThresholdSwitch
        The switch.
    circuit : mapping of str to float
        ``supply`` and ``series_resistance``; empty for no operating point.
    note : str
        Behind the heading.
    """
    point = circuit.get("supply", 0.0), circuit.get("series_resistance", 0.0)
    top = max(3 * switch.v_th, 1.3 * point[0])
    supply = np.linspace(switch.v_th, top, 300)[1:]
    low, high = window(switch, supply)
    floor, ceiling = 0.1 * float(low[low > 0].min(initial=high.max())), 10 * float(high.max())
    if point[1] > 0:
        floor, ceiling = min(floor, point[1] / 3), max(ceiling, 3 * point[1])
    series = [Series("oscillates", supply, high, "circuit", low=np.maximum(low, floor))]
    if circuit:
        series.append(Series("operating point", [point[0]], [point[1]], "float", "points"))
    x, below, above = float(supply[200]), max(float(low[200]), floor), float(high[200])
    texts = [
        Text(x, (above * ceiling) ** 0.5, "silent"),
        Text(x, (below * above) ** 0.5, "oscillates"),
        Text(x, (below * floor) ** 0.5, "latches"),
    ]
    y = Axis("series resistance", "ohm", log=True, limits=(floor, ceiling))
    return Panel(f"operating window, as a switch{note}", Axis("supply", "V", limits=(0, top)), y, series, texts=texts)


def waveform_panel(found: Transient) -> Panel:
    """Draw the voltage of a device in its circuit, and where it switches on.

    Parameters
    ----------
    found : Transient
        The waveform.
    """
    keep = _thin(found.voltage)
    height = np.full(len(found.spikes), found.voltage.max() * 1.05)
    series = [
        Series("voltage", found.time[keep], found.voltage[keep], "device"),
        Series("switches on", found.spikes, height, "float", "spikes"),
    ]
    return Panel("in its circuit", Axis("time", "s"), VOLTAGE, series, whole_row=True)


def _rate_panel(design: Design, reduction: Reduction | str | None) -> Panel:
    """Draw the firing rate of the neuron over a constant input, and that of the device.

    Parameters
    ----------
    design : Design
        The design.
    reduction : Reduction, str or None
        Rates by the device's own equations; a reason, or None, if there are none.
    """
    golden, params = design.golden, design.params
    largest = float(design.stimulus.current.max())
    regions: list[Region] = []
    if isinstance(design.circuit, Circuit):
        low, high = design.circuit.firing_currents
        start, stop = min(0.0, 1.2 * low), min(high, max(2.5 * abs(low), 1.2 * largest))
        current = np.linspace(start, stop, 200)
        rate = np.array([design.circuit.frequency(i) for i in current])
        if low > start:
            regions.append(Region(start, low, "silent"))
    else:
        low, high = golden.window(params)
        stop = min(high, max(3 * low, 1.2 * largest))
        current = np.linspace(min(0.5 * low, 0.9 * stop), stop, 40)
        rate = np.asarray(golden.rate(golden.alone(params, 1), current))
    compared = isinstance(reduction, Reduction)
    unit = "" if isinstance(design.device, PulsedDevice) else params.input_unit
    series = [Series("neuron" if compared else "", current, rate, "bit-true")]
    if isinstance(reduction, Reduction):
        series.append(Series("device", reduction.current, reduction.device, "device", "points"))
    return Panel(
        "rate over input",
        Axis("input" if unit else "pulses per period", unit),
        Axis("rate", "Hz"),
        series,
        regions=regions,
    )


def _thin(values: Floats) -> NDArray[np.intp]:
    """Select samples to draw: those where the curve has moved by 1/500 of its range, and their neighbours."""
    step = np.floor(values / max(float(np.ptp(values)), 1e-300) * 500)
    moved = np.flatnonzero(np.diff(step))
    return np.unique(np.concatenate([[0], moved, moved + 1, [len(values) - 1]]))


def _polarisation(entry: Preset, device: Any) -> Panel:
    found = response(entry.name)
    if not isinstance(found, PulseResponse) or entry.pulses is None or not isinstance(device, AntiferroelectricFet):
        raise ValueError(f"{entry.name} must have pulses in the catalogue to be drawn")
    lif = device.lif_numbers(**{key: number.value for key, number in entry.pulses.items()})
    k = device.leak(entry.pulses["pulse_period"].value)
    series = [
        Series("transistor", found.time, found.polarisation / device.p_max, "device", "joined"),
        Series("leaky integrator", found.time, _integrate(lif, k, PAUSED.tolist()), "bit-true"),
    ]
    y = Axis("P / P_max")
    return Panel(
        "under pulses, with a pause", Axis("time", "s"), y, series, [Guide("y", lif["threshold"], "threshold")]
    )


def _integrate(lif: dict[str, float], k: float, driven: Sequence[float]) -> list[float]:
    v, trace = lif["rest"], []
    for i in driven:
        v += (lif["rest"] + lif["input_resistance"] * i - v) * k
        trace.append(v)
        if v >= lif["threshold"]:
            v = lif["hold"]
    return trace
