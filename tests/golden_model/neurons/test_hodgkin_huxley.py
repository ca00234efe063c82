from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.accuracy import smallest, sweep
from neuristor.golden_model.neurons.hodgkin_huxley import (
    HODGKIN_HUXLEY,
    HodgkinHuxleyBitTrue,
    HodgkinHuxleyParams,
    HodgkinHuxleyReference,
    alone,
    bound,
    check_current,
    rate,
    rates,
    shadow,
    step,
    swing,
    window,
)
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.variability import Variability
from tests.samples import corner_drive

Floats = np.ndarray
UA = 0.1e-9
"""One uA/cm2, for the membrane of 1e-4 cm2 of the defaults."""


def params(count: int = 1, dt: float = 25e-6, **more: object) -> HodgkinHuxleyParams:
    return HodgkinHuxleyParams(count=count, dt=dt, **more)  # type: ignore[arg-type]


def slopes(t: float, y: Floats, current: float) -> Floats:
    """Equations 1 and 2 per square centimetre, in mV and ms, written down a second time."""
    v, m, h, n = y
    am, bm = 0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10)), 4 * np.exp(-(v + 65) / 18)
    ah, bh = 0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))
    an, bn = 0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10)), 0.125 * np.exp(-(v + 65) / 80)
    ions = 120 * m**3 * h * (50 - v) + 36 * n**4 * (-77 - v) + 0.3 * (-54.387 - v)
    return np.array([ions + current, am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n])


def scipy(pieces: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Spike times (ms) and peaks (mV) of pieces of (duration in ms, uA/cm2), at 1e-9 tolerance."""
    p = params()
    y, start = np.array([1e3 * p.rest, *p.gates(p.rest)[0]]), 0.0
    found, peaks = [], []
    for duration, current in pieces:

        def crossing(t: float, y: Floats, current: float) -> float:
            return float(y[0])

        def top(t: float, y: Floats, current: float) -> float:
            return float(slopes(t, y, current)[0])

        crossing.direction, top.direction = 1.0, -1.0  # type: ignore[attr-defined]
        made = solve_ivp(
            slopes, (0, duration), y, "DOP853", rtol=1e-9, atol=1e-9, args=(current,), events=(crossing, top)
        )
        found += (start + made.t_events[0]).tolist()
        peaks += [each[0] for each in made.y_events[1] if each[0] > 0]
        y, start = made.y[:, -1], start + duration
    return np.array(found), np.array(peaks)


def reference(
    pieces: list[tuple[float, float]], p: HodgkinHuxleyParams | None = None, **how: bool
) -> tuple[Floats, Floats]:
    """Spike times (ms) and membrane (mV) of the same in our reference."""
    p = p or params()
    drive = np.concatenate([np.full((round(t * 1e-3 / p.dt), 1), p.drive_volts(i * UA)) for t, i in pieces])
    trace, times = HodgkinHuxleyReference(p, **how).run(drive)
    return 1e3 * times[0], 1e3 * trace["membrane"][:, 0]


def step_error(pieces: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch) -> float:
    """How far spike times (ms) can be from exact ones: twice what half the step changes, and SciPy's own 1e-6."""
    whole, _ = reference(pieces)
    with monkeypatch.context() as patch:
        patch.setattr("neuristor.golden_model.neurons.hodgkin_huxley.SUBSTEP", 6.25e-6)
        half, _ = reference(pieces)
    return float(2 * np.abs(whole - half).max() + 1e-6)


@pytest.mark.parametrize(("current", "published"), [(6.5, 57), (10, 70), (20, 87)])
def test_rates_over_300_ms_are_the_published_ones(current: float, published: float) -> None:
    times, _ = reference([(300, current)], locate=False)
    assert len(times) / 0.3 == pytest.approx(published, rel=0.02)


def test_6_microampere_give_two_spikes_and_then_none() -> None:
    times, _ = reference([(300, 6)], locate=False)
    assert len(times) == 2


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "pieces",
    [
        [(60.0, 10.0)],
        [(5.0, 0.0), (0.5, 60.0), (20.0, 0.0)],
        [(10.0, -8.0), (40.0, 0.0)],
        [(40.0, 6.5)],
    ],
    ids=["step", "pulse", "anodal break", "near rheobase"],
)
def test_continuous_reference_matches_scipy(pieces: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch) -> None:
    exact, _ = scipy(pieces)
    times, _ = reference(pieces)
    limit = step_error(pieces, monkeypatch)
    assert len(exact) > 0
    assert limit < 1e-3
    assert times == pytest.approx(exact, abs=limit)


