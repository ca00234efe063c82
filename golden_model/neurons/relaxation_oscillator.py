"""Relaxation oscillators: a threshold switch, a resistor and a capacitor beyond the firing threshold.

In each state s of the switch the membrane relaxes towards a target voltage; input current and coupling elements add
charge (equations 1 and 2 of ``devices.threshold_switch``)::

    C dv/dt = (target_s - v) / R_s' + current + coupling          s in {insulating, metallic}
    insulating, v >= V_th    -> metallic: a spike
    metallic,   v <= V_hold  -> insulating

Over one tick of length `dt` the linear part is exact, with one multiplier and one coefficient for each state::

    v <- v + (target_s - v) k_s + drive + coupling                k_s = 1 - exp(-dt / tau_s)

If crossings are detected only at the ends of ticks (``crossings="on_ticks"``), each is up to `dt` late and the membrane
overshoots: with a fast discharge the frequency is some percent too low. With ``crossings="interpolated"`` the membrane
stops at the threshold, and the rest of the tick after the crossing is stored in eighths (`lag`). For any input it
follows from the fraction r of the way that is beyond the threshold::

    r = (v - V_th) / (v - v_before)        rest = tau ln(1 + r (exp(y) - 1))

with y the length of the tick divided by tau. The next tick is longer by this rest: its coefficient is
``1 - exp(-(1 + (lag - 1/2) / 8) dt / tau_s)``. Lags and coefficients are tables.

The order within a tick is the same in the float model, the bit-true model and the circuit:

1. the membrane relaxes, and input and coupling are added; the coupling has the neighbours' state after the previous
   tick: ``sum (v_j - v_i) dt / (R_c C)`` or ``sum (dv_j - dv_i) C_c / C``;
2. it is compared with the threshold of the present state of the switch, with the noise of this half-cycle;
3. an oscillator that crosses changes its state and draws the noise of the next half-cycle.

References
----------
P. Maffezzoni et al., IEEE TCAS-I 62(9), 2015 (the circuit). M. J. Shelley and L. Tao, J. Comput.
Neurosci. 11, 2001 (crossings interpolated within a time step).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.devices.network import OscillatorNetwork
from neuristor.golden_model.devices.phase_response import coupling_strength, locks
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format, lookup, round_shift, saturate, select
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.coupling import WEIGHT_BITS, Coupling
from neuristor.golden_model.neurons.model import (
    SHORTEST_TICK,
    BitTrueModel,
    Bound,
    Events,
    Field,
    NeuronParams,
    ReferenceModel,
)
from neuristor.golden_model.units import other_prefix, si
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON, Variability

__all__ = [
    "CODES",
    "LAGS",
    "RelaxationOscillatorBitTrue",
    "RelaxationOscillatorOptions",
    "RelaxationOscillatorParams",
    "RelaxationOscillatorRaw",
    "RelaxationOscillatorReference",
    "alone",
    "bound",
    "check_current",
    "from_circuit",
    "rate",
    "resized",
    "shadow",
    "step",
    "summary",
    "swing",
    "update",
    "window",
]

LAGS = 8
"""Parts of a tick in which crossings are located."""
SPREAD = (
    *("threshold_d2d", "hold_d2d", "threshold_c2c", "hold_c2c"),
    *("stuck_on", "stuck_off", "dead"),
)
"""The spread that the model accepts."""
CODES = 16
"""Values of `lag`: 0 for none; n for ``(n - 1/2) / LAGS`` ticks, up to almost two ticks."""


class RelaxationOscillatorRaw(NamedTuple):
    """The integers the circuit is built from; all are shared by all oscillators of an array.

    Voltages are on the grid of ``params.membrane``. "The product" is difference times coefficient, whose grid is
    ``2**k_shift`` times finer.
    """

    insulating_raw: int
    """Target voltage of the insulating state."""
    metallic_raw: int
    """Target voltage of the metallic state."""
    k_raw: tuple[int, ...]
    """Coefficients: those of the insulating state, then those of the metallic state, one for each lag."""
    k_shift: int
    """Right shift of the product."""
    lags: int
    """Entries of `k_raw` for each state: 16, or 1 with crossings on ticks."""
    late_raw: tuple[int, ...]
    """Lag of a crossing: for each entry of `k_raw` there are 8, by the fraction of the way beyond the threshold."""
    drive_shift: int
    """Left shift of an input word, to the grid of the product."""
    coupling_raw: int
    """Coefficient of the coupling term; 0 without coupling."""
    coupling_shift: int
    """Right shift of coefficient times coupling term, to the grid of the product."""
    capacitive: int
    """1 if the coupling term is made of changes, 0 if it is made of voltages."""
    initial_raw: int
    """Membrane after reset, without its random part."""
    initial_span: int
    """Range of the random part; 0 for none."""
    threshold_noise_raw: int
    """Scale of the noise of V_th; 0 for none."""
    hold_noise_raw: int
    """Scale of the noise of V_hold; 0 for none."""
    noise_shift: int
    """Right shift of the product of noise draw and scale."""
    faults: int
    """1 if there are broken devices."""
    membrane_min: int
    """Lowest value of the membrane word."""
    membrane_max: int
    """Highest value of the membrane word."""


@dataclass(frozen=True, kw_only=True)
class RelaxationOscillatorParams(NeuronParams):
    """An array of relaxation oscillators: devices and word lengths.

    Parameters
    ----------
    count : int
        Oscillators in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second; at most twice the shortest time constant of the circuit.
    membrane : Format
        Word of the membrane and of the thresholds, in volt.
    drive : Format
        Word of the input, in volt per tick.
    coefficient_bits : int
        Significant bits of the largest coefficient, 6 to 18.
    circuit : Circuit
        Circuit of each oscillator. Without input it may be silent or latched.
    spread : Variability
        Spread, noise and faults of the devices.
    coupling : Coupling, optional
        Coupling of the oscillators; none when absent.
    crossings : {"interpolated", "on_ticks"}
        Threshold crossings are located within a tick, in eighths, or at its end.
    start : {"zero", "random"}
        Voltage after reset: 0 V, or random between V_hold and V_th, given by the seed.

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range; the message names it.
    OverflowError
        If a threshold does not fit `membrane`.
    """

    circuit: Circuit
    count: int
    dt: float
    spread: Variability = Variability()
    coupling: Coupling | None = None
    crossings: Literal["interpolated", "on_ticks"] = "interpolated"
    start: Literal["zero", "random"] = "zero"
    membrane: Format = Format(3, 14)
    drive: Format = Format(0, 23)
    coefficient_bits: int = 17

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        positive("dt", self.dt)
        self.spread.only("relaxation_oscillator", *SPREAD)
        if self.crossings not in ("interpolated", "on_ticks"):
            raise ValueError(f"crossings must be 'interpolated' or 'on_ticks', not {self.crossings!r}")
        if self.start not in ("zero", "random"):
            raise ValueError(f"start must be 'zero' or 'random', not {self.start!r}")
        whole("coefficient_bits", self.coefficient_bits, 6, 18)
        if self.coupling is not None and self.coupling.count != self.count:
            raise ValueError(f"coupling must be for {self.count} oscillators, not {self.coupling.count}")
        self.circuit.check_latch()
        self._check_tick()
        if self.coupling is not None:
            self._check_coupling(self.coupling)
        self._check_words()

    def _check_tick(self) -> None:
        limit = 2 * min(self.circuit.tau_ins, self.circuit.tau_met)
        if self.dt > limit:
            capacitance = self.circuit.capacitance
            question = ""
            if capacitance < 1e-15:
                question = other_prefix(capacitance, "F", lambda c: self.dt <= limit * c / capacitance)
                question = question.replace("is it", "is the capacitance")
            elif self.dt > 100 * limit:
                question = other_prefix(self.dt, "s", lambda dt: dt <= limit)
            raise ValueError(
                f"dt must be at most {si(limit, 's')}, twice the shortest time constant with {si(capacitance, 'F')}, "
                f"not {si(self.dt, 's')}{question}"
            )
        if self.dt < limit * SHORTEST_TICK:
            capacitance = self.circuit.capacitance
            question = other_prefix(self.dt, "s", lambda dt: limit / 100 <= dt <= limit)
            if capacitance > 1e-9:
                fits = other_prefix(capacitance, "F", lambda c: self.dt <= limit * c / capacitance <= 100 * self.dt)
                question = fits.replace("is it", "is the capacitance") or question
            raise ValueError(
                f"dt must be at least {si(limit * SHORTEST_TICK, 's')}, a millionth of twice the shortest time "
                f"constant with {si(capacitance, 'F')}, not {si(self.dt, 's')}{question}"
            )

    def measured(self, columns: Mapping[str, NDArray[np.float64]]) -> RelaxationOscillatorParams:
        """The same oscillators with measured devices.

        Parameters
        ----------
        columns : mapping of str to ndarray of float, shape (count,)
            ``v_th`` and ``v_hold`` of each device, in volt.

        Returns
        -------
        RelaxationOscillatorParams
            Their parameters.
        """
        others = {name: column for name, column in columns.items() if name not in ("v_th", "v_hold")}
        super().measured(others)  # raises if there are any
        spread = self.spread
        v_th, v_hold = (tuple(columns[name].tolist()) if name in columns else () for name in ("v_th", "v_hold"))
        return replace(self, spread=replace(spread, v_th=v_th or spread.v_th, v_hold=v_hold or spread.v_hold))

    def _check_coupling(self, coupling: Coupling) -> None:
        circuit, degree, load = self.circuit, coupling.degree, coupling.load
        if coupling.kind == "weight":
            raise ValueError("coupling must be 'resistive' or 'capacitive' in the model relaxation_oscillator")
        if coupling.kind == "capacitive" and not coupling.value * load < circuit.capacitance / 4:
            raise ValueError(
                f"coupling_capacitance times {degree} neighbours must be below a quarter of the capacitance "
                f"({si(circuit.capacitance / 4 / load, 'F')} an element), not {si(coupling.value, 'F')}"
            )
        if coupling.kind == "resistive" and not self._pull * load < 0.25:
            least = self._pull * coupling.value * load * 4
            raise ValueError(
                f"coupling_resistance must be above {si(least, 'ohm')} for {degree} neighbours and this tick, "
                f"not {si(coupling.value, 'ohm')}" + other_prefix(coupling.value, "ohm", lambda r: r > least)
            )

    def _check_words(self) -> None:
        shift = self.membrane.frac_bits + self._k_shift
        if self.drive.frac_bits > shift:
            raise ValueError(f"drive must have at most {shift} fraction bits, not {self.drive.frac_bits}")
        widths = [self.membrane.width + 1 + self.coefficient_bits, self.drive.width + shift - self.drive.frac_bits]
        if self.coupling is not None:
            pulled = self.membrane.width + 2 + self.coupling.degree.bit_length()
            widths.append(pulled + max(0, self.raw.coupling_raw).bit_length())
            if self.coupling.weighted:
                widths.append(pulled + WEIGHT_BITS + self.coupling.degree.bit_length())
        if max(widths) + 2 > 62:
            raise ValueError(f"membrane, drive and coefficient_bits need {max(widths) + 2} bits; at most 62 are exact")
        low, high = min(self.raw.k_raw), max(self.raw.k_raw)
        if low < 4 or high >> self.coefficient_bits:
            raise ValueError(
                f"coefficient_bits must be larger: the insulating coefficient of one tick "
                f"({self.k[0]:.3g}) has less than two bits at {self.coefficient_bits}, for dt {si(self.dt, 's')}"
            )
        up = [abs(self._offset(draw, met)) for draw in (noise.CENTRE, -noise.CENTRE) for met in (0, 1)]
        threshold_margin, hold_margin = max(up[0], up[2]), max(up[1], up[3])
        if int(self.threshold_raw.max()) + threshold_margin > self.membrane.max_raw:
            word, wider = self.membrane, self.membrane.widened(self.membrane.max)
            raise OverflowError(
                f"threshold with its noise must be at most {si(word.max, 'V')} with membrane = [{word.int_bits}, "
                f"{word.frac_bits}]; membrane = [{wider.int_bits}, {word.frac_bits}] holds it"
            )
        gap = (self.threshold_raw - threshold_margin) - (self.hold_raw + hold_margin)
        if int(gap.min()) <= 0 or int(self.hold_raw.min()) - hold_margin <= 0:
            worst = int(np.argmin(gap))
            raise ValueError(
                "threshold_d2d, threshold_c2c, hold_d2d and hold_c2c must leave every threshold above its hold "
                f"voltage, and that above zero; oscillator {worst} has {si(self.thresholds[worst], 'V')} "
                f"and {si(self.holds[worst], 'V')}, before noise"
            )

    def _offset(self, draw: int, metallic: int) -> int:
        scale = self.raw.hold_noise_raw if metallic else self.raw.threshold_noise_raw
        return int(round_shift(draw * scale, self.raw.noise_shift))

    @cached_property
    def k(self) -> tuple[float, ...]:
        """The exact coefficients, in the order of ``raw.k_raw``."""
        lags = [0.0]
        if self.crossings == "interpolated":
            lags += [(code - 0.5) / LAGS for code in range(1, CODES)]
        return tuple(
            -math.expm1(-self.dt * (1 + lag) / tau)
            for tau in (self.circuit.tau_ins, self.circuit.tau_met)
            for lag in lags
        )

    @cached_property
    def _k_shift(self) -> int:
        return self.coefficient_bits + max(0, -1 - math.floor(math.log2(max(self.k))))

    @property
    def _late(self) -> tuple[int, ...]:
        """The lag of a crossing in a tick of each length, for each eighth of the way beyond the threshold.

        With the fraction r of the way, and y the length of the tick divided by tau, the rest of the tick is
        ``ln(1 + r (exp(y) - 1)) tau`` for any input.
        """
        made = []
        for entry, k in enumerate(self.k):
            tau = self.circuit.tau_ins if entry < CODES else self.circuit.tau_met
            for part in range(LAGS):
                left = math.log1p((part + 0.5) / LAGS * (1 / (1 - k) - 1)) * tau / self.dt
                made.append(min(max(math.floor(LAGS * left) + 1, 1), CODES - 1))
        return tuple(made)

    @property
    def drive_per_ampere(self) -> float:
        """Change of the membrane in a tick per input current, in ohm; exact in the insulating state."""
        return self.circuit.input_resistance * self.k[0]

    @property
    def _pull(self) -> float:
        """Change of the membrane in a tick per difference to a neighbour."""
        coupling = self.coupling
        if coupling is None:
            return 0.0
        if coupling.kind == "capacitive":
            return coupling.value / self.circuit.capacitance
        return self.drive_per_ampere / coupling.value

    @cached_property
    def raw(self) -> RelaxationOscillatorRaw:
        """The integers the circuit is built from.

        Raises
        ------
        ValueError
            If the coupling is too weak for its coefficient.
        """
        circuit, spread, shift = self.circuit, self.spread, self._k_shift
        coupling_raw = coupling_shift = 0
        if self.coupling is not None:
            coupling_shift = max(0, 9 - math.floor(math.log2(self._pull)) - shift)  # 10 significant bits or more
            coupling_raw = math.floor(self._pull * 2 ** (shift + coupling_shift) + 0.5)
            if coupling_shift > 24:
                raise ValueError(f"coupling must be stronger: it moves a neighbour by {self._pull:.3g} a tick")
        scales = [
            noise.scale_for(sigma * mean / self.membrane.resolution)
            for sigma, mean in ((spread.threshold_c2c, circuit.device.v_th), (spread.hold_c2c, circuit.device.v_hold))
        ]
        noise_shift = max(each for _, each in scales)
        threshold, hold = (scale << (noise_shift - each) if scale else 0 for scale, each in scales)
        v_th, v_hold = (
            int(self.membrane_words(v, "v_th or v_hold")) for v in (circuit.device.v_th, circuit.device.v_hold)
        )
        random = self.start == "random"
        return RelaxationOscillatorRaw(
            insulating_raw=int(self.membrane_words(circuit.target_ins(), "the insulating target")),
            metallic_raw=int(self.membrane_words(circuit.target_met(), "the metallic target")),
            k_raw=tuple(math.floor(k * 2**shift + 0.5) for k in self.k),
            k_shift=shift,
            lags=len(self.k) // 2,
            late_raw=self._late if len(self.k) > 2 else (0,),
            drive_shift=self.membrane.frac_bits + shift - self.drive.frac_bits,
            coupling_raw=coupling_raw,
            coupling_shift=coupling_shift,
            capacitive=int(self.coupling is not None and self.coupling.kind == "capacitive"),
            initial_raw=v_hold if random else 0,
            initial_span=v_th - v_hold if random else 0,
            threshold_noise_raw=threshold,
            hold_noise_raw=hold,
            noise_shift=noise_shift,
            faults=int(bool(self.fault_raw.any())),
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
        )

    @property
    def noisy(self) -> bool:
        """Whether there is cycle-to-cycle noise."""
        return bool(self.raw.threshold_noise_raw or self.raw.hold_noise_raw)

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """V_th of each device, in volt, shape (count,), before rounding."""
        return self.spread.thresholds(self.circuit.device.v_th, self.count)

    @cached_property
    def holds(self) -> NDArray[np.float64]:
        """V_hold of each device, in volt, shape (count,), before rounding."""
        return self.spread.holds(self.circuit.device.v_hold, self.count)

    @cached_property
    def threshold_raw(self) -> NDArray[np.int64]:
        """V_th of each device, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self.thresholds, "threshold with its device-to-device spread")

    @cached_property
    def hold_raw(self) -> NDArray[np.int64]:
        """V_hold of each device, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self.holds, "hold with its device-to-device spread")

    @cached_property
    def fault_raw(self) -> NDArray[np.int64]:
        """Kind of fault of each device, a code of ``neuristor.golden_model.variability``, shape (count,)."""
        return self.spread.faults(self.count)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the state fields that a reader of the array wants, besides the spikes."""
        return ("membrane", "metallic")

    @cached_property
    def initial(self) -> dict[str, NDArray[np.int64]]:
        """State after reset without the noise, as raw integers, each of shape (count,)."""
        zero = np.zeros(self.count, dtype=np.int64)
        draw = noise.first_states(self.seed, self.count) & 255
        membrane = self.raw.initial_raw + ((draw * self.raw.initial_span) >> 8)
        return {"membrane": membrane, "metallic": zero, "lag": zero, "change": zero}

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one oscillator, as the block RAM stores it."""
        fields = [Field("membrane", self.membrane.width, True), Field("metallic", 1, False)]
        if self.raw.lags > 1:
            fields.append(Field("lag", (CODES - 1).bit_length(), False))
        if self.raw.capacitive:
            fields.append(Field("change", self.membrane.width + 1, True))
        if self.noisy:
            fields.append(Field("noise", 32, False))
        return tuple(fields)

    def drive_volts(self, current: ArrayLike) -> NDArray[np.float64]:
        """Change of the membrane by input currents, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input current, in ampere.

        Returns
        -------
        ndarray of float, same shape
            In volt per tick.
        """
        return np.asarray(self.drive_per_ampere * np.asarray(current, dtype=np.float64))


def update(
    raw: RelaxationOscillatorRaw,
    membrane: Any,
    metallic: Any,
    lag: Any,
    state: Any,
    threshold_raw: Any,
    hold_raw: Any,
    fault_raw: Any,
    force: Any,
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """One tick of an oscillator, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : RelaxationOscillatorRaw
        Integers of the array.
    membrane
        Membrane, on the grid of ``params.membrane``.
    metallic
        State of the switch: 1 if metallic.
    lag
        Rest of the previous tick after a crossing, as a code of `CODES`.
    state
        Noise state.
    threshold_raw, hold_raw
        V_th and V_hold, on the grid of ``params.membrane``.
    fault_raw
        Kind of fault.
    force
        Sum of input and coupling, see `force`.

    Returns
    -------
    membrane, metallic, lag, state
        State after the tick.
    spike
        Whether the switch becomes metallic.
    saturated
        Whether the membrane was clamped to the range of its word.
    """
    conducts = metallic == 1
    if raw.faults:
        conducts = conducts | (fault_raw == STUCK_ON)
    target = select(conducts, raw.metallic_raw, raw.insulating_raw)
    coefficient = lookup(select(conducts, raw.lags, 0) + lag, raw.k_raw)
    moved = membrane + round_shift((target - membrane) * coefficient + force, raw.k_shift)
    bounded = saturate(moved, raw.membrane_min, raw.membrane_max)
    clipped = moved != bounded
    limit = select(conducts, hold_raw, threshold_raw)
    if raw.threshold_noise_raw or raw.hold_noise_raw:
        scale = select(conducts, raw.hold_noise_raw, raw.threshold_noise_raw)
        limit = limit + round_shift(noise.byte_sum(state) * scale, raw.noise_shift)
    beyond = select(conducts, limit - moved, moved - limit)
    crosses = beyond >= 0
    if raw.faults:
        crosses = crosses & (fault_raw == HEALTHY)
        clipped = clipped & (fault_raw != DEAD)
        bounded = select(fault_raw == DEAD, membrane, bounded)
    if raw.lags > 1:
        travel = select(conducts, membrane - moved, moved - membrane)
        part = 0
        for eighth in range(1, LAGS):
            part = part + select(beyond << 3 >= eighth * travel, 1, 0)
        late = lookup((select(conducts, raw.lags, 0) + lag) * LAGS + part, raw.late_raw)
        lag = select(crosses, late, 0)
        bounded = select(crosses, limit, bounded)
    spike = crosses & (metallic == 0)
    metallic = select(crosses, 1 - metallic, metallic)
    if raw.threshold_noise_raw or raw.hold_noise_raw:
        state = select(crosses, noise.advance(state), state)
    return bounded, metallic, lag, state, spike, clipped


def force(raw: RelaxationOscillatorRaw, drive_raw: Any, pull: Any = None) -> Any:
    """Sum of input and coupling, on the grid of difference times coefficient.

    Parameters
    ----------
    raw : RelaxationOscillatorRaw
        Integers of the array.
    drive_raw
        Input word.
    pull
        Coupling term: sum of the differences to the neighbours (or of the differences of changes); None without
        coupling.
    """
    alone = drive_raw << raw.drive_shift
    if pull is None:
        return alone
    return alone + round_shift(pull * raw.coupling_raw, raw.coupling_shift)


def invariants(raw: RelaxationOscillatorRaw, state: Mapping[str, Any]) -> dict[str, Any]:
    """Invariants of the state, as claims by their text.

    Parameters
    ----------
    raw : RelaxationOscillatorRaw
        Integers of the array.
    state : mapping of str
        Each field of the state.
    """
    return {"the lag has an entry in the tables": state["lag"] < raw.lags}


def step(
    raw: RelaxationOscillatorRaw,
    membrane: Any,
    metallic: Any,
    lag: Any,
    state: Any,
    threshold_raw: Any,
    hold_raw: Any,
    fault_raw: Any,
    drive_raw: Any,
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """One tick of an oscillator without neighbours, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : RelaxationOscillatorRaw
        Integers of the array.
    membrane, metallic, lag, state, threshold_raw, hold_raw, fault_raw
        As in `update`.
    drive_raw
        Input word.

    Returns
    -------
    membrane, metallic, lag, state, spike, saturated
        As of `update`.
    """
    return update(raw, membrane, metallic, lag, state, threshold_raw, hold_raw, fault_raw, force(raw, drive_raw))


def coupled_step(raw: RelaxationOscillatorRaw, *state_and_parameters: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
    """One tick of an oscillator with neighbours, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : RelaxationOscillatorRaw
        Integers of the array.
    *state_and_parameters
        As in `step`, and after `drive_raw` the coupling term, as in `force`.

    Returns
    -------
    membrane, metallic, lag, state, spike, saturated
        As of `update`.
    """
    membrane, metallic, lag, state, threshold_raw, hold_raw, fault_raw, drive_raw, pull = state_and_parameters
    charge = force(raw, drive_raw, pull)
    return update(raw, membrane, metallic, lag, state, threshold_raw, hold_raw, fault_raw, charge)


class RelaxationOscillatorBitTrue(BitTrueModel):
    """An array of fixed-point relaxation oscillators: the specification of the circuit.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.

    Attributes
    ----------
    membrane : ndarray of int64, shape (count,)
        Membrane, on the grid of ``params.membrane``.
    metallic : ndarray of int64, shape (count,)
        State of each switch: 1 if metallic.
    lag : ndarray of int64, shape (count,)
        Rest of the previous tick after a crossing, as a code of `CODES`.
    change : ndarray of int64, shape (count,)
        Change of the membrane in the previous tick.
    noise : ndarray of int64, shape (count,)
        Noise states.
    """

    params: RelaxationOscillatorParams
    membrane: NDArray[np.int64]
    metallic: NDArray[np.int64]
    lag: NDArray[np.int64]
    change: NDArray[np.int64]

    tick = staticmethod(step)

    def step(self, drive_raw: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Advance one tick, with the coupling term of the neighbours.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (count,)
            Input words, on the grid of ``params.drive``.

        Returns
        -------
        ndarray of bool, shape (count,)
            Which switches became metallic.
        """
        raw, coupling, before = self.params.raw, self.params.coupling, self.membrane
        pull = None if coupling is None else coupling.pull(self.change if raw.capacitive else before)
        spike = self._advance(self.rule._replace(function=update), force(raw, drive_raw, pull))
        self.change = self.membrane - before
        return spike


class RelaxationOscillatorReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    locate : bool
        True: continuous time, exact between switchings, which are located. False: on ticks, in the order of the
        circuit, so that it differs from the bit-true model only by the word lengths.
    rounded : bool
        Use the rounded coefficients of the circuit; only on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        Membrane potential, in volt.
    metallic : ndarray of bool, shape (count,)
        State of each switch.
    switchings : list of (float, int, bool)
        All switchings since reset: time in second, oscillator, and whether its switch became metallic.
    """

    def __init__(self, params: RelaxationOscillatorParams, *, locate: bool = True, rounded: bool = False) -> None:
        raw = params.raw
        scale = 2.0**-raw.k_shift
        self._k = np.array(raw.k_raw) * scale if rounded else np.array(params.k)
        self._pull = raw.coupling_raw * scale * 2.0**-raw.coupling_shift if rounded else params._pull
        super().__init__(params, locate=locate, rounded=rounded)

    def _prepare(self) -> None:
        params = self.params
        self.membrane = params.membrane.value(params.initial["membrane"])
        self.metallic = np.zeros(params.count, dtype=bool)
        self._lag = np.zeros(params.count, dtype=np.int64)
        self._change = np.zeros(params.count)
        if self.locate:
            self._network = self._make_network()

    def _make_network(self) -> OscillatorNetwork:
        params, coupling = self.params, self.params.coupling
        matrices = {}
        if coupling is not None:
            matrices["conductance" if coupling.kind == "resistive" else "capacitance"] = coupling.matrix()
        network = OscillatorNetwork(
            params.circuit,
            params.count,
            v_th=params.thresholds.copy(),
            v_hold=params.holds.copy(),
            fixed=params.fault_raw != HEALTHY,
            **matrices,
        )
        network.voltage[:] = self.membrane
        network.metallic[:] = params.fault_raw == STUCK_ON
        return network

    def _limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """V_th and V_hold of each oscillator in this half-cycle, in volt."""
        params = self.params
        deviation = noise.byte_sum(self._draw) / noise.SIGMA
        device, spread = params.circuit.device, params.spread
        return (
            params.thresholds + spread.threshold_c2c * device.v_th * deviation,
            params.holds + spread.hold_c2c * device.v_hold * deviation,
        )

    def _switched(self, found: list[tuple[float, int, bool]]) -> Events:
        self.switchings += found
        on = [(when, who) for when, who, metallic in found if metallic]
        return [(np.array([who for _, who in on], dtype=np.intp), np.array([when for when, _ in on]))]

    def _located(self, drive: NDArray[np.float64]) -> Events:
        network, params = self._network, self.params

        def draw(index: int, metallic: bool) -> None:
            self._draw[index] = noise.advance(int(self._draw[index]))
            v_th, v_hold = self._limits()
            network.v_th[index], network.v_hold[index] = v_th[index], v_hold[index]

        if self.ticks == 0:
            network.v_th[:], network.v_hold[:] = self._limits()
        before = network.voltage.copy()
        found = network.advance(params.dt, drive / params.drive_per_ampere, draw if params.noisy else None)
        dead = params.fault_raw == DEAD
        if dead.any():
            network.voltage[dead] = before[dead]
        self.membrane, self.metallic = network.voltage.copy(), network.metallic.copy()
        return self._switched(found)

    def _on_ticks(self, drive: NDArray[np.float64]) -> Events:
        params, fault, before = self.params, self.params.fault_raw, self.membrane
        moved, conducts = self._moved(drive)
        v_th, v_hold = self._limits()
        limit = np.where(conducts, v_hold, v_th)
        sign = np.where(conducts, -1.0, 1.0)
        beyond, travel = sign * (moved - limit), sign * (moved - before)
        crosses = (beyond >= 0) & (fault == HEALTHY)
        self.metallic = np.where(crosses, ~conducts, self.metallic)
        times = (self.ticks + 1) * params.dts
        if params.raw.lags > 1:
            part = np.count_nonzero(8 * beyond >= np.arange(1, LAGS)[:, None] * travel, axis=0)
            late = np.array(params.raw.late_raw)[(np.where(conducts, params.raw.lags, 0) + self._lag) * LAGS + part]
            self._lag = np.where(crosses, late, 0)
            moved = np.where(crosses, limit, moved)
            times -= params.dt * (late - 0.5) / LAGS
        self.membrane = np.where(fault == DEAD, before, moved)
        self._change = self.membrane - before
        self._draw = np.where(crosses, noise.advance(self._draw), self._draw)
        return self._switched([(float(times[n]), int(n), bool(self.metallic[n])) for n in np.flatnonzero(crosses)])

    def _moved(self, drive: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The membrane after a tick without crossings, in volt, and which switches conduct."""
        params, raw, circuit = self.params, self.params.raw, self.params.circuit
        conducts = self.metallic | (params.fault_raw == STUCK_ON)
        target = np.where(conducts, circuit.target_met(), circuit.target_ins())
        k = self._k[np.where(conducts, raw.lags, 0) + self._lag]
        moved = self.membrane + (target - self.membrane) * k + drive
        if params.coupling is not None:
            moved = moved + self._pull * params.coupling.pull(self._change if raw.capacitive else self.membrane)
        return moved, conducts


