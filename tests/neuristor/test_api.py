"""The Python interface: what it returns, and the sentences of its errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neuristor as nr
from neuristor.sim.benches.verify import available
from neuristor.tables import si

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def oscillating() -> nr.Circuit:
    return nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)


def test_the_package_names_what_is_public_and_loads_it_when_used() -> None:
    code = (
        "import sys, neuristor as nr\n"
        "assert 'amaranth' not in sys.modules and 'neuristor.api' not in sys.modules\n"
        "assert all(hasattr(nr, name) for name in nr.__all__)\n"
        "assert set(nr.__all__) <= set(dir(nr))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_circuit_becomes_the_neuron_that_it_is(oscillating: nr.Circuit) -> None:
    silent = nr.circuit(nr.device("vo2-onn"), supply=1.5, series_resistance=20e3, capacitance=1e-9)
    assert nr.neurons(oscillating).neuron.name == "relaxation_oscillator"
    assert nr.neurons(silent).neuron.name == "lif"
    two = nr.circuit(
        {"r_ins": 10e6, "r_met": 50e3, "v_th": 1.0, "v_hold": 0.5},
        supply=0.9,
        capacitance_1=3e-9,
        capacitance_2=2e-9,
        coupling_resistance=100e3,
    )
    assert nr.neurons(two, dt=4e-6).neuron.name == "neuristor"


def test_a_run_has_arrays_in_si_units(oscillating: nr.Circuit) -> None:
    neurons = nr.neurons(oscillating, count=3, dt=20e-9)
    run = nr.run(neurons, [0.0, 5e-6, 10e-6], ticks=3000)
    assert run.time[-1] == pytest.approx(60e-6)
    assert run.current.shape == run.membrane.shape == run.spikes.shape == run.reference_membrane.shape == (3000, 3)
    assert 0.9 < run.membrane[1000:].min() < 1.1
    assert 1.9 < run.membrane.max() < 2.1
    for found, exact, current in zip(run.spike_times, run.reference_spike_times, run.current[0], strict=True):
        drive = neurons.params.drive
        rounded = drive.value(neurons.params.drive_raw(current)) / neurons.params.drive_per_ampere
        closed = oscillating.physics.frequency(float(rounded))  # both models receive the input as a word
        assert 1 / np.diff(found).mean() == pytest.approx(closed, rel=2e-3)
        assert 1 / np.diff(exact).mean() == pytest.approx(closed, rel=1e-6)
    assert "firing rate" in repr(run)
    assert "<td>firing rate</td>" in run._repr_html_()


def test_a_design_is_the_same_from_file_text_and_mapping() -> None:
    path = EXAMPLES / "vo2_oscillators.toml"
    from_file, from_text = nr.design(path), nr.design(path.read_text(), name="vo2_oscillators")
    assert nr.verilog(from_file).split("\n")[3:] == nr.verilog(from_text).split("\n")[3:]
    mapping = {
        "device": {"preset": "vo2-onn"},
        "circuit": {"supply": 2.5, "series_resistance": 20e3, "capacitance": 100e-12},
        "neuron": {"model": "relaxation_oscillator", "count": 2, "dt": 20e-9},
        "stimulus": {"source": "none", "ticks": 100},
    }
    assert (
        nr.design(mapping).params == nr.neurons(nr.circuit("vo2-onn", **mapping["circuit"]), count=2, dt=20e-9).params
    )
    with_current = nr.design(mapping, current=np.full((4, 2), 1e-6))
    assert with_current.drive_raw.shape == (400, 2)
    assert with_current.digest != nr.design(mapping).digest


def test_input_goes_into_the_verilog_only_by_the_hash(oscillating: nr.Circuit) -> None:
    one, two = (nr.verilog(nr.neurons(oscillating, count=2)) for _ in range(2))
    assert one == two


@pytest.mark.skipif(not available("compiled"), reason="no C++ compiler")
def test_a_verification_is_true_for_an_equal_circuit(oscillating: nr.Circuit) -> None:
    found = nr.verify(nr.neurons(oscillating, count=2), 1e-6, ticks=200, simulator="compiled")
    assert found
    assert found.verdicts[0].ticks == 200
    assert "equal in every state bit" in repr(found)


def test_networks_run_from_arrays_and_mappings() -> None:
    run = nr.run(nr.oscillators([[0, 3], [3, 0]]), phases=[0.0, 0.3], periods=12)
    assert run.phases.shape == (12, 2)
    assert run.spins[0] == run.spins[1]
    with pytest.raises(AttributeError, match="has phases, spins, not 'spikes'"):
        run.spikes  # noqa: B018
    mapping = {
        "network": {"file": str(EXAMPLES / "digits.nir"), "dt": 1e-3},
        "data": {"source": "digits", "ticks": 16},
    }
    some = nr.run(nr.network(mapping), runs=3)
    assert some.answers.shape == (3,)
    assert some.spikes.shape[:2] == (16, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: nr.device("vo2-on"), r"device: \[device\] preset must be one of vo2-maffezzoni"),
        (lambda c: nr.device(v_th=1.0), r"device: \[device\] r_ins is missing"),
        (lambda c: nr.device(r_ins=1e5, r_met=1e3, v_th=1.0, v_hold=float("nan")), "device: must hold sections"),
        (lambda c: nr.circuit("vo2-onn", supply=2.5), r"circuit: \[circuit\] series_resistance is missing"),
        (
            lambda c: nr.circuit("vo2-onn", suply=2.5),
            r"circuit: \[circuit\] unknown key 'suply'; did you mean 'supply'",
        ),
        (lambda c: nr.neurons(), "neurons: a circuit or a model is needed"),
        (lambda c: nr.neurons(model="izhikevich"), r"neurons: dt is needed: the time step"),
        (
            lambda c: nr.neurons(c, count=0),
            r"neurons: \[neuron\] count must be an integer number of neurons, 1 to 65536",
        ),
        (lambda c: nr.neurons(c, model="lif"), "supply must be below"),
        (lambda c: nr.neurons(c, model="no"), r"neuron must be one of lif, .*, not 'no'"),
        (lambda c: nr.neurons(c, lanes=2), r"\[fpga\] lanes must be between 1 and \[neuron\] count"),
        (
            lambda c: nr.run(nr.neurons(c), [1.0, 2.0]),
            r"current must have shape \(\), \(1,\) or \(frames, 1\), not \(2,\)",
        ),
        (lambda c: nr.run(nr.neurons(c), float("nan")), "current must be finite, not nan in frame 0, neuron 0"),
        (lambda c: nr.run(nr.neurons(c), ticks=0), "ticks must be an integer between 1 and 1000000, not 0"),
        (lambda c: nr.verify(nr.neurons(c), simulator="no"), "--simulator must be verilator or compiled or icarus"),
        (lambda c: nr.compare(nr.neurons(c), points=1), "neurons: points must be at least 2, not 1"),
        (lambda c: nr.oscillators([[0.5, 1], [1, 0]]), "weights must be integers, not float64"),
        (lambda c: nr.oscillators([[0, 1], [1, 0]], parts=3), "parts must be 1, 2, 4, 8, 16 or 32, not 3"),
        (lambda c: nr.design("no_such_file.toml"), "no_such_file.toml: cannot be read"),
        (lambda c: nr.design("[neuron\n"), "design: not a TOML file"),
    ],
)
def test_bad_input_is_one_sentence(oscillating: nr.Circuit, make: object, message: str) -> None:
    with pytest.raises(nr.DesignError, match=message) as caught:
        make(oscillating)  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_what_is_no_network_is_said() -> None:
    with pytest.raises(TypeError, match="what must be neurons or a network, not int"):
        nr.run(3)
    with pytest.raises(TypeError, match="what must be neurons or a network, not str"):
        nr.verify("design.toml")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(44.4e-6, "A", "44.4 uA"), (1.002e5, "ohm", "100.2 kohm"), (0.0, "V", "0 V"), (-3e-9, "s", "-3 ns")],
)
def test_numbers_have_si_prefixes(value: float, unit: str, text: str) -> None:
    assert si(value, unit) == text
