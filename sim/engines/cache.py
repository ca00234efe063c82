"""A cache of build products; parallel and interrupted builds do not damage it."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

MAX_AGE = 30 * 24 * 3600
"""Entries unused for this time, in seconds, are removed at the next build."""


def cache_path() -> Path:
    """Return the folder of all build products: ``NEURISTOR_CACHE`` if set, else the user's cache folder."""
    override = os.environ.get("NEURISTOR_CACHE")
    return Path(override).resolve() if override else user_cache_path("neuristor") / "sim"


def cached(key: Iterable[str], build: Callable[[Path], None], root: Path | None = None) -> Path:
    """Return the folder that `build` filled for this `key`; build it only if it is not in the cache.

    A build writes into a temporary folder that is renamed when complete, so an interrupted build leaves no entry.

    Parameters
    ----------
    key : iterable of str
        Everything the product depends on: sources, tool versions, options.
    build : callable
        Called with an empty folder, which it fills. If it raises an error, nothing is kept.
    root : Path, optional
        Folder of the cache, `cache_path()` by default.

    Returns
    -------
    Path
        The folder of the product.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    root = root or cache_path()
    digest = hashlib.sha256()
    for part in key:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    name = digest.hexdigest()[:32]
    entry = root / name
    if not entry.is_dir():
        with _writable(root, name):
            if not entry.is_dir():
                _remove_stale(root, name)
                scratch = Path(tempfile.mkdtemp(prefix=f"{name}.tmp-", dir=root))
                try:
                    build(scratch)
                    scratch.rename(entry)
                finally:
                    shutil.rmtree(scratch, ignore_errors=True)
    os.utime(entry)
    return entry


@contextmanager
def _writable(root: Path, name: str) -> Iterator[None]:
    """Make the cache and lock one entry of it.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    lock = FileLock(root / f"{name}.lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise OSError(
            f"the cache {root} cannot be written ({error.strerror}): set NEURISTOR_CACHE to a folder that can"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _remove_stale(root: Path, name: str) -> None:
    """Remove remains of interrupted builds of `name`, and entries older than `MAX_AGE`. Lock files stay."""
    oldest = time.time() - MAX_AGE
    for path in root.iterdir():
        if path.is_dir() and (path.name.startswith(f"{name}.tmp-") or path.stat().st_mtime < oldest):
            shutil.rmtree(path, ignore_errors=True)
