"""The stations of the path, each on its own: simulate, verify, synthesise."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.back import rtlil  # type: ignore[attr-defined]
from numpy.typing import NDArray

from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.selftest import BoardTop, SelfTest
from neuristor.design_file import Design, DesignError
from neuristor.golden_model.neurons.model import Bound
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import Verdict, available, verify
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import Claim
from neuristor.sim.proofs.claims import summary as proved
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.sim.proofs.lane import prove_lane

__all__ = [
    "BoardResult",
    "Simulation",
    "claims_of",
    "judge",
    "proved",
    "put_on_board",
    "simulate",
    "verilog_trace",
]

CLOCKS = {"amaranth": 15_000, "icarus": 200_000}
"""As far as a slow simulator goes beside, or in place of, a compiled one; 10 to 60 seconds."""
LEAST_TICKS = 500
MOST_TRACED = 100_000_000
"""Ticks times neurons of which every state is kept: some gigabytes."""
ROM_BITS = {"ice40": 16_384, "gowin": 65_536, "ecp5": 262_144, "gatemate": 262_144}
"""Block RAM that the stimulus of a self-test may take, by family."""


@dataclass(frozen=True)
class Simulation:
    """A design's input through the float models and the bit-true model."""

    drive: NDArray[np.float64]
    """Shape (ticks, count), in volt."""
    continuous: Mapping[str, NDArray[Any]]
    """Float, spikes where they happen."""
    times: list[NDArray[np.float64]]
    """Spike times of each neuron in continuous time, in second."""
    on_ticks: Mapping[str, NDArray[Any]]
    """Float, spikes on ticks."""
    bit_true: Mapping[str, NDArray[np.int64]]
    saturations: int
    membrane_error: NDArray[np.float64]
    """Bit-true less float membrane under the same spikes, shape (ticks, count), in volt."""
    bound: Bound

    def per_frame(self, ticks: int) -> NDArray[np.int64]:
        """Bit-true spikes of each neuron in each frame, shape (frames, count)."""
        spike = self.bit_true["spike"]
        return np.asarray(spike.reshape(-1, ticks, spike.shape[1]).sum(axis=1))


def simulate(design: Design) -> Simulation:
    """Run the whole input through the float models and the bit-true model.

    Raises
    ------
    DesignError
        If that is more than memory should hold.
    """
    golden, params = design.golden, design.params
    ticks = len(design.frames_raw) * design.stimulus.ticks
    if ticks * params.count > MOST_TRACED:
        raise DesignError(
            f"{design.path}: [stimulus] frames x ticks x [neuron] count must be at most {MOST_TRACED} where every tick "
            f"is kept, not {ticks} x {params.count}; `neuristor sweep` keeps only what it counts"
        )
    raw = design.drive_raw
    drive = params.drive.value(raw)
    continuous, times = golden.reference(params).run(drive)
    on_ticks, _ = golden.reference(params, locate=False).run(drive)
    model = golden.bit_true(params)
    trace = model.run(raw)
    membrane = golden.shadow(params, drive, trace)
    return Simulation(
        drive=drive,
        continuous=continuous,
        times=times,
        on_ticks=on_ticks,
        bit_true=trace,
        saturations=model.saturations,
        membrane_error=params.membrane.value(trace["membrane"]) - membrane,
        bound=golden.bound(params, golden.swing(params, drive, membrane)),
    )


def verilog_trace(case: Case, ticks: int) -> tuple[str, dict[str, NDArray[np.int64]]]:
    """What the circuit itself gives for the first ticks, and which simulator said so."""
    drive = case.drive_raw[:ticks]
    rows = pack_drive(case.params, case.lanes, drive)
    if available("compiled"):
        out, _ = CompiledModel(case.verilog, case.toplevel).exchange(rows)
        return "compiled Verilog", unpack_output(case.params, case.lanes, out)
    array = case.array()
    out, _ = InterpretedModel(array).exchange(rows, len(drive) * array.rows)
    return "circuit in Amaranth's simulator", unpack_output(case.params, case.lanes, out)


