from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuristor.golden_model import noise
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams, LifReference, bound, shadow, step
from tests.samples.lif import LIF_VARIANTS, lif_drive, lif_params

SIMPLE: dict[str, Any] = {"count": 1, "tau": 16e-6, "threshold": 2.0, "hold": 1.0, "rest": 1.25, "dt": 1e-6}


def test_reference_fires_at_the_closed_form_rate(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=3, dt=250e-9)
    currents = np.array([50e-6, 70e-6, 120e-6])
    drive = params.rest + params.input_resistance * currents
    _, times = LifReference(params).run(np.tile(drive, (4000, 1)))
    for neuron, current in enumerate(currents):
        # The neuron waits for the discharge at the supply's bias, the oscillator for that under drive.
        expected = vo2.periods(float(current))[0] + params.refractory
        assert np.diff(times[neuron]) == pytest.approx(expected, rel=1e-9)


def test_reference_membrane_agrees_with_an_ode_solver_under_a_changing_input(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=1, dt=1e-6)
    drive = np.repeat(np.random.default_rng(5).uniform(0.5, 4.5, (25, 1)), 7, axis=0)
    trace, times = LifReference(params).run(drive)
    v, waiting, fired = params.rest, 0.0, []
    for tick, row in enumerate(drive):
        at, end = tick * params.dt, (tick + 1) * params.dt
        while at < end:
            if waiting > 1e-18:
                pause = min(waiting, end - at)
                at, waiting = at + pause, waiting - pause
                continue

            def crossing(_: float, y: np.ndarray) -> float:
                return float(y[0] - params.threshold)

            crossing.terminal = True  # type: ignore[attr-defined]
            solution = solve_ivp(
                lambda _, y, target=row[0]: (target - y) / params.tau,
                (at, end),
                [v],
                method="DOP853",
                events=crossing,
                rtol=1e-12,
                atol=1e-13,
            )
            at, v = solution.t[-1], solution.y[0, -1]
            if solution.t_events[0].size:
                fired.append(at)
                v, waiting = params.hold, params.refractory
        assert trace["membrane"][tick, 0] == pytest.approx(v, abs=1e-8)
    assert len(fired) > 3
    assert times[0] == pytest.approx(fired, abs=1e-12)


@pytest.mark.parametrize("variant", LIF_VARIANTS)
def test_scalar_and_array_steps_give_the_same_bits(vo2: Circuit, variant: str) -> None:
    params = lif_params(vo2, variant, count=7)
    drive = lif_drive(params, 120, seed=1)
    model = LifBitTrue(params)
    state = [(int(v), int(r), int(n)) for v, r, n in zip(model.membrane, model.refractory, model.noise, strict=True)]
    fired = 0
    for row in drive:
        spikes = model.step(row)
        for neuron in range(params.count):
            own = int(params.threshold_raw[neuron]), int(params.fault_raw[neuron])
            *after, spike, _ = step(params.raw, *state[neuron], *own, int(row[neuron]))
            state[neuron] = (after[0], after[1], after[2])
            assert bool(spikes[neuron]) == bool(spike)
            assert state[neuron] == (model.membrane[neuron], model.refractory[neuron], model.noise[neuron])
            fired += bool(spike)
    assert fired > 10


@pytest.mark.parametrize("variant", LIF_VARIANTS)
def test_membrane_stays_inside_the_derived_bound(vo2: Circuit, variant: str) -> None:
    """With the spikes of the bit-true model imposed, float and fixed point never part further than the bound."""
    params = lif_params(vo2, variant, count=20)
    raw = lif_drive(params, 3000, seed=2)
    if "saturating" in variant:
        raw = np.clip(raw, params.membrane.min_raw, params.membrane.max_raw)  # the float model has no rails
    drive = params.drive.value(raw)
    trace = LifBitTrue(params).run(raw)
    membrane = shadow(params, drive, trace)
    swing = float(np.abs(drive[1:] - membrane[:-1]).max())
    worst = float(np.abs(membrane - params.membrane.value(trace["membrane"])).max())
    limit = bound(params, swing)
    assert worst <= limit.total
    assert worst > 0.02 * limit.total, "the bound is too loose to mean anything"


