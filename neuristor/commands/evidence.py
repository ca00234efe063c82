"""What is known of a circuit beyond samples: ``neuristor prove``, ``mutate`` and ``upsets``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuristor.commands.terminal import console, wrote
from neuristor.design_file import Design, DesignError, load
from neuristor.folder import check_target, write_file
from neuristor.sim.faults.mutants import ArrayVectors, score
from neuristor.sim.faults.upsets import campaign
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.steps import claims_of
from neuristor.version import __version__

__all__ = ["app", "claims_of"]

app = typer.Typer()


DesignFile = Annotated[
    Path, typer.Argument(metavar="DESIGN", help="The design file (TOML); its keys: `neuristor keys`.")
]
JsonFile = Annotated[Path | None, typer.Option("--out", help="A JSON file to write, with all of it.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


@app.command()
def prove(
    design: DesignFile,
    loadable: Annotated[
        bool,
        typer.Option("--loadable", help="The circuit that boards have, whose parameters come over the link."),
    ] = False,
    out: JsonFile = None,
    force: Force = False,
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
        wrote(out)
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
    made = about(design) | {
        "loadable": loadable,
        "claims": [
            {"about": claim.subject, "claim": claim.text, "result": claim.result, "lines": list(claim.counterexample)}
            for claim in claims
        ],
    }
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


@app.command()
def mutate(
    design: DesignFile,
    count: Annotated[int, typer.Option("--mutants", min=1, max=100_000, help="How many faults, at most.")] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Of faults and vectors.")] = 1,
    least: Annotated[
        float, typer.Option("--least", min=0, max=100, help="The score, in percent, below which the exit status is 1.")
    ] = 99.0,
    out: JsonFile = None,
    force: Force = False,
) -> None:
    """Break the circuit bit by bit, and see whether the regression's vectors notice each fault.

    Faults that nothing notices are proved to change nothing, or listed: they are holes in the vectors. The score is the
    share of the others that was noticed. Exit status 1 if it is below `--least`. Example:
    `neuristor mutate examples/vo2_lif_digits.toml --mutants 300`
    """
    if out is not None:
        check_target(out, force=force)
    loaded = load(design)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as shown:
        task = shown.add_task("mutants", total=None)
        found = score(
            ArrayVectors(loaded.case, seed),
            count,
            seed=seed,
            progress=lambda what, done, total: shown.update(task, description=what, completed=done, total=total),
        )
    table = Table("module", "killed", "equivalent", "survivors", title=f"mutants of {loaded.name}")
    for name, *numbers in found.modules():
        table.add_row(name, *map(str, numbers))
    console.print(table)
    for mutant in found.survivors:
        console.print(f"survives: {mutant}", style="yellow", markup=False, soft_wrap=True)
    console.print(f"score {100 * found.value:.2f} %")
    if out is not None:
        content = about(loaded) | {
            "seed": seed,
            "score": round(found.value, 6),
            "killed": sorted(mutant.command for mutant in found.killed),
            "equivalent": sorted(mutant.command for mutant in found.equivalent),
            "survivors": sorted(mutant.command for mutant in found.survivors),
        }
        write_file(out, json.dumps(content, indent=2, sort_keys=True) + "\n", force=force)
        wrote(out)
    if 100 * found.value < least:
        raise typer.Exit(1)


@app.command()
def upsets(
    design: DesignFile,
    injections: Annotated[
        int, typer.Option("--injections", min=1, max=1_000_000, help="Flips of each kind of bit, a run each.")
    ] = 500,
    ticks: Annotated[int, typer.Option("--ticks", min=20, max=100_000, help="Of a run, at most.")] = 200,
    protection: Annotated[
        str | None,
        typer.Option("--protection", help="none, parity or secded, in place of the design's [fpga] protection."),
    ] = None,
    only: Annotated[str, typer.Option("--only", help="Kinds of bits whose names begin so.")] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of bits and times.")] = 1,
    out: JsonFile = None,
    force: Force = False,
) -> None:
    """Flip bits of registers and memories in mid-run, one a run: what soft errors do to the network.

    Of each kind of bit: how many flips changed nothing, how many spikes the others added or took, how many ticks until
    all was as without, and whether protection noticed. Exit status 1 if, with protection, a flip in the memory of
    parameters changed anything unnoticed. Example:
    `neuristor upsets examples/vo2_lif_digits.toml --protection secded --only parameter`
    """
    if out is not None:
        check_target(out, force=force)
    loaded = load(design, None if protection is None else {"fpga.protection": protection})
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    rows = []
    with Progress(*columns, console=console) as shown:
        task = shown.add_task("flips", total=injections)

        def say(kind: str, done: int, total: int) -> None:
            shown.update(task, description=kind, completed=done, total=total)

        for row in campaign(loaded.case, injections, ticks=ticks, seed=seed, only=only, progress=say):
            rows.append(row)
    if not rows:
        raise DesignError(f"--only: no kind of bit of this circuit begins with {only!r}")
    heads = ("bits", "flips", "masked", "spikes changed", "ticks to recover", "lasting", "stopped", "noticed", "silent")
    table = Table("kind of bit", title=f"soft errors in {loaded.name}, protection {loaded.sections.fpga.protection}")
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        share = [f"{100 * each / row.injections:.1f} %" for each in (row.masked, row.lasting, row.stopped)]
        median, most = row.recovery
        table.add_row(
            row.kind,
            str(row.bits),
            str(row.injections),
            share[0],
            f"{row.spikes:.1f}",
            f"{median}, at most {most}" if most else "",
            *share[1:],
            str(row.detected),
            str(row.silent),
        )
    console.print(table)
    if out is not None:
        content = about(loaded) | {"seed": seed, "ticks": ticks, "kinds": [asdict(row) for row in rows]}
        write_file(out, json.dumps(content, indent=2, sort_keys=True) + "\n", force=force)
        wrote(out)
    guarded = loaded.sections.fpga.protection != "none"
    if guarded and any(row.silent for row in rows if row.kind == "parameter memory"):
        raise typer.Exit(1)


def about(design: Design) -> dict[str, Any]:
    """What every file of evidence begins with."""
    return {"neuristor": __version__, "design": design.name, "sha256": design.digest}
