"""Which neurons a coupling couples."""

from __future__ import annotations

import numpy as np
import pytest

from neuristor.golden_model.neurons.coupling import Coupling, Topology


def coupling(topology: Topology, count: int, reach: int) -> Coupling:
    return Coupling(kind="weight", value=2.0, topology=topology, count=count, reach=reach)


@pytest.mark.parametrize(("count", "reach"), [(3, 1), (5, 2), (9, 3)])
def test_a_ring_has_its_nearest_on_both_sides(count: int, reach: int) -> None:
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    around = np.minimum(apart, count - apart)
    np.testing.assert_array_equal(coupling("ring", count, reach).matrix(), 2.0 * ((around > 0) & (around <= reach)))


@pytest.mark.parametrize(("count", "reach"), [(2, 1), (3, 2), (9, 3)])
def test_a_chain_ends(count: int, reach: int) -> None:
    far = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    np.testing.assert_array_equal(coupling("chain", count, reach).matrix(), 2.0 * ((far > 0) & (far <= reach)))


def test_the_sum_is_over_all_of_them() -> None:
    made, values = coupling("ring", 11, 4), np.random.default_rng(1).integers(-1000, 1000, 11)
    matrix = np.rint(made.matrix() / 2.0).astype(np.int64)
    np.testing.assert_array_equal(made.pull(values), matrix @ values - matrix.sum(axis=1) * values)


@pytest.mark.parametrize(
    ("topology", "count", "reach", "message"),
    [
        ("ring", 4, 2, "count must be at least 5 for a ring of reach 2, not 4"),
        ("ring", 2, 1, "count must be at least 3 for a ring, not 2"),
        ("chain", 4, 0, "reach must be"),
        ("chain", 4, 4, "reach must be"),
        ("all_to_all", 4, 2, "reach has a meaning for a ring or a chain only, not for 'all_to_all'"),
    ],
)
def test_a_reach_that_cannot_be_is_refused(topology: Topology, count: int, reach: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coupling(topology, count, reach)
