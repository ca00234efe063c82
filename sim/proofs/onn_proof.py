"""Proofs of small oscillator networks, for all weights, states, ticks and inputs.

Everything is proved by induction over clocks: invariants hold after a reset, and from one clock to the next; the claims
follow from them (``neuristor.sim.proofs.onn.invariants`` and ``claims``). They say that

* **the golden state** that the registers stand for is set by `begin` and changes by golden ticks only: the function of
  an oscillator is that of ``golden_model`` itself, on symbolic integers; a tick that is skipped changes nothing;
* **outputs**: what can be read is the golden state, in every state of the controller or at the end of a command;
* **inputs** are used where they are accepted, and have no effect while the network is busy;
* **progress**: commands end after a bounded number of clocks.

A premise that cannot be met is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from neuristor.golden_model.networks.onn import OnnParams
from neuristor.hdl.onn import Onn
from neuristor.sim.netlists.words import Word
from neuristor.sim.proofs.claims import Claim, Stopwatch, all_of, holds
from neuristor.sim.proofs.onn.claims import Step, golden_claims, input_claims, progress_claims, readable_claims
from neuristor.sim.proofs.onn.inductive import Prover, counterexample
from neuristor.sim.proofs.onn.invariants import meaning, structure
from neuristor.sim.proofs.onn.memory import memory_claims, unaffected
from neuristor.sim.proofs.onn.network import Moment, Network

__all__ = ["prove_onn"]


def prove_onn(
    count: int = 3,
    weight_bits: int = 4,
    phase_bits: int = 4,
    make: Callable[[OnnParams], Onn] = Onn,
    noise_bits: int = 0,
) -> Iterator[Claim]:
    """Prove a network, claim by claim.

    A ``ValueError`` is raised if the network has more than 32 oscillators or protected weights. A ``VacuousError`` is
    raised if the premise of a claim cannot be met.

    Parameters
    ----------
    count : int
        Number of oscillators, 2 to 32.
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
    """
    zero = np.zeros((count, count), dtype=np.int64)
    params = OnnParams(weights=zero, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=noise_bits)
    net = Network(make, params)
    graph, clock = net.graph, Stopwatch()
    before, after = Moment(net, 0), Moment(net, 1)
    begun, pure = (Word.of(graph, graph.input(name, 1), False) for name in ("begun", "pure"))
    loads = before.within("IDLE") & before.on("phase__valid")
    window, noise = before.of("advance__payload.window"), 0
    if noise_bits:
        noise = before.of("advance__payload.noise")
    anneals = before.within("IDLE") & before.on("advance__valid") & ((window != params.half) | (noise != 0))
    later = (begun & (loads == 0)) | before.begins
    later_pure = (pure & (anneals == 0)) | before.begins
    now, then = structure(before), structure(after)
    small = count <= SMALL
    sums, sums_then = [], []
    if small:
        sums = [each._replace(condition=each.condition & (begun == 1)) for each in meaning(before, pure)]
        sums_then = [each._replace(condition=each.condition & (later == 1)) for each in meaning(after, later_pure)]
    fair = [before.of("rst") == 0, window <= params.half]
    prover = Prover(net, [*(each.bit for each in (*now, *sums)), *fair])
    for each in (*then, *sums_then):
        yield prover.claim("invariants", each)
    reset = before.of("rst") == 1
    counters = [after.of(name) == 0 for name in ("tick", "changed", "toggles", "settled")]
    fresh = all_of([*(each.bit for each in then), after.within("IDLE"), *counters])
    answer = holds(graph, [reset.number], fresh.number)
    lines = counterexample(net, answer) if answer.proved is False else ()
    text = "a reset leads from any state to one in which all invariants hold: IDLE, and all counters 0"
    yield Claim("invariants", text, answer.proved, clock.lap(), lines)
    step = Step(before, after, begun, later, pure)
    for claims in (*((golden_claims,) if small else ()), readable_claims, input_claims, progress_claims):
        for subject, each in claims(step):
            yield prover.claim(subject, each)
    yield prover.claim("inputs", unaffected(net, before))
    for each in memory_claims(net, before):
        yield prover.claim("weights", each)
    for text in (*(() if small else NOT_OF_LARGE), *NOT_TRIED):
        yield Claim("network", text, None, 0.0, tried=False)


SMALL = 8
"""Largest number of oscillators of which sums and golden state are proved."""
NOT_OF_LARGE = (
    f"sums and golden state of more than {SMALL} oscillators (proved of 3; `neuristor onn verify` compares them)",
)
"""What is not tried of larger networks."""
NOT_TRIED = (
    "check bits of weights, and the counter `memory_faults` (tests/hdl/test_protection.py compares them)",
)
"""What there is no proof of, with who compares it."""

