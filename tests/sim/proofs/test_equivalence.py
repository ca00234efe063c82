"""What a sweep calls equal is equal for every input; what it calls different differs where it says."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from itertools import combinations, product

import pytest

from neuristor.golden_model.fixed import saturate, select
from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.claims import holds
from neuristor.sim.proofs.equivalence import Sweep

BITS = 4
"""Of each of two inputs: few enough to try them all."""
VECTORS = [{"a": a, "b": b} for a, b in product(range(1 << BITS), repeat=2)]


def random_word(graph: Graph, known: list[int], chosen: random.Random) -> int:
    """A word made of some that are there, in one of the ways circuits are made."""
    a, b = chosen.choice(known), chosen.choice(known)
    signed, width = chosen.random() < 0.5, chosen.randint(2, 8)
    again = chosen.choice(known)
    if chosen.random() < 0.8 and graph.nodes[again].op in ("add", "sub", "mul"):
        # The same sum, its other way round, or part of it, of wider words: what a sweep is to find.
        node = graph.nodes[again]
        x, y = (graph.extended(arg, node.width + 2, signed) for arg in node.args[:: chosen.choice([1, -1])])
        wide = graph.op(node.op, node.width + 2, x, y)
        low = chosen.randrange(node.width)
        return chosen.choice([wide, graph.slice(wide, low, node.width - low)])
    match chosen.choice(["sum", "sum", "less", "less", "product", "slice", "slice", "concat", "mux", "bits", "equal"]):
        case "sum":
            return graph.op("add", width, graph.extended(a, width, signed), graph.extended(b, width, signed))
        case "less":
            return graph.op("sub", width, graph.extended(a, width, signed), graph.extended(b, width, signed))
        case "product":
            return graph.op("mul", width, graph.extended(a, width, signed), graph.extended(b, width, signed))
        case "slice":
            low = chosen.randrange(graph.width(a))
            return graph.slice(a, low, chosen.randint(1, graph.width(a) - low))
        case "concat":
            return graph.concat([a, b]) if graph.width(a) + graph.width(b) <= 10 else a
        case "mux":
            x, y = graph.extended(a, width, signed), graph.extended(b, width, signed)
            return graph.op("mux", width, graph.op("slt", 1, x, y), x, y)
        case "bits":
            x, y = graph.extended(a, width, signed), graph.extended(b, width, False)
            return graph.op(chosen.choice(["and", "or", "xor"]), width, x, y)
    return graph.op("eq", 1, graph.extended(a, width, signed), graph.extended(b, width, signed))


def integer(value: int, width: int, signed: bool) -> int:
    """A word as a number."""
    return as_signed(value, width) if signed else value


@pytest.mark.few(100)
@pytest.mark.parametrize("seed", range(400))
def test_what_is_called_equal_is_equal(seed: int) -> None:
    chosen = random.Random(seed)
    graph = Graph()
    known = [graph.input("a", BITS), graph.input("b", BITS), graph.const(chosen.randrange(16), BITS)]
    while len(known) < 24:
        known.append(random_word(graph, known, chosen))
    bit = graph.op("ult", 1, known[0], graph.const(12, BITS)) if seed % 2 else graph.const(1, 1)
    sweep = Sweep(graph, known, [bit], seed)
    sweep.run()
    values = [found for v in VECTORS if (found := graph.compute(v, [bit, *sweep.order]))[bit]]
    for number, (other, other_signed, signed) in sweep._same.items():
        for found in values:
            assert integer(found[number], graph.width(number), signed) == integer(
                found[other], graph.width(other), other_signed
            )
    for number, (width, signed) in sweep._narrowest.items():
        for found in values:
            whole = integer(found[number], graph.width(number), signed)
            assert -(1 << width - 1) * signed <= whole < 1 << width - signed or width == graph.width(number)
    for a in known:
        for b in known:
            if graph.width(a) == graph.width(b):
                answer = sweep.equal(a, b)
                assert answer.proved is all(found[a] == found[b] for found in values)
                if not answer.proved:
                    there = graph.compute(answer.inputs, [a, b, bit])
                    assert there[bit]
                    assert there[a] != there[b]


def test_adding_and_then_shifting_is_shifting_and_then_adding() -> None:
    """A state and a rounded product: the solver need not know what a product is."""
    graph = Graph()
    state, product = (
        graph.input("state", 24),
        graph.op(
            "mul",
            40,
            graph.extended(graph.input("x", 20), 40, True),
            graph.extended(graph.input("y", 20), 40, True),
        ),
    )
    rounded = graph.op("add", 41, graph.extended(product, 41, True), graph.const(1 << 23, 41))
    first = graph.op("add", 25, graph.extended(state, 25, True), graph.extended(graph.slice(rounded, 24, 17), 25, True))
    doubled = graph.extended(graph.concat([graph.const(1, 1), state]), 26, True)
    second = graph.op("add", 26, doubled, graph.extended(graph.slice(product, 23, 17), 26, True))
    one, other = graph.slice(first, 3, 20), graph.slice(second, 4, 20)
    sweep = Sweep(graph, [one, other])
    sweep.run()
    assert sweep.equal(one, other).proved
    # All that the shifts leave was compared, where only a part was asked for.
    assert sweep.equal(graph.slice(first, 3, 22), graph.slice(second, 4, 22)).proved
    assert sweep.questions["true"] == sweep.questions["open"] == 0


Known = tuple[Word, Callable[[dict[str, int]], int]]
"""A word, and the same computed with Python's integers."""

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


