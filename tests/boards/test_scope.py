"""Variables at pins for an oscilloscope."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from neuristor.boards import BOARDS
from neuristor.boards.scope import Probe, check_scope, variable
from neuristor.boards.selftest import SelfTest
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue
from neuristor.hdl.neurons.relaxation_oscillator import RelaxationOscillatorArray
from neuristor.hdl.sigma_delta import SigmaDelta
from tests.samples.relaxation_oscillator import oscillator_drive, oscillator_params


@pytest.mark.parametrize("width", [1, 3])
def test_the_mean_of_the_bits_is_the_level(width: int) -> None:
    modulator = SigmaDelta(width)

    async def testbench(ctx: Any) -> None:
        for level in range(1 << width):
            ctx.set(modulator.level, level)
            await ctx.tick()
            ones = 0
            for n in range(1, 1 + 3 * (1 << width)):
                await ctx.tick()
                ones += ctx.get(modulator.bit)
                # Rounded down or up, however it began.
                assert abs(ones - n * level / (1 << width)) < 1
            assert ones == 3 * level

    simulator = Simulator(modulator)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize(("count", "lanes"), [(1, 1), (7, 2), (12, 12)])
def test_each_pin_has_the_bits_of_its_variable(vo2: Circuit, count: int, lanes: int) -> None:
    params = oscillator_params(vo2, "all", count=count)
    frames, ticks = oscillator_drive(params, 2, seed=1), 30
    trace = RelaxationOscillatorBitTrue(params).run(np.repeat(frames, ticks, axis=0))
    shown = [("membrane", 0), ("metallic", count - 1), ("membrane", count // 2)]
    array = RelaxationOscillatorArray(params, lanes)
    selftest = SelfTest(array, RelaxationOscillatorBitTrue(params), frames, ticks, shown)

    async def testbench(ctx: Any) -> None:
        # What the modulators do, from the trace of the model and the clocks in which rows are transferred.
        row, tick, rests, levels, bits = 0, 0, [0, 0, 0], [0, 0, 0], [0, 0, 0]
        while tick < len(trace["spike"]):
            assert [ctx.get(selftest.waves) >> n & 1 for n in range(3)] == bits
            for n, probe in enumerate(selftest.probes):
                bits[n], rests[n] = divmod(rests[n] + levels[n], 1 << probe.bits)
            if ctx.get(array.o.valid):
                for n, probe in enumerate(selftest.probes):
                    if probe.neuron // lanes == row:
                        levels[n] = probe.level(int(trace[probe.name][tick, probe.neuron]))
                last = ctx.get(array.o.p.last)
                row, tick = (0, tick + 1) if last else (row + 1, tick)
            await ctx.tick()

    simulator = Simulator(selftest)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    for (name, neuron), probe in zip(shown, selftest.probes, strict=True):
        seen = trace[name][:, neuron]
        assert probe.low == seen.min()
        assert probe.top > seen.max()


@pytest.mark.parametrize(("raw", "level"), [(-6, 0), (-5, 0), (-3, 2), (2, 7), (3, 7), (100, 7)])
def test_a_word_out_of_range_is_the_nearest_end(raw: int, level: int) -> None:
    assert Probe(name="v", neuron=0, low=-5, bits=3).level(raw) == level


def test_a_variable_that_does_not_change_has_a_range() -> None:
    probe = Probe.over("v", 0, {"v": np.full((4, 1), 7)})
    assert (probe.low, probe.top) == (7, 9)


@pytest.mark.parametrize("wrong", ["membrane", "membrane[x]", "membrane[-1]", "[0]", "2v[0]", "v[0] "])
def test_a_variable_is_a_name_and_a_number(wrong: str) -> None:
    with pytest.raises(ValueError, match="scope must name variables as in"):
        variable(wrong)


def test_boards_without_pins_are_refused() -> None:
    check_scope(BOARDS["icebreaker"], ["v[0]"] * 4)
    with pytest.raises(ValueError, match="scope names 5 variables, and icebreaker has 4 pins"):
        check_scope(BOARDS["icebreaker"], ["v[0]"] * 5)
    with pytest.raises(ValueError, match="tang-nano-9k has no pins"):
        check_scope(BOARDS["tang-nano-9k"], ["v[0]"])
