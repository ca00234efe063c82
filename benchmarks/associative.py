"""Associative memory: how well letters and random patterns are recalled, by rule, noise, load and weight bits.

Run ``python -m benchmarks.associative``; ``--out FOLDER`` also draws two pictures. A quick run leaves out the larger
letters and the higher loads. There is no peer: the learning rules are compared with each other.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.harness import Benchmark, Row, Run
from neuristor.golden_model.networks.associative import LETTERS, RULES, Recall, capacity, letters, quantized, recall
from neuristor.golden_model.networks.onn import OnnParams

__all__ = ["BENCHMARK", "Retrieved", "capacities", "measure", "retrievals"]

NOISES = (0.0, 0.1, 0.25, 0.5)
"""Shares of the pixels that are wrong."""
BITS = 5
"""Word length of a weight."""
COUNT = 100
"""Oscillators of the capacity curves."""
LOADS = (2, 5, 8, 11, 14, 17, 20, 25, 30, 40, 50, 60, 70)
"""Numbers of random patterns."""
QUICK_LETTERS, QUICK_LOADS = LETTERS[:3], (5, 11, 17, 20)
STYLE: dict[Any, Any] = {"svg.hashsalt": "neuristor", "axes.spines.top": False, "axes.spines.right": False}


class Retrieved(NamedTuple):
    """How well a set of letters is recalled after learning by a rule.

    Parameters
    ----------
    size : str
        Rows by columns of a letter, one of `LETTERS`.
    rule : str
        Learning rule, one of `RULES`.
    recalls : list of Recall
        One for each of `NOISES`.
    """

    size: str
    rule: str
    recalls: list[Recall]


def retrievals(sizes: tuple[str, ...], tries: int) -> Iterator[Retrieved]:
    """Recall each set of letters after learning by each rule.

    Parameters
    ----------
    sizes : tuple of str
        Sets of letters, of `LETTERS`.
    tries : int
        Number of tries for each letter.
    """
    for size in sizes:
        pixels = letters(size).pixels
        for rule, learn in RULES.items():
            params = OnnParams(weights=quantized(learn(pixels), BITS), weight_bits=BITS)
            yield Retrieved(size, rule, [recall(params, pixels, noise, tries) for noise in NOISES])


def capacities(loads: tuple[int, ...], sets: int) -> Iterator[tuple[str, int, list[float]]]:
    """Recall random patterns after learning by each rule with 5-bit weights, then by one rule with other weights.

    Parameters
    ----------
    loads : tuple of int
        Numbers of patterns.
    sets : int
        Number of sets of patterns for each load.

    Yields
    ------
    str
        Learning rule.
    int
        Word length of a weight.
    list of float
        Share recalled for each load.
    """
    for rule, bits in [*((rule, BITS) for rule in RULES), *(("diederich_opper", bits) for bits in (2, 3, 8))]:
        yield rule, bits, list(capacity(COUNT, loads, rule, bits, sets=sets))


def _retrieval_picture(found: list[Retrieved]) -> Figure:
    sizes = list(dict.fromkeys(each.size for each in found))
    figure = Figure(figsize=(2.4 * len(sizes), 2.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(sizes), sharey=True))
    for panel, size in zip(panels, sizes, strict=True):
        for each in found:
            if each.size == size:
                share = [100 * one.correct for one in each.recalls]
                panel.plot([100 * noise for noise in NOISES], share, ".-", label=each.rule.replace("_", " "))
        panel.set(title=size, xlabel="wrong pixels (%)", ylim=(-3, 103))
    panels[0].set_ylabel("recalled (%)")
    panels[-1].legend(fontsize=7)
    return figure


def _capacity_picture(found: list[tuple[str, int, list[float]]], loads: tuple[int, ...]) -> Figure:
    figure = Figure(figsize=(8, 3), layout="constrained")
    rules, widths = figure.subplots(1, 2, sharey=True)
    for rule, bits, shares in found:
        percent = [100 * share for share in shares]
        load = [each / COUNT for each in loads]
        if bits == BITS:
            rules.plot(load, percent, ".-", label=rule.replace("_", " "))
        if rule == "diederich_opper":
            widths.plot(load, percent, ".-", label=f"{bits}-bit weights")
    rules.set(title=f"{COUNT} oscillators, {BITS}-bit weights", ylabel="recalled (%), 10 % of the pixels wrong")
    widths.set(title="diederich opper")
    for panel in (rules, widths):
        panel.set(xlabel="patterns per oscillator", ylim=(-3, 103))
        panel.legend(fontsize=7)
    return figure


def measure(run: Run) -> Iterator[Row]:
    """Recall letters, then random patterns.

    Parameters
    ----------
    run : Run
        Its option `out` is a folder for pictures, or None. A quick run takes small letters, few patterns and few tries.
    """
    sizes, tries = (QUICK_LETTERS, 20) if run.quick else (LETTERS, 100)
    found = []
    for each in retrievals(sizes, tries):
        found.append(each)
        for noise, one in zip(NOISES, each.recalls, strict=True):
            name = f"letters {each.size}, {each.rule}, {noise:.0%} of the pixels wrong, {tries} tries"
            yield Row(name=f"{name}: recalled", value=100 * one.correct, unit="%")
            yield Row(name=f"{name}: until settled", value=one.periods, unit="periods", less=True)
    loads, sets = (QUICK_LOADS, 1) if run.quick else (LOADS, 5)
    curves = []
    for rule, bits, shares in capacities(loads, sets):
        curves.append((rule, bits, shares))
        for load, share in zip(loads, shares, strict=True):
            name = f"{load} random patterns of {COUNT} pixels, {rule}, {bits}-bit weights, 10% of the pixels wrong"
            yield Row(name=f"{name}, {sets} sets: recalled", value=100 * share, unit="%")
    if run.options.out is not None:
        _draw(run, found, curves, loads)


def _draw(run: Run, found: list[Retrieved], curves: list[tuple[str, int, list[float]]], loads: tuple[int, ...]) -> None:
    folder = run.options.out
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for stem, figure in (("recall", _retrieval_picture(found)), ("capacity", _capacity_picture(curves, loads))):
            buffer = io.BytesIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            (folder / f"{stem}.svg").write_bytes(buffer.getvalue())
            run.note(str(folder / f"{stem}.svg"))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="folder in which pictures are drawn; by default none are drawn")


BENCHMARK = Benchmark(
    name="associative",
    title="associative memory: recall of letters and random patterns",
    quick="small letters, few random patterns, few tries",
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
