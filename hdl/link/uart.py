"""UART, an asynchronous serial line: 8 data bits, lowest first, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter", "divisor"]

TOLERANCE = 0.02
"""Largest relative error of the bit rate. The stop bit is sampled 9.5 bits after the start; half a bit there is 5 %."""


def divisor(clock_hz: float, baud: float) -> int:
    """The number of clocks that a bit lasts.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock, in hertz.
    baud : float
        Bit rate, in bits per second.

    Returns
    -------
    int
        At least 4.

    Raises
    ------
    ValueError
        If there are fewer than 4 clocks a bit, or the bit rate of the nearest whole number is off by more than 2 %.
    """
    clocks = round(clock_hz / baud)
    if clocks < 4 or abs(clock_hz / clocks / baud - 1) > TOLERANCE:
        most = clock_hz / 4
        raise ValueError(
            f"baud must be at most {most:.0f}, and {clock_hz / 1e6:g} MHz divided by an integer within 2 %, "
            f"not {baud:g}"
        )
    return clocks


def _checked(clocks: int) -> int:
    if not isinstance(clocks, int) or clocks < 4:
        raise ValueError(f"clocks must be an integer of at least 4, not {clocks!r}")
    return clocks


class UartReceiver(wiring.Component):
    """Receives bytes from a serial line.

    Parameters
    ----------
    clocks : int
        Clocks that a bit lasts, at least 4.

    Members
    -------
    rx : In(1)
        The line; asynchronous to the clock, 1 when idle.
    o : Out(stream of unsigned(8))
        One transfer is one byte, in the order received. If a byte has not been accepted when the next one is complete,
        the next one is lost.
    lost : Out(1)
        Set for one clock when a byte is lost or its stop bit is missing.

    Raises
    ------
    ValueError
        If `clocks` is not an integer of at least 4.
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
        timer = Signal(range(self._clocks))
        bit = Signal(3)
        shift = Signal(8)
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
                # The next start bit may come in the next clock. After a break, the line must first return to 1.
                m.next = "IDLE"
                with m.If(~line):
                    m.next = "RELEASE"
            with m.State("RELEASE"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes over a serial line.

    Throughput: one byte in ``10 * clocks`` clocks.

    Parameters
    ----------
    clocks : int
        Clocks that a bit lasts, at least 4.

    Members
    -------
    i : In(stream of unsigned(8))
        One transfer is one byte; bytes are sent in order.
    tx : Out(1)
        The line; 1 when idle.

    Raises
    ------
    ValueError
        If `clocks` is not an integer of at least 4.
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, clocks: int) -> None:
        self._clocks = _checked(clocks)
        tx = Out(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__({"i": In(stream.Signature(unsigned(8))), "tx": tx})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The bits still to send. The stop bit is the highest one, so `shift` is zero only when it is on the line.
        shift = Signal(9)
        timer = Signal(range(self._clocks))
        m.d.comb += self.i.ready.eq((shift == 0) & (timer == 0))
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(shift != 0):
            m.d.sync += [self.tx.eq(shift[0]), shift.eq(shift >> 1), timer.eq(self._clocks - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [self.tx.eq(0), shift.eq(Cat(self.i.payload, Const(1, 1))), timer.eq(self._clocks - 1)]
        return m
