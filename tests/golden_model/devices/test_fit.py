from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.fit import Value, average, fit_iv, fit_transient
from neuristor.golden_model.devices.measurement import Measurement, Sweep, read
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from tests.data import make

DATA = Path(make.__file__).parent
CASES, COVERED = 200, 190
"""The truth within two sigma in 190 of 200 random cases, for every parameter."""
VO2 = preset("vo2-maffezzoni").device


def random_device(rng: np.random.Generator) -> ThresholdSwitch:
    v_th, r_ins = np.exp(rng.uniform(np.log([0.4, 5e3]), np.log([6.0, 1e7]))).tolist()
    ratio = math.exp(rng.uniform(math.log(15), math.log(2000)))
    return ThresholdSwitch(r_ins=r_ins, r_met=r_ins / ratio, v_th=v_th, v_hold=v_th * rng.uniform(0.3, 0.8))


def curves(v: np.ndarray, i: np.ndarray, folder: Path) -> Measurement:
    """Through a file, as a user would."""
    path = folder / "curve.csv"
    path.write_text("V,I\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(v.tolist(), i.tolist(), strict=True)))
    return read(path)


def record(t: np.ndarray, v: np.ndarray) -> Measurement:
    return Measurement("transient", (Sweep(v, None, t, "", 1),), "record")


class Coverage:
    """How often the truth was within two sigma, and how large sigma was."""

    def __init__(self) -> None:
        self.inside: dict[str, list[bool]] = defaultdict(list)
        self.size: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, found: Value | None, truth: float, scale: float | None = None) -> None:
        assert found is not None
        self.inside[name].append(abs(found.value - truth) <= 2 * found.sigma)
        self.size[name].append(found.sigma / (scale or truth))

    def check(self, limits: dict[str, float]) -> None:
        assert limits.keys() == self.inside.keys()
        for name, limit in limits.items():
            hits, cases = sum(self.inside[name]), len(self.inside[name])
            print(f"{name}: {hits} of {cases}, median sigma {np.median(self.size[name]):.2g}")
            assert hits >= COVERED / CASES * cases, (name, hits, cases)
            assert np.median(self.size[name]) < limit, (name, np.median(self.size[name]))


def test_iv_parameters_are_within_two_sigma(tmp_path: Path) -> None:
    coverage = Coverage()
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        device = random_device(rng)
        step, th_c2c, hold_c2c = device.v_th * rng.uniform([0.004, 0, 0], [0.04, 0.03, 0.02])
        top = device.v_th * rng.uniform(1.15, 1.6)
        clipped = bool(rng.random() < 0.5)
        compliance = (device.v_hold + 0.6 * (top - device.v_hold)) / device.r_met if clipped else math.inf
        cycles = int(rng.integers(4, 21))
        v, i = make.iv_curve(
            device,
            rng,
            cycles=cycles,
            top=top,
            step=step,
            th_c2c=th_c2c,
            hold_c2c=hold_c2c,
            compliance=compliance,
            relative=rng.uniform(5e-4, 1e-2),
            additive=device.v_th / device.r_ins * rng.uniform(0, 0.01),
        )
        sign = 1 if rng.random() < 0.5 else -1
        fit = fit_iv(curves(sign * v, sign * i, tmp_path))
        side = fit.positive if sign > 0 else fit.negative
        assert side is fit.main
        assert side is not None
        assert len(side.cycles) == cycles
        coverage.add("v_th", side.v_th, device.v_th, step)
        coverage.add("v_hold", side.v_hold, device.v_hold, step)
        coverage.add("v_th_c2c", side.v_th_c2c, th_c2c, step)
        coverage.add("v_hold_c2c", side.v_hold_c2c, hold_c2c, step)
        coverage.add("r_off", side.r_off, device.r_ins)
        coverage.add("r_on", side.r_on, device.r_met)
        if clipped:
            coverage.add("compliance", side.compliance, compliance)
        else:
            assert side.compliance is None
    # Sigma of the voltages in steps of the sweep, of the others as a fraction.
    coverage.check(
        {
            "v_th": 0.5,
            "v_hold": 0.5,
            "v_th_c2c": 0.6,
            "v_hold_c2c": 0.6,
            "r_off": 0.005,
            "r_on": 0.005,
            "compliance": 0.005,
        }
    )


def random_circuit(rng: np.random.Generator) -> Circuit:
    while True:
        device = random_device(rng)
        supply = device.v_th * rng.uniform(1.3, 4)
        circuit = Circuit(device=device, supply=supply, series_resistance=1.0, capacitance=10 ** rng.uniform(-11, -7))
        low, high = circuit.series_resistance_window
        if high > 6 * low:
            resistance = math.exp(rng.uniform(math.log(2 * low), math.log(high / 2)))
            circuit = replace(circuit, series_resistance=resistance)
            t_ins, t_met = circuit.periods()
            if 1 / 100 < t_ins / t_met < 100:  # else few records have samples enough in both
                return circuit


