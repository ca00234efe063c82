"""Printing, and ending a command: one sentence for wrong input, an exit status for a result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from neuristor.api import Verification
from neuristor.hdl.names import check_module_name
from neuristor.toml_file import DesignError

__all__ = [
    "checked_name",
    "console",
    "ends_with",
    "named",
    "one_of",
    "plain_console",
    "refuse",
    "say_notes",
    "say_verdict",
    "stop",
    "wrote",
]

LOG_WIDTH = 132
"""Least width where the output is not a terminal, in characters."""


def _made(markup: bool) -> Console:
    made = Console(highlight=False, markup=markup, emoji=markup)
    if not made.is_terminal:
        made.width = max(made.width, LOG_WIDTH)
    return made


console = _made(markup=True)
plain_console = _made(markup=False)
"""For text from files, in which brackets are not markup."""


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


def wrote(path: Path, more: str = "") -> None:
    """Print the name of a file or folder that was written.

    Parameters
    ----------
    path : Path
        The file or folder.
    more : str
        Text after the path.
    """
    plain_console.print(f"{path}{more}", soft_wrap=True)
