"""The synthesized netlist of a circuit as Verilog that every simulator can run.

Yosys synthesizes the exported Verilog as for a board, and then replaces each cell by a simulation model: that of
Yosys, or one of ``sim/netlists/cells`` for cells that Yosys declares without a model. The result is one module with
the ports of the original, which it can replace in every engine.

Synthesis and additional models of each family:

========  ==================================================================  ================================
family    synthesis                                                           models from ``sim/netlists/cells``
========  ==================================================================  ================================
ice40     as for the iCEBreaker, multipliers included                         none
ecp5      as for ULX3S and OrangeCrab                                         DP16KD, MULT18X18D
xc7       as for PYNQ-Z2 and Arty A7, without pads                            RAMB18E1, RAMB36E1
gowin     as for the Tang Nano 9K, without its DSP blocks and without pads    SP, SPX9, SDPB, SDPX9B, DPB, DPX9B
gatemate  as for the GateMate board, without pads                             CC_BRAM_20K, CC_BRAM_40K
========  ==================================================================  ================================

The netlist has no timing and no placement: it shows that synthesis preserved the function.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.netlists.yosys import run_yosys

__all__ = ["FAMILIES", "Family", "gates", "insert_models", "synthesize"]

CELLS = Path(__file__).parent / "cells"
"""Folder of the project's own cell models."""


@dataclass(frozen=True)
class Family:
    """Synthesis commands and cell models of an FPGA family.

    Parameters
    ----------
    synth : str
        Yosys command for synthesis, without the name of the module.
    models : str
        File with the models of Yosys; models in `own` take precedence.
    own : tuple of str
        Files in ``sim/netlists/cells``.
    before : tuple of str
        Yosys commands before synthesis.
    """

    synth: str
    models: str
    own: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


FAMILIES = {
    "ice40": Family("synth_ice40 -device u -dsp", "-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v"),
    "ecp5": Family("synth_ecp5", "+/ecp5/cells_sim.v", ("ram.v", "ecp5.v")),
    "xc7": Family(
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
        "+/xilinx/cells_sim.v",
        ("ram.v", "xilinx.v"),
        # Yosys 0.70: ABC fails if two wires have the same name, unless they are flattened and hidden.
        ("proc", "flatten", "rename -hide w:*"),
    ),
    "gowin": Family("synth_gowin -nodsp -noiopads", "+/gowin/cells_sim.v", ("ram.v", "gowin.v")),
    "gatemate": Family(
        "synth_gatemate -luttree -nomx8 -noiopad -noclkbuf", "+/gatemate/cells_sim.v", ("ram.v", "gatemate.v")
    ),
}
"""FPGA families, by name."""


def gates(verilog: str, toplevel: str, family: str) -> str:
    """Synthesize a design and return the netlist as Verilog that needs no cell library.

    A ``ToolError`` is raised if synthesis fails or a cell has no model, a ``ValueError`` if there is no such family.

    Parameters
    ----------
    verilog : str
        The Verilog itself, not a file.
    toplevel : str
        Name of the top module.
    family : str
        One of `FAMILIES`.

    Returns
    -------
    str
        One module with the same name and ports. Equal Verilog and Yosys versions give equal bytes.
    """
    return insert_models(synthesize(verilog, toplevel, family), toplevel, family)


def synthesize(verilog: str, toplevel: str, family: str) -> str:
    """Synthesize a design and return the netlist of cells as Verilog.

    A ``ToolError`` is raised if synthesis fails, a ``ValueError`` if there is no such family.

    Parameters
    ----------
    verilog : str
        The Verilog itself, not a file.
    toplevel : str
        Name of the top module.
    family : str
        One of `FAMILIES`.

    Returns
    -------
    str
        The netlist.
    """
    chosen = _family(family)
    commands = [
        "read_verilog design.v",
        f"hierarchy -check -top {toplevel}",
        *chosen.before,
        f"{chosen.synth} -top {toplevel}",
        f"select {toplevel}",
        "write_verilog -noattr -selected made.v",
    ]
    return _run(commands, verilog, f"Yosys could not synthesize {toplevel} for {family}")


def insert_models(netlist: str, toplevel: str, family: str) -> str:
    """Replace each cell of a netlist by its model; return one flat module.

    No optimization that could hide a fault is done: constants are not folded, and only cells with unused outputs are
    removed. Writes to the same address of a memory are merged into one port, which shortens the compilation of the C++
    model. A ``ValueError`` is raised if there is no such family.

    Parameters
    ----------
    netlist : str
        Netlist of cells, from `synthesize`.
    toplevel : str
        Name of the top module.
    family : str
        One of `FAMILIES`.

    Returns
    -------
    str
        Verilog without cells.

    Raises
    ------
    ToolError
        If a cell has no model.
    """
    chosen = _family(family)
    commands = [
        "read_verilog design.v",
        *(f"read_verilog -defer {CELLS / name}" for name in chosen.own),
        f"read_verilog -defer -nooverwrite {chosen.models}",
        f"hierarchy -check -top {toplevel}",
        "proc",
        # The outputs of an empty model have no driver.
        "check -assert",
        "flatten",
        # Any remaining cell is a black box.
        "select -assert-none t:* t:$* %d",
        "opt_clean",
        "opt_expr",
        "opt_mem",
        "opt_dff -nodffe -nosdff -keepdc",
        "memory_share -nosat -nowiden",
        "opt_clean",
        "write_verilog -noattr made.v",
    ]
    try:
        return _LINT + _run(commands, netlist, f"Yosys could not put models into the cells of {toplevel} for {family}")
    except ToolError as error:
        lacking = re.search(r"Module `\\(\w+)' referenced in module", str(error))
        if lacking:
            raise ToolError(f"the netlist of {toplevel} for {family}: {lacking[1]} has no model") from error
        raise


_LINT = """\
/* verilator lint_off WIDTH */ // the vendors' models rely on the extension of operands
/* verilator lint_off UNOPTFLAT */ // a word collects bits of many cells
/* verilator lint_off CASEOVERLAP */ // Yosys writes a choice of one of several words with overlapping patterns
"""


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {name!r}")
    return FAMILIES[name]


def _run(commands: list[str], text: str, problem: str) -> str:
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        (folder / "design.v").write_text(text)
        run_yosys(commands, folder, problem)
        return (folder / "made.v").read_text()
