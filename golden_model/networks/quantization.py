"""Words for a trained network: what fixed point changes, layer by layer, and the smallest words that lose little.

No training is done again: weights are rounded, and what the words need (how far membranes go, which weights may be
clipped) is measured on data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import (
    Network,
    SnnBitTrue,
    SnnParams,
    SnnReference,
    Words,
    farthest,
    quantized,
)
from neuristor.golden_model.neurons.neuron import whole
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
CLIPS = (1.0, 0.75, 0.5)
BATCH = 200
"""Runs side by side."""
Progress = Callable[[float, str], object]


def _silent(done: float, note: str) -> None:
    del done, note


def current_words(network: Network, params: SnnParams, inputs: Inputs) -> NDArray[np.int64]:
    """Currents from outside in words: what reaches each neuron of the first layer, in steps of its membrane.

    Parameters
    ----------
    network : Network
        Of currents.
    params : SnnParams
        Of the same network.
    inputs : ndarray of float, shape (ticks, ..., inputs)

    Returns
    -------
    ndarray of int64, shape (ticks, ..., count)

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
            f"currents must be between {-top * own.lsb:g} and {(top - 1) * own.lsb:g} of the membrane a tick, not "
            f"{words.min() * own.lsb:g} to {words.max() * own.lsb:g}"
        )
    return np.asarray(words.reshape(*np.shape(inputs)[:-1], own.count))


def read_out(spikes: NDArray[Any], membranes: NDArray[Any] | None) -> NDArray[np.int64]:
    """Which output has most spikes, or, where none can spike, the highest membrane on average: shape (batch,)."""
    return np.asarray((spikes if membranes is None else membranes).sum(axis=0).argmax(axis=-1))


def answers(params: SnnParams, inputs: Inputs) -> NDArray[np.int64]:
    """What the bit-true network answers, shape (batch,)."""
    made = []
    for start in range(0, inputs.shape[1], BATCH):
        some = inputs[:, start : start + BATCH]
        fires = params.layers[-1].fires
        last = SnnBitTrue(params, some.shape[1]).run(some, keep=not fires)[-1]
        made.append(read_out(last["spike"], None if fires else last["membrane"]))
    return np.concatenate(made)


def reference_answers(network: Network, inputs: Inputs) -> NDArray[np.int64]:
    """What the float network answers, shape (batch,)."""
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
    """The part of the answers that is right."""
    return float(np.mean(found == labels))


class Divergence(NamedTuple):
    """What fixed point changes in a layer."""

    layer: str
    reference: int
    """Spikes of the float network."""
    bit_true: int
    """Spikes of the bit-true network."""
    different: int
    """Spikes that only one of them has."""
    first: int
    """The first tick in which they differ; -1 for none."""
    error: float
    """The largest difference of membranes before that, as a part of the threshold."""
    saturations: int
    farthest: float
    """How far a membrane of the float network went, as a part of the threshold."""


def compare(network: Network, params: SnnParams, inputs: Inputs, currents: Inputs | None = None) -> list[Divergence]:
    """Float and bit-true network on the same input.

    Parameters
    ----------
    network : Network
    params : SnnParams
        Of the same network.
    inputs : ndarray, shape (ticks, batch, inputs)
        Spikes; or currents, and then `currents` are their words.
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
    """How far membranes and currents of each layer go: parts of the threshold (of one, without)."""
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
    """Words of given widths that fit the data: room in the membrane, and which weights are clipped.

    Parameters
    ----------
    network : Network
    inputs : ndarray, shape (ticks, batch, inputs)
        A few hundred are enough.
    weight_bits, membrane_bits : int, or one for each layer
    coefficient_bits : int
    search : bool
        Try levels and clippings, and keep what changes the fewest spikes of the layer; otherwise as much room as the
        data need.

    Returns
    -------
    list of Words
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
    """A network with some words."""

    weight_bits: tuple[int, ...]
    membrane_bits: tuple[int, ...]
    accuracy: float
    words: tuple[Words, ...]


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
    """Accuracy against bits, the same for all layers.

    Parameters
    ----------
    network : Network
    inputs : ndarray, shape (ticks, batch, inputs)
    labels : ndarray, shape (batch,)
    calibration : int
        How many of the inputs the words are fitted to.
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
    """The smallest words of each layer with which the accuracy is at most so much below that of the float network.

    Greedy: a bit is taken from the weights of each layer in turn, then from the membranes, as long as that is so.

    Parameters
    ----------
    loss : float
        0.01 for one point of percent.
    most : (int, int)
        Bits of weights and of membranes to begin with.

    Returns
    -------
    Point
        The smallest.
    list of Point
        All that were tried.

    Raises
    ------
    ValueError
        If even the most bits lose more.
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
            f"loss must be one that {most[0]}-bit weights and {most[1]}-bit membranes can keep: they have "
            f"{100 * best.accuracy:.2f} % where {100 * wanted:.2f} % are wanted"
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
    """What thresholds that differ from device to device (or from cycle to cycle) cost, in the bit-true network.

    Parameters
    ----------
    spreads : sequence of float
        Standard deviations, relative to the threshold.
    cycle : bool
        From cycle to cycle.
    seeds : int
        Arrays of devices that are tried.

    Returns
    -------
    list of (spread, accuracies of all seeds)
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
                    # Seeds of layers are apart: the same array would stand in each.
                    own = Variability(**{"threshold_c2c" if cycle else "threshold_d2d": spread}, seed=1000 * k + seed)
                    neurons = replace(neurons, spread=own)
                layers.append(replace(layer, neurons=neurons))
            varied = replace(network, layers=tuple(layers))
            found.append(accuracy(answers(_fitted(varied, words), inputs), labels))
        made.append((spread, np.array(found)))
    progress(1.0, "")
    return made


def _fitted(network: Network, words: Sequence[Words]) -> SnnParams:
    """Quantized, with a bit more for the membrane where a threshold would not fit."""
    for extra in range(4):
        try:
            return quantized(
                network,
                [
                    each._replace(membrane_bits=each.membrane_bits + extra, level=each.level / 2**extra)
                    for each in words
                ],
            )
        except ValueError as error:
            if extra == 3 or "threshold must be" not in str(error):
                raise
    raise AssertionError
