"""Boards, and the open-source flow from an Amaranth design to a bitstream."""

from types import MappingProxyType

from neuristor.boards import arty_a7, gatemate_evb, icebreaker, orangecrab, pynq_z2, tang_nano_9k, ulx3s, xc7z020
from neuristor.boards.base import Board, MissingTool

__all__ = ["BOARDS", "Board", "MissingTool"]

_MODULES = (icebreaker, ulx3s, orangecrab, tang_nano_9k, gatemate_evb, arty_a7, pynq_z2, xc7z020)

BOARDS = MappingProxyType({module.BOARD.name: module.BOARD for module in _MODULES})
"""Every board by name. To add a board, write its module and list it in `_MODULES`."""
