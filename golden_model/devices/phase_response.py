"""What a coupling element does to the phases of two equal oscillators: its sign and its strength.

A two-state relaxation oscillator (:mod:`neuristor.golden_model.devices.threshold_switch`) runs through its
cycle on one line, so a small voltage step ``delta`` moves it in time by exactly ``delta / (dv/dt)``.
With the phase ``phi`` in cycles, 0 where the device has just switched off (``v = V_hold``)::

    Z(phi) = 1 / (T dv/dt)                     dv/dt = (v_s - v) / tau_s                 (1)

A weak coupling element carries ``i_c`` from oscillator j into i, which shifts the phase of i by, on
average over a cycle, with ``psi = phi_j - phi_i``::

    i_c = (v_j - v_i) / R_c   or   C_c (dv_j/dt - dv_i/dt)                               (2)
    Gamma(psi) = <Z(phi) i_c(phi; psi)> / C                                              (3)
    dpsi/dt = Gamma(-psi) - Gamma(psi)                                                   (4)

All functions are piecewise exponential, so (3) is a sum of closed forms. The first harmonic of its
odd part is the weight of a phase model, ``K1 sin(2 pi psi)``: with ``z`` and ``u`` the first Fourier
coefficients of Z and v::

    K1 = -2 Im(conj(z) u) / (R_c C)   or   -4 pi f0 Re(conj(z) u) C_c / C                (5)

``K1 > 0`` pulls in phase. Which sign a resistor or a capacitor has depends on the oscillator.

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

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.neuron import positive

__all__ = ["Kind", "coupling_strength", "element_for", "interaction", "locks", "on_cycle", "phase_response"]

Floats = NDArray[np.float64]
Kind = Literal["resistive", "capacitive"]


class _Cycle(NamedTuple):
    """The undisturbed cycle, time in periods; arrays over (insulating, metallic)."""

    period: float
    switch: float
    """Phase at which it switches on."""
    begin: Floats
    rate: Floats
    """Of the exponentials, per cycle."""
    target: Floats
    start: Floats
    """Voltage at `begin`."""

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
    """Phase shift per voltage step (equation 1).

    Parameters
    ----------
    circuit : Circuit
        One that oscillates.
    phase : array_like of float
        Where in the cycle the step comes, in cycles; any shape.

    Returns
    -------
    ndarray of float, shape of `phase`
        In cycles per volt.

    Raises
    ------
    ValueError
        If the circuit does not oscillate.
    """
    return 1.0 / _cycle(circuit).slope(np.asarray(phase, dtype=float) % 1.0)


def on_cycle(circuit: Circuit, phase: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Voltage (in volt) and state (metallic or not) in the undisturbed cycle.

    Parameters
    ----------
    circuit : Circuit
        One that oscillates.
    phase : array_like of float
        In cycles; any shape.

    Raises
    ------
    ValueError
        If the circuit does not oscillate.
    """
    cycle, place = _cycle(circuit), np.asarray(phase, dtype=float) % 1.0
    return cycle.voltage(place), cycle.state(place) == 1


def interaction(circuit: Circuit, kind: Kind, value: float, psi: ArrayLike) -> Floats:
    """Rate at which the element moves the phase of oscillator i (equation 3).

    Parameters
    ----------
    circuit : Circuit
        Of both oscillators; one that oscillates.
    kind : {"resistive", "capacitive"}
    value : float
        Of the element, in ohm or farad.
    psi : array_like of float
        Lead of oscillator j, in cycles; any shape.

    Returns
    -------
    ndarray of float, shape of `psi`
        In hertz.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, or the kind or value is not one.
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
    # Integrals of Z(phi) times 1, and times the other's exponential, from their values in the middle.
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
    """Integral of ``exp(rate x)`` over an interval of this length around 0."""
    half = rate * length / 2
    return np.asarray(length * np.where(half == 0, 1.0, np.sinh(half) / np.where(half == 0, 1.0, half)))


def _factor(circuit: Circuit, kind: Kind, value: float) -> float:
    """``1 / (R_c C)`` in hertz, or ``C_c / C``."""
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
        Of both oscillators; one that oscillates.
    kind : {"resistive", "capacitive"}
    value : float
        Of the element, in ohm or farad.

    Returns
    -------
    float
        In hertz; above zero it pulls in phase.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, or the kind or value is not one.
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
    """Phase differences at which two equal oscillators stay, in degrees (stable zeros of equation 4).

    Parameters
    ----------
    circuit : Circuit
        Of both oscillators; one that oscillates.
    kind : {"resistive", "capacitive"}
    value : float
        Of the element, in ohm or farad. To first order it sets how fast they lock, not where.

    Returns
    -------
    tuple of float
        Ascending, from 0 up to 360. Symmetric: with ``x`` also ``360 - x``.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, or the kind or value is not one.
    """

    def drift(psi: Floats) -> Floats:
        return interaction(circuit, kind, value, -psi) - interaction(circuit, kind, value, psi)

    # Odd about 0 and about 1/2: half a turn tells all. Gamma has kinks at 0 and at the two dwell times.
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
    """The element that has a wanted weight.

    Parameters
    ----------
    circuit : Circuit
        Of both oscillators; one that oscillates.
    kind : {"resistive", "capacitive"}
    weight : float
        ``K1 / f0``; above zero it pulls in phase.

    Returns
    -------
    float
        In ohm or farad.

    Raises
    ------
    ValueError
        If the circuit does not oscillate, the weight is zero or not finite, or the kind has the other
        sign in this circuit.
    """
    unit = coupling_strength(circuit, kind, 1.0) / circuit.frequency()
    if not math.isfinite(weight) or weight == 0:
        raise ValueError(f"weight must be a finite number other than zero, not {weight!r}")
    if unit * weight <= 0:
        sign = "positive (in phase)" if unit > 0 else "negative (apart)"
        raise ValueError(f"weight must be {sign} for a {kind} element in this circuit, not {weight!r}")
    return unit / weight if kind == "resistive" else weight / unit
