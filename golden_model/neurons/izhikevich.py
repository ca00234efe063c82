"""Izhikevich neurons: two variables, and the twenty firing patterns by which neuron models are compared.

With v the membrane in mV, u its recovery, t in ms and I the input::

    v' = quadratic v**2 + linear v + constant - u + I                                  (1)
    u' = a (b (v - origin) - leak u)                                                   (2)
    v >= 30  ->  a spike:  v <- c,  u <- u + d                                         (3)

with 0.04, 5 and 140, origin 0 and leak 1 for most patterns. The patterns are those of 2004, and they are
what forward Euler makes of these equations in steps of 0.1 to 0.5 ms: the tick belongs to the pattern.
The order within a tick, the same in the float model, the bit-true model and the circuit:

1. the membrane moves on, with the input of this tick;
2. the recovery moves on, with the membrane that step 1 left, even where it is beyond the peak;
3. a membrane at the peak or beyond it has fired: it is reset, and the recovery grows by d.

In raw integers the membrane is in volt, the recovery and the input in volt a tick (dt u and dt I), and
every coefficient has the tick in it. All coefficients are the neuron's own: one array may hold all
patterns, each with its own tick.

References
----------
E. M. Izhikevich, IEEE Trans. Neural Netw. 14(6), 2003, equations 1 to 3; and 15(5), 2004, figure 1 (the
patterns). Their a, b, c, d are those of public code; the initial values, the ticks and the inputs are
recalled from the program published with the paper, and confirmed by the number of spikes only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.fixed import Format, round_shift, saturate, select
from neuristor.golden_model.neurons.behaviour import Behaviour, bursts, even, gaps
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import (
    BitTrueModel,
    Bound,
    Events,
    Field,
    NeuronParams,
    ReferenceModel,
    firing_window,
    simulated_rate,
)
from neuristor.golden_model.variability import Variability

__all__ = [
    "PATTERNS",
    "IzhikevichBitTrue",
    "IzhikevichOptions",
    "IzhikevichParams",
    "IzhikevichRaw",
    "IzhikevichReference",
    "Pattern",
    "alone",
    "behaviours",
    "bound",
    "check_current",
    "from_circuit",
    "protocol",
    "rate",
    "resized",
    "shadow",
    "step",
    "summary",
    "swing",
    "window",
]

Floats = NDArray[np.float64]
SPREAD = ("current_d2d", "current_noise")
"""The spread it has."""
PEAK = 0.030
"""Voltage at which a spike is cut off, in volt."""
SUBSTEP = 10e-6
"""Longest step of the continuous reference, in second."""
MOST_INPUT = 50_000_000
"""Ticks times neurons of a protocol."""
WEIGHT = 20
"""Fraction bits of ``linear + quadratic v``."""


def _pulses(high: float, *spans: tuple[float, float], low: float = 0.0) -> Callable[[Floats], Floats]:
    """`high` within the spans (in ms), `low` elsewhere."""
    return lambda t: np.where(np.any([(t > a) & (t < b) for a, b in spans], axis=0), high, low)


def _step(high: float, start: float) -> Callable[[Floats], Floats]:
    return lambda t: np.where(t > start, high, 0.0)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A firing pattern: its parameters. What brings it out is in `PROTOCOLS`.

    Parameters
    ----------
    name : str
    a, b, c, d : float
        Of equations 1 to 3: in 1/ms, 1, mV, and mV/ms.
    v : float
        Membrane at the beginning, in mV.
    u : float, optional
        Recovery at the beginning; b v when absent.
    tick, duration : float
        In ms.
    spikes : int
        How many forward Euler gives.
    linear, constant, leak, origin : float
        Of equations 1 and 2.
    """

    name: str
    a: float
    b: float
    c: float
    d: float
    v: float
    u: float | None = None
    tick: float
    duration: float
    spikes: int
    linear: float = 5.0
    constant: float = 140.0
    leak: float = 1.0
    origin: float = 0.0

    @property
    def first_u(self) -> float:
        """Recovery at the beginning."""
        return self.b * self.v if self.u is None else self.u

    @property
    def times(self) -> Floats:
        """When each tick begins, in ms."""
        return np.asarray(np.arange(round(self.duration / self.tick) + 1) * self.tick, dtype=np.float64)

    def current(self, t: Floats) -> Floats:
        """I at times in ms."""
        return np.asarray(PROTOCOLS[self.name].current(t), dtype=np.float64)

    def shown(self, times: Floats) -> bool:
        """Whether spikes (in second) are this pattern, their number within one."""
        near = len(times) > 0 and abs(len(times) - self.spikes) <= 1
        return near and PROTOCOLS[self.name].shown(1e3 * times)


