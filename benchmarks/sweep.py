"""Sweeps: 1,000 Monte Carlo runs through, killed half-way and resumed, and on a Dask cluster of two workers.

Run ``python -m benchmarks.sweep``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from distributed import LocalCluster

from benchmarks.harness import Peer, Row, main

__all__ = ["measure"]

DESIGN = Path(__file__).parents[1] / "examples/vo2_lif_digits.toml"
FRAMES = 20


def _command(runs: int, out: Path, *more: str) -> list[str]:
    varied = ["--vary", f"variability.seed=1..{runs}", "--vary", f"stimulus.frames={FRAMES}"]
    return [sys.executable, "-m", "neuristor", "sweep", str(DESIGN), *varied, "--out", str(out), *more]


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _killed(runs: int, out: Path) -> int:
    """Kill a sweep, workers and all, when half of it is in the file; how many rows it left."""
    process = subprocess.Popen(_command(runs, out), stdout=subprocess.DEVNULL, start_new_session=True)
    while not out.exists() or pq.read_metadata(out).num_rows < runs // 2:
        if process.poll() is not None:
            raise RuntimeError("the sweep ended before it was killed")
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left: int = pq.read_metadata(out).num_rows
    return left


def measure(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    """Seconds of each way, and whether the files are the same.

    Raises
    ------
    RuntimeError
        If they are not.
    """
    runs = 200 if quick else 1000
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        alone, local, killed, cluster = (Path(scratch) / f"{name}.parquet" for name in ("1", "2", "3", "4"))
        one = _timed(_command(runs, alone, "--jobs", "1"))
        yield Row(name=f"{runs} runs, one process", value=one, unit="s", less=True)
        peer = Peer("one process", one)
        yield Row(name="the same, all cores", value=_timed(_command(runs, local)), unit="s", peer=peer, less=True)
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers:
            spent = _timed(_command(runs, cluster, "--scheduler", workers.scheduler_address))
        yield Row(name="the same, two Dask workers", value=spent, unit="s", peer=peer, less=True)
        left = _killed(runs, killed)
        spent = _timed(_command(runs, killed))
        yield Row(name=f"the same, killed with {left} rows in the file: the rest", value=spent, unit="s", less=True)
        if any(path.read_bytes() != alone.read_bytes() for path in (local, cluster, killed)):
            raise RuntimeError("the files differ")
        note("all four files are the same, byte for byte")


if __name__ == "__main__":
    main("Sweeps", measure)
