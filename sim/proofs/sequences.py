"""Two circuits that no sequence of inputs, from power-up on, tells apart.

Both are made of gates and registers, memories too, and run side by side. ABC looks for registers that always have the
same value, by induction over the clocks from the first (``scorr``: A. Mishchenko et al., "Scalable and
scalably-verifiable sequential synthesis", ICCAD 2008). If nothing is left of the bit that says that an output differs,
none ever does.

What holds only because of many registers together, ABC does not guess. A `Watch` says it: it is proved with the rest,
and the rest with its help.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyosys
from amaranth.hdl import Const, Module, Signal, Value

from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import run_yosys

__all__ = ["Watch", "same_from_start"]

PATIENCE_S = 120
"""How long ABC may think about two circuits."""


class Watch:
    """What always holds in the sound circuit.

    Attributes
    ----------
    broken : Value
        1 where it does not hold: made of what `see` gave.
    """

    def __init__(self) -> None:
        self.broken: Value = Const(0)
        self._wires: list[tuple[Signal, str]] = []

    def see(self, wire: str, bits: int = 1) -> Signal:
        """The value of a wire of the circuit, by its name once the circuit is flat."""
        seen = Signal(bits, name=f"seen_{len(self._wires)}")
        self._wires.append((seen, wire))
        return seen

    def module(self, name: str) -> str:
        """RTLIL of it as a module, whose output is `broken`."""
        m = Module()
        broken = Signal()
        m.d.comb += broken.eq(self.broken)
        return to_rtlil(m, name, [broken, *(seen for seen, _ in self._wires)])

    def cell(self, name: str, broken: str) -> list[str]:
        """Lines of RTLIL that put it into the flat circuit, its output on a wire."""
        lines = [f"  cell \\{name} \\{name}", f"    connect \\broken \\{broken}"]
        return [*lines, *(f"    connect \\{seen.name} \\{wire}" for seen, wire in self._wires), "  end"]


def same_from_start(sound: str, other: str, patience: float = PATIENCE_S, watches: Sequence[Watch] = ()) -> bool:
    """Whether it is proved that two circuits give the same outputs in every clock, whatever comes in, resets included.

    What has no initial value begins as 0.

    Parameters
    ----------
    sound, other : str
        RTLIL of both; their modules ``top`` have the same ports.
    patience : float
        In seconds.
    watches : sequence of Watch
        What must be proved, too, of the sound circuit.

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
        run_yosys(passes, folder, "Yosys could not flatten two circuits")
        for number, watch in enumerate(watches):
            (folder / f"watch_{number}.il").write_text(watch.module(f"watch_{number}"))
        for name in ("sound", "other"):
            flat = folder / f"{name}.flat.il"
            flat.write_text(_watched(flat.read_text(), watches if name == "sound" else (), len(watches)))
        passes = [
            "read_rtlil sound.flat.il",
            "read_rtlil other.flat.il",
            *(f"read_rtlil watch_{number}.il" for number in range(len(watches))),
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


def _watched(text: str, watches: Sequence[Watch], outputs: int) -> str:
    """A flat circuit, with an output for each watch that is 1 where it is broken, or never."""
    lines = [f"  wire output {900 + number} \\broken_{number}" for number in range(outputs)]
    for number, watch in enumerate(watches):
        lines += watch.cell(f"watch_{number}", f"broken_{number}")
    lines += [f"  connect \\broken_{number} 1'0" for number in range(len(watches), outputs)]
    head, end, rest = text.rpartition("\nend\n")
    return head + "\n" + "\n".join(lines) + end + rest


def _is_zero(aiger: bytes) -> bool:
    """Whether all that a file in AIGER's format describes is one output that is always 0."""
    header, _, rest = aiger.partition(b"\n")
    _, _, _, latches, outputs, ands = header.split()[:6]
    return (latches, outputs, ands) == (b"0", b"1", b"0") and rest.partition(b"\n")[0] == b"0"
