"""A whole network: layers, the queues between them, and counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import INPUT, SnnParams
from neuristor.hdl.row_port import RowPort
from neuristor.hdl.snn.layer import SnnLayer
from neuristor.hdl.snn.plan import WORD, LayerPlan, Source, word_bits
from neuristor.hdl.snn.scanner import Edge
from neuristor.hdl.tree import count_ones

__all__ = ["Snn"]


class Snn(wiring.Component):
    """A spiking network.

    Layers run in parallel, each on a tick of its own. The throughput is that of the slowest layer: see `SnnLayer`.

    Parameters
    ----------
    params : SnnParams
        The network: layers, weights and word lengths.
    lanes : sequence of int
        For each layer: 1 for the smallest circuit, the number of neurons for the fastest; see `LayerPlan`.
    updates : sequence of int, optional
        For each layer, see `LayerPlan`; 0 for the default.
    single_port : sequence of int
        Numbers of the layers whose weights are in memory with one port; see `LayerPlan`.
    loadable : bool
        Thresholds and biases can be changed at run time.
    protection : str
        Check bits of weights, thresholds and biases: "none", "parity" or "secded"; see `LayerPlan`.

    Members
    -------
    i : In(stream)
        A word of ``min(32, inputs)`` spikes, the lowest input in bit 0; the lowest inputs of a tick first,
        ``ceil(inputs / 32)`` words in a tick. Or, for a network of currents, one signed current for each neuron of a
        group of the first layer (``SnnLayer.currents``).
    o : Out(stream of {spikes, membranes, last})
        A group of the last layer: `spikes`, and membrane potentials after the tick (`membranes`, signed, in steps); the
        groups of a tick in order of their places; `last` marks the last one.
    weight_N_M : In(stream)
        Weights of connection M of layer N to write: ``SnnLayer.weight_M``.
    own_N : In(RowPort)
        Thresholds and biases of layer N: ``SnnLayer.own``. Only if loadable.
    probe_N : Out
        State of layer N: ``SnnLayer.probe``. Synthesis removes it where it is not connected.
    saturated : Out(1)
        An update was clamped since reset.
    saturations : Out(32)
        Clamped updates since reset; stays at its largest value.
    memory_faults : Out(32)
        Damaged words that were read since reset; stays at its largest value. Only with protection.

    Raises
    ------
    ValueError
        If `lanes` does not have one number for each layer, or a layer cannot have those lanes or updates.
    """

    i: Any
    o: Any
    saturated: Signal
    saturations: Signal
    memory_faults: Signal

    def __init__(
        self,
        params: SnnParams,
        lanes: Sequence[int],
        updates: Sequence[int] | None = None,
        single_port: Sequence[int] = (),
        loadable: bool = False,
        protection: str = "none",
    ) -> None:
        self.params, self.protection = params, protection
        if len(lanes) != len(params.layers):
            raise ValueError(f"lanes must be {len(params.layers)}, one for each layer, not {len(lanes)}")
        shared = [0] * len(lanes) if updates is None else list(updates)
        self.plans = [
            LayerPlan(
                params=layer,
                lanes=count,
                updates=share,
                single_port=n in single_port,
                loadable=loadable,
                protection=protection,
            )
            for n, (layer, count, share) in enumerate(zip(params.layers, lanes, shared, strict=True))
        ]
        outside = Source(np.arange(params.inputs), min(WORD, params.inputs))
        sources = {INPUT: outside} | {
            n: Source(plan.places, word_bits(plan.params.count, plan.updates)) for n, plan in enumerate(self.plans)
        }
        self.layers = [
            SnnLayer(
                plan,
                [sources[each.source] for each in plan.params.connections],
                params.current_bits if params.currents and n == 0 else 0,
            )
            for n, plan in enumerate(self.plans)
        ]
        self.input_width = outside.width
        last = self.plans[-1]
        output = {
            "spikes": last.updates,
            "membranes": data.ArrayLayout(signed(last.params.membrane_bits), last.updates),
            "last": 1,
        }
        payload = self.layers[0].currents.p.shape() if params.currents else unsigned(outside.width)
        members: dict[str, Any] = {
            "i": In(stream.Signature(payload)),
            "o": Out(stream.Signature(data.StructLayout(output))),
            "saturated": Out(1),
            "saturations": Out(32),
        } | ({} if protection == "none" else {"memory_faults": Out(32)})
        for n, layer in enumerate(self.layers):
            members[f"probe_{n}"] = Out(layer.probe.shape())
            if loadable:
                members[f"own_{n}"] = In(RowPort(layer.own_shape.size, max(2, layer.plan.groups)))
            for k in range(len(layer.params.connections)):
                members[f"weight_{n}_{k}"] = In(stream.Signature(getattr(layer, f"weight_{k}").p.shape()))
        super().__init__(members)

    def words(self, inputs: NDArray[Any]) -> list[Any]:
        """The payloads of `i`, one after the other.

        Parameters
        ----------
        inputs : ndarray of int, shape (ticks, inputs)
            Spikes, 0 or 1; or currents, in steps (LSB) of the membrane potential.

        Returns
        -------
        list of int, or of list of int
            Words of spikes; or, for each group, its currents.
        """
        if self.params.currents:
            plan = self.plans[0]
            groups: list[Any] = inputs[:, plan.places].reshape(-1, plan.updates).tolist()
            return groups
        padded = np.zeros((len(inputs), -(-self.params.inputs // self.input_width) * self.input_width), dtype=np.int64)
        padded[:, : self.params.inputs] = inputs
        packed = padded.reshape(-1, self.input_width) << np.arange(self.input_width)
        words: list[Any] = packed.sum(axis=1).tolist()
        return words

    def payloads(self, inputs: NDArray[Any]) -> list[int]:
        """The payloads of `i` as integers, for Verilog and memories.

        Parameters
        ----------
        inputs : ndarray of int, shape (ticks, inputs)
            As for `words`.

        Returns
        -------
        list of int
            For currents: in two's complement, the first neuron of the group in the lowest bits.
        """
        words, bits = self.words(inputs), self.params.current_bits
        if not self.params.currents:
            return words
        return [sum((one & ((1 << bits) - 1)) << (n * bits) for n, one in enumerate(word)) for word in words]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs: dict[int, list[tuple[Value, Value]]] = {n: [] for n in range(len(self.layers))}
        inputs: list[tuple[Any, int]] = []
        for n, layer in enumerate(self.layers):
            m.submodules[f"layer_{n}"] = layer
            m.d.comb += getattr(self, f"probe_{n}").eq(layer.probe)
            if layer.plan.loadable:
                wiring.connect(m, wiring.flipped(getattr(self, f"own_{n}")), layer.own)
            for k, each in enumerate(layer.params.connections):
                wiring.connect(m, wiring.flipped(getattr(self, f"weight_{n}_{k}")), getattr(layer, f"weight_{k}"))
                to = getattr(layer, f"i_{k}")
                if each.source == INPUT:
                    inputs.append((to, each.delay))
                    continue
                plan = self.plans[each.source]
                m.submodules[f"edge_{n}_{k}"] = edge = Edge(plan.params.count, plan.updates, each.delay)
                m.d.comb += edge.i.payload.eq(self.layers[each.source].o.p.spikes)
                outputs[each.source].append((edge.i.valid, edge.i.ready))
                m.d.comb += [to.payload.eq(edge.o.payload), to.valid.eq(edge.o.valid), edge.o.ready.eq(to.ready)]
        self._elaborate_input(m, inputs)

        outputs[len(self.layers) - 1].append(self._elaborate_output(m))
        for n, sinks in outputs.items():
            _fork(m, self.layers[n].o.valid, self.layers[n].o.ready, sinks)

        self._elaborate_counters(m)
        return m

    def _elaborate_output(self, m: Module) -> tuple[Value, Value]:
        """The FIFO at the output; valid and ready of its input."""
        last = self.layers[-1]
        m.submodules.output = output = SyncFIFOBuffered(width=len(self.o.payload.as_value()), depth=2)
        given: Any = Signal(self.o.p.shape())
        m.d.comb += [
            given.spikes.eq(last.o.p.spikes),
            given.last.eq(last.o.p.last),
            *(given.membranes[n].eq(last.probe.state[n].membrane) for n in range(self.plans[-1].updates)),
            output.w_data.eq(given),
            self.o.payload.eq(output.r_data),
            self.o.valid.eq(output.r_rdy),
            output.r_en.eq(self.o.ready),
        ]
        return output.w_en, output.w_rdy

    def _elaborate_counters(self, m: Module) -> None:
        """Count clamped updates and damaged words, both up to the largest value."""
        clamped = [Signal(range(plan.updates + 1), name=f"clamped_{n}") for n, plan in enumerate(self.plans)]
        for number, layer in zip(clamped, self.layers, strict=True):
            m.d.sync += number.eq(Mux(layer.probe.valid, count_ones(layer.probe.clipped), 0))
        total = Signal(33)
        m.d.comb += total.eq(sum(clamped, self.saturations))
        with m.If(Cat(clamped).any()):
            m.d.sync += [self.saturated.eq(1), self.saturations.eq(Mux(total[32], 0xFFFF_FFFF, total))]
        if self.protection != "none":
            faults = Signal(33)
            m.d.comb += faults.eq(sum((layer.faults for layer in self.layers), self.memory_faults))
            m.d.sync += self.memory_faults.eq(Mux(faults[32], 0xFFFF_FFFF, faults))

    def _elaborate_input(self, m: Module, inputs: list[tuple[Any, int]]) -> None:
        """Connect `i` to all layers that receive it."""
        if self.params.currents:
            wiring.connect(m, wiring.flipped(self.i), self.layers[0].currents)
            return
        sinks: list[tuple[Value, Value]] = []
        for n, (to, delay) in enumerate(inputs):
            if len(inputs) == 1 and not delay:
                wiring.connect(m, wiring.flipped(self.i), to)
                return
            words = -(-self.params.inputs // self.input_width)
            m.submodules[f"input_{n}"] = edge = Edge(words * self.input_width, self.input_width, delay)
            m.d.comb += [
                edge.i.payload.eq(self.i.payload),
                to.payload.eq(edge.o.payload),
                to.valid.eq(edge.o.valid),
                edge.o.ready.eq(to.ready),
            ]
            sinks.append((edge.i.valid, edge.i.ready))
        _fork(m, self.i.valid, self.i.ready, sinks)


def _fork(m: Module, valid: Value, ready: Any, sinks: list[tuple[Value, Value]]) -> None:
    """Connect a stream to several sinks; a transfer happens for all of them in the same clock."""
    together = Cat(is_ready for _, is_ready in sinks).all() if sinks else Const(1)
    m.d.comb += ready.eq(together)
    for is_valid, _ in sinks:
        m.d.comb += is_valid.eq(valid & together)
