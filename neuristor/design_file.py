"""The design file: one TOML file names device, circuit, neuron, numbers and FPGA."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from neuristor.boards import BOARDS
from neuristor.boards.clock import pll_setting
from neuristor.folder import one_line, plain
from neuristor.golden_model.devices.catalogue import DEVICES, preset
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.files import content as read_content
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons import Neuron, names, neuron, neurons
from neuristor.hdl.verilog import KEYWORDS
from neuristor.sim.benches.case import Case
from neuristor.stimulus import Stimulus, digits, from_array, from_csv, silence
from neuristor.tables import Table, Tabular
from neuristor.version import __version__

__all__ = [
    "Design",
    "DesignError",
    "Section",
    "Source",
    "circuit_of",
    "device_of",
    "identifier",
    "key_table",
    "load",
    "opened",
    "parsed",
    "toml",
    "where",
]

MAX_UPDATES = 2_000_000_000
"""Frames times ticks times neurons."""
MAX_CURRENTS = 50_000_000
"""Frames times neurons."""
MOST_TEXT = 1024 * 1024
"""Bytes of a TOML file."""
MOST_DOTS = 256
"""Of a line: keys with more take the parser the square of their number."""
DEEPEST = 8
"""Tables in tables of a TOML file."""


class DesignError(ValueError):
    """The design file is wrong: one sentence with the file, the key and the allowed range."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class Section(BaseModel):
    """A section of a file: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class DeviceSection(Section):
    """The device: a preset, and numbers that override it. Each kind has numbers of its own."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)

    preset: str | None = Field(None, description="a name from `neuristor devices`")
    kind: str | None = Field(None, description=f"without a preset: {', '.join(DEVICES)}")
    r_ins: float | None = Field(None, gt=0, description="insulating resistance in ohm, above r_met")
    r_met: float | None = Field(None, gt=0, description="metallic resistance in ohm, above 0")
    v_th: float | None = Field(None, gt=0, description="threshold voltage in volt, above v_hold")
    v_hold: float | None = Field(None, gt=0, description="hold voltage in volt, above 0")
    t_imt: float | None = Field(None, ge=0, description="insulator-to-metal transition time in second, 0 or more")
    t_mit: float | None = Field(None, ge=0, description="metal-to-insulator transition time in second, 0 or more")
    transition_temperature: float | None = Field(None, gt=0, description="T_c in kelvin, above reference_temperature")
    reference_temperature: float | None = Field(
        None, gt=0, description="ambient in kelvin at which v_th and v_hold hold, above 0"
    )


class CircuitSection(Section):
    """What the device sits in. The circuit of a neuron with two devices has keys of its own."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)

    supply: float | None = Field(None, ge=0, description="supply voltage in volt, 0 or more")
    series_resistance: float | None = Field(None, gt=0, description="series resistance in ohm, above 0")
    capacitance: float | None = Field(None, gt=0, description="capacitance in farad, above 0")
    pulse_period: float | None = Field(
        None, gt=0, description="for an antiferroelectric transistor: period of its pulses in second, above 0"
    )
    pulse_voltage: float | None = Field(
        None, gt=0, description="for an antiferroelectric transistor: voltage of its pulses in volt, above 0"
    )


class NeuronSection(Section):
    """The neuron model. Its own keys stand beside these."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)

    model: str = Field("lif", description=f"a neuron model: {', '.join(names())}")
    count: int = Field(ge=1, le=65_536, description="an integer number of neurons, 1 to 65536")
    dt: float = Field(
        gt=0,
        description="one tick in second, above 0; its upper limit depends on the model, and is named when exceeded",
    )


class StimulusSection(Section):
    """What drives the neurons."""

    source: str = Field(
        description='"digits", "none", "protocol" (that of the neuron model), or the path of a CSV file: a row a '
        "frame, a column a neuron, ampere"
    )
    frames: int | None = Field(None, ge=1, description="how many frames, 1 or more; all of a CSV file by default")
    ticks: int = Field(ge=1, le=1_000_000, description="ticks a frame is held, 1 to 1000000")
    current: float = Field(1.0, gt=0, description="current of a full pixel of the digits in ampere, above 0")


def _fraction(meaning: str, most: float) -> Any:
    return Field(0.0, ge=0, le=most, description=f"{meaning}, 0 to {most:g}")


