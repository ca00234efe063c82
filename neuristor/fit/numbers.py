"""Fitted numbers with their source, and the numbers of a device from the fits of its curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from neuristor.golden_model.devices.fit import IvFit, Polarity, TransientFit, Value, average
from neuristor.golden_model.devices.threshold_switch import Circuit, ThresholdSwitch
from neuristor.golden_model.units import counted
from neuristor.tables import si

__all__ = ["Curve", "Device", "Number", "Wave", "circuit_of", "frequency", "from_curves", "from_waves", "uncertain"]

PREFIXED = ("V", "A", "ohm", "F", "s", "Hz", "K")
"""Units that are written with an SI prefix."""
CONFLICT = 3.0
"""An I-V curve and a transient disagree if they differ by more than this many uncertainties."""
NEAR = 0.05
"""The design has the circuit of the transient if R_s and C differ by less than this fraction."""
NOTHING = 1e-6
"""An uncertainty below this fraction of its number is not written."""
MANY = 4
"""With more devices than this, each has a single row in the table."""


def _text(value: float, unit: str, digits: int) -> str:
    """A number with its unit."""
    return si(value, unit, digits) if unit in PREFIXED else f"{value:.{digits}g} {unit}".rstrip()


def uncertain(value: float, sigma: float | None, unit: str) -> str:
    """Write a number with its uncertainty and its unit, such as ``100.16 +- 0.11 kohm``.

    Parameters
    ----------
    value : float
        The number, in its unit.
    sigma : float or None
        Its uncertainty, in the same unit; None for a number that was given. One that no digit shows is left out:
        that of curves without noise.
    unit : str
        Symbol of the unit; empty for a fraction.
    """
    if sigma is None or sigma < NOTHING * abs(value):
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


@dataclass(frozen=True)
class Curve:
    """I-V curves of one device."""

    name: str
    """File, and label of the device if the file has several."""
    fit: IvFit
    """What was fitted to them."""
    parts: tuple[tuple[str, Polarity], ...] = ()
    """Label and fit of each cycle, where cycles stand side by side in the file."""


@dataclass(frozen=True)
class Wave:
    """A transient."""

    name: str
    """File."""
    fit: TransientFit
    """What was fitted to it."""


@dataclass
class Device:
    """Numbers for the design file, rows for the table, and what is wrong with the fit."""

    device: dict[str, Number]
    """Numbers of the section ``device``, by their key."""
    circuit: dict[str, Number]
    """Numbers of the section ``circuit``."""
    spread: dict[str, Number]
    """Numbers of the section ``variability``."""
    rows: list[tuple[str, str, str]]
    """Name, value and source."""
    problems: list[str]
    """Sentences for the verdict; empty for a good fit."""
    r_off: tuple[float, float] | None = None
    """Insulating resistance at V_hold and at V_th, in ohm, if it differs between them."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the verdict that do not make the fit a bad one."""


def from_curves(curves: Sequence[Curve]) -> Device:
    """Take the numbers of the device from I-V curves; of several devices, the means and the spread.

    Parameters
    ----------
    curves : sequence of Curve
        One for each device, at least one.
    """
    sides = [curve.fit.main for curve in curves]
    source = curves[0].name if len(curves) == 1 else f"mean of {len(curves)} devices"
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
    rows = [row for curve in curves for row in _rows(curve, short=len(curves) > MANY)]
    if len(sides) > 1:
        for name, key in (("threshold_d2d", "v_th"), ("hold_d2d", "v_hold")):
            spread[name] = _between([getattr(side, key) for side in sides], source)
            title = f"{'V_th' if key == 'v_th' else 'V_hold'} device to device"
            rows.append((title, f"{spread[name].value:.2%} +- {spread[name].sigma:.2%}", source))
    problems = [f"{curve.name}: {text}" for curve in curves for text in curve.fit.main.problems]
    bent = [(side.r_off_hold.value, side.r_off_th.value) for side in sides if side.r_off_hold and side.r_off_th]
    r_off = None
    if bent and any("OFF branch" in text for text in problems):
        r_off = sum(a for a, _ in bent) / len(bent), sum(b for _, b in bent) / len(bent)
    return Device(device, {}, spread, rows, problems, r_off)


