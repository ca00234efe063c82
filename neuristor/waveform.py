"""Inputs that change with time: sinusoids, pulses, noise, and waveforms from files, averaged over each tick.

The input of a tick is the mean of the waveform over it: an integral, not a sample, so that the charge that flows is
that of the waveform however its points and the ticks lie.
"""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.array_files import cell_number, column_title, table_rows
from neuristor.golden_model.equations.units import column_unit, quantity
from neuristor.golden_model.units import si

__all__ = ["Noise", "Points", "Sine", "Waveform", "pulses", "read_waveform"]

Floats = NDArray[np.float64]
TIME = rb"\s*\"?\s*(t|time)\b"
"""Beginning of a file whose first column is the time."""
SI: dict[Any, str] = {quantity(f"1 {unit}")[1]: unit for unit in ("A", "V", "W", "K")}
"""Units of inputs, by their dimension."""
SLACK = 1e-6
"""Part of a tick by which a waveform may end before the run."""


class Waveform(ABC):
    """A quantity over time.

    Attributes
    ----------
    unit : str
        Its SI unit.
    """

    unit: str

    @abstractmethod
    def sampled(self, dt: float, ticks: int) -> Floats:
        """The mean over each tick.

        Parameters
        ----------
        dt : float
            Length of a tick, in second.
        ticks : int
            Number of ticks, from the start of the waveform.

        Returns
        -------
        ndarray of float, shape (ticks, columns)
            In `unit`.

        Raises
        ------
        ValueError
            If the waveform ends before the last tick.
        """


@dataclass(frozen=True, kw_only=True)
class Sine(Waveform):
    """A sinusoid.

    Parameters
    ----------
    offset : float
        Its mean, in `unit`.
    amplitude : float
        In `unit`.
    frequency : float
        In hertz, above 0.
    unit : str
        SI unit.
    """

    offset: float
    amplitude: float
    frequency: float
    unit: str

    def sampled(self, dt: float, ticks: int) -> Floats:
        """The mean over each tick: the value in its middle, lower by what the tick averages out.

        Parameters
        ----------
        dt : float
            Length of a tick, in second.
        ticks : int
            Number of ticks.
        """
        turns = self.frequency * dt * (np.arange(ticks, dtype=np.float64) + 0.5)
        # The mean of sin over a span of w around x is sin(x) sin(w / 2) / (w / 2).
        mean = np.sinc(self.frequency * dt) * np.sin(2 * np.pi * turns)
        return np.asarray(self.offset + self.amplitude * mean)[:, None]


@dataclass(frozen=True, kw_only=True)
class Noise(Waveform):
    """Normally distributed noise, independent in each column.

    With a bandwidth it is an Ornstein-Uhlenbeck process: white noise behind a low-pass filter of first order. Its value
    at the start of a tick is held for the tick.

    Parameters
    ----------
    offset : float
        Its mean, in `unit`.
    deviation : float
        Its standard deviation, in `unit`.
    bandwidth : float or None
        Corner frequency of the filter, in hertz, above 0; None: each tick has a value of its own.
    columns : int
        Number of columns.
    seed : int
        Seed of the random numbers.
    unit : str
        SI unit.
    """

    offset: float
    deviation: float
    bandwidth: float | None
    columns: int
    seed: int
    unit: str

    def sampled(self, dt: float, ticks: int) -> Floats:
        """The value of each tick.

        Parameters
        ----------
        dt : float
            Length of a tick, in second.
        ticks : int
            Number of ticks.
        """
        # A generator of its own, so that the spread of devices does not change with the noise.
        made = np.random.default_rng([self.seed, 5]).standard_normal((ticks, self.columns))
        if self.bandwidth is not None:
            from scipy.signal import lfilter  # takes half a second, which most commands do not need

            keeps = np.exp(-2 * np.pi * self.bandwidth * dt)
            made[1:] *= np.sqrt(1 - keeps**2)
            made = lfilter([1.0], [1.0, -keeps], made, axis=0)
        return np.asarray(self.offset + self.deviation * made)


