"""Input currents of neurons: the handwritten digits of scikit-learn, a CSV file, an array, a waveform, or zero."""

from __future__ import annotations

import csv
import io
import math
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.files import content, decoded, delimited
from neuristor.waveform import Waveform

__all__ = ["MAX_BYTES", "Stimulus", "digits", "from_array", "from_csv", "from_waveform", "silence"]

MAX_BYTES = 64 * 1024 * 1024
"""Largest CSV file, in bytes."""
MOST_FRAMES = 1_000_000
"""Most rows of a CSV file."""


@dataclass(frozen=True)
class Stimulus:
    """Frames of input currents, each held for a number of ticks."""

    current: NDArray[np.float64]
    """Input currents, shape (frames, count), in ampere."""
    labels: tuple[str, ...]
    """Label of each frame, such as the digit, or one of the whole waveform."""
    ticks: int
    """Ticks for which each frame is held."""
    image: tuple[int, int] | None
    """Rows and columns, if a frame is a picture."""
    waveform: bool = False
    """Whether the frames are the ticks of a waveform."""

    @property
    def span(self) -> int:
        """Ticks of a label."""
        return len(self.current) * self.ticks if self.waveform else self.ticks


def digits(frames: int, ticks: int, current: float, count: int) -> Stimulus:
    """Take the first 8 x 8 handwritten digits of scikit-learn, one pixel for each neuron.

    Parameters
    ----------
    frames : int
        Number of digits, 1 to 1,797.
    ticks : int
        Ticks for which each frame is held.
    current : float
        Current of a full pixel, in ampere.
    count : int
        Number of neurons; must be 64.

    Returns
    -------
    Stimulus
        The input.

    Raises
    ------
    ValueError
        If `frames` or `count` is outside its range.
    """
    from sklearn.datasets import load_digits

    if count != 64:
        raise ValueError(f"source 'digits' has 8 x 8 pixels: [neuron] count must be 64, not {count}")
    data, target = load_digits(return_X_y=True)
    if frames > len(data):
        raise ValueError(f"frames must be at most {len(data)}, not {frames}")
    pixels = np.asarray(data[:frames], dtype=np.float64) / 16.0
    return Stimulus(pixels * current, tuple(str(label) for label in target[:frames]), ticks, (8, 8))


def silence(frames: int, ticks: int, count: int) -> Stimulus:
    """Make an input of zero current.

    Parameters
    ----------
    frames : int
        Number of frames.
    ticks : int
        Ticks for which each frame is held.
    count : int
        Number of neurons.

    Returns
    -------
    Stimulus
        The input.
    """
    return Stimulus(np.zeros((frames, count)), tuple(str(n) for n in range(frames)), ticks, None)


def from_array(current: ArrayLike, ticks: int, count: int) -> Stimulus:
    """Take currents from an array.

    Parameters
    ----------
    current : array_like of float, shape (), (count,) or (frames, count)
        In ampere: one for all neurons, one for each neuron, or one for each neuron in each frame.
    ticks : int
        Ticks for which each frame is held, at least 1.
    count : int
        Number of neurons.

    Returns
    -------
    Stimulus
        The input.

    Raises
    ------
    ValueError
        If the array has another shape, or a current is not finite.
    """
    found = np.asarray(current, dtype=np.float64)
    if found.ndim < 2 and (found.ndim == 0 or found.shape == (count,)):
        found = np.broadcast_to(found, (1, count))
    if found.ndim != 2 or found.shape[1] != count or len(found) == 0:
        raise ValueError(f"current must have shape (), ({count},) or (frames, {count}), not {np.shape(current)}")
    if not isinstance(ticks, int) or ticks < 1:
        raise ValueError(f"ticks must be an integer of at least 1, not {ticks!r}")
    if not np.isfinite(found).all():
        frame, neuron = np.argwhere(~np.isfinite(found))[0].tolist()
        raise ValueError(f"current must be finite, not {found[frame, neuron]} in frame {frame}, neuron {neuron}")
    return Stimulus(np.array(found), tuple(str(n) for n in range(len(found))), ticks, None)