class VariabilitySection(Section):
    """Spread of the devices."""

    threshold_d2d: float = _fraction("device-to-device sigma of V_th as a fraction", 0.5)
    hold_d2d: float = _fraction("device-to-device sigma of V_hold as a fraction (oscillators)", 0.5)
    threshold_c2c: float = _fraction("cycle-to-cycle sigma of V_th, as a fraction", 0.5)
    hold_c2c: float = _fraction("cycle-to-cycle sigma of V_hold, as a fraction (oscillators)", 0.5)
    stuck_on: float = _fraction("fraction of devices that stay metallic", 1.0)
    stuck_off: float = _fraction("fraction of devices that stay insulating", 1.0)
    dead: float = _fraction("fraction of devices that are not connected", 1.0)
    current_d2d: float = Field(
        0.0, ge=0, description="device-to-device sigma of a constant input current in ampere, 0 or more (not switches)"
    )
    current_noise: float = Field(
        0.0, ge=0, description="sigma of an input current that is new each tick, in ampere, 0 or more (not switches)"
    )
    temperature: float | None = Field(
        None, gt=0, description="ambient in kelvin, above 0, below the device's transition; its own by default"
    )
    seed: int = Field(1, ge=0, lt=2**32, description="an integer seed, 0 to 4294967295")


Bits = Annotated[list[Annotated[int, Field(ge=0, le=48)]], Field(min_length=2, max_length=2)]


class NumberSection(Section):
    """Word lengths."""

    membrane: Bits | None = Field(
        None, description="[integer bits with the sign, fraction bits], together 2 to 48; the model's own by default"
    )
    drive: Bits | None = Field(
        None, description="[integer bits with the sign, fraction bits]; for lif the latter as in membrane"
    )
    coefficient_bits: int | None = Field(
        None, ge=4, le=18, description="bits of the coefficients, 4 to 18; the model's own by default"
    )


class FpgaSection(Section):
    """Where it runs."""

    lanes: int = Field(1, ge=1, description="neurons updated side by side, 1 to count")
    interval: int = Field(
        1,
        ge=1,
        le=64,
        description="clocks between neurons of a lane, 1 to 64: so many products share a multiplier",
    )
    protection: Literal["none", "parity", "secded"] = Field(
        "none",
        description="of thresholds and other per-neuron parameters in memory: none, parity "
        "(a flipped bit is counted) or secded (and set right)",
    )
    boards: list[str] = Field([], description="names from `neuristor boards`")
    clock_hz: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="a clock in hertz, above 0, by board; that of its pin by default"
    )


class _File(Section):
    device: DeviceSection | None = None
    circuit: CircuitSection | None = None
    neuron: NeuronSection
    stimulus: StimulusSection
    variability: VariabilitySection = VariabilitySection()
    number: NumberSection = NumberSection()
    fpga: FpgaSection = FpgaSection()


class _DeviceFile(Section):
    device: DeviceSection


class _CircuitFile(Section):
    circuit: CircuitSection


def identifier(path: Path) -> str:
    """A Verilog identifier, from a file's name."""
    plain = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    return plain if plain[:1].isalpha() and plain not in KEYWORDS else f"design_{plain}"


@dataclass(frozen=True, repr=False)
class Design(Tabular):
    """A checked design file and what it stands for."""

    path: Path
    sections: _File
    neuron: Neuron
    """The neuron: its model and its circuit."""
    digest: str
    """SHA-256 of the design file and of the stimulus file it names."""
    device: Any
    """Its physics, of a class in ``neuristor.golden_model.devices``; None for a neuron without a device."""
    circuit: Any
    """The two-state switch closest to it, in its circuit; None for a neuron without a device."""
    params: NeuronParams
    """Parameters of the array."""
    stimulus: Stimulus

    @property
    def name(self) -> str:
        """A Verilog identifier, from the file's name."""
        return identifier(self.path)

    @property
    def golden(self) -> NeuronModel[Any]:
        """The model of the neuron."""
        return self.neuron.model

    @cached_property
    def frames_raw(self) -> NDArray[np.int64]:
        """Drive words of each frame, shape (frames, count)."""
        raw: NDArray[np.int64] = self.params.drive_raw(self.stimulus.current)
        return raw

    @property
    def drive_raw(self) -> NDArray[np.int64]:
        """Drive words of each tick, shape (frames * ticks, count)."""
        return np.repeat(self.frames_raw, self.stimulus.ticks, axis=0)

    @property
    def header(self) -> tuple[str, ...]:
        """The first lines of the Verilog."""
        sections = self.sections
        return (
            f"Module {self.name}: {sections.neuron.count} {self.neuron.name} neurons on {sections.fpga.lanes} lanes",
            f"Neuristor {__version__}, design file {plain(self.path.name)}, sha256 {self.digest}",
        )

    @property
    def table(self) -> Table:
        """What the array is."""
        count, fpga = self.params.count, self.sections.fpga
        neurons = f"{count} neuron{'s' if count > 1 else ''} on {fpga.lanes} lane{'s' if fpga.lanes > 1 else ''}"
        rows = [("neuron model", self.neuron.name), ("array", neurons), *self.golden.summary(self.params)]
        return Table(self.name, (), rows)

    @property
    def case(self) -> Case:
        """What the benches need to know."""
        return Case(
            neuron=self.neuron,
            params=self.params,
            lanes=self.sections.fpga.lanes,
            interval=self.sections.fpga.interval,
            protection=self.sections.fpga.protection,
            drive_raw=self.drive_raw,
            toplevel=self.name,
            header=self.header,
        )


def toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """What a TOML file holds, and its bytes.

    Raises
    ------
    DesignError
        If it cannot be read, or is none.
    """
    try:
        content = read_content(path, MOST_TEXT)
    except OSError as error:
        raise DesignError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        text = str(error)
        raise DesignError(text if text.startswith(str(path)) else f"{path}: cannot be read ({text})") from None
    return _tables(path, content), content


def _tables(path: Path, content: bytes) -> dict[str, Any]:
    """What TOML text holds, within bounds."""
    for line, each in enumerate(content.split(b"\n"), 1):
        if each.count(b".") > MOST_DOTS and re.sub(rb"\d\.\d", b"", each).count(b".") > MOST_DOTS:
            raise DesignError(f"{path}: line {line} must have at most {MOST_DOTS} dots that are not in numbers")
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError, and that of an integer of thousands of digits
        raise DesignError(f"{path}: not a TOML file: {error}") from None
    except RecursionError:
        raise DesignError(f"{path}: tables and lists must be at most {DEEPEST} deep") from None
    inside: list[Any] = [table]
    for _ in range(DEEPEST):
        inside = [
            below
            for each in inside
            if isinstance(each, dict | list)
            for below in (each.values() if isinstance(each, dict) else each)
        ]
    if inside:
        raise DesignError(f"{path}: tables and lists must be at most {DEEPEST} deep")
    return table


Source = Path | str | Mapping[str, Any]
"""A TOML file by its path, TOML text (with a line break), or sections as a mapping."""


