"""Host software for a board: NumPy arrays in and out, over a serial port.

The board may be real or simulated (``neuristor.sim.engines.virtual_board``); the host code is the same for both::

    core = ArrayCore(array, "lif")
    with open_board(core, "/dev/ttyUSB1") as board:
        board.load()
        recording = board.run(drive_raw, ticks=50)
        recording.spikes            # shape (n, 2): tick, neuron

`Client` sends commands, `HostBoard` accesses registers, and `ArrayBoard`, `SnnBoard` and `OnnBoard` run the cores.
"""

from __future__ import annotations

from typing import Any

from neuristor.boards.host.arrays import ArrayBoard, StreamBoard
from neuristor.boards.host.client import BoardError, BoardLostError, Client, WrongBoardError
from neuristor.boards.host.driver import HostBoard, fitting
from neuristor.boards.host.networks import OnnBoard, SnnBoard
from neuristor.boards.host.recording import Recording
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.onn import OnnCore
from neuristor.hdl.link.serial import BAUD
from neuristor.hdl.link.snn import SnnCore

__all__ = [
    "ArrayBoard",
    "BoardError",
    "BoardLostError",
    "Client",
    "HostBoard",
    "OnnBoard",
    "Recording",
    "SnnBoard",
    "StreamBoard",
    "WrongBoardError",
    "fitting",
    "open_board",
]


_BOARDS: tuple[tuple[type[Core], type[HostBoard]], ...] = (
    (ArrayCore, ArrayBoard),
    (SnnCore, SnnBoard),
    (OnnCore, OnnBoard),
)


def open_board(core: Core, port: str, baud: int = BAUD, **options: Any) -> Any:
    """Connect to a board and check that it has the expected core.

    The errors of `Client` and `HostBoard` are passed on: `BoardLostError` if the board does not answer,
    `WrongBoardError` if it has another core.

    Parameters
    ----------
    core : Core
        The expected core. Only its description is used.
    port : str
        Serial port of a real or simulated board, such as ``/dev/ttyUSB1``.
    baud : int
        Bit rate, in bit/s.
    **options
        Further arguments of `Client`.

    Returns
    -------
    ArrayBoard, SnnBoard or OnnBoard
        The board, according to the type of `core`.
    """
    core.describe_only()
    kind = next(host for of, host in _BOARDS if isinstance(core, of))
    client = Client(port, baud, **options)
    try:
        return kind(core, client)
    except BaseException:
        client.close()
        raise
