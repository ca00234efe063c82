"""Scripts for AMD's Vivado, which builds what no open tool places and routes.

They were not run here: Vivado is not free software, and no part of this project.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from neuristor.boards.base import Board

__all__ = ["AXI_BASE", "AXI_SIGNALS", "block_design", "constraints", "script"]

AXI_BASE = 0x43C0_0000
"""Where the processors of a Zynq find the core."""

AXI_SIGNALS = tuple(
    f"s_axi_{name}"
    for name in (
        *("aclk", "aresetn"),
        *("awaddr", "awprot", "awvalid", "awready"),
        *("wdata", "wstrb", "wvalid", "wready"),
        *("bresp", "bvalid", "bready"),
        *("araddr", "arprot", "arvalid", "arready"),
        *("rdata", "rresp", "rvalid", "rready"),
    )
)
"""Ports of a module that `block_design` takes."""

_DESIGN = "system"


def constraints(board: Board) -> str:
    """Return the XDC file of `board`; not run here.

    The ports are those of `board.pins`: ``clk``, ``rst_n`` (low while the reset button is pressed), ``rx`` (from
    the host), ``tx``, ``led_0`` and ``led_1``.

    Raises
    ------
    ValueError
        No pins are known for this board.
    """
    if not board.pins or board.clock_hz is None:
        raise ValueError(f"{board.name} has no pins to constrain")
    pins = [
        f"set_property -dict {{PACKAGE_PIN {pin} IOSTANDARD LVCMOS33}} [get_ports {{{port}}}]"
        for port, pin in board.pins.items()
    ]
    return _text(
        f"# {board.title}",
        *pins,
        f"create_clock -name clk -period {1e9 / board.clock_hz:.3f} [get_ports {{clk}}]",
        "# Serial line, button and lights keep no time with the clock.",
        "set_false_path -from [get_ports {rst_n rx}]",
        "set_false_path -to [get_ports {tx led_0 led_1}]",
        "set_property CFGBVS VCCO [current_design]",
        "set_property CONFIG_VOLTAGE 3.3 [current_design]",
    )


def script(
    board: Board,
    top: str,
    verilog_files: Sequence[str],
    constraint_files: Sequence[str] = (),
    *,
    bitstream: str = "top.bit",
    clock_hz: float = 100e6,
    address_bits: int = 22,
) -> str:
    """Return the Tcl script that makes a bitstream; not run here.

    Run it in an empty folder with ``vivado -mode batch -source build.tcl``. Same arguments, same text.

    Parameters
    ----------
    board : Board
        Of the family "xc7".
    top : str
        The top module; on a board without pins of its own, the module for `block_design`.
    verilog_files, constraint_files : sequence of str
        In the order in which Vivado reads them; relative paths start at the folder of the script's run.
    bitstream : str
        Where it goes; timing and resources go beside it, and for the software on a Zynq a hardware hand-off file.
    clock_hz, address_bits : float, int
        As of `block_design`.

    Raises
    ------
    ValueError
        The board is of another family, a name cannot stand in a script, or there is no Verilog.
    """
    if board.family != "xc7":
        raise ValueError(f"board must be of the family xc7, not {board.name} of {board.family}")
    if not verilog_files:
        raise ValueError("verilog_files must name a file at least")
    for name in (*verilog_files, *constraint_files, bitstream):
        if not re.fullmatch(r"[^{}\\\s]+", name):
            raise ValueError(f"a file name must hold no brace, backslash or space, not {name!r}")
    _check_module(top)
    header = f"# {board.title}: {top}"
    stem = bitstream.removesuffix(".bit")
    reports = (
        f"report_timing_summary -file {{{stem}_timing.rpt}}",
        f"report_utilization -file {{{stem}_utilization.rpt}}",
    )
    if board.pins:
        return _text(
            header,
            *(f"read_verilog {{{name}}}" for name in verilog_files),
            *(f"read_xdc {{{name}}}" for name in constraint_files),
            f"synth_design -top {top} -part {board.device}",
            "opt_design",
            "place_design",
            "route_design",
            *reports,
            f"write_bitstream -force {{{bitstream}}}",
        )
    # Block designs need a project.
    return _text(
        header,
        f"create_project -force {_DESIGN} project -part {board.device}",
        *(f"add_files -norecurse {{{name}}}" for name in verilog_files),
        *(f"add_files -fileset constrs_1 -norecurse {{{name}}}" for name in constraint_files),
        "update_compile_order -fileset sources_1",
        block_design(board, top, clock_hz=clock_hz, address_bits=address_bits).rstrip("\n"),
        f"add_files -norecurse [make_wrapper -files [get_files {_DESIGN}.bd] -top]",
        f"set_property top {_DESIGN}_wrapper [current_fileset]",
        "update_compile_order -fileset sources_1",
        "launch_runs impl_1",
        "wait_on_run impl_1",
        "open_run impl_1",
        *reports,
        f"write_bitstream -force {{{bitstream}}}",
        "# What PYNQ reads beside the bitstream; its folder hangs on the version of Vivado.",
        f"set hand_off [glob project/{_DESIGN}.*/sources_1/bd/{_DESIGN}/hw_handoff/{_DESIGN}.hwh]",
        f"file copy -force [lindex $hand_off 0] {{{stem}.hwh}}",
    )


def block_design(board: Board, module: str, *, clock_hz: float = 100e6, address_bits: int = 22) -> str:
    """Return the Tcl that joins an AXI4-Lite module to the processors of a Zynq; not run here.

    Parameters
    ----------
    board : Board
        A Zynq board: without pins of its own.
    module : str
        Verilog module with the ports `AXI_SIGNALS`, among the sources of the project.
    clock_hz : float
        Frequency that the processing system gives to `s_axi_aclk`, in hertz.
    address_bits : int
        Of the module's byte addresses; the processors see it at `AXI_BASE`.

    Raises
    ------
    ValueError
        The board is no Zynq, the name cannot stand in a script, or `address_bits` is out of range.
    """
    if not board.device.startswith("xc7z"):
        raise ValueError(f"board must be a Zynq, not {board.name}")
    if not 12 <= address_bits <= 22:
        raise ValueError(f"address_bits must be between 12 and 22, not {address_bits}")
    _check_module(module)
    size = 1 << address_bits
    return _text(
        f"create_bd_design {_DESIGN}",
        "create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 ps",
        # Memory and pins of the processors are set up by the boot image: any setting serves here.
        "apply_bd_automation -rule xilinx.com:bd_rule:processing_system7"
        ' -config {make_external "FIXED_IO, DDR" apply_board_preset "0" Master "Disable" Slave "Disable"}'
        " [get_bd_cells ps]",
        "set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 {1} CONFIG.PCW_EN_CLK0_PORT {1}"
        " CONFIG.PCW_EN_RST0_PORT {1}"
        f" CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ {{{clock_hz / 1e6:.9g}}}] [get_bd_cells ps]",
        "create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset",
        "create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect:1.0 axi",
        "set_property -dict [list CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}] [get_bd_cells axi]",
        f"# Its ports: {' '.join(AXI_SIGNALS)}",
        f"create_bd_cell -type module -reference {module} core",
        "connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins ps/M_AXI_GP0_ACLK] [get_bd_pins axi/aclk]"
        " [get_bd_pins reset/slowest_sync_clk] [get_bd_pins core/s_axi_aclk]",
        "connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]",
        "connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins axi/aresetn]"
        " [get_bd_pins core/s_axi_aresetn]",
        "connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins axi/S00_AXI]",
        "connect_bd_intf_net [get_bd_intf_pins axi/M00_AXI] [get_bd_intf_pins core/s_axi]",
        f"assign_bd_address -offset 0x{AXI_BASE:08X} -range 0x{size:08X} -target_address_space"
        " [get_bd_addr_spaces ps/Data] [get_bd_addr_segs core/s_axi/reg0] -force",
        "validate_bd_design",
        "save_bd_design",
    )


def _check_module(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"a module name must be a Verilog identifier, not {name!r}")


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