def from_waveform(
    waveform: Waveform, dt: float, ticks: int, count: int, unit: str, bias: tuple[float, float] | None
) -> Stimulus:
    """Take the mean of a waveform over each tick.

    Parameters
    ----------
    waveform : Waveform
        One for all neurons, or one for each.
    dt : float
        Time step (tick), in second.
    ticks : int
        Ticks of the run.
    count : int
        Number of neurons.
    unit : str
        Unit of the input of a neuron.
    bias : (float, float), optional
        Supply in volt and series resistance in ohm: a waveform in volt is that of the supply.

    Returns
    -------
    Stimulus
        The input: a frame for each tick.

    Raises
    ------
    ValueError
        If the waveform ends before the run, has another unit or another number of columns.
    """
    values = waveform.sampled(dt, ticks)
    if values.shape[1] not in (1, count):
        raise ValueError(f"wanted one waveform, or one for each of {count} neurons, not {values.shape[1]}")
    if waveform.unit == "V" and unit == "A" and bias is not None:
        supply, resistance = bias
        # Through the series resistor, as the constant supply that is in the circuit already.
        values = (values - supply) / resistance
    elif waveform.unit != unit:
        supplies = " (or in V, as that of the supply)" if bias is not None else ""
        raise ValueError(f"the waveform must be in {unit}{supplies}, not in {waveform.unit}")
    return Stimulus(np.array(np.broadcast_to(values, (ticks, count))), ("waveform",), 1, None, waveform=True)


def from_csv(path: Path, frames: int | None, ticks: int, count: int) -> Stimulus:
    """Read currents from a CSV file: rows are frames, columns are neurons, in ampere; one header row is skipped.

    Columns are separated by commas, semicolons or tabs; the text is in UTF-8 or UTF-16. A file that cannot be read
    raises `OSError`.

    Parameters
    ----------
    path : Path
        The file.
    frames : int, optional
        Number of rows to use, from the first; all by default.
    ticks : int
        Ticks for which each frame is held.
    count : int
        Number of neurons.

    Returns
    -------
    Stimulus
        The input.

    Raises
    ------
    ValueError
        If the file is empty, too large, has fewer than `frames` rows or not `count` columns, or a current is not
        finite.
    """
    numbers = array("d")
    data = content(path, MAX_BYTES)
    try:
        table, delimiter = delimited(decoded(data))
    except ValueError as error:
        raise ValueError(f"{path} must be a CSV file in UTF-8 or UTF-16: {error}") from None
    try:
        for line, cells in enumerate(csv.reader(io.StringIO(table, ""), delimiter=delimiter), start=1):
            if not cells or all(not cell.strip() for cell in cells):
                continue
            if line == 1 and not any(_is_number(cell) for cell in cells):
                continue
            if len(cells) != count:
                raise ValueError(f"{path}, line {line}: wanted {count} currents, one for each neuron, not {len(cells)}")
            for column, cell in enumerate(cells, start=1):
                if not _is_number(cell) or not math.isfinite(float(cell)):
                    raise ValueError(
                        f"{path}, line {line}, column {column}: wanted a finite current in ampere, not {cell!r}"
                    )
                numbers.append(float(cell))
            if len(numbers) > MOST_FRAMES * count:
                raise ValueError(f"{path} must hold at most {MOST_FRAMES:,} rows")
    except csv.Error as error:
        raise ValueError(f"{path} must be a CSV file: {error}") from None
    rows = np.array(numbers).reshape(-1, count)
    if not len(rows):
        raise ValueError(f"{path} must hold at least one row of {count} currents; it holds none")
    if frames is not None and frames > len(rows):
        raise ValueError(f"frames must be at most {len(rows)}, the rows of {path}, not {frames}")
    rows = rows[:frames]
    return Stimulus(rows, tuple(str(n) for n in range(len(rows))), ticks, None)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
