"""A cache of build products; parallel and interrupted builds do not damage it.

What is in it is run. So it is used only if it belongs to this user (or to root), and nobody else can write to it, to
any folder in it or to the files of an entry.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

__all__ = ["CacheError", "cache_path", "cached", "unusable"]

MAX_AGE = 30 * 24 * 3600
"""Entries unused for this time, in seconds, are removed at the next build."""


class CacheError(RuntimeError):
    """The folder of the cache cannot be used: one sentence."""


def cache_path() -> Path:
    """Return the folder of all build products: ``NEURISTOR_CACHE`` if set, else the user's cache folder."""
    override = os.environ.get("NEURISTOR_CACHE")
    return Path(override).absolute() if override else user_cache_path("neuristor") / "sim"


def cached(key: Iterable[str], build: Callable[[Path], None], root: Path | None = None) -> Path:
    """Return the folder that `build` filled for this `key`; build it only if it is not in the cache.

    A build writes into a temporary folder that is renamed when complete, so an interrupted build leaves no entry. An
    entry that others could have changed is built again.

    Parameters
    ----------
    key : iterable of str
        Everything the product depends on: sources, tool versions, options.
    build : callable
        Called with an empty folder, which it fills. If it raises an error, nothing is kept.
    root : Path, optional
        Folder of the cache, `cache_path()` by default. If the user's own cache folder cannot be used, a temporary one
        takes its place until the program ends.

    Returns
    -------
    Path
        The folder of the product.

    Raises
    ------
    CacheError
        If `root` or ``NEURISTOR_CACHE`` cannot be written, or others can write to it.
    """
    root = _usable(root)
    digest = hashlib.sha256()
    for part in key:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    name = digest.hexdigest()[:32]
    entry = root / name
    _remove_stale(root, name)
    if not _trusted(entry):
        with FileLock(root / f"{name}.lock"):
            if not _trusted(entry):
                _build(entry, build)
    with suppress(OSError):  # of another user: root
        os.utime(entry)
    return entry


def _build(entry: Path, build: Callable[[Path], None]) -> None:
    """Fill a new entry in the place of one that is not trusted.

    Raises
    ------
    CacheError
        If the old one cannot be removed.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f"{entry.name}.tmp-", dir=entry.parent))
    try:
        build(scratch)
        for path in (scratch, *scratch.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o022)
        try:
            if entry.is_symlink() or entry.is_file():
                entry.unlink()
            elif entry.exists():
                shutil.rmtree(entry)
        except OSError as error:
            raise CacheError(f"{entry} is not trusted, and cannot be removed ({error.strerror})") from None
        scratch.rename(entry)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _usable(root: Path | None) -> Path:
    """The folder of the cache, made if there is none.

    Raises
    ------
    CacheError
        If a folder was chosen that cannot be used.
    """
    chosen = cache_path() if root is None else root
    problem = unusable(chosen)
    if not problem:
        return chosen.resolve()
    if root is not None or os.environ.get("NEURISTOR_CACHE"):
        raise CacheError(problem)
    return Path(_temporary().name)


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed when the program ends."""
    return tempfile.TemporaryDirectory(prefix="neuristor-cache-")


def unusable(root: Path, *, inside: bool = True) -> str:
    """Say why a folder cannot be that of a cache; make it if there is none.

    Parameters
    ----------
    root : Path
        The folder.
    inside : bool
        It holds the cache itself, which its group may not write; otherwise it is a folder around it.

    Returns
    -------
    str
        One sentence; empty if it can be used.
    """
    root = root.absolute()
    if "~" in root.parts:
        return f"the cache folder {root} is in no home folder: set NEURISTOR_CACHE to a folder"
    try:
        for missing in reversed([path for path in (root, *root.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        whole = root.resolve(strict=True)
        for path in (root, *root.parents, whole, *whole.parents):
            flaw = _flaw(path, inside=inside and path in (root, whole))
            if flaw:
                return f"the cache folder {root} is not trusted: {path} {flaw}"
    except OSError as error:
        return f"the cache folder {root} cannot be written ({error.strerror})"
    if not (whole.is_dir() and os.access(whole, os.W_OK | os.X_OK)):
        return f"the cache folder {root} cannot be written"
    return ""


def _flaw(path: Path, *, inside: bool = True) -> str:
    """Why others may have put a file or folder there, or changed it; empty if only this user and root can.

    A folder around the cache (not `inside`) may be writable by its group, as home folders are in some systems, and by
    all if it is sticky, as ``/tmp`` is.
    """
    found = path.lstat()
    if found.st_uid not in (0, os.getuid()):
        return f"belongs to the user {found.st_uid}"
    if stat.S_ISLNK(found.st_mode):
        return ""  # what it leads to is looked at, too
    if inside and found.st_mode & 0o022:
        return "can be written by others: chmod go-w"
    if found.st_mode & 0o002 and not found.st_mode & stat.S_ISVTX:
        return "can be written by all: chmod o-w"
    return ""


def _trusted(entry: Path) -> bool:
    """Whether an entry exists, and neither it nor anything in it can have been changed by others."""

    def parts() -> Iterator[Path]:
        yield entry
        yield from entry.rglob("*")

    try:
        return entry.is_dir() and not any(path.is_symlink() or _flaw(path) for path in parts())
    except OSError:
        return False


def _remove_stale(root: Path, name: str) -> None:
    """Remove what killed builds left, and entries older than `MAX_AGE`. Lock files stay."""
    oldest = time.time() - MAX_AGE
    for path in root.iterdir():
        own, _, scratch = path.name.partition(".tmp-")
        try:
            if not path.is_dir() or path.is_symlink() or path.name == name:
                continue
            if scratch:
                with FileLock(root / f"{own}.lock", timeout=0):  # no process builds this entry
                    shutil.rmtree(path, ignore_errors=True)
            elif path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
        except (Timeout, OSError):
            continue
