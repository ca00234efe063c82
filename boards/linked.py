"""A core on the pins of a board: its serial port, and two lights."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hdl.link.serial import SerialCore

__all__ = ["LinkedTop"]


class LinkedTop(Elaboratable):
    """Light 0 changes with every command, light 1 flickers with the spikes."""

    def __init__(self, design: SerialCore) -> None:
        self._design = design

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.design = design = self._design
        uart = platform.request("uart", 0, dir={each.name: "-" for each in platform.lookup("uart", 0).ios})
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [design.rx.eq(rx.i), tx.o.eq(design.tx)]
        for number, light in enumerate((design.heard, design.active)):
            pad = io.Buffer(io.Direction.Output, platform.request("led", number, dir="-"))
            m.submodules[f"light_{number}"] = pad
            m.d.comb += pad.o.eq(light)
        return m
