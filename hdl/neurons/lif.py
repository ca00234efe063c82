"""Leaky integrate-and-fire neurons in the circuit: equal to ``neuristor.golden_model.neurons.lif.LifBitTrue``."""

from __future__ import annotations

from typing import Any, Protocol

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden_noise
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import lif
from neuristor.golden_model.neurons.lif import LifParams, LifRaw
from neuristor.golden_model.neurons.model import Field
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON
from neuristor.hdl import noise
from neuristor.hdl.array import NeuronArray, Tuned, check_lanes, in_rows, rescaled, state_layout
from neuristor.hdl.fixed import round_shift, saturate, shape
from neuristor.hdl.lane import Lane
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["LaneParams", "LifArray", "LifLane", "parameter_layout", "tuning_layout"]

HEADROOM = 4
"""Bits above a coefficient that can be loaded: time constants down to a sixteenth of what the circuit is built with."""


class LaneParams(Protocol):
    """What a lane needs to know of its neurons; `LifParams` has it."""

    @property
    def raw(self) -> LifRaw: ...

    @property
    def membrane(self) -> Format: ...

    @property
    def drive(self) -> Format: ...

    @property
    def seed(self) -> int: ...

    @property
    def state_fields(self) -> tuple[Field, ...]: ...


def parameter_layout(params: LaneParams) -> data.StructLayout:
    """What each neuron has of its own."""
    fields = {"threshold": shape(params.membrane)}
    return data.StructLayout(fields | ({"fault": unsigned(2)} if params.raw.faults else {}))


def tuning_layout(params: LifParams) -> data.StructLayout:
    """What can be loaded for all neurons: the numbers of what the circuit has."""
    raw, membrane = params.raw, shape(params.membrane)
    fields = {"hold_raw": membrane, "initial_raw": membrane}
    if params.leak == "exact":
        fields["k_raw"] = unsigned(params.coefficient_bits + HEADROOM)
    if raw.faults:
        fields["latched_raw"] = membrane
    if raw.refractory_ticks:
        fields["refractory_ticks"] = unsigned(raw.refractory_ticks.bit_length())
    if raw.noise_scale_raw:
        fields["noise_scale_raw"] = unsigned(9 + HEADROOM)
    return data.StructLayout(fields)


