"""The serial link as Verilog, asked at its pins over a bad line."""

from __future__ import annotations

import pytest

from neuristor.sim.benches.link import LinkCase, verify
from neuristor.sim.benches.verify import available
from tests.hdl.link.test_frames import MUTANTS, mutant
from tests.marks import the_rest_is_slow

NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}


@NEEDS["verilator"]
@pytest.mark.parametrize("seed", the_rest_is_slow([1, 2], [], extended=[1]))
def test_each_command_is_carried_out_once_over_a_bad_line(seed: int) -> None:
    verify(LinkCase(seed=seed), "verilator").check()


@NEEDS["icarus"]
@pytest.mark.parametrize("clocks", the_rest_is_slow([4, 5], [], extended=[5]))
def test_the_same_where_unknown_values_are_seen(clocks: int) -> None:
    verify(LinkCase(clocks=clocks, words=6, commands=17, most=6, seed=clocks), "icarus").check()


@NEEDS["icarus"]
@pytest.mark.extended
@pytest.mark.parametrize("name", ["carries a repeat out again", "answers from what came"])
def test_a_broken_link_is_caught(name: str) -> None:
    module, before, after = MUTANTS[name]
    case = LinkCase(clocks=4, words=6, commands=60, most=4, seed=3)
    result = verify(case, "icarus", verilog=case.verilog(mutant(f"neuristor.hdl.link.{module}", before, after)))
    assert not result.passed
    assert any("each_command" in line and "command " in line for line in result.messages), result.messages
