"""Estimates of LUTs, flip-flops, multipliers, block RAM and Fmax of a circuit in a fraction of a second, unsynthesised.

The circuit is read as words: adders, multiplexers, multipliers, registers, memories (`measure`). What they cost on a
family was fitted to routed self-tests of our neurons by ``python -m benchmarks.estimate``, which writes
``estimate.json`` beside this file, with the errors of a circuit that was left out of the fit. An estimate is for
choosing; ``neuristor synth`` gives the truth.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from amaranth.back import rtlil  # type: ignore[attr-defined]

from neuristor.boards.base import Family

__all__ = ["FEATURES", "Estimate", "Measures", "counted", "estimate", "fitted_families", "measure"]

FEATURES = ("sum bits", "choice bits", "logic bits", "register bits", "product bits", "small memory bits", "parts")
"""What LUTs and flip-flops are fitted to."""
SMALL = 2048
"""Bits of a memory up to which it is not a block RAM."""
CELL_NS = {"sum": (0.9, 0.06), "product": (3.5, 0.0), "compare": (0.9, 0.06), "wide": (0.9, 0.0), "choice": (0.9, 0.0)}
"""Delay of an operation: of it, and of each of its bits, in nanosecond; its scale is fitted."""
OPERATIONS = {
    "$add": "sum",
    "$sub": "sum",
    "$neg": "sum",
    "$lt": "compare",
    "$le": "compare",
    "$gt": "compare",
    "$ge": "compare",
    "$mul": "product",
    "$eq": "wide",
    "$ne": "wide",
    "$reduce_or": "wide",
    "$reduce_and": "wide",
    "$reduce_bool": "wide",
    "$reduce_xor": "wide",
    "$mux": "choice",
    "$shl": "choice",
    "$shr": "choice",
    "$sshr": "choice",
    "$and": "logic",
    "$or": "logic",
    "$xor": "logic",
    "$not": "logic",
}


@dataclass(frozen=True)
class Measures:
    """A circuit, measured in words.

    Parameters
    ----------
    features : mapping of str to float
        Bits of each kind of operation, by the names in `FEATURES`.
    products : tuple of (int, int)
        Widths of the operands of each multiplier.
    memories : tuple of (int, int)
        Width and depth of each memory that is large.
    path_ns : float
        Delay of the longest path, in nanosecond, before it is scaled to a family.
    """

    features: Mapping[str, float]
    products: tuple[tuple[int, int], ...]
    memories: tuple[tuple[int, int], ...]
    path_ns: float

    def extended(self, two: Measures, lanes: int) -> Measures:
        """Measures of more lanes, from those of one.

        Parameters
        ----------
        two : Measures
            Those of two lanes.
        lanes : int
            Number of lanes, 2 or more.
        """
        more = lanes - 2
        features = {name: two.features[name] + more * (two.features[name] - self.features[name]) for name in FEATURES}
        extra = two.products[len(self.products) :]
        # Block RAMs of all lanes are one memory whose words are wider.
        memories = [*two.memories]
        if len(two.memories) == len(self.memories):
            pairs = zip(self.memories, two.memories, strict=True)
            memories = [(max(w2 + more * (w2 - w1), 1), max(1, d2 * 2 // lanes)) for (w1, _), (w2, d2) in pairs]
        else:
            memories += list(two.memories[len(self.memories) :]) * more
        return Measures(features, two.products + extra * more, tuple(memories), max(self.path_ns, two.path_ns))


@dataclass(frozen=True)
class Estimate:
    """Resources and clock of a circuit, estimated.

    Parameters
    ----------
    resources : mapping of str to float
        LUT, FF, block RAM and DSP.
    fmax_hz : float
        Highest clock frequency, in hertz.
    errors : mapping of str to float
        Error that nine of ten circuits left out of the fit keep: relative of LUT, FF and Fmax, a number of DSP and of
        block RAM.
    """

    resources: Mapping[str, float]
    fmax_hz: float
    errors: Mapping[str, float]


def measure(circuit: Any) -> Measures:
    """Measure a circuit.

    Parameters
    ----------
    circuit : amaranth component
        The circuit.
    """
    modules = _modules(rtlil.convert(circuit, emit_src=False))
    features: dict[str, float] = defaultdict(float)
    products: list[tuple[int, int]] = []
    memories: list[tuple[int, int]] = []
    longest = 0.0
    for module in modules.values():
        for kind, widths in module.operations:
            _count(kind, widths, features, products)
        features["choice bits"] += module.choices
        for width, depth in module.memories:
            if width * depth > SMALL:
                memories.append((width, depth))
            else:
                features["small memory bits"] += width * depth
        features["parts"] += 1
        longest = max(longest, module.longest())
    return Measures({name: features[name] for name in FEATURES}, tuple(products), tuple(memories), longest)


@cache
def _fit() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files("neuristor.boards").joinpath("estimate.json").read_text("utf-8"))
    return found


def fitted_families() -> tuple[str, ...]:
    """The families with an estimate."""
    return tuple(_fit())


def estimate(measures: Measures, family: Family) -> Estimate:
    """Estimate resources and clock of a circuit on a family.

    Parameters
    ----------
    measures : Measures
        Of `measure`.
    family : str
        One of `fitted_families`.
    """
    fit = _fit()[family]
    resources = {
        name: max(0.0, fit[name]["offset"] + sum(fit[name][each] * measures.features[each] for each in FEATURES))
        for name in ("LUT", "FF")
    }
    for name, count in counted(measures, family).items():
        resources[name] = fit[name]["offset"] + fit[name]["scale"] * count
    period = fit["Fmax"]["offset"] + fit["Fmax"]["path"] * measures.path_ns
    return Estimate(resources, 1e9 / max(period, 1.0), {name: found["error"] for name, found in fit.items()})


def counted(measures: Measures, family: str) -> dict[str, float]:
    """Multipliers and block RAMs as the widths have them; synthesis trims some, and the self-test adds some.

    Parameters
    ----------
    measures : Measures
        Of `measure`.
    family : str
        The family.
    """
    return {
        "DSP": float(sum(multipliers(a, b, family) for a, b in measures.products)),
        "block RAM": float(sum(blocks(width, depth, family) for width, depth in measures.memories)),
    }


def multipliers(a: int, b: int, family: str) -> int:
    """Multipliers of a family that a product takes.

    Parameters
    ----------
    a, b : int
        Widths of its operands, in bits.
    family : str
        The family.
    """
    if min(a, b) < 2:
        return 0
    size = 16 if family == "ice40" else 18
    return math.ceil(a / size) * math.ceil(b / size)


def blocks(width: int, depth: int, family: str) -> int:
    """Block RAMs of a family that a memory takes.

    Parameters
    ----------
    width, depth : int
        Of the memory.
    family : str
        The family.
    """
    shapes = {"ice40": ((16, 256), (8, 512), (4, 1024), (2, 2048))}.get(
        family, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
    )
    return min(math.ceil(width / w) * math.ceil(depth / d) for w, d in shapes)


class _Module:
    """A module of the intermediate language: its operations, and which wire is made of which."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, tuple[int, int, int]]] = []
        self.memories: list[tuple[int, int]] = []
        self.choices = 0
        self.made: dict[str, list[tuple[float, tuple[str, ...]]]] = defaultdict(list)
        self.ends: list[str] = []

    def longest(self) -> float:
        """Delay of its longest path, from registers and inputs to registers and outputs."""
        known: dict[str, float] = {}
        for wire in [*self.ends, *self.made]:
            stack = [wire]
            while stack:  # recursion would be too deep
                at = stack[-1]
                if at in known:
                    stack.pop()
                    continue
                inputs = {each for _, some in self.made.get(at, ()) for each in some}
                open_ = [each for each in inputs if each not in known and each not in stack]
                if open_:
                    stack += open_
                    continue
                parts = [
                    delay + max((known.get(each, 0.0) for each in some), default=0.0)
                    for delay, some in self.made.get(at, ())
                ]
                known[at] = max(parts, default=0.0)
                stack.pop()
        return max(known.values(), default=0.0)