def random_formula(chosen: random.Random, known: list[Known]) -> Known:
    """A formula of words that are there."""
    (x, of_x), (y, of_y), (a, of_a), (b, of_b) = (chosen.choice(known) for _ in range(4))
    number, shift, compared = chosen.randint(-9, 17), chosen.randint(0, 3), chosen.choice(COMPARISONS)
    low = chosen.randint(-9, 3)
    high = low + chosen.randint(0, 12)
    made: dict[str, Known] = {
        "sum": (x + y, lambda v: of_x(v) + of_y(v)),
        "difference": (x - y, lambda v: of_x(v) - of_y(v)),
        "chosen by a number": (
            select(compared(x, number), a, b),
            lambda v: of_a(v) if compared(of_x(v), number) else of_b(v),
        ),
        "chosen by a word": (
            select(compared(x, y), a, b),
            lambda v: of_a(v) if compared(of_x(v), of_y(v)) else of_b(v),
        ),
        "compared": (compared(x, number), lambda v: int(compared(of_x(v), number))),
        "shifted down": (x >> shift, lambda v: of_x(v) >> shift),
        "shifted up": (x << shift, lambda v: of_x(v) << shift),
        "clamped": (saturate(x, low, high), lambda v: min(max(of_x(v), low), high)),
        "masked": (x & abs(number), lambda v: of_x(v) & abs(number)),
        "product": (x * y, lambda v: of_x(v) * of_y(v)),
    }
    return made[chosen.choice([*made, "chosen by a number", "chosen by a number"])]


@pytest.mark.few(30)
@pytest.mark.parametrize("signs", [(True,), (False, True)], ids=["signed", "both"])
@pytest.mark.parametrize("seed", range(80))
def test_words_of_one_input_with_and_without_sign_are_not_mixed_up(seed: int, signs: tuple[bool, ...]) -> None:
    chosen, graph = random.Random(seed), Graph()
    known: list[Known] = []
    for name in "ab":
        for signed in signs:
            word = Word.of(graph, graph.input(name, BITS), signed)
            known.append((word, lambda v, name=name, signed=signed: integer(v[name], BITS, signed)))  # type: ignore[misc]
    while len(known) < 18:
        made = random_formula(chosen, known)
        if made[0].width <= 12:
            known.append(made)
    numbers = [word.number for word, _ in known]
    values = [graph.compute(v, numbers) for v in VECTORS]
    for word, formula in known:
        wanted = [formula(v) for v in VECTORS]
        assert [integer(found[word.number], word.width, word.signed) for found in values] == wanted
        assert word.low <= min(wanted)
        assert max(wanted) <= word.high
    sweep = Sweep(graph, sorted(set(numbers)), (), seed)
    sweep.run()
    for one, other in combinations(sorted(set(numbers)), 2):
        if graph.width(one) == graph.width(other):
            assert sweep.equal(one, other).proved is all(found[one] == found[other] for found in values)


def test_assumptions_that_contradict_each_other_prove_nothing() -> None:
    graph = Graph()
    a = Word.of(graph, graph.input("a", BITS), False)
    impossible = [(a < 3).number, (a > 5).number]
    with pytest.raises(ValueError, match="the assumptions contradict each other"):
        Sweep(graph, [a.number], impossible)
    assert holds(graph, impossible, (a == 9).number).proved is False
    sweep = Sweep(graph, [a.number, (a + 1).number], impossible[:1])
    sweep.run()
    with pytest.raises(ValueError, match="the assumptions contradict each other"):
        sweep.equal(a.number, (a & 7).to(BITS), also=impossible[1:])
