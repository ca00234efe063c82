"""A home folder that can be written: simulators, synthesis and plots keep their caches in it."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from neuristor.sim.engines.cache import unusable

__all__ = ["use_writable_home"]


def use_writable_home() -> None:
    """Use a temporary folder as home, for this process and its children, if the user's caches cannot be used.

    They cannot if they cannot be written, or if all can write to them: YoWASP and wasmtime keep programs there.
    """
    problem = unusable(user_cache_path("neuristor"), inside=False)
    if not problem:
        return
    home = _temporary_home()
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        os.environ.pop(name, None)
    os.environ["HOME"] = str(home)
    os.environ.pop("YOWASP_CACHE_DIR", None)
    print(f"neuristor: {problem}; caches are in {home}", file=sys.stderr)


def _temporary_home() -> Path:
    """A folder of this user, the same for each run if possible; else one for this run."""
    home = Path(tempfile.gettempdir()) / f"neuristor-{os.getuid()}"
    if not unusable(home):
        return home
    made = Path(tempfile.mkdtemp(prefix="neuristor-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
