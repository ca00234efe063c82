"""Leaky integrate-and-fire neurons in the circuit: equal to ``neuristor.golden_model.neurons.lif.LifBitTrue``."""

from __future__ import annotations

from typing import Any, Protocol

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden_noise
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import lif
from neuristor.golden_model.neurons.lif import LifParams, LifRaw, Reset
from neuristor.golden_model.neurons.model import Field
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON
from neuristor.hdl import noise
from neuristor.hdl.array import NeuronArray, Tuned, check_lanes, in_rows, rescaled, state_layout
from neuristor.hdl.fixed import round_shift, saturate, shape
from neuristor.hdl.lane import Lane
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["LaneParams", "LifArray", "LifLane", "parameter_layout", "tuning_layout"]

HEADROOM = 4
"""Bits above those of a coefficient, where it is loadable: a time constant may be 1/16 of the one built in."""


class LaneParams(Protocol):
    """What a lane reads of the parameters of its neurons; `LifParams` provides it."""

    @property
    def raw(self) -> LifRaw:
        """The integers the circuit is built from."""

    @property
    def membrane(self) -> Format:
        """Word of the membrane potential and of the thresholds, in volt."""

    @property
    def drive(self) -> Format:
        """Word of the input, in volt."""

    @property
    def seed(self) -> int:
        """Seed of the noise, 0 to 2**32 - 1."""

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""


def parameter_layout(params: LaneParams) -> data.StructLayout:
    """Layout of the per-neuron parameters.

    Parameters
    ----------
    params : LaneParams
        Parameters of the neurons.

    Returns
    -------
    StructLayout
        ``threshold``: ``LifParams.threshold_raw``, a word of ``params.membrane`` for each neuron, from the array's
        ``parameter_memory``; with broken devices also ``fault``.
    """
    fields = {"threshold": shape(params.membrane)}
    return data.StructLayout(fields | ({"fault": unsigned(2)} if params.raw.faults else {}))


def tuning_layout(params: LifParams) -> data.StructLayout:
    """Layout of the loadable parameters that all neurons share.

    Parameters
    ----------
    params : LifParams
        Parameters that the circuit is built for.

    Returns
    -------
    StructLayout
        Fields of `LifRaw`: only those whose hardware the circuit has.
    """
    raw, membrane = params.raw, shape(params.membrane)
    fields = {"hold_raw": membrane, "initial_raw": membrane}
    if params.leak == "exact":
        fields["k_raw"] = unsigned(params.coefficient_bits + HEADROOM)
    if raw.faults:
        fields["latched_raw"] = membrane
    if raw.refractory_ticks:
        fields["refractory_ticks"] = unsigned(raw.refractory_ticks.bit_length())
    if raw.noise_scale_raw:
        fields["noise_scale_raw"] = unsigned(noise.scale_bits(raw.noise_scale_raw) + HEADROOM)
    return data.StructLayout(fields)


