"""AXI4-Lite, and the bridge from it to the bus of the registers; ports by the names that Vivado looks for."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.wishbone import Wishbone
from neuristor.hdl.verilog import KEYWORDS

__all__ = ["OKAY", "SLVERR", "Axi4Lite", "AxiToWishbone", "vivado_ports", "vivado_wrapper"]

OKAY, SLVERR = 0b00, 0b10
"""What `bresp` and `rresp` say (table A3-4)."""


class Axi4Lite(wiring.Signature):
    """AXI4-Lite with 32 bits of data, seen from the manager, which asks.

    Five channels. A transfer of a channel happens in a clock where its `valid` and its `ready` are set; once set,
    `valid` stays, and what comes with it does not change, until then.

    Parameters
    ----------
    address_bits : int
        Of `awaddr` and `araddr`, which count bytes.

    Members
    -------
    awaddr, awprot, awvalid : Out
    awready : In(1)
        Where to write.
    wdata, wstrb, wvalid : Out
    wready : In(1)
        What to write; a bit of `wstrb` for each byte.
    bresp, bvalid : In
    bready : Out(1)
        How the write ended.
    araddr, arprot, arvalid : Out
    arready : In(1)
        What to read.
    rdata, rresp, rvalid : In
    rready : Out(1)
        The word read, and how that ended.

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
    """AXI4-Lite to Wishbone, one transfer at a time.

    Each request channel has room for one request, so that no `ready` hangs on a `valid`, and address and data of a
    write come in any order. Writes and reads that both wait take turns. An answer that is not taken holds up the next
    request of its own kind only.

    Parameters
    ----------
    address_bits : int
        Of the Wishbone bus, which counts words of 32 bits.

    Members
    -------
    axi : In(Axi4Lite(address_bits + 2))
        The two lowest bits of an address are dropped, as is `prot`. `wstrb` goes out as `sel`: registers refuse writes
        of less than a word. The answer is SLVERR after `err`, otherwise OKAY.
    bus : Out(Wishbone(address_bits))
        `cyc` and `stb` fall for a clock after each transfer.

    Raises
    ------
    ValueError
        If `address_bits` is outside the range of `Wishbone`.

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
        """Clocks from the last part of a request to its answer, if the bus is free and acknowledges at once."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi, bus = self.axi, self.bus

        # A request waits here until its transfer has ended.
        write_address, read_address = Signal.like(bus.adr), Signal.like(bus.adr)
        write_data, write_strobes = Signal(32), Signal(4)
        aw_held, w_held, ar_held = Signal(), Signal(), Signal()
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
        may_write, may_read = Signal(), Signal()
        m.d.comb += [may_write.eq(aw_held & w_held & ~axi.bvalid), may_read.eq(ar_held & ~axi.rvalid)]
        response = Signal(2)
        m.d.comb += response.eq(Mux(bus.err, SLVERR, OKAY))
        with m.If(~bus.cyc & (may_write | may_read)):
            # the kind that was served last has no request here yet, so that the other one is next
            m.d.sync += [bus.cyc.eq(1), bus.we.eq(may_write)]
        with m.If(bus.cyc & (bus.ack | bus.err)):
            m.d.sync += bus.cyc.eq(0)
            with m.If(bus.we):
                m.d.sync += [aw_held.eq(0), w_held.eq(0), axi.bvalid.eq(1), axi.bresp.eq(response)]
            with m.Else():
                m.d.sync += [ar_held.eq(0), axi.rvalid.eq(1), axi.rresp.eq(response), axi.rdata.eq(bus.dat_r)]
        return m


def vivado_ports(address_bits: int) -> list[tuple[str, str, Any]]:
    """The ports of a `vivado_wrapper`: name, ``input`` or ``output``, shape."""
    members = Axi4Lite(address_bits).members.items()
    return [("s_axi_aclk", "input", 1), ("s_axi_aresetn", "input", 1)] + [
        (f"s_axi_{name}", "input" if member.flow == Out else "output", member.shape) for name, member in members
    ]


def vivado_wrapper(module: str, name: str, address_bits: int) -> str:
    """A Verilog-2001 module around an exported one, whose ports Vivado takes for an AXI4-Lite interface ``s_axi``.

    Parameters
    ----------
    module : str
        Has the ports ``clk``, ``rst`` and those of a member ``axi : In(Axi4Lite(address_bits))``; others stay open.
    name : str
        Of the wrapper.
    address_bits : int
        As of `Axi4Lite`.

    Returns
    -------
    str
        The wrapper alone. Its reset ``s_axi_aresetn`` is active low, and synchronous.

    Raises
    ------
    ValueError
        If `module` or `name` is no Verilog identifier, if they are the same, or `address_bits` is outside its range.

    References
    ----------
    AMD, "Designing IP Subsystems Using IP Integrator", UG994, "Inferring Control Signals in a RTL Module".
    """
    for what, given in (("module", module), ("name", name)):
        if not given.isidentifier() or not given.isascii() or given in KEYWORDS:
            raise ValueError(f"{what} must be a Verilog identifier, not {given!r}")
    if name == module:
        raise ValueError(f"name must differ from that of the module inside, not {name!r}")
    clock = ['INFO = "xilinx.com:signal:clock:1.0 s_axi_aclk CLK"']
    clock += ['PARAMETER = "ASSOCIATED_BUSIF s_axi, ASSOCIATED_RESET s_axi_aresetn"']
    reset = ['INFO = "xilinx.com:signal:reset:1.0 s_axi_aresetn RST"', 'PARAMETER = "POLARITY ACTIVE_LOW"']
    ports = [
        "".join(f"(* X_INTERFACE_{said} *)\n    " for said in attributes) + f"input  wire {port}"
        for attributes, port in ((clock, "s_axi_aclk"), (reset, "s_axi_aresetn"))
    ]
    pins = [".clk(s_axi_aclk)", ".rst(~s_axi_aresetn)"]
    for member, port in Axi4Lite(address_bits).members.items():
        flow = "input " if port.flow == Out else "output"  # the wrapper is what is asked
        width = Shape.cast(port.shape).width
        ports.append(f"{flow} wire {f'[{width - 1}:0] ' if width > 1 else ''}s_axi_{member}")
        pins.append(f".axi__{member}(s_axi_{member})")
    return (
        f"module {name} (\n    "
        + ",\n    ".join(ports)
        + f"\n);\n    {module} inner (\n        "
        + ",\n        ".join(pins)
        + "\n    );\nendmodule\n"
    )
