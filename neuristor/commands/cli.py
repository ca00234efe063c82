"""``neuristor``: from an oxide device to a verified FPGA image."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from neuristor import api
from neuristor.accuracy import parse_target, write_words
from neuristor.accuracy import plot as plot_accuracy
from neuristor.boards import BOARDS
from neuristor.boards.base import MissingTool
from neuristor.boards.capacity import neurons, oscillators
from neuristor.boards.flow import ToolError as FlowError
from neuristor.boards.host import BoardError
from neuristor.boards.udev import RULES_FILE, udev_rules
from neuristor.build import Built, build, engines_here, manifest
from neuristor.commands.board import app as board_app
from neuristor.commands.doctor import examine, plugged
from neuristor.commands.evidence import app as evidence_app
from neuristor.commands.onn import app as onn_app
from neuristor.commands.snn import app as snn_app
from neuristor.commands.sweep import app as sweep_app
from neuristor.commands.terminal import console, wrote
from neuristor.design_file import Design, DesignError, key_table, load
from neuristor.fit import fit as fit_files
from neuristor.folder import OutputError, check_target, output_folder, with_manifest, write_file
from neuristor.gallery import gallery as run_gallery
from neuristor.gallery import not_reproduced
from neuristor.gallery import plot as plot_gallery
from neuristor.golden_model.devices.catalogue import preset
from neuristor.report import error_rows, waveforms
from neuristor.show import describe
from neuristor.show import plot as plot_device
from neuristor.sim.benches.verify import ENGINES, Verdict, missing
from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.netlists.gates import FAMILIES
from neuristor.steps import BoardResult, Simulation, judge, put_on_board
from neuristor.version import __version__

__all__ = ["app", "main"]


class _Group(TyperGroup):
    """Ctrl-C is said in a sentence, too."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            Console(stderr=True, highlight=False).print("neuristor: stopped; nothing was written")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Describe an oxide neuron device, get an FPGA that behaves like an array of them, with proof that it does."
    "\n\nStart with `neuristor doctor`, then `neuristor build examples/vo2_lif_digits.toml --out build/digits`.",
)
app.add_typer(board_app)
app.add_typer(evidence_app)
app.add_typer(sweep_app)
app.add_typer(onn_app, name="onn")
app.add_typer(snn_app, name="snn")

