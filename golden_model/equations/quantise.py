"""A tick of a system as a graph of integers, with the formats of its words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from neuristor.golden_model import noise
from neuristor.golden_model.equations.discretise import (
    ELAPSED,
    LAG,
    LAG_BITS,
    LONGEST_LAG,
    Change,
    H,
    Tick,
    ahead,
    largest,
    linear_part,
    middle,
    newest,
)
from neuristor.golden_model.equations.expressions import EquationError, least
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.graph import Graph, Node, bits
from neuristor.golden_model.equations.lower import Fixed, Lowering, Table, Words
from neuristor.golden_model.equations.numeric import constants
from neuristor.golden_model.equations.system import PULL, RAND, RANDN, System, SystemEvent, Variable

__all__ = ["Quantised", "Word", "drive_bits", "initial", "int_bits", "pull_range", "quantise"]

Integers = NDArray[np.int64]
NEAR = 14
"""Least way of a guard in a tick, in which an event is located: that much below the largest one, in bits."""
MOVE_BITS = 11
"""Least bits of the largest change of a state in a tick; a slow state has a longer word for that."""
MOST_BITS = 32
"""Longest word of a state."""
WAY_BITS = 22
"""Bits of the way of a guard."""
WIDEST = 62
"""Longest word in a formula: that of the models' integers, less two bits."""
PASSES = 6
"""Most passes to find the resolution of shared parts."""


@dataclass(frozen=True)
class Word:
    """The word of a state, a discrete value, a remembered change, or the input.

    Parameters
    ----------
    name : str
        Of the state, the discrete value or the change.
    frac : int
        Fraction bits; may be negative.
    low : int
        Lowest raw value.
    high : int
        Highest raw value.
    unit : str
        Unit of its value.
    values : tuple[int, ...], optional
        All values, if they are few.
    """

    name: str
    frac: int
    low: int
    high: int
    unit: str
    values: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Quantised:
    """A tick in integers.

    Parameters
    ----------
    tick : Tick
        The formulas.
    words : Words
        The word lengths.
    graph : Graph
        The operations.
    state : mapping of str to Word
        What is stored, without the noise.
    drive : Word
        The word of the input.
    input_scale : float
        What an input in its SI unit is multiplied by to have the unit of `drive`.
    noisy : bool
        Whether anything is random.
    columns : mapping of str to Integers
        Words that each neuron has of its own, each of shape (count,).
    tables : tuple[Table, ...]
        What the graph has of tables, for reports.
    errors : mapping of str to float
        Largest distance of each state from the float tick, after one tick from the same state, in its unit.
    """

    tick: Tick
    words: Words
    graph: Graph
    state: Mapping[str, Word]
    drive: Word
    input_scale: float
    noisy: bool
    columns: Mapping[str, Integers]
    tables: tuple[Table, ...]
    errors: Mapping[str, float]


def quantise(tick: Tick, words: Words, values: Mapping[Any, Any] | None = None) -> Quantised:
    """Make the integer graph of a tick.

    Parameters
    ----------
    tick : Tick
        The formulas.
    words : Words
        Word lengths.
    values : mapping of sympy.Symbol, optional
        Values of the parameters: numbers, or arrays of shape (count,). By default those of the system.

    Returns
    -------
    Quantised
        The graph and its words.

    Raises
    ------
    EquationError
        If a formula cannot be computed, or a word would be too long.
    """
    numbers = {**constants(tick.system, tick.h), **(values or {})}
    names = {value: name for name, value in tick.system.definitions.items() if not value.is_Symbol and value.args}
    lowering = Lowering(Graph(), numbers, words, tick.system.model.name, names)
    for _ in range(PASSES):
        before = dict(lowering.wanted)
        made = _Quantiser(tick, words, lowering).quantised()
        if lowering.wanted == before:
            break
        lowering.again(Graph())
    widest = max(bits(*made.graph.ranges[number]) for number in made.graph.needed())
    if widest > WIDEST:
        raise EquationError(
            f"{tick.system.model.name}: the equations need words of {widest} bits, and at most {WIDEST} can be had: "
            "narrow the ranges of states and parameters"
        )
    return made


