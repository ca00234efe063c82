from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.izhikevich import (
    PATTERNS,
    IzhikevichBitTrue,
    IzhikevichOptions,
    IzhikevichParams,
    IzhikevichReference,
    behaviours,
    bound,
    from_circuit,
    protocol,
    shadow,
    step,
    swing,
)
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.variability import Variability
from tests.marks import the_rest_is_slow
from tests.samples import corner_drive
from tests.samples.izhikevich import VARIANTS
from tests.samples.izhikevich import params as izhikevich_params

BEHAVIOURS = {each.name: each for each in behaviours(izhikevich_params("all patterns", 1))}


@pytest.mark.parametrize("name", PATTERNS)
def test_float_spike_counts_are_exact(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    reference = IzhikevichReference(behaviour.params, locate=False)
    _, times = reference.run(behaviour.params.drive_volts(behaviour.current[:, None]))
    assert len(times[0]) == PATTERNS[name].spikes
    assert behaviour.shown(times[0])


def test_bursting_under_inhibition_with_the_d_of_the_table_has_eleven_spikes() -> None:
    pattern = replace(PATTERNS["inhibition_induced_bursting"], d=0)
    params = IzhikevichParams(count=1, dt=1e-3 * pattern.tick, patterns=(pattern,))
    _, times = IzhikevichReference(params, locate=False).run(params.drive_volts(protocol(params)))
    assert len(times[0]) == 11


@pytest.mark.parametrize("name", PATTERNS)
def test_bit_true_model_shows_the_pattern(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    model = IzhikevichBitTrue(behaviour.params)
    times = spike_times(behaviour.params, model.run(behaviour.params.drive_raw(behaviour.current[:, None])))[0]
    assert abs(len(times) - PATTERNS[name].spikes) <= 1
    assert behaviour.shown(times)
    assert model.saturations == 0


def test_no_pattern_is_taken_for_another() -> None:
    """The judges tell patterns apart: silence, one early spike and steady firing are each few of them."""
    for times, most in ((np.array([]), 0), (np.array([0.012]), 3), (np.arange(0.012, 0.3, 0.009), 0)):
        named = [name for name, behaviour in BEHAVIOURS.items() if behaviour.shown(times)]
        assert len(named) <= most, named


def test_one_array_holds_all_patterns_each_with_its_own_tick() -> None:
    params = izhikevich_params("all patterns", 20)
    together = spike_times(params, IzhikevichBitTrue(params).run(params.drive_raw(protocol(params))))
    for times, (name, pattern) in zip(together, PATTERNS.items(), strict=True):
        assert pattern.shown(times[times <= (pattern.duration + pattern.tick) * 1e-3]), name


STEPS = {"class_2": 100, "rebound_burst": 100, "depolarising_after_potential": 400}
"""Steps of Brian2 in a tick, 25 for all others; each spike costs it half a step."""
UNTIL = {"inhibition_induced_bursting": 0.1}
"""When to stop comparing, in second: in continuous time its intervals shrink without end."""


@pytest.mark.parametrize(
    "name",
    the_rest_is_slow(PATTERNS, ["resonator"], extended=["tonic_bursting", "accommodation"]),
)
def test_brian2_agrees_with_the_continuous_reference(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its parser
        _compare_with_brian2(pytest.importorskip("brian2"), name)


def _compare_with_brian2(brian2: Any, name: str) -> None:
    brian2.prefs.codegen.target = "numpy"
    pattern, behaviour = PATTERNS[name], BEHAVIOURS[name]
    ticks = round(UNTIL[name] * 1e3 / pattern.tick) if name in UNTIL else len(pattern.times)
    drive = behaviour.params.drive_volts(behaviour.current[:ticks, None])
    _, times = IzhikevichReference(behaviour.params, locate=True).run(drive)
    brian2.start_scope()
    brian2.defaultclock.dt = pattern.tick / STEPS.get(name, 25) * brian2.ms
    force = brian2.TimedArray(pattern.current(pattern.times), dt=pattern.tick * brian2.ms)
    space = {"p": pattern.linear, "r": pattern.constant, "a": pattern.a, "b": pattern.b, "c": pattern.c}
    space |= {"d": pattern.d, "origin": pattern.origin, "leak": pattern.leak, "force": force}
    group = brian2.NeuronGroup(
        1,
        """
        dv/dt = (0.04*v**2 + p*v + r - u + force(t))/ms : 1
        du/dt = a*(b*(v - origin) - leak*u)/ms : 1
        """,
        threshold="v >= 30",
        reset="v = c; u += d",
        method="rk4",
        namespace=space,
    )
    group.v, group.u = pattern.v, pattern.first_u
    monitor = brian2.SpikeMonitor(group)
    network = brian2.Network(group, monitor)
    network.run(ticks * pattern.tick * brian2.ms)
    theirs = np.asarray(monitor.t / brian2.second)
    assert len(theirs) == len(times[0])
    assert (len(theirs) > 0) == (name != "spike_latency")  # which fires on ticks only
    # They see a spike at the end of a step, and lose the rest of it, each time.
    assert theirs == pytest.approx(times[0], abs=pattern.tick * 1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_step_is_the_same_for_arrays_and_integers(variant: str) -> None:
    params = izhikevich_params(variant, 6)
    drive = corner_drive(params, 40, seed=3)
    model = IzhikevichBitTrue(params)
    plain = [[int(x) for x in each] for each in zip(model.membrane, model.recovery, model.noise, strict=True)]
    for row in drive:
        fired = model.step(row)
        for neuron in range(6):
            columns = [int(getattr(params, name)[neuron]) for name in model.rule.parameters]
            *state, spike, _ = step(params.raw, *plain[neuron], *columns, int(row[neuron]))
            assert bool(spike) == bool(fired[neuron])
            assert state == [int(each[neuron]) for each in (model.membrane, model.recovery, model.noise)]
            plain[neuron] = state


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_tick_is_within_the_bound(variant: str) -> None:
    params = izhikevich_params(variant, 20)
    drive = corner_drive(params, 300, seed=4) // 16
    trace = IzhikevichBitTrue(params).run(drive)
    volts = params.drive.value(drive)
    made = shadow(params, volts, trace)
    error = np.abs(params.membrane.value(trace["membrane"]) - made).max()
    limit = bound(params, max(swing(params, volts, made), params.membrane.max if variant == "saturating" else 0))
    assert 0 < error <= limit.total


@pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
def test_kernel_gives_the_same_bits() -> None:
    params = izhikevich_params("noise and spread", 20)
    drive = corner_drive(params, 200, seed=6) // 16
    trace = IzhikevichBitTrue(params).run(drive)
    compiled = kernel.run(IzhikevichBitTrue(params), drive, keep=True)
    assert all(np.array_equal(trace[name], compiled[name]) for name in trace)


def test_saturation_is_counted() -> None:
    params = izhikevich_params("saturating", 4)
    model = IzhikevichBitTrue(params)
    model.run(corner_drive(params, 100, seed=7))
    assert model.saturations > 5


def test_own_parameters_replace_those_of_the_pattern() -> None:
    options = IzhikevichOptions(behaviours=("tonic_spiking", "class_1"), a=0.1)
    params = from_circuit(None, count=3, dt=0.1e-3, options=options)
    assert params.of("linear").tolist() == [5.0, 4.1, 5.0]
    assert set(params.of("a")) == {0.1}
    assert set(params.dts) == {0.1e-3}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"current_scale": 0.0}, ValueError, "current_scale must be a positive number, not 0.0"),
        ({"dt": 0.01, "own_ticks": False}, ValueError, "dt must be at most 1 ms for forward Euler, not 10 ms"),
        ({"coefficient_bits": 3}, ValueError, "coefficient_bits must be an integer between 8 and 18, not 3"),
        ({"drive": Format(-3, 20)}, ValueError, "recovery must have the 20 fraction bits of drive, not 28"),
        ({"membrane": Format(-5, 24)}, OverflowError, "must be between -15.625 mV and"),
        ({"spread": Variability(dead=0.1)}, ValueError, "dead must be 0 in the model izhikevich, not 0.1"),
    ],
)
def test_wrong_parameters_are_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        replace(izhikevich_params("all patterns", 3), **change)


def test_unknown_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match=r"behaviours must be 'all' or among tonic_spiking, .*, not 'tonic'"):
        from_circuit(None, count=1, dt=0.1e-3, options=IzhikevichOptions(behaviours=("tonic",)))


def test_neurons_that_are_clamped_are_known() -> None:
    params = izhikevich_params("saturating", 4)
    model = IzhikevichBitTrue(params)
    seen, before = np.zeros(4, dtype=bool), 0
    drive = np.zeros((400, 4), dtype=np.int64)
    drive[:, 1:3] = params.drive.max_raw
    for row in drive:
        model.step(row)
        ends = np.isin(model.membrane, (params.membrane.min_raw, params.membrane.max_raw))
        seen |= ends
        assert model.clamped.any() == (model.saturations > 0)
        assert model.saturations - before <= 4
        before = model.saturations
    assert (seen <= model.clamped).all()
    assert model.clamped.any()
    assert not model.clamped.all()
    model.reset()
    assert not model.clamped.any()
