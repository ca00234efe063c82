"""Arrays with neighbours: networks of unequal devices against ngspice, and the speed of thermal arrays.

Run ``python -m benchmarks.arrays``. Networks are of unequal devices with an element of its own on each edge: switches
with resistors, switches with capacitors, and switches by Joule heating with heat; ngspice (Debian) has its own switch
model, and the thermal one as current sources. The speed of the
bit-true model is that of one core; its peer is the same model in plain NumPy, in the same run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Benchmark, Peer, Row, Run, missing
from benchmarks.routed import routed, rows_of, ticks_per_second
from neuristor.boards.host import open_board
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.file import model_file, shipped_model
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.coupling import Coupling, Kind
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorParams
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.serial import BAUD, SerialCore
from neuristor.hdl.neurons import Neuron, neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.virtual_board import VirtualBoard

__all__ = [
    "BENCHMARK",
    "KINDS",
    "NETWORKS",
    "Network",
    "loading",
    "measure",
    "off",
    "spice",
    "with_capacitors",
    "with_heat",
    "with_resistors",
]

Floats = NDArray[np.float64]
TICK = 20e-9
"""In second."""
NETWORKS: Mapping[str, tuple[int, tuple[tuple[int, int], ...]]] = {
    "a pair": (2, ((0, 1),)),
    "a ring of 5": (5, ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4))),
    "a star of 6": (6, ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5))),
    "a random graph of 8": (8, ((0, 3), (0, 6), (1, 2), (1, 7), (2, 5), (3, 4), (4, 7), (5, 6), (2, 6), (3, 7))),
}
LOCKED = 2e-4
"""Spread of frequencies within which a network is locked."""
BOARD = "ulx3s-85f"
SIDE = 64
"""Rows and columns of the thermal array."""


def _model(name: str, count: int, dt: float) -> tuple[Neuron, EquationParams]:
    made = equation_neuron(shipped_model(name).model_dump_json())
    params: EquationParams = made.model.from_circuit(None, count=count, dt=dt)
    return made, params


@dataclass(frozen=True)
class Network:
    """Unequal devices with an element of its own on each edge, and the same circuit in SPICE.

    Parameters
    ----------
    made : Neuron
        The neuron model.
    params : NeuronParams
        Its parameters.
    deck : tuple of str
        Lines of the SPICE deck: the device number n has the node n{n}.
    watched : tuple of str
        What ngspice records of each device.
    fires : callable
        From these to where the device is on, array of bool.
    duration : float
        Length of a run, in second: some hundred periods, of which the last third counts.
    step : float
        Longest step of ngspice, in second.
    """

    made: Neuron
    params: Any
    deck: tuple[str, ...]
    watched: tuple[str, ...]
    fires: Callable[..., Any]
    duration: float
    step: float


def _unequal(count: int, usual: Mapping[str, float], spread: Mapping[str, float]) -> dict[str, Floats]:
    generator = np.random.default_rng(count)
    return {key: usual[key] * (1 + part * generator.standard_normal(count).clip(-2, 2)) for key, part in spread.items()}


def _coupling(kind: Kind, strongest: float, name: str) -> Coupling:
    """Elements of one to two times the strongest value, or half of it; a star has weaker ones than a pair."""
    count, edges = NETWORKS[name]
    degree = int(np.bincount(np.ravel(edges)).max())
    random = np.random.default_rng(count + 1).uniform(1, 2, len(edges))
    values = tuple((strongest * degree * random if kind == "resistive" else strongest / degree / random).tolist())
    return Coupling.of_edges(kind, count, edges, values)


def _switches(columns: Mapping[str, Floats], supply: float) -> list[str]:
    """SPICE lines of two-state switches in relaxation oscillators."""
    lines = [f"vdd s 0 {supply!r}"]
    for n, (v_th, v_hold) in enumerate(zip(columns["v_th"].tolist(), columns["v_hold"].tolist(), strict=True)):
        lines += [
            f"rs{n} s n{n} {float(columns['series_resistance'][n])!r}",
            f"c{n} n{n} 0 {float(columns['capacitance'][n])!r}",
            f"sw{n} n{n} m{n} n{n} 0 device{n} off",
            f"vm{n} m{n} 0 0",
            f".model device{n} sw vt={(v_th + v_hold) / 2!r} vh={(v_th - v_hold) / 2!r} "
            f"ron={float(columns['r_met'][n])!r} roff={float(columns['r_ins'][n])!r}",
            f".ic v(n{n})=0",
        ]
    return lines


def _elements(coupling: Coupling, letter: str, node: str = "n") -> list[str]:
    edges = zip(coupling.edges, coupling.values, strict=True)
    return [f"{letter}c{number} {node}{i} {node}{j} {value!r}" for number, ((i, j), value) in enumerate(edges)]


def _conducts(columns: Mapping[str, Floats]) -> Callable[..., Any]:
    """Where a switch is metallic, by its voltage and current."""
    limit = 1 / np.sqrt(columns["r_ins"] * columns["r_met"])
    return lambda n, voltage, current: current > limit[n] * voltage


def with_resistors(name: str) -> Network:
    """Switches of which everything differs, and resistors.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    """
    count, _ = NETWORKS[name]
    usual = {"r_ins": 100.2e3, "r_met": 990.0, "v_th": 1.99, "v_hold": 1.0, "capacitance": 300e-12}
    spread = {"r_ins": 0.01, "r_met": 0.02, "v_th": 0.001, "v_hold": 0.001, "capacitance": 0.003}
    own = _unequal(count, usual, spread)
    coupling = _coupling("resistive", 4e3, name)
    made, params = _model("vo2_switch", count, TICK)
    params = replace(params, values=(("supply", 14.0), ("series_resistance", 47e3)))
    columns = {**own, "series_resistance": np.full(count, 47e3)}
    return Network(
        made=made,
        params=replace(params.measured(own), coupling=coupling),
        deck=(*_switches(columns, 14.0), *_elements(coupling, "r")),
        watched=("v(n{n})", "i(vm{n})"),
        fires=_conducts(columns),
        duration=400e-6,
        step=0.4e-9,
    )


def with_capacitors(name: str) -> Network:
    """The hand-written oscillators with unequal thresholds, and capacitors.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    """
    count, _ = NETWORKS[name]
    own = _unequal(count, {"v_th": 1.99, "v_hold": 0.99}, {"v_th": 0.0005, "v_hold": 0.0005})
    coupling = _coupling("capacitive", 150e-12, name)
    circuit = Circuit(device=preset("vo2-onn").device, supply=10.0, series_resistance=10e3, capacitance=1e-9)
    usual = RelaxationOscillatorParams(
        circuit=circuit, count=count, dt=25e-9, coupling=coupling, membrane=Format(5, 18), coefficient_bits=18
    )
    elements = {"series_resistance": 10e3, "capacitance": 1e-9, "r_ins": 100.2e3, "r_met": 990.0}
    columns = {**own, **{key: np.full(count, value) for key, value in elements.items()}}
    return Network(
        made=neuron("relaxation_oscillator"),
        params=usual.measured(own),
        deck=(*_switches(columns, 10.0), *_elements(coupling, "c")),
        watched=("v(n{n})", "i(vm{n})"),
        fires=_conducts(columns),
        duration=1e-3,
        step=1e-9,
    )


def with_heat(name: str) -> Network:
    """Thermal switches (``examples/models/thermal_switch.toml``) of which much differs, and heat between them.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    """
    count, _ = NETWORKS[name]
    own_file = model_file(Path(__file__).parents[1] / "examples" / "models" / "thermal_switch.toml").model_dump()
    own_file["equations"] = own_file["equations"].replace("/r_th)/c_th", "/r_th + heat)/c_th")
    text = Model.model_validate({**own_file, "coupling": {"name": "heat", "reads": "T", "unit": "W"}})
    made = equation_neuron(text.model_dump_json())
    usual = {name: quantity(each.value)[0] for name, each in text.parameters.items()}
    own = _unequal(count, usual, {"r_th": 0.004, "c_th": 0.01, "capacitance": 0.004, "series_resistance": 0.002})
    coupling = _coupling("weight", 0.1e-6, name)
    params = made.model.from_circuit(None, count=count, dt=5e-9)
    lines = [f"vdd s 0 {usual['supply']!r}", f"va a 0 {usual['ambient']!r}"]
    for n in range(count):
        g = f"{usual['g_0']!r}/(exp({usual['activation']!r}/v(t{n}))+{usual['limit']!r})"
        lines += [
            f"rs{n} s n{n} {float(own['series_resistance'][n])!r}",
            f"c{n} n{n} 0 {float(own['capacitance'][n])!r}",
            f"bg{n} n{n} 0 i=v(n{n})*{g}",
            f"bp{n} 0 t{n} i=v(n{n})*v(n{n})*{g}",
            f"rt{n} t{n} a {float(own['r_th'][n])!r}",
            f"ct{n} t{n} 0 {float(own['c_th'][n])!r}",
            f".ic v(n{n})=0 v(t{n})={usual['ambient']!r}",
        ]
    ohms = replace(coupling, kind="resistive", value=1 / coupling.value, values=tuple(1 / g for g in coupling.values))
    return Network(
        made=made,
        params=replace(params.measured(own), coupling=coupling),
        deck=(*lines, *_elements(ohms, "r", "t")),
        watched=("v(t{n})",),
        fires=lambda n, temperature: temperature > usual["t_on"],
        duration=150e-6,
        step=0.5e-9,
    )


KINDS: Mapping[str, Callable[[str], Network]] = {
    "resistors": with_resistors,
    "capacitors": with_capacitors,
    "heat": with_heat,
}
"""Networks by what is on their edges."""


def spice(network: Network, folder: Path) -> list[Floats]:
    """Times at which each device is switched on, by ngspice.

    Parameters
    ----------
    network : Network
        A network.
    folder : Path
        Folder for its files.

    Returns
    -------
    list of ndarray of float
        For each device, in second.

    Raises
    ------
    RuntimeError
        If ngspice fails.
    """
    count = network.params.count
    watched = " ".join(each.format(n=n) for n in range(count) for each in network.watched)
    lines = [
        "unequal oscillators",
        *network.deck,
        ".options reltol=1e-6 abstol=1e-15 vntol=1e-9 chgtol=1e-20 trtol=1",
        f".tran {network.step!r} {network.duration!r} 0 {network.step!r} uic",
        ".control",
        "set wr_singlescale",
        "set numdgt=12",
        "run",
        f"wrdata waves.txt {watched}",
        "quit",
        ".endc",
        ".end",
    ]
    (folder / "deck.cir").write_text("\n".join(lines) + "\n", "utf-8")
    run = subprocess.run(
        [shutil.which("ngspice") or "ngspice", "-b", "-n", "deck.cir"], cwd=folder, capture_output=True, text=True
    )
    if run.returncode:
        raise RuntimeError(f"ngspice: {(run.stdout + run.stderr)[-300:]}")
    when, *waves = np.loadtxt(folder / "waves.txt").T
    found, each = [], len(network.watched)
    for n in range(count):
        on = network.fires(n, *waves[each * n : each * (n + 1)])
        found.append(when[np.flatnonzero(on[1:] & ~on[:-1])])
    return found


def off(ours: list[Floats], theirs: list[Floats], duration: float) -> tuple[float, float]:
    """Largest difference of the frequencies, relative, and of the phases, in degrees, in the last third of a run.

    The phases are NaN where the frequencies of ngspice differ by more than `LOCKED`: then they move.

    Parameters
    ----------
    ours, theirs : list of ndarray of float
        Times of the spikes of each device, in second.
    duration : float
        Of the run, in second.
    """
    frequencies, phases = [], []
    for times in (ours, theirs):
        late = [each[each > duration * 2 / 3] for each in times]
        frequencies.append(np.array([1 / np.diff(each).mean() for each in late]))
        # Where each is in the periods of the first one, by its last spikes.
        turns = [np.interp(each[-8:-2], late[0], np.arange(len(late[0]))) for each in late]
        phases.append(np.array([np.angle(np.exp(2j * np.pi * each).mean()) for each in turns]))
    apart = np.degrees(np.angle(np.exp(1j * (phases[0] - phases[1]))))
    locked = np.ptp(frequencies[1]) < LOCKED * frequencies[1][0]
    return float(np.abs(frequencies[0] / frequencies[1] - 1).max()), float(np.abs(apart).max()) if locked else np.nan


def _spikes(network: Network) -> list[Floats]:
    """Times at which each device is switched on in the bit-true model; between ticks, where the model locates them."""
    params, model = network.params, network.made.model.bit_true(network.params)
    ticks = round(network.duration / params.dt)
    trace = model.run(np.zeros((ticks, params.count), dtype=np.int64))
    if "T" not in trace:
        return spike_times(params, trace)
    # Where the temperature passes that of a spike, on a straight line between two ticks.
    temperature, found = params.real("T", trace["T"]), []
    limit = next(value for name, value in params.own_values.items() if name.name == "t_on")
    for each in temperature.T:
        last = np.flatnonzero((each[1:] > limit) & (each[:-1] <= limit))
        part = (limit - each[last]) / (each[last + 1] - each[last])
        found.append((last + 1 + part) * params.dt)
    return found


def _networks(run: Run, names: list[str], kinds: Sequence[str] = tuple(KINDS)) -> Iterator[Row]:
    if shutil.which("ngspice") is None:
        run.note("ngspice is not installed: no networks")
        return
    for kind in kinds:
        for name in names:
            label = f"{name}, {kind}"
            run.note(label)
            network = KINDS[kind](name)
            with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
                theirs = spice(network, Path(folder))
            frequency, phase = off(_spikes(network), theirs, network.duration)
            yield Row(name=f"{label}, against ngspice: frequency", value=100 * frequency, unit="%", goal=0.5, less=True)
            if np.isnan(phase):
                run.note(f"{label}: it does not lock, so that phases are not compared")
            else:
                yield Row(name=f"{label}, against ngspice: phase", value=phase, unit="degrees", goal=2.0, less=True)


def _thermal(side: int) -> tuple[Neuron, EquationParams]:
    made, params = _model("thermal_vo2", side * side, 12.5e-9)
    coupling = Coupling(kind="weight", value=0.02 * 0.20558726e-3, topology="grid", count=side * side, columns=side)
    return made, replace(params, coupling=coupling)


def _speed(run: Run, side: int, ticks: int) -> Iterator[Row]:
    made, params = _thermal(side)
    drive = np.zeros((ticks, params.count), dtype=np.int64)
    plain = made.model.bit_true(params)
    plain.run(drive[:2])
    start = time.perf_counter()
    plain.run(drive[: max(2, ticks // 20)])
    slow = max(2, ticks // 20) * params.count / (time.perf_counter() - start) / 1e6
    name = f"thermal array of {side} x {side}, bit-true, one core"
    if not kernel.available():
        run.note(missing("numba") or "numba is not installed")
        return
    fast = made.model.bit_true(params)
    kernel.run(fast, drive[:1])
    start = time.perf_counter()
    kernel.run(fast, drive)
    value = ticks * params.count / (time.perf_counter() - start) / 1e6
    yield Row(name=f"{name}: numba", value=value, unit="M device steps/s", goal=15.0, peer=Peer("plain NumPy", slow))


def loading(count: int, lanes: int = 8) -> tuple[int, int]:
    """Load measured devices into a simulated board, of which all differ from those that it was built for.

    Parameters
    ----------
    count : int
        Oscillators.
    lanes : int
        Lanes of the array.

    Returns
    -------
    words : int
        Words of parameters and initial states that were loaded.
    exchanged : int
        Bytes on the serial line, in both directions.
    """
    circuit = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)
    usual = RelaxationOscillatorParams(circuit=circuit, count=count, dt=80e-9)
    cores = []
    for seed in (1, 2):
        generator = np.random.default_rng(seed)
        columns = {
            "v_th": 1.99 + 0.03 * generator.uniform(-1, 1, count),
            "v_hold": 0.99 + 0.02 * generator.uniform(-1, 1, count),
        }
        array = neuron("relaxation_oscillator").build(usual.measured(columns), lanes, loadable=True)
        cores.append(ArrayCore(array, "relaxation_oscillator"))
    with VirtualBoard(SerialCore(cores[0], 4)) as virtual, open_board(cores[0], virtual.port) as board:
        before = board.client.exchanged
        board.load(cores[1])
        return sum(len(content.words) for content in cores[1].contents()), board.client.exchanged - before


def _loading(run: Run, count: int) -> Iterator[Row]:
    if not available("verilator"):
        run.note("verilator is not installed: nothing is loaded")
        return
    words, exchanged = loading(count)
    run.note(f"{count} measured devices: {words} words, {exchanged} bytes of 10 bits on the line")
    yield Row(
        name=f"{count} measured devices loaded at {BAUD / 1e6:g} Mbit/s (counted)",
        value=10 * exchanged / BAUD,
        unit="s",
        goal=5.0,
        less=True,
    )


def _routed(
    run: Run,
    name: str,
    made: Neuron,
    params: Any,
    lanes: int,
    clock_hz: float,
    *,
    steps: float | None,
    part: float | None,
    edges_per_clock: int | None = None,
) -> Iterator[Row]:
    array = made.build(params, lanes, edges_per_clock=edges_per_clock)
    drive = np.zeros((1, params.count), dtype=np.int64)
    found = routed(run, name, BOARD, array, made.model.bit_true(params), drive, 20, clock_hz)
    if found is None:
        return
    yield from rows_of(name, found, clock_hz)
    ticks = ticks_per_second(found, array, clock_hz)
    yield Row(name=f"{name}: clocks a tick", value=array.cycles_per_tick, unit="clocks", less=True)
    yield Row(name=f"{name}: speed", value=ticks * params.count / 1e6, unit="M device steps/s", goal=steps)
    yield Row(name=f"{name}: its time over time", value=ticks * params.dt, unit="x", goal=part)
    if edges_per_clock is not None:
        most = edges_per_clock * min(found.fmax_hz or 0.0, clock_hz) / 1e9
        yield Row(name=f"{name}: edges a clock times the clock", value=most, unit="G edges/s")
    else:
        run.note(
            "the GPU run of Zhang et al. is of the order of 1,000 M device steps/s: our estimate from their README"
        )


def _dense(count: int) -> tuple[Neuron, RelaxationOscillatorParams]:
    """All pairs of oscillators with resistors of their own."""
    circuit = Circuit(device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12)
    edges = tuple((i, j) for i in range(count) for j in range(i))
    ohms = tuple((20e6 * np.random.default_rng(1).uniform(1, 8, len(edges))).tolist())
    coupling = Coupling.of_edges("resistive", count, edges, ohms)
    params = RelaxationOscillatorParams(circuit=circuit, count=count, dt=160e-9, coupling=coupling)
    return neuron("relaxation_oscillator"), params


def measure(run: Run) -> Iterator[Row]:
    """Networks against ngspice, then speed, then two arrays placed and routed.

    Parameters
    ----------
    run : Run
        A quick run compares a pair, and a small array.
    """
    if run.quick:
        yield from _networks(run, ["a pair"], ["resistors"])
        yield from _speed(run, 8, 200)
        yield from _loading(run, 16)
        return
    yield from _networks(run, [*NETWORKS])
    yield from _speed(run, SIDE, 400)
    yield from _loading(run, 1024)
    if run.options.unrouted:
        return
    made, params = _thermal(SIDE)
    name = f"thermal array of {SIDE} x {SIDE} on {BOARD}"
    yield from _routed(run, name, made, params, 4, 60e6, steps=200.0, part=None)
    made, dense = _dense(64)
    name = f"64 oscillators, 4,032 edges, on {BOARD}"
    yield from _routed(run, name, made, dense, 8, 60e6, steps=None, part=0.1, edges_per_clock=64)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unrouted", action="store_true", help="leave out what is placed and routed")


BENCHMARK = Benchmark(
    name="arrays",
    title="arrays with neighbours: against ngspice, speed, and routed",
    quick="a pair of devices, and a small thermal array",
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
