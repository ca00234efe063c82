from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.network import PATTERNS, OscillatorNetwork, measure
from neuristor.golden_model.devices.threshold_switch import Circuit

Switchings = list[tuple[float, int, bool]]
Floats = NDArray[np.float64]


@pytest.fixture
def onn() -> Circuit:
    return Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)


def slow(circuit: Circuit) -> Circuit:
    """A balanced oscillator: both states last about as long."""
    return replace(circuit, series_resistance=2e3, capacitance=1e-9)


def matrix(count: int, value: float, seed: int | None = None) -> Floats:
    """All to all, equal or spread."""
    spread = np.ones((count, count)) if seed is None else np.random.default_rng(seed).uniform(0.2, 1.8, (count, count))
    upper = np.triu(spread * value, 1)
    return np.asarray(upper + upper.T)


def same(ours: Switchings, theirs: Switchings, tolerance: float) -> None:
    """The same switchings in the same order (those of one moment in any), within a time in second."""
    assert len(ours) == len(theirs)
    for (time, who, metallic), (other, *rest) in zip(ours, theirs, strict=True):
        assert time == pytest.approx(other, abs=tolerance)
        assert [who, metallic] == rest


def integrate(
    network: OscillatorNetwork, conductance: Floats, capacitance: Floats, current: Floats, duration: float
) -> Switchings:
    """Equation 1 by SciPy, events located; from the state of the network, written down on its own."""
    circuit, device, n = network.circuit, network.circuit.device, network.count
    voltage, metallic, time = network.voltage.copy(), network.metallic.copy(), 0.0
    mass = circuit.capacitance * np.eye(n) + np.diag(capacitance.sum(axis=1)) - capacitance
    inverse = np.linalg.inv(mass)
    found: Switchings = []
    while True:

        def rate(_: float, v: Floats) -> Floats:
            charge = (circuit.supply - v) / circuit.series_resistance + current
            charge -= v / np.where(metallic, device.r_met, device.r_ins)
            charge += (conductance * (v[np.newaxis] - v[:, np.newaxis])).sum(axis=1)
            return np.asarray(inverse @ charge)

        events = []
        for i in range(n):
            level, direction = (network.v_hold[i], -1) if metallic[i] else (network.v_th[i], 1)

            def crossing(_: float, v: Floats, i: int = i, level: float = level) -> float:
                return float(v[i] - level)

            crossing.terminal = True  # type: ignore[attr-defined]
            crossing.direction = direction  # type: ignore[attr-defined]
            events.append(crossing)
        step = min(circuit.tau_met, circuit.tau_ins) / 20
        solution = solve_ivp(
            rate, (time, duration), voltage, method="DOP853", events=events, rtol=1e-11, atol=1e-14, max_step=step
        )
        if solution.status == 0:
            return found
        assert solution.t_events is not None
        assert solution.y_events is not None
        (who,) = (i for i in range(n) if len(solution.t_events[i]))
        time, voltage = float(solution.t_events[who][0]), solution.y_events[who][0]
        metallic[who] ^= True
        found.append((time, who, bool(metallic[who])))


@pytest.mark.parametrize("ticks", [1, 997])
@pytest.mark.parametrize("coupled", [False, True])
def test_uncoupled_periods_are_the_closed_form(onn: Circuit, ticks: int, coupled: bool) -> None:
    current = np.array([0.0, 5e-6, 20e-6, -10e-6])  # the last is silent
    network = OscillatorNetwork(onn, 4, conductance=matrix(4, 1e-22) if coupled else None)
    switchings = [s for _ in range(ticks) for s in network.advance(50e-6 / ticks, current)]
    assert network.time == pytest.approx(50e-6)
    for i in range(3):
        times = [time for time, who, _ in switchings if who == i]
        t_ins, t_met = onn.periods(current[i])
        assert len(times) > 20
        assert np.diff(times)[1::2] == pytest.approx(t_ins, rel=1e-9)
        assert np.diff(times)[::2] == pytest.approx(t_met, rel=1e-9)
    assert onn.regime(current[3]) == "silent"
    assert {who for _, who, _ in switchings} == {0, 1, 2}
    settled = onn.target_ins(current[3])
    assert network.voltage[3] == pytest.approx(settled * -math.expm1(-network.time / onn.tau_ins), rel=1e-12)


