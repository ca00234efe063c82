"""Networks of phase oscillators: FPGA resources, clocks per period, speed of the model.

Run ``python -m benchmarks.onn``; with all routing it takes most of an hour. A quick run synthesizes nothing. The peer
of the circuit is the same network with all sums computed anew in every tick (``benchmarks.recomputed``), made by the
same tools.

``python -m benchmarks.onn_largest BOARD`` finds the largest network that can be routed.
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

from benchmarks.harness import Benchmark, Peer, Row, Run, Work, best_rates
from benchmarks.recomputed import RecomputedOnn
from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation, implement
from neuristor.boards.selftest import BoardTop, OnnSelfTest
from neuristor.golden_model.networks.associative import hebbian, quantized
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.networks.phase_oscillator import output, step
from neuristor.hdl.onn import Onn

__all__ = ["BENCHMARK", "measure", "network", "recomputed_period", "routed", "settled_clocks"]

LARGEST_PUBLISHED = 506
"""Oscillators of the largest published network, with 5-bit weights: see ``neuristor.golden_model.networks.onn``."""
GOAL = 40
"""Clocks that a tick with toggles may take, besides one for each toggle."""


def network(count: int, weight_bits: int = 5, phase_bits: int = 4) -> tuple[OnnParams, NDArray[np.int64]]:
    """Random weights and initial phases, of which synthesis can remove nothing.

    Parameters
    ----------
    count : int
        Number of oscillators.
    weight_bits : int
        Word length of a weight.
    phase_bits : int
        Word length of a phase.

    Returns
    -------
    OnnParams
        The network.
    ndarray of int64, shape (count,)
        Initial phases.
    """
    rng = np.random.default_rng(0)
    low, high = -(1 << (weight_bits - 1)), 1 << (weight_bits - 1)
    params = OnnParams(weights=rng.integers(low, high, (count, count)), weight_bits=weight_bits, phase_bits=phase_bits)
    return params, rng.integers(0, 1 << phase_bits, count)


def routed(board: str, count: int, weight_bits: int, parts: int, clock_hz: float | None) -> Implementation:
    """Place and route the self-test of a network; on a bare device, count the network with weights written at run time.

    `DoesNotFit` of the flow is passed on if the network is too large.

    Parameters
    ----------
    board : str
        Name of the board.
    count : int
        Number of oscillators.
    weight_bits : int
        Word length of a weight.
    parts : int
        Clocks in which a column of weights is read.
    clock_hz : float, optional
        Frequency of the clock, in hertz; that of the board's clock pin by default.
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


def _sizes(note: Callable[[str], Any]) -> Iterator[Row]:
    for case in COUNTED:
        note(f"{case.oscillators} oscillators, counted on an XC7Z020")
        used = routed("xc7z020", case.oscillators, case.weight_bits, case.parts, None).resources
        peer = None
        if case.peer:
            note("the same, sums computed anew")
            peer = _implemented("xc7z020", RecomputedOnn(network(case.oscillators, case.weight_bits)[0])).resources
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
    for board in ROUTED:
        note(f"{board.oscillators} oscillators, routed on {BOARDS[board.board].title}")
        made = routed(board.board, board.oscillators, board.weight_bits, board.parts, board.clock_hz)
        name = f"{board.board}: {board.oscillators} oscillators, {board.weight_bits}-bit weights"
        for resource in ("LUT", "block RAM"):
            number, room = made.resources[resource]
            yield Row(name=f"{name}: {resource}", value=number, unit=f"of {room}", goal=room, less=True)
        yield Row(name=f"{name}: Fmax", value=(made.fmax_hz or 0) / 1e6, unit="MHz", goal=board.clock_hz / 1e6)


def settled_clocks(params: OnnParams, phases: NDArray[np.int64]) -> int:
    """The clocks for one period of a settled network, in Amaranth's simulator.

    Parameters
    ----------
    params : OnnParams
        The network.
    phases : ndarray of int64, shape (count,)
        Initial phases.
    """
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
    """The clocks for one period if sums are computed anew: those of one tick, always the same, times the ticks.

    Parameters
    ----------
    params : OnnParams
        The network.
    phases : ndarray of int64, shape (count,)
        Initial phases.
    """
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
    """A network that stores patterns, and the phases of one of them."""
    rng = np.random.default_rng(1)
    patterns = rng.choice([-1, 1], (count // 50 + 1, count))
    params = OnnParams(weights=quantized(hebbian(patterns), 5), phase_bits=phase_bits)
    return params, np.where(patterns[0] > 0, 0, params.half).astype(np.int64)


def _cycles(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    count = 64 if quick else LARGEST_PUBLISHED
    for phase_bits in (4, 8) if quick else (4, 6, 8):
        note(f"clocks of a period of {count} oscillators, {phase_bits}-bit phase")
        params, phases = _stored(count, phase_bits)
        toggling = len(np.unique(phases % params.half)) * 2  # ticks of a settled period with a toggle
        yield Row(
            name=f"{count} oscillators, {phase_bits}-bit phase, settled: a period",
            value=settled_clocks(params, phases),
            unit="clocks",
            goal=2 * count + GOAL * toggling,
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
    trials, few, seconds = 100, 2 if quick else 5, 0.5 if quick else 3.0
    for phase_bits in (4, 8):
        params, stored = _stored(LARGEST_PUBLISHED, phase_bits)
        ticks = 20 * params.raw.period
        rng = np.random.default_rng(2)
        wrong = rng.random((trials, params.count)) < 0.25
        starts = {
            "a stored pattern, a quarter of it wrong": np.where(wrong, params.half - stored, stored),
            "random phases": rng.integers(0, params.raw.period, (trials, params.count)),
        }
        if quick:
            del starts["random phases"]
        for title, phases in starts.items():

            def ours(params: OnnParams = params, phases: Any = phases, ticks: int = ticks) -> NDArray[np.int64]:
                model = OnnBitTrue(params, phases)
                for _ in range(ticks):
                    model.step()
                return model.phase

            def theirs(params: OnnParams = params, phases: Any = phases, ticks: int = ticks) -> list[NDArray[np.int64]]:
                return [_plain(params, one, ticks) for one in phases[:few]]

            if (ours()[:few] != theirs()).any():
                raise RuntimeError("peer and model differ, so the speed means nothing")
            rate, peer = best_rates(
                Work(ours, trials * ticks * params.count), Work(theirs, few * ticks * params.count), seconds=seconds
            )
            yield Row(
                name=f"bit-true model, {params.count} oscillators, {phase_bits}-bit phase, {trials} x {title}",
                value=rate,
                unit="updates/s",
                goal_ratio=10,
                peer=Peer("each trial and tick anew, NumPy", peer),
            )


def measure(run: Run) -> Iterator[Row]:
    """Measure the model, count the clocks, then the resources.

    Parameters
    ----------
    run : Run
        A quick run simulates a smaller network, and synthesizes nothing.
    """
    yield from _model(run.quick)
    yield from _cycles(run.quick, run.note)
    if not run.quick:
        yield from _sizes(run.note)


BENCHMARK = Benchmark(
    name="onn",
    title="networks of phase oscillators",
    quick="no synthesis, a smaller simulated network, models from stored patterns only",
    measure=measure,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
