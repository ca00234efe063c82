"""The numbers of a column, and the times that a preamble gives."""

from __future__ import annotations

import math
import re

import numpy as np

from neuristor.golden_model.devices.reading.columns import unit_of
from neuristor.golden_model.devices.reading.sweeps import Floats
from neuristor.golden_model.devices.reading.tables import CLOCK, Row, Table, is_number

__all__ = ["from_scope", "is_clock", "numbers", "sampling"]

LARGEST = 1e12
"""Larger numbers are an instrument's code for an overflow (9.9e37)."""

_INTERVAL = (
    r"(sampl\w+|time) ?(interval|period|increment|step|time)|x ?inc(r|rement)?|increment|delta[ _]?[xt]|dt|tinc|"
    r"h ?resolution"
)
_RATE = r"sampl\w+ ?(rate|freq\w*)|fs"
_START = r"start( time)?|x ?org|x ?origin|x ?zero|x0|t0|h ?offset|tstart"
_SCOPE = rf"{_INTERVAL}|{_RATE}|horizontal \w+|record length"


def is_clock(table: Table, n: int) -> bool:
    """Tell whether a column of texts holds times of day, such as 12:05:33.25.

    Parameters
    ----------
    table : Table
        The table.
    n : int
        Column, from 0.
    """
    cells = [row.cells[n] for row in table.rows[:20] if n < len(row.cells)]
    return bool(cells) and all(CLOCK.fullmatch(cell) for cell in cells)


def numbers(table: Table, n: int, rows: list[Row] | None = None, *, gaps: bool = False) -> Floats:
    """The numbers of a column, as they stand in the file.

    Parameters
    ----------
    table : Table
        The table.
    n : int
        Column, from 0.
    rows : list of Row, optional
        Some of its rows; by default all.
    gaps : bool
        Take a cell that is no finite number as empty, and a line that ends early too.

    Returns
    -------
    ndarray of float, shape (rows,)
        NaN where a cell is empty.

    Raises
    ------
    ValueError
        If a line ends too early, or a cell is not a finite number.
    """
    rows = table.rows if rows is None else rows
    values = np.full(len(rows), math.nan)
    clock = n not in table.numeric and is_clock(table, n)
    for k, (line, cells, width) in enumerate(rows):
        cell = cells[n] if n < len(cells) else ""
        where = f"{table.name}, line {line}, column {n + 1}"
        if not cell:
            if width is not None and n >= width and not gaps:
                raise ValueError(f"{where}: wanted a number; the line has only {len(cells)} cells")
        elif clock and (match := CLOCK.fullmatch(cell)):
            values[k] = 3600.0 * float(match[1]) + 60.0 * float(match[2]) + float(match[3].replace(",", "."))
        elif is_number(cell) and abs(number := float(cell)) < LARGEST:
            values[k] = number
        elif not gaps:
            raise ValueError(f"{where}: wanted a finite number, not {cell[:40]!r}")
    if clock:  # past midnight
        values += 86400.0 * np.cumsum(np.diff(values, prepend=values[:1]) < -43200.0)
    return values


def from_scope(table: Table) -> bool:
    """Tell whether the preamble is that of an oscilloscope.

    Parameters
    ----------
    table : Table
        The table.
    """
    return any(re.fullmatch(_SCOPE, key) for key in table.preamble)


def sampling(table: Table) -> tuple[float, float] | None:
    """Start and increment of the time from the preamble.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    start, increment : float
        In second.
    None
        If the preamble has no increment.

    Raises
    ------
    ValueError
        If the increment is not positive.
    """
    found: dict[str, float] = {}
    for key, values in table.preamble.items():
        for what, pattern in (("interval", _INTERVAL), ("rate", _RATE), ("start", _START)):
            if what not in found and re.fullmatch(rf"({pattern})( ?\(.*\))?", key):
                number = _amount(values, rate=what == "rate")
                if number is not None:
                    found[what] = number
    if "interval" not in found and not found.get("rate"):
        return None
    interval = found["interval"] if "interval" in found else 1 / found["rate"]
    if not 0 < interval < math.inf:
        raise ValueError(f"{table.name}, line {table.header}: wanted a sample interval above 0 s, not {interval!r} s")
    return found.get("start", 0.0), interval


def _amount(values: list[str], *, rate: bool) -> float | None:
    """A time in second, or a rate in hertz, from the cells behind its key; None if it is not understood."""
    for n, text in enumerate(values[:2]):
        match = re.fullmatch(r"(?:\w+ ?: ?)?([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\S*)(?: .*)?", text.strip())
        if not match or not is_number(match[1]):
            continue
        unit = match[2] or (values[n + 1] if n + 1 < len(values) and not is_number(values[n + 1]) else "")
        number = float(match[1])
        if not unit or ":" in unit:
            return number
        if rate:
            found = re.fullmatch(r"([kMG]?)(hz|sa?/s|sps|samples/s)", unit, re.IGNORECASE)
            return number * {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}[found[1]] if found else None
        scale = unit_of(unit, ("time",))
        return number * scale[1] if scale and scale[0] == "time" else None
    return None
