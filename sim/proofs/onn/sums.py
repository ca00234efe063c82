"""Sums of an oscillator network while columns and noise are on their way to them."""

from __future__ import annotations

from functools import reduce

from neuristor.golden_model.fixed import select
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.onn.golden import Draw, amplitude, sums
from neuristor.sim.proofs.onn.network import Moment

__all__ = ["adds_up"]


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


def expected(m: Moment, owner: int) -> Word:
    """What a sum is, once all that is on its way has been added: the sum over all outputs, with noise.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    Word
        The sum, signed; exact.
    """
    total: Word = sums(m.net.weights, m.output)[owner]
    if not m.params.noise_bits:
        return total
    # While noise is added or subtracted, parts before the present one have had it done to them.
    part, own = m.part, m.net.place(owner)[0]
    has = m.within("MOVING") | (m.within("COMPARE") & (m.starting == 0))
    has = has | (m.within("MOVE") & (part > own)) | (m.within("MOVED") & (part <= own))
    made: Word = select(has & m.noisy, total + offsets(m, m.draw)[owner], total)
    return made


def on_its_way(m: Moment, owner: int) -> list[Word]:
    """The amounts that are still to be added to a sum.

    Parameters
    ----------
    m : Moment
        The network in a clock.
    owner : int
        The oscillator.

    Returns
    -------
    list of Word
        The amounts, signed.
    """
    net, one, own = m.net, m.starting, m.net.place(owner)[0]

    def column(condition: Word, plus: Word, weight: Word) -> Word:
        amount = select(one, weight, weight * 2)
        made: Word = select(condition, select(plus == 1, amount, 0 - amount), 0)
        return made

    # To subtract, the last stage holds the complement; the missing 1 is added as its carry.
    whole = select(m.of("plus_2") == 1, m.term[owner], m.term[owner] + 1)
    pieces: list[Word] = [select(m.on("valid_2") & (m.which(2) == own), whole, 0)]
    reader = net.reader(net.memories[net.place(owner)[1]])
    here = m.on("valid_1") & (m.which(1) == own)
    if m.params.noise_bits:
        moving = m.on("moving")
        offset = offsets(m, m.draw)[owner]
        pieces.append(select(here & moving, select(m.back == 1, 0 - offset, offset), 0))
        here = here & (moving == 0)
    read = net.of_word(net.circuit.register(reader, m.clock), owner)
    pieces.append(column(here, m.of("plus_1"), read))
    at = net.circuit.signal("port__addr", m.clock)
    read = net.of_word(net.circuit.chosen(net.rows[net.place(owner)[1]], at, net.onn.chunk_bits), owner)
    pieces.append(column(m.on("valid_0") & (m.which(0) == own), m.of("plus_0"), read))
    lower: Word = net.const(0) == 0
    for n, listed in enumerate(m.listed):
        due = listed == 1
        if net.onn.parts > 1:
            # Of the column that is being read, the parts before the present one are on their way.
            due = due & ((lower == 0) | (m.word[n] == 0) | (m.part <= own))
            lower = lower & (m.word[n] == 0)
        pieces.append(column(due, m.output[n], net.weights[owner][n]))
    return pieces


def adds_up(m: Moment, owner: int) -> Word:
    """Whether a sum, with all that is on its way, is what it has to become, modulo the width of the sum.

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
    graph, width = m.net.graph, m.params.total_bits
    nodes = [each.to(width) for each in (m.total[owner], *on_its_way(m, owner))]
    made = reduce(lambda a, b: graph.op("add", width, a, b), nodes)
    return Word.of(graph, graph.op("eq", 1, made, expected(m, owner).to(width)), False)
