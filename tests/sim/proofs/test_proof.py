"""Proofs of the circuits, and that no broken circuit is proved."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import rtlil

import neuristor.golden_model.neurons.lif
import neuristor.hdl.array
import neuristor.hdl.neurons.lif
from neuristor.design_file import load
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neurons import neuron
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.sim.proofs.lane import prove_lane
from tests.marks import the_rest_is_extended
from tests.samples import ALL, SHARING, Proof, samples
from tests.samples.lif import lif_params
from tests.samples.relaxation_oscillator import oscillator_params


def array_of(name: str, params: Any, lanes: int, **more: Any) -> NeuronArray:
    made = neuron(name).build(params, lanes, **more)
    rtlil.convert(made)  # its parts are what is proved
    return made


def lane_claims(name: str, params: Any, lanes: int = 1, **more: Any) -> list[Claim]:
    return list(prove_lane(neuron(name).model, params, array_of(name, params, lanes, **more)))


def all_proved(claims: list[Claim]) -> bool:
    assert len(claims) > 4
    return all(claim.proved for claim in claims if claim.tried)


PROOFS = [
    pytest.param(name, each, marks=each.marks, id=f"{name}-{each}") for name in ALL for each in samples(name).proofs
]


@pytest.mark.few(9)
@pytest.mark.parametrize(("name", "proof"), PROOFS)
def test_lanes_are_the_golden_step(name: str, proof: Proof) -> None:
    params = samples(name).params(proof.variant, proof.count)
    claims = lane_claims(name, params, proof.lanes, interval=proof.interval, loadable=proof.loadable)
    assert all_proved(claims), [claim for claim in claims if not claim.proved]


@pytest.mark.parametrize(
    ("count", "lanes"), the_rest_is_extended([(1, 1), (2, 2), (7, 3), (13, 2), (4096, 1)], [(1, 1), (7, 3)])
)
def test_arrays_visit_every_neuron_once_a_tick(vo2: Circuit, count: int, lanes: int) -> None:
    claims = list(prove_array(array_of("lif", lif_params(vo2, "all", count=count), lanes)))
    assert len(claims) == (23 if count <= lanes else 24)
    assert all_proved(claims), [claim for claim in claims if not claim.proved]


@pytest.mark.parametrize(
    ("count", "lanes", "interval"), the_rest_is_extended([(5, 2, 3), (1, 1, 2), (9, 1, 1), (6, 1, 8)], [(5, 2, 3)])
)
def test_arrays_with_shared_multipliers_do_too(count: int, lanes: int, interval: int) -> None:
    params = samples("izhikevich").params("noise and spread", count)
    claims = list(prove_array(array_of("izhikevich", params, lanes, interval=interval)))
    assert all_proved(claims), [claim for claim in claims if not claim.proved]


@pytest.mark.extended
@pytest.mark.parametrize("interval", [pytest.param(1, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("name", SHARING)
def test_arrays_of_other_flows_do_too(name: str, interval: int) -> None:
    params = samples(name).params(next(iter(samples(name).variants)), 3)
    claims = list(prove_array(array_of(name, params, 1, interval=interval)))
    assert all_proved(claims), [claim for claim in claims if not claim.proved]


EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[3] / "examples").glob("*.toml"))
    if "[network]" not in path.read_text()
]


@pytest.mark.slow
@pytest.mark.parametrize("loadable", [False, True])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_arrays_of_all_examples_do_too(path: Path, loadable: bool) -> None:
    design = load(path)
    array = design.case.array(loadable)
    rtlil.convert(array)
    initial = None if loadable else initial_state(design.golden, design.params)
    assert all_proved(list(prove_array(array, initial)))


def test_nothing_of_a_coupled_array_is_left_out(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "resistor ring", count=5)
    claims = list(prove_array(array_of("relaxation_oscillator", params, 2)))
    assert [claim.text for claim in claims if not claim.tried] == []
    assert sum(claim.subject == "coupling" for claim in claims) == 4
    assert summary(claims) is True


def edited(module: Any, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Replace a piece of the source of a function or class of a module."""
    import inspect
    import textwrap

    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    assert source.count(old) == 1, f"{old!r} is {source.count(old)} times in {name}"
    space = dict(vars(module))
    exec(compile(source.replace(old, new), f"{name} with {new}", "exec", flags=0x1000000), space)  # annotations as text
    monkeypatch.setattr(module, name, space[name])


