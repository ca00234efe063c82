"""Memory with one port and no initial contents: an iCE40UP5K has four large blocks of that kind."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["SinglePort"]

BLOCK_WORDS, BLOCK_BITS = 16_384, 16
"""Words of an SB_SPRAM256KA block, and bits of a word."""


class SinglePort(wiring.Component):
    """A memory that is either read or written in a clock, not both.

    On an iCE40UP5K it uses the single-port blocks. On other devices, and in exported Verilog, it is an ordinary memory
    whose words are zero at first. Latency of a read: 1 clock. Throughput: one read or one write a clock.

    Parameters
    ----------
    width : int
        Bits of a word, at least 1.
    depth : int
        Number of words, at least 1.

    Members
    -------
    address : In(range(depth))
        The word that is read or written.
    read : In(1)
        Read the word at `address`.
    write : In(1)
        Write `given` to `address`; takes precedence over `read`.
    given : In(width)
        The word to write.
    data : Out(width)
        The word that was read, from one clock after `read` until the next read.
    """

    address: Signal
    read: Signal
    write: Signal
    given: Signal
    data: Signal

    def __init__(self, width: int, depth: int) -> None:
        self.width, self.depth = width, depth
        super().__init__(
            {
                "address": In(range(max(depth, 2))),
                "read": In(1),
                "write": In(1),
                "given": In(width),
                "data": Out(width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if str(getattr(platform, "device", "")).startswith("iCE40UP"):
            self._blocks(m)
            return m
        memory: Any = Memory(shape=unsigned(self.width), depth=max(2, self.depth), init=[])
        m.submodules.memory = memory
        port, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            port.addr.eq(self.address),
            port.en.eq(self.read & ~self.write),
            self.data.eq(port.data),
            write.addr.eq(self.address),
            write.data.eq(self.given),
            write.en.eq(self.write),
        ]
        return m

    def _blocks(self, m: Module) -> None:
        """Place SPRAM blocks: side by side for the width, stacked for the depth."""
        deep = -(-self.depth // BLOCK_WORDS)
        wide = -(-self.width // BLOCK_BITS)
        low = Signal(14)
        high = Signal(range(max(deep, 2)))
        last = Signal.like(high)
        m.d.comb += [low.eq(self.address), high.eq(self.address[14:])]
        with m.If(self.read & ~self.write):
            m.d.sync += last.eq(high)
        words = []
        for row in range(deep):
            parts = []
            for column in range(wide):
                piece = self.given[column * BLOCK_BITS : (column + 1) * BLOCK_BITS]
                out = Signal(BLOCK_BITS, name=f"block_{row}_{column}")
                chosen = Signal(name=f"chosen_{row}_{column}")
                m.d.comb += chosen.eq((self.read | self.write) & (high == row))
                m.submodules[f"block_{row}_{column}"] = Instance(
                    "SB_SPRAM256KA",
                    i_ADDRESS=low,
                    i_DATAIN=Cat(piece, Const(0, BLOCK_BITS - len(piece))),
                    i_MASKWREN=Const(0xF, 4),
                    i_WREN=self.write,
                    i_CHIPSELECT=chosen,
                    i_CLOCK=ClockSignal(),
                    i_STANDBY=Const(0, 1),
                    i_SLEEP=Const(0, 1),
                    i_POWEROFF=Const(1, 1),
                    o_DATAOUT=out,
                )
                parts.append(out)
            words.append(Cat(parts)[: self.width])
        made = words[0]
        for row, word in enumerate(words[1:], 1):
            made = Mux(last == row, word, made)
        m.d.comb += self.data.eq(made)
