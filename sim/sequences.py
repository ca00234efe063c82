"""Two circuits that no sequence of inputs, from power-up on, tells apart.

Both are made of gates and registers, memories too, and run side by side. ABC looks for registers that always have the
same value, by induction over the clocks from the first (``scorr``: A. Mishchenko et al., "Scalable and
scalably-verifiable sequential synthesis", ICCAD 2008). If nothing is left of the bit that says that an output differs,
none ever does.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pyosys

from sim.netlist import run_yosys

__all__ = ["same_from_start"]

PATIENCE_S = 120
"""How long ABC may think about two circuits."""


def same_from_start(sound: str, other: str, patience: float = PATIENCE_S) -> bool:
    """Whether it is proved that two circuits give the same outputs in every clock, whatever comes in, resets included.

    What has no initial value begins as 0.

    Parameters
    ----------
    sound, other : str
        RTLIL of both; their modules ``top`` have the same ports.
    patience : float
        In seconds.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        for name, text in (("sound", sound), ("other", other)):
            (folder / f"{name}.il").write_text(text)
        passes = []
        for name in ("sound", "other"):
            passes += [
                f"read_rtlil {name}.il",
                "hierarchy -check -top top",
                "proc",
                "flatten",
                "opt_clean",
                "memory_collect",
                "memory_map",
                "opt_clean",
                f"rename top {name}",
                f"write_rtlil {name}.flat.il",
                "design -reset",
            ]
        passes += [
            "read_rtlil sound.flat.il",
            "read_rtlil other.flat.il",
            "miter -equiv -flatten sound other both",
            "hierarchy -top both",
            "techmap",
            "opt -fast",
            "dffunmap",
            "aigmap",
            "setundef -zero -init",
            "setundef -zero",
            "opt_clean",
            "write_aiger -zinit both.aig",
        ]
        run_yosys(passes, folder, "Yosys could not put two circuits side by side")
        abc = str(Path(pyosys.__file__).parent / "yosys-abc")
        command = [abc, "-c", "read_aiger both.aig; scorr; write_aiger left.aig"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=patience, check=True)
        except (subprocess.SubprocessError, FileNotFoundError):
            return False
        return _is_zero((folder / "left.aig").read_bytes())


def _is_zero(aiger: bytes) -> bool:
    """Whether all that a file in AIGER's format describes is one output that is always 0."""
    header, _, rest = aiger.partition(b"\n")
    _, _, _, latches, outputs, ands = header.split()[:6]
    return (latches, outputs, ands) == (b"0", b"1", b"0") and rest.partition(b"\n")[0] == b"0"
