"""The device's own firing rate against that of the two-state neuron that stands for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.integrate import trapezoid

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.reduction import Reduction, device_rate
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch

SPICE = {"supply": 14.0, "series_resistance": 47e3, "capacitance": 300e-12}
ONN = {"supply": 2.5, "series_resistance": 20e3, "capacitance": 100e-12}


def rate(device: ThresholdSwitch, given: dict[str, float], current: float = 0.0) -> float:
    return float(device_rate(device, Circuit(device=device.switch(), **given), given, [current])[0])


def stepped(device: ThresholdSwitch, supply: float, series_resistance: float, capacitance: float) -> float:
    """The same circuit in short Euler steps, written again from equations 1 and 7."""
    dt = min(t for t in (device.t_imt, device.t_mit, 1e-9) if t) / 100
    v, m, on, spikes = 0.0, 0.0, False, []
    for n in range(2_000_000):
        tau = device.t_imt if on else device.t_mit
        m = m + (on - m) * dt / tau if tau else float(on)
        v += dt * ((supply - v) / series_resistance - v * ((1 - m) / device.r_ins + m / device.r_met)) / capacitance
        if on and v < device.v_hold:
            on = False
        elif not on and v > device.v_th:
            on = True
            spikes.append(n * dt)
            if len(spikes) == 6:
                break
    return float(1 / np.diff(spikes[2:]).mean())


@pytest.mark.parametrize("current", [-3e-6, 0.0, 2e-6, 2e-5])
def test_a_two_state_device_fires_at_the_closed_form_rate(current: float) -> None:
    device = dataclasses.replace(preset("vo2-onn").device, t_imt=0.0, t_mit=0.0)
    assert rate(device, ONN, current) == pytest.approx(Circuit(device=device, **ONN).frequency(current), rel=1e-6)


@pytest.mark.parametrize("current", [-2e-5, 2.0])
def test_a_device_that_is_silent_or_latches_has_no_rate(current: float) -> None:
    device = dataclasses.replace(preset("vo2-onn").device, t_imt=0.0, t_mit=0.0)
    assert rate(device, ONN, current) == 0


def test_transitions_that_take_time_slow_the_oscillation() -> None:
    device: ThresholdSwitch = preset("vo2-maffezzoni").device
    ideal = Circuit(device=device, **SPICE).frequency()
    assert ideal == pytest.approx(695.5e3, rel=1e-3)
    # 30 ns each, as a first-order lag: about 628 kHz (624 with a lag of the resistance, 632 of the conductance).
    assert rate(device, SPICE) == pytest.approx(628e3, rel=0.01)
    found = [rate(dataclasses.replace(device, t_imt=t, t_mit=t), SPICE) for t in (0.0, 1e-10, 3e-9, 3e-8, 1e-7)]
    assert found[0] == pytest.approx(ideal, rel=1e-7)
    assert found[1] == pytest.approx(ideal, rel=1e-3)
    assert (np.diff(found) < 0).all()


@pytest.mark.extended
@pytest.mark.parametrize(("t_imt", "t_mit"), [(3e-8, 3e-8), (3e-8, 0.0), (0.0, 3e-8), (1e-7, 2e-8)])
def test_transitions_agree_with_short_euler_steps(t_imt: float, t_mit: float) -> None:
    device = dataclasses.replace(preset("vo2-maffezzoni").device, t_imt=t_imt, t_mit=t_mit)
    assert rate(device, SPICE) == pytest.approx(stepped(device, **SPICE), rel=3e-3)


def test_the_state_of_a_transition_is_between_its_ends() -> None:
    device = dataclasses.replace(preset("vo2-onn").device, t_imt=1e-7, t_mit=0.0)
    wave = device.transient(duration=2e-5, **ONN)
    metallic = wave.state["metallic"]
    assert 0 == metallic.min() < metallic.max() < 1
    conductance = (1 - metallic) / device.r_ins + metallic / device.r_met
    assert wave.current == pytest.approx(wave.voltage * conductance)


def test_thermal_device_is_36_percent_slower_than_its_switch() -> None:
    device = preset("vo2-thermal").device
    given = {"supply": 12.0, "series_resistance": 12e3, "capacitance": 145.34619293e-12}
    circuit = Circuit(device=device.switch(), **given)
    current = np.array([0.0])
    found = Reduction(current, device_rate(device, circuit, given, [0.0]), np.array([circuit.frequency()]))
    assert found.device[0] == pytest.approx(328.9e3, rel=1e-3)
    assert found.worst == pytest.approx(0.36, abs=0.001)


def test_errors_of_rates() -> None:
    found = Reduction(np.arange(4.0), np.array([0.0, 2.0, 0.0, 4.0]), np.array([0.0, 3.0, 1.0, 0.0]))
    assert found.error.tolist() == [0.0, 0.5, np.inf, -1.0]
    assert found.worst == np.inf


def test_pulsed_device_fires_after_as_many_pulses_as_its_equation_needs() -> None:
    device = preset("hzo-afefet").device
    given = {"pulse_period": 2e-6, "pulse_voltage": 3.0}
    circuit = device.lif_circuit(**given)
    rates = device_rate(device, circuit, given, [0.0, 0.5, 1.0])
    p, needed = 0.0, 0
    while p < device.p_th:
        p = (1 - device.leak(2e-6)) * p + device.gain(3.0) * (device.p_max - p)
        needed += 1
    assert rates[2] == pytest.approx(1 / (2e-6 * needed))
    assert rates[0] == 0 <= rates[1] < rates[2] / 2


@pytest.mark.parametrize("name", ["vo2-onn", "vo2-thermal"])
def test_supply_gives_the_energy_of_device_and_resistor(name: str) -> None:
    entry = preset(name)
    given = {key: number.value for key, number in (entry.circuit or {}).items()}
    wave = entry.device.transient(duration=4e-5, **given)
    start, stop = wave.spikes[-2:]
    within = (wave.time >= start) & (wave.time <= stop)
    drop = given["supply"] - wave.voltage[within]
    resistor = trapezoid(drop**2 / given["series_resistance"], wave.time[within])
    taken = wave.supply_energy(supply=given["supply"], series_resistance=given["series_resistance"])
    assert taken == pytest.approx(wave.energy_per_spike + resistor, rel=2e-2)
    assert taken > 1.5 * wave.energy_per_spike


def test_insulating_resistance_follows_its_activation_energy() -> None:
    device = ThresholdSwitch(
        r_ins=1e5, r_met=1e3, v_th=2.0, v_hold=1.0, transition_temperature=341.0, activation=2500.0
    )
    warm = device.at_temperature(320.0)
    assert warm.r_ins == pytest.approx(1e5 * np.exp(2500 * (1 / 320 - 1 / 300)))
    assert warm.v_th == pytest.approx(2.0 * np.sqrt(21 / 41))
    assert warm.at_temperature(300.0).r_ins == pytest.approx(1e5)
    assert dataclasses.replace(device, activation=0.0).at_temperature(320.0).r_ins == 1e5
    with pytest.raises(ValueError, match="activation needs a transition_temperature"):
        ThresholdSwitch(r_ins=1e5, r_met=1e3, v_th=2.0, v_hold=1.0, activation=2500.0)
    with pytest.raises(ValueError, match="r_met must be below r_ins"):
        dataclasses.replace(device, activation=90_000.0).at_temperature(340.0)
