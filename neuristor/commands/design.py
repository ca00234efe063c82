"""Commands for a design file: ``neuristor build``, ``simulate``, ``accuracy``, ``verify`` and others."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuristor import api
from neuristor.accuracy import Result, parse_target, write_words
from neuristor.boards import BOARDS
from neuristor.build import Say, build, engines_here, manifest
from neuristor.commands.options import (
    PICTURE_FILE,
    DesignFile,
    Force,
    ModuleName,
    Plot,
    VerilogFile,
    check_plot,
    write_plot,
)
from neuristor.commands.terminal import checked_name, console, ends_with, named, one_of, refuse, styled, wrote
from neuristor.design_file import Design, key_table, load
from neuristor.folder import (
    check_folder,
    output_folder,
    with_manifest,
    write_file,
    write_files,
    write_manifest,
)
from neuristor.gallery import Shown, not_reproduced
from neuristor.gallery import gallery as run_gallery
from neuristor.golden_model.units import Figure
from neuristor.ladder import LIMIT, error_rows, percent, warnings
from neuristor.output import check_run_file, write_run
from neuristor.pictures.evidence import accuracy_picture, behaviours_picture
from neuristor.pictures.runs import run_pictures
from neuristor.pictures.screen import page
from neuristor.sim.benches.verify import ENGINES, Verdict, missing
from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.netlists.gates import FAMILIES
from neuristor.starting import read_number
from neuristor.steps import BoardResult, Simulation, judge, put_on_board
from neuristor.tables import si

__all__ = ["app"]

app = typer.Typer()

RESOURCES = ("LUT", "FF", "block RAM", "DSP")


@app.command("build")
def build_command(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    force: Force = False,
) -> None:
    """Run all steps: models, Verilog, verification, bitstreams, report.

    The result is one folder with Verilog, bitstreams, traces, spikes, a manifest and `report.html`; it appears when
    it is complete. Exit status 1 if a simulator finds a difference, or a board cannot run the circuit.

    Example: `neuristor build examples/vo2_lif_digits.toml --out build/digits`
    """
    check_folder(out, force=force)
    loaded = load(design)
    engines = engines_here()
    if "verilator" not in engines:
        console.print(f"{missing('verilator')}; verifying with {', '.join(engines)} instead")
    with _steps() as say:
        built = build(loaded, out, force=force, engines=engines, say=say)
    _print_frames(loaded, built.simulation)
    _print_errors(built.simulation)
    _print_verdicts(built.verdicts, loaded)
    _print_boards(built.boards)
    console.print()
    wrote(out / "report.html")
    _print_differences(built.verdicts)
    ends_with(built.good)


@contextmanager
def _steps() -> Iterator[Say]:
    """Show steps that run at the same time, each with its state and its time."""
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        tasks: dict[str, Any] = {}

        def say(step: str, state: str) -> None:
            if state == "started":
                tasks[step] = progress.add_task(step, total=1)
            else:
                progress.update(tasks[step], description=f"{step}: {state}", completed=1)

        yield say


@app.command()
def simulate(
    design: DesignFile,
    plot_to: Plot = None,
    picture: Annotated[
        str | None,
        typer.Option(
            "--picture",
            help="Which picture: waveforms, phase, spikes, errors, or another that it has. Default: all on a page, "
            "the waveforms in another file.",
        ),
    ] = None,
    save_to: Annotated[
        Path | None,
        typer.Option("--save", help="File to write: .npz or .parquet, all quantities with units; .csv, the spikes."),
    ] = None,
    force: Force = False,
) -> None:
    """Run the float models and the bit-true model: spikes of each frame, and the error by its cause.

    Example: `neuristor simulate examples/vo2_coupled_oscillators.toml --plot waveforms.html --save run.npz`
    """
    check_plot(plot_to, force=force)
    if picture is not None and plot_to is None:
        refuse("--picture needs --plot")
    if save_to is not None:
        with named("--save"):
            check_run_file(save_to, force=force)
    loaded = api.design(design)
    with console.status("float and bit-true models"):
        simulation = api.run(loaded).simulation
    console.print(loaded.table.rich())
    _print_frames(loaded, simulation)
    _print_errors(simulation)
    if plot_to is not None:
        drawn = {each.name: each for each in run_pictures(loaded, simulation)}
        if picture is None and plot_to.suffix.lower() == ".html":
            write_file(plot_to, page(list(drawn.values()), loaded.name), force=force)
            wrote(plot_to)
        else:
            write_plot(plot_to, drawn[one_of("--picture", picture or "waveforms", drawn)], force=force)
    if save_to is not None:
        write_run(save_to, loaded, simulation, force=force)
        wrote(save_to)


@app.command("accuracy")
def accuracy_command(
    design: DesignFile,
    target: Annotated[
        str | None,
        typer.Option("--target", help="Largest error of the firing rate, such as 1%: find the smallest words."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="With --target: write these words into the design file; comments are kept.")
    ] = False,
    points: Annotated[int, typer.Option("--points", min=2, max=100, help="Number of input currents.")] = 12,
    low: Annotated[
        str | None, typer.Option("--from", help="Lowest input, such as 10u. Default: that of the design.")
    ] = None,
    high: Annotated[str | None, typer.Option("--to", help="Highest input. Default: that of the design.")] = None,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Compare the neuron with its device and its fixed-point circuit over a sweep of input currents.

    The error is listed by its cause: the two-state neuron that stands for the device, the time step, the coefficients,
    the word length. The currents are those of the design's input, as far as the neuron fires under them.

    Example: `neuristor accuracy examples/vo2_oscillators.toml --target 1% --plot accuracy.svg`
    """
    with named(design):
        wanted = None if target is None else parse_target(target)
    if write and wanted is None:
        refuse(f"{design}: --write needs a --target")
    check_plot(plot_to, force=force)
    loaded = api.design(design)
    with console.status("sweep") as status:
        unit = loaded.params.input_unit
        ends = [
            None if end is None else read_number(name, unit, end) for name, end in (("--from", low), ("--to", high))
        ]
        compared = api.compare(loaded, target=wanted, points=points, low=ends[0], high=ends[1], progress=status.update)
    result = compared.result
    console.print(compared.table.rich())
    console.print(f"largest error of the circuit against the neuron: {100 * result.measured.worst:.3g} %")
    _print_device_error(result)
    if result.phase_error is not None:
        console.print(f"phases of the coupled oscillators: within {result.phase_error:.2g} degrees of the physics")
    if plot_to is not None:
        write_plot(plot_to, accuracy_picture(result, loaded), force=force)
    if result.words is not None:
        _print_words(result, target)
        if write:
            write_words(design, result.words.params)
            console.print(f"{design}: updated [number]", markup=False, soft_wrap=True)


