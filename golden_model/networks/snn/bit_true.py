"""A spiking network in fixed point: the specification of the circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.fixed import round_shift, saturate
from neuristor.golden_model.networks.snn.common import History, checked, first_noise, longest_delays
from neuristor.golden_model.networks.snn.network import INPUT
from neuristor.golden_model.networks.snn.params import LayerParams, LayerRaw, SnnParams
from neuristor.golden_model.neurons.lif import fire

__all__ = ["SnnBitTrue", "step"]


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
        The integers that all neurons of the layer share.
    current : int, ndarray or value
        Synaptic current, in steps of the membrane potential.
    membrane : int, ndarray or value
        Raw membrane potential.
    refractory : int, ndarray or value
        Remaining ticks of the refractory period.
    state : int, ndarray or value
        Noise state, 32 bits.
    threshold_raw : int, ndarray or value
        Raw firing threshold.
    fault_raw : int, ndarray or value
        Fault code.
    total_raw : int, ndarray or value
        Sum of synaptic inputs and bias in this tick, in steps of the membrane potential.

    Returns
    -------
    current, membrane, refractory, state
        As above, after the tick.
    spike, saturated
        Whether the neuron spikes, and whether its membrane potential or current saturates.
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


class SnnBitTrue:
    """A network in fixed point: the specification of the circuit.

    Parameters
    ----------
    params : SnnParams
        The network.
    batch : int
        Runs side by side.

    Attributes
    ----------
    state : list of dict of ndarray, shape (batch, count)
        ``current``, ``membrane``, ``refractory`` and ``noise`` of each layer, raw.
    spikes : list of ndarray of bool, shape (batch, count)
        Spikes of each layer in the last tick.
    saturations : ndarray of int64, shape (layers,)
        Neuron updates that saturated, since the last reset.
    """

    def __init__(self, params: SnnParams, batch: int = 1) -> None:
        self.params, self.batch = params, batch
        self._kinds = [
            _kind(layer, params.current_bits if params.currents and n == 0 else 0)
            for n, layer in enumerate(params.layers)
        ]
        # Products are much faster in floating point, where sums of up to 24 (float32) or 53 bits are exact.
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
        """Return to the state of the circuit after its reset."""
        self.state: list[dict[str, Any]] = []
        for layer, kind in zip(self.params.layers, self._kinds, strict=True):
            zero = np.zeros((self.batch, layer.count), dtype=kind)
            names = ("current", "membrane", "refractory")
            self.state.append({name: zero.copy() for name in names} | {"noise": zero})
            self.state[-1]["membrane"][:] = layer.raw.lif.initial_raw
            if layer.raw.lif.noise_scale_raw:
                self.state[-1]["noise"] = first_noise(layer.seed, self.batch, layer.shape)
        counts = [layer.count for layer in self.params.layers]
        self.spikes = [np.zeros((self.batch, count), dtype=bool) for count in counts]
        self.saturations = np.zeros(len(counts), dtype=np.int64)
        shapes = {INPUT: (self.batch, self.params.inputs)} | {n: (self.batch, c) for n, c in enumerate(counts)}
        delays = longest_delays(
            self.params.layers, lambda layer: [(one.source, one.delay) for one in layer.connections]
        )
        self._past = History(delays, shapes, bool)

    def step(self, inputs: NDArray[Any]) -> list[NDArray[np.bool_]]:
        """Advance one tick.

        Parameters
        ----------
        inputs : ndarray of int, shape (batch, inputs)
            Spikes, 0 or 1. In a network of currents: the current of each neuron of the first layer, in steps of its
            membrane potential, shape (batch, count).

        Returns
        -------
        list of ndarray of bool, shape (batch, count)
            The spikes of each layer.
        """
        products = [] if self.params.currents else self._products(inputs)
        return self._advance(inputs, products)

    def _products(self, inputs: NDArray[Any]) -> list[Any]:
        """Products of the input with each weight matrix that receives it undelayed: (layer, connection, product)."""
        made = []
        for n, layer in enumerate(self.params.layers):
            for m, each in enumerate(layer.connections):
                if each.source == INPUT and not each.delay:
                    made.append((n, m, self._product(n, m, inputs)))
        return made

    def _product(self, n: int, m: int, spikes: NDArray[Any]) -> Any:
        return spikes.astype(self._sums[n]) @ self._weights[n][m]

    def _advance(self, inputs: NDArray[Any], products: list[Any]) -> list[NDArray[np.bool_]]:
        known = {(n, m): product for n, m, product in products}
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
            Spikes, 0 or 1, or currents, as in `step`.
        keep : bool
            Also return the state after every tick.
        progress : callable, optional
            Receives the completed fraction, 0 to 1.

        Returns
        -------
        list of dict of ndarray, shape (ticks, batch, count)
            ``spike`` of each layer, and with `keep` each of its ``state_fields``.

        Raises
        ------
        ValueError
            If the shape is wrong, a spike is not 0 or 1, or a current does not fit its word.
        """
        count = self.params.layers[0].count if self.params.currents else self.params.inputs
        rows = checked(inputs, count, "iu")
        if not self.params.currents and rows.size and (rows.min() < 0 or rows.max() > 1):
            raise ValueError(f"spikes must be 0 or 1, not {rows.min()} to {rows.max()}")
        if self.params.currents and rows.size:
            top = 1 << (self.params.current_bits - 1)
            if rows.min() < -top or rows.max() >= top:
                raise ValueError(f"currents must be between {-top} and {top - 1}, not {rows.min()} to {rows.max()}")
        ticks, made = len(rows), list[dict[str, Any]]()
        for n, layer in enumerate(self.params.layers):
            names = [each.name for each in layer.state_fields] if keep else []
            made.append({"spike": np.empty((ticks, self.batch, layer.count), dtype=bool)})
            made[n] |= {name: np.empty((ticks, self.batch, layer.count), dtype=np.int64) for name in names}
        # One product over many ticks is faster than one per tick.
        at_once = max(1, 4_000_000 // max(1, self.batch * count))
        for start in range(0, ticks, at_once):
            some = rows[start : start + at_once]
            products = [] if self.params.currents else self._products(some.reshape(-1, count))
            products = [(n, m, product.reshape(*some.shape[:2], -1)) for n, m, product in products]
            for tick, row in enumerate(some):
                self._advance(row, [(n, m, product[tick]) for n, m, product in products])
                for n, into in enumerate(made):
                    into["spike"][start + tick] = self.spikes[n]
                    for name in into:
                        if name != "spike":
                            into[name][start + tick] = self.state[n][name]
            if progress is not None:
                progress((start + len(some)) / ticks)
        return made


def _transposed(matrix: Any, shift: int, kind: Any) -> Any:
    made = matrix.astype(kind) * (1 << shift)
    return made.T.tocsc() if hasattr(made, "tocsr") else np.ascontiguousarray(made.T)


def _kind(layer: LayerParams, given_bits: int) -> Any:
    """The smallest integer type in which no intermediate value of an update wraps."""
    raw = layer.raw
    low, high = layer.reach
    total = (max(-low, high) << layer.least_shift) + int(np.abs(layer.bias_raw).max(initial=0)) + (1 << given_bits)
    membrane = (1 << layer.membrane_bits) * (raw.lif.k_raw + 1) + (1 << raw.lif.k_shift)
    current = (1 << layer.current_bits) * (raw.syn_raw + 1) + (1 << raw.syn_shift) if raw.synaptic else 0
    most = 2 * (total + membrane + current + int(np.abs(layer.threshold_raw).max()) + abs(raw.lif.hold_raw)) + (1 << 16)
    if raw.lif.noise_scale_raw or most >= 1 << 31:
        return np.int64
    return np.int32
