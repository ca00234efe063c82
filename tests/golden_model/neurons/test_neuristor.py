from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.devices.two_channel import NeuristorCircuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.neurons.neuristor import (
    NOT_REPRODUCED,
    NeuristorBitTrue,
    NeuristorParams,
    NeuristorReference,
    behaviours,
    bound,
    shadow,
    step,
    swing,
    window,
)
from neuristor.golden_model.variability import Variability
from tests.marks import the_rest_is_extended
from tests.samples import corner_drive
from tests.samples.neuristor import VARIANTS, neuristor_circuit
from tests.samples.neuristor import params as neuristor_params

NGSPICE = shutil.which("ngspice")
Floats = np.ndarray
RATES = {50e-9: 129, 100e-9: 311, 200e-9: 640, 500e-9: 1391, 1e-6: 1871, 2e-6: 2203, 5e-6: 2607, 10e-6: 2283}
"""Published rates in hertz, by input current in ampere."""
BEHAVIOURS = {each.name: each for each in behaviours(neuristor_params("plain", 1))}


def rate(times: Floats) -> float:
    return float((len(times) - 1) / (times[-1] - times[0]))


def constant(params: NeuristorParams, inputs: Floats, duration: float) -> Floats:
    return np.tile(params.drive_volts(inputs), (round(duration / params.dt), 1))


@pytest.mark.extended
def test_rates_are_the_published_ones() -> None:
    params = neuristor_params("plain", len(RATES), dt=2e-6)
    _, times = NeuristorReference(params).run(constant(params, np.array(list(RATES)), 0.1))
    for found, published in zip(times, RATES.values(), strict=True):
        assert rate(found) == pytest.approx(published, rel=0.01)


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
def test_bit_true_rates_are_the_published_ones_with_a_short_tick_and_wide_words() -> None:
    """As in the example; the lowest rate depends on how far a node is beyond its threshold when a tick ends."""
    words: dict[str, Any] = {"dt": 0.25e-6, "membrane": Format(2, 24), "coefficient_bits": 18}
    params = neuristor_params("plain", len(RATES), **words)
    drive = np.tile(params.drive_raw(np.array(list(RATES))), (round(0.1 / params.dt), 1))
    trace = kernel.run(NeuristorBitTrue(params), drive, keep=True)
    for found, published in zip(spike_times(params, trace), RATES.values(), strict=True):
        assert rate(found) == pytest.approx(published, rel=0.01)


