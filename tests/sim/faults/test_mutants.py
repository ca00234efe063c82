"""Mutants: what is counted as killed was killed, what is proved equivalent is, and no killed mutant is ever proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.snn import INPUT, Layer, Network, Neurons, SnnParams, Words, quantized
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons import neuron
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.snn import SnnCase
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.faults.mutants import ArrayVectors, Mutant, Mutated, Piece, Vectors, mutants, score
from neuristor.sim.faults.network_mutants import OnnVectors, SnnVectors
from tests.hdl.test_snn import projected, stimulus
from tests.marks import the_rest_is_extended
from tests.samples import ALL, samples
from tests.samples.lif import lif_params
from tests.samples.relaxation_oscillator import oscillator_params
from tests.sim.benches.test_onn import made as onn_case

pytestmark = pytest.mark.skipif(not available("compiled"), reason="there is no C++ compiler")


def lif_case(vo2: Circuit, variant: str = "saturating", count: int = 5) -> Case:
    params = lif_params(vo2, variant, count=count)
    drive = params.drive_raw(np.random.default_rng(3).uniform(0, 1.2e-4, (200, count)))
    return Case(neuron=neuron("lif"), params=params, lanes=2, drive_raw=drive)


def test_mutants_are_the_same_twice_and_spare_the_clock(vo2: Circuit) -> None:
    case = lif_case(vo2)
    one, two = (mutants(case.array(), 60, seed=4) for _ in range(2))
    assert one == two
    assert len(one.mutants) > 50
    assert not any(mutant.port.endswith("CLK") for mutant in one.mutants)
    assert {mutant.module.split(".")[0] for mutant in one.mutants} == {"top"}
    assert mutants(case.array(), 60, seed=5) != one


def test_a_mutant_says_what_it_does() -> None:
    line = r"mutate -mode cnot1 -module top.lane_1 -cell $166 -port Q -portbit 47 -ctrlbit 12 -wire second -wirebit 47"
    assert str(Mutant(line)) == (
        "top.lane_1: bit 47 of port Q of cell $166, bit 47 of second is inverted while bit 12 is 1"
    )
    assert str(Mutant("mutate -mode const0 -module top -cell $9 -port A -portbit 3")) == (
        "top: bit 3 of port A of cell $9 is 0"
    )


@pytest.mark.extended
def test_mutants_are_killed_or_proved_equivalent_and_no_killed_one_is_proved(vo2: Circuit) -> None:
    case = lif_case(vo2)
    vectors = ArrayVectors(case)
    found = score(vectors, 36)
    assert len(found.killed) > 20
    assert len(found.equivalent) > 3
    assert found.value >= 0.97, [str(mutant) for mutant in found.survivors]
    # The other way round: what the vectors can tell apart is never proved to be the same.
    made = mutants(vectors.component, 36)
    for mutant in list(found.killed)[::4]:
        assert not vectors.judge(made, mutant)[0], mutant


@pytest.mark.extended
def test_what_short_vectors_do_not_notice_is_found_by_the_solver(vo2: Circuit) -> None:
    vectors = ArrayVectors(lif_case(vo2, "hold", count=2))
    made = mutants(vectors.component, 2000, 1, vectors.counters)
    some = [each for each in made.mutants if "of product is inverted while" in str(each)][:8]
    made = Mutated(made.text, tuple(some), made.counters)
    circuit = CompiledModel(made.verilog(some), "top", state=True)
    hidden = 0
    for number, mutant in enumerate(some, start=1):
        proved, aimed = vectors.judge(made, mutant)
        assert proved == (not aimed), mutant
        assert vectors.notices(circuit, number, aimed) != proved, mutant
        hidden += not proved and not vectors.notices(circuit, number, [Piece(np.zeros((1, 2), dtype=np.int64))])
    assert hidden > 1


@pytest.mark.parametrize("kind", the_rest_is_extended(["lif", "onn", "snn"], []))
def test_the_circuit_itself_passes_and_another_model_does_not(vo2: Circuit, kind: str) -> None:
    vectors = core(vo2, kind)
    made = mutants(vectors.component, 5, 1, vectors.counters)
    circuit = CompiledModel(made.verilog(made.mutants), "top", state=True)
    given = vectors.expected(circuit, vectors.pieces[:30] if kind == "snn" else vectors.pieces)
    wrong = given[0].rows.copy()
    wrong[-1, 0] ^= 2
    with pytest.raises(ValueError, match="the circuit itself is not its model"):
        vectors.check(vectors.pieces[0], replace(given[0], rows=wrong))


@pytest.mark.parametrize("variant", ["resistors", "capacitors"])
def test_coupled_oscillators_get_no_states_from_outside(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=4)
    drive = np.full((60, 4), params.drive.max_raw // 8)
    vectors = ArrayVectors(Case(neuron=neuron("relaxation_oscillator"), params=params, lanes=1, drive_raw=drive))
    assert all(piece.states is None for piece in vectors.pieces + vectors.long)
    circuit = CompiledModel(mutants(vectors.component, 1, 1, vectors.counters).verilog([]), "top", state=True)
    vectors.expected(circuit, [piece for piece in vectors.pieces if len(piece.drive_raw) <= 300])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("onn", 24), ("snn", 12)])
def test_mutants_of_networks_are_killed_or_proved_equivalent(vo2: Circuit, kind: str, count: int) -> None:
    vectors = core(vo2, kind)
    vectors.pieces, vectors.long = vectors.pieces[:40], []
    found = score(vectors, count)
    assert found.value >= 0.75, [str(mutant) for mutant in found.survivors]
    assert len(found.killed) > count / 2
    made = mutants(vectors.component, count, 1, vectors.counters, vectors.within)
    assert not any(vectors.judge(made, mutant)[0] for mutant in list(found.killed)[::5])


def small_network() -> SnnParams:
    """Short words, so that rare events are not rare: recurrent, delayed, refractory, noisy, unlike, with currents."""
    spread = Variability(threshold_d2d=0.1, threshold_c2c=0.1, seed=3)
    neurons = Neurons(count=8, tau=8.0, strict=False, reset=0.3, refractory=3.0, spread=spread)
    late = Neurons(count=4, tau=4.0, tau_syn=3.0, refractory=1.0)
    layers = (
        Layer(
            name="devices",
            shape=(8,),
            neurons=neurons,
            projections=(projected(INPUT, 8, 9, mean=4.0), projected(0, 8, 8, 2, mean=0.0)),
        ),
        Layer(name="late", shape=(4,), neurons=late, projections=(projected(0, 4, 8, mean=4.0),)),
    )
    return quantized(Network(dt=1.0, input_shape=(9,), layers=layers), Words(3, 7, level=0.5))


def other_resets() -> SnnParams:
    """A membrane above its threshold decides: with spread and broken devices, and without."""
    spread = Variability(stuck_off=0.2, threshold_d2d=0.1, seed=3)
    late = Neurons(count=6, tau=8.0, reset_rule="subtract_late", reset=-0.25, spread=spread)
    guarded = Neurons(count=4, tau=8.0, reset_rule="subtract_guarded", reset=0.25)
    layers = (
        Layer(name="late", shape=(6,), neurons=late, projections=(projected(INPUT, 6, 9, mean=4.0),)),
        Layer(name="guarded", shape=(4,), neurons=guarded, projections=(projected(0, 4, 6, mean=4.0),)),
    )
    return quantized(Network(dt=1.0, input_shape=(9,), layers=layers), Words(3, 8, level=0.3))


def core(vo2: Circuit, kind: str) -> Vectors:
    """The vectors of a core."""
    if kind == "lif":
        return ArrayVectors(lif_case(vo2))
    if kind == "onn":
        return OnnVectors(onn_case(5, 4, 4, 3, stretches=10))
    if kind == "onn of 33":
        return OnnVectors(onn_case(33, 3, 4, 3, stretches=10))
    if kind.startswith("snn"):
        params = small_network() if kind == "snn" else other_resets()
        inputs = np.stack([stimulus(params, 12, seed) for seed in range(2)], axis=1)
        return SnnVectors(SnnCase(params=params, lanes=[2, 1], inputs=inputs))
    variant, interval = samples(kind).mutants
    params = samples(kind).params(variant, 5)
    low, high = params.drive.min_raw, params.drive.max_raw
    drive = np.random.default_rng(3).integers(low // 32, high // 32, (200, 5))
    return ArrayVectors(Case(neuron=neuron(kind), params=params, lanes=1, interval=interval, drive_raw=drive))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*ALL, "onn of 33", "snn", "snn with other resets"])
def test_ninety_nine_percent_of_the_mutants_of_each_core(vo2: Circuit, kind: str) -> None:
    found = score(core(vo2, kind), 400)
    print(f"{kind}: {len(found.killed)} killed, {len(found.equivalent)} equivalent, score {100 * found.value:.2f} %")
    for mutant in found.survivors:
        print(f"  survives: {mutant}")
    assert found.value >= 0.99
