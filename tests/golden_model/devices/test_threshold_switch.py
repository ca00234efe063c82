from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuristor.golden_model.devices.catalogue import catalogue, preset
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.neurons.lif import from_circuit

ONN = {"supply": 2.5, "series_resistance": 20e3, "capacitance": 100e-12}


def onn(**changes: float) -> Circuit:
    return Circuit(device=preset("vo2-onn").device, **(ONN | changes))


def integrate(circuit: Circuit, current: float, cycles: int) -> list[tuple[float, bool]]:
    """Switching times by SciPy, events located: the judge of the closed forms."""
    device = circuit.device
    time, v, metallic = 0.0, device.v_hold, False
    switches = []
    while len(switches) < 2 * cycles:
        resistance = device.r_met if metallic else device.r_ins
        level = device.v_hold if metallic else device.v_th

        def rate(_: float, y: np.ndarray, r: float = resistance) -> np.ndarray:
            charge = (circuit.supply - y) / circuit.series_resistance + current - y / r
            return charge / circuit.capacitance

        def crossing(_: float, y: np.ndarray, level: float = level) -> float:
            return float(y[0] - level)

        crossing.terminal = True  # type: ignore[attr-defined]
        crossing.direction = -1 if metallic else 1  # type: ignore[attr-defined]
        solution = solve_ivp(
            rate, (0, 1e-3), [v], method="DOP853", events=crossing, rtol=1e-12, atol=1e-14, max_step=1e-6
        )
        time, v, metallic = time + solution.t_events[0][0], level, not metallic
        switches.append((time, metallic))
    return switches


@pytest.mark.parametrize("current", [0.0, 5e-6, 40e-6])
def test_closed_form_periods_agree_with_an_ode_solver(current: float) -> None:
    circuit = onn()
    t_ins, t_met = circuit.periods(current)
    times = [time for time, _ in integrate(circuit, current, 2)]
    assert t_ins == pytest.approx(times[2] - times[1], rel=1e-9)
    assert t_met == pytest.approx(times[1] - times[0], rel=1e-9)
    assert circuit.frequency(current) == pytest.approx(1 / (times[3] - times[1]), rel=1e-9)


def test_published_operating_points() -> None:
    assert onn().frequency() == pytest.approx(240.2e3, rel=1e-3)
    low, high = onn().series_resistance_window
    assert (low, high) == (pytest.approx(1.51e3, rel=1e-2), pytest.approx(25.7e3, rel=1e-2))
    spice = Circuit(device=preset("vo2-maffezzoni").device, supply=14.0, series_resistance=47e3, capacitance=300e-12)
    # The netlist's transitions take 30 ns each, which the two-state closed form does not have.
    t_netlist, t_closed = 1 / 688e3, 1 / spice.frequency()
    assert t_closed < t_netlist < t_closed + 2 * 30e-9


@pytest.mark.parametrize(("resistance", "regime"), [(1.4e3, "latches"), (20e3, "oscillates"), (26e3, "silent")])
def test_regimes(resistance: float, regime: str) -> None:
    assert onn(series_resistance=resistance).regime() == regime


def test_window_edges_separate_the_regimes() -> None:
    low, high = onn().series_resistance_window
    assert onn(series_resistance=low * 0.999).regime() == "latches"
    assert onn(series_resistance=low * 1.001).regime() == "oscillates"
    assert onn(series_resistance=high * 0.999).regime() == "oscillates"
    assert onn(series_resistance=high * 1.001).regime() == "silent"


def test_currents_between_which_it_fires(vo2: Circuit) -> None:
    low, high = vo2.firing_currents
    assert vo2.regime(low * 0.999) == "silent"
    assert vo2.regime(low * 1.001) == "oscillates"
    assert vo2.regime(high * 0.999) == "oscillates"
    assert vo2.regime(high * 1.001) == "latches"
    assert vo2.frequency(0.0) == 0.0
    with pytest.raises(ValueError, match="is silent at 0 A; it fires repeatedly between"):
        vo2.periods()


def test_lif_mapping_takes_every_number_from_the_device(vo2: Circuit) -> None:
    params = from_circuit(vo2, count=3, dt=250e-9)
    parallel = 20e3 * 100.2e3 / 120.2e3
    assert params.tau == pytest.approx(1e-9 * parallel)
    assert params.input_resistance == pytest.approx(parallel)
    assert params.rest == pytest.approx(1.5 * 100.2e3 / 120.2e3)
    assert (params.threshold, params.hold) == (1.99, 1.00)
    tau_met, v_met = 1e-9 * 20e3 * 990 / 20990, 1.5 * 990 / 20990
    assert params.refractory == pytest.approx(tau_met * math.log((1.99 - v_met) / (1.0 - v_met)) + 30e-9)


def test_lif_mapping_refuses_an_oscillator_and_a_latch() -> None:
    with pytest.raises(ValueError, match=r"supply must be below 2\.387 V for a neuron that is silent"):
        from_circuit(onn(), count=1, dt=1e-8)
    with pytest.raises(ValueError, match="series_resistance must be above"):
        from_circuit(onn(supply=1.4, series_resistance=300.0), count=1, dt=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_hold": 2.0}, "v_hold must be below v_th"),
        ({"r_ins": -5.0}, "r_ins must be a positive number, not -5.0"),
        ({"r_met": 200e3}, "r_met must be below r_ins"),
        ({"t_mit": float("nan")}, "t_mit must be zero or a positive number, not nan"),
    ],
)
def test_device_refuses(changes: dict[str, Any], message: str) -> None:
    numbers = {"r_ins": 100e3, "r_met": 1e3, "v_th": 2.0, "v_hold": 1.0} | changes
    with pytest.raises(ValueError, match=message):
        ThresholdSwitch(**numbers)


def test_catalogue_numbers_have_a_source_and_a_tag() -> None:
    assert "vo2-maffezzoni" in catalogue()
    for entry in catalogue().values():
        assert entry.paper
        if entry.kind == "threshold_switch" and not entry.missing:
            assert entry.device.v_hold < entry.device.v_th
        for number in entry.numbers.values():
            assert number.tag in ("verified", "chosen", "unverified")
            assert number.source
    assert not preset("vo2-velichko").verified
    with pytest.raises(ValueError, match="preset must be one of vo2-maffezzoni"):
        preset("nbo2")
