"""Leaky integrators: the leak of a time step is a power of two, and a spike resets the membrane potential to 0 V.

With v the membrane potential, and `drive` the voltage at which the present input current would hold it::

    v <- v + (drive - v) / 2**leak_shift        drive = resistance * current              (1)
    v >= threshold  ->  spike, v <- 0                                                     (2)

Equation 1 is the exact step of ``tau dv/dt = drive - v``, with ``tau = -dt / ln(1 - 2**-leak_shift)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.fixed import Format, round_shift, saturate, select
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import BitTrueModel, Bound, Events, Field, NeuronParams, ReferenceModel
from neuristor.golden_model.variability import Variability

__all__ = ["INTEGRATOR", "IntegratorOptions", "IntegratorParams"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


# --- parameters


class IntegratorRaw(NamedTuple):
    """The integers from which the circuit is built."""

    leak_shift: int
    membrane_min: int
    membrane_max: int


@dataclass(frozen=True, kw_only=True)
class IntegratorParams(NeuronParams):
    """An array of leaky integrators.

    Parameters
    ----------
    count : int
        Neurons, 1 to 65,536.
    dt : float
        Time step (tick), in second.
    leak_shift : int
        The leak of one time step is ``2**-leak_shift``; 1 to 16.
    threshold : float
        Firing threshold, in volt; above 0.
    resistance : float
        Membrane potential per input current, in ohm; above 0.
    membrane, drive : Format
        Words of the membrane potential and of the input, with equal numbers of fraction bits.
    coefficient_bits : int
        Not used: there is no coefficient.

    Raises
    ------
    ValueError, OverflowError
        If a value is outside its range, or the threshold does not fit the word.
    """

    count: int
    dt: float
    leak_shift: int
    threshold: float
    resistance: float
    membrane: Format = Format(3, 13)
    drive: Format = Format(3, 13)
    coefficient_bits: int = 4

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        whole("leak_shift", self.leak_shift, 1, 16)
        for name in ("dt", "threshold", "resistance"):
            positive(name, getattr(self, name))
        if self.drive.frac_bits != self.membrane.frac_bits:
            raise ValueError(f"drive must have {self.membrane.frac_bits} fraction bits, not {self.drive.frac_bits}")
        if int(self.threshold_raw[0]) < 1:
            raise ValueError(f"threshold must be at least {self.membrane.resolution} V, not {self.threshold!r} V")

    @property
    def leak(self) -> float:
        """Fraction of the distance to the input that the membrane potential covers in a time step."""
        return 2.0**-self.leak_shift

    @property
    def tau(self) -> float:
        """Membrane time constant, in second."""
        return -self.dt / math.log1p(-self.leak)

    @property
    def raw(self) -> IntegratorRaw:
        """The integers from which the circuit is built."""
        return IntegratorRaw(self.leak_shift, self.membrane.min_raw, self.membrane.max_raw)

    @property
    def initial(self) -> dict[str, Integers]:
        """State after reset, each of shape (count,)."""
        return {"membrane": np.zeros(self.count, dtype=np.int64)}

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM holds it."""
        return (Field("membrane", self.membrane.width, signed=True),)

    @property
    def thresholds(self) -> Floats:
        """Firing threshold of each neuron, in volt, shape (count,)."""
        return np.full(self.count, self.threshold)

    @property
    def threshold_raw(self) -> Integers:
        """The same in raw steps of the membrane potential."""
        return self.membrane.quantize(self.thresholds, "threshold")

    @property
    def holds(self) -> Floats:
        """Reset potential of each neuron, in volt, shape (count,)."""
        return np.zeros(self.count)

    def drive_volts(self, current: ArrayLike) -> Floats:
        """Voltage at which an input current (in ampere) would hold the membrane, in volt."""
        return np.asarray(self.resistance * np.asarray(current, dtype=np.float64))


# --- the bit-true model


def step(raw: IntegratorRaw, membrane: Any, threshold_raw: Any, drive_raw: Any) -> tuple[Any, Any, Any]:
    """One time step: new membrane potential, spike, saturated. On arrays, integers or symbolic values alike."""
    moved = membrane + round_shift(drive_raw - membrane, raw.leak_shift)
    bounded = saturate(moved, raw.membrane_min, raw.membrane_max)
    spike = bounded >= threshold_raw
    return select(spike, 0, bounded), spike, moved != bounded


class IntegratorBitTrue(BitTrueModel):
    """An array in fixed point: the specification of the circuit."""

    tick = staticmethod(step)


# --- the float reference


