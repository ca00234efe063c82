"""Guided search for inputs for which two almost always equal words differ.

A fault in a bit that is rounded away may change the result of a long calculation in one of 1e8 random runs only, and a
solver that must reason about every product gives no answer. But in one of some thousand runs, the difference reaches
the first rounding. Such runs are kept and changed slightly, until the difference reaches the second rounding, and so
on.

The method is that of M. Zalewski's fuzzer AFL (2013), with differing words in place of executed branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.sim.netlists.graph import Graph

__all__ = ["Field", "told_apart"]

RUNS = 4096
"""Runs (sets of inputs) in one round, computed together."""
KEPT = 16
"""Runs kept for each pair of words."""
AHEAD = 8
"""Number of pairs whose runs are mutated: those that differ least often."""


class Field(NamedTuple):
    """Some bits of an input that are drawn as one number.

    Parameters
    ----------
    name : str
        Name of the input.
    low, width : int
        Lowest bit and number of bits, at most 64.
    values : tuple of int
        Allowed values, unsigned and of any width; one of them is drawn. If empty, all values are allowed.
    """

    name: str
    low: int
    width: int = 64
    values: tuple[int, ...] = ()


def told_apart(
    graph: Graph,
    pairs: Sequence[tuple[int, int]],
    fields: Sequence[Field],
    assumed: Sequence[int] = (),
    rounds: int = 1000,
    seed: int = 1,
) -> list[dict[str, int]]:
    """Search for inputs for which the words of a pair differ.

    Parameters
    ----------
    graph : Graph
        The graph.
    pairs : sequence of (int, int)
        Nodes to compare, of equal width.
    fields : sequence of Field
        The inputs to draw; bits in no field are 0.
    assumed : sequence of int
        Nodes of one bit that must be 1.
    rounds : int
        Largest number of rounds of `RUNS` runs each.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    list of dict of str to int
        Values of the inputs, by name, for up to `KEPT` runs with a difference; empty if none was found.
    """
    random = np.random.default_rng(seed)
    inner = _alongside(graph, pairs)
    ends = [inner.index(pair) for pair in pairs if pair[0] != pair[1]]
    every = sorted({number for pair in inner for number in pair} | set(assumed))
    often = np.zeros(len(inner), dtype=np.int64)
    kept: list[list[NDArray[np.uint64]]] = [[] for _ in inner]
    for _ in range(rounds):
        runs = _fresh(fields, random)
        ahead = [each for each in np.argsort(often, kind="stable") if kept[each]][:AHEAD]
        if ahead:
            parents = [kept[each][random.integers(len(kept[each]))] for each in random.choice(ahead, RUNS * 3 // 4)]
            runs[: len(parents)] = _changed(fields, np.array(parents), random)
        inputs = _inputs(fields, runs)
        values = graph.compute_many(inputs, every)
        allowed = np.ones(RUNS, dtype=bool)
        for bit in assumed:
            allowed &= values[bit] != 0
        for each, (one, other) in enumerate(inner):
            found = np.flatnonzero(allowed & (values[one] != values[other]))
            often[each] += len(found)
            if each in ends and len(found):
                return [{name: int(column[run]) for name, column in inputs.items()} for run in found[:KEPT]]
            if len(found):
                some = random.choice(found, min(len(found), 4), replace=False)
                kept[each] = [*kept[each], *(runs[run].copy() for run in some)][-KEPT:]
    return []


def _alongside(graph: Graph, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs, and the pairs of corresponding words that they are computed from."""
    found: dict[tuple[int, int], None] = {}
    waiting = list(pairs)
    while waiting:
        one, other = waiting.pop()
        if one == other or (one, other) in found:
            continue
        if graph.width(one) == graph.width(other):
            found[one, other] = None
        a, b = graph.nodes[one], graph.nodes[other]
        if a.op == b.op and len(a.args) == len(b.args):
            # Commutative operations sort their arguments, so corresponding ones may be exchanged.
            turned = len(a.args) == 2 and (a.args[0] == b.args[1] or a.args[1] == b.args[0])
            waiting += zip(a.args, b.args[::-1] if turned else b.args, strict=True)
    return list(found)


def _fresh(fields: Sequence[Field], random: np.random.Generator) -> NDArray[np.uint64]:
    """Draw numbers of all magnitudes, shape (RUNS, fields)."""
    runs = np.empty((RUNS, len(fields)), dtype=np.uint64)
    for at, field in enumerate(fields):
        if field.values:
            runs[:, at] = random.integers(len(field.values), size=RUNS)
            continue
        drawn = random.integers(0, 1 << 64, RUNS, dtype=np.uint64)
        small = (drawn >> random.integers(0, 64, RUNS, dtype=np.uint64)) * (random.random(RUNS) < 0.25)
        signed = np.where(random.random(RUNS) < 0.5, small, ~small)
        runs[:, at] = np.where(small != 0, signed, drawn) & _mask(field.width)
    return runs


def _changed(fields: Sequence[Field], runs: NDArray[np.uint64], random: np.random.Generator) -> NDArray[np.uint64]:
    """Mutate runs: draw some numbers again, add or subtract a power of two, or invert a bit."""
    fresh = _fresh(fields, random)[: len(runs)]
    how = random.integers(0, 8, runs.shape)
    for at, field in enumerate(fields):
        column, bit = runs[:, at], np.uint64(1) << random.integers(0, field.width, len(runs), dtype=np.uint64)
        ways = [fresh[:, at], column] if field.values else [fresh[:, at], column + bit, column - bit, column ^ bit]
        for number, way in enumerate(ways):
            column = np.where(how[:, at] == number, way & _mask(field.width), column)
        runs[:, at] = column
    return runs


def _inputs(fields: Sequence[Field], runs: NDArray[np.uint64]) -> dict[str, NDArray[Any]]:
    """Assemble the inputs from their fields."""
    inputs: dict[str, NDArray[Any]] = {}
    for at, field in enumerate(fields):
        part: NDArray[Any] = runs[:, at].astype(object)
        if field.values:
            part = np.array(field.values, dtype=object)[runs[:, at]]
        part = np.left_shift(part, field.low)
        inputs[field.name] = inputs[field.name] | part if field.name in inputs else part
    return inputs


def _mask(width: int) -> np.uint64:
    """Mask of the lowest bits."""
    return np.uint64((1 << width) - 1)
