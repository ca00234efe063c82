"""What reading hostile files costs: ``python -m tests.fuzz.measure [PART OF A NAME ...]`` prints a table.

Each file is read in a process of its own, with limits on its memory and its processor time. The table has the growth
of the largest resident size during the reading, its time, and its outcome. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.hostile import HOSTILE, made, read

MEMORY = 6 * 2**30
"""Address space of the process that reads, in bytes."""
SECONDS = 100
"""Processor time of the process that reads."""


def _largest() -> int:
    """Largest resident size of this process since its last reset, in KiB (Linux)."""
    return int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0])


def _child(path: Path) -> None:
    """Read a file, and print what it took."""
    sane = path.parent / "sane" / path.name
    with contextlib.suppress(OSError, ValueError):
        read(sane)  # imports everything
    Path("/proc/self/clear_refs").write_text("5")
    before, began = _largest(), time.process_time()
    try:
        read(path)
        outcome = "accepted"
    except ValueError as error:
        outcome = f"refused: {error}".replace(f"{path.parent}/", "")
    except MemoryError:
        outcome = "MemoryError"
    except RecursionError:
        outcome = "RecursionError"
    print(f"{(_largest() - before) / 1024:.0f}\t{time.process_time() - began:.2f}\t{outcome}")


def measured(what: str) -> tuple[int, float, str]:
    """Growth of the resident size in MiB, seconds, and outcome."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        path = made(what, Path(folder))

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.measure", "--child", str(path)],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limited,
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["-"])[-1]
        return used.ru_maxrss // 1024, float("nan"), f"ended by status {done.returncode}: {last}"
    memory, seconds, outcome = done.stdout.rstrip("\n").split("\t", 2)
    return int(memory), float(seconds), outcome


def table(names: list[str]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| file | bytes | MiB | s | outcome |"
    yield "|---|---|---|---|---|"
    for what in names:
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            path = made(what, Path(folder))
            size = path.stat().st_size
        memory, seconds, outcome = measured(what)
        yield f"| {HOSTILE[what][0]}: {what} | {size:,} | {memory:,} | {seconds:.1f} | {outcome[:160]} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of files; all by default")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(given.child)
        return
    for line in table([what for what in HOSTILE if not given.names or any(each in what for each in given.names)]):
        print(line, flush=True)


if __name__ == "__main__":
    main()
