"""What every neuron model is made of: its parameters, the bit-true array, the float reference."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.golden_model.variability import Variability

__all__ = [
    "BitTrueModel",
    "Bound",
    "Events",
    "Field",
    "NeuronParams",
    "ReferenceModel",
    "Rule",
    "check_drive",
    "firing_window",
    "simulated_rate",
    "spike_times",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Events = list[tuple[NDArray[np.intp], Floats]]
"""Which neurons fired, and when, in second."""


class Field(NamedTuple):
    """One field of a neuron's state."""

    name: str
    width: int
    """Bits."""
    signed: bool


class Bound(NamedTuple):
    """The largest distance of the bit-true state from the float one, by cause, in volt."""

    rounding: float
    """From the rounding of each update."""
    coefficient: float
    """From the rounding of the coefficients."""
    quantization: float
    """From the rounding of inputs and thresholds."""

    @property
    def total(self) -> float:
        """The sum of the parts, in volt."""
        return sum(self)


@dataclass(frozen=True, kw_only=True)
class NeuronParams(ABC):
    """Parameters of an array of neurons: what the devices are, and what the word lengths are.

    A model is a frozen dataclass that inherits these fields and adds its own.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second.
    membrane : Format
        Word of the membrane potential.
    drive : Format
        Word of the input.
    coefficient_bits : int
        Significant bits of the coefficients.
    """

    count: int
    dt: float
    membrane: Format
    drive: Format
    coefficient_bits: int

    @property
    @abstractmethod
    def raw(self) -> Any:
        """The integers the circuit is built from, as a named tuple; scalars and tables that all neurons share."""

    @property
    @abstractmethod
    def initial(self) -> dict[str, Integers]:
        """State after reset, but for the noise, by name, each of shape (count,)."""

    @property
    @abstractmethod
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM holds it."""

    @property
    @abstractmethod
    def thresholds(self) -> Floats:
        """Firing threshold of each neuron, in volt, shape (count,)."""

    @property
    @abstractmethod
    def holds(self) -> Floats:
        """Voltage after a spike (hold or reset potential) of each neuron, in volt, shape (count,)."""

    @abstractmethod
    def drive_volts(self, current: ArrayLike) -> Floats:
        """What inputs mean in volt, before rounding.

        Parameters
        ----------
        current : array_like of float
            In ampere, unless the model says otherwise.
        """

    @property
    def spread(self) -> Variability:
        """How the devices differ."""
        return Variability()

    @property
    def coupling(self) -> Coupling | None:
        """Which neurons are coupled, and by what; None if none are."""
        return None

    @property
    def seed(self) -> int:
        """Seed of everything random, 0 to 2**32 - 1."""
        return self.spread.seed

    def changed(self, **fields: Any) -> Self:
        """The same parameters with some fields changed.

        Parameters
        ----------
        **fields
            New values, by name.

        Raises
        ------
        TypeError
            If there is no field of a name.
        """
        return replace(self, **fields)

    @property
    def dts(self) -> Floats:
        """The tick of each neuron, in second, shape (count,)."""
        return np.full(self.count, self.dt)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The state fields that a reader of the array wants, beside the spikes."""
        return ("membrane",)

    @cached_property
    def bias(self) -> Floats:
        """Constant part of each neuron's input, as `drive_volts`, shape (count,)."""
        return self.drive_volts(self.spread.currents(self.count))

    @cached_property
    def bias_raw(self) -> Integers:
        """The same on the grid of `drive`."""
        return self.drive.quantize(self.bias, "current_d2d")

    def drive_raw(self, current: ArrayLike) -> Integers:
        """The drive words for inputs.

        Parameters
        ----------
        current : array_like of float, shape (..., count) or ()
            In ampere, unless the model says otherwise.

        Raises
        ------
        ValueError
            If an input is not finite.
        OverflowError
            If the voltage it means does not fit `drive`.
        """
        return self.drive.quantize(self.drive_volts(current), "drive")


class Rule(NamedTuple):
    """The step function of a model, and whose attributes its arguments are."""

    function: Callable[..., Any]
    state: tuple[str, ...]
    """Of the model."""
    parameters: tuple[str, ...]
    """Of its parameters."""


