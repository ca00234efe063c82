"""Inputs for which words differ that nearly always are equal, found by following differences.

A bit that is rounded away reaches the end of a long calculation once in a hundred million random runs, and a solver
that has to look into every product gives no answer. But in one of some thousand runs the difference gets as far as the
first rounding. Those runs are kept and changed a little, until in one of them it gets as far as the second.

The method is that of M. Zalewski's fuzzer AFL (2013), with words that differ in place of branches that are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.sim.netlists.words import Graph

__all__ = ["Field", "told_apart"]

RUNS = 4096
"""Tried at once."""
KEPT = 16
"""Runs that are kept for each pair of words."""
AHEAD = 8
"""Pairs, of those that differ least often, whose runs are changed."""


class Field(NamedTuple):
    """Some bits of an input that are a number of their own.

    Attributes
    ----------
    name : str
        Of the input.
    low, width : int
        Which bits; at most 64.
    values : tuple of int
        What it may be, without sign and of any width; anything, if there are none. What is drawn is which of them.
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
    """Inputs for which one of some pairs of words differs.

    Parameters
    ----------
    graph : Graph
    pairs : sequence of (int, int)
        Nodes, of equal width each.
    fields : sequence of Field
        Of all inputs that they depend on; others are 0.
    assumed : sequence of int
        Bits that must be set.
    rounds : int
        How often `RUNS` runs are tried.
    seed : int

    Returns
    -------
    list of dict of str to int
        By name of the input; none if no difference was found.
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
    """Pairs, and those of the words they are made of in the same way."""
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
            # Arguments of sums and products are in the order of their numbers.
            turned = len(a.args) == 2 and (a.args[0] == b.args[1] or a.args[1] == b.args[0])
            waiting += zip(a.args, b.args[::-1] if turned else b.args, strict=True)
    return list(found)


def _fresh(fields: Sequence[Field], random: np.random.Generator) -> NDArray[np.uint64]:
    """Numbers of all magnitudes, shape (RUNS, fields)."""
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
    """Runs with some numbers drawn again, some a little more or less, some with a bit flipped."""
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
    """The inputs that the fields are bits of."""
    inputs: dict[str, NDArray[Any]] = {}
    for at, field in enumerate(fields):
        part: NDArray[Any] = runs[:, at].astype(object)
        if field.values:
            part = np.array(field.values, dtype=object)[runs[:, at]]
        part = np.left_shift(part, field.low)
        inputs[field.name] = inputs[field.name] | part if field.name in inputs else part
    return inputs


def _mask(width: int) -> np.uint64:
    return np.uint64((1 << width) - 1)
