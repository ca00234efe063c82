"""The thermal neuristor array of Zhang et al.: float and bit-true against the authors' own method.

Run ``python -m benchmarks.tables.thermal_array --out docs/thermal-array.md``. It takes some twenty minutes on one core.

Ways to the same array that share no code but this file: explicit Euler steps of 10 ns, as the authors' program makes
them, and of 2.5 ns, written here; the formulas of a tick of 12.5 ns in float64; and the integers of the circuit, which
are compiled by numba if it is installed.

References
----------
Y.-H. Zhang, C. Sipling, E. Qiu, I. K. Schuller and M. Di Ventra, "Collective dynamics and long-range order in thermal
neuristor networks", Nature Communications 15, 2024, arXiv:2312.12899; constants from its public code. The exponent and
its error: A. Clauset, C. R. Shalizi and M. E. J. Newman, SIAM Review 51, 2009, equations 3.7 and 3.6.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.tables.markdown import table
from neuristor.golden_model.equations.file import shipped_model
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.networks.order import avalanches
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.pictures.paper import STYLE, svg

__all__ = ["Array", "bit_true", "euler", "exponent", "float_ticks", "main", "phase"]

Floats = NDArray[np.float64]
Spikes = list[Floats]
S_TH = 0.20558726e-3
"""Thermal conductance of a device, in watt per kelvin."""
TICK = 12.5e-9
"""In second."""
STEP = 10e-9
"""Step of the authors' method, in second."""
SHORT = 2.5e-9
"""A shorter one: what differs between the two is the error of the longer one."""
PEAK = 1.5e-3
"""Current above which there is a spike, in ampere."""
NOISE = 0.01
"""Standard deviation of what noise adds to a temperature in 10 ns, in kelvin: 0.001 K/ns times the step."""
CHUNK = 200
"""Ticks whose states are kept at once."""
LEAST = 10
"""Smallest avalanche that counts for the exponent."""
WINDOWS = (50e-9, 100e-9, 200e-9)
"""Longest times between spikes of an avalanche, in second."""
SUPPLIES = tuple(range(8, 17))
"""Supplies of the phase diagram, in volt."""
SHARES = (0.0, 0.02, 0.05, 0.1)
"""Couplings of the phase diagram: parts of the thermal conductance that an edge has."""


@dataclass(frozen=True)
class Array:
    """A square lattice of devices that heat their four neighbours.

    Parameters
    ----------
    side : int
        Rows and columns.
    supply : float
        V_in, in volt.
    share : float
        c: thermal conductance of an edge over that of a device; the rest of a device's leads to the environment.
    noise : float
        In kelvin a step of 10 ns.
    seed : int
        Of the noise.
    """

    side: int
    supply: float
    share: float
    noise: float = NOISE
    seed: int = 1

    def params(self) -> tuple[Neuron, EquationParams]:
        """The array as a neuron model and its parameters."""
        text = shipped_model("thermal_vo2").model_dump()
        if self.noise:
            text["equations"] = text["equations"].replace("/c_th\n", "/c_th + jitter/sqrt(10*ns)*xi\n")
            text["parameters"]["jitter"] = {"value": f"{self.noise!r} K", "meaning": "noise in 10 ns"}
        text["parameters"]["peak"] = {"value": f"{PEAK!r} A", "meaning": "current of a spike"}
        *others, last = text["events"]
        text["events"] = (*others, {**last, "name": "peaks", "when": "v/R > peak"})
        text["states"]["T"]["start"] = "ambient - 0.1*K"
        text["input"] = None
        text["equations"] = text["equations"].replace(" + i/capacitance", "")
        made = equation_neuron(Model.model_validate(text).model_dump_json())
        options = made.model.options(supply=self.supply, s_th=S_TH * (1 - 4 * self.share))
        params: EquationParams = made.model.from_circuit(None, count=self.side**2, dt=TICK, options=options)
        params = replace(params, spread=replace(params.spread, seed=self.seed))
        if self.share:
            coupling = Coupling(
                kind="weight", value=self.share * S_TH, topology="grid", count=self.side**2, columns=self.side
            )
            params = replace(params, coupling=coupling)
        return made, params


