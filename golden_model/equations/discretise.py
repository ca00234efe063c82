"""One tick of a hybrid system, in real numbers: an explicit formula for every state.

A state whose derivative is ``a x + b`` is solved exactly over the tick, with a and b constant within it::

    x1 = x + (a x + b) kappa          kappa = (exp(a h) - 1) / a                              (1)

Whatever else the derivative depends on is taken in the middle of the tick, which makes the method second order:
that of states updated before is known; that of the others, and of x itself where it stands nonlinearly, continues the
change of the last tick::

    x_mid = x + (x1 - x) / 2    or    x + (x - x_before) / 2                                  (2)

A state whose derivative f is stiff and nonlinear in it is solved exactly for f linearised about its value::

    x1 = x + f h (exp(J h) - 1) / (J h)          J = df/dx                                    (3)

States that are linear in each other, such as the voltages of a circuit, are solved together, by the exponential of
their matrix A, which only events change::

    x1 = x + (exp(A h) - 1) x + (integral of exp(A s) from 0 to h) b                          (4)

An event that is located is where a straight line through the tick crosses its threshold, and so are the states. Those
of equation 4 are computed anew, for the time up to there, and from there one step of Newton's method follows.

If the states fall into two groups, and none depends on another of its own group or nonlinearly on itself, and events
change nothing, the groups are half a tick apart instead, and equation 2 is not needed (M. Hines).

References
----------
M. Hines, Int. J. Biomed. Comput. 15, 1984 (states half a tick apart). C. MacNamara and G. Strang, "Operator splitting",
2016 (why the order is two). M. Hochbruck and A. Ostermann, Acta Numerica 19, 2010, section 2.4 (equation 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy

from neuristor.golden_model.equations.expressions import choose, exprel, least, most, propagate, relax
from neuristor.golden_model.equations.ranges import interval
from neuristor.golden_model.equations.system import PULL, System

__all__ = [
    "ELAPSED",
    "LAG",
    "LAG_BITS",
    "LONGEST_LAG",
    "Change",
    "Tick",
    "ahead",
    "discretise",
    "largest",
    "linear_part",
    "middle",
    "newest",
]

H = sympy.Symbol("dt", positive=True)
"""The length of the tick, in second."""
LAG = sympy.Symbol("lag", real=True)
"""What an event left of the tick before, in ticks: this tick is so much longer."""
ELAPSED = sympy.Symbol("elapsed", real=True)
"""Time up to an event, in ticks."""
LONGEST_LAG = 2
"""Ticks that events may leave: two events may be nearer to each other than a tick."""
LAG_BITS = 8
"""Fraction bits of `LAG`."""
SMALL = 0.1
"""Up to this size of ``a h``, kappa is h (1 + a h / 2): what is left out is of the order that the method lacks."""
STIFF = 1.0
"""A nonlinear state is stiff if its slope times h can be larger."""
FAR = 16.0
"""From this ``-J h`` on, (1 - exp(J h)) / (-J h) is its reciprocal, within 2**-23 of it."""
GROWTH = 3.0
"""Largest ``J h``: a state that runs away reaches the end of its range in this tick or the next."""
MOST_LINEAR = 4
"""Most states that are solved together."""
MOST_TERMS = 2_000
"""Most terms of a derivative in which the linear part is searched."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """The change of a state in a tick.

    Parameters
    ----------
    name : str
        Of the state.
    kind : str
        ``constant``, ``exact``, ``exponential``, ``linearised`` or ``euler``.
    rate : sympy.Expr
        The derivative times h, or the distance from the target.
    factor : sympy.Expr
        What multiplies `rate`: kappa / h, or ``1 - exp(a h)`` beside a target.
    noise : sympy.Expr
        What is multiplied by a normal random number, or 0.
    stretch : sympy.Expr
        What else is multiplied: how much longer than h the tick is.
    near_one : bool
        Whether `factor` is near 1 where the state moves slowly.
    """

    name: str
    kind: str
    rate: Any
    factor: Any = sympy.S.One
    noise: Any = sympy.S.Zero
    stretch: Any = sympy.S.One
    near_one: bool = False

    @property
    def value(self) -> Any:
        """The change, without its noise."""
        return self.factor * self.rate * self.stretch


@dataclass(frozen=True)
class Tick:
    """A tick of a system.

    Parameters
    ----------
    system : System
        What it is a tick of.
    h : float
        Its length, in second.
    changes : tuple[Change, ...]
        In the order in which they are computed.
    ahead : tuple of str
        States whose middle continues the change of the last tick, which is kept for that.
    middle : tuple of str
        States whose middle is known when it is needed.
    newest : tuple of str
        States whose value after the tick is needed by others.
    staggered : bool
        Whether two groups of states are half a tick apart.
    located : bool
        Whether events are located within a tick: the states go back to the event, and the next tick is longer.
    until : tuple[Change, ...]
        The changes up to `ELAPSED`, if events are located by them.
    """

    system: System
    h: float
    changes: tuple[Change, ...]
    ahead: tuple[str, ...]
    middle: tuple[str, ...]
    newest: tuple[str, ...]
    staggered: bool
    located: bool
    until: tuple[Change, ...] = ()

    @property
    def order(self) -> int:
        """Order of the method."""
        return 1 if any(change.kind == "euler" for change in self.changes) else 2


def ahead(name: str) -> Any:
    """The symbol of a state in the middle of the tick, continued from the last one.

    Parameters
    ----------
    name : str
        Name of the state.
    """
    return sympy.Symbol(f"{name}_ahead", real=True)


def middle(name: str) -> Any:
    """The symbol of a state in the middle of the tick, between its values before and after.

    Parameters
    ----------
    name : str
        Name of the state.
    """
    return sympy.Symbol(f"{name}_mid", real=True)


def newest(name: str) -> Any:
    """The symbol of a state after the tick, before events.

    Parameters
    ----------
    name : str
        Name of the state.
    """
    return sympy.Symbol(f"{name}_newest", real=True)


def linear_part(expression: Any, x: Any) -> tuple[Any, Any, Any]:
    """Split an expression into ``a x + b + n``, with n what is not linear in x.

    Parameters
    ----------
    expression : sympy.Expr
        The expression.
    x : sympy.Symbol
        The variable.

    Returns
    -------
    a, b, n : sympy.Expr
        The parts; a and b do not depend on x.
    """
    a, b, n = [], [], []
    waiting, count = list(sympy.Add.make_args(expression)), 0
    while waiting:
        term = waiting.pop()
        count += 1
        if not term.has(x):
            b.append(term)
            continue
        rest, dependent = term.as_independent(x, as_Add=False)
        if dependent == x:
            a.append(rest)
            continue
        factors = sympy.Mul.make_args(dependent)
        sums = [each for each in factors if isinstance(each, sympy.Add)]
        if sums and count < MOST_TERMS and all(each == sums[0] or not each.has(x) for each in factors):
            others = sympy.Mul(rest, *(each for each in factors if each is not sums[0]))
            waiting += [others * each for each in sums[0].args]
            continue
        n.append(term)
    return sympy.Add(*a), sympy.Add(*b), sympy.Add(*n)


def _groups(system: System, needs: Mapping[str, set[str]]) -> tuple[list[str], list[str]] | None:
    """Two groups of states of which none depends on its own group; None if there are none."""
    side: dict[str, int] = {}
    for first in system.states:
        if first in side:
            continue
        side[first] = 0
        waiting = [first]
        while waiting:
            name = waiting.pop()
            near = needs[name] | {other for other, wanted in needs.items() if name in wanted}
            for other in sorted(near - {name}):
                if other not in side:
                    side[other] = 1 - side[name]
                    waiting.append(other)
                elif side[other] == side[name]:
                    return None
    return [name for name in system.states if side[name] == 0], [name for name in system.states if side[name] == 1]


def _order(states: Iterable[str], needs: Mapping[str, set[str]]) -> list[str]:
    """An order in which few states are needed before they are updated."""
    left, order = list(states), []
    while left:
        # The one that most of the others wait for, and that waits for the fewest of them.
        best = min(left, key=lambda each: (len((needs[each] & set(left)) - {each}), left.index(each)))
        order.append(best)
        left.remove(best)
    return order


def discretise(system: System, h: float, *, located: bool | None = None) -> Tick:
    """Find the formulas of a tick.

    Parameters
    ----------
    system : System
        The system.
    h : float
        Length of the tick, in second.
    located : bool, optional
        Whether events with assignments are located within a tick; by default as the model says.

    Returns
    -------
    Tick
        Its formulas.
    """
    if located is None:
        located = any(event.locate for event in system.events if event.assignments)
    stretch = 1 + LAG if located else sympy.Integer(1)
    for derivative in system.derivatives.values():
        _bounds(system, h, derivative)  # raises if it is not finite somewhere
    symbols = {name: state.symbol for name, state in system.states.items()}
    needs = {
        name: {other for other, symbol in symbols.items() if other != name and system.derivatives[name].has(symbol)}
        for name in symbols
    }
    split = {name: linear_part(system.derivatives[name], symbols[name]) for name in symbols}
    if system.model.method == "euler":
        changes = tuple(
            Change(
                name=name,
                kind="euler",
                rate=_times(system.derivatives[name], H),
                noise=_noise(system, name),
                stretch=stretch,
            )
            for name in symbols
        )
        return Tick(system, h, changes, (), (), (), staggered=False, located=located)
    block = _block(system, stretch)
    if block:
        until = _block(system, ELAPSED) if located else ()
        return Tick(system, h, block, (), (), (), staggered=False, located=located, until=until)
    curved = {name for name, (_, _, n) in split.items() if n != 0}
    slopes = {}
    for name in curved:
        slope = _slope(system, h, split[name], symbols[name])
        if slope is not None:
            slopes[name] = slope
    # What an event changes would change for one group half a tick too early.
    changing = any(event.assignments for event in system.events)
    groups = None if curved or changing else _groups(system, needs)
    if groups:
        # The group that follows the input comes second: it then takes the input of this tick with the newest others.
        first, second = groups
        if system.input and any(system.derivatives[name].has(system.input.symbol) for name in first):
            first, second = second, first
        order = first + second
    else:
        # What may jump within a tick comes first: the others then take its middle.
        order = sorted(_order(symbols, needs), key=lambda name: name not in slopes)
    used: set[Any] = set()
    made = []
    for place, name in enumerate(order):
        done = order[:place]
        if groups:
            others = {symbols[other]: newest(other) for other in needs[name] if other in done}
        else:
            others = {symbols[other]: middle(other) if other in done else ahead(other) for other in needs[name]}
        a, b, n = (each.xreplace(others) for each in split[name])
        if name in slopes:
            rate = system.derivatives[name].xreplace(others)
            used |= rate.free_symbols
            made.append(_linearised(system, (h, stretch), name, rate, slopes[name].xreplace(others)))
            continue
        if name in curved:
            rate = a * symbols[name] + b + n.xreplace({symbols[name]: ahead(name)})
        else:
            rate = system.derivatives[name].xreplace(others)
        used |= rate.free_symbols
        made.append(_change(system, (h, stretch), name, a, rate, b, name in curved))
    return Tick(
        system,
        h,
        tuple(made),
        tuple(name for name in symbols if ahead(name) in used),
        tuple(name for name in symbols if middle(name) in used),
        tuple(name for name in symbols if newest(name) in used),
        staggered=bool(groups),
        located=located,
    )


def _block(system: System, stretch: Any) -> tuple[Change, ...]:
    """The changes of states that are linear in each other, with coefficients that only events change: equation 4."""
    symbols = [state.symbol for state in system.states.values()]
    n = len(symbols)
    if not 2 <= n <= MOST_LINEAR or system.noise:
        return ()
    known = set(system.values) | {each.symbol for each in system.discrete.values() if each.values is not None}
    matrix: list[list[Any]] = []
    for derivative in system.derivatives.values():
        parts = [linear_part(derivative, symbol) for symbol in symbols]
        if any(curved != 0 or a.free_symbols - known for a, _, curved in parts):
            return ()
        matrix.append([a for a, _, _ in parts])
    reached = sympy.Matrix(n, n, lambda k, m: int(matrix[k][m] != 0 or k == m)) ** n
    if reached.is_diagonal():
        return ()
    entries = [H * a for row in matrix for a in row]
    zero = dict.fromkeys(symbols, sympy.Integer(0))
    rest = [H * derivative.xreplace(zero) for derivative in system.derivatives.values()]
    made = []
    for k, name in enumerate(system.states):
        terms = []
        for m in range(n):
            if reached[k, m]:
                terms.append(propagate(0, k, m, n, *entries, stretch) * symbols[m])
                terms += [propagate(1, k, m, n, *entries, stretch) * each for each in sympy.Add.make_args(rest[m])]
        made.append(Change(name=name, kind="exact", rate=sympy.Add(*terms)))
    return tuple(made)


def _slope(system: System, h: float, parts: tuple[Any, Any, Any], x: Any) -> Any:
    """The derivative of a rate by its own state, if the state is stiff and few tables give it; else None."""
    a, _, n = parts
    slopes = [a]
    constant = {x, *system.values}
    waiting, count = list(sympy.Add.make_args(n)), 0
    while waiting:
        rest, dependent = waiting.pop().as_independent(x, as_Add=False)
        factors = sympy.Mul.make_args(dependent)
        mixed = [each for each in factors if each.free_symbols - constant]
        count += 1
        if any(each.has(least, most, choose, exprel) for each in factors) or count > MOST_TERMS:
            return None
        if mixed and mixed[0].is_Add:
            others = sympy.Mul(rest, *(each for each in factors if each is not mixed[0]))
            waiting += [others * each for each in mixed[0].args]
        else:
            slopes.append(rest * sympy.diff(dependent, x))
    slope = sympy.Add(*slopes)
    return slope if _size(system, h, H * slope) > STIFF else None


def _linearised(system: System, time: tuple[float, Any], name: str, rate: Any, slope: Any) -> Change:
    """Equation 3 for a state."""
    h, stretch = time
    z = stretch * _times(-slope, H)
    low, high = _bounds(system, h, z)
    near = z if low >= -GROWTH else most(z, sympy.Float(-GROWTH))
    part: Any = relax(near if high <= FAR else least(near, sympy.Float(FAR)))
    if high > FAR:
        part = choose(z < FAR, part, 1 / most(z, sympy.Float(FAR)))
    return Change(
        name=name,
        kind="linearised",
        rate=_times(rate, H),
        factor=part,
        noise=_noise(system, name),
        stretch=stretch,
        near_one=True,
    )


def _noise(system: System, name: str) -> Any:
    return system.noise.get(name, sympy.Integer(0)) * sympy.sqrt(H)


def _change(system: System, time: tuple[float, Any], name: str, a: Any, rate: Any, b: Any, curved: bool) -> Change:
    """Equation 1 for a state."""
    h, stretch = time
    noise = _noise(system, name)
    follows = Change(name=name, kind="constant", rate=_times(rate, H), noise=noise, stretch=stretch)
    if a == 0:
        return follows
    variables = {
        *(state.symbol for state in system.states.values()),
        *(value.symbol for value in system.discrete.values()),
        *(each(state) for state in system.states for each in (ahead, middle, newest)),
        *([system.input.symbol] if system.input else []),
        *([PULL] if system.pull else []),
    }
    # Discrete values of which there are few are no variables: a table has each case.
    variables -= {value.symbol for value in system.discrete.values() if value.values is not None}
    both = (a.free_symbols | b.free_symbols) & variables
    low, high = _bounds(system, h, a)
    if not curved and len(both) <= 1 and a.free_symbols & variables and not low <= 0 <= high:
        # Target and decay depend on one variable: a table each.
        target = -b / a - system.states[name].symbol
        return Change(name=name, kind="exact", rate=target, factor=1 - sympy.exp(a * H * stretch), noise=noise)
    if not a.free_symbols & variables:
        # exp(a h) - 1 is about a h: a table of what is left has more bits.
        factor = (sympy.exp(a * H * stretch) - 1) / (a * H * stretch)
        return replace(follows, kind="exact", factor=factor, near_one=True)
    z = stretch * _times(-a, H)  # positive where the state decays, as conductances in the terms of the derivative are
    factor = 1 - z / 2 if _size(system, h, z) < SMALL else relax(z)
    return replace(follows, kind="exponential", factor=factor, near_one=True)


def _times(e: Any, length: Any) -> Any:
    """An expression times the length of a tick, with each term of a sum multiplied, so that terms are shared."""
    rest = e
    sums = [each for each in sympy.Mul.make_args(e) if each.is_Add]
    if sums and not e.is_Add:
        rest, length = sums[0], length * sympy.Mul(*(each for each in sympy.Mul.make_args(e) if each is not sums[0]))
    return sympy.Add(*(length * each for each in sympy.Add.make_args(rest)))


def largest(tick: Tick, change: Change) -> float:
    """Largest change of a state in a tick, over the ranges of all states.

    Parameters
    ----------
    tick : Tick
        The tick.
    change : Change
        One of its changes.
    """
    return _size(tick.system, tick.h, change.value)


def _size(system: System, h: float, e: Any) -> float:
    """Largest absolute value of an expression, over the ranges of the states."""
    low, high = _bounds(system, h, e)
    return max(abs(low), abs(high))


def _bounds(system: System, h: float, e: Any) -> tuple[float, float]:
    """Lowest and highest value of an expression, over the ranges of the states."""
    ranges: dict[Any, tuple[float, float]] = {}
    others = [each for each in (system.input, system.pull) if each is not None]
    for each in (*system.states.values(), *system.discrete.values(), *others):
        bounds = each.low, each.high
        ranges |= dict.fromkeys((each.symbol, *(some(each.name) for some in (ahead, middle, newest))), bounds)
    ranges[LAG] = (0.0, float(LONGEST_LAG))
    numbers = {symbol: sympy.Float(value) for symbol, value in {**system.values, H: h}.items()}
    values = {each.symbol: each.values for each in system.discrete.values() if each.values is not None}
    return interval(e.xreplace(numbers), ranges, system.model.name, values)
