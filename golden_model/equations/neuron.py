"""A model from equations as a neuron model: everything that the rest of Neuristor needs of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.equations.behaviours import SHOWN, pattern_input, pattern_values, stretches
from neuristor.golden_model.equations.coupled import check_kind, check_strength, check_words
from neuristor.golden_model.equations.discretise import LAG_BITS, Tick, discretise
from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.golden import source, step
from neuristor.golden_model.equations.graph import bits
from neuristor.golden_model.equations.lower import Words
from neuristor.golden_model.equations.numeric import FloatTick, Luck, constants
from neuristor.golden_model.equations.quantise import Quantised, drive_bits, initial, int_bits, pull_range, quantise
from neuristor.golden_model.equations.reference import Chance, Equations, Trajectories, follow, follow_together
from neuristor.golden_model.equations.system import System, read, start_of
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.ticks import check_tick
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.fixed import Format
from neuristor.golden_model.neurons.behaviour import Behaviour
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.coupling import Coupling
from neuristor.golden_model.neurons.model import BitTrueModel, Bound, Events, Field, NeuronParams, ReferenceModel
from neuristor.golden_model.units import counted, si
from neuristor.golden_model.variability import Variability

__all__ = ["EquationBitTrue", "EquationParams", "EquationReference", "model_of", "system_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NOTHING: Mapping[str, float] = {}


@lru_cache(maxsize=64)
def _read(text: str) -> System:
    model = Model.model_validate_json(text)
    return read(model)


def system_of(model: Model) -> System:
    """The system of a model without neighbours, read once.

    Parameters
    ----------
    model : Model
        The model.
    """
    return _read(model.model_dump_json()).alone()


@dataclass(frozen=True, kw_only=True)
class EquationParams(NeuronParams):
    """An array of neurons from equations.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second, above 0.
    membrane : Format
        Word of the first output; the words of all states have as many bits.
    drive : Format
        Word of the input, in the unit of what it adds to a state in a tick.
    coefficient_bits : int
        Most bits of a factor of a multiplication, 12 to 25.
    text : str
        The model, as JSON.
    values : tuple of (str, float or tuple of float)
        Parameters that differ from those of the model, in SI units: a number, or one for each neuron.
    spread : Variability
        Its `seed`, and the spread of `parameters` that differs from the model's; others must be zero.
    coupling : Coupling, optional
        Which neurons are neighbours; only of a model with the section ``[coupling]``.
    starts : tuple of (str, tuple of float)
        Values after reset of states and discrete values that differ from those of the model: one for each neuron.
    """

    text: str
    values: tuple[tuple[str, float | tuple[float, ...]], ...] = ()
    spread: Variability = Variability()
    coupling: Coupling | None = None
    starts: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        positive("dt", self.dt)
        whole("coefficient_bits", self.coefficient_bits, 12, 25)
        self.spread.only(_read(self.text).model.name, "parameters")
        self._check_names(name for name, _ in self.spread.parameters)
        self._check_starts()
        if self.coupling is not None:
            check_kind(_read(self.text), self.coupling, self.count)
        if not 12 <= self.membrane.width <= 32:
            raise ValueError(f"membrane must have 12 to 32 bits, not {self.membrane.width}")
        needed = _format(self.observed_range, self.membrane.width)
        if self.membrane != needed:
            raise ValueError(
                f"membrane must be [{needed.int_bits}, {needed.frac_bits}] for the range of {self.outputs[0]} with "
                f"{needed.width} bits, not [{self.membrane.int_bits}, {self.membrane.frac_bits}]"
            )
        if self.system.input is not None:
            whole_bits = drive_bits(self.step_of_time, {**constants(self.system, self.dt), **self.own_values})
            wanted = Format(whole_bits, self.drive.width - whole_bits)
            if self.drive != wanted:
                raise ValueError(
                    f"drive must be [{wanted.int_bits}, {wanted.frac_bits}] for the range of the input with "
                    f"{wanted.width} bits, not [{self.drive.int_bits}, {self.drive.frac_bits}]"
                )
        if self.coupling is not None:
            check_strength(self.system, self.coupling, self.own_values, self.dt)
        _ = self.quantised
        if self.coupling is not None:
            check_words(self.system, self.coupling, self.quantised)

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the fields, such as the golden step, is made again by who reads this.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def measured(self, columns: Mapping[str, Floats]) -> EquationParams:
        """The same neurons with measured parameters and states after reset.

        Parameters
        ----------
        columns : mapping of str to ndarray of float, shape (count,)
            Values of parameters of the model, or of states after reset, by their names, in SI units.

        Returns
        -------
        EquationParams
            Their parameters; the word of the input is chosen anew.

        Raises
        ------
        ValueError
            If the model has no such parameter and no such state.
        """
        system = _read(self.text)
        begun = {name: columns[name] for name in columns if name in system.states or name in system.discrete}
        self._check_names(name for name in columns if name not in begun)
        given, starts = dict(self.values), dict(self.starts)
        for name, column in columns.items():
            (starts if name in begun else given)[name] = tuple(column.tolist())
        drive = _drive_format(system, self.dt, given)
        return replace(
            self,
            values=tuple(given.items()),
            starts=tuple(starts.items()),
            drive=Format(drive.int_bits, self.drive.width - drive.int_bits),
        )

    def _check_starts(self) -> None:
        """Check the states after reset.

        Raises
        ------
        ValueError
            If there is no such state, or a value is outside its range.
        """
        system = _read(self.text)
        for name, values in self.starts:
            variable = system.states.get(name) or system.discrete.get(name)
            if variable is None or len(values) != self.count:
                raise ValueError(f"starts must be {self.count} values of states of {system.model.name}, not {name!r}")
            for neuron, value in enumerate(values):
                if not variable.low <= value <= variable.high or (variable.values and value not in variable.values):
                    known = f"from {variable.low:g} to {variable.high:g} {variable.unit}".removesuffix(" 1")
                    known = f"one of {', '.join(map(str, variable.values))}" if variable.values else known
                    raise ValueError(f"{name} after reset must be {known}, not {value:g} in neuron {neuron}")

    def _check_names(self, names: Iterable[str]) -> None:
        """Check that the model has parameters of these names.

        Raises
        ------
        ValueError
            If it has not.
        """
        known = _read(self.text).parameters
        for name in names:
            if name not in known:
                raise ValueError(
                    f"the model {_read(self.text).model.name} has no parameter {name!r}; it has {', '.join(known)}"
                )

    @cached_property
    def system(self) -> System:
        """The equations, with the neighbours."""
        system, coupling = _read(self.text).begun(name for name, _ in self.starts), self.coupling
        if coupling is None:
            return system.alone()
        strength = 1 / coupling.value if coupling.kind == "resistive" else coupling.value
        # A power of two: the same circuit for other values of edges.
        return system.joined(strength, 2.0**coupling.degree_bits)

    def pulls(self, state: Mapping[str, Any]) -> list[Any]:
        """The sum over the neighbours of each neuron, in a list of one; of none without coupling.

        Parameters
        ----------
        state : mapping of str to ndarray, shape (count,)
            Fields of the state, raw integers or real numbers.
        """
        if self.coupling is None:
            return []
        assert self.system.model.coupling is not None
        return [self.coupling.pull(state[self.system.model.coupling.reads])]

    @property
    def observed_range(self) -> tuple[float, float]:
        """Range of the first output."""
        system = self.system
        name = (*system.model.outputs, *system.states)[0]
        variable = system.states.get(name) or system.discrete[name]
        return variable.low, variable.high

    @cached_property
    def own_values(self) -> dict[Any, Any]:
        """The value of each parameter, by its symbol: a number, or one for each neuron."""
        system, changed, spreads = self.system, dict(self.values), dict(self.spread.parameters)
        made: dict[Any, Any] = {}
        generator = np.random.default_rng(self.spread.seed)
        for name, (symbol, usual, usual_spread, _) in system.parameters.items():
            spread = spreads.get(name, usual_spread)
            value: Any = changed.get(name, usual)
            # A draw for each parameter, so that the spread of one does not change another's.
            draw = np.clip(generator.standard_normal(self.count), -3, 3)
            if isinstance(value, tuple):
                # Measured; equal values are one constant.
                made[symbol] = np.array(value) if len(set(value)) > 1 else value[0]
                continue
            made[symbol] = value * (1 + spread * draw) if spread and self.count > 0 else value
        return made | {start_of(name): np.array(values) for name, values in self.starts}

    @property
    def unequal(self) -> dict[str, tuple[Floats, str]]:
        """Parameters that differ between neurons, with their SI units; states after reset as ``start_NAME``."""
        system, own = self.system, self.own_values
        found = {name: (own[symbol], unit) for name, (symbol, _, _, unit) in system.parameters.items()}
        for name, values in self.starts:
            variable = system.states.get(name) or system.discrete[name]
            found[f"start_{name}"] = np.array(values), variable.unit
        return {
            name: (values, "" if unit in ("", "1") else str(quantity(f"1 {unit}")[1]))
            for name, (values, unit) in found.items()
            if isinstance(values, np.ndarray) and np.ptp(values) > 0
        }

    @cached_property
    def step_of_time(self) -> Tick:
        """The formulas of a tick."""
        return discretise(self.system, self.dt)

    @cached_property
    def quantised(self) -> Quantised:
        """The tick in integers."""
        words = Words(state=self.membrane.width, operand=self.coefficient_bits, drive=self.drive.width)
        return quantise(self.step_of_time, words, self.own_values)

    @property
    def wide(self) -> EquationParams:
        """The same neurons with the same tables, and words as long as they can be."""
        more = 32 - self.membrane.width
        return replace(
            self,
            membrane=Format(self.membrane.int_bits, self.membrane.frac_bits + more),
            drive=Format(self.drive.int_bits, self.drive.frac_bits + 32 - self.drive.width),
            coefficient_bits=25,
        )

    @cached_property
    def float_tick(self) -> FloatTick:
        """The tick in float64."""
        return FloatTick(self.step_of_time, self.own_values, self.seed)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the state fields that a reader of the array wants."""
        system = self.system
        return tuple(system.model.outputs) or (next(iter(system.states)),)

    @cached_property
    def raw(self) -> Any:
        """The tables, and the range of each word."""
        quantised = self.quantised
        ranges = {f"{name}_range": (word.low, word.high) for name, word in quantised.state.items()}
        if self.coupling is not None:
            ranges["pull_range"] = pull_range(self.system, quantised.state)
        values = {**ranges, **quantised.graph.tables}
        return _raw_type(tuple(sorted(values)))(*(values[name] for name in sorted(values)))

    @cached_property
    def initial(self) -> dict[str, Integers]:
        """State after reset without the noise, as raw integers, each of shape (count,)."""
        return initial(self.quantised, self.own_values, self.count)

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""
        fields = [Field(name, bits(word.low, word.high), word.low < 0) for name, word in self.quantised.state.items()]
        if self.quantised.noisy:
            fields.append(Field("noise", 32, False))
        return tuple(fields)

    @cached_property
    def step(self) -> Any:
        """The golden step."""
        state = [*self.quantised.state] + (["noise"] if self.quantised.noisy else [])
        return step(self.quantised.graph, state, self.quantised.columns)

    def source(self) -> str:
        """The text of the golden step."""
        state = [*self.quantised.state] + (["noise"] if self.quantised.noisy else [])
        return source(self.quantised.graph, state, self.quantised.columns)

    def __getattr__(self, name: str) -> Any:
        # Words that each neuron has of its own: NAME_raw.
        if name.endswith("_raw") and not name.startswith("_") and name != "bias_raw":
            column = self.quantised.columns.get(name.removesuffix("_raw"))
            if column is not None:
                return column
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def thresholds(self) -> Floats:
        """Value of the first output at which a spike is counted, shape (count,); NaN if it is another quantity."""
        return np.full(self.count, math.nan)

    @property
    def holds(self) -> Floats:
        """No such value in this model: NaN, shape (count,)."""
        return np.full(self.count, math.nan)

    @property
    def observed_unit(self) -> str:
        """Unit of the first output."""
        system = self.system
        variable = system.states.get(self.observed) or system.discrete[self.observed]
        return "" if variable.unit == "1" else variable.unit

    def lags(self, raw: Integers) -> Floats:
        """How long before the end of a tick an event was, in ticks.

        Parameters
        ----------
        raw : ndarray of int64, any shape
            Words of the state field ``lag``, with `LAG_BITS` fraction bits.
        """
        return np.ldexp(np.asarray(raw, dtype=np.float64), -LAG_BITS)

    @property
    def input_unit(self) -> str:
        """Unit of an input."""
        return self.system.input.unit if self.system.input else "A"

    def drive_volts(self, current: ArrayLike) -> Floats:
        """Inputs in the unit of `drive`, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input, in `input_unit`.
        """
        return np.asarray(np.asarray(current, dtype=np.float64) * self.quantised.input_scale)

    def inputs(self, drive: ArrayLike) -> Floats:
        """Inputs in their SI unit, from those in the unit of `drive`.

        Parameters
        ----------
        drive : array_like of float, any shape
            Inputs, as `drive_volts` returns them.
        """
        given, system = np.asarray(drive, dtype=np.float64) / self.quantised.input_scale, self.system
        if system.bounds_input and system.input is not None:
            given = np.clip(given, system.input.low, system.input.high)
        return np.asarray(given)

    def real(self, name: str, raw: ArrayLike) -> Floats:
        """Values of a word.

        Parameters
        ----------
        name : str
            Name of a state, a discrete value or a remembered change.
        raw : array_like of int, any shape
            Its words.
        """
        return np.ldexp(np.asarray(raw, dtype=np.float64), -self.quantised.state[name].frac)


