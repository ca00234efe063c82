"""Networks of phase oscillators: what they take of an FPGA, the clocks of a period, the speed of the model.

Run ``python -m benchmarks.onn``; with all routing it takes most of an hour. Every figure of a circuit stands beside the
same network with all sums computed anew in every tick (``benchmarks.recomputed``), made by the same tools.

``python -m benchmarks.onn_largest BOARD`` looks for the largest network that routes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Elaboratable
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator
from numpy.typing import NDArray

from benchmarks.harness import Peer, Row, best_rate, main
from benchmarks.recomputed import RecomputedOnn
from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation, implement
from neuristor.boards.selftest import BoardTop, OnnSelfTest
from neuristor.golden_model.networks.associative import hebbian, quantized
from neuristor.golden_model.networks.onn import VISIT, OnnBitTrue, OnnParams
from neuristor.golden_model.networks.phase_oscillator import output, step
from neuristor.hdl.onn import Onn

__all__ = ["measure", "network", "recomputed_period", "routed", "settled_clocks"]

LARGEST_PUBLISHED = 506
"""Oscillators, with 5-bit weights and 4-bit phases: see ``neuristor.golden_model.networks.onn``."""


def network(count: int, weight_bits: int = 5, phase_bits: int = 4) -> tuple[OnnParams, NDArray[np.int64]]:
    """Random weights, and phases to begin with: nothing for synthesis to leave out."""
    rng = np.random.default_rng(0)
    low, high = -(1 << (weight_bits - 1)), 1 << (weight_bits - 1)
    params = OnnParams(weights=rng.integers(low, high, (count, count)), weight_bits=weight_bits, phase_bits=phase_bits)
    return params, rng.integers(0, 1 << phase_bits, count)


def routed(board: str, count: int, weight_bits: int, parts: int, clock_hz: float | None) -> Implementation:
    """Place and route the self-test of a network; a bare device is counted, weights written at run time.

    Raises
    ------
    DoesNotFit
        If it is too large.
    """
    params, phases = network(count, weight_bits)
    design: Elaboratable = Onn(params, parts)
    if not BOARDS[board].counted_only:
        assert isinstance(design, Onn)
        design = BoardTop(OnnSelfTest(design, phases, 20 * params.raw.period))
    return _implemented(board, design, clock_hz)


def _implemented(board: str, design: Elaboratable, clock_hz: float | None = None) -> Implementation:
    with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
        return implement(BOARDS[board], design, Path(folder), clock_hz=clock_hz)


class _Counted(NamedTuple):
    weight_bits: int
    oscillators: int
    parts: int
    most_luts: float
    peer: bool


class _Routed(NamedTuple):
    board: str
    weight_bits: int
    oscillators: int
    parts: int
    clock_hz: float


COUNTED = (
    _Counted(5, LARGEST_PUBLISHED, 1, 53_200 / 2, True),
    _Counted(5, 800, 1, 53_200, False),
    _Counted(4, 1000, 1, 53_200, False),
)
"""On an XC7Z020."""
ROUTED = (_Routed("icebreaker", 5, 64, 4, 24e6), _Routed("ulx3s-85f", 5, 500, 1, 50e6))
"""Within 50 seconds first, for `quick`."""


def _sizes(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    for case in COUNTED[: 1 if quick else None]:
        note(f"{case.oscillators} oscillators, counted on an XC7Z020")
        used = routed("xc7z020", case.oscillators, case.weight_bits, case.parts, None).resources
        peer = None
        if case.peer and not quick:
            note("the same, sums computed anew")
            theirs = _implemented("xc7z020", RecomputedOnn(network(case.oscillators, case.weight_bits)[0])).resources
            peer = theirs
        name = f"XC7Z020: {case.oscillators} oscillators, {case.weight_bits}-bit weights"
        for resource, goal in (("LUT", case.most_luts), ("FF", None), ("block RAM", 140.0), ("DSP", None)):
            yield Row(
                name=f"{name}: {resource}",
                value=used[resource][0],
                unit=f"of {used[resource][1]}",
                goal=goal,
                peer=Peer("sums anew", peer[resource][0]) if peer and peer[resource][0] else None,
                less=True,
            )
    for board in ROUTED[: 1 if quick else None]:
        note(f"{board.oscillators} oscillators, routed on {BOARDS[board.board].title}")
        made = routed(board.board, board.oscillators, board.weight_bits, board.parts, board.clock_hz)
        name = f"{board.board}: {board.oscillators} oscillators, {board.weight_bits}-bit weights"
        for resource in ("LUT", "block RAM"):
            number, room = made.resources[resource]
            yield Row(name=f"{name}: {resource}", value=number, unit=f"of {room}", goal=room, less=True)
        yield Row(name=f"{name}: Fmax", value=(made.fmax_hz or 0) / 1e6, unit="MHz", goal=board.clock_hz / 1e6)


def settled_clocks(params: OnnParams, phases: NDArray[np.int64]) -> int:
    """The clocks that the circuit takes for one period of a settled network, in Amaranth's simulator."""
    circuit, clocks = Onn(params), 0

    async def testbench(ctx: Any) -> None:
        nonlocal clocks
        await _begin(ctx, circuit, phases)
        for ticks, settle in ((100 * params.raw.period, 1), (params.raw.period, 0)):
            asked = {"ticks": ticks, "settle": settle, "noise": 0, "window": params.half}
            clocks = await _advance(ctx, circuit, asked)

    _simulate(circuit, testbench)
    return clocks


