"""Reading of untrusted files, with limits on their size and on the memory they need."""

from __future__ import annotations

import codecs
import math
import os
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_format: Any = np.lib.format  # NumPy gives no types for it

__all__ = ["MOST_BYTES", "arrays", "content", "decoded", "delimited", "text"]

MOST_BYTES = 64 * 1024 * 1024
"""Default limit for the size of a file, in bytes."""
MOST_UNPACKED = 1024 * 1024 * 1024
"""Limit for the arrays of an NPZ file together, in bytes."""
COMPRESSED = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive",
    b"BZh9": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
}
"""First bytes of compressed files, which are no text."""


def content(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file.

    Never reads more than ``most + 1`` bytes, even from a device file that has no end. An OSError is
    raised if the file cannot be read.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Largest size accepted, in bytes.

    Raises
    ------
    ValueError
        If the file is larger.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = file.read(most + 1) if size <= most else b""
    if max(size, len(found)) > most:
        raise ValueError(f"{path} must be at most {most // 2**20} MiB, not {max(size, len(found)) / 2**20:.1f} MiB")
    return found


def text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a file, without a byte-order mark, and with every line end as a newline character.

    Parameters
    ----------
    path : Path
        The file, in an encoding of `decoded`.
    most : int
        Largest size accepted, in bytes.

    Raises
    ------
    ValueError
        If the file cannot be read, is larger, or is not text.
    """
    try:
        return decoded(content(path, most)).replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read as text ({error.strerror})") from None
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith(str(path)) else f"{path}: cannot be read as text ({said})") from None


def decoded(found: bytes) -> str:
    """Text in UTF-8, in UTF-16 with a byte-order mark, or in Windows-1252.

    Parameters
    ----------
    found : bytes
        Content of a file. It may begin with a byte-order mark.

    Returns
    -------
    str
        The text, without the mark.

    Raises
    ------
    ValueError
        If it is in another encoding, holds control characters, or is compressed.
    """
    for magic, name in COMPRESSED.items():
        if found.startswith(magic):
            raise ValueError(f"it is {name}: unpack it first")
    utf16 = found[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        made = found.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        try:
            made = found.decode("ascii" if utf16 else "cp1252")  # names and comments of older files
        except UnicodeDecodeError as error:
            wanted = "must be UTF-8, UTF-16 or Windows-1252"
            raise ValueError(f"{wanted}, not byte {found[error.start]:#04x} at {error.start}") from None
    made = made.rstrip("\x1a")  # DOS ends a text with it
    strange = re.search(r"[\x00-\x08\x0e-\x1f\x7f]", made)
    if strange:
        line = made.count("\n", 0, strange.start()) + 1
        raise ValueError(f"line {line} has the control character {strange[0]!r}")
    return made


def delimited(found: str) -> tuple[str, str]:
    """A table in text, and what separates its columns: a comma, or where the first line has one, a semicolon or a tab.

    Parameters
    ----------
    found : str
        The text. Where columns are not separated by commas, numbers may have decimal commas.

    Returns
    -------
    str
        The text with decimal points.
    str
        The delimiter.
    """
    first = found.lstrip().split("\n", 1)[0]
    delimiter = next((each for each in ";\t" if each in first), ",")
    return (found if delimiter == "," else found.replace(",", ".")), delimiter


def arrays(path: Path, names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Arrays of an NPZ file, by name.

    The sizes in the headers are checked before any memory is allocated.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        Arrays to read; names that the file does not have are ignored.

    Returns
    -------
    dict of str to ndarray
        The arrays found.

    Raises
    ------
    ValueError
        If the file is not an NPZ file, an array holds Python objects, or the arrays need more than 1 GiB.
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
    """Size of an array according to its header, in bytes.

    Raises
    ------
    ValueError
        If the header has an unknown version or a negative size.
    """
    with archive.open(f"{name}.npy") as member:
        version = _format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has a header of version {version[0]}.{version[1]}; 1.0 and 2.0 are known")
        header = _format.read_array_header_1_0 if version == (1, 0) else _format.read_array_header_2_0
        shape, _, kind = header(member)
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} has the shape {shape}")
    return math.prod(int(n) for n in shape) * int(kind.itemsize)
