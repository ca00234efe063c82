"""Hodgkin-Huxley neurons in biological real time: self-tests, placed and routed.

Run ``python -m benchmarks.hodgkin_huxley``; it takes some minutes. A quick run only counts the resources of the
smaller array. There is no peer: no public generator offers such neurons.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.harness import Benchmark, Row, Run
from benchmarks.routed import routed, rows_of, ticks_per_second
from neuristor.boards import BOARDS
from neuristor.boards.flow import implement
from neuristor.golden_model.neurons.hodgkin_huxley import HodgkinHuxleyBitTrue, HodgkinHuxleyParams
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons.hodgkin_huxley import HodgkinHuxleyArray

__all__ = ["BENCHMARK", "measure"]

DT = 25e-6
"""One time step, in seconds."""
COUNTED = "xc7z020"
"""The part of a quick run, on which resources are only counted."""


class _Design(NamedTuple):
    board: str
    neurons: int
    interval: int
    clock_hz: float


DESIGNS = (_Design("icebreaker", 32, 22, 30e6), _Design("ulx3s-85f", 1000, 1, 50e6))


def _array(design: _Design) -> tuple[HodgkinHuxleyParams, HodgkinHuxleyArray]:
    params = HodgkinHuxleyParams(count=design.neurons, dt=DT, spread=Variability(current_noise=50e-12))
    return params, HodgkinHuxleyArray(params, 1, design.interval)


def _counted(run: Run, design: _Design) -> Iterator[Row]:
    """Resources of the neurons without self-test, neither placed nor timed."""
    run.note(f"{design.neurons} neurons, counted on {BOARDS[COUNTED].title}")
    _, array = _array(design)
    with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
        made = implement(BOARDS[COUNTED], array, Path(folder))
    for resource, (used, capacity) in made.resources.items():
        name = f"{design.neurons} neurons without self-test, counted on {COUNTED}: {resource}"
        yield Row(name=name, value=used, unit=f"of {capacity}", goal=capacity, less=True)
    rate = design.clock_hz / array.cycles_per_tick * DT
    name = f"{design.neurons} neurons: biological time over time, at {design.clock_hz / 1e6:g} MHz"
    yield Row(name=name, value=rate, unit="x", goal=1.0)


def _routed(run: Run, design: _Design) -> Iterator[Row]:
    params, array = _array(design)
    drive = np.full((1, design.neurons), params.drive_raw(1e-9))
    name = f"{design.neurons} neurons on {design.board}"
    found = routed(run, name, design.board, array, HodgkinHuxleyBitTrue(params), drive, 200, design.clock_hz)
    if found is None:
        return
    yield from rows_of(name, found, design.clock_hz)
    rate = ticks_per_second(found, array, design.clock_hz) * DT
    title = f"{name}: biological time over time, at up to {design.clock_hz / 1e6:g} MHz"
    yield Row(name=title, value=rate, unit="x", goal=1.0)


def measure(run: Run) -> Iterator[Row]:
    """Route each design.

    Parameters
    ----------
    run : Run
        A quick run counts the resources of the first, and routes none.
    """
    if run.quick:
        yield from _counted(run, DESIGNS[0])
        return
    for design in DESIGNS:
        yield from _routed(run, design)


BENCHMARK = Benchmark(
    name="hodgkin_huxley",
    title="Hodgkin-Huxley neurons in biological real time",
    quick="the smaller array, resources counted, nothing placed or routed",
    measure=measure,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
