"""Delay lines are read as shift registers, if and only if they are proved to be delay lines."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from neuristor.hdl.delay import CLOCKS, DelayLines
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.netlists.netlist import read_circuit
from neuristor.sim.netlists.words import Graph
from neuristor.sim.proofs.delay_lines import delay_lines, with_registers


class Chain(Component):
    """Two lines in a row, and one of some bits beside them."""

    def __init__(self) -> None:
        super().__init__({"given": In(12), "enable": In(1), "twice": Out(12), "once": Out(5)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.delay_0 = lines = DelayLines([12, 12, 5])
        m.d.comb += [
            lines.enable.eq(self.enable),
            lines.given[0].eq(self.given),
            lines.given[1].eq(lines.delayed[0]),
            lines.given[2].eq(self.given[3:8]),
            self.twice.eq(lines.delayed[1]),
            self.once.eq(lines.delayed[2]),
        ]
        return m


def test_a_delay_line_is_a_shift_register() -> None:
    text = to_rtlil(Chain())
    assert delay_lines(text) == {"top.delay_0": True}
    graph, stalled = Graph(), (3, 20, 21)

    def given(name: str, clock: int) -> int | str:
        return int(clock not in stalled) if name == "enable" else f"{name}@{clock}"

    circuit = read_circuit(graph, with_registers(text), "top", given)
    assert not circuit.memories
    moving = [clock for clock in range(60) if clock not in stalled]
    for taken in (0, 5, 19):
        came, later = moving[taken + CLOCKS], moving[taken + 2 * CLOCKS]
        word = graph.input(f"given@{moving[taken]}", 12)
        assert circuit.signal("once", came) == graph.slice(word, 3, 5)
        assert circuit.signal("twice", later) == word


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("connect \\EN { \\enable [0] \\enable [0]", "connect \\EN { \\rst [0] \\enable [0]"),
        ("connect \\B 1'1\n", "connect \\B 1'0\n"),
        (
            "connect \\ADDR \\row [3:0]\n    connect \\DATA \\read__data",
            "connect \\ADDR 4'0000\n    connect \\DATA \\read__data",
        ),
        ("assign $3 [11:0] \\read__data [11:0]", "assign $3 [11:0] { \\read__data [10:0] \\read__data [11] }"),
        ("\\memory_0", "\\other_memory"),
    ],
    ids=["a bit is written at a reset", "one row only", "reads row 0", "bits exchanged", "another name"],
)
def test_another_circuit_stays_as_it_is(sound: str, broken: str) -> None:
    text = to_rtlil(Chain())
    assert sound in text
    wrong = text.replace(sound, broken)
    assert delay_lines(wrong) == {"top.delay_0": False}
    assert with_registers(wrong) == wrong


def test_a_circuit_without_delay_lines_stays_as_it_is() -> None:
    text = to_rtlil(DelayLines([3]))
    assert with_registers(text) == text
    assert not delay_lines(text)
