"""Boards, and the open-source flow from an Amaranth design to a bitstream."""

from types import MappingProxyType

from boards import icebreaker, tang_nano_9k, ulx3s, xc7z020
from boards.base import Board, MissingTool

__all__ = ["BOARDS", "Board", "MissingTool"]

BOARDS = MappingProxyType({module.BOARD.name: module.BOARD for module in (icebreaker, ulx3s, tang_nano_9k, xc7z020)})
"""Every board by name; a new board is one file, listed here."""
