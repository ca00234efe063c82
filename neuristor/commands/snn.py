"""``neuristor snn``: spiking networks from NIR files: word lengths, accuracy, Verilog, bitstreams."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import Progress
from rich.table import Table

from neuristor.api import verify as verify_network
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.selftest import BoardTop, SnnSelfTest
from neuristor.commands.options import Force, ModuleName, Plot, Simulator, VerilogFile, check_plot, write_plot
from neuristor.commands.terminal import checked_name, ends_with, named, one_of, refuse, say_notes, say_verdict, wrote
from neuristor.commands.terminal import plain_console as console
from neuristor.folder import (
    check_folder,
    check_target,
    output_folder,
    with_manifest,
    write_file,
    write_files,
    write_manifest,
)
from neuristor.golden_model.networks.nir_graph import read, write
from neuristor.golden_model.networks.quantization import (
    accuracy,
    answers,
    compare,
    reference_answers,
    search,
    spread_sweep,
    sweep,
)
from neuristor.golden_model.networks.snn import INPUT, SnnParams, Words, dequantized, quantized
from neuristor.golden_model.networks.synapses import Convolution
from neuristor.hdl.snn import Snn
from neuristor.network_file import NetworkFile, network_keys, open_network
from neuristor.pictures.networks import about_file, bits_picture, spread_picture
from neuristor.pictures.picture import Picture
from neuristor.tables import si
from neuristor.version import __version__

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Spiking networks of LIF neurons, from NIR files of other tools: word lengths, accuracy, Verilog, bitstreams."
    "\n\nA network file (TOML) names the NIR file, and has its time step, data, word lengths and lanes: "
    "`examples/snn_digits.toml`. Start with `neuristor snn show FILE.nir --dt 1e-4` for a file of snnTorch, "
    "with `--dt 1` for one of sinabs.",
)

NetworkArgument = Annotated[
    Path, typer.Argument(metavar="NETWORK", help="Network file (TOML); `neuristor snn keys` lists its keys.")
]


LONGEST = Words(weight_bits=16, membrane_bits=32, current_bits=40, coefficient_bits=16, level=0.01)
"""Words with which only that is refused which is refused with all words."""


def _opened(path: Path) -> NetworkFile:
    """A network file, with a print of the assumptions made."""
    file = open_network(path)
    say_notes(file.imported.notes)
    return file


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NIR file.")],
    dt: Annotated[
        float,
        typer.Option("--dt", help="Time step (tick) in second: NIR has none. snnTorch writes for 1e-4, sinabs for 1."),
    ],
) -> None:
    """Show the layers of a NIR file, their connections, the assumptions made, and what fixed point does not allow.

    Example: `neuristor snn show examples/digits.nir --dt 1e-3`
    """
    with named():
        found = read(file, dt)
    names = [layer.name for layer in found.network.layers]
    table = Table("layer", "neurons", "kind", "input from", "synapses", "delay", "weights", title=file.name)
    for layer in found.network.layers:
        neurons = layer.neurons
        kind = "IF" if neurons.tau is None else "LIF" if neurons.tau_syn is None else "CuBa-LIF"
        rule = "" if neurons.reset_rule == "to_value" else f", {neurons.reset_rule}"
        kind = kind + rule if neurons.threshold is not None else "read-out"
        for n, one in enumerate(layer.projections):
            way = one.synapses
            what = "convolution" if isinstance(way, Convolution) else "dense"
            what += f", pooled {way.pool[0]} x {way.pool[1]}" if way.pool != (1, 1) else ""
            table.add_row(
                *((layer.name, " x ".join(map(str, layer.shape)), kind) if n == 0 else ("", "", "")),
                "input" if one.source == INPUT else names[one.source],
                what,
                str(one.delay or ""),
                f"{way.values.size:,}",
            )
    console.print(table)
    say_notes(found.notes)
    try:
        quantized(found.network, LONGEST)
    except ValueError as error:
        console.print(f"not in fixed point: {error}", markup=False, soft_wrap=True)
    for key, value in found.metadata.items():
        console.print(f"metadata: {key} = {value}", markup=False)


@app.command()
def keys() -> None:
    """List every key of the network file, with its default, its unit and its range.

    Example: `neuristor snn keys`
    """
    table = Table("section", "key", "default", "meaning", title="network file")
    for section, key, default, meaning in network_keys():
        table.add_row(f"[{section}]", key, default, meaning)
    console.print(table)


def _words_table(file: NetworkFile, words: list[Words], params: SnnParams) -> Table:
    table = Table("layer", "weights", "membrane", "threshold", "sums", "clipped", title="words, in bits")
    for layer, one, own in zip(file.network.layers, words, params.layers, strict=True):
        limits = own.threshold_raw
        table.add_row(
            layer.name,
            str(one.weight_bits),
            str(own.membrane_bits),
            f"{limits.min()} to {limits.max()} steps" if own.fires else "read-out",
            str(own.sum_bits),
            f"above {one.clip:.0%} of the largest" if one.clip < 1 else "none",
        )
    return table


@app.command("compare")
def compare_command(network: NetworkArgument) -> None:
    """Compare the bit-true network with float, layer by layer: spikes, membranes, first difference, and accuracy.

    Example: `neuristor snn compare examples/snn_digits.toml`
    """
    file = _opened(network)
    with console.status("words"):
        words = file.words()
        params = file.params(words)
    console.print(_words_table(file, words, params))
    with console.status("float and bit-true"):
        inputs = file.input_words(params)
        found = compare(file.network, params, file.inputs, inputs if file.network.currents else None)
    heads = (
        "spikes, float",
        "bit-true",
        "different",
        "first in tick",
        "membrane error before",
        "clamped",
        "largest membrane",
    )
    table = Table("layer", *heads)
    for one in found:
        table.add_row(
            one.layer,
            f"{one.reference:,}",
            f"{one.bit_true:,}",
            f"{one.different:,}",
            "never" if one.first < 0 else str(one.first),
            f"{100 * one.error:.2g} %",
            f"{one.saturations:,}",
            f"{one.farthest:.3g}",
        )
    console.print(table)
    console.print(
        "membrane error: the largest one before the first different spike; both membrane columns are relative to the "
        "threshold. It is large where membranes are clamped to the range of their words"
    )
    if file.labels is not None:
        with console.status("accuracy"):
            expected = accuracy(reference_answers(file.network, file.inputs), file.labels)
            got = accuracy(answers(params, inputs), file.labels)
        console.print(f"accuracy over {len(file.labels)} runs: float {_percent(expected)}, bit-true {_percent(got)}")


def _labelled(file: NetworkFile) -> NDArray[np.int64]:
    """Labels of the runs; without them, or with input currents, the command ends."""
    if file.labels is None:
        refuse(f"{file.path}: [data] source must have labels for an accuracy")
    if file.network.currents:
        refuse(f"{file.path}: [network] currents must be false for this command")
    return file.labels


@app.command("accuracy")
def accuracy_command(
    network: NetworkArgument,
    loss: Annotated[
        float | None,
        typer.Option("--loss", help="Find the smallest words with this loss of accuracy, in percentage points."),
    ] = None,
    spread: Annotated[bool, typer.Option("--spread", help="Vary thresholds from device to device, 0 to 20 %.")] = False,
    cycle: Annotated[bool, typer.Option("--cycle", help="With --spread: vary them from cycle to cycle.")] = False,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="With --spread: number of arrays of devices.")
    ] = 5,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Measure the accuracy of the bit-true network over word lengths, or over the spread of its devices.

    Example: `neuristor snn accuracy examples/snn_digits.toml --plot bits.svg`
    """
    check_plot(plot_to, force=force)
    file = _opened(network)
    labels = _labelled(file)
    with console.status("float"):
        expected = accuracy(reference_answers(file.network, file.inputs), labels)
    console.print(f"float: {_percent(expected)} of {len(labels)}")
    picture = _over_spread(file, labels, expected, cycle, seeds) if spread else _over_bits(file, labels, expected, loss)
    write_plot(plot_to, picture, force=force)


@contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """Show the fraction done of a sweep."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)

        def say(done: float, note: str) -> None:
            progress.update(task, completed=done, description=note)

        yield say


def _over_spread(file: NetworkFile, labels: NDArray[np.int64], expected: float, cycle: bool, seeds: int) -> Picture:
    """Print and draw the accuracy over the spread of the thresholds."""
    with _progress() as say:
        words = file.words()
        points = spread_sweep(file.network, words, file.inputs, labels, cycle=cycle, seeds=seeds, progress=say)
    title = "thresholds" + (", in each cycle" if cycle else "")
    table = Table("spread", "accuracy, mean", "least", "largest", title=title)
    for one, found in points:
        table.add_row(f"{one:.0%}", *(_percent(float(v)) for v in (found.mean(), found.min(), found.max())))
    console.print(table)
    return spread_picture(points, expected, about_file(file.path.name, file.digest))


def _over_bits(file: NetworkFile, labels: NDArray[np.int64], expected: float, loss: float | None) -> Picture:
    """Print and draw the accuracy over word lengths; with a loss, search the smallest."""
    best = None
    with _progress() as say:
        if loss is None:
            tried = sweep(file.network, file.inputs, labels, progress=say)
        else:
            with named("--loss"):
                best, tried = search(file.network, file.inputs, labels, loss / 100, progress=say)
    table = Table("weights", "membranes", "accuracy", "loss", title="bits of each layer")
    for each in tried:
        bits = (", ".join(map(str, some)) for some in (each.weight_bits, each.membrane_bits))
        table.add_row(*bits, _percent(each.accuracy), f"{100 * (expected - each.accuracy):.2f}")
    console.print(table)
    if best is not None:
        console.print(
            f"smallest: weight_bits = {list(best.weight_bits)}, membrane_bits = {list(best.membrane_bits)}: "
            f"{_percent(best.accuracy)}",
            markup=False,
        )
    return bits_picture(tried, expected, about_file(file.path.name, file.digest))


def _manifest(file: NetworkFile, params: SnnParams, circuit: Snn) -> dict[str, Any]:
    return {
        "neuristor": __version__,
        "network": file.path.name,
        "sha256": file.digest,
        "inputs": params.inputs,
        "input_width": circuit.input_width,
        "layers": [
            {
                "name": layer.name,
                "neurons": layer.count,
                "lanes": plan.lanes,
                "updates": plan.updates,
                "membrane_bits": layer.membrane_bits,
                "membrane_step": layer.lsb,
                "sum_bits": layer.sum_bits,
                "weight_bits": [each.weight_bits for each in layer.connections],
                "delays": [each.delay for each in layer.connections],
            }
            for layer, plan in zip(params.layers, circuit.plans, strict=True)
        ],
    }


@app.command()
def generate(
    network: NetworkArgument,
    out: VerilogFile,
    name: ModuleName = None,
    force: Force = False,
) -> None:
    """Write the network as Verilog, and a JSON manifest beside it. The same network gives the same bytes.

    Example: `neuristor snn generate examples/snn_digits.toml --out build/snn.v`
    """
    manifest = with_manifest(out, force=force)
    file = _opened(network)
    module = checked_name(name) or file.module
    with console.status("words"):
        params = file.fitted
    circuit = file.circuit()
    text = file.export(circuit, module)
    content = _manifest(file, params, circuit) | {"module": module}
    content["verilog_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    write_files({out: text, manifest: json.dumps(content, indent=2, sort_keys=True) + "\n"}, force=force)
    wrote(out, f": module {module}, {params.weight_count:,} weights; {manifest}")


@app.command("export")
def export_command(
    network: NetworkArgument,
    out: Annotated[Path, typer.Option("--out", help="NIR file to write.")],
    rounded: Annotated[
        bool, typer.Option("--rounded", help="Write the rounded weights and thresholds of the bit-true network.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the network as a NIR file, with its time step in the metadata.

    Example: `neuristor snn export examples/snn_digits.toml --rounded --out build/digits.nir`
    """
    check_target(out, force=force)
    file = _opened(network)
    with named(network):
        made = dequantized(file.network, file.params()) if rounded else file.network
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            write(Path(scratch) / "network.nir", made)
            content = (Path(scratch) / "network.nir").read_bytes()
    write_file(out, content, force=force)
    wrote(out)