class BitTrueModel(ABC):
    """An array of fixed-point neurons: the specification of the circuit.

    A model of this kind has ``step(raw, STATE..., PARAMETERS..., drive_raw) -> STATE..., spike, saturated``
    as its `tick`, where `raw` is the named tuple ``params.raw``, each of PARAMETERS the attribute of the params
    of that name (an array, one number a neuron), and each of STATE one of ``params.initial``, or ``state``,
    the noise state.

    Parameters
    ----------
    params : NeuronParams

    Attributes
    ----------
    noise : ndarray of int64, shape (count,)
        Noise states. The rest of the state is in attributes of the names in ``params.initial``.
    saturations : int
        How many neuron updates were clamped since reset.
    """

    tick: ClassVar[Callable[..., Any]]

    def __init__(self, params: Any) -> None:
        self.params = params
        self.reset()

    def reset(self) -> None:
        """Return to the state the circuit has after its reset."""
        for name, column in self.params.initial.items():
            setattr(self, name, column.copy())
        self.noise = noise.first_states(self.params.seed, self.params.count)
        self.saturations = 0

    @cached_property
    def rule(self) -> Rule:
        """The step function and its arguments.

        Raises
        ------
        TypeError
            If it has not the form above.
        """
        names = ["noise" if name == "state" else name for name in inspect.signature(self.tick).parameters]
        known = {"noise", *self.params.initial}
        state = tuple(name for name in names[1:-1] if name in known)
        parameters = tuple(name for name in names[1:-1] if name not in known)
        if names != ["raw", *state, *parameters, "drive_raw"]:
            raise TypeError(f"tick must be step(raw, STATE..., PARAMETERS..., drive_raw), not {', '.join(names)}")
        return Rule(self.tick, state, parameters)

    def _advance(self, rule: Rule, drive_raw: Integers) -> NDArray[np.bool_]:
        """One tick by a rule, whose last argument is `drive_raw`."""
        *state, spike, clipped = rule.function(
            self.params.raw,
            *(getattr(self, name) for name in rule.state),
            *(getattr(self.params, name) for name in rule.parameters),
            drive_raw,
        )
        for name, column in zip(rule.state, state, strict=True):
            setattr(self, name, column)
        self.saturations += int(np.count_nonzero(clipped))
        return np.asarray(spike)

    def step(self, drive_raw: Integers) -> NDArray[np.bool_]:
        """Advance one tick.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (count,)
            Input, on the grid of ``params.drive``.

        Returns
        -------
        ndarray of bool, shape (count,)
            Which neurons fired.
        """
        return self._advance(self.rule, drive_raw)

    def run(self, drive_raw: Integers) -> dict[str, Integers]:
        """Advance many ticks and keep every state bit.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (ticks, count)

        Returns
        -------
        dict of ndarray of int64, shape (ticks, count)
            ``spike`` and each of ``params.state_fields``, after each tick.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As `check_drive`.
        """
        drive_raw = check_drive(self.params, drive_raw)
        names = [field.name for field in self.params.state_fields]
        trace = {name: np.empty(drive_raw.shape, dtype=np.int64) for name in ("spike", *names)}
        for tick, row in enumerate(drive_raw):
            trace["spike"][tick] = self.step(row)
            for name in names:
                trace[name][tick] = getattr(self, name)
        return trace


