"""The report: one HTML page with its pictures inside; the same design gives the same bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.model import spike_times
from neuristor.ladder import error_rows, warnings
from neuristor.sim.benches.verify import Verdict
from neuristor.steps import BoardResult, Simulation
from neuristor.tables import si
from neuristor.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["render", "svg", "switch_rows", "waveforms"]

SHOWN = 4
"""Frames that the waveforms show."""
MOST_TICKS = 600
"""Most ticks that the waveforms show."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "neuristor",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
INK, FLOAT, VERILOG = "#1f3d7a", "#e08a1e", "#2a9d5c"


def render(
    design: Design,
    simulation: Simulation,
    circuit: tuple[str, dict[str, NDArray[np.int64]]],
    verdicts: Sequence[Verdict],
    boards: Sequence[BoardResult],
) -> str:
    """Render the report.

    Parameters
    ----------
    design : Design
        The design.
    simulation : Simulation
        Traces of its models.
    circuit : (str, dict of ndarray)
        Name of the simulator of the circuit, and its trace of the first ticks.
    verdicts : sequence of Verdict
        Results of verification.
    boards : sequence of BoardResult
        Results of place and route.

    Returns
    -------
    str
        A page of HTML.
    """
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        pictures = [
            (title, caption, _embed(figure))
            for title, caption, figure in (
                _device(design, simulation.reduction),
                _waveforms(design, simulation, circuit),
                _errors(design, simulation),
                _raster(design, simulation),
                *_oscillations(design, simulation),
                *_frames(design, simulation),
            )
        ]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(files("neuristor").joinpath("report.html.j2").read_text("utf-8"))
    return template.render(
        design=design,
        version=__version__,
        pictures=pictures,
        errors=error_rows(simulation),
        warnings=warnings(simulation),
        verdicts=verdicts,
        boards=boards,
        device=_device_rows(design),
        si=si,
    )


def waveforms(design: Design, simulation: Simulation) -> str:
    """Draw waveforms of the float and of the bit-true model, spikes, and frequencies and phases of oscillators.

    Parameters
    ----------
    design : Design
        The design.
    simulation : Simulation
        Traces of its models.

    Returns
    -------
    str
        A page of HTML with SVG pictures.
    """
    import matplotlib as mpl

    not_run = "not run", {name: values[:0] for name, values in simulation.bit_true.items()}
    with mpl.rc_context(STYLE):
        parts = [_waveforms(design, simulation, not_run), _raster(design, simulation)]
        parts += _oscillations(design, simulation)
        pictures = [(title, caption, _embed(figure)) for title, caption, figure in parts]
    body = "".join(f'<h2>{t}</h2><img alt="{t}" src="{p}"><p>{c}</p>' for t, c, p in pictures)
    return f"<!doctype html><meta charset=utf-8><title>{design.name}</title>{body}\n"


