"""Sheets of an xlsx workbook, within bounds.

An xlsx file is an archive of XML, which can ask for far more memory and time than its size tells: entities of a
document type, millions of shared strings, cells that are claimed but not there. So each member is parsed once without
keeping anything, and counted; what passes is read with ``openpyxl``.
"""

from __future__ import annotations

import io
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from neuristor.golden_model.files import packed

__all__ = ["MAX_CELLS", "sheets"]

MAX_UNPACKED = 256 * 1024 * 1024
"""Largest size of all members together, in bytes."""
MAX_CELLS = 4_000_000
"""Largest number of rows and cells together; in the rows of a sheet, empty cells count too."""
MAX_STRINGS = 500_000
"""Largest number of shared strings."""
MAX_OTHERS = 100_000
"""Largest number of other elements: formats, names and so on."""
MAX_SHEETS = 255
"""Largest number of sheets."""
MAX_TOKEN = 256 * 1024
"""Longest tag, and longest text between two tags, in bytes: Excel's longest is 32,767 characters."""
SECONDS = 120.0
"""Processor time to read a workbook; one of `MAX_CELLS` cells takes half of it."""
_CELLS = frozenset(("row", "c", "v", "f", "is", "t", "si"))
_PIECE = 64 * 1024

Rows = list[tuple[int, list[str]]]


def sheets(path: Path, content: bytes) -> Iterator[tuple[str, Rows]]:
    """Titles and rows of the sheets of a workbook that may contain data.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    content : bytes
        The content of the file.

    Yields
    ------
    title : str
        Title of the sheet.
    rows : list of (int, list of str)
        Number of the row, from 1, and its cells as text, without blanks around them; "" for an empty one.

    Raises
    ------
    ValueError
        If the workbook cannot be read or exceeds a bound.
    """
    import openpyxl

    box = _Box()
    try:
        _check(content, box)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that openpyxl does not know
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            every: list[Any] = list(book.worksheets)
            chosen = [sheet for sheet in every if sheet.title.strip().lower() not in ("calc", "settings")]
            if len({sheet._worksheet_path for sheet in chosen}) < len(chosen):
                raise ValueError("its sheets must be different members")
            found = [(sheet.title, list(_rows(sheet, box))) for sheet in chosen]
    except Exception as error:  # openpyxl raises errors of many kinds
        raise ValueError(f"{path} is not a readable workbook: {type(error).__name__}: {error}") from None
    yield from found


def _rows(sheet: Any, box: _Box) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers; a sheet may claim far more cells than it has values."""
    for line, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        box.add(1 + len(row))
        yield line, ["" if cell is None else str(cell).strip() for cell in row]


class _Box:
    """What may still be read, and until when."""

    def __init__(self) -> None:
        self.left, self.ends = MAX_CELLS, time.process_time() + SECONDS

    def add(self, cells: int) -> None:
        """Count cells.

        Raises
        ------
        ValueError
            If there are more than are left, or the time is over.
        """
        self.left -= cells
        if self.left < 0:
            raise ValueError(f"it must have at most {MAX_CELLS:,} cells, empty ones included")
        self.check_time()

    def check_time(self) -> None:
        """Check the time.

        Raises
        ------
        ValueError
            If it is over.
        """
        if time.process_time() > self.ends:
            raise ValueError(f"it must be read within {SECONDS:.0f} s")


def _check(content: bytes, box: _Box) -> None:
    """Parse every member of a workbook, and keep nothing.

    Raises
    ------
    ValueError
        If a member or all of them together exceed a bound.
    """
    with packed(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > MAX_UNPACKED:
            raise ValueError(f"it must unpack to at most {MAX_UNPACKED // 2**20} MiB, not {size / 2**20:.0f} MiB")
        count = _Count()
        for member in archive.infolist():
            with archive.open(member) as file:
                try:
                    _parse(file, count, box)
                except (expat.ExpatError, zlib.error, EOFError):
                    continue  # a picture; if it is XML, openpyxl finds the same error


def _parse(file: Any, count: _Count, box: _Box) -> None:
    """Parse a member piece by piece.

    Raises
    ------
    ValueError
        If a tag is too long.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = count.doctype
    parser.StartElementHandler = count.start
    parser.CharacterDataHandler = count.text
    parser.buffer_text = False
    fed = 0
    while piece := file.read(_PIECE):
        parser.Parse(piece, False)
        fed += len(piece)
        # The parser reads an unfinished tag from its beginning again with each piece.
        if fed - parser.CurrentByteIndex > MAX_TOKEN:
            raise ValueError(f"its tags and comments must have at most {MAX_TOKEN // 1024} KiB")
        box.check_time()
    parser.Parse(b"", True)


class _Count:
    """Counts what a parser finds.

    Each method raises a ``ValueError`` if a bound is exceeded.
    """

    def __init__(self) -> None:
        self.cells = self.strings = self.others = self.sheets = self.length = 0

    def doctype(self, *_: object) -> None:
        raise ValueError("it must have no document type: that is not part of a workbook")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        self.length = 0
        if kind in _CELLS:
            self.cells += 1
        else:
            self.others += 1
        self.others += len(attributes) // 16
        self.sheets += kind == "sheet"
        self.strings += kind == "si"
        if self.cells > 4 * MAX_CELLS or self.strings > MAX_STRINGS:
            raise ValueError(f"it must have at most {MAX_CELLS:,} cells and {MAX_STRINGS:,} shared strings")
        if self.others > MAX_OTHERS or self.sheets > MAX_SHEETS:
            raise ValueError(f"it must have at most {MAX_OTHERS:,} elements besides cells, and {MAX_SHEETS} sheets")

    def text(self, text: str) -> None:
        self.length += len(text)
        if self.length > MAX_TOKEN:
            raise ValueError(f"its texts must have at most {MAX_TOKEN // 1024} KiB")
