"""Maximum cuts of graphs of the G-set with 800 vertices: the cuts of many seeds, and the clocks the circuit takes.

Run ``python -m benchmarks.max_cut``; a quick run takes G1 alone, with fewer seeds. The graphs are those of G. Rinaldi's
generator as C. Helmberg and F. Rendl used them (SIAM J. Optim. 10, 2000); the best known cuts are those of U. Benlic
and J.-K. Hao (Engineering Applications of Artificial Intelligence 26, 2013).

The peer is simulated annealing of single spins in NumPy, with as many sweeps as the network has periods, at most 1,000.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Benchmark, Peer, Row, Run
from neuristor.golden_model.networks.ising import Graph, max_cut
from neuristor.golden_model.networks.onn import solve
from neuristor.golden_model.networks.problem_files import read_graph

__all__ = ["BENCHMARK", "measure"]

FOLDER = Path(__file__).with_name("gset")
SEEDS, QUICK_SEEDS = 20, 10
SHARE = 0.99
"""Share of the best known cut that a seed should reach."""


class _Case(NamedTuple):
    """A graph, its best known cut, and how long and with how much noise it is solved."""

    name: str
    best: int
    periods: int
    noise: float
    last: float


CASES = (
    _Case("G1", 11_624, 1_000, 2.0, 0.0),
    _Case("G6", 2_178, 4_000, 2.0, 0.0),
    _Case("G11", 564, 40_000, 1.2, 1.0),
    _Case("G14", 3_064, 2_000, 2.0, 0.0),
)


def _annealed(graph: Graph, sweeps: int, seed: int) -> float:
    """The peer's cut: Metropolis, spins in order, temperature falling geometrically from 3 to 0.1."""
    matrix = graph.matrix
    rng = np.random.default_rng(seed)
    spins = rng.choice([-1.0, 1.0], len(matrix))
    field = matrix @ spins
    rows = [np.flatnonzero(row) for row in matrix]
    values = [matrix[n, row] for n, row in enumerate(rows)]
    best = float(graph.cut(spins))
    cut = best
    for temperature in np.geomspace(3.0, 0.1, sweeps):
        draws = -temperature * np.log(rng.random(len(spins)))
        for n in range(len(spins)):
            gain = spins[n] * field[n]
            if gain + draws[n] > 0:
                cut += gain
                spins[n] = -spins[n]
                field[rows[n]] += 2 * spins[n] * values[n]
        best = max(best, cut)
    return best


def measure(run: Run) -> Iterator[Row]:
    """Solve each graph with each seed.

    Parameters
    ----------
    run : Run
        A quick run takes the first graph, with fewer seeds.
    """
    seeds = QUICK_SEEDS if run.quick else SEEDS
    for case in CASES[: 1 if run.quick else None]:
        graph = read_graph(FOLDER / f"{case.name}.txt")
        weight = float(graph.weights.sum())
        run.note(f"{case.name}: {case.periods} periods, noise {case.noise} to {case.last}, seeds 0 to {seeds - 1}")
        start = time.perf_counter()
        cuts, reached = [], []
        # One call per seed: each figure can be reproduced alone.
        for seed in range(seeds):
            found = solve(
                max_cut(graph),
                trials=1,
                periods=case.periods,
                noise=case.noise,
                last=case.last,
                seed=seed,
                target=weight - 2 * np.ceil(SHARE * case.best),
            )
            cuts.append(float(graph.cut(found.spins)))
            reached.append(float(found.clocks_to_target[0]))
        seconds = time.perf_counter() - start
        run.note(f"  cuts: {' '.join(f'{cut:.0f}' for cut in cuts)} ({seconds:.0f} s)")
        sweeps = min(case.periods, 1_000)
        theirs = [_annealed(graph, sweeps, seed) for seed in range(3 if run.quick else 5)]
        name = f"{case.name}, best known {case.best}, {seeds} seeds"
        yield Row(
            name=f"{name}: median cut",
            value=float(np.median(cuts)),
            unit="edge weight",
            goal=float(np.ceil(SHARE * case.best)),
            peer=Peer(f"annealed, {sweeps} sweeps, median of {len(theirs)}", float(np.median(theirs))),
        )
        yield Row(name=f"{name}: smallest cut", value=min(cuts), unit="edge weight")
        yield Row(name=f"{name}: largest cut", value=max(cuts), unit="edge weight")
        within = _median(reached)
        if np.isfinite(within):
            yield Row(name=f"{name}: clocks to {SHARE:.0%}, median, at most", value=within, unit="clocks", less=True)
        share = sum(np.isfinite(reached)) / seeds
        yield Row(name=f"{name}: seeds that reach {SHARE:.0%}", value=100 * share, unit="%", goal=50.0)


def _median(values: list[float]) -> float:
    ordered: NDArray[np.float64] = np.sort(values)
    return float(ordered[len(ordered) // 2])


BENCHMARK = Benchmark(
    name="max_cut",
    title="maximum cuts of graphs with 800 vertices",
    quick=f"G1 alone, {QUICK_SEEDS} seeds instead of {SEEDS}",
    measure=measure,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
