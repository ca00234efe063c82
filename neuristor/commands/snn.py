"""``neuristor snn``: spiking networks from NIR files, in words, as circuits, on boards."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import numpy as np
import typer
from matplotlib.figure import Figure
from rich.progress import Progress
from rich.table import Table

from neuristor.api import verify as verify_network
from neuristor.boards import BOARDS
from neuristor.boards.flow import DoesNotFit, implement
from neuristor.boards.selftest import BoardTop, SnnSelfTest
from neuristor.commands.terminal import plain_console as console
from neuristor.commands.terminal import say_verdict, wrote
from neuristor.design_file import DesignError
from neuristor.folder import check_target, output_folder, with_manifest, write_file
from neuristor.golden_model.networks.nir_graph import read, write
from neuristor.golden_model.networks.quantization import (
    Point,
    accuracy,
    answers,
    compare,
    reference_answers,
    search,
    spread_sweep,
    sweep,
)
from neuristor.golden_model.networks.snn import INPUT, SnnParams, Words, dequantized
from neuristor.golden_model.networks.synapses import Convolution
from neuristor.hdl.snn import Snn
from neuristor.network_file import NetworkFile, network_keys, open_network
from neuristor.report import STYLE
from neuristor.version import __version__

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Spiking networks of LIF neurons, from NIR files of other tools: words, accuracy, Verilog, bitstreams."
    "\n\nA network file (TOML) names the NIR file, its time step, data, words and lanes: `examples/snn_digits.toml`. "
    "Start with `neuristor snn show FILE.nir --dt 1e-3`.",
)

NetworkArgument = Annotated[Path, typer.Argument(metavar="NETWORK", help="A network file (TOML).")]
Plot = Annotated[Path | None, typer.Option("--plot", help="An SVG file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]
Simulator = Annotated[str, typer.Option("--simulator", help="verilator or icarus.")]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A NIR file.")],
    dt: Annotated[float, typer.Option("--dt", help="One tick in second: NIR has no time step.")],
) -> None:
    """Say what a NIR file holds: its layers, what they hear, and what had to be assumed."""
    try:
        found = read(file, dt)
    except ValueError as error:
        raise DesignError(str(error)) from None
    names = [layer.name for layer in found.network.layers]
    table = Table("layer", "neurons", "kind", "hears", "synapses", "delay", "weights", title=file.name)
    for layer in found.network.layers:
        neurons = layer.neurons
        kind = "IF" if neurons.tau is None else "LIF" if neurons.tau_syn is None else "CuBa-LIF"
        kind = kind if neurons.threshold is not None else "read-out"
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
    for note in found.notes:
        console.print(f"assumed: {note}")
    for key, value in found.metadata.items():
        console.print(f"the file says: {key} = {value}", markup=False)


@app.command()
def keys() -> None:
    """List every key of the network file, with its range."""
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
    """What fixed point changes, layer by layer: spikes, membranes, the first difference, and the accuracy."""
    file = open_network(network)
    with console.status("words"):
        words = file.words()
        params = file.params(words)
    console.print(_words_table(file, words, params))
    with console.status("float and bit-true"):
        heard = file.input_words(params)
        found = compare(file.network, params, file.inputs, heard if file.network.currents else None)
    table = Table(
        "layer", "spikes, float", "bit-true", "that differ", "first in tick", "membrane before", "clamped", "went to"
    )
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
        "membranes in parts of the threshold: largest difference where no spike had differed; how far they went"
    )
    if file.labels is not None:
        with console.status("accuracy"):
            expected = accuracy(reference_answers(file.network, file.inputs), file.labels)
            got = accuracy(answers(params, heard), file.labels)
        console.print(f"accuracy over {len(file.labels)} runs: float {_percent(expected)}, bit-true {_percent(got)}")


def _labelled(file: NetworkFile) -> Any:
    if file.labels is None:
        raise DesignError(f"{file.path}: [data] source must have labels for an accuracy")
    if file.network.currents:
        raise DesignError(f"{file.path}: [network] currents must be false for this command")
    return file.labels


@app.command("accuracy")
def accuracy_command(
    network: NetworkArgument,
    loss: Annotated[
        float | None, typer.Option("--loss", help="Find the smallest words that lose at most so many points.")
    ] = None,
    spread: Annotated[bool, typer.Option("--spread", help="Vary thresholds from device to device, 0 to 20 %.")] = False,
    cycle: Annotated[bool, typer.Option("--cycle", help="With --spread: from cycle to cycle.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, help="With --spread: arrays of devices.")] = 5,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Accuracy of the bit-true network against bits, or against the spread of its devices.

    Example: `neuristor snn accuracy examples/snn_digits.toml --plot bits.svg`
    """
    if plot_to is not None:
        check_target(plot_to, force=force, ending=".svg")
    file = open_network(network)
    labels = _labelled(file)
    with console.status("float"):
        expected = accuracy(reference_answers(file.network, file.inputs), labels)
    console.print(f"float: {_percent(expected)} of {len(labels)}")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)

        def tell(done: float, note: str) -> None:
            progress.update(task, completed=done, description=note)

        if spread:
            words = file.words()
            points = spread_sweep(file.network, words, file.inputs, labels, cycle=cycle, seeds=seeds, progress=tell)
        elif loss is not None:
            try:
                best, tried = search(file.network, file.inputs, labels, loss / 100, progress=tell)
            except ValueError as error:
                raise DesignError(f"--loss: {error}") from None
        else:
            tried = sweep(file.network, file.inputs, labels, progress=tell)
    if spread:
        table = Table(
            "spread", "accuracy, mean", "least", "largest", title="thresholds" + (", each cycle" if cycle else "")
        )
        for one, found in points:
            table.add_row(f"{one:.0%}", *(_percent(float(v)) for v in (found.mean(), found.min(), found.max())))
        console.print(table)
        figure = _spread_plot(points, expected)
    else:
        table = Table("weights", "membranes", "accuracy", "loss", title="bits of each layer")
        for each in tried:
            bits = (", ".join(map(str, some)) for some in (each.weight_bits, each.membrane_bits))
            table.add_row(*bits, _percent(each.accuracy), f"{100 * (expected - each.accuracy):.2f}")
        console.print(table)
        if loss is not None:
            console.print(
                f"smallest: weight_bits = {list(best.weight_bits)}, membrane_bits = {list(best.membrane_bits)}: "
                f"{_percent(best.accuracy)}",
                markup=False,
            )
        figure = _bits_plot(tried, expected)
    if plot_to is not None:
        write_file(plot_to, _svg(figure), force=force)
        wrote(plot_to)


