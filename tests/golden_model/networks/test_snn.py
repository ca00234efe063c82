"""Spiking networks: the float reference against equations by hand, the bit-true model against both."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.networks.snn import (
    INPUT,
    RESETS,
    Connection,
    Layer,
    Network,
    Neurons,
    Projection,
    SnnBitTrue,
    SnnReference,
    Words,
    dequantized,
    on_device,
    quantized,
)
from neuristor.golden_model.networks.synapses import Convolution, Dense
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams
from neuristor.golden_model.variability import Variability


def alone(weight: float = 1.0, *, dt: float = 1.0, discretisation: Any = "euler", **neurons: Any) -> Network:
    """One neuron with one input."""
    one = Projection(source=INPUT, synapses=Dense(weights=np.array([[weight]])))
    layer = Layer(name="one", shape=(1,), neurons=Neurons(count=1, **neurons), projections=(one,))
    return Network(dt=dt, input_shape=(1,), layers=(layer,), discretisation=discretisation)


def two(**neurons: Any) -> Network:
    """Two neurons with one input; lists are values of each."""
    one = Projection(source=INPUT, synapses=Dense(weights=np.ones((2, 1))))
    made = Neurons(count=2, **{name: np.array(values) for name, values in neurons.items()})
    return Network(dt=1.0, input_shape=(1,), layers=(Layer(name="one", shape=(2,), neurons=made, projections=(one,)),))


def membranes(network: Network, spikes: list[int]) -> tuple[list[float], list[int]]:
    model, kept, fired = SnnReference(network), [], []
    for one in spikes:
        fired.append(int(model.step(np.array([[one]]))[0][0, 0]))
        kept.append(float(model.membrane[0][0, 0]))
    return kept, fired


def test_lif_takes_an_euler_step_of_its_equation() -> None:
    # v += (0.5 - v + 2 w s) / 4, with w = 1.5
    kept, fired = membranes(alone(1.5, tau=4.0, r=2.0, leak=0.5, threshold=10.0), [1, 0, 1])
    assert kept == [0.875, 0.78125, 1.4609375]
    assert fired == [0, 0, 0]


def test_an_exact_step_is_the_exponential() -> None:
    kept, _ = membranes(alone(1.0, tau=3.0, r=1.0, threshold=9.0, discretisation="exact"), [1, 1])
    assert kept[1] == pytest.approx(1 - math.exp(-2 / 3), rel=1e-12)


def test_if_adds_dt_times_r() -> None:
    kept, fired = membranes(alone(2.0, dt=0.5, r=3.0, threshold=6.0), [1, 1, 1])
    assert kept == [3.0, 6.0, 0.0]
    assert fired == [0, 0, 1]  # 6 is not above 6, 9 is


@pytest.mark.parametrize(
    ("strict", "subtract", "expected"),
    [(True, False, [0, 0, 1]), (False, False, [0, 1, 0]), (True, True, [0, 0, 1]), (False, True, [0, 1, 0])],
)
def test_comparison_and_reset_are_as_said(strict: bool, subtract: bool, expected: list[int]) -> None:
    rule: Any = "subtract" if subtract else "to_value"
    network = alone(0.5, threshold=1.0, reset=0.25, strict=strict, reset_rule=rule)
    kept, fired = membranes(network, [1, 1, 1])
    assert fired == expected
    after = kept[fired.index(1)]
    assert after == (0.25 if not subtract else 0.25 if not strict else 0.75)
    # The bit-true model does the same, for every combination.
    params = quantized(network, Words(4, 10))
    found = SnnBitTrue(params).run(np.ones((3, 1), dtype=int), keep=True)[0]
    assert found["spike"][:, 0, 0].astype(int).tolist() == expected
    np.testing.assert_allclose(params.layers[0].value(found["membrane"])[:, 0, 0], kept, atol=params.layers[0].lsb)


@pytest.mark.parametrize(("late", "first"), [(False, 0.25), (True, 0.0)])
def test_a_synaptic_current_acts_at_once_or_in_the_next_tick(late: bool, first: float) -> None:
    network = alone(1.0, tau=2.0, tau_syn=2.0, threshold=9.0, late_current=late)
    kept, _ = membranes(network, [1, 0, 0])
    assert kept[0] == first
    # I = 1/2, 1/4, 1/8; v += (I - v) / 2
    assert kept[1] == 0.25  # either way: 0.25 / 2 + 0.25 / 2, or 0 + 0.5 / 2
    params = quantized(network, Words(4, 16, current_bits=18))
    found = SnnBitTrue(params).run(np.array([[1], [0], [0]]), keep=True)[0]
    np.testing.assert_allclose(params.layers[0].value(found["membrane"])[:, 0, 0], kept, atol=2 * params.layers[0].lsb)


def test_a_delay_of_d_ticks_is_d_ticks() -> None:
    one = Projection(source=INPUT, synapses=Dense(weights=np.array([[2.0]])), delay=3)
    layer = Layer(name="one", shape=(1,), neurons=Neurons(count=1), projections=(one,))
    network = Network(dt=1.0, input_shape=(1,), layers=(layer,))
    spikes = np.zeros((8, 1), dtype=int)
    spikes[1] = 1
    assert np.flatnonzero(SnnReference(network).run(spikes)[0]).tolist() == [4]
    assert np.flatnonzero(SnnBitTrue(quantized(network)).run(spikes)[0]["spike"]).tolist() == [4]


def test_a_spike_goes_through_all_layers_in_one_tick_and_back_in_the_next() -> None:
    def projected(*sources: tuple[int, int]) -> tuple[Projection, ...]:
        return tuple(
            Projection(source=source, synapses=Dense(weights=np.array([[2.0]])), delay=delay)
            for source, delay in sources
        )

    layers = tuple(
        Layer(name=str(n), shape=(1,), neurons=Neurons(count=1), projections=some)
        for n, some in enumerate((projected((INPUT, 0), (1, 2)), projected((0, 0))))
    )
    network = Network(dt=1.0, input_shape=(1,), layers=layers)
    spikes = np.zeros((7, 1), dtype=int)
    spikes[0] = 1
    for each in (
        SnnReference(network).run(spikes),
        [layer["spike"] for layer in SnnBitTrue(quantized(network)).run(spikes)],
    ):
        assert [np.flatnonzero(layer).tolist() for layer in each] == [[0, 2, 4, 6], [0, 2, 4, 6]]


def random_network(seed: int, **neurons: Any) -> Network:
    rng = np.random.default_rng(seed)

    def dense(count: int, inputs: int) -> Dense:
        return Dense(weights=rng.normal(0.5, 3.0, (count, inputs)))

    first = Layer(
        name="first",
        shape=(12,),
        neurons=Neurons(count=12, tau=8.0, **neurons),
        projections=(
            Projection(source=INPUT, synapses=dense(12, 20)),
            Projection(source=0, synapses=dense(12, 12), delay=1),
        ),
        bias=rng.normal(0, 0.3, 12),
    )
    last = Layer(
        name="last",
        shape=(5,),
        neurons=Neurons(count=5, tau=8.0, tau_syn=2.0),
        projections=(Projection(source=0, synapses=dense(5, 12)),),
    )
    return Network(dt=1.0, input_shape=(20,), layers=(first, last))


# Longer runs come within 1e-4 of a threshold somewhere, which 16-bit weights cannot tell.
@pytest.mark.parametrize("seed", range(5))
def test_with_many_bits_every_spike_is_that_of_the_reference(seed: int) -> None:
    network = random_network(seed, reset_rule="subtract" if seed % 2 else "to_value")
    spikes = (np.random.default_rng(seed).random((25, 4, 20)) < 0.2).astype(int)
    words = Words(16, 30, current_bits=32, coefficient_bits=16, level=0.02)
    params = quantized(network, words)
    found = SnnBitTrue(params, 4).run(spikes)
    expected = SnnReference(network, 4).run(spikes)
    for one, other in zip(found, expected, strict=True):
        assert other.sum() > 10
        assert (one["spike"] == other).all()


@pytest.mark.parametrize("rule", RESETS)
def test_every_reset_rule_is_that_of_the_reference_with_the_rounded_weights(rule: Any) -> None:
    network = random_network(7, reset_rule=rule)
    params = quantized(network, Words(16, 30, current_bits=32, coefficient_bits=16, level=0.02))
    spikes = (np.random.default_rng(7).random((60, 4, 20)) < 0.1).astype(int)
    found, expected = SnnBitTrue(params, 4).run(spikes), SnnReference(dequantized(network, params), 4).run(spikes)
    for one, other in zip(found, expected, strict=True):
        assert 40 < other.sum() < other.size - 40
        assert (one["spike"] == other).all()


@pytest.mark.parametrize("bits", [(2, 6), (4, 8), (8, 12)])
def test_the_words_are_exactly_the_network_they_stand_for(bits: tuple[int, int]) -> None:
    """What rounding weights, thresholds and biases makes is a float network again: only the leak's rounding is left."""
    network = random_network(3)
    params = quantized(network, Words(*bits, coefficient_bits=16))
    again = quantized(dequantized(network, params), Words(*bits, coefficient_bits=16))
    for a, b in zip(params.layers, again.layers, strict=True):
        scale = a.lsb / b.lsb
        for one, other in zip(a.connections, b.connections, strict=True):
            old, new = one.synapses.values * 2.0**one.shift * scale, other.synapses.values * 2.0**other.shift
            np.testing.assert_allclose(new, old, atol=0.51 * 2.0**other.shift + 1e-6)


