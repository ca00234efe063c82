from __future__ import annotations

from pathlib import Path

import pytest

from neuristor.accuracy import accuracy, parse_target, rows, write_words
from neuristor.design_file import load
from neuristor.golden_model.neurons.accuracy import measure
from neuristor.pictures.evidence import accuracy_picture
from neuristor.pictures.files import content

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), (" 0.5 % ", 0.005), ("0.01", 0.01), ("1e-3", 1e-3)])
def test_target_is_a_fraction(text: str, value: float) -> None:
    assert parse_target(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "one", "0", "100%", "-1%", "1.2.3%", "nan", "1%%"])
def test_bad_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"target must be a fraction such as 1% or 0\.01"):
        parse_target(text)


@pytest.mark.extended
def test_found_words_go_into_the_design_file_and_hold_there(tmp_path: Path) -> None:
    path = tmp_path / "design.toml"
    text = (EXAMPLES / "vo2_oscillators.toml").read_text("utf-8")
    path.write_text(text, "utf-8")
    design = load(path)
    said: list[str] = []
    result = accuracy(design, target=0.01, points=4, say=said.append)
    assert result.words is not None
    assert said
    write_words(path, result.words.params)
    after = path.read_text("utf-8")
    assert after.startswith(text.rstrip("\n"))  # comments and order
    again = load(path)
    assert again.params.membrane == result.words.params.membrane
    assert again.params.drive == result.words.params.drive
    assert again.params.coefficient_bits == result.words.params.coefficient_bits
    assert measure(again.golden, again.params, result.measured.current).worst <= 0.01
    write_words(path, design.params)  # the section is there now
    assert load(path).params == design.params
    drawn = accuracy_picture(result, design)
    assert content(drawn, ".svg") == content(accuracy_picture(result, design), ".svg")
    assert [row[0] for row in rows(result)] == ["0 A"]  # a circuit without input


def test_coupled_oscillators_keep_their_phases() -> None:
    result = accuracy(load(EXAMPLES / "vo2_coupled_oscillators.toml"), target=None, points=3, say=lambda _: None)
    assert result.words is None
    assert result.phase_error is not None
    assert result.phase_error < 2
