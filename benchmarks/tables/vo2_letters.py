"""Letters that VO2 devices remember: an array of devices with a capacitor for each weight, beside the phase form.

Run ``python -m benchmarks.tables.vo2_letters --out docs/vo2-letters.md``. It takes some ten minutes on one core.
Three ways to the same answer: the circuit equations, solved exactly in time; the integers of the circuit on an FPGA;
and the phase oscillators of ``neuristor onn`` with the same weights.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.tables.markdown import table
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.networks.associative import disturbed, hebbian, letters
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.networks.onn import spins as phase_spins
from neuristor.golden_model.networks.order import phase_differences
from neuristor.golden_model.networks.rails import Rails, spins
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue, RelaxationOscillatorParams
from neuristor.golden_model.variability import Variability
from neuristor.pictures.paper import STYLE, svg

__all__ = ["PIXELS", "Ending", "bit_true", "design", "devices", "learnt", "main", "params", "phase_form", "rails"]

Pixels = NDArray[np.int64]
PIXELS = "7x6"
NAMES = "ABC"
TICK = 50e-9
"""In second: 69 ticks a period."""
PERIODS = 200
NOISE = (0.1, 0.2, 0.3)
"""Parts of the pixels that are inverted at first."""
SPREADS = (0.0, 0.002, 0.005, 0.01)
"""Standard deviations of V_th and V_hold, over their means."""


@dataclass(frozen=True)
class Ending:
    """How a recall ended.

    Parameters
    ----------
    spins : ndarray of int, shape (pixels,)
        +1, -1, or 0 where a device has stopped.
    apart : float
        Largest difference of the frequencies over their mean; 0 in the phase form.
    """

    spins: Pixels
    apart: float = 0.0

    def right(self, wanted: Pixels) -> float:
        """Part of the pixels that are as wanted, all inverted or none.

        Parameters
        ----------
        wanted : ndarray of int, shape (pixels,)
            The letter.
        """
        part = float((self.spins == wanted * wanted[0]).mean())
        return max(part, float((self.spins == -wanted * wanted[0]).mean()))


def learnt() -> Pixels:
    """The letters that are stored, shape (letters, pixels)."""
    found = letters(PIXELS)
    return np.asarray(found.pixels[[found.names.index(name) for name in NAMES]])


def rails() -> Rails:
    """The network: Hebb's rule, of which only the signs are kept, so that all devices carry the same load."""
    circuit = Circuit(device=preset("vo2-onn").device, supply=10.0, series_resistance=10e3, capacitance=1e-9)
    weights = np.sign(hebbian(learnt()))
    return Rails(circuit=circuit, kind="capacitive", weights=weights, strength=0.15, pairing=0.1)


def params(spread: float = 0.0, seed: int = 1) -> RelaxationOscillatorParams:
    """The array of devices.

    Parameters
    ----------
    spread : float
        Standard deviation of V_th and of V_hold from device to device, over their means.
    seed : int
        Of the spread.
    """
    made = RelaxationOscillatorParams(
        circuit=rails().circuit,
        count=rails().count,
        dt=TICK,
        coupling=rails().coupling(),
        membrane=Format(5, 14),
    )
    return replace(made, spread=Variability(threshold_d2d=spread, hold_d2d=spread, seed=seed))


def devices(begin: Pixels) -> Ending:
    """The circuit equations, exact in time.

    Parameters
    ----------
    begin : ndarray of int, shape (pixels,)
        The disturbed letter.
    """
    phase, frequency = rails().run(begin, PERIODS)
    return Ending(spins(phase), float(np.ptp(frequency) / frequency.mean()))


def bit_true(begin: Pixels, array: RelaxationOscillatorParams) -> Ending:
    """The integers of the circuit on the FPGA.

    Parameters
    ----------
    begin : ndarray of int, shape (pixels,)
        The disturbed letter.
    array : RelaxationOscillatorParams
        Of `params`.
    """
    circuit, off = rails().circuit, rails().delays(begin)
    ticks = round(PERIODS / circuit.frequency() / TICK)
    # Part of each tick in which the supply is still off: its current is taken away.
    still = np.clip(off[None, :] / TICK - np.arange(ticks)[:, None], 0, 1)
    drive = array.drive_raw(-circuit.supply / circuit.series_resistance * still)
    spikes = RelaxationOscillatorBitTrue(array).run(drive)["spike"]
    late = [TICK * fired[fired > 0.75 * ticks] for fired in (np.flatnonzero(each) + 1 for each in spikes.T)]
    frequency = np.array([1 / np.diff(each).mean() if len(each) > 1 else 0.0 for each in late])
    return Ending(spins(phase_differences(late)), float(np.ptp(frequency) / frequency.mean()))