_WIRE = re.compile(r"[\\$][^\s\[\]{}]+")


def _wires(text: str) -> tuple[str, ...]:
    return tuple(_WIRE.findall(text))


def _modules(text: str) -> dict[str, _Module]:
    modules: dict[str, _Module] = {}
    now = _Module()
    widths: dict[str, int] = {}
    lines = iter(text.splitlines())
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "module":
            now = modules.setdefault(words[1], _Module())
            widths = {}
        elif words[0] == "wire":
            widths[words[-1]] = int(words[words.index("width") + 1]) if "width" in words else 1
        elif words[0] == "memory":
            now.memories.append((int(words[words.index("width") + 1]), int(words[words.index("size") + 1])))
        elif words[0] == "connect":
            made, _, source = line.strip().removeprefix("connect ").partition(" ")
            for wire in _wires(made):
                now.made[wire].append((0.0, _wires(source)))
        elif words[0] == "cell":
            _cell(now, words[1], lines)
        elif words[0] == "process":
            _process(now, lines, widths)
    return modules


def _cell(module: _Module, kind: str, lines: Any) -> None:
    parameters: dict[str, int] = {}
    ports: dict[str, str] = {}
    for line in lines:
        words = line.split(maxsplit=2)
        if not words or words[0] == "end":
            break
        if words[0] == "parameter" and words[-1].isdigit():
            parameters[words[-2]] = int(words[-1])
        elif words[0] == "connect":
            ports[words[1]] = words[2]
    if kind == "$dff":
        module.operations.append((kind, (parameters.get("\\WIDTH", 1), 0, 0)))
        module.ends += _wires(ports.get("\\D", ""))
        return
    if kind not in OPERATIONS:
        return
    a, b, y = (parameters.get(name, 0) for name in ("\\A_WIDTH", "\\B_WIDTH", "\\Y_WIDTH"))
    a = a or parameters.get("\\WIDTH", 0)
    sources = tuple(each for name in ("\\A", "\\B", "\\S") for each in _wires(ports.get(name, "")))
    constant = kind in ("$shl", "$shr", "$sshr") and not _wires(ports.get("\\B", ""))
    group = OPERATIONS[kind]
    if not constant:
        module.operations.append((kind, (a, b, y or a)))
    delay = 0.0
    if not constant and group in CELL_NS:
        once, each_bit = CELL_NS[group]
        bits = max(a, b) if group == "compare" else y
        delay = once * (max(1.0, math.log(max(a, 2), 4)) if group == "wide" else 1.0) + each_bit * bits
    elif group == "logic":
        delay = 0.3
    for wire in _wires(ports.get("\\Y", "")):
        module.made[wire].append((delay, sources))