class Protocol(NamedTuple):
    """What brings a pattern out, and how to tell it."""

    current: Callable[[Floats], Floats]
    """From times in ms to I."""
    shown: Callable[[Floats], bool]
    """From spike times in ms to whether it is there."""
    wanted: str
    """What that looks for."""


PATTERNS: dict[str, Pattern] = {}
"""The twenty patterns, by name, in the order of figure 1 of 2004."""
PROTOCOLS: dict[str, Protocol] = {}


def _define(
    name: str, *, current: Callable[[Floats], Floats], shown: Callable[[Floats], bool], wanted: str, **numbers: Any
) -> None:
    PATTERNS[name], PROTOCOLS[name] = Pattern(name=name, **numbers), Protocol(current, shown, wanted)


# fmt: off
_define(
    "tonic_spiking",
    a=0.02, b=0.2, c=-65, d=6, v=-70, tick=0.25, duration=100, current=_step(14, 10), spikes=5,
    shown=lambda t: bool(t[0] > 10) and even(t[2:]) and bool(t[-1] > 70),
    wanted="evenly spaced spikes as long as the input lasts",
)
_define(
    "phasic_spiking",
    a=0.02, b=0.25, c=-65, d=6, v=-64, tick=0.25, duration=200, current=_step(0.5, 20), spikes=1,
    shown=lambda t: len(t) == 1 and bool(20 < t[0] < 60),
    wanted="one spike at the onset, then silence",
)
_define(
    "tonic_bursting",
    a=0.02, b=0.2, c=-50, d=2, v=-70, tick=0.25, duration=220, current=_step(15, 22), spikes=28,
    shown=lambda t: len(bursts(t, 2.5)) >= 4 and min(map(len, bursts(t, 2.5)[:-1])) >= 3,
    wanted="four or more bursts of three or more spikes",
)
_define(
    "phasic_bursting",
    a=0.02, b=0.25, c=-55, d=0.05, v=-64, tick=0.2, duration=200, current=_step(0.6, 20), spikes=6,
    shown=lambda t: len(t) >= 3 and bool(t[-1] < 100),
    wanted="one burst at the onset, then silence",
)
_define(
    "mixed_mode",
    a=0.02, b=0.2, c=-55, d=4, v=-70, tick=0.25, duration=160, current=_step(10, 16), spikes=6,
    shown=lambda t: bool(gaps(t)[0] < 0.5 * gaps(t)[2:].min()) and even(t[2:]),
    wanted="a burst at the onset, then evenly spaced single spikes",
)
_define(
    "frequency_adaptation",
    a=0.01, b=0.2, c=-65, d=8, v=-70, tick=0.25, duration=85, current=_step(30, 8.5), spikes=6,
    shown=lambda t: bool(gaps(t)[-1] > 1.5 * gaps(t)[0]) and bool((np.diff(gaps(t)) > -0.5).all()),
    wanted="intervals that grow under a constant input",
)
_define(
    "class_1",
    a=0.02, b=-0.1, c=-55, d=6, v=-60, tick=0.25, duration=300, linear=4.1, constant=108,
    current=lambda t: np.where(t > 30, 0.075 * (t - 30), 0.0), spikes=10,
    shown=lambda t: bool(gaps(t)[0] > 2.5 * gaps(t)[-1]),
    wanted="a rate that grows from low values with a rising input",
)
_define(
    "class_2",
    a=0.2, b=0.26, c=-65, d=0, v=-64, tick=0.25, duration=300,
    current=lambda t: np.where(t > 30, -0.5 + 0.015 * (t - 30), -0.5), spikes=14,
    shown=lambda t: len(t) > 5 and bool(gaps(t)[0] < 2 * gaps(t)[-1]) and bool(t[0] > 60),
    wanted="a rate that begins high when a rising input crosses the threshold",
)
_define(
    "spike_latency",
    a=0.02, b=0.2, c=-65, d=6, v=-70, tick=0.2, duration=100, current=_pulses(7.04, (10, 13)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 16),
    wanted="one spike, long after the pulse",
)
_define(
    "subthreshold_oscillations",
    a=0.05, b=0.26, c=-60, d=0, v=-62, tick=0.25, duration=200, current=_pulses(2, (20, 25)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 40),
    wanted="one spike, then ringing without spikes",
)
_define(
    "resonator",
    a=0.1, b=0.26, c=-60, d=-1, v=-62, tick=0.25, duration=400,
    current=_pulses(0.65, (40, 44), (60, 64), (280, 284), (320, 324)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 320),
    wanted="a spike after the pair of pulses in resonance only",
)
_define(
    "integrator",
    a=0.02, b=-0.1, c=-55, d=6, v=-60, tick=0.25, duration=100, linear=4.1, constant=108,
    current=_pulses(9, (100 / 11, 100 / 11 + 2), (100 / 11 + 5, 100 / 11 + 7), (70, 72), (80, 82)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 30),
    wanted="a spike after the close pair of pulses only",
)
_define(
    "rebound_spike",
    a=0.03, b=0.25, c=-60, d=4, v=-64, tick=0.2, duration=200, current=_pulses(-15, (20, 25)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 25),
    wanted="one spike after the end of an inhibition",
)
_define(
    "rebound_burst",
    a=0.03, b=0.25, c=-52, d=0, v=-64, tick=0.2, duration=200, current=_pulses(-15, (20, 25)), spikes=7,
    shown=lambda t: len(t) >= 3 and bool(t[0] > 25) and bool(t[-1] < 130),
    wanted="a burst after the end of an inhibition",
)
_define(
    "threshold_variability",
    a=0.03, b=0.25, c=-60, d=4, v=-64, tick=0.25, duration=100,
    current=lambda t: _pulses(1, (10, 15), (80, 85))(t) + _pulses(-6, (70, 75))(t), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 80),
    wanted="a pulse that fires after an inhibition only",
)
_define(
    "bistability",
    a=0.1, b=0.26, c=-60, d=0, v=-61, tick=0.25, duration=300,
    current=_pulses(1.24, (37.5, 42.5), (216, 221), low=0.24), spikes=5,
    shown=lambda t: len(t) >= 4 and bool(t[0] > 37.5) and bool(t[-1] < 240),
    wanted="firing that one pulse starts and the next one stops",
)
_define(
    "depolarising_after_potential",
    a=1, b=0.2, c=-60, d=-21, v=-70, tick=0.1, duration=50, current=_pulses(20, (9, 11)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 15),
    wanted="one spike; the membrane then stays high for a while",
)
_define(
    "accommodation",
    a=0.02, b=1, c=-55, d=4, v=-65, u=-16, tick=0.5, duration=400, leak=0.0, origin=-65,
    current=lambda t: np.select([t < 200, t < 300, t < 312.5], [t / 25, 0.0 * t, (t - 300) / 12.5 * 4], 0.0),
    spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 300),
    wanted="a spike for the fast ramp, none for the slow one",
)
_define(
    "inhibition_induced_spiking",
    a=-0.02, b=-1, c=-60, d=8, v=-63.8, tick=0.5, duration=350, current=_pulses(75, (50, 250.1), low=80), spikes=3,
    shown=lambda t: len(t) >= 2 and bool(t[0] > 50) and bool(t[-1] < 255),
    wanted="spikes during the inhibition only",
)
_define(
    "inhibition_induced_bursting",
    a=-0.026, b=-1, c=-45, d=-2, v=-63.8, tick=0.5, duration=350, current=_pulses(75, (50, 250.1), low=80), spikes=12,
    shown=lambda t: len(bursts(t, 2.5)) >= 2 and bool(t[0] > 50) and bool(t[-1] < 260),
    wanted="bursts during the inhibition only",
)
# fmt: on