def _spread_plot(points: list[tuple[float, Any]], expected: float) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5, 3), layout="constrained")
        panel = figure.subplots()
        x = [100 * spread for spread, _ in points]
        mean = [100 * found.mean() for _, found in points]
        panel.fill_between(x, [100 * f.min() for _, f in points], [100 * f.max() for _, f in points], alpha=0.3)
        panel.plot(x, mean, ".-", label="bit-true, mean of all seeds")
        panel.axhline(100 * expected, linestyle="--", color="gray", label="float, without spread")
        panel.set(xlabel="spread of the threshold (%)", ylabel="accuracy (%)")
        panel.legend(fontsize=7)
    return figure


def _bits_plot(tried: list[Point], expected: float) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5, 3), layout="constrained")
        panel = figure.subplots()
        for room in dict.fromkeys(point.membrane_bits for point in tried):
            some = [point for point in tried if point.membrane_bits == room]
            x = [float(np.mean(point.weight_bits)) for point in some]
            panel.plot(
                x, [100 * point.accuracy for point in some], ".-", label=f"membranes {', '.join(map(str, room))}"
            )
        panel.axhline(100 * expected, linestyle="--", color="gray", label="float")
        panel.set(xlabel="bits of a weight", ylabel="accuracy (%)")
        if len(panel.lines) < 9:
            panel.legend(fontsize=7)
    return figure


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


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
    out: Annotated[Path, typer.Option("--out", help="The Verilog file to write; a manifest stands beside it.")],
    force: Force = False,
) -> None:
    """Write the network as Verilog, and a JSON manifest beside it."""
    manifest = with_manifest(out, force=force)
    file = open_network(network)
    with console.status("words"):
        params = file.fitted
    circuit = file.circuit()
    text = file.export(circuit)
    content = _manifest(file, params, circuit)
    content["verilog_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    write_file(out, text, force=force)
    write_file(manifest, json.dumps(content, indent=2, sort_keys=True) + "\n", force=force)
    console.print(f"{out}: module snn, {params.weight_count:,} weights; {manifest}", soft_wrap=True)


@app.command("export")
def export_command(
    network: NetworkArgument,
    out: Annotated[Path, typer.Option("--out", help="The NIR file to write.")],
    rounded: Annotated[bool, typer.Option("--rounded", help="With the weights of the fixed-point network.")] = False,
    force: Force = False,
) -> None:
    """Write the network as a NIR file, its time step in the metadata."""
    check_target(out, force=force)
    file = open_network(network)
    try:
        made = dequantized(file.network, file.params()) if rounded else file.network
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            write(Path(scratch) / "network.nir", made)
            content = (Path(scratch) / "network.nir").read_bytes()
    except ValueError as error:
        raise DesignError(f"{network}: {error}") from None
    write_file(out, content, force=force)
    wrote(out)


@app.command()
def verify(
    network: NetworkArgument,
    simulator: Simulator = "verilator",
    runs: Annotated[int, typer.Option("--runs", min=1, help="Runs that are compared.")] = 10,
) -> None:
    """Compare the network's Verilog with the bit-true model: every state bit of every neuron, at every tick.

    At full speed, under stalls, and after resets. Exit status 1 at the first difference.
    """
    file = open_network(network)
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
    out: Annotated[Path, typer.Option("--out", help="The folder to make, for the bitstream.")],
    board: Annotated[str | None, typer.Option("--board", help="Of the file's boards, the first by default.")] = None,
    clock: Annotated[float | None, typer.Option("--clock", help="In hertz; the board's own by default.")] = None,
    force: Force = False,
) -> None:
    """Place and route the network as a bitstream that checks itself: light 0 says that it equals the model."""
    check_target(out, force=force)
    file = open_network(network)
    if board is None and not file.sections.fpga.boards:
        raise DesignError(f"{network}: [fpga] boards names none, and --board is not given")
    name = file.sections.fpga.boards[0] if board is None else board
    if name not in BOARDS:
        raise DesignError(f"--board must be among {', '.join(BOARDS)}, not {name!r}")
    with console.status("words"):
        params = file.fitted
    circuit = file.circuit()
    content = _manifest(file, params, circuit)
    target, design = BOARDS[name], circuit
    made_of: Any = design
    if not target.counted_only:
        made_of = BoardTop(SnnSelfTest(circuit, file.input_words(params)[:, 0]))
    with output_folder(out, force=force) as folder, console.status(name) as status:
        try:
            made = implement(target, made_of, folder, clock_hz=clock, progress=status.update)
        except DoesNotFit as error:
            raise DesignError(f"{network}: {error}; fewer lanes or bits need less") from None
        except ValueError as error:
            raise DesignError(f"--clock: {error}") from None
        content |= {
            "board": name,
            "resources": {key: list(pair) for key, pair in made.resources.items()},
            "clock_hz": made.clock_hz,
            "fmax_hz": made.fmax_hz,
            "versions": dict(made.versions),
        }
        (folder / "manifest.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    used = ", ".join(f"{key} {number} of {room}" for key, (number, room) in made.resources.items())
    console.print(f"{target.title}: {used}", soft_wrap=True)
    if made.fmax_hz is not None and made.clock_hz is not None:
        console.print(f"Fmax {made.fmax_hz / 1e6:.1f} MHz for {made.clock_hz / 1e6:g} MHz; {out}", soft_wrap=True)
        if made.timing_met is False:
            raise typer.Exit(1)
