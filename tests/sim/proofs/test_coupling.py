"""The coupling term is the sum over the neighbours, for equal edges and for edges with values of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.neurons.coupling import Coupling, Kind, Topology
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neurons import neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.initial_states import initial_state
from tests.hdl.test_edges import coupling
from tests.marks import the_rest_is_extended


def lattice(topology: Topology, count: int, columns: int = 0, kind: Kind = "resistive") -> Coupling:
    value = 400e3 if kind == "resistive" else 0.4e-12
    return Coupling(kind=kind, value=value, topology=topology, count=count, columns=columns)


CASES = {
    "a sparse list": (coupling(5, 6), 2, None),
    "lists of several walkers of three lanes": (coupling(20, 60), 3, 12),
    "a matrix with own weights in two parts": (coupling(20, 190), 3, 6),
    "a matrix of one lane": (coupling(3, 3), 1, None),
    "a ring": (lattice("ring", 6), 2, None),
    "a ring of the two nearest": (replace(lattice("ring", 7), reach=2), 2, None),
    "a grid of capacitors": (lattice("grid", 6, 3, "capacitive"), 2, None),
    "all to all": (lattice("all_to_all", 5), 2, None),
}


def proved(array: NeuronArray, initial: Any, count: int) -> None:
    claims = [claim for claim in prove_array(array, initial) if claim.subject == "coupling"]
    assert [claim.text for claim in claims if claim.proved is not True] == []
    assert len(claims) == count


@pytest.mark.parametrize("loadable", [False, True])
@pytest.mark.parametrize("name", the_rest_is_extended([*CASES], ["a sparse list", "all to all"]))
def test_the_pull_is_proved_to_be_the_sum_over_the_neighbours(name: str, loadable: bool) -> None:
    coupled, lanes, walkers = CASES[name]
    circuit = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)
    params = RelaxationOscillatorParams(circuit=circuit, count=coupled.count, dt=80e-9, coupling=coupled)
    oscillators = neuron("relaxation_oscillator")
    array = oscillators.build(params, lanes, loadable=loadable, edges_per_clock=walkers)
    initial = None if loadable else initial_state(oscillators.model, params)
    proved(array, initial, 4 if not coupled.weighted else 8)


EXCHANGED = [name for name, (coupled, _, _) in CASES.items() if coupled.kind == "resistive"]


@pytest.mark.parametrize("name", the_rest_is_extended(EXCHANGED, ["a sparse list", "a ring", "all to all"]))
def test_the_pull_of_a_model_from_equations_is_proved_though_it_comes_a_clock_later(name: str) -> None:
    coupled, lanes, walkers = CASES[name]
    made = equation_neuron(shipped_model("vo2_switch").model_dump_json())
    params = made.model.from_circuit(None, count=coupled.count, dt=20e-9)
    params = replace(params, coupling=coupled)
    array = made.build(params, lanes, edges_per_clock=walkers)
    assert array.neighbours is not None
    assert array.neighbours.latency == 3
    proved(array, initial_state(made.model, params), 4 if not coupled.weighted else 8)
