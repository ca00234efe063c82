"""The table of the shipped models: the other integrator, and rows that are kept."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables import models
from neuristor.golden_model.equations.reference import Equations, follow


def test_the_other_integrator_finds_the_spikes_of_scipy() -> None:
    _, params = models.params_of("vo2_switch", 1)
    start = {name: float(column[0]) for name, column in params.float_tick.start(1).items()}
    end = 200 * params.dt
    exact = follow(
        Equations(params.system, params.system.values), start, [(end, 0.0)], np.zeros(0), longest=params.dt
    ).spikes
    found = models.integrated(params.system, 0.0, params.dt / 100, 20_000)
    assert len(exact) == 3
    # The crossings are on a straight line within a step.
    np.testing.assert_allclose(found, exact, atol=params.dt / 1000)


def test_what_a_model_is_stands_in_its_row() -> None:
    states, tick, cost = models.described("vo2_switch")
    assert (states, tick) == ("v", "8e-08 s")
    assert cost.split(", ")[0].isdigit()


def test_the_cells_of_proofs_are_kept() -> None:
    row = models.line(["`a`", *(["x"] * (len(models.HEAD) - 3)), "37 claims, 4 s", "no answer"])
    assert models._proofs(row) == ("37 claims, 4 s", "no answer")
    assert models._proofs("") == ("not run", "not run")


def test_an_unknown_model_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(SystemExit, match="there is no model nothing"):
        models.main(["--out", str(tmp_path_factory.mktemp("x") / "page.md"), "--models", "nothing"])
