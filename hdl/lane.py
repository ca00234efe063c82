"""The contract of a lane: the pipeline that updates one neuron after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from amaranth.hdl import Signal
from amaranth.lib import data, wiring

__all__ = ["Lane"]


class Lane(wiring.Component, ABC):
    """The pipeline of one lane: accepts one neuron and returns one every `interval` clocks.

    A `NeuronArray` makes its lanes, connects their members, and reads `latency`, `interval` and `clear_clocks`. A
    subclass declares all members below that are not optional, and of the optional ones those that it needs. All lanes
    of an array have the same members and the same timing.

    Parameters
    ----------
    signature : Signature or dict of str to Member
        The members.
    src_loc_at : int
        Depth of the call stack, for Amaranth's source locations.

    Members
    -------
    enable : In(1)
        The pipeline advances in this clock; without it, every register keeps its value. Not needed by `load` and
        `initial_state`, which work in every clock.
    phase : In(range(interval)), optional
        Enabled clocks since `state` was applied, modulo `interval`. Required if `interval` is above 1.
    state : In(state_layout)
        State of the neuron before the tick. It is valid for `interval` enabled clocks, as `drive` and `parameters` are.
    drive : In(signed)
        Input of the neuron, on the grid of ``params.drive``.
    parameters : In(StructLayout), optional
        Per-neuron parameters, such as the threshold. Required if the array has any.
    pull : In(signed), optional
        Sum of the differences to the neighbours, `pull_time` enabled clocks after `state`. Required if the neurons are
        coupled.
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
        Prepare the initial state of the next neuron of the lane: neurons ``lane``, ``lane + lanes`` and so on, for lane
        number `lane` of `lanes`. High for one clock.
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

    pull_time = 1
    """Enabled clocks from `state` to `pull`, at least 1."""

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
        """Whether the lane has an optional member.

        Parameters
        ----------
        port : str
            Name of the member.
        """
        return port in self.signature.members
