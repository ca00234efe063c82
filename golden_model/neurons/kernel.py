"""Compiled bit-true models: the same bits at the speed of C. Needs numba, which is optional.

The step function of a neuron model is not written a second time. It is rebuilt with its globals replaced (functions of
the golden model by compiled ones, ``select`` by ``if``, ``lookup`` by an index) and compiled for single integers, with
the integers of ``params.raw`` as constants. LLVM folds these constants and vectorizes the loop over the neurons. For a
model with long tables, ``raw`` is an argument: it is compiled once for all values.

Every :class:`neuristor.golden_model.neurons.model.BitTrueModel` without coupling can be compiled, and so can models
from equations whose neighbours are edges: each tick, the sums over the neighbours come first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.fixed import lookup, select
from neuristor.golden_model.neurons.coupling import WEIGHT_BITS
from neuristor.golden_model.neurons.model import BitTrueModel, Rule, check_drive

__all__ = ["available", "run"]

Array = NDArray[np.int64]


def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@overload
def run(model: BitTrueModel, drive_raw: Array, *, keep: Literal[False] = False) -> Array: ...
@overload
def run(model: BitTrueModel, drive_raw: Array, *, keep: Literal[True]) -> dict[str, Array]: ...
def run(model: BitTrueModel, drive_raw: Array, *, keep: bool = False) -> Array | dict[str, Array]:
    """Advance a model many ticks, as its own `run` does, on one core.

    The first call for each ``params.raw`` compiles, for about a second. An ``ImportError`` is raised if numba is not
    installed, and a ``TypeError``, ``ValueError`` or ``OverflowError`` if the drive is wrong, as by `check_drive`.

    Parameters
    ----------
    model : BitTrueModel
        The model; its state and its count of saturations are updated.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words of each tick, on the grid of ``params.drive``.
    keep : bool
        True: return the state after every tick, as the model's own `run` does. False: return the number of spikes.

    Returns
    -------
    ndarray of int64, shape (count,)
        Number of spikes of each neuron; or, with `keep`,
    dict of ndarray of int64, shape (ticks, count)
        ``spike`` and each of ``params.state_fields``, after each tick.

    Raises
    ------
    TypeError
        If the neurons are coupled in another way than by edges of a model from equations, or the arguments of the
        model's `tick` are not those of ``BitTrueModel``.
    """
    reads, edges = _edges(model)
    drive_raw = np.ascontiguousarray(check_drive(model.params, drive_raw))
    rule = model.rule
    count = drive_raw.shape[1]
    state = [_array(model, name, count) for name in rule.state]
    # Fields that the hardware does not store are omitted from the trace.
    fields = tuple(field.name for field in model.params.state_fields) if keep else ()
    raw = _with_arrays(model.params.raw)
    loop = _compiled(rule, raw if raw is model.params.raw else None, fields, keep, reads)
    for name, array in zip(rule.state, state, strict=True):
        setattr(model, name, array)
    parameters = [_array(model.params, name, count) for name in rule.parameters]
    spike = np.zeros(drive_raw.shape if keep else count, dtype=np.int64)
    trace = {name: np.empty(drive_raw.shape, dtype=np.int64) for name in fields}
    model.saturations += int(loop(raw, drive_raw, spike, *edges, *state, *parameters, *trace.values()))
    return {"spike": spike, **trace} if keep else spike


def _edges(model: BitTrueModel) -> tuple[str, list[Any]]:
    """The field that neighbours read, and their edges by neuron: starts, ends, weights, the shift of a sum, the sums.

    Raises
    ------
    TypeError
        If the neurons are coupled in a way that is not compiled.
    """
    coupling = model.params.coupling
    if coupling is None:
        return "", []
    if "pull_raw" not in inspect.signature(model.tick).parameters or coupling.topology == "all_to_all":
        raise TypeError("model must not be coupled in this way: use its own run")
    i, j, weights = coupling.entries.T
    starts = np.searchsorted(i, np.arange(coupling.count + 1)).astype(np.int64)
    shift = WEIGHT_BITS if coupling.weighted else 0
    weights = weights if coupling.weighted else weights >> WEIGHT_BITS
    sums = np.zeros(coupling.count, dtype=np.int64)
    arrays = [starts, np.ascontiguousarray(j), np.ascontiguousarray(weights), shift, sums]
    return model.params.system.model.coupling.reads, arrays


def _array(owner: Any, name: str, count: int) -> Array:
    """One number per neuron, checked: the compiled loop checks no bounds and takes one kind of array.

    Raises
    ------
    ValueError
        If the array has another shape.
    """
    array: Array = np.ascontiguousarray(getattr(owner, name), dtype=np.int64)
    if array.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), not {array.shape}")
    return array


_SUMS = """
        for each in range(drive_row.shape[0]):
            total = (1 << shift) >> 1
            for edge in range(starts[each], starts[each + 1]):
                total += weights[edge] * {reads}[ends[edge]]
            sums[each] = total >> shift
