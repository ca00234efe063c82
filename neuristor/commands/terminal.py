"""Where the commands print."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

__all__ = ["console", "plain_console", "wrote"]

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


def wrote(path: Path, more: str = "") -> None:
    """Say which file or folder was written, and something about it."""
    plain_console.print(f"{path}{more}", soft_wrap=True)
