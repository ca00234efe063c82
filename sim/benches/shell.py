"""Common parts of the benches: a shell around the circuit, and handing a case over to the simulator's process."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from amaranth.hdl import Module
from amaranth.lib import wiring

from neuristor.sim.engines.simulators import CocotbResult, run_cocotb

__all__ = ["Case", "Shell", "judge", "loaded"]

_VARIABLE = "NEURISTOR_CASE"


class Case(Protocol):
    """A test case: an object that can be pickled and has a circuit."""

    def verilog(self) -> str:
        """The circuit as Verilog.

        Returns
        -------
        str
            Verilog text with the top module.
        """


class Shell(wiring.Component):
    """A module that contains only another module, with the same ports.

    Verilator keeps every signal of the top module public, which makes compilation slow. In a shell those signals are
    only the ports.

    Parameters
    ----------
    inner : wiring.Component
        The circuit inside.

    Members
    -------
    Those of `inner`.
    """

    def __init__(self, inner: wiring.Component) -> None:
        self.inner = inner
        super().__init__(inner.signature)

    def elaborate(self, platform: object) -> Module:
        """The inner module, its ports connected to those of the shell."""
        m = Module()
        m.submodules.inner = self.inner
        wiring.connect(m, wiring.flipped(self), self.inner)
        return m


def judge(
    case: Case,
    simulator: str,
    top: str,
    module: str,
    log_dir: Path | None = None,
    verilog: str | None = None,
    options: Sequence[str] | None = None,
) -> CocotbResult:
    """Run the cocotb tests of a bench on a case.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : Case
        The case; the bench reads it by `loaded`.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    top : str
        Name of the top module in the Verilog.
    module : str
        Name of the Python module with the tests.
    log_dir : Path, optional
        Folder for the simulator's log; by default it is not kept.
    verilog : str, optional
        Verilog to run in place of the case's own, such as a netlist or a mutant.
    options : sequence of str, optional
        Arguments of the compiler in place of ours, as for `run_cocotb`.

    Returns
    -------
    CocotbResult
        Number of tests, failures, and messages.
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        source, saved = Path(scratch) / f"{top}.v", Path(scratch) / "case.pickle"
        source.write_text(case.verilog() if verilog is None else verilog)
        saved.write_bytes(pickle.dumps(case))
        folder = log_dir or Path(scratch)
        return run_cocotb(simulator, source, top, module, {_VARIABLE: str(saved)}, folder / simulator, options=options)


def loaded() -> Any:
    """Read the case in the simulator's process.

    Returns
    -------
    Case
        The case that `judge` was called with.
    """
    return pickle.loads(Path(os.environ[_VARIABLE]).read_bytes())
