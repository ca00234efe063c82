"""``neuristor prove`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuristor.commands.cli import app
from neuristor.commands.evidence import in_words
from neuristor.golden_model.neurons.lif import LIF
from neuristor.sim.proofs.claims import Claim

EXAMPLE = Path(__file__).parents[2] / "examples/vo2_lif_digits.toml"


def test_a_design_is_proved_and_the_file_is_the_same_twice(tmp_path: Path) -> None:
    made = [tmp_path / name for name in ("a.json", "b.json")]
    for path in made:
        result = CliRunner().invoke(app, ["prove", str(EXAMPLE), "--out", str(path)])
        assert result.exit_code == 0, result.output
    assert "no address is read and written in the same clock" in result.output
    assert made[0].read_bytes() == made[1].read_bytes()
    claims = json.loads(made[0].read_text())["claims"]
    assert len(claims) > 20
    assert {claim["result"] for claim in claims} == {"proved"}
    said = " ".join(result.output.split())
    assert f"Proved: all {len(claims)} claims. From configuration and from any reset on" in said
    assert "Not tried" not in said
    assert "Trusted: that Yosys" in said


def test_what_is_not_tried_is_said() -> None:
    claims = [Claim("array", "it is an array", True, 0.1), Claim("array", "it is loaded", None, 0.0, tried=False)]
    assert in_words(claims)[0].startswith("Proved: all 1 claims, apart from what was not tried.")
    assert in_words(claims)[1] == "Not tried: it is loaded."
    claims.append(Claim("lane", "it is fast", None, 9.0))
    assert in_words(claims)[0] == "Not proved: 1 of 2 claims. The circuit may differ from its model."


def test_what_is_false_is_shown_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(LIF), "laws", lambda raw, state, spike: {"it never fires": spike == 0})  # it is frozen
    result = CliRunner().invoke(app, ["prove", str(EXAMPLE)])
    assert result.exit_code == 1
    assert "it is false that it never fires. A counterexample:" in result.output
    assert "membrane " in result.output.split("A counterexample:")[1]
