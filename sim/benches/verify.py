"""Run a case on a simulator and compare the circuit with the bit-true model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons.model import BitTrueModel
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.corners import corner_drive, corner_rows
from neuristor.sim.benches.scoreboard import Difference, compare
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.sim.engines.simulators import ToolError, find_tool, run_cocotb, simulator_available
from neuristor.sim.engines.stalls import StreamError, stall_patterns

__all__ = ["ENGINES", "Verdict", "available", "missing", "verify"]

ENGINES = {
    "verilator": "the exported Verilog in cocotb on Verilator: whole input, stalls, resets, corner values",
    "icarus": "the same on Icarus Verilog, which also sees unknown values",
    "compiled": "the exported Verilog compiled to C++ and fed from NumPy: millions of clocks",
    "amaranth": "the circuit in Amaranth's simulator: needs no compiler, and is slow",
}
"""The engines that can simulate a circuit, with a description for the user."""

_NEEDS = {"verilator": ("verilator", "c++", "make", "perl"), "icarus": ("iverilog",), "compiled": ("c++",)}
BENCH = "neuristor.sim.benches.neurons"
"""The cocotb module."""
LONG = 200_000
"""Ticks from which a longer build of the compiled model is worth it."""
CHUNK = 4096
"""Ticks compared at a time by the compiled model."""
CORNER_STEP = 3
"""In Amaranth's simulator, which is slow, each corner level is held for a third of the ticks."""


@dataclass(frozen=True)
class Verdict:
    """Result of a comparison by one engine."""

    engine: str
    """The engine, one of `ENGINES`."""
    equal: bool
    """Whether circuit and bit-true model are equal."""
    ticks: int
    """Ticks of the case."""
    tests: int
    """Tests that ran."""
    cycles: int | None
    """Clocks of the whole input at full speed; None if the engine does not report them."""
    reason: str
    """The first difference; empty if there is none."""


def available(engine: str) -> bool:
    """Whether everything the engine needs is installed.

    A ``ValueError`` is raised if there is no such engine.

    Parameters
    ----------
    engine : str
        One of `ENGINES`.
    """
    return missing(engine) is None


