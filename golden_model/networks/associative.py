"""Associative memory: weights that make patterns the resting states of a network, and how well it recalls them.

Patterns are rows of +1 and -1. All rules give real weights with a zero diagonal; `quantized` makes integers of them.
A network begins with a pattern some of whose pixels are wrong, as phases of 0 and half a period. Phases are relative,
so that a pattern and its inverse are one.

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
"""Sets of letters that come along, by rows and columns."""
PERIODS = 100
"""After which a network that still moves is left."""
ROUNDS = 1000
"""Passes over all patterns after which `diederich_opper` gives up."""


def _patterns(patterns: ArrayLike) -> Floats:
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
    """``w_ij = sum x_i x_j / N``.

    Parameters
    ----------
    patterns : array_like, shape (patterns, count)

    Returns
    -------
    ndarray of float, shape (count, count)
    """
    x = _patterns(patterns)
    return _without_diagonal(x.T @ x / x.shape[1])


def storkey(patterns: ArrayLike) -> Floats:
    """One pattern after the other: ``w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N``, h_ij the field without i and j.

    Parameters and result as `hebbian`.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    weights = np.zeros((count, count))
    for row in x:
        field = weights @ row
        # h_ij leaves out what i and j themselves add to the field of i.
        h = field[:, None] - np.diag(weights)[:, None] * row[:, None] - weights * row[None, :]
        np.fill_diagonal(h, field - np.diag(weights) * row)
        weights = weights + (np.outer(row, row) - row[:, None] * h.T - h * row[None, :]) / count
    return _without_diagonal(weights)


def pseudo_inverse(patterns: ArrayLike) -> Floats:
    """The projection onto the patterns.

    Parameters and result as `hebbian`.
    """
    x = _patterns(patterns)
    return _without_diagonal(np.asarray(np.linalg.pinv(x) @ x))


def diederich_opper(patterns: ArrayLike) -> Floats:
    """Rule I: ``w_ij += x_i x_j / N`` for each i whose field ``x_i h_i`` is below one, until none is.

    Parameters and result as `hebbian`.

    Raises
    ------
    ValueError
        If the patterns cannot be stored so.
    """
    x = _patterns(patterns)
    count = x.shape[1]
    learnt = np.zeros((count, count))  # N times the weights: whole numbers, so that a margin of one is exact
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
"""By name."""


def quantized(weights: ArrayLike, bits: int) -> Integers:
    """The weights as integers of so many bits: the largest becomes ``2**(bits - 1) - 1``, halves are rounded up.

    Parameters
    ----------
    weights : array_like of float, shape (count, count)
    bits : int
        2 to 8.

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
    """Pictures of two colours.

    Parameters
    ----------
    names : tuple of str
    rows, columns : int
        Of each picture.
    pixels : ndarray of int, shape (patterns, rows * columns)
        +1 and -1, row by row.
    """

    names: tuple[str, ...]
    rows: int
    columns: int
    pixels: Integers


def read_patterns(path: Path | str) -> Patterns:
    """Read pictures drawn in text: a name, then rows of ``#`` and ``.``; an empty line before the next.

    Raises
    ------
    ValueError
        With the file, the line and what was expected.
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
            raise ValueError(f"{path}, line {first}: {name} stands twice")
        names.append(name)
        drawn.append([1 if pixel == "#" else -1 for _, row in rows for pixel in row])
    if shape is None:
        raise ValueError(f"{path}: holds no picture")
    if shape[0] * shape[1] < 2:
        raise ValueError(f"{path}: a picture must have two pixels at least")
    return Patterns(tuple(names), *shape, np.array(drawn, dtype=np.int64))


def letters(size: str) -> Patterns:
    """A set of letters, drawn for this project.

    Parameters
    ----------
    size : str
        One of `LETTERS`.
    """
    if size not in LETTERS:
        raise ValueError(f"letters must be {', '.join(LETTERS)}, not {size!r}")
    return read_patterns(Path(__file__).with_name("letters") / f"{size}.txt")


def disturbed(patterns: ArrayLike, noise: float, tries: int, seed: int = 0) -> Integers:
    """Each pattern with other pixels wrong, so many times.

    Parameters
    ----------
    patterns : array_like, shape (patterns, count)
    noise : float
        Share of the pixels that are wrong, 0 to 1, rounded to whole pixels; half of them leaves nothing of the pattern.
    tries : int
    seed : int

    Returns
    -------
    ndarray of int, shape (patterns * tries, count)
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
    """How well a network recalls.

    Parameters
    ----------
    noise : float
        Share of the pixels that were wrong.
    correct : float
        Share of the tries that ended with the pattern they began from, or its inverse, every pixel.
    pixels : float
        Share of the pixels that were right in the end.
    settled : float
        Share of the tries in which the network came to rest within 100 periods.
    periods : float
        Mean time of these until the last phase was set anew.
    """

    noise: float
    correct: float
    pixels: float
    settled: float
    periods: float


def recall(params: OnnParams, patterns: ArrayLike, noise: float, tries: int = 100, seed: int = 0) -> Recall:
    """Begin with disturbed patterns and see what the network makes of them: the bits are those of the circuit.

    Parameters
    ----------
    params : OnnParams
    patterns : array_like, shape (patterns, count)
    noise, tries, seed
        As for `disturbed`.
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
    """The share of random patterns that is recalled, for growing numbers of them.

    Parameters
    ----------
    count : int
        Oscillators.
    loads : sequence of int
        Numbers of patterns.
    rule : str
        One of `RULES`.
    bits : int
        Of a weight.
    noise : float
        Share of the pixels that are wrong.
    sets, tries : int
        Sets of patterns, and tries a pattern, over which is averaged.
    seed : int

    Yields
    ------
    float
        For each load; 0 where the rule cannot store so many.
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