def _print_device_error(result: Result) -> None:
    if isinstance(result.reduction, str):
        console.print(f"device: not compared, {result.reduction}", markup=False, soft_wrap=True)
    elif result.reduction is not None:
        style = "yellow" if not result.device_error <= LIMIT else ""
        text = f"largest error of the neuron against the device: {percent(result.reduction.worst)}"
        console.print(text, style=style, markup=False, soft_wrap=True)


def _print_words(result: Result, target: str | None) -> None:
    if result.words is None:
        return
    found: Any = result.words.params
    console.print(
        f"smallest words within {target}: membrane = [{found.membrane.int_bits}, {found.membrane.frac_bits}], "
        f"drive = [{found.drive.int_bits}, {found.drive.frac_bits}], coefficient_bits = {found.coefficient_bits} "
        f"(error {100 * result.words.error:.3g} %, {result.words.tried} tried)",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def gallery(
    design: DesignFile,
    plot_to: Annotated[
        Path | None,
        typer.Option("--plot", "--out", help=f"Picture to write, a panel for each behaviour: {PICTURE_FILE}."),
    ] = None,
    force: Force = False,
) -> None:
    """Show the firing behaviours of a neuron in the float model, the bit-true model and the circuit.

    The models izhikevich and neuristor have published behaviours, and a model from equations has those of its file
    (`[behaviours.NAME]`, with `input`, `shows` and `parameters`); those that your device and circuit cannot show are
    listed. Exit status 1 if a circuit differs from its bit-true model.

    Example: `neuristor gallery examples/vo2_neuristor.toml --out behaviours.svg`
    """
    check_plot(plot_to, force=force)
    loaded = load(design)
    with named(design), console.status("behaviours") as status:
        shown = run_gallery(loaded, lambda done: status.update(f"{done}: done"))
    lost = not_reproduced(loaded)
    _print_gallery(loaded, shown, lost)
    if plot_to is not None:
        write_plot(plot_to, behaviours_picture(shown, loaded), force=force)
    for each in shown:
        if each.difference:
            console.print(f"{each.behaviour.title}: {each.difference}", style="red", markup=False, soft_wrap=True)
    ends_with(not any(each.difference for each in shown))


def _print_gallery(loaded: Design, shown: Sequence[Shown], lost: dict[str, str]) -> None:
    table = Table("behaviour", "expected", "float", "bit-true", "circuit", title=f"behaviours of {loaded.name}")
    for each in shown:
        cells = [
            f"{len(times)} spikes" if seen else f"[yellow]lost[/] ({len(times)} spikes)"
            for times, seen in ((each.float_times, each.float_shown), (each.times, each.shown))
        ]
        state = "[red]DIFFERS[/]" if each.difference else "[green]equal[/]"
        table.add_row(each.behaviour.title, each.behaviour.wanted, *cells, state)
    console.print(table)
    if lost:
        others = Table("not reproduced", "what was tried, and why it fails")
        for name, why in lost.items():
            others.add_row(name.replace("_", " "), why)
        console.print(others)
    kept = sum(each.shown for each in shown)
    console.print(f"{kept} of {len(shown) + len(lost)} behaviours; circuits: {shown[0].engine}")


@app.command()
def generate(design: DesignFile, out: VerilogFile, name: ModuleName = None, force: Force = False) -> None:
    """Write the circuit as Verilog, and a JSON manifest beside it. The same design gives the same bytes.

    Example: `neuristor generate examples/vo2_lif_digits.toml --out build/digits.v`
    """
    loaded = load(design)
    target = with_manifest(out, force=force)
    case = loaded.case_of(checked_name(name) or loaded.name)
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        (Path(scratch) / out.name).write_text(case.verilog, encoding="utf-8", newline="\n")
        text = json.dumps(manifest(loaded, case, Path(scratch)), indent=2, sort_keys=True)
    write_files({out: case.verilog, target: text + "\n"}, force=force)
    wrote(out, f": module {case.toplevel}, {len(case.verilog.splitlines())} lines; {target}")


@app.command()
def verify(
    design: DesignFile,
    simulator: Annotated[
        list[str] | None,
        typer.Option(
            "--simulator",
            help=f"Simulator: {', '.join(ENGINES)}; may be given several times. Default: the fast ones installed.",
        ),
    ] = None,
    netlist: Annotated[
        str | None,
        typer.Option(
            "--netlist", help=f"Verify the synthesized netlist for {', '.join(FAMILIES)} instead of the Verilog."
        ),
    ] = None,
) -> None:
    """Compare the circuit with the bit-true model: every state bit of every neuron at every tick.

    Exit status 1 at the first difference, with the neuron, the tick, the field and a waveform around it.

    Example: `neuristor verify examples/vo2_lif_digits.toml --simulator verilator --simulator icarus`
    """
    loaded = load(design)
    if netlist is not None:
        one_of("--netlist", netlist, FAMILIES)
    engines = simulator or [engine for engine in engines_here() if engine != "icarus"]
    if netlist is not None and "amaranth" in engines:
        refuse("Amaranth's simulator cannot run a netlist: --simulator must be another one")
    _check_installed(engines)
    if not simulator and "amaranth" in engines:
        console.print(f"{missing('verilator')}; verifying the first ticks with Amaranth's simulator instead")
    case = replace(loaded.case, netlist=netlist)
    verdicts = []
    for engine in engines:
        with console.status(f"{engine}: {ENGINES[engine]}"):
            verdicts.append(judge(case, engine))
    _print_verdicts(verdicts, loaded, "circuit" if netlist is None else f"netlist for {netlist}")
    whole = len(case.drive_raw)
    for verdict in verdicts:
        if verdict.equal and verdict.ticks < whole:
            console.print(
                f"{verdict.engine} is slow: it ran the first {verdict.ticks} of {whole} ticks", soft_wrap=True
            )
    _print_differences(verdicts)
    ends_with(all(verdict.equal for verdict in verdicts))


def _check_installed(engines: Sequence[str]) -> None:
    """Check that the simulators exist and are installed.

    Raises
    ------
    ToolError
        If one is not installed.
    """
    for engine in engines:
        with named():
            lack = missing(engine)
        if lack is not None:
            raise ToolError(lack)


@app.command()
def synth(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="Folder to make, for the bitstreams and a manifest.")],
    board: Annotated[
        list[str] | None,
        typer.Option("--board", help="Board; may be given several times. Default: the boards of the design."),
    ] = None,
    lanes: Annotated[
        int | None, typer.Option("--lanes", min=1, help="Lanes of the circuit. Default: those of the design.")
    ] = None,
    force: Force = False,
) -> None:
    """Synthesise, place and route: bitstreams, resources, Fmax and the real-time factor.

    The bitstreams are self-tests: they repeat the input, and a light shows whether the output equals the model. Exit
    status 1 if a board cannot run the circuit.

    Example: `neuristor synth examples/vo2_lif_digits.toml --board icebreaker --out build/bits`
    """
    loaded = load(design, None if lanes is None else {"fpga.lanes": lanes})
    names = board or loaded.sections.fpga.boards
    for name in names:
        one_of("--board", name, BOARDS)
    if not names:
        refuse(f"{design}: [fpga] boards is empty, and --board is not given")
    check_folder(out, force=force)
    results = []
    with output_folder(out, force=force) as folder:
        for name in names:
            with console.status(f"{name}: synthesis, place and route"), tempfile.TemporaryDirectory() as work:
                results.append(put_on_board(loaded, name, folder, Path(work)))
        write_manifest(folder, manifest(loaded, loaded.case, folder, boards=results))
    _print_boards(results)
    wrote(out)
    ends_with(not any(result.problem for result in results))


