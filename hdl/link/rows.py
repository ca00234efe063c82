"""Memory whose words are wider, or narrower, than those of the bus."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.registers import Entry, Registers, Window

__all__ = ["RowWindow", "connect_rows", "row_words", "words_of"]

WORD = 32


def row_words(width: int) -> int:
    """Addresses of a row of so many bits: a power of two."""
    return 1 << (-(-width // WORD) - 1).bit_length()


def words_of(rows: list[int], width: int) -> list[int]:
    """Rows as the words of a window, in order."""
    return [row >> (WORD * part) & 0xFFFF_FFFF for row in rows for part in range(row_words(width))]


class RowWindow(wiring.Component):
    """Between a window and rows of any width.

    A row stands at as many addresses as its words need, rounded up to a power of two. Its words are written lowest
    first, and with the last the row is.

    Parameters
    ----------
    width : int
        Of a row, in bits.
    rows : int

    Members
    -------
    window : In(Window)
    busy : In(1)
        The memory is in use: refused.
    row : Out
    write : Out(1)
        `given` goes to `row`.
    given : Out
    read : Out(1)
        For one clock: `row` is asked for.
    arrived : In(1)
        `data` is that row.
    data : In
    """

    window: Any
    busy: Signal
    row: Signal
    write: Signal
    given: Signal
    read: Signal
    arrived: Signal
    data: Signal

    def __init__(self, width: int, rows: int) -> None:
        self._width, self.rows = width, rows
        self.words = row_words(width) * rows
        super().__init__(
            {
                "window": In(Window(max(self.words - 1, 0).bit_length())),
                "busy": In(1),
                "row": Out(range(max(rows, 2))),
                "write": Out(1),
                "given": Out(width),
                "read": Out(1),
                "arrived": In(1),
                "data": In(width),
            }
        )

    def entry(self, name: str, meaning: str, *, readable: bool = True) -> Entry:
        """What the map says of it."""
        access = "read and write" if readable else "write"
        return Entry(name=name, access=access, meaning=meaning, words=self.words, window=True)  # type: ignore[arg-type]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        window, used = self.window, -(-self._width // WORD)
        bits = row_words(self._width).bit_length() - 1
        part = window.address[:bits] if bits else Const(0, 1)
        staged = [Signal(WORD, name=f"part_{n}") for n in range(used - 1)]
        last = Signal()
        m.d.comb += [
            self.row.eq(window.address[bits:]),
            self.given.eq(Cat(*staged, window.given)),
            last.eq(part == used - 1),
        ]
        asking = Signal()
        padded = Cat(self.data, Const(0, used * WORD - self._width)) if used * WORD > self._width else self.data
        words = [padded[n * WORD : (n + 1) * WORD] for n in range(used)]
        words += [Const(0, WORD)] * (row_words(self._width) - used)
        m.d.comb += [
            window.data.eq(Array(words)[part]),
            window.refused.eq(window.request & self.busy & ~asking),
        ]
        with m.If(window.request & window.write & ~self.busy):
            m.d.comb += [self.write.eq(last), window.done.eq(1)]
            for n, each in enumerate(staged):
                with m.If(part == n):
                    m.d.sync += each.eq(window.given)
        with m.Elif(window.request & ~self.busy & ~asking):
            m.d.comb += self.read.eq(1)
            m.d.sync += asking.eq(1)
        with m.If(asking & self.arrived):
            m.d.comb += window.done.eq(1)
            m.d.sync += asking.eq(0)
        return m


def connect_rows(m: Module, registers: Registers, window: RowWindow, name: str, port: Any, busy: Value) -> None:
    """Put a memory with a `RowPort` behind a window."""
    m.submodules[f"{name}_window"] = window
    wiring.connect(m, getattr(registers, name), window.window)
    arrived = Signal(name=f"{name}_arrived")
    m.d.sync += arrived.eq(window.read)
    m.d.comb += [
        window.busy.eq(busy),
        port.address.eq(window.row),
        port.write.eq(window.write),
        port.given.eq(window.given),
        port.read.eq(window.read),
        window.arrived.eq(arrived),
        window.data.eq(port.data),
    ]
