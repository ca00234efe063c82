"""The design file of a fitted device."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from neuristor.fit.numbers import Number
from neuristor.folder import plain
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.tables import si
from neuristor.version import __version__

__all__ = ["DIGITS", "design_text", "stimulus_text"]

DIGITS = 64
"""Number of neurons for which the stimulus is the digits."""


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
    verdict: str,
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
    verdict : str
        Whether the fit is good, for a comment.

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
    keys = [key for key in ("threshold_d2d", "hold_d2d", "threshold_c2c", "hold_c2c") if key in model.spread]
    capped = {key: Number(min(n.value, 0.5), n.unit, n.sigma, n.source) for key, n in spread.items()}
    parts = [
        f"# Fitted by Neuristor {__version__}. The true value is within two sigma in at least 95 % of cases.",
        *(f"#   {plain(name)}, sha256 {digest}" for name, digest in sources),
        f"# {plain(verdict)}",
        "",
        "[device]",
        *lines(device, ("r_ins", "r_met", "v_th", "v_hold", "transition_temperature")),
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
