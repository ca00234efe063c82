from __future__ import annotations

import apytypes
import numpy as np
import pytest
from apytypes import OverflowMode, QuantizationMode

from neuristor.golden_model.fixed import Format, floor_shift, round_shift, saturate, select, wrap


def judge(raw: np.ndarray, n: int, width: int, quantization: QuantizationMode, overflow: OverflowMode) -> list[int]:
    """The same operation by apytypes: raw integers with `n` fraction bits, cast to integers of `width` bits."""
    array = apytypes.APyFixedArray(raw.tolist(), int_bits=64 - n, frac_bits=n)
    cast = array.cast(int_bits=width, frac_bits=0, quantization=quantization, overflow=overflow)
    return [int(value) for value in cast.to_numpy()]


def values(width: int) -> np.ndarray:
    """All values of a small width; corners and seeded ones of a large width."""
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    if width <= 10:
        return np.arange(low, high + 1, dtype=np.int64)
    rng = np.random.default_rng(width)
    corners = [low, low + 1, -1, 0, 1, high - 1, high]
    return np.concatenate([rng.integers(low, high, 2000, endpoint=True), np.array(corners)])


@pytest.mark.parametrize("width", [2, 5, 8, 10, 24, 48])
@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_shifts_agree_with_an_independent_library(width: int, n: int) -> None:
    raw = values(width)
    assert floor_shift(raw, n).tolist() == judge(raw, n, 52, QuantizationMode.TRN, OverflowMode.WRAP)
    assert round_shift(raw, n).tolist() == judge(raw, n, 52, QuantizationMode.RND, OverflowMode.WRAP)


@pytest.mark.parametrize("width", [2, 5, 8, 10, 24, 48])
@pytest.mark.parametrize("to", [2, 4, 9, 17])
def test_saturate_and_wrap_agree_with_an_independent_library(width: int, to: int) -> None:
    raw = values(width)
    low, high = -(1 << (to - 1)), (1 << (to - 1)) - 1
    assert saturate(raw, low, high).tolist() == judge(raw, 0, to, QuantizationMode.TRN, OverflowMode.SAT)
    assert wrap(raw, to).tolist() == judge(raw, 0, to, QuantizationMode.TRN, OverflowMode.WRAP)


def test_integers_and_arrays_give_the_same() -> None:
    raw = values(10)
    for n in (0, 1, 4):
        assert [round_shift(value, n) for value in raw.tolist()] == round_shift(raw, n).tolist()
    assert [saturate(value, -8, 7) for value in raw.tolist()] == saturate(raw, -8, 7).tolist()
    assert [wrap(value, 4) for value in raw.tolist()] == wrap(raw, 4).tolist()


def test_select_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="no rule for a condition of type str"):
        select("yes", 1, 0)


def test_quantize_rounds_halves_up_and_goes_back() -> None:
    fmt = Format(3, 2)
    assert fmt.quantize([0.125, -0.125, 0.374, -4.0, 3.75]).tolist() == [1, 0, 1, -16, 15]
    raw = np.arange(fmt.min_raw, fmt.max_raw + 1)
    assert fmt.quantize(fmt.value(raw)).tolist() == raw.tolist()
    assert (fmt.width, fmt.min, fmt.max, fmt.resolution) == (5, -4.0, 3.75, 0.25)


@pytest.mark.parametrize("value", [3.875, 4.0, -4.2, 1e300])
def test_quantize_refuses_what_does_not_fit(value: float) -> None:
    with pytest.raises(OverflowError, match=r"drive must be between -4 and 3.75 with word = \[3, 2\], not"):
        Format(3, 2).quantize([0.0, value], "drive")


def test_quantize_refuses_nan() -> None:
    with pytest.raises(ValueError, match="drive must be finite"):
        Format(3, 2).quantize([0.0, float("nan")], "drive")


@pytest.mark.parametrize(
    ("bits", "error", "message"),
    [
        ((1, 0), ValueError, "between 2 and 48, not 1 [+] 0"),
        ((9, -1), ValueError, "frac_bits must not be negative, not -1"),
        ((3, 2.0), TypeError, "frac_bits must be an integer, not 2.0"),
        ((30, 30), ValueError, "between 2 and 48"),
    ],
)
def test_format_refuses(bits: tuple[int, int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Format(*bits)
