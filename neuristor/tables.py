"""Tables of text for a terminal, a Python session and a notebook; numbers with SI prefixes."""

from __future__ import annotations

import io
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
from rich import box
from rich import table as rich_table
from rich.console import Console
from rich.markup import escape

from neuristor.golden_model.units import Figure, si

__all__ = ["Table", "Tabular", "si"]

WIDTH = 132
"""Characters of a line of text, unless a terminal is narrower."""
LEAST_WIDTH = 72
"""Characters of a line of text, even if a terminal is narrower."""
_HTML = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<div class="neuristor" style="max-height: 36em; overflow: auto">
<style>
.neuristor caption { caption-side: top; font-weight: bold; white-space: nowrap; }
.neuristor th { position: sticky; top: 0; background: Canvas; }
.neuristor th, .neuristor td { text-align: left !important; vertical-align: top; }
</style>
<table>
{% if title %}
<caption>{{ title }}</caption>
{% endif %}
{% if columns %}
<thead><tr>{% for cell in columns %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
{% endif %}
<tbody>
{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
""")


@dataclass(frozen=True, repr=False)
class Table:
    """A table of text.

    Parameters
    ----------
    title : str
        Heading; may be empty.
    columns : sequence of str
        Headings of the columns; empty for a table of labels and values.
    rows : sequence of sequence of str
        The cells.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def rich(self) -> rich_table.Table:
        """Make a table of the library rich, for its consoles."""
        made = rich_table.Table(
            *map(escape, self.columns), title=escape(self.title) or None, show_header=bool(self.columns), box=box.SIMPLE
        )
        for row in self.rows:
            made.add_row(*(cell if isinstance(cell, Figure) else escape(cell) for cell in row))
        return made

    def text(self) -> str:
        """Write the table as plain text, as wide as the terminal, at most `WIDTH` characters."""
        page = Console(file=io.StringIO(), width=_width(), color_system=None, force_terminal=False, force_jupyter=False)
        page.print(self.rich())
        assert isinstance(page.file, io.StringIO)
        return "\n".join(line.rstrip() for line in page.file.getvalue().split("\n")).strip("\n")

    def html(self) -> str:
        """Write the table as HTML; a long table scrolls under its headings."""
        return _HTML.render(title=self.title, columns=self.columns, rows=self.rows)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()


def _width() -> int:
    """Width of the terminal, within bounds; the largest where the output is not a terminal."""
    if not sys.stdout.isatty():
        return WIDTH
    return max(LEAST_WIDTH, min(WIDTH, shutil.get_terminal_size().columns))


class Tabular(ABC):
    """Base of objects that are shown as a table in a terminal and in a notebook."""

    @property
    @abstractmethod
    def table(self) -> Table:
        """The object as a table."""

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()
