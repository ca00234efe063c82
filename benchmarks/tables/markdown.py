"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["line", "table"]


def line(cells: Iterable[str]) -> str:
    """A row of a table.

    Parameters
    ----------
    cells : iterable of str
        Its cells.
    """
    return "| " + " | ".join(cells) + " |"


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table.

    Parameters
    ----------
    head : sequence of str
        Headings of the columns.
    rows : iterable of iterable of str
        Its rows.
    """
    return "\n".join(map(line, [head, ["---"] * len(head), *rows]))