@app.command()
def verify(
    network: NetworkArgument,
    simulator: Simulator = "verilator",
    runs: Annotated[int, typer.Option("--runs", min=1, help="Largest number of runs that are compared.")] = 10,
) -> None:
    """Compare the Verilog with the bit-true model: every state bit of every neuron, at every tick.

    The circuit runs at full speed, under stalls, and after resets. Exit status 1 at the first difference.

    Example: `neuristor snn verify examples/snn_digits.toml --runs 3`
    """
    file = _opened(network)
    with console.status("words"):
        params = file.fitted
    neurons = sum(layer.count for layer in params.layers)
    with console.status(f"{simulator}: {neurons} neurons, at most {runs} runs"):
        verdict = verify_network(file, runs=runs, simulator=simulator)
    say_verdict(
        verdict,
        f"{neurons} neurons, {min(runs, file.inputs.shape[1])} runs of {len(file.inputs)} ticks, "
        "under stalls, and after resets",
    )


@app.command()
def synth(
    network: NetworkArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder to make, for the bitstream and a manifest.")],
    board: Annotated[
        str | None, typer.Option("--board", help=f"Board: {', '.join(BOARDS)}. Default: the first of the file.")
    ] = None,
    clock: Annotated[
        float | None, typer.Option("--clock", help="Clock in hertz. Default: that of the board's clock pin.")
    ] = None,
    force: Force = False,
) -> None:
    """Place and route the network as a self-test: light 0 is on if the circuit equals the model.

    Exit status 1 if the circuit is slower than the clock.

    Example: `neuristor snn synth examples/snn_digits.toml --board ulx3s-85f --out build/snn`
    """
    check_folder(out, force=force)
    file = _opened(network)
    if board is None and not file.sections.fpga.boards:
        refuse(f"{network}: [fpga] boards is empty, and --board is not given")
    name = file.sections.fpga.boards[0] if board is None else board
    one_of("--board", name, BOARDS)
    with console.status("words"):
        params = file.fitted
    circuit = file.circuit()
    content = _manifest(file, params, circuit)
    target = BOARDS[name]
    top: Any = circuit
    if not target.counted_only:
        top = BoardTop(SnnSelfTest(circuit, file.input_words(params)[:, 0]))
    with output_folder(out, force=force) as folder, console.status(name) as status:
        try:
            with named("--clock"):
                made = implement(target, top, folder, clock_hz=clock, progress=status.update)
        except DoesNotFit as error:
            refuse(f"{network}: {error}; fewer lanes or bits need less")
        content |= {
            "board": name,
            "resources": {key: list(pair) for key, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        write_manifest(folder, content)
    used = ", ".join(f"{key} {number} of {room}" for key, (number, room) in made.resources.items())
    console.print(f"{target.title}: {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        speed = f"Fmax {si(made.fmax_hz, 'Hz')} for a clock of {si(made.clock_hz, 'Hz', 6)}"
        console.print(speed, soft_wrap=True)
        wrote(out)
        ends_with(made.timing_met is not False)
