"""A small oscillator network as symbolic integers: its signals in a clock, and what its state stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from operator import add

import numpy as np

from neuristor.golden_model.fixed import select
from neuristor.golden_model.networks.onn import OnnParams
from neuristor.hdl.onn import WORD, Onn
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import all_of, any_of
from neuristor.sim.proofs.onn.golden import TOGGLES, Draw, Golden, amplitude, begun, compared, drawn, sums, tick_after

__all__ = ["BEGINNING", "RESTING", "Moment", "Network"]

RESTING = ("IDLE", "TURN", "FIND", "STEP")
"""States of the controller in which no tick is being computed."""
BEGINNING = ("OUTPUTS", "SEARCH", "DRAIN", "COMPARE")
"""States of the controller while the network begins."""


class Network:
    """A network as words, with a symbolic word in each row of its memories.

    Parameters
    ----------
    make : callable
        Makes the circuit from its parameters.
    params : OnnParams
        Word lengths; the weights do not matter. At most 32 oscillators.
    """

    def __init__(self, make: Callable[[OnnParams], Onn], params: OnnParams) -> None:
        self.params, self.onn = params, make(params)
        self.text = to_rtlil(self.onn)
        self.graph = graph = Graph()
        self.circuit = read_circuit(graph, self.text, "top", self._given)
        onn = self.onn
        rows = params.count * onn.parts
        self.memories = [self.circuit.memories[f"weights_{n}"].name for n in range(onn.chunks_per_part)]
        self.rows = [[graph.input(f"{name} row {n}", onn.chunk_bits) for n in range(rows)] for name in self.memories]
        for name, words in zip(self.memories, self.rows, strict=True):
            self.circuit.know(name, words)

    @cached_property
    def weights(self) -> list[list[Word]]:
        """The weights, as they stand in the memory; ``weights[i][j]``: from oscillator j to oscillator i."""
        return [[self.weight(i, j) for j in range(self.params.count)] for i in range(self.params.count)]

    def _given(self, name: str, clock: int) -> int | str | Word:
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
        return Word.of(self.net.graph, self.net.circuit.signal(name, self.clock), signed)

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
        return Word.of(self.net.graph, self.net.graph.slice(self.net.circuit.signal(name, self.clock), place, 1), False)

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
        width = self.net.graph.width(self.net.circuit.signal(name, self.clock))
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

    # --- sums

    def offsets(self, draw: Draw | None) -> list[Word]:
        """The noise on each sum, if it is drawn.

        Parameters
        ----------
        draw : Draw or None
            The generator after the draws of the tick.

        Returns
        -------
        list of Word, length count
            The offsets, signed.
        """
        if draw is None:
            return [self.net.const(0)] * self.params.count
        most = amplitude(draw, self.noise)
        return [select(sign == 1, most, 0 - most) for sign in draw.signs]

    def expected(self, owner: int) -> Word:
        """What a sum is, once all that is on its way has been added: the sum over all outputs, with noise.

        Parameters
        ----------
        owner : int
            The oscillator.

        Returns
        -------
        Word
            The sum, signed; exact.
        """
        total = sums(self.net.weights, self.output)[owner]
        if not self.params.noise_bits:
            return total
        # While noise is added or subtracted, parts before the present one have had it done to them.
        part, own = self.part, self.net.place(owner)[0]
        has = self.within("MOVING") | (self.within("COMPARE") & (self.starting == 0))
        has = has | (self.within("MOVE") & (part > own)) | (self.within("MOVED") & (part <= own))
        return select(has & self.noisy, total + self.offsets(self.draw)[owner], total)

    def on_its_way(self, owner: int) -> list[Word]:
        """The amounts that are still to be added to a sum.

        Parameters
        ----------
        owner : int
            The oscillator.

        Returns
        -------
        list of Word
            The amounts, signed.
        """
        net, one, own = self.net, self.starting, self.net.place(owner)[0]

        def column(condition: Word, plus: Word, weight: Word) -> Word:
            amount = select(one, weight, weight * 2)
            made: Word = select(condition, select(plus == 1, amount, 0 - amount), 0)
            return made

        # To subtract, the last stage holds the complement; the missing 1 is added as its carry.
        whole = select(self.of("plus_2") == 1, self.term[owner], self.term[owner] + 1)
        pieces: list[Word] = [select(self.on("valid_2") & (self.which(2) == own), whole, 0)]
        reader = net.reader(net.memories[net.place(owner)[1]])
        here = self.on("valid_1") & (self.which(1) == own)
        if self.params.noise_bits:
            moving = self.on("moving")
            offset = self.offsets(self.draw)[owner]
            pieces.append(select(here & moving, select(self.back == 1, 0 - offset, offset), 0))
            here = here & (moving == 0)
        read = net.of_word(net.circuit.register(reader, self.clock), owner)
        pieces.append(column(here, self.of("plus_1"), read))
        at = net.circuit.signal("port__addr", self.clock)
        read = net.of_word(net.circuit.chosen(net.rows[net.place(owner)[1]], at, net.onn.chunk_bits), owner)
        pieces.append(column(self.on("valid_0") & (self.which(0) == own), self.of("plus_0"), read))
        lower: Word = net.const(0) == 0
        for n, listed in enumerate(self.listed):
            due = listed == 1
            if net.onn.parts > 1:
                # Of the column that is being read, the parts before the present one are on their way.
                due = due & ((lower == 0) | (self.word[n] == 0) | (self.part <= own))
                lower = lower & (self.word[n] == 0)
            pieces.append(column(due, self.output[n], net.weights[owner][n]))
        return pieces

    def adds_up(self, owner: int) -> Word:
        """Whether a sum, with all that is on its way, is what it has to become, modulo the width of the sum.

        Parameters
        ----------
        owner : int
            The oscillator.

        Returns
        -------
        Word
            A bit.
        """
        graph, width = self.net.graph, self.params.total_bits
        nodes = [each.to(width) for each in (self.total[owner], *self.on_its_way(owner))]
        made = reduce(lambda a, b: graph.op("add", width, a, b), nodes)
        return Word.of(graph, graph.op("eq", 1, made, self.expected(owner).to(width)), False)

    # --- what the state stands for

    def shown(self) -> Golden:
        """The golden state that registers show, as they are.

        Returns
        -------
        Golden
            The state.
        """
        return Golden(
            self.phase,
            self.output,
            self.reference,
            self.tick,
            self.of("changed"),
            self.of("toggles"),
            self.bits("occupied"),
            self.of("any_moved"),
            self.draw,
        )

    def toggled(self) -> Golden:
        """The state of the registers after all columns have been read.

        Returns
        -------
        Golden
            The state.
        """
        shown = self.shown()
        rest = select(self.starting, 0, reduce(add, self.listed))
        return shown._replace(toggles=(shown.toggles + rest) & TOGGLES)

    def meant(self) -> Golden:
        """The golden state that this clock's registers lead to: that after the tick that is being computed.

        Returns
        -------
        Golden
            The state.
        """
        net, params = self.net, self.params
        shown, toggled, fixed = self.shown(), self.toggled(), sums(net.weights, self.output)
        before = shown._replace(tick=(self.tick - 1) & ((1 << 32) - 1))
        if params.noise_bits:
            assert toggled.draw is not None
            stage = select(self.within("DRAW"), self.of("generator.fsm_state"), 0)
            undrawn = self.within("SEARCH", "DRAIN", "DRAW") & self.noisy & self.sampling
            full = drawn(toggled.draw, stage)
            pick = lambda new, old: select(undrawn, new, old)  # noqa: E731
            toggled = toggled._replace(
                draw=Draw(
                    pick(full.state, toggled.draw.state),
                    [pick(a, b) for a, b in zip(full.signs, toggled.draw.signs, strict=True)],
                    [pick(a, b) for a, b in zip(full.tosses, toggled.draw.tosses, strict=True)],
                )
            )
        now = compared(params, toggled, fixed, self.noise, self.sampling)
        # A new phase is known at once; the rest follows a clock later.
        any_moved = any_of([each == 1 for each in self.moved])
        fresh = select(any_moved, 1, 0)
        after = shown._replace(
            fresh=fresh,
            changed=select(any_moved, self.tick, shown.changed),
            occupied=[select((self.place == n) & any_moved, 1, each) for n, each in enumerate(shown.occupied)],
        )
        begins = begun(params, net.weights, self.phase, self.of("generator.state") if params.noise_bits else 0)
        cases = [
            (self.within(*BEGINNING) & self.starting, begins),
            (self.within("TOGGLE"), tick_after(params, before, net.weights, self.noise, self.window)[0]),
            (self.within("SEARCH", "DRAIN", "DRAW", "MOVE", "MOVING", "COMPARE"), now),
            (self.within("MOVED"), after),
        ]
        made = shown.fields()
        for condition, case in reversed(cases):
            other = case.fields()
            made = {name: select(condition, other[name], each) for name, each in made.items()}
        return rebuilt(shown, made)


def rebuilt(like: Golden, fields: dict[str, Word]) -> Golden:
    """Make a golden state of values by name.

    Parameters
    ----------
    like : Golden
        A state of the same network.
    fields : dict of str to Word
        Values, as from ``Golden.fields``.

    Returns
    -------
    Golden
        The state.
    """

    def some(name: str, count: int) -> list[Word]:
        return [fields[f"{name} {n}"] for n in range(count)]

    count = len(like.phase)
    draw = None if like.draw is None else Draw(fields["generator"], some("sign", count), some("toss", count))
    return Golden(
        *(some(name, count) for name in ("phase", "output", "reference")),
        *(fields[name] for name in ("tick", "changed", "toggles")),
        some("occupied", len(like.occupied)),
        fields["fresh"],
        draw,
    )


def same(one: Golden, other: Golden) -> dict[str, Word]:
    """For each value of two golden states, whether it is the same.

    Parameters
    ----------
    one, other : Golden
        The states.

    Returns
    -------
    dict of str to Word
        A bit for each name.
    """
    others = other.fields()
    return {name: each == others[name] for name, each in one.fields().items()}


def all_same(one: Golden, other: Golden, *names: str) -> Word:
    """Whether some values of two golden states are the same.

    Parameters
    ----------
    one, other : Golden
        The states.
    *names : str
        First words of the names of the values to compare; all by default.

    Returns
    -------
    Word
        A bit.
    """
    return all_of([bit for name, bit in same(one, other).items() if not names or name.split()[0] in names])
