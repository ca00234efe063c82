"""The network file: one TOML file that describes a spiking network, its data, its word lengths and its lanes."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from neuristor.boards import BOARDS
from neuristor.design_file import load
from neuristor.folder import plain
from neuristor.golden_model.checks import whole
from neuristor.golden_model.files import arrays, content, delimited, text
from neuristor.golden_model.networks import encoding
from neuristor.golden_model.networks.datasets import digits, mnist
from neuristor.golden_model.networks.nir_graph import MOST_BYTES, Imported, read
from neuristor.golden_model.networks.quantization import calibrated, current_words
from neuristor.golden_model.networks.snn import RESETS, Network, ResetRule, SnnParams, Words, on_device, quantized
from neuristor.golden_model.neurons.lif import LifParams
from neuristor.hdl.names import module_name
from neuristor.hdl.snn import LayerPlan, Snn
from neuristor.hdl.verilog import export
from neuristor.sim.benches.snn import SnnCase
from neuristor.tables import Table, Tabular, si
from neuristor.toml_file import Section, Source, parsed, where
from neuristor.version import __version__

__all__ = ["NetworkFile", "network_keys", "open_network"]

OneOrMore = int | list[int]
CALIBRATION = 100
"""Runs to which word lengths are fitted, at most."""
MOST_NUMBERS = 250_000_000
"""Largest product of ticks, runs and inputs."""


class NetworkSection(Section):
    """The network."""

    file: str = Field(description="a NIR file; its path is relative to this file")
    dt: float = Field(gt=0, description="time step (tick) in second, above 0; NIR has no time step")
    reset: ResetRule | list[ResetRule] | None = Field(
        default=None,
        description=f"one of {', '.join(RESETS)}, or a list of one for each layer. What a spike does to a membrane; "
        "'to_value', as in NIR, when absent and not recorded in the file",
    )
    discretisation: Literal["euler", "exact"] | None = Field(
        default=None,
        description="'euler' (k = dt / tau) or 'exact' (k = 1 - exp(-dt / tau)); 'euler' when absent and not recorded "
        "in the file",
    )
    currents: bool = Field(default=False, description="true if the inputs are currents, false if they are spikes")
    device: str | None = Field(
        default=None,
        description="a design file of LIF neurons, whose device replaces every spiking neuron",
    )


class DataSection(Section):
    """The input data."""

    source: str = Field(
        default="digits",
        description="'digits', 'mnist', an NPZ file with `inputs` (ticks, runs, inputs) and, optionally, `labels`, a "
        "CSV file of numbers (rows are ticks), or events (columns or arrays t, x, y, p)",
    )
    code: Literal["rate", "latency"] = Field(default="rate", description="spike code of pictures: 'rate' or 'latency'")
    ticks: int = Field(default=16, ge=1, le=100_000, description="ticks for which a picture is shown, 1 to 100000")
    most: float = Field(
        default=0.5, gt=0, le=1, description="spike probability of a full pixel in a tick, above 0, at most 1"
    )
    runs: int = Field(default=0, ge=0, description="number of pictures or runs, 0 for all")
    seed: int = Field(default=0, ge=0, le=0xFFFF_FFFF, description="seed of the spike code, 0 to 4294967295")
    time_unit: float = Field(default=1e-6, gt=0, description="unit of t in events, in second, above 0")


class WordsSection(Section):
    """Word lengths: one number for all layers, or a list."""

    weight_bits: OneOrMore = Field(default=4, description="an integer from 1 to 16, or a list of one for each layer")
    membrane_bits: OneOrMore = Field(default=10, description="an integer from 2 to 32, or a list of one for each layer")
    coefficient_bits: int = Field(
        default=8, ge=0, le=16, description="bits of the coefficient k, 0 (a power of two) to 16"
    )
    level: list[float] | None = Field(
        default=None,
        description="a list: largest threshold of each layer as a fraction of its largest membrane value, above 0 to "
        "1; fitted to data when absent",
    )
    clip: list[float] | None = Field(
        default=None,
        description="a list: weights of each layer are clipped at this fraction of its largest weight, above 0 to 1; "
        "fitted to data when absent",
    )


class FpgaSection(Section):
    """The circuit on the FPGA, and its boards."""

    lanes: OneOrMore = Field(
        default=1, description="lanes of each layer: a divisor of its neurons (or channels), or a list"
    )
    updates: OneOrMore = Field(
        default=0,
        description="neurons of each layer updated at a time: a divisor of its lanes, 0 to choose it, or a list",
    )
    protection: Literal["none", "parity", "secded"] = Field(
        "none",
        description="check bits of weights, thresholds and biases in memory: none, parity (a flipped bit is counted) "
        "or secded (a flipped bit is corrected)",
    )
    boards: list[str] = Field(default=["ulx3s-85f"], description=f"a list of {', '.join(BOARDS)}")


class _File(Section):
    network: NetworkSection
    data: DataSection = DataSection()
    words: WordsSection = WordsSection()
    fpga: FpgaSection = FpgaSection()


@dataclass(frozen=True, eq=False, repr=False)
class NetworkFile(Tabular):
    """A checked network file: a spiking network, its data, its word lengths and its circuit.

    Parameters
    ----------
    path : Path
        The file; for a network from a text or a mapping, its name.
    sections : pydantic model
        The sections as written, with defaults.
    digest : str
        SHA-256 of the file and of the files that it names.
    imported : Imported
        The network as in the NIR file.
    network : Network
        The same network, with the device of ``[network] device`` if there is one.
    inputs : ndarray, shape (ticks, runs, inputs)
        Spikes, 0 or 1, or currents in the unit of the NIR file.
    labels : ndarray of int64, shape (runs,), or None
        Right answer of each run.
    fitting : ndarray, shape (ticks, some runs, inputs)
        Inputs to which word lengths are fitted: training data, if the data set has any.
    """

    path: Path
    sections: Any
    digest: str
    imported: Imported
    network: Network
    inputs: NDArray[Any]
    labels: NDArray[np.int64] | None
    fitting: NDArray[Any]

    def words(self) -> list[Words]:
        """Choose the word lengths of each layer: those of the file, with scales of the file or fitted to the data.

        Returns
        -------
        list of Words
            One for each layer.

        Raises
        ------
        ValueError
            As a `DesignError`: if the file has not one number for each layer, or one is out of range.
        """
        section, count = self.sections.words, len(self.network.layers)
        with where(self.path, "words"):
            bits, rooms = (_each(getattr(section, name), count, name) for name in ("weight_bits", "membrane_bits"))
            for name, values, least, most in (("weight_bits", bits, 1, 16), ("membrane_bits", rooms, 2, 32)):
                for value in values:
                    whole(name, value, least, most)
            for name in ("level", "clip"):
                given = getattr(section, name)
                if given is not None and len(given) != count:
                    raise ValueError(f"{name} must have {count} numbers, one for each layer, not {len(given)}")
            found = calibrated(
                self.network,
                self.fitting,
                bits,
                rooms,
                coefficient_bits=section.coefficient_bits,
                search=section.level is None or section.clip is None,
            )
            for name in ("level", "clip"):
                if getattr(section, name) is not None:
                    found = [
                        one._replace(**{name: value}) for one, value in zip(found, getattr(section, name), strict=True)
                    ]
            return found

    def params(self, words: list[Words] | None = None) -> SnnParams:
        """Convert the network to integer words.

        Parameters
        ----------
        words : list of Words, optional
            Word lengths of each layer; those of the method `words` when absent.
        """
        with where(self.path, "words"):
            return quantized(self.network, self.words() if words is None else words)

    @cached_property
    def fitted(self) -> SnnParams:
        """The network in integer words, with the word lengths of the method `words`."""
        return self.params()

    def circuit(self) -> Snn:
        """Build a new circuit."""
        return Snn(self.fitted, *self.lanes(self.fitted), protection=self.sections.fpga.protection)

    @cached_property
    def verilog(self) -> str:
        """The circuit as Verilog."""
        return self.export(self.circuit())

    @property
    def module(self) -> str:
        """Name of the Verilog module: an identifier made from the name of the file."""
        return module_name(self.path.stem)

    def export(self, circuit: Snn, name: str | None = None) -> str:
        """Convert a circuit of the network to Verilog.

        Parameters
        ----------
        circuit : Snn
            A circuit made by the method `circuit`.
        name : str, optional
            Name of the Verilog module; `module` by default.
        """
        sizes = "-".join(str(n) for n in (self.fitted.inputs, *(layer.count for layer in self.fitted.layers)))
        header = (
            f"Neuristor {__version__}: spiking network {sizes}",
            f"network file {plain(self.path.name)}, SHA-256 {self.digest}",
        )
        return export(circuit, name or self.module, header=header)

    def case(self, runs: int) -> SnnCase:
        """Make a test case that compares the circuit with the bit-true model.

        Parameters
        ----------
        runs : int
            Largest number of runs compared, at least 1.
        """
        lanes, updates = self.lanes(self.fitted)
        inputs = self.input_words(self.fitted)[:, :runs]
        return SnnCase(params=self.fitted, lanes=lanes, updates=updates, inputs=inputs)

    @property
    def table(self) -> Table:
        """The layers: name, neurons, output."""
        rows = [
            (
                layer.name,
                str(layer.neurons.count),
                _output(layer.neurons.threshold),
            )
            for layer in self.network.layers
        ]
        title = f"{self.path.name}: {self.network.inputs} inputs, a tick of {si(self.network.dt, 's')}"
        return Table(title, ("layer", "neurons", "output"), rows)

    def lanes(self, params: SnnParams) -> tuple[list[int], list[int]]:
        """Check lanes and updates of each layer; wrong ones raise `DesignError`.

        Parameters
        ----------
        params : SnnParams
            The network in integer words.

        Returns
        -------
        lanes, updates : list of int
            As in the file, one number for each layer.
        """
        with where(self.path, "fpga"):
            lanes, updates = (
                _each(getattr(self.sections.fpga, n), len(params.layers), n) for n in ("lanes", "updates")
            )
            for layer, one, share in zip(params.layers, lanes, updates, strict=True):
                LayerPlan(params=layer, lanes=one, updates=share)
            return lanes, updates

    def input_words(self, params: SnnParams) -> NDArray[np.int64]:
        """Convert the inputs to integers.

        Parameters
        ----------
        params : SnnParams
            The network in integer words.

        Returns
        -------
        ndarray of int64, shape (ticks, runs, inputs)
            Spikes, 0 or 1, or currents in steps of the membrane potential.
        """
        if not self.network.currents:
            return self.inputs.astype(np.int64)
        with where(self.path, "data"):
            return current_words(self.network, params, self.inputs)


def _output(threshold: Any) -> str:
    return "membrane potentials" if threshold is None else "spikes"


def _each(value: OneOrMore, count: int, name: str) -> list[int]:
    if isinstance(value, int):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} must be a number, or {count}, one for each layer, not {len(value)}")
    return value


def open_network(source: Source, *, name: str = "network") -> NetworkFile:
    """Read and check a network file, and the files that it names.

    Wrong input raises `DesignError`, a sentence that names the file, the section and the allowed range.

    Parameters
    ----------
    source : Path, str or mapping
        A network file by its path, its text (with a line break), or its sections as a mapping.
    name : str
        Name of a text or a mapping, for messages.

    Returns
    -------
    NetworkFile
        The network and its data.

    Raises
    ------
    ValueError
        As a `DesignError`: if the device is not one of LIF neurons, or a board does not exist.
    """
    path, sections, written = parsed(source, _File, name=name)
    digest = hashlib.sha256(written)
    own, folder = sections.network, path.parent
    with where(path, "network"):
        imported = read(
            folder / own.file,
            own.dt,
            discretisation=own.discretisation,
            reset=own.reset,
            currents=own.currents,
        )
        digest.update(content(folder / own.file, MOST_BYTES))
        network = imported.network
        if own.device is not None:
            design = load(folder / own.device)
            digest.update(content(folder / own.device))
            if not isinstance(design.params, LifParams):
                raise ValueError(f"device must be a design file of LIF neurons, not of {type(design.params).__name__}")
            network = on_device(network, design.params)
    with where(path, "data"):
        inputs, labels, fitting = _data(sections.data, folder, network, own, digest)
    with where(path, "fpga"):
        for name in sections.fpga.boards:
            if name not in BOARDS:
                raise ValueError(f"boards must be among {', '.join(BOARDS)}, not {name!r}")
    return NetworkFile(path, sections, digest.hexdigest(), imported, network, inputs, labels, fitting)


def _data(
    section: DataSection, folder: Path, network: Network, own: NetworkSection, digest: Any
) -> tuple[NDArray[Any], NDArray[np.int64] | None, NDArray[Any]]:
    if section.source in ("digits", "mnist"):
        found = digits() if section.source == "digits" else mnist()
        if found.test.shape[1] != network.inputs:
            raise ValueError(f"source must have the network's {network.inputs} inputs, not {found.test.shape[1]}")
        test, labels = found.test[: section.runs or None], found.test_labels[: section.runs or None]
        _check_numbers(section.ticks, max(len(test), CALIBRATION), network.inputs)
        if own.currents:
            steady = [np.repeat(each[None], section.ticks, axis=0) for each in (test, found.train[:CALIBRATION])]
            return steady[0], labels, steady[1]
        return (
            _coded(section, test, section.seed),
            labels,
            _coded(section, found.train[:CALIBRATION], section.seed + 1),
        )
    source = folder / section.source
    inputs, marks = _from_file(section, source, network, own)
    digest.update(content(source))
    if inputs.shape[2] != network.inputs:
        raise ValueError(f"{source}: must have the network's {network.inputs} inputs, not {inputs.shape[2]}")
    inputs = inputs[:, : section.runs or None]
    return inputs, None if marks is None else marks[: section.runs or None], inputs[:, :CALIBRATION]


def _check_numbers(ticks: int, runs: int, inputs: int) -> None:
    if ticks * runs * inputs > MOST_NUMBERS:
        raise ValueError(f"ticks x runs x inputs must be at most {MOST_NUMBERS}, not {ticks} x {runs} x {inputs}")


def _coded(section: DataSection, pictures: NDArray[np.float64], seed: int) -> NDArray[Any]:
    if section.code == "latency":
        return encoding.latency(pictures, section.ticks)
    return encoding.rate(pictures, section.ticks, seed, section.most)


def _from_file(
    section: DataSection, source: Path, network: Network, own: NetworkSection
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    if not source.is_file():
        raise ValueError(f"{source}: cannot be read: there is no such file")
    labels = None
    if source.suffix == ".npz":
        held = arrays(source, ("inputs", "labels", "t", "x", "y", "p"))
        if "inputs" not in held and {"t", "x", "y", "p"} <= set(held):
            return _events(section, source, network, own), None
        if "inputs" not in held:
            raise ValueError(f"{source}: must hold `inputs`, or t, x, y and p, not {', '.join(held) or 'neither'}")
        found, labels = held["inputs"], held.get("labels")
        if labels is not None and labels.dtype.kind not in "iub":
            raise ValueError(f"{source}: labels must be integers, not {labels.dtype}")
        labels = None if labels is None else labels.astype(np.int64)
    else:
        rows, delimiter = delimited(text(source))
        if sorted(rows.split("\n", 1)[0].lower().replace(" ", "").split(delimiter)) == ["p", "t", "x", "y"]:
            return _events(section, source, network, own), None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of an empty file, which is refused below
                found = np.loadtxt(io.StringIO(rows), delimiter=delimiter, ndmin=2)
        except ValueError as error:
            raise ValueError(f"{source}: must hold rows of equally many numbers ({error})") from None
    if found.ndim == 2:
        found = found[:, None]
    if found.ndim != 3 or found.size == 0 or found.dtype.kind not in "iufb":
        raise ValueError(f"{source}: inputs must be numbers of shape (ticks, runs, inputs), not {found.shape}")
    _check_numbers(*found.shape)
    bad = np.argwhere(~np.isfinite(found) if own.currents else (found != 0) & (found != 1))
    if len(bad):
        tick, run, number = bad[0].tolist()
        wanted = "finite" if own.currents else "0 or 1"
        raise ValueError(
            f"{source}: tick {tick}, run {run}, input {number} must be {wanted}, not {found[tick, run, number]}"
        )
    if labels is not None and labels.shape != (found.shape[1],):
        raise ValueError(f"{source}: labels must be {found.shape[1]}, one for each run, not {labels.shape}")
    return found if own.currents else found.astype(np.uint8), labels


def _events(section: DataSection, source: Path, network: Network, own: NetworkSection) -> NDArray[Any]:
    shape = network.input_shape
    if len(shape) != 3:
        raise ValueError(f"{source}: events need a network whose input is (polarities, height, width), not {shape}")
    return encoding.read_events(source, section.time_unit).spikes(own.dt, shape)[:, None]


def network_keys() -> list[tuple[str, str, str, str]]:
    """List every key of the network file.

    Returns
    -------
    list of (str, str, str, str)
        Section, key, default, and meaning with unit and range.
    """
    rows = []
    for section, field in _File.model_fields.items():
        kind: Any = field.annotation
        for key, entry in kind.model_fields.items():
            default = "required" if entry.is_required() else "" if entry.default is None else str(entry.default)
            rows.append((section, key, default, entry.description or ""))
    return rows
