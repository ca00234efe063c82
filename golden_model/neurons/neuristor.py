"""Two-channel neuristors: two threshold switches with opposite supplies, two capacitors.

The circuit and its equations are those of :mod:`neuristor.golden_model.devices.two_channel`. With the voltages x of its
two nodes and the states s of its two switches, a tick is exact::

    x <- x + jump (input - last input)                  only with an input capacitor; node 1
    x <- x + K_s (target_s - x) + G_s input                                              (1)
    switch 1 turns on if  v1 + E >= V_th,  off if  v1 + E <= V_hold                      (2)
    switch 2 turns on if  E - v2 >= V_th,  off if  E - v2 <= V_hold                      (3)

in this order, in the float model, the bit-true model and the circuit. Switch 1 pulls the input node down (sodium),
switch 2 pulls the output node up (potassium). A spike is the turning on of switch 2, which makes the output overshoot.
Threshold crossings are detected at the end of a tick. Each switch has its own device-to-device spread. The noise of
both thresholds is drawn anew after each switching of either switch; the two draws are uncorrelated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.devices.two_channel import NeuristorCircuit
from neuristor.golden_model.fixed import Format, lookup, round_shift, saturate, select
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import (
    SHORTEST_TICK,
    BitTrueModel,
    Bound,
    Events,
    Field,
    NeuronParams,
    ReferenceModel,
    firing_window,
    simulated_rate,
)
from neuristor.golden_model.neurons.neuristor_behaviours import NOT_REPRODUCED, behaviours
from neuristor.golden_model.units import other_prefix, si
from neuristor.golden_model.variability import Variability

__all__ = [
    "NOT_REPRODUCED",
    "NeuristorBitTrue",
    "NeuristorOptions",
    "NeuristorParams",
    "NeuristorRaw",
    "NeuristorReference",
    "alone",
    "behaviours",
    "bound",
    "check_current",
    "from_circuit",
    "rate",
    "resized",
    "shadow",
    "step",
    "summary",
    "swing",
    "window",
]

Floats = NDArray[np.float64]
SPREAD = ("threshold_d2d", "threshold_c2c", "hold_d2d", "hold_c2c")
"""The spread that the model accepts."""


class NeuristorRaw(NamedTuple):
    """The integers the circuit is built from; all are shared by all neurons of an array.

    Each table has four entries, one for each pair of states of the switches; their index is
    ``channel_1 + 2 * channel_2``.
    """

    target_1: tuple[int, ...]
    """Target voltage of node 1, on the grid of ``params.membrane``."""
    target_2: tuple[int, ...]
    """Target voltage of node 2, on the same grid."""
    k_11: tuple[int, ...]
    """Element of K of equation 1: from node 1 to node 1."""
    k_12: tuple[int, ...]
    """Element of K: from node 2 to node 1."""
    k_21: tuple[int, ...]
    """Element of K: from node 1 to node 2."""
    k_22: tuple[int, ...]
    """Element of K: from node 2 to node 2."""
    gain_1: tuple[int, ...]
    """Element of G of equation 1: from the input to node 1."""
    gain_2: tuple[int, ...]
    """Element of G: from the input to node 2."""
    shift: int
    """Right shift of the sum of products."""
    drive_shift: int
    """Left shift of gain times input, to the grid of the other products."""
    jump_raw: int
    """Change of node 1 per change of the input; 0 without an input capacitor."""
    jump_shift: int
    """Right shift of that product."""
    threshold_noise_raw: int
    """Scale of the noise of V_th; 0 for none."""
    hold_noise_raw: int
    """Scale of the noise of V_hold; 0 for none."""
    noise_shift: int
    """Right shift of the product of noise draw and scale."""
    membrane_min: int
    """Lowest value of the word of both nodes."""
    membrane_max: int
    """Highest value of the word of both nodes."""


@dataclass(frozen=True, kw_only=True)
class NeuristorParams(NeuronParams):
    """An array of neuristors: circuit and word lengths.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second; at most the shortest time constant of the circuit.
    membrane : Format
        Word of both nodes and of the thresholds, in volt.
    drive : Format
        Word of the input, in volt: a voltage, or a current times the coupling resistance.
    coefficient_bits : int
        Width of the coefficients, 8 to 18.
    circuit : NeuristorCircuit
        Circuit of each neuron.
    spread : Variability
        Spread and noise of the thresholds; other spread must be zero.

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range; the message names it.
    OverflowError
        If a voltage does not fit `membrane`.
    """

    circuit: NeuristorCircuit
    count: int
    dt: float
    spread: Variability = Variability()
    membrane: Format = Format(2, 20)
    drive: Format = Format(4, 18)
    coefficient_bits: int = 17

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        positive("dt", self.dt)
        self.spread.only("neuristor", *SPREAD)
        whole("coefficient_bits", self.coefficient_bits, 8, 18)
        limit = self.circuit.fastest
        if self.dt > limit:
            raise ValueError(
                f"dt must be at most {si(limit, 's')}, the shortest time constant, not {si(self.dt, 's')}"
                + (other_prefix(self.dt, "s", lambda dt: dt <= limit) if self.dt > 100 * limit else "")
            )
        if self.dt < limit * SHORTEST_TICK:
            raise ValueError(
                f"dt must be at least {si(limit * SHORTEST_TICK, 's')}, a millionth of the shortest time constant, not "
                f"{si(self.dt, 's')}" + other_prefix(self.dt, "s", lambda dt: limit / 1000 <= dt <= limit)
            )
        if self.drive.frac_bits > self.membrane.frac_bits:
            raise ValueError(
                f"drive must have at most {self.membrane.frac_bits} fraction bits, not {self.drive.frac_bits}"
            )
        width = max(self.membrane.width, self.drive.width) + self.coefficient_bits + 6
        if width > 60:
            raise ValueError(f"membrane, drive and coefficient_bits need {width} bits; at most 60 are exact")
        if min(abs(each) for each in self.raw.k_11 + self.raw.k_22) < 4:
            raise ValueError(
                f"coefficient_bits must be larger: a coefficient of a tick of {si(self.dt, 's')} has less than two bits"
            )
        for on, off in ((self.threshold_1_raw, self.hold_1_raw), (self.threshold_2_raw, self.hold_2_raw)):
            gap = int((on - off).min()) - self._margin("threshold") - self._margin("hold")
            if gap <= 0:
                raise ValueError(
                    "threshold_d2d, threshold_c2c, hold_d2d and hold_c2c must leave every threshold above its hold "
                    "voltage"
                )

    def _margin(self, which: str) -> int:
        scale = self.raw.threshold_noise_raw if which == "threshold" else self.raw.hold_noise_raw
        return int(round_shift(noise.CENTRE * scale, self.raw.noise_shift))

    @cached_property
    def exact(self) -> list[tuple[Floats, Floats, Floats]]:
        """Target, K and G of equation 1 for each pair of states, before rounding; of shapes (2,), (2, 2) and (2,)."""
        return [(self.circuit.target(pair), *self.circuit.propagator(pair, self.dt)) for pair in range(4)]

    @cached_property
    def raw(self) -> NeuristorRaw:
        """The integers the circuit is built from."""
        largest = max(max(np.abs(k).max(), np.abs(g).max()) for _, k, g in self.exact)
        shift = self.coefficient_bits - 1 - math.ceil(math.log2(largest * 1.0001))

        def table(values: list[float]) -> tuple[int, ...]:
            return tuple(math.floor(value * 2**shift + 0.5) for value in values)

        device, jump_shift = self.circuit.device, self.coefficient_bits - 1
        scales = [
            noise.scale_for(sigma * mean / self.membrane.resolution)
            for sigma, mean in ((self.spread.threshold_c2c, device.v_th), (self.spread.hold_c2c, device.v_hold))
        ]
        noise_shift = max(each for _, each in scales)
        threshold, hold = (scale << (noise_shift - each) if scale else 0 for scale, each in scales)
        targets = [self.membrane_words(target, "a target").tolist() for target, _, _ in self.exact]
        return NeuristorRaw(
            target_1=tuple(each[0] for each in targets),
            target_2=tuple(each[1] for each in targets),
            k_11=table([k[0, 0] for _, k, _ in self.exact]),
            k_12=table([k[0, 1] for _, k, _ in self.exact]),
            k_21=table([k[1, 0] for _, k, _ in self.exact]),
            k_22=table([k[1, 1] for _, k, _ in self.exact]),
            gain_1=table([g[0] for _, _, g in self.exact]),
            gain_2=table([g[1] for _, _, g in self.exact]),
            shift=shift,
            drive_shift=self.membrane.frac_bits - self.drive.frac_bits,
            jump_raw=math.floor(self.circuit.jump * 2**jump_shift + 0.5),
            jump_shift=jump_shift - (self.membrane.frac_bits - self.drive.frac_bits),
            threshold_noise_raw=threshold,
            hold_noise_raw=hold,
            noise_shift=noise_shift,
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
        )

    @property
    def noisy(self) -> bool:
        """Whether there is cycle-to-cycle noise."""
        return bool(self.raw.threshold_noise_raw or self.raw.hold_noise_raw)

    def _limits(self, which: str, number: int) -> Floats:
        """V_th or V_hold of switch 1 or 2 of each neuron minus E, in volt, shape (count,)."""
        device = self.circuit.device
        both = Variability(threshold_d2d=self.spread.threshold_d2d, hold_d2d=self.spread.hold_d2d, seed=self.seed)
        drawn = (
            both.thresholds(device.v_th, 2 * self.count)
            if which == "threshold"
            else both.holds(device.v_hold, 2 * self.count)
        )
        return drawn[number - 1 :: 2] - self.circuit.supply

    @cached_property
    def threshold_1_raw(self) -> NDArray[np.int64]:
        """V_th of switch 1 minus E, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self._limits("threshold", 1), "threshold")

    @cached_property
    def hold_1_raw(self) -> NDArray[np.int64]:
        """V_hold of switch 1 minus E, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self._limits("hold", 1), "hold")

    @cached_property
    def threshold_2_raw(self) -> NDArray[np.int64]:
        """V_th of switch 2 minus E, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self._limits("threshold", 2), "threshold")

    @cached_property
    def hold_2_raw(self) -> NDArray[np.int64]:
        """V_hold of switch 2 minus E, on the grid of `membrane`, shape (count,)."""
        return self.membrane_words(self._limits("hold", 2), "hold")

    @property
    def thresholds(self) -> Floats:
        """Voltage of node 1 at which switch 1 of each neuron turns on, in volt, shape (count,)."""
        return self._limits("threshold", 1)

    @property
    def holds(self) -> Floats:
        """Voltage of node 1 at which switch 1 of each neuron turns off, in volt, shape (count,)."""
        return self._limits("hold", 1)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the state fields that a reader of the array wants, besides the spikes."""
        return ("membrane", "output")

    @cached_property
    def initial(self) -> dict[str, NDArray[np.int64]]:
        """State after reset without the noise, as raw integers, each of shape (count,): at rest without input."""
        zero = np.zeros(self.count, dtype=np.int64)
        nodes = {"membrane": zero + self.raw.target_1[0], "output": zero + self.raw.target_2[0]}
        return {**nodes, "channel_1": zero, "channel_2": zero, "last": zero}

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""
        fields = [Field("membrane", self.membrane.width, True), Field("output", self.membrane.width, True)]
        fields += [Field("channel_1", 1, False), Field("channel_2", 1, False)]
        if self.raw.jump_raw:
            fields.append(Field("last", self.drive.width, True))
        return tuple(fields + ([Field("noise", 32, False)] if self.noisy else []))

    @property
    def input_unit(self) -> str:
        """Unit of an input: ``V`` for a circuit with input elements, else ``A``."""
        return "V" if self.circuit.voltage_input else "A"

    def drive_volts(self, current: ArrayLike) -> Floats:
        """Inputs in volt, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input: in volt for a circuit with input elements, else in ampere.

        Returns
        -------
        ndarray of float, same shape
            In volt: the voltage, or the current times the coupling resistance.
        """
        scale = 1.0 if self.circuit.voltage_input else self.circuit.coupling_resistance
        return np.asarray(np.asarray(current, dtype=np.float64) * scale)


def difference(state: Any) -> Any:
    """A second draw from a noise state, uncorrelated with ``noise.byte_sum`` and with the same standard deviation.

    Parameters
    ----------
    state
        Noise state: integer, array or symbolic value.
    """
    return (state & 255) + ((state >> 8) & 255) - ((state >> 16) & 255) - ((state >> 24) & 255)


def step(
    raw: NeuristorRaw,
    membrane: Any,
    output: Any,
    channel_1: Any,
    channel_2: Any,
    last: Any,
    state: Any,
    threshold_1_raw: Any,
    hold_1_raw: Any,
    threshold_2_raw: Any,
    hold_2_raw: Any,
    drive_raw: Any,
) -> tuple[Any, Any, Any, Any, Any, Any, Any, Any]:
    """One tick of a neuron, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : NeuristorRaw
        Integers of the array.
    membrane, output
        Voltages of nodes 1 and 2, on the grid of ``params.membrane``.
    channel_1, channel_2
        States of the switches: 1 if metallic.
    last
        Input word of the previous tick.
    state
        Noise state.
    threshold_1_raw, hold_1_raw, threshold_2_raw, hold_2_raw
        Thresholds of the neuron, as the attributes of :class:`NeuristorParams`.
    drive_raw
        Input word.

    Returns
    -------
    membrane, output, channel_1, channel_2, last, state
        State after the tick.
    spike
        Whether switch 2 turns on.
    saturated
        Whether a node was clamped to the range of its word.
    """
    if raw.jump_raw:
        membrane = membrane + round_shift((drive_raw - last) * raw.jump_raw, raw.jump_shift)
    pair = channel_1 + 2 * channel_2
    away_1, away_2 = lookup(pair, raw.target_1) - membrane, lookup(pair, raw.target_2) - output
    given_1 = (lookup(pair, raw.gain_1) * drive_raw) << raw.drive_shift
    given_2 = (lookup(pair, raw.gain_2) * drive_raw) << raw.drive_shift
    moved_1 = lookup(pair, raw.k_11) * away_1 + lookup(pair, raw.k_12) * away_2 + given_1
    moved_2 = lookup(pair, raw.k_21) * away_1 + lookup(pair, raw.k_22) * away_2 + given_2
    moved_1 = membrane + round_shift(moved_1, raw.shift)
    moved_2 = output + round_shift(moved_2, raw.shift)
    membrane = saturate(moved_1, raw.membrane_min, raw.membrane_max)
    output = saturate(moved_2, raw.membrane_min, raw.membrane_max)
    limit_1 = select(channel_1 == 1, hold_1_raw, threshold_1_raw)
    limit_2 = select(channel_2 == 1, hold_2_raw, threshold_2_raw)
    if raw.threshold_noise_raw or raw.hold_noise_raw:
        scale_1 = select(channel_1 == 1, raw.hold_noise_raw, raw.threshold_noise_raw)
        scale_2 = select(channel_2 == 1, raw.hold_noise_raw, raw.threshold_noise_raw)
        limit_1 = limit_1 + round_shift(noise.byte_sum(state) * scale_1, raw.noise_shift)
        limit_2 = limit_2 + round_shift(difference(state) * scale_2, raw.noise_shift)
    crosses_1 = select(channel_1 == 1, membrane <= limit_1, membrane >= limit_1)
    crosses_2 = select(channel_2 == 1, -output <= limit_2, -output >= limit_2)
    spike = crosses_2 & (channel_2 == 0)
    channel_1 = select(crosses_1, 1 - channel_1, channel_1)
    channel_2 = select(crosses_2, 1 - channel_2, channel_2)
    if raw.threshold_noise_raw or raw.hold_noise_raw:
        state = select(crosses_1 | crosses_2, noise.advance(state), state)
    saturated = (moved_1 != membrane) | (moved_2 != output)
    return membrane, output, channel_1, channel_2, drive_raw, state, spike, saturated


class NeuristorBitTrue(BitTrueModel):
    """An array of fixed-point neuristors: the specification of the circuit.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.

    Attributes
    ----------
    membrane, output : ndarray of int64, shape (count,)
        Voltages of nodes 1 and 2, on the grid of ``params.membrane``.
    channel_1, channel_2 : ndarray of int64, shape (count,)
        States of the switches: 1 if metallic.
    last : ndarray of int64, shape (count,)
        Input words of the previous tick.
    noise : ndarray of int64, shape (count,)
        Noise states.
    """

    params: NeuristorParams
    membrane: NDArray[np.int64]
    output: NDArray[np.int64]
    channel_1: NDArray[np.int64]
    channel_2: NDArray[np.int64]
    last: NDArray[np.int64]

    tick = staticmethod(step)


class NeuristorReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    locate : bool
        True: continuous time, exact between switchings. If a switch is beyond its threshold at the end of a tick, the
        switching is located and the rest of the tick is computed from there. False: on ticks, in the order of the
        circuit.
    rounded : bool
        Use the rounded coefficients of the circuit; only on ticks.

    Attributes
    ----------
    membrane, output : ndarray of float, shape (count,)
        Voltages of nodes 1 and 2, in volt.
    channel : ndarray of int, shape (2, count)
        State of each switch: 1 if metallic.
    """

    def __init__(self, params: NeuristorParams, *, locate: bool = True, rounded: bool = False) -> None:
        scale, raw = 2.0**-params.raw.shift, params.raw
        if rounded:
            self._k = np.array([[raw.k_11, raw.k_12], [raw.k_21, raw.k_22]]) * scale
            self._g = np.array([raw.gain_1, raw.gain_2]) * scale
        else:
            self._k = np.moveaxis(np.array([k for _, k, _ in params.exact]), 0, -1)
            self._g = np.array([g for _, _, g in params.exact]).T
        self._target = np.array([target for target, _, _ in params.exact]).T
        super().__init__(params, locate=locate, rounded=rounded)

    def _prepare(self) -> None:
        params = self.params
        self._x = np.repeat(self._target[:, :1], params.count, axis=1)
        self.channel = np.zeros((2, params.count), dtype=np.int64)
        self._last = np.zeros(params.count)
        self._on = np.array([params._limits("threshold", n) for n in (1, 2)])
        self._off = np.array([params._limits("hold", n) for n in (1, 2)])

    @property
    def membrane(self) -> Floats:
        """Voltage of node 1, in volt, shape (count,)."""
        return np.asarray(self._x[0])

    @property
    def output(self) -> Floats:
        """Voltage of node 2, in volt, shape (count,)."""
        return np.asarray(self._x[1])

    def _limit(self) -> Floats:
        """Threshold of each switch in its present state minus E, in volt, shape (2, count)."""
        device, spread = self.params.circuit.device, self.params.spread
        deviation = np.array([noise.byte_sum(self._draw), difference(self._draw)]) / noise.SIGMA
        on = self._on + spread.threshold_c2c * device.v_th * deviation
        off = self._off + spread.hold_c2c * device.v_hold * deviation
        return np.where(self.channel == 1, off, on)

    def _beyond(self, x: Floats, limit: Floats, channel: NDArray[np.int64]) -> Floats:
        """Distance of each switch beyond its threshold, in volt; negative before it."""
        across = np.array([x[0], -x[1]])
        return np.where(channel == 1, limit - across, across - limit)

    def _moved(self, drive: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Both nodes after a tick without switchings, and which switches are then beyond their thresholds."""
        self._x[0] = self._x[0] + self.params.circuit.jump * (drive - self._last)
        self._last = drive.copy()
        pair = self.channel[0] + 2 * self.channel[1]
        away = self._target[:, pair] - self._x
        moved = self._x + (self._k[:, :, pair] * away[None]).sum(axis=1) + self._g[:, pair] * drive
        return moved, self._beyond(moved, self._limit(), self.channel) >= 0

    def _on_ticks(self, drive: Floats) -> Events:
        self._x, crossed = self._moved(drive)
        fired = crossed[1] & (self.channel[1] == 0)
        self.channel = np.where(crossed, 1 - self.channel, self.channel)
        self._draw = np.where(crossed.any(axis=0), noise.advance(self._draw), self._draw)
        return self._at_end(fired)

    def _located(self, drive: Floats) -> Events:
        moved, crossed = self._moved(drive)
        found: Events = []
        for n in np.flatnonzero(crossed.any(axis=0)).tolist():
            times = self._through(n, float(drive[n]), moved)
            found.append((np.full(len(times), n, dtype=np.intp), self.time + np.array(times)))
        self._x = moved
        return found

    def _through(self, n: int, drive: float, moved: Floats) -> list[float]:
        """Advance one neuron by a tick with switchings in it.

        Returns
        -------
        list of float
            Times of its spikes, in second since the start of the tick.

        Raises
        ------
        RuntimeError
            If it switches more than 32 times in the tick.
        """
        circuit, left, x = self.params.circuit, self.params.dt, self._x[:, n].copy()
        fired: list[float] = []
        for _ in range(32):
            pair, channel = int(self.channel[0, n] + 2 * self.channel[1, n]), self.channel[:, n]
            limit = self._limit()[:, n]
            target = circuit.target(pair)

            def after(time: float, x: Floats = x, pair: int = pair, target: Floats = target) -> Floats:
                k, g = circuit.propagator(pair, time)
                return np.asarray(x + k @ (target - x) + g * drive)

            late = self._beyond(after(left), limit, channel) >= 0
            if not late.any():
                moved[:, n] = after(left)
                return fired
            when = left
            for which in np.flatnonzero(late).tolist():

                def distance(time: float, which: int = which, limit: Floats = limit, channel: Any = channel) -> float:
                    return float(self._beyond(after(time), limit, channel)[which])

                start = distance(0.0)
                when = min(when, 0.0 if start >= 0 else float(brentq(distance, 0.0, left, xtol=1e-15)))
            x = after(when)
            # At the crossing, the distance is zero up to rounding.
            now = self._beyond(x, limit, channel) >= -1e-9
            if now[1] and channel[1] == 0:
                fired.append(self.params.dt - left + when)
            self.channel[:, n] = np.where(now, 1 - channel, channel)
            self._draw[n] = noise.advance(int(self._draw[n]))
            left -= when
        raise RuntimeError(f"neuron {n} switches without end at {self.time} s")


def shadow(params: NeuristorParams, drive: Floats, trace: dict[str, NDArray[np.int64]]) -> Floats:
    """The float voltage of node 1 with the switchings of the bit-true model imposed, to which `bound` refers.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt.
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Run of the bit-true model.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        Voltage of node 1 after each tick, in volt.
    """
    reference = NeuristorReference(params, locate=False)
    pairs = trace["channel_1"] + 2 * trace["channel_2"]
    made = np.empty(drive.shape)
    pair, x, last = np.zeros(params.count, dtype=np.int64), reference._x, np.zeros(params.count)
    for tick, row in enumerate(drive):
        x[0] = x[0] + params.circuit.jump * (row - last)
        away = reference._target[:, pair] - x
        x = x + (reference._k[:, :, pair] * away[None]).sum(axis=1) + reference._g[:, pair] * row
        made[tick], pair, last = x[0], pairs[tick], row
    return made


def swing(params: NeuristorParams, drive: Floats, membrane: Floats) -> float:
    """Largest distance of a node from its target or largest input of a run, for `bound`.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt.
    membrane : ndarray of float, shape (ticks, count)
        Voltage of node 1 after each tick, in volt.

    Returns
    -------
    float
        In volt.
    """
    targets = max(float(np.abs(target).max()) for target, _, _ in params.exact)
    return float(max(np.abs(membrane).max() + targets, 2 * targets, np.abs(drive).max()))


def bound(params: NeuristorParams, swing: float) -> Bound:
    """Largest distance of the bit-true voltage of node 1 from the float one, with the same switchings.

    The total charge error of both nodes only decays between switchings: weighted by C1 and C2, the network is passive,
    and a tick removes at least the fraction `leak` of the error, the smallest for any pair of states. Each tick adds at
    most the roundings of both nodes; the geometric sum divides them by the leak.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    swing : float
        Largest distance of a node from its target or largest input of the run, in volt.

    Returns
    -------
    Bound
        In volt, by cause.
    """
    circuit, step = params.circuit, params.membrane.resolution
    weights = np.array([circuit.capacitance_1 + circuit.input_capacitance, circuit.capacitance_2])
    # Column sums of the propagator of charges: what remains of a unit of charge error at each node.
    kept = max(float((weights @ np.abs(np.eye(2) - k) / weights).max()) for _, k, _ in params.exact)
    scale = 0.5 * float((weights / weights[0]).sum()) / (1 - kept)
    coefficient = 2.0**-params.raw.shift
    jump = params.raw.jump_raw and step + 2.0 ** -(params.coefficient_bits - 1) * swing
    largest = max(float(np.abs(k).sum(axis=1).max()) for _, k, _ in params.exact)
    return Bound(
        rounding=scale * (step + 2 * jump),
        coefficient=scale * 3 * coefficient * swing,
        quantization=scale * 2 * largest * step + step,
    )


@dataclass(frozen=True, kw_only=True)
class NeuristorOptions:
    """Keys of a design file for neuristors, besides their number, the tick, the words and the circuit: none."""


def from_circuit(
    circuit: NeuristorCircuit,
    *,
    options: NeuristorOptions | None = None,
    spread: Variability | None = None,
    **common: Any,
) -> NeuristorParams:
    """Make neuristors from a circuit.

    Parameters
    ----------
    circuit : NeuristorCircuit
        Circuit of each neuron.
    options : NeuristorOptions, optional
        The model has no keys of its own.
    spread : Variability, optional
        Spread and noise of the thresholds.
    **common
        `count`, `dt` and words, as in :class:`NeuristorParams`.

    Returns
    -------
    NeuristorParams
        Parameters of the array.
    """
    spread = spread or Variability()
    if "membrane" not in common:
        device, supply = circuit.device, circuit.supply
        margin = 6 * (spread.threshold_d2d + spread.threshold_c2c + spread.hold_d2d + spread.hold_c2c) * device.v_th
        targets = [float(np.abs(circuit.target(pair)).max()) for pair in range(4)]
        largest = max(*targets, abs(device.v_th - supply) + margin, abs(device.v_hold - supply) + margin)
        common["membrane"] = NeuristorParams.membrane.widened(largest)
    return NeuristorParams(circuit=circuit, spread=spread, **common)


def alone(params: NeuristorParams, count: int) -> NeuristorParams:
    """Parameters of equal neurons, without spread and noise.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of an array.
    count : int
        Neurons of the new array.
    """
    return replace(params, count=count, spread=Variability(seed=params.seed))


def rate(params: NeuristorParams, current: Floats) -> Floats:
    """Firing rate under constant inputs, by simulation over 400 of the slowest time constants.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array; spread and noise are ignored.
    current : ndarray of float, any shape
        Input: in volt for a circuit with input elements, else in ampere.

    Returns
    -------
    ndarray of float, same shape
        Rate in hertz.
    """
    circuit = params.circuit
    slow = (circuit.capacitance_1 + circuit.capacitance_2) * circuit.coupling_resistance
    many = replace(alone(params, np.size(current)), dt=min(circuit.fastest / 20, params.dt))
    duration = min(400 * slow, 200_000 * many.dt)
    return simulated_rate(NeuristorReference(many, locate=False), current, duration, after=0.2 * duration)


@lru_cache(maxsize=16)
def window(params: NeuristorParams) -> tuple[float, float]:
    """Inputs under which a neuron fires repeatedly, by simulation.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array; spread and noise are ignored.

    Returns
    -------
    lowest, highest : float
        In volt for a circuit with input elements, else in ampere; within one step of a geometric grid of 60 values.
    """
    unit = params.circuit.device.v_th / (1.0 if params.circuit.voltage_input else params.circuit.coupling_resistance)
    grid = unit * np.geomspace(1e-3, params.drive.max / params.circuit.device.v_th * 0.99, 60)
    return firing_window(partial(rate, params), grid)


def resized(params: NeuristorParams, *, fraction: int, coefficient: int, drive: int) -> NeuristorParams:
    """The same neurons with other word lengths.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    fraction : int
        Fraction bits of both nodes.
    coefficient : int
        Width of the coefficients.
    drive : int
        Fraction bits of the drive; at most `fraction` are used.
    """
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, min(drive, fraction)),
        coefficient_bits=coefficient,
    )


def check_current(params: NeuristorParams, current: Floats) -> None:
    """Accept every input: under it, a neuristor may rest, fire, or be blocked.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.
    current : ndarray of float, any shape
        Inputs.
    """


def summary(params: NeuristorParams) -> list[tuple[str, str]]:
    """Describe the array for a reader.

    Parameters
    ----------
    params : NeuristorParams
        Parameters of the array.

    Returns
    -------
    list of (str, str)
        Labels and values.
    """
    circuit = params.circuit
    rest = circuit.target(0)
    return [
        ("V_th, V_hold", f"{si(circuit.device.v_th, 'V')}, {si(circuit.device.v_hold, 'V')}"),
        ("supplies", f"-{si(circuit.supply, 'V')} and +{si(circuit.supply, 'V')}"),
        ("C1, C2", f"{si(circuit.capacitance_1, 'F')}, {si(circuit.capacitance_2, 'F')}"),
        ("R2, RL", f"{si(circuit.coupling_resistance, 'ohm')}, {si(circuit.load_resistance, 'ohm')}"),
        ("rest", f"{si(rest[0], 'V')} and {si(rest[1], 'V')}"),
        ("one tick", si(params.dt, "s")),
        ("words", f"membrane {params.membrane}, drive {params.drive}, {params.coefficient_bits} coefficient bits"),
    ]


NEURISTOR = NeuronModel(
    name="neuristor",
    title="two-channel neuristor: two threshold switches with opposite supplies, two capacitors",
    params=NeuristorParams,
    options=NeuristorOptions,
    circuit=NeuristorCircuit,
    bit_true=NeuristorBitTrue,
    reference=NeuristorReference,
    spread=SPREAD,
    excitable=True,
    from_circuit=from_circuit,
    check_current=check_current,
    summary=summary,
    shadow=shadow,
    swing=swing,
    bound=bound,
    alone=alone,
    window=window,
    rate=rate,
    resized=resized,
    behaviours=behaviours,
    not_reproduced=NOT_REPRODUCED,
)
"""The model, as the rest of Neuristor uses it."""
