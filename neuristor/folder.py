"""Output that is there whole or not at all; and names, as output may show them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["OutputError", "check_target", "one_line", "output_folder", "plain", "with_manifest", "write_file"]

LONGEST = 800
"""Characters of a message."""


def plain(text: str) -> str:
    """A text of others, such as the name of a file, fit for one line of a comment: what is no character is a ``?``."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "?", text)


def one_line(message: str) -> str:
    """A message on one line, of a length that one can read, whatever it quotes."""
    message = plain(" ".join(line.strip() for line in message.splitlines()))
    half = LONGEST // 2
    return message if len(message) <= LONGEST else f"{message[:half]} ... {message[-half:]}"


class OutputError(ValueError):
    """The output cannot go where it was asked to: one sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def check_target(target: Path, *, force: bool, ending: str = "") -> None:
    """Refuse a target that exists, or a parent that cannot be written, or a name without the ending of what it will be.

    Raises
    ------
    OutputError
        In one sentence.
    """
    try:
        if target.exists() and not force:
            raise OutputError(f"{target} exists: name another, or pass --force to replace it")
        parent = target.absolute().parent
        while not parent.exists():
            parent = parent.parent
        writable = parent.is_dir() and os.access(parent, os.W_OK)
        os.fsencode(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror})") from None
    except UnicodeEncodeError:
        raise OutputError(f"{target} cannot be written: this is no name of a file") from None
    if ending and target.suffix.lower() != ending:
        raise OutputError(f"{target} would hold {ending[1:].upper()}: give it a name that ends in {ending}")
    if "\0" in str(target) or target.name in ("", ".."):
        raise OutputError(f"{target} cannot be written: this is no name of a file")
    if not writable:
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
        try:
            if target.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=parent))
                target.rename(old / "old")
                scratch.rename(target)
                shutil.rmtree(old)
            else:
                scratch.rename(target)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error.strerror})") from None
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
    if target.is_dir():
        raise OutputError(f"{target} cannot be written: it is a folder, and stays")
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
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror})") from None
    finally:
        Path(name).unlink(missing_ok=True)


def with_manifest(out: Path, *, force: bool) -> Path:
    """The manifest beside a file of Verilog; both can be written.

    Raises
    ------
    OutputError
        If either cannot, or they would be the same.
    """
    check_target(out, force=force)
    manifest = out.with_suffix(".json")
    if manifest == out:
        raise OutputError(f"{out} must not end with .json: that is the manifest beside it")
    check_target(manifest, force=force)
    return manifest
