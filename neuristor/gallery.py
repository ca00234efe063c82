"""The gallery: every behaviour of a neuron through float model, bit-true model and circuit, on one sheet."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.golden_model.neurons.behaviour import Behaviour
from neuristor.golden_model.neurons.model import spike_times
from neuristor.hdl.neurons import Neuron
from neuristor.report import FLOAT, INK, STYLE
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.scoreboard import compare
from neuristor.steps import verilog_trace

__all__ = ["Shown", "gallery", "not_reproduced", "plot"]

COLUMNS = 4
MOST_POINTS = 4000
"""Points of a curve."""


@dataclass(frozen=True)
class Shown:
    """What became of a behaviour."""

    behaviour: Behaviour
    float_membrane: NDArray[np.float64]
    """Shape (ticks,), in volt."""
    membrane: NDArray[np.float64]
    """Of the bit-true model, shape (ticks,), in volt."""
    float_times: NDArray[np.float64]
    """Spikes of the float model on ticks, in second."""
    times: NDArray[np.float64]
    """Spikes of the bit-true model, in second."""
    float_shown: bool
    shown: bool
    difference: str
    """Where the circuit parts from the bit-true model; empty if it does not."""
    engine: str
    """What simulated the circuit."""


def gallery(design: Design, say: Callable[[str], None]) -> list[Shown]:
    """Run every behaviour of the design's neuron model, with the design's device and words.

    Parameters
    ----------
    design : Design
    say : callable
        Told each behaviour that is done.

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

    with ThreadPoolExecutor(2) as pool:  # the circuits are compiled in processes of their own
        return list(pool.map(one, shown))


def not_reproduced(design: Design) -> dict[str, str]:
    """Behaviours that the model lists as not shown, and what was tried."""
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
        float_membrane=reference["membrane"][:, 0],
        membrane=params.membrane.value(trace["membrane"][:, 0]),
        float_times=float_times[0],
        times=times,
        float_shown=_judged(behaviour, float_times[0]),
        shown=_judged(behaviour, times),
        difference=str(compare(trace, circuit) or ""),
        engine=engine,
    )


def _judged(behaviour: Behaviour, times: NDArray[np.float64]) -> bool:
    """Whether the behaviour is there; too few spikes to judge means that it is not."""
    try:
        return bool(behaviour.shown(times))
    except (IndexError, ValueError):
        return False


def plot(shown: list[Shown], title: str) -> str:
    """The sheet, as SVG: membrane (float and bit-true) above input, one panel a behaviour.

    Parameters
    ----------
    shown : list of Shown
    title : str
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = -(-len(shown) // COLUMNS)
    with mpl.rc_context(STYLE | {"font.size": 7}):
        figure = Figure(figsize=(11, 1.75 * rows + 0.5), layout="constrained")
        figure.suptitle(title)
        axes: Any = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for ax, each in zip(axes, shown, strict=False):
            _panel(ax, each)
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _panel(ax: Any, each: Shown) -> None:
    behaviour = each.behaviour
    every = max(1, len(each.membrane) // MOST_POINTS)
    time = 1e3 * behaviour.params.dt * np.arange(1, len(each.membrane) + 1)[::every]
    ax.plot(time, 1e3 * each.float_membrane[::every], color=FLOAT, lw=1.6, alpha=0.6)
    ax.plot(time, 1e3 * each.membrane[::every], color=INK, lw=0.6)
    low, high = ax.get_ylim()
    current = behaviour.current[::every]
    span = float(np.ptp(current)) or 1.0
    ax.plot(time, low - (0.35 - 0.25 * (current - current.min()) / span) * (high - low), color="0.4", lw=0.8)
    ax.plot(1e3 * each.times, np.full(len(each.times), high), "|", color=INK, ms=4)
    good = each.shown and not each.difference
    verdict = "" if good else " (lost)" if not each.difference else " (CIRCUIT DIFFERS)"
    ax.set_title(behaviour.title + verdict, color="black" if good else "#b03030", fontsize=8)
    ax.set(xlabel="ms", ylabel="mV")
