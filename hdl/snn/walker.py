"""Walkers: which rows of weights a spike needs, and to which rows of sums they are added."""

from __future__ import annotations

from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["DenseWalker", "TableEntry", "TableWalker", "Walker"]


class Walker(wiring.Component):
    """For each event: the addresses of rows of weights, and the rows of sums to which they are added.

    One row per clock while `go` is set and `hold` is not.

    Parameters
    ----------
    event : data.StructLayout
        Payload of the events: that of ``Scanner.o``.
    depth : int
        Rows of weights of the connection.
    rows : int
        Rows of sums.

    Members
    -------
    event : In(stream of {slot, fire, last})
        Events of a `Scanner`. An event without `fire` has no rows.
    go : In(1)
        Rows of this connection may be added; layers with several connections take one after the other in a tick.
    hold : In(1)
        The row that is shown is not added in this clock and stays.
    valid : Out(1)
        `address` and `row` show a row to add.
    address : Out(range(depth))
        Row of weights.
    row : Out(range(rows))
        Row of sums to which it is added.
    ended : Out(1)
        The tick is over: all its events were accepted, and their last row, if any, is added in this clock or was
        added before.
    """

    event: Any
    go: Signal
    hold: Signal
    valid: Signal
    address: Signal
    row: Signal
    ended: Signal

    def __init__(self, event: Any, depth: int, rows: int) -> None:
        self.depth, self.rows = depth, rows
        super().__init__(
            {
                "event": In(stream.Signature(event)),
                "go": In(1),
                "hold": In(1),
                "valid": Out(1),
                "address": Out(range(max(depth, 2))),
                "row": Out(range(max(rows, 2))),
                "ended": Out(1),
            }
        )


class DenseWalker(Walker):
    """The walker of a dense matrix: each spike adds to all rows of sums.

    The rows of weights of slot s begin at address ``s * rows``.

    Parameters
    ----------
    event : data.StructLayout
        As for `Walker`.
    count : int
        Slots of the source.
    rows : int
        Rows of sums.
    """

    def __init__(self, event: Any, count: int, rows: int) -> None:
        self._count = count
        super().__init__(event, count * rows, rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal()
        at_end = Signal()
        asks = self.event.valid & self.go
        m.d.comb += [
            self.valid.eq(asks & self.event.p.fire),
            at_end.eq(self.row == self.rows - 1),
            taken.eq(asks & ~self.hold & (at_end | ~self.event.p.fire)),
            self.event.ready.eq(taken),
            self.ended.eq(taken & self.event.p.last),
        ]
        slot = self.event.p.slot
        if self.rows == 1:
            m.d.comb += self.address.eq(slot)
            return m
        first = sum((slot << bit for bit in range(self.rows.bit_length()) if self.rows >> bit & 1), Const(0))
        m.d.comb += self.address.eq(first + self.row if self.rows & (self.rows - 1) else first | self.row)
        with m.If(self.valid & ~self.hold):
            m.d.sync += self.row.eq(Mux(at_end, 0, self.row + 1))
        return m


class TableEntry(NamedTuple):
    """Where the rows of one slot begin, and how many there are: ``lines * steps * inner``.

    Parameters
    ----------
    address : int
        First row of weights.
    row : int
        First row of sums.
    steps : int
        Outputs reached along a line; 0 if the slot reaches none.
    lines : int
        Lines of outputs reached; 0 if the slot reaches none.
    """

    address: int
    row: int
    steps: int
    lines: int


class TableWalker(Walker):
    """The walker of convolutions and of pooled spikes: a table in ROM says where the rows of each slot begin.

    Three nested loops: `inner` consecutive rows in each step, the steps of a line, the lines. The table is read in one
    clock, before the first row of an event.

    Parameters
    ----------
    event : data.StructLayout
        As for `Walker`.
    depth : int
        Rows of weights.
    rows : int
        Rows of sums.
    table : list of TableEntry
        For each slot.
    inner : int
        Consecutive rows in each step.
    step : tuple of int
        What is added to (address, row) from the first row of a step to that of the next.
    line : tuple of int
        What is added to (address, row) from the first row of a line to that of the next.
    """

    def __init__(
        self,
        event: Any,
        depth: int,
        rows: int,
        table: list[TableEntry],
        inner: int,
        step: tuple[int, int],
        line: tuple[int, int],
    ) -> None:
        self._table, self._inner, self._step, self._line = table, inner, step, line
        super().__init__(event, depth, rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps, lines = max(each.steps for each in self._table), max(each.lines for each in self._table)
        layout = data.StructLayout(
            {
                "address": range(max(self.depth, 2)),
                "row": range(max(self.rows, 2)),
                "steps": range(steps + 1),
                "lines": range(lines + 1),
            }
        )
        init = [each._asdict() for each in self._table]
        memory: Any = Memory(shape=layout, depth=max(2, len(init)), init=init)
        m.submodules.table = memory
        port = memory.read_port()
        entry = port.data
        m.d.comb += port.addr.eq(self.event.p.slot)
        # The table is read in the first clock of an event; `known` says that `entry` belongs to it.
        known = Signal()
        works = Signal()
        taken = Signal()
        idle = Signal()
        begin: Any = Signal(layout)
        inner = Signal(range(max(self._inner, 2)))
        left = Signal(range(steps + 1))
        down = Signal(range(lines + 1))
        done = (inner == self._inner - 1) & (left == 1) & (down == 1)
        m.d.comb += [
            self.valid.eq(works & self.go),
            idle.eq(~works | (~self.hold & done)),
            taken.eq(self.event.valid & self.go & idle & (known | ~self.event.p.fire)),
            self.event.ready.eq(taken),
        ]
        last = Signal()
        m.d.sync += known.eq(self.event.valid & ~taken)
        with m.If(works & self.go & ~self.hold):
            with m.If(inner != self._inner - 1):
                m.d.sync += [inner.eq(inner + 1), self.address.eq(self.address + 1), self.row.eq(self.row + 1)]
            with m.Else():
                m.d.sync += inner.eq(0)
                with m.If(left != 1):
                    m.d.sync += [
                        left.eq(left - 1),
                        self.address.eq(self.address + self._step[0] - (self._inner - 1)),
                        self.row.eq(self.row + self._step[1] - (self._inner - 1)),
                    ]
                with m.Elif(down != 1):
                    m.d.sync += [
                        down.eq(down - 1),
                        left.eq(begin.steps),
                        begin.address.eq(begin.address + self._line[0]),
                        begin.row.eq(begin.row + self._line[1]),
                        self.address.eq(begin.address + self._line[0]),
                        self.row.eq(begin.row + self._line[1]),
                    ]
                with m.Else():
                    m.d.sync += works.eq(0)
        with m.If(taken):
            m.d.sync += [
                last.eq(self.event.p.last),
                works.eq(self.event.p.fire & (entry.steps != 0) & (entry.lines != 0)),
                begin.eq(entry),
                inner.eq(0),
                left.eq(entry.steps),
                down.eq(entry.lines),
                self.address.eq(entry.address),
                self.row.eq(entry.row),
            ]
        # After the last event, the tick ends with its last row.
        with m.Elif(self.ended):
            m.d.sync += last.eq(0)
        m.d.comb += self.ended.eq(last & idle & self.go)
        return m