@pytest.mark.parametrize(
    ("balanced", "conductance", "capacitance"),
    [(True, 1 / 5e3, 0.0), (True, 0.0, 0.3), (True, 1 / 20e3, 0.1), (False, 1 / 50e3, 0.0), (False, 1 / 200e3, 0.1)],
)
def test_coupled_switchings_agree_with_an_ode_solver(
    onn: Circuit, balanced: bool, conductance: float, capacitance: float
) -> None:
    circuit = slow(onn) if balanced else onn
    n = 3
    g, c = matrix(n, conductance, seed=1), matrix(n, capacitance * circuit.capacitance, seed=2)
    current = np.array([0.0, 2e-6, 4e-6])
    network = OscillatorNetwork(
        circuit,
        n,
        v_th=np.array([1.99, 2.0, 1.985]),
        v_hold=np.array([0.99, 1.0, 0.985]),
        conductance=g,
        capacitance=c,
    )
    network.voltage[:] = 1.1, 1.4, 1.7
    period = 1 / circuit.frequency()
    theirs = integrate(network, g, c, current, 8 * period)
    ours = network.advance(8 * period, current)
    assert len(ours) > 20
    same(ours, theirs, 1e-9 * period)


@pytest.mark.parametrize(("conductance", "capacitance"), [(0.0, 0.0), (1 / 20e3, 0.0), (1 / 50e3, 0.1)])
def test_chopping_time_into_ticks_changes_nothing(onn: Circuit, conductance: float, capacitance: float) -> None:
    period = 1 / onn.frequency()

    def network() -> OscillatorNetwork:
        v_th = 1.99 * (1 + 0.002 * np.random.default_rng(3).standard_normal(5))
        made = OscillatorNetwork(
            onn, 5, v_th=v_th, conductance=matrix(5, conductance), capacitance=matrix(5, capacitance * onn.capacitance)
        )
        made.voltage[:] = np.linspace(1.0, 1.9, 5)
        return made

    whole, chopped = network(), network()
    rng = np.random.default_rng(4)
    ours = [s for _ in range(1000) for s in chopped.advance(float(rng.uniform(0, period / 25)))]
    theirs = whole.advance(chopped.time)
    assert len(theirs) > 50
    same(ours, theirs, 1e-10 * period)
    assert chopped.voltage == pytest.approx(whole.voltage, rel=1e-8)


@pytest.mark.parametrize("kind", ["conductance", "capacitance"])
def test_equal_oscillators_in_phase_do_not_feel_each_other(onn: Circuit, kind: str) -> None:
    coupling = matrix(4, 1 / 10e3 if kind == "conductance" else onn.capacitance)
    network = OscillatorNetwork(onn, 4, **{kind: coupling})  # type: ignore[arg-type]
    switchings = network.advance(20 / onn.frequency())
    on = np.array([time for time, _, metallic in switchings if metallic]).reshape(-1, 4)
    assert len(on) > 15
    assert np.ptp(on, axis=1).max() == 0.0
    assert np.diff(on[:, 0]) == pytest.approx(1 / onn.frequency(), rel=1e-9)


def test_charge_is_conserved(onn: Circuit) -> None:
    circuit, n = slow(onn), 3
    g, c = matrix(n, 1 / 8e3, seed=5), matrix(n, 0.2e-9, seed=6)
    current = np.array([1e-6, 0.0, 5e-6])
    device = circuit.device

    def network() -> OscillatorNetwork:
        made = OscillatorNetwork(circuit, n, conductance=g, capacitance=c)
        made.voltage[:] = 1.0, 1.3, 1.6
        return made

    first, second = network(), network()
    duration = 4 / circuit.frequency()
    moments = [0.0, *(time for time, _, _ in first.advance(duration, current)), duration]
    assert len(moments) > 12
    nodes, weights = np.polynomial.legendre.leggauss(20)
    charge = np.zeros(n)
    for begin, end in pairwise(moments):
        for node, weight in zip(nodes, weights, strict=True):
            second.advance(max(0.0, begin + (node + 1) / 2 * (end - begin) - second.time), current)
            v = second.voltage
            flow = (circuit.supply - v) / circuit.series_resistance + current
            flow -= v / np.where(second.metallic, device.r_met, device.r_ins)
            flow += g @ v - g.sum(axis=1) * v
            charge += weight * (end - begin) / 2 * flow
    second.advance(duration - second.time, current)
    gained = second.voltage - np.array([1.0, 1.3, 1.6])
    stored = circuit.capacitance * gained + c.sum(axis=1) * gained - c @ gained
    assert charge == pytest.approx(stored, abs=1e-9 * circuit.capacitance)