def missing(engine: str) -> str | None:
    """What the engine lacks on this machine.

    Parameters
    ----------
    engine : str
        One of `ENGINES`.

    Returns
    -------
    str or None
        One sentence for the user; None if nothing is missing.

    Raises
    ------
    ValueError
        If there is no such engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"simulator must be one of {', '.join(ENGINES)}, not {engine!r}")
    try:
        for tool in _NEEDS.get(engine, ()):
            find_tool(tool)
    except ToolError as error:
        return str(error)
    if engine in ("verilator", "icarus") and not simulator_available(engine):
        return f"{engine} is not complete"
    return None


def verify(case: Case, engine: str, log_dir: Path | None = None) -> Verdict:
    """Compare circuit and bit-true model in every state bit, after every tick.

    Parameters
    ----------
    case : Case
        The array and its input.
    engine : str
        One of `ENGINES`.
    log_dir : Path, optional
        Folder for the simulator's log; it is deleted by default.

    Returns
    -------
    Verdict
        Whether they are equal, and the first difference.

    Raises
    ------
    ToolError
        If the engine is not installed.
    ValueError
        If there is no such engine, if the case has no tick, or if it is a netlist and the engine cannot simulate one.
    """
    lack = missing(engine)
    if lack is not None:
        raise ToolError(lack)
    if len(case.drive_raw) == 0:
        raise ValueError("there is no tick to compare")
    if engine == "amaranth" and case.netlist is not None:
        raise ValueError("amaranth simulates the circuit and no netlist of it: choose another simulator")
    if engine == "compiled":
        return _compiled(case)
    if engine == "amaranth":
        return _interpreted(case)
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = log_dir or Path(scratch)
        verilog = Path(scratch) / f"{case.toplevel}.v"
        verilog.write_text(case.verilog)
        environment = case.save(Path(scratch) / "case.pickle")
        result = run_cocotb(engine, verilog, case.toplevel, BENCH, environment, folder / engine)
        return Verdict(
            engine=engine,
            equal=result.passed,
            ticks=len(case.drive_raw),
            tests=result.tests,
            cycles=_logged_cycles(result.log),
            reason="\n".join(result.messages),
        )


def _logged_cycles(log: Path) -> int | None:
    """The clocks of the whole input, as the bench wrote them into its log; None if it did not."""
    for line in log.read_text(errors="replace").splitlines() if log.is_file() else ():
        if "compared" in line and line.rstrip().endswith("clocks"):
            return int(line.split()[-2])
    return None


def _verdict(engine: str, case: Case, tests: int, cycles: int | None, difference: Difference | str | None) -> Verdict:
    return Verdict(engine, difference is None, len(case.drive_raw), tests, cycles, str(difference or ""))


def _compiled(case: Case) -> Verdict:
    circuit = CompiledModel(case.verilog, case.toplevel, fast=len(case.drive_raw) > LONG)
    cycles = None
    for tests, stall_seed in enumerate((None, 1, 2), start=1):
        model = case.bit_true()
        circuit.reset()
        wrong: Difference | str | None = _saturations(circuit, model)
        used = 0
        for first in range(0, 0 if wrong else len(case.drive_raw), CHUNK):
            part = case.drive_raw[first : first + CHUNK]
            clocks, wrong = _exchanged(circuit, case, model, part, stall_seed, first)
            used += clocks
            if wrong is not None:
                break
        if wrong is not None:
            return _verdict("compiled", case, tests, cycles, wrong)
        cycles = used if stall_seed is None else cycles
    return _verdict("compiled", case, 4, cycles, _at_corners(circuit, case))


def _exchanged(
    circuit: CompiledModel,
    case: Case,
    model: BitTrueModel,
    drive_raw: NDArray[np.int64],
    stall_seed: int | None,
    first: int,
    rows: NDArray[np.uint8] | None = None,
) -> tuple[int, Difference | str | None]:
    """Send some ticks to circuit and model; return the clocks used and the first difference."""
    expected = model.run(drive_raw)
    rows = pack_drive(case.params, case.lanes, drive_raw) if rows is None else rows
    try:
        out, clocks = circuit.exchange(rows, stall_seed=stall_seed)
        got = unpack_output(case.params, case.lanes, out)
    except (StreamError, ValueError) as error:  # the circuit is stuck, or its rows are out of order
        return 0, str(error)
    return clocks, compare(expected, got, first) or _saturations(circuit, model)


def _at_corners(circuit: CompiledModel, case: Case) -> Difference | str | None:
    """The first difference at corner inputs under stalls; counters are compared after each tick."""
    model, drive_raw = case.bit_true(), corner_drive(case)
    circuit.reset()
    for tick in range(len(drive_raw)):
        rows = corner_rows(case, drive_raw, tick)
        _, wrong = _exchanged(circuit, case, model, drive_raw[tick : tick + 1], tick, tick, rows)
        if wrong is not None:
            return wrong
    return None


def _interpreted(case: Case) -> Verdict:
    cycles, wrong = _interpreted_run(case, case.drive_raw, None)
    if wrong is not None:
        return _verdict("amaranth", case, 1, cycles, wrong)
    drive_raw = corner_drive(case)[::CORNER_STEP]
    rows = np.concatenate([corner_rows(case, drive_raw, tick) for tick in range(len(drive_raw))])
    return _verdict("amaranth", case, 2, cycles, _interpreted_run(case, drive_raw, 1, rows)[1])


def _interpreted_run(
    case: Case, drive_raw: NDArray[np.int64], stall_seed: int | None, rows: NDArray[np.uint8] | None = None
) -> tuple[int | None, Difference | str | None]:
    """Run the circuit in Amaranth's simulator from its reset; return the clocks used and the first difference."""
    model, circuit = case.bit_true(), InterpretedModel(case.array())
    offers, accepts = (np.frombuffer(each, np.uint8) for each in stall_patterns(stall_seed))
    expected: dict[str, NDArray[np.int64]] = model.run(drive_raw)
    rows = pack_drive(case.params, case.lanes, drive_raw) if rows is None else rows
    try:
        out, cycles = circuit.exchange(rows, len(rows), valid_pattern=offers, ready_pattern=accepts)
        got = unpack_output(case.params, case.lanes, out)
    except (TimeoutError, ValueError) as error:
        return None, str(error)
    return cycles, compare(expected, got) or _saturations(circuit, model)


def _saturations(circuit: CompiledModel | InterpretedModel, model: Any) -> str | None:
    """The difference in the flag or the count of saturations; None if there is none."""
    saturations = min(model.saturations, 0xFFFF_FFFF)
    if circuit.status("saturations") != saturations:
        return "the count of saturations differs"
    if circuit.status("saturated") != int(saturations > 0):
        return "the saturation flag differs"
    return None