def _rows(curve: Curve, *, short: bool) -> list[tuple[str, str, str]]:
    """The rows of a device: all results, or the main ones in one row."""
    main = curve.fit.main
    if short:
        r_on = "unknown" if main.r_on is None else si(main.r_on.value, "ohm", 4)
        values = (si(main.v_th.value, "V", 4), si(main.v_hold.value, "V", 4), si(main.r_off.value, "ohm", 4), r_on)
        return [("V_th, V_hold, R_off, R_on", ", ".join(values), f"{curve.name}, {counted(len(main.cycles), 'cycle')}")]
    rows = []
    for sign, side in (("", curve.fit.positive), ("-", curve.fit.negative)):
        if side is not None:
            rows += [
                (sign + title, value, f"{curve.name}, {counted(len(side.cycles), 'cycle')}")
                for title, value in _shown(side)
            ]
    for label, side in curve.parts:
        text = f"{si(side.v_th.value, 'V', 4)}, {si(side.v_hold.value, 'V', 4)}"
        rows.append(("V_th, V_hold", text, f"{curve.name}, columns {label!r}"))
    return rows


def _shown(side: Polarity) -> list[tuple[str, str]]:
    values: list[tuple[str, Value | None]] = [
        ("V_th", side.v_th),
        ("V_hold", side.v_hold),
        ("V_th cycle to cycle", side.v_th_c2c),
        ("V_hold cycle to cycle", side.v_hold_c2c),
        ("R_off", side.r_off),
        ("R_off at V_hold", side.r_off_hold),
        ("R_off at V_th", side.r_off_th),
        ("R_on", side.r_on),
        ("compliance", side.compliance),
        ("slope on, at most", side.slope_on),
        ("slope off, at most", side.slope_off),
    ]
    shown = [(title, uncertain(value.value, value.sigma, value.unit)) for title, value in values if value is not None]
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
    own = float(sum(value.sigma**2 for value in values)) / len(values)
    return Number.of(
        Value(math.sqrt(max(0.0, total.value**2 - own)) / mean.value, total.sigma / mean.value, ""), source
    )


def from_waves(waves: Sequence[Wave], found: Device) -> None:
    """Take from transients what they measure better than I-V curves: the circuit, and the thresholds at speed.

    Where both disagree by more than their uncertainties, half of the difference is a part of the uncertainty. A
    device that switches late has other thresholds in a faster circuit: so is half of what they would move.

    Parameters
    ----------
    waves : sequence of Wave
        At least one.
    found : Device
        The numbers from the I-V curves; changed in place.
    """
    source = waves[0].name if len(waves) == 1 else f"mean of {len(waves)} transients"
    fits = [wave.fit for wave in waves]
    device, circuit = found.device, found.circuit
    curve = {name: device[name] for name in ("v_th", "v_hold")}
    speed = {name: _mean([getattr(fit, name) for fit in fits]) for name in curve}
    if "r_met" not in device:
        device["r_met"] = Number.of(_mean([fit.r_met for fit in fits]), source)
    for name in ("series_resistance", "capacitance"):
        value = _mean([getattr(fit, name) for fit in fits])
        if name not in circuit:
            circuit[name] = Number.of(value, source)
        elif abs(value.value - circuit[name].value) > max(CONFLICT * value.sigma, NEAR * circuit[name].value):
            fitted, given = (si(each, value.unit, 4) for each in (value.value, circuit[name].value))
            found.notes.append(
                f"the transient fits {fitted} as {name.replace('_', ' ')}, not the {given} of the design: it is of "
                f"another circuit, or its supply was not {si(fits[0].supply, 'V', 4)}"
            )
    if "supply" not in circuit:
        circuit["supply"] = Number(float(f"{fits[0].supply:.6g}"), "V", None, f"{waves[0].name}, mean of its column")
    for name, title in (("v_th", "V_th"), ("v_hold", "V_hold")):
        value, before = speed[name], curve[name]
        gap, both = abs(value.value - before.value), math.hypot(value.sigma, before.sigma or 0.0)
        far = 0.0
        if gap > CONFLICT * both:
            found.problems.append(
                f"{title} is {si(value.value, 'V', 4)} in the transient and {si(before.value, 'V', 4)} in the I-V curve"
            )
            far = gap
        far = math.hypot(far, (gap + both) * _faster(fits[0], found, name))
        device[name] = Number.of(replace(value, sigma=math.hypot(value.sigma, far / 2)), source)
    for name, c2c, mean in (("threshold_c2c", "v_th_c2c", "v_th"), ("hold_c2c", "v_hold_c2c", "v_hold")):
        ratios = [(getattr(fit, c2c), getattr(fit, mean).value) for fit in fits]
        found.spread[name] = Number.of(_mean([Value(a.value / b, a.sigma / b, "") for a, b in ratios]), source)
    shown = ("frequency", "duty", "t_ins", "t_met", "jitter", "v_th", "v_hold", "series_resistance", "capacitance")
    for wave in waves:
        for key in shown:
            value = getattr(wave.fit, key)
            found.rows.append((key, uncertain(value.value, value.sigma, value.unit), wave.name))
        found.rows.append(("residual over noise", f"{wave.fit.misfit:.2f}", wave.name))
        found.problems += [f"{wave.name}: {text}" for text in wave.fit.problems]


