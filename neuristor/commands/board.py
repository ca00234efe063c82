"""Commands for boards: ``neuristor boards``, ``bitstream``, ``core``, ``program`` and ``run``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from neuristor.attach import HIDDEN, LINKED, VIRTUAL, attached
from neuristor.boards import BOARDS
from neuristor.boards.base import Board
from neuristor.boards.capacity import neurons, oscillators
from neuristor.boards.flow import DoesNotFit, Implementation, implement
from neuristor.boards.host import BoardError, fitting
from neuristor.boards.linked import LinkedTop, pins_wrapper
from neuristor.boards.programmer import LoadError, program
from neuristor.boards.vivado import constraints, script
from neuristor.commands.options import OSCILLATORS, Force, ModuleName, NoiseBits, Parts, PhaseBits, WeightBits
from neuristor.commands.terminal import checked_name, console, ends_with, named, one_of, refuse, say_notes, stop, wrote
from neuristor.folder import MANIFEST, check_folder, output_folder, plain, write_manifest
from neuristor.golden_model.files import content as file_content
from neuristor.golden_model.files import npz
from neuristor.hdl.link.axi import vivado_wrapper
from neuristor.hdl.link.buses import AxiCore, WishboneCore, address_bits
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.hdl.link.uart import divisor
from neuristor.hdl.verilog import export, ports, template
from neuristor.session import OnnOptions, Session, Step, open_session
from neuristor.tables import si
from neuristor.version import __version__
from neuristor.waves import write_vcd

__all__ = ["app", "core_structure"]

app = typer.Typer()

VIVADO = tuple(name for name, board in BOARDS.items() if board.counted_only and board.clock_hz)
MOST_CLOCK = 1e9
"""Highest clock, in hertz: no FPGA reaches it."""

AnyFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Design file or network file (TOML), or weights of oscillators (CSV)."),
]
Lanes = Annotated[
    int | None,
    typer.Option("--lanes", min=1, help="For a design file: lanes of the circuit. Default: those of the file."),
]
Baud = Annotated[int, typer.Option("--baud", help="Bit rate of the serial line, in bit/s.")]


def core_structure(core: Core) -> dict[str, Any]:
    """Describe a core for a driver: its identity, its structure and its registers.

    Parameters
    ----------
    core : Core
        The circuit with its registers.

    Returns
    -------
    dict
        Entries ``identity``, ``structure`` and ``registers``, for JSON.
    """
    return {
        "identity": core.identity,
        "structure": json.loads(json.dumps(core.structure(), default=int)),
        "registers": [
            {"address": address, "name": each.name, "access": each.access, "words": each.words, "meaning": each.meaning}
            for address, each in core.registers.table()
        ],
    }


def _manifest(session: Session, core: Core) -> dict[str, Any]:
    return {"file": session.path.name, "sha256": session.digest, **core_structure(core)}


@app.command()
def boards() -> None:
    """List the boards, and about how many neurons and oscillators each holds.

    Example: `neuristor boards`
    """
    table = Table("name", "board", "LUT", "FF", "block RAM", "DSP", "clock", "tools", "neurons", "oscillators")
    for entry in BOARDS.values():
        tools = "open tools"
        if entry.counted_only:
            tools = "Vivado" if entry.clock_hz else "resources only"
        table.add_row(
            entry.name,
            entry.title,
            *(str(entry.capacity[name]) for name in ("LUT", "FF", "block RAM", "DSP")),
            si(entry.clock_hz, "Hz", 6) if entry.clock_hz else "",
            tools,
            f"{neurons(entry):,}",
            f"{oscillators(entry):,}",
        )
    console.print(table)
    console.print(
        "neurons: LIF, 16-bit words, one lane; oscillators: all coupled to all, 5-bit weights. Both are estimates for "
        "a circuit with its serial link; `neuristor bitstream` gives exact numbers.",
        soft_wrap=True,
    )


def _opened(
    file: Path, options: OnnOptions, lanes: int | None, frames: int | None = None, every: bool = False
) -> Session:
    """A file that can run on a board, with a print of the assumptions made."""
    session = open_session(file, options, frames, every, lanes)
    say_notes(session.notes)
    return session


def _check_clock(clock: float | None) -> None:
    """Check the option ``--clock``."""
    if clock is not None and not 0 < clock <= MOST_CLOCK:
        refuse(f"--clock must be above 0 and at most {si(MOST_CLOCK, 'Hz')}, not {clock:g} Hz")


@app.command()
def bitstream(
    file: AnyFile,
    out: Annotated[Path, typer.Option("--out", help="Folder to make, for bitstream and manifest.")],
    board: Annotated[str, typer.Option("--board", help=f"Board: {', '.join(LINKED)}.")] = "ulx3s-85f",
    clock: Annotated[
        float | None, typer.Option("--clock", help="Clock in hertz. Default: that of the board's clock pin.")
    ] = None,
    baud: Baud = BAUD,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    force: Force = False,
) -> None:
    """Place and route the circuit with its serial link, for `neuristor program` and `neuristor run`.

    Weights, thresholds, noise and schedules are loaded over the link; size and model are fixed in the bitstream. Exit
    status 1 if the circuit is slower than the clock.

    Example: `neuristor bitstream examples/vo2_lif_digits.toml --board icebreaker --lanes 1 --out build/icebreaker`
    """
    one_of("--board", board, LINKED)
    check_folder(out, force=force)
    options = OnnOptions(weight_bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    session, target = _opened(file, options, lanes), BOARDS[board]
    _check_clock(clock)
    rate = clock or target.clock_hz
    assert rate is not None  # every board with pins has a clock
    with named("--baud"):
        clocks = divisor(rate, baud)
    core = session.core()
    with output_folder(out, force=force) as folder, console.status(board) as status:
        made = _placed(file, target, SerialCore(core, clocks), folder, clock, status.update)
        assert made.bitstream is not None
        for each in folder.iterdir():
            if each.name != made.bitstream.name:
                each.unlink()
        name = f"{board}{made.bitstream.suffix}"
        made.bitstream.rename(folder / name)
        content = _manifest(session, core) | {
            "board": board,
            "baud": baud,
            "bitstream": name,
            "resources": {key: list(pair) for key, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        write_manifest(folder, content)
    used = ", ".join(f"{key} {number} of {room}" for key, (number, room) in made.resources.items())
    console.print(f"{target.title}: {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        console.print(f"Fmax {si(made.fmax_hz, 'Hz')} for a clock of {si(made.clock_hz, 'Hz', 6)}", soft_wrap=True)
    wrote(out / name)
    ends_with(made.timing_met is not False)


def _placed(
    file: Path, target: Board, core: SerialCore, folder: Path, clock: float | None, progress: Any
) -> Implementation:
    """Place and route a core; if it does not fit, or the board cannot make the clock, the command ends."""
    try:
        with named("--clock"):
            return implement(target, LinkedTop(core), folder, clock_hz=clock, progress=progress)
    except DoesNotFit as error:
        refuse(f"{file}: {error}; fewer lanes, shorter words or fewer neurons need less")


class _Bus(StrEnum):
    AXI = "axi4-lite"
    WISHBONE = "wishbone"
    SERIAL = "serial"


@app.command("core")
def core_command(
    file: AnyFile,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    bus: Annotated[_Bus, typer.Option("--bus", help="Interface of the core.")] = _Bus.AXI,
    board: Annotated[
        str | None,
        typer.Option("--board", help=f"Also write script and constraints for Vivado: {', '.join(VIVADO)}. Sets --bus."),
    ] = None,
    baud: Baud = BAUD,
    clock: Annotated[
        float, typer.Option("--clock", help="Clock in hertz, for a serial interface or for Vivado.")
    ] = 100e6,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    name: ModuleName = None,
    force: Force = False,
) -> None:
    """Write the circuit with its registers as Verilog, for your own system: AXI4-Lite, Wishbone or a serial line.

    The folder also has an instantiation template and the register map as a C header and in the manifest; for a board
    with Vivado, also the script and the constraints.

    Example: `neuristor core examples/vo2_lif_digits.toml --bus wishbone --out build/core`
    """
    _check_clock(clock)
    if board is not None:
        one_of("--board", board, VIVADO)
        bus = _Bus.SERIAL if BOARDS[board].pins else _Bus.AXI
        clock = (BOARDS[board].clock_hz or clock) if BOARDS[board].pins else clock
    check_folder(out, force=force)
    options = OnnOptions(weight_bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    session = _opened(file, options, lanes)
    core, name = session.core(linked=bus is _Bus.SERIAL), checked_name(name) or session.name
    content = _manifest(session, core) | {"bus": bus.value}
    if bus is _Bus.SERIAL:
        with named("--baud"):
            made: Any = SerialCore(core, divisor(clock, baud))
        content |= {"clock_hz": clock, "baud": baud}
    else:
        made = AxiCore(core) if bus is _Bus.AXI else WishboneCore(core)
        content["address_bits"] = address_bits(core)
    header = (
        f"Module {name}: {plain(session.path.name)} on {bus.value}",
        f"Neuristor {__version__}, identity {core.identity}",
    )
    target = None if board is None else BOARDS[board]
    wrapper = None
    if bus is _Bus.AXI:
        wrapper = vivado_wrapper(made, name, f"{name}_axi")
    elif target is not None and target.pins:
        wrapper = pins_wrapper(name, f"{name}_top")
    top, named_ports = (name, ports(made)) if wrapper is None else (wrapper.name, wrapper.ports)
    content["top"] = top
    files = {
        f"{name}.v": export(made, name, header, wrapper),
        f"{name}.h": c_header(name, core),
        "template.v": template(top, named_ports),
    }
    if target is not None:
        files |= _vivado(target, core, name, top, clock)
    with output_folder(out, force=force) as folder:
        for each, text in files.items():
            (folder / each).write_text(text, encoding="utf-8", newline="\n")
        write_manifest(folder, content)
    table = Table("address", "name", "access", "words", "meaning", title=f"{name}: registers, in words of 32 bits")
    for address, entry in core.registers.table():
        table.add_row(f"0x{address:05X}", entry.name, entry.access, str(entry.words), entry.meaning)
    console.print(table)
    wrote(out, f": module {top}; {', '.join(sorted(files))}")


def _vivado(target: Board, core: Core, name: str, top: str, clock: float) -> dict[str, str]:
    """Script and constraints for Vivado."""
    made = {"top.xdc": constraints(target)} if target.pins else {}
    made["build.tcl"] = script(
        target,
        top,
        [f"{name}.v"],
        list(made),
        bitstream=f"{target.name}.bit",
        clock_hz=clock,
        address_bits=address_bits(core) + 2,
    )
    return made


def c_header(name: str, core: Core) -> str:
    """Write the register map as a C header, with byte addresses.

    Parameters
    ----------
    name : str
        Name of the module, a prefix of all names.
    core : Core
        The circuit with its registers.

    Returns
    -------
    str
        C.
    """
    prefix = name.upper()
    lines = [
        f"/* Registers of {name}: byte addresses, and the words of each window. Neuristor {__version__} */",
        f"#ifndef {prefix}_H",
        f"#define {prefix}_H",
        f'#define {prefix}_IDENTITY "{core.identity}"',
    ]
    for address, entry in core.registers.table():
        lines.append(f"#define {prefix}_{entry.name.upper()} 0x{4 * address:X} /* {entry.access}: {entry.meaning} */")
        if entry.window:
            lines.append(f"#define {prefix}_{entry.name.upper()}_WORDS {entry.words}")
    return "\n".join([*lines, "#endif"]) + "\n"


@app.command("program")
def program_command(
    made: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder made by `neuristor bitstream`; or a bitstream.")
    ],
    board: Annotated[str | None, typer.Option("--board", help="For a bitstream: the board it is for.")] = None,
    flash: Annotated[
        bool, typer.Option("--flash", help="Write it into the flash memory, which keeps it without power.")
    ] = False,
    cable: Annotated[str | None, typer.Option("--cable", help="Programmer, by its name in openFPGALoader.")] = None,
) -> None:
    """Load a bitstream into a board, with openFPGALoader.

    Example: `neuristor program build/icebreaker`
    """
    target = made
    if not made.exists():
        refuse(f"{made}: there is no such file or folder")
    if made.is_dir():
        target, on = bitstream_in(made)
        if board not in (None, on):
            refuse(f"{made}: the bitstream is for {on}, not for {board}")
        board = on
    if board is None:
        refuse("--board is missing: which board is the bitstream for?")
    one_of("--board", board, BOARDS)
    with named("", OSError, LoadError), console.status(f"{board}: {target.name}"):
        program(BOARDS[board], target, flash=flash, cable=cable)
    console.print(f"{target.name} is on {BOARDS[board].title}", soft_wrap=True)


def bitstream_in(folder: Path) -> tuple[Path, str]:
    """Find the bitstream in a folder, and the board it is for; a `DesignError` says that there is none.

    Parameters
    ----------
    folder : Path
        A folder that ``neuristor bitstream`` made.

    Returns
    -------
    bitstream : Path
        The file.
    board : str
        Name of the board, not checked.
    """
    try:
        found = json.loads(file_content(folder / MANIFEST))
        return folder / Path(found["bitstream"]).name, str(found["board"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        refuse(f"{folder}: must be a folder that `neuristor bitstream` made")


@contextmanager
def _attached(core: Core, board: str, port: str | None, baud: int) -> Iterator[Any]:
    with ExitStack() as status:

        def say(text: str) -> None:
            status.enter_context(console.status(text))

        with attached(core, board, port, baud, say) as opened:
            status.close()
            yield opened


@app.command()
def run(
    file: AnyFile,
    board: Annotated[
        str, typer.Option("--board", help=f"Board: {VIRTUAL} (simulated on this computer), {', '.join(LINKED)}.")
    ] = VIRTUAL,
    port: Annotated[
        str | None, typer.Option("--port", help="Serial port of the board. Default: found by its USB identity.")
    ] = None,
    baud: Baud = BAUD,
    built: Annotated[
        Path | None,
        typer.Option(
            "--built",
            help="File that the bitstream was built from, if it is another file; size and model must be the same.",
        ),
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Number of frames or runs, from the first. Default: all.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every", help="For neurons: record the state after every tick, not only the spikes.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to make: NPZ, VCD and a manifest.")] = None,
    periods: Annotated[
        int, typer.Option("--periods", min=1, help="Duration in periods.", rich_help_panel=OSCILLATORS)
    ] = 20,
    noise: Annotated[
        int,
        typer.Option("--noise", min=0, help="Noise amplitude in the first period.", rich_help_panel=OSCILLATORS),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of phases and noise.", rich_help_panel=OSCILLATORS)] = 0,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    force: Force = False,
) -> None:
    """Run a file on a board, or on a simulated board, and compare the output with the bit-true model.

    Loads all parameters, streams the input, and shows spikes or phases. The run ends at the first difference (exit
    status 1). Output that was received is written even if the run is interrupted.

    Example: `neuristor run examples/vo2_lif_digits.toml --board virtual --frames 20 --out build/run`
    """
    one_of("--board", board, (VIRTUAL, *LINKED))
    if out is not None:
        check_folder(out, force=force)
    options = OnnOptions(
        weight_bits=bits,
        phase_bits=phase_bits,
        noise_bits=noise_bits,
        parts=parts,
        periods=periods,
        noise=noise,
        seed=seed,
    )
    if noise >= 1 << noise_bits:
        refuse(f"--noise must be below 2**{noise_bits} with --noise-bits {noise_bits}, not {noise}")
    session = _opened(file, options, lanes, frames, every)
    core = session.core()
    on_board = core if built is None else open_session(built, options, lanes=lanes).core()
    if on_board is not core:
        core.describe_only()
        with named(file):
            fitting(on_board, core)
    last: Step | None = None
    trouble: BaseException | None = None
    counters: dict[str, int] = {}
    try:
        with _attached(on_board, board, port, baud) as opened:
            started = time.monotonic()
            with console.status("loading"):
                opened.load(core)
            console.print(f"{board}: loaded in {si(time.monotonic() - started, 's', 2)}; {on_board.identity[:16]}")
            last = _watch(session, opened)
            counters = opened.counters()
    except (BoardError, KeyboardInterrupt) as error:
        trouble = error
    written = _record(session, core, board, last, counters, out, force, whole=trouble is None)
    if trouble is not None:
        _interrupted(trouble, written)
    _report(session, board, last, counters)
    ends_with(last is not None and last.difference is None)


def _watch(session: Session, opened: Any) -> Step | None:
    """Show a run step by step; returns the last step."""
    last = None
    with Live(console=console, refresh_per_second=8, transient=not console.is_terminal) as live:
        for last in session.steps(opened):
            text = f"{100 * last.done:3.0f} %  {last.title}"
            if console.is_terminal:
                live.update(Group(Text(last.picture, no_wrap=True), Text(text)))
    if last is not None and not console.is_terminal:
        console.print(last.picture, markup=False, soft_wrap=True)
        console.print(last.title, markup=False, soft_wrap=True)
    return last


def _record(
    session: Session,
    core: Core,
    board: str,
    last: Step | None,
    counters: dict[str, int],
    out: Path | None,
    force: bool,
    *,
    whole: bool,
) -> Path | None:
    """Write the output received from a board; returns the folder, None if nothing was written."""
    if out is None or not session.arrays():
        return None
    difference = None if last is None else last.difference
    complete = whole and last is not None and difference is None
    content = _manifest(session, core) | {"board": board, "complete": complete, "counters": counters}
    if difference is not None:
        content["difference"] = difference
    with output_folder(out, force=force) as folder:
        (folder / "run.npz").write_bytes(npz(session.arrays()))
        waves = session.waves()
        if waves:
            write_vcd(folder / "run.vcd", waves, session.dt)
        write_manifest(folder, content)
    wrote(out)
    return out


def _interrupted(trouble: BaseException, written: Path | None) -> None:
    """End a run that did not come to its end: exit status 130 after Ctrl-C, 2 after an error of the board."""
    kept = "" if written is None else f"; the output received so far is in {written}"
    if isinstance(trouble, KeyboardInterrupt):
        Console(stderr=True, soft_wrap=True).print(f"neuristor: stopped{kept or '; nothing was written'}")
        stop(130)
    refuse(f"{trouble}{kept}")


def _report(session: Session, board: str, last: Step | None, counters: dict[str, int]) -> None:
    table = Table("what", "value", show_header=False, title=f"{session.path.name} on {board}")
    if last is None:
        state = "no output"
    else:
        state = "[green]equal in every value[/]" if last.difference is None else "[red]DIFFERS[/]"
    table.add_row("board and bit-true model", state)
    for name, value in counters.items():
        if name not in HIDDEN:
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    if last is not None and last.difference is not None:
        console.print(last.difference, style="red", markup=False, soft_wrap=True)
