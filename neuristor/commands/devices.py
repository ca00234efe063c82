"""Commands for devices: ``neuristor devices`` and ``neuristor fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from neuristor import api
from neuristor.commands.options import Force, Plot, check_plot, write_plot
from neuristor.commands.terminal import console, named, plain_console, refuse, wrote
from neuristor.fit import Options
from neuristor.fit import fit as fit_files
from neuristor.folder import plain
from neuristor.golden_model.devices.catalogue import preset
from neuristor.pictures.devices import device_picture
from neuristor.show import describe
from neuristor.starting import read_number

__all__ = ["app"]

app = typer.Typer()


@app.command()
def devices(
    name: Annotated[
        str | None, typer.Argument(help="Show this device: its numbers, operating window and energy.")
    ] = None,
    plot_to: Plot = None,
    force: Force = False,
) -> None:
    """List the catalogue of published devices, or show one with the source of each number.

    Example: `neuristor devices vo2-onn --plot vo2.svg`
    """
    if name is None:
        if plot_to is not None:
            refuse("--plot needs the name of a device")
        console.print(api.devices().rich())
        return
    check_plot(plot_to, force=force)
    with named():
        entry, rows, picture = preset(name), describe(name), None if plot_to is None else device_picture(name)
    console.print(f"{entry.title}\n{entry.paper}", soft_wrap=True)
    table = Table("what", "value", show_header=False)
    for label, text in rows:
        table.add_row(label, escape(text))
    console.print(table)
    if picture is not None:
        write_plot(plot_to, picture, force=force)


@app.command()
def fit(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Measurements, or a folder of them: I-V sweeps, transients and resistance over temperature, as CSV "
            "or xlsx of a parameter analyser, a source meter or an oscilloscope. Several files with I-V sweeps are "
            "several devices.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Design file to write.")],
    supply: Annotated[
        str | None, typer.Option("--supply", help="Supply voltage of the circuit, in volt, such as 2.5.")
    ] = None,
    series_resistance: Annotated[
        str | None, typer.Option("--series-resistance", help="Series resistance, in ohm, such as 20k or 20e3.")
    ] = None,
    capacitance: Annotated[
        str | None, typer.Option("--capacitance", help="Capacitance, in farad, such as 100p or 100e-12.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Neuron model: one made of a single device in a circuit. Default: lif if the circuit is silent "
            "without input, relaxation_oscillator if it oscillates.",
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", help="Number of neurons, 1 to 65536.")] = 64,
    plot_to: Plot = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="What a file holds, if it is taken for another: iv, transient, rt."),
    ] = None,
    voltage: Annotated[
        list[str] | None, typer.Option("--voltage", help="Column of the voltage: its name, or its number from 1.")
    ] = None,
    current: Annotated[list[str] | None, typer.Option("--current", help="Column of the current.")] = None,
    time: Annotated[list[str] | None, typer.Option("--time", help="Column of the time.")] = None,
    each: Annotated[
        bool,
        typer.Option(
            "--each", help="One neuron for each measured device, with its own thresholds, in a file beside --out."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Fit a device to measured curves, and write a design file with the uncertainty of each number.

    An I-V curve gives V_th, V_hold, the resistances and their spread from cycle to cycle; it has no time scale. A
    transient also gives the capacitance and the series resistance. One line for each file says what was taken for
    what. --kind, --voltage, --current and --time choose where that is wrong; FILE:TEXT is for one file only. The last
    line says whether the fit is good.

    Example: `neuristor fit iv.csv --supply 2.5 --series-resistance 20e3 --capacitance 100e-12 --out device.toml`
    """
    with named("", OSError):
        found = fit_files(
            data,
            out=out,
            supply=_given("--supply", "V", supply),
            series_resistance=_given("--series-resistance", "ohm", series_resistance),
            capacitance=_given("--capacitance", "F", capacitance),
            count=count,
            model=model,
            plot=plot_to,
            force=force,
            options=Options(kind or (), voltage or (), current or (), time or ()),
            each=each,
        )
    for line in found.readings:
        plain_console.print(plain(line), soft_wrap=True)
    table = Table("what", "value", "from")
    for row in found.rows:
        table.add_row(*map(escape, row))
    console.print(table)
    plain_console.print(plain(found.verdict), style=None if found.good else "yellow", soft_wrap=True)
    wrote(out)


def _given(option: str, unit: str, text: str | None) -> float | None:
    return None if text is None else read_number(option, unit, text)
