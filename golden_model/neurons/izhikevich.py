"""Izhikevich neurons: two variables, and the twenty firing patterns by which neuron models are compared.

With the membrane v in mV, its recovery u, the time t in ms and the input I::

    v' = quadratic v**2 + linear v + constant - u + I                                  (1)
    u' = a (b (v - origin) - leak u)                                                   (2)
    v >= 30  ->  a spike:  v <- c,  u <- u + d                                         (3)

Most patterns have the coefficients 0.04, 5 and 140, origin 0 and leak 1. The patterns are those of 2004. They are
solutions by forward Euler in steps of 0.1 to 0.5 ms: the tick is a parameter of the pattern. The order within a tick is
the same in the float model, the bit-true model and the circuit:

1. the membrane is updated, with the input of this tick;
2. the recovery is updated, with the new membrane, even if it is beyond the peak;
3. a membrane at or beyond the peak has fired: it is reset, and the recovery grows by d.

In raw integers the membrane is in volt, the recovery and the input are in volt per tick (dt u and dt I), and every
coefficient contains the tick. All coefficients are per-neuron parameters: one array may have all patterns, each with
its own tick.

References
----------
E. M. Izhikevich, IEEE Trans. Neural Netw. 14(6), 2003, equations 1 to 3; and 15(5), 2004, figure 1 (the patterns, in
``neuristor.golden_model.neurons.izhikevich_patterns``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.fixed import Format, round_shift, saturate, select
from neuristor.golden_model.neurons.behaviour import Behaviour
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.izhikevich_patterns import PATTERNS, PROTOCOLS, Pattern
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
from neuristor.golden_model.units import si
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
"""The spread that the model accepts."""
PEAK = 0.030
"""Membrane potential of the peak of a spike, in volt."""
SUBSTEP = 10e-6
"""Longest step of the reference in continuous time, in second."""
MOST_INPUT = 50_000_000
"""Largest number of ticks times neurons of a protocol."""
WEIGHT = 20
"""Fraction bits of ``linear + quadratic v``."""


class IzhikevichRaw(NamedTuple):
    """The integers the circuit is built from; all are shared by all neurons of an array."""

    quadratic_shift: int
    """Right shift of quadratic coefficient times membrane."""
    weight_shift: int
    """Right shift of ``linear + quadratic v`` times membrane, to the grid of the recovery."""
    membrane_shift: int
    """Right shift from the grid of the recovery to that of the membrane."""
    sensitivity_shift: int
    """Right shift of sensitivity times membrane, to the grid of the recovery."""
    rate_shift: int
    """Right shift of rate times the bracket of equation 2."""
    peak_raw: int
    """The peak, on the grid of the membrane."""
    noise_shift: int
    """Right shift of the product of noise draw and scale."""
    noisy: int
    """1 if there is noise."""
    membrane_min: int
    """Lowest value of the membrane word."""
    membrane_max: int
    """Highest value of the membrane word."""
    recovery_min: int
    """Lowest value of the recovery word."""
    recovery_max: int
    """Highest value of the recovery word."""


@dataclass(frozen=True, kw_only=True)
class IzhikevichParams(NeuronParams):
    """An array of Izhikevich neurons: patterns and word lengths.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second, at most 1 ms.
    membrane : Format
        Word of the membrane, in volt.
    drive : Format
        Word of the input, in volt per tick.
    coefficient_bits : int
        Width of the quadratic coefficient, the sensitivity and the rate, 8 to 18.
    patterns : tuple of Pattern
        Patterns, assigned to the neurons in turn.
    own_ticks : bool
        Whether each neuron has the tick of its pattern; `dt` is then that of the first.
    current_scale : float
        Input current for I = 1 mV/ms, in ampere, above 0.
    spread : Variability
        `current_d2d`, `current_noise` and `seed`; others must be zero.
    recovery : Format
        Word of the recovery, in volt per tick; as many fraction bits as `drive`.

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
            raise ValueError(f"dt must be at most 1 ms for forward Euler, not {si(float(self.dts.max()), 's')}")
        _ = self.raw, self.bias_raw, self.initial, self.reset_raw, self.jump_raw  # raises if one does not fit its word
        for name in ("quadratic_raw", "sensitivity_raw", "rate_raw"):
            if not np.abs(getattr(self, name)).any():
                raise ValueError(f"coefficient_bits must be larger: {name} is zero at {self.coefficient_bits}")

    @cached_property
    def dts(self) -> Floats:
        """Time step of each neuron, in second, shape (count,)."""
        return 1e-3 * self.of("tick") if self.own_ticks else np.full(self.count, self.dt)

    def of(self, name: str) -> Floats:
        """A parameter of the pattern of each neuron, shape (count,), in the unit of `Pattern`.

        Parameters
        ----------
        name : str
            Name of a field of `Pattern`.
        """
        numbers = [each.first_u if name == "u" else getattr(each, name) for each in self.patterns]
        return np.resize(np.array(numbers, dtype=np.float64), self.count)

    @cached_property
    def coefficients(self) -> dict[str, Floats]:
        """The exact coefficients of a tick in volt, by name, each of shape (count,)."""
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
        """Fraction bits of a coefficient, the same for all neurons."""
        return self.coefficient_bits - 1 - math.ceil(math.log2(float(np.abs(self.coefficients[name]).max()) * 1.0001))

    def _coefficient(self, name: str) -> NDArray[np.int64]:
        return np.floor(np.ldexp(self.coefficients[name], self._shift(name)) + 0.5).astype(np.int64)

    @cached_property
    def quadratic_raw(self) -> NDArray[np.int64]:
        """Quadratic coefficient of equation 1 of each neuron, shape (count,)."""
        return self._coefficient("quadratic")

    @cached_property
    def linear_raw(self) -> NDArray[np.int64]:
        """Linear coefficient of equation 1 of each neuron, shape (count,)."""
        return np.floor(np.ldexp(self.coefficients["linear"], WEIGHT) + 0.5).astype(np.int64)

    @cached_property
    def constant_raw(self) -> NDArray[np.int64]:
        """Constant of equation 1 of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["constant"], "constant", word="recovery")

    @cached_property
    def sensitivity_raw(self) -> NDArray[np.int64]:
        """Coefficient b of each neuron, shape (count,)."""
        return self._coefficient("sensitivity")

    @cached_property
    def offset_raw(self) -> NDArray[np.int64]:
        """Constant ``-b origin`` of equation 2 of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["offset"], "b times origin", word="recovery")

    @cached_property
    def leak_raw(self) -> NDArray[np.int64]:
        """Coefficient `leak` of equation 2 of each neuron, 1 or 0, shape (count,)."""
        return self.of("leak").astype(np.int64)

    @cached_property
    def rate_raw(self) -> NDArray[np.int64]:
        """Coefficient a of each neuron, shape (count,)."""
        return self._coefficient("rate")

    @cached_property
    def reset_raw(self) -> NDArray[np.int64]:
        """Reset potential c of each neuron, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self.coefficients["reset"], "c")

    @cached_property
    def jump_raw(self) -> NDArray[np.int64]:
        """Increase d of the recovery after a spike of each neuron, on the grid of `recovery`, shape (count,)."""
        return self.recovery.quantize(self.coefficients["jump"], "d", word="recovery")

    @cached_property
    def noise_scale_raw(self) -> NDArray[np.int64]:
        """Scale of the noise of each neuron, shape (count,); 0 for none."""
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
        """State after reset without the noise, as raw integers, each of shape (count,)."""
        return {
            "membrane": self.membrane_words(1e-3 * self.of("v"), "v"),
            "recovery": self.recovery.quantize(self.of("u") * self.dts, "u", word="recovery"),
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
            peak_raw=int(self.membrane_words(PEAK, "the peak")),
            noise_shift=self._noise[1],
            noisy=int(bool(self._noise[0].any())),
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
            recovery_min=self.recovery.min_raw,
            recovery_max=self.recovery.max_raw,
        )

    @property
    def thresholds(self) -> Floats:
        """Peak of the membrane potential of each neuron, in volt, shape (count,)."""
        return np.full(self.count, PEAK)

    @property
    def holds(self) -> Floats:
        """Reset potential of each neuron, in volt, shape (count,)."""
        return self.coefficients["reset"]

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""
        fields = [Field("membrane", self.membrane.width, True), Field("recovery", self.recovery.width, True)]
        return tuple(fields + ([Field("noise", 32, False)] if self.raw.noisy else []))

    def drive_volts(self, current: ArrayLike) -> Floats:
        """Change of the membrane by input currents, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape; with `own_ticks`, shape (..., count) or ()
            Input current, in ampere.

        Returns
        -------
        ndarray of float
            In volt per tick.
        """
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
    """One tick of a neuron, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : IzhikevichRaw
        Integers of the array.
    membrane
        Membrane, on the grid of ``params.membrane``.
    recovery
        Recovery, on the grid of ``params.recovery``.
    state
        Noise state.
    quadratic_raw, linear_raw, constant_raw, sensitivity_raw, offset_raw, leak_raw, rate_raw, reset_raw, jump_raw
        Coefficients of the neuron, as the attributes of :class:`IzhikevichParams`.
    bias_raw
        Constant part of the input.
    noise_scale_raw
        Scale of the noise.
    drive_raw
        Input word.

    Returns
    -------
    membrane, recovery, state
        State after the tick.
    spike
        Whether the neuron fires.
    saturated
        Whether membrane or recovery was clamped to the range of its word.
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
        Parameters of the array.

    Attributes
    ----------
    membrane : ndarray of int64, shape (count,)
        Membrane, on the grid of ``params.membrane``.
    recovery : ndarray of int64, shape (count,)
        Recovery, on the grid of ``params.recovery``.
    noise : ndarray of int64, shape (count,)
        Noise states.
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
        Parameters of the array.
    locate : bool
        False (the default): forward Euler on ticks, by which the patterns are defined; in continuous time, two of them
        never stop firing. True: equations 1 to 3 by the fourth-order Runge-Kutta method, in steps of at most `SUBSTEP`.
    rounded : bool
        Use the rounded coefficients of the circuit; only on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        Membrane potential, in volt.
    recovery : ndarray of float, shape (count,)
        Recovery, in volt per tick.
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
        """The fraction of a step after which the membrane reaches the peak."""

        def beyond(share: float) -> float:
            return float(self._advance(y, np.asarray(force), share * h, n)[0]) - PEAK

        return 0.0 if beyond(0.0) >= 0 else float(brentq(beyond, 0.0, 1.0, xtol=1e-9))


