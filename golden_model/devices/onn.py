"""Oscillatory neural networks of devices: weights as resistors and capacitors between threshold switches.

This model is the reference for the phase oscillators: it has the waveforms of the devices, exact in time
(``network``). Each weight is one coupling element, chosen by the phase response (``phase_response.element_for``). A
positive weight is a resistor or a capacitor, whichever of the two pulls this circuit in phase; a negative weight is
the other. Like real elements, they also load the oscillators: one with more or larger weights than the others is
slower or faster than they are.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.network import OscillatorNetwork, measure
from neuristor.golden_model.devices.phase_response import Kind, coupling_strength, element_for, on_cycle
from neuristor.golden_model.devices.threshold_switch import Circuit

__all__ = ["DeviceOnn", "DevicePhases", "kinds"]

Floats = NDArray[np.float64]
MOST = 128
"""Largest number of oscillators; more would take too long."""


def kinds(circuit: Circuit) -> tuple[Kind, Kind]:
    """The kinds of coupling element for a positive and for a negative weight.

    Parameters
    ----------
    circuit : Circuit
        Circuit of both oscillators; it must oscillate.

    Returns
    -------
    positive, negative : {"resistive", "capacitive"}
        The kind that pulls two oscillators in phase, and the kind that pushes them apart.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, or resistors and capacitors pull the same way.
    """
    resistive = coupling_strength(circuit, "resistive", 1.0) > 0
    if resistive == (coupling_strength(circuit, "capacitive", 1.0) > 0):
        way = "in phase" if resistive else "apart"
        raise ValueError(
            f"the circuit must have an element for each sign of weight, but both resistors and capacitors pull {way}; "
            "change series_resistance"
        )
    return ("resistive", "capacitive") if resistive else ("capacitive", "resistive")


class DevicePhases(NamedTuple):
    """Final state of a network of devices."""

    phase: Floats
    """Shape (count,): lead over oscillator 0, in cycles, 0 to 1; NaN for an oscillator that has stopped."""
    frequency: Floats
    """Shape (count,), in hertz; 0 for an oscillator that has stopped."""
    spins: NDArray[np.int64]
    """Shape (count,): +1 for a phase within a quarter of a cycle of oscillator 0, else -1."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DeviceOnn:
    """A network of oscillators with equal circuits.

    Parameters
    ----------
    circuit : Circuit
        Circuit of each oscillator; it must oscillate.
    weights : ndarray, shape (count, count)
        Symmetric synaptic weights, 2 to 128 oscillators; only their ratios matter. The diagonal is ignored.
    strength : float
        Largest sum over the couplings of one oscillator of ``|K1| / f0``, without unit; above 0. If it is not small
        compared with 1, the elements load the circuits so much that they may stop.
    detuning : array_like of float, shape (count,), optional
        Relative frequency deviation of each oscillator, made by its V_th; 0 by default.
    noise : float
        Cycle-to-cycle standard deviation of V_th, as a fraction of V_th; zero or more.
    seed : int
        Seed of the noise.

    Raises
    ------
    ValueError
        If a shape is wrong, the weights are not symmetric, or the circuit has no element for one sign of weight.
    """

    circuit: Circuit
    weights: NDArray[np.generic]
    strength: float = 0.05
    detuning: ArrayLike | None = None
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        w = self._weights
        count = len(w)
        if w.shape != (count, count) or not 2 <= count <= MOST:
            raise ValueError(f"weights must have shape (n, n) with n from 2 to {MOST}, not {w.shape}")
        if not np.isfinite(w).all() or (w != w.T).any():
            raise ValueError("weights must be finite and symmetric: an element between two devices acts on both")
        positive("strength", self.strength)
        positive("noise", self.noise, zero=True)
        if self.detuning is not None and np.shape(self.detuning) != (count,):
            raise ValueError(f"detuning must have shape ({count},), not {np.shape(self.detuning)}")
        kinds(self.circuit)

    @property
    def _weights(self) -> Floats:
        return np.asarray(self.weights, dtype=np.float64)

    def elements(self) -> tuple[Floats, Floats]:
        """The coupling elements.

        Returns
        -------
        conductance : ndarray of float, shape (count, count)
            In siemens.
        capacitance : ndarray of float, shape (count, count)
            In farad.
        """
        w = self._weights.copy()
        np.fill_diagonal(w, 0)
        most = float(np.abs(w).sum(axis=1).max())
        scale = self.strength / most if most else 0.0
        made = {"resistive": np.zeros_like(w), "capacitive": np.zeros_like(w)}
        for sign, kind in zip((1, -1), kinds(self.circuit), strict=True):
            for i, j in np.argwhere(sign * w > 0).tolist():
                value = element_for(self.circuit, kind, scale * float(w[i, j]))
                made[kind][i, j] = 1 / value if kind == "resistive" else value
        return made["resistive"], made["capacitive"]

    @property
    def phase_noise(self) -> float:
        """Phase noise that `noise` causes, in radian per square root of a period: for ``kuramoto.Kuramoto``."""
        device, step = self.circuit.device, 1e-4
        rates = [
            dataclasses.replace(self.circuit, device=dataclasses.replace(device, v_th=device.v_th * far)).frequency()
            for far in (1 - step, 1 + step)
        ]
        return 2 * math.pi * self.noise * abs(math.log(rates[1] / rates[0])) / (2 * step)

    def run(self, phases: ArrayLike, periods: int) -> DevicePhases:
        """Simulate the network.

        Parameters
        ----------
        phases : array_like of float, shape (count,)
            Initial lag of each oscillator, in cycles: the same sign as the phases of ``phase_oscillator``.
        periods : int
            Simulated time, in periods of an uncoupled circuit. Phases and frequencies are measured over the last
            quarter.

        Returns
        -------
        DevicePhases
            Phases, frequencies and spins at the end.

        Raises
        ------
        ValueError
            If `phases` has another shape, or no V_th gives a wanted detuning.
        """
        begin = np.asarray(phases, dtype=np.float64)
        count = len(self.weights)
        if begin.shape != (count,):
            raise ValueError(f"phases must have shape ({count},), not {begin.shape}")
        conductance, capacitance = self.elements()
        v_th = self._thresholds()
        network = OscillatorNetwork(self.circuit, count, v_th=v_th, conductance=conductance, capacitance=capacitance)
        network.voltage[:], network.metallic[:] = on_cycle(self.circuit, -begin)
        rng = np.random.default_rng(self.seed)

        def noisy(oscillator: int, metallic: bool) -> None:
            if not metallic:
                network.v_th[oscillator] = v_th[oscillator] * (1 + self.noise * rng.normal())

        whole = periods / self.circuit.frequency()
        switchings = network.advance(whole, on_switch=noisy if self.noise else None)
        frequency, _, lead = measure(switchings, count, 0.75 * whole)
        cycles = lead / 360
        near = np.cos(2 * np.pi * cycles) >= 0
        return DevicePhases(cycles, frequency, np.where(near, 1, -1))

    def _thresholds(self) -> Floats:
        """V_th of each oscillator that gives the wanted detuning, in volt.

        Raises
        ------
        ValueError
            If no V_th does.
        """
        device = self.circuit.device
        made = np.full(len(self.weights), device.v_th)
        if self.detuning is None:
            return made
        usual = self.circuit.frequency()

        def off(v_th: float, wanted: float) -> float:
            return dataclasses.replace(
                self.circuit, device=dataclasses.replace(device, v_th=v_th)
            ).frequency() - usual * (1 + wanted)

        top = min(self.circuit.target_ins(), 4 * device.v_th)
        low = device.v_hold + 0.02 * (device.v_th - device.v_hold)
        high = device.v_th + 0.98 * (top - device.v_th)
        for n, wanted in enumerate(np.asarray(self.detuning, dtype=np.float64).tolist()):
            if off(low, wanted) < 0 or off(high, wanted) > 0:
                raise ValueError(f"detuning must be within reach of a change of V_th, not {wanted} for oscillator {n}")
            made[n] = brentq(off, low, high, args=(wanted,), xtol=1e-12)
        return made
