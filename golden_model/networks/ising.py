"""Ising problems: maximum cut, graph colouring and number partitioning; graphs from files.

A problem is an energy E of spins s_i = +1 or -1, which is to be minimised. With fields h and couplings J::

    E(s) = sum_i h_i s_i + sum_{i<j} J_ij s_i s_j + offset                                 (1)

References
----------
A. Lucas, "Ising formulations of many NP problems", Front. Phys. 2, 2014: number partitioning (section 2.1), graph
colouring (section 6.1), maximum cut (equation 9 without the balance).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import whole
from neuristor.golden_model.files import text

__all__ = ["Graph", "GraphError", "Ising", "colouring", "max_cut", "partition", "read_graph"]

MOST_SPINS = 4096
"""Largest number of spins in a problem: that of oscillators in a network."""
MOST_BYTES = 32 * 1024 * 1024
"""Largest size of a graph file, in bytes."""
LARGEST = 1e150
"""Largest weight, and largest sum of numbers; its square is still finite."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class GraphError(ValueError):
    """An invalid graph or graph file; the message says where and why."""


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph without self-loops.

    Parameters
    ----------
    vertices : tuple
        Name of each vertex.
    edges : ndarray of int, shape (edges, 2)
        Indices of the two vertices of each edge, from 0.
    weights : ndarray of float, shape (edges,)
        Weight of each edge, at most 1e150 in magnitude.

    Raises
    ------
    GraphError
        If an edge connects a vertex with itself, names a nonexistent vertex, occurs twice, or has a weight that
        is not finite or too large.
    """

    vertices: tuple[Hashable, ...]
    edges: Integers
    weights: Floats

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.weights):
            raise GraphError(f"weights must have one element per edge, {len(self.edges)}, not {len(self.weights)}")
        seen: set[tuple[int, int]] = set()
        for n, ((a, b), weight) in enumerate(zip(self.edges.tolist(), self.weights.tolist(), strict=True)):
            problem = _problem(a, b, weight, len(self.vertices), seen)
            if problem:
                raise GraphError(f"edge {n} {problem}")

    @property
    def matrix(self) -> Floats:
        """Adjacency matrix with the weights, shape (vertices, vertices), symmetric."""
        made = np.zeros((len(self.vertices), len(self.vertices)))
        made[self.edges[:, 0], self.edges[:, 1]] = self.weights
        return made + made.T

    def cut(self, spins: ArrayLike) -> Floats:
        """Sum of the weights of the edges between different spins.

        Parameters
        ----------
        spins : array_like of int, shape (..., vertices)
            +1 or -1 for each vertex.

        Returns
        -------
        ndarray of float, shape (...)
            Weight of the cut.
        """
        s = np.asarray(spins)
        return np.asarray((self.weights * (s[..., self.edges[:, 0]] != s[..., self.edges[:, 1]])).sum(axis=-1))

    @staticmethod
    def from_networkx(graph: Any) -> Graph:
        """Convert a graph of NetworkX.

        Parameters
        ----------
        graph : networkx.Graph
            An undirected graph. An edge without the attribute ``weight`` has the weight 1.

        Raises
        ------
        GraphError
            If the graph is directed or has multiple edges between two vertices.
        """
        if graph.is_directed() or graph.is_multigraph():
            raise GraphError("the graph must be undirected and have single edges")
        names = tuple(graph.nodes)
        number = {name: n for n, name in enumerate(names)}
        edges = [(number[a], number[b]) for a, b in graph.edges]
        weights = [graph.edges[edge].get("weight", 1.0) for edge in graph.edges]
        return Graph(names, np.array(edges, dtype=np.int64).reshape(-1, 2), np.array(weights, dtype=np.float64))


def _problem(a: int, b: int, weight: float, count: int, seen: set[tuple[int, int]]) -> str:
    """The error of an edge, or an empty string; then the edge is added to `seen`."""
    for vertex in (a, b):
        if not 0 <= vertex < count:
            return f"names vertex {vertex + 1}, but the graph has vertices 1 to {count}"
    if a == b:
        return f"leads from vertex {a + 1} to itself"
    if not math.isfinite(weight):
        return f"must have a finite weight, not {weight}"
    if abs(weight) > LARGEST:
        return f"must have a weight of at most {LARGEST:g}, not {weight}"
    pair = (min(a, b), max(a, b))
    if pair in seen:
        return f"from {a + 1} to {b + 1} occurs twice"
    seen.add(pair)
    return ""


def read_graph(path: Path | str) -> Graph:
    """Read a graph from a file.

    The file has one of three formats, which is recognised by its first lines:

    - *DIMACS*: ``p edge <vertices> <edges>``, then ``e <i> <j> [weight]`` with vertices from 1; ``c`` for comments.
    - *G-set*: ``<vertices> <edges>``, then ``<i> <j> [weight]`` with vertices from 1.
    - *Edge list*: ``<name> <name> [weight]``, separated by blanks or commas; ``#`` for comments.

    Parameters
    ----------
    path : Path or str
        File of at most 32 MiB; at most 4096 vertices.

    Returns
    -------
    Graph
        An edge without a weight has the weight 1.

    Raises
    ------
    GraphError
        If the file is invalid; the message names the file, the line and what was expected.
    """
    path = Path(path)
    try:
        found = text(path, MOST_BYTES)
    except ValueError as error:
        raise GraphError(str(error)) from None
    lines = [(n, line.replace(",", " ").split()) for n, line in enumerate(found.splitlines(), 1)]
    lines = [(n, words) for n, words in lines if words and not words[0].startswith("#")]
    # The name of a vertex may be c or p.
    dimacs = any(words[0] == "p" and len(words) == 4 and words[1].isalpha() for _, words in lines)
    lines = [(n, words) for n, words in lines if not (dimacs and words[0] == "c")]
    if not lines:
        raise GraphError(f"{path}: contains no graph")
    first, head = lines[0]
    numbered = True
    if dimacs:
        size, rows = head[2:], [(n, words[1:] if words[0] in ("e", "a") else words) for n, words in lines[1:]]
    elif _is_header(head, lines):
        size, rows = head[:2], lines[1:]
    else:
        size, rows, numbered = [], lines, False
    names: list[Hashable] = []
    if numbered:
        try:
            count, edges = (int(word) for word in size)
        except ValueError:
            raise GraphError(
                f"{path}, line {first}: must say how many vertices and edges, not {' '.join(head)}"
            ) from None
        if len(rows) != edges:
            raise GraphError(f"{path}: must have {edges} edges, as line {first} says, not {len(rows)}; is it complete?")
        if not 1 <= count <= MOST_SPINS:
            raise GraphError(f"{path}, line {first}: a graph must have 1 to {MOST_SPINS} vertices, not {count}")
        names = list(range(1, count + 1))
    number: dict[str, int] = {str(name): n for n, name in enumerate(names)}
    ends, weights, seen = [], [], set[tuple[int, int]]()
    for n, words in rows:
        if len(words) not in (2, 3):
            raise GraphError(f"{path}, line {n}: must be two vertices and perhaps a weight, not {' '.join(words)}")
        pair = []
        for word in words[:2]:
            if not numbered:
                pair.append(number.setdefault(word, len(number)))
            elif word in number:
                pair.append(number[word])
            else:
                raise GraphError(f"{path}, line {n}: names vertex {word}, but the graph has vertices 1 to {len(names)}")
        try:
            weight = float(words[2]) if len(words) == 3 else 1.0
        except ValueError:
            raise GraphError(f"{path}, line {n}: a weight must be a number, not {words[2]}") from None
        if len(number) > MOST_SPINS:
            raise GraphError(f"{path}, line {n}: a graph must have at most {MOST_SPINS} vertices; this is one more")
        problem = _problem(pair[0], pair[1], weight, len(number), seen)
        if problem:
            raise GraphError(f"{path}, line {n}: this edge {problem}")
        ends.append(pair)
        weights.append(weight)
    return Graph(
        tuple(names if numbered else number),
        np.array(ends, dtype=np.int64).reshape(-1, 2),
        np.array(weights, dtype=np.float64),
    )


def _is_header(head: Sequence[str], lines: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether a file starts with the header of the G-set; one file of the set has an extra letter in it."""
    if not all(word.isdecimal() and len(word) < 20 for word in head[:2]) or len(head) not in (2, 3):
        return False
    if len(head) == 3:
        return head[2].isalpha()
    return any(len(words) == 3 for _, words in lines[1:]) or int(head[1]) == len(lines) - 1


