"""Attach a board that runs a core: the simulated one of this computer, or one at a serial port."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import serial.tools.list_ports

from neuristor.boards import BOARDS
from neuristor.boards.base import Board
from neuristor.boards.host import open_board
from neuristor.boards.udev import RULES_FILE
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.sim.engines.virtual_board import VirtualBoard
from neuristor.toml_file import DesignError

__all__ = ["HIDDEN", "LINKED", "VIRTUAL", "VIRTUAL_CLOCKS", "Plugged", "attached", "plugged"]

VIRTUAL = "virtual"
"""Name of the simulated board."""
VIRTUAL_CLOCKS = 4
"""Clocks of a bit of the virtual serial line: the fewest possible, because each is simulated."""
LINKED = tuple(name for name, board in BOARDS.items() if not board.counted_only)
"""Boards with a serial port that open tools make bitstreams for."""

HIDDEN = ("status", "stimulus_room", "output_level", "schedule_room")
"""Registers of the link that are not results of a run."""


@dataclass(frozen=True)
class Plugged:
    """A serial port of a USB device that may be the programmer of a board."""

    port: str
    """Name of the port, such as ``/dev/ttyUSB1``."""
    boards: tuple[str, ...]
    """Boards with such a programmer."""
    allowed: bool
    """Whether this user may open it."""

    @property
    def remedy(self) -> str:
        """What to do if this user may not open it."""
        return f"neuristor doctor --udev | sudo tee /etc/udev/rules.d/{RULES_FILE}, or join the group dialout"


def plugged(boards: Mapping[str, Board], ports: Iterable[object] | None = None) -> list[Plugged]:
    """Find the serial ports of boards.

    Parameters
    ----------
    boards : mapping of str to Board
        Boards to look for, by name.
    ports : iterable, optional
        Ports to examine, as from ``serial.tools.list_ports.comports``; those of this computer by default.

    Returns
    -------
    list of Plugged
        The ports found, in alphabetical order.
    """
    found = []
    for port in serial.tools.list_ports.comports() if ports is None else ports:
        ids = (getattr(port, "vid", None), getattr(port, "pid", None))
        names = tuple(name for name, board in boards.items() if ids in board.usb)
        if names:
            device = str(getattr(port, "device", ""))
            found.append(Plugged(device, names, os.access(device, os.R_OK | os.W_OK)))
    return sorted(found, key=lambda each: each.port)


@contextmanager
def attached(
    core: Core, board: str = VIRTUAL, port: str | None = None, baud: int = BAUD, say: Callable[[str], None] = print
) -> Iterator[Any]:
    """Open a board.

    Parameters
    ----------
    core : Core
        The circuit on it.
    board : str
        Its name, or `VIRTUAL`.
    port : str, optional
        Its serial port; found by its USB identity by default.
    baud : int
        Bit rate of the serial line, in bit/s.
    say : callable
        Called with a line of text before the simulated board is built.

    Yields
    ------
    HostBoard
        The driver.

    Raises
    ------
    DesignError
        If no port of the board is connected.
    """
    if board == VIRTUAL:
        say("building the virtual board (the first time takes half a minute)")
        made = VirtualBoard(SerialCore(core, VIRTUAL_CLOCKS))
        with made, open_board(core, made.port) as opened:
            yield opened
        return
    if port is None:
        found = [each.port for each in plugged({board: BOARDS[board]})]
        if not found:
            raise DesignError(f"no serial port of {board} is connected: see `neuristor doctor`, or pass --port")
        port = found[-1]  # of a programmer with two ports, the second is the serial line
    with open_board(core, port, baud) as opened:
        yield opened
