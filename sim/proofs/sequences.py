"""Sequential equivalence: two circuits have equal outputs for every sequence of inputs from power-up on.

Both circuits, memories included, are converted into gates and flip-flops and run in parallel. ABC proves by induction
over the clocks which signals are always equal (``scorr``: A. Mishchenko et al., "Scalable and scalably-verifiable
sequential synthesis", ICCAD 2008). If the bit that signals a difference of outputs is reduced to 0, they never differ.

Some invariants span several registers, and ABC does not find them. A `Watch` states such an invariant; it is proved
together with the equivalence, and helps to prove it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from amaranth.hdl import Const, Module, Signal, Value

from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.engines.simulators import yosys_folder
from neuristor.sim.netlists.yosys import run_yosys

__all__ = ["Watch", "same_from_start"]

PATIENCE_S = 120
"""Default time limit for ABC, in seconds."""


class Watch:
    """An invariant of the original circuit.

    Attributes
    ----------
    broken : Value
        Expression that is 1 if the invariant is violated; a function of the signals from `see`.
    """

    def __init__(self) -> None:
        self.broken: Value = Const(0)
        self._wires: list[tuple[Signal, str]] = []

    def see(self, wire: str, bits: int = 1) -> Signal:
        """Return a signal with the value of a wire of the circuit.

        Parameters
        ----------
        wire : str
            Name of the wire in the flattened circuit.
        bits : int
            Width of the wire.

        Returns
        -------
        Signal
            The signal.
        """
        seen = Signal(bits, name=f"seen_{len(self._wires)}")
        self._wires.append((seen, wire))
        return seen

    def module(self, name: str) -> str:
        """Return a module that computes `broken` from the observed wires.

        Parameters
        ----------
        name : str
            Name of the module.

        Returns
        -------
        str
            RTLIL of the module; its output is ``broken``.
        """
        m = Module()
        broken = Signal()
        m.d.comb += broken.eq(self.broken)
        return to_rtlil(m, name, [broken, *(seen for seen, _ in self._wires)])

    def cell(self, name: str, broken: str) -> list[str]:
        """Return the RTLIL lines that instantiate the module in the flattened circuit.

        Parameters
        ----------
        name : str
            Name of the module, and of its cell.
        broken : str
            Name of the wire for its output.

        Returns
        -------
        list of str
            The lines.
        """
        lines = [f"  cell \\{name} \\{name}", f"    connect \\broken \\{broken}"]
        return [*lines, *(f"    connect \\{seen.name} \\{wire}" for seen, wire in self._wires), "  end"]


def same_from_start(
    sound: str, other: str, patience: float = PATIENCE_S, watches: Sequence[Watch] = (), reach: int = 0
) -> bool:
    """Try to prove that two circuits have equal outputs in every clock, for all inputs, resets included.

    Registers and memories without an initial value start at 0. A ``ToolError`` is raised if Yosys fails.

    Parameters
    ----------
    sound, other : str
        RTLIL of the original and of the changed circuit; their modules ``top`` have the same ports.
    patience : float
        Time limit for ABC, in seconds.
    watches : sequence of Watch
        Invariants of the original circuit, to be proved too.
    reach : int
        Seconds for ABC's property-directed reachability (``pdr``), if induction does not suffice; 0 to leave it out.

    Returns
    -------
    bool
        True if the equivalence and all invariants are proved; False if not, or if the time limit is reached.
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
        abc = str(yosys_folder() / "yosys-abc")
        commands = "read_aiger both.aig; scorr; write_aiger left.aig"
        if reach:
            commands += f"; pdr -T {reach}"
        try:
            done = subprocess.run(
                [abc, "-c", commands], cwd=folder, capture_output=True, timeout=patience + reach, check=True
            )
        except (subprocess.SubprocessError, FileNotFoundError):
            return False
        return _is_zero((folder / "left.aig").read_bytes()) or b"Property proved." in done.stdout


def _watched(text: str, watches: Sequence[Watch], outputs: int) -> str:
    """Add outputs to a flat circuit: 1 if a watch is violated; constant 0 where there is no watch."""
    lines = [f"  wire output {900 + number} \\broken_{number}" for number in range(outputs)]
    for number, watch in enumerate(watches):
        lines += watch.cell(f"watch_{number}", f"broken_{number}")
    lines += [f"  connect \\broken_{number} 1'0" for number in range(len(watches), outputs)]
    head, end, rest = text.rpartition("\nend\n")
    return head + "\n" + "\n".join(lines) + end + rest


def _is_zero(aiger: bytes) -> bool:
    """Whether a file in AIGER format has a single output that is constant 0, and no logic."""
    header, _, rest = aiger.partition(b"\n")
    _, _, _, latches, outputs, ands = header.split()[:6]
    return (latches, outputs, ands) == (b"0", b"1", b"0") and rest.partition(b"\n")[0] == b"0"
