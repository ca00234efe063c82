"""The steps from a design to a board, each on its own: simulate, verify, prove, synthesise, place and route."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.back import rtlil  # type: ignore[attr-defined]
from numpy.typing import NDArray

from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, Implementation, implement
from neuristor.boards.scope import Probe, check_scope, variable
from neuristor.boards.selftest import BoardTop, SelfTest
from neuristor.design_file import Design, DesignError
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.reduction import Reduction, device_rate
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.neurons.model import Bound
from neuristor.golden_model.variability import STUCK_ON
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import Verdict, available, missing, verify
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import Claim
from neuristor.sim.proofs.claims import summary as proved
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.sim.proofs.lane import prove_lane
from neuristor.tables import si
from neuristor.toml_file import where

__all__ = [
    "BoardResult",
    "Simulation",
    "claims_of",
    "engine_for",
    "judge",
    "proved",
    "put_on_board",
    "reduction",
    "simulate",
    "verilog_trace",
]

CLOCKS = {"amaranth": 15_000, "icarus": 200_000}
"""Clocks that a slow simulator runs: 10 to 60 seconds."""
LEAST_TICKS = 500
"""Ticks that a slow simulator runs at least."""
CONDUCTS = ("metallic", "channel_1", "channel_2")
"""Fields of the state that are 1 while a device conducts."""
MOST_TRACED = 100_000_000
"""Largest product of ticks and neurons of which every state is kept: some gigabytes."""
ROM_BITS = {"ice40": 16_384, "gowin": 65_536, "ecp5": 262_144, "gatemate": 262_144}
"""Bits of block RAM for the input of a self-test, by FPGA family."""


@dataclass(frozen=True)
class Simulation:
    """Traces of the float models and of the bit-true model, for the same input."""

    drive: NDArray[np.float64]
    """Input of each tick, shape (ticks, count), in volt."""
    continuous: Mapping[str, NDArray[Any]]
    """Traces of the float model in continuous time: spikes at their exact times."""
    times: list[NDArray[np.float64]]
    """Spike times of each neuron in continuous time, in second."""
    on_ticks: Mapping[str, NDArray[Any]]
    """Traces of the float model with spikes at the end of ticks."""
    rounded: Mapping[str, NDArray[Any]]
    """Traces of that model with the rounded coefficients of the circuit."""
    bit_true: Mapping[str, NDArray[np.int64]]
    """Traces of the bit-true model: ``spike`` and each field of the state, shape (ticks, count)."""
    saturations: int
    """Updates that were clamped to the range of the membrane word."""
    membrane_error: NDArray[np.float64]
    """Bit-true minus float membrane potential, with the same spikes, shape (ticks, count), in volt."""
    bound: Bound
    """Derived upper limit of the membrane error, in volt."""
    reduction: Reduction | str | None
    """Firing rates of the device and of the neuron that stands for it; a reason if they are not compared; None for a
    model without a device."""
    latched: NDArray[np.bool_]
    """Neurons of which a device is stuck on, or conducts all through the second half of the run, shape (count,)."""
    clamped: NDArray[np.bool_]
    """Neurons of which an update was clamped, shape (count,)."""
    excitable: bool
    """Whether the neurons are silent without input."""
    observed: str = "membrane"
    """Name of the state that `membrane_error` and `bound` are of."""
    unit: str = "V"
    """Its unit."""
    duration: float = 0.0
    """Length of the run, in second."""
    left: str = ""
    """Which state of equations is clamped first, to which value, where and when; empty if none is."""

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Neurons that never fire in this run, shape (count,)."""
        return np.asarray(~self.bit_true["spike"].any(axis=0))

    def per_frame(self, ticks: int) -> NDArray[np.int64]:
        """Count the bit-true spikes of each neuron in each frame.

        Parameters
        ----------
        ticks : int
            Ticks for which each frame is held.

        Returns
        -------
        ndarray of int64, shape (frames, count)
            Spikes.
        """
        spike = self.bit_true["spike"]
        return np.asarray(spike.reshape(-1, ticks, spike.shape[1]).sum(axis=1))