def test_decay_coefficient_is_exact_to_its_bits(vo2: Circuit) -> None:
    for bits in range(4, 19):
        params = lif_params(vo2, "hold", count=1, dt=250e-9, coefficient_bits=bits)
        assert params.raw.k_raw * 2.0**-params.raw.k_shift == pytest.approx(params.k, rel=2.0**-bits)
        assert params.raw.k_raw < 1 << bits
    shift = lif_params(vo2, "hold", count=1, dt=250e-9, leak="power_of_two").raw
    assert (shift.k_raw, shift.k_shift) == (1, 6)  # 0.0149 is nearest to 1 / 64


def test_hand_computed_ticks() -> None:
    fmt = Format(3, 4)
    params = LifParams(
        **SIMPLE | {"tau": 1e-6 / math.log(2), "refractory": 2e-6}, membrane=fmt, drive=fmt, coefficient_bits=4
    )
    assert (params.raw.k_raw, params.raw.k_shift) == (8, 4)  # k = 1/2
    model = LifBitTrue(params)
    assert model.membrane.tolist() == [20]
    trace = model.run(np.array([[40], [38], [34], [34], [34], [34]]))
    # 20 + (40-20)/2 = 30; 30 + 4 = 34 >= 32 fires, to 16; two ticks of waiting; 16 + 9 = 25; 25 + 4.5 up = 30
    assert trace["membrane"][:, 0].tolist() == [30, 16, 16, 16, 25, 30]
    assert trace["spike"][:, 0].tolist() == [0, 1, 0, 0, 0, 0]
    assert trace["refractory"][:, 0].tolist() == [0, 2, 1, 0, 0, 0]


def test_threshold_is_met_not_passed() -> None:
    fmt = Format(3, 4)
    params = LifParams(**SIMPLE | {"tau": 1e-6 / math.log(2)}, membrane=fmt, drive=fmt, coefficient_bits=4)
    for drive, spike in ((43, 0), (44, 1)):  # 20 + 23/2 = 31.5 rounds up to 32; 44: 32
        model = LifBitTrue(params)
        model.membrane[:] = 19
        assert model.step(np.array([drive])).tolist() == [bool(spike)] or drive == 43
    model = LifBitTrue(params)
    assert model.step(np.array([44])).tolist() == [True]  # 20 + 12 = 32 = threshold
    model.reset()
    assert model.step(np.array([42])).tolist() == [False]  # 31


def test_subtraction_keeps_the_overshoot() -> None:
    fmt = Format(3, 4)
    params = LifParams(
        **SIMPLE | {"tau": 1e-6 / math.log(2), "reset": "subtract"}, membrane=fmt, drive=fmt, coefficient_bits=4
    )
    model = LifBitTrue(params)
    model.step(np.array([52]))  # 20 + 16 = 36, four above 32
    assert model.membrane.tolist() == [20]  # hold (16) plus the overshoot


def test_saturation_is_counted(vo2: Circuit) -> None:
    params = lif_params(vo2, "saturating", count=5)
    model = LifBitTrue(params)
    model.run(lif_drive(params, 200, seed=3))
    assert model.saturations > 0
    model.reset()
    assert model.saturations == 0


def test_noise_moves_only_with_a_spike_and_spreads_the_threshold(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=400, dt=50e-9, threshold_c2c=0.02)
    model = LifBitTrue(params)
    raw = params.drive_raw(np.full((6000, 400), 70e-6))
    before = model.noise.copy()
    at_spike = []
    for row in raw:
        membrane = model.membrane.copy()
        spikes = model.step(row)
        assert np.array_equal(model.noise != before, spikes)
        before = model.noise.copy()
        at_spike.append(membrane[spikes])
    levels = params.membrane.value(np.concatenate(at_spike))
    assert len(levels) > 5000
    assert levels.std() == pytest.approx(0.02 * 1.99, rel=0.05)
    assert levels.mean() == pytest.approx(1.99, abs=0.01)  # the last tick before the crossing


def test_spread_has_the_wanted_size_and_follows_the_seed(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=20_000, dt=250e-9, threshold_d2d=0.05, seed=9)
    values = params.membrane.value(params.threshold_raw)
    assert values.mean() == pytest.approx(1.99, rel=2e-3)
    assert values.std() == pytest.approx(0.05 * 1.99, rel=0.02)
    again = lif_params(vo2, "hold", count=20_000, dt=250e-9, threshold_d2d=0.05, seed=9)
    assert np.array_equal(params.threshold_raw, again.threshold_raw)
    other = lif_params(vo2, "hold", count=20_000, dt=250e-9, threshold_d2d=0.05, seed=10)
    assert not np.array_equal(params.threshold_raw, other.threshold_raw)


