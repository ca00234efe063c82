"""``neuristor onn``: networks of phase oscillators: problems, pictures, and the circuit of a file of weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from neuristor.api import verify as verify_network
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.selftest import BoardTop, OnnSelfTest
from neuristor.commands import onn_patterns, onn_problems
from neuristor.commands.evidence import say_claims
from neuristor.commands.options import (
    Force,
    ModuleName,
    NoiseBits,
    Parts,
    PhaseBits,
    Seed,
    Simulator,
    VerilogFile,
    WeightBits,
)
from neuristor.commands.terminal import checked_name, ends_with, named, one_of, refuse, say_verdict, wrote
from neuristor.commands.terminal import plain_console as console
from neuristor.folder import check_folder, output_folder, with_manifest, write_files, write_manifest
from neuristor.hdl.onn import Onn
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.sim.proofs.onn_proof import prove_network
from neuristor.tables import si
from neuristor.version import __version__
from neuristor.weights_file import open_weights

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Networks of phase oscillators, all coupled to all: solve problems, recall pictures, build circuits."
    "\n\nStart with `neuristor onn recall 5x4` or `neuristor onn solve GRAPH`.",
)
app.add_typer(onn_problems.app)
app.add_typer(onn_patterns.app)

WeightsFile = Annotated[
    Path,
    typer.Argument(
        metavar="WEIGHTS",
        help="CSV file of integers: row i, column j is the weight with which oscillator j acts on oscillator i.",
    ),
]


@app.command()
def generate(
    weights: WeightsFile,
    out: VerilogFile,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    readable: Annotated[bool, typer.Option("--readable", help="Weights can be read back from the circuit.")] = False,
    symmetric: Annotated[bool, typer.Option("--symmetric", help="Refuse weights that are not symmetric.")] = False,
    name: ModuleName = None,
    force: Force = False,
) -> None:
    """Write the network as Verilog, and a JSON manifest beside it; weights can be changed at run time.

    Example: `neuristor onn generate weights.csv --out build/onn.v`
    """
    manifest = with_manifest(out, force=force)
    found = open_weights(
        weights,
        bits=bits,
        phase_bits=phase_bits,
        noise_bits=noise_bits,
        symmetric=symmetric,
        parts=parts,
        readable=readable,
    )
    module = checked_name(name) or found.module
    circuit = found.circuit()
    text = found.export(circuit, module)
    made = {
        "neuristor": __version__,
        "module": module,
        "weights": weights.name,
        "weights_sha256": found.digest,
        "oscillators": found.params.count,
        "weight_bits": bits,
        "phase_bits": phase_bits,
        "noise_bits": noise_bits,
        "parts": parts,
        "chunks": circuit.chunks,
        "chunk_bits": circuit.chunk_bits,
        "readable": readable,
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    write_files({out: text, manifest: json.dumps(made, indent=2, sort_keys=True) + "\n"}, force=force)
    wrote(out, f": module {module}, {found.params.count} oscillators; {manifest}")


@app.command()
def verify(
    weights: WeightsFile,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    simulator: Simulator = "verilator",
    ticks: Annotated[
        int, typer.Option("--ticks", min=1, max=100_000, help="Number of ticks, compared after each tick.")
    ] = 200,
    seed: Seed = 0,
) -> None:
    """Compare the Verilog with the bit-true model: every phase, output, reference and sum, at every tick.

    The initial phases are random; with noise bits, the noise is on in half of the ticks. Exit status 1 at the first
    difference.

    Example: `neuristor onn verify weights.csv --noise-bits 6 --ticks 500`
    """
    found = open_weights(weights, bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)
    with console.status(f"{simulator}: {found.params.count} oscillators, {ticks} ticks"):
        verdict = verify_network(found, ticks=ticks, simulator=simulator, seed=seed)
    say_verdict(verdict, f"{found.params.count} oscillators, {ticks} ticks, and after resets")


@app.command()
def prove(
    weights: WeightsFile,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    noise_bits: NoiseBits = 0,
    parts: Parts = 1,
    readable: Annotated[bool, typer.Option("--readable", help="Weights can be read back from the circuit.")] = False,
) -> None:
    """Prove that the circuit equals its bit-true model, for all weights, states, ticks and inputs.

    The proof is of networks with these word lengths and parts: of 3 oscillators (seconds), of up to 33, which are
    searched in two words (minutes), and of this size for the memories of weights. The table says what is not tried.
    Exit status 1 if a claim is false or the solver has no answer.

    Example: `neuristor onn prove weights.csv --noise-bits 6`
    """
    found = open_weights(
        weights, bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts, readable=readable
    )
    claims: list[Claim] = []
    with console.status("proofs") as status:
        for claim in prove_network(found.params, parts, readable):
            claims.append(claim)
            status.update(f"{claim.subject}: {claim.text}")
    say_claims(claims, weights.name)
    ends_with(summary(claims) is True)


@app.command()
def synth(
    weights: WeightsFile,
    out: Annotated[Path, typer.Option("--out", help="Folder to make, for the bitstream and a manifest.")],
    board: Annotated[str, typer.Option("--board", help=f"Board: {', '.join(BOARDS)}.")] = "ulx3s-85f",
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    parts: Parts = 1,
    clock: Annotated[
        float | None, typer.Option("--clock", help="Clock in hertz. Default: that of the board's clock pin.")
    ] = None,
    force: Force = False,
) -> None:
    """Place and route the network as a self-test: light 0 is on if the circuit equals the model.

    Exit status 1 if the circuit is slower than the clock.

    Example: `neuristor onn synth weights.csv --board ulx3s-85f --out build/onn`
    """
    one_of("--board", board, BOARDS)
    check_folder(out, force=force)
    found = open_weights(weights, bits=bits, phase_bits=phase_bits, parts=parts)
    params = found.params
    phases = np.random.default_rng(0).integers(0, params.raw.period, params.count)
    target = BOARDS[board]
    design: Any = Onn(params, parts)
    if not target.counted_only:
        design = BoardTop(OnnSelfTest(design, phases, 20 * params.raw.period))
    with output_folder(out, force=force) as folder, console.status(f"{board}: {params.count} oscillators") as status:
        try:
            with named("--clock"):
                made = implement(target, design, folder, clock_hz=clock, progress=status.update)
        except DoesNotFit as error:
            more = "more --parts, fewer --bits or fewer oscillators need less"
            refuse(f"{weights}: {params.count} oscillators are too many: {error}; {more}")
        manifest = {
            "weights_sha256": found.digest,
            "oscillators": params.count,
            "board": board,
            "resources": {name: list(pair) for name, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        write_manifest(folder, manifest)
    used = ", ".join(f"{name} {number} of {room}" for name, (number, room) in made.resources.items())
    console.print(f"{target.title}: {params.count} oscillators; {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        speed = f"Fmax {si(made.fmax_hz, 'Hz')} for a clock of {si(made.clock_hz, 'Hz', 6)}"
        console.print(speed, soft_wrap=True)
        wrote(out)
        ends_with(made.timing_met is not False)
