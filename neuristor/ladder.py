"""The ladder of errors, from the device to the circuit: what each step costs, and who judged it."""

from __future__ import annotations

import numpy as np

from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.units import Figure
from neuristor.steps import Simulation
from neuristor.tables import si

__all__ = ["LIMIT", "error_rows", "percent", "warnings"]

LIMIT = 0.01
"""Error of the two-state neuron against the device above which there is a warning."""


def percent(error: float) -> str:
    """Write the error of a rate.

    Parameters
    ----------
    error : float
        Relative error; -1 if the neuron never fires, infinite if the device never fires.
    """
    if error == -1:
        return "only the device fires"
    if np.isinf(error):
        return "only the neuron fires"
    return Figure(f"{100 * error + 0.0:+.2f} %".replace("-0.00", "+0.00"), 100 * error, "%")


def _device_rows(found: Reduction | str | None) -> list[tuple[str, str, str]]:
    """The first rung: the device, and the two-state neuron that stands for it, for each input."""
    if found is None:
        return []
    if isinstance(found, str):
        return [("device -> neuron", "not compared", found)]
    made = []
    for current, device, neuron, error in zip(found.current, found.device, found.neuron, found.error, strict=True):
        name = "device -> neuron" + (f", {si(current, found.unit, 3)}" if len(found.current) > 1 else "")
        value = f"{si(device, 'Hz')} -> {si(neuron, 'Hz')} ({percent(error)})"
        made.append((name, value, "rate by the device's own equations -> of the two-state neuron"))
    return made


def _spike_rows(simulation: Simulation) -> list[tuple[str, str, str]]:
    """The rungs from continuous time to the words of the circuit, by numbers of spikes."""
    models = (
        ("spikes, continuous time", simulation.continuous, "float: spikes at their exact times"),
        ("spikes, on ticks", simulation.on_ticks, "float, spikes at the end of ticks: error of the time step"),
        (
            "spikes, rounded coefficients",
            simulation.rounded,
            "with the circuit's coefficients or tables: their error",
        ),
        ("spikes, bit-true", simulation.bit_true, "fixed point: error of the word length"),
    )
    counts = [int(trace["spike"].sum()) for _, trace, _ in models]
    rows = [(models[0][0], f"{counts[0]}", models[0][2])]
    for (name, _, meaning), count, before in zip(models[1:], counts[1:], counts, strict=False):
        change = f"{100 * (count - before) / max(1, before):+.2f} %" if before or count else "no spikes"
        rows.append((name, f"{count} ({change})", meaning))
    return rows


def _state_rows(simulation: Simulation) -> list[tuple[str, str, str]]:
    """How many neurons are silent, latched or saturated."""
    count = simulation.drive.shape[1]
    silent = int(simulation.silent.sum())
    clamped = int(simulation.clamped.sum())
    return [
        ("silent neurons", f"{silent} of {count}", "never fire in this run"),
        ("latched neurons", f"{int(simulation.latched.sum())} of {count}", "a device is stuck on, or stays on"),
        (
            "saturated neurons",
            f"{clamped} of {count}",
            f"clamped to the range of the membrane word, in {simulation.saturations} updates",
        ),
    ]


def error_rows(simulation: Simulation) -> list[tuple[str, str, str]]:
    """List the errors of the circuit by cause, from the device down, and the neurons that do nothing.

    Parameters
    ----------
    simulation : Simulation
        Traces of the float and of the bit-true models.

    Returns
    -------
    list of (str, str, str)
        Name, value with unit, and meaning.
    """
    worst = float(np.abs(simulation.membrane_error).max())
    bound, unit = simulation.bound, simulation.unit
    causes = (
        ("... from rounding", bound.rounding, "half a step per tick, divided by the coefficient k"),
        ("... from the coefficient", bound.coefficient, "k is rounded to its word length"),
        ("... from thresholds and input", bound.quantization, "both are rounded to steps of their format"),
    )
    limits = [(name, si(value, unit), meaning) for name, value, meaning in causes]
    if not (bound.coefficient or bound.quantization):
        limits = []  # one cause
    return [
        *_device_rows(simulation.reduction),
        *_spike_rows(simulation),
        (f"largest error of {simulation.observed}", si(worst, unit), "bit-true against float, with the same spikes"),
        ("its bound", si(bound.total, unit), "derived upper limit of that error"),
        *limits,
        *_state_rows(simulation),
    ]


def _too_short(simulation: Simulation) -> str:
    """That a run is shorter than two periods; empty if it is not, or if the period is unknown."""
    found = simulation.reduction
    if not isinstance(found, Reduction) or not found.neuron.max() > 0 or not simulation.duration:
        return ""
    period = 1 / float(found.neuron.max())
    if simulation.duration >= 2 * period:
        return ""
    return f": it lasts {si(simulation.duration, 's')}, and a period {si(period, 's')}"


def warnings(simulation: Simulation) -> list[str]:
    """Say what a user should not overlook.

    Parameters
    ----------
    simulation : Simulation
        Traces of the float and of the bit-true models.

    Returns
    -------
    list of str
        Sentences without a full stop.
    """
    made, found = [], simulation.reduction
    if isinstance(found, Reduction) and not abs(found.worst) <= LIMIT:
        worst = int(np.argmax(np.abs(found.error)))
        made.append(
            f"the circuit emulates a two-state neuron, which fires at {si(found.neuron[worst], 'Hz')}; by its own "
            f"equations the device fires at {si(found.device[worst], 'Hz')} ({percent(found.worst)})"
        )
    count = simulation.drive.shape[1]
    if not simulation.excitable and (silent := int(simulation.silent.sum())):
        made.append(f"{silent} of {count} neurons never fire in this run{_too_short(simulation)}")
    if not simulation.excitable and (latched := int(simulation.latched.sum())):
        made.append(f"{latched} of {count} neurons are latched: a device is stuck on, or stays on")
    if clamped := int(simulation.clamped.sum()):
        what = "the membrane word; [number] membrane is too short"
        if simulation.left:
            what = (
                f"the range of a state, in {simulation.saturations} updates; the first is {simulation.left} after reset"
            )
        made.append(f"{clamped} of {count} neurons reach the end of {what}")
    return made