def _faster(fit: TransientFit, found: Device, name: str) -> float:
    """By how much faster than in the transient the voltage passes a threshold in the circuit of the design.

    A switch that reacts late moves its thresholds in proportion: 0 for the circuit of the transient.
    """
    level: float = getattr(fit, name).value
    resistance = (fit.r_ins if name == "v_th" else fit.r_met).value

    def slope(supply: float, series: float, capacitance: float) -> float:
        return abs((supply - level) / series - level / resistance) / capacitance

    measured = slope(fit.supply, fit.series_resistance.value, fit.capacitance.value)
    designed = slope(*(found.circuit[key].value for key in ("supply", "series_resistance", "capacitance")))
    near = all(
        abs(found.circuit[key].value / value.value - 1) < NEAR
        for key, value in (("series_resistance", fit.series_resistance), ("capacitance", fit.capacitance))
    )
    return 0.0 if near or not measured else abs(designed / measured - 1)


def circuit_of(device: dict[str, Number], circuit: dict[str, Number]) -> Circuit:
    """Build the circuit of the fitted numbers.

    Parameters
    ----------
    device, circuit : dict of Number
        Numbers of the sections ``device`` and ``circuit``.
    """
    return Circuit(
        device=ThresholdSwitch(**{name: number.value for name, number in device.items()}),
        **{name: number.value for name, number in circuit.items()},
    )


def frequency(device: dict[str, Number], circuit: dict[str, Number]) -> Value | None:
    """Frequency of the design, with the uncertainty that follows from those of its numbers.

    Parameters
    ----------
    device, circuit : dict of Number
        Numbers of the sections ``device`` and ``circuit``.

    Returns
    -------
    Value or None
        In hertz; None if the circuit does not oscillate.
    """
    base = circuit_of(device, circuit).frequency()
    if not base:
        return None
    variance = 0.0
    for numbers in (device, circuit):
        for name, number in numbers.items():
            if not number.sigma or name == "transition_temperature":
                continue
            moved = []
            for step in (-number.sigma, number.sigma):
                other = numbers | {name: replace(number, value=number.value + step)}
                try:
                    changed = circuit_of(*((other, circuit) if numbers is device else (device, other))).frequency()
                except ValueError:
                    changed = 0.0
                moved.append(abs(changed - base))
            variance += max(moved) ** 2
    return Value(base, math.sqrt(variance), "Hz")
