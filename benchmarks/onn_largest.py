"""The largest network of phase oscillators that a board holds and routes with its clock met, by bisection.

Run ``python -m benchmarks.onn_largest BOARD [--bits 5] [--parts 1] [--clock 24e6] [--from 64] [--to 512] [--step 8]``;
each size is a whole run of the tools, minutes on a large part.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.onn import routed
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit

__all__ = ["largest"]


def largest(board: str, bits: int, parts: int, clock_hz: float | None, low: int, high: int, step: int) -> int:
    """The largest number of oscillators that is made, within `step`; each try is told on standard error.

    Parameters
    ----------
    board : str
    bits : int
        Of a weight.
    parts : int
        Clocks that a column takes.
    clock_hz : float, optional
        To be met; none on a bare device.
    low, high : int
        Between which it lies.
    step : int
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
            said = f"{used}; Fmax {(made.fmax_hz or 0) / 1e6:.1f} MHz"
        print(
            f"{board}, {bits}-bit weights, {parts} parts, {count}: {said} ({time.perf_counter() - start:.0f} s)",
            file=sys.stderr,
            flush=True,
        )
        if good:
            found = low = count
        elif not found:
            return 0
        else:
            high = count - 1
    return found


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", choices=list(BOARDS))
    parser.add_argument("--bits", type=int, default=5, help="of a weight")
    parser.add_argument("--parts", type=int, default=1, help="clocks that a column takes")
    parser.add_argument("--clock", type=float, default=None, help="to be met, in hertz; the board's own by default")
    parser.add_argument("--from", type=int, default=16, dest="low", help="a size that is made")
    parser.add_argument("--to", type=int, default=1024, dest="high", help="a size that may not be")
    parser.add_argument("--step", type=int, default=8)
    given = parser.parse_args()
    made = largest(given.board, given.bits, given.parts, given.clock, given.low, given.high, given.step)
    print(f"{given.board}, {given.bits}-bit weights: {made} oscillators")


if __name__ == "__main__":
    main()
