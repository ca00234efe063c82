"""Yosys, run in a separate process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from neuristor.sim.engines.simulators import run_tool

__all__ = ["run_yosys"]

SCRIPT = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.stdin.read().splitlines():
    ys.run_pass(command, design)
"""


def run_yosys(commands: Sequence[str], folder: Path, problem: str) -> str:
    """Run Yosys commands in a separate process, because an error in Yosys ends the process.

    A ``ToolError`` is raised if a command fails; its message is `problem` and the last lines that Yosys printed.

    Parameters
    ----------
    commands : sequence of str
        The commands.
    folder : Path
        Working directory.
    problem : str
        Error message if a command fails.

    Returns
    -------
    str
        The output of Yosys.
    """
    return run_tool([sys.executable, "-c", SCRIPT], folder, problem, "\n".join(commands))
