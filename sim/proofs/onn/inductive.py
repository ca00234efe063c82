"""Proof of statements about one clock, with a check that each of them says something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.claims import Claim, Stopwatch, all_of, holds
from neuristor.sim.proofs.onn.invariants import Statement
from neuristor.sim.proofs.onn.network import Network
from neuristor.sim.proofs.onn.protection import Protected
from neuristor.sim.proofs.terms import Answer, Premise

__all__ = ["MOST_AT_ONCE", "Prover", "VacuousError", "grouped"]


MOST_AT_ONCE = 8
"""Largest number of statements in a question to the solver, by default."""


class VacuousError(ValueError):
    """A claim says nothing, as what it assumes can never hold."""


class Prover:
    """Proves statements about a network, and raises `VacuousError` if one of them says nothing.

    Parameters
    ----------
    net : Network or Protected
        The network.
    assumed : sequence of Word
        Bits that are assumed in all statements.
    """

    def __init__(self, net: Network | Protected, assumed: Sequence[Word]) -> None:
        self.net, self.assumed = net, list(assumed)
        self._watch = Stopwatch()
        self._premise = Premise(net.graph, [bit.number for bit in self.assumed])

    def possible(self, text: str, *bits: Word) -> None:
        """Check that some bits can be 1 under the assumptions.

        Parameters
        ----------
        text : str
            The claim they belong to.
        *bits : Word
            The bits.

        Raises
        ------
        VacuousError
            If they cannot, or the solver has no answer.
        """
        if not self._premise.possible(*(bit.number for bit in bits)):
            raise VacuousError(f"the claim says nothing, as its premise cannot be met: {text}")

    def claim(self, subject: str, statements: Sequence[Statement], at_once: int = MOST_AT_ONCE) -> Claim:
        """Prove statements as one claim, with the text of the first one.

        Parameters
        ----------
        subject : str
            Part of the design.
        statements : sequence of Statement
            The statements.
        at_once : int
            Largest number of statements in a question to the solver.

        Returns
        -------
        Claim
            The claim, decided.
        """
        text = statements[0].text
        for each in statements:
            self.possible(text, each.condition)
        assumed = [each.number for each in self.assumed]
        for some in batched([each.bit for each in statements], at_once):
            answer = holds(self.net.graph, assumed, all_of(some).number)
            if not answer.proved:
                break
        lines = counterexample(self.net, answer) if answer.proved is False else ()
        return Claim(subject, text, answer.proved, self._watch.lap(), lines)


def batched(bits: Sequence[Word], most: int) -> Iterator[Sequence[Word]]:
    """Divide bits into groups.

    Parameters
    ----------
    bits : sequence of Word
        The bits, at least one.
    most : int
        Largest number of bits in a group.

    Yields
    ------
    sequence of Word
        A group.
    """
    for start in range(0, len(bits), most):
        yield bits[start : start + most]


def grouped(statements: Iterable[tuple[str, Statement]]) -> Iterator[tuple[str, list[Statement]]]:
    """Put statements of the same text together.

    Parameters
    ----------
    statements : iterable of (str, Statement)
        Subjects and statements.

    Yields
    ------
    tuple of str and list of Statement
        A subject, and the statements of one text.
    """
    found: dict[tuple[str, str], list[Statement]] = {}
    for subject, each in statements:
        found.setdefault((subject, each.text), []).append(each)
    for (subject, _), some in found.items():
        yield subject, some


SHOWN = (
    *("rst", "fsm_state", "tick", "starting", "left", "room", "settle", "window", "distance", "any_moved", "occupied"),
    *("output", "pending", "full", "word", "reference", "zero", "moved", "last", "recent", "changed", "toggles"),
    *(f"{kind}_{n}" for kind in ("valid", "plus", "part") for n in range(3)),
    *("most", "generator.state", "signs", "generator.tosses"),
)
"""Signals in a counterexample, where the network has them."""


def counterexample(net: Network | Protected, answer: Answer) -> tuple[str, ...]:
    """Write a counterexample as lines of text.

    Parameters
    ----------
    net : Network or Protected
        The network.
    answer : Answer
        The solver's answer.

    Returns
    -------
    tuple of str
        The weights, then the signals in both clocks; for check bits, all inputs that matter.
    """
    if isinstance(net, Protected):
        return tuple(f"{name} {value:#x}" for name, value in sorted(answer.inputs.items()))
    graph: Graph = net.graph
    names = [name for name in SHOWN if net.circuit.has(name)]
    names += [f"{kind}_{n}" for kind in ("phase", "total", "term") for n in range(net.params.count)]
    names = [name for name in names if net.circuit.has(name)]
    numbers = {(name, clock): net.circuit.signal(name, clock) for name in names for clock in (0, 1)}
    weights = [weight for row in net.weights for weight in row]
    values = graph.compute(answer.inputs, [*numbers.values(), *(each.number for each in weights)])
    states = {number: name for name, number in net.onn.states.items()}
    lines = []
    for clock in (0, 1):
        parts = []
        for name in names:
            number = numbers[name, clock]
            value: Any = values[number]
            if name.startswith("total"):
                value = as_signed(value, graph.width(number))
            elif name == "fsm_state":
                value = states.get(value, value)
            parts.append(f"{name} {value}")
        lines.append(f"clock {clock}: " + ", ".join(parts))
    bits = net.params.weight_bits
    matrix = [[as_signed(values[each.number], bits) for each in row] for row in net.weights]
    return (f"weights {matrix}", *lines)
