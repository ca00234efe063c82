"""Flows: the schedule itself, and the neurons whose lanes are flows, in Amaranth's simulator."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from neuristor.hdl.delay import CLOCKS
from neuristor.hdl.flow import Flow, FlowLane
from neuristor.hdl.neurons import neuron as neuron_of
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.engines.interpreted import InterpretedModel
from tests.hdl.neurons.test_lif import STALLS, pattern
from tests.samples import SHARING, samples

VARIANTS = [(name, variant) for name in SHARING for variant in samples(name).variants]
NOISY = [(name, samples(name).noisy) for name in SHARING]


def first_difference(
    neuron: str,
    params: Any,
    lanes: int,
    interval: int,
    drive: np.ndarray,
    stalls: tuple[float, float] = (1.0, 1.0),
    reset_at: int | None = None,
) -> str | None:
    """Where the circuit parts from the bit-true model, in any state bit, or None."""
    array = neuron_of(neuron).build(params, lanes, interval=interval)
    model = neuron_of(neuron).model.bit_true(params)
    expected = model.run(drive)
    circuit = InterpretedModel(array)
    rows, cycles = circuit.exchange(
        pack_drive(params, lanes, drive),
        len(drive) * array.rows,
        valid_pattern=pattern(stalls[0], 1),
        ready_pattern=pattern(stalls[1], 2),
        reset_at=reset_at,
    )
    got = unpack_output(params, lanes, rows)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        if not np.array_equal(values, got[name]):
            return f"{name} at (tick, neuron) {np.argwhere(values != got[name])[0].tolist()}"
    assert (circuit.status("saturated"), circuit.status("saturations")) == (model.saturations > 0, model.saturations)
    if stalls == (1.0, 1.0) and reset_at is None:
        ticks = (len(drive) - 1) * array.cycles_per_tick
        assert cycles == array.cycles_after_reset + ticks + array.cycles_alone
    return None


@pytest.mark.few(6)
@pytest.mark.parametrize(("neuron", "variant"), VARIANTS)
def test_array_matches_bit_true_model(neuron: str, variant: str) -> None:
    params = samples(neuron).params(variant, count=5)
    assert first_difference(neuron, params, 2, 3, samples(neuron).drive(params, 60, seed=11)) is None


@pytest.mark.parametrize("interval", [1, 2, 4, 7, 11, 22, 30])
@pytest.mark.parametrize(("neuron", "variant"), NOISY)
def test_array_matches_bit_true_model_for_any_sharing(neuron: str, variant: str, interval: int) -> None:
    params = samples(neuron).params(variant, count=3)
    assert first_difference(neuron, params, 1, interval, samples(neuron).drive(params, 15, seed=12)) is None


@pytest.mark.few(5)
@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("neuron", "variant"), NOISY)
def test_array_matches_bit_true_model_under_stalls(neuron: str, variant: str, stalls: str) -> None:
    params = samples(neuron).params(variant, count=5)
    drive = samples(neuron).drive(params, 20, seed=13)
    for lanes, interval in ((1, 1), (3, 4)):
        assert first_difference(neuron, params, lanes, interval, drive, STALLS[stalls]) is None


@pytest.mark.parametrize("reset_at", [3, 30, 101, 102, 103, 104])
@pytest.mark.parametrize(("neuron", "variant"), NOISY)
def test_reset_in_mid_run_gives_the_initial_state(neuron: str, variant: str, reset_at: int) -> None:
    params = samples(neuron).params(variant, count=5)
    drive = samples(neuron).drive(params, 12, seed=14)
    assert first_difference(neuron, params, 2, 3, drive, (0.9, 0.9), reset_at) is None


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("neuron", SHARING)
def test_multipliers_are_as_few_as_the_interval_allows(neuron: str) -> None:
    params = samples(neuron).params(samples(neuron).noisy, count=3)

    def multipliers(interval: int) -> int:
        lane = neuron_of(neuron).build(params, 1, interval=interval).pipelines[0]
        assert isinstance(lane, FlowLane)
        return lane.multipliers

    many = multipliers(1)
    for interval in (2, 3, 5, many, 2 * many):
        assert multipliers(interval) == -(-many // interval)
    gc.collect()


@pytest.mark.parametrize("interval", range(1, 9))
def test_flow_computes_what_it_says(interval: int) -> None:
    """A polynomial with values that must wait for one another, of neurons that follow at once."""
    a_port, b_port, phase = Signal(signed(8)), Signal(signed(8)), Signal(range(interval))
    flow = Flow(interval)
    a, b = flow.take(a_port), flow.take(b_port)
    square = flow.multiply(a, a)
    both = flow.multiply(square, b, lambda p, x: p - x, a)
    late = flow.multiply(both, flow.constant(-3), lambda p, x, y: p + x + y, b, square)
    looked = flow.read("table", {"entry": tuple(range(-128, 128))}, flow.part(a, 0))
    result = flow.register(lambda x, y, z: x + y - z, late, looked["entry"], a)
    last = max(node.time for node in (late, result))
    out = Signal(signed(40))
    m = Module()
    m.d.comb += out.eq(result.at(last))
    flow.emit(m, Signal(init=1), phase)
    rng = np.random.default_rng(interval)
    inputs = rng.integers(-128, 128, (12, 2)).tolist()
    simulator, seen = Simulator(m), []

    async def testbench(ctx: Any) -> None:
        for clock in range(interval * len(inputs) + last):
            ctx.set(phase, clock % interval)
            if clock // interval < len(inputs):
                ctx.set(a_port, inputs[clock // interval][0])
                ctx.set(b_port, inputs[clock // interval][1])
            if clock >= last and (clock - last) % interval == 0:
                seen.append(ctx.get(out))
            await ctx.tick()

    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    expected = [-3 * (x * x * y - x) + y + x * x + (x % 256 - 128) - x for x, y in inputs]
    assert seen == expected[: len(seen)]
    assert len(seen) == len(inputs)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("interval", [0, 2.0])
def test_interval_is_checked(interval: int) -> None:
    params = samples("neuristor").params("plain", count=2)
    with pytest.raises(ValueError, match="interval must be an integer of at least 1, not"):
        neuron_of("neuristor").build(params, 1, interval=interval)
    gc.collect()


@pytest.mark.parametrize(("interval", "ages"), [(1, (16, 17)), (1, (3, 40, 58)), (1, (34,)), (3, (2, 19)), (5, (51,))])
def test_what_is_held_for_long_comes_at_its_time(interval: int, ages: tuple[int, ...]) -> None:
    """Values held in memory, with the pipeline stopped at random."""
    port, enable, phase = Signal(signed(9)), Signal(), Signal(range(interval))
    flow = Flow(interval)
    node = flow.register(lambda value: value + 1, flow.take(port), name="one_more")
    held = [node.at(node.time + age * interval) for age in ages]
    m = Module()
    flow.emit(m, enable, phase)
    names = [name for name, *_ in m._named_submodules.items() if name.startswith("delay")]
    assert bool(names) == (max(np.diff([0, *ages])) >= CLOCKS)
    rng = np.random.default_rng(interval)
    moves = rng.random(400 * interval) < 0.7
    simulator = Simulator(m)

    async def testbench(ctx: Any) -> None:
        taken: list[int] = []
        clock = 0
        for moving in moves:
            if clock % interval == 0 and len(taken) == clock // interval:
                taken.append(int(rng.integers(-256, 256)))
            ctx.set(port, taken[-1])
            ctx.set(phase, clock % interval)
            ctx.set(enable, int(moving))
            for age, signal in zip(ages, held, strict=True):
                if clock >= node.time and (past := (clock - node.time) // interval - age) >= 0:
                    assert ctx.get(signal) == taken[past] + 1, (clock, age)
            await ctx.tick()
            clock += int(moving)

    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
