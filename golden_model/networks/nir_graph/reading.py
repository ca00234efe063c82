"""From a NIR graph to a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.networks.nir_graph.bounds import Made
from neuristor.golden_model.networks.nir_graph.nodes import (
    NEURONS,
    SYNAPSES,
    flattened,
    kind_of,
    neurons_of,
    pair,
    shape_of,
)
from neuristor.golden_model.networks.snn import INPUT, MOST_DELAY, Layer, Network, Projection
from neuristor.golden_model.networks.synapses import Convolution, Dense, Synapses

__all__ = ["Imported", "from_nir"]

MOST_PARTS = 8
"""Different delays of one Delay node."""

Array = NDArray[Any]


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


@dataclass(frozen=True)
class _Route:
    """A path from a source to a node, and the operations on the source's spikes along it."""

    source: str
    delay: int = 0
    shape: tuple[int, ...] = ()
    pool: tuple[int, int] = (1, 1)
    synapses: Synapses | None = None
    scale: float = 1.0


def from_nir(
    graph: Any,
    dt: float,
    *,
    discretisation: Literal["euler", "exact"] = "euler",
    subtract: bool = False,
    currents: bool = False,
) -> Imported:
    """Convert a graph of the package ``nir`` to a network.

    Parameters
    ----------
    graph : nir.NIRGraph
        The graph; graphs inside it are flattened.
    dt : float
        Time step (tick), in second.
    discretisation : {"euler", "exact"}
        How time constants become coefficients; see ``golden_model.networks.snn``.
    subtract : bool
        A spike subtracts ``v_threshold - v_reset`` from the membrane potential, instead of setting it to v_reset.
    currents : bool
        The input is currents instead of spikes.

    Returns
    -------
    Imported
        The network, and the assumptions made.
    """
    positive("dt", dt)
    nodes, edges = flattened(graph)
    reader = _Reader(nodes, edges, dt, subtract)
    layers, notes = reader.layers()
    inputs = [name for name, node in nodes.items() if kind_of(node) == "Input"]
    network = Network(
        dt=dt,
        input_shape=shape_of(nodes[inputs[0]]),
        layers=layers,
        discretisation=discretisation,
        currents=currents,
    )
    return Imported(network=network, notes=notes, metadata=dict(getattr(graph, "metadata", {}) or {}))


