"""Hodgkin-Huxley neurons in biological real time: self-tests placed and routed, so many neurons a board.

Run ``python -m benchmarks.hodgkin_huxley``; it takes some minutes. There is no peer: no public generator offers them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import Row, main
from neuristor.boards import BOARDS
from neuristor.boards.flow import implement
from neuristor.boards.selftest import BoardTop, SelfTest
from neuristor.golden_model.neurons.hodgkin_huxley import HodgkinHuxleyBitTrue, HodgkinHuxleyParams
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons.hodgkin_huxley import HodgkinHuxleyArray

__all__ = ["measure"]

DT = 25e-6
"""One tick, in second."""


class _Design(NamedTuple):
    board: str
    neurons: int
    interval: int
    clock_hz: float


DESIGNS = (_Design("icebreaker", 32, 22, 30e6), _Design("ulx3s-85f", 1000, 1, 50e6))


def measure(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    """Route each design; with `quick`, only the smaller one."""
    for design in DESIGNS[: 1 if quick else None]:
        note(f"{design.neurons} neurons on {BOARDS[design.board].title}")
        params = HodgkinHuxleyParams(count=design.neurons, dt=DT, spread=Variability(current_noise=50e-12))
        array = HodgkinHuxleyArray(params, 1, design.interval)
        drive = np.full((1, design.neurons), params.drive_raw(1e-9))
        top = BoardTop(SelfTest(array, HodgkinHuxleyBitTrue(params), drive, 200))
        with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
            made = implement(BOARDS[design.board], top, Path(folder), clock_hz=design.clock_hz)
        used = ", ".join(f"{name} {number}" for name, (number, _) in made.resources.items())
        name = f"{design.neurons} neurons on {design.board}, {used}"
        clock_hz, fmax_hz = made.clock_hz or design.clock_hz, made.fmax_hz or 0.0
        yield Row(name=f"{name}: Fmax", value=fmax_hz / 1e6, unit="MHz", goal=clock_hz / 1e6)
        yield Row(name=f"{name}: real time", value=clock_hz / array.cycles_per_tick * DT, unit="x", goal=1.0)


if __name__ == "__main__":
    main("hodgkin_huxley", measure)
