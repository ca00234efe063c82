"""Pictures of networks: patterns, energies of an annealing, accuracy over words and over spread; and of sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.folder import plain
from neuristor.pictures.picture import Axis, Guide, Panel, Picture, Role, Series
from neuristor.version import __version__

__all__ = [
    "about_file",
    "bits_picture",
    "circle_panel",
    "network_pictures",
    "patterns_picture",
    "solution_picture",
    "spread_picture",
    "sweep_picture",
]

Floats = NDArray[np.float64]
ROLES: tuple[Role, ...] = ("bit-true", "float", "circuit", "device", "measured", "other")
ACCURACY = Axis("accuracy", "%")


def about_file(name: str, digest: str = "") -> dict[str, str]:
    """Where numbers are from: version, file and hash.

    Parameters
    ----------
    name : str
        Name of the file.
    digest : str
        Its SHA-256; empty if there is none.
    """
    return {"neuristor": __version__, "file": plain(name)} | ({"sha256": digest} if digest else {})


def patterns_picture(
    columns: Mapping[str, NDArray[Any]], shape: tuple[int, int], title: str, about: Mapping[str, str]
) -> Picture:
    """Draw patterns of pixels: a row for each pattern, a column for each state.

    Parameters
    ----------
    columns : mapping of str to ndarray of int, shape (patterns, pixels)
        Pixels +1 and -1 of each state, by its name.
    shape : (int, int)
        Rows and columns of a pattern.
    title : str
        Heading.
    about : mapping of str to str
        Where the numbers are from.
    """
    count = len(next(iter(columns.values())))
    spin = Axis("spin")
    panels = [
        Panel(name if row == 0 else "", Axis("pixel"), spin, pixels=np.asarray(pixels[row]).reshape(shape), scale=spin)
        for row in range(count)
        for name, pixels in columns.items()
    ]
    caption = "A row for each pattern; dark pixels are +1."
    return Picture("patterns", plain(title).replace("_", " "), caption, panels, columns=len(columns), about=about)


def solution_picture(
    periods: Floats, history: Floats, best: Floats, what: str, title: str, about: Mapping[str, str]
) -> Picture:
    """Draw an annealing: the course of each trial, and the best of each.

    Parameters
    ----------
    periods : ndarray of float, shape (segments,)
        Ends of the segments of the schedule, in periods.
    history : ndarray of float, shape (segments, trials)
        Values at these times.
    best : ndarray of float, shape (trials,)
        Best value of each trial.
    what : str
        ``cut`` or ``energy``.
    title : str
        Heading.
    about : mapping of str to str
        Where the numbers are from.
    """
    drawn = np.asarray(history, dtype=np.float64).reshape(len(periods), -1)
    upper, lower, middle = drawn.max(axis=1), drawn.min(axis=1), np.median(drawn, axis=1)
    course = [
        Series("all trials", periods, upper, "bit-true", low=lower),
        Series("median", periods, middle, "bit-true"),
        Series("largest" if what == "cut" else "lowest", periods, upper if what == "cut" else lower, "float"),
    ]
    counts, edges = np.histogram(best, bins=min(10, len(best)))
    bars = [Series("", (edges[1:] + edges[:-1]) / 2, counts, "bit-true", "bars")]
    panels = [
        Panel("course", Axis("time", "periods"), Axis(what), course),
        Panel("best of each trial", Axis(what), Axis("trials", whole=True), bars),
    ]
    reading = "The course should flatten before it ends: if it still rises or falls, anneal for more periods."
    caption = "Values at the end of each segment of the schedule, and the best value of each trial."
    return Picture("solution", plain(title), caption, panels, reading, 2, about=about)


def network_pictures(title: str, values: Mapping[str, NDArray[Any]]) -> list[Picture]:
    """Draw the run of a network.

    Parameters
    ----------
    title : str
        What ran.
    values : mapping of str to ndarray
        ``phases`` in turns, shape (periods, count); or ``spikes``, shape (ticks, runs, outputs).

    Returns
    -------
    list of Picture
        ``phases`` or ``spikes``.
    """
    if "phases" in values:
        turns = np.asarray(values["phases"])
        lag = (turns - turns[:, :1] + 0.5) % 1.0 - 0.5
        periods = np.arange(1, len(turns) + 1)
        count = turns.shape[1]
        # One series for all: a gap between oscillators.
        x = np.concatenate([np.append(periods.astype(np.float64), np.nan)] * count)
        y = np.concatenate([np.append(360 * lag[:, n], np.nan) for n in range(count)])
        y_axis = Axis("phase against oscillator 0", "degrees", limits=(-185.0, 185.0))
        panels = [
            Panel("", Axis("time", "periods"), y_axis, [Series("", x, y)]),
            circle_panel(turns[-1] - turns[-1, 0]),
        ]
        caption = "Phases of all oscillators against oscillator 0, and on a circle at the end."
        return [Picture("phases", title, caption, panels, "Phases that stay: the network has settled.", 2)]
    ticks, neuron = np.nonzero(np.asarray(values["spikes"])[:, 0])
    y_axis = Axis("neuron", whole=True, limits=(-1.0, float(values["spikes"].shape[2])))
    panel = Panel("", Axis("time", "ticks"), y_axis, [Series("spike", ticks, neuron, "bit-true", "spikes")])
    return [Picture("spikes", title, "Spikes of the last layer in the first run.", [panel])]


def circle_panel(turns: Floats) -> Panel:
    """Draw phases as points on a circle.

    Parameters
    ----------
    turns : ndarray of float
        Phases, in turns.
    """
    angle = 2 * np.pi * np.asarray(turns)
    around = np.linspace(0, 2 * np.pi, 121)
    limits = (-1.25, 1.25)
    series = [
        Series("", np.cos(around), np.sin(around), "other"),
        Series("oscillator", np.cos(angle), np.sin(angle), "bit-true", "points"),
    ]
    return Panel("phases", Axis("cos", limits=limits), Axis("sin", limits=limits), series, square=True)


def spread_picture(points: Sequence[tuple[float, Any]], expected: float, about: Mapping[str, str]) -> Picture:
    """Draw the accuracy of a network over the spread of its devices.

    Parameters
    ----------
    points : sequence of (float, ndarray)
        Spread, and the accuracy of each array of devices.
    expected : float
        Accuracy in float, without spread.
    about : mapping of str to str
        Where the numbers are from.
    """
    x = [100 * spread for spread, _ in points]
    low, mean, high = ([100 * pick(found) for _, found in points] for pick in (np.min, np.mean, np.max))
    series = [Series("all seeds", x, high, low=low), Series("mean", x, mean, kind="joined")]
    guides = [Guide("y", 100 * expected, "float, without spread")]
    panel = Panel("", Axis("spread of the threshold", "%"), ACCURACY, series, guides)
    return Picture("spread", "Accuracy over the spread of the devices", "Bit-true.", [panel], about=about)


def bits_picture(tried: Sequence[Any], expected: float, about: Mapping[str, str]) -> Picture:
    """Draw the accuracy of a network over its word lengths.

    Parameters
    ----------
    tried : sequence of Point
        What was tried: ``weight_bits``, ``membrane_bits`` and ``accuracy``.
    expected : float
        Accuracy in float.
    about : mapping of str to str
        Where the numbers are from.
    """
    series = []
    for number, room in enumerate(dict.fromkeys(point.membrane_bits for point in tried)):
        some = [point for point in tried if point.membrane_bits == room]
        x = [float(np.mean(point.weight_bits)) for point in some]
        y = [100 * point.accuracy for point in some]
        role = ROLES[number % len(ROLES)]
        series.append(Series(f"membranes {', '.join(map(str, room))}", x, y, role, "joined"))
    guides = [Guide("y", 100 * expected, "float")]
    panel = Panel("", Axis("bits of a weight", whole=True), ACCURACY, series, guides)
    return Picture("bits", "Accuracy over word lengths", "Bit-true.", [panel], about=about)


def sweep_picture(sweep: Any, rows: Mapping[int, Mapping[str, Any]], about: Mapping[str, str]) -> Picture:
    """Draw the mean firing rate over the first key that is a number; a histogram if only seeds are varied.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    rows : mapping of int to mapping
        Columns of each finished run, by its number.
    about : mapping of str to str
        Where the numbers are from.
    """
    good = [row for _, row in sorted(rows.items()) if row.get("problem") is None]
    numeric = [
        axis.key
        for axis in sweep.axes
        if not axis.key.endswith("seed")
        and all(isinstance(row[axis.key], int | float) for row in good)
        and len({row[axis.key] for row in good}) > 1
    ]
    rates = np.array([row["rate_hz"] for row in good], dtype=np.float64)
    title = f"{plain(sweep.files.design)}: {len(good)} of {sweep.runs} runs"
    rate = Axis("mean rate", "Hz")
    if not numeric:
        counts, edges = np.histogram(rates, bins=min(40, max(5, math.isqrt(len(good)))))
        bars = [Series("", (edges[1:] + edges[:-1]) / 2, counts, "bit-true", "bars")]
        panel = Panel("", rate, Axis("runs", whole=True), bars)
        return Picture("sweep", title, "Mean firing rates of the runs.", [panel], about=about)
    at = np.array([row[numeric[0]] for row in good], dtype=np.float64)
    log = any(axis.log for axis in sweep.axes if axis.key == numeric[0])
    x = Axis(numeric[0], log=log, whole=not log and all(isinstance(row[numeric[0]], int) for row in good))
    return Picture(
        "sweep",
        title,
        "Mean firing rate of each run.",
        [Panel("", x, rate, _groups(good, numeric, at, rates))],
        about=about,
    )


def _groups(good: Sequence[Mapping[str, Any]], numeric: Sequence[str], at: Floats, rates: Floats) -> list[Series]:
    """Rates over the first key: a series for each value of the second, if there are few; else all runs and a median."""
    second = np.array([row[numeric[1]] for row in good]) if len(numeric) > 1 else np.zeros(0)
    values = np.unique(second)
    if 1 < len(values) <= len(ROLES):
        made = []
        for role, value in zip(ROLES, values, strict=False):
            some = second == value
            made.append(Series(f"{numeric[1]} = {value:g}", at[some], rates[some], role, "points"))
        return made
    series = [Series("runs", at, rates, "bit-true", "points")]
    places = np.unique(at)
    if 1 < len(places) < len(at):
        series.append(Series("median", places, [float(np.median(rates[at == each])) for each in places], "float"))
    return series