class _Reader:
    """Walks from each layer of neurons back to its sources."""

    def __init__(self, nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float, subtract: bool) -> None:
        for a, b in edges:
            for name in (a, b):
                if name not in nodes:
                    raise ValueError(f"an edge must join nodes that exist, but {name!r} does not")
        known = (*NEURONS, *SYNAPSES, "Input", "Output")
        unknown = [f"{kind_of(node)} ({name})" for name, node in nodes.items() if kind_of(node) not in known]
        if unknown:
            raise ValueError(f"nodes must be of the kinds {', '.join(NEURONS + SYNAPSES)}, not {', '.join(unknown)}")
        self.nodes, self.dt, self.subtract = nodes, dt, subtract
        self.before: dict[str, list[str]] = {name: [a for a, b in edges if b == name] for name in nodes}
        if sum(kind_of(node) == "Input" for node in nodes.values()) != 1:
            raise ValueError("a graph must have one Input")
        if sum(kind_of(node) == "Output" for node in nodes.values()) != 1:
            raise ValueError("a graph must have one Output")
        self.notes: list[str] = []
        self.made = Made()

    def layers(self) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
        """The layers in order of computation, the output last; and the notes.

        Raises
        ------
        ValueError
            If the Output does not come from one layer of neurons.
        """
        output = next(name for name, node in self.nodes.items() if kind_of(node) == "Output")
        last = self.before[output]
        if len(last) != 1 or kind_of(self.nodes[last[0]]) not in NEURONS:
            raise ValueError(f"the Output must come from one layer of neurons, not from {', '.join(last) or 'nothing'}")
        names = [name for name, node in self.nodes.items() if kind_of(node) in NEURONS]
        names = [name for name in names if name != last[0]] + last
        received = {name: self._received(name) for name in names}
        received = self._delayed(names, received)
        # Layers that receive the input come first, as far as possible.
        names.sort(key=lambda name: all(route.source in names for route in received[name][0]))
        names = [name for name in _sorted(names, received) if name != last[0]] + last
        numbers = {name: n for n, name in enumerate(names)}
        made = tuple(
            self._layer(
                name,
                [replace(route, source=str(numbers.get(route.source, INPUT))) for route in received[name][0]],
                received[name][1],
            )
            for name in names
        )
        return made, tuple(dict.fromkeys(self.notes))

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

    def _received(self, name: str) -> tuple[list[_Route], Any]:
        """All routes to a layer, and the sum of the biases along them.

        Raises
        ------
        ValueError
            If no edge leads to it.
        """
        routes: list[_Route] = []
        bias: Any = 0.0
        if not self.before[name]:
            raise ValueError(f"{name}: must be reached by an edge")
        for source in self.before[name]:
            some, more = self._routes(source, (name,))
            routes += some
            bias = bias + more
        return routes, bias

    def _routes(self, name: str, trail: tuple[str, ...]) -> tuple[list[_Route], Any]:
        """The output of a node: routes, and the sum of the biases along them.

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
            return [_Route(name, shape=shape_of(node))], 0.0
        if kind in NEURONS:
            return [_Route(name, shape=self._shape(name))], 0.0
        if name in trail:
            raise ValueError(f"{name}: a cycle must lead through neurons")
        routes, bias = list[_Route](), 0.0
        if not self.before[name]:
            raise ValueError(f"{name}: must be reached by an edge")
        for source in self.before[name]:
            some, more = self._routes(source, (*trail, name))
            routes += some
            bias = bias + more
            self.made.check_ways(name, len(routes), len(trail))
        apply: Callable[[str, Any, _Route], list[_Route]] = getattr(self, f"_{kind.lower()}")
        made = [one for route in routes for one in apply(name, node, route)]
        return made, self._bias(name, node, bias, routes)

    def _bias(self, name: str, node: Any, before: Any, routes: list[_Route]) -> Any:
        """The bias after a node, from that before it.

        Raises
        ------
        ValueError
            If the bias cannot be merged into that of the neurons, or is not finite.
        """
        kind = kind_of(node)
        own = getattr(node, "bias", None)
        if np.any(before):
            if kind in ("Affine", "Linear"):
                before = np.asarray(node.weight, dtype=np.float64) @ np.ravel(before)
            elif kind == "Scale":
                before = before * np.ravel(np.asarray(node.scale))
            elif kind not in ("Flatten", "Delay"):
                raise ValueError(f"{name}: a bias must not pass through a {kind}")
        if own is None:
            return before
        bias = np.asarray(own, dtype=np.float64)
        if not np.isfinite(bias).all():
            raise ValueError(f"{name}: bias must be finite, but it holds a NaN or an infinity")
        if kind == "Conv2d":
            synapses = self._conv2d(name, node, routes[0])[0].synapses
            assert synapses is not None
            bias = np.repeat(bias, math.prod(synapses.output_shape[1:]))
        return before + bias

    def _shape(self, name: str) -> tuple[int, ...]:
        node = self.nodes[name]
        shape = np.shape(node.r)
        return tuple(int(n) for n in shape) if len(shape) in (1, 3) else (int(np.size(node.r)),)

    def _affine(self, name: str, node: Any, route: _Route) -> list[_Route]:
        weight = np.asarray(node.weight, dtype=np.float64)
        if weight.ndim != 2:
            raise ValueError(f"{name}: weight must have two dimensions, not shape {weight.shape}")
        if not np.isfinite(weight).all():
            raise ValueError(f"{name}: weight must be finite, but it holds a NaN or an infinity")
        self.made.add(name, *weight.shape)
        if route.synapses is not None:  # a matrix after another
            self.made.add(name, math.prod(route.synapses.output_shape), math.prod(route.synapses.input_shape))
            inner = route.synapses.matrix()
            self.made.add(name, weight.shape[0], inner.shape[1])
            if weight.shape[1] != inner.shape[0]:
                raise ValueError(f"{name}: weight must have {inner.shape[0]} columns, not {weight.shape[1]}")
            if route.pool != (1, 1):
                raise ValueError(f"{name}: pooling must not stand between two sets of weights without neurons")
            product = route.scale * np.asarray(weight @ (inner.toarray() if hasattr(inner, "toarray") else inner))
            return [replace(route, synapses=Dense(weights=product), scale=1.0, shape=(len(weight),))]
        source = route.shape
        try:
            synapses = Dense(weights=weight * route.scale, input_shape=source, pool=route.pool)
        except ValueError as error:
            raise ValueError(f"{name}: {error} (its source is {route.source})") from None
        return [replace(route, synapses=synapses, shape=(len(weight),), pool=(1, 1), scale=1.0)]

    _linear = _affine

    def _scale(self, name: str, node: Any, route: _Route) -> list[_Route]:
        scale = np.ravel(np.asarray(node.scale, dtype=np.float64))
        if not np.isfinite(scale).all():
            raise ValueError(f"{name}: scale must be finite, but it holds a NaN or an infinity")
        if route.synapses is not None:
            values = route.synapses.values
            rows = scale if scale.size == len(values) else np.full(len(values), scale[0])
            if scale.size != len(values) and not np.all(scale == scale[0]):
                raise ValueError(f"{name}: scale must have one number, or {len(values)}, not {scale.size}")
            return [
                replace(route, synapses=route.synapses.with_values(values * rows.reshape(-1, *[1] * (values.ndim - 1))))
            ]
        if np.all(scale == scale[0]):
            return [replace(route, scale=route.scale * float(scale[0]))]
        self.made.add(name, scale.size, scale.size)
        return self._affine(name, _Matrix(np.diag(scale)), route)

    def _conv2d(self, name: str, node: Any, route: _Route) -> list[_Route]:
        kernel = np.asarray(node.weight, dtype=np.float64)
        groups = int(node.groups)
        if tuple(np.ravel(node.dilation).tolist()) not in ((1, 1), (1,)):
            raise ValueError(f"{name}: dilation must be 1, not {node.dilation}")
        if route.synapses is not None:
            raise ValueError(f"{name}: a Conv2d must receive neurons or the input, pooled or not, but no other weights")
        if groups > 1:  # one kernel with zeros between the groups
            self.made.add(name, kernel.size, groups)
            per = kernel.shape[0] // groups
            full = np.zeros((kernel.shape[0], kernel.shape[1] * groups, *kernel.shape[2:]))
            for group in range(groups):
                rows = slice(group * per, (group + 1) * per)
                full[rows, group * kernel.shape[1] : (group + 1) * kernel.shape[1]] = kernel[rows]
            kernel = full
        shape = route.shape
        if len(shape) != 3:
            raise ValueError(
                f"{name}: the input of a Conv2d must be (channels, height, width), not {shape} of {route.source}"
            )
        stride = pair(name, "stride", node.stride)
        if isinstance(node.padding, str):
            same = node.padding == "same"
            if same and (stride != (1, 1) or kernel.shape[2] % 2 == 0 or kernel.shape[3] % 2 == 0):
                raise ValueError(f"{name}: padding 'same' needs a stride of 1 and an odd kernel")
            padding = (kernel.shape[2] // 2, kernel.shape[3] // 2) if same else (0, 0)
        else:
            padding = pair(name, "padding", node.padding)
        try:
            synapses = Convolution(
                kernel=kernel * route.scale, input_shape=shape, stride=stride, padding=padding, pool=route.pool
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        self.made.add(name, math.prod(synapses.output_shape), kernel[0].size)
        return [replace(route, synapses=synapses, shape=synapses.output_shape, pool=(1, 1), scale=1.0)]

    def _sumpool2d(self, name: str, node: Any, route: _Route) -> list[_Route]:
        kernel, stride = pair(name, "kernel_size", node.kernel_size), pair(name, "stride", node.stride)
        if kernel != stride or pair(name, "padding", node.padding) != (0, 0):
            raise ValueError(
                f"{name}: pooling must have tiles side by side and no padding (kernel_size = stride), not {kernel} "
                f"with stride {stride} and padding {pair(name, 'padding', node.padding)}"
            )
        if route.synapses is not None:
            raise ValueError(f"{name}: the input of pooling must be neurons or the Input, not weights")
        pool = (route.pool[0] * kernel[0], route.pool[1] * kernel[1])
        if len(route.shape) != 3 or route.shape[1] < pool[0] or route.shape[2] < pool[1]:
            raise ValueError(
                f"{name}: the input of pooling must be (channels, height, width) of at least {pool}, not {route.shape}"
            )
        return [replace(route, pool=pool)]

    def _avgpool2d(self, name: str, node: Any, route: _Route) -> list[_Route]:
        size = math.prod(pair(name, "kernel_size", node.kernel_size))
        return [replace(each, scale=each.scale / size) for each in self._sumpool2d(name, node, route)]

    def _flatten(self, name: str, node: Any, route: _Route) -> list[_Route]:
        return [route]  # neurons of a picture are numbered in this order anyway

    def _delay(self, name: str, node: Any, route: _Route) -> list[_Route]:
        ticks = np.ravel(np.asarray(node.delay, dtype=np.float64)) / self.dt
        if not np.isfinite(ticks).all() or ticks.min() < 0 or ticks.max() > MOST_DELAY + 0.5:
            raise ValueError(
                f"{name}: delay must be 0 to {MOST_DELAY} ticks of {self.dt:g} s, not up to {ticks.max():g}"
            )
        rounded = np.floor(ticks + 0.5).astype(int)
        if np.abs(ticks - rounded).max() > 1e-6:
            self.notes.append(f"{name}: delays are rounded to whole ticks of {self.dt:g} s")
        some = np.unique(rounded)
        if len(some) == 1:
            return [replace(route, delay=route.delay + int(some[0]))]
        if len(some) > MOST_PARTS or (route.synapses is None and route.pool != (1, 1)):
            raise ValueError(
                f"{name}: must have at most {MOST_PARTS} different delays (1 after pooling), not {len(some)}"
            )
        made = []
        for delay in some.tolist():  # one set of synapses per delay
            mask = (rounded == delay).astype(np.float64)
            if route.synapses is None:
                self.made.add(name, mask.size, mask.size)
                part = self._affine(name, _Matrix(np.diag(mask)), route)[0]
            elif len(mask) == len(route.synapses.values):
                values = route.synapses.values
                part = replace(
                    route, synapses=route.synapses.with_values(values * mask.reshape(-1, *[1] * (values.ndim - 1)))
                )
            else:
                raise ValueError(f"{name}: the neurons of a channel must have the same delay")
            made.append(replace(part, delay=route.delay + delay))
        return made

    def _layer(self, name: str, routes: list[_Route], bias: Any) -> Layer:
        node = self.nodes[name]
        try:
            neurons = neurons_of(node, self.subtract)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        shape, projections = self._shape(name), []
        for route in routes:
            synapses = route.synapses
            if synapses is None:  # neurons connected directly
                size = math.prod(route.shape)
                if route.pool != (1, 1):
                    tiles = route.shape[0] * (route.shape[1] // route.pool[0]) * (route.shape[2] // route.pool[1])
                    self.made.add(name, tiles, tiles)
                    synapses = Dense(weights=route.scale * np.eye(tiles), input_shape=route.shape, pool=route.pool)
                else:
                    self.made.add(name, size, size)
                    synapses = Dense(weights=route.scale * np.eye(size), input_shape=route.shape)
            if math.prod(synapses.output_shape) != neurons.count:
                raise ValueError(
                    f"{name}: its input must have the size of the layer, {neurons.count}, not {synapses.output_shape}"
                )
            if len(synapses.output_shape) == 3:
                shape = synapses.output_shape
            projections.append(Projection(source=int(route.source), synapses=synapses, delay=route.delay))
        return Layer(name=name, shape=shape, neurons=neurons, projections=tuple(projections), bias=np.ravel(bias))


def _sorted(names: list[str], received: dict[str, tuple[list[_Route], Any]]) -> list[str]:
    """The layers, each after its sources of the same tick, as far as possible."""
    left, made = list(names), list[str]()
    while left:
        free = (name for name in left if all(route.delay or route.source not in left for route in received[name][0]))
        chosen = next(free, left[0])
        left.remove(chosen)
        made.append(chosen)
    return made


@dataclass(frozen=True)
class _Matrix:
    weight: Array
