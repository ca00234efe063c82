"""Inputs at the corners: extreme words, the levels that matter to the model, and lanes without a neuron."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.rows import pack_drive
from neuristor.sim.benches.case import Case

__all__ = ["corner_drive", "corner_rows"]

HELD = 15
"""Ticks for which a level is held, so that membranes can settle there."""
LEVELS = 8
"""Levels for each neuron, one after the other."""


def corner_drive(case: Case) -> NDArray[np.int64]:
    """Inputs at both ends of their word, at zero, at the model's `input_levels`, and one step beside each.

    Parameters
    ----------
    case : Case
        The array.

    Returns
    -------
    ndarray of int64, shape (ticks, count)
        Words on the grid of ``params.drive``, the same in each call.
    """
    params, rng = case.params, np.random.default_rng(1)
    lowest, highest = params.drive.min_raw, params.drive.max_raw
    around = np.array([lowest, highest, 0, *case.neuron.model.input_levels(params)])
    corners = np.unique(np.clip([around - 1, around, around + 1], lowest, highest).astype(np.int64))
    return np.repeat(rng.choice(corners, (LEVELS, params.count)), HELD, axis=0)


def corner_rows(case: Case, drive_raw: NDArray[np.int64], tick: int) -> NDArray[np.uint8]:
    """Pack the input of one tick; lanes without a neuron receive the ends of the word, which must not show.

    Parameters
    ----------
    case : Case
        The array.
    drive_raw : ndarray of int64, shape (ticks, count)
        From `corner_drive`.
    tick : int
        Number of the tick.

    Returns
    -------
    ndarray of uint8, shape (rows, bytes of a row)
        As from ``neuristor.hdl.rows.pack_drive``.
    """
    drive = case.params.drive
    absent = drive.max_raw if tick // HELD % 2 else drive.min_raw
    return pack_drive(case.params, case.lanes, drive_raw[tick : tick + 1], absent)
