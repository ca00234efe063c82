"""The design file: one TOML file that describes device, circuit, neuron, word lengths and FPGA."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import TypeAdapter, ValidationError

from neuristor.array_files import from_graph, from_matrix, read_devices, read_edges
from neuristor.boards import BOARDS
from neuristor.boards.clock import pll_setting
from neuristor.boards.scope import check_scope, variable
from neuristor.design_input import check_updates, stimulus_of, tick_of, timed
from neuristor.docstrings import meaning
from neuristor.dynamics import own_neuron, own_options
from neuristor.folder import plain
from neuristor.golden_model.devices.catalogue import DEVICES, preset
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.file import model_file
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.golden_model.units import counted
from neuristor.golden_model.variability import Variability
from neuristor.hdl.edges import check_walkers
from neuristor.hdl.names import module_name
from neuristor.hdl.neurons import Neuron, neuron, neurons
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.sections import (
    CircuitOnly,
    CircuitSection,
    CouplingSection,
    DeviceOnly,
    DeviceSection,
    FpgaSection,
    NeuronSection,
    Sections,
    key_table,
)
from neuristor.sim.benches.case import Case
from neuristor.stimulus import Stimulus, from_array
from neuristor.tables import Table, Tabular
from neuristor.toml_file import DesignError, Source, parsed, unknown_key, where
from neuristor.version import __version__

__all__ = [
    "Design",
    "DesignError",
    "Source",
    "circuit_of",
    "device_of",
    "identifier",
    "key_table",
    "load",
    "with_arrays",
    "with_input",
]

MOST_TICKS = 1_000_000
"""Most ticks for which a frame is held."""


def identifier(path: Path) -> str:
    """Make the name of a module from that of a file; see ``neuristor.hdl.names.module_name``.

    Parameters
    ----------
    path : Path
        The file; its folder and its suffix do not count.
    """
    return module_name(path.stem)


@dataclass(frozen=True, repr=False)
class Design(Tabular):
    """A checked design: an array of neurons, its input and its circuit."""

    path: Path
    """The design file; for a design from a text or a mapping, its name."""
    sections: Sections
    """The sections as written, with defaults."""
    neuron: Neuron
    """The neuron: its model and its circuit."""
    digest: str
    """SHA-256 of the design file and of the stimulus file that it names."""
    device: Any
    """Model of the device, of a class in ``neuristor.golden_model.devices``; None for a neuron without a device."""
    circuit: Any
    """The two-state switch closest to the device, in its circuit; None for a neuron without a device, and for a device
    that runs by its own equations."""
    params: NeuronParams
    """Parameters of the array."""
    stimulus: Stimulus
    """Input currents."""

    @property
    def name(self) -> str:
        """Name of the Verilog module: an identifier made from the name of the file."""
        return identifier(self.path)

    @property
    def golden(self) -> NeuronModel[Any]:
        """The model of the neuron."""
        return self.neuron.model

    @cached_property
    def frames_raw(self) -> NDArray[np.int64]:
        """Input words of each frame, shape (frames, count): the drive in steps of its format."""
        raw: NDArray[np.int64] = self.params.drive_raw(self.stimulus.current)
        return raw

    @property
    def drive_raw(self) -> NDArray[np.int64]:
        """Input words of each tick, shape (frames * ticks, count)."""
        return np.repeat(self.frames_raw, self.stimulus.ticks, axis=0)

    @property
    def header(self) -> tuple[str, ...]:
        """Comment at the beginning of the Verilog file."""
        return self._header(self.name)

    def _header(self, module: str) -> tuple[str, ...]:
        sections = self.sections
        return (
            f"Module {module}: {counted(sections.neuron.count, f'{self.neuron.name} neuron')} on "
            f"{counted(sections.fpga.lanes, 'lane')}",
            f"Neuristor {__version__}, design file {plain(self.path.name)}, sha256 {self.digest}",
        )

    @property
    def table(self) -> Table:
        """Model, size, and derived numbers of the array."""
        count, fpga = self.params.count, self.sections.fpga
        neurons = f"{count} neuron{'s' if count > 1 else ''} on {fpga.lanes} lane{'s' if fpga.lanes > 1 else ''}"
        rows = [("neuron model", self.neuron.name), ("array", neurons), *self.golden.summary(self.params)]
        return Table(self.name, (), rows)

    def picture(self) -> Any:
        """Its device, operating point, and firing rate over the input, as a `Picture`."""
        from neuristor.pictures.devices import design_picture

        return design_picture(self, None)

    def plot(self, axes: Any = None) -> Any:
        """Draw device, operating point and firing rate with matplotlib.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, optional
            Where to draw; by default, a new figure.

        Returns
        -------
        ndarray of Axes
            One for each panel.
        """
        return self.picture().plot(axes)

    @property
    def unequal(self) -> dict[str, tuple[NDArray[np.float64], str]]:
        """Parameters, and states after reset, that differ from neuron to neuron: shape (count,), and SI units."""
        params: Any = self.params
        if isinstance(params, EquationParams):
            return params.unequal
        if self.golden.circuit is None:
            return {}
        both = {"v_th": params.thresholds, "v_hold": params.holds}
        return {name: (values, "V") for name, values in both.items() if np.ptp(values) > 0}

    def physical(self, name: str, raw: Any) -> tuple[NDArray[np.float64], str] | None:
        """A field of the state in its SI unit; None if it has none.

        Parameters
        ----------
        name : str
            Name of the field.
        raw : int or ndarray of int64
            Its words.
        """
        params: Any = self.params
        if isinstance(params, EquationParams) and name in params.quantised.state:
            unit = params.quantised.state[name].unit
            return np.asarray(params.real(name, raw), dtype=np.float64), "" if unit == "1" else unit
        if name == params.observed:
            return np.asarray(params.membrane.value(raw), dtype=np.float64), params.observed_unit
        return None

    @property
    def case(self) -> Case:
        """The design as a test case for the benches."""
        return self.case_of(self.name)

    def case_of(self, module: str) -> Case:
        """The design as a test case, with another name of its module.

        Parameters
        ----------
        module : str
            Name of the Verilog module.
        """
        return Case(
            neuron=self.neuron,
            params=self.params,
            lanes=self.sections.fpga.lanes,
            interval=self.sections.fpga.interval,
            protection=self.sections.fpga.protection,
            edges_per_clock=self.sections.fpga.edges_per_clock,
            drive_raw=self.drive_raw,
            toplevel=module,
            header=self._header(module),
        )


def load(
    source: Source,
    changes: Mapping[str, Any] | None = None,
    *,
    name: str = "design",
    current: ArrayLike | None = None,
    later: bool = False,
) -> Design:
    """Read and check a design.

    Wrong input raises `DesignError`, a sentence that names the file, the section, the key and the allowed range.

    Parameters
    ----------
    source : Path, str or mapping
        A design file by its path, its text (with a line break), or its sections as a mapping.
    changes : mapping of str to value, optional
        Values that replace those of the file, by ``section.key``; they change the digest.
    name : str
        Name of a text or a mapping: for messages and for the Verilog module.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Input currents in ampere, each frame held for ``[stimulus] ticks``; they replace ``[stimulus] source``.
    later : bool
        The input is given later: do not check whether it can make a neuron fire.

    Returns
    -------
    Design
        The design.
    """
    path, sections, content = parsed(source, Sections, changes, name)
    digest = hashlib.sha256(content)
    with where(path, "neuron"):
        chosen = _neuron(sections.neuron.model, path.parent, digest)
    with where(path, "device"):
        own = own_neuron(sections.device, sections.neuron.model)
    with where(path, "stimulus"):
        if sections.stimulus.parameter is not None:
            driven = timed(sections, path.parent, own or chosen)
            chosen, own = (chosen, driven) if own else (driven, None)
    golden = chosen.model
    _check_sections(path, sections, golden)
    with where(path, "neuron"):
        options = None if own else _options(golden.options, sections.neuron)
    device, circuit, params = _physics(path, sections, golden, options, own)
    if own:
        chosen, golden = own, own.model
    params = _with_files(path, sections, params, digest)
    with where(path, "fpga"):
        _check_fpga(sections, chosen, params)
        if not later:
            _check_edges(sections.fpga, params)
    with where(path, "stimulus"):
        if current is None:
            stimulus = stimulus_of(sections, path.parent, digest, golden, params)
        else:
            stimulus = from_array(current, sections.stimulus.ticks, params.count)
            check_updates(len(stimulus.current), stimulus.ticks, params.count)
            digest.update(stimulus.current.tobytes())
        design = Design(path, sections, chosen, digest.hexdigest(), device, circuit, params, stimulus)
        if not later:
            golden.check_current(params, stimulus.current)
        design.frames_raw  # noqa: B018  (raises if a current exceeds the range of the drive)
    return design


def with_input(neurons: Design, current: ArrayLike | None, ticks: int | None) -> Design:
    """Replace the input of a design.

    Parameters
    ----------
    neurons : Design
        The array.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Input currents in ampere; those of the design when absent.
    ticks : int, optional
        Ticks for which each frame is held, 1 to 1,000,000; as in the design when absent.

    Returns
    -------
    Design
        The array with this input.

    Raises
    ------
    ValueError
        As a `DesignError`: if the currents have another shape, are not finite, or can make no neuron fire, or `ticks`
        is out of range.
    """
    if current is None and ticks is None:
        return neurons
    held = ticks if ticks is not None else neurons.stimulus.ticks
    with where(neurons.path, "stimulus"):
        if not isinstance(held, int) or not 1 <= held <= MOST_TICKS:
            raise ValueError(f"ticks must be an integer between 1 and {MOST_TICKS}, not {held!r}")
        if current is None:
            if neurons.stimulus.waveform:
                raise ValueError("ticks of a waveform are those of the design")
            return replace(neurons, stimulus=replace(neurons.stimulus, ticks=held))
        stimulus = from_array(current, held, neurons.params.count)
        neurons.golden.check_current(neurons.params, stimulus.current)
        made = replace(neurons, stimulus=stimulus)
        made.frames_raw  # noqa: B018  (raises if a current exceeds the range of the drive)
    return made


def _neuron(name: str, folder: Path, digest: Any) -> Neuron:
    """The neuron of a name or of a model file; what the file says is added to the digest."""
    if name.startswith("{"):  # the text of a model made in Python
        return equation_neuron(Model.model_validate_json(name).model_dump_json())
    if not name.endswith(".toml"):
        return neuron(name)
    model = model_file(folder / name)
    text = model.model_dump_json()
    digest.update(model.model_dump_json(exclude_defaults=True).encode())
    return equation_neuron(text)


def _check_sections(path: Path, sections: Sections, golden: NeuronModel[Any]) -> None:
    """Check that the sections of device and circuit are there if, and only if, the model needs them.

    Raises
    ------
    DesignError
        If a section is missing, or one too many.
    """
    for name in ("device", "circuit"):
        if golden.circuit is None and getattr(sections, name) is not None:
            raise DesignError(f"{path}: section [{name}] has no meaning for the model {golden.name}")
        if golden.circuit is not None and getattr(sections, name) is None:
            raise DesignError(f"{path}: section [{name}] is missing; the model {golden.name} needs it")


def _physics(
    path: Path, sections: Sections, golden: NeuronModel[Any], options: Any, own: Neuron | None
) -> tuple[Any, Any, NeuronParams]:
    """Build the device at its temperature, its circuit, and the parameters of the array."""
    device: Any = None
    if sections.device is not None:
        with where(path, "device"):
            device = _device(sections.device)
    with where(path, "variability"):
        spread = sections.variability.model_dump()
        temperature = spread.pop("temperature")
        variability = Variability(**{**spread, "parameters": tuple(spread["parameters"].items())})
        device = _at_temperature(device, temperature)
    with where(path, "circuit"):
        circuit = None
        if own is None and golden.circuit is not None and sections.circuit is not None:
            circuit = _circuit(sections.circuit, device, golden, golden.circuit)
    with where(path, "number"):
        words: dict[str, Any] = {
            name: Format(*bits) for name in ("membrane", "drive") if (bits := getattr(sections.number, name))
        }
        if sections.number.coefficient_bits is not None:
            words["coefficient_bits"] = sections.number.coefficient_bits
    if own is not None:
        golden, options = own.model, own_options(own, sections, device, path)
        variability = Variability(seed=variability.seed, parameters=variability.parameters)
    with where(path, "neuron"):
        dt = tick_of(sections, golden)
    with where(path, "neuron, circuit, variability or number"):
        params = golden.from_circuit(
            circuit,
            count=sections.neuron.count,
            dt=dt,
            options=options,
            spread=variability,
            **words,
        )
    return device, circuit, params


def _with_files(path: Path, sections: Sections, params: NeuronParams, digest: Any) -> NeuronParams:
    """Measured devices and edges; the bytes of their files are added to the digest."""
    if sections.devices is not None:
        with where(path, "devices"):
            file = path.parent / sections.devices.file
            params = params.measured(read_devices(file, params.count, _units(params)))
            digest.update(file.read_bytes())
    if sections.coupling is not None:
        with where(path, "coupling"):
            if sections.coupling.file is not None:
                digest.update((path.parent / sections.coupling.file).read_bytes())
            params = _coupled(params, _coupling(sections.coupling, path.parent, params))
    return params


def _units(params: NeuronParams) -> dict[str, str]:
    """A unit of each parameter, and state after reset, that may be measured."""
    if isinstance(params, EquationParams):
        system = params.system
        units = {name: unit for name, (*_, unit) in system.parameters.items()}
        units |= {name: each.unit for name, each in (*system.states.items(), *system.discrete.items())}
        return {name: unit for name, unit in units.items() if unit not in ("", "1")}
    return {"v_th": "V", "v_hold": "V"}


def _coupling(section: CouplingSection, folder: Path, params: NeuronParams) -> Coupling:
    """The edges of a section.

    Raises
    ------
    ValueError
        If they are missing or said twice, or a value is missing or wrong.
    """
    if (section.file is None) == (section.topology is None):
        raise ValueError("wanted either file or topology")
    given: dict[str, Any] = {"kind": section.kind, "count": params.count, "directed": section.directed}
    if section.file is not None:
        if section.reach != 1 or section.columns:
            raise ValueError("columns and reach have a meaning for a lattice only: leave them out")
        edges = read_edges(folder / section.file, params.count, section.directed)
        if edges.values and section.value_d2d:
            raise ValueError(f"value_d2d must be left out: {section.file} has a value for each edge")
        if edges.values:
            return edges.coupling(section.kind, params.count, section.directed, section.value)
        given |= {"topology": "edges", "edges": edges.pairs}
    else:
        given |= {"topology": section.topology, "columns": section.columns, "reach": section.reach}
    if section.value is None:
        raise ValueError(f"value is missing: {CouplingSection.model_fields['value'].description}")
    plain = Coupling(value=section.value, **given)
    if not section.value_d2d:
        return plain
    # A generator of its own, so that the spread of devices does not change with that of edges.
    draws = np.random.default_rng([params.seed, 4]).standard_normal(len(plain.pairs)).clip(-3, 3)
    values = tuple((section.value * (1 + section.value_d2d * draws)).tolist())
    return Coupling(value=Coupling.strongest(section.kind, values), values=values, **given)


def with_arrays(
    design: Design, devices: Mapping[str, ArrayLike] | None, edges: Any, kind: str, directed: bool
) -> Design:
    """A design with measured devices and edges from arrays. Wrong input raises `DesignError`.

    Parameters
    ----------
    design : Design
        The array.
    devices : mapping of str to array_like of float, shape (count,), optional
        Parameters of each device, by name, in SI units.
    edges : array_like of float, shape (count, count), or networkx.Graph, optional
        Values of the edges: a matrix, whose element (i, j) is that with which j acts on i, or a graph whose edges have
        the attribute ``value``.
    kind : str
        Kind of the edges, as in the section ``[coupling]``.
    directed : bool
        Whether an edge acts in one direction.

    Returns
    -------
    Design
        The design.

    Raises
    ------
    ValueError
        As a `DesignError`: if an array has another shape, or values that cannot be.
    """
    params, digest = design.params, hashlib.sha256(design.digest.encode())
    if devices is not None:
        with where(design.path, "devices"):
            columns = {name: np.asarray(column, dtype=np.float64) for name, column in devices.items()}
            for name, column in columns.items():
                if column.shape != (params.count,) or not np.isfinite(column).all():
                    raise ValueError(f"{name} must be {params.count} finite numbers, not of shape {column.shape}")
                digest.update(name.encode() + column.tobytes())
            params = params.measured(columns)
    if edges is not None:
        with where(design.path, "coupling"):
            if hasattr(edges, "nodes"):
                found = from_graph(edges)
            else:
                matrix = np.asarray(edges, dtype=np.float64)
                if matrix.shape != (params.count, params.count) or not np.isfinite(matrix).all():
                    raise ValueError(
                        f"edges must be {params.count} by {params.count} finite numbers, not {matrix.shape}"
                    )
                found = from_matrix(matrix, directed)
            params = _coupled(params, found.coupling(kind, params.count, directed))
            digest.update(repr((found.pairs, found.values)).encode())
    with where(design.path, "fpga"):
        _check_edges(design.sections.fpga, params)
    return replace(design, params=params, digest=digest.hexdigest())


def _coupled(params: NeuronParams, coupling: Coupling) -> NeuronParams:
    """Neurons with neighbours.

    Raises
    ------
    ValueError
        If the model has no neighbours, or has them already.
    """
    if params.coupling is not None:
        raise ValueError("[neuron] has a coupling of its own: leave one of both out")
    if "coupling" not in {each.name for each in fields(params)}:
        raise ValueError("it needs [neuron] model = 'relaxation_oscillator', or a model from equations")
    return params.changed(coupling=coupling)


def _at_temperature(device: Any, temperature: float | None) -> Any:
    """Give a device another ambient temperature.

    Raises
    ------
    ValueError
        If there is no device.
    """
    if temperature is None:
        return device
    if device is None:
        raise ValueError("temperature needs a device; the gates of a model without one have gate_temperature")
    return device.at_temperature(temperature)


def device_of(path: Path, section: Mapping[str, Any]) -> Any:
    """Build the model of a device from a section ``[device]``.

    Wrong input raises `DesignError`.

    Parameters
    ----------
    path : Path
        Named in messages.
    section : mapping
        Keys and values of the section.

    Returns
    -------
    object
        Of a class in ``neuristor.golden_model.devices``.
    """
    _, sections, _ = parsed({"device": dict(section)}, DeviceOnly, name=str(path))
    with where(path, "device"):
        return _device(sections.device)


def circuit_of(path: Path, section: Mapping[str, Any], device: Any, model: NeuronModel[Any]) -> Any:
    """Put a device into the circuit of a section ``[circuit]``.

    Wrong input raises `DesignError`.

    Parameters
    ----------
    path : Path
        Named in messages.
    section : mapping
        Keys and values of the section.
    device : object
        Model of the device.
    model : NeuronModel
        A model whose neuron is a circuit.

    Returns
    -------
    model.circuit
        The circuit, with the two-state switch closest to the device.

    Raises
    ------
    DesignError
        If the neuron of the model is not a circuit.
    """
    if model.circuit is None:
        raise DesignError(f"{path}: [circuit] the model {model.name} has no circuit")
    _, sections, _ = parsed({"circuit": dict(section)}, CircuitOnly, name=str(path))
    with where(path, "circuit"):
        return _circuit(sections.circuit, device, model, model.circuit)


def _device(section: DeviceSection) -> Any:
    """Build the model of the device that the section describes.

    Raises
    ------
    ValueError
        If the preset, the kind or a number is unknown, missing or wrong.
    """
    numbers, kind = {}, section.kind or "threshold_switch"
    if section.preset is not None:
        entry = preset(section.preset)
        if section.kind not in (None, entry.kind):
            raise ValueError(f"kind must be that of the preset ({entry.kind!r}), not {section.kind!r}")
        numbers, kind = {key: number.value for key, number in entry.numbers.items()}, entry.kind
    if kind not in DEVICES:
        raise ValueError(f"kind must be one of {', '.join(DEVICES)}, not {kind!r}")
    own = {field.name: field for field in fields(DEVICES[kind])}
    for key, value in section.model_dump(exclude={"preset", "kind", "dynamics"}).items():
        if value is None:
            continue
        if key not in own:
            raise ValueError(unknown_key(key, ["preset", "kind", *own]))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} must be a number, not {value!r}")
        numbers[key] = float(value)
    lacking = [name for name, field in own.items() if field.default is MISSING and name not in numbers]
    if lacking:
        known = DeviceSection.model_fields.get(lacking[0])
        wanted = f"{known.description}; " if known is not None else ""
        also = f" (and {', '.join(lacking[1:])})" if len(lacking) > 1 else ""
        help_text = "or name a preset" if section.preset is None else f"{section.preset} has no published value"
        raise ValueError(f"{lacking[0]} is missing{also}: {wanted}{help_text}")
    return DEVICES[kind](**numbers)


def _circuit(section: CircuitSection, device: Any, golden: NeuronModel[Any], kind: type[Any]) -> Any:
    """Put the device into its circuit, as a two-state switch.

    Raises
    ------
    ValueError
        If a value is unknown, missing or wrong, or the model cannot have such a device.
    """
    given = {name: value for name, value in section.model_dump().items() if value is not None}
    pulsed = isinstance(device, PulsedDevice)
    own = {field.name: field for field in fields(kind) if field.name != "device"}
    known = ["pulse_period", "pulse_voltage"] if pulsed else list(own)
    for name, value in given.items():
        if name not in known and name in CircuitSection.model_fields:
            raise ValueError(
                f"{name} has no meaning for a device of the kind {device.kind} in the model {golden.name}, "
                f"which needs {', '.join(known)}"
            )
        if name not in known:
            raise ValueError(unknown_key(name, known))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number, not {value!r}")
    for name in known:
        if name not in given and (pulsed or own[name].default is MISSING):
            field = CircuitSection.model_fields.get(name)
            raise ValueError(f"{name} is missing: {field.description if field else meaning(kind, name)}")
    if not isinstance(device, PulsedDevice):
        return kind(device=device.switch(), **{name: float(value) for name, value in given.items()})
    if not (golden.excitable and kind is Circuit):
        able = [each.name for each in neurons() if each.model.excitable and each.model.circuit is Circuit]
        raise ValueError(
            f"a device of the kind {device.kind} needs [neuron] model = {' or '.join(map(repr, able))}, "
            f"not {golden.name!r}"
        )
    return device.lif_circuit(**given)


def _options(kind: type, section: NeuronSection) -> Any:
    """Check the keys of ``[neuron]`` that belong to the model.

    Raises
    ------
    ValueError
        If a key is unknown, or its value has the wrong type.
    """
    extra = section.model_extra or {}
    own = [field.name for field in fields(kind)]
    for key in extra:
        if key not in own:
            raise ValueError(unknown_key(key, [*NeuronSection.model_fields, *own]))
    try:
        return TypeAdapter(kind).validate_python(extra)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(
            f"{first['loc'][0]}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
        ) from None


def _check_edges(fpga: FpgaSection, params: Any) -> None:
    """Check the number of edges a clock.

    Raises
    ------
    ValueError
        If it is wrong.
    """
    if fpga.edges_per_clock is not None:
        coupling = getattr(params, "coupling", None)
        if coupling is None:
            raise ValueError("edges_per_clock must be left out: the neurons are not coupled")
        check_walkers(coupling, fpga.lanes, fpga.edges_per_clock)


def _check_fpga(sections: Sections, chosen: Neuron, params: NeuronParams) -> None:
    """Check lanes, interval, boards, their clocks and pins.

    Raises
    ------
    ValueError
        If one of them is wrong.
    """
    fpga, count = sections.fpga, sections.neuron.count
    if fpga.lanes > count:
        raise ValueError(f"lanes must be between 1 and [neuron] count ({count}), not {fpga.lanes}")
    if fpga.interval > 1 and not chosen.shares_multipliers:
        raise ValueError(f"interval must be 1 in the model {chosen.name}, not {fpga.interval}")
    for name in (*fpga.boards, *fpga.clock_hz):
        if name not in BOARDS:
            raise ValueError(f"boards must be among {', '.join(BOARDS)}, not {name!r}")
    for name, clock_hz in fpga.clock_hz.items():
        if clock_hz != BOARDS[name].clock_hz:
            pll_setting(BOARDS[name], clock_hz)
    fields = [field.name for field in params.state_fields]
    for name, number in map(variable, fpga.scope):
        if name not in fields:
            raise ValueError(unknown_key(name, fields, "variable"))
        if number >= count:
            raise ValueError(f"scope must name neurons from 0 to {count - 1}, not {number}")
    for name in fpga.boards:
        check_scope(BOARDS[name], fpga.scope)
    if len(set(fpga.boards)) != len(fpga.boards):
        raise ValueError(f"boards must be named once each, not {', '.join(fpga.boards)}")
