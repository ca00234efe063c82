from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.diffusive import DiffusiveSwitch


@pytest.fixture(scope="module")
def silver() -> DiffusiveSwitch:
    device = preset("ag-hfo2").device
    assert isinstance(device, DiffusiveSwitch)
    return device


STEP = 0.25e-3


@pytest.mark.parametrize("dwell", [1e-8, 1e-6, 1e-5])
def test_sweep_sets_and_resets(silver: DiffusiveSwitch, dwell: float) -> None:
    """V_th 0.266 V; V_hold about 0.08 V.

    Both depend on the rate of the sweep. Far from the other threshold (1) is the full rate times a
    function of the voltage, so X = 1/2 comes where that function's integral is the time it takes at the
    full rate. V_th stays within 1.5 mV of 0.266 V over a factor of 1000; V_hold moves by 8 mV a decade
    and is 0.08 V for a sweep of 25 V/ms, higher for slower ones.
    """
    up = np.arange(0, 0.4, STEP)
    sweep = np.concatenate([up, up[::-1]])
    on = silver.iv(sweep, dwell=dwell) * 2 * silver.r_on > sweep + 1e-9
    turns = np.flatnonzero(np.diff(on.astype(int)))
    assert len(turns) == 2
    v_set, v_reset = sweep[turns + 1]
    b_set = (up - silver.v_th) * (up - silver.v_th_negative) / silver.v_set**2
    b_reset = (up - silver.v_hold) * (up - silver.v_hold_negative) / silver.v_reset**2
    elapsed_set = np.cumsum(expit(b_set)) * dwell
    elapsed_reset = np.cumsum(expit(-b_reset)[::-1]) * dwell
    expected_set = up[np.argmax(elapsed_set >= silver.time_between(0.0, 0.5, 1.5))]
    at_full_rate = silver.time_between(1.0, 0.5, 0.0) * expit(-b_reset[0])
    expected_reset = up[::-1][np.argmax(elapsed_reset >= at_full_rate)]
    assert v_set == pytest.approx(expected_set, abs=1.01 * STEP)
    assert v_reset == pytest.approx(expected_reset, abs=1.01 * STEP)
    if dwell > 1e-8:
        assert v_set == pytest.approx(0.266, abs=1.5e-3)
    else:
        assert v_reset == pytest.approx(0.08, abs=2e-3)


def test_sweep_has_both_polarities(silver: DiffusiveSwitch) -> None:
    sweep = np.concatenate([np.linspace(0, -0.2, 201), np.linspace(-0.2, 0, 201)])
    current = silver.iv(sweep)
    on = np.abs(current) > 1e-6
    turns = sweep[1:][np.diff(on.astype(int)) != 0]
    assert turns[0] == pytest.approx(-0.119, abs=5e-3)
    assert turns[1] == pytest.approx(-0.006, abs=20e-3)
    assert current[200] == pytest.approx(-0.2 / 1434, rel=1e-3)
    assert current[-1] == 0


def test_pulse_sets_and_resets_in_the_printed_times(silver: DiffusiveSwitch) -> None:
    """A pulse of 1.5 V and 1 us. Printed: set in less than 210 ns, reset in less than 240 ns.

    The paper's definition of these times is not known here. Between 10 and 90 % of X, the usual one,
    the equations give 196 and 220 ns, inside both. From the edge of the pulse they give 182 ns to
    X = 1/2 and 282 ns to 0.9, outside; and back, 128 ns to 1/2 and 320 ns to 0.03, outside. Another
    simulation of these equations had 246 to 264 ns and 324 ns from the edge, with its levels not
    stated: here X is then at 0.80 to 0.85, and at 0.03.
    """
    response = silver.pulses(amplitude=1.5, width=1e-6, period=2e-6, count=1, series_resistance=1.0, capacitance=1e-13)
    x, time = response.state["x"], response.time
    top = int(np.argmax(x))

    def passes(level: float, *, falling: bool = False) -> float:
        if falling:
            return float(np.interp(-level, -x[top:], time[top:]))
        return float(np.interp(level, x[: top + 1], time[: top + 1]))

    set_time = passes(0.9) - passes(0.1)
    reset_time = passes(0.1, falling=True) - passes(0.9, falling=True)
    assert set_time < 210e-9
    assert reset_time < 240e-9
    assert (set_time, reset_time) == pytest.approx((196e-9, 220e-9), abs=1e-9)
    assert response.spikes == pytest.approx([182e-9], abs=1e-9)
    assert passes(0.03, falling=True) - 1e-6 == pytest.approx(324e-9, abs=12e-9)
    assert np.interp([246e-9, 264e-9], time, x) == pytest.approx((0.80, 0.85), abs=0.01)
    # The same by quadrature of (1).
    assert silver.time_between(0.1, 0.9, 1.5) == pytest.approx(set_time, rel=2e-3)
    assert silver.time_between(0.9, 0.1, 0.0) == pytest.approx(reset_time, rel=2e-3)


def test_constant_supply_locks_and_pulses_fire(silver: DiffusiveSwitch) -> None:
    locked = silver.transient(supply=1.0, series_resistance=10e3, capacitance=1e-9, duration=100e-6)
    assert len(locked.offs) == 0
    assert silver.v_hold < locked.voltage[-1] < silver.v_th
    assert 0.1 < locked.state["x"][-1] < 0.9
    fired = silver.pulses(amplitude=1.5, width=1e-6, period=2e-6, count=5, series_resistance=1e3, capacitance=1e-11)
    assert (len(fired.spikes), len(fired.offs)) == (5, 5)
    assert fired.frequency == pytest.approx(500e3, rel=1e-4)


def test_state_stays_between_zero_and_one(silver: DiffusiveSwitch) -> None:
    for voltage in (-1.0, -0.1, 0.0, 0.1, 0.26, 1.5):
        assert silver.rate(0.0, voltage) >= 0 >= silver.rate(1.0, voltage)


def test_switch_takes_its_numbers_from_the_device(silver: DiffusiveSwitch) -> None:
    switch = silver.switch()
    assert (switch.v_th, switch.v_hold, switch.r_met) == (0.267, 0.08, 806.0)
    assert switch.r_ins == pytest.approx(0.267 / 1e-12)
    assert switch.t_mit == pytest.approx(220e-9, abs=1e-9)


def test_refuses(silver: DiffusiveSwitch) -> None:
    with pytest.raises(ValueError, match="the model has no temperature"):
        silver.at_temperature(310.0)
    with pytest.raises(ValueError, match=r"v_hold must be below v_th \(0.267 V\), not 0.3 V"):
        replace(silver, v_hold=0.3)
    with pytest.raises(ValueError, match="v_hold_negative must be above v_th_negative"):
        replace(silver, v_hold_negative=-0.2)
    with pytest.raises(ValueError, match="width must be below period"):
        silver.pulses(amplitude=1, width=2e-6, period=2e-6, count=1, series_resistance=1e3, capacitance=1e-11)
    with pytest.raises(ValueError, match=r"voltage must drive the state from 0.0 to 0.5, not be 0.1 V"):
        silver.time_between(0.0, 0.5, 0.1)
