"""Reading of untrusted files, with limits on their size and on the memory they need.

Each function remembers, in a block of `one_run`, that the file is an input, so that no output replaces it.
"""

from __future__ import annotations

import codecs
import io
import math
import os
import re
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_format: Any = np.lib.format  # NumPy gives no types for it
_zipfile: Any = zipfile  # what it finds at the end of a file is private

__all__ = [
    "MOST_BYTES",
    "MOST_CELLS",
    "arrays",
    "content",
    "decoded",
    "delimited",
    "few_cells",
    "inputs",
    "npz",
    "one_run",
    "packed",
    "remember",
    "tables",
    "text",
]

MOST_BYTES = 64 * 1024 * 1024
"""Default limit for the size of a file, in bytes."""
MOST_CELLS = 8_000_000
"""Limit for the lines and the cells of a text that is cut as a whole: each takes some 200 bytes."""
MOST_NUMBERS = 128 * 1024 * 1024
"""Limit for the numbers of all arrays of an NPZ file: 1 GiB, at 8 bytes a number."""
MOST_DIRECTORY = 1_000_000
"""Limit for the directory of a ZIP archive, in bytes; a member takes 46 and more."""
MOST_HEADER = 10_000
"""Limit for the header of an array, in bytes."""
MOST_DOTS = 10_000
"""Most dots outside of numbers in TOML: each may stand for a table in a table, of a kilobyte."""
MOST_PARTS = 256
"""Most of these in a line: the time to parse a dotted key grows with the square of its parts."""
DEEPEST = 8
"""Levels of nested tables and lists in TOML."""

COMPRESSED = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive",
    b"BZh9": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
}
"""First bytes of compressed files, which are no text."""

_inputs: ContextVar[frozenset[Path] | None] = ContextVar("inputs", default=None)


@contextmanager
def one_run(*known: Path) -> Iterator[None]:
    """Remember the files that are read in a block: no output may replace them.

    Parameters
    ----------
    *known : Path
        Files that were read before.

    Yields
    ------
    None
    """
    token = _inputs.set(inputs())
    try:
        for path in known:
            remember(path)
        yield
    finally:
        _inputs.reset(token)


def inputs() -> frozenset[Path]:
    """The files that this run has read, resolved; empty outside of `one_run`."""
    return _inputs.get() or frozenset()


def remember(path: Path) -> None:
    """Remember that a file is an input of this run.

    Parameters
    ----------
    path : Path
        The file.
    """
    if _inputs.get() is not None:
        _inputs.set(inputs() | {path.resolve()})


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
    remember(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = file.read(most + 1) if size <= most else b""
    if max(size, len(found)) > most:
        raise ValueError(f"{path} must be at most {most // 2**20} MiB, not {max(size, len(found)) / 2**20:.1f} MiB")
    return found


def text(path: Path, most: int = MOST_BYTES, *, cells: int = MOST_CELLS) -> str:
    """The text of a file, without a byte-order mark, and with every line end as a newline character.

    Parameters
    ----------
    path : Path
        The file, in an encoding of `decoded`.
    most : int
        Largest size accepted, in bytes.
    cells : int
        Most lines and cells accepted; a reader that cuts one line after the other needs no limit.

    Raises
    ------
    ValueError
        If the file cannot be read, is larger, is not text, or has more lines and cells.
    """
    try:
        found = decoded(content(path, most)).replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read as text ({error.strerror})") from None
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith(str(path)) else f"{path}: cannot be read as text ({said})") from None
    few_cells(path, found, cells)
    return found


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


def few_cells(path: Path, text: str, most: int = MOST_CELLS) -> None:
    """Check that a text is not too large to be cut into lines and cells.

    Parameters
    ----------
    path : Path
        Its file, for the message.
    text : str
        The text.
    most : int
        Most lines and cells accepted.

    Raises
    ------
    ValueError
        If it has more line ends, commas, semicolons, tabs and blanks.
    """
    marks = sum(text.count(mark) for mark in "\n\r,;\t ")
    if marks > most:
        raise ValueError(f"{path} must have at most {most:,} lines and cells, not {marks:,}")


def packed(file: Path | io.BytesIO) -> zipfile.ZipFile:
    """Open a ZIP archive whose members can be unpacked within bounds: no more memory than their size.

    Parameters
    ----------
    file : Path or BytesIO
        The archive.

    Raises
    ------
    ValueError
        If it is no archive, its directory is larger than `MOST_DIRECTORY`, or a member is encrypted or packed by
        another method than "deflate".
    """
    try:
        with file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
            _few_members(opened)
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from None
    for member in archive.infolist():
        # The memory of the other methods does not depend on the size.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            archive.close()
            raise ValueError(f"{member.filename!r} in it must be packed by the method deflate, without a password")
    return archive


