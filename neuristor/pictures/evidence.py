"""Pictures of accuracy, of firing behaviours, and of fits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from neuristor.accuracy import Result
from neuristor.design_file import Design
from neuristor.folder import plain
from neuristor.gallery import Shown
from neuristor.golden_model.devices.fit import IvFit, TransientFit
from neuristor.golden_model.devices.measurement import Measurement
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.neurons.accuracy import MODELS
from neuristor.pictures.devices import CURRENT, VOLTAGE
from neuristor.pictures.picture import Axis, Guide, Panel, Picture, Role, Series, thinned
from neuristor.pictures.runs import about
from neuristor.version import __version__

__all__ = ["accuracy_picture", "behaviours_picture", "fit_picture"]

MOST_FILES = 12
"""Most panels of I-V curves, and of transients."""
ROLES: dict[str, Role] = {"time step": "float", "coefficients": "circuit", "word length": "measured", "all": "bit-true"}


def accuracy_picture(result: Result, design: Design) -> Picture:
    """Draw rates, the error by cause, jitter and duty over the input.

    Parameters
    ----------
    result : Result
        Of ``neuristor.accuracy.accuracy``.
    design : Design
        The design.
    """
    a, x = result.measured, Axis("input", design.params.input_unit)
    rate: list[Series] = []
    if isinstance(result.reduction, Reduction):
        rate.append(Series("device", result.reduction.current, result.reduction.device, "device", "points"))
    models: tuple[Role, ...] = ("float", "other", "circuit", "bit-true")
    for name, values, role in zip(MODELS, a.rate, models, strict=True):
        rate.append(Series(name, a.current, values, role, "line" if role == "float" else "joined"))
    causes = (("time step", a.time_step), ("coefficients", a.coefficient), ("word length", a.word), ("all", a.total))
    error = [Series(name, a.current, 100 * part, ROLES[name], "joined") for name, part in causes]
    chosen: tuple[tuple[int, Role], ...] = ((0, "float"), (1, "circuit"), (3, "bit-true"))
    jitter = [Series(MODELS[n], a.current, 100 * a.jitter[n], role, "joined") for n, role in chosen]
    panels = [
        Panel("rate over input", x, Axis("rate", "Hz"), rate),
        Panel("error against the neuron, by cause", x, Axis("error", "%"), error, [Guide("y", 0.0)]),
        Panel("jitter of the spikes", x, Axis("jitter", "% of a period"), jitter),
    ]
    if not np.isnan(a.duty).all():
        duty = [Series(MODELS[n], a.current, 100 * a.duty[n], role, "joined") for n, role in chosen]
        panels.append(Panel("duty", x, Axis("metallic", "% of a period"), duty))
    caption = f"{design.name}: a neuron alone, without spread, under constant inputs."
    reading = (
        "The error by cause adds up to the error of the circuit. If the time step leads, shorten dt; if the word "
        "length does, ask for longer words with --target. The step from the device to the neuron is not in it: compare "
        "the points of the device in the first panel."
    )
    return Picture("accuracy", "Accuracy", caption, panels, reading, 2, linked=True, about=about(design))


def behaviours_picture(shown: Sequence[Shown], design: Design) -> Picture:
    """Draw a panel for each firing behaviour: membrane potential of both models, the input below, spikes above.

    Parameters
    ----------
    shown : sequence of Shown
        Of ``neuristor.gallery.gallery``.
    design : Design
        The design.
    """
    caption = "Float model (wide) and bit-true model; below, the input without a scale; above, the spikes."
    title = f"Firing behaviours of {design.neuron.name}"
    return Picture("behaviours", title, caption, [_behaviour(each) for each in shown], columns=4, about=about(design))


def _behaviour(each: Shown) -> Panel:
    params = each.behaviour.params
    keep = thinned(each.membrane, 1200)
    time = params.dt * np.arange(1, len(each.membrane) + 1)
    both = np.concatenate([each.float_membrane, each.membrane])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    current = each.behaviour.current
    span = float(np.ptp(current)) or 1.0
    below = low - (0.35 - 0.25 * (current - current.min()) / span) * (high - low)
    at = thinned(current, 1200)
    series = [
        Series("float", time[keep], each.float_membrane[keep], "float"),
        Series("bit-true", time[keep], each.membrane[keep]),
        Series("input, no scale", time[at], below[at], "other"),
        Series("spike", each.times, np.full(len(each.times), high + 0.08 * (high - low)), "bit-true", "spikes"),
    ]
    good = each.shown and not each.difference
    verdict = "" if good else " (lost)" if not each.difference else " (CIRCUIT DIFFERS)"
    unit = "" if params.observed_unit == "1" else params.observed_unit
    return Panel(
        f"{each.behaviour.title}{verdict}", Axis("time", "s"), Axis(params.observed, unit), series, bad=not good
    )


def fit_picture(
    curves: Sequence[tuple[str, Measurement, IvFit]], waves: Sequence[tuple[str, Measurement, TransientFit]]
) -> Picture:
    """Draw measured data and their fit.

    Parameters
    ----------
    curves, waves : sequence of (str, Measurement, fit)
        File name, data and fit of each I-V curve and of each transient.
    """
    panels = [_iv(plain(name), found, result) for name, found, result in curves[:MOST_FILES]]
    panels += [_wave(plain(name), found, wave) for name, found, wave in waves[:MOST_FILES]]
    left = max(0, len(curves) - MOST_FILES) + max(0, len(waves) - MOST_FILES)
    caption = "Measured points, and the fit." + (f" {left} more files are not drawn." if left else "")
    reading = (
        "The fit should pass through the points on both branches; the dashed lines are V_th and V_hold, where the "
        "device switches."
    )
    columns = 1 if len(panels) < 3 else 2
    return Picture("fit", "Data and fit", caption, panels, reading, columns, about={"neuristor": __version__})


def _iv(title: str, found: Measurement, result: IvFit) -> Panel:
    measured_v: list[float] = []
    measured_i: list[float] = []
    for sweep in found.sweeps:
        assert sweep.current is not None
        size = np.abs(sweep.current)
        measured_v += sweep.voltage[size > 0].tolist()
        measured_i += size[size > 0].tolist()
    series = [Series("measured", measured_v, measured_i, "measured", "points")]
    guides = []
    for sign, side in ((1, result.positive), (-1, result.negative)):
        if side is None:
            continue
        v_th, v_hold = side.v_th.value, side.v_hold.value
        v = np.linspace(v_th / 50, v_th, 60)
        series.append(Series("fit, off" if sign > 0 else "fit, off, negative", sign * v, v / side.r_off.value, "float"))
        if side.r_on is not None:
            top = max(float(np.abs(sweep.voltage).max()) for sweep in found.sweeps)
            v = np.linspace(v_hold, max(top, v_th), 60)
            limit = math.inf if side.compliance is None else side.compliance.value
            on = np.minimum(v / side.r_on.value, limit)
            series.append(Series("fit, on" if sign > 0 else "fit, on, negative", sign * v, on, "circuit"))
        guides += [Guide("x", sign * v_th, "V_th"), Guide("x", sign * v_hold, "V_hold")]
    return Panel(title, VOLTAGE, CURRENT, series, guides)


def _wave(title: str, found: Measurement, wave: TransientFit) -> Panel:
    sweep = max(found.sweeps, key=lambda one: len(one.voltage))
    assert sweep.time is not None
    inside = (sweep.time >= wave.time[0]) & (sweep.time <= wave.time[-1])
    sign = 1.0 if float(np.mean(sweep.voltage)) >= 0 else -1.0
    skip = max(1, len(wave.time) // 4000)
    series = [
        Series("measured", sweep.time[inside][::skip], sign * sweep.voltage[inside][::skip], "measured", "points"),
        Series("fit", wave.time[::skip], wave.voltage[::skip], "float"),
    ]
    return Panel(title, Axis("time", "s"), VOLTAGE, series)
