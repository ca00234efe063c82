"""A cache of build products, safe under parallel and killed builds."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

MAX_AGE = 30 * 24 * 3600
"""Entries that nobody used for this long, in seconds, go at the next build."""


def cache_path() -> Path:
    """Folder of all build products; ``NEURISTOR_CACHE`` overrides the user's cache folder."""
    override = os.environ.get("NEURISTOR_CACHE")
    return Path(override).resolve() if override else user_cache_path("neuristor") / "sim"


def cached(key: Iterable[str], build: Callable[[Path], None], root: Path | None = None) -> Path:
    """Return the folder that `build` filled for this `key`, building it at most once.

    A build goes into a temporary folder that is renamed when complete: whatever stops a
    build, the cache never holds half of one.

    Parameters
    ----------
    key : iterable of str
        Everything the product depends on: sources, tool versions, options.
    build : callable
        Fills the empty folder it is given. If it raises, nothing is kept.
    root : Path, optional
        Folder of the cache, `cache_path()` by default.
    """
    root = root or cache_path()
    digest = hashlib.sha256()
    for part in key:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    name = digest.hexdigest()[:32]
    entry = root / name
    if not entry.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{name}.lock"):
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


def _remove_stale(root: Path, name: str) -> None:
    """Remove what killed builds of `name` left, and entries long unused. Lock files stay."""
    oldest = time.time() - MAX_AGE
    for path in root.iterdir():
        if path.is_dir() and (path.name.startswith(f"{name}.tmp-") or path.stat().st_mtime < oldest):
            shutil.rmtree(path, ignore_errors=True)
