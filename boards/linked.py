"""A core on the pins of a board: its serial port and two LEDs."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.verilog import Wrapper

__all__ = ["PINS", "LinkedTop", "pins_wrapper"]

PINS = [(name, "input", 1) for name in ("clk", "rst_n", "rx")] + [
    (name, "output", 1) for name in ("tx", "led_0", "led_1")
]
"""Ports of `pins_wrapper`: name, direction, width."""


class LinkedTop(Elaboratable):
    """Top level of a board design: a core, its serial port and two LEDs.

    LED 0 changes with every command, LED 1 with the spikes.

    Parameters
    ----------
    design : SerialCore
        The core with its serial link.
    """

    def __init__(self, design: SerialCore) -> None:
        self._design = design

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.design = design = self._design
        uart = platform.request("uart", 0, dir={each.name: "-" for each in platform.lookup("uart", 0).ios})
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [design.rx.eq(rx.i), tx.o.eq(design.tx)]
        for number, light in enumerate((design.accepted, design.active)):
            pad = io.Buffer(io.Direction.Output, platform.request("led", number, dir="-"))
            m.submodules[f"light_{number}"] = pad
            m.d.comb += pad.o.eq(light)
        return m


def pins_wrapper(module: str, name: str) -> Wrapper:
    """Return a Verilog module that wraps an exported `SerialCore`, with the ports of ``boards.vivado.constraints``.

    Parameters
    ----------
    module : str
        Name of the exported module.
    name : str
        Name of the module to make.

    Returns
    -------
    Wrapper
        For ``neuristor.hdl.verilog.export``.
    """
    declared = ",\n".join(f"    {flow:6} wire {port}" for port, flow, _ in PINS)
    text = f"""module {name} (
{declared}
);
    reg [1:0] released;
    initial released = 2'b00;
    always @(posedge clk) released <= {{released[0], rst_n}};
    wire busy;
    {module} design_i (
        .clk      (clk),
        .rst      (~released[1]),
        .rx       (rx),
        .tx       (tx),
        .accepted (led_0),
        .active   (led_1),
        .busy     (busy)
    );
endmodule
"""
    return Wrapper(name, PINS, text)
