"""Ising problems: maximum cut, graph colouring, number partitioning and QUBO.

A problem is an energy E of spins s_i = +1 or -1, which is to be minimised. With fields h and couplings J::

    E(s) = sum_i h_i s_i + sum_{i<j} J_ij s_i s_j + offset                                 (1)

References
----------
A. Lucas, "Ising formulations of many NP problems", Front. Phys. 2, 2014: number partitioning (section 2.1), graph
colouring (section 6.1), maximum cut (equation 9 without the balance).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import whole

__all__ = ["Graph", "GraphError", "Ising", "colouring", "max_cut", "partition"]

MOST_SPINS = 4096
"""Largest number of spins in a problem: that of oscillators in a network."""
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
    notes : tuple of str
        What a reader left out of its file.

    Raises
    ------
    GraphError
        If an edge connects a vertex with itself, names a nonexistent vertex, occurs twice, or has a weight that
        is not finite or too large.
    """

    vertices: tuple[Hashable, ...]
    edges: Integers
    weights: Floats
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.weights):
            raise GraphError(f"weights must have one element per edge, {len(self.edges)}, not {len(self.weights)}")
        count, low, high = len(self.vertices), self.edges.min(axis=1), self.edges.max(axis=1)
        _, first, same = np.unique(low * count + high, return_index=True, return_inverse=True)
        for wrong, problem in (
            ((low < 0) | (high >= count), f"must be between vertices 0 to {count - 1}"),
            (low == high, "leads from a vertex to itself"),
            (~(np.abs(self.weights) <= LARGEST), f"must have a finite weight of at most {LARGEST:g}"),
            (first[same] != np.arange(len(low)), "occurs twice"),
        ):
            if wrong.any():
                n = int(np.argmax(wrong))
                raise GraphError(f"edge {n} {problem}: {self.edges[n].tolist()}, weight {self.weights[n]:g}")

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
    def from_qubo(matrix: ArrayLike, offset: float = 0.0, variables: tuple[Hashable, ...] = ()) -> Ising:
        """Convert a quadratic unconstrained binary optimisation problem, with ``x = (1 + s) / 2``.

        Parameters
        ----------
        matrix : array_like of float, shape (count, count)
            Q in the energy ``x' Q x + offset``, x 0 or 1. Linear terms are on the diagonal.
        offset : float
            Constant part of the energy.
        variables : tuple
            Name of each variable; 0, 1, 2 and so on by default.
        """
        q = np.asarray(matrix, dtype=np.float64)
        couplings = (q + q.T) / 4
        fields = couplings.sum(axis=1)
        constant = offset + (q.sum() + np.trace(q)) / 4
        np.fill_diagonal(couplings, 0)
        return Ising(couplings, fields, float(constant), variables)

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
        """The problem as a binary quadratic model of dimod.

        Raises
        ------
        ImportError
            If dimod is not installed.
        """
        try:
            import dimod
        except ImportError as error:
            raise ImportError("to_bqm needs dimod: pip install dimod") from error

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
    matrix = quadratic.reshape(count * colours, count * colours)
    np.fill_diagonal(matrix, -1.0)
    names = tuple((vertex, colour) for vertex in graph.vertices for colour in range(colours))
    return Ising.from_qubo(matrix, count, names)
