"""The golden state that the registers of an oscillator network stand for."""

from __future__ import annotations

from functools import reduce
from operator import add

from neuristor.golden_model.fixed import select
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of, any_of
from neuristor.sim.proofs.onn.golden import (
    COUNTER,
    TOGGLES,
    Draw,
    Golden,
    begun,
    chosen_draw,
    compared,
    drawn,
    tick_after,
)
from neuristor.sim.proofs.onn.network import BEGINNING, Moment

__all__ = ["all_same", "meant", "shown_by"]


def shown_by(m: Moment) -> Golden:
    """The golden state that registers show, as they are.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Golden
        The state.
    """
    return Golden(
        m.phase,
        m.output,
        m.reference,
        m.tick,
        m.of("changed"),
        m.of("toggles"),
        m.bits("occupied"),
        m.of("any_moved"),
        m.draw,
    )


def toggled(m: Moment) -> Golden:
    """The state of the registers after all columns have been read.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Golden
        The state.
    """
    shown = shown_by(m)
    rest = select(m.starting, 0, reduce(add, m.listed))
    return shown._replace(toggles=(shown.toggles + rest) & TOGGLES)


def meant(m: Moment) -> Golden:
    """The golden state that this clock's registers lead to: that after the tick that is being computed.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Golden
        The state.
    """
    net, params = m.net, m.params
    shown, read, fixed = shown_by(m), toggled(m), net.sums(m.output)
    before = shown._replace(tick=(m.tick - 1) & COUNTER)
    if params.noise_bits:
        assert read.draw is not None
        stage = select(m.within("DRAW"), m.of("generator.fsm_state"), 0)
        undrawn = m.within("SEARCH", "DRAIN", "DRAW") & m.noisy & m.sampling
        read = read._replace(draw=chosen_draw(undrawn, drawn(read.draw, stage), read.draw))
    now = compared(params, read, fixed, m.noise, m.sampling)
    # A new phase is known at once; the rest follows a clock later.
    any_moved = any_of([each == 1 for each in m.moved])
    fresh = select(any_moved, 1, 0)
    after = shown._replace(
        fresh=fresh,
        changed=select(any_moved, m.tick, shown.changed),
        occupied=[select((m.place == n) & any_moved, 1, each) for n, each in enumerate(shown.occupied)],
    )
    begins = begun(params, net.sums, m.phase, m.of("generator.state") if params.noise_bits else 0)
    cases = [
        (m.within(*BEGINNING) & m.starting, begins),
        (m.within("TOGGLE"), tick_after(params, before, net.sums, m.noise, m.window)[0]),
        (m.within("SEARCH", "DRAIN", "DRAW", "MOVE", "MOVING", "COMPARE"), now),
        (m.within("MOVED"), after),
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
        some("phase", count),
        some("output", count),
        some("reference", count),
        fields["tick"],
        fields["changed"],
        fields["toggles"],
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
