"""An array with online learning (STDP) in the circuit: equal to ``neuristor.golden_model.networks.stdp.StdpBitTrue``.

A row of block RAM holds the weights of one input, one for each neuron. In a tick, the circuit visits the rows of the
inputs that spike (integrate, depress), then finds the neuron that fires. If one fires, it visits all rows
(potentiate). Equation numbers in comments are those of the golden model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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
    """A layer of integrate-and-fire neurons whose synapses learn by STDP.

    With s spikes, the result of a tick leaves ``2 * s + 4`` clocks after the spikes were accepted, and
    ``2 * inputs + 1`` clocks later if a neuron fires. The next tick is accepted after that.

    Parameters
    ----------
    params : StdpParams
        Word lengths, and the weights after configuration. A reset keeps the weights and clears everything else.

    Members
    -------
    i : In(stream of unsigned(inputs))
        The spikes of a tick, input 0 in bit 0.
    o : Out(stream of {fired, winner})
        The result of a tick: whether a neuron fired, and its number.
    weight : In(stream of {input, row})
        The weights of an input to write: `row` has ``weight_bits`` for each neuron, neuron 0 in the lowest bits.
        Accepted while no tick is being computed, with precedence over `i`.
    look : In(range(inputs))
        The input whose weights are read. Only while no tick is being computed.
    seen : Out(neurons * weight_bits)
        Its weights, as in `weight`, one clock later.
    membranes : Out(neurons * membrane_bits)
        Membrane potential v of each neuron, unsigned; neuron or input 0 in the lowest bits, here and below.
    limits : Out(neurons * membrane_bits)
        Firing threshold theta of each neuron.
    posts : Out(neurons * 8)
        Trace y of each neuron.
    pres : Out(inputs * 8)
        Trace x of each input.
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
        s = _Signals(self.params)
        m.d.comb += [
            self.membranes.eq(Cat(s.membrane)),
            self.limits.eq(Cat(s.limit)),
            self.posts.eq(Cat(s.post)),
            self.pres.eq(Cat(s.pre)),
        ]
        memory = self._elaborate_memory(m)
        winner, above = self._best(m, s)
        with m.FSM():
            self._idle_state(m, s, memory)
            self._integrate_states(m, s, memory)
            self._compete_state(m, s, winner, above)
            self._learn_states(m, s, memory)
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _elaborate_memory(self, m: Module) -> _Ports:
        """The memory of weights, a row for each input."""
        params, bits = self.params, self.params.weight_bits
        init = [
            sum(weight << (bits * n) for n, weight in enumerate(column)) for column in params.first_weights.T.tolist()
        ]
        memory: Any = Memory(shape=unsigned(bits * params.neurons), depth=params.inputs, init=init)
        m.submodules.weights = memory
        ports = _Ports(memory.read_port(), memory.write_port())
        m.d.comb += [self.seen.eq(ports.read.data), ports.read.addr.eq(self.look)]
        return ports

    def _best(self, m: Module, s: _Signals) -> tuple[Value, Value]:
        """The neuron that is furthest above its threshold, the lowest of equals; and whether it reaches it at all."""
        best: Any = None
        number: Value = Const(0, range(self.params.neurons))
        for n, (v, theta) in enumerate(zip(s.membrane, s.limit, strict=True)):
            distance = Signal(signed(self.params.membrane_bits + 1), name=f"distance_{n}")
            m.d.comb += distance.eq(v - theta)
            if best is None:
                best = distance
                continue
            ahead, chosen = Signal(signed(self.params.membrane_bits + 1), name=f"best_{n}"), Signal.like(number)
            m.d.comb += [ahead.eq(Mux(distance > best, distance, best)), chosen.eq(Mux(distance > best, n, number))]
            best, number = ahead, chosen
        return number, best >= 0

    def _idle_state(self, m: Module, s: _Signals, memory: _Ports) -> None:
        """Write weights, or accept the spikes of a tick."""
        write = memory.write
        with m.State("IDLE"):
            m.d.comb += [self.i.ready.eq(~self.weight.valid), self.weight.ready.eq(1)]
            m.d.comb += [
                write.addr.eq(self.weight.payload.input),
                write.data.eq(self.weight.payload.row),
                write.en.eq(self.weight.valid),
            ]
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += [s.spikes.eq(self.i.payload), s.left.eq(self.i.payload)]
                m.d.sync += [each.eq(0) for each in s.brought]
                m.next = "HEAR"

    def _integrate_states(self, m: Module, s: _Signals, memory: _Ports) -> None:
        """Equations (1) and (2): two clocks for each input that spikes, then one for all membranes."""
        params, neurons, bits = self.params, range(self.params.neurons), self.params.weight_bits
        rows = [memory.read.data.word_select(n, bits) for n in neurons]
        with m.State("HEAR"):
            m.d.comb += memory.read.addr.eq(s.number)
            m.d.sync += [s.column.eq(s.number), s.left.eq(s.rest)]
            m.next = "DEPRESS"
            with m.If(~s.left.any()):
                m.next = "INTEGRATE"
        with m.State("DEPRESS"):
            m.d.comb += [memory.write.addr.eq(s.column), memory.write.en.eq(1)]
            for n in neurons:
                lowered = Signal(signed(bits + 2), name=f"lowered_{n}")
                m.d.comb += [
                    lowered.eq(rows[n] - round_shift(s.post[n], params.minus_shift)),
                    memory.write.data.word_select(n, bits).eq(Mux(lowered < 0, 0, lowered)),
                ]
                m.d.sync += s.brought[n].eq(s.brought[n] + rows[n])
            m.next = "HEAR"
        with m.State("INTEGRATE"):
            for n in neurons:
                moved = Signal(params.membrane_bits + 1, name=f"moved_{n}")
                m.d.comb += moved.eq(s.membrane[n] - round_shift(s.membrane[n], params.leak_shift) + s.brought[n])
                m.d.sync += s.membrane[n].eq(Mux(moved[-1], params.membrane_most, moved))
            m.next = "COMPETE"

    def _compete_state(self, m: Module, s: _Signals, winner: Value, above: Value) -> None:
        """Equations (3), (4) and (6), in one clock."""
        params = self.params
        membrane, limit, post = s.membrane, s.limit, s.post
        with m.State("COMPETE"):
            for n in range(params.neurons):
                wins = above & (winner == n)
                lost = membrane[n] - params.inhibition
                m.d.sync += s.fired[n].eq(wins)
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
            for n, each in enumerate(s.pre):
                m.d.sync += each.eq(Mux(s.spikes[n], TRACE_MOST, each - round_shift(each, params.pre_shift)))
            m.d.sync += [self.o.p.fired.eq(above), self.o.p.winner.eq(Mux(above, winner, 0)), s.left.eq(0)]
            m.next = "GIVE"
            with m.If(above):
                m.d.sync += s.left.eq(-1)
                m.next = "LEARN"

    def _learn_states(self, m: Module, s: _Signals, memory: _Ports) -> None:
        """Equation (5): two clocks for each input."""
        params, neurons, bits = self.params, range(self.params.neurons), self.params.weight_bits
        rows = [memory.read.data.word_select(n, bits) for n in neurons]
        with m.State("LEARN"):
            m.d.comb += memory.read.addr.eq(s.number)
            m.d.sync += [s.column.eq(s.number), s.left.eq(s.rest)]
            m.next = "POTENTIATE"
            with m.If(~s.left.any()):
                m.next = "GIVE"
        with m.State("POTENTIATE"):
            m.d.comb += [memory.write.addr.eq(s.column), memory.write.en.eq(1)]
            more = Signal(TRACE_BITS + 1)
            m.d.comb += more.eq(round_shift(Array(s.pre)[s.column], params.plus_shift))
            for n in neurons:
                raised = Signal(max(bits, TRACE_BITS) + 2, name=f"raised_{n}")
                m.d.comb += [
                    raised.eq(rows[n] + Mux(s.fired[n], more, 0)),
                    memory.write.data.word_select(n, bits).eq(
                        Mux(raised > params.weight_most, params.weight_most, raised)
                    ),
                ]
            m.next = "LEARN"


