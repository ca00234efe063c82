"""Delay lines in memory: what a long pipeline would hold in shift registers."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

__all__ = ["CLOCKS", "DelayLines"]

ROWS = 16
"""Rows of the memories: the depth of distributed RAM of ECP5 and Gowin FPGAs. A power of two: the counter wraps."""
CLOCKS = ROWS + 1
"""Enabled clocks of a delay: the rows of the memory, and a register."""


class DelayLines(Component):
    """Words come out `CLOCKS` enabled clocks after they went in.

    All lines share one row counter: in each enabled clock, each line reads its row into a register and writes the row
    anew. The memories are small and read without a clock, so that an FPGA keeps them in distributed RAM. Neither they
    nor the counter are reset.

    Parameters
    ----------
    widths : list of int
        Bits of the word of each line.

    Members
    -------
    enable : In(1)
        The words move in this clock.
    given_0, given_1, ... : In(width)
        Word of each line.
    delayed_0, delayed_1, ... : Out(width)
        The word that the line took `CLOCKS` enabled clocks ago.

    Attributes
    ----------
    given, delayed : list of Signal
        These members, by the number of the line.
    """

    enable: Signal

    def __init__(self, widths: list[int]) -> None:
        self._widths = widths
        members: dict[str, Any] = {"enable": In(1)}
        for number, width in enumerate(widths):
            members |= {f"given_{number}": In(width), f"delayed_{number}": Out(width)}
        super().__init__(members)
        self.given: list[Any] = [getattr(self, f"given_{number}") for number in range(len(widths))]
        self.delayed: list[Any] = [getattr(self, f"delayed_{number}") for number in range(len(widths))]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row = Signal(range(ROWS), reset_less=True)
        with m.If(self.enable):
            m.d.sync += row.eq(row + 1)
        for number, width in enumerate(self._widths):
            memory: Any = Memory(shape=unsigned(width), depth=ROWS, init=[])
            m.submodules[f"memory_{number}"] = memory
            write, read = memory.write_port(), memory.read_port(domain="comb")
            word = Signal(width, reset_less=True, name=f"word_{number}")
            m.d.comb += [
                write.addr.eq(row),
                write.data.eq(self.given[number]),
                write.en.eq(self.enable),
                read.addr.eq(row),
                self.delayed[number].eq(word),
            ]
            with m.If(self.enable):
                m.d.sync += word.eq(read.data)
        return m
