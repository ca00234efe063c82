"""Measurements of our own device, as instruments would write them. Run it to write the files again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch

HERE = Path(__file__).parent
Floats = NDArray[np.float64]


def iv_curve(
    device: ThresholdSwitch,
    rng: np.random.Generator,
    *,
    cycles: int,
    top: float,
    step: float,
    th_c2c: float = 0.0,
    hold_c2c: float = 0.0,
    compliance: float = math.inf,
    relative: float = 0.0,
    additive: float = 0.0,
    bipolar: bool = False,
) -> tuple[Floats, Floats]:
    """Voltage and current of a slow sweep 0, top, 0, ... (and -top, if bipolar); spreads in volt."""
    ramp = np.arange(0.0, top, step)
    once = np.concatenate([ramp, ramp[-1:] + step, ramp[::-1]])
    v, i = [], []
    for _ in range(cycles):
        for sign in (1, -1) if bipolar else (1,):
            v_th, v_hold = rng.normal(device.v_th, th_c2c), rng.normal(device.v_hold, hold_c2c)
            metallic = False
            for volt in once.tolist():
                metallic = volt > v_hold if metallic else volt > v_th
                current = min(volt / (device.r_met if metallic else device.r_ins), compliance)
                current *= 1 + relative * rng.standard_normal()
                v.append(sign * volt)
                i.append(sign * current + additive * rng.standard_normal())
    return np.array(v), np.array(i)


def transient(
    circuit: Circuit,
    rng: np.random.Generator,
    *,
    time: Floats,
    th_c2c: float = 0.0,
    hold_c2c: float = 0.0,
    noise: float = 0.0,
    bits: int | None = None,
) -> Floats:
    """Voltage on the device from the exact solution, with new thresholds every cycle; spreads in volt."""
    device = circuit.device
    voltage = np.empty(len(time))
    start, v, metallic = float(time[0]), float(rng.uniform(device.v_hold, device.v_th)), False
    while start < time[-1]:
        target, tau, end = (
            (circuit.target_met(), circuit.tau_met, rng.normal(device.v_hold, hold_c2c))
            if metallic
            else (circuit.target_ins(), circuit.tau_ins, rng.normal(device.v_th, th_c2c))
        )
        stop = start + tau * math.log(max(1.0, (v - target) / (end - target)))
        here = (time >= start) & (time <= stop)
        voltage[here] = target + (v - target) * np.exp(-(time[here] - start) / tau)
        start, v, metallic = stop, end, not metallic
    voltage += noise * rng.standard_normal(len(time))
    if bits is not None:
        lsb = 1.25 * device.v_th / 2**bits
        voltage = np.round(voltage / lsb) * lsb
    return voltage


def main() -> None:
    """Write every file."""
    vo2 = preset("vo2-maffezzoni").device
    rng = np.random.default_rng(20150900)
    numbers = {"th_c2c": 0.02, "hold_c2c": 0.01, "relative": 2e-3, "additive": 2e-8}

    # Keysight EasyEXPERT: a block a cycle, compliance 1.8 mA.
    lines = []
    for cycle in range(4):
        v, i = iv_curve(vo2, rng, cycles=1, top=2.5, step=0.05, compliance=1.8e-3, **numbers)
        lines += [
            "SetupTitle, I/V Sweep",
            "PrimitiveTest, I/V Sweep",
            "TestParameter, Channel.UnitType, SMU, SMU",
            "TestParameter, Measurement.Secondary.Compliance, 0.0018",
            f"MetaData, TestRecord.RecordTime, 11/24/2025 10:0{cycle}:00",
            "AnalysisSetup, Analysis.Setup.Vector.Graph.XAxis.Name, Vtop",
            "AutoAnalysis.Marker.Data.StartCondition, ",
            f"Dimension1, {len(v)}, {len(v)}",
            "Dimension2, 1, 1",
            "DataName, Vtop, Itop, Ibot",
            *(f"DataValue, {a:.6g}, {b:.6g}, {-b:.6g}" for a, b in zip(v, i, strict=True)),
        ]
    write("easyexpert.csv", lines)

    # Keithley Clarius: CSV, both polarities.
    v, i = iv_curve(vo2, rng, cycles=3, top=2.4, step=0.04, bipolar=True, **numbers)
    rows = [(0.01 * n, b, a) for n, (a, b) in enumerate(zip(v, i, strict=True))]
    write("clarius.csv", ["Time,AnodeI,AnodeV", *(f"{t:.4f},{b:.6E},{a:.6E}" for t, b, a in rows)])

    # Source meter: a date, milliampere, and a semicolon with decimal comma.
    v, i = iv_curve(vo2, rng, cycles=3, top=2.5, step=0.05, **numbers)
    rows = [(0.02 * n, a, b) for n, (a, b) in enumerate(zip(v, i, strict=True))]
    write("sourcemeter.csv", ["Time(T),Voltage (V),Current (A)", *(f"{t:.3f},{a:.5f},{b:.6e}" for t, a, b in rows)])
    decimal = [f"{t * 1e3:.1f};{a:.5f};{b * 1e6:.5f}".replace(".", ",") for t, a, b in rows]
    write("semicolon.csv", ["Zeit [ms];Spannung [V];Strom [µA]", *decimal], "cp1252")

    # Oscilloscopes: a preamble and names, then units; and tabs in milli and micro.
    circuit = Circuit(device=vo2, supply=4.0, series_resistance=20e3, capacitance=300e-12)
    time = np.arange(3000) * 15e-9
    v = transient(circuit, rng, time=time, th_c2c=0.01, hold_c2c=0.005, noise=4e-3, bits=8)
    supply = np.round(4.0 + 0.01 * rng.standard_normal(len(time)), 2)
    write(
        "scope.csv",
        [
            "Model,MSO8104",
            "Sample Interval,1.5e-08",
            "Record Length,3000",
            "",
            "t,Vin,Vout",
            "s,V,V",
            *(f"{t:.9e},{a:.2f},{b:.5f}" for t, a, b in zip(time, supply, v, strict=True)),
        ],
    )
    write(
        "scope.tsv", ["Time (us)\tCH2 (mV)", *(f"{t * 1e6:.4f}\t{b * 1e3:.2f}" for t, b in zip(time, v, strict=True))]
    )
    write(
        "rigol.csv",
        [
            "X,CH1,Start,Increment,",
            "Sequence,Volt,0.000000e+00,1.500000e-08",
            *(f"{n},{b:.5f}," for n, b in enumerate(v)),
        ],
    )


def write(name: str, lines: list[str], codec: str = "utf-8") -> None:
    """Write one file."""
    (HERE / name).write_bytes(("\n".join(lines) + "\n").encode(codec))


if __name__ == "__main__":
    main()
