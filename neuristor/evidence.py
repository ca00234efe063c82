"""What is known of a circuit beyond samples: ``neuristor prove``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from amaranth.back import rtlil  # type: ignore[attr-defined]
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from golden_model.neuron import room
from hdl.array import NeuronArray
from neuristor import __version__
from neuristor.design import Design, load
from neuristor.folder import check_target, write_file
from sim.proof import Claim, initial_state, prove_array, prove_lane, summary

__all__ = ["app", "claims_of"]

app = typer.Typer()
console = Console(highlight=False)
if not console.is_terminal:
    console.width = max(console.width, 132)  # a log file has no edge to wrap at


def array_of(design: Design, loadable: bool) -> NeuronArray:
    """The circuit of a design: with its numbers built in, or loaded over the link."""
    fpga = design.sections.fpga
    shared = {} if fpga.interval == 1 else {"interval": fpga.interval}
    made: NeuronArray = room("hdl", design.sections.neuron.model).Array(
        design.params, fpga.lanes, loadable=loadable, **shared
    )
    rtlil.convert(made)  # its parts are proved, one by one; Amaranth need not warn that the whole is no circuit
    return made


def claims_of(design: Design, loadable: bool, progress: Any = None) -> Iterator[Claim]:
    """All that is to be proved of a design, one claim after another."""
    array = array_of(design, loadable)
    initial = None if loadable else initial_state(design.sections.neuron.model, design.params)
    yield from prove_array(array, initial)
    yield from prove_lane(design.sections.neuron.model, design.params, array, progress=progress)


@app.command()
def prove(
    design: Annotated[
        Path, typer.Argument(metavar="DESIGN", help="The design file (TOML); its keys: `neuristor keys`.")
    ],
    loadable: Annotated[
        bool,
        typer.Option("--loadable", help="The circuit that boards have, whose parameters come over the link."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="A JSON file to write: every claim, and its result.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
) -> None:
    """Prove that the circuit is its bit-true model: for all states, inputs and parameters, at every tick.

    `verify` compares samples; this leaves no case out. A lane, from any contents of its registers, must give what
    the golden step gives; the array must take every neuron once a tick, in order, with its own state, input and
    parameters, whatever the lanes do. What is false is shown by a counterexample. Seconds for LIF, a minute or two for
    Hodgkin-Huxley. Exit status 1 if a claim is false or the solver has no answer. Example:
    `neuristor prove examples/vo2_lif_digits.toml`
    """
    if out is not None:
        check_target(out, force=force)
    loaded = load(design)
    claims: list[Claim] = []
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as shown:
        task = shown.add_task("proofs", total=None)

        def say(done: int, total: int) -> None:
            shown.update(task, description=f"lane: {done} of {total} operations; {len(claims)} claims done")

        for claim in claims_of(loaded, loadable, say):
            claims.append(claim)
            shown.update(task, description=f"{claim.subject}: {claim.text}")
        shown.update(task, description="proofs", completed=1, total=1)
    console.print(table_of(claims, loaded.name))
    for claim in claims:
        if claim.counterexample:
            console.print(
                f"\n{claim.subject}: it is false that {claim.text}. A counterexample:", style="red", markup=False
            )
            for line in claim.counterexample:
                console.print(f"  {line}", markup=False)
    if out is not None:
        write_file(out, as_json(loaded, loadable, claims), force=force)
        console.print(f"{out}", soft_wrap=True)
    if summary(claims) is not True:
        raise typer.Exit(1)


def table_of(claims: list[Claim], name: str) -> Table:
    """Claims and results, for a reader."""
    colours = {"proved": "green", "false": "red", "no answer": "yellow", "not tried": "yellow"}
    table = Table("about", "claim", "result", title=f"proofs of {name}")
    table.add_column("seconds", justify="right")
    for claim in claims:
        state = f"[{colours[claim.result]}]{claim.result}[/]"
        table.add_row(claim.subject, claim.text, state, f"{claim.seconds:.2f}")
    return table


def as_json(design: Design, loadable: bool, claims: list[Claim]) -> str:
    """Claims and results as a file: the same design gives the same bytes, so there are no times in it."""
    made = {
        "neuristor": __version__,
        "design": design.name,
        "sha256": design.digest,
        "loadable": loadable,
        "claims": [
            {"about": claim.subject, "claim": claim.text, "result": claim.result, "lines": list(claim.counterexample)}
            for claim in claims
        ],
    }
    return json.dumps(made, indent=2, sort_keys=True) + "\n"