class IzhikevichRaw(NamedTuple):
    """The integers the circuit is built from. Scalars only, shared by all neurons of an array."""

    quadratic_shift: int
    """How far the product of membrane and quadratic coefficient is shifted down."""
    weight_shift: int
    """How far the product of that sum and the membrane is shifted down, to the grid of the recovery."""
    membrane_shift: int
    """Bits of the recovery below those of the membrane."""
    sensitivity_shift: int
    """How far the product of membrane and sensitivity is shifted down, to the grid of the recovery."""
    rate_shift: int
    """How far the product of that and the rate is shifted down."""
    peak_raw: int
    noise_shift: int
    noisy: int
    membrane_min: int
    membrane_max: int
    recovery_min: int
    recovery_max: int


@dataclass(frozen=True, kw_only=True)
class IzhikevichParams(NeuronParams):
    """An array of Izhikevich neurons: what they are, and what the word lengths are.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        One tick, in second.
    patterns : tuple of Pattern
        Dealt to the neurons in turn.
    own_ticks : bool
        Each neuron has the tick of its pattern; `dt` is then that of the first.
    current_scale : float
        Current that is I = 1, in ampere.
    spread : Variability
        `current_d2d`, `current_noise` and `seed`; others must be zero.
    membrane : Format
        In volt.
    recovery : Format
        Volt a tick; as many fraction bits as `drive`.
    drive : Format
        Of the input: volt a tick.
    coefficient_bits : int
        Of the quadratic coefficient, the sensitivity and the rate, 8 to 18.

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range; the message names it.
    OverflowError
        If a number does not fit its word.
    """

    count: int
    dt: float
    patterns: tuple[Pattern, ...]
    own_ticks: bool = False
    current_scale: float = 1e-9
    spread: Variability = Variability()
    membrane: Format = Format(-1, 24)
    recovery: Format = Format(-2, 28)
    drive: Format = Format(-3, 28)
    coefficient_bits: int = 18

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        positive("dt", self.dt)
        positive("current_scale", self.current_scale)
        self.spread.only("izhikevich", *SPREAD)
        whole("coefficient_bits", self.coefficient_bits, 8, 18)
        if self.recovery.frac_bits != self.drive.frac_bits:
            raise ValueError(
                f"recovery must have the {self.drive.frac_bits} fraction bits of drive, not {self.recovery.frac_bits}"
            )
        if not self.membrane.frac_bits <= self.recovery.frac_bits <= WEIGHT + self.membrane.frac_bits:
            raise ValueError(
                f"recovery must have at least the {self.membrane.frac_bits} fraction bits of membrane, "
                f"not {self.recovery.frac_bits}"
            )
        if max(self.membrane.width, self.recovery.width, self.drive.width) > 30:
            raise ValueError("membrane, recovery and drive must have at most 30 bits each")
        if float(self.dts.max()) > 1e-3:
            raise ValueError(f"dt must be at most 0.001 s for forward Euler, not {float(self.dts.max())!r} s")
        _ = self.raw, self.bias_raw, self.initial, self.reset_raw, self.jump_raw  # fit?
        for name in ("quadratic_raw", "sensitivity_raw", "rate_raw"):
            if not np.abs(getattr(self, name)).any():
                raise ValueError(f"coefficient_bits must be larger: {name} is zero at {self.coefficient_bits}")

    @cached_property
    def dts(self) -> Floats:
        """The tick of each neuron, in second, shape (count,)."""
        return 1e-3 * self.of("tick") if self.own_ticks else np.full(self.count, self.dt)

    def of(self, name: str) -> Floats:
        """A number of each neuron's pattern, shape (count,)."""
        numbers = [each.first_u if name == "u" else getattr(each, name) for each in self.patterns]
        return np.resize(np.array(numbers, dtype=np.float64), self.count)

    @cached_property
    def coefficients(self) -> dict[str, Floats]:
        """The coefficients of a tick in volt, exact, each of shape (count,)."""
        ms = 1e3 * self.dts
        return {
            "quadratic": 40 * ms,
            "linear": self.of("linear") * ms,
            "constant": 1e-3 * self.of("constant") * ms,
            "rate": self.of("a") * ms,
            "sensitivity": self.of("b") * ms,
            "offset": -1e-3 * self.of("b") * ms * self.of("origin"),
            "reset": 1e-3 * self.of("c"),
            "jump": 1e-3 * self.of("d") * ms,
        }

    def _shift(self, name: str) -> int:
        """Fraction bits of a coefficient, common to the array."""
        return self.coefficient_bits - 1 - math.ceil(math.log2(float(np.abs(self.coefficients[name]).max()) * 1.0001))

    def _coefficient(self, name: str) -> NDArray[np.int64]:
        return np.floor(np.ldexp(self.coefficients[name], self._shift(name)) + 0.5).astype(np.int64)

    @cached_property
    def quadratic_raw(self) -> NDArray[np.int64]:
        """0.04 v of each neuron, shape (count,)."""
        return self._coefficient("quadratic")

    @cached_property
    def linear_raw(self) -> NDArray[np.int64]:
        """5 of each neuron, shape (count,)."""
        return np.floor(np.ldexp(self.coefficients["linear"], WEIGHT) + 0.5).astype(np.int64)

    @cached_property
    def constant_raw(self) -> NDArray[np.int64]:
        """140 of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["constant"], "constant")

    @cached_property
    def sensitivity_raw(self) -> NDArray[np.int64]:
        """B of each neuron, shape (count,)."""
        return self._coefficient("sensitivity")

    @cached_property
    def offset_raw(self) -> NDArray[np.int64]:
        """-b origin of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["offset"], "b times origin")

    @cached_property
    def leak_raw(self) -> NDArray[np.int64]:
        """Whether the recovery leaks, 1 or 0, shape (count,)."""
        return self.of("leak").astype(np.int64)

    @cached_property
    def rate_raw(self) -> NDArray[np.int64]:
        """A of each neuron, shape (count,)."""
        return self._coefficient("rate")

    @cached_property
    def reset_raw(self) -> NDArray[np.int64]:
        """C of each neuron, on the grid of `membrane`, shape (count,)."""
        return self.membrane.quantize(self.coefficients["reset"], "c")

    @cached_property
    def jump_raw(self) -> NDArray[np.int64]:
        """D of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["jump"], "d")

    @cached_property
    def noise_scale_raw(self) -> NDArray[np.int64]:
        """Scale of each neuron's noise, shape (count,)."""
        return self._noise[0]

    @cached_property
    def _noise(self) -> tuple[NDArray[np.int64], int]:
        sigma = self.drive_volts(np.full(self.count, self.spread.current_noise)) / self.drive.resolution
        scale, shift = noise.scale_for(float(sigma.max()))
        if not scale:
            return np.zeros(self.count, dtype=np.int64), 0
        return np.floor(scale * sigma / sigma.max() + 0.5).astype(np.int64), shift

    @cached_property
    def initial(self) -> dict[str, NDArray[np.int64]]:
        """State after reset, but for the noise, each of shape (count,)."""
        return {
            "membrane": self.membrane.quantize(1e-3 * self.of("v"), "v"),
            "recovery": self.recovery.quantize(self.of("u") * self.dts, "u"),
        }

    @cached_property
    def raw(self) -> IzhikevichRaw:
        """The integers the circuit is built from."""
        fine, coarse = self.recovery.frac_bits, self.membrane.frac_bits
        return IzhikevichRaw(
            quadratic_shift=self._shift("quadratic") + coarse - WEIGHT,
            weight_shift=WEIGHT + coarse - fine,
            membrane_shift=fine - coarse,
            sensitivity_shift=self._shift("sensitivity") + coarse - fine,
            rate_shift=self._shift("rate"),
            peak_raw=int(self.membrane.quantize(PEAK, "the peak")),
            noise_shift=self._noise[1],
            noisy=int(bool(self._noise[0].any())),
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
            recovery_min=self.recovery.min_raw,
            recovery_max=self.recovery.max_raw,
        )

    @property
    def thresholds(self) -> Floats:
        """Peak of each neuron, in volt, shape (count,)."""
        return np.full(self.count, PEAK)

    @property
    def holds(self) -> Floats:
        """Voltage after a spike of each neuron, in volt, shape (count,)."""
        return self.coefficients["reset"]

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM holds it."""
        fields = [Field("membrane", self.membrane.width, True), Field("recovery", self.recovery.width, True)]
        return tuple(fields + ([Field("noise", 32, False)] if self.raw.noisy else []))

    def drive_volts(self, current: ArrayLike) -> Floats:
        """What input currents (in ampere) add, in volt a tick, before rounding."""
        dt = self.dts if self.own_ticks else self.dt
        return np.asarray(np.asarray(current, dtype=np.float64) / self.current_scale * dt)


def step(
    raw: IzhikevichRaw,
    membrane: Any,
    recovery: Any,
    state: Any,
    quadratic_raw: Any,
    linear_raw: Any,
    constant_raw: Any,
    sensitivity_raw: Any,
    offset_raw: Any,
    leak_raw: Any,
    rate_raw: Any,
    reset_raw: Any,
    jump_raw: Any,
    bias_raw: Any,
    noise_scale_raw: Any,
    drive_raw: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """One tick of a neuron, on integers, arrays or hardware values alike.

    Parameters
    ----------
    raw : IzhikevichRaw
    membrane, recovery, state
        Membrane, recovery and noise state of each neuron.
    quadratic_raw, ..., noise_scale_raw
        Its coefficients, as the attributes of :class:`IzhikevichParams`.
    drive_raw
        Its input.

    Returns
    -------
    membrane, recovery, state, spike, saturated
    """
    force = drive_raw + bias_raw + constant_raw - recovery
    if raw.noisy:
        force = force + round_shift(noise.byte_sum(state) * noise_scale_raw, raw.noise_shift)
        state = noise.advance(state)
    weight = linear_raw + round_shift(quadratic_raw * membrane, raw.quadratic_shift)
    moved = membrane + round_shift(round_shift(weight * membrane, raw.weight_shift) + force, raw.membrane_shift)
    bounded = saturate(moved, raw.membrane_min, raw.membrane_max)
    pull = round_shift(sensitivity_raw * bounded, raw.sensitivity_shift) + offset_raw
    pull = pull - select(leak_raw == 1, recovery, 0)
    grown = recovery + round_shift(rate_raw * pull, raw.rate_shift)
    spike = bounded >= raw.peak_raw
    grown = grown + select(spike, jump_raw, 0)
    kept = saturate(grown, raw.recovery_min, raw.recovery_max)
    return select(spike, reset_raw, bounded), kept, state, spike, (moved != bounded) | (grown != kept)


class IzhikevichBitTrue(BitTrueModel):
    """An array of fixed-point Izhikevich neurons: the specification of the circuit.

    Parameters
    ----------
    params : IzhikevichParams

    Attributes
    ----------
    membrane, recovery, noise : ndarray of int64, shape (count,)
        The state, in raw integers.
    """

    params: IzhikevichParams
    membrane: NDArray[np.int64]
    recovery: NDArray[np.int64]

    tick = staticmethod(step)


class IzhikevichReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : IzhikevichParams
    locate : bool
        False, unless said: forward Euler, on ticks, which is what the patterns are. In continuous time two of them
        never stop firing. True: equations 1 to 3 by Runge-Kutta of fourth order in steps of at most `SUBSTEP`.
    rounded : bool
        With the rounded coefficients of the circuit, on ticks.

    Attributes
    ----------
    membrane, recovery : ndarray of float, shape (count,)
        In volt, and volt a tick.
    """

    def __init__(self, params: IzhikevichParams, *, locate: bool = False, rounded: bool = False) -> None:
        self._c = dict(params.coefficients)
        if rounded:
            for name in ("quadratic", "sensitivity", "rate"):
                self._c[name] = np.ldexp(getattr(params, f"{name}_raw").astype(float), -params._shift(name))
            self._c["linear"] = np.ldexp(params.linear_raw.astype(float), -WEIGHT)
            for name in ("constant", "offset", "jump"):
                self._c[name] = params.recovery.value(getattr(params, f"{name}_raw"))
            self._c["reset"] = params.membrane.value(params.reset_raw)
        self._leak = params.of("leak")
        super().__init__(params, locate=locate, rounded=rounded)

    def _prepare(self) -> None:
        params = self.params
        self.membrane = 1e-3 * params.of("v")
        self.recovery = params.of("u") * params.dts

    def _on_ticks(self, drive: Floats) -> Events:
        c, v, u, force = self._c, self.membrane, self.recovery, self._disturbed(drive)
        v = v + (c["linear"] + c["quadratic"] * v) * v + c["constant"] + force - u
        u = u + c["rate"] * (c["sensitivity"] * v + c["offset"] - self._leak * u)
        fired = v >= PEAK
        self.membrane = np.where(fired, c["reset"], v)
        self.recovery = np.where(fired, u + c["jump"], u)
        return self._at_end(fired)

    def _slope(self, y: Floats, force: Floats, at: Any = slice(None)) -> Floats:
        """Equations 1 and 2 over one tick, shape (2, n)."""
        c, (v, u) = self._c, y
        dv = (c["linear"][at] + c["quadratic"][at] * v) * v + c["constant"][at] + force - u
        du = c["rate"][at] * (c["sensitivity"][at] * v + c["offset"][at] - self._leak[at] * u)
        return np.array([dv, du])

    def _advance(self, y: Floats, force: Floats, h: float, at: Any = slice(None)) -> Floats:
        k1 = self._slope(y, force, at)
        k2 = self._slope(y + h / 2 * k1, force, at)
        k3 = self._slope(y + h / 2 * k2, force, at)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + self._slope(y + h * k3, force, at))

    def _located(self, drive: Floats) -> Events:
        params, force = self.params, self._disturbed(drive)
        parts = math.ceil(float(params.dts.max()) / SUBSTEP - 1e-9)
        h, y = 1 / parts, np.array([self.membrane, self.recovery])
        found: Events = []
        for part in range(parts):
            after = self._advance(y, force, h)
            fired = np.flatnonzero(after[0] >= PEAK)
            times = []
            for n in fired.tolist():
                share = self._crossing(y[:, n], force[n], h, n)
                peak = self._advance(y[:, n], force[n], share * h, n)
                start = np.array([self._c["reset"][n], peak[1] + self._c["jump"][n]])
                after[:, n] = self._advance(start, force[n], (1 - share) * h, n)
                times.append((self.ticks + (part + share) * h) * float(params.dts[n]))
            if len(fired):
                found.append((fired, np.array(times)))
            y = after
        self.membrane, self.recovery = y
        return found

    def _crossing(self, y: Floats, force: float, h: float, n: int) -> float:
        """The part of a step after which the membrane is at the peak."""

        def beyond(share: float) -> float:
            return float(self._advance(y, np.asarray(force), share * h, n)[0]) - PEAK

        return 0.0 if beyond(0.0) >= 0 else float(brentq(beyond, 0.0, 1.0, xtol=1e-9))


