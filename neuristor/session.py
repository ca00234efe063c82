"""What runs on a board: an array of neurons, a spiking network or a network of oscillators, whatever the file is.

Each of the three has its core, its input, its bit-true model, and a picture; the commands need to know no more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.boards.host import ArrayBoard, BoardError, Heard, OnnBoard, SnnBoard
from neuristor.design_file import Design, DesignError, identifier, load
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.networks.quantization import read_out
from neuristor.golden_model.networks.snn import SnnBitTrue
from neuristor.golden_model.noise import first_states
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Core, Record
from neuristor.hdl.link.onn import OnnCore
from neuristor.hdl.link.snn import SnnCore
from neuristor.hdl.onn import Onn
from neuristor.hdl.snn import Snn
from neuristor.network_file import NetworkFile, open_network
from neuristor.toml_file import toml, where
from neuristor.weights_file import open_weights

__all__ = ["ArraySession", "OnnOptions", "OnnSession", "Session", "SnnSession", "Step", "open_session"]

Integers = NDArray[np.int64]

PIECE = 256
"""Ticks after which a long record is compared, at most."""
HEIGHT, WIDTH = 24, 100
"""Of a picture in the terminal."""
SHADES = " .:+#"


class Step(NamedTuple):
    """Where a run is."""

    done: float
    title: str
    picture: str
    difference: str | None
    """Of board and model, in one sentence."""


class Session(ABC):
    """A file that can run on a board.

    Attributes
    ----------
    name : str
        A Verilog identifier.
    dt : float
        A tick in second; 0 where there is no such time.
    digest : str
        SHA-256 of the file and what it names.
    """

    path: Path
    name: str
    dt: float
    digest: str

    @abstractmethod
    def core(self) -> Core:
        """A fresh circuit."""

    @abstractmethod
    def steps(self, board: Any) -> Iterator[Step]:
        """Run, and compare with the model as it goes; ends after the first difference."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that has been heard so far, by name."""

    @abstractmethod
    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """The same as waveforms: ticks, shape (n,), and values, shape (n, neurons), of each signal."""


def compared(expected: dict[str, Integers], got: dict[str, Integers], ticks: Integers, what: str) -> str | None:
    """The first difference, in one sentence.

    Parameters
    ----------
    expected, got : dict of ndarray, shape (n, neurons)
    ticks : ndarray of int, shape (n,)
    what : str
        ``neuron`` or ``oscillator``.
    """
    for name, values in expected.items():
        if got[name].shape != values.shape:
            return f"{name}: the board tells {len(got[name])} ticks of {what}s, the model {len(values)}"
        wrong = np.argwhere(values != got[name])
        if len(wrong):
            row, neuron = wrong[0].tolist()
            return (
                f"tick {ticks[row]}, {name} of {what} {neuron}: the board has {got[name][row, neuron]}, "
                f"the model has {values[row, neuron]}"
            )
    return None


class Raster:
    """The last ticks of all neurons as text: a line for some neurons, a column for a tick."""

    def __init__(self, count: int) -> None:
        self._columns: deque[Integers] = deque(maxlen=WIDTH)
        self._bounds = np.linspace(0, count, min(count, HEIGHT) + 1).astype(int)[:-1]

    def add(self, spikes: Integers) -> None:
        """Ticks more, shape (ticks, neurons)."""
        self._columns.extend(np.add.reduceat(spikes[-WIDTH:], self._bounds, axis=1))

    def __str__(self) -> str:
        made = np.minimum(np.array(self._columns).T, len(SHADES) - 1)
        return "\n".join("".join(SHADES[n] for n in row) for row in made.tolist())


