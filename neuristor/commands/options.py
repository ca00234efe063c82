"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
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
Plot = Annotated[Path | None, typer.Option("--plot", help="SVG file to write: a picture of the result.")]
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
