"""An independent circuit simulator as judge of the oscillator network."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.network import OscillatorNetwork, measure
from neuristor.golden_model.devices.threshold_switch import Circuit

NGSPICE = shutil.which("ngspice")
pytestmark = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")

Measured = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

PRESETS = {
    "1.6k": (2.5, 1.6e3, 1e-9),
    "2k": (2.5, 2e3, 1e-9),
    "14V": (14.0, 47e3, 300e-12),
    "5k": (2.5, 5e3, 1e-9),
    "20k": (2.5, 20e3, 100e-12),
}
"""Supply, series resistance, capacitance: from equal times in both states to 57 times as long in one."""
NEAR, FAR = [1.5, 1.49], [1.5, 1.0]
"""Voltages to start from: almost in phase, and not."""


def vo2(name: str) -> Circuit:
    supply, series_resistance, capacitance = PRESETS[name]
    device = preset("vo2-onn").device
    return Circuit(device=device, supply=supply, series_resistance=series_resistance, capacitance=capacitance)


def spice(
    folder: Path, circuit: Circuit, v_th: list[float], voltage: list[float], coupling: str, duration: float, step: float
) -> list[tuple[float, int, bool]]:
    """Switchings of ngspice's own switch model (hysteresis, two resistances)."""
    device = circuit.device
    lines = ["two-state oscillators", f"vdd s 0 {circuit.supply!r}"]
    for i, (high, v) in enumerate(zip(v_th, voltage, strict=True)):
        middle, half = (high + device.v_hold) / 2, (high - device.v_hold) / 2
        lines += [
            f"rs{i} s n{i} {circuit.series_resistance!r}",
            f"c{i} n{i} 0 {circuit.capacitance!r}",
            f"sw{i} n{i} m{i} n{i} 0 device{i} off",
            f"vm{i} m{i} 0 0",
            f".model device{i} sw vt={middle!r} vh={half!r} ron={device.r_met!r} roff={device.r_ins!r}",
            f".ic v(n{i})={v!r}",
        ]
    lines += [coupling] if coupling else []
    nodes = " ".join(f"v(n{i}) i(vm{i})" for i in range(len(v_th)))
    lines += [
        ".options reltol=1e-6 abstol=1e-15 vntol=1e-9 chgtol=1e-20 trtol=1",
        f".tran {step!r} {duration!r} 0 {step!r} uic",
        ".control",
        "set wr_singlescale",
        "set numdgt=14",
        "run",
        f"wrdata waves.txt {nodes}",
        "quit",
        ".endc",
        ".end",
    ]
    (folder / "deck.cir").write_text("\n".join(lines) + "\n", "utf-8")
    assert NGSPICE is not None
    run = subprocess.run([NGSPICE, "-b", "-n", "deck.cir"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    time, *waves = np.loadtxt(folder / "waves.txt").T
    assert time[-1] == pytest.approx(duration, rel=1e-6)
    limit = 1 / np.sqrt(device.r_ins * device.r_met)
    found = []
    for i in range(len(v_th)):
        metallic = waves[2 * i + 1] > limit * waves[2 * i]
        edges = np.flatnonzero(metallic[1:] != metallic[:-1])  # the last step in the old state
        found += [(float(time[k]), i, bool(metallic[k + 1])) for k in edges]
    return sorted(found)


def mismatched(circuit: Circuit, difference: float) -> list[float]:
    """Thresholds of two oscillators, of which the second alone is slower by this part of its frequency."""
    device = circuit.device
    low, high = device.v_th, device.v_th * 1.02
    for _ in range(60):
        v_th = (low + high) / 2
        slower = replace(circuit, device=replace(device, v_th=v_th)).frequency()
        low, high = (low, v_th) if slower < circuit.frequency() * (1 - difference) else (v_th, high)
    return [device.v_th, low]


def compare(
    folder: Path,
    circuit: Circuit,
    v_th: list[float],
    voltage: list[float],
    *,
    resistance: float = 0.0,
    capacitance: float = 0.0,
    cycles: float = 160.0,
    fineness: float = 1.0,
) -> tuple[Measured, float, float]:
    """What the network does, and how far off ngspice is: in frequency (relative) and in phase (degrees)."""
    count = len(v_th)
    period = 1 / circuit.frequency()
    duration, settled = cycles * period, 0.75 * cycles * period
    off = 1.0 - np.eye(count)
    network = OscillatorNetwork(
        circuit,
        count,
        v_th=np.array(v_th),
        conductance=off / resistance if resistance else None,
        capacitance=off * capacitance if capacitance else None,
    )
    network.voltage[:] = voltage[:count]
    ours = measure(network.advance(duration), count, settled)
    element = f"rc n0 n1 {resistance!r}" if resistance else f"cc n0 n1 {capacitance!r}" if capacitance else ""
    # ngspice switches at the end of a step: the step must be short beside the discharge.
    step = min(period / 2000, circuit.tau_met / 200) / fineness
    theirs = measure(spice(folder, circuit, v_th, voltage[:count], element, duration, step), count, settled)
    alive = ours[0] > 0
    assert (theirs[0] > 0).tolist() == alive.tolist()
    frequency = float(np.abs(theirs[0] / np.where(alive, ours[0], 1.0) - alive).max())
    phase = float(np.nanmax(np.abs((theirs[2] - ours[2] + 180.0) % 360.0 - 180.0)))
    print(f"{ours[0]} Hz, {ours[2]} degrees; ngspice off by {frequency:.1e} and {phase:.3f} degrees")
    return ours, frequency, phase


@pytest.mark.parametrize("name", PRESETS)
def test_one_oscillator_has_the_frequency_of_ngspice(tmp_path: Path, name: str) -> None:
    circuit = vo2(name)
    (frequency, duty, _), off, _ = compare(tmp_path, circuit, [circuit.device.v_th], NEAR, cycles=40.0)
    t_ins, t_met = circuit.periods()
    assert frequency[0] == pytest.approx(circuit.frequency(), rel=1e-9)
    assert duty[0] == pytest.approx(t_met / (t_ins + t_met), rel=1e-9)
    assert off < 1e-3


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("name", "kind", "value", "start", "lock"),
    [
        ("1.6k", "resistive", 5e3, NEAR, 0.0),
        ("1.6k", "resistive", 5e3, FAR, 180.0),
        ("1.6k", "capacitive", 0.1, NEAR, 180.0),
        ("2k", "resistive", 5e3, FAR, 0.0),
        ("2k", "capacitive", 0.1, NEAR, 180.0),
        ("14V", "resistive", 5e3, FAR, 0.0),
        ("14V", "capacitive", 1.0, FAR, 180.0),
        ("5k", "resistive", 10e3, NEAR, 0.0),
        ("5k", "resistive", 10e3, FAR, 180.0),
        ("5k", "capacitive", 0.1, NEAR, 180.0),
        ("20k", "resistive", 50e3, NEAR, 180.0),
        ("20k", "capacitive", 0.1, NEAR, 180.0),
    ],
)
def test_coupled_oscillators_lock_where_ngspice_has_them(
    tmp_path: Path, name: str, kind: str, value: float, start: list[float], lock: float
) -> None:
    circuit = vo2(name)
    resistance, capacitance = (value, 0.0) if kind == "resistive" else (0.0, value * circuit.capacitance)
    (frequency, _, phase), off, off_phase = compare(
        tmp_path,
        circuit,
        mismatched(circuit, 0.01),
        start,
        resistance=resistance,
        capacitance=capacitance,
        cycles=60.0 if name == "20k" else 160.0,
    )
    assert frequency[1] == pytest.approx(frequency[0], rel=1e-4)
    # 1 % mismatch shifts the lock; the slower one lags.
    assert lock - 26.0 < (phase[1] if lock else phase[1] - 360.0) < lock
    assert off < 1e-3
    assert off_phase < 0.2


@pytest.mark.extended
def test_a_strong_resistor_silences_one_of_two_in_ngspice_too(tmp_path: Path) -> None:
    circuit = vo2("20k")
    (frequency, _, _), off, _ = compare(tmp_path, circuit, mismatched(circuit, 0.01), FAR, resistance=10e3, cycles=60.0)
    assert frequency[0] > circuit.frequency()
    assert frequency[1] == 0.0
    assert off < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "value"), [("resistive", 50e3), ("capacitive", 0.1)])
def test_ngspice_converges_on_the_network(tmp_path: Path, kind: str, value: float) -> None:
    circuit = vo2("20k")
    resistance, capacitance = (value, 0.0) if kind == "resistive" else (0.0, value * circuit.capacitance)
    off = [
        compare(
            tmp_path,
            circuit,
            mismatched(circuit, 0.01),
            NEAR,
            resistance=resistance,
            capacitance=capacitance,
            cycles=80.0,
            fineness=fineness,
        )[1]
        for fineness in (0.5, 1.0, 2.0, 4.0)
    ]
    assert off[3] < off[2] < off[1] < off[0]
    assert off[3] < 5e-5
