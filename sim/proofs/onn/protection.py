"""The claims about check bits of weights, and about the counter of damaged words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add, xor

from neuristor.golden_model.fixed import select
from neuristor.hdl.onn import Onn
from neuristor.hdl.protection import Code
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import all_of, any_of
from neuristor.sim.proofs.onn.invariants import Statement

__all__ = ["Protected"]

WIDEST = 16
"""Bits of the widest word whose correction is proved."""
MOST = (1 << 32) - 1
"""Largest value of the counter of damaged words, at which it stays."""


class Protected:
    """A network whose weights have check bits, as words; its memories hold any contents.

    Parameters
    ----------
    onn : Onn
        The network.

    Attributes
    ----------
    fair : list of Word
        What the claims assume: no reset, and a row that exists.
    """

    def __init__(self, onn: Onn) -> None:
        self.onn, self.graph = onn, Graph()
        self.code = Code(onn.chunk_bits, onn.protection)
        self.circuit: Circuit = read_circuit(self.graph, to_rtlil(onn), "top")
        self.names = [f"weights_{n}" for n in range(onn.chunks_per_part)]
        rows = onn.params.count * onn.parts
        followed = self.graph.input("row of weights", max(1, (rows - 1).bit_length()))
        for name in self.names:
            self.circuit.follow(name, followed)
        self.row = Word.of(self.graph, followed, False)
        self.fair = [self.of("rst", 0) == 0, self.row < rows]

    @property
    def corrects(self) -> bool:
        """Whether the correction of words is claimed: it takes long for wide ones."""
        return self.onn.protection == "secded" and self.code.width <= WIDEST

    def of(self, name: str, clock: int) -> Word:
        """A signal in a clock.

        Parameters
        ----------
        name : str
            Its name.
        clock : int
            Number of the clock.

        Returns
        -------
        Word
            The word.

        Raises
        ------
        ValueError
            If the circuit has no such signal, as when nothing uses it.
        """
        if not self.circuit.has(name):
            raise ValueError(f"the proof is about a signal {name!r}, which the circuit does not have or use")
        return Word.of(self.graph, self.circuit.signal(name, clock), False)

    def bits(self, number: int) -> list[Word]:
        """The bits of a node.

        Parameters
        ----------
        number : int
            The node.

        Returns
        -------
        list of Word
            The bits, lowest first.
        """
        width = self.graph.width(number)
        return [Word.of(self.graph, self.graph.slice(number, n, 1), False) for n in range(width)]

    def encoded(self, word: Sequence[Word]) -> list[Word]:
        """A word with its check bits, as ``Code.encode``.

        Parameters
        ----------
        word : sequence of Word
            Its bits.

        Returns
        -------
        list of Word
            Its bits, and the check bits above.
        """
        sums = [reduce(xor, [word[n] for n in covered]) for covered in self.code.summed_bits]
        whole = [*word, *sums]
        return [*whole, reduce(xor, whole)]

    def read(self, name: str, clock: int) -> list[Word]:
        """The bits of the word that was read from a memory.

        Parameters
        ----------
        name : str
            The memory.
        clock : int
            Number of the clock.

        Returns
        -------
        list of Word
            The word with its check bits.
        """
        (cell,) = (each for each in self.circuit.registers if each.startswith(f"$\\{name}$rdreg"))
        return self.bits(self.circuit.register(cell, clock))

    def claims(self) -> Iterator[Statement]:
        """The claims.

        Yields
        ------
        Statement
            Each claim.
        """
        width, always = self.code.width, self.of("tick", 0) >= 0
        idle = self.of("idle", 0) == 1
        asked = self.of("valid_0", 0)
        if self.onn.readable:
            asked = asked | select(idle & (self.of("look__valid", 0) == 1), 1, 0)
        damaged = []
        for name in self.names:
            was_read, word = self.of(f"{name}_was_read", 0), self.read(name, 0)
            wrong = any_of([a != b for a, b in zip(word, self.encoded(word[:width]), strict=True)])
            damaged.append(select((was_read == 1) & wrong, 1, 0))
            text = "a word counts as read in the clock after it was read"
            yield Statement(text, always, self.of(f"{name}_was_read", 1) == asked)
        faults = reduce(add, [self.of("memory_faults", 0), *damaged])
        text = "each damaged word that is read is counted once, up to the largest count"
        yield Statement(text, always, self.of("memory_faults", 1) == select(faults > MOST, MOST, faults))
        yield from self._written(idle)
        if self.corrects:
            yield from self._corrected()

    def _written(self, idle: Word) -> Iterator[Statement]:
        """The claims about writing."""
        onn, parts = self.onn, self.onn.parts
        given = self.bits(self.circuit.signal("weight__payload.data", 0))
        column, part = self.row >> (parts.bit_length() - 1), self.row & (parts - 1)
        valid = idle & (self.of("weight__valid", 0) == 1) & (self.of("weight__payload.column", 0) == column)
        for number, name in enumerate(self.names):
            here = valid & (self.of("weight__payload.chunk", 0) == part * onn.chunks_per_part + number)
            old, new = (self.bits(self.circuit.content(name, clock)) for clock in (0, 1))
            text = "weights are written with their check bits"
            yield Statement(text, here, all_of([a == b for a, b in zip(new, self.encoded(given), strict=True)]))
            text = "no other weights change"
            yield Statement(text, here == 0, all_of([a == b for a, b in zip(new, old, strict=True)]))

    def _corrected(self) -> Iterator[Statement]:
        """The claim that a flipped bit is corrected."""
        width = self.code.width
        word = self.bits(self.graph.input("word", width))
        stored = self.encoded(word)
        text = "a word is read right if no bit of it has flipped, or one"
        for name in self.names:
            right = self.bits(self.circuit.signal(f"{name}_right", 0))
            equal = all_of([a == b for a, b in zip(right, word, strict=True)])
            for place in range(len(stored) + 1):  # none, for the last
                flipped = [bit ^ int(n == place) for n, bit in enumerate(stored)]
                same = all_of([a == b for a, b in zip(self.read(name, 0), flipped, strict=True)])
                yield Statement(text, same, equal)
