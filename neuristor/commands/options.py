"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuristor.commands.terminal import named, wrote
from neuristor.pictures.files import check_picture_file, write_picture
from neuristor.pictures.picture import Picture

__all__ = [
    "PICTURE_FILE",
    "DesignFile",
    "Force",
    "JsonFile",
    "ModuleName",
    "NoiseBits",
    "Parts",
    "PhaseBits",
    "Plot",
    "Seed",
    "Simulator",
    "VerilogFile",
    "WeightBits",
    "check_plot",
    "write_plot",
]

OSCILLATORS = "For oscillators"
"""Heading of the options that only networks of oscillators have."""

DesignFile = Annotated[
    Path, typer.Argument(metavar="DESIGN", help="Design file (TOML); `neuristor keys` lists its keys.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the output if it exists. Inputs stay, and folders with files that Neuristor did not write.",
    ),
]
PICTURE_FILE = "a drawing (.svg, .pdf, .png), a page (.html), or its data (.csv, .parquet, .npz)"
Plot = Annotated[Path | None, typer.Option("--plot", help=f"Picture of the result to write: {PICTURE_FILE}.")]
JsonFile = Annotated[Path | None, typer.Option("--out", help="JSON file to write: the complete result.")]
VerilogFile = Annotated[
    Path, typer.Option("--out", help="Verilog file to write; a manifest (.json) is written beside it.")
]
ModuleName = Annotated[
    str | None, typer.Option("--name", help="Name of the Verilog module. Default: that of the input file.")
]
Simulator = Annotated[str, typer.Option("--simulator", help="Simulator: verilator or icarus.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of all random numbers.")]

WeightBits = Annotated[int, typer.Option("--bits", help="Bits of a weight, 1 to 8.", rich_help_panel=OSCILLATORS)]
PhaseBits = Annotated[
    int,
    typer.Option(
        "--phase-bits",
        help="Bits of a phase, 4 to 8: a period has 2^(phase bits) ticks.",
        rich_help_panel=OSCILLATORS,
    ),
]
NoiseBits = Annotated[
    int,
    typer.Option("--noise-bits", help="Bits of the annealing noise, 0 (none) to 16.", rich_help_panel=OSCILLATORS),
]
Parts = Annotated[
    int,
    typer.Option("--parts", help="Clocks for a column of weights: 1, 2, 4, 8, 16 or 32.", rich_help_panel=OSCILLATORS),
]


def check_plot(path: Path | None, *, force: bool) -> None:
    """Check the option ``--plot`` before anything is computed.

    Parameters
    ----------
    path : Path, optional
        Its value.
    force : bool
        The file may exist.
    """
    if path is not None:
        with named("--plot"):
            check_picture_file(path, force=force)


def write_plot(path: Path | None, picture: Picture, *, force: bool) -> None:
    """Write a picture, or its data, if ``--plot`` asks for it.

    Parameters
    ----------
    path : Path, optional
        The file.
    picture : Picture
        The picture.
    force : bool
        Replace a file of that name.
    """
    if path is not None:
        write_picture(path, picture, force=force)
        wrote(path)
