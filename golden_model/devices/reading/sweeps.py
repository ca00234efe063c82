"""Sweeps of voltage or current, and loops of temperature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Loop", "Sweep", "excursions", "has_jumps", "is_ramp", "returns_to_zero"]

TURN = 0.1
"""The size of a sweep must fall, and then rise, by this fraction of its range for a new one to begin."""
JUMP = 0.25
"""No source steps by this fraction of its range."""
LEAST_POINTS = 5
"""Fewer points are no sweep."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One excursion of the voltage in an I-V curve, or one record of a transient."""

    voltage: Floats
    """Shape (points,), in volt."""
    current: Floats | None
    """Shape (points,), in ampere; None for a transient without a current column."""
    time: Floats | None
    """Shape (points,), in second; None for an I-V curve without a time column."""
    name: str
    """File, sheet and title of the table, for messages."""
    source_line: int
    """Line of the file, or row of the sheet, of the first point."""
    supply: float | None = None
    """Supply voltage of a transient, in volt; None if the record has no column for it."""
    label: str = ""
    """What the names of its columns say of the cycle or device; empty if the table has one sweep column."""
    device: str = ""
    """Label of the device, where a file has several."""
    drive: Literal["voltage", "current"] = "voltage"
    """The quantity that the source sets."""

    def part(self, points: slice) -> Sweep:
        """Some of the points.

        Parameters
        ----------
        points : slice
            Which ones; its start is a number.
        """
        return replace(
            self,
            voltage=self.voltage[points],
            current=None if self.current is None else self.current[points],
            time=None if self.time is None else self.time[points],
            source_line=self.source_line + points.start,
        )


@dataclass(frozen=True)
class Loop:
    """Resistance over temperature."""

    temperature: Floats
    """Shape (points,), in kelvin."""
    resistance: Floats
    """Shape (points,), in ohm."""
    name: str
    """File, sheet and title of the table, for messages."""
    source_line: int
    """Line of the file, or row of the sheet, of the first point."""


def _size(sweep: Sweep) -> Floats:
    """How far a sweep is from zero: the larger of voltage and current, each as a fraction of its range.

    A device that switches lets one of them collapse, never both.
    """
    size = np.zeros(len(sweep.voltage))
    for values in (sweep.voltage, sweep.current):
        if values is not None and (top := float(np.abs(values).max(initial=0.0))) > 0:
            size = np.maximum(size, np.abs(values) / top)
    return size


def _cuts(size: Floats) -> list[int]:
    """Indices of the minima between two rises."""
    margin = TURN * float(np.ptp(size))
    least = float(size.min()) + 2 * margin
    cuts, lowest, highest, rising = [0], 0, 0, True
    for k, value in enumerate(size.tolist()):
        if rising:
            if value > size[highest]:
                highest = k
            elif value < size[highest] - margin:
                rising, lowest = False, k
        elif value < size[lowest]:
            lowest = k
        elif value > size[lowest] + margin and size[lowest] <= least:
            cuts.append(lowest)
            rising, highest = True, k
    return cuts


def excursions(sweep: Sweep) -> Iterator[Sweep]:
    """Cut at the points nearest zero, so that a sweep is one excursion of one polarity.

    Parameters
    ----------
    sweep : Sweep
        All points of a record, in the order of time.

    Yields
    ------
    Sweep
        One excursion of at least 5 points.
    """
    if len(sweep.voltage) < LEAST_POINTS:
        return
    cuts = _cuts(_size(sweep))
    for start, stop in zip(cuts, [*(cut + 1 for cut in cuts[1:]), len(sweep.voltage)], strict=True):
        if stop - start >= LEAST_POINTS:
            yield sweep.part(slice(start, stop))


def is_ramp(values: Floats) -> bool:
    """Tell whether values move in even steps: those of a source do, those on a capacitor do not.

    Parameters
    ----------
    values : ndarray of float, shape (points,)
        Voltage or current.
    """
    steps = np.abs(np.diff(values))
    moving = steps[steps > 1e-9 * max(1e-9, float(np.ptp(values)))]
    if not len(moving):
        return True
    usual = float(np.median(moving))
    even = np.mean(np.abs(moving - usual) < 0.5 * usual) > 0.95
    smooth = moving.max() < 10 * usual or np.abs(values).min() < 0.05 * np.abs(values).max()
    return bool(even and smooth)


def has_jumps(values: Floats) -> bool:
    """Tell whether values jump, or stay where they are: those that a source drives do neither.

    Parameters
    ----------
    values : ndarray of float, shape (points,)
        Voltage or current.
    """
    size = np.abs(values)
    steps = np.diff(size)
    steps = steps[size[1:] > 0.05 * size.max(initial=0.0)]  # it may begin again at zero
    if not len(steps) or np.mean(steps == 0) > 0.5:
        return True
    return bool(np.abs(steps).max() > JUMP * size.max())


def returns_to_zero(sweep: Sweep) -> bool:
    """Tell whether a record begins and ends near zero and returns there between its maxima, as sweeps do.

    Parameters
    ----------
    sweep : Sweep
        All points of a record.
    """
    size = _size(sweep)
    ends = [size[0], size[-1], *(size[cut] for cut in _cuts(size)[1:])]
    return bool(max(ends) < 2 * TURN * size.max())
