"""Rows of cells from text, and the tables in them, each with its header and what stands above it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from neuristor.golden_model.devices.reading.columns import is_unit

__all__ = ["CLOCK", "Row", "Table", "is_number", "split", "tables", "trim"]

SAMPLE = 1_000_000
"""Characters at the start of the file from which the delimiter is found."""
SAMPLE_LINES = 300
"""Lines of them that are looked at."""
SHORT = 5
"""A table with fewer rows is a part of a preamble, if the file has a longer one."""
HEADER_LINES = 4
"""Lines above the numbers that may belong to the header: names, units, comments."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_GERMAN_THOUSANDS = re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+")
_ENGLISH_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+\.\d+")
CLOCK = re.compile(r"(?:\d{4}-\d\d-\d\d[ T])?(\d{1,3}):([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)")
"""A time of day, after a date or not: hours, minutes and seconds."""
_ASSIGNMENT = re.compile(r"([A-Za-z][^:=]*?)\s*[:=]\s*(.*)")


class Row(NamedTuple):
    """A line of text, or a row of a sheet."""

    line: int
    """Its number, from 1."""
    cells: list[str]
    """Without empty cells at the end."""
    width: int | None = None
    """Number of cells, empty ones at the end included; None if unknown."""


@dataclass(frozen=True)
class Table:
    """Rows of numbers with their header."""

    name: str
    """File, sheet and title, for messages."""
    header: int
    """Line of the names; of the first row without names."""
    names: list[str]
    """Names of the columns; empty without a header."""
    units: list[str]
    """Line of units; empty if there is none."""
    rows: list[Row]
    """At least one."""
    preamble: dict[str, list[str]] = field(default_factory=dict)
    """What stands above the table or beside it: values by their key in lower case."""
    numeric: list[int] = field(default_factory=list)
    """Columns of numbers, from 0."""
    aside: list[int] = field(default_factory=list)
    """Columns that hold a preamble."""

    @cached_property
    def width(self) -> int:
        """Number of columns: as most rows have, or the names, or the first row."""
        usual = Counter(len(row.cells) for row in self.rows).most_common(1)[0][0]
        return max(len(self.names), len(self.rows[0].cells), usual)


def trim(cells: list[str]) -> list[str]:
    """Take the empty cells from the end of a row.

    Parameters
    ----------
    cells : list of str
        Changed in place.

    Returns
    -------
    list of str
        The same list.
    """
    while cells and not cells[-1]:
        cells.pop()
    return cells


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, NaN included.

    Parameters
    ----------
    cell : str
        A cell of a row.
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _count(cells: list[str]) -> int:
    """How many cells are numbers or times of day."""
    return sum(is_number(cell) or (":" in cell and CLOCK.fullmatch(cell) is not None) for cell in cells)


