"""Output that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["OutputError", "output_folder", "write_file"]


class OutputError(ValueError):
    """The output cannot go where it was asked to."""


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a target that exists, or a parent that cannot be written.

    Raises
    ------
    OutputError
        In one sentence.
    """
    if target.exists() and not force:
        raise OutputError(f"{target} exists: name another, or pass --force to replace it")
    parent = target.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(f"{target} cannot be written: {parent} is not a folder you may write to")


@contextmanager
def output_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder that takes its name only when all is in it; on an error nothing is left.

    Parameters
    ----------
    target : Path
    force : bool
        Replace what has that name now, at the very end.

    Raises
    ------
    OutputError
        If the target exists, and `force` is not set, or cannot be written.
    """
    check_target(target, force=force)
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror})") from None
    try:
        scratch.chmod(0o755)
        yield scratch
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=parent))
            target.rename(old / "old")
            scratch.rename(target)
            shutil.rmtree(old)
        else:
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_file(target: Path, content: str | bytes, *, force: bool = False) -> None:
    """Write one file, whole or not at all.

    Raises
    ------
    OutputError
        As `output_folder`.
    """
    check_target(target, force=force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.absolute().parent)
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        Path(name).chmod(0o644)
        Path(name).rename(target)
    finally:
        Path(name).unlink(missing_ok=True)
