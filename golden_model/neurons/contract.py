"""The contract of a neuron model: everything that the rest of Neuristor needs of it.

A model is a module of this package that defines one `NeuronModel`. Its circuit is a module of ``neuristor.hdl.neurons``
that defines one ``neuristor.hdl.neurons.Neuron`` with this model. The registry in ``neuristor.hdl.neurons.registry`` is
the only place that lists the models.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons.behaviour import Behaviour
from neuristor.golden_model.neurons.model import BitTrueModel, Bound, NeuronParams, ReferenceModel
from neuristor.golden_model.variability import Variability

__all__ = ["FromCircuit", "NeuronModel", "Resized", "SuggestedTick"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
P = TypeVar("P", bound=NeuronParams)
P_co = TypeVar("P_co", bound=NeuronParams, covariant=True)
P_contra = TypeVar("P_contra", bound=NeuronParams, contravariant=True)


class FromCircuit(Protocol[P_co]):
    """Function that makes the parameters of an array from a device in its circuit.

    Parameters
    ----------
    *args, **kwargs
        Those of the function that implements the protocol.
    """

    def __call__(
        self,
        circuit: Any,
        *,
        count: int,
        dt: float,
        options: Any = None,
        spread: Variability | None = None,
        **words: Any,
    ) -> P_co:
        """Make the parameters of an array.

        A ``ValueError``, ``TypeError`` or ``OverflowError`` is raised if a value is outside its range; the message
        names it.

        Parameters
        ----------
        circuit : NeuronModel.circuit
            The device in its circuit; None for a model without one.
        count : int
            Neurons of the array, 1 to 65,536.
        dt : float
            Time step (tick), in second, above 0.
        options : NeuronModel.options, optional
            Keys of the model; their defaults when absent.
        spread : Variability, optional
            Spread and noise of the devices; none when absent.
        **words
            Word lengths, as in `NeuronParams`: `membrane` and `drive` (`Format`), `coefficient_bits` (int). The
            model's defaults when absent.

        Returns
        -------
        NeuronModel.params
            The parameters.
        """


class Resized(Protocol[P]):
    """Function that changes the word lengths of neurons.

    Parameters
    ----------
    *args, **kwargs
        Those of the function that implements the protocol.
    """

    def __call__(self, params: P, /, *, fraction: int, coefficient: int, drive: int) -> P:
        """The same neurons with other word lengths.

        A ``ValueError`` or ``OverflowError`` is raised if words of these lengths cannot represent the neurons.

        Parameters
        ----------
        params : NeuronParams
            Parameters of the array.
        fraction : int
            Fraction bits of the membrane word.
        coefficient : int
            Significant bits of the coefficients.
        drive : int
            Fraction bits of the input word. A model may limit them, or set them equal to those of the membrane.

        Returns
        -------
        NeuronParams
            Parameters of the same class.
        """


class SuggestedTick(Protocol):
    """Function that proposes a time step.

    Parameters
    ----------
    *args, **kwargs
        Those of the function that implements the protocol.
    """

    def __call__(self, circuit: Any, /) -> tuple[float, str]:
        """A time step for a circuit, and the reason for it.

        Parameters
        ----------
        circuit : NeuronModel.circuit
            The device in its circuit.

        Returns
        -------
        tick : float
            Time step, in second.
        reason : str
            How it was found, such as ``1/50 of the membrane time constant``.
        """


def _no_invariants(raw: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """No invariants.

    Parameters
    ----------
    raw : named tuple
        Integers of the parameters.
    state : mapping of str
        Each field of the state.
    """
    return {}


def _no_laws(raw: Any, state: Mapping[str, Any], spike: Any) -> dict[str, Any]:
    """No laws.

    Parameters
    ----------
    raw : named tuple
        Integers of the parameters.
    state : mapping of str
        Each field of the state before the tick.
    spike
        Whether the neuron fires.
    """
    return {}


def _no_behaviours(params: Any) -> tuple[Behaviour, ...]:
    """No firing behaviours.

    Parameters
    ----------
    params : NeuronParams
        Parameters of an array.
    """
    return ()


def _no_levels(params: Any) -> tuple[int, ...]:
    """No input words besides the ends of the range and zero.

    Parameters
    ----------
    params : NeuronParams
        Parameters of an array.
    """
    return ()


def _no_advice(params: Any) -> tuple[str, ...]:
    """No options that make the circuit smaller.

    Parameters
    ----------
    params : NeuronParams
        Parameters of an array.
    """
    return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronModel(Generic[P]):
    """A neuron model: its classes and functions, by the names under which the rest of Neuristor uses them.

    `P` is the class of its parameters, a subclass of `NeuronParams`. Of the callables, the arguments that are not
    described are `params`, an object of this class, and `raw`, its property ``params.raw``. Where currents are in
    ampere, a model may have inputs of another unit, as its ``params.drive_volts`` says.

    Parameters
    ----------
    name : str
        Name in design files, as in ``[neuron] model``: a Python identifier.
    title : str
        The model in one line, for a reader.
    params : type
        Parameters of an array: a subclass of `NeuronParams`, a frozen dataclass.
    options : type
        Dataclass of the keys that the model adds to the section ``[neuron]``. Its docstring must have an entry
        ``key : type`` for each key, with unit and range: the table of all keys is made from it.
    circuit : type, optional
        Dataclass of the circuit around the device. Its field ``device`` is a two-state switch; its other fields are
        the keys of the section ``[circuit]``, documented as in `options`. None for a model without a device.
    bit_true : type
        Subclass of `BitTrueModel`: the specification of the circuit. Its ``tick`` is the step function.
    reference : type
        Subclass of `ReferenceModel`: the same array in float64.
    spread : tuple of str
        The fields of `Variability`, without ``seed``, that the model accepts.
    excitable : bool
        True: the neuron fires only when driven, and its circuit must be silent without input. False: it may fire
        without input.
    from_circuit : FromCircuit
        Makes the parameters of an array.
    suggested_tick : SuggestedTick, optional
        Proposes a time step; None if the time step must be given.
    own_tick : float, optional
        Time step that is used where none is given, in second; None if it must be given.
    check_current : callable
        ``check_current(params, current)`` raises ``ValueError`` if the input (in ampere, shape (frames, count)) cannot
        be used, for example because no neuron can fire under it.
    summary : callable
        ``summary(params)`` returns a description of the array for a reader: a list of (label, value) pairs.
    shadow : callable
        ``shadow(params, drive, trace)`` returns the float membrane in volt after each tick, shape (ticks, count), to
        which `bound` refers: with the spikes of the bit-true `trace` imposed (mapping of state fields to arrays of
        that shape), under the input `drive`, of the same shape, in the unit of ``params.drive_volts``.
    swing : callable
        ``swing(params, drive, membrane)`` returns the number that `bound` needs, a largest voltage of this run, in
        volt, from the input and the result of `shadow`.
    bound : callable
        ``bound(params, swing)`` returns the largest distance of the bit-true membrane from the result of `shadow`, by
        cause, in volt.
    alone : callable
        ``alone(params, count)`` returns parameters of `count` equal neurons: without spread, noise, faults and
        coupling.
    window : callable
        ``window(params)`` returns the lowest and the highest constant input, in ampere, under which a neuron fires
        repeatedly.
    rate : callable
        ``rate(params, current)`` returns firing rates in hertz under constant inputs in ampere, both of shape (n,), in
        continuous time or simulated in short steps.
    resized : Resized
        Changes the word lengths.
    invariants : callable
        ``invariants(raw, state)`` returns invariants of the state, claims by their text: each holds after reset, and
        after a tick if all hold before it. `state` maps each field of the state to a value. The values are integers,
        arrays or symbolic: claims must use operators that all of them have. The circuit is proved under them.
    laws : callable
        ``laws(raw, state, spike)`` returns claims about a tick from a state in which the invariants hold, by their
        text. `spike` is whether the neuron fires in this tick. Proved with the circuit.
    coupled_step : callable, optional
        The step function with one more argument at its end: the sum of the differences to the neighbours. None for a
        model without coupling.
    behaviours : callable
        ``behaviours(params)`` returns the firing behaviours that `neuristor gallery` shows, a tuple of `Behaviour`.
    not_reproduced : mapping of str to str
        Published behaviours that the model does not show, and what was tried.
    protocol : callable, optional
        ``protocol(params)`` returns the input for ``[stimulus] source = "protocol"``, in ampere, shape (ticks, count).
        None for a model without one.
    input_levels : callable
        ``input_levels(params)`` returns input words, integers on the grid of ``params.drive``, at which an update is
        near a comparison or near an end of its word. Benches apply them and the words next to them, within the range
        of the word.
    smaller : callable
        ``smaller(params)`` returns options that would make the circuit smaller, a tuple of str for a reader.

    Raises
    ------
    ValueError
        If `name` is not an identifier, or `spread` names a field that `Variability` does not have.
    TypeError
        If `params`, `bit_true` or `reference` is not a subclass as above, or a callable is none.
    """

    name: str
    title: str
    params: type[P]
    options: type[Any]
    circuit: type[Any] | None = None
    bit_true: type[BitTrueModel]
    reference: type[ReferenceModel]
    spread: tuple[str, ...]
    excitable: bool
    from_circuit: FromCircuit[P]
    suggested_tick: SuggestedTick | None = None
    own_tick: float | None = None
    check_current: Callable[[P, Floats], None]
    summary: Callable[[P], list[tuple[str, str]]]
    shadow: Callable[[P, Floats, dict[str, Integers]], Floats]
    swing: Callable[[P, Floats, Floats], float]
    bound: Callable[[P, float], Bound]
    alone: Callable[[P, int], P]
    window: Callable[[P], tuple[float, float]]
    rate: Callable[[P, Floats], Floats]
    resized: Resized[P]
    invariants: Callable[[Any, Mapping[str, Any]], dict[str, Any]] = _no_invariants
    laws: Callable[[Any, Mapping[str, Any], Any], dict[str, Any]] = _no_laws
    coupled_step: Callable[..., Any] | None = None
    behaviours: Callable[[P], tuple[Behaviour, ...]] = _no_behaviours
    not_reproduced: Mapping[str, str] = field(default_factory=dict)
    protocol: Callable[[P], Floats] | None = None
    input_levels: Callable[[P], Any] = _no_levels
    smaller: Callable[[P], tuple[str, ...]] = _no_advice

    @property
    def circuit_keys(self) -> frozenset[str]:
        """The keys of the section ``[circuit]``."""
        return (
            frozenset() if self.circuit is None else frozenset(each.name for each in fields(self.circuit)) - {"device"}
        )

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError(f"name must be a Python identifier, not {self.name!r}")
        for name, base in (("params", NeuronParams), ("bit_true", BitTrueModel), ("reference", ReferenceModel)):
            kind = getattr(self, name)
            if not inspect.isclass(kind) or not issubclass(kind, base):
                raise TypeError(f"{name} must be a subclass of {base.__name__}, not {kind!r}")
        known = {each.name for each in fields(Variability)} - {"seed"}
        if not set(self.spread) <= known:
            raise ValueError(
                f"spread must name fields of Variability ({', '.join(sorted(known))}), not {self.spread!r}"
            )
        optional = {"circuit", "suggested_tick", "coupled_step", "protocol"}
        data = {"name", "title", "spread", "excitable", "not_reproduced", "own_tick"}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in data and not callable(value) and not (value is None and each.name in optional):
                raise TypeError(f"{each.name} must be callable, not {value!r}")
