from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.device import Transient
from neuristor.golden_model.devices.mott import MottMemristor
from neuristor.golden_model.devices.threshold_switch import Circuit

VO2 = {"supply": 1.6, "series_resistance": 20e3, "capacitance": 100e-12}
NBO2 = {"supply": 3.0, "series_resistance": 10e3, "capacitance": 1e-12}


def device(name: str) -> MottMemristor:
    found = preset(name).device
    assert isinstance(found, MottMemristor)
    return found


@cache
def response(name: str) -> Transient:
    if name == "vo2-mott":
        return device(name).transient(**VO2, duration=12e-6)
    return device(name).transient(**NBO2, duration=100e-9)


def test_extrema_as_printed() -> None:
    low, high = device("vo2-mott").extrema
    assert low == pytest.approx(0.005666, abs=5e-7)
    assert (round(low, 5), round(high, 5)) == (0.00567, 0.60628)  # arXiv 2403.01036


def test_extrema_are_those_of_the_steady_voltage() -> None:
    for name in ("vo2-mott", "nbo2-mott"):
        memristor = device(name)
        for u, sign in zip(memristor.extrema, (1, -1), strict=True):
            at, below, above = (memristor.steady_voltage(u * (1 + h)) for h in (0, -1e-3, 1e-3))
            assert sign * at > sign * below
            assert sign * at > sign * above


def test_thresholds() -> None:
    vo2, nbo2 = device("vo2-mott").switch(), device("nbo2-mott").switch()
    assert vo2.v_th == pytest.approx(1.007, abs=5e-4)
    assert vo2.v_th / vo2.r_ins == pytest.approx(9.1e-6, abs=5e-8)
    assert vo2.v_hold == pytest.approx(0.097, abs=5e-4)
    assert vo2.v_hold / vo2.r_met == pytest.approx(0.97e-3, abs=5e-6)
    assert (round(nbo2.v_th, 2), round(nbo2.v_hold, 2)) == (1.80, 0.80)
    assert device("vo2-mott").resistance(0.0) == pytest.approx(123e3, rel=5e-3)
    assert device("vo2-mott").resistance(1.0) == pytest.approx(37, rel=5e-3)


def judge(memristor: MottMemristor, circuit: dict[str, float], duration: float) -> float:
    """Frequency from equations (1) to (4) in u itself, as the paper has them, by another method."""
    m, area = memristor, np.pi * memristor.radius**2
    difference = m.transition_temperature - m.ambient

    def rate(_: float, y: np.ndarray) -> list[float]:
        v, u = y[0], min(max(y[1], 1e-9), 1 - 1e-9)  # trial points of the solver may lie outside
        log = np.log(u)
        resistance = m.rho_ins * m.length / area / (1 + (m.rho_ins / m.rho_met - 1) * u**2)
        loss = 2 * np.pi * m.length * m.kappa / -log * difference
        slope = m.c_p * difference * (1 - u**2 + 2 * u**2 * log) / (2 * u * log**2) + 2 * m.dh * u
        charge = (circuit["supply"] - v) / circuit["series_resistance"] - v / resistance
        return [charge / circuit["capacitance"], (v * v / resistance - loss) / (m.length * area * slope)]

    def on(_: float, y: np.ndarray) -> float:
        return float(y[1]) - 0.1

    on.direction = 1  # type: ignore[attr-defined]
    solution = solve_ivp(rate, (0, duration), [0, 1e-3], method="BDF", rtol=1e-7, atol=[1e-9, 1e-13], events=on)
    times = solution.t_events[0]
    return float((len(times) - 2) / (times[-1] - times[1]))


# VO2 in this circuit is quoted elsewhere with 0.69 MHz and 45 pJ. Equations (1) to (4) give 0.459 MHz and
# 59 pJ, the frequency also by another method in another variable, and 0.455 MHz as a switch in closed
# form. At 2.0 V they give 0.69 MHz, but 56 pJ: why the quoted pair differs is open. The capacitor
# alone dumps C (V_th^2 - V_hold^2) / 2 = 50 pJ.
@pytest.mark.parametrize(
    ("name", "frequency", "energy"), [("vo2-mott", 0.4589e6, 59.3e-12), ("nbo2-mott", 93.08e6, 2.24e-12)]
)
def test_oscillation(name: str, frequency: float, energy: float) -> None:
    found = response(name)
    assert found.frequency == pytest.approx(frequency, rel=1e-3)
    assert found.energy_per_spike == pytest.approx(energy, rel=3e-3)
    circuit, duration = (VO2, 12e-6) if name == "vo2-mott" else (NBO2, 100e-9)
    assert found.frequency == pytest.approx(judge(device(name), circuit, duration), rel=1e-5)


def test_frequency_at_two_volt() -> None:
    found = device("vo2-mott").transient(**(VO2 | {"supply": 2.0}), duration=8e-6)
    assert found.frequency == pytest.approx(0.69e6, rel=5e-3)


def test_energy_is_conserved() -> None:
    # Over a cycle, supply energy = loss in the series resistor + energy of the device.
    found = response("vo2-mott")
    start, stop = found.spikes[-2:]
    inside = (found.time >= start) & (found.time <= stop)
    feed = (1.6 - found.voltage[inside]) / 20e3
    fed = np.trapezoid(feed * found.voltage[inside], found.time[inside])
    assert found.energy_per_spike == pytest.approx(float(fed), rel=5e-3)


def test_slow_oscillation_approaches_the_two_state_switch() -> None:
    # VO2: the core is a thousand times faster than the capacitor, so only R(u) < V_th separates them.
    switch = Circuit(device=device("vo2-mott").switch(), **VO2)
    assert response("vo2-mott").frequency == pytest.approx(switch.frequency(), rel=0.02)
    assert switch.regime() == "oscillates"


def test_window_edges_of_the_switch_hold_for_the_memristor() -> None:
    memristor = device("vo2-mott")
    _, high = Circuit(device=memristor.switch(), **VO2).series_resistance_window
    silent = memristor.transient(**(VO2 | {"series_resistance": 1.02 * high}), duration=100e-6)
    assert len(silent.spikes) == 0
    alive = memristor.transient(**(VO2 | {"series_resistance": 0.98 * high}), duration=100e-6)
    assert len(alive.spikes) >= 2


def test_slow_sweep_has_hysteresis_in_both_polarities() -> None:
    memristor = device("vo2-mott")
    v_th, v_hold = memristor.switch().v_th, memristor.switch().v_hold
    sweep = np.array([0.0, 0.999 * v_th, 1.001 * v_th, 1.001 * v_hold, 0.999 * v_hold])
    current = memristor.iv(sweep)
    assert current[0] == 0
    resistance = sweep[1:] / current[1:]
    assert list(resistance > 10e3) == [True, False, False, True]
    np.testing.assert_array_equal(memristor.iv(-sweep), -current)


def test_temperature_scales_both_thresholds_by_the_square_root() -> None:
    memristor = device("vo2-mott")
    warm, law = memristor.at_temperature(320.0).switch(), memristor.switch().at_temperature(320.0)
    assert warm.v_th == pytest.approx(law.v_th, rel=1e-12)
    assert warm.v_hold == pytest.approx(law.v_hold, rel=1e-12)
    with pytest.raises(ValueError, match=r"ambient must be below the transition temperature \(340.0 K\), not 341"):
        memristor.at_temperature(341.0)


def test_refuses_resistivities_without_a_threshold() -> None:
    with pytest.raises(ValueError, match=r"rho_ins must be more than 8\.389 times rho_met for a threshold, not 8"):
        replace(device("vo2-mott"), rho_met=1e-2 / 8)
