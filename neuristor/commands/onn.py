"""``neuristor onn``: networks of phase oscillators, from weights, pictures or graphs."""

from __future__ import annotations

import hashlib
import io
import json
import math
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import matplotlib as mpl
import numpy as np
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from neuristor.api import verify as verify_network
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.selftest import BoardTop, OnnSelfTest
from neuristor.commands.terminal import plain_console as console
from neuristor.commands.terminal import say_verdict, wrote
from neuristor.design_file import DesignError, load
from neuristor.folder import check_target, output_folder, plain, with_manifest, write_file
from neuristor.golden_model.devices.onn import DeviceOnn
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.files import content, text
from neuristor.golden_model.networks.associative import (
    LETTERS,
    RULES,
    Patterns,
    diederich_opper,
    disturbed,
    letters,
    quantized,
    read_patterns,
    recall,
)
from neuristor.golden_model.networks.ising import Graph, Ising, colouring, max_cut, partition, read_graph
from neuristor.golden_model.networks.kuramoto import Kuramoto
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, Solution, energy, solve, spins
from neuristor.hdl.onn import Onn
from neuristor.report import STYLE
from neuristor.version import __version__
from neuristor.weights_file import checked, open_weights

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Networks of phase oscillators, all coupled to all: weights in a file, pictures to remember, graphs to cut."
    "\n\nStart with `neuristor onn recall 5x4` or `neuristor onn solve GRAPH`.",
)

PICTURES = 4
"""Rows of pictures in a plot."""


class _Problem(StrEnum):
    MAX_CUT = "max-cut"
    COLOURING = "colouring"
    PARTITION = "partition"


