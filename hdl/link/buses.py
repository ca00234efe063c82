"""A core with a Wishbone or AXI4-Lite port, to be integrated into a larger FPGA design."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.axi import Axi4Lite, AxiToWishbone
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.wishbone import Wishbone

__all__ = ["AxiCore", "WishboneCore", "address_bits"]

LEAST_BITS = 10
"""Least width of a word address: a page of 4 KiB, the smallest that processors map."""


def address_bits(core: Core) -> int:
    """The width of a word address that reaches all registers of a core.

    Parameters
    ----------
    core : Core
        The core; it is not elaborated.

    Returns
    -------
    int
        At least `LEAST_BITS`.
    """
    last, entry = core.registers.table()[-1]
    return max((last + entry.words - 1).bit_length(), LEAST_BITS)


class WishboneCore(wiring.Component):
    """A core with a Wishbone port.

    Parameters
    ----------
    core : Core
        The core; it becomes a submodule.

    Members
    -------
    bus : In(Wishbone(address_bits(core)))
        Access to the registers.
    active : Out(1)
        Toggles with the activity of the neurons; for an LED.
    busy : Out(1)
        A record is being played or is waiting.
    """

    bus: Any
    active: Signal
    busy: Signal

    def __init__(self, core: Core) -> None:
        self.core = core
        super().__init__({"bus": In(Wishbone(address_bits(core))), "active": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self.core
        m.d.comb += [
            *(
                getattr(core.bus, name).eq(getattr(self.bus, name))
                for name in ("cyc", "stb", "we", "adr", "dat_w", "sel")
            ),
            *(getattr(self.bus, name).eq(getattr(core.bus, name)) for name in ("dat_r", "ack", "err")),
            self.active.eq(core.active),
            self.busy.eq(core.registers.status[0]),
        ]
        return m


class AxiCore(wiring.Component):
    """A core with an AXI4-Lite port; byte addresses are four times the word addresses of the register map.

    Parameters
    ----------
    core : Core
        The core; it becomes a submodule.

    Members
    -------
    axi : In(Axi4Lite(address_bits(core) + 2))
        Access to the registers.
    active, busy : Out(1)
        As for `WishboneCore`.
    """

    axi: Any
    active: Signal
    busy: Signal

    def __init__(self, core: Core) -> None:
        self._wishbone, self._bits = WishboneCore(core), address_bits(core)
        super().__init__({"axi": In(Axi4Lite(self._bits + 2)), "active": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bridge = bridge = AxiToWishbone(self._bits)
        m.submodules.wishbone = wishbone = self._wishbone
        wiring.connect(m, wiring.flipped(self.axi), bridge.axi)
        wiring.connect(m, bridge.bus, wishbone.bus)
        m.d.comb += [self.active.eq(wishbone.active), self.busy.eq(wishbone.busy)]
        return m
