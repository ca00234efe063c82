"""Claims about a circuit, and their proof by an SMT solver.

A claim is a node of one bit of a graph. It is proved if it is 1 for all inputs for which all assumptions are 1, and if
there are such inputs; otherwise the solver gives a counterexample.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_

from bitwuzla import Kind

from neuristor.golden_model.fixed import select
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.terms import PATIENCE_MS, Answer, Premise, Terms, answered, new_solver, satisfiable

__all__ = ["Claim", "Stopwatch", "all_of", "any_of", "can_occur", "holds", "implies", "summary"]


@dataclass(frozen=True)
class Claim:
    """A claim, and the result of its proof.

    Parameters
    ----------
    subject : str
        Part of the design that the claim is about.
    text : str
        The claim, as a sentence.
    proved : bool or None
        Whether it is proved (True) or false (False); None if the solver reached its time limit, or if no proof was
        tried.
    seconds : float
        Time that the proof took, in seconds.
    counterexample : tuple of str
        If the claim is false, lines of text with a counterexample.
    tried : bool
        False if there is no proof of this claim.
    """

    subject: str
    text: str
    proved: bool | None
    seconds: float
    counterexample: tuple[str, ...] = ()
    tried: bool = True

    @property
    def result(self) -> str:
        """``proved``, ``false``, ``no answer`` or ``not tried``."""
        if not self.tried:
            return "not tried"
        return {True: "proved", False: "false", None: "no answer"}[self.proved]


@dataclass
class Stopwatch:
    """Measurement of the time of each proof.

    Parameters
    ----------
    start : float, optional
        Start of the first lap, by `time.perf_counter`, in seconds; now by default.
    """

    start: float = field(default_factory=time.perf_counter)

    def lap(self) -> float:
        """Return the time since the start or the last lap, in seconds."""
        now = time.perf_counter()
        passed, self.start = now - self.start, now
        return passed


def all_of(bits: Iterable[Word]) -> Word:
    """Make the conjunction of bits.

    Parameters
    ----------
    bits : iterable of Word
        Words of one bit, at least one.

    Returns
    -------
    Word
        1 if all bits are 1.
    """
    return reduce(and_, bits)


def any_of(bits: Iterable[Word]) -> Word:
    """Make the disjunction of bits.

    Parameters
    ----------
    bits : iterable of Word
        Words of one bit, at least one.

    Returns
    -------
    Word
        1 if at least one bit is 1.
    """
    return reduce(or_, bits)


def implies(condition: Word, result: Word) -> Word:
    """Make an implication.

    Parameters
    ----------
    condition, result : Word
        Words of one bit.

    Returns
    -------
    Word
        `result` if `condition` is 1; else 1.
    """
    made: Word = select(condition, result, 1)
    return made


def holds(graph: Graph, assumed: Sequence[int], claim: int, patience: int = 20 * PATIENCE_MS) -> Answer:
    """Prove that a bit is 1 whenever all assumed bits are 1, and that all assumed bits can be 1.

    Parameters
    ----------
    graph : Graph
        The graph.
    assumed : sequence of int
        Nodes of one bit.
    claim : int
        Node of one bit.
    patience : int
        Time limit for the solver, in milliseconds.

    Returns
    -------
    Answer
        The result, with a counterexample if the claim is false. If the assumptions contradict each other, the claim is
        not proved, and there is no counterexample.
    """
    met = satisfiable(graph, assumed, patience)
    if not met:
        return Answer(met)
    if graph.value(claim) == 1:
        return Answer(True)
    manager, solver = new_solver(patience)
    terms = Terms(graph, manager)
    for bit in assumed:
        solver.assert_formula(terms.truth(terms.of(bit)))
    solver.assert_formula(manager.mk_term(Kind.NOT, [terms.truth(terms.of(claim))]))
    return answered(solver, terms)


def can_occur(
    graph: Graph, assumed: Sequence[int], conditions: Sequence[int], patience: int = 20 * PATIENCE_MS
) -> list[bool | None]:
    """Decide which bits can be 1 while all assumed bits are 1.

    Parameters
    ----------
    graph : Graph
        The graph.
    assumed, conditions : sequence of int
        Nodes of one bit.
    patience : int
        Time limit for the solver, for each condition, in milliseconds.

    Returns
    -------
    list of bool or None
        For each condition whether there are inputs for which it is 1; None if the solver reached its time limit.
    """
    premise = Premise(graph, assumed, patience)
    return [premise.possible(bit) for bit in conditions]


def summary(claims: Sequence[Claim]) -> bool | None:
    """Combine the results of several claims.

    Parameters
    ----------
    claims : sequence of Claim
        The claims; those that were not tried are ignored.

    Returns
    -------
    bool or None
        True if all claims are proved, False if at least one is false, else None.
    """
    if any(claim.proved is False for claim in claims):
        return False
    return None if any(claim.proved is None and claim.tried for claim in claims) else True