def opened(source: Source, name: str = "design") -> tuple[Path, dict[str, Any], bytes]:
    """Sections from a file, a text or a mapping.

    Parameters
    ----------
    source : Path, str or mapping
        A TOML file by its path, TOML text (with a line break), or sections as a mapping.
    name : str
        What a text or a mapping is called in messages.

    Returns
    -------
    path : Path
        Of the file, or `name` in the present folder.
    table : dict
        The sections.
    content : bytes
        What the hash of the design is taken of.

    Raises
    ------
    DesignError
        If it cannot be read, or is no TOML.
    """
    if isinstance(source, Mapping):
        try:
            written = json.dumps(source, sort_keys=True, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise DesignError(f"{name}: must hold sections of numbers, texts and lists ({error})") from None
        table: dict[str, Any] = json.loads(written)  # a copy, of what TOML can hold
        return Path(name), table, written
    if isinstance(source, str) and "\n" in source:
        return Path(name), _tables(Path(name), source.encode()), source.encode()
    path = Path(source)
    table, content = toml(path)
    return path, table, content


def parsed(
    source: Source, kind: type[Any], changes: Mapping[str, Any] | None = None, name: str = "design"
) -> tuple[Path, Any, bytes]:
    """Sections of a file, a text or a mapping, checked.

    Parameters
    ----------
    source : Path, str or mapping
        As in `opened`.
    kind : type
        A `Section` of sections.
    changes : mapping of str to value, optional
        Values in place of those of the file, by ``section.key``.
    name : str
        What a text or a mapping is called in messages.

    Returns
    -------
    path : Path
    sections : kind
    content : bytes
        What the hash of the design is taken of.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    path, table, content = opened(source, name)
    if changes:
        for key, value in changes.items():
            _put(path, table, key, value)
        content += json.dumps(dict(changes), sort_keys=True).encode()
    try:
        return path, kind.model_validate(table), content
    except ValidationError as error:
        raise DesignError(f"{path}: {_sentence(error, table, kind)}") from None


def _put(path: Path, table: dict[str, Any], key: str, value: Any) -> None:
    """Set a value of a table of tables."""
    *places, last = key.split(".")
    if not places or not all(places) or not last:
        raise DesignError(f"{path}: a key to change must be section.key, such as circuit.supply, not {key!r}")
    for place in places:
        table = table.setdefault(place, {})
        if not isinstance(table, dict):
            raise DesignError(f"{path}: {key!r} cannot be changed: {place} is no section")
    table[last] = value


def load(
    source: Source,
    changes: Mapping[str, Any] | None = None,
    *,
    name: str = "design",
    current: ArrayLike | None = None,
    later: bool = False,
) -> Design:
    """Read and check a design.

    Parameters
    ----------
    source : Path, str or mapping
        A design file by its path, its text (with a line break), or its sections as a mapping.
    changes : mapping of str to value, optional
        Values in place of those of the file, by ``section.key``; they count for the digest.
    name : str
        What a text or a mapping is called in messages; the Verilog module is named after it.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Input currents in ampere, each frame held for ``[stimulus] ticks``, in place of ``[stimulus] source``.
    later : bool
        The input is given later: whether it can make a neuron fire is not checked.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    path, sections, content = parsed(source, _File, changes, name)
    with where(path, "neuron"):
        chosen = neuron(sections.neuron.model)
        golden = chosen.model
        options = _options(golden.options, sections.neuron)
    for name in ("device", "circuit"):
        if golden.circuit is None and getattr(sections, name) is not None:
            raise DesignError(f"{path}: section [{name}] has no meaning for the model {golden.name}")
        if golden.circuit is not None and getattr(sections, name) is None:
            raise DesignError(f"{path}: section [{name}] is missing; the model {golden.name} needs it")
    device: Any = None
    if sections.device is not None:
        with where(path, "device"):
            device = _device(sections.device)
    with where(path, "variability"):
        spread = sections.variability.model_dump()
        temperature = spread.pop("temperature")
        variability = Variability(**spread)
        if temperature is not None and device is None:
            raise ValueError("temperature needs a device; the gates of a model without one have gate_temperature")
        if temperature is not None:
            device = device.at_temperature(temperature)
    with where(path, "circuit"):
        circuit = None
        if golden.circuit is not None and sections.circuit is not None:
            circuit = _circuit(sections.circuit, device, golden, golden.circuit)
    with where(path, "number"):
        words: dict[str, Any] = {
            name: Format(*bits) for name in ("membrane", "drive") if (bits := getattr(sections.number, name))
        }
        if sections.number.coefficient_bits is not None:
            words["coefficient_bits"] = sections.number.coefficient_bits
    with where(path, "neuron, circuit, variability or number"):
        params = golden.from_circuit(
            circuit,
            count=sections.neuron.count,
            dt=sections.neuron.dt,
            options=options,
            spread=variability,
            **words,
        )
    with where(path, "fpga"):
        _check_fpga(sections, chosen)
    digest = hashlib.sha256(content)
    with where(path, "stimulus"):
        if current is None:
            stimulus = _stimulus(sections, path.parent, digest, golden, params)
        else:
            stimulus = from_array(current, sections.stimulus.ticks, params.count)
            _check_updates(len(stimulus.current), stimulus.ticks, params.count)
            digest.update(stimulus.current.tobytes())
        design = Design(path, sections, chosen, digest.hexdigest(), device, circuit, params, stimulus)
        if not later:
            golden.check_current(params, stimulus.current)
        design.frames_raw  # noqa: B018  (raises where the drive's word cannot hold a current)
    return design


@contextmanager
def where(path: Path, section: str) -> Iterator[None]:
    """Say in which file and section a value is wrong."""
    try:
        yield
    except OSError as error:
        raise DesignError(f"{path}: [{section}] {error.filename} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise DesignError(f"{path}: [{section}] {error}") from None
    except ZeroDivisionError:
        raise DesignError(f"{path}: [{section}] a number is too near to zero to compute with") from None


def device_of(path: Path, section: Mapping[str, Any]) -> Any:
    """The physics of a section ``[device]``.

    Parameters
    ----------
    path : Path
        For messages.
    section : mapping
        Its keys and values.

    Returns
    -------
    object
        Of a class in ``neuristor.golden_model.devices``.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    _, sections, _ = parsed({"device": dict(section)}, _DeviceFile, name=str(path))
    with where(path, "device"):
        return _device(sections.device)


def circuit_of(path: Path, section: Mapping[str, Any], device: Any, model: NeuronModel[Any]) -> Any:
    """A device in the circuit of a section ``[circuit]``.

    Parameters
    ----------
    path : Path
        For messages.
    section : mapping
        Its keys and values.
    device : object
        The physics.
    model : NeuronModel
        A model that is made of a circuit.

    Returns
    -------
    model.circuit
        With the two-state switch closest to the device.

    Raises
    ------
    DesignError
        If anything in it is wrong, or the model has no circuit.
    """
    _, sections, _ = parsed({"circuit": dict(section)}, _CircuitFile, name=str(path))
    with where(path, "circuit"):
        if model.circuit is None:
            raise ValueError(f"the model {model.name} has no circuit")
        return _circuit(sections.circuit, device, model, model.circuit)


def _device(section: DeviceSection) -> Any:
    """The physics that the section describes."""
    numbers, kind = {}, section.kind or "threshold_switch"
    if section.preset is not None:
        entry = preset(section.preset)
        if section.kind not in (None, entry.kind):
            raise ValueError(f"kind must be that of the preset ({entry.kind!r}), not {section.kind!r}")
        numbers, kind = {key: number.value for key, number in entry.numbers.items()}, entry.kind
    if kind not in DEVICES:
        raise ValueError(f"kind must be one of {', '.join(DEVICES)}, not {kind!r}")
    own = {field.name: field for field in fields(DEVICES[kind])}
    for key, value in section.model_dump(exclude={"preset", "kind"}).items():
        if value is None:
            continue
        if key not in own:
            raise ValueError(_unknown(key, ["preset", "kind", *own]))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} must be a number, not {value!r}")
        numbers[key] = float(value)
    lacking = [name for name, field in own.items() if field.default is MISSING and name not in numbers]
    if lacking:
        known = DeviceSection.model_fields.get(lacking[0])
        meaning = f"{known.description}; " if known is not None else ""
        also = f" (and {', '.join(lacking[1:])})" if len(lacking) > 1 else ""
        help_text = "or name a preset" if section.preset is None else f"{section.preset} has no published value"
        raise ValueError(f"{lacking[0]} is missing{also}: {meaning}{help_text}")
    return DEVICES[kind](**numbers)


def _circuit(section: CircuitSection, device: Any, golden: NeuronModel[Any], kind: type[Any]) -> Any:
    """The device in its circuit, as a two-state switch."""
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
            raise ValueError(_unknown(name, known))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number, not {value!r}")
    for name in known:
        if name not in given and (pulsed or own[name].default is MISSING):
            field = CircuitSection.model_fields.get(name)
            raise ValueError(f"{name} is missing: {field.description if field else _meaning(kind, name)}")
    if not isinstance(device, PulsedDevice):
        return kind(device=device.switch(), **{name: float(value) for name, value in given.items()})
    if not (golden.excitable and kind is Circuit):
        able = [each.name for each in neurons() if each.model.excitable and each.model.circuit is Circuit]
        raise ValueError(
            f"a device of the kind {device.kind} needs [neuron] model = {' or '.join(map(repr, able))}, "
            f"not {golden.name!r}"
        )
    return device.lif_circuit(**given)


def _meaning(kind: type, name: str) -> str:
    """What the docstring of a class says about a parameter: its type, and the lines below."""
    found = re.search(rf"\n    {name} : (.*)\n((?:        .*\n)+)", kind.__doc__ or "")
    if found is None:
        raise LookupError(f"{kind.__name__} does not say what {name} is")
    return f"{found[1]}. {' '.join(found[2].split())}"


def _options(kind: type, section: NeuronSection) -> Any:
    extra = section.model_extra or {}
    own = [field.name for field in fields(kind)]
    for key in extra:
        if key not in own:
            raise ValueError(_unknown(key, [*NeuronSection.model_fields, *own]))
    try:
        return TypeAdapter(kind).validate_python(extra)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(
            f"{first['loc'][0]}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
        ) from None


def _check_fpga(sections: _File, chosen: Neuron) -> None:
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
    if len(set(fpga.boards)) != len(fpga.boards):
        raise ValueError(f"boards must each stand once, not {', '.join(fpga.boards)}")


def _stimulus(sections: _File, folder: Path, digest: Any, golden: NeuronModel[Any], params: NeuronParams) -> Stimulus:
    section, count = sections.stimulus, sections.neuron.count
    if section.source == "digits":
        stimulus = digits(section.frames or 200, section.ticks, section.current, count)
    elif section.source == "none":
        _check_updates(section.frames or 1, section.ticks, count)
        stimulus = silence(section.frames or 1, section.ticks, count)
    elif section.source == "protocol":
        if golden.protocol is None:
            raise ValueError(f"source 'protocol' has no meaning for the model {golden.name}")
        current = golden.protocol(params)[: section.frames]
        stimulus = Stimulus(current, tuple(str(n) for n in range(len(current))), section.ticks, None)
    else:
        source = folder / section.source
        stimulus = from_csv(source, section.frames, section.ticks, count)
        digest.update(source.read_bytes())
    _check_updates(len(stimulus.current), stimulus.ticks, count)
    return stimulus


def _check_updates(frames: int, ticks: int, count: int) -> None:
    updates = frames * ticks * count
    if frames * count > MAX_CURRENTS:
        raise ValueError(f"frames x [neuron] count must be at most {MAX_CURRENTS}, not {frames} x {count}")
    if updates > MAX_UPDATES:
        raise ValueError(f"frames x ticks x [neuron] count must be at most {MAX_UPDATES}, not {updates}")


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
    return f"unknown key {key!r}; {hint}"


def _sentence(error: ValidationError, table: dict[str, Any], file: type[BaseModel]) -> str:
    """The first thing wrong, in one sentence."""
    # A misspelt key leaves another missing: name the misspelt one.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"]]
    sections = file.model_fields
    section = sections.get(place[0])
    if {"network", "neuron"} & set(table) - set(sections):
        return (
            "this is a spiking network; its commands are those of neuristor snn"
            if "network" in table
            else "this is an array of neurons; a spiking network has a section [network]"
        )
    if section is None or (len(place) == 1 and first["type"] == "extra_forbidden"):
        return _unknown(place[0], list(sections)).replace("key", "section")
    kind = _section_type(section)
    if len(place) == 1:
        wanted = ", ".join(name for name, field in kind.model_fields.items() if field.is_required())
        if first["type"] == "missing":
            return f"section [{place[0]}] is missing" + (f"; it needs {wanted}" if wanted else "")
        return f"[{place[0]}] must be a section, not {table[place[0]]!r}"
    if first["type"] == "extra_forbidden":
        return f"[{place[0]}] {_unknown(place[1], list(kind.model_fields))}"
    wanted = kind.model_fields[place[1]].description
    if first["type"] == "missing":
        # Some sections take keys of the model, which are looked at later.
        others = [key for key in table[place[0]] if key not in kind.model_fields]
        near = difflib.get_close_matches(place[1], others, n=1)
        if near:
            return f"[{place[0]}] {_unknown(near[0], [place[1]])}"
        return f"[{place[0]}] {place[1]} is missing: {wanted}"
    return f"[{place[0]}] {'.'.join(place[1:])} must be {wanted}, not {first['input']!r}"


def _section_type(section: Any) -> Any:
    """The class of a section that may be absent."""
    return next((each for each in get_args(section.annotation) if each is not type(None)), section.annotation)


def key_table() -> list[tuple[str, str, str, str]]:
    """Every key of the design file: section, key, default, meaning with unit and range."""
    rows = []
    for section, field in _File.model_fields.items():
        for key, entry in _section_type(field).model_fields.items():
            default = "required" if entry.is_required() else "" if entry.default is None else str(entry.default)
            rows.append((section, key, default, entry.description or ""))
    for golden in (each.model for each in neurons()):
        own = [("neuron", golden.options, field) for field in fields(golden.options)]
        if golden.circuit not in (None, Circuit):
            own += [("circuit", golden.circuit, field) for field in fields(golden.circuit) if field.name != "device"]
        for section, kind, option in own:
            default = "" if option.default in (None, MISSING) else str(option.default)
            rows.append((section, option.name, default, f"{golden.name}: {_meaning(kind, option.name)}"))
    return sorted(rows, key=lambda row: list(_File.model_fields).index(row[0]))
