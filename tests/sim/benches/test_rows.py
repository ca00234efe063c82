"""Rows of bits against plain Python integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Shape
from numpy.typing import NDArray

from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.model import Field
from neuristor.hdl.array import drive_layout, output_layout
from neuristor.hdl.rows import pack_drive, unpack_output

SIZES = pytest.mark.parametrize(("count", "lanes"), [(1, 1), (5, 1), (5, 2), (5, 5), (6, 3), (7, 4), (9, 8)])


@dataclass(frozen=True)
class Params:
    """An array of no neuron in particular."""

    count: int
    drive: Format = Format(3, 8)
    state_fields: tuple[Field, ...] = (Field("membrane", 13, True), Field("wait", 2, False), Field("noise", 32, False))


def limits(field: Field) -> tuple[int, int]:
    """The smallest and the largest value of a field."""
    half = 1 << (field.width - 1)
    return (-half, half - 1) if field.signed else (0, 2 * half - 1)


def values(field: Field, shape: tuple[int, int], seed: int) -> NDArray[np.int64]:
    """Random values, with many at both ends."""
    rng = np.random.default_rng(seed)
    low, high = limits(field)
    made = rng.integers(low, high, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.3, rng.choice([low, high], shape), made)


def output_rows(params: Params, lanes: int, trace: dict[str, NDArray[np.int64]]) -> NDArray[np.uint8]:
    """The rows that a circuit sends for a trace, put together from Python integers."""
    rows, width = -(-params.count // lanes), sum(field.width for field in params.state_fields)
    size = (1 + lanes + lanes * width + 7) // 8
    data = b""
    for tick in range(len(trace["spike"])):
        for row in range(rows):
            word = int(row == rows - 1)
            for lane, neuron in enumerate(range(row * lanes, min((row + 1) * lanes, params.count))):
                word |= int(trace["spike"][tick, neuron]) << (1 + lane)
                low = 1 + lanes + lane * width
                for field in params.state_fields:
                    word |= (int(trace[field.name][tick, neuron]) & ((1 << field.width) - 1)) << low
                    low += field.width
            data += word.to_bytes(size, "little")
    return np.frombuffer(data, np.uint8).reshape(-1, size).copy()


def a_trace(params: Params, ticks: int) -> dict[str, NDArray[np.int64]]:
    fields = (Field("spike", 1, False), *params.state_fields)
    return {field.name: values(field, (ticks, params.count), seed) for seed, field in enumerate(fields)}


@SIZES
@pytest.mark.parametrize("width", [2, 8, 11, 16, 25, 48])
def test_drive_rows_are_the_words_in_order(count: int, lanes: int, width: int) -> None:
    params = Params(count, Format(2, width - 2))
    drive = values(Field("drive", width, True), (6, count), seed=width)
    packed = pack_drive(params, lanes, drive)
    rows = -(-count // lanes)
    assert packed.shape == (6 * rows, -(-lanes * width // 8))
    for number, row in enumerate(packed):
        word = int.from_bytes(row.tobytes(), "little")
        for lane in range(lanes):
            tick, neuron = number // rows, number % rows * lanes + lane
            value = int(drive[tick, neuron]) if neuron < count else 0
            assert (word >> (lane * width)) & ((1 << width) - 1) == value & ((1 << width) - 1)
        assert word >> (lanes * width) == 0


@SIZES
def test_trace_survives_the_way_through_rows(count: int, lanes: int) -> None:
    params = Params(count)
    trace = a_trace(params, ticks=12)
    got = unpack_output(params, lanes, output_rows(params, lanes, trace))
    assert list(got) == ["spike", "membrane", "wait", "noise"]
    for name, wanted in trace.items():
        assert got[name].dtype == np.int64
        np.testing.assert_array_equal(got[name], wanted)


@pytest.mark.parametrize("width", [1, 2, 7, 31, 32, 33, 48, 63])
@pytest.mark.parametrize("signed", [True, False])
def test_fields_of_any_width_keep_their_sign(width: int, signed: bool) -> None:
    params = Params(3, state_fields=(Field("before", 3, False), Field("it", width, signed), Field("after", 5, True)))
    trace = a_trace(params, ticks=20)
    got = unpack_output(params, 2, output_rows(params, 2, trace))
    for name, wanted in trace.items():
        np.testing.assert_array_equal(got[name], wanted)
    assert (got["it"].min() < 0) is np.bool_(signed)


def test_rows_are_as_wide_as_the_ports_of_the_circuit() -> None:
    for count, lanes in ((1, 1), (5, 2), (9, 8)):
        params = Params(count)
        trace = a_trace(params, ticks=1)
        for layout, rows in (
            (drive_layout(params, lanes), pack_drive(params, lanes, np.zeros((1, count), np.int64))),
            (output_layout(params, lanes), output_rows(params, lanes, trace)),
        ):
            assert rows.shape[1] == -(-Shape.cast(layout).width // 8)


@pytest.mark.parametrize("row", [0, 1, 2, 5, 11])
def test_misplaced_last_is_refused(row: int) -> None:
    params = Params(5)  # rows 2, 5, 8 and 11 are the last ones of a tick
    rows = output_rows(params, 2, a_trace(params, ticks=4))
    rows[row, 0] ^= 1
    with pytest.raises(ValueError, match="rows are out of step: `last` is not on the last row of every tick"):
        unpack_output(params, 2, rows)


def test_lost_row_is_refused() -> None:
    params = Params(5)
    rows = output_rows(params, 2, a_trace(params, ticks=4))
    with pytest.raises(ValueError, match="rows are out of step"):
        unpack_output(params, 2, np.delete(rows, 4, axis=0))


@pytest.mark.parametrize("bit", [2, 3 + 47, 3 + 60, 3 + 2 * 47 - 1])
def test_lane_without_a_neuron_must_be_zero(bit: int) -> None:
    params = Params(5)  # lane 1 of the third row: spike in bit 2, state in bits 50 to 96
    rows = output_rows(params, 2, a_trace(params, ticks=4))
    rows[5, bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ValueError, match="a lane without a neuron gives something other than zero"):
        unpack_output(params, 2, rows)