BUGS: dict[str, tuple[str, str, str]] = {
    "rounding": ("LifLane", "round_shift(product, raw.k_shift)", "(product >> raw.k_shift)"),
    "refractory one too short": (
        "LifLane",
        "refractory.eq(raw.refractory_ticks)",
        "refractory.eq(raw.refractory_ticks - 1)",
    ),
    "fires above, not at, the threshold": ("LifLane", "bounded >= limit", "bounded > limit"),
    "the noise moves on without a spike": ("LifLane", "Mux(fires, noise.advance", "Mux(active, noise.advance"),
    "moves while it waits": (
        "LifLane",
        "with m.If(self.enable):\n            m.d.sync += difference",
        "with m.If(1):\n            m.d.sync += difference",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_lane_is_shown_by_a_counterexample(vo2: Circuit, bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, old, new = BUGS[bug]
    edited(neuristor.hdl.neurons.lif, monkeypatch, name, old, new)
    params = lif_params(vo2, "all", count=3)
    claims = lane_claims("lif", params)
    false = [claim for claim in claims if claim.proved is False]
    assert false, bug
    for claim in false:
        if "golden step" not in claim.text:
            continue
        given, got = claim.counterexample
        # The counterexample is one for the golden step on plain integers, too.
        values = {pair.rsplit(" ", 1)[0]: int(pair.rsplit(" ", 1)[1]) for pair in given.split(", ")}
        raw = params.raw
        step = neuristor.golden_model.neurons.lif.step(
            raw,
            *(values[each] for each in ("membrane", "refractory", "noise")),
            *(values.get(each, int(getattr(params, each)[0])) for each in ("threshold_raw", "fault_raw")),
            values["drive"],
        )
        wanted = dict(zip(("membrane", "refractory", "noise", "spike", "saturated"), map(int, step), strict=True))
        field = claim.text.split(" ")[0]
        assert got.startswith(f"the model gives {field} {wanted[field]}, the circuit ")
        assert int(got.split()[-1]) != wanted[field]


ARRAY_BUGS: dict[str, tuple[str, str]] = {
    "a neuron is skipped": (
        "slot.eq(Mux(slot == slots - 1, 0, slot + 1))",
        "slot.eq(Mux(slot == slots - 1, 0, slot + 1 + (slot == 1)))",
    ),
    "a row is written to the next": ("write.addr.eq(row),", "write.addr.eq(row + 1),"),
    "the next tick starts a slot early": (
        "slots = self.cycles_per_tick // self.interval",
        "slots = self.cycles_per_tick // self.interval - 1",
    ),
    "a stall is forgotten": ("moves.eq(~self.o.valid | self.o.ready)", "moves.eq(1)"),
    "the last row is not cleared": ("running.eq(clear_row == rows - 1)", "running.eq(clear_row == rows - 2)"),
    "neurons that are not there fire": ("lane.spike & exists", "lane.spike"),
}


@pytest.mark.parametrize("bug", ARRAY_BUGS)
def test_a_bug_in_the_array_is_shown_by_a_counterexample(
    vo2: Circuit, bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(neuristor.hdl.array, monkeypatch, "NeuronArray", *ARRAY_BUGS[bug])
    params = lif_params(vo2, "all", count=5)
    columns = {"threshold": params.threshold_raw} | ({"fault": params.fault_raw} if params.raw.faults else {})
    array = neuristor.hdl.array.NeuronArray(
        params,
        2,
        lane=lambda index: neuristor.hdl.neurons.lif.LifLane(params, index, 2),
        parameters=neuristor.hdl.array.in_rows(columns, 2),
    )
    rtlil.convert(array)
    false = [claim for claim in prove_array(array) if claim.proved is False]
    assert false, bug
    assert all(line.startswith(("row ", "clock ")) for claim in false for line in claim.counterexample)


def test_a_wrong_invariant_is_not_proved(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=1)
    model = dataclasses.replace(
        neuron("lif").model,
        invariants=lambda raw, state: {"it waits less": state["refractory"] < raw.refractory_ticks},
    )
    claims = {claim.text: claim for claim in prove_lane(model, params, array_of("lif", params, 1))}
    assert claims["it waits less"].proved is False


def test_lanes_that_differ_are_seen(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=2)
    array = array_of("lif", params, 2)
    other = dataclasses.replace(params)
    other.__dict__["raw"] = params.raw._replace(k_raw=params.raw.k_raw + 1)
    array.pipelines[1] = neuristor.hdl.neurons.lif.LifLane(other, 1, 2)
    claims = {claim.text: claim for claim in prove_lane(neuron("lif").model, params, array)}
    assert claims["all 2 lanes are the same circuit"].proved is False


def test_a_parameter_without_a_port_is_no_constant(vo2: Circuit) -> None:
    """A lane that builds in the threshold of the first neuron, in an array whose neurons differ."""
    params = lif_params(vo2, "spread", count=4)
    built = array_of("izhikevich", samples("izhikevich").params("one tick", 4), 1)
    (claim,) = prove_lane(neuron("lif").model, params, built)
    assert claim.proved is False
    assert "threshold_raw" in claim.text
