"""The invariants of an oscillator network: what holds in every clock."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import NamedTuple

from neuristor.golden_model.fixed import select
from neuristor.golden_model.networks.phase_oscillator import output
from neuristor.hdl.onn import WORD
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of, any_of, implies
from neuristor.sim.proofs.onn.golden import amplitude
from neuristor.sim.proofs.onn.network import BEGINNING, RESTING, Moment

__all__ = ["COMPUTING", "NOISY", "Statement", "amplitude_is_known", "meaning", "safe_ticks", "structure"]

COMPUTING = ("SEARCH", "DRAIN", "DRAW", "MOVE", "MOVING", "COMPARE")
"""States of the controller from the toggles of a tick to its comparison."""
NOISY = ("DRAW", "MOVE", "MOVING", "BACK")
"""States of the controller that only a network with noise has."""


class Statement(NamedTuple):
    """What holds under a condition.

    Parameters
    ----------
    text : str
        The statement, as a sentence.
    condition : Word
        A bit: where it says something.
    result : Word
        A bit: what holds there.
    """

    text: str
    condition: Word
    result: Word

    @property
    def bit(self) -> Word:
        """1 where the statement holds."""
        return implies(self.condition, self.result)


def rotated(m: Moment) -> Word:
    """The ticks to visit in any case, of half a period, the next one lowest.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Word
        A bit for each tick.
    """
    graph, half = m.net.graph, m.params.half
    visited = graph.op("or", half, m.of("occupied").to(half), m.of("sampled").to(half))
    by = ((m.tick + 1) & (half - 1)).to(2 * half)
    turned = graph.op("lshr", 2 * half, graph.concat([visited, visited]), by)
    return Word.of(graph, graph.slice(turned, 0, half), False)


def distance(m: Moment, turned: Word) -> Word:
    """The ticks to the next one that is visited.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    turned : Word
        The ticks to visit, see `rotated`.

    Returns
    -------
    Word
        1 to half a period.
    """
    graph, half = m.net.graph, m.params.half
    found = m.net.const(half)
    for n in reversed(range(half)):
        found = select(Word.of(graph, graph.slice(turned.to(half), n, 1), False) == 1, n + 1, found)
    made: Word = select(m.on("any_moved"), 1, found)
    return made


def safe_ticks(m: Moment) -> Word:
    """The most ticks that an advance may make from here, by what is left and by `settle`.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Word
        Number of ticks.
    """
    until = (m.of("changed") + m.params.raw.period - m.tick) & ((1 << 32) - 1)
    made: Word = select(m.on("settle") & (until < m.left), until, m.left)
    return made


def settled(m: Moment) -> Word:
    """Whether no phase has changed for a period.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Word
        A bit.
    """
    return ((m.tick - m.of("changed")) & ((1 << 32) - 1)) >= m.params.raw.period


def each(pairs: list[tuple[Word, Word]]) -> Word:
    """Whether the words of each pair are equal.

    Parameters
    ----------
    pairs : list of (Word, Word)
        The pairs.

    Returns
    -------
    Word
        A bit.
    """
    return all_of([a == b for a, b in pairs])


def structure(m: Moment) -> list[Statement]:
    """The invariants that hold whether or not the network has begun.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    list of Statement
        The invariants.
    """
    net, params, within = m.net, m.params, m.within
    always = m.tick >= 0
    noise = params.noise_bits > 0
    known = [name for name in net.onn.states if noise or name not in NOISY]
    moves = ("MOVE", "MOVING", "MOVED", "BACK") if noise else ()
    count, ones = params.count, reduce(add, m.word)
    pipeline = [m.of(f"valid_{n}") for n in range(3)]
    made = [
        Statement("the controller is in a state of this network", always, within(*known)),
        Statement(
            "`busy` is low in the state IDLE only, and the network begins in certain states only",
            always,
            ((m.of("busy") == 0) == within("IDLE"))
            & implies(m.starting, within(*BEGINNING))
            & implies(within("OUTPUTS"), m.starting),
        ),
        Statement(
            "columns are on their way to the sums only during a pass",
            within("DRAIN") == 0,
            (m.of("word") == 0) & (m.of("full") == 0) & (pipeline[0] == 0),
        ),
        Statement(
            "the adders are at rest unless columns or noise are added",
            within("DRAIN", *moves) == 0,
            (pipeline[1] == 0) & (pipeline[2] == 0),
        ),
        Statement(
            "only columns of oscillators are read",
            within("DRAIN"),
            implies(m.base == (count - 1) // WORD, m.of("word") < 1 << (count - 1) % WORD + 1)
            & (m.base <= (count - 1) // WORD)
            & implies(pipeline[0] == 1, m.of("port__addr") < count * net.onn.parts),
        ),
        Statement(
            "no word of outputs is searched twice",
            within("DRAIN"),
            all_of(
                [
                    implies(bit == 1, any_of([each == 1 for each in m.pending[WORD * n : WORD * n + WORD]]))
                    & implies((bit == 1) & (ones != 0), m.base != n)
                    for n, bit in enumerate(m.full)
                ]
            ),
        ),
        Statement("the signs of columns are those of the outputs", ones != 0, _where(m.word, m.high, m.output)),
        Statement(
            "the first pass adds all columns",
            within("OUTPUTS") | (within("SEARCH") & m.starting),
            all_of([bit == 1 for bit in m.pending]),
        ),
        Statement(
            "`zero` marks the sums that are 0",
            within("COMPARE"),
            each([(zero == 1, total == 0) for zero, total in zip(m.zero, m.total, strict=True)]),
        ),
        Statement(
            "references are the outputs until the first comparison",
            m.starting & within("DRAIN", "COMPARE"),
            each(list(zip(m.reference, m.output, strict=True))),
        ),
        Statement("sums are 0 before the first pass", within("OUTPUTS"), all_of([total == 0 for total in m.total])),
    ]
    made += _counting(m)
    if net.onn.parts > 1:
        made.append(
            Statement(
                "reading starts with the first part of a column",
                within("DRAIN", "MOVE", "MOVED") == 0,
                m.part == 0,
            )
        )
        made.append(Statement("a column is read to its end", within("DRAIN") & (ones == 0), m.part == 0))
        made.append(Statement("parts are counted only with noise", within("MOVED") & (m.noisy == 0), m.part == 0))
    if noise:
        made += _noise(m)
    else:
        made.append(Statement("only columns are added to the sums", always, m.of("moving") == 0))
    return made


def _counting(m: Moment) -> list[Statement]:
    """The invariants of counters, and of the ticks to visit."""
    params, within = m.params, m.within
    period, half = params.raw.period, params.half
    always, moved = m.tick >= 0, any_of([bit == 1 for bit in m.moved])
    known = [name for name in COMPUTING if name in m.net.onn.states]
    wanted = select((m.window == half) & (m.noise == 0), 0, _power(m) - 1)
    return [
        Statement(
            "the outputs are set in one period up to tick 0",
            within("OUTPUTS"),
            ((m.tick + period - 1) & ((1 << 32) - 1)) < period,
        ),
        Statement(
            "counters are 0 and no phase has been set while the network begins",
            m.starting,
            (m.of("changed") == 0)
            & (m.of("toggles") == 0)
            & (moved == 0)
            & all_of([bit == 1 for bit in m.bits("occupied")])
            & implies(within("OUTPUTS") == 0, m.tick == 0),
        ),
        Statement(
            "`any_moved` says whether a phase was set in the last tick that was visited",
            always,
            select(
                within("OUTPUTS", *known),
                (moved == 0) & (m.of("any_moved") == 0),
                select(within("MOVED"), implies(m.on("any_moved"), moved), m.on("any_moved") == moved),
            ),
        ),
        Statement("the window is at most half a period", always, m.window <= half),
        Statement(
            "`sampled` has the ticks of the window, if there is noise or injection", always, m.of("sampled") == wanted
        ),
        Statement(
            "a tick that is not in the window is not compared",
            within("COMPARE", "MOVED") & (m.starting == 0),
            m.sampling,
        ),
        Statement(
            "there are ticks to make, and they are counted",
            within("FIND", "STEP"),
            (m.left != 0) & ((m.of("settle") == 0) | (settled(m) == 0)) & (m.room == safe_ticks(m)),
        ),
        Statement("the ticks to visit are known", within("FIND", "STEP"), m.of("turned") == rotated(m)),
        Statement("the next tick to visit is the nearest", within("STEP"), m.distance == distance(m, m.of("turned"))),
        Statement("the distance to the last tick is known", within("TOGGLE"), (m.distance >= 1) & (m.distance <= half)),
    ]


def _used(m: Moment) -> Word:
    """Whether the amplitude of the noise is in use."""
    return m.within("MOVE", "MOVING", "BACK") | (m.within("COMPARE", "MOVED") & (m.starting == 0) & m.noisy)


def amplitude_is_known(m: Moment) -> Word:
    """What is used of the unknown function ``golden.amplitude``: it is the upper part of the product.

    The function is defined as the upper part of ``(noise + 1) * (state >> 16)``. An invariant says that the product in
    the circuit is this one.

    Parameters
    ----------
    m : Moment
        The network in a clock in which the invariants hold.

    Returns
    -------
    Word
        A bit.
    """
    draw = m.draw
    if draw is None:
        return m.tick >= 0
    return implies(_used(m), amplitude(draw, m.noise) == m.of("generator.product") >> 16)


def _noise(m: Moment) -> list[Statement]:
    """The invariants of a network with noise."""
    within, noisy = m.within, m.noisy
    state = m.of("generator.state")
    used = _used(m)
    return [
        Statement("noise is drawn in its turn", within("DRAW") == 0, m.of("generator.fsm_state") == 0),
        Statement("noise is drawn only where there is some", within(*NOISY), noisy & m.sampling),
        Statement(
            "the amplitude is that of the last draw",
            used,
            m.of("generator.product") == (m.noise + 1) * (state >> 16),
        ),
        Statement(
            "columns are added in a pass, noise outside",
            m.on("valid_1"),
            select(within("DRAIN"), m.of("moving") == 0, (m.of("moving") == 1) & (m.of("plus_1") == 1)),
        ),
        Statement(
            "noise is taken away after the comparison",
            m.on("valid_1") & (within("DRAIN") == 0),
            m.back == select(within("MOVED", "BACK"), 1, 0),
        ),
        Statement(
            "noise is taken away after it has been added",
            within("MOVED") & ((m.part == 0) | (noisy == 0)),
            (m.of("valid_1") == 0) & (m.of("valid_2") == 0),
        ),
        Statement(
            "no noise has been drawn while the network begins",
            m.starting,
            all_of([bit == 0 for bit in (*m.bits("signs"), *m.bits("generator.tosses"))]),
        ),
    ]


def _power(m: Moment) -> Word:
    """Two to the power of the window."""
    made = m.net.const(1)
    for n in range(1, m.params.half + 1):
        made = select(m.window == n, 1 << n, made)
    return made


def _where(marks: list[Word], one: list[Word], other: list[Word]) -> Word:
    """Whether bits are equal where there are marks, or anywhere above the lowest."""
    return all_of([implies(mark == 1, a == b) for mark, a, b in zip(marks, one, other, strict=True)])


def _oscillator(m: Moment, pure: Word, n: int) -> list[Statement]:
    """The invariants of an oscillator of a network that has begun."""
    net, params, within = m.net, m.params, m.within
    raw, half, period = params.raw, params.half, params.raw.period
    computing = [name for name in COMPUTING if name in net.onn.states]
    after = within(*RESTING, "MOVED", "BACK")
    previous = (m.tick - 1) & (period - 1)
    phase, high = m.phase[n], m.output[n]
    began = m.tick + period - 1 & ((1 << 32) - 1)  # ticks of OUTPUTS that are over
    known = ((previous - phase) & (half - 1)) < began
    new = (m.last[n] | m.moved[n]) == 1
    place = phase & (half - 1)
    listed = any_of([(place == k) & (bit == 1) for k, bit in enumerate(m.bits("occupied"))])
    fresh = within("MOVED") & (m.moved[n] == 1)
    return [
        Statement(
            "outputs follow phases from their first toggle on",
            within("OUTPUTS"),
            implies(known, high == output(raw, phase, previous)),
        ),
        Statement(
            "outputs are those of the phases, or of the phases before they were set",
            within("OUTPUTS") == 0,
            select(
                within("TOGGLE"),
                (m.moved[n] == 1) | (high == output(raw, phase, previous)),
                (m.moved[n] == 1) | (high == output(raw, phase, m.now)),
            ),
        ),
        Statement(
            "the ticks of all phases are occupied",
            within("OUTPUTS") == 0,
            listed | fresh,
        ),
        Statement(
            "a phase that was set in this tick is this tick",
            m.moved[n] == 1,
            phase == select(within("TOGGLE"), previous, m.now),
        ),
        Statement(
            "`last` and `moved` say which outputs rise in this tick, and which phases were set",
            after | within(*computing),
            new == (phase == m.now),
        ),
        Statement(
            "`last` and `moved` say so of the tick before the next one that is visited",
            within("TOGGLE"),
            select(m.distance == 1, new == (phase == previous), (phase != previous) & (m.moved[n] == 0)),
        ),
        Statement(
            "`recent` marks a lead of one tick",
            within(*computing) & (m.starting == 0),
            (m.recent[n] == 1) == (phase == previous),
        ),
        Statement(
            "references are the signs of the sums, without noise and injection",
            (pure == 1) & (after | within("TOGGLE")),
            implies(m.total[n] > 0, m.reference[n] == 1) & implies(m.total[n] < 0, m.reference[n] == 0),
        ),
    ]


def meaning(m: Moment, pure: Word) -> list[Statement]:
    """The invariants of a network that has begun.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    pure : Word
        A bit: the network has advanced without noise and injection only, since it began.

    Returns
    -------
    list of Statement
        The invariants.
    """
    params, within, half = m.params, m.within, m.params.half
    made = [each for n in range(params.count) for each in _oscillator(m, pure, n)]
    visited = [a | b for a, b in zip(m.bits("occupied"), m.bits("sampled"), strict=True)]
    made.append(
        Statement(
            "only ticks that the model visits are computed",
            within("TOGGLE"),
            m.on("any_moved") | any_of([(m.place == n) & (each == 1) for n, each in enumerate(visited)]),
        )
    )
    made.append(
        Statement(
            "without noise and injection, every tick is in the window",
            (pure == 1) & (within("IDLE") == 0) & (m.starting == 0),
            (m.window == half) & (m.noise == 0),
        )
    )
    return made
