"""Proofs of small oscillator networks, for all weights, states and ticks.

* **Sums.** After `begin`, each weighted sum plus its pending columns (those still to be added) equals the sum over all
  outputs computed anew. The proof is by induction over clocks, with symbolic weights.
* **Comparison.** A tick changes phase and reference of each oscillator as the golden step does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from neuristor.golden_model.fixed import select
from neuristor.golden_model.networks.onn import OnnParams
from neuristor.golden_model.networks.phase_oscillator import step
from neuristor.hdl.onn import Onn
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import read_circuit
from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.claims import Claim, holds, implies
from neuristor.sim.proofs.equivalence import Answer

__all__ = ["prove_onn"]


class _Network:
    """A network as words, with symbolic weights."""

    def __init__(self, count: int, weight_bits: int, phase_bits: int, make: Callable[[OnnParams], Onn]) -> None:
        self.count, self.weight_bits = count, weight_bits
        self.params = OnnParams(
            weights=np.zeros((count, count), dtype=np.int64), weight_bits=weight_bits, phase_bits=phase_bits
        )
        circuit = make(self.params)
        text = to_rtlil(circuit)
        self.states = circuit.states
        self.graph = graph = Graph()
        self.circuit = read_circuit(graph, text, "top", self._given)
        self.columns = [graph.input(f"column {n}", circuit.chunk_bits) for n in range(count)]
        (memory,) = self.circuit.memories
        self.circuit.know(memory, self.columns)

    def _given(self, name: str, clock: int) -> int | str | Word:
        # No weight is written: after a write, sums are valid only from the next `begin` on.
        return 0 if name == "weight__valid" else f"{name}@{clock}"

    def word(self, name: str, clock: int, signed: bool = False) -> Word:
        """A signal in a clock."""
        return Word.of(self.graph, self.circuit.signal(name, clock), signed)

    def bit(self, name: str, clock: int, place: int) -> Word:
        """A bit of a signal in a clock."""
        return Word.of(self.graph, self.graph.slice(self.circuit.signal(name, clock), place, 1), False)

    def weight(self, column: int, owner: int) -> Word:
        """The weight of an oscillator in a column of the memory."""
        bits = self.weight_bits
        return Word.of(self.graph, self.graph.slice(column, owner * bits, bits), True)

    def is_in(self, clock: int, *names: str) -> Word:
        """Whether the state machine is in one of these states."""
        state = self.word("fsm_state", clock)
        found = state < 0
        for name in names:
            found = found | (state == self.states[name])
        return found

    def column_read(self, clock: int) -> int:
        """The column at the memory's address."""
        at = self.circuit.signal("port__addr", clock)
        return self.circuit.chosen(self.columns, at, self.graph.width(self.columns[0]))

    # --- claims

    def pending(self, clock: int, owner: int) -> list[Word]:
        """The terms that are still to be added to a sum in this pass."""
        one = self.word("starting", clock) == 1

        def added(condition: Word, sign: Word, weight: Word) -> Word:
            amount = select(one, weight, weight * 2)
            made: Word = select(condition, select(sign == 1, amount, 0 - amount), 0)
            return made

        # To subtract, the last stage holds the complement; the missing 1 is added as its carry.
        term = self.word(f"term_{owner}", clock, signed=True)
        whole = select(self.word("plus_2", clock) == 1, term, term + 1)
        pieces: list[Word] = [select(self.word("valid_2", clock) == 1, whole, 0)]
        for stage, column in ((1, self.circuit.signal("port__data", clock)), (0, self.column_read(clock))):
            valid, plus = (self.word(f"{name}_{stage}", clock) == 1 for name in ("valid", "plus"))
            pieces.append(added(valid, plus, self.weight(column, owner)))
        waiting = (self.is_in(clock, "SEARCH") | (self.word("full", clock) == 1)) == 1
        for n, column in enumerate(self.columns):
            listed = (self.bit("word", clock, n) == 1) | (waiting & (self.bit("pending", clock, n) == 1))
            pieces.append(added(listed, self.bit("output", clock, n), self.weight(column, owner)))
        return pieces

    def recomputed(self, clock: int, owner: int) -> list[Word]:
        """The terms of a sum over all outputs."""
        pieces = []
        for n, column in enumerate(self.columns):
            weight = self.weight(column, owner)
            pieces.append(select(self.bit("output", clock, n) == 1, weight, 0 - weight))
        return pieces

    def consistent(self, clock: int, owner: int) -> Word:
        """Whether a sum plus its pending terms equals the recomputed sum, in the width of the sum (no overflow)."""
        graph, width = self.graph, self.params.total_bits

        def total(pieces: Sequence[Word]) -> int:
            made = pieces[0].to(width)
            for piece in pieces[1:]:
                made = graph.op("add", width, made, piece.to(width))
            return made

        now = self.word(f"total_{owner}", clock, signed=True)
        sides = total([now, *self.pending(clock, owner)]), total(self.recomputed(clock, owner))
        return Word.of(graph, graph.op("eq", 1, *sides), False)

    def invariants(self, clock: int, begun: Word) -> dict[str, Word]:
        """The invariants: what holds in every clock, by its text. `begun` is 1 once the phases have begun."""
        yes = self.word("tick", clock) >= 0
        word, full = self.word("word", clock), self.word("full", clock)
        busy = [self.word(f"valid_{n}", clock) for n in range(3)]
        empty = (word == 0) & (full == 0) & (busy[0] == 0) & (busy[1] == 0) & (busy[2] == 0)
        count = self.count
        outputs = self.is_in(clock, "OUTPUTS")
        known = set(self.states) - {"DRAW", "MOVE", "MOVING", "BACK"}
        made = {
            "the state machine is in a state of a network without noise": self.is_in(clock, *sorted(known)) == 1,
            "columns are pending only during a pass": implies(self.is_in(clock, "DRAIN") == 0, empty),
            "one column is read at a time": (word < 1 << count)
            & implies(busy[0] == 1, self.word("port__addr", clock) < count)
            & ((word == 0) | (full == 0)),
            "the signs of pending columns are those of the outputs": implies(word != 0, self._same(clock)),
            "only columns are added to the sums": self.word("moving", clock) == 0,
            "`busy` is high in all states except IDLE": (self.is_in(clock, "IDLE") == 1)
            == (self.word("busy", clock) == 0),
            "the first pass adds all columns": implies(
                outputs | (self.is_in(clock, "SEARCH") & (self.word("starting", clock) == 1)),
                (self.word("pending", clock) == (1 << count) - 1) & (self.word("starting", clock) == 1),
            ),
            "`zero` marks the sums that are 0": implies(self.is_in(clock, "COMPARE"), self._zero(clock)),
            "only the first pass adds single weights": implies(
                self.is_in(clock, *sorted(known - {"OUTPUTS", "SEARCH", "DRAIN", "COMPARE"})),
                self.word("starting", clock) == 0,
            )
            & yes,
        }
        for owner in range(count):
            cleared = implies(outputs, self.word(f"total_{owner}", clock, signed=True) == 0)
            consistent = implies((begun == 1) & (outputs == 0), self.consistent(clock, owner))
            made[f"sum {owner}, with its pending columns, equals the sum computed anew"] = cleared & consistent
        return made

    def _same(self, clock: int) -> Word:
        """Whether the signs of the pending columns are the outputs."""
        total = self.word("tick", clock) >= 0
        for n in range(self.count):
            total = total & (self.bit("high", clock, n) == self.bit("output", clock, n))
        return total

    def _zero(self, clock: int) -> Word:
        """Whether `zero` marks the sums that are 0."""
        total = self.word("tick", clock) >= 0
        for n in range(self.count):
            total = total & (self.bit("zero", clock, n) == (self.word(f"total_{n}", clock, signed=True) == 0))
        return total


