"""What benches of networks share: a shell around the circuit, and a case that travels to the simulator."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, Protocol

from amaranth.hdl import Module
from amaranth.lib import wiring

from neuristor.sim.engines.simulators import CocotbResult, run_cocotb

__all__ = ["Case", "Shell", "judge", "loaded"]

_VARIABLE = "NEURISTOR_CASE"


class Case(Protocol):
    """Something that can be pickled and has a circuit."""

    def verilog(self) -> str:
        """The text of the circuit."""


class Shell(wiring.Component):
    """A module with the ports of another, which is all there is in it.

    Verilator keeps every signal of the top module, which makes it slow to compile; here, those are the ports.
    """

    def __init__(self, inner: wiring.Component) -> None:
        self.inner = inner
        super().__init__(inner.signature)

    def elaborate(self, platform: object) -> Module:
        """The inner module, its ports handed on."""
        m = Module()
        m.submodules.inner = self.inner
        wiring.connect(m, wiring.flipped(self), self.inner)
        return m


def judge(
    case: Case, simulator: str, top: str, module: str, log_dir: Path | None = None, verilog: str | None = None
) -> CocotbResult:
    """Run the tests of a bench on a case.

    Parameters
    ----------
    case : Case
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    top, module : str
        The Verilog module, and the Python module of the bench.
    log_dir : Path, optional
        Where the simulator's log stays; nowhere by default.
    verilog : str, optional
        Another circuit to judge than that of the case.

    Raises
    ------
    ToolError
        If the simulator is missing, or refuses the Verilog.
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        source, saved = Path(scratch) / f"{top}.v", Path(scratch) / "case.pickle"
        source.write_text(case.verilog() if verilog is None else verilog)
        saved.write_bytes(pickle.dumps(case))
        folder = log_dir or Path(scratch)
        return run_cocotb(simulator, source, top, module, {_VARIABLE: str(saved)}, folder / simulator)


def loaded() -> Any:
    """The case, in the simulator's process."""
    return pickle.loads(Path(os.environ[_VARIABLE]).read_bytes())
