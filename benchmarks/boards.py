"""Every board with open tools, with a core and its link on it: what it takes, and how fast it is.

``python -m benchmarks.boards`` prints a row for each; ``--docs`` puts them into docs/boards.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation, implement
from neuristor.boards.linked import LinkedTop
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.hdl.link.uart import divisor
from neuristor.session import OnnOptions, open_session

__all__ = ["CASES", "Case", "built", "main", "table"]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "boards.md"
BEGIN, END = "<!-- table: python -m benchmarks.boards --docs -->\n", "<!-- end of the table -->\n"


class Case(NamedTuple):
    """What is put onto a board."""

    board: str
    example: str
    """A file in examples, or how many oscillators with random weights."""
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
        """For the table."""
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


def built(case: Case, folder: Path) -> Implementation:
    """Place and route at the board's own clock."""
    board = BOARDS[case.board]
    assert board.clock_hz is not None
    return implement(board, LinkedTop(SerialCore(case.core(), divisor(board.clock_hz, BAUD))), folder)


def table(rows: Sequence[tuple[Case, Implementation]]) -> str:
    """As Markdown."""
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


def main() -> None:
    """Build, print, and put what was built into the docs if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="put the rows into docs/boards.md; others stay")
    parser.add_argument("--board", help="only this one")
    arguments = parser.parse_args()
    rows = []
    for case in CASES:
        if arguments.board in (None, case.board):
            with tempfile.TemporaryDirectory() as folder:
                rows.append((case, built(case, Path(folder))))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    print("; ".join(sorted({f"{name} {version}" for _, made in rows for name, version in made.versions.items()})))
    if arguments.docs:
        before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
        old, after = rest.split(END)
        known = {_key(line): line for text in (old, table(rows)) for line in text.splitlines() if line.startswith("|")}
        head = table([]).splitlines()
        lines = head + [known[key] for case in CASES if (key := (case.board, case.title)) in known]
        DOCS.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, encoding="utf-8", newline="\n")


def _key(line: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[2]


if __name__ == "__main__":
    main()
