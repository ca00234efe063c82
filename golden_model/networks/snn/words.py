"""Word lengths of a spiking network: from floating point to integer words, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.checks import whole
from neuristor.golden_model.networks.snn.common import NEAR
from neuristor.golden_model.networks.snn.network import INPUT, Layer, Network, Projection
from neuristor.golden_model.networks.snn.params import Connection, LayerParams, LayerRaw, SnnParams
from neuristor.golden_model.networks.synapses import Synapses
from neuristor.golden_model.neurons.lif import LifRaw, Reset
from neuristor.golden_model.variability import STUCK_OFF, Variability

__all__ = ["ThresholdError", "Words", "dequantized", "farthest", "quantized"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ThresholdError(ValueError):
    """A firing threshold does not fit the word of the membrane potential."""


class Words(NamedTuple):
    """Word lengths and scales of a layer."""

    weight_bits: int = 4
    """Word length of a weight, signed, 1 to 16."""
    membrane_bits: int = 10
    """Word length of the membrane potential, signed, 2 to 32."""
    current_bits: int = 0
    """Word length of the synaptic current, signed, 2 to 40; 0 for ``membrane_bits + 1``."""
    coefficient_bits: int = 8
    """Significant bits of the coefficients k, 1 to 16; 0 for the nearest power of two."""
    clip: float = 1.0
    """Weights are clipped at this fraction of the largest weight; above 0, at most 1."""
    level: float = 0.25
    """Upper limit of the threshold, as a fraction of the largest value of the membrane word; above 0, at most 1.

    A small level leaves room for overshoot and for negative potentials. For neurons that never spike: the fraction of
    the estimate `farthest` that the word holds."""


RULES = {
    "to_value": Reset.TO_VALUE,
    "to_value_late": Reset.TO_VALUE,  # with one more tick of the refractory period
    "subtract": Reset.SUBTRACT,
    "subtract_late": Reset.SUBTRACT_LATE,
    "subtract_guarded": Reset.SUBTRACT_GUARDED,
    "none": Reset.NONE,
}
"""The code of each reset rule."""

WORDS = Words()
"""The default."""


def quantized(network: Network, words: Words | Sequence[Words] = WORDS) -> SnnParams:
    """Convert a network to integer words.

    One step of the membrane potential is chosen so that the largest threshold (without spread) is an integer number of
    steps, and so that the step of the weights is ``2**shift`` of them.

    Parameters
    ----------
    network : Network
        The network in floating point.
    words : Words, or sequence of Words
        Word lengths: the same for all layers, or one entry per layer.

    Returns
    -------
    SnnParams
        The network in integer words.

    Raises
    ------
    ValueError
        If a word length is outside its range, a threshold does not fit its word, or neurons of a layer differ in tau,
        leak or reset.
    """
    each = [words] * len(network.layers) if isinstance(words, Words) else list(words)
    if len(each) != len(network.layers):
        raise ValueError(f"words must have {len(network.layers)} entries, one per layer, not {len(each)}")
    layers = tuple(_layer(network, n, one) for n, one in enumerate(each))
    currents = network.currents
    return SnnParams(
        input_shape=(layers[0].count,) if currents else network.input_shape, layers=layers, currents=currents
    )


def _coefficient(k: float, bits: int) -> tuple[int, int]:
    """Numbers (raw, shift) with ``k = raw * 2**-shift``, raw with `bits` significant bits; for 0, a power of two."""
    if k <= 0:
        return 0, 0
    if bits == 0:
        return 1, max(0, round(-math.log2(k)))
    shift = max(0, bits - 1 - math.floor(math.log2(k)))
    raw = math.floor(k * 2**shift + 0.5)
    while raw % 2 == 0 and shift:  # the same value with a shorter product
        raw, shift = raw >> 1, shift - 1
    return raw, shift


def _uniform(name: str, layer: Layer, values: Floats, unit: str = "") -> float:
    if not np.allclose(values, values.flat[0], rtol=1e-6, atol=0):
        raise ValueError(
            f"{layer.name}: {name} must be the same for all neurons in fixed point, not {values.min():g} to "
            f"{values.max():g}{unit}"
        )
    return float(values.flat[0])


def _shared_coefficient(network: Network, name: str, layer: Layer) -> float:
    """The coefficient k of a time constant that all neurons of a layer share; 0 where they have none."""
    tau = getattr(layer.neurons, name)
    return 0.0 if tau is None else float(network.coefficient(_uniform(name, layer, tau, " s")))


def _on_grid(value: Floats, lsb: float) -> Floats:
    """Convert a value to steps; within `NEAR` of an integer, to that integer."""
    steps = np.asarray(value) / lsb
    near = np.rint(steps)
    return np.where(np.abs(steps - near) <= NEAR * np.maximum(1, np.abs(near)), near, steps)


def _projections(network: Network, layer: Layer) -> list[Projection]:
    """The connections whose weights the circuit has: not those of input currents, which arrive weighted."""
    return [one for one in layer.projections if not (network.currents and one.source == INPUT)]


def _layer(network: Network, number: int, words: Words) -> LayerParams:
    layer = network.layers[number]
    neurons = layer.neurons
    _check_words(layer, words)
    k, k_syn = (_shared_coefficient(network, name, layer) for name in ("tau", "tau_syn"))
    zero = _uniform("leak", layer, np.asarray(neurons.leak)) if neurons.tau is not None else 0.0
    gain = network.gain(layer)
    projections = _projections(network, layer)
    scaled = [_scaled(layer, one.synapses, gain) for one in projections]
    room = (1 << (words.membrane_bits - 1)) - 1
    largest = max((float(np.abs(each.values).max()) for each in scaled), default=0.0)
    top = (1 << (words.weight_bits - 1)) - 1 or 1
    wanted = words.clip * largest / top  # step of the weights
    limit = None if neurons.threshold is None else neurons.threshold - zero
    if limit is not None and limit.max() <= 0:
        raise ValueError(
            f"{layer.name}: threshold must be above the leak potential ({zero:g}) in fixed point, not "
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
        for one, each in zip(projections, scaled, strict=True)
    )
    fault = np.full(neurons.count, STUCK_OFF) if limit is None else neurons.faults
    reset = _uniform("reset", layer, np.asarray(neurons.reset)) if neurons.reset_rule != "none" else zero
    hold = math.floor(float(_on_grid(np.asarray(reset - zero), lsb)) + 0.5)
    threshold = _threshold_words(layer, zero, lsb, hold, room)
    subtracts = neurons.reset_rule.startswith("subtract")
    if neurons.reset_rule.startswith("to_value") and hold < -room - 1:
        raise ValueError(
            f"{layer.name}: reset must be at least {-room - 1} steps of the membrane, not {hold}; a smaller level or "
            "more membrane_bits would help"
        )
    if neurons.strict and subtracts:
        hold += 1  # a spike subtracts threshold_raw - hold_raw, and threshold_raw is one step above the threshold
    ticks = network.refractory_ticks(neurons)
    whole(f"{layer.name}: refractory, in ticks", ticks, 0, 65_535)
    sigma = 0.0 if limit is None else neurons.spread.threshold_c2c * float(limit.max()) / lsb
    scale, noise_shift = noise.scale_for(sigma)
    coefficient, k_shift = _coefficient(k, words.coefficient_bits)
    syn_raw, syn_shift = _coefficient(k_syn, words.coefficient_bits)
    current_bits = words.current_bits or words.membrane_bits + 1
    low = -room - 1
    start, bias = _start_word(layer, zero, lsb, room), _bias_words(layer, gain, lsb)
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
                reset=int(RULES[neurons.reset_rule]),
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
        bias_raw=bias,
        seed=neurons.spread.seed,
        lsb=lsb,
        zero=zero,
    )


def _check_words(layer: Layer, words: Words) -> None:
    """Refuse word lengths and shares outside their ranges.

    Raises
    ------
    ValueError
        If one is.
    """
    whole(f"{layer.name}: weight_bits", words.weight_bits, 1, 16)
    whole(f"{layer.name}: membrane_bits", words.membrane_bits, 2, 32)
    if words.current_bits:
        whole(f"{layer.name}: current_bits", words.current_bits, 2, 40)
    whole(f"{layer.name}: coefficient_bits", words.coefficient_bits, 0, 16)
    for name in ("clip", "level"):
        if not 0 < getattr(words, name) <= 1:
            raise ValueError(f"{layer.name}: {name} must be above 0 and at most 1, not {getattr(words, name)!r}")


def _threshold_words(layer: Layer, zero: float, lsb: float, hold: int, room: int) -> NDArray[np.int64]:
    """Thresholds in steps of the membrane; the largest word for neurons that never fire.

    Raises
    ------
    ThresholdError
        If a threshold is not between the reset potential and the largest word.
    """
    neurons = layer.neurons
    if neurons.threshold is None:
        return np.full(neurons.count, room, dtype=np.int64)
    steps = _on_grid(neurons.thresholds - zero, lsb)
    threshold = (np.floor(steps) + 1 if neurons.strict else np.ceil(steps)).astype(np.int64)
    if threshold.max() > room or threshold.min() <= hold:
        raise ThresholdError(
            f"{layer.name}: every threshold must be above the reset ({hold}) and at most {room} steps of the "
            f"membrane, not {threshold.min()} to {threshold.max()}; more membrane_bits or less spread would help"
        )
    return threshold


def _start_word(layer: Layer, zero: float, lsb: float, room: int) -> int:
    """The membrane potential before the first tick, in steps of the membrane.

    Raises
    ------
    ValueError
        If it does not fit the word.
    """
    start = math.floor((layer.neurons.start - zero) / lsb + 0.5)
    if not -room - 1 <= start <= room:
        raise ValueError(
            f"{layer.name}: start must be between {-room - 1} and {room} steps of the membrane, not {start}"
        )
    return start


def _bias_words(layer: Layer, gain: Floats, lsb: float) -> NDArray[np.int64]:
    """The constant inputs in steps of the membrane.

    Raises
    ------
    ValueError
        If one is above 2**40 steps.
    """
    bias = np.floor(gain * np.asarray(layer.bias) / lsb + 0.5)
    if np.abs(bias).max() > 1 << 40:
        raise ValueError(
            f"{layer.name}: bias must be at most 2**40 steps of the membrane, not {np.abs(bias).max():.3g}"
        )
    return np.asarray(bias, dtype=np.int64)


def _scaled(layer: Layer, synapses: Synapses, gain: Floats) -> Synapses:
    """The weights times the gain of their neurons.

    Raises
    ------
    ValueError
        If neurons of a channel of a convolution differ in gain.
    """
    values = np.asarray(synapses.values, dtype=np.float64)
    by_row = gain
    if len(values) != len(gain):  # a channel of a kernel belongs to many neurons
        by_row = gain.reshape(len(values), -1)
        if not np.allclose(by_row, by_row[:, :1], rtol=1e-6, atol=0):
            raise ValueError(
                f"{layer.name}: r and w_in must be the same for all neurons of a channel in fixed point, but the gain "
                f"of an input is {by_row.min():g} to {by_row.max():g}"
            )
        by_row = by_row[:, 0]
    return synapses.with_values(values * by_row.reshape(-1, *[1] * (values.ndim - 1)))


def _rounded(values: Floats, step_of: float, bits: int) -> Integers:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return np.clip(np.floor(values / step_of + 0.5), low, high).astype(np.int64)


def _steps(wanted: float, most: float, fits: int) -> tuple[float, int]:
    """One step of the membrane potential, and the shift of the weights.

    The threshold `most` is an integer number of steps, at most `fits`; `wanted` is the step of the weights.
    """
    if wanted <= 0:
        return most / fits, 0
    shift = min(24, max(0, math.floor(math.log2(fits * wanted / most))))
    number = max(1, min(fits, math.floor(most * 2.0**shift / wanted + 0.5)))  # steps from zero to the threshold
    return most / number, shift


def farthest(network: Network, layer: Layer) -> float:
    """Upper estimate of the distance between membrane potential and leak potential in a layer that never spikes.

    It assumes that every input acts in every tick, all in the same direction.

    Parameters
    ----------
    network : Network
        The network.
    layer : Layer
        A layer of it.

    Returns
    -------
    float
        In the unit of the membrane potential, above 0; for neurons without leak, after a hundred ticks.
    """
    scaled = [_scaled(layer, one.synapses, network.gain(layer)) for one in layer.projections]
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
    # Without leak, the potential grows without bound: take a hundred ticks.
    return float(reached.max()) / (k or 0.01) / (k_syn or 1.0) or 1.0


def dequantized(network: Network, params: SnnParams) -> Network:
    """Convert weights, biases and thresholds in integer words back to floating point.

    Parameters
    ----------
    network : Network
        The network from which `params` was made.
    params : SnnParams
        The same network in integer words.

    Returns
    -------
    Network
        `network` with the rounded weights, biases and thresholds. Thresholds include their spread; noise and faults are
        left out.
    """
    layers = []
    for layer, own in zip(network.layers, params.layers, strict=True):
        gain = network.gain(layer)
        made = {
            id(one): replace(one, synapses=_scaled(layer, each.synapses, own.lsb * 2.0**each.shift / gain))
            for one, each in zip(_projections(network, layer), own.connections, strict=True)
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
