"""``neuristor onn solve``: optimisation problems on a network of phase oscillators."""

from __future__ import annotations

import hashlib
import json
import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import Progress
from rich.table import Table

from neuristor.commands.options import Force, Plot, Seed, WeightBits, check_plot, write_plot
from neuristor.commands.terminal import plain_console as console
from neuristor.commands.terminal import refuse, wrote
from neuristor.folder import check_target, write_file
from neuristor.golden_model.files import content
from neuristor.golden_model.networks.ising import Graph, Ising, colouring, max_cut, partition
from neuristor.golden_model.networks.onn import Solution, solve
from neuristor.golden_model.networks.problem_files import read_graph, read_ising, read_numbers, read_qubo
from neuristor.pictures.networks import about_file, solution_picture
from neuristor.version import __version__
from neuristor.weights_file import checked

__all__ = ["app"]

app = typer.Typer()


class _Problem(StrEnum):
    MAX_CUT = "max-cut"
    COLOURING = "colouring"
    PARTITION = "partition"
    QUBO = "qubo"
    ISING = "ising"


MOST_SHOWN = 64
"""Largest number of variables whose values are printed."""


@app.command("solve")
def solve_command(
    problem_file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Graph (DIMACS, G-set, Matrix Market or edge list); for partition, numbers; for qubo and ising, lines "
            "`i j number` (dimod, qbsolv, Biq Mac) or a matrix.",
        ),
    ],
    problem: Annotated[_Problem, typer.Option("--problem", help="Problem to solve.")] = _Problem.MAX_CUT,
    colours: Annotated[int, typer.Option("--colours", help="For colouring: number of colours.")] = 3,
    upper_triangle: Annotated[
        bool,
        typer.Option(
            "--upper-triangle",
            help="For qubo: the file has one triangle of a symmetric matrix (Biq Mac, OR-Library), so numbers off the "
            "diagonal count twice.",
        ),
    ] = False,
    trials: Annotated[int, typer.Option("--trials", help="Number of runs, each from random spins.")] = 20,
    periods: Annotated[int, typer.Option("--periods", help="Duration of each run; longer runs find more.")] = 1000,
    noise: Annotated[
        float,
        typer.Option(
            "--noise",
            help="Noise at the beginning, relative to the root mean square of a weighted sum of random spins.",
        ),
    ] = 2.0,
    last: Annotated[float, typer.Option("--last", help="Noise at the end; about 1 for sparse graphs.")] = 0.0,
    bits: WeightBits = 5,
    target: Annotated[
        float | None, typer.Option("--target", help="Cut (or energy) to reach: also print the clocks until then.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="JSON file to write: the solution, its schedule, all trials.")
    ] = None,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Find a large cut, a colouring, a fair partition or a low energy by annealing on a network of oscillators.

    The model is bit-true, so the clocks of the circuit are known. `qubo` minimises sum q_ij x_i x_j with x 0 or 1, and
    `ising` minimises sum h_i s_i + sum J_ij s_i s_j with s +1 or -1; a line `i i number` is linear.

    Example: `neuristor onn solve graph.txt --periods 2000 --out cut.json --plot cut.svg`
    """
    check_plot(plot_to, force=force)
    if out is not None:
        check_target(out, force=force, ending=".json")
    if not 2 <= bits <= 8:
        refuse(f"--bits must be 2 to 8 for a problem, not {bits}")
    if upper_triangle and problem is not _Problem.QUBO:
        refuse("--upper-triangle is for --problem qubo")
    graph, ising = _posed(problem_file, problem, colours, upper_triangle)
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
                progress=lambda done, best: progress.update(task, completed=done, description=_best(weight, best)),
            ),
        )
    title = f"{problem_file.name}: {problem.value}"
    table = _solution_table(found, problem, weight, target, title)
    if graph is not None:
        table.add_row("vertices, edges", f"{len(graph.vertices)}, {len(graph.edges)}")
        for note in graph.notes:
            table.add_row("note on the file", note)
    console.print(table)
    if out is not None:
        write_file(out, _solution_json(found, problem_file, problem, weight), force=force)
        wrote(out)
    if plot_to is not None:
        ends = np.cumsum([segment.periods for segment in found.schedule]).astype(np.float64)
        history, best = _values(found.history, weight), _values(found.energies, weight)
        source = about_file(problem_file.name, hashlib.sha256(content(problem_file)).hexdigest())
        what = "cut" if weight is not None else "energy"
        write_plot(plot_to, solution_picture(ends, history, best, what, title, source), force=force)


def _posed(path: Path, problem: _Problem, colours: int, upper_triangle: bool) -> tuple[Graph | None, Ising]:
    """Read the problem, and express it with spins."""
    if problem is _Problem.PARTITION:
        return None, checked(path, lambda: partition(read_numbers(path)))
    if problem is _Problem.QUBO:
        return None, checked(path, lambda: read_qubo(path, upper_triangle=upper_triangle))
    if problem is _Problem.ISING:
        return None, checked(path, lambda: read_ising(path))
    graph = checked(path, lambda: read_graph(path, weighted=problem is _Problem.MAX_CUT))
    if problem is _Problem.COLOURING:
        return graph, checked("--colours", lambda: colouring(graph, colours))
    return graph, checked(path, lambda: max_cut(graph))


def _values(energies: NDArray[np.float64], weight: float | None) -> NDArray[np.float64]:
    """Convert energies to cuts, if the problem is a cut."""
    return energies if weight is None else np.asarray((weight - energies) / 2)


def _best(weight: float | None, best: float) -> str:
    value = best if weight is None else (weight - best) / 2
    return f"{'cut' if weight is not None else 'energy'} {value:g}"


def _solution_table(
    found: Solution, problem: _Problem, weight: float | None, target: float | None, title: str
) -> Table:
    table = Table("what", "value", show_header=False, title=title)
    values = _values(found.energies, weight)
    trials = len(values)
    best = values.max() if weight is not None else values.min()
    name = "cut" if weight is not None else "energy"
    table.add_row(f"best {name}", f"{best:g}")
    table.add_row(f"{name}, median of {trials} trials", f"{np.median(values):g}")
    table.add_row(
        "spins, weight bits, oscillators", f"{len(found.spins)}, {found.params.weight_bits}, {found.params.count}"
    )
    if problem is _Problem.COLOURING:
        state = "yes" if found.energy == 0 else f"no: cost {found.energy:g} of edges and vertices"
        table.add_row("proper colouring", state)
    if problem is _Problem.PARTITION:
        table.add_row("difference of the sums", f"{math.sqrt(max(found.energy, 0)):g}")
    if problem in (_Problem.QUBO, _Problem.ISING) and len(found.spins) <= MOST_SHOWN:
        names = ", ".join(map(str, found.variables))
        letter = "x" if problem is _Problem.QUBO else "s"
        values_of = found.spins > 0 if problem is _Problem.QUBO else found.spins
        table.add_row(f"{letter} of {names}", ", ".join(str(int(value)) for value in values_of))
    table.add_row("clocks of the circuit per trial, at most", f"{np.median(found.clocks):,.0f}")
    if target is not None:
        reached = found.clocks_to_target
        table.add_row(f"trials that reach {target:g}", f"{np.isfinite(reached).sum()} of {trials}")
        if np.isfinite(np.median(reached)):
            table.add_row(f"clocks to {target:g}, median, at most", f"{np.median(reached):,.0f}")
    table.add_row("seed", str(found.seed))
    return table


def _solution_json(found: Solution, path: Path, problem: _Problem, weight: float | None) -> str:
    reached = [float(clocks) if np.isfinite(clocks) else None for clocks in found.clocks_to_target]
    entries: dict[str, Any] = {
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
    if problem is _Problem.QUBO:
        entries["bits"] = [[str(name), int(spin > 0)] for name, spin in found.sample.items()]
    if weight is not None:
        entries["cut"] = (weight - found.energy) / 2
    return json.dumps(entries, indent=1, sort_keys=True) + "\n"