def shadow(params: IzhikevichParams, drive: Floats, trace: dict[str, NDArray[np.int64]]) -> Floats:
    """The float membrane one tick after each bit-true state, its spikes imposed: what `bound` speaks of.

    Parameters
    ----------
    params : IzhikevichParams
    drive : ndarray of float, shape (ticks, count)
        In volt a tick.
    trace : dict of ndarray of int64, shape (ticks, count)
        Of the bit-true model.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        In volt, after each tick.
    """
    c = params.coefficients
    v = params.membrane.value(np.vstack([params.initial["membrane"], trace["membrane"][:-1]]))
    u = params.recovery.value(np.vstack([params.initial["recovery"], trace["recovery"][:-1]]))
    force = drive + params.drive.value(params.bias_raw)
    if params.raw.noisy:
        states = noise.states(params.seed, trace["noise"])
        drawn = round_shift(noise.byte_sum(states) * params.noise_scale_raw, params.raw.noise_shift)
        force = force + params.drive.value(drawn)
    made = v + (c["linear"] + c["quadratic"] * v) * v + c["constant"] + force - u
    made = np.clip(made, params.membrane.min, params.membrane.max)
    return np.where(trace["spike"] == 1, c["reset"], made)


def swing(params: IzhikevichParams, drive: Floats, membrane: Floats) -> float:
    """Largest membrane that occurs, in volt, for `bound`.

    Parameters
    ----------
    params : IzhikevichParams
    drive, membrane : ndarray of float, shape (ticks, count)
        In volt a tick, and volt; the membrane after each tick.
    """
    return float(max(np.abs(membrane).max(), np.abs(1e-3 * params.of("v")).max()))