def test_membranes_stay_within_the_derived_bound_while_spikes_agree() -> None:
    """A leaky sum of roundings: half a step each tick, over k; with weights that are exact in their words."""
    rng = np.random.default_rng(5)
    weights = rng.integers(-7, 8, (6, 10)) / 8.0
    neurons = Neurons(count=6, tau=16.0, r=16.0, threshold=1.0)
    layer = Layer(
        name="a", shape=(6,), neurons=neurons, projections=(Projection(source=INPUT, synapses=Dense(weights=weights)),)
    )
    network = Network(dt=1.0, input_shape=(10,), layers=(layer,))
    params = quantized(network, Words(4, 14, level=0.05))
    own = params.layers[0]
    step = own.lsb * 2.0 ** own.connections[0].shift
    exact = np.allclose(own.connections[0].synapses.values * step, weights, atol=1e-12)
    spikes = (rng.random((300, 1, 10)) < 0.1).astype(int)
    model, reference = SnnBitTrue(params), SnnReference(network)
    most = 0.5 * own.lsb / (1 / 16) + (0 if exact else 300)
    compared = 0
    for row in spikes:
        a, b = model.step(row)[0], reference.step(row)[0]
        if (a != b).any():
            break
        compared += 1
        assert np.abs(own.value(model.state[0]["membrane"]) - reference.membrane[0]).max() <= most
    assert exact
    assert compared > 20


