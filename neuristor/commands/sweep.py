"""``neuristor sweep``: a design over a grid or a random sample of its keys, on all cores or on a cluster."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import tempfile
import time
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from neuristor.commands.terminal import console, wrote
from neuristor.design_file import DesignError, load
from neuristor.folder import OutputError, check_target, plain, write_file
from neuristor.report import INK, STYLE
from neuristor.steps import simulate
from neuristor.version import __version__

__all__ = ["Axis", "Files", "Sweep", "app", "parse_axis", "results", "run"]

app = typer.Typer()

MOST_RUNS = 10_000_000
BLOCK = 4096
"""Ticks simulated at a time: what bounds the memory of a long run."""
SAVE_S = 5.0
"""Finished runs are lost by a kill for this long at most, or for twenty times as long as writing takes."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


# --- what is varied


@dataclass(frozen=True)
class Axis:
    """A key of the design file, and its values: a list of them, or a range to draw from.

    Attributes
    ----------
    key : str
        As ``section.key``.
    text : str
        As the user wrote the values.
    values : tuple
        Empty for a range without a number of points.
    low, high : float
        Of a range.
    log : bool
        Whether a range is even in its logarithm.
    """

    key: str
    text: str
    values: tuple[Any, ...] | range
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def draw(self, random: np.random.Generator) -> Any:
        """One value at random."""
        if self.values:
            return self.values[int(random.integers(len(self.values)))]
        if self.log:
            return float(math.exp(random.uniform(math.log(self.low), math.log(self.high))))
        return float(random.uniform(self.low, self.high))


