"""Ising problems: what is read from files, and that their energies count what they should."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.ising import Graph, GraphError, Ising, colouring, max_cut, partition
from neuristor.golden_model.networks.onn import solve


def ring(count: int) -> Graph:
    edges = np.array([(n, (n + 1) % count) for n in range(count)])
    return Graph(tuple(range(count)), edges, np.arange(1.0, count + 1))


def all_spins(count: int) -> np.ndarray:
    return np.array(list(itertools.product([-1, 1], repeat=count)))


@pytest.mark.parametrize(
    ("edges", "weights", "message"),
    [
        ([[0, 1], [1, 1]], [1, 1], "edge 1 leads from a vertex to itself"),
        ([[0, 1], [1, 3]], [1, 1], "edge 1 must be between vertices 0 to 2"),
        ([[0, 1], [-1, 1]], [1, 1], "edge 1 must be between vertices 0 to 2"),
        ([[0, 1], [1, 2], [1, 0]], [1, 1, 1], "edge 2 occurs twice"),
        ([[0, 1]], [float("nan")], "edge 0 must have a finite weight"),
        ([[0, 1]], [1e200], "edge 0 must have a finite weight of at most 1e\\+150"),
        ([[0, 1]], [1, 2], "weights must have one element per edge"),
    ],
)
def test_wrong_graphs_are_refused(edges: list[list[int]], weights: list[float], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph(("a", "b", "c"), np.array(edges), np.array(weights, dtype=float))


def test_qubo_energy_is_that_of_its_bits() -> None:
    matrix = np.random.default_rng(3).normal(size=(4, 4))
    spins = all_spins(4)
    bits = (spins + 1) / 2
    ising = Ising.from_qubo(matrix, 0.5, tuple("abcd"))
    assert np.allclose(ising.energy(spins), ((bits @ matrix) * bits).sum(axis=1) + 0.5)
    assert ising.variables == ("a", "b", "c", "d")


def test_cut_and_energy_agree_for_all_spins() -> None:
    graph, spins = ring(5), all_spins(5)
    assert (max_cut(graph).energy(spins) == graph.weights.sum() - 2 * graph.cut(spins)).all()


def test_partition_energy_is_the_square_of_the_difference() -> None:
    numbers, spins = np.array([3.0, 1.0, 4.0, 1.5]), all_spins(4)
    assert np.allclose(partition(numbers).energy(spins), (spins @ numbers) ** 2)


def test_colouring_energy_counts_what_is_wrong() -> None:
    graph, spins = ring(3), all_spins(9)
    bits = (spins.reshape(-1, 3, 3) + 1) // 2
    wrong = ((1 - bits.sum(axis=2)) ** 2).sum(axis=1)
    wrong = wrong + sum((bits[:, a] * bits[:, b]).sum(axis=1) for a, b in graph.edges.tolist())
    assert np.allclose(colouring(graph, 3).energy(spins), wrong)


def test_small_problems_are_solved() -> None:
    for ising in (max_cut(ring(7)), partition([5, 4, 3, 2, 6]), colouring(ring(4), 2)):
        found = solve(ising, trials=20, periods=300, weight_bits=8, seed=2)
        assert found.energy == pytest.approx(ising.energy(all_spins(len(ising.fields))).min())
        assert ising.energy(found.spins) == pytest.approx(found.energy)


def test_same_seed_same_solution() -> None:
    one, two, other = (solve(max_cut(ring(30)), trials=3, periods=20, seed=seed) for seed in (1, 1, 2))
    assert (one.energies == two.energies).all()
    assert (one.spins == two.spins).all()
    assert (one.clocks != other.clocks).any()


def test_models_of_other_libraries_go_in_and_out() -> None:
    dimod, networkx = pytest.importorskip("dimod"), pytest.importorskip("networkx")
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0}, {("a", "b"): 3.0}, 0.5, "BINARY")
    ising = Ising.from_bqm(bqm)
    for a, b in itertools.product([0, 1], repeat=2):
        assert ising.energy([2 * a - 1, 2 * b - 1]) == pytest.approx(bqm.energy({"a": a, "b": b}))
    assert ising.to_bqm() == dimod.as_bqm(bqm).change_vartype("SPIN", inplace=False)
    assert solve(bqm, trials=5, periods=50).sample == {"a": -1, "b": 1}
    graph = Graph.from_networkx(networkx.petersen_graph())
    assert (len(graph.vertices), len(graph.edges)) == (10, 15)


def test_solve_tells_its_progress() -> None:
    told: list[tuple[float, float]] = []
    graph = Graph(tuple("abc"), np.array([[0, 1], [1, 2], [2, 0]]), np.ones(3))
    found = solve(max_cut(graph), trials=2, periods=10, progress=lambda done, best: told.append((done, best)))
    assert [done for done, _ in told] == [n / 10 for n in range(1, 11)]
    assert told[-1][1] == found.energy == -1.0
    assert found.history.shape == (10, 2)
    assert found.history.min() >= found.energy


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"problem": "abc"}, TypeError, "problem must be an Ising or a binary quadratic model of dimod, not str"),
        ({"noise": float("nan")}, ValueError, "noise"),
        ({"last": -1.0}, ValueError, "last"),
        ({"periods": 0}, ValueError, "periods"),
    ],
)
def test_solve_refuses_what_it_cannot(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {"problem": partition([1, 2, 3])} | wrong
    with pytest.raises(error, match=message):
        solve(given.pop("problem"), **given)
