"""Proofs of oscillator networks, and that no broken one is proved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import neuristor.hdl.onn
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.noise import first_states
from neuristor.hdl.onn import Onn
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.proofs.claims import Claim, summary
from neuristor.sim.proofs.onn.golden import begun, sums, tick_after
from neuristor.sim.proofs.onn.inductive import Prover, VacuousError
from neuristor.sim.proofs.onn.invariants import Statement, amplitude_is_known, structure
from neuristor.sim.proofs.onn.network import Moment, Network
from neuristor.sim.proofs.onn.sums import adds_up, at_rest, offset
from neuristor.sim.proofs.onn_proof import prove_network, prove_onn, prove_protection, prove_weights
from tests.marks import the_rest_is_extended, the_rest_is_slow

NETWORKS = [
    # oscillators, bits of a weight, of a phase, of the noise; parts, readable
    (2, 2, 4, 0, 1, False),
    (3, 4, 4, 0, 1, False),
    (3, 4, 6, 2, 1, False),
    (3, 4, 4, 3, 2, True),
    (4, 3, 4, 1, 4, True),
    (3, 8, 4, 8, 1, False),
    (2, 1, 4, 4, 8, True),
    (3, 2, 8, 0, 1, False),
    (33, 3, 4, 0, 1, False),
    (40, 5, 4, 3, 2, True),
]


@pytest.mark.parametrize(
    ("count", "weight_bits", "phase_bits", "noise_bits", "parts", "readable"),
    the_rest_is_slow(NETWORKS, NETWORKS[:1], extended=[NETWORKS[1], NETWORKS[2], NETWORKS[4], NETWORKS[6]]),
)
def test_networks_are_the_golden_state_at_every_tick(
    count: int, weight_bits: int, phase_bits: int, noise_bits: int, parts: int, readable: bool
) -> None:
    claims = list(prove_onn(count, weight_bits, phase_bits, lambda p: Onn(p, parts, readable), noise_bits))
    assert [claim.text for claim in claims if claim.tried and not claim.proved] == []
    subjects = {claim.subject for claim in claims if claim.tried}
    assert subjects == {"invariants", "sums", "golden step", "outputs", "inputs", "progress", "weights"}
    untried = [claim.text.split(" (")[0] for claim in claims if not claim.tried]
    assert untried == ["a network whose weights have check bits is otherwise the same"]


@pytest.mark.parametrize(
    ("count", "weight_bits", "parts"),
    the_rest_is_slow([(18, 8, 2), (200, 5, 1), (130, 3, 8)], [(18, 8, 2)], extended=[(130, 3, 8)]),
)
def test_weights_go_where_they_belong_at_any_size(count: int, weight_bits: int, parts: int) -> None:
    claims = list(prove_weights(count, weight_bits, lambda p: Onn(p, parts, True)))
    assert summary(claims) is True
    assert len(claims) > 5


@pytest.mark.parametrize(
    ("count", "noise_bits", "parts"), the_rest_is_extended([(2, 0, 1), (3, 0, 1), (2, 1, 1), (2, 1, 2)], [(2, 0, 1)])
)
def test_the_terms_of_a_sum_add_up(count: int, noise_bits: int, parts: int) -> None:
    """What the proof concludes of sums by addition, for the solver to conclude."""
    zero = np.zeros((count, count), dtype=np.int64)
    net = Network(Onn(OnnParams(weights=zero, weight_bits=2, noise_bits=noise_bits), parts))
    before, after = Moment(net, 0), Moment(net, 1)
    fair = [before.of("rst") == 0, before.of("advance__payload.window") <= net.params.half]
    fair += [amplitude_is_known(before), amplitude_is_known(after)]
    prover = Prover(net, [*(each.bit for each in structure(before)), *fair])
    exact = [before.total[n] == sum_of + offset(before, n) for n, sum_of in enumerate(sums(net.weights, before.output))]
    for n in range(count):
        begins = before.within("OUTPUTS") & after.within("SEARCH")
        goes = adds_up(before, n) & ((before.within("OUTPUTS") | before.begins) == 0)
        rests = adds_up(before, n) & at_rest(before)
        for text, condition, result in (
            ("begins", begins, adds_up(after, n)),
            ("goes on", goes, adds_up(after, n)),
            ("is the sum", rests, exact[n]),
        ):
            assert prover.claim("sums", [Statement(text, condition, result)]).proved, text


@pytest.mark.parametrize(
    ("count", "weight_bits", "parts", "protection"),
    the_rest_is_extended([(3, 2, 1, "secded"), (18, 8, 2, "secded"), (18, 8, 2, "parity")], [(3, 2, 1, "secded")]),
)
def test_check_bits_are_right_and_damaged_words_are_counted(
    count: int, weight_bits: int, parts: int, protection: str
) -> None:
    claims = list(prove_protection(count, weight_bits, lambda p: Onn(p, parts, True, protection)))
    assert summary(claims) is True
    assert len(claims) == 6
    assert [claim.tried for claim in claims].count(False) == (count > 3)


PROTECTION_BUGS = {
    "words are counted that are not read": (
        "faults.append(memory.fault)",
        "faults.append(memory.fault | (self.tick == 7))",
        "each damaged word",
    ),
    "the counter wraps": ("Mux(total[32], 0xFFFF_FFFF, total)", "total", "each damaged word"),
    "nothing is counted at tick 7": (
        "count_ones(Cat(faults)))",
        "Mux(self.tick == 7, 0, count_ones(Cat(faults))))",
        "each",
    ),
}


@pytest.mark.parametrize("bug", the_rest_is_extended(PROTECTION_BUGS, []))
def test_a_wrong_counter_of_damaged_words_is_shown(bug: str) -> None:
    old, new, what = PROTECTION_BUGS[bug]
    made = broken(Bug(old, new, what, protection="parity"))
    false = [claim for claim in prove_protection(3, 2, made) if claim.proved is False]
    assert any(what in claim.text for claim in false)
    assert all(claim.counterexample for claim in false)


def test_a_signal_that_is_no_longer_used_is_an_error() -> None:
    made = broken(Bug("total.eq(self.memory_faults + count_ones(Cat(faults)))", "total.eq(0)", "", protection="parity"))
    with pytest.raises(ValueError, match="about a signal 'weights_0_was_read', which the circuit does not have or use"):
        list(prove_protection(3, 2, made))


def test_the_golden_tick_is_that_of_the_model() -> None:
    rng = np.random.default_rng(5)
    cases = ((2, 1, 4, 0), (3, 4, 4, 3), (20, 8, 6, 16), (32, 5, 4, 6), (75, 5, 4, 6))
    for count, weight_bits, phase_bits, noise_bits in cases:
        low, high = -(1 << weight_bits - 1), (1 << weight_bits - 1) - 1
        weights = rng.integers(low, high, (count, count), endpoint=True)
        params = OnnParams(weights=weights, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=noise_bits)
        phases = rng.integers(0, params.raw.period, count)
        model = OnnBitTrue(params, phases, seed=3)

        def total_of(outputs: Sequence[int], weights: np.ndarray = weights) -> list[int]:
            return sums(weights.tolist(), outputs)

        golden = begun(params, total_of, phases.tolist(), int(first_states(3, 1)[0]))
        visits, moved = 0, 0
        for _ in range(40):
            noise = int(rng.choice([0, (1 << noise_bits) - 1]))
            window = int(rng.choice([1, params.half - 1, params.half, params.half]))
            for _ in range(8):
                before = model.phase.copy()
                model.step(noise, window)
                moved += int((model.phase != before).any())
                golden, visited = tick_after(params, golden, total_of, noise, window)
                visits += visited
                assert golden.phase == model.phase[0].tolist()
                assert golden.output == model.output[0].tolist()
                assert golden.reference == model.reference[0].tolist()
                assert total_of(golden.output) == model.total[0].tolist()
                assert (golden.tick, golden.changed) == (model.tick, model.changed[0])
                assert (golden.toggles, visits) == (model.toggles[0], model.visits[0])
                if noise_bits:
                    assert golden.draw is not None
                    assert golden.draw.state == model.state[0]
        assert moved
        assert (visits < 320) == (count < 75)


def test_a_premise_that_cannot_be_met_is_an_error() -> None:
    net = Network(Onn(OnnParams(weights=np.zeros((2, 2), dtype=np.int64))))
    m = Moment(net, 0)
    busy = Statement("busy", m.on("busy"), m.of("tick") == 0)
    with pytest.raises(VacuousError, match="the claim says nothing, as its premise cannot be met: busy"):
        Prover(net, [m.on("idle")]).claim("network", [busy])
    with pytest.raises(VacuousError, match="cannot be met: idle"):
        Prover(net, [m.on("idle"), m.on("busy")]).claim("network", [Statement("idle", m.tick >= 0, m.on("idle"))])
    assert Prover(net, [m.on("idle")]).claim("network", [Statement("x", m.tick >= 0, m.of("busy") == 0)]).proved


def test_protected_weights_are_not_proved() -> None:
    made: list[Onn] = []

    def make(params: OnnParams) -> Onn:
        made.append(Onn(params, protection="parity"))
        to_rtlil(made[0])
        return made[0]

    with pytest.raises(ValueError, match="there is no proof of protected weights"):
        next(prove_onn(2, make=make))


@pytest.mark.slow
def test_the_proof_of_a_network_says_how_many_oscillators_it_is_about() -> None:
    claims = list(prove_network(OnnParams(weights=np.eye(50, dtype=np.int64)), parts=2, readable=True))
    assert summary(claims) is True
    assert {claim.subject.split(":")[0] for claim in claims} == {"3", "33", "50"}


class Bug:
    """A fault of the circuit, and a claim that is then false; `more` are the arguments of `prove_onn` and `Onn`."""

    def __init__(self, old: str, new: str, claim: str, noise: int = 0, **more: Any) -> None:
        self.old, self.new, self.claim, self.noise, self.more = old, new, claim, noise, more


def broken(bug: Bug) -> Callable[[OnnParams], Any]:
    source = inspect.getsource(neuristor.hdl.onn)
    assert source.count(bug.old) == 1, f"{bug.old!r} is {source.count(bug.old)} times in hdl/onn.py"
    space: dict[str, Any] = {"__name__": neuristor.hdl.onn.__name__}
    exec(compile(source.replace(bug.old, bug.new), bug.new, "exec", flags=0x1000000), space)  # annotations as text
    return lambda params: space["Onn"](params, **bug.more)


ALWAYS = "restarts.eq(~zero & ~negative & ~reference & ~rises & ~recent)"
ADDED = "columns and noise are added once each"
ZEROED = "(self.changed, self.toggles, s.moved, s.any_moved)"
BUGS = {
    # Ties.
    "a tie is taken as a rise": Bug(
        f"{ALWAYS},", "restarts.eq(~negative & ~reference & ~rises & ~recent),", "the golden state stays: phase"
    ),
    "a tie sets the reference to 0": Bug(
        "reference.eq((zero & reference) | (~zero & ~negative))",
        "reference.eq(~zero & ~negative)",
        "the golden state stays: output, reference",
    ),
    "the lowest sum counts as zero": Bug(
        "zero.eq(Cat(each == 0 for each in s.total))",
        "zero.eq(Cat(each[:-1] == 0 for each in s.total))",
        "`zero` marks the sums that are 0",
    ),
    # First comparison.
    "the first tie sets the reference to 0": Bug(
        "s.reference.eq(s.output)", "s.reference.eq(0)", "references are the outputs until the first comparison"
    ),
    "the first comparison sets phases": Bug(
        '                m.d.sync += s.idle.eq(1)\n                m.next = "IDLE"\n            with m.Else():\n'
        "                m.d.comb += s.compare.eq(1)",
        "                m.d.comb += s.compare.eq(1)\n                m.d.sync += s.idle.eq(1)\n"
        '                m.next = "IDLE"\n            with m.Else():\n                m.d.comb += s.compare.eq(1)',
        "outputs are those of the phases",
    ),
    "outputs are not set in all ticks of the first period": Bug(
        "self.tick.eq(1 - s.period)",
        "self.tick.eq(1 - s.half // 2)",
        "outputs follow phases from their first",
    ),
    # Addressing.
    "the column of a neighbour": Bug(
        "return Cat(bit, base), high",
        "return Cat(bit[0] ^ 1, bit[1:], base), high",
        ADDED,
    ),
    "phases of some oscillators are exchanged": Bug(
        "columns.eq(1 << self.phase.payload.oscillator[:5])",
        "columns.eq(1 << (self.phase.payload.oscillator[:5] ^ 1))",
        "each phase is the one that is loaded for it",
    ),
    "weights go to the next column": Bug(
        "Cat(part[:shift], place.column)",
        "Cat(part[:shift], place.column ^ 1)",
        "weights that are written replace those of their column",
        parts=2,
    ),
    "weights that were read back are changed": Bug(
        "words.append(memory.data)",
        "words.append(memory.data ^ 1)",
        "`seen` has the weights that were asked for",
        parts=2,
        readable=True,
    ),
    # Signs, and the lowest weight.
    "the lowest weight counts one more": Bug(
        "weight = read[slot].as_signed()",
        "weight = Mux(read[slot] == 1 << self.params.weight_bits - 1, read[slot].as_signed() + 1, "
        "read[slot].as_signed())",
        ADDED,
    ),
    "twice the lowest weight does not fit": Bug(
        "twice.eq(weight << 1)",
        "twice.eq((weight << 1)[: len(weight)].as_signed())",
        ADDED,
    ),
    "what is subtracted lacks its one": Bug(
        "Cat(carry, term).as_signed()) >> 1",
        "Cat(carry ^ carry, term).as_signed()) >> 1",
        ADDED,
    ),
    "all columns have the sign of the first output": Bug("high.bit_select(bit, 1)", "high[0]", ADDED),
    # Counters.
    "the outputs at the beginning count as toggles": Bug("s.issue & ~s.starting &", "s.issue &", "counters are 0"),
    "a toggle is counted once for each part": Bug(
        "s.issue & ~s.starting & (s.part == self.parts - 1)",
        "s.issue & ~s.starting",
        "while a tick is computed, and between ticks, the golden state stays: tick, toggles",
        parts=2,
    ),
    "the stream says the old output": Bug(
        "self.toggled.high.eq(sign)", "self.toggled.high.eq(~sign)", "`toggled` reports an output that toggles"
    ),
    "`changed` without a new phase": Bug(
        "with m.If(s.moved.any()):",
        "with m.If(s.moved.any() | (self.tick[:8] == 0)):",
        "`any_moved` says whether a phase was set",
    ),
    "toggles are counted on after `begin`": Bug(ZEROED, "(self.changed, s.moved, s.any_moved)", "counters are 0"),
    "`settled` a tick late": Bug("[:32] >= s.period)", "[:32] > s.period)", "`settled` says that no phase has changed"),
    # Skipped ticks.
    "a tick too many is skipped": Bug("number + 1, half", "number + 2, half", "the next tick to visit is the nearest"),
    "ticks in which outputs fall are forgotten": Bug(
        "with m.If(~(s.rises | s.falls).any()):", "with m.If(~s.rises.any()):", "the ticks of all phases are occupied"
    ),
    "the tick of a new phase is not visited again": Bug(
        "s.occupied.bit_select(s.place, 1).eq(1)", "s.any_moved.eq(1)", "the ticks of all phases are occupied"
    ),
    "a new phase counts as old in the next tick": Bug(
        "s.last | s.moved, 0", "s.last, 0", "`recent` marks a lead of one tick"
    ),
    "a rise counts as recent after skipped ticks": Bug(
        "s.recent.eq(Mux(c.distance == 1, s.last | s.moved, 0))",
        "s.recent.eq(s.last | s.moved)",
        "`recent` marks a lead of one tick",
    ),
    "a rise counts as recent after the end of a command": Bug(
        "self.tick.eq(self.tick + c.room), s.last.eq(0)",
        "self.tick.eq(self.tick + c.room)",
        "`last` and `moved` say which outputs rise",
    ),
    "the window ends a tick late": Bug(
        "c.sampling.eq(s.place < c.window)",
        "c.sampling.eq(s.place <= c.window)",
        "a tick that is not in the window is not compared",
    ),
    "ticks of the window are skipped": Bug(
        "Cat(asked.window > n for n", "Cat(asked.window > n + 1 for n", "`sampled` has the ticks of the window"
    ),
    # Handshake.
    "weights are accepted while busy": Bug(
        "self.weight.ready.eq(idle)", "self.weight.ready.eq(1)", "inputs are accepted while the network is idle"
    ),
    "phases are accepted while busy": Bug(
        "self.phase.valid & s.idle", "self.phase.valid", "each phase is the one that is loaded for it"
    ),
    "`advance` is accepted with `begin`, and dropped": Bug(
        "self.advance.ready.eq(idle & ~self.begin)",
        "self.advance.ready.eq(idle)",
        "inputs are accepted while the network is idle",
    ),
    "the end of a pass is waited for in vain": Bug(
        'm.If(~s.searching & ~s.adding):\n            m.next = "COMPARE"',
        'm.If(~s.searching & s.adding):\n            m.next = "COMPARE"',
        "each clock brings the next tick",
    ),
    "`settle` is noticed late": Bug(
        "Mux(c.settle & (until_settled < c.left), until_settled, c.left)", "c.left", "there are ticks to make"
    ),
    "a tick less than asked for": Bug(
        "c.left.eq(asked.ticks)", "c.left.eq(asked.ticks - 1)", "ticks, `settle`, noise and window are those"
    ),
    "no tick can be made": Bug(
        "c.distance.eq(Mux(s.any_moved, 1,",
        "c.distance.eq(Mux(s.any_moved, 0,",
        "the next tick to visit is the nearest",
    ),
    # Reset.
    "busy after a reset": Bug(
        "self.idle = Signal(init=1)", "self.idle = Signal(init=0)", "a reset leads from any state"
    ),
    "beginning after a reset": Bug(
        "self.starting = Signal()", "self.starting = Signal(init=1)", "a reset leads from any state"
    ),
    # Noise.
    "phases may always change": Bug(
        "& ~recent & noise.allowed)",
        "& ~recent & (noise.allowed | noise.allowed[0].replicate(len(noise.allowed))))",
        "the golden state stays: phase",
        2,
    ),
    "noise is not taken back": Bug(
        "noise.move.eq(1), noise.back.eq(1)", "noise.move.eq(1)", "noise is taken away after the comparison", 2
    ),
    "the largest amplitude is never drawn": Bug(
        "(self.most + 1) * state[16:]", "self.most * state[16:]", "the amplitude is that of the last draw", 2
    ),
    "all sums have the same noise": Bug(
        "self.signs.eq(Cat(after, self.signs))",
        "self.signs.eq(after[0].replicate(len(self.signs)))",
        "the golden state stays: noise",
        2,
    ),
    "the amplitude is not drawn": Bug(
        '                m.d.sync += state.eq(after)\n                m.next = "PRODUCT"',
        '                m.next = "PRODUCT"',
        "the golden state stays: noise",
        2,
    ),
    "the seed is ignored": Bug(
        "state.eq(self.seed), self.signs", "state.eq(1), self.signs", "`begin` leads to the golden state", 2
    ),
    "noise of another part": Bug(
        "which[1].eq(Mux(noise.move, part, which[0]))",
        "which[1].eq(which[0])",
        ADDED,
        2,
        parts=2,
    ),
}
QUICK = ["a tie is taken as a rise", "the first tie sets the reference to 0", "the lowest weight counts one more"]


@pytest.mark.parametrize("bug", the_rest_is_slow(BUGS, QUICK, extended=list(BUGS)[::4]))
def test_a_bug_is_shown_by_a_counterexample(bug: str) -> None:
    fault = BUGS[bug]
    count = 3 if fault.more else 2
    false: list[Claim] = []
    for claim in prove_onn(count, 3, 4, broken(fault), fault.noise):
        assert claim.proved is not None or not claim.tried, claim
        if claim.proved is False:
            false.append(claim)
            assert claim.counterexample[0].startswith("weights [[")
            assert [line.split(":")[0] for line in claim.counterexample[1:]] == ["clock 0", "clock 1"]
            if fault.claim in claim.text:
                return
    raise AssertionError([claim.text for claim in false])


def test_weights_for_a_chunk_that_does_not_exist_change_nothing() -> None:
    fault = Bug("number.eq(per_part)  # a chunk", "number.eq(0)  # a chunk", "", parts=2)
    false = [claim.text for claim in prove_weights(18, 8, broken(fault)) if claim.proved is False]
    assert false[:1] == ["no other weights change"]
