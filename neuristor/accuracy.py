"""Accuracy of a design against the physics: a sweep of input currents, and the smallest word lengths."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from neuristor.design_file import Design
from neuristor.folder import write_file
from neuristor.golden_model.devices.network import measure as measure_phases
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.neurons.accuracy import Accuracy, Words, measure, smallest, sweep
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.units import Figure
from neuristor.ladder import percent
from neuristor.steps import reduction
from neuristor.tables import si

__all__ = ["COLUMNS", "Result", "accuracy", "parse_target", "rows", "write_words"]

COLUMNS = (
    "input",
    "device",
    "neuron",
    "circuit",
    "device -> neuron",
    "time step",
    "coefficients",
    "word length",
    "jitter",
    "duty",
)
"""Headings of `rows`."""
MOST = 4_000_000
"""Largest product of ticks and oscillators for which the phases of a coupled design are compared."""


@dataclass(frozen=True)
class Result:
    """Accuracy of a design."""

    measured: Accuracy
    """Rates and errors of the sweep."""
    words: Words | None
    """Smallest words that keep the target; None without a target."""
    phase_error: float | None
    """Largest phase error of the coupled oscillators of the design, in degrees; None if they do not lock, or none are
    coupled."""
    reduction: Reduction | str | None
    """Firing rates of the device and of the neuron that stands for it; a reason if they are not compared; None for a
    model without a device."""

    @property
    def device_error(self) -> float:
        """Largest relative error of the neuron against the device, in size; NaN if they were not compared."""
        return abs(self.reduction.worst) if isinstance(self.reduction, Reduction) else math.nan


def parse_target(text: str) -> float:
    """Read a fraction.

    Parameters
    ----------
    text : str
        Such as ``1%`` or ``0.01``.

    Returns
    -------
    float
        The fraction, above 0 and below 1.

    Raises
    ------
    ValueError
        If it is no such fraction.
    """
    found = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*(%?)\s*", text)
    try:
        value = float(found[1]) / (100 if found[2] else 1) if found else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise ValueError(f"target must be a fraction such as 1% or 0.01, above 0 and below 100%, not {text!r}")
    return value


def accuracy(
    design: Design,
    *,
    target: float | None,
    points: int,
    say: Callable[[str], None],
    low: float | None = None,
    high: float | None = None,
) -> Result:
    """Measure the accuracy of a design, and find the smallest words that keep a target.

    A sweep in which the neuron does not fire, and a target that no words keep, raise `ValueError`.

    Parameters
    ----------
    design : Design
        The design.
    target : float, optional
        Largest relative error of the firing rate against the neuron in continuous time; without it, no words are
        searched.
    points : int
        Number of input currents, at least 2.
    say : callable
        Called with a line of text at each step.
    low, high : float, optional
        Lowest and highest input current, in ampere; by default those of the design's input.

    Returns
    -------
    Result
        Rates, errors and words.
    """
    given = design.stimulus.current
    low = float(given.min()) if low is None else low
    high = float(given.max()) if high is None else high
    current = sweep(design.golden, design.params, low, high, points)
    say(f"{len(current)} currents from {si(current[0], 'A', 3)} to {si(current[-1], 'A', 3)}")
    measured = measure(design.golden, design.params, current)
    words = None if target is None else smallest(design.golden, design.params, current, target, say)
    say("the device's own equations")
    return Result(measured, words, _phase_error(design), reduction(design, current))


def _phase_error(design: Design) -> float | None:
    params, drive_raw = design.params, design.drive_raw
    if params.coupling is None or drive_raw.size > MOST:
        return None
    reference = design.golden.reference(params)
    reference.run(params.drive.value(drive_raw))
    trace = design.golden.bit_true(params).run(drive_raw)
    after = 0.7 * len(drive_raw) * params.dt
    f, _, phase = measure_phases(reference.switchings, params.count, after)
    late = [times[times > after] for times in spike_times(params, trace)]
    if f.min() <= 0 or f.max() / f.min() > 1.002 or min(map(len, late)) < 3:
        return None  # they do not lock
    base = late[0]
    period = np.diff(base).mean()
    turns = [float(np.angle(np.mean(np.exp(2j * np.pi * (base[0] - times) / period)))) for times in late]
    difference = np.exp(1j * (np.array(turns) - np.deg2rad(phase)))
    return float(np.rad2deg(np.abs(np.angle(difference))).max())


def rows(result: Result) -> list[tuple[str, ...]]:
    """List rates and errors for a table.

    Parameters
    ----------
    result : Result
        Of `accuracy`.

    Returns
    -------
    list of tuple of str
        One row for each input current, with the columns `COLUMNS`: jitter and duty are those of neuron -> circuit.
    """
    a, found = result.measured, result.reduction
    made = []
    for n, current in enumerate(a.current):
        device, lost = "not compared", "not compared"
        if isinstance(found, Reduction):
            device, lost = si(found.device[n], "Hz", 6), percent(found.error[n])
        elif found is None:
            device, lost = "none", ""
        parts = (
            Figure(f"{100 * part[n]:+.3f} %", 100 * float(part[n]), "%")
            for part in (a.time_step, a.coefficient, a.word)
        )
        jitter = f"{100 * a.jitter[0, n]:.2f} -> {100 * a.jitter[3, n]:.2f} %"
        duty = "" if np.isnan(a.duty[0, n]) else f"{100 * a.duty[0, n]:.2f} -> {100 * a.duty[3, n]:.2f} %"
        rates = (si(a.rate[0, n], "Hz", 6), si(a.rate[3, n], "Hz", 6))
        made.append((si(current, "A"), device, *rates, lost, *parts, jitter, duty))
    return made


def write_words(path: Path, params: Any) -> None:
    """Write word lengths into the section ``[number]`` of a design file; its comments and its order are kept.

    Parameters
    ----------
    path : Path
        The design file.
    params : NeuronParams
        Parameters with these word lengths: `membrane`, `drive` and `coefficient_bits`.
    """
    document = tomlkit.parse(path.read_text("utf-8-sig"))
    if "number" not in document:
        document.add(tomlkit.nl())
        document.add("number", tomlkit.table())
    section: Any = document["number"]
    for name in ("membrane", "drive"):
        fmt = getattr(params, name)
        section[name] = [fmt.int_bits, fmt.frac_bits]
    section["coefficient_bits"] = params.coefficient_bits
    write_file(path, tomlkit.dumps(document), force=True, change=True)
