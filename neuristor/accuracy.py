"""Accuracy of a design against the physics: a sweep, its picture, and words written into the design file."""

from __future__ import annotations

import io
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
from neuristor.golden_model.neurons.accuracy import MODELS, Accuracy, Words, measure, smallest, sweep
from neuristor.golden_model.neurons.model import spike_times
from neuristor.report import FLOAT, INK, STYLE, VERILOG
from neuristor.tables import si

COLUMNS = (
    "input",
    "physics (Hz)",
    "circuit (Hz)",
    "time step",
    "coefficients",
    "word length",
    "all",
    "jitter",
    "duty",
)
"""Of `rows`."""

__all__ = ["COLUMNS", "Result", "accuracy", "parse_target", "plot", "rows", "write_words"]

MOST = 4_000_000
"""Ticks times oscillators up to which the phases of a coupled design are compared."""


@dataclass(frozen=True)
class Result:
    """What was measured, and found."""

    measured: Accuracy
    words: Words | None
    """The smallest words for the target, if one was given."""
    phase_error: float | None
    """Largest difference of the phases of the design's own coupled oscillators, in degrees."""


def parse_target(text: str) -> float:
    """A fraction from ``1%`` or ``0.01``.

    Raises
    ------
    ValueError
        If it is neither, or not between 0 and 1.
    """
    found = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*(%?)\s*", text)
    try:
        value = float(found[1]) / (100 if found[2] else 1) if found else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise ValueError(f"target must be a fraction such as 1% or 0.01, above 0 and below 100%, not {text!r}")
    return value


def accuracy(design: Design, *, target: float | None, points: int, say: Callable[[str], None]) -> Result:
    """Measure a design, and find the smallest words for a target.

    Parameters
    ----------
    design : Design
    target : float, optional
        Largest relative error of the rate.
    points : int
        Of the sweep of input currents.
    say : callable
        Told each step.

    Raises
    ------
    ValueError
        If the sweep is empty, or no words meet the target.
    """
    current = sweep(design.golden, design.params, points, float(design.stimulus.current.max()))
    say(f"{points} currents from {current[0]:.3g} A to {current[-1]:.3g} A")
    measured = measure(design.golden, design.params, current)
    words = None if target is None else smallest(design.golden, design.params, current, target, say)
    return Result(measured, words, _phase_error(design))


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
    """One row a current: rates, and the error by cause; then the worst, in words a table can show."""
    a = result.measured
    made = []
    for n, current in enumerate(a.current):
        parts = (f"{100 * part[n]:+.3f} %" for part in (a.time_step, a.coefficient, a.word, a.total))
        jitter = f"{100 * a.jitter[0, n]:.2f} -> {100 * a.jitter[3, n]:.2f} %"
        duty = "" if np.isnan(a.duty[0, n]) else f"{100 * a.duty[0, n]:.2f} -> {100 * a.duty[3, n]:.2f} %"
        made.append((si(current, "A"), f"{a.rate[0, n]:.6g}", f"{a.rate[3, n]:.6g}", *parts, jitter, duty))
    return made


def plot(result: Result, design: Design) -> str:
    """The picture: rates, the error by cause, jitter and duty. SVG, the same for the same design."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    a = result.measured
    current = a.current * 1e6
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 5.4), layout="constrained")
        (rate, error), (jitter, duty) = figure.subplots(2, 2)
        for name, values, style in zip(MODELS, a.rate * 1e-3, ("-", "--", ":", "."), strict=True):
            rate.plot(current, values, style, label=name, color=FLOAT if name == "continuous" else INK)
        rate.set(ylabel="rate (kHz)", title=f"{design.name}: rate against input")
        rate.legend(frameon=False)
        for name, part, colour in (
            ("time step", a.time_step, FLOAT),
            ("coefficients", a.coefficient, VERILOG),
            ("word length", a.word, "#8040a0"),
            ("all", a.total, INK),
        ):
            error.plot(current, 100 * part, ".-", lw=0.8, label=name, color=colour)
        error.axhline(0, color="0.7", lw=0.7)
        error.set(ylabel="error of the rate (%)", title="by cause")
        error.legend(frameon=False)
        for n, colour in ((0, FLOAT), (1, VERILOG), (3, INK)):
            jitter.plot(current, 100 * a.jitter[n], ".-", lw=0.8, color=colour, label=MODELS[n])
            duty.plot(current, 100 * a.duty[n], ".-", lw=0.8, color=colour, label=MODELS[n])
        jitter.set(xlabel="input (uA)", ylabel="jitter of the spikes (% of a period)")
        jitter.legend(frameon=False)
        duty.set(xlabel="input (uA)", ylabel="duty (% metallic)")
        if np.isnan(a.duty).all():
            duty.set_axis_off()
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def write_words(path: Path, params: Any) -> None:
    """Put the words of these parameters into a design file; its comments and its order stay.

    Parameters
    ----------
    path : Path
    params : object
        With `membrane`, `drive` and `coefficient_bits`.
    """
    document = tomlkit.parse(path.read_text("utf-8"))
    if "number" not in document:
        document.add(tomlkit.nl())
        document.add("number", tomlkit.table())
    section: Any = document["number"]
    for name in ("membrane", "drive"):
        fmt = getattr(params, name)
        section[name] = [fmt.int_bits, fmt.frac_bits]
    section["coefficient_bits"] = params.coefficient_bits
    write_file(path, tomlkit.dumps(document), force=True)
