"""Scripts for AMD's Vivado, for FPGAs that no open tool places and routes.

The scripts were not run by this project: Vivado is not free software.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from neuristor.boards.base import Board

__all__ = ["AXI_BASE", "AXI_SIGNALS", "block_design", "constraints", "script"]

AXI_BASE = 0x43C0_0000
"""Base address of the core in the address space of the Zynq processors, in bytes."""

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
"""Ports that a module for `block_design` must have: AXI4-Lite slave, clock and active-low reset."""

_DESIGN = "system"
_TIMING_CHECK = (
    "# No bitstream of a circuit that is slower than its clock.",
    "foreach kind {setup hold} {",
    "    set paths [get_timing_paths -$kind -max_paths 1]",
    '    if {[llength $paths] == 0} { error "no path has a $kind constraint" }',
    "    set slack [get_property SLACK [lindex $paths 0]]",
    '    if {$slack < 0} { error "timing is not met: the $kind slack is $slack ns" }',
    "}",
)


def constraints(board: Board) -> str:
    """Return the constraints (XDC) of `board`; not tested with Vivado.

    The ports are those of `board.pins`: ``clk``, ``rst_n`` (low while the reset button is pressed), ``rx`` (from
    the host), ``tx``, ``led_0`` and ``led_1``.

    Parameters
    ----------
    board : Board
        A board with `pins` and a clock pin.

    Returns
    -------
    str
        Text of the XDC file.

    Raises
    ------
    ValueError
        If no pins are known for this board.
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
        "# The serial line, the button and the LEDs are asynchronous to the clock.",
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
    """Return the Tcl script that builds a bitstream; not tested with Vivado.

    Run it in an empty folder with ``vivado -mode batch -source build.tcl``. If timing is not met, it ends with an error
    before the bitstream, and Vivado with a nonzero exit status. Equal arguments give equal text.

    Parameters
    ----------
    board : Board
        A board of the family "xc7".
    top : str
        Name of the top module; on a board without `pins`, of the module for `block_design`.
    verilog_files, constraint_files : sequence of str
        Files in the order in which Vivado reads them; relative paths start at the folder the script runs in.
    bitstream : str
        Path of the bitstream. Timing and utilization reports are written beside it, on a Zynq also a hardware
        hand-off file for PYNQ.
    clock_hz : float
        Clock of the core on a Zynq, in hertz; see `block_design`.
    address_bits : int
        Width of the byte address of the core on a Zynq, 12 to 22; see `block_design`.

    Returns
    -------
    str
        Text of the script.

    Raises
    ------
    ValueError
        If the board is of another family, a name is not allowed in a script, or there is no Verilog file.
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
        *_TIMING_CHECK,
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
        'if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} { error "implementation failed" }',
        "open_run impl_1",
        *reports,
        f"write_bitstream -force {{{bitstream}}}",
        "# PYNQ reads this file beside the bitstream; its folder depends on the version of Vivado.",
        f"set hand_off [glob project/{_DESIGN}.*/sources_1/bd/{_DESIGN}/hw_handoff/{_DESIGN}.hwh]",
        f"file copy -force [lindex $hand_off 0] {{{stem}.hwh}}",
    )


def block_design(board: Board, module: str, *, clock_hz: float = 100e6, address_bits: int = 22) -> str:
    """Return the Tcl that connects an AXI4-Lite module to the processors of a Zynq; not tested with Vivado.

    Parameters
    ----------
    board : Board
        A Zynq board.
    module : str
        Name of the Verilog module with the ports `AXI_SIGNALS`, among the sources of the project.
    clock_hz : float
        Frequency of `s_axi_aclk`, which the processing system supplies, in hertz.
    address_bits : int
        Width of the module's byte address, 12 to 22. The processors see it at `AXI_BASE`.

    Returns
    -------
    str
        Tcl commands.

    Raises
    ------
    ValueError
        If the board is no Zynq, the name is no Verilog identifier, or `address_bits` is out of range.
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
        # The boot image configures the processors' memory and pins: any setting works here.
        "apply_bd_automation -rule xilinx.com:bd_rule:processing_system7"
        ' -config {make_external "FIXED_IO, DDR" apply_board_preset "0" Master "Disable" Slave "Disable"}'
        " [get_bd_cells ps]",
        "set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 {1} CONFIG.PCW_EN_CLK0_PORT {1}"
        " CONFIG.PCW_EN_RST0_PORT {1}"
        f" CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ {{{clock_hz / 1e6:.9g}}}] [get_bd_cells ps]",
        "create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset",
        "create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect:1.0 axi",
        "set_property -dict [list CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}] [get_bd_cells axi]",
        f"# Ports of the module: {' '.join(AXI_SIGNALS)}",
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
