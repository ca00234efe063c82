"""Networks from and to NIR, the neuromorphic intermediate representation that many tools write.

A NIR file has equations and no time step: `dt` must be given. What lies between two layers of neurons (Affine, Linear,
Scale, Conv2d, SumPool2d, AvgPool2d, Flatten, Delay, in any order that makes sense) becomes one set of synapses. A layer
that hears itself does so one tick later, since no hardware hears itself at once; `notes` say so. A longer cycle must
have a Delay: where it would go is not for us to guess.

Neurons: IF, LIF, CubaLIF, LI, CubaLI, and I. A spike is ``v > v_threshold``, then ``v = v_reset``, as NIR defines both;
files of tools that train with a reset by subtraction do not say so, so that has to be said (`subtract`).

References
----------
J. E. Pedersen et al., Nature Communications 15, 2024, 10.1038/s41467-024-52259-9; the classes of the package ``nir``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import INPUT, MOST_DELAY, Layer, Network, Neurons, Projection
from neuristor.golden_model.networks.synapses import Convolution, Dense, Synapses
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["NEURONS", "SYNAPSES", "Imported", "from_nir", "read", "to_nir", "write"]

NEURONS = ("IF", "LIF", "CubaLIF", "LI", "CubaLI", "I")
SYNAPSES = ("Affine", "Linear", "Scale", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay")
MOST_PARTS = 8
"""Different delays of one Delay node."""
MOST_BYTES = 256 * 1024 * 1024
"""A NIR file may be this long; what it holds may unpack to four times that."""
MOST_OBJECTS = 100_000
"""Groups and datasets of a file."""
DEEPEST = 16
"""Groups in groups."""

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A network, and what was assumed to make it.

    Parameters
    ----------
    network : Network
    notes : tuple of str
    metadata : dict
        Of the graph.
    """

    network: Network
    notes: tuple[str, ...]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class _Way:
    """From a source to where we are: what is done to its spikes on the way."""

    source: str
    delay: int = 0
    shape: tuple[int, ...] = ()
    pool: tuple[int, int] = (1, 1)
    synapses: Synapses | None = None
    scale: float = 1.0


def read(
    path: str | Path,
    dt: float,
    *,
    discretisation: Literal["euler", "exact"] = "euler",
    subtract: bool = False,
    currents: bool = False,
) -> Imported:
    """The network in a NIR file.

    Parameters
    ----------
    path : path
    dt : float
        A tick, in second.
    discretisation, subtract, currents
        See ``neuristor.golden_model.networks.snn``.

    Raises
    ------
    ValueError
        If the file is none, lacks something, or has what we lack; the message says what.
    """
    import h5py
    import nir

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: cannot be read: there is no such file")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: must be at most {MOST_BYTES // 2**20} MiB long")
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path}: must be an HDF5 file with a NIR graph; this is none")
    try:
        _bounded(path)
        lacking = _unknown(path)
        if lacking:
            raise ValueError(f"holds nodes that neuristor lacks: {lacking}; it knows {', '.join(NEURONS + SYNAPSES)}")
        graph = nir.read(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except (OSError, LookupError, AttributeError, TypeError, AssertionError, RuntimeError, ArithmeticError) as error:
        raise ValueError(f"{path}: must be a whole NIR graph ({type(error).__name__}: {error})") from None
    try:
        return from_nir(graph, dt, discretisation=discretisation, subtract=subtract, currents=currents)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _bounded(path: Path) -> None:
    """Refuse a file that claims more than one can hold, before any of it is read.

    Raises
    ------
    ValueError
        If it has too many objects, too deep, reaches one of them by two ways or outside the file, or is too large.
    """
    import h5py

    seen: set[int] = set()
    size = 0

    def look(group: Any, depth: int) -> None:
        nonlocal size
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"must hold all it names itself, but {name!r} is a link")
            each = group[name]
            number = h5py.h5o.get_info(each.id).addr
            if number in seen:
                raise ValueError(f"must hold each part once, but {name!r} stands in two places")
            seen.add(number)
            if len(seen) > MOST_OBJECTS or depth > DEEPEST:
                raise ValueError(f"must have at most {MOST_OBJECTS} parts, groups in groups at most {DEEPEST} deep")
            if isinstance(each, h5py.Group):
                look(each, depth + 1)
            elif isinstance(each, h5py.Dataset):
                if each.external or each.is_virtual:
                    raise ValueError(f"must hold all its numbers itself, but those of {name!r} are elsewhere")
                size += math.prod(each.shape or ()) * max(each.dtype.itemsize, 1)
                if size > 4 * MOST_BYTES:
                    raise ValueError(f"must unpack to at most {4 * MOST_BYTES // 2**20} MiB; {name!r} is too much")

    with h5py.File(path) as file:
        seen.add(h5py.h5o.get_info(file.id).addr)
        look(file, 1)


