"""The coupling term where every edge has its own weight: ``Coupling.pull`` as a walk along a list of edges."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory

from neuristor.golden_model.neurons.coupling import WEIGHT_BITS, Coupling
from neuristor.hdl.fixed import round_shift, saturate
from neuristor.hdl.neighbours import CouplingTerm, Neighbours
from neuristor.hdl.row_port import RowPort

__all__ = ["Edges", "coupling_term"]

STAGES = 6
"""Clocks from the address of an edge to the sum that it changes: edge, value, factors, product, sum, store."""


MOST_DISTANCES = 16
"""Most distances to neighbours that are read all at once, each from a copy of the values."""


def coupling_term(coupling: Coupling, lanes: int, width: int, field: str, loadable: bool = False) -> CouplingTerm:
    """The circuit of a coupling term: all neighbours at once where edges are equal and few, else a walk along edges.

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
    loadable : bool
        Whether the values of edges can be changed at run time, where each has its own.
    """
    alike = not coupling.weighted
    if alike and coupling.topology != "all_to_all":
        alike = len({j - i for i, found in enumerate(coupling.neighbours) for j in found}) <= MOST_DISTANCES
    return (
        Neighbours(coupling, lanes, width, field) if alike else Edges(coupling, lanes, width, field, loadable=loadable)
    )


class Edges(CouplingTerm):
    """The weighted sum over the neighbours where every edge has its own weight.

    The sum is one of products: a neuron's own value is multiplied by minus the sum of its weights. After the last row
    of a tick is written, `walkers` go through their lists, one edge a clock each: an edge names the neuron that is
    read, the row that is pulled, and the weight; the first edge of a row begins a sum. Sums are exact, then rounded to
    the grid of the exchanged field and limited to `pull_shape`. They are stored until the next tick, which begins after
    `walk` clocks.

    Walker number w serves lane ``w % lanes``, and of that the rows ``w // lanes``, and so on in steps of
    ``walkers / lanes``.

    Throughput of the walk: `walkers` edges a clock; it does not wait for `enable`. The input `own` is not used, since
    the values that are written are kept here. Row n of the port `edges` has the n-th edge of each walker, that of the
    first one lowest, see `edge_shape`; what is written during a walk may count or not.

    Parameters
    ----------
    coupling, lanes, width, field
        As in `CouplingTerm`.
    walkers : int
        Edges a clock: a multiple of `lanes`.
    loadable : bool
        Whether the lists can be changed at run time: there is the port `edges`.

    Raises
    ------
    ValueError
        If `walkers` is no multiple of `lanes`, or larger than what there are neurons for.

    See Also
    --------
    CouplingTerm : ports and timing.
    """

    def __init__(
        self,
        coupling: Coupling,
        lanes: int,
        width: int,
        field: str,
        walkers: int | None = None,
        loadable: bool = False,
    ) -> None:
        walkers = lanes if walkers is None else walkers
        rows = -(-coupling.count // lanes)
        if walkers < lanes or walkers % lanes or walkers // lanes > rows:
            raise ValueError(f"walkers must be a multiple of {lanes}, the lanes, up to {lanes * rows}, not {walkers}")
        self.walkers, self._turns = walkers, walkers // lanes
        turns = -(-rows // self._turns)
        self.edge_shape = data.StructLayout(
            {
                "reads": unsigned(max(1, (coupling.count - 1).bit_length())),
                "turn": unsigned(max(1, (turns - 1).bit_length())),
                "weight": signed(WEIGHT_BITS + 2 + coupling.degree_bits),
                "first": unsigned(1),
            }
        )
        self.lists = self._split(coupling, lanes)
        port = RowPort(walkers * self.edge_shape.size, max(2, len(self.lists[0]))) if loadable else None
        super().__init__(coupling, lanes, width, field, port)

    @property
    def edge_rows(self) -> list[int]:
        """The lists, as rows of the port `edges`."""
        shape = data.ArrayLayout(self.edge_shape, self.walkers)
        return [int(Const.cast(shape.const(list(row))).value) for row in zip(*self.lists, strict=True)]

    def _split(self, coupling: Coupling, lanes: int) -> list[list[dict[str, int]]]:
        """The list of each walker, all of one length: what is left repeats the last row with a weight of 0."""
        lists: list[list[dict[str, int]]] = [[] for _ in range(self.walkers)]
        before = [-1] * self.walkers
        for i, j, w in coupling.entries.tolist():
            row, lane = divmod(i, lanes)
            turn, walker = row // self._turns, lane + lanes * (row % self._turns)
            lists[walker].append({"reads": j, "turn": turn, "weight": w, "first": int(before[walker] != i)})
            before[walker] = i
        longest = max(map(len, lists))
        for made in lists:
            # A walker without neurons keeps a sum of nothing.
            last = made[-1]["turn"] if made else 0
            nothing = {"reads": 0, "turn": last, "weight": 0, "first": 0}
            if not made:
                made.append({**nothing, "first": 1})
            made += [nothing] * (longest - len(made))
        return lists

    @property
    def walk(self) -> int:
        """Clocks from the write of the last row to the read of the first sum of the next tick."""
        return len(self.lists[0]) + STAGES

    def elaborate(self, platform: object) -> Module:
        m = Module()
        longest = len(self.lists[0])
        # The place of the edge that is read; past the end, nothing is.
        place = Signal(range(longest + 1), init=longest)
        walking = Signal()
        m.d.comb += walking.eq(place != longest)
        with m.If(self.write & (self.write_row == self._rows - 1)):
            m.d.sync += place.eq(0)
        with m.Elif(walking):
            m.d.sync += place.eq(place + 1)
        valid = Signal(STAGES - 1)
        m.d.sync += valid.eq(Cat(walking, valid))

        turn = self.row // self._turns if self._turns & (self._turns - 1) else self.row >> self._turns.bit_length() - 1
        sums: list[Any] = [self._walker(m, number, place, valid, turn) for number in range(self.walkers)]
        which = Signal(range(max(2, self._turns)))
        with m.If(self.enable):
            m.d.sync += which.eq(self.row % self._turns)
            for lane in range(self.lanes):
                chosen = data.ArrayLayout(self.pull_shape, self._turns)(Cat(sums[lane :: self.lanes]))
                m.d.sync += self.pull[lane].eq(chosen[which] if self._turns > 1 else sums[lane])
        return m

    def _walker(self, m: Module, number: int, place: Signal, valid: Signal, turn: Any) -> Any:
        """One list: edge, value, factors, product, sum, store; returns the stored sum of a turn, one clock later."""
        edges: Any = Memory(shape=self.edge_shape, depth=len(self.lists[number]), init=self.lists[number])
        values: Any = Memory(shape=self.own.shape(), depth=max(2, self._rows), init=[])
        sums: Any = Memory(shape=self.pull_shape, depth=max(2, -(-self._rows // self._turns)), init=[])
        m.submodules[f"edge_memory_{number}"] = edges
        m.submodules[f"value_memory_{number}"] = values
        m.submodules[f"sum_memory_{number}"] = sums
        edge, store, value = edges.read_port(), values.write_port(), values.read_port()
        if self.port is not None:
            self._access(m, number, edges)
        m.d.comb += [
            edge.addr.eq(place),
            store.en.eq(self.write),
            store.addr.eq(self.write_row),
            store.data.eq(self.written),
        ]
        lanes = self.lanes
        row, lane = self._place(edge.data.reads)
        carried = data.StructLayout({"turn": edge.data.turn.shape(), "first": unsigned(1)})
        after: list[Any] = [Signal(carried, name=f"edge_{number}_{stage}") for stage in range(2, 5)]
        weight = Signal(edge.data.weight.shape(), name=f"weight_{number}")
        chosen_lane = Signal(range(max(2, lanes)), name=f"lane_{number}")
        factor_a = Signal(weight.shape(), name=f"factor_a_{number}")
        factor_b = Signal(signed(self._width), name=f"factor_b_{number}")
        product = Signal(signed(len(weight) + self._width), name=f"product_{number}")
        total = Signal(signed(len(product) + self.coupling.degree.bit_length() + 1), name=f"sum_{number}")
        m.d.comb += [value.en.eq(valid[0]), value.addr.eq(row)]
        m.d.sync += [
            # 1: the edge is known, and the value is read.
            weight.eq(edge.data.weight),
            chosen_lane.eq(lane),
            after[0].turn.eq(edge.data.turn),
            after[0].first.eq(edge.data.first),
            # 2: the value is known.
            factor_a.eq(weight),
            factor_b.eq(value.data[chosen_lane] if lanes > 1 else value.data[0]),
            after[1].eq(after[0]),
            # 3
            product.eq(factor_a * factor_b),
            after[2].eq(after[1]),
        ]
        stored_turn = Signal(edge.data.turn.shape(), name=f"turn_{number}")
        with m.If(valid[3]):
            m.d.sync += total.eq(Mux(after[2].first, 0, total) + product)
        m.d.sync += stored_turn.eq(after[2].turn)
        bounded, _ = saturate(round_shift(total, WEIGHT_BITS), self.pull_shape.width)
        write, read = sums.write_port(), sums.read_port()
        m.d.comb += [
            write.en.eq(valid[4]),
            write.addr.eq(stored_turn),
            write.data.eq(bounded),
            read.en.eq(self.enable),
            read.addr.eq(turn),
        ]
        return read.data

    def _access(self, m: Module, number: int, edges: Any) -> None:
        """Let the host write and read the list of a walker."""
        port, width = self.edges, self.edge_shape.size
        here = slice(number * width, (number + 1) * width)
        write, read = edges.write_port(), edges.read_port()
        m.d.comb += [
            write.en.eq(port.write),
            write.addr.eq(port.address),
            Value.cast(write.data).eq(port.given[here]),
            read.en.eq(port.read),
            read.addr.eq(port.address),
            port.data[here].eq(Value.cast(read.data)),
        ]

    def _place(self, neuron: Any) -> tuple[Any, Any]:
        """Row and lane of a neuron."""
        lanes = self.lanes
        if lanes == 1:
            return neuron, Const(0, 1)
        if lanes & (lanes - 1) == 0:
            bits = lanes.bit_length() - 1
            return neuron[bits:], neuron[:bits]
        return neuron // lanes, neuron % lanes
