"""Models from equations: rates of the circuits against SciPy, and resources against lanes made by hand.

Run ``python -m benchmarks.equations``; ``--models`` chooses some. Rates are in bit-true integers, equal to the
circuit's. The peer of resources is the lane by hand of the same neurons, at the same interval, counted in the same run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import Benchmark, Peer, Row, Run
from benchmarks.routed import routed, rows_of, ticks_per_second
from neuristor.boards import BOARDS
from neuristor.boards.flow import implement
from neuristor.golden_model.equations.file import shipped, shipped_model
from neuristor.golden_model.equations.judge import judge
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.neurons.hodgkin_huxley import HodgkinHuxleyParams
from neuristor.golden_model.neurons.izhikevich import PATTERNS, IzhikevichParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.hdl.neurons.hodgkin_huxley import HodgkinHuxleyArray
from neuristor.hdl.neurons.izhikevich import IzhikevichArray

__all__ = ["BENCHMARK", "measure"]

NO_RATE = ("diffusive_ag", "escape_rate", "team", "vteam")
"""Models that do not fire at a rate of their own."""
SEVEN = (
    "leaky_integrate_and_fire",
    "fitzhugh_nagumo",
    "izhikevich_2003",
    "hodgkin_huxley_1952",
    "vo2_switch",
    "thermal_vo2",
    "mott_nbo2",
)
"""The models whose resources are counted."""
COUNTED = "xc7z020"
"""The part on which resources are counted, without place and route."""
NEURONS = 64
SHARED = 16
"""An interval at which multiplications share multipliers."""
GOAL = 0.5
"""Error of a rate, in percent."""


class _Design(NamedTuple):
    model: str
    neurons: int
    lanes: int
    clock_hz: float


ROUTED = (_Design("hodgkin_huxley_1952", 1000, 1, 50e6), _Design("thermal_vo2", 512, 4, 60e6))
"""What is placed and routed, each neuron with multipliers of its own (interval 1)."""
ON = "ulx3s-85f"


PLAIN = ("izhikevich_2003", "leaky_integrate_and_fire")
"""Models whose resources are also counted as others compute them: forward Euler, a spike at the end of its tick."""


def _params(name: str, count: int, plain: bool = False) -> EquationParams:
    text = shipped_model(name)
    if plain:
        events = tuple(event.model_copy(update={"locate": None}) for event in text.events)
        text = text.model_copy(update={"method": "euler", "events": events})
    model = equation_neuron(text.model_dump_json()).model
    made: EquationParams = model.from_circuit(None, count=count, dt=model.own_tick or 0.0)
    return made


def _rates(run: Run, names: list[str]) -> Iterator[Row]:
    for name in names:
        if name in NO_RATE:
            continue
        run.note(f"{name}: rate")
        params = _params(name, 1)
        given = params.system.input
        found = judge(params, 0.0 if given is None else float(given.start))
        error = 100 * abs(found.error)
        title = f"{name}, {params.dt:.3g} s: error of the rate of {found.exact:.6g} Hz"
        yield Row(name=title, value=error, unit="%", goal=GOAL, less=True)


def _counted(array: NeuronArray) -> dict[str, int]:
    with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
        made = implement(BOARDS[COUNTED], array, Path(folder))
    return {resource: used for resource, (used, _) in made.resources.items()}


def _by_hand(name: str, interval: int) -> NeuronArray | None:
    """The array by hand of the same neurons, if there is one."""
    if name == "hodgkin_huxley_1952":
        return HodgkinHuxleyArray(HodgkinHuxleyParams(count=NEURONS, dt=25e-6), 1, interval)
    if name == "izhikevich_2003":
        patterns: Any = (PATTERNS["tonic_spiking"],) * NEURONS
        return IzhikevichArray(IzhikevichParams(count=NEURONS, dt=0.25e-3, patterns=patterns), 1, interval)
    return None


def _resources(run: Run, names: list[str]) -> Iterator[Row]:
    for name, plain in [(name, plain) for name in names for plain in (False, True) if name in PLAIN or not plain]:
        params, how = _params(name, NEURONS, plain), ", Euler, spikes at ticks" if plain else ""
        for interval in (1, SHARED):
            run.note(f"{name}{how}: resources at interval {interval}")
            array = equation_neuron(params.text).build(params, 1, interval=interval)
            hand = _by_hand(name, interval)
            peer = {} if hand is None else _counted(hand)
            for resource, used in _counted(array).items():
                yield Row(
                    name=f"{name}{how}, {NEURONS} neurons, one lane, interval {interval}: {resource}",
                    value=used,
                    unit="",
                    peer=Peer("by hand", peer[resource]) if resource in peer else None,
                    less=True,
                )


def _routed(run: Run, design: _Design) -> Iterator[Row]:
    """A self-test on a board, and how many of its devices it computes in their real time."""
    params = _params(design.model, design.neurons)
    neuron = equation_neuron(params.text)
    array, name = neuron.build(params, design.lanes), f"{design.neurons} of {design.model}, {design.lanes} lanes"
    given = params.system.input
    current = 0.0 if given is None else float(given.start)
    drive = np.broadcast_to(params.drive_raw(np.full(params.count, current)), (1, params.count))
    found = routed(run, name, ON, array, neuron.model.bit_true(params), drive, 200, design.clock_hz)
    if found is None:
        return
    yield from rows_of(f"{name} on {ON}", found, design.clock_hz)
    ticks = ticks_per_second(found, array, design.clock_hz)
    yield Row(name=f"{name} on {ON}: its time over time", value=ticks * params.dt, unit="x", goal=1.0)
    steps = ticks * params.count
    yield Row(name=f"{name} on {ON}: neurons times ticks a second", value=steps / 1e6, unit="M/s")
    yield Row(name=f"{name} on {ON}: time of all neurons over time", value=steps * params.dt, unit="x", goal=8.0)


def measure(run: Run) -> Iterator[Row]:
    """Rates of all models, then resources of seven of them, then two arrays placed and routed.

    Parameters
    ----------
    run : Run
        A quick run measures three rates.
    """
    chosen = run.options.models.split(",") if run.options.models else [*shipped()]
    if run.quick:
        yield from _rates(run, ["fitzhugh_nagumo", "mott_nbo2", "vo2_switch"])
        return
    yield from _rates(run, chosen)
    yield from _resources(run, [name for name in SEVEN if name in chosen])
    for design in ROUTED:
        if design.model in chosen:
            yield from _routed(run, design)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", default="", help="names of models, separated by commas; all by default")


BENCHMARK = Benchmark(
    name="equations",
    title="models from equations, against SciPy and against lanes made by hand",
    quick="the rates of three models",
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