def _input_coefficient(tick: Tick, numbers: Mapping[Any, Any]) -> Any:
    """What the input is multiplied by wherever it stands, if that is one constant of all neurons; else 1."""
    assert tick.system.input is not None
    symbol = tick.system.input.symbol
    found = set()
    for e in (
        *(change.rate for change in tick.changes),
        *(change.factor for change in tick.changes),
        *(event.guard for event in tick.system.events if event.guard is not None),
        *(each for event in tick.system.events for each in event.assignments.values()),
    ):
        if not e.has(symbol):
            continue
        a, _, n = linear_part(e, symbol)
        if n != 0 or a.free_symbols - set(numbers) or any(np.ndim(numbers[s]) for s in a.free_symbols):
            return sympy.Integer(1)
        found.add(a)
    return found.pop() if len(found) == 1 else sympy.Integer(1)


def _input_scale(tick: Tick, numbers: Mapping[Any, Any]) -> tuple[Any, float]:
    """The same, and its value."""
    coefficient = _input_coefficient(tick, numbers)
    (value,) = compiled([], [coefficient], {symbol: numbers[symbol] for symbol in coefficient.free_symbols})()
    return coefficient, float(value)


def drive_bits(tick: Tick, numbers: Mapping[Any, Any]) -> int:
    """Integer bits of the word of the input.

    Parameters
    ----------
    tick : Tick
        The formulas, of a system with an input.
    numbers : mapping of sympy.Symbol
        Values of what does not change.
    """
    given = tick.system.input
    assert given is not None
    _, scale = _input_scale(tick, numbers)
    low, high = sorted((given.low * scale, given.high * scale))
    return int_bits(low, high)


def int_bits(low: float, high: float) -> int:
    """Integer bits of a signed word for a range.

    Parameters
    ----------
    low, high : float
        Its ends.
    """
    size = max(high, -low, 1e-300)
    return math.floor(math.log2(size * (1 + 1e-12))) + 2


def pull_range(system: System, state: Mapping[str, Word]) -> tuple[int, int]:
    """Lowest and highest raw sum over the neighbours.

    Parameters
    ----------
    system : System
        A system that is `joined`.
    state : mapping of str to Word
        Its words.
    """
    assert system.pull is not None
    assert system.model.coupling is not None
    name = system.model.coupling.reads
    reads, word = system.states[name], state[name]
    load = system.pull.high / (reads.high - reads.low)
    # The real range is that of the words within a step, and a sum is rounded.
    reach = math.ceil(load * (1 + 1e-12) * (word.high - word.low)) + 1
    return -reach, reach