def euler(array: Array, duration: float, step: float = STEP) -> Spikes:
    """Spike times by explicit Euler steps.

    Parameters
    ----------
    array : Array
        The array.
    duration : float
        In second.
    step : float
        In second; the noise of a shorter one is smaller by the root.
    """
    jitter = array.noise * float(np.sqrt(step / STEP))
    r_0, activation, r_m, width, t_c, beta, gamma = 5.35882879e-3, 5220.47, 1286.3, 7.19357, 332.806, 0.252796, 0.956270
    capacitance, c_th, load, ambient = 145.34619e-12, 49.62777e-12, 12e3, 325.0
    s_edge, s_env = array.share * S_TH, S_TH * (1 - 4 * array.share)
    shape, rng = (array.side, array.side), np.random.default_rng(array.seed)
    v, t = np.zeros(shape), np.full(shape, ambient - 0.1)
    delta, extreme = np.ones(shape), t.copy()
    turned_at, proximity = np.zeros(shape), np.zeros(shape)

    def distance(t: Floats) -> Floats:
        safe = np.where(proximity == 0, 1.0, proximity)
        x = np.clip((t - turned_at) / safe, 0, 3)
        part = 0.5 * (1 - np.sin(gamma * x)) * (1 + np.tanh(np.pi**2 - 2 * np.pi * x))
        return np.asarray(proximity * part)

    before = np.zeros(shape, dtype=bool)
    times: list[list[float]] = [[] for _ in range(array.side**2)]
    for n in range(round(duration / step)):
        warm = np.clip(t, 305, 370)
        g = 0.5 + 0.5 * np.tanh(beta * (delta * width / 2 + t_c - warm - distance(warm)))
        resistance = r_0 * np.exp(activation / warm) * g + r_m
        current = v / resistance
        for place in np.flatnonzero((current > PEAK) & ~before):
            times[place].append(n * step)
        before = current > PEAK
        padded = np.pad(t, 1, mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * t
        dv = ((array.supply - v) / load - current) / capacitance
        dt = (v * current - s_env * (t - ambient) + s_edge * around) / c_th
        v = v + step * dv
        t = t + step * dt + jitter * rng.standard_normal(shape)
        extreme = np.where(delta * (t - extreme) > 0, t, extreme)
        turns = delta * (extreme - t) > 0.01
        reached = -delta * width + distance(t)
        proximity = np.where(turns, np.where(np.abs(reached) < 1e-6, 1e-6, reached), proximity)
        turned_at, extreme = np.where(turns, t, turned_at), np.where(turns, t, extreme)
        delta = np.where(turns, -delta, delta)
    return [np.array(each) for each in times]


def float_ticks(array: Array, duration: float) -> Spikes:
    """Spike times by the formulas of a tick in float64.

    Parameters
    ----------
    array : Array
        The array.
    duration : float
        In second.
    """
    _, params = array.params()
    state = params.float_tick.start(params.count)
    drive = np.zeros(params.count)
    times: list[list[float]] = [[] for _ in range(params.count)]
    for n in range(round(duration / TICK)):
        state, spike = params.float_tick.step(state, drive, *params.pulls(state))
        for place in np.flatnonzero(spike):
            times[place].append((n + 1) * TICK)
    return [np.array(each) for each in times]


def bit_true(array: Array, duration: float) -> Spikes:
    """Spike times by the integers of the circuit.

    Parameters
    ----------
    array : Array
        The array.
    duration : float
        In second.
    """
    made, params = array.params()
    model, ticks = made.model.bit_true(params), round(duration / TICK)
    # Compiling takes longer than a small array.
    compiled = kernel.available() and ticks * params.count > 2_000_000
    found = []
    for first in range(0, ticks, CHUNK):
        drive = np.zeros((min(CHUNK, ticks - first), params.count), dtype=np.int64)
        trace = kernel.run(model, drive, keep=True) if compiled else model.run(drive)
        when, place = np.nonzero(trace["spike"])
        found.append(np.stack([first + when + 1, place]))
    when, place = np.concatenate(found, axis=1)
    return [when[place == n] * TICK for n in range(params.count)]


METHODS: dict[str, Callable[[Array, float], Spikes]] = {
    "Euler, 10 ns": euler,
    "Euler, 2.5 ns": partial(euler, step=SHORT),
    "float, 12.5 ns": float_ticks,
    "bit-true, 12.5 ns": bit_true,
}
"""Ways to the spikes, by name."""


def exponent(sizes: NDArray[np.int64], least: int = LEAST) -> tuple[float, float]:
    """Exponent of a power law of sizes, and its standard error.

    Parameters
    ----------
    sizes : ndarray of int
        Sizes of avalanches.
    least : int
        Smallest one that counts.
    """
    large = sizes[sizes >= least]
    if len(large) < 2:
        return np.nan, np.nan
    alpha = 1 + len(large) / float(np.log(large / (least - 0.5)).sum())
    return alpha, (alpha - 1) / float(np.sqrt(len(large)))


def phase(spikes: Spikes, duration: float) -> str:
    """What the devices of an array do in the second half of a run.

    Parameters
    ----------
    spikes : list of ndarray
        Spike times of each device, in second.
    duration : float
        Of the run, in second.

    Returns
    -------
    str
        ``silent`` (no device has fired at all), ``stopped`` (they have fired, and none does any more: latched at high
        supplies), ``spiking``, or ``mixed`` (some fire, and some do not).
    """
    fires = np.array([bool((each > duration / 2).any()) for each in spikes])
    if fires.all():
        return "spiking"
    if fires.any():
        return "mixed"
    return "stopped" if any(len(each) for each in spikes) else "silent"


def _rate(spikes: Spikes, duration: float) -> tuple[float, float]:
    """Mean rate in the second half, and its standard error from the spread over devices."""
    late = [each[each > duration / 2] for each in spikes]
    rates = np.array([1 / np.diff(each).mean() if len(each) > 1 else 0.0 for each in late])
    return float(rates.mean()), float(rates.std() / np.sqrt(len(rates)))


def _picture(sizes: dict[str, NDArray[np.int64]], window: float) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for (name, found), mark in zip(sizes.items(), "os^.", strict=True):
            size, count = np.unique(found, return_counts=True)
            axes.loglog(size, count[::-1].cumsum()[::-1] / len(found), mark, ms=3, alpha=0.6, label=name)
        axes.set(xlabel="size s of an avalanche (spikes)", ylabel="part of avalanches of at least s")
        axes.set_title(f"spikes at neighbours within {window * 1e9:g} ns")
        axes.legend(frameon=False)
        return svg(figure)


def _avalanche_rows(array: Array, duration: float, seeds: int) -> Iterator[tuple[str, dict[float, Any], list[str]]]:
    """For each method its sizes by window, and the cells of its row."""
    edges = [(int(i), int(j)) for i, j in array.params()[1].coupling.pairs]  # type: ignore[union-attr]
    for name, method in METHODS.items():
        print(f"{name}, {array.side} x {array.side}", file=sys.stderr, flush=True)
        sizes: dict[float, list[Any]] = {window: [] for window in WINDOWS}
        rates = []
        for seed in range(seeds):
            spikes = method(replace(array, seed=seed + 1), duration)
            late = [each[each > duration / 5] for each in spikes]
            rates.append(_rate(spikes, duration)[0])
            for window in WINDOWS:
                sizes[window].append(avalanches(late, window, edges))
        whole = {window: np.concatenate(found) for window, found in sizes.items()}
        cells = [name, f"{np.mean(rates) / 1e3:.2f} +- {np.std(rates) / np.sqrt(seeds) / 1e3:.2f} kHz"]
        for window in WINDOWS:
            alpha, error = exponent(whole[window])
            cells.append(f"{alpha:.3f} +- {error:.3f} ({len(whole[window])}, largest {whole[window].max(initial=0)})")
        yield name, whole, cells


def _diagram(side: int, duration: float) -> Iterator[list[str]]:
    for share in SHARES:
        for supply in SUPPLIES:
            array = Array(side, float(supply), share)
            print(f"{supply} V, c = {share:g}", file=sys.stderr, flush=True)
            cells = [f"{share:g}", f"{supply}"]
            for method in METHODS.values():
                spikes = method(array, duration)
                rate, error = _rate(spikes, duration)
                cells.append(f"{phase(spikes, duration)}, {rate / 1e3:.1f} +- {error / 1e3:.1f}")
            yield cells


def _agreement(rows: list[list[str]], diagram: list[list[str]]) -> str:
    """How far the integers are from the float model, in standard errors, and in how many phases."""
    apart = []
    for column, window in enumerate(WINDOWS, start=2):
        (one, one_error), (other, other_error) = (
            [float(each) for each in row[column].partition(" (")[0].split(" +- ")] for row in rows[-2:]
        )
        apart.append(f"{abs(one - other) / np.hypot(one_error, other_error):.1f} at {window * 1e9:g} ns")
    same = sum(cells[-1].partition(",")[0] == cells[-2].partition(",")[0] for cells in diagram)
    return (
        f"Exponents of the float ticks and of the integers differ by {', '.join(apart)}, in standard errors of the "
        f"difference. Their phases are the same at {same} of {len(diagram)} points below."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the array, and write page, picture and data.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="page to write; pictures and data go beside it")
    parser.add_argument("--side", type=int, default=64, help="rows and columns of the array of the avalanches")
    parser.add_argument("--seeds", type=int, default=2, help="runs of the array of the avalanches")
    parser.add_argument("--duration", type=float, default=250e-6, help="length of such a run, in second")
    parser.add_argument("--small", type=int, default=12, help="rows and columns of the arrays of the phase diagram")
    given = parser.parse_args(arguments)
    array = Array(given.side, 9.96, 0.02)
    rows, sizes = [], {}
    for name, found, cells in _avalanche_rows(array, given.duration, given.seeds):
        sizes[name] = found
        rows.append(cells)
    folder = given.out.parent
    for window in WINDOWS:
        stem = f"{given.out.stem}-{window * 1e9:g}ns"
        picture = _picture({name: found[window] for name, found in sizes.items()}, window)
        (folder / f"{stem}.svg").write_text(picture, encoding="utf-8", newline="\n")
        lines = ["method,size,avalanches"]
        for name, found in sizes.items():
            for size, count in zip(*np.unique(found[window], return_counts=True), strict=True):
                lines.append(f'"{name}",{size},{count}')
        (folder / f"{stem}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    diagram = list(_diagram(given.small, 60e-6))
    head = ["method", "rate", *(f"exponent, window {window * 1e9:g} ns (avalanches)" for window in WINDOWS)]
    text = PAGE.format(
        side=given.side,
        seeds=given.seeds,
        duration=f"{given.duration * 1e6:g}",
        small=given.small,
        least=LEAST,
        avalanches=table(head, rows),
        agreement=_agreement(rows, diagram),
        pictures="\n".join(
            f"![avalanches within {window * 1e9:g} ns]({given.out.stem}-{window * 1e9:g}ns.svg)" for window in WINDOWS
        ),
        diagram=table(["c", "V_in (V)", *(f"{name}: phase, rate (kHz)" for name in METHODS)], diagram),
        machine=f"Python {platform.python_version()}, NumPy {np.__version__}",
    )
    given.out.write_text(text, encoding="utf-8", newline="\n")
    return 0


PAGE = """# The thermal neuristor array

Y.-H. Zhang, C. Sipling, E. Qiu, I. K. Schuller and M. Di Ventra (Nature Communications 15, 2024, arXiv:2312.12899)
put VO2 devices on a lattice on which they warm each other. This page is made by `python -m
benchmarks.tables.thermal_array --out docs/thermal-array.md` ({machine}); equations and constants are theirs, as
[equations.md](equations.md) and the model `thermal_vo2` have them. These ways to the same array share no
code: explicit Euler steps of 10 ns, as the authors' program makes them, and of 2.5 ns; the formulas of a tick of 12.5
ns in float64; and the integers of the circuit.

`examples/vo2_thermal_array.toml` is a small one as a design file.

A spike is a current that rises above 1.5 mA. Spikes are in one avalanche if they follow each other within the window
at the same device or at a neighbour. The sizes depend on the window, and at the window at which neighbours just are
joined or not also on the time step.

## Avalanches

{side} x {side} devices, V_in = 9.96 V, c = 0.02, noise 0.001 K/ns, {seeds} runs of {duration} us, of which the first
fifth does not count; the rate is that of the second half. Exponents are those of the most likely power law of sizes
from {least} on, with the standard error of the fit alone.

{avalanches}

{agreement}

The published steps of 10 ns are not short against the time in which a spike passes from device to device: where the
window decides whether neighbours are joined, their exponent is another one. With steps of 2.5 ns it comes near that of
the ticks, whose formulas are of second order.

{pictures}

The data are beside the pictures, as CSV.

## Phases over supply and coupling

Stopped: the devices have fired, and none does any more; at high supplies they are latched, and at the lower border they
are silent after the start. {small} x {small} devices, 60 us, rate in the second half with the standard error from
device to device.

{diagram}
"""

if __name__ == "__main__":
    raise SystemExit(main())
