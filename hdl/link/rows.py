"""Access from the bus to a memory whose rows are wider or narrower than a word of 32 bits."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.registers import Entry, Registers, Window

__all__ = ["RowWindow", "connect_rows", "row_words", "words_of"]

WORD = 32
"""Bits of a bus word."""


def row_words(width: int) -> int:
    """The number of addresses that a row takes.

    Parameters
    ----------
    width : int
        Bits of a row, at least 1.

    Returns
    -------
    int
        The number of bus words of a row, rounded up to a power of two.
    """
    return 1 << (-(-width // WORD) - 1).bit_length()


def words_of(rows: list[int], width: int) -> list[int]:
    """Split rows into the words of a window.

    Parameters
    ----------
    rows : list of int
        Rows, each from 0 to ``2**width - 1``.
    width : int
        Bits of a row.

    Returns
    -------
    list of int
        Words of 32 bits, `row_words` for each row, lowest first; in the order of their addresses.
    """
    return [row >> (WORD * part) & 0xFFFF_FFFF for row in rows for part in range(row_words(width))]


class RowWindow(wiring.Component):
    """Connects a window to a memory with rows of any width.

    A row takes `row_words` addresses, its lowest word first. Written words are kept until the last word of the row is
    written; then the whole row goes to the memory. So the last word must be written last.

    Latency: a write is done in the clock of its request, a read when `arrived` is set.

    Parameters
    ----------
    width : int
        Bits of a row.
    rows : int
        Number of rows.

    Members
    -------
    window : In(Window)
        The interface to the registers; one transfer is one word.
    busy : In(1)
        The circuit uses the memory: transfers are refused.
    row : Out(range(rows))
        The row that is read or written.
    write : Out(1)
        Write `given` to `row`.
    given : Out(width)
        The row to write.
    read : Out(1)
        Set for one clock: read `row`.
    arrived : In(1)
        `data` is the row that was read.
    data : In(width)
        The row that was read, valid with `arrived`.
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
        """The entry of this window in the register map.

        Parameters
        ----------
        name : str
            Name in the map.
        meaning : str
            One line for the reader of the map.
        readable : bool
            Whether the host may also read it.

        Returns
        -------
        Entry
            A window of `words` addresses.
        """
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
    """Connect a memory with a ``neuristor.hdl.array.RowPort`` to its window in the registers.

    Parameters
    ----------
    m : Module
        Receives `window`, as a submodule ``{name}_window``.
    registers : Registers
        Has a window of that name.
    window : RowWindow
        With the width and number of rows of the memory.
    name : str
        Name of the window in the register map.
    port : RowPort
        The port of the memory.
    busy : Value, unsigned(1)
        Refuse transfers.
    """
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
