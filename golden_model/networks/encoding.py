"""Numbers and recorded events as spikes.

Three codes, and files of events. All give 0 or 1 for each input in each tick, shape (ticks, ..., inputs).
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.files import arrays, text
from neuristor.golden_model.neurons.neuron import positive, whole

__all__ = ["Events", "delta", "latency", "rate", "read_events"]

Spikes = NDArray[np.uint8]
MOST_SPIKES = 250_000_000
"""Ticks times inputs of recorded events."""
LARGEST = 2.0**53
"""Of a number of an event: up to here, all whole numbers are exact."""


def _between(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all() or array.size == 0 or array.min() < 0 or array.max() > 1:
        raise ValueError("values must be numbers from 0 to 1")
    return array


def rate(values: ArrayLike, ticks: int, seed: int = 0, most: float = 1.0) -> Spikes:
    """Each input spikes in a tick with a probability of `most` times its value.

    Parameters
    ----------
    values : array_like, shape (..., inputs)
        0 to 1.
    ticks : int
    seed : int
    most : float
        Probability for a value of one.

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., inputs)
    """
    array = _between(values)
    whole("ticks", ticks, 1, 1_000_000)
    if not 0 < most <= 1:
        raise ValueError(f"most must be above 0 and at most 1, not {most!r}")
    draws = np.random.default_rng(seed)
    made = np.empty((ticks, *array.shape), dtype=np.uint8)
    for tick in range(ticks):  # one at a time: numbers need eight times the room of spikes
        made[tick] = draws.random(array.shape) < most * array
    return made


def latency(values: ArrayLike, ticks: int, least: float = 0.01) -> Spikes:
    """Each input spikes once, the larger the value, the earlier; below `least`, never.

    Parameters
    ----------
    values : array_like, shape (..., inputs)
        0 to 1; one spikes in the first tick, `least` in the last.
    ticks : int
    least : float

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., inputs)
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
    """A spike for each step up, and, among the second half of the inputs, for each step down: a level-crossing code.

    Parameters
    ----------
    signal : array_like, shape (ticks, ..., channels)
    step : float
        What the signal must change by; one spike a tick at most.

    Returns
    -------
    ndarray of uint8, shape (ticks, ..., 2 * channels)
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
    """Recorded events of a camera, or of anything: one row each."""

    time: NDArray[np.float64]
    """In second."""
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    polarity: NDArray[np.int64]
    """0 or 1."""

    def spikes(self, dt: float, shape: tuple[int, int, int]) -> Spikes:
        """The events of each tick; several at one place in one tick are one spike.

        Parameters
        ----------
        dt : float
            A tick, in second.
        shape : tuple of int
            Polarities (1 or 2), height, width.

        Returns
        -------
        ndarray of uint8, shape (ticks, inputs)

        Raises
        ------
        ValueError
            If an event lies outside the shape.
        """
        positive("dt", dt)
        polarities, height, width = shape
        polarity = self.polarity if polarities == 2 else np.zeros_like(self.polarity)
        for name, values, most in (("x", self.x, width), ("y", self.y, height), ("p", polarity, polarities)):
            if len(values) and (values.min() < 0 or values.max() >= most):
                raise ValueError(f"{name} must be 0 to {most - 1} in a shape of {shape}, not up to {values.max()}")
        lasts = float(np.ptp(self.time)) / dt + 1
        if not lasts * math.prod(shape) <= MOST_SPIKES:
            raise ValueError(
                f"events must lie within {MOST_SPIKES // math.prod(shape)} ticks of {dt:g} s, not {lasts:.4g}: ticks "
                f"times inputs are at most {MOST_SPIKES}"
            )
        tick = np.floor((self.time - self.time.min()) / dt).astype(np.int64)
        made = np.zeros((int(tick.max()) + 1, math.prod(shape)), dtype=np.uint8)
        made[tick, (polarity * height + self.y) * width + self.x] = 1
        return made


def read_events(path: str | Path, unit: float = 1e-6) -> Events:
    """Events from a CSV file with the columns t, x, y, p, or from an NPZ file with arrays of these names.

    Parameters
    ----------
    path : path
    unit : float
        Of t, in second; microseconds by default, as AEDAT has them.

    Raises
    ------
    ValueError
        With the file, the row, the column and what was expected.
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
        columns["t"][order] * unit,
        whole_columns["x"][order],
        whole_columns["y"][order],
        (whole_columns["p"][order] == 1).astype(np.int64),
    )


def _npz(path: Path) -> dict[str, NDArray[np.float64]]:
    held = arrays(path, "txyp")
    lacking = [name for name in "txyp" if name not in held]
    if lacking:
        raise ValueError(f"{path}: must hold the arrays t, x, y and p; {', '.join(lacking)} is missing")
    for name, array in held.items():
        if array.dtype.kind not in "iufb":
            raise ValueError(f"{path}: {name} must hold numbers, not {array.dtype}")
    return {name: array.astype(np.float64).ravel() for name, array in held.items()}


def _csv(path: Path) -> dict[str, NDArray[np.float64]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text(path))) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(f"{path}: cannot be read as CSV ({error})") from None
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    if sorted(head) != ["p", "t", "x", "y"]:
        raise ValueError(f"{path}, line 1: must name the columns t, x, y and p, not {', '.join(head) or 'nothing'}")
    made: dict[str, list[float]] = {name: [] for name in head}
    for n, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise ValueError(f"{path}, row {n}: must have {len(head)} numbers, not {len(row)}; is the file whole?")
        for name, cell in zip(head, row, strict=True):
            try:
                made[name].append(float(cell))
            except ValueError:
                raise ValueError(f"{path}, row {n}: {name} must be a number, not {cell.strip()!r}") from None
    return {name: np.array(column) for name, column in made.items()}
