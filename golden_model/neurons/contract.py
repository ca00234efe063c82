"""The contract of a neuron model: everything that other parts of Neuristor ask of it.

A model is one file that ends in one `NeuronModel`. Its circuit stands in ``neuristor.hdl.neurons`` and names this
object; nothing else knows which models there are.
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
    """Makes the parameters of an array from a device in its circuit."""

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
        """The parameters of an array.

        Parameters
        ----------
        circuit : NeuronModel.circuit
            The device in its circuit; None for a model without one.
        count : int
            Neurons.
        dt : float
            Time step (tick), in second.
        options : NeuronModel.options, optional
            Keys of the model's own; its defaults when absent.
        spread : Variability, optional
            How the devices differ; not at all when absent.
        **words
            `membrane`, `drive` and `coefficient_bits`; the model's own when absent.

        Raises
        ------
        ValueError, TypeError, OverflowError
            If a value is outside its range.
        """


class Resized(Protocol[P]):
    """Makes the same neurons with other word lengths."""

    def __call__(self, params: P, /, *, fraction: int, coefficient: int, drive: int) -> P:
        """The same neurons with other word lengths.

        Parameters
        ----------
        params : NeuronParams
        fraction : int
            Fraction bits of the membrane.
        coefficient : int
            Significant bits of the coefficients.
        drive : int
            Fraction bits of the input, where the model has them apart from those of the membrane.

        Raises
        ------
        ValueError, OverflowError
            If such words cannot hold the neurons.
        """


class SuggestedTick(Protocol):
    """Proposes a time step."""

    def __call__(self, circuit: Any, /) -> tuple[float, str]:
        """A time step for a circuit, and why.

        Parameters
        ----------
        circuit : NeuronModel.circuit

        Returns
        -------
        float
            In second.
        str
            Such as ``1/50 of the membrane time constant``.
        """


def _nothing(raw: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _no_laws(raw: Any, state: Mapping[str, Any], spike: Any) -> dict[str, Any]:
    return {}


def _no_behaviours(params: Any) -> tuple[Behaviour, ...]:
    return ()


def _no_levels(params: Any) -> tuple[int, ...]:
    return ()


def _no_advice(params: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronModel(Generic[P]):
    """A neuron model: its classes and functions, under the names by which everything else asks for them.

    Here `P` is the class of its parameters. The step function belongs to `bit_true` (``tick``).

    Parameters
    ----------
    name : str
        As in ``[neuron] model``: a Python identifier.
    title : str
        One line for a reader.
    params : type
        Parameters of an array, a frozen dataclass.
    options : type
        Dataclass of the model's own keys in the section ``[neuron]``; its docstring gives unit and range of each.
    circuit : type, optional
        Dataclass of the circuit it is made of (its field ``device`` is a two-state switch), whose other fields are the
        keys of the section ``[circuit]``. None for a model without a device.
    bit_true : type
        The specification of the circuit.
    reference : type
        The same array in float64.
    spread : tuple of str
        The fields of `Variability` it has.
    excitable : bool
        True: fires only when driven, so its circuit must be silent without input. False: may fire by itself.
    from_circuit : callable
        Makes its parameters.
    suggested_tick : callable, optional
        Proposes a time step; None for a model that needs a published one.
    check_current : callable
        ``check_current(params, current)`` raises ValueError for an input (in ampere, shape (frames, count)) that can
        make no neuron fire.
    summary : callable
        ``summary(params)``: what the array is, as (label, value) pairs for a reader.
    shadow : callable
        ``shadow(params, drive, trace)``: float membrane in volt, shape (ticks, count), with the spikes of the bit-true
        `trace` imposed, under the input `drive` in volt.
    swing : callable
        ``swing(params, drive, membrane)``: largest distance between input and membrane, in volt.
    bound : callable
        ``bound(params, swing)``: largest distance of bit-true and float membrane, by cause.
    alone : callable
        ``alone(params, count)``: `count` of the neurons, without spread, faults and coupling.
    window : callable
        ``window(params)``: lowest and highest input, in ampere, at which a neuron fires repeatedly.
    rate : callable
        ``rate(params, current)``: firing rates in hertz under constant inputs in ampere, in continuous time.
    resized : callable
        Makes the same neurons with other word lengths.
    invariants : callable
        ``invariants(raw, state)``: what holds of every state that a state of this kind leads to, by text; `state` has
        the fields by name. Proved with the circuit.
    laws : callable
        ``laws(raw, state, spike)``: what holds of every tick from such a state, by text.
    coupled_step : callable, optional
        The step with one more argument at its end: the sum of the differences to the neighbours. None for a model
        without coupling.
    behaviours : callable
        ``behaviours(params)``: firing behaviours for the gallery.
    not_reproduced : mapping of str to str
        Published behaviours that the model lacks, and what was tried.
    protocol : callable, optional
        ``protocol(params)``: input in ampere, shape (ticks, count), of ``[stimulus] source = "protocol"``.
    input_levels : callable
        ``input_levels(params)``: words of the input at which an update is near a comparison or an end of its word.
        Benches apply them and their neighbours.
    smaller : callable
        ``smaller(params)``: options that make the circuit smaller, for a reader.

    Raises
    ------
    TypeError, ValueError
        If a part is of the wrong kind; the message names it.
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
    check_current: Callable[[P, Floats], None]
    summary: Callable[[P], list[tuple[str, str]]]
    shadow: Callable[[P, Floats, dict[str, Integers]], Floats]
    swing: Callable[[P, Floats, Floats], float]
    bound: Callable[[P, float], Bound]
    alone: Callable[[P, int], P]
    window: Callable[[P], tuple[float, float]]
    rate: Callable[[P, Floats], Floats]
    resized: Resized[P]
    invariants: Callable[[Any, Mapping[str, Any]], dict[str, Any]] = _nothing
    laws: Callable[[Any, Mapping[str, Any], Any], dict[str, Any]] = _no_laws
    coupled_step: Callable[..., Any] | None = None
    behaviours: Callable[[P], tuple[Behaviour, ...]] = _no_behaviours
    not_reproduced: Mapping[str, str] = field(default_factory=dict)
    protocol: Callable[[P], Floats] | None = None
    input_levels: Callable[[P], Any] = _no_levels
    smaller: Callable[[P], tuple[str, ...]] = _no_advice

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
        data = {"name", "title", "spread", "excitable", "not_reproduced"}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in data and not callable(value) and not (value is None and each.name in optional):
                raise TypeError(f"{each.name} must be callable, not {value!r}")