class LifLane(Lane):
    """The pipeline of one lane: accepts one neuron and returns one in each clock, 4 clocks later.

    Parameters
    ----------
    params : LaneParams
        Parameters of the neurons.
    lane : int
        Number of the lane in its array; selects the noise seeds.
    lanes : int
        Lanes of the array.
    kick_bits : int
        Width of the input `kick`; 0 for a lane without synapses.
    tuning : StructLayout, optional
        Fields of the input `tuning`, see `tuning_layout`; None for a lane whose parameters are built in.

    Members
    -------
    enable : In(1)
        The pipeline advances in this clock; without it, every register keeps its value.
    state : In(state_layout)
        State before the tick: ``membrane``, and ``refractory`` and ``noise`` where the neurons have them.
    drive : In(signed)
        Input in volt, on the grid of ``params.drive``.
    parameters : In(StructLayout({"threshold": ..., "fault": ...}))
        Threshold, on the grid of ``params.membrane``. `fault` exists only with broken devices.
    kick : In(signed), optional
        What synapses add to the membrane in this tick, on the grid of ``params.membrane``; see
        ``neuristor.golden_model.networks.snn``.
    tuning : In(StructLayout), optional
        Loaded parameters that all neurons share.
    seed : In(32), optional
        Loaded seed of the noise. Only with `tuning` and noise.
    next_state : Out(state_layout)
        State after the tick, 4 enabled clocks after `state`.
    spike : Out(1)
        The neuron fired; at the same time as `next_state`.
    saturated : Out(1)
        The membrane was clamped to the range of its word; at the same time as `next_state`.
    load : In(1)
        Prepare the initial state of the next neuron of the lane.
    initial_state : Out(state_layout)
        That state, `clear_clocks` clocks after `load`.
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
        self._noisy = bool(params.raw.noise_scale_raw)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        raw = Tuned(self.params.raw, None if self._tuning is None else self.tuning)
        self._prepare_initial_state(m, raw)
        second, third = self._carry(m)
        difference, draw = self._subtract(m)
        product, offset = self._multiply(m, raw, difference, draw)
        owed = self._owe(m, raw)
        bounded, clipped, limit = self._add(m, raw, second, product, offset, owed)
        self._fire(m, raw, third, bounded, clipped, limit)
        return m

    def _prepare_initial_state(self, m: Module, raw: Tuned) -> None:
        """The state after reset of the next neuron of the lane."""
        m.d.comb += self.initial_state.membrane.eq(raw.initial_raw)
        if self._noisy:
            given = self._tuning is not None
            m.submodules.seeder = seeder = noise.Seeder(self.params.seed, self._lane, self._lanes, given)
            if given:
                m.d.comb += seeder.seed.eq(self.seed)
            m.d.comb += [seeder.load.eq(self.load), self.initial_state.noise.eq(seeder.state)]

    def _carry(self, m: Module) -> tuple[Any, Any]:
        """What the stages pass on unchanged; returns it after stages 2 and 3."""
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
        return second, third

    def _subtract(self, m: Module) -> tuple[Any, Any]:
        """Stage 1: the distance of the membrane from where the input would hold it, and the noise draw."""
        difference = Signal((self.drive - self.state.membrane).shape())
        draw = Signal(range(-golden_noise.CENTRE, golden_noise.CENTRE + 1))
        with m.If(self.enable):
            m.d.sync += difference.eq(self.drive - self.state.membrane)
            if self._noisy:
                m.d.sync += draw.eq(noise.byte_sum(self.state.noise))
        return difference, draw

    def _multiply(self, m: Module, raw: Tuned, difference: Any, draw: Any) -> tuple[Any, Any]:
        """Stage 2: that distance times the decay coefficient, and the offset of the threshold."""
        product = Signal((difference * raw.k_raw).shape())
        offset = Signal(noise.offset(draw, raw.noise_scale_raw, raw.noise_shift).shape())
        with m.If(self.enable):
            m.d.sync += product.eq(difference * raw.k_raw)
            if self._noisy:
                m.d.sync += offset.eq(noise.offset(draw, raw.noise_scale_raw, raw.noise_shift))
        return product, offset

    def _owe(self, m: Module, raw: Tuned) -> Any:
        """Stages 1 and 2: a membrane that begins the tick above its threshold owes the size of a reset."""
        if self.params.raw.reset not in (Reset.SUBTRACT_LATE, Reset.SUBTRACT_GUARDED):
            return Const(0, 1)
        above = Signal()
        size = Signal((self.parameters.threshold - raw.hold_raw).shape())
        owed = Signal(size.shape())
        healthy = self.parameters.fault == HEALTHY if raw.faults else Const(1)
        with m.If(self.enable):
            m.d.sync += [
                above.eq((self.state.membrane >= self.parameters.threshold) & healthy),
                size.eq(self.parameters.threshold - raw.hold_raw),
                owed.eq(Mux(above, size, 0)),
            ]
        return owed

    def _add(self, m: Module, raw: Tuned, second: Any, product: Any, offset: Any, owed: Any) -> tuple[Any, Any, Any]:
        """Stage 3: the membrane after leak and input, clamped to its word; whether it was; this cycle's threshold."""
        width = self.params.membrane.width
        leaked = second.state.membrane + round_shift(product, raw.k_shift)
        if self._kicked:
            leaked = leaked + second.kick
        threshold = second.own.threshold + offset
        if self.params.raw.reset == Reset.SUBTRACT_LATE:
            leaked = leaked - owed
        if self.params.raw.reset == Reset.SUBTRACT_GUARDED:
            threshold = threshold + owed
        bounded_value, clipped_value = saturate(leaked, width)
        bounded = Signal(shape(self.params.membrane))
        clipped = Signal()
        limit = Signal(threshold.shape())
        with m.If(self.enable):
            m.d.sync += [
                bounded.eq(bounded_value),
                clipped.eq(clipped_value),
                limit.eq(threshold),
            ]
        return bounded, clipped, limit

    def _fire(self, m: Module, raw: Tuned, third: Any, bounded: Any, clipped: Any, limit: Any) -> None:
        """Stage 4: compare with the threshold; a neuron that fires is reset."""
        width, waits = self.params.membrane.width, bool(self.params.raw.refractory_ticks)
        active = Signal()
        m.d.comb += active.eq(third.state.refractory == 0 if waits else Const(1))
        healthy = Signal(init=1)
        stays = Signal()
        if raw.faults:
            fault = third.own.fault
            m.d.comb += [healthy.eq(fault == HEALTHY), stays.eq((fault == STUCK_ON) | (fault == DEAD))]
        fires = Signal()
        m.d.comb += fires.eq(active & healthy & (bounded >= limit))
        after: Any = bounded
        after_clipped: Any = Const(0, 1)
        if self.params.raw.reset == Reset.TO_VALUE:
            after = Value.cast(raw.hold_raw)
        elif self.params.raw.reset in (Reset.SUBTRACT, Reset.SUBTRACT_GUARDED):
            after, after_clipped = saturate(bounded - (third.own.threshold - raw.hold_raw), width)
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
            if self._noisy:
                m.d.sync += self.next_state.noise.eq(Mux(fires, noise.advance(third.state.noise), third.state.noise))


