"""Frames as the host makes and reads them: see ``neuristor.hdl.link.frames``."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from cobs import cobs

from neuristor.hdl.link.frames import ADDRESS_BITS, HEADER_WORDS, Operation

__all__ = ["Answer", "Frames", "frame"]

LONGEST = 4096
"""Bytes without a zero between them that are kept."""
_ANSWER = 0x80


class Answer(NamedTuple):
    """What a board said."""

    operation: int
    """That of the command; an answer's own bit is taken away."""
    session: int
    sequence: int
    status: int
    done: int
    """Words that were transferred."""
    words: tuple[int, ...]


def frame(
    operation: Operation,
    session: int,
    sequence: int,
    address: int = 0,
    words: Sequence[int] = (),
    *,
    count: int | None = None,
    fixed: bool = False,
) -> bytes:
    """A command as bytes for the wire.

    Parameters
    ----------
    operation : Operation
    session, sequence : int
        16 and 8 bits.
    address : int
        Of the first word.
    words : sequence of int
        What is written.
    count : int, optional
        Words to be read.
    fixed : bool
        All words go to, or come from, the same address.
    """
    number = len(words) if count is None else count
    head = [session << 16 | sequence << 8 | operation, fixed << 31 | number << ADDRESS_BITS | address]
    content = np.array([*head, *words], dtype="<u4").tobytes()
    stuffed: bytes = cobs.encode(content + zlib.crc32(content).to_bytes(4, "little"))
    return stuffed + b"\0"


class Frames:
    """Finds answers in bytes.

    Attributes
    ----------
    damaged : int
        Frames that were no answers.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self.damaged = 0

    def feed(self, received: bytes) -> list[Answer]:
        """Take what has come, and return the answers that are complete."""
        self._rest += received
        *whole, self._rest = self._rest.split(b"\0")
        if len(self._rest) > LONGEST:
            self._rest.clear()
            self.damaged += 1
        found = []
        for each in whole:
            answer = _answer(bytes(each)) if each else None
            if answer is not None:
                found.append(answer)
            elif each:
                self.damaged += 1
        return found


def _answer(stuffed: bytes) -> Answer | None:
    try:
        content = cobs.decode(stuffed)
    except cobs.DecodeError:
        return None
    if len(content) % 4 or len(content) < 4 * (HEADER_WORDS + 1):
        return None
    body, crc = content[:-4], int.from_bytes(content[-4:], "little")
    if zlib.crc32(body) != crc:
        return None
    first, second, *words = np.frombuffer(body, dtype="<u4").tolist()
    count, operation = second >> ADDRESS_BITS & 0xFF, first & 0xFF
    if not operation & _ANSWER or len(words) != (count if operation & ~_ANSWER == Operation.READ else 0):
        return None
    return Answer(operation & ~_ANSWER, first >> 16, first >> 8 & 0xFF, second >> 28 & 7, count, tuple(words))
