"""The sections of a design file: every key with its type, its range, its default and its meaning."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from neuristor.docstrings import meaning
from neuristor.golden_model.devices.catalogue import DEVICES
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.neurons import names, neurons
from neuristor.toml_file import Section, section_type

__all__ = [
    "CircuitOnly",
    "CircuitSection",
    "DeviceOnly",
    "DeviceSection",
    "FpgaSection",
    "NeuronSection",
    "NumberSection",
    "Sections",
    "StimulusSection",
    "VariabilitySection",
    "key_table",
]


class DeviceSection(Section):
    """The device: a preset, and numbers that replace those of the preset. Each kind of device has its own numbers."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)

    preset: str | None = Field(None, description="a name from `neuristor devices`")
    kind: str | None = Field(None, description=f"without a preset: {', '.join(DEVICES)}")
    dynamics: Literal["own", "two_state"] | None = Field(
        None,
        description="own (the device's own equations) or two_state (the switch closest to it); by default own for a "
        "device of the kind thermal_vo2 or mott in the model relaxation_oscillator, and else two_state",
    )
    r_ins: float | None = Field(None, gt=0, description="insulating resistance in ohm, above r_met")
    r_met: float | None = Field(None, gt=0, description="metallic resistance in ohm, above 0")
    v_th: float | None = Field(None, gt=0, description="threshold voltage in volt, above v_hold")
    v_hold: float | None = Field(None, gt=0, description="hold voltage in volt, above 0")
    t_imt: float | None = Field(
        None, ge=0, description="time constant of the insulator-to-metal transition in second, 0 or more"
    )
    t_mit: float | None = Field(
        None, ge=0, description="time constant of the metal-to-insulator transition in second, 0 or more"
    )
    transition_temperature: float | None = Field(None, gt=0, description="T_c in kelvin, above reference_temperature")
    reference_temperature: float | None = Field(
        None, gt=0, description="ambient temperature in kelvin at which v_th, v_hold and r_ins are given, above 0"
    )
    activation: float | None = Field(
        None, ge=0, description="activation energy of r_ins over Boltzmann's constant in kelvin, 0 or more"
    )


