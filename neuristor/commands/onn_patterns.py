"""``neuristor onn recall`` and ``compare``: associative memory of pictures on a network of phase oscillators."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from neuristor.commands.options import Force, PhaseBits, Plot, Seed, WeightBits, check_plot, write_plot
from neuristor.commands.terminal import one_of, refuse, wrote
from neuristor.commands.terminal import plain_console as console
from neuristor.design_file import load
from neuristor.folder import check_target, write_file
from neuristor.golden_model.devices.onn import DeviceOnn
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.associative import (
    LETTERS,
    RULES,
    Patterns,
    diederich_opper,
    disturbed,
    letters,
    quantized,
    read_patterns,
    recall,
)
from neuristor.golden_model.networks.kuramoto import Kuramoto
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, energy, spins
from neuristor.pictures.networks import about_file, patterns_picture
from neuristor.weights_file import checked

__all__ = ["app"]

app = typer.Typer()

PICTURES = 4
"""Rows of pictures in a plot, at most."""
MOST_SPREAD = 0.4
"""Largest deviation of a frequency, relative."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

PatternsFile = Annotated[
    str,
    typer.Argument(
        metavar="PATTERNS",
        help=f"Built-in letters ({', '.join(LETTERS)}), or a text file of pictures. A picture is a line with its name, "
        "then rows of # and . ; an empty line separates pictures.",
    ),
]


def _patterns(given: str) -> Patterns:
    found: Patterns = checked(given, lambda: letters(given) if given in LETTERS else read_patterns(given))
    return found


@app.command("recall")
def recall_command(
    patterns: PatternsFile,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help=f"Learning rule: {', '.join(RULES)}; may be given several times. Default: all."),
    ] = None,
    noise: Annotated[
        list[float] | None,
        typer.Option(
            "--noise",
            help="Fraction of wrong pixels, 0 to 1; may be given several times. Default: 0.1, 0.25 and 0.5.",
        ),
    ] = None,
    tries: Annotated[int, typer.Option("--tries", help="Number of tries for each picture.")] = 100,
    bits: WeightBits = 5,
    phase_bits: PhaseBits = 4,
    seed: Seed = 0,
    plot_to: Plot = None,
    weights_to: Annotated[
        Path | None, typer.Option("--weights", help="CSV file to write: the weights of the last rule.")
    ] = None,
    force: Force = False,
) -> None:
    """Store pictures in a network, and measure how often it recalls them from pictures with wrong pixels.

    Example: `neuristor onn recall 10x10 --rule diederich_opper --noise 0.25 --plot recall.svg`
    """
    check_plot(plot_to, force=force)
    if weights_to is not None:
        check_target(weights_to, force=force)
    rules = rule or list(RULES)
    for name in rules:
        one_of("--rule", name, RULES)
    found = _patterns(patterns)
    heads = ("rule", "wrong pixels", "recalled", "right pixels", "settled", "periods")
    table = Table(*heads, title=f"{patterns}, {bits}-bit weights")
    params = None
    for name in rules:
        with console.status(escape(name)):
            learnt = checked(f"{patterns}, {name}", partial(RULES[name], found.pixels))
            weights = checked("--bits", partial(quantized, learnt, bits))
            params = checked(
                "--phase-bits", partial(OnnParams, weights=weights, weight_bits=bits, phase_bits=phase_bits)
            )
            for share in noise or (0.1, 0.25, 0.5):
                one = checked("--noise", partial(recall, params, found.pixels, share, tries, seed))
                cells = (f"{100 * value:.1f} %" for value in (share, one.correct, one.pixels, one.settled))
                table.add_row(name, *cells, f"{one.periods:.2f}")
    console.print(table)
    console.print(
        "recalled: all pixels are right, or all are wrong, because phases are relative; with half of the pixels wrong, "
        "a picture is recalled only by chance"
    )
    assert params is not None
    if weights_to is not None:
        rows = "\n".join(",".join(map(str, row)) for row in params.weights.tolist())
        write_file(weights_to, rows + "\n", force=force)
        wrote(weights_to)
    if plot_to is not None:
        begin = disturbed(found.pixels, (noise or [0.25])[0], 1, seed)[:PICTURES]
        network = OnnBitTrue(params, np.where(begin > 0, 0, params.half))
        network.run(100)
        columns = {"learnt": found.pixels[:PICTURES], "disturbed": begin, "recalled": _seen(network, begin)}
        shape = found.rows, found.columns
        write_plot(plot_to, patterns_picture(columns, shape, rules[-1], about_file(str(patterns))), force=force)


def _seen(network: OnnBitTrue, begin: Integers) -> Integers:
    """Spins with the sign that is closer to the initial ones; a state and its inverse are the same."""
    found = spins(network.phase, network.params.phase_bits)
    inverse = (found * begin).sum(axis=1, keepdims=True) < 0
    return np.asarray(np.where(inverse, -found, found))


class _End(NamedTuple):
    """Final state of one of the three models, for one picture."""

    spins: Integers
    note: str


