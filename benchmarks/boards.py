"""Every board with open tools, with a core and its link: resources and clock frequency.

Run ``python -m benchmarks.boards``; with ``--docs`` the results also go into the table of docs/boards.md. A quick run
only counts the resources of a small core with its link.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.harness import Benchmark, Row, Run
from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation, implement
from neuristor.boards.linked import LinkedTop
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.hdl.link.uart import divisor
from neuristor.session import OnnOptions, open_session

__all__ = ["BENCHMARK", "CASES", "Case", "built", "measure", "table"]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "boards.md"
BEGIN, END = "<!-- table: python -m benchmarks.boards --docs -->\n", "<!-- end of the table -->\n"


class Case(NamedTuple):
    """A board and the design on it.

    Parameters
    ----------
    board : str
        Name of the board.
    example : str
        A file in ``examples``, or the number of phase oscillators, which get random weights.
    lanes : int, optional
        Number of lanes; that of the design by default.
    """

    board: str
    example: str
    lanes: int | None = None

    def core(self) -> Core:
        """A fresh circuit."""
        if not self.example.isdigit():
            return open_session(ROOT / "examples" / self.example, lanes=self.lanes).core()
        count = int(self.example)
        weights = np.random.default_rng(0).integers(-15, 16, (count, count))
        np.fill_diagonal(weights, 0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.csv"
            np.savetxt(path, weights, fmt="%d", delimiter=",")
            return open_session(path, OnnOptions(parts=4)).core()

    @property
    def title(self) -> str:
        """Name of the design in the table."""
        name = f"{self.example} phase oscillators" if self.example.isdigit() else self.example.removesuffix(".toml")
        return name if self.lanes is None else f"{name}, lanes {self.lanes}"


CASES = (
    Case("icebreaker", "vo2_lif_digits.toml", 1),
    Case("icebreaker", "16"),
    Case("tang-nano-9k", "vo2_lif_digits.toml", 1),
    Case("orangecrab", "vo2_lif_digits.toml"),
    Case("gatemate-evb", "vo2_lif_digits.toml", 1),
    Case("ulx3s-85f", "vo2_lif_digits.toml"),
    Case("ulx3s-85f", "nbo2_mott_oscillators.toml"),
    Case("ulx3s-85f", "snn_digits.toml"),
    Case("ulx3s-85f", "100"),
)
SMALL = Case("xc7z020", "4")
"""The case of a quick run: its resources are only counted."""
CLOCK_HZ = 100e6
"""Frequency for which the link of that case is made."""


def built(case: Case, folder: Path) -> Implementation:
    """Place and route a design with its link, at the frequency of the board's clock pin; count it on a bare device.

    Parameters
    ----------
    case : Case
        Board and design.
    folder : Path
        Folder for the files of the tools.
    """
    board = BOARDS[case.board]
    core = SerialCore(case.core(), divisor(board.clock_hz or CLOCK_HZ, BAUD))
    return implement(board, core if board.counted_only else LinkedTop(core), folder)


def table(rows: Sequence[tuple[Case, Implementation]]) -> str:
    """The table of docs/boards.md, in Markdown.

    Parameters
    ----------
    rows : sequence of (Case, Implementation)
        Cases and their results.
    """
    names = ("LUT", "FF", "block RAM", "DSP")
    lines = [f"| board | design | {' | '.join(names)} | clock | Fmax |", "|---" * 8 + "|"]
    for case, made in rows:
        used = (
            f"{made.resources[name][0]:,} of {made.resources[name][1]:,}" if name in made.resources else ""
            for name in names
        )
        assert made.clock_hz is not None
        fmax = "unknown" if made.fmax_hz is None else f"{made.fmax_hz / 1e6:.1f} MHz"
        lines.append(
            f"| {made.board.name} | {case.title} | {' | '.join(used)} | {made.clock_hz / 1e6:g} MHz | {fmax} |"
        )
    return "\n".join(lines) + "\n"


def measure(run: Run) -> Iterator[Row]:
    """Place and route each case.

    Parameters
    ----------
    run : Run
        Its option `board` selects one board; its option `docs` asks for the table in docs/boards.md. A quick run
        counts the resources of a small core, and routes nothing.
    """
    cases = [SMALL] if run.quick else [case for case in CASES if run.options.board in (None, case.board)]
    done = []
    for case in cases:
        run.note(f"{case.title} on {BOARDS[case.board].title}")
        with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
            made = built(case, Path(folder))
        done.append((case, made))
        name = f"{case.board}{', counted only' if made.board.counted_only else ''}, {case.title} with link"
        for resource, (used, capacity) in made.resources.items():
            yield Row(name=f"{name}: {resource}", value=used, unit=f"of {capacity}", goal=capacity, less=True)
        if made.fmax_hz is not None and made.clock_hz is not None:
            yield Row(name=f"{name}: Fmax", value=made.fmax_hz / 1e6, unit="MHz", goal=made.clock_hz / 1e6)
    run.note("; ".join(sorted({f"{name} {version}" for _, made in done for name, version in made.versions.items()})))
    if run.options.docs and not run.quick:
        _document(done)


def _document(rows: Sequence[tuple[Case, Implementation]]) -> None:
    """Put results into docs/boards.md; rows of other cases stay."""
    before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
    old, after = rest.split(END)
    known = {_key(line): line for text in (old, table(rows)) for line in text.splitlines() if line.startswith("|")}
    head = table([]).splitlines()
    lines = head + [known[key] for case in CASES if (key := (case.board, case.title)) in known]
    DOCS.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, encoding="utf-8", newline="\n")


def _key(line: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[2]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--docs", action="store_true", help="put the results into docs/boards.md, except with --quick")
    names = list(dict.fromkeys(case.board for case in CASES))
    parser.add_argument("--board", choices=names, help="only this board, except with --quick")


BENCHMARK = Benchmark(
    name="boards",
    title="every board with open tools, with a core and its link",
    quick="a small core with its link, resources counted, nothing placed or routed",
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
