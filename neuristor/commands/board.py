"""``neuristor bitstream``, ``program``, ``run`` and ``core``: a file of any kind on a board, or ready for one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from vcd import VCDWriter

from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.host import BoardError, fitting, open_board
from neuristor.boards.linked import PINS, LinkedTop, pins_wrapper
from neuristor.boards.programmer import LoadError, program
from neuristor.boards.vivado import constraints, script
from neuristor.commands.doctor import plugged
from neuristor.commands.terminal import console, wrote
from neuristor.design_file import DesignError
from neuristor.folder import check_target, output_folder, plain
from neuristor.hdl.link.axi import vivado_ports, vivado_wrapper
from neuristor.hdl.link.buses import AxiCore, WishboneCore, address_bits
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.hdl.link.uart import divisor
from neuristor.hdl.verilog import export, ports, template
from neuristor.session import OnnOptions, Session, Step, open_session
from neuristor.sim.engines.virtual_board import VirtualBoard
from neuristor.version import __version__

__all__ = ["app", "core_structure"]

app = typer.Typer()

VIRTUAL = "virtual"
VIRTUAL_CLOCKS = 4
"""Of a bit: the fewest there can be, as a simulation has no time to lose."""
VIVADO = tuple(name for name, board in BOARDS.items() if board.counted_only and board.clock_hz)
LINKED = tuple(name for name, board in BOARDS.items() if not board.counted_only)

AnyFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A design file, a network file (both TOML), or weights of oscillators (CSV)."),
]
WeightBits = Annotated[int, typer.Option("--bits", help="For oscillators: of a weight, 1 to 8.")]
PhaseBits = Annotated[int, typer.Option("--phase-bits", help="For oscillators: of a phase, 4 to 8.")]
NoiseBits = Annotated[int, typer.Option("--noise-bits", help="For oscillators: of the noise, 0 (none) to 16.")]
Parts = Annotated[int, typer.Option("--parts", help="For oscillators: clocks of a column of weights.")]
Lanes = Annotated[int | None, typer.Option("--lanes", min=1, help="For a design file: other ones than it has.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


def core_structure(core: Core) -> dict[str, Any]:
    """What a reader, or a driver of their own, needs to know of a core: identity, structure, map of registers."""
    return {
        "identity": core.identity,
        "structure": json.loads(json.dumps(core.structure(), default=int)),
        "registers": [
            {"address": address, "name": each.name, "access": each.access, "words": each.words, "meaning": each.meaning}
            for address, each in core.registers.table()
        ],
    }


def _manifest(session: Session, core: Core) -> dict[str, Any]:
    return {"neuristor": __version__, "file": session.path.name, "sha256": session.digest, **core_structure(core)}


def _write_manifest(folder: Path, content: dict[str, Any]) -> None:
    content |= {
        "files": {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(folder.iterdir())}
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")


@app.command()
def bitstream(
    file: AnyFile,
    out: Annotated[Path, typer.Option("--out", help="The folder to make, for bitstream and manifest.")],
    board: Annotated[str, typer.Option("--board", help=f"{', '.join(LINKED)}.")] = "ulx3s-85f",
    clock: Annotated[
        float | None, typer.Option("--clock", help="In hertz; that of the board's pin by default.")
    ] = None,
    baud: Annotated[int, typer.Option("--baud", help="Of the serial line.")] = BAUD,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    force: Force = False,
) -> None:
    """Place and route the circuit with its serial link: `neuristor program` puts it on the board, `run` talks to it.

    Weights, thresholds, noise and schedules are loaded over the link; size and model are built in. Example:
    `neuristor bitstream examples/vo2_lif_digits.toml --board icebreaker --lanes 1 --out build/icebreaker`
    """
    if board not in LINKED:
        raise DesignError(f"--board must be among {', '.join(LINKED)}, not {board!r}")
    check_target(out, force=force)
    options = OnnOptions(weight_bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    session, target = open_session(file, options, lanes=lanes), BOARDS[board]
    rate = clock or target.clock_hz
    assert rate is not None  # every board with pins has a clock
    try:
        clocks = divisor(rate, baud)
    except ValueError as error:
        raise DesignError(f"--baud: {error}") from None
    core = session.core()
    content = _manifest(session, core) | {"board": board, "baud": baud}
    with output_folder(out, force=force) as folder, console.status(board) as status:
        try:
            made = implement(
                target, LinkedTop(SerialCore(core, clocks)), folder, clock_hz=clock, progress=status.update
            )
        except DoesNotFit as error:
            raise DesignError(f"{file}: {error}; fewer lanes, shorter words or fewer neurons need less") from None
        except ValueError as error:
            raise DesignError(f"--clock: {error}") from None
        assert made.bitstream is not None
        for each in folder.iterdir():
            if each.name != made.bitstream.name:
                each.unlink()
        name = f"{board}{made.bitstream.suffix}"
        made.bitstream.rename(folder / name)
        content |= {
            "bitstream": name,
            "resources": {key: list(pair) for key, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        _write_manifest(folder, content)
    used = ", ".join(f"{key} {number} of {room}" for key, (number, room) in made.resources.items())
    console.print(f"{target.title}: {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        console.print(f"Fmax {made.fmax_hz / 1e6:.1f} MHz for {made.clock_hz / 1e6:g} MHz", soft_wrap=True)
    wrote(out / name)
    if made.timing_met is False:
        raise typer.Exit(1)


class _Bus(StrEnum):
    AXI = "axi4-lite"
    WISHBONE = "wishbone"
    SERIAL = "serial"


@app.command("core")
def core_command(
    file: AnyFile,
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    bus: Annotated[_Bus, typer.Option("--bus", help="How the core is reached.")] = _Bus.AXI,
    board: Annotated[
        str | None,
        typer.Option("--board", help=f"Also what Vivado needs to build it for {' or '.join(VIVADO)}; sets the bus."),
    ] = None,
    baud: Annotated[int, typer.Option("--baud", help="With a serial bus.")] = BAUD,
    clock: Annotated[float, typer.Option("--clock", help="In hertz; with a serial bus, or for a board.")] = 100e6,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    force: Force = False,
) -> None:
    """Write the circuit behind registers as Verilog, for a system of your own: AXI4-Lite, Wishbone or a serial line.

    Beside it: an instantiation template, the map of registers as a C header and in the manifest, and for a board with
    Vivado the script and the constraints. Example:
    `neuristor core examples/vo2_lif_digits.toml --bus wishbone --out build/core`
    """
    if board is not None and board not in VIVADO:
        raise DesignError(f"--board must be among {', '.join(VIVADO)}, not {board!r}")
    check_target(out, force=force)
    if board is not None:
        bus = _Bus.SERIAL if BOARDS[board].pins else _Bus.AXI
        clock = (BOARDS[board].clock_hz or clock) if BOARDS[board].pins else clock
    options = OnnOptions(weight_bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    session = open_session(file, options, lanes=lanes)
    core = session.core()
    name, content = session.name, _manifest(session, core) | {"bus": bus.value}
    header = (
        f"Module {name}: {plain(session.path.name)} on {bus.value}",
        f"Neuristor {__version__}, identity {core.identity}",
    )
    top, extra = name, {}
    if bus is _Bus.SERIAL:
        try:
            made: Any = SerialCore(core, divisor(clock, baud))
        except ValueError as error:
            raise DesignError(f"--baud: {error}") from None
        content |= {"clock_hz": clock, "baud": baud}
    else:
        made = AxiCore(core) if bus is _Bus.AXI else WishboneCore(core)
        content["address_bits"] = address_bits(core)
    named, verilog = ports(made), export(made, name, header)
    if bus is _Bus.AXI:
        top, named = f"{name}_axi", vivado_ports(address_bits(core) + 2)
        verilog += "\n" + vivado_wrapper(name, top, address_bits(core) + 2)
    if board is not None:
        target = BOARDS[board]
        if target.pins:
            top, named = f"{name}_top", PINS
            verilog += "\n" + pins_wrapper(name, top)
            extra["top.xdc"] = constraints(target)
        extra["build.tcl"] = script(
            target,
            top,
            [f"{name}.v"],
            ["top.xdc"] if target.pins else [],
            bitstream=f"{board}.bit",
            clock_hz=clock,
            address_bits=address_bits(core) + 2,
        )
    extra |= {f"{name}.v": verilog, f"{name}.h": c_header(name, core), "template.v": template(top, named)}
    with output_folder(out, force=force) as folder:
        for each, text in extra.items():
            (folder / each).write_text(text, encoding="utf-8", newline="\n")
        _write_manifest(folder, content)
    table = Table("address", "name", "access", "words", "meaning", title=f"{name}: registers, in words of 32 bits")
    for address, entry in core.registers.table():
        table.add_row(f"0x{address:05X}", entry.name, entry.access, str(entry.words), entry.meaning)
    console.print(table)
    wrote(out, f": module {top}; {', '.join(sorted(extra))}")


def c_header(name: str, core: Core) -> str:
    """The map of registers for C: byte addresses."""
    prefix = name.upper()
    lines = [
        f"/* Registers of {name}: byte addresses, and how many words a window has. Neuristor {__version__} */",
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
    made: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `neuristor bitstream` made; or a bitstream.")],
    board: Annotated[str | None, typer.Option("--board", help="For a bitstream: which board it is for.")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="Keep it when power goes.")] = False,
    cable: Annotated[
        str | None, typer.Option("--cable", help="Another programmer, as openFPGALoader calls it.")
    ] = None,
) -> None:
    """Put a bitstream onto a board, with openFPGALoader."""
    target = made
    if made.is_dir():
        try:
            content = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
            target, named = made / content["bitstream"], content["board"]
        except (OSError, ValueError, KeyError, TypeError):
            raise DesignError(f"{made}: must be a folder that `neuristor bitstream` made") from None
        if board is not None and board != named:
            raise DesignError(f"{made}: the bitstream is for {named}, not for {board}")
        board = named
    if board is None:
        raise DesignError("--board is missing: which board is the bitstream for?")
    if board not in BOARDS:
        raise DesignError(f"--board must be among {', '.join(BOARDS)}, not {board!r}")
    try:
        with console.status(f"{board}: {target.name}"):
            program(BOARDS[board], target, flash=flash, cable=cable)
    except (ValueError, OSError, LoadError) as error:
        raise DesignError(str(error)) from None
    console.print(f"{target.name} is on {BOARDS[board].title}", soft_wrap=True)


def _port(board: str, given: str | None) -> str:
    if given is not None:
        return given
    found = [each.port for each in plugged({board: BOARDS[board]})]
    if not found:
        raise DesignError(f"no serial port of {board} is here: plug it in, see `neuristor doctor`, or pass --port")
    return found[-1]  # of a programmer with two, the second is the serial line


@contextmanager
def _connected(core: Core, board: str, port: str | None, baud: int) -> Iterator[Any]:
    """A board with this core."""
    if board == VIRTUAL:
        with console.status("the virtual board is built (its first time takes half a minute)"):
            made = VirtualBoard(SerialCore(core, VIRTUAL_CLOCKS))
        with made, open_board(core, made.port) as opened:
            yield opened
        return
    with open_board(core, _port(board, port), baud) as opened:
        yield opened


@app.command()
def run(
    file: AnyFile,
    board: Annotated[str, typer.Option("--board", help=f"{VIRTUAL}, or {', '.join(LINKED)}.")] = VIRTUAL,
    port: Annotated[
        str | None, typer.Option("--port", help="The board's serial port; found by itself if possible.")
    ] = None,
    baud: Annotated[int, typer.Option("--baud", help="As in `neuristor bitstream`.")] = BAUD,
    built: Annotated[
        Path | None,
        typer.Option(
            "--built", help="The file that the bitstream is of, if it is another: only what is loaded differs."
        ),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="The first so many frames, or runs.")] = None,
    every: Annotated[
        bool, typer.Option("--every", help="For neurons: the state after every tick, not only spikes.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="A folder to make: NPZ, VCD and a manifest.")] = None,
    periods: Annotated[int, typer.Option("--periods", min=1, help="For oscillators.")] = 20,
    noise: Annotated[int, typer.Option("--noise", min=0, help="For oscillators: at the beginning.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="For oscillators: of phases and noise.")] = 0,
    lanes: Lanes = None,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    force: Force = False,
) -> None:
    """Run a file on a board, or on one that is a process here, and compare with the bit-true model as it goes.

    Loads all that can be loaded, streams the input, shows spikes or phases, and stops at the first difference (exit
    status 1). What was received is kept, whatever happens. Example:
    `neuristor run examples/vo2_lif_digits.toml --board virtual --frames 20 --out build/run`
    """
    if board not in (VIRTUAL, *LINKED):
        raise DesignError(f"--board must be among {', '.join((VIRTUAL, *LINKED))}, not {board!r}")
    if out is not None:
        check_target(out, force=force)
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
        raise DesignError(f"--noise must be below 2**{noise_bits}, as --noise-bits says, not {noise}")
    session = open_session(file, options, frames, every, lanes)
    core = session.core()
    on_board = core if built is None else open_session(built, options, lanes=lanes).core()
    if on_board is not core:
        core.describe_only()
        try:
            fitting(on_board, core)
        except ValueError as error:
            raise DesignError(f"{file}: {error}") from None
    last: Step | None = None
    trouble: BaseException | None = None
    try:
        with _connected(on_board, board, port, baud) as opened:
            started = time.monotonic()
            with console.status("loading"):
                opened.load(core)
            console.print(f"{board}: loaded in {time.monotonic() - started:.2g} s; {on_board.identity[:16]}")
            last = _watch(session, opened)
            counters = opened.counters()
    except (BoardError, KeyboardInterrupt) as error:
        trouble, counters = error, {}
    if out is not None and session.arrays():
        with output_folder(out, force=force) as folder:
            _save(session, folder)
            whole = trouble is None and last is not None and last.difference is None
            content = _manifest(session, core) | {"board": board, "complete": whole, "counters": counters}
            if last is not None and last.difference is not None:
                content["difference"] = last.difference
            _write_manifest(folder, content)
        wrote(out)
    if trouble is not None:
        kept = f"; what came before is in {out}" if out is not None and session.arrays() else ""
        if isinstance(trouble, KeyboardInterrupt):
            Console(stderr=True, soft_wrap=True).print(f"neuristor: stopped{kept or '; nothing was written'}")
            raise typer.Exit(130)
        raise DesignError(f"{trouble}{kept}") from None
    _report(session, board, last, counters)
    if last is None or last.difference is not None:
        raise typer.Exit(1)


def _watch(session: Session, opened: Any) -> Step | None:
    """Show a run as it goes; the last step."""
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


def _report(session: Session, board: str, last: Step | None, counters: dict[str, int]) -> None:
    table = Table("what", "value", show_header=False, title=f"{session.path.name} on {board}")
    if last is None:
        state = "nothing came"
    else:
        state = "[green]equal, every one[/]" if last.difference is None else "[red]DIFFERS[/]"
    table.add_row("board and bit-true model", state)
    for name, value in counters.items():
        if name not in ("status", "stimulus_room", "output_level", "schedule_room"):
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    if last is not None and last.difference is not None:
        console.print(last.difference, style="red", markup=False, soft_wrap=True)


def _save(session: Session, folder: Path) -> None:
    np.savez_compressed(folder / "run.npz", **session.arrays())  # type: ignore[arg-type]
    waves = session.waves()
    if not waves:
        return
    unit, per_tick = _timescale(session.dt)
    with (folder / "run.vcd").open("w", encoding="utf-8", newline="\n") as file:
        _write_waves(VCDWriter(file, timescale=unit, date="", comment=f"Neuristor {__version__}"), waves, per_tick)


_UNITS = (("1 ms", 1e-3), ("1 us", 1e-6), ("1 ns", 1e-9), ("1 ps", 1e-12), ("1 fs", 1e-15))


def _timescale(dt: float) -> tuple[str, float]:
    """A unit of which a tick has many, and how many; a tick is 1 ns where it has no time."""
    for unit, seconds in _UNITS:
        if dt >= 100 * seconds:
            return unit, dt / seconds
    return "1 ns", 1.0


def _write_waves(writer: VCDWriter, waves: dict[str, tuple[Any, Any]], per_tick: float) -> None:
    changes: list[tuple[int, Any, int]] = []
    for name, (ticks, values) in waves.items():
        wide = max(int(np.abs(values).max(initial=0)).bit_length() + 1, 2)
        times = [round(tick * per_tick) for tick in ticks.tolist()]
        for neuron, column in enumerate(values.T.tolist()):
            if name == "spike":
                variable = writer.register_var(name, str(neuron), "wire", size=1, init=0)
            else:
                variable = writer.register_var(name, str(neuron), "integer", size=wide, init=0)
            before = 0
            for moment, value in zip(times, column, strict=True):
                if value != before:
                    changes.append((moment, variable, value))
                    before = value
    changes.sort(key=lambda change: change[0])
    for moment, variable, value in changes:
        writer.change(variable, moment, value)
    writer.close()
