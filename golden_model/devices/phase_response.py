"""Effect of a coupling element on the phases of two equal oscillators: its sign and its strength.

The state of a two-state relaxation oscillator (:mod:`neuristor.golden_model.devices.threshold_switch`)
moves along one line, the voltage, in each half of its cycle. A small voltage step ``delta`` therefore
shifts it in time by exactly ``delta / (dv/dt)``. With the phase ``phi`` in cycles, 0 where the device has
just switched off (``v = V_hold``), the period T, and the target voltage v_x and time constant tau_x of
the present state x, the phase response is::

    Z(phi) = 1 / (T dv/dt)                     dv/dt = (v_x - v) / tau_x                 (1)

A weak coupling element (a resistance R_c or a capacitance C_c) carries the current ``i_c`` from
oscillator j into oscillator i. With ``psi = phi_j - phi_i``, the phase of i then moves at the rate
Gamma, the average over a cycle, and the phase difference at the rate dpsi/dt::

    i_c = (v_j - v_i) / R_c   or   C_c (dv_j/dt - dv_i/dt)                               (2)
    Gamma(psi) = <Z(phi) i_c(phi; psi)> / C                                              (3)
    dpsi/dt = Gamma(-psi) - Gamma(psi)                                                   (4)

All functions are piecewise exponential, so (3) is a sum of closed forms. The weight in a phase model is
the first harmonic of the odd part of Gamma, ``K1 sin(2 pi psi)``. With ``z`` and ``u`` the first Fourier
coefficients of Z and v, and ``f0 = 1 / T``::

    K1 = -2 Im(conj(z) u) / (R_c C)   or   -4 pi f0 Re(conj(z) u) C_c / C                (5)

``K1 > 0`` pulls in phase. The sign of a resistor and that of a capacitor depend on the oscillator.

References
----------
A. T. Winfree, "Biological rhythms and the behavior of populations of coupled oscillators", J. Theor.
Biol. 16, 1967 (phase response); Y. Kuramoto, "Chemical Oscillations, Waves, and Turbulence", 1984
(averaging).
"""

from __future__ import annotations

import cmath
import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.threshold_switch import Circuit

__all__ = ["Kind", "coupling_strength", "element_for", "interaction", "locks", "on_cycle", "phase_response"]

Floats = NDArray[np.float64]
Kind = Literal["resistive", "capacitive"]


class _Cycle(NamedTuple):
    """The cycle without coupling, time in periods; arrays over (insulating, metallic)."""

    period: float
    """In second."""
    switch: float
    """Phase at which the device switches on."""
    begin: Floats
    """Phase at which each state begins."""
    rate: Floats
    """Rate of the exponential, per cycle."""
    target: Floats
    """Target voltage, in volt."""
    start: Floats
    """Voltage at `begin`, in volt."""

    def state(self, phase: Floats) -> NDArray[np.intp]:
        return (phase >= self.switch).astype(np.intp)

    def voltage(self, phase: Floats) -> Floats:
        s = self.state(phase)
        away = (self.start - self.target)[s]
        return np.asarray(self.target[s] + away * np.exp(-self.rate[s] * (phase - self.begin[s])))

    def slope(self, phase: Floats) -> Floats:
        """``dv/dt``, in volt per cycle."""
        s = self.state(phase)
        return self.rate[s] * (self.target[s] - self.voltage(phase))


def _cycle(circuit: Circuit) -> _Cycle:
    t_ins, t_met = circuit.periods()
    period = t_ins + t_met
    switch = t_ins / period
    return _Cycle(
        period=period,
        switch=switch,
        begin=np.array([0.0, switch]),
        rate=np.array([period / circuit.tau_ins, period / circuit.tau_met]),
        target=np.array([circuit.target_ins(), circuit.target_met()]),
        start=np.array([circuit.device.v_hold, circuit.device.v_th]),
    )


