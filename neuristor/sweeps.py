"""Parameter sweeps: the bit-true model of a design for a grid or a random sample of values of its keys."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
import tomllib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa

from neuristor.design_file import DesignError, load
from neuristor.steps import simulate
from neuristor.version import __version__

__all__ = ["CLOCKS", "MEASURED", "MOST_RUNS", "PHYSICS", "Axis", "Files", "Sweep", "parse_axis", "results", "run"]

MOST_RUNS = 10_000_000
"""Largest number of runs of a sweep."""
BLOCK = 4096
"""Ticks simulated at a time; this bounds the memory of a long run."""
MEASURED = (
    ("ticks", pa.int64()),
    ("spikes", pa.int64()),
    ("rate_hz", pa.float64()),
    ("rate_sd_hz", pa.float64()),
    ("silent", pa.int64()),
    ("saturations", pa.int64()),
)
"""Columns of every sweep, with their types."""
CLOCKS = (("cycles_per_tick", pa.int64()),)
"""Columns of a sweep that varies the circuit."""
PHYSICS = (
    ("spikes_float", pa.int64()),
    ("membrane_error", pa.float64()),
    ("membrane_bound", pa.float64()),
)
"""Columns of a sweep with float models; errors in volt."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True)
class Axis:
    """A key of the design file with its values: a list, or a range for random values.

    Parameters
    ----------
    key : str
        The key, as ``section.key``.
    text : str
        The values as written by the user.
    values : tuple or range
        The values; empty for a range without a number of points.
    low, high : float
        Ends of a range.
    log : bool
        Whether values of a range are spaced evenly in their logarithm.
    """

    key: str
    text: str
    values: tuple[Any, ...] | range
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def draw(self, random: np.random.Generator) -> Any:
        """Draw a value.

        Parameters
        ----------
        random : numpy.random.Generator
            Source of random numbers.

        Returns
        -------
        object
            One of the values, or a number of the range.
        """
        if self.values:
            return self.values[int(random.integers(len(self.values)))]
        if self.log:
            return float(math.exp(random.uniform(math.log(self.low), math.log(self.high))))
        return float(random.uniform(self.low, self.high))


def parse_axis(text: str) -> Axis:
    """Read a key and its values from the command line.

    Parameters
    ----------
    text : str
        ``KEY=1..9`` (integers), ``KEY=LOW:HIGH:COUNT`` or ``KEY=LOW:HIGH:COUNT:log`` (numbers; without COUNT for a
        random sample), or ``KEY=VALUE,VALUE`` with values of TOML.

    Returns
    -------
    Axis
        The key and its values.

    Raises
    ------
    ValueError
        If it has another form, or the values have different types.
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
    """Type of a column for these values.

    Raises
    ------
    ValueError
        If the values have different types, or a type that a column cannot have.
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
    """A design file and the files it reads, with their content: a run needs no other file, and can be on any computer.

    Parameters
    ----------
    root : str
        Folder that contains all files.
    design : str
        Path of the design file in that folder.
    content : tuple of (str, bytes)
        Path in that folder, and content, of each file.
    """

    root: str
    design: str
    content: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, design: Path, sources: Sequence[str]) -> Files:
        """Read the files. One that does not exist is left out: the runs that need it report it.

        Parameters
        ----------
        design : Path
            The design file.
        sources : sequence of str
            Their paths from the design, if they are files; those that are not relative paths of files are ignored.

        Returns
        -------
        Files
            The files and their content.

        Raises
        ------
        DesignError
            If a file cannot be read.
        """
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
    """The runs of a sweep, and the columns of their results.

    Parameters
    ----------
    files : Files
        The design file and its stimulus files.
    axes : tuple of Axis
        The keys that are varied, at least one.
    sample : int, optional
        Number of random runs; all combinations when absent.
    seed : int
        Seed of the random sample.
    physics : bool
        Whether the float models are run as well.

    Raises
    ------
    ValueError
        If no key is varied, a key is given twice, a range has no number of points, or there are more than 10,000,000
        runs.
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
        """Number of runs."""
        return math.prod(len(axis.values) for axis in self.axes) if self.sample is None else self.sample

    def changes(self, run: int) -> dict[str, Any]:
        """Choose the values of one run.

        Parameters
        ----------
        run : int
            Number of the run, from 0.

        Returns
        -------
        dict of str to value
            Values by key.
        """
        if self.sample is not None:
            random = np.random.default_rng(
                (self.seed, run)
            )  # for each run: a longer sample begins with the shorter one
            return {axis.key: axis.draw(random) for axis in self.axes}
        made, rest = {}, run
        for axis in reversed(self.axes):
            rest, at = divmod(rest, len(axis.values))
            made[axis.key] = axis.values[at]
        return {axis.key: made[axis.key] for axis in self.axes}

    @property
    def counts_clocks(self) -> bool:
        """Whether a varied key may change the clocks per tick."""
        return any(axis.key.startswith("fpga.") or axis.key == "neuron.count" for axis in self.axes)

    @property
    def schema(self) -> pa.Schema:
        """The columns: number of the run, keys, results. The metadata identify the sweep."""
        keys = [(axis.key, _column(axis.key, axis.values) if axis.values else pa.float64()) for axis in self.axes]
        measured = [*MEASURED, *(CLOCKS if self.counts_clocks else ()), *(PHYSICS if self.physics else ())]
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


def run(sweep: Sweep, number: int) -> dict[str, Any]:
    """Run the bit-true model with the values of one run. It needs no file, and can be on another computer.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    number : int
        Number of the run, from 0.

    Returns
    -------
    dict of str to value
        Results by column; for a design that is refused, the column `problem` with the reason.
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
    """Run some runs of a sweep at the same time.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    numbers : sequence of int
        Numbers of the runs.
    jobs : int, optional
        Processes on this computer; one for each core by default.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``: its workers run them.

    Yields
    ------
    dict of str to value
        Results of a run, in the order in which they finish.

    Raises
    ------
    DesignError
        If there is no such scheduler, it has no workers, or Dask is not installed.
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
