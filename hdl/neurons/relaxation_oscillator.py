"""Relaxation oscillators in the circuit: equal to ``neuristor.golden_model.neurons.relaxation_oscillator``."""

from __future__ import annotations

from typing import Any, NamedTuple

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
from neuristor.hdl.edges import coupling_term
from neuristor.hdl.fixed import floor_shift, round_shift, saturate, shape
from neuristor.hdl.lane import Lane
from neuristor.hdl.neurons.contract import Neuron

__all__ = ["RelaxationOscillatorArray", "RelaxationOscillatorLane"]

HEADROOM = 2
"""Bits above those of the built-in noise scale, where the noise is loadable."""


def parameter_columns(params: RelaxationOscillatorParams, loadable: bool = False) -> dict[str, Any]:
    """Per-oscillator parameters that are stored in block RAM.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the oscillators.
    loadable : bool
        Whether parameters can be changed at run time: thresholds and hold voltages are then always stored.

    Returns
    -------
    dict of ndarray of int64, shape (count,)
        Those of ``threshold``, ``hold`` and ``fault`` that differ between oscillators, or may differ when loaded.
    """
    columns = {"threshold": params.threshold_raw, "hold": params.hold_raw, "fault": params.fault_raw}
    may = ("threshold", "hold") if loadable else ()
    return {name: column for name, column in columns.items() if name in may or (column != column[0]).any()}


def tuning_layout(params: RelaxationOscillatorParams) -> data.StructLayout:
    """Layout of the loadable parameters that all oscillators share.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters that the circuit is built for.

    Returns
    -------
    StructLayout
        The scales of the threshold noise and of the hold noise; empty without noise.
    """
    bits = unsigned(noise.scale_bits(params.raw.threshold_noise_raw, params.raw.hold_noise_raw) + HEADROOM)
    return data.StructLayout({"threshold_noise_raw": bits, "hold_noise_raw": bits} if params.noisy else {})


class _Differences(NamedTuple):
    """Registers after stage 1."""

    difference: Any
    """Distance of the membrane from its target."""
    coefficient: Any
    """Coefficient of this tick."""
    force: Any
    """Input on the grid of their product, plus half a step for rounding."""
    draw: Any
    """Noise draw; None without noise."""


class _Products(NamedTuple):
    """Registers after stage 2."""

    product: Any
    """Difference times coefficient."""
    push: Any
    """What is added to it for the distance that the membrane moves."""
    rest: Any
    """What is added to it for the place where the membrane ends."""
    over: Any
    """What is added to it for the distance of that place beyond the threshold."""
    offset: Any
    """Noise of the threshold."""
    pull: Any
    """Coupling current, on the grid of the product."""


class _Sums(NamedTuple):
    """Registers after stage 3."""

    moved: Any
    """Where the membrane ends."""
    beyond: Any
    """Its distance beyond the threshold."""
    limit: Any
    """The threshold of the present state of the switch, with noise."""
    eighths: list[Any]
    """1 to 7 times the distance that the membrane moves; empty with crossings on ticks."""
    lags: list[Any]
    """The lag, for each eighth of the way in which the threshold may be crossed; empty with crossings on ticks."""


