"""Equations of Brian2's users: the same rates as Brian2 itself, and what is said of what it lacks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import neuristor as nr
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.judge import judge
from neuristor.golden_model.equations.neuron import model_of
from tests.marks import the_rest_is_slow

LEAKY = """
dv/dt = (v_rest - v + r*I)/tau : volt (unless refractory)   # a membrane
I : amp
tau : second (constant)
"""
ADAPTIVE = """
dv/dt = (g_l*(e_l - v) + g_l*d_t*exp((v - v_t)/d_t) - w + I)/c : volt
dw/dt = (a*(v - e_l) - w)/tau_w : amp
I : amp
"""
VALUES = {
    "leaky": {"v_rest": "-70 mV", "r": "100 Mohm", "tau": "20 ms"},
    "adaptive": {
        "g_l": "30 nS", "e_l": "-70.6 mV", "d_t": "2 mV", "v_t": "-50.4 mV", "c": "281 pF", "a": "4 nS",
        "tau_w": "144 ms",
    },
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "leaky": {
        "equations": LEAKY,
        "threshold": "v > -50*mV",
        "reset": "v = -65*mV",
        "refractory": "3 ms",
        "ranges": {"v": ("-100 mV", "-40 mV"), "I": ("0 A", "1 nA")},
        "start": {"v": "-70 mV"},
        "tick": "0.1 ms",
    },
    "adaptive": {
        "equations": ADAPTIVE,
        "threshold": "v > -40*mV",
        "reset": "v = -70.6*mV; w += 80*pA",
        "ranges": {"v": ("-125 mV", "-30 mV"), "w": ("-2 nA", "4 nA"), "I": ("0 A", "4 nA")},
        "start": {"v": "-70.6 mV"},
        "tick": "50 us",
    },
}
CURRENT = {"leaky": 0.3e-9, "adaptive": 1e-9}


def made(name: str, **more: Any) -> nr.Model:
    return nr.Model.from_brian2(**{**CASES[name], "namespace": VALUES[name], "given": "I", "name": name, **more})


def _by_brian2(b2: Any, name: str) -> tuple[float, dict[str, Any]]:
    """The rate by Brian2, in hertz, and the values as its quantities."""
    b2.prefs.codegen.target = "numpy"
    units = {"mV": b2.mV, "Mohm": b2.Mohm, "ms": b2.ms, "nS": b2.nS, "pF": b2.pF, "pA": b2.pA}
    values = {key: float(text.split()[0]) * units[text.split()[1]] for key, text in VALUES[name].items()}
    own = {key: value for key, value in values.items() if f"\n{key} :" not in CASES[name]["equations"]}
    group = b2.NeuronGroup(
        1,
        CASES[name]["equations"],
        threshold=CASES[name]["threshold"],
        reset=CASES[name]["reset"],
        refractory=3 * b2.ms if "refractory" in CASES[name] else False,
        method="exponential_euler" if name == "leaky" else "rk4",
        namespace=own,
        dt=10 * b2.us,
    )
    if name == "leaky":
        group.tau = values["tau"]
    group.v, group.I = float(CASES[name]["start"]["v"].split()[0]) * b2.mV, CURRENT[name] * b2.amp
    monitor = b2.SpikeMonitor(group)
    network = b2.Network(group, monitor)
    network.run(1.5 * b2.second, namespace={})
    times = np.asarray(monitor.t / b2.second)
    late = times[len(times) // 2 :]
    return float((len(late) - 1) / (late[-1] - late[0])), values


@pytest.mark.parametrize("name", the_rest_is_slow(list(CASES), [], extended=["leaky"]))
def test_rates_are_those_of_brian2(name: str) -> None:
    with warnings.catch_warnings():  # those of packages that Brian2 uses
        warnings.simplefilter("ignore")
        wanted, values = _by_brian2(pytest.importorskip("brian2"), name)
    # From Brian2's quantities, and from texts.
    for namespace in (values, VALUES[name]):
        golden = model_of(made(name, namespace=namespace))
        found = judge(golden.from_circuit(None, count=1, dt=golden.own_tick or 0.0), CURRENT[name])
        # Brian2 has the end of a period, and that of its refractory part, on steps of 10 us.
        steps = 1 + ("refractory" in CASES[name])
        assert found.exact == pytest.approx(wanted, rel=steps * 10e-6 * wanted)
        assert abs(found.error) < 0.005, found


def test_a_model_of_brian2_runs_like_any_other() -> None:
    neurons = nr.neurons(model=made("adaptive"), count=3)
    run = nr.run(neurons, 1e-9, ticks=2000)
    assert int(run.spikes.sum()) >= 3
    assert made("adaptive").events[0].do == ("v = -70.6*mV", "w = w + (80*pA)")


def test_statements_of_a_reset_follow_each_other() -> None:
    assert made("adaptive", reset="v = -70*mV\nw = w + 4*nS*(v - e_l)  # with the new v").events[0].do == (
        "v = -70*mV",
        "w = w + 4*nS*((-70*mV) - e_l)",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"equations": "dv/dt = -v/tau"}, "equations, line 1: wanted 'dv/dt = ... : unit'"),
        ({"equations": "dv/dt = -v/tau : volt (event-driven)"}, "the flag 'event-driven' of Brian2 is not supported"),
        ({"equations": "dv/dt = -v/tau : volt\nq : 1"}, "'q' needs a value in the namespace, or must be the input"),
        ({"equations": "dv/dt = -v/tau : volt"}, "the input 'I' must be a parameter of the equations"),
        ({"ranges": {"I": ("0 A", "1 nA")}}, "ranges must have the lowest and highest value of 'v'"),
        ({"reset": "v"}, "reset: wanted an assignment such as 'v = v_reset', not 'v'"),
    ],
)
def test_what_brian2_lacks_or_has_more_is_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EquationError) as error:
        made("leaky", **change)
    assert message in str(error.value)


def test_time_is_no_name_of_a_formula() -> None:
    model = made("leaky", equations="dv/dt = (v_rest - v + r*I)/tau*sin(t/ms) : volt\nI : amp\n")
    with pytest.raises(EquationError, match="'t' "):
        model_of(model)
