"""Equivalence of two circuits with the same registers, by one clock from any state.

Two circuits are equivalent if, from the same contents of registers and memories, they have the same outputs and the
same contents in the next clock. Only register bits that an output ever depends on have to be equal.

`neuristor.sim.proofs.sequences` compares circuits from power-up on instead, where not all states can be reached.
"""

from __future__ import annotations

from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph
from neuristor.sim.proofs.equivalence import PATIENCE_MS, Sweep

__all__ = ["same_step"]


def same_step(sound: str, other: str, top: str = "top") -> bool:
    """Try to prove that two circuits with the same registers and memories are equivalent in one clock from any state.

    Parameters
    ----------
    sound, other : str
        RTLIL of both circuits.
    top : str
        Name of their top modules.

    Returns
    -------
    bool
        True if it is proved. False if not, or if registers or memories differ.
    """
    graph = Graph()
    one, two = (read_circuit(graph, text, top) for text in (sound, other))
    if one.registers != two.registers or one.memories != two.memories:
        return False
    two.name_as(one)
    observed = _observed(one, two)
    pairs = [(one.signal(name, 0), two.signal(name, 0)) for name in one.outputs]
    for name, mask in observed.items():
        for (a, bits), (b, _) in zip(one.before(name, mask), two.before(name, mask), strict=True):
            kept = graph.const(bits, graph.width(a))
            pairs.append((graph.op("and", graph.width(a), kept, a), graph.op("and", graph.width(a), kept, b)))
    pairs = [(a, b) for a, b in pairs if a != b]
    sweep = Sweep(graph, [number for pair in pairs for number in pair])
    sweep.run(None, PATIENCE_MS)
    return all(sweep.equal(a, b, 10 * PATIENCE_MS).proved for a, b in pairs)


def _observed(one: Circuit, two: Circuit) -> dict[str, int]:
    """Masks of the bits of inputs, registers and memories that an output of either circuit ever depends on.

    It is a fixed point: outputs depend on some bits, these on others one clock before, and so on.
    """
    graph, looked = one.graph, dict[int, int]()
    for circuit in (one, two):
        for name in one.outputs:
            number = circuit.signal(name, 0)
            looked[number] = (1 << graph.width(number)) - 1
    seen: dict[str, int] = {}
    while fresh := {name: mask for name, mask in graph.needed(looked).items() if mask & ~seen.get(name, 0)}:
        for name, mask in fresh.items():
            seen[name] = seen.get(name, 0) | mask
            for circuit in (one, two):
                for number, bits in circuit.before(name, mask):
                    looked[number] = looked.get(number, 0) | bits
    return seen
