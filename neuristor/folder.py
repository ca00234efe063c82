"""Output files and folders that appear when they are complete, or not at all; text that is safe to print.

Nothing is lost: an output never replaces a file that this run has read, nor a folder that holds anything but files that
Neuristor wrote.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from neuristor.golden_model.files import inputs
from neuristor.version import __version__

__all__ = [
    "MANIFEST",
    "OutputError",
    "check_folder",
    "check_target",
    "one_line",
    "output_folder",
    "plain",
    "with_manifest",
    "write_file",
    "write_files",
    "write_manifest",
]

LONGEST = 800
"""Longest message, in characters."""
MANIFEST = "manifest.json"
"""The file of an output folder that lists the others."""
MOST_MANIFEST = 16 * 1024 * 1024
"""Largest manifest that is read, in bytes."""
_SCRATCH, _BEFORE = ".neuristor-", ".neuristor-before-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


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


class OutputError(ValueError):
    """The output cannot be written to this path: one sentence.

    Parameters
    ----------
    message : str
        The sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def check_target(target: Path, *, force: bool, ending: str = "", change: bool = False) -> None:
    """Check that a file can be written, before anything is computed.

    Parameters
    ----------
    target : Path
        File to write.
    force : bool
        It may exist.
    ending : str
        The suffix that the name must have, such as ``.svg``; empty for any.
    change : bool
        It may be an input of this run.

    Raises
    ------
    OutputError
        If the target exists and `force` is not set, is no regular file, is an input of this run, its folder cannot be
        written, or the name is not possible.
    """
    _check_name(target, force=force)
    if ending and target.suffix.lower() != ending:
        raise OutputError(f"{target} would hold {ending[1:].upper()}: give it a name that ends in {ending}")
    if target.is_dir():
        raise OutputError(f"{target} cannot be written: it is a folder")
    if target.exists() and not target.is_file():
        raise OutputError(f"{target} cannot be written: it is not a file, but a device or a pipe")
    if not change and target.resolve() in inputs():
        raise OutputError(f"{target} is an input of this run: name another")


def check_folder(target: Path, *, force: bool) -> None:
    """Check that an output folder can be made, before anything is computed.

    Parameters
    ----------
    target : Path
        The folder.
    force : bool
        It may exist, if Neuristor made it.

    Raises
    ------
    OutputError
        If the target exists and `force` is not set, holds anything but unchanged files that Neuristor wrote, holds an
        input of this run, or cannot be written.
    """
    _check_name(target, force=force)
    if os.path.lexists(target):
        _check_replaced(target, target)


def _check_name(target: Path, *, force: bool) -> None:
    try:
        if os.path.lexists(target) and not force:
            raise OutputError(f"{target} exists: name another, or pass --force to replace it")
        parent = target.absolute().parent
        while not parent.exists():
            parent = parent.parent
        writable = parent.is_dir() and os.access(parent, os.W_OK)
        os.fsencode(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror})") from None
    except OutputError:
        raise
    except ValueError:  # a lone surrogate, a null character
        raise OutputError(f"{target} cannot be written: it is not a valid file name") from None
    if "\0" in str(target) or target.name in ("", ".."):
        raise OutputError(f"{target} cannot be written: it is not a valid file name")
    if not writable:
        raise OutputError(f"{target} cannot be written: {parent} is not a folder you may write to")


def _check_replaced(folder: Path, shown: Path) -> None:
    """Check that a folder may be replaced: Neuristor wrote every file in it, and this run reads none of them.

    Raises
    ------
    OutputError
        If it may not; the message calls it `shown`.
    """
    flaw = _flaw(folder, shown)
    if flaw:
        raise OutputError(f"{shown} is not replaced: {flaw}; name another folder, or move this one")


