"""A parameter of a model from equations that changes with time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuristor as nr
from neuristor.design_file import load
from neuristor.sim.benches.verify import available, verify

DESIGN: dict[str, Any] = {
    "device": {"preset": "vo2-thermal"},
    "circuit": {"supply": 12.0, "series_resistance": 12e3, "capacitance": 145.346e-12},
    "neuron": {"model": "relaxation_oscillator", "count": 1, "dt": 12.5e-9},
    "stimulus": {
        "source": "sine",
        "parameter": "ambient",
        "offset": 325.0,
        "current": 2.0,
        "frequency": 50e3,
        "ticks": 1600,
    },
}


def changed(**stimulus: Any) -> dict[str, Any]:
    given = {**DESIGN["stimulus"], **stimulus}
    return {**DESIGN, "stimulus": {key: value for key, value in given.items() if value is not None}}


def test_the_ambient_temperature_of_a_device_drifts() -> None:
    run = nr.run(nr.design(DESIGN))
    ours, theirs = run.spike_times[0], run.reference_spike_times[0]
    assert len(ours) == len(theirs) > 5
    assert np.abs(ours - theirs).max() < 0.1e-6  # of periods of 2.4 to 4 us
    # Warm surroundings make it slower: it hardly cools down.
    periods = np.diff(theirs)
    assert periods.max() > 1.2 * periods.min()


@pytest.mark.extended
def test_devices_that_warm_each_other_follow_the_room() -> None:
    """The reference of neighbours has events of its own: an input in steps turns derivatives around there, too."""
    slow = changed(frequency=20e3)
    neuron = {**DESIGN["neuron"], "count": 3}
    run = nr.run(nr.design({**slow, "neuron": neuron, "coupling": {"topology": "chain", "value": 4e-6}}))
    for ours, theirs in zip(run.spike_times, run.reference_spike_times, strict=True):
        assert len(ours) == len(theirs) > 3
        assert np.abs(ours - theirs).max() < 0.1e-6  # of periods of 2.4 to 4 us


def test_a_constant_one_is_as_in_the_model() -> None:
    """A file that stays at the usual value gives the spikes of the model without it."""
    usual = nr.run(nr.design(changed(source="none", parameter=None, offset=None, current=None, frequency=None)))
    still = nr.run(nr.design(changed(current=1e-6)))
    assert usual.spike_times[0] == pytest.approx(still.spike_times[0], abs=15e-9)


def test_the_supply_by_its_own_name_is_the_supply(tmp_path: Path) -> None:
    (tmp_path / "supply.csv").write_text("t (us),v (V)\n0,12\n20,13\n")
    (tmp_path / "model.toml").write_text("")
    path = tmp_path / "design.toml"
    text = """
[device]
preset = "vo2-thermal"
[circuit]
supply = 12.0
series_resistance = 12e3
capacitance = 145.346e-12
[neuron]
model = "relaxation_oscillator"
count = 1
dt = 12.5e-9
[stimulus]
source = "supply.csv"
ticks = 1600
"""
    path.write_text(text)
    by_current = nr.run(nr.design(path))
    path.write_text(text + 'parameter = "supply"\n')
    by_name = nr.run(nr.design(path))
    assert by_name.reference_spike_times[0] == pytest.approx(by_current.reference_spike_times[0], abs=1e-9)
    assert by_name.spike_times[0] == pytest.approx(by_current.spike_times[0], abs=30e-9)


@pytest.mark.extended
@pytest.mark.skipif(not available("compiled"), reason="no C++ compiler")
def test_the_circuit_with_a_drifting_temperature_equals_the_model() -> None:
    verdict = verify(load(DESIGN).case, "compiled")
    assert verdict.equal, verdict.reason


@pytest.mark.parametrize(
    ("stimulus", "message"),
    [
        ({"parameter": "ambiant"}, r"\[stimulus\] unknown parameter 'ambiant'; did you mean 'ambient'\?"),
        ({"parameter": "c_th"}, "must be a voltage, a current, a power or a temperature, which c_th is not"),
        ({"source": "none", "frequency": None, "offset": None}, "parameter needs a waveform, a sine, pulses or noise"),
    ],
)
def test_a_wrong_parameter_is_refused(stimulus: dict[str, Any], message: str) -> None:
    with pytest.raises(nr.DesignError, match=message):
        nr.design(changed(**stimulus))


def test_it_needs_a_model_from_equations() -> None:
    lif = {
        "device": {"preset": "vo2-onn"},
        "circuit": {"supply": 1.5, "series_resistance": 20e3, "capacitance": 1e-9},
        "neuron": {"model": "lif", "count": 1, "dt": 1e-6},
    }
    with pytest.raises(nr.DesignError, match="parameter needs a model from equations, not lif"):
        nr.design({**lif, "stimulus": DESIGN["stimulus"]})


def test_a_waveform_of_another_unit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("t (us),v (V)\n0,1\n20,1\n")
    path = str(tmp_path / "t.csv")
    with pytest.raises(nr.DesignError, match="the waveform must be in K, as ambient is, not in V"):
        nr.design(changed(source=path, offset=None, frequency=None, current=None))
