"""Izhikevich neurons in the circuit: equal to ``neuristor.golden_model.neurons.izhikevich.IzhikevichBitTrue``."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Mux, Shape, signed, unsigned
from numpy.typing import NDArray

from neuristor.golden_model.neurons import izhikevich
from neuristor.golden_model.neurons.izhikevich import IzhikevichParams
from neuristor.hdl import noise
from neuristor.hdl.fixed import round_add, saturate, shape
from neuristor.hdl.flow import Flow, FlowArray, FlowLane, Node
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["IzhikevichArray", "IzhikevichLane"]


def _columns(params: IzhikevichParams) -> dict[str, tuple[Any, Any]]:
    """Shape and values of the per-neuron parameters."""
    bits, fine = signed(params.coefficient_bits + 1), shape(params.recovery)
    return {
        "quadratic": (bits, params.quadratic_raw),
        "linear": (_at_least(24, params.linear_raw), params.linear_raw),
        "constant": (fine, params.constant_raw),
        "sensitivity": (bits, params.sensitivity_raw),
        "offset": (fine, params.offset_raw),
        "leak": (unsigned(1), params.leak_raw),
        "rate": (bits, params.rate_raw),
        "reset": (shape(params.membrane), params.reset_raw),
        "jump": (fine, params.jump_raw),
        "bias": (shape(params.drive), params.bias_raw),
        "noise_scale": (unsigned(noise.scale_bits(params.noise_scale_raw.max())), params.noise_scale_raw),
    }


def _at_least(bits: int, values: NDArray[np.int64]) -> Shape:
    """A signed shape of some bits, or the wider one that holds all values."""
    return signed(max(bits, Shape.cast(range(min(-1, int(values.min())), int(values.max()) + 1)).width))


class IzhikevichLane(FlowLane):
    """The pipeline of one lane: four multiplications (five with noise) per neuron.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the neurons.
    lane : int
        Number of the lane in its array; selects the noise seeds.
    lanes : int
        Lanes of the array.
    interval : int
        Clocks from one neuron to the next, at least 1.
    loadable : bool
        Whether parameters can be changed at run time.

    See Also
    --------
    neuristor.hdl.flow.FlowLane : ports and timing.
    """

    def __init__(
        self, params: IzhikevichParams, lane: int = 0, lanes: int = 1, interval: int = 1, loadable: bool = False
    ) -> None:
        super().__init__(params, lane, lanes, interval, _columns(params), loadable)

    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Describe a tick: equations 1 to 3 of the golden model.

        Parameters
        ----------
        flow : Flow
            Receives the steps.

        Returns
        -------
        next_state : dict of str to Node
            Membrane and recovery after the tick; the noise state, with noise.
        spike : Node
            The membrane reached the peak.
        saturated : Node
            Membrane or recovery was clamped to the range of its word.
        """
        params: IzhikevichParams = self.params
        raw, width, fine = params.raw, params.membrane.width, params.recovery.width

        def own(name: str) -> Node:
            return self.own(flow, name)

        membrane, recovery = flow.take(self.state.membrane), flow.take(self.state.recovery)
        steady = flow.register(lambda drive, bias: drive + bias, flow.take(self.drive), own("bias"))
        pull = flow.register(lambda constant, u: constant - u, own("constant"), recovery)
        force = flow.register(lambda a, b: a + b, steady, pull)
        if raw.noisy:
            draw = flow.register(noise.byte_sum, flow.take(self.state.noise))
            force = flow.multiply(draw, own("noise_scale"), lambda p, f: round_add(f, p, raw.noise_shift), force)
        weight = flow.multiply(
            own("quadratic"), membrane, lambda p, linear: round_add(linear, p, raw.quadratic_shift), own("linear")
        )
        change = flow.multiply(weight, membrane, lambda p, f: round_add(f, p, raw.weight_shift), force)
        moved = flow.register(lambda v, c: round_add(v, c, raw.membrane_shift), membrane, change)
        bounded = flow.register(lambda v: Cat(*saturate(v, width)), moved)
        value, clipped = flow.part(bounded, 0, width, signed=True), flow.part(bounded, width)
        spike = flow.register(lambda v: v >= raw.peak_raw, value)

        leaking = flow.register(lambda o, u, leak: o - Mux(leak, u, 0), own("offset"), recovery, own("leak"))
        wanted = flow.multiply(own("sensitivity"), value, lambda p, o: round_add(o, p, raw.sensitivity_shift), leaking)
        jumped = flow.register(lambda u, jump, fired: u + Mux(fired, jump, 0), recovery, own("jump"), spike)
        grown = flow.multiply(own("rate"), wanted, lambda p, u: round_add(u, p, raw.rate_shift), jumped)
        kept = flow.register(lambda u: Cat(*saturate(u, fine)), grown)
        saturated = flow.register(lambda a, b: a | b, clipped, flow.part(kept, fine))
        after = flow.register(lambda fired, reset, v: Mux(fired, reset, v), spike, own("reset"), value)
        state = {"membrane": after, "recovery": flow.part(kept, 0, fine, signed=True)}
        if raw.noisy:
            state["noise"] = flow.register(noise.advance, flow.take(self.state.noise))
        return state, spike, saturated


class IzhikevichArray(FlowArray):
    """N Izhikevich neurons on L lanes.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the neurons.
    lanes : int
        Neurons updated in parallel, 1 to ``params.count``.
    interval : int
        Clocks from one row to the next, at least 1: as many multiplications share a multiplier.
    loadable : bool
        Whether parameters can be changed at run time.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.
    edges_per_clock : int, optional
        Not used: these neurons are not coupled.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : ports and timing.
    """

    lane_type = IzhikevichLane


IZHIKEVICH = Neuron(model=izhikevich.IZHIKEVICH, array=IzhikevichArray, shares_multipliers=True)
