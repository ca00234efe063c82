from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Shape, Signal, Value, signed, unsigned
from amaranth.sim import Simulator

from neuristor.golden_model import fixed as golden
from neuristor.hdl import fixed


def evaluate(function: Callable[[Value], Any], shape: Shape, values: list[int]) -> list[int]:
    """What a combinational function gives for each value, in Amaranth's simulator."""
    m = Module()
    x = Signal(shape)
    result = function(x)
    y = Signal(Value.cast(result).shape())
    m.d.comb += y.eq(result)
    out: list[int] = []

    async def testbench(ctx: Any) -> None:
        for value in values:
            ctx.set(x, value)
            out.append(ctx.get(y))

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
    return out


def samples(width: int, is_signed: bool) -> list[int]:
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)
    if width <= 7:
        return list(range(low, high + 1))
    rng = np.random.default_rng(width)
    return [*rng.integers(low, high, 300, endpoint=True).tolist(), low, low + 1, 0, 1, high - 1, high]


SHAPES = [(width, is_signed) for width in (2, 3, 7, 17, 40) for is_signed in (True, False)]


@pytest.mark.parametrize(("width", "is_signed"), SHAPES)
@pytest.mark.parametrize("n", [0, 1, 2, 5, 8])
def test_shifts_give_the_bits_of_the_model(width: int, is_signed: bool, n: int) -> None:
    shape, values = Shape(width, is_signed), samples(width, is_signed)
    for name in ("floor_shift", "round_shift"):
        twin, model = getattr(fixed, name), getattr(golden, name)
        assert evaluate(lambda x: twin(x, n), shape, values) == [model(value, n) for value in values]  # noqa: B023
    for sign in (1, -1):
        expected = [sign * value + golden.round_shift(value, n) for value in values]
        assert evaluate(lambda x: fixed.round_add(sign * x if sign < 0 else x, x, n), shape, values) == expected  # noqa: B023


@pytest.mark.parametrize(("width", "is_signed"), SHAPES)
@pytest.mark.parametrize("to", [2, 3, 6, 18])
def test_saturate_and_wrap_give_the_bits_of_the_model(width: int, is_signed: bool, to: int) -> None:
    shape, values = Shape(width, is_signed), samples(width, is_signed)
    low, high = -(1 << (to - 1)), (1 << (to - 1)) - 1
    clamped = [golden.saturate(value, low, high) for value in values]
    assert evaluate(lambda x: fixed.saturate(x, to)[0], shape, values) == clamped
    assert evaluate(lambda x: fixed.saturate(x, to)[1], shape, values) == [
        int(value != inside) for value, inside in zip(values, clamped, strict=True)
    ]
    assert evaluate(lambda x: fixed.wrap(x, to), shape, values) == [golden.wrap(value, to) for value in values]


def test_the_model_itself_runs_on_circuit_values() -> None:
    """The generic functions take Amaranth values, as the proofs need."""
    values = samples(7, True)
    shape = signed(7)
    assert evaluate(lambda x: golden.round_shift(x, 3), shape, values) == [golden.round_shift(v, 3) for v in values]
    assert evaluate(lambda x: golden.wrap(x, 4), shape, values) == [golden.wrap(v, 4) for v in values]
    assert evaluate(lambda x: golden.saturate(x, -5, 9), shape, values) == [golden.saturate(v, -5, 9) for v in values]
    assert fixed.shape(golden.Format(3, 5)) == signed(8)
    assert unsigned(3).width == 3


def test_lookup_reads_the_table_in_every_kind_of_value() -> None:
    table = tuple(int(v) for v in np.random.default_rng(4).integers(-500, 500, 32))
    entries = list(range(32))
    assert evaluate(lambda x: golden.lookup(x, table), unsigned(5), entries) == list(table)
    assert [golden.lookup(n, table) for n in entries] == list(table)
    assert golden.lookup(np.array(entries), table).tolist() == list(table)
    with pytest.raises(TypeError, match="lookup has no rule for an index of type str"):
        golden.lookup("1", table)