@app.command()
def keys() -> None:
    """List every key of the design file, with its default, its unit and its range.

    Example: `neuristor keys`
    """
    with named("", LookupError):  # of a neuron model that another package adds
        rows = key_table()
    table = Table("section", "key", "default", "meaning")
    for section, key, default, meaning in rows:
        table.add_row(f"\\[{section}]", key, escape(default), escape(meaning))
    console.print(table)


def _print_frames(design: Design, simulation: Simulation) -> None:
    counts = simulation.per_frame(design.stimulus.span).sum(axis=1).tolist()
    console.print("spikes of each frame, ten in a line, as label:spikes")
    cells = [f"{label}:{count}" for label, count in zip(design.stimulus.labels, counts, strict=True)]
    width = max(len(cell) for cell in cells)
    for start in range(0, len(cells), 10):
        line = "  ".join(cell.ljust(width) for cell in cells[start : start + 10])
        console.print(f"{start:>6}  {line}", markup=False, soft_wrap=True)


def _print_errors(simulation: Simulation) -> None:
    table = Table("what", "value", "meaning", title="error, from the device to the circuit")
    for row in error_rows(simulation):
        table.add_row(*row)
    console.print(table)
    for each in warnings(simulation):
        console.print(f"Warning: {each}.", style="yellow", markup=False, soft_wrap=True)