def phase_form(begin: Pixels) -> Ending:
    """The phase oscillators with the same weights.

    Parameters
    ----------
    begin : ndarray of int, shape (pixels,)
        The disturbed letter.
    """
    made = OnnParams(weights=np.asarray(rails().weights, dtype=np.int64), weight_bits=2, phase_bits=8)
    network = OnnBitTrue(made, np.where(begin > 0, 0, 128)[None, :])
    for _ in range(PERIODS * made.raw.period):
        network.step()
    return Ending(phase_spins(network.phase, 8)[0])


METHODS = ("devices, exact in time", "devices, bit-true", "phase form")


def _endings(tries: int) -> Iterator[tuple[float, Pixels, Pixels, tuple[Ending, ...]]]:
    """Noise, letter, disturbed letter and the three ends."""
    array = params()
    for noise in NOISE:
        print(f"noise {noise:g}", file=sys.stderr, flush=True)
        for wanted, begin in zip(
            np.repeat(learnt(), tries, axis=0), disturbed(learnt(), noise, tries, seed=1), strict=True
        ):
            yield noise, wanted, begin, (devices(begin), bit_true(begin, array), phase_form(begin))


def design(folder: Path, begin: Pixels) -> None:
    """Write a design file with its edges and supplies.

    Parameters
    ----------
    folder : Path
        Where to.
    begin : ndarray of int, shape (pixels,)
        The disturbed letter with which it starts.
    """
    made, coupling = rails(), rails().coupling()
    lines = ["i,j,value (pF)"]
    lines += [f"{i},{j},{value * 1e12:.6g}" for (i, j), value in zip(coupling.edges, coupling.values, strict=True)]
    (folder / "vo2_letters_edges.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    delays, supply = made.delays(begin), made.circuit.supply
    late = float(delays.max())
    titles = ["t (us)", *(f"v{n} (V)" for n in range(made.count))]
    first = ["0", *(f"{supply:g}" if each == 0 else "0" for each in delays)]
    before = [f"{late * 1e6:.6g}", *first[1:]]
    after = [before[0], *[f"{supply:g}"] * made.count]
    last = [f"{(PERIODS + 2) / made.circuit.frequency() * 1e6:.0f}", *after[1:]]
    rows = [",".join(each) for each in (titles, first, before, after, last)]
    (folder / "vo2_letters_supplies.csv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    (folder / "vo2_letters.toml").write_text(DESIGN, encoding="utf-8", newline="\n")


DESIGN = """# 84 VO2 devices that remember three letters of 42 pixels: two devices a pixel, a capacitor for each weight.
#
# Made by `python -m benchmarks.tables.vo2_letters`; docs/vo2-letters.md has what they recall. Device n + 42 is the
# inverse of device n. A supply is switched on at once for a black pixel, and half a period later for a white one: the
# picture with which this design starts is an A of which eight pixels are wrong.

[device]
preset = "vo2-onn"

[circuit]
supply = 10.0               # V, once it is on: 290 kHz
series_resistance = 10e3    # ohm
capacitance = 1e-9          # F

[neuron]
model = "relaxation_oscillator"
count = 84
dt = 50e-9                  # s, one tick

[coupling]
kind = "capacitive"
file = "vo2_letters_edges.csv"

[stimulus]
source = "vo2_letters_supplies.csv"
ticks = 13800               # 690 us, 200 periods

[number]
membrane = [5, 14]

[fpga]
lanes = 4
boards = ["ulx3s-85f"]
"""


def _share(endings: list[tuple[Pixels, Ending]]) -> str:
    whole = sum(end.right(wanted) == 1.0 for wanted, end in endings)
    return f"{whole} of {len(endings)} ({100 * np.mean([end.right(wanted) for wanted, end in endings]):.1f} %)"


def _picture(columns: dict[str, list[Pixels]]) -> str:
    rows, width = (int(each) for each in PIXELS.split("x"))
    height = len(next(iter(columns.values())))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.3 * len(columns), 1.4 * height), layout="constrained")
        axes = figure.subplots(height, len(columns))
        for place, (title, pictures) in enumerate(columns.items()):
            for row, pixels in enumerate(pictures):
                axis = axes[row][place]
                axis.imshow(pixels.reshape(rows, width), cmap="gray_r", vmin=-1, vmax=1)
                axis.set(xticks=[], yticks=[])
                if row == 0:
                    axis.set_title(title, fontsize=8)
        return svg(figure)


