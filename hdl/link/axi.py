"""AXI4-Lite, a bridge from it to Wishbone, and a wrapper with the port names that Vivado recognises."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.wishbone import Wishbone
from neuristor.hdl.names import check_module_name
from neuristor.hdl.verilog import Wrapper, ports

__all__ = ["OKAY", "SLVERR", "Axi4Lite", "AxiToWishbone", "vivado_wrapper"]

OKAY, SLVERR = 0b00, 0b10
"""Values of `bresp` and `rresp`: success, and an error of the subordinate (table A3-4)."""


class Axi4Lite(wiring.Signature):
    """AXI4-Lite with 32 bits of data, seen from the manager, which sends the requests.

    It has five channels. A transfer of a channel happens in a clock in which its `valid` and its `ready` are set. Once
    `valid` is set, it and the payload must not change until the transfer.

    Parameters
    ----------
    address_bits : int
        Width of `awaddr` and `araddr`, 3 to 32.

    Members
    -------
    awaddr : Out(address_bits)
        Write address channel: the address in bytes.
    awprot : Out(3)
        Its protection type.
    awvalid, awready : Out(1), In(1)
        Its handshake.
    wdata : Out(32)
        Write data channel: the word to write.
    wstrb : Out(4)
        One bit for each byte that is written.
    wvalid, wready : Out(1), In(1)
        Its handshake.
    bresp : In(2)
        Write response channel: `OKAY` or `SLVERR`.
    bvalid, bready : In(1), Out(1)
        Its handshake.
    araddr : Out(address_bits)
        Read address channel: the address in bytes.
    arprot : Out(3)
        Its protection type.
    arvalid, arready : Out(1), In(1)
        Its handshake.
    rdata : In(32)
        Read data channel: the word that was read.
    rresp : In(2)
        `OKAY` or `SLVERR`.
    rvalid, rready : In(1), Out(1)
        Its handshake.

    Raises
    ------
    ValueError
        If `address_bits` is outside its range.

    References
    ----------
    Arm, "AMBA AXI and ACE Protocol Specification", IHI 0022H, chapters A3 (handshakes) and B1 (AXI4-Lite).
    """

    def __init__(self, address_bits: int) -> None:
        if not isinstance(address_bits, int) or not 3 <= address_bits <= 32:
            raise ValueError(f"address_bits must be an integer between 3 and 32, not {address_bits!r}")
        self.address_bits = address_bits
        super().__init__(
            {
                "awaddr": Out(address_bits),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(32),
                "wstrb": Out(4),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(address_bits),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(32),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class AxiToWishbone(wiring.Component):
    """Bridge from AXI4-Lite to Wishbone; one transfer at a time.

    Each request channel stores one request. So no `ready` depends on a `valid`, and address and data of a write may
    come in any order. If a write and a read wait, they take turns. A response that is not accepted stalls the next
    request of its own kind (write or read) only.

    Parameters
    ----------
    address_bits : int
        Width of a word address of the Wishbone bus, 1 to 30.

    Members
    -------
    axi : In(Axi4Lite(address_bits + 2))
        The two lowest bits of an address, and `awprot` and `arprot`, are ignored. `wstrb` becomes `sel`: registers
        refuse writes of less than a word. The response is `SLVERR` after `err`, `OKAY` after `ack`.
    bus : Out(Wishbone(address_bits))
        `cyc` and `stb` are 0 for at least one clock after each transfer.

    Raises
    ------
    ValueError
        If `address_bits` is outside its range.

    References
    ----------
    Arm, "AMBA AXI and ACE Protocol Specification", IHI 0022H: A3.3 (which signal may wait for which), B1.1 (AXI4-Lite;
    a subordinate may answer strobes it does not support by an error).
    """

    axi: Any
    bus: Any

    def __init__(self, address_bits: int) -> None:
        bus = Wishbone(address_bits)
        super().__init__({"axi": In(Axi4Lite(address_bits + 2)), "bus": Out(bus)})

    @property
    def latency(self) -> int:
        """Clocks from the last transfer of a request to its response, if the bus is free and answers at once."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi, bus = self.axi, self.bus

        # Each channel stores one request until its transfer has ended.
        write_address, read_address = Signal.like(bus.adr), Signal.like(bus.adr)
        write_data = Signal(32)
        write_strobes = Signal(4)
        aw_held = Signal()
        w_held = Signal()
        ar_held = Signal()
        m.d.comb += [axi.awready.eq(~aw_held), axi.wready.eq(~w_held), axi.arready.eq(~ar_held)]
        with m.If(axi.awvalid & ~aw_held):
            m.d.sync += [aw_held.eq(1), write_address.eq(axi.awaddr[2:])]
        with m.If(axi.wvalid & ~w_held):
            m.d.sync += [w_held.eq(1), write_data.eq(axi.wdata), write_strobes.eq(axi.wstrb)]
        with m.If(axi.arvalid & ~ar_held):
            m.d.sync += [ar_held.eq(1), read_address.eq(axi.araddr[2:])]

        with m.If(axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(axi.rready):
            m.d.sync += axi.rvalid.eq(0)

        m.d.comb += [
            bus.stb.eq(bus.cyc),
            bus.adr.eq(Mux(bus.we, write_address, read_address)),
            bus.dat_w.eq(write_data),
            bus.sel.eq(Mux(bus.we, write_strobes, 0xF)),
        ]
        may_write = Signal()
        may_read = Signal()
        m.d.comb += [may_write.eq(aw_held & w_held & ~axi.bvalid), may_read.eq(ar_held & ~axi.rvalid)]
        response = Signal(2)
        m.d.comb += response.eq(Mux(bus.err, SLVERR, OKAY))
        with m.If(~bus.cyc & (may_write | may_read)):
            # The kind (write or read) that was served last has no new request yet, so the other one is next.
            m.d.sync += [bus.cyc.eq(1), bus.we.eq(may_write)]
        with m.If(bus.cyc & (bus.ack | bus.err)):
            m.d.sync += bus.cyc.eq(0)
            with m.If(bus.we):
                m.d.sync += [aw_held.eq(0), w_held.eq(0), axi.bvalid.eq(1), axi.bresp.eq(response)]
            with m.Else():
                m.d.sync += [ar_held.eq(0), axi.rvalid.eq(1), axi.rresp.eq(response), axi.rdata.eq(bus.dat_r)]
        return m


def vivado_wrapper(component: Any, module: str, name: str) -> Wrapper:
    """Write a Verilog-2001 wrapper whose ports Vivado recognises as an AXI4-Lite interface ``s_axi``.

    Parameters
    ----------
    component : Component
        The component inside. It has a member ``axi : In(Axi4Lite(...))``; its other ports become ports of the wrapper.
    module : str
        Name of its module.
    name : str
        Name of the wrapper.

    Returns
    -------
    Wrapper
        For ``neuristor.hdl.verilog.export``. Its reset ``s_axi_aresetn`` is synchronous and active low.

    Raises
    ------
    ValueError
        If `module` or `name` cannot name a module, or if they are equal.

    References
    ----------
    AMD, "Designing IP Subsystems Using IP Integrator", UG994, "Inferring Control Signals in a RTL Module".
    """
    check_module_name(module, "module")
    check_module_name(name)
    if name == module:
        raise ValueError(f"name must differ from the name of the module inside, not {name!r}")
    clock = ['INFO = "xilinx.com:signal:clock:1.0 s_axi_aclk CLK"']
    clock += ['PARAMETER = "ASSOCIATED_BUSIF s_axi, ASSOCIATED_RESET s_axi_aresetn"']
    reset = ['INFO = "xilinx.com:signal:reset:1.0 s_axi_aresetn RST"', 'PARAMETER = "POLARITY ACTIVE_LOW"']
    named: list[tuple[str, str, Any]] = [("s_axi_aclk", "input", 1), ("s_axi_aresetn", "input", 1)]
    lines = [
        "".join(f"(* X_INTERFACE_{said} *)\n    " for said in attributes) + f"input  wire {port}"
        for attributes, port in ((clock, "s_axi_aclk"), (reset, "s_axi_aresetn"))
    ]
    pins = [".clk(s_axi_aclk)", ".rst(~s_axi_aresetn)"]
    for inner, flow, shape in ports(component):
        if inner in ("clk", "rst"):
            continue
        port = f"s_{inner}" if inner.startswith("axi_") else inner
        width = Shape.cast(shape).width
        named.append((port, flow, shape))
        lines.append(f"{flow:6} wire {f'[{width - 1}:0] ' if width > 1 else ''}{port}")
        pins.append(f".{inner}({port})")
    text = (
        f"module {name} (\n    "
        + ",\n    ".join(lines)
        + f"\n);\n    {module} inner (\n        "
        + ",\n        ".join(pins)
        + "\n    );\nendmodule\n"
    )
    return Wrapper(name, named, text)
