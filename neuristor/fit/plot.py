"""A picture of data and fit."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neuristor.folder import plain
from neuristor.golden_model.devices.fit import IvFit, TransientFit
from neuristor.golden_model.devices.measurement import Measurement

__all__ = ["plot_text"]

INK, FITTED = "#1f3d7a", "#e08a1e"
MOST = 12
"""Largest number of panels for I-V curves, and for transients."""


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
        curves, waves = curves[:MOST], waves[:MOST]
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
