"""A spiking network in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.networks.snn.common import NEAR, History, checked, first_noise, longest_delays
from neuristor.golden_model.networks.snn.network import INPUT, Network, Neurons
from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_ON

__all__ = ["SnnReference"]


class SnnReference:
    """A network in float64, by the equations of ``golden_model.networks.snn``.

    Parameters
    ----------
    network : Network
        The network.
    batch : int
        Runs side by side.

    Attributes
    ----------
    membrane, current, spikes : list of ndarray, shape (batch, count)
        Membrane potential, synaptic current and spikes of each layer after the last tick.
    """

    def __init__(self, network: Network, batch: int = 1) -> None:
        self.network, self.batch = network, batch
        counts = [layer.neurons.count for layer in network.layers]
        self.membrane = [np.full((batch, layer.neurons.count), float(layer.neurons.start)) for layer in network.layers]
        self.current = [np.zeros((batch, count)) for count in counts]
        self.spikes = [np.zeros((batch, count), dtype=bool) for count in counts]
        self._waiting = [np.zeros((batch, count), dtype=np.int64) for count in counts]
        self._draw = [first_noise(layer.neurons.spread.seed, batch, layer.shape) for layer in network.layers]
        self._matrices = [[one.synapses.matrix() for one in layer.projections] for layer in network.layers]
        shapes = {INPUT: (batch, network.inputs)} | {n: (batch, count) for n, count in enumerate(counts)}
        delays = longest_delays(network.layers, lambda layer: [(one.source, one.delay) for one in layer.projections])
        self._past = History(delays, shapes, float)

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
                received = np.asarray(self._past.spikes(one.source, one.delay, now), dtype=np.float64)
                total = total + (matrix @ received.T).T
            self._update(n, layer.neurons, total)
        self._past.push(INPUT, inputs)
        for n, spikes in enumerate(self.spikes):
            self._past.push(n, spikes)
        return list(self.spikes)

    def _update(self, n: int, neurons: Neurons, total: NDArray[np.float64]) -> None:
        network, v = self.network, self.membrane[n]
        if neurons.tau_syn is not None:  # (1)
            k_syn, before = network.coefficient(neurons.tau_syn), self.current[n]
            self.current[n] = before + (np.asarray(neurons.w_in) * total - before) * k_syn
            total = before if neurons.late_current else self.current[n]
        if neurons.tau is None:
            moved = v + network.dt * np.asarray(neurons.r) * total  # (3)
        else:
            moved = v + (neurons.leak - v + np.asarray(neurons.r) * total) * network.coefficient(neurons.tau)  # (2)
        if neurons.threshold is None:
            self.membrane[n] = moved
            return
        limit, size, owed = neurons.thresholds, neurons.thresholds - neurons.reset, np.zeros(1)  # (4)
        if neurons.reset_rule in ("subtract_late", "subtract_guarded"):
            owed = np.where(_reaches(v, limit, neurons.strict) & (neurons.faults == HEALTHY), size, 0.0)
        if neurons.reset_rule == "subtract_late":
            moved = moved - owed
        if neurons.spread.threshold_c2c:
            sigma = neurons.spread.threshold_c2c * (neurons.threshold - np.asarray(neurons.leak)) / noise.SIGMA
            limit = limit + sigma * noise.byte_sum(self._draw[n])
        fault, active = neurons.faults, self._waiting[n] == 0
        if neurons.reset_rule == "subtract_guarded":
            limit = limit + owed
        fired = _reaches(moved, limit, neurons.strict) & active & (fault == HEALTHY)
        after = {
            "to_value": neurons.reset,
            "to_value_late": neurons.reset,
            "subtract": moved - size,
            "subtract_guarded": moved - size,
        }.get(neurons.reset_rule, moved)
        held = np.where(fault == DEAD, v, np.where(fault == STUCK_ON, neurons.latched, moved))
        self.membrane[n] = np.where(fired, after, np.where(active, held, v))
        ticks = network.refractory_ticks(neurons)
        self._waiting[n] = np.where(fired, ticks, self._waiting[n] - ~active)
        if neurons.spread.threshold_c2c:
            self._draw[n] = np.where(fired, noise.advance(self._draw[n]), self._draw[n])
        self.spikes[n] = fired

    def run(self, inputs: ArrayLike) -> list[NDArray[np.bool_]]:
        """Advance many ticks.

        Parameters
        ----------
        inputs : array_like, shape (ticks, batch, inputs), or (ticks, inputs) for a batch of one
            Spikes, 0 or 1, or currents.

        Returns
        -------
        list of ndarray of bool, shape (ticks, batch, count)
            The spikes of each layer.
        """
        rows = checked(inputs, self.network.inputs, "iuf")
        kept: list[list[Any]] = [[] for _ in self.network.layers]
        for row in rows:
            for into, spikes in zip(kept, self.step(row), strict=True):
                into.append(spikes)
        return [np.array(each) for each in kept]


def _reaches(v: NDArray[np.float64], limit: NDArray[np.float64], strict: bool) -> NDArray[np.bool_]:
    """Whether a potential is above a limit, or at it where not `strict`.

    Rounding in float64 must not decide: 3 x 0.1 meets a threshold of 0.3.
    """
    margin = NEAR * np.maximum(np.abs(limit), 1e-300)
    return np.asarray(v > limit + margin if strict else v >= limit - margin)
