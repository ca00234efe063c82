"""The path of docs/arrays.md from twenty I-V curves to a verified array, command by command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neuristor.commands.cli import app
from neuristor.design_file import load
from neuristor.sim.benches.verify import available, verify
from tests.neuristor.test_array_files import sweep

PAGE = Path(__file__).parents[2] / "docs" / "arrays.md"


@pytest.mark.extended
@pytest.mark.skipif(not available("compiled"), reason="no C++ compiler")
def test_twenty_curves_become_a_verified_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = PAGE.read_text().partition("## From twenty curves")[2].partition("\n## ")[0]
    commands = re.findall(r"^neuristor (.*)$", path, re.MULTILINE)
    (section,) = re.findall(r"```toml\n(.*?)```", path, re.DOTALL)
    thresholds = 1.99 + 0.02 * np.random.default_rng(5).uniform(-1, 1, 20)
    (tmp_path / "curves").mkdir()
    for n, v_th in enumerate(thresholds):
        (tmp_path / "curves" / f"device_{n:02}.csv").write_text(sweep(v_th, 1.0))
    monkeypatch.chdir(tmp_path)
    assert [command.split()[0] for command in commands] == ["fit", "simulate", "verify"]
    for command in commands[:2]:
        done = CliRunner().invoke(app, shlex.split(command), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        if command.startswith("fit"):
            with Path("twenty.toml").open("a") as file:
                file.write("\n" + section)
    with np.load("twenty.npz") as held:
        np.testing.assert_allclose(held["parameter_v_th"], thresholds, atol=1.1e-3)
        assert held["spike"].any(axis=0).all()
    design = load(Path("twenty.toml"))
    assert len(set(design.params.coupling.values)) == 20
    # As the command does, on the engine that is built soonest.
    verdict = verify(design.case, "compiled")
    assert verdict.equal, verdict.reason
