"""Variability of the devices of an array: from device to device, from cycle to cycle, and faulty devices."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.checks import positive
from neuristor.golden_model.noise import MASK

__all__ = ["DEAD", "HEALTHY", "STUCK_OFF", "STUCK_ON", "Variability"]

HEALTHY, STUCK_OFF, STUCK_ON, DEAD = range(4)
"""State of a device: it switches; it stays insulating; it stays metallic; it is not connected."""


@dataclass(frozen=True, kw_only=True)
class Variability:
    """Variability of an array of devices.

    Parameters
    ----------
    threshold_d2d, hold_d2d : float
        Device-to-device standard deviation of V_th and of V_hold, as a fraction of their mean, 0 to 0.5.
    threshold_c2c, hold_c2c : float
        Cycle-to-cycle standard deviation of V_th and of V_hold, as a fraction of their mean, 0 to 0.5.
    stuck_on, stuck_off, dead : float
        Fractions of the devices that stay metallic, stay insulating, or are not connected, 0 to 1;
        together at most 1. The fraction of the array is rounded to whole devices; the seed selects them.
    current_d2d : float
        Device-to-device standard deviation of a constant current added to the input, in ampere, 0 or more.
    current_noise : float
        Standard deviation of a random current added to the input, new in each time step, in ampere, 0 or
        more.
    seed : int
        Seed of all random numbers, 0 to 2**32 - 1.
    v_th, v_hold : tuple of float
        Measured V_th and V_hold of each device, in volt; drawn from the spread when empty.
    parameters : tuple of (str, float)
        Device-to-device standard deviation of parameters of a model from equations, by name, as a fraction of their
        mean, 0 to below 1; others have that of the model's file.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    threshold_d2d: float = 0.0
    hold_d2d: float = 0.0
    threshold_c2c: float = 0.0
    hold_c2c: float = 0.0
    stuck_on: float = 0.0
    stuck_off: float = 0.0
    dead: float = 0.0
    current_d2d: float = 0.0
    current_noise: float = 0.0
    seed: int = 1
    v_th: tuple[float, ...] = ()
    v_hold: tuple[float, ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("threshold_d2d", "hold_d2d", "threshold_c2c", "hold_c2c"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name} must be between 0 and 0.5, not {getattr(self, name)!r}")
        for name in ("stuck_on", "stuck_off", "dead"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)!r}")
        for name in ("current_d2d", "current_noise"):
            positive(name, getattr(self, name), zero=True)
        if self.stuck_on + self.stuck_off + self.dead > 1 + 1e-12:
            total = self.stuck_on + self.stuck_off + self.dead
            raise ValueError(f"stuck_on, stuck_off and dead must together be at most 1, not {total!r}")
        if not isinstance(self.seed, int) or not 0 <= self.seed <= MASK:
            raise ValueError(f"seed must be an integer between 0 and 2**32 - 1, not {self.seed!r}")
        for name, value in self.parameters:
            if not 0 <= value < 1:
                raise ValueError(f"parameters: the spread of {name} must be from 0 to below 1, not {value!r}")
        for name, spread in (("v_th", "threshold_d2d"), ("v_hold", "hold_d2d")):
            for value in getattr(self, name):
                positive(name, value)
            if getattr(self, name) and getattr(self, spread):
                raise ValueError(f"{spread} must be 0 for devices whose {name} is measured")

    def thresholds(self, mean: float, count: int) -> NDArray[np.float64]:
        """V_th of each device.

        Parameters
        ----------
        mean : float
            Mean V_th, in volt.
        count : int
            Number of devices.

        Returns
        -------
        ndarray of float, shape (count,)
            In volt.
        """
        if self.v_th:
            return self._measured("v_th", count)
        return mean * (1 + self.threshold_d2d * np.random.default_rng(self.seed).standard_normal(count))

    def holds(self, mean: float, count: int) -> NDArray[np.float64]:
        """V_hold of each device.

        Parameters
        ----------
        mean : float
            Mean V_hold, in volt.
        count : int
            Number of devices.

        Returns
        -------
        ndarray of float, shape (count,)
            In volt.
        """
        if self.v_hold:
            return self._measured("v_hold", count)
        return mean * (1 + self.hold_d2d * np.random.default_rng([self.seed, 1]).standard_normal(count))

    def _measured(self, name: str, count: int) -> NDArray[np.float64]:
        values = np.array(getattr(self, name))
        if len(values) != count:
            raise ValueError(f"{name} must have a value for each of the {count} devices, not {len(values)}")
        return values

    def currents(self, count: int) -> NDArray[np.float64]:
        """Constant current added to the input of each device.

        Parameters
        ----------
        count : int
            Number of devices.

        Returns
        -------
        ndarray of float, shape (count,)
            In ampere.
        """
        return self.current_d2d * np.random.default_rng([self.seed, 3]).standard_normal(count)

    def only(self, model: str, *known: str) -> None:
        """Check that only variability that a neuron model supports is set.

        Parameters
        ----------
        model : str
            Name of the model, for the message.
        *known : str
            Names of the parameters that the model supports.

        Raises
        ------
        ValueError
            If another parameter is not zero.
        """
        for field in fields(self):
            measured = {"v_th": "threshold_d2d", "v_hold": "hold_d2d"}.get(field.name)
            if field.name == "parameters" not in known and self.parameters:
                raise ValueError(f"parameters must be left out: {model} is no model from equations")
            if field.name not in (*known, "seed") and measured not in known and getattr(self, field.name):
                raise ValueError(f"{field.name} must be 0 in the model {model}, not {getattr(self, field.name)!r}")

    def faults(self, count: int) -> NDArray[np.int64]:
        """State of each device: `HEALTHY`, `STUCK_OFF`, `STUCK_ON` or `DEAD`.

        Parameters
        ----------
        count : int
            Number of devices.

        Returns
        -------
        ndarray of int64, shape (count,)
            One code for each device.
        """
        codes = np.zeros(count, dtype=np.int64)
        first = 0
        for code, fraction in ((STUCK_ON, self.stuck_on), (STUCK_OFF, self.stuck_off), (DEAD, self.dead)):
            many = min(round(fraction * count), count - first)
            codes[first : first + many] = code
            first += many
        if first:
            np.random.default_rng([self.seed, 2]).shuffle(codes)
        return codes