class ReferenceModel(ABC):
    """The same array in float64.

    Parameters
    ----------
    params : NeuronParams
    locate : bool
        True: continuous time, what happens within a tick is located. False: on ticks, in the order of the
        circuit, so that only word length separates it from the bit-true model.
    rounded : bool
        With the rounded coefficients of the circuit, on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        In volt.
    ticks : int
        Since reset.
    switchings : list of (float, int, bool)
        Time in second, neuron, and whether it became metallic: of coupled switches in continuous time, else empty.
    """

    membrane: Any
    switchings: list[tuple[float, int, bool]]

    def __init__(self, params: Any, *, locate: bool = True, rounded: bool = False) -> None:
        self.params, self.locate, self.rounded = params, locate, rounded
        self.reset()

    def reset(self) -> None:
        """Return to the state after reset."""
        self.ticks = 0
        self.switchings = []
        self._draw = noise.first_states(self.params.seed, self.params.count)
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Set the state to that after reset."""

    @property
    def time(self) -> float:
        """Since reset, in second; of the first neuron, where ticks differ."""
        return float(self.ticks * self.params.dt)

    def step(self, drive: Floats) -> Events:
        """Advance one tick.

        Parameters
        ----------
        drive : ndarray of float, shape (count,)
            As ``params.drive_volts`` gives it.

        Returns
        -------
        list of (neurons, times)
            Which neurons fired, and when, in second since reset.
        """
        found = self._located(drive) if self.locate else self._on_ticks(drive)
        self.ticks += 1
        return found

    @abstractmethod
    def _located(self, drive: Floats) -> Events:
        """A tick in continuous time."""

    @abstractmethod
    def _on_ticks(self, drive: Floats) -> Events:
        """A tick in the order of the circuit."""

    def _at_end(self, fired: NDArray[np.bool_]) -> Events:
        """These neurons fire when the present tick ends."""
        neurons = np.flatnonzero(fired)
        return [(neurons, (self.ticks + 1) * self.params.dts[neurons])]

    def _disturbed(self, drive: Floats) -> Floats:
        """The input with each neuron's constant current, and this tick's random one."""
        params = self.params
        force = drive + params.bias
        if params.spread.current_noise:
            sigma = params.drive_volts(np.full(params.count, params.spread.current_noise))
            force = force + sigma * noise.byte_sum(self._draw) / noise.SIGMA
            self._draw = np.asarray(noise.advance(self._draw))
        return np.asarray(force)

    def run(self, drive: Floats) -> tuple[dict[str, NDArray[Any]], list[Floats]]:
        """Advance many ticks.

        Parameters
        ----------
        drive : ndarray of float, shape (ticks, count)
            As ``params.drive_volts`` gives it.

        Returns
        -------
        trace : dict of ndarray, shape (ticks, count)
            ``spike`` (how many in the tick), and each of ``params.outputs`` at its end (voltages in volt).
        times : list of ndarray of float
            Spike times of each neuron, in second.
        """
        names = self.params.outputs
        trace: dict[str, NDArray[Any]] = {"spike": np.zeros(drive.shape, dtype=np.int64)}
        for name in names:
            real = np.asarray(getattr(self, name)).dtype.kind == "f"
            trace[name] = np.empty(drive.shape, dtype=np.float64 if real else np.int64)
        found: Events = []
        for tick, row in enumerate(drive):
            for neurons, times in self.step(row):
                np.add.at(trace["spike"][tick], neurons, 1)
                found.append((neurons, times))
            for name in names:
                trace[name][tick] = getattr(self, name)
        who = np.concatenate([np.empty(0, np.intp), *(neurons for neurons, _ in found)])
        when = np.concatenate([np.empty(0), *(times for _, times in found)])
        order = np.lexsort((when, who))
        edges = np.searchsorted(who[order], np.arange(1, self.params.count))
        return trace, np.split(when[order], edges)


def check_drive(params: Any, drive_raw: Integers) -> Integers:
    """The same array, if it is a drive of a model with these parameters.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If its kind, its shape or a word of it is wrong.
    """
    drive_raw = np.asarray(drive_raw)
    if drive_raw.dtype.kind != "i":
        raise TypeError(f"drive_raw must hold integers, not {drive_raw.dtype}")
    if drive_raw.ndim != 2 or drive_raw.shape[1] != params.count:
        raise ValueError(f"drive_raw must have shape (ticks, {params.count}), not {drive_raw.shape}")
    drive = params.drive
    if drive_raw.size and (drive_raw.min() < drive.min_raw or drive_raw.max() > drive.max_raw):
        raise OverflowError(
            f"drive_raw must be between {drive.min_raw} and {drive.max_raw}, not {drive_raw.min()} to {drive_raw.max()}"
        )
    return drive_raw.astype(np.int64, copy=False)


def spike_times(params: Any, trace: Mapping[str, Integers]) -> list[Floats]:
    """When each neuron of a bit-true trace fired, in second.

    At the end of its tick, or, where the trace has ``lag``, as many eighths before.

    Parameters
    ----------
    params : NeuronParams
    trace : mapping of ndarray of int64, shape (ticks, count)
    """
    lag = (trace["lag"] - 0.5) / 8 if "lag" in trace else np.zeros(trace["spike"].shape)
    found, dts = [], params.dts.tolist()
    for neuron, fired in enumerate(trace["spike"].T.astype(bool)):
        ticks = np.flatnonzero(fired)
        found.append((ticks + 1 - lag[ticks, neuron]) * dts[neuron])
    return found


def simulated_rate(reference: ReferenceModel, current: Floats, duration: float, after: float) -> Floats:
    """Rates under constant inputs, by simulation, in hertz.

    Parameters
    ----------
    reference : ReferenceModel
        A neuron an input.
    current : ndarray of float, any shape
        In ampere, or what ``drive_volts`` takes.
    duration, after : float
        In second; spikes until `after` are left away, and fewer than three make a rate of 0.
    """
    params = reference.params
    drive = params.drive_volts(np.ravel(current))
    _, times = reference.run(np.broadcast_to(drive, (round(duration / params.dt), params.count)))
    late = [each[each > after] for each in times]
    made = [(len(each) - 1) / (each[-1] - each[0]) if len(each) > 2 else 0.0 for each in late]
    return np.array(made).reshape(np.shape(current))


def firing_window(rate: Callable[[Floats], Floats], grid: Floats) -> tuple[float, float]:
    """The first and the last input of a grid with a rate; the first to a twelfth of a step, both 0 if none has."""
    fires = np.flatnonzero(rate(grid) > 0)
    if len(fires) == 0:
        return 0.0, 0.0
    fine = np.linspace(grid[max(fires[0] - 1, 0)], grid[fires[0]], 12)
    return float(fine[np.flatnonzero(rate(fine) > 0)[0]]), float(grid[fires[-1]])
