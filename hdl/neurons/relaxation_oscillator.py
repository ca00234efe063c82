"""Relaxation oscillators in the circuit: equal to ``neuristor.golden_model.neurons.relaxation_oscillator``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array as Table
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden_noise
from neuristor.golden_model.neurons import relaxation_oscillator
from neuristor.golden_model.neurons.relaxation_oscillator import LAGS, RelaxationOscillatorParams
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON
from neuristor.hdl import noise
from neuristor.hdl.array import NeuronArray, Tuned, check_lanes, in_rows, rescaled, state_layout
from neuristor.hdl.fixed import floor_shift, round_shift, saturate, shape
from neuristor.hdl.lane import Lane
from neuristor.hdl.neighbours import Neighbours
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["RelaxationOscillatorArray", "RelaxationOscillatorLane"]


HEADROOM = 2
"""Bits above the scale of the noise that can be loaded."""


def parameter_columns(params: RelaxationOscillatorParams, loadable: bool = False) -> dict[str, Any]:
    """What the oscillators do not all have in common, or may not."""
    columns = {"threshold": params.threshold_raw, "hold": params.hold_raw, "fault": params.fault_raw}
    may = ("threshold", "hold") if loadable else ()
    return {name: column for name, column in columns.items() if name in may or (column != column[0]).any()}


def tuning_layout(params: RelaxationOscillatorParams) -> data.StructLayout:
    """What can be loaded for all oscillators: how much noise there is, if there is any."""
    bits = unsigned(9 + HEADROOM)
    return data.StructLayout({"threshold_noise_raw": bits, "hold_noise_raw": bits} if params.noisy else {})


class RelaxationOscillatorLane(Lane):
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
    tuning : In(StructLayout), seed : In(32)
        Of the noise, if there is any and the array is loadable.
    pull : In(signed)
        Of the neighbours, one enabled clock after `state`; only with coupling.
    next_state : Out(state_layout)
    spike, saturated : Out(1)
        All `latency` enabled clocks after `state`.
    load : In(1)
    initial_state : Out(state_layout)
        The state after reset of the lane's next oscillator, `clear_clocks` clocks after `load`.
    """

    latency = 4
    interval = 1
    clear_clocks = 1 + golden_noise.SEED_STEPS

    def __init__(
        self,
        params: RelaxationOscillatorParams,
        lane: int = 0,
        lanes: int = 1,
        pull_shape: signed | None = None,  # type: ignore[valid-type]
        loadable: bool = False,
    ) -> None:
        self.params = params
        self._tuned = loadable and params.noisy
        self._lane, self._lanes = lane, lanes
        state, member = state_layout(params), shape(params.membrane)
        shapes = {"threshold": member, "hold": member, "fault": unsigned(2)}
        self._own = {name: shapes[name] for name in parameter_columns(params, loadable)}
        super().__init__(
            {
                "enable": In(1),
                "state": In(state),
                "drive": In(shape(params.drive)),
                **({"parameters": In(data.StructLayout(self._own))} if self._own else {}),
                **({"pull": In(pull_shape)} if pull_shape is not None else {}),
                **({"tuning": In(tuning_layout(params)), "seed": In(32)} if self._tuned else {}),
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
            m.submodules.seeder = seeder = noise.Seeder(self.params.seed, self._lane, self._lanes, self._tuned)
            if self._tuned:
                m.d.comb += seeder.seed.eq(self.seed)
            if self.params.noisy:
                m.d.comb += self.initial_state.noise.eq(seeder.state)
            if raw.initial_span:
                membrane = membrane + ((seeder.state[:8] * raw.initial_span) >> 8)
            m.d.comb += seeder.load.eq(self.load)
        m.d.comb += self.initial_state.membrane.eq(membrane)

    def _reach(self) -> tuple[range, range]:
        """Where a tick can take the membrane before it is bounded, and how far, from any state."""
        params, raw = self.params, self.params.raw
        pull = 0
        if params.coupling is not None:
            pull = (raw.coupling_raw << self.pull.shape().width - 1 >> raw.coupling_shift) + 1
        half = 1 << raw.k_shift >> 1
        low, high = ((each << raw.drive_shift) + half for each in (params.drive.min_raw, params.drive.max_raw))
        # All is linear in the membrane and in the input: the extremes are at the corners.
        moves = [
            (membrane, ((target - membrane) * k + force) >> raw.k_shift)
            for target, of_lag in zip(
                (raw.insulating_raw, raw.metallic_raw), (raw.k_raw[: raw.lags], raw.k_raw[raw.lags :]), strict=True
            )
            for k in of_lag
            for membrane in (raw.membrane_min, raw.membrane_max)
            for force in (low - pull, high + pull)
        ]
        ends, travels = [sum(move) for move in moves], [travel for _, travel in moves]
        return range(min(ends), max(ends) + 1), range(min(travels), max(travels) + 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, width = self.params, self.params.membrane.width
        raw: Any = Tuned(params.raw, self.tuning if self._tuned else None)
        noisy, late = params.noisy, raw.lags > 1
        self._initial(m)

        def register(name: str, value: Value) -> Any:
            """The value, a stage later."""
            held = Signal(value.shape(), name=name)
            with m.If(self.enable):
                m.d.sync += held.eq(value)
            return held

        # What a stage passes on unchanged: the state as it was, whether it conducts, its threshold without
        # noise, and its fault.
        carried = data.StructLayout(
            {
                "state": self.state.shape(),
                "conducts": unsigned(1),
                "base": signed(width),
                "fault": unsigned(2),
            }
        )
        now: Any = Signal(carried, name="stage_0")
        stages: list[Any] = [Signal(carried, name=f"stage_{n}") for n in range(1, self.latency)]
        first, second, third = stages
        common = {"threshold": params.threshold_raw[0], "hold": params.hold_raw[0], "fault": params.fault_raw[0]}

        def own(name: str) -> Any:
            return self.parameters[name] if name in self._own else Const(int(common[name]), shape(params.membrane))

        m.d.comb += [
            now.state.eq(self.state),
            now.conducts.eq(self.state.metallic),
            now.base.eq(Mux(now.conducts, own("hold"), own("threshold"))),
        ]
        if raw.faults:
            m.d.comb += [now.fault.eq(own("fault")), now.conducts.eq(self.state.metallic | (now.fault == STUCK_ON))]
        with m.If(self.enable):
            m.d.sync += [after.eq(before) for before, after in zip([now, *stages], stages, strict=False)]

        # 1: how far the membrane is from the target of its state, and the coefficient of this tick; the
        # input on the grid of their product, with half a step to round
        target = Mux(now.conducts, Const(raw.metallic_raw, signed(width)), Const(raw.insulating_raw, signed(width)))
        entry = Table(raw.k_raw)[Cat(self.state.lag, now.conducts) if late else now.conducts]
        difference = register("difference", target - self.state.membrane)
        coefficient = register("coefficient", Value.cast(entry))
        force = register("force", (self.drive << raw.drive_shift) + (1 << raw.k_shift >> 1))
        draw: Any = register("draw", noise.byte_sum(self.state.noise)) if noisy else None

        # 2: their product; what it is added to for how far the membrane moves (`push`), where it ends
        # (`rest`), and how far that is beyond the threshold (`over`); noise and pull
        before = first.state.membrane
        product = register("product", difference * coefficient)
        push = register("push", force)
        rest = register("rest", (before << raw.k_shift) + force)
        over = register("over", ((before - first.base) << raw.k_shift) + force)
        offset: Any = Const(0, signed(1))
        pull: Any = Const(0, signed(1))
        if noisy:
            scale = Mux(first.conducts, raw.hold_noise_raw, raw.threshold_noise_raw)
            offset = register("offset", noise.offset(draw, scale, raw.noise_shift))
        if params.coupling is not None:
            pull = register("pull_product", round_shift(self.pull * raw.coupling_raw, raw.coupling_shift))

        # 3: the three sums, side by side and in words just wide enough; what the last stage compares and picks
        moved_range, travel_range = self._reach()
        moved_sum = Signal(moved_range)
        travel_sum = Signal(travel_range)
        beyond_sum = Signal(range(moved_range.start - raw.membrane_max, moved_range.stop))  # no threshold is negative
        m.d.comb += [
            moved_sum.eq(floor_shift(product + rest + pull, raw.k_shift)),
            travel_sum.eq(floor_shift(product + push + pull, raw.k_shift)),
            beyond_sum.eq(floor_shift(product + over + pull - (offset << raw.k_shift), raw.k_shift)),
        ]
        moved, beyond = register("moved", moved_sum), register("beyond", beyond_sum)
        limit = Signal(signed(width))
        with m.If(self.enable):
            m.d.sync += limit.eq(second.base + offset)  # fits, by the check of the parameters
        if late:
            travel = register("travel", travel_sum)
            travel_3 = register("travel_3", travel_sum + (travel_sum << 1))
            travel_5 = register("travel_5", travel_sum + (travel_sum << 2))
            travel_7 = register("travel_7", (travel_sum << 3) - travel_sum)
            lengths = Cat(second.state.lag, second.conducts)
            lags = [
                register(f"lag_{part}", Value.cast(Table(raw.late_raw[part::LAGS])[lengths])) for part in range(LAGS)
            ]

        # 4: the membrane kept inside its word; across the threshold or not, and how long ago
        conducts = third.conducts
        membrane = Signal(signed(width))
        bounded, clipped = saturate(moved, width)
        crosses = Signal()
        stays = Signal()
        m.d.comb += [
            crosses.eq(Mux(conducts, beyond[-1] | (beyond == 0), ~beyond[-1])),
            membrane.eq(bounded),
        ]
        if raw.faults:
            with m.If(third.fault != HEALTHY):
                m.d.comb += crosses.eq(0)
            with m.If(third.fault == DEAD):
                m.d.comb += [stays.eq(1), membrane.eq(third.state.membrane)]
        next_state = self.next_state
        if late:
            with m.If(crosses):
                m.d.comb += membrane.eq(limit)
            eighths = [travel, travel << 1, travel_3, travel << 2, travel_5, travel_3 << 1, travel_7]
            # 8 beyond >= n travel, each by the sign of one difference. While conducting both are negative and
            # <= counts: the other sign, and a bit below that leaves equality on its side.
            passed = [~(((beyond << 4) - Cat(conducts, each).as_signed())[-1] ^ conducts) for each in eighths]

            def pick(low: int, high: int) -> Any:
                """The lag of one of these parts; who passed an eighth has passed those before it."""
                middle = (low + high) // 2
                return lags[low] if low == high else Mux(passed[middle], pick(middle + 1, high), pick(low, middle))

            with m.If(self.enable):
                m.d.sync += next_state.lag.eq(Mux(crosses, pick(0, LAGS - 1), 0))
        with m.If(self.enable):
            m.d.sync += [
                self.spike.eq(crosses & ~third.state.metallic),
                self.saturated.eq(clipped & ~stays),
                next_state.membrane.eq(membrane),
                next_state.metallic.eq(third.state.metallic ^ crosses),
            ]
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
    loadable : bool
    protection : str
        Of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : the ports and the timing.
    """

    params: RelaxationOscillatorParams

    def __init__(
        self, params: RelaxationOscillatorParams, lanes: int, loadable: bool = False, protection: str = "none"
    ) -> None:
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
        columns = parameter_columns(params, loadable)
        super().__init__(
            params,
            lanes,
            lane=lambda index: RelaxationOscillatorLane(params, index, lanes, pull_shape, loadable),
            parameters=in_rows(columns, lanes) if columns else None,
            neighbours=neighbours,
            loadable=loadable,
            protection=protection,
        )

    def tuned(self, params: RelaxationOscillatorParams) -> dict[str, int]:
        """The tuning for other oscillators of the same structure.

        Raises
        ------
        ValueError
            If the noise needs another shift.
        """
        raw, shift, built = params.raw._asdict(), params.raw.noise_shift, self.params.raw.noise_shift
        names = tuning_layout(self.params).members
        return {name: rescaled("the scale of the noise", raw[name], shift, built) for name in names}


RELAXATION_OSCILLATOR = Neuron(model=relaxation_oscillator.RELAXATION_OSCILLATOR, array=RelaxationOscillatorArray)