class _Quantiser:
    def __init__(self, tick: Tick, words: Words, lowering: Lowering) -> None:
        self.tick, self.system, self.words = tick, tick.system, words
        self.lowering, self.graph = lowering, lowering.graph
        # The word of the input has the unit of what is added to a derivative, so that nothing multiplies it.
        self.input_symbol = sympy.Symbol("drive", real=True)
        self.input_scale, self._given = 1.0, {}
        if self.system.input:
            coefficient, self.input_scale = _input_scale(tick, lowering.numbers)
            self._given = {self.system.input.symbol: self.input_symbol / coefficient}
        self.state: dict[str, Word] = {}
        self.width: dict[str, int] = {}
        self.saturated = self.graph.const(0)
        self._used = False

    def quantised(self) -> Quantised:
        """The whole tick."""
        system, graph = self.system, self.graph
        # The word of the first output is as long as the user says.
        observed = (*system.model.outputs, *system.states)[0]
        moves = {each.name: largest(self.tick, each) for each in self.tick.changes if each.name != observed}
        for each in (*system.states.values(), *system.discrete.values()):
            self._store(each, moves.get(each.name))
        drive = self._drive()
        if system.pull is not None:
            self._pull()
        if system.noisy:
            self._noise = graph.given("state", "noise", 1, (1 << 32) - 1)
        if self.tick.located:
            word = Word("lag", LAG_BITS, 0, (LONGEST_LAG << LAG_BITS) - 1, "1")
            self.state["lag"] = word
            self.lowering.define(LAG, Fixed(graph.given("state", "lag", word.low, word.high), LAG_BITS, 0.0))
        changes = self._changes()
        new, errors = {}, {}
        for name in system.states:
            word = self.state[name]
            moved = graph.add(self.lowering.values[system.states[name].symbol].node, changes[name].node)
            clamped, outside = graph.clamp(moved, word.low, word.high)
            self.saturated = graph.either(self.saturated, outside)
            new[name] = Fixed(clamped, word.frac, changes[name].error)
            errors[name] = changes[name].error
        self._events(new, changes, errors)
        graph.results["saturated"] = self.saturated.number
        return Quantised(
            self.tick,
            self.words,
            graph,
            self.state,
            drive,
            self.input_scale,
            system.noisy,
            self.lowering.columns,
            tuple(self.lowering.tables),
            errors,
        )

    def _store(self, variable: Variable, moves: float | None) -> None:
        """Give a state or a discrete value its word; a state that moves slowly has more bits."""
        if variable.values is not None:
            word = Word(variable.name, 0, min(variable.values), max(variable.values), variable.unit, variable.values)
        else:
            width, whole = self.words.state, int_bits(variable.low, variable.high)
            if moves:
                width = min(MOST_BITS, max(width, whole + MOVE_BITS - math.floor(math.log2(moves))))
            self.width[variable.name], frac = width, width - whole
            low, high = (math.floor(math.ldexp(each, frac) + 0.5) for each in (variable.low, variable.high))
            limit = 1 << (width - 1)
            word = Word(variable.name, frac, max(low, -limit), min(high, limit - 1), variable.unit)
        self.state[variable.name] = word
        node = self.graph.given("state", variable.name, word.low, word.high)
        self.lowering.define(variable.symbol, Fixed(node, word.frac, 0.0), variable.values)

    def _drive(self) -> Word:
        given = self.system.input
        if given is None:
            return Word("drive", 0, -1, 0, "1")
        frac = self.words.drive - drive_bits(self.tick, self.lowering.numbers)
        # Any word may come, not only those of the range.
        limit = 1 << (self.words.drive - 1)
        word = Word("drive", frac, -limit, limit - 1, given.unit)
        node = self.graph.given("drive", "drive", word.low, word.high)
        if self.system.bounds_input:
            ends = sorted(math.ldexp(end * self.input_scale, frac) for end in (given.low, given.high))
            node, outside = self.graph.clamp(node, math.ceil(ends[0]), math.floor(ends[1]))
            self.saturated = self.graph.either(self.saturated, outside)
        self.lowering.define(self.input_symbol, Fixed(node, frac, 0.0))
        return word

    def _pull(self) -> None:
        """The sum over the neighbours, on the grid of what they exchange."""
        assert self.system.model.coupling is not None
        frac = self.state[self.system.model.coupling.reads].frac
        # A weighted sum is rounded once.
        node = self.graph.given("pull", "pull", *pull_range(self.system, self.state))
        self.lowering.define(PULL, Fixed(node, frac, math.ldexp(0.5, -frac)))

    def _changes(self) -> dict[str, Fixed]:
        """The change of each state."""
        graph, lowering, tick = self.graph, self.lowering, self.tick
        remembered = {}
        for name in tick.ahead:
            # The range is known when the change is: first as wide as the state, then as it is.
            word = self.state[name]
            limit = 1 << (self.width[name] - 2)
            half = graph.given("state", f"d_{name}", -limit, limit - 1)
            remembered[name] = half
            x = lowering.values[self.system.states[name].symbol]
            continued, _ = graph.clamp(graph.add(x.node, graph.shr(half, 1)), word.low, word.high)
            lowering.define(ahead(name), Fixed(continued, word.frac, math.ldexp(0.5, -word.frac)))
        made: dict[str, Fixed] = {}
        for change in tick.changes:
            word = self.state[change.name]
            value = self._moved(change, word)
            if change.noise != 0:
                value = self._disturbed(change, value, word)
            graph.named(value.node, f"change_of_{change.name}")
            made[change.name] = value
            if change.name in tick.newest:
                x = lowering.values[self.system.states[change.name].symbol]
                node, _ = graph.clamp(graph.add(x.node, value.node), word.low, word.high)
                lowering.define(newest(change.name), Fixed(node, word.frac, value.error))
            if change.name in tick.middle:
                x = lowering.values[self.system.states[change.name].symbol]
                node, _ = graph.clamp(graph.add(x.node, graph.shr(value.node, 1)), word.low, word.high)
                lowering.define(
                    middle(change.name), Fixed(node, word.frac, value.error / 2 + math.ldexp(0.5, -word.frac))
                )
        for name in tick.ahead:
            self._remember(name, made[name])
        return made

    def _moved(self, change: Change, word: Word) -> Fixed:
        """The change of a state: of a factor near 1, what it lacks is multiplied, so that the rate keeps its bits."""
        lowering = self.lowering
        rate, factor = (each.xreplace(self._given) for each in (change.rate, change.factor))
        if not change.near_one:
            return self._stretched(lowering.lower(factor * rate, word.frac), change, "change")
        whole = self._stretched(lowering.lower(rate, word.frac), change, "rate")
        symbol = sympy.Symbol(f"rate_of_{change.name}", real=True)
        lowering.define(symbol, whole)
        lacks = lowering.lower((factor - 1) * symbol, word.frac)
        return Fixed(self.graph.add(whole.node, lacks.node), word.frac, whole.error + lacks.error)

    def _stretched(self, value: Fixed, change: Change, part: str) -> Fixed:
        """A value times the length of the tick over h."""
        if change.stretch == 1:
            return value
        symbol = sympy.Symbol(f"{part}_of_{change.name}_in_h", real=True)
        self.lowering.define(symbol, value)
        more = self.lowering.lower(LAG * symbol, value.frac)
        return Fixed(self.graph.add(value.node, more.node), value.frac, value.error + more.error)

    def _remember(self, name: str, change: Fixed) -> None:
        limit = 1 << (self.width[name] - 2)
        low, high = max(change.node.low, -limit), min(change.node.high, limit - 1)
        self.state[f"d_{name}"] = Word(f"d_{name}", change.frac, min(low, 0), max(high, 0), self.state[name].unit)

    def _random(self) -> Node:
        """A fresh state of the random numbers."""
        if self._used:
            self._noise = self.graph.advance(self._noise)
        self._used = True
        return self._noise

    def _normal(self, symbol: Any) -> Any:
        """A normal random number, as an expression of a symbol that stands for it."""
        self.lowering.define(symbol, Fixed(self.graph.draw(self._random()), 0, 0.0))
        return symbol / sympy.Float(noise.SIGMA)

    def _uniform(self, symbol: Any) -> Any:
        """A random number from 0 to 1, as a symbol that stands for it."""
        self.lowering.define(symbol, Fixed(self.graph.low_bits(self._random(), 16), 16, 0.0))
        return symbol

    def _disturbed(self, change: Change, value: Fixed, word: Word) -> Fixed:
        draw = self._normal(sympy.Symbol(f"draw_of_{change.name}", real=True))
        offset = self.lowering.lower(change.noise * draw, word.frac)
        return Fixed(self.graph.add(value.node, offset.node), word.frac, value.error + offset.error)

    def _events(self, new: dict[str, Fixed], changes: Mapping[str, Fixed], errors: dict[str, float]) -> None:
        """What events change, and what is stored."""
        graph, lowering, system = self.graph, self.lowering, self.system
        after: dict[Any, Any] = {}
        moved = {}
        for name, value in new.items():
            symbol = sympy.Symbol(f"{name}_new", real=True)
            lowering.define(symbol, value)
            after[system.states[name].symbol] = symbol
            change = sympy.Symbol(f"change_of_{name}", real=True)
            lowering.define(change, changes[name])
            moved[system.rates[name]] = change / H
        happens = {}
        way: tuple[Node, Node, Node] | None = None
        for event in system.events:
            happens[event.name], own = self._happens(event, after, moved)
            graph.named(happens[event.name], event.name.replace(" ", "_"))
            if own is not None:  # the first event counts
                mine = happens[event.name], *own
                way = mine if way is None else self._first(way, mine)
        left = None if way is None else self._left(*way)
        if left is not None and self.tick.until:
            self._cross(left, new, after, happens, errors)
        elif left is not None:
            self._go_back(left, new, after, changes, errors)
        spike = graph.const(0)
        happened: dict[str, list[tuple[Node, Node]]] = {}
        for event in system.events:
            if event.spike:
                spike = graph.either(spike, happens[event.name])
            for name, expression in event.assignments.items():
                word = self.state[name]
                drawn = self._drawn(expression, event.name, name)
                assigned = lowering.lower(drawn.xreplace({**after, **self._given}), word.frac)
                clamped, outside = graph.clamp(assigned.node, word.low, word.high)
                self.saturated = graph.either(self.saturated, graph.both(happens[event.name], outside))
                happened.setdefault(name, []).append((happens[event.name], clamped))
                if name in errors:
                    errors[name] = max(errors[name], assigned.error)
        for name in (*system.states, *system.discrete):
            node = new[name].node if name in new else lowering.values[system.discrete[name].symbol].node
            for condition, other in reversed(happened.get(name, [])):
                node = graph.select(condition, other, node)
            graph.results[name] = node.number
        for name in self.tick.ahead:
            word = self.state[f"d_{name}"]
            node, _ = graph.clamp(changes[name].node, word.low, word.high)
            for condition, _ in happened.get(name, []):
                node = graph.select(condition, graph.const(0), node)
            if left is not None:
                node = graph.select(graph.equal(left.node, graph.const(0)), node, graph.const(0))
            graph.results[f"d_{name}"] = node.number
        if system.noisy:
            graph.results["noise"] = graph.advance(self._noise).number
        graph.results["spike"] = spike.number

    def _drawn(self, expression: Any, event: str, name: str) -> Any:
        """An assignment with its random numbers."""
        given = {}
        label = f"{event}_{name}".replace(" ", "_")
        if expression.has(RANDN):
            given[RANDN] = self._normal(sympy.Symbol(f"randn_{label}", real=True))
        if expression.has(RAND):
            given[RAND] = self._uniform(sympy.Symbol(f"rand_{label}", real=True))
        return expression.xreplace(given)

    def _happens(
        self, event: SystemEvent, after: Mapping[Any, Any], moved: Mapping[Any, Any]
    ) -> tuple[Node, tuple[Node, Node] | None]:
        """Whether an event happens, and if it is located, the way of its guard beyond 0, and in the whole tick."""
        graph, lowering = self.graph, self.lowering
        holds = lowering.condition(event.condition)
        if event.rate is not None:
            chance = 1 - sympy.exp(-event.rate.xreplace({**after, **self._given}) * H)
            draw = self._uniform(sympy.Symbol(f"chance_of_{event.name}".replace(" ", "_"), real=True))
            return graph.both(holds, lowering.positive(chance - draw)), None
        guard = event.guard
        if not guard.free_symbols & set(moved):
            self._check_guard(event)
        if guard.free_symbols & set(moved):
            # Its sign is the same times the length of the tick.
            guard = sympy.Add(*(H * each for each in sympy.Add.make_args(guard.xreplace(moved))))
        then = guard.xreplace({**after, **self._given})
        happens = graph.both(holds, lowering.positive(then))
        if not event.assignments:
            before = lowering.positive(event.guard.xreplace(self._given))
            return graph.both(happens, graph.equal(before, graph.const(0))), None
        if not (self.tick.located and event.locate):
            return happens, None
        now = guard.xreplace(self._given)
        low, high = lowering.interval(then)
        # Of guards of all units, the largest has the same bits.
        frac = WAY_BITS - math.ceil(math.log2(max(abs(low), abs(high))))
        beyond, behind = (lowering.lower(each, frac).node for each in (then, least(now, sympy.Integer(0))))
        return happens, (beyond, graph.sub(beyond, behind))

    def _check_guard(self, event: SystemEvent) -> None:
        """Check that an event can happen, and that it does not happen all the time.

        Raises
        ------
        EquationError
            If its guard is never, or always, positive within the ranges.
        """
        low, high = self.lowering.interval(event.guard.xreplace(self._given))
        if high <= 0 or low > 0:
            what = "never" if high <= 0 else "always"
            raise EquationError(
                f"{self.system.model.name}: event {event.name!r} {what} happens within the ranges: what must become "
                f"positive is from {low:.4g} to {high:.4g}"
            )

    def _first(self, one: tuple[Node, Node, Node], other: tuple[Node, Node, Node]) -> tuple[Node, Node, Node]:
        """Of two events, the first that happens: whether one does, its way beyond, and its whole way."""
        graph = self.graph
        beyond, whole = (graph.select(one[0], *each) for each in zip(one[1:], other[1:], strict=True))
        return graph.either(one[0], other[0]), beyond, whole

    def _left(self, happens: Node, beyond: Node, whole: Node) -> Fixed:
        """The part of the tick that is left at a located event; 0 if none happens."""
        graph = self.graph
        nearest = 1 << (WAY_BITS - NEAR)
        way = graph.select(graph.less(whole, graph.const(nearest)), graph.const(nearest), whole)
        graph.within(way, nearest, max(nearest, whole.high))
        part = self.lowering.ratio(beyond, way, LAG_BITS + 2)
        node, _ = graph.clamp(part.node, 1, 1 << (LAG_BITS + 2))
        return Fixed(graph.select(happens, node, graph.const(0)), LAG_BITS + 2, min(part.error, 1.0))

    def _go_back(
        self,
        left: Fixed,
        new: dict[str, Fixed],
        after: Mapping[Any, Any],
        changes: Mapping[str, Fixed],
        errors: dict[str, float],
    ) -> None:
        """Let the states go back to the event, and the next tick be longer by what was left of this one."""
        graph, lowering, system = self.graph, self.lowering, self.system
        part = sympy.Symbol("left", real=True)
        lowering.define(part, left)
        for name, value in list(new.items()):
            word = self.state[name]
            change = sympy.Symbol(f"change_of_{name}", real=True)
            back = lowering.lower(part * change, word.frac)
            moved, outside = graph.clamp(graph.sub(value.node, back.node), word.low, word.high)
            self.saturated = graph.either(self.saturated, outside)
            new[name] = Fixed(moved, word.frac, value.error + back.error)
            errors[name] = new[name].error
            symbol = after[system.states[name].symbol]
            lowering.define(symbol, new[name])
            lowering.forget(symbol)
        self._lag(lowering.lower(part * (1 + LAG), LAG_BITS))

    def _lag(self, left: Fixed) -> None:
        """Store what is left of a tick."""
        word = self.state["lag"]
        self.graph.results["lag"] = self.graph.clamp(left.node, word.low, word.high)[0].number

    def _cross(
        self,
        left: Fixed,
        new: dict[str, Fixed],
        after: Mapping[Any, Any],
        happens: Mapping[str, Node],
        errors: dict[str, float],
    ) -> None:
        """Compute the states at the event anew, and go from there where its guard is 0, by one step of Newton's."""
        graph, lowering, system, bits = self.graph, self.lowering, self.system, LAG_BITS + 2
        crossed = graph.less(graph.const(0), left.node)
        part = sympy.Symbol("left", real=True)
        lowering.define(part, left)
        lowering.define(ELAPSED, lowering.lower((1 - part) * (1 + LAG), bits))
        at, ahead_of = {}, {}
        for change in self.tick.until:
            word, symbol = self.state[change.name], system.states[change.name].symbol
            moved = lowering.lower(change.value.xreplace(self._given), word.frac)
            node, _ = graph.clamp(graph.add(lowering.values[symbol].node, moved.node), word.low, word.high)
            at[symbol] = sympy.Symbol(f"{change.name}_at_event", real=True)
            lowering.define(at[symbol], Fixed(node, word.frac, moved.error))
        slopes = {}
        for symbol in at:
            word = self.state[symbol.name]
            rate = H * system.derivatives[symbol.name].xreplace({**at, **self._given})
            slope = slopes[symbol] = sympy.Symbol(f"slope_of_{symbol.name}", real=True)
            lowering.define(slope, lowering.lower(sympy.expand_mul(rate), word.frac))
            ahead_of[symbol] = at[symbol] + slope
        more = self._newton(happens, at, ahead_of)
        for symbol in at:
            word, start = self.state[symbol.name], lowering.values[at[symbol]]
            moved = lowering.lower(more * slopes[symbol], word.frac)
            node, outside = graph.clamp(graph.add(start.node, moved.node), word.low, word.high)
            self.saturated = graph.either(self.saturated, graph.both(crossed, outside))
            found = Fixed(graph.select(crossed, node, new[symbol.name].node), word.frac, start.error + moved.error)
            new[symbol.name] = found
            errors[symbol.name] = max(errors[symbol.name], found.error)
            lowering.define(after[symbol], found)
            lowering.forget(after[symbol])
        remains = lowering.lower(part * (1 + LAG) - more, LAG_BITS)
        self._lag(Fixed(graph.select(crossed, remains.node, graph.const(0)), LAG_BITS, remains.error))

    def _newton(self, happens: Mapping[str, Node], at: Mapping[Any, Any], ahead_of: Mapping[Any, Any]) -> Any:
        """The symbol of a step, in ticks, to where the guard of the first located event is 0."""
        graph, lowering, bits = self.graph, self.lowering, LAG_BITS + 2
        here = slope = graph.const(0)
        for event in reversed(self.system.events):
            if not (event.locate and event.assignments) or event.guard.free_symbols & set(self.system.rates.values()):
                continue
            now, then = (event.guard.xreplace({**each, **self._given}) for each in (at, ahead_of))
            low, high = lowering.interval(now)
            frac = WAY_BITS - math.ceil(math.log2(max(abs(low), abs(high))))
            now_raw = lowering.lower(now, frac).node
            rise = graph.sub(lowering.lower(then, frac).node, now_raw)
            here = graph.select(happens[event.name], now_raw, here)
            slope = graph.select(happens[event.name], rise, slope)
        late = graph.less(graph.const(0), here)
        size = graph.select(late, here, graph.sub(graph.const(0), here))
        size, _ = graph.clamp(size, 0, max(abs(here.low), abs(here.high)))
        least_slope = graph.const(1 << (WAY_BITS - NEAR))
        flat = graph.less(slope, least_slope)
        way = graph.select(flat, least_slope, slope)
        way = graph.select(graph.less(way, size), size, way)
        graph.within(way, least_slope.low, max(least_slope.low, slope.high, size.high))
        step = graph.clamp(lowering.ratio(size, way, bits).node, 0, 1 << bits)[0]
        step = graph.select(flat, graph.const(0), graph.select(late, graph.sub(graph.const(0), step), step))
        more = sympy.Symbol("step_to_event", real=True)
        lowering.define(more, Fixed(step, bits, 1.0))
        return more


def initial(quantised: Quantised, values: Mapping[Any, Any], count: int) -> dict[str, Integers]:
    """The words after reset.

    Parameters
    ----------
    quantised : Quantised
        The tick.
    values : mapping of sympy.Symbol
        Values of the parameters: numbers, or arrays of shape (count,).
    count : int
        Number of neurons.

    Returns
    -------
    dict of str to ndarray of int64, shape (count,)
        Each word that is stored, without the noise.
    """
    system = quantised.tick.system
    numbers = {**constants(system, quantised.tick.h), **values}
    found: dict[str, Any] = {}
    for name, variable in (*system.states.items(), *system.discrete.items()):
        symbols = [each.symbol for each in (*system.states.values(), *system.discrete.values()) if each.name in found]
        (value,) = compiled(symbols, [variable.start], numbers)(*(found[symbol.name] for symbol in symbols))
        found[name] = np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))
    made = {}
    for name, word in quantised.state.items():
        raw = np.floor(np.ldexp(found[name], word.frac) + 0.5) if name in found else np.zeros(count)
        made[name] = np.clip(raw, word.low, word.high).astype(np.int64)
    return made
