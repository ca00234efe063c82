"""Proof that the rows of parameters of a loadable array can be written and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neuristor.golden_model.fixed import select
from neuristor.hdl.array import NeuronArray
from neuristor.sim.proofs.claims import Claim, Stopwatch, holds, implies
from neuristor.sim.proofs.symbolic_array import SymbolicArray

__all__ = ["claims_of_access"]


def claims_of_access(
    array: NeuronArray, text: str, initial: Mapping[str, Any] | None, stopwatch: Stopwatch
) -> Iterator[Claim]:
    """Claim that rows of parameters are stored and read back through `own`, from any state of the array.

    Parameters
    ----------
    array : NeuronArray
        The array, which is loadable.
    text : str
        RTLIL of its circuit.
    initial : mapping of str to ndarray of int64, shape (count,), or None
        Initial state of the model, by field.
    stopwatch : Stopwatch
        Measures the time of each proof.

    Yields
    ------
    Claim
        Each claim, once it is decided; none if neurons have no parameters of their own.
    """
    symbolic = SymbolicArray(array, text, initial, accessed=True)
    if symbolic.own is None:
        return
    graph, word, circuit = symbolic.graph, symbolic.word, symbolic.circuit
    here = word("own__address", 0) == symbolic.row
    writes, reads = (word(f"own__{name}", 0) == 1 for name in ("write", "read"))
    content, after = (circuit.content("parameter_memory", clock) for clock in (0, 1))
    given = symbolic.encoded(symbolic.node("own__given", 0))
    wanted = graph.op("mux", graph.width(content), (writes & here).number, content, given)
    exists = [(symbolic.row < array.rows).number]
    claims = {
        "a row of parameters that is loaded is stored in its row, and no other row changes": (
            symbolic.same(after, wanted),
            exists,
        ),
        "a row of parameters that is read back is the one that was loaded": (
            implies(reads & here, symbolic.same(symbolic.node("own__data", 1), symbolic.own)),
            [*exists, symbolic.check_bits_match(0).number],
        ),
    }
    if array.protection != "none":
        most, before = (1 << 32) - 1, word("memory_faults", 1)
        total = before + select(symbolic.check_bits_match(0) == 1, 0, 1)
        counts = word("memory_faults", 2) == select(total > most, most, total)
        running = [(word("rst", clock) == 0).number for clock in (0, 1)]
        claims["a damaged row of parameters that is read back is counted"] = (
            implies(reads & here, counts),
            [*exists, *running],
        )
    for text, (bit, assumed) in claims.items():
        answer = holds(graph, assumed, bit.number)
        yield Claim("array", text, answer.proved, stopwatch.lap())