def main(arguments: list[str] | None = None) -> int:
    """Recall, and write page, picture, data and the design file.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="page to write; picture and data go beside it")
    parser.add_argument("--tries", type=int, default=4, help="disturbed copies of each letter, for each noise")
    parser.add_argument("--seeds", type=int, default=2, help="arrays of unequal devices, for each spread")
    parser.add_argument("--design", type=Path, help="folder into which the example goes: design file, edges, supplies")
    given = parser.parse_args(arguments)
    found = list(_endings(given.tries))
    rows = []
    for noise in NOISE:
        cells = [f"{100 * noise:g} %"]
        for place in range(len(METHODS)):
            cells.append(_share([(wanted, ends[place]) for each, wanted, _, ends in found if each == noise]))
        rows.append(cells)
    parted = [
        f"{name}: {sum((ends[a].spins != ends[b].spins).any() for *_, ends in found)} of {len(found)}"
        for name, a, b in (
            ("exact and bit-true", 0, 1),
            ("bit-true and phase form", 1, 2),
            ("exact and phase form", 0, 2),
        )
    ]
    widest = [max(ends[place].apart for *_, ends in found) for place in (0, 1)]
    spreads = []
    for spread in SPREADS:
        print(f"spread {spread:g}", file=sys.stderr, flush=True)
        recalled = [
            (wanted, bit_true(begin, params(spread, seed + 1)))
            for seed in range(given.seeds if spread else 1)
            for wanted, begin in zip(
                np.repeat(learnt(), given.tries, axis=0), disturbed(learnt(), 0.2, given.tries, seed=1), strict=True
            )
        ]
        spreads.append(
            [f"{100 * spread:g} %", _share(recalled), f"{100 * np.mean([end.apart for _, end in recalled]):.2f} %"]
        )
    folder, stem = given.out.parent, given.out.stem
    shown = [each for each in found if each[0] == NOISE[1]][:: given.tries]
    columns = {"learnt": [wanted for _, wanted, *_ in shown], "at first": [begin for _, _, begin, _ in shown]}
    for place, name in enumerate(METHODS):
        # A picture and its inverse are the same: shown is the one nearer to the letter.
        columns[name.replace(", ", "\n")] = [
            ends[place].spins * (1 if ends[place].spins @ wanted >= 0 else -1) for _, wanted, _, ends in shown
        ]
    (folder / f"{stem}.svg").write_text(_picture(columns), encoding="utf-8", newline="\n")
    lines = ["noise,letter,try,method,right pixels,frequency range"]
    for number, (noise, wanted, _, ends) in enumerate(found):
        for name, end in zip(METHODS, ends, strict=True):
            letter = NAMES[number // given.tries % len(NAMES)]
            right = round(end.right(wanted) * len(wanted))
            lines.append(f'{noise:g},{letter},{number % given.tries},"{name}",{right},{end.apart:.3g}')
    (folder / f"{stem}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    if given.design is not None:
        design(given.design, disturbed(learnt(), 0.2, given.tries, seed=1)[0])
    text = PAGE.format(
        pixels=learnt().shape[1],
        devices=rails().count,
        edges=len(rails().coupling().edges),
        kilohertz=f"{rails().circuit.frequency() / 1e3:.0f}",
        periods=PERIODS,
        tries=given.tries,
        stem=stem,
        recalls=table(["wrong at first", *METHODS], rows),
        parted="; ".join(parted),
        apart=f"{100 * widest[0]:.2f} % exact, {100 * widest[1]:.2f} % bit-true",
        spreads=table(["spread of V_th and V_hold", "recalled (pixels)", "mean range of frequencies"], spreads),
        seeds=given.seeds,
        machine=f"Python {platform.python_version()}, NumPy {np.__version__}",
    )
    given.out.write_text(text, encoding="utf-8", newline="\n")
    return 0


PAGE = """# Letters that VO2 devices remember

{devices} VO2 devices with {edges} capacitors between them remember three letters of {pixels} pixels. This page is made
by `python -m benchmarks.tables.vo2_letters --out docs/vo2-letters.md --design examples` ({machine}).

**Two devices a pixel.** At a supply of 10 V through 10 kohm the device `vo2-onn` with 1 nF oscillates at {kilohertz}
kHz, and a capacitor between two of them pushes their phases half a period apart. So each pixel is two devices, n and
n + {pixels}, which a capacitor keeps opposite. A negative weight is a capacitor between the devices of two pixels, a
positive one goes to the inverse ([rails.py](../golden_model/networks/rails.py)); its size follows from the phase
response of the circuit. The weights are the signs of Hebb's rule: then all devices carry the same load and have the
same frequency. With weights of other sizes they have not, and phases mean little.

**The start.** The supply of a device is switched on at once for a black pixel, and half a period later for a white one.

## Recall

All pixels right after {periods} periods, of three letters with {tries} disturbed copies each; in brackets the right
pixels.

{recalls}

![letters]({stem}.svg)

Where they part, runs with another answer: {parted}. The phase form has outputs of two values and a sum for each. The
devices have waveforms that are not symmetric, so that some of their phases stay between 0 and 180 degrees, and the sign
that is read decides. There, small differences count: those of a time step, and of the words. Largest range of the
frequencies in a run: {apart}.

The data are beside the picture, as CSV.

## Unequal devices

The bit-true model, 20 % of the pixels wrong at first, {seeds} arrays for each spread:

{spreads}

With 1 % the devices do not have one frequency any more.

## On an FPGA

`neuristor build examples/vo2_letters.toml` makes the circuit of this array; its edges and supplies are CSV files beside
it.
"""

if __name__ == "__main__":
    raise SystemExit(main())
