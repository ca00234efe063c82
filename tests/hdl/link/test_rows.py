"""Rows of any width behind a window of words."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from neuristor.hdl.link.registers import Registers
from neuristor.hdl.link.rows import RowWindow, connect_rows, row_words, words_of
from neuristor.hdl.row_port import RowPort

SIZES = [(1, 1), (1, 5), (31, 3), (32, 1), (32, 4), (33, 3), (63, 2), (64, 2), (65, 3), (96, 2), (97, 1), (130, 3)]


class Bench:
    """A window on rows that come after some clocks."""

    def __init__(self, width: int, rows: int, seed: int) -> None:
        self.window, self.width, self.draw = RowWindow(width, rows), width, random.Random(seed)
        self.rows = [self.draw.getrandbits(width) for _ in range(rows)]
        self.reads = self.writes = 0
        self.ctx: Any = None

    def run(self, script: Any) -> None:
        simulator = Simulator(self.window)
        simulator.add_clock(1e-6)

        async def testbench(ctx: Any) -> None:
            self.ctx = ctx
            await script()

        simulator.add_testbench(testbench)
        simulator.add_testbench(self._memory, background=True)
        simulator.run()

    async def _memory(self, ctx: Any) -> None:
        window, pending, wait = self.window, -1, 0
        while True:
            ctx.set(window.arrived, 0)
            ctx.set(window.data, self.draw.getrandbits(self.width))
            if pending >= 0:
                if wait == 0:
                    ctx.set(window.arrived, 1)
                    ctx.set(window.data, self.rows[pending])
                    pending = -1
                wait -= 1
            if ctx.get(window.read):
                assert pending < 0, "a row is asked for once"
                assert not ctx.get(window.busy)
                pending, wait = ctx.get(window.row), self.draw.randrange(4)
                self.reads += 1
            if ctx.get(window.write):
                assert not ctx.get(window.busy)
                self.rows[ctx.get(window.row)] = ctx.get(window.given)
                self.writes += 1
            await ctx.tick()

    async def ask(self, address: int, given: int | None = None) -> int | None:
        """A request; what is read, or 0; None if it is refused."""
        ctx, port = self.ctx, self.window.window
        ctx.set(port.address, address)
        ctx.set(port.write, given is not None)
        ctx.set(port.given, given or 0)
        ctx.set(port.request, 1)
        for _ in range(20):
            # the memory's testbench comes second in a clock: what it sets is seen in the next look
            await ctx.delay(1e-8)
            done, refused, data = (ctx.get(part) for part in (port.done, port.refused, port.data))
            await ctx.tick()
            if done or refused:
                break
        else:
            raise AssertionError("no answer")
        assert not (done and refused)
        ctx.set(port.request, 0)
        if self.draw.random() < 0.5:
            await ctx.tick()
        return None if refused else 0 if given is not None else data


@pytest.mark.parametrize(("width", "rows"), SIZES)
def test_rows_come_and_go_in_words_lowest_first(width: int, rows: int) -> None:
    bench = Bench(width, rows, seed=width)
    step = row_words(width)
    model = words_of(bench.rows, width)
    assert bench.window.words == len(model) == step * rows

    async def script() -> None:
        for address, word in enumerate(model):
            assert await bench.ask(address) == word
        for _ in range(30):
            row, new = bench.draw.randrange(rows), bench.draw.getrandbits(width)
            for part, word in enumerate(words_of([new], width)):
                assert await bench.ask(step * row + part, word) == 0
            model[step * row : step * row + step] = words_of([new], width)
            other = bench.draw.randrange(len(model))
            assert await bench.ask(other) == model[other]

    bench.run(script)
    assert words_of(bench.rows, width) == model
    assert bench.writes == 30
    assert bench.reads == len(model) + 30


@pytest.mark.parametrize(("width", "rows"), [(20, 4), (32, 2), (33, 3), (100, 2)])
def test_while_the_memory_is_in_use_everything_is_refused_and_nothing_changes(width: int, rows: int) -> None:
    bench = Bench(width, rows, seed=width)
    before = list(bench.rows)

    async def script() -> None:
        for address in range(bench.window.words):
            bench.ctx.set(bench.window.busy, 1)
            assert await bench.ask(address) is None
            assert await bench.ask(address, 0) is None
            bench.ctx.set(bench.window.busy, 0)
            assert await bench.ask(address) == words_of(before, width)[address]

    bench.run(script)
    assert bench.rows == before
    assert bench.writes == 0


def test_only_the_last_word_writes_the_row_and_what_was_staged_before_is_in_it() -> None:
    bench = Bench(70, 2, seed=1)
    before = list(bench.rows)

    async def script() -> None:
        assert await bench.ask(0, 0x1111_1111) == 0
        assert await bench.ask(1, 0x2222_2222) == 0
        assert bench.rows == before
        assert await bench.ask(4 + 1, 0x3333_3333) == 0  # the same place of another row
        assert await bench.ask(4 + 2, 0xFFFF_FFFF) == 0
        assert bench.rows == [before[0], 0x3F << 64 | 0x3333_3333 << 32 | 0x1111_1111]
        assert await bench.ask(3, 0xFFFF_FFFF) == 0  # beyond the words that a row needs
        assert await bench.ask(3) == 0
        assert bench.rows[0] == before[0]

    bench.run(script)


@pytest.mark.parametrize(
    ("width", "words"), [(1, 1), (32, 1), (33, 2), (64, 2), (65, 4), (128, 4), (129, 8), (256, 8), (257, 16)]
)
def test_a_row_has_a_power_of_two_of_words(width: int, words: int) -> None:
    assert row_words(width) == words
    row = random.Random(width).getrandbits(width)
    made = words_of([row, 1], width)
    assert made[words:] == [1, *[0] * (words - 1)]
    assert sum(word << 32 * n for n, word in enumerate(made[:words])) == row


class Behind(wiring.Component):
    """Registers, a window and a memory of rows that has data a clock after it is asked."""

    def __init__(self, width: int, rows: int) -> None:
        self.rows = RowWindow(width, rows)
        self.registers = Registers([self.rows.entry("rows", "")])
        super().__init__({"port": Out(RowPort(width, rows)), "busy": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.registers = self.registers
        busy = Signal()
        m.d.comb += busy.eq(self.busy)
        connect_rows(m, self.registers, self.rows, "rows", self.port, busy)
        return m


@pytest.mark.parametrize(("width", "rows"), [(20, 4), (70, 3)])
def test_rows_are_behind_the_bus(width: int, rows: int) -> None:
    behind, draw = Behind(width, rows), random.Random(width)
    kept = [draw.getrandbits(width) for _ in range(rows)]
    bus, port = behind.registers.bus, behind.port

    async def memory(ctx: Any) -> None:
        while True:
            read, row = ctx.get(port.read), ctx.get(port.address)
            if ctx.get(port.write):
                kept[row] = ctx.get(port.given)
            await ctx.tick()
            ctx.set(port.data, kept[row] if read else draw.getrandbits(width))

    async def ask(ctx: Any, address: int, given: int | None = None) -> int | None:
        for part, value in (("cyc", 1), ("stb", 1), ("sel", 0xF), ("adr", address), ("dat_w", given or 0)):
            ctx.set(getattr(bus, part), value)
        ctx.set(bus.we, given is not None)
        for _ in range(10):
            await ctx.tick()
            if ctx.get(bus.ack) or ctx.get(bus.err):
                break
        else:
            raise AssertionError("no answer")
        found = None if ctx.get(bus.err) else ctx.get(bus.dat_r) if given is None else 0
        await ctx.tick()
        ctx.set(bus.stb, 0)
        return found

    async def testbench(ctx: Any) -> None:
        step = row_words(width)
        for row in range(rows):
            new = draw.getrandbits(width)
            for part, word in enumerate(words_of([new], width)):
                assert await ask(ctx, step * row + part, word) == 0
            assert kept[row] == new
        words = words_of(kept, width)
        for address in draw.sample(range(len(words)), len(words)):
            assert await ask(ctx, address) == words[address]
            ctx.set(behind.busy, 1)
            assert await ask(ctx, address) is None
            assert await ask(ctx, address, 0) is None
            ctx.set(behind.busy, 0)
        assert await ask(ctx, len(words)) is None
        assert words_of(kept, width) == words

    simulator = Simulator(behind)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.add_testbench(memory, background=True)
    simulator.run()
