"""Between arrays of ticks and neurons, and the rows of bits that the circuit's streams carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdl.array import ArrayParams

__all__ = ["pack_drive", "unpack_output"]

Bytes = NDArray[np.uint8]


def _rows(params: ArrayParams, lanes: int) -> int:
    return -(-params.count // lanes)


def pack_drive(params: ArrayParams, lanes: int, drive_raw: NDArray[np.int64]) -> Bytes:
    """Drive words as the rows of the input stream.

    Parameters
    ----------
    params : ArrayParams
    lanes : int
    drive_raw : ndarray of int64, shape (ticks, count)

    Returns
    -------
    ndarray of uint8, shape (ticks * rows, bytes of a row)
        Little-endian.
    """
    ticks, rows, width = len(drive_raw), _rows(params, lanes), params.drive.width
    padded = np.zeros((ticks, rows * lanes), dtype=np.int64)
    padded[:, : params.count] = drive_raw
    bits = (padded[..., None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(ticks * rows, lanes * width), axis=1, bitorder="little")


def unpack_output(params: ArrayParams, lanes: int, rows_out: Bytes) -> dict[str, NDArray[np.int64]]:
    """Rows of the output stream as the trace a bit-true model gives.

    Parameters
    ----------
    params : ArrayParams
    lanes : int
    rows_out : ndarray of uint8, shape (ticks * rows, bytes of a row)

    Returns
    -------
    dict of ndarray of int64, shape (ticks, count)
        ``spike`` and every state field.

    Raises
    ------
    ValueError
        If the ``last`` flag does not stand on every last row of a tick and nowhere else, or a lane
        without a neuron is not zero.
    """
    rows = _rows(params, lanes)
    ticks = len(rows_out) // rows
    width = sum(field.width for field in params.state_fields)
    size = 1 + lanes + lanes * width
    bits = np.unpackbits(rows_out[: ticks * rows], axis=1, bitorder="little")[:, :size]
    last = bits[:, 0].reshape(ticks, rows)
    if np.any(last[:, :-1]) or not np.all(last[:, -1]):
        raise ValueError("the circuit's rows are out of step: `last` is not on the last row of every tick")
    spikes = bits[:, 1 : 1 + lanes].reshape(ticks, rows * lanes)
    state = bits[:, 1 + lanes :].reshape(ticks, rows * lanes, width)
    if spikes[:, params.count :].any() or state[:, params.count :].any():
        raise ValueError("a lane without a neuron gives something other than zero")
    trace = {"spike": spikes[:, : params.count].astype(np.int64)}
    low = 0
    for field in params.state_fields:
        weights = 1 << np.arange(field.width, dtype=np.int64)
        if field.signed:
            weights[-1] = -weights[-1]
        trace[field.name] = state[:, : params.count, low : low + field.width] @ weights
        low += field.width
    return trace
