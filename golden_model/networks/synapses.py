"""Synapses between two layers of a spiking network: dense matrices and convolutions, with or without pooling.

Shapes are those of NIR and PyTorch: a picture is (channels, height, width), and the number of a neuron in it is
``(channel * height + y) * width + x``. Pooling sums the spikes of each tile. Everything up to the membrane is linear,
so a circuit needs no adders for it: each spike acts through the weights of its tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["Convolution", "Dense", "Synapses", "pooled", "pooling", "reach"]

Array = NDArray[Any]


def pooling(shape: tuple[int, ...], pool: tuple[int, int]) -> Any:
    """The sums over the tiles of a picture, as a matrix.

    Parameters
    ----------
    shape : tuple of int
        Channels, height, width of the picture. Rows and columns at the lower and right border that do not fill a tile
        are left out.
    pool : tuple of int
        Height and width of a tile.

    Returns
    -------
    scipy.sparse.csr_array of int64, shape (tiles, neurons)
        1 where a neuron belongs to a tile.
    """
    channels, height, width = shape
    rows, columns = height // pool[0], width // pool[1]
    c, y, x = (a.ravel() for a in np.indices(shape))
    ty, tx = y // pool[0], x // pool[1]
    inside = (ty < rows) & (tx < columns)
    tile = ((c * rows + ty) * columns + tx)[inside]
    shape_out = (channels * rows * columns, channels * height * width)
    return scipy.sparse.csr_array((np.ones(len(tile), dtype=np.int64), (tile, np.flatnonzero(inside))), shape=shape_out)


def pooled(shape: tuple[int, ...], pool: tuple[int, int]) -> tuple[int, ...]:
    """The shape of a picture after pooling.

    Parameters
    ----------
    shape : tuple of int
        Channels, height, width of the picture; any shape for no pooling.
    pool : tuple of int
        Height and width of a tile; (1, 1) for no pooling.

    Returns
    -------
    tuple of int
        Channels, rows and columns of whole tiles.

    Raises
    ------
    ValueError
        If `shape` is no picture, or no tile fits it.
    """
    if pool == (1, 1):
        return shape
    if len(shape) != 3:
        raise ValueError(f"pooled inputs must have shape (channels, height, width), not {shape}")
    if not (1 <= pool[0] <= shape[1] and 1 <= pool[1] <= shape[2]):
        raise ValueError(f"pool must be at least 1 and fit {shape[1:]}, not {pool}")
    return shape[0], shape[1] // pool[0], shape[2] // pool[1]


def _numbers(name: str, values: Array, dimensions: int) -> Array:
    array = np.asarray(values)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{name} must have {dimensions} dimensions, none of them empty, not shape {array.shape}")
    if array.dtype.kind not in "fi":
        raise TypeError(f"{name} must hold numbers, not {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but it holds a NaN or an infinity")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """A dense matrix: every neuron has a synapse from every input.

    Parameters
    ----------
    weights : ndarray of float or int, shape (count, inputs)
        ``weights[i, j]`` is the weight from input j (from tile j, with pooling) to neuron i.
    input_shape : tuple of int, optional
        Shape of the source, before pooling; ``(inputs,)`` by default.
    pool : tuple of int
        Height and width of the tiles that are summed; (1, 1) for no pooling.

    Raises
    ------
    ValueError
        If shapes do not match, or a weight is not finite.
    TypeError
        If the weights are not numbers.
    """

    weights: Array
    input_shape: tuple[int, ...] = ()
    pool: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        weights = _numbers("weights", self.weights, 2)
        object.__setattr__(self, "weights", weights)
        shape = tuple(int(n) for n in self.input_shape) or (weights.shape[1],)
        object.__setattr__(self, "input_shape", shape)
        if math.prod(pooled(shape, self.pool)) != weights.shape[1]:
            raise ValueError(f"weights must have {math.prod(pooled(shape, self.pool))} columns, not {weights.shape[1]}")

    @property
    def values(self) -> Array:
        """The weights; the first axis counts neurons, or channels of neurons."""
        return self.weights

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the neurons."""
        return (len(self.weights),)

    def with_values(self, values: Array) -> Dense:
        """The same synapses with other weights.

        Parameters
        ----------
        values : ndarray
            Weights, in the shape of `values`.
        """
        return replace(self, weights=values)

    def matrix(self) -> Any:
        """The weight from each input, before pooling, to each neuron, shape (count, inputs).

        Returns
        -------
        ndarray or scipy.sparse.csr_array
            Sparse with pooling.
        """
        if self.pool == (1, 1):
            return self.weights
        return scipy.sparse.csr_array(scipy.sparse.csr_array(self.weights) @ pooling(self.input_shape, self.pool))