@pytest.mark.extended
def test_transient_parameters_are_within_two_sigma() -> None:
    coverage = Coverage()
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        circuit = random_circuit(rng)
        device = circuit.device
        t_ins, t_met = circuit.periods()
        period, cycles = t_ins + t_met, rng.uniform(8, 25)
        samples = int(cycles * max(100, rng.uniform(6, 12) * period / min(t_ins, t_met)))
        time = np.arange(samples) * (cycles * period / samples)
        th_c2c, hold_c2c = np.array([device.v_th, device.v_hold]) * rng.uniform(0, 0.01, 2)
        noise = device.v_th * rng.uniform(0.0005, 0.005)
        bits = int(rng.integers(8, 13))
        v = make.transient(circuit, rng, time=time, th_c2c=th_c2c, hold_c2c=hold_c2c, noise=noise, bits=bits)
        r_ins, r_met = (
            Value(r * (1 + 0.005 * rng.standard_normal()), 0.005 * r, "ohm") for r in (device.r_ins, device.r_met)
        )
        fit = fit_transient(record(time, v), r_ins=r_ins, r_met=r_met, supply=circuit.supply)
        coverage.add("capacitance", fit.capacitance, circuit.capacitance)
        coverage.add("series_resistance", fit.series_resistance, circuit.series_resistance)
        coverage.add("v_th", fit.v_th, device.v_th)
        coverage.add("v_hold", fit.v_hold, device.v_hold)
        coverage.add("v_th_c2c", fit.v_th_c2c, th_c2c, device.v_th)
        coverage.add("v_hold_c2c", fit.v_hold_c2c, hold_c2c, device.v_hold)
        coverage.add("frequency", fit.frequency, 1 / period)
        coverage.add("t_ins", fit.t_ins, t_ins)
        coverage.add("t_met", fit.t_met, t_met)
        coverage.add("duty", fit.duty, t_ins / period)
        assert 0.5 < fit.misfit < 1.5
    # The resistances that go in are known to 0.5 %, and the thresholds spread by up to 1 %.
    coverage.check(
        {
            "capacitance": 0.01,
            "series_resistance": 0.01,
            "v_th": 0.005,
            "v_hold": 0.005,
            "v_th_c2c": 0.005,
            "v_hold_c2c": 0.005,
            "frequency": 0.01,
            "t_ins": 0.01,
            "t_met": 0.01,
            "duty": 0.002,
        }
    )


def test_threshold_is_the_middle_of_its_step() -> None:
    v, i = make.iv_curve(VO2, np.random.default_rng(1), cycles=3, top=2.5, step=0.1)
    side = fit_iv(
        Measurement("iv", tuple(Sweep(v[k : k + 51], i[k : k + 51], None, "", 1) for k in (0, 51, 102)), "x")
    ).main
    assert side.v_th.value == pytest.approx(1.95)
    assert 0.1 / math.sqrt(12) < side.v_th.sigma < 0.1
    assert side.v_th_c2c is not None
    assert side.v_th_c2c.value == 0
    assert side.r_off.value == pytest.approx(VO2.r_ins)
    assert side.r_on is not None
    assert side.r_on.value == pytest.approx(VO2.r_met)


def test_discretisation_averages_out_only_when_the_cycles_spread() -> None:
    rng, step, n = np.random.default_rng(2), 1.0, 100
    for sigma, largest in ((0.0, 0.31), (0.3, 0.12), (2.0, 0.26)):
        errors, stated = [], []
        for _ in range(400):
            mu = rng.uniform(0, 1)
            values = np.floor(rng.normal(mu, sigma, n)) + 0.5
            found, _ = average(values.tolist(), "V", step=step)
            errors.append(found.value - mu)
            stated.append(found.sigma)
        rms = float(np.sqrt(np.mean(np.square(errors))))
        assert 0.5 * np.median(stated) < rms < 1.1 * np.median(stated)
        assert np.median(stated) < largest


def test_r_on_is_unknown_when_every_point_is_clipped() -> None:
    v, i = make.iv_curve(VO2, np.random.default_rng(3), cycles=2, top=2.5, step=0.05, compliance=1e-4)
    side = fit_iv(Measurement("iv", (Sweep(v[:101], i[:101], None, "", 1),), "x")).main
    assert side.r_on is None
    assert side.compliance is not None
    assert side.compliance.value == pytest.approx(1e-4)


