"""The Parquet file of a parameter sweep: written while runs finish, and continued after an interruption."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neuristor.folder import OutputError, check_target, write_file
from neuristor.sweeps import Sweep, results

__all__ = ["Rows", "carry_out", "earlier"]

SAVE_S = 5.0
"""Least time between two writes, in second: a kill loses the runs of this time, or of 20 times the time of a write."""
MOST_BYTES = 2 * 1024 * 1024 * 1024
"""Largest file that is continued, as it unpacks, in bytes."""
Rows = Mapping[int, Mapping[str, Any]]
"""Columns of each finished run, by its number."""


def _table(sweep: Sweep, rows: Rows) -> pa.Table:
    return pa.Table.from_pylist([dict(rows[number]) for number in sorted(rows)], sweep.schema)


def _save(sweep: Sweep, rows: Rows, out: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(_table(sweep, rows), buffer)
    write_file(out, buffer.getvalue(), force=True)


def earlier(sweep: Sweep, out: Path, *, force: bool) -> dict[int, dict[str, Any]]:
    """Read the finished runs of an interrupted sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    out : Path
        Its Parquet file, which need not exist.
    force : bool
        Ignore the file.

    Returns
    -------
    dict of int to dict
        Columns of each finished run, by its number.

    Raises
    ------
    OutputError
        If the file is not Parquet, or belongs to another sweep, or is complete.
    """
    check_target(out, force=True)
    if force or not out.exists():
        return {}
    other = OutputError(f"{out} holds another sweep: name another file, or pass --force to replace it")
    try:
        with pq.ParquetFile(out) as file:
            about = file.metadata
            size = sum(about.row_group(n).total_byte_size for n in range(about.num_row_groups))
            if not file.schema_arrow.equals(sweep.schema, check_metadata=True) or about.num_rows > sweep.runs:
                raise other
            if size > MOST_BYTES:
                raise OutputError(f"{out} must unpack to at most {MOST_BYTES // 2**20} MiB, not {size // 2**20} MiB")
            table = file.read()
    except OutputError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException):
        raise OutputError(f"{out} exists and is no Parquet file: name another, or pass --force to replace it") from None
    rows = {row["run"]: row for row in table.to_pylist()}
    if not all(isinstance(run, int) and 0 <= run < sweep.runs for run in rows):
        raise other
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
    done: Callable[[Rows], None] = lambda rows: None,
) -> dict[int, dict[str, Any]]:
    """Run the runs that are not yet in the file, and write the file while runs finish.

    A file of another sweep, or a complete one, raises `neuristor.folder.OutputError`.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    out : Path
        The Parquet file. It is always a valid file of the finished runs; its rows have the order of the runs, so its
        bytes do not depend on the order in which they finished.
    jobs, scheduler : optional
        As in `neuristor.sweeps.results`.
    force : bool
        Replace the file.
    done : callable
        Called with all finished runs, after each run.

    Returns
    -------
    dict of int to dict
        Columns of each run, by its number.
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
