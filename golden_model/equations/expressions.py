"""Formulas as text: parsed without being run, with the dimension of every part checked.

Python's own parser reads the text. Of its syntax, only numbers, names, ``+ - * / **``, comparisons, ``and or not``,
``a if condition else b`` and calls of known functions are formulas; nothing of it is ever evaluated as Python.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy

from neuristor.golden_model.equations.units import NONE, Dimension, unit

__all__ = [
    "FUNCTIONS",
    "EquationError",
    "Function",
    "Known",
    "Scope",
    "choose",
    "exprel",
    "formula",
    "least",
    "most",
    "propagate",
    "relax",
]

MOST_CHARACTERS = 4_000
"""Longest formula."""
MOST_PARTS = 2_000
"""Most numbers, names and operations of a formula, with those of the functions that it calls."""
MOST_POWER = 64
"""Largest exponent."""


class EquationError(ValueError):
    """A formula that cannot be understood; the message says where, and what was expected."""


class exprel(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """``(exp(x) - 1) / x``, which is 1 at x = 0.

    Parameters
    ----------
    x : sympy.Expr
        A number without unit.
    """

    nargs = 1

    def _eval_evalf(self, prec: int) -> Any:
        x = self.args[0]._eval_evalf(prec)
        return sympy.Integer(1) if x == 0 else (sympy.exp(x) - 1) / x

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Simplify what can be seen at once, as SymPy asks for.

        Parameters
        ----------
        x : sympy.Expr
            The argument.
        """
        return sympy.Integer(1) if x == 0 else None


