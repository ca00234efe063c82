from __future__ import annotations

from pathlib import Path

import pytest

from neuristor.design_file import load
from neuristor.gallery import _run, gallery
from neuristor.pictures.evidence import behaviours_picture
from neuristor.pictures.files import content

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_behaviour_goes_through_float_bit_true_and_circuit() -> None:
    design = load(EXAMPLES / "izhikevich_patterns.toml")
    behaviour = next(each for each in design.golden.behaviours(design.params) if each.name == "phasic_spiking")
    shown = _run(design.neuron, behaviour)
    assert (shown.float_shown, shown.shown, shown.difference) == (True, True, "")
    assert len(shown.float_times) == len(shown.times) == 1
    first, second = (content(behaviours_picture([shown], design), ".svg") for _ in range(2))
    assert first == second


@pytest.mark.extended
def test_behaviours_of_equations_go_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "switch.toml"
    file.write_text('[neuron]\nmodel = "vo2_switch"\ncount = 4\n[stimulus]\nsource = "constant"\nticks = 100\n')
    found = gallery(load(file), lambda _: None)
    assert [each.behaviour.title for each in found] == ["oscillation", "stays insulating"]
    assert all(each.float_shown and each.shown and not each.difference for each in found)
    titles = [panel.title for panel in behaviours_picture(found, load(file)).panels]
    assert titles == ["oscillation", "stays insulating"]


def test_a_model_without_behaviours_is_refused() -> None:
    design = load(EXAMPLES / "vo2_lif_digits.toml")
    with pytest.raises(ValueError, match="the model lif has no behaviours"):
        gallery(design, lambda _: None)
