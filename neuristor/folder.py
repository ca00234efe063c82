"""Output files and folders that appear when they are complete, or not at all; text that is safe to print."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["OutputError", "check_target", "one_line", "output_folder", "plain", "with_manifest", "write_file"]

LONGEST = 800
"""Longest message, in characters."""


def plain(text: str) -> str:
    """Make a foreign text, such as the name of a file, fit for one line of a comment.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text with ``?`` in place of line breaks, control characters and lone surrogates.
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "?", text)


def one_line(message: str) -> str:
    """Put a message on one line, whatever it quotes.

    Parameters
    ----------
    message : str
        Any text.

    Returns
    -------
    str
        At most some 800 characters: the middle of a longer message is replaced by ``...``.
    """
    message = plain(" ".join(line.strip() for line in message.splitlines()))
    half = LONGEST // 2
    return message if len(message) <= LONGEST else f"{message[:half]} ... {message[-half:]}"


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors of a disk that is full or cannot be written."""


class OutputError(ValueError):
    """The output cannot be written to this path: one sentence.

    Parameters
    ----------
    message : str
        The sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def check_target(target: Path, *, force: bool, ending: str = "") -> None:
    """Check that an output can be written, before anything is computed.

    Parameters
    ----------
    target : Path
        File or folder to write.
    force : bool
        It may exist.
    ending : str
        The suffix that the name must have, such as ``.svg``; empty for any.

    Raises
    ------
    OutputError
        If the target exists and `force` is not set, its folder cannot be written, or the name is not possible.
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
        raise OutputError(f"{target} cannot be written: it is not a valid file name") from None
    if ending and target.suffix.lower() != ending:
        raise OutputError(f"{target} would hold {ending[1:].upper()}: give it a name that ends in {ending}")
    if "\0" in str(target) or target.name in ("", ".."):
        raise OutputError(f"{target} cannot be written: it is not a valid file name")
    if not writable:
        raise OutputError(f"{target} cannot be written: {parent} is not a folder you may write to")


@contextmanager
def output_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Fill a folder that appears when the block has ended; after an error nothing is left.

    Parameters
    ----------
    target : Path
        The folder.
    force : bool
        Replace a file or folder of that name, when the block has ended.

    Yields
    ------
    Path
        A scratch folder, to be filled.

    Raises
    ------
    OutputError
        If the target exists and `force` is not set, or it cannot be written.
    OSError
        Of the block, if it is not about a full disk.
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
        try:
            yield scratch
        except OSError as error:
            if error.errno in FULL:
                raise OutputError(f"{target} cannot be written ({error.strerror})") from None
            raise
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
    """Write a file, completely or not at all.

    Parameters
    ----------
    target : Path
        The file; its folder is made if needed.
    content : str or bytes
        The content; text is encoded in UTF-8.
    force : bool
        Replace a file of that name.

    Raises
    ------
    OutputError
        If the target exists and `force` is not set, is a folder, or cannot be written.
    """
    check_target(target, force=force)
    if target.is_dir():
        raise OutputError(f"{target} cannot be written: it is a folder")
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
    """Check that a Verilog file and its manifest can be written.

    Parameters
    ----------
    out : Path
        The Verilog file.
    force : bool
        Both may exist.

    Returns
    -------
    Path
        The manifest: the same name with the suffix ``.json``.

    Raises
    ------
    OutputError
        If either cannot be written, or both have the same name.
    """
    check_target(out, force=force)
    manifest = out.with_suffix(".json")
    if manifest == out:
        raise OutputError(f"{out} must not end with .json: that is the manifest beside it")
    check_target(manifest, force=force)
    return manifest
