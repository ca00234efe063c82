"""Proofs of oscillator networks, and that no broken one is proved."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import pytest

import neuristor.hdl.onn
from neuristor.golden_model.networks.onn import OnnParams
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.sim.proofs.onn_proof import prove_onn
from tests.marks import the_rest_is_extended


def test_sums_are_always_those_computed_anew_and_ticks_are_the_golden_step() -> None:
    claims = list(prove_onn(3, weight_bits=4, phase_bits=4))
    assert summary(claims) is True
    assert sum("equals the sum computed anew" in claim.text for claim in claims) == 3
    assert sum("those of the golden step" in claim.text for claim in claims) == 3
    assert [claim.text.split(";")[0] for claim in claims if not claim.tried] == [
        "skipped ticks are those in which no output toggles"
    ]


BUGS = {
    "a tie is taken as a rise": (
        "restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent),",
        "restarts.eq(~negative & ~reference & ~rises & ~recent),",
        "phase and reference of oscillator",
    ),
    "a tie sets the reference to 0": (
        "reference.eq((zero & reference) | (~zero & ~negative))",
        "reference.eq(~zero & ~negative)",
        "phase and reference of oscillator",
    ),
    "what is taken away lacks its one": (
        "Cat(carry, term).as_signed()) >> 1",
        "Cat(carry ^ carry, term).as_signed()) >> 1",
        "equals the sum computed anew",
    ),
    "the first pass is doubled": (
        "starting.replicate(width)",
        "(starting ^ starting).replicate(width)",
        "computed anew",
    ),
    "a column too few": ("word.eq(rest)", "word.eq(rest & (rest - 1))", "computed anew"),
}


@pytest.mark.few(1)
@pytest.mark.parametrize("bug", the_rest_is_extended(BUGS, list(BUGS)[:2]))
def test_a_bug_is_shown_by_a_counterexample(bug: str) -> None:
    old, new, what = BUGS[bug]
    source = textwrap.dedent(inspect.getsource(neuristor.hdl.onn.Onn))
    assert source.count(old) == 1, old
    space = dict(vars(neuristor.hdl.onn))
    exec(compile(source.replace(old, new), bug, "exec", flags=0x1000000), space)  # annotations as text

    def broken(params: OnnParams) -> Any:
        return space["Onn"](params)

    false: list[Claim] = [claim for claim in prove_onn(3, 4, 4, broken) if claim.proved is False]
    assert any(what in claim.text for claim in false), [claim.text for claim in false]
    for claim in false:
        assert claim.counterexample[0].startswith("weights [[")
        assert [line.split(":")[0] for line in claim.counterexample[1:]] == ["clock 0", "clock 1"]