class LifArray(NeuronArray):
    """N leaky integrate-and-fire neurons on L lanes.

    Parameters
    ----------
    params : LifParams
        Parameters of the neurons.
    lanes : int
        Neurons updated in parallel, 1 to ``params.count``.
    loadable : bool
        Whether parameters can be changed at run time.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.

    Raises
    ------
    ValueError
        If `lanes` is outside its range, or `protection` has another value.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : ports and timing.
    """

    params: LifParams

    def __init__(self, params: LifParams, lanes: int, loadable: bool = False, protection: str = "none") -> None:
        columns = {"threshold": params.column("threshold")}
        if params.raw.faults:
            columns["fault"] = params.column("fault")
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
        """Values to load into `tuning` for other neurons of the same structure.

        A ``ValueError`` is raised if a coefficient is finer than the circuit can represent.

        Parameters
        ----------
        params : LifParams
            Parameters of the other neurons.

        Returns
        -------
        dict of str to int
            Value of each field of `tuning_layout`.
        """
        raw, built = params.raw._asdict(), self.params.raw
        raw["k_raw"] = rescaled("k", params.raw.k_raw, params.raw.k_shift, built.k_shift)
        raw["noise_scale_raw"] = rescaled(
            "the scale of the noise", params.raw.noise_scale_raw, params.raw.noise_shift, built.noise_shift
        )
        return {name: raw[name] for name in tuning_layout(self.params).members}


LIF = Neuron(model=lif.LIF, array=LifArray)
