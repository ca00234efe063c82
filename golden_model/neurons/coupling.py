"""Coupling between the neurons of an array: which are coupled, and how strongly.

The coupling term of neuron i is the sum of the weighted differences to its neighbours j::

    pull_i = sum_j w_ij (u_j - u_i)

where u is a variable that the neurons exchange: a membrane voltage (coupling resistors), its change within the previous
tick (coupling capacitors), a temperature (heat). The weight of an edge is its strength over that of the strongest one,
so that equal edges have the weight 1. In integers a weight has `WEIGHT_BITS` fraction bits::

    pull_i = round(sum_j w_raw_ij (u_j - u_i) / 2**WEIGHT_BITS)

Whether coupled oscillators lock in phase or out of phase follows from the circuit (``devices.phase_response``), not
from the kind of the element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.fixed import round_shift

__all__ = ["KINDS", "TOPOLOGIES", "WEIGHT_BITS", "Coupling", "Kind", "Topology"]

Kind = Literal["resistive", "capacitive", "weight"]
Topology = Literal["all_to_all", "ring", "chain", "grid", "torus", "hexagonal", "edges"]
KINDS: tuple[str, ...] = get_args(Kind)
TOPOLOGIES: tuple[str, ...] = get_args(Topology)
WEIGHT_BITS = 16
"""Fraction bits of the weight of an edge: each is within 2**-17 of its value, in strengths of the strongest edge."""
ELEMENTS = {"resistive": "coupling_resistance", "capacitive": "coupling_capacitance", "weight": "weight"}
"""Name of the value of an edge, by kind."""


@dataclass(frozen=True, kw_only=True)
class Coupling:
    """Coupling elements between the neurons of an array.

    Parameters
    ----------
    kind : {"resistive", "capacitive", "weight"}
        Kind of the coupling elements.
    value : float
        Resistance or capacitance of each element, in ohm or farad, above 0, or a weight, not 0. With `values`, that of
        an edge of weight 1: at least as strong as the strongest.
    topology : {"all_to_all", "ring", "chain", "grid", "torus", "hexagonal", "edges"}
        Which neurons are coupled. In ``grid`` and ``torus``, each is coupled to its four neighbours, in ``hexagonal``
        to its six, with every second row half a place to the right; neurons are numbered row by row.
    count : int
        Neurons, at least 2 (3 for a ring).
    columns : int
        Columns of the lattice, at least 2 (3 for a torus). They divide `count` into full rows, at least as many.
    edges : tuple of (int, int)
        The coupled pairs, each once, for the topology ``edges``.
    values : tuple of float
        Value of each pair of `pairs`, in that order; all are `value` when empty.
    directed : bool
        Whether an edge (i, j) acts on neuron i only: i reads j. Then (j, i) is another edge.
    reach : int
        Number of neighbours on either side, at least 1; above 1 in a ring or a chain only.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    kind: Kind
    value: float
    topology: Topology
    count: int
    columns: int = 0
    edges: tuple[tuple[int, int], ...] = ()
    values: tuple[float, ...] = ()
    directed: bool = False
    reach: int = 1

    @classmethod
    def of_edges(
        cls,
        kind: Kind,
        count: int,
        edges: Sequence[tuple[int, int]],
        values: Sequence[float],
        *,
        directed: bool = False,
        value: float | None = None,
    ) -> Coupling:
        """Edges with a value each. A ``ValueError`` is raised as by the class.

        Parameters
        ----------
        kind : {"resistive", "capacitive", "weight"}
            Kind of the coupling elements.
        count : int
            Neurons.
        edges : sequence of (int, int)
            The coupled pairs.
        values : sequence of float
            Their values, at least one.
        directed : bool
            Whether an edge (i, j) acts on neuron i only.
        value : float, optional
            Value of weight 1; by default that of the strongest edge.
        """
        return cls(
            kind=kind,
            value=cls.strongest(kind, values) if value is None else value,
            topology="edges",
            count=count,
            edges=tuple(edges),
            values=tuple(values),
            directed=directed,
        )

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"coupling must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.topology not in TOPOLOGIES:
            raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, not {self.topology!r}")
        self._check_value(self.value, ELEMENTS[self.kind])
        if self.count < 2:
            raise ValueError(f"count must be at least 2 for coupled oscillators, not {self.count}")
        self._check_lattice()
        if self.topology == "edges":
            self._check_edges()
        if self.directed and (self.topology != "edges" or self.kind != "weight"):
            raise ValueError("directed needs weights on edges: a resistor or a capacitor acts on both of its ends")
        if self.values:
            self._check_values()

    def _check_value(self, value: float, name: str) -> None:
        if self.kind != "weight":
            positive(name, value)
        elif not math.isfinite(value) or value == 0:
            raise ValueError(f"{name} must be finite and not 0, not {value!r}")

    def _check_lattice(self) -> None:
        if self.topology in ("grid", "torus", "hexagonal"):
            least = 3 if self.topology == "torus" else 2
            if self.columns < least or self.count % self.columns or self.count // self.columns < least:
                raise ValueError(
                    f"columns must split the {self.count} oscillators of a {self.topology} into full rows, at least "
                    f"{least} by {least}, not {self.columns}"
                )
        if self.topology not in ("ring", "chain") and self.reach != 1:
            raise ValueError(f"reach has a meaning for a ring or a chain only, not for {self.topology!r}")
        whole("reach", self.reach, 1, max(1, self.count - 1))
        least = 2 * self.reach + 1
        if self.topology == "ring" and self.count < least:
            far = "" if self.reach == 1 else f" of reach {self.reach}"
            raise ValueError(f"count must be at least {least} for a ring{far}, not {self.count}")

    def _check_edges(self) -> None:
        if not self.edges:
            raise ValueError("edges must hold at least one pair of oscillators; it holds none")
        seen: set[object] = set()
        for pair in self.edges:
            if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= end < self.count for end in pair):
                raise ValueError(
                    f"edges must be pairs of different oscillators from 0 to {self.count - 1}, not {list(pair)}"
                )
            key = tuple(pair) if self.directed else frozenset(pair)
            if key in seen:
                raise ValueError(f"edges must hold each pair once, but {list(pair)} occurs twice")
            seen.add(key)

    def _check_values(self) -> None:
        if self.topology == "all_to_all":
            raise ValueError("values need a topology with single pairs; write all of them as edges")
        if len(self.values) != len(self.pairs):
            raise ValueError(f"values must be one for each of the {len(self.pairs)} pairs, not {len(self.values)}")
        for value, pair in zip(self.values, self.pairs.tolist(), strict=True):
            self._check_value(value, f"the value of edge {pair}")
        strongest = self.strongest(self.kind, self.values)
        weaker = self.value > strongest if self.kind == "resistive" else abs(self.value) < strongest
        if weaker and not math.isclose(abs(self.value), strongest):
            raise ValueError(
                f"value must be at least as strong as the strongest edge, {strongest!r}, not {self.value!r}"
            )

    @staticmethod
    def strongest(kind: str, values: Sequence[float]) -> float:
        """The value of the strongest edge.

        Parameters
        ----------
        kind : str
            Kind of the elements.
        values : sequence of float
            Their values; at least one.
        """
        return min(values) if kind == "resistive" else max(map(abs, values))

    @property
    def weighted(self) -> bool:
        """Whether the edges differ, or act in one direction only."""
        return self.directed or any(each != self.value for each in self.values)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Strength of each pair of `pairs` over that of the strongest, shape (pairs,)."""
        if not self.values:
            return np.ones(len(self.pairs))
        values = np.array(self.values)
        return self.value / values if self.kind == "resistive" else values / self.value

    @cached_property
    def weights_raw(self) -> NDArray[np.int64]:
        """The weights in steps of ``2**-WEIGHT_BITS``, shape (pairs,)."""
        return np.floor(np.ldexp(self.weights, WEIGHT_BITS) + 0.5).astype(np.int64)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """The coupled pairs, each once, shape (pairs, 2); not for ``all_to_all``."""
        ends = np.arange(self.count)
        if self.topology == "edges":
            return np.array(self.edges, dtype=np.int64)
        if self.topology in ("ring", "chain"):
            steps = range(1, self.reach + 1)
            whole_ring = [np.stack([ends, (ends + step) % self.count], axis=1) for step in steps]
            if self.topology == "chain":
                whole_ring = [made[: self.count - step] for step, made in zip(steps, whole_ring, strict=True)]
            return np.concatenate(whole_ring)
        cells = ends.reshape(-1, self.columns)
        found = []
        for axis in (0, 1):
            following = np.roll(cells, -1, axis=axis)
            both = np.stack([cells, following], axis=-1)
            if self.topology != "torus":
                both = both[:-1] if axis == 0 else both[:, :-1]
            found.append(both.reshape(-1, 2))
        if self.topology == "hexagonal":
            # Beside the cell below, an even row touches the one to its left, an odd row the one to its right.
            for row in range(len(cells) - 1):
                upper, lower = (
                    (cells[row, 1:], cells[row + 1, :-1]) if row % 2 == 0 else (cells[row, :-1], cells[row + 1, 1:])
                )
                found.append(np.stack([upper, lower], axis=-1))
        return np.concatenate(found)

    @cached_property
    def arcs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Each edge in each direction in which it acts: who is pulled, whom it reads, and the raw weight; by both."""
        a, b = self.pairs.T
        weights = self.weights_raw
        if not self.directed:
            a, b, weights = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([weights, weights])
        order = np.lexsort((b, a))
        return a[order], b[order], weights[order]

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """Whom each neuron reads, in ascending order; not for ``all_to_all``."""
        lists: list[list[int]] = [[] for _ in range(self.count)]
        for a, b in zip(*(each.tolist() for each in self.arcs[:2]), strict=True):
            lists[a].append(b)
        return tuple(map(tuple, lists))

    @cached_property
    def degree(self) -> int:
        """The largest number of neighbours of a neuron."""
        return self.count - 1 if self.topology == "all_to_all" else max(map(len, self.neighbours))

    @cached_property
    def load(self) -> float:
        """The largest sum of weights of a neuron, without their signs: its degree, if all edges are equal."""
        if self.topology == "all_to_all":
            return float(self.degree)
        i, _, w = self.arcs
        return float(np.bincount(i, weights=np.abs(w), minlength=self.count).max()) * 2.0**-WEIGHT_BITS

    @property
    def degree_bits(self) -> int:
        """Bits before the point of a sum of weights, which is at most two to this power."""
        return (self.degree - 1).bit_length()

    def pull_bits(self, width: int) -> int:
        """Bits of a coupling term.

        Parameters
        ----------
        width : int
            Bits of what is exchanged, signed.
        """
        return width + 1 + self.degree.bit_length()

    @cached_property
    def entries(self) -> NDArray[np.int64]:
        """The sums as products: ``pull_i = sum of w u_j`` over the rows (i, j, w), a neuron's own one with them.

        Shape (entries, 3), ascending by i, then j. The own weight is minus the sum of the others.
        """
        i, j, w = self.arcs
        own = np.bincount(i, weights=w.astype(np.float64), minlength=self.count).astype(np.int64)
        every = np.arange(self.count)
        rows = np.stack([np.r_[i, every], np.r_[j, every], np.r_[w, -own]], axis=1)
        return np.asarray(rows[np.lexsort((rows[:, 1], rows[:, 0]))], dtype=np.int64)

    @cached_property
    def _matrix(self) -> Any:
        """The sums of the raw weights; of equal ones without their fraction bits."""
        i, j, w = self.entries.T
        return csr_array((w if self.weighted else w >> WEIGHT_BITS, (i, j)), shape=(self.count, self.count))

    @cached_property
    def _exact(self) -> Any:
        """The same, of the exact weights."""
        a, b = self.pairs.T
        i, j, w = (
            (a, b, self.weights) if self.directed else (np.r_[a, b], np.r_[b, a], np.r_[self.weights, self.weights])
        )
        return csr_array((np.r_[w, -w], (np.r_[i, i], np.r_[j, i])), shape=(self.count, self.count))

    def pull(self, u: NDArray[Any]) -> NDArray[Any]:
        """The coupling term of every neuron.

        Parameters
        ----------
        u : ndarray of int64 or float, shape (count,)
            What is exchanged, in any unit. Of integers, the raw weights are used, and a weighted sum is rounded.

        Returns
        -------
        ndarray of the same type, shape (count,)
            The term, in the same unit.
        """
        if self.topology == "all_to_all":
            return np.asarray(u.sum() - self.count * u)
        if np.asarray(u).dtype.kind == "f":
            return np.asarray(self._exact @ u)
        total = self._matrix @ u
        return np.asarray(round_shift(total, WEIGHT_BITS) if self.weighted else total)

    def matrix(self) -> NDArray[np.float64]:
        """Conductance (siemens), capacitance (farad) or weight between each pair, shape (count, count); 0 if none.

        Element (i, j) is that with which j acts on i.
        """
        value = 1 / self.value if self.kind == "resistive" else self.value
        if self.topology == "all_to_all":
            return value * (1 - np.eye(self.count))
        made = np.zeros((self.count, self.count))
        a, b = self.pairs.T
        made[a, b] = value * self.weights
        if not self.directed:
            made[b, a] = made[a, b]
        return made
