"""Proof that the coupling term of an array is the sum over the neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.edges import Edges
from neuristor.hdl.neighbours import Neighbours
from neuristor.sim.proofs.claims import Claim, Stopwatch
from neuristor.sim.proofs.coupling.alone import connected, decided
from neuristor.sim.proofs.coupling.edges import Walks, WalkSchedule, wrong_sums
from neuristor.sim.proofs.coupling.neighbours import Every, Near, earlier_rows
from neuristor.sim.proofs.symbolic_array import SymbolicArray

__all__ = ["claims_of_coupling"]


def claims_of_coupling(
    array: NeuronArray, text: str, symbolic: SymbolicArray, schedule: Sequence[int], stopwatch: Stopwatch
) -> Iterator[Claim]:
    """Claim that the pull on each neuron is the sum over its neighbours.

    Parameters
    ----------
    array : NeuronArray
        The array; it is coupled.
    text : str
        RTLIL of its circuit.
    symbolic : SymbolicArray
        The array with opaque lanes.
    schedule : sequence of int
        Invariants of its schedule that hold in clock 0.
    stopwatch : Stopwatch
        Measures the time of each proof.

    Yields
    ------
    Claim
        Each claim, once it is decided; one that is not tried for another kind of coupling term.
    """
    term, graph = array.neighbours, symbolic.graph
    if isinstance(term, Edges):
        walks = Walks(term, text)
        wrong = wrong_sums(term, walks.stored())
        lines = () if not wrong else (f"neurons with other sums: {', '.join(map(str, wrong[:10]))}",)
        sentence = "the lists hold each edge of each neuron once, with its weight, and their sums fit"
        yield Claim("coupling", sentence, not wrong, stopwatch.lap(), lines)
        claims, last = walks.claims(), WalkSchedule(array, term, symbolic).claim(schedule)
    elif isinstance(term, Neighbours):
        kind = Every if term.coupling.topology == "all_to_all" else Near
        claims, last = kind(term, text).claims(), earlier_rows(array, symbolic, schedule)
    else:
        sentence = "the pull on a neuron is the sum over its neighbours (`neuristor verify` compares it)"
        yield Claim("coupling", sentence, None, 0.0, tried=False)
        return
    wiring = "the coupling term has the states that are written and the row that begins, and the lanes have its sums"
    wired = iter([(graph, [*schedule], connected(array, term, symbolic))])
    for sentence, pairs in {**claims, wiring: wired, **last}.items():
        yield Claim("coupling", sentence, decided(pairs), stopwatch.lap())
