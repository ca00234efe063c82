"""The scoreboard: compares two traces, and reports the first difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "compare"]

Trace = Mapping[str, NDArray[np.int64]]
AROUND = 4
"""Ticks shown before and after a difference."""


@dataclass(frozen=True)
class Difference:
    """The first difference between two traces."""

    tick: int
    """Number of the tick."""
    neuron: int
    """Number of the neuron."""
    field: str
    """Name of the state field, or ``spike``."""
    expected: int
    """Raw value in the model."""
    got: int
    """Raw value in the circuit."""
    waveform: str
    """Table of the neuron's fields around that tick."""

    def __str__(self) -> str:
        return (
            f"neuron {self.neuron} differs at tick {self.tick}: {self.field} is {self.got}, "
            f"expected {self.expected}\n{self.waveform}"
        )


def compare(expected: Trace, got: Trace, first_tick: int = 0) -> Difference | None:
    """Compare every field of every neuron at every tick.

    Parameters
    ----------
    expected, got : dict of ndarray of int64, shape (ticks, count)
        Traces of the bit-true model and of the circuit: ``spike`` and the state fields, in raw values.
    first_tick : int
        Number of the first tick of these traces, for the message.

    Returns
    -------
    Difference or None
        The first in time; None if the traces are equal.

    Raises
    ------
    ValueError
        If the traces have different fields or shapes, or no tick.
    """
    if expected.keys() != got.keys():
        raise ValueError(f"the circuit gives {', '.join(got)}; the model gives {', '.join(expected)}")
    for name, values in expected.items():
        if values.shape != got[name].shape:
            raise ValueError(f"the circuit gives {got[name].shape} values of {name}, the model {values.shape}")
        if values.size == 0:
            raise ValueError("there is no tick to compare")
    unequal = {name: values != got[name] for name, values in expected.items()}
    any_field = np.logical_or.reduce(list(unequal.values()))
    if not any_field.any():
        return None
    tick = int(np.argmax(any_field.any(axis=1)))
    neuron = int(np.argmax(any_field[tick]))
    field = next(name for name, where in unequal.items() if where[tick, neuron])
    return Difference(
        tick=first_tick + tick,
        neuron=neuron,
        field=field,
        expected=int(expected[field][tick, neuron]),
        got=int(got[field][tick, neuron]),
        waveform=_waveform(expected, got, tick, neuron, first_tick),
    )


def _waveform(expected: Trace, got: Trace, tick: int, neuron: int, first_tick: int) -> str:
    ticks = range(max(0, tick - AROUND), min(len(expected["spike"]), tick + AROUND + 1))
    rows = [["tick", *(f"{first_tick + t}{'*' if t == tick else ''}" for t in ticks)]]
    for name in expected:
        rows.append([f"{name} expected", *(str(expected[name][t, neuron]) for t in ticks)])
        rows.append([f"{name} got", *(str(got[name][t, neuron]) for t in ticks)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)
