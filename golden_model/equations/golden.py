"""The golden step of a graph: one Python function, made operation by operation."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from neuristor.golden_model import noise
from neuristor.golden_model.equations.graph import Graph
from neuristor.golden_model.fixed import floor_shift, lookup, round_shift, saturate, select

__all__ = ["raw_type", "source", "step"]


def raw_type(graph: Graph) -> Any:
    """The named tuple of the tables.

    Parameters
    ----------
    graph : Graph
        The graph.
    """
    return NamedTuple("Raw", [(name, tuple[int, ...]) for name in sorted(graph.tables)])


def _names(graph: Graph, taken: Iterable[str]) -> dict[int, str]:
    """A name for the result of each operation: that from the equations, or its number."""
    used = {
        *taken,
        "raw",
        "state",
        "drive_raw",
        "pull_raw",
        "noise",
        "select",
        "lookup",
        "floor_shift",
        "round_shift",
        "saturate",
    }
    made: dict[int, str] = {}
    for number in graph.needed():
        wanted = graph.names.get(number, "")
        if not wanted.isidentifier() or wanted in used or keyword.iskeyword(wanted):
            wanted = f"{wanted}_{number}" if wanted.isidentifier() else f"x{number}"
        used.add(wanted)
        made[number] = wanted
    return made


def source(graph: Graph, state: Iterable[str], parameters: Iterable[str]) -> str:
    """The text of the golden step.

    Parameters
    ----------
    graph : Graph
        The graph.
    state : iterable of str
        Names of the state, in order; ``noise`` comes last, if it is among them.
    parameters : iterable of str
        Names of the words that each neuron has of its own.

    Returns
    -------
    str
        A function ``step``.

    Raises
    ------
    ValueError
        If the graph has an operation that is not known.
    """
    state, parameters = tuple(state), tuple(parameters)
    arguments = [*("state" if name == "noise" else name for name in state), *(f"{name}_raw" for name in parameters)]
    names = _names(graph, arguments)
    coupled = ["pull_raw"] if any(operation.name == "pull" for operation in graph.operations) else []
    lines = [f"def step({', '.join(['raw', *arguments, 'drive_raw', *coupled])}):"]
    for number in graph.needed():
        name, args, data = graph.operations[number]
        x = [names[each] for each in args]
        match name:
            case "const":
                names[number] = f"({data})" if data < 0 else str(data)
                continue
            case "state":
                names[number] = "state" if data == "noise" else data
                continue
            case "param":
                names[number] = f"{data}_raw"
                continue
            case "drive" | "pull":
                names[number] = f"{name}_raw"
                continue
            case "add":
                text = f"{x[0]} + {x[1]}"
            case "sub":
                text = f"{x[0]} - {x[1]}"
            case "mul":
                text = f"{x[0]} * {x[1]}"
            case "shl":
                text = f"{x[0]} << {data}"
            case "shr":
                text = f"floor_shift({x[0]}, {data})"
            case "round":
                text = f"round_shift({x[0]}, {data})"
            case "low":
                text = f"{x[0]} & {(1 << data) - 1}"
            case "clamp":
                text = f"saturate({x[0]}, {data[0]}, {data[1]})"
            case "outside":
                text = f"({x[0]} < {data[0]}) | ({x[0]} > {data[1]})"
            case "lt":
                text = f"{x[0]} < {x[1]}"
            case "eq":
                text = f"{x[0]} == {x[1]}"
            case "and":
                text = f"{x[0]} & {x[1]}"
            case "or":
                text = f"{x[0]} | {x[1]}"
            case "select":
                text = f"select({', '.join(x)})"
            case "table":
                text = f"lookup({x[0]}, raw.{data})"
            case "advance":
                text = f"noise.advance({x[0]})"
            case "draw":
                text = f"noise.byte_sum({x[0]})"
            case _:
                raise ValueError(f"there is no operation {name!r}")
        lines.append(f"    {names[number]} = {text}")
    results = [names[graph.results[name]] for name in (*state, "spike", "saturated")]
    lines.append(f"    return {', '.join(results)}")
    return "\n".join(lines) + "\n"


def step(graph: Graph, state: Iterable[str], parameters: Iterable[str]) -> Callable[..., Any]:
    """The golden step of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    state, parameters : iterable of str
        As in `source`.

    Returns
    -------
    callable
        ``step(raw, STATE..., PARAMETERS..., drive_raw)`` returns ``STATE..., spike, saturated``; on integers, arrays
        and symbolic values. With neighbours, the last argument is ``pull_raw``.
    """
    scope: dict[str, Any] = {
        "noise": noise,
        "floor_shift": floor_shift,
        "round_shift": round_shift,
        "saturate": saturate,
        "select": select,
        "lookup": lookup,
    }
    # The text is made of the operations above, names of the equations, which are identifiers, and integers.
    exec(compile(source(graph, state, parameters), "<golden step>", "exec"), scope)
    function: Callable[..., Any] = scope["step"]
    return function
