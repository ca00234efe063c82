"""Conversion between NumPy arrays (ticks by neurons) and the rows of bits in the streams of a neuron array.

A row is one transfer: the words of `lanes` neurons, neuron 0 of the row in the lowest bits. A tick has
``ceil(count / lanes)`` rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.array import ArrayParams

__all__ = ["fold_rows", "pack_drive", "pack_state", "unpack_output", "unpack_state"]

Bytes = NDArray[np.uint8]


def _rows(params: ArrayParams, lanes: int) -> int:
    return -(-params.count // lanes)


def pack_drive(params: ArrayParams, lanes: int, drive_raw: NDArray[np.int64], absent: int = 0) -> Bytes:
    """Pack drive words into the rows of the input stream.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Lanes of the circuit, 1 to the number of neurons.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words, in raw steps of ``params.drive``.
    absent : int
        Word for the lanes without a neuron, which ignore it.

    Returns
    -------
    ndarray of uint8, shape (ticks * rows, bytes of a row)
        Little-endian.
    """
    ticks, rows, width = len(drive_raw), _rows(params, lanes), params.drive.width
    padded = np.full((ticks, rows * lanes), absent, dtype=np.int64)
    padded[:, : params.count] = drive_raw
    bits = (padded[..., None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(ticks * rows, lanes * width), axis=1, bitorder="little")


def unpack_output(params: ArrayParams, lanes: int, rows_out: Bytes) -> dict[str, NDArray[np.int64]]:
    """Unpack the rows of the output stream into a trace like that of a bit-true model.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Lanes of the circuit, 1 to the number of neurons.
    rows_out : ndarray of uint8, shape (ticks * rows, bytes of a row)
        Little-endian. Rows of an incomplete last tick are ignored.

    Returns
    -------
    dict of ndarray of int64, shape (ticks, count)
        ``spike`` (0 or 1) and every state field, in raw steps.

    Raises
    ------
    ValueError
        If the ``last`` flag is missing on the last row of a tick or set on another row, or if a lane without a neuron
        is not zero.
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
    return {"spike": spikes[:, : params.count].astype(np.int64)} | unpack_state(params, state.reshape(ticks, -1))


def unpack_state(params: ArrayParams, bits: Bytes) -> dict[str, NDArray[np.int64]]:
    """Unpack the state bits of all neurons into one array for each state field.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    bits : ndarray of uint8, shape (ticks, at least count * bits of a state)
        One bit (0 or 1) an element, neuron by neuron, in the circuit's order: first field lowest. Further bits are
        ignored.

    Returns
    -------
    dict of ndarray of int64, shape (ticks, count)
        By the name of the field, in raw steps.
    """
    width = sum(field.width for field in params.state_fields)
    state = bits[:, : params.count * width].reshape(len(bits), params.count, width)
    trace, low = {}, 0
    for field in params.state_fields:
        weights = 1 << np.arange(field.width, dtype=np.int64)
        if field.signed:
            weights[-1] = -weights[-1]
        trace[field.name] = state[:, :, low : low + field.width] @ weights
        low += field.width
    return trace


def pack_state(params: ArrayParams, lanes: int, states: Mapping[str, NDArray[np.int64]]) -> Bytes:
    """Pack state fields into the rows of the state memory; the inverse of `unpack_state`.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Lanes of the circuit, 1 to the number of neurons.
    states : mapping of str to ndarray of int64, shape (ticks, count)
        Every state field by its name, in raw steps.

    Returns
    -------
    ndarray of uint8, shape (ticks, rows, bytes of a row)
        Little-endian; lanes without a neuron are zero.
    """
    rows, fields = _rows(params, lanes), params.state_fields
    bits = np.concatenate(
        [(states[field.name][..., None] >> np.arange(field.width)) & 1 for field in fields], axis=2
    ).astype(np.uint8)
    padded = np.zeros((len(bits), rows * lanes, bits.shape[2]), dtype=np.uint8)
    padded[:, : params.count] = bits
    return np.packbits(padded.reshape(len(bits), rows, -1), axis=2, bitorder="little")


def fold_rows(params: ArrayParams, lanes: int, fields: Sequence[str], trace: Mapping[str, NDArray[np.int64]]) -> bytes:
    """Fold each row into one 32-bit word, the input of the CRC in the board's self-test.

    A row is the spikes of all lanes, then each of `fields` for all lanes. Its 32-bit pieces are rotated left, piece n
    by n bits, and combined by exclusive or: one wrong bit always changes the word.

    Parameters
    ----------
    params : ArrayParams
        Parameters of the array.
    lanes : int
        Lanes of the circuit, 1 to the number of neurons.
    fields : sequence of str
        Names of the state fields in a row, at least one.
    trace : mapping of str to ndarray of int64, shape (ticks, count)
        Trace of a bit-true model: ``spike``, and `fields` in raw steps.

    Returns
    -------
    bytes
        Four bytes a row, little-endian.
    """
    ticks, rows = len(trace["spike"]), _rows(params, lanes)
    widths = {field.name: field.width for field in params.state_fields}

    def lanes_of(name: str, width: int) -> Bytes:
        padded = np.zeros((ticks, rows * lanes), dtype=np.int64)
        padded[:, : params.count] = trace[name]
        bits = (padded[..., None] >> np.arange(width)) & 1
        return bits.astype(np.uint8).reshape(ticks * rows, lanes, width)

    spikes = lanes_of("spike", 1).reshape(ticks * rows, lanes)
    state = np.concatenate([lanes_of(name, widths[name]) for name in fields], axis=2)
    bits = np.concatenate([spikes, state.reshape(ticks * rows, -1)], axis=1)
    bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 32))).reshape(ticks * rows, -1, 32)
    folded = np.zeros((ticks * rows, 32), dtype=np.uint8)
    for piece in range(bits.shape[1]):
        folded ^= np.roll(bits[:, piece], piece, axis=1)
    return np.packbits(folded, axis=1, bitorder="little").tobytes()