def svg(figure: Figure) -> str:
    """Convert a figure to SVG; the same figure gives the same text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, made in the context of `STYLE`.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


def _embed(figure: Figure) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg(figure).encode()).decode()


def _figure(rows: int = 1, columns: int = 1, height: float = 2.6, **more: Any) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **more)


def switch_rows(circuit: Circuit) -> list[tuple[str, str]]:
    """List the elements of a two-state switch in its circuit, and its behaviour.

    Parameters
    ----------
    circuit : Circuit
        The circuit.

    Returns
    -------
    list of (str, str)
        Name, and value with unit.
    """
    switch, regime, (low, high) = circuit.device, circuit.regime(), circuit.firing_currents
    target = si(circuit.target_ins(), "V")
    return [
        ("V_th, V_hold", f"{si(switch.v_th, 'V')}, {si(switch.v_hold, 'V')}"),
        ("R_ins, R_met", f"{si(switch.r_ins, 'ohm')}, {si(switch.r_met, 'ohm')}"),
        ("supply", si(circuit.supply, "V")),
        ("series resistance", si(circuit.series_resistance, "ohm")),
        ("capacitance", si(circuit.capacitance, "F")),
        ("without input", f"{regime}, at {target}" if regime == "silent" else f"{regime}, charges towards {target}"),
        ("fires repeatedly", f"with input currents from {si(low, 'A')} to {si(high, 'A')}"),
    ]


def _device_rows(design: Design) -> list[tuple[str, str]]:
    rows = switch_rows(design.circuit) if isinstance(design.circuit, Circuit) else []
    return [*rows, *design.golden.summary(design.params)]


def _rates(design: Design) -> tuple[str, str, Figure]:
    low, high = design.golden.window(design.params)
    top = min(high, max(3 * low, 1.2 * float(design.stimulus.current.max())))
    current = np.linspace(0.5 * low, top, 40)
    figure, axes = _figure()
    axes.plot(current * 1e9, design.golden.rate(design.golden.alone(design.params, 1), current), color=INK)
    axes.set(xlabel="input current (nA)", ylabel="rate (Hz)")
    return "The neuron", "Firing rate under a constant input, in continuous time.", figure


def _device(design: Design, reduction: Reduction | str | None) -> tuple[str, str, Figure]:
    if not isinstance(design.circuit, Circuit):
        return _rates(design)
    device = design.circuit.device
    figure, (left, right) = _figure(1, 2)
    up, down = np.linspace(0, device.v_th, 50), np.linspace(device.v_hold, 1.2 * device.v_th, 50)
    left.semilogy(up[1:], up[1:] / device.r_ins, color=INK, label="insulating")
    left.semilogy(down, down / device.r_met, color=FLOAT, label="metallic")
    for v, start, stop in (
        (device.v_th, device.v_th / device.r_ins, device.v_th / device.r_met),
        (device.v_hold, device.v_hold / device.r_met, device.v_hold / device.r_ins),
    ):
        left.annotate("", (v, stop), (v, start), arrowprops={"arrowstyle": "->", "color": "0.4"})
    left.set(xlabel="voltage (V)", ylabel="current (A)", title="I-V of the device")
    left.legend(frameon=False)
    low, high = design.circuit.firing_currents
    top = min(high, max(2.5 * abs(low), 1.2 * float(design.stimulus.current.max())))
    bottom = min(0.0, 1.2 * low)
    current = np.linspace(bottom, top, 200)
    right.plot(current * 1e6, [design.circuit.frequency(i) * 1e-3 for i in current], color=INK, label="two-state")
    if isinstance(reduction, Reduction) and reduction.unit == "A":
        right.plot(reduction.current * 1e6, reduction.device * 1e-3, "o", color=FLOAT, ms=4, label="device")
        right.legend(frameon=False)
    right.axvspan(bottom * 1e6, low * 1e6, color="0.92", lw=0)
    right.set(xlabel="input current (uA)", ylabel="rate (kHz)", title="rate (grey: silent)")
    return (
        "The device",
        "I-V curve of the two-state switch, with hysteresis; firing rate under a constant input, in closed form, and "
        "by the device's own equations.",
        figure,
    )


def _busiest(simulation: Simulation, ticks: int) -> int:
    return int(np.argmax(simulation.bit_true["spike"][:ticks].sum(axis=0)))


def _waveforms(
    design: Design, simulation: Simulation, circuit: tuple[str, dict[str, NDArray[np.int64]]]
) -> tuple[str, str, Figure]:
    simulator, trace = circuit
    ticks = min(len(simulation.drive), SHOWN * design.stimulus.span, MOST_TICKS)
    checked = min(ticks, len(trace["spike"]))
    neuron = _busiest(simulation, ticks)
    params = design.params
    time = np.arange(1, ticks + 1) * params.dt * 1e6
    figure, axes = _figure(height=3.0)
    axes.plot(
        time, simulation.continuous[params.observed][:ticks, neuron], color=FLOAT, lw=2.5, alpha=0.6, label="float"
    )
    axes.plot(
        time,
        params.membrane.value(simulation.bit_true[params.observed][:ticks, neuron]),
        color=INK,
        lw=1,
        label="bit-true",
    )
    if checked:
        shown = params.membrane.value(trace[params.observed][:checked, neuron])
        axes.plot(time[:checked:4], shown[::4], ".", color=VERILOG, ms=3, label="Verilog")
    axes.axhline(float(params.thresholds[neuron]), color="0.5", lw=0.7, ls="--")
    axes.axhline(float(params.holds[neuron]), color="0.5", lw=0.7, ls=":")
    axes.margins(y=0.15)  # room for the legend
    axes.set(xlabel="emulated time (us)", ylabel=f"{params.observed} ({params.observed_unit})")
    axes.legend(frameon=False, ncols=3, loc="upper right")
    return (
        "Waveforms",
        f"Neuron {neuron}, which has the most spikes in these ticks; dashed: its mean threshold, dotted: V_hold. "
        f"Verilog: {simulator}.",
        figure,
    )


def _errors(design: Design, simulation: Simulation) -> tuple[str, str, Figure]:
    ticks = min(len(simulation.membrane_error), 4000)
    worst = np.abs(simulation.membrane_error[:ticks]).max(axis=1) * 1e3
    figure, axes = _figure()
    axes.plot(np.arange(1, ticks + 1) * design.params.dt * 1e6, worst, color=INK, lw=0.7)
    axes.axhline(simulation.bound.total * 1e3, color="#b03030", lw=1, label="derived bound")
    axes.set(xlabel="emulated time (us)", ylabel="membrane error (mV)", ylim=(0, None))
    axes.legend(frameon=False)
    return (
        "Fixed point against float",
        "Largest membrane error of all neurons, with the same spikes.",
        figure,
    )


def _raster(design: Design, simulation: Simulation) -> tuple[str, str, Figure]:
    ticks = min(len(simulation.drive), 10 * design.stimulus.span)
    when, neuron = np.nonzero(simulation.bit_true["spike"][:ticks])
    figure, axes = _figure(height=3.2)
    axes.plot(when * design.params.dt * 1e6, neuron, "|", color=INK, ms=3)
    frame = design.stimulus.span * design.params.dt * 1e6
    for n, label in enumerate(design.stimulus.labels[: -(-ticks // design.stimulus.span)]):
        axes.axvline(n * frame, color="0.8", lw=0.6)
        axes.text((n + 0.5) * frame, 1.02, label, transform=axes.get_xaxis_transform(), ha="center")
    axes.set(xlabel="emulated time (us)", ylabel="neuron", ylim=(-1, design.params.count))
    return "Spikes", "Raster of the first frames; above, the label of each frame.", figure


def _oscillations(design: Design, simulation: Simulation) -> list[tuple[str, str, Figure]]:
    """Draw frequency and phase of each oscillator; no picture for other neurons."""
    if "metallic" not in simulation.bit_true:
        return []
    duration = len(simulation.drive) * design.params.dt
    both = simulation.times, spike_times(design.params, simulation.bit_true)
    late = [[times[times > duration / 2] for times in found] for found in both]
    steady = [n for n in range(design.params.count) if min(len(found[n]) for found in late) >= 4]
    if not steady:
        return []
    rates = [np.array([1 / np.diff(found[n]).mean() for n in steady]) for found in late]
    figure, (left, right) = _figure(1, 2)
    left.plot(steady, rates[0] * 1e-3, "o", color=FLOAT, ms=4, alpha=0.6, label="float")
    left.plot(steady, rates[1] * 1e-3, ".", color=INK, ms=3, label="bit-true")
    left.set(xlabel="oscillator", ylabel="frequency (kHz)")
    left.legend(frameon=False, ncols=2)
    coupling = design.params.coupling
    if coupling is None:
        right.plot(steady, 100 * (rates[1] / rates[0] - 1), ".", color=INK, ms=4)
        right.axhline(0, color="0.7", lw=0.7)
        right.set(xlabel="oscillator", ylabel="bit-true against float (%)")
        caption = "Mean frequency in the second half of the run, and its error from fixed point and time step."
    else:
        for found, color, mark in zip(late, (FLOAT, INK), ("o", "."), strict=True):
            base, period = found[steady[0]][-1], np.diff(found[steady[0]]).mean()
            phases = [((found[n][-1] - base) / period % 1) * 360 for n in steady]
            right.plot(steady, (np.array(phases) + 180) % 360 - 180, mark, color=color, ms=4, alpha=0.7)
        right.set(xlabel="oscillator", ylabel=f"lag behind oscillator {steady[0]} (degrees)", ylim=(-185, 185))
        caption = "Mean frequency in the second half of the run, and phases at its end."
    return [("Oscillations", caption, figure)]


def _frames(design: Design, simulation: Simulation) -> list[tuple[str, str, Figure]]:
    if design.stimulus.image is None:
        return []
    shown = min(10, len(design.stimulus.labels))
    spikes = simulation.per_frame(design.stimulus.ticks)
    figure, axes = _figure(2, shown, height=2.2, squeeze=False)
    for n in range(shown):
        for row, values in ((0, design.stimulus.current[n]), (1, spikes[n])):
            axes[row, n].imshow(values.reshape(design.stimulus.image), cmap="Greys" if row == 0 else "Blues")
            axes[row, n].set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("current")
    axes[1, 0].set_ylabel("spikes")
    return [("Input and output", "Input currents of the first frames, and spikes of each neuron.", figure)]
