"""The input of a design, by its section ``[stimulus]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.neurons.equations import EquationNeuron, equation_neuron
from neuristor.sections import NeuronSection, Sections, StimulusSection
from neuristor.stimulus import Stimulus, digits, from_array, from_csv, from_waveform, silence
from neuristor.toml_file import unknown_key
from neuristor.waveform import SI, Noise, Sine, Waveform, pulses, read_waveform

__all__ = ["check_updates", "stimulus_of", "tick_of", "timed"]

GENERATED = ("digits", "none", "constant", "protocol", "sine", "pulses", "noise")
"""Inputs that are no files."""
MAX_UPDATES = 2_000_000_000
"""Largest product of frames, ticks and neurons."""
MAX_CURRENTS = 50_000_000
"""Largest product of frames and neurons."""


def tick_of(sections: Sections, golden: NeuronModel[Any]) -> float:
    """The time step, in second.

    Parameters
    ----------
    sections : Sections
        The design.
    golden : NeuronModel
        The model of its neurons.

    Raises
    ------
    ValueError
        If there is none.
    """
    dt = sections.neuron.dt if sections.neuron.dt is not None else golden.own_tick
    if dt is None:
        raise ValueError(f"dt is missing: {NeuronSection.model_fields['dt'].description}")
    return dt


def timed(sections: Sections, folder: Path, chosen: Neuron) -> Neuron:
    """The neuron with the parameter of the stimulus as its input.

    Parameters
    ----------
    sections : Sections
        The design; its stimulus names a parameter.
    folder : Path
        Where files are.
    chosen : Neuron
        The neuron without that.

    Raises
    ------
    ValueError
        If it is not of a model from equations, has no such parameter, or the waveform is missing or does not fit.
    """
    section, name = sections.stimulus, str(sections.stimulus.parameter)
    if not isinstance(chosen, EquationNeuron):
        raise ValueError(f"parameter needs a model from equations, not {chosen.name}")
    text = Model.model_validate_json(chosen.text)
    if name not in text.parameters:
        raise ValueError(unknown_key(name, text.parameters, "parameter"))
    usual, dimension = quantity(text.parameters[name].value)
    if dimension not in SI:
        raise ValueError(f"parameter must be a voltage, a current, a power or a temperature, which {name} is not")
    unit = SI[dimension]
    waveform = _waveform(sections, None if section.source in GENERATED else folder / section.source, unit)
    if waveform is None:
        raise ValueError("parameter needs a waveform, a sine, pulses or noise as source")
    if waveform.unit != unit:
        raise ValueError(f"the waveform must be in {unit}, as {name} is, not in {waveform.unit}")
    values = waveform.sampled(tick_of(sections, chosen.model), section.ticks)
    low, high = min(usual, float(values.min())), max(usual, float(values.max()))
    # Rounding to the grid of the input must not leave its range.
    margin = max(1e-3 * (high - low), 1e-6 * abs(high))
    return equation_neuron(text.driven_by(name, unit, low - margin, high + margin).model_dump_json())


def stimulus_of(
    sections: Sections, folder: Path, digest: Any, golden: NeuronModel[Any], params: NeuronParams
) -> Stimulus:
    """Read or generate the input.

    Parameters
    ----------
    sections : Sections
        The design.
    folder : Path
        Where files are.
    digest : hash object
        Receives the bytes of a file.
    golden : NeuronModel
        The model of the neurons.
    params : NeuronParams
        Their parameters.

    Raises
    ------
    ValueError
        If it does not fit the neurons, or is too large.
    """
    section, count = sections.stimulus, sections.neuron.count
    file = None if section.source in GENERATED else folder / section.source
    if section.current <= 0 and section.source != "constant":
        raise ValueError(f"current must be above 0, not {section.current:g}")
    waveform = _waveform(sections, file, params.input_unit)
    if waveform is not None:
        if section.frames is not None:
            raise ValueError("frames must be left out: ticks is the length of the run of a waveform")
        check_updates(section.ticks, 1, count)
        bias = _bias(sections, golden)
        stimulus = from_waveform(waveform, params.dt, section.ticks, count, params.input_unit, bias)
    elif section.source == "digits":
        stimulus = digits(section.frames or 200, section.ticks, section.current, count)
    elif section.source == "none":
        check_updates(section.frames or 1, section.ticks, count)
        stimulus = silence(section.frames or 1, section.ticks, count)
    elif section.source == "constant":
        check_updates(section.frames or 1, section.ticks, count)
        held = np.full((section.frames or 1, count), _constant(section, params))
        stimulus = from_array(held, section.ticks, count)
    elif section.source == "protocol":
        if golden.protocol is None:
            raise ValueError(f"source 'protocol' has no meaning for the model {golden.name}")
        current = golden.protocol(params)[: section.frames]
        stimulus = Stimulus(current, tuple(str(n) for n in range(len(current))), section.ticks, None)
    else:
        assert file is not None
        stimulus = from_csv(file, section.frames, section.ticks, count)
    if file is not None:
        digest.update(file.read_bytes())
    check_updates(len(stimulus.current), stimulus.ticks, count)
    return stimulus


def _constant(section: StimulusSection, params: NeuronParams) -> float:
    """A constant input: that of the section, or else the usual one of a model from equations.

    Raises
    ------
    ValueError
        If there is neither.
    """
    if "current" in section.model_fields_set:
        return section.current
    if not isinstance(params, EquationParams) or params.system.input is None:
        raise ValueError("current is missing: wanted the constant input of the neurons")
    return float(params.system.input.start)


def _waveform(sections: Sections, file: Path | None, unit: str) -> Waveform | None:
    """The waveform of the input; None if it is in frames.

    Raises
    ------
    ValueError
        If a key is missing, or has no meaning for the source.
    """
    section = sections.stimulus
    given = {"sine": ("frequency",), "pulses": ("frequency", "width"), "noise": ("frequency",)}.get(section.source, ())
    for key in ("frequency", "width"):
        if key in given and getattr(section, key) is None and section.source != "noise":
            raise ValueError(f"{key} is missing: {type(section).model_fields[key].description}")
        if key not in given and getattr(section, key) is not None:
            raise ValueError(f"{key} has no meaning for the source {section.source!r}")
    if section.offset and not given:
        raise ValueError(f"offset has no meaning for the source {section.source!r}")
    if section.source == "noise":
        return Noise(
            offset=section.offset,
            deviation=section.current,
            bandwidth=section.frequency,
            columns=sections.neuron.count,
            seed=sections.variability.seed,
            unit=unit,
        )
    if section.source == "sine":
        assert section.frequency is not None
        return Sine(offset=section.offset, amplitude=section.current, frequency=section.frequency, unit=unit)
    if section.source == "pulses":
        assert section.frequency is not None
        assert section.width is not None
        return pulses(
            offset=section.offset,
            height=section.current,
            width=section.width,
            frequency=section.frequency,
            unit=unit,
        )
    found = None if file is None else read_waveform(file, section.loop)
    if section.loop and found is None:
        raise ValueError("loop has a meaning for the waveform of a file only")
    return found


def _bias(sections: Sections, golden: NeuronModel[Any]) -> tuple[float, float] | None:
    """Supply and series resistance of a device in a circuit with an input current."""
    circuit = sections.circuit
    if circuit is None or circuit.supply is None or circuit.series_resistance is None:
        return None
    # By its own equations (no circuit of the model), or as a two-state switch.
    return (circuit.supply, circuit.series_resistance) if golden.circuit in (None, Circuit) else None


def check_updates(frames: int, ticks: int, count: int) -> None:
    """Check the size of the input.

    Parameters
    ----------
    frames : int
        Number of frames.
    ticks : int
        Ticks for which each is held.
    count : int
        Number of neurons.

    Raises
    ------
    ValueError
        If it is larger than what a simulation can hold.
    """
    updates = frames * ticks * count
    if frames * count > MAX_CURRENTS:
        raise ValueError(f"frames x [neuron] count must be at most {MAX_CURRENTS}, not {frames} x {count}")
    if updates > MAX_UPDATES:
        raise ValueError(f"frames x ticks x [neuron] count must be at most {MAX_UPDATES}, not {updates}")
