from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import explorer

expect = pytest.importorskip("playwright.sync_api").expect
pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.extended
EXAMPLES = Path(__file__).parents[2] / "examples"
NEURON = """
[device]
preset = "vo2-onn"
[circuit]
supply = 2.5
series_resistance = 20e3
capacitance = 100e-12
[neuron]
model = "relaxation_oscillator"
count = 4
dt = 80e-9
[stimulus]
source = "none"
ticks = 300
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "switch.toml").write_text("# my device\n" + NEURON)
    (folder / "weights.csv").write_text("0,3,-3\n3,0,3\n-3,3,0\n")
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with explorer("switch.toml", folder=home) as found:
        yield found


def followed(page: Any) -> None:
    """Wait until the parts are those of the sliders."""
    page.locator("body[data-state=followed]").wait_for(state="attached", timeout=180_000)


def curve(page: Any, part: str, panel: int, name: str) -> tuple[list[float], list[float]]:
    """What is drawn: x and y of a series."""
    found = page.evaluate(
        """([part, panel, name]) => {
            const plot = document.querySelectorAll(`#part-${part} .plot`)[panel];
            const drawn = plot._fullData.find((d) => d.name === name);
            return [Array.from(drawn.x), Array.from(drawn.y)];
        }""",
        [part, panel, name],
    )
    return found[0], found[1]


def test_sliders_move_the_pictures_and_a_design_file_is_written(address: str, home: Path, watched: Any) -> None:
    seen = watched(address)
    page = seen.page
    followed(page)
    assert curve(page, "device", 1, "operating point") == ([2.5], [20e3])
    before = page.locator("#part-run .said").inner_text()
    assert "240." in before
    slider = page.get_by_label("series resistance", exact=True)
    slider.focus()
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    followed(page)
    (supply,), (resistance,) = curve(page, "device", 1, "operating point")
    assert supply == 2.5
    assert 5e3 < resistance < 15e3
    assert page.locator("#part-run .said").inner_text() != before
    assert slider.get_attribute("aria-valuetext").endswith("kohm")
    field = page.get_by_label("supply, as a number")
    field.fill("3 V")
    field.press("Enter")
    expect(field).to_have_value("3 V")
    followed(page)
    assert curve(page, "device", 1, "operating point")[0] == [3.0]
    page.get_by_label("Name").fill("mine.toml")
    page.get_by_role("button", name="Write design file").click()
    expect(page.locator("#written")).to_contain_text("Written")
    made = (home / "mine.toml").read_text("utf-8")
    assert made.startswith("# my device\n")
    found = tomllib.loads(made)["circuit"]
    assert found["supply"] == 3.0
    assert found["series_resistance"] == resistance
    page.get_by_role("button", name="Write design file").click()
    expect(page.locator("#written")).to_contain_text("exists")
    assert not [each for each in seen.problems if "422" not in each]  # the refusal


def test_a_wrong_number_is_a_sentence_and_the_pictures_stay(address: str, watched: Any) -> None:
    page = watched(address).page
    followed(page)
    field = page.get_by_label("capacitance, as a number")
    field.fill("3 V")
    field.press("Enter")
    expect(page.locator("#problem")).to_have_text("capacitance must be a number in F, such as 12 nF, not '3 V'")
    hold = page.get_by_label("v_hold, as a number")
    hold.fill("5 V")
    hold.press("Enter")
    expect(page.locator("#problem")).to_contain_text("v_hold")
    page.get_by_role("button", name="Back to the file").click()
    followed(page)
    assert page.locator("#problem").inner_text() == ""
    assert hold.input_value() == "990 mV"


def test_values_under_the_pointer_are_those_of_the_data(address: str, watched: Any) -> None:
    page = watched(address).page
    followed(page)
    x, y = curve(page, "run", 1, "bit-true (circuit)")
    at = len(x) // 2
    page.evaluate(
        """(n) => {
            const plot = document.querySelectorAll('#part-run .plot')[1];
            const curve = plot._fullData.findIndex((d) => d.name === 'bit-true (circuit)');
            Plotly.Fx.hover(plot, [{curveNumber: curve, pointNumber: n}]);
        }""",
        at,
    )
    text = page.locator("#part-run .plot .hovertext").text_content()
    found = re.search(r"rate ([\d.]+)kHz", text)
    assert found, text
    assert float(found[1]) * 1e3 == pytest.approx(y[at], rel=5e-5)  # five digits


def test_a_run_on_the_virtual_board_is_watched(address: str, watched: Any) -> None:
    seen = watched(address)
    page = seen.page
    followed(page)
    page.get_by_role("button", name="Start").click()
    page.locator("#live[data-end]").wait_for(timeout=400_000)
    assert page.locator("#live").get_attribute("data-end") == "good", page.locator("#step").inner_text()
    assert page.locator("#step").inner_text() == "the whole run: equal to the bit-true model"
    drawn = page.evaluate("document.querySelector('#live .plot')._fullData[0].x.length")
    assert drawn > 4
    assert "ticks" in page.locator("#live table").inner_text()
    assert not seen.problems


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)])
def test_the_page_keeps_the_rules_of_accessibility(address: str, watched: Any, scheme: str, width: int) -> None:
    seen = watched(address, scheme, width)
    followed(seen.page)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.rules() == []
    assert seen.problems == []


@pytest.mark.parametrize("file", ["weights.csv", str(EXAMPLES / "snn_digits.toml"), ""])
def test_networks_and_devices_are_shown(home: Path, watched: Any, file: str) -> None:
    with explorer(*([file] if file else []), folder=home) as found:
        seen = watched(found)
        followed(seen.page)
        titles = seen.page.locator("h2").all_inner_texts()
        assert {"weights.csv": "Phases and energy", "": "Device and operating point"}.get(
            file, "Spikes of each layer"
        ) in titles
        assert seen.page.locator(".plot .main-svg").count() > 2
        assert seen.rules() == []
        assert seen.problems == []
