"""Tables: the same cells as text and as HTML, whatever they hold and however many there are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import neuristor as nr
from neuristor.sim.benches.verify import available
from neuristor.tables import Table, Tabular, si

EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTILE = "<script>alert(1)</script> & \"q\" 'a' [red]x[/] \\[b] {{ 1 }}"


class Cells(HTMLParser):
    """Rows of cells of a table, its headings and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("td", "th"):
            self.rows[-1][-1] += data


def test_html_escapes_every_cell_heading_and_title() -> None:
    table = Table(HOSTILE, (HOSTILE, "b"), [(HOSTILE, "1"), ("c", HOSTILE)])
    page = table._repr_html_()
    found = Cells(page)
    assert found.rows == [[HOSTILE, "b"], [HOSTILE, "1"], ["c", HOSTILE]]
    assert "script" not in found.tags
    assert "<script" not in page


def test_text_shows_markup_as_it_is_written() -> None:
    text = Table("[bold]t[/]", ("[x]", "b"), [("[red]x[/]", "[/]")]).text()
    for cell in ("[bold]t[/]", "[x]", "[red]x[/]", "[/]"):
        assert cell in text


def test_a_long_table_keeps_a_line_for_each_row() -> None:
    rows = [(f"neuron {n}", si(n * 1e3, "Hz"), si(1.25e-6 * n, "A")) for n in range(64)]
    table = Table("64 neurons", ("neuron", "rate", "input"), rows)
    lines = table.text().splitlines()
    assert len([line for line in lines if line.lstrip().startswith("neuron ") and "Hz" in line]) == 64
    assert max(map(len, lines)) < 80
    assert Cells(table.html()).rows[1:] == [list(row) for row in rows]
    assert "overflow: auto" in table.html()


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """One of each class that the interface returns."""
    vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    neurons = nr.neurons(vo2, count=64, lanes=4)
    oscillators = nr.oscillators([[0, 3], [3, 0]])
    made: dict[str, Any] = {
        "devices": nr.devices(),
        "device": vo2.device,
        "own device": nr.device(r_ins=100e3, r_met=1e3, v_th=2.0, v_hold=1.0),
        "circuit": vo2,
        "neurons": neurons,
        "run": nr.run(neurons, ticks=1000),
        "comparison": nr.compare(nr.neurons(vo2), points=2),
        "oscillators": oscillators,
        "network": nr.network(EXAMPLES / "snn_digits.toml"),
        "run of oscillators": nr.run(oscillators, periods=2),
        "proof": nr.Proof("few", ()),
        "verification": nr.Verification("few", ()),
    }
    if available("compiled"):
        made["verification"] = nr.verify(nr.neurons(vo2), ticks=5, simulator="compiled")
    return made


def test_what_the_interface_returns_is_shown_as_a_table(made: dict[str, Any]) -> None:
    for name, each in made.items():
        table = each.table if isinstance(each, Tabular) else each
        assert isinstance(table, Table), name
        assert repr(each) == table.text()
        assert max(map(len, repr(each).splitlines())) <= 132, name
        assert repr(each).strip("\n") == repr(each), name
        rows = Cells(each._repr_html_()).rows
        assert rows[bool(table.columns) :] == [list(row) for row in table.rows], name


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_the_run_of_a_network_can_be_copied(made: dict[str, Any], duplicate: Callable[[Any], Any]) -> None:
    run = made["run of oscillators"]
    assert (duplicate(run).phases == run.phases).all()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (5e-3, "ohm m", "5 mohm m"),
        (3.3e6, "J/(m3 K)", "3.3 MJ/(m3 K)"),
        (float("inf"), "ohm", "inf ohm"),
        (1.25e6, "", "1.25M"),
    ],
)
def test_units_are_written_as_they_are_given(value: float, unit: str, text: str) -> None:
    assert si(value, unit) == text
