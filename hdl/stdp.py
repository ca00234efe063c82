"""A small array that learns, in the circuit: equal to ``neuristor.golden_model.networks.stdp.StdpBitTrue``.

The weights of an input stand in a row of block RAM, one of each neuron. A tick visits the rows of the inputs that spike
(integrate, depress), then decides who fires, then, if anyone does, visits all rows (potentiate): two clocks a row.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.golden_model.networks.stdp import TRACE_MOST, StdpParams
from neuristor.hdl.fixed import round_shift
from neuristor.hdl.tree import lowest

__all__ = ["Stdp"]

TRACE_BITS = TRACE_MOST.bit_length()


class Stdp(wiring.Component):
    """Neurons that learn what they hear.

    Parameters
    ----------
    params : StdpParams
        Its weights are those after configuration; a reset keeps what was learnt, and clears all else.

    Members
    -------
    i : In(stream)
        The spikes of a tick, input 0 lowest.
    o : Out(stream)
        After each tick: whether a neuron `fired`, and which (`winner`).
    weight : In(stream)
        The weights of an `input` to write (`row`, neuron 0 lowest), while no tick is at work.
    look : In
        An input, while no tick is at work.
    seen : Out
        Its weights, one clock later.
    membranes, limits, posts, pres : Out
        The state, neuron or input 0 lowest.
    """

    i: Any
    o: Any
    weight: Any
    look: Signal
    seen: Signal
    membranes: Signal
    limits: Signal
    posts: Signal
    pres: Signal

    def __init__(self, params: StdpParams) -> None:
        self.params = params
        row = params.neurons * params.weight_bits
        output = data.StructLayout({"fired": 1, "winner": range(params.neurons)})
        weight = data.StructLayout({"input": range(params.inputs), "row": row})
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(params.inputs))),
                "o": Out(stream.Signature(output)),
                "weight": In(stream.Signature(weight)),
                "look": In(range(params.inputs)),
                "seen": Out(row),
                "membranes": Out(params.neurons * params.membrane_bits),
                "limits": Out(params.neurons * params.membrane_bits),
                "posts": Out(params.neurons * TRACE_BITS),
                "pres": Out(params.inputs * TRACE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        neurons, bits = range(params.neurons), params.weight_bits
        membrane = [Signal(params.membrane_bits, name=f"membrane_{n}") for n in neurons]
        limit = [Signal(params.membrane_bits, name=f"limit_{n}", init=params.threshold) for n in neurons]
        post = [Signal(TRACE_BITS, name=f"post_{n}") for n in neurons]
        pre = [Signal(TRACE_BITS, name=f"pre_{n}") for n in range(params.inputs)]
        m.d.comb += [
            self.membranes.eq(Cat(membrane)),
            self.limits.eq(Cat(limit)),
            self.posts.eq(Cat(post)),
            self.pres.eq(Cat(pre)),
        ]

        init = [
            sum(weight << (bits * n) for n, weight in enumerate(column)) for column in params.first_weights.T.tolist()
        ]
        memory: Any = Memory(shape=unsigned(bits * params.neurons), depth=params.inputs, init=init)
        m.submodules.weights = memory
        read, write = memory.read_port(), memory.write_port()
        rows = [read.data.word_select(n, bits) for n in neurons]
        m.d.comb += [self.seen.eq(read.data), read.addr.eq(self.look)]

        spikes = Signal(params.inputs)
        left = Signal(params.inputs)
        number, rest = lowest(left)
        column = Signal(range(params.inputs))
        brought = [Signal(params.membrane_bits, name=f"brought_{n}") for n in neurons]
        fired = Signal(params.neurons)
        winner, above = self._best(m, membrane, limit)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.i.ready.eq(~self.weight.valid), self.weight.ready.eq(1)]
                m.d.comb += [
                    write.addr.eq(self.weight.payload.input),
                    write.data.eq(self.weight.payload.row),
                    write.en.eq(self.weight.valid),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [spikes.eq(self.i.payload), left.eq(self.i.payload)]
                    m.d.sync += [each.eq(0) for each in brought]
                    m.next = "HEAR"
            # (1) and (2), for each input that spikes
            with m.State("HEAR"):
                m.d.comb += read.addr.eq(number)
                m.d.sync += [column.eq(number), left.eq(rest)]
                m.next = "DEPRESS"
                with m.If(~left.any()):
                    m.next = "INTEGRATE"
            with m.State("DEPRESS"):
                m.d.comb += [write.addr.eq(column), write.en.eq(1)]
                for n in neurons:
                    lowered = Signal(signed(bits + 2), name=f"lowered_{n}")
                    m.d.comb += [
                        lowered.eq(rows[n] - round_shift(post[n], params.minus_shift)),
                        write.data.word_select(n, bits).eq(Mux(lowered < 0, 0, lowered)),
                    ]
                    m.d.sync += brought[n].eq(brought[n] + rows[n])
                m.next = "HEAR"
            with m.State("INTEGRATE"):
                for n in neurons:
                    moved = Signal(params.membrane_bits + 1, name=f"moved_{n}")
                    m.d.comb += moved.eq(membrane[n] - round_shift(membrane[n], params.leak_shift) + brought[n])
                    m.d.sync += membrane[n].eq(Mux(moved[-1], params.membrane_most, moved))
                m.next = "COMPETE"
            # (3), (4) and (6)
            with m.State("COMPETE"):
                for n in neurons:
                    wins = above & (winner == n)
                    lost = membrane[n] - params.inhibition
                    m.d.sync += fired[n].eq(wins)
                    with m.If(wins):
                        m.d.sync += [membrane[n].eq(0), post[n].eq(TRACE_MOST)]
                        raised = limit[n] + params.rise
                        m.d.sync += limit[n].eq(Mux(raised > params.membrane_most, params.membrane_most, raised))
                    with m.Else():
                        with m.If(above):
                            m.d.sync += membrane[n].eq(Mux(lost < 0, 0, lost))
                        over = (limit[n] - params.threshold)[: params.membrane_bits]
                        m.d.sync += [
                            post[n].eq(post[n] - round_shift(post[n], params.post_shift)),
                            limit[n].eq(limit[n] - round_shift(over, params.fall_shift)),
                        ]
                for n, each in enumerate(pre):
                    m.d.sync += each.eq(Mux(spikes[n], TRACE_MOST, each - round_shift(each, params.pre_shift)))
                m.d.sync += [self.o.p.fired.eq(above), self.o.p.winner.eq(Mux(above, winner, 0)), left.eq(0)]
                m.next = "GIVE"
                with m.If(above):
                    m.d.sync += left.eq(-1)
                    m.next = "LEARN"
            # (5), for each input
            with m.State("LEARN"):
                m.d.comb += read.addr.eq(number)
                m.d.sync += [column.eq(number), left.eq(rest)]
                m.next = "POTENTIATE"
                with m.If(~left.any()):
                    m.next = "GIVE"
            with m.State("POTENTIATE"):
                m.d.comb += [write.addr.eq(column), write.en.eq(1)]
                more = Signal(TRACE_BITS + 1)
                m.d.comb += more.eq(round_shift(Array(pre)[column], params.plus_shift))
                for n in neurons:
                    raised = Signal(max(bits, TRACE_BITS) + 2, name=f"raised_{n}")
                    m.d.comb += [
                        raised.eq(rows[n] + Mux(fired[n], more, 0)),
                        write.data.word_select(n, bits).eq(
                            Mux(raised > params.weight_most, params.weight_most, raised)
                        ),
                    ]
                m.next = "LEARN"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _best(self, m: Module, membrane: list[Any], limit: list[Any]) -> tuple[Value, Value]:
        """The neuron that is furthest above its threshold, the lowest of equals; and whether it is above it at all."""
        best: Any = None
        number: Value = Const(0, range(self.params.neurons))
        for n, (v, theta) in enumerate(zip(membrane, limit, strict=True)):
            distance = Signal(signed(self.params.membrane_bits + 1), name=f"distance_{n}")
            m.d.comb += distance.eq(v - theta)
            if best is None:
                best = distance
                continue
            ahead, chosen = Signal(signed(self.params.membrane_bits + 1), name=f"best_{n}"), Signal.like(number)
            m.d.comb += [ahead.eq(Mux(distance > best, distance, best)), chosen.eq(Mux(distance > best, n, number))]
            best, number = ahead, chosen
        return number, best >= 0