def split(text: str) -> list[Row]:
    """Cut lines into cells by the delimiter that gives the most numbers.

    Parameters
    ----------
    text : str
        Content of a file.

    Returns
    -------
    list of Row
        One for each line.
    """
    lines = text.splitlines()
    sample = [line for line in text[:SAMPLE].splitlines() if line.strip()]
    sample = sample[:: 1 + len(sample) // SAMPLE_LINES]
    marked = [line for line in sample if line.lstrip().startswith(("DataName", "DataValue"))]
    best, most = ",", 0
    # Of two delimiters with the same numbers, the comma is the decimal one.
    for delimiter in ("\t", ";", "|", " ", ","):
        rows = [trim(_cells(line, delimiter)) for line in marked or sample]
        score = sum(count for row in rows if (count := _count(row)) > 1 and 2 * count > _filled(row) - bool(marked))
        if score > most:
            best, most = delimiter, score
    cut = [_cells(line, best) for line in lines]
    return [
        Row(number, trim(cells), width) for number, (width, cells) in enumerate(((len(c), c) for c in cut), start=1)
    ]


def _filled(cells: list[str]) -> int:
    return sum(map(bool, cells))


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        parts = line.split()
    elif '"' in line:
        try:
            parts = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            parts = line.split(delimiter)
    else:
        parts = line.split(delimiter)
    return [_plain(part) for part in parts]


def _plain(cell: str) -> str:
    """A cell without blanks and quotes, its number with a decimal point."""
    cell = cell.strip().strip('"').strip()
    if "\u2212" in cell:
        cell = cell.replace("\u2212", "-")
    if "," in cell:
        if _DECIMAL_COMMA.fullmatch(cell):
            return cell.replace(",", ".")
        if _GERMAN_THOUSANDS.fullmatch(cell):
            return cell.replace(".", "").replace(",", ".")
        if _ENGLISH_THOUSANDS.fullmatch(cell):
            return cell.replace(",", "")
    return cell


def tables(where: str, rows: list[Row]) -> list[Table]:
    """Find the tables of a file.

    Parameters
    ----------
    where : str
        File and sheet, for messages.
    rows : list of Row
        All rows.

    Returns
    -------
    list of Table
        In the order of the file; without short ones, if there is a longer one.
    """
    if any(row.cells and row.cells[0] == "DataName" for row in rows):
        found = list(_marked(where, rows))
    else:
        found = list(_blocks(where, rows))
        if any(len(table.rows) >= SHORT for table in found):
            found = [table for table in found if len(table.rows) >= SHORT]
    return [_sorted_out(table) for table in found]


def _blocks(where: str, rows: list[Row]) -> Iterator[Table]:
    """Runs of rows with numbers, each with the lines above it."""
    above: list[Row] = []
    preamble: dict[str, list[str]] = {}
    data: list[Row] = []
    latest: Table | None = None
    for row, following in zip([*rows, Row(0, [])], [*rows[1:], Row(0, []), Row(0, [])], strict=True):
        count = _count(row.cells)
        if data and count:
            data.append(row)
            continue
        if data:
            latest = _headed(where, above, data, latest, preamble)
            yield latest
            if len(data) < SHORT:
                for short in data:
                    preamble = preamble | _entries(short.cells)
            above, data = [], []
        if _starts(row, count, following):
            data.append(row)
        elif row.cells:
            above.append(row)
            preamble = preamble | _entries(row.cells)


def _starts(row: Row, count: int, following: Row) -> bool:
    """Whether a table may begin with this row: mostly numbers, or numbers where the next row has them too."""
    if count == 0 or _is_units(following.cells):
        return False
    filled = _filled(row.cells)
    if count == filled and (count > 1 or row.width != 1 or is_number("".join(following.cells))):
        return True
    return count >= 2 and (2 * count > filled or _pattern(row.cells) == _pattern(following.cells))


def _pattern(cells: list[str]) -> list[bool]:
    return [is_number(cell) for cell in cells]


def _entries(cells: list[str]) -> dict[str, list[str]]:
    """Keys and values in a line of a preamble."""
    found: dict[str, list[str]] = {}
    for n, cell in enumerate(cells):
        if match := _ASSIGNMENT.fullmatch(cell.lstrip("#%/ ")):
            found[match[1].strip().lower()] = [match[2]] if match[2] else cells[n + 1 :]
    key = cells[0].lstrip("#%/ ").rstrip(":= ").lower()
    if key and not is_number(key):
        found.setdefault(key, cells[1:])
        if len(cells) > 2 and cells[1] and not is_number(cells[1]):
            found.setdefault(f"{key} {cells[1].rstrip(':= ').lower()}", cells[2:])
    return found


def _headed(
    where: str, above: list[Row], data: list[Row], latest: Table | None, preamble: dict[str, list[str]]
) -> Table:
    """A table from its rows and the lines above them; without a header, the names of the latest table."""
    width = max(len(row.cells) for row in data[:50])
    if len(above) >= 2 and any(cell.lower() == "increment" for cell in above[-2].cells):
        return _with_increment(where, above, data, preamble)
    lines = [(row, _names(row.cells, width)) for row in above[-HEADER_LINES:]]
    # A faulty first row: its cell is named in the error.
    if len(lines) >= 2 and _count(lines[-1][1]) and _is_header(lines[-2][1], width) and not _is_units(lines[-1][1]):
        data, lines = [lines[-1][0], *data], lines[:-1]
    for k in range(len(lines) - 1, -1, -1):
        if _is_units(lines[k][1]):
            names = lines[k - 1] if k and _fits(lines[k - 1][1], width) else (lines[k][0], [])
            comments = [cells for _, cells in lines[k + 1 :] if _fits(cells, width)]
            return Table(where, names[0].line, _joined(names[1], comments), lines[k][1], data, preamble)
    named = [(row, cells) for row, cells in lines if _is_header(cells, width)]
    if named:
        row, cells = named[-1]
        return Table(where, row.line, cells, [], data, preamble)
    if latest is not None and latest.width in (0, width):
        return replace(latest, rows=data, preamble=preamble)
    return Table(where, data[0].line, [], [], data, preamble)


def _names(cells: list[str], width: int) -> list[str]:
    """The cells of a header line, cut as the numbers below it are."""
    cells = [cell for cell in cells if not re.match(r"\w+ ?=", cell)]
    if cells:
        cells = [cells[0].lstrip("#%; ").removeprefix("//").strip() or cells[0], *cells[1:]]
    if len(cells) > width and cells[0] in ("", "#", "%", "//"):
        cells = cells[1:]
    if len(cells) > width:
        merged: list[str] = []
        for cell in cells:
            if merged and cell.startswith(("(", "[")):
                merged[-1] += f" {cell}"
            else:
                merged.append(cell)
        return merged if len(merged) == width else cells
    if len(cells) < width:
        for pattern in (r"\t|\s{2,}", r"\s+(?![(\[])"):
            words = [word for cell in cells for word in re.split(pattern, cell)]
            if len(words) == width:
                return words
    return cells


def _fits(cells: list[str], width: int) -> bool:
    return len(cells) >= max(1 if width == 1 else 2, width - 2) and any(cells)


def _is_header(cells: list[str], width: int) -> bool:
    return _fits(cells, width) and not _count(cells)


def _is_units(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(is_unit(cell.strip("()[] ")) for cell in filled)


def _joined(names: list[str], comments: list[list[str]]) -> list[str]:
    """Names with the comments below them, where those tell columns apart."""
    for comment in comments:
        if len(set(names)) < len(names) and len(comment) == len(names):
            names = [f"{name} {text}".strip() for name, text in zip(names, comment, strict=True)]
    return names


def _with_increment(where: str, above: list[Row], data: list[Row], preamble: dict[str, list[str]]) -> Table:
    """A table whose header has the start and the increment of the time in columns of their own.

    Raises
    ------
    ValueError
        If their numbers are missing.
    """
    names, units = above[-2].cells, above[-1].cells
    at = next(n for n, cell in enumerate(names) if cell.lower() == "increment")
    pair = units[at - 1 : at + 1] if at else []
    if _count(pair) < 2:
        raise ValueError(f"{where}, line {above[-1].line}: wanted the start and the increment of the time")
    time = {"start": pair[:1], "increment": pair[1:]}
    return Table(where, above[-2].line, names[: at - 1], units[: at - 1], data, preamble | time)


def _marked(where: str, rows: list[Row]) -> Iterator[Table]:
    """The blocks of an EasyEXPERT file.

    Raises
    ------
    ValueError
        If a block is truncated or has no names.
    """
    title, size, block = "", 0, None
    for row in [*rows, Row(0, ["SetupTitle"])]:
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
            block = Table(f"{where}, {title}" if title else where, row.line, values, [], [])
        elif key == "Units" and block is not None:
            block = replace(block, units=values)
        elif key == "DataValue":
            if block is None:
                raise ValueError(f"{where}, line {row.line}: wanted DataName before DataValue")
            block.rows.append(Row(row.line, values, None if row.width is None else row.width - 1))


def _sorted_out(table: Table) -> Table:
    """The columns of numbers, and those that hold a preamble beside them.

    A column of texts that is filled in fewer than half of the rows holds keys, and the next column their
    values.
    """
    filled, numbers = [0] * table.width, [0] * table.width
    for row in table.rows:
        for n, cell in enumerate(row.cells[: table.width]):
            if cell:
                filled[n] += 1
                numbers[n] += is_number(cell)
    aside: list[int] = []
    preamble = dict(table.preamble)
    for n in range(table.width - 1):
        if filled[n] and 2 * numbers[n] < filled[n] and 2 * filled[n] < len(table.rows) and n not in aside:
            if 2 * filled[n + 1] >= len(table.rows):
                continue
            aside += [n, n + 1]
            for row in table.rows:
                if n < len(row.cells) and row.cells[n]:
                    preamble[row.cells[n].lower()] = row.cells[n + 1 : n + 2]
    numeric = [n for n in range(table.width) if n not in aside and 0 < filled[n] <= 2 * numbers[n]]
    rows = table.rows
    while not table.names and len(rows) > 1 and any(not is_number(cell) for n, cell in _at(rows[0], numeric) if cell):
        preamble |= _entries(rows[0].cells)
        rows = rows[1:]
    return replace(table, rows=rows, preamble=preamble, numeric=numeric, aside=aside)


def _at(row: Row, columns: list[int]) -> list[tuple[int, str]]:
    return [(n, row.cells[n]) for n in columns if n < len(row.cells)]
