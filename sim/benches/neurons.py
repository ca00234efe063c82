"""cocotb bench of neuron arrays: exported Verilog against the bit-true model, for every neuron."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
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
    dut: Any, case: Case, drive_raw: NDArray[np.int64], stall_seed: int | None = None
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Send the input of some ticks and collect the output.

    Parameters
    ----------
    dut : cocotb handle
        The array.
    case : Case
        The case.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words.
    stall_seed : int, optional
        Seed of random stalls at input and output; no stalls when absent.

    Returns
    -------
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Spikes and state after each tick.
    cycles : int
        Clocks used.
    """
    words = [int.from_bytes(row.tobytes(), "little") for row in pack_drive(case.params, case.lanes, drive_raw)]
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
        got, used = await run_ticks(dut, case, part, None if stall_seed is None else stall_seed + first)
        clocks += used
        difference = compare(model.run(part), got, first)
        if difference is not None:  # an `assert` would show the difference twice
            raise AssertionError(str(difference))
    saturations = min(model.saturations, 0xFFFF_FFFF)
    assert int(dut.saturations.value) == saturations, "the count of saturations differs"
    assert int(dut.saturated.value) == int(saturations > 0), "the saturation flag differs"
    return clocks


@cocotb.test()
async def matches_bit_true_model(dut: Any) -> None:
    """The whole input at full speed."""
    case = Case.from_environment()
    await start(dut)
    clocks = await check(dut, case, case.bit_true(), case.drive_raw)
    dut._log.info("compared %d ticks of %d neurons in %d clocks", *case.drive_raw.shape, clocks)


@cocotb.test()
async def matches_bit_true_model_at_corner_values(dut: Any) -> None:
    """Inputs at both ends of their word, at zero, at the model's `input_levels`, and one step beside each."""
    case = Case.from_environment()
    params, rng = case.params, np.random.default_rng(1)
    lowest, highest = params.drive.min_raw, params.drive.max_raw
    around = np.array([lowest, highest, 0, *case.neuron.model.input_levels(params)])
    corners = np.unique(np.clip([around - 1, around, around + 1], lowest, highest).astype(np.int64))
    # Keep each level for 15 ticks, so that membranes can settle there.
    held = np.repeat(rng.choice(corners, (8, params.count)), 15, axis=0)
    await start(dut)
    await check(dut, case, case.bit_true(), held)


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
