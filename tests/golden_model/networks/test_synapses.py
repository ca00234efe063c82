"""Matrices of synapses against scipy's correlation, and the table of what a spike reaches against the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate2d

from neuristor.golden_model.networks.synapses import Convolution, Dense, pooling, reach

SHAPES: list[dict[str, Any]] = [
    {"input_shape": (2, 7, 6)},
    {"input_shape": (2, 7, 6), "stride": (2, 1), "padding": (1, 2)},
    {"input_shape": (2, 9, 8), "pool": (2, 3), "padding": (1, 1)},
    {"input_shape": (2, 5, 5), "stride": (3, 3), "padding": (2, 2)},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_convolution_is_what_scipy_correlates(shape: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.integers(-5, 6, (3, 2, 3, 2))
    synapses = Convolution(kernel=kernel, **shape)
    picture = rng.integers(0, 2, shape["input_shape"])
    rows, columns = shape.get("pool", (1, 1))
    channels, height, width = picture.shape
    tiles = picture[:, : height // rows * rows, : width // columns * columns]
    tiles = tiles.reshape(channels, height // rows, rows, width // columns, columns).sum(axis=(2, 4))
    down, across = synapses.padding
    padded = np.pad(tiles, ((0, 0), (down, down), (across, across)))
    expected = np.array([sum(correlate2d(padded[c], k[c], "valid") for c in range(channels)) for k in kernel])[
        :, :: synapses.stride[0], :: synapses.stride[1]
    ]
    assert expected.shape == synapses.output_shape
    assert (synapses.matrix() @ picture.ravel() == expected.ravel()).all()


def test_dense_synapses_of_pooled_spikes() -> None:
    weights = np.random.default_rng(1).integers(-8, 8, (4, 2 * 2 * 1))
    synapses = Dense(weights=weights, input_shape=(2, 5, 3), pool=(2, 3))
    picture = np.random.default_rng(2).integers(0, 2, (2, 5, 3))
    tiles = picture[:, :4].reshape(2, 2, 2, 3).sum(axis=(2, 3))
    assert (synapses.matrix() @ picture.ravel() == weights @ tiles.ravel()).all()
    assert pooling((2, 5, 3), (2, 3)).shape == (4, 30)


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 0), (5, 3, 2), (2, 4, 1)])
def test_reach_names_every_output_that_hears(size: int, kernel: int, stride: int, padding: int) -> None:
    outputs = (size + 2 * padding - kernel) // stride + 1
    if outputs < 1:
        return
    for at in range(size):
        first, count, tap = reach(at, outputs, kernel, stride, padding)
        expected = [(o, at + padding - o * stride) for o in range(outputs) if 0 <= at + padding - o * stride < kernel]
        assert [(first + n, tap - n * stride) for n in range(count)] == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(weights=np.zeros(3)), "weights must have 2 dimensions"),
        (lambda: Dense(weights=np.array([[1.0, float("nan")]])), "weights must be finite"),
        (lambda: Dense(weights=np.zeros((2, 3)), input_shape=(4,)), "weights must have 4 columns, not 3"),
        (lambda: Dense(weights=np.zeros((2, 4)), input_shape=(4,), pool=(2, 2)), "pooled inputs must have shape"),
        (lambda: Convolution(kernel=np.zeros((1, 2, 3, 3)), input_shape=(1, 5, 5)), r"input_shape must be \(2, height"),
        (lambda: Convolution(kernel=np.zeros((1, 1, 6, 3)), input_shape=(1, 5, 5)), "kernel must fit"),
        (lambda: Convolution(kernel=np.zeros((1, 1, 3, 3)), input_shape=(1, 5, 5), stride=(0, 1)), "stride must be"),
        (lambda: Convolution(kernel=np.zeros((1, 1, 3, 3)), input_shape=(1, 5, 5), pool=(9, 9)), "pool must be"),
    ],
)
def test_shapes_that_do_not_match_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_words_are_no_weights() -> None:
    with pytest.raises(TypeError, match="weights must hold numbers"):
        Dense(weights=np.array([["a"]]))
