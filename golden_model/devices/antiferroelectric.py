"""An antiferroelectric transistor: gate pulses build up polarisation, which decays between them.

The model makes one step per pulse period. The film integrates the pulses in its polarisation P, and
its back-switching is the leak::

    P[n+1] = (1 - leak) P[n] + gain (P_max - P[n]);    fires when P >= P_th, then P = 0   (1)
    gain   = 1 - exp(-t_w / t(V))         t(V)   = t_set exp(V_a / V)                     (2)
    leak   = 1 - exp(-t_p / t_l(V_B))     t_l(V) = t_leak exp(V / V_l)                    (3)

with t_w the width and t_p the period of the pulses, V their voltage and V_B the base voltage between
them. Equation 2 is Merz's law of domain switching. According to equation 3, the base voltage slows
the decay of the polarisation. The recursion and both laws are a phenomenological model, not taken
from a paper: the paper of Cao et al. states the mechanism, and that the base voltage sets the leak.

References
----------
R. Cao et al., "Compact artificial neuron based on anti-ferroelectric transistor", Nature
Communications 13, 7018, 2022, 10.1038/s41467-022-34774-9 (the device).
W. J. Merz, "Domain formation and domain wall motions in ferroelectric BaTiO3 single crystals",
Phys. Rev. 95, 690, 1954 (the switching law).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.device import Floats
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch

__all__ = ["AntiferroelectricFet", "PulseResponse"]


@dataclass(frozen=True, kw_only=True)
class PulseResponse:
    """Response of the device to a train of pulses.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        End of each pulse period, in second.
    polarisation : ndarray of float, shape (n,)
        P at these times, before a reset, in coulomb per square metre.
    fired : ndarray of bool, shape (n,)
        Whether the device fires at the end of each period.
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
    """The device without its circuit. It has a gate and a channel: it is not a two-terminal device.

    Parameters
    ----------
    p_max : float
        Saturated polarisation P_max, in coulomb per square metre.
    p_th : float
        Polarisation P_th at which the device fires, in coulomb per square metre; below `p_max`.
    pulse_width : float
        t_w, in second.
    t_set : float
        Prefactor of the switching time, in second (equation 2).
    v_a : float
        Activation voltage V_a of the switching time, in volt (equation 2).
    t_leak : float
        Decay time of the polarisation without a base voltage, in second (equation 3).
    v_l : float
        Voltage scale V_l of the decay time, in volt (equation 3).
    base_voltage : float
        V_B, in volt; zero or more.

    Raises
    ------
    ValueError
        If a number is not positive (the base voltage may be zero), or ``p_th >= p_max``.
    """

    kind: ClassVar[str] = "antiferroelectric"
    """Name of the model in the catalogue."""

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
        """Fraction of ``P_max - P`` that one pulse switches (equation 2).

        Parameters
        ----------
        pulse_voltage : float
            V, in volt; zero or more. 0 means no pulse and gives 0.
        """
        positive("pulse_voltage", pulse_voltage, zero=True)
        if pulse_voltage == 0:
            return 0.0
        return -math.expm1(-self.pulse_width / self.t_set * math.exp(-self.v_a / pulse_voltage))

    @property
    def tau(self) -> float:
        """Decay time of the polarisation at the base voltage, in second (equation 3)."""
        return self.t_leak * math.exp(self.base_voltage / self.v_l)

    def leak(self, pulse_period: float) -> float:
        """Fraction of the polarisation that is lost in one pulse period (equation 3).

        Parameters
        ----------
        pulse_period : float
            t_p, in second; at least `pulse_width`.

        Raises
        ------
        ValueError
            If the period is shorter than the pulse.
        """
        if pulse_period < self.pulse_width:
            raise ValueError(
                f"pulse_period must be at least the pulse width ({self.pulse_width!r} s), not {pulse_period!r} s"
            )
        return -math.expm1(-pulse_period / self.tau)

    def pulses(self, voltage: Floats, *, pulse_period: float) -> PulseResponse:
        """Response to a train of pulses (equation 1), from P = 0.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Pulse voltage V of each period, in volt; 0 for no pulse.
        pulse_period : float
            t_p, in second; at least `pulse_width`.
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
        """Parameters of the leaky integrate-and-fire neuron that approximates the device.

        The membrane potential v is P / P_max. An input of 1 is one pulse of `pulse_voltage` per period.
        The neuron steps ``v += (R i - v) leak``, with the same leak as equation 1.

        The neuron does not model saturation. In equation 1 the increment falls with ``P_max - P``; here
        it is constant, equal to that at half the threshold. There are three consequences:

        - Below half the threshold v rises too slowly, above it too fast, by up to
          ``P_th / (2 P_max - P_th)`` of a step.
        - The steady value ``R i`` may be above 1, which P cannot reach. The neuron fires too early under
          pulses whose true steady value ``gain / (gain + leak)`` is barely above the threshold.
        - Pulses of another voltage are not inputs in proportion to their voltage.

        Parameters
        ----------
        pulse_period : float
            t_p, in second; at least `pulse_width`.
        pulse_voltage : float
            V, in volt; zero or more.

        Returns
        -------
        dict of str to float
            ``tau`` and ``refractory`` in second; ``threshold``, ``hold`` and ``rest`` in P / P_max;
            ``input_resistance`` in P / P_max per pulse and period.
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
        """The neuron of `lif_numbers` as a threshold switch with a resistor and a capacitor.

        1 V stands for P_max, 1 A for one pulse per period. After a spike, the voltage falls to a
        millionth of V_th in a time far below all others.

        Parameters
        ----------
        pulse_period : float
            t_p, in second; at least `pulse_width`.
        pulse_voltage : float
            V, in volt; above 0.
        """
        numbers = self.lif_numbers(pulse_period=pulse_period, pulse_voltage=pulse_voltage)
        resistance, threshold = numbers["input_resistance"], numbers["threshold"]
        switch = ThresholdSwitch(r_ins=2 * resistance, r_met=1e-9 * resistance, v_th=threshold, v_hold=1e-6 * threshold)
        return Circuit(
            device=switch, supply=0.0, series_resistance=2 * resistance, capacitance=numbers["tau"] / resistance
        )

    def at_temperature(self, ambient: float) -> Self:
        """Not supported: the model does not depend on temperature.

        Parameters
        ----------
        ambient : float
            In kelvin.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"the model has no temperature: {self.kind} has no value at {ambient!r} K")