def spice(folder: Path, circuit: NeuristorCircuit, pieces: list[tuple[float, float]]) -> Floats:
    """When switch 2 turns on, of ngspice's own switch model, for pieces of (duration, input)."""
    device = circuit.device
    middle, half = (device.v_th + device.v_hold) / 2, (device.v_th - device.v_hold) / 2
    points, now, rise = ["0 0"], 0.0, 1e-9
    for duration, value in pieces:
        points.append(f"{now + rise!r} {value!r} {now + duration!r} {value!r}")
        now += duration
    v1, v2 = circuit.target(0)
    lines = [
        "two-channel neuristor",
        f"ve1 e1 0 {-circuit.supply!r}",
        f"ve2 e2 0 {circuit.supply!r}",
        "sw1 a e1 a e1 device off",
        "sw2 m b e2 b device off",
        "vm e2 m 0",
        f".model device sw vt={middle!r} vh={half!r} ron={device.r_met!r} roff={device.r_ins!r}",
        f"c1 a 0 {circuit.capacitance_1!r}",
        f"c2 b 0 {circuit.capacitance_2!r}",
        f"r2 a b {circuit.coupling_resistance!r}",
        f"rl b 0 {circuit.load_resistance!r}",
        f".ic v(a)={float(v1)!r} v(b)={float(v2)!r}",
    ]
    waveform = f"pwl({' '.join(points)})"
    if circuit.voltage_input:
        lines.append(f"vin i 0 {waveform}")
        lines += [f"rin i a {circuit.input_resistance!r}"] if circuit.input_resistance else []
        lines += [f"cin i a {circuit.input_capacitance!r}"] if circuit.input_capacitance else []
    else:
        lines.append(f"iin 0 a {waveform}")
    step = circuit.fastest / 100
    lines += [
        ".options reltol=1e-6 abstol=1e-15 vntol=1e-9 chgtol=1e-20 trtol=1",
        f".tran {step!r} {now!r} 0 {step!r} uic",
        ".control",
        "set wr_singlescale",
        "set numdgt=14",
        "run",
        "wrdata waves.txt v(e2) v(b) i(vm)",
        "quit",
        ".endc",
        ".end",
    ]
    (folder / "deck.cir").write_text("\n".join(lines) + "\n", "utf-8")
    assert NGSPICE is not None
    done = subprocess.run([NGSPICE, "-b", "-n", "deck.cir"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    time, high, low, current = np.loadtxt(folder / "waves.txt").T
    assert time[-1] == pytest.approx(now, rel=1e-6)
    metallic = current > (high - low) / np.sqrt(device.r_ins * device.r_met)
    return np.asarray(time[1:][metallic[1:] & ~metallic[:-1]])


def ours(circuit: NeuristorCircuit, pieces: list[tuple[float, float]], dt: float = 2e-6) -> Floats:
    params = NeuristorParams(circuit=circuit, count=1, dt=dt)
    drive = np.concatenate([constant(params, np.array([value]), duration) for duration, value in pieces])
    return NeuristorReference(params).run(drive)[1][0]


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
@pytest.mark.parametrize("current", RATES)
def test_rates_match_ngspice(current: float, tmp_path: Path) -> None:
    duration = max(0.01, 6 / RATES[current])
    judged = spice(tmp_path, neuristor_circuit(), [(duration, current)])
    found = ours(neuristor_circuit(), [(duration, current)])
    assert len(found) == len(judged) >= 4
    assert rate(found) == pytest.approx(rate(judged), rel=0.01)


MODES: dict[str, tuple[dict[str, float], list[tuple[float, float]]]] = {
    "pulse": ({}, [(0.2e-3, 2e-6), (3e-3, 0.0)]),
    "inhibition": ({}, [(1e-3, 0.0), (12e-3, -100e-9), (3e-3, 0.0)]),
    "blocked": ({}, [(10e-3, 20e-6)]),
    "resistor": ({"input_resistance": 1e6}, [(1e-3, 0.0), (20e-3, 0.5)]),
    "capacitor": ({"input_capacitance": 10e-9}, [(1e-3, 0.0), (10e-3, 0.3)]),
    "both": ({"input_capacitance": 10e-9, "input_resistance": 1e6}, [(1e-3, 0.0), (15e-3, 0.5)]),
}


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
@pytest.mark.parametrize("mode", MODES)
def test_firing_modes_match_ngspice(mode: str, tmp_path: Path) -> None:
    elements, pieces = MODES[mode]
    judged = spice(tmp_path, neuristor_circuit(**elements), pieces)
    found = ours(neuristor_circuit(**elements), pieces)
    assert (len(found) == 0) == (mode == "blocked")
    assert len(found) == len(judged)
    assert found == pytest.approx(judged, rel=0.01)


@pytest.mark.parametrize("name", the_rest_is_extended(BEHAVIOURS, ["tonic_spiking", "phasic_spiking"]))
def test_behaviour_is_shown_in_float_and_bit_true(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    raw = behaviour.params.drive_raw(behaviour.current[:, None])
    _, times = NeuristorReference(behaviour.params, locate=False).run(behaviour.params.drive.value(raw))
    assert behaviour.shown(times[0])
    assert behaviour.shown(spike_times(behaviour.params, NeuristorBitTrue(behaviour.params).run(raw))[0])


def test_all_published_behaviours_are_shown_or_listed() -> None:
    assert len(BEHAVIOURS) + len(NOT_REPRODUCED) == 23
    assert not BEHAVIOURS.keys() & NOT_REPRODUCED.keys()


def test_a_device_that_is_almost_linear_loses_behaviours() -> None:
    circuit = neuristor_circuit()
    dull = replace(circuit, device=replace(circuit.device, r_met=2e6))
    kept = 0
    for behaviour in behaviours(replace(neuristor_params("plain", 1), circuit=dull)):
        drive = behaviour.params.drive_volts(behaviour.current[:4000, None])
        _, times = NeuristorReference(behaviour.params, locate=False).run(drive)
        try:
            kept += bool(behaviour.shown(times[0]))
        except (IndexError, ValueError):
            continue
    assert kept <= 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_step_is_the_same_for_arrays_and_integers(variant: str) -> None:
    params = neuristor_params(variant, 4)
    names = ("membrane", "output", "channel_1", "channel_2", "last", "noise")
    columns = ("threshold_1_raw", "hold_1_raw", "threshold_2_raw", "hold_2_raw")
    drive = corner_drive(params, 200, seed=3)
    model = NeuristorBitTrue(params)
    plain = [[int(getattr(model, name)[neuron]) for name in names] for neuron in range(4)]
    assert model.run(drive[:0])["spike"].shape == (0, 4)
    for row in drive:
        fired = model.step(row)
        for neuron in range(4):
            own = [int(getattr(params, name)[neuron]) for name in columns]
            *state, spike, _ = step(params.raw, *plain[neuron], *own, int(row[neuron]))
            assert bool(spike) == bool(fired[neuron])
            assert state == [int(getattr(model, name)[neuron]) for name in names]
            plain[neuron] = state


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "saturating"])
def test_bit_true_membrane_is_within_the_bound(variant: str) -> None:
    params = neuristor_params(variant, 4)
    drive = np.repeat(corner_drive(params, 40, seed=4) // 8, 30, axis=0)
    trace = NeuristorBitTrue(params).run(drive)
    volts = params.drive.value(drive)
    made = shadow(params, volts, trace)
    error = np.abs(params.membrane.value(trace["membrane"]) - made).max()
    assert 0 < error <= bound(params, swing(params, volts, made)).total


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("variant", ["noise and spread", "capacitive input"])
def test_kernel_gives_the_same_bits(variant: str) -> None:
    params = neuristor_params(variant, 5)
    drive = corner_drive(params, 500, seed=6)
    trace = NeuristorBitTrue(params).run(drive)
    compiled = kernel.run(NeuristorBitTrue(params), drive, keep=True)
    assert all(np.array_equal(trace[name], compiled[name]) for name in trace)


def test_thresholds_scatter_as_asked() -> None:
    spread = Variability(threshold_d2d=0.01, hold_d2d=0.02, threshold_c2c=0.01, seed=3)
    params = neuristor_params("plain", 4000, spread=spread)
    both = np.concatenate([params.threshold_1_raw, params.threshold_2_raw]) * params.membrane.resolution
    assert both.std() == pytest.approx(0.01, rel=0.05)
    assert both.mean() == pytest.approx(1.0 - 0.9, abs=0.001)
    assert abs(np.corrcoef(params.threshold_1_raw, params.threshold_2_raw)[0, 1]) < 0.05


@pytest.mark.extended
def test_window_ends_where_the_neuristor_is_blocked() -> None:
    low, high = window(neuristor_params("plain", 1, dt=2e-6))
    assert low < 50e-9
    assert 10e-6 < high < 20e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"supply": 0.7},
            r"supply must be between 750 mV and 1 V, \(V_th \+ V_hold\) / 2 and V_th, for the",
        ),
        ({"supply": 1.05}, "supply must be between 750 mV and 1 V"),
        ({"capacitance_1": 0.0}, "capacitance_1 must be a positive number, not 0.0"),
        ({"input_resistance": -1.0}, "input_resistance must be zero or a positive number, not -1.0"),
    ],
)
def test_wrong_circuits_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        neuristor_circuit(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 1e-3}, "dt must be at most 57.85 us, the shortest time constant, not 1 ms"),
        ({"spread": Variability(threshold_d2d=0.5, seed=2)}, "must leave every threshold above its hold voltage"),
        ({"spread": Variability(dead=0.5)}, "dead must be 0 in the model neuristor, not 0.5"),
        ({"coefficient_bits": 20}, "coefficient_bits must be an integer between 8 and 18, not 20"),
    ],
)
def test_wrong_parameters_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        neuristor_params("plain", 50, **change)
