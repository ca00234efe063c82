"""Hodgkin-Huxley neurons in the circuit: equal to `HodgkinHuxleyBitTrue`."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Mux

from neuristor.golden_model.neurons import hodgkin_huxley
from neuristor.golden_model.neurons.hodgkin_huxley import ENTRIES, GATES, OPERAND, POWER, HodgkinHuxleyParams
from neuristor.hdl import noise
from neuristor.hdl.fixed import round_add, round_shift, saturate, shape
from neuristor.hdl.flow import Flow, FlowArray, FlowLane, Node
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["HodgkinHuxleyArray", "HodgkinHuxleyLane"]


class HodgkinHuxleyLane(FlowLane):
    """The pipeline of one lane: 21 multiplications (22 with noise) per neuron.

    Parameters
    ----------
    params : HodgkinHuxleyParams
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
        self, params: HodgkinHuxleyParams, lane: int = 0, lanes: int = 1, interval: int = 1, loadable: bool = False
    ) -> None:
        super().__init__(params, lane, lanes, interval, {"bias": (shape(params.drive), params.bias_raw)}, loadable)

    def describe(self, flow: Flow) -> tuple[dict[str, Node], Node, Node]:
        """Describe a tick: equations 4 and 5 of the golden model.

        Parameters
        ----------
        flow : Flow
            Receives the steps.

        Returns
        -------
        next_state : dict of str to Node
            Membrane and gates after the tick; the noise state, with noise.
        spike : Node
            The membrane crossed the spike threshold upwards.
        saturated : Node
            The membrane was clamped to the range of its word.
        """
        params: HodgkinHuxleyParams = self.params
        raw, width = params.raw, params.membrane.width
        membrane = flow.take(self.state.membrane)
        force = self._force(flow)
        gates, (m, h, n) = self._gates(flow)

        to_na = flow.register(lambda v: raw.e_na_raw - v, membrane)
        to_k = flow.register(lambda v: raw.e_k_raw - v, membrane)
        to_l = flow.register(lambda v: raw.e_l_raw - v, membrane)
        m2 = flow.multiply(m, m, lambda p: round_shift(p, 2 * OPERAND - POWER))
        n2 = flow.multiply(n, n, lambda p: round_shift(p, 2 * OPERAND - POWER))
        leak = flow.multiply(to_l, flow.constant(raw.g_l_raw))
        m3 = flow.multiply(m2, m, lambda p: round_shift(p, OPERAND))
        n4 = flow.multiply(n2, n2, lambda p: round_shift(p, POWER))
        m3h = flow.multiply(m3, h, lambda p: round_shift(p, OPERAND))
        potassium = flow.multiply(n4, flow.constant(raw.g_k_raw), lambda p: round_shift(p, raw.g_shift))
        sodium = flow.multiply(m3h, flow.constant(raw.g_na_raw), lambda p: round_shift(p, raw.g_shift))
        outward = flow.multiply(potassium, to_k, lambda p, other: p + other, leak)
        ions = flow.multiply(sodium, to_na, lambda p, o: p + o, outward)
        net = flow.register(lambda i, f: round_add(f, i, raw.net_shift), ions, force)

        total_bits = raw.phi_position + ENTRIES.bit_length() - 1
        total = flow.register(lambda a, b: (a + b + raw.g_l_raw)[:total_bits], sodium, potassium)
        row, rest = flow.part(total, raw.phi_position), flow.part(total, 0, raw.phi_position)
        phi_entry = flow.read("phi", {"phi": raw.phi, "slope": raw.phi_slope}, row)
        phi = _interpolate(flow, phi_entry["phi"], phi_entry["slope"], rest, raw.phi_position)

        after = flow.multiply(net, phi, lambda p, v: round_add(v, p, raw.membrane_shift), membrane)
        bounded = flow.register(lambda v: Cat(*saturate(v, width)), after)
        value = flow.part(bounded, 0, width, signed=True)
        clipped = flow.part(bounded, width)
        spike = flow.register(lambda old, new: (old < raw.threshold_raw) & (new >= raw.threshold_raw), membrane, value)
        state = {"membrane": value, **gates}
        if raw.noise_scale_raw:
            state["noise"] = flow.register(noise.advance, flow.take(self.state.noise))
        return state, spike, clipped

    def _gates(self, flow: Flow) -> tuple[dict[str, Node], list[Node]]:
        """Equation 4: the gates after the tick, as they are stored and as they are multiplied."""
        params: HodgkinHuxleyParams = self.params
        raw, width = params.raw, params.membrane.width
        # The position of the membrane in the tables: with its sign bit inverted, the word counts from their start.
        place = [flow.take(part) for part in _split(self.state.membrane ^ (-1 << (width - 1)), raw.position)]
        columns: dict[str, tuple[int, ...]] = {}
        for which, gate in enumerate(GATES):
            columns |= {
                f"steady_{gate}": raw.steady[which],
                f"steady_slope_{gate}": raw.steady_slope[which],
                f"relax_{gate}": raw.relax[which],
                f"relax_slope_{gate}": raw.relax_slope[which],
            }
        entry = flow.read("rates", columns, place[0])

        gates, opened = {}, {}
        for which, gate in enumerate(GATES):
            old = flow.take(self.state[gate])
            steady = _interpolate(flow, entry[f"steady_{gate}"], entry[f"steady_slope_{gate}"], place[1], raw.position)
            away = flow.register(lambda target, now: (target << raw.gate_shift) - now, steady, old)
            relax = _interpolate(flow, entry[f"relax_{gate}"], entry[f"relax_slope_{gate}"], place[1], raw.position)
            shift = raw.relax_shift[which]

            def moved(product: Any, now: Any, shift: int = shift) -> Any:
                return _bounded(round_add(now, product, shift), params.gate_bits)

            gates[gate] = flow.multiply(away, relax, moved, old)
            opened[gate] = flow.part(gates[gate], raw.gate_shift)
        return gates, [opened[gate] for gate in GATES]

    def _force(self, flow: Flow) -> Node:
        """What is added to the ionic currents: input, constant current and noise."""
        raw = self.params.raw
        force = flow.register(lambda drive, bias: drive + bias, flow.take(self.drive), self.own(flow, "bias"))
        if not raw.noise_scale_raw:
            return force
        draw = flow.register(noise.byte_sum, flow.take(self.state.noise))
        return flow.multiply(
            draw, flow.constant(raw.noise_scale_raw), lambda p, f: round_add(f, p, raw.noise_shift), force
        )


def _split(value: Any, low: int) -> tuple[Any, Any]:
    """The bits from a position upwards, and those below it."""
    return value[low:], value[:low]


def _interpolate(flow: Flow, value: Node, slope: Node, part: Node, position: int) -> Node:
    """A table value between two entries, `part` / 2**`position` of the way to the next one."""
    return flow.multiply(slope, part, lambda p, base: round_add(base, p, position), value)


def _bounded(value: Any, bits: int) -> Any:
    """Clamp a signed value to an unsigned word."""
    over = ~value[-1] & value[bits:].any()
    return Mux(value[-1], Const(0, bits), Mux(over, Const((1 << bits) - 1, bits), value[:bits]))


class HodgkinHuxleyArray(FlowArray):
    """N Hodgkin-Huxley neurons on L lanes.

    Parameters
    ----------
    params : HodgkinHuxleyParams
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

    lane_type = HodgkinHuxleyLane


HODGKIN_HUXLEY = Neuron(model=hodgkin_huxley.HODGKIN_HUXLEY, array=HodgkinHuxleyArray, shares_multipliers=True)
