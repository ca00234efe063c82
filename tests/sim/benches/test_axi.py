"""The AXI4-Lite bridge as Verilog, asked by somebody else's AXI manager."""

from __future__ import annotations

import pytest

from neuristor.sim.benches.axi import AxiCase, verify
from neuristor.sim.benches.verify import available
from tests.marks import the_rest_is_slow

NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}


@pytest.mark.parametrize("simulator", the_rest_is_slow(NEEDS, ["icarus"], NEEDS))
def test_registers_behind_the_bridge_answer_as_a_dict(simulator: str) -> None:
    verify(AxiCase(seed=1), simulator).check()


@pytest.mark.few(1)
@NEEDS["icarus"]
@pytest.mark.parametrize(("address_bits", "words"), [(1, 1), (2, 3), (30, 5)])
def test_other_sizes(address_bits: int, words: int) -> None:
    verify(AxiCase(address_bits=address_bits, words=words, operations=60, seed=2), "icarus").check()


@pytest.mark.few(2)
@NEEDS["icarus"]
@pytest.mark.parametrize(
    ("pin", "wrong", "message"),
    [
        (".axi_wstrb(s_axi_wstrb)", ".axi_wstrb(4'hf)", "instead of 2"),
        (".axi_bready(s_axi_bready)", ".axi_bready(1'b1)", "channel b"),
        (".axi_rready(s_axi_rready)", ".axi_rready(1'b1)", "channel r"),
        (".axi_rdata(s_axi_rdata)", ".axi_rdata({s_axi_rdata[0], s_axi_rdata[31:1]})", "read at"),
        (".axi_arvalid(s_axi_arvalid)", ".axi_arvalid(1'b0)", "no transfer for"),
        (".rst(~s_axi_aresetn)", ".rst(1'b0)", "reset_in_mid_traffic"),
    ],
)
def test_a_broken_circuit_is_caught(pin: str, wrong: str, message: str) -> None:
    case = AxiCase(operations=200, seed=3)
    text = case.verilog()
    assert text.count(pin) == 1
    result = verify(case, "icarus", verilog=text.replace(pin, wrong))
    assert not result.passed
    assert any(message in line for line in result.messages), result.messages
