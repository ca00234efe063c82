"""What coupled neurons feel of each other: ``neuristor.golden_model.neurons.coupling.Coupling.pull`` in the circuit."""

from __future__ import annotations

from operator import add
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.hdl.tree import balanced

__all__ = ["Neighbours"]


class Neighbours(wiring.Component):
    """The sum of the differences to the neighbours, for a row of lanes.

    All values are those after the last tick: while the rows of a tick are read from one half of a
    memory, the new ones are written to the other. A neighbour stands a fixed number of neurons before
    or behind; in the row that is a lane, and a number of rows further. Each such number of rows has a
    copy of the memory, and each neuron a bit for each distance that says whether it has that neighbour.
    All to all needs none of this, only the sum over the array.

    Parameters
    ----------
    coupling : Coupling
    lanes : int
    width : int
        Bits of an exchanged value.
    field : str
        The state field that is exchanged.

    Members
    -------
    enable : In(1)
        The pipeline moves.
    row : In(range(rows))
        The row that is read.
    own : In(ArrayLayout(signed, lanes))
        The exchanged field of that row, one enabled clock later.
    pull : Out(ArrayLayout(signed, lanes))
        ``sum_j (u_j - u_i)``, two enabled clocks after `row`.
    write : In(1)
    write_row : In(range(rows))
    written : In(ArrayLayout(signed, lanes))
        A row after the tick. Rows come in order; the last one ends the tick.
    """

    enable: Signal
    row: Signal
    own: data.View[Any]
    pull: data.View[Any]
    write: Signal
    write_row: Signal
    written: data.View[Any]

    def __init__(self, coupling: Coupling, lanes: int, width: int, field: str) -> None:
        self.coupling, self.lanes, self.field = coupling, lanes, field
        self._rows = -(-coupling.count // lanes)
        self._width = width
        values = data.ArrayLayout(signed(width), lanes)
        # A sum of `degree` differences.
        self.pull_shape = signed(width + 1 + coupling.degree.bit_length())
        super().__init__(
            {
                "enable": In(1),
                "row": In(range(max(2, self._rows))),
                "own": In(values),
                "pull": Out(data.ArrayLayout(self.pull_shape, lanes)),
                "write": In(1),
                "write_row": In(range(max(2, self._rows))),
                "written": In(values),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.coupling.topology == "all_to_all":
            self._all_to_all(m)
        else:
            self._sparse(m)
        return m

    def _all_to_all(self, m: Module) -> None:
        count = self.coupling.count
        # The sum of a row, a clock later added up.
        row_sum = Signal(signed(self._width + self.lanes.bit_length()))
        arrived = Signal()
        first = Signal()
        last = Signal()
        running = Signal(signed(self._width + count.bit_length()))
        total = Signal(running.shape())
        added = Signal(running.shape())
        m.d.sync += [
            arrived.eq(self.write),
            first.eq(self.write_row == 0),
            last.eq(self.write_row == self._rows - 1),
            row_sum.eq(balanced(add, [self.written[lane] for lane in range(self.lanes)])),
        ]
        m.d.comb += added.eq(Mux(first, 0, running) + row_sum)
        with m.If(arrived):
            m.d.sync += running.eq(added)
            with m.If(last):
                m.d.sync += total.eq(added)
        with m.If(self.enable):
            m.d.sync += [self.pull[lane].eq(total - self.own[lane] * count) for lane in range(self.lanes)]

    def _sparse(self, m: Module) -> None:
        rows, lanes = self._rows, self.lanes
        distances = sorted({j - i for i, found in enumerate(self.coupling.neighbours) for j in found})
        values = self.own.shape()

        half = Signal()  # which half is read
        with m.If(self.write & (self.write_row == rows - 1)):
            m.d.sync += half.eq(~half)

        # Which distances each neuron of a row has.
        bits = data.ArrayLayout(len(distances), lanes)
        table = []
        for start in range(0, rows * lanes, lanes):
            row_bits = []
            for neuron in range(start, start + lanes):
                near = self.coupling.neighbours[neuron] if neuron < self.coupling.count else ()
                row_bits.append(sum(1 << n for n, d in enumerate(distances) if neuron + d in near))
            table.append(row_bits)
        masks: Any = Memory(shape=bits, depth=max(2, rows), init=table + [[0] * lanes] * (max(2, rows) - rows))
        m.submodules.mask_memory = masks
        mask = masks.read_port()
        m.d.comb += [mask.en.eq(self.enable), mask.addr.eq(self.row)]

        span = 1 << (max(2, rows) - 1).bit_length()
        copies: dict[int, Value] = {}

        def copy(further: int) -> Any:
            """The row so many rows further on."""
            if further not in copies:
                memory: Any = Memory(shape=values, depth=2 * span, init=[])
                m.submodules[f"row_memory_{len(copies)}"] = memory
                write, read = memory.write_port(), memory.read_port()
                m.d.comb += [
                    write.en.eq(self.write),
                    write.addr.eq(Mux(half, 0, span) + self.write_row),
                    write.data.eq(self.written),
                    read.en.eq(self.enable),
                    read.addr.eq(Mux(half, span, 0) + ((self.row + further) & (span - 1))),
                ]
                copies[further] = read.data
            return copies[further]

        for lane in range(lanes):
            terms: list[Value] = []
            for n, distance in enumerate(distances):
                further, other = divmod(lane + distance, lanes)
                if not any(row[lane] >> n & 1 for row in table):
                    continue  # nobody in this lane has that neighbour
                seen = self.own[other] if further == 0 else copy(further)[other]
                terms.append(Mux(mask.data[lane][n], seen - self.own[lane], 0))
            with m.If(self.enable):
                m.d.sync += self.pull[lane].eq(balanced(add, terms) if terms else Const(0))
