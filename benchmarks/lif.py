"""LIF neurons: updates per second of the bit-true model, clocks per second of the simulators.

Run ``python -m benchmarks.lif``. A quick run leaves out the simulators of Verilog, whose builds take too long.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Benchmark, Peer, Row, Run, Work, best_rates
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams, from_circuit
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons import neuron
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.scoreboard import compare
from neuristor.sim.benches.verify import BENCH, missing
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.sim.engines.simulators import run_cocotb

__all__ = ["BENCHMARK", "drive_for", "measure", "params_for", "python_loop"]

Array = NDArray[np.int64]

MANY = 10_000
"""Neurons for the figures of the model."""
COUNT, LANES = 64, 8
"""Neurons and lanes for the figures of the simulators."""
TICKS = 100
"""Time steps of one run of the model."""


def params_for(count: int, threshold_c2c: float = 0.0) -> LifParams:
    """VO2 neurons whose thresholds differ between devices by 3 %.

    Parameters
    ----------
    count : int
        Number of neurons.
    threshold_c2c : float
        Noise of the threshold from spike to spike, relative.
    """
    circuit = Circuit(device=preset("vo2-maffezzoni").device, supply=1.5, series_resistance=20e3, capacitance=1e-9)
    spread = Variability(threshold_d2d=0.03, threshold_c2c=threshold_c2c)
    return from_circuit(circuit, count=count, dt=400e-9, spread=spread)


def drive_for(params: LifParams, ticks: int) -> Array:
    """Random input currents of 0 to 120 uA, which make the neurons fire.

    Parameters
    ----------
    params : LifParams
        The neurons.
    ticks : int
        Number of time steps.

    Returns
    -------
    ndarray of int64, shape (ticks, count)
        Input words, on the grid of ``params.drive``.
    """
    return params.drive_raw(np.random.default_rng(1).uniform(0.0, 1.2e-4, (ticks, params.count)))


def python_loop(params: LifParams, drive_raw: Array) -> list[list[int]]:
    """The peer of the model: a loop over neurons in plain Python, written as one writes it first.

    Parameters
    ----------
    params : LifParams
        Neurons without noise, with reset to the hold voltage.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words.

    Returns
    -------
    list of list of int
        For each tick, 1 for each neuron that fired, else 0.

    Raises
    ------
    ValueError
        If the neurons have noise, or reset by subtraction.
    """
    if params.raw.noise_scale_raw or params.reset == "subtract":
        raise ValueError("python_loop knows neither noise nor reset by subtraction")
    k_raw, k_shift, hold, initial, wait, *_, low, high = params.raw
    half = 1 << k_shift >> 1
    thresholds, drive = params.threshold_raw.tolist(), drive_raw.tolist()
    membrane, refractory = [initial] * params.count, [0] * params.count
    spikes = []
    for row in drive:
        fired = [0] * params.count
        for n in range(params.count):
            if refractory[n]:
                refractory[n] -= 1
                continue
            v = membrane[n] + (((row[n] - membrane[n]) * k_raw + half) >> k_shift)
            v = low if v < low else high if v > high else v
            if v >= thresholds[n]:
                v, refractory[n], fired[n] = hold, wait, 1
            membrane[n] = v
        spikes.append(fired)
    return spikes


def _steps(model: LifBitTrue, drive_raw: Array) -> None:
    for row in drive_raw:
        model.step(row)


def _model(quick: bool) -> Iterator[Row]:
    seconds = 0.5 if quick else 2.0
    for label, noise, goals in (("", 0.0, (5.0, 40.0)), (", threshold noise", 0.01, (None, None))):
        params = params_for(MANY, noise)
        drive, model = drive_for(params, TICKS), LifBitTrue(params)
        works = [
            Work(lambda m=model, d=drive: _steps(m, d), drive.size),  # type: ignore[misc]
            Work(lambda m=model, d=drive: kernel.run(m, d), drive.size),  # type: ignore[misc]
        ]
        if not noise:
            few = drive[:5]
            works.append(Work(lambda p=params, d=few: python_loop(p, d), few.size))  # type: ignore[misc]
        ours, compiled, *loop = best_rates(*works, seconds=seconds)
        peer = Peer("Python loop", loop[0]) if loop else None
        for way, rate, goal in (("NumPy", ours, goals[0]), ("numba", compiled, goals[1])):
            yield Row(name=f"bit-true model, {way}{label}", value=rate, unit="updates/s", goal_ratio=goal, peer=peer)


def _case(ticks: int) -> Case:
    params = params_for(COUNT, threshold_c2c=0.01)
    return Case(neuron=neuron("lif"), params=params, lanes=LANES, drive_raw=drive_for(params, ticks))


def _checked(case: Case, rows: NDArray[np.uint8], model: Any) -> None:
    difference = compare(model.run(case.drive_raw), unpack_output(case.params, case.lanes, rows))
    if difference is not None:
        raise RuntimeError(f"circuit and model differ, so the speed means nothing: {difference}")


def _amaranth(case: Case) -> float:
    """Clocks per second in Amaranth's simulator, with packing and comparison, without elaboration."""
    array = case.array()
    engine = InterpretedModel(array)
    start = time.perf_counter()
    packed = pack_drive(case.params, case.lanes, case.drive_raw)
    rows, clocks = engine.exchange(packed, len(case.drive_raw) * array.rows)
    _checked(case, rows, case.bit_true())
    return clocks / (time.perf_counter() - start)


