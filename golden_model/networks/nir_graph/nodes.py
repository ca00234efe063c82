"""Nodes of NIR graphs: the supported kinds, their shapes, and their neurons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import Neurons, ResetRule

__all__ = [
    "NEURONS",
    "SYNAPSES",
    "THROUGH",
    "as_picture",
    "finite",
    "flattened",
    "kind_of",
    "neurons_of",
    "pair",
    "shape_of",
]

NEURONS = ("IF", "LIF", "CubaLIF", "LI", "CubaLI", "I")
"""Supported nodes that are neurons."""
SYNAPSES = ("Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay")
"""Supported nodes that become synapses."""
THROUGH = "Through"
"""The kind of the Input and the Output of a graph in a graph: values pass unchanged."""


@dataclass(frozen=True)
class Through:
    """The Input or the Output of a graph in a graph.

    Parameters
    ----------
    shape : tuple of int, or None
        Shape of the values; None where the file has none.
    """

    shape: tuple[int, ...] | None


def kind_of(node: Any) -> str:
    """The kind of a node, by the name of its class.

    Parameters
    ----------
    node : nir.NIRNode
        The node.
    """
    return type(node).__name__


def as_picture(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape of (channels, length) as a picture of one row; others unchanged.

    Parameters
    ----------
    shape : tuple of int
        The shape.
    """
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def finite(name: str, what: str, value: Any) -> NDArray[np.float64]:
    """The numbers of an argument of a node.

    Parameters
    ----------
    name, what : str
        Names of the node and of its argument, for the message.
    value : array_like
        The numbers.

    Raises
    ------
    ValueError
        If one is not finite.
    """
    numbers = np.asarray(value, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}: {what} must be finite, but it holds a NaN or an infinity")
    return numbers


def shape_of(node: Any) -> tuple[int, ...] | None:
    """The shape of an Input or an Output; None where the file has none.

    Parameters
    ----------
    node : nir.Input or nir.Output
        The node.
    """
    types = node.input_type if kind_of(node) == "Input" else node.output_type
    found = next(iter(types.values()))
    return None if found is None else as_picture(tuple(int(n) for n in np.atleast_1d(found)))


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
        Nodes by name; those of a nested graph as ``graph.node``, its Input and its Output as `Through`.
    edges : list of (str, str)
        Names of source and destination.

    Raises
    ------
    ValueError
        If a nested graph has not one Input and one Output, two nodes have one name, or an edge is given twice.
    """
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    begins: dict[str, str] = {}
    ends: dict[str, str] = {}

    def add(name: str, node: Any) -> None:
        if name in nodes:
            raise ValueError(f"each node must have a name of its own, but two have {name!r}")
        nodes[name] = node

    for name, node in graph.nodes.items():
        full = prefix + name
        if kind_of(node) != "NIRGraph":
            add(full, node)
            continue
        inner, more = flattened(node, f"{full}.")
        for kind, gates in (("Input", begins), ("Output", ends)):
            found = [each for each, one in inner.items() if kind_of(one) == kind]
            if len(found) != 1:
                raise ValueError(f"{full}: a graph in a graph must have one {kind}, not {len(found)}")
            gates[full] = found[0]
            inner[found[0]] = Through(shape_of(inner[found[0]]))
        for each, one in inner.items():
            add(each, one)
        edges += more
    own = [(prefix + a, prefix + b) for a, b in graph.edges]
    for (a, b), count in Counter(own).items():
        if count > 1:
            raise ValueError(f"each edge must be given once, but {a!r} to {b!r} is given {count} times")
    return nodes, edges + [(ends.get(a, a), begins.get(b, b)) for a, b in own]


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


def neurons_of(node: Any, reset_rule: ResetRule, late_current: bool) -> Neurons:
    """The neurons of a node.

    Parameters
    ----------
    node : nir.NIRNode
        A node of one of the kinds in `NEURONS`.
    reset_rule : str
        What a spike does to the membrane potential: see `Neurons`.
    late_current : bool
        The membrane receives the synaptic current of the previous tick.

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
        common |= {"threshold": flat["v_threshold"], "reset": flat["v_reset"], "reset_rule": reset_rule}
    if kind in ("LIF", "LI"):
        common |= {"tau": flat["tau"], "leak": flat["v_leak"]}
    if kind in ("CubaLIF", "CubaLI"):
        common |= {"tau": flat["tau_mem"], "leak": flat["v_leak"], "tau_syn": flat["tau_syn"], "w_in": flat["w_in"]}
        common |= {"late_current": late_current}
    return Neurons(**common)
