"""Files that others wrote: read whole, and within bounds, whatever they claim to hold."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_format: Any = np.lib.format  # without types

__all__ = ["MOST_BYTES", "arrays", "content", "text"]

MOST_BYTES = 64 * 1024 * 1024
"""A file may be this long, by default."""
MOST_UNPACKED = 1024 * 1024 * 1024
"""What the arrays of an NPZ file may need, in bytes."""


def content(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file; no more is read than it may have, be it a device that never ends.

    Parameters
    ----------
    path : Path
    most : int
        Bytes.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is longer.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = file.read(most + 1) if size <= most else b""
    if max(size, len(found)) > most:
        raise ValueError(f"{path} must be at most {most // 2**20} MiB, not {max(size, len(found)) / 2**20:.1f} MiB")
    return found


def text(path: Path, most: int = MOST_BYTES) -> str:
    """The same as text in UTF-8, with one kind of line ends.

    Raises
    ------
    ValueError
        If it cannot be read, is longer, or is none.
    """
    try:
        return content(path, most).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as text ({error})") from None


def arrays(path: Path, names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Arrays of an NPZ file, those that it has.

    Parameters
    ----------
    path : Path
    names : sequence of str

    Raises
    ------
    ValueError
        If it is none, holds objects, or needs more memory than a gibibyte: what it claims is checked before any is
        taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = [name for name in names if f"{name}.npy" in archive.namelist()]
            size = sum(_claimed(archive, name) for name in held)
            if size > MOST_UNPACKED:
                raise ValueError(f"must unpack to at most {MOST_UNPACKED // 2**20} MiB, not {size / 2**20:.0f} MiB")
            found = {}
            for name in held:
                with archive.open(f"{name}.npy") as member:
                    found[name] = _format.read_array(member, allow_pickle=False)
            return found
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read as an NPZ file ({error})") from None


def _claimed(archive: zipfile.ZipFile, name: str) -> int:
    """Bytes of an array, as its header says."""
    with archive.open(f"{name}.npy") as member:
        version = _format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has a header of version {version[0]}.{version[1]}; 1.0 and 2.0 are known")
        header = _format.read_array_header_1_0 if version == (1, 0) else _format.read_array_header_2_0
        shape, _, kind = header(member)
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} has the shape {shape}")
    return math.prod(int(n) for n in shape) * int(kind.itemsize)