class relax(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """``(1 - exp(-x)) / x``, which is 1 at x = 0: how much of a change is left when it relaxes.

    Parameters
    ----------
    *args
        The number x, without unit.
    """

    nargs = 1


class propagate(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """An entry of ``exp(A t) - 1``, or of its integral, for a matrix A.

    Parameters
    ----------
    *args
        0, or 1 for the integral of ``exp(A s)`` from 0 to t; row and column; number of rows n; the n * n entries of A,
        row by row; and t.
    """


class least(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """The smaller of two values. Unlike `sympy.Min`, it is never rearranged.

    Parameters
    ----------
    *args
        The values.
    """

    nargs = 2


class most(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """The larger of two values.

    Parameters
    ----------
    *args
        The values.
    """

    nargs = 2


class choose(sympy.Function):  # type: ignore[misc]  # noqa: N801
    """One value if a condition holds, and else another.

    Parameters
    ----------
    condition : sympy.Boolean
        The condition.
    yes, no : sympy.Expr
        The values.
    """

    nargs = 3

    @classmethod
    def eval(cls, condition: Any, yes: Any, no: Any) -> Any:
        """Simplify what can be seen at once, as SymPy asks for.

        Parameters
        ----------
        condition, yes, no : sympy.Basic
            The arguments.
        """
        if condition in (sympy.true, sympy.false):
            return yes if condition == sympy.true else no
        return yes if yes == no else None


def _logistic(x: Any) -> Any:
    # tanh neither overflows nor cancels.
    return (1 + sympy.tanh(x / 2)) / 2


FUNCTIONS: Mapping[str, Any] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "ln": sympy.log,
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "arctan": sympy.atan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "atanh": sympy.atanh,
    "exprel": exprel,
    "logistic": _logistic,
}
"""Functions of a number without unit."""
_WITH_UNIT = ("sqrt", "abs", "min", "max", "clip")
CONSTANTS: Mapping[str, tuple[Any, Dimension]] = {
    "pi": (sympy.pi, NONE),
}
"""Names that have a value wherever they are not defined."""


@dataclass(frozen=True)
class Known:
    """What a name stands for.

    Parameters
    ----------
    value : sympy.Expr
        A SymPy expression.
    dimension : Dimension, optional
        Its dimension; None for 0, which fits all.
    """

    value: Any
    dimension: Dimension | None


@dataclass(frozen=True)
class Function:
    """A function that the equations define.

    Parameters
    ----------
    parameters : tuple of str
        Names of its arguments.
    body : str
        Its formula, as text.
    where : str
        Where it is defined, for messages.
    """

    parameters: tuple[str, ...]
    body: str
    where: str


@dataclass
class Scope:
    """The names that a formula may use.

    Parameters
    ----------
    names : mapping of str to Known
        What each name stands for.
    functions : mapping of str to Function
        Functions that the equations define, by name.
    allowed : frozenset[str]
        Special names: ``xi`` (white noise), ``rand`` (uniform) and ``randn`` (normal).
    """

    names: Mapping[str, Known]
    functions: Mapping[str, Function] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Value:
    """A part of a formula: its expression, and its dimension; None for a zero, which has any."""

    expression: Any
    dimension: Dimension | None


def _finite(value: float, where: str) -> Any:
    if not math.isfinite(value):
        raise EquationError(f"{where}: a number must be finite, not {value!r}")
    return sympy.Integer(int(value)) if value == int(value) and abs(value) < 1e9 else sympy.Float(value)


def formula(text: str, scope: Scope, where: str) -> tuple[Any, Dimension | None]:
    """Parse a formula and check its dimensions.

    Parameters
    ----------
    text : str
        The formula.
    scope : Scope
        The names it may use.
    where : str
        File and line, for messages.

    Returns
    -------
    expression : sympy.Expr or sympy.Boolean
        The formula.
    dimension : Dimension or None
        Its dimension; None if it is zero, and for a condition.

    Raises
    ------
    EquationError
        If it is no formula, uses a name that is not known, or adds, compares or calls with dimensions that do not fit.
    """
    reader = _Reader(scope, where)
    found = reader.read(reader.parse(text), {})
    return found.expression, found.dimension


class _Reader:
    def __init__(self, scope: Scope, where: str) -> None:
        self.scope, self.where = scope, where
        self.parts = 0
        self.calls: list[str] = []

    def parse(self, text: str) -> ast.expr:
        """The syntax tree of a formula.

        Raises
        ------
        EquationError
            If it is none.
        """
        if len(text) > MOST_CHARACTERS:
            raise EquationError(f"{self.where}: a formula must have at most {MOST_CHARACTERS} characters")
        try:
            return ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            near = text.strip()[max(0, (error.offset or 1) - 1) :][:20]
            raise EquationError(f"{self.where}: {text.strip()[:60]!r} is no formula (near {near!r})") from None
        except (ValueError, MemoryError, RecursionError):
            raise EquationError(f"{self.where}: {text.strip()[:60]!r} is no formula") from None

    def error(self, text: str) -> EquationError:
        inside = f" (in {self.calls[-1]})" if self.calls else ""
        return EquationError(f"{self.where}: {text}{inside}")

    def read(self, node: ast.expr, local: Mapping[str, _Value]) -> _Value:
        """A part of a formula, with the arguments of the function it stands in.

        Raises
        ------
        EquationError
            If it has too many parts.
        """
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise EquationError(f"{self.where}: a formula must have at most {MOST_PARTS} parts")
        match node:
            case ast.Constant(value=bool()):
                raise self.error(f"{node.value!r} is no number")
            case ast.Constant(value=int() | float()):
                return self._number(node)
            case ast.Name(id=name):
                return self._name(name, local)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                found = self._quantity(operand, local)
                return found if isinstance(node.op, ast.UAdd) else _Value(-found.expression, found.dimension)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Value(sympy.Not(self._condition(operand, local)), None)
            case ast.BinOp():
                return self._operation(node, local)
            case ast.BoolOp(op=op, values=values):
                join = sympy.And if isinstance(op, ast.And) else sympy.Or
                return _Value(join(*(self._condition(each, local) for each in values)), None)
            case ast.Compare():
                return self._comparison(node, local)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choice(self._condition(test, local), body, orelse, local)
            case ast.Call():
                return self._call(node, local)
        raise self.error(f"{ast.unparse(node)[:40]!r} is no part of a formula")

    def _number(self, node: ast.Constant) -> _Value:
        value: Any = node.value
        try:
            number = float(value)
        except OverflowError:
            raise self.error("a number is too large") from None
        return _Value(_finite(number, self.where), None if number == 0 else NONE)

    def _name(self, name: str, local: Mapping[str, _Value]) -> _Value:
        if name in local:
            return local[name]
        if name in self.scope.names:
            known = self.scope.names[name]
            return _Value(known.value, known.dimension)
        if name in CONSTANTS:
            return _Value(*CONSTANTS[name])
        if name == "xi" and "xi" in self.scope.allowed:
            return _Value(sympy.Symbol("xi", real=True), self._second() ** Fraction(-1, 2))
        found = unit(name)
        if found is not None and not found.offset:
            return _Value(_finite(found.factor, self.where), found.dimension)
        if name in self.scope.functions or name in FUNCTIONS or name in _WITH_UNIT:
            raise self.error(f"{name} is a function: wanted its arguments in parentheses")
        raise self.error(f"{name!r} is not defined{self._nearest(name, local)}")

    @staticmethod
    def _second() -> Dimension:
        found = unit("s")
        assert found is not None
        return found.dimension

    def _nearest(self, name: str, local: Iterable[str]) -> str:
        choices = [*self.scope.names, *local, *self.scope.functions, *FUNCTIONS, *_WITH_UNIT]
        near = difflib.get_close_matches(name, choices, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""

    def _quantity(self, node: ast.expr, local: Mapping[str, _Value]) -> _Value:
        found = self.read(node, local)
        if isinstance(found.expression, sympy.logic.boolalg.Boolean) and not isinstance(found.expression, sympy.Symbol):
            raise self.error(f"{ast.unparse(node)[:40]!r} is a condition; wanted a quantity")
        return found

    def _condition(self, node: ast.expr, local: Mapping[str, _Value]) -> Any:
        found = self.read(node, local)
        if not isinstance(found.expression, sympy.logic.boolalg.Boolean) or isinstance(found.expression, sympy.Symbol):
            raise self.error(f"{ast.unparse(node)[:40]!r} is a quantity; wanted a condition, such as v > 0")
        return found.expression

    def _same(self, a: _Value, b: _Value, node: ast.expr, verb: str) -> Dimension | None:
        """The dimension that two parts share."""
        if a.dimension is None or b.dimension is None:
            return a.dimension or b.dimension
        if a.dimension != b.dimension:
            raise self.error(f"{ast.unparse(node)[:60]!r} {verb} {a.dimension} and {b.dimension}")
        return a.dimension

    def _operation(self, node: ast.BinOp, local: Mapping[str, _Value]) -> _Value:
        if isinstance(node.op, ast.BitXor):
            raise self.error("a power is written v**2, not v^2")
        a, b = self._quantity(node.left, local), self._quantity(node.right, local)
        match node.op:
            case ast.Add():
                return _Value(a.expression + b.expression, self._same(a, b, node, "adds"))
            case ast.Sub():
                return _Value(a.expression - b.expression, self._same(a, b, node, "subtracts"))
            case ast.Mult():
                if a.dimension is None or b.dimension is None:
                    return _Value(sympy.Integer(0), None)
                return _Value(a.expression * b.expression, a.dimension * b.dimension)
            case ast.Div():
                if b.dimension is None or b.expression == 0:
                    raise self.error(f"{ast.unparse(node)[:60]!r} divides by zero")
                if a.dimension is None:
                    return _Value(sympy.Integer(0), None)
                return _Value(a.expression / b.expression, a.dimension / b.dimension)
            case ast.Pow():
                return self._power(node, a, b)
        raise self.error(f"{ast.unparse(node)[:40]!r} is no part of a formula")

    def _power(self, node: ast.BinOp, a: _Value, b: _Value) -> _Value:
        if b.dimension not in (None, NONE):
            raise self.error(f"the exponent of {ast.unparse(node)[:60]!r} must have no unit, but it is {b.dimension}")
        exponent = b.expression
        if not exponent.is_number:
            if a.dimension != NONE:
                raise self.error(f"{ast.unparse(node)[:60]!r} must have a number as exponent, or a base without unit")
            return _Value(sympy.exp(exponent * sympy.log(a.expression)), NONE)
        value = float(exponent)
        if abs(value) > MOST_POWER:
            raise self.error(f"an exponent must be from -{MOST_POWER} to {MOST_POWER}, not {value:g}")
        if a.expression.is_number:
            try:
                number = float(a.expression) ** value
            except (OverflowError, ZeroDivisionError):
                raise self.error(f"{ast.unparse(node)[:60]!r} is too large, or divides by zero") from None
            if isinstance(number, complex):
                raise self.error(f"{ast.unparse(node)[:60]!r} is no real number")
            made = _finite(number, self.where)
        else:
            made = a.expression ** (int(value) if value == int(value) else exponent)
        if a.dimension is None:
            return _Value(made, None)
        return _Value(made, a.dimension ** Fraction(value).limit_denominator(64))

    def _comparison(self, node: ast.Compare, local: Mapping[str, _Value]) -> _Value:
        parts = [self._quantity(each, local) for each in (node.left, *node.comparators)]
        made = []
        for (a, b), op in zip(pairwise(parts), node.ops, strict=True):
            self._same(a, b, node, "compares")
            match op:
                case ast.Lt():
                    made.append(sympy.Lt(a.expression, b.expression))
                case ast.LtE():
                    made.append(sympy.Le(a.expression, b.expression))
                case ast.Gt():
                    made.append(sympy.Gt(a.expression, b.expression))
                case ast.GtE():
                    made.append(sympy.Ge(a.expression, b.expression))
                case ast.Eq():
                    made.append(sympy.Eq(a.expression, b.expression))
                case ast.NotEq():
                    made.append(sympy.Ne(a.expression, b.expression))
                case _:
                    raise self.error(f"{ast.unparse(node)[:40]!r} is no condition")
        return _Value(sympy.And(*made), None)

    def _choice(self, condition: Any, body: ast.expr, orelse: ast.expr, local: Mapping[str, _Value]) -> _Value:
        a, b = self._quantity(body, local), self._quantity(orelse, local)
        dimension = self._same(a, b, body, "chooses between")
        return _Value(choose(condition, a.expression, b.expression), dimension)

    def _call(self, node: ast.Call, local: Mapping[str, _Value]) -> _Value:
        if not isinstance(node.func, ast.Name):
            raise self.error(f"{ast.unparse(node)[:40]!r} is no part of a formula")
        name = node.func.id
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self.error(f"{name}: wanted arguments by their place")
        if name in ("rand", "randn") and name in self.scope.allowed:
            self._count(name, node, 0)
            return _Value(sympy.Symbol(name, real=True), NONE)
        if name in self.scope.functions:
            return self._defined(name, node, local)
        arguments = [self._quantity(each, local) for each in node.args]
        if name in FUNCTIONS:
            self._count(name, node, 1)
            if arguments[0].dimension not in (None, NONE):
                raise self.error(
                    f"the argument of {name} must have no unit, but {ast.unparse(node.args[0])[:40]!r} is "
                    f"{arguments[0].dimension}"
                )
            return _Value(self._applied(name, arguments[0].expression), NONE)
        if name not in _WITH_UNIT:
            raise self.error(f"{name!r} is no function{self._nearest(name, local)}")
        return self._with_unit(name, node, arguments)

    def _applied(self, name: str, argument: Any) -> Any:
        made = FUNCTIONS[name](argument)
        if not argument.is_number:
            return made
        try:
            value = complex(made)
        except (TypeError, OverflowError, ValueError):
            value = complex(math.nan)
        if value.imag or not math.isfinite(value.real):
            raise self.error(f"{name}({argument}) is no finite real number")
        return _finite(value.real, self.where)

    def _with_unit(self, name: str, node: ast.Call, arguments: list[_Value]) -> _Value:
        if name in ("sqrt", "abs"):
            self._count(name, node, 1)
            (x,) = arguments
            if name == "sqrt":
                return _Value(sympy.sqrt(x.expression), x.dimension and x.dimension ** Fraction(1, 2))
            return _Value(most(x.expression, -x.expression), x.dimension)
        self._count(name, node, 3 if name == "clip" else 2)
        dimension = None
        for other in arguments:
            dimension = self._same(_Value(0, dimension), other, node, "compares")
        first, *others = (each.expression for each in arguments)
        if name == "clip":
            low, high = others
            return _Value(most(least(first, high), low), dimension)
        return _Value((least if name == "min" else most)(first, others[0]), dimension)

    def _defined(self, name: str, node: ast.Call, local: Mapping[str, _Value]) -> _Value:
        function = self.scope.functions[name]
        self._count(name, node, len(function.parameters))
        if name in self.calls:
            raise EquationError(f"{function.where}: {name} is defined by itself: {' -> '.join([*self.calls, name])}")
        arguments = [self._quantity(each, local) for each in node.args]
        self.calls.append(name)
        found = self._quantity(self.parse(function.body), dict(zip(function.parameters, arguments, strict=True)))
        self.calls.pop()
        return found

    def _count(self, name: str, node: ast.Call, wanted: int) -> None:
        if len(node.args) != wanted:
            raise self.error(f"{name} must have {wanted} argument{'s' * (wanted != 1)}, not {len(node.args)}")
