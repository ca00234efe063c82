"""Networks of phase oscillators in Amaranth's simulator: every state bit after every tick equals the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, visit_clocks
from neuristor.golden_model.noise import first_states
from neuristor.hdl.link.onn import OnnCore
from neuristor.hdl.onn import Onn
from neuristor.hdl.tree import lowest
from tests.golden_model.networks.test_onn import KINDS


def simulate(circuit: Onn, testbench: Any) -> None:
    simulator = Simulator(circuit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


async def load(ctx: Any, circuit: Onn, phases: np.ndarray, seed: int = 0) -> None:
    ctx.set(circuit.seed, int(first_states(seed, 1)[0]))
    ctx.set(circuit.phase.valid, 1)
    for oscillator, value in enumerate(phases.tolist()):
        ctx.set(circuit.phase.payload, {"oscillator": oscillator, "value": value})
        await ctx.tick()
    ctx.set(circuit.phase.valid, 0)
    ctx.set(circuit.begin, 1)
    await ctx.tick()
    ctx.set(circuit.begin, 0)
    await idle(ctx, circuit)


async def idle(ctx: Any, circuit: Onn) -> int:
    clocks = 0
    while ctx.get(circuit.busy):
        await ctx.tick()
        clocks += 1
        assert clocks < 100_000
    return clocks


async def advance(
    ctx: Any, circuit: Onn, ticks: int, settle: bool = False, noise: int = 0, window: int | None = None
) -> int:
    """The clocks it took."""
    window = circuit.params.half if window is None else window
    given = {"ticks": ticks, "settle": int(settle), "noise": noise, "window": window}
    ctx.set(circuit.advance.payload, given)
    ctx.set(circuit.advance.valid, 1)
    await ctx.tick()
    ctx.set(circuit.advance.valid, 0)
    return 1 + await idle(ctx, circuit)


def split(word: int, count: int, bits: int, is_signed: bool = False) -> list[int]:
    parts = [(word >> (n * bits)) & ((1 << bits) - 1) for n in range(count)]
    return [part - (1 << bits) if is_signed and part >> (bits - 1) else part for part in parts]


def same(ctx: Any, circuit: Onn, model: OnnBitTrue) -> None:
    params = model.params
    n = params.count
    assert ctx.get(circuit.tick) == model.tick
    assert split(ctx.get(circuit.phases), n, params.phase_bits) == model.phase[0].tolist()
    assert split(ctx.get(circuit.outputs), n, 1) == model.output[0].tolist()
    assert split(ctx.get(circuit.references), n, 1) == model.reference[0].tolist()
    assert split(ctx.get(circuit.totals), n, params.total_bits, True) == model.total[0].tolist()
    assert ctx.get(circuit.toggles) == model.toggles[0]
    assert ctx.get(circuit.changed) == model.changed[0]
    assert ctx.get(circuit.settled) == int(model.settled[0])


def network(
    count: int, kind: str, weight_bits: int, phase_bits: int, noise_bits: int = 0
) -> tuple[OnnParams, np.ndarray]:
    rng = np.random.default_rng([count, weight_bits, phase_bits, len(kind)])
    low, high = -(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1
    weights = rng.integers(low, high, (count, count), endpoint=True)
    if kind == "sparse":
        weights *= rng.random((count, count)) < 0.1
    elif kind == "zero":
        weights *= 0
    elif kind == "extreme":
        weights = rng.choice([low, high], (count, count))
    params = OnnParams(weights=weights, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=noise_bits)
    choices = [0, params.raw.period // 2] if kind == "binary start" else range(params.raw.period)
    return params, rng.choice(list(choices), count)


CASES = [(2, 5, 4), (3, 1, 8), (31, 3, 6), (32, 5, 4), (33, 8, 5), (70, 4, 4)]


@pytest.mark.few(6)
@pytest.mark.parametrize(("count", "weight_bits", "phase_bits"), CASES)
@pytest.mark.parametrize("kind", KINDS[:5])
def test_network_equals_the_model_tick_by_tick(count: int, weight_bits: int, phase_bits: int, kind: str) -> None:
    params, phases = network(count, kind, weight_bits, phase_bits)
    circuit, model = Onn(params), OnnBitTrue(params, phases)

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, phases)
        same(ctx, circuit, model)
        for _ in range(50):
            model.step()
            await advance(ctx, circuit, 1)
            same(ctx, circuit, model)

    simulate(circuit, testbench)


@pytest.mark.few(2)
@pytest.mark.parametrize(("count", "weight_bits", "phase_bits"), CASES)
def test_network_equals_the_model_whatever_the_ticks_at_once(count: int, weight_bits: int, phase_bits: int) -> None:
    params, phases = network(count, "sparse", weight_bits, phase_bits)
    circuit, model = Onn(params, parts=4), OnnBitTrue(params, phases)

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, phases)
        for ticks in np.random.default_rng(9).integers(1, 2 * params.raw.period, 25).tolist():
            for _ in range(ticks):
                model.step()
            await advance(ctx, circuit, ticks)
            same(ctx, circuit, model)

    simulate(circuit, testbench)


@pytest.mark.parametrize("phase_bits", [4, 8])
def test_ticks_in_which_nothing_toggles_take_no_clock(phase_bits: int) -> None:
    """A clock for each toggle, and a few for each of the ticks with toggles: two ticks, in this settled network."""
    count, period = 40, 1 << phase_bits
    pattern = np.random.default_rng(8).choice([-1, 1], count)
    weights = np.outer(pattern, pattern) - np.eye(count, dtype=np.int64)
    params = OnnParams(weights=weights, phase_bits=phase_bits)
    phases = np.where(pattern == 1, 0, period // 2)
    phases[:4] = (phases[:4] + 3) % period
    circuit, model = Onn(params), OnnBitTrue(params, phases)

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, phases)
        await advance(ctx, circuit, 100 * period, settle=True)
        while not model.settled.all():
            model.step()
        same(ctx, circuit, model)
        for _ in range(3):
            before = model.toggles[0]
            for _ in range(period):
                model.step()
            clocks = await advance(ctx, circuit, period)
            same(ctx, circuit, model)
            assert model.toggles[0] - before == 2 * count
        # Ticks that nobody is left in have been found empty by now.
        assert clocks <= 2 * count + 2 * 2 * visit_clocks(noisy=False) + 4

    simulate(circuit, testbench)


NOISY = [(2, 5, 4, 1), (33, 3, 6, 8), (40, 5, 4, 4), (70, 8, 4, 3), (9, 1, 8, 16)]


@pytest.mark.few(3)
@pytest.mark.parametrize("parts", [1, 2, 8])
@pytest.mark.parametrize(("count", "weight_bits", "phase_bits", "noise_bits"), NOISY)
def test_annealed_network_equals_the_model(
    count: int, weight_bits: int, phase_bits: int, noise_bits: int, parts: int
) -> None:
    params, phases = network(count, "sparse" if parts == 2 else "any", weight_bits, phase_bits, noise_bits)
    circuit, model = Onn(params, parts), OnnBitTrue(params, phases, seed=7)
    rng, moved = np.random.default_rng(count), False

    async def testbench(ctx: Any) -> None:
        nonlocal moved
        await load(ctx, circuit, phases, seed=7)
        same(ctx, circuit, model)
        for _ in range(40):
            most = (1 << noise_bits) - 1
            noise, window = int(rng.choice([0, 1, most // 2, most])), int(rng.choice([1, 2, params.half]))
            ticks = int(rng.integers(1, 12))
            for _ in range(ticks):
                before = model.phase.copy()
                model.step(noise, window)
                moved |= bool((model.phase != before).any())
            await advance(ctx, circuit, ticks, noise=noise, window=window)
            same(ctx, circuit, model)

    simulate(circuit, testbench)
    assert moved


@pytest.mark.parametrize("parts", [1, 4])
def test_weights_are_replaced_and_read_back_at_run_time(parts: int) -> None:
    old, phases = network(20, "any", 5, 4)
    new, _ = network(20, "extreme", 5, 4)
    circuit, model = Onn(old, parts, readable=True), OnnBitTrue(new, phases)
    places = [{"chunk": number, "column": column} for column in range(20) for number in range(circuit.chunks)]

    async def seen(ctx: Any) -> list[int]:
        words = []
        for place in places:
            ctx.set(circuit.look.payload, place)
            ctx.set(circuit.look.valid, 1)
            await ctx.tick()
            ctx.set(circuit.look.valid, 0)
            await ctx.tick().until(circuit.seen.valid)
            words.append(ctx.get(circuit.seen.data))
        return words

    def words(params: OnnParams) -> list[int]:
        return [circuit.word(params.weights, place["column"], place["chunk"]) for place in places]

    async def testbench(ctx: Any) -> None:
        assert await seen(ctx) == words(old)
        await load(ctx, circuit, phases)
        await advance(ctx, circuit, 9)
        ctx.set(circuit.weight.valid, 1)
        for place, word in zip(places, words(new), strict=True):
            ctx.set(circuit.weight.payload, place | {"data": word})
            await ctx.tick()
        ctx.set(circuit.weight.valid, 0)
        assert await seen(ctx) == words(new)
        await load(ctx, circuit, phases)
        for _ in range(20):
            model.step()
        await advance(ctx, circuit, 20)
        same(ctx, circuit, model)

    simulate(circuit, testbench)


@pytest.mark.parametrize(("count", "parts"), [(12, 1), (18, 2)])
def test_rows_of_the_link_that_have_no_chunk_change_nothing_and_read_as_zero(count: int, parts: int) -> None:
    """The window of the weights has a power of two of rows for each column: 4 for 3 chunks, 8 for 6."""
    old, _ = network(count, "any", 8, 4)
    new, _ = network(count, "extreme", 8, 4)
    circuit = Onn(old, parts, readable=True)
    core = OnnCore(Onn(new, parts, readable=True))
    core.describe_only()
    (content,) = core.contents()
    assert circuit.chunk_bits <= 32  # a row is a word
    rows = 1 << (circuit.chunks - 1).bit_length()
    assert circuit.chunks < rows
    places = [{"chunk": n % rows, "column": n // rows} for n in range(len(content.words))]
    assert places[-1]["column"] == count - 1

    async def testbench(ctx: Any) -> None:
        ctx.set(circuit.weight.valid, 1)
        for place, word in zip(places, content.words, strict=True):
            ctx.set(circuit.weight.payload, place | {"data": word or 0x5555_5555})
            await ctx.tick()
        ctx.set(circuit.weight.valid, 0)
        ctx.set(circuit.look.valid, 1)
        for place, word in zip(places, content.words, strict=True):
            ctx.set(circuit.look.payload, place)
            await ctx.tick().repeat(3)
            assert ctx.get(circuit.seen.data) == word

    simulate(circuit, testbench)


@pytest.mark.parametrize(("weight_bits", "parts", "noise_bits"), [(1, 1, 0), (5, 1, 0), (8, 1, 16), (8, 4, 3)])
def test_sums_of_the_lowest_weights_reach_both_ends(weight_bits: int, parts: int, noise_bits: int) -> None:
    count, low = 8, -(1 << (weight_bits - 1))
    weights = np.full((count, count), low)
    params = OnnParams(weights=weights, weight_bits=weight_bits, noise_bits=noise_bits)
    circuit, model = Onn(params, parts), OnnBitTrue(params, np.zeros(count, dtype=np.int64), seed=1)
    seen: set[int] = set()

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, model.phase[0], seed=1)
        same(ctx, circuit, model)
        for tick in range(40):
            noise = (1 << noise_bits) - 1 if tick >= 20 else 0
            model.step(noise)
            await advance(ctx, circuit, 1, noise=noise)
            same(ctx, circuit, model)
            seen.update(model.total[0].tolist())

    simulate(circuit, testbench)
    assert {count * low, -count * low} <= seen


def test_lowest_finds_the_lowest_bit_for_every_word() -> None:
    word, m = Signal(9), Module()
    number, rest = lowest(word)
    out, left = Signal.like(number), Signal(9)
    m.d.comb += [out.eq(number), left.eq(rest)]
    simulator = Simulator(m)

    async def testbench(ctx: Any) -> None:
        for value in range(512):
            ctx.set(word, value)
            expected = (value & -value).bit_length() - 1 if value else 0
            assert (ctx.get(out), ctx.get(left)) == (expected, value & (value - 1) if value else 0)
            await ctx.delay(1e-9)

    simulator.add_testbench(testbench)
    simulator.run()
    assert len(lowest(Const(0, 33))[0]) == 6


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("count", "parts", "noise", "window"),
    [(9, 1, 0, 8), (70, 1, 0, 8), (70, 1, 40, 1), (33, 2, 9, 3), (9, 16, 9, 8), (5, 32, 63, 8)],
)
def test_the_clocks_that_the_model_says_are_never_exceeded(count: int, parts: int, noise: int, window: int) -> None:
    params, phases = network(count, "any", 5, 4, 6)
    circuit, model = Onn(params, parts), OnnBitTrue(params, phases, seed=2)

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, phases, 2)
        spent = 0
        for n in range(20 if parts < 16 else 3):
            for _ in range(16):
                model.step(noise, window)
            spent += await advance(ctx, circuit, 16, noise=noise, window=window)
            visits, toggles = int(model.visits[0]), int(model.toggles[0])
            most = visit_clocks(parts, noise > 0)
            # One clock to accept the command, and three to find that it ends.
            assert spent <= parts * toggles + most * visits + 4 * (n + 1)
            if noise and window == params.half:
                # Every tick is computed; without toggles, it takes four clocks less than the bound.
                assert spent >= parts * toggles + (most - 4) * visits
            assert spent >= parts * toggles + 5 * visits
        same(ctx, circuit, model)

    simulate(circuit, testbench)
