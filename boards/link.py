"""Frames of the host link, encoded and decoded on the host; the format is that of ``neuristor.hdl.link.frames``."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from cobs import cobs

from neuristor.hdl.link.frames import ADDRESS_BITS, HEADER_WORDS, Operation

__all__ = ["Answer", "Frames", "frame"]

LONGEST = 4096
"""Longest frame that is kept, in bytes; a longer sequence without a zero byte is dropped."""
_ANSWER = 0x80
"""Bit of the operation that marks an answer."""


class Answer(NamedTuple):
    """An answer of the board.

    Parameters
    ----------
    operation : int
        Operation of the command, without the bit that marks an answer.
    session, sequence : int
        Numbers of the command, 16 and 8 bits.
    status : int
        A `Status`.
    done : int
        Number of words that were transferred.
    words : tuple of int
        The words that were read, 32 bits each; none for other operations.
    """

    operation: int
    session: int
    sequence: int
    status: int
    done: int
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
    """Encode a command for the serial line.

    Parameters
    ----------
    operation : Operation
        What the board shall do.
    session, sequence : int
        Numbers of the session and of the command, 16 and 8 bits.
    address : int
        Address of the first word, 20 bits.
    words : sequence of int
        Words to write, 32 bits each.
    count : int, optional
        Number of words to read; by default the number of `words`.
    fixed : bool
        Use the same address for all words.

    Returns
    -------
    bytes
        The frame, COBS-encoded, with its final zero byte.
    """
    number = len(words) if count is None else count
    head = [session << 16 | sequence << 8 | operation, fixed << 31 | number << ADDRESS_BITS | address]
    content = np.array([*head, *words], dtype="<u4").tobytes()
    stuffed: bytes = cobs.encode(content + zlib.crc32(content).to_bytes(4, "little"))
    return stuffed + b"\0"


class Frames:
    """Decoder: finds answers in the received bytes.

    Attributes
    ----------
    damaged : int
        Number of frames that were not valid answers.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self.damaged = 0

    def feed(self, received: bytes) -> list[Answer]:
        """Decode more bytes and return the answers that are now complete.

        Parameters
        ----------
        received : bytes
            Bytes from the serial line, in order.

        Returns
        -------
        list of Answer
            The complete answers, in order.
        """
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
