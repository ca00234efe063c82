"""From the formulas of a tick to integers: formats, tables, reciprocals, and a bound for the error of each value.

A formula is lowered for the resolution that its user needs. Factors of a product have as many bits as that needs, and
at most `Words.operand`. What depends on one variable only becomes one table with linear interpolation; its entries are
shifted from the curve by a twelfth of the second difference, which makes the mean error zero. The reciprocal of a
quantity that spans octaves is normalised first. Every value carries a bound for its distance from the real formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from neuristor.golden_model.equations.expressions import EquationError, choose, least, most, propagate
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.graph import Graph, Node
from neuristor.golden_model.equations.ranges import CASES, Interval, interval

__all__ = ["Fixed", "Lowering", "Table", "Words"]

Floats = NDArray[np.float64]
NORMALISED, MANY = 16, 1024
"""Ratios of the ends of an expression beyond which its reciprocal takes a normalised argument, and a table is tried."""
COARSE = 1 / 32
"""Error of a table from which on it is called coarse, as a part of the largest value of its function."""
RATIO_BITS = 13
"""Bits of the quotient of a way and a larger one."""
FINE = 8
"""Points per entry at which a table is compared with its function."""


@dataclass(frozen=True)
class Words:
    """Word lengths, in bits.

    Parameters
    ----------
    state : int
        Of a state.
    operand : int
        Most bits of a factor, with the sign.
    drive : int
        Of the input.
    entries : int
        Most entries of a table.
    """

    state: int = 24
    operand: int = 18
    drive: int = 18
    entries: int = 512


@dataclass(frozen=True)
class Fixed:
    """A real value as an integer: ``node / 2**frac``.

    Parameters
    ----------
    node : Node
        The integer.
    frac : int
        Fraction bits; may be negative.
    error : float
        Largest distance from the value of the formula, from the same state.
    """

    node: Node
    frac: int
    error: float

    @property
    def low(self) -> float:
        """Lowest value."""
        return math.ldexp(self.node.low, -self.frac)

    @property
    def high(self) -> float:
        """Highest value."""
        return math.ldexp(self.node.high, -self.frac)

    @property
    def size(self) -> float:
        """Largest absolute value."""
        return math.ldexp(self.node.size, -self.frac)


@dataclass(frozen=True)
class Table:
    """A table, for reports and checks.

    Parameters
    ----------
    name : str
        Its name in the circuit.
    formula : str
        The function, as text.
    variable : str
        What it is a function of.
    low : float
        Lowest value of the variable.
    high : float
        Highest value of the variable.
    entries : int
        How many there are.
    error : float
        Largest distance of the interpolation from the function.
    coarse : bool
        Whether that is much of the largest value: a steep function over a long range.
    """

    name: str
    formula: str
    variable: str
    low: float
    high: float
    entries: int
    error: float
    coarse: bool


def _log2(value: float) -> int:
    """The least n with ``2**n >= value``."""
    if value <= 0:
        return -64
    mantissa, exponent = math.frexp(value)
    return exponent - 1 if mantissa == 0.5 else exponent


class Lowering:
    """Lowers formulas into a graph.

    Parameters
    ----------
    graph : Graph
        Receives the operations.
    numbers : mapping of sympy.Symbol
        Values of what does not change: numbers, or arrays with a value for each neuron.
    words : Words
        Word lengths.
    where : str
        The model, for messages.
    names : mapping of sympy.Expr to str
        Names of parts of formulas.

    Attributes
    ----------
    values : dict of sympy.Symbol to Fixed
        What the symbols stand for.
    finite : dict of sympy.Symbol to tuple of int
        All values of discrete symbols that have few.
    columns : dict of str to ndarray of int64, shape (count,)
        Words that each neuron has of its own.
    tables : list of Table
        The tables.
    wanted : dict of sympy.Expr to int
        The finest resolution that was asked for, in fraction bits, of each part.
    """

    def __init__(
        self, graph: Graph, numbers: Mapping[Any, Any], words: Words, where: str, names: Mapping[Any, str]
    ) -> None:
        self.graph, self.numbers, self.words, self.where, self.names = graph, numbers, words, where, names
        self.values: dict[Any, Fixed] = {}
        self.finite: dict[Any, tuple[int, ...]] = {}
        self.columns: dict[str, NDArray[np.int64]] = {}
        self.tables: list[Table] = []
        self.wanted: dict[Any, int] = {}
        self._parts: dict[Any, Any] = {}
        self._lowered: dict[Any, dict[int, Fixed]] = {}
        self._ranges: dict[Any, Interval] = {}
        self._intervals: dict[Any, Interval] = {}
        self._abstract: dict[Any, Any] = {}

    def define(self, symbol: Any, value: Fixed, values: tuple[int, ...] | None = None) -> None:
        """Say what a symbol stands for.

        Parameters
        ----------
        symbol : sympy.Symbol
            The symbol.
        value : Fixed
            Its value.
        values : tuple of int, optional
            All values of a discrete symbol.
        """
        self.values[symbol] = value
        self._ranges[symbol] = (value.low, value.high)
        if values is not None:
            self.finite[symbol] = values

    def forget(self, symbol: Any) -> None:
        """Forget what was computed with a symbol whose value has changed.

        Parameters
        ----------
        symbol : sympy.Symbol
            The symbol.
        """
        self._lowered = {e: known for e, known in self._lowered.items() if not self._reads(e, symbol)}
        for part in [part for part in self.values if part in self._parts and self._reads(part, symbol)]:
            del self.values[part]

    def _reads(self, e: Any, symbol: Any) -> bool:
        """Whether an expression depends on a symbol, also through its parts."""
        return any(
            each == symbol or (each in self._parts and self._reads(self._parts[each], symbol))
            for each in e.free_symbols
        )

    # What does not change

    def _number(self, e: Any) -> Any:
        """The value of an expression without variables: a number, or an array over the neurons.

        Raises
        ------
        EquationError
            If it is not finite.
        """
        (value,) = compiled([], [e], {s: self.numbers[s] for s in e.free_symbols})()
        value = np.asarray(value, dtype=np.float64)
        if not np.isfinite(value).all():
            raise EquationError(f"{self.where}: {str(e)[:60]!r} is not finite")
        return value if value.ndim else float(value)

    def _is_constant(self, e: Any) -> bool:
        return not (e.free_symbols - set(self.numbers))

    def constant(self, value: Any, frac: int) -> Fixed:
        """A constant, or a word that each neuron has of its own.

        Parameters
        ----------
        value : float or ndarray of float
            Its value.
        frac : int
            Fraction bits.
        """
        raw = np.floor(np.ldexp(np.asarray(value, dtype=np.float64), frac) + 0.5)
        error = math.ldexp(0.5, -frac)
        if raw.ndim == 0 or (raw == raw.flat[0]).all():
            return Fixed(self.graph.const(int(raw.flat[0])), frac, error)
        column = raw.astype(np.int64)
        same = (each for each, known in self.columns.items() if np.array_equal(known, column))
        name = next(same, f"own_{len(self.columns)}")
        self.columns[name] = column
        return Fixed(self.graph.given("param", name, int(column.min()), int(column.max())), frac, error)

    # Ranges

    def _variables(self, e: Any) -> set[Any]:
        found: set[Any] = e.free_symbols & set(self._ranges)
        return found

    def _simplified(self, e: Any) -> Any:
        """An expression with numbers for what does not change; the widest of the neurons' values does for a range."""
        numbers = {}
        for symbol in e.free_symbols & set(self.numbers):
            value = np.asarray(self.numbers[symbol], dtype=np.float64)
            if value.ndim:
                spread = sympy.Dummy(str(symbol), real=True)
                self._ranges[spread] = (float(value.min()), float(value.max()))
                numbers[symbol] = spread
            else:
                numbers[symbol] = sympy.Float(float(value))
        return e.xreplace(numbers)

    def interval(self, e: Any) -> Interval:
        """An interval that contains all values of an expression.

        Parameters
        ----------
        e : sympy.Expr
            The expression.
        """
        if e not in self._intervals:
            self._intervals[e] = interval(self._simplified(e), self._ranges, self.where, self.finite)
        return self._intervals[e]

    def _cased(self, e: Any) -> list[tuple[dict[Any, int], Any]]:
        """An expression for each combination of its discrete values."""
        cases: list[dict[Any, int]] = [{}]
        for symbol in sorted(self._variables(e) & set(self.finite), key=str):
            cases = [{**case, symbol: value} for case in cases for value in self.finite[symbol]]
        return [(case, e.xreplace({s: sympy.Integer(v) for s, v in case.items()})) for case in cases]

    def _size(self, e: Any) -> float:
        low, high = self.interval(e)
        return max(abs(low), abs(high))

    # Abstraction: what a function is applied to becomes a variable of its own.

    def abstracted(self, e: Any) -> Any:
        """The expression with a variable for each argument of several variables, each choice and each limit.

        Parameters
        ----------
        e : sympy.Expr
            The expression.
        """
        if e in self._abstract:
            return self._abstract[e]
        if not e.args or self._is_constant(e):
            return e
        if isinstance(e, (sympy.logic.boolalg.Boolean, propagate)):
            return e
        if e.has(choose) and self._by_discrete(e) and not (self._differs(e) and self._variables(e) - set(self.finite)):
            return e
        args = [self.abstracted(each) for each in e.args]
        if isinstance(e, (least, most, choose)):
            made = self._part(e.func(*args))
        elif isinstance(e, sympy.Function) or (e.is_Pow and not (e.exp.is_Integer and e.exp > 0)):
            constant, argument = args[0].as_independent(*self._ranges, as_Add=False)
            continuous = self._variables(argument) - set(self.finite)
            if continuous and self._differs(args[0]):
                args[0] = self._part(args[0])  # a table is the same for all neurons
            elif len(continuous) > 1 or (continuous and argument.has(least, most, choose)):
                args[0] = constant * self._part(argument)
            made = e.func(*args)
        else:
            made = e.func(*args)
        self._abstract[e] = made
        return made

    def _differs(self, e: Any) -> bool:
        """Whether an expression has parameters in which neurons differ."""
        return any(np.ndim(self.numbers[s]) for s in e.free_symbols & set(self.numbers))

    def _by_discrete(self, e: Any) -> bool:
        """Whether an expression has one variable at most, and choices by discrete values only."""
        if len(self._variables(e) - set(self.finite)) > 1 or e.has(least, most):
            return False
        known = set(self.finite) | set(self.numbers)
        return all(each.args[0].free_symbols <= known for each in e.atoms(choose)) and self._combinations(e) <= CASES

    def _combinations(self, e: Any) -> int:
        """How many combinations the discrete values of an expression have."""
        return math.prod(len(self.finite[each]) for each in self._variables(e) & set(self.finite))

    def _part(self, e: Any) -> Any:
        """The variable that stands for an expression."""
        if e.is_Symbol:
            return e
        low, high = self.interval(e)
        if low == high:
            return sympy.Float(low)
        if e not in self._parts:
            symbol = sympy.Dummy(self.names.get(e, f"part_{len(self._parts)}"), real=True)
            self._parts[e] = symbol
            self._ranges[symbol] = self.interval(e)
            self._parts[symbol] = e
        return self._parts[e]

    def _variable(self, symbol: Any, finest: int = 64) -> Fixed:
        """The value of a variable; that of a part with the bits that a table needs."""
        if symbol in self.values:
            return self.values[symbol]
        e = self._parts[symbol]
        low, high = self.interval(e)
        # The position in a table: entries and 10 bits between two.
        frac = min(finest, _log2(self.words.entries) + 10 - _log2(high - low))
        value = self.lower(e, frac)
        if str(symbol) and not str(symbol).startswith("part_"):
            self.graph.named(value.node, str(symbol))
        self.values[symbol] = value
        self._ranges[symbol] = (value.low, value.high)
        return value

    # Lowering

    def lower(self, e: Any, frac: int) -> Fixed:
        """Lower an expression.

        Parameters
        ----------
        e : sympy.Expr
            The expression.
        frac : int
            Fraction bits of the result.

        Returns
        -------
        Fixed
            With these fraction bits.
        """
        e = self.abstracted(e)
        known = self._lowered.setdefault(e, {})
        if frac not in known:
            if self._is_constant(e) or e in self.values:
                known[frac] = self._lower(e, frac)
            else:
                finest = self.wanted[e] = max(frac, self.wanted.get(e, frac))
                if finest not in known:
                    known[finest] = self._lower(e, finest)
                known[frac] = self.scaled(known[finest], frac)
        return known[frac]

    def again(self, graph: Graph) -> None:
        """Begin again with another graph, and with what was learnt: the finest resolution that each part needs.

        Parameters
        ----------
        graph : Graph
            Receives the operations.
        """
        self.graph = graph
        self.values, self.columns, self.tables, self._lowered, self._intervals = {}, {}, [], {}, {}

    def _lower(self, e: Any, frac: int) -> Fixed:
        if self._is_constant(e):
            return self.constant(self._number(e), frac)
        if e.is_Symbol:
            if e in self.values:
                return self.scaled(self.values[e], frac)
            return self.lower_part(self._parts[e], frac)
        continuous = self._variables(e) - set(self.finite)
        if not continuous:
            return self._by_cases(e, frac)
        if len(continuous) == 1 and self._tabular(e, next(iter(continuous))):
            return self._tabulated(e, next(iter(continuous)), frac)
        if e.is_Add:
            return self._sum(e, frac)
        if e.is_Mul or (e.is_Pow and e.exp.is_Integer and e.exp > 0):
            return self._product(e, frac)
        if e.is_Pow and e.exp.is_Integer:
            return self._quotient(e, frac)
        return self.lower_part(e, frac)

    def lower_part(self, e: Any, frac: int) -> Fixed:
        """Lower a choice, a limit, or the argument of a function.

        Parameters
        ----------
        e : sympy.Expr
            The expression.
        frac : int
            Fraction bits of the result.

        Raises
        ------
        EquationError
            If it has a function that circuits do not have.
        """
        graph = self.graph
        if isinstance(e, (least, most)):
            a, b = (self.lower(each, frac) for each in e.args)
            below = graph.less(a.node, b.node)
            yes, no = (a, b) if isinstance(e, least) else (b, a)
            node = graph.select(below, yes.node, no.node)
            low, high = (max, max) if isinstance(e, most) else (min, min)
            bound = low(a.node.low, b.node.low), high(a.node.high, b.node.high)
            return Fixed(graph.within(node, *bound), frac, max(a.error, b.error))
        if isinstance(e, choose):
            condition = self.condition(e.args[0])
            a, b = (self.lower(each, frac) for each in e.args[1:])
            return Fixed(graph.select(condition, a.node, b.node), frac, max(a.error, b.error))
        if e.is_Add or e.is_Mul or e.is_Pow or e.is_Symbol:
            return self._lower(e, frac)
        raise EquationError(f"{self.where}: {str(e)[:60]!r} cannot be computed in a circuit")

    def scaled(self, value: Fixed, frac: int) -> Fixed:
        """The same value with other fraction bits.

        Parameters
        ----------
        value : Fixed
            The value.
        frac : int
            Fraction bits of the result.
        """
        if frac >= value.frac:
            return Fixed(self.graph.shl(value.node, frac - value.frac), frac, value.error)
        node = self.graph.round(value.node, value.frac - frac)
        return Fixed(node, frac, value.error + math.ldexp(0.5, -frac))

    def condition(self, e: Any) -> Node:
        """Lower a condition.

        Parameters
        ----------
        e : sympy.Boolean
            The condition.

        Raises
        ------
        EquationError
            If it is of another kind than comparisons joined by and, or, not.
        """
        graph = self.graph
        if e in (sympy.true, sympy.false):
            return graph.const(int(e == sympy.true))
        if isinstance(e, (sympy.And, sympy.Or)):
            made = [self.condition(each) for each in sorted(e.args, key=str)]
            join = graph.both if isinstance(e, sympy.And) else graph.either
            whole = made[0]
            for each in made[1:]:
                whole = join(whole, each)
            return whole
        if isinstance(e, sympy.Not):
            return graph.equal(self.condition(e.args[0]), graph.const(0))
        if isinstance(e, sympy.core.relational.Relational):
            return self._compared(e)
        raise EquationError(f"{self.where}: {str(e)[:60]!r} is no condition of a circuit")

    def _compared(self, e: Any) -> Node:
        graph = self.graph
        a, b = e.lhs, e.rhs
        if isinstance(e, (sympy.Gt, sympy.Le)):
            a, b = b, a  # a > b is b < a; a <= b is not (b < a)
        negated = isinstance(e, (sympy.Le, sympy.Ge))
        frac = max(self._natural(a), self._natural(b))
        x, y = self.lower(a, frac).node, self.lower(b, frac).node
        if isinstance(e, (sympy.Eq, sympy.Ne)):
            same = graph.equal(x, y)
            return graph.equal(same, graph.const(0)) if isinstance(e, sympy.Ne) else same
        below = graph.less(x, y)
        return graph.equal(below, graph.const(0)) if negated else below

    def _natural(self, e: Any) -> int:
        """Fraction bits at which an expression loses nothing, or has the bits of a word."""
        e = self.abstracted(e)
        if self._is_constant(e):
            return -64 if self._number(e) == 0 else 0
        if e.is_Symbol and e in self.values:
            return self.values[e].frac
        if e.is_Add:
            return max(self._natural(each) for each in e.args)
        return self.words.state - 2 - _log2(self._size(e))

    def positive(self, e: Any) -> Node:
        """Whether an expression is above zero.

        Parameters
        ----------
        e : sympy.Expr
            The expression.
        """
        e = self.abstracted(e)
        constants = [each for each in sympy.Add.make_args(e) if self._is_constant(each)]
        others = sympy.Add(*(each for each in sympy.Add.make_args(e) if not self._is_constant(each)))
        frac = self._natural(others)
        left = self.constant(-self._number(sympy.Add(*constants)) if constants else 0.0, frac)
        return self.graph.less(left.node, self.lower(others, frac).node)

    # Sums and products

    def _sum(self, e: Any, frac: int) -> Fixed:
        constants = sympy.Add(*(each for each in e.args if self._is_constant(each)))
        # Terms of the same variable that need a table share it.
        groups: dict[Any, list[Any]] = {}
        for term in e.args:
            if self._is_constant(term):
                continue
            own = self._variables(term) - set(self.finite)
            key = next(iter(own)) if len(own) == 1 and self._tabular(term, next(iter(own))) else term
            groups.setdefault(key, []).append(term)
        total: Fixed | None = None
        for terms in groups.values():
            value = self.lower(sympy.Add(*terms), frac)
            if total is None:
                total = value
            else:
                total = Fixed(self.graph.add(total.node, value.node), frac, total.error + value.error)
        assert total is not None
        if constants != 0:
            value = self.constant(self._number(constants), frac)
            if value.node.constant is not None and value.node.constant < 0:
                node = self.graph.sub(total.node, self.graph.const(-value.node.constant))
            else:
                node = self.graph.add(total.node, value.node)
            total = Fixed(node, frac, total.error + value.error)
        return total

    def _factors(self, e: Any) -> tuple[Any, list[Any]]:
        """Constant factor of a product, and its other factors; those of one variable that need a table are one."""
        constant, factors = [], []
        for each in sympy.Mul.make_args(e):
            if self._is_constant(each):
                constant.append(each)
            else:
                factors.append(each)
        groups: dict[Any, list[Any]] = {}
        rest = []
        for each in factors:
            own = self._variables(each) - set(self.finite)
            if len(own) == 1 and self._tabular(each, next(iter(own))):
                groups.setdefault(next(iter(own)), []).append(each)
            elif not own:
                groups.setdefault(None, []).append(each)
            else:
                rest.append(each)
        for symbol, members in groups.items():
            if symbol is not None:
                more = [each for each in rest if self._variables(each) - set(self.finite) == {symbol}]
                members += more
                rest = [each for each in rest if each not in more]
        made = [sympy.Mul(*members) for members in groups.values()]
        return sympy.Mul(*constant), made + rest

    def _product(self, e: Any, frac: int) -> Fixed:
        constant, factors = self._factors(e)
        cases = [each for each in factors if not self._variables(each) - set(self.finite)]
        factors = [each for each in factors if each not in cases]
        # A constant goes into a table, if there is one.
        shared = all(np.ndim(self.numbers[s]) == 0 for s in constant.free_symbols & set(self.numbers))
        for place, each in enumerate(factors):
            own = self._variables(each) - set(self.finite)
            if constant != 1 and shared and len(own) == 1 and self._tabular(each, next(iter(own))):
                factors[place] = constant * each
                constant = sympy.Integer(1)
        if cases and (signs := self._signs(sympy.Mul(*cases))):
            value = self._product(
                sympy.Mul(constant * sympy.Float(signs[0]) if signs[0] != 1 else constant, *factors), frac
            )
            minus = self.graph.sub(self.graph.const(0), value.node)
            nodes = {1.0: value.node, -1.0: minus}
            return Fixed(self._chosen(signs[1], nodes), frac, value.error)
        scale = sympy.Mul(constant, *cases)
        expanded: list[Any] = []
        for each in factors:
            if each.is_Pow and each.exp.is_Integer and each.exp > 0:
                expanded.append((each.base, int(each.exp)))
            else:
                expanded.append((each, 1))
        if len(expanded) == 1 and expanded[0][1] == 1:
            return self._times(scale, expanded[0][0], frac)
        if scale == 1:
            return self._powers(expanded, frac)
        # What stands in several products, such as a conductance, is scaled before it is multiplied by a sum.
        sums = [each for each in expanded if each[0].is_Add]
        plain = [each for each in expanded if not each[0].is_Add]
        if plain and sums:
            own = sympy.Mul(scale, *(base**power for base, power in plain))
            size = self._size(sympy.Mul(*(base**power for base, power in sums)))
            other = lambda frac: self._powers(sums, frac)  # noqa: E731
            return self._multiplied(lambda frac: self.lower(own, frac), self._size(own), other, size, frac)
        size = math.prod(self._size(base) ** power for base, power in expanded)
        return self._scaled_by(scale, self._powers(expanded, self._operand(size, self._size(scale), frac)), frac)

    def _powers(self, factors: list[tuple[Any, int]], frac: int) -> Fixed:
        """The product of powers: squares first."""
        sizes = [self._size(base) ** power for base, power in factors]
        whole: Callable[[int], Fixed] | None = None
        size = 1.0
        for (base, power), own in zip(factors, sizes, strict=True):
            this = self._power_of(base, power)
            whole, size = (this, own) if whole is None else (self._joined(whole, size, this, own), size * own)
        assert whole is not None
        return whole(frac)

    def _joined(
        self, a: Callable[[int], Fixed], a_size: float, b: Callable[[int], Fixed], b_size: float
    ) -> Callable[[int], Fixed]:
        def made(frac: int) -> Fixed:
            return self._multiplied(a, a_size, b, b_size, frac)

        return made

    def _power_of(self, base: Any, power: int) -> Callable[[int], Fixed]:
        size = self._size(base)
        if power == 1:
            return lambda frac: self.lower(base, frac)
        half = self._power_of(base, power // 2)
        square = self._joined(half, size ** (power // 2), half, size ** (power // 2))
        if power % 2 == 0:
            return square
        return self._joined(square, size ** (power - 1), lambda frac: self.lower(base, frac), size)

    def _operand(self, size: float, other: float, frac: int) -> int:
        """Fraction bits of a factor: what the result needs, within the bits of an operand."""
        return min(frac + _log2(other) + 1, self.words.operand - 1 - _log2(size * (1 + 1e-9)))

    def _multiplied(
        self, a: Callable[[int], Fixed], a_size: float, b: Callable[[int], Fixed], b_size: float, frac: int
    ) -> Fixed:
        x = a(self._operand(a_size, b_size, frac))
        y = b(self._operand(b_size, a_size, frac))
        product = self.graph.mul(x.node, y.node)
        error = x.error * (y.size + y.error) + y.error * x.size
        return self.scaled(Fixed(product, x.frac + y.frac, error), frac)

    def _times(self, scale: Any, e: Any, frac: int) -> Fixed:
        """A factor of constants or discrete values, times an expression."""
        if scale == 1:
            return self.lower(e, frac)
        if scale == -1:
            value = self.lower(e, frac)
            return Fixed(self.graph.sub(self.graph.const(0), value.node), frac, value.error)
        size, own = self._size(scale), self._size(e)
        if self._is_constant(scale) and np.ndim(number := self._number(scale)) == 0 and number:
            mantissa, exponent = math.frexp(abs(number))
            if mantissa == 0.5:  # a power of two
                value = self.lower(e, frac + exponent - 1)
                node = value.node if number > 0 else self.graph.sub(self.graph.const(0), value.node)
                return Fixed(node, frac, math.ldexp(value.error, exponent - 1))
        return self._scaled_by(scale, self.lower(e, self._operand(own, size, frac)), frac)

    def _scaled_by(self, scale: Any, value: Fixed, frac: int) -> Fixed:
        factor = self.lower(scale, self._operand(self._size(scale), value.size, frac))
        product = self.graph.mul(value.node, factor.node)
        error = value.error * (factor.size + factor.error) + factor.error * value.size
        return self.scaled(Fixed(product, value.frac + factor.frac, error), frac)

    # Discrete values

    def _cases(self, e: Any) -> list[tuple[dict[Any, int], float]] | None:
        """The value of an expression for all combinations of its discrete variables."""
        if self._combinations(e) > CASES:
            return None
        made = [(case, self._number(each)) for case, each in self._cased(e)]
        return None if any(np.ndim(value) for _, value in made) else made

    def _signs(self, e: Any) -> tuple[float, list[tuple[dict[Any, int], float]]] | None:
        """Size of an expression of discrete variables, and its sign by cases, if only its sign changes."""
        cases = self._cases(e)
        if cases is None or len({abs(value) for _, value in cases}) != 1 or not cases[0][1]:
            return None
        size = abs(cases[0][1])
        return size, [(case, value / size) for case, value in cases]

    def _chosen(self, cases: list[tuple[dict[Any, int], float]], nodes: Mapping[float, Node]) -> Node:
        """One of several nodes, by the values of discrete variables."""
        graph = self.graph
        *others, (_, last) = cases
        chosen = nodes[last]
        for case, value in reversed(others):
            condition = graph.const(1)
            for symbol, each in case.items():
                own = self.values[symbol]
                condition = graph.both(condition, graph.equal(own.node, graph.const(each << own.frac)))
            chosen = graph.select(condition, nodes[value], chosen)
        return chosen

    def _by_cases(self, e: Any, frac: int) -> Fixed:
        if self._combinations(e) > CASES:
            raise EquationError(f"{self.where}: {str(e)[:60]!r} depends on too many discrete values")
        made = [(case, self.constant(self._number(each), frac).node) for case, each in self._cased(e)]
        numbers = [(case, float(node.number)) for case, node in made]
        chosen = self._chosen(numbers, {float(node.number): node for _, node in made})
        return Fixed(chosen, frac, math.ldexp(0.5, -frac))

    # Functions of one variable

    def _tabular(self, e: Any, x: Any) -> bool:
        """Whether an expression of one variable needs a table: it is neither linear in it nor a power."""
        if self._differs(e):
            return False
        if e.has(choose):
            return self._by_discrete(e)
        if e.has(least, most):
            return False
        rest, dependent = e.as_independent(x, as_Add=False)
        if rest.free_symbols & set(self.finite):
            return False
        if dependent == x or (
            dependent.is_Pow and dependent.base == x and dependent.exp.is_Integer and 0 < dependent.exp <= 4
        ):
            return False
        if e.is_Add:
            parts = [each for each in e.args if each.has(x)]
            return any(self._tabular(each, x) for each in parts) or len(parts) > 2
        if dependent.is_Mul and not any(each.is_Function or each.is_Pow or each.is_Add for each in dependent.args):
            return False
        if dependent.is_Add:
            return self._tabular(dependent, x)
        if not (dependent.is_Pow and dependent.exp == -1 and self._wide(dependent.base, NORMALISED)):
            return True
        # The reciprocal of what goes over many octaves is smooth where that is, say, 1 + exp(x).
        return self._wide(dependent.base, MANY) and self._tabular(dependent.base, x) and self._smooth(dependent, x)

    def _smooth(self, e: Any, x: Any) -> bool:
        """Whether a table of one variable follows a function of it."""
        low, high = self.interval(x)
        names = {s: self.numbers[s] for s in e.free_symbols & set(self.numbers)}
        function = compiled([x], [e], names)
        at = np.linspace(low, high, FINE * self.words.entries // 2 + 1)
        values = np.broadcast_to(function(at)[0], at.shape)
        if not np.isfinite(values).all():
            return False
        error = np.abs(np.interp(at, at[::FINE], values[::FINE]) - values).max()
        return bool(error < COARSE / 8 * np.abs(values).max())

    def _wide(self, e: Any, ratio: int) -> bool:
        """Whether one end of an expression is larger than the other by more than a ratio."""
        low, high = self.interval(e)
        if low <= 0 <= high:
            return True  # an error, found where the quotient is made
        ends = sorted((abs(low), abs(high)))
        return ends[1] > ratio * ends[0]

    def _tabulated(self, e: Any, symbol: Any, frac: int) -> Fixed:
        return self._table(self._cased(e), symbol, self._variable(symbol), frac)

    def _table(self, cases: list[tuple[dict[Any, int], Any]], symbol: Any, x: Fixed, frac: int) -> Fixed:
        """A table of a function of one variable, for each combination of discrete values, with linear interpolation."""
        reals = [self._real(e, symbol, x) for _, e in cases]
        low, high = x.node.low, x.node.high
        span = high - low + 1
        size = max(self._size(e) for _, e in cases)
        frac_in = min(frac, self.words.operand - 1 - _log2(size * 1.001))  # entries fit an operand
        entries, worst = 4, math.inf
        while worst > math.ldexp(0.5, -frac_in) and entries * len(cases) < self.words.entries:
            entries *= 2
            position = max(0, _log2(span / entries))
            made = [
                self._entries(real, low, high, position, e, symbol) for real, (_, e) in zip(reals, cases, strict=True)
            ]
            worst = max(error for _, error in made)
            if position == 0:
                break
        edges = [each for each, _ in made]
        name = self._table_name(cases[0][1])
        raws = [np.floor(np.ldexp(each, frac_in) + 0.5).astype(np.int64) for each in edges]
        graph = self.graph
        above = graph.sub(x.node, graph.const(low))
        part = graph.low_bits(above, position)
        row = graph.shr(above, position)
        rows = len(edges[0]) - 1
        if len(cases) > 1:
            numbers = [(case, float(n)) for n, (case, _) in enumerate(cases)]
            starts = {float(n): graph.const(n * rows) for n in range(len(cases))}
            row = graph.add(row, self._chosen(numbers, starts))
        drop = max(0, position - (self.words.operand - 2))
        value = graph.table(name, row, np.concatenate([each[:-1] for each in raws]))
        slope = graph.table(f"{name}_slope", row, np.concatenate([np.diff(each) for each in raws]))
        rounded = graph.shr(part, drop)
        between = graph.round(graph.mul(slope, rounded), position - drop)
        result = graph.add(value, between)
        steepest = max(float(np.abs(np.diff(each)).max()) for each in edges)
        error = worst + math.ldexp(1.5, -frac_in) + steepest * 2.0 ** (drop - position) * (drop > 0)
        error += steepest * math.ldexp(x.error, x.frac - position)
        # The interpolation stays between the entries, and so does the function, but for the error.
        low_out, high_out = (int(end(end(each) for each in raws)) for end in (min, max))
        graph.within(result, low_out, high_out)
        error = min(error, math.ldexp(high_out - low_out + 1, -frac_in) + 2 * worst)
        formula = ", ".join(str(e) for _, e in cases)
        coarse = worst > max(COARSE * size, math.ldexp(1.0, -frac))
        self.tables.append(Table(name, formula, str(symbol), x.low, x.high, rows * len(cases), worst, coarse))
        return self.scaled(Fixed(result, frac_in, error), frac)

    def _real(self, e: Any, symbol: Any, x: Fixed) -> Callable[[Any], Floats]:
        """A function of one variable, from raw values of the variable."""
        function = compiled([symbol], [e], {s: self.numbers[s] for s in e.free_symbols & set(self.numbers)})

        def real(raw: Any) -> Floats:
            value = function(np.ldexp(np.asarray(raw, dtype=np.float64), -x.frac))[0]
            return np.broadcast_to(np.asarray(value, dtype=np.float64), np.shape(raw))

        return real

    def _entries(
        self, real: Callable[[Any], Floats], low: int, high: int, position: int, e: Any, symbol: Any
    ) -> tuple[Floats, float]:
        """Values at the edges of the entries, and the largest error of the interpolation between them.

        Raises
        ------
        EquationError
            If the function is not finite somewhere.
        """
        step = 1 << position
        count = -(-(high - low + 1) // step)
        at = low + step * np.arange(-1, count + 2, dtype=np.float64)
        values = real(np.clip(at, low, low + step * count))
        inside = np.clip(at, low, high)
        if not np.isfinite(real(inside)).all():
            bad = float(inside[~np.isfinite(real(inside))][0])
            raise EquationError(f"{self.where}: {str(e)[:60]!r} is not finite where {symbol} is {bad}")
        values = np.where(np.isfinite(values), values, real(inside))
        second = np.diff(values, 2)
        second[[0, -1]] = 0.0
        edges = values[1:-1] - second / 12
        fine = np.minimum(low + step * np.arange(count * FINE + 1) / FINE, high)
        place = (fine - low) / step
        found = np.interp(place, np.arange(count + 1), edges)
        return edges, float(np.abs(found - real(fine)).max())

    def _table_name(self, e: Any) -> str:
        named = self.names.get(e)
        number = len(self.tables)
        return f"{named}_{number}" if named else f"table_{number}"

    # Quotients

    def ratio(self, a: Node, b: Node, frac: int) -> Fixed:
        """The quotient of two integers, of which the first is not below 0, and the second not below 1 and the first.

        Parameters
        ----------
        a, b : Node
            The integers.
        frac : int
            Fraction bits of the result.
        """
        graph = self.graph
        top = b.high
        denominator, _, (numerator,) = self._normalised(b, graph.clamp(a, 0, top)[0])
        width = top.bit_length()
        drop = max(0, width - 1 - RATIO_BITS)
        fine = Fixed(graph.shr(denominator, drop), width - 1 - drop, 0.0)
        inverse = self._inverse(fine, RATIO_BITS)
        product = graph.mul(inverse.node, graph.shr(numerator, drop))
        error = math.ldexp(3.0, -RATIO_BITS) + inverse.error
        return self.scaled(Fixed(product, inverse.frac + width - 1 - drop, error), frac)

    def _normalised(self, node: Node, *along: Node) -> tuple[Node, list[tuple[Node, int]], list[Node]]:
        """An integer above 0, shifted until its highest bit is set; the shifts; and others that are shifted with it."""
        graph, moved, shifts = self.graph, list(along), []
        width = node.high.bit_length()
        top = (1 << width) - 1
        for left in (1 << k for k in reversed(range((width - node.low.bit_length()).bit_length()))):
            small = graph.less(node, graph.const(1 << (width - left)))
            shifts.append((small, left))
            # Of what is moved, only the small values remain.
            low = min(node.low << left, max(node.low, 1 << (width - left)))
            high = min(top if node.high >> (width - left) else max(node.high << left, 0), top)
            node = graph.within(graph.select(small, graph.shl(node, left), node), low, high)
            moved = [graph.within(graph.select(small, graph.shl(each, left), each), 0, top) for each in moved]
        return graph.within(node, 1 << (width - 1), top), shifts, moved

    def _inverse(self, mantissa: Fixed, frac: int) -> Fixed:
        """The reciprocal of a value from 1 to 2: a table."""
        symbol = sympy.Dummy("mantissa", real=True)
        self._ranges[symbol] = (1.0, 2.0)
        return self._table([({}, 1 / symbol)], symbol, mantissa, frac)

    def _quotient(self, e: Any, frac: int) -> Fixed:
        """A power with a negative exponent, of several variables or over octaves."""
        if e.exp != -1:
            inner = sympy.Pow(e.base, -1)
            return self._powers([(inner, -int(e.exp))], frac)
        return self._reciprocal(e.base, frac)

    def _reciprocal(self, e: Any, frac: int) -> Fixed:
        """The reciprocal of an expression: its argument is normalised, and the result shifted back.

        Raises
        ------
        EquationError
            If the expression can be zero.
        """
        low, high = self.interval(e)
        if low <= 0 <= high:
            raise EquationError(
                f"{self.where}: {str(e)[:60]!r} can be zero, and something is divided by it: it is from {low:.4g} to "
                f"{high:.4g} within the ranges"
            )
        if high < 0:
            value = self._reciprocal(-e, frac)
            return Fixed(self.graph.sub(self.graph.const(0), value.node), frac, value.error)
        graph = self.graph
        # 17 bits at the smallest value.
        fine = 17 - _log2(low) + 1
        y = self.lower(e, fine)
        if y.node.low <= 0:
            raise EquationError(f"{self.where}: {str(e)[:60]!r} comes too near to zero to divide by it")
        width = y.node.high.bit_length()
        shifts = width - y.node.low.bit_length()
        scaled, amounts, _ = self._normalised(y.node)
        made = self._inverse(Fixed(scaled, width - 1, 0.0), self.words.operand - 1)
        node = made.node
        for small, count in amounts:
            node = graph.select(small, graph.shl(node, count), node)
        result_frac = made.frac + width - 1 - fine
        low_out = math.floor(math.ldexp(1 / y.high, result_frac)) - 2
        high_out = math.ceil(math.ldexp(1 / y.low, result_frac)) + 2 + (1 << shifts)
        graph.within(node, max(0, low_out), high_out)
        error = math.ldexp(made.error, shifts - (width - 1 - fine)) + y.error / (y.low * max(y.low - y.error, 1e-300))
        # Both are between the reciprocals of the ends.
        widest = math.ldexp(high_out - low_out + 2, -result_frac) + 1 / max(y.low - y.error, low) - 1 / y.low
        return self.scaled(Fixed(node, result_frac, min(error, abs(widest))), frac)