def simulate(design: Design) -> Simulation:
    """Run the whole input through the float models and the bit-true model.

    Parameters
    ----------
    design : Design
        The array and its input.

    Returns
    -------
    Simulation
        The traces.

    Raises
    ------
    DesignError
        If the traces are larger than what memory should hold.
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
    rounded, _ = golden.reference(params, locate=False, rounded=True).run(drive)
    model = golden.bit_true(params)
    trace = model.run(raw)
    membrane = golden.shadow(params, drive, trace)
    return Simulation(
        drive=drive,
        continuous=continuous,
        times=times,
        on_ticks=on_ticks,
        rounded=rounded,
        bit_true=trace,
        saturations=model.saturations,
        membrane_error=params.membrane.value(trace[params.observed]) - membrane,
        bound=golden.bound(params, golden.swing(params, drive, membrane)),
        reduction=reduction(design),
        latched=_latched(params, trace),
        clamped=model.clamped,
        excitable=golden.excitable,
        observed=params.observed,
        unit=params.observed_unit,
        duration=ticks * params.dt,
        left=_left(params, trace) if model.saturations and isinstance(params, EquationParams) else "",
    )


def _left(params: EquationParams, trace: Mapping[str, NDArray[np.int64]]) -> str:
    """The first state of equations at an end of its range: name, value, neuron and time."""
    found = []
    for name, word in params.quantised.state.items():
        if name not in params.system.states or name not in trace:
            continue
        for end in (word.low, word.high):
            ticks, neurons = np.nonzero(trace[name] == end)
            if len(ticks):
                found.append((int(ticks[0]), int(neurons[0]), name, float(params.real(name, end))))
    if not found:
        return ""
    tick, neuron, name, value = min(found)
    return (
        f"{name} = {si(value, params.system.states[name].unit)} in neuron {neuron}, {si((tick + 1) * params.dt, 's')}"
    )


def _latched(params: Any, trace: Mapping[str, NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Neurons of which a device is stuck on, or conducts all through the second half of a run."""
    found = np.asarray(getattr(params, "fault_raw", np.zeros(params.count)) == STUCK_ON)
    half = len(trace["spike"]) // 2
    for name in CONDUCTS:
        if name in trace and half:
            found = found | trace[name][half:].all(axis=0)
    return found


