"""Signed weights with coupling elements of one kind: two devices for each oscillator of the network.

A passive element between two relaxation oscillators pulls their phases together or pushes them apart, by the circuit
(``phase_response``); often one kind does only the latter. So each oscillator i is two devices, i and ``i + n``, that an
element pushes half a period apart: an oscillator and its inverse. A negative weight is then an element between i and j
and one between their inverses, a positive weight one between i and the inverse of j, and one between j and that of i.

All devices carry the same load if the sums of ``|w_ij|`` over j are equal, as for weights of +1 and -1. Then they have
one frequency, without which phases mean nothing.

A picture is given by when the supply of each device is switched on: at once, or half a period later.

References
----------
C. Delacour and A. Todri-Sanial, "Mapping Hebbian learning rules to coupling resistances for oscillatory neural
networks", Frontiers in Neuroscience 15, 2021, 10.3389/fnins.2021.694549, has weights of both signs as resistors. That
two devices are one oscillator is ours, as in differential logic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.network import OscillatorNetwork, measure
from neuristor.golden_model.devices.phase_response import Kind, coupling_strength, element_for
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.coupling import Coupling

__all__ = ["Rails", "spins"]

Floats = NDArray[np.float64]


def spins(phase: ArrayLike) -> NDArray[np.int64]:
    """The sign of each oscillator: +1 within a quarter of a period of the first one, else -1.

    Parameters
    ----------
    phase : array_like of float, shape (..., devices)
        Of all devices, in degrees from one of them; inverses come last, and do not count.

    Returns
    -------
    ndarray of int, shape (..., devices / 2)
        +1, -1, or 0 for a device that has stopped.
    """
    made = np.asarray(phase, dtype=np.float64)
    made = made[..., : made.shape[-1] // 2]
    near = np.cos(np.radians(made - made[..., :1]))
    return np.where(np.isfinite(near), np.where(near >= 0, 1, -1), 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rails:
    """A network of oscillators of two devices each.

    Parameters
    ----------
    circuit : Circuit
        Circuit of each device; it must oscillate.
    kind : {"resistive", "capacitive"}
        Kind of all elements; it must push apart in this circuit.
    weights : ndarray, shape (n, n)
        Symmetric, n at least 2, not all 0; only their ratios matter. The diagonal is ignored.
    strength : float
        Largest sum over the weights of an oscillator of ``|K1| / f0``, without unit, above 0.
    pairing : float
        ``|K1| / f0`` of the element between an oscillator and its inverse, above 0.

    Raises
    ------
    ValueError
        If a value is outside its range, or the kind pulls in phase.
    """

    circuit: Circuit
    kind: Kind
    weights: NDArray[np.generic]
    strength: float = 0.1
    pairing: float = 0.1

    def __post_init__(self) -> None:
        w = np.asarray(self.weights, dtype=np.float64)
        if w.ndim != 2 or w.shape[0] != w.shape[1] or len(w) < 2:
            raise ValueError(f"weights must have shape (n, n) with n of at least 2, not {w.shape}")
        if not np.isfinite(w).all() or (w != w.T).any():
            raise ValueError("weights must be finite and symmetric: an element between two devices acts on both")
        if not np.triu(w, 1).any():
            raise ValueError("weights must not all be 0")
        positive("strength", self.strength)
        positive("pairing", self.pairing)
        if coupling_strength(self.circuit, self.kind, 1.0) >= 0:
            raise ValueError(f"kind must push apart, but {self.kind} elements pull in phase in this circuit")

    @property
    def count(self) -> int:
        """Devices: twice the oscillators."""
        return 2 * len(self.weights)

    @property
    def _scale(self) -> float:
        """``|K1| / f0`` of a weight of 1."""
        w = np.abs(np.asarray(self.weights, dtype=np.float64))
        return self.strength / float((w.sum(axis=1) - np.diag(w)).max())

    def coupling(self) -> Coupling:
        """The elements, for an array of devices: the oscillators, then their inverses."""
        w, n, scale = np.asarray(self.weights, dtype=np.float64), len(self.weights), self._scale
        wanted: dict[tuple[int, int], float] = {(i, i + n): self.pairing for i in range(n)}
        for i, j in zip(*(each.tolist() for each in np.nonzero(np.triu(w, 1))), strict=True):
            pairs = [(i, j), (i + n, j + n)] if w[i, j] < 0 else [(i, j + n), (j, i + n)]
            wanted |= dict.fromkeys(pairs, scale * abs(float(w[i, j])))
        edges = tuple(sorted(wanted))
        values = tuple(element_for(self.circuit, self.kind, -wanted[edge]) for edge in edges)
        return Coupling.of_edges(self.kind, 2 * n, edges, values)

    def weights_of(self, coupling: Coupling) -> Floats:
        """The weights that elements have by the phase response: the way back.

        Parameters
        ----------
        coupling : Coupling
            Elements between the devices, of this kind.

        Returns
        -------
        ndarray of float, shape (n, n)
            In the units of `weights`; the mean over the two elements of a weight.
        """
        n, made = len(self.weights), np.zeros((len(self.weights), len(self.weights)))
        unit = -coupling_strength(self.circuit, self.kind, 1.0) / self.circuit.frequency() / self._scale
        # K1 is inversely proportional to a resistance, and proportional to a capacitance.
        size = unit * coupling.matrix()
        made -= (size[:n, :n] + size[n:, n:]) / 2
        made += (size[:n, n:] + size[n:, :n]) / 2
        np.fill_diagonal(made, 0)
        return made

    def delays(self, pixels: ArrayLike) -> Floats:
        """When the supply of each device is switched on, in second.

        Parameters
        ----------
        pixels : array_like of int, shape (n,)
            +1 and -1.

        Returns
        -------
        ndarray of float, shape (2 n,)
            0, or half a period.

        Raises
        ------
        ValueError
            If `pixels` has another shape, or other values.
        """
        x = np.asarray(pixels)
        if x.shape != (len(self.weights),) or not np.isin(x, (-1, 1)).all():
            raise ValueError(f"pixels must be {len(self.weights)} numbers of +1 and -1")
        return np.where(np.r_[x, -x] > 0, 0.0, 0.5 / self.circuit.frequency())

    def run(self, pixels: ArrayLike, periods: float) -> tuple[Floats, Floats]:
        """Simulate the devices, exactly in time.

        Parameters
        ----------
        pixels : array_like of int, shape (n,)
            +1 and -1.
        periods : float
            Simulated time, in periods of a device alone; phases are measured over the last quarter.

        Returns
        -------
        phase : ndarray of float, shape (2 n,)
            Lead over device 0, in degrees; NaN for a device that has stopped.
        frequency : ndarray of float, shape (2 n,)
            In hertz.
        """
        couples = self.coupling()
        none = np.zeros((self.count, self.count))
        elements = (couples.matrix(), none) if self.kind == "resistive" else (none, couples.matrix())
        network = OscillatorNetwork(self.circuit, self.count, conductance=elements[0], capacitance=elements[1])
        off, whole = self.delays(pixels), periods / self.circuit.frequency()
        late = float(off.max())
        # A supply that is off is as a current that takes away all that comes through the resistor.
        current = np.where(off > 0, -self.circuit.supply / self.circuit.series_resistance, 0.0)
        switchings = [*network.advance(late, current), *network.advance(whole - late, np.zeros(self.count))]
        frequency, _, phase = measure(switchings, self.count, 0.75 * whole)
        return phase, frequency
