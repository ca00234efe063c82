"""The interface of all oxide devices, and the integration with event location that they share.

Between events, a device in its circuit is a smooth system ``dy/dt = f(y)``, where ``y[0]`` is the
voltage across the device. An event, such as a threshold crossing or a reversal of the hysteresis
loop, changes ``f``. The stretch between two events is a :class:`Mode`. :func:`follow` integrates from
event to event. Each event is located by root finding on the dense output of the solver, so no
switching time depends on the step size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid, solve_ivp

if TYPE_CHECKING:
    from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch

__all__ = ["Device", "Event", "Floats", "Mode", "PulsedDevice", "Transient", "charge_rate", "follow"]

Floats = NDArray[np.float64]

REFINE = 8
"""Samples kept per solver step."""


@dataclass(frozen=True, kw_only=True)
class Transient:
    """Waveforms of a device in its circuit.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        In second. A time occurs twice where the current jumps.
    voltage, current : ndarray of float, shape (n,)
        Of the device, in volt and ampere.
    state : dict of str to ndarray of float, shape (n,)
        Internal state variables, by name.
    spikes : ndarray of float, shape (spikes,)
        Times of switching on, in second.
    offs : ndarray of float, shape (offs,)
        Times of switching off, in second.
    """

    time: Floats
    voltage: Floats
    current: Floats
    state: dict[str, Floats]
    spikes: Floats
    offs: Floats

    @property
    def frequency(self) -> float:
        """Mean firing rate over the last half of the spikes, in hertz; 0 with fewer than three."""
        if len(self.spikes) < 3:
            return 0.0
        late = self.spikes[len(self.spikes) // 2 :]
        return float((len(late) - 1) / (late[-1] - late[0]))

    @property
    def duty(self) -> float:
        """Fraction of the last full cycle in which the device is on; 0 if there is no full cycle."""
        if len(self.spikes) < 2:
            return 0.0
        start, stop = self.spikes[-2:]
        off = self.offs[(self.offs > start) & (self.offs <= stop)]
        return float((off[0] - start) / (stop - start)) if len(off) else 1.0

    @property
    def energy_per_spike(self) -> float:
        """Energy dissipated in the device in the last full cycle, from spike to spike, in joule.

        0 if there is no full cycle. The series resistor takes more: see `supply_energy`.
        """
        return self._per_cycle(self.voltage * self.current)

    def supply_energy(self, *, supply: float, series_resistance: float) -> float:
        """Energy taken from the supply in the last full cycle: that of the device and of the series resistor.

        Parameters
        ----------
        supply : float
            Supply voltage V_DD, in volt.
        series_resistance : float
            R_s, in ohm.

        Returns
        -------
        float
            In joule; 0 if there is no full cycle.
        """
        return self._per_cycle(supply * (supply - self.voltage) / series_resistance)

    def _per_cycle(self, power: Floats) -> float:
        """Integral of a power, in watt, over the last full cycle."""
        if len(self.spikes) < 2:
            return 0.0
        taken = cumulative_trapezoid(power, self.time, initial=0)
        start, stop = np.interp(self.spikes[-2:], self.time, taken)
        return float(stop - start)


class Device(Protocol):
    """A two-terminal oxide device."""

    kind: ClassVar[str]
    """Name of the model in the catalogue."""

    def iv(self, voltage: Floats) -> Floats:
        """Current under a slow voltage sweep; the hysteresis follows the order of the voltages.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Voltage across the device, in volt, in the order of the sweep.

        Returns
        -------
        ndarray of float, shape (n,)
            Current through the device, in ampere.
        """

    def switch(self) -> ThresholdSwitch:
        """The two-state threshold switch that approximates the device."""

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """Waveform of the device with a capacitor in parallel, fed through a series resistor, from rest.

        Parameters
        ----------
        supply : float
            Supply voltage V_DD, in volt.
        series_resistance : float
            R_s, in ohm.
        capacitance : float
            C, in farad.
        duration : float
            Simulated time, in second.
        """

    def at_temperature(self, ambient: float) -> Self:
        """The same device at another ambient temperature.

        Parameters
        ----------
        ambient : float
            In kelvin.
        """


@runtime_checkable
class PulsedDevice(Protocol):
    """A device that is driven by pulses: each pulse is a tick."""

    kind: ClassVar[str]
    """Name of the model in the catalogue."""

    def lif_circuit(self, *, pulse_period: float, pulse_voltage: float) -> Circuit:
        """The leaky integrator that approximates the device under pulses.

        Parameters
        ----------
        pulse_period : float
            In second.
        pulse_voltage : float
            In volt.
        """

    def pulses(self, voltage: Floats, *, pulse_period: float) -> Any:
        """Response to a train of pulses, with the attribute ``spikes``: times of firing, in second.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            Pulse voltage of each period, in volt; 0 for no pulse.
        pulse_period : float
            In second.
        """


class Event(NamedTuple):
    """A zero crossing to locate."""

    crossing: Callable[[float, Floats], float]
    """Function of time and state whose zero is the event."""
    direction: int
    """1 for a zero crossed while rising, -1 while falling."""
    mark: str = ""
    """``"on"`` or ``"off"`` if the event is a switching of the device."""
    then: Callable[[float, Floats], Mode] | None = None
    """Gives the next mode, from time and state; None if the same mode continues."""


class Mode(NamedTuple):
    """A stretch of time in which the equations do not change."""

    rate: Callable[[float, Floats], list[float]]
    """``dy/dt`` as a function of time and state y."""
    observe: Callable[[Floats], tuple[Floats, dict[str, Floats]]]
    """Current, in ampere, and named state variables, from states of shape (states, n)."""
    events: tuple[Event, ...]
    """Events that are located in this mode."""


def charge_rate(voltage: float, current: float, supply: float, series_resistance: float, capacitance: float) -> float:
    """Rate of change of the voltage across device and capacitor, in volt per second.

    Parameters
    ----------
    voltage : float
        Present voltage across the device, in volt.
    current : float
        Current through the device, in ampere.
    supply : float
        Supply voltage V_DD, in volt.
    series_resistance : float
        R_s, in ohm.
    capacitance : float
        C, in farad.
    """
    return ((supply - voltage) / series_resistance - current) / capacitance


def follow(
    mode: Mode,
    start: list[float],
    duration: float,
    *,
    method: Literal["DOP853", "Radau"] = "DOP853",
    rtol: float = 1e-9,
    atol: float | list[float] = 1e-12,
    max_step: float = math.inf,
) -> Transient:
    """Integrate from event to event.

    Parameters
    ----------
    mode : Mode
        The first mode.
    start : list of float
        Initial state; the first element is the voltage across the device, in volt.
    duration : float
        Simulated time, in second.
    method : {"DOP853", "Radau"}
        Solver of :func:`scipy.integrate.solve_ivp`; Radau for stiff equations.
    rtol : float
        Relative tolerance of the solver.
    atol : float or list of float
        Absolute tolerance of the solver, for each state in the unit of that state.
    max_step : float
        Longest step of the solver, in second.

    Returns
    -------
    Transient
        With at least `REFINE` samples per solver step.

    Raises
    ------
    ArithmeticError
        If the solver stops before the end.
    """
    now, state = 0.0, np.array(start, dtype=np.float64)
    pieces: list[tuple[Floats, Floats, Floats, dict[str, Floats]]] = []
    marks: dict[str, list[Floats]] = {"": [], "on": [], "off": []}
    while now < duration:
        events = [_scipy_event(event) for event in mode.events]
        solution: Any = solve_ivp(
            mode.rate, (now, duration), state, method=method, events=events, dense_output=True,
            rtol=rtol, atol=atol, max_step=max_step,
        )  # fmt: skip
        if solution.status < 0:
            raise ArithmeticError(f"integration stopped at {solution.t[-1]:.4g} s: {solution.message}")
        knots = solution.t
        time = np.append((knots[:-1, None] + np.diff(knots)[:, None] * np.arange(REFINE) / REFINE).ravel(), knots[-1])
        states = solution.sol(time)
        pieces.append((time, states[0], *mode.observe(states)))
        for event, times in zip(mode.events, solution.t_events, strict=True):
            marks[event.mark].append(times)
        now, state = float(knots[-1]), solution.y[:, -1]
        if solution.status == 1:
            mode = next(
                event.then(now, state)
                for event, times in zip(mode.events, solution.t_events, strict=True)
                if event.then is not None and len(times)
            )
    times_, voltages, currents, named = zip(*pieces, strict=True)
    return Transient(
        time=np.concatenate(times_),
        voltage=np.concatenate(voltages),
        current=np.concatenate(currents),
        state={name: np.concatenate([piece[name] for piece in named]) for name in named[0]},
        spikes=np.concatenate([*marks["on"], np.empty(0)]),
        offs=np.concatenate([*marks["off"], np.empty(0)]),
    )


def _scipy_event(event: Event) -> Callable[[float, Floats], float]:
    def crossing(time: float, state: Floats) -> float:
        return event.crossing(time, state)

    crossing.terminal = event.then is not None  # type: ignore[attr-defined]
    crossing.direction = event.direction  # type: ignore[attr-defined]
    return crossing