def phase_response(circuit: Circuit, phase: ArrayLike) -> Floats:
    """Phase response Z: phase shift per voltage step (equation 1).

    Parameters
    ----------
    circuit : Circuit
        It must oscillate; otherwise a ValueError is raised.
    phase : array_like of float
        Phase at the time of the step, in cycles; any shape.

    Returns
    -------
    ndarray of float, shape of `phase`
        In cycles per volt.
    """
    return 1.0 / _cycle(circuit).slope(np.asarray(phase, dtype=float) % 1.0)


def on_cycle(circuit: Circuit, phase: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Voltage and state in the cycle without coupling.

    Parameters
    ----------
    circuit : Circuit
        It must oscillate; otherwise a ValueError is raised.
    phase : array_like of float
        In cycles; any shape.

    Returns
    -------
    voltage : ndarray of float, shape of `phase`
        In volt.
    metallic : ndarray of bool, shape of `phase`
        Whether the device is metallic.
    """
    cycle, place = _cycle(circuit), np.asarray(phase, dtype=float) % 1.0
    return cycle.voltage(place), cycle.state(place) == 1


def interaction(circuit: Circuit, kind: Kind, value: float, psi: ArrayLike) -> Floats:
    """Rate Gamma at which the element moves the phase of oscillator i (equation 3).

    Parameters
    ----------
    circuit : Circuit
        Circuit of both oscillators. It must oscillate; otherwise a ValueError is raised.
    kind : {"resistive", "capacitive"}
        Kind of the coupling element; any other raises a ValueError.
    value : float
        R_c in ohm or C_c in farad; above 0, otherwise a ValueError is raised.
    psi : array_like of float
        Lead of oscillator j over oscillator i, in cycles; any shape.

    Returns
    -------
    ndarray of float, shape of `psi`
        In cycles per second.
    """
    factor = _factor(circuit, kind, value)
    cycle = _cycle(circuit)
    lead = np.asarray(psi, dtype=float)[..., np.newaxis]
    # Four intervals, in each of which both oscillators stay in one state.
    knots = np.concatenate(
        np.broadcast_arrays(lead * 0, lead * 0 + cycle.switch, -lead % 1.0, (cycle.switch - lead) % 1.0, lead * 0 + 1),
        axis=-1,
    )
    knots.sort(axis=-1)
    begin, length = knots[..., :-1], np.diff(knots, axis=-1)
    middle = begin + length / 2
    other = (middle + lead) % 1.0
    mine, yours = cycle.state(middle), cycle.state(other)
    # Integrals of Z(phi), and of Z(phi) times the exponential of the other oscillator, from the values in the middle.
    response = 1.0 / cycle.slope(middle)
    area = response * _area(cycle.rate[mine], length)
    product = response * _area(cycle.rate[mine] - cycle.rate[yours], length)
    if kind == "capacitive":
        return np.asarray(factor / cycle.period * ((cycle.slope(other) * product).sum(axis=-1) - 1.0))
    target = cycle.target[yours]
    theirs = target * area + (cycle.voltage(other) - target) * product
    away = cycle.voltage(middle) - cycle.target[mine]
    own = cycle.target[mine] * area + response * away * length
    return np.asarray(factor * (theirs - own).sum(axis=-1))


def _area(rate: Floats, length: Floats) -> Floats:
    """Integral of ``exp(rate x)`` over an interval of the given length around 0."""
    half = rate * length / 2
    return np.asarray(length * np.where(half == 0, 1.0, np.sinh(half) / np.where(half == 0, 1.0, half)))


def _factor(circuit: Circuit, kind: Kind, value: float) -> float:
    """``1 / (R_c C)``, per second, or ``C_c / C``, without unit.

    Raises
    ------
    ValueError
        If the kind is neither, or the value is not positive.
    """
    if kind == "resistive":
        positive("coupling resistance", value)
        return 1.0 / (value * circuit.capacitance)
    if kind == "capacitive":
        positive("coupling capacitance", value)
        return value / circuit.capacitance
    raise ValueError(f"kind must be 'resistive' or 'capacitive', not {kind!r}")


def coupling_strength(circuit: Circuit, kind: Kind, value: float) -> float:
    """First harmonic K1 of the odd part of the interaction (equation 5).

    Parameters
    ----------
    circuit : Circuit
        Circuit of both oscillators. It must oscillate; otherwise a ValueError is raised.
    kind : {"resistive", "capacitive"}
        Kind of the coupling element; any other raises a ValueError.
    value : float
        R_c in ohm or C_c in farad; above 0, otherwise a ValueError is raised.

    Returns
    -------
    float
        K1, in cycles per second; positive if the element pulls in phase.
    """
    factor = _factor(circuit, kind, value)
    cycle = _cycle(circuit)
    z = u = 0j
    turn = -2j * math.pi
    for s, length in enumerate((cycle.switch, 1.0 - cycle.switch)):
        rate, target, start = (float(x[s]) for x in (cycle.rate, cycle.target, cycle.start))
        shift = cmath.exp(turn * float(cycle.begin[s]))
        z += shift / (rate * (target - start)) * _segment(rate + turn, length)
        u += shift * (target * _segment(turn, length) + (start - target) * _segment(turn - rate, length))
    overlap = z.conjugate() * u
    if kind == "resistive":
        return -2.0 * overlap.imag * factor
    return -4.0 * math.pi / cycle.period * overlap.real * factor


def _segment(rate: complex, length: float) -> complex:
    """Integral of ``exp(rate x)`` from 0 to `length`."""
    return (cmath.exp(rate * length) - 1.0) / rate


def locks(circuit: Circuit, kind: Kind, value: float) -> tuple[float, ...]:
    """Phase differences at which two equal oscillators lock (stable zeros of equation 4).

    Parameters
    ----------
    circuit : Circuit
        Circuit of both oscillators. It must oscillate; otherwise a ValueError is raised.
    kind : {"resistive", "capacitive"}
        Kind of the coupling element; any other raises a ValueError.
    value : float
        R_c in ohm or C_c in farad; above 0, otherwise a ValueError is raised. To first order it sets the
        rate of locking, not the phase difference.

    Returns
    -------
    tuple of float
        In degrees, ascending, at least 0 and below 360. With each x also ``360 - x``.
    """

    def drift(psi: Floats) -> Floats:
        return interaction(circuit, kind, value, -psi) - interaction(circuit, kind, value, psi)

    # The drift is odd about 0 and about 1/2, so half a cycle suffices. Gamma has kinks at 0 and at the two dwell times.
    dwell = _cycle(circuit).switch
    dwell = min(dwell, 1.0 - dwell)
    inner = (np.arange(1024) + 0.5) / 1024
    grid = np.concatenate([dwell * inner, dwell + (0.5 - dwell) * inner])
    values = drift(grid)
    found = [0.0] if values[0] < 0 else []
    for k in np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0)):
        psi = 360.0 * float(brentq(lambda x: float(drift(np.array(x))), grid[k], grid[k + 1], xtol=1e-14))
        found += [psi, 360.0 - psi]
    if values[-1] > 0:
        found.append(180.0)
    return tuple(sorted(found))


def element_for(circuit: Circuit, kind: Kind, weight: float) -> float:
    """Value of the coupling element that has a given weight.

    Parameters
    ----------
    circuit : Circuit
        Circuit of both oscillators; it must oscillate.
    kind : {"resistive", "capacitive"}
        Kind of the coupling element.
    weight : float
        ``K1 / f0``, without unit, not 0; positive if the element pulls in phase.

    Returns
    -------
    float
        R_c in ohm or C_c in farad.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, the weight is zero or not finite, or elements of this kind
        have the other sign in this circuit.
    """
    unit = coupling_strength(circuit, kind, 1.0) / circuit.frequency()
    if not math.isfinite(weight) or weight == 0:
        raise ValueError(f"weight must be a finite number other than zero, not {weight!r}")
    if unit * weight <= 0:
        sign = "positive (in phase)" if unit > 0 else "negative (apart)"
        raise ValueError(f"weight must be {sign} for a {kind} element in this circuit, not {weight!r}")
    return unit / weight if kind == "resistive" else weight / unit
