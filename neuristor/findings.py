"""What a result means, in words: good, fair or bad, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from neuristor.design_file import Design
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.units import counted, si
from neuristor.ladder import LIMIT, percent, warnings
from neuristor.pictures.runs import phase_errors
from neuristor.sim.benches.verify import Verdict
from neuristor.steps import BoardResult, Simulation

__all__ = ["Finding", "findings"]

Level = Literal["good", "fair", "bad", "open"]
WIDE = 0.1
"""Error of the two-state neuron against its device from which it is bad."""
CLOSE = 36.0
"""Largest phase error that is good, in degrees."""
LOST = 0.1
"""Part of the spikes that may be lost or gained."""


class Finding(NamedTuple):
    """One sentence about a result."""

    level: Level
    """``good``; ``fair``: look at it; ``bad``; ``open``: not compared."""
    about: str
    """What it is about."""
    text: str
    """The result and its reason, without a full stop."""


def findings(
    design: Design, simulation: Simulation, verdicts: Sequence[Verdict] = (), boards: Sequence[BoardResult] = ()
) -> list[Finding]:
    """Judge a design: from the device to the boards.

    Parameters
    ----------
    design : Design
        The design.
    simulation : Simulation
        Traces of its models.
    verdicts : sequence of Verdict
        Results of the simulators.
    boards : sequence of BoardResult
        Results of place and route.

    Returns
    -------
    list of Finding
        In the order in which a physicist asks: device, time step and words, neurons, circuit, boards.
    """
    return [
        *_device(design, simulation),
        _phases(design, simulation),
        _words(simulation),
        *_neurons(simulation),
        *_circuit(design, verdicts),
        *(_board(each) for each in boards),
    ]


def _device(design: Design, simulation: Simulation) -> list[Finding]:
    found, about = simulation.reduction, "device and neuron"
    if isinstance(found, Reduction):
        size = abs(found.worst)
        level: Level = "good" if size <= LIMIT else "fair" if size <= WIDE else "bad"
        worst = int(np.argmax(np.abs(found.error)))
        device, neuron = si(found.device[worst], "Hz"), si(found.neuron[worst], "Hz")
        if not found.device[worst]:
            what = f"fires at {neuron}, although the device by its own equations does not fire repeatedly"
        elif not found.neuron[worst]:
            what = f"does not fire, although the device by its own equations fires at {device}"
        else:
            rates = f"{neuron}, and {device} by the device's own equations"
            what = f"differs in its rate by at most {percent(found.worst)}: {rates}"
        text = f"the circuit emulates a two-state neuron, which {what}"
        return [Finding(level, about, text)]
    if isinstance(found, str):
        return [Finding("open", about, f"not compared with the device: {found}")]
    if design.device is not None:
        return [Finding("good", about, "the circuit runs the device's own equations: nothing stands for the device")]
    return []


def _phases(design: Design, simulation: Simulation) -> Finding:
    about = "time step and words"
    counts = [int(trace["spike"].sum()) for trace in (simulation.continuous, simulation.bit_true)]
    said = f"{counted(counts[0], 'spike')} in continuous time, {counts[1]} of the circuit"
    errors = phase_errors(spike_times(design.params, simulation.bit_true), simulation.times)
    ends = [abs(float(error[-1])) for _, error in errors if len(error)]
    if not ends:
        level: Level = "open" if counts[0] == counts[1] else "fair"
        return Finding(level, about, f"{said}: too few spikes to compare phases")
    middle, worst = float(np.median(ends)), max(ends)
    lost = abs(counts[1] - counts[0]) > max(2.0, LOST * counts[0])
    level = "bad" if lost else "good" if worst <= CLOSE else "fair"
    text = (
        f"{said}; at the end of the run the phase is off by {_degrees(middle)} in the median, {_degrees(worst)} at most"
    )
    if level != "good":
        text += ": compare rates, not single spikes, or shorten dt and run `neuristor accuracy`"
    return Finding(level, about, text)


def _degrees(value: float) -> str:
    return f"{value:.2g} degrees" if value < 100 else f"{value:,.0f} degrees"


def _words(simulation: Simulation) -> Finding:
    worst, bound = float(np.abs(simulation.membrane_error).max()), simulation.bound.total
    sizes = f"{si(worst, simulation.unit)}, derived bound {si(bound, simulation.unit)}"
    text = f"largest error of {simulation.observed} {sizes}"
    return Finding("good" if worst <= bound else "bad", "fixed point", text)


def _neurons(simulation: Simulation) -> list[Finding]:
    said = [each for each in warnings(simulation) if "emulates a two-state" not in each]
    if not said:
        count = simulation.drive.shape[1]
        silent = int(simulation.silent.sum())
        return [Finding("good", "neurons", f"{count - silent} of {count} fire; no state is clamped")]
    return [Finding("fair", "neurons", each) for each in said]


def _circuit(design: Design, verdicts: Sequence[Verdict]) -> list[Finding]:
    bad = [Finding("bad", "circuit and model", f"{v.engine}: differs: {v.reason}") for v in verdicts if not v.equal]
    equal = [v for v in verdicts if v.equal]
    if equal:
        names = ", ".join(f"{v.engine} over {counted(v.ticks, 'tick')}" for v in equal)
        text = f"equal in every state bit of {counted(design.params.count, 'neuron')}: {names}"
        bad.append(Finding("good", "circuit and model", text))
    if not verdicts:
        bad.append(Finding("open", "circuit and model", "not verified in this run: `neuristor verify`"))
    return bad


def _board(result: BoardResult) -> Finding:
    about = result.title
    if result.problem:
        return Finding("bad", about, f"{result.problem}; {result.advice}")
    if not result.fmax_hz or not result.clock_hz:
        return Finding("open", about, "resources are counted only")
    said = f"reaches {si(result.fmax_hz, 'Hz')} for a clock of {si(result.clock_hz, 'Hz')}"
    factor = result.real_time_factor
    if not result.timing_met:
        return Finding("bad", about, said)
    if not factor:
        return Finding("good", about, said)
    speed = f"{said}; runs at {factor:.3g} x real time"
    return Finding(
        "good" if factor >= 1 else "fair", about, speed if factor >= 1 else f"{speed}: slower than the devices"
    )
