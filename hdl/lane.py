"""What every lane has: the pipeline that updates neurons one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from amaranth.hdl import Signal
from amaranth.lib import data, wiring

__all__ = ["Lane"]


class Lane(wiring.Component, ABC):
    """The pipeline of one lane: a neuron in and a neuron out every `interval` clocks.

    A `NeuronArray` connects it. It declares the members below, and of the optional ones those it needs.

    Members
    -------
    enable : In(1)
        The pipeline moves; without it, every register keeps its value.
    phase : In(range(interval)), optional
        Clocks since `state` was applied, modulo `interval`. Only with an `interval` above 1.
    state : In(state_layout)
        State of the neuron before the tick.
    drive : In(signed)
        Input of the neuron, on the grid of ``params.drive``.
    parameters : In(StructLayout), optional
        What the neuron has of its own, such as its threshold.
    pull : In(signed), optional
        Sum of the differences to the neighbours, one enabled clock after `state`.
    tuning : In(StructLayout), optional
        Loaded parameters that all neurons share.
    seed : In(32), optional
        Loaded seed of the noise.
    next_state : Out(state_layout)
        State after the tick, `latency` enabled clocks after `state`.
    spike : Out(1)
        The neuron fired; at the same time as `next_state`.
    saturated : Out(1)
        The update was clamped to the range of its word; at the same time as `next_state`.
    load : In(1)
        Prepare the initial state of the next neuron of the lane.
    initial_state : Out(state_layout)
        That state, `clear_clocks` clocks after `load`.
    """

    enable: Signal
    phase: Signal
    state: data.View[Any]
    drive: Signal
    parameters: data.View[Any]
    pull: Signal
    tuning: Any
    seed: Signal
    next_state: data.View[Any]
    spike: Signal
    saturated: Signal
    load: Signal
    initial_state: data.View[Any]

    @property
    @abstractmethod
    def latency(self) -> int:
        """Enabled clocks from `state` to `next_state`."""

    @property
    @abstractmethod
    def interval(self) -> int:
        """Clocks from one neuron to the next."""

    @property
    @abstractmethod
    def clear_clocks(self) -> int:
        """Clocks from `load` to `initial_state`."""

    def has(self, port: str) -> bool:
        """Whether the lane has an optional port.

        Parameters
        ----------
        port : str
            Its name.
        """
        return port in self.signature.members