def test_the_first_layer_is_the_lif_array_when_it_hears_kicks() -> None:
    """The same end of a tick as LIF arrays: refractory, spread, noise, broken devices, reset to V_hold."""
    device = LifParams(
        count=40,
        tau=16.0,
        threshold=1.5,
        hold=0.4,
        refractory=3.0,
        threshold_d2d=0.1,
        threshold_c2c=0.05,
        stuck_on=0.1,
        stuck_off=0.1,
        dead=0.1,
        latched=0.2,
        seed=5,
        dt=1.0,
        membrane=Format(3, 9),
        drive=Format(3, 9),
    )
    one = Projection(source=INPUT, synapses=Dense(weights=np.full((40, 1), 0.5)))
    ideal = Layer(name="a", shape=(40,), neurons=Neurons(count=40, tau=16.0, r=16.0), projections=(one,))
    network = on_device(Network(dt=1.0, input_shape=(1,), layers=(ideal,)), device)
    neurons = network.layers[0].neurons
    assert neurons.reset[0] == pytest.approx(0.4 / 1.5)
    assert neurons.refractory == 3.0
    assert not neurons.strict
    params = quantized(network, Words(8, 16, coefficient_bits=12))
    spikes = (np.random.default_rng(1).random((200, 1)) < 0.6).astype(int)
    found = SnnBitTrue(params).run(spikes, keep=True)[0]
    reference = SnnReference(network)
    expected = reference.run(spikes)[0]
    healthy = neurons.faults == 0
    assert found["spike"][:, 0, ~healthy].sum() == 0
    assert abs(int(found["spike"].sum()) - int(expected.sum())) <= 0.01 * expected.sum()
    # No two spikes nearer than the refractory time.
    for n in np.flatnonzero(healthy):
        assert np.diff(np.flatnonzero(found["spike"][:, 0, n])).min() > 3
    assert (found["membrane"][5:, 0, neurons.faults == 3] == 0).all()  # dead
    assert LifBitTrue(device).params.raw.faults == params.layers[0].raw.lif.faults == 1