def shadow(
    params: RelaxationOscillatorParams, drive: NDArray[np.float64], trace: dict[str, NDArray[np.int64]]
) -> NDArray[np.float64]:
    """The float membrane with the switchings of the bit-true model imposed, to which `bound` refers.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt per tick.
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Run of the bit-true model.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.
    """
    reference = RelaxationOscillatorReference(params, locate=False)
    metallic = trace["metallic"].astype(bool)
    lag = trace.get("lag", np.zeros_like(trace["metallic"]))
    made = np.empty(drive.shape)
    for tick, row in enumerate(drive):
        before = reference.membrane
        moved, _ = reference._moved(row)
        crosses = metallic[tick] != reference.metallic
        if params.raw.lags > 1:
            v_th, v_hold = reference._limits()
            moved = np.where(crosses, np.where(reference.metallic, v_hold, v_th), moved)
        reference.membrane = np.where(params.fault_raw == DEAD, before, moved)
        reference._change = reference.membrane - before
        reference._draw = np.where(crosses, noise.advance(reference._draw), reference._draw)
        reference.metallic, reference._lag = metallic[tick], lag[tick]
        made[tick] = reference.membrane
    return made


def swing(params: RelaxationOscillatorParams, drive: NDArray[np.float64], membrane: NDArray[np.float64]) -> float:
    """Largest ``|target - v|`` of a run, for `bound`.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt per tick; not used.
    membrane : ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.

    Returns
    -------
    float
        In volt.
    """
    reached = [0.0, float(membrane.min()), float(membrane.max())]
    targets = params.circuit.target_ins(), params.circuit.target_met()
    return max(abs(target - v) for target in targets for v in reached)


