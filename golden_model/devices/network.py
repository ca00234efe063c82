"""Coupled relaxation oscillators in continuous time: the reference for all models with a time step.

Each oscillator i is a threshold switch with its ``R_s`` and ``C`` (see
:mod:`neuristor.golden_model.devices.threshold_switch`). ``R_i`` is the present resistance of its device,
``I_i`` its input current. Conductances ``g_ij`` and capacitances ``c_ij`` couple the oscillators in pairs::

    C dv_i/dt = (V_DD - v_i) / R_s + I_i - v_i / R_i
                + sum_j g_ij (v_j - v_i) + sum_j c_ij (dv_j/dt - dv_i/dt)                (1)

Between two switchings all resistances ``R_i`` are constant and (1) is linear. The matrices M
(capacitances) and G (conductances) are symmetric and positive definite; G depends on which devices are
metallic::

    M dv/dt = b - G v        b_i = V_DD / R_s + I_i                                      (2)
    G u_k = lambda_k M u_k   v(t) = G^-1 b + sum_k u_k exp(-lambda_k t) y_k              (3)

The solution is exact, and the switching times are exact within rounding errors. Consider an oscillator
whose voltage rises: its distance to the threshold is ``d`` now, and it approaches it at speed ``d'``.
Because every exponential only decays, the distance after a time t is at least::

    d - d' t - B t^2 / 2     B = sum_k max(0, u_ik y_k) lambda_k^2                       (4)

The zero of (4) is therefore a step that cannot pass a crossing. Repeated steps converge quadratically on
the first crossing. For a falling voltage the signs change. The voltages are continuous at a switching,
with any coupling; only their slopes jump. Transition times are not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.threshold_switch import Circuit

__all__ = ["OscillatorNetwork", "measure"]

Floats = NDArray[np.float64]
Modes = tuple[Floats, Floats, Floats]

PATTERNS = 512
"""Patterns of device states whose modes (equation 3) are kept in the cache."""
RESOLUTION = 1e-12
"""Crossings closer than this are simultaneous, in units of tau_met of the uncoupled circuit."""


class OscillatorNetwork:
    """Threshold-switch oscillators, uncoupled or coupled (equation 1).

    Parameters
    ----------
    circuit : Circuit
        Circuit of each oscillator.
    count : int
        Number of oscillators n, at least 1.
    v_th, v_hold : ndarray of float, shape (n,), optional
        V_th and V_hold of each oscillator, in volt, with ``v_hold < v_th``; those of the circuit's
        device by default.
    conductance : ndarray of float, shape (n, n), optional
        Coupling conductances g_ij, in siemens: zero or positive, symmetric, with a zero diagonal; none
        by default.
    capacitance : ndarray of float, shape (n, n), optional
        Coupling capacitances c_ij, in farad: zero or positive, symmetric, with a zero diagonal; none by
        default.
    fixed : ndarray of bool, shape (n,), optional
        True for oscillators that never switch (stuck devices); none by default.

    Attributes
    ----------
    voltage : ndarray of float, shape (n,)
        Voltage across each device, in volt; initially 0.
    metallic : ndarray of bool, shape (n,)
        State of each device; initially insulating.
    v_th, v_hold : ndarray of float, shape (n,)
        In volt; may be changed between calls and in ``on_switch``.
    fixed : ndarray of bool, shape (n,)
        Oscillators that never switch.
    time : float
        Present time, in second; initially 0.

    Raises
    ------
    ValueError
        If an array has another shape or a value outside its range.
    """

    def __init__(
        self,
        circuit: Circuit,
        count: int,
        *,
        v_th: Floats | None = None,
        v_hold: Floats | None = None,
        conductance: Floats | None = None,
        capacitance: Floats | None = None,
        fixed: NDArray[np.bool_] | None = None,
    ) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count!r}")
        device = circuit.device
        self.circuit = circuit
        self.count = count
        self.voltage = np.zeros(count)
        self.metallic = np.zeros(count, dtype=bool)
        self.v_th = _vector("v_th", v_th, device.v_th, count)
        self.v_hold = _vector("v_hold", v_hold, device.v_hold, count)
        self.fixed = np.zeros(count, dtype=bool) if fixed is None else np.array(fixed, dtype=bool)
        if self.fixed.shape != (count,):
            raise ValueError(f"fixed must have shape ({count},), not {self.fixed.shape}")
        for i in range(count):
            self._check_thresholds(i)
        self.time = 0.0

        self._bias = circuit.supply / circuit.series_resistance
        self._tau = circuit.tau_ins, circuit.tau_met
        self._parallel = circuit.tau_ins / circuit.capacitance, circuit.tau_met / circuit.capacitance
        self._resolution = RESOLUTION * circuit.tau_met
        springs = _laplacian("conductance", conductance, count)
        masses = _laplacian("capacitance", capacitance, count)
        self._coupled = bool(springs.any() or masses.any())
        if self._coupled:
            self._springs = springs
            self._mass = circuit.capacitance * np.eye(count) + masses
            values, vectors = np.linalg.eigh(self._mass)
            self._whitener = (vectors / np.sqrt(values)) @ vectors.T
            self._cache: dict[bytes, Modes] = {}

    def advance(
        self, duration: float, current: Floats | None = None, on_switch: Callable[[int, bool], None] | None = None
    ) -> list[tuple[float, int, bool]]:
        """Advance the time.

        Parameters
        ----------
        duration : float
            Time to advance by, in second; zero or more.
        current : ndarray of float, shape (n,), optional
            Input currents, constant over the duration, in ampere; 0 by default.
        on_switch : callable, optional
            Called at each switching, in order of time, with the number of the oscillator and whether it
            is metallic afterwards. It may write new values into `v_th` and `v_hold`.

        Returns
        -------
        list of (float, int, bool)
            The switchings, in order of time: time since the start of the simulation, in second; number
            of the oscillator; whether it is metallic afterwards.

        Raises
        ------
        ValueError
            If the duration is negative, `current` has another shape, or ``v_hold >= v_th`` at a switching.
        """
        positive("duration", duration, zero=True)
        bias = np.full(self.count, self._bias)
        if current is not None:
            if np.shape(current) != (self.count,):
                raise ValueError(f"current must have shape ({self.count},), not {np.shape(current)}")
            bias += current
        flow = self._flow_coupled if self._coupled else self._flow_alone
        start, elapsed = self.time, 0.0
        switchings: list[tuple[float, int, bool]] = []
        while True:
            level = np.where(self.metallic, self.v_hold, self.v_th)
            step, crossed = flow(bias, level, duration - elapsed)
            if not crossed.size:
                self.time = start + duration
                return switchings
            elapsed += step
            self.time = start + elapsed
            if step > 0:  # a step of 0 means that a threshold was moved past the voltage: keep the voltage
                self.voltage[crossed] = level[crossed]
            self.metallic[crossed] ^= True
            for i in crossed.tolist():
                metallic = bool(self.metallic[i])
                switchings.append((self.time, i, metallic))
                if on_switch is not None:
                    on_switch(i, metallic)
                self._check_thresholds(i)

    def _check_thresholds(self, i: int) -> None:
        if not self.v_hold[i] < self.v_th[i]:
            raise ValueError(
                f"v_hold must be below v_th ({float(self.v_th[i])!r} V) in oscillator {i}, "
                f"not {float(self.v_hold[i])!r} V"
            )

    def _flow_alone(self, bias: Floats, level: Floats, duration: float) -> tuple[float, NDArray[np.intp]]:
        """Advance to the first switching or to the end, in closed form: each voltage is monotonic."""
        metallic = self.metallic
        target = bias * np.where(metallic, self._parallel[1], self._parallel[0])
        away = self.voltage - target

        def after(time: float) -> Floats:
            ins, met = (math.exp(-time / tau) for tau in self._tau)
            return np.asarray(target + away * np.where(metallic, met, ins))

        voltage = after(duration)
        sign = np.where(metallic, -1.0, 1.0)
        early = sign * (self.voltage - level) > 0
        who = ((early | (sign * (voltage - level) > 0)) & ~self.fixed).nonzero()[0]
        if who.size:
            tau = np.where(metallic[who], self._tau[1], self._tau[0])
            late = ~early[who]
            times = tau * np.log(np.divide(away[who], (level - target)[who], out=np.ones(who.size), where=late))
            who = who[times == times.min()]
            duration = min(duration, float(times.min()))
            voltage = after(duration)
        self.voltage[:] = voltage
        return duration, who

    def _flow_coupled(self, bias: Floats, level: Floats, duration: float) -> tuple[float, NDArray[np.intp]]:
        """Advance to the first switching or to the end: equation 3, with the steps of equation 4."""
        rate, shape, project = self._modes()
        settled = (bias @ shape) / rate
        target = shape @ settled
        swing = shape * (project @ self.voltage - settled)
        sign = np.where(self.metallic, -1.0, 1.0)
        convex = np.maximum(sign[:, np.newaxis] * swing, 0.0)
        rate2 = rate * rate
        flat = 1e-30 * rate2[-1]  # keeps B above 0
        time = 0.0
        while True:
            decay = np.exp(-rate * time)
            distance = sign * (level - target - swing @ decay)
            speed = -sign * (swing @ (rate * decay))
            bend = convex @ (rate2 * decay) + flat
            root = np.abs(speed) + np.sqrt(speed * speed + 2 * bend * np.maximum(distance, 0.0)) + 1e-300
            steps = np.where(speed > 0, 2 * distance / root, root / bend)
            steps[distance < 0] = 0.0
            steps[self.fixed] = np.inf
            step = float(steps.min())
            near = self._resolution + 4e-16 * time
            if step <= near and time + step <= duration:
                time += step
                who = (steps <= near).nonzero()[0]
                break
            time += step
            if time >= duration:
                time, who = duration, np.empty(0, dtype=np.intp)
                break
        self.voltage[:] = target + swing @ np.exp(-rate * time)
        return time, who

    def _modes(self) -> Modes:
        """Rates ``lambda`` (per second, ascending), U and U^T M for the present pattern of states."""
        key = self.metallic.tobytes()
        modes = self._cache.pop(key, None)
        if modes is None:
            device = self.circuit.device
            own = 1 / self.circuit.series_resistance + 1 / np.where(self.metallic, device.r_met, device.r_ins)
            rate, vectors = np.linalg.eigh(self._whitener @ (self._springs + np.diag(own)) @ self._whitener)
            shape = self._whitener @ vectors
            modes = rate, shape, shape.T @ self._mass
            if len(self._cache) >= PATTERNS:
                del self._cache[next(iter(self._cache))]
        self._cache[key] = modes  # the most recently used pattern is the last
        return modes


def _vector(name: str, values: Floats | None, default: float, count: int) -> Floats:
    vector = np.full(count, default) if values is None else np.array(values, dtype=float)
    if vector.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), not {vector.shape}")
    return vector


def _laplacian(name: str, coupling: Floats | None, count: int) -> Floats:
    """Diagonal matrix of the row sums, minus the coupling matrix.

    Raises
    ------
    ValueError
        If the coupling has another shape, a negative or infinite element, or is not symmetric with a
        zero diagonal.
    """
    matrix = np.zeros((count, count)) if coupling is None else np.asarray(coupling, dtype=float)
    if matrix.shape != (count, count):
        raise ValueError(f"{name} must have shape ({count}, {count}), not {matrix.shape}")
    if not (np.isfinite(matrix) & (matrix >= 0)).all():
        raise ValueError(f"{name} must hold zeros and positive numbers, not {matrix.min()!r}")
    if np.diag(matrix).any() or not np.array_equal(matrix, matrix.T):
        raise ValueError(f"{name} must be symmetric with a zero diagonal; it is not")
    return np.asarray(np.diag(matrix.sum(axis=1)) - matrix)


def measure(
    switchings: Sequence[tuple[float, int, bool]], count: int, after: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Frequency, duty cycle and phase of each oscillator, from its switchings.

    Parameters
    ----------
    switchings : sequence of (float, int, bool)
        As returned by :meth:`OscillatorNetwork.advance`, in order of time.
    count : int
        Number of oscillators n.
    after : float
        Time before which switchings are ignored, in second.

    Returns
    -------
    frequency : ndarray of float, shape (n,)
        Mean over whole cycles, in hertz; 0 for an oscillator without a whole cycle.
    duty : ndarray of float, shape (n,)
        Fraction of these cycles in the metallic state; NaN without a whole cycle.
    phase : ndarray of float, shape (n,)
        Lead over oscillator 0 in switching on, as a circular mean, in degrees, at least 0 and below 360;
        NaN if one of the two has no whole cycle.
    """
    frequency, duty, phase = np.zeros(count), np.full(count, np.nan), np.full(count, np.nan)
    reference = np.empty(0)
    for i in range(count):
        times = [(time, metallic) for time, who, metallic in switchings if who == i and time >= after]
        on = np.array([time for time, metallic in times if metallic])
        if i == 0:
            reference = on
        if len(on) < 2:
            continue
        off = np.array([time for time, metallic in times if not metallic and on[0] < time <= on[-1]])
        frequency[i] = (len(on) - 1) / (on[-1] - on[0])
        duty[i] = (off - on[:-1]).sum() / (on[-1] - on[0])
        if len(reference) < 2:
            continue
        inside = on[(on >= reference[0]) & (on < reference[-1])]
        cycle = np.searchsorted(reference, inside, side="right") - 1
        cycles = (inside - reference[cycle]) / (reference[cycle + 1] - reference[cycle])
        if len(cycles):
            lead = -np.degrees(np.angle(np.exp(2j * np.pi * cycles).mean()))
            phase[i] = lead % 360.0 % 360.0  # twice: -1e-15 % 360 is 360
    return frequency, duty, phase