def _unknown(path: Path) -> str:
    """The kinds of nodes in a file that we lack, and their names."""
    import h5py

    known = {*NEURONS, *SYNAPSES, "Input", "Output", "NIRGraph"}
    found: dict[str, list[str]] = {}

    def look(group: Any, prefix: str) -> None:
        for name, node in group["nodes"].items():
            kind = node["type"][()].decode()
            if kind not in known:
                found.setdefault(kind, []).append(prefix + name)
            if kind == "NIRGraph":
                look(node, f"{prefix}{name}.")

    with h5py.File(path) as file:
        if "node" not in file or "nodes" not in file["node"]:
            raise ValueError("must hold a NIR graph; this HDF5 file has none")
        look(file["node"], "")
    return "; ".join(f"{kind} ({', '.join(names)})" for kind, names in sorted(found.items()))


def from_nir(
    graph: Any,
    dt: float,
    *,
    discretisation: Literal["euler", "exact"] = "euler",
    subtract: bool = False,
    currents: bool = False,
) -> Imported:
    """The network that a graph of the package ``nir`` describes; as `read`."""
    positive("dt", dt)
    nodes, edges = _flat(graph)
    reader = _Reader(nodes, edges, dt, subtract)
    layers, notes = reader.layers()
    inputs = [name for name, node in nodes.items() if _kind(node) == "Input"]
    network = Network(
        dt=dt,
        input_shape=_shape_of(nodes[inputs[0]]),
        layers=layers,
        discretisation=discretisation,
        currents=currents,
    )
    return Imported(network=network, notes=notes, metadata=dict(getattr(graph, "metadata", {}) or {}))


def _kind(node: Any) -> str:
    return type(node).__name__


def _shape_of(node: Any) -> tuple[int, ...]:
    found = next(iter(node.input_type.values()))
    if found is None:
        raise ValueError("the shape of the input must be known; the file does not say it")
    return tuple(int(n) for n in np.atleast_1d(found))