def bound(params: RelaxationOscillatorParams, swing: float) -> Bound:
    """Largest distance of the bit-true membrane from the float one, with the same switchings.

    With the largest membrane error e, the coefficient k of the state and the coefficient g of the coupling, one tick
    gives ``e' = (1 - k) e + g sum w_j (e_j - e_i) + errors``; the sum of the weights w of a neuron is at most the load.
    For coupling resistors, the sum over the neighbours subtracts what it adds if ``k + load g <= 1``, so e stays below
    errors / k. For coupling capacitors, e - g sum w_j (e_j - e_i) decays, and e is larger by 1 / (1 - 4 load g). A
    crossing replaces the membrane by a rounded threshold, or leaves it as it is.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    swing : float
        Largest ``|target - v|`` of the run, in volt.

    Returns
    -------
    Bound
        In volt, by cause.
    """
    raw, lsb = params.raw, params.membrane.resolution
    used = np.array(raw.k_raw) * 2.0**-raw.k_shift
    off = np.abs(used - np.array(params.k))
    factor = coupling_off = 0.0
    if params.coupling is not None:
        load = params.coupling.load
        used_pull = raw.coupling_raw * 2.0 ** -(raw.k_shift + raw.coupling_shift)
        # The coupling term is a sum of differences of voltages, or of changes, which are at most twice as large.
        span = params.circuit.device.v_th * (2 if raw.capacitive else 1)
        coupling_off = abs(used_pull - params._pull) * load * span + 0.5 * lsb * 2.0**-raw.k_shift
        if params.coupling.weighted:  # each weight is rounded, and so is their sum
            rounded = params.coupling.degree * 2.0 ** -(WEIGHT_BITS + 1)
            coupling_off += used_pull * (span * rounded + 0.5 * lsb)
            load += rounded
        factor = 4 * load * used_pull if raw.capacitive else 0.0
    # Errors decay at the rate of the present state; they stay below the largest of the levels of the states.
    rounding = float(np.max(0.5 * lsb / used))
    coefficient = float(np.max((off * swing + coupling_off) / used))
    inputs = float(np.max(0.5 * params.drive.resolution / used)) + 0.5 * lsb
    noise_lsb = 0.5 * lsb + (0.004 * 3.5 * _noise_sigma(params) if params.noisy else 0.0)
    parts = (rounding, coefficient, inputs + 0.5 * lsb + noise_lsb)
    return Bound(*(part / (1 - factor) for part in parts))


