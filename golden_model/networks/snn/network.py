"""A spiking network in floating point and SI units: neurons, connections, layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.networks.synapses import Convolution, Synapses
from neuristor.golden_model.variability import Variability

__all__ = [
    "INPUT",
    "MOST_DELAY",
    "RESETS",
    "Layer",
    "Network",
    "Neurons",
    "Projection",
    "ResetRule",
    "TimeStepError",
    "order_of",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
INPUT = -1
"""The source number of the network's input."""
MOST_DELAY = 63
"""Longest delay of a connection, in ticks."""
ResetRule = Literal["to_value", "to_value_late", "subtract", "subtract_late", "subtract_guarded", "none"]
"""What a spike does to the membrane: see `Neurons`."""
RESETS: tuple[ResetRule, ...] = get_args(ResetRule)
"""All reset rules."""


NEAR_TAU = 1e-6
"""Relative tolerance of ``dt <= tau``: tau may have been rounded to float32."""


class TimeStepError(ValueError):
    """The time step does not fit a time constant."""


def _apart(value: float, other: float) -> tuple[str, str]:
    """Two numbers with as many digits as tell them apart, at least 4."""
    made = ((f"{value:.{digits}g}", f"{other:.{digits}g}") for digits in range(4, 18))
    return next(each for each in made if each[0] != each[1])


def _column(name: str, value: ArrayLike, count: int) -> Floats:
    made = np.asarray(value, dtype=np.float64)
    if made.shape not in ((), (1,), (count,)):
        raise ValueError(f"{name} must have one number, or {count}, not shape {made.shape}")
    if not np.isfinite(made).all():
        raise ValueError(f"{name} must be finite, but it holds a NaN or an infinity")
    return np.broadcast_to(made, (count,)).copy()