def parse_axis(text: str) -> Axis:
    """A key and its values, as on the command line.

    Parameters
    ----------
    text : str
        ``KEY=1..9`` (integers), ``KEY=LOW:HIGH:COUNT`` or ``KEY=LOW:HIGH:COUNT:log`` (numbers; without COUNT for
        ``--sample``), or ``KEY=VALUE,VALUE`` as in TOML.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    key, equals, values = text.partition("=")
    key, values = key.strip(), values.strip()
    if not equals or not re.fullmatch(r"\w+(\.[\w-]+)+", key) or not values:
        raise ValueError(f"--vary must be SECTION.KEY=VALUES, such as variability.seed=1..100, not {text!r}")
    if found := re.fullmatch(r"(-?\d+)\.\.(-?\d+)", values):
        low, high = int(found[1]), int(found[2])
        if low > high or high - low >= MOST_RUNS:
            raise ValueError(f"--vary {key} must go from a lower to a higher integer, in at most {MOST_RUNS} steps")
        _column(key, [low, high])
        return Axis(key, values, range(low, high + 1))
    if found := re.fullmatch(rf"({_NUMBER}):({_NUMBER})(?::(\d+))?(:log)?", values):
        ends, count, log = (float(found[1]), float(found[2])), found[3], found[4] is not None
        if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]) or (log and ends[0] <= 0):
            raise ValueError(
                f"--vary {key} must go from a lower to a higher number{', above 0' if log else ''}, not {values!r}"
            )
        points: tuple[float, ...] = ()
        if count is not None:
            if not 2 <= int(count) <= MOST_RUNS:
                raise ValueError(f"--vary {key} must have 2 to {MOST_RUNS} points, not {count}")
            points = tuple((np.geomspace if log else np.linspace)(*ends, int(count)).tolist())
        return Axis(key, values, points, *ends, log)
    try:
        listed = tomllib.loads(f"x = [{values}]")
    except (tomllib.TOMLDecodeError, RecursionError):
        listed = {}
    if set(listed) != {"x"} or not listed["x"]:
        raise ValueError(
            f"--vary {key} must be as 1..9, 0.5:2:4, 1e-12:1e-9:7:log or values of TOML with commas "
            f'(texts in quotes: \'{key}="a","b"\'), not {values!r}'
        )
    _column(key, listed["x"])
    return Axis(key, values, tuple(listed["x"]))


def _column(key: str, values: Sequence[Any]) -> pa.DataType:
    """The type of a column that holds all these.

    Raises
    ------
    ValueError
        If they are of different kinds.
    """
    kinds = {type(value) for value in values}
    if kinds == {list}:
        return pa.list_(_column(key, [each for value in values for each in value]))
    if kinds == {int, float}:
        kinds = {float}
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        raise ValueError(f"--vary {key} must have integers of at most 64 bits")
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    if len(kinds) != 1 or (kind := kinds.pop()) not in types:
        raise ValueError(f"--vary {key} must have values of one kind: numbers, texts, true or false, or lists of them")
    return types[kind]


@dataclass(frozen=True)
class Files:
    """A design file and the stimulus files it may name, to be taken to where it is run.

    Attributes
    ----------
    root : str
        A folder that they are all in.
    design : str
        Path of the design file in it.
    content : tuple of (str, bytes)
        Path in `root` and content of each.
    """

    root: str
    design: str
    content: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, design: Path, sources: Sequence[str]) -> Files:
        """The files on this machine; a source that is no file here is left to be missed later."""
        paths = [design.absolute()]
        for source in sources:
            path = Path(os.path.normpath(design.absolute().parent / source))
            if path.is_file() and path not in paths and not Path(source).is_absolute():
                paths.append(path)
        root = Path(os.path.commonpath([path.parent for path in paths]))
        try:
            content = tuple((path.relative_to(root).as_posix(), path.read_bytes()) for path in paths)
        except OSError as error:
            raise DesignError(f"{error.filename}: cannot be read ({error.strerror})") from None
        return cls(str(root), content[0][0], content)


@dataclass(frozen=True)
class Sweep:
    """Which runs there are, and what becomes of each.

    Parameters
    ----------
    files : Files
    axes : tuple of Axis
    sample : int or None
        Runs drawn at random; None for all combinations.
    seed : int
        Of the sample.
    physics : bool
        Whether the float models run too.

    Raises
    ------
    ValueError
        If a key stands twice, a range has no number of points, or there are too many runs.
    """

    files: Files
    axes: tuple[Axis, ...]
    sample: int | None = None
    seed: int = 1
    physics: bool = False

    def __post_init__(self) -> None:
        keys = [axis.key for axis in self.axes]
        if not keys:
            raise ValueError("nothing is varied: give --vary, such as --vary variability.seed=1..100")
        if len(set(keys)) < len(keys):
            raise ValueError(f"each key can be varied once, not {', '.join(keys)}")
        for axis in self.axes:
            if self.sample is None and not axis.values:
                raise ValueError(f"--vary {axis.key} needs a number of points, {axis.text}:9, or --sample")
        if not 1 <= self.runs <= MOST_RUNS:
            raise ValueError(f"a sweep must have 1 to {MOST_RUNS} runs, not {self.runs}")

    @property
    def runs(self) -> int:
        """How many."""
        return math.prod(len(axis.values) for axis in self.axes) if self.sample is None else self.sample

    def changes(self, run: int) -> dict[str, Any]:
        """The values of one run, by key."""
        if self.sample is not None:
            random = np.random.default_rng((self.seed, run))  # of this run alone: a longer sample begins with a shorter
            return {axis.key: axis.draw(random) for axis in self.axes}
        made, rest = {}, run
        for axis in reversed(self.axes):
            rest, at = divmod(rest, len(axis.values))
            made[axis.key] = axis.values[at]
        return {axis.key: made[axis.key] for axis in self.axes}

    @property
    def counts_clocks(self) -> bool:
        """Whether anything that is varied may change how many clocks a tick takes."""
        return any(axis.key.startswith("fpga.") or axis.key == "neuron.count" for axis in self.axes)

    @property
    def schema(self) -> pa.Schema:
        """The columns: the keys, and what was measured; in the metadata, what the sweep is."""
        keys = [(axis.key, _column(axis.key, axis.values) if axis.values else pa.float64()) for axis in self.axes]
        measured = [*_MEASURED, *(_CLOCKS if self.counts_clocks else ()), *(_PHYSICS if self.physics else ())]
        about = {
            "neuristor": __version__,
            "design": self.files.design,
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in self.files.content},
            "vary": [f"{axis.key}={axis.text}" for axis in self.axes],
            "sample": self.sample,
            "seed": self.seed if self.sample is not None else None,
            "runs": self.runs,
        }
        columns = [("run", pa.int64()), *keys, ("sha256", pa.string()), *measured, ("problem", pa.string())]
        return pa.schema(columns, metadata={"sweep": json.dumps(about, sort_keys=True)})


_MEASURED = [
    ("ticks", pa.int64()),
    ("spikes", pa.int64()),
    ("rate_hz", pa.float64()),
    ("rate_sd_hz", pa.float64()),
    ("silent", pa.int64()),
    ("saturations", pa.int64()),
]
_CLOCKS = [("cycles_per_tick", pa.int64())]
_PHYSICS = [
    ("spikes_float", pa.int64()),
    ("membrane_error", pa.float64()),
    ("membrane_bound", pa.float64()),
]


# --- a run


def run(sweep: Sweep, number: int) -> dict[str, Any]:
    """What one run gives, by column; a design that is refused has only its `problem`.

    Everything it needs is in the arguments, so that it can run on another machine.
    """
    changes = sweep.changes(number)
    row: dict[str, Any] = {"run": number, **changes}
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        for name, content in sweep.files.content:
            path = Path(scratch) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            design = load(Path(scratch) / sweep.files.design, changes)
        except DesignError as error:
            return row | {"problem": str(error).replace(scratch, sweep.files.root)}
    params = design.params
    model = design.golden.bit_true(params)
    frames, ticks = design.frames_raw, design.stimulus.ticks
    spikes = np.zeros(params.count, np.int64)
    at_once = max(1, BLOCK // ticks)
    for first in range(0, len(frames), at_once):
        for part in _blocks(np.repeat(frames[first : first + at_once], ticks, axis=0)):
            spikes += model.run(part)["spike"].sum(axis=0)
    total = len(frames) * ticks
    rates = spikes / (total * params.dts)
    row |= {
        "sha256": design.digest,
        "ticks": total,
        "spikes": int(spikes.sum()),
        "rate_hz": float(rates.mean()),
        "rate_sd_hz": float(rates.std()),
        "silent": int((spikes == 0).sum()),
        "saturations": int(model.saturations),
    }
    if sweep.counts_clocks:
        row["cycles_per_tick"] = design.case.timing["cycles_per_tick"]
    if sweep.physics:
        try:
            simulation = simulate(design)
        except DesignError as error:
            return {"run": number, **changes, "problem": str(error).replace(scratch, sweep.files.root)}
        row |= {
            "spikes_float": int(simulation.continuous["spike"].sum()),
            "membrane_error": float(np.abs(simulation.membrane_error).max()),
            "membrane_bound": float(simulation.bound.total),
        }
    return row


def _blocks(drive: Any) -> Iterator[Any]:
    for first in range(0, len(drive), BLOCK):
        yield drive[first : first + BLOCK]


def results(
    sweep: Sweep, numbers: Sequence[int], *, jobs: int | None = None, scheduler: str | None = None
) -> Generator[dict[str, Any], None, None]:
    """The rows of some runs, as they finish.

    Parameters
    ----------
    sweep : Sweep
    numbers : sequence of int
    jobs : int, optional
        Processes on this machine; all cores by default.
    scheduler : str, optional
        Address of a Dask scheduler whose workers run it, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    DesignError
        If there is no such scheduler, or Dask is not installed.
    """
    if scheduler is None:
        tasks = (joblib.delayed(run)(sweep, number) for number in numbers)
        yield from joblib.Parallel(n_jobs=jobs or joblib.cpu_count(), return_as="generator_unordered")(tasks)
        return
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise DesignError("--scheduler needs Dask: pip install 'neuristor[cluster]'") from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise DesignError(f"--scheduler must be the address of a Dask scheduler, not {scheduler!r}: {error}") from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise DesignError(f"the Dask scheduler at {scheduler} has no workers")
        shared = client.scatter(sweep, broadcast=True)
        futures = [client.submit(run, shared, number, pure=False) for number in numbers]
        for future in as_completed(futures):
            yield future.result()
            future.release()


# --- the file


def _table(sweep: Sweep, rows: Mapping[int, Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([dict(rows[number]) for number in sorted(rows)], sweep.schema)


def _save(sweep: Sweep, rows: Mapping[int, Mapping[str, Any]], out: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(_table(sweep, rows), buffer)
    write_file(out, buffer.getvalue(), force=True)


def earlier(sweep: Sweep, out: Path, *, force: bool) -> dict[int, dict[str, Any]]:
    """The rows that an unfinished run of the same sweep left.

    Raises
    ------
    OutputError
        If the file is of another sweep, or complete.
    """
    check_target(out, force=True)
    if force or not out.exists():
        return {}
    try:
        table = pq.read_table(out)
    except (OSError, pa.ArrowInvalid):
        raise OutputError(f"{out} exists and is no Parquet file: name another, or pass --force to replace it") from None
    if not table.schema.equals(sweep.schema, check_metadata=True):
        raise OutputError(f"{out} holds another sweep: name another file, or pass --force to replace it")
    rows = {row["run"]: row for row in table.to_pylist()}
    if len(rows) == sweep.runs:
        raise OutputError(f"{out} holds all {sweep.runs} runs of this sweep: pass --force to run them again")
    return rows


def carry_out(
    sweep: Sweep,
    out: Path,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    done: Callable[[Mapping[int, Mapping[str, Any]]], None] = lambda rows: None,
) -> dict[int, dict[str, Any]]:
    """Run what is not yet in the file, and write as runs finish.

    Parameters
    ----------
    sweep : Sweep
    out : Path
        The Parquet file. It is always whole; rows are in the order of runs, so that it does not depend on which
        finished first.
    jobs, scheduler
        As in `results`.
    force : bool
        Begin anew.
    done : callable
        Told all rows so far, after each run.

    Returns
    -------
    dict of int to dict
        All rows, by run.

    Raises
    ------
    OutputError
        If the file is of another sweep, or complete.
    """
    rows = earlier(sweep, out, force=force)
    left = [number for number in range(sweep.runs) if number not in rows]
    saved, wait = time.monotonic(), SAVE_S
    done(rows)
    with closing(results(sweep, left, jobs=jobs, scheduler=scheduler)) as finished:
        try:
            for row in finished:
                rows[row["run"]] = row
                done(rows)
                if time.monotonic() - saved > wait:
                    before = time.monotonic()
                    _save(sweep, rows, out)
                    saved = time.monotonic()
                    wait = max(SAVE_S, 20 * (saved - before))
        finally:
            if rows:
                _save(sweep, rows, out)
    return rows


# --- the picture


def plot(sweep: Sweep, rows: Mapping[int, Mapping[str, Any]]) -> str:
    """An SVG: rates over the first two keys that are numbers; a histogram where only seeds are varied."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    good = [row for _, row in sorted(rows.items()) if row.get("problem") is None]
    numeric = [
        axis.key
        for axis in sweep.axes
        if not axis.key.endswith("seed")
        and all(isinstance(row[axis.key], int | float) for row in good)
        and len({row[axis.key] for row in good}) > 1
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        rates = np.array([row["rate_hz"] for row in good])
        if not numeric:
            axes.hist(rates, bins=min(40, max(5, math.isqrt(len(good)))), color=INK)
            axes.set(xlabel="mean rate (Hz)", ylabel="runs")
        else:
            at = np.array([row[numeric[0]] for row in good], dtype=np.float64)
            if len(numeric) > 1:
                points = axes.scatter(at, rates, c=[row[numeric[1]] for row in good], s=12, cmap="viridis")
                figure.colorbar(points, label=numeric[1])
            else:
                axes.scatter(at, rates, s=12, color=INK)
                places = np.unique(at)
                if len(places) < len(at):
                    axes.plot(places, [np.median(rates[at == each]) for each in places], color=INK, label="median")
                    axes.legend(frameon=False)
            if any(axis.log for axis in sweep.axes if axis.key == numeric[0]):
                axes.set_xscale("log")
            elif all(isinstance(row[numeric[0]], int) for row in good):
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set(xlabel=numeric[0], ylabel="mean rate (Hz)")
        axes.set_title(f"{plain(sweep.files.design)}: {len(good)} of {sweep.runs} runs", loc="left", parse_math=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


# --- the command


@app.command()
def sweep(
    design: Annotated[
        Path, typer.Argument(metavar="DESIGN", help="The design file (TOML); its keys: `neuristor keys`.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write: a row a run.")],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=VALUES",
            help="A key of the design, and its values: 1..100, 1.2:1.8:7, 1e-12:1e-9:7:log, or values of TOML with "
            "commas. Again for each key; all combinations are run.",
        ),
    ],
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, max=MOST_RUNS, help="Run so many random combinations in place of all."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of the sample.")] = 1,
    physics: Annotated[
        bool, typer.Option("--physics", help="Run the float models too: spikes and membrane error.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes on this machine; all cores by default.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Run on the workers of this Dask scheduler: tcp://ADDRESS:PORT.")
    ] = None,
    plot_to: Annotated[Path | None, typer.Option("--plot", help="An SVG file to write: rates over keys.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin anew if the output exists.")] = False,
) -> None:
    """Run the bit-true model for every combination of some keys, or a random sample, on all cores or a cluster.

    Rows land in the file as they finish; if it is stopped, the same command goes on where it was, and the file is
    the same in the end. A combination that the design refuses has the reason in the column `problem`. Examples:
    `neuristor sweep examples/vo2_lif_digits.toml --vary variability.seed=1..100 --out seeds.parquet`,
    `neuristor sweep examples/vo2_oscillators.toml --vary circuit.supply=2.2:3:9 --plot rate.svg --out supply.parquet`
    """
    if plot_to is not None:
        check_target(plot_to, force=True, ending=".svg")
    try:
        axes = tuple(parse_axis(text) for text in vary)
        plan = Sweep(Files.of(design, _sources(design, axes)), axes, sample, seed, physics)
    except ValueError as error:
        raise error if isinstance(error, DesignError) else DesignError(str(error)) from None
    rows = earlier(plan, out, force=force)
    before = len(rows)
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as shown:
            task = shown.add_task("runs", total=plan.runs)

            def say(rows: Mapping[int, Any]) -> None:
                shown.update(task, completed=len(rows))

            rows = carry_out(plan, out, jobs=jobs, scheduler=scheduler, force=force, done=say)
    except KeyboardInterrupt:
        if out.exists():
            wrote(out, " keeps what is done; the same command goes on from there")
        else:
            console.print("stopped before a run was done; nothing was written")
        raise typer.Exit(130) from None
    if before:
        console.print(f"{before} of {plan.runs} runs were there from before")
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
        write_file(plot_to, plot(plan, rows), force=True)
        wrote(plot_to)
    wrote(out)
    if len(problems) == plan.runs:
        raise typer.Exit(1)


def _sources(design: Path, axes: Sequence[Axis]) -> list[str]:
    """The stimulus files that runs may read; each key tried once, so that a misspelt one is told at once."""
    sources = [each for axis in axes if axis.key == "stimulus.source" for each in axis.values if isinstance(each, str)]
    for axis in axes:
        first = axis.values[0] if axis.values else axis.low
        try:
            loaded = load(design, {axis.key: first})
        except DesignError as error:
            if "unknown key" in str(error) or "unknown section" in str(error):
                raise
            continue
        sources.append(loaded.sections.stimulus.source)
    try:
        sources.append(load(design).sections.stimulus.source)
    except DesignError:
        if not sources:
            raise
    return sources


def _summary(sweep: Sweep, rows: Mapping[int, Mapping[str, Any]]) -> Table:
    """Least, median and largest of what was measured."""
    good = [row for row in rows.values() if row.get("problem") is None]
    table = Table("measured", "least", "median", "largest", title=f"{sweep.runs} runs")
    for name, _ in [*_MEASURED, *_CLOCKS, *_PHYSICS]:
        values = [row[name] for row in good if row.get(name) is not None]
        if values:
            table.add_row(name, *(f"{float(each):.6g}" for each in (min(values), np.median(values), max(values))))
    return table