def test_currents_from_outside_reach_the_first_layer() -> None:
    layer = Layer(name="a", shape=(3,), neurons=Neurons(count=3, threshold=1.0))
    network = Network(dt=1.0, input_shape=(3,), layers=(layer,), currents=True)
    params = quantized(network, Words(4, 8, level=0.5))
    limit = int(params.layers[0].threshold_raw[0])
    found = SnnBitTrue(params).run(np.array([[limit, limit - 1, -5], [0, 0, 0], [0, 1, 5]]))[0]["spike"]
    assert found[:, 0].astype(int).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_read_outs_never_spike() -> None:
    one = Projection(source=INPUT, synapses=Dense(weights=np.array([[5.0], [-5.0]])))
    layer = Layer(name="a", shape=(2,), neurons=Neurons(count=2, tau=4.0, threshold=None), projections=(one,))
    network = Network(dt=1.0, input_shape=(1,), layers=(layer,))
    params = quantized(network, Words(4, 12, level=1.0))
    found = SnnBitTrue(params).run(np.ones((50, 1), dtype=int), keep=True)[0]
    assert not params.layers[0].fires
    assert not found["spike"].any()
    reference = SnnReference(network)
    reference.run(np.ones((50, 1), dtype=int))
    own = params.layers[0]
    np.testing.assert_allclose(
        own.value(found["membrane"][-1]),
        reference.membrane[0],
        atol=0.5 * own.lsb * 4 + abs(5 - own.lsb * 7 * 2.0 ** own.connections[0].shift),
    )


def test_runs_side_by_side_are_runs_alone() -> None:
    params = quantized(random_network(1), Words(4, 8))
    spikes = (np.random.default_rng(2).random((30, 5, 20)) < 0.3).astype(int)
    together = SnnBitTrue(params, 5).run(spikes, keep=True)
    for n in range(5):
        alone_one = SnnBitTrue(params).run(spikes[:, n], keep=True)
        for a, b in zip(together, alone_one, strict=True):
            for name in a:
                assert (a[name][:, n] == b[name][:, 0]).all()


def test_a_buffer_may_be_used_again_and_what_was_returned_stays() -> None:
    one = Projection(source=INPUT, synapses=Dense(weights=np.array([[2.0]])), delay=2)
    layer = Layer(name="one", shape=(1,), neurons=Neurons(count=1), projections=(one,))
    params = quantized(Network(dt=1.0, input_shape=(1,), layers=(layer,)))
    for model in (SnnBitTrue(params), SnnReference(Network(dt=1.0, input_shape=(1,), layers=(layer,)))):
        buffer, kept = np.zeros((1, 1), dtype=int), []
        for spike in (1, 0, 0, 0):
            buffer[:] = spike
            kept.append(model.step(buffer))
        assert [int(each[0][0, 0]) for each in kept] == [0, 0, 1, 0]


def test_steps_are_runs() -> None:
    params = quantized(random_network(1), Words(4, 8))
    spikes = (np.random.default_rng(2).random((30, 5, 20)) < 0.3).astype(int)
    stepped, run = SnnBitTrue(params, 5), SnnBitTrue(params, 5).run(spikes)
    for tick, row in enumerate(spikes):
        for n, spike in enumerate(stepped.step(row)):
            assert (spike == run[n]["spike"][tick]).all()
    stepped.reset()
    assert (stepped.step(spikes[0])[0] == run[0]["spike"][0]).all()


def test_sums_of_weights_never_overflow_their_bits() -> None:
    params = quantized(random_network(7), Words(6, 12))
    layer = params.layers[0]
    low, high = layer.reach
    assert -(1 << (layer.sum_bits - 1)) <= low
    assert high < 1 << (layer.sum_bits - 1)
    assert dataclasses.replace(layer, sum_bits_least=14).sum_bits == 14
    assert layer.sum_bits == 1 or not (-(1 << (layer.sum_bits - 2)) <= low and high < 1 << (layer.sum_bits - 2))


GOOD = random_network(0)


def _hears_input(layer: Layer) -> Layer:
    more = Projection(source=INPUT, synapses=Dense(weights=np.ones((5, 20))))
    return dataclasses.replace(layer, projections=(*layer.projections, more))