def shadow(params: IzhikevichParams, drive: Floats, trace: dict[str, NDArray[np.int64]]) -> Floats:
    """The float membrane one tick after each bit-true state, with its spikes imposed, to which `bound` refers.

    Parameters
    ----------
    params : IzhikevichParams
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
    """Largest magnitude of the membrane in a run, for `bound`.

    Parameters
    ----------
    params : IzhikevichParams
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
    return float(max(np.abs(membrane).max(), np.abs(1e-3 * params.of("v")).max()))


def bound(params: IzhikevichParams, swing: float) -> Bound:
    """Largest distance of the bit-true membrane from the float one, after one tick from the same state.

    Each rounding errs by at most half a step of its grid; an error of ``linear + quadratic v`` is multiplied by v.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array.
    swing : float
        Largest magnitude of the membrane in the run, in volt.

    Returns
    -------
    Bound
        In volt, by cause.
    """
    fine, coarse = params.recovery.resolution, params.membrane.resolution
    return Bound(
        rounding=0.5 * (2.0**-WEIGHT * swing + fine + coarse),
        coefficient=0.5 * (2.0 ** -params._shift("quadratic") * swing**2 + 2.0**-WEIGHT * swing),
        quantization=0.5 * (fine + coarse),
    )


@dataclass(frozen=True, kw_only=True)
class IzhikevichOptions:
    """Keys of a design file for Izhikevich neurons, besides their number, the tick and the words.

    Parameters
    ----------
    behaviours : list of str
        Names of patterns, assigned to the neurons in turn; ``["all"]`` for all twenty.
    own_ticks : bool
        Each neuron has the tick of its pattern; dt is not used.
    current_scale : float
        Input current for I = 1 mV/ms, in ampere, above 0.
    a : float, optional
        Rate of the recovery in 1/ms, instead of that of the pattern.
    b : float, optional
        Sensitivity of the recovery in 1/ms, instead of that of the pattern.
    c : float, optional
        Reset potential in mV, instead of that of the pattern.
    d : float, optional
        Increase of the recovery after a spike in mV/ms, instead of that of the pattern.
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
    """Make Izhikevich neurons from the keys of a design file.

    Parameters
    ----------
    circuit : None
        The model has no device.
    dt : float
        Time step (tick), in second; ignored with ``options.own_ticks``.
    options : IzhikevichOptions, optional
        Keys of the model.
    spread : Variability, optional
        Spread and noise of the input currents.
    **common
        `count` and words, as in :class:`IzhikevichParams`. The recovery gets the fraction bits of `drive`.

    Returns
    -------
    IzhikevichParams
        Parameters of the array.

    Raises
    ------
    ValueError
        If there is no pattern with one of the names.
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
    """Parameters of neurons equal to the first one, without spread and noise.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of an array.
    count : int
        Neurons of the new array.
    """
    plain = Variability(seed=params.seed)
    return replace(params, count=count, patterns=params.patterns[:1], own_ticks=False, spread=plain)


