"""A two-state threshold switch with a resistor and a capacitor: oscillator, or neuron.

The device is a resistor with hysteresis. Its resistance is ``R_ins`` (insulating, off) until its
voltage exceeds the threshold voltage ``V_th``, then ``R_met`` (metallic, on) until the voltage falls
below the hold voltage ``V_hold``. A supply feeds it through a series resistor ``R_s``, and a capacitor
``C`` is in parallel with it (the Pearson-Anson circuit)::

    C dv/dt = (V_DD - v) / R_s + i - v / R                                            (1)

with ``v`` the voltage across the device, ``R`` its present resistance and ``i`` an input current. In
each state x, insulating or metallic, the voltage relaxes exponentially towards a target ``v_x``::

    tau_x = C (R_s || R_x)       v_x = (V_DD / R_s + i) (R_s || R_x)                   (2)
    T_ins = tau_ins ln((v_ins - V_hold) / (v_ins - V_th))                              (3)
    T_met = tau_met ln((V_th - v_met) / (V_hold - v_met))                              (4)

The circuit oscillates when ``v_ins > V_th`` and ``v_met < V_hold``. With ``v_ins <= V_th`` it is
silent: a neuron at rest, which fires under an input current. With ``v_met >= V_hold`` it latches:
after it has switched on, it stays on.

Joule heating switches the device, so both voltages fall as the ambient temperature T rises towards
the transition temperature T_c; the insulating resistance falls with the activation energy E_a::

    V(T)     = V(T_ref) sqrt((T_c - T) / (T_c - T_ref))                                   (5)
    R_ins(T) = R_ins(T_ref) exp(E_a / k (1/T - 1/T_ref))                                  (6)

A transition may take time. The metallic fraction m of the conductance then follows its state, 1 while
metallic and 0 while insulating, with the time constant T_imt or T_mit of the transition (our choice: a
first-order lag; papers give the times and rarely the law. The public netlist of ``vo2-maffezzoni``, which
has a law of its own, oscillates at 688 kHz, without transition times 695, and with this lag 632)::

    1/R      = (1 - m) / R_ins + m / R_met        dm/dt = (state - m) / T                 (7)

Equations 2 to 4, and the circuit on the FPGA, have T = 0. What that costs is the first line of every
table of errors (`neuristor.golden_model.devices.reduction`).

References
----------
P. Maffezzoni, L. Daniel, N. Shukla, S. Datta and A. Raychowdhury, "Modeling and Simulation of
Vanadium Dioxide Relaxation Oscillators", IEEE Trans. Circuits Syst. I 62(9), 2015.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.device import Event, Floats, Mode, Transient, charge_rate, follow
from neuristor.golden_model.units import other_prefix, si

__all__ = ["Circuit", "ThresholdSwitch"]

MOST_VOLTS = 1000.0
"""Largest threshold voltage, in volt."""
MOST_SUPPLY = 100
"""Largest supply, in threshold voltages."""


@dataclass(frozen=True, kw_only=True)
class ThresholdSwitch:
    """The device without its circuit.

    Parameters
    ----------
    r_ins, r_met : float
        Resistance of the insulating and of the metallic state, in ohm; ``0 < r_met < r_ins``.
    v_th, v_hold : float
        Threshold voltage V_th (switches on) and hold voltage V_hold (switches off), in volt;
        ``0 < v_hold < v_th``.
    t_imt, t_mit : float
        Time constants T_imt of the insulator-to-metal and T_mit of the metal-to-insulator transition, in
        second; zero or more (equation 7).
    transition_temperature : float, optional
        T_c, in kelvin. Without it, the model does not depend on temperature.
    reference_temperature : float
        T_ref, in kelvin: ambient temperature at which `v_th`, `v_hold` and `r_ins` hold. Below T_c.
    activation : float
        Activation energy of the insulating resistance over Boltzmann's constant, E_a / k, in kelvin; zero or
        more (equation 6). With 0, R_ins does not depend on temperature.

    Raises
    ------
    ValueError
        If a resistance, voltage or temperature is not positive, a transition time or the activation is negative,
        ``v_hold >= v_th``, ``r_met >= r_ins``, the reference temperature is not below T_c, or there is an
        activation without T_c.
    """

    kind: ClassVar[str] = "threshold_switch"
    """Name of the model in the catalogue."""

    r_ins: float
    r_met: float
    v_th: float
    v_hold: float
    t_imt: float = 0.0
    t_mit: float = 0.0
    transition_temperature: float | None = None
    reference_temperature: float = 300.0
    activation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("r_ins", "r_met", "v_th", "v_hold"):
            positive(name, getattr(self, name))
        for name in ("t_imt", "t_mit", "activation"):
            positive(name, getattr(self, name), zero=True)
        if self.v_hold >= self.v_th:
            raise ValueError(
                f"v_hold must be below v_th ({si(self.v_th, 'V')}), not {si(self.v_hold, 'V')}"
                + other_prefix(self.v_hold, "V", lambda v: self.v_th / 100 < v < self.v_th)
            )
        if self.r_met >= self.r_ins:
            raise ValueError(
                f"r_met must be below r_ins ({si(self.r_ins, 'ohm')}), not {si(self.r_met, 'ohm')}"
                + other_prefix(self.r_ins, "ohm", lambda r: r > self.r_met).replace("is it", "is r_ins")
            )
        if self.v_th > MOST_VOLTS:
            raise ValueError(
                f"v_th must be at most {si(MOST_VOLTS, 'V')}, not {si(self.v_th, 'V')}"
                + other_prefix(self.v_th, "V", lambda v: 0.1 <= v <= 100)
            )
        positive("reference_temperature", self.reference_temperature)
        if self.transition_temperature is not None:
            positive("transition_temperature", self.transition_temperature)
            self._below_transition("reference_temperature", self.reference_temperature)
        elif self.activation:
            raise ValueError("activation needs a transition_temperature: without it, the model has no temperature")

    def _below_transition(self, name: str, temperature: float) -> None:
        if self.transition_temperature is not None and temperature >= self.transition_temperature:
            raise ValueError(
                f"{name} must be below the transition temperature ({self.transition_temperature!r} K), "
                f"not {temperature!r} K"
            )

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
        metallic, resistance = False, np.empty_like(voltage)
        for n, size in enumerate(np.abs(voltage)):
            metallic = bool(size > self.v_th or (metallic and size >= self.v_hold))
            resistance[n] = self.r_met if metallic else self.r_ins
        return voltage / resistance

    def switch(self) -> ThresholdSwitch:
        """The device itself."""
        return self

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """Waveform of the device in its circuit (equations 1 and 7), from 0 V and the insulating state.

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
            Its ``state`` has ``metallic``, the metallic fraction of the conductance, 0 to 1.
        """
        circuit = Circuit(device=self, supply=supply, series_resistance=series_resistance, capacitance=capacitance)
        positive("duration", duration)

        # The second state is the time, which makes m of equation 7 a function of the state.
        def mode(metallic: bool, begun: float, m_begun: float) -> Mode:
            level, tau = (self.v_hold, self.t_imt) if metallic else (self.v_th, self.t_mit)

            def fraction(time: Floats) -> Floats:
                lag = np.exp(-(time - begun) / tau) if tau else np.zeros_like(time)
                return metallic + (m_begun - metallic) * lag

            def conductance(y: Floats) -> Floats:
                m = fraction(y[1])
                return np.asarray((1 - m) / self.r_ins + m / self.r_met)

            def rate(_: float, y: Floats) -> list[float]:
                current = float(y[0] * conductance(y))
                return [charge_rate(float(y[0]), current, supply, series_resistance, capacitance), 1.0]

            turn = Event(
                lambda _, y: float(y[0]) - level,
                -1 if metallic else 1,
                "off" if metallic else "on",
                lambda _, y: mode(not metallic, float(y[1]), float(fraction(y[1]))),
            )
            return Mode(rate, lambda y: (y[0] * conductance(y), {"metallic": fraction(y[1])}), (turn,))

        return follow(mode(False, 0.0, 0.0), [0.0, 0.0], duration, max_step=circuit.tau_ins / 4)

    def at_temperature(self, ambient: float) -> Self:
        """The same device at another ambient temperature (equations 5 and 6).

        Parameters
        ----------
        ambient : float
            Ambient temperature T, in kelvin; above 0 and below T_c.

        Returns
        -------
        ThresholdSwitch
            With new `v_th`, `v_hold` and `r_ins`, and `ambient` as its reference temperature.

        Raises
        ------
        ValueError
            If the device has no transition temperature, `ambient` is not below it, or R_ins is not above R_met there.
        """
        positive("ambient", ambient)
        if self.transition_temperature is None:
            raise ValueError("the model has no temperature: transition_temperature is not given")
        self._below_transition("ambient", ambient)
        critical = self.transition_temperature
        scale = math.sqrt((critical - ambient) / (critical - self.reference_temperature))
        r_ins = self.r_ins * math.exp(self.activation * (1 / ambient - 1 / self.reference_temperature))
        return replace(
            self, v_th=self.v_th * scale, v_hold=self.v_hold * scale, r_ins=r_ins, reference_temperature=ambient
        )


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """The device in its circuit (equation 1).

    Parameters
    ----------
    device : ThresholdSwitch
        The switch.
    supply : float
        V_DD, in volt; zero or more.
    series_resistance : float
        R_s, in ohm; above 0.
    capacitance : float
        C, in farad; above 0.

    Raises
    ------
    ValueError
        If a value is not positive (the supply may be zero).
    """

    device: ThresholdSwitch
    supply: float
    series_resistance: float
    capacitance: float

    def __post_init__(self) -> None:
        positive("supply", self.supply, zero=True)
        positive("series_resistance", self.series_resistance)
        positive("capacitance", self.capacitance)

    def _parallel(self, resistance: float) -> float:
        return self.series_resistance * resistance / (self.series_resistance + resistance)

    @property
    def input_resistance(self) -> float:
        """``R_s || R_ins``, in ohm: steady-state voltage per input current while insulating."""
        return self._parallel(self.device.r_ins)

    @property
    def tau_ins(self) -> float:
        """Time constant of charging (insulating state), in second (equation 2)."""
        return self.capacitance * self._parallel(self.device.r_ins)

    @property
    def tau_met(self) -> float:
        """Time constant of discharging (metallic state), in second (equation 2)."""
        return self.capacitance * self._parallel(self.device.r_met)

    def target_ins(self, current: float = 0.0) -> float:
        """Target voltage v_ins of the insulating state, in volt (equation 2).

        Parameters
        ----------
        current : float
            Input current, in ampere.
        """
        return (self.supply / self.series_resistance + current) * self._parallel(self.device.r_ins)

    def target_met(self, current: float = 0.0) -> float:
        """Target voltage v_met of the metallic state, in volt (equation 2).

        Parameters
        ----------
        current : float
            Input current, in ampere.
        """
        return (self.supply / self.series_resistance + current) * self._parallel(self.device.r_met)

    def regime(self, current: float = 0.0) -> Literal["oscillates", "silent", "latches"]:
        """Behaviour of the circuit under a constant input current.

        Parameters
        ----------
        current : float
            Input current, in ampere.

        Returns
        -------
        {"oscillates", "silent", "latches"}
            See the description of this module.
        """
        if self.target_ins(current) <= self.device.v_th:
            return "silent"
        return "oscillates" if self.target_met(current) < self.device.v_hold else "latches"

    def periods(self, current: float = 0.0) -> tuple[float, float]:
        """Time spent in the insulating and in the metallic state in one cycle (equations 3 and 4).

        Parameters
        ----------
        current : float
            Input current, in ampere.

        Returns
        -------
        t_ins, t_met : float
            T_ins and T_met, in second. The period of the oscillation is their sum.

        Raises
        ------
        ValueError
            If the circuit does not oscillate under this input current.
        """
        regime = self.regime(current)
        if regime != "oscillates":
            low, high = self.firing_currents
            state = f"the circuit {'is silent' if regime == 'silent' else 'latches'} at {si(current, 'A')}"
            self.check_latch()
            raise ValueError(f"{state}; it fires repeatedly between {si(low, 'A')} and {si(high, 'A')}")
        v_ins = self.target_ins(current)
        device = self.device
        t_ins = self.tau_ins * math.log((v_ins - device.v_hold) / (v_ins - device.v_th))
        return t_ins, self.discharge(current)

    def discharge(self, current: float = 0.0) -> float:
        """Time T_met from V_th down to V_hold in the metallic state, in second (equation 4).

        Parameters
        ----------
        current : float
            Input current, in ampere.

        Raises
        ------
        ValueError
            If the circuit latches: ``v_met >= V_hold``.
        """
        device, v_met = self.device, self.target_met(current)
        if v_met >= device.v_hold:
            raise ValueError(
                f"series_resistance must be above {si(self.series_resistance_window[0], 'ohm')}, or the device "
                f"stays on after its first spike, not {si(self.series_resistance, 'ohm')}"
                + other_prefix(self.series_resistance, "ohm", lambda r: r > self.series_resistance_window[0])
            )
        return self.tau_met * math.log((device.v_th - v_met) / (device.v_hold - v_met))

    def check_units(self) -> None:
        """Check that supply and capacitance are in volt and farad.

        Raises
        ------
        ValueError
            If the supply is above 100 threshold voltages, or the capacitance 1 F or more.
        """
        most = MOST_SUPPLY * self.device.v_th
        if self.supply > most:
            raise ValueError(
                f"supply must be at most {MOST_SUPPLY} times V_th ({si(most, 'V')}), not {si(self.supply, 'V')}"
                + other_prefix(self.supply, "V", lambda v: v < most / 10)
            )
        if self.capacitance >= 1:
            raise ValueError(
                f"capacitance must be below 1 F, not {si(self.capacitance, 'F')}; is it "
                f"{self.capacitance:g} pF, nF or uF?"
            )

    def check_latch(self) -> None:
        """Check that some input current makes the circuit oscillate.

        Raises
        ------
        ValueError
            If the series resistance is below the latch limit: where the device switches on, it stays on.
        """
        device = self.device
        drop = device.v_hold / device.r_met - device.v_th / device.r_ins
        least = (device.v_th - device.v_hold) / drop if drop > 0 else math.inf
        if self.series_resistance > least:
            return
        if math.isinf(least):
            raise ValueError(
                "no series_resistance makes the circuit oscillate: r_met / r_ins must be below v_hold / v_th"
            )
        raise ValueError(
            f"series_resistance must be above {si(least, 'ohm')}, or the device stays on at every input that switches "
            f"it on, not {si(self.series_resistance, 'ohm')}"
            + other_prefix(self.series_resistance, "ohm", lambda r: least < r < min(200 * least, device.r_ins))
        )

    def frequency(self, current: float = 0.0) -> float:
        """Firing rate under a constant input current, in hertz; 0 if the circuit does not oscillate.

        Parameters
        ----------
        current : float
            Input current, in ampere.
        """
        return 1.0 / sum(self.periods(current)) if self.regime(current) == "oscillates" else 0.0

    @property
    def firing_currents(self) -> tuple[float, float]:
        """Input currents between which the circuit oscillates, in ampere: firing threshold and latch-up."""
        bias = self.supply / self.series_resistance
        device = self.device
        return (
            device.v_th / self._parallel(device.r_ins) - bias,
            device.v_hold / self._parallel(device.r_met) - bias,
        )

    @property
    def series_resistance_window(self) -> tuple[float, float]:
        """Series resistances between which the circuit oscillates without an input current, in ohm.

        If the lower edge is above the upper edge, no series resistance makes the circuit oscillate.
        The upper edge is 0 when the supply is below V_th.
        """
        device = self.device
        return (
            device.r_met * (self.supply - device.v_hold) / device.v_hold,
            max(0.0, device.r_ins * (self.supply - device.v_th) / device.v_th),
        )

    @property
    def supply_window(self) -> tuple[float, float]:
        """Supplies between which the circuit oscillates without an input current, in volt."""
        device, resistance = self.device, self.series_resistance
        return device.v_th * (1 + resistance / device.r_ins), device.v_hold * (1 + resistance / device.r_met)