def test_spike_amplitude_matches_scipy() -> None:
    _, peaks = scipy([(6.0, 10.0)])
    p = params(dt=2.5e-6)
    _, membrane = reference([(6.0, 10.0)], p)
    top = int(membrane.argmax())
    # Seen only at the ends of ticks: at most half a tick beside the peak of a parabola.
    missed = -np.diff(membrane[top - 1 : top + 2], 2)[0] / 8
    assert len(peaks) == 1
    assert -1e-6 < peaks[0] - membrane.max() < 1.1 * missed + 1e-6
    assert missed < 0.01


def _smallest(fires: Callable[[float], bool], low: float, high: float) -> float:
    """Where it begins to fire, to a millionth of the bracket."""
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return high


def test_rheobase_matches_scipy() -> None:
    """The smallest step that gives a spike, to 0.01 nA/cm2."""
    exact = _smallest(lambda i: len(scipy([(60.0, i)])[0]) > 0, 1, 6)
    p = params(2)
    drive = np.tile(p.drive_volts(UA * (exact + np.array([-1e-5, 1e-5]))), (round(60e-3 / p.dt), 1))
    _, times = HodgkinHuxleyReference(p).run(drive)
    assert [len(each) for each in times] == [0, 1]


def test_refractory_period_matches_scipy() -> None:
    """The shortest gap after which a second pulse of the same size fires again, to a tick of 5 us."""

    def pieces(gap: float) -> list[tuple[float, float]]:
        return [(1.0, 20.0), (gap, 0.0), (1.0, 20.0), (15.0, 0.0)]

    exact = _smallest(lambda gap: len(scipy(pieces(gap))[0]) > 1, 4, 24)
    p = params(2, dt=5e-6)
    t = np.arange(round((exact + 17) * 1e-3 / p.dt))[:, None]
    begin = np.floor(exact * 1e-3 / p.dt) + np.array([-1, 2]) + 200  # 1 ms after the first pulse began
    pulses = (t < 200) | ((t >= begin) & (t < begin + 200))
    _, times = HodgkinHuxleyReference(p).run(np.where(pulses, p.drive_volts(20 * UA), 0.0))
    assert [len(each) for each in times] == [1, 2]


def test_anodal_break_fires_after_strong_hyperpolarisation_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for current, spikes in ((-1.0, 0), (-8.0, 1)):
        pieces = [(20.0, current), (30.0, 0.0)]
        exact, _ = scipy(pieces)
        times, _ = reference(pieces)
        assert len(times) == len(exact) == spikes
    assert times == pytest.approx(exact, abs=step_error(pieces, monkeypatch))


@cache
def constant_inputs() -> tuple[HodgkinHuxleyParams, list[Floats], list[Floats]]:
    """Spike times over 0.3 s in continuous time and bit-true, for 6.5, 10 and 20 uA/cm2."""
    p = params(3)
    drive = np.tile(p.drive_raw(np.array([6.5, 10, 20]) * UA), (12_000, 1))
    _, exact = HodgkinHuxleyReference(p).run(p.drive.value(drive))
    return p, exact, spike_times(p, HodgkinHuxleyBitTrue(p).run(drive))


def test_bit_true_rate_is_within_one_percent_and_spikes_within_a_fifth_of_a_millisecond() -> None:
    _, exact, found = constant_inputs()
    for times, close in zip(exact, found, strict=True):
        assert len(times) == len(close)
        assert close == pytest.approx(times, abs=0.2e-3)
        assert np.diff(close[3:]).mean() == pytest.approx(np.diff(times[3:]).mean(), rel=0.01)