def test_reference_on_ticks_is_the_limit_of_long_words(vo2: Circuit) -> None:
    """With 21 fraction bits the bit-true model fires in the very ticks of the float model."""
    wide = Format(3, 28)
    params = lif_params(
        vo2,
        "hold",
        count=10,
        dt=250e-9,
        threshold_c2c=0.02,
        threshold_d2d=0.02,
        membrane=wide,
        drive=wide,
        coefficient_bits=18,
    )
    raw = params.drive_raw(np.random.default_rng(4).uniform(0, 1.2e-4, (2000, 10)))
    bit_true = LifBitTrue(params).run(raw)
    on_ticks, _ = LifReference(params, locate=False).run(params.drive.value(raw))
    assert np.mean(bit_true["spike"] != on_ticks["spike"]) < 1e-3
    assert bit_true["spike"].sum() > 100


@pytest.mark.parametrize("reset", ["hold", "subtract"])
def test_reference_without_refractory_time_fires_several_times_a_tick(reset: str) -> None:
    params = LifParams(**SIMPLE | {"reset": reset})
    trace, times = LifReference(params).run(np.full((50, 1), 40.0))
    period = params.tau * math.log((40.0 - 1.0) / (40.0 - 2.0))
    assert trace["spike"].max() >= 2
    assert np.diff(times[0]) == pytest.approx(period, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"count": 0}, ValueError, "count must be an integer between 1 and 65536, not 0"),
        ({"count": 1_000_000}, ValueError, "count must be an integer between 1 and 65536, not 1000000"),
        ({"tau": -1.0}, ValueError, "tau must be a positive number, not -1.0"),
        ({"threshold": math.nan}, ValueError, "threshold must be finite, not nan"),
        ({"hold": 2.0}, ValueError, "hold must be below threshold"),
        ({"rest": 2.1}, ValueError, "rest must be below threshold"),
        ({"dt": 17e-6}, ValueError, "dt must be at most 16 us, the time constant, not 17 us"),
        ({"dt": 1e-300}, ValueError, r"dt must be at least .*, 2\*\*-40 of the time constant"),
        ({"tau": 1e300}, ValueError, r"dt must be at least .*, 2\*\*-40 of the time constant"),
        ({"threshold": 1.7e308}, OverflowError, "threshold must be between"),
        ({"reset": "zero"}, ValueError, "reset must be 'hold' or 'subtract', not 'zero'"),
        ({"leak": "none"}, ValueError, "leak must be 'exact' or 'power_of_two', not 'none'"),
        ({"seed": -1}, ValueError, "seed must be an integer between 0"),
        ({"membrane": Format(1, 13)}, OverflowError, "threshold must be between -1 V and 999.88 mV"),
        ({"drive": Format(3, 12)}, ValueError, "drive must have the 13 fraction bits of membrane, not 12"),
        ({"coefficient_bits": 40}, ValueError, "coefficient_bits must be an integer between 4 and 18, not 40"),
        ({"membrane": Format(3, 44), "drive": Format(3, 44), "coefficient_bits": 18}, ValueError, "need 66 bits"),
        ({"refractory": 1.0}, ValueError, "must be at most 65535 ticks, so dt must be at least 15.26 us, not 1 us"),
        ({"threshold_c2c": 0.5}, ValueError, "must leave every threshold above hold"),
        ({"threshold_d2d": 0.5, "count": 50}, ValueError, "must leave every threshold above hold"),
    ],
)
def test_params_refuse(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LifParams(**SIMPLE | changes)


def test_run_refuses_a_wrong_drive() -> None:
    model = LifBitTrue(LifParams(**SIMPLE))
    with pytest.raises(TypeError, match="drive_raw must hold integers, not float64"):
        model.run(np.zeros((2, 1)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"drive_raw must have shape \(ticks, 1\), not \(2, 3\)"):
        model.run(np.zeros((2, 3), dtype=np.int64))
    with pytest.raises(OverflowError, match="drive_raw must be between -32768 and 32767"):
        model.run(np.full((2, 1), 40_000))
    with pytest.raises(OverflowError, match="drive must be between"):
        model.params.drive_raw([1.0e3])
    assert replace(model.params, count=2).count == 2


def test_seed_of_noise_reaches_the_model() -> None:
    model = LifBitTrue(LifParams(**SIMPLE | {"seed": 5, "count": 4}))
    assert model.noise.tolist() == noise.first_state(5, np.arange(4)).tolist()
