"""A circuit as a netlist: a shorter way to write its equations.

Each line is an element, as in SPICE: its name, whose first letter is its kind, two nodes, and a formula::

    R1 supply a  20*kohm               resistance; may depend on states and discrete values, as that of a switch does
    C1 a 0       100*pF                capacitance: makes the state v_C1, the voltage from its first node to its second
    L1 a b       10*uH                 inductance: makes the state i_L1, the current from its first node to its second
    V1 supply 0  2.5*V                 voltage source
    I1 0 a       i                     current source: the current flows from its first node to its second through it
    B1 a 0       g_0*v_a*exp(v_a/v_0)  the same: a device whose current is a formula, here of the voltage of node a

Node 0 is ground. Formulas may use the voltage of every other node as v_NODE, and the value of an element by its name.
A capacitor is a voltage source of its state, and an inductor a current source; modified nodal analysis gives the
voltages of the nodes, and from them the derivatives.

References
----------
C.-W. Ho, A. Ruehli and P. Brennan, IEEE Trans. Circuits Syst. 22, 504, 1975 (modified nodal analysis).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import sympy

from neuristor.golden_model.equations.expressions import EquationError

__all__ = ["Circuit", "netlist"]

KINDS = {"R": "ohm", "C": "F", "L": "H", "V": "V", "I": "A", "B": "A"}
"""Unit of the value of each kind of element."""
MOST_ELEMENTS = 32
"""Most elements of a netlist."""
MOST_TEXT = 16 * 1024
"""Longest netlist."""


class _Element(NamedTuple):
    name: str
    kind: str
    plus: str
    minus: str
    value: str
    where: str


class Circuit(NamedTuple):
    """The equations of a netlist, as text.

    Parameters
    ----------
    derivatives : dict of str to (str, str)
        Formula and place of the derivative of each state.
    definitions : dict of str to (str, str)
        Formula and place of the voltage of each node, and of the value of each element.
    units : dict of str to str
        Unit of the value of each element.
    """

    derivatives: dict[str, tuple[str, str]]
    definitions: dict[str, tuple[str, str]]
    units: dict[str, str]


def netlist(text: str, where: str) -> Circuit:
    """Read a netlist.

    Parameters
    ----------
    text : str
        The netlist.
    where : str
        The model, for messages.

    Returns
    -------
    Circuit
        Its equations.

    Raises
    ------
    EquationError
        If a line is no element, a node hangs in the air, or capacitors and voltage sources form a loop.
    """
    if len(text) > MOST_TEXT:
        raise EquationError(f"{where}: netlist must have at most {MOST_TEXT // 1024} KiB")
    elements = list(_elements(text, where))
    if len(elements) > MOST_ELEMENTS:
        raise EquationError(f"{where}: netlist must have at most {MOST_ELEMENTS} elements, not {len(elements)}")
    return _Analysis(elements, where).circuit()


def _elements(text: str, where: str) -> Iterable[_Element]:
    """The elements of a netlist.

    Raises
    ------
    EquationError
        If a line is none, or a name stands twice.
    """
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{where}: netlist, line {number}"
        parts = line.partition("#")[0].split(maxsplit=3)
        if not parts:
            continue
        if len(parts) < 4 or parts[0][0] not in KINDS or not all(re.fullmatch(r"\w+", each) for each in parts[:3]):
            kinds = ", ".join(KINDS)
            raise EquationError(
                f"{place}: wanted a name that begins with {kinds}, two nodes and a formula, not {line[:60]!r}"
            )
        name, plus, minus, value = parts
        if name in names:
            raise EquationError(f"{place}: {name!r} stands twice")
        if plus == minus:
            raise EquationError(f"{place}: {name} must be between two different nodes, not {plus} and {minus}")
        names.add(name)
        yield _Element(name, name[0], plus, minus, value, place)


class _Analysis:
    """Modified nodal analysis: voltages of nodes, and currents through what fixes a voltage."""

    def __init__(self, elements: list[_Element], where: str) -> None:
        self.elements, self.where = elements, where
        self.nodes = sorted({node for each in elements for node in (each.plus, each.minus)} - {"0"})
        self.values = {each.name: sympy.Symbol(each.name) for each in elements}
        self.states = {
            each.name: sympy.Symbol(f"{'v' if each.kind == 'C' else 'i'}_{each.name}")
            for each in elements
            if each.kind in "CL"
        }

    def _voltage(self, node: str) -> Any:
        return sympy.Integer(0) if node == "0" else sympy.Symbol(f"v_{node}")

    def circuit(self) -> Circuit:
        """The equations.

        Raises
        ------
        EquationError
            If they have no solution.
        """
        balance: dict[str, Any] = dict.fromkeys(self.nodes, sympy.Integer(0))
        laws, through = [], {}
        for each in self.elements:
            across = self._voltage(each.plus) - self._voltage(each.minus)
            if each.kind == "R":
                current = across / self.values[each.name]
            elif each.kind in "IB":
                current = self.values[each.name]
            elif each.kind == "L":
                current = self.states[each.name]
            else:  # what fixes a voltage has an unknown current
                current = through[each.name] = sympy.Symbol(f"current_of_{each.name}")
                laws.append(across - (self.states[each.name] if each.kind == "C" else self.values[each.name]))
            for node, sign in ((each.plus, 1), (each.minus, -1)):
                if node != "0":
                    balance[node] += sign * current
        unknowns = [*(self._voltage(node) for node in self.nodes), *through.values()]
        solutions = list(sympy.linsolve([*balance.values(), *laws], unknowns)) if unknowns else [()]
        if not solutions or any(set(unknowns) & value.free_symbols for value in solutions[0]):
            raise EquationError(
                f"{self.where}: netlist has no solution: a node hangs in the air, or capacitors and voltage sources "
                "form a loop"
            )
        found = dict(zip(unknowns, solutions[0], strict=True))
        derivatives = {}
        for each in self.elements:
            if each.kind == "C":
                rate = found[through[each.name]] / self.values[each.name]
            elif each.kind == "L":
                across = self._voltage(each.plus) - self._voltage(each.minus)
                rate = across.subs(found) / self.values[each.name]
            else:
                continue
            derivatives[str(self.states[each.name])] = _written(rate), each.where
        definitions = {
            f"v_{node}": (_written(found[self._voltage(node)]), f"{self.where}: netlist, node {node}")
            for node in self.nodes
        }
        definitions |= {each.name: (each.value, each.where) for each in self.elements}
        return Circuit(derivatives, definitions, {each.name: KINDS[each.kind] for each in self.elements})


def _written(expression: Any) -> str:
    """An expression as a formula."""
    return str(sympy.factor_terms(sympy.together(expression)))