def _flaw(folder: Path, shown: Path) -> str:
    """Why a folder may not be replaced; empty if it may."""
    if folder.is_symlink() or not folder.is_dir():
        return "it is a symbolic link" if folder.is_symlink() else "it is not a folder"
    whole = shown.resolve()
    read = next((path for path in sorted(inputs()) if path.is_relative_to(whole)), None)
    if read is not None:
        return f"it holds {read.relative_to(whole)}, an input of this run"
    try:
        with (folder / MANIFEST).open("rb") as file:
            made = json.loads(file.read(MOST_MANIFEST))
        listed, _ = dict(made["files"]), made["neuristor"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return f"it has no {MANIFEST} of Neuristor"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        own = not path.is_symlink() and (
            path.is_dir() or name == MANIFEST or (name in listed and path.is_file() and _digest(path) == listed[name])
        )
        if not own:
            return f"{name} in it was not written by Neuristor, or was changed since"
    return ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of a folder that is complete but for it.

    Parameters
    ----------
    folder : Path
        The folder; each file in it is listed with its SHA-256.
    content : mapping of str to value
        What the manifest says besides the version and the files, for JSON.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): _digest(path) for path in paths}
    text = json.dumps({"neuristor": __version__, **content, "files": files}, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")


@contextmanager
def _alone(parent: Path) -> Iterator[bool]:
    """Whether no other run looks for scratch files in a folder, or renames them, during a block."""
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locked = False
        for _ in range(100):
            locked = _locked(handle)
            if locked:
                break
            time.sleep(0.02)  # others hold it for a moment only
        yield locked
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file or folder until it is closed; False if another process has locked it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _left(target: Path, kind: str) -> list[Path]:
    """Scratch files and folders of a target, of living and of killed runs."""
    wanted = re.compile(re.escape(f".{target.name}{kind}") + "[a-z0-9_]{8}")
    return [path for path in target.parent.iterdir() if wanted.fullmatch(path.name) and not path.is_symlink()]


def _clean(target: Path) -> None:
    """Remove what killed runs left of a target; restore what one of them had moved away.

    Raises
    ------
    OutputError
        If another run is writing this target.
    """
    for before in _left(target, _BEFORE):
        if not os.path.lexists(target) and any(before.iterdir()):
            before.rename(target)
        else:
            shutil.rmtree(before, ignore_errors=True)
    for scratch in _left(target, _SCRATCH):
        handle = os.open(scratch, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if not _locked(handle):
                raise OutputError(f"{target} is being written by another run, in {scratch.name}; wait for its end")
            _remove(scratch)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _scratch(target: Path, made: ExitStack, *, folder: bool) -> tuple[Path, int]:
    """A scratch file or folder, open and locked until `made` is closed, which removes it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent) as alone:
        if alone:
            _clean(target)
        prefix = f".{target.name}{_SCRATCH}"
        if folder:
            path = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        else:
            handle, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
            path = Path(name)
        made.callback(os.close, handle)
        made.callback(_remove, path)
        _locked(handle)
        path.chmod(0o755 if folder else 0o644)
    return path, handle


@contextmanager
def output_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Fill a folder that appears when the block has ended; after an error nothing is left.

    The block writes a manifest, with `write_manifest`; without one, the folder cannot be replaced later.

    Parameters
    ----------
    target : Path
        The folder.
    force : bool
        Replace a folder of that name that Neuristor made, when the block has ended.

    Yields
    ------
    Path
        A scratch folder, to be filled.

    Raises
    ------
    OutputError
        As by `check_folder`, at the beginning and at the end; or if another run writes this folder, or the disk is
        full.
    """
    check_folder(target, force=force)
    place = target.absolute()
    with ExitStack() as made:
        try:
            scratch, _ = _scratch(place, made, folder=True)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error.strerror})") from None
        try:
            yield scratch
        except OSError as error:
            raise (
                OutputError(f"{target} cannot be written ({error.strerror})") if error.errno in _FULL else error
            ) from None
        try:
            with _alone(place.parent):
                _move(scratch, place, target, force)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error.strerror})") from None


def _move(scratch: Path, place: Path, target: Path, force: bool) -> None:
    """Give a complete scratch folder its name.

    Raises
    ------
    OutputError
        If a folder of that name must not be replaced.
    """
    if not os.path.lexists(place):
        scratch.rename(place)  # an error if it appears now, unless it is an empty folder
        return
    if not force:
        raise OutputError(f"{target} was made in the meantime: name another, or pass --force to replace it")
    _check_replaced(place, target)
    before = Path(tempfile.mkdtemp(prefix=f".{place.name}{_BEFORE}", dir=place.parent))
    place.rename(before)
    try:
        _check_replaced(before, target)  # now that nobody finds it by its name
        scratch.rename(place)
    except BaseException:
        before.rename(place)
        raise
    shutil.rmtree(before, ignore_errors=True)


def write_file(target: Path, content: str | bytes, *, force: bool = False, change: bool = False) -> None:
    """Write a file, completely or not at all; an `OutputError` says why it cannot be written.

    Parameters
    ----------
    target : Path
        The file; its folder is made if needed.
    content : str or bytes
        The content; text is encoded in UTF-8.
    force : bool
        Replace a file of that name.
    change : bool
        Replace it even if this run has read it.
    """
    write_files({target: content}, force=force, change=change)


def write_files(files: Mapping[Path, str | bytes], *, force: bool = False, change: bool = False) -> None:
    """Write some files when all of them are complete.

    Parameters
    ----------
    files : mapping of Path to str or bytes
        Content of each file; its folder is made if needed. Text is encoded in UTF-8.
    force : bool
        Replace files of these names.
    change : bool
        Replace them even if this run has read them.

    Raises
    ------
    OutputError
        If a target exists and `force` is not set, is a folder or an input of this run, or cannot be written.
    """
    target = Path()
    with ExitStack() as made:
        try:
            paths: dict[Path, Path] = {}
            for target, content in files.items():
                check_target(target, force=force, change=change)
                paths[target], handle = _scratch(target.absolute(), made, folder=False)
                left = memoryview(content.encode() if isinstance(content, str) else content)
                while left:
                    left = left[os.write(handle, left) :]
            for target, path in paths.items():
                check_target(target, force=force, change=change)
                path.rename(target)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error.strerror})") from None


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
