"""Spiking networks: layers of LIF neurons that hear spikes of other layers, of themselves, or of the world.

What a network is (`Network`, floating point, SI units) and the words it has in hardware (`SnnParams`, integers) are two
things; ``quantized`` makes the second of the first. In both, a tick of a layer is

    A = sum_j w_ij s_j(t - delay) + b                  spikes, s = 0 or 1; or currents from outside
    I <- I + (w_in A - I) k_syn                        CuBa-LIF only; then I takes the place of A     (1)
    v <- v + (leak - v + R A) k                        LIF, LI                                        (2)
    v <- v + R A dt                                    IF                                             (3)
    v > threshold (or >=)  ->  spike, and v <- reset, or v <- v - (threshold - reset)                 (4)

and what everybody asks of other tools, said once:

- *dt* belongs to the network. ``k = dt / tau`` where `discretisation` is ``euler``, ``1 - exp(-dt / tau)`` where it is
  ``exact``.
- *Order*: synapses, current, leak, integration, comparison, reset, all in one tick. With ``late_current`` (2) takes the
  current of before (1), as Norse does; without, the new one, as snnTorch does.
- *When an input acts*: a spike of tick t acts in tick t, through all layers; along a connection with a delay of d
  ticks, in tick t + d. A layer that hears itself needs a delay of one tick at least.
- *Comparison*: ``>`` as NIR defines it, ``>=`` where `strict` is false, as a threshold switch has it.
- *Reset* acts in the tick of the spike, and before the next leak. A neuron of an oxide device falls to V_hold and may
  be refractory: ``golden_model.neurons.lif``, whose function ``fire`` is the end of (4).
- *Rounding*: weights to the nearest, halves up, and clipped to their word; coefficients to their significant bits; the
  leak of each tick to the nearest step of the membrane, halves up. Sums of weights are exact, and membranes saturate,
  which is counted.

References
----------
J. E. Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15, 2024,
10.1038/s41467-024-52259-9 (the equations); S. Rotter and M. Diesmann, Biol. Cybern. 81, 1999 (the exact step).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.fixed import round_shift, saturate
from neuristor.golden_model.networks.synapses import Convolution, Synapses
from neuristor.golden_model.neurons.lif import LifParams, LifRaw, fire
from neuristor.golden_model.neurons.neuron import Field, positive, whole
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_OFF, STUCK_ON, Variability

__all__ = [
    "INPUT",
    "Connection",
    "Layer",
    "LayerParams",
    "LayerRaw",
    "Network",
    "Neurons",
    "Projection",
    "SnnBitTrue",
    "SnnParams",
    "SnnReference",
    "Words",
    "dequantized",
    "farthest",
    "on_device",
    "order_of",
    "quantized",
    "step",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
INPUT = -1
"""The source of a connection from outside."""
MOST_DELAY = 63
"""Ticks."""
MOST_AHEAD = 1 << 20
"""Ticks; of a layer that nothing from outside reaches, which never ends."""
NEAR = 1e-9
"""Relative: what is so near to a step of the grid is meant to be on it."""


def _column(name: str, value: ArrayLike, count: int) -> Floats:
    made = np.asarray(value, dtype=np.float64)
    if made.shape not in ((), (1,), (count,)):
        raise ValueError(f"{name} must have one number, or {count}, not shape {made.shape}")
    if not np.isfinite(made).all():
        raise ValueError(f"{name} must be finite, but it holds a NaN or an infinity")
    return np.broadcast_to(made, (count,)).copy()


@dataclass(frozen=True, kw_only=True, eq=False)
class Neurons:
    """The neurons of a layer: what they are made of. Each number is one for all, or one a neuron.

    Parameters
    ----------
    tau : array_like, optional
        Membrane time constant in second; None for neurons that do not leak (IF).
    tau_syn : array_like, optional
        Time constant of the synaptic current in second; None for neurons that have none.
    r : array_like
        Membrane resistance: what a current of one does to the membrane at last.
    w_in : array_like
        Of the synaptic current: equation 1.
    leak : array_like
        Where the membrane leaks to; also where it begins, where `start` is none.
    threshold : array_like, optional
        None for neurons that never spike and are read out as membranes (LI).
    reset : array_like
        Where a spike leaves the membrane.
    subtract : bool
        A spike takes ``threshold - reset`` away instead, so that what was above the threshold stays.
    strict : bool
        ``v > threshold`` spikes; otherwise ``v >= threshold``.
    start : float, optional
        Membrane before the first tick; 0 by default, as in NIR.
    refractory : float
        Time after a spike in which the neuron does nothing, in second, rounded to whole ticks.
    late_current : bool
        The membrane takes the current of before this tick.
    spread : Variability
        Of the threshold, relative to `threshold - leak`; and broken devices.
    latched : float
        Membrane of a device that is stuck on.

    Raises
    ------
    ValueError
        If a number is outside its range.
    """

    count: int
    tau: Any = None
    tau_syn: Any = None
    r: Any = 1.0
    w_in: Any = 1.0
    leak: Any = 0.0
    threshold: Any = 1.0
    reset: Any = 0.0
    subtract: bool = False
    strict: bool = True
    start: float = 0.0
    refractory: float = 0.0
    late_current: bool = False
    spread: Variability = field(default_factory=Variability)
    latched: float = 0.0

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        for name in ("tau", "tau_syn", "r", "w_in", "leak", "threshold", "reset"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _column(name, value, self.count))
        if self.tau is None and self.leak.any():
            raise ValueError("leak must be 0 for neurons that do not leak")
        for name in ("tau", "tau_syn"):
            value = getattr(self, name)
            if value is not None and not (value > 0).all():
                raise ValueError(f"{name} must be above 0, not {value.min()!r}")
        if self.threshold is not None and not (np.asarray(self.reset) < self.threshold).all():
            worst = int(np.argmin(self.threshold - np.asarray(self.reset)))
            raise ValueError(
                f"reset must be below threshold, not {np.asarray(self.reset)[worst]:g} at a threshold of "
                f"{np.asarray(self.threshold)[worst]:g}"
            )
        positive("refractory", self.refractory, zero=True)
        self.spread.only("snn", "threshold_d2d", "threshold_c2c", "stuck_on", "stuck_off", "dead")

    @cached_property
    def thresholds(self) -> Floats:
        """Of each device, with its spread, shape (count,); none below a sixteenth of the way from the reset."""
        assert self.threshold is not None
        draw = np.random.default_rng(self.spread.seed).standard_normal(self.count)
        made = self.threshold + self.spread.threshold_d2d * (self.threshold - np.asarray(self.leak)) * draw
        reset = np.asarray(self.reset)
        return np.asarray(np.maximum(made, reset + (self.threshold - reset) / 16))

    @cached_property
    def faults(self) -> Integers:
        """What each device is, as in ``variability``, shape (count,)."""
        return self.spread.faults(self.count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """What a layer hears of a source.

    Parameters
    ----------
    source : int
        The number of a layer, or `INPUT`.
    synapses : Dense or Convolution
    delay : int
        Ticks, 0 to 63.
    """

    source: int
    synapses: Synapses
    delay: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Neurons, and what they hear.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Of the neurons: (count,), or (channels, height, width).
    neurons : Neurons
    projections : tuple of Projection
        None where all input comes as currents.
    bias : array_like, optional
        What comes in every tick, shape (count,).
    """

    name: str
    shape: tuple[int, ...]
    neurons: Neurons
    projections: tuple[Projection, ...] = ()
    bias: Any = 0.0

    def __post_init__(self) -> None:
        if math.prod(self.shape) != self.neurons.count:
            raise ValueError(f"{self.name}: shape must have {self.neurons.count} neurons, not {self.shape}")
        object.__setattr__(self, "bias", _column(f"{self.name}: bias", self.bias, self.neurons.count))


