"""Printing, and ending a command: one sentence for wrong input, an exit status for a result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from neuristor.api import Verification
    from neuristor.commands.record import Record
    from neuristor.golden_model.units import Figure


__all__ = [
    "checked_name",
    "console",
    "drop_record",
    "ends_with",
    "named",
    "one_of",
    "plain_console",
    "print_record",
    "refuse",
    "say_notes",
    "say_verdict",
    "start_record",
    "stop",
    "styled",
    "wrote",
]

WIDEST = 10_000
"""Width at which tables are measured, in characters."""
LOG_WIDTH = 132
"""Least width where the output is not a terminal, in characters."""


class _Page(Console):
    """A console whose tables and sentences can be collected, to be printed as JSON at the end.

    Attributes
    ----------
    collected : Record or None
        What was printed, if it is collected; shared by all pages.
    """

    collected: Record | None = None

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or collect.

        Parameters
        ----------
        *objects
            Texts and tables.
        **options
            As of rich's consoles.
        """
        if _Page.collected is None:
            super().print(*(self._narrow(each) if isinstance(each, Table) else each for each in objects), **options)
            return
        for each in objects:
            if isinstance(each, Table):
                _Page.collected.add_table(each, self._plain)
            elif text := (each if options.get("markup", self._markup) is False else self._plain(str(each))).strip():
                _Page.collected.notes.append(text)

    @staticmethod
    def _plain(text: str) -> str:
        return Text.from_markup(text).plain

    def _narrow(self, table: Table) -> Table:
        """A table that is too wide: wrapped between words; else turned, with a line for each column; else in blocks."""
        if self._measured(table).maximum <= self.width or not table.columns:
            return table
        if self._fitted(table) or not table.show_header or len(table.columns) < 3:
            return table
        turned = Table(show_header=False, title=table.title, box=table.box)
        for column in table.columns:
            turned.add_row(str(column.header), *column.cells)
        if self._fitted(turned):
            return turned
        blocks = Table(show_header=False, title=table.title, box=table.box)
        for row in range(table.row_count):
            for column in table.columns:
                blocks.add_row(str(column.header), list(column.cells)[row])
            blocks.add_section()
        self._fitted(blocks)
        return blocks

    def _measured(self, shown: Any) -> Measurement:
        return self.measure(shown, options=self.options.update(width=WIDEST, max_width=WIDEST))

    def _fitted(self, table: Table) -> bool:
        """Give each column the width of its longest word, and share out the rest; False if they are too wide."""
        room = self.width - 3 * len(table.columns) - 1
        found = []
        for column in table.columns:
            cells = [column.header, *column.cells] if table.show_header else [*column.cells]
            sizes = [self._measured(each) for each in cells]
            found.append((max(each.minimum for each in sizes), max(each.maximum for each in sizes)))
        rest = room - sum(least for least, _ in found)
        if rest < 0:
            return False
        # The columns that want least get it first.
        order = sorted(range(len(found)), key=lambda n: found[n][1] - found[n][0])
        for place, n in enumerate(order):
            least, most = found[n]
            more = min(most - least, rest // (len(order) - place))
            table.columns[n].width = least + more
            rest -= more
        return True


def _made(markup: bool) -> _Page:
    made = _Page(highlight=False, markup=markup, emoji=markup)
    if not made.is_terminal:
        made.width = max(made.width, LOG_WIDTH)
    return made


console = _made(markup=True)
plain_console = _made(markup=False)
"""For text from files, in which brackets are not markup."""


def start_record(command: str) -> None:
    """Collect what is printed from now on, instead of printing it; progress goes to the standard error.

    Parameters
    ----------
    command : str
        Name of the command.
    """
    from neuristor.commands.record import Record

    _Page.collected = Record(command)
    for each in (console, plain_console):
        each.file = sys.stderr


def drop_record() -> None:
    """Print again, after a command that did not end."""
    _Page.collected = None


def print_record(status: int, error: str | None = None) -> None:
    """Print as JSON what was collected, if it was.

    Parameters
    ----------
    status : int
        Exit status of the command.
    error : str, optional
        The sentence about wrong input.
    """
    if _Page.collected is not None:
        sys.stdout.write(_Page.collected.text(status, error) + "\n")
        _Page.collected = None


def refuse(message: str) -> NoReturn:
    """End a command because its input is wrong.

    Parameters
    ----------
    message : str
        One sentence.

    Raises
    ------
    DesignError
        With this sentence.
    """
    from neuristor.toml_file import DesignError

    raise DesignError(message)


def checked_name(given: str | None) -> str | None:
    """Check the option ``--name``.

    Parameters
    ----------
    given : str, optional
        Its value.

    Returns
    -------
    str or None
        The value.
    """
    if given is not None:
        from neuristor.hdl.names import check_module_name

        with named("--name"):
            check_module_name(given)
    return given


def one_of(option: str, value: str, known: Iterable[str]) -> str:
    """Check the value of an option.

    Parameters
    ----------
    option : str
        The option, such as ``--board``.
    value : str
        Its value.
    known : iterable of str
        The possible values.

    Returns
    -------
    str
        The value.

    Raises
    ------
    DesignError
        If it is another value.
    """
    from neuristor.toml_file import DesignError

    possible = list(known)
    if value not in possible:
        raise DesignError(f"{option} must be among {', '.join(possible)}, not {value!r}")
    return value


@contextmanager
def named(what: object = "", *more: type[Exception]) -> Iterator[None]:
    """Name a file or an option in the errors of a block.

    Parameters
    ----------
    what : object
        The file or option; empty if the errors name it.
    *more
        Kinds of errors that are named, besides ValueError.

    Yields
    ------
    None

    Raises
    ------
    DesignError
        In place of such an error of the block.
    """
    from neuristor.toml_file import DesignError

    kinds: tuple[type[Exception], ...] = (ValueError, *more)
    try:
        yield
    except kinds as error:
        said = str(error)
        complete = isinstance(error, DesignError) or said.startswith(str(what))
        raise DesignError(said if complete else f"{what}: {said}") from None


def stop(status: int) -> NoReturn:
    """End a command with an exit status.

    Parameters
    ----------
    status : int
        The exit status.

    Raises
    ------
    typer.Exit
        With this status.
    """
    raise typer.Exit(status)


def ends_with(good: bool) -> None:
    """End a command with exit status 1, unless its result is good.

    Parameters
    ----------
    good : bool
        Whether the circuit equals its model, the claims are proved, the board can run the circuit, and so on.

    Raises
    ------
    typer.Exit
        With status 1.
    """
    if not good:
        raise typer.Exit(1)


def say_notes(notes: Iterable[str]) -> None:
    """Print the assumptions that were made in reading a file.

    Parameters
    ----------
    notes : iterable of str
        A sentence each, without a full stop.
    """
    for note in notes:
        plain_console.print(f"assumed: {note}", soft_wrap=True)


def say_verdict(verification: Verification, what: str) -> None:
    """Print the result of comparing the circuit of a network with its model; exit status 1 if they differ.

    Parameters
    ----------
    verification : Verification
        The result.
    what : str
        Neurons and ticks that were compared.
    """
    for each in verification.verdicts:
        if each.equal:
            plain_console.print(f"{each.engine}: equal in every state bit, {what}", soft_wrap=True)
        else:
            plain_console.print(f"{each.engine}: DIFFERS: {each.reason}", style="red", markup=False, soft_wrap=True)
    ends_with(verification.equal)


def styled(figure: Figure, style: str) -> Figure:
    """A number in a style, which still knows its value.

    Parameters
    ----------
    figure : Figure
        The number.
    style : str
        Style of rich; empty for none.
    """
    from neuristor.golden_model.units import Figure

    return Figure(f"[{style}]{figure}[/]", figure.value, figure.unit) if style else figure


def wrote(path: Path, more: str = "") -> None:
    """Print the name of a file or folder that was written.

    Parameters
    ----------
    path : Path
        The file or folder.
    more : str
        Text after the path.
    """
    if _Page.collected is not None:
        _Page.collected.files.append(str(path))
        if more:
            _Page.collected.notes.append(more.lstrip(" :;"))
        return
    plain_console.print(f"{path}{more}", soft_wrap=True)