def reduction(design: Design, current: NDArray[np.float64] | None = None) -> Reduction | str | None:
    """Compare the firing rates of the device and of the neuron that stands for it, alone and without spread.

    Parameters
    ----------
    design : Design
        The array.
    current : ndarray of float, shape (n,), optional
        Constant inputs, in ampere. By default the lowest, the middle and the highest of the design's input under which
        the neuron fires; the highest of all if it fires under none.

    Returns
    -------
    Reduction, str or None
        The rates; a reason if they are not compared; None for a model without a device.
    """
    golden, device = design.golden, design.device
    if device is None or design.circuit is None:
        return None  # nothing stands for a device
    if not isinstance(design.circuit, Circuit):
        return f"the model {golden.name} has more than the device and its capacitor"
    if isinstance(device, ThresholdSwitch) and device.t_imt == device.t_mit == 0:
        return "the device is given as a two-state switch without transition times, which is what the neuron is"
    if current is None:
        found = np.unique(design.stimulus.current)
        low, high = golden.window(design.params)
        found = found[(found > low) & (found < high)] if ((found > low) & (found < high)).any() else found[-1:]
        current = found[np.unique([0, len(found) // 2, len(found) - 1])]
    section = design.sections.circuit
    given = {} if section is None else {k: v for k, v in section.model_dump().items() if v is not None}
    neuron = golden.rate(golden.alone(design.params, len(current)), current)
    unit = "" if isinstance(device, PulsedDevice) else "A"
    return Reduction(current, device_rate(device, design.circuit, given, current.tolist()), neuron, unit)


def verilog_trace(case: Case, ticks: int) -> tuple[str, dict[str, NDArray[np.int64]]]:
    """Simulate the first ticks of the circuit: with the compiled model, or with Amaranth's simulator.

    Parameters
    ----------
    case : Case
        The circuit and its input.
    ticks : int
        Ticks to simulate.

    Returns
    -------
    simulator : str
        Its name.
    trace : dict of ndarray
        Spikes and state of each tick, shape (ticks, count).
    """
    drive = case.drive_raw[:ticks]
    rows = pack_drive(case.params, case.lanes, drive)
    if available("compiled"):
        out, _ = CompiledModel(case.verilog, case.toplevel).exchange(rows)
        return "compiled Verilog", unpack_output(case.params, case.lanes, out)
    array = case.array()
    out, _ = InterpretedModel(array).exchange(rows, len(drive) * array.rows)
    return "circuit in Amaranth's simulator", unpack_output(case.params, case.lanes, out)


def engine_for(simulator: str | None, known: Sequence[str]) -> str:
    """Choose the simulator.

    Parameters
    ----------
    simulator : str, optional
        Name of the simulator; when absent, the first of `known` that is installed.
    known : sequence of str
        Possible simulators, the best first.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    DesignError
        If it is not one of `known`.
    ToolError
        If it is not installed.
    """
    if simulator is None:
        found = next((each for each in known if available(each)), None)
        if found is None:
            raise ToolError(missing(known[0]) or f"{known[0]} is not installed")
        return found
    if simulator not in known:
        raise DesignError(f"--simulator must be {' or '.join(known)}, not {simulator!r}")
    lack = missing(simulator)
    if lack is not None:
        raise ToolError(lack)
    return simulator


def judge(case: Case, engine: str, log_dir: Path | None = None) -> Verdict:
    """Compare the circuit with the bit-true model in one simulator; a slow one runs only the first ticks.

    Parameters
    ----------
    case : Case
        The circuit and its input.
    engine : str
        The simulator: ``verilator``, ``compiled``, ``icarus`` or ``amaranth``.
    log_dir : Path, optional
        Folder for the logs of the simulator.

    Returns
    -------
    Verdict
        Equal or not, and the first difference.
    """
    if engine in CLOCKS:
        ticks = max(CLOCKS[engine] // case.timing["cycles_per_tick"], LEAST_TICKS)
        case = replace(case, drive_raw=case.drive_raw[:ticks])
    return verify(case, engine, log_dir)


def claims_of(
    design: Design, loadable: bool = False, progress: Callable[[int, int], None] | None = None
) -> Iterator[Claim]:
    """Prove a design, claim by claim.

    Parameters
    ----------
    design : Design
        The array.
    loadable : bool
        Prove the circuit whose parameters are loaded at run time.
    progress : callable, optional
        Called with the number of operations of a lane that are proved, and their total.

    Yields
    ------
    Claim
        A claim with its result.
    """
    array = design.case.array(loadable)
    rtlil.convert(array)  # only its parts are proved: without this, Amaranth warns that the array is never used
    initial = None if loadable else initial_state(design.golden, design.params)
    yield from prove_array(array, initial)
    yield from prove_lane(design.golden, design.params, array, progress=progress)


@dataclass(frozen=True)
class BoardResult:
    """Result of place and route of a design for a board."""

    board: str
    """Name of the board."""
    title: str
    """Full name of the board."""
    resources: Mapping[str, tuple[int, int]]
    """Used and available resources, by kind: LUT, FF, block RAM, DSP."""
    clock_hz: float | None
    """Clock, in hertz; None if the resources are only counted."""
    fmax_hz: float | None
    """Highest clock frequency after place and route, in hertz."""
    timing_met: bool | None
    """Whether the highest clock frequency is at least the clock."""
    bitstream: str | None
    """File name in the output folder."""
    cycles_per_tick: int
    """Clocks per tick."""
    ticks_per_second: float | None
    """Ticks per second at the clock."""
    updates_per_second: float | None
    """Neuron updates per second at the clock."""
    real_time_factor: float | None
    """Emulated time divided by wall time at the clock."""
    largest: int | None
    """Estimate of the neurons that run in real time if such lanes fill three quarters of the board."""
    problem: str
    """Why it cannot run; empty if it can."""
    advice: str
    """What would help; empty if it can run."""
    frames: int
    """Frames of the input that the self-test repeats."""
    versions: Mapping[str, str]
    """Versions of the tools."""
    scope: tuple[str, ...] = ()
    """Variables at pins for an oscilloscope: pin, variable, and what the ends of the voltage are."""


def _on_pin(design: Design, pin: str, probe: Probe) -> str:
    """What is seen at a pin."""
    ends = []
    for raw in (probe.low, probe.top):
        found = design.physical(probe.name, raw)
        ends.append(str(raw) if found is None else f"{float(found[0]):.6g} {found[1]}".strip())
    return f"{pin}: {probe.name}[{probe.neuron}], 0 V is {ends[0]}, the voltage of the pins is {ends[1]}"


def put_on_board(design: Design, name: str, out_dir: Path, work_dir: Path) -> BoardResult:
    """Synthesise, place and route a self-test of the design, and write its bitstream.

    A tool that fails or is not installed raises `neuristor.boards.flow.ToolError` or
    `neuristor.boards.base.MissingTool`.

    Parameters
    ----------
    design : Design
        The design.
    name : str
        Name of the board.
    out_dir : Path
        Folder for the bitstream.
    work_dir : Path
        Folder for the files of the tools.

    Returns
    -------
    BoardResult
        Resources, timing and speed.
    """
    board, case = BOARDS[name], design.case
    array = case.array()
    frames, clock = 0, design.sections.fpga.clock_hz.get(name)
    top: Any = array
    probes: list[Probe] = []
    if not board.counted_only:
        row_bits = array.rows * array.lanes * design.params.drive.width
        frames = max(1, min(len(design.frames_raw), ROM_BITS[board.family] // row_bits))
        with where(design.path, "fpga"):
            check_scope(board, design.sections.fpga.scope)
        shown = [variable(each) for each in design.sections.fpga.scope]
        test = SelfTest(array, case.bit_true(), design.frames_raw[:frames], design.stimulus.ticks, shown)
        top, probes = BoardTop(test), test.probes
    result = partial(
        BoardResult,
        board=name,
        title=board.title,
        cycles_per_tick=array.cycles_per_tick,
        frames=frames,
        scope=tuple(_on_pin(design, pin, probe) for pin, probe in zip(board.scope, probes, strict=False)),
    )
    try:
        made = implement(board, top, work_dir, clock_hz=clock)
    except DoesNotFit as error:
        return result(
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
    problem, advice = _timing(name, made)
    ticks = None if made.clock_hz is None else made.clock_hz / array.cycles_per_tick
    return result(
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


def _timing(name: str, made: Implementation) -> tuple[str, str]:
    """Describe a missed clock, and what would help; both empty if it is met."""
    if made.timing_met is not False or not made.fmax_hz or not made.clock_hz or made.slack_s is None:
        return "", ""
    problem = (
        f"{name} misses its clock of {si(made.clock_hz, 'Hz', 6)} by {si(-made.slack_s, 's')} "
        f"(it reaches {si(made.fmax_hz, 'Hz')})"
    )
    return problem, f"set [fpga.clock_hz] {name} to {si(made.fmax_hz, 'Hz', 3)} or less, or use shorter words"


def _largest(design: Design, array: Any, clock_hz: float, resources: Mapping[str, tuple[int, int]]) -> int:
    """Estimate the number of neurons that run in real time, from the resources of this design."""
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