def rate(params: IzhikevichParams, current: Floats) -> Floats:
    """Firing rate of the first neuron under constant inputs after 0.3 s, by simulation on ticks of 50 us.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array; spread and noise are ignored.
    current : ndarray of float, any shape
        Input current, in ampere.

    Returns
    -------
    ndarray of float, same shape
        Rate in hertz.
    """
    many = replace(alone(params, np.size(current)), dt=50e-6)
    return simulated_rate(IzhikevichReference(many, locate=False), current, duration=0.8, after=0.3)


@lru_cache(maxsize=16)
def window(params: IzhikevichParams) -> tuple[float, float]:
    """Input currents under which the first neuron fires repeatedly, by simulation.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array; spread and noise are ignored.

    Returns
    -------
    lowest, highest : float
        In ampere; within 10 %.
    """
    return firing_window(partial(rate, params), params.current_scale * np.geomspace(0.1, 100, 80))


def resized(params: IzhikevichParams, *, fraction: int, coefficient: int, drive: int) -> IzhikevichParams:
    """The same neurons with other word lengths.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array.
    fraction : int
        Fraction bits of the membrane.
    coefficient : int
        Significant bits of the coefficients.
    drive : int
        Fraction bits of drive and recovery; `fraction` to 31 are used.
    """
    fine = min(max(drive, fraction), 31)
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, fine),
        recovery=Format(params.recovery.int_bits, fine),
        coefficient_bits=coefficient,
    )


