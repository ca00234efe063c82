"""LIF neurons: updates a second of the bit-true model, clocks a second of the simulators.

Run ``python -m benchmarks.lif``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Peer, Row, best_rate, main
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams, from_circuit
from neuristor.golden_model.variability import Variability
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.scoreboard import compare
from neuristor.sim.benches.verify import missing
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.sim.engines.simulators import run_cocotb

__all__ = ["drive_for", "measure", "params_for", "python_loop"]

Array = NDArray[np.int64]

MANY = 10_000
"""Neurons of the model's figures."""
COUNT, LANES = 64, 8
"""The array of the simulators' figures."""
TICKS = 100
"""Of one run of the model."""


def params_for(count: int, threshold_c2c: float = 0.0) -> LifParams:
    """VO2 neurons, with a spread of 3 % between devices."""
    circuit = Circuit(device=preset("vo2-maffezzoni").device, supply=1.5, series_resistance=20e3, capacitance=1e-9)
    spread = Variability(threshold_d2d=0.03, threshold_c2c=threshold_c2c)
    return from_circuit(circuit, count=count, dt=400e-9, spread=spread)


def drive_for(params: LifParams, ticks: int) -> Array:
    """Random currents, enough to make the neurons fire."""
    return params.drive_raw(np.random.default_rng(1).uniform(0.0, 1.2e-4, (ticks, params.count)))


def python_loop(params: LifParams, drive_raw: Array) -> list[list[int]]:
    """The peer of the model: neuron by neuron, as one writes it first. Return the spikes of each tick."""
    if params.raw.noise_scale_raw or params.raw.subtract:
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


