"""Oscillator networks as phase equations: what a network of phase oscillators is, without ticks and words.

Kuramoto's model with injection at twice the frequency (SHIL). Time t is in periods of the common frequency, phases
theta in radian, relative to it::

    dtheta_i/dt = 2 pi d_i + K sum_j w_ij sin(theta_j - theta_i) - K_s sin(2 theta_i) + s xi_i(t)     (1)

Without noise an adaptive Runge-Kutta method solves it, with noise the method of Euler and Maruyama.

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

from neuristor.golden_model.neurons.neuron import positive

__all__ = ["Kuramoto"]

Floats = NDArray[np.float64]
STEPS = 64
"""Of a period, with noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kuramoto:
    """A network of phases: equation 1.

    Parameters
    ----------
    weights : ndarray, shape (count, count)
        ``weights[i, j]``: what oscillator i feels of oscillator j.
    strength : float
        K times the largest sum of ``|w|`` that one oscillator feels, in radian a period.
    injection : float
        K_s, in radian a period; 0 for none.
    detuning : array_like, shape (count,), optional
        d: how much faster each oscillator is, as a part of its frequency.
    noise : float
        s, in radian a square root of a period.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If a shape is wrong, or a number is not finite or below zero.
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
        """Let the phases move.

        Parameters
        ----------
        phases : array_like, shape (trials, count)
            In radian.
        periods : int

        Returns
        -------
        ndarray, shape (periods + 1, trials, count)
            The phases after each period, in radian.
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