def check_current(params: IzhikevichParams, current: Floats) -> None:
    """Accept every input: some patterns fire without input, or after inhibition.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array.
    current : ndarray of float, any shape
        Input currents, in ampere.
    """


def protocol(params: IzhikevichParams) -> Floats:
    """The input that evokes the pattern of each neuron.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        Input current of each tick, in ampere; as many ticks as the longest pattern has. The input of a shorter pattern
        keeps its last value.

    Raises
    ------
    ValueError
        If there are more than `MOST_INPUT` ticks times neurons.
    """
    dealt = [params.patterns[n % len(params.patterns)] for n in range(params.count)]
    each_ms = list(zip(dealt, 1e3 * params.dts, strict=True))
    ticks = max(round(each.duration / ms) for each, ms in each_ms) + 1
    if ticks * params.count > MOST_INPUT:
        raise ValueError(f"a protocol must have at most {MOST_INPUT} ticks times neurons, not {ticks} x {params.count}")
    made = [each.current(np.minimum(np.arange(ticks) * ms, each.duration)) for each, ms in each_ms]
    return params.current_scale * np.array(made).T


def behaviours(params: IzhikevichParams) -> tuple[Behaviour, ...]:
    """The twenty patterns as behaviours.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of an array; its words and its scale of currents are used.
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
    """Describe the array for a reader.

    Parameters
    ----------
    params : IzhikevichParams
        Parameters of the array.

    Returns
    -------
    list of (str, str)
        Labels and values.
    """
    first = params.patterns[0]
    own = len(set(params.patterns[: params.count]))
    mine = f"a {first.a:g}, b {first.b:g}, c {first.c:g} mV, d {first.d:g}"
    return [
        ("parameters", mine + (f", and {own - 1} others" if own > 1 else "")),
        ("tick", si(params.dts.min(), "s") + (f" to {si(params.dts.max(), 's')}" if np.ptp(params.dts) else "")),
        ("I = 1", si(params.current_scale, "A")),
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
"""The model, as the rest of Neuristor uses it."""
