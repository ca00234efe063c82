from __future__ import annotations

import gc
import re

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.buses import AxiCore
from neuristor.hdl.link.frames import COUNTERS
from neuristor.hdl.link.onn import OnnCore
from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.onn import Onn
from neuristor.hdl.snn import Snn
from neuristor.hdl.verilog import export, port_table, ports, to_rtlil
from tests.hdl.test_snn import deep
from tests.samples.lif import lif_params
from tests.sim.benches.test_onn import made as onn_case


def test_two_exports_give_identical_bytes(vo2: Circuit) -> None:
    params = lif_params(vo2, "all", count=10)
    first, second = (export(LifArray(params, 4), "vo2", ["a header"]) for _ in range(2))
    assert first == second


def test_export_has_a_header_named_modules_and_no_path(vo2: Circuit) -> None:
    text = export(LifArray(lif_params(vo2, "all", count=10), 4), "vo2", ["line one", "line two"])
    assert text.startswith("// line one\n// line two\n")
    for wanted in (
        "module vo2(",
        "module vo2__lane_3(",
        "] state_memory [",
        "//             [15:0]     [0] (signed)",
        "state[0].membrane (signed)",
        "saturations",
    ):
        assert wanted in text
    for unwanted in (".py", "/work", "/tmp", "site-packages", "(* src"):
        assert unwanted not in text


def test_module_name_is_checked(vo2: Circuit) -> None:
    array = LifArray(lif_params(vo2, "hold", count=1), 1)
    export(array, "a_b")
    for name in ("a b", "module", "Signal", "a__b", "_a", "a_", "2a", "a$", "ä"):
        with pytest.raises(ValueError, match="name must be letters, digits and single underscores"):
            export(array, name)


def test_a_header_cannot_leave_its_comment(vo2: Circuit) -> None:
    array = LifArray(lif_params(vo2, "hold", count=2), 1)
    for line in ("a\nmodule b; endmodule", "a\rb", "a\u2028b"):
        with pytest.raises(ValueError, match="a line of the header must be one line"):
            export(array, "vo2", [line])
    export(array, "vo2", ["one line"])


def made(kind: str, vo2: Circuit) -> wiring.Component:
    if kind == "snn":
        return Snn(deep(), [4, 6, 1])
    if kind == "onn":
        return Onn(onn_case(33, 3, 4, 3).params, 1)
    if kind == "core of an array":
        return AxiCore(ArrayCore(LifArray(lif_params(vo2, "hold", count=5), 2, loadable=True), "lif", linked=False))
    if kind == "core of oscillators":
        return SerialCore(OnnCore(Onn(onn_case(33, 3, 4, 3).params, 1, readable=True)), 4)
    return LifArray(lif_params(vo2, kind, count=10), 4)


@pytest.mark.parametrize("kind", ["all", "snn", "onn", "core of an array", "core of oscillators"])
def test_every_register_has_a_name(vo2: Circuit, kind: str) -> None:
    text = export(made(kind, vo2), "named")
    assert not re.search(r"\bsignal(_\d+)*;", text)
    # Registers without a name of their own are those in which a memory keeps what was read.
    numbered = set(re.findall(r"^  reg (?:\[\d+:0\] )?(_\d+_);", text, re.MULTILINE))
    read = set(re.findall(r"^ +(_\d+_) <= \w+\[.*\];", text, re.MULTILINE))
    assert numbered <= read


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
def test_only_a_core_with_a_serial_line_has_its_counters(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=5)
    linked, alone = (ArrayCore(LifArray(params, 2, loadable=True), "lif", linked=some) for some in (True, False))
    assert {name for name in linked.registers.entries if name.startswith("link_")} == {
        f"link_{each}" for each in COUNTERS
    }
    assert set(linked.registers.entries) - set(alone.registers.entries) == {f"link_{each}" for each in COUNTERS}
    assert linked.identity != alone.identity  # other addresses
    with pytest.raises(ValueError, match="core must be built with linked=True"):
        SerialCore(alone, 4)
    for core in (linked, alone):
        core.describe_only()
    gc.collect()


class Clashing(wiring.Component):
    """Ports whose names could be the same in Verilog, or none of it, or nothing."""

    def __init__(self, members: dict[str, wiring.Member]) -> None:
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """A register, and a signal and instances whose names need care."""
        m = Module()
        final, begin = Signal(3), Signal()
        m.submodules.crc = crc = Module()
        crc.d.sync += final.eq(final + 1)
        m.d.comb += begin.eq(final[0])
        for name, member in self.signature.members.items():
            if member.flow == wiring.Out:
                m.d.comb += getattr(self, name).eq(begin)
        m.d.sync += Signal(name="crc").eq(final[1])
        return m


def test_ports_are_named_for_vhdl_too() -> None:
    members = {"begin": wiring.In(1), "next": wiring.Out(1), "a__b_": wiring.In(3), "none": wiring.In(0)}
    component = Clashing(members)
    assert [(name, flow) for name, flow, _ in ports(component)] == [
        ("clk", "input"),
        ("rst", "input"),
        ("begin_port", "input"),
        ("next_port", "output"),
        ("a_b", "input"),
    ]
    text = export(component, "named")
    assert re.search(r"^module named\((?:(?:begin_port|next_port|a_b|clk|rst)(?:, )?){5}\);$", text, re.MULTILINE)
    assert "[-" not in text
    assert "\\" not in text
    gc.collect()


@pytest.mark.parametrize("names", [("a__b", "a_b"), ("a", "A"), ("rst", "o"), ("begin", "begin_port")])
def test_two_ports_of_one_name_are_refused(names: tuple[str, str]) -> None:
    component = Clashing({name: wiring.Out(1) for name in names})
    with pytest.raises(ValueError, match="ports must have different names in Verilog, not twice "):
        export(component, "named")
    to_rtlil(component)  # Amaranth warns of what is never used


def test_fields_without_bits_are_not_listed() -> None:
    shape = data.StructLayout({"ticks": 4, "noise": 0, "window": 2})
    assert port_table([("word", "input", shape)]) == [
        "input      [5:0] word",
        "           [3:0]     ticks",
        "           [5:4]     window",
    ]