def order_of(layers: Sequence[Any], sources: Callable[[Any], list[tuple[int, int]]]) -> list[int]:
    """The layers, each after those that it hears in the same tick.

    Parameters
    ----------
    layers : sequence
        With names.
    sources : callable
        Of a layer: (source, delay) of each connection.

    Raises
    ------
    ValueError
        If there is none: a cycle has no delay.
    """
    left, made = dict(enumerate(layers)), list[int]()
    while left:
        ready = [n for n, each in left.items() if all(delay or source not in left for source, delay in sources(each))]
        if not ready:
            names = ", ".join(each.name for each in left.values())
            raise ValueError(f"layers must not hear each other without a delay of a tick at least: {names}")
        made += ready[:1]
        del left[ready[0]]
    return made


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Layers, and the tick they share.

    Parameters
    ----------
    dt : float
        A tick, in second.
    input_shape : tuple of int
        What comes from outside: (inputs,), or (channels, height, width).
    layers : tuple of Layer
        The last one is the output.
    discretisation : {"euler", "exact"}
    currents : bool
        The input is no spikes but currents, any number in every tick, which the first layer hears without delay.

    Raises
    ------
    ValueError
        If layers do not fit together; the message names them.
    """

    dt: float
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    discretisation: Literal["euler", "exact"] = "euler"
    currents: bool = False

    def __post_init__(self) -> None:
        positive("dt", self.dt)
        if self.discretisation not in ("euler", "exact"):
            raise ValueError(f"discretisation must be 'euler' or 'exact', not {self.discretisation!r}")
        if not self.layers:
            raise ValueError("a network must have at least one layer")
        for layer in self.layers:
            for one in layer.projections:
                self._check(layer, one)
            for name in ("tau", "tau_syn"):
                tau = getattr(layer.neurons, name)
                if tau is not None and self.dt > tau.min():
                    raise ValueError(
                        f"{layer.name}: dt must be at most {name} ({tau.min():.4g} s), not {self.dt:.4g} s"
                    )
                if tau is not None and self.dt < tau.max() * 2.0**-40:
                    raise ValueError(f"{layer.name}: dt must be at least 2**-40 of {name}, not {self.dt:.4g} s")
        self.order  # noqa: B018  (raises)

    def _check(self, layer: Layer, one: Projection) -> None:
        if not INPUT <= one.source < len(self.layers):
            raise ValueError(f"{layer.name}: source must be {INPUT} to {len(self.layers) - 1}, not {one.source}")
        whole(f"{layer.name}: delay", one.delay, 0, MOST_DELAY)
        shape = self.input_shape if one.source == INPUT else self.layers[one.source].shape
        name = "the input" if one.source == INPUT else self.layers[one.source].name
        if math.prod(shape) != math.prod(one.synapses.input_shape):
            raise ValueError(
                f"{layer.name}: its synapses must take {shape}, as {name} has it, not {one.synapses.input_shape}"
            )
        if math.prod(one.synapses.output_shape) != layer.neurons.count:
            raise ValueError(
                f"{layer.name}: its synapses must reach {layer.neurons.count} neurons, not {one.synapses.output_shape}"
            )
        if isinstance(one.synapses, Convolution) and layer.shape != one.synapses.output_shape:
            raise ValueError(
                f"{layer.name}: shape must be that of its convolution, {one.synapses.output_shape}, not {layer.shape}"
            )
        if self.currents and one.source == INPUT and layer is not self.layers[0]:
            raise ValueError(f"{layer.name}: currents from outside must reach the first layer only")
        if self.currents and one.source == INPUT and one.delay:
            raise ValueError(f"{layer.name}: currents must act without delay, not after {one.delay} ticks")

    @cached_property
    def order(self) -> list[int]:
        """The layers, each after those that it hears in the same tick."""
        return order_of(self.layers, lambda layer: [(one.source, one.delay) for one in layer.projections])

    @property
    def inputs(self) -> int:
        """Numbers that come from outside in a tick."""
        return math.prod(self.input_shape)

    def coefficient(self, tau: ArrayLike | None) -> Floats:
        """The k of a time constant; zero without one."""
        if tau is None:
            return np.zeros(1)
        ratio = self.dt / np.asarray(tau, dtype=np.float64)
        return ratio if self.discretisation == "euler" else -np.expm1(-ratio)

    def gain(self, layer: Layer) -> Floats:
        """What a spike through a weight of one adds to the membrane at once (to the current, scaled so), (count,)."""
        neurons = layer.neurons
        into = self.dt if neurons.tau is None else self.coefficient(neurons.tau)
        gain = np.asarray(neurons.r) * into
        return gain if neurons.tau_syn is None else gain * np.asarray(neurons.w_in) * self.coefficient(neurons.tau_syn)


def on_device(network: Network, device: LifParams) -> Network:
    """The same network, every neuron that spikes an oxide device (`LifParams`), with its spread and faults.

    What was trained stays: a membrane of zero is the device at rest, one threshold of the network is V_th, and the time
    constant of the network that of the device, so that the refractory time counts in ticks. What changes: a spike ends
    at V_hold, the comparison is ``>=``, the neuron is refractory, and devices differ.

    Parameters
    ----------
    network : Network
        Of LIF and CuBa-LIF neurons that leak to zero.
    device : LifParams
        One device, with its spread; its `count` and `dt` mean nothing here.

    Raises
    ------
    ValueError
        If a layer has neurons that a device cannot be.
    """
    swing = device.threshold - device.rest
    layers = []
    for number, layer in enumerate(network.layers):
        neurons = layer.neurons
        if neurons.threshold is None:
            layers.append(layer)
            continue
        if neurons.tau is None or np.any(neurons.leak):
            raise ValueError(f"{layer.name}: must be LIF neurons that leak to zero, to be made of devices")
        stretch = float(np.mean(neurons.tau)) / device.tau
        made = replace(
            neurons,
            reset=neurons.threshold * (device.hold - device.rest) / swing,
            subtract=device.reset == "subtract",
            strict=False,
            refractory=device.refractory * stretch,
            latched=float(np.mean(neurons.threshold)) * (device.latched - device.rest) / swing,
            spread=Variability(
                threshold_d2d=device.threshold_d2d / swing,
                threshold_c2c=device.threshold_c2c / swing,
                stuck_on=device.stuck_on,
                stuck_off=device.stuck_off,
                dead=device.dead,
                seed=device.seed + number,
            ),
        )
        layers.append(replace(layer, neurons=made))
    return replace(network, layers=tuple(layers))


class _Delays:
    """The last spikes of each source."""

    def __init__(self, sources: dict[int, int], shapes: dict[int, tuple[int, int]], kind: Any) -> None:
        self._kept = {
            n: deque([np.zeros(shapes[n], dtype=kind)] * delay, maxlen=delay) for n, delay in sources.items() if delay
        }

    def spikes(self, source: int, delay: int, now: Any) -> Any:
        return now if delay == 0 else self._kept[source][-delay]

    def push(self, source: int, spikes: Any) -> None:
        if source in self._kept:
            self._kept[source].append(spikes.copy())


def _delays(layers: Sequence[Any], of: Callable[[Any], list[tuple[int, int]]]) -> dict[int, int]:
    longest: dict[int, int] = {}
    for layer in layers:
        for source, delay in of(layer):
            longest[source] = max(longest.get(source, 0), delay)
    return longest


def _checked(inputs: ArrayLike, count: int, kinds: str) -> Any:
    made = np.asarray(inputs)
    if made.dtype.kind not in kinds + "b":
        raise TypeError(f"inputs must be numbers, not {made.dtype}")
    if made.ndim == 2:
        made = made[:, None]
    if made.ndim != 3 or made.shape[2] != count:
        raise ValueError(f"inputs must have shape (ticks, batch, {count}), not {np.shape(inputs)}")
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        raise ValueError("inputs must be finite, but they hold a NaN or an infinity")
    return made


class SnnReference:
    """A network in float64, exactly as the equations above say.

    Parameters
    ----------
    network : Network
    batch : int
        Runs side by side.

    Attributes
    ----------
    membrane, current, spikes : list of ndarray, shape (batch, count)
        Of each layer.
    """

    def __init__(self, network: Network, batch: int = 1) -> None:
        self.network, self.batch = network, batch
        counts = [layer.neurons.count for layer in network.layers]
        self.membrane = [np.full((batch, layer.neurons.count), float(layer.neurons.start)) for layer in network.layers]
        self.current = [np.zeros((batch, count)) for count in counts]
        self.spikes = [np.zeros((batch, count), dtype=bool) for count in counts]
        self._waiting = [np.zeros((batch, count), dtype=np.int64) for count in counts]
        self._draw = [_draws(layer.neurons.spread.seed, batch, layer.shape) for layer in network.layers]
        self._matrices = [[one.synapses.matrix() for one in layer.projections] for layer in network.layers]
        shapes = {INPUT: (batch, network.inputs)} | {n: (batch, count) for n, count in enumerate(counts)}
        self._past = _Delays(
            _delays(network.layers, lambda layer: [(one.source, one.delay) for one in layer.projections]), shapes, float
        )

    def step(self, inputs: NDArray[Any]) -> list[NDArray[np.bool_]]:
        """Advance one tick.

        Parameters
        ----------
        inputs : ndarray, shape (batch, inputs)
            Spikes, 0 or 1, or currents.

        Returns
        -------
        list of ndarray of bool, shape (batch, count)
            The spikes of each layer.
        """
        for n in self.network.order:
            layer = self.network.layers[n]
            total = np.broadcast_to(np.asarray(layer.bias), self.membrane[n].shape)
            for one, matrix in zip(layer.projections, self._matrices[n], strict=True):
                now = inputs if one.source == INPUT else self.spikes[one.source]
                heard = np.asarray(self._past.spikes(one.source, one.delay, now), dtype=np.float64)
                total = total + (matrix @ heard.T).T
            self._update(n, layer.neurons, total)
        self._past.push(INPUT, inputs)
        for n, spikes in enumerate(self.spikes):
            self._past.push(n, spikes)
        return list(self.spikes)

    def _update(self, n: int, neurons: Neurons, total: Floats) -> None:
        network, v = self.network, self.membrane[n]
        if neurons.tau_syn is not None:
            k_syn, before = network.coefficient(neurons.tau_syn), self.current[n]
            self.current[n] = before + (np.asarray(neurons.w_in) * total - before) * k_syn
            total = before if neurons.late_current else self.current[n]
        if neurons.tau is None:
            moved = v + network.dt * np.asarray(neurons.r) * total
        else:
            moved = v + (neurons.leak - v + np.asarray(neurons.r) * total) * network.coefficient(neurons.tau)
        if neurons.threshold is None:
            self.membrane[n] = moved
            return
        limit = neurons.thresholds
        if neurons.spread.threshold_c2c:
            sigma = neurons.spread.threshold_c2c * (neurons.threshold - np.asarray(neurons.leak)) / noise.SIGMA
            limit = limit + sigma * noise.byte_sum(self._draw[n])
        fault, active = neurons.faults, self._waiting[n] == 0
        # A sum that meets the threshold but for rounding meets it: 3 x 0.1 is 0.3.
        margin = NEAR * np.maximum(np.abs(limit), 1e-300)
        over = moved > limit + margin if neurons.strict else moved >= limit - margin
        fired = over & active & (fault == HEALTHY)
        after = moved - (neurons.thresholds - neurons.reset) if neurons.subtract else np.asarray(neurons.reset)
        held = np.where(fault == DEAD, v, np.where(fault == STUCK_ON, neurons.latched, moved))
        self.membrane[n] = np.where(fired, after, np.where(active, held, v))
        ticks = math.floor(neurons.refractory / network.dt + 0.5)
        self._waiting[n] = np.where(fired, ticks, self._waiting[n] - ~active)
        if neurons.spread.threshold_c2c:
            self._draw[n] = np.where(fired, noise.advance(self._draw[n]), self._draw[n])
        self.spikes[n] = fired

    def run(self, inputs: ArrayLike) -> list[NDArray[np.bool_]]:
        """Advance many ticks.

        Parameters
        ----------
        inputs : array_like, shape (ticks, batch, inputs), or (ticks, inputs) for a batch of one

        Returns
        -------
        list of ndarray of bool, shape (ticks, batch, count)
            The spikes of each layer.
        """
        checked = _checked(inputs, self.network.inputs, "iuf")
        kept: list[list[Any]] = [[] for _ in self.network.layers]
        for row in checked:
            for into, spikes in zip(kept, self.step(row), strict=True):
                into.append(spikes)
        return [np.array(each) for each in kept]


def _draws(seed: int, batch: int, shape: tuple[int, ...]) -> Integers:
    """Noise states: a neuron's generator is that of its place, where the channels of a pixel stand side by side."""
    states = noise.first_states(seed, math.prod(shape))
    if len(shape) == 3:
        states = states.reshape(-1, shape[0]).T.ravel()
    return np.repeat(states[None], batch, axis=0)


