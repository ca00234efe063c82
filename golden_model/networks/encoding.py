"""Spike trains from numbers and from recorded events.

Three codes (rate, latency, delta) and files of events. Spikes are 0 or 1 for each input in each tick, an array of shape
(ticks, ..., inputs).
"""

from __future__ import annotations

import csv
import io
import math
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.files import MOST_BYTES, arrays, delimited, text

__all__ = ["Events", "delta", "latency", "rate", "read_events"]

Spikes = NDArray[np.uint8]
MOST_SPIKES = 250_000_000
"""Largest number of ticks times inputs for recorded events."""
LARGEST = 2.0**53
"""Largest number in an event: up to here, float64 holds every integer."""
NEAR = 1e-6
"""Fraction of a tick by which rounding may move an event."""


def _between(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all() or array.size == 0 or array.min() < 0 or array.max() > 1:
        raise ValueError("values must be numbers from 0 to 1")
    return array


def rate(values: ArrayLike, ticks: int, seed: int = 0, most: float = 1.0) -> Spikes:
    """Rate code: in each tick, each input spikes with a probability of `most` times its value.

    Parameters
    ----------
    values : array_like, shape (..., inputs)
        Numbers from 0 to 1.
    ticks : int
        Time steps, 1 to 1,000,000.
    seed : int
        Seed of the random numbers, 0 or more.
    most : float
        Probability for a value of 1; above 0, at most 1.

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., inputs)
        Spikes, 0 or 1.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    array = _between(values)
    whole("ticks", ticks, 1, 1_000_000)
    if not 0 < most <= 1:
        raise ValueError(f"most must be above 0 and at most 1, not {most!r}")
    draws = np.random.default_rng(seed)
    made = np.empty((ticks, *array.shape), dtype=np.uint8)
    for tick in range(ticks):  # one at a time: a float takes eight times the memory of a spike
        made[tick] = draws.random(array.shape) < most * array
    return made


def latency(values: ArrayLike, ticks: int, least: float = 0.01) -> Spikes:
    """Latency code: each input spikes once, the earlier the larger its value.

    Parameters
    ----------
    values : array_like, shape (..., inputs)
        Numbers from 0 to 1: 1 spikes in the first tick, `least` in the last, smaller values never.
    ticks : int
        Time steps, 2 to 1,000,000.
    least : float
        Smallest value that spikes; above 0, below 1.

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., inputs)
        Spikes, 0 or 1.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    array = _between(values)
    whole("ticks", ticks, 2, 1_000_000)
    if not 0 < least < 1:
        raise ValueError(f"least must be above 0 and below 1, not {least!r}")
    at = np.floor((1 - array) / (1 - least) * (ticks - 1) + 0.5).astype(np.int64)
    at = np.where(array < least, -1, at)
    numbers = np.arange(ticks).reshape(-1, *[1] * array.ndim)
    made: Spikes = (numbers == at).astype(np.uint8)
    return made


def delta(signal: ArrayLike, step: float) -> Spikes:
    """Delta (level-crossing) code: a spike for each step up or down of a signal.

    Each channel has a level, which begins at its first value. Where the signal is at least one step above (below) the
    level, the channel spikes, and the level rises (falls) by one step. A channel spikes at most once per tick.

    Parameters
    ----------
    signal : array_like, shape (ticks, ..., channels)
        Finite numbers in any unit.
    step : float
        Size of a step, in the unit of the signal; above 0.

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., 2 * channels)
        Spikes, 0 or 1: first the steps up of all channels, then the steps down.

    Raises
    ------
    ValueError
        If the signal is not finite or has no channels, or `step` is not a positive number.
    """
    array = np.asarray(signal, dtype=np.float64)
    positive("step", step)
    if array.ndim < 2 or not np.isfinite(array).all():
        raise ValueError("signal must be finite, of shape (ticks, ..., channels)")
    level, made = array[0].copy(), np.zeros((len(array), *array.shape[1:-1], 2 * array.shape[-1]), dtype=np.uint8)
    for tick, row in enumerate(array):
        up, down = row - level >= step, level - row >= step
        level = level + step * up - step * down
        made[tick] = np.concatenate([up, down], axis=-1)
    return made