def _model(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    unit, seconds = "updates/s", 0.5 if quick else 2.0
    params = params_for(MANY)
    few = drive_for(params, 5)
    peer = Peer("Python loop", best_rate(lambda: python_loop(params, few), few.size, seconds=0.5))
    for label, made, goals in (
        ("", params, (40e6, 500e6)),
        (", threshold noise", params_for(MANY, threshold_c2c=0.01), (None, None)),
    ):
        drive, model, beside = drive_for(made, TICKS), LifBitTrue(made), None if label else peer
        rate = best_rate(lambda m=model, d=drive: _steps(m, d), drive.size, seconds=seconds)  # type: ignore[misc]
        yield Row(name=f"bit-true model, NumPy{label}", value=rate, unit=unit, goal=goals[0], peer=beside)
        if not kernel.available():
            note("numba is missing: pip install neuristor[fast]")
            continue
        rate = best_rate(lambda m=model, d=drive: kernel.run(m, d), drive.size, seconds=seconds)  # type: ignore[misc]
        yield Row(name=f"bit-true model, numba{label}", value=rate, unit=unit, goal=goals[1], peer=beside)


def _case(ticks: int) -> Case:
    params = params_for(COUNT, threshold_c2c=0.01)
    return Case(neuron="lif", params=params, lanes=LANES, drive_raw=drive_for(params, ticks))


def _checked(case: Case, rows: NDArray[np.uint8], model: Any) -> None:
    difference = compare(model.run(case.drive_raw), unpack_output(case.params, case.lanes, rows))
    if difference is not None:
        raise RuntimeError(f"the circuit is not the model, so its speed means nothing: {difference}")


def _amaranth(quick: bool) -> float:
    """Clocks a second, packing and comparison included, elaboration not."""
    case = _case(100 if quick else 400)
    rates = []
    for _ in range(2):
        array = case.array()
        engine = InterpretedModel(array)
        start = time.perf_counter()
        rows, clocks = engine.exchange(
            pack_drive(case.params, case.lanes, case.drive_raw), len(case.drive_raw) * array.rows
        )
        _checked(case, rows, case.bit_true())
        rates.append(clocks / (time.perf_counter() - start))
    return max(rates)


def _cocotb(simulator: str, ticks: int, runs: int) -> float:
    """Clocks a second of the regression's test of the whole input, as cocotb's own results time it."""
    case = _case(ticks)
    rates = []
    with tempfile.TemporaryDirectory(prefix="neuristor-") as name:
        folder = Path(name)
        verilog = folder / "neurons.v"
        verilog.write_text(case.verilog)
        environment = case.save(folder / "case.pickle")
        for _ in range(runs):
            result = run_cocotb(
                simulator,
                verilog,
                case.toplevel,
                case.bench,
                environment,
                folder / simulator,
                test_filter=r"matches_bit_true_model$",
            )
            result.check()
            rates.append(_clocks(result.log) / _seconds(result.log.with_name("results.xml")))
    return max(rates)


def _clocks(log: Path) -> int:
    """The clocks that the bench of the whole input wrote into its log."""
    for line in log.read_text(errors="replace").splitlines():
        if "compared" in line and line.rstrip().endswith("clocks"):
            return int(line.split()[-2])
    raise RuntimeError(f"the bench wrote no number of clocks into {log}")


def _seconds(results: Path) -> float:
    """The wall time of the one test in cocotb's results."""
    (test,) = ElementTree.parse(results).iter("testcase")
    return float(test.attrib["time"])


def _compiled(quick: bool) -> tuple[float, float]:
    """Clocks a second: the exchange alone, and with packing, the model, unpacking and comparison."""
    case = _case(1000 if quick else 4000)
    circuit = CompiledModel(case.verilog, case.toplevel)
    packed = pack_drive(case.params, case.lanes, case.drive_raw)
    _, clocks = circuit.exchange(packed)
    seconds = 0.5 if quick else 2.0

    def whole() -> None:
        circuit.reset()
        rows, _ = circuit.exchange(pack_drive(case.params, case.lanes, case.drive_raw))
        _checked(case, rows, case.bit_true())

    def alone() -> None:
        circuit.reset()
        circuit.exchange(packed)

    return best_rate(alone, clocks, seconds=seconds), best_rate(whole, clocks, seconds=seconds)


def _build() -> None:
    """Fill the cache, side by side: a build is 15 s, and must not run beside a measurement."""
    case = _case(1)
    verilog = case.verilog
    with ThreadPoolExecutor() as pool:
        work: list[Future[Any]] = []
        if missing("compiled") is None:
            work.append(pool.submit(CompiledModel, verilog, case.toplevel))
        if missing("verilator") is None:
            work.append(pool.submit(_cocotb, "verilator", 1, 1))
        for done in work:
            done.result()


def measure(quick: bool, note: Callable[[str], Any]) -> Iterator[Row]:
    """All figures, one after the other.

    Parameters
    ----------
    quick : bool
        Shorter runs.
    note : callable
        Takes what is left out, and why.
    """
    _build()
    yield from _model(quick, note)
    unit = "clocks/s"
    rate = _amaranth(quick)
    peer = Peer("Amaranth's simulator", rate)
    yield Row(name=f"{COUNT} neurons, Amaranth's simulator, every tick checked", value=rate, unit=unit)
    for simulator, ticks, runs, goal in (("verilator", 4000, 2, 50e3), ("icarus", 60, 1, None)):
        lack = missing(simulator)
        if lack is not None:
            note(lack)
            continue
        rate = _cocotb(simulator, ticks if quick else 4 * ticks, runs if quick else 3)
        yield Row(
            name=f"{COUNT} neurons, cocotb on {simulator}, every tick checked",
            value=rate,
            unit=unit,
            goal=goal,
            peer=peer,
        )
    lack = missing("compiled")
    if lack is not None:
        note(lack)
        return
    alone, whole = _compiled(quick)
    yield Row(name=f"{COUNT} neurons, compiled model, exchange alone", value=alone, unit=unit, goal=1e6, peer=peer)
    yield Row(name=f"{COUNT} neurons, compiled model, every tick checked", value=whole, unit=unit, peer=peer)


if __name__ == "__main__":
    main("LIF neurons", measure)
