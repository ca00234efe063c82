"""Tables for readers: in a terminal, in a notebook, in a Python session; and numbers with SI prefixes."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
from quantiphy import Quantity
from rich import box
from rich import table as rich_table
from rich.console import Console
from rich.markup import escape

__all__ = ["Table", "Tabular", "si"]

_HTML = jinja2.Environment(autoescape=True).from_string(
    "<table>{% if title %}<caption>{{ title }}</caption>{% endif %}"
    "{% if columns %}<tr>{% for c in columns %}<th>{{ c }}</th>{% endfor %}</tr>{% endif %}"
    "{% for row in rows %}<tr>{% for c in row %}<td>{{ c }}</td>{% endfor %}</tr>{% endfor %}</table>"
)
WIDTH = 132
"""Characters of a line of text."""


def si(value: float, unit: str = "", digits: int = 4) -> str:
    """A number with an SI prefix and its unit, such as ``44.4 uA``.

    Parameters
    ----------
    value : float
        In the SI unit.
    unit : str
        The unit, such as ``A`` or ``ohm``.
    digits : int
        Significant digits.
    """
    return str(Quantity(float(value), unit).render(prec=digits - 1))


@dataclass(frozen=True, repr=False)
class Table:
    """Rows of text.

    Parameters
    ----------
    title : str
        A heading; may be empty.
    columns : sequence of str
        Headings of the columns; empty for a table of labels and values.
    rows : sequence of sequence of str
        The cells.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def rich(self) -> rich_table.Table:
        """The table for a console of the library rich."""
        made = rich_table.Table(
            *map(escape, self.columns), title=escape(self.title) or None, show_header=bool(self.columns), box=box.SIMPLE
        )
        for row in self.rows:
            made.add_row(*map(escape, row))
        return made

    def text(self) -> str:
        """The table as plain text."""
        page = Console(file=io.StringIO(), width=WIDTH, color_system=None, force_terminal=False)
        page.print(self.rich())
        assert isinstance(page.file, io.StringIO)
        return "\n".join(line.rstrip() for line in page.file.getvalue().strip("\n").split("\n"))

    def html(self) -> str:
        """The table as HTML."""
        return _HTML.render(title=self.title, columns=self.columns, rows=self.rows)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()


class Tabular(ABC):
    """Something that shows itself as a table."""

    @property
    @abstractmethod
    def table(self) -> Table:
        """What it is, for a reader."""

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()