def recomputed_period(params: OnnParams, phases: NDArray[np.int64]) -> int:
    """The clocks that sums computed anew take for one period: those of one tick, which are always the same."""
    circuit, clocks = RecomputedOnn(params), 0

    async def testbench(ctx: Any) -> None:
        nonlocal clocks
        await _begin(ctx, circuit, phases)
        clocks = await _advance(ctx, circuit, 1)

    _simulate(circuit, testbench)
    return clocks * params.raw.period


def _simulate(circuit: Component, testbench: Callable[[Any], Any]) -> None:
    simulator = Simulator(circuit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


async def _idle(ctx: Any, circuit: Any) -> int:
    clocks = 0
    while ctx.get(circuit.busy):
        await ctx.tick()
        clocks += 1
    return clocks


async def _begin(ctx: Any, circuit: Any, phases: NDArray[np.int64]) -> None:
    ctx.set(circuit.phase.valid, 1)
    for oscillator, value in enumerate(phases.tolist()):
        ctx.set(circuit.phase.payload, {"oscillator": oscillator, "value": value})
        await ctx.tick()
    ctx.set(circuit.phase.valid, 0)
    ctx.set(circuit.begin, 1)
    await ctx.tick()
    ctx.set(circuit.begin, 0)
    await _idle(ctx, circuit)


async def _advance(ctx: Any, circuit: Any, asked: Any) -> int:
    ctx.set(circuit.advance.payload, asked)
    ctx.set(circuit.advance.valid, 1)
    await ctx.tick()
    ctx.set(circuit.advance.valid, 0)
    return 1 + await _idle(ctx, circuit)


def _stored(count: int, phase_bits: int) -> tuple[OnnParams, NDArray[np.int64]]:
    """A memory of patterns, and the phases of one of them."""
    rng = np.random.default_rng(1)
    patterns = rng.choice([-1, 1], (count // 50 + 1, count))
    params = OnnParams(weights=quantized(hebbian(patterns), 5), phase_bits=phase_bits)
    return params, np.where(patterns[0] > 0, 0, params.half).astype(np.int64)


def _cycles(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    count = 64 if quick else LARGEST_PUBLISHED
    for phase_bits in (4, 8) if quick else (4, 6, 8):
        note(f"clocks of a period of {count} oscillators, {phase_bits}-bit phase")
        params, phases = _stored(count, phase_bits)
        toggling = len(np.unique(phases % params.half)) * 2  # ticks of a settled period in which something does
        yield Row(
            name=f"{count} oscillators, {phase_bits}-bit phase, settled: a period",
            value=settled_clocks(params, phases),
            unit="clocks",
            goal=2 * count + VISIT * toggling,
            peer=Peer("sums anew", recomputed_period(params, phases)),
            less=True,
        )


def _plain(params: OnnParams, phases: NDArray[np.int64], ticks: int) -> NDArray[np.int64]:
    """The peer of the model: one trial, every sum computed anew in every tick, by NumPy's matrix product."""
    weights = params.weights.astype(np.float32)  # exact, and faster than integers
    raw, phase = params.raw, phases
    high = output(raw, phase, 0)
    total = weights @ (2 * high - 1).astype(np.float32)
    reference = np.where(total == 0, high, total > 0).astype(np.int64)
    for tick in range(1, ticks + 1):
        total = weights @ (2 * output(raw, phase, tick) - 1).astype(np.float32)
        phase, reference, _ = step(raw, phase, reference, total, tick)
    return phase


def _model(quick: bool) -> Iterator[Row]:
    trials, few, seconds = 100, 2 if quick else 5, 0.5 if quick else 2.0
    for phase_bits in (4, 8):
        params, stored = _stored(LARGEST_PUBLISHED, phase_bits)
        ticks = 20 * params.raw.period
        rng = np.random.default_rng(2)
        wrong = rng.random((trials, params.count)) < 0.25
        starts = {
            "a stored pattern, a quarter of it wrong": np.where(wrong, params.half - stored, stored),
            "random phases": rng.integers(0, params.raw.period, (trials, params.count)),
        }
        for title, phases in starts.items():

            def ours(params: OnnParams = params, phases: Any = phases, ticks: int = ticks) -> NDArray[np.int64]:
                model = OnnBitTrue(params, phases)
                for _ in range(ticks):
                    model.step()
                return model.phase

            def theirs(params: OnnParams = params, phases: Any = phases, ticks: int = ticks) -> list[NDArray[np.int64]]:
                return [_plain(params, one, ticks) for one in phases[:few]]

            if (ours()[:few] != theirs()).any():
                raise RuntimeError("the peer is not the model, so its speed means nothing")
            peer = best_rate(theirs, few * ticks * params.count, seconds=seconds)
            yield Row(
                name=f"bit-true model, {params.count} oscillators, {phase_bits}-bit phase, {trials} x {title}",
                value=best_rate(ours, trials * ticks * params.count, seconds=seconds),
                unit="updates/s",
                goal=10 * peer,
                peer=Peer("each trial and tick anew, NumPy", peer),
            )


def measure(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    """All figures, one after the other; with `quick`, small networks, and those that are quickly routed."""
    yield from _model(quick)
    yield from _cycles(quick, note)
    yield from _sizes(quick, note)


if __name__ == "__main__":
    main("networks of phase oscillators", measure)