"""
_LOOP = """
def loop({raw}, drive_raw, spike, {arrays}):
    saturations = 0
    for tick in range(drive_raw.shape[0]):
        drive_row = drive_raw[tick]
{sums}
        {row} = spike{at_tick}
        for each in range(drive_row.shape[0]):
            {results}, fired, saturated = step(raw, {arguments}, drive_row[each]{pull})
            {store}
            saturations += saturated
    return saturations
"""


@lru_cache(maxsize=64)
def _compiled(rule: Rule, raw: Any, fields: tuple[str, ...], keep: bool, reads: str) -> Callable[..., int]:
    """Compile the loop over ticks and neurons; it takes raw, drive, spikes, edges, state, parameters and trace.

    The integers of `raw` are constants; if it is None, those of each call are used. The loop returns the number of
    saturations.

    Raises
    ------
    ImportError
        If numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise ImportError("the compiled kernel needs numba: pip install neuristor[fast]") from error
    # numba has no star arguments for arrays, and their number depends on the model.
    stores = [f"{name}[each] = next_{name}" for name in rule.state]
    stores += [f"trace_{name}[tick, each] = next_{name}" for name in fields]
    stores += ["spike_row[each] = fired" if keep else "spike_row[each] += fired"]
    edges = ("starts", "ends", "weights", "shift", "sums") if reads else ()
    source = _LOOP.format(
        raw="raw" if raw is None else "_",
        arrays=", ".join([*edges, *rule.state, *rule.parameters, *(f"trace_{name}" for name in fields)]),
        sums=_SUMS.format(reads=reads) if reads else "",
        pull=", sums[each]" if reads else "",
        row="spike_row",
        at_tick="[tick]" if keep else "",
        results=", ".join(f"next_{name}" for name in rule.state),
        arguments=", ".join(f"{name}[each]" for name in (*rule.state, *rule.parameters)),
        store="; ".join(stores),
    )
    jit = numba.njit(nogil=True)
    # A call would copy the descriptors of all tables.
    inner = numba.njit(nogil=True, forceinline=True)
    scope = {
        "raw": raw,
        "step": _rebuilt(rule.function, inner, {select: inner(_select), lookup: inner(_lookup)}),
    }
    exec(source, scope)
    loop: Callable[..., int] = jit(scope["loop"])
    return loop


def _with_arrays(raw: Any) -> Any:
    """The same integers, with long tables as arrays: a tuple of hundreds of integers takes minutes to compile."""
    long = [isinstance(each, tuple) and np.size(each) > 64 for each in raw]
    if not any(long):
        return raw
    return type(raw)._make(np.array(each) if table else each for each, table in zip(raw, long, strict=True))


def _select(condition: bool, if_true: int, if_false: int) -> int:
    return if_true if condition else if_false


def _lookup(index: int, table: tuple[int, ...]) -> int:
    return table[index]


def _rebuilt(function: Any, jit: Callable[[Any], Any], made: dict[Any, Any]) -> Any:
    """Compile the code of a function, with the functions it calls replaced by compiled ones."""

    def replaced(value: Any, names: tuple[str, ...]) -> Any:
        if value in made:
            return made[value]
        if isinstance(value, FunctionType):
            return _rebuilt(value, jit, made)
        if isinstance(value, ModuleType):
            copy = ModuleType(value.__name__)
            vars(copy).update({name: replaced(vars(value)[name], names) for name in names if name in vars(value)})
            return copy
        return value

    names, scope = function.__code__.co_names, function.__globals__
    used = {name: replaced(scope[name], names) for name in names if name in scope}
    made[function] = jit(FunctionType(function.__code__, scope | used, function.__name__, function.__defaults__))
    return made[function]