def _noise_sigma(params: RelaxationOscillatorParams) -> float:
    device, spread = params.circuit.device, params.spread
    return max(spread.threshold_c2c * device.v_th, spread.hold_c2c * device.v_hold)


@dataclass(frozen=True, kw_only=True)
class RelaxationOscillatorOptions:
    """Keys of a design file for relaxation oscillators, besides their number, the tick and the words.

    Parameters
    ----------
    crossings : {"interpolated", "on_ticks"}
        Threshold crossings are located within a tick, in eighths, or at its end.
    start : {"zero", "random"}
        Voltage after reset: 0 V, or random between V_hold and V_th.
    coupling : {"none", "resistive", "capacitive"}
        Kind of the coupling elements.
    coupling_resistance : float, optional
        Resistance of each coupling resistor, in ohm, above 0.
    coupling_capacitance : float, optional
        Capacitance of each coupling capacitor, in farad, above 0.
    topology : {"all_to_all", "ring", "chain", "grid", "torus", "edges"}
        Which oscillators are coupled.
    columns : int
        Columns of the grid or torus, at least 2 (3 for a torus).
    edges : list of [int, int]
        Coupled pairs of oscillators, for the topology "edges".
    """

    crossings: Literal["interpolated", "on_ticks"] = "interpolated"
    start: Literal["zero", "random"] = "zero"
    coupling: Literal["none", "resistive", "capacitive"] = "none"
    coupling_resistance: float | None = None
    coupling_capacitance: float | None = None
    topology: Literal["all_to_all", "ring", "chain", "grid", "torus", "edges"] = "all_to_all"
    columns: int = 0
    edges: tuple[tuple[int, int], ...] = ()

    def elements(self, count: int) -> Coupling | None:
        """The coupling that these keys describe.

        Parameters
        ----------
        count : int
            Oscillators of the array.

        Returns
        -------
        Coupling or None
            None without coupling.

        Raises
        ------
        ValueError
            If the value of the coupling element is missing, or that of another kind is given.
        """
        values = {"resistive": self.coupling_resistance, "capacitive": self.coupling_capacitance}
        names = {"resistive": "coupling_resistance", "capacitive": "coupling_capacitance"}
        for kind, value in values.items():
            if kind != self.coupling and value is not None:
                raise ValueError(f"{names[kind]} needs coupling = {kind!r}, not {self.coupling!r}")
        if self.coupling == "none":
            return None
        value = values[self.coupling]
        if value is None:
            raise ValueError(f"{names[self.coupling]} is missing: coupling is {self.coupling!r}")
        return Coupling(
            kind=self.coupling,
            value=value,
            topology=self.topology,
            count=count,
            columns=self.columns,
            edges=self.edges,
        )


