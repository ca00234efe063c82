"""What all neuron models share, and the registry of them.

A neuron called NAME is one file in each room: ``golden_model/NAME.py``, ``hdl/NAME.py``,
``sim/NAME.py``, ``tests/*/test_NAME.py``, and one line in :data:`NEURONS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEURONS", "Bound", "Field", "check_drive", "positive", "room", "run", "spike_times"]

NEURONS = {
    "lif": "leaky integrate-and-fire: a threshold switch that charges, fires and falls to V_hold",
    "relaxation_oscillator": "relaxation oscillator: a threshold switch that charges and discharges by itself",
    "hodgkin_huxley": "Hodgkin-Huxley: membrane and three gates, rates from tables",
    "neuristor": "two-channel neuristor: two threshold switches with opposite supplies, two capacitors",
    "izhikevich": "Izhikevich: two variables, and the twenty firing patterns neurons are compared by",
}
"""Every neuron model by name."""


class Field(NamedTuple):
    """One field of a neuron's state."""

    name: str
    width: int
    """Bits."""
    signed: bool


class Bound(NamedTuple):
    """The largest distance of the bit-true state from the float one, by cause, in volt."""

    rounding: float
    coefficient: float
    quantization: float

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(self)


def positive(name: str, value: float, *, zero: bool = False) -> None:
    """Check a quantity.

    Raises
    ------
    ValueError
        If `value` is not a finite number above zero (or zero, where `zero` allows it).
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        wanted = "zero or a positive number" if zero else "a positive number"
        raise ValueError(f"{name} must be {wanted}, not {value!r}")


def room(folder: str, neuron: str) -> ModuleType:
    """The module of a neuron in one folder (``golden_model``, ``hdl`` or ``sim``).

    Raises
    ------
    ValueError
        If no neuron has that name.
    """
    if neuron not in NEURONS:
        raise ValueError(f"neuron must be one of {', '.join(NEURONS)}, not {neuron!r}")
    return import_module(f"{folder}.{neuron}")


def check_drive(params: Any, drive_raw: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same array, if it is a drive of a model with these parameters.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If its kind, its shape or a word of it is wrong.
    """
    drive_raw = np.asarray(drive_raw)
    if drive_raw.dtype.kind != "i":
        raise TypeError(f"drive_raw must hold integers, not {drive_raw.dtype}")
    if drive_raw.ndim != 2 or drive_raw.shape[1] != params.count:
        raise ValueError(f"drive_raw must have shape (ticks, {params.count}), not {drive_raw.shape}")
    drive = params.drive
    if drive_raw.size and (drive_raw.min() < drive.min_raw or drive_raw.max() > drive.max_raw):
        raise OverflowError(
            f"drive_raw must be between {drive.min_raw} and {drive.max_raw}, not {drive_raw.min()} to {drive_raw.max()}"
        )
    return drive_raw.astype(np.int64, copy=False)


def run(model: Any, drive_raw: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Advance a bit-true model many ticks and keep every state bit.

    Parameters
    ----------
    model : bit-true model
    drive_raw : ndarray of int64, shape (ticks, count)

    Returns
    -------
    dict of ndarray of int64, shape (ticks, count)
        ``spike`` and each of ``params.state_fields``, after each tick.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As `check_drive`.
    """
    drive_raw = check_drive(model.params, drive_raw)
    names = [field.name for field in model.params.state_fields]
    trace = {name: np.empty(drive_raw.shape, dtype=np.int64) for name in ("spike", *names)}
    for tick, row in enumerate(drive_raw):
        trace["spike"][tick] = model.step(row)
        for name in names:
            trace[name][tick] = getattr(model, name)
    return trace


def spike_times(params: Any, trace: Mapping[str, NDArray[np.int64]]) -> list[NDArray[np.float64]]:
    """When each neuron of a bit-true trace fired, in second.

    At the end of its tick, or, where the trace has ``lag``, as many eighths before.

    Parameters
    ----------
    params : parameters of the model
    trace : mapping of ndarray of int64, shape (ticks, count)
    """
    lag = (trace["lag"] - 0.5) / 8 if "lag" in trace else np.zeros(trace["spike"].shape)
    found, dts = [], np.broadcast_to(getattr(params, "dts", params.dt), params.count)
    for neuron, fired in enumerate(trace["spike"].T.astype(bool)):
        ticks = np.flatnonzero(fired)
        found.append((ticks + 1 - lag[ticks, neuron]) * float(dts[neuron]))
    return found