DesignFile = Annotated[
    Path, typer.Argument(metavar="DESIGN", help="The design file (TOML); its keys: `neuristor keys`.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


def main() -> None:
    """Run the command line: bad input is one sentence and exit status 2."""
    try:
        app()
    except (DesignError, OutputError, ToolError, FlowError, MissingTool, BoardError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"neuristor: {error}", markup=False)
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"neuristor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command("build")
def build_command(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    force: Force = False,
) -> None:
    """Walk the whole path: models, Verilog, verification, bitstreams, report.

    Leaves one folder: Verilog, bitstreams, traces, spikes, a manifest and `report.html`. The folder
    appears when all is in it. Exit status 1 if a simulator finds a difference or a board cannot run it.
    """
    check_target(out, force=force)
    loaded = load(design)
    engines = engines_here()
    if "verilator" not in engines:
        console.print(f"{missing('verilator')}; verifying with {', '.join(engines)} instead")
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        tasks: dict[str, Any] = {}

        def say(step: str, state: str) -> None:
            if state == "started":
                tasks[step] = progress.add_task(step, total=1)
            else:
                progress.update(tasks[step], description=f"{step}: {state}", completed=1)

        built = build(loaded, out, force=force, engines=engines, say=say)
    _print_frames(loaded, built.simulation)
    _print_errors(built.simulation)
    _print_verdicts(built.verdicts, loaded)
    _print_boards(built.boards)
    console.print()
    wrote(out / "report.html")
    _exit(built)


def _exit(built: Built) -> None:
    for verdict in built.verdicts:
        if not verdict.equal:
            console.print(f"\n{verdict.engine}: {verdict.reason}", style="red", markup=False)
    if not built.good:
        raise typer.Exit(1)


@app.command()
def simulate(
    design: DesignFile,
    plot_to: Annotated[
        Path | None, typer.Option("--plot", help="An HTML page to write: waveforms, spikes, phases.")
    ] = None,
    force: Force = False,
) -> None:
    """Run the float models and the bit-true model: spikes per frame, and what separates them."""
    if plot_to is not None:
        check_target(plot_to, force=force, ending=".html")
    loaded = api.design(design)
    with console.status("float and bit-true models"):
        simulation = api.run(loaded).simulation
    console.print(loaded.table.rich())
    _print_frames(loaded, simulation)
    _print_errors(simulation)
    if plot_to is not None:
        write_file(plot_to, waveforms(loaded, simulation), force=force)
        wrote(plot_to)


@app.command("accuracy")
def accuracy_command(
    design: DesignFile,
    target: Annotated[
        str | None,
        typer.Option("--target", help="Largest error of the rate, such as 1%: find the smallest words."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="With --target: put these words into the design file; comments stay.")
    ] = False,
    points: Annotated[int, typer.Option("--points", min=2, max=100, help="Input currents of the sweep.")] = 12,
    plot_to: Annotated[
        Path | None, typer.Option("--plot", help="An SVG file to write: rates, errors by cause, jitter, duty.")
    ] = None,
    force: Force = False,
) -> None:
    """Compare the fixed-point neuron with the physics over a sweep of inputs, and split the error by cause.

    Time step, coefficient rounding and word length add up to the whole error. Example:
    `neuristor accuracy examples/vo2_oscillators.toml --target 1% --plot accuracy.svg`
    """
    try:
        wanted = None if target is None else parse_target(target)
        if write and wanted is None:
            raise ValueError("--write needs a --target")
        if plot_to is not None:
            check_target(plot_to, force=force, ending=".svg")
        loaded = api.design(design)
        with console.status("sweep") as status:
            compared = api.compare(loaded, target=wanted, points=points, progress=status.update)
    except ValueError as error:
        raise DesignError(f"{design}: {error}" if not isinstance(error, DesignError) else str(error)) from None
    result = compared.result
    console.print(compared.table.rich())
    console.print(f"largest error {100 * result.measured.worst:.3g} %")
    if result.phase_error is not None:
        console.print(f"phases of the coupled oscillators: within {result.phase_error:.2g} degrees of the physics")
    if plot_to is not None:
        write_file(plot_to, plot_accuracy(result, loaded), force=force)
        wrote(plot_to)
    if result.words is not None:
        found = result.words.params
        console.print(
            f"smallest words within {target}: membrane = [{found.membrane.int_bits}, {found.membrane.frac_bits}], "
            f"drive = [{found.drive.int_bits}, {found.drive.frac_bits}], coefficient_bits = {found.coefficient_bits} "
            f"(error {100 * result.words.error:.3g} %, {result.words.tried} tried)",
            markup=False,
            soft_wrap=True,
        )
        if write:
            write_words(design, found)
            console.print(f"{design}: updated [number]", markup=False, soft_wrap=True)


@app.command()
def gallery(
    design: DesignFile,
    plot_to: Annotated[
        Path | None, typer.Option("--out", help="An SVG file to write: all behaviours, one sheet.")
    ] = None,
    force: Force = False,
) -> None:
    """Show the firing behaviours of a neuron: float model, bit-true model and circuit, one after another.

    Models with published behaviours have them (izhikevich all twenty); others that your device and circuit cannot show
    are listed.
    Exit status 1 if a circuit differs from its bit-true model. Example:
    `neuristor gallery examples/vo2_neuristor.toml --out behaviours.svg`
    """
    if plot_to is not None:
        check_target(plot_to, force=force, ending=".svg")
    loaded = load(design)
    try:
        with console.status("behaviours") as status:
            shown = run_gallery(loaded, lambda done: status.update(f"{done}: done"))
    except ValueError as error:
        raise DesignError(f"{design}: {error}") from None
    table = Table("behaviour", "looks for", "float", "bit-true", "circuit", title=f"behaviours of {loaded.name}")
    for each in shown:
        cells = [
            f"{len(times)} spikes" if seen else f"[yellow]lost[/] ({len(times)} spikes)"
            for times, seen in ((each.float_times, each.float_shown), (each.times, each.shown))
        ]
        state = "[red]DIFFERS[/]" if each.difference else "[green]equal[/]"
        table.add_row(each.behaviour.title, each.behaviour.wanted, *cells, state)
    console.print(table)
    lost = not_reproduced(loaded)
    if lost:
        others = Table("not reproduced", "what was tried, and why not")
        for name, why in lost.items():
            others.add_row(name.replace("_", " "), why)
        console.print(others)
    kept = sum(each.shown for each in shown)
    console.print(f"{kept} of {len(shown) + len(lost)} behaviours; circuits: {shown[0].engine}")
    if plot_to is not None:
        write_file(
            plot_to, plot_gallery(shown, f"{loaded.name}: {loaded.neuron.name}, float (wide) and bit-true"), force=force
        )
        wrote(plot_to)
    for each in shown:
        if each.difference:
            console.print(f"{each.behaviour.title}: {each.difference}", style="red", markup=False, soft_wrap=True)
    if any(each.difference for each in shown):
        raise typer.Exit(1)


@app.command()
def generate(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="The Verilog file to write; a manifest stands beside it.")],
    force: Force = False,
) -> None:
    """Write the circuit as Verilog, and a JSON manifest beside it. The same design gives the same bytes."""
    loaded = load(design)
    target = with_manifest(out, force=force)
    case = loaded.case
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        (Path(scratch) / out.name).write_text(case.verilog, encoding="utf-8", newline="\n")
        text = json.dumps(manifest(loaded, case, Path(scratch)), indent=2, sort_keys=True)
    write_file(out, case.verilog, force=force)
    write_file(target, text + "\n", force=force)
    lines = len(loaded.case.verilog.splitlines())
    wrote(out, f": module {loaded.name}, {lines} lines; {target}")