def from_circuit(
    circuit: Circuit,
    *,
    count: int,
    options: RelaxationOscillatorOptions | None = None,
    spread: Variability | None = None,
    **common: Any,
) -> RelaxationOscillatorParams:
    """Make relaxation oscillators from a circuit.

    Parameters
    ----------
    circuit : Circuit
        The circuit around the device.
    count : int
        Oscillators of the array, 1 to 65,536.
    options : RelaxationOscillatorOptions, optional
        Keys of the model.
    spread : Variability, optional
        Spread, noise and faults of the devices.
    **common
        `dt` and words, as in :class:`RelaxationOscillatorParams`.

    Returns
    -------
    RelaxationOscillatorParams
        Parameters of the array.
    """
    options, spread = options or RelaxationOscillatorOptions(), spread or Variability()
    circuit.check_units()
    circuit.check_latch()
    if "membrane" not in common:
        largest = circuit.device.v_th * (1 + 6 * (spread.threshold_d2d + spread.threshold_c2c))
        largest = max(largest, abs(circuit.target_ins()), abs(circuit.target_met()))
        common["membrane"] = RelaxationOscillatorParams.membrane.widened(largest)
    return RelaxationOscillatorParams(
        circuit=circuit,
        count=count,
        spread=spread,
        coupling=options.elements(count),
        crossings=options.crossings,
        start=options.start,
        **common,
    )


