"""The coupling term between neurons, ``Coupling.pull`` as a circuit: what all have in common, and equal edges."""

from __future__ import annotations

from operator import add
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.hdl.row_port import RowPort
from neuristor.hdl.tree import balanced

__all__ = ["CouplingTerm", "Neighbours"]


class CouplingTerm(wiring.Component):
    """The weighted sum of the differences to the neighbours, ``sum_j w_ij (u_j - u_i)``, for one row at a time.

    Neurons are stored in rows of `lanes`. All values used in a tick are those after the previous tick.

    Throughput: one row a clock.

    Parameters
    ----------
    coupling : Coupling
        Which neurons are coupled, and how strongly.
    lanes : int
        Neurons of a row.
    width : int
        Bits of an exchanged value, signed.
    field : str
        Name of the state field that is exchanged.
    port : RowPort, optional
        Shape of the port `edges`.
    pipelined : bool
        Whether there are registers before the last sums, for a clock more of `latency`.

    Members
    -------
    enable : In(1)
        Advance the pipeline; without it, `pull` keeps its value.
    row : In(range(rows))
        The row whose coupling terms are read.
    own : In(ArrayLayout(signed(width), lanes))
        The exchanged field of that row, one enabled clock after `row`; in raw steps of the field's format.
    pull : Out(ArrayLayout(pull_shape, lanes))
        The sums, `latency` enabled clocks after `row`; same scale as `own`.
    write : In(1)
        Store `written` as row `write_row`.
    write_row : In(range(rows))
        Rows are written in order, from 0; the last one ends the tick.
    written : In(ArrayLayout(signed(width), lanes))
        The exchanged field of that row after the tick.
    edges : In(RowPort), optional
        Access to the values of the edges, of a term in which they can be loaded.
    """

    enable: Signal
    row: Signal
    own: data.View[Any]
    pull: data.View[Any]
    write: Signal
    write_row: Signal
    written: data.View[Any]
    edges: Any

    def __init__(
        self,
        coupling: Coupling,
        lanes: int,
        width: int,
        field: str,
        port: RowPort | None = None,
        pipelined: bool = False,
    ) -> None:
        self.coupling, self.lanes, self.field, self.port = coupling, lanes, field, port
        self.pipelined = pipelined
        self._rows, self._width = -(-coupling.count // lanes), width
        values = data.ArrayLayout(signed(width), lanes)
        # Wide enough for a sum of `degree` differences.
        self.pull_shape = signed(coupling.pull_bits(width))
        super().__init__(
            {
                "enable": In(1),
                "row": In(range(max(2, self._rows))),
                "own": In(values),
                "pull": Out(data.ArrayLayout(self.pull_shape, lanes)),
                "write": In(1),
                "write_row": In(range(max(2, self._rows))),
                "written": In(values),
                **({} if port is None else {"edges": In(port)}),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled clocks from `row` to `pull`."""
        return 3 if self.pipelined else 2

    @property
    def value_width(self) -> int:
        """Bits of an exchanged value."""
        return self._width

    @property
    def last_row(self) -> int:
        """Number of the last row."""
        return self._rows - 1

    @property
    def walk(self) -> int:
        """Clocks from the write of the last row to the read of the first term of the next tick."""
        return 1

    def registered(self, m: Module, name: str, value: Value) -> Value:
        """A value one enabled clock later in a pipelined term, else the value itself.

        Parameters
        ----------
        m : Module
            The circuit.
        name : str
            Name of the register.
        value : Value
            The value.
        """
        if not self.pipelined:
            return value
        later = Signal(value.shape(), name=name)
        with m.If(self.enable):
            m.d.sync += later.eq(value)
        return later


class Neighbours(CouplingTerm):
    """The sum of the differences to the neighbours where all edges are equal.

    The memory has two halves: while rows are read from one half, the updated rows are written to the other.

    A neighbour of neuron i is neuron ``i + distance``. For a neuron of a given lane, the distance fixes the neighbour's
    lane and how many rows further it is. Each such number of rows has its own copy of the memory, so that all
    neighbours are read in the same clock. A mask has one bit for each neuron and each distance: whether the neuron has
    that neighbour.
    All-to-all coupling needs no memory, only the sum over the array: the term is ``sum_j u_j - count * u_i``.

    Parameters
    ----------
    coupling, lanes, width, field, port, pipelined
        As in `CouplingTerm`; the edges cannot be loaded.

    See Also
    --------
    CouplingTerm : ports and timing.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.coupling.topology == "all_to_all":
            self._all_to_all(m)
        else:
            self._sparse(m)
        return m

    def _all_to_all(self, m: Module) -> None:
        count = self.coupling.count
        # The sum of a row; one clock later it is added to the running sum of the tick.
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
            for lane in range(self.lanes):
                part = self.registered(m, f"part_{lane}", self.own[lane] * count)
                m.d.sync += self.pull[lane].eq(total - part)

    def _sparse(self, m: Module) -> None:
        rows, lanes = self._rows, self.lanes
        distances = sorted({j - i for i, found in enumerate(self.coupling.neighbours) for j in found})
        values = self.own.shape()

        half = Signal()  # selects the half that is read; the other is written
        with m.If(self.write & (self.write_row == rows - 1)):
            m.d.sync += half.eq(~half)

        # The mask: at which distances each neuron has a neighbour.
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
            """The row that is `further` rows after the one that is read."""
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
                    continue  # no neuron of this lane has a neighbour at that distance
                seen = self.own[other] if further == 0 else copy(further)[other]
                difference = Mux(mask.data[lane][n], seen - self.own[lane], 0)
                terms.append(self.registered(m, f"difference_{lane}_{n}", difference))
            with m.If(self.enable):
                m.d.sync += self.pull[lane].eq(balanced(add, terms) if terms else Const(0))
