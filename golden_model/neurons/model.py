"""Base classes of every neuron model: parameters, bit-true array, float reference."""

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
from neuristor.golden_model.units import other_prefix, si
from neuristor.golden_model.variability import Variability

__all__ = [
    "SHORTEST_TICK",
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
SHORTEST_TICK = 1e-6
"""Shortest tick of a device, in parts of the longest: a run of a period would take hours."""
Events = list[tuple[NDArray[np.intp], Floats]]
"""Pairs of neurons that fired and the times of their spikes, in second; both of shape (spikes,)."""


class Field(NamedTuple):
    """One field of the state of a neuron."""

    name: str
    """Name, as in the bit-true model and in the circuit."""
    width: int
    """Width in bits."""
    signed: bool
    """Whether it is signed (two's complement)."""


class Bound(NamedTuple):
    """The largest distance of the bit-true membrane from the float one, by cause, in volt."""

    rounding: float
    """Caused by the rounding of each update."""
    coefficient: float
    """Caused by the rounding of the coefficients."""
    quantization: float
    """Caused by the rounding of inputs and thresholds."""

    @property
    def total(self) -> float:
        """The sum of the parts, in volt."""
        return sum(self)


@dataclass(frozen=True, kw_only=True)
class NeuronParams(ABC):
    """Parameters of an array of neurons: devices and word lengths.

    The parameters of a model are a frozen dataclass that inherits these fields and adds its own.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second, above 0.
    membrane : Format
        Word of the membrane potential, in volt.
    drive : Format
        Word of the input, in the unit of `drive_volts`.
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
        """The integers the circuit is built from: a named tuple of numbers and tables that all neurons share."""

    @property
    @abstractmethod
    def initial(self) -> dict[str, Integers]:
        """State after reset without the noise, by name, as raw integers, each of shape (count,)."""

    @property
    @abstractmethod
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it; with noise, the field ``noise`` of 32 bits, unsigned."""

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
        """Inputs in the unit of `drive`, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input, in ampere unless the model defines another unit.

        Returns
        -------
        ndarray of float, same shape
            In volt, or in volt per tick, as the model defines it.
        """

    @property
    def spread(self) -> Variability:
        """Spread and noise of the devices; in a model that has fields of its own for it (LIF), none is here."""
        return Variability()

    @property
    def coupling(self) -> Coupling | None:
        """Coupling between the neurons; None if they are not coupled."""
        return None

    @property
    def seed(self) -> int:
        """Seed of everything random, 0 to 2**32 - 1."""
        return self.spread.seed

    def column(self, name: str) -> Integers:
        """Words of a parameter that each neuron has of its own.

        A parameter NAME is the attribute ``NAME_raw`` here, the argument ``NAME_raw`` of the step function, and the
        field NAME in the parameters of a lane and in the array's parameter memory.

        Parameters
        ----------
        name : str
            Such as ``threshold``.

        Returns
        -------
        ndarray of int64, shape (count,)

        Raises
        ------
        AttributeError
            If the model has no such parameter.
        """
        return np.asarray(getattr(self, f"{name}_raw"), dtype=np.int64)

    def changed(self, **fields: Any) -> Self:
        """The same parameters with some fields changed.

        A ``TypeError`` is raised if there is no field with such a name, and other errors as by the class itself.

        Parameters
        ----------
        **fields
            New values, by name.
        """
        return replace(self, **fields)

    def measured(self, columns: Mapping[str, Floats]) -> Self:
        """The same neurons with measured devices.

        Parameters
        ----------
        columns : mapping of str to ndarray of float, shape (count,)
            Values of each device, by name, in SI units.

        Returns
        -------
        Self
            Their parameters.

        Raises
        ------
        ValueError
            If the model cannot have devices that differ in this.
        """
        if not columns:
            return self
        raise ValueError(
            f"devices cannot differ in {next(iter(columns))} in this model; they can differ in v_th and v_hold in "
            "relaxation_oscillator, in v_th in lif, and in any parameter in a model from equations, such as vo2_switch"
        )

    @property
    def dts(self) -> Floats:
        """Time step of each neuron, in second, shape (count,)."""
        return np.full(self.count, self.dt)

    @property
    def input_unit(self) -> str:
        """Unit of an input: ``A`` or ``V``."""
        return "A"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the state fields that a reader of the array wants, besides the spikes."""
        return ("membrane",)

    @property
    def observed(self) -> str:
        """Name of the state field that `membrane` is the word of."""
        return self.outputs[0]

    @property
    def observed_unit(self) -> str:
        """Unit of that field."""
        return "V"

    def lags(self, raw: Integers) -> Floats:
        """How long before the end of a tick an event was, in ticks.

        Parameters
        ----------
        raw : ndarray of int64, any shape
            Words of the state field ``lag``: eighths of a tick, in which it was.
        """
        return np.asarray((raw - 0.5) / 8)

    def membrane_words(self, volts: ArrayLike, name: str) -> Integers:
        """Words of membrane potentials.

        Parameters
        ----------
        volts : array_like of float, any shape
            Potentials, in volt.
        name : str
            What they are, for the message.

        Returns
        -------
        ndarray of int64, same shape
            Words on the grid of `membrane`.

        Raises
        ------
        ValueError
            If a potential is not finite.
        OverflowError
            If one does not fit `membrane`; the message names the word that would hold it.
        """
        return self.membrane.quantize(volts, name, word="membrane", unit="V")

    @cached_property
    def bias(self) -> Floats:
        """Constant part of the input of each neuron, in the unit of `drive_volts`, shape (count,)."""
        return self.drive_volts(self.spread.currents(self.count))

    @cached_property
    def bias_raw(self) -> Integers:
        """Constant part of the input of each neuron, on the grid of `drive`, shape (count,)."""
        return self.drive.quantize(self.bias, "current_d2d", word="drive")

    def drive_raw(self, current: ArrayLike) -> Integers:
        """Input words.

        Parameters
        ----------
        current : array_like of float, shape (..., count) or ()
            Input, in ampere unless the model defines another unit.

        Returns
        -------
        ndarray of int64, same shape
            Words on the grid of `drive`.

        Raises
        ------
        ValueError
            If an input is not finite.
        OverflowError
            If an input does not fit `drive`.
        """
        made = np.asarray(self.drive_volts(current))
        try:
            return self.drive.quantize(made, "drive", word="drive", unit="V")
        except OverflowError as error:
            given = np.broadcast_to(np.asarray(current, dtype=np.float64), made.shape)
            worst = float(given.flat[int(np.argmax(np.abs(made)))])

            def fits(value: float) -> bool:
                largest = float(np.abs(self.drive_volts(np.full(made.shape, value))).max())
                return self.drive.max / 100 < largest <= self.drive.max

            question = other_prefix(worst, self.input_unit, fits)
            raise OverflowError(
                f"an input of {si(worst, self.input_unit)} is too large{question or ':'} {error}"
            ) from None


class Rule(NamedTuple):
    """The step function of a model, and where its arguments come from."""

    function: Callable[..., Any]
    """The step function."""
    state: tuple[str, ...]
    """Arguments that are attributes of the model, and results."""
    parameters: tuple[str, ...]
    """Arguments that are attributes of the parameters."""


class BitTrueModel(ABC):
    """An array of fixed-point neurons: the specification of the circuit.

    A subclass defines ``tick``, a step function with the signature
    ``step(raw, STATE..., PARAMETERS..., drive_raw) -> STATE..., spike, saturated``, where coupled neurons may have
    ``pull_raw``, the coupling term, as the last argument. The others are recognized by their names:

    - `raw`: the named tuple ``params.raw``.
    - STATE: fields of ``params.initial``, and ``state``, the noise state. The results are in the same order.
    - PARAMETERS: attributes of the parameters, arrays with one number per neuron.
    - `drive_raw`: the input words.

    It must work on integers, arrays and symbolic values alike: with ``select`` and ``lookup`` of
    ``neuristor.golden_model.fixed`` instead of branches and indices that depend on a neuron.

    Parameters
    ----------
    params : NeuronParams
        Parameters of the array.

    Attributes
    ----------
    noise : ndarray of int64, shape (count,)
        Noise states. The other fields of the state are attributes with the names in ``params.initial``.
    saturations : int
        Neuron updates clamped since reset.
    clamped : ndarray of bool, shape (count,)
        Neurons of which `step` and `run` have clamped an update since reset; ``kernel.run`` only counts.
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
        self.clamped = np.zeros(self.params.count, dtype=bool)

    @cached_property
    def rule(self) -> Rule:
        """The step function and its arguments.

        Raises
        ------
        TypeError
            If the arguments of ``tick`` are not those described above.
        """
        names = ["noise" if name == "state" else name for name in inspect.signature(self.tick).parameters]
        names = names[:-1] if names[-1] == "pull_raw" else names
        known = {"noise", *self.params.initial}
        state = tuple(name for name in names[1:-1] if name in known)
        parameters = tuple(name for name in names[1:-1] if name not in known)
        if names != ["raw", *state, *parameters, "drive_raw"]:
            raise TypeError(f"tick must be step(raw, STATE..., PARAMETERS..., drive_raw), not {', '.join(names)}")
        return Rule(self.tick, state, parameters)

    def _advance(self, rule: Rule, drive_raw: Integers, *pull_raw: Integers) -> NDArray[np.bool_]:
        """Advance one tick by a step function whose last arguments are `drive_raw` and `pull_raw`, if there is one."""
        *state, spike, clipped = rule.function(
            self.params.raw,
            *(getattr(self, name) for name in rule.state),
            *(getattr(self.params, name) for name in rule.parameters),
            drive_raw,
            *pull_raw,
        )
        for name, column in zip(rule.state, state, strict=True):
            setattr(self, name, column)
        self.saturations += int(np.count_nonzero(clipped))
        self.clamped |= np.asarray(clipped, dtype=bool)
        return np.asarray(spike)

    def step(self, drive_raw: Integers) -> NDArray[np.bool_]:
        """Advance one tick.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (count,)
            Input words, on the grid of ``params.drive``.

        Returns
        -------
        ndarray of bool, shape (count,)
            Which neurons fired.
        """
        return self._advance(self.rule, drive_raw, *self._pulls())

    def _pulls(self) -> list[Any]:
        """The coupling term, in a list of one, of a model whose step takes it; else none."""
        return []

    def run(self, drive_raw: Integers) -> dict[str, Integers]:
        """Advance many ticks and record the state after each.

        A ``TypeError``, ``ValueError`` or ``OverflowError`` is raised if the drive is wrong, as by `check_drive`.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (ticks, count)
            Input words of each tick, on the grid of ``params.drive``.

        Returns
        -------
        dict of ndarray of int64, shape (ticks, count)
            ``spike`` and each of ``params.state_fields``, after each tick.
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
        Parameters of the array.
    locate : bool
        True: continuous time; threshold crossings within a tick are located. False: on ticks, in the order of the
        circuit, so that it differs from the bit-true model only by the word lengths.
    rounded : bool
        Use the rounded coefficients of the circuit; only on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        Membrane potential, in volt.
    ticks : int
        Ticks since reset.
    switchings : list of (float, int, bool)
        Of relaxation oscillators: time in second, oscillator, and whether its switch became metallic, since reset.
        Empty for other models.
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
        """Set the model's own state to that after reset."""

    @property
    def time(self) -> float:
        """Time since reset, in second; that of the first neuron where time steps differ."""
        return float(self.ticks * self.params.dt)

    def step(self, drive: Floats) -> Events:
        """Advance one tick.

        Parameters
        ----------
        drive : ndarray of float, shape (count,)
            Input, in the unit of ``params.drive_volts``.

        Returns
        -------
        list of (neurons, times)
            Neurons that fired, and their spike times in second since reset.
        """
        found = self._located(drive) if self.locate else self._on_ticks(drive)
        self.ticks += 1
        return found

    @abstractmethod
    def _located(self, drive: Floats) -> Events:
        """Advance one tick in continuous time."""

    @abstractmethod
    def _on_ticks(self, drive: Floats) -> Events:
        """Advance one tick in the order of the circuit."""

    def _at_end(self, fired: NDArray[np.bool_]) -> Events:
        """Events of neurons that fire at the end of the present tick."""
        neurons = np.flatnonzero(fired)
        return [(neurons, (self.ticks + 1) * self.params.dts[neurons])]

    def _disturbed(self, drive: Floats) -> Floats:
        """The input plus the constant current of each neuron and the random current of this tick."""
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
            Input of each tick, in the unit of ``params.drive_volts``.

        Returns
        -------
        trace : dict of ndarray, shape (ticks, count)
            ``spike``, the number of spikes in each tick, and each of ``params.outputs`` at its end (voltages in volt).
        times : list of ndarray of float
            Spike times of each neuron, in second since reset.
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
    """Check input words.

    Parameters
    ----------
    params : NeuronParams
        Parameters of the array.
    drive_raw : ndarray of int, shape (ticks, count)
        The words to check.

    Returns
    -------
    ndarray of int64, shape (ticks, count)
        The same words.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If the shape is wrong.
    OverflowError
        If a word is outside the range of ``params.drive``.
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
    """Spike times of a bit-true run.

    A spike is at the end of its tick, or earlier by what ``params.lags`` makes of the field ``lag`` of the trace.

    Parameters
    ----------
    params : NeuronParams
        Parameters of the array.
    trace : mapping of str to ndarray of int64, shape (ticks, count)
        The run: ``spike``, and ``lag`` if there is one.

    Returns
    -------
    list of ndarray of float
        Spike times of each neuron, in second since the start of the run.
    """
    lag = params.lags(trace["lag"]) if "lag" in trace else np.zeros(trace["spike"].shape)
    found, dts = [], params.dts.tolist()
    for neuron, fired in enumerate(trace["spike"].T.astype(bool)):
        ticks = np.flatnonzero(fired)
        found.append((ticks + 1 - lag[ticks, neuron]) * dts[neuron])
    return found


def simulated_rate(reference: ReferenceModel, current: Floats, duration: float, after: float) -> Floats:
    """Firing rates under constant inputs, by simulation.

    Parameters
    ----------
    reference : ReferenceModel
        A model with one neuron for each input.
    current : ndarray of float, any shape
        Constant inputs, in the unit that ``params.drive_volts`` takes (ampere for most models).
    duration : float
        Simulated time, in second.
    after : float
        Spikes until this time, in second, are not counted.

    Returns
    -------
    ndarray of float, same shape
        Rates in hertz; 0 where a neuron fires fewer than three times.
    """
    params = reference.params
    drive = params.drive_volts(np.ravel(current))
    _, times = reference.run(np.broadcast_to(drive, (round(duration / params.dt), params.count)))
    late = [each[each > after] for each in times]
    made = [(len(each) - 1) / (each[-1] - each[0]) if len(each) > 2 else 0.0 for each in late]
    return np.array(made).reshape(np.shape(current))


def firing_window(rate: Callable[[Floats], Floats], grid: Floats) -> tuple[float, float]:
    """The lowest and the highest input of a grid under which a neuron fires repeatedly.

    Parameters
    ----------
    rate : callable
        ``rate(inputs)`` returns the firing rate under each input.
    grid : ndarray of float, shape (n,)
        Inputs, in ascending order.

    Returns
    -------
    lowest, highest : float
        Both 0 if the neuron fires under none. The lowest one is refined, to a twelfth of a step of the grid.
    """
    fires = np.flatnonzero(rate(grid) > 0)
    if len(fires) == 0:
        return 0.0, 0.0
    fine = np.linspace(grid[max(fires[0] - 1, 0)], grid[fires[0]], 12)
    return float(fine[np.flatnonzero(rate(fine) > 0)[0]]), float(grid[fires[-1]])