def reach(at: int, size: int, kernel: int, stride: int, padding: int) -> tuple[int, int, int]:
    """The outputs of a convolution that an input acts on, along one axis.

    Parameters
    ----------
    at : int
        Position of the input, from 0.
    size : int
        Number of outputs.
    kernel, stride, padding : int
        Size of the kernel, step of the kernel from output to output, and zeros added at each border.

    Returns
    -------
    first : int
        The first output.
    count : int
        Number of outputs; 0 for none.
    tap : int
        Position in the kernel of the weight to the first output; it is `stride` lower for each further output.
    """
    first = max(0, -(-(at + padding - kernel + 1) // stride))
    last = min(size - 1, (at + padding) // stride)
    return first, max(0, last - first + 1), at + padding - first * stride


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A convolution of a picture with a kernel.

    Parameters
    ----------
    kernel : ndarray of float or int, shape (channels out, channels in, height, width)
        Weights; the kernel is not flipped (cross-correlation), as in PyTorch.
    input_shape : tuple of int
        Channels, height, width of the source, before pooling.
    stride : tuple of int
        Vertical and horizontal step of the kernel, at least 1.
    padding : tuple of int
        Rows and columns of zeros added at each border, at least 0.
    pool : tuple of int
        Height and width of the tiles that are summed before the convolution; (1, 1) for no pooling.

    Raises
    ------
    ValueError
        If shapes do not match, the kernel is larger than the padded picture, or a weight is not finite.
    TypeError
        If the weights are not numbers.
    """

    kernel: Array
    input_shape: tuple[int, ...]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    pool: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        kernel = _numbers("kernel", self.kernel, 4)
        object.__setattr__(self, "kernel", kernel)
        for name in ("input_shape", "stride", "padding", "pool"):
            object.__setattr__(self, name, tuple(int(n) for n in getattr(self, name)))
        if len(self.input_shape) != 3 or self.input_shape[0] != kernel.shape[1]:
            raise ValueError(
                f"input_shape must be ({kernel.shape[1]}, height, width), as the kernel says, not {self.input_shape}"
            )
        if min(self.stride) < 1 or min(self.padding) < 0:
            raise ValueError(f"stride must be at least 1 and padding at least 0, not {self.stride} and {self.padding}")
        if min(self.output_shape) < 1:
            raise ValueError(f"kernel must fit the padded picture {self.source_shape[1:]}, not be {kernel.shape[2:]}")

    @property
    def values(self) -> Array:
        """The weights; the first axis counts neurons, or channels of neurons."""
        return self.kernel

    @property
    def source_shape(self) -> tuple[int, ...]:
        """Channels, height, width of the picture after pooling."""
        return pooled(self.input_shape, self.pool)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Channels, height, width of the neurons."""
        sizes = [
            (self.source_shape[n + 1] + 2 * self.padding[n] - self.kernel.shape[n + 2]) // self.stride[n] + 1
            for n in (0, 1)
        ]
        return (self.kernel.shape[0], *sizes)

    def with_values(self, values: Array) -> Convolution:
        """The same synapses with other weights.

        Parameters
        ----------
        values : ndarray
            Weights, in the shape of `values`.
        """
        return replace(self, kernel=values)

    def matrix(self) -> Any:
        """The weight from each input, before pooling, to each neuron.

        Returns
        -------
        scipy.sparse.csr_array, shape (count, inputs)
        """
        channels, height, width = self.source_shape
        outs, rows, columns = self.output_shape
        o, c, ky, kx, y, x = (
            a.ravel() for a in np.indices((outs, channels, *self.kernel.shape[2:], rows, columns), sparse=False)
        )
        sy, sx = y * self.stride[0] + ky - self.padding[0], x * self.stride[1] + kx - self.padding[1]
        inside = (sy >= 0) & (sy < height) & (sx >= 0) & (sx < width)
        to, of = ((o * rows + y) * columns + x)[inside], ((c * height + sy) * width + sx)[inside]
        made = scipy.sparse.csr_array(
            (self.kernel[o, c, ky, kx][inside], (to, of)), shape=(outs * rows * columns, channels * height * width)
        )
        return made if self.pool == (1, 1) else scipy.sparse.csr_array(made @ pooling(self.input_shape, self.pool))


Synapses = Dense | Convolution
"""Either kind of synapses."""
