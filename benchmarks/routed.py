"""Arrays that are placed and routed with a self-test: resources, clock, and how fast they then are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, Run
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, Implementation, implement
from neuristor.boards.selftest import BoardTop, SelfTest
from neuristor.hdl.array import NeuronArray

__all__ = ["routed", "rows_of", "ticks_per_second"]


def routed(
    run: Run, name: str, board: str, array: NeuronArray, model: Any, drive: Any, ticks: int, clock_hz: float
) -> Implementation | None:
    """Place and route an array with its self-test; None, and a note, if it does not fit.

    Parameters
    ----------
    run : Run
        Receives the notes.
    name : str
        What it is.
    board : str
        Name of the board.
    array : NeuronArray
        The circuit.
    model : BitTrueModel
        Its model.
    drive : ndarray of int64, shape (frames, count)
        Input words of the self-test.
    ticks : int
        Ticks for which each is held.
    clock_hz : float
        Frequency of the clock, in hertz.
    """
    run.note(f"{name} on {BOARDS[board].title}")
    top = BoardTop(SelfTest(array, model, drive, ticks))
    try:
        with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
            return implement(BOARDS[board], top, Path(folder), clock_hz=clock_hz)
    except DoesNotFit as error:
        run.note(f"{name}: {error}")
        return None


def rows_of(name: str, made: Implementation, clock_hz: float) -> Iterator[Row]:
    """Resources and clock of what was routed.

    Parameters
    ----------
    name : str
        What it is.
    made : Implementation
        The result.
    clock_hz : float
        Frequency that it should reach, in hertz.
    """
    for resource, (used, capacity) in made.resources.items():
        yield Row(name=f"{name}: {resource}", value=used, unit=f"of {capacity}", goal=capacity, less=True)
    yield Row(name=f"{name}: Fmax", value=(made.fmax_hz or 0.0) / 1e6, unit="MHz", goal=clock_hz / 1e6)


def ticks_per_second(made: Implementation, array: NeuronArray, clock_hz: float) -> float:
    """Ticks a second at the clock that is reached, at most the one that was asked for.

    Parameters
    ----------
    made : Implementation
        The result.
    array : NeuronArray
        The circuit.
    clock_hz : float
        Frequency that was asked for, in hertz.
    """
    return min(made.fmax_hz or 0.0, clock_hz) / array.cycles_per_tick
