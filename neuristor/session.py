"""Runs on a board: an array of neurons, a spiking network or an oscillator network, compared with its bit-true model.

The three kinds of files have the same interface: a circuit with its link, the steps of a run, and the recorded arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.boards.host import ArrayBoard, BoardError, OnnBoard, Recording, SnnBoard
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
"""Most ticks of a record; the output is compared after each record."""
HEIGHT, WIDTH = 24, 100
"""Lines and columns of a picture in the terminal."""
SHADES = " .:+#"
"""Characters for 0, 1, 2, 3 and more spikes."""


class Step(NamedTuple):
    """State of a run after a step."""

    done: float
    """Fraction of the run that is done, 0 to 1."""
    title: str
    """Line of text about it."""
    picture: str
    """Spikes or phases as text."""
    difference: str | None
    """First difference between board and model, in one sentence; None if they are equal."""


class Session(ABC):
    """A file that can run on a board.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Verilog identifier made from the name of the file.
    dt : float
        Time step (tick), in second; 0 for oscillators, whose tick has no duration.
    digest : str
        SHA-256 of the file and of the files that it names.
    notes : sequence of str
        Assumptions made in reading the file.
    """

    path: Path
    name: str
    dt: float
    digest: str
    notes: Sequence[str] = ()

    @abstractmethod
    def core(self, linked: bool = True) -> Core:
        """Build a new circuit with its registers; options that it cannot have raise `DesignError`.

        Parameters
        ----------
        linked : bool
            True: with the counters of a serial link.
        """

    @abstractmethod
    def steps(self, board: Any) -> Iterator[Step]:
        """Run on a board, and compare with the model after each step; the run ends after the first difference.

        Parameters
        ----------
        board : ArrayBoard, SnnBoard or OnnBoard
            The board, with the parameters loaded.

        Yields
        ------
        Step
            State of the run.
        """

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the output received so far, by name."""

    @abstractmethod
    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """Return the output as waveforms: ticks, shape (n,), and values, shape (n, neurons), of each signal."""


def compared(expected: dict[str, Integers], got: dict[str, Integers], ticks: Integers, what: str) -> str | None:
    """Find the first difference between board and model.

    Parameters
    ----------
    expected, got : dict of ndarray, shape (n, neurons)
        Arrays of the model and of the board, by name.
    ticks : ndarray of int, shape (n,)
        Tick of each row.
    what : str
        ``neuron`` or ``oscillator``.

    Returns
    -------
    str or None
        One sentence; None if they are equal.
    """
    for name, values in expected.items():
        if got[name].shape != values.shape:
            return f"{name}: the board sends {len(got[name])} ticks of {what}s, the model has {len(values)}"
        wrong = np.argwhere(values != got[name])
        if len(wrong):
            row, neuron = wrong[0].tolist()
            return (
                f"tick {ticks[row]}, {name} of {what} {neuron}: the board has {got[name][row, neuron]}, "
                f"the model has {values[row, neuron]}"
            )
    return None


class Raster:
    """Raster of the last ticks as text: each line is a group of neurons, each column a tick.

    Parameters
    ----------
    count : int
        Number of neurons.
    """

    def __init__(self, count: int) -> None:
        self._columns: deque[Integers] = deque(maxlen=WIDTH)
        self._bounds = np.linspace(0, count, min(count, HEIGHT) + 1).astype(int)[:-1]

    def add(self, spikes: Integers) -> None:
        """Append ticks.

        Parameters
        ----------
        spikes : ndarray of int, shape (ticks, neurons)
            1 for a spike, else 0.
        """
        self._columns.extend(np.add.reduceat(spikes[-WIDTH:], self._bounds, axis=1))

    def __str__(self) -> str:
        made = np.minimum(np.array(self._columns).T, len(SHADES) - 1)
        return "\n".join("".join(SHADES[n] for n in row) for row in made.tolist())


