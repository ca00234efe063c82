"""Measured curves, read from the files that instruments write.

One reader accepts delimited text (comma, tab, blank, or semicolon with a decimal comma) and xlsx:
files of parameter analysers (Keysight EasyEXPERT with its ``DataName`` and ``DataValue`` lines,
Keithley Clarius with its sheets), of source-meter scripts and of oscilloscopes. Users choose their own
column names. Where the header gives the quantity and the unit, it is used; between several candidates
the data decide:

- The voltage of an I-V curve is the voltage column with the largest span.
- Its current is the current column with the largest power, sum(v i).
- The voltage of a transient is the voltage column that varies most. A second voltage column
  that is nearly constant and, on average, not smaller is the supply.

An I-V record is cut where ``|v|`` changes from falling to rising, so a sweep is one excursion of one
polarity. All quantities are returned in volt, ampere and second.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.workbook import sheets
from neuristor.golden_model.files import content as file_content
from neuristor.golden_model.files import few_cells

__all__ = ["MAX_BYTES", "Measurement", "Sweep", "read"]

MAX_BYTES = 64 * 1024 * 1024
"""Largest size of a file, in bytes."""
MAX_COLUMNS = 4096
"""Largest number of columns of a table."""
MAX_TABLES = 10_000
"""Largest number of tables in a text."""
LONGEST_NAME = 200
"""Characters of a column name that are used."""
SAMPLE = 1_000_000
"""Characters at the start of the file from which the delimiter is found."""
LARGEST = 1e12
"""Larger numbers are an instrument's code for an overflow (9.9e37)."""
TURN = 0.1
"""``|v|`` must fall, and then rise, by this fraction of its largest value for a new sweep to begin."""

Kind = Literal["iv", "transient"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One excursion of the voltage in an I-V curve, or one record of a transient."""

    voltage: Floats
    """Shape (points,), in volt."""
    current: Floats | None
    """Shape (points,), in ampere; None for a transient without a current column."""
    time: Floats | None
    """Shape (points,), in second; None for an I-V curve without a time column."""
    name: str
    """File, sheet and title of the table, for messages."""
    source_line: int
    """Line of the file, or row of the sheet, of the first point."""
    supply: float | None = None
    """Supply voltage of a transient, in volt; None if the record has no column for it."""


@dataclass(frozen=True)
class Measurement:
    """Content of one file."""

    kind: Kind
    """``iv`` for I-V curves, ``transient`` for waveforms."""
    sweeps: tuple[Sweep, ...]
    """Sweeps or records, in the order of the file."""
    source: str
    """Name of the file, without its folder."""


class _Row(NamedTuple):
    line: int
    cells: list[str]


class _Table(NamedTuple):
    name: str
    header: int
    names: list[str]
    units: list[str]
    rows: list[_Row]
    sampling: tuple[float, float] | None = None
    """Start and increment of the time, where the first column only counts samples."""


def read(path: Path, *, kind: Kind | None = None) -> Measurement:
    """Read a file of I-V curves or of transients.

    Parameters
    ----------
    path : Path
        File of at most `MAX_BYTES`.
    kind : {"iv", "transient"}, optional
        Content of the file; by default it is found from the columns and the data.

    Returns
    -------
    Measurement
        All sweeps or records of the file.

    Raises
    ------
    ValueError
        If the file cannot be read or is malformed. The message names the file, the line and the column,
        what was wanted and what was found.
    """
    try:
        content = file_content(path, MAX_BYTES)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    if not content.strip():
        raise ValueError(f"{path} must hold a table of numbers; it is empty")
    tables: list[_Table] = []
    if content.startswith(b"PK"):
        for title, rows in sheets(path, content):
            tables += _tables(f"{path}, sheet {title!r}", [_Row(line, _trim(cells)) for line, cells in rows])
    else:
        text = _text(path, content)
        few_cells(path, text)
        tables = list(islice(_tables(str(path), _split(text)), MAX_TABLES + 1))
        if len(tables) > MAX_TABLES:
            raise ValueError(f"{path} must have at most {MAX_TABLES} tables")
    if not tables:
        raise ValueError(f"{path} must hold a table with rows of at least two numbers; it holds none")
    parts = [part for table in tables for part in _parts(table, kind)]
    kinds = {found for found, _ in parts}
    if len(kinds) > 1:
        raise ValueError(f"{path} must hold either I-V curves or transients, not both; say which to read")
    found, sweeps = parts[0][0], [sweep for _, sweep in parts]
    if found == "iv":
        sweeps = [piece for sweep in sweeps for piece in _excursions(sweep)]
        if not sweeps:
            raise ValueError(f"{path}: wanted a voltage sweep of at least 5 points, not {len(parts[0][1].voltage)}")
    return Measurement(found, tuple(sweeps), path.name)


def _text(path: Path, content: bytes) -> str:
    """The text of a file, in UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    ValueError
        If it is another encoding, or not text.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValueError(f"{path} is an old .xls workbook: save it as .xlsx or CSV")
    codec = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")  # older instruments write the micro sign as one byte
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} must be text in UTF-8, UTF-16 or Windows-1252, not byte {content[error.start]:#04x} "
                f"at {error.start}"
            ) from None
    strange = re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise ValueError(f"{path}, line {line}: wanted text, not the control character {strange[0]!r}")
    return text


