"""Paths between layers: the nodes between a source and the neurons that it reaches, merged into synapses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from neuristor.golden_model.networks.nir_graph.nodes import finite, pair
from neuristor.golden_model.networks.synapses import Convolution, Dense, Synapses, pooled, pooling

__all__ = ["OPERATIONS", "Route", "parted"]

MOST_WEIGHTS = 1 << 25
"""Largest matrix or kernel that merging makes."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path that begins at a source, and what its nodes do with the source's spikes.

    Parameters
    ----------
    source : str
        Name of the source.
    input_shape : tuple of int
        Shape of the source.
    shape : tuple of int
        Shape of the values at the end of the path.
    delay : int
        Ticks.
    pool : tuple of int
        Height and width of tiles that are summed first; (1, 1) where `synapses` include them.
    scale : float
        Factor of the spikes; 1 where `synapses` include it.
    synapses : Dense or Convolution, optional
        Weights.
    """

    source: str
    input_shape: tuple[int, ...]
    shape: tuple[int, ...]
    delay: int = 0
    pool: tuple[int, int] = (1, 1)
    scale: float = 1.0
    synapses: Synapses | None = None

    @classmethod
    def begin(cls, source: str, shape: tuple[int, ...]) -> Route:
        """A path without nodes.

        Parameters
        ----------
        source : str
            Name of the source.
        shape : tuple of int
            Its shape.
        """
        return cls(source=source, input_shape=shape, shape=shape)

    def led_through(self, synapses: Synapses, shape: tuple[int, ...]) -> Route:
        """The path with other synapses, which include pool and scale.

        Parameters
        ----------
        synapses : Dense or Convolution
            The synapses.
        shape : tuple of int
            Shape of the values at their end.
        """
        return replace(self, synapses=synapses, shape=shape, pool=(1, 1), scale=1.0)

    def matrix(self) -> Any:
        """The weight from each input of the path to each of its ends.

        Returns
        -------
        ndarray or scipy.sparse.csr_array, shape (ends, inputs)
        """
        if self.synapses is not None:
            return self.synapses.matrix()
        if self.pool == (1, 1):
            return self.scale * scipy.sparse.eye_array(math.prod(self.input_shape), format="csr")
        return self.scale * pooling(self.input_shape, self.pool)

    def ended(self, name: str, shape: tuple[int, ...]) -> Synapses:
        """The synapses of the path; where no node has weights, each value goes to one neuron.

        Parameters
        ----------
        name : str
            The layer at the end, for messages.
        shape : tuple of int
            Shape of the layer.
        """
        if self.synapses is not None:
            return self.synapses
        if len(shape) == 3 and self.shape == shape:
            made = _convolution(name, _diagonal(name, np.ones(shape[0])), (1, 1), (0, 0), self).synapses
            assert made is not None
            return made
        return _dense(name, np.eye(_room(name, math.prod(self.shape))), self)


def _room(name: str, count: int, inputs: int | None = None) -> int:
    """The number of rows of a matrix to make; by default, as many columns.

    Raises
    ------
    ValueError
        If it is too large.
    """
    if count * (count if inputs is None else inputs) > MOST_WEIGHTS:
        raise ValueError(f"{name}: must need at most {MOST_WEIGHTS} weights, not {count} x {inputs or count}")
    return count


def _dense(name: str, weight: Array, route: Route) -> Dense:
    """A matrix after the path.

    Raises
    ------
    ValueError
        If it does not fit the values of the path.
    """
    if weight.shape[1] != math.prod(route.shape):
        raise ValueError(
            f"{name}: weights must have {math.prod(route.shape)} columns, not {weight.shape[1]} (its source is "
            f"{route.source})"
        )
    if route.synapses is None:
        return Dense(weights=weight * route.scale, input_shape=route.input_shape, pool=route.pool)
    _room(name, len(weight), math.prod(route.input_shape))
    return Dense(weights=np.asarray(weight @ route.synapses.matrix()), input_shape=route.input_shape)


def _convolution(name: str, kernel: Array, stride: tuple[int, int], padding: tuple[int, int], route: Route) -> Route:
    """A convolution after the path.

    Raises
    ------
    ValueError
        If it does not fit the values of the path.
    """
    first = route.synapses
    if len(route.shape) != 3:
        raise ValueError(f"{name}: its input must be (channels, height, width), not {route.shape} of {route.source}")
    try:
        own = Convolution(kernel=kernel, input_shape=route.shape, stride=stride, padding=padding)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if first is None:
        made: Synapses = replace(own, kernel=kernel * route.scale, input_shape=route.input_shape, pool=route.pool)
    elif isinstance(first, Convolution) and padding == (0, 0):
        made = _merged(name, first, own)
    else:
        _room(name, math.prod(own.output_shape), math.prod(route.input_shape))
        product = own.matrix() @ first.matrix()
        made = Dense(weights=getattr(product, "toarray", lambda: product)(), input_shape=route.input_shape)
    return route.led_through(made, own.output_shape)


def _merged(name: str, first: Convolution, then: Convolution) -> Convolution:
    """Two convolutions, the second without padding, as one."""
    inner, outer = first.kernel, then.kernel
    height, width = (inner.shape[n + 2] + (outer.shape[n + 2] - 1) * first.stride[n] for n in (0, 1))
    _room(name, len(outer) * inner.shape[1], height * width)
    kernel = np.zeros((len(outer), inner.shape[1], height, width))
    for y, x in np.ndindex(*outer.shape[2:]):
        down, across = y * first.stride[0], x * first.stride[1]
        kernel[:, :, down : down + inner.shape[2], across : across + inner.shape[3]] += np.tensordot(
            outer[:, :, y, x], inner, axes=1
        )
    return replace(first, kernel=kernel, stride=(first.stride[0] * then.stride[0], first.stride[1] * then.stride[1]))


def _diagonal(name: str, factors: Array, size: tuple[int, int] = (1, 1)) -> Array:
    """A kernel that leaves channels apart, with one weight for each."""
    _room(name, len(factors) ** 2, math.prod(size))
    return np.asarray(np.diag(factors)[:, :, None, None] * np.ones(size))


def _elements(name: str, what: str, value: Any, shape: tuple[int, ...]) -> Array:
    """The numbers of a node that acts on each value alone.

    Raises
    ------
    ValueError
        If they are not finite, or neither one nor one for each value.
    """
    numbers = finite(name, what, value)
    if numbers.size == 1:
        return np.full(shape, float(numbers.flat[0]))
    if numbers.size == math.prod(shape):
        return numbers.reshape(shape)
    raise ValueError(f"{name}: {what} must have one number, or those of the shape {shape}, not shape {numbers.shape}")


def _rows(name: str, what: str, values: Array, synapses: Synapses) -> Array:
    """One of the given numbers for each row of weights: each neuron of a matrix, each channel of a convolution.

    Raises
    ------
    ValueError
        If they differ within a channel.
    """
    by_row = values.reshape(len(synapses.values), -1)
    if not (by_row == by_row[:, :1]).all():
        raise ValueError(f"{name}: {what} must be the same within a channel after a convolution")
    return by_row[:, 0]


def _times(route: Route, rows: Array) -> Route:
    """The path with each row of its weights times a factor."""
    assert route.synapses is not None
    values = route.synapses.values
    return replace(route, synapses=route.synapses.with_values(values * rows.reshape(-1, *[1] * (values.ndim - 1))))


def _factors(name: str, what: str, factors: Array, route: Route) -> Route:
    """The path with each value at its end times a factor."""
    if route.synapses is not None:
        return _times(route, _rows(name, what, factors, route.synapses))
    if (factors == factors.flat[0]).all():
        return replace(route, scale=route.scale * float(factors.flat[0]))
    by_channel = factors.reshape(len(factors), -1)
    if len(route.shape) == 3 and (by_channel == by_channel[:, :1]).all():
        return _convolution(name, _diagonal(name, by_channel[:, 0]), (1, 1), (0, 0), route)
    _room(name, factors.size)
    return route.led_through(_dense(name, np.diag(factors.ravel()), route), route.shape)


def _affine(name: str, node: Any, route: Route) -> Route:
    weight = finite(name, "weight", node.weight)
    if weight.ndim != 2:
        raise ValueError(f"{name}: weight must have two dimensions, not shape {weight.shape}")
    return route.led_through(_dense(name, weight, route), (len(weight),))


def _scale(name: str, node: Any, route: Route) -> Route:
    return _factors(name, "scale", _elements(name, "scale", node.scale, route.shape), route)


def _convolved(name: str, node: Any, route: Route) -> Route:
    """Conv2d; and Conv1d, where pictures have one row.

    Raises
    ------
    ValueError
        If an argument is outside its range, or does not fit the input.
    """
    kernel, line = finite(name, "weight", node.weight), np.ndim(node.weight) == 3
    if line:
        kernel = kernel[:, :, None, :]
    if kernel.ndim != 4:
        raise ValueError(f"{name}: weight must have the dimensions of a kernel, not shape {kernel.shape}")
    if set(np.ravel(node.dilation).tolist()) != {1}:
        raise ValueError(f"{name}: dilation must be 1, not {node.dilation}")
    wanted = () if node.input_shape is None else tuple(int(n) for n in np.ravel(node.input_shape))
    if len(route.shape) == 3 and wanted != route.shape[3 - len(wanted) :]:
        raise ValueError(f"{name}: input_shape must be that of its input, {route.shape[1:]}, not {wanted}")
    if line and len(route.shape) == 3 and route.shape[1] != 1:
        raise ValueError(f"{name}: the input of a Conv1d must be (channels, length), not {route.shape}")
    kernel = _ungrouped(name, kernel, int(node.groups))
    stride = pair(name, "stride", node.stride)
    if not isinstance(node.padding, str):
        padding = pair(name, "padding", node.padding)
    elif node.padding == "valid":
        padding = (0, 0)
    elif stride == (1, 1) and kernel.shape[2] % 2 and kernel.shape[3] % 2:
        padding = (kernel.shape[2] // 2, kernel.shape[3] // 2)
    else:
        raise ValueError(f"{name}: padding 'same' needs a stride of 1 and an odd kernel")
    if line:
        stride, padding = (1, stride[1]), (0, padding[1])
    return _convolution(name, kernel, stride, padding, route)


def _ungrouped(name: str, kernel: Array, groups: int) -> Array:
    """The kernel of all groups together, with zeros between them.

    Raises
    ------
    ValueError
        If the output channels are no multiple of the groups.
    """
    if groups == 1:
        return kernel
    outs, ins = kernel.shape[:2]
    if groups < 1 or outs % groups:
        raise ValueError(f"{name}: groups must be a divisor of the {outs} output channels, not {groups}")
    _room(name, outs * groups, math.prod(kernel.shape[1:]))
    full = np.zeros((outs, ins * groups, *kernel.shape[2:]))
    for group, rows in enumerate(np.split(np.arange(outs), groups)):
        full[rows, group * ins : (group + 1) * ins] = kernel[rows]
    return full


def _sumpool2d(name: str, node: Any, route: Route) -> Route:
    size, stride = pair(name, "kernel_size", node.kernel_size), pair(name, "stride", node.stride)
    padding = pair(name, "padding", node.padding)
    if len(route.shape) != 3 or any(not 1 <= b <= a for a, b in zip(route.shape[1:], size, strict=True)):
        raise ValueError(
            f"{name}: the tiles of a pool must be at least 1 x 1 and fit its input, (channels, height, width), not "
            f"{size} in {route.shape}"
        )
    if route.synapses is None and size == stride and padding == (0, 0):
        pool = (route.pool[0] * size[0], route.pool[1] * size[1])
        return replace(route, pool=pool, shape=pooled(route.input_shape, pool))
    return _convolution(name, _diagonal(name, np.ones(route.shape[0]), size), stride, padding, route)


def _avgpool2d(name: str, node: Any, route: Route) -> Route:
    made = _sumpool2d(name, node, route)
    share = 1 / math.prod(pair(name, "kernel_size", node.kernel_size))
    return _factors(name, "scale", np.full(made.shape, share), made)


def _flatten(name: str, node: Any, route: Route) -> Route:
    return route  # neurons of a picture are numbered in this order anyway


OPERATIONS: dict[str, Callable[[str, Any, Route], Route]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Scale": _scale,
    "Conv1d": _convolved,
    "Conv2d": _convolved,
    "SumPool2d": _sumpool2d,
    "AvgPool2d": _avgpool2d,
    "Flatten": _flatten,
}
"""What each node makes of a path: (name, node, path) -> path."""


def parted(name: str, delays: NDArray[np.int64], route: Route) -> list[Route]:
    """The path with delays at its end: one path for each different delay.

    Parameters
    ----------
    name : str
        Name of the node, for messages.
    delays : ndarray of int, any shape
        One, or one for each value, in ticks.
    route : Route
        The path.
    """
    each = _elements(name, "delay", delays, route.shape)
    some = np.unique(each)
    if len(some) == 1:
        return [replace(route, delay=route.delay + int(some[0]))]
    return [
        replace(_factors(name, "delay", (each == delay).astype(float), route), delay=route.delay + int(delay))
        for delay in some
    ]