@dataclass(eq=False)
class ArraySession(Session):
    """A run of the neurons of a design file.

    Parameters
    ----------
    design : Design
        The design.
    frames : int, optional
        Number of frames, from the first; all by default.
    every : bool
        Record the state after every tick, not only after the last tick of each record.
    lanes : int, optional
        Lanes of the circuit; those of the file by default.
    """

    design: Design
    frames: int | None = None
    every: bool = False
    lanes: int | None = None
    _recording: Recording | None = field(default=None, init=False)
    _states: list[tuple[Integers, dict[str, Integers]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.path, self.name, self.digest = self.design.path, self.design.name, self.design.digest
        self.dt = float(self.design.params.dt)
        self._frames_raw = self.design.frames_raw[: self.frames]

    def core(self, linked: bool = True) -> ArrayCore:
        """Build the array with loadable parameters, and its registers.

        Parameters
        ----------
        linked : bool
            True: with the counters of a serial link.

        Raises
        ------
        DesignError
            If the array cannot have these lanes.
        """
        fpga = self.design.sections.fpga
        try:
            array = self.design.neuron.build(
                self.design.params,
                self.lanes or fpga.lanes,
                interval=fpga.interval,
                loadable=True,
                protection=fpga.protection,
                edges_per_clock=fpga.edges_per_clock,
            )
        except ValueError as error:
            raise DesignError(f"--lanes: {error}") from None
        return ArrayCore(array, self.design.neuron.name, linked)

    def steps(self, board: ArrayBoard) -> Iterator[Step]:
        """Run each frame, divided into records of at most `PIECE` ticks.

        Parameters
        ----------
        board : ArrayBoard
            The board, with the parameters loaded.

        Yields
        ------
        Step
            After each record.

        Raises
        ------
        BoardError
            If the board sends more ticks than were asked for.
        """
        ticks = self.design.stimulus.ticks
        pieces = [
            (n, min(PIECE, ticks - start)) for n in range(len(self._frames_raw)) for start in range(0, ticks, PIECE)
        ]
        words = board.words(self._frames_raw)
        record = Record.SPIKES | (Record.STATE if self.every else Record.LAST_STATE)
        model, raster = self.design.golden.bit_true(self.design.params), Raster(self.design.params.count)
        self._recording = recording = Recording(board.core, board.places)
        first = 0
        todo = iter(enumerate(pieces))
        for _ in board.play(((length, words[n]) for n, length in pieces), record, recording):
            while recording.records > 0 and first < recording.ticks:
                number, (frame, length) = next(todo, (0, (0, 0)))
                if length == 0:
                    raise BoardError(f"the board has run {recording.ticks} ticks, although only {first} were asked for")
                expected = model.run(np.repeat(self._frames_raw[frame : frame + 1], length, axis=0))
                spikes = recording.raster(first, length)
                difference = compared(
                    {"spike": expected["spike"]}, {"spike": spikes}, first + np.arange(length), "neuron"
                )
                at, state = board.trace(recording, first)
                within = at < first + length
                state = {name: values[within] for name, values in state.items()}
                self._states.append((at[within], state))
                if difference is None:
                    rows = at[within] - first
                    difference = compared({name: expected[name][rows] for name in state}, state, at[within], "neuron")
                raster.add(spikes)
                first += length
                label = self.design.stimulus.labels[frame * ticks // self.design.stimulus.span]
                yield Step(
                    (number + 1) / len(pieces),
                    f"frame {frame} ({label}), tick {first}: {recording.count} spikes",
                    str(raster),
                    difference,
                )
                if difference is not None:
                    return

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the input, ``spikes`` as pairs (tick, neuron), and the state with its ``state_ticks``."""
        found: dict[str, NDArray[Any]] = {"drive_raw": self._frames_raw}
        if self._recording is not None:
            found["spikes"] = self._recording.spikes
        if self._states:
            found["state_ticks"] = np.concatenate([ticks for ticks, _ in self._states])
            for name in self._states[0][1]:
                found[name] = np.concatenate([state[name] for _, state in self._states])
        return found

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """Return spikes, and the state in the ticks in which it was recorded."""
        return _waves(self.arrays(), self.design.params.count, self._recording)


def _waves(
    arrays: dict[str, NDArray[Any]], count: int, recording: Recording | None
) -> dict[str, tuple[Integers, Integers]]:
    if recording is None or not len(arrays["spikes"]):
        return {}
    ticks, raster = np.unique(arrays["spikes"][:, 0], return_inverse=True)
    # A spike is high for one tick: a rising and a falling edge.
    edges = np.unique(np.concatenate([ticks, ticks + 1]))
    values = np.zeros((len(edges), count), dtype=np.int64)
    values[np.searchsorted(edges, ticks)[raster], arrays["spikes"][:, 1]] = 1
    found = {"spike": (edges, values)}
    names = [name for name in arrays if name not in ("spikes", "state_ticks", "drive_raw", "inputs", "labels", "noise")]
    return found | {name: (arrays["state_ticks"] + 1, arrays[name]) for name in names if "state_ticks" in arrays}


@dataclass(eq=False)
class SnnSession(Session):
    """A run of the spiking network of a network file.

    Parameters
    ----------
    file : NetworkFile
        The network and its data.
    runs : int, optional
        Number of runs, from the first; all by default.
    """

    file: NetworkFile
    runs: int | None = None

    def __post_init__(self) -> None:
        self.path, self.digest = self.file.path, self.file.digest
        self.name = identifier(self.path)
        self.notes = self.file.imported.notes
        self.dt = float(self.file.sections.network.dt)
        self._params = self.file.params()
        self._inputs = self.file.input_words(self._params)[:, : self.runs]
        self._spikes: list[Integers] = []
        self._membranes: list[Integers] = []
        self._now: Recording | None = None

    def core(self, linked: bool = True) -> SnnCore:
        """Build the network with loadable parameters, and its registers.

        Parameters
        ----------
        linked : bool
            True: with the counters of a serial link.
        """
        lanes, updates = self.file.lanes(self._params)
        with where(self.path, "fpga"):
            return SnnCore(
                Snn(self._params, lanes, updates, loadable=True, protection=self.file.sections.fpga.protection),
                linked,
            )

    def steps(self, board: SnnBoard) -> Iterator[Step]:
        """Run each input from reset.

        Parameters
        ----------
        board : SnnBoard
            The board, with the parameters loaded.

        Yields
        ------
        Step
            After each run.
        """
        layer, labels = self._params.layers[-1], self.file.labels
        raster, right = Raster(layer.count), 0
        length, runs = self._inputs.shape[:2]
        for n in range(runs):
            board.reset()
            self._now = recording = Recording(board.core, board.places)
            for _ in board.play(
                ((1, words) for words in board.words(self._inputs[:, n])), Record.SPIKES | Record.LAST_STATE, recording
            ):
                pass
            expected = SnnBitTrue(self._params).run(self._inputs[:, n], keep=True)[-1]
            ticks, state = board.trace(recording)
            got = {"spike": recording.raster(0, length), **state}
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
        """Return spikes and membrane words of the last layer, shape (runs, ticks, neurons), of the complete runs."""
        if not self._spikes:
            return {}
        return {"spike": np.array(self._spikes), "membrane": np.array(self._membranes)}

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """Return the same arrays, the runs one after the other."""
        arrays = self.arrays()
        if not arrays:
            return {}
        ticks = np.arange(arrays["spike"].shape[0] * arrays["spike"].shape[1])
        return {name: (ticks, values.reshape(len(ticks), -1)) for name, values in arrays.items()}


@dataclass(frozen=True, kw_only=True)
class OnnOptions:
    """Options of a run of oscillators, which a file of weights does not contain."""

    weight_bits: int = 5
    """Bits of a weight, 1 to 8."""
    phase_bits: int = 4
    """Bits of a phase, 4 to 8."""
    noise_bits: int = 0
    """Bits of the annealing noise, 0 (none) to 16."""
    parts: int = 1
    """Clocks for a column of weights: 1, 2, 4, 8, 16 or 32."""
    periods: int = 20
    """Duration of the run, in periods."""
    noise: int = 0
    """Noise amplitude in the first period, 0 to ``2**noise_bits - 1``; it falls linearly to 0."""
    seed: int = 0
    """Seed of the initial phases and of the noise."""

    def noise_of(self, period: int) -> int:
        """Noise amplitude in a period.

        Parameters
        ----------
        period : int
            Its number, from 0.
        """
        return self.noise * (self.periods - 1 - period) // max(self.periods - 1, 1)


@dataclass(eq=False)
class OnnSession(Session):
    """A run of a network of phase oscillators, from random initial phases.

    Parameters
    ----------
    path : Path
        The file of weights.
    digest : str
        SHA-256 of the weights.
    params : OnnParams
        Weights and word lengths.
    options : OnnOptions
        Options of the run.
    """

    path: Path
    digest: str
    params: OnnParams
    options: OnnOptions

    def __post_init__(self) -> None:
        self.name, self.dt = identifier(self.path), 0.0
        self._phases: list[Integers] = []
        self._outputs: list[Integers] = []

    def core(self, linked: bool = True) -> OnnCore:
        """Build the network with readable weights, and its registers.

        Parameters
        ----------
        linked : bool
            True: with the counters of a serial link.

        Raises
        ------
        DesignError
            If the network cannot have these parts.
        """
        try:
            return OnnCore(Onn(self.params, self.options.parts, readable=True), linked=linked)
        except ValueError as error:
            raise DesignError(f"--parts: {error}") from None

    def steps(self, board: OnnBoard) -> Iterator[Step]:
        """Run period by period; the noise falls linearly to 0.

        Parameters
        ----------
        board : OnnBoard
            The board, with the weights loaded.

        Yields
        ------
        Step
            After each period.
        """
        options, params = self.options, self.params
        phases = np.random.default_rng(options.seed).integers(0, params.raw.period, params.count)
        model = OnnBitTrue(params, phases, options.seed)
        board.reset()
        board.phases(phases)
        board.seed(int(first_states(options.seed, 1)[0]))
        board.advance(0, begin=True)
        for n in range(options.periods):
            noise = options.noise_of(n)
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
        """Return phases and outputs after each period, shape (periods, oscillators)."""
        if not self._phases:
            return {}
        return {"phase": np.array(self._phases), "output": np.array(self._outputs)}

    def waves(self) -> dict[str, tuple[Integers, Integers]]:
        """Return the same arrays, with the tick of each row."""
        ticks = (1 + np.arange(len(self._phases))) * self.params.raw.period
        return {name: (ticks, values) for name, values in self.arrays().items()}


HANDS = "→↗↑↖←↙↓↘"
"""Directions of phases from 0 to 7/8 of a turn."""


def _dial(phases: Integers, period: int) -> str:
    """Draw each phase as an arrow, up to 64 in a row."""
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
        The file; a name that ends in ``.csv`` is a file of weights.
    options : OnnOptions, optional
        For a file of weights: options of the run.
    frames : int, optional
        Number of frames or runs, from the first; all by default.
    every : bool
        For neurons: record the state after every tick.
    lanes : int, optional
        For neurons: lanes of the circuit; those of the file by default.

    Returns
    -------
    Session
        The run, not started.

    Raises
    ------
    DesignError
        If the file is wrong, or `lanes` is given for a network file, which has lanes for each layer.
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
