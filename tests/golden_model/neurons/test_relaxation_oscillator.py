from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.devices.network import measure
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.golden_model.neurons.relaxation_oscillator import (
    RelaxationOscillatorBitTrue,
    RelaxationOscillatorOptions,
    RelaxationOscillatorParams,
    RelaxationOscillatorReference,
    bound,
    shadow,
    step,
)
from neuristor.golden_model.variability import DEAD, STUCK_OFF, STUCK_ON, Variability
from tests.samples.relaxation_oscillator import OSCILLATOR_VARIANTS, oscillator_drive, oscillator_params


def frequency(times: np.ndarray, skip: int = 3) -> float:
    """Of one oscillator, from its spike times."""
    return float((len(times) - 1 - skip) / (times[-1] - times[skip]))


def run_float(params: RelaxationOscillatorParams, ticks: int, current: float = 0.0, **how: Any) -> list[np.ndarray]:
    drive = np.full((ticks, params.count), current * params.drive_per_ampere)
    return RelaxationOscillatorReference(params, **how).run(drive)[1]


def bit_true_times(params: RelaxationOscillatorParams, ticks: int, current: float = 0.0) -> np.ndarray:
    """Spike times of oscillator 0, in second, with the eighths of the tick."""
    drive = np.full((ticks, params.count), params.drive_raw(current))
    trace = RelaxationOscillatorBitTrue(params).run(drive)
    at = np.flatnonzero(trace["spike"][:, 0])
    lag = trace["lag"][at, 0] - 0.5 if "lag" in trace else 0.0
    return np.asarray((at + 1 - lag / 8) * params.dt)


@pytest.mark.parametrize("current", [0.0, 5e-6, 40e-6])
def test_continuous_reference_has_the_closed_form_frequency(oscillator: Circuit, current: float) -> None:
    params = oscillator_params(oscillator, "plain", count=2)
    ticks = round(12 / oscillator.frequency(current) / params.dt)
    times = run_float(params, ticks, current)[0]
    assert frequency(times) == pytest.approx(oscillator.frequency(current), rel=1e-9)


@pytest.mark.few(2)
@pytest.mark.parametrize(("dt", "within"), [(5e-9, 3e-4), (20e-9, 1e-3), (62.5e-9, 4e-3), (80e-9, 6e-3)])
def test_interpolated_crossings_keep_the_frequency(oscillator: Circuit, dt: float, within: float) -> None:
    params = oscillator_params(oscillator, "plain", count=1, dt=dt)
    ticks = round(60 / oscillator.frequency() / dt)
    exact = oscillator.frequency()
    assert frequency(run_float(params, ticks, locate=False)[0]) == pytest.approx(exact, rel=within)
    assert frequency(bit_true_times(params, ticks)) == pytest.approx(exact, rel=within)


def test_crossings_on_ticks_are_late(oscillator: Circuit) -> None:
    """The table of time-step errors: -0.7 % at 2 ns to -8.5 % at 50 ns."""
    exact = oscillator.frequency()
    for dt, error in ((2e-9, -0.007), (5e-9, -0.011), (10e-9, -0.027), (20e-9, -0.027), (50e-9, -0.085)):
        params = oscillator_params(oscillator, "on ticks", count=1, dt=dt)
        times = run_float(params, round(40 / exact / dt), locate=False)[0]
        assert frequency(times) / exact - 1 == pytest.approx(error, abs=0.0007), dt


@pytest.mark.parametrize("variant", [name for name in OSCILLATOR_VARIANTS if name not in ("saturating", "coarse")])
def test_bit_true_membrane_stays_inside_the_bound(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=6)
    current = np.random.default_rng(5).uniform(-2e-5, 6e-5, (25, 6))
    drive = np.repeat(params.drive_raw(current), 40, axis=0)
    model = RelaxationOscillatorBitTrue(params)
    trace = model.run(drive)
    assert model.saturations == 0
    assert trace["spike"].sum() > 40
    volts = params.drive.value(drive)
    membrane = shadow(params, volts, trace)
    error = np.abs(params.membrane.value(trace["membrane"]) - membrane)
    swing = max(abs(t - v) for t in (oscillator.target_ins(), oscillator.target_met()) for v in (0.0, membrane.max()))
    limit = bound(params, swing).total
    assert error.max() < limit
    assert limit < 40 * max(float(error.max()), params.membrane.resolution), "a bound that says nothing"