class Events(NamedTuple):
    """Recorded events, for example of an event camera; each array has shape (events,)."""

    time: NDArray[np.float64]
    """Time, in second; from `read_events`, since the first event."""
    x: NDArray[np.int64]
    """Column, from 0."""
    y: NDArray[np.int64]
    """Row, from 0."""
    polarity: NDArray[np.int64]
    """0 or 1."""

    def spikes(self, dt: float, shape: tuple[int, int, int]) -> Spikes:
        """Convert events to spikes; several events of an input in one tick become one spike.

        A time within a millionth of a tick before a tick belongs to that tick: rounding must not decide.

        Parameters
        ----------
        dt : float
            Time step (tick), in second; the first tick begins at the first event.
        shape : tuple of int
            Polarities (1 or 2), height, width; with 1, all events count as polarity 0.

        Returns
        -------
        ndarray of uint8, shape (ticks, inputs)
            Spikes, 0 or 1; the input of an event is ``(polarity * height + y) * width + x``. No ticks for no events.

        Raises
        ------
        ValueError
            If `dt` is not a positive number, an event lies outside the shape, or there are too many ticks.
        """
        positive("dt", dt)
        polarities, height, width = shape
        polarity = self.polarity if polarities == 2 else np.zeros_like(self.polarity)
        for name, values, most in (("x", self.x, width), ("y", self.y, height), ("p", polarity, polarities)):
            if len(values) and (values.min() < 0 or values.max() >= most):
                raise ValueError(f"{name} must be 0 to {most - 1} in a shape of {shape}, not up to {values.max()}")
        if not len(self.time):
            return np.zeros((0, math.prod(shape)), dtype=np.uint8)
        lasts = float(np.ptp(self.time)) / dt + 1
        if not lasts * math.prod(shape) <= MOST_SPIKES:
            raise ValueError(
                f"events must lie within {MOST_SPIKES // math.prod(shape)} ticks of {dt:g} s, not {lasts:.4g}: ticks "
                f"times inputs are at most {MOST_SPIKES}"
            )
        tick = np.floor((self.time - self.time.min()) / dt + NEAR).astype(np.int64)
        made = np.zeros((int(tick.max()) + 1, math.prod(shape)), dtype=np.uint8)
        made[tick, (polarity * height + self.y) * width + self.x] = 1
        return made


def read_events(path: str | Path, unit: float = 1e-6) -> Events:
    """Read events from a CSV file with the columns t, x, y, p, or from an NPZ file with arrays of these names.

    Parameters
    ----------
    path : str or Path
        The file; with the extension ``.npz`` an NPZ file, otherwise CSV.
    unit : float
        Unit of t, in second; a microsecond by default, as in AEDAT.

    Returns
    -------
    Events
        The events, sorted by time. A polarity of -1 becomes 0.

    Raises
    ------
    ValueError
        If the file is damaged or a number is wrong; the message names the file, the row and the column.
    """
    path = Path(path)
    positive("unit", unit)
    columns = _npz(path) if path.suffix == ".npz" else _csv(path)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"{path}: t, x, y and p must have one number an event, and there must be an event")
    for name, column in columns.items():
        bad = np.flatnonzero(~(np.abs(column) <= LARGEST) | (column != np.floor(column)) & (name != "t"))
        if len(bad):
            what = "a number" if name == "t" else "a whole number"
            raise ValueError(f"{path}, event {bad[0] + 1}: {name} must be {what}, not {column[bad[0]]}")
    whole_columns = {name: columns[name].astype(np.int64) for name in "xyp"}
    wrong = np.flatnonzero((whole_columns["p"] != 0) & (np.abs(whole_columns["p"]) != 1))
    if len(wrong):
        raise ValueError(
            f"{path}, event {wrong[0] + 1}: p must be 0 or 1 (or -1 for 0), not {columns['p'][wrong[0]]:g}"
        )
    order = np.argsort(columns["t"], kind="stable")
    return Events(
        _since_first(columns["t"][order]) * unit,
        whole_columns["x"][order],
        whole_columns["y"][order],
        (whole_columns["p"][order] == 1).astype(np.int64),
    )


def _since_first(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times since the first one: exact for whole numbers, otherwise to as many decimals as float64 holds of the times.

    Parameters
    ----------
    time : ndarray of float, shape (events,)
        Sorted times, in any unit.
    """
    since = np.asarray(time - time[0])
    if (time == np.floor(time)).all():
        return since
    return np.asarray(np.round(since, math.floor(-math.log10(2 * np.spacing(np.abs(time).max())))))


def _npz(path: Path) -> dict[str, NDArray[np.float64]]:
    held = arrays(path, "txyp")
    lacking = [name for name in "txyp" if name not in held]
    if lacking:
        raise ValueError(f"{path}: must hold the arrays t, x, y and p; {', '.join(lacking)} is missing")
    for name, found in held.items():
        if found.dtype.kind not in "iufb":
            raise ValueError(f"{path}: {name} must hold numbers, not {found.dtype}")
    return {name: found.astype(np.float64).ravel() for name, found in held.items()}


def _csv(path: Path) -> dict[str, NDArray[np.float64]]:
    head: list[str] = []
    made: list[array[float]] = [array("d") for _ in "txyp"]
    try:
        table, delimiter = delimited(text(path, cells=MOST_BYTES))
        rows = (row for row in csv.reader(io.StringIO(table), delimiter=delimiter) if any(map(str.strip, row)))
        for n, row in enumerate(rows, 1):
            if not head:
                head = [cell.strip().lower() for cell in row]
                if sorted(head) != ["p", "t", "x", "y"]:
                    break
                continue
            if len(row) != len(head):
                raise ValueError(f"{path}, row {n}: must have {len(head)} numbers, not {len(row)}; is the file whole?")
            for name, column, cell in zip(head, made, row, strict=True):
                try:
                    column.append(float(cell))
                except ValueError:
                    raise ValueError(f"{path}, row {n}: {name} must be a number, not {cell.strip()!r}") from None
    except csv.Error as error:
        raise ValueError(f"{path}: cannot be read as CSV ({error})") from None
    if sorted(head) != ["p", "t", "x", "y"]:
        raise ValueError(f"{path}, line 1: must name the columns t, x, y and p, not {', '.join(head) or 'nothing'}")
    return {name: np.array(column) for name, column in zip(head, made, strict=True)}