def bound(params: IzhikevichParams, swing: float) -> Bound:
    """How far one tick of the bit-true membrane may end from the float one that begins in the same state.

    Each rounding is half a step of its grid; one within ``linear + quadratic v`` counts times v.

    Parameters
    ----------
    params : IzhikevichParams
    swing : float
        Largest membrane that occurs, in volt.

    Returns
    -------
    Bound
        In volt.
    """
    fine, coarse = params.recovery.resolution, params.membrane.resolution
    return Bound(
        rounding=0.5 * (2.0**-WEIGHT * swing + fine + coarse),
        coefficient=0.5 * (2.0 ** -params._shift("quadratic") * swing**2 + 2.0**-WEIGHT * swing),
        quantization=0.5 * (fine + coarse),
    )


@dataclass(frozen=True, kw_only=True)
class IzhikevichOptions:
    """What a design file may say about Izhikevich neurons, beside their number and the tick.

    Parameters
    ----------
    behaviours : list of str
        Names of patterns, dealt to the neurons in turn; ``["all"]`` for all twenty.
    own_ticks : bool
        Each neuron has the tick of its pattern, and dt is not used.
    current_scale : float
        Current in ampere that is I = 1 of the equations, above 0.
    a : float, optional
        In 1/ms, instead of the pattern's.
    b : float, optional
        Instead of the pattern's.
    c : float, optional
        In mV, instead of the pattern's.
    d : float, optional
        In mV/ms, instead of the pattern's.
    """

    behaviours: tuple[str, ...] = ("tonic_spiking",)
    own_ticks: bool = False
    current_scale: float = 1e-9
    a: float | None = None
    b: float | None = None
    c: float | None = None
    d: float | None = None


