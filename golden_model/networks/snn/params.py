"""A spiking network in integer words: the parameters from which the circuit is built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import whole
from neuristor.golden_model.networks.snn.network import INPUT, order_of
from neuristor.golden_model.networks.synapses import Synapses
from neuristor.golden_model.neurons.lif import LifRaw
from neuristor.golden_model.neurons.model import Field
from neuristor.golden_model.variability import HEALTHY

__all__ = ["Connection", "LayerParams", "LayerRaw", "SnnParams"]

Integers = NDArray[np.int64]
UNREACHED = 1 << 20
"""Value of `SnnParams.ahead`, in ticks, for a layer that no path from the input reaches."""


class LayerRaw(NamedTuple):
    """The integers from which the circuit of a layer is built: scalars, shared by its neurons."""

    lif: LifRaw
    """Membrane, leak and reset: ``golden_model.neurons.lif``. Its rest potential is zero."""
    synaptic: int
    """1 with a synaptic current, 0 without."""
    syn_raw: int
    """Coefficient k_syn of the synaptic current, times ``2**syn_shift``."""
    syn_shift: int
    """Right shift of the product with `syn_raw`, in bits."""
    late: int
    """1 where the membrane receives the synaptic current of the previous tick."""
    current_min: int
    """Smallest synaptic current, in steps of the membrane potential."""
    current_max: int
    """Largest synaptic current, in steps of the membrane potential."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """A connection from one source to a layer, in integer words.

    Parameters
    ----------
    source : int
        The number of a layer, or `INPUT`.
    synapses : Dense or Convolution
        The synaptic weights, as integers.
    weight_bits : int
        Word length of a weight, signed, 1 to 16.
    shift : int
        A weight of one is ``2**shift`` steps of the membrane potential, 0 to 24.
    delay : int
        Ticks, 0 to 63.

    Raises
    ------
    ValueError
        If `weight_bits` or `shift` is outside its range.
    TypeError
        If the weights are not integers.
    OverflowError
        If a weight does not fit its word.
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
    """Word length of a signed integer that holds both."""
    return max((-low - 1 if low < 0 else low).bit_length(), (high if high > 0 else -high - 1).bit_length()) + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerParams:
    """A layer in integer words.

    Parameters
    ----------
    name : str
        For messages and reports.
    shape : tuple of int
        Shape of the neurons: (count,), or (channels, height, width).
    membrane_bits, current_bits : int
        Word lengths of the membrane potential and of the synaptic current, signed.
    raw : LayerRaw
        The integers that all neurons share.
    connections : tuple of Connection
        Connections that lead to the layer; empty where all input arrives as currents.
    threshold_raw : ndarray of int64, shape (count,)
        Firing thresholds, in steps of the membrane potential: ``v >= threshold_raw`` spikes.
    fault_raw : ndarray of int64, shape (count,)
        Fault codes, as in ``golden_model.variability``.
    bias_raw : ndarray of int64, shape (count,)
        Constant input in every tick, in steps of the membrane potential.
    seed : int
        Seed of the noise, 0 to 2**32 - 1.
    lsb : float
        One step of the membrane potential, in the unit of the network's membrane potential.
    zero : float
        The potential at a raw value of zero, in the same unit: where the membrane leaks to.
    sum_bits_least : int
        Minimum of `sum_bits`, for weights that are written at run time and have larger sums.
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
        """Whether any neuron can spike; neurons that never spike (LI) have the fault code `STUCK_OFF`."""
        return bool((self.fault_raw == HEALTHY).any())

    @cached_property
    def reach(self) -> tuple[int, int]:
        """Smallest and largest possible sum of weights, in units of ``2**least_shift`` steps."""
        least = self.least_shift
        low, high = np.zeros(self.count, dtype=np.int64), np.zeros(self.count, dtype=np.int64)
        for each in self.connections:
            matrix, scale = each.synapses.matrix(), 1 << (each.shift - least)
            high += scale * np.asarray((matrix * (matrix > 0)).sum(axis=1)).ravel()
            low += scale * np.asarray((matrix * (matrix < 0)).sum(axis=1)).ravel()
        return int(low.min()), int(high.max())

    @property
    def least_shift(self) -> int:
        """The smallest shift of the connections, in bits."""
        return min((each.shift for each in self.connections), default=0)

    @property
    def sum_bits(self) -> int:
        """Word length of a sum of weights, signed: it holds every possible sum, and is at least `sum_bits_least`."""
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

    def value(self, membrane: ArrayLike) -> NDArray[np.float64]:
        """Convert raw membrane potentials to the unit of the network.

        Parameters
        ----------
        membrane : array_like of int
            Raw membrane potentials.

        Returns
        -------
        ndarray of float
            With the shape of `membrane`.
        """
        return self.zero + self.lsb * np.asarray(membrane, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class SnnParams:
    """A network in integer words: the parameters from which the circuit is built.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the input: (inputs,), or (channels, height, width).
    layers : tuple of LayerParams
        The last one is the output.
    currents : bool
        The input is a current for each neuron of the first layer in every tick, in steps of its membrane potential.
    current_bits : int
        Word length of these currents, signed, 2 to 40.

    Raises
    ------
    ValueError
        If `current_bits` is outside its range, layers form a cycle without a delay, or a layer has no path from the
        input.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerParams, ...]
    currents: bool = False
    current_bits: int = 16

    def __post_init__(self) -> None:
        whole("current_bits", self.current_bits, 2, 40)
        self.order  # noqa: B018  (raises)
        for layer, ahead in zip(self.layers, self.ahead, strict=True):
            if ahead == UNREACHED:
                raise ValueError(f"{layer.name}: must have a path from the input, directly or through other layers")

    @cached_property
    def order(self) -> list[int]:
        """Numbers of the layers, each after its sources of the same tick."""
        return order_of(self.layers, lambda layer: [(each.source, each.delay) for each in layer.connections])

    @property
    def inputs(self) -> int:
        """Inputs per tick."""
        return math.prod(self.input_shape)

    @cached_property
    def ahead(self) -> tuple[int, ...]:
        """Ticks by which each layer can be ahead of the input: the shortest delay of a path from the input to it."""
        far = [0 if self.currents and n == 0 else UNREACHED for n in range(len(self.layers))]
        for _ in self.layers:
            for n, layer in enumerate(self.layers):
                paths = [(0 if each.source == INPUT else far[each.source]) + each.delay for each in layer.connections]
                far[n] = min([far[n], *paths])
        return tuple(far)

    @property
    def weight_count(self) -> int:
        """Weights in all connections."""
        return sum(each.synapses.values.size for layer in self.layers for each in layer.connections)
