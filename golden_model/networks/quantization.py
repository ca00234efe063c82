"""Word lengths for a trained network: the effect of fixed point, layer by layer, and the shortest adequate words.

The network is not trained again (post-training quantization). Weights are rounded; the range of the membrane potentials
and the clipping of the weights are chosen with data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import whole
from neuristor.golden_model.networks.snn import (
    Network,
    SnnBitTrue,
    SnnParams,
    SnnReference,
    ThresholdError,
    Words,
    farthest,
    quantized,
)
from neuristor.golden_model.variability import Variability

__all__ = [
    "Divergence",
    "Point",
    "accuracy",
    "answers",
    "calibrated",
    "compare",
    "current_words",
    "read_out",
    "reference_answers",
    "search",
    "spread_sweep",
    "sweep",
]

Inputs = NDArray[Any]
Labels = NDArray[np.int64]
LEVELS = (0.75, 0.5, 0.25, 0.125, 0.0625)
"""Values of ``Words.level`` that `calibrated` tries."""
CLIPS = (1.0, 0.75, 0.5)
"""Values of ``Words.clip`` that `calibrated` tries."""
BATCH = 200
"""Runs side by side."""
Progress = Callable[[float, str], object]
"""Receives the completed fraction, 0 to 1, and a note on the step that begins."""


def _silent(done: float, note: str) -> None:
    del done, note


def current_words(network: Network, params: SnnParams, inputs: Inputs) -> NDArray[np.int64]:
    """Convert input currents to integer words: the input of each neuron of the first layer.

    Parameters
    ----------
    network : Network
        A network whose input is currents.
    params : SnnParams
        The same network in integer words.
    inputs : ndarray of float, shape (ticks, ..., inputs)
        Input currents, in the unit of the network.

    Returns
    -------
    ndarray of int64, shape (ticks, ..., count)
        Weighted currents, in steps of the membrane potential per tick.

    Raises
    ------
    ValueError
        If an input is not finite.
    OverflowError
        If a current does not fit its word.
    """
    layer, own = network.layers[0], params.layers[0]
    matrix = sum(one.synapses.matrix() for one in layer.projections if one.source < 0)
    flat = np.asarray(inputs, dtype=np.float64).reshape(-1, network.inputs)
    if not np.isfinite(flat).all():
        raise ValueError("currents must be finite, but they hold a NaN or an infinity")
    total: Any = (matrix @ flat.T).T * network.gain(layer) / own.lsb
    words = np.floor(total + 0.5).astype(np.int64)
    top = 1 << (params.current_bits - 1)
    if words.size and (words.min() < -top or words.max() >= top):
        raise OverflowError(
            f"currents must be between {-top * own.lsb:g} and {(top - 1) * own.lsb:g} per tick, in the unit of the "
            f"membrane potential, not {words.min() * own.lsb:g} to {words.max() * own.lsb:g}"
        )
    return np.asarray(words.reshape(*np.shape(inputs)[:-1], own.count))


def read_out(spikes: NDArray[Any], membranes: NDArray[Any] | None) -> NDArray[np.int64]:
    """The answer of the output layer: the neuron with most spikes, or with the highest mean membrane potential.

    Parameters
    ----------
    spikes : ndarray, shape (ticks, batch, count)
        Spikes of the output layer.
    membranes : ndarray, shape (ticks, batch, count), or None
        Its membrane potentials, which decide; None where the spikes decide.

    Returns
    -------
    ndarray of int64, shape (batch,)
        Number of the neuron.
    """
    return np.asarray((spikes if membranes is None else membranes).sum(axis=0).argmax(axis=-1))


def answers(params: SnnParams, inputs: Inputs) -> NDArray[np.int64]:
    """The answers of the bit-true network.

    Parameters
    ----------
    params : SnnParams
        The network.
    inputs : ndarray of int, shape (ticks, batch, inputs)
        Spikes, 0 or 1, or currents in words, as in `SnnBitTrue`.

    Returns
    -------
    ndarray of int64, shape (batch,)
        Number of the output neuron.
    """
    made = []
    for start in range(0, inputs.shape[1], BATCH):
        some = inputs[:, start : start + BATCH]
        fires = params.layers[-1].fires
        last = SnnBitTrue(params, some.shape[1]).run(some, keep=not fires)[-1]
        made.append(read_out(last["spike"], None if fires else last["membrane"]))
    return np.concatenate(made)


def reference_answers(network: Network, inputs: Inputs) -> NDArray[np.int64]:
    """The answers of the float network.

    Parameters
    ----------
    network : Network
        The network.
    inputs : ndarray, shape (ticks, batch, inputs)
        Spikes, 0 or 1, or currents.

    Returns
    -------
    ndarray of int64, shape (batch,)
        Number of the output neuron.
    """
    made = []
    for start in range(0, inputs.shape[1], BATCH):
        some = inputs[:, start : start + BATCH]
        model, kept = SnnReference(network, some.shape[1]), list[Any]()
        fires = network.layers[-1].neurons.threshold is not None
        for row in some:
            spikes = model.step(row)[-1]
            kept.append(spikes if fires else model.membrane[-1].copy())
        made.append(read_out(np.array(kept), None))
    return np.concatenate(made)


def accuracy(found: Labels, labels: Labels) -> float:
    """The fraction of correct answers.

    Parameters
    ----------
    found, labels : ndarray of int, shape (batch,)
        Answers of the network, and the correct ones.

    Returns
    -------
    float
        From 0 to 1.
    """
    return float(np.mean(found == labels))


class Divergence(NamedTuple):
    """Differences between the float and the bit-true network in one layer."""

    layer: str
    """Name of the layer."""
    reference: int
    """Spikes of the float network."""
    bit_true: int
    """Spikes of the bit-true network."""
    different: int
    """Spikes that only one of the two has."""
    first: int
    """The first tick in which their spikes differ; -1 for none."""
    error: float
    """Largest difference of the membrane potentials as long as the spikes of a run agree, in units of the threshold."""
    saturations: int
    """Neuron updates of the bit-true network that saturated."""
    farthest: float
    """Largest distance of membrane and leak potential in the float network, in units of the threshold."""


def compare(network: Network, params: SnnParams, inputs: Inputs, currents: Inputs | None = None) -> list[Divergence]:
    """Compare the float and the bit-true network on the same input.

    Parameters
    ----------
    network : Network
        The network.
    params : SnnParams
        The same network in integer words.
    inputs : ndarray, shape (ticks, batch, inputs)
        Spikes, 0 or 1, or currents.
    currents : ndarray of int64, shape (ticks, batch, count), optional
        Input currents in words (`current_words`); None where the input is spikes.

    Returns
    -------
    list of Divergence
        One for each layer.
    """
    batch = inputs.shape[1]
    reference, model = SnnReference(network, batch), SnnBitTrue(params, batch)
    count = len(params.layers)
    totals = np.zeros((count, 3), dtype=np.int64)
    first, error, farthest = [-1] * count, [0.0] * count, [0.0] * count
    apart = [np.zeros(batch, dtype=bool) for _ in range(count)]
    for tick, row in enumerate(inputs):
        expected = reference.step(row)
        found = model.step(row if currents is None else currents[tick])
        for n, (a, b) in enumerate(zip(expected, found, strict=True)):
            layer = params.layers[n]
            limit = _limit(network, n)
            totals[n] += (int(a.sum()), int(b.sum()), int((a != b).sum()))
            apart[n] |= (a != b).any(axis=1)
            if first[n] < 0 and apart[n].any():
                first[n] = tick
            zero = layer.zero
            farthest[n] = max(farthest[n], float(np.abs(reference.membrane[n] - zero).max()) / limit)
            away = np.abs(layer.value(model.state[n]["membrane"]) - reference.membrane[n])[~apart[n]]
            error[n] = max(error[n], float(away.max(initial=0.0)) / limit)
    return [
        Divergence(
            layer.name,
            int(totals[n, 0]),
            int(totals[n, 1]),
            int(totals[n, 2]),
            first[n],
            error[n],
            int(model.saturations[n]),
            farthest[n],
        )
        for n, layer in enumerate(params.layers)
    ]


def _limit(network: Network, n: int) -> float:
    neurons = network.layers[n].neurons
    if neurons.threshold is None:
        return 1.0
    return float(np.max(np.abs(np.asarray(neurons.threshold) - np.asarray(neurons.leak)))) or 1.0


def _farthest(network: Network, inputs: Inputs) -> list[tuple[float, float]]:
    """Largest membrane potential and current of each layer, in units of the threshold (of 1 without a threshold)."""
    model = SnnReference(network, inputs.shape[1])
    most = np.zeros((len(network.layers), 2))
    for row in inputs:
        model.step(row)
        for n, layer in enumerate(network.layers):
            neurons, limit = layer.neurons, _limit(network, n)
            leak = np.asarray(neurons.leak) if neurons.tau is not None else 0.0
            most[n, 0] = max(most[n, 0], float(np.abs(model.membrane[n] - leak).max()) / limit)
            if neurons.tau_syn is not None:
                into = network.dt if neurons.tau is None else network.coefficient(neurons.tau)
                scaled = model.current[n] * neurons.r * into
                most[n, 1] = max(most[n, 1], float(np.abs(scaled).max()) / limit)
    return [(float(a), float(b)) for a, b in most]


def calibrated(
    network: Network,
    inputs: Inputs,
    weight_bits: int | Sequence[int] = 4,
    membrane_bits: int | Sequence[int] = 10,
    *,
    coefficient_bits: int = 8,
    search: bool = True,
) -> list[Words]:
    """Fit words of given lengths to data: the range of the membrane potential, and the clipping of the weights.

    Parameters
    ----------
    network : Network
        The network.
    inputs : ndarray, shape (ticks, batch, inputs)
        Input for the fit; a batch of a few hundred is enough.
    weight_bits, membrane_bits : int or sequence of int
        Word lengths of weights and membrane potentials: one for all layers, or one per layer.
    coefficient_bits : int
        Significant bits of the coefficients.
    search : bool
        True: try several ranges and clippings, and keep those that change the fewest spike counts of the layer. False,
        and for input currents: the range that the data need, without clipping.

    Returns
    -------
    list of Words
        One for each layer.
    """
    count = len(network.layers)
    bits = [weight_bits] * count if isinstance(weight_bits, int) else list(weight_bits)
    rooms = [membrane_bits] * count if isinstance(membrane_bits, int) else list(membrane_bits)
    far = _farthest(network, inputs)
    made = []
    for n in range(count):
        membrane, current = far[n]
        level = float(min(0.75, max(1.0 / max(membrane * 1.1, 1.0), 8 / (1 << rooms[n]))))
        if network.layers[n].neurons.threshold is None:
            level = float(np.clip(1.1 * membrane / farthest(network, network.layers[n]), 1e-6, 1.0))
        extra = max(1, math.ceil(math.log2(max(1.1 * current * level, 1.0))) + 1) if current else 0
        made.append(
            Words(
                weight_bits=bits[n],
                membrane_bits=rooms[n],
                current_bits=rooms[n] + extra if current else 0,
                coefficient_bits=coefficient_bits,
                level=level,
            )
        )
    if not search or network.currents:
        return made
    reference = SnnReference(network, inputs.shape[1]).run(inputs)
    counts = [spikes.sum(axis=0).astype(np.int64) for spikes in reference]
    for n in network.order:
        if network.layers[n].neurons.threshold is None:
            continue
        best = None
        for level in dict.fromkeys((made[n].level, *LEVELS)):
            for clip in CLIPS:
                words = [*made[:n], made[n]._replace(level=level, clip=clip), *made[n + 1 :]]
                try:
                    params = quantized(network, words)
                except ValueError:
                    continue
                found = SnnBitTrue(params, inputs.shape[1]).run(inputs)[n]["spike"].sum(axis=0)
                off = int(np.abs(found - counts[n]).sum())
                if best is None or off < best[0]:
                    best = (off, words[n])
        if best is not None:
            made[n] = best[1]
    return made


class Point(NamedTuple):
    """The accuracy of a network with given words."""

    weight_bits: tuple[int, ...]
    """Word length of the weights of each layer."""
    membrane_bits: tuple[int, ...]
    """Word length of the membrane potentials of each layer."""
    accuracy: float
    """Fraction of correct answers, 0 to 1."""
    words: tuple[Words, ...]
    """The fitted words of each layer; empty where no words of these lengths fit."""


def _point(
    network: Network, some: Inputs, inputs: Inputs, labels: Labels, weights: Sequence[int], rooms: Sequence[int]
) -> Point:
    words = calibrated(network, some, weights, rooms)
    found = answers(quantized(network, words), inputs)
    return Point(tuple(weights), tuple(rooms), accuracy(found, labels), tuple(words))


def sweep(
    network: Network,
    inputs: Inputs,
    labels: Labels,
    weight_bits: Sequence[int] = (2, 3, 4, 5, 6, 8),
    membrane_bits: Sequence[int] = (6, 9, 12),
    *,
    calibration: int = 100,
    progress: Progress = _silent,
) -> list[Point]:
    """Measure the accuracy for each combination of word lengths, the same for all layers.

    Parameters
    ----------
    network : Network
        The network.
    inputs : ndarray of int, shape (ticks, batch, inputs)
        Spikes, 0 or 1.
    labels : ndarray of int, shape (batch,)
        Correct answers.
    weight_bits, membrane_bits : sequence of int
        Word lengths to combine.
    calibration : int
        Number of runs, from the first, to which the words are fitted.
    progress : callable
        Receives the completed fraction and a note on the step that begins.

    Returns
    -------
    list of Point
        One for each combination.
    """
    some, made = inputs[:, :calibration], list[Point]()
    pairs = [(w, m) for w in weight_bits for m in membrane_bits]
    for n, (w, m) in enumerate(pairs):
        progress(n / len(pairs), f"{w}-bit weights, {m}-bit membranes")
        count = len(network.layers)
        made.append(_point(network, some, inputs, labels, [w] * count, [m] * count))
    progress(1.0, "")
    return made


def search(
    network: Network,
    inputs: Inputs,
    labels: Labels,
    loss: float = 0.01,
    *,
    most: tuple[int, int] = (8, 14),
    calibration: int = 100,
    progress: Progress = _silent,
) -> tuple[Point, list[Point]]:
    """Search for the shortest words of each layer with which the accuracy loss stays below a limit.

    The search is greedy: it removes one bit from the weights of each layer in turn, then from the membrane potentials,
    and keeps each removal that stays within the limit.

    Parameters
    ----------
    network : Network
        The network.
    inputs : ndarray of int, shape (ticks, batch, inputs)
        Spikes, 0 or 1.
    labels : ndarray of int, shape (batch,)
        Correct answers.
    loss : float
        Largest loss of accuracy against the float network; 0.01 is one percentage point.
    most : (int, int)
        Word lengths of weights (2 to 16) and membrane potentials (4 to 32) at the start.
    calibration : int
        Number of runs, from the first, to which the words are fitted.
    progress : callable
        Receives 0 and a note on the step that begins.

    Returns
    -------
    Point
        The shortest words found.
    list of Point
        All words that were tried; with accuracy 0 where no words of these lengths fit.

    Raises
    ------
    ValueError
        If `most` is outside its range, or the loss is too large even with these word lengths.
    """
    count = len(network.layers)
    whole("bits of weights", most[0], 2, 16)
    whole("bits of membranes", most[1], 4, 32)
    wanted = accuracy(reference_answers(network, inputs), labels) - loss - 1e-9
    some = inputs[:, :calibration]
    weights, rooms = [most[0]] * count, [most[1]] * count
    best = _point(network, some, inputs, labels, weights, rooms)
    tried = [best]
    if best.accuracy < wanted:
        raise ValueError(
            f"loss must be one that {most[0]}-bit weights and {most[1]}-bit membranes can keep: {100 * wanted:.2f} % "
            f"correct answers are required, not {100 * best.accuracy:.2f} %"
        )
    for bits, least in ((weights, 2), (rooms, 4)):
        going = set(range(count))
        while going:
            for n in sorted(going):
                if bits[n] <= least:
                    going.discard(n)
                    continue
                bits[n] -= 1
                progress(0.0, f"weights {weights}, membranes {rooms}")
                try:
                    point = _point(network, some, inputs, labels, weights, rooms)
                except ValueError:
                    point = Point(tuple(weights), tuple(rooms), 0.0, ())
                tried.append(point)
                if point.accuracy >= wanted:
                    best = point
                else:
                    bits[n] += 1
                    going.discard(n)
    return best, tried


def spread_sweep(
    network: Network,
    words: Sequence[Words],
    inputs: Inputs,
    labels: Labels,
    spreads: Sequence[float] = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2),
    *,
    cycle: bool = False,
    seeds: int = 5,
    progress: Progress = _silent,
) -> list[tuple[float, NDArray[np.float64]]]:
    """Measure the accuracy of the bit-true network against the spread of its thresholds.

    Parameters
    ----------
    network : Network
        The network; the spread of its neurons is replaced.
    words : sequence of Words
        Words of each layer.
    inputs : ndarray of int, shape (ticks, batch, inputs)
        Spikes, 0 or 1.
    labels : ndarray of int, shape (batch,)
        Correct answers.
    spreads : sequence of float
        Standard deviations of the threshold, relative to ``threshold - leak``, 0 to 0.5.
    cycle : bool
        True: the threshold varies from cycle to cycle. False: from device to device.
    seeds : int
        Number of arrays of devices, each with its own seed.
    progress : callable
        Receives the completed fraction and a note on the step that begins.

    Returns
    -------
    list of (float, ndarray of float)
        Spread, and the accuracy of each array, shape (seeds,).
    """
    made = []
    for n, spread in enumerate(spreads):
        found = []
        for seed in range(1, seeds + 1):
            progress((n + (seed - 1) / seeds) / len(spreads), f"spread {spread:.0%}, seed {seed}")
            layers = []
            for k, layer in enumerate(network.layers):
                neurons = layer.neurons
                if neurons.threshold is not None:
                    # Layers have different seeds; otherwise all would have the same spread.
                    first = Variability(seed=1000 * k + seed)
                    own = replace(first, threshold_c2c=spread) if cycle else replace(first, threshold_d2d=spread)
                    neurons = replace(neurons, spread=own)
                layers.append(replace(layer, neurons=neurons))
            varied = replace(network, layers=tuple(layers))
            found.append(accuracy(answers(_fitted(varied, words), inputs), labels))
        made.append((spread, np.array(found)))
    progress(1.0, "")
    return made


def _fitted(network: Network, words: Sequence[Words], extra: int = 0) -> SnnParams:
    """Quantize a network, with up to 3 more bits for the membrane potential where a threshold does not fit.

    Raises
    ------
    ThresholdError
        If 3 bits are not enough.
    """
    longer = [each._replace(membrane_bits=each.membrane_bits + extra, level=each.level / 2**extra) for each in words]
    try:
        return quantized(network, longer)
    except ThresholdError:
        if extra == 3:
            raise
    return _fitted(network, words, extra + 1)
