"""Commands to a board over its serial port, from the host.

A command is repeated until it is answered; the board executes it once (``neuristor.hdl.link.frames``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import serial

from neuristor.boards.link import Answer, Frames, frame
from neuristor.hdl.link.frames import MOST_WORDS, Operation, Status
from neuristor.hdl.link.serial import BAUD

__all__ = ["BoardError", "BoardLostError", "Client", "WrongBoardError"]

TRIES = 6
"""Transmissions of a command before the board counts as lost."""
TIMEOUT = 0.25
"""Time to wait for the first answer, in seconds, plus the transmission time; doubled for each repeat, up to 2 s."""


class BoardError(RuntimeError):
    """A board did not carry out a command; the message says why, in one sentence."""


class BoardLostError(BoardError):
    """The board does not answer, or its serial port has disappeared."""


class WrongBoardError(BoardError):
    """The circuit on the board is not the expected one."""


class Client:
    """Connection to a board: reads and writes words over a serial port.

    Parameters
    ----------
    port : str
        Serial port, such as ``/dev/ttyUSB1``.
    baud : int
        Bit rate, in bit/s.
    tries : int
        Transmissions of a command before the board counts as lost.
    timeout : float
        Time to wait for the answer to the first transmission, in seconds, plus the transmission time.

    Attributes
    ----------
    repeats : int
        Number of transmissions that were repeats.
    exchanged : int
        Bytes on the line in both directions; of 10 bits each.

    Raises
    ------
    BoardLostError
        If the port cannot be opened, or the board does not answer.
    """

    def __init__(self, port: str, baud: int = BAUD, tries: int = TRIES, timeout: float = TIMEOUT) -> None:
        self.port, self.baud, self.tries, self.timeout = port, baud, tries, timeout
        self.repeats = self.exchanged = 0
        self._serial: serial.Serial | None = None
        self._session = self._sequence = 0
        self._in_doubt = False
        """The last command was given up or interrupted: it may have been executed or not."""
        self.connect()

    def connect(self) -> None:
        """Open the port and begin a session.

        Raises
        ------
        BoardLostError
            If the port cannot be opened, or the board does not answer.
        """
        self.close()
        try:
            self._serial = serial.Serial(self.port, self.baud, timeout=0, write_timeout=5, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            raise BoardLostError(f"{self.port} cannot be opened: {_reason(error)}; see `neuristor doctor`") from None
        self._frames = Frames()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def read(self, address: int, count: int, *, fixed: bool = False) -> list[int]:
        """Read words, until the board refuses one.

        Parameters
        ----------
        address : int
            Address of the first word.
        count : int
            Largest number of words to read.
        fixed : bool
            Read all words from the same address, as for a stream.

        Returns
        -------
        list of int
            The words, 32 bits each; fewer than `count` if the board refused to give more.
        """
        found: list[int] = []
        while len(found) < count:
            some = min(count - len(found), MOST_WORDS)
            at = address if fixed else address + len(found)
            answer = self._command(Operation.READ, at, count=some, fixed=fixed)
            found += answer.words
            if answer.status != Status.DONE:
                break
        return found

    def write(self, address: int, words: Sequence[int], *, fixed: bool = False) -> int:
        """Write words, until the board refuses one.

        Parameters
        ----------
        address : int
            Address of the first word.
        words : sequence of int
            The words, 32 bits each.
        fixed : bool
            Write all words to the same address, as for a stream.

        Returns
        -------
        int
            Number of words that the board accepted.
        """
        done = 0
        while done < len(words):
            some = words[done : done + MOST_WORDS]
            answer = self._command(Operation.WRITE, address if fixed else address + done, some, fixed=fixed)
            done += answer.done
            if answer.status != Status.DONE:
                break
        return done

    def _begin(self) -> None:
        """Begin a new session: the board ignores all earlier frames."""
        self._session = 1 + (self._session + secrets.randbelow(0xFFFE)) % 0xFFFF
        self._sequence = secrets.randbelow(256)
        self._command(Operation.HELLO)

    def _command(
        self,
        operation: Operation,
        address: int = 0,
        words: Sequence[int] = (),
        *,
        count: int | None = None,
        fixed: bool = False,
    ) -> Answer:
        """Send a command until it is answered.

        Raises
        ------
        BoardError
            If the answer has an impossible number of words.
        BoardLostError
            If there is no answer.
        """
        if self._in_doubt and operation != Operation.HELLO:
            self._begin()  # else the board could take this command for a repeat of the last one
        sent = frame(operation, self._session, self._sequence, address, words, count=count, fixed=fixed)
        self._in_doubt = True
        wire = 10 * (len(sent) + 4 * (count or 0) + 32) / self.baud
        patience = self.timeout
        for number in range(self.tries):
            self.repeats += number > 0
            answer = self._exchange(sent, operation, patience + wire)
            if answer is not None:
                self._sequence, self._in_doubt = (self._sequence + 1) & 0xFF, False
                asked = 0 if operation == Operation.HELLO else len(words) if count is None else count
                if answer.done > asked or (answer.done < asked and answer.status == Status.DONE):
                    raise BoardError(
                        f"{self.port}: the board answers with {answer.done} words, but {asked} were requested"
                    )
                return answer
            patience = min(2 * patience, 2.0)
        raise BoardLostError(
            f"no answer from {self.port} in {self.tries} tries: check that this is the board's serial port, that the "
            "bitstream is loaded, and that the board was not reset since"
        )

    def _exchange(self, sent: bytes, operation: Operation, patience: float) -> Answer | None:
        """Send a command once and wait for the answer, `patience` seconds at most; None if there is none.

        Raises
        ------
        BoardLostError
            If the port is closed, or fails.
        """
        if self._serial is None:
            raise BoardLostError(f"{self.port} is not open")
        try:
            self._serial.write(sent)
            self.exchanged += len(sent)
            ends = time.monotonic() + patience
            while (left := ends - time.monotonic()) > 0:
                self._serial.timeout = left
                received = self._serial.read(max(1, self._serial.in_waiting))
                self.exchanged += len(received)
                for answer in self._frames.feed(received):
                    if answer[:3] == (operation, self._session, self._sequence):
                        return answer
        except (serial.SerialException, OSError, TypeError) as error:
            self.close()
            raise BoardLostError(f"{self.port} is gone: {_reason(error)}") from None
        return None


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0] if text else type(error).__name__
