"""Leaky integrate-and-fire neurons: a threshold switch, a resistor and a capacitor.

Between spikes the membrane relaxes towards `drive`, its steady-state voltage under the present input::

    tau dv/dt = drive - v                    drive = rest + input_resistance * current
    v >= threshold  ->  spike, v <- hold     (the switch opens again at V_hold, not at zero)

In the refractory period after a spike the membrane keeps its reset potential. The input is constant over one tick of
length `dt`, so the leak can be computed exactly, without the error of Euler's method::

    v <- v + (drive - v) k                   k = 1 - exp(-dt / tau)

The order within a tick is the same in the float model, the bit-true model and the circuit:

1. a neuron in its refractory period counts down and does nothing else;
2. any other neuron leaks and integrates, then compares with ``>=``;
3. a neuron that fires is reset, starts its refractory count, and draws its next threshold offset.

The input of tick t acts in tick t. The reset ``hold`` sets v to the hold voltage; ``subtract`` subtracts
(threshold - hold), which keeps the overshoot.

References
----------
The circuit is the relaxation oscillator of P. Maffezzoni et al., IEEE TCAS-I 62(9), 2015, below its
oscillation threshold. For the exact update see S. Rotter and M. Diesmann, Biol. Cybern. 81, 1999.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format, round_shift, saturate, select
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import BitTrueModel, Bound, Events, Field, NeuronParams, ReferenceModel
from neuristor.golden_model.units import other_prefix, si
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON, Variability

__all__ = [
    "LIF",
    "LifBitTrue",
    "LifOptions",
    "LifParams",
    "LifRaw",
    "LifReference",
    "Reset",
    "alone",
    "bound",
    "check_current",
    "fire",
    "from_circuit",
    "rate",
    "resized",
    "shadow",
    "step",
    "summary",
    "swing",
    "window",
]


class Reset(IntEnum):
    """What a spike does to the membrane. ``size`` is threshold - hold."""

    TO_VALUE = 0
    """It is set to hold."""
    SUBTRACT = 1
    """It is lowered by size."""
    SUBTRACT_LATE = 2
    """It is lowered by size in the next tick, after the leak."""
    SUBTRACT_GUARDED = 3
    """It is lowered by size; while it is still above the threshold, the threshold is higher by size."""
    NONE = 4
    """Nothing."""


SPREAD = ("threshold_d2d", "threshold_c2c", "stuck_on", "stuck_off", "dead")
"""The spread that the model accepts; V_hold has none."""


class LifRaw(NamedTuple):
    """The integers the circuit is built from; all are shared by all neurons of an array.

    Voltages are on the grid of `LifParams.membrane`.
    """

    k_raw: int
    """The decay coefficient; 1 if the leak is a power of two."""
    k_shift: int
    """Right shift of the product of difference and coefficient."""
    hold_raw: int
    """Voltage after a spike."""
    initial_raw: int
    """Membrane after reset."""
    refractory_ticks: int
    """Refractory period, in ticks; 0 for none."""
    reset: int
    """A code of `Reset`."""
    noise_scale_raw: int
    """Scale of the threshold noise; 0 for none."""
    noise_shift: int
    """Right shift of the product of noise draw and scale."""
    latched_raw: int
    """Membrane of a device that is stuck on."""
    faults: int
    """1 if there are broken devices."""
    membrane_min: int
    """Lowest value of the membrane word."""
    membrane_max: int
    """Highest value of the membrane word."""


@dataclass(frozen=True, kw_only=True)
class LifParams(NeuronParams):
    """An array of LIF neurons: devices and word lengths.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second; at most `tau`.
    membrane : Format
        Word of the membrane and of the thresholds, in volt.
    drive : Format
        Word of the input, in volt; as many fraction bits as `membrane`.
    coefficient_bits : int
        Significant bits of the decay coefficient k, 4 to 18.
    tau : float
        Membrane time constant, in second, above 0.
    threshold : float
        Firing threshold V_th, in volt; the mean over the devices.
    hold : float
        Voltage after a spike, V_hold, in volt; below `threshold`.
    rest : float
        Voltage without input and after reset, in volt; below `threshold`.
    input_resistance : float
        Steady-state voltage per input current, in ohm, above 0.
    refractory : float
        Refractory period, in second; rounded to whole ticks, 0 to 65,535.
    threshold_d2d : float
        Device-to-device spread of the threshold, one standard deviation, in volt.
    threshold_c2c : float
        Cycle-to-cycle noise of the threshold, one standard deviation, in volt.
    stuck_on : float
        Fraction of devices that are always metallic, 0 to 1. Broken devices do not fire.
    stuck_off : float
        Fraction of devices that never become metallic, 0 to 1.
    dead : float
        Fraction of devices that are not connected, 0 to 1.
    latched : float
        Membrane of a device that is stuck on, in volt.
    seed : int
        Seed of spread and noise, 0 to 2**32 - 1.
    reset : {"hold", "subtract"}
        After a spike: to the hold voltage, or down by (threshold - hold).
    leak : {"exact", "power_of_two"}
        ``power_of_two`` replaces k by the nearest ``2 ** -n`` and needs no multiplier.
    v_th : tuple of float
        Measured threshold of each device, in volt, above `hold` and `rest`; drawn from the spread when empty.

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range; the message names it.
    OverflowError
        If the threshold, the hold or the rest voltage does not fit `membrane`.
    """

    count: int
    tau: float
    threshold: float
    hold: float
    rest: float = 0.0
    input_resistance: float = 1.0
    refractory: float = 0.0
    threshold_d2d: float = 0.0
    threshold_c2c: float = 0.0
    stuck_on: float = 0.0
    stuck_off: float = 0.0
    dead: float = 0.0
    latched: float = 0.0
    seed: int = 1
    dt: float
    reset: Literal["hold", "subtract"] = "hold"
    leak: Literal["exact", "power_of_two"] = "exact"
    v_th: tuple[float, ...] = ()
    membrane: Format = Format(3, 13)
    drive: Format = Format(3, 13)
    coefficient_bits: int = 12

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        for name in ("tau", "dt", "input_resistance"):
            positive(name, getattr(self, name))
        for name in ("refractory", "threshold_d2d", "threshold_c2c"):
            positive(name, getattr(self, name), zero=True)
        for name in ("threshold", "hold", "rest", "latched"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, not {getattr(self, name)!r}")
        if not self.hold < self.threshold:
            raise ValueError(f"hold must be below threshold ({si(self.threshold, 'V')}), not {si(self.hold, 'V')}")
        if not self.rest < self.threshold:
            raise ValueError(
                f"rest must be below threshold ({si(self.threshold, 'V')}), or the neuron fires without "
                f"input, not {si(self.rest, 'V')}"
            )
        if self.dt > self.tau:
            raise ValueError(
                f"dt must be at most {si(self.tau, 's')}, the time constant, not {si(self.dt, 's')}"
                + (other_prefix(self.dt, "s", lambda dt: dt <= self.tau) if self.dt > 100 * self.tau else "")
            )
        if self.dt < self.tau * 2.0**-40:
            raise ValueError(
                f"dt must be at least {si(self.tau * 2.0**-40, 's')}, 2**-40 of the time constant {si(self.tau, 's')}, "
                f"not {si(self.dt, 's')}"
            )
        if self.reset not in ("hold", "subtract"):
            raise ValueError(f"reset must be 'hold' or 'subtract', not {self.reset!r}")
        if self.leak not in ("exact", "power_of_two"):
            raise ValueError(f"leak must be 'exact' or 'power_of_two', not {self.leak!r}")
        self._check_measured()
        self._faults()  # checks the fractions and the seed
        if self.drive.frac_bits != self.membrane.frac_bits:
            raise ValueError(
                f"drive must have the {self.membrane.frac_bits} fraction bits of membrane, not {self.drive.frac_bits}"
            )
        whole("coefficient_bits", self.coefficient_bits, 4, 18)
        width = max(self.drive.width, self.membrane.width) + 1 + self.coefficient_bits
        if width > 63:
            raise ValueError(f"drive, membrane and coefficient_bits need {width} bits; at most 63 are exact")
        ticks = self.refractory / self.dt
        if ticks > 65_535:
            raise ValueError(
                f"refractory ({si(self.refractory, 's')}) must be at most 65535 ticks, so dt must be at least "
                f"{si(self.refractory / 65_535, 's')}, not {si(self.dt, 's')}"
            )
        for name in ("threshold", "hold", "rest", "latched"):
            self.membrane_words(getattr(self, name), name)
        lowest = int(self.threshold_raw.min()) + min(0, self._lowest_offset())
        if lowest <= self.raw.hold_raw:
            raise ValueError(
                f"threshold_d2d and threshold_c2c must leave every threshold above hold ({si(self.hold, 'V')}); "
                f"with {si(self.threshold_d2d, 'V')} and {si(self.threshold_c2c, 'V')} the lowest is "
                f"{si(float(self.membrane.value(lowest)), 'V')}"
            )

    def _faults(self) -> Variability:
        return Variability(stuck_on=self.stuck_on, stuck_off=self.stuck_off, dead=self.dead, seed=self.seed)

    def _lowest_offset(self) -> int:
        return int(round_shift(-noise.CENTRE * self.raw.noise_scale_raw, self.raw.noise_shift))

    def _check_measured(self) -> None:
        if self.v_th and len(self.v_th) != self.count:
            raise ValueError(f"v_th must have a value for each of the {self.count} devices, not {len(self.v_th)}")
        if self.v_th and self.threshold_d2d:
            raise ValueError("threshold_d2d must be 0 for devices whose v_th is measured")
        for n, value in enumerate(self.v_th):
            if not max(self.hold, self.rest) < value < math.inf:
                raise ValueError(
                    f"v_th must be above {si(max(self.hold, self.rest), 'V')}, the hold and the rest voltage, not "
                    f"{si(value, 'V')} of device {n}"
                )

    def measured(self, columns: Mapping[str, NDArray[np.float64]]) -> LifParams:
        """The same neurons with measured devices.

        Parameters
        ----------
        columns : mapping of str to ndarray of float, shape (count,)
            ``v_th`` of each device, in volt.

        Returns
        -------
        LifParams
            Their parameters.
        """
        super().measured({name: column for name, column in columns.items() if name != "v_th"})
        return replace(self, v_th=tuple(columns["v_th"].tolist())) if "v_th" in columns else self

    @property
    def k(self) -> float:
        """The exact decay coefficient of one tick."""
        return -math.expm1(-self.dt / self.tau)

    @cached_property
    def raw(self) -> LifRaw:
        """The integers the circuit is built from."""
        if self.leak == "power_of_two":
            k_raw, k_shift = 1, max(0, round(-math.log2(self.k)))
        else:
            k_shift = self.coefficient_bits - 1 - math.floor(math.log2(self.k))
            k_raw = math.floor(self.k * 2**k_shift + 0.5)
            if k_raw == 1 << self.coefficient_bits:  # rounded up to the next power of two
                k_raw, k_shift = k_raw >> 1, k_shift - 1
        scale, shift = noise.scale_for(self.threshold_c2c / self.membrane.resolution)
        return LifRaw(
            k_raw=k_raw,
            k_shift=k_shift,
            hold_raw=int(self.membrane_words(self.hold, "hold")),
            initial_raw=int(self.membrane_words(self.rest, "rest")),
            refractory_ticks=math.floor(self.refractory / self.dt + 0.5),
            reset=int(Reset.SUBTRACT if self.reset == "subtract" else Reset.TO_VALUE),
            noise_scale_raw=scale,
            noise_shift=shift,
            latched_raw=int(self.membrane_words(self.latched, "latched")),
            faults=int(bool(self.fault_raw.any())),
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
        )

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """Firing threshold of each device, in volt, shape (count,), before rounding."""
        if self.v_th:
            return np.array(self.v_th)
        spread = np.random.default_rng(self.seed).standard_normal(self.count)
        return self.threshold + self.threshold_d2d * spread

    @property
    def holds(self) -> NDArray[np.float64]:
        """Voltage after a spike of each device, in volt, shape (count,)."""
        return np.full(self.count, self.hold)

    @cached_property
    def threshold_raw(self) -> NDArray[np.int64]:
        """Firing threshold of each device, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self.thresholds, "threshold with its device-to-device spread")

    @cached_property
    def fault_raw(self) -> NDArray[np.int64]:
        """Kind of fault of each device, a code of ``neuristor.golden_model.variability``, shape (count,)."""
        return self._faults().faults(self.count)

    @cached_property
    def initial(self) -> dict[str, NDArray[np.int64]]:
        """State after reset without the noise, as raw integers, each of shape (count,)."""
        zero = np.zeros(self.count, dtype=np.int64)
        return {"membrane": zero + self.raw.initial_raw, "refractory": zero}

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""
        fields = [Field("membrane", self.membrane.width, True)]
        if self.raw.refractory_ticks:
            fields.append(Field("refractory", self.raw.refractory_ticks.bit_length(), False))
        if self.raw.noise_scale_raw:
            fields.append(Field("noise", 32, False))
        return tuple(fields)

    def drive_volts(self, current: ArrayLike) -> NDArray[np.float64]:
        """Steady-state voltages under input currents, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input current, in ampere.

        Returns
        -------
        ndarray of float, same shape
            In volt.
        """
        with np.errstate(over="ignore"):  # infinity fits no word and is refused later
            return np.asarray(self.rest + self.input_resistance * np.asarray(current, dtype=np.float64))