@dataclass(frozen=True, eq=False)
class Ising:
    """An Ising problem (equation 1).

    Parameters
    ----------
    couplings : ndarray of float, shape (count, count)
        J, symmetric, with a zero diagonal.
    fields : ndarray of float, shape (count,)
        h.
    offset : float
        Constant part of the energy.
    variables : tuple
        Name of each spin; 0, 1, 2 and so on by default.

    Raises
    ------
    ValueError
        If a shape is wrong, a number is not finite, or the couplings are not symmetric with a zero diagonal.
    """

    couplings: Floats
    fields: Floats
    offset: float = 0.0
    variables: tuple[Hashable, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.fields)
        if self.couplings.shape != (count, count) or count < 1:
            raise ValueError(f"couplings must have shape ({count}, {count}), as the fields, not {self.couplings.shape}")
        if not (np.isfinite(self.couplings).all() and np.isfinite(self.fields).all() and math.isfinite(self.offset)):
            raise ValueError("couplings, fields and offset must be finite")
        if (self.couplings != self.couplings.T).any() or self.couplings.diagonal().any():
            raise ValueError("couplings must be symmetric and have a zero diagonal")
        if not self.variables:
            object.__setattr__(self, "variables", tuple(range(count)))

    def energy(self, spins: ArrayLike) -> Floats:
        """Energy E of spins (equation 1).

        Parameters
        ----------
        spins : array_like of int, shape (..., count)
            +1 or -1 for each spin.

        Returns
        -------
        ndarray of float, shape (...)
            Energies.
        """
        s = np.asarray(spins, dtype=np.float64)
        return np.asarray(s @ self.fields + 0.5 * ((s @ self.couplings) * s).sum(axis=-1) + self.offset)

    @staticmethod
    def from_bqm(bqm: Any) -> Ising:
        """Convert a binary quadratic model of dimod.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            A model of spins or of bits; bits are converted to spins.
        """
        fields, couplings, offset = bqm.to_ising()
        names = tuple(bqm.variables)
        number = {name: n for n, name in enumerate(names)}
        matrix = np.zeros((len(names), len(names)))
        for (a, b), value in couplings.items():
            matrix[number[a], number[b]] += value
            matrix[number[b], number[a]] += value
        return Ising(matrix, np.array([fields[name] for name in names], dtype=np.float64), float(offset), names)

    def to_bqm(self) -> Any:
        """The problem as a binary quadratic model of dimod, which must be installed."""
        import dimod

        pairs = np.argwhere(np.triu(self.couplings) != 0).tolist()
        return dimod.BinaryQuadraticModel.from_ising(
            dict(zip(self.variables, self.fields.tolist(), strict=True)),
            {(self.variables[i], self.variables[j]): float(self.couplings[i, j]) for i, j in pairs},
            self.offset,
        )