class CircuitSection(Section):
    """The circuit around the device. The circuit of a neuron with two devices has its own keys."""

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
    """The neuron model. Each model has further keys."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)

    model: str = Field(
        "lif",
        description=f"a neuron model: {', '.join(names())}; or one from equations: a name from `neuristor model list`, "
        "or the path of a model file (.toml)",
    )
    count: int = Field(ge=1, le=65_536, description="an integer number of neurons, 1 to 65536")
    dt: float | None = Field(
        None,
        gt=0,
        description="time step (tick) in second, above 0; each model has an upper limit, which its error names; only a "
        "model from equations may have one of its own",
    )


class StimulusSection(Section):
    """The input of the neurons."""

    source: str = Field(
        description='"digits", "none", "constant", "protocol" (that of the neuron model), "sine", "pulses", "noise", '
        "or the path of a CSV file: rows are frames, columns are neurons, in ampere; or a waveform, if its first line "
        "has titles with units and begins with the time, such as `t (us), i (uA)`: one column for all neurons or one "
        "for each, in the unit of the input, or in volt as the supply; between rows it is a straight line, and a tick "
        "receives its mean"
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="number of frames, 1 or more; by default 200 digits, one frame without input, or all frames of a "
        "protocol or a CSV file",
    )
    ticks: int = Field(
        ge=1,
        le=1_000_000,
        description="ticks for which each frame is held, or of the whole run of a waveform, 1 to 1000000",
    )
    current: float = Field(
        1.0,
        description="current of a full pixel of the digits, amplitude of a sine, height of pulses or standard "
        "deviation of noise, in ampere (or the unit of the input), above 0; or a constant input, by default that under "
        "which a model from equations fires",
    )
    offset: float = Field(0.0, description="mean of a sine or of noise, or current between pulses, in ampere")
    frequency: float | None = Field(
        None,
        gt=0,
        description="frequency of a sine or of pulses, or bandwidth of noise (a low-pass filter of first order), in "
        "hertz, above 0; noise without it has a new value in each tick",
    )
    width: float | None = Field(None, gt=0, description="length of a pulse in second, above 0 and below the period")
    parameter: str | None = Field(
        None,
        description="the parameter of a model from equations that changes with time, such as the ambient temperature, "
        "in volt, ampere, watt or kelvin: it is then the input, and the usual one keeps its usual value; with a "
        "waveform, a sine, pulses or noise",
    )
    loop: bool = Field(False, description="whether the waveform of a file starts again at its end")


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
    parameters: dict[str, Annotated[float, Field(ge=0, lt=1)]] = Field(
        {},
        description="device-to-device sigma of parameters of a model from equations, as fractions from 0 to below 1: "
        "{ r_ins = 0.03 }; by default those of the model's file",
    )
    temperature: float | None = Field(
        None,
        gt=0,
        description="ambient temperature in kelvin, above 0, below the transition of the device; by default that of "
        "the device",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="an integer seed, 0 to 4294967295")


Bits = Annotated[list[Annotated[int, Field(ge=0, le=48)]], Field(min_length=2, max_length=2)]


class NumberSection(Section):
    """Word lengths."""

    membrane: Bits | None = Field(
        None,
        description="[integer bits with the sign, fraction bits], together 2 to 48; by default those of the model, "
        "wider if needed",
    )
    drive: Bits | None = Field(
        None, description="[integer bits with the sign, fraction bits]; for lif the fraction bits are those of membrane"
    )
    coefficient_bits: int | None = Field(
        None,
        ge=4,
        le=25,
        description="bits of coefficients, 4 to 18; of factors in equations, 12 to 25; by default those of the model",
    )


class FpgaSection(Section):
    """The circuit on the FPGA, and its boards."""

    lanes: int = Field(1, ge=1, description="the number of neurons updated at the same time, 1 to count")
    interval: int = Field(
        1,
        ge=1,
        le=64,
        description="clocks per neuron of a lane, 1 to 64; in N clocks, N products share one multiplier",
    )
    protection: Literal["none", "parity", "secded"] = Field(
        "none",
        description="check bits of the per-neuron parameters in memory: none, parity (a flipped bit is counted) or "
        "secded (a flipped bit is corrected)",
    )
    edges_per_clock: int | None = Field(
        None,
        ge=1,
        description="edges summed in a clock, where each has its own value: lanes times a power of two, at most one "
        "for each neuron; by default lanes",
    )
    boards: list[str] = Field([], description="names from `neuristor boards`")
    scope: list[str] = Field(
        [],
        description='variables for an oscilloscope, such as "membrane[0]" of neuron 0, at most 4: in the bitstream '
        "that checks itself each goes to a pin of the board, as a sigma-delta signal",
    )
    clock_hz: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="a clock in hertz, above 0, by board; by default that of its clock pin"
    )


class DevicesSection(Section):
    """Measured devices."""

    file: str = Field(
        description="a CSV or Parquet file with a row for each neuron; titles are parameters, such as v_th (mV): "
        "v_th and v_hold of oscillators, v_th of lif, any parameter of a model from equations"
    )


class CouplingSection(Section):
    """Neighbours: oscillators, and models from equations with a section [coupling]."""

    kind: Literal["resistive", "capacitive", "weight"] = Field(
        "weight",
        description="resistive and capacitive for oscillators; for models from equations weight, in the unit of the "
        "model, or resistive",
    )
    file: str | None = Field(
        None,
        description="a CSV file with the columns i, j and value; or a matrix: Matrix Market (.mtx), or the array edges "
        "of a NumPy file (.npz)",
    )
    topology: Literal["all_to_all", "ring", "chain", "grid", "torus", "hexagonal"] | None = Field(
        None, description="instead of a file: which neurons are neighbours"
    )
    columns: int = Field(0, ge=0, description="columns of a lattice; neurons are numbered row by row")
    reach: int = Field(1, ge=1, description="neighbours on either side in a ring or a chain")
    value: float | None = Field(
        None,
        description="value of each edge, in SI units: ohm, farad, or the weight; with a file of values, that of "
        "weight 1, by default of the strongest edge",
    )
    value_d2d: float = _fraction("edge-to-edge sigma of the value as a fraction", 0.5)
    directed: bool = Field(False, description="whether an edge i, j acts on neuron i only; weights only")


class Sections(Section):
    """All sections of a design file."""

    device: DeviceSection | None = None
    circuit: CircuitSection | None = None
    neuron: NeuronSection
    stimulus: StimulusSection
    devices: DevicesSection | None = None
    coupling: CouplingSection | None = None
    variability: VariabilitySection = VariabilitySection()
    number: NumberSection = NumberSection()
    fpga: FpgaSection = FpgaSection()


class DeviceOnly(Section):
    """A section ``[device]`` alone."""

    device: DeviceSection


class CircuitOnly(Section):
    """A section ``[circuit]`` alone."""

    circuit: CircuitSection


def key_table() -> list[tuple[str, str, str, str]]:
    """List every key of the design file, those of the neuron models included.

    Returns
    -------
    list of (str, str, str, str)
        Section, key, default, and meaning with unit and range.
    """
    rows = []
    for section, field in Sections.model_fields.items():
        for key, entry in section_type(field).model_fields.items():
            default = "required" if entry.is_required() else "" if entry.default is None else str(entry.default)
            rows.append((section, key, default, entry.description or ""))
    for golden in (each.model for each in neurons()):
        own = [("neuron", golden.options, field) for field in fields(golden.options)]
        if golden.circuit not in (None, Circuit):
            own += [("circuit", golden.circuit, field) for field in fields(golden.circuit) if field.name != "device"]
        for section, kind, option in own:
            default = "" if option.default in (None, MISSING) else str(option.default)
            rows.append((section, option.name, default, f"{golden.name}: {meaning(kind, option.name)}"))
    return sorted(rows, key=lambda row: list(Sections.model_fields).index(row[0]))
