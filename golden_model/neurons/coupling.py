"""Coupling between the oscillators of an array: topology and coupling elements.

The coupling term of oscillator i is the sum of the differences to its neighbours j::

    pull_i = sum_j (u_j - u_i)

where u is the membrane voltage (coupling resistors) or its change within the previous tick (coupling capacitors). All
coupling elements of an array are equal. Whether coupled oscillators lock in phase or out of phase follows from the
circuit (``devices.phase_response``), not from the kind of the element.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from neuristor.golden_model.checks import positive

__all__ = ["Coupling"]

TOPOLOGIES = ("all_to_all", "ring", "chain", "grid", "torus", "edges")


@dataclass(frozen=True, kw_only=True)
class Coupling:
    """Equal coupling elements between the oscillators of an array.

    Parameters
    ----------
    kind : {"resistive", "capacitive"}
        Kind of the coupling elements.
    value : float
        Resistance or capacitance of each element, in ohm or farad, above 0.
    topology : {"all_to_all", "ring", "chain", "grid", "torus", "edges"}
        Which oscillators are coupled. In ``grid`` and ``torus``, each is coupled to its four neighbours; oscillators
        are numbered row by row.
    count : int
        Oscillators, at least 2 (3 for a ring).
    columns : int
        Columns of the grid or torus, at least 2 (3 for a torus). They divide `count` into full rows, at least as many.
    edges : tuple of (int, int)
        The coupled pairs, each once, for the topology ``edges``.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    kind: Literal["resistive", "capacitive"]
    value: float
    topology: Literal["all_to_all", "ring", "chain", "grid", "torus", "edges"]
    count: int
    columns: int = 0
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("resistive", "capacitive"):
            raise ValueError(f"coupling must be 'resistive' or 'capacitive', not {self.kind!r}")
        if self.topology not in TOPOLOGIES:
            raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, not {self.topology!r}")
        positive("coupling_resistance" if self.kind == "resistive" else "coupling_capacitance", self.value)
        if self.count < 2:
            raise ValueError(f"count must be at least 2 for coupled oscillators, not {self.count}")
        if self.topology in ("grid", "torus"):
            least = 3 if self.topology == "torus" else 2
            if self.columns < least or self.count % self.columns or self.count // self.columns < least:
                raise ValueError(
                    f"columns must split the {self.count} oscillators of a {self.topology} into full rows, at least "
                    f"{least} by {least}, not {self.columns}"
                )
        if self.topology == "ring" and self.count < 3:
            raise ValueError(f"count must be at least 3 for a ring, not {self.count}")
        if self.topology == "edges":
            if not self.edges:
                raise ValueError("edges must hold at least one pair of oscillators; it holds none")
            seen = set()
            for pair in self.edges:
                if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= end < self.count for end in pair):
                    raise ValueError(
                        f"edges must be pairs of different oscillators from 0 to {self.count - 1}, not {list(pair)}"
                    )
                if frozenset(pair) in seen:
                    raise ValueError(f"edges must hold each pair once, but {list(pair)} occurs twice")
                seen.add(frozenset(pair))

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """The coupled pairs, each once, shape (pairs, 2); not for ``all_to_all``."""
        ends = np.arange(self.count)
        if self.topology == "edges":
            return np.array(self.edges, dtype=np.int64)
        if self.topology in ("ring", "chain"):
            made = np.stack([ends, (ends + 1) % self.count], axis=1)
            return made if self.topology == "ring" else made[:-1]
        cells = ends.reshape(-1, self.columns)
        found = []
        for axis in (0, 1):
            following = np.roll(cells, -1, axis=axis)
            both = np.stack([cells, following], axis=-1)
            if self.topology == "grid":
                both = both[:-1] if axis == 0 else both[:, :-1]
            found.append(both.reshape(-1, 2))
        return np.concatenate(found)

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """The neighbours of each oscillator, in ascending order; not for ``all_to_all``."""
        lists: list[list[int]] = [[] for _ in range(self.count)]
        for a, b in self.pairs.tolist():
            lists[a].append(b)
            lists[b].append(a)
        return tuple(tuple(sorted(found)) for found in lists)

    @cached_property
    def degree(self) -> int:
        """The largest number of neighbours of an oscillator."""
        return self.count - 1 if self.topology == "all_to_all" else max(map(len, self.neighbours))

    @cached_property
    def _laplacian(self) -> Any:
        a, b = self.pairs.T
        ones = np.ones(len(a), dtype=np.int64)
        rows, columns = np.concatenate([a, b, a, b]), np.concatenate([b, a, a, b])
        return csr_array((np.concatenate([ones, ones, -ones, -ones]), (rows, columns)), shape=(self.count, self.count))

    def pull(self, u: NDArray[Any]) -> NDArray[Any]:
        """The coupling term ``sum_j (u_j - u_i)`` of every oscillator.

        Parameters
        ----------
        u : ndarray of int64 or float, shape (count,)
            Voltage of each oscillator, or its change in the previous tick, in any unit.

        Returns
        -------
        ndarray of the same type, shape (count,)
            The term, in the same unit.
        """
        if self.topology == "all_to_all":
            return np.asarray(u.sum() - self.count * u)
        return np.asarray(self._laplacian @ u)

    def matrix(self) -> NDArray[np.float64]:
        """Conductance (siemens) or capacitance (farad) between each pair, shape (count, count); 0 if not coupled."""
        value = 1 / self.value if self.kind == "resistive" else self.value
        if self.topology == "all_to_all":
            return value * (1 - np.eye(self.count))
        made = np.zeros((self.count, self.count))
        a, b = self.pairs.T
        made[a, b] = made[b, a] = value
        return made
