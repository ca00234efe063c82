"""Drive the streams of a neuron array from a cocotb test."""

import os
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from cocotb.clock import Clock

from neuristor.sim.engines.stalls import IDLE_LIMIT, StreamError, stall_patterns

_DEPOSIT = 0  # cocotb's code for an ordinary write


class Exchange(NamedTuple):
    """The result of an exchange."""

    rows: list[int]
    """Output rows, as unsigned integers."""
    cycles: int
    """Clocks from the first offer to the last transfer."""


async def start(dut: Any, *, reset_cycles: int = 2) -> None:
    """Start the clock and reset the design. Ends with the clock low, as all functions here do.

    Parameters
    ----------
    dut : cocotb handle
        The top module.
    reset_cycles : int
        Clocks of the reset, at least 1.
    """
    Clock(dut.clk, 10, "ns").start()  # in C++ wherever cocotb trusts the simulator's writes
    await reset(dut, cycles=reset_cycles)


async def reset(dut: Any, *, cycles: int = 2) -> None:
    """Reset the design, without transfers on its streams.

    Parameters
    ----------
    dut : cocotb handle
        The top module, with its clock running.
    cycles : int
        Clocks of the reset, at least 1.
    """
    dut.i_valid.value = 0
    dut.i_payload.value = 0
    dut.o_ready.value = 0
    dut.rst.value = 1
    for _ in range(cycles):
        await dut.clk.rising_edge
    dut.rst.value = 0
    await dut.clk.falling_edge


async def exchange(
    dut: Any,
    rows: Sequence[int],
    out_rows: int | None = None,
    *,
    stall_seed: int | None = None,
    valid_pattern: Sequence[int] | None = None,
    ready_pattern: Sequence[int] | None = None,
    idle_limit: int = IDLE_LIMIT,
) -> Exchange:
    """Send all input rows and collect the output rows, clock by clock.

    Parameters
    ----------
    dut : cocotb handle
        The top module, with its clock running.
    rows : sequence of int
        Input rows, as unsigned integers.
    out_rows : int, optional
        Output rows to wait for; by default as many as `rows`.
    stall_seed : int, optional
        Seed of random stalls of both streams (see `stall_patterns`); no stalls by default.
    valid_pattern, ready_pattern : sequence of int, optional
        Stall patterns, repeated cyclically: 1 for a clock that may offer or accept a row. They replace those of
        `stall_seed`.
    idle_limit : int
        Clocks without a transfer after which the design counts as stuck.

    Returns
    -------
    Exchange
        The output rows and the clocks used.

    Raises
    ------
    OverflowError
        If an input row does not fit the port.
    StreamError
        If the design is stuck, sends X, or withdraws or changes a waiting row.
    """
    width = len(dut.i_payload)
    if rows and not 0 <= min(rows) <= max(rows) < 1 << width:
        raise OverflowError(f"rows must fit in {width} bits")
    pending = [f"{row:0{width}b}" for row in rows]
    n_in, n_out = len(pending), len(pending) if out_rows is None else out_rows
    seeded = stall_patterns(stall_seed)
    may_offer, may_accept = cycle(valid_pattern or seeded[0]), cycle(ready_pattern or seeded[1])

    # Strings from cocotb's own handles: 1.7 times as fast as its public values.
    read_i_ready = dut.i_ready._handle.get_signal_val_binstr
    read_o_valid = dut.o_valid._handle.get_signal_val_binstr
    read_o_payload = dut.o_payload._handle.get_signal_val_binstr
    write_i_payload = _writer(dut.i_payload)
    i_valid, o_ready, edge = dut.i_valid, dut.o_ready, dut.clk.rising_edge

    out: list[str] = []
    sent = received = cycles = idle = 0
    offering = accepting = False  # the values of i.valid and o.ready
    waiting: str | None = None  # an output row not accepted yet

    def where(what: str) -> str:
        return f"{what} at clock {cycles}: {sent} of {n_in} input rows sent, {received} of {n_out} output rows received"

    i_valid.value = o_ready.value = 0
    driven = offering
    while sent < n_in or received < n_out:
        # Inputs of this clock: an offered row stays until it is accepted.
        may, accept = next(may_offer), bool(next(may_accept)) and received < n_out
        if may and not offering and sent < n_in:
            write_i_payload(pending[sent])
            offering = True
        if offering is not driven:
            i_valid.value = driven = offering
        if accept is not accepting:
            o_ready.value = accepting = accept
        await edge  # cocotb sees the values just before it
        cycles += 1
        idle += 1

        valid = read_o_valid()
        if valid == "1":
            payload = read_o_payload()
            if waiting is not None and payload != waiting:
                raise StreamError(where("a waiting output row was changed"))
            if accepting:
                out.append(payload)
                received += 1
                waiting = None
                idle = 0
            else:
                waiting = payload
        elif valid != "0":
            raise StreamError(where(f"o.valid is {valid}"))
        elif waiting is not None:
            raise StreamError(where("a waiting output row was withdrawn"))

        if offering:
            ready = read_i_ready()
            if ready == "1":
                offering = False
                sent += 1
                idle = 0
            elif ready != "0":
                raise StreamError(where(f"i.ready is {ready}"))
        if idle >= idle_limit:
            raise StreamError(where("nothing moves"))
    i_valid.value = o_ready.value = 0
    await dut.clk.falling_edge  # registers and outputs have settled
    return Exchange([_to_int(bits, row) for row, bits in enumerate(out)], cycles)


def _writer(signal: Any) -> Callable[[str], None]:
    """Return the fastest safe way to write strings of bits to `signal`."""
    if os.environ.get("COCOTB_TRUST_INERTIAL_WRITES") != "1":  # set by the runner on Verilator
        write: Callable[..., None] = signal.set  # cocotb delays the write to a safe moment
        return write
    write = signal._handle.set_signal_val_binstr
    return lambda bits: write(_DEPOSIT, bits)


def _to_int(bits: str, row: int) -> int:
    try:
        return int(bits, 2)
    except ValueError:
        raise StreamError(f"output row {row} has unknown bits: {bits}") from None