class LifLane(Lane):
    """The pipeline of one lane: one neuron in and one out each clock.

    Parameters
    ----------
    params : LaneParams
    lane, lanes : int
        Which lane of how many; decides the noise seeds.
    kick_bits : int
        Of the input `kick`, signed; 0 for none.
    tuning : StructLayout, optional
        What comes from outside; see `tuning_layout`. The seed of the noise does, then.

    Members
    -------
    enable : In(1)
        The pipeline moves.
    state : In(state_layout)
    drive : In(signed)
    parameters : In(StructLayout({"threshold": ..., "fault": ...}))
        ``fault`` only where there are broken devices.
    kick : In(signed)
        What synapses add to the membrane in this tick: see ``neuristor.golden_model.networks.snn``.
    tuning : In(StructLayout)
    seed : In(32)
    next_state : Out(state_layout)
    spike, saturated : Out(1)
        All `latency` enabled clocks after `state`.
    load : In(1)
    initial_state : Out(state_layout)
        The state after reset of the lane's next neuron, `clear_clocks` clocks after `load`.
    """

    kick: Signal

    latency = 4
    interval = 1
    clear_clocks = 1 + golden_noise.SEED_STEPS

    def __init__(
        self,
        params: LaneParams,
        lane: int = 0,
        lanes: int = 1,
        kick_bits: int = 0,
        tuning: data.StructLayout | None = None,
    ) -> None:
        self.params = params
        self._tuning = tuning
        self._kicked = kick_bits > 0
        self._lane, self._lanes = lane, lanes
        state = state_layout(params)
        super().__init__(
            {
                "enable": In(1),
                "state": In(state),
                "drive": In(shape(params.drive)),
                "parameters": In(parameter_layout(params)),
                "next_state": Out(state),
                "spike": Out(1),
                "saturated": Out(1),
                "load": In(1),
                "initial_state": Out(state),
            }
            | ({"kick": In(signed(kick_bits))} if kick_bits else {})
            | ({} if tuning is None else {"tuning": In(tuning)})
            | ({} if tuning is None or not params.raw.noise_scale_raw else {"seed": In(32)})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        built, width = self.params.raw, self.params.membrane.width
        raw: Any = Tuned(built, None if self._tuning is None else self.tuning)
        noisy, waits = bool(built.noise_scale_raw), bool(built.refractory_ticks)

        m.d.comb += self.initial_state.membrane.eq(raw.initial_raw)
        if noisy:
            given = self._tuning is not None
            m.submodules.seeder = seeder = noise.Seeder(self.params.seed, self._lane, self._lanes, given)
            if given:
                m.d.comb += seeder.seed.eq(self.seed)
            m.d.comb += [seeder.load.eq(self.load), self.initial_state.noise.eq(seeder.state)]

        # What a stage passes on unchanged.
        carried = data.StructLayout(
            {"state": self.state.shape(), "own": self.parameters.shape()}
            | ({"kick": self.kick.shape()} if self._kicked else {})
        )
        first: Any = Signal(carried)
        second: Any = Signal(carried)
        third: Any = Signal(carried)
        with m.If(self.enable):
            m.d.sync += [
                first.state.eq(self.state),
                first.own.eq(self.parameters),
                second.eq(first),
                third.eq(second),
            ]
            if self._kicked:
                m.d.sync += first.kick.eq(self.kick)

        # 1: how far the membrane is from where the input would hold it
        difference = Signal((self.drive - self.state.membrane).shape())
        draw = Signal(range(-golden_noise.CENTRE, golden_noise.CENTRE + 1))
        with m.If(self.enable):
            m.d.sync += difference.eq(self.drive - self.state.membrane)
            if noisy:
                m.d.sync += draw.eq(noise.byte_sum(self.state.noise))

        # 2: times the decay coefficient
        product = Signal((difference * raw.k_raw).shape())
        offset = Signal(noise.offset(draw, raw.noise_scale_raw, raw.noise_shift).shape())
        with m.If(self.enable):
            m.d.sync += product.eq(difference * raw.k_raw)
            if noisy:
                m.d.sync += offset.eq(noise.offset(draw, raw.noise_scale_raw, raw.noise_shift))

        # 3: the leaky sum, kept inside the word, and this cycle's threshold
        leaked = second.state.membrane + round_shift(product, raw.k_shift)
        if self._kicked:
            leaked = leaked + second.kick
        bounded_value, clipped_value = saturate(leaked, width)
        bounded = Signal(shape(self.params.membrane))
        clipped = Signal()
        limit = Signal((second.own.threshold + offset).shape())
        with m.If(self.enable):
            m.d.sync += [
                bounded.eq(bounded_value),
                clipped.eq(clipped_value),
                limit.eq(second.own.threshold + offset),
            ]

        # 4: fire or not
        active = Signal()
        m.d.comb += active.eq(third.state.refractory == 0 if waits else Const(1))
        healthy = Signal(init=1)
        stays = Signal()
        if raw.faults:
            fault = third.own.fault
            m.d.comb += [healthy.eq(fault == HEALTHY), stays.eq((fault == STUCK_ON) | (fault == DEAD))]
        fires = Signal()
        m.d.comb += fires.eq(active & healthy & (bounded >= limit))
        if raw.subtract:
            after, after_clipped = saturate(bounded - (third.own.threshold - raw.hold_raw), width)
        else:
            after, after_clipped = Value.cast(raw.hold_raw), Const(0, 1)
        with m.If(self.enable):
            m.d.sync += [
                self.spike.eq(fires),
                self.saturated.eq((active & clipped & ~stays) | (fires & after_clipped)),
                self.next_state.eq(third.state),
            ]
            with m.If(fires):
                m.d.sync += self.next_state.membrane.eq(after)
            with m.Elif(active & ~stays):
                m.d.sync += self.next_state.membrane.eq(bounded)
            if raw.faults:
                with m.Elif(active & (third.own.fault == STUCK_ON)):
                    m.d.sync += self.next_state.membrane.eq(raw.latched_raw)
            if waits:
                with m.If(fires):
                    m.d.sync += self.next_state.refractory.eq(raw.refractory_ticks)
                with m.Elif(~active):
                    m.d.sync += self.next_state.refractory.eq(third.state.refractory - 1)
            if noisy:
                m.d.sync += self.next_state.noise.eq(Mux(fires, noise.advance(third.state.noise), third.state.noise))
        return m


class LifArray(NeuronArray):
    """N leaky integrate-and-fire neurons on L lanes.

    Parameters
    ----------
    params : LifParams
    lanes : int
    loadable : bool
    protection : str
        Of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : the ports and the timing.
    """

    params: LifParams

    def __init__(self, params: LifParams, lanes: int, loadable: bool = False, protection: str = "none") -> None:
        columns = {"threshold": params.threshold_raw}
        if params.raw.faults:
            columns["fault"] = params.fault_raw
        tuning = tuning_layout(params) if loadable else None
        super().__init__(
            params,
            lanes,
            lane=lambda index: LifLane(params, index, lanes, tuning=tuning),
            parameters=in_rows(columns, check_lanes(params, lanes)),
            loadable=loadable,
            protection=protection,
        )

    def tuned(self, params: LifParams) -> dict[str, int]:
        """The tuning for other neurons of the same structure.

        Raises
        ------
        ValueError
            If a coefficient needs another shift.
        """
        raw, built = params.raw._asdict(), self.params.raw
        raw["k_raw"] = rescaled("k", params.raw.k_raw, params.raw.k_shift, built.k_shift)
        raw["noise_scale_raw"] = rescaled(
            "the scale of the noise", params.raw.noise_scale_raw, params.raw.noise_shift, built.noise_shift
        )
        return {name: raw[name] for name in tuning_layout(self.params).members}


LIF = Neuron(model=lif.LIF, array=LifArray)
