"""Relaxation oscillators in the circuit: equal to ``golden_model.relaxation_oscillator``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array as Table
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden_model import noise as golden_noise
from golden_model.relaxation_oscillator import RelaxationOscillatorParams
from golden_model.variability import DEAD, HEALTHY, STUCK_ON
from hdl import noise
from hdl.array import NeuronArray, check_lanes, in_rows, state_layout
from hdl.fixed import floor_shift, round_shift, saturate, shape
from hdl.neighbours import Neighbours

__all__ = ["RelaxationOscillatorArray", "RelaxationOscillatorLane"]


def parameter_columns(params: RelaxationOscillatorParams) -> dict[str, Any]:
    """What the oscillators do not all have in common."""
    columns = {"threshold": params.threshold_raw, "hold": params.hold_raw, "fault": params.fault_raw}
    return {name: column for name, column in columns.items() if (column != column[0]).any()}


class RelaxationOscillatorLane(wiring.Component):
    """The pipeline of one lane: one oscillator in and one out each clock.

    Parameters
    ----------
    params : RelaxationOscillatorParams
    lane, lanes : int
        Which lane of how many; decides the noise seeds.

    Members
    -------
    enable : In(1)
        The pipeline moves.
    state : In(state_layout)
    drive : In(signed)
    parameters : In(StructLayout)
        Those of ``threshold``, ``hold`` and ``fault`` that differ from oscillator to oscillator.
    pull : In(signed)
        Of the neighbours, one enabled clock after `state`; only with coupling.
    next_state : Out(state_layout)
    spike, saturated : Out(1)
        All `latency` enabled clocks after `state`.
    load : In(1)
    initial_state : Out(state_layout)
        The state after reset of the lane's next oscillator, `clear_clocks` clocks after `load`.
    """

    enable: Signal
    state: data.View[Any]
    drive: Signal
    parameters: data.View[Any]
    pull: Signal
    next_state: data.View[Any]
    spike: Signal
    saturated: Signal
    load: Signal
    initial_state: data.View[Any]

    latency = 4
    clear_clocks = 1 + golden_noise.SEED_STEPS

    def __init__(
        self,
        params: RelaxationOscillatorParams,
        lane: int = 0,
        lanes: int = 1,
        pull_shape: signed | None = None,  # type: ignore[valid-type]
    ) -> None:
        self.params = params
        self._lane, self._lanes = lane, lanes
        state, member = state_layout(params), shape(params.membrane)
        shapes = {"threshold": member, "hold": member, "fault": unsigned(2)}
        self._own = {name: shapes[name] for name in parameter_columns(params)}
        super().__init__(
            {
                "enable": In(1),
                "state": In(state),
                "drive": In(shape(params.drive)),
                **({"parameters": In(data.StructLayout(self._own))} if self._own else {}),
                **({"pull": In(pull_shape)} if pull_shape is not None else {}),
                "next_state": Out(state),
                "spike": Out(1),
                "saturated": Out(1),
                "load": In(1),
                "initial_state": Out(state),
            }
        )

    def _initial(self, m: Module) -> None:
        raw = self.params.raw
        membrane: Any = Const(raw.initial_raw, signed(self.params.membrane.width))
        if self.params.noisy or raw.initial_span:
            m.submodules.seeder = seeder = noise.Seeder(self.params.seed, self._lane, self._lanes)
            if self.params.noisy:
                m.d.comb += self.initial_state.noise.eq(seeder.state)
            if raw.initial_span:
                membrane = membrane + ((seeder.state[:8] * raw.initial_span) >> 8)
            m.d.comb += seeder.load.eq(self.load)
        m.d.comb += self.initial_state.membrane.eq(membrane)

    def _late(self, beyond: Value, travel: Value, entry: Value) -> Value:
        """The lag of a crossing: from the eighth of its way that was too far, without a divider."""
        three, five, seven = travel + (travel << 1), travel + (travel << 2), (travel << 3) - travel
        eighths = [travel, travel << 1, three, travel << 2, five, three << 1, seven]
        passed = [(beyond << 3) >= eighth for eighth in eighths]
        # Who passed an eighth has passed those before it.
        part = Cat(
            (passed[0] & ~passed[1]) | (passed[2] & ~passed[3]) | (passed[4] & ~passed[5]) | passed[6],
            (passed[1] & ~passed[3]) | passed[5],
            passed[3],
        )
        return Value.cast(Table(self.params.raw.late_raw)[Cat(part, entry)])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, raw, width = self.params, self.params.raw, self.params.membrane.width
        noisy, late = params.noisy, raw.lags > 1
        self._initial(m)

        # What a stage passes on unchanged: the state, what it does not share, and whether it conducts.
        carried = data.StructLayout(
            {"state": self.state.shape(), "own": data.StructLayout(self._own), "conducts": unsigned(1)}
        )
        stages: list[Any] = [Signal(carried, name=f"stage_{n}") for n in range(1, self.latency)]
        first, second, third = stages
        now: Any = Signal(carried, name="stage_0")
        common = {"threshold": params.threshold_raw[0], "hold": params.hold_raw[0], "fault": params.fault_raw[0]}

        def own(stage: Any, name: str) -> Any:
            return stage.own[name] if name in self._own else Const(int(common[name]), shape(params.membrane))

        m.d.comb += [now.state.eq(self.state), now.conducts.eq(self.state.metallic)]
        if self._own:
            m.d.comb += now.own.eq(self.parameters)
        if raw.faults:
            m.d.comb += now.conducts.eq(self.state.metallic | (own(now, "fault") == STUCK_ON))
        with m.If(self.enable):
            m.d.sync += [after.eq(before) for before, after in zip([now, *stages], stages, strict=False)]

        # 1: how far the membrane is from the target of its state, and the coefficient of this tick
        target = Mux(now.conducts, Const(raw.metallic_raw, signed(width)), Const(raw.insulating_raw, signed(width)))
        difference = Signal((target - self.state.membrane).shape())
        coefficient = Signal(range(max(raw.k_raw) + 1))
        entry = Table(raw.k_raw)[Cat(self.state.lag, now.conducts) if late else now.conducts]
        draw = Signal(range(-golden_noise.CENTRE, golden_noise.CENTRE + 1))
        drive = Signal.like(self.drive)
        with m.If(self.enable):
            m.d.sync += [difference.eq(target - self.state.membrane), coefficient.eq(entry), drive.eq(self.drive)]
            if noisy:
                m.d.sync += draw.eq(noise.byte_sum(self.state.noise))

        # 2: their product; on its grid the membrane, half a step to round, and input; pull and noise
        product = Signal((difference * coefficient).shape())
        half = 1 << raw.k_shift >> 1
        rest_value = (first.state.membrane << raw.k_shift) + ((drive << raw.drive_shift) + half)
        rest = Signal(rest_value.shape())
        scale = Mux(first.conducts, raw.hold_noise_raw, raw.threshold_noise_raw)
        offset = Signal(noise.offset(draw, scale, raw.noise_shift).shape())
        pull: Any = Const(0, signed(1))
        with m.If(self.enable):
            m.d.sync += [product.eq(difference * coefficient), rest.eq(rest_value)]
            if noisy:
                m.d.sync += offset.eq(noise.offset(draw, scale, raw.noise_shift))
        if params.coupling is not None:
            pull_value = round_shift(self.pull * raw.coupling_raw, raw.coupling_shift)
            pull = Signal(pull_value.shape(), name="pull_product")
            with m.If(self.enable):
                m.d.sync += pull.eq(pull_value)

        # 3: the membrane; how far it is beyond the threshold of its state, and how far it came in this tick
        before = second.state.membrane
        moved_value = Signal(floor_shift(product + (rest + pull), raw.k_shift).shape())
        base = Mux(second.conducts, own(second, "hold"), own(second, "threshold")).as_signed()
        limit_value = Signal(signed(width))
        m.d.comb += [
            moved_value.eq(floor_shift(product + (rest + pull), raw.k_shift)),
            limit_value.eq(base + offset if noisy else base),  # fits, by the check of the parameters
        ]
        moved = Signal.like(moved_value, name="moved")
        limit = Signal.like(limit_value, name="limit")
        beyond = Signal((moved - limit).shape())
        travel = Signal((moved - before).shape())
        with m.If(self.enable):
            m.d.sync += [
                moved.eq(moved_value),
                limit.eq(limit_value),
                beyond.eq(Mux(second.conducts, limit_value - moved_value, moved_value - limit_value)),
                travel.eq(Mux(second.conducts, before - moved_value, moved_value - before)),
            ]

        # 4: the membrane kept inside its word; across the threshold or not, and how long ago
        bounded, clipped = saturate(moved, width)
        crosses, stays = Signal(), Signal()
        m.d.comb += crosses.eq(~beyond[-1])
        if raw.faults:
            fault = own(third, "fault")
            m.d.comb += [crosses.eq(~beyond[-1] & (fault == HEALTHY)), stays.eq(fault == DEAD)]
        membrane = Signal(signed(width))
        m.d.comb += membrane.eq(Mux(stays, third.state.membrane, bounded))
        if late:
            with m.If(crosses):
                m.d.comb += membrane.eq(limit)
        next_state = self.next_state
        with m.If(self.enable):
            m.d.sync += [
                self.spike.eq(crosses & ~third.state.metallic),
                self.saturated.eq(clipped & ~stays),
                next_state.membrane.eq(membrane),
                next_state.metallic.eq(third.state.metallic ^ crosses),
            ]
            if late:
                m.d.sync += next_state.lag.eq(
                    Mux(crosses, self._late(beyond, travel, Cat(third.state.lag, third.conducts)), 0)
                )
            if raw.capacitive:
                m.d.sync += next_state.change.eq(membrane - third.state.membrane)
            if noisy:
                m.d.sync += next_state.noise.eq(Mux(crosses, noise.advance(third.state.noise), third.state.noise))
        return m


class RelaxationOscillatorArray(NeuronArray):
    """N relaxation oscillators on L lanes.

    Parameters
    ----------
    params : RelaxationOscillatorParams
    lanes : int

    See Also
    --------
    hdl.array.NeuronArray : the ports and the timing.
    """

    def __init__(self, params: RelaxationOscillatorParams, lanes: int) -> None:
        check_lanes(params, lanes)
        neighbours = None
        if params.coupling is not None:
            capacitive = bool(params.raw.capacitive)
            neighbours = Neighbours(
                params.coupling,
                lanes,
                width=params.membrane.width + capacitive,
                field="change" if capacitive else "membrane",
            )
        pull_shape = None if neighbours is None else neighbours.pull_shape
        columns = parameter_columns(params)
        super().__init__(
            params,
            lanes,
            lane=lambda index: RelaxationOscillatorLane(params, index, lanes, pull_shape),
            parameters=in_rows(columns, lanes) if columns else None,
            neighbours=neighbours,
        )


Array = RelaxationOscillatorArray
