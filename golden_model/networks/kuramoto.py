"""Oscillator networks as phase equations: the counterpart of phase oscillators in continuous time and phase.

This is Kuramoto's model with injection at twice the frequency (sub-harmonic injection locking, SHIL). Time t is in
periods of the common frequency. The phases theta, in radian, are relative to an oscillation of this frequency::

    dtheta_i/dt = 2 pi d_i + K sum_j w_ij sin(theta_j - theta_i) - K_s sin(2 theta_i) + s xi_i(t)     (1)

with d the detuning, w the weights and xi white noise. Without noise an adaptive Runge-Kutta method solves the
equation, with noise the Euler-Maruyama method.

References
----------
Y. Kuramoto, "Chemical Oscillations, Waves, and Turbulence", 1984; T. Wang and J. Roychowdhury, "OIM: oscillator-based
Ising machines for solving combinatorial optimisation problems", UCNC 2019, arXiv:1903.07163 (the term of K_s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from neuristor.golden_model.checks import positive

__all__ = ["Kuramoto"]

Floats = NDArray[np.float64]
STEPS = 64
"""Steps per period of the Euler-Maruyama method."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kuramoto:
    """A network of phases (equation 1).

    Parameters
    ----------
    weights : ndarray, shape (count, count)
        ``weights[i, j]`` is the weight w_ij from oscillator j to oscillator i; at least 2 oscillators. Only ratios of
        weights matter.
    strength : float
        K times the largest sum of ``|w_ij|`` over the inputs of one oscillator, in radian per period; above 0.
    injection : float
        K_s, in radian per period; 0 for no injection.
    detuning : array_like of float, shape (count,), optional
        d, the relative frequency deviation of each oscillator; 0 by default.
    noise : float
        s, in radian per square root of a period; 0 for no noise.
    seed : int
        Seed of the noise.

    Raises
    ------
    ValueError
        If a shape is wrong, a weight is not finite, or a number is outside its range.
    """

    weights: NDArray[np.generic]
    strength: float = 1.0
    injection: float = 0.0
    detuning: ArrayLike | None = None
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        count = len(self.weights)
        if self.weights.shape != (count, count) or count < 2:
            raise ValueError(f"weights must have shape (n, n) with n at least 2, not {self.weights.shape}")
        if not np.isfinite(np.asarray(self.weights, dtype=np.float64)).all():
            raise ValueError("weights must be finite, but they hold a NaN or an infinity")
        positive("strength", self.strength)
        positive("injection", self.injection, zero=True)
        positive("noise", self.noise, zero=True)
        if self.detuning is not None and np.shape(self.detuning) != (count,):
            raise ValueError(f"detuning must have shape ({count},), not {np.shape(self.detuning)}")

    def run(self, phases: ArrayLike, periods: int) -> Floats:
        """Integrate the phases.

        Parameters
        ----------
        phases : array_like of float, shape (trials, count)
            Initial phases, in radian.
        periods : int
            Number of periods.

        Returns
        -------
        ndarray of float, shape (periods + 1, trials, count)
            Initial phases and those after each period, in radian.

        Raises
        ------
        ValueError
            If `phases` has another shape.
        """
        begin = np.atleast_2d(np.asarray(phases, dtype=np.float64))
        if begin.ndim != 2 or begin.shape[1] != len(self.weights):
            raise ValueError(f"phases must have shape (trials, {len(self.weights)}), not {begin.shape}")
        w: Floats = np.asarray(self.weights, dtype=np.float64).T
        most = float(np.abs(w).sum(axis=0).max())
        scale = self.strength / most if most else 0.0
        drift = 0.0 if self.detuning is None else 2 * math.pi * np.asarray(self.detuning, dtype=np.float64)

        def slope(theta: Floats) -> Floats:
            sine, cosine = np.sin(theta), np.cos(theta)
            pull = cosine * (sine @ w) - sine * (cosine @ w)
            return np.asarray(drift + scale * pull - 2 * self.injection * sine * cosine)

        if not self.noise:
            solved = solve_ivp(
                lambda _, theta: slope(theta.reshape(begin.shape)).ravel(),
                (0, periods),
                begin.ravel(),
                t_eval=np.arange(periods + 1),
                rtol=1e-6,
                atol=1e-6,
            )
            return np.asarray(solved.y.T.reshape(periods + 1, *begin.shape))
        rng, theta, kept = np.random.default_rng(self.seed), begin, [begin]
        for _ in range(periods):
            for _ in range(STEPS):
                kick = rng.normal(0.0, self.noise / math.sqrt(STEPS), theta.shape)
                theta = theta + slope(theta) / STEPS + kick
            kept.append(theta)
        return np.stack(kept)
