"""Fit a device and its circuit to measured curves, and write a design file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuristor.fit.design import DIGITS, design_text, stimulus_text
from neuristor.fit.files import Options, expand
from neuristor.fit.numbers import Curve, Number, Wave, circuit_of, frequency, from_curves, from_waves, uncertain
from neuristor.folder import check_target, write_files
from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.fit import IvFit, TransientFit, Value, fit_iv, fit_loop, fit_transient
from neuristor.golden_model.devices.measurement import Measurement, read
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.hdl.neurons import neuron, neurons
from neuristor.pictures.evidence import fit_picture
from neuristor.pictures.files import check_picture_file, content
from neuristor.tables import si

__all__ = ["Fitted", "IvFit", "Number", "Options", "fit"]

SHOWN = 8
"""Largest number of problems in a verdict."""
MOST_PARTS = 8
"""Cycles side by side in a file are listed up to this number."""


@dataclass(frozen=True)
class Fitted:
    """Results of a fit."""

    rows: list[tuple[str, str, str]]
    """Name, value with its uncertainty, and source of each result."""
    readings: list[str]
    """One line for each file: what was taken for what, or why it was left out."""
    verdict: str
    """One line: whether the fit is good."""
    good: bool
    """Whether it is."""
    obstacle: str = ""
    """Why the design does not run; empty if it does."""


@dataclass
class _Data:
    """The measurements, by kind, with their fits."""

    curves: list[tuple[Curve, Measurement]]
    waves: list[Measurement]
    loops: list[Measurement]
    readings: list[str]
    used: int = 0


def fit(
    data: Sequence[Path],
    *,
    out: Path,
    supply: float | None = None,
    series_resistance: float | None = None,
    capacitance: float | None = None,
    count: int = 64,
    model: str | None = None,
    plot: Path | None = None,
    force: bool = False,
    options: Options | None = None,
    each: bool = False,
) -> Fitted:
    """Fit a device and its circuit to measurements, and write a design file.

    A file that cannot be read or written raises `OSError` or `neuristor.folder.OutputError`.

    Parameters
    ----------
    data : sequence of Path
        Files and folders of I-V curves, transients and resistances over temperature. Several files with I-V
        curves are several devices. Files of a folder that cannot be used are left out.
    out : Path
        The design file. If it needs a stimulus file, that is written beside it.
    supply, series_resistance, capacitance : float, optional
        Circuit of the neuron, in volt, ohm and farad, above 0; that of the transient when absent.
    count : int
        Number of neurons, 1 to 65,536.
    model : str, optional
        Neuron model: one made of a single device in a circuit. By default, ``lif`` if the circuit is silent without
        input, ``relaxation_oscillator`` if it oscillates.
    plot : Path, optional
        SVG file for a picture of data and fit.
    force : bool
        Replace files that exist.
    options : Options, optional
        Kinds and columns, where they are not to be found from the files.
    each : bool
        One neuron for each device with an I-V curve, with its own thresholds in a file beside `out`; `count` is not
        used, and no spread between devices is drawn.

    Returns
    -------
    Fitted
        The results, what was read, and whether the fit is good.

    Raises
    ------
    ValueError
        If a number is out of range, a file is malformed, or something needed is missing.
    """
    chosen = None if model is None else _model(model)
    if not isinstance(count, int) or not 1 <= count <= 65_536:
        raise ValueError(f"count must be an integer between 1 and 65536, not {count!r}")
    given = {"supply": supply, "series_resistance": series_resistance, "capacitance": capacitance}
    for name, value in given.items():
        if value is not None:
            positive(name, value)
    if not data:
        raise ValueError("data must be at least one file of an I-V curve")
    stimulus = out.with_name(f"{out.stem}_stimulus.csv")
    devices = out.with_name(f"{out.stem}_devices.csv")
    needs_file = (chosen is None or chosen.excitable) and (each or count != DIGITS)
    more = [path for path, needed in ((stimulus, needs_file), (devices, each)) if needed]
    targets = [out, *([plot] if plot else []), *more]
    files = expand(data, targets)
    _check_targets([path for path, _ in files], out, plot, more, force)

    measured = _measured(files, options or Options())
    count = len(measured.curves) if each else count
    if not measured.waves:
        _check_given(given)
    found = from_curves([curve for curve, _ in measured.curves])
    if each:
        found.spread.pop("threshold_d2d", None)
        found.spread.pop("hold_d2d", None)
    device, circuit = found.device, found.circuit
    for (name, value), unit in zip(given.items(), ("V", "ohm", "F"), strict=True):
        if value is not None:
            circuit[name] = Number(value, unit, None, "given")
    waves = [Wave(each.source, _fit_wave(each, device, supply, found.r_off)) for each in measured.waves]
    if waves:
        from_waves(waves, found)
    _add_loops(measured.loops, device, found.rows)
    physics = _physics(measured.curves[0][0].name, device, circuit)
    golden = chosen or _model("relaxation_oscillator" if physics.regime() == "oscillates" else "lif")
    needs_file = needs_file and golden.excitable
    if chosen is not None and golden.excitable:
        _check_silent(physics, golden.name)
    lame = _why_not(physics, golden)
    verdict = _verdict(found.problems, found.notes, lame, left=len(files) - measured.used, at_speed=bool(waves))
    text = design_text(
        model=golden,
        count=count,
        physics=physics,
        device=device,
        circuit=circuit,
        spread=found.spread,
        sources=[(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path, _ in files],
        stimulus=stimulus_text(golden, count, physics, stimulus.name),
        verdict=verdict,
    )
    written: dict[Path, str | bytes] = {out: text}
    if each:
        written[out] = f'{text}\n[devices]\nfile = "{devices.name}"\n'
        written[devices] = _devices([curve for curve, _ in measured.curves], golden)
    if plot:
        curves = [(curve.name, each, curve.fit) for curve, each in measured.curves]
        pictures = [(wave.name, each, wave.fit) for wave, each in zip(waves, measured.waves, strict=True)]
        written[plot] = content(fit_picture(curves, pictures), plot.suffix.lower())
    if needs_file:
        need, high = physics.firing_currents
        ramp = np.linspace(0.0, min(2 * need, high), count + 1)[1:]
        written[stimulus] = ",".join(f"{current:.6g}" for current in ramp) + "\n"
    write_files(written, force=force)
    rows = found.rows
    for name, number in (device | circuit).items():
        rows.append((name, uncertain(number.value, number.sigma, number.unit), number.source))
    if (expected := frequency(device, circuit)) is not None:
        rows.append(("frequency of the design", uncertain(expected.value, expected.sigma, "Hz"), "from these numbers"))
    return Fitted(rows, measured.readings, verdict, not found.problems and not lame, lame)


def _devices(curves: Sequence[Curve], golden: NeuronModel[Any]) -> str:
    """The file of the devices: what a neuron of the model can have of its own."""
    own = ["v_th", *(["v_hold"] if "hold_d2d" in golden.spread else [])]
    lines = [",".join(["device", *(f"{name} (V)" for name in own)])]
    for n, curve in enumerate(curves):
        lines.append(",".join([str(n), *(f"{getattr(curve.fit.main, name).value:.6g}" for name in own)]))
    return "\n".join(lines) + "\n"


def _check_silent(physics: Circuit, model: str) -> None:
    """Refuse a circuit that fires without input.

    Raises
    ------
    ValueError
        If it does.
    """
    if physics.regime() != "silent":
        limit = physics.device.v_th * (1 + physics.series_resistance / physics.device.r_ins)
        raise ValueError(
            f"this circuit {physics.regime()} without input: for {model} neurons give a --supply below "
            f"{si(limit, 'V')}, not {si(physics.supply, 'V')}, or choose another --model"
        )


def _measured(files: Sequence[tuple[Path, bool]], options: Options) -> _Data:
    """Read all files and fit the I-V curves; what a folder holds besides measurements is left out.

    Raises
    ------
    ValueError
        If a file that was named is malformed, or there is no I-V curve.
    """
    names = [path.name for path, _ in files]
    options.check(names)
    found = _Data([], [], [], [])
    problem: ValueError | None = None
    for path, from_folder in files:
        kind, choice = options.of(path.name, names)
        try:
            measurement = read(path, kind=kind, choice=choice)
            curves = _curves(measurement) if measurement.kind == "iv" else []
        except ValueError as error:
            if not from_folder:
                raise
            problem = problem or error
            found.readings.append(f"{path.name}: left out: {error}")
            continue
        found.readings.append(f"{path.name}: {measurement.reading}")
        found.used += 1
        found.curves += curves
        found.waves += [measurement] if measurement.kind == "transient" else []
        found.loops += [measurement] if measurement.kind == "rt" else []
    if not found.curves:
        if found.waves:
            raise ValueError("a transient has no scale of resistance: add an I-V curve of the device")
        if found.loops:
            raise ValueError("a resistance over temperature has no threshold voltage: add an I-V curve of the device")
        assert problem is not None
        raise ValueError(f"no file of the folder can be used; the first: {problem}")
    return found


def _why_not(physics: Circuit, golden: NeuronModel[Any]) -> str:
    """Why a design of these numbers does not run; empty if it does."""
    try:
        physics.check_units()
        physics.check_latch()
    except ValueError as error:
        return str(error)
    regime = physics.regime()
    if regime == "latches" or (regime == "silent" and not golden.excitable):
        low, high = physics.series_resistance_window
        reach = f"; with {si(physics.supply, 'V')} it oscillates from {si(low, 'ohm')} to {si(high, 'ohm')}"
        return f"this circuit {'latches' if regime == 'latches' else 'is silent'}{reach if low < high else ''}"
    return ""


def _verdict(problems: Sequence[str], notes: Sequence[str], lame: str, *, left: int, at_speed: bool) -> str:
    """Whether the fit is good, what it does not say, and why the design does not run."""
    text = f"Bad fit: {'; '.join(problems[:SHOWN])}" if problems else "Good fit"
    if len(problems) > SHOWN:
        text += f"; and {len(problems) - SHOWN} more"
    text += f". The design does not run: {lame}" if lame else ""
    text += "".join(f". {note[:1].upper()}{note[1:]}" for note in notes)
    if not at_speed:
        text += ". I-V curves do not show how late the device switches; a transient does"
    if left:
        text += f". {left} files of folders left out"
    return f"{text}."


def _curves(measurement: Measurement) -> list[tuple[Curve, Measurement]]:
    """The devices of a file, fitted."""
    devices = list(dict.fromkeys(sweep.device for sweep in measurement.sweeps))
    if len(devices) > 1:
        each = [
            replace(measurement, sweeps=tuple(sweep for sweep in measurement.sweeps if sweep.device == device))
            for device in devices
        ]
        names = [f"{measurement.source}, {'device ' * device.isdigit()}{device}" for device in devices]
        return [(Curve(name, fit_iv(replace(part, source=name))), part) for name, part in zip(names, each, strict=True)]
    whole = fit_iv(measurement)
    labels = list(dict.fromkeys(sweep.label for sweep in measurement.sweeps))
    parts = []
    for label in labels if 1 < len(labels) <= MOST_PARTS else []:
        sweeps = tuple(sweep for sweep in measurement.sweeps if sweep.label == label)
        try:
            parts.append((label, fit_iv(replace(measurement, sweeps=sweeps)).main))
        except ValueError:  # this one does not switch: the count of cycles says so
            continue
    return [(Curve(measurement.source, whole, tuple(parts)), measurement)]


def _add_loops(loops: Sequence[Measurement], device: dict[str, Number], rows: list[tuple[str, str, str]]) -> None:
    """Take the transition temperature from the resistance over temperature."""
    for each in loops:
        loop = fit_loop(each)
        for name, value in (
            ("T_c, heating", loop.heating),
            ("T_c, cooling", loop.cooling),
            ("R, coldest", loop.r_cold),
            ("R, hottest", loop.r_hot),
        ):
            if value is not None:
                rows.append((name, uncertain(value.value, value.sigma, value.unit), each.source))
        device["transition_temperature"] = Number.of(loop.transition, each.source)


def _fit_wave(
    found: Measurement, device: dict[str, Number], supply: float | None, r_off: tuple[float, float] | None
) -> TransientFit:
    """Fit a transient, with the resistances of the I-V curves."""
    r_ins, r_met = (
        None if number is None else Value(number.value, number.sigma or 0.0, "ohm")
        for number in (device["r_ins"], device.get("r_met"))
    )
    assert r_ins is not None
    if r_off is not None:  # the range takes the place of the uncertainty
        r_ins = replace(r_ins, sigma=0.0)
    return fit_transient(found, r_ins=r_ins, r_met=r_met, supply=supply, r_ins_range=r_off)


def _physics(name: str, device: dict[str, Number], circuit: dict[str, Number]) -> Circuit:
    """Build the circuit of the fitted numbers.

    Raises
    ------
    ValueError
        If the metallic resistance is unknown.
    """
    if "r_met" not in device:
        raise ValueError(
            f"{name}: R_on is unknown, every metallic point is clipped by the compliance: "
            "raise the compliance, or add a transient"
        )
    return circuit_of(device, circuit)


def _check_targets(data: Sequence[Path], out: Path, plot: Path | None, more: Sequence[Path], force: bool) -> None:
    """Check that the outputs can be written, and that none is an input.

    Raises
    ------
    ValueError
        If one cannot be written, is a measurement, or two are the same.
    """
    targets = [out, *([plot] if plot else []), *more]
    for target in targets:
        (check_picture_file if target is plot else check_target)(target, force=force)
        if any(target.absolute() == path.absolute() for path in data):
            raise ValueError(f"{target} is one of the measurements: name another file to write")
    if len({target.absolute() for target in targets}) < len(targets):
        raise ValueError(f"{out} and {plot} must be different files")


def _model(name: str) -> NeuronModel[Any]:
    """Find the neuron model.

    Raises
    ------
    ValueError
        If it does not exist, or is not made of a single device in a circuit.
    """
    found = neuron(name).model
    if not _fits(found):
        able = ", ".join(each.name for each in neurons() if _fits(each.model))
        raise ValueError(f"model must be made of one device in a circuit ({able}), not {name!r}")
    return found


def _fits(model: NeuronModel[Any]) -> bool:
    return model.circuit is Circuit and model.suggested_tick is not None


def _check_given(given: dict[str, float | None]) -> None:
    """Check that the circuit is given, if there is no transient to take it from.

    Raises
    ------
    ValueError
        If an element is missing.
    """
    if given["capacitance"] is None or given["series_resistance"] is None:
        raise ValueError("an I-V curve has no time scale: give --capacitance and --series-resistance, or a transient")
    if given["supply"] is None:
        raise ValueError("an I-V curve has no supply: give --supply, or a transient with a supply column")
