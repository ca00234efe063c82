"""Proof of statements about one clock, with a check that each of them says something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuristor.sim.netlists.words import Graph, Word, as_signed
from neuristor.sim.proofs.claims import Claim, Stopwatch, holds
from neuristor.sim.proofs.equivalence import PATIENCE_MS
from neuristor.sim.proofs.onn.invariants import Statement
from neuristor.sim.proofs.onn.network import Network
from neuristor.sim.proofs.terms import Answer, Terms, new_solver

__all__ = ["Prover", "VacuousError"]


class VacuousError(ValueError):
    """A claim says nothing, as what it assumes can never hold."""


class Prover:
    """Proves statements about a network, and raises `VacuousError` if one of them says nothing.

    Parameters
    ----------
    net : Network
        The network.
    assumed : sequence of Word
        Bits that are assumed in all statements.
    """

    def __init__(self, net: Network, assumed: Sequence[Word]) -> None:
        self.net, self.assumed = net, list(assumed)
        self._watch = Stopwatch()
        self._manager, self._solver = new_solver(20 * PATIENCE_MS)
        self._terms = Terms(net.graph, self._manager)
        for bit in self.assumed:
            self._solver.assert_formula(self._truth(bit))

    def _truth(self, bit: Word) -> Any:
        return self._terms.truth(self._terms.of(bit.number))

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
        result = str(self._solver.check_sat(*[self._truth(bit) for bit in bits]))
        if result != "sat":
            raise VacuousError(f"the claim says nothing, as its premise is {result}: {text}")

    def claim(self, subject: str, statements: Statement | Sequence[Statement], text: str = "") -> Claim:
        """Prove one statement, or several as one claim.

        Parameters
        ----------
        subject : str
            Part of the design.
        statements : Statement or sequence of Statement
            The statements.
        text : str
            The claim; that of the first statement by default.

        Returns
        -------
        Claim
            The claim, decided.
        """
        several = [statements] if isinstance(statements, Statement) else list(statements)
        text = text or several[0].text
        for each in several:
            self.possible(f"{text} ({each.text})", each.condition)
        bit = several[0].bit
        for each in several[1:]:
            bit = bit & each.bit
        answer = holds(self.net.graph, [each.number for each in self.assumed], bit.number)
        lines = counterexample(self.net, answer) if answer.proved is False else ()
        return Claim(subject, text, answer.proved, self._watch.lap(), lines)


SHOWN = (
    *("rst", "fsm_state", "tick", "starting", "left", "room", "settle", "window", "distance", "any_moved", "occupied"),
    *("output", "pending", "full", "word", "reference", "zero", "moved", "last", "recent", "changed", "toggles"),
    *(f"{kind}_{n}" for kind in ("valid", "plus", "part") for n in range(3)),
    *("most", "generator.state", "signs", "generator.tosses"),
)
"""Signals in a counterexample, where the network has them."""


def counterexample(net: Network, answer: Answer) -> tuple[str, ...]:
    """Write a counterexample as lines of text.

    Parameters
    ----------
    net : Network
        The network.
    answer : Answer
        The solver's answer.

    Returns
    -------
    tuple of str
        The weights, then the signals in both clocks.
    """
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
