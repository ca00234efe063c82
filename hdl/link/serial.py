"""A core with a serial port: the circuit for a real board and for the simulated one."""

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
"""Bits per second. Every board's clock can be divided to it, and every USB adapter on the boards supports it."""


class SerialCore(wiring.Component):
    """A core with a UART and the frame protocol of ``neuristor.hdl.link.frames``.

    Parameters
    ----------
    core : Core
        The core; it becomes a submodule.
    clocks : int
        Clocks that a bit lasts, at least 4; see ``neuristor.hdl.link.uart.divisor``.

    Members
    -------
    rx : In(1)
        Serial line from the host, 1 when idle.
    tx : Out(1)
        Serial line to the host, 1 when idle.
    active : Out(1)
        Toggles with the activity of the neurons; for an LED.
    accepted : Out(1)
        Toggles with each accepted command; for an LED.
    busy : Out(1)
        A record is being played or is waiting.

    Raises
    ------
    ValueError
        If `core` has no registers for the counters of the link.
    """

    rx: Signal
    tx: Signal
    active: Signal
    accepted: Signal
    busy: Signal

    def __init__(self, core: Core, clocks: int) -> None:
        if not core.linked:
            raise ValueError("core must be built with linked=True")
        self.core, self.clocks = core, clocks
        rx, tx = In(1, init=1), Out(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__({"rx": rx, "tx": tx, "active": Out(1), "accepted": Out(1), "busy": Out(1)})

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
            self.accepted.eq(link.accepted[0]),
            self.busy.eq(core.registers.status[0]),
            *(core.link[name].eq(value) for name, value in counters.items()),
        ]
        return m