def from_circuit(
    circuit: None,
    *,
    dt: float,
    options: IzhikevichOptions | None = None,
    spread: Variability | None = None,
    **common: Any,
) -> IzhikevichParams:
    """The neurons that a design file describes; there is no device.

    Parameters
    ----------
    circuit : None
    dt : float
        In second.
    options : IzhikevichOptions, optional
    spread : Variability, optional
    **common
        `count` and words, as in :class:`IzhikevichParams`. The recovery gets the fraction bits of `drive`.

    Raises
    ------
    ValueError
        If there is no pattern of a name.
    """
    options = options or IzhikevichOptions()
    names = tuple(PATTERNS) if options.behaviours == ("all",) else options.behaviours
    for name in names or ("",):
        if name not in PATTERNS:
            raise ValueError(f"behaviours must be 'all' or among {', '.join(PATTERNS)}, not {name!r}")
    own = {name: value for name in "abcd" if (value := getattr(options, name)) is not None}
    patterns = tuple(replace(PATTERNS[name], **own) for name in names)
    if "drive" in common:
        common["recovery"] = Format(-2, common["drive"].frac_bits)
    return IzhikevichParams(
        spread=spread or Variability(),
        dt=1e-3 * patterns[0].tick if options.own_ticks else dt,
        patterns=patterns,
        own_ticks=options.own_ticks,
        current_scale=options.current_scale,
        **common,
    )


