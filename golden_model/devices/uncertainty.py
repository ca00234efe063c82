"""Values with their uncertainty, and the statistics of a quantity over cycles or devices.

Every `Value` has a sigma such that the true value is within two of them in at least 95 % of cases:
sigma is half of a 98 % confidence interval (1.16 standard errors; more for few cycles, by Student's t).
The calibration of the instrument, and a drift over the cycles, are not included.

A quantity may be known only on a grid, such as a threshold voltage in the steps of a sweep. With n
values of standard deviation s, and steps of width h, the error of the mean has two parts::

    sampling          t s / sqrt(n)          with s at least h / sqrt(12)                     (1)
    discretisation    h sqrt(sum_k exp(-(2 pi k sigma / h)^2) / (2 pi^2 k^2))                 (2)

with t half of Student's 98 % interval, in standard errors. The second part is ``h / sqrt(12)`` when all
values fall into the same step, so that averaging does not help. It vanishes when they spread by more
than a step. In equation 2, sigma is the standard deviation without that of the steps:
``sigma^2 = s^2 - h^2 / 12``.

References
----------
For equation 2: B. Widrow and I. Kollar, "Quantization Noise", Cambridge, 2008.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

__all__ = ["Value", "average", "standard_deviation", "student"]


@dataclass(frozen=True)
class Value:
    """A result: the true value is within two `sigma` of `value` in at least 95 % of cases."""

    value: float
    """In `unit`."""
    sigma: float
    """Uncertainty, in `unit`."""
    unit: str
    """SI unit without prefix, such as ``V`` or ``ohm``; mV/dec for a slope; empty for a ratio."""

    def __str__(self) -> str:
        return f"{self.value:.5g} +- {self.sigma:.2g} {self.unit}".rstrip()


def average(values: Sequence[float], unit: str, *, step: float = 0.0) -> tuple[Value, Value | None]:
    """Mean and standard deviation of a quantity over cycles or devices.

    Parameters
    ----------
    values : sequence of float
        One value for each cycle or device, in the unit; at least one.
    unit : str
        Unit of the results.
    step : float
        Width h of the grid on which each value is known, in the unit; 0 for exact values.

    Returns
    -------
    mean : Value
        Its uncertainty is that of equations 1 and 2.
    spread : Value or None
        Standard deviation, without that of the grid; None for a single value.
    """
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Value(mean, step / math.sqrt(12), unit), None
    s = float(np.std(values, ddof=1))
    sigma = math.sqrt(max(0.0, s**2 - step**2 / 12))
    bias = 0.0
    if step > 0:
        k = np.arange(1, 200)
        bias = step * math.sqrt(float(np.sum(np.exp(-((2 * np.pi * k * sigma / step) ** 2)) / (2 * (np.pi * k) ** 2))))
    # If all cycles fall into one step by chance, they may still spread by as much as the step.
    error = math.hypot(student(n - 1) * max(s, step / math.sqrt(12)) / math.sqrt(n), bias)
    return Value(mean, error, unit), standard_deviation(s, n, step**2 / 12, bias, unit)


def student(dof: int) -> float:
    """Half of the 98 % interval of Student's t distribution, in standard errors.

    Parameters
    ----------
    dof : int
        Degrees of freedom, at least 1.
    """
    return float(special.stdtrit(dof, 0.99)) / 2


def standard_deviation(s: float, n: int, other: float, bias: float, unit: str) -> Value:
    """A standard deviation without the part of another source, with the limits of chi-squared.

    Parameters
    ----------
    s : float
        Standard deviation of the values.
    n : int
        Number of values, at least 2.
    other : float
        Variance of the other source, which is subtracted.
    bias : float
        Further uncertainty of the result, which is added in quadrature.
    unit : str
        Unit of `s` and of the result.
    """
    low, value, high = (
        math.sqrt(max(0.0, variance - other))
        for variance in (
            (n - 1) * s**2 / float(special.chdtri(n - 1, 0.01)),
            s**2,
            (n - 1) * s**2 / float(special.chdtri(n - 1, 0.99)),
        )
    )
    return Value(value, math.hypot(max(high - value, value - low) / 2, bias), unit)
