"""Progress of long work in notebooks and terminals; silent elsewhere, and for work that takes less than a second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["counting", "lines", "shown_here"]

DELAY_S = 1.0
"""Time after which a bar appears, in second."""


def shown_here() -> bool:
    """Whether somebody watches: a notebook, or a terminal; not if TQDM_DISABLE is set."""
    if os.environ.get("TQDM_DISABLE"):
        return False
    shell = sys.modules.get("IPython")
    found = None if shell is None else shell.get_ipython()
    if found is not None and hasattr(found, "kernel"):
        return True
    return sys.stderr.isatty()


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar.

    Parameters
    ----------
    title : str
        What is done.

    Yields
    ------
    callable
        Called with what is done, and with the total.
    """
    from tqdm.auto import tqdm

    with tqdm(desc=title, delay=DELAY_S, disable=not shown_here(), leave=False) as bar:

        def say(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield say


@contextmanager
def lines(title: str) -> Iterator[Callable[[str], None]]:
    """Show the last line of text about work whose length is not known.

    Parameters
    ----------
    title : str
        What is done.

    Yields
    ------
    callable
        Called with a line.
    """
    from tqdm.auto import tqdm

    form, begun = "{desc} [{elapsed}]", time.monotonic()
    with tqdm(desc=title, delay=DELAY_S, disable=not shown_here(), leave=False, bar_format=form) as bar:

        def say(text: str) -> None:
            bar.set_description_str(f"{title}: {text}", refresh=time.monotonic() - begun >= DELAY_S)

        yield say
