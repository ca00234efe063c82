"""A core on two wires: what goes onto a board, and into the virtual one."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.core import Core
from neuristor.hdl.link.frames import COUNTERS, Link
from neuristor.hdl.link.uart import UartReceiver, UartTransmitter

__all__ = ["BAUD", "SerialCore"]

BAUD = 1_000_000
"""Bits a second: every board's clock divides into it, and every USB adapter here makes it."""


class SerialCore(wiring.Component):
    """A core behind a link behind a serial line.

    Parameters
    ----------
    core : Core
    clocks : int
        Of a bit; see ``neuristor.hdl.link.uart.divisor``.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    active : Out(1)
        Of the core.
    heard : Out(1)
        Changes with each command.
    busy : Out(1)
        A record is played, or something is on its way.
    """

    rx: Signal
    tx: Signal
    active: Signal
    heard: Signal
    busy: Signal

    def __init__(self, core: Core, clocks: int) -> None:
        self.core, self.clocks = core, clocks
        rx, tx = In(1, init=1), Out(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__({"rx": rx, "tx": tx, "active": Out(1), "heard": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.clocks)
        m.submodules.transmitter = transmitter = UartTransmitter(self.clocks)
        m.submodules.link = link = Link()
        m.submodules.core = core = self.core
        wiring.connect(m, receiver.o, link.i)
        wiring.connect(m, link.o, transmitter.i)
        wiring.connect(m, link.bus, core.bus)
        counters: dict[str, Any] = {name: getattr(link, name) for name in COUNTERS}
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.active.eq(core.active),
            self.heard.eq(link.accepted[0]),
            self.busy.eq(core.registers.status[0]),
            *(core.link[name].eq(value) for name, value in counters.items()),
        ]
        return m
