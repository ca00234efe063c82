"""One lane of a layer: the pipeline of its neurons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.networks.snn import LayerParams
from neuristor.golden_model.neurons.lif import LifRaw
from neuristor.golden_model.neurons.model import Field
from neuristor.hdl.array import state_layout
from neuristor.hdl.fixed import round_shift, saturate
from neuristor.hdl.neurons.lif import LifLane

__all__ = ["LifLayer", "SnnLane"]


@dataclass(frozen=True, eq=False)
class LifLayer:
    """The parameters of a layer in the form that ``LifLane`` takes: ``neuristor.hdl.neurons.lif.LaneParams``.

    Parameters
    ----------
    layer : LayerParams
        The layer.
    """

    layer: LayerParams

    @property
    def raw(self) -> LifRaw:
        """The integers of the LIF neuron."""
        return self.layer.raw.lif

    @property
    def membrane(self) -> Format:
        """Of the membrane potential: an integer number of steps (LSB)."""
        return Format(self.layer.membrane_bits, 0)

    @property
    def drive(self) -> Format:
        """Of the drive, which is constant zero: synaptic input is added as a kick."""
        return Format(2, 0)

    @property
    def seed(self) -> int:
        """Of the threshold noise."""
        return self.layer.seed

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state without the synaptic current, which `SnnLane` computes."""
        return tuple(each for each in self.layer.state_fields if each.name != "current")


class SnnLane(wiring.Component):
    """The pipeline of one lane: one neuron per clock.

    A LIF pipeline (``neuristor.hdl.neurons.lif.LifLane``); with a synaptic current (CuBa-LIF), two stages before it
    compute the current.

    Parameters
    ----------
    layer : LayerParams
        The neurons.
    total_bits : int
        Bits of `kick`.
    lane : int
        Number of this lane, 0 to ``lanes - 1``; selects the noise seeds.
    lanes : int
        Lanes of the layer.

    Attributes
    ----------
    latency : int
        Enabled clocks from `state` to `next_state`: 4, with a synaptic current 6.

    Members
    -------
    enable : In(1)
        The pipeline advances in this clock.
    state : In(state_layout(layer))
        A neuron before the tick.
    kick : In(signed(total_bits))
        Weighted spikes, bias and external current of the neuron in this tick, in steps (LSB) of the membrane
        potential.
    parameters : In(parameter_layout)
        Threshold of the neuron, and its fault code where the layer has broken devices.
    next_state : Out(state_layout(layer))
        The neuron after the tick.
    spike : Out(1)
        It spiked. With `next_state`.
    saturated : Out(1)
        Its membrane potential or current was clamped. With `next_state`.
    load : In(1)
        Start to compute `initial_state`.
    initial_state : Out(state_layout(layer))
        The state after reset of the lane's next neuron, `clear_clocks` clocks after `load`.
    """

    enable: Signal
    state: Any
    kick: Signal
    parameters: Any
    next_state: Any
    spike: Signal
    saturated: Signal
    load: Signal
    initial_state: Any

    clear_clocks, interval = LifLane.clear_clocks, LifLane.interval

    def __init__(self, layer: LayerParams, total_bits: int, lane: int, lanes: int) -> None:
        self.layer = layer
        self._kick_bits = layer.current_bits if layer.raw.synaptic else total_bits
        self._lane = LifLane(LifLayer(layer), lane, lanes, self._kick_bits)
        self.latency = LifLane.latency + 2 * layer.raw.synaptic
        state = state_layout(layer)
        super().__init__(
            {
                "enable": In(1),
                "state": In(state),
                "kick": In(signed(total_bits)),
                "parameters": In(self._lane.parameters.shape()),
                "next_state": Out(state),
                "spike": Out(1),
                "saturated": Out(1),
                "load": In(1),
                "initial_state": Out(state),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        raw, layer = self.layer.raw, self.layer
        m.submodules.lif = lane = self._lane
        names = [each.name for each in LifLayer(layer).state_fields]
        m.d.comb += [
            lane.enable.eq(self.enable),
            lane.load.eq(self.load),
            self.spike.eq(lane.spike),
            *(self.next_state[name].eq(lane.next_state[name]) for name in names),
            *(self.initial_state[name].eq(lane.initial_state[name]) for name in names),
        ]
        if not raw.synaptic:
            m.d.comb += [
                *(lane.state[name].eq(self.state[name]) for name in names),
                lane.parameters.eq(self.parameters),
                lane.kick.eq(self.kick),
                self.saturated.eq(lane.saturated),
            ]
            return m
        # Stage 1: the decay of the current. Stage 2: the current of this tick.
        current = self.state.current
        layout = data.StructLayout({"state": self.state.shape(), "own": self.parameters.shape()})
        first: Any = Signal(layout)
        second: Any = Signal(layout)
        decay = Signal((-current * raw.syn_raw).shape())
        total = Signal(signed(len(self.kick)))
        moved = first.state.current + round_shift(decay, raw.syn_shift) + total
        after, clipped = saturate(moved, layer.current_bits)
        push = Signal(signed(layer.current_bits))
        flag = Signal()
        # Stages 3 to 6 are those of the LIF lane; the current is delayed to match them.
        later = [Signal(signed(layer.current_bits), name=f"current_{n}") for n in range(LifLane.latency + 1)]
        flags = [Signal(name=f"clipped_{n}") for n in range(LifLane.latency)]
        with m.If(self.enable):
            m.d.sync += [
                first.state.eq(self.state),
                first.own.eq(self.parameters),
                decay.eq(-current * raw.syn_raw),
                total.eq(self.kick),
                second.eq(first),
                push.eq(first.state.current if raw.late else after),
                later[0].eq(after),
                flag.eq(clipped),
                *(b.eq(a) for a, b in pairwise(later)),
                flags[0].eq(flag),
                *(b.eq(a) for a, b in pairwise(flags)),
            ]
        m.d.comb += [
            *(lane.state[name].eq(second.state[name]) for name in names),
            lane.parameters.eq(second.own),
            lane.kick.eq(push),
            self.next_state.current.eq(later[-1]),
            self.saturated.eq(lane.saturated | flags[-1]),
        ]
        return m
