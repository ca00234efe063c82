r"""A diffusive threshold switch: silver ions that bridge a gap under a voltage, and disperse without it.

State ``X``, 0 without and 1 with a full bridge::

    dX/dt = a_S(X) s(b_S) / tau_S - a_R(X) (1 - s(b_R)) / tau_R       s(b) = 1 / (1 + e^-b)      (1)
    b_S   = (v - V_th+) (v - V_th-) / V_S^2       b_R = (v - V_h+) (v - V_h-) / V_R^2           (2)
    a_S   = (1 - e^-(a X + d_S)) (1 - X) + (1 - e^-(a (1 - X))) X                               (3)
    a_R   = (1 - e^-(a X)) (1 - X) + (1 - e^-(a (1 - X) + d_R)) X                               (4)
    i     = v X / R_on+ + I_lk   (v >= 0),      v X / R_on- - I_lk   (v < 0)                    (5)

In (4) the last exponent is read ``-(a (1 - X) + d_R)``, the mirror of (3), or X = 1 would never be left.
Between V_h and V_th both rates vanish and X keeps whatever value it has: fed by a constant source
through a resistor the device locks half way instead of oscillating, and fires repeatedly only where
the drive falls below V_h between pulses, as in the experiments. :meth:`DiffusiveSwitch.pulses` is
that drive. The leakage of (5) jumps at 0 V; here it is ``I_lk tanh(v / 1 mV)``.

References
----------
V. Ostrovskii et al., Neurocomputing 624, 129454, 2025, 10.1016/j.neucom.2025.129454.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import expit

from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["DiffusiveSwitch"]


LEAK_WIDTH = 1e-3
"""Voltage over which the leakage changes its sign, in volt."""


@dataclass(frozen=True, kw_only=True)
class DiffusiveSwitch:
    """The device alone.

    Parameters
    ----------
    v_th, v_hold : float
        V_th+ and V_h+, in volt.
    v_th_negative, v_hold_negative : float
        V_th- and V_h-, in volt, at or below zero.
    v_set, v_reset : float
        Width of the set and of the reset threshold, in volt.
    tau_set, tau_reset : float
        In second.
    a, d_set, d_reset : float
        Shape of the two rates.
    r_on, r_on_negative : float
        Resistance of the full bridge in the two polarities, in ohm.
    i_leak : float
        Current without a bridge, in ampere.

    Raises
    ------
    ValueError
        If a number has the wrong sign, or a hold voltage is beyond its threshold.
    """

    kind: ClassVar[str] = "diffusive"

    v_th: float
    v_hold: float
    v_th_negative: float
    v_hold_negative: float
    v_set: float
    v_reset: float
    tau_set: float
    tau_reset: float
    a: float
    d_set: float
    d_reset: float
    r_on: float
    r_on_negative: float
    i_leak: float

    def __post_init__(self) -> None:
        for name in ("v_th", "v_hold", "v_set", "v_reset", "tau_set", "tau_reset", "a", "d_set", "d_reset"):
            positive(name, getattr(self, name))
        for name in ("r_on", "r_on_negative", "i_leak"):
            positive(name, getattr(self, name))
        if self.v_hold >= self.v_th:
            raise ValueError(f"v_hold must be below v_th ({self.v_th!r} V), not {self.v_hold!r} V")
        if not self.v_th_negative < self.v_hold_negative <= 0:
            raise ValueError(
                f"v_hold_negative must be above v_th_negative ({self.v_th_negative!r} V) and not above zero, "
                f"not {self.v_hold_negative!r} V"
            )

    def rate(self, x: float, voltage: float) -> float:
        """dX/dt under a voltage, per second (equations 1 to 4)."""
        x = min(1.0, max(0.0, x))  # trial points of a solver may lie outside
        b_set = (voltage - self.v_th) * (voltage - self.v_th_negative) / self.v_set**2
        b_reset = (voltage - self.v_hold) * (voltage - self.v_hold_negative) / self.v_reset**2
        a_set = -math.expm1(-(self.a * x + self.d_set)) * (1 - x) - math.expm1(-self.a * (1 - x)) * x
        a_reset = -math.expm1(-self.a * x) * (1 - x) - math.expm1(-(self.a * (1 - x) + self.d_reset)) * x
        return a_set * float(expit(b_set)) / self.tau_set - a_reset * float(expit(-b_reset)) / self.tau_reset

    def current(self, x: Floats, voltage: Floats) -> Floats:
        """Current, in ampere (equation 5)."""
        return np.asarray(
            voltage * x / np.where(voltage >= 0, self.r_on, self.r_on_negative)
            + self.i_leak * np.tanh(voltage / LEAK_WIDTH)
        )

    def iv(self, voltage: Floats, *, dwell: float = 1e-5) -> Floats:
        """Current under a slow voltage sweep, both polarities, from the state without a bridge.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            In volt, in the order of the sweep.
        dwell : float
            Time at each voltage, in second. Between V_h and V_th the state is frozen, not in
            equilibrium, so the sweep needs a rate; V_th moves by V_S^2 / (V_th+ - V_th-), 0.25 mV,
            for a factor of e in it.

        Returns
        -------
        ndarray of float, shape (n,)
            In ampere.
        """
        voltage = np.asarray(voltage, dtype=np.float64)
        positive("dwell", dwell)
        states, x = np.empty_like(voltage), 0.0
        for n, v in enumerate(voltage.tolist()):
            solution = solve_ivp(self._rate_at(v), (0.0, dwell), [x], method="LSODA", rtol=1e-8, atol=1e-12)
            states[n] = x = float(np.clip(solution.y[0, -1], 0.0, 1.0))
        return self.current(states, voltage)

    def _rate_at(self, voltage: float) -> Callable[[float, Floats], list[float]]:
        return lambda _, y: [self.rate(float(y[0]), voltage)]

    def switch(self) -> ThresholdSwitch:
        """The two-state switch of the positive polarity.

        V_th, V_h and R_on are the device's own, R_ins is V_th over the leakage. The transition times
        are those of X from 10 to 90 % under twice V_th, and back at 0 V.
        """
        return ThresholdSwitch(
            r_ins=self.v_th / self.i_leak,
            r_met=self.r_on,
            v_th=self.v_th,
            v_hold=self.v_hold,
            t_imt=self.time_between(0.1, 0.9, 2 * self.v_th),
            t_mit=self.time_between(0.9, 0.1, 0.0),
        )

    def time_between(self, x_from: float, x_to: float, voltage: float) -> float:
        """Time the state takes from one value to another under a constant voltage, in second.

        Raises
        ------
        ValueError
            If it does not get there.
        """
        grid = np.linspace(x_from, x_to, 2001)
        rates = np.array([self.rate(x, voltage) for x in grid.tolist()])
        if (rates * (x_to - x_from) <= 0).any():
            raise ValueError(f"voltage must drive the state from {x_from!r} to {x_to!r}, not be {voltage!r} V")
        return float(np.trapezoid(1 / rates, grid))

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """The device in its circuit under a constant supply, from 0 V and X = 0.

        It switches on and off where X passes 1/2. Expect it to lock half way.

        Parameters
        ----------
        supply, series_resistance, capacitance, duration : float
            In volt, ohm, farad and second.

        Returns
        -------
        Transient
            Its state is ``x``.
        """
        return self._driven([(duration, supply)], series_resistance, capacitance)

    def pulses(
        self,
        *,
        amplitude: float,
        width: float,
        period: float,
        count: int,
        base: float = 0.0,
        series_resistance: float,
        capacitance: float,
    ) -> Transient:
        """The device in its circuit under a train of pulses, from 0 V and X = 0.

        Parameters
        ----------
        amplitude, base : float
            Supply during and between the pulses, in volt, of either sign.
        width, period : float
            In second.
        count : int
        series_resistance, capacitance : float
            In ohm and farad.

        Returns
        -------
        Transient
            Its state is ``x``.

        Raises
        ------
        ValueError
            If `width` is not below `period`.
        """
        positive("width", width)
        if width >= period:
            raise ValueError(f"width must be below period ({period!r} s), not {width!r} s")
        return self._driven([(width, amplitude), (period - width, base)] * count, series_resistance, capacitance)

    def _driven(self, drive: list[tuple[float, float]], series_resistance: float, capacitance: float) -> Transient:
        positive("series_resistance", series_resistance)
        positive("capacitance", capacitance)
        for span, _ in drive:
            positive("duration", span)
        ends = np.cumsum([span for span, _ in drive]).tolist()

        def slope(_: float, y: Floats, supply: float) -> list[float]:
            v, x = float(y[0]), float(y[1])
            i = v * x / (self.r_on if v >= 0 else self.r_on_negative) + self.i_leak * math.tanh(v / LEAK_WIDTH)
            return [charge_rate(v, i, supply, series_resistance, capacitance), self.rate(x, v)]

        def observe(y: Floats) -> tuple[Floats, dict[str, Floats]]:
            return self.current(y[1], y[0]), {"x": y[1]}

        def half(_: float, y: Floats) -> float:
            return float(y[1]) - 0.5

        def mode(n: int) -> Mode:
            edges = [Event(half, 1, "on"), Event(half, -1, "off")]
            if n + 1 < len(drive):
                edges.append(Event(lambda t, _: t - ends[n], 1, then=lambda *_: mode(n + 1)))
            return Mode(lambda t, y: slope(t, y, drive[n][1]), observe, tuple(edges))

        return follow(
            mode(0), [0.0, 0.0], ends[-1], method="Radau", rtol=1e-7, atol=[1e-9, 1e-9],
            max_step=min(span for span, _ in drive) / 4,
        )  # fmt: skip

    def at_temperature(self, ambient: float) -> Self:
        """Not in this model.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"the model has no temperature: {self.kind} has no value at {ambient!r} K")
