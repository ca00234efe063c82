"""Commands for models from equations: ``neuristor model list``, ``show`` and ``check``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from neuristor.commands.terminal import console, ends_with, named, refuse
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.file import model_file, shipped, shipped_model
from neuristor.golden_model.equations.judge import judge, longest_tick
from neuristor.golden_model.equations.neuron import EquationParams, system_of
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.units import counted, si
from neuristor.hdl.neurons.equations import EquationLane, equation_neuron
from neuristor.hdl.verilog import to_rtlil

__all__ = ["app"]

app = typer.Typer(help="Models from equations: what they say, what becomes of them, and what stops one.")

Named = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or a name from `neuristor model list`.")]
Tick = Annotated[str | None, typer.Option("--tick", help="Time step, such as '20 ns'; by default that of the model.")]
Current = Annotated[
    str | None, typer.Option("--input", help="Constant input with its unit, such as '1 nA'; by default the usual one.")
]


def _file(name: str) -> str:
    """The name of a model's file for messages; empty for a model of ours, which its messages name."""
    return Path(name).name if Path(name).suffix == ".toml" else ""


def _model(name: str) -> Model:
    path = Path(name)
    return model_file(path) if path.suffix == ".toml" else shipped_model(name)


def _params(model: Model, tick: str | None) -> EquationParams:
    """One neuron of a model.

    Raises
    ------
    EquationError
        If the model has no tick, and none is given.
    """
    given = tick if tick is not None else model.tick
    if given is None:
        raise EquationError(f"{model.name} has no tick: pass --tick, such as --tick '20 ns'")
    golden = equation_neuron(model.model_dump_json()).model
    made: EquationParams = golden.from_circuit(None, count=1, dt=quantity(given, "s")[0])
    return made


@app.command("list")
def listed() -> None:
    """List the models that come with Neuristor.

    Example: `neuristor model list`
    """
    table = Table("model", "what it is")
    for name in shipped():
        table.add_row(name, escape(shipped_model(name).title))
    console.print(table)


@app.command()
def show(
    name: Named,
    tick: Tick = None,
    code: Annotated[
        bool, typer.Option("--code", help="Print the golden step: the specification of the circuit.")
    ] = False,
) -> None:
    """Show the equations of a model, and what becomes of them: step, tables, words, operations and clocks.

    Example: `neuristor model show thermal_vo2 --tick '10 ns'`
    """
    with named(_file(name)):
        model = _model(name)
        params = _params(model, tick)
        quantised = params.quantised
    if code:
        console.print(params.source(), markup=False, highlight=False, soft_wrap=True)
        return
    console.print(f"{model.title or model.name}\n", soft_wrap=True)
    console.print(model.equations.strip(), markup=False, highlight=False, soft_wrap=True)
    for source in model.sources:
        console.print(f"source: {source}", markup=False, soft_wrap=True)
    console.print(_words(params))
    if quantised.tables:
        console.print(_tables(params))
    console.print(_sizes(params))


def _words(params: EquationParams) -> Table:
    table = Table(
        "word", "unit", "range", "bits", "step", "error of a tick", title=f"words, one tick {si(params.dt, 's')}"
    )
    kinds = {change.name: change.kind for change in params.step_of_time.changes}
    for name, word in params.quantised.state.items():
        low, high = (float(params.real(name, each)) for each in (word.low, word.high))
        error = params.quantised.errors.get(name)
        table.add_row(
            f"{name} ({kinds[name]})" if name in kinds else name,
            word.unit,
            f"{low:.4g} to {high:.4g}",
            str(max(word.high, ~word.low).bit_length() + (word.low < 0)),
            f"{2.0**-word.frac:.2g}",
            "" if error is None else f"{error:.2g}",
        )
    return table


def _tables(params: EquationParams) -> Table:
    table = Table("table", "function", "of", "from", "to", "entries", "error", title="tables")
    for each in params.quantised.tables:
        table.add_row(
            each.name,
            escape(each.formula if len(each.formula) < 60 else each.formula[:57] + "..."),
            each.variable.lstrip("_"),
            f"{each.low:.4g}",
            f"{each.high:.4g}",
            str(each.entries),
            f"{each.error:.2g}" + (" (coarse)" if each.coarse else ""),
        )
    return table


def _sizes(params: EquationParams) -> Table:
    graph = params.quantised.graph
    counts = Counter(graph.operations[number].name for number in graph.needed())
    table = Table("what", "value", show_header=False)
    table.add_row("multiplications", str(counts["mul"]))
    table.add_row("other operations", str(sum(counts.values()) - counts["mul"] - counts["const"]))
    for interval in (1, 4, 16):
        lane = EquationLane(params, interval=interval)
        to_rtlil(lane)  # marks it as used
        table.add_row(f"interval {interval}", f"{counted(lane.multipliers, 'multiplier')}, {1 + lane.latency} clocks")
    return table


@app.command()
def check(
    name: Named,
    tick: Tick = None,
    given: Current = None,
    target: Annotated[float, typer.Option("--target", help="Wanted error of the rate, such as 0.005.")] = 0.005,
) -> None:
    """Check a model: its formulas, its ranges, and what tick, tables and words cost.

    Exit status 1 if the rate of the circuit is further from SciPy's than the target, or a word was clamped. The mean
    rates of a random model may differ by three standard errors.

    Example: `neuristor model check my_device.toml --input '1 nA'`
    """
    if not 0 < target < 1:
        refuse(f"--target must be above 0 and below 1, not {target:g}")
    with named(_file(name)):
        model = _model(name)
        system = system_of(model)
        params = _params(model, tick)
        current = 0.0
        if system.input is not None:
            current = float(system.input.start) if given is None else quantity(given, system.input.unit)[0]
        found = judge(params, current)
    table = Table("what", "value", show_header=False)
    table.add_row("rate in continuous time", si(found.exact, "Hz", 5) if found.exact else "does not fire repeatedly")
    rates = {f"on ticks of {si(params.dt, 's')}": (found.on_ticks, found.step_error)}
    rates["in the circuit"] = found.bit_true, found.error
    cause = "the tick is too long" if found.on_ticks else "tables and words are too coarse for the ranges"
    for title, (rate, error) in rates.items():
        if found.exact or rate:
            table.add_row(title, f"{si(rate, 'Hz', 5)} ({f'{error:+.3%}' if found.exact else cause})")
    if found.chance:
        table.add_row("by chance", f"+-{found.chance:.1%}: the model is random, and these are means")
    for state, (low, high) in found.reached.items():
        variable = system.states.get(state)
        if variable is not None:
            unit = "" if variable.unit == "1" else f" {variable.unit}"
            table.add_row(
                f"{state} reaches",
                f"{low:.4g} to {high:.4g}{unit}; its range {variable.low:.4g} to {variable.high:.4g}",
            )
    table.add_row("clamped updates", f"{found.saturations} of {found.ticks}")
    for each in params.quantised.tables:
        if each.coarse:
            span = f"{each.low:.4g} to {each.high:.4g}"
            text = f"{each.formula[:60]} over {span} is off by {each.error:.2g}: narrower ranges make it finer"
            table.add_row(f"coarse {each.name}", escape(text))
    console.print(table)
    if found.exact and not system.noisy:
        with named(_file(name)):
            best, error = longest_tick(params, current, target / 2)
        console.print(f"longest tick within {target / 2:.2%}: {si(best, 's')} ({error:+.3%})")
    ends_with(not found.saturations and abs(found.error) <= max(target, 3 * found.chance))