def _print_verdicts(verdicts: Sequence[Verdict], design: Design, what: str = "circuit") -> None:
    table = Table("simulator", "result", "ticks", "neurons", "tests", "clocks", title=f"{what} against model")
    for v in verdicts:
        state = "[green]equal in every state bit[/]" if v.equal else "[red]DIFFERS[/]"
        table.add_row(v.engine, state, str(v.ticks), str(design.params.count), str(v.tests), str(v.cycles or ""))
    console.print(table)


def _print_differences(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        if not verdict.equal:
            console.print(f"\n{verdict.engine}: {verdict.reason}", style="red", markup=False)


def _used(used: int, available: int) -> Figure:
    return Figure(f"{used}/{available}", used, f"of {available}")


def _print_boards(results: Sequence[BoardResult]) -> None:
    if not results:
        return
    heads = ("clock", "Fmax", "ticks/s", "updates/s", "real-time factor", "neurons in real time")
    table = Table("board", *RESOURCES, *heads, title="boards")
    for b in results:
        used = (_used(*b.resources[name]) if name in b.resources else "" for name in RESOURCES)
        style = "green" if b.timing_met else "red" if b.timing_met is False else ""
        fmax = si(b.fmax_hz, "Hz") if b.fmax_hz else ""
        table.add_row(
            b.board,
            *used,
            si(b.clock_hz, "Hz") if b.clock_hz else "",
            styled(fmax, style) if isinstance(fmax, Figure) else fmax,
            si(b.ticks_per_second, digits=3) if b.ticks_per_second else "",
            si(b.updates_per_second, digits=3) if b.updates_per_second else "",
            Figure(f"{b.real_time_factor:.3g} x", b.real_time_factor, "x") if b.real_time_factor else "",
            "" if b.largest is None else str(b.largest),
        )
    console.print(table)
    for b in results:
        for line in b.scope:
            console.print(f"{b.board}, {line}", markup=False, soft_wrap=True)
        if b.problem:
            console.print(f"{b.problem}; {b.advice}", style="red", markup=False, soft_wrap=True)
