"""Leaky integrators as a circuit: equal, bit for bit, to ``own_neuron.golden.IntegratorBitTrue``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Mux

from neuristor.hdl.fixed import round_shift, saturate, shape
from neuristor.hdl.flow import Flow, FlowArray, FlowLane, Node
from neuristor.hdl.neurons import Neuron
from own_neuron import golden

__all__ = ["INTEGRATOR"]


class IntegratorLane(FlowLane):
    """The pipeline of one lane: four clocks and no multiplier.

    Parameters
    ----------
    params : IntegratorParams
        The array.
    lane, lanes : int
        Number of this lane, and how many there are.
    interval : int
        Clocks from one neuron to the next.
    loadable : bool
        Thresholds can be changed at run time.
    """

    def __init__(
        self, params: golden.IntegratorParams, lane: int, lanes: int, interval: int = 1, loadable: bool = False
    ) -> None:
        # What each neuron has of its own: the field `threshold` holds `params.threshold_raw`.
        columns: dict[str, Any] = {"threshold": (shape(params.membrane), params.threshold_raw)}
        super().__init__(params, lane, lanes, interval, columns, loadable)

    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Equations 1 and 2 of the golden model: next state, spike, saturated."""
        raw, width = self.params.raw, self.params.membrane.width
        v, drive, threshold = flow.take(self.state.membrane), flow.take(self.drive), self.own(flow, "threshold")
        # Each `register` is one clock.
        way = flow.register(lambda drive, v: round_shift(drive - v, raw.leak_shift), drive, v)
        moved = flow.register(lambda v, way: Cat(*saturate(v + way, width)), v, way)
        bounded, saturated = flow.part(moved, 0, width, signed=True), flow.part(moved, width)
        spike = flow.register(lambda v, threshold: v >= threshold, bounded, threshold)
        after = flow.register(lambda spike, v: Mux(spike, 0, v), spike, bounded)
        return {"membrane": after}, spike, saturated


class IntegratorArray(FlowArray):
    """N leaky integrators on L lanes."""

    lane_type = IntegratorLane


INTEGRATOR = Neuron(model=golden.INTEGRATOR, array=IntegratorArray, shares_multipliers=True)
