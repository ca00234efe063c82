"""cocotb bench of arrays with STDP: compares ``Stdp`` as Verilog with the bit-true model after each tick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from numpy.typing import NDArray

from neuristor.golden_model.networks.stdp import TRACE_MOST, StdpBitTrue, StdpParams
from neuristor.hdl.stdp import Stdp
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import Shell, judge, loaded
from neuristor.sim.engines.simulators import CocotbResult

__all__ = ["StdpCase", "learns_again_after_reset_in_mid_run", "learns_as_the_bit_true_model", "verify"]

TOP = "stdp"


@dataclass(frozen=True, kw_only=True)
class StdpCase:
    """An array, and its input.

    Parameters
    ----------
    params : StdpParams
        Parameters of the array.
    spikes : ndarray of int, shape (ticks, inputs)
        Input spikes, 0 or 1.
    """

    params: StdpParams
    spikes: NDArray[np.uint8]

    def verilog(self) -> str:
        """The circuit as Verilog, in a shell (see `Shell`).

        Returns
        -------
        str
            Verilog text with the top module `TOP`.
        """
        return export(Shell(Stdp(self.params)), TOP)


def verify(case: StdpCase, simulator: str, log_dir: Path | None = None, verilog: str | None = None) -> CocotbResult:
    """Compare circuit and bit-true model in every state bit at every tick.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : StdpCase
        Array and input.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    log_dir : Path, optional
        Folder for the simulator's log; by default it is not kept.
    verilog : str, optional
        Verilog to run in place of the case's own, such as a netlist or a mutant.

    Returns
    -------
    CocotbResult
        Number of tests, failures, and messages.
    """
    return judge(case, simulator, TOP, "neuristor.sim.benches.stdp", log_dir, verilog)


async def _reset(dut: Any) -> None:
    for name in ("i_valid", "i_payload", "o_ready", "weight_valid", "look"):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    for _ in range(2):
        await dut.clk.falling_edge
    dut.rst.value = 0
    await dut.clk.falling_edge


async def _load(dut: Any, params: StdpParams) -> None:
    address_bits = (params.inputs - 1).bit_length()
    for n, column in enumerate(params.first_weights.T.tolist()):
        row = sum(weight << (params.weight_bits * k) for k, weight in enumerate(column))
        dut.weight_payload.value = n | row << address_bits
        dut.weight_valid.value = 1
        await dut.clk.falling_edge
    dut.weight_valid.value = 0


async def _tick(dut: Any, spikes: NDArray[np.uint8]) -> int:
    """Run one tick; return the neuron that fired, -1 for none.

    Raises
    ------
    AssertionError
        If the circuit gives no output.
    """
    dut.i_payload.value = sum(int(one) << n for n, one in enumerate(spikes.tolist()))
    dut.i_valid.value = 1
    await dut.clk.falling_edge
    dut.i_valid.value = 0
    for _ in range(10_000):
        if int(dut.o_valid.value):
            break
        await dut.clk.falling_edge
    else:
        raise AssertionError("the circuit gives no output")
    word = int(dut.o_payload.value)
    dut.o_ready.value = 1
    await dut.clk.falling_edge
    dut.o_ready.value = 0
    return word >> 1 if word & 1 else -1


def _fields(word: int, count: int, bits: int) -> list[int]:
    return [word >> (n * bits) & ((1 << bits) - 1) for n in range(count)]


async def _compare(dut: Any, model: StdpBitTrue, tick: int, fired: int, expected: int) -> None:
    params, trace_bits = model.params, TRACE_MOST.bit_length()
    assert fired == expected, f"tick {tick}: the model fires {expected}, the circuit {fired}"
    for name, port, bits, wanted in (
        ("membrane", dut.membranes, params.membrane_bits, model.membrane),
        ("threshold", dut.limits, params.membrane_bits, model.limit),
        ("post-trace", dut.posts, trace_bits, model.post),
        ("pre-trace", dut.pres, trace_bits, model.pre),
    ):
        got = _fields(int(port.value), len(wanted), bits)
        assert got == wanted.tolist(), f"tick {tick}, {name}: the model has {wanted.tolist()}, the circuit {got}"
    for n in range(params.inputs):
        dut.look.value = n
        await dut.clk.falling_edge
        got = _fields(int(dut.seen.value), params.neurons, params.weight_bits)
        wanted_row = model.weights[:, n].tolist()
        assert got == wanted_row, f"tick {tick}, input {n}, weights: the model has {wanted_row}, the circuit {got}"


async def _learn(dut: Any, case: StdpCase, ticks: int) -> None:
    model = StdpBitTrue(case.params)
    await _load(dut, case.params)
    for tick, row in enumerate(case.spikes[:ticks]):
        expected = model.step(row)
        await _compare(dut, model, tick, await _tick(dut, row), expected)


@cocotb.test()
async def learns_as_the_bit_true_model(dut: Any) -> None:
    """All ticks of the case."""
    case: StdpCase = loaded()
    Clock(dut.clk, 10, "ns").start()
    await _reset(dut)
    await _learn(dut, case, len(case.spikes))


@cocotb.test()
async def learns_again_after_reset_in_mid_run(dut: Any) -> None:
    """After a reset at different clocks of a tick, and with the first weights loaded again, the run repeats."""
    case: StdpCase = loaded()
    Clock(dut.clk, 10, "ns").start()
    await _reset(dut)
    await _learn(dut, case, 5)
    for clocks in (1, 4, 9, 23):
        dut.i_payload.value = (1 << case.params.inputs) - 1
        dut.i_valid.value = 1
        for _ in range(clocks):
            await dut.clk.falling_edge
        await _reset(dut)
        await _learn(dut, case, 10)