def _process(module: _Module, lines: Any, widths: Mapping[str, int]) -> None:
    """Assignments under switches: each is a choice for the bits that it assigns."""
    depth = 0
    tested: list[tuple[str, ...]] = []
    for line in lines:
        words = line.split(maxsplit=2)
        if not words:
            continue
        if words[0] == "switch":
            tested.append(_wires(line.strip().removeprefix("switch ")))
            depth += 1
        elif words[0] == "end":
            if depth == 0:
                return
            depth -= 1
            tested.pop()
        elif words[0] == "assign":
            sources = tuple(each for some in tested for each in some) + _wires(words[2])
            for wire in _wires(words[1]):
                module.made[wire].append((CELL_NS["choice"][0] * (1.0 if depth else 0.0), sources))
                if depth:
                    part = re.search(r"\[(\d+)(?::(\d+))?\]", words[1])
                    bits = widths.get(wire, 1)
                    if part is not None:
                        bits = int(part[1]) - int(part[2] or part[1]) + 1
                    module.choices += bits


def _count(
    kind: str, widths: tuple[int, int, int], features: dict[str, float], products: list[tuple[int, int]]
) -> None:
    a, b, y = widths
    if kind == "$dff":
        features["register bits"] += a
        return
    group = OPERATIONS[kind]
    if group == "product":
        products.append((a, b))
        features["product bits"] += a + b
    elif group in ("sum", "compare"):
        features["sum bits"] += y if group == "sum" else max(a, b)
    elif group == "choice":
        # A shift by a word is a choice for each bit of the distance.
        features["choice bits"] += y * (b if kind in ("$shl", "$shr", "$sshr") else 1)
    else:
        features["logic bits"] += a / 2 if group == "wide" else y