def alone(params: IzhikevichParams, count: int) -> IzhikevichParams:
    """So many neurons like the first one, without spread and noise."""
    plain = Variability(seed=params.seed)
    return replace(params, count=count, patterns=params.patterns[:1], own_ticks=False, spread=plain)


def rate(params: IzhikevichParams, current: Floats) -> Floats:
    """Firing rate of the first neuron under constant inputs, in continuous time after 0.3 s, in hertz.

    Parameters
    ----------
    params : IzhikevichParams
    current : ndarray of float, any shape
        In ampere.
    """
    many = replace(alone(params, np.size(current)), dt=50e-6)
    return simulated_rate(IzhikevichReference(many, locate=False), current, duration=0.8, after=0.3)


@lru_cache(maxsize=16)
def window(params: IzhikevichParams) -> tuple[float, float]:
    """Input currents between which the first neuron fires repeatedly, in ampere, to 10 %; found by simulation."""
    return firing_window(partial(rate, params), params.current_scale * np.geomspace(0.1, 100, 80))


def resized(params: IzhikevichParams, *, fraction: int, coefficient: int, drive: int) -> IzhikevichParams:
    """The same neurons with other words: fraction bits of the membrane, bits of coefficients, of drive and recovery."""
    fine = min(max(drive, fraction), 31)
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, fine),
        recovery=Format(params.recovery.int_bits, fine),
        coefficient_bits=coefficient,
    )


