"""What every oxide device answers, and the event-located integration they share.

A device in its circuit is a smooth system between events: ``dy/dt = f(y)``, ``y[0]`` the voltage of
the device, until a threshold is crossed or a loop turns, which changes ``f``. Such a stretch is a
:class:`Mode`; :func:`follow` integrates from event to event, each located by root finding on the
dense output, so that no switching time depends on a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid, solve_ivp

if TYPE_CHECKING:
    from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["Device", "Event", "Floats", "Mode", "Transient", "charge_rate", "follow"]

Floats = NDArray[np.float64]

REFINE = 8
"""Samples kept a solver step."""


@dataclass(frozen=True, kw_only=True)
class Transient:
    """What a device did over time.

    Parameters
    ----------
    time, voltage, current : ndarray of float, shape (n,)
        Of the device, in second, volt and ampere. A time stands twice where the current jumps.
    state : dict of ndarray, shape (n,)
        Inner state, by name.
    spikes, offs : ndarray of float
        Located times of switching on and of switching off, in second.
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
        """Fraction of the last full cycle that the device is on; 0 without one."""
        if len(self.spikes) < 2:
            return 0.0
        start, stop = self.spikes[-2:]
        off = self.offs[(self.offs > start) & (self.offs <= stop)]
        return float((off[0] - start) / (stop - start)) if len(off) else 1.0

    @property
    def energy_per_spike(self) -> float:
        """Energy the device takes in the last full cycle, spike to spike, in joule; 0 without one."""
        if len(self.spikes) < 2:
            return 0.0
        taken = cumulative_trapezoid(self.voltage * self.current, self.time, initial=0)
        start, stop = np.interp(self.spikes[-2:], self.time, taken)
        return float(stop - start)


class Device(Protocol):
    """A two-terminal oxide device."""

    kind: ClassVar[str]
    """Its name in the registry."""

    def iv(self, voltage: Floats) -> Floats:
        """Current under a slow voltage sweep, in ampere; hysteresis follows the order given.

        Parameters
        ----------
        voltage : ndarray of float, shape (n,)
            In volt.
        """

    def switch(self) -> ThresholdSwitch:
        """The two-state switch closest to it."""

    def transient(self, *, supply: float, series_resistance: float, capacitance: float, duration: float) -> Transient:
        """The device with a capacitor beside it, fed through a resistor, from rest.

        Parameters
        ----------
        supply, series_resistance, capacitance, duration : float
            In volt, ohm, farad and second.
        """

    def at_temperature(self, ambient: float) -> Self:
        """The same device at another ambient temperature, in kelvin."""


class Event(NamedTuple):
    """A zero crossing that matters."""

    crossing: Callable[[float, Floats], float]
    """Of time and state."""
    direction: int
    """1 when it rises through zero, -1 when it falls."""
    mark: str = ""
    """``"on"`` or ``"off"`` if it is a switching time."""
    then: Callable[[float, Floats], Mode] | None = None
    """The mode that follows; None to go on."""


class Mode(NamedTuple):
    """A stretch without a jump."""

    rate: Callable[[float, Floats], list[float]]
    observe: Callable[[Floats], tuple[Floats, dict[str, Floats]]]
    """Current and named states, of all states, shape (states, n)."""
    events: tuple[Event, ...]


def charge_rate(voltage: float, current: float, supply: float, series_resistance: float, capacitance: float) -> float:
    """Slope of the capacitor's voltage when the device takes `current`, in volt per second."""
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
        The first one.
    start : list of float
        First state; the voltage of the device comes first.
    duration : float
        In second.
    method, rtol, atol, max_step
        As in :func:`scipy.integrate.solve_ivp`.
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
