"""A home folder that can be written: simulators, synthesis and plots keep their caches in it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

__all__ = ["use_writable_home"]


def use_writable_home() -> None:
    """Use a temporary folder as home, for this process and its children, if the user's caches cannot be written."""
    caches = user_cache_path("neuristor")
    try:
        caches.mkdir(parents=True, exist_ok=True)
        if os.access(caches, os.W_OK):
            return
    except OSError:
        pass
    home = _temporary_home()
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        os.environ.pop(name, None)
    os.environ["HOME"] = str(home)
    print(f"neuristor: {caches} cannot be written; caches are in {home}", file=sys.stderr)


def _temporary_home() -> Path:
    """A folder of this user, the same for each run if possible."""
    if hasattr(os, "getuid"):
        home = Path(tempfile.gettempdir()) / f"neuristor-{os.getuid()}"
        try:
            home.mkdir(mode=0o700, exist_ok=True)
            if home.lstat().st_uid == os.getuid() and not home.is_symlink():
                return home
        except OSError:
            pass
    return Path(tempfile.mkdtemp(prefix="neuristor-"))
