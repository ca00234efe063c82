"""Associative memory: learning rules that store patterns in the weights of a network, and tests of the recall.

Patterns are rows of +1 and -1. All rules give real weights with a zero diagonal; `quantized` converts them to integers.
For a recall, the network starts from a pattern in which some pixels are wrong, as phases of 0 and half a period. Only
phase differences have a meaning, so a pattern and its inverse are the same.

References
----------
D. O. Hebb's rule as in J. J. Hopfield, PNAS 79, 1982; A. Storkey, ICANN 1997; L. Personnaz, I. Guyon and G.
Dreyfus, J. Physique Lett. 46, 1985 (pseudo-inverse); S. Diederich and M. Opper, Phys. Rev. Lett. 58, 1987 (rule I).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import whole
from neuristor.golden_model.files import text
from neuristor.golden_model.networks.onn import MOST, OnnBitTrue, OnnParams, spins

__all__ = [
    "LETTERS",
    "RULES",
    "Patterns",
    "Recall",
    "capacity",
    "diederich_opper",
    "disturbed",
    "hebbian",
    "letters",
    "pseudo_inverse",
    "quantized",
    "read_patterns",
    "recall",
    "storkey",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LETTERS = ("3x3", "5x4", "7x6", "10x10", "22x22")
"""Sizes of the sets of letters of this package, rows by columns."""
PERIODS = 100
"""Longest time of a recall, in periods."""
ROUNDS = 1000
"""Largest number of passes over all patterns in `diederich_opper`."""


def _patterns(patterns: ArrayLike) -> Floats:
    """Check patterns.

    Raises
    ------
    ValueError
        If they are not a matrix of +1 and -1.
    """
    made = np.asarray(patterns, dtype=np.float64)
    if made.ndim != 2 or 0 in made.shape:
        raise ValueError(f"patterns must have shape (patterns, count), not {made.shape}")
    if not np.isin(made, (-1.0, 1.0)).all():
        raise ValueError("patterns must hold +1 and -1 only")
    return made


def _without_diagonal(weights: Floats) -> Floats:
    np.fill_diagonal(weights, 0)
    return weights


def hebbian(patterns: ArrayLike) -> Floats:
    """Hebb's rule: ``w_ij = sum x_i x_j / N``, the sum over all patterns x, with N the number of pixels.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, count)
        +1 and -1.

    Returns
    -------
    ndarray of float, shape (count, count)
        Weights w, symmetric.
    """
    x = _patterns(patterns)
    return _without_diagonal(x.T @ x / x.shape[1])


def storkey(patterns: ArrayLike) -> Floats:
    """Storkey's rule: ``w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N`` for one pattern x after the other.

    h_ij is the weighted sum at i without the contributions of i and j, N the number of pixels.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, count)
        +1 and -1.

    Returns
    -------
    ndarray of float, shape (count, count)
        Weights w, symmetric.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    weights = np.zeros((count, count))
    for row in x:
        field = weights @ row
        # h_ij is the field of i without the contributions of i and j.
        h = field[:, None] - np.diag(weights)[:, None] * row[:, None] - weights * row[None, :]
        np.fill_diagonal(h, field - np.diag(weights) * row)
        weights = weights + (np.outer(row, row) - row[:, None] * h.T - h * row[None, :]) / count
    return _without_diagonal(weights)


def pseudo_inverse(patterns: ArrayLike) -> Floats:
    """Pseudo-inverse rule: the projection onto the space of the patterns, with a zero diagonal.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, count)
        +1 and -1.

    Returns
    -------
    ndarray of float, shape (count, count)
        Weights w, symmetric.
    """
    x = _patterns(patterns)
    return _without_diagonal(np.asarray(np.linalg.pinv(x) @ x))


