"""The twenty firing patterns by which neuron models are compared, with the parameters of Izhikevich neurons.

References
----------
E. M. Izhikevich, IEEE Trans. Neural Netw. 15(5), 2004, figure 1. The parameters a, b, c, d are those of public code.
Initial values, ticks and inputs are recalled from the program published with the paper; only the numbers of spikes
confirm them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons.behaviour import bursts, even, gaps

__all__ = ["PATTERNS", "PROTOCOLS", "Pattern", "Protocol"]

Floats = NDArray[np.float64]


def _pulses(high: float, *spans: tuple[float, float], low: float = 0.0) -> Callable[[Floats], Floats]:
    """An input that is `high` within the spans (in ms), and `low` otherwise."""
    return lambda t: np.where(np.any([(t > a) & (t < b) for a, b in spans], axis=0), high, low)


def _step(high: float, start: float) -> Callable[[Floats], Floats]:
    """An input that is 0 until `start` (in ms), and `high` afterwards."""
    return lambda t: np.where(t > start, high, 0.0)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Parameters of a firing pattern; its input and its test are in `PROTOCOLS`.

    Parameters
    ----------
    name : str
        Name of the pattern, such as ``tonic_spiking``.
    a : float
        Rate of the recovery, in 1/ms.
    b : float
        Sensitivity of the recovery to the membrane, in 1/ms.
    c : float
        Reset potential, in mV.
    d : float
        Increase of the recovery after a spike, in mV/ms.
    v : float
        Initial membrane potential, in mV.
    u : float, optional
        Initial recovery, in mV/ms; b v when absent.
    tick : float
        Time step, in ms.
    duration : float
        Duration of the input, in ms.
    spikes : int
        Number of spikes, with forward Euler in float64.
    linear : float
        Linear coefficient of equation 1, in 1/ms.
    constant : float
        Constant of equation 1, in mV/ms.
    leak : float
        Coefficient of the recovery in equation 2: 1 or 0.
    origin : float
        Membrane potential from which equation 2 counts, in mV.
    """

    name: str
    a: float
    b: float
    c: float
    d: float
    v: float
    u: float | None = None
    tick: float
    duration: float
    spikes: int
    linear: float = 5.0
    constant: float = 140.0
    leak: float = 1.0
    origin: float = 0.0

    @property
    def first_u(self) -> float:
        """Initial recovery, in mV/ms."""
        return self.b * self.v if self.u is None else self.u

    @property
    def times(self) -> Floats:
        """Start of each tick, in ms, shape (ticks,)."""
        return np.asarray(np.arange(round(self.duration / self.tick) + 1) * self.tick, dtype=np.float64)

    def current(self, t: Floats) -> Floats:
        """The input of the pattern.

        Parameters
        ----------
        t : ndarray of float, any shape
            Times, in ms.

        Returns
        -------
        ndarray of float, same shape
            I of equation 1, in mV/ms.
        """
        return np.asarray(PROTOCOLS[self.name].current(t), dtype=np.float64)

    def shown(self, times: Floats) -> bool:
        """Whether spikes are this pattern; their number may differ by one from `spikes`.

        Parameters
        ----------
        times : ndarray of float, shape (spikes,)
            Spike times, in second.
        """
        near = len(times) > 0 and abs(len(times) - self.spikes) <= 1
        return near and PROTOCOLS[self.name].shown(1e3 * times)


class Protocol(NamedTuple):
    """The input that evokes a pattern, and the test that recognizes it."""

    current: Callable[[Floats], Floats]
    """``current(t)``: I of equation 1, in mV/ms, at times in ms."""
    shown: Callable[[Floats], bool]
    """``shown(times)``: whether spikes, their times in ms, are this pattern."""
    wanted: str
    """What `shown` looks for, in words."""


PATTERNS: dict[str, Pattern] = {}
"""The twenty patterns, by name, in the order of figure 1 of 2004."""
PROTOCOLS: dict[str, Protocol] = {}
"""Input and test of each pattern, by name."""


def _define(
    name: str, *, current: Callable[[Floats], Floats], shown: Callable[[Floats], bool], wanted: str, **numbers: Any
) -> None:
    """Add a pattern to `PATTERNS` and `PROTOCOLS`."""
    PATTERNS[name], PROTOCOLS[name] = Pattern(name=name, **numbers), Protocol(current, shown, wanted)