def _flat_convolution() -> Layer:
    synapses = Convolution(kernel=np.ones((4, 1, 2, 2)), input_shape=(1, 4, 4))
    projections = (Projection(source=INPUT, synapses=synapses),)
    return Layer(name="flat", shape=(36,), neurons=Neurons(count=36), projections=projections)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neurons(count=2, tau=[1.0, -1.0]), "tau must be above 0"),
        (lambda: Neurons(count=2, tau=[1.0, 2.0, 3.0]), "tau must have one number, or 2"),
        (lambda: Neurons(count=2, threshold=float("nan")), "threshold must be finite"),
        (lambda: Neurons(count=2, threshold=0.0), "reset must be below threshold"),
        (lambda: Neurons(count=2, spread=Variability(hold_d2d=0.1)), "hold_d2d"),
        (lambda: dataclasses.replace(GOOD, dt=20.0), "dt must be at most tau"),
        (lambda: dataclasses.replace(GOOD, dt=0.0), "dt must be a positive number"),
        (lambda: dataclasses.replace(GOOD, input_shape=(21,)), r"must be that of the input, \(21,\), not \(20,\)"),
        (lambda: dataclasses.replace(GOOD, discretisation="tustin"), "discretisation must be"),
        (lambda: dataclasses.replace(GOOD, layers=GOOD.layers[1:]), "input shape of its synapses must be that of last"),
        (lambda: quantized(GOOD, Words(0, 8)), "weight_bits must be an integer between 1 and 16"),
        (lambda: quantized(GOOD, Words(4, 40)), "membrane_bits must be an integer between 2 and 32"),
        (lambda: quantized(GOOD, [Words()]), "words must have 2 entries, one per layer, not 1"),
        (lambda: quantized(GOOD, Words(clip=0.0)), "clip must be above 0"),
        (lambda: Neurons(count=1, leak=0.5), "leak must be 0 for neurons that do not leak"),
        (lambda: dataclasses.replace(GOOD, dt=1e-20), r"dt must be at least 2\*\*-40 of tau"),
        (
            lambda: dataclasses.replace(quantized(GOOD), current_bits=63),
            "current_bits must be an integer between 2 and",
        ),
        (lambda: quantized(GOOD, Words(current_bits=1)), "current_bits must be an integer between 2 and 40"),
        (
            lambda: dataclasses.replace(GOOD, currents=True, layers=(GOOD.layers[0], _hears_input(GOOD.layers[1]))),
            "last: input currents must go to the first layer only",
        ),
        (
            lambda: Network(dt=1.0, input_shape=(1, 4, 4), layers=(_flat_convolution(),)),
            r"flat: shape must be that of its convolution, \(4, 3, 3\), not \(36,\)",
        ),
        (lambda: quantized(alone(reset=-9.0)), "reset must be at least -512 steps of the membrane, not -1008"),
        (lambda: quantized(alone(leak=2.0, tau=4.0)), "threshold must be above the leak potential"),
        (
            lambda: quantized(two(tau=[10.0, 20.0])),
            "one: tau must be the same for all neurons in fixed point, not 10 to 20 s",
        ),
        (lambda: quantized(two(reset=[-1.0, 0.0])), "one: reset must be the same .*, not -1 to 0$"),
        (lambda: SnnBitTrue(quantized(GOOD)).run(np.full((3, 20), 2)), "spikes must be 0 or 1"),
        (lambda: SnnBitTrue(quantized(GOOD)).run(np.zeros((3, 21), dtype=int)), "inputs must have shape"),
        (lambda: SnnReference(GOOD).run(np.full((3, 20), float("nan"))), "inputs must be finite"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_cycle_without_a_delay_is_refused() -> None:
    layers = tuple(
        dataclasses.replace(layer, projections=tuple(dataclasses.replace(one, delay=0) for one in layer.projections))
        for layer in GOOD.layers
    )
    with pytest.raises(ValueError, match="a cycle of layers must have a delay of at least one tick: first"):
        dataclasses.replace(GOOD, layers=layers)


def test_a_layer_that_nothing_reaches_is_refused() -> None:
    alone_one = Layer(
        name="deaf",
        shape=(2,),
        neurons=Neurons(count=2),
        projections=(Projection(source=0, synapses=Dense(weights=np.eye(2)), delay=1),),
        bias=0.3,
    )
    with pytest.raises(ValueError, match="deaf: must have a path from the input"):
        quantized(Network(dt=1.0, input_shape=(1,), layers=(alone_one,)))


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OverflowError, match="between -8 and 7 with 4 bits, not 8"):
        Connection(source=INPUT, synapses=Dense(weights=np.array([[8, 0]])), weight_bits=4)
    with pytest.raises(TypeError, match="weights must be integers"):
        Connection(source=INPUT, synapses=Dense(weights=np.array([[0.5]])), weight_bits=4)
