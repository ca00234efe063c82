"""Commands for evidence beyond simulation: ``neuristor prove``, ``mutate`` and ``upsets``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuristor.commands.options import DesignFile, Force, JsonFile, Seed
from neuristor.commands.terminal import console, ends_with, refuse, wrote
from neuristor.design_file import Design, load
from neuristor.folder import check_target, write_file
from neuristor.sim.faults.mutants import ArrayVectors, score
from neuristor.sim.faults.upsets import Upsets, campaign
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.steps import claims_of
from neuristor.version import __version__

__all__ = ["app", "claims_of", "say_claims"]

app = typer.Typer()


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


@app.command()
def prove(
    design: DesignFile,
    loadable: Annotated[
        bool,
        typer.Option("--loadable", help="Prove the circuit of boards, whose parameters are loaded over the link."),
    ] = False,
    out: JsonFile = None,
    force: Force = False,
) -> None:
    """Prove that the circuit equals its bit-true model, for all states, inputs and parameters, at every tick.

    `verify` compares samples; `prove` covers all cases. Lane: from any contents of its registers, it computes what the
    bit-true step computes. Array: it updates every neuron once per tick, in order, with its own state, input and
    parameters, for any behaviour of the lanes; it counts clamped updates once; and it makes progress in every clock in
    which no output waits. A false claim is shown with a counterexample. The proof takes seconds
    for LIF, and one or two minutes for Hodgkin-Huxley. Exit status 1 if a claim is false or the solver has no answer.

    Example: `neuristor prove examples/vo2_lif_digits.toml`
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
    say_claims(claims, loaded.name)
    for line in in_words(claims):
        console.print(line, markup=False)
    if out is not None:
        write_file(out, as_json(loaded, loadable, claims), force=force)
        wrote(out)
    ends_with(summary(claims) is True)


def say_claims(claims: list[Claim], name: str) -> None:
    """Print claims and results as a table, then the counterexamples of false claims.

    Parameters
    ----------
    claims : list of Claim
        The claims.
    name : str
        Name of the circuit.
    """
    console.print(table_of(claims, name))
    for claim in claims:
        if claim.counterexample:
            console.print(
                f"\n{claim.subject}: it is false that {claim.text}. A counterexample:", style="red", markup=False
            )
            for line in claim.counterexample:
                console.print(f"  {line}", markup=False)


def in_words(claims: Sequence[Claim]) -> list[str]:
    """Say in plain words what is proved, what is not, and what has to be trusted.

    Parameters
    ----------
    claims : sequence of Claim
        The claims.

    Returns
    -------
    list of str
        Lines of text.
    """
    texts = {result: [claim.text for claim in claims if claim.result == result] for result in RESULTS}
    proved, failed = len(texts["proved"]), [*texts["false"], *texts["no answer"]]
    if failed:
        lines = [f"Not proved: {len(failed)} of {len(failed) + proved} claims. The circuit may differ from its model."]
    else:
        but = ", apart from what was not tried" if texts["not tried"] else ""
        lines = [
            f"Proved: all {proved} claims{but}. From configuration and from any reset on, whatever the input and the "
            "stalls, the circuit gives what the bit-true model gives, in every state bit, at every tick; its counters "
            "and flags are right in every clock, and it never deadlocks."
        ]
    lines += [f"Not tried: {text}." for text in texts["not tried"]]
    return [
        *lines,
        "Trusted: that Yosys reads the circuit as synthesis does, the solver Bitwuzla, and the translation between "
        "them. Not part of it: how far the model is from the device (`neuristor accuracy`), and place and route.",
    ]


RESULTS = {"proved": "green", "false": "red", "no answer": "yellow", "not tried": "yellow"}
"""The results of a claim, and their colours."""


def table_of(claims: list[Claim], name: str) -> Table:
    """Make a table of claims and results.

    Parameters
    ----------
    claims : list of Claim
        The claims.
    name : str
        Name of the circuit.
    """
    table = Table("part", "claim", "result", title=f"proofs of {name}")
    table.add_column("seconds", justify="right")
    for claim in claims:
        state = f"[{RESULTS[claim.result]}]{claim.result}[/]"
        table.add_row(claim.subject, claim.text, state, f"{claim.seconds:.2f}")
    return table


