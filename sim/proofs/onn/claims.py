"""The claims about an oscillator network in one clock, besides its invariants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add

from neuristor.golden_model.fixed import select
from neuristor.golden_model.networks.onn import visit_clocks
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import all_of, implies
from neuristor.sim.proofs.onn.golden import COUNTER, begun, tick_after
from neuristor.sim.proofs.onn.invariants import Statement, safe_ticks, settled
from neuristor.sim.proofs.onn.meaning import all_same, meant, shown_by
from neuristor.sim.proofs.onn.network import RESTING, Moment
from neuristor.sim.proofs.onn.sums import at_rest, is_sum, passes_on, starts, terms

__all__ = ["Step", "golden_claims", "input_claims", "progress_claims", "readable_claims", "sum_claims"]


class Step:
    """One clock of a network, in which all invariants hold.

    Parameters
    ----------
    before, after : Moment
        The network in this clock and in the next one.
    begun, later : Word
        Whether the network has begun, in this clock and in the next one.
    pure : Word
        Whether it has advanced without noise and injection only.
    """

    def __init__(self, before: Moment, after: Moment, begun: Word, later: Word, pure: Word) -> None:
        self.before, self.after, self.begun, self.later, self.pure = before, after, begun == 1, later == 1, pure == 1
        self.net, self.params = before.net, before.params
        self.always = before.tick >= 0
        self.asks = before.within("IDLE") & (before.on("begin") == 0) & before.on("advance__valid")
        self.begins = before.begins
        self.step = before.within("STEP")


def golden_claims(step: Step) -> Iterator[tuple[str, Statement]]:
    """The claims about the golden state of the network.

    Parameters
    ----------
    step : Step
        A clock.

    Yields
    ------
    tuple of str and Statement
        The subject, and the statement.
    """
    before, after, net, params = step.before, step.after, step.net, step.params
    first = begun(params, net.sums, after.phase, before.of("seed") if params.noise_bits else 0)
    yield (
        "golden step",
        Statement(
            "`begin` leads to the golden state at tick 0, the first comparison included",
            step.begins,
            after.starting & step.later & all_same(meant(after), first),
        ),
    )
    quiet = step.begun & step.later & (step.begins == 0) & (step.step == 0)
    one, other = meant(before), meant(after)
    for names in (("phase",), ("output", "reference"), ("tick", "toggles"), ("changed", "occupied", "fresh")):
        text = f"while a tick is computed, and between ticks, the golden state stays: {', '.join(names)}"
        yield "golden step", Statement(text, quiet, all_same(one, other, *names))
    if params.noise_bits:
        names = ("generator", "sign", "toss")
        text = "while a tick is computed, and between ticks, the golden state stays: noise"
        yield "golden step", Statement(text, quiet, all_same(one, other, *names))
    shown, distance = shown_by(before), before.distance
    visits = step.step & (distance <= before.room)
    last = shown._replace(tick=(before.tick + distance - 1) & COUNTER)
    golden, visited = tick_after(params, last, net.sums, before.noise, before.window)
    text = "a tick that is visited is the golden step, and one that the model visits"
    yield "golden step", Statement(text, step.begun & visits, visited & all_same(other, golden))
    # Ticks that are skipped.
    count = Word.of(net.graph, net.graph.input("ticks skipped", params.phase_bits), False)
    some = (count >= 1) & (count < distance) & (count <= before.room)
    skipped = shown._replace(tick=(before.tick + count - 1) & COUNTER)
    golden, visited = tick_after(params, skipped, net.sums, before.noise, before.window)
    same = all_same(golden, shown._replace(tick=(before.tick + count) & COUNTER))
    text = "a golden step changes nothing but the tick where the network skips one"
    yield "golden step", Statement(text, step.begun & step.step & some, (visited == 0) & same)
    every = skipped._replace(occupied=[net.const(1)] * params.half)
    golden, _ = tick_after(params, every, net.sums, before.noise, before.window)
    same = all_same(golden, shown, "phase", "output", "reference", "changed", "toggles", "fresh")
    text = "nor would it if it compared every tick, without noise and injection"
    yield "golden step", Statement(text, step.begun & step.pure & step.step & some, same)
    ends = step.step & (distance > before.room)
    rest = shown._replace(tick=(before.tick + before.room) & COUNTER)
    text = "`advance` may end in a tick that is skipped"
    yield "golden step", Statement(text, ends, after.within("IDLE") & all_same(shown_by(after), rest))


def sum_claims(step: Step) -> Iterator[tuple[str, Statement]]:
    """The claims about sums, and about the state between ticks.

    Parameters
    ----------
    step : Step
        A clock.

    Yields
    ------
    tuple of str and Statement
        The subject, and the statement.
    """
    m, after, params = step.before, step.after, step.params
    begins = m.within("OUTPUTS") & after.within("SEARCH")
    goes = step.begun & step.later & ((m.within("OUTPUTS") | step.begins) == 0)
    rests = step.begun & at_rest(m)
    for n in range(params.count):
        text = "sums start at 0, with the weights of all columns to be added"
        yield "sums", Statement(text, begins, starts(after, n))
        text = "columns and noise are added once each, with their signs: what is on its way to a sum moves on"
        yield "sums", Statement(text, goes, passes_on(m, after, n))
        found = terms(m, n)
        nothing = all_of([each == 0 for each in (*found.stages, *found.columns)])
        text = "nothing is on its way to the sums in a comparison, and between ticks"
        yield "sums", Statement(text, rests, nothing)
    largest = (params.count << (params.weight_bits - 1)) + (1 << params.noise_bits) - 1
    fits = step.always if largest < 1 << (params.total_bits - 1) else step.always == 0
    yield "sums", Statement("all sums fit, with weights of the lowest value and noise", step.always, fits)
    text = "between ticks, the readable state is the golden state, and sums are those of its outputs"
    right = [is_sum(m, n) for n in range(params.count)]
    rest = step.begun & m.within(*RESTING)
    yield "golden step", Statement(text, rest, all_of(right) & all_same(meant(m), shown_by(m)))


def readable_claims(step: Step) -> Iterator[tuple[str, Statement]]:
    """The claims about what a user can read.

    Parameters
    ----------
    step : Step
        A clock.

    Yields
    ------
    tuple of str and Statement
        The subject, and the statement.
    """
    m, net, params = step.before, step.net, step.params
    graph = net.graph
    ports = {"phases": m.phase, "outputs": m.output, "references": m.reference, "totals": m.total}
    joined = [
        (m.of(name), Word.of(graph, graph.concat([w.number for w in some]), False)) for name, some in ports.items()
    ]
    yield (
        "outputs",
        Statement(
            "phases, outputs, references and sums are those of the registers, in every state",
            step.always,
            all_of([a == b for a, b in joined]),
        ),
    )
    text = "`settled` says that no phase has changed for a period (until tick 2**32), in every state"
    yield "outputs", Statement(text, step.always, m.on("settled") == settled(m))
    listed, then = m.listed, step.after.listed
    tells = m.on("toggled.valid")
    of = m.of("toggled.oscillator")
    told = [
        implies(of == n, (listed[n] == 1) & (then[n] == 0) & (m.of("toggled.high") == m.output[n]))
        for n in range(params.count)
    ]
    others = [implies(of != n, listed[n] == then[n]) for n in range(params.count)]
    text = "`toggled` reports an output that toggles, with its new value, and counts it"
    counted = step.after.of("toggles") == ((m.of("toggles") + 1) & ((1 << 48) - 1))
    yield "outputs", Statement(text, tells, all_of([*told, *others, counted, of < params.count]))
    text = "what is not reported stays to be reported, and is not counted"
    kept = all_of([a == b for a, b in zip(listed, then, strict=True)])
    same = step.after.of("toggles") == m.of("toggles")
    yield (
        "outputs",
        Statement(
            text,
            (tells == 0) & (step.begins == 0),
            same & implies((m.starting | m.within("TOGGLE")) == 0, kept),
        ),
    )
    yield "outputs", Statement("`toggled` is not valid while the network begins", m.starting, tells == 0)
    text = "each output that toggles is to be reported, and all have been at the end of a tick"
    toggles = all_of(
        [each == (a ^ b) for each, a, b in zip(step.after.listed, m.output, step.after.output, strict=True)]
    )
    done = all_of([each == 0 for each in listed])
    yield (
        "outputs",
        Statement(
            text,
            m.within("TOGGLE") | (m.within("SEARCH", "DRAIN") == 0),
            implies(m.within("TOGGLE"), toggles) & implies(m.within("SEARCH", "DRAIN") == 0, done),
        ),
    )


def input_claims(step: Step) -> Iterator[tuple[str, Statement]]:
    """The claims about the inputs.

    Parameters
    ----------
    step : Step
        A clock.

    Yields
    ------
    tuple of str and Statement
        The subject, and the statement.
    """
    m, after, net, params = step.before, step.after, step.net, step.params
    idle = m.within("IDLE")
    ready = [
        (m.of("weight__ready") == 1) == idle,
        (m.of("phase__ready") == 1) == idle,
        (m.of("look__ready") == 1) == (idle & (1 if net.onn.readable else 0)),
        (m.of("advance__ready") == 1) == (idle & (m.on("begin") == 0)),
    ]
    yield (
        "inputs",
        Statement("inputs are accepted while the network is idle, and only then", step.always, all_of(ready)),
    )
    for n in range(params.count):
        loads = idle & m.on("phase__valid") & (m.of("phase__payload.oscillator") == n)
        stays = (loads == 0) & (m.within("COMPARE") == 0)
        right = implies(loads, after.phase[n] == m.of("phase__payload.value"))
        text = "each phase is the one that is loaded for it, and changes in a comparison otherwise"
        yield "inputs", Statement(text, loads | stays, right & implies(stays, after.phase[n] == m.phase[n]))
    asked = (
        (after.left == m.of("advance__payload.ticks"))
        & (after.of("settle") == m.of("advance__payload.settle"))
        & (after.window == m.of("advance__payload.window"))
        & ((after.noise == m.of("advance__payload.noise")) if params.noise_bits else step.always)
    )
    text = "ticks, `settle`, noise and window are those that were asked for"
    yield "inputs", Statement(text, step.asks, asked & after.within("TURN"))
    kept = (after.of("settle") == m.of("settle")) & (after.window == m.window) & (after.noise == m.noise)
    yield "inputs", Statement("they stay until the network is idle", m.within("IDLE") == 0, kept)
    visits = step.step & (m.distance <= m.room)
    left = select(visits, m.left - m.distance, m.left)
    text = "each tick is counted, whether visited or skipped"
    advancing = (m.within("IDLE") | m.starting) == 0
    moved = ((after.tick - m.tick) & COUNTER) == select(visits, m.distance, select(step.step, m.room, 0))
    yield (
        "inputs",
        Statement(text, advancing, implies(step.step == 0, after.left == m.left) & moved & (after.left == left)),
    )
    goes = m.within("TURN", "STEP") & after.within("IDLE")
    at_end = select(step.step, m.room == m.left, m.left == 0)
    text = "`advance` ends after the ticks that were asked for, or with `settle` once the network has settled"
    yield "inputs", Statement(text, goes, at_end | (m.on("settle") & settled(after)))
    text = "with `settle`, no tick is made after the network has settled, and never one too many"
    far = select(visits, m.distance, m.room)
    before = ((m.tick + far - 1 - m.of("changed")) & COUNTER) < params.raw.period
    yield (
        "inputs",
        Statement(text, step.step, (m.room == safe_ticks(m)) & (far <= m.left) & implies(m.on("settle"), before)),
    )


def clocks_left(m: Moment) -> Word:
    """The clocks until the next tick is found, or the network is idle; exact.

    Parameters
    ----------
    m : Moment
        The network in a clock.

    Returns
    -------
    Word
        Number of clocks; 0 in the state IDLE.
    """
    parts, net = m.net.onn.parts, m.net
    flow = select(m.on("valid_0"), 3, select(m.on("valid_1"), 2, select(m.on("valid_2"), 1, 0)))

    def passing(columns: Word) -> Word:
        """Clocks from the state in which columns are known to the last one in which one is on its way."""
        made: Word = select(columns > 0, columns * parts + 4, 0)
        return made

    ones, waiting = reduce(add, m.word), reduce(add, m.waiting)
    search = passing(reduce(add, m.pending))
    reading = (ones + waiting) * parts - m.part + 3
    drain = select(ones > 0, reading, select(waiting > 0, passing(waiting), flow))
    toggling = passing(reduce(add, [a ^ b for a, b in zip(m.output, m.bits("outward"), strict=True)]))
    turn = 3  # TURN, FIND and STEP
    noisy = 1 + parts + 3 + turn  # COMPARE, MOVED, BACK
    compare = select(m.starting, 1, select(m.noisy, noisy, 2 + turn))
    tail = select(m.starting, 1, select(m.sampling, select(m.noisy, 4 + parts + 3 + noisy, 2 + turn), turn))
    cases: dict[str, Word | int] = {
        "OUTPUTS": ((0 - m.tick) & COUNTER) + parts * m.params.count + 8,
        "TURN": turn,
        "FIND": 2,
        "STEP": 1,
        "TOGGLE": toggling + 3 + tail,
        "SEARCH": search + 2 + tail,
        "DRAIN": drain + 1 + tail,
        "COMPARE": compare,
        "MOVED": select(m.noisy, parts - m.part + 3 + turn, 1 + turn),
    }
    if m.params.noise_bits:
        cases |= {
            "DRAW": (4 - m.of("generator.fsm_state")) + parts + 3 + noisy,
            "MOVE": parts - m.part + 3 + noisy,
            "MOVING": flow + 1 + noisy,
            "BACK": flow + 1 + turn,
        }
    made: Word = net.const(0)
    for name, clocks in cases.items():
        made = select(m.within(name), clocks, made)
    return made


def progress_claims(step: Step) -> Iterator[tuple[str, Statement]]:
    """The claims that `begin` and `advance` come to an end.

    Parameters
    ----------
    step : Step
        A clock.

    Yields
    ------
    tuple of str and Statement
        The subject, and the statement.
    """
    m, after, params = step.before, step.after, step.params
    parts = step.net.onn.parts
    now, then = clocks_left(m), clocks_left(after)
    idle, ends = m.within("IDLE"), after.within("IDLE")
    text = "each clock brings the next tick, or the end, one clock nearer: nothing waits for ever"
    yield "progress", Statement(text, (idle | step.step) == 0, (then == now - 1) | (ends & m.within("TURN")))
    text = "each tick that is visited leaves fewer ticks to make; else `advance` ends"
    yield "progress", Statement(text, step.step, ends | (after.within("TOGGLE") & (after.left < m.left)))
    toggling = reduce(add, [a ^ b for a, b in zip(m.output, m.bits("outward"), strict=True)])
    most = select(m.noisy, visit_clocks(parts, noisy=True), visit_clocks(parts, noisy=False))
    text = "a tick takes at most the clocks that `visit_clocks` says, and `parts` more for each output that toggles"
    yield "progress", Statement(text, m.within("TOGGLE"), now <= most + toggling * parts)
    longest = params.raw.period + parts * params.count + 7
    text = "`begin` takes at most a period, `parts` clocks for each oscillator, and 7 clocks"
    yield "progress", Statement(text, step.begins, then <= longest)
    text = "`begin` and `advance` are answered in the next clock: `busy` rises"
    yield "progress", Statement(text, step.begins | step.asks, after.on("busy"))
    text = "without `begin` and `advance`, an idle network stays idle"
    rests = idle & ((step.begins | step.asks) == 0)
    yield "progress", Statement(text, rests, ends & (after.on("busy") == 0))