WeightsFile = Annotated[
    Path,
    typer.Argument(metavar="WEIGHTS", help="CSV of whole numbers: row i, column j is what oscillator i feels of j."),
]
PatternsFile = Annotated[
    str,
    typer.Argument(
        metavar="PATTERNS",
        help=f"Pictures as text, or letters that come along: {', '.join(LETTERS)}. A picture is a name, then rows of "
        "# and . ; an empty line before the next.",
    ),
]
Bits = Annotated[int, typer.Option("--bits", help="Of a weight, 1 to 8.")]
PhaseBits = Annotated[int, typer.Option("--phase-bits", help="Of a phase, 4 to 8: a period has 2^this ticks.")]
NoiseBits = Annotated[int, typer.Option("--noise-bits", help="Of the annealing noise, 0 (none) to 16.")]
Parts = Annotated[int, typer.Option("--parts", help="Clocks that a column of weights takes: 1, 2, 4, 8, 16 or 32.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="An SVG file to write.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of all that is random.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


def _patterns(given: str) -> Patterns:
    found: Patterns = checked(given, lambda: letters(given) if given in LETTERS else read_patterns(given))
    return found


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


@app.command("solve")
def solve_command(
    problem_file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A graph (DIMACS, G-set or edge list); for partition, numbers in a file."),
    ],
    problem: Annotated[_Problem, typer.Option("--problem", help="What to find.")] = _Problem.MAX_CUT,
    colours: Annotated[int, typer.Option("--colours", help="For colouring.")] = 3,
    trials: Annotated[int, typer.Option("--trials", help="Runs from random spins.")] = 20,
    periods: Annotated[int, typer.Option("--periods", help="Of each run; more find better.")] = 1000,
    noise: Annotated[float, typer.Option("--noise", help="At the beginning, in usual sums of a random state.")] = 2.0,
    last: Annotated[float, typer.Option("--last", help="Noise at the end; about 1 for sparse graphs.")] = 0.0,
    bits: Bits = 5,
    target: Annotated[float | None, typer.Option("--target", help="A cut (or an energy) whose time is told.")] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="A JSON file to write: the solution and how it came.")
    ] = None,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Anneal a network until it has found a large cut, a colouring or a fair partition.

    The bits are those of the circuit, so that its clocks are known. Example:
    `neuristor onn solve graph.txt --periods 2000 --out cut.json --plot cut.svg`
    """
    for path, ending in ((out, ""), (plot_to, ".svg")):
        if path is not None:
            check_target(path, force=force, ending=ending)
    graph, ising = _posed(problem_file, problem, colours)
    weight = float(graph.weights.sum()) if graph is not None and problem is _Problem.MAX_CUT else None
    wanted = target if target is None or weight is None else weight - 2 * target
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("annealing", total=1.0)
        found: Solution = checked(
            problem_file,
            lambda: solve(
                ising,
                trials=trials,
                periods=periods,
                weight_bits=bits,
                noise=noise,
                last=last,
                seed=seed,
                target=wanted,
                progress=lambda done, best: progress.update(
                    task, completed=done, description=_figure(problem, weight, best)
                ),
            ),
        )
    table = Table("what", "value", show_header=False, title=f"{problem_file.name}: {problem.value}")
    values = _values(found.energies, weight)
    best = values.max() if weight is not None else values.min()
    name = "cut" if weight is not None else "energy"
    table.add_row(f"best {name}", f"{best:g}")
    table.add_row(f"{name}, median of {trials} trials", f"{np.median(values):g}")
    table.add_row("spins, weight bits, oscillators", f"{len(found.spins)}, {bits}, {found.params.count}")
    if problem is _Problem.COLOURING:
        table.add_row(
            "proper colouring", "yes" if found.energy == 0 else f"no: {found.energy:g} edges or vertices miss"
        )
    if problem is _Problem.PARTITION:
        table.add_row("difference of the sums", f"{math.sqrt(max(found.energy, 0)):g}")
    table.add_row("clocks of the circuit, a trial, at most", f"{np.median(found.clocks):,.0f}")
    if target is not None:
        reached = found.clocks_to_target
        table.add_row(f"trials that reach {target:g}", f"{np.isfinite(reached).sum()} of {trials}")
        if np.isfinite(np.median(reached)):
            table.add_row(f"clocks to {target:g}, median, at most", f"{np.median(reached):,.0f}")
    table.add_row("seed", str(seed))
    console.print(table)
    if out is not None:
        write_file(out, _solution_json(found, problem_file, problem, weight), force=force)
        wrote(out)
    if plot_to is not None:
        write_file(plot_to, _solution_plot(found, weight, f"{problem_file.name}: {problem.value}"), force=force)
        wrote(plot_to)


def _posed(path: Path, problem: _Problem, colours: int) -> tuple[Graph | None, Ising]:
    if problem is _Problem.PARTITION:
        written = checked(path, lambda: text(path))
        try:
            numbers = [float(word) for word in written.replace(",", " ").split()]
        except ValueError as error:
            raise DesignError(f"{path}: must hold numbers ({error})") from None
        return None, checked(path, lambda: partition(numbers))
    graph = checked(path, lambda: read_graph(path))
    if problem is _Problem.COLOURING:
        return graph, checked("--colours", lambda: colouring(graph, colours))
    return graph, checked(path, lambda: max_cut(graph))


def _values(energies: NDArray[np.float64], weight: float | None) -> NDArray[np.float64]:
    """Cuts, where there are any."""
    return energies if weight is None else np.asarray((weight - energies) / 2)


def _figure(problem: _Problem, weight: float | None, best: float) -> str:
    value = best if weight is None else (weight - best) / 2
    return f"{'cut' if weight is not None else 'energy'} {value:g}"


def _solution_json(found: Solution, path: Path, problem: _Problem, weight: float | None) -> str:
    reached = [float(clocks) if np.isfinite(clocks) else None for clocks in found.clocks_to_target]
    told: dict[str, Any] = {
        "neuristor": __version__,
        "file": path.name,
        "sha256": hashlib.sha256(content(path)).hexdigest(),
        "problem": problem.value,
        "energy": found.energy,
        "spins": [[str(name), spin] for name, spin in found.sample.items()],
        "energies": found.energies.tolist(),
        "clocks_at_most": found.clocks.tolist(),
        "clocks_to_target_at_most": reached,
        "seed": found.seed,
        "schedule": [segment._asdict() for segment in found.schedule],
        "weight_bits": found.params.weight_bits,
        "phase_bits": found.params.phase_bits,
    }
    if weight is not None:
        told["cut"] = (weight - found.energy) / 2
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


def _solution_plot(found: Solution, weight: float | None, title: str) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3), layout="constrained")
        course, last = figure.subplots(1, 2, width_ratios=(2, 1))
        periods = np.cumsum([segment.periods for segment in found.schedule])
        course.plot(periods, _values(found.history, weight), lw=0.5, alpha=0.7)
        course.set(xlabel="periods", ylabel="cut" if weight is not None else "energy")
        course.set_title(plain(title), parse_math=False)
        last.hist(_values(found.energies, weight), bins=min(10, len(found.energies)))
        last.set(xlabel="best of a trial", ylabel="trials")
        return _svg(figure)


@app.command("recall")
def recall_command(
    patterns: PatternsFile,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help=f"{', '.join(RULES)}; may be given again. Default: all.")
    ] = None,
    noise: Annotated[
        list[float] | None, typer.Option("--noise", help="Share of wrong pixels, 0 to 1; may be given again.")
    ] = None,
    tries: Annotated[int, typer.Option("--tries", help="For each picture.")] = 100,
    bits: Bits = 5,
    phase_bits: PhaseBits = 4,
    seed: Seed = 0,
    plot_to: Plot = None,
    weights_to: Annotated[
        Path | None, typer.Option("--weights", help="A CSV file to write: the weights of the last rule.")
    ] = None,
    force: Force = False,
) -> None:
    """Teach a network pictures, and see how well it recalls them when pixels are wrong.

    Example: `neuristor onn recall 10x10 --rule diederich_opper --noise 0.25 --plot recall.svg`
    """
    for path, ending in ((plot_to, ".svg"), (weights_to, "")):
        if path is not None:
            check_target(path, force=force, ending=ending)
    rules = rule or list(RULES)
    for name in rules:
        if name not in RULES:
            raise DesignError(f"--rule must be among {', '.join(RULES)}, not {name!r}")
    found = _patterns(patterns)
    table = Table(
        "rule",
        "wrong pixels",
        "recalled",
        "right pixels",
        "settled",
        "periods",
        title=f"{patterns}, {bits}-bit weights",
    )
    params = None
    for name in rules:
        with console.status(escape(name)):
            learnt = checked(f"{patterns}, {name}", partial(RULES[name], found.pixels))
            weights = checked("--bits", partial(quantized, learnt, bits))
            params = checked(
                "--phase-bits", partial(OnnParams, weights=weights, weight_bits=bits, phase_bits=phase_bits)
            )
            for share in noise or (0.1, 0.25, 0.5):
                one = checked("--noise", partial(recall, params, found.pixels, share, tries, seed))
                cells = (f"{100 * value:.1f} %" for value in (share, one.correct, one.pixels, one.settled))
                table.add_row(name, *cells, f"{one.periods:.2f}")
    console.print(table)
    console.print(
        "recalled: every pixel right, or every pixel wrong, as phases are relative; half the pixels wrong is chance"
    )
    assert params is not None
    if weights_to is not None:
        rows = "\n".join(",".join(map(str, row)) for row in params.weights.tolist())
        write_file(weights_to, rows + "\n", force=force)
        wrote(weights_to)
    if plot_to is not None:
        begin = disturbed(found.pixels, (noise or [0.25])[0], 1, seed)[:PICTURES]
        network = OnnBitTrue(params, np.where(begin > 0, 0, params.half))
        network.run(100)
        columns = {"learnt": found.pixels[:PICTURES], "disturbed": begin, "recalled": _seen(network, begin)}
        write_file(plot_to, _pictures(found, columns, rules[-1]), force=force)
        wrote(plot_to)


def _seen(network: OnnBitTrue, begin: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spins, as bright as what they came from: an inverse is the same state."""
    found = spins(network.phase, network.params.phase_bits)
    inverse = (found * begin).sum(axis=1, keepdims=True) < 0
    return np.asarray(np.where(inverse, -found, found))


