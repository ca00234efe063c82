r"""A Mott memristor: Joule heat grows a metallic core inside an insulating cylinder.

The state variable ``u`` is the radius of the core divided by the radius r of the channel. The core is
at the transition temperature T_c. R is the electrical resistance of the channel, G the thermal
conductance from core to ambient, H the enthalpy::

    R(u)  = rho_ins L / (pi r^2) / (1 + (rho_ins / rho_met - 1) u^2)                      (1)
    G(u)  = 2 pi L kappa / ln(1 / u)                                                      (2)
    dH/du = pi L r^2 [c_p dT (1 - u^2 + 2 u^2 ln u) / (2 u ln^2 u) + 2 dh u]              (3)
    du/dt = (i^2 R(u) - G(u) dT) / (dH/du)                                                (4)

with ``dT = T_c - T_ambient``. The steady states lie on a curve whose local maximum is V_th and whose
local minimum is V_hold::

    v(u)  = sqrt(G(u) dT R(u))                                                            (5)

With ``k = rho_ins / rho_met - 1`` and ``u = e^-w``, the extrema solve
``(1 - 2 w) e^(1 - 2 w) = -e / k``. The solutions are the two real branches of Lambert's W function::

    w     = (1 - W(-e / k)) / 2                                                           (6)

so two extrema exist for ``k > e^2``. The equations are integrated in ``z = ln w = ln ln(1/u)``, in
which (4) has no singularity and u stays between 0 and 1::

    dz/dt = (2 pi L kappa dT - i^2 R w)
            / (pi L r^2 [c_p dT (1 - (1 + 2 w) e^-2w) / 2 + 2 dh w^2 e^-2w])              (7)

References
----------
M. D. Pickett, G. Medeiros-Ribeiro and R. S. Williams, "A scalable neuristor built with Mott
memristors", Nature Materials 12, 114-117, 2013, 10.1038/nmat3510.
W. Yi et al., "Biological plausibility and stochasticity in scalable VO2 active memristor neurons",
Nature Communications 9, 4661, 2018, 10.1038/s41467-018-07052-w.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import lambertw

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["MottMemristor"]

OVERDRIVE = 1.1
"""Voltage, in units of V_th, at which the time to switch on is computed."""


@dataclass(frozen=True, kw_only=True)
class MottMemristor:
    """The device without its circuit. All numbers are above 0.

    Parameters
    ----------
    rho_ins, rho_met : float
        Resistivity of the insulating and of the metallic phase, in ohm metre;
        ``rho_ins > (1 + e^2) rho_met``.
    kappa : float
        Thermal conductivity, in watt per metre and kelvin.
    c_p : float
        Volumetric heat capacity, in joule per cubic metre and kelvin.
    dh : float
        Volumetric enthalpy of the transition, in joule per cubic metre.
    radius, length : float
        Radius r and length L of the channel, in metre.
    transition_temperature, ambient : float
        T_c and T_ambient, in kelvin; ``ambient < transition_temperature``.

    Raises
    ------
    ValueError
        If a number is not positive, the ambient temperature is not below the transition temperature,
        or the resistivities are too close to each other for a threshold voltage to exist.
    """

    kind: ClassVar[str] = "mott"
    """Name of the model in the catalogue."""

    rho_ins: float
    rho_met: float
    kappa: float
    c_p: float
    dh: float
    radius: float
    length: float
    transition_temperature: float
    ambient: float = 300.0

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(field.name, getattr(self, field.name))
        if self.ambient >= self.transition_temperature:
            raise ValueError(
                f"ambient must be below the transition temperature ({self.transition_temperature!r} K), "
                f"not {self.ambient!r} K"
            )
        if self._k <= math.e**2:
            raise ValueError(
                f"rho_ins must be more than {1 + math.e**2:.4g} times rho_met for a threshold, not {self._k + 1:.4g}"
            )

    @property
    def _k(self) -> float:
        return self.rho_ins / self.rho_met - 1

    @property
    def _loss(self) -> float:
        """Heat flow out of the core, times ln(1/u), in watt."""
        return 2 * math.pi * self.length * self.kappa * (self.transition_temperature - self.ambient)

    def _enthalpy(self, w: float) -> float:
        """Denominator of equation 7, in joule: dH/du times u w^2."""
        shrink = math.exp(-2 * w)
        heat = self.c_p * (self.transition_temperature - self.ambient)
        return (
            math.pi * self.length * self.radius**2
            * (heat * (-math.expm1(-2 * w) - 2 * w * shrink) / 2 + 2 * self.dh * w * w * shrink)
        )  # fmt: skip

    def resistance(self, u: float) -> float:
        """Resistance R(u) of the channel, in ohm (equation 1).

        Parameters
        ----------
        u : float
            Core radius relative to the channel radius, 0 to 1.
        """
        return self.rho_ins * self.length / (math.pi * self.radius**2) / (1 + self._k * u * u)

    def steady_voltage(self, u: float) -> float:
        """Voltage v(u) at which a core of this radius is steady, in volt (equation 5).

        Parameters
        ----------
        u : float
            Core radius relative to the channel radius, above 0 and below 1.
        """
        return math.sqrt(self._loss / math.log(1 / u) * self.resistance(u))

    @property
    def extrema(self) -> tuple[float, float]:
        """Core radius u at V_th and at V_hold, relative to the channel radius (equation 6)."""
        low, high = (math.exp((float(lambertw(-math.e / self._k, branch).real) - 1) / 2) for branch in (-1, 0))
        return low, high

    def _steady_w(self, voltage: float, *, metallic: bool) -> float:
        """``w = ln(1/u)`` of the steady core at a voltage above zero, on one of the two stable branches."""

        def excess(w: float) -> float:
            return self._loss * self.resistance(math.exp(-w)) - voltage**2 * w

        edge = math.log(1 / self.extrema[metallic])
        # From the smallest or the largest resistance, with a margin for rounding errors.
        far = self._loss * self.resistance(1.0 if metallic else 0.0) / voltage**2 * (1 + (-1e-9 if metallic else 1e-9))
        if excess(edge) * (-1 if metallic else 1) <= 0:  # at the extremum, within rounding errors
            return edge
        return float(brentq(excess, edge, far, rtol=1e-14))

    def iv(self, voltage: Floats) -> Floats:
        """Current under a slow voltage sweep that starts in the insulating state.

        Both polarities have the same thresholds.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Voltage across the device, in volt, in the order of the sweep.

        Returns
        -------
        ndarray of float, shape (n,)
            Current through the device, in ampere.
        """
        voltage = np.asarray(voltage, dtype=np.float64)
        current = np.zeros_like(voltage)
        v_th, v_hold = (self.steady_voltage(u) for u in self.extrema)
        metallic = False
        for n, size in enumerate(np.abs(voltage).tolist()):
            metallic = size > v_th or (metallic and size >= v_hold)
            if size > 0:
                current[n] = voltage[n] / self.resistance(math.exp(-self._steady_w(size, metallic=metallic)))
        return current

    def switch(self) -> ThresholdSwitch:
        """The two-state switch whose V_th and V_hold are the extrema of the steady curve (equation 5).

        R_ins and R_met are v / i at V_th and at V_hold, so the load lines through these two points
        remain the edges of the operating window. t_imt is the time in which the core grows from its
        radius at V_th to that at V_hold under 1.1 V_th; t_mit is the time back without current.
        """
        low, high = self.extrema
        v_th, v_hold = self.steady_voltage(low), self.steady_voltage(high)
        w_th, w_hold = math.log(1 / low), math.log(1 / high)

        def per_w(w: float, voltage: float) -> float:  # dt/dw, equation (7) with dw = w dz
            power = voltage**2 / self.resistance(math.exp(-w))
            return self._enthalpy(w) / (w * (self._loss - power * w))

        return ThresholdSwitch(
            r_ins=self.resistance(low),
            r_met=self.resistance(high),
            v_th=v_th,
            v_hold=v_hold,
            t_imt=quad(per_w, w_th, w_hold, args=(OVERDRIVE * v_th,))[0],
            t_mit=quad(per_w, w_hold, w_th, args=(0.0,))[0],
            transition_temperature=self.transition_temperature,
            reference_temperature=self.ambient,
        )

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """Waveform of the device in its circuit, from 0 V and the insulating state.

        The initial core is the steady one of the insulating branch at V_hold. Switching on and off are
        where u passes the geometric mean of its values at V_th and V_hold.

        Parameters
        ----------
        supply : float
            V_DD, in volt; zero or more.
        series_resistance : float
            R_s, in ohm; above 0.
        capacitance : float
            C, in farad; above 0.
        duration : float
            Simulated time, in second; above 0.

        Returns
        -------
        Transient
            Its ``state`` has ``u``, the core radius relative to the channel radius.
        """
        positive("supply", supply, zero=True)
        for name, value in (
            ("series_resistance", series_resistance), ("capacitance", capacitance), ("duration", duration)
        ):  # fmt: skip
            positive(name, value)
        low, high = self.extrema
        middle = math.log(-math.log(low * high) / 2)

        def rate(_: float, y: Floats) -> list[float]:
            v, w = float(y[0]), math.exp(float(y[1]))
            i = v / self.resistance(math.exp(-w))
            return [
                charge_rate(v, i, supply, series_resistance, capacitance),
                (self._loss - i * v * w) / self._enthalpy(w),
            ]

        def observe(y: Floats) -> tuple[Floats, dict[str, Floats]]:
            u = np.exp(-np.exp(y[1]))
            return y[0] * (1 + self._k * u * u) / self.resistance(0.0), {"u": u}

        def passes(_: float, y: Floats) -> float:
            return float(y[1]) - middle

        start = math.log(self._steady_w(self.steady_voltage(high), metallic=False))
        mode = Mode(rate, observe, (Event(passes, -1, "on"), Event(passes, 1, "off")))
        return follow(
            mode, [0.0, start], duration, method="Radau", rtol=1e-8, atol=[1e-9, 1e-9],
            max_step=series_resistance * capacitance / 4,
        )  # fmt: skip

    def at_temperature(self, ambient: float) -> Self:
        """The same device at another ambient temperature, which changes dT in equations 3 to 5.

        Parameters
        ----------
        ambient : float
            T_ambient, in kelvin; above 0 and below `transition_temperature`.

        Returns
        -------
        MottMemristor
            The device at that temperature.
        """
        return replace(self, ambient=ambient)
