"""The two-channel neuristor: two threshold switches with opposite supplies, two capacitors.

This is the circuit of the Hodgkin-Huxley neurons made of NbO2 and VO2. Node 1 is the input, node 2 the
output; their voltages are v1 and v2. Switch 1 connects node 1 to the supply -E, switch 2 connects node 2
to the supply +E. The input is a current I, or a voltage v_in through Rin or Cin::

    (C1 + Cin) dv1/dt = I - (v1 + E) / R_sw1 - (v1 - v2) / R2 - (v1 - v_in) / Rin + Cin dv_in/dt    (1)
    C2 dv2/dt         = (v1 - v2) / R2 - (v2 - E) / R_sw2 - v2 / RL                                 (2)

R_sw1 and R_sw2 are the resistances of the two switches. Each is r_ins until the voltage across the switch
(v1 + E for switch 1, E - v2 for switch 2) reaches V_th, then r_met until this voltage has fallen to V_hold.
For each of the four combinations of states both equations are linear, and they are solved exactly.

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

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.units import other_prefix, si

__all__ = ["PAIRS", "NeuristorCircuit"]

Floats = NDArray[np.float64]
PAIRS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Combinations of states of (switch 1, switch 2), 0 insulating and 1 metallic; the order of all tables."""


@dataclass(frozen=True, kw_only=True)
class NeuristorCircuit:
    """The two switches in their circuit (equations 1 and 2).

    Parameters
    ----------
    device : ThresholdSwitch
        Both switches: V_th, V_hold, r_ins and r_met.
    supply : float
        E, in volt: switch 1 is at -E, switch 2 at +E. Above (V_th + V_hold) / 2 and below V_th.
    capacitance_1 : float
        C1, from the input node to ground, in farad; above 0.
    capacitance_2 : float
        C2, from the output node to ground, in farad; above 0.
    coupling_resistance : float
        R2, between the nodes, in ohm; above 0.
    load_resistance : float
        RL, from the output node to ground, in ohm; above 0.
    input_resistance : float
        Rin, from the input voltage to the input node, in ohm; 0 for none.
    input_capacitance : float
        Cin, from the input voltage to the input node, in farad; 0 for none. Without Rin and Cin, the
        input is a current.

    Raises
    ------
    ValueError
        If a value is outside its range. Outside the range of `supply` the neuristor could not fire, or
        not return to rest.
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
                f"supply must be between {si(low, 'V')} and {si(high, 'V')}, (V_th + V_hold) / 2 and V_th, for the "
                f"neuristor to fire and to rest, not {si(self.supply, 'V')}"
                + other_prefix(self.supply, "V", lambda v: low < v < high)
            )

    @property
    def voltage_input(self) -> bool:
        """Whether the input is a voltage, through `input_resistance` or `input_capacitance`."""
        return bool(self.input_resistance or self.input_capacitance)

    @property
    def jump(self) -> float:
        """Step of v1 per step of the input voltage: ``Cin / (C1 + Cin)``."""
        return self.input_capacitance / (self.capacitance_1 + self.input_capacitance)

    @cached_property
    def _systems(self) -> list[tuple[Floats, Floats, Floats]]:
        """A, b and w for each combination of states: dx/dt = A x + b + w input, x = (v1, v2)."""
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
        """Steady node voltages without input, in one combination of states.

        Parameters
        ----------
        pair : int
            Index into `PAIRS`, 0 to 3.

        Returns
        -------
        ndarray of float, shape (2,)
            v1 and v2, in volt.
        """
        a, b, _ = self._systems[pair]
        return np.asarray(np.linalg.solve(a, -b))

    def propagator(self, pair: int, duration: float) -> tuple[Floats, Floats]:
        """Exact solution over a time step, in one combination of states and under a constant input.

        The node voltages ``x = (v1, v2)`` become ``x + K (target - x) + G input``. The input is in volt: an
        input voltage, or an input current times `coupling_resistance`.

        Parameters
        ----------
        pair : int
            Index into `PAIRS`, 0 to 3.
        duration : float
            Time step, in second.

        Returns
        -------
        K : ndarray of float, shape (2, 2)
            Without unit.
        G : ndarray of float, shape (2,)
            Without unit.
        """
        a, _, weight = self._systems[pair]
        k = np.eye(2) - expm(a * duration)
        return k, np.asarray(k @ np.linalg.solve(a, -weight))

    @property
    def fastest(self) -> float:
        """Shortest time constant over all combinations of states, in second."""
        return float(1 / max(np.abs(np.linalg.eigvals(a)).max() for a, _, _ in self._systems))
