"""Associative memory: how well letters and random patterns are recalled, by rule, noise, load and weight bits.

Run ``python -m benchmarks.associative --out FOLDER``: tables, and two pictures in the folder. ``--quick`` leaves the
larger letters out. No peer: the rules are compared with each other.
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
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.harness import environment
from neuristor.golden_model.networks.associative import LETTERS, RULES, Recall, capacity, letters, quantized, recall
from neuristor.golden_model.networks.onn import OnnParams

__all__ = ["Retrieved", "capacities", "main", "retrievals"]

NOISES = (0.0, 0.1, 0.25, 0.5)
BITS = 5
COUNT = 100
"""Oscillators of the capacity curves."""
LOADS = (2, 5, 8, 11, 14, 17, 20, 25, 30, 40, 50, 60, 70)
STYLE: dict[Any, Any] = {"svg.hashsalt": "neuristor", "axes.spines.top": False, "axes.spines.right": False}


class Retrieved(NamedTuple):
    """A set of letters, a rule, and how well the letters are recalled for each noise."""

    size: str
    rule: str
    recalls: list[Recall]


def retrievals(sizes: tuple[str, ...], tries: int) -> Iterator[Retrieved]:
    """Each rule on each set of letters."""
    for size in sizes:
        pixels = letters(size).pixels
        for rule, learn in RULES.items():
            params = OnnParams(weights=quantized(learn(pixels), BITS), weight_bits=BITS)
            yield Retrieved(size, rule, [recall(params, pixels, noise, tries) for noise in NOISES])


def capacities(loads: tuple[int, ...], sets: int) -> Iterator[tuple[str, int, list[float]]]:
    """Each rule with 5-bit weights, then one rule with other weights: rule, bits, share recalled for each load."""
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
        panel.set(xlabel="patterns an oscillator", ylim=(-3, 103))
        panel.legend(fontsize=7)
    return figure


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/associative"), help="folder of the pictures")
    parser.add_argument("--quick", action="store_true", help="small letters, few tries")
    given = parser.parse_args()
    console = Console(width=120, highlight=False)
    for name, value in environment().items():
        console.print(f"{name:>10}  {value}", markup=False)
    sizes, tries = (LETTERS[:3], 20) if given.quick else (LETTERS, 100)
    found = list(track(retrievals(sizes, tries), "letters", len(sizes) * len(RULES), console=console))
    columns = [f"{noise:.0%}" for noise in NOISES]
    table = Table("letters", "rule", *columns, *columns, title=f"recalled (%), then periods to settle; {tries} tries")
    for each in found:
        shares = [f"{100 * one.correct:.1f}" for one in each.recalls]
        table.add_row(each.size, each.rule, *shares, *(f"{one.periods:.2f}" for one in each.recalls))
    console.print(table)
    loads, sets = (LOADS[::3], 2) if given.quick else (LOADS, 5)
    curves = list(track(capacities(loads, sets), "capacity", len(RULES) + 3, console=console))
    table = Table("rule", "bits", *map(str, loads), title=f"random patterns of {COUNT} pixels: recalled (%)")
    for rule, bits, shares_of in curves:
        table.add_row(rule, str(bits), *(f"{100 * share:.0f}" for share in shares_of))
    console.print(table)
    given.out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for stem, figure in (("recall", _retrieval_picture(found)), ("capacity", _capacity_picture(curves, loads))):
            buffer = io.BytesIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            (given.out / f"{stem}.svg").write_bytes(buffer.getvalue())
            console.print(given.out / f"{stem}.svg")


if __name__ == "__main__":
    main()
