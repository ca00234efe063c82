r"""A VO2 device that switches by Joule heating, with the film's hysteresis including minor loops.

The states are the voltage ``v`` across the device and its temperature ``T``. The capacitor ``C`` is in
parallel with the device, and both are fed through ``R_s``::

    C dv/dt      = (V_DD - v) / R_s - v / R(T)                                            (1)
    C_th dT/dt   = v^2 / R(T) - S_th (T - T_0)                                            (2)
    R(T)         = R_0 exp(E_a / (k T)) g(T) + R_m                                        (3)
    g(T)         = 1/2 + 1/2 tanh(beta (delta w/2 + T_c - T - T_p))                       (4)

T_0 is the ambient temperature, R(T) the resistance of the device, g the insulating fraction, T_c the
centre and w the width of the hysteresis loop, ``delta`` the sign of dT/dt. On the major loop the
proximity temperature T_p is 0. After a reversal of the temperature at ``T_r``, where ``g = g_r``::

    T_p   = T_pr P((T - T_r) / T_pr)                                                      (5)
    T_pr  = delta w/2 + T_c - atanh(2 g_r - 1) / beta - T_r                               (6)
    P(x)  = 1/2 (1 - sin(gamma x)) (1 + tanh(pi^2 - 2 pi x))                              (7)

A reversal is recognised when the temperature is 0.01 K away from its extremum. Until then the device
stays on its old branch. With ``delta' = -delta`` and ``T_p'`` of the old branch in equation 4,
equation 6 becomes ``T_pr = delta w + T_p'(T_r)``, which needs no atanh.

References
----------
Y.-H. Zhang, C. Sipling, E. Qiu, I. K. Schuller and M. Di Ventra, "Collective dynamics and long-range
order in thermal neuristor networks", arXiv:2312.12899, and its public code.
E. Qiu, Y.-H. Zhang, M. Di Ventra and I. K. Schuller, Adv. Mater. 2024, 10.1002/adma.202306818.
L. A. L. de Almeida et al., "Modeling of the hysteretic metal-insulator transition in a vanadium
dioxide infrared detector", Opt. Eng. 41(10), 2002 (the hysteresis).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["Branch", "ThermalVO2"]

REVERSAL = 0.01
"""Distance of the temperature from its extremum at which a reversal is recognised, in kelvin."""
STILL = 1e-4
"""Change of temperature per thermal time constant below which the temperature is steady, in kelvin."""
SCAN = 0.02
"""Step of the search for steady temperatures, in kelvin (the transition has the width 1/beta)."""


class Branch(NamedTuple):
    """The branch of the hysteresis loop on which a device is."""

    delta: int = 1
    """1 while heating, -1 while cooling."""
    reversal: float = 0.0
    """Temperature T_r of the last reversal, in kelvin; unused on the major loop."""
    proximity: float = 0.0
    """T_pr, in kelvin (equation 6); 0 on the major loop."""


@dataclass(frozen=True, kw_only=True)
class ThermalVO2:
    """The device without its circuit. All numbers are above 0.

    Parameters
    ----------
    r_0 : float
        R_0, prefactor of the insulating resistance, in ohm (equation 3).
    activation : float
        Activation energy over Boltzmann's constant, E_a / k, in kelvin (equation 3).
    r_m : float
        R_m, resistance of the metallic state, in ohm (equation 3).
    width, t_c : float
        Width w and centre T_c of the hysteresis loop, in kelvin (equation 4).
    beta : float
        Steepness of the transition, per kelvin (equation 4).
    gamma : float
        Shape of the minor loops, without unit (equation 7).
    c_th : float
        C_th, heat capacity, in joule per kelvin (equation 2).
    s_th : float
        S_th, thermal conductance to the ambient, in watt per kelvin (equation 2).
    ambient : float
        T_0, ambient temperature, in kelvin.

    Raises
    ------
    ValueError
        If a number is not positive.
    """

    kind: ClassVar[str] = "thermal_vo2"
    """Name of the model in the catalogue."""

    r_0: float
    activation: float
    r_m: float
    width: float
    t_c: float
    beta: float
    gamma: float
    c_th: float
    s_th: float
    ambient: float = 325.0

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(field.name, getattr(self, field.name))

    @property
    def tau_th(self) -> float:
        """Thermal time constant ``C_th / S_th``, in second."""
        return self.c_th / self.s_th

    def _proximity(self, t: float, branch: Branch) -> float:  # (5), (7)
        if branch.proximity == 0.0:
            return 0.0
        x = (t - branch.reversal) / branch.proximity
        return branch.proximity * 0.5 * (1 - math.sin(self.gamma * x)) * (1 + math.tanh(math.pi**2 - 2 * math.pi * x))

    def reverse(self, t: float, branch: Branch) -> Branch:
        """The branch after a reversal (equation 6).

        Parameters
        ----------
        t : float
            Temperature T_r of the reversal, in kelvin.
        branch : Branch
            The branch before the reversal.
        """
        return Branch(-branch.delta, t, -branch.delta * self.width + self._proximity(t, branch))

    def resistance(self, t: float, branch: Branch = Branch()) -> float:  # noqa: B008
        """Resistance R(T) on a branch, in ohm (equations 3 and 4).

        Parameters
        ----------
        t : float
            Temperature T, in kelvin.
        branch : Branch
            Branch of the hysteresis loop; the heating branch of the major loop by default.
        """
        excess = t + self._proximity(t, branch) - branch.delta * self.width / 2 - self.t_c
        g = 0.5 - 0.5 * math.tanh(self.beta * excess)
        return self.r_0 * math.exp(self.activation / t) * g + self.r_m

    def _heating(self, t: float, voltage: float, branch: Branch) -> float:
        return voltage**2 / self.resistance(t, branch) - self.s_th * (t - self.ambient)

    def _settle(self, voltage: float, t: float, extreme: float, branch: Branch) -> tuple[float, float, Branch]:
        """Follow the temperature to its first steady value at a constant voltage.

        Raises
        ------
        ArithmeticError
            If it reverses three times without reaching one.
        """
        for _ in range(3):
            heading = 1 if self._heating(t, voltage, branch) >= 0 else -1
            forward = heading == branch.delta
            limit = (self.ambient + voltage**2 / (self.r_m * self.s_th) + SCAN) if heading > 0 else self.ambient - SCAN
            if not forward:
                limit = extreme - branch.delta * REVERSAL
            old, reached = t, abs(limit - t) == 0.0
            while not reached:
                new = old + heading * min(SCAN, abs(limit - old))
                if heading * self._heating(new, voltage, branch) <= 0:
                    t = brentq(self._heating, old, new, args=(voltage, branch), xtol=1e-12)
                    extreme = max(extreme * branch.delta, t * branch.delta) * branch.delta
                    return t, extreme, branch
                old, reached = new, abs(new - limit) < 1e-12
            t, branch, extreme = limit, self.reverse(limit, branch), limit
        raise ArithmeticError(f"no steady temperature at {voltage!r} V")

    def iv(self, voltage: Floats) -> Floats:
        """Current under a slow voltage sweep that starts at the ambient temperature.

        Both polarities have the same thresholds. The temperature follows its steady value, the solution
        of ``v^2 / R(T) = S_th (T - T_0)`` on the present branch. Where this solution ends, at V_th and
        V_hold, the temperature moves to the next one.

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
        current = np.empty_like(voltage)
        t, extreme, branch = self.ambient, self.ambient, Branch()
        for n, v in enumerate(np.abs(voltage).tolist()):
            t, extreme, branch = self._settle(v, t, extreme, branch)
            current[n] = voltage[n] / self.resistance(t, branch)
        return current

    def switch(self) -> ThresholdSwitch:
        """The two-state switch whose V_th and V_hold are the ends of the two steady branches.

        On the steady curve ``v(T) = sqrt(S_th (T - T_0) R(T))`` of the major loop, V_th is the first
        maximum while heating and V_hold the minimum while cooling. R_ins and R_met are v / i at these
        points, so the load lines through them remain the edges of the operating window. Both transition
        times are the thermal time constant.

        Raises
        ------
        ValueError
            If the ambient temperature is so high that the steady curve has no such extrema.
        """
        hot, cold = Branch(), Branch(-1)
        t = np.arange(self.ambient + SCAN, self.t_c + self.width + 10 / self.beta, SCAN)
        up, down = (np.array([self._steady(x, branch) for x in t.tolist()]) for branch in (hot, cold))
        rising = np.flatnonzero(np.diff(up) < 0)
        low = int(np.argmin(down[rising[0] :]) + rising[0]) if len(rising) else 0
        if not len(rising) or rising[0] == 0 or low == len(t) - 1:
            raise ValueError(f"ambient must be below the transition for a device that switches, not {self.ambient!r} K")
        t_th = self._extremum(float(t[rising[0]]), hot, -1)
        t_hold = self._extremum(float(t[low]), cold, 1)
        return ThresholdSwitch(
            r_ins=self.resistance(t_th, hot),
            r_met=self.resistance(t_hold, cold),
            v_th=self._steady(t_th, hot),
            v_hold=self._steady(t_hold, cold),
            t_imt=self.tau_th,
            t_mit=self.tau_th,
        )

    def _steady(self, t: float, branch: Branch) -> float:
        return math.sqrt(max(0.0, self.s_th * (t - self.ambient)) * self.resistance(t, branch))

    def _extremum(self, near: float, branch: Branch, sign: int) -> float:
        bounds = (near - 2 * SCAN, near + 2 * SCAN)
        found = minimize_scalar(
            lambda t: sign * self._steady(t, branch), bounds=bounds, method="bounded", options={"xatol": 1e-9}
        )
        return float(found.x)

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """Waveform of the device in its circuit, from 0 V and the ambient temperature.

        The device starts on the heating branch of the major loop. Switching on and off are where its
        resistance passes the geometric mean of ``R_0 exp(E_a / (k T_c))`` and ``R_m``.

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
            Its ``state`` has ``temperature``, in kelvin, and ``resistance``, in ohm.
        """
        positive("supply", supply, zero=True)
        for name, value in (
            ("series_resistance", series_resistance), ("capacitance", capacitance), ("duration", duration)
        ):  # fmt: skip
            positive(name, value)
        still = STILL / self.tau_th
        middle = math.sqrt(self.r_0 * math.exp(self.activation / self.t_c) * self.r_m)

        def mode(branch: Branch, extreme: float, turned: bool) -> Mode:
            delta = branch.delta

            def heat(y: Floats) -> float:
                v, rise = float(y[0]), float(y[1])
                return (v * v / self.resistance(self.ambient + rise, branch) - self.s_th * rise) / self.c_th

            def rate(_: float, y: Floats) -> list[float]:
                i = float(y[0]) / self.resistance(self.ambient + float(y[1]), branch)
                return [charge_rate(float(y[0]), i, supply, series_resistance, capacitance), heat(y)]

            def observe(y: Floats) -> tuple[Floats, dict[str, Floats]]:
                t = self.ambient + y[1]
                resistance = np.array([self.resistance(x, branch) for x in t.tolist()])
                return y[0] / resistance, {"temperature": t, "resistance": resistance}

            def half(_: float, y: Floats) -> float:
                return self.resistance(self.ambient + float(y[1]), branch) / middle - 1

            def further(y: Floats) -> float:
                return max(delta * extreme, delta * float(y[1])) * delta

            turns: tuple[Event, ...]
            if turned:
                turns = (
                    Event(
                        lambda _, y: delta * (float(y[1]) - extreme) + REVERSAL,
                        -1,
                        then=lambda _, y: mode(self.reverse(self.ambient + float(y[1]), branch), float(y[1]), False),
                    ),
                    Event(lambda _, y: delta * heat(y) - still, 1, then=lambda *_: mode(branch, extreme, False)),
                )
            else:
                turns = (
                    Event(lambda _, y: delta * heat(y) + still, -1, then=lambda _, y: mode(branch, further(y), True)),
                )
            return Mode(rate, observe, (Event(half, -1, "on"), Event(half, 1, "off"), *turns))

        return follow(mode(Branch(), 0.0, False), [0.0, 0.0], duration, atol=[1e-9, 1e-8], max_step=self.tau_th / 4)

    def at_temperature(self, ambient: float) -> Self:
        """The same device at another ambient temperature.

        Parameters
        ----------
        ambient : float
            T_0, in kelvin; above 0.

        Returns
        -------
        ThermalVO2
            The device at that temperature.
        """
        return replace(self, ambient=ambient)
