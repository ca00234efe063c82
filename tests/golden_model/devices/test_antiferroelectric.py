from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet
from neuristor.golden_model.devices.catalogue import preset

PERIOD, PULSE = 2e-6, 3.0


@pytest.fixture
def afe() -> AntiferroelectricFet:
    device = preset("hzo-afefet").device
    assert isinstance(device, AntiferroelectricFet)
    return device


def test_recursion_between_spikes_has_its_closed_form(afe: AntiferroelectricFet) -> None:
    gain, leak = afe.gain(PULSE), afe.leak(PERIOD)
    response = afe.pulses(np.full(40, PULSE), pulse_period=PERIOD)
    steps = np.arange(1, 41)
    limit = afe.p_max * gain / (gain + leak)
    ramp = limit * (1 - (1 - gain - leak) ** steps)
    count = int(np.argmax(ramp >= afe.p_th)) + 1
    np.testing.assert_allclose(response.polarisation[:count], ramp[:count], rtol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(response.fired) + 1, np.arange(count, 41, count))
    np.testing.assert_allclose(response.spikes, np.arange(count, 41, count) * PERIOD)


def test_polarisation_leaks_between_pulses_and_the_base_voltage_holds_it(afe: AntiferroelectricFet) -> None:
    train = np.array([PULSE] + [0.0] * 10)
    for device in (afe, replace(afe, base_voltage=0.5)):
        trace = device.pulses(train, pulse_period=PERIOD).polarisation
        np.testing.assert_allclose(trace, trace[0] * np.exp(-np.arange(11) * PERIOD / device.tau), rtol=1e-12)
    assert replace(afe, base_voltage=0.5).tau == pytest.approx(math.e * afe.tau)


def test_gain_grows_with_the_pulse_voltage_and_stays_a_fraction(afe: AntiferroelectricFet) -> None:
    gains = [afe.gain(v) for v in (0.0, 1.0, 2.0, 3.0, 10.0, 100.0)]
    assert gains[0] == 0
    assert gains == sorted(gains)
    assert gains[-1] < 1


def integrate(numbers: dict[str, float], drive: list[float]) -> tuple[list[float], int]:
    """The leaky integrator, stepped exactly, up to its first spike."""
    k = -math.expm1(-PERIOD / numbers["tau"])
    v, trace = numbers["rest"], []
    for i in drive:
        v += (numbers["rest"] + numbers["input_resistance"] * i - v) * k
        trace.append(v)
        if v >= numbers["threshold"]:
            break
    return trace, len(trace)


def test_equivalent_integrator_leaks_exactly(afe: AntiferroelectricFet) -> None:
    numbers = afe.lif_numbers(pulse_period=PERIOD, pulse_voltage=PULSE)
    trace, _ = integrate(numbers, [1.0] + [0.0] * 10)
    exact = afe.pulses(np.array([PULSE] + [0.0] * 10), pulse_period=PERIOD).polarisation / afe.p_max
    np.testing.assert_allclose(np.array(trace) / trace[0], exact / exact[0], rtol=1e-12)


# Steady P / P_max with these pulses: 0.81, 0.88 and 0.92, against a threshold of 0.6.
@pytest.mark.parametrize("pulse", [3.0, 3.5, 4.0])
def test_equivalent_integrator_fires_after_nearly_as_many_pulses(afe: AntiferroelectricFet, pulse: float) -> None:
    numbers = afe.lif_numbers(pulse_period=PERIOD, pulse_voltage=pulse)
    _, count = integrate(numbers, [1.0] * 100)
    exact = int(np.argmax(afe.pulses(np.full(100, pulse), pulse_period=PERIOD).fired)) + 1
    assert abs(count - exact) <= 1


def test_equivalent_integrator_is_too_eager_where_pulses_barely_reach_the_threshold(afe: AntiferroelectricFet) -> None:
    numbers = afe.lif_numbers(pulse_period=PERIOD, pulse_voltage=2.5)
    _, count = integrate(numbers, [1.0] * 100)
    exact = int(np.argmax(afe.pulses(np.full(100, 2.5), pulse_period=PERIOD).fired)) + 1
    assert (count, exact) == (14, 19)


def test_each_step_is_inside_the_stated_loss(afe: AntiferroelectricFet) -> None:
    numbers = afe.lif_numbers(pulse_period=PERIOD, pulse_voltage=PULSE)
    step = numbers["input_resistance"] * afe.leak(PERIOD)
    threshold = numbers["threshold"]
    bound = threshold / (2 - threshold)
    for p in np.linspace(0, threshold, 20):
        assert abs(afe.gain(PULSE) * (1 - p) / step - 1) <= bound * (1 + 1e-12)


def test_refuses(afe: AntiferroelectricFet) -> None:
    with pytest.raises(ValueError, match="the model has no temperature"):
        afe.at_temperature(310.0)
    with pytest.raises(ValueError, match=r"p_th must be below p_max \(0.2 C/m2\), not 0.3 C/m2"):
        replace(afe, p_th=0.3)
    with pytest.raises(ValueError, match=r"pulse_period must be at least the pulse width \(1e-06 s\), not 1e-07 s"):
        afe.leak(1e-7)