@pytest.mark.parametrize(("margin", "switches"), [(-1e-11, True), (1e-11, False)])
def test_a_touch_of_the_threshold_inside_one_step_is_seen(onn: Circuit, margin: float, switches: bool) -> None:
    # Oscillator 0 never switches and falls from 6 V; it lifts oscillator 1 over a peak and lets it fall again.
    def network(v_th: float) -> OscillatorNetwork:
        made = OscillatorNetwork(
            onn, 2, v_th=np.array([9.0, v_th]), conductance=matrix(2, 1 / 40e3), fixed=np.array([True, False])
        )
        made.voltage[:] = 6.0, 0.0
        return made

    def height(time: float) -> float:
        probe = network(9.0)
        probe.advance(time)
        return float(probe.voltage[1])

    low, high = 0.0, 10 * onn.tau_ins
    for _ in range(200):  # golden section
        a, b = high - (high - low) / 1.618033988749895, low + (high - low) / 1.618033988749895
        low, high = (low, b) if height(a) > height(b) else (a, high)
    peak = height(low)
    assert peak > height(20 * onn.tau_ins) + 0.01
    found = network(peak + margin).advance(100 * onn.tau_ins)
    assert bool(found) is switches
    if switches:
        assert found[0][0] == pytest.approx(low, rel=1e-4)


@pytest.mark.parametrize("kind", ["conductance", "capacitance"])
@pytest.mark.parametrize("apart", [1e-5, 1e-8, 1e-10])
def test_two_crossings_close_together_keep_their_order(onn: Circuit, kind: str, apart: float) -> None:
    v_th = np.array([1.99 * (1 + apart), 1.99])
    coupling = matrix(2, 1 / 100e3 if kind == "conductance" else 0.05 * onn.capacitance)
    network = OscillatorNetwork(onn, 2, v_th=v_th, **{kind: coupling})  # type: ignore[arg-type]
    none = np.zeros((2, 2))
    conductance, capacitance = (coupling, none) if kind == "conductance" else (none, coupling)
    duration = 2 / onn.frequency()
    theirs = integrate(network, conductance, capacitance, np.zeros(2), duration)
    ours = network.advance(duration)
    # A capacitor pulls the later one back from its threshold at the last moment, a resistor does not.
    second = (0, True) if kind == "conductance" else (1, False)
    assert [s[1:] for s in ours[:2]] == [(1, True), second]
    same(ours[:2], theirs[:2], 1e-9 / onn.frequency())
    alone = OscillatorNetwork(onn, 2, v_th=v_th).advance(duration)
    assert ours[0][0] == pytest.approx(alone[0][0], rel=1e-10)


@pytest.mark.parametrize("coupled", [False, True])
def test_stuck_oscillators_never_switch(onn: Circuit, coupled: bool) -> None:
    coupling = matrix(3, 1 / 500e3) if coupled else None
    network = OscillatorNetwork(onn, 3, conductance=coupling, fixed=np.array([False, True, True]))
    network.metallic[2] = True
    switchings = network.advance(10 / onn.frequency())
    assert {who for _, who, _ in switchings} == {0}
    assert network.metallic[1:].tolist() == [False, True]
    if not coupled:
        assert network.voltage[1:] == pytest.approx([onn.target_ins(), onn.target_met()], rel=1e-6)