def as_json(design: Design, loadable: bool, claims: list[Claim]) -> str:
    """Write claims and results as JSON, without times: the same design gives the same bytes.

    Parameters
    ----------
    design : Design
        The design.
    loadable : bool
        Whether the circuit is the one whose parameters are loaded at run time.
    claims : list of Claim
        The claims.

    Returns
    -------
    str
        JSON.
    """
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
    count: Annotated[int, typer.Option("--mutants", min=1, max=100_000, help="Largest number of faults.")] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of faults and test vectors.")] = 1,
    least: Annotated[
        float, typer.Option("--least", min=0, max=100, help="Exit status 1 if the score is below this, in percent.")
    ] = 99.0,
    out: JsonFile = None,
    force: Force = False,
) -> None:
    """Put faults into the circuit, one at a time, and check that the test vectors of the regression detect each.

    A fault that is not detected is either proved to be equivalent, or listed as a survivor: the vectors lack a case.
    The score is the fraction of the faults that are not equivalent that was detected. Exit status 1 if it is below
    `--least`.

    Example: `neuristor mutate examples/vo2_lif_digits.toml --mutants 300`
    """
    if out is not None:
        check_target(out, force=force)
    loaded = load(design)
    with _progress() as shown:
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
    ends_with(100 * found.value >= least)


@app.command()
def upsets(
    design: DesignFile,
    injections: Annotated[
        int, typer.Option("--injections", min=1, max=1_000_000, help="Flips of each kind of bit, one in each run.")
    ] = 500,
    ticks: Annotated[int, typer.Option("--ticks", min=20, max=100_000, help="Largest number of ticks of a run.")] = 200,
    protection: Annotated[
        str | None,
        typer.Option("--protection", help="none, parity or secded; replaces [fpga] protection of the design."),
    ] = None,
    only: Annotated[str, typer.Option("--only", help="Only kinds of bits whose names begin with this.")] = "",
    seed: Seed = 1,
    out: JsonFile = None,
    force: Force = False,
) -> None:
    """Flip bits of registers and memories during a run, one in each run: the effect of soft errors.

    For each kind of bit: the fraction of flips without effect (masked), the spikes changed by the others, the ticks
    until the state is again as without the flip, and whether the protection detected them. Exit status 1 if, with
    protection, a flip in the memory of parameters changed anything without being detected (silent).

    Example: `neuristor upsets examples/vo2_lif_digits.toml --protection secded --only parameter`
    """
    if out is not None:
        check_target(out, force=force)
    loaded = load(design, None if protection is None else {"fpga.protection": protection})
    rows = []
    with _progress() as shown:
        task = shown.add_task("flips", total=injections)

        def say(kind: str, done: int, total: int) -> None:
            shown.update(task, description=kind, completed=done, total=total)

        for row in campaign(loaded.case, injections, ticks=ticks, seed=seed, only=only, progress=say):
            rows.append(row)
    if not rows:
        refuse(f"--only: no kind of bit of this circuit begins with {only!r}")
    console.print(_upset_table(rows, f"soft errors in {loaded.name}, protection {loaded.sections.fpga.protection}"))
    if out is not None:
        content = about(loaded) | {"seed": seed, "ticks": ticks, "kinds": [asdict(row) for row in rows]}
        write_file(out, json.dumps(content, indent=2, sort_keys=True) + "\n", force=force)
        wrote(out)
    guarded = loaded.sections.fpga.protection != "none"
    ends_with(not (guarded and any(row.silent for row in rows if row.kind == "parameter memory")))


def _upset_table(rows: Sequence[Upsets], title: str) -> Table:
    heads = (
        "bits",
        "flips",
        "masked",
        "spikes changed",
        "ticks to recover",
        "lasting",
        "stopped",
        "detected",
        "silent",
    )
    table = Table("kind of bit", title=title)
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
    return table


def about(design: Design) -> dict[str, Any]:
    """Identify a design in a file of evidence: version, name, hash.

    Parameters
    ----------
    design : Design
        The design.
    """
    return {"neuristor": __version__, "design": design.name, "sha256": design.digest}
