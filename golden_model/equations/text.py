"""A model as text: the parts of a model file, or the same as Python objects. ``system.read`` makes a `System` of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neuristor.golden_model.equations.brian import brian_parts

__all__ = ["Coupled", "Discrete", "Event", "Input", "Model", "Parameter", "Pattern", "State", "Text"]

Text = str | float | int


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Parameter(_Part):
    """A constant of the device or its circuit; a value alone stands for a parameter with nothing else."""

    value: Text = Field(description="value with its unit, such as '12 kohm'; a plain number has none")
    meaning: str = Field("", description="what it is")
    source: str = Field("", description="paper and place of the value; without one it is not verified")
    spread: Text = Field(0, description="standard deviation from device to device, as a fraction or in percent")

    @model_validator(mode="before")
    @classmethod
    def _from_value(cls, given: Any) -> Any:
        return given if isinstance(given, dict | Parameter) else {"value": given}


class State(_Part):
    """A quantity that follows a derivative."""

    unit: str = Field("1", description="unit, such as V; 1 for a number without one")
    start: Text = Field(
        0, description="value after reset: with its unit, or a formula of parameters and states before it"
    )
    range: tuple[Text, Text] = Field(
        description="lowest and highest value: numbers with units, or formulas of parameters"
    )
    meaning: str = Field("", description="what it is")


class Discrete(_Part):
    """A value that only events change."""

    unit: str = Field("1", description="unit; 1 for a number without one")
    start: Text = Field(0, description="value after reset: with its unit, or a formula of parameters and states")
    values: tuple[int, ...] | None = Field(None, description="all values, if they are few integers")
    range: tuple[Text, Text] | None = Field(None, description="lowest and highest value otherwise")
    meaning: str = Field("", description="what it is")


class Input(_Part):
    """What drives a neuron."""

    name: str = Field("i", description="its name in the equations")
    unit: str = Field("A", description="A, V, W or K")
    range: tuple[Text, Text] = Field(description="lowest and highest value, with their unit")
    usual: Text = Field(0, description="a constant input under which the neuron fires, for checks and pictures")
    meaning: str = Field("", description="what it is")


class Coupled(_Part):
    """What the neighbours of a neuron in an array add to it: the sum of value * (theirs - its own) over its edges."""

    name: str = Field(description="its name in the equations, such as heat")
    reads: str = Field(description="the state that an edge reads at both of its ends, such as T")
    unit: str = Field(description="unit of the sum, such as W; that of the value of an edge follows, such as W/K")
    meaning: str = Field("", description="what it is")


class Event(_Part):
    """Something that happens at an instant."""

    when: str | None = Field(
        None, description="condition that becomes true, such as 'v > v_th and metallic == 0'; dT/dt may stand in it"
    )
    rate: str | None = Field(None, description="instead: mean number of such events in a second, for random ones")
    do: tuple[str, ...] = Field(
        (), description="assignments such as 'v = v_reset'; all use the values before the event"
    )
    spike: bool = Field(False, description="whether it is a spike")
    locate: bool | None = Field(
        None, description="whether its time within a tick is found; by default where it matters"
    )
    name: str = Field("", description="its name in reports")


class Pattern(_Part):
    """A firing behaviour: an input that evokes it, and what is then seen."""

    input: tuple[tuple[Text, Text], ...] = Field(
        description="stretches of a constant input: how long, and how much, such as ['10 ms', '5 nA']"
    )
    shows: str = Field(description="what the spikes are, such as silence, one spike or bursts")
    parameters: dict[str, Text] = Field(default_factory=dict, description="parameters that differ from the model's")
    source: str = Field("", description="paper and place")


class Model(_Part):
    """A model as text."""

    name: str = Field(description="name in design files: a Python identifier")
    title: str = Field("", description="the model in one line")
    sources: tuple[str, ...] = Field((), description="papers")
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    states: dict[str, State] = Field(description="at least one")
    discrete: dict[str, Discrete] = Field(default_factory=dict)
    input: Input | None = None
    coupling: Coupled | None = None
    equations: str = Field(
        "",
        description="lines 'dv/dt = ...' for each state, 'name = ...' for shared parts, 'f(x) = ...' for functions",
    )
    netlist: str = Field(
        "", description="a circuit, as a shorter way to write its equations: lines such as 'R1 supply a 20*kohm'"
    )
    events: tuple[Event, ...] = ()
    behaviours: dict[str, Pattern] = Field(default_factory=dict, description="what `neuristor gallery` shows")
    outputs: tuple[str, ...] = Field((), description="states that are recorded, the most interesting one first")
    tick: Text | None = Field(None, description="time step, such as '20 ns'; by default it is found")
    state_bits: int = Field(24, ge=12, le=32, description="bits of the word of a state, 12 to 32")
    factor_bits: int = Field(18, ge=12, le=25, description="most bits of a factor of a product, 12 to 25")
    method: str = Field("auto", description="how a tick is computed: auto, or euler as some papers define it")

    @classmethod
    def from_brian2(
        cls,
        equations: str,
        threshold: str | None = None,
        reset: str = "",
        *,
        ranges: Mapping[str, tuple[Any, Any]],
        namespace: Mapping[str, Any] = MappingProxyType({}),
        refractory: Any = None,
        given: str | None = None,
        start: Mapping[str, Any] = MappingProxyType({}),
        name: str = "from_brian2",
        tick: Text | None = None,
    ) -> Model:
        """A model from what Brian2's users have.

        Parameters
        ----------
        equations : str
            Equations in the notation of Brian2, with their units.
        threshold, reset : str
            Condition of a spike, and what happens then.
        ranges : mapping of str to tuple
            Lowest and highest value of each state, and of the input; Brian2 does not need them.
        namespace : mapping
            Values of all other names: quantities of Brian2, texts such as ``10 ms``, or numbers.
        refractory : quantity, optional
            Refractory period.
        given : str, optional
            The parameter of the equations that is the input.
        start : mapping
            Values of states after reset; 0 by default.
        name : str
            Name of the model.
        tick : str, optional
            Time step, such as ``0.1 ms``.

        Returns
        -------
        Model
            The model. What it lacks, and what Brian2 has and this has not, is an `EquationError`.
        """
        parts = brian_parts(
            equations,
            name=name,
            threshold=threshold,
            reset=reset,
            refractory=refractory,
            namespace=namespace,
            ranges=ranges,
            given=given,
            start=start,
        )
        return cls.model_validate({**parts, "tick": tick})

    def driven_by(self, parameter: str, unit: str, low: float, high: float) -> Model:
        """The same model with a parameter that changes with time: it is the input, in place of the usual one.

        What has no time, such as starts and ranges of states, keeps the value of the parameter. The input that the
        model had stays at its `usual` value.

        Parameters
        ----------
        parameter : str
            Its name.
        unit : str
            SI unit of the parameter.
        low, high : float
            Its range, in that unit.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        ValueError
            If the model has no such parameter.
        """
        if parameter not in self.parameters:
            raise ValueError(
                f"parameter must be one of the model {self.name}, not {parameter!r}: it has "
                f"{', '.join(self.parameters)}"
            )
        given = f"{parameter}_now"
        name = re.compile(rf"\b{re.escape(parameter)}\b")

        def timed(text: str | None) -> str | None:
            return None if text is None else name.sub(given, text)

        changed: dict[str, Any] = {
            "equations": timed(self.equations),
            "netlist": timed(self.netlist),
            "events": tuple(
                {
                    **each.model_dump(),
                    "when": timed(each.when),
                    "rate": timed(each.rate),
                    "do": tuple(map(timed, each.do)),
                }
                for each in self.events
            ),
            "input": {
                "name": given,
                "unit": unit,
                "range": (f"{low!r} {unit}", f"{high!r} {unit}"),
                "usual": self.parameters[parameter].value,
                "meaning": self.parameters[parameter].meaning,
            },
            "behaviours": {},
        }
        parameters = {each: value.model_dump() for each, value in self.parameters.items()}
        if self.input is not None:
            usual = self.input.usual
            value = usual if isinstance(usual, str) else f"{usual} {self.input.unit}"
            parameters[self.input.name] = {"value": value, "meaning": self.input.meaning}
        return Model.model_validate({**self.model_dump(), **changed, "parameters": parameters})
