"""The time step for which the numbers of a NIR graph were written, where they tell it.

Tools without SI units write the input of a tick as it is: ``r = tau / dt`` for neurons that leak (snnTorch, with
``dt = 1e-4``), ``r = 1`` for those that do not (sinabs, Norse: a tick is 1). With another `dt` the input is scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuristor.golden_model.networks.nir_graph.nodes import NEURONS, kind_of

__all__ = ["hints"]

ALIKE = 1e-4
"""Relative difference up to which numbers in float32 are the same."""


def _same(value: Any, other: Any) -> bool:
    return bool(np.allclose(value, other, rtol=ALIKE, atol=0))


def _written_with(node: Any) -> float | None:
    """The time step with which an input of 1 adds 1 in a tick; None where neurons differ."""
    tau = getattr(node, "tau", getattr(node, "tau_mem", 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.ravel(np.asarray(tau, dtype=np.float64) / np.asarray(node.r, dtype=np.float64))
        synaptic = np.ravel(getattr(node, "tau_syn", found)) / np.ravel(getattr(node, "w_in", 1.0))
    first = float(found[0]) if found.size else 0.0
    if not (np.isfinite(first) and first > 0 and _same(found, first)):
        return None
    if hasattr(node, "tau_syn") and not _same(getattr(node, "w_in", 1.0), 1.0) and not _same(synaptic, first):
        return None
    return first


def hints(nodes: Mapping[str, Any], dt: float) -> list[str]:
    """Say which time step a graph was probably written with, if it is another one.

    Parameters
    ----------
    nodes : mapping of str to nir.NIRNode
        The nodes, by name.
    dt : float
        The time step that is used, in second.

    Returns
    -------
    list of str
        Sentences.
    """
    neurons = {name: node for name, node in nodes.items() if kind_of(node) in NEURONS}
    leaky = {name: node for name, node in neurons.items() if kind_of(node) not in ("IF", "I")}
    made = []
    written = {_written_with(node) for node in leaky.values()}
    first = next(iter(written), None)
    physical = all(_same(node.r, 1.0) for node in leaky.values())
    alike = first is not None and all(each is not None and _same(each, first) for each in written)
    if first is not None and alike and not physical and not _same(dt, first):
        made.append(
            f"r dt / tau is {dt / first:.4g} in every layer; it is 1 with dt = {first:.4g} s, which the file was "
            "probably written with"
        )
    by_step: dict[float, list[str]] = {}
    for name in neurons.keys() - leaky.keys():
        step = _written_with(neurons[name])
        if step is not None and not _same(dt, step):
            by_step.setdefault(float(f"{step:.4g}"), []).append(name)
    for step, names in by_step.items():
        some = sorted(names, key=list(nodes).index)
        made.append(
            f"{', '.join(some)}: a tick adds dt r = {dt / step:.4g} times the input; such files usually mean "
            f"dt = {step:.4g} s"
        )
    return made