@pytest.mark.parametrize("coupled", [False, True])
def test_thresholds_drawn_at_switchings_hold_from_then_on(onn: Circuit, coupled: bool) -> None:
    network = OscillatorNetwork(onn, 1 + coupled, conductance=matrix(2, 1e-22) if coupled else None)
    rng = np.random.default_rng(7)
    drawn: list[tuple[float, float]] = []

    def draw(i: int, metallic: bool) -> None:
        if i == 0 and not metallic:
            network.v_th[0], network.v_hold[0] = 1.99 + rng.uniform(-0.05, 0.05), 0.99 + rng.uniform(-0.05, 0.05)
            drawn.append((float(network.voltage[0]), float(network.v_th[0])))

    switchings = [s for s in network.advance(20 / onn.frequency(), on_switch=draw) if s[1] == 0]
    times = [time for time, _, _ in switchings]
    v_ins = onn.target_ins()
    assert len(drawn) > 15
    for k, (start, v_th) in enumerate(drawn[: len(times[1::2]) - 1]):
        expected = onn.tau_ins * math.log((v_ins - start) / (v_ins - v_th))
        assert times[2 * k + 2] - times[2 * k + 1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("coupled", [False, True])
def test_a_threshold_moved_below_the_voltage_switches_at_once(onn: Circuit, coupled: bool) -> None:
    network = OscillatorNetwork(onn, 2, conductance=matrix(2, 1 / 50e3) if coupled else None)
    network.advance(onn.tau_ins)
    time, voltage = network.time, network.voltage[1]
    network.v_th[1] = voltage - 0.1
    assert network.advance(0.0) == [(time, 1, True)]
    assert network.voltage[1] == pytest.approx(voltage, rel=1e-12)


def test_modes_are_kept_for_a_bounded_number_of_patterns(onn: Circuit) -> None:
    network = OscillatorNetwork(onn, 12, conductance=matrix(12, 1 / 1e6))
    rng = np.random.default_rng(8)
    for _ in range(PATTERNS + 100):
        network.metallic[:] = rng.random(12) < 0.5
        network.voltage[:] = 1.5
        network.advance(1e-12)
    assert len(network._cache) == PATTERNS


def test_measure_knows_leads_lags_and_the_silent() -> None:
    period, switchings = 1e-6, []
    for cycle in range(10):
        for who, lag, share in ((0, 0.0, 0.25), (1, 0.1, 0.5), (2, -0.05, 0.125)):
            switchings += [((cycle + 1 + lag) * period, who, True), ((cycle + 1 + lag + share) * period, who, False)]
    frequency, duty, phase = measure(sorted(switchings), 4)
    assert frequency == pytest.approx([1e6, 1e6, 1e6, 0.0])
    assert duty == pytest.approx([0.25, 0.5, 0.125, math.nan], nan_ok=True)
    assert phase == pytest.approx([0.0, 324.0, 18.0, math.nan], nan_ok=True)
    late = measure(sorted(switchings), 4, after=9.5 * period)
    assert late[0].tolist() == [0.0] * 4
    assert np.isnan(late[2]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "count must be at least 1, not 0"),
        ({"v_th": np.ones(3)}, r"v_th must have shape \(2,\), not \(3,\)"),
        ({"v_hold": np.array([0.5, 2.0])}, r"v_hold must be below v_th \(1.99 V\) in oscillator 1, not 2.0 V"),
        ({"fixed": np.zeros(1, dtype=bool)}, r"fixed must have shape \(2,\), not \(1,\)"),
        ({"conductance": np.ones((2, 2))}, "conductance must be symmetric with a zero diagonal"),
        ({"conductance": np.array([[0.0, 1.0], [2.0, 0.0]])}, "conductance must be symmetric"),
        ({"capacitance": -matrix(2, 1.0)}, "capacitance must hold zeros and positive numbers"),
        ({"capacitance": np.zeros((2, 3))}, r"capacitance must have shape \(2, 2\), not \(2, 3\)"),
    ],
)
def test_network_refuses(onn: Circuit, changes: dict[str, Any], message: str) -> None:
    numbers = {"count": 2} | changes
    with pytest.raises(ValueError, match=message):
        OscillatorNetwork(onn, **numbers)


def test_advance_refuses(onn: Circuit) -> None:
    network = OscillatorNetwork(onn, 2)
    with pytest.raises(ValueError, match="duration must be zero or a positive number"):
        network.advance(-1e-9)
    with pytest.raises(ValueError, match=r"current must have shape \(2,\), not \(3,\)"):
        network.advance(1e-9, np.zeros(3))

    def spoil(i: int, metallic: bool) -> None:
        network.v_hold[i] = 3.0

    with pytest.raises(ValueError, match="v_hold must be below v_th"):
        network.advance(2 / onn.frequency(), on_switch=spoil)
