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

__all__ = ["Edges", "check_walkers", "coupling_term"]

STAGES = 6
"""Clocks from the address of an edge to the sum that it changes: edge, value, factors, product, sum, store."""
MOST_DISTANCES = 16
"""Most distances to neighbours that are read all at once, each from a copy of the values."""
BLOCK = 1024
"""Least number of bits of a list for which block RAM is asked for; synthesis may make a list of constants of logic."""
LONG = 16
"""Least number of neighbours for which the own weight, minus the sum of the others, is split into two entries."""


def _alike(coupling: Coupling) -> bool:
    """Whether edges are equal and few enough that all of a row are summed at once."""
    if coupling.weighted or coupling.topology == "all_to_all":
        return not coupling.weighted
    return len({j - i for i, found in enumerate(coupling.neighbours) for j in found}) <= MOST_DISTANCES


def check_walkers(coupling: Coupling, lanes: int, walkers: int) -> None:
    """Check a number of edges a clock.

    Parameters
    ----------
    coupling : Coupling
        Which neurons are coupled.
    lanes : int
        Neurons of a row.
    walkers : int
        Edges a clock.

    Raises
    ------
    ValueError
        If `walkers` is not `lanes` times a power of two, or larger than what there are neurons for, or all neighbours
        are summed at once.
    """
    if _alike(coupling):
        raise ValueError("edges_per_clock must be left out: edges are equal, and all of a row are summed in one clock")
    rows = -(-coupling.count // lanes)
    known = [lanes << power for power in range(rows.bit_length())]
    if walkers not in known:
        raise ValueError(f"edges_per_clock must be {', '.join(map(str, known))} with these lanes, not {walkers}")


def coupling_term(
    coupling: Coupling,
    lanes: int,
    width: int,
    field: str,
    loadable: bool = False,
    walkers: int | None = None,
    pipelined: bool = False,
) -> CouplingTerm:
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
    walkers : int, optional
        Edges a clock, where each has its own value; by default `lanes`.
    pipelined : bool
        Whether the sums take a clock more.

    Raises
    ------
    ValueError
        As of `check_walkers`.
    """
    if walkers is not None:
        check_walkers(coupling, lanes, walkers)
    if _alike(coupling):
        return Neighbours(coupling, lanes, width, field, pipelined=pipelined)
    return Edges(coupling, lanes, width, field, walkers, loadable, pipelined)


class Edges(CouplingTerm):
    """The weighted sum over the neighbours where every edge has its own weight.

    The sum is one of products: a neuron's own value is multiplied by minus the sum of its weights. After the last row
    of a tick is written, `walkers` go through their lists, one edge a clock each: an edge names the neuron that is
    read, the row that is pulled, and the weight; the first edge of a row begins a sum. Sums are exact, then rounded to
    the grid of the exchanged field and limited to `pull_shape`. They are stored until the next tick, which begins after
    `walk` clocks.

    Walker number w serves lane ``w % lanes``, and of that the rows ``w // lanes``, and so on in steps of
    ``walkers / lanes``.

    Of a dense matrix, all walkers read the same neuron in the same clock, so that they share one copy of the values,
    and edges do not name whom they read; what is not coupled has the weight 0. That is chosen if it makes the walk no
    more than a quarter longer.

    With `LONG` or more neighbours a neuron's own weight is two entries, so that the factors are short: the value is
    kept from the first (``own``), and multiplied in the second by the upper bits (``upper``).

    Throughput of the walk: `walkers` edges a clock; it does not wait for `enable`. The input `own` is not used, since
    the values that are written are kept here. Row n of the port `edges` has the n-th edge of each walker, that of the
    first one lowest, see `edge_shape`; what is written during a walk may count or not.

    Parameters
    ----------
    coupling, lanes, width, field
        As in `CouplingTerm`.
    walkers : int
        Edges a clock: `lanes` times a power of two.
    loadable : bool
        Whether the lists can be changed at run time: there is the port `edges`.
    pipelined : bool
        As in `CouplingTerm`.

    Attributes
    ----------
    walkers : int
        Edges a clock.
    dense : bool
        Whether all walkers read the same neuron.
    row_length : int
        Entries of a row of a matrix.
    lower : int
        Bits of the first part of an own weight that is two entries; 0 if it is one.
    lists : list of list of dict
        The entries of each walker; of a dense matrix with what they read.

    Raises
    ------
    ValueError
        As of `check_walkers`.

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
        pipelined: bool = False,
    ) -> None:
        walkers = lanes if walkers is None else walkers
        check_walkers(coupling, lanes, walkers)
        rows = -(-coupling.count // lanes)
        self.walkers, self._turns = walkers, walkers // lanes
        turns = -(-rows // self._turns)
        own_bits = WEIGHT_BITS + 2 + coupling.degree_bits
        # The lower bits of an own weight have no sign.
        self.lower = coupling.degree_bits if coupling.degree >= LONG else 0
        self.row_length = coupling.count + bool(self.lower)
        entries = self._entries(coupling)
        lists = self._split(entries, lanes)
        self.dense = 4 * turns * self.row_length <= 5 * len(lists[0])
        self.lists = self._matrix(coupling.count, entries, lanes, turns) if self.dense else lists
        place = {"row": unsigned(max(1, (rows - 1).bit_length())), "lane": unsigned(max(1, (lanes - 1).bit_length()))}
        self.edge_shape = data.StructLayout(
            {
                **({} if self.dense else place),
                "turn": unsigned(max(1, (turns - 1).bit_length())),
                "weight": signed(max(own_bits - self.lower, self.lower + 1)),
                "first": unsigned(1),
                **({"own": unsigned(1), "upper": unsigned(1)} if self.lower else {}),
            }
        )
        port = RowPort(walkers * self.edge_shape.size, max(2, len(self.lists[0]))) if loadable else None
        super().__init__(coupling, lanes, width, field, port, pipelined)

    @property
    def edge_rows(self) -> list[int]:
        """The lists, as rows of the port `edges`."""
        shape = data.ArrayLayout(self.edge_shape, self.walkers)
        stored = ([self._stored(edge) for edge in row] for row in zip(*self.lists, strict=True))
        return [int(Const.cast(shape.const(row)).value) for row in stored]

    def _stored(self, edge: dict[str, int]) -> dict[str, int]:
        row, lane = divmod(edge["reads"], self.lanes)
        return {name: {**edge, "row": row, "lane": lane}[name] for name in self.edge_shape.members}

    def _entries(self, coupling: Coupling) -> list[dict[str, int]]:
        """The products of all sums, by neuron: `of` is the one that is pulled."""
        made, before = [], -1
        for i, j, w in coupling.entries.tolist():
            edge = {"of": i, "reads": j, "weight": w, "first": int(before != i), "own": 0, "upper": 0}
            if i == j and self.lower:
                made.append({**edge, "weight": w & (1 << self.lower) - 1, "own": 1})
                made.append({**edge, "weight": w >> self.lower, "first": 0, "upper": 1})
            else:
                made.append(edge)
            before = i
        return made

    def _walker_of(self, neuron: int, lanes: int) -> tuple[int, int]:
        """Number of the walker, and its turn."""
        row, lane = divmod(neuron, lanes)
        return lane + lanes * (row % self._turns), row // self._turns

    def _split(self, entries: list[dict[str, int]], lanes: int) -> list[list[dict[str, int]]]:
        """The list of each walker, all of one length: what is left repeats the last row with a weight of 0."""
        lists: list[list[dict[str, int]]] = [[] for _ in range(self.walkers)]
        for entry in entries:
            walker, turn = self._walker_of(entry["of"], lanes)
            lists[walker].append({**entry, "turn": turn})
        longest = max(map(len, lists))
        for made in lists:
            # A walker without neurons keeps a sum of nothing.
            nothing = {"reads": 0, "turn": made[-1]["turn"] if made else 0, "weight": 0, "own": 0, "upper": 0}
            made += [{**nothing, "first": int(not made)}, *([{**nothing, "first": 0}] * longest)][: longest - len(made)]
        return lists

    def _matrix(self, count: int, entries: list[dict[str, int]], lanes: int, turns: int) -> list[list[dict[str, int]]]:
        """The same as rows of a matrix, in which all walkers read the neurons in order."""
        length = self.row_length
        nothing = {"weight": 0, "own": 0, "upper": 0}
        lists = [
            [
                {**nothing, "reads": min(place, count - 1), "turn": turn, "first": int(place == 0)}
                for turn in range(turns)
                for place in range(length)
            ]
            for _ in range(self.walkers)
        ]
        for entry in entries:
            walker, turn = self._walker_of(entry["of"], lanes)
            place = turn * length + (count if entry["upper"] else entry["reads"])
            lists[walker][place] |= {name: entry[name] for name in nothing}
        return lists

    @property
    def sum_width(self) -> int:
        """Bits of a sum: of a product, and what the number of neighbours adds."""
        product = self.edge_shape["weight"].width + self._width
        return product + self.lower + self.coupling.degree.bit_length() + 1

    def reads(self, place: int, edge: dict[str, int]) -> int:
        """The neuron that is read at a place of a list.

        Parameters
        ----------
        place : int
            The place.
        edge : dict of str to int
            The entry there.
        """
        return min(place % self.row_length, self.coupling.count - 1) if self.dense else edge["reads"]

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

        turn = self.row >> self._turns.bit_length() - 1
        shared = self._shared(m, valid) if self.dense else None
        sums: list[Any] = [self._walker(m, number, place, valid, turn, shared) for number in range(self.walkers)]
        which = Signal(range(max(2, self._turns)))
        with m.If(self.enable):
            m.d.sync += which.eq(self.row & self._turns - 1)
            for lane in range(self.lanes):
                turns = data.ArrayLayout(self.pull_shape, self._turns)(Cat(sums[lane :: self.lanes]))
                chosen = turns[which] if self._turns > 1 else sums[lane]
                m.d.sync += self.pull[lane].eq(self.registered(m, f"chosen_{lane}", chosen))
        return m

    def _values(self, m: Module, name: str, row: Any, lane: Any, valid: Signal) -> Any:
        """A copy of the exchanged values; returns that of the neuron of a row and lane, one clock later."""
        values: Any = Memory(shape=self.own.shape(), depth=max(2, self._rows), init=[])
        m.submodules[name] = values
        store, value = values.write_port(), values.read_port()
        chosen = Signal(range(max(2, self.lanes)), name=f"lane_of_{name}")
        m.d.comb += [
            store.en.eq(self.write),
            store.addr.eq(self.write_row),
            store.data.eq(self.written),
            value.en.eq(valid[0]),
            value.addr.eq(row),
        ]
        m.d.sync += chosen.eq(lane)
        return value.data[chosen] if self.lanes > 1 else value.data[0]

    def _shared(self, m: Module, valid: Signal) -> Any:
        """The value that all walkers of a dense matrix read: that of one neuron after the other."""
        position = Signal(range(max(2, self.row_length)))
        row, lane = (
            Signal(range(max(2, self._rows)), name="read_row"),
            Signal(range(max(2, self.lanes)), name="read_lane"),
        )
        with m.If(~valid[0] | (position == self.row_length - 1)):
            m.d.sync += [position.eq(0), row.eq(0), lane.eq(0)]
        with m.Else():
            m.d.sync += position.eq(position + 1)
            with m.If(position < self.coupling.count - 1):
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == self.lanes - 1):
                    m.d.sync += [lane.eq(0), row.eq(row + 1)]
        return self._values(m, "value_memory", row, lane, valid)

    def _walker(self, m: Module, number: int, place: Signal, valid: Signal, turn: Any, shared: Any) -> Any:
        """One list: edge, value, factors, product, sum, store; returns the stored sum of a turn, one clock later."""
        init = [self._stored(each) for each in self.lists[number]]
        style = "rom_style" if self.port is None else "ram_style"
        blocks = {style: "block"} if len(init) * self.edge_shape.size >= BLOCK else {}
        edges: Any = Memory(shape=self.edge_shape, depth=len(init), init=init, attrs=blocks)
        sums: Any = Memory(shape=self.pull_shape, depth=max(2, -(-self._rows // self._turns)), init=[])
        m.submodules[f"edge_memory_{number}"] = edges
        m.submodules[f"sum_memory_{number}"] = sums
        edge = edges.read_port()
        if self.port is not None:
            self._access(m, number, edges)
        m.d.comb += edge.addr.eq(place)
        value = shared
        if shared is None:
            value = self._values(m, f"value_memory_{number}", edge.data.row, edge.data.lane, valid)
        fields = ("turn", "first", *(("own", "upper") if self.lower else ()))
        carried = data.StructLayout({name: self.edge_shape[name].shape for name in fields})
        after: list[Any] = [Signal(carried, name=f"edge_{number}_{stage}") for stage in range(2, 5)]
        weight = Signal(edge.data.weight.shape(), name=f"weight_{number}")
        factor_a = Signal(weight.shape(), name=f"factor_a_{number}")
        factor_b = Signal(signed(self._width), name=f"factor_b_{number}")
        kept = Signal(signed(self._width), name=f"kept_{number}")
        product = Signal(signed(len(weight) + self._width), name=f"product_{number}")
        total = Signal(signed(self.sum_width), name=f"sum_{number}")
        m.d.sync += [
            # 1: the edge is known, and the value is read.
            weight.eq(edge.data.weight),
            *(after[0][name].eq(edge.data[name]) for name in fields),
            # 2: the value is known.
            factor_a.eq(weight),
            factor_b.eq(Mux(after[0].upper, kept, value) if self.lower else value),
            after[1].eq(after[0]),
            # 3
            product.eq(factor_a * factor_b),
            after[2].eq(after[1]),
        ]
        whole: Any = product
        if self.lower:
            with m.If(valid[1] & after[0].own):
                m.d.sync += kept.eq(value)
            whole = Mux(after[2].upper, product << self.lower, product)
        stored_turn = Signal(edge.data.turn.shape(), name=f"turn_{number}")
        with m.If(valid[3]):
            m.d.sync += total.eq(Mux(after[2].first, 0, total) + whole)
        m.d.sync += stored_turn.eq(after[2].turn)
        bounded, _ = saturate(round_shift(total, WEIGHT_BITS), self.pull_shape.width)
        write, read = sums.write_port(), sums.read_port()
        m.d.comb += [
            write.en.eq(valid[4]),
            write.addr.eq(stored_turn),
            write.data.eq(bounded),
            # A separate net: otherwise the port `enable` would get the name of the memory's port.
            read.en.eq(self.enable & 1),
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
