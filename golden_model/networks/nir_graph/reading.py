"""From a NIR graph to a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.networks.nir_graph.bounds import Made
from neuristor.golden_model.networks.nir_graph.nodes import (
    NEURONS,
    SYNAPSES,
    THROUGH,
    as_picture,
    finite,
    flattened,
    kind_of,
    neurons_of,
    shape_of,
)
from neuristor.golden_model.networks.nir_graph.routes import OPERATIONS, Route, parted
from neuristor.golden_model.networks.nir_graph.time_step import hints
from neuristor.golden_model.networks.snn import (
    INPUT,
    MOST_DELAY,
    RESETS,
    Layer,
    Network,
    Projection,
    ResetRule,
    TimeStepError,
)

__all__ = ["Imported", "from_nir"]

MOST_PARTS = 8
"""Different delays of one Delay node."""
MOST_ROUTES = 64
"""Paths that lead to a node from layers and the input."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A network from a NIR graph, and the assumptions made.

    Parameters
    ----------
    network : Network
        The network.
    notes : tuple of str
        Assumptions, one sentence each.
    metadata : dict
        Metadata of the graph.
    """

    network: Network
    notes: tuple[str, ...]
    metadata: Mapping[str, Any]


def from_nir(
    graph: Any,
    dt: float,
    *,
    discretisation: Literal["euler", "exact"] | None = None,
    reset: ResetRule | Sequence[ResetRule] | None = None,
    currents: bool = False,
) -> Imported:
    """Convert a graph of the package ``nir`` to a network.

    Parameters
    ----------
    graph : nir.NIRGraph
        The graph; graphs inside it are flattened.
    dt : float
        Time step (tick), in second.
    discretisation : {"euler", "exact"}, optional
        How time constants become coefficients; see ``golden_model.networks.snn``. By default as `to_nir` recorded it in
        the graph, otherwise ``euler``.
    reset : str or sequence of str, optional
        Reset rule of all layers, or of each; see `Neurons`. By default as `to_nir` recorded it in the graph, otherwise
        ``to_value``.
    currents : bool
        The input is currents instead of spikes.

    Returns
    -------
    Imported
        The network, and the assumptions made.

    Raises
    ------
    ValueError
        If the graph cannot be converted, or does not allow this `dt`.
    """
    positive("dt", dt)
    nodes, edges = flattened(graph)
    metadata = dict(getattr(graph, "metadata", {}) or {})
    reader = _Reader(nodes, edges, dt)
    layers = reader.layers(reset)
    said = hints(nodes, dt)
    if isinstance(metadata.get("dt"), (int, float)) and metadata["dt"] != dt:
        said = [f"the file's metadata has dt = {metadata['dt']:g} s, not {dt:g} s"]
    if discretisation is None:
        discretisation = "exact" if metadata.get("discretisation") == "exact" else "euler"
    try:
        network = Network(
            dt=dt, input_shape=reader.input_shape, layers=layers, discretisation=discretisation, currents=currents
        )
    except TimeStepError as error:
        raise ValueError("; ".join([str(error), *said])) from None
    notes = tuple(dict.fromkeys([*said, *reader.notes]))
    return Imported(network=network, notes=notes, metadata=metadata)


class _Reader:
    """Walks from each layer of neurons back to its sources."""

    def __init__(self, nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float) -> None:
        for a, b in edges:
            for name in (a, b):
                if name not in nodes:
                    raise ValueError(f"an edge must join nodes that exist, but {name!r} does not")
        known = (*NEURONS, *SYNAPSES, "Input", "Output", THROUGH)
        unknown = [f"{kind_of(node)} ({name})" for name, node in nodes.items() if kind_of(node) not in known]
        if unknown:
            raise ValueError(f"nodes must be of the kinds {', '.join(NEURONS + SYNAPSES)}, not {', '.join(unknown)}")
        self.nodes, self.dt = nodes, dt
        self.made = Made()
        self.before: dict[str, list[str]] = {name: [a for a, b in edges if b == name] for name in nodes}
        self.begin, self.end = (self._only(kind) for kind in ("Input", "Output"))
        self.notes: list[str] = []

    def _only(self, kind: str) -> str:
        found = [name for name, node in self.nodes.items() if kind_of(node) == kind]
        if len(found) != 1:
            raise ValueError(f"a graph must have one {kind}, not {len(found)}")
        return found[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input.

        Raises
        ------
        ValueError
            If it has none.
        """
        shape = shape_of(self.nodes[self.begin])
        if shape is None:
            raise ValueError("the Input must have a shape, but it has none")
        return shape

    def layers(self, reset: ResetRule | Sequence[ResetRule] | None) -> tuple[Layer, ...]:
        """The layers in order of computation, the output last.

        Raises
        ------
        ValueError
            If the Output does not come from one layer of neurons, or the number of reset rules is wrong.
        """
        last = self._through(self.before[self.end])
        if len(last) != 1 or kind_of(self.nodes[last[0]]) not in NEURONS:
            raise ValueError(f"the Output must come from one layer of neurons, not from {', '.join(last) or 'nothing'}")
        names = [name for name, node in self.nodes.items() if kind_of(node) in NEURONS]
        names = [name for name in names if name != last[0]] + last
        received = {name: self._joined(name, (name,)) for name in names}
        received = self._delayed(names, received)
        # Layers that receive the input come first, as far as possible.
        names.sort(key=lambda name: all(route.source in names for route in received[name][0]))
        names = [name for name in _sorted(names, received) if name != last[0]] + last
        numbers = {name: n for n, name in enumerate(names)}
        rules = [reset] * len(names) if reset is None or isinstance(reset, str) else list(reset)
        if len(rules) != len(names):
            raise ValueError(f"reset must be one rule, or {len(names)}, one for each layer, not {len(rules)}")
        made = tuple(self._layer(name, numbers, *received[name], rule) for name, rule in zip(names, rules, strict=True))
        wanted = shape_of(self.nodes[self.end])
        if wanted is not None and math.prod(wanted) != made[-1].neurons.count:
            raise ValueError(f"{self.end}: shape must be that of {last[0]}, {made[-1].shape}, not {wanted}")
        return made

    def _through(self, names: list[str]) -> list[str]:
        """The nodes that lead to an edge, past the ends of graphs in the graph."""
        made = []
        for name in names:
            inner = kind_of(self.nodes[name]) == THROUGH
            made += self._through(self.before[name]) if inner else [name]
        return made

    def _delayed(self, names: list[str], received: dict[str, Any]) -> dict[str, Any]:
        """Give undelayed connections of a layer to itself a delay of one tick; longer cycles must have a Delay."""
        for name in names:
            routes, bias = received[name]
            if any(route.source == name and not route.delay for route in routes):
                self.notes.append(
                    f"{name}: its recurrent connection was given a delay of one tick, the shortest possible"
                )
            own = [replace(route, delay=1) if route.source == name and not route.delay else route for route in routes]
            received[name] = (own, bias)
        return received

    def _joined(self, name: str, trail: tuple[str, ...]) -> tuple[list[Route], Any]:
        """What all edges to a node bring: routes, and the sum of the biases along them.

        Raises
        ------
        ValueError
            If no edge leads to the node, too many paths do, or they bring values of different shapes.
        """
        routes, bias = list[Route](), np.zeros(1)
        if not self.before[name]:
            raise ValueError(f"{name}: must be reached by an edge")
        for source in self.before[name]:
            some, more = self._routes(source, trail)
            shapes = [route.shape for route in (*routes[:1], *some[:1])]
            if math.prod(shapes[0]) != math.prod(shapes[-1]):
                raise ValueError(f"{name}: all its inputs must have the same shape, not {shapes[0]} and {shapes[-1]}")
            routes, bias = routes + some, bias + more
            if len(routes) > MOST_ROUTES:
                raise ValueError(f"{name}: must be reached by at most {MOST_ROUTES} paths from layers or the input")
        return routes, bias

    def _routes(self, name: str, trail: tuple[str, ...]) -> tuple[list[Route], Array]:
        """The output of a node: routes, and the sum of the biases along them; 0, shape (1,), for none.

        `trail` holds the nodes between it and the layer.

        Raises
        ------
        ValueError
            If the node cannot stand here, or a cycle contains no neurons.
        """
        node, kind = self.nodes[name], kind_of(self.nodes[name])
        if kind == "Output":
            raise ValueError(f"{name}: an Output must be the end of its edges")
        if kind == "Input":
            return [Route.begin(name, self.input_shape)], np.zeros(1)
        if kind in NEURONS:
            return [Route.begin(name, self._shape(name))], np.zeros(1)
        if name in trail:
            raise ValueError(f"{name}: a cycle must lead through neurons")
        routes, bias = self._joined(name, (*trail, name))
        if kind == THROUGH:
            for route in routes:
                if node.shape is not None and math.prod(node.shape) != math.prod(route.shape):
                    raise ValueError(f"{name}: shape must be that of its input, {route.shape}, not {node.shape}")
            return routes, bias
        if kind == "Delay":
            return self._delays(name, node, routes, bias), bias
        made = []
        for route in routes:
            made.append(OPERATIONS[kind](name, node, route))
            self.made.add(name, made[-1].synapses)
        return made, self._bias(name, node, bias, routes[0], made[0])

    def _bias(self, name: str, node: Any, before: Array, route: Route, after: Route) -> Array:
        """The bias after a node, from that before it.

        Raises
        ------
        ValueError
            If the node's own bias does not have one number for each neuron or channel.
        """
        if not before.any():
            before = np.zeros(1)
        else:
            alone = OPERATIONS[kind_of(node)](name, node, Route.begin(route.source, route.shape))
            self.made.check_matrix(name, alone)
            before = np.ravel(alone.matrix() @ np.broadcast_to(before, math.prod(route.shape)))
        if getattr(node, "bias", None) is None:
            return before
        bias, count = np.ravel(finite(name, "bias", node.bias)), math.prod(after.shape)
        per = math.prod(after.shape[1:])
        if bias.size * per != count:
            raise ValueError(f"{name}: bias must have {count // per} numbers, not {bias.size}")
        return before + np.repeat(bias, per)

    def _delays(self, name: str, node: Any, routes: list[Route], bias: Array) -> list[Route]:
        """Routes after a Delay, with a note on what is approximated.

        Raises
        ------
        ValueError
            If a delay is outside its range, or there are too many.
        """
        ticks = np.asarray(node.delay, dtype=np.float64) / self.dt
        if not np.isfinite(ticks).all() or ticks.min() < 0 or ticks.max() > MOST_DELAY + 0.5:
            raise ValueError(
                f"{name}: delay must be 0 to {MOST_DELAY} ticks of {self.dt:g} s, not up to {ticks.max():g}"
            )
        rounded = np.floor(ticks + 0.5).astype(int)
        if np.abs(ticks - rounded).max() > 1e-6:
            self.notes.append(f"{name}: delays are rounded to whole ticks of {self.dt:g} s")
        if bias.any() and rounded.any():
            self.notes.append(f"{name}: the bias before it acts from the first tick on, not after the delay")
        if len(np.unique(rounded)) > MOST_PARTS:
            raise ValueError(f"{name}: must have at most {MOST_PARTS} different delays, not {len(np.unique(rounded))}")
        return [part for route in routes for part in parted(name, rounded, route)]

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = as_picture(np.shape(self.nodes[name].r))
        return tuple(int(n) for n in shape) if len(shape) in (1, 3) else (math.prod(shape),)

    def _layer(
        self, name: str, numbers: Mapping[str, int], routes: list[Route], bias: Array, rule: ResetRule | None
    ) -> Layer:
        node, shape, projections = self.nodes[name], self._shape(name), []
        recorded = getattr(node, "metadata", None) or {}
        said: ResetRule = next((each for each in RESETS if each == recorded.get("reset")), "to_value")
        try:
            neurons = neurons_of(node, rule or said, bool(recorded.get("late_current", False)))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        for route in routes:
            if math.prod(route.shape) != neurons.count:
                raise ValueError(
                    f"{name}: its input must have the size of the layer, {neurons.count}, not {route.shape}"
                )
            synapses = route.ended(name, shape)
            if len(synapses.output_shape) == 3:
                shape = synapses.output_shape
            source = numbers.get(route.source, INPUT)
            projections.append(Projection(source=source, synapses=synapses, delay=route.delay))
        return Layer(name=name, shape=shape, neurons=neurons, projections=tuple(projections), bias=bias)


def _sorted(names: list[str], received: dict[str, tuple[list[Route], Any]]) -> list[str]:
    """The layers, each after its sources of the same tick, as far as possible."""
    left, made = list(names), list[str]()
    while left:
        free = (name for name in left if all(route.delay or route.source not in left for route in received[name][0]))
        chosen = next(free, left[0])
        left.remove(chosen)
        made.append(chosen)
    return made
