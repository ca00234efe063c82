"""A small oscillator network as symbolic integers: its signals in a clock, and what its state stands for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from neuristor.golden_model.fixed import select
from neuristor.hdl.onn import WORD, Onn
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import any_of
from neuristor.sim.proofs.onn.golden import Draw

__all__ = ["BEGINNING", "RESTING", "Moment", "Network"]


RESTING = ("IDLE", "TURN", "FIND", "STEP")
"""States of the controller in which no tick is being computed."""
BEGINNING = ("OUTPUTS", "SEARCH", "DRAIN", "COMPARE")
"""States of the controller while the network begins."""


class Network:
    """A network as words, with a symbolic word in each row of its memories.

    Parameters
    ----------
    onn : Onn
        The circuit; its weights do not matter.
    """

    def __init__(self, onn: Onn) -> None:
        self.params, self.onn = onn.params, onn
        self.graph = graph = Graph()
        self.circuit = read_circuit(graph, to_rtlil(onn), "top", self.given)
        params = onn.params
        rows = params.count * onn.parts
        self.memories = [self.circuit.memories[f"weights_{n}"].name for n in range(onn.chunks_per_part)]
        self.rows = [[graph.input(f"{name} row {n}", onn.chunk_bits) for n in range(rows)] for name in self.memories]
        for name, words in zip(self.memories, self.rows, strict=True):
            self.circuit.know(name, words)

    @cached_property
    def weights(self) -> list[list[Word]]:
        """The weights, as they stand in the memory; ``weights[i][j]``: from oscillator j to oscillator i."""
        return [[self.weight(i, j) for j in range(self.params.count)] for i in range(self.params.count)]

    def sums(self, outputs: Sequence[Word]) -> list[Word]:
        """The sum of each oscillator over some outputs, as an unknown function of them.

        What the function is matters only for the claims about sums (``neuristor.sim.proofs.onn.sums``).

        Parameters
        ----------
        outputs : sequence of Word, length count
            The outputs.

        Returns
        -------
        list of Word, length count
            The sums, signed.
        """
        joined = self.graph.concat([each.to(1) for each in outputs])
        width = (self.params.count << (self.params.weight_bits - 1)).bit_length() + 1
        nodes = [self.graph.opaque(f"sum {n}", width, joined) for n in range(self.params.count)]
        return [Word.of(self.graph, node, True) for node in nodes]

    @staticmethod
    def given(name: str, clock: int) -> int | str | Word:
        """The inputs of the network, free but for the writing of weights.

        Parameters
        ----------
        name : str
            Name of an input.
        clock : int
            Number of the clock.

        Returns
        -------
        int, str or Word
            Its value, or the name of a free word.
        """
        # Weights are written only while the network is idle, and are in use from the next `begin` on.
        return 0 if name == "weight__valid" else f"{name}@{clock}"

    def written(self, followed: Sequence[int]) -> Circuit:
        """Return the circuit in the same state, but with free writes of weights; one row of each memory is modelled.

        Parameters
        ----------
        followed : sequence of int
            For each memory, the node of the row's address.

        Returns
        -------
        Circuit
            In the same graph.
        """
        circuit = self.circuit.again(lambda name, clock: f"{name}@{clock}")
        for name, row in zip(self.memories, followed, strict=True):
            circuit.follow(name, row)
        return circuit

    def reader(self, memory: str) -> str:
        """Return the register that holds what was read from a memory.

        Parameters
        ----------
        memory : str
            Name of the memory's cell.

        Returns
        -------
        str
            Name of the register's cell.
        """
        return next(cell for cell in self.circuit.registers if cell.startswith(f"$\\{memory}$rdreg"))

    def place(self, owner: int) -> tuple[int, int, int]:
        """Return the part, memory and place in a word of the weights of an oscillator.

        Parameters
        ----------
        owner : int
            The oscillator.

        Returns
        -------
        part, memory, place : int
            Their numbers.
        """
        part, slot = divmod(owner, self.onn.per_part)
        return part, *divmod(slot, self.onn.per_chunk)

    def of_word(self, word: int, owner: int) -> Word:
        """The weight of an oscillator in a word of its memory.

        Parameters
        ----------
        word : int
            Node of the word.
        owner : int
            The oscillator.

        Returns
        -------
        Word
            The weight, signed.
        """
        bits = self.params.weight_bits
        return Word.of(self.graph, self.graph.slice(word, self.place(owner)[2] * bits, bits), True)

    def weight(self, owner: int, column: int) -> Word:
        """The weight from oscillator `column` to oscillator `owner`, as it stands in the memory.

        Parameters
        ----------
        owner, column : int
            The oscillators.

        Returns
        -------
        Word
            The weight, signed.
        """
        part, memory, _ = self.place(owner)
        return self.of_word(self.rows[memory][column * self.onn.parts + part], owner)

    def const(self, value: int) -> Word:
        """A constant word.

        Parameters
        ----------
        value : int
            Its value, not negative.

        Returns
        -------
        Word
            The word.
        """
        return Word.of(self.graph, self.graph.const(value, max(1, value.bit_length())), False)


class Moment:
    """The signals of a network in one clock.

    Parameters
    ----------
    net : Network
        The network.
    clock : int
        Number of the clock.

    Attributes
    ----------
    tick : Word
        Ticks since the network began.
    now, place : Word
        The tick modulo a period, and modulo half a period.
    phase, total, term : list of Word, length count
        Of each oscillator; `total` and `term` are signed. Oscillators of different parts share a term.
    output, reference, last, moved, recent, pending, zero, word, high : list of Word, length count
        A bit of each oscillator. Those of `word` and `high` are of the word that is being searched.
    full : list of Word
        For each word of outputs, whether it is still to be searched.
    base : Word
        Number of the word that is being searched.
    """

    def __init__(self, net: Network, clock: int) -> None:
        self.net, self.clock, self.params = net, clock, net.params
        params, count = net.params, net.params.count
        self.tick = self.of("tick")
        self.now, self.place = self.tick & (params.raw.period - 1), self.tick & (params.half - 1)
        self.phase = [self.of(f"phase_{n}") for n in range(count)]
        self.total = [self.of(f"total_{n}", True) for n in range(count)]
        self.term = [self.of(f"term_{n % net.onn.per_part}", True) for n in range(count)]
        names = ("output", "reference", "last", "moved", "recent", "pending", "zero")
        made = {name: [self.bit(name, n) for n in range(count)] for name in names}
        self.output, self.reference, self.last, self.moved, self.recent = (made[name] for name in names[:5])
        self.pending, self.zero = (made[name] for name in names[5:])
        # The search has one word of outputs at a time.
        self.full, words = self.bits("full"), -(-count // WORD)
        self.base = net.const(0) if words == 1 else self.of("base")
        here = [select(self.base == n, 1, 0) for n in range(words)]
        self.word = [here[n // WORD] & self.bit("word", n % WORD) for n in range(count)]
        self.high = [self.bit("high", n % WORD) for n in range(count)]
        self.noise = self.of("most") if params.noise_bits else net.const(0)
        self.window, self.distance = self.of("window"), self.of("distance")
        self.left, self.room = self.of("left"), self.of("room")

    def node(self, name: str) -> int:
        """The node of a signal in this clock.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        int
            The node.

        Raises
        ------
        ValueError
            If the circuit has no such signal, as when nothing uses it.
        """
        if not self.net.circuit.has(name):
            raise ValueError(f"the proof is about a signal {name!r}, which the circuit does not have or use")
        return self.net.circuit.signal(name, self.clock)

    def of(self, name: str, signed: bool = False) -> Word:
        """A signal in this clock.

        Parameters
        ----------
        name : str
            Its name.
        signed : bool
            Whether it is a two's complement number.

        Returns
        -------
        Word
            The word.
        """
        return Word.of(self.net.graph, self.node(name), signed)

    def bit(self, name: str, place: int) -> Word:
        """A bit of a signal in this clock.

        Parameters
        ----------
        name : str
            The signal.
        place : int
            Number of the bit.

        Returns
        -------
        Word
            The bit.
        """
        return Word.of(self.net.graph, self.net.graph.slice(self.node(name), place, 1), False)

    def bits(self, name: str) -> list[Word]:
        """All bits of a signal in this clock.

        Parameters
        ----------
        name : str
            The signal.

        Returns
        -------
        list of Word
            The bits, lowest first.
        """
        width = self.net.graph.width(self.node(name))
        return [self.bit(name, n) for n in range(width)]

    def on(self, name: str) -> Word:
        """Whether a signal of one bit is 1.

        Parameters
        ----------
        name : str
            The signal.

        Returns
        -------
        Word
            A bit.
        """
        return self.of(name) == 1

    def within(self, *names: str) -> Word:
        """Whether the controller is in one of these states.

        Parameters
        ----------
        *names : str
            The states.

        Returns
        -------
        Word
            A bit.
        """
        state = self.of("fsm_state")
        return any_of([state == self.net.onn.states[name] for name in names])

    @property
    def begins(self) -> Word:
        """Whether `begin` is accepted."""
        return self.within("IDLE") & self.on("begin")

    @property
    def starting(self) -> Word:
        """Whether the network begins."""
        return self.on("starting")

    @property
    def noisy(self) -> Word:
        """Whether there is noise."""
        return self.noise > 0

    @property
    def sampling(self) -> Word:
        """Whether this tick is in the window."""
        return self.place < self.window

    @property
    def part(self) -> Word:
        """The part of a column that is read."""
        return self.net.const(0) if self.net.onn.parts == 1 else self.register("part")

    @property
    def back(self) -> Word:
        """Whether noise in the pipeline is subtracted."""
        return self.register("back")

    def register(self, name: str) -> Word:
        """A register in this clock, where other signals have its name as well.

        Parameters
        ----------
        name : str
            Its name, without the number that tells it from the others.

        Returns
        -------
        Word
            The word.
        """
        circuit, graph = self.net.circuit, self.net.graph
        found = []
        for cell in circuit.registers:
            full = str(graph.nodes[circuit.register(cell, 0)].data).removesuffix("@start")
            if full == name or full.startswith(f"{name}$"):
                found.append(cell)
        (cell,) = found
        return Word.of(graph, circuit.register(cell, self.clock), False)

    def which(self, stage: int) -> Word:
        """The part of the column in a stage of the pipeline.

        Parameters
        ----------
        stage : int
            The stage, 0 to 2.

        Returns
        -------
        Word
            The part.
        """
        return self.net.const(0) if self.net.onn.parts == 1 else self.of(f"part_{stage}")

    @property
    def waiting(self) -> list[Word]:
        """For each oscillator, whether its column is still to be handed to the search."""
        search = select(self.within("SEARCH"), 1, 0)
        return [(search | self.full[n // WORD]) & pending for n, pending in enumerate(self.pending)]

    @property
    def listed(self) -> list[Word]:
        """For each oscillator, whether its column is still to be read, at least in part."""
        return [word | waiting for word, waiting in zip(self.word, self.waiting, strict=True)]

    @property
    def draw(self) -> Draw | None:
        """The noise generator."""
        if not self.params.noise_bits:
            return None
        count = self.params.count
        signs = [self.bit("signs", n) for n in range(count)]
        return Draw(self.of("generator.state"), signs, [self.bit("generator.tosses", n) for n in range(count)])
