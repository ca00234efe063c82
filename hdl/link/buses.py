"""A core alone, for an FPGA engineer's own system: on Wishbone, or on AXI4-Lite."""

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
"""Of a word address: a page of 4 KiB, which is the smallest that processors map."""


def address_bits(core: Core) -> int:
    """Of a word address that reaches all registers."""
    last, entry = core.registers.table()[-1]
    return max((last + entry.words - 1).bit_length(), LEAST_BITS)


class WishboneCore(wiring.Component):
    """A core on Wishbone.

    Parameters
    ----------
    core : Core

    Members
    -------
    bus : In(Wishbone)
    active, busy : Out(1)
        Something happens; a record is played.
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
    """A core on AXI4-Lite; a byte address is four times that of the map.

    Parameters
    ----------
    core : Core

    Members
    -------
    axi : In(Axi4Lite)
    active, busy : Out(1)
        As of `WishboneCore`.
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
