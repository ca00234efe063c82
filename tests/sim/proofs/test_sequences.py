"""Circuits that no sequence of inputs tells apart are proved to be so; others never are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.memory import Memory

from neuristor.golden_model.networks.snn import INPUT, Layer, Network, Neurons, Words, quantized
from neuristor.hdl.snn import Snn
from neuristor.sim.faults.network_mutants import SnnDesk, ticks_under_way
from neuristor.sim.proofs.sequences import Watch, same_from_start
from tests.hdl.test_snn import projected
from tests.marks import the_rest_is_extended


def circuit(change: Callable[[Module, Signal, Signal], None] | None = None, begin: int = 0, word: int = 5) -> str:
    """A counter to 5 that reads a memory of eight words; `change` alters it."""
    m = Module()
    go, write, given, out = Signal(), Signal(), Signal(4), Signal(4)
    count = Signal(3, init=begin)
    m.submodules.memory = memory = Memory(shape=4, depth=8, init=[3, 1, 4, 1, word, 9, 2, 6])
    reads, writes = memory.read_port(domain="comb"), memory.write_port()
    with m.If(go):
        m.d.sync += count.eq(Mux(count == 5, 0, count + 1))
    m.d.comb += [
        reads.addr.eq(count),
        out.eq(reads.data),
        writes.addr.eq(count),
        writes.en.eq(write),
        writes.data.eq(given),
    ]
    if change is not None:
        change(m, count, out)
    return rtlil.convert(m, ports=[go, write, given, out], name="top")


def beyond(m: Module, count: Signal, out: Signal) -> None:
    with m.If(count == 6):  # never
        m.d.comb += out.eq(0)


def late(m: Module, count: Signal, out: Signal) -> None:
    with m.If(count == 5):
        m.d.comb += out.eq(0)


def caught(m: Module, count: Signal, out: Signal) -> None:
    with m.If(count > 5):  # from states that never come, another way on
        m.d.sync += count.eq(2)


@pytest.mark.parametrize("change", [None, beyond, caught])
def test_what_differs_in_states_that_never_come_is_the_same(
    change: Callable[[Module, Signal, Signal], None] | None,
) -> None:
    assert same_from_start(circuit(), circuit(change))


@pytest.mark.parametrize(
    "other", [lambda: circuit(late), lambda: circuit(begin=1), lambda: circuit(word=6)], ids=["late", "begin", "word"]
)
def test_what_can_be_told_apart_is_never_proved(other: Callable[[], str]) -> None:
    assert not same_from_start(circuit(), other())


def test_who_is_not_patient_proves_nothing() -> None:
    assert not same_from_start(circuit(), circuit(beyond), patience=1e-4)


def two_counters(never: bool = False) -> str:
    """One goes up when the other goes down, and back; they are never 100 and 228."""
    m = Module()
    go, back, out = Signal(), Signal(), Signal()
    up = Signal(8)
    down = Signal(8, init=200)
    with m.If(go & (down != 0)):
        m.d.sync += [up.eq(up + 1), down.eq(down - 1)]
    with m.Elif(back & (up != 0)):
        m.d.sync += [up.eq(up - 1), down.eq(down + 1)]
    m.d.comb += out.eq(up[0] ^ ((up == 100) & (down == 228)) if never else up[0])
    return rtlil.convert(m, ports=[go, back, out], name="top")


def sum_is(value: int) -> Watch:
    watch = Watch()
    watch.broken = watch.see("up", 8) + watch.see("down", 8) != value
    return watch


def test_what_a_watch_says_helps_and_is_proved_too() -> None:
    assert not same_from_start(two_counters(), two_counters(never=True))
    assert same_from_start(two_counters(), two_counters(never=True), watches=[sum_is(200)])
    assert not same_from_start(two_counters(), two_counters(), watches=[sum_is(201)])
    assert not same_from_start(two_counters(), two_counters(), watches=[sum_is(200), sum_is(201)])


def hears_itself(delay: int, first: bool, lanes: int, updates: int = 0) -> Snn:
    projections = [projected(INPUT, 4, 3), projected(0, 4, 4, delay, mean=0.0)]
    layers = (
        Layer(
            name="alone",
            shape=(4,),
            neurons=Neurons(count=4, tau=8.0),
            projections=tuple(projections[::-1] if first else projections),
        ),
    )
    return Snn(quantized(Network(dt=1.0, input_shape=(3,), layers=layers), Words(3, 5, level=0.5)), [lanes], [updates])


@pytest.mark.parametrize(
    ("delay", "first", "lanes", "updates"),
    the_rest_is_extended([(1, False, 2, 0), (2, True, 1, 0), (3, False, 4, 2), (1, True, 4, 4)], [(2, True, 1, 0)]),
)
def test_as_many_ticks_are_under_way_to_itself_as_spikes_are_late(
    delay: int, first: bool, lanes: int, updates: int
) -> None:
    snn = hears_itself(delay, first, lanes, updates)
    text = rtlil.convert(SnnDesk(snn), name="top", emit_src=False)
    watches = ticks_under_way(snn)
    assert len(watches) == 1
    assert same_from_start(text, text, watches=watches)


@pytest.mark.extended
def test_a_tick_too_many_under_way_is_noticed() -> None:
    snn, later = hears_itself(2, False, 2), hears_itself(3, False, 2)
    watches = ticks_under_way(snn)
    text, late = (rtlil.convert(SnnDesk(each), name="top", emit_src=False) for each in (snn, later))
    assert same_from_start(text, text, watches=watches)
    assert not same_from_start(late, late, watches=watches)
