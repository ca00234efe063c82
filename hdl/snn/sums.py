"""The sums of a layer: rows of weights, one for each spike, are added up in registers or in block RAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory

from neuristor.hdl.memory import SinglePort
from neuristor.hdl.protection import Code, guarded
from neuristor.hdl.snn.plan import LayerPlan
from neuristor.hdl.snn.scanner import Scanner
from neuristor.hdl.snn.walker import Walker
from neuristor.hdl.snn.weights import WeightRows, chunk_lanes

__all__ = ["Control", "Sums"]


class Control:
    """The signals between the sums of a layer and the rest of it.

    A tick of a layer has two phases: spikes are gathered into the sums, then group after group of neurons is updated.

    Parameters
    ----------
    groups : int
        Groups of neurons of the layer.

    Attributes
    ----------
    gather : Signal(1)
        The layer is in the first phase: rows of weights may be added.
    busy : Signal(1)
        Rows are still on their way to the sums.
    issue : Signal(1)
        The sums of `group` are handed to the lanes in the next clock, and reset to 0.
    group : Signal(range(groups))
        The group to be updated next.
    clearing : Signal(1)
        After reset: the state of all groups is being initialized.
    clear_group : Signal(range(groups))
        The group that is being initialized.
    """

    def __init__(self, groups: int) -> None:
        self.gather = Signal()
        self.busy = Signal()
        self.issue = Signal()
        self.group = Signal(range(max(groups, 2)))
        self.clearing = Signal(init=1)
        self.clear_group = Signal(range(max(groups, 2)))


class Sums:
    """The circuit that adds up the weights of a layer; it becomes part of the module of the layer.

    Connections take turns: all spikes of a tick along the first one, then those along the next one. A row of weights is
    added three clocks after its walker shows it, one row per clock.

    Parameters
    ----------
    plan : LayerPlan
        The layer.
    rows : sequence of WeightRows
        The weights of each connection.
    scanners : sequence of Scanner
        For each connection.
    inputs : sequence of stream
        The words of spikes of each connection: ports of the layer.
    entries : sequence of stream
        The weights to write of each connection: ports of the layer.

    Attributes
    ----------
    faults : list of Value
        For each memory of weights: the word that was read in the clock before was damaged.
    """

    def __init__(
        self,
        plan: LayerPlan,
        rows: Sequence[WeightRows],
        scanners: Sequence[Scanner],
        inputs: Sequence[Any],
        entries: Sequence[Any],
    ) -> None:
        self.plan, self.params = plan, plan.params
        self.rows, self.scanners, self.inputs, self.entries = rows, scanners, inputs, entries
        self.faults: list[Value] = []

    def add_to(self, m: Module, control: Control) -> tuple[list[Value], Value]:
        """Add the circuit to a module.

        Parameters
        ----------
        m : Module
            That of the layer.
        control : Control
            Signals of the layer; this circuit drives `busy`.

        Returns
        -------
        sums : list of Value, length updates
            The sums of the group that was issued in the clock before, signed, in steps of the smallest shift.
        finished : Value
            All spikes of the tick were received; their last rows may still be `busy`.
        """
        plan = self.plan
        if not self.rows:
            return [Const(0, signed(1))] * plan.updates, Const(1)
        turn = Signal(range(max(len(self.rows), 2)))
        finished = Signal()
        steps = Signal(3)
        rows = [Signal(range(max(plan.rows, 2)), name=f"row_{n}") for n in range(3)]
        valid = Signal()
        row = Signal(range(max(plan.rows, 2)))
        hold = Signal()
        m.d.comb += control.busy.eq(steps.any())
        m.d.sync += [steps.eq(Cat(valid & ~hold, steps)), rows[0].eq(row), rows[1].eq(rows[0]), rows[2].eq(rows[1])]
        terms: list[list[Value]] = [[] for _ in range(plan.lanes)]
        for n, (connection, scanner) in enumerate(zip(self.rows, self.scanners, strict=True)):
            m.submodules[f"scanner_{n}"] = scanner
            m.submodules[f"walker_{n}"] = walker = connection.walker(scanner.o.p.shape())
            wiring.connect(m, wiring.flipped(self.inputs[n]), scanner.i)
            wiring.connect(m, scanner.o, walker.event)
            m.d.comb += [walker.go.eq(control.gather & (turn == n)), walker.hold.eq(hold)]
            with m.If(walker.valid):
                m.d.comb += [valid.eq(1), row.eq(walker.row)]
            with m.If(walker.ended):
                m.d.sync += turn.eq(0 if n == len(self.rows) - 1 else n + 1)
                if n == len(self.rows) - 1:
                    m.d.comb += finished.eq(1)
            for lane, term in enumerate(self._weights(m, n, walker, hold)):
                terms[lane].append(term)
        added = [_either(each) for each in terms]
        if plan.registers:
            return self._registers(m, added, steps[2], control.issue), finished
        # A row whose sum is still being written waits for a clock.
        m.d.comb += hold.eq(steps[0] & (rows[0] == row))
        return self._block_ram(m, added, steps, rows, control), finished

    def _weights(self, m: Module, n: int, walker: Walker, hold: Signal) -> list[Value]:
        """The memories of a connection: for each lane a term, two clocks after the address; 0 without an address."""
        rows = self.rows[n]
        bits, shift = rows.connection.weight_bits, rows.connection.shift - self.params.least_shift
        asked, read = Signal(name=f"asked_{n}"), Signal(name=f"read_{n}")
        address = Signal.like(walker.address, name=f"address_{n}")
        m.d.sync += [asked.eq(walker.valid & ~hold), address.eq(walker.address), read.eq(asked)]
        m.d.comb += self.entries[n].ready.eq(1)
        per_chunk = chunk_lanes(rows)
        words = rows.chunks()
        terms: list[Value] = []
        for chunk, first in enumerate(range(0, self.plan.lanes, per_chunk)):
            lanes = range(first, min(first + per_chunk, self.plan.lanes))
            row = self._chunk(m, n, chunk, bits * len(lanes), words[chunk], address, asked, read)
            for k, lane in enumerate(lanes):
                term = Signal(signed(bits), name=f"term_{n}_{lane}")
                with m.If(read):
                    m.d.sync += term.eq(row.word_select(k, bits))
                with m.Else():
                    m.d.sync += term.eq(0)
                terms.append((term << shift).as_signed() if shift else term)
        return terms

    def _chunk(
        self, m: Module, n: int, chunk: int, width: int, words: list[int], address: Signal, asked: Signal, read: Signal
    ) -> Any:
        """A memory with a chunk of each row; what is read, in the clock after `asked`."""
        name, depth, entry = f"weights_{n}_{chunk}", self.rows[n].depth, self.entries[n]
        written = entry.valid & (entry.p.chunk == chunk)
        if self.plan.single_port:
            code = Code(width, self.plan.protection)
            single = SinglePort(code.width + code.check_bits, depth)
            m.submodules[name] = single
            m.d.comb += [
                single.address.eq(Mux(written, entry.p.address, address)),
                single.read.eq(asked),
                single.write.eq(written),
                single.given.eq(code.encoded(entry.p.data)),
            ]
            row, damaged = code.decoded(m, single.data, name)
            self.faults.append(read & damaged)
            return row
        memory = guarded(m, name, unsigned(width), max(2, depth), words, self.plan.protection)
        m.d.comb += [
            memory.read_enable.eq(asked),
            memory.read_address.eq(address),
            memory.write_address.eq(entry.p.address),
            memory.given.eq(entry.p.data),
            memory.write_enable.eq(written),
        ]
        self.faults.append(memory.fault)
        return memory.data

    def _registers(self, m: Module, added: list[Value], adds: Value, issue: Signal) -> list[Value]:
        """A register for each sum; the sums of lanes that share an update form a shift register."""
        plan, bits = self.plan, self.params.sum_bits
        sums: list[Any] = [Signal(signed(bits), name=f"sum_{n}") for n in range(plan.lanes)]
        for n, each in enumerate(sums):
            behind = sums[n + plan.updates] if n + plan.updates < plan.lanes else Const(0, signed(bits))
            # One adder for both: while the register shifts, the term is zero.
            with m.If(adds | issue):
                m.d.sync += each.eq(added[n] + Mux(issue, behind, each))
        heads: list[Any] = [Signal(signed(bits), name=f"head_{n}") for n in range(plan.updates)]
        with m.If(issue):
            m.d.sync += [head.eq(each) for head, each in zip(heads, sums, strict=False)]
        return heads

    def _block_ram(
        self, m: Module, added: list[Value], steps: Signal, rows: list[Signal], control: Control
    ) -> list[Value]:
        """Rows of sums in block RAM: read, added to, written back; set to 0 when they are issued, and after reset."""
        plan, issue, group = self.plan, control.issue, control.group
        shape = data.ArrayLayout(signed(self.params.sum_bits), plan.lanes)
        memory: Any = Memory(shape=shape, depth=plan.rows, init=[])
        m.submodules.sums = memory
        # Unpacked in a second statement: in one, the version of Python decides whether Amaranth finds names for ports.
        ports = (memory.read_port(), memory.write_port())
        read, write = ports
        emptied = Signal()
        last = Signal(range(plan.rows))
        m.d.sync += [emptied.eq(issue), last.eq(group)]
        m.d.comb += [
            read.addr.eq(Mux(steps[1], rows[1], group)),
            read.en.eq(steps[1] | issue),
            write.en.eq(steps[2] | emptied | control.clearing),
            write.addr.eq(Mux(control.clearing, control.clear_group, Mux(emptied, last, rows[2]))),
        ]
        for n, term in enumerate(added):
            with m.If(steps[2]):
                m.d.comb += write.data[n].eq(term + read.data[n])
        return [read.data[n] for n in range(plan.lanes)]


def _either(terms: list[Value]) -> Value:
    """The one term that is not zero, if any; all others are zero."""
    width = max(len(term) for term in terms)
    made: Value = terms[0]
    for term in terms[1:]:
        made = _extended(made, width) | _extended(term, width)
    return made.as_signed()


def _extended(value: Value, width: int) -> Value:
    """Sign extension."""
    return Cat(value, value[-1].replicate(width - len(value)))