class IntegratorReference(ReferenceModel):
    """The same array in float64."""

    def _prepare(self) -> None:
        self.membrane = np.zeros(self.params.count)

    def _on_ticks(self, drive: Floats) -> Events:
        moved = self.membrane + (drive - self.membrane) * self.params.leak
        fired = moved >= self.params.thresholds
        self.membrane = np.where(fired, 0.0, moved)
        return self._at_end(fired)

    def _located(self, drive: Floats) -> Events:
        params, left = self.params, np.full(self.params.count, self.params.dt)
        spikes: Events = []
        while True:
            end = drive + (self.membrane - drive) * np.exp(-left / params.tau)
            fired = (end >= params.thresholds) & (left > 0)
            self.membrane = np.where(fired, self.membrane, end)
            if not fired.any():
                return spikes
            neurons, reached = np.flatnonzero(fired), drive[fired]
            needed = params.tau * np.log((reached - self.membrane[fired]) / (reached - params.threshold))
            left = np.where(fired, left, 0.0)
            left[fired] -= np.minimum(needed, left[fired])
            spikes.append((neurons, self.time + params.dt - left[neurons]))
            self.membrane = np.where(fired, 0.0, self.membrane)


# --- the distance between the two


def shadow(params: IntegratorParams, drive: Floats, trace: dict[str, Integers]) -> Floats:
    """The float membrane with the spikes of the bit-true model imposed, in volt, shape (ticks, count)."""
    v, made = np.zeros(params.count), np.empty(drive.shape)
    for tick, row in enumerate(drive):
        v = np.where(trace["spike"][tick] == 1, 0.0, v + (row - v) * params.leak)
        made[tick] = v
    return made


def swing(params: IntegratorParams, drive: Floats, membrane: Floats) -> float:
    """Largest distance between input and membrane, in volt."""
    return float(np.abs(drive - np.vstack([np.zeros((1, params.count)), membrane[:-1]])).max())


def bound(params: IntegratorParams, swing: float) -> Bound:
    """Largest distance between bit-true and float membrane under the same spikes, by cause.

    An error e becomes ``(1 - leak) e`` plus at most half a step, so it stays below half a step over the leak.
    """
    half = 0.5 * params.membrane.resolution
    return Bound(rounding=half / params.leak, coefficient=0.0, quantization=half)


# --- design files, and other parts of Neuristor


@dataclass(frozen=True, kw_only=True)
class IntegratorOptions:
    """Keys of the section ``[neuron]`` beside `model`, `count` and `dt`.

    Parameters
    ----------
    leak_shift : int
        The leak of one time step is 2**-leak_shift; 1 to 16.
    threshold : float
        Firing threshold in volt, above 0.
    resistance : float
        Membrane potential per input current in ohm, above 0.
    """

    leak_shift: int = 5
    threshold: float = 1.0
    resistance: float = 10e3


def from_circuit(
    circuit: None,
    *,
    count: int,
    dt: float,
    options: IntegratorOptions | None = None,
    spread: Variability | None = None,
    **words: Any,
) -> IntegratorParams:
    """Parameters from a design file; there is no device, so `circuit` is None."""
    options = options or IntegratorOptions()
    (spread or Variability()).only("integrator")  # no variability in this model
    return IntegratorParams(count=count, dt=dt, **vars(options), **words)


def check_current(params: IntegratorParams, current: Floats) -> None:
    """Refuse an input that makes no neuron fire.

    Raises
    ------
    ValueError
        If the strongest input does not reach the threshold.
    """
    needed = params.threshold / params.resistance
    if current.max() <= needed:
        raise ValueError(f"the strongest input must be above {needed:.3g} A, not {current.max():.3g} A")


def window(params: IntegratorParams) -> tuple[float, float]:
    """Input currents between which a neuron fires repeatedly and its words do not overflow, in ampere."""
    top = min(params.drive.max, params.membrane.max)
    return params.threshold / params.resistance, top / params.resistance


def rate(params: IntegratorParams, current: Floats) -> Floats:
    """Firing rate under constant inputs in continuous time, in hertz."""
    drive = params.drive_volts(current)
    fires = drive > params.threshold
    safe = np.where(fires, drive, 2 * params.threshold)
    return np.where(fires, 1 / (params.tau * np.log(safe / (safe - params.threshold))), 0.0)


def resized(params: IntegratorParams, *, fraction: int, coefficient: int, drive: int) -> IntegratorParams:
    """The same neurons with other word lengths."""
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, fraction),
    )


INTEGRATOR = NeuronModel(
    name="integrator",
    title="leaky integrator whose leak is a power of two",
    params=IntegratorParams,
    options=IntegratorOptions,
    bit_true=IntegratorBitTrue,
    reference=IntegratorReference,
    spread=(),
    excitable=True,
    from_circuit=from_circuit,
    check_current=check_current,
    summary=lambda params: [("membrane time constant", f"{params.tau * 1e6:.4g} us")],
    shadow=shadow,
    swing=swing,
    bound=bound,
    alone=lambda params, count: replace(params, count=count),
    window=window,
    rate=rate,
    resized=resized,
    input_levels=lambda params: (int(params.threshold_raw[0]), 0),
)