@app.command()
def verify(
    design: DesignFile,
    simulator: Annotated[
        list[str] | None,
        typer.Option("--simulator", help=f"{', '.join(ENGINES)}; may be given again. Default: the best there is."),
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
    """
    loaded = load(design)
    if netlist is not None and netlist not in FAMILIES:
        raise DesignError(f"--netlist must be among {', '.join(FAMILIES)}, not {netlist!r}")
    engines = simulator or [engine for engine in engines_here() if engine != "icarus"]
    if netlist is not None and "amaranth" in engines:
        raise DesignError("Amaranth's simulator knows no netlist: --simulator must be another one")
    for engine in engines:
        try:
            lack = missing(engine)
        except ValueError as error:
            raise DesignError(str(error)) from None
        if lack is not None:
            raise ToolError(lack)
    if not simulator and "amaranth" in engines:
        console.print(f"{missing('verilator')}; verifying the first ticks with Amaranth's simulator instead")
    case = replace(loaded.case, netlist=netlist)
    verdicts = []
    for engine in engines:
        with console.status(f"{engine}: {ENGINES[engine]}"):
            verdicts.append(judge(case, engine))
    _print_verdicts(verdicts, loaded, "circuit" if netlist is None else f"netlist for {netlist}")
    for verdict in verdicts:
        if not verdict.equal:
            console.print(f"\n{verdict.engine}: {verdict.reason}", style="red", markup=False)
    if not all(verdict.equal for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def synth(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="The folder to make, for the bitstreams.")],
    board: Annotated[
        list[str] | None, typer.Option("--board", help="A board; may be given again. Default: those of the design.")
    ] = None,
    force: Force = False,
) -> None:
    """Synthesise, place and route: bitstreams, resources, Fmax and the real-time factor."""
    loaded = load(design)
    names = board or loaded.sections.fpga.boards
    for name in names:
        if name not in BOARDS:
            raise DesignError(f"--board must be among {', '.join(BOARDS)}, not {name!r}")
    if not names:
        raise DesignError(f"{design}: [fpga] boards names none, and --board is not given")
    results = []
    with output_folder(out, force=force) as folder:
        for name in names:
            with console.status(f"{name}: synthesis, place and route"), tempfile.TemporaryDirectory() as work:
                results.append(put_on_board(loaded, name, folder, Path(work)))
        text = json.dumps(manifest(loaded, loaded.case, folder, boards=results), indent=2, sort_keys=True)
        (folder / "manifest.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    _print_boards(results)
    if any(result.problem for result in results):
        raise typer.Exit(1)


@app.command()
def devices(
    name: Annotated[str | None, typer.Argument(help="One device: its numbers, window and energy.")] = None,
    plot_to: Annotated[
        Path | None, typer.Option("--plot", help="An SVG file to write: I-V curve, operating window, transient.")
    ] = None,
    force: Force = False,
) -> None:
    """List the catalogue of published devices, or show one with the source of each number."""
    if name is None:
        if plot_to is not None:
            raise DesignError("--plot needs the name of a device")
        console.print(api.devices().rich())
        return
    if plot_to is not None:
        check_target(plot_to, force=force, ending=".svg")
    try:
        entry = preset(name)
        rows = describe(name)
        picture = None
        if plot_to is not None:
            with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
                plot_device(name, Path(scratch) / "device.svg")
                picture = (Path(scratch) / "device.svg").read_text("utf-8")
    except ValueError as error:
        raise DesignError(str(error)) from None
    console.print(f"{entry.title}\n{entry.paper}", soft_wrap=True)
    table = Table("what", "value", show_header=False)
    for label, text in rows:
        table.add_row(label, text.replace("[", "\\["))
    console.print(table)
    if plot_to is not None and picture is not None:
        write_file(plot_to, picture, force=force)
        wrote(plot_to)


@app.command()
def fit(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Measurements: I-V sweeps and transients, as CSV or xlsx of a parameter analyser, a source meter or "
            "an oscilloscope. Several I-V files are several devices.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The design file to write.")],
    supply: Annotated[float | None, typer.Option("--supply", help="Supply voltage of the circuit, in volt.")] = None,
    series_resistance: Annotated[
        float | None, typer.Option("--series-resistance", help="Series resistance, in ohm.")
    ] = None,
    capacitance: Annotated[float | None, typer.Option("--capacitance", help="Capacitance, in farad.")] = None,
    model: Annotated[
        str, typer.Option("--model", help="Neuron model: one made of a single device in a circuit.")
    ] = "lif",
    count: Annotated[int, typer.Option("--count", help="Neurons.")] = 64,
    plot_to: Annotated[Path | None, typer.Option("--plot", help="An SVG file to write: data against fit.")] = None,
    force: Force = False,
) -> None:
    """Fit a device to measured curves, and write a design file with the uncertainty of each number.

    An I-V curve gives V_th, V_hold, the resistances and their spread from cycle to cycle; it has no time
    scale. A transient gives C and the series resistance too. Example:
    `neuristor fit iv.csv --supply 2.5 --series-resistance 20e3 --capacitance 100e-12 --out device.toml`
    """
    try:
        rows = fit_files(
            data,
            out=out,
            supply=supply,
            series_resistance=series_resistance,
            capacitance=capacitance,
            count=count,
            model=model,
            plot=plot_to,
            force=force,
        )
    except (ValueError, OSError) as error:
        raise DesignError(str(error)) from None
    table = Table("what", "value", "from")
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)
    wrote(out)


@app.command()
def boards() -> None:
    """List the boards a design can be built for, and about how much each holds."""
    table = Table("name", "board", "LUT", "FF", "block RAM", "DSP", "clock", "made by", "neurons", "oscillators")
    for entry in BOARDS.values():
        room = (str(entry.capacity[name]) for name in ("LUT", "FF", "block RAM", "DSP"))
        table.add_row(
            entry.name,
            entry.title,
            *room,
            f"{entry.clock_hz / 1e6:g} MHz" if entry.clock_hz else "",
            "counted only"
            if entry.counted_only and not entry.clock_hz
            else "Vivado"
            if entry.counted_only
            else "open tools",
            f"{neurons(entry):,}",
            f"{oscillators(entry):,}",
        )
    console.print(table)
    console.print(
        "neurons: LIF on one lane, of 16 bits; oscillators: all coupled to all, of 5-bit weights. Both are estimates, "
        "for a circuit with its link: `neuristor bitstream` says what is so.",
        soft_wrap=True,
    )


@app.command()
def keys() -> None:
    """List every key of the design file, with unit and range."""
    table = Table("section", "key", "default", "meaning")
    for section, key, default, meaning in key_table():
        table.add_row(f"\\[{section}]", key, default.replace("[", "\\["), meaning.replace("[", "\\["))
    console.print(table)


@app.command()
def doctor(
    udev: Annotated[
        bool, typer.Option("--udev", help=f"Print the text of /etc/udev/rules.d/{RULES_FILE}, and nothing else.")
    ] = False,
) -> None:
    """Say which tools and boards are found, what is missing or forbidden, and how to get it.

    On Linux, USB devices belong to root unless a rule says otherwise:
    `neuristor doctor --udev | sudo tee /etc/udev/rules.d/60-neuristor.rules`, then plug the board in again.
    """
    if udev:
        print(udev_rules(BOARDS.values()), end="")
        return
    table = Table("tool", "for", "version", "where, or how to get it")
    healthy = True
    for found in examine():
        here = found.version is not None
        healthy = healthy and (here or found.optional)
        state = found.version or ("[yellow]not here[/]" if found.optional else "[red]missing[/]")
        table.add_row(found.name, found.purpose, state, found.path if here else found.remedy)
    console.print(table)
    console.print("everything a build needs is here" if healthy else "install what is missing, then run this again")
    ports = plugged(BOARDS)
    if ports:
        usb = Table("serial port", "may be", "state", title="boards")
        for each in ports:
            state = "[green]may be opened[/]" if each.allowed else f"[red]forbidden[/]: {each.remedy}"
            usb.add_row(each.port, ", ".join(each.boards), state)
        console.print(usb)
    else:
        console.print("no board is plugged in; `neuristor run FILE --board virtual` needs none")
    if not healthy:
        raise typer.Exit(1)


def _print_frames(design: Design, simulation: Simulation) -> None:
    counts = simulation.per_frame(design.stimulus.ticks).sum(axis=1).tolist()
    console.print("spikes of each frame, ten a line, as label:spikes")
    cells = [f"{label}:{count}" for label, count in zip(design.stimulus.labels, counts, strict=True)]
    width = max(len(cell) for cell in cells)
    for start in range(0, len(cells), 10):
        line = "  ".join(cell.ljust(width) for cell in cells[start : start + 10])
        console.print(f"{start:>6}  {line}", markup=False, soft_wrap=True)


def _print_errors(simulation: Simulation) -> None:
    table = Table("what", "value", "meaning", title="model against physics")
    for row in error_rows(simulation):
        table.add_row(*row)
    console.print(table)


def _print_verdicts(verdicts: list[Verdict] | tuple[Verdict, ...], design: Design, what: str = "circuit") -> None:
    table = Table("simulator", "result", "ticks", "neurons", "tests", "clocks", title=f"{what} against model")
    for v in verdicts:
        state = "[green]equal in every state bit[/]" if v.equal else "[red]DIFFERS[/]"
        table.add_row(v.engine, state, str(v.ticks), str(design.params.count), str(v.tests), str(v.cycles or ""))
    console.print(table)


def _print_boards(results: list[BoardResult] | tuple[BoardResult, ...]) -> None:
    if not results:
        return
    names = ("LUT", "FF", "block RAM", "DSP")
    table = Table("board", *names, "clock", "Fmax", "ticks/s", "updates/s", "real time", "most at 1 x", title="boards")
    for b in results:
        used = ("/".join(map(str, b.resources[name])) if name in b.resources else "" for name in names)
        style = "green" if b.timing_met else "red" if b.timing_met is False else ""
        fmax = f"{b.fmax_hz / 1e6:.4g} MHz" if b.fmax_hz else ""
        table.add_row(
            b.board,
            *used,
            f"{b.clock_hz / 1e6:.4g} MHz" if b.clock_hz else "",
            f"[{style}]{fmax}[/]" if style and fmax else fmax,
            f"{b.ticks_per_second:.3g}" if b.ticks_per_second else "",
            f"{b.updates_per_second:.3g}" if b.updates_per_second else "",
            f"{b.real_time_factor:.3g} x" if b.real_time_factor else "",
            "" if b.largest is None else str(b.largest),
        )
    console.print(table)
    for b in results:
        if b.problem:
            console.print(f"{b.problem}; {b.advice}", style="red", markup=False, soft_wrap=True)
