"""Bytes over two wires: 8 data bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter", "divisor"]

TOLERANCE = 0.02
"""Of the rate; the last bit is sampled 9.5 bits after the start, and may be off by less than half a bit (5 %)."""


def divisor(clock_hz: float, baud: float) -> int:
    """Clocks of a bit.

    Parameters
    ----------
    clock_hz, baud : float
        In hertz and bits a second.

    Raises
    ------
    ValueError
        If the clock is slower than 4 clocks a bit, or no whole number of clocks comes within 2 %.
    """
    clocks = round(clock_hz / baud)
    if clocks < 4 or abs(clock_hz / clocks / baud - 1) > TOLERANCE:
        most = clock_hz / 4
        raise ValueError(
            f"baud must be a rate up to {most:.0f} that {clock_hz / 1e6:g} MHz divides into within 2 %, not {baud:g}"
        )
    return clocks


def _checked(clocks: int) -> int:
    if not isinstance(clocks, int) or clocks < 4:
        raise ValueError(f"clocks must be an integer of at least 4, not {clocks!r}")
    return clocks


class UartReceiver(wiring.Component):
    """Bytes from a wire.

    Parameters
    ----------
    clocks : int
        Of a bit, at least 4.

    Members
    -------
    rx : In(1)
    o : Out(stream)
        Bytes. One that is not taken until the next has come stays, and the next is lost.
    lost : Out(1)
        For one clock: a byte was lost, or had no stop bit.
    """

    rx: Signal
    o: stream.Interface
    lost: Signal

    def __init__(self, clocks: int) -> None:
        self._clocks = _checked(clocks)
        rx = In(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__({"rx": rx, "o": Out(stream.Signature(unsigned(8))), "lost": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer, bit, shift = Signal(range(self._clocks)), Signal(3), Signal(8)
        due = timer == 0
        m.d.sync += [timer.eq(Mux(due, self._clocks - 1, timer - 1)), self.lost.eq(0)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(self._clocks // 2 - 1)
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(due):
                m.d.sync += bit.eq(0)
                m.next = "DATA"
                with m.If(line):
                    m.next = "IDLE"
            with m.State("DATA"), m.If(due):
                m.d.sync += [shift.eq(Cat(shift[1:], line)), bit.eq(bit + 1)]
                with m.If(bit == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(due):
                with m.If(line & (~self.o.valid | self.o.ready)):
                    m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(shift)]
                with m.Else():
                    m.d.sync += self.lost.eq(1)
                # The next start bit may be a clock away; after a break, the line must rise before there can be one.
                m.next = "IDLE"
                with m.If(~line):
                    m.next = "RELEASE"
            with m.State("RELEASE"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a wire.

    Parameters
    ----------
    clocks : int
        Of a bit, at least 4.

    Members
    -------
    i : In(stream)
    tx : Out(1)
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, clocks: int) -> None:
        self._clocks = _checked(clocks)
        tx = Out(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__({"i": In(stream.Signature(unsigned(8))), "tx": tx})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What is still to come; the stop bit is the highest one.
        shift, timer = Signal(9), Signal(range(self._clocks))
        m.d.comb += self.i.ready.eq((shift == 0) & (timer == 0))
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(shift != 0):
            m.d.sync += [self.tx.eq(shift[0]), shift.eq(shift >> 1), timer.eq(self._clocks - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [self.tx.eq(0), shift.eq(Cat(self.i.payload, Const(1, 1))), timer.eq(self._clocks - 1)]
        return m