def _split(text: str) -> list[_Row]:
    """Lines cut into cells by the delimiter that gives the most numbers."""
    lines = text.splitlines()
    sample = [line for line in text[:SAMPLE].splitlines() if line.strip()][:2000]
    marked = [line for line in sample if line.lstrip().startswith(("DataName", "DataValue"))]
    best, most = (",", False), -1
    for delimiter, decimal_comma in (
        (",", False),
        (";", False),
        ("\t", False),
        (";", True),
        ("\t", True),
        (" ", False),
    ):
        cells = [_cells(line, delimiter, decimal_comma) for line in (marked or sample)]
        score = sum(len(row) for row in cells if len(row) > 1 and _numbers(row) > (len(row) - bool(marked)) / 2)
        if score > most:
            best, most = (delimiter, decimal_comma), score
    return [_Row(number, _cells(line, *best)) for number, line in enumerate(lines, start=1)]


def _cells(line: str, delimiter: str, decimal_comma: bool) -> list[str]:
    cells = line.split() if delimiter == " " else [cell.strip().strip('"').strip() for cell in line.split(delimiter)]
    if decimal_comma:
        cells = [
            cell.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", cell) else cell for cell in cells
        ]
    return _trim(cells)


def _trim(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _is_number(cell: str) -> bool:
    """Whether a cell is a number, NaN included."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _numbers(cells: list[str]) -> int:
    return sum(map(_is_number, cells))


def _tables(where: str, rows: list[_Row]) -> Iterator[_Table]:
    """Cut a file into tables, each with its header."""
    if any(row.cells and row.cells[0] == "DataName" for row in rows):
        yield from _marked(where, rows)
        return
    header: list[_Row] = []
    data: list[_Row] = []
    latest: _Table | None = None
    for row in [*rows, _Row(0, [])]:
        count = _numbers(row.cells)
        if data and count:
            data.append(row)
        elif data:
            latest = _headed(where, header, data, latest)
            yield latest
            header, data = [row] if row.cells else [], []
        elif count >= 2 and 2 * count > len(row.cells):
            data.append(row)
        elif row.cells:
            header.append(row)


def _headed(where: str, header: list[_Row], data: list[_Row], latest: _Table | None) -> _Table:
    """A table from its rows and the lines above them; without a header, the names of the latest table.

    Raises
    ------
    ValueError
        If a header with a time increment lacks its numbers.
    """
    width = len(data[0].cells)
    above = [row for row in header[-3:] if len(row.cells) >= max(2, width - 2)]
    if len(above) >= 2 and any(cell.lower() == "increment" for cell in above[-2].cells):
        names, units = above[-2].cells, above[-1].cells
        if _numbers(units[-2:]) < 2:
            raise ValueError(f"{where}, line {above[-1].line}: wanted the start and the increment of the time")
        start, increment = float(units[-2]), float(units[-1])
        return _Table(where, above[-2].line, names[:-2], units[:-2], data, (start, increment))
    if above and _numbers(above[-1].cells) and len(above) >= 2 and not _numbers(above[-2].cells):
        data, above = [above[-1], *data], above[:-1]  # a faulty first row: its cell is named in the error
    above = [row for row in above if not _numbers(row.cells)]
    if len(above) >= 2 and all(_unit(cell.strip("()[] ")) or not cell for cell in above[-1].cells):
        return _Table(where, above[-2].line, above[-2].cells, above[-1].cells, data)
    if above:
        return _Table(where, above[-1].line, above[-1].cells, [], data)
    if latest is not None and len(latest.names) in (0, width):
        return latest._replace(rows=data)
    return _Table(where, data[0].line, [], [], data)


def _marked(where: str, rows: list[_Row]) -> Iterator[_Table]:
    """The blocks of an EasyEXPERT file.

    Raises
    ------
    ValueError
        If a block is truncated or has no names.
    """
    title, size, block = "", 0, None
    for row in [*rows, _Row(0, ["SetupTitle"])]:
        key, values = (row.cells or [""])[0], row.cells[1:]
        if block is not None and key in ("DataName", "SetupTitle"):
            if len(block.rows) < max(1, size):
                line = block.rows[-1].line if block.rows else block.header
                raise ValueError(
                    f"{where}, line {line}: wanted {max(1, size)} DataValue lines in this block, "
                    f"not {len(block.rows)}: it is truncated"
                )
            yield block
            block, size = None, 0
        if key == "SetupTitle":
            title = " ".join(values)
        elif key == "Dimension1" and values and values[0].isdecimal() and len(values[0]) < 10:
            size = int(values[0])
        elif key == "DataName":
            block = _Table(f"{where}, {title}" if title else where, row.line, values, [], [])
        elif key == "Units" and block is not None:
            block = block._replace(units=values)
        elif key == "DataValue":
            if block is None:
                raise ValueError(f"{where}, line {row.line}: wanted DataName before DataValue")
            block.rows.append(_Row(row.line, values))


_PREFIX = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_UNIT = {"V": "voltage", "A": "current", "s": "time"}
_NAME = {
    "time": r"t|time\w*|elapsed|seconds?|sec|zeit|x",
    "current": r"i(?!ndex|nterval|nfo|teration|mpedance|nstrument)\w*|\w+curr(ent)?|current\w*|curr|amps?|strom",
    "voltage": r"[vu]\d*|v[a-z]+\d*|voltage\w*|volts?|bias|potential|spannung|ch(an(nel)?)?\d*|out(put)?|in(put)?",
}


def _unit(text: str) -> tuple[str, float] | None:
    """Quantity and factor of a unit; None if it is not one."""
    text = text.replace("µ", "u").replace("μ", "u").strip()
    for word, letter in (("volt", "V"), ("amp", "A"), ("sec", "s")):
        text = re.sub(rf"^(?i:{word})[a-z]*$", letter, text)
    match = re.fullmatch(r"([fpnumkMG]?)([VAs])", text)
    return (_UNIT[match[2]], _PREFIX[match[1]]) if match else None


def _meaning(name: str, unit: str) -> tuple[str, float] | None:
    """Quantity of a column and the factor that converts its numbers to the SI unit."""
    name = " ".join(name[:LONGEST_NAME].split())
    bracketed = re.search(r"[(\[{/]([^()\[\]{}/]+)[)\]}]? ?$", name)
    for text in (unit[:LONGEST_NAME].strip("()[] "), bracketed[1] if bracketed else ""):
        if found := _unit(text):
            return found
    words = [word for word in re.split(r"[^A-Za-z0-9µμ]+", re.sub(r"[(\[{/].*", "", name)) if word]
    if not words:
        return None
    quantity = next((key for key, pattern in _NAME.items() if re.fullmatch(pattern, words[0].lower())), None)
    if quantity is None and (tail := re.search(r"[a-z0-9]([VI])$", words[0])):
        quantity = "voltage" if tail[1] == "V" else "current"
    found = _unit(words[-1]) if len(words) > 1 else None
    if found and quantity in (None, found[0]):
        return found
    return (quantity, 1.0) if quantity else None


def _parts(table: _Table, kind: Kind | None) -> Iterator[tuple[Kind, Sweep]]:
    """The records of a table: one, or one for each numbered group of columns.

    Raises
    ------
    ValueError
        If the table has too many columns, or a row more cells than the table has columns.
    """
    width = max(len(table.names), len(table.rows[0].cells))
    if width > MAX_COLUMNS:
        raise ValueError(f"{table.name}, line {table.rows[0].line}: wanted at most {MAX_COLUMNS} cells, not {width}")
    names = table.names + [""] * (width - len(table.names))
    units = table.units + [""] * (width - len(table.units))
    for row in table.rows:
        if len(row.cells) > width:
            raise ValueError(f"{table.name}, line {row.line}: wanted {width} cells, not {len(row.cells)}")
    numbered = [re.fullmatch(r"(.+)\((\d{1,4})\)", name) for name in names]
    stems = [match[1] if match else name for match, name in zip(numbered, names, strict=True)]
    repeated = {stem for stem, times in Counter(stems).items() if times > 1}
    groups = sorted({int(m[2]) for m in numbered if m and m[1] in repeated}) if repeated else []
    for group in groups or [0]:
        columns = [
            n for n, m in enumerate(numbered) if not groups or not m or m[1] not in repeated or int(m[2]) == group
        ]
        yield _record(table, kind, {n: (stems[n] if groups else names[n], units[n]) for n in columns}, bool(groups))


def _record(table: _Table, kind: Kind | None, columns: dict[int, tuple[str, str]], grouped: bool) -> tuple[Kind, Sweep]:
    """One record from some columns of a table, given by number with name and unit.

    Raises
    ------
    ValueError
        If a column is missing, or the time does not rise.
    """
    rows = table.rows
    found: dict[str, list[tuple[int, float]]] = {"time": [], "voltage": [], "current": []}
    if any(name for name, _ in columns.values()):
        for n, (name, unit) in columns.items():
            meaning = _meaning(name, unit)
            text = not any(n < len(row.cells) and _is_number(row.cells[n]) for row in rows[:10])
            if meaning and not (text and meaning[0] == "time"):  # a column of dates is not the time
                found[meaning[0]].append((n, meaning[1]))
    else:
        found = _by_data(table, list(columns))
    if grouped:
        last = max(
            (k for k, row in enumerate(rows) if any(n < len(row.cells) and row.cells[n] for n in columns)), default=0
        )
        rows = rows[: last + 1]
    values = {key: [_column(table, rows, n) * scale for n, scale in picks] for key, picks in found.items()}
    times, voltages, currents = values["time"], values["voltage"], values["current"]
    time: Floats | None = times[0] if times else None
    if table.sampling:
        time = table.sampling[0] + table.sampling[1] * np.arange(len(rows), dtype=np.float64)
    if not voltages or (not currents and (time is None or kind == "iv")) or (kind == "transient" and time is None):
        wanted = {
            "iv": "a voltage and a current column",
            "transient": "a time and a voltage column",
            None: "a voltage column with a current or a time column",
        }[kind]
        listed = ", ".join(repr(name) for name, _ in columns.values())
        raise ValueError(f"{table.name}, line {table.header}: wanted {wanted}, not {listed}")
    swept = max(voltages, key=lambda v: float(np.ptp(v)))
    if kind is None:
        kind = "iv" if currents and (time is None or _is_sweep(swept)) else "transient"
    if kind == "iv":
        power = [float(np.dot(swept, current)) for current in currents]
        return "iv", Sweep(swept, currents[power.index(max(power))], time, table.name, rows[0].line)
    assert time is not None
    if len(time) < 2 or not (np.diff(time) > 0).all():
        k = int(np.argmin(np.diff(time))) + 1 if len(time) > 1 else 0
        raise ValueError(f"{table.name}, line {rows[k].line}: wanted a time above that of the line before")
    flat = [v for v in voltages if v is not swept and np.ptp(v) < 0.2 * np.ptp(swept)]
    supply = float(np.mean(flat[0])) if flat and abs(np.mean(flat[0])) >= np.abs(swept).mean() else None
    return "transient", Sweep(swept, currents[0] if currents else None, time, table.name, rows[0].line, supply)


def _column(table: _Table, rows: list[_Row], n: int) -> Floats:
    """The numbers of a column.

    Raises
    ------
    ValueError
        If a cell is missing or not a finite number.
    """
    values = np.empty(len(rows))
    for k, (line, cells) in enumerate(rows):
        where = f"{table.name}, line {line}, column {n + 1}"
        if n >= len(cells):
            raise ValueError(f"{where}: wanted a number; the line has only {len(cells)} cells")
        try:
            values[k] = float(cells[n]) if "_" not in cells[n] else math.nan
        except ValueError:
            values[k] = math.nan
        if not abs(values[k]) < LARGEST:
            raise ValueError(f"{where}: wanted a finite number, not {cells[n][:40]!r}")
    return values


def _by_data(table: _Table, columns: list[int]) -> dict[str, list[tuple[int, float]]]:
    """Columns of each quantity in a table without header, by the data."""
    values = {n: _column(table, table.rows, n) for n in columns}
    time = [n for n in columns if len(values[n]) > 2 and (np.diff(values[n]) > 0).all()]
    # A sweep in one direction rises as time does. Two columns with a small second one are an I-V curve.
    if time and len(columns) == 2 and np.abs(values[columns[-1]]).max() < 0.1 * np.abs(values[time[0]]).max():
        time = []
    rest = [n for n in columns if n not in time[:1]]
    rest.sort(key=lambda n: -float(np.abs(values[n]).max()))
    return {
        "time": [(n, 1.0) for n in time[:1]],
        "voltage": [(n, 1.0) for n in rest[:1]],
        "current": [(n, 1.0) for n in rest[1:2]],
    }


def _is_sweep(voltage: Floats) -> bool:
    """Whether a voltage moves in even steps: that of a source does, that of a capacitor does not."""
    steps = np.abs(np.diff(voltage))
    moving = steps[steps > 1e-9 * max(1e-9, float(np.ptp(voltage)))]
    if not len(moving):
        return True
    usual = float(np.median(moving))
    even = np.mean(np.abs(moving - usual) < 0.5 * usual) > 0.8
    smooth = moving.max() < 10 * usual or np.abs(voltage).min() < 0.05 * np.abs(voltage).max()
    return bool(even and smooth)


def _excursions(sweep: Sweep) -> Iterator[Sweep]:
    """Cut at the minima of ``|v|``."""
    size = np.abs(sweep.voltage)
    margin = TURN * float(size.max())
    cuts, lowest, highest, rising = [0], 0, 0, True
    for k, value in enumerate(size):
        if rising:
            if value > size[highest]:
                highest = k
            elif value < size[highest] - margin:
                rising, lowest = False, k
        elif value < size[lowest]:
            lowest = k
        elif value > size[lowest] + margin:
            cuts.append(lowest)
            rising, highest = True, k
    for start, stop in zip(cuts, [*(cut + 1 for cut in cuts[1:]), len(size)], strict=True):
        if stop - start >= 5:
            part = slice(start, stop)
            yield Sweep(
                sweep.voltage[part],
                None if sweep.current is None else sweep.current[part],
                None if sweep.time is None else sweep.time[part],
                sweep.name,
                sweep.source_line + start,
            )