def test_source_that_snaps_back() -> None:
    """A meter that reads the voltage back shows the collapse to I_c R_on when the device switches."""
    v, i = make.iv_curve(VO2, np.random.default_rng(4), cycles=1, top=2.5, step=0.05, compliance=1.5e-3)
    v = np.where(i >= 1.5e-3, 1.5e-3 * VO2.r_met, v)
    side = fit_iv(Measurement("iv", (Sweep(v, i, None, "", 1),), "x")).main
    assert side.v_th.value == pytest.approx(1.99, abs=0.05)
    assert side.v_hold.value == pytest.approx(1.0, abs=0.05)


def test_both_polarities_and_zero_current() -> None:
    found = read(DATA / "clarius.csv")
    sweeps = tuple(
        Sweep(s.voltage, np.where(np.abs(s.voltage) < 0.3, 0.0, s.current), None, "", 1)  # type: ignore[arg-type]
        for s in found.sweeps
    )
    fit = fit_iv(Measurement("iv", sweeps, "x"))
    for side in (fit.positive, fit.negative):
        assert side is not None
        assert abs(side.v_th.value - VO2.v_th) < 2 * side.v_th.sigma
        assert abs(side.v_hold.value - VO2.v_hold) < 2 * side.v_hold.sigma


def test_metallic_resistance_can_be_fitted() -> None:
    found = read(DATA / "scope.csv")
    fit = fit_transient(found, r_ins=Value(100.2e3, 100.0, "ohm"))
    assert fit.supply == pytest.approx(4.0, abs=1e-3)
    for value, truth in ((fit.r_met, 990.0), (fit.capacitance, 300e-12), (fit.series_resistance, 20e3)):
        assert abs(value.value - truth) < 2 * value.sigma < 0.1 * truth


def test_negative_supply() -> None:
    found = read(DATA / "scope.csv").sweeps[0]
    assert found.time is not None
    fits = [
        fit_transient(record(found.time, sign * found.voltage), r_ins=100.2e3, r_met=990.0, supply=sign * 4.0)
        for sign in (1, -1)
    ]
    assert fits[0].capacitance == fits[1].capacitance


def test_wrong_model_shows_in_the_misfit() -> None:
    found = read(DATA / "scope.csv").sweeps[0]
    assert found.time is not None
    bent = found.voltage + 0.3 * (found.voltage - 1) * (found.voltage - 2)
    assert fit_transient(record(found.time, bent), r_ins=100.2e3, r_met=990.0, supply=4.0).misfit > 1.5


def test_refused_curves() -> None:
    v = np.concatenate([np.linspace(0, 2, 41), np.linspace(2, 0, 41)])
    for current, message in (
        (v / 1e3, "in 1 cycle it never switches on"),
        (np.zeros_like(v), "in 1 cycle it never switches on"),
        (np.where((np.arange(82) < 30) & (v < 1.5), v / 1e5, v / 1e3), "in 1 cycle it never switches off"),
    ):
        with pytest.raises(ValueError, match=f"x: wanted a device that switches on and off in a sweep; {message}"):
            fit_iv(Measurement("iv", (Sweep(v, current, None, "", 1),), "x"))
    with pytest.raises(ValueError, match="wanted I-V curves, not a transient"):
        fit_iv(read(DATA / "scope.csv"))


def test_refused_transients() -> None:
    found = read(DATA / "scope.tsv")
    sweep = found.sweeps[0]
    assert sweep.time is not None
    ok = {"r_ins": 100.2e3, "r_met": 990.0, "supply": 4.0}
    for measurement, changes, message in (
        (found, {"supply": None}, "the record has no supply column: give --supply"),
        (found, {"supply": 1.5}, r"supply must be above the peaks of the voltage \(.* V\), not 1.5 V"),
        (found, {"r_ins": -1.0}, "r_ins must be a positive number, not -1.0"),
        (found, {"r_met": 200e3}, "r_met must be below r_ins"),
        (found, {"r_met": 90e3}, "no series resistance lets R_ins .* oscillate"),
        (record(sweep.time[:300], sweep.voltage[:300]), {}, "wanted at least 4 oscillations, not 1"),
        (record(sweep.time, np.ones(3000)), {}, "wanted at least 4 oscillations, not 0"),
        (record(sweep.time[::8], sweep.voltage[::8]), {}, "wanted at least 4 samples in a fall of the voltage"),
        (read(DATA / "clarius.csv"), {}, "wanted a transient, not I-V curves"),
    ):
        with pytest.raises(ValueError, match=message):
            fit_transient(measurement, **(ok | changes))  # type: ignore[arg-type]