@app.command()
def compare(
    design: Annotated[Path, typer.Argument(metavar="DESIGN", help="Design file (TOML) whose circuit oscillates.")],
    patterns: PatternsFile,
    noise: Annotated[float, typer.Option("--noise", help="Fraction of wrong pixels, 0 to 1.")] = 0.1,
    strength: Annotated[
        float,
        typer.Option("--strength", help="Largest coupling of an oscillator to all others, K1 / f0, relative."),
    ] = 0.1,
    spread: Annotated[
        float, typer.Option("--spread", help="Standard deviation of the frequencies, relative, 0 to 0.4.")
    ] = 0.0,
    jitter: Annotated[
        float, typer.Option("--jitter", help="Standard deviation of V_th from cycle to cycle, relative.")
    ] = 0.0,
    periods: Annotated[int, typer.Option("--periods", min=8, max=10_000, help="Duration in periods.")] = 100,
    bits: WeightBits = 5,
    seed: Seed = 0,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """Recall pictures with three models: the digital network, its phase equations, and your coupled devices.

    Where the devices give another result, the digital network does not predict them: coupling elements load the
    devices, and all phases between 0 and 180 degrees have an effect. At most 128 pixels.

    Example: `neuristor onn compare examples/vo2_coupled_oscillators.toml 3x3 --plot compare.svg`
    """
    check_plot(plot_to, force=force)
    circuit = load(design).circuit
    if not isinstance(circuit, Circuit):
        refuse(f"{design}: must have a threshold switch for a device")
    found = _patterns(patterns)
    weights = checked(patterns, lambda: quantized(diederich_opper(found.pixels), bits))
    weights = np.rint((weights + weights.T) / 2).astype(np.int64)  # a coupling element acts on both of its ends
    begin = checked("--noise", lambda: disturbed(found.pixels, noise, 1, seed))
    if not 0 <= spread <= MOST_SPREAD:
        refuse(f"--spread must be 0 to {MOST_SPREAD}, not {spread}")
    rng = np.random.default_rng(seed)
    detuning = None
    if spread > 0:
        detuning = np.clip(rng.normal(0, spread, weights.shape[0]), -MOST_SPREAD, MOST_SPREAD)
    params = checked("--bits", lambda: OnnParams(weights=weights, weight_bits=bits, phase_bits=8))
    # In cycles; the small random part avoids an unstable balance.
    start = np.where(begin > 0, 0.0, 0.5) + rng.uniform(-0.02, 0.02, begin.shape)
    with console.status("digital") as status:
        rows = {"digital": _digital(params, start, detuning, periods)}
        devices: DeviceOnn = checked(
            design,
            lambda: DeviceOnn(
                circuit=circuit, weights=weights, strength=strength, detuning=detuning, noise=jitter, seed=seed
            ),
        )
        model = checked(
            design,
            lambda: Kuramoto(
                weights=weights,
                strength=2 * math.pi * strength,
                detuning=detuning,
                noise=devices.phase_noise,
                seed=seed,
            ),
        )
        status.update("phase equations")
        theta = model.run(-2 * math.pi * start, periods)[-1]
        near = np.cos(theta - theta[:, :1]) >= 0
        rows["phase equations"] = [_End(s, "") for s in np.where(near, 1, -1)]
        rows["devices"] = _devices(design, devices, start, periods, found.names, status)
    console.print(_comparison(found, rows, weights))
    console.print(
        f"{len(weights)} oscillators, {periods} periods, strength {strength:g}; devices with different frequencies are "
        "not locked, and their spins mean little"
    )
    if plot_to is not None:
        columns = {"learnt": found.pixels, "disturbed": begin} | {
            key: np.array([end.spins * begin[n, 0] for n, end in enumerate(ends)]) for key, ends in rows.items()
        }
        columns = {key: pixels[:PICTURES] for key, pixels in columns.items()}
        shape = found.rows, found.columns
        write_plot(
            plot_to,
            patterns_picture(columns, shape, f"{design.stem}, strength {strength:g}", about_file(str(patterns))),
            force=force,
        )


def _digital(params: OnnParams, start: Floats, detuning: Floats | None, periods: int) -> list[_End]:
    network = OnnBitTrue(params, np.rint(start * 256).astype(int) % 256, detuning=detuning)
    for _ in range(periods * params.raw.period):
        network.step()
    return [_End(s, "") for s in spins(network.phase, 8)]


def _devices(
    design: Path, devices: DeviceOnn, start: Floats, periods: int, names: tuple[str, ...], status: Status
) -> list[_End]:
    ends = []
    for name, one in zip(names, start, strict=True):
        status.update(f"devices: {escape(name)}")
        ended = checked(design, partial(devices.run, one, periods))
        away = np.ptp(ended.frequency) / max(float(ended.frequency.mean()), 1e-30)
        ends.append(_End(ended.spins, f"{100 * away:.2f} %"))
    return ends


def _comparison(found: Patterns, rows: dict[str, list[_End]], weights: Integers) -> Table:
    table = Table(
        "picture", *rows, "frequency range of the devices", "energy: digital", "devices", title="right pixels"
    )
    for n, name in enumerate(found.names):
        wanted = found.pixels[n] * found.pixels[n, 0]
        shares = [100 * float((ends[n].spins == wanted).mean()) for ends in rows.values()]
        cells = [f"{max(share, 100 - share):.0f} %" for share in shares]
        energies = (f"{float(energy(weights, rows[key][n].spins)):g}" for key in ("digital", "devices"))
        table.add_row(name, *cells, rows["devices"][n].note, *energies)
    return table
