from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned
from amaranth.sim import Simulator

from neuristor.golden_model import noise as golden
from neuristor.hdl import noise
from tests.hdl.test_fixed import evaluate


def test_functions_give_the_bits_of_the_model() -> None:
    states = [*np.random.default_rng(1).integers(1, 1 << 32, 500).tolist(), 1, golden.MASK]
    for name in ("advance", "byte_sum"):
        twin, model = getattr(noise, name), getattr(golden, name)
        assert evaluate(twin, unsigned(32), states) == [model(state) for state in states]
    draws = list(range(-510, 511))
    for scale, shift in ((0, 0), (255, 9), (128, 0), (141, 7)):
        got = evaluate(lambda x: noise.offset(x, scale, shift), signed(10), draws)  # noqa: B023
        assert got == [golden.round_shift(draw * scale, shift) for draw in draws]


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_seeds_do_not_depend_on_the_number_of_lanes(lanes: int) -> None:
    states: dict[int, int] = {}
    for lane in range(lanes):
        seeder = noise.Seeder(77, lane, lanes)

        async def testbench(ctx: Any, seeder: noise.Seeder = seeder, lane: int = lane) -> None:
            for row in range(5):
                ctx.set(seeder.load, 1)
                await ctx.tick()
                ctx.set(seeder.load, 0)
                for _ in range(golden.SEED_STEPS):
                    await ctx.tick()
                states[row * lanes + lane] = ctx.get(seeder.state)

        simulator = Simulator(seeder)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
    assert [states[n] for n in range(5 * lanes)] == [golden.first_state(77, n) for n in range(5 * lanes)]
