"""Waveforms as VCD files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from vcd import VCDWriter

from neuristor.version import __version__

__all__ = ["Waves", "changes", "write_vcd"]

Waves = Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Ticks, shape (n,), and values, shape (n, neurons), of each signal; ``spike`` is one bit wide."""

_UNITS = (("1 ms", 1e-3), ("1 us", 1e-6), ("1 ns", 1e-9), ("1 ps", 1e-12), ("1 fs", 1e-15))


def write_vcd(path: Path, waves: Waves, dt: float) -> None:
    """Write waveforms as a VCD file; the same waveforms give the same bytes.

    Parameters
    ----------
    path : Path
        The file.
    waves : mapping of str to (ndarray, ndarray)
        Ticks, shape (n,), and values, shape (n, neurons), of each signal.
    dt : float
        Time step (tick), in second; if it is 0, a tick is written as 1 ns.
    """
    unit, per_tick = _timescale(dt)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        changes(VCDWriter(file, timescale=unit, date="", comment=f"Neuristor {__version__}"), waves, per_tick)


def _timescale(dt: float) -> tuple[str, float]:
    """A unit of time of which a tick is at least 100, and the number of units in a tick."""
    for unit, seconds in _UNITS:
        if dt >= 100 * seconds:
            return unit, dt / seconds
    return "1 ns", 1.0


def changes(writer: VCDWriter, waves: Waves, per_tick: float) -> None:
    """Write every change of every signal, in the order of time, and close the writer.

    Parameters
    ----------
    writer : VCDWriter
        The writer.
    waves : mapping of str to (ndarray, ndarray)
        Ticks, shape (n,), and values, shape (n, neurons), of each signal.
    per_tick : float
        Units of the time scale in a tick.
    """
    found = []
    for name, (ticks, values) in waves.items():
        wide = max(int(np.abs(values).max(initial=0)).bit_length() + 1, 2)
        times = [round(tick * per_tick) for tick in ticks.tolist()]
        for neuron, column in enumerate(values.T.tolist()):
            if name == "spike":
                variable = writer.register_var(name, str(neuron), "wire", size=1, init=0)
            else:
                variable = writer.register_var(name, str(neuron), "integer", size=wide, init=0)
            before = 0
            for moment, value in zip(times, column, strict=True):
                if value != before:
                    found.append((moment, variable, value))
                    before = value
    found.sort(key=lambda change: change[0])
    for moment, variable, value in found:
        writer.change(variable, moment, value)
    writer.close()
