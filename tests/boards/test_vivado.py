"""Scripts for Vivado: only their text, as Vivado itself is not here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from neuristor.boards import BOARDS
from neuristor.boards.base import Board
from neuristor.boards.vivado import AXI_BASE, AXI_SIGNALS, block_design, constraints, script

ARTY, PYNQ = BOARDS["arty-a7-35t"], BOARDS["pynq-z2"]


def test_constraints_name_every_pin_of_the_board() -> None:
    text = constraints(ARTY)
    assert text == constraints(ARTY)
    pins = {"clk": "E3", "rst_n": "C2", "rx": "A9", "tx": "D10", "led_0": "H5", "led_1": "J5"}
    assert dict(ARTY.pins) == pins
    for port, pin in pins.items():
        assert f"set_property -dict {{PACKAGE_PIN {pin} IOSTANDARD LVCMOS33}} [get_ports {{{port}}}]\n" in text
    assert "create_clock -name clk -period 10.000 [get_ports {clk}]\n" in text
    assert "CFGBVS VCCO" in text
    assert "CONFIG_VOLTAGE 3.3" in text


def test_script_for_pins_runs_from_verilog_to_bitstream() -> None:
    text = script(ARTY, "top", ["core.v", "top.v"], ["arty.xdc"], bitstream="out/arty.bit")
    assert text == script(ARTY, "top", ["core.v", "top.v"], ["arty.xdc"], bitstream="out/arty.bit")
    assert [line for line in text.splitlines()[1:] if re.match(r"\w+_", line)] == [
        "read_verilog {core.v}",
        "read_verilog {top.v}",
        "read_xdc {arty.xdc}",
        "synth_design -top top -part xc7a35ticsg324-1L",
        "opt_design",
        "place_design",
        "route_design",
        "report_timing_summary -file {out/arty_timing.rpt}",
        "report_utilization -file {out/arty_utilization.rpt}",
        "write_bitstream -force {out/arty.bit}",
    ]


def test_script_for_a_zynq_joins_the_module_to_the_processors() -> None:
    text = script(PYNQ, "core_axi", ["core.v"], bitstream="core.bit", clock_hz=50e6, address_bits=16)
    assert text == script(PYNQ, "core_axi", ["core.v"], bitstream="core.bit", clock_hz=50e6, address_bits=16)
    assert "create_project -force system project -part xc7z020clg400-1\n" in text
    assert block_design(PYNQ, "core_axi", clock_hz=50e6, address_bits=16) in text
    assert "create_bd_cell -type module -reference core_axi core\n" in text
    assert "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ {50}" in text
    assert f"-offset 0x{AXI_BASE:08X} -range 0x00010000" in text
    assert "write_bitstream -force {core.bit}\n" in text
    assert "{core.hwh}\n" in text
    for signal in AXI_SIGNALS:
        assert re.search(rf"\b{signal}\b", text)
    for pin in ("s_axi_aclk", "s_axi_aresetn", "s_axi"):
        assert f"pins core/{pin}]" in text


@pytest.mark.parametrize("text", [script(ARTY, "top", ["a.v"]), script(PYNQ, "top", ["a.v"]), constraints(ARTY)])
def test_braces_and_brackets_of_scripts_close(text: str) -> None:
    assert text.count("{") == text.count("}")
    assert text.count("[") == text.count("]")
    for line in text.splitlines():
        assert line.count('"') % 2 == 0


STUBS = """
set done {}
foreach name {read_verilog read_xdc synth_design opt_design place_design route_design report_timing_summary
    report_utilization write_bitstream create_project add_files update_compile_order create_bd_design create_bd_cell
    apply_bd_automation set_property connect_bd_net connect_bd_intf_net assign_bd_address validate_bd_design
    save_bd_design make_wrapper get_files current_fileset get_bd_cells get_bd_pins get_bd_intf_pins get_bd_addr_spaces
    get_bd_addr_segs launch_runs wait_on_run open_run get_runs glob} {
    proc $name args "lappend ::done $name"
}
proc get_timing_paths {kind most one} { return [lsearch -all -inline $::known "$kind *"] }
proc get_property {name of} { expr {$name eq "PROGRESS" ? $::percent : [lindex $of 1]} }
rename file whole_file
proc file args {}
"""
"""Commands of Vivado that only note that they were called."""


@pytest.mark.parametrize("board", [ARTY, PYNQ])
@pytest.mark.parametrize(
    ("paths", "progress", "error"),
    [
        ("{-setup 0.0} {-hold 0.031}", "100%", ""),
        ("{-setup -0.001} {-hold 0.031}", "100%", "timing is not met: the setup slack is -0.001 ns"),
        ("{-setup 1.5} {-hold -2}", "100%", "timing is not met: the hold slack is -2 ns"),
        ("{-hold 1}", "100%", "no path has a setup constraint"),
        ("{-setup 1} {-hold 1}", "63%", "implementation failed"),
    ],
)
def test_a_script_ends_with_an_error_before_the_bitstream_of_a_circuit_that_is_too_slow(
    board: Board, paths: str, progress: str, error: str
) -> None:
    tcl = pytest.importorskip("tkinter").Tcl()
    tcl.eval(f"set known {{{paths}}}; set percent {progress}; {STUBS}")
    if board is ARTY and error == "implementation failed":
        error = ""  # without a project, each step fails by itself
    text = script(board, "top", ["a.v"])
    if error:
        with pytest.raises(Exception, match=f"^{error}$"):
            tcl.eval(text)
        assert "write_bitstream" not in tcl.eval("set done")
    else:
        tcl.eval(text)
        assert tcl.eval("set done").count("write_bitstream") == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: constraints(PYNQ), "pynq-z2 has no pins to constrain"),
        (lambda: script(BOARDS["icebreaker"], "top", ["a.v"]), "family xc7, not icebreaker of ice40"),
        (lambda: script(ARTY, "top", []), "verilog_files must name a file at least"),
        (lambda: script(ARTY, "top", ["a}.v"]), "no brace, backslash or space, not 'a}.v'"),
        (lambda: script(ARTY, "top; exit", ["a.v"]), "must be a Verilog identifier, not 'top; exit'"),
        (lambda: block_design(ARTY, "top"), "board must be a Zynq, not arty-a7-35t"),
        (lambda: block_design(PYNQ, "top", address_bits=8), "address_bits must be between 12 and 22, not 8"),
    ],
)
def test_what_cannot_stand_in_a_script_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
