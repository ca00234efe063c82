"""Fit a device and its circuit to measured curves, and write a design file."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuristor.folder import check_target, plain, write_files
from neuristor.golden_model.checks import positive
from neuristor.golden_model.devices.fit import IvFit, Polarity, TransientFit, Value, average, fit_iv, fit_transient
from neuristor.golden_model.devices.measurement import Measurement, read
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.hdl.neurons import neuron, neurons
from neuristor.tables import si
from neuristor.version import __version__

__all__ = ["Number", "design_text", "fit", "plot_text", "stimulus_text"]

INK, FITTED = "#1f3d7a", "#e08a1e"
DIGITS = 64
"""Number of neurons for which the stimulus is the digits."""
PREFIXED = ("V", "A", "ohm", "F", "s", "Hz")
"""Units that are written with an SI prefix."""


def _text(value: float, unit: str, digits: int) -> str:
    """A number with its unit."""
    return si(value, unit, digits) if unit in PREFIXED else f"{value:.{digits}g} {unit}".rstrip()


def _uncertain(value: float, sigma: float | None, unit: str) -> str:
    """A number with its uncertainty and its unit, such as ``100.16 +- 0.11 kohm``."""
    if sigma is None:
        return _text(value, unit, 5)
    number, _, symbol = _text(value, unit, 5).partition(" ")
    prefix = 10.0 ** (3 * round(math.log10(value / float(number)) / 3)) if value else 1.0
    return f"{number} +- {float(f'{sigma / prefix:.2g}'):g} {symbol}".rstrip()


@dataclass(frozen=True)
class Number:
    """A number of the design, and its source."""

    value: float
    """The number, in its unit."""
    unit: str
    """Symbol of the unit; empty for a fraction."""
    sigma: float | None
    """Standard uncertainty; None for a number that was given."""
    source: str
    """File or files that it was fitted to."""

    @classmethod
    def of(cls, value: Value, source: str) -> Number:
        """Take the result of a fit, rounded to six digits.

        Parameters
        ----------
        value : Value
            Value, uncertainty and unit.
        source : str
            File or files that it was fitted to.
        """
        return cls(float(f"{value.value:.6g}"), value.unit, value.sigma, source)

    @property
    def note(self) -> str:
        """Value with SI prefix, uncertainty and source, for a comment."""
        shown = _text(self.value, self.unit, 4) if self.unit else "fraction"
        return f"{shown}, {'' if self.sigma is None else f'sigma {_text(self.sigma, self.unit, 2)}, '}{self.source}"


def fit(
    data: Sequence[Path],
    *,
    out: Path,
    supply: float | None = None,
    series_resistance: float | None = None,
    capacitance: float | None = None,
    count: int = 64,
    model: str = "lif",
    plot: Path | None = None,
    force: bool = False,
) -> list[tuple[str, str, str]]:
    """Fit a device and its circuit to measurements, and write a design file.

    A file that cannot be read or written raises `OSError` or `neuristor.folder.OutputError`.

    Parameters
    ----------
    data : sequence of Path
        I-V curves and transients; several files with I-V curves are several devices.
    out : Path
        The design file. If it needs a stimulus file, that is written beside it.
    supply, series_resistance, capacitance : float, optional
        Circuit of the neuron, in volt, ohm and farad, above 0; that of the transient when absent.
    count : int
        Number of neurons, 1 to 65,536.
    model : str
        Neuron model: one made of a single device in a circuit.
    plot : Path, optional
        SVG file for a picture of data and fit.
    force : bool
        Replace files that exist.

    Returns
    -------
    list of (str, str, str)
        Name, value with its uncertainty, and source of each result.

    Raises
    ------
    ValueError
        If a number is out of range, a file is malformed, or something needed is missing.
    """
    golden = _model(model)
    if not isinstance(count, int) or not 1 <= count <= 65_536:
        raise ValueError(f"count must be an integer between 1 and 65536, not {count!r}")
    given = {"supply": supply, "series_resistance": series_resistance, "capacitance": capacitance}
    for name, value in given.items():
        if value is not None:
            positive(name, value)
    if not data:
        raise ValueError("data must be at least one file of an I-V curve")
    stimulus = out.with_name(f"{out.stem}_stimulus.csv")
    needs_file = golden.excitable and count != DIGITS
    _check_targets(data, out, plot, stimulus if needs_file else None, force)

    measured = [(path, read(path)) for path in data]
    curves = [(path.name, found, fit_iv(found)) for path, found in measured if found.kind == "iv"]
    if not curves:
        raise ValueError("a transient has no scale of resistance: add an I-V curve of the device")
    if len(curves) == len(measured):
        _check_given(given)
    device, spread, rows = _device([(name, found) for name, _, found in curves])
    waves = [
        (path.name, found, _fit_wave(found, device, supply)) for path, found in measured if found.kind == "transient"
    ]
    circuit = {
        name: Number(value, unit, None, "given")
        for (name, value), unit in zip(given.items(), ("V", "ohm", "F"), strict=True)
        if value is not None
    }
    if waves:
        _from_waves([(name, found) for name, _, found in waves], device, circuit, spread, rows)
    physics = _physics(curves[0][0], device, circuit)
    if golden.excitable and physics.regime() != "silent":
        limit = physics.device.v_th * (1 + physics.series_resistance / physics.device.r_ins)
        raise ValueError(
            f"this circuit {physics.regime()} without input: for {model} neurons give a --supply below "
            f"{si(limit, 'V')}, not {si(physics.supply, 'V')}, or choose another --model"
        )
    text = design_text(
        model=golden,
        count=count,
        physics=physics,
        device=device,
        circuit=circuit,
        spread=spread,
        sources=[(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in data],
        stimulus=stimulus_text(golden, count, physics, stimulus.name),
    )
    files = {out: text}
    if plot:
        files[plot] = plot_text(curves, waves)
    if needs_file:
        need, high = physics.firing_currents
        ramp = np.linspace(0.0, min(2 * need, high), count + 1)[1:]
        files[stimulus] = ",".join(f"{current:.6g}" for current in ramp) + "\n"
    write_files(files, force=force)
    for name, number in (device | circuit).items():
        rows.append((name, _uncertain(number.value, number.sigma, number.unit), number.source))
    return rows


def _check_targets(data: Sequence[Path], out: Path, plot: Path | None, stimulus: Path | None, force: bool) -> None:
    """Check that the outputs can be written, and that none is an input.

    Raises
    ------
    ValueError
        If one cannot be written, is a measurement, or two are the same.
    """
    targets = [out, *([plot] if plot else []), *([stimulus] if stimulus else [])]
    for target in targets:
        check_target(target, force=force, ending=".svg" if target is plot else "")
        if any(target.absolute() == path.absolute() for path in data):
            raise ValueError(f"{target} is one of the measurements: name another file to write")
    if len({target.absolute() for target in targets}) < len(targets):
        raise ValueError(f"{out} and {plot} must be different files")


def _fit_wave(found: Measurement, device: dict[str, Number], supply: float | None) -> TransientFit:
    """Fit a transient, with the resistances of the I-V curves."""
    r_ins, r_met = (
        None if number is None else Value(number.value, number.sigma or 0.0, "ohm")
        for number in (device["r_ins"], device.get("r_met"))
    )
    assert r_ins is not None
    return fit_transient(found, r_ins=r_ins, r_met=r_met, supply=supply)


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
    return Circuit(
        device=ThresholdSwitch(**{name: number.value for name, number in device.items()}),
        **{name: number.value for name, number in circuit.items()},
    )


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


def _device(
    curves: list[tuple[str, IvFit]],
) -> tuple[dict[str, Number], dict[str, Number], list[tuple[str, str, str]]]:
    """Numbers and spread of the device; with several files, means over the devices."""
    sides = [found.main for _, found in curves]
    source = curves[0][0] if len(curves) == 1 else f"mean of {len(curves)} devices"
    device = {}
    for name, key in (("r_ins", "r_off"), ("r_met", "r_on"), ("v_th", "v_th"), ("v_hold", "v_hold")):
        values = [value for side in sides if (value := getattr(side, key)) is not None]
        if values:
            device[name] = Number.of(_mean(values), source)
    spread = {}
    for name, key in (("threshold_c2c", "v_th"), ("hold_c2c", "v_hold")):
        found = [(getattr(side, f"{key}_c2c"), getattr(side, key).value) for side in sides]
        ratios = [Value(c2c.value / mean, c2c.sigma / mean, "") for c2c, mean in found if c2c is not None]
        if ratios:
            spread[name] = Number.of(_mean(ratios), source)
    if len(sides) > 1:
        spread["threshold_d2d"] = _between([side.v_th for side in sides], source)
    rows = []
    for name, found_iv in curves:
        for sign, side in (("", found_iv.positive), ("-", found_iv.negative)):
            if side is not None:
                rows += [(sign + title, value, f"{name}, {len(side.cycles)} cycles") for title, value in _shown(side)]
    return device, spread, rows


def _shown(side: Polarity) -> list[tuple[str, str]]:
    values: list[tuple[str, Value | None]] = [
        ("V_th", side.v_th),
        ("V_hold", side.v_hold),
        ("V_th cycle to cycle", side.v_th_c2c),
        ("V_hold cycle to cycle", side.v_hold_c2c),
        ("R_off", side.r_off),
        ("R_on", side.r_on),
        ("compliance", side.compliance),
        ("slope on, at most", side.slope_on),
        ("slope off, at most", side.slope_off),
    ]
    shown = [(title, _uncertain(value.value, value.sigma, value.unit)) for title, value in values if value is not None]
    if side.r_on is None:
        shown.append(("R_on", "unknown: every metallic point is clipped"))
    return shown


def _mean(values: list[Value]) -> Value:
    if len(values) == 1:
        return values[0]
    mean, _ = average([value.value for value in values], values[0].unit)
    own = math.sqrt(sum(value.sigma**2 for value in values)) / len(values)
    return Value(mean.value, max(mean.sigma, own), mean.unit)


def _between(values: list[Value], source: str) -> Number:
    """Spread between devices as a fraction, with the uncertainty of each device subtracted."""
    mean, total = average([value.value for value in values], "")
    assert total is not None
    own = float(np.mean([value.sigma**2 for value in values]))
    return Number.of(
        Value(math.sqrt(max(0.0, total.value**2 - own)) / mean.value, total.sigma / mean.value, ""), source
    )


def _from_waves(
    waves: list[tuple[str, TransientFit]],
    device: dict[str, Number],
    circuit: dict[str, Number],
    spread: dict[str, Number],
    rows: list[tuple[str, str, str]],
) -> None:
    """Take from transients what they measure better than I-V curves: the circuit, and the thresholds at speed."""
    source = waves[0][0] if len(waves) == 1 else f"mean of {len(waves)} transients"
    found = [wave for _, wave in waves]
    for name in ("v_th", "v_hold"):
        device[name] = Number.of(_mean([getattr(wave, name) for wave in found]), source)
    if "r_met" not in device:
        device["r_met"] = Number.of(_mean([wave.r_met for wave in found]), source)
    for name in ("series_resistance", "capacitance"):
        if name not in circuit:
            circuit[name] = Number.of(_mean([getattr(wave, name) for wave in found]), source)
    if "supply" not in circuit:
        circuit["supply"] = Number(float(f"{found[0].supply:.6g}"), "V", None, f"{waves[0][0]}, mean of its column")
    for name, c2c, mean in (("threshold_c2c", "v_th_c2c", "v_th"), ("hold_c2c", "v_hold_c2c", "v_hold")):
        ratios = [(getattr(wave, c2c), getattr(wave, mean).value) for wave in found]
        spread[name] = Number.of(_mean([Value(a.value / b, a.sigma / b, "") for a, b in ratios]), source)
    shown = ("frequency", "duty", "t_ins", "t_met", "jitter", "v_th", "v_hold", "series_resistance", "capacitance")
    for name, wave in waves:
        for key in shown:
            value: Value = getattr(wave, key)
            rows.append((key, _uncertain(value.value, value.sigma, value.unit), name))
        warning = "" if wave.misfit < 2 else "; the two-state model does not describe this waveform"
        rows.append(("residual over noise", f"{wave.misfit:.2f}{warning}", name))


def design_text(
    *,
    model: NeuronModel[Any],
    count: int,
    physics: Circuit,
    device: dict[str, Number],
    circuit: dict[str, Number],
    spread: dict[str, Number],
    sources: Sequence[tuple[str, str]],
    stimulus: str,
) -> str:
    """Write the text of the design file.

    Parameters
    ----------
    model : NeuronModel
        A model made of a single device in a circuit.
    count : int
        Number of neurons.
    physics : Circuit
        The fitted device in its circuit.
    device, circuit, spread : dict of Number
        Numbers by their key in the sections ``device``, ``circuit`` and ``variability``.
    sources : sequence of (str, str)
        Name and SHA-256 of each measurement.
    stimulus : str
        The section ``stimulus``.

    Returns
    -------
    str
        TOML.
    """

    def lines(numbers: dict[str, Number], keys: Sequence[str]) -> list[str]:
        return [f"{key} = {numbers[key].value!r}  # {plain(numbers[key].note)}" for key in keys if key in numbers]

    assert model.suggested_tick is not None  # checked by _model
    dt, why = model.suggested_tick(physics)
    dt = float(f"{dt:.3g}")
    keys = [key for key in ("threshold_d2d", "threshold_c2c", "hold_c2c") if key in model.spread]
    capped = {key: Number(min(n.value, 0.5), n.unit, n.sigma, n.source) for key, n in spread.items()}
    parts = [
        f"# Fitted by Neuristor {__version__}. The true value is within two sigma in at least 95 % of cases.",
        *(f"#   {plain(name)}, sha256 {digest}" for name, digest in sources),
        "",
        "[device]",
        *lines(device, ("r_ins", "r_met", "v_th", "v_hold")),
        "",
        "[circuit]",
        *lines(circuit, ("supply", "series_resistance", "capacitance")),
        "",
        "[neuron]",
        f'model = "{model.name}"',
        f"count = {count}",
        f"dt = {dt!r}  # {si(dt, 's')}, {why}",
        "",
        stimulus.rstrip("\n"),
        "",
        "[variability]",
        *lines(capped, keys),
        "",
    ]
    if model.excitable:
        need, high = physics.firing_currents
        reach = max(physics.device.v_th, physics.target_ins(min(2 * need, high)))
        bits = max(2, 2 + math.ceil(math.log2(1.25 * reach)))
        word = f"[{bits}, {16 - bits}]" if bits <= 12 else f"[{bits}, 4]"
        parts += ["[number]", f"membrane = {word}  # holds {si(reach, 'V', 3)}", f"drive = {word}", ""]
    return "\n".join(parts)


def stimulus_text(model: NeuronModel[Any], count: int, physics: Circuit, file: str) -> str:
    """Write the section ``stimulus``, with an input that makes these neurons fire.

    Parameters
    ----------
    model : NeuronModel
        A model made of a single device in a circuit.
    count : int
        Number of neurons.
    physics : Circuit
        The fitted device in its circuit.
    file : str
        Name of the CSV file beside the design, used unless there are 64 neurons, as many as a digit has pixels.

    Returns
    -------
    str
        TOML.
    """
    if not model.excitable:
        return '[stimulus]\nsource = "none"\nticks = 1000\n'
    need, high = physics.firing_currents
    if count == DIGITS:
        current = float(f"{min(2 * need, high):.3g}")
        return (
            '[stimulus]\nsource = "digits"\nframes = 20\nticks = 250\n'
            f"current = {current!r}  # {si(current, 'A')} for a full pixel; neurons fire from {si(need, 'A', 3)}\n"
        )
    return (
        f'[stimulus]\nsource = "{_basic(file)}"  # a ramp over the neurons; they fire from {si(need, "A", 3)}\n'
        "frames = 1\nticks = 2500\n"
    )


def _basic(text: str) -> str:
    """Escape a text for a TOML basic string."""
    return re.sub(r'[\x00-\x1f\x7f"\\]', lambda found: f"\\u{ord(found[0]):04x}", text)


def plot_text(
    curves: Sequence[tuple[str, Measurement, IvFit]], waves: Sequence[tuple[str, Measurement, TransientFit]]
) -> str:
    """Draw data and fit.

    Parameters
    ----------
    curves, waves : sequence of (str, Measurement, fit)
        File name, data and fit of each I-V curve and of each transient.

    Returns
    -------
    str
        SVG; the same data give the same text.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.hashsalt": "neuristor", "font.size": 9}
    style |= {"axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        count = len(curves) + len(waves)
        figure = Figure(figsize=(8.2, 2.8 * count), layout="constrained")
        axes = figure.subplots(count, 1, squeeze=False)[:, 0]
        for ax, (name, found, result) in zip(axes, curves, strict=False):
            _plot_iv(ax, found, result)
            ax.set_title(plain(name), parse_math=False)
        for ax, (name, found, wave) in zip(axes[len(curves) :], waves, strict=True):
            _plot_wave(ax, found, wave)
            ax.set_title(plain(name), parse_math=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _plot_iv(ax: Any, found: Measurement, result: IvFit) -> None:
    for sweep in found.sweeps:
        assert sweep.current is not None
        size = np.abs(sweep.current)
        ax.plot(sweep.voltage[size > 0], size[size > 0], ".", color=INK, ms=2)
    for sign, side in ((1, result.positive), (-1, result.negative)):
        if side is None:
            continue
        v_th, v_hold = side.v_th.value, side.v_hold.value
        v = np.linspace(v_th / 50, v_th, 60)
        ax.plot(sign * v, v / side.r_off.value, color=FITTED, lw=1.2)
        if side.r_on is not None:
            top = max(float(np.abs(sweep.voltage).max()) for sweep in found.sweeps)
            v = np.linspace(v_hold, max(top, v_th), 60)
            limit = math.inf if side.compliance is None else side.compliance.value
            ax.plot(sign * v, np.minimum(v / side.r_on.value, limit), color=FITTED, lw=1.2)
        for level in (v_th, v_hold):
            ax.axvline(sign * level, color="0.6", lw=0.7, ls="--")
    ax.set(yscale="log", xlabel="voltage (V)", ylabel="|current| (A)")


def _plot_wave(ax: Any, found: Measurement, wave: TransientFit) -> None:
    sweep = max(found.sweeps, key=lambda one: len(one.voltage))
    assert sweep.time is not None
    inside = (sweep.time >= wave.time[0]) & (sweep.time <= wave.time[-1])
    sign = 1.0 if float(np.mean(sweep.voltage)) >= 0 else -1.0
    skip = max(1, len(wave.time) // 4000)
    ax.plot(sweep.time[inside][::skip] * 1e6, sign * sweep.voltage[inside][::skip], ".", color=INK, ms=2)
    ax.plot(wave.time[::skip] * 1e6, wave.voltage[::skip], color=FITTED, lw=1)
    ax.set(xlabel="time (us)", ylabel="voltage (V)")
