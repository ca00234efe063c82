"""The output of a command as JSON: one schema for all commands, which docs/terminal.md describes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field
from rich.table import Table

from neuristor.golden_model.units import Figure
from neuristor.version import __version__

__all__ = ["JsonFigure", "JsonOutput", "JsonTable", "Record"]

NUMBER = re.compile(r"([-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?)(?: (%))?")
"""A cell that is a plain number, perhaps in per cent."""


class JsonFigure(BaseModel):
    """A number."""

    text: str = Field(description="As it is printed, such as `44.4 uA`.")
    value: float | None = Field(description="The number, in `unit`; null if it is not finite.")
    unit: str = Field(description="SI unit without a prefix, `%`, or empty.")


class JsonTable(BaseModel):
    """A table."""

    title: str = Field(description="Its heading; may be empty.")
    columns: list[str] = Field(description="Headings of the columns.")
    rows: list[dict[str, str | JsonFigure]] = Field(description="Cells by the heading of their column.")


class JsonOutput(BaseModel):
    """What a command prints with `--json`."""

    neuristor: str = Field(description="Version.")
    command: str = Field(description="The command, such as `neuristor accuracy`.")
    status: int = Field(description="Exit status: 0 good, 1 a bad result, 2 wrong input, 130 stopped.")
    error: str | None = Field(description="The sentence about wrong input; null if there is none.")
    tables: list[JsonTable] = Field(description="The tables that the command prints, in order.")
    notes: list[str] = Field(description="The sentences that it prints beside them.")
    files: list[str] = Field(description="The files and folders that it wrote.")


@dataclass
class Record:
    """What a command has printed."""

    command: str = ""
    """Name of the command."""
    tables: list[JsonTable] = field(default_factory=list)
    """Its tables."""
    notes: list[str] = field(default_factory=list)
    """Its sentences."""
    files: list[str] = field(default_factory=list)
    """What it wrote."""

    def add_table(self, table: Table, plain: Callable[[str], str]) -> None:
        """Add a table.

        Parameters
        ----------
        table : rich.table.Table
            The table.
        plain : callable
            Removes the markup of a text.
        """
        heads = [plain(str(column.header)) for column in table.columns]
        if not table.show_header and len(heads) == 2:
            heads = ["what", "value"]
        names = [head if heads.index(head) == n else f"{head} ({n + 1})" for n, head in enumerate(heads)]
        columns = [[_cell(each, plain) for each in column.cells] for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        self.tables.append(JsonTable(title=plain(str(table.title or "")), columns=names, rows=rows))

    def text(self, status: int, error: str | None = None) -> str:
        """Write all as JSON.

        Parameters
        ----------
        status : int
            Exit status of the command.
        error : str, optional
            The sentence about wrong input.
        """
        made = JsonOutput(
            neuristor=__version__,
            command=self.command,
            status=status,
            error=error,
            tables=self.tables,
            notes=self.notes,
            files=self.files,
        )
        return json.dumps(made.model_dump(), indent=1, allow_nan=False)


def _cell(cell: Any, plain: Callable[[str], str]) -> str | JsonFigure:
    if isinstance(cell, Figure):
        return JsonFigure(
            text=plain(str(cell)), value=cell.value if math.isfinite(cell.value) else None, unit=cell.unit
        )
    text = plain(str(cell))
    found = NUMBER.fullmatch(text.strip())
    if found is None:
        return text
    return JsonFigure(text=text, value=float(found[1].replace(",", "")), unit=found[2] or "")
