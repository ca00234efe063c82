"""Each bug that was put into a circuit is shown: by a false claim, by a difference, or it is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Mux, Value
from amaranth.lib import wiring

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import verify
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import Claim
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.sim.proofs.lane import prove_lane
from neuristor.sim.proofs.sequences import same_from_start
from tests.sim.faults.injected import BUGS, DESIGNS, PROVED, SAME, VERIFIED, Bug, design, injected


def claims(case: Case, lane: bool = True) -> Iterator[Claim]:
    """The claims of ``neuristor prove``, one after the other; those about the lanes first, and only if asked for."""
    array = case.array()
    rtlil.convert(array)
    if lane:
        yield from prove_lane(case.neuron.model, case.params, array)
    yield from prove_array(array, initial_state(case.neuron.model, case.params))


class Masked(wiring.Component):
    """An array whose output is 0 while it is not valid: what it is then does not count."""

    def __init__(self, array: NeuronArray) -> None:
        self.array = array
        super().__init__(array.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = self.array
        for path, member, value in self.signature.flatten(self):
            inner: Any = array
            for part in path:
                inner = getattr(inner, str(part))
            outer, inner = Value.cast(value), Value.cast(inner)
            if path == ("o", "payload"):
                inner = Mux(array.o.valid, inner, 0)
            m.d.comb += inner.eq(outer) if member.flow == wiring.In else outer.eq(inner)
        return m


def lanes_of(case: Case) -> list[str]:
    """The circuits of the lanes."""
    array = case.array()
    rtlil.convert(array)
    return [to_rtlil(lane) for lane in array.pipelines]


@cache
def without(name: str) -> tuple[Any, list[str]]:
    """The circuit of a design without a bug, and those of its lanes."""
    case = design(name)
    return to_rtlil(Masked(case.array())), lanes_of(case)


def shown(bug: Bug) -> tuple[str, str]:
    """What shows a bug, and how."""
    case = design(bug.design)
    sound, lanes = without(bug.design)
    with injected(bug):
        # The claims about lanes hold for lanes without the bug.
        for claim in claims(case, lanes_of(case) != lanes):
            if claim.tried and claim.proved is not True:
                return PROVED, f"{claim.subject}: {claim.text} ({claim.result})"
        verdict = verify(case, "compiled")
        if not verdict.equal:
            return VERIFIED, verdict.reason
        other = to_rtlil(Masked(case.array()))
    return (SAME, "") if same_from_start(sound, other, reach=60) else ("not shown", "")


def test_there_are_bugs_of_every_subject() -> None:
    assert len(BUGS) >= 60
    assert len({(bug.where, bug.old, bug.new, bug.design) for bug in BUGS}) == len(BUGS)
    assert min(Counter(bug.subject for bug in BUGS).values()) >= 2


@pytest.mark.few(8)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.subject}-{bug.what}")
def test_a_bug_is_shown(bug: Bug) -> None:
    found, how = shown(bug)
    assert found == bug.shown, how


@pytest.mark.extended
@pytest.mark.parametrize("name", DESIGNS)
def test_the_designs_without_a_bug_are_proved_and_verified(name: str) -> None:
    case = design(name)
    coupled = "coupling" in DESIGNS[name][3]  # their lanes are proved in tests/sim/proofs/test_proof.py
    wrong = [claim for claim in claims(case, not coupled) if claim.tried and claim.proved is not True]
    assert not wrong
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason
