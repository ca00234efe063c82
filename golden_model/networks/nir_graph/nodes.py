"""Nodes of NIR graphs: the supported kinds, their shapes, and their neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuristor.golden_model.networks.snn import Neurons

__all__ = ["NEURONS", "SYNAPSES", "flattened", "kind_of", "neurons_of", "pair", "shape_of"]

NEURONS = ("IF", "LIF", "CubaLIF", "LI", "CubaLI", "I")
"""Supported nodes that are neurons."""
SYNAPSES = ("Affine", "Linear", "Scale", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay")
"""Supported nodes that become synapses."""


def kind_of(node: Any) -> str:
    """The kind of a node, by the name of its class.

    Parameters
    ----------
    node : nir.NIRNode
        The node.
    """
    return type(node).__name__


def shape_of(node: Any) -> tuple[int, ...]:
    """The shape of an Input node.

    Parameters
    ----------
    node : nir.Input
        The node.

    Raises
    ------
    ValueError
        If it has no shape.
    """
    found = next(iter(node.input_type.values()))
    if found is None:
        raise ValueError("the Input must have a shape, but it has none")
    return tuple(int(n) for n in np.atleast_1d(found))


def flattened(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """All nodes and edges of a graph, with nested graphs replaced by their nodes.

    Parameters
    ----------
    graph : nir.NIRGraph
        The graph.
    prefix : str
        Put before the name of every node.

    Returns
    -------
    nodes : dict
        Nodes by name; those of a nested graph as ``graph.node``, without its Input and Output.
    edges : list of (str, str)
        Names of source and destination.
    """
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    begins: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        full = prefix + name
        if kind_of(node) != "NIRGraph":
            nodes[full] = node
            continue
        inner, more = flattened(node, f"{full}.")
        first = [each for each, one in inner.items() if kind_of(one) == "Input"]
        last = [each for each, one in inner.items() if kind_of(one) == "Output"]
        begins[full] = [b for a, b in more if a in first]
        ends[full] = [a for a, b in more if b in last]
        nodes |= {each: one for each, one in inner.items() if each not in (*first, *last)}
        edges += [(a, b) for a, b in more if a not in first and b not in last]
    for a, b in dict.fromkeys((prefix + a, prefix + b) for a, b in graph.edges):
        edges += [(x, y) for x in ends.get(a, [a]) for y in begins.get(b, [b])]
    return nodes, list(dict.fromkeys(edges))


def pair(name: str, what: str, value: Any) -> tuple[int, int]:
    """The two numbers, for height and width, of an argument of a node; one number stands for both.

    Parameters
    ----------
    name, what : str
        Names of the node and of its argument, for the message.
    value : array_like
        One number or two.

    Raises
    ------
    ValueError
        If there are more.
    """
    numbers = [int(n) for n in np.ravel(value)]
    if len(numbers) not in (1, 2):
        raise ValueError(f"{name}: {what} must have one number or two, not {numbers}")
    return numbers[0], numbers[-1]


def neurons_of(node: Any, subtract: bool) -> Neurons:
    """The neurons of a node.

    Parameters
    ----------
    node : nir.NIRNode
        A node of one of the kinds in `NEURONS`.
    subtract : bool
        A spike subtracts ``v_threshold - v_reset`` from the membrane potential.

    Returns
    -------
    Neurons
        With tau in second, as in the node.
    """
    kind, count = kind_of(node), int(np.size(node.r))
    flat = {
        name: np.ravel(np.asarray(getattr(node, name), dtype=np.float64))
        for name in ("tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in")
        if getattr(node, name, None) is not None
    }
    common: dict[str, Any] = {"count": count, "r": flat["r"], "threshold": None}
    if kind in ("LIF", "CubaLIF", "IF"):
        common |= {"threshold": flat["v_threshold"], "reset": flat["v_reset"], "subtract": subtract}
    if kind in ("LIF", "LI"):
        common |= {"tau": flat["tau"], "leak": flat["v_leak"]}
    if kind in ("CubaLIF", "CubaLI"):
        common |= {"tau": flat["tau_mem"], "leak": flat["v_leak"], "tau_syn": flat["tau_syn"], "w_in": flat["w_in"]}
    return Neurons(**common)
