"""Exponentials of many matrices, against SciPy, and the refusal of ticks that change the rate of a neuron."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.equations.functions import exponentials
from neuristor.golden_model.equations.neuron import model_of

EPS = float(np.finfo(np.float64).eps)


@pytest.mark.parametrize("norm", [1e-6, 0.3, 4.0, 300.0])
def test_exponentials_of_circuits_are_those_of_scipy(norm: float) -> None:
    values = np.random.default_rng(5).uniform(0, norm, (64, 4, 4))
    values[..., range(4), range(4)] -= values.sum(axis=-1) * 1.1  # conductances between nodes, and to ground
    found, wanted = exponentials(values), expm(values)
    # A squaring at most doubles the relative error, and rounds 4 sums of 4 products.
    assert np.abs(found - wanted).max() <= 64 * max(1.0, 2 * norm) * EPS


def test_what_is_no_number_stays_so_and_spoils_nothing_else() -> None:
    values = np.zeros((3, 2, 2))
    values[0, 0, 0], values[1, 1, 0] = np.nan, np.inf
    found = exponentials(values)
    assert np.isnan(found[:2]).any(axis=(-2, -1)).all()
    np.testing.assert_array_equal(found[2], np.eye(2))
    assert exponentials(np.zeros((0, 2, 2))).shape == (0, 2, 2)


def test_a_tick_that_changes_the_rate_is_refused_with_the_longest_that_does_not() -> None:
    model = model_of(shipped_model("vo2_switch"))
    model.from_circuit(None, count=1, dt=200e-9)
    with pytest.raises(
        EquationError, match=r"vo2_switch: dt must be at most 200 ns, not 2\.4 us, .* -31% off the rate of 240\.4 kHz$"
    ):
        model.from_circuit(None, count=1, dt=2.4e-6)


def test_a_long_tick_of_a_neuron_that_is_silent_or_random_is_not_judged() -> None:
    quiet = model_of(shipped_model("vo2_switch"))
    quiet.from_circuit(None, count=1, dt=2.4e-6, options=quiet.options(supply=1.0))
    model_of(shipped_model("escape_rate")).from_circuit(None, count=1, dt=5e-3)