def test_bound_is_broken_by_a_wrong_coefficient(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=1)
    model = RelaxationOscillatorBitTrue(params)
    params.__dict__["raw"] = params.raw._replace(k_raw=tuple(k + k // 50 for k in params.raw.k_raw))
    trace = model.run(np.zeros((500, 1), dtype=np.int64))
    del params.__dict__["raw"]
    error = np.abs(params.membrane.value(trace["membrane"]) - shadow(params, np.zeros((500, 1)), trace))
    assert error.max() > bound(params, 2.1).total


@pytest.mark.parametrize("variant", OSCILLATOR_VARIANTS)
def test_scalar_and_array_steps_give_the_same_bits(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=5)
    if params.coupling is not None:
        pytest.skip("step is for oscillators without neighbours")
    drive = oscillator_drive(params, 150, seed=3)
    model = RelaxationOscillatorBitTrue(params)
    state = [[int(model.membrane[n]), 0, 0, int(model.noise[n])] for n in range(5)]
    for row in drive:
        spikes = model.step(row)
        for n in range(5):
            own = (int(a[n]) for a in (params.threshold_raw, params.hold_raw, params.fault_raw))
            *after, spike, _ = step(params.raw, *state[n], *own, int(row[n]))
            state[n] = after
            assert bool(spike) == spikes[n]
            assert after == [int(a[n]) for a in (model.membrane, model.metallic, model.lag, model.noise)]


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
@pytest.mark.parametrize("variant", ["plain", "on ticks", "all", "broken devices"])
def test_compiled_kernel_gives_the_same_bits(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=7)
    drive = oscillator_drive(params, 400, seed=9)
    model, compiled = RelaxationOscillatorBitTrue(params), RelaxationOscillatorBitTrue(params)
    expected, got = model.run(drive), kernel.run(compiled, drive, keep=True)
    assert expected.keys() == got.keys()
    assert all(np.array_equal(expected[name], got[name]) for name in expected)
    assert model.saturations == compiled.saturations


def test_kernel_refuses_coupled_oscillators(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "resistors", count=3)
    with pytest.raises(TypeError, match="coupled"):
        kernel.run(RelaxationOscillatorBitTrue(params), np.zeros((2, 3), dtype=np.int64))


def test_device_spread_and_noise_have_the_wanted_size(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=4000, threshold_d2d=0.01, hold_d2d=0.03)
    assert params.thresholds.std() / 1.99 == pytest.approx(0.01, rel=0.05)
    assert params.holds.std() / 0.99 == pytest.approx(0.03, rel=0.05)
    assert abs(np.corrcoef(params.thresholds, params.holds)[0, 1]) < 0.05
    noisy = oscillator_params(oscillator, "plain", count=1, hold_c2c=0.03, threshold_c2c=0.004)
    trace = RelaxationOscillatorBitTrue(noisy).run(np.zeros((60_000, 1), dtype=np.int64))
    fired = np.flatnonzero(trace["spike"][:, 0])
    released = np.flatnonzero(np.diff(trace["metallic"][:, 0]) == -1) + 1
    at_threshold = noisy.membrane.value(trace["membrane"][fired, 0])
    at_hold = noisy.membrane.value(trace["membrane"][released, 0])
    assert at_threshold.std() / 1.99 == pytest.approx(0.004, rel=0.12)
    assert at_hold.std() / 0.99 == pytest.approx(0.03, rel=0.12)
    assert at_hold.mean() == pytest.approx(0.99, rel=0.01)


def test_same_seed_same_bits_and_another_seed_other_bits(oscillator: Circuit) -> None:
    drive = np.zeros((600, 5), dtype=np.int64)
    runs = [
        RelaxationOscillatorBitTrue(oscillator_params(oscillator, "all", count=5, seed=seed)).run(drive)["membrane"]
        for seed in (7, 7, 8)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_broken_devices_do_what_their_name_says(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=40, stuck_on=0.25, stuck_off=0.25, dead=0.1, dt=20e-9)
    codes = params.fault_raw
    assert [int((codes == code).sum()) for code in (STUCK_ON, STUCK_OFF, DEAD)] == [10, 10, 4]
    for trace in (
        RelaxationOscillatorBitTrue(params).run(np.zeros((1500, 40), dtype=np.int64)),
        RelaxationOscillatorReference(params).run(np.zeros((1500, 40)))[0],
        RelaxationOscillatorReference(params, locate=False).run(np.zeros((1500, 40)))[0],
    ):
        membrane = trace["membrane"][-1]
        volts = membrane if membrane.dtype.kind == "f" else params.membrane.value(membrane)
        assert (trace["spike"].sum(axis=0) > 0).tolist() == (codes == 0).tolist()
        near = bound(params, 2.1).total  # fixed point stops where a tick is less than half a step
        assert volts[codes == STUCK_ON] == pytest.approx(oscillator.target_met(), abs=near)
        assert volts[codes == STUCK_OFF] == pytest.approx(oscillator.target_ins(), abs=near)
        assert volts[codes == DEAD] == pytest.approx(0.0, abs=1e-12)


PAIRS = [
    # Supply, R_s, C, coupling, tick; the last two lock the other way round.
    ("resistive", 2e3, 1e-9, 2.5, 20e3, 20e-9),
    ("capacitive", 2e3, 1e-9, 2.5, 0.1e-9, 10e-9),
    ("resistive", 20e3, 100e-12, 2.5, 50e3, 20e-9),
    ("capacitive", 47e3, 300e-12, 14.0, 30e-12, 10e-9),
]


@pytest.mark.few(1)
@pytest.mark.parametrize(("kind", "series", "capacitance", "supply", "value", "dt"), PAIRS)
def test_coupled_pairs_follow_the_continuous_reference(
    kind: Any, series: float, capacitance: float, supply: float, value: float, dt: float, oscillator: Circuit
) -> None:
    circuit = Circuit(device=oscillator.device, supply=supply, series_resistance=series, capacitance=capacitance)
    params = RelaxationOscillatorParams(
        circuit=circuit,
        count=2,
        dt=dt,
        spread=Variability(threshold_d2d=0.002, seed=4),
        coupling=Coupling(kind=kind, value=value, topology="all_to_all", count=2),
        start="random",
        membrane=Format(5, 18),
        coefficient_bits=18,
    )
    periods = 90
    drive = np.zeros((round(periods / circuit.frequency() / dt), 2))
    after = 0.7 * len(drive) * dt
    results = []
    for locate in (True, False):
        reference = RelaxationOscillatorReference(params, locate=locate)
        reference.run(drive)
        results.append(measure(reference.switchings, 2, after))
    (f, duty, phase), (f_ticks, duty_ticks, phase_ticks) = results
    assert f_ticks == pytest.approx(f, rel=0.01)
    assert duty_ticks == pytest.approx(duty, abs=0.02)
    turn = (phase_ticks[1] - phase[1] + 180) % 360 - 180
    assert abs(turn) < 8, (phase, phase_ticks)


@pytest.mark.parametrize("topology", ["all_to_all", "ring", "chain", "grid", "torus"])
def test_pull_is_the_sum_of_differences(topology: Any) -> None:
    coupling = Coupling(kind="resistive", value=1e3, topology=topology, count=12, columns=4)
    u = np.random.default_rng(1).integers(-1000, 1000, 12)
    matrix = coupling.matrix() * 1e3
    expected = [sum(matrix[i, j] * (u[j] - u[i]) for j in range(12)) for i in range(12)]
    assert np.array_equal(coupling.pull(u), np.round(expected).astype(int))
    assert np.array_equal(matrix, matrix.T)
    assert coupling.pull(u).sum() == 0
    degrees = {"all_to_all": 11, "ring": 2, "chain": 2, "grid": 4, "torus": 4}
    assert coupling.degree == degrees[topology] == int(matrix.sum(axis=1).max())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"dt": 1e-6},
            ValueError,
            "dt must be at most 188.7 ns, twice the shortest time constant with 100 pF, not 1 us",
        ),
        ({"crossings": "late"}, ValueError, "crossings must be 'interpolated' or 'on_ticks'"),
        ({"membrane": Format(1, 14)}, OverflowError, "v_th or v_hold must be between -1 V and 999.94 mV"),
        ({"coefficient_bits": 5}, ValueError, "coefficient_bits must be an integer between 6 and 18"),
        ({"coefficient_bits": 6, "dt": 1e-9}, ValueError, "coefficient_bits must be larger"),
        ({"hold_c2c": 0.4}, ValueError, "must leave every threshold above its hold"),
        ({"coupling": "resistive"}, ValueError, "coupling_resistance is missing"),
        ({"coupling_resistance": 1e3}, ValueError, "coupling_resistance needs coupling = 'resistive'"),
        ({"coupling": "resistive", "coupling_resistance": 100.0}, ValueError, "coupling_resistance must be above"),
        (
            {"coupling": "capacitive", "coupling_capacitance": 1e-11},
            ValueError,
            r"must be below a quarter of the capacitance \(8.333 pF an element\)",
        ),
        ({"coupling": "resistive", "coupling_resistance": 1e6, "topology": "grid"}, ValueError, "columns must split"),
        (
            {"coupling": "resistive", "coupling_resistance": 1e6, "topology": "edges", "edges": ((0, 4),)},
            ValueError,
            r"edges must be pairs of different oscillators from 0 to 3, not \[0, 4\]",
        ),
    ],
)
def test_bad_parameters_are_refused(
    oscillator: Circuit, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        oscillator_params(oscillator, "plain", **({"count": 4} | changes))


def test_options_are_the_keys_of_the_design_file() -> None:
    assert RelaxationOscillatorOptions().elements(4) is None
    made = RelaxationOscillatorOptions(coupling="capacitive", coupling_capacitance=1e-12, topology="ring").elements(4)
    assert made is not None
    assert (made.kind, made.value, made.degree) == ("capacitive", 1e-12, 2)
    assert math.isclose(made.matrix().sum(), 8e-12)