@lru_cache(maxsize=256)
def _raw_type(names: tuple[str, ...]) -> Any:
    return NamedTuple("Raw", [(name, tuple[int, ...]) for name in names])


def _format(bounds: tuple[float, float], width: int) -> Format:
    """The word of a state with a range."""
    whole_bits = int_bits(*bounds)
    return Format(whole_bits, width - whole_bits)


def _drive_format(system: System, dt: float, values: Mapping[str, float | tuple[float, ...]]) -> Format:
    """The word of the input: 18 bits."""
    system = system.alone()
    if system.input is None:
        return Format(2, 16)
    numbers: dict[Any, Any] = {}
    for name, (symbol, usual, _, _) in system.parameters.items():
        value = values.get(name, usual)
        numbers[symbol] = np.array(value) if isinstance(value, tuple) and len(set(value)) > 1 else np.ravel(value)[0]
    whole_bits = drive_bits(discretise(system, dt), {**constants(system, dt), **numbers})
    return Format(whole_bits, 18 - whole_bits)


class EquationBitTrue(BitTrueModel):
    """An array of fixed-point neurons from equations: the specification of the circuit.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    """

    params: EquationParams

    @property
    def tick(self) -> Any:  # type: ignore[override]  # each array has a step of its own
        """The golden step."""
        return self.params.step

    def _pulls(self) -> list[Any]:
        return self.params.pulls(vars(self))


