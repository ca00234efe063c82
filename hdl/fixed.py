"""The fixed-point functions of ``neuristor.golden_model.fixed`` as circuits: same names, same bits.

They are written independently of the model, with slices and sign bits, so that agreement of the two is evidence.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Mux, Value, ValueCastable, signed

import neuristor.golden_model.fixed
from neuristor.golden_model.fixed import Format

__all__ = ["floor_shift", "round_add", "round_shift", "saturate", "shape", "wrap"]


@neuristor.golden_model.fixed.select.register(Value)
@neuristor.golden_model.fixed.select.register(ValueCastable)
def _(condition: Value, if_true: Any, if_false: Any) -> Value:
    return Mux(condition, if_true, if_false)


@neuristor.golden_model.fixed.lookup.register(Value)
@neuristor.golden_model.fixed.lookup.register(ValueCastable)
def _(index: Value, table: tuple[int, ...]) -> Value:
    return Value.cast(Array(table)[index])


def shape(fmt: Format) -> signed:  # type: ignore[valid-type]
    """The Amaranth shape of a number format.

    Parameters
    ----------
    fmt : Format
        The fixed-point format.

    Returns
    -------
    Shape
        Signed, of ``fmt.width`` bits.
    """
    return signed(fmt.width)


def floor_shift(value: Value, n: int) -> Value:
    """Drop the `n` lowest bits, rounding towards minus infinity.

    Parameters
    ----------
    value : Value
        Signed or unsigned.
    n : int
        Bits to drop, not negative.

    Returns
    -------
    Value
        ``floor(value / 2**n)``, signed as `value` is.
    """
    if n >= len(value):
        return value >> n
    return value[n:].as_signed() if value.shape().signed else value[n:]


def round_shift(value: Value, n: int) -> Value:
    """Drop the `n` lowest bits, rounding to the nearest, halves up: floor, plus the highest dropped bit.

    Parameters
    ----------
    value : Value
        Signed or unsigned.
    n : int
        Bits to drop, not negative.

    Returns
    -------
    Value
        ``floor(value / 2**n + 1/2)``, signed as `value` is.
    """
    if n == 0:
        return value
    if n > len(value):
        return floor_shift(value, n) + (value[-1] if value.shape().signed else 0)
    return floor_shift(value, n) + value[n - 1]


def round_add(base: Value, value: Value, n: int) -> Value:
    """``base + round_shift(value, n)`` with a single carry chain: half a step is appended below `base`.

    Parameters
    ----------
    base : Value
        What is added to; signed or unsigned.
    value : Value
        What is rounded and added.
    n : int
        Bits to drop from `value`, not negative.

    Returns
    -------
    Value
        The sum, wide enough for every result.
    """
    if n == 0 or n > len(value):
        return base + round_shift(value, n)
    beside = Cat(Const(1, 1), base)
    return floor_shift(floor_shift(value, n - 1) + (beside.as_signed() if base.shape().signed else beside), 1)


def saturate(value: Value, width: int) -> tuple[Value, Value]:
    """Clamp to a signed word of `width` bits.

    Parameters
    ----------
    value : Value
        Signed or unsigned.
    width : int
        Bits of the result, the sign counted.

    Returns
    -------
    clamped : Value, signed(width)
    clipped : Value, unsigned(1)
        Whether the value was outside the range.
    """
    signed_value = value if value.shape().signed else Cat(value, Const(0, 1)).as_signed()
    if len(signed_value) <= width:
        return signed_value, Const(0, 1)
    above = signed_value[width - 1 :]
    clipped = above.any() & ~above.all()
    sign = signed_value[-1]
    edge = Cat(sign.replicate(width - 1) ^ ((1 << (width - 1)) - 1), sign)
    return Mux(clipped, edge, signed_value[:width]).as_signed(), clipped


def wrap(value: Value, width: int) -> Value:
    """Keep the lowest `width` bits, as a signed number.

    Parameters
    ----------
    value : Value
        Signed or unsigned.
    width : int
        Bits of the result, the sign counted.

    Returns
    -------
    Value, signed(width)
        `value` modulo ``2**width``.
    """
    if len(value) < width:
        value = Cat(value, (value[-1] if value.shape().signed else Const(0, 1)).replicate(width - len(value)))
    return value[:width].as_signed()