def diederich_opper(patterns: ArrayLike) -> Floats:
    """Rule I of Diederich and Opper: ``w_ij += x_i x_j / N`` for each i with ``x_i h_i < 1``.

    h_i is the weighted sum at i, N the number of pixels. The rule passes over all patterns x until
    ``x_i h_i >= 1`` for all pixels of all patterns.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, count)
        +1 and -1.

    Returns
    -------
    ndarray of float, shape (count, count)
        Weights w, in general not symmetric.

    Raises
    ------
    ValueError
        If the rule has not stored the patterns after `ROUNDS` passes.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    learnt = np.zeros((count, count))  # N times the weights: integers, so the comparison is exact
    for _ in range(ROUNDS):
        stable = True
        for row in x:
            low = row * (learnt @ row) < count
            stable &= not low.any()
            learnt[low] += np.outer(row[low], row)
            np.fill_diagonal(learnt, 0)
        if stable:
            return np.asarray(learnt / count)
    raise ValueError(f"patterns must be such that {ROUNDS} rounds of rule I store them; these {len(x)} are not")


RULES: dict[str, Callable[[ArrayLike], Floats]] = {
    "hebbian": hebbian,
    "storkey": storkey,
    "pseudo_inverse": pseudo_inverse,
    "diederich_opper": diederich_opper,
}
"""Learning rules, by name."""


def quantized(weights: ArrayLike, bits: int) -> Integers:
    """Convert weights to integers: the largest magnitude becomes ``2**(bits - 1) - 1``; halves are rounded up.

    Parameters
    ----------
    weights : array_like of float, shape (count, count)
        Real weights.
    bits : int
        Word length of a weight, signed, 2 to 8.

    Returns
    -------
    ndarray of int64, shape (count, count)
        Integer weights.

    Raises
    ------
    ValueError
        If a weight is not finite.
    """
    whole("bits", bits, 2, 8)
    real = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(real).all():
        raise ValueError("weights must be finite, but they hold a NaN or an infinity")
    largest = float(np.abs(real).max())
    scale = ((1 << (bits - 1)) - 1) / largest if largest else 0.0
    return np.floor(real * scale + 0.5).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Patterns:
    """Pictures with two colours.

    Parameters
    ----------
    names : tuple of str
        Name of each picture.
    rows, columns : int
        Size of each picture, in pixels.
    pixels : ndarray of int, shape (patterns, rows * columns)
        Pixels of each picture, +1 and -1, row by row.
    """

    names: tuple[str, ...]
    rows: int
    columns: int
    pixels: Integers


def read_patterns(path: Path | str) -> Patterns:
    """Read pictures from a text file.

    Each picture is a line with its name and lines of ``#`` (+1) and ``.`` (-1). Empty lines separate pictures.

    Parameters
    ----------
    path : Path or str
        The file. All pictures have the same size, from 2 to 4096 pixels.

    Returns
    -------
    Patterns
        The pictures, in the order of the file.

    Raises
    ------
    ValueError
        If the file is invalid; the message names the file, the line and what was expected.
    """
    path = Path(path)
    lines = text(path).splitlines()
    names: list[str] = []
    drawn: list[list[int]] = []
    shape: tuple[int, int] | None = None
    block: list[tuple[int, str]] = []
    for n, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append((n, line.strip()))
            if len(block) > MOST + 1:
                raise ValueError(f"{path}, line {n}: a picture must have at most {MOST} pixels")
            continue
        if not block:
            continue
        (first, name), rows = block[0], block[1:]
        block = []
        if not rows:
            raise ValueError(f"{path}, line {first}: a picture must have a name and rows of # and ., not {name} alone")
        size = (len(rows), len(rows[0][1]))
        for number, row in rows:
            if set(row) - {"#", "."}:
                raise ValueError(f"{path}, line {number}: a row must be of # and ., not {row}")
            if len(row) != size[1]:
                raise ValueError(f"{path}, line {number}: a row must be {size[1]} wide, as those above, not {len(row)}")
        shape = shape or size
        if size[0] * size[1] > MOST:
            raise ValueError(
                f"{path}, line {first}: a picture must have at most {MOST} pixels, not {size[0]} x {size[1]}"
            )
        if size != shape:
            raise ValueError(
                f"{path}, line {first}: {name} must be {shape[0]} by {shape[1]}, as {names[0]} is, not {size[0]} by "
                f"{size[1]}"
            )
        if name in names:
            raise ValueError(f"{path}, line {first}: {name} occurs twice")
        names.append(name)
        drawn.append([1 if pixel == "#" else -1 for _, row in rows for pixel in row])
    if shape is None:
        raise ValueError(f"{path}: contains no picture")
    if shape[0] * shape[1] < 2:
        raise ValueError(f"{path}: a picture must have at least two pixels")
    return Patterns(tuple(names), *shape, np.array(drawn, dtype=np.int64))


def letters(size: str) -> Patterns:
    """A set of letters, drawn for this project.

    Parameters
    ----------
    size : str
        Rows by columns, one of `LETTERS`.

    Raises
    ------
    ValueError
        If there is no set of this size.
    """
    if size not in LETTERS:
        raise ValueError(f"letters must be {', '.join(LETTERS)}, not {size!r}")
    return read_patterns(Path(__file__).with_name("letters") / f"{size}.txt")


def disturbed(patterns: ArrayLike, noise: float, tries: int, seed: int = 0) -> Integers:
    """Copies of each pattern, each with other random pixels inverted.

    Parameters
    ----------
    patterns : array_like of int, shape (patterns, count)
        +1 and -1.
    noise : float
        Fraction of the pixels that are inverted, 0 to 1, rounded to whole pixels. At 0.5 a copy has no information on
        its pattern.
    tries : int
        Number of copies of each pattern.
    seed : int
        Seed of the selection of pixels.

    Returns
    -------
    ndarray of int, shape (patterns * tries, count)
        +1 and -1; first all copies of the first pattern.

    Raises
    ------
    ValueError
        If `noise` is outside its range.
    """
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be 0 to 1, not {noise}")
    made = np.repeat(_patterns(patterns).astype(np.int64), tries, axis=0)
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.broadcast_to(np.arange(made.shape[1]), made.shape), axis=1)
    wrong = order < round(noise * made.shape[1])
    return np.asarray(np.where(wrong, -made, made))


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Quality of the recall. All fractions are 0 to 1.

    Parameters
    ----------
    noise : float
        Fraction of the pixels that were wrong at the start.
    correct : float
        Fraction of the tries that ended with all pixels of their pattern, or of its inverse.
    pixels : float
        Fraction of the pixels that were correct at the end.
    settled : float
        Fraction of the tries in which the network settled within 100 periods.
    periods : float
        Mean time until the last change of a phase in the tries that settled, in periods; NaN if none settled.
    """

    noise: float
    correct: float
    pixels: float
    settled: float
    periods: float