class LayerRaw(NamedTuple):
    """The integers that the circuit of a layer is built from. Scalars only, shared by its neurons."""

    lif: LifRaw
    """Membrane, leak, reset: ``golden_model.neurons.lif``. Its rest is zero."""
    synaptic: int
    """1 when there is a synaptic current."""
    syn_raw: int
    syn_shift: int
    late: int
    """1 when the membrane takes the current of before this tick."""
    current_min: int
    current_max: int


def step(
    raw: LayerRaw,
    current: Any,
    membrane: Any,
    refractory: Any,
    state: Any,
    threshold_raw: Any,
    fault_raw: Any,
    total_raw: Any,
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """One tick of a neuron, on integers, arrays or hardware values alike.

    Parameters
    ----------
    raw : LayerRaw
    current, membrane, refractory, state, threshold_raw, fault_raw
        Of each neuron.
    total_raw
        What all its synapses and its bias bring in this tick, in steps of the membrane.

    Returns
    -------
    current, membrane, refractory, state, spike, saturated
    """
    kick, overflowed = total_raw, False
    if raw.synaptic:
        moved = current + round_shift(-current * raw.syn_raw, raw.syn_shift) + total_raw  # (1)
        after = saturate(moved, raw.current_min, raw.current_max)
        overflowed = moved != after
        kick = current if raw.late else after
        current = after
    leaked = membrane + round_shift(-membrane * raw.lif.k_raw, raw.lif.k_shift) + kick  # (2), (3)
    membrane, refractory, state, spike, clipped = fire(
        raw.lif, leaked, membrane, refractory, state, threshold_raw, fault_raw
    )
    return current, membrane, refractory, state, spike, clipped | overflowed


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """What a layer hears of a source, in words.

    Parameters
    ----------
    source : int
        The number of a layer, or `INPUT`.
    synapses : Dense or Convolution
        Integers.
    weight_bits : int
        Of each weight, signed, 1 to 16.
    shift : int
        A weight of one is ``2**shift`` steps of the membrane.
    delay : int
        Ticks.
    """

    source: int
    synapses: Synapses
    weight_bits: int
    shift: int = 0
    delay: int = 0

    def __post_init__(self) -> None:
        whole("weight_bits", self.weight_bits, 1, 16)
        whole("shift", self.shift, 0, 24)
        values = self.synapses.values
        if values.dtype.kind != "i":
            raise TypeError(f"weights must be integers, not {values.dtype}; quantize them first")
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        if values.min() < low or values.max() > high:
            worst = int(values.min() if values.min() < low else values.max())
            raise OverflowError(f"weights must be between {low} and {high} with {self.weight_bits} bits, not {worst}")


def _bits(low: int, high: int) -> int:
    """Of a signed word that holds both."""
    return max((-low - 1 if low < 0 else low).bit_length(), (high if high > 0 else -high - 1).bit_length()) + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerParams:
    """A layer, in words.

    Parameters
    ----------
    name : str
    shape : tuple of int
    membrane_bits, current_bits : int
        Of the words, signed.
    raw : LayerRaw
    connections : tuple of Connection
    threshold_raw, fault_raw, bias_raw : ndarray of int64, shape (count,)
    start_raw : int
        Membrane before the first tick.
    seed : int
        Of the noise.
    lsb : float
        What a step of the membrane stands for.
    zero : float
        What a membrane of zero stands for: where the membrane leaks to.
    sum_bits_least : int
        Of a sum, where weights that are written at run time may add up to more than these do.
    """

    name: str
    shape: tuple[int, ...]
    membrane_bits: int
    current_bits: int
    raw: LayerRaw
    connections: tuple[Connection, ...]
    threshold_raw: Integers
    fault_raw: Integers
    bias_raw: Integers
    seed: int = 1
    lsb: float = 1.0
    zero: float = 0.0
    sum_bits_least: int = 0

    @property
    def count(self) -> int:
        """Neurons."""
        return math.prod(self.shape)

    @property
    def fires(self) -> bool:
        """Whether its neurons can spike: those that cannot (LI) are as devices that are stuck off."""
        return bool((self.fault_raw == HEALTHY).any())

    @cached_property
    def reach(self) -> tuple[int, int]:
        """The smallest and the largest sum of weights that any spikes give, in steps of the smallest shift."""
        least = self.least_shift
        low, high = np.zeros(self.count, dtype=np.int64), np.zeros(self.count, dtype=np.int64)
        for each in self.connections:
            matrix, scale = each.synapses.matrix(), 1 << (each.shift - least)
            high += scale * np.asarray((matrix * (matrix > 0)).sum(axis=1)).ravel()
            low += scale * np.asarray((matrix * (matrix < 0)).sum(axis=1)).ravel()
        return int(low.min()), int(high.max())

    @property
    def least_shift(self) -> int:
        """The smallest shift of its connections."""
        return min((each.shift for each in self.connections), default=0)

    @property
    def sum_bits(self) -> int:
        """Of a sum of weights, signed: whatever spikes, it fits; `sum_bits_least` makes room for other weights."""
        return max(_bits(*self.reach), self.sum_bits_least)

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM holds it."""
        fields = [Field("membrane", self.membrane_bits, True)]
        if self.raw.lif.refractory_ticks:
            fields.append(Field("refractory", self.raw.lif.refractory_ticks.bit_length(), False))
        if self.raw.lif.noise_scale_raw:
            fields.append(Field("noise", 32, False))
        if self.raw.synaptic:
            fields.append(Field("current", self.current_bits, True))
        return tuple(fields)

    def value(self, membrane: ArrayLike) -> Floats:
        """What membranes stand for."""
        return self.zero + self.lsb * np.asarray(membrane, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class SnnParams:
    """A network, in words: what the circuit is built from.

    Parameters
    ----------
    input_shape : tuple of int
    layers : tuple of LayerParams
        The last one is the output.
    currents : bool
        The input is, in every tick, a current for each neuron of the first layer, in steps of its membrane.
    current_bits : int
        Of these, signed.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerParams, ...]
    currents: bool = False
    current_bits: int = 16

    def __post_init__(self) -> None:
        whole("current_bits", self.current_bits, 2, 40)
        self.order  # noqa: B018  (raises)
        for layer, ahead in zip(self.layers, self.ahead, strict=True):
            if ahead == MOST_AHEAD:
                raise ValueError(
                    f"{layer.name}: must hear the input, or a layer that does; nothing from outside reaches it"
                )

    @cached_property
    def order(self) -> list[int]:
        """The layers, each after those that it hears in the same tick."""
        return order_of(self.layers, lambda layer: [(each.source, each.delay) for each in layer.connections])

    @property
    def inputs(self) -> int:
        """Numbers that come from outside in a tick."""
        return math.prod(self.input_shape)

    @cached_property
    def ahead(self) -> tuple[int, ...]:
        """By how many ticks each layer may be ahead of the input: the shortest delay on a way from there."""
        far = [0 if self.currents and n == 0 else MOST_AHEAD for n in range(len(self.layers))]
        for _ in self.layers:
            for n, layer in enumerate(self.layers):
                ways = [(0 if each.source == INPUT else far[each.source]) + each.delay for each in layer.connections]
                far[n] = min([far[n], *ways])
        return tuple(far)

    @property
    def weight_count(self) -> int:
        """Weights, all together."""
        return sum(each.synapses.values.size for layer in self.layers for each in layer.connections)