PICKED = {"membrane": Format(-2, 21), "drive": Format(-6, 28), "coefficient_bits": 13}
"""What `accuracy` picks for 0.06 %, the example's tick, and six inputs of its sweep."""


@pytest.mark.parametrize("current", [6.5, 10, 20])
def test_words_that_accuracy_picks_keep_rate_and_spike_times(current: float) -> None:
    p, exact, _ = constant_inputs()
    small = replace(alone(p, 1), **PICKED)  # type: ignore[arg-type]
    drive = np.full((12_000, 1), small.drive_raw(current * UA))
    close = spike_times(small, HodgkinHuxleyBitTrue(small).run(drive))[0]
    times = exact[[6.5, 10, 20].index(current)]
    assert len(times) == len(close)
    assert close == pytest.approx(times, abs=0.2e-3)
    assert np.diff(close[3:]).mean() == pytest.approx(np.diff(times[3:]).mean(), rel=0.01)


@pytest.mark.slow
def test_accuracy_picks_these_words() -> None:
    p = params()
    words = smallest(HODGKIN_HUXLEY, p, sweep(HODGKIN_HUXLEY, p, 0.0, 2e-9, 6), 0.0006).params
    assert {name: getattr(words, name) for name in PICKED} == PICKED


def test_brian2_agrees_with_the_continuous_reference() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its parser
        _compare_with_brian2(pytest.importorskip("brian2"))


def _compare_with_brian2(brian2: Any) -> None:
    brian2.prefs.codegen.target = "numpy"
    p = params(3)
    equations = """
    dv/dt = (120*m**3*h*(50 - v) + 36*n**4*(-77 - v) + 0.3*(-54.387 - v) + force)/ms : 1
    dm/dt = (0.1*(v + 40)/(1 - exp(-(v + 40)/10))*(1 - m) - 4*exp(-(v + 65)/18)*m)/ms : 1
    dh/dt = (0.07*exp(-(v + 65)/20)*(1 - h) - 1/(1 + exp(-(v + 35)/10))*h)/ms : 1
    dn/dt = (0.01*(v + 55)/(1 - exp(-(v + 55)/10))*(1 - n) - 0.125*exp(-(v + 65)/80)*n)/ms : 1
    force : 1
    """
    brian2.start_scope()
    brian2.defaultclock.dt = 10 * brian2.us
    group = brian2.NeuronGroup(3, equations, threshold="v >= 0", refractory="v >= 0", method="rk4")
    group.v, (group.m, group.h, group.n), group.force = 1e3 * p.rest, p.gates(p.rest)[0], [6.5, 10, 20]
    monitor = brian2.SpikeMonitor(group)
    network = brian2.Network(group, monitor)
    network.run(150 * brian2.ms)
    theirs = [np.asarray(monitor.spike_trains()[n] / brian2.second) for n in range(3)]
    for times, close in zip(constant_inputs()[1], theirs, strict=True):
        early = times[times < 0.15]
        assert len(early) == len(close) > 5
        assert close == pytest.approx(early, abs=p.dt)


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
def test_rest_does_not_drift_over_ten_seconds() -> None:
    p = params(2)
    model = HodgkinHuxleyBitTrue(p)
    kernel.run(model, np.zeros((400_000, 2), dtype=np.int64))
    assert p.membrane.value(model.membrane) == pytest.approx(p.rest, abs=0.1e-3)


VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "noise and spread": {"spread": Variability(current_d2d=0.2e-9, current_noise=0.5e-9, seed=5)},
    "short words": {"membrane": Format(-2, 16), "drive": Format(-5, 20), "coefficient_bits": 10, "gate_bits": 17},
    "warm": {"temperature": 290.0, "dt": 10e-6},
    "saturating": {"drive": Format(1, 22)},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_step_is_the_same_for_arrays_and_integers(variant: str) -> None:
    p = params(4, **VARIANTS[variant])
    drive = corner_drive(p, 40, seed=3)
    model = HodgkinHuxleyBitTrue(p)
    names = [*p.initial, "noise"]
    plain = [[int(getattr(model, name)[neuron]) for name in names] for neuron in range(4)]
    for row in drive:
        fired = model.step(row)
        for neuron in range(4):
            *state, spike, _ = step(p.raw, *plain[neuron], int(p.bias_raw[neuron]), int(row[neuron]))
            assert bool(spike) == bool(fired[neuron])
            assert state == [int(getattr(model, name)[neuron]) for name in names]
            plain[neuron] = state


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_tick_is_within_the_bound(variant: str) -> None:
    p = params(3, **VARIANTS[variant])
    drive = np.repeat(corner_drive(p, 30, seed=4) // 2, 20, axis=0)
    trace = HodgkinHuxleyBitTrue(p).run(drive)
    volts = p.drive.value(drive)
    made = shadow(p, volts, trace)
    error = np.abs(p.membrane.value(trace["membrane"]) - made).max()
    limit = bound(p, swing(p, volts, made))
    assert 0 < error <= limit.total


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
def test_kernel_gives_the_same_bits() -> None:
    p = params(5, **VARIANTS["noise and spread"])
    drive = corner_drive(p, 300, seed=6) // 8
    trace = HodgkinHuxleyBitTrue(p).run(drive)
    compiled = kernel.run(HodgkinHuxleyBitTrue(p), drive, keep=True)
    assert all(np.array_equal(trace[name], compiled[name]) for name in trace)


def test_saturation_is_counted() -> None:
    p = params(3, **VARIANTS["saturating"])
    model = HodgkinHuxleyBitTrue(p)
    model.run(corner_drive(p, 50, seed=7))
    assert model.saturations > 5


def test_rates_at_their_gaps_are_their_limits() -> None:
    assert rates(-0.040)[0, 0] == pytest.approx(1000.0)
    assert rates(-0.055)[2, 0] == pytest.approx(100.0)


def test_window_is_that_of_repetitive_firing() -> None:
    low, high = window(params())
    assert 6.0 * UA < low < 6.5 * UA
    assert high > 50 * UA
    assert rate(params(), np.array([0.9 * low]))[0] == 0
    assert alone(params(3, **VARIANTS["noise and spread"]), 2).spread.current_noise == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"g_na": -1.0}, ValueError, "g_na must be a positive number, not -1.0"),
        ({"e_l": 0.06}, ValueError, "e_l must be between e_k and e_na"),
        (
            {"e_na": 0.2},
            OverflowError,
            "e_na must be in the range of membrane and of the rate tables, -125 mV to",
        ),
        ({"dt": 0.3e-3}, ValueError, "dt must be at most 102.4 us for these conductances, not 300 us"),
        (
            {"membrane": Format(1, 19), "drive": Format(-4, 23), "dt": 50e-6},
            ValueError,
            "dt must be shorter, or the range of membrane smaller: with a tick of 50 us and a table step of 7.812 mV",
        ),
        ({"gate_bits": 30}, ValueError, "gate_bits must be an integer between 17 and 24, not 30"),
        ({"drive": Format(0, 10)}, ValueError, "drive must have 22 to 30 fraction bits"),
        ({"spread": Variability(stuck_on=0.1)}, ValueError, "stuck_on must be 0 in the model hodgkin_huxley, not 0.1"),
        ({"spread": Variability(current_noise=1e-15)}, ValueError, "current_noise is below a step of drive"),
    ],
)
def test_wrong_parameters_are_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        replace(params(), **change)  # type: ignore[arg-type]


def test_input_that_leaves_the_rate_tables_is_refused() -> None:
    check_current(params(), np.array([0.0, 20 * UA]))
    with pytest.raises(ValueError, match=r"the rate tables must cover the voltages that this input reaches, -0\.1"):
        check_current(params(), np.array([-25 * UA, 0.0]))
