from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet
from neuristor.golden_model.devices.catalogue import DEVICES, catalogue, preset
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch

COMPLETE = [name for name, entry in catalogue().items() if not entry.missing]
INCOMPLETE = [name for name, entry in catalogue().items() if entry.missing]


@pytest.mark.parametrize("name", catalogue())
def test_every_number_has_a_source_and_a_tag(name: str) -> None:
    entry = preset(name)
    assert entry.title
    assert entry.paper
    assert set(entry.classes) <= {"HH", "LIF", "oscillation"}
    assert entry.classes
    assert set(entry.numbers) <= {field.name for field in fields(DEVICES[entry.kind])}
    for table in (entry.numbers, entry.circuit, entry.pulses, entry.figures):
        for number in (table or {}).values():
            assert number.tag in ("verified", "chosen", "unverified")
            assert number.source
            assert np.isfinite(number.value)
    for number in entry.numbers.values():
        assert number.tag != "verified" or "recalled" not in number.source


@pytest.mark.parametrize("name", COMPLETE)
def test_complete_entries_build_and_answer(name: str) -> None:
    device = preset(name).device
    assert type(device) is DEVICES[preset(name).kind]
    if isinstance(device, AntiferroelectricFet):
        assert np.isfinite(device.pulses(np.full(20, 3.0), pulse_period=2e-6).polarisation).all()
        return
    top = 1.5 * device.switch().v_th
    sweep = np.concatenate([np.linspace(0, top, 40), np.linspace(top, -top, 80), np.linspace(-top, 0, 40)])
    current = device.iv(sweep)
    assert np.isfinite(current).all()
    assert (current * sweep >= 0).all()


@pytest.mark.parametrize("name", INCOMPLETE)
def test_incomplete_entries_say_what_they_lack(name: str) -> None:
    entry = preset(name)
    assert not entry.verified
    assert entry.figures
    with pytest.raises(ValueError, match=f"{name} must have every number of a threshold_switch, but lacks .*v_hold"):
        _ = entry.device


def test_every_class_has_an_entry_and_the_table_is_there() -> None:
    assert {preset(name).kind for name in COMPLETE} == set(DEVICES)
    assert INCOMPLETE == [
        "vo2-yuan", "vo2-shukla", "vo2-1t1mr", "vox-shih", "v-alox", "nbox-visual",
        "nbox-self-oscillating", "nbox-1t", "vo2-nano",
    ]  # fmt: skip


def test_values_of_the_first_presets() -> None:
    first = {"r_ins": 100.2e3, "r_met": 0.99e3, "v_th": 1.99, "v_hold": 1.00, "t_imt": 30e-9, "t_mit": 30e-9}
    assert preset("vo2-maffezzoni").device == ThresholdSwitch(**first, transition_temperature=341.0)
    assert preset("vo2-onn").device == ThresholdSwitch(**(first | {"v_hold": 0.99}), transition_temperature=341.0)
    assert preset("vo2-maffezzoni").verified
    assert not preset("vo2-velichko").verified


def test_threshold_voltages_fall_with_temperature() -> None:
    device = preset("vo2-onn").device
    warm = device.at_temperature(320.0)
    scale = np.sqrt((341 - 320) / (341 - 300))
    assert warm.v_th == pytest.approx(1.99 * scale)
    assert warm.v_hold == pytest.approx(0.99 * scale)
    assert warm.at_temperature(300.0).v_th == pytest.approx(1.99)
    with pytest.raises(ValueError, match=r"ambient must be below the transition temperature \(341.0 K\), not 350"):
        device.at_temperature(350.0)
    with pytest.raises(ValueError, match="the model has no temperature"):
        ThresholdSwitch(r_ins=1e5, r_met=1e3, v_th=2.0, v_hold=1.0).at_temperature(310.0)


@pytest.mark.parametrize("name", ["vo2-maffezzoni", "vo2-onn", "vo2-velichko"])
def test_transient_of_a_switch_agrees_with_the_closed_form(name: str) -> None:
    entry = preset(name)
    assert entry.circuit is not None
    values = {key: number.value for key, number in entry.circuit.items()}
    device = replace(entry.device, t_imt=0.0, t_mit=0.0)
    circuit = Circuit(device=device, **values)
    t_ins, t_met = circuit.periods()
    response = device.transient(**values, duration=8 * (t_ins + t_met))
    assert response.frequency == pytest.approx(circuit.frequency(), rel=1e-7)
    assert response.duty == pytest.approx(t_met / (t_ins + t_met), rel=1e-6)
    # Energy of the device in a cycle = what the resistor feeds in; the capacitor ends where it began.
    inside = (response.time >= response.spikes[-2]) & (response.time <= response.spikes[-1])
    v = response.voltage[inside]
    feed = (circuit.supply - v) / circuit.series_resistance
    assert response.energy_per_spike == pytest.approx(np.trapezoid(feed * v, response.time[inside]), rel=1e-3)


def test_silent_and_latched_switches_have_no_frequency() -> None:
    device = preset("vo2-onn").device
    silent = device.transient(supply=1.5, series_resistance=20e3, capacitance=1e-10, duration=1e-4)
    latched = device.transient(supply=2.5, series_resistance=1e3, capacitance=1e-10, duration=1e-4)
    assert (len(silent.spikes), len(latched.spikes), len(latched.offs)) == (0, 1, 0)
    assert silent.frequency == latched.frequency == latched.duty == latched.energy_per_spike == 0


def test_slow_sweep_of_a_switch_has_hysteresis() -> None:
    device = preset("vo2-onn").device
    sweep = np.array([1.0, 1.98, 2.0, 1.0, 0.98, -1.98, -2.0, -1.0, 0.0])
    metallic = np.abs(device.iv(sweep)) > np.abs(sweep) / 50e3
    assert metallic.tolist() == [False, False, True, True, False, False, True, True, False]