def _few_members(file: Any) -> None:
    """Check the size of the directory of an archive before it is read.

    Raises
    ------
    ValueError
        If it is too large.
    """
    end = _zipfile._EndRecData(file)
    if end and end[_zipfile._ECD_SIZE] > MOST_DIRECTORY:
        raise ValueError(f"its directory must have at most {MOST_DIRECTORY:,} bytes, not {end[_zipfile._ECD_SIZE]:,}")
    file.seek(0)


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
        If the file is not an NPZ file, an array holds Python objects, or the arrays have more than `MOST_NUMBERS`
        numbers.
    """
    remember(path)
    try:
        with packed(path) as archive:
            held = [name for name in names if f"{name}.npy" in archive.namelist()]
            size = sum(_claimed(archive, name) for name in held)
            if size > MOST_NUMBERS:
                raise ValueError(f"must hold at most {MOST_NUMBERS:,} numbers, not {size:,}")
            found = {}
            for name in held:
                with archive.open(f"{name}.npy") as member:
                    found[name] = _format.read_array(member, allow_pickle=False)
            return found
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read as an NPZ file ({error})") from None


def npz(held: Mapping[str, NDArray[Any]]) -> bytes:
    """The content of a compressed NPZ file.

    Parameters
    ----------
    held : mapping of str to ndarray
        The arrays, by name.
    """
    buffer = io.BytesIO()  # NumPy leaves a broken archive open if the disk is full
    arrays: Any = held  # else the type checker takes them for options of savez
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _claimed(archive: zipfile.ZipFile, name: str) -> int:
    """Size of an array according to its header, in numbers of 8 bytes or more.

    Raises
    ------
    ValueError
        If the header has an unknown version, is too long, or has a negative size; or if it is not one of numbers.
    """
    with archive.open(f"{name}.npy") as member:
        head = member.read(12)
        version, length = tuple(head[6:8]), head[8:10] if head[6:7] == b"\1" else head[8:12]
        if head[:6] != b"\x93NUMPY" or version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has no header of version 1.0 or 2.0")
        if int.from_bytes(length, "little") > MOST_HEADER:
            raise ValueError(f"{name} has a header of more than {MOST_HEADER} bytes")
    with archive.open(f"{name}.npy") as member:
        _format.read_magic(member)
        header = _format.read_array_header_1_0 if version == (1, 0) else _format.read_array_header_2_0
        try:
            shape, _, kind = header(member)
        except Exception as error:  # NumPy's parser raises errors of many kinds
            raise ValueError(f"{name} has a damaged header: {error}") from None
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} has the shape {shape}")
    if kind.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, not {str(kind)[:40]}")
    return math.prod(int(n) for n in shape) * max(1, -(-int(kind.itemsize) // 8))


def _unit_hint(content: bytes, said: str) -> str:
    """What to write instead of a number with a unit, a prefix or a decimal comma, if that is what TOML refuses."""
    place = re.search(r"at line (\d+)", said)
    if place is None:
        return ""
    line = content.decode("utf-8-sig", errors="replace").split("\n")[int(place[1]) - 1]
    number = re.search(r"=\s*([-+]?\d+(?:[.,]\d+)?\s?[a-zA-Zµ%]+|\d+,\d+)\s*(?:#|$)", line)
    if number is None:
        return ""
    return f"; numbers have no unit and no comma here, such as 20e3 or 2.5, not {number[1].strip()!r}"


def tables(path: Path, content: bytes) -> dict[str, Any]:
    """Parse TOML text, within bounds of its dots and its nesting.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    content : bytes
        The text.

    Returns
    -------
    dict
        Its tables.

    Raises
    ------
    ValueError
        If it is not TOML, or exceeds a bound.
    """
    dots = 0
    for line, each in enumerate(content.split(b"\n"), 1):
        found = re.sub(rb"\d\.\d", b"", each).count(b".") if b"." in each else 0
        dots += found
        if found > MOST_PARTS or dots > MOST_DOTS:
            raise ValueError(
                f"{path}: line {line}: a line must have at most {MOST_PARTS} dots that are not in numbers, and a file "
                f"{MOST_DOTS:,}"
            )
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a TOML file: it is no text in UTF-8") from None
    except ValueError as error:  # TOMLDecodeError, and an integer with thousands of digits
        raise ValueError(f"{path}: not a TOML file: {error}{_unit_hint(content, str(error))}") from None
    except RecursionError:
        raise ValueError(f"{path}: tables and lists must be at most {DEEPEST} deep") from None
    inside: list[Any] = [table]
    for _ in range(DEEPEST):
        inside = [
            below
            for each in inside
            if isinstance(each, dict | list)
            for below in (each.values() if isinstance(each, dict) else each)
        ]
    if inside:
        raise ValueError(f"{path}: tables and lists must be at most {DEEPEST} deep")
    return table
