"""``neuristor sweep``: a design over a grid or a random sample of its keys, on all cores or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from neuristor.commands.options import DesignFile, Plot, check_plot, write_plot
from neuristor.commands.terminal import console, ends_with, named, stop, wrote
from neuristor.design_file import DesignError, load
from neuristor.golden_model.files import inputs, one_run
from neuristor.pictures.networks import about_file, sweep_picture
from neuristor.sweep_file import Rows, carry_out, earlier
from neuristor.sweeps import CLOCKS, MEASURED, MOST_RUNS, PHYSICS, Axis, Files, Sweep, parse_axis
from neuristor.tables import si

__all__ = ["app"]

app = typer.Typer()

FILES = ("stimulus.source", "neuron.model", "devices.file", "coupling.file")
"""Keys whose values may be paths of files."""
UNITS = {"rate_hz": "Hz", "rate_sd_hz": "Hz", "membrane_error": "V", "membrane_bound": "V"}
"""Units of the results that have one."""


@app.command()
def sweep(
    design: DesignFile,
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write: one row for each run.")],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=VALUES",
            help="Key of the design, and its values: 1..100 (integers), 1.2:1.8:7 (7 numbers), 1e-12:1e-9:7:log, or "
            "values of TOML with commas. Given several times, all combinations are run.",
        ),
    ],
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, max=MOST_RUNS, help="Run this number of random combinations instead of all."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the random combinations.")] = 1,
    physics: Annotated[
        bool, typer.Option("--physics", help="Also run the float models: their spikes, and the membrane error.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes on this computer. Default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Run on the workers of this Dask scheduler: tcp://ADDRESS:PORT.")
    ] = None,
    plot_to: Plot = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output, and run all runs again.")] = False,
) -> None:
    """Run the bit-true model for all combinations of values of some keys, or for a random sample of them.

    Finished runs are written while others run. After an interruption, the same command continues, and the final file is
    the same. A combination that the design refuses has the reason in the column `problem`. Exit status 1 if all are
    refused.

    Example: `neuristor sweep examples/vo2_lif_digits.toml --vary variability.seed=1..100 --out s.parquet --plot s.svg`

    Example: `neuristor sweep examples/vo2_oscillators.toml --vary circuit.supply=2.2:3:9 --out v.parquet`
    """
    check_plot(plot_to, force=True)
    with named():
        axes = tuple(parse_axis(text) for text in vary)
        plan = Sweep(Files.of(design, _sources(design, axes)), axes, sample, seed, physics)
    before = len(earlier(plan, out, force=force))
    rows = _carried_out(plan, out, jobs, scheduler, force)
    if before:
        console.print(f"{before} of {plan.runs} runs were already in the file")
    console.print(_summary(plan, rows))
    problems = [row["problem"] for _, row in sorted(rows.items()) if row.get("problem") is not None]
    if problems:
        console.print(
            f"{len(problems)} of {plan.runs} runs were refused; the first: {problems[0]}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if plot_to is not None and len(problems) < plan.runs:
        write_plot(plot_to, sweep_picture(plan, rows, about_file(plan.files.design)), force=True)
    wrote(out)
    ends_with(len(problems) < plan.runs)


def _carried_out(plan: Sweep, out: Path, jobs: int | None, scheduler: str | None, force: bool) -> Rows:
    """Run the sweep and show its progress; Ctrl-C ends the command with exit status 130."""
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as shown:
            task = shown.add_task("runs", total=plan.runs)

            def say(rows: Rows) -> None:
                shown.update(task, completed=len(rows))

            return carry_out(plan, out, jobs=jobs, scheduler=scheduler, force=force, done=say)
    except KeyboardInterrupt:
        if out.exists():
            wrote(out, " has the finished runs; the same command continues")
        else:
            console.print("stopped before the first run was finished; nothing was written")
        stop(130)


def _sources(design: Path, axes: Sequence[Axis]) -> list[str]:
    """Files beside the design that the runs may read; each key is tried once, so a misspelt one is refused at once.

    Raises
    ------
    DesignError
        If a key does not exist, or the design cannot be loaded and no run has other files.
    """
    sources = [each for axis in axes if axis.key in FILES for each in axis.values if isinstance(each, str)]
    for axis in axes:
        first = axis.values[0] if axis.values else axis.low
        try:
            sources += _read(design, {axis.key: first})
        except DesignError as error:
            if "unknown key" in str(error) or "unknown section" in str(error):
                raise
    try:
        sources += _read(design)
    except DesignError:
        if not sources:
            raise
    return sources


def _read(design: Path, changes: dict[str, Any] | None = None) -> list[str]:
    """Paths from the design to the other files that it reads: input, model, devices, edges."""
    with one_run():
        load(design, changes)
        found = inputs()
    own = design.resolve()
    return [os.path.relpath(path, own.parent) for path in sorted(found) if path != own]


def _summary(sweep: Sweep, rows: Rows) -> Table:
    """Least, median and largest value of each result."""
    good = [row for row in rows.values() if row.get("problem") is None]
    table = Table("result", "least", "median", "largest", title=f"{sweep.runs} runs")
    for name, _ in [*MEASURED, *CLOCKS, *PHYSICS]:
        values = [row[name] for row in good if row.get(name) is not None]
        if values:
            shown = (min(values), np.median(values), max(values))
            table.add_row(name, *(_shown(name, float(each)) for each in shown))
    return table


def _shown(name: str, value: float) -> str:
    unit = UNITS.get(name)
    return f"{value:.6g}" if unit is None else si(value, unit, 6)