@dataclass(eq=False)
class ArraySession(Session):
    """The neurons of a design file.

    Parameters
    ----------
    design : Design
    frames : int, optional
        The first so many.
    every : bool
        The state of every tick, not only of the last of each record.
    lanes : int, optional
        Other ones than the file's.
    """

    design: Design
    frames: int | None = None
    every: bool = False
    lanes: int | None = None
    _heard: Heard | None = None
    _states: list[tuple[Integers, dict[str, Integers]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path, self.name, self.digest = self.design.path, self.design.name, self.design.digest
        self.dt = float(self.design.params.dt)
        self._frames_raw = self.design.frames_raw[: self.frames]

    def core(self) -> ArrayCore:
        """A loadable array behind registers."""
        fpga = self.design.sections.fpga
        try:
            array = self.design.neuron.build(
                self.design.params,
                self.lanes or fpga.lanes,
                interval=fpga.interval,
                loadable=True,
                protection=fpga.protection,
            )
        except ValueError as error:
            raise DesignError(f"--lanes: {error}") from None
        return ArrayCore(array, self.design.neuron.name)

    def steps(self, board: ArrayBoard) -> Iterator[Step]:
        """Each frame in pieces."""
        ticks = self.design.stimulus.ticks
        pieces = [
            (n, min(PIECE, ticks - start)) for n in range(len(self._frames_raw)) for start in range(0, ticks, PIECE)
        ]
        words = board.words(self._frames_raw)
        record = Record.SPIKES | (Record.STATE if self.every else Record.LAST_STATE)
        model, raster = self.design.golden.bit_true(self.design.params), Raster(self.design.params.count)
        self._heard = heard = Heard(board.core, board.places)
        first = 0
        todo = iter(enumerate(pieces))
        for _ in board.play(((length, words[n]) for n, length in pieces), record, heard):
            while heard.records > 0 and first < heard.ticks:
                number, (frame, length) = next(todo, (0, (0, 0)))
                if length == 0:
                    raise BoardError(
                        f"the board says it has played {heard.ticks} ticks, of which {first} were asked for"
                    )
                expected = model.run(np.repeat(self._frames_raw[frame : frame + 1], length, axis=0))
                spikes = heard.raster(first, length)
                difference = compared(
                    {"spike": expected["spike"]}, {"spike": spikes}, first + np.arange(length), "neuron"
                )
                at, state = board.trace(heard, first)
                within = at < first + length
                state = {name: values[within] for name, values in state.items()}
                self._states.append((at[within], state))
                if difference is None:
                    rows = at[within] - first
                    difference = compared({name: expected[name][rows] for name in state}, state, at[within], "neuron")
                raster.add(spikes)
                first += length
                label = self.design.stimulus.labels[frame]
                yield Step(
                    (number + 1) / len(pieces),
                    f"frame {frame} ({label}), tick {first}: {heard.count} spikes",
                    str(raster),
                    difference,
                )
                if difference is not None:
                    return

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``spikes`` (tick, neuron), the input, and the state where it was recorded."""
        found: dict[str, NDArray[Any]] = {"drive_raw": self._frames_raw}
        if self._heard is not None:
            found["spikes"] = self._heard.spikes
        if self._states:
            found["state_ticks"] = np.concatenate([ticks for ticks, _ in self._states])
            for name in self._states[0][1]:
                found[name] = np.concatenate([state[name] for _, state in self._states])
        return found

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """Spikes, and membranes where they were recorded."""
        return _waves(self.arrays(), self.design.params.count, self._heard)


def _waves(arrays: dict[str, NDArray[Any]], count: int, heard: Heard | None) -> dict[str, tuple[Integers, Integers]]:
    if heard is None or not len(arrays["spikes"]):
        return {}
    ticks, raster = np.unique(arrays["spikes"][:, 0], return_inverse=True)
    # A spike lasts for its tick: both edges.
    edges = np.unique(np.concatenate([ticks, ticks + 1]))
    values = np.zeros((len(edges), count), dtype=np.int64)
    values[np.searchsorted(edges, ticks)[raster], arrays["spikes"][:, 1]] = 1
    found = {"spike": (edges, values)}
    names = [name for name in arrays if name not in ("spikes", "state_ticks", "drive_raw", "inputs", "labels", "noise")]
    return found | {name: (arrays["state_ticks"] + 1, arrays[name]) for name in names if "state_ticks" in arrays}


@dataclass(eq=False)
class SnnSession(Session):
    """The network of a network file.

    Parameters
    ----------
    file : NetworkFile
    runs : int, optional
        The first so many.
    """

    file: NetworkFile
    runs: int | None = None

    def __post_init__(self) -> None:
        self.path, self.digest = self.file.path, self.file.digest
        self.name = identifier(self.path)
        self.dt = float(self.file.sections.network.dt)
        self._params = self.file.params()
        self._inputs = self.file.input_words(self._params)[:, : self.runs]
        self._spikes: list[Integers] = []
        self._membranes: list[Integers] = []
        self._now: Heard | None = None

    def core(self) -> SnnCore:
        """A loadable network behind registers."""
        lanes, updates = self.file.lanes(self._params)
        with where(self.path, "fpga"):
            return SnnCore(
                Snn(self._params, lanes, updates, loadable=True, protection=self.file.sections.fpga.protection)
            )

    def steps(self, board: SnnBoard) -> Iterator[Step]:
        """Each run from reset."""
        layer, labels = self._params.layers[-1], self.file.labels
        raster, right = Raster(layer.count), 0
        length, runs = self._inputs.shape[:2]
        for n in range(runs):
            board.reset()
            self._now = heard = Heard(board.core, board.places)
            for _ in board.play(
                ((1, words) for words in board.words(self._inputs[:, n])), Record.SPIKES | Record.LAST_STATE, heard
            ):
                pass
            expected = SnnBitTrue(self._params).run(self._inputs[:, n], keep=True)[-1]
            ticks, state = board.trace(heard)
            got = {"spike": heard.raster(0, length), **state}
            wanted = {name: expected[name][:, 0].astype(np.int64) for name in got}
            self._spikes.append(got["spike"])
            self._membranes.append(got["membrane"])
            difference = compared(wanted, got, ticks, "neuron")
            if difference is not None:
                difference = f"run {n}, {difference}"
            raster.add(got["spike"])
            answer = int(read_out(got["spike"][:, None], None if layer.fires else got["membrane"][:, None])[0])
            title = f"run {n}: {int(got['spike'].sum())} spikes, answer {answer}"
            if labels is not None:
                right += answer == int(labels[n])
                title += f" ({int(labels[n])}); {right} of {n + 1} right"
            yield Step((n + 1) / runs, title, str(raster), difference)
            if difference is not None:
                return

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Spikes and membranes of the last layer, shape (runs, ticks, neurons), of the runs that are whole."""
        if not self._spikes:
            return {}
        return {"spike": np.array(self._spikes), "membrane": np.array(self._membranes)}

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """The runs one after the other."""
        arrays = self.arrays()
        if not arrays:
            return {}
        ticks = np.arange(arrays["spike"].shape[0] * arrays["spike"].shape[1])
        return {name: (ticks, values.reshape(len(ticks), -1)) for name, values in arrays.items()}


@dataclass(frozen=True, kw_only=True)
class OnnOptions:
    """What a file of weights does not say."""

    weight_bits: int = 5
    phase_bits: int = 4
    noise_bits: int = 0
    parts: int = 1
    periods: int = 20
    noise: int = 0
    seed: int = 0


@dataclass(eq=False)
class OnnSession(Session):
    """A network of phase oscillators from random phases."""

    path: Path
    digest: str
    params: OnnParams
    options: OnnOptions

    def __post_init__(self) -> None:
        self.name, self.dt = identifier(self.path), 0.0
        self._phases: list[Integers] = []
        self._outputs: list[Integers] = []

    def core(self) -> OnnCore:
        """A readable network behind registers."""
        try:
            return OnnCore(Onn(self.params, self.options.parts, readable=True))
        except ValueError as error:
            raise DesignError(f"--parts: {error}") from None

    def steps(self, board: OnnBoard) -> Iterator[Step]:
        """Period by period; the noise falls to nothing."""
        options, params = self.options, self.params
        phases = np.random.default_rng(options.seed).integers(0, params.raw.period, params.count)
        model = OnnBitTrue(params, phases, options.seed)
        board.reset()
        board.phases(phases)
        board.seed(int(first_states(options.seed, 1)[0]))
        board.advance(0, begin=True)
        for n in range(options.periods):
            noise = options.noise * (options.periods - 1 - n) // max(options.periods - 1, 1)
            board.advance(params.raw.period, noise=noise)
            for _ in range(params.raw.period):
                model.step(noise)
            state = board.state()
            self._phases.append(state["phases"])
            self._outputs.append(state["outputs"])
            difference = compared(
                {"phase": model.phase[:1], "output": model.output[:1].astype(np.int64)},
                {"phase": state["phases"][None], "output": state["outputs"][None]},
                np.array([model.tick]),
                "oscillator",
            )
            for name, expected in (
                ("tick", model.tick),
                ("changed", int(model.changed[0])),
                ("toggles", int(model.toggles[0]) & 0xFFFF_FFFF),
            ):
                if difference is None and int(state[name]) != expected:
                    difference = f"period {n}, {name}: the board has {int(state[name])}, the model has {expected}"
            title = f"period {n + 1}: {int(state['toggles'])} toggles, last new phase in tick {int(state['changed'])}"
            yield Step((n + 1) / options.periods, title, _dial(state["phases"], params.raw.period), difference)
            if difference is not None:
                return

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Phases and outputs after each period, shape (periods, oscillators)."""
        if not self._phases:
            return {}
        return {"phase": np.array(self._phases), "output": np.array(self._outputs)}

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """The same, in ticks."""
        ticks = (1 + np.arange(len(self._phases))) * self.params.raw.period
        return {name: (ticks, values) for name, values in self.arrays().items()}


HANDS = "→↗↑↖←↙↓↘"


def _dial(phases: Integers, period: int) -> str:
    """Phases as hands of clocks, a row of up to 64."""
    which = (phases * len(HANDS) + period // 2) // period % len(HANDS)
    hands = [HANDS[n] for n in which.tolist()]
    across = min(64, max(8, int(np.ceil(np.sqrt(len(hands))))))
    return "\n".join(" ".join(hands[n : n + across]) for n in range(0, len(hands), across))


def open_session(
    path: Path,
    options: OnnOptions | None = None,
    frames: int | None = None,
    every: bool = False,
    lanes: int | None = None,
) -> Session:
    """Open a design file, a network file or a file of weights.

    Parameters
    ----------
    path : Path
    options : OnnOptions, optional
        For weights.
    frames : int, optional
        The first so many frames or runs.
    every : bool
        For neurons: record the state of every tick.
    lanes : int, optional
        For neurons: other ones than the file's.

    Raises
    ------
    DesignError
        If it is none, or wrong.
    """
    if path.suffix.lower() == ".csv":
        found = OnnOptions() if options is None else options
        opened = open_weights(path, bits=found.weight_bits, phase_bits=found.phase_bits, noise_bits=found.noise_bits)
        return OnnSession(path, opened.digest, opened.params, found)
    network = "network" in toml(path)[0]
    if network and lanes is not None:
        raise DesignError(f"--lanes: {path} has [fpga] lanes for each layer")
    if network:
        return SnnSession(open_network(path), frames)
    return ArraySession(load(path), frames, every, lanes)
