"""cocotb bench of neuron arrays: exported Verilog against the bit-true model, for every neuron."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.corners import corner_drive, corner_rows
from neuristor.sim.benches.scoreboard import compare
from neuristor.sim.benches.stream import exchange, reset, start

__all__ = [
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_at_corner_values",
    "matches_bit_true_model_under_stalls",
]

CHUNK = 512
"""Ticks compared at a time."""
SHORT = 120
"""Ticks of the tests with stalls and with resets."""


async def run_ticks(
    dut: Any, case: Case, packed: NDArray[np.uint8], stall_seed: int | None = None
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Send the input of some ticks and collect the output.

    Parameters
    ----------
    dut : cocotb handle
        The array.
    case : Case
        The case.
    packed : ndarray of uint8, shape (ticks * rows, bytes of a row)
        Input rows, as from ``neuristor.hdl.rows.pack_drive``.
    stall_seed : int, optional
        Seed of random stalls at input and output; no stalls when absent.

    Returns
    -------
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Spikes and state after each tick.
    cycles : int
        Clocks used.
    """
    words = [int.from_bytes(row.tobytes(), "little") for row in packed]
    done = await exchange(dut, words, stall_seed=stall_seed)
    size = -(-len(dut.o_payload) // 8)
    data = b"".join(row.to_bytes(size, "little") for row in done.rows)
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    return unpack_output(case.params, case.lanes, rows), done.cycles


async def check(dut: Any, case: Case, model: Any, drive_raw: NDArray[np.int64], stall_seed: int | None = None) -> int:
    """Compare circuit and model over some ticks, with the count of saturations.

    Parameters
    ----------
    dut : cocotb handle
        The array.
    case : Case
        The case.
    model : BitTrueModel
        The bit-true model, in the same state as the circuit.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words.
    stall_seed : int, optional
        Seed of random stalls at input and output; no stalls when absent.

    Returns
    -------
    int
        Clocks used.

    Raises
    ------
    AssertionError
        At the first difference.
    """
    clocks = 0
    for first in range(0, len(drive_raw), CHUNK):
        part = drive_raw[first : first + CHUNK]
        packed = pack_drive(case.params, case.lanes, part)
        got, used = await run_ticks(dut, case, packed, None if stall_seed is None else stall_seed + first)
        clocks += used
        check_rows(dut, model, part, got, first)
    return clocks


def check_rows(
    dut: Any, model: Any, drive_raw: NDArray[np.int64], got: dict[str, NDArray[np.int64]], first: int
) -> None:
    """Compare some ticks of the circuit with the model, then the counters.

    Parameters
    ----------
    dut : cocotb handle
        The array, after these ticks.
    model : BitTrueModel
        The bit-true model, before these ticks.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words.
    got : dict of str to ndarray of int64, shape (ticks, count)
        Spikes and state of the circuit after each tick.
    first : int
        Number of the first of these ticks.

    Raises
    ------
    AssertionError
        At the first difference.
    """
    difference = compare(model.run(drive_raw), got, first)
    if difference is not None:  # an `assert` would show the difference twice
        raise AssertionError(str(difference))
    saturations = min(model.saturations, 0xFFFF_FFFF)
    assert int(dut.saturations.value) == saturations, "the count of saturations differs"
    assert int(dut.saturated.value) == int(saturations > 0), "the saturation flag differs"


@cocotb.test()
async def matches_bit_true_model(dut: Any) -> None:
    """The whole input at full speed."""
    case = Case.from_environment()
    await start(dut)
    clocks = await check(dut, case, case.bit_true(), case.drive_raw)
    dut._log.info("compared %d ticks of %d neurons in %d clocks", *case.drive_raw.shape, clocks)


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Extreme inputs, under stalls, also in lanes without a neuron; the counters after each tick."""
    case = Case.from_environment()
    drive_raw, model = corner_drive(case), case.bit_true()
    await start(dut)
    for tick in range(len(drive_raw)):
        got, _ = await run_ticks(dut, case, corner_rows(case, drive_raw, tick), stall_seed=tick)
        check_rows(dut, model, drive_raw[tick : tick + 1], got, tick)


@cocotb.test()
async def matches_bit_true_model_under_stalls(dut: Any) -> None:
    """Input with gaps, and output with backpressure, both random."""
    case = Case.from_environment()
    await start(dut)
    await check(dut, case, case.bit_true(), case.drive_raw[:SHORT], stall_seed=1)


@cocotb.test()
async def matches_bit_true_model_after_reset_in_mid_run(dut: Any) -> None:
    """After a reset with rows in the pipeline, the run is the same as from the first reset."""
    case = Case.from_environment()
    await start(dut)
    part = case.drive_raw[:SHORT]
    per_tick = -(-case.params.count // case.lanes)
    words = [int.from_bytes(row.tobytes(), "little") for row in pack_drive(case.params, case.lanes, part)]
    # At full speed the rows of a tick follow each other: 1, 2 or 4 of them are still in the pipeline at the reset.
    for sent, taken in [(1, 0), *((len(words), len(words) - n) for n in (1, 2, 4) if n < per_tick)]:
        await exchange(dut, words[:sent], taken)
        await reset(dut)
        await check(dut, case, case.bit_true(), part[: SHORT // 2])