class _Drawn(Chance):
    """The random numbers of one tick of a neuron, which the circuit draws too."""

    def __init__(self, luck: Luck, n: int, noisy: Sequence[str]) -> None:
        self._luck, self._n, self._noisy = luck, n, noisy

    def _own(self, values: Any) -> float:
        return float(np.ravel(values)[self._n]) if np.ndim(values) else float(values)

    def noise(self, count: int, duration: float) -> list[float]:
        return [self._own(self._luck.normal[name]) / math.sqrt(duration) for name in self._noisy]

    def wait(self, event: int) -> float:
        return -math.log1p(-self._own(self._luck.uniform[event]))

    def both(self, event: int, name: str) -> tuple[float, float]:
        normal, uniform = self._luck.both[event, name]
        return self._own(normal), self._own(uniform)


class EquationReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    locate : bool
        True: continuous time, by SciPy, with events located. False: the formulas of a tick.
    rounded : bool
        Use the tables of the circuit, with longer words; only on ticks.
    """

    params: EquationParams

    def _prepare(self) -> None:
        self._state = self.params.float_tick.start(self.params.count)
        self._wide = EquationBitTrue(self.params.wide) if self.rounded else None
        self._ready: dict[tuple[float, ...], Equations] = {}
        self._show()

    def _show(self) -> None:
        for name in self.params.outputs:
            setattr(self, name, self._state[name])
        self.membrane = self._state[self.params.outputs[0]]

    def _on_ticks(self, drive: Floats) -> Events:
        if self._wide is not None:
            wide = self._wide
            spike = wide.step(wide.params.drive.quantize(drive))
            self._state = {name: wide.params.real(name, getattr(wide, name)) for name in wide.params.outputs}
            self._show()
            return self._at_end(np.asarray(spike, dtype=bool))
        params = self.params
        self._state, spike = params.float_tick.step(self._state, params.inputs(drive), *params.pulls(self._state))
        self._show()
        return self._at_end(spike)

    def _together(self, inputs: list[tuple[float, Floats]], times: Floats, longest: float) -> Trajectories:
        """Follow neurons that read each other from the present state, which then is that at the end."""
        params = self.params
        assert params.coupling is not None
        made = follow_together(
            params.system,
            params.own_values,
            {name: np.asarray(self._state[name], dtype=np.float64) for name in self._names},
            inputs,
            times,
            pulls=params.coupling.pull,
            longest=longest,
        )
        self._state |= made.after
        return made

    def _located(self, drive: Floats) -> Events:
        params, h = self.params, self.params.dt
        if params.coupling is not None:
            if params.system.noisy:
                raise EquationError(
                    f"{params.system.model.name}: coupled neurons with noise are followed on ticks only"
                )
            spikes = self._together([(h, params.inputs(drive))], np.zeros(0), h).spikes
            self._show()
            return [(np.full(len(each), n), self.time + each) for n, each in enumerate(spikes) if len(each)]
        given, luck = params.inputs(drive), params.float_tick.luck(self._state.get("noise"))
        found: Events = []
        for n in range(params.count):
            made = follow(
                self._equations(n),
                {name: float(self._state[name][n]) for name in self._names},
                [(h, float(given[n]))],
                np.zeros(0, dtype=np.float64),
                longest=h,
                chance=_Drawn(luck, n, [*params.system.noise]),
            )
            for name in self._names:
                self._state[name][n] = made.after[name]
            if len(made.spikes):
                found.append((np.full(len(made.spikes), n), self.time + made.spikes))
        if params.system.noisy:
            self._state["noise"] = luck.after
        self._show()
        return found

    def _equations(self, n: int) -> Equations:
        """The equations of a neuron."""
        values = self._values(n)
        key = tuple(values.values())
        if key not in self._ready:
            self._ready[key] = Equations(self.params.system, values)
        return self._ready[key]

    @property
    def _names(self) -> list[str]:
        return [*self.params.system.states, *self.params.system.discrete]

    def _values(self, n: int) -> dict[Any, float]:
        """The parameters of a neuron."""
        count = self.params.count
        return {symbol: float(np.broadcast_to(each, count)[n]) for symbol, each in self.params.own_values.items()}

    def run(self, drive: Floats) -> tuple[dict[str, NDArray[Any]], list[Floats]]:
        """Advance many ticks; in continuous time, from event to event.

        Parameters
        ----------
        drive : ndarray of float, shape (ticks, count)
            Input of each tick, in the unit of ``params.drive_volts``.
        """
        params = self.params
        if not self.locate or params.system.noisy or self.ticks:
            return super().run(drive)
        h, ticks = params.dt, len(drive)
        ends = h * np.arange(1, ticks + 1, dtype=np.float64)
        trace: dict[str, NDArray[Any]] = {"spike": np.zeros(drive.shape, dtype=np.int64)}
        trace |= {name: np.empty(drive.shape) for name in params.outputs}
        if params.coupling is not None:
            return self._run_together(drive, ends, trace)
        times: list[Floats] = []
        known: dict[Any, Any] = {}
        given = params.inputs(drive)
        for n in range(params.count):
            key = tuple(self._values(n).values()), given[:, n].tobytes()
            if key not in known:
                cuts = np.append(np.flatnonzero(np.diff(given[:, n])), ticks - 1)
                inputs = [(float(ends[cut]), float(given[cut, n])) for cut in cuts]
                start = {name: float(self._state[name][n]) for name in self._names}
                known[key] = follow(self._equations(n), start, inputs, ends, longest=20 * h)
            made = known[key]
            for name in params.outputs:
                trace[name][:, n] = made.samples[name]
            self._count(trace["spike"][:, n], made.spikes)
            times.append(made.spikes)
            for name in self._names:
                self._state[name][n] = made.after[name]
        self.ticks += ticks
        self._show()
        return trace, times

    def _count(self, column: NDArray[Any], spikes: Floats) -> None:
        """Count the spikes of a neuron in each tick."""
        places = np.minimum(np.floor(spikes / self.params.dt).astype(int), len(column) - 1)
        np.add.at(column, places, 1)

    def _run_together(
        self, drive: Floats, ends: Floats, trace: dict[str, NDArray[Any]]
    ) -> tuple[dict[str, NDArray[Any]], list[Floats]]:
        """`run` for neurons that read each other."""
        given = self.params.inputs(drive)
        cuts = np.append(np.flatnonzero(np.diff(given, axis=0).any(axis=1)), len(drive) - 1)
        inputs = [(float(ends[cut]), given[cut]) for cut in cuts]
        made = self._together(inputs, ends, 20 * self.params.dt)
        for name in self.params.outputs:
            trace[name] = made.samples[name]
        for n, spikes in enumerate(made.spikes):
            self._count(trace["spike"][:, n], spikes)
        self.ticks += len(drive)
        self._show()
        return trace, made.spikes


def model_of(text: Model) -> NeuronModel[EquationParams]:
    """The neuron model of a text.

    Parameters
    ----------
    text : Model
        The model.
    """
    system = system_of(text)
    dumped = text.model_dump_json()
    options = make_dataclass(
        "Options",
        [(name, float, field(default=value)) for name, (_, value, _, _) in system.parameters.items()],
        frozen=True,
    )
    options.__doc__ = _options_doc(system)
    observed = (*text.outputs, *system.states)[0]
    variable = system.states.get(observed) or system.discrete[observed]

    def from_circuit(
        circuit: Any,
        *,
        count: int,
        dt: float,
        options: Any = None,
        spread: Variability | None = None,
        **words: Any,
    ) -> EquationParams:
        """Make the parameters of an array."""
        given = {} if options is None else {name: getattr(options, name) for name in system.parameters}
        values = tuple((name, float(value)) for name, value in given.items() if value != system.parameters[name][1])
        positive("dt", dt)
        check_tick(dumped, values, float(dt))
        return EquationParams(
            count=count,
            dt=dt,
            text=dumped,
            values=values,
            spread=spread or Variability(),
            membrane=words.get("membrane") or _format((variable.low, variable.high), text.state_bits),
            drive=words.get("drive") or _drive_format(system, dt, dict(values)),
            coefficient_bits=words.get("coefficient_bits") or text.factor_bits,
        )

    return NeuronModel(
        name=text.name,
        title=text.title or text.name,
        params=EquationParams,
        options=options,
        bit_true=EquationBitTrue,
        reference=EquationReference,
        spread=("parameters",),
        excitable=system.input is not None,
        behaviours=behaviours,
        from_circuit=from_circuit,
        own_tick=None if text.tick is None else quantity(text.tick, "s")[0],
        check_current=check_current,
        summary=summary,
        shadow=shadow,
        swing=swing,
        bound=bound,
        alone=alone,
        window=window,
        rate=rate,
        resized=resized,
        invariants=invariants,
    )


def _options_doc(system: System) -> str:
    lines = [f"Parameters of {system.model.name}.", "", "Parameters", "----------"]
    for name, (_, value, _, unit) in system.parameters.items():
        meaning = system.model.parameters[name].meaning or "a parameter of the model"
        lines += [
            f"{name} : float",
            f"    {meaning[:1].upper()}{meaning[1:]}{f', in {unit} or its SI unit' if unit else ''}; {value:g}.",
        ]
    return "\n".join(lines)


def check_current(params: EquationParams, current: Floats) -> None:
    """Check that an input is in the range that the model gives for it.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    current : ndarray of float, any shape
        Inputs, in ``params.input_unit``.

    Raises
    ------
    ValueError
        If one is not.
    """
    given = params.system.input
    if given is None:
        if np.any(current != 0):
            raise ValueError(f"{params.system.model.name} has no input")
        return
    low, high = float(np.min(current)), float(np.max(current))
    if low < given.low or high > given.high:
        raise ValueError(
            f"the input must be from {si(given.low, given.unit)} to {si(given.high, given.unit)}, the range of "
            f"{given.name}, not {si(low if low < given.low else high, given.unit)}"
        )


def summary(params: EquationParams) -> list[tuple[str, str]]:
    """Describe the array for a reader.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    """
    quantised, tick = params.quantised, params.step_of_time
    kinds = {change.name: change.kind for change in tick.changes}
    rows = [
        ("equations", f"{counted(len(tick.system.states), 'state')}, {counted(len(tick.system.events), 'event')}"),
        ("one tick", si(params.dt, "s")),
        ("method", ", ".join(f"{name} {kind}" for name, kind in kinds.items()) + f"; order {tick.order}"),
        (
            "tables",
            f"{len(quantised.tables)}, of up to {max((t.entries for t in quantised.tables), default=0)} entries",
        ),
        ("words", f"states {params.membrane.width} bits, factors up to {params.coefficient_bits} bits"),
    ]
    if params.coupling is not None:
        assert tick.system.model.coupling is not None
        edges = "all to all" if params.coupling.topology == "all_to_all" else f"{len(params.coupling.pairs)} edges"
        rows.append((f"neighbours ({tick.system.model.coupling.name})", f"{params.coupling.topology}, {edges}"))
    return rows


def _before(params: EquationParams, trace: Mapping[str, Integers]) -> dict[str, Integers]:
    """The words before each tick."""
    return {
        name: np.vstack([params.initial[name][None], trace[name][:-1]]) if name in trace else params.initial[name]
        for name in params.quantised.state
    }


def shadow(params: EquationParams, drive: Floats, trace: dict[str, Integers]) -> Floats:
    """The first output one tick after each bit-true state, by the float formulas.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in the unit of ``params.drive_volts``.
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Run of the bit-true model.
    """
    before = _before(params, trace)
    state: dict[str, Any] = {name: params.real(name, column) for name, column in before.items()}
    given = params.inputs(drive)
    made = np.empty(drive.shape)
    if params.quantised.noisy:
        state["noise"] = noise.states(params.seed, trace["noise"])  # integers
    for tick, row in enumerate(given):
        old = {name: column[tick] for name, column in state.items()}
        after, _ = params.float_tick.step(old, row, *params.pulls(old))
        made[tick] = after[params.outputs[0]]
    low, high = params.observed_range
    return np.clip(made, low, high)


def swing(params: EquationParams, drive: Floats, membrane: Floats) -> float:
    """Not used by `bound`.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    drive, membrane : ndarray of float, shape (ticks, count)
        Input, and result of `shadow`.
    """
    return 0.0


def bound(params: EquationParams, swing: float) -> Bound:
    """Largest distance of the first output from the float formulas, after one tick from the same state.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    swing : float
        Not used.
    """
    return Bound(params.quantised.errors.get(params.outputs[0], 0.0), 0.0, 0.0)


def alone(params: EquationParams, count: int) -> EquationParams:
    """Parameters of equal neurons.

    Parameters
    ----------
    params : EquationParams
        Parameters of an array.
    count : int
        Neurons of the new array.
    """
    text = json.loads(params.text)
    for each in text["parameters"].values():
        each["spread"] = 0
    same = Model.model_validate_json(json.dumps(text)).model_dump_json()
    # Of measured devices, the mean.
    values = tuple((name, float(np.mean(value))) for name, value in params.values)
    drive = _drive_format(_read(same), params.dt, dict(values))
    word = Format(drive.int_bits, params.drive.width - drive.int_bits)
    spread = replace(params.spread, parameters=())
    return replace(params, count=count, coupling=None, text=same, values=values, drive=word, spread=spread, starts=())


def behaviours(params: EquationParams) -> tuple[Behaviour, ...]:
    """The firing behaviours that the file of a model names.

    Parameters
    ----------
    params : EquationParams
        Parameters of an array.
    """
    system, given, made = params.system, params.system.input, []
    units = {name: unit for name, (*_, unit) in system.parameters.items()}
    for name, pattern in system.model.behaviours.items():
        assert given is not None  # checked when the model was read
        one = alone(params, 1)
        values = dict(one.values) | pattern_values(pattern, units)
        drive = _drive_format(one.system, params.dt, values)
        word = Format(drive.int_bits, params.drive.width - drive.int_bits)
        shown, wanted = SHOWN[pattern.shows]
        made.append(
            Behaviour(
                name=name,
                params=replace(one, values=tuple(values.items()), drive=word),
                current=pattern_input(stretches(pattern, given.unit, given.low, given.high), params.dt),
                shown=shown,
                wanted=wanted,
            )
        )
    return tuple(made)


def rate(params: EquationParams, current: Floats) -> Floats:
    """Firing rate under constant inputs, by the float formulas.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array; spread is ignored.
    current : ndarray of float, any shape
        Inputs, in ``params.input_unit``.
    """
    flat = np.ravel(np.asarray(current, dtype=np.float64))
    same = alone(params, len(flat))
    state = same.float_tick.start(len(flat))
    ticks = 20_000
    first, last = np.full(len(flat), np.nan), np.full(len(flat), np.nan)
    spikes = np.zeros(len(flat), dtype=int)
    for tick in range(ticks):
        state, spike = same.float_tick.step(state, flat)
        if tick > ticks // 4:
            first = np.where(spike & np.isnan(first), tick, first)
            last = np.where(spike, tick, last)
            spikes += spike
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (spikes - 1) / ((last - first) * params.dt)
    return np.where((spikes > 2) & np.isfinite(found), found, 0.0).reshape(np.shape(current))


@lru_cache(maxsize=16)
def window(params: EquationParams) -> tuple[float, float]:
    """Inputs under which a neuron fires repeatedly, by simulation.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array; spread is ignored.
    """
    given = params.system.input
    if given is None:
        return 0.0, 0.0
    grid = np.linspace(given.low, given.high, 41)
    fires = np.flatnonzero(rate(params, grid) > 0)
    return (float(grid[fires[0]]), float(grid[fires[-1]])) if len(fires) else (0.0, 0.0)


def resized(params: EquationParams, *, fraction: int, coefficient: int, drive: int) -> EquationParams:
    """The same neurons with other word lengths.

    Parameters
    ----------
    params : EquationParams
        Parameters of the array.
    fraction : int
        Fraction bits of the first output.
    coefficient : int
        Most bits of a factor.
    drive : int
        Not used: the input has the bits of `params`.
    """
    return replace(
        params, membrane=Format(params.membrane.int_bits, fraction), coefficient_bits=min(max(coefficient, 12), 25)
    )


def invariants(raw: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """Every word is within its range.

    Parameters
    ----------
    raw : named tuple
        Tables and ranges.
    state : mapping of str
        Each field of the state.
    """
    made = {}
    for name, value in state.items():
        if name == "noise":
            made["the noise is not 0"] = value >= 1
            continue
        low, high = getattr(raw, f"{name}_range")
        made[f"{name} is from {low} to {high}"] = (value >= low) & (value <= high)
    return made
