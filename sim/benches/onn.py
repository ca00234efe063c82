"""cocotb bench of oscillator networks: compares ``Onn`` as Verilog with the bit-true model, segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cocotb
import numpy as np
from cocotb.clock import Clock
from numpy.typing import NDArray

from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.noise import first_states
from neuristor.hdl.onn import Onn
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import Shell, judge, loaded
from neuristor.sim.engines.simulators import CocotbResult

__all__ = ["OnnCase", "Stretch", "matches_bit_true_model", "matches_bit_true_model_after_reset_in_mid_run", "verify"]

TOP = "onn"


class Stretch(NamedTuple):
    """The ticks between two comparisons, and the annealing during them."""

    ticks: int
    """Number of ticks."""
    noise: int
    """Largest noise, in steps of a weight; 0 to ``2**noise_bits - 1``."""
    window: int
    """Window of the injection, in ticks of a half period; 1 to half a period, which is no injection."""


@dataclass(frozen=True, kw_only=True)
class OnnCase:
    """A network, its initial state, its annealing schedule, and how its circuit is built.

    Parameters
    ----------
    params : OnnParams
        Parameters of the network.
    phases : ndarray of int, shape (count,)
        Initial phases, in ticks; 0 to ``2**phase_bits - 1``.
    stretches : sequence of Stretch
        The segments of the run, one after the other.
    seed : int
        Seed of the noise.
    parts : int
        Clocks that a column of weights takes in the circuit; a power of two up to 32.
    """

    params: OnnParams
    phases: NDArray[np.int64]
    stretches: Sequence[Stretch]
    seed: int = 0
    parts: int = 1

    def verilog(self) -> str:
        """The circuit as Verilog, in a shell (see `Shell`).

        Returns
        -------
        str
            Verilog text with the top module `TOP`.
        """
        return export(Shell(Onn(self.params, self.parts)), TOP)

    def bit_true(self) -> OnnBitTrue:
        """The bit-true model in its initial state.

        Returns
        -------
        OnnBitTrue
            A new object.
        """
        return OnnBitTrue(self.params, self.phases, self.seed)


def verify(case: OnnCase, simulator: str, log_dir: Path | None = None, verilog: str | None = None) -> CocotbResult:
    """Compare circuit and bit-true model in every state bit, after each segment.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : OnnCase
        Network, initial state and schedule.
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
    return judge(case, simulator, TOP, "neuristor.sim.benches.onn", log_dir, verilog)


async def _start(dut: Any) -> None:
    for name in ("weight_valid", "look_valid", "phase_valid", "begin_port", "advance_valid", "seed", "rst"):
        getattr(dut, name).value = int(name == "rst")
    Clock(dut.clk, 10, "ns").start()
    for _ in range(2):
        await dut.clk.falling_edge
    dut.rst.value = 0


async def _idle(dut: Any) -> int:
    clocks = 0
    while int(dut.busy.value):
        await dut.clk.falling_edge
        clocks += 1
        assert clocks < 1_000_000, "the network stays busy"
    return clocks


async def _load(dut: Any, case: OnnCase) -> None:
    bits = (case.params.count - 1).bit_length()
    for oscillator, value in enumerate(case.phases.tolist()):
        dut.phase_payload.value = oscillator | value << bits
        dut.phase_valid.value = 1
        await dut.clk.falling_edge
    dut.phase_valid.value = 0
    if case.params.noise_bits:
        dut.seed.value = int(first_states(case.seed, 1)[0])
    dut.begin_port.value = 1
    await dut.clk.falling_edge
    dut.begin_port.value = 0
    await _idle(dut)


async def _advance(dut: Any, case: OnnCase, stretch: Stretch) -> int:
    noise_bits = case.params.noise_bits
    dut.advance_payload.value = stretch.ticks | stretch.noise << 33 | stretch.window << (33 + noise_bits)
    dut.advance_valid.value = 1
    await dut.clk.falling_edge
    dut.advance_valid.value = 0
    return 1 + await _idle(dut)


def _fields(word: int, count: int, bits: int, is_signed: bool = False) -> NDArray[np.int64]:
    values = [(word >> (n * bits)) & ((1 << bits) - 1) for n in range(count)]
    made = np.array(values, dtype=np.int64)
    return np.where(made >> (bits - 1) == 1, made - (1 << bits), made) if is_signed else made


def _compare(dut: Any, model: OnnBitTrue) -> None:
    params, n = model.params, model.params.count
    states = (
        ("phase", dut.phases, params.phase_bits, False, model.phase[0]),
        ("output", dut.outputs, 1, False, model.output[0]),
        ("reference", dut.references, 1, False, model.reference[0]),
        ("sum", dut.totals, params.total_bits, True, model.total[0]),
    )
    for name, port, bits, is_signed, expected in states:
        got = _fields(int(port.value), n, bits, is_signed)
        for oscillator in np.flatnonzero(got != expected)[:1].tolist():
            raise AssertionError(
                f"tick {model.tick}, oscillator {oscillator}, {name}: the model has {expected[oscillator]}, the "
                f"circuit {got[oscillator]}"
            )
    counters = {"tick": model.tick, "toggles": model.toggles[0], "changed": model.changed[0]}
    for name, value in (counters | {"settled": model.settled[0]}).items():
        got_value = int(getattr(dut, name).value)
        assert got_value == int(value), f"tick {model.tick}, {name}: the model has {value}, the circuit {got_value}"


async def _check(dut: Any, case: OnnCase, stretches: Sequence[Stretch]) -> int:
    """Run model and circuit, and compare them; return the clocks of the circuit after it has begun."""
    model, clocks = case.bit_true(), 0
    await _load(dut, case)
    _compare(dut, model)
    for stretch in stretches:
        for _ in range(stretch.ticks):
            model.step(stretch.noise, stretch.window)
        clocks += await _advance(dut, case, stretch)
        _compare(dut, model)
    return clocks


def _case() -> OnnCase:
    made: OnnCase = loaded()
    return made


@cocotb.test()
async def matches_bit_true_model(dut: Any) -> None:
    """All segments of the case."""
    case = _case()
    await _start(dut)
    clocks = await _check(dut, case, case.stretches)
    ticks = sum(stretch.ticks for stretch in case.stretches)
    dut._log.info("compared %d ticks of %d oscillators in %d clocks", ticks, case.params.count, clocks)


@cocotb.test()
async def matches_bit_true_model_after_reset_in_mid_run(dut: Any) -> None:
    """After a reset at different clocks of a tick, the circuit behaves as after configuration."""
    case = _case()
    await _start(dut)
    for clocks in (1, 3, 8, 21):
        await _load(dut, case)
        dut.advance_payload.value = 1000 | case.params.half << (33 + case.params.noise_bits)
        dut.advance_valid.value = 1
        for _ in range(clocks):
            await dut.clk.falling_edge
        dut.advance_valid.value = 0
        dut.rst.value = 1
        await dut.clk.falling_edge
        dut.rst.value = 0
        await _check(dut, case, case.stretches[:3])
