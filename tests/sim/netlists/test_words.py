"""Words that nobody has chosen do what Python's integers do; a circuit as words does what Amaranth says."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed
from hypothesis import given, settings
from hypothesis import strategies as st

from neuristor.golden_model.fixed import lookup, round_shift, saturate, select, wrap
from neuristor.sim.netlists.netlist import read_circuit
from neuristor.sim.netlists.words import Graph, Word

A, B = (9, True), (6, False)
"""Widths and signs of two words."""

FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "sums": lambda a, b: a + b - 3 * a + 7 - (5 - b),
    "products": lambda a, b: a * b * -3 + a * a - b * b,
    "shifts": lambda a, b: (a >> 3) + (b >> 9) + (a << 4) + (a >> 20),
    "rounding": lambda a, b: round_shift(a * b, 5) + round_shift(a, 0),
    "clamping": lambda a, b: saturate(a * b, -100, 77) * saturate(a, -3, 900),
    "wrapping": lambda a, b: wrap(a * 31 + b, 7),
    "bits": lambda a, b: (a & 0xF0) + (a | b) + (a ^ -2) + (b & 5),
    "comparisons": lambda a, b: (
        select(a < b, a, 0) + select(a >= 4, 9, b) + select(a == b, 1, -1) + select(a != 2, 3, a)
    ),
    "tables": lambda a, b: lookup(b & 3, (5, -9, 0, 1000)) * a,
    "no doubt": lambda a, b: select(b >= 0, a, 1) + select(a - a > 1, 2, b),
}


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=200, deadline=None)
@given(a=st.integers(-256, 255), b=st.integers(0, 63))
def test_a_formula_of_words_is_that_of_integers(name: str, a: int, b: int) -> None:
    graph = Graph()
    words = [Word.of(graph, graph.input(each, width), sign) for each, (width, sign) in zip("ab", (A, B), strict=True)]
    made = FORMULAS[name](*words)
    wanted = int(FORMULAS[name](a, b))
    assert made.low <= wanted <= made.high
    value = graph.compute({"a": a & 0x1FF, "b": b}, [made.number])[made.number]
    if made.signed and value >> made.width - 1:
        value -= 1 << made.width
    assert value == wanted


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.tuples(st.integers(-128, 127), st.integers(0, 31)), min_size=4, max_size=4))
def test_a_circuit_as_words_is_the_circuit(values: list[tuple[int, int]]) -> None:
    circuit = CIRCUIT
    inputs = {f"{name}@{clock}": pair[at] & 0xFF for clock, pair in enumerate(values) for at, name in enumerate("ab")}
    number = circuit.signal("out", 3)
    got = circuit.graph.compute(inputs | {"held@start": 0, "count@start": 5}, [number])[number]
    held, count = 0, 5
    for a, b in values[:3]:
        held = a * b - (a >> 2) if a < b else held + 1
        held = (held + (1 << 15)) % (1 << 16) - (1 << 15)
        count = (count + b) % 8
    assert got == (held ^ (count * 3 if values[3][0] > 0 else ~count)) & 0xFFFF


def _circuit() -> Any:
    m = Module()
    a, b = Signal(signed(8)), Signal(5)
    held, out, count = Signal(signed(16)), Signal(signed(16)), Signal(3)
    with m.If(a < b):
        m.d.sync += held.eq(a * b - (a >> 2))
    with m.Else():
        m.d.sync += held.eq(held + 1)
    m.d.sync += count.eq(count + b)
    wide = Signal(signed(16))
    with m.If(a > 0):
        m.d.comb += wide.eq(count * 3)
    with m.Else():
        m.d.comb += wide.eq(-1 - count)
    m.d.comb += out.eq(held ^ wide)
    ports: dict[str, Any] = {"a": (a, None), "b": (b, None), "out": (out, None)}
    text = rtlil.convert(m, ports=ports, emit_src=False)
    return read_circuit(Graph(), text, "top", lambda name, clock: 0 if name == "rst" else f"{name}@{clock}")


CIRCUIT = _circuit()


OPERATIONS = ["add", "sub", "mul", "and", "or", "xor", "eq", "ult", "slt", "lshr", "ashr", "shl"]


@pytest.mark.parametrize("seed", range(40))
def test_many_runs_at_once_are_one_after_the_other(seed: int) -> None:
    """Around 64 bits, where words become Python's integers, and beyond."""
    chosen, graph = random.Random(seed), Graph()
    inputs = [graph.input("a", chosen.choice([4, 20, 64])), graph.input("b", chosen.choice([7, 33, 70]))]
    known = list(inputs)
    while len(known) < 40:
        width, signed = chosen.choice([1, 3, 17, 40, 63, 64, 65, 90]), chosen.random() < 0.5
        a, b = (graph.extended(chosen.choice(known), width, signed) for _ in "ab")
        match chosen.randrange(8):
            case 0 | 1 | 2 | 3:
                op = chosen.choice(OPERATIONS)
                made = graph.op(op, 1 if op in ("eq", "ult", "slt") else width, a, b)
            case 4:
                made = graph.concat([a, chosen.choice(inputs)])
            case 5:
                made = graph.op(chosen.choice(["any", "all", "parity"]), 1, a)
            case 6:
                made = graph.op("mux", width, graph.extended(chosen.choice(known), 1, False), a, b)
            case _:
                words = tuple(chosen.getrandbits(9) for _ in range(chosen.randint(2, 9)))
                made = graph.table(words, 9, graph.extended(a, 3, False))
        known.append(made)
    columns = {
        name: np.array(
            [chosen.getrandbits(graph.width(number)) >> chosen.choice([0, 0, 3, 30]) for _ in range(20)], object
        )
        for name, number in zip("ab", inputs, strict=True)
    }
    many = graph.compute_many(columns, known)
    for run in range(20):
        one = graph.compute({name: column[run] for name, column in columns.items()}, known)
        assert one == {number: int(column[run]) for number, column in many.items()}


def test_what_is_no_word_is_refused() -> None:
    m = Module()
    data, out, place = Signal(64), Signal(64), Signal(6)
    m.d.comb += out.eq(data // place)
    ports: dict[str, Any] = {"data": (data, None), "place": (place, None), "out": (out, None)}
    circuit = read_circuit(Graph(), rtlil.convert(m, ports=ports, emit_src=False))
    with pytest.raises(ValueError, match=r"is a \$div\w*, which is no operation on words"):
        circuit.signal("out", 0)
