"""Inputs that change with time: the mean over each tick, and designs that have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from neuristor import api
from neuristor.design_file import DesignError, load
from neuristor.sim.benches.verify import verify
from neuristor.waveform import Points, Sine, pulses, read_waveform

DESIGN = """
[device]
preset = "vo2-maffezzoni"
[circuit]
supply = 1.0
series_resistance = 20e3
capacitance = 100e-12
[neuron]
model = "relaxation_oscillator"
count = 2
dt = 40e-9
[stimulus]
source = "wave.csv"
ticks = 500
"""


def points(times: list[float], values: list[float], loop: bool = False) -> Points:
    return Points(
        times=np.array(times), values=np.array(values, dtype=float)[:, None], unit="A", loop=loop, name="here"
    )


def read(path: Path, text: str, loop: bool = False) -> Points:
    path.write_text(text)
    found = read_waveform(path, loop)
    assert found is not None
    return found


def test_a_tick_receives_the_mean_of_straight_lines() -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.05, 1.5, 40))
    values = rng.uniform(-1, 1, 40)
    found = points(times.tolist(), values.tolist()).sampled(0.25, 60)[:, 0]
    for tick, mean in enumerate(found):
        low, high = times[0] + 0.25 * tick, times[0] + 0.25 * (tick + 1)
        inner = times[(times > low) & (times < high)]
        area = quad(lambda t: float(np.interp(t, times, values)), low, high, points=inner if len(inner) else None)[0]
        assert mean == pytest.approx(area / 0.25, abs=1e-12)


def test_a_step_within_a_tick_counts_by_its_time() -> None:
    wave = points([0.0, 2.75, 2.75, 4.0], [1.0, 1.0, 5.0, 5.0])
    np.testing.assert_allclose(wave.sampled(1.0, 4)[:, 0], [1, 1, 0.75 + 0.25 * 5, 5], rtol=0, atol=1e-15)


def test_a_constant_waveform_is_exactly_that_constant() -> None:
    assert set(points([0.0, 1.0], [0.1, 0.1]).sampled(1e-4, 10_000)[:, 0]) == {0.1}


def test_a_loop_starts_again_within_a_tick() -> None:
    found = points([0.0, 2.5], [0.0, 2.5], loop=True).sampled(1.0, 5)[:, 0]
    # From 2 to 2.5 the mean is 2.25, from 0 to 0.5 it is 0.25.
    np.testing.assert_allclose(found, [0.5, 1.5, (2.25 + 0.25) / 2, 1.0, 2.0], rtol=0, atol=1e-12)


def test_pulses_keep_their_charge_wherever_ticks_lie() -> None:
    found = pulses(offset=1.0, height=4.0, width=0.3, frequency=0.7, unit="A").sampled(0.01 / 0.7, 300)[:, 0]
    assert found.reshape(3, 100).mean(axis=1) == pytest.approx([1.0 + 4.0 * 0.3 * 0.7] * 3, abs=1e-9)


def test_a_sine_is_averaged() -> None:
    found = Sine(offset=2.0, amplitude=3.0, frequency=0.2, unit="A").sampled(1.0, 7)[:, 0]
    wanted = [quad(lambda t: 2 + 3 * np.sin(2 * np.pi * 0.2 * t), n, n + 1)[0] for n in range(7)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_degrees_celsius_are_kelvin(tmp_path: Path) -> None:
    (tmp_path / "room.csv").write_text("t (us),T (degC)\n0,20\n10,30\n")
    found = read_waveform(tmp_path / "room.csv", False)
    assert found is not None
    assert found.unit == "K"
    np.testing.assert_allclose(found.values[:, 0], [293.15, 303.15])


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_has_units_and_a_column_for_all_or_for_each(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "wave.csv"
    path.write_bytes("t (us);a (uA);b (uA)\n0;1;10\n2;3;30\n".encode(codec))
    found = read_waveform(path, loop=False)
    assert found is not None
    np.testing.assert_allclose(found.sampled(1e-6, 2), [[1.5e-6, 15e-6], [2.5e-6, 25e-6]], rtol=1e-12)
    path.write_bytes("a,b\n1,2\n".encode(codec))
    assert read_waveform(path, loop=False) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,i (uA)\n0,1\n1,1\n", "line 1: column 1 (t) needs its unit, such as 't (us)'"),
        ("t (us),i\n0,1\n1,1\n", "line 1: column 2 (i) needs its unit"),
        ("t (uA),i (uA)\n0,1\n1,1\n", "line 1: t must be in seconds, such as 't (us)'"),
        ("t (us),i (furlong)\n0,1\n1,1\n", "line 1: i: "),
        ("t (us),i (Hz)\n0,1\n1,1\n", "line 1: beside the time, wanted columns in one of A, V, W, K"),
        ("t (us),i (uA),v (V)\n0,1,1\n1,1,1\n", "line 1: beside the time, wanted columns in one of A, V, W, K"),
        ("t (us)\n0\n1\n", "line 1: beside the time, wanted columns"),
        ("t (us),i (uA)\n0,1\n1,1\n0.5,1\n", "line 4: the time goes back from 1 to 0.5"),
        ("t (us),i (uA)\n0,1\n1,nan\n", "line 3: i must be a finite number, not 'nan'"),
        ("t (us),i (uA)\n0,1\n1\n", "line 3: wanted 2 values, as there are titles, not 1"),
        ("t (us),i (uA)\n0,1\n", "must have at least two points at different times, with finite values"),
        ("t (us),i (A)\n0,1e308\n30,1e308\n60,-1e308\n", "its times or values are too large to compute with"),
        ("t (us),i (uA)\n0,1\n20,1\n19,1\n", "the time goes back"),
        ("t (us),i (uA)\n0,1\n10,1\n", "ends after 10 us; 500 ticks of 40 ns last 20 us: wanted at most 250 ticks"),
        (
            "t (us),a (uA),b (uA),c (uA)\n0,1,1,1\n50,1,1,1\n",
            "wanted one waveform, or one for each of 2 neurons, not 3",
        ),
        ("t (us),p (mW)\n0,1\n50,1\n", "the waveform must be in A (or in V, as that of the supply), not in W"),
    ],
)
def test_a_bad_waveform_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "wave.csv").write_text(text)
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    with pytest.raises(DesignError) as caught:
        load(design, later=True)
    assert message in str(caught.value)
    assert "[stimulus]" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "sine"}, "frequency is missing"),
        ({"source": "pulses", "frequency": 1e5}, "width is missing"),
        ({"source": "pulses", "frequency": 1e5, "width": 1e-5}, "width must be below 10 us, the period, not 10 us"),
        ({"source": "sine", "frequency": 1e5, "width": 1e-6}, "width has no meaning for the source 'sine'"),
        ({"source": "noise", "width": 1e-6}, "width has no meaning for the source 'noise'"),
        ({"source": "noise", "current": -1e-6}, "current must be above 0, not -1e-06"),
        ({"source": "none", "offset": 1e-6}, "offset has no meaning for the source 'none'"),
        ({"source": "sine", "frequency": 1e5, "frames": 2}, "frames must be left out"),
        ({"source": "none", "loop": True}, "loop has a meaning for the waveform of a file only"),
        ({"source": "constant"}, "current is missing"),
        ({"source": "constant", "current": 1e-6, "offset": 1e-6}, "offset has no meaning for the source 'constant'"),
        ({"source": "digits", "current": -1e-6}, "current must be above 0, not -1e-06"),
    ],
)
def test_a_key_without_meaning_is_refused(keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    with pytest.raises(DesignError, match="stimulus") as caught:
        load(design, {f"stimulus.{key}": value for key, value in keys.items()})
    assert message in str(caught.value)


def test_a_supply_over_time_is_a_current_through_the_series_resistor(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    (tmp_path / "wave.csv").write_text("t (us),supply (V)\n0,1\n10,1\n10,3\n20,3\n")
    volts = load(design)
    (tmp_path / "wave.csv").write_text("t (us),i (uA)\n0,0\n10,0\n10,100\n20,100\n")
    # An integral of 250 ticks of 1 V is rounded, and its difference divided by 20 kohm.
    rounding = 2 * 250 * np.finfo(np.float64).eps / 20e3
    np.testing.assert_allclose(volts.stimulus.current, load(design).stimulus.current, rtol=0, atol=rounding)
    run = api.run(volts).simulation
    spikes = run.bit_true["spike"]
    assert spikes[:250].sum() == 0  # below the threshold at 1 V
    assert spikes[250:].sum(axis=0).min() >= 2
    # In continuous time the same spikes, give or take the one at the end.
    assert abs(int(run.continuous["spike"].sum()) - int(spikes.sum())) <= 2
    verdict = verify(volts.case, "compiled")
    assert verdict.equal, verdict.reason


def test_a_constant_input_is_given_or_usual(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    held = load(design, {"stimulus.source": "constant", "stimulus.current": 1e-4, "stimulus.frames": 2})
    np.testing.assert_array_equal(held.stimulus.current, np.full((2, 2), 1e-4))
    design.write_text('[neuron]\nmodel = "escape_rate"\ncount = 3\n[stimulus]\nsource = "constant"\nticks = 9\n')
    usual = load(design)
    np.testing.assert_allclose(usual.stimulus.current, np.full((1, 3), 50e-9), rtol=1e-15)
    assert (usual.stimulus.ticks, usual.stimulus.waveform) == (9, False)
    assert load(design, {"stimulus.current": -1e-9}).stimulus.current[0, 2] == pytest.approx(-1e-9, rel=1e-15)


def test_noise_has_its_mean_deviation_and_bandwidth(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    ticks, corner, dt = 200_000, 50e3, 40e-9
    keys = {"source": "noise", "current": 2e-6, "offset": 500e-6, "frequency": corner, "ticks": ticks}
    made = load(design, {f"stimulus.{key}": value for key, value in keys.items()}).stimulus.current
    assert made.shape == (ticks, 2)
    # A correlation time of 1 / (2 pi corner) leaves ticks dt / (2 that) independent values: three standard errors.
    keeps = np.exp(-2 * np.pi * corner * dt)
    independent = ticks * (1 - keeps) / (1 + keeps)
    assert np.abs(made.mean(axis=0) - 500e-6).max() < 3 * 2e-6 / np.sqrt(independent)
    assert np.abs(made.std(axis=0) / 2e-6 - 1).max() < 3 / np.sqrt(2 * independent)
    follows = [np.corrcoef(made[:-1, n], made[1:, n])[0, 1] for n in range(2)]
    np.testing.assert_allclose(follows, keeps, atol=3 * np.sqrt((1 - keeps**2) / ticks))
    assert abs(np.corrcoef(made.T)[0, 1]) < 3 / np.sqrt(independent)
    del keys["frequency"]
    keys |= {"ticks": 1000}
    white = load(design, {f"stimulus.{key}": value for key, value in keys.items()}).stimulus.current
    assert abs(np.corrcoef(white[:-1, 0], white[1:, 0])[0, 1]) < 3 / np.sqrt(1000)


def test_runs_of_a_waveform_have_its_ticks_only(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    loaded = load(design, {"stimulus.source": "sine", "stimulus.frequency": 5e4, "stimulus.current": 1e-4})
    assert loaded.stimulus.current.shape == (500, 2)
    assert (loaded.stimulus.span, loaded.stimulus.labels) == (500, ("waveform",))
    with pytest.raises(DesignError, match="ticks of a waveform are those of the design"):
        api.run(loaded, ticks=100)