def check_current(params: IzhikevichParams, current: Floats) -> None:
    """Refuse nothing: patterns fire without input, or after inhibition.

    Parameters
    ----------
    params : IzhikevichParams
    current : ndarray of float, any shape
        In ampere.
    """


def protocol(params: IzhikevichParams) -> Floats:
    """The input of each neuron's pattern at each tick, in ampere, shape (ticks, count).

    As long as the longest; a shorter one stays at its last value.

    Parameters
    ----------
    params : IzhikevichParams

    Raises
    ------
    ValueError
        If that is too much to hold.
    """
    dealt = [params.patterns[n % len(params.patterns)] for n in range(params.count)]
    each_ms = list(zip(dealt, 1e3 * params.dts, strict=True))
    ticks = max(round(each.duration / ms) for each, ms in each_ms) + 1
    if ticks * params.count > MOST_INPUT:
        raise ValueError(f"a protocol must have at most {MOST_INPUT} ticks times neurons, not {ticks} x {params.count}")
    made = [each.current(np.minimum(np.arange(ticks) * ms, each.duration)) for each, ms in each_ms]
    return params.current_scale * np.array(made).T


def behaviours(params: IzhikevichParams) -> tuple[Behaviour, ...]:
    """The twenty patterns with the words of `params`.

    Parameters
    ----------
    params : IzhikevichParams
    """
    made = []
    for name, pattern in PATTERNS.items():
        one = replace(alone(params, 1), patterns=(pattern,), dt=1e-3 * pattern.tick)
        made.append(
            Behaviour(
                name=name,
                params=one,
                current=pattern.current(pattern.times) * params.current_scale,
                shown=pattern.shown,
                wanted=PROTOCOLS[name].wanted,
            )
        )
    return tuple(made)


def summary(params: IzhikevichParams) -> list[tuple[str, str]]:
    """What the array is, for a reader: labels and values."""
    first = params.patterns[0]
    own = len(set(params.patterns[: params.count]))
    mine = f"a {first.a:g}, b {first.b:g}, c {first.c:g} mV, d {first.d:g}"
    return [
        ("parameters", mine + (f", and {own - 1} others" if own > 1 else "")),
        ("tick", f"{params.dts.min():.4g} s" + (f" to {params.dts.max():.4g} s" if np.ptp(params.dts) else "")),
        ("I = 1", f"{params.current_scale:.4g} A"),
        (
            "words",
            f"membrane {params.membrane}, recovery {params.recovery}, drive {params.drive}, "
            f"{params.coefficient_bits} coefficient bits",
        ),
    ]


IZHIKEVICH = NeuronModel(
    name="izhikevich",
    title="Izhikevich: two variables, and the twenty firing patterns neurons are compared by",
    params=IzhikevichParams,
    options=IzhikevichOptions,
    bit_true=IzhikevichBitTrue,
    reference=IzhikevichReference,
    spread=SPREAD,
    excitable=True,
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
    behaviours=behaviours,
    protocol=protocol,
)
"""What everything else asks of Izhikevich neurons."""
