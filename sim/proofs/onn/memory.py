"""The claims about the memories of weights, and about inputs that must have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from neuristor.sim.netlists.netlist import Circuit
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of
from neuristor.sim.proofs.onn.invariants import Statement
from neuristor.sim.proofs.onn.network import Moment, Network

__all__ = ["memory_claims", "unaffected"]


def _same(net: Network, one: int, other: int) -> Word:
    return Word.of(net.graph, net.graph.op("eq", 1, one, other), False)


def _registers(net: Network, one: Circuit, other: Circuit, clock: int) -> Word:
    """Whether all registers of two circuits have the same contents."""
    return all_of([_same(net, one.register(cell, clock), other.register(cell, clock)) for cell in one.registers])


def unaffected(net: Network, m: Moment) -> Statement:
    """The claim that no input has an effect while the network is busy.

    Parameters
    ----------
    net : Network
        The network.
    m : Moment
        A clock of it.

    Returns
    -------
    Statement
        The claim.
    """

    def quiet(name: str, clock: int) -> int | str | Word:
        return net.given(name, clock) if name in ("rst", "clk") else 0

    other = net.circuit.again(quiet)
    for name, words in zip(net.memories, net.rows, strict=True):
        other.know(name, words)
    text = "no input but the reset has an effect while the network is busy"
    return Statement(text, m.on("busy"), _registers(net, net.circuit, other, 1))


def memory_claims(net: Network, m: Moment) -> Iterator[Statement]:
    """The claims about writing and reading weights.

    Parameters
    ----------
    net : Network
        The network.
    m : Moment
        A clock of it.

    Yields
    ------
    Statement
        Each claim.
    """
    graph, onn = net.graph, net.onn
    rows = net.params.count * onn.parts
    bits = max(1, (rows - 1).bit_length())
    followed = graph.input("row of weights", bits)
    row = Word.of(graph, followed, False)
    circuit = net.written([followed] * len(net.memories))
    column, part = row >> (onn.parts.bit_length() - 1), row & (onn.parts - 1)
    exists = row < rows

    def of(name: str) -> Word:
        return Word.of(graph, circuit.signal(name, 0), False)

    valid = (of("weight__valid") == 1) & m.within("IDLE")
    given, chunk = circuit.signal("weight__payload.data", 0), of("weight__payload.chunk")
    for number, name in enumerate(net.memories):
        here = valid & (of("weight__payload.column") == column) & (chunk == part * onn.chunks_per_part + number)
        old, new = circuit.content(name, 0), circuit.content(name, 1)
        text = "weights that are written replace those of their column and chunk"
        yield Statement(text, exists & here, _same(net, new, given))
        yield Statement("no other weights change", exists & (here == 0), _same(net, new, old))
        here = (m.of("port__addr") == row) & (m.of("port__en") == 1)
        yield Statement(
            "a column that is read is the one that was written",
            exists & here,
            _same(net, circuit.register(net.reader(name), 1), old),
        )
    quiet = net.circuit.again(lambda name, clock: 0 if name.startswith("weight__") else f"{name}@{clock}")
    for name in net.memories:
        quiet.follow(name, followed)
    yield Statement(
        "to write weights has no other effect",
        exists & (of("weight__valid") == 1),
        _registers(net, circuit, quiet, 1),
    )
    if onn.readable:
        yield from _read_back(net, m, circuit, exists, column, part)


def _read_back(
    net: Network, m: Moment, circuit: Circuit, exists: Word, column: Word, part: Word
) -> Iterator[Statement]:
    """The claims about reading weights back."""
    graph, onn = net.graph, net.onn

    def of(name: str, clock: int = 0) -> Word:
        return Word.of(graph, circuit.signal(name, clock), False)

    goes_on = of("rst", 1) == 0
    looks = m.within("IDLE") & (of("look__valid") == 1) & goes_on
    yield Statement("`seen` is valid two clocks after `look`", looks, of("seen.valid", 2) == 1)
    absent = of("look__payload.chunk") >= onn.chunks
    if onn.chunks < 1 << len(onn.look.payload.chunk):
        zero = of("seen.data", 2) == 0
        yield Statement("`seen` is 0 for a chunk that does not exist", looks & absent, zero)
    yield Statement("`seen` is valid only then", (looks == 0) & goes_on, of("seen.valid", 2) == 0)
    for number, name in enumerate(net.memories):
        asked = looks & (of("look__payload.column") == column)
        asked = asked & (of("look__payload.chunk") == part * onn.chunks_per_part + number)
        same = _same(net, circuit.signal("seen.data", 2), circuit.content(name, 0))
        yield Statement("`seen` has the weights that were asked for", exists & asked, same)
