"""An antiferroelectric transistor: pulses build up polarisation, which leaks away by itself.

One step a pulse period; the polarisation integrates, the back-switching of the film leaks::

    P[n+1] = (1 - leak) P[n] + gain (P_max - P[n]);    fires when P >= P_th, then P = 0   (1)
    gain   = 1 - exp(-t_w / t(V))         t(V)   = t_set exp(V_a / V)                     (2)
    leak   = 1 - exp(-t_p / t_l(V_B))     t_l(V) = t_leak exp(V / V_l)                    (3)

with t_w the width and t_p the period of the pulses, V their voltage and V_B the base voltage between
them. (2) is Merz's law of domain switching; (3) says that a base voltage holds the polarisation up.
The recursion and both laws are a phenomenological model, not taken from a paper: the paper below
states the mechanism, and that the base voltage sets the leak.

References
----------
R. Cao et al., "Compact artificial neuron based on anti-ferroelectric transistor", Nature
Communications 13, 7018, 2022, 10.1038/s41467-022-34774-9 (the device).
W. J. Merz, "Domain formation and domain wall motions in ferroelectric BaTiO3 single crystals",
Phys. Rev. 95, 690, 1954 (the law of switching).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.devices.device import Floats
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["AntiferroelectricFet", "PulseResponse"]


@dataclass(frozen=True, kw_only=True)
class PulseResponse:
    """What pulses did.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        End of each period, in second.
    polarisation : ndarray of float, shape (n,)
        P there, before the reset, in coulomb per square metre.
    fired : ndarray of bool, shape (n,)
    """

    time: Floats
    polarisation: Floats
    fired: NDArray[np.bool_]

    @property
    def spikes(self) -> Floats:
        """Times of firing, in second."""
        return self.time[self.fired]


@dataclass(frozen=True, kw_only=True)
class AntiferroelectricFet:
    """The device alone. It has a gate and a channel, so it is no two-terminal switch.

    Parameters
    ----------
    p_max, p_th : float
        Saturated polarisation, and that at which it fires, in coulomb per square metre.
    pulse_width : float
        In second.
    t_set, v_a : float
        Prefactor, in second, and activation voltage, in volt, of the switching time (equation 2).
    t_leak, v_l : float
        Decay time at no base voltage, in second, and its voltage scale, in volt (equation 3).
    base_voltage : float
        V_B, in volt.

    Raises
    ------
    ValueError
        If a number is not positive (the base voltage may be zero) or ``p_th >= p_max``.
    """

    kind: ClassVar[str] = "antiferroelectric"

    p_max: float
    p_th: float
    pulse_width: float
    t_set: float
    v_a: float
    t_leak: float
    v_l: float
    base_voltage: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(field.name, getattr(self, field.name), zero=field.name == "base_voltage")
        if self.p_th >= self.p_max:
            raise ValueError(f"p_th must be below p_max ({self.p_max!r} C/m2), not {self.p_th!r} C/m2")

    def gain(self, pulse_voltage: float) -> float:
        """Part of the missing polarisation that one pulse switches (equation 2); 0 without a pulse."""
        positive("pulse_voltage", pulse_voltage, zero=True)
        if pulse_voltage == 0:
            return 0.0
        return -math.expm1(-self.pulse_width / self.t_set * math.exp(-self.v_a / pulse_voltage))

    @property
    def tau(self) -> float:
        """Decay time of the polarisation at the base voltage, in second (equation 3)."""
        return self.t_leak * math.exp(self.base_voltage / self.v_l)

    def leak(self, pulse_period: float) -> float:
        """Part of the polarisation that one period loses (equation 3)."""
        if pulse_period < self.pulse_width:
            raise ValueError(
                f"pulse_period must be at least the pulse width ({self.pulse_width!r} s), not {pulse_period!r} s"
            )
        return -math.expm1(-pulse_period / self.tau)

    def pulses(self, voltage: Floats, *, pulse_period: float) -> PulseResponse:
        """The device under pulses, from P = 0.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Of the pulse of each period, in volt; 0 for none.
        pulse_period : float
            In second.
        """
        voltage = np.asarray(voltage, dtype=np.float64)
        keep = 1 - self.leak(pulse_period)
        gains = {v: self.gain(v) for v in np.unique(voltage).tolist()}
        p, trace = 0.0, np.empty_like(voltage)
        for n, v in enumerate(voltage.tolist()):
            p = trace[n] = keep * p + gains[v] * (self.p_max - p)
            if p >= self.p_th:
                p = 0.0
        time = np.asarray(pulse_period * np.arange(1.0, len(voltage) + 1), dtype=np.float64)
        return PulseResponse(time=time, polarisation=trace, fired=trace >= self.p_th)

    def lif_numbers(self, *, pulse_period: float, pulse_voltage: float) -> dict[str, float]:
        """The leaky integrator closest to it, with P / P_max as its volt and pulses as its ampere.

        An input of 1 is one pulse of `pulse_voltage` a period. The integrator steps
        ``v += (R i - v) leak``, which leaks exactly as (1) does. What it loses is the saturation: the
        gain of (1) falls with ``P_max - P``, here it is that at half the threshold. So below half the
        threshold it rises too slowly, above it too fast, by up to ``P_th / (2 P_max - P_th)`` of a
        step; its steady value ``R i`` may lie above 1, where P never gets, so it fires too early under pulses
        whose true steady value ``gain / (gain + leak)`` is barely above the threshold; and other pulse voltages are
        not proportional inputs.

        Parameters
        ----------
        pulse_period, pulse_voltage : float
            In second and volt.

        Returns
        -------
        dict of str to float
            ``tau`` and ``refractory`` in second; ``threshold``, ``hold`` and ``rest`` in P / P_max;
            ``input_resistance`` in P / P_max per pulse a period.
        """
        threshold = self.p_th / self.p_max
        gain = self.gain(pulse_voltage) * (1 - threshold / 2)
        return {
            "tau": self.tau,
            "threshold": threshold,
            "hold": 0.0,
            "rest": 0.0,
            "input_resistance": gain / self.leak(pulse_period),
            "refractory": 0.0,
        }

    def lif_circuit(self, *, pulse_period: float, pulse_voltage: float) -> Circuit:
        """That leaky integrator as a switch with a resistor and a capacitor: 1 V is P_max, 1 A a pulse a period.

        The switch falls to a millionth of the threshold, at once.

        Parameters
        ----------
        pulse_period, pulse_voltage : float
            In second and volt.
        """
        numbers = self.lif_numbers(pulse_period=pulse_period, pulse_voltage=pulse_voltage)
        resistance, threshold = numbers["input_resistance"], numbers["threshold"]
        switch = ThresholdSwitch(r_ins=2 * resistance, r_met=1e-9 * resistance, v_th=threshold, v_hold=1e-6 * threshold)
        return Circuit(
            device=switch, supply=0.0, series_resistance=2 * resistance, capacitance=numbers["tau"] / resistance
        )

    def at_temperature(self, ambient: float) -> Self:
        """Not in this model.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"the model has no temperature: {self.kind} has no value at {ambient!r} K")
