"""Proofs of small oscillator networks, for all weights, states, ticks and inputs.

Everything is proved by induction over clocks: invariants hold after a reset, and from one clock to the next; the claims
follow from them (``neuristor.sim.proofs.onn.invariants`` and ``claims``). They say that

* **the golden state** that the registers stand for is set by `begin` and changes by golden ticks only: the function of
  an oscillator is that of ``golden_model`` itself, on symbolic integers. A tick that is skipped changes nothing;
* **outputs**: what can be read is the golden state, in every state of the controller or at the end of a command;
* **inputs** are used where they are accepted, and have no effect while the network is busy;
* **progress**: commands end after a bounded number of clocks;
* **weights** are written, read and read back where they belong.

The golden state is that of a network in which neither weights nor phases are loaded after `begin`, and whose window is
at most half a period. A premise that cannot be met is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from neuristor.golden_model.networks.onn import OnnParams
from neuristor.hdl.onn import Onn
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import Claim, all_of
from neuristor.sim.proofs.onn.claims import (
    Step,
    golden_claims,
    input_claims,
    progress_claims,
    readable_claims,
    sum_claims,
)
from neuristor.sim.proofs.onn.inductive import MOST_AT_ONCE, Prover, grouped
from neuristor.sim.proofs.onn.invariants import Statement, amplitude_is_known, meaning, structure
from neuristor.sim.proofs.onn.memory import memory_claims, unaffected
from neuristor.sim.proofs.onn.network import Moment, Network
from neuristor.sim.proofs.onn.protection import Protected
from neuristor.sim.proofs.onn.sums import at_rest, is_sum

__all__ = ["prove_network", "prove_onn", "prove_protection", "prove_weights"]

SEARCHED = 33
"""Number of oscillators of which the search in several words is proved."""
NOT_TRIED = (
    "a network whose weights have check bits is otherwise the same (tests/hdl/test_protection.py compares it); "
    "`prove_protection` is about the check bits",
)
"""What there is no proof of, with who compares it."""

Make = Callable[[OnnParams], Onn]


def prove_onn(
    count: int = 3, weight_bits: int = 4, phase_bits: int = 4, make: Make = Onn, noise_bits: int = 0
) -> Iterator[Claim]:
    """Prove a network, claim by claim.

    Parameters
    ----------
    count : int
        Number of oscillators, from 2.
    weight_bits : int
        Word length of a weight, 1 to 8.
    phase_bits : int
        Word length of a phase, 4 to 8.
    make : callable
        Makes the circuit from its parameters.
    noise_bits : int
        Word length of the noise amplitude, 0 to 16.

    Yields
    ------
    Claim
        Each claim, once it is decided.

    Raises
    ------
    ValueError
        If the weights are protected.
    VacuousError
        If the premise of a claim cannot be met.
    """
    net = _network(count, weight_bits, phase_bits, noise_bits, make)
    before, after = Moment(net, 0), Moment(net, 1)
    begun, pure = (Word.of(net.graph, net.graph.input(name, 1), False) for name in ("begun", "pure"))
    later, later_pure = _later(before, begun, pure)
    known = [*structure(before), *_where(begun, meaning(before, pure))]
    then = [*structure(after), *_where(later, meaning(after, later_pure))]
    # Proved by the claims about sums, see `neuristor.sim.proofs.onn.sums`.
    rests = (begun == 1) & at_rest(before)
    known += [Statement("sums are those over all outputs", rests, is_sum(before, n)) for n in range(count)]
    fair = [before.of("rst") == 0, before.of("advance__payload.window") <= net.params.half]
    prover = Prover(net, [*(each.bit for each in known), *fair])
    for some in grouped(("invariants", each) for each in then):
        yield prover.claim(*some)
    yield _reset(net, before, after)
    prover = Prover(net, [*prover.assumed, amplitude_is_known(before), amplitude_is_known(after)])
    step = Step(before, after, begun, later, pure)
    for claims in (sum_claims, golden_claims, readable_claims, input_claims, progress_claims):
        for subject, statements in grouped(claims(step)):
            yield prover.claim(subject, statements, 1 if subject == "sums" else MOST_AT_ONCE)
    yield prover.claim("inputs", [unaffected(net, before)])
    for some in grouped(("weights", each) for each in memory_claims(net, before)):
        yield prover.claim(*some)
    for text in NOT_TRIED:
        yield Claim("network", text, None, 0.0, tried=False)


def _network(count: int, weight_bits: int, phase_bits: int, noise_bits: int, make: Make) -> Network:
    """A network whose weights are symbolic.

    Raises
    ------
    ValueError
        If the weights are protected.
    """
    zero = np.zeros((count, count), dtype=np.int64)
    onn = make(OnnParams(weights=zero, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=noise_bits))
    if onn.protection != "none":
        raise ValueError(f"there is no proof of protected weights ({onn.protection})")
    return Network(onn)


def _where(condition: Word, statements: list[Statement]) -> list[Statement]:
    """The statements, under one more condition."""
    return [each._replace(condition=each.condition & (condition == 1)) for each in statements]


def _later(m: Moment, begun: Word, pure: Word) -> tuple[Word, Word]:
    """Whether the network has begun in the next clock, and has advanced without noise and injection since."""
    loads = m.within("IDLE") & m.on("phase__valid")
    anneals = m.of("advance__payload.window") != m.params.half
    if m.params.noise_bits:
        anneals = anneals | (m.of("advance__payload.noise") != 0)
    anneals = m.within("IDLE") & m.on("advance__valid") & anneals
    return (begun & (loads == 0)) | m.begins, (pure & (anneals == 0)) | m.begins


def _reset(net: Network, before: Moment, after: Moment) -> Claim:
    """The claim that a reset leads to a state in which all invariants hold."""
    counters = [after.of(name) == 0 for name in ("tick", "changed", "toggles", "settled")]
    fresh = all_of([*(each.bit for each in structure(after)), after.within("IDLE"), *counters])
    text = "a reset leads from any state to one in which all invariants hold: IDLE, and all counters 0"
    return Prover(net, []).claim("invariants", [Statement(text, before.of("rst") == 1, fresh)])


def prove_weights(count: int, weight_bits: int, make: Make = Onn) -> Iterator[Claim]:
    """Prove the memories of weights of a network of any size.

    Parameters
    ----------
    count : int
        Number of oscillators, from 2.
    weight_bits : int
        Word length of a weight, 1 to 8.
    make : callable
        Makes the circuit from its parameters.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    net = _network(count, weight_bits, 4, 0, make)
    m = Moment(net, 0)
    prover = Prover(net, [m.of("rst") == 0, (m.of("busy") == 0) == m.within("IDLE")])
    for some in grouped(("weights", each) for each in memory_claims(net, m)):
        yield prover.claim(*some)


