"""The two-channel neuristor: two threshold switches with opposite supplies, two capacitors.

The circuit of the Hodgkin-Huxley neurons made of NbO2 and VO2, with node voltages v1 and v2::

    (C1 + Cin) dv1/dt = I - (v1 + E) / R_1 - (v1 - v2) / R2 - (v1 - v_in) / Rin + Cin dv_in/dt      (1)
    C2 dv2/dt         = (v1 - v2) / R2 - (v2 - E) / R_2 - v2 / RL                                   (2)

R_1 and R_2 are the two switches: each r_ins until the voltage across it, v1 + E and E - v2, reaches its
V_th, then r_met until that is down to V_hold. In each of the four pairs of states both equations are linear,
and are solved exactly.

References
----------
M. D. Pickett, G. Medeiros-Ribeiro, R. S. Williams, Nature Materials 12, 114, 2013 (the neuristor); W. Yi et
al., Nat. Commun. 9, 4661, 2018 (resistor, capacitor, or both at the input: tonic, phasic, mixed-mode);
10.1038/s41467-024-48399-7, figure 2 (the NbO2 circuit, and the range of E).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["PAIRS", "NeuristorCircuit"]

Floats = NDArray[np.float64]
PAIRS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""States of the switches 1 and 2, 1 while metallic, in the order of all tables."""


@dataclass(frozen=True, kw_only=True)
class NeuristorCircuit:
    """Two switches in their circuit.

    Parameters
    ----------
    device : ThresholdSwitch
        Both of them.
    supply : float
        E in volt: switch 1 is at -E, switch 2 at +E. Between (V_th + V_hold) / 2 and V_th.
    capacitance_1 : float
        At the input node, in farad, above 0.
    capacitance_2 : float
        At the output node, in farad, above 0.
    coupling_resistance : float
        Between the nodes, in ohm, above 0.
    load_resistance : float
        From the output node to ground, in ohm, above 0.
    input_resistance : float
        From an input voltage to the input node, in ohm; 0 for none.
    input_capacitance : float
        From an input voltage to the input node, in farad; 0 for none. Without either, the input is a current.

    Raises
    ------
    ValueError
        If a value is outside its range, or the neuristor could not fire or not rest.
    """

    device: ThresholdSwitch
    supply: float
    capacitance_1: float
    capacitance_2: float
    coupling_resistance: float
    load_resistance: float = 1e9
    input_resistance: float = 0.0
    input_capacitance: float = 0.0

    def __post_init__(self) -> None:
        for name in ("supply", "capacitance_1", "capacitance_2", "coupling_resistance", "load_resistance"):
            positive(name, getattr(self, name))
        for name in ("input_resistance", "input_capacitance"):
            positive(name, getattr(self, name), zero=True)
        low, high = (self.device.v_th + self.device.v_hold) / 2, self.device.v_th
        if not low < self.supply < high:
            raise ValueError(
                f"supply must be between {low:.4g} V and {high:.4g} V, (V_th + V_hold) / 2 and V_th, for the neuristor "
                f"to fire and to rest, not {self.supply!r} V"
            )

    @property
    def voltage_input(self) -> bool:
        """Whether the input is a voltage, through `input_resistance` or `input_capacitance`."""
        return bool(self.input_resistance or self.input_capacitance)

    @property
    def jump(self) -> float:
        """What a step of the input voltage moves the input node by, as a fraction."""
        return self.input_capacitance / (self.capacitance_1 + self.input_capacitance)

    @cached_property
    def _systems(self) -> list[tuple[Floats, Floats, Floats]]:
        """A, b and the weight of the input of each pair of states: dx/dt = A x + b + w input."""
        made = []
        c1, c2 = self.capacitance_1 + self.input_capacitance, self.capacitance_2
        between, load = 1 / self.coupling_resistance, 1 / self.load_resistance
        given = 1 / self.input_resistance if self.input_resistance else 0.0
        for pair in PAIRS:
            g1, g2 = (1 / (self.device.r_met if on else self.device.r_ins) for on in pair)
            a = np.array([[-(g1 + between + given) / c1, between / c1], [between / c2, -(g2 + between + load) / c2]])
            weight = given / c1 if self.voltage_input else 1 / (self.coupling_resistance * c1)
            made.append((a, np.array([-g1 * self.supply / c1, g2 * self.supply / c2]), np.array([weight, 0.0])))
        return made

    def target(self, pair: int) -> Floats:
        """Where both nodes go without input in a pair of states, in volt, shape (2,)."""
        a, b, _ = self._systems[pair]
        return np.asarray(np.linalg.solve(a, -b))

    def propagator(self, pair: int, duration: float) -> tuple[Floats, Floats]:
        """K and G of ``x <- x + K (target - x) + G input`` after a time: exact.

        The input is a voltage, or a current times `coupling_resistance`, in volt; it is constant.

        Parameters
        ----------
        pair : int
            Which of `PAIRS`.
        duration : float
            In second.

        Returns
        -------
        K : ndarray of float, shape (2, 2)
        G : ndarray of float, shape (2,)
        """
        a, _, weight = self._systems[pair]
        k = np.eye(2) - expm(a * duration)
        return k, np.asarray(k @ np.linalg.solve(a, -weight))

    @property
    def fastest(self) -> float:
        """Shortest time constant of any pair of states, in second."""
        return float(1 / max(np.abs(np.linalg.eigvals(a)).max() for a, _, _ in self._systems))
