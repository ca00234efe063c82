"""The peer of ``neuristor.hdl.onn``: the same network with every sum computed anew in every time step (tick).

In each clock, one column of weights is added to or subtracted from all sums, whether its oscillator toggled or not.
This is the architecture of the largest published network (see ``neuristor.golden_model.networks.onn``) in its
simplest form, without noise and with whole columns only.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.golden_model.networks.onn import OnnParams

__all__ = ["RecomputedOnn"]


class RecomputedOnn(wiring.Component):
    """A network of phase oscillators, equal to ``neuristor.golden_model.networks.onn.OnnBitTrue`` without noise.

    A tick takes ``count + 3`` clocks.

    Parameters
    ----------
    params : OnnParams
        Weights and word lengths; below, N oscillators, phases of P bits.

    Members
    -------
    phase : In(stream)
        Initial phase: `oscillator`, 0 to N - 1, and `value`, P bits unsigned. Accepted while not `busy`.
    weight : In(stream)
        A weight to write: `row` and `column`, 0 to N - 1, and `value`, signed. Accepted while not `busy`.
    begin : In(1)
        Go to tick 0, while not `busy`: compute the sums of the initial phases.
    advance : In(stream)
        Number of ticks to compute, 32 bits unsigned. Accepted while not `busy`, and not in a clock with `begin`.
    busy : Out(1)
        A command is in progress.
    phases : Out(N * P)
        Phase of each oscillator, oscillator 0 in the lowest bits.
    outputs : Out(N)
        Output of each oscillator: 1 for half a period, beginning at its phase.
    references : Out(N)
        Sign of each sum: 1 above zero, 0 below. At zero it stays, or at first is the output.
    totals : Out
        Sum of each oscillator, signed, ``params.total_bits`` bits each.
    tick : Out(32)
        Number of the tick.
    """

    phase: Any
    weight: Any
    begin: Signal
    advance: Any
    busy: Signal
    phases: Signal
    outputs: Signal
    references: Signal
    totals: Signal
    tick: Signal

    def __init__(self, params: OnnParams) -> None:
        self.params = params
        count, bits = params.count, params.phase_bits
        place = {"oscillator": range(count), "value": unsigned(bits)}
        weight = {"row": range(count), "column": range(count), "value": signed(params.weight_bits)}
        super().__init__(
            {
                "phase": In(stream.Signature(data.StructLayout(place))),
                "weight": In(stream.Signature(data.StructLayout(weight))),
                "begin": In(1),
                "advance": In(stream.Signature(32)),
                "busy": Out(1),
                "phases": Out(count * bits),
                "outputs": Out(count),
                "references": Out(count),
                "totals": Out(count * params.total_bits),
                "tick": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, count, bits = self.params, self.params.count, self.params.phase_bits
        mask = (1 << params.weight_bits) - 1
        columns = [
            sum((weight & mask) << (n * params.weight_bits) for n, weight in enumerate(column))
            for column in params.weights.T.tolist()
        ]
        memory: Any = Memory(shape=count * params.weight_bits, depth=count, init=columns)
        m.submodules.weights = memory
        read = memory.read_port()
        write = memory.write_port(granularity=params.weight_bits)
        idle, starting = Signal(init=1), Signal()
        phase = [Signal(bits, name=f"phase_{n}") for n in range(count)]
        total = [Signal(signed(params.total_bits), name=f"total_{n}") for n in range(count)]
        reference, high = Signal(count), Signal(count)
        column, left = Signal(range(count)), Signal(32)
        adding, plus, clear = Signal(), Signal(), Signal()
        now = self.tick[:bits]
        lead = [(now - each)[:bits] for each in phase]
        m.d.comb += [
            self.busy.eq(~idle),
            self.phase.ready.eq(idle),
            self.weight.ready.eq(idle),
            self.advance.ready.eq(idle & ~self.begin),
            self.phases.eq(Cat(phase)),
            self.outputs.eq(Cat(~each[-1] for each in lead)),
            self.references.eq(reference),
            self.totals.eq(Cat(total)),
            high.eq(self.outputs),
            read.addr.eq(column),
            write.addr.eq(self.weight.payload.column),
            write.data.eq(self.weight.payload.value.as_unsigned().replicate(count)),
            write.en.eq(Mux(self.weight.valid & idle, 1 << self.weight.payload.row, 0)),
        ]
        m.d.sync += plus.eq(Array(high)[column])
        for n, each in enumerate(total):
            weight = read.data.word_select(n, params.weight_bits).as_signed()
            with m.If(clear):
                m.d.sync += each.eq(0)
            with m.Elif(adding):
                m.d.sync += each.eq(Mux(plus, each + weight, each - weight))
        with m.If(self.phase.valid & idle):
            for n, each in enumerate(phase):
                with m.If(self.phase.payload.oscillator == n):
                    m.d.sync += each.eq(self.phase.payload.value)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.begin):
                    m.d.comb += clear.eq(1)
                    m.d.sync += [self.tick.eq(0), starting.eq(1), idle.eq(0), left.eq(1), column.eq(0)]
                    m.next = "ADD"
                with m.Elif(self.advance.valid):
                    m.d.sync += [left.eq(self.advance.payload), idle.eq(0)]
                    m.next = "TICK"
            with m.State("TICK"):
                with m.If(left == 0):
                    m.d.sync += idle.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.d.comb += clear.eq(1)
                    m.d.sync += [self.tick.eq(self.tick + 1), column.eq(0)]
                    m.next = "ADD"
            with m.State("ADD"):
                m.d.sync += [adding.eq(1), column.eq(column + 1)]
                with m.If(column == count - 1):
                    m.next = "LAST"
            with m.State("LAST"):
                m.d.sync += adding.eq(0)
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += [left.eq(left - 1), starting.eq(0)]
                for n, each in enumerate(total):
                    after = Mux(each == 0, Mux(starting, high[n], reference[n]), ~each[-1])
                    m.d.sync += reference[n].eq(after)
                    with m.If(~starting & after & ~reference[n] & (lead[n] > 1)):
                        m.d.sync += phase[n].eq(now)
                m.next = "TICK"
        return m
