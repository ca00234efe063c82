"""The synthesized netlist of a circuit as Verilog, cells and all: what is on the FPGA, for every simulator.

Yosys synthesizes the exported Verilog as it does for a board, then puts a model into each cell: its own, or one of
``sim/netlists/cells`` for cells of which it has the ports only. What is left is one module with the ports of the
original, which every engine takes in its place.

What a netlist is made of, and whose models stand for it:

========  ==================================================================  ================================
family    synthesis                                                           models from ``sim/netlists/cells``
========  ==================================================================  ================================
ice40     as for the iCEBreaker, multipliers included                         none
ecp5      as for ULX3S and OrangeCrab                                         DP16KD, MULT18X18D
xc7       as for PYNQ-Z2 and Arty A7, without pads                            RAMB18E1, RAMB36E1
gowin     as for the Tang Nano 9K, without its DSP blocks and without pads    SP, SPX9, SDPB, SDPX9B, DPB, DPX9B
gatemate  as for the GateMate board, without pads                             CC_BRAM_20K, CC_BRAM_40K
========  ==================================================================  ================================

The netlist is neither timed nor placed: what it shows is that synthesis kept the function.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.netlists.netlist import run_yosys

__all__ = ["FAMILIES", "Family", "gates", "insert_models", "synthesize"]

CELLS = Path(__file__).parent / "cells"


@dataclass(frozen=True)
class Family:
    """How Yosys synthesizes for a family of FPGAs, and where the models of its cells are."""

    synth: str
    """Command of Yosys, but for the name of the module."""
    models: str
    """Read by Yosys from its own folder; what `own` holds is not read again."""
    own: tuple[str, ...] = ()
    """Files of ``sim/netlists/cells``."""
    before: tuple[str, ...] = ()
    """Commands before the synthesis."""


FAMILIES = {
    "ice40": Family("synth_ice40 -device u -dsp", "-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v"),
    "ecp5": Family("synth_ecp5", "+/ecp5/cells_sim.v", ("ram.v", "ecp5.v")),
    "xc7": Family(
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
        "+/xilinx/cells_sim.v",
        ("ram.v", "xilinx.v"),
        # Yosys 0.70: ABC trips over two wires of one name, unless they are flattened and hidden.
        ("proc", "flatten", "rename -hide w:*"),
    ),
    "gowin": Family("synth_gowin -nodsp -noiopads", "+/gowin/cells_sim.v", ("ram.v", "gowin.v")),
    "gatemate": Family(
        "synth_gatemate -luttree -nomx8 -noiopad -noclkbuf", "+/gatemate/cells_sim.v", ("ram.v", "gatemate.v")
    ),
}
"""The families, by name."""


def gates(verilog: str, toplevel: str, family: str) -> str:
    """The same module after synthesis, as Verilog that needs no library of cells.

    Parameters
    ----------
    verilog : str
        The Verilog itself.
    toplevel : str
        Name of the top module.
    family : str
        One of `FAMILIES`.

    Returns
    -------
    str
        One module of the same name with the same ports. The same bytes for the same Verilog and Yosys.

    Raises
    ------
    ToolError
        If synthesis fails, or a cell has no model.
    ValueError
        If there is no such family.
    """
    return insert_models(synthesize(verilog, toplevel, family), toplevel, family)


def synthesize(verilog: str, toplevel: str, family: str) -> str:
    """The netlist of cells, as Verilog.

    Parameters, errors: see `gates`.
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
    """A netlist of cells with a model in each cell, as one module.

    Nothing is optimised that could hide a fault: constants are not folded, and of the cells only those go whose
    outputs nobody reads. Writes of one memory at one address become one port, which the C++ compiler is thankful for.

    Parameters, errors: see `gates`.
    """
    chosen = _family(family)
    commands = [
        "read_verilog design.v",
        *(f"read_verilog -defer {CELLS / name}" for name in chosen.own),
        f"read_verilog -defer -nooverwrite {chosen.models}",
        f"hierarchy -check -top {toplevel}",
        "proc",
        # A model without contents leaves its outputs without a driver.
        "check -assert",
        "flatten",
        # A cell that is left is a black box.
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
        return _run(commands, netlist, f"Yosys could not put models into the cells of {toplevel} for {family}")
    except ToolError as error:
        lacking = re.search(r"Module `\\(\w+)' referenced in module", str(error))
        if lacking:
            raise ToolError(f"the netlist of {toplevel} for {family}: {lacking[1]} has no model") from error
        raise


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
