r"""A diffusive threshold switch: silver ions form a filament under a voltage and disperse without it.

The state variable ``X`` is 0 without a filament and 1 with a complete one::

    dX/dt = a_S(X) s(b_S) / tau_S - a_R(X) (1 - s(b_R)) / tau_R       s(b) = 1 / (1 + e^-b)      (1)
    b_S   = (v - V_th+) (v - V_th-) / V_S^2       b_R = (v - V_h+) (v - V_h-) / V_R^2           (2)
    a_S   = (1 - e^-(a X + d_S)) (1 - X) + (1 - e^-(a (1 - X))) X                               (3)
    a_R   = (1 - e^-(a X)) (1 - X) + (1 - e^-(a (1 - X) + d_R)) X                               (4)
    i     = v X / R_on+ + I_lk   (v >= 0),      v X / R_on- - I_lk   (v < 0)                    (5)

with ``v`` the voltage across the device, V_th+ and V_th- the threshold voltages, V_h+ and V_h- the
hold voltages of the two polarities, a_S and a_R the set and reset rates. Three notes:

- The last exponent of equation 4 is read as ``-(a (1 - X) + d_R)``, in symmetry with equation 3.
  Otherwise the device could never leave X = 1.
- Between V_h and V_th both rates vanish, and X keeps its value. Under a constant supply and a series
  resistor the device therefore stops at an intermediate X instead of oscillating. It fires repeatedly
  only if the drive falls below V_h between pulses, as in the experiments:
  :meth:`DiffusiveSwitch.pulses`.
- The leakage current of equation 5 jumps at 0 V. Here it is ``I_lk tanh(v / 1 mV)``.

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

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["DiffusiveSwitch"]


LEAK_WIDTH = 1e-3
"""Voltage scale over which the leakage current changes its sign, in volt."""


@dataclass(frozen=True, kw_only=True)
class DiffusiveSwitch:
    """The device without its circuit.

    Parameters
    ----------
    v_th, v_hold : float
        V_th+ and V_h+, in volt; ``0 < v_hold < v_th``.
    v_th_negative, v_hold_negative : float
        V_th- and V_h-, in volt; ``v_th_negative < v_hold_negative <= 0``.
    v_set, v_reset : float
        V_S and V_R, widths of the set and of the reset threshold, in volt; above 0 (equation 2).
    tau_set, tau_reset : float
        Time constants tau_S and tau_R, in second; above 0 (equation 1).
    a, d_set, d_reset : float
        a, d_S and d_R, the shape of the two rates, without unit; above 0 (equations 3 and 4).
    r_on, r_on_negative : float
        R_on+ and R_on-, resistance of the complete filament in the two polarities, in ohm; above 0.
    i_leak : float
        I_lk, leakage current without a filament, in ampere; above 0 (equation 5).

    Raises
    ------
    ValueError
        If a number has the wrong sign, or the magnitude of a hold voltage is not below that of its
        threshold voltage.
    """

    kind: ClassVar[str] = "diffusive"
    """Name of the model in the catalogue."""

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
        """dX/dt under a voltage, per second (equations 1 to 4).

        Parameters
        ----------
        x : float
            State X; clipped to 0 to 1.
        voltage : float
            Voltage v across the device, in volt.
        """
        x = min(1.0, max(0.0, x))  # trial points of a solver may lie outside
        b_set = (voltage - self.v_th) * (voltage - self.v_th_negative) / self.v_set**2
        b_reset = (voltage - self.v_hold) * (voltage - self.v_hold_negative) / self.v_reset**2
        a_set = -math.expm1(-(self.a * x + self.d_set)) * (1 - x) - math.expm1(-self.a * (1 - x)) * x
        a_reset = -math.expm1(-self.a * x) * (1 - x) - math.expm1(-(self.a * (1 - x) + self.d_reset)) * x
        return a_set * float(expit(b_set)) / self.tau_set - a_reset * float(expit(-b_reset)) / self.tau_reset

    def current(self, x: Floats, voltage: Floats) -> Floats:
        """Current through the device, in ampere (equation 5, with the smooth leakage current).

        Parameters
        ----------
        x : ndarray of float, shape (n,)
            State X, 0 to 1.
        voltage : ndarray of float, shape (n,)
            Voltage v across the device, in volt.

        Returns
        -------
        ndarray of float, shape (n,)
            In ampere.
        """
        return np.asarray(
            voltage * x / np.where(voltage >= 0, self.r_on, self.r_on_negative)
            + self.i_leak * np.tanh(voltage / LEAK_WIDTH)
        )

    def iv(self, voltage: Floats, *, dwell: float = 1e-5) -> Floats:
        """Current under a slow voltage sweep in both polarities, from X = 0.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Voltage across the device, in volt, in the order of the sweep.
        dwell : float
            Time at each voltage, in second; above 0. The sweep needs a rate, because between V_h and
            V_th the state is frozen and not in equilibrium. If the dwell time changes by a factor of
            e, V_th+ changes by ``V_S^2 / (V_th+ - V_th-)``: 0.25 mV for the preset ``ag-hfo2``.

        Returns
        -------
        ndarray of float, shape (n,)
            Current through the device, in ampere.
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
        """The two-state switch that approximates the positive polarity.

        V_th, V_hold and R_met are V_th+, V_h+ and R_on+ of the device; R_ins is V_th+ over the leakage
        current. The transition times are those of X from 10 % to 90 % at twice V_th+, and back at 0 V.
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
        """Time that X takes from one value to another under a constant voltage, in second.

        Parameters
        ----------
        x_from, x_to : float
            First and last value of X, 0 to 1.
        voltage : float
            Voltage v across the device, in volt.

        Raises
        ------
        ValueError
            If X does not reach `x_to` at this voltage.
        """
        grid = np.linspace(x_from, x_to, 2001)
        rates = np.array([self.rate(x, voltage) for x in grid.tolist()])
        if (rates * (x_to - x_from) <= 0).any():
            raise ValueError(f"voltage must drive the state from {x_from!r} to {x_to!r}, not be {voltage!r} V")
        return float(np.trapezoid(1 / rates, grid))

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """Waveform of the device in its circuit under a constant supply, from 0 V and X = 0.

        Switching on and off are where X passes 1/2. The device usually stops at an intermediate X
        instead of oscillating (see the description of this module).

        Parameters
        ----------
        supply : float
            V_DD, in volt, of either sign.
        series_resistance : float
            R_s, in ohm; above 0.
        capacitance : float
            C, in farad; above 0.
        duration : float
            Simulated time, in second; above 0.

        Returns
        -------
        Transient
            Its ``state`` has ``x``, the state X.
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
        """Waveform of the device in its circuit under a train of pulses, from 0 V and X = 0.

        Parameters
        ----------
        amplitude : float
            Supply voltage during a pulse, in volt, of either sign.
        width : float
            Duration of a pulse, in second; above 0 and below `period`.
        period : float
            From the start of one pulse to the start of the next, in second.
        count : int
            Number of pulses.
        base : float
            Supply voltage between the pulses, in volt, of either sign.
        series_resistance : float
            R_s, in ohm; above 0.
        capacitance : float
            C, in farad; above 0.

        Returns
        -------
        Transient
            Its ``state`` has ``x``, the state X.

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
