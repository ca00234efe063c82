"""The explorer's views of networks: phase oscillators from a file of weights, and spiking networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.design_file import DesignError
from neuristor.explore.view import Knob, Part, Seen, Values, View
from neuristor.golden_model.networks.onn import OnnBitTrue, energy, spins
from neuristor.golden_model.networks.quantization import read_out
from neuristor.golden_model.networks.snn import SnnBitTrue
from neuristor.network_file import open_network
from neuristor.pictures.networks import circle_panel
from neuristor.pictures.picture import Axis, Panel, Series
from neuristor.session import OnnOptions, OnnSession, Session, SnnSession
from neuristor.weights_file import open_weights

__all__ = ["OscillatorsView", "SpikingView"]

Integers = NDArray[np.int64]
MOST_OSCILLATORS = 2000


class OscillatorsView(View):
    """A network of phase oscillators.

    Parameters
    ----------
    path : Path
        The file of weights.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        opened = open_weights(path, bits=5, phase_bits=4, noise_bits=8)
        count = opened.params.count
        self.title, self.subtitle = opened.module, f"{count} phase oscillators, all coupled to all"
        common: Any = {"group": "Run", "unit": "", "scale": "whole"}
        self.knobs = (
            Knob(key="seed", label="seed", meaning="of initial phases and noise", value=0, low=0, high=100, **common),
            Knob(key="periods", label="periods", value=20, low=2, high=200, **common),
            Knob(key="noise", label="noise at the start", meaning="falls to 0", value=0, low=0, high=255, **common),
            Knob(key="weight_bits", label="bits of a weight", value=5, low=2, high=8, group="Words", scale="whole"),
            Knob(key="phase_bits", label="bits of a phase", value=4, low=4, high=8, group="Words", scale="whole"),
        )
        self.parts = (Part("run", "Phases and energy", count <= MOST_OSCILLATORS),)

    def _options(self, values: Values) -> OnnOptions:
        chosen = {knob.key: round(values.get(knob.key, knob.value)) for knob in self.knobs}
        return OnnOptions(noise_bits=8, **chosen)

    def see(self, part: str, values: Values) -> Seen:
        """Run the network.

        Parameters
        ----------
        part : str
            Its name.
        values : mapping of str to float
            Values of knobs.
        """
        options = self._options(values)
        session = self._opened(options)
        params = session.params
        period = params.raw.period
        begin = np.random.default_rng(options.seed).integers(0, period, params.count)
        model, phases = OnnBitTrue(params, begin, options.seed), [begin / period]
        energies = [float(energy(params.weights, spins(begin, params.phase_bits)))]
        settled = 0
        for n in range(options.periods):
            noise = options.noise_of(n)
            before = model.phase[0].copy()
            for _ in range(period):
                model.step(noise)
            if not (model.phase[0] == before).all():
                settled = n + 1
            phases.append(model.phase[0] / period)
            energies.append(float(energy(params.weights, spins(model.phase[0], params.phase_bits))))
        turns = np.array(phases)
        relative = (turns - turns[:, :1]) % 1.0 * 360
        at = np.arange(len(turns), dtype=np.float64)
        shown = [
            Series("" if n else "oscillators", at, np.where(relative[:, n] > 180, relative[:, n] - 360, relative[:, n]))
            for n in range(min(params.count, 64))
        ]
        panels = [
            circle_panel(turns[-1] - turns[-1, 0]),
            Panel("energy", Axis("time", "periods"), Axis("energy"), [Series("", at, energies, "float", "joined")]),
            Panel(
                "phases behind oscillator 0",
                Axis("time", "periods"),
                Axis("phase", "degrees", limits=(-185.0, 185.0)),
                shown,
                whole_row=True,
            ),
        ]
        last = spins(model.phase[0], params.phase_bits)
        level = "good" if settled < options.periods else "fair"
        state = f"settled after {settled} periods" if level == "good" else "not settled: more periods"
        text = f"{state}; energy {energies[-1]:g}; {int((last > 0).sum())} spins up, {int((last < 0).sum())} down"
        return Seen(panels, [(level, text)])

    def _opened(self, options: OnnOptions) -> OnnSession:
        opened = open_weights(
            self.path, bits=options.weight_bits, phase_bits=options.phase_bits, noise_bits=options.noise_bits
        )
        return OnnSession(self.path, opened.digest, opened.params, options)

    def session(self, values: Values) -> Session:
        """A run on a board.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """
        return self._opened(self._options(values))


class SpikingView(View):
    """A spiking network.

    Parameters
    ----------
    path : Path
        The network file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, open_network(path)
        self.title = path.stem
        self._params = self._file.params()
        layers = ", ".join(f"{layer.name} {layer.count}" for layer in self._params.layers)
        self.subtitle = f"spiking network: {self._params.inputs} inputs; {layers}"
        self._words = self._file.input_words(self._params)
        runs = self._words.shape[1]
        self.knobs = (
            Knob(
                key="run", group="Run", label="input", meaning="which one", value=0, low=0, high=runs - 1, scale="whole"
            ),
        )
        self.parts = (Part("run", "Spikes of each layer"),)

    def see(self, part: str, values: Values) -> Seen:
        """Run the network with one input.

        Parameters
        ----------
        part : str
            Its name.
        values : mapping of str to float
            Values of knobs.

        Raises
        ------
        DesignError
            If there is no such input.
        """
        run = round(values.get("run", 0))
        if not 0 <= run < self._words.shape[1]:
            raise DesignError(f"input must be 0 to {self._words.shape[1] - 1}, not {run}")
        words = self._words[:, run : run + 1]
        traces = SnnBitTrue(self._params).run(words, keep=True)
        tick, neuron = np.nonzero(words[:, 0])
        panels = [_raster("input", tick, neuron, self._params.inputs, len(words))]
        for layer, trace in zip(self._params.layers, traces, strict=True):
            tick, neuron = np.nonzero(trace["spike"][:, 0])
            panels.append(_raster(layer.name, tick, neuron, layer.count, len(words)))
        last, fires = traces[-1], self._params.layers[-1].fires
        answer = int(read_out(last["spike"], None if fires else last["membrane"])[0])
        label = None if self._file.labels is None else int(self._file.labels[run])
        level = "open" if label is None else "good" if answer == label else "bad"
        text = f"answer {answer}" + ("" if label is None else f", label {label}")
        return Seen(panels, [(level, text)])

    def session(self, values: Values) -> Session:
        """A run on a board: all inputs, one after the other.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """
        return SnnSession(open_network(self.path))


def _raster(name: str, tick: Integers, neuron: Integers, count: int, ticks: int) -> Panel:
    x = Axis("time", "ticks", limits=(-0.5, ticks - 0.5))
    y = Axis("neuron", whole=True, limits=(-1.0, float(count)))
    return Panel(name, x, y, [Series("spike", tick, neuron, "bit-true", "spikes")], whole_row=True)