@dataclass(frozen=True, kw_only=True, eq=False)
class Points(Waveform):
    """Straight lines between points; two points at one time are a step.

    Parameters
    ----------
    times : ndarray of float, shape (points,)
        Times that do not go back, in second; the waveform starts at the first one.
    values : ndarray of float, shape (points, columns)
        Values, in `unit`.
    unit : str
        SI unit.
    loop : bool
        Whether it starts again at its end.
    name : str
        What it is, for messages.
    """

    times: Floats
    values: Floats
    unit: str
    loop: bool
    name: str

    def sampled(self, dt: float, ticks: int) -> Floats:
        """The mean over each tick.

        Parameters
        ----------
        dt : float
            Length of a tick, in second.
        ticks : int
            Number of ticks.

        Raises
        ------
        ValueError
            If the waveform ends before the last tick and does not start again, or is too large.
        """
        duration = float(self.times[-1] - self.times[0])
        if not self.loop and ticks * dt > duration + SLACK * dt:
            raise ValueError(
                f"{self.name} ends after {si(duration, 's')}; {ticks} ticks of {si(dt, 's')} last "
                f"{si(ticks * dt, 's')}: wanted at most {int(duration / dt + SLACK)} ticks, or loop = true"
            )
        with np.errstate(all="ignore"):
            made = self._means(duration, dt, ticks)
        if not np.isfinite(made).all():
            raise ValueError(f"{self.name}: its times or values are too large to compute with")
        return made

    def _means(self, duration: float, dt: float, ticks: int) -> Floats:
        edges = dt * np.arange(ticks + 1, dtype=np.float64)
        turns = np.floor(edges / duration) if self.loop else np.zeros(len(edges))
        place, value, area = self._at(np.minimum(edges - turns * duration, duration))
        # From an end, a tick begins with the first value again.
        whole = self._area()[-1]
        area = area + turns[:, None] * whole
        same = (place[:-1] == place[1:]) & (turns[:-1] == turns[1:])
        straight = (value[:-1] + value[1:]) / 2  # exact where no point lies within the tick
        return np.where(same[:, None], straight, np.diff(area, axis=0) / dt)

    def _area(self) -> Floats:
        """The integral up to each point, shape (points, columns)."""
        steps = np.diff(self.times)[:, None] * (self.values[:-1] + self.values[1:]) / 2
        return np.vstack([np.zeros((1, self.values.shape[1])), np.cumsum(steps, axis=0)])

    def _at(self, when: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Segment, value and integral at times from the start."""
        times = self.times - self.times[0]
        place = np.searchsorted(times, when, side="right") - 1
        place = np.minimum(place, np.searchsorted(times, times[-1], side="left") - 1)  # the end is of the last segment
        since = (when - times[place])[:, None]
        length = (times[place + 1] - times[place])[:, None]
        first, last = self.values[place], self.values[place + 1]
        value = first + (last - first) * since / length
        return place, value, self._area()[place] + since * (first + value) / 2


def pulses(*, offset: float, height: float, width: float, frequency: float, unit: str) -> Points:
    """Rectangular pulses, the first one at the start.

    Parameters
    ----------
    offset : float
        Value between pulses, in `unit`.
    height : float
        What a pulse adds, in `unit`.
    width : float
        Length of a pulse, in second.
    frequency : float
        Pulses in a second.
    unit : str
        SI unit.

    Raises
    ------
    ValueError
        If a pulse is as long as the period, or longer.
    """
    period = 1 / frequency
    if not width < period:
        raise ValueError(f"width must be below {si(period, 's')}, the period, not {si(width, 's')}")
    times = np.array([0.0, width, width, period])
    values = np.array([[offset + height], [offset + height], [offset], [offset]])
    return Points(times=times, values=values, unit=unit, loop=True, name="pulses")


def read_waveform(path: Path, loop: bool) -> Points | None:
    """Read a waveform from a CSV file: a column of times, and one column, or one for each neuron.

    Parameters
    ----------
    path : Path
        The file. Its first line has titles with units, such as ``t (us), i (uA)``.
    loop : bool
        Whether the waveform starts again at its end.

    Returns
    -------
    Points or None
        The waveform; None if the first column is no time.

    Raises
    ------
    ValueError
        If a unit is missing or unknown, a time goes back, or a value is no finite number.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    # As far as titles go, UTF-16 is ASCII with zeros.
    if not re.match(TIME, head.lstrip(codecs.BOM_UTF8 + codecs.BOM_UTF16).replace(b"\0", b""), re.IGNORECASE):
        return None
    lines = table_rows(path)
    line, cells = next(lines)
    titles = [column_title(cell) for cell in cells]
    units = []
    for column, (title, given) in enumerate(titles, start=1):
        if not given:
            raise ValueError(f"{path}, line {line}: column {column} ({title}) needs its unit, such as 't (us)'")
        try:
            units.append(column_unit(given))
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {title}: {error}") from None
    if units[0].dimension != quantity("1 s")[1]:
        raise ValueError(f"{path}, line {line}: {titles[0][0]} must be in seconds, such as 't (us)'")
    kinds = [SI.get(each.dimension, "") for each in units[1:]]
    if len(units) < 2 or not kinds[0] or len(set(kinds)) > 1:
        raise ValueError(f"{path}, line {line}: beside the time, wanted columns in one of {', '.join(SI.values())}")
    made = []
    for line, cells in lines:
        if len(cells) != len(titles):
            raise ValueError(f"{path}, line {line}: wanted {len(titles)} values, as there are titles, not {len(cells)}")
        made.append([cell_number(path, line, cell, title) for cell, (title, _) in zip(cells, titles, strict=True)])
        if len(made) > 1 and made[-1][0] < made[-2][0]:
            raise ValueError(f"{path}, line {line}: the time goes back from {made[-2][0]:g} to {made[-1][0]:g}")
    with np.errstate(over="ignore"):
        table = np.array(made, dtype=np.float64).reshape(-1, len(titles))
        table = table * [each.factor for each in units] + [each.offset for each in units]
    if len(table) < 2 or not 0 < table[-1, 0] - table[0, 0] < np.inf or not np.isfinite(table).all():
        raise ValueError(f"{path} must have at least two points at different times, with finite values")
    return Points(times=table[:, 0], values=table[:, 1:], unit=kinds[0], loop=loop, name=str(path))
