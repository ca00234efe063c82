"""Arrays in which every edge has its own weight: circuit against bit-true model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuristor.boards.host import open_board
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.equations.neuron import EquationBitTrue, EquationParams, EquationReference
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.coupling import WEIGHT_BITS, Coupling, Kind, Topology
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue, RelaxationOscillatorParams
from neuristor.hdl.edges import Edges, check_walkers, coupling_term
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Record
from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.neighbours import Neighbours
from neuristor.hdl.neurons import neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.hdl.neurons.relaxation_oscillator import RelaxationOscillatorArray
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from neuristor.sim.engines.virtual_board import VirtualBoard
from tests.marks import the_rest_is_slow


def coupling(count: int, edges: int, kind: Kind = "resistive", seed: int = 1) -> Coupling:
    """Random edges with random values; some neurons may have none."""
    generator = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(count) for j in range(i)]
    chosen = [pairs[n] for n in sorted(generator.choice(len(pairs), edges, replace=False).tolist())]
    scale = {"resistive": 400e3, "capacitive": 0.4e-12}[kind]
    values = tuple((scale * generator.uniform(1, 5, edges)).tolist())
    return Coupling.of_edges(kind, count, chosen, values)


def oscillators(coupled: Coupling) -> RelaxationOscillatorParams:
    circuit = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)
    return RelaxationOscillatorParams(circuit=circuit, count=coupled.count, dt=80e-9, coupling=coupled, start="random")


def test_weights_are_rounded_to_their_grid_and_act_both_ways() -> None:
    made = coupling(7, 9)
    weights = made.weights
    assert weights.max() == 1
    assert (np.abs(np.ldexp(made.weights_raw, -WEIGHT_BITS) - weights) <= 2.0 ** -(WEIGHT_BITS + 1)).all()
    matrix = made.matrix()
    assert (matrix == matrix.T).all()
    for (i, j), value in zip(made.edges, made.values, strict=True):
        assert matrix[i, j] == pytest.approx(1 / value)
    u = np.random.default_rng(3).integers(-(2**16), 2**16, 7)
    wanted = [sum(w * (int(u[j]) - int(u[i])) for a, j, w in zip(*made.arcs, strict=True) if a == i) for i in range(7)]
    assert made.pull(u).tolist() == [(2 * int(each) + 2**WEIGHT_BITS) >> (WEIGHT_BITS + 1) for each in wanted]


def test_equal_weights_are_the_same_as_no_weights() -> None:
    pairs = tuple((i, (i + 3) % 10) for i in range(10))
    plain = Coupling(kind="resistive", value=1e5, topology="edges", count=10, edges=pairs)
    given = Coupling(kind="resistive", value=1e5, topology="edges", count=10, edges=pairs, values=(1e5,) * 10)
    u = np.random.default_rng(1).integers(-1000, 1000, 10)
    assert given.pull(u).tolist() == plain.pull(u).tolist()
    for each, kind in ((given, Neighbours), (coupling(10, 12), Edges)):
        made = coupling_term(each, 2, 17, "membrane")
        assert isinstance(made, kind)
        to_rtlil(made)


@pytest.mark.parametrize(
    ("count", "edges", "lanes", "kind", "walkers", "dense"),
    the_rest_is_slow(
        [
            (9, 14, 2, "resistive", None, False),
            (9, 14, 4, "capacitive", None, False),
            (3, 3, 1, "resistive", None, True),
            (9, 14, 2, "resistive", 4, False),
            (20, 190, 3, "resistive", 6, True),
            (20, 60, 3, "resistive", 12, False),
            (18, 153, 2, "capacitive", 16, True),
        ],
        [(9, 14, 2, "resistive", None, False), (20, 190, 3, "resistive", 6, True)],
        extended=[(9, 14, 4, "capacitive", None, False), (18, 153, 2, "capacitive", 16, True)],
    ),
)
def test_an_array_with_weighted_edges_is_the_model(
    count: int, edges: int, lanes: int, kind: Kind, walkers: int | None, dense: bool
) -> None:
    params = oscillators(coupling(count, edges, kind))
    drive = np.random.default_rng(2).integers(-3000, 3000, (200, count))
    case = Case(
        neuron=neuron("relaxation_oscillator"),
        params=params,
        lanes=lanes,
        edges_per_clock=walkers,
        drive_raw=drive,
    )
    array = case.array()
    to_rtlil(array)
    term = array.neighbours
    assert isinstance(term, Edges)
    assert term.dense == dense
    assert ("upper" in term.edge_shape.members) == (count >= 18 and dense)
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason


def from_equations(name: str, coupled: Coupling, dt: float | None = None) -> EquationParams:
    model = equation_neuron(shipped_model(name).model_dump_json()).model
    made: EquationParams = model.from_circuit(None, count=coupled.count, dt=dt or model.own_tick or 0.0)
    return replace(made, coupling=coupled)


PAIRS = ((0, 1), (1, 0), (4, 2), (3, 0), (2, 3), (0, 3))
VALUES = (1e-4, 0.75e-4, -0.25e-4, 0.5e-4, 0.25e-4, 0.125e-4)
EQUAL = Coupling(kind="weight", value=5e-5, topology="hexagonal", count=6, columns=3)
DIRECTED = Coupling(kind="weight", value=1e-4, topology="edges", count=5, edges=PAIRS, values=VALUES, directed=True)


@pytest.mark.parametrize(
    ("name", "coupled", "interval", "lanes"),
    [
        pytest.param("vo2_switch", EQUAL, 2, 2, marks=pytest.mark.extended),
        pytest.param("vo2_switch", DIRECTED, 3, 2, marks=pytest.mark.extended),
        pytest.param("thermal_vo2", DIRECTED, 3, 2, marks=pytest.mark.slow),
        pytest.param("thermal_vo2", EQUAL, 1, 3, marks=pytest.mark.slow),
    ],
)
def test_an_array_from_equations_with_neighbours_is_the_model(
    name: str, coupled: Coupling, interval: int, lanes: int
) -> None:
    params = from_equations(name, coupled)
    drive = np.random.default_rng(2).integers(-3000, 3000, (60, params.count))
    neuron = equation_neuron(params.text)
    case = Case(neuron=neuron, params=params, lanes=lanes, interval=interval, drive_raw=drive)
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason


def random_neighbours(rng: np.random.Generator, count: int, kind: Kind, value: float) -> Coupling:
    """A lattice, or random edges with values of their own."""
    columns = [n for n in range(2, count) if count % n == 0 and count // n >= 2]
    kinds: list[Topology] = ["all_to_all", "chain", *(["ring"] if count > 2 else []), *(["edges"] * 3)]
    kinds += ["grid", "hexagonal"] if columns else []
    topology = kinds[int(rng.integers(len(kinds)))]
    if topology != "edges":
        most = (count - 1) // 2 if topology == "ring" else count - 1
        reach = int(rng.integers(1, min(3, most) + 1)) if topology in ("ring", "chain") else 1
        place = {"columns": int(rng.choice(columns))} if topology in ("grid", "hexagonal") else {}
        return Coupling(kind=kind, value=value, topology=topology, count=count, reach=reach, **place)
    directed = kind == "weight" and bool(rng.random() < 0.5)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j and (directed or i < j)]
    chosen = rng.permutation(len(pairs))[: int(rng.integers(1, len(pairs) + 1))]
    edges = tuple(pairs[n] for n in chosen.tolist())
    factors = rng.uniform(1, 8, len(edges))
    if kind == "weight":
        factors = rng.choice([-1, 1], len(edges)) / factors
    values = tuple((value * (1 / factors if kind == "capacitive" else factors)).tolist())
    return Coupling.of_edges(kind, count, edges, values, directed=directed)


def random_network(seed: int) -> Case:
    """A random model, graph, spread, number of lanes and of edges a clock, and input."""
    rng = np.random.default_rng(seed)
    while True:
        count, name = int(rng.integers(2, 22)), str(rng.choice(["oscillators", "vo2_switch", "mott_vo2"]))
        # Many lanes of a model from equations take long to compile.
        lanes = int(rng.integers(1, (count if name == "oscillators" else min(count, 3)) + 1))
        rows, interval = -(-count // lanes), 1
        walkers = lanes << int(rng.integers(rows.bit_length())) if rng.random() < 0.5 else None
        ohm = float(10 ** rng.uniform(4, 6.5))
        try:
            if name == "oscillators":
                kind: Kind = "resistive" if rng.random() < 0.5 else "capacitive"
                coupled = random_neighbours(rng, count, kind, ohm if kind == "resistive" else 4e-8 / ohm)
                params: Any = oscillators(coupled)
                made = neuron("relaxation_oscillator")
            else:
                interval = int(rng.integers(1, 4))
                kind = "resistive" if rng.random() < 0.5 else "weight"
                coupled = random_neighbours(rng, count, kind, ohm if kind == "resistive" else 1 / ohm)
                params = from_equations(name, coupled)
                if name == "vo2_switch" and rng.random() < 0.5:
                    params = params.measured({"capacitance": 1e-10 * rng.uniform(0.9, 1.1, count)})
                made = equation_neuron(params.text)
            if walkers is not None:
                check_walkers(coupled, lanes, walkers)
        except ValueError:
            continue
        span = params.drive.max_raw // 4
        drive = np.repeat(rng.integers(-span, span, (15, count)), 10, axis=0)
        return Case(
            neuron=made, params=params, lanes=lanes, interval=interval, edges_per_clock=walkers, drive_raw=drive
        )


@pytest.mark.parametrize(
    ("first", "engine"),
    [
        pytest.param(0, "compiled", marks=pytest.mark.extended),
        *(pytest.param(first, "compiled", marks=pytest.mark.slow) for first in range(4, 80, 4)),
        *(pytest.param(first, "verilator", marks=pytest.mark.slow) for first in range(0, 12, 4)),
        *(pytest.param(first, "icarus", marks=pytest.mark.slow) for first in range(0, 12, 4)),
    ],
)
def test_random_networks_are_their_models(first: int, engine: Any) -> None:
    if not available(engine):
        pytest.skip(f"{engine} is not installed")
    for seed in range(first, first + 4):
        verdict = verify(random_network(seed), engine)
        assert verdict.equal, f"seed {seed}: {verdict.reason}"


@pytest.mark.extended
def test_random_networks_are_varied() -> None:
    cases: list[Any] = [random_network(seed) for seed in range(60)]
    couplings: list[Coupling] = [case.params.coupling for case in cases]
    assert {each.topology for each in couplings} == {"all_to_all", "chain", "ring", "edges", "grid", "hexagonal"}
    assert {each.kind for each in couplings} == {"resistive", "capacitive", "weight"}
    assert sum(each.directed for each in couplings) >= 3
    assert sum(each.reach > 1 for each in couplings) >= 3
    assert sum(case.edges_per_clock is not None for case in cases) >= 5
    assert sum(case.interval > 1 for case in cases) >= 10
    assert {case.neuron.name for case in cases} == {"relaxation_oscillator", "vo2_switch", "mott_vo2"}


def test_the_compiled_model_of_neighbours_has_the_same_bits() -> None:
    if not kernel.available():
        pytest.skip("numba is not installed")
    for coupled in (EQUAL, DIRECTED):
        params = from_equations("vo2_switch", coupled)
        drive = np.random.default_rng(2).integers(-3000, 3000, (200, params.count))
        plain, fast = EquationBitTrue(params), EquationBitTrue(params)
        wanted, found = plain.run(drive), kernel.run(fast, drive, keep=True)
        for field, column in wanted.items():
            np.testing.assert_array_equal(found[field], column, err_msg=field)


def spike_times(params: EquationParams, ticks: int) -> list[list[float]]:
    """By the formulas of a tick, in floating point."""
    state, drive = params.float_tick.start(params.count), np.zeros(params.count)
    made: list[list[float]] = [[] for _ in range(params.count)]
    for tick in range(ticks):
        state, spike = params.float_tick.step(state, drive, *params.pulls(state))
        for n in np.flatnonzero(spike):
            made[n].append((tick + 1 - float(state["lag"][n])) * params.dt)
    return made


def test_coupled_devices_on_ticks_follow_continuous_time() -> None:
    """Three unequal neighbours: SciPy with every event located, formulas of a tick, and integers.

    What neighbours give is that of the tick before, so the method is of first order: its error is what half the tick
    changes, twice.
    """
    coupled = Coupling(kind="resistive", value=400e3, topology="chain", count=3)
    devices = {"v_th": np.array([1.98, 1.99, 2.0]), "capacitance": np.array([1.0, 1.05, 0.95]) * 1e-10}
    params = from_equations("vo2_switch", coupled, 10e-9).measured(devices)
    finer = from_equations("vo2_switch", coupled, 5e-9).measured(devices)
    _, exact = EquationReference(params).run(np.zeros((3000, 3)))
    on_ticks = spike_times(params, 3000)
    for times, found, half in zip(exact, on_ticks, spike_times(finer, 6000), strict=True):
        assert len(found) == len(half) == len(times) >= 6
        first_order = 2 * np.abs(np.subtract(found, half))
        assert (np.abs(np.subtract(found, times)) <= 1.2 * first_order + params.dt / 256).all()
    trace = EquationBitTrue(params).run(np.zeros((3000, 3), dtype=np.int64))
    lag = np.ldexp(trace["lag"].astype(float), -8)
    for n, times in enumerate(on_ticks):
        ticks = np.flatnonzero(trace["spike"][:, n])
        # As measured: words of 24 bits and factors of 18 make a period of 4 us shorter by up to 4 ns.
        np.testing.assert_allclose((ticks + 1 - lag[ticks, n]) * params.dt, times, rtol=1e-3)


@pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")
@pytest.mark.parametrize(
    "edges", [pytest.param(9, marks=pytest.mark.extended), pytest.param(21, marks=pytest.mark.slow)]
)
def test_other_edges_are_loaded_into_the_same_circuit(edges: int) -> None:
    built = coupling(7, edges)
    weaker = tuple(2 * value for value in built.values)
    other = replace(built, values=weaker[::-1])
    assert other.pull(np.arange(7)).tolist() != built.pull(np.arange(7)).tolist()
    cores = [
        ArrayCore(RelaxationOscillatorArray(oscillators(each), 2, loadable=True), "relaxation_oscillator")
        for each in (built, other)
    ]
    drive = np.random.default_rng(5).integers(-2000, 2000, (20, 7))
    with VirtualBoard(SerialCore(cores[0], 4)) as virtual, open_board(cores[0], virtual.port) as board:
        for core, params in zip(cores, (oscillators(built), oscillators(other)), strict=True):
            board.load(core)
            recording = board.run(drive, 10, Record.SPIKES | Record.LAST_STATE)
            model = RelaxationOscillatorBitTrue(params)
            wanted = model.run(np.repeat(drive, 10, axis=0))
            np.testing.assert_array_equal(recording.raster(0, 200), wanted["spike"])
            ticks, state = board.trace(recording)
            for name, values in state.items():
                np.testing.assert_array_equal(values, wanted[name][ticks], err_msg=name)
    for core in cores:
        core.describe_only()