def judge(case: Case, engine: str, log_dir: Path | None = None) -> Verdict:
    """Verify on one engine; a slow one gets only the first ticks."""
    if engine in CLOCKS:
        ticks = max(CLOCKS[engine] // case.timing["cycles_per_tick"], LEAST_TICKS)
        case = replace(case, drive_raw=case.drive_raw[:ticks])
    return verify(case, engine, log_dir)


def claims_of(
    design: Design, loadable: bool = False, progress: Callable[[int, int], None] | None = None
) -> Iterator[Claim]:
    """All that is to be proved of a design, one claim after another.

    Parameters
    ----------
    design : Design
    loadable : bool
        The circuit whose parameters are loaded at run time.
    progress : callable, optional
        Called with how many operations of a lane are done, and of how many.
    """
    array = design.case.array(loadable)
    rtlil.convert(array)  # its parts are proved, one by one; Amaranth need not warn that the whole is no circuit
    initial = None if loadable else initial_state(design.golden, design.params)
    yield from prove_array(array, initial)
    yield from prove_lane(design.golden, design.params, array, progress=progress)


@dataclass(frozen=True)
class BoardResult:
    """What became of a design on a board."""

    board: str
    title: str
    resources: Mapping[str, tuple[int, int]]
    clock_hz: float | None
    fmax_hz: float | None
    timing_met: bool | None
    bitstream: str | None
    """File name in the output folder."""
    cycles_per_tick: int
    ticks_per_second: float | None
    updates_per_second: float | None
    real_time_factor: float | None
    """Emulated time over wall time at the board's clock."""
    largest: int | None
    """Neurons that would still run in real time, if more lanes of this size fill three quarters of the board."""
    problem: str
    """Why it cannot run; empty if it can."""
    advice: str
    frames: int
    """Frames the self-test plays."""
    versions: Mapping[str, str]


def put_on_board(design: Design, name: str, out_dir: Path, work_dir: Path) -> BoardResult:
    """Synthesise, place, route and pack a self-test of the design.

    Parameters
    ----------
    design : Design
    name : str
        Of the board.
    out_dir : Path
        Where the bitstream goes.
    work_dir : Path
        Where the tools work.

    Raises
    ------
    ToolError, MissingTool
        If a tool fails, or is not installed.
    """
    board, case = BOARDS[name], design.case
    array = case.array()
    cycles = array.cycles_per_tick
    frames, clock = 0, design.sections.fpga.clock_hz.get(name)
    top: Any = array
    if not board.counted_only:
        row_bits = array.rows * array.lanes * design.params.drive.width
        frames = max(1, min(len(design.frames_raw), ROM_BITS[board.family] // row_bits))
        top = BoardTop(SelfTest(array, case.bit_true(), design.frames_raw[:frames], design.stimulus.ticks))
    common = {"board": name, "title": board.title, "cycles_per_tick": cycles, "frames": frames}
    try:
        made = implement(board, top, work_dir, clock_hz=clock)
    except DoesNotFit as error:
        return BoardResult(
            **common,
            resources=error.over,
            clock_hz=clock or board.clock_hz,
            fmax_hz=None,
            timing_met=None,
            bitstream=None,
            ticks_per_second=None,
            updates_per_second=None,
            real_time_factor=None,
            largest=None,
            problem=str(error),
            advice=_smaller(design),
            versions={},
        )
    bitstream = None
    if made.bitstream is not None:
        bitstream = f"{design.name}-{name}{made.bitstream.suffix}"
        shutil.copyfile(made.bitstream, out_dir / bitstream)
    problem = advice = ""
    if made.timing_met is False and made.fmax_hz and made.clock_hz and made.slack_s is not None:
        problem = (
            f"{name} misses its clock of {made.clock_hz / 1e6:.6g} MHz by {-made.slack_s * 1e9:.2f} ns "
            f"(it reaches {made.fmax_hz / 1e6:.4g} MHz)"
        )
        advice = f"set [fpga.clock_hz] {name} to {made.fmax_hz / 1e6:.3g} MHz or less, or use shorter words"
    ticks = None if made.clock_hz is None else made.clock_hz / cycles
    return BoardResult(
        **common,
        resources=made.resources,
        clock_hz=made.clock_hz,
        fmax_hz=made.fmax_hz,
        timing_met=made.timing_met,
        bitstream=bitstream,
        ticks_per_second=ticks,
        updates_per_second=None if ticks is None else ticks * design.params.count,
        real_time_factor=None if ticks is None else ticks * design.params.dt,
        largest=None if made.clock_hz is None else _largest(design, array, made.clock_hz, made.resources),
        problem=problem,
        advice=advice,
        versions=made.versions,
    )


def _largest(design: Design, array: Any, clock_hz: float, resources: Mapping[str, tuple[int, int]]) -> int:
    """Neurons that still run in real time; an estimate from the resources of this design."""
    clocks = math.floor(design.params.dt * clock_hz * (1 + 1e-9))
    needed = array.cycles_per_tick - array.rows if array.coupled else 0
    if clocks < max(-(-(array.latency + 1) // array.interval) * array.interval, needed + 1):
        return 0
    lanes = min(0.75 * room / (used / array.lanes) for used, room in resources.values() if used and room)
    return int(min(65_536, (clocks - needed) // array.interval * math.floor(lanes)))


def _smaller(design: Design) -> str:
    lanes = design.sections.fpga.lanes
    ways = [f"fewer lanes (now {lanes})"] if lanes > 1 else []
    ways += [f"shorter words (now {design.params.membrane.width} bits)"]
    ways += [f"fewer neurons (now {design.params.count})"]
    return "what would help: " + ", ".join([*ways, *design.golden.smaller(design.params)])
