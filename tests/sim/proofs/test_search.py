"""Differences that are rounded away twice are found; where there is none, none is."""

from __future__ import annotations

import pytest

from neuristor.sim.netlists.words import Graph
from neuristor.sim.proofs.search import Field, told_apart
from tests.marks import the_rest_is_extended

WIDTHS = {"x": 20, "y": 20, "z": 16, "least": 4}


def rounded(graph: Graph, added: int) -> int:
    """x * y + `added`, of which the highest 16 bits are multiplied by z, of which the highest bits are given."""
    x, y, z = (graph.extended(graph.input(name, WIDTHS[name]), 40, False) for name in "xyz")
    first = graph.slice(graph.op("add", 40, graph.op("mul", 40, x, y), graph.const(added, 40)), 24, 16)
    return graph.slice(graph.op("mul", 40, graph.extended(first, 40, False), z), 26, 6)


def fields(**values: tuple[int, ...]) -> list[Field]:
    return [Field(name, 0, width, values.get(name, ())) for name, width in WIDTHS.items()]


@pytest.mark.parametrize("seed", the_rest_is_extended(range(3), [0]))
def test_a_difference_that_is_rounded_away_twice_is_found(seed: int) -> None:
    # The first rounding lets it pass in one of some 2^18 runs, the second one in one of 2^11 of those.
    graph = Graph()
    one, other = rounded(graph, 0), rounded(graph, 64)
    found = told_apart(graph, [(one, other)], fields(), seed=seed)
    assert found
    for inputs in found:
        values = graph.compute(inputs, [one, other])
        assert values[one] != values[other]
    assert told_apart(graph, [(one, other)], fields(), seed=seed) == found


def test_only_what_may_be_is_tried() -> None:
    graph = Graph()
    one, least = graph.input("x", 20), graph.input("least", 4)
    other = graph.op("add", 20, one, graph.extended(graph.slice(least, 3, 1), 20, False))
    small = graph.op("ult", 1, least, graph.const(8, 4))
    assert told_apart(graph, [(one, other)], fields(), rounds=1)
    for inputs in told_apart(graph, [(one, other)], fields(least=(3, 9, 12)), rounds=1):
        assert inputs["least"] in (9, 12)
    assert not told_apart(graph, [(one, other)], fields(), [small], rounds=5)
    assert not told_apart(graph, [(one, other)], fields(least=(1, 7)), rounds=5)
    assert not told_apart(graph, [(one, one)], fields(), rounds=1)