def suggested_tick(circuit: Circuit) -> tuple[float, str]:
    """A time step for a circuit, and the reason for it.

    Parameters
    ----------
    circuit : Circuit
        The circuit around the device.

    Returns
    -------
    tick : float
        Time step, in second.
    reason : str
        How it was found.
    """
    return min(circuit.tau_ins / 50, circuit.tau_met / 10), "the smaller of tau_ins / 50 and tau_met / 10"


def alone(params: RelaxationOscillatorParams, count: int) -> RelaxationOscillatorParams:
    """Parameters of equal oscillators, without spread, noise, faults and coupling.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of an array.
    count : int
        Oscillators of the new array.
    """
    return replace(params, count=count, spread=Variability(seed=params.seed), coupling=None, start="zero")


def window(params: RelaxationOscillatorParams) -> tuple[float, float]:
    """Input currents under which an oscillator oscillates.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.

    Returns
    -------
    lowest, highest : float
        In ampere.
    """
    return params.circuit.firing_currents


def rate(params: RelaxationOscillatorParams, current: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequency under constant inputs, in continuous time and closed form.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array; its spread, noise, faults and coupling are ignored.
    current : ndarray of float, shape (n,)
        Input current, in ampere.

    Returns
    -------
    ndarray of float, shape (n,)
        Frequency in hertz; 0 where the circuit does not oscillate.
    """
    return np.array([params.circuit.frequency(i) for i in current.tolist()])


def resized(
    params: RelaxationOscillatorParams, *, fraction: int, coefficient: int, drive: int
) -> RelaxationOscillatorParams:
    """The same oscillators with other word lengths.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    fraction : int
        Fraction bits of the membrane.
    coefficient : int
        Significant bits of the coefficients.
    drive : int
        Fraction bits of the drive; at most ``fraction + coefficient`` are used.
    """
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, min(drive, fraction + coefficient)),
        coefficient_bits=coefficient,
    )


def check_current(params: RelaxationOscillatorParams, current: NDArray[np.float64]) -> None:
    """Check that an oscillator oscillates under an input.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.
    current : ndarray of float, any shape
        Input currents, in ampere.

    Raises
    ------
    ValueError
        If all inputs are outside the window of every device.
    """
    circuit, device = params.circuit, params.circuit.device
    low, high = circuit.firing_currents
    lows = low + (params.thresholds - device.v_th) / circuit.input_resistance
    highs = high + (params.holds - device.v_hold) * circuit.capacitance / circuit.tau_met
    lowest, highest = float(current.min()), float(current.max())
    inside = np.any([((current > a) & (current < b)).any() for a, b in zip(lows, highs, strict=True)])
    if not inside:
        given = si(lowest, "A") if lowest == highest else f"{si(lowest, 'A')} to {si(highest, 'A')}"
        cause = ""
        if lowest == highest == 0:
            least, most = circuit.series_resistance_window
            cause = f"; without input it {'is silent' if circuit.regime() == 'silent' else 'latches'}"
            if max(least, 0.0) < most:
                resistance = circuit.series_resistance
                cause += f", and needs a series_resistance between {si(least, 'ohm')} and {si(most, 'ohm')}"
                cause += f", not {si(resistance, 'ohm')}"
                cause += other_prefix(resistance, "ohm", lambda r: least < r < most)
            else:
                least, most = circuit.supply_window
                cause += (
                    f", and needs a supply between {si(least, 'V')} and {si(most, 'V')}, not {si(circuit.supply, 'V')}"
                )
        raise ValueError(
            f"an input must be between {si(low, 'A')} and {si(high, 'A')} for the circuit to oscillate, not "
            f"{given}{cause}"
        )


def summary(params: RelaxationOscillatorParams) -> list[tuple[str, str]]:
    """Describe the array for a reader.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.

    Returns
    -------
    list of (str, str)
        Labels and values.
    """
    circuit, coupling = params.circuit, params.coupling
    rows = [("frequency without input", f"{si(circuit.frequency(), 'Hz', 5)}, closed form")]
    if circuit.regime() == "oscillates":
        t_ins, t_met = circuit.periods()
        rows.append(("charging, discharging", f"{si(t_ins, 's')}, {si(t_met, 's')}"))
    if coupling is not None:
        unit = "ohm" if coupling.kind == "resistive" else "F"
        value: str = si(coupling.value, unit)
        if coupling.values:
            value = (
                f"{len(coupling.values)} edges of {si(min(coupling.values), unit)} to {si(max(coupling.values), unit)}"
            )
        rows.append(("coupling", f"{coupling.kind}, {value}, {coupling.topology}"))
        if circuit.regime() == "oscillates" and coupling.kind != "weight":
            k1 = coupling_strength(circuit, coupling.kind, coupling.value)
            stable = ", ".join(f"{phase:.0f}" for phase in locks(circuit, coupling.kind, coupling.value))
            rows.append(
                (
                    "phase response of a pair",
                    f"K1 / f = {k1 / circuit.frequency():+.4f}: pulls {'in phase' if k1 > 0 else 'apart'}; "
                    f"stable phase differences of equal oscillators: {stable} degrees",
                )
            )
    k_met = params.k[params.raw.lags]
    rows += [
        ("one tick", f"{si(params.dt, 's')}, k = {params.k[0]:.6g} insulating, {k_met:.6g} metallic"),
        ("crossings", params.crossings.replace("_", " ")),
        ("words", f"membrane {params.membrane}, drive {params.drive}, {params.coefficient_bits} coefficient bits"),
    ]
    return rows


def input_levels(params: RelaxationOscillatorParams) -> NDArray[np.int64]:
    """Input words under which a membrane stays at one of its thresholds.

    Parameters
    ----------
    params : RelaxationOscillatorParams
        Parameters of the array.

    Returns
    -------
    ndarray of int64, shape (levels,)
        Words that cancel the relaxation towards each target, at the first thresholds and hold voltages.
    """
    raw = params.raw
    at = np.concatenate([params.threshold_raw[:8], params.hold_raw[:8]])
    pulls = [(target - at) * k for target in (raw.insulating_raw, raw.metallic_raw) for k in raw.k_raw[:: raw.lags]]
    return np.asarray(-np.concatenate(pulls) >> raw.drive_shift)


RELAXATION_OSCILLATOR = NeuronModel(
    name="relaxation_oscillator",
    title="relaxation oscillator: a threshold switch that charges and discharges by itself",
    params=RelaxationOscillatorParams,
    options=RelaxationOscillatorOptions,
    circuit=Circuit,
    bit_true=RelaxationOscillatorBitTrue,
    reference=RelaxationOscillatorReference,
    spread=SPREAD,
    excitable=False,
    suggested_tick=suggested_tick,
    from_circuit=from_circuit,
    check_current=check_current,
    summary=summary,
    shadow=shadow,
    swing=swing,
    bound=bound,
    alone=alone,
    window=window,
    rate=rate,
    resized=resized,
    invariants=invariants,
    coupled_step=coupled_step,
    input_levels=input_levels,
)
"""The model, as the rest of Neuristor uses it."""
