"""The table of the shipped models: SciPy against another integrator, the circuit against both, engines, proofs.

Run ``python -m benchmarks.tables.models --out docs/models.md``. It takes hours on two cores; ``--models`` makes only
some rows again and keeps the others.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from joblib import Parallel, delayed

from benchmarks.proofs import counted, prove
from benchmarks.tables.markdown import line
from neuristor.golden_model.equations.file import shipped, shipped_model
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.judge import Judged, exact_run, judge
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.system import System
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import verify

__all__ = ["HEAD", "NO_RATE", "described", "integrated", "main", "params_of"]

NO_RATE = {
    "diffusive_ag": "needs pulses",
    "escape_rate": "fires at random",
    "team": "a memristor",
    "vteam": "a memristor",
}
"""Models that do not fire at a rate of their own."""
ENGINES = ("compiled", "icarus", "verilator")
"""Engines of `verify` that read the Verilog."""
WIDTHS = (16, 24)
"""Bits of the words of states that are proved."""
NEURONS = 5
"""Neurons on two lanes that the engines compare."""
TICKS = 200
"""Ticks that the engines compare."""
FIRST = 10
"""Spikes of which the last is compared with the other integrator."""
FINER = 40
"""Steps of the other integrator in a tick."""
HEAD = (
    "model",
    "states",
    "tick",
    "multiplications, clocks",
    "rate by SciPy",
    "time of the 10th spike by Runge-Kutta",
    "circuit",
    "equal in every bit",
    *(f"proved, {width} bits" for width in WIDTHS),
)
"""Columns of the table."""
BEGIN = "<!-- the rows below are made by python -m benchmarks.tables.models -->"


def params_of(name: str, count: int, width: int | None = None) -> tuple[Neuron, EquationParams]:
    """A shipped model and an array of it at its own tick.

    Parameters
    ----------
    name : str
        Its name.
    count : int
        Neurons.
    width : int, optional
        Bits of the words of states; by default the model's own.
    """
    text = shipped_model(name)
    if width is not None:
        text = text.model_copy(update={"state_bits": width})
    neuron = equation_neuron(text.model_dump_json())
    made: EquationParams = neuron.model.from_circuit(None, count=count, dt=neuron.model.own_tick or 0.0)
    return neuron, made


def integrated(system: System, current: float, step: float, steps: int) -> list[float]:
    """Times of spikes by Runge's and Kutta's fourth-order rule with fixed steps; events by linear interpolation.

    Parameters
    ----------
    system : System
        The equations, without anything random.
    current : float
        Constant input, in its SI unit.
    step : float
        Length of a step, in second.
    steps : int
        Number of steps.
    """
    states, discrete = [*system.states], [*system.discrete]
    symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values())]
    known = [*symbols, system.input.symbol if system.input else sympy.Symbol("no_input", real=True)]
    exact = dict(zip(system.rates.values(), (system.derivatives[name] for name in system.rates), strict=True))
    rate = compiled(known, [system.derivatives[name] for name in states], system.values)
    guards = compiled(
        known,
        [sympy.Piecewise((sympy.sympify(e.guard).xreplace(exact), e.condition), (-1, True)) for e in system.events],
        system.values,
    )
    actions = [
        {name: compiled(known, [value], system.values) for name, value in event.assignments.items()}
        for event in system.events
    ]
    now: dict[str, float] = {}
    for name, variable in (*system.states.items(), *system.discrete.items()):
        before = [each for each in symbols if each.name in now]
        now[name] = float(compiled(before, [variable.start], system.values)(*(now[each.name] for each in before))[0])
    y, d = np.array([now[name] for name in states]), [now[name] for name in discrete]

    def slope(at: Any) -> Any:
        return np.array([float(each) for each in rate(*at, *d, current)])

    def moved(h: float) -> Any:
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def signs(at: Any) -> list[float]:
        return [float(each) for each in guards(*at, *d, current)]

    spikes, before_step = [], signs(y)
    for n in range(steps):
        left = step
        while left > 0:
            after, taken = moved(left), left
            new = signs(after)
            crossed = [k for k, (old, value) in enumerate(zip(before_step, new, strict=True)) if old <= 0 < value]
            if crossed:
                parts = {k: before_step[k] / (before_step[k] - new[k]) for k in crossed}
                first = min(crossed, key=lambda k: parts[k])
                taken = parts[first] * left
                y, event = moved(taken), system.events[first]
                if event.spike:
                    spikes.append((n + 1) * step - left + taken)
                changed = {name: float(each(*y, *d, current)[0]) for name, each in actions[first].items()}
                y = np.array([changed.get(name, y[k]) for k, name in enumerate(states)])
                d = [changed.get(name, d[k]) for k, name in enumerate(discrete)]
                # An event that has changed nothing has happened; others that the change brings about follow at once.
                before_step = [min(each, 0.0) if actions[k] else each for k, each in enumerate(signs(y))]
                if not changed:
                    before_step[first] = max(before_step[first], 1e-300)
            else:
                y, before_step = after, new
            left -= taken
    return spikes


def _rates(params: EquationParams) -> tuple[Judged, float | None]:
    """Rates of SciPy and of the circuit, and how much later a spike comes by the other integrator, if it can say."""
    given = params.system.input
    current = 0.0 if given is None else float(given.start)
    found = judge(params, current)
    if params.system.noisy:
        return found, None
    exact = exact_run(params, current, found.ticks).spikes[:FIRST]
    steps = FINER * int(np.ceil(exact[-1] * 1.02 / params.dt))
    other = integrated(params.system, current, params.dt / FINER, steps)[: len(exact)]
    return found, other[-1] / exact[-1] - 1 if len(other) == len(exact) else None


def _engines(neuron: Neuron, params: EquationParams) -> str:
    drive = np.random.default_rng(1).integers(-2000, 2000, (TICKS, params.count))
    case = Case(neuron=neuron, params=params, lanes=2, interval=4, drive_raw=drive)
    reasons = [verdict.reason for verdict in (verify(case, engine) for engine in ENGINES) if not verdict.equal]
    return f"{len(ENGINES)} engines" if not reasons else f"NOT: {reasons[0]}"


def _proof(name: str, width: int, patience: float) -> str:
    try:
        neuron, params = params_of(name, 4, width)
    except (ValueError, OverflowError) as error:
        return f"no circuit: {error}"
    found = counted(prove(neuron, params), patience)
    if found.ended and found.proved == found.tried:
        return f"{found.proved} claims, {found.seconds:.0f} s"
    if found.ended:
        return f"{found.proved} of {found.tried} claims; no answer: {'; '.join(found.others)}"
    return f"{found.proved} claims until stopped after {patience:g} s; no answer to the others"


@dataclass(frozen=True)
class _Asked:
    name: str
    patience: float
    known: tuple[str, ...]


def described(name: str) -> tuple[str, ...]:
    """What a model is before anything is measured: its states, tick and cost, as the table shows them.

    Parameters
    ----------
    name : str
        The model.
    """
    neuron, params = params_of(name, 4)
    array: Any = neuron.build(params)
    to_rtlil(array)
    pipeline = array.pipelines[0]
    states = ", ".join(params.system.states)
    return states, f"{params.dt:.3g} s", f"{pipeline.multipliers}, {pipeline.latency}"


def _row(asked: _Asked) -> list[str]:
    name = asked.name
    cells = [f"`{name}`", *described(name)]
    if name in NO_RATE:
        cells += [NO_RATE[name], "", ""]
    else:
        params = params_of(name, 1)[1]
        found, other = _rates(params)
        cells += [
            f"{found.exact:.6g} Hz",
            f"{100 * other:+.4f} %" if other is not None else "random" if params.system.noisy else "too stiff",
            f"{100 * found.error:+.3f} %",
        ]
    cells.append(_engines(*params_of(name, NEURONS)))
    proofs = [_proof(name, width, asked.patience) for width in WIDTHS] if asked.patience else list(asked.known)
    return [*cells, *proofs]


def _kept(page: str) -> Iterator[tuple[str, str]]:
    for row in page.splitlines():
        found = re.match(r"\| `(\w+)` \|", row)
        if found:
            yield found[1], row


def _proofs(row: str) -> tuple[str, ...]:
    """The last cells of a row that is kept."""
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    return tuple(cells[-len(WIDTHS) :]) if len(cells) == len(HEAD) else ("not run",) * len(WIDTHS)


def main(arguments: list[str] | None = None) -> None:
    """Make rows of the table, each written once it is complete.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line.

    Raises
    ------
    SystemExit
        If a model is not known, or the page has no table.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the page, which has the line that begins the table")
    parser.add_argument("--models", default="", help="names of models, separated by commas; all by default")
    parser.add_argument(
        "--patience",
        type=float,
        default=300.0,
        help="stop a proof after this time, in seconds; 0 keeps those of the page",
    )
    parser.add_argument("--jobs", type=int, default=1, help="models at the same time")
    options = parser.parse_args(arguments)
    names = options.models.split(",") if options.models else [*shipped()]
    unknown = sorted({*names} - {*shipped()})
    if unknown:
        raise SystemExit(f"--models: there is no model {unknown[0]}; there are {', '.join(shipped())}")
    page = options.out.read_text(encoding="utf-8")
    if BEGIN not in page:
        raise SystemExit(f"{options.out}: the line {BEGIN} is missing")
    above = page.split(BEGIN)[0]
    rows = dict(_kept(page))
    made = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(
        delayed(_row)(_Asked(name, options.patience, _proofs(rows.get(name, "")))) for name in names
    )
    for cells in made:
        rows[cells[0].strip("`")] = line(cells)
        table = [line([*HEAD]), "|---" * len(HEAD) + "|", *(rows[name] for name in shipped() if name in rows)]
        options.out.write_text(above + BEGIN + "\n\n" + "\n".join(table) + "\n", encoding="utf-8")
        print(rows[cells[0].strip("`")], file=sys.stderr, flush=True)
    print(f"{shlex.quote(str(options.out))}: {len(rows)} models", file=sys.stderr)


if __name__ == "__main__":
    main()
