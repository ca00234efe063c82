"""The largest network of phase oscillators that a board holds, routed at its clock; found by bisection.

Run ``python -m benchmarks.onn_largest BOARD [--bits 5] [--parts 1] [--clock 24e6] [--from 16] [--to 1024] [--step 8]``.
Each size is a complete run of the tools: minutes on a large part.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

from benchmarks.harness import Benchmark, Row, Run
from benchmarks.onn import routed
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit

__all__ = ["BENCHMARK", "largest", "measure"]

SIZES, QUICK_SIZES = (16, 1024, 8), (8, 16, 8)
"""Smallest size, largest size and step that are tried unless options say otherwise."""


def largest(
    board: str,
    bits: int,
    parts: int,
    clock_hz: float | None,
    low: int,
    high: int,
    step: int,
    note: Callable[[str], object],
) -> int:
    """Find the largest network that can be made.

    Parameters
    ----------
    board : str
        Name of the board.
    bits : int
        Word length of a weight.
    parts : int
        Clocks in which a column of weights is read.
    clock_hz : float, optional
        Frequency that must be reached, in hertz; that of the board's clock pin by default. None on a bare device.
    low, high : int
        Numbers of oscillators between which the answer lies; `high` itself is not tried.
    step : int
        Distance within which it is found.
    note : callable
        Called with a line for people after each try.

    Returns
    -------
    int
        Number of oscillators; 0 if not even `low` can be made.
    """
    found = 0
    while high - low >= step if found else high >= low:
        count = low if not found else (low + high) // 2 // step * step or low
        if count <= found:
            break
        start, good = time.perf_counter(), False
        try:
            made = routed(board, count, bits, parts, clock_hz)
        except DoesNotFit as error:
            said = str(error)
        else:
            good = made.timing_met is not False
            used = ", ".join(f"{name} {number} of {room}" for name, (number, room) in made.resources.items())
            said = used if made.fmax_hz is None else f"{used}; Fmax {made.fmax_hz / 1e6:.1f} MHz"
        note(f"{board}, {bits}-bit weights, {parts} parts, {count}: {said} ({time.perf_counter() - start:.0f} s)")
        if good:
            found = low = count
        elif not found:
            return 0
        else:
            high = count - 1
    return found


def measure(run: Run) -> Iterator[Row]:
    """Find the largest network on one board.

    Parameters
    ----------
    run : Run
        Its options give board, weights and range of sizes. A quick run tries small sizes, unless others are given.
    """
    given = run.options
    sizes = zip((given.low, given.high, given.step), QUICK_SIZES if run.quick else SIZES, strict=True)
    low, high, step = (default if size is None else size for size, default in sizes)
    made = largest(given.board, given.bits, given.parts, given.clock, low, high, step, run.note)
    name = f"{given.board}, {given.bits}-bit weights, {given.parts} parts: largest network"
    yield Row(name=f"{name} of those from {low} to below {high}, step {step}", value=made, unit="oscillators")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("board", nargs="?", default="xc7z020", choices=list(BOARDS), help="default: xc7z020")
    parser.add_argument("--bits", type=int, default=5, help="word length of a weight")
    parser.add_argument("--parts", type=int, default=1, help="clocks in which a column of weights is read")
    parser.add_argument("--clock", type=float, default=None, help="frequency to reach, in hertz; default: clock pin's")
    parser.add_argument("--from", type=int, dest="low", help=f"a size that can be made; default: {SIZES[0]}")
    parser.add_argument("--to", type=int, dest="high", help=f"a size that is too large; default: {SIZES[1]}")
    parser.add_argument("--step", type=int, help=f"distance within which the size is found; default: {SIZES[2]}")


BENCHMARK = Benchmark(
    name="onn_largest",
    title="largest network of phase oscillators on a board",
    quick="sizes from {} to below {}, step {}, unless given".format(*QUICK_SIZES),
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