# fmt: off
_define(
    "tonic_spiking",
    a=0.02, b=0.2, c=-65, d=6, v=-70, tick=0.25, duration=100, current=_step(14, 10), spikes=5,
    shown=lambda t: bool(t[0] > 10) and even(t[2:]) and bool(t[-1] > 70),
    wanted="evenly spaced spikes as long as the input lasts",
)
_define(
    "phasic_spiking",
    a=0.02, b=0.25, c=-65, d=6, v=-64, tick=0.25, duration=200, current=_step(0.5, 20), spikes=1,
    shown=lambda t: len(t) == 1 and bool(20 < t[0] < 60),
    wanted="one spike at the onset, then silence",
)
_define(
    "tonic_bursting",
    a=0.02, b=0.2, c=-50, d=2, v=-70, tick=0.25, duration=220, current=_step(15, 22), spikes=28,
    shown=lambda t: len(bursts(t, 2.5)) >= 4 and min(map(len, bursts(t, 2.5)[:-1])) >= 3,
    wanted="four or more bursts of three or more spikes",
)
_define(
    "phasic_bursting",
    a=0.02, b=0.25, c=-55, d=0.05, v=-64, tick=0.2, duration=200, current=_step(0.6, 20), spikes=6,
    shown=lambda t: len(t) >= 3 and bool(t[-1] < 100),
    wanted="one burst at the onset, then silence",
)
_define(
    "mixed_mode",
    a=0.02, b=0.2, c=-55, d=4, v=-70, tick=0.25, duration=160, current=_step(10, 16), spikes=6,
    shown=lambda t: bool(gaps(t)[0] < 0.5 * gaps(t)[2:].min()) and even(t[2:]),
    wanted="a burst at the onset, then evenly spaced single spikes",
)
_define(
    "frequency_adaptation",
    a=0.01, b=0.2, c=-65, d=8, v=-70, tick=0.25, duration=85, current=_step(30, 8.5), spikes=6,
    shown=lambda t: bool(gaps(t)[-1] > 1.5 * gaps(t)[0]) and bool((np.diff(gaps(t)) > -0.5).all()),
    wanted="intervals that grow under a constant input",
)
_define(
    "class_1",
    a=0.02, b=-0.1, c=-55, d=6, v=-60, tick=0.25, duration=300, linear=4.1, constant=108,
    current=lambda t: np.where(t > 30, 0.075 * (t - 30), 0.0), spikes=10,
    shown=lambda t: bool(gaps(t)[0] > 2.5 * gaps(t)[-1]),
    wanted="a rate that grows from low values with a rising input",
)
_define(
    "class_2",
    a=0.2, b=0.26, c=-65, d=0, v=-64, tick=0.25, duration=300,
    current=lambda t: np.where(t > 30, -0.5 + 0.015 * (t - 30), -0.5), spikes=14,
    shown=lambda t: len(t) > 5 and bool(gaps(t)[0] < 2 * gaps(t)[-1]) and bool(t[0] > 60),
    wanted="a rate that begins high when a rising input crosses the threshold",
)
_define(
    "spike_latency",
    a=0.02, b=0.2, c=-65, d=6, v=-70, tick=0.2, duration=100, current=_pulses(7.04, (10, 13)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 16),
    wanted="one spike, long after the pulse",
)
_define(
    "subthreshold_oscillations",
    a=0.05, b=0.26, c=-60, d=0, v=-62, tick=0.25, duration=200, current=_pulses(2, (20, 25)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 40),
    wanted="one spike, then ringing without spikes",
)
_define(
    "resonator",
    a=0.1, b=0.26, c=-60, d=-1, v=-62, tick=0.25, duration=400,
    current=_pulses(0.65, (40, 44), (60, 64), (280, 284), (320, 324)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 320),
    wanted="a spike after the pair of pulses in resonance only",
)
_define(
    "integrator",
    a=0.02, b=-0.1, c=-55, d=6, v=-60, tick=0.25, duration=100, linear=4.1, constant=108,
    current=_pulses(9, (100 / 11, 100 / 11 + 2), (100 / 11 + 5, 100 / 11 + 7), (70, 72), (80, 82)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 30),
    wanted="a spike after the close pair of pulses only",
)
_define(
    "rebound_spike",
    a=0.03, b=0.25, c=-60, d=4, v=-64, tick=0.2, duration=200, current=_pulses(-15, (20, 25)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 25),
    wanted="one spike after the end of an inhibition",
)
_define(
    "rebound_burst",
    a=0.03, b=0.25, c=-52, d=0, v=-64, tick=0.2, duration=200, current=_pulses(-15, (20, 25)), spikes=7,
    shown=lambda t: len(t) >= 3 and bool(t[0] > 25) and bool(t[-1] < 130),
    wanted="a burst after the end of an inhibition",
)
_define(
    "threshold_variability",
    a=0.03, b=0.25, c=-60, d=4, v=-64, tick=0.25, duration=100,
    current=lambda t: _pulses(1, (10, 15), (80, 85))(t) + _pulses(-6, (70, 75))(t), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 80),
    wanted="a pulse that fires after an inhibition only",
)
_define(
    "bistability",
    a=0.1, b=0.26, c=-60, d=0, v=-61, tick=0.25, duration=300,
    current=_pulses(1.24, (37.5, 42.5), (216, 221), low=0.24), spikes=5,
    shown=lambda t: len(t) >= 4 and bool(t[0] > 37.5) and bool(t[-1] < 240),
    wanted="firing that one pulse starts and the next one stops",
)
_define(
    "depolarising_after_potential",
    a=1, b=0.2, c=-60, d=-21, v=-70, tick=0.1, duration=50, current=_pulses(20, (9, 11)), spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] < 15),
    wanted="one spike; the membrane then stays high for a while",
)
_define(
    "accommodation",
    a=0.02, b=1, c=-55, d=4, v=-65, u=-16, tick=0.5, duration=400, leak=0.0, origin=-65,
    current=lambda t: np.select([t < 200, t < 300, t < 312.5], [t / 25, 0.0 * t, (t - 300) / 12.5 * 4], 0.0),
    spikes=1,
    shown=lambda t: len(t) == 1 and bool(t[0] > 300),
    wanted="a spike for the fast ramp, none for the slow one",
)
_define(
    "inhibition_induced_spiking",
    a=-0.02, b=-1, c=-60, d=8, v=-63.8, tick=0.5, duration=350, current=_pulses(75, (50, 250.1), low=80), spikes=3,
    shown=lambda t: len(t) >= 2 and bool(t[0] > 50) and bool(t[-1] < 255),
    wanted="spikes during the inhibition only",
)
_define(
    "inhibition_induced_bursting",
    a=-0.026, b=-1, c=-45, d=-2, v=-63.8, tick=0.5, duration=350, current=_pulses(75, (50, 250.1), low=80), spikes=12,
    shown=lambda t: len(bursts(t, 2.5)) >= 2 and bool(t[0] > 50) and bool(t[-1] < 260),
    wanted="bursts during the inhibition only",
)
# fmt: on
