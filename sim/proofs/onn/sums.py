"""Sums of an oscillator network while columns and noise are on their way to them.

A sum plus all that is on its way to it equals the sum over all outputs (`adds_up`). That this stays true is proved term
by term (`passes_on`), which the solver decides for any number of oscillators. That the terms add up follows by
addition; a test lets the solver say so for small networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from neuristor.golden_model.fixed import select
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of, any_of, implies
from neuristor.sim.proofs.onn.golden import Draw, amplitude
from neuristor.sim.proofs.onn.network import Moment

__all__ = ["adds_up", "at_rest", "is_sum", "passes_on", "starts"]


def offsets(m: Moment, draw: Draw | None) -> list[Word]:
    """The noise on each sum, if it is drawn.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    draw : Draw or None
        The generator after the draws of the tick.

    Returns
    -------
    list of Word, length count
        The offsets, signed.
    """
    if draw is None:
        return [m.net.const(0)] * m.params.count
    most = amplitude(draw, m.noise)
    return [select(sign == 1, most, 0 - most) for sign in draw.signs]


def offset(m: Moment, owner: int) -> Word:
    """The noise on a sum, once all that is on its way has been added.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        The offset, signed.
    """
    if not m.params.noise_bits:
        return m.net.const(0)
    # While noise is added or subtracted, parts before the present one have had it done to them.
    part, own = m.part, m.net.place(owner)[0]
    has = m.within("MOVING") | (m.within("COMPARE") & (m.starting == 0))
    has = has | (m.within("MOVE") & (part > own)) | (m.within("MOVED") & (part <= own))
    made: Word = select(has & m.noisy, offsets(m, m.draw)[owner], 0)
    return made


class Terms(NamedTuple):
    """What a sum and the pipeline in front of it hold in a clock, for one oscillator.

    Parameters
    ----------
    stages : list of Word
        The amounts in the pipeline: with the address, with the weight that was read, and in front of the sum.
    columns : list of Word
        For each column, the amount that is still to be read.
    amounts : list of Word
        For each column, the amount that enters the pipeline if it is read now.
    reads : list of Word
        For each column, whether its part with this oscillator is read now.
    parts : list of Word
        For each column, its part of the sum over all outputs.
    """

    stages: list[Word]
    columns: list[Word]
    amounts: list[Word]
    reads: list[Word]
    parts: list[Word]


def terms(m: Moment, owner: int) -> Terms:
    """Find what a sum and the pipeline in front of it hold.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    Terms
        The terms.
    """
    net, one, own = m.net, m.starting, m.net.place(owner)[0]

    def amount(plus: Word, weight: Word) -> Word:
        size = select(one, weight, weight * 2)
        made: Word = select(plus == 1, size, 0 - size)
        return made

    # To subtract, the last stage holds the complement; the missing 1 is added as its carry.
    whole = select(m.of("plus_2") == 1, m.term[owner], m.term[owner] + 1)
    last = select(m.on("valid_2") & (m.which(2) == own), whole, 0)
    here = m.on("valid_1") & (m.which(1) == own)
    read = net.of_word(net.circuit.register(net.reader(net.memories[net.place(owner)[1]]), m.clock), owner)
    middle = select(here, amount(m.of("plus_1"), read), 0)
    if m.params.noise_bits:
        noise = offsets(m, m.draw)[owner]
        middle = select(here & m.on("moving"), select(m.back == 1, 0 - noise, noise), middle)
    at = net.circuit.signal("port__addr", m.clock)
    read = net.of_word(net.circuit.chosen(net.rows[net.place(owner)[1]], at, net.onn.chunk_bits), owner)
    first = select(m.on("valid_0") & (m.which(0) == own), amount(m.of("plus_0"), read), 0)
    weights = net.weights[owner]
    amounts = [amount(high, weight) for high, weight in zip(m.output, weights, strict=True)]
    columns, reads = [], []
    lowest: Word = net.const(0) == 0
    for listed, word, size in zip(m.listed, m.word, amounts, strict=True):
        # Of the column that is being read, the parts before the present one are on their way.
        reading = lowest & (word == 1)
        lowest = lowest & (word == 0)
        columns.append(select((listed == 1) & ((reading == 0) | (m.part <= own)), size, 0))
        reads.append(reading & (m.part == own))
    parts = [select(high == 1, weight, 0 - weight) for high, weight in zip(m.output, weights, strict=True)]
    return Terms([first, middle, last], columns, amounts, reads, parts)


def adds_up(m: Moment, owner: int) -> Word:
    """Whether a sum, with all that is on its way, is that over all outputs, modulo the width of the sum.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        A bit.
    """
    graph, width, found = m.net.graph, m.params.total_bits, terms(m, owner)

    def total(some: Sequence[Word]) -> int:
        return reduce(lambda a, b: graph.op("add", width, a, b), [each.to(width) for each in some])

    one, other = total([m.total[owner], *found.stages, *found.columns]), total([*found.parts, offset(m, owner)])
    return Word.of(graph, graph.op("eq", 1, one, other), False)


def at_rest(m: Moment) -> Word:
    """Whether nothing is on its way to the sums.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Word
        A bit.
    """
    return m.within("IDLE", "TURN", "FIND", "STEP", "TOGGLE", "COMPARE") | (m.within("MOVED") & (m.noisy == 0))


def is_sum(m: Moment, owner: int) -> Word:
    """Whether a sum is that over all outputs, with noise: what `adds_up` says where nothing is on its way.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        A bit.
    """
    return m.total[owner] == m.net.sums(m.output)[owner] + offset(m, owner)


def starts(m: Moment, owner: int) -> Word:
    """Whether a sum is 0 and all columns are on their way, with their single amounts; `adds_up` follows.

    Parameters
    ----------
    m : Moment
        The network in the first clock of the first pass.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        A bit.
    """
    found = terms(m, owner)
    pairs = zip(found.columns, found.parts, strict=True)
    zero = [m.total[owner], offset(m, owner), *found.stages]
    return all_of([*(each == 0 for each in zero), *(a == b for a, b in pairs)])


def passes_on(before: Moment, after: Moment, owner: int) -> Word:
    """Whether all that is on its way to a sum moves on by one stage in a clock, so that `adds_up` stays true.

    By addition of these equations: the sum and what is on its way change as much as the sum over all outputs.

    Parameters
    ----------
    before, after : Moment
        The network in a clock and in the next one.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        A bit.
    """
    graph, width = before.net.graph, before.params.total_bits
    old, new = terms(before, owner), terms(after, owner)
    total = graph.op("add", width, before.total[owner].to(width), old.stages[2].to(width))
    bits = [
        Word.of(graph, graph.op("eq", 1, after.total[owner].to(width), total), False),
        new.stages[2] == old.stages[1],
        new.stages[1] - offset(after, owner) == old.stages[0] - offset(before, owner),
        implies(any_of(old.reads) == 0, new.stages[0] == 0),
    ]
    for n, (reads, amount) in enumerate(zip(old.reads, old.amounts, strict=True)):
        rest = new.columns[n] + select(reads, amount, 0)
        bits.append(rest - new.parts[n] == old.columns[n] - old.parts[n])
        # At most one column is read: that of the lowest output, see `terms`.
        bits.append(implies(reads, new.stages[0] == amount))
    return all_of(bits)
