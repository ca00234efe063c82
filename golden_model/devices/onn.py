"""Oscillator networks of devices: weights as resistors and capacitors between threshold switches.

The judge of the phase oscillators: real waveforms, exact in time (``network``). Each weight becomes the element that
the phase response says has its sign and size (``phase_response.element_for``): for a positive weight whichever of
resistor and capacitor pulls this circuit in phase, for a negative one the other. What elements do besides, they do
here, too: they load the oscillators, so that one with more or larger weights is slower or faster than the others.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model.devices.network import OscillatorNetwork, measure
from neuristor.golden_model.devices.phase_response import Kind, coupling_strength, element_for, on_cycle
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["DeviceOnn", "DevicePhases", "kinds"]

Floats = NDArray[np.float64]
MOST = 128
"""Oscillators that are solved in bearable time."""


def kinds(circuit: Circuit) -> tuple[Kind, Kind]:
    """The kinds of element that pull in phase, and apart.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, or resistor and capacitor pull the same way.
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
    """Where a network of devices came to."""

    phase: Floats
    """Lead over oscillator 0 in cycles, 0 to 1, shape (count,); NaN for one that has stopped."""
    frequency: Floats
    """In hertz, shape (count,)."""
    spins: NDArray[np.int64]
    """+1 within a quarter of a cycle of oscillator 0, else -1."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DeviceOnn:
    """A network of equal circuits.

    Parameters
    ----------
    circuit : Circuit
        One that oscillates.
    weights : ndarray, shape (count, count)
        Symmetric, at most 128 oscillators; the diagonal counts for nothing.
    strength : float
        ``K1 / f0`` of all that one oscillator feels, at most. Where it is not small against 1, the elements load the
        circuits so much that they may stop.
    detuning : array_like, shape (count,), optional
        How much faster each oscillator is, as a part of its frequency: by its V_th.
    noise : float
        Standard deviation of V_th from cycle to cycle, relative.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If a shape is wrong, the weights are not symmetric, or the circuit has no element for their signs.
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
        """Conductances and capacitances between the oscillators, in siemens and farad, shape (count, count) each."""
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
        """What `noise` does to a phase, in radian a square root of a period: for ``kuramoto.Kuramoto``."""
        device, step = self.circuit.device, 1e-4
        rates = [
            dataclasses.replace(self.circuit, device=dataclasses.replace(device, v_th=device.v_th * far)).frequency()
            for far in (1 - step, 1 + step)
        ]
        return 2 * math.pi * self.noise * abs(math.log(rates[1] / rates[0])) / (2 * step)

    def run(self, phases: ArrayLike, periods: int) -> DevicePhases:
        """Let the devices oscillate.

        Parameters
        ----------
        phases : array_like, shape (count,)
            How late each oscillator begins its cycle, in cycles: as the phases of ``phase_oscillator``.
        periods : int
            Of a circuit alone; phases are measured over the last quarter of them.
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
        """V_th of each oscillator, for its frequency."""
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
                raise ValueError(f"detuning must be one that a V_th can give, not {wanted} for oscillator {n}")
            made[n] = brentq(off, low, high, args=(wanted,), xtol=1e-12)
        return made
