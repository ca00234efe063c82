r"""A VO2 device switched by its own heat, with the hysteresis of the film, minor loops included.

Voltage ``v`` and temperature ``T`` of the device, beside ``C`` and fed through ``R_s``::

    C dv/dt      = (V_DD - v) / R_s - v / R(T)                                            (1)
    C_th dT/dt   = v^2 / R(T) - S_th (T - T_0)                                            (2)
    R(T)         = R_0 exp(E_a / (k T)) g(T) + R_m                                        (3)
    g(T)         = 1/2 + 1/2 tanh(beta (delta w/2 + T_c - T - T_p))                       (4)

``delta`` is the sign of dT/dt. On the major loop ``T_p = 0``; after a reversal at ``(T_r, g_r)``::

    T_p   = T_pr P((T - T_r) / T_pr)                                                      (5)
    T_pr  = delta w/2 + T_c - atanh(2 g_r - 1) / beta - T_r                               (6)
    P(x)  = 1/2 (1 - sin(gamma x)) (1 + tanh(pi^2 - 2 pi x))                              (7)

A reversal counts once the temperature has come back 0.01 K from its extremum; until then the device
stays on its old branch. With the old branch's ``delta' = -delta`` and ``T_p'`` in (4), (6) becomes
``T_pr = delta w + T_p'(T_r)``, which needs no atanh.

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

from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["Branch", "ThermalVO2"]

REVERSAL = 0.01
"""How far the temperature comes back before it is a reversal, in kelvin."""
STILL = 1e-4
"""Change of temperature in one thermal time constant that counts as standing still, in kelvin."""
SCAN = 0.02
"""Step of the search for steady temperatures, in kelvin (the loop's own scale is 1/beta)."""


class Branch(NamedTuple):
    """The branch of the hysteresis loop a device is on."""

    delta: int = 1
    """1 heating, -1 cooling."""
    reversal: float = 0.0
    """T_r, in kelvin."""
    proximity: float = 0.0
    """T_pr, in kelvin; 0 on the major loop."""


@dataclass(frozen=True, kw_only=True)
class ThermalVO2:
    """The device alone.

    Parameters
    ----------
    r_0 : float
        Prefactor of the insulating resistance, in ohm.
    activation : float
        E_a / k, in kelvin.
    r_m : float
        Resistance of the metallic state, in ohm.
    width, t_c : float
        Width and centre of the loop, in kelvin.
    beta : float
        Steepness of the transition, per kelvin.
    gamma : float
        Shape of the minor loops.
    c_th, s_th : float
        Heat capacity, in joule per kelvin, and conductance to the ambient, in watt per kelvin.
    ambient : float
        T_0, in kelvin.

    Raises
    ------
    ValueError
        If a number is not positive.
    """

    kind: ClassVar[str] = "thermal_vo2"

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
        """Thermal time constant, in second."""
        return self.c_th / self.s_th

    def _proximity(self, t: float, branch: Branch) -> float:  # (5), (7)
        if branch.proximity == 0.0:
            return 0.0
        x = (t - branch.reversal) / branch.proximity
        return branch.proximity * 0.5 * (1 - math.sin(self.gamma * x)) * (1 + math.tanh(math.pi**2 - 2 * math.pi * x))

    def reverse(self, t: float, branch: Branch) -> Branch:
        """The branch after a reversal at a temperature, in kelvin (equation 6)."""
        return Branch(-branch.delta, t, -branch.delta * self.width + self._proximity(t, branch))

    def resistance(self, t: float, branch: Branch = Branch()) -> float:  # noqa: B008
        """Resistance at a temperature on a branch, in ohm (equations 3 and 4)."""
        excess = t + self._proximity(t, branch) - branch.delta * self.width / 2 - self.t_c
        g = 0.5 - 0.5 * math.tanh(self.beta * excess)
        return self.r_0 * math.exp(self.activation / t) * g + self.r_m

    def _heating(self, t: float, voltage: float, branch: Branch) -> float:
        return voltage**2 / self.resistance(t, branch) - self.s_th * (t - self.ambient)

    def _settle(self, voltage: float, t: float, extreme: float, branch: Branch) -> tuple[float, float, Branch]:
        """Follow the temperature to the first steady point under a constant voltage."""
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
        """Current under a slow voltage sweep, alike in both polarities, from the ambient temperature.

        The temperature follows its steady value, in ``v^2 / R(T) = S_th (T - T_0)``, along the branch
        it is on; where that value ends it runs to the next one.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            In volt, in the order of the sweep.

        Returns
        -------
        ndarray of float, shape (n,)
            In ampere.
        """
        voltage = np.asarray(voltage, dtype=np.float64)
        current = np.empty_like(voltage)
        t, extreme, branch = self.ambient, self.ambient, Branch()
        for n, v in enumerate(np.abs(voltage).tolist()):
            t, extreme, branch = self._settle(v, t, extreme, branch)
            current[n] = voltage[n] / self.resistance(t, branch)
        return current

    def switch(self) -> ThresholdSwitch:
        """The two-state switch whose corners are the ends of the two steady branches.

        On the steady curve ``v(T) = sqrt(S_th (T - T_0) R(T))`` of the major loop, V_th is the first
        maximum while heating and V_hold the minimum while cooling; R_ins and R_met are v / i there, so
        that the load lines through these points stay the edges of the operating window. Both
        transition times are the thermal time constant.

        Raises
        ------
        ValueError
            If the ambient is so warm that the steady curve has no such points.
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
        """The device in its circuit, from 0 V and the ambient temperature, on the heating loop.

        It switches on and off where its resistance passes half of its decades, the geometric mean of
        ``R_0 exp(E_a / (k T_c))`` and ``R_m``.

        Parameters
        ----------
        supply, series_resistance, capacitance, duration : float
            In volt, ohm, farad and second.

        Returns
        -------
        Transient
            Its state is ``temperature``, in kelvin, and ``resistance``, in ohm.
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
        """The same device at another ambient temperature T_0, in kelvin."""
        return replace(self, ambient=ambient)
