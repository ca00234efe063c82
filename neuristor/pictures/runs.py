"""Pictures of a run: waveforms, the phase of the circuit against the float model, spikes, errors, thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.golden_model.networks.order import phases
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.units import si
from neuristor.pictures.picture import Axis, Guide, Panel, Picture, Region, Role, Series, thinned
from neuristor.steps import Simulation
from neuristor.version import __version__

__all__ = ["MOST_TICKS", "SHOWN", "Trace", "about", "phase_errors", "run_pictures"]

Floats = NDArray[np.float64]
Trace = tuple[str, dict[str, NDArray[np.int64]]]
"""Name of the simulator of a circuit, and its trace of the first ticks."""
SHOWN = 4
"""Frames that the waveforms show."""
MOST_TICKS = 600
"""Most ticks that the waveforms show."""
LEAST_PERIODS = 6
"""Periods that the waveforms show at least, if the run has them."""
MOST_SPIKES = 20_000
"""Most spikes of a raster."""
TIME = Axis("emulated time", "s")


def about(design: Design) -> dict[str, str]:
    """Where the numbers of a design are from: version, file and hash.

    Parameters
    ----------
    design : Design
        The design.
    """
    return {"neuristor": __version__, "design": design.path.name, "sha256": design.digest}


def run_pictures(design: Design, simulation: Simulation, circuit: Trace | None = None) -> list[Picture]:
    """Draw a run.

    Parameters
    ----------
    design : Design
        The array and its input.
    simulation : Simulation
        Traces of its models.
    circuit : (str, dict of ndarray), optional
        Name of the simulator of the circuit, and its trace of the first ticks.

    Returns
    -------
    list of Picture
        Those that the run has: ``waveforms``, ``phase``, ``spikes``, ``errors``, ``oscillations``, ``thresholds``,
        ``input`` and ``output``.
    """
    made = [
        _waveforms(design, simulation, circuit),
        _phase(design, simulation),
        _spikes(design, simulation),
        _errors(design, simulation),
        _oscillations(design, simulation),
        _thresholds(design, simulation),
        *_frames(design, simulation),
    ]
    return [each for each in made if each is not None]


def phase_errors(found: list[Floats], reference: list[Floats]) -> list[tuple[Floats, Floats]]:
    """Compute how far each neuron is ahead of its reference at each of its spikes, in degrees.

    The phase of the reference grows by 360 degrees from spike to spike, evenly in between.

    Parameters
    ----------
    found, reference : list of ndarray of float
        Spike times of each neuron, in second.

    Returns
    -------
    list of (ndarray, ndarray)
        Times of the spikes, and the error: shape (spikes within those of the reference,).
    """
    made = []
    for times, exact in zip(found, reference, strict=True):
        ahead = 360 * (np.arange(len(times)) - phases([exact], times)[:, 0])
        inside = np.isfinite(ahead)
        made.append((np.asarray(times)[inside], ahead[inside]))
    return made


def _busiest(simulation: Simulation, ticks: int) -> int:
    return int(np.argmax(simulation.bit_true["spike"][:ticks].sum(axis=0)))


def _shown_ticks(design: Design, simulation: Simulation) -> int:
    """Ticks of the waveforms: some frames, but as long as some periods of the busiest neuron."""
    ticks = min(len(simulation.drive), SHOWN * design.stimulus.span, MOST_TICKS)
    spikes = np.flatnonzero(simulation.bit_true["spike"][:, _busiest(simulation, len(simulation.drive))])
    if len(spikes) > LEAST_PERIODS:
        ticks = max(ticks, int(spikes[LEAST_PERIODS]) + 1)
    return ticks


def _observed(design: Design) -> Axis:
    unit = design.params.observed_unit
    return Axis(design.params.observed, "" if unit == "1" else unit)


def _waveforms(design: Design, simulation: Simulation, circuit: Trace | None) -> Picture:
    params, ticks = design.params, _shown_ticks(design, simulation)
    neuron = _busiest(simulation, ticks)
    time = np.arange(1, ticks + 1) * params.dt
    exact = simulation.continuous[params.observed][:ticks, neuron]
    found = params.membrane.value(simulation.bit_true[params.observed][:ticks, neuron])
    wide, keep = thinned(exact), thinned(found)
    series = [Series("float", time[wide], exact[wide], "float"), Series("bit-true", time[keep], found[keep])]
    by = ""
    if circuit is not None and (checked := min(ticks, len(circuit[1]["spike"]))):
        values = params.membrane.value(circuit[1][params.observed][:checked, neuron])
        series.append(Series("circuit", time[:checked:4], values[::4], "circuit", "points"))
        by = f" Points: every fourth tick of the circuit ({circuit[0]})."
    guides = [
        Guide("y", float(params.thresholds[neuron]), "threshold"),
        Guide("y", float(params.holds[neuron]), "V_hold" if design.golden.circuit is not None else "reset"),
    ]
    if guides[0].value == guides[1].value:
        guides = guides[:1]
    panel = Panel("", TIME, _observed(design), series, guides)
    caption = f"Neuron {neuron}, which has the most spikes in the first {ticks} ticks.{by}"
    caption += _apart(design, simulation, neuron, ticks)
    reading = (
        "The bit-true curve is what the circuit computes, bit by bit. Where it is beside the float curve, it is early "
        "or late: the picture of the phase says by how much."
    )
    return Picture("waveforms", "Waveforms", caption, [panel], reading, about=about(design))


def _apart(design: Design, simulation: Simulation, neuron: int, ticks: int) -> str:
    """How far the waveforms are apart at the end of the window."""
    times = spike_times(design.params, simulation.bit_true)
    when, error = phase_errors([times[neuron]], [simulation.times[neuron]])[0]
    error = error[when <= ticks * design.params.dt]
    if not len(error):
        return ""
    way = "ahead of" if error[-1] > 0 else "behind"
    return f" At the end the circuit is {abs(error[-1]):.2g} degrees of a period {way} the float model."


def _phase(design: Design, simulation: Simulation) -> Picture | None:
    """The waveforms aligned by a spike, and the error of the phase by itself."""
    params = design.params
    times = spike_times(params, simulation.bit_true)
    errors = phase_errors(times, simulation.times)
    sizes = [float(np.abs(error).max(initial=0.0)) for _, error in errors]
    neuron = _busiest(simulation, len(simulation.drive))
    when, error = errors[neuron]
    if len(when) < 3:
        return None
    panels = []
    aligned = _aligned(design, simulation, neuron, times[neuron])
    if aligned is not None:
        panels.append(aligned)
    keep = thinned(error)
    series = [Series("", when[keep], error[keep], "bit-true", "joined" if len(keep) < 60 else "line")]
    panels.append(Panel(f"phase error of neuron {neuron}", TIME, Axis("ahead", "degrees"), series, [Guide("y", 0.0)]))
    counted = [n for n, (_, each) in enumerate(errors) if len(each)]
    if len(counted) > 1:
        some = Series("", counted, [sizes[n] for n in counted], "bit-true", "points")
        panels.append(Panel("largest of each neuron", Axis("neuron", whole=True), Axis("error", "degrees"), [some]))
    period = float(np.diff(simulation.times[neuron]).mean())
    caption = (
        f"Neuron {neuron}: its waveforms shifted so that one spike is at time 0, and how far its spikes are ahead of "
        f"those of the float model, in degrees of a period ({si(period, 's', 3)} on average); at the end "
        f"{error[-1]:+.3g} degrees, at most {max(sizes[neuron], 0.0):.3g}."
    )
    reading = (
        "Flat: the circuit keeps the phase. A steady slope: its frequency is off. A step of 360 degrees: a spike more "
        "or fewer. Noise from cycle to cycle makes the phase wander."
    )
    return Picture("phase", "Phase against the float model", caption, panels, reading, len(panels), about=about(design))


def _aligned(design: Design, simulation: Simulation, neuron: int, times: Floats) -> Panel | None:
    params, exact = design.params, simulation.times[neuron]
    common = min(len(times), len(exact))
    place = common // 2
    if place < 1 or place + 1 >= common:
        return None
    reach = 1.5 * float(min(exact[place] - exact[place - 1], exact[place + 1] - exact[place]))
    end = np.arange(1, len(simulation.drive) + 1) * params.dt
    series = []
    both: tuple[tuple[Role, Floats, Floats], ...] = (
        ("float", exact, simulation.continuous[params.observed][:, neuron]),
        ("bit-true", times, params.membrane.value(simulation.bit_true[params.observed][:, neuron])),
    )
    for role, spikes, values in both:
        spike = spikes[place]
        near = np.abs(end - spike) <= reach
        keep = np.flatnonzero(near)[thinned(values[near], 800)]
        series.append(Series(role, end[keep] - spike, values[keep], role))
    return Panel(f"aligned by spike {place}", Axis("time from that spike", "s"), _observed(design), series)


def _spikes(design: Design, simulation: Simulation) -> Picture:
    stimulus, dt = design.stimulus, design.params.dt
    ticks = min(len(simulation.drive), 10 * stimulus.span)
    when, neuron = np.nonzero(simulation.bit_true["spike"][:ticks])
    left = len(when) - MOST_SPIKES
    if left > 0:
        when, neuron = when[:MOST_SPIKES], neuron[:MOST_SPIKES]
    frame = stimulus.span * dt
    labels = stimulus.labels[: -(-ticks // stimulus.span)]
    regions = [Region(n * frame, (n + 1) * frame, label) for n, label in enumerate(labels)] if len(labels) > 1 else []
    limits = (-1.0, float(design.params.count))
    series = [Series("spike", (when + 1) * dt, neuron, "bit-true", "spikes")]
    panel = Panel("", TIME, Axis("neuron", whole=True, limits=limits), series, regions=regions[::2])
    caption = "Spikes of the circuit" + (f" in the first {len(labels)} frames, with their labels." if regions else ".")
    if left > 0:
        caption += f" {left} more are not drawn."
    return Picture("spikes", "Spikes", caption, [panel], about=about(design))


def _errors(design: Design, simulation: Simulation) -> Picture:
    size = np.abs(simulation.membrane_error).max(axis=1)
    keep = thinned(size)
    series = [Series("error", (keep + 1) * design.params.dt, size[keep])]
    panel = Panel("", TIME, _observed(design), series, [Guide("y", simulation.bound.total, "derived bound")])
    reading = (
        "The spikes of both models are the same here, so that only the error of the words is left. It must stay below "
        "the bound, which is derived, not fitted."
    )
    caption = f"Largest error of {simulation.observed} over all neurons: bit-true against float, with the same spikes."
    return Picture("errors", "Fixed point against float", caption, [panel], reading, about=about(design))


def _oscillations(design: Design, simulation: Simulation) -> Picture | None:
    """Frequency and phase of each oscillator; none for other neurons."""
    if "metallic" not in simulation.bit_true:
        return None
    duration = len(simulation.drive) * design.params.dt
    both = simulation.times, spike_times(design.params, simulation.bit_true)
    late = [[times[times > duration / 2] for times in found] for found in both]
    steady = [n for n in range(design.params.count) if min(len(found[n]) for found in late) >= 4]
    if not steady:
        return None
    rates = [np.array([1 / np.diff(found[n]).mean() for n in steady]) for found in late]
    x = Axis("oscillator", whole=True)
    left = [Series("float", steady, rates[0], "float", "points"), Series("bit-true", steady, rates[1], kind="points")]
    panels = [Panel("", x, Axis("frequency", "Hz"), left)]
    if design.params.coupling is None:
        right = [Series("", steady, 100 * (rates[1] / rates[0] - 1), kind="points")]
        panels.append(Panel("", x, Axis("bit-true against float", "%"), right, [Guide("y", 0.0)]))
        caption = "Mean frequency in the second half of the run, and its error from fixed point and time step."
    else:
        series = []
        models: tuple[Role, ...] = ("float", "bit-true")
        for role, found in zip(models, late, strict=True):
            base, period = found[steady[0]][-1], np.diff(found[steady[0]]).mean()
            lags = np.array([((found[n][-1] - base) / period % 1) * 360 for n in steady])
            series.append(Series(role, steady, (lags + 180) % 360 - 180, role, "points"))
        y = Axis(f"lag behind oscillator {steady[0]}", "degrees", limits=(-185.0, 185.0))
        panels.append(Panel("", x, y, series))
        caption = "Mean frequency in the second half of the run, and phases at its end."
    reading = "One frequency for all, and phases that stay: the oscillators are locked."
    return Picture("oscillations", "Oscillations", caption, panels, reading, 2, about=about(design))


def _thresholds(design: Design, simulation: Simulation) -> Picture | None:
    """Histograms of what differs from neuron to neuron, and which neurons are silent."""
    params: Any = design.params
    found = dict(design.unequal)
    if not found and np.ptp(params.thresholds) > 0:
        found = {"v_th": (params.thresholds, params.observed_unit)}
    panels = []
    for name, (values, unit) in list(found.items())[:4]:
        values = np.asarray(values, dtype=np.float64)
        edges = np.histogram_bin_edges(values, bins=min(30, max(6, int(np.sqrt(len(values))))))
        middle = (edges[1:] + edges[:-1]) / 2
        counts = [np.histogram(values[some], edges)[0] for some in (~simulation.silent, simulation.silent)]
        series = [Series("all", middle, counts[0] + counts[1], "bit-true", "bars")]
        if simulation.silent.any():
            series.append(Series("silent", middle, counts[1], "device", "bars"))
        panels.append(Panel(name, Axis(name, unit), Axis("neurons", whole=True), series))
    if not panels:
        return None
    silent = int(simulation.silent.sum())
    caption = f"What differs from device to device. {silent} of {params.count} neurons never fire in this run."
    reading = "Where the silent neurons are at one end of a histogram, that number is why they are silent."
    return Picture("devices", "The devices", caption, panels, reading, min(2, len(panels)), about=about(design))


def _frames(design: Design, simulation: Simulation) -> list[Picture]:
    if design.stimulus.image is None:
        return []
    shown = min(10, len(design.stimulus.labels))
    spikes = simulation.per_frame(design.stimulus.ticks)
    made = []
    for name, title, values, scale, caption in (
        ("input", "Input", design.stimulus.current, Axis("current", "A"), "Input currents of the first frames."),
        ("output", "Output", spikes, Axis(""), "Spikes of each neuron in these frames."),
    ):
        panels = [
            Panel(f"{n}: {design.stimulus.labels[n]}", Axis("pixel"), Axis("spikes"), pixels=row, scale=scale)
            for n, row in enumerate(values[:shown].reshape(shown, *design.stimulus.image))
        ]
        made.append(Picture(name, title, caption, panels, columns=min(10, shown), about=about(design)))
    return made