def _flat(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """All nodes, those of graphs in the graph, too: inputs and outputs of those are passed through."""
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    begins: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        full = prefix + name
        if _kind(node) != "NIRGraph":
            nodes[full] = node
            continue
        inner, more = _flat(node, f"{full}.")
        first = [each for each, one in inner.items() if _kind(one) == "Input"]
        last = [each for each, one in inner.items() if _kind(one) == "Output"]
        begins[full] = [b for a, b in more if a in first]
        ends[full] = [a for a, b in more if b in last]
        nodes |= {each: one for each, one in inner.items() if each not in (*first, *last)}
        edges += [(a, b) for a, b in more if a not in first and b not in last]
    for a, b in dict.fromkeys((prefix + a, prefix + b) for a, b in graph.edges):
        edges += [(x, y) for x in ends.get(a, [a]) for y in begins.get(b, [b])]
    return nodes, list(dict.fromkeys(edges))


class _Reader:
    """Walks from each neuron back to what it hears."""

    def __init__(self, nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float, subtract: bool) -> None:
        for a, b in edges:
            for name in (a, b):
                if name not in nodes:
                    raise ValueError(f"an edge must join nodes that exist, but {name!r} does not")
        lacking = [f"{_kind(node)} ({name})" for name, node in nodes.items() if _kind(node) not in _KNOWN]
        if lacking:
            known = ", ".join(NEURONS + SYNAPSES)
            raise ValueError(f"holds nodes that neuristor lacks: {', '.join(lacking)}; it knows {known}")
        self.nodes, self.dt, self.subtract = nodes, dt, subtract
        self.before: dict[str, list[str]] = {name: [a for a, b in edges if b == name] for name in nodes}
        if sum(_kind(node) == "Input" for node in nodes.values()) != 1:
            raise ValueError("a graph must have one Input")
        if sum(_kind(node) == "Output" for node in nodes.values()) != 1:
            raise ValueError("a graph must have one Output")
        self.notes: list[str] = []

    def layers(self) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
        """All neurons in an order in which they can be computed, the output last."""
        output = next(name for name, node in self.nodes.items() if _kind(node) == "Output")
        last = self.before[output]
        if len(last) != 1 or _kind(self.nodes[last[0]]) not in NEURONS:
            raise ValueError(f"the Output must come from one layer of neurons, not from {', '.join(last) or 'nothing'}")
        names = [name for name, node in self.nodes.items() if _kind(node) in NEURONS]
        names = [name for name in names if name != last[0]] + last
        heard = {name: self._heard(name) for name in names}
        heard = self._delayed(names, heard)
        # What hears the input comes first, as far as that is possible.
        names.sort(key=lambda name: all(way.source in names for way in heard[name][0]))
        names = [name for name in _sorted(names, heard) if name != last[0]] + last
        numbers = {name: n for n, name in enumerate(names)}
        made = tuple(
            self._layer(
                name,
                [replace(way, source=str(numbers.get(way.source, INPUT))) for way in heard[name][0]],
                heard[name][1],
            )
            for name in names
        )
        return made, tuple(dict.fromkeys(self.notes))

    def _delayed(self, names: list[str], heard: dict[str, Any]) -> dict[str, Any]:
        """A layer that hears itself does so one tick later; any other cycle must have a delay of its own."""
        for name in names:
            ways, bias = heard[name]
            if any(way.source == name and not way.delay for way in ways):
                self.notes.append(f"{name} hears itself one tick later: no hardware hears itself at once")
            own = [replace(way, delay=1) if way.source == name and not way.delay else way for way in ways]
            heard[name] = (own, bias)
        return heard

    def _heard(self, name: str) -> tuple[list[_Way], Any]:
        """All ways that lead to a node, and the sum of what comes in every tick."""
        ways: list[_Way] = []
        bias: Any = 0.0
        if not self.before[name]:
            raise ValueError(f"{name}: must be reached by an edge")
        for source in self.before[name]:
            some, more = self._through(source, (name,))
            ways += some
            bias = bias + more
        return ways, bias

    def _through(self, name: str, trail: tuple[str, ...]) -> tuple[list[_Way], Any]:
        """What leaves a node: ways, and what comes in every tick, in the node's own shape."""
        node, kind = self.nodes[name], _kind(self.nodes[name])
        if kind == "Output":
            raise ValueError(f"{name}: an Output must be the end of its edges")
        if kind == "Input":
            return [_Way(name, shape=_shape_of(node))], 0.0
        if kind in NEURONS:
            return [_Way(name, shape=self._shape(name))], 0.0
        if name in trail:
            raise ValueError(f"{name}: a cycle must lead through neurons")
        ways, bias = list[_Way](), 0.0
        if not self.before[name]:
            raise ValueError(f"{name}: must be reached by an edge")
        for source in self.before[name]:
            some, more = self._through(source, (*trail, name))
            ways += some
            bias = bias + more
        apply: Callable[[str, Any, _Way], list[_Way]] = getattr(self, f"_{kind.lower()}")
        made = [one for way in ways for one in apply(name, node, way)]
        return made, self._bias(name, node, bias, ways)

    def _bias(self, name: str, node: Any, before: Any, ways: list[_Way]) -> Any:
        """What comes in every tick, after a node."""
        kind = _kind(node)
        own = getattr(node, "bias", None)
        if np.any(before):
            if kind in ("Affine", "Linear"):
                before = np.asarray(node.weight, dtype=np.float64) @ np.ravel(before)
            elif kind == "Scale":
                before = before * np.ravel(np.asarray(node.scale))
            elif kind not in ("Flatten", "Delay"):
                raise ValueError(f"{name}: a bias must not go through a {kind}")
        if own is None:
            return before
        bias = np.asarray(own, dtype=np.float64)
        if not np.isfinite(bias).all():
            raise ValueError(f"{name}: bias must be finite, but it holds a NaN or an infinity")
        if kind == "Conv2d":
            synapses = self._conv2d(name, node, ways[0])[0].synapses
            assert synapses is not None
            bias = np.repeat(bias, math.prod(synapses.output_shape[1:]))
        return before + bias

    def _shape(self, name: str) -> tuple[int, ...]:
        node = self.nodes[name]
        shape = np.shape(node.r)
        return tuple(int(n) for n in shape) if len(shape) in (1, 3) else (int(np.size(node.r)),)

    def _affine(self, name: str, node: Any, way: _Way) -> list[_Way]:
        weight = np.asarray(node.weight, dtype=np.float64)
        if weight.ndim != 2:
            raise ValueError(f"{name}: weight must have two dimensions, not shape {weight.shape}")
        if not np.isfinite(weight).all():
            raise ValueError(f"{name}: weight must be finite, but it holds a NaN or an infinity")
        if way.synapses is not None:  # one matrix after another
            inner = way.synapses.matrix()
            if weight.shape[1] != inner.shape[0]:
                raise ValueError(f"{name}: weight must have {inner.shape[0]} columns, not {weight.shape[1]}")
            if way.pool != (1, 1):
                raise ValueError(f"{name}: pooling between two sets of weights without neurons is not known")
            product = way.scale * np.asarray(weight @ (inner.toarray() if hasattr(inner, "toarray") else inner))
            return [replace(way, synapses=Dense(weights=product), scale=1.0, shape=(len(weight),))]
        source = way.shape
        try:
            synapses = Dense(weights=weight * way.scale, input_shape=source, pool=way.pool)
        except ValueError as error:
            raise ValueError(f"{name}: {error} (it hears {way.source})") from None
        return [replace(way, synapses=synapses, shape=(len(weight),), pool=(1, 1), scale=1.0)]

    _linear = _affine

    def _scale(self, name: str, node: Any, way: _Way) -> list[_Way]:
        scale = np.ravel(np.asarray(node.scale, dtype=np.float64))
        if not np.isfinite(scale).all():
            raise ValueError(f"{name}: scale must be finite, but it holds a NaN or an infinity")
        if way.synapses is not None:
            values = way.synapses.values
            rows = scale if scale.size == len(values) else np.full(len(values), scale[0])
            if scale.size != len(values) and not np.all(scale == scale[0]):
                raise ValueError(f"{name}: scale must have one number, or {len(values)}, not {scale.size}")
            return [
                replace(way, synapses=way.synapses.with_values(values * rows.reshape(-1, *[1] * (values.ndim - 1))))
            ]
        if np.all(scale == scale[0]):
            return [replace(way, scale=way.scale * float(scale[0]))]
        return self._affine(name, _Matrix(np.diag(scale)), way)

    def _conv2d(self, name: str, node: Any, way: _Way) -> list[_Way]:
        kernel = np.asarray(node.weight, dtype=np.float64)
        groups = int(node.groups)
        if tuple(np.ravel(node.dilation).tolist()) not in ((1, 1), (1,)):
            raise ValueError(f"{name}: dilation must be 1, not {node.dilation}")
        if way.synapses is not None:
            raise ValueError(f"{name}: a Conv2d must hear neurons or the input, pooled or not, but no other weights")
        if groups > 1:  # the same with zeros
            per = kernel.shape[0] // groups
            whole = np.zeros((kernel.shape[0], kernel.shape[1] * groups, *kernel.shape[2:]))
            for group in range(groups):
                rows = slice(group * per, (group + 1) * per)
                whole[rows, group * kernel.shape[1] : (group + 1) * kernel.shape[1]] = kernel[rows]
            kernel = whole
        shape = way.shape
        if len(shape) != 3:
            raise ValueError(f"{name}: a Conv2d must hear (channels, height, width), not {shape} of {way.source}")
        stride = _pair(name, "stride", node.stride)
        if isinstance(node.padding, str):
            same = node.padding == "same"
            if same and (stride != (1, 1) or kernel.shape[2] % 2 == 0 or kernel.shape[3] % 2 == 0):
                raise ValueError(f"{name}: padding 'same' needs a stride of 1 and an odd kernel")
            padding = (kernel.shape[2] // 2, kernel.shape[3] // 2) if same else (0, 0)
        else:
            padding = _pair(name, "padding", node.padding)
        try:
            synapses = Convolution(
                kernel=kernel * way.scale, input_shape=shape, stride=stride, padding=padding, pool=way.pool
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        return [replace(way, synapses=synapses, shape=synapses.output_shape, pool=(1, 1), scale=1.0)]

    def _sumpool2d(self, name: str, node: Any, way: _Way) -> list[_Way]:
        kernel, stride = _pair(name, "kernel_size", node.kernel_size), _pair(name, "stride", node.stride)
        if kernel != stride or _pair(name, "padding", node.padding) != (0, 0):
            raise ValueError(
                f"{name}: pooling must have tiles side by side and no padding (kernel_size = stride), not {kernel} "
                f"with stride {stride} and padding {_pair(name, 'padding', node.padding)}"
            )
        if way.synapses is not None:
            raise ValueError(f"{name}: pooling must hear neurons or the input, but no weights")
        pool = (way.pool[0] * kernel[0], way.pool[1] * kernel[1])
        if len(way.shape) != 3 or way.shape[1] < pool[0] or way.shape[2] < pool[1]:
            raise ValueError(f"{name}: pooling must hear (channels, height, width) of {pool} at least, not {way.shape}")
        return [replace(way, pool=pool)]

    def _avgpool2d(self, name: str, node: Any, way: _Way) -> list[_Way]:
        size = math.prod(_pair(name, "kernel_size", node.kernel_size))
        return [replace(each, scale=each.scale / size) for each in self._sumpool2d(name, node, way)]

    def _flatten(self, name: str, node: Any, way: _Way) -> list[_Way]:
        return [way]  # a picture's natural order is that of its flat form

    def _delay(self, name: str, node: Any, way: _Way) -> list[_Way]:
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
            return [replace(way, delay=way.delay + int(some[0]))]
        if len(some) > MOST_PARTS or (way.synapses is None and way.pool != (1, 1)):
            raise ValueError(f"{name}: at most {MOST_PARTS} different delays, behind no pooling, not {len(some)}")
        made = []
        for delay in some.tolist():  # each delay has synapses of its own
            mask = (rounded == delay).astype(np.float64)
            if way.synapses is None:
                part = self._affine(name, _Matrix(np.diag(mask)), way)[0]
            elif len(mask) == len(way.synapses.values):
                values = way.synapses.values
                part = replace(
                    way, synapses=way.synapses.with_values(values * mask.reshape(-1, *[1] * (values.ndim - 1)))
                )
            else:
                raise ValueError(f"{name}: the neurons of a channel must have the same delay")
            made.append(replace(part, delay=way.delay + delay))
        return made

    def _layer(self, name: str, ways: list[_Way], bias: Any) -> Layer:
        node = self.nodes[name]
        try:
            neurons = _neurons(node, self.subtract)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        shape, projections = self._shape(name), []
        for way in ways:
            synapses = way.synapses
            if synapses is None:  # straight from other neurons
                size = math.prod(way.shape)
                if way.pool != (1, 1):
                    tiles = way.shape[0] * (way.shape[1] // way.pool[0]) * (way.shape[2] // way.pool[1])
                    synapses = Dense(weights=way.scale * np.eye(tiles), input_shape=way.shape, pool=way.pool)
                else:
                    synapses = Dense(weights=way.scale * np.eye(size), input_shape=way.shape)
            if math.prod(synapses.output_shape) != neurons.count:
                raise ValueError(
                    f"{name}: must hear as many as it has neurons, {neurons.count}, not {synapses.output_shape}"
                )
            if len(synapses.output_shape) == 3:
                shape = synapses.output_shape
            projections.append(Projection(source=int(way.source), synapses=synapses, delay=way.delay))
        return Layer(name=name, shape=shape, neurons=neurons, projections=tuple(projections), bias=np.ravel(bias))


def _sorted(names: list[str], heard: dict[str, tuple[list[_Way], Any]]) -> list[str]:
    """The layers, each after those that it hears in the same tick, as far as that is possible."""
    left, made = list(names), list[str]()
    while left:
        free = (name for name in left if all(way.delay or way.source not in left for way in heard[name][0]))
        chosen = next(free, left[0])
        left.remove(chosen)
        made.append(chosen)
    return made


@dataclass(frozen=True)
class _Matrix:
    weight: Array


_KNOWN = {*NEURONS, *SYNAPSES, "Input", "Output"}


def _pair(name: str, what: str, value: Any) -> tuple[int, int]:
    numbers = [int(n) for n in np.ravel(value)]
    if len(numbers) not in (1, 2):
        raise ValueError(f"{name}: {what} must have one number or two, not {numbers}")
    return numbers[0], numbers[-1]


def _neurons(node: Any, subtract: bool) -> Neurons:
    kind, count = _kind(node), int(np.size(node.r))
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


def to_nir(network: Network) -> Any:
    """A network as a graph of the package ``nir``.

    Its tick, its reset and how it is discretised have no place in NIR: they stand in the graph's metadata, as ``dt``,
    ``reset`` and ``discretisation``.

    Raises
    ------
    ValueError
        If it has what NIR lacks: refractory times, spread, or ``>=``.
    """
    import nir

    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(network.input_shape)})}
    edges: list[tuple[str, str]] = []
    names = [layer.name for layer in network.layers]
    for layer in network.layers:
        neurons = layer.neurons
        if neurons.refractory or neurons.faults.any() or neurons.spread.threshold_d2d or neurons.spread.threshold_c2c:
            raise ValueError(f"{layer.name}: NIR has no refractory time, spread or broken devices")
        if neurons.threshold is not None and not neurons.strict:
            raise ValueError(f"{layer.name}: NIR has '>' for the threshold, not '>='")
        nodes[layer.name] = _node(layer)
        for n, one in enumerate(layer.projections):
            made = _chain(layer, n, one)
            if n == 0 and np.any(layer.bias):
                made = _with_bias(layer, made)
            before = "input" if one.source == INPUT else names[one.source]
            for name, node in made:
                nodes[name] = node
                edges.append((before, name))
                before = name
            edges.append((before, layer.name))
    nodes["output"] = nir.Output({"output": np.array(network.layers[-1].shape)})
    edges.append((names[-1], "output"))
    resets = {"subtract" if layer.neurons.subtract else "to value" for layer in network.layers}
    metadata = {"dt": network.dt, "discretisation": network.discretisation, "reset": ", ".join(sorted(resets))}
    return nir.NIRGraph(nodes, edges, metadata=metadata)


def _node(layer: Layer) -> Any:
    import nir

    neurons = layer.neurons

    def column(value: Any) -> Array:
        return np.asarray(value, dtype=np.float64).reshape(layer.shape)

    r = column(neurons.r)
    if neurons.tau is None:
        if neurons.tau_syn is not None:
            raise ValueError(f"{layer.name}: NIR has no synaptic current without a leak")
        if neurons.threshold is None:
            return nir.I(r=r)
        return nir.IF(r=r, v_threshold=column(neurons.threshold), v_reset=column(neurons.reset))
    leak, tau = column(neurons.leak), column(neurons.tau)
    fires = neurons.threshold is not None
    limits = {"v_threshold": column(neurons.threshold), "v_reset": column(neurons.reset)} if fires else {}
    if neurons.tau_syn is None:
        return (nir.LIF if fires else nir.LI)(tau=tau, r=r, v_leak=leak, **limits)
    current = {"tau_syn": column(neurons.tau_syn), "w_in": column(neurons.w_in)}
    return (nir.CubaLIF if fires else nir.CubaLI)(tau_mem=tau, r=r, v_leak=leak, **current, **limits)


def _chain(layer: Layer, n: int, one: Projection) -> list[tuple[str, Any]]:
    """The nodes between a source and a layer."""
    import nir

    synapses, made = one.synapses, list[tuple[str, Any]]()
    prefix = f"{layer.name}_{n}"
    if one.delay:
        made.append((f"{prefix}_delay", nir.Delay(np.full(synapses.input_shape, one.delay, dtype=np.float64))))
    if synapses.pool != (1, 1):
        tiles = np.array(synapses.pool)
        made.append((f"{prefix}_pool", nir.SumPool2d(kernel_size=tiles, stride=tiles, padding=np.array([0, 0]))))
    if isinstance(synapses, Convolution):
        made.append(
            (
                f"{prefix}_conv",
                nir.Conv2d(
                    input_shape=tuple(synapses.source_shape[1:]),
                    weight=synapses.kernel,
                    stride=synapses.stride,
                    padding=synapses.padding,
                    dilation=(1, 1),
                    groups=1,
                    bias=np.zeros(len(synapses.kernel)),
                ),
            )
        )
        return made
    if len(synapses.input_shape) == 3:
        shape = np.array(
            [synapses.input_shape[0], *(a // b for a, b in zip(synapses.input_shape[1:], synapses.pool, strict=True))]
        )
        made.append((f"{prefix}_flat", nir.Flatten({"input": shape}, start_dim=0, end_dim=-1)))
    made.append((f"{prefix}_weights", nir.Linear(synapses.weights)))
    return made


def _with_bias(layer: Layer, made: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    import nir

    name, node = made[-1]
    bias = np.asarray(layer.bias)
    if isinstance(node, nir.Linear):
        return [*made[:-1], (name, nir.Affine(node.weight, bias))]
    by_channel = bias.reshape(len(node.weight), -1)
    if not (by_channel == by_channel[:, :1]).all():
        raise ValueError(f"{layer.name}: NIR has one bias for a channel")
    return [*made[:-1], (name, replace(node, bias=by_channel[:, 0]))]


def write(path: str | Path, network: Network) -> None:
    """Write a network as a NIR file; as `to_nir`."""
    import nir

    graph = to_nir(network)
    for node in graph.nodes.values():
        if type(node).__name__ == "Delay":
            node.delay = node.delay * network.dt
    nir.write(path, graph)