def recall(params: OnnParams, patterns: ArrayLike, noise: float, tries: int = 100, seed: int = 0) -> Recall:
    """Measure how well a network recalls patterns from disturbed ones; bit-true to the circuit.

    Parameters
    ----------
    params : OnnParams
        The network.
    patterns : array_like of int, shape (patterns, count)
        Stored patterns, +1 and -1.
    noise : float
        Fraction of the pixels that are inverted at the start, 0 to 1.
    tries : int
        Number of tries for each pattern, 1 to 100 000.
    seed : int
        Seed of the selection of pixels.
    """
    whole("tries", tries, 1, 100_000)
    begin = disturbed(patterns, noise, tries, seed)
    network = OnnBitTrue(params, np.where(begin > 0, 0, params.half))
    network.run(PERIODS)
    wanted = np.repeat(np.asarray(patterns, dtype=np.int64), tries, axis=0)
    same = (spins(network.phase, params.phase_bits) == wanted * wanted[:, :1]).mean(axis=1)
    settled = network.settled
    return Recall(
        noise=noise,
        correct=float(((same == 1) | (same == 0)).mean()),
        pixels=float(np.maximum(same, 1 - same).mean()),
        settled=float(settled.mean()),
        periods=float(network.changed[settled].mean() / params.raw.period) if settled.any() else float("nan"),
    )


def capacity(
    count: int,
    loads: Sequence[int],
    rule: str,
    bits: int,
    *,
    noise: float = 0.1,
    sets: int = 5,
    tries: int = 10,
    seed: int = 0,
) -> Iterator[float]:
    """Fraction of random patterns that a network recalls, for different numbers of stored patterns.

    Parameters
    ----------
    count : int
        Number of oscillators.
    loads : sequence of int
        Numbers of stored patterns.
    rule : str
        Learning rule, one of `RULES`.
    bits : int
        Word length of a weight, 2 to 8.
    noise : float
        Fraction of the pixels that are inverted at the start, 0 to 1.
    sets, tries : int
        Number of sets of patterns, and of tries for each pattern, over which the result is averaged.
    seed : int
        Seed of the patterns and of the noise.

    Yields
    ------
    float
        Fraction of correct recalls, 0 to 1, for each load; a set that the rule cannot store counts as 0.
    """
    for load in loads:
        found = []
        for number in range(sets):
            patterns = np.random.default_rng([seed, load, number]).choice([-1, 1], (load, count))
            try:
                weights = RULES[rule](patterns)
            except ValueError:
                found.append(0.0)
                continue
            params = OnnParams(weights=quantized(weights, bits), weight_bits=bits)
            found.append(recall(params, patterns, noise, tries, seed).correct)
        yield float(np.mean(found))
