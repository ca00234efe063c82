"""A number as a stream of bits whose mean is the number: with a resistor and a capacitor at its pin, a voltage."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SigmaDelta"]


class SigmaDelta(wiring.Component):
    """First-order sigma-delta modulator: what an output bit was too much or too little, the following ones make up for.

    Of n clocks in which `level` is the same, the output is 1 in ``n * level / 2**width`` ones, rounded down or up.
    Latency: 1 clock. Throughput: one bit a clock.

    Parameters
    ----------
    width : int
        Bits of the level, at least 1.

    Members
    -------
    level : In(width)
        Mean of the output, in units of ``2**-width``.
    bit : Out(1)
        The output.
    """

    level: Signal
    bit: Signal

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width}")
        self.width = width
        super().__init__({"level": In(width), "bit": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rest = Signal(self.width)
        m.d.sync += Cat(rest, self.bit).eq(rest + self.level)
        return m
