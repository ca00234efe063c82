"""A model as a hybrid system: continuous states with derivatives, discrete values, and events that change both.

Between events the states follow their derivatives. An event happens when its guard becomes true while its condition
holds; its assignments all use the values before it. A model is written as text (``text.Model``), in a TOML file or in
Python, and read into a `System` of SymPy expressions, with every dimension checked.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import sympy

from neuristor.golden_model.equations.behaviours import SHOWN, pattern_values, stretches
from neuristor.golden_model.equations.expressions import (
    CONSTANTS,
    FUNCTIONS,
    EquationError,
    Function,
    Known,
    Scope,
    choose,
    formula,
    least,
    most,
)
from neuristor.golden_model.equations.netlist import netlist
from neuristor.golden_model.equations.text import Discrete, Event, Model, State, Text
from neuristor.golden_model.equations.units import NONE, Dimension, quantity, unit

__all__ = [
    "PULL",
    "RAND",
    "RANDN",
    "System",
    "SystemEvent",
    "Variable",
    "read",
    "start_of",
]

MOST_EQUATIONS = 64 * 1024
"""Longest text of equations."""
MOST_NAMES = 200
"""Most parameters, states, definitions and events."""
RESERVED = frozenset(
    ("t", "dt", "xi", "rand", "randn", "spike", "saturated", "noise", "drive", "lag", "raw", "state", "pull")
)
"""Names that mean something else."""

PULL = sympy.Symbol("pull", real=True)


def start_of(name: str) -> Any:
    """The symbol of the value after reset of a state or a discrete value that has its own in each neuron.

    Parameters
    ----------
    name : str
        Its name.
    """
    return sympy.Symbol(f"start of {name}", real=True)


"""Sum of the weighted differences to the neighbours."""
RAND, RANDN = (sympy.Symbol(name, real=True) for name in ("rand", "randn"))
"""What stands for a uniform and for a normal random number in an assignment."""


@dataclass(frozen=True)
class Variable:
    """A state, a discrete value or the input of a `System`.

    Parameters
    ----------
    name : str
        Its name in the equations.
    symbol : sympy.Expr
        What stands for it in expressions.
    unit : str
        Unit of its value, for people.
    low : float
        Lowest value, in the SI unit.
    high : float
        Highest value, in the SI unit.
    start : sympy.Expr
        Value after reset: an expression of parameters, and of states before it; of an input, its usual value.
    values : tuple of int, optional
        All values of a discrete one that has few.
    meaning : str
        What it is, for people.
    """

    name: str
    symbol: Any
    unit: str
    low: float
    high: float
    start: Any = None
    values: tuple[int, ...] | None = None
    meaning: str = ""


@dataclass(frozen=True)
class SystemEvent:
    """An event of a `System`.

    Parameters
    ----------
    name : str
        Its name in reports.
    guard : sympy.Expr
        It happens when this becomes positive; None for a random event.
    condition : sympy.Expr
        Of discrete values only; it must hold.
    rate : sympy.Expr
        Rate of a random event, in hertz; else None.
    assignments : mapping of str to sympy.Expr
        What it changes; all use the values before the event.
    spike : bool
        Whether it is a spike.
    locate : bool, optional
        Whether its time within a tick is found; None if the model does not say.
    """

    name: str
    guard: Any
    condition: Any
    rate: Any
    assignments: Mapping[str, Any]
    spike: bool
    locate: bool | None


@dataclass(frozen=True)
class System:
    """A model as expressions.

    Parameters
    ----------
    model : Model
        The text.
    parameters : mapping of str to tuple[Any, float, float, str]
        Symbol, value in SI units, relative spread, and unit for people, of each parameter.
    states : mapping of str to Variable
        The continuous states, by name.
    discrete : mapping of str to Variable
        The values that only events change, by name.
    input : Variable, optional
        What drives a neuron, if anything does.
    derivatives : mapping of str to sympy.Expr
        Of each state, per second, without noise.
    noise : mapping of str to sympy.Expr
        Factor of white noise in each derivative that has any.
    definitions : mapping of str to sympy.Expr
        Named parts of the equations.
    events : tuple of SystemEvent
        What happens at instants, in the order of the text.
    rates : mapping of str to sympy.Expr
        Symbols that stand for the derivatives in guards, by state.
    shared : sympy.Expr, optional
        Symbol of what neighbours add, until `joined` or `alone` replaces it.
    pull : Variable, optional
        In an array with neighbours: the sum of weighted differences of the state ``model.coupling.reads``.
    """

    model: Model
    parameters: Mapping[str, tuple[Any, float, float, str]]
    states: Mapping[str, Variable]
    discrete: Mapping[str, Variable]
    input: Variable | None
    derivatives: Mapping[str, Any]
    noise: Mapping[str, Any]
    definitions: Mapping[str, Any]
    events: tuple[SystemEvent, ...]
    rates: Mapping[str, Any] = field(default_factory=dict)
    shared: Any = None
    pull: Variable | None = None

    def joined(self, strength: float, load: float) -> System:
        """The system of a neuron in an array with neighbours.

        Parameters
        ----------
        strength : float
            Value of the strongest edge, in the SI unit of the model.
        load : float
            Largest sum of weights of a neuron, where the strongest edge has the weight 1.
        """
        assert self.model.coupling is not None
        reads = self.states[self.model.coupling.reads]
        reach = load * (reads.high - reads.low)
        pull = Variable(PULL.name, PULL, reads.unit, -reach, reach)
        return replace(self._with_shared(sympy.Float(strength) * PULL), pull=pull)

    def begun(self, names: Iterable[str]) -> System:
        """The system with symbols for the starts of some states and discrete values; see `start_of`.

        Parameters
        ----------
        names : iterable of str
            Names of states and discrete values.
        """

        def made(each: Mapping[str, Variable]) -> dict[str, Variable]:
            return {name: replace(v, start=start_of(name)) if name in chosen else v for name, v in each.items()}

        chosen = set(names)
        return replace(self, states=made(self.states), discrete=made(self.discrete)) if chosen else self

    def alone(self) -> System:
        """The system of a neuron without neighbours."""
        return self if self.shared is None else self._with_shared(sympy.Integer(0))

    def _with_shared(self, value: Any) -> System:
        given = {self.shared: value}

        def made(each: Mapping[str, Any]) -> dict[str, Any]:
            return {name: e.xreplace(given) for name, e in each.items()}

        events = tuple(
            replace(
                event,
                guard=None if event.guard is None else event.guard.xreplace(given),
                rate=None if event.rate is None else event.rate.xreplace(given),
                assignments=made(event.assignments),
            )
            for event in self.events
        )
        return replace(
            self,
            derivatives=made(self.derivatives),
            noise=made(self.noise),
            definitions=made(self.definitions),
            events=events,
            shared=None,
        )

    @property
    def noisy(self) -> bool:
        """Whether anything is random."""
        return (
            bool(self.noise)
            or any(event.rate is not None for event in self.events)
            or any(each.has(RAND, RANDN) for event in self.events for each in event.assignments.values())
        )

    @cached_property
    def bounds_input(self) -> bool:
        """Whether inputs are limited to their range: a function of the input may not be defined beyond it."""
        if self.input is None:
            return False
        symbol = self.input.symbol
        events = ((event.guard, event.rate, *event.assignments.values()) for event in self.events)
        expressions = [*self.derivatives.values(), *self.noise.values(), *chain.from_iterable(events)]
        parts = chain.from_iterable(
            sympy.sympify(each).atoms(sympy.Function, sympy.Pow) for each in expressions if each is not None
        )
        # Choices, bounds and powers such as a cube are defined for all numbers.
        return any(
            each.has(symbol)
            and not isinstance(each, (choose, least, most))
            and not (each.is_Pow and each.exp.is_Integer and each.exp > 0)
            for each in parts
        )

    @property
    def values(self) -> dict[Any, float]:
        """The value of each parameter, by its symbol."""
        return {symbol: value for symbol, value, _, _ in self.parameters.values()}


class _Names(Mapping[str, Known]):
    """The names of a model; definitions are read when they are first used."""

    def __init__(self, known: dict[str, Known], definitions: Mapping[str, tuple[str, str]], functions: Any) -> None:
        self.known, self.definitions, self.functions = known, definitions, functions
        self.open: list[str] = []
        self.made: dict[str, Known] = {}

    def __getitem__(self, name: str) -> Known:
        if name in self.known:
            return self.known[name]
        if name in self.made:
            return self.made[name]
        text, where = self.definitions[name]
        if name in self.open:
            raise EquationError(f"{where}: {name} is defined by itself: {' -> '.join([*self.open, name])}")
        self.open.append(name)
        expression, dimension = formula(text, Scope(self, self.functions), where)
        if dimension is None and expression != 0:
            raise EquationError(f"{where}: {name} is a condition; wanted a quantity")
        self.open.pop()
        self.made[name] = Known(expression, dimension)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.known
        yield from self.definitions

    def __len__(self) -> int:
        return len(self.known) + len(self.definitions)


def read(model: Model, where: str = "") -> System:
    """Read a model.

    Parameters
    ----------
    model : Model
        The text.
    where : str
        Its file, for messages.

    Returns
    -------
    System
        Its expressions.

    Raises
    ------
    EquationError
        If a formula cannot be understood, a dimension does not fit, or a name is missing or stands twice.
    """
    return _Builder(model, where or model.name).system()


class _Builder:
    def __init__(self, model: Model, where: str) -> None:
        self.model, self.where = model, where
        self.elements: dict[str, tuple[str, str]] = {}

    def system(self) -> System:
        """All expressions of the model."""
        self._check_names()
        known: dict[str, Known] = {}
        parameters = dict(self._parameters(known))
        derivatives, definitions, functions = self._lines()
        names = _Names(known, definitions, functions)

        def at(section: str, name: str) -> str:
            return f"{self.where}: [{section}] {name}"

        states = {n: self._state(n, each, names, at("states", n)) for n, each in self.model.states.items()}
        for name, state in states.items():
            known[name] = Known(state.symbol, self._dimension(self.model.states[name].unit, at("states", name)))
        given = self._input(known)
        shared = self._coupling(known)
        discrete = {n: self._discrete(n, each, names, at("discrete", n)) for n, each in self.model.discrete.items()}
        for name, value in discrete.items():
            known[name] = Known(value.symbol, self._dimension(self.model.discrete[name].unit, at("discrete", name)))
        states = {n: self._started(n, each, names, at("states", n)) for n, each in states.items()}
        discrete = {n: self._started(n, each, names, at("discrete", n)) for n, each in discrete.items()}
        self._check_elements(names)
        made, noise = self._derivatives(derivatives, names, states)
        rates = {name: sympy.Symbol(f"d{name}/dt", real=True) for name in states}
        events = tuple(self._events(names, states, discrete, rates))
        system = System(
            model=self.model,
            parameters=parameters,
            states=states,
            discrete=discrete,
            input=given,
            derivatives=made,
            noise=noise,
            definitions={name: names[name].value for name in definitions},
            events=events,
            rates=rates,
            shared=shared,
        )
        self._check_outputs(system)
        self._check_behaviours(system)
        return system

    def _check_names(self) -> None:
        model = self.model
        seen: set[str] = set()
        inputs = [each.name for each in (model.input, model.coupling) if each is not None]
        for name in (model.name, *model.parameters, *model.states, *model.discrete, *inputs):
            if keyword.iskeyword(name):
                raise EquationError(f"{self.where}: {name!r} has a meaning of its own in formulas: use another name")
            if not name.isidentifier() or not name.isascii():
                raise EquationError(f"{self.where}: {name!r} must be a name of letters, digits and underscores")
        for name in (*model.parameters, *model.states, *model.discrete, *inputs):
            if name in RESERVED or name in FUNCTIONS or name in CONSTANTS:
                raise EquationError(f"{self.where}: {name!r} has a meaning of its own; choose another name")
            if name in seen:
                raise EquationError(f"{self.where}: {name!r} is defined twice")
            seen.add(name)
        if not model.states:
            raise EquationError(f"{self.where}: [states] must have at least one state")
        if len(seen) > MOST_NAMES:
            raise EquationError(f"{self.where}: there must be at most {MOST_NAMES} names, not {len(seen)}")
        if model.tick is not None:
            self._checked_tick(model.tick)
        if model.method not in ("auto", "euler"):
            raise EquationError(f"{self.where}: method must be auto or euler, not {model.method!r}")

    def _check_behaviours(self, system: System) -> None:
        """Check the firing behaviours.

        Raises
        ------
        EquationError
            If one of them is wrong.
        """
        for name, each in self.model.behaviours.items():
            where = f"{self.where}: [behaviours] {name}"
            if each.shows not in SHOWN:
                raise EquationError(f"{where}: shows must be among {', '.join(SHOWN)}, not {each.shows!r}")
            if system.input is None or not each.input:
                raise EquationError(f"{where}: wanted an input, and a model that has one")
            try:
                pattern_values(each, {name: units for name, (*_, units) in system.parameters.items()})
                stretches(each, system.input.unit, system.input.low, system.input.high)
            except ValueError as error:
                raise EquationError(f"{where}: {error}") from None

    def _checked_tick(self, tick: Text) -> None:
        """Check the time step.

        Raises
        ------
        EquationError
            If it is no time above 0.
        """
        try:
            value, _ = quantity(tick, "s")
        except ValueError as error:
            raise EquationError(f"{self.where}: tick: {error}") from None
        if not 0 < value < 1e6:
            raise EquationError(f"{self.where}: tick must be a time above 0, such as '10 ns', not {tick!r}")

    def _dimension(self, text: str, where: str) -> Dimension:
        try:
            return quantity(f"1 {text}")[1]
        except ValueError as error:
            raise EquationError(f"{where}: {error}") from None

    def _parameters(self, known: dict[str, Known]) -> Iterator[tuple[str, tuple[Any, float, float, str]]]:
        for name, each in self.model.parameters.items():
            where = f"{self.where}: [parameters] {name}"
            try:
                value, dimension = quantity(each.value)
                spread, none = quantity(each.spread, "1")
            except ValueError as error:
                raise EquationError(f"{where}: {error}") from None
            if none != NONE or not 0 <= spread < 1:
                raise EquationError(f"{where}: spread must be from 0 to 1, or in percent, not {each.spread!r}")
            symbol = sympy.Symbol(name, real=True, **({"positive": True} if value > 0 else {}))
            known[name] = Known(symbol, dimension)
            shown = re.sub(r"^[\d.eE+-]+\s*", "", each.value) if isinstance(each.value, str) else ""
            yield name, (symbol, value, spread, shown)

    def _formula(
        self, text: Text, names: _Names, wanted: Dimension, where: str, allowed: frozenset[str] = frozenset()
    ) -> Any:
        """An expression of a known dimension.

        Raises
        ------
        EquationError
            If it is no formula, or of another dimension.
        """
        if isinstance(text, str) and re.fullmatch(r"\s*[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*[A-Za-zµμΩ%/*^0-9\s]*", text):
            try:
                value, own = quantity(text)
            except ValueError:
                pass
            else:
                if own != wanted and value != 0:
                    raise EquationError(f"{where}: {text!r} must be {wanted}, not {own}")
                return sympy.Float(value)
        if not isinstance(text, str):
            if wanted != NONE and text != 0:
                raise EquationError(f"{where}: {text!r} must have the unit of {wanted}")
            return sympy.Float(text)
        expression, dimension = formula(text, Scope(names, names.functions, allowed), where)
        if dimension is None and expression != 0:
            raise EquationError(f"{where}: {text[:60]!r} is a condition; wanted a quantity")
        if dimension is not None and dimension != wanted:
            raise EquationError(f"{where}: {text[:60]!r} must be {wanted}, but it is {dimension}")
        return expression

    def _number(self, text: Text, names: _Names, wanted: Dimension, where: str) -> float:
        """The value of a formula of parameters.

        Raises
        ------
        EquationError
            If it has other names.
        """
        expression = self._formula(text, names, wanted, where)
        values = {names.known[name].value: quantity(each.value)[0] for name, each in self.model.parameters.items()}
        try:
            return float(expression.subs(values))
        except TypeError:
            raise EquationError(f"{where}: {str(text)[:60]!r} must be a formula of parameters alone") from None

    def _bounds(self, pair: tuple[Text, Text], names: _Names, wanted: Dimension, where: str) -> tuple[float, float]:
        low, high = (self._number(each, names, wanted, f"{where} range") for each in pair)
        if not low < high:
            raise EquationError(f"{where} range: the first value must be below the second, not {low:g} and {high:g}")
        return low, high

    def _state(self, name: str, state: State, names: _Names, where: str) -> Variable:
        low, high = self._bounds(state.range, names, self._dimension(state.unit, where), where)
        return Variable(name, sympy.Symbol(name, real=True), state.unit, low, high, meaning=state.meaning)

    def _discrete(self, name: str, value: Discrete, names: _Names, where: str) -> Variable:
        dimension = self._dimension(value.unit, where)
        if (value.values is None) == (value.range is None):
            raise EquationError(f"{where}: wanted either values or range")
        if value.range is not None:
            low, high = self._bounds(value.range, names, dimension, where)
        else:
            assert value.values is not None
            if not 1 < len(set(value.values)) == len(value.values) <= 16 or dimension != NONE:
                raise EquationError(f"{where}: values must be 2 to 16 different integers without unit")
            low, high = float(min(value.values)), float(max(value.values))
        values = None if value.values is None else tuple(value.values)
        return Variable(
            name, sympy.Symbol(name, real=True), value.unit, low, high, values=values, meaning=value.meaning
        )

    def _started(self, name: str, each: Variable, names: _Names, where: str) -> Variable:
        own = self.model.states.get(name) or self.model.discrete[name]
        start = self._formula(own.start, names, self._dimension(each.unit, where), f"{where} start")
        return Variable(**{**each.__dict__, "start": start})

    def _input(self, known: dict[str, Known]) -> Variable | None:
        given = self.model.input
        if given is None:
            return None
        where = f"{self.where}: [input]"
        dimension = self._dimension(given.unit, where)
        low, high = self._bounds(given.range, _Names(known, {}, {}), dimension, where)
        usual = self._number(given.usual, _Names(known, {}, {}), dimension, where)
        if not low <= usual <= high:
            raise EquationError(f"{where}: usual must be within its range, not {given.usual!r}")
        symbol = sympy.Symbol(given.name, real=True)
        known[given.name] = Known(symbol, dimension)
        return Variable(given.name, symbol, given.unit, low, high, sympy.Float(usual), meaning=given.meaning)

    def _coupling(self, known: dict[str, Known]) -> Any:
        """The symbol of what neighbours add; None if they add nothing.

        Raises
        ------
        EquationError
            If it reads no state.
        """
        given = self.model.coupling
        if given is None:
            return None
        where = f"{self.where}: [coupling]"
        if given.reads not in self.model.states:
            raise EquationError(f"{where}: reads must be a state ({', '.join(self.model.states)}), not {given.reads!r}")
        symbol = sympy.Symbol(given.name, real=True)
        known[given.name] = Known(symbol, self._dimension(given.unit, where))
        return symbol

    def _lines(self) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]], dict[str, Function]]:
        """Derivatives, definitions and functions, each as its text and its place.

        Raises
        ------
        EquationError
            If a line is no equation, a name stands twice, or a state has no derivative.
        """
        if len(self.model.equations) > MOST_EQUATIONS:
            raise EquationError(f"{self.where}: equations must have at most {MOST_EQUATIONS // 1024} KiB")
        derivatives: dict[str, tuple[str, str]] = {}
        definitions: dict[str, tuple[str, str]] = {}
        functions: dict[str, Function] = {}
        for number, text in self._joined():
            where = f"{self.where}: equations, line {number}"
            left, equals, right = text.partition("=")
            left, right = left.strip(), right.strip()
            if not equals or not right or right.startswith("="):
                raise EquationError(f"{where}: wanted 'dv/dt = ...', 'name = ...' or 'f(x) = ...', not {text[:60]!r}")
            if found := re.fullmatch(r"d(\w+)\s*/\s*dt", left):
                if found[1] not in self.model.states:
                    raise EquationError(f"{where}: {found[1]!r} is no state; there are {', '.join(self.model.states)}")
                self._once(found[1], derivatives, where)
                derivatives[found[1]] = right, where
            elif found := re.fullmatch(r"(\w+)\s*\(([\w\s,]*)\)", left):
                self._once(found[1], {**definitions, **functions}, where)
                arguments = tuple(each.strip() for each in found[2].split(","))
                if not all(each.isidentifier() for each in arguments) or len(set(arguments)) < len(arguments):
                    raise EquationError(f"{where}: {left!r} must have different names as arguments")
                functions[found[1]] = Function(arguments, right, where)
            elif left.isidentifier() and left.isascii() and not keyword.iskeyword(left):
                self._once(left, {**definitions, **functions}, where)
                definitions[left] = right, where
            else:
                raise EquationError(f"{where}: {left[:40]!r} cannot be defined")
        circuit = netlist(self.model.netlist, self.where)
        for name, (text, where) in circuit.derivatives.items():
            if name not in self.model.states:
                raise EquationError(f"{where}: [states] must have {name!r}, the state of this element")
            self._once(name, derivatives, where)
            derivatives[name] = text, where
        for name, (text, where) in circuit.definitions.items():
            self._once(name, {**definitions, **functions}, where)
            definitions[name] = text, where
        self.elements = {name: (unit, circuit.definitions[name][1]) for name, unit in circuit.units.items()}
        if len(definitions) + len(functions) > MOST_NAMES:
            raise EquationError(f"{self.where}: there must be at most {MOST_NAMES} definitions")
        for name in self.model.states:
            if name not in derivatives:
                raise EquationError(f"{self.where}: equations must have a line 'd{name}/dt = ...'")
        return derivatives, definitions, functions

    def _check_elements(self, names: _Names) -> None:
        """Check the dimensions of the values of a netlist.

        Raises
        ------
        EquationError
            If one is wrong.
        """
        for name, (wanted, where) in self.elements.items():
            found = names[name].dimension
            if found != self._dimension(wanted, where):
                raise EquationError(f"{where}: the value of {name} must be in {wanted}, not {found}")

    def _joined(self) -> Iterator[tuple[int, str]]:
        """Lines without comments; an indented line, or one after an open parenthesis, continues the one before."""
        number, text = 0, ""
        for n, line in enumerate(self.model.equations.splitlines(), start=1):
            line = line.partition("#")[0].rstrip()
            if not line.strip():
                continue
            if text and (line[0].isspace() or text.count("(") > text.count(")")):
                text += " " + line.strip()
                continue
            if text:
                yield number, text
            number, text = n, line.strip()
        if text:
            yield number, text

    def _once(self, name: str, before: Mapping[str, object], where: str) -> None:
        model = self.model
        own = {*model.parameters, *model.discrete, *([model.input.name] if model.input else [])}
        if name in before or name in own:
            raise EquationError(f"{where}: {name!r} is defined twice")
        if name in FUNCTIONS or name in RESERVED:
            raise EquationError(f"{where}: {name!r} has a meaning of its own; choose another name")

    def _derivatives(
        self, texts: Mapping[str, tuple[str, str]], names: _Names, states: Mapping[str, Variable]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        second = unit("s")
        assert second is not None
        made, noise = {}, {}
        xi = sympy.Symbol("xi", real=True)
        for name in states:
            text, where = texts[name]
            wanted = self._dimension(self.model.states[name].unit, where) / second.dimension
            found = self._formula(text, names, wanted, where, frozenset(("xi",)))
            if found.has(xi):
                factor = sympy.diff(found, xi)
                found = found.xreplace({xi: sympy.Integer(0)})  # not expanded: sums in denominators stay whole
                if factor.has(xi):
                    raise EquationError(f"{where}: the noise xi must stand in a sum, with a factor")
                noise[name] = factor
            if found.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
                raise EquationError(f"{where}: the derivative divides by zero")
            made[name] = found
        return made, noise

    def _events(
        self, names: _Names, states: Mapping[str, Variable], discrete: Mapping[str, Variable], rates: Mapping[str, Any]
    ) -> Iterator[SystemEvent]:
        second = unit("s")
        assert second is not None
        steps = {
            f"rate_of_{name}": Known(
                rates[name], self._dimension(self.model.states[name].unit, name) / second.dimension
            )
            for name in states
        }
        inner = {each.symbol for each in discrete.values()}
        for number, event in enumerate(self.model.events, start=1):
            where = f"{self.where}: event {event.name or number}"
            if (event.when is None) == (event.rate is None):
                raise EquationError(f"{where}: wanted either when or rate")
            guard = rate = None
            condition = sympy.true
            if event.when is not None:
                text = re.sub(r"\bd(\w+)\s*/\s*dt\b", r"rate_of_\1", event.when)
                scope = Scope(_Names({**names.known, **steps}, names.definitions, names.functions), names.functions)
                found, dimension = formula(text, scope, where)
                if dimension is not None or not isinstance(found, sympy.logic.boolalg.Boolean):
                    raise EquationError(
                        f"{where}: {event.when[:60]!r} is a quantity; wanted a condition such as v > v_th"
                    )
                guard, condition = self._guard(found, inner, event.when, where)
            else:
                assert event.rate is not None
                rate = self._formula(event.rate, names, NONE / second.dimension, where)
            assignments = dict(self._assignments(event, names, where))
            if not assignments and not event.spike:
                raise EquationError(f"{where}: wanted assignments (do) or spike = true")
            yield SystemEvent(
                event.name or f"event_{number}", guard, condition, rate, assignments, event.spike, event.locate
            )

    def _guard(self, found: Any, inner: set[Any], text: str, where: str) -> tuple[Any, Any]:
        """The quantity that becomes positive, and the condition of discrete values.

        Raises
        ------
        EquationError
            If there is not exactly one inequality of states.
        """
        parts = found.args if isinstance(found, sympy.And) else (found,)
        conditions = [part for part in parts if part.free_symbols <= inner]
        guards = [part for part in parts if not part.free_symbols <= inner]
        if found in (sympy.true, sympy.false) or not guards:
            always = "always" if found == sympy.true else "never" if found == sympy.false else "only at other events"
            raise EquationError(f"{where}: {text[:60]!r} becomes true {always}")
        if len(guards) > 1:
            raise EquationError(
                f"{where}: {text[:60]!r} must have one inequality of states; the others may be of discrete values"
            )
        (guard,) = guards
        if isinstance(guard, (sympy.StrictGreaterThan, sympy.GreaterThan)):
            return guard.lhs - guard.rhs, sympy.And(*conditions)
        if isinstance(guard, (sympy.StrictLessThan, sympy.LessThan)):
            return guard.rhs - guard.lhs, sympy.And(*conditions)
        raise EquationError(f"{where}: {text[:60]!r} must be an inequality of states, such as v > v_th")

    def _assignments(self, event: Event, names: _Names, where: str) -> Iterator[tuple[str, Any]]:
        """The assignments of an event, by the name of what they change.

        Raises
        ------
        EquationError
            If one is no assignment to a state or a discrete value, or two change the same.
        """
        seen = set()
        for text in event.do:
            left, equals, right = text.partition("=")
            name = left.strip()
            own = self.model.states.get(name) or self.model.discrete.get(name)
            if not equals or own is None:
                choices = ", ".join([*self.model.states, *self.model.discrete])
                raise EquationError(
                    f"{where}: wanted 'name = formula' with a state or discrete value ({choices}), not {text[:60]!r}"
                )
            if name in seen:
                raise EquationError(f"{where}: {name} is assigned twice")
            seen.add(name)
            wanted = self._dimension(own.unit, where)
            yield name, self._formula(right.strip(), names, wanted, where, frozenset(("rand", "randn")))

    def _check_outputs(self, system: System) -> None:
        for name in self.model.outputs:
            if name not in system.states and name not in system.discrete:
                raise EquationError(
                    f"{self.where}: outputs must be states or discrete values "
                    f"({', '.join([*system.states, *system.discrete])}), not {name!r}"
                )