@dataclass(frozen=True, kw_only=True, eq=False)
class Neurons:
    """The neurons of a layer.

    Membrane potentials have the unit of the threshold: volt, or 1 where the threshold is normalised. An ``array_like``
    is one number for all neurons, or one per neuron, shape (count,).

    Parameters
    ----------
    count : int
        Neurons, 1 to 65,536.
    tau : array_like, optional
        Membrane time constant, in second; None for neurons without leak (IF).
    tau_syn : array_like, optional
        Time constant of the synaptic current, in second; None for neurons without synaptic current.
    r : array_like
        Membrane resistance: steady-state membrane potential per unit of input.
    w_in : array_like
        Gain of the synaptic current's input: equation 1.
    leak : array_like
        Potential to which the membrane leaks; 0 for neurons without leak.
    threshold : array_like, optional
        Firing threshold; None for neurons that never spike and whose membrane potential is read out (LI).
    reset : array_like
        Reset potential, below `threshold`.
    reset_rule : str
        What a spike does to the membrane potential. ``to_value`` sets it to `reset`; ``to_value_late`` also keeps it
        there for the next tick, whose input is lost. ``subtract`` lowers it by ``threshold - reset``, which keeps the
        overshoot. ``subtract_late`` does so in the next tick, after the leak. ``subtract_guarded`` is ``subtract``, but
        the threshold is higher by ``threshold - reset`` while the potential is still above it. ``none`` does nothing.
    strict : bool
        True: ``v > threshold`` spikes. False: ``v >= threshold`` spikes.
    start : float
        Membrane potential before the first tick; 0 by default, as in NIR.
    refractory : float
        Refractory period, in second, 0 or more; rounded to whole ticks.
    late_current : bool
        The membrane receives the synaptic current of the previous tick.
    spread : Variability
        Spread of the threshold, relative to ``threshold - leak``, and fractions of broken devices.
    latched : float
        Membrane potential of a device that is stuck on.

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
    reset_rule: ResetRule = "to_value"
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
        if self.reset_rule not in RESETS:
            raise ValueError(f"reset rule must be one of {', '.join(RESETS)}, not {self.reset_rule!r}")
        positive("refractory", self.refractory, zero=True)
        self.spread.only("snn", "threshold_d2d", "threshold_c2c", "stuck_on", "stuck_off", "dead")
        if self.reset_rule == "subtract_late" and self.spread.threshold_c2c:
            raise ValueError(
                "threshold_c2c must be 0 with the reset rule 'subtract_late': a spike of the last tick is seen by "
                "the membrane potential, which noise of the threshold can put on either side"
            )

    @cached_property
    def thresholds(self) -> Floats:
        """Firing threshold of each device with its spread, shape (count,).

        Every one is at least a sixteenth of the way from the reset potential to the nominal threshold.
        """
        assert self.threshold is not None
        draw = np.random.default_rng(self.spread.seed).standard_normal(self.count)
        made = self.threshold + self.spread.threshold_d2d * (self.threshold - np.asarray(self.leak)) * draw
        reset = np.asarray(self.reset)
        return np.asarray(np.maximum(made, reset + (self.threshold - reset) / 16))

    @cached_property
    def faults(self) -> Integers:
        """Fault code of each device, as in ``golden_model.variability``, shape (count,)."""
        return self.spread.faults(self.count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """A connection from one source to a layer.

    Parameters
    ----------
    source : int
        The number of a layer, or `INPUT`.
    synapses : Dense or Convolution
        The synaptic weights.
    delay : int
        Ticks, 0 to 63.
    """

    source: int
    synapses: Synapses
    delay: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Neurons and the connections that lead to them.

    Parameters
    ----------
    name : str
        For messages and reports.
    shape : tuple of int
        Shape of the neurons: (count,), or (channels, height, width).
    neurons : Neurons
        The neurons, `count` of them.
    projections : tuple of Projection
        Connections; empty where all input arrives as currents.
    bias : array_like
        Constant input in every tick: one number, or shape (count,).

    Raises
    ------
    ValueError
        If `shape` does not have the number of neurons, or `bias` does not fit.
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
    """The order of computation: each layer after its sources of the same tick.

    Parameters
    ----------
    layers : sequence
        Layers, with a ``name`` each.
    sources : callable
        Returns (source, delay) of each connection of a layer.

    Returns
    -------
    list of int
        Numbers of the layers.

    Raises
    ------
    ValueError
        If layers form a cycle without a delay.
    """
    left, made = dict(enumerate(layers)), list[int]()
    while left:
        ready = [n for n, each in left.items() if all(delay or source not in left for source, delay in sources(each))]
        if not ready:
            names = ", ".join(each.name for each in left.values())
            raise ValueError(f"a cycle of layers must have a delay of at least one tick: {names}")
        made += ready[:1]
        del left[ready[0]]
    return made


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Layers that share a time step.

    Parameters
    ----------
    dt : float
        Time step (tick), in second: at most every time constant, at least 2**-40 of it.
    input_shape : tuple of int
        Shape of the input: (inputs,), or (channels, height, width).
    layers : tuple of Layer
        At least one; the last one is the output.
    discretisation : {"euler", "exact"}
        How a time constant becomes a coefficient: ``dt / tau`` or ``1 - exp(-dt / tau)``.
    currents : bool
        The input is currents instead of spikes: any real number in every tick, to the first layer, without delay.

    Raises
    ------
    ValueError
        If a number is outside its range, or layers do not fit together; the message names them.
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
                if tau is not None and self.dt > tau.min() * (1 + NEAR_TAU):
                    most, given = _apart(float(tau.min()), self.dt)
                    raise TimeStepError(f"{layer.name}: dt must be at most {name} ({most} s), not {given} s")
                if tau is not None and self.dt < tau.max() * 2.0**-40:
                    raise TimeStepError(f"{layer.name}: dt must be at least 2**-40 of {name}, not {self.dt:.4g} s")
        self.order  # noqa: B018  (raises)

    def _check(self, layer: Layer, one: Projection) -> None:
        if not INPUT <= one.source < len(self.layers):
            raise ValueError(f"{layer.name}: source must be {INPUT} to {len(self.layers) - 1}, not {one.source}")
        whole(f"{layer.name}: delay", one.delay, 0, MOST_DELAY)
        shape = self.input_shape if one.source == INPUT else self.layers[one.source].shape
        name = "the input" if one.source == INPUT else self.layers[one.source].name
        if one.source != INPUT and self.layers[one.source].neurons.threshold is None:
            raise ValueError(
                f"{layer.name}: must receive spikes, but {name} never spikes: its output is its membrane potential "
                "(LI), which no neurons can receive"
            )
        if math.prod(shape) != math.prod(one.synapses.input_shape):
            raise ValueError(
                f"{layer.name}: input shape of its synapses must be that of {name}, {shape}, not "
                f"{one.synapses.input_shape}"
            )
        if math.prod(one.synapses.output_shape) != layer.neurons.count:
            raise ValueError(
                f"{layer.name}: output shape of its synapses must have {layer.neurons.count} neurons, not "
                f"{one.synapses.output_shape}"
            )
        if isinstance(one.synapses, Convolution) and layer.shape != one.synapses.output_shape:
            raise ValueError(
                f"{layer.name}: shape must be that of its convolution, {one.synapses.output_shape}, not {layer.shape}"
            )
        if self.currents and one.source == INPUT and layer is not self.layers[0]:
            raise ValueError(f"{layer.name}: input currents must go to the first layer only")
        if self.currents and one.source == INPUT and one.delay:
            raise ValueError(f"{layer.name}: input currents must have no delay, not {one.delay} ticks")

    @cached_property
    def order(self) -> list[int]:
        """Numbers of the layers, each after its sources of the same tick."""
        return order_of(self.layers, lambda layer: [(one.source, one.delay) for one in layer.projections])

    @property
    def inputs(self) -> int:
        """Inputs per tick."""
        return math.prod(self.input_shape)

    def coefficient(self, tau: ArrayLike | None) -> Floats:
        """The coefficient k of a time constant.

        Parameters
        ----------
        tau : array_like or None
            Time constants, in second.

        Returns
        -------
        ndarray of float
            From 0 to 1, with the shape of `tau`; for None, a zero, shape (1,).
        """
        if tau is None:
            return np.zeros(1)
        ratio = self.dt / np.asarray(tau, dtype=np.float64)
        return np.minimum(ratio, 1.0) if self.discretisation == "euler" else -np.expm1(-ratio)

    def refractory_ticks(self, neurons: Neurons) -> int:
        """Ticks after that of a spike in which a neuron keeps its membrane potential.

        Parameters
        ----------
        neurons : Neurons
            Neurons of this network.
        """
        return math.floor(neurons.refractory / self.dt + 0.5) + (neurons.reset_rule == "to_value_late")

    def gain(self, layer: Layer) -> Floats:
        """Change of the membrane potential by one spike through a weight of one.

        With a synaptic current, the change of the current, in units of the membrane potential.

        Parameters
        ----------
        layer : Layer
            A layer of this network.

        Returns
        -------
        ndarray of float, shape (count,)
        """
        neurons = layer.neurons
        into = self.dt if neurons.tau is None else self.coefficient(neurons.tau)
        gain = np.asarray(neurons.r) * into
        return gain if neurons.tau_syn is None else gain * np.asarray(neurons.w_in) * self.coefficient(neurons.tau_syn)
