"""What is random in a model: variances and rates of bit-true neurons are those of the equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.equations.judge import judge
from neuristor.golden_model.equations.neuron import EquationBitTrue, model_of
from neuristor.golden_model.equations.system import read
from neuristor.golden_model.equations.text import Model

COUNT, TICKS = 400, 1500
TAU, SIGMA = 1e-3, 10e-3
ORNSTEIN: dict[str, Any] = {
    "name": "ornstein",
    "parameters": {"tau": {"value": "1 ms"}, "sigma": {"value": "10 mV"}},
    "states": {"v": {"unit": "V", "start": "0 V", "range": ("-100 mV", "100 mV")}},
    "equations": "dv/dt = -v/tau + sigma*sqrt(2/tau)*xi",
    "events": ({"when": "v > 90*mV", "spike": True},),
    "tick": "20 us",
}


def test_noise_leaves_the_rest_of_a_derivative_as_it_was() -> None:
    """A sum in a denominator stays one: taken apart, nothing could be said of its range."""
    model = shipped_model("thermal_vo2")
    noisy = model.model_copy(update={"equations": model.equations.replace("/c_th\n", "/c_th + 1*K/sqrt(1*us)*xi\n")})
    found, wanted = read(noisy), read(model)
    assert found.derivatives["T"] == wanted.derivatives["T"]
    assert float(found.noise["T"]) == pytest.approx(1e3)


def test_white_noise_gives_the_variance_and_the_memory_of_its_equation() -> None:
    made = model_of(Model.model_validate(ORNSTEIN))
    params = made.from_circuit(None, count=COUNT, dt=20e-6)
    model = EquationBitTrue(params)
    for _ in range(5 * 50):  # five time constants
        model.step(np.zeros(COUNT, dtype=np.int64))
    held = []
    for _ in range(TICKS):
        model.step(np.zeros(COUNT, dtype=np.int64))
        held.append(params.real("v", model.v))
    v = np.array(held)
    # Independent values: one in two time constants, of each neuron.
    values = COUNT * TICKS * 20e-6 / (2 * TAU)
    step = 20e-6 / TAU
    # Noise that is added at the end of a tick of h: its variance is sigma^2 (2 h / tau) / (1 - exp(-2 h / tau)).
    wanted = SIGMA**2 * 2 * step / (1 - np.exp(-2 * step))
    assert v.var() == pytest.approx(wanted, rel=4 * np.sqrt(2 / values))
    assert abs(v.mean()) < 4 * SIGMA / np.sqrt(values)
    lagged = (v[50:] * v[:-50]).mean() / v.var()
    assert lagged == pytest.approx(np.exp(-1), abs=4 / np.sqrt(values))


@pytest.mark.parametrize(("millivolts", "rate"), [(20, 100.0), (24, 100.0 * np.exp(2))])
def test_random_events_have_the_rate_of_their_equation(millivolts: int, rate: float) -> None:
    """A membrane that stays where its input holds it, and events that do not move it."""
    text = shipped_model("escape_rate").model_dump()
    text["states"]["v"]["start"] = f"{millivolts} mV"
    text["events"] = ({**text["events"][0], "do": ()},)
    made = model_of(Model.model_validate(text))
    assert made.own_tick is not None
    params = made.from_circuit(None, count=COUNT, dt=made.own_tick)
    model = EquationBitTrue(params)
    drive = params.drive_raw(np.full(COUNT, millivolts * 1e-9))
    spikes = sum(int(model.step(drive).sum()) for _ in range(TICKS))
    expected = -np.expm1(-rate * params.dt) * COUNT * TICKS
    # The chance of a tick is a word of 16 bits: off by half a step at most.
    assert spikes == pytest.approx(expected, abs=4 * np.sqrt(expected) + COUNT * TICKS / 2**17)


def test_a_random_neuron_in_continuous_time_draws_what_the_circuit_draws() -> None:
    """Random events and resets to random places: the same spikes, but for ticks in which chance is at its edge."""
    text = shipped_model("escape_rate").model_dump()
    text["events"] = tuple(each | {"do": ("v = 5*mV*rand()",)} for each in text["events"])
    made = model_of(Model.model_validate(text))
    params = made.from_circuit(None, count=4, dt=10e-6)
    drive = np.full((1500, 4), 50e-9)
    _, exact = made.reference(params, locate=True).run(params.drive_volts(drive))
    circuit = EquationBitTrue(params).run(params.drive_raw(drive))
    spikes = np.array([len(times) for times in exact]), circuit["spike"].sum(axis=0)
    assert spikes[1].min() >= 1
    assert np.abs(spikes[0] - spikes[1]).max() <= 1


def test_the_rate_of_a_random_model_is_judged_with_its_chance() -> None:
    made = model_of(shipped_model("escape_rate"))
    found = judge(made.from_circuit(None, count=1, dt=10e-6), 50e-9)
    assert 0 < found.chance < 0.03
    assert abs(found.error) < 4 * found.chance
    assert found.reached["v"][1] < 0.03  # it is reset by random events


@pytest.mark.extended
def test_a_device_that_ages_is_compared_over_the_same_time() -> None:
    model = model_of(shipped_model("vo2_ageing_switch"))
    found = judge(model.from_circuit(None, count=1, dt=model.own_tick or 0.0))
    assert 0 < found.chance < 0.02
    assert abs(found.error) < 3 * found.chance


def test_four_draws_with_a_cubic_term_have_the_tails_of_a_normal_distribution() -> None:
    """The recipe of docs/equations.md."""
    draws = "abcd"
    text = {
        "name": "tails",
        "tick": "1 us",
        "equations": "dx/dt = 1/(10*us)\nn = (a + b + c + d)/2",
        "states": {"x": {"range": (-1, 10)}},
        "discrete": {**{name: {"range": (-4, 4)} for name in draws}, "limit": {"range": (-12, 12)}},
        "events": (
            {
                "when": "x > 1",
                "do": ("x = 0", *(f"{name} = randn()" for name in draws), "limit = n + (n**3 - 3*n)/320"),
                "spike": True,
            },
        ),
    }
    model = model_of(Model.model_validate(text))
    params = model.from_circuit(None, count=2000, dt=1e-6)
    trace = model.bit_true(params).run(np.zeros((1000, 2000), dtype=np.int64))
    fired = trace["spike"].astype(bool)
    fired[:40] = False  # the first ones are of the start
    found = params.real("limit", trace["limit"])[fired]
    # The distribution of the recipe itself: sixteen bytes, and the cubic term; its own deviation is 0.99979.
    bytes_of = np.ones(256) / 256
    share = bytes_of
    for _ in range(15):
        share = np.convolve(share, bytes_of)
    n = np.arange(len(share)) - (len(share) - 1) / 2
    n /= np.sqrt(n**2 @ share)
    recipe = n + (n**3 - 3 * n) / 320
    count = len(found)
    assert found.std() == pytest.approx(np.sqrt(recipe**2 @ share), abs=3 / np.sqrt(2 * count))
    for limit, normal in ((2.0, 4.550e-2), (3.0, 2.70e-3), (3.5, 4.65e-4)):
        wanted = share[np.abs(recipe) > limit].sum()
        assert wanted == pytest.approx(normal, rel=0.06)  # as the page says
        seen = int((np.abs(found) > limit).sum())
        assert seen == pytest.approx(count * wanted, abs=3 * np.sqrt(count * wanted))
