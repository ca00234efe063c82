from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.variability import DEAD, HEALTHY, STUCK_OFF, STUCK_ON, Variability


def test_faults_are_as_many_as_said_and_follow_the_seed() -> None:
    spread = Variability(stuck_on=0.1, stuck_off=0.05, dead=0.02, seed=3)
    codes = spread.faults(200)
    assert [int((codes == code).sum()) for code in (STUCK_ON, STUCK_OFF, DEAD, HEALTHY)] == [20, 10, 4, 166]
    assert np.array_equal(codes, spread.faults(200))
    assert not np.array_equal(codes, Variability(stuck_on=0.1, stuck_off=0.05, dead=0.02, seed=4).faults(200))
    assert not Variability().faults(50).any()
    assert set(Variability(stuck_on=0.5, dead=0.5).faults(10).tolist()) == {STUCK_ON, DEAD}


def test_thresholds_have_the_wanted_spread_and_no_correlation_with_hold() -> None:
    spread = Variability(threshold_d2d=0.05, hold_d2d=0.1, seed=8)
    thresholds, holds = spread.thresholds(2.0, 20_000), spread.holds(1.0, 20_000)
    assert (thresholds.mean(), thresholds.std()) == (pytest.approx(2.0, rel=2e-3), pytest.approx(0.1, rel=0.03))
    assert (holds.mean(), holds.std()) == (pytest.approx(1.0, rel=3e-3), pytest.approx(0.1, rel=0.03))
    assert abs(np.corrcoef(thresholds, holds)[0, 1]) < 0.03
    assert np.array_equal(thresholds[:10], spread.thresholds(2.0, 10))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold_c2c": -0.1}, "threshold_c2c must be between 0 and 0.5, not -0.1"),
        ({"hold_d2d": 0.6}, "hold_d2d must be between 0 and 0.5, not 0.6"),
        ({"dead": float("nan")}, "dead must be between 0 and 1, not nan"),
        ({"stuck_on": 0.7, "stuck_off": 0.7}, "must together be at most 1, not 1.4"),
        ({"seed": -1}, r"seed must be an integer between 0 and 2\*\*32 - 1, not -1"),
    ],
)
def test_bad_spread_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Variability(**changes)
