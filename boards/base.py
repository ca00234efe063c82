"""Description of a board: FPGA, pins, capacity, tool options, and how a bitstream is loaded."""

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
    """The Python package of a tool is not installed.

    Parameters
    ----------
    tool : str
        Name of the tool.
    package : str
        Name of the package on PyPI.
    """

    def __init__(self, tool: str, package: str) -> None:
        super().__init__(f"{tool} is missing; install it with: pip install {package}")
        self.tool = tool
        self.package = package


@dataclass(frozen=True, kw_only=True)
class Board:
    """An FPGA board, or a bare device for which only resources are counted.

    Parameters
    ----------
    name, title : str
        Name on the command line, and name in reports.
    family : {"ice40", "ecp5", "gowin", "gatemate", "xc7"}
        FPGA family; it selects the tools. For ``"xc7"`` only resources are counted, see `counted_only`.
    device : str
        Full part name.
    capacity : mapping of str to int
        Available resources: ``"LUT"``, ``"FF"``, ``"block RAM"``, ``"DSP"``; a family may add
        more (``"logic cell"`` and ``"SPRAM"`` on iCE40).
    clock_hz : float, optional
        Frequency of the clock pin, in hertz; None for a bare device.
    platform_class : str, optional
        Amaranth platform, ``"module:Class"``; None where resources are only counted.
    synth_options, place_options, pack_options : tuple of str
        Options that this device adds to the command lines of its family.
    untimed : tuple of str
        Resources without a timing model in nextpnr on this device.
    extra_resources : tuple of Resource
        Those of ``("led", 0)``, ``("led", 1)`` and ``("uart", 0)`` (with `rx` and `tx`) that the platform lacks.
    scope : tuple of str
        Pins for an oscilloscope, as the board names them: of the resources ``("scope", n)``, see ``boards.scope``.
    pins : mapping of str to str
        Package pin of each port of the top module, for boards whose constraints are written by ``boards/vivado.py``.
    loader : str, optional
        Name of the board in openFPGALoader; None for a bare device.
    loads : tuple of {"memory", "flash"}
        Memories that openFPGALoader can write, the default first. The configuration memory is lost at power-off.
    loader_hint : str
        What the user must do on the board before it can be loaded.
    usb : tuple of (int, int)
        Vendor and product identifiers of the USB devices through which the board is loaded.
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
    scope: tuple[str, ...] = ()
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
        """Whether the flow stops after synthesis, because no open tool places and routes this family."""
        return self.family == "xc7"

    def platform(self) -> Platform:
        """Return a new Amaranth platform. A platform can build one design only.

        Raises
        ------
        ValueError
            No open tool places and routes for this board.
        MissingTool
            amaranth-boards is not installed.
        ModuleNotFoundError
            The platform imports another package that is not installed.
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
