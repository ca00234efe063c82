"""Where the commands print."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from neuristor.api import Verification

__all__ = ["console", "plain_console", "say_verdict", "wrote"]

LOG_WIDTH = 132
"""A log file has no edge to wrap at."""


def _made(markup: bool) -> Console:
    made = Console(highlight=False, markup=markup, emoji=markup)
    if not made.is_terminal:
        made.width = max(made.width, LOG_WIDTH)
    return made


console = _made(markup=True)
plain_console = _made(markup=False)
"""For commands that show names of others, which are no markup."""


def say_verdict(verification: Verification, what: str) -> None:
    """Print what a simulator found of a network.

    Parameters
    ----------
    verification : Verification
    what : str
        What was compared.

    Raises
    ------
    typer.Exit
        With status 1, if the circuit differs.
    """
    for each in verification.verdicts:
        if not each.equal:
            plain_console.print(f"{each.engine}: DIFFERS: {each.reason}", style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1)
        plain_console.print(f"{each.engine}: equal in every state bit, {what}", soft_wrap=True)


def wrote(path: Path, more: str = "") -> None:
    """Say which file or folder was written, and something about it.

    Parameters
    ----------
    path : Path
    more : str
        What follows the path.
    """
    plain_console.print(f"{path}{more}", soft_wrap=True)