def _cocotb(simulator: str, case: Case) -> float:
    """Clocks per second of the test of the whole input, by the wall time in cocotb's results."""
    with tempfile.TemporaryDirectory(prefix="neuristor-") as name:
        folder = Path(name)
        verilog = folder / "neurons.v"
        verilog.write_text(case.verilog)
        result = run_cocotb(
            simulator,
            verilog,
            case.toplevel,
            BENCH,
            case.save(folder / "case.pickle"),
            folder / simulator,
            test_filter=r"matches_bit_true_model$",
        )
        result.check()
        return _clocks(result.log) / _seconds(result.log.with_name("results.xml"))


def _clocks(log: Path) -> int:
    """The number of clocks that the bench of the whole input wrote into its log.

    Raises
    ------
    RuntimeError
        If it wrote none.
    """
    for line in log.read_text(errors="replace").splitlines():
        if "compared" in line and line.rstrip().endswith("clocks"):
            return int(line.split()[-2])
    raise RuntimeError(f"{log} has no number of clocks")


def _seconds(results: Path) -> float:
    """The wall time of the one test in cocotb's results, in seconds."""
    (test,) = ElementTree.parse(results).iter("testcase")
    return float(test.attrib["time"])


class _Compiled:
    """The compiled model, which is built once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.circuit = CompiledModel(case.verilog, case.toplevel, fast=True)
        self.packed = pack_drive(case.params, case.lanes, case.drive_raw)

    def alone(self) -> float:
        """Clocks per second of the exchange of rows alone."""
        self.circuit.reset()
        start = time.perf_counter()
        _, clocks = self.circuit.exchange(self.packed)
        return clocks / (time.perf_counter() - start)

    def checked(self) -> float:
        """Clocks per second with packing, model, unpacking and comparison."""
        case = self.case
        self.circuit.reset()
        start = time.perf_counter()
        rows, clocks = self.circuit.exchange(pack_drive(case.params, case.lanes, case.drive_raw))
        _checked(case, rows, case.bit_true())
        return clocks / (time.perf_counter() - start)


def _build(engines: set[str]) -> None:
    """Fill the build cache: a build takes 15 s, and must not run beside a measurement."""
    case = _case(1)
    verilog = case.verilog
    with ThreadPoolExecutor() as pool:
        work: list[Future[Any]] = []
        if "compiled" in engines:
            work.append(pool.submit(CompiledModel, verilog, case.toplevel))
        if "verilator" in engines:
            work.append(pool.submit(_cocotb, "verilator", case))
        for done in work:
            done.result()


def _simulators(run: Run) -> Iterator[Row]:
    engines = set[str]()
    for engine in () if run.quick else ("verilator", "icarus", "compiled"):
        lack = missing(engine)
        if lack is None:
            engines.add(engine)
        else:
            run.note(lack)
    if engines:
        _build(engines)
    name = "Amaranth's simulator"
    ways: dict[str, Callable[[], float]] = {name: partial(_amaranth, _case(60 if run.quick else 400))}
    goals: dict[str, float] = {}
    if "verilator" in engines:
        ways["cocotb on verilator"] = partial(_cocotb, "verilator", _case(16_000))
        goals["cocotb on verilator"] = 10.0
    if "icarus" in engines:
        ways["cocotb on icarus"] = partial(_cocotb, "icarus", _case(240))
    if "compiled" in engines:
        compiled = _Compiled(_case(4_000))
        ways |= {"compiled model, exchange alone": compiled.alone, "compiled model": compiled.checked}
        goals["compiled model, exchange alone"] = 200.0
    rates = dict.fromkeys(ways, 0.0)
    for _ in range(2 if run.quick else 3):
        for way, measured in ways.items():
            rates[way] = max(rates[way], measured())
    for way, rate in rates.items():
        yield Row(
            name=f"{COUNT} neurons, {way}" + ("" if "alone" in way else ", every tick checked"),
            value=rate,
            unit="clocks/s",
            goal_ratio=goals.get(way),
            peer=None if way == name else Peer(name, rates[name]),
        )


def measure(run: Run) -> Iterator[Row]:
    """Measure the models, then the simulators.

    Parameters
    ----------
    run : Run
        A quick run leaves out the simulators of Verilog.
    """
    yield from _model(run.quick)
    yield from _simulators(run)


BENCHMARK = Benchmark(
    name="lif",
    title="LIF neurons: speed of the bit-true model and of the simulators",
    quick="no simulator of Verilog",
    measure=measure,
    needs=("numba",),
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