def prove_protection(count: int, weight_bits: int, make: Make) -> Iterator[Claim]:
    """Prove check bits of weights, and the counter of damaged words, of a network of any size.

    Parameters
    ----------
    count : int
        Number of oscillators, from 2.
    weight_bits : int
        Word length of a weight, 1 to 8.
    make : callable
        Makes the circuit, with protection, from its parameters.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    zero = np.zeros((count, count), dtype=np.int64)
    net = Protected(make(OnnParams(weights=zero, weight_bits=weight_bits)))
    prover = Prover(net, net.fair)
    for some in grouped(("check bits", each) for each in net.claims()):
        yield prover.claim(*some)
    if not net.corrects:
        text = "flipped bits of words are corrected, if so protected (tests/hdl/test_protection.py compares them)"
        yield Claim("check bits", text, None, 0.0, tried=False)
    text = "a reset clears the counter of damaged words"
    cleared = Statement(text, net.of("rst", 0) == 1, net.of("memory_faults", 1) == 0)
    yield Prover(net, []).claim("check bits", [cleared])


def prove_network(params: OnnParams, parts: int = 1, readable: bool = False) -> Iterator[Claim]:
    """Prove what can be proved of a network: all of three oscillators, the same of up to 33, the memories of all.

    Parameters
    ----------
    params : OnnParams
        Word lengths and number of oscillators; the proof is for all weights.
    parts : int
        Clocks in which a column of weights is read.
    readable : bool
        Whether weights can be read back.

    Yields
    ------
    Claim
        Each claim, once it is decided. Its subject begins with the number of oscillators.
    """

    def make(given: OnnParams) -> Onn:
        return Onn(given, parts, readable)

    def said(count: int, claims: Iterator[Claim]) -> Iterator[Claim]:
        for each in claims:
            yield Claim(f"{count}: {each.subject}", *list(vars(each).values())[1:])

    lengths = params.weight_bits, params.phase_bits, make, params.noise_bits
    small, searched = min(params.count, 3), min(params.count, SEARCHED)
    yield from said(small, prove_onn(small, *lengths))
    if searched > small:
        yield from said(searched, prove_onn(searched, *lengths))
    if params.count > searched:
        yield from said(params.count, prove_weights(params.count, params.weight_bits, make))
