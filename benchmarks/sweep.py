"""Sweeps: Monte Carlo runs in one process, on all cores, on a Dask cluster of two workers, and killed and resumed.

Run ``python -m benchmarks.sweep``. All files must be equal, byte for byte. A quick run has fewer runs,
without Dask, and is not killed. Dask comes with the extra ``cluster``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.harness import Benchmark, Peer, Row, Run

__all__ = ["BENCHMARK", "measure"]

DESIGN = Path(__file__).parents[1] / "examples/vo2_lif_digits.toml"
FRAMES = 20
RUNS, QUICK_RUNS = 1000, 10


def _command(runs: int, out: Path, *more: str) -> list[str]:
    varied = ["--vary", f"variability.seed=1..{runs}", "--vary", f"stimulus.frames={FRAMES}"]
    return [sys.executable, "-m", "neuristor", "sweep", str(DESIGN), *varied, "--out", str(out), *more]


def _timed(command: list[str]) -> float:
    """Wall time of a command, in seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _on_cluster(runs: int, out: Path) -> float:
    """Wall time on two Dask workers with one thread each, in seconds."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers:
        return _timed(_command(runs, out, "--scheduler", workers.scheduler_address))


def _killed(runs: int, out: Path) -> int:
    """Kill a sweep and its workers when half of its rows are in the file; return the number of rows it left.

    Raises
    ------
    RuntimeError
        If it ends before that.
    """
    process = subprocess.Popen(_command(runs, out), stdout=subprocess.DEVNULL, start_new_session=True)
    while not out.exists() or pq.read_metadata(out).num_rows < runs // 2:
        if process.poll() is not None:
            raise RuntimeError("the sweep ended before it was killed")
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left: int = pq.read_metadata(out).num_rows
    return left


def measure(run: Run) -> Iterator[Row]:
    """Time each way, and compare the files.

    Parameters
    ----------
    run : Run
        A quick run has fewer Monte Carlo runs, is not killed, and leaves out Dask.

    Raises
    ------
    RuntimeError
        If the files differ.
    """
    runs = QUICK_RUNS if run.quick else RUNS
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        alone, local, cluster, killed = (Path(scratch) / f"{name}.parquet" for name in ("1", "2", "3", "4"))
        one = _timed(_command(runs, alone, "--jobs", "1"))
        yield Row(name=f"{runs} runs, one process", value=one, unit="s", less=True)
        peer = Peer("one process", one)
        yield Row(name=f"{runs} runs, all cores", value=_timed(_command(runs, local)), unit="s", peer=peer, less=True)
        files = [alone, local]
        if not run.quick:
            spent = _on_cluster(runs, cluster)
            yield Row(name=f"{runs} runs, two Dask workers", value=spent, unit="s", peer=peer, less=True)
            left = _killed(runs, killed)
            spent = _timed(_command(runs, killed))
            yield Row(name=f"{runs} runs, killed with {left} in the file: the rest", value=spent, unit="s", less=True)
            files += [cluster, killed]
        if any(path.read_bytes() != alone.read_bytes() for path in files):
            raise RuntimeError("the files differ")
        yield Row(name="files equal to that of one process", value=len(files) - 1, unit="files", goal=len(files) - 1)


BENCHMARK = Benchmark(
    name="sweep",
    title="sweeps of Monte Carlo runs",
    quick=f"{QUICK_RUNS} Monte Carlo runs instead of {RUNS}, no Dask, no killed sweep",
    measure=measure,
    full_needs=("distributed",),
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
