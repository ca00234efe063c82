"""Two-channel neuristors in the circuit: equal to ``neuristor.golden_model.neurons.neuristor.NeuristorBitTrue``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array as Table
from amaranth.hdl import Cat, Const, Mux, Value, signed

from neuristor.golden_model.neurons import neuristor
from neuristor.golden_model.neurons.neuristor import NeuristorParams
from neuristor.hdl import noise
from neuristor.hdl.fixed import round_add, saturate, shape
from neuristor.hdl.flow import Flow, FlowArray, FlowLane, Node
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["NeuristorArray", "NeuristorLane"]


def _bytes(state: Any) -> tuple[Any, Any]:
    return state[0:8] + state[8:16], state[16:24] + state[24:32]


class NeuristorLane(FlowLane):
    """The pipeline of one lane: six multiplications per neuron, one more with an input capacitor, two more with noise.

    Parameters
    ----------
    params : NeuristorParams
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
        self, params: NeuristorParams, lane: int = 0, lanes: int = 1, interval: int = 1, loadable: bool = False
    ) -> None:
        word, limits = shape(params.membrane), ("threshold_1", "hold_1", "threshold_2", "hold_2")
        columns = {name: (word, params.column(name)) for name in limits}
        super().__init__(params, lane, lanes, interval, columns, loadable)

    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Describe a tick: equations 1 to 3 of the golden model.

        Parameters
        ----------
        flow : Flow
            Receives the steps.

        Returns
        -------
        next_state : dict of str to Node
            Voltages of both nodes and states of both switches after the tick; with an input capacitor also the input,
            with noise the noise state.
        spike : Node
            Switch 2 turned on.
        saturated : Node
            A node was clamped to the range of its word.
        """
        params: NeuristorParams = self.params
        raw, width = params.raw, params.membrane.width
        v1, v2, drive = flow.take(self.state.membrane), flow.take(self.state.output), flow.take(self.drive)
        on_1, on_2 = flow.take(self.state.channel_1), flow.take(self.state.channel_2)

        def chosen(table: tuple[int, ...]) -> Node:
            bits = max(each.bit_length() for each in table) + 1
            return flow.register(lambda a, b: Value.cast(Table(_words(table, bits))[Cat(a, b)]).as_signed(), on_1, on_2)

        if raw.jump_raw:
            change = flow.register(lambda now, old: now - old, drive, flow.take(self.state["last"]))
            v1 = flow.multiply(change, flow.constant(raw.jump_raw), lambda p, v: round_add(v, p, raw.jump_shift), v1)
        away_1 = flow.register(lambda target, v: target - v, chosen(raw.target_1), v1)
        away_2 = flow.register(lambda target, v: target - v, chosen(raw.target_2), v2)

        def moved(node: Node, k_1: tuple[int, ...], k_2: tuple[int, ...], gain: tuple[int, ...]) -> Node:
            total = flow.multiply(drive, chosen(gain), lambda p: p << raw.drive_shift)
            total = flow.multiply(away_2, chosen(k_2), lambda p, t: t + p, total)
            total = flow.multiply(away_1, chosen(k_1), lambda p, t: t + p, total)
            after = flow.register(lambda v, t: round_add(v, t, raw.shift), node, total)
            return flow.register(lambda v: Cat(*saturate(v, width)), after)

        end_1 = moved(v1, raw.k_11, raw.k_12, raw.gain_1)
        end_2 = moved(v2, raw.k_21, raw.k_22, raw.gain_2)
        nodes = [flow.part(end, 0, width, signed=True) for end in (end_1, end_2)]
        saturated = flow.register(lambda a, b: a | b, flow.part(end_1, width), flow.part(end_2, width))

        crosses = []
        for number, on, node in ((1, on_1, nodes[0]), (2, on_2, nodes[1])):
            limit = flow.register(
                lambda metallic, hold, threshold: Mux(metallic, hold, threshold),
                on,
                self.own(flow, f"hold_{number}"),
                self.own(flow, f"threshold_{number}"),
            )
            if params.noisy:
                limit = self._with_noise(flow, number, on, limit)
            across = node if number == 1 else flow.register(lambda v: -v, node)
            over = flow.register(lambda v, bound: v - bound, across, limit)
            # Turns on if v >= threshold, off if v <= hold.
            crosses.append(flow.register(lambda metallic, d: Mux(metallic, d[-1] | (d == 0), ~d[-1]), on, over))
        spike = flow.register(lambda crossed, metallic: crossed & ~metallic, crosses[1], on_2)
        state = {
            "membrane": nodes[0],
            "output": nodes[1],
            "channel_1": flow.register(lambda a, b: a ^ b, on_1, crosses[0]),
            "channel_2": flow.register(lambda a, b: a ^ b, on_2, crosses[1]),
        }
        if raw.jump_raw:
            state["last"] = drive
        if params.noisy:
            old = flow.take(self.state.noise)
            state["noise"] = flow.register(lambda now, a, b: Mux(a | b, noise.advance(now), now), old, *crosses)
        return state, spike, saturated

    def _with_noise(self, flow: Flow, number: int, on: Node, limit: Node) -> Node:
        """The threshold at which a switch changes its state, with its noise."""
        raw = self.params.raw
        draws = (noise.byte_sum, lambda state: _bytes(state)[0] - _bytes(state)[1])
        draw = flow.register(draws[number - 1], flow.take(self.state.noise))
        bits = max(raw.hold_noise_raw, raw.threshold_noise_raw).bit_length() + 1
        table = Table(_words((raw.threshold_noise_raw, raw.hold_noise_raw), bits))
        scale = flow.register(lambda metallic: Value.cast(table[metallic]).as_signed(), on)
        return flow.multiply(draw, scale, lambda p, bound: round_add(bound, p, raw.noise_shift), limit)


def _words(table: tuple[int, ...], bits: int) -> list[Any]:
    return [Const(each, signed(bits)) for each in table]


class NeuristorArray(FlowArray):
    """N neuristors on L lanes.

    Parameters
    ----------
    params : NeuristorParams
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

    lane_type = NeuristorLane


NEURISTOR = Neuron(model=neuristor.NEURISTOR, array=NeuristorArray, shares_multipliers=True)
