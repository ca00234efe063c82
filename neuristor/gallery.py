"""The gallery: every firing behaviour of a neuron in the float model, the bit-true model and the circuit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.golden_model.neurons.behaviour import Behaviour
from neuristor.golden_model.neurons.model import spike_times
from neuristor.hdl.neurons import Neuron
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.scoreboard import compare
from neuristor.steps import verilog_trace

__all__ = ["Shown", "gallery", "not_reproduced"]


@dataclass(frozen=True)
class Shown:
    """A behaviour, simulated."""

    behaviour: Behaviour
    """Its parameters, its input, and the test of its spikes."""
    float_membrane: NDArray[np.float64]
    """Membrane potential of the float model, shape (ticks,), in volt."""
    membrane: NDArray[np.float64]
    """Membrane potential of the bit-true model, shape (ticks,), in volt."""
    float_times: NDArray[np.float64]
    """Spike times of the float model, at the end of ticks, in second."""
    times: NDArray[np.float64]
    """Spike times of the bit-true model, in second."""
    float_shown: bool
    """Whether the float model shows the behaviour."""
    shown: bool
    """Whether the bit-true model shows the behaviour."""
    difference: str
    """First difference between circuit and bit-true model; empty if they are equal."""
    engine: str
    """Name of the simulator of the circuit."""


def gallery(design: Design, say: Callable[[str], None]) -> list[Shown]:
    """Simulate every behaviour of the neuron model, with the device and the word lengths of the design.

    Parameters
    ----------
    design : Design
        The design.
    say : callable
        Called with the title of each behaviour when it is done.

    Returns
    -------
    list of Shown
        One for each behaviour, in the order of the model.

    Raises
    ------
    ValueError
        If the model has no behaviours.
    """
    shown = design.golden.behaviours(design.params)
    if not shown:
        raise ValueError(f"the model {design.neuron.name} has no behaviours: see `neuristor gallery --help`")

    def one(behaviour: Behaviour) -> Shown:
        made = _run(design.neuron, behaviour)
        say(behaviour.title)
        return made

    with ThreadPoolExecutor(2) as pool:  # compilers run as processes of their own
        return list(pool.map(one, shown))


def not_reproduced(design: Design) -> dict[str, str]:
    """List the behaviours that the model does not reproduce.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    dict of str to str
        What was tried and why it fails, by the name of the behaviour.
    """
    return dict(design.golden.not_reproduced)


def _run(neuron: Neuron, behaviour: Behaviour) -> Shown:
    params = behaviour.params
    raw = params.drive_raw(behaviour.current[:, None])
    reference, float_times = neuron.model.reference(params, locate=False).run(params.drive.value(raw))
    trace = neuron.model.bit_true(params).run(raw)
    times = spike_times(params, trace)[0]
    engine, circuit = verilog_trace(Case(neuron=neuron, params=params, lanes=1, drive_raw=raw), len(raw))
    return Shown(
        behaviour=behaviour,
        float_membrane=reference[params.observed][:, 0],
        membrane=params.membrane.value(trace[params.observed][:, 0]),
        float_times=float_times[0],
        times=times,
        float_shown=_judged(behaviour, float_times[0]),
        shown=_judged(behaviour, times),
        difference=str(compare(trace, circuit) or ""),
        engine=engine,
    )


def _judged(behaviour: Behaviour, times: NDArray[np.float64]) -> bool:
    """Whether the spikes show the behaviour; with too few spikes for its test they do not."""
    try:
        return bool(behaviour.shown(times))
    except (IndexError, ValueError):
        return False
