"""Every notebook runs from its first cell to its last, in a folder of its own, and shows tables."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from neuristor.sim.benches.verify import available

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.extended
@pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")
@pytest.mark.filterwarnings("default")  # of Jupyter's own parts
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without outputs"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    # Each table once: rich would show its own beside it.
    for cell in notebook.cells:
        assert sum("<table>" in str(output) or "<pre" in str(output) for output in cell.get("outputs", ())) <= 1
    assert sum("<table>" in output.get("data", {}).get("text/html", "") for output in shown) >= 4
