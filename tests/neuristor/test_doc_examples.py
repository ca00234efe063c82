"""The examples of the documentation run, and give what stands there."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import neuristor.api
from neuristor.sim.benches.verify import available

ROOT = Path(__file__).parents[2]
PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if ">>> " in page.read_text("utf-8")
]
EXACT = doctest.ELLIPSIS

needs_verilator = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")


@needs_verilator
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page.stem == "README" else [pytest.mark.extended], id=page.stem) for page in PAGES],
)
def test_examples_of_a_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(page), module_relative=False, optionflags=EXACT, encoding="utf-8")
    assert found.attempted > 4
    assert found.failed == 0


@needs_verilator
def test_examples_of_the_python_interface() -> None:
    found = doctest.testmod(neuristor.api, optionflags=EXACT)
    assert found.attempted > 8
    assert found.failed == 0