class RelaxationOscillatorLane(Lane):
    """The pipeline of one lane: accepts one oscillator and returns one in each clock, 4 clocks later.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the oscillators.
    lane : int
        Number of the lane in its array; selects the noise seeds.
    lanes : int
        Lanes of the array.
    pull_shape : Shape, optional
        Shape of the input `pull`; None without coupling.
    loadable : bool
        Whether parameters can be changed at run time.

    Members
    -------
    enable : In(1)
        The pipeline advances in this clock; without it, every register keeps its value.
    state : In(state_layout)
        State before the tick: ``membrane``, ``metallic``, and ``lag``, ``change`` and ``noise`` where the oscillators
        have them.
    drive : In(signed)
        Input in volt per tick, on the grid of ``params.drive``.
    parameters : In(StructLayout), optional
        The columns of `parameter_columns`; voltages on the grid of ``params.membrane``.
    tuning : In(StructLayout), optional
        Loaded scales of the noise. Only with noise in a loadable array.
    seed : In(32), optional
        Loaded seed of the noise. Only with `tuning`.
    pull : In(signed), optional
        Sum of the differences to the neighbours, on the grid of ``params.membrane``, one enabled clock after `state`.
        Only with coupling.
    next_state : Out(state_layout)
        State after the tick, 4 enabled clocks after `state`.
    spike : Out(1)
        The switch became metallic; at the same time as `next_state`.
    saturated : Out(1)
        The membrane was clamped to the range of its word; at the same time as `next_state`.
    load : In(1)
        Prepare the initial state of the next oscillator of the lane.
    initial_state : Out(state_layout)
        That state, `clear_clocks` clocks after `load`.
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
        self._late = params.raw.lags > 1
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

    def elaborate(self, platform: object) -> Module:
        m = Module()
        raw = Tuned(self.params.raw, self.tuning if self._tuned else None)
        self._prepare_initial_state(m)
        now, first, second, third = self._carry(m)
        differences = self._subtract(m, raw, now)
        products = self._multiply(m, raw, first, differences)
        sums = self._add(m, raw, second, products)
        self._switch(m, raw, third, sums)
        return m

    def _prepare_initial_state(self, m: Module) -> None:
        """The state after reset of the next oscillator of the lane."""
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

    def _register(self, m: Module, name: str, value: Value) -> Any:
        """The value, one stage later."""
        held = Signal(value.shape(), name=name)
        with m.If(self.enable):
            m.d.sync += held.eq(value)
        return held

    def _parameter(self, name: str) -> Any:
        """A parameter of the oscillator: stored, or the same for all."""
        if name in self._own:
            return self.parameters[name]
        column = {"threshold": self.params.threshold_raw, "hold": self.params.hold_raw, "fault": self.params.fault_raw}
        return Const(int(column[name][0]), shape(self.params.membrane))

    def _carry(self, m: Module) -> list[Any]:
        """What the stages pass on unchanged; returns it before stage 1 and after stages 1 to 3.

        The old state, whether the switch conducts, its threshold without noise, and its fault.
        """
        carried = data.StructLayout(
            {
                "state": self.state.shape(),
                "conducts": unsigned(1),
                "base": signed(self.params.membrane.width),
                "fault": unsigned(2),
            }
        )
        now: Any = Signal(carried, name="stage_0")
        stages: list[Any] = [Signal(carried, name=f"stage_{n}") for n in range(1, self.latency)]
        conducts = Signal()  # apart from the word: a word that depends on itself looks like a loop to Verilator
        m.d.comb += [
            conducts.eq(self.state.metallic),
            now.state.eq(self.state),
            now.conducts.eq(conducts),
            now.base.eq(Mux(conducts, self._parameter("hold"), self._parameter("threshold"))),
        ]
        if self.params.raw.faults:
            fault = Signal(2)
            m.d.comb += [
                fault.eq(self._parameter("fault")),
                now.fault.eq(fault),
                conducts.eq(self.state.metallic | (fault == STUCK_ON)),
            ]
        with m.If(self.enable):
            m.d.sync += [after.eq(before) for before, after in zip([now, *stages], stages, strict=False)]
        return [now, *stages]

    def _subtract(self, m: Module, raw: Any, now: Any) -> _Differences:
        """Stage 1: the distance of the membrane from the target of its state, and the coefficient of this tick."""
        noisy, late, width = self.params.noisy, self._late, self.params.membrane.width
        target = Mux(now.conducts, Const(raw.metallic_raw, signed(width)), Const(raw.insulating_raw, signed(width)))
        entry = Table(raw.k_raw)[Cat(self.state.lag, now.conducts) if late else now.conducts]
        return _Differences(
            difference=self._register(m, "difference", target - self.state.membrane),
            coefficient=self._register(m, "coefficient", Value.cast(entry)),
            force=self._register(m, "force", (self.drive << raw.drive_shift) + (1 << raw.k_shift >> 1)),
            draw=self._register(m, "draw", noise.byte_sum(self.state.noise)) if noisy else None,
        )

    def _multiply(self, m: Module, raw: Any, first: Any, differences: _Differences) -> _Products:
        """Stage 2: their product, what is added to it in stage 3, the noise of the threshold and the coupling."""
        difference, coefficient, force, draw = differences
        before = first.state.membrane
        product = self._register(m, "product", difference * coefficient)
        push = self._register(m, "push", force)
        rest = self._register(m, "rest", (before << raw.k_shift) + force)
        over = self._register(m, "over", ((before - first.base) << raw.k_shift) + force)
        offset: Any = Const(0, signed(1))
        pull: Any = Const(0, signed(1))
        if self.params.noisy:
            scale = Mux(first.conducts, raw.hold_noise_raw, raw.threshold_noise_raw)
            offset = self._register(m, "offset", noise.offset(draw, scale, raw.noise_shift))
        if self.params.coupling is not None:
            pull = self._register(m, "pull_product", round_shift(self.pull * raw.coupling_raw, raw.coupling_shift))
        return _Products(product, push, rest, over, offset, pull)

    def _reach(self) -> tuple[range, range]:
        """Where a tick can take the membrane before it is clamped, and by how much it can move, from any state."""
        params, raw = self.params, self.params.raw
        pull = 0
        if params.coupling is not None:
            pull = (raw.coupling_raw << self.pull.shape().width - 1 >> raw.coupling_shift) + 1
        half = 1 << raw.k_shift >> 1
        low, high = ((each << raw.drive_shift) + half for each in (params.drive.min_raw, params.drive.max_raw))
        # Linear in the membrane and in the input: the extremes are at the corners.
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

    def _add(self, m: Module, raw: Any, second: Any, products: _Products) -> _Sums:
        """Stage 3: three sums in parallel, in words just wide enough, and what stage 4 compares and selects."""
        product, push, rest, over, offset, pull = products
        moved_range, travel_range = self._reach()
        moved_sum = Signal(moved_range)
        travel_sum = Signal(travel_range)
        beyond_sum = Signal(range(moved_range.start - raw.membrane_max, moved_range.stop))  # no threshold is negative
        m.d.comb += [
            moved_sum.eq(floor_shift(product + rest + pull, raw.k_shift)),
            travel_sum.eq(floor_shift(product + push + pull, raw.k_shift)),
            beyond_sum.eq(floor_shift(product + over + pull - (offset << raw.k_shift), raw.k_shift)),
        ]
        moved, beyond = self._register(m, "moved", moved_sum), self._register(m, "beyond", beyond_sum)
        limit = Signal(signed(self.params.membrane.width))
        with m.If(self.enable):
            m.d.sync += limit.eq(second.base + offset)  # fits, by the check of the parameters
        if not self._late:
            return _Sums(moved, beyond, limit, [], [])
        travel = self._register(m, "travel", travel_sum)
        travel_3 = self._register(m, "travel_3", travel_sum + (travel_sum << 1))
        travel_5 = self._register(m, "travel_5", travel_sum + (travel_sum << 2))
        travel_7 = self._register(m, "travel_7", (travel_sum << 3) - travel_sum)
        lengths = Cat(second.state.lag, second.conducts)
        lags = [
            self._register(m, f"lag_{part}", Value.cast(Table(raw.late_raw[part::LAGS])[lengths]))
            for part in range(LAGS)
        ]
        eighths = [travel, travel << 1, travel_3, travel << 2, travel_5, travel_3 << 1, travel_7]
        return _Sums(moved, beyond, limit, eighths, lags)

    def _switch(self, m: Module, raw: Any, third: Any, sums: _Sums) -> None:
        """Stage 4: clamp the membrane to its word; find whether and when it crossed the threshold."""
        width = self.params.membrane.width
        conducts = third.conducts
        membrane = Signal(signed(width))
        bounded, clipped = saturate(sums.moved, width)
        beyond = sums.beyond
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
        if self._late:
            with m.If(crosses):
                m.d.comb += membrane.eq(sums.limit)
            lag = self._lag(conducts, sums)
            with m.If(self.enable):
                m.d.sync += next_state.lag.eq(Mux(crosses, lag, 0))
        with m.If(self.enable):
            m.d.sync += [
                self.spike.eq(crosses & ~third.state.metallic),
                self.saturated.eq(clipped & ~stays),
                next_state.membrane.eq(membrane),
                next_state.metallic.eq(third.state.metallic ^ crosses),
            ]
            if raw.capacitive:
                m.d.sync += next_state.change.eq(membrane - third.state.membrane)
            if self.params.noisy:
                m.d.sync += next_state.noise.eq(Mux(crosses, noise.advance(third.state.noise), third.state.noise))

    def _lag(self, conducts: Any, sums: _Sums) -> Any:
        """The lag of a crossing: selected by the eighth of the way in which the membrane passed the threshold."""
        # 8 beyond >= n travel, each by the sign of one difference. While the switch conducts, both are negative and
        # <= is needed: the sign is inverted, and a bit appended below makes equality count as passed.
        passed = [~(((sums.beyond << 4) - Cat(conducts, each).as_signed())[-1] ^ conducts) for each in sums.eighths]

        def pick(low: int, high: int) -> Any:
            """The lag among these parts: the membrane that passed an eighth has passed all those before it."""
            middle = (low + high) // 2
            return sums.lags[low] if low == high else Mux(passed[middle], pick(middle + 1, high), pick(low, middle))

        return pick(0, LAGS - 1)


class RelaxationOscillatorArray(NeuronArray):
    """N relaxation oscillators on L lanes.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the oscillators.
    lanes : int
        Oscillators updated in parallel, 1 to ``params.count``.
    loadable : bool
        Whether parameters can be changed at run time.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-oscillator parameters; see ``neuristor.hdl.protection``.
    edges_per_clock : int, optional
        Edges summed in a clock, where each has its own value: `lanes` times a power of two; by default `lanes`.

    Raises
    ------
    ValueError
        If `lanes` or `edges_per_clock` is outside its range, or `protection` has another value.

    See Also
    --------
    neuristor.hdl.array.NeuronArray : ports and timing.
    """

    params: RelaxationOscillatorParams

    def __init__(
        self,
        params: RelaxationOscillatorParams,
        lanes: int,
        loadable: bool = False,
        protection: str = "none",
        edges_per_clock: int | None = None,
    ) -> None:
        check_lanes(params, lanes)
        neighbours = None
        if params.coupling is not None:
            capacitive = bool(params.raw.capacitive)
            neighbours = coupling_term(
                params.coupling,
                lanes,
                width=params.membrane.width + capacitive,
                field="change" if capacitive else "membrane",
                loadable=loadable,
                walkers=edges_per_clock,
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
        """Values to load into `tuning` for other oscillators of the same structure.

        A ``ValueError`` is raised if a scale of the noise is finer than the circuit can represent.

        Parameters
        ----------
        params : RelaxationOscillatorParams
            Parameters of the other oscillators.

        Returns
        -------
        dict of str to int
            Value of each field of `tuning_layout`.
        """
        raw, shift, built = params.raw._asdict(), params.raw.noise_shift, self.params.raw.noise_shift
        names = tuning_layout(self.params).members
        return {name: rescaled("the scale of the noise", raw[name], shift, built) for name in names}


RELAXATION_OSCILLATOR = Neuron(model=relaxation_oscillator.RELAXATION_OSCILLATOR, array=RelaxationOscillatorArray)
