"""Equations as Brian2's users write them, as the parts of a model.

Taken over: differential equations, subexpressions and parameters with their units, ``xi``, ``(unless refractory)``, a
threshold, a reset, and a refractory period. Values may be Brian2's quantities, texts such as ``10 ms``, or numbers.
Ranges of the states are added, which Brian2 does not need.

References
----------
M. Stimberg, R. Brette and D. F. M. Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 8, e47314,
2019.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neuristor.golden_model.equations.expressions import EquationError

__all__ = ["brian_parts"]

LINE = re.compile(
    r"(?P<left>[^:=]+?)\s*(?:=\s*(?P<right>[^:]+?))?\s*:\s*(?P<unit>[^()]+?)\s*(?:\((?P<flags>[^()]*)\))?"
)
FLAGS = ("constant", "unless refractory", "shared", "constant over dt")
BASES = ("m", "kg", "s", "A", "K", "mol", "cd")
"""The units of Brian2's dimensions, in their order."""


def brian_parts(
    equations: str,
    *,
    name: str,
    threshold: str | None,
    reset: str,
    refractory: Any,
    namespace: Mapping[str, Any],
    ranges: Mapping[str, tuple[Any, Any]],
    given: str | None,
    start: Mapping[str, Any],
) -> dict[str, Any]:
    """The parts of a model.

    Parameters
    ----------
    equations : str
        Brian2's equations.
    name : str
        Name of the model.
    threshold, reset : str
        Condition of a spike, and what happens then; None for a model without spikes.
    refractory : quantity
        Refractory period; None or 0 for none.
    namespace : mapping
        Values of all other names.
    ranges : mapping of str to tuple
        Lowest and highest value of each state, and of the input.
    given : str, optional
        The parameter of the equations that is the input.
    start : mapping
        Values of states after reset; 0 by default.

    Returns
    -------
    dict
        Arguments of ``Model``.

    Raises
    ------
    EquationError
        If a line is no equation of Brian2, or a value or a range is missing.
    """
    states: dict[str, dict[str, Any]] = {}
    inputs: dict[str, Any] | None = None
    lines: list[str] = []
    waiting = isinstance(refractory, str) or (refractory is not None and float(refractory) != 0)
    parameters = {key: {"value": _text(value)} for key, value in namespace.items()}
    for number, line in enumerate(equations.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        where = f"{name}: equations, line {number}"
        found = LINE.fullmatch(text)
        if found is None:
            raise EquationError(
                f"{where}: wanted 'dv/dt = ... : unit', 'x = ... : unit' or 'x : unit', not {text[:60]!r}"
            )
        flags = [each.strip() for each in (found["flags"] or "").split(",") if each.strip()]
        if unknown := [each for each in flags if each not in FLAGS]:
            raise EquationError(f"{where}: the flag {unknown[0]!r} of Brian2 is not supported; {', '.join(FLAGS)} are")
        left, right, unit = found["left"].strip(), found["right"], _unit(found["unit"].strip())
        if right is None:
            inputs = _input(left, unit, given, ranges, where) or inputs
            if left != given and left not in parameters:
                raise EquationError(f"{where}: {left!r} needs a value in the namespace, or must be the input")
            continue
        if derivative := re.fullmatch(r"d(\w+)\s*/\s*dt", left):
            state = derivative[1]
            first = _text(start.get(state, f"0 {unit}"))
            states[state] = {"unit": unit, "range": _range(state, ranges, where), "start": first}
            if waiting and "unless refractory" in flags:
                right = f"({right}) if quiet == 0 else 0{'' if unit == '1' else f'*({unit})'}/s"
        lines.append(f"{left} = {right}")
    if given is not None and inputs is None:
        raise EquationError(
            f"{name}: the input {given!r} must be a parameter of the equations, such as '{given} : amp'"
        )
    made: dict[str, Any] = {
        "name": name,
        "title": f"{name}, from Brian2's equations",
        "sources": ("equations in the notation of Brian2",),
        "parameters": parameters,
        "states": states,
        "input": inputs,
        "outputs": tuple(states)[:1],
    }
    if threshold is not None:
        _add_spike(made, lines, threshold, _assignments(reset, name), _text(refractory) if waiting else None)
    made["equations"] = "\n".join(lines)
    return made


def _add_spike(
    made: dict[str, Any], lines: list[str], threshold: str, assignments: tuple[str, ...], refractory: str | None
) -> None:
    """The event of a spike, and that of the end of a refractory period."""
    if refractory is None:
        made["events"] = ({"name": "spike", "when": threshold, "do": assignments, "spike": True, "locate": True},)
        return
    made["parameters"]["refractory_period"] = {"value": refractory}
    made["states"]["age"] = {"unit": "s", "range": ("0 s", "2*refractory_period")}
    made["discrete"] = {"quiet": {"values": (0, 1)}}
    lines.append("dage/dt = (1 if quiet == 1 else 0)")
    made["events"] = (
        {
            "name": "spike",
            "when": f"({threshold}) and quiet == 0",
            "do": (*assignments, "quiet = 1", "age = 0*s"),
            "spike": True,
            "locate": True,
        },
        {
            "name": "ready",
            "when": "age > refractory_period and quiet == 1",
            "do": ("quiet = 0", "age = 0*s"),
            "locate": True,
        },
    )


def _assignments(reset: str, name: str) -> tuple[str, ...]:
    """Statements one after the other, as assignments that all use the values before.

    Raises
    ------
    EquationError
        If one is no assignment.
    """
    values: dict[str, str] = {}
    for each in re.split(r"[;\n]", reset):
        text = each.partition("#")[0].strip()
        if not text:
            continue
        found = re.fullmatch(r"(\w+)\s*([-+*/]?)=(?!=)\s*(.+)", text)
        if found is None:
            raise EquationError(f"{name}: reset: wanted an assignment such as 'v = v_reset', not {text[:60]!r}")
        left, operator, right = found.groups()
        if operator:
            right = f"{left} {operator} ({right})"
        values[left] = re.sub(r"\w+", lambda word: f"({values[word[0]]})" if word[0] in values else word[0], right)
    return tuple(f"{left} = {right}" for left, right in values.items())


def _input(
    left: str, unit: str, given: str | None, ranges: Mapping[str, tuple[Any, Any]], where: str
) -> dict[str, Any] | None:
    return {"name": left, "unit": unit, "range": _range(left, ranges, where)} if left == given else None


def _range(name: str, ranges: Mapping[str, tuple[Any, Any]], where: str) -> tuple[Any, Any]:
    """Lowest and highest value of a state.

    Raises
    ------
    EquationError
        If it is missing.
    """
    if name not in ranges:
        raise EquationError(f"{where}: ranges must have the lowest and highest value of {name!r}")
    low, high = ranges[name]
    return _text(low), _text(high)


def _unit(text: str) -> str:
    return re.sub(r"\bmeter\b", "metre", text)


def _text(value: Any) -> Any:
    """A value with its unit as text; a number stays one."""
    if isinstance(value, str | int | float):
        return value
    powers = getattr(getattr(value, "dim", None), "_dims", ())
    units = [f"{base}**{power:g}" for base, power in zip(BASES, powers, strict=False) if power]
    return f"{float(value)!r} {'*'.join(units)}".strip()