def _pictures(patterns: Patterns, columns: dict[str, NDArray[np.int64]], title: str) -> str:
    count = len(next(iter(columns.values())))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.5 * len(columns), 1.6 * count), layout="constrained")
        figure.suptitle(plain(title).replace("_", " "), parse_math=False)
        panels = figure.subplots(count, len(columns), squeeze=False)
        for column, (name, pixels) in enumerate(columns.items()):
            for row in range(count):
                panel = panels[row, column]
                panel.imshow(-pixels[row].reshape(patterns.rows, patterns.columns), cmap="gray", vmin=-1, vmax=1)
                panel.set(xticks=[], yticks=[])
            panels[0, column].set_title(name, fontsize=8)
        return _svg(figure)


class _Path(NamedTuple):
    """Where one of the three ways came to."""

    spins: NDArray[np.int64]
    note: str


@app.command()
def compare(
    design: Annotated[Path, typer.Argument(metavar="DESIGN", help="A design file whose circuit oscillates.")],
    patterns: PatternsFile,
    noise: Annotated[float, typer.Option("--noise", help="Share of wrong pixels.")] = 0.1,
    strength: Annotated[
        float, typer.Option("--strength", help="K1 / f0 of all that an oscillator feels, at most.")
    ] = 0.1,
    spread: Annotated[float, typer.Option("--spread", help="Of the frequencies, standard deviation, relative.")] = 0.0,
    jitter: Annotated[float, typer.Option("--jitter", help="Of V_th from cycle to cycle, relative.")] = 0.0,
    periods: Annotated[int, typer.Option("--periods", min=8, max=10_000)] = 100,
    bits: Bits = 5,
    seed: Seed = 0,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Let the digital network, its phase equations and your coupled devices recall the same pictures.

    Where they part, the digital network is not what your devices will do: elements load the devices, and phases
    between 0 and 180 degrees act. At most 128 pixels. Example:
    `neuristor onn compare examples/vo2_coupled_oscillators.toml 3x3 --plot compare.svg`
    """
    if plot_to is not None:
        check_target(plot_to, force=force, ending=".svg")
    circuit = load(design).circuit
    if not isinstance(circuit, Circuit):
        raise DesignError(f"{design}: must have a threshold switch for a device")
    found = _patterns(patterns)
    weights = checked(patterns, lambda: quantized(diederich_opper(found.pixels), bits))
    weights = np.rint((weights + weights.T) / 2).astype(np.int64)  # an element acts on both its ends
    begin = checked("--noise", lambda: disturbed(found.pixels, noise, 1, seed))
    if not 0 <= spread <= 0.4:
        raise DesignError(f"--spread must be 0 to 0.4, not {spread}")
    rng = np.random.default_rng(seed)
    detuning = None if spread == 0 else np.clip(rng.normal(0, spread, weights.shape[0]), -0.4, 0.4)
    params = checked("--bits", lambda: OnnParams(weights=weights, weight_bits=bits, phase_bits=8))
    start = np.where(begin > 0, 0.0, 0.5) + rng.uniform(-0.02, 0.02, begin.shape)  # cycles; no unstable balance
    rows: dict[str, list[_Path]] = {"digital": [], "phase equations": [], "devices": []}
    with console.status("digital") as status:
        network = OnnBitTrue(params, np.rint(start * 256).astype(int) % 256, detuning=detuning)
        for _ in range(periods * params.raw.period):
            network.step()
        rows["digital"] = [_Path(s, "") for s in spins(network.phase, 8)]
        status.update("phase equations")
        devices: DeviceOnn = checked(
            design,
            lambda: DeviceOnn(
                circuit=circuit, weights=weights, strength=strength, detuning=detuning, noise=jitter, seed=seed
            ),
        )
        model = checked(
            design,
            lambda: Kuramoto(
                weights=weights,
                strength=2 * math.pi * strength,
                detuning=detuning,
                noise=devices.phase_noise,
                seed=seed,
            ),
        )
        theta = model.run(-2 * math.pi * start, periods)[-1]
        near = np.cos(theta - theta[:, :1]) >= 0
        rows["phase equations"] = [_Path(s, "") for s in np.where(near, 1, -1)]
        for n, one in enumerate(start):
            status.update(f"devices: {escape(found.names[n])}")
            ended = checked(design, partial(devices.run, one, periods))
            away = np.ptp(ended.frequency) / max(float(ended.frequency.mean()), 1e-30)
            rows["devices"].append(_Path(ended.spins, f"{100 * away:.2f} %"))
    table = Table(
        "picture", *rows, "frequencies of the devices apart", "energy: digital", "devices", title="right pixels"
    )
    for n, name in enumerate(found.names):
        wanted = found.pixels[n] * found.pixels[n, 0]
        shares = [100 * float((path[n].spins == wanted).mean()) for path in rows.values()]
        cells = [f"{max(share, 100 - share):.0f} %" for share in shares]
        energies = (f"{float(energy(weights, rows[key][n].spins)):g}" for key in ("digital", "devices"))
        table.add_row(name, *cells, rows["devices"][n].note, *energies)
    console.print(table)
    console.print(
        f"{len(weights)} oscillators, {periods} periods, strength {strength:g}; devices whose frequencies are apart "
        "are not locked: their spins mean little"
    )
    if plot_to is not None:
        columns = {"learnt": found.pixels, "disturbed": begin} | {
            key: np.array([path.spins * begin[n, 0] for n, path in enumerate(paths)]) for key, paths in rows.items()
        }
        columns = {key: pixels[:PICTURES] for key, pixels in columns.items()}
        write_file(plot_to, _pictures(found, columns, f"{design.stem}, strength {strength:g}"), force=force)
        wrote(plot_to)


Symmetric = Annotated[bool, typer.Option("--symmetric", help="Refuse weights that are not symmetric.")]


@app.command()
def generate(
    weights: WeightsFile,
    out: Annotated[Path, typer.Option("--out", help="The Verilog file to write; a manifest stands beside it.")],
    bits: Bits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    readable: Annotated[bool, typer.Option("--readable", help="Weights can be read back.")] = False,
    symmetric: Symmetric = False,
    force: Force = False,
) -> None:
    """Write the network as Verilog, and a JSON manifest beside it; weights can be written at run time."""
    manifest = with_manifest(out, force=force)
    found = open_weights(
        weights,
        bits=bits,
        phase_bits=phase_bits,
        noise_bits=noise_bits,
        symmetric=symmetric,
        parts=parts,
        readable=readable,
    )
    circuit = found.circuit()
    text = found.export(circuit)
    made = {
        "neuristor": __version__,
        "weights": weights.name,
        "weights_sha256": found.digest,
        "oscillators": found.params.count,
        "weight_bits": bits,
        "phase_bits": phase_bits,
        "noise_bits": noise_bits,
        "parts": parts,
        "chunks": circuit.chunks,
        "chunk_bits": circuit.chunk_bits,
        "readable": readable,
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    write_file(out, text, force=force)
    write_file(manifest, json.dumps(made, indent=2, sort_keys=True) + "\n", force=force)
    console.print(f"{out}: module onn, {found.params.count} oscillators; {manifest}", soft_wrap=True)


@app.command()
def verify(
    weights: WeightsFile,
    bits: Bits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    simulator: Annotated[str, typer.Option("--simulator", help="verilator or icarus.")] = "verilator",
    ticks: Annotated[
        int, typer.Option("--ticks", min=1, max=100_000, help="Compared after every one of the first.")
    ] = 200,
    seed: Seed = 0,
) -> None:
    """Compare the network's Verilog with the bit-true model: every phase, output, reference and sum.

    From random phases; with noise bits, half the ticks are annealed. Exit status 1 at the first difference.
    """
    found = open_weights(weights, bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    with console.status(f"{simulator}: {found.params.count} oscillators, {ticks} ticks"):
        verdict = verify_network(found, ticks=ticks, simulator=simulator, seed=seed)
    say_verdict(verdict, f"{found.params.count} oscillators, {ticks} ticks, and after resets")


@app.command()
def synth(
    weights: WeightsFile,
    out: Annotated[Path, typer.Option("--out", help="The folder to make, for the bitstream.")],
    board: Annotated[str, typer.Option("--board", help=f"{', '.join(BOARDS)}.")] = "ulx3s-85f",
    bits: Bits = 5,
    phase_bits: PhaseBits = 4,
    parts: Parts = 1,
    clock: Annotated[float | None, typer.Option("--clock", help="In hertz; the board's own by default.")] = None,
    force: Force = False,
) -> None:
    """Place and route the network as a bitstream that checks itself: light 0 says that it equals the model."""
    if board not in BOARDS:
        raise DesignError(f"--board must be among {', '.join(BOARDS)}, not {board!r}")
    check_target(out, force=force)
    found = open_weights(weights, bits=bits, phase_bits=phase_bits, parts=parts)
    params = found.params
    phases = np.random.default_rng(0).integers(0, params.raw.period, params.count)
    target = BOARDS[board]
    design: Any = Onn(params, parts)
    if not target.counted_only:
        design = BoardTop(OnnSelfTest(design, phases, 20 * params.raw.period))
    with output_folder(out, force=force) as folder, console.status(f"{board}: {params.count} oscillators") as status:
        try:
            made = implement(target, design, folder, clock_hz=clock, progress=status.update)
        except DoesNotFit as error:
            more = "more --parts, fewer --bits or fewer oscillators need less"
            raise DesignError(f"{weights}: {params.count} oscillators are too many: {error}; {more}") from None
        except ValueError as error:
            raise DesignError(f"--clock: {error}") from None
        manifest = {
            "neuristor": __version__,
            "weights_sha256": found.digest,
            "oscillators": params.count,
            "board": board,
            "resources": {name: list(pair) for name, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    used = ", ".join(f"{name} {number} of {room}" for name, (number, room) in made.resources.items())
    console.print(f"{target.title}: {params.count} oscillators; {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        console.print(f"Fmax {made.fmax_hz / 1e6:.1f} MHz for {made.clock_hz / 1e6:g} MHz; {out}", soft_wrap=True)
        if made.timing_met is False:
            raise typer.Exit(1)