class SnnBitTrue:
    """A network in fixed point, many inputs side by side: the specification of the circuit.

    Parameters
    ----------
    params : SnnParams
    batch : int
        Runs side by side.

    Attributes
    ----------
    state : list of dict of ndarray, shape (batch, count)
        Of each layer: ``current``, ``membrane``, ``refractory``, ``noise``.
    spikes : list of ndarray of bool, shape (batch, count)
    saturations : ndarray of int64, shape (layers,)
        How many updates were clamped.
    """

    def __init__(self, params: SnnParams, batch: int = 1) -> None:
        self.params, self.batch = params, batch
        self._kinds = [
            _kind(layer, params.current_bits if params.currents and n == 0 else 0)
            for n, layer in enumerate(params.layers)
        ]
        # Sums of integers are exact in floating point far beyond what can occur, and products are much faster.
        self._sums = [np.float32 if layer.sum_bits <= 24 else np.float64 for layer in params.layers]
        self._weights = [
            [_transposed(each.synapses.matrix(), each.shift - layer.least_shift, kind) for each in layer.connections]
            for layer, kind in zip(params.layers, self._sums, strict=True)
        ]
        self._own = [
            tuple(column.astype(kind) for column in (layer.threshold_raw, layer.fault_raw, layer.bias_raw))
            for layer, kind in zip(params.layers, self._kinds, strict=True)
        ]
        self.reset()

    def reset(self) -> None:
        """Return to the state the circuit has after its reset."""
        self.state: list[dict[str, Any]] = []
        for layer, kind in zip(self.params.layers, self._kinds, strict=True):
            zero = np.zeros((self.batch, layer.count), dtype=kind)
            names = ("current", "membrane", "refractory")
            self.state.append({name: zero.copy() for name in names} | {"noise": zero})
            self.state[-1]["membrane"][:] = layer.raw.lif.initial_raw
            if layer.raw.lif.noise_scale_raw:
                self.state[-1]["noise"] = _draws(layer.seed, self.batch, layer.shape)
        counts = [layer.count for layer in self.params.layers]
        self.spikes = [np.zeros((self.batch, count), dtype=bool) for count in counts]
        self.saturations = np.zeros(len(counts), dtype=np.int64)
        shapes = {INPUT: (self.batch, self.params.inputs)} | {n: (self.batch, c) for n, c in enumerate(counts)}
        self._past = _Delays(
            _delays(self.params.layers, lambda layer: [(one.source, one.delay) for one in layer.connections]),
            shapes,
            bool,
        )

    def step(self, inputs: NDArray[Any]) -> list[NDArray[np.bool_]]:
        """Advance one tick.

        Parameters
        ----------
        inputs : ndarray of int, shape (batch, inputs)
            Spikes, 0 or 1; or, for a network of currents, those of the first layer's neurons in steps of its membrane.

        Returns
        -------
        list of ndarray of bool, shape (batch, count)
            The spikes of each layer.
        """
        heard = [] if self.params.currents else self._heard(inputs)
        return self._advance(inputs, heard)

    def _heard(self, inputs: NDArray[Any]) -> list[Any]:
        """The products of the input with each matrix that takes it without delay: (layer, number, product)."""
        made = []
        for n, layer in enumerate(self.params.layers):
            for m, each in enumerate(layer.connections):
                if each.source == INPUT and not each.delay:
                    made.append((n, m, self._product(n, m, inputs)))
        return made

    def _product(self, n: int, m: int, spikes: NDArray[Any]) -> Any:
        return spikes.astype(self._sums[n]) @ self._weights[n][m]

    def _advance(self, inputs: NDArray[Any], heard: list[Any]) -> list[NDArray[np.bool_]]:
        known = {(n, m): product for n, m, product in heard}
        for n in self.params.order:
            layer, kind = self.params.layers[n], self._kinds[n]
            threshold, fault, bias = self._own[n]
            total: Any = 0
            for m, each in enumerate(layer.connections):
                if (n, m) in known:
                    total = total + known[n, m]
                    continue
                now = inputs if each.source == INPUT else self.spikes[each.source]
                total = total + self._product(n, m, self._past.spikes(each.source, each.delay, now))
            summed: Any = np.asarray(total).astype(kind)
            if layer.least_shift:
                summed = summed << layer.least_shift
            if bias.any():
                summed = summed + bias
            if n == 0 and self.params.currents:
                summed = summed + inputs.astype(kind)
            state = self.state[n]
            state["current"], state["membrane"], state["refractory"], state["noise"], spike, clipped = step(
                layer.raw,
                state["current"],
                state["membrane"],
                state["refractory"],
                state["noise"],
                threshold,
                fault,
                summed,
            )
            self.spikes[n] = spike
            self.saturations[n] += int(np.count_nonzero(clipped))
        self._past.push(INPUT, inputs)
        for n, spikes in enumerate(self.spikes):
            self._past.push(n, spikes)
        return list(self.spikes)

    def run(
        self, inputs: ArrayLike, *, keep: bool = False, progress: Callable[[float], object] | None = None
    ) -> list[dict[str, Any]]:
        """Advance many ticks.

        Parameters
        ----------
        inputs : array_like of int, shape (ticks, batch, inputs), or (ticks, inputs) for a batch of one
        keep : bool
            Keep the state of every tick, too.
        progress : callable, optional
            Takes the part that is done.

        Returns
        -------
        list of dict of ndarray, shape (ticks, batch, count)
            Of each layer: ``spike``, and with `keep` each of its ``state_fields``.

        Raises
        ------
        TypeError, ValueError
            If the inputs are none of this network.
        """
        count = self.params.layers[0].count if self.params.currents else self.params.inputs
        checked = _checked(inputs, count, "iu")
        if not self.params.currents and checked.size and (checked.min() < 0 or checked.max() > 1):
            raise ValueError(f"spikes must be 0 or 1, not {checked.min()} to {checked.max()}")
        if self.params.currents and checked.size:
            top = 1 << (self.params.current_bits - 1)
            if checked.min() < -top or checked.max() >= top:
                raise ValueError(
                    f"currents must be between {-top} and {top - 1}, not {checked.min()} to {checked.max()}"
                )
        ticks, made = len(checked), list[dict[str, Any]]()
        for n, layer in enumerate(self.params.layers):
            names = [each.name for each in layer.state_fields] if keep else []
            made.append({"spike": np.empty((ticks, self.batch, layer.count), dtype=bool)})
            made[n] |= {name: np.empty((ticks, self.batch, layer.count), dtype=np.int64) for name in names}
        # The products of many ticks at once are faster than one by one.
        at_once = max(1, 4_000_000 // max(1, self.batch * count))
        for start in range(0, ticks, at_once):
            rows = checked[start : start + at_once]
            heard = [] if self.params.currents else self._heard(rows.reshape(-1, count))
            heard = [(n, m, product.reshape(*rows.shape[:2], -1)) for n, m, product in heard]
            for tick, row in enumerate(rows):
                self._advance(row, [(n, m, product[tick]) for n, m, product in heard])
                for n, into in enumerate(made):
                    into["spike"][start + tick] = self.spikes[n]
                    for name in into:
                        if name != "spike":
                            into[name][start + tick] = self.state[n][name]
            if progress is not None:
                progress((start + len(rows)) / ticks)
        return made


def _transposed(matrix: Any, shift: int, kind: Any) -> Any:
    made = matrix.astype(kind) * (1 << shift)
    return made.T.tocsc() if hasattr(made, "tocsr") else np.ascontiguousarray(made.T)


def _kind(layer: LayerParams, given_bits: int) -> Any:
    """The smallest integers in which nothing of an update can wrap."""
    raw = layer.raw
    low, high = layer.reach
    total = (max(-low, high) << layer.least_shift) + int(np.abs(layer.bias_raw).max(initial=0)) + (1 << given_bits)
    membrane = (1 << layer.membrane_bits) * (raw.lif.k_raw + 1) + (1 << raw.lif.k_shift)
    current = (1 << layer.current_bits) * (raw.syn_raw + 1) + (1 << raw.syn_shift) if raw.synaptic else 0
    most = 2 * (total + membrane + current + int(np.abs(layer.threshold_raw).max())) + (1 << 16)
    if raw.lif.noise_scale_raw or most >= 1 << 31:
        return np.int64
    return np.int32


class Words(NamedTuple):
    """The words of a layer."""

    weight_bits: int = 4
    membrane_bits: int = 10
    current_bits: int = 0
    """Of the synaptic current; 0 for as many as `membrane_bits`, and one."""
    coefficient_bits: int = 8
    """Significant bits of k; 0 for a power of two."""
    clip: float = 1.0
    """The largest weight that is not clipped, as a part of the largest."""
    level: float = 0.25
    """Where the threshold is in the membrane's word: how much room there is above it, and how much below zero. Of
    read-outs, how much of the farthest that any spikes could drive them fits."""


WORDS = Words()


def quantized(network: Network, words: Words | Sequence[Words] = WORDS) -> SnnParams:
    """A network in words.

    The membrane's step is so chosen that the threshold is a whole number of them, and that weights are whole numbers of
    ``2**shift`` steps.

    Parameters
    ----------
    network : Network
    words : Words, or one for each layer

    Returns
    -------
    SnnParams

    Raises
    ------
    ValueError
        If words are outside their range, or hold no threshold.
    """
    each = [words] * len(network.layers) if isinstance(words, Words) else list(words)
    if len(each) != len(network.layers):
        raise ValueError(f"words must be one, or {len(network.layers)}, not {len(each)}")
    layers = tuple(_layer(network, n, one) for n, one in enumerate(each))
    currents = network.currents
    return SnnParams(
        input_shape=(layers[0].count,) if currents else network.input_shape, layers=layers, currents=currents
    )


def _coefficient(k: float, bits: int) -> tuple[int, int]:
    """The k as ``raw * 2**-shift``, with so many significant bits; a power of two with none."""
    if k <= 0:
        return 0, 0
    if bits == 0:
        return 1, max(0, round(-math.log2(k)))
    shift = max(0, bits - 1 - math.floor(math.log2(k)))
    raw = math.floor(k * 2**shift + 0.5)
    while raw % 2 == 0 and shift:  # a shorter product of the same value
        raw, shift = raw >> 1, shift - 1
    return raw, shift


def _uniform(name: str, layer: Layer, values: Floats) -> float:
    if not np.allclose(values, values.flat[0], rtol=1e-6, atol=0):
        raise ValueError(
            f"{layer.name}: {name} must be the same for all neurons in fixed point, not {values.min():g} to "
            f"{values.max():g}"
        )
    return float(values.flat[0])


def _on_grid(value: Floats, lsb: float) -> Floats:
    """In steps; what is meant to be whole is whole."""
    steps = np.asarray(value) / lsb
    near = np.rint(steps)
    return np.where(np.abs(steps - near) <= NEAR * np.maximum(1, np.abs(near)), near, steps)


def _layer(network: Network, number: int, words: Words) -> LayerParams:
    layer = network.layers[number]
    neurons = layer.neurons
    whole(f"{layer.name}: weight_bits", words.weight_bits, 1, 16)
    whole(f"{layer.name}: membrane_bits", words.membrane_bits, 2, 32)
    if words.current_bits:
        whole(f"{layer.name}: current_bits", words.current_bits, 2, 40)
    whole(f"{layer.name}: coefficient_bits", words.coefficient_bits, 0, 16)
    for name in ("clip", "level"):
        if not 0 < getattr(words, name) <= 1:
            raise ValueError(f"{layer.name}: {name} must be above 0 and at most 1, not {getattr(words, name)!r}")
    k = _uniform("tau", layer, network.coefficient(neurons.tau))
    k_syn = _uniform("tau_syn", layer, network.coefficient(neurons.tau_syn))
    zero = _uniform("leak", layer, np.asarray(neurons.leak)) if neurons.tau is not None else 0.0
    gain = network.gain(layer)
    heard = [one for one in layer.projections if not (network.currents and one.source == INPUT)]
    scaled = [_scaled(one.synapses, gain) for one in heard]
    room = (1 << (words.membrane_bits - 1)) - 1
    largest = max((float(np.abs(each.values).max()) for each in scaled), default=0.0)
    top = (1 << (words.weight_bits - 1)) - 1 or 1
    wanted = words.clip * largest / top  # of a weight's step
    limit = None if neurons.threshold is None else neurons.threshold - zero
    if limit is not None and limit.max() <= 0:
        raise ValueError(
            f"{layer.name}: threshold must be above what the membrane leaks to ({zero:g}) in fixed point, not "
            f"{np.asarray(neurons.threshold).max():g}"
        )
    most = float(limit.max()) if limit is not None else words.level * _farthest(network, layer, scaled, k, k_syn)
    fits = max(1, math.floor((words.level if limit is not None else 1.0) * room))
    lsb, shift = _steps(wanted, most, fits)
    connections = tuple(
        Connection(
            source=one.source,
            synapses=each.with_values(_rounded(each.values, lsb * 2.0**shift, words.weight_bits)),
            weight_bits=words.weight_bits,
            shift=shift,
            delay=one.delay,
        )
        for one, each in zip(heard, scaled, strict=True)
    )
    fault = np.full(neurons.count, STUCK_OFF) if limit is None else neurons.faults
    reset = _on_grid(np.asarray(neurons.reset) - zero, lsb)
    hold = math.floor(_uniform("reset", layer, reset) + 0.5)
    if limit is None:
        threshold = np.full(neurons.count, room, dtype=np.int64)
    else:
        steps = _on_grid(neurons.thresholds - zero, lsb)
        threshold = (np.floor(steps) + 1 if neurons.strict else np.ceil(steps)).astype(np.int64)
        if threshold.max() > room or threshold.min() <= hold:
            raise ValueError(
                f"{layer.name}: every threshold must be above the reset ({hold}) and at most {room} steps of the "
                f"membrane, not {threshold.min()} to {threshold.max()}; membrane_bits or less spread would help"
            )
    if not neurons.subtract and hold < -room - 1:
        raise ValueError(
            f"{layer.name}: reset must be at least {-room - 1} steps of the membrane, not {hold}; a smaller level or "
            "more membrane_bits would help"
        )
    if neurons.strict and neurons.subtract:
        hold += 1  # what is taken away is threshold - reset; the comparison has one more
    ticks = math.floor(neurons.refractory / network.dt + 0.5)
    whole(f"{layer.name}: refractory, in ticks", ticks, 0, 65_535)
    sigma = 0.0 if limit is None else neurons.spread.threshold_c2c * float(limit.max()) / lsb
    scale, noise_shift = noise.scale_for(sigma)
    coefficient, k_shift = _coefficient(k, words.coefficient_bits)
    syn_raw, syn_shift = _coefficient(k_syn, words.coefficient_bits)
    current_bits = words.current_bits or words.membrane_bits + 1
    start = math.floor((neurons.start - zero) / lsb + 0.5)
    if not -room - 1 <= start <= room:
        raise ValueError(f"{layer.name}: start must be inside the membrane's word, not {start} of {room} steps")
    low = -room - 1
    bias = np.floor(gain * np.asarray(layer.bias) / lsb + 0.5)
    if np.abs(bias).max() > 1 << 40:
        raise ValueError(
            f"{layer.name}: bias must be at most 2**40 steps of the membrane, not {np.abs(bias).max():.3g}"
        )
    return LayerParams(
        name=layer.name,
        shape=layer.shape,
        membrane_bits=words.membrane_bits,
        current_bits=current_bits,
        raw=LayerRaw(
            lif=LifRaw(
                k_raw=coefficient,
                k_shift=k_shift,
                hold_raw=hold,
                initial_raw=start,
                refractory_ticks=ticks,
                subtract=int(neurons.subtract),
                noise_scale_raw=scale,
                noise_shift=noise_shift,
                latched_raw=int(np.clip(round((neurons.latched - zero) / lsb), low, room)),
                faults=int(bool(fault.any())),
                membrane_min=low,
                membrane_max=room,
            ),
            synaptic=int(neurons.tau_syn is not None),
            syn_raw=syn_raw,
            syn_shift=syn_shift,
            late=int(neurons.late_current),
            current_min=-(1 << (current_bits - 1)),
            current_max=(1 << (current_bits - 1)) - 1,
        ),
        connections=connections,
        threshold_raw=threshold,
        fault_raw=fault,
        bias_raw=bias.astype(np.int64),
        seed=neurons.spread.seed,
        lsb=lsb,
        zero=zero,
    )


def _scaled(synapses: Synapses, gain: Floats) -> Synapses:
    """The weights times the gain of the neurons they reach."""
    values = np.asarray(synapses.values, dtype=np.float64)
    by_row = gain
    if len(values) != len(gain):  # a kernel's channel reaches many neurons
        by_row = gain.reshape(len(values), -1)
        if not np.allclose(by_row, by_row[:, :1], rtol=1e-6, atol=0):
            raise ValueError("the neurons of a channel must have the same gain in fixed point")
        by_row = by_row[:, 0]
    return synapses.with_values(values * by_row.reshape(-1, *[1] * (values.ndim - 1)))


def _rounded(values: Floats, step_of: float, bits: int) -> Integers:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return np.clip(np.floor(values / step_of + 0.5), low, high).astype(np.int64)


def _steps(wanted: float, most: float, fits: int) -> tuple[float, int]:
    """The membrane's step, and the shift of weights: the threshold is a whole number of steps, at most `fits`."""
    if wanted <= 0:
        return most / fits, 0
    shift = min(24, max(0, math.floor(math.log2(fits * wanted / most))))
    number = max(1, min(fits, math.floor(most * 2.0**shift / wanted + 0.5)))  # of steps to the threshold
    return most / number, shift


def farthest(network: Network, layer: Layer) -> float:
    """How far any spikes could drive the membranes of a layer that never spikes."""
    scaled = [_scaled(one.synapses, network.gain(layer)) for one in layer.projections]
    return _farthest(
        network,
        layer,
        scaled,
        *(float(network.coefficient(t).max()) for t in (layer.neurons.tau, layer.neurons.tau_syn)),
    )


def _farthest(network: Network, layer: Layer, scaled: list[Synapses], k: float, k_syn: float) -> float:
    reached = np.abs(network.gain(layer) * np.asarray(layer.bias))
    for each in scaled:
        matrix = each.matrix()
        reached = reached + np.asarray(abs(matrix).sum(axis=1)).ravel()
    # Neurons that do not leak go on and on: a hundred ticks of the worst.
    return float(reached.max()) / (k or 0.01) / (k_syn or 1.0) or 1.0


def dequantized(network: Network, params: SnnParams) -> Network:
    """The network that the words stand for: its weights, biases and thresholds are those of the fixed-point one.

    Parameters
    ----------
    network : Network
    params : SnnParams
        Of the same network.
    """
    layers = []
    for layer, own in zip(network.layers, params.layers, strict=True):
        gain = network.gain(layer)
        heard = [one for one in layer.projections if not (network.currents and one.source == INPUT)]
        made = {
            id(one): replace(one, synapses=_scaled(each.synapses, own.lsb * 2.0**each.shift / gain))
            for one, each in zip(heard, own.connections, strict=True)
        }
        neurons = layer.neurons
        if neurons.threshold is not None:
            steps = own.threshold_raw - int(neurons.strict)
            neurons = replace(neurons, threshold=own.zero + own.lsb * steps, spread=Variability())
        layers.append(
            replace(
                layer,
                neurons=neurons,
                projections=tuple(made.get(id(one), one) for one in layer.projections),
                bias=own.bias_raw * own.lsb / gain,
            )
        )
    return replace(network, layers=tuple(layers))
