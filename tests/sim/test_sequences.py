"""Circuits that no sequence of inputs tells apart are proved to be so; others never are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.memory import Memory

from sim.sequences import same_from_start


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
