"""Firing behaviours of two-channel neuristors: the inputs that evoke them, and the tests that recognize them.

All are relative to the user's own circuit. Time is in units of R2 C1. A voltage input is in units of the margin between
the supply and the threshold voltage, a current input in units of this margin divided by R2. The input elements are part
of the behaviour, as multiples of R2 and C1: none, a capacitor (phasic), or both (mixed-mode).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons.behaviour import Behaviour, bursts, even, gaps
from neuristor.golden_model.variability import Variability

if TYPE_CHECKING:
    from neuristor.golden_model.neurons.neuristor import NeuristorParams

__all__ = ["NOT_REPRODUCED", "PROTOCOLS", "Elements", "Protocol", "behaviours"]

Floats = NDArray[np.float64]

NOT_REPRODUCED = {
    "spike_latency": "pulses of 0.1 to 2 R2 C1 tuned to their threshold: the spike comes at most 0.5 R2 C1 later, "
    "as long as a spike lasts",
    "subthreshold_oscillations": "insulating switches leave an RC network, whose modes are real: it cannot ring",
    "resonator": "as subthreshold_oscillations",
}
"""Published behaviours that these element values do not show, and what was tried."""


class Elements(NamedTuple):
    """The input elements of a neuristor."""

    resistance: float = 0.0
    """Input resistance, as a multiple of R2; 0 for none."""
    capacitance: float = 0.0
    """Input capacitance, as a multiple of C1; 0 for none."""


class Protocol(NamedTuple):
    """The input that evokes a behaviour, and the test that recognizes it."""

    elements: Elements
    """The input elements."""
    pieces: list[tuple[float, float, float]]
    """The input: duration, value at its start and value at its end of one piece after another."""
    shown: Callable[[Floats], bool]
    """``shown(times)``: whether spikes, their times in units of R2 C1, are this behaviour."""
    wanted: str
    """What `shown` looks for, in words."""

    def input(self, params: NeuristorParams) -> Floats:
        """The input of each tick.

        Parameters
        ----------
        params : NeuristorParams
            Parameters of the neuron, with these input elements.

        Returns
        -------
        ndarray of float, shape (ticks,)
            In volt with input elements, else in ampere.
        """
        circuit, made = params.circuit, []
        scale = circuit.device.v_th - circuit.supply
        if not circuit.voltage_input:
            scale /= circuit.coupling_resistance
        for duration, start, end in self.pieces:
            ticks = round(duration * _unit(params) / params.dt)
            made.append(np.linspace(start, end, ticks, endpoint=False) if start != end else np.full(ticks, start))
        return np.asarray(scale * np.concatenate(made))


def _unit(params: NeuristorParams) -> float:
    """R2 C1, in second."""
    return params.circuit.coupling_resistance * params.circuit.capacitance_1


PROTOCOLS: dict[str, Protocol] = {}
"""Input and test of each behaviour, by name."""
PLAIN = Elements()
"""No input elements."""
REST = (7.0, 0.0, 0.0)
"""A piece without input, at the start of most protocols."""


def _phasic(ratio: float) -> Elements:
    """An input capacitor, as a multiple of C1."""
    return Elements(capacitance=ratio)


def _mixed(ratio: float, resistance: float) -> Elements:
    """An input capacitor and resistor, as multiples of C1 and R2."""
    return Elements(resistance, ratio)


def _define(
    name: str,
    elements: Elements,
    pieces: list[tuple[float, float, float]],
    shown: Callable[[Floats], bool],
    wanted: str,
) -> None:
    """Add a behaviour to `PROTOCOLS`."""
    PROTOCOLS[name] = Protocol(elements, pieces, shown, wanted)


def _count(times: Floats, start: float, end: float = math.inf) -> int:
    """Number of spikes from `start` to before `end`."""
    return int(np.count_nonzero((times >= start) & (times < end)))


_define(
    "tonic_spiking",
    PLAIN,
    [REST, (60, 0.5, 0.5)],
    lambda t: _count(t, 0, 7) == 0 and even(t[1:], 0.05) and t[-1] > 60,
    "evenly spaced spikes as long as the input lasts",
)
_define(
    "phasic_spiking",
    _phasic(1 / 3),
    [REST, (100, 5, 5)],
    lambda t: len(t) == 1 and 7 <= t[0] < 12,
    "one spike at the onset of a step, then silence",
)
_define(
    "tonic_bursting",
    _mixed(10 / 3, 10),
    [REST, (160, 5, 5)],
    lambda t: len(bursts(t, 4)) >= 4 and min(map(len, bursts(t, 4)[:-1])) >= 2,
    "four or more bursts of two or more spikes, as long as the input lasts",
)
_define(
    "phasic_bursting",
    _phasic(10 / 3),
    [REST, (150, 3, 3)],
    lambda t: len(t) >= 3 and t[-1] < 20,
    "one burst of three or more spikes at the onset of a step, then silence",
)
_define(
    "mixed_mode",
    _mixed(1, 30),
    [REST, (180, 5, 5)],
    lambda t: gaps(t)[0] < gaps(t)[-1] / 4 and even(t[-3:], 0.05),
    "a burst at the onset, then single spikes",
)
_define(
    "frequency_adaptation",
    _mixed(1, 10),
    [REST, (120, 3, 3)],
    lambda t: (np.diff(gaps(t)) > -0.05 * gaps(t)[-1]).all() and gaps(t)[-1] > 2 * gaps(t)[0] and len(t) >= 4,
    "intervals that grow under a constant input",
)
_define(
    "class_1",
    PLAIN,
    [REST, (200, 0, 1)],
    lambda t: len(t) > 8 and gaps(t)[0] > 3 * gaps(t)[-1] and (np.diff(gaps(t)) < 0.05 * gaps(t)[0]).all(),
    "a rate that grows from low values with a rising input",
)
_define(
    "class_2",
    _mixed(0, 0.5),
    [REST, (400, 0, 1.5)],
    lambda t: len(t) > 20 and t[0] > 200 and gaps(t)[0] < 1.2 * gaps(t)[-1],
    "a rate that begins high when a rising input crosses the threshold",
)
_define(
    "integrator",
    PLAIN,
    [
        REST,
        (1, 1.2, 1.2),
        (2, 0, 0),
        (1, 1.2, 1.2),
        (300, 0, 0),
        (1, 1.2, 1.2),
        (250, 0, 0),
        (1, 1.2, 1.2),
        (20, 0, 0),
    ],
    lambda t: len(t) == 1 and 10 <= t[0] < 20,
    "a spike after a close pair of pulses, none after a distant pair",
)
_define(
    "rebound_spike",
    _phasic(1 / 3),
    [REST, (200, -5, -5), (50, 0, 0)],
    lambda t: len(t) == 1 and t[0] > 207,
    "one spike after the end of an inhibition",
)
_define(
    "rebound_burst",
    _phasic(10 / 3),
    [REST, (40, 0, -1.7), (400, -1.7, -1.7), (50, 0, 0)],
    lambda t: len(t) >= 3 and t[0] > 447,
    "a burst of three or more spikes after the end of an inhibition, and none before",
)
_define(
    "threshold_variability",
    _phasic(1 / 3),
    [REST, (2, 3, 3), (100, 0, 0), (150, -2.5, -2.5), (0.2, 0, 0), (2, 3, 3), (50, 0, 0)],
    lambda t: len(t) == 1 and t[0] > 250,
    "a pulse that fires after an inhibition only",
)
_define(
    "bistability",
    _mixed(0, 0.3),
    [(50, 0.75, 0.75), (0.3, 3.75, 3.75), (60, 0.75, 0.75), (3, -9.25, -9.25), (60, 0.75, 0.75)],
    lambda t: _count(t, 0, 50) == 0 and _count(t, 50, 110) >= 10 and _count(t, 115) == 0,
    "firing that one pulse starts and another stops, on one constant input",
)
_define(
    "depolarising_after_potential",
    PLAIN,
    [REST, (1, 1, 1), (200, 0, 0), (1, 2, 2), (6, 0, 0), (1, 1, 1), (300, 0, 0), (1, 1, 1), (50, 0, 0)],
    lambda t: _count(t, 0, 208) == 0 and _count(t, 208, 215) == 1 and _count(t, 215, 240) == 1 and len(t) == 2,
    "the membrane stays high after a spike: a weak pulse, which alone does nothing, then fires",
)
_define(
    "accommodation",
    _phasic(1 / 3),
    [REST, (250, 0, 6), (250, 6, 0), (100, 0, 0), (1, 0, 6), (60, 6, 6)],
    lambda t: len(t) == 1 and t[0] > 607,
    "a spike for a fast ramp, none for a slow one to the same height",
)
_define(
    "inhibition_induced_spiking",
    PLAIN,
    [REST, (60, -1, -1), (40, 0, 0)],
    lambda t: len(t) >= 5 and even(t[:-1], 0.05) and t[0] > 7 and t[-1] < 70,
    "evenly spaced spikes during an inhibition only",
)
_define(
    "inhibition_induced_bursting",
    PLAIN,
    [REST, (100, -0.15, -0.15), (40, 0, 0)],
    lambda t: len(bursts(t, 4)) >= 3 and min(map(len, bursts(t, 4)[:-1])) >= 2 and t[0] > 7 and t[-1] < 110,
    "bursts of two or more spikes during an inhibition only",
)
_define(
    "all_or_nothing",
    PLAIN,
    [REST, (1, 0.5, 0.5), (200, 0, 0), (1, 1, 1), (200, 0, 0), (1, 2, 2), (200, 0, 0), (1, 6, 6), (50, 0, 0)],
    lambda t: [_count(t, a, a + 50) for a in (7, 208, 409, 610)] == [0, 0, 1, 1] and len(t) == 2,
    "none for pulses below a threshold, one spike for each above it, whatever its size",
)
_define(
    "refractory_period",
    PLAIN,
    [REST, (0.3, 4, 4), (0.3, 0, 0), (0.3, 4, 4), (200, 0, 0), (0.3, 4, 4), (50, 0, 0), (0.3, 4, 4), (40, 0, 0)],
    lambda t: _count(t, 0, 100) == 1 and _count(t, 200) == 2,
    "a second pulse soon after a spike does nothing, later it fires again",
)
_define(
    "excitation_block",
    PLAIN,
    [REST, (40, 5, 5), (60, 0, 0), (40, 20, 20)],
    lambda t: _count(t, 7, 47) > 10 and _count(t, 115) == 0,
    "steady firing at a strong input, none at a stronger one",
)


def behaviours(params: NeuristorParams) -> tuple[Behaviour, ...]:
    """The behaviours of `PROTOCOLS` for the user's own circuit.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of an array; its circuit without input elements and its words are used.

    Returns
    -------
    tuple of Behaviour
        Each with one neuron without spread and noise, and 16 ticks in its fastest time constant.
    """
    return tuple(_behaviour(params, name, protocol) for name, protocol in PROTOCOLS.items())


def _behaviour(params: NeuristorParams, name: str, protocol: Protocol) -> Behaviour:
    elements = protocol.elements
    circuit = replace(
        params.circuit,
        input_resistance=elements.resistance * params.circuit.coupling_resistance,
        input_capacitance=elements.capacitance * params.circuit.capacitance_1,
    )
    one = replace(params, count=1, spread=Variability(seed=params.seed), circuit=circuit, dt=circuit.fastest / 16)
    return Behaviour(
        name=name,
        params=one,
        current=protocol.input(one),
        shown=lambda times: bool(protocol.shown(times / _unit(one))),
        wanted=protocol.wanted,
    )
