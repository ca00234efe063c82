"""Bounds for the memory and time that a NIR file may take, checked before its data are read.

What counts is the data as they are decoded: 8 bytes a number, texts one by one, and chunks as they unpack, whatever
size the file claims.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MOST_BYTES", "MOST_NUMBERS", "Made", "check_file"]

MOST_BYTES = 256 * 1024 * 1024
"""Largest NIR file, in bytes."""
MOST_NUMBERS = 32 * 1024 * 1024
"""Numbers in a file: 256 MiB, at 8 bytes a number."""
MOST_WEIGHTS = 64 * 1024 * 1024
"""Weights that the nodes make: 512 MiB."""
MOST_OBJECTS = 20_000
"""Groups and datasets in a file."""
DEEPEST = 16
"""Levels of nested groups."""
MOST_TEXTS = 20_000
"""Texts in a file: two for an edge, one for a kind."""
MOST_CHARACTERS = 16 * 1024 * 1024
"""Characters of all texts together."""
MOST_CHUNKS = 20_000
"""Chunks of all datasets."""
_PIECE = 64 * 1024


class Made:
    """The weights that the nodes of a graph have made: a few nodes can stand for many."""

    def __init__(self) -> None:
        self.weights = 0

    def add(self, name: str, synapses: Any) -> None:
        """Count the weights of a path.

        Parameters
        ----------
        name : str
            Name of the node, for the message.
        synapses : Dense, Convolution or None
            The synapses of the path, as this node leaves them.

        Raises
        ------
        ValueError
            If all paths together have made more than `MOST_WEIGHTS`.
        """
        self.weights += 0 if synapses is None else synapses.values.size
        if self.weights > MOST_WEIGHTS:
            raise ValueError(f"{name}: nodes must make at most {MOST_WEIGHTS:,} weights, but this one makes it more")

    def check_matrix(self, name: str, route: Any) -> None:
        """Check that the synapses of a path can be written one by one.

        Parameters
        ----------
        name : str
            Name of the node, for the message.
        route : Route
            The path.

        Raises
        ------
        ValueError
            If there are more than `MOST_WEIGHTS`.
        """
        each = 1 if route.synapses is None else route.synapses.values[0].size
        count = max(math.prod(route.input_shape), math.prod(route.shape) * each)
        if count > MOST_WEIGHTS:
            raise ValueError(f"{name}: a bias must pass through at most {MOST_WEIGHTS:,} synapses, not {count:,}")


def check_file(path: Path) -> None:
    """Check a file before its data are read.

    Each object may have one name only, so that the size of the data is known and no cycle exists.

    Parameters
    ----------
    path : Path
        An HDF5 file.

    Raises
    ------
    ValueError
        If the file is too large, nested too deep, refers to other files, or has data of other kinds than numbers and
        texts; the message does not name it.
    """
    import h5py

    with h5py.File(path) as file:
        _Bounds(file).group(file, 1)


class _Bounds:
    """What a file has taken so far."""

    def __init__(self, file: Any) -> None:
        import h5py

        self.h5py = h5py
        self.seen = {h5py.h5o.get_info(file.id).addr}
        self.numbers = self.texts = self.characters = self.chunks = self.padded = self.stored = 0

    def group(self, group: Any, depth: int) -> None:
        """Check the members of a group.

        Raises
        ------
        ValueError
            If there are too many, or one is a link.
        """
        h5py = self.h5py
        if len(self.seen) + len(group) > MOST_OBJECTS or depth > DEEPEST:
            raise ValueError(f"must have at most {MOST_OBJECTS} objects, nested at most {DEEPEST} deep")
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"must contain no links, but {name!r} is one")
            each = group[name]
            number = h5py.h5o.get_info(each.id).addr
            if number in self.seen:
                raise ValueError(f"must hold each object under one name, but {name!r} is a second one")
            self.seen.add(number)
            if isinstance(each, h5py.Group):
                self.group(each, depth + 1)
            elif isinstance(each, h5py.Dataset):
                self.dataset(name, each)

    def dataset(self, name: str, data: Any) -> None:
        """Check a dataset.

        Raises
        ------
        ValueError
            If its data are elsewhere, of another kind, or too many.
        """
        if data.external or data.is_virtual:
            raise ValueError(f"must hold all its data, but those of {name!r} are in another file")
        text = self.h5py.check_string_dtype(data.dtype)
        count = math.prod(data.shape or ())
        if text is None and data.dtype.kind in "biuf":
            self.numbers += count * max(1, -(-data.dtype.itemsize // 8))
        elif text is not None:
            self.texts += count
            self.characters += count * (text.length or 0)
        else:
            raise ValueError(f"must hold numbers and texts, but {name!r} holds {_kind(data.dtype)}")
        self._few(name)
        if data.chunks is not None:
            self._unpacked(name, data)
        if text is not None and text.length is None:
            # Many texts of any length may be one: one at a time, no more than the file is read.
            for place in np.ndindex(*(data.shape or ())):
                self.characters += len(data[place])
                self._few(name)

    def _few(self, name: str) -> None:
        """Check what the file has taken so far.

        Raises
        ------
        ValueError
            If it is too much.
        """
        if self.numbers > MOST_NUMBERS:
            raise ValueError(f"must hold at most {MOST_NUMBERS:,} numbers, but {name!r} makes it more")
        if self.texts > MOST_TEXTS or self.characters > MOST_CHARACTERS:
            raise ValueError(
                f"must hold at most {MOST_TEXTS:,} texts of {MOST_CHARACTERS:,} characters together, but {name!r} "
                "makes it more"
            )
        if self.chunks > MOST_CHUNKS or self.padded > 2 * MOST_NUMBERS or self.stored > MOST_BYTES:
            raise ValueError(
                f"must have at most {MOST_CHUNKS:,} chunks of {2 * MOST_NUMBERS:,} numbers together, but {name!r} "
                "makes it more"
            )

    def _unpacked(self, name: str, data: Any) -> None:
        """Check that the chunks of a dataset unpack to the size of a chunk, by unpacking them piece by piece.

        Raises
        ------
        ValueError
            If one is larger, there are too many, or they are packed in another way than by ``gzip``.
        """
        h5z = self.h5py.h5z
        plan = data.id.get_create_plist()
        filters = [plan.get_filter(n)[0] for n in range(plan.get_nfilters())]
        known = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
        if len(set(filters)) < len(filters) or not known.issuperset(filters):
            raise ValueError(f"must be packed by gzip, once, or not at all, but {name!r} is packed in another way")
        numbers = math.prod(data.chunks)
        self.chunks += data.id.get_num_chunks()
        self.padded += numbers * max(1, data.id.get_num_chunks())
        self._few(name)
        chunks: list[Any] = []
        data.id.chunk_iter(chunks.append)
        self.stored += sum(chunk.size for chunk in chunks)
        self._few(name)
        most = numbers * data.id.get_type().get_size() + 4  # a checksum
        for chunk in chunks if h5z.FILTER_DEFLATE in filters else ():
            skipped, packed = data.id.read_direct_chunk(chunk.chunk_offset)
            if not skipped >> filters.index(h5z.FILTER_DEFLATE) & 1 and not _fits(packed, most):
                raise ValueError(f"must unpack to the size it claims, but a chunk of {name!r} is larger")


def _fits(packed: bytes, size: int) -> bool:
    """Whether packed data unpack to at most `size` bytes."""
    unpacker = zlib.decompressobj()
    for start in range(0, len(packed), _PIECE):
        piece = packed[start : start + _PIECE]
        while piece and not unpacker.eof:
            try:
                size -= len(unpacker.decompress(piece, _PIECE))
            except zlib.error:
                return True  # the library finds the same error
            if size < 0:
                return False
            piece = unpacker.unconsumed_tail
    return True


def _kind(dtype: Any) -> str:
    return {"O": "sequences or references", "V": "records", "c": "complex numbers"}.get(dtype.kind, str(dtype)[:40])