def prove_onn(
    count: int = 3, weight_bits: int = 4, phase_bits: int = 4, make: Callable[[OnnParams], Onn] = Onn
) -> Iterator[Claim]:
    """Prove a network without noise, claim by claim.

    Parameters
    ----------
    count : int
        Number of oscillators, 2 to 32.
    weight_bits : int
        Word length of a weight, 1 to 8.
    phase_bits : int
        Word length of a phase, 4 to 8.
    make : callable
        Makes the circuit from its parameters.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    before = time.perf_counter()
    net = _Network(count, weight_bits, phase_bits, make)
    graph = net.graph
    begun = Word.of(graph, graph.input("begun", 1), False)
    known = net.invariants(0, begun)
    running = net.word("rst", 0) == 0
    assumed = [bit.number for bit in (*known.values(), running)]
    later = net.invariants(1, begun | net.word("clear", 0))

    def claim(subject: str, text: str, bit: Word, given: Sequence[int]) -> Claim:
        nonlocal before
        answer = holds(graph, given, bit.number)
        now = time.perf_counter()
        made = Claim(subject, text, answer.proved, now - before, _lines(net, answer) if answer.inputs else ())
        before = now
        return made

    others = [running.number, *(bit.number for text, bit in known.items() if not text.startswith("sum "))]
    for text, bit in later.items():
        # A sum depends on no other sum.
        yield claim("network", text, bit, [*others, known[text].number] if text.startswith("sum ") else assumed)
    reset = (net.word("rst", 0) == 1).number
    fresh = net.word("tick", 0) >= 0
    for bit in net.invariants(1, Word.of(graph, graph.const(0, 1), False)).values():
        fresh = fresh & bit
    yield claim("network", "a reset leads from any state to one in which all invariants hold", fresh, [reset])

    # The comparison, against the golden step.
    raw = net.params.raw
    tick = net.word("tick", 0)
    now = tick & (raw.period - 1)
    compares = (net.word("compare", 0) == 1).number
    for n in range(count):
        phase, reference = net.word(f"phase_{n}", 0), net.bit("reference", 0, n)
        total = net.word(f"total_{n}", 0, signed=True)
        recent = net.bit("recent", 0, n) == (((tick - phase) & (raw.period - 1)) == 1)
        wanted = step(raw, phase, reference, total, tick)
        got = net.word(f"phase_{n}", 1), net.bit("reference", 1, n), net.bit("moved", 1, n)
        same = now >= 0
        for one, other in zip(wanted, got, strict=True):
            same = same & (other == one)
        text = (
            f"phase and reference of oscillator {n} are those of the golden step, if `recent` marks a lead of one tick"
        )
        yield claim("phase oscillator", text, same, [*assumed, compares, recent.number])
    text = "skipped ticks are those in which no output toggles; `recent` marks a lead of one tick (tests compare it)"
    yield Claim("network", text, None, 0.0, tried=False)


def _lines(net: _Network, answer: Answer) -> tuple[str, ...]:
    """A counterexample as lines of text."""
    names = ["fsm_state", "tick", "starting", "output", "pending", "full", "word", "reference", "zero", "recent"]
    names += [f"{kind}_{n}" for kind in ("valid", "plus") for n in range(3)]
    names += [f"{kind}_{n}" for kind in ("phase", "total", "term") for n in range(net.count)]
    numbers = {(name, clock): net.circuit.signal(name, clock) for name in names for clock in (0, 1)}
    values = net.graph.compute(answer.inputs, [*numbers.values(), *net.columns])
    states = {number: name for name, number in net.states.items()}
    lines = []
    for clock in (0, 1):
        parts = []
        for name in names:
            number = numbers[name, clock]
            value, width = values[number], net.graph.width(number)
            if name.startswith("total"):
                value = as_signed(value, width)
            parts.append(f"{name} {states.get(value, value) if name == 'fsm_state' else value}")
        lines.append(f"clock {clock}: " + ", ".join(parts))
    bits = net.weight_bits
    matrix = [[as_signed(values[c] >> n * bits & (1 << bits) - 1, bits) for c in net.columns] for n in range(net.count)]
    return (f"weights {matrix}", *lines)