def max_cut(graph: Graph) -> Ising:
    """Maximum cut as an Ising problem: ``E = W - 2 cut``, with W the sum of all weights.

    Parameters
    ----------
    graph : Graph
        Graph to cut, at most 4096 vertices; one spin for each vertex.
    """
    _check_spins(len(graph.vertices))
    return Ising(graph.matrix, np.zeros(len(graph.vertices)), 0.0, graph.vertices)


def partition(numbers: ArrayLike) -> Ising:
    """Partitioning of numbers into two groups: E is the square of the difference of their sums.

    Parameters
    ----------
    numbers : array_like of float, shape (count,)
        Numbers to partition, 2 to 4096; one spin for each.

    Raises
    ------
    ValueError
        If there are fewer than two numbers, or the numbers are not finite or too large.
    """
    values = np.asarray(numbers, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("numbers must be finite, at least two, in one dimension")
    _check_spins(len(values))
    if np.abs(values).sum() > LARGEST:
        raise ValueError(f"numbers must have a sum of sizes of at most {LARGEST:g}: their squares are the energy")
    couplings: Floats = np.outer(values, 2 * values).astype(np.float64)
    np.fill_diagonal(couplings, 0)
    return Ising(couplings, np.zeros(len(values)), float((values**2).sum()))


def _check_spins(count: int) -> None:
    """Check the number of spins before memory for the couplings is allocated.

    Raises
    ------
    ValueError
        If there are more than `MOST_SPINS`.
    """
    if count > MOST_SPINS:
        raise ValueError(f"a problem must have at most {MOST_SPINS} spins, not {count}")


def colouring(graph: Graph, colours: int) -> Ising:
    """Colouring of a graph so that neighbours have different colours, as an Ising problem.

    There is one spin for each vertex and colour: +1 if the vertex has this colour. Its name is ``(vertex, colour)``,
    its index ``v * colours + c`` with v the index of the vertex. E is 0 for a proper colouring. An edge adds 1 for
    each colour that both of its vertices have; a vertex with n colours adds ``(n - 1)**2``.

    Parameters
    ----------
    graph : Graph
        Graph to colour; at most 4096 vertices times colours.
    colours : int
        Number of colours, 2 to 64.
    """
    whole("colours", colours, 2, 64)
    count = len(graph.vertices)
    _check_spins(count * colours)
    quadratic = np.zeros((count, colours, count, colours))  # of bits, each pair twice
    same = np.arange(colours)
    for v in range(count):
        quadratic[v, :, v, :] += 1 - np.eye(colours)
    for a, b in graph.edges.tolist():
        quadratic[a, same, b, same] += 0.5
        quadratic[b, same, a, same] += 0.5
    size = count * colours
    matrix: Floats = quadratic.reshape(size, size)
    linear: Floats = np.full(size, -1.0)
    # x = (1 + s) / 2 in x' Q x + linear' x + count
    couplings = matrix / 2
    fields: Floats = linear / 2 + matrix.sum(axis=1) / 2
    offset = count + linear.sum() / 2 + matrix.sum() / 4
    names = tuple((vertex, colour) for vertex in graph.vertices for colour in range(colours))
    return Ising(couplings, fields, float(offset), names)