class _Ports(NamedTuple):
    """The ports of the memory of weights."""

    read: Any
    write: Any


class _Signals:
    """The registers of the array.

    Attributes
    ----------
    membrane, limit, post, pre : list of Signal
        The state: v, theta and y of each neuron, x of each input.
    spikes : Signal(inputs)
        Those of this tick.
    left : Signal(inputs)
        Inputs that are still to be visited; `number` is the next one, `rest` the others.
    column : Signal(range(inputs))
        The input whose row was read in the clock before.
    brought : list of Signal
        Sum of the weights of each neuron.
    fired : Signal(neurons)
        The neuron that fired in this tick.
    """

    def __init__(self, params: StdpParams) -> None:
        neurons, bits = range(params.neurons), params.membrane_bits
        self.membrane = [Signal(bits, name=f"membrane_{n}") for n in neurons]
        self.limit = [Signal(bits, name=f"limit_{n}", init=params.threshold) for n in neurons]
        self.post = [Signal(TRACE_BITS, name=f"post_{n}") for n in neurons]
        self.pre = [Signal(TRACE_BITS, name=f"pre_{n}") for n in range(params.inputs)]
        self.spikes = Signal(params.inputs)
        self.left = Signal(params.inputs)
        self.number, self.rest = lowest(self.left)
        self.column = Signal(range(params.inputs))
        self.brought = [Signal(bits, name=f"brought_{n}") for n in neurons]
        self.fired = Signal(params.neurons)