def step(
    raw: LifRaw, membrane: Any, refractory: Any, state: Any, threshold_raw: Any, fault_raw: Any, drive_raw: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """One tick of a neuron, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : LifRaw
        Integers of the array.
    membrane
        Membrane, on the grid of `LifParams.membrane`.
    refractory
        Ticks left of the refractory period.
    state
        Noise state.
    threshold_raw
        Firing threshold, on the same grid.
    fault_raw
        Kind of fault.
    drive_raw
        Input word.

    Returns
    -------
    membrane, refractory, state
        State after the tick.
    spike
        Whether the neuron fires.
    saturated
        Whether the membrane was clamped to the range of its word.
    """
    leaked = membrane + round_shift((drive_raw - membrane) * raw.k_raw, raw.k_shift)
    return fire(raw, leaked, membrane, refractory, state, threshold_raw, fault_raw)


def fire(
    raw: LifRaw, leaked: Any, membrane: Any, refractory: Any, state: Any, threshold_raw: Any, fault_raw: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """The part of a tick that follows leak and input, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : LifRaw
        Integers of the array.
    leaked
        Membrane after leak and input, before it is clamped.
    membrane, refractory, state, threshold_raw, fault_raw
        As in `step`.

    Returns
    -------
    membrane, refractory, state, spike, saturated
        As of `step`.
    """
    size, owed = threshold_raw - raw.hold_raw, 0
    if raw.reset in (Reset.SUBTRACT_LATE, Reset.SUBTRACT_GUARDED):
        above = membrane >= threshold_raw
        if raw.faults:
            above = above & (fault_raw == HEALTHY)
        owed = select(above, size, 0)
    if raw.reset == Reset.SUBTRACT_LATE:
        leaked = leaked - owed
    bounded = saturate(leaked, raw.membrane_min, raw.membrane_max)
    clipped = leaked != bounded
    limit = threshold_raw
    if raw.noise_scale_raw:
        limit = limit + noise.offset(state, raw.noise_scale_raw, raw.noise_shift)
    if raw.reset == Reset.SUBTRACT_GUARDED:
        limit = limit + owed
    spike = bounded >= limit
    if raw.faults:
        spike = spike & (fault_raw == HEALTHY)
        clipped = clipped & (fault_raw != STUCK_ON) & (fault_raw != DEAD)
        bounded = select(fault_raw == DEAD, membrane, select(fault_raw == STUCK_ON, raw.latched_raw, bounded))
    if raw.refractory_ticks:
        active = refractory == 0
        spike = active & spike
        clipped = active & clipped
        bounded = select(active, bounded, membrane)
        refractory = select(spike, raw.refractory_ticks, refractory - select(active, 0, 1))
    after = bounded
    if raw.reset == Reset.TO_VALUE:
        after = raw.hold_raw
    if raw.reset in (Reset.SUBTRACT, Reset.SUBTRACT_GUARDED):
        lowered = bounded - size
        after = saturate(lowered, raw.membrane_min, raw.membrane_max)
        clipped = clipped | (spike & (lowered != after))
    membrane = select(spike, after, bounded)
    if raw.noise_scale_raw:
        state = select(spike, noise.advance(state), state)
    return membrane, refractory, state, spike, clipped


def invariants(raw: LifRaw, state: Mapping[str, Any]) -> dict[str, Any]:
    """Invariants of the state, as claims by their text.

    Parameters
    ----------
    raw : LifRaw
        Integers of the array.
    state : mapping of str
        Each field of the state.
    """
    return {"no neuron waits longer than the refractory time": state["refractory"] <= raw.refractory_ticks}


def laws(raw: LifRaw, state: Mapping[str, Any], spike: Any) -> dict[str, Any]:
    """Claims about a tick from a state in which the invariants hold, by their text.

    Parameters
    ----------
    raw : LifRaw
        Integers of the array.
    state : mapping of str
        Each field of the state before the tick.
    spike
        Whether the neuron fires.
    """
    return {"no spike while refractory": select(spike, state["refractory"], 0) == 0}


class LifBitTrue(BitTrueModel):
    """An array of fixed-point LIF neurons: the specification of the circuit.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.

    Attributes
    ----------
    membrane : ndarray of int64, shape (count,)
        Membrane, on the grid of ``params.membrane``.
    refractory : ndarray of int64, shape (count,)
        Ticks left of the refractory period.
    noise : ndarray of int64, shape (count,)
        Noise states.
    """

    params: LifParams
    membrane: NDArray[np.int64]
    refractory: NDArray[np.int64]

    tick = staticmethod(step)


class LifReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    locate : bool
        True: continuous time; threshold crossings are located within the tick in closed form, and several spikes may
        fall into one tick. False: spikes at the ends of ticks, in the order of the circuit, so that it differs from the
        bit-true model only by the word lengths.
    rounded : bool
        Use the rounded coefficient of the circuit; only on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        Membrane potential, in volt.
    waiting : ndarray of float, shape (count,)
        Time left of the refractory period: in second in continuous time, else in ticks.
    """

    def __init__(self, params: LifParams, *, locate: bool = True, rounded: bool = False) -> None:
        self._k = params.raw.k_raw * 2.0**-params.raw.k_shift if rounded else params.k
        super().__init__(params, locate=locate, rounded=rounded)

    def _prepare(self) -> None:
        self.membrane = np.full(self.params.count, float(self.params.rest))
        self.waiting = np.zeros(self.params.count)

    @property
    def limit(self) -> NDArray[np.float64]:
        """Threshold of each neuron in this firing cycle, in volt, shape (count,)."""
        sigma = self.params.threshold_c2c / noise.SIGMA
        return np.asarray(self.params.thresholds + sigma * noise.byte_sum(self._draw))

    def _broken(self, membrane: NDArray[np.float64]) -> NDArray[np.float64]:
        """The membranes, with those of stuck-on and dead devices at their constant voltages."""
        fault = self.params.fault_raw
        return np.where(fault == DEAD, self.params.rest, np.where(fault == STUCK_ON, self.params.latched, membrane))

    def _after(self, fired: NDArray[np.bool_], at: NDArray[np.float64]) -> NDArray[np.float64]:
        params = self.params
        if params.reset == "hold":
            return np.where(fired, params.hold, at)
        return np.where(fired, at - (params.thresholds - params.hold), at)

    def _on_ticks(self, drive: NDArray[np.float64]) -> Events:
        params = self.params
        active = self.waiting == 0
        moved = np.where(active, self.membrane + (drive - self.membrane) * self._k, self.membrane)
        fired = active & (moved >= self.limit) & (params.fault_raw == HEALTHY)
        self.membrane = self._broken(self._after(fired, moved))
        self.waiting = np.where(fired, params.raw.refractory_ticks, self.waiting - ~active)
        self._draw = np.where(fired, noise.advance(self._draw), self._draw)
        return self._at_end(fired)

    def _located(self, drive: NDArray[np.float64]) -> Events:
        params = self.params
        left = np.full(params.count, params.dt)
        spikes: Events = []
        while True:
            wait = np.minimum(self.waiting, left)
            self.waiting = self.waiting - wait
            left = left - wait
            end = drive + (self.membrane - drive) * np.exp(-left / params.tau)
            limit = self.limit
            fired = (end >= limit) & (left > 0) & (params.fault_raw == HEALTHY)
            if not fired.any():
                self.membrane = self._broken(end)
                return spikes
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = (drive - self.membrane) / (drive - limit)
                needed = np.where(self.membrane >= limit, 0.0, params.tau * np.log(ratio))
            needed = np.where(fired, np.clip(needed, 0.0, left), left)
            left = left - needed
            neurons = np.flatnonzero(fired)
            spikes.append((neurons, self.time + params.dt - left[neurons]))
            self.membrane = self._after(fired, np.where(fired, np.maximum(limit, self.membrane), end))
            self.waiting = np.where(fired, params.refractory, self.waiting)
            self._draw = np.where(fired, noise.advance(self._draw), self._draw)


def shadow(params: LifParams, drive: NDArray[np.float64], trace: dict[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    """The float membrane with the spikes of the bit-true model imposed, to which `bound` refers.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt.
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Run of the bit-true model.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.
    """
    spike, broken = trace["spike"], LifReference(params)._broken
    v, waiting = np.full(params.count, float(params.rest)), np.zeros(params.count, dtype=np.int64)
    made = np.empty(drive.shape)
    for tick, (row, fired) in enumerate(zip(drive, spike.astype(bool), strict=True)):
        active = waiting == 0
        v = np.where(active, v + (row - v) * params.k, v)
        after = v - (params.thresholds - params.hold) if params.reset == "subtract" else params.hold
        v = broken(np.where(fired, after, v))
        waiting = np.where(fired, params.raw.refractory_ticks, waiting - ~active)
        made[tick] = v
    return made


def swing(params: LifParams, drive: NDArray[np.float64], membrane: NDArray[np.float64]) -> float:
    """Largest ``|drive - v|`` of a run, for `bound`.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt.
    membrane : ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.

    Returns
    -------
    float
        In volt.
    """
    before = np.vstack([np.full((1, params.count), params.rest), membrane[:-1]])
    return float(np.abs(drive - before).max())


def bound(params: LifParams, swing: float) -> Bound:
    """Largest distance of the bit-true membrane from the float one, with the same spikes.

    With the membrane error e, one tick gives ``e' = (1 - k_raw 2**-k_shift) e + rounding + coefficient error *
    (drive - v) + input rounding``. Each term never exceeds its largest value, and the geometric sum divides it by the
    coefficient. The bound holds between spikes and across them.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    swing : float
        Largest ``|drive - v|`` of the run, in volt.

    Returns
    -------
    Bound
        In volt, by cause.
    """
    lsb = params.membrane.resolution
    used = params.raw.k_raw * 2.0**-params.raw.k_shift
    return Bound(
        rounding=0.5 * lsb / used,
        coefficient=abs(used - params.k) * swing / used,
        quantization=0.5 * lsb + (lsb if params.reset == "subtract" else 0.0) / used,
    )


@dataclass(frozen=True, kw_only=True)
class LifOptions:
    """Keys of a design file for LIF neurons, besides their number, the tick and the words.

    Parameters
    ----------
    reset : {"hold", "subtract"}
        After a spike: to the hold voltage, or down by (threshold - hold).
    leak : {"exact", "power_of_two"}
        Exact decay, or the nearest power of two, which needs no multiplier.
    refractory : float, optional
        Refractory period in second; the discharge of the device when absent.
    """

    reset: Literal["hold", "subtract"] = "hold"
    leak: Literal["exact", "power_of_two"] = "exact"
    refractory: float | None = None


def from_circuit(
    circuit: Circuit,
    *,
    options: LifOptions | None = None,
    spread: Variability | None = None,
    **common: Any,
) -> LifParams:
    """Make LIF neurons from a circuit below its oscillation threshold.

    Charging becomes leak and integration, V_th the firing threshold and V_hold the reset potential. The refractory
    period is the discharge at the bias of the supply plus the transition back to the insulating state.

    Parameters
    ----------
    circuit : Circuit
        The circuit around the device.
    options : LifOptions, optional
        Keys of the model.
    spread : Variability, optional
        Spread and noise of the devices; V_hold has none in this model. Its fractions of V_th become volt.
    **common
        `count`, `dt` and words, as in :class:`LifParams`.

    Returns
    -------
    LifParams
        Parameters of the array.

    Raises
    ------
    ValueError
        If the circuit fires or latches without input, or V_hold has a spread.
    """
    options, spread = options or LifOptions(), spread or Variability()
    spread.only("lif", *SPREAD)
    circuit.check_units()
    device, rest = circuit.device, circuit.target_ins()
    if rest >= device.v_th:
        limit = device.v_th * (1 + circuit.series_resistance / device.r_ins)
        raise ValueError(
            f"supply must be below {si(limit, 'V')} for a neuron that is silent without input, not "
            f"{si(circuit.supply, 'V')}" + other_prefix(circuit.supply, "V", lambda v: limit / 10 < v < limit)
        )
    discharge = circuit.discharge() + device.t_mit
    largest = device.v_th * (1 + 6 * (spread.threshold_d2d + spread.threshold_c2c))
    largest = max(largest, abs(rest), abs(circuit.target_met()))
    common.setdefault("membrane", common.get("drive", LifParams.membrane.widened(largest)))
    common.setdefault("drive", common["membrane"])
    return LifParams(
        tau=circuit.tau_ins,
        threshold=device.v_th,
        hold=device.v_hold,
        rest=rest,
        input_resistance=circuit.input_resistance,
        refractory=discharge if options.refractory is None else options.refractory,
        threshold_d2d=spread.threshold_d2d * device.v_th,
        threshold_c2c=spread.threshold_c2c * device.v_th,
        stuck_on=spread.stuck_on,
        stuck_off=spread.stuck_off,
        dead=spread.dead,
        latched=circuit.target_met(),
        seed=spread.seed,
        reset=options.reset,
        leak=options.leak,
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
    return circuit.tau_ins / 50, "1/50 of the membrane time constant"


def alone(params: LifParams, count: int) -> LifParams:
    """Parameters of equal neurons, without spread, noise and faults.

    Parameters
    ----------
    params : LifParams
        Parameters of an array.
    count : int
        Neurons of the new array.
    """
    plain = replace(params, count=count, threshold_d2d=0.0, threshold_c2c=0.0)
    return replace(plain, stuck_on=0.0, stuck_off=0.0, dead=0.0)


def window(params: LifParams) -> tuple[float, float]:
    """Input currents under which a neuron fires repeatedly and stays within its words.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.

    Returns
    -------
    lowest, highest : float
        In ampere.
    """
    top = min(params.drive.max, params.membrane.max)
    return (params.threshold - params.rest) / params.input_resistance, (top - params.rest) / params.input_resistance


def rate(params: LifParams, current: NDArray[np.float64]) -> NDArray[np.float64]:
    """Firing rate under constant inputs, in continuous time and closed form.

    Parameters
    ----------
    params : LifParams
        Parameters of the array; its spread, noise and faults are ignored.
    current : ndarray of float, any shape
        Input current, in ampere.

    Returns
    -------
    ndarray of float, same shape
        Rate in hertz; 0 below the firing threshold.
    """
    drive = params.drive_volts(current)
    fires = drive > params.threshold
    safe = np.where(fires, drive, params.threshold + 1.0)
    period = params.tau * np.log((safe - params.hold) / (safe - params.threshold)) + params.refractory
    return np.where(fires, 1 / period, 0.0)


def resized(params: LifParams, *, fraction: int, coefficient: int, drive: int) -> LifParams:
    """The same neurons with other word lengths.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    fraction : int
        Fraction bits of membrane and drive.
    coefficient : int
        Significant bits of the coefficient.
    drive : int
        Ignored: the drive has the fraction bits of the membrane.
    """
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, fraction),
        coefficient_bits=coefficient,
    )


def check_current(params: LifParams, current: NDArray[np.float64]) -> None:
    """Check that an input can make a neuron fire.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    current : ndarray of float, any shape
        Input currents, in ampere.

    Raises
    ------
    ValueError
        If the strongest input does not reach the lowest threshold.
    """
    top = params.drive_raw(current.max())
    if top < params.threshold_raw.min():
        need = (params.threshold - params.rest) / params.input_resistance
        raise ValueError(
            f"the strongest input must exceed {si(need, 'A')} for the membrane to reach V_th "
            f"({si(params.threshold, 'V')}), not {si(float(current.max()), 'A')}"
        )


def summary(params: LifParams) -> list[tuple[str, str]]:
    """Describe the array for a reader.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.

    Returns
    -------
    list of (str, str)
        Labels and values.
    """
    return [
        ("membrane time constant", si(params.tau, "s")),
        ("one tick", f"{si(params.dt, 's')}, k = {params.k:.6g}"),
        ("refractory time", f"{si(params.refractory, 's')}, {params.raw.refractory_ticks} ticks"),
        ("words", f"membrane {params.membrane}, drive {params.drive}, {params.coefficient_bits} coefficient bits"),
    ]


def input_levels(params: LifParams) -> list[int]:
    """Input words at which the membrane comes to rest near a comparison or at its reset potential.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.

    Returns
    -------
    list of int
        The first thresholds, and the hold voltage.
    """
    return [*params.threshold_raw[:8].tolist(), params.raw.hold_raw]


def smaller(params: LifParams) -> tuple[str, ...]:
    """Options that would make the circuit smaller, for a reader.

    Parameters
    ----------
    params : LifParams
        Parameters of the array.
    """
    return ('leak = "power_of_two", which needs no multiplier',) if params.leak == "exact" else ()


LIF = NeuronModel(
    name="lif",
    title="leaky integrate-and-fire: a threshold switch that charges, fires and falls to V_hold",
    params=LifParams,
    options=LifOptions,
    circuit=Circuit,
    bit_true=LifBitTrue,
    reference=LifReference,
    spread=SPREAD,
    excitable=True,
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
    laws=laws,
    input_levels=input_levels,
    smaller=smaller,
)
"""The model, as the rest of Neuristor uses it."""
