"""A board with a core: its registers and windows, and what is loaded into them."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from neuristor.boards.host.client import BoardError, BoardLostError, Client, WrongBoardError
from neuristor.hdl.link.core import MAGIC, Content, Core
from neuristor.hdl.link.frames import MOST_WORDS

__all__ = ["HostBoard", "fitting"]


class HostBoard:
    """A board with a core on it; a context manager that closes the port.

    Parameters
    ----------
    core : Core
        The expected core. Only its description is used.
    client : Client
        Connection to the board.

    Raises
    ------
    WrongBoardError
        If the board has no core, or another one.
    """

    core: Any

    def __init__(self, core: Core, client: Client) -> None:
        self.core, self.client = core, client
        self._addresses, self._entries = core.registers.addresses, core.registers.entries
        self._check()

    def _check(self) -> None:
        """Compare the identity of the core on the board with the expected one.

        Raises
        ------
        WrongBoardError
            If the board has no core, or another one.
        """
        names = ["magic", *(f"identity_{n}" for n in range(8))]
        magic, *identity = self.client.read(self._addresses[names[0]], len(names)) or [0]
        if magic != MAGIC:
            raise WrongBoardError(f"{self.client.port}: there is no core of Neuristor on this board")
        found = "".join(f"{word:08x}" for word in identity)
        if found != self.core.identity:
            raise WrongBoardError(
                f"{self.client.port}: the bitstream on the board is not this design's: wanted "
                f"{self.core.identity[:16]}, found {found[:16]}; build and program this design, or name the one that "
                "the bitstream was built from"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port. The board continues what it is doing."""
        self.client.close()

    def reconnect(self, patience: float = 10.0) -> None:
        """Open the port again, as soon as it exists.

        Parameters
        ----------
        patience : float
            Longest time to wait, in seconds.

        Raises
        ------
        BoardLostError
            If the port cannot be opened in this time.
        """
        ends = time.monotonic() + patience
        while True:
            try:
                self.client.connect()
                break
            except BoardLostError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)
        self._check()

    def read(self, name: str) -> int:
        """Read a register.

        Parameters
        ----------
        name : str
            Name of the register.

        Returns
        -------
        int
            Its value, 32 bits.

        Raises
        ------
        BoardError
            If the board refuses.
        """
        words = self.client.read(self._addresses[name], 1)
        if not words:
            raise BoardError(f"the board refuses to read {name}")
        return words[0]

    def write(self, name: str, word: int) -> None:
        """Write a register.

        Parameters
        ----------
        name : str
            Name of the register.
        word : int
            Its new value, 32 bits.

        Raises
        ------
        BoardError
            If the board refuses.
        """
        if self.client.write(self._addresses[name], [word]) != 1:
            raise BoardError(f"the board refuses to write {name}")

    def read_window(self, name: str) -> list[int]:
        """Read all words of a window.

        Parameters
        ----------
        name : str
            Name of the window.

        Returns
        -------
        list of int
            Its words, 32 bits each.

        Raises
        ------
        BoardError
            If the board refuses, as while it is busy.
        """
        entry = self._entries[name]
        words = self.client.read(self._addresses[name], entry.words)
        if len(words) != entry.words:
            raise BoardError(f"the board refuses to read {name}, as it is busy")
        return words

    @property
    def busy(self) -> bool:
        """Whether the core is working on a record."""
        return bool(self.read("status") & 1)

    def counters(self) -> dict[str, int]:
        """Values of all counters and status registers, by name."""
        names = [name for name, each in self._entries.items() if each.access == "read" and not each.window]
        return {name: self.read(name) for name in names if name != "magic" and not name.startswith("identity")}

    def reset(self) -> None:
        """Return all neurons to the initial state. Loaded parameters and weights stay."""
        self.write("control", 1)

    def load(self, other: Core | None = None, progress: Callable[[float], None] | None = None) -> None:
        """Load all parameters and weights, and reset.

        The ``ValueError`` of `fitting` is passed on if `other` needs another bitstream.

        Parameters
        ----------
        other : Core, optional
            Core with the values to load, of the same structure; by default the core on the board.
        progress : callable, optional
            Called with the fraction that is loaded, 0 to 1.

        Raises
        ------
        BoardError
            If the board refuses because it is busy.
        """
        contents = self.core.contents() if other is None else fitting(self.core, other)
        total, done = sum(len(each.words) for each in contents), 0
        for name, words in contents:
            for start in range(0, len(words), MOST_WORDS):
                some = words[start : start + MOST_WORDS]
                if self.client.write(self._addresses[name] + start, some) != len(some):
                    raise BoardError(f"the board refuses to load {name}: it is busy")
                done += len(some)
                if progress is not None:
                    progress(done / total)
        self.reset()

    def loaded(self) -> list[str]:
        """Names of registers and windows whose content differs from that of `core`, of those that can be read back."""
        wrong = []
        for name, words in self.core.contents():
            entry = self._entries[name]
            if entry.access == "read and write":
                found = self.read_window(name) if entry.window else [self.read(name)]
                if found != words:
                    wrong.append(name)
        return wrong


def fitting(built: Core, other: Core) -> list[Content]:
    """Content of the registers and windows of `built` that makes it compute `other`.

    Parameters
    ----------
    built : Core
        The core in the bitstream.
    other : Core
        The core with the wanted values.

    Returns
    -------
    list of Content
        What to load.

    Raises
    ------
    ValueError
        If a value that is built into the circuit differs, or a value to load does not fit; the message names the first
        one.
    """
    for each in (built, other):
        each.describe_only()
    own, wanted = dict(built.structure()), dict(other.structure())
    for name, value in _flat(own).items():
        found = _flat(wanted).get(name)
        if found != value and name not in built.rescaled:
            raise ValueError(f"{name} is built in as {value!r}, and cannot be {found!r} without a new bitstream")
    made: list[Content] = built.contents_for(other.circuit)  # type: ignore[attr-defined]
    return made


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names."""
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in _flat(each, f"{name}.{key}" if name else key).items()}
    return {name: value}
