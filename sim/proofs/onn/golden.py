"""The golden tick of a whole network of phase oscillators, on integers or symbolic integers.

It is put together from the golden functions of one oscillator (``phase_oscillator.output`` and ``step``) in the order
of ``OnnBitTrue.step``, and compared with that class by a test. All sums are computed anew in each tick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, or_
from typing import Any, NamedTuple

from neuristor.golden_model.fixed import select
from neuristor.golden_model.networks.onn import OnnParams
from neuristor.golden_model.networks.phase_oscillator import output, step
from neuristor.golden_model.noise import advance
from neuristor.sim.netlists.words import Word

__all__ = [
    "COUNTER",
    "TOGGLES",
    "Draw",
    "Golden",
    "amplitude",
    "begun",
    "chosen_draw",
    "compared",
    "drawn",
    "sums",
    "tick_after",
]

COUNTER = (1 << 32) - 1
"""Largest value of the counters of ticks, which wrap."""
WORD = 32
"""Random bits in a draw; those of earlier draws move on to further oscillators."""
TOGGLES = (1 << 48) - 1
"""Largest value of the counter of toggles, which wraps."""


SumsOf = Callable[[Sequence[Any]], Sequence[Any]]


class Draw(NamedTuple):
    """The noise generator: its state, and the last random bits.

    Parameters
    ----------
    state : int or Word
        State of the generator, 32 bits.
    signs, tosses : list of int or Word, length count
        For each oscillator: the noise is positive; the phase may change.
    """

    state: Any
    signs: list[Any]
    tosses: list[Any]


class Golden(NamedTuple):
    """The state of a network, as ``OnnBitTrue`` has it.

    Parameters
    ----------
    phase, output, reference : list of int or Word, length count
        Phase, output and reference of each oscillator.
    tick, changed, toggles : int or Word
        Counters, modulo 2**32, 2**32 and 2**48.
    occupied : list of int or Word, length half
        For each tick of half a period: an output may toggle in it.
    fresh : int or Word
        Whether a phase was set in this tick.
    draw : Draw or None
        The noise generator; None for a network without noise.
    """

    phase: list[Any]
    output: list[Any]
    reference: list[Any]
    tick: Any
    changed: Any
    toggles: Any
    occupied: list[Any]
    fresh: Any
    draw: Draw | None = None

    def fields(self) -> dict[str, Any]:
        """Return all values, by name.

        Returns
        -------
        dict of str to int or Word
            Names such as ``phase 0``, ``tick`` and ``occupied 3``.
        """
        made: dict[str, Any] = {}
        for name in ("phase", "output", "reference", "occupied"):
            made |= {f"{name} {n}": each for n, each in enumerate(getattr(self, name))}
        made |= {name: getattr(self, name) for name in ("tick", "changed", "toggles", "fresh")}
        if self.draw is not None:
            made["generator"] = self.draw.state
            made |= {f"sign {n}": each for n, each in enumerate(self.draw.signs)}
            made |= {f"toss {n}": each for n, each in enumerate(self.draw.tosses)}
        return made


def sums(weights: Sequence[Sequence[Any]], outputs: Sequence[Any]) -> list[Any]:
    """The weighted sum of each oscillator, computed anew; exact.

    Parameters
    ----------
    weights : sequence of sequence of int or Word, shape (count, count)
        ``weights[i][j]``: from oscillator j to oscillator i.
    outputs : sequence of int or Word, length count
        Outputs, 1 or 0.

    Returns
    -------
    list of int or Word, length count
        The sums.
    """
    return [
        reduce(add, [select(high == 1, weight, 0 - weight) for weight, high in zip(row, outputs, strict=True)])
        for row in weights
    ]


def begun(params: OnnParams, total_of: SumsOf, phase: Sequence[Any], seed: Any) -> Golden:
    """The state of a network at tick 0.

    Parameters
    ----------
    params : OnnParams
        Word lengths.
    total_of : callable
        The sums of some outputs, see `sums`.
    phase : sequence of int or Word, length count
        Initial phases.
    seed : int or Word
        Initial state of the noise generator.

    Returns
    -------
    Golden
        The state.
    """
    out = [output(params.raw, each, 0) for each in phase]
    reference = [
        select(total == 0, high, select(total > 0, 1, 0)) for total, high in zip(total_of(out), out, strict=True)
    ]
    zero = [0] * params.count
    draw = Draw(seed, list(zero), list(zero)) if params.noise_bits else None
    return Golden(list(phase), out, reference, 0, 0, 0, [1] * params.half, 0, draw)


def drawn(draw: Draw, stage: Any = 0) -> Draw:
    """The generator after the three draws of a tick, or after the rest of them.

    Parameters
    ----------
    draw : Draw
        The generator.
    stage : int or Word
        Number of draws of this tick that have been made, 0 to 3.

    Returns
    -------
    Draw
        The generator after the last one.
    """

    def shifted(old: list[Any], state: Any) -> list[Any]:
        return [state >> n & 1 if n < WORD else old[n - WORD] for n in range(len(old))]

    state = select(stage > 0, draw.state, advance(draw.state))
    signs = [select(stage > 0, a, b) for a, b in zip(draw.signs, shifted(draw.signs, state), strict=True)]
    after = select(stage > 1, state, advance(state))
    tosses = [select(stage > 1, a, b) for a, b in zip(draw.tosses, shifted(draw.tosses, after), strict=True)]
    return Draw(select(stage > 2, after, advance(after)), signs, tosses)


def chosen_draw(condition: Any, yes: Draw, no: Draw) -> Draw:
    """One of two states of the generator.

    Parameters
    ----------
    condition : bool or Word
        Which.
    yes, no : Draw
        The state if the condition holds, and if not.

    Returns
    -------
    Draw
        The state.
    """
    return Draw(
        select(condition, yes.state, no.state),
        [select(condition, a, b) for a, b in zip(yes.signs, no.signs, strict=True)],
        [select(condition, a, b) for a, b in zip(yes.tosses, no.tosses, strict=True)],
    )


def amplitude(draw: Draw, noise: Any) -> Any:
    """The amplitude of the noise of a tick.

    Parameters
    ----------
    draw : Draw
        The generator after the draws of the tick.
    noise : int or Word
        Largest amplitude.

    Returns
    -------
    int or Word
        The amplitude, 0 to `noise`. Of words, an unknown function of them: see ``invariants.amplitude_is_known``.
    """
    if isinstance(draw.state, Word) and isinstance(noise, Word):
        graph, width = draw.state.graph, noise.width
        return Word.of(graph, graph.opaque("amplitude", width, noise.number, (draw.state >> 16).to(16)), False)
    return (noise + 1) * (draw.state >> 16) >> 16


def compared(params: OnnParams, golden: Golden, totals: Sequence[Any], noise: Any, allowed: Any) -> Golden:
    """Compare the sums of a tick with zero: new references and phases.

    Parameters
    ----------
    params : OnnParams
        Word lengths.
    golden : Golden
        The state after the outputs of the tick have toggled and the noise has been drawn.
    totals : sequence of int or Word, length count
        The sums, without noise.
    noise : int or Word
        Largest amplitude of the noise; 0 without.
    allowed : bool or Word
        Whether sums are compared in this tick; if not, only `fresh` changes, to 0.

    Returns
    -------
    Golden
        The state after the comparison.
    """
    raw, now = params.raw, golden.tick & (params.raw.period - 1)
    place = now & (params.half - 1)
    phases, references, moves = [], [], []
    for n, total in enumerate(totals):
        may: Any = 1
        if golden.draw is not None:
            most = amplitude(golden.draw, noise)
            total = select(noise > 0, total + select(golden.draw.signs[n] == 1, most, 0 - most), total)
            may = select(noise > 0, golden.draw.tosses[n], 1)
        phase, reference, moved = step(raw, golden.phase[n], golden.reference[n], total, now, may)
        phases.append(select(allowed, phase, golden.phase[n]))
        references.append(select(allowed, reference, golden.reference[n]))
        moves.append(select(allowed, select(moved, 1, 0), 0))
    fresh = reduce(or_, moves)
    return golden._replace(
        phase=phases,
        reference=references,
        fresh=fresh,
        changed=select(fresh == 1, golden.tick, golden.changed),
        occupied=[select(place == n, each | fresh, each) for n, each in enumerate(golden.occupied)],
    )


def tick_after(params: OnnParams, golden: Golden, total_of: SumsOf, noise: Any, window: Any) -> tuple[Golden, Any]:
    """One tick of a network, as ``OnnBitTrue.step``.

    Parameters
    ----------
    params : OnnParams
        Word lengths.
    golden : Golden
        The state after the tick before.
    total_of : callable
        The sums of some outputs, see `sums`.
    noise : int or Word
        Largest amplitude of the noise; 0 without.
    window : int or Word
        Ticks of each half period in which references are sampled; half a period without injection.

    Returns
    -------
    golden : Golden
        The state after the tick.
    visited : bool or Word
        Whether anything is done in this tick but to count it.
    """
    tick = (golden.tick + 1) & COUNTER
    place = tick & (params.half - 1)
    sampled = place < window
    annealed = (noise > 0) | (window < params.half)
    seen = golden.fresh == 1
    for n, each in enumerate(golden.occupied):
        seen = seen | ((place == n) & (each == 1))
    visited = seen | (annealed & sampled)
    after = [
        select(seen, output(params.raw, phase, tick), high)
        for phase, high in zip(golden.phase, golden.output, strict=True)
    ]
    toggled = reduce(add, [a ^ b for a, b in zip(after, golden.output, strict=True)])
    left = reduce(or_, [select(phase & (params.half - 1) == place, 1, 0) for phase in golden.phase])
    occupied = [select(seen & (place == n), left, each) for n, each in enumerate(golden.occupied)]
    draw = golden.draw
    if draw is not None:
        draw = chosen_draw((noise > 0) & sampled, drawn(draw), draw)
    made = golden._replace(
        tick=tick, output=after, toggles=(golden.toggles + toggled) & TOGGLES, occupied=occupied, draw=draw
    )
    return compared(params, made, total_of(after), noise, sampled & visited), visited
