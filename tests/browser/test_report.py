from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.extended
MOST_BYTES = 6_000_000
DESIGN = """
[device]
preset = "vo2-maffezzoni"
[circuit]
supply = 1.5
series_resistance = 20e3
capacitance = 1e-9
[neuron]
model = "lif"
count = 64
dt = 400e-9
[stimulus]
source = "digits"
frames = 5
ticks = 200
current = 100e-6
[variability]
threshold_d2d = 0.02
seed = 3
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "digits.toml").write_text(DESIGN)
    command = [sys.executable, "-m", "neuristor", "build", "digits.toml", "--out", "made"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "made"


def test_the_report_is_one_file_with_links_to_its_data(built: Path) -> None:
    page = (built / "report.html").read_text("utf-8")
    assert len(page.encode()) < MOST_BYTES
    body = page[page.index("<body>") :]
    for link in re.findall(r'href="([^"#]+)"', body):
        assert (built / link).is_file(), link
    assert "P. Maffezzoni" in body
    assert 'aria-label="Schematic: vo2-maffezzoni in parallel with a capacitor' in body
    assert not re.search(r"\d\.\d+e[-+]\d\d ?(ohm|V|A|s|F)\b", body)  # SI prefixes


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)])
def test_the_report_keeps_the_rules_of_accessibility(built: Path, watched: Any, scheme: str, width: int) -> None:
    seen = watched((built / "report.html").as_uri(), scheme, width)
    seen.page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 8")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.rules() == []
    assert seen.problems == []


def test_what_is_drawn_is_what_the_files_have(built: Path, watched: Any) -> None:
    page = watched((built / "report.html").as_uri()).page
    page.wait_for_function("document.querySelectorAll('#waveforms .main-svg').length > 0")
    with (built / "data" / "waveforms.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for name in ("float", "bit-true"):
        wanted = [(float(row["x"]), float(row["y"])) for row in rows if row["series"] == name]
        x, y = page.evaluate(
            """(name) => {
                const drawn = document.querySelector('#waveforms .plot')._fullData.find((d) => d.name === name);
                return [Array.from(drawn.x), Array.from(drawn.y)];
            }""",
            name,
        )
        assert list(zip(x, y, strict=True)) == wanted
    place = max(range(len(wanted)), key=lambda n: wanted[n][1])
    page.evaluate(
        """(n) => {
            const plot = document.querySelector('#waveforms .plot');
            const curve = plot._fullData.findIndex((d) => d.name === 'bit-true');
            Plotly.Fx.hover(plot, [{curveNumber: curve, pointNumber: n}]);
        }""",
        place,
    )
    text = page.locator("#waveforms .hovertext").text_content()
    found = re.search(r"membrane (-?[\d.]+)(m?)V", text)
    assert found, text
    assert float(found[1]) * (1e-3 if found[2] else 1) == pytest.approx(wanted[place][1], rel=5e-5)  # five digits


def test_the_time_of_a_run_is_one_axis(built: Path, watched: Any) -> None:
    page = watched((built / "report.html").as_uri()).page
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 8")
    zoom = "{'xaxis.range[0]': 1e-5, 'xaxis.range[1]': 2e-5}"
    page.evaluate(f"Plotly.relayout(document.querySelector('#spikes .plot'), {zoom})")
    for name in ("waveforms", "errors"):
        page.wait_for_function(f"document.querySelector('#{name} .plot').layout.xaxis.range[0] === 1e-5")
    assert page.evaluate("document.querySelector('#device .plot').layout.xaxis.range[0]") != 1e-5


def test_tables_are_sorted_by_their_values(built: Path, watched: Any) -> None:
    page = watched((built / "report.html").as_uri()).page
    ticks = page.locator("#verification ~ div table").first
    head = ticks.get_by_role("button", name="clocks")
    head.click()
    cells = [int(text) for text in ticks.locator("tbody tr td:nth-child(6)").all_inner_texts()]
    assert cells == sorted(cells)
    head.click()
    assert head.locator("xpath=..").get_attribute("aria-sort") == "descending"
    assert [int(text) for text in ticks.locator("tbody tr td:nth-child(6)").all_inner_texts()] == cells[::-1]


def test_a_zoom_moves_all_panels_that_share_an_axis(tmp_path: Path, watched: Any) -> None:
    from neuristor.pictures.picture import Axis, Panel, Picture, Series
    from neuristor.pictures.screen import page as made

    panels = [Panel(name, Axis("t", "s"), Axis("v", "V"), [Series("", [0, 1, 2], [0, 1, 0])]) for name in "ab"]
    (tmp_path / "p.html").write_text(made([Picture("p", "t", "c", panels, linked=True)], "t"))
    page = watched((tmp_path / "p.html").as_uri()).page
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 1")
    page.evaluate("Plotly.relayout(document.querySelector('.plot'), {'xaxis.range[0]': 0.5, 'xaxis.range[1]': 1})")
    page.wait_for_function("document.querySelectorAll('.plot')[1].layout.xaxis.range[0] === 0.5")


def test_the_report_is_printed_with_light_colours_and_open_explanations(
    built: Path, watched: Any, tmp_path: Path
) -> None:
    page = watched((built / "report.html").as_uri(), "dark").page
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 8")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function("document.querySelector('#waveforms .plot').layout.font.color === '#1c2430'")
    assert page.evaluate("[...document.querySelectorAll('details')].every((each) => each.open)")
    page.emulate_media(media="print")
    content = page.pdf(format="A4")
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 3
