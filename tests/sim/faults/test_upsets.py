"""Soft errors: what was flipped is what is reported, and protection lets nothing pass in silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.neurons import neuron
from neuristor.hdl.snn import Snn
from neuristor.hdl.verilog import export
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.compiled import CompiledModel, pack_rows
from neuristor.sim.faults.upsets import campaign, kinds
from tests.hdl.test_snn import currents, stimulus
from tests.samples.lif import lif_params

pytestmark = pytest.mark.skipif(not available("compiled"), reason="there is no C++ compiler")


def lif_case(vo2: Circuit, protection: str = "none", variant: str = "all") -> Case:
    params = lif_params(vo2, variant, count=10)
    drive = params.drive_raw(np.random.default_rng(1).uniform(0, 1.2e-4, (120, 10)))
    return Case(neuron=neuron("lif"), params=params, lanes=2, drive_raw=drive, protection=protection)


@pytest.mark.extended
def test_every_bit_of_state_is_of_some_kind(vo2: Circuit) -> None:
    case = lif_case(vo2)
    circuit = CompiledModel(case.verilog, case.toplevel, state=True)
    found = [place for places in kinds(case, circuit).values() for place in places]
    whole = sum(width * depth for width, depth in circuit.state.values())
    assert sum(place.count for place in found) == whole
    assert {place.name for place in found} == set(circuit.state)


@pytest.mark.extended
def test_flips_are_counted_once_and_do_what_they_must(vo2: Circuit) -> None:
    rows = {row.kind: row for row in campaign(lif_case(vo2), 60)}
    for row in rows.values():
        assert row.injections == 60
        assert row.masked + row.silent == 60
        assert row.detected == 0
    assert rows["counters of saturation and faults"].masked == 60
    assert rows["parameter memory"].masked == 0  # a threshold is part of every state shown: a reset by subtraction
    assert rows["control"].stopped > 5
    # A membrane forgets, unless the spike it cost moved the noise on for good.
    assert 0 < rows["state memory, membrane"].recovery[0] < 120
    assert rows["state memory, noise"].masked < 60


def test_the_same_seed_gives_the_same_flips(vo2: Circuit) -> None:
    one, two, other = (list(campaign(lif_case(vo2), 20, seed=seed, only="state")) for seed in (3, 3, 4))
    assert one == two != other


def protected(vo2: Circuit, protection: str, injections: int) -> None:
    (row,) = campaign(lif_case(vo2, protection), injections, only="parameter memory")
    assert row.injections == injections == row.detected
    assert row.silent == 0
    if protection == "secded":
        assert row.masked == injections
    else:
        assert row.masked < injections / 2


@pytest.mark.extended
@pytest.mark.parametrize("protection", ["parity", "secded"])
def test_no_flip_of_a_protected_parameter_is_silent(vo2: Circuit, protection: str) -> None:
    protected(vo2, protection, 150)


def snn_weights(protection: str, injections: int) -> tuple[int, int]:
    """Flips in the weights of a spiking network: how many changed its output, and how many were noticed."""
    params = currents()
    network = Snn(params, [2, 1], protection=protection)
    words = network.payloads(stimulus(params, 10))
    model = CompiledModel(export(network, "snn"), "snn", state=True)
    rows = pack_rows(words, model.in_width)
    groups = 10 * network.plans[-1].groups
    sound, _ = model.exchange(rows, groups)
    memories = {name: size for name, size in model.state.items() if "weights" in name and size[1] > 1}
    assert memories
    random, changed, noticed = np.random.default_rng(5), 0, 0
    for _ in range(injections):
        name = str(random.choice(list(memories)))
        width, depth = memories[name]
        model.fresh()
        model.flip(name, int(random.integers(depth)), int(random.integers(width)))
        got, _ = model.exchange(rows, groups)
        differs, counted = got.tobytes() != sound.tobytes(), model.status("memory_faults") > 0
        changed, noticed = changed + differs, noticed + counted
        assert counted or not differs, f"{name}: a flip changed the network in silence"
        assert not (protection == "secded" and differs)
    return changed, noticed


@pytest.mark.extended
@pytest.mark.parametrize("protection", ["parity", "secded"])
def test_no_flip_of_a_protected_weight_is_silent(protection: str) -> None:
    changed, noticed = snn_weights(protection, 150)
    assert noticed > 75
    assert (changed > 10) == (protection == "parity")


@pytest.mark.slow
@pytest.mark.parametrize("protection", ["parity", "secded"])
def test_no_silent_corruption_in_ten_thousand_flips(vo2: Circuit, protection: str) -> None:
    protected(vo2, protection, 2500)
    snn_weights(protection, 2500)


@pytest.mark.extended
def test_a_flip_that_is_nowhere_is_refused(vo2: Circuit) -> None:
    case = lif_case(vo2)
    circuit = CompiledModel(case.verilog, case.toplevel, state=True)
    for name, row, bit in (("nothing", 0, 0), ("slot", 1, 0), ("slot", 0, 40), ("state_memory", 99, 0)):
        with pytest.raises(ValueError, match=f"there is no bit {bit} in row {row} of '{name}'"):
            circuit.flip(name, row, bit)
    plain = CompiledModel(case.verilog, case.toplevel)
    assert plain.state == {}
    with pytest.raises(ValueError, match="there is no bit"):
        plain.flip("slot", 0, 0)


@pytest.mark.extended
def test_protected_cases_are_their_model(vo2: Circuit) -> None:
    from neuristor.sim.benches.verify import verify

    for protection in ("parity", "secded"):
        verdict = verify(replace(lif_case(vo2, variant="broken devices"), protection=protection), "compiled")
        assert verdict.equal, verdict.reason
