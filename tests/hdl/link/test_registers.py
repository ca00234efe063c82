"""The map of registers against a dict: every right of access, parts of words, gaps, and windows that wait."""

from __future__ import annotations

import gc
import random
from functools import partial
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from neuristor.hdl.link.frames import ADDRESS_BITS
from neuristor.hdl.link.registers import Entry, Registers, layout

LAST = (1 << ADDRESS_BITS) - 1
MAP = (
    Entry(name="plain", access="read", meaning=""),
    Entry(name="order", access="write", bits=2, meaning=""),
    Entry(name="narrow", access="read and write", bits=5, init=19, meaning=""),
    Entry(name="wide", access="read and write", init=0x8000_0001, meaning=""),
    Entry(name="bit", access="read and write", bits=1, meaning=""),
    Entry(name="sink", access="write", meaning="", window=True),
    Entry(name="source", access="read", meaning="", window=True),
    Entry(name="odd", access="read and write", words=5, meaning="", window=True),
    Entry(name="full", access="read and write", words=16, meaning="", window=True),
    Entry(name="shown", access="read", words=3, meaning="", window=True),
    Entry(name="hidden", access="write", words=2, meaning="", window=True),
)
WINDOWS = [each for each in MAP if each.window]


class Done(NamedTuple):
    """How a transfer ended."""

    refused: bool
    data: int | None
    """Of a read that was not refused."""
    clocks: int


class Bench:
    """Registers with windows behind them that wait for a random time, or refuse."""

    def __init__(self, seed: int, entries: tuple[Entry, ...] = MAP, *, slow: bool = True) -> None:
        self.registers, self.draw, self.slow = Registers(entries), random.Random(seed), slow
        self.windows = {each.name: {n: n * 7 for n in range(each.words)} for each in entries if each.window}
        self.refuses: set[str] = set()
        """Windows that do."""
        self.log: list[tuple[str, int, int]] = []
        """Of each request that a window carried out: its name, whether it writes, address."""
        self.written = dict.fromkeys((each.name for each in entries if not each.window and each.access != "read"), 0)
        """Clocks with `NAME__written`."""
        self.ctx: Any = None

    def run(self, script: Any) -> None:
        simulator = Simulator(self.registers)
        simulator.add_clock(1e-6)

        async def testbench(ctx: Any) -> None:
            self.ctx = ctx
            await script()

        simulator.add_testbench(testbench)
        for name in self.windows:
            simulator.add_testbench(partial(self._answer, name), background=True)
        simulator.add_testbench(self._watch, background=True)
        simulator.run()

    async def _watch(self, ctx: Any) -> None:
        while True:
            await ctx.tick()
            for name in self.written:
                self.written[name] += ctx.get(getattr(self.registers, f"{name}__written"))

    async def _answer(self, name: str, ctx: Any) -> None:
        window, words = getattr(self.registers, name), self.windows[name]
        while True:
            if not ctx.get(window.request):
                await ctx.tick()
                continue
            asked = [ctx.get(part) for part in (window.write, window.address, window.given)]
            for _ in range(self.draw.randrange(6) if self.slow else 0):
                await ctx.tick()
                assert ctx.get(window.request), "a request stays until it is answered"
                assert asked == [ctx.get(part) for part in (window.write, window.address, window.given)]
            write, address, given = asked
            if name in self.refuses:
                ctx.set(window.refused, 1)
            else:
                self.log.append((name, write, address))
                if write:
                    words[address] = given
                ctx.set(window.data, words[address])
                ctx.set(window.done, 1)
            await ctx.tick()
            ctx.set(window.refused, 0)
            ctx.set(window.done, 0)
            ctx.set(window.data, 0xDEAD_BEEF)

    async def ask(self, address: int, given: int | None = None, sel: int = 0xF) -> Done:
        """A transfer; it ends once, and nothing else happens."""
        ctx, bus = self.ctx, self.registers.bus
        ctx.set(bus.cyc, 1)
        ctx.set(bus.stb, 1)
        ctx.set(bus.we, given is not None)
        ctx.set(bus.adr, address)
        ctx.set(bus.dat_w, given or 0)
        ctx.set(bus.sel, sel)
        clocks = 0
        while not (ctx.get(bus.ack) or ctx.get(bus.err)):
            await ctx.tick()
            clocks += 1
            assert clocks < 30, "no answer"
        refused, data = ctx.get(bus.err), ctx.get(bus.dat_r)
        assert refused != ctx.get(bus.ack)
        await ctx.tick()  # the master is told: it may ask at once, or leave
        if self.draw.random() < 0.5:
            for part in (bus.cyc, bus.stb):
                ctx.set(part, 0)
                ctx.set(bus.adr, self.draw.randrange(LAST))
            for _ in range(self.draw.randrange(3)):
                assert not ctx.get(bus.ack)
                assert not ctx.get(bus.err)
                await ctx.tick()
        return Done(bool(refused), None if refused or given is not None else data, clocks)


def places() -> dict[int, tuple[Entry, int]]:
    """What stands at each address where there is something."""
    addresses = layout(MAP)
    return {addresses[each.name] + n: (each, n) for each in MAP for n in range(each.words)}


@pytest.mark.parametrize("seed", range(3))
def test_reads_and_writes_give_what_a_dict_gives(seed: int) -> None:
    bench = Bench(seed)
    draw, registers, there = random.Random(seed + 100), bench.registers, places()
    values = {each.name: each.init for each in MAP if not each.window}
    words = {each.name: {n: n * 7 for n in range(each.words)} for each in WINDOWS}
    written = dict.fromkeys(bench.written, 0)
    log: list[tuple[str, int, int]] = []
    seen = set()

    async def script() -> None:
        for _ in range(700):
            values["plain"] = draw.getrandbits(32)
            bench.ctx.set(registers.plain, values["plain"])
            bench.refuses = {each.name for each in WINDOWS if draw.random() < 0.2}
            address = draw.randrange(max(there) + 8) if draw.random() < 0.97 else draw.randrange(LAST + 1)
            given = draw.getrandbits(32) if draw.random() < 0.5 else None
            sel = 0xF if draw.random() < 0.9 else draw.randrange(15)
            entry, place = there.get(address, (None, 0))
            right = "read" if given is None else "write"
            allowed = entry is not None and right in entry.access and sel == 0xF
            if entry is not None and entry.window and entry.name in bench.refuses:
                allowed = False
            done = await bench.ask(address, given, sel)
            seen.add((entry.name if entry else None, right, allowed))
            assert done.refused == (not allowed), (address, entry, right, sel)
            if entry is None or not entry.window or sel != 0xF or right not in entry.access:
                assert done.clocks == 1
            if not allowed or entry is None:
                continue
            if entry.window:
                log.append((entry.name, int(given is not None), place))
            if given is None:
                assert done.data == (words[entry.name][place] if entry.window else values[entry.name])
            elif entry.window:
                words[entry.name][place] = given
            else:
                values[entry.name] = given & ((1 << entry.bits) - 1)
                written[entry.name] += 1

        bench.ctx.set(registers.bus.stb, 0)
        for _ in range(3):
            await bench.ctx.tick()
        for each in MAP:
            if not each.window and each.access != "read":
                assert bench.ctx.get(getattr(registers, f"{each.name}__value")) == values[each.name]

    bench.run(script)
    assert bench.log == log
    assert bench.windows == words
    assert bench.written == written
    assert {(each.name, right, right in each.access) for each in MAP for right in ("read", "write")} <= seen


def test_every_part_of_a_word_is_refused_everywhere() -> None:
    bench = Bench(1)

    async def script() -> None:
        for address in (*range(max(places()) + 3), LAST):
            for sel in range(15):
                for word in (None, 0x5555_5555):
                    assert await bench.ask(address, word, sel) == Done(True, None, 1)
        for name, init in (("order", 0), ("narrow", 19), ("wide", 0x8000_0001), ("bit", 0)):
            assert bench.ctx.get(getattr(bench.registers, f"{name}__value")) == init

    bench.run(script)
    assert bench.log == []
    assert set(bench.written.values()) == {0}


def test_a_value_is_new_in_the_clock_in_which_it_is_said_to_be_written() -> None:
    bench = Bench(2)
    registers, address = bench.registers, layout(MAP)["wide"]

    async def script() -> None:
        ctx, bus = bench.ctx, registers.bus
        for word in (5, 5, 6):
            for part, value in (("cyc", 1), ("stb", 1), ("we", 1), ("adr", address), ("dat_w", word), ("sel", 0xF)):
                ctx.set(getattr(bus, part), value)
            assert not ctx.get(registers.wide__written)
            await ctx.tick()
            assert (ctx.get(registers.wide__written), ctx.get(registers.wide__value)) == (1, word)
            ctx.set(bus.stb, 0)
            await ctx.tick()
            assert not ctx.get(registers.wide__written)

    bench.run(script)


@pytest.mark.parametrize("part", ["cyc", "stb"])
def test_without_cyc_or_stb_nothing_is_asked(part: str) -> None:
    bench = Bench(3)

    async def script() -> None:
        ctx, bus = bench.ctx, bench.registers.bus
        ctx.set(bus.cyc, 1)
        ctx.set(bus.stb, 1)
        ctx.set(getattr(bus, part), 0)
        ctx.set(bus.we, 1)
        ctx.set(bus.sel, 0xF)
        for address in range(max(places()) + 2):
            ctx.set(bus.adr, address)
            for _ in range(3):
                await ctx.tick()
                assert not ctx.get(bus.ack)
                assert not ctx.get(bus.err)

    bench.run(script)
    assert bench.log == []
    assert set(bench.written.values()) == {0}


@pytest.mark.parametrize(
    "entries",
    [
        (Entry(name="only", access="read and write", meaning=""),),
        (Entry(name="only", access="read and write", words=1, meaning="", window=True),),
        (Entry(name="only", access="read and write", words=3, meaning="", window=True),),
    ],
)
def test_maps_of_one_entry(entries: tuple[Entry, ...]) -> None:
    bench = Bench(4, entries)

    async def script() -> None:
        (entry,) = entries
        for address in range(entry.words + 2):
            inside = address < entry.words
            assert (await bench.ask(address, 7 * address + 3)).refused == (not inside)
            assert (await bench.ask(address)).data == (7 * address + 3 if inside else None)

    bench.run(script)


entry_lists = st.lists(
    st.tuples(st.sampled_from(("read", "write", "read and write")), st.integers(1, 5000), st.booleans()),
    min_size=1,
    max_size=30,
).map(
    lambda rows: [
        Entry(name=f"e{n}", access=access, words=words if window else 1, window=window, meaning="")
        for n, (access, words, window) in enumerate(rows)
    ]
)


@settings(max_examples=200, deadline=None)
@given(entry_lists)
def test_no_two_entries_share_an_address_and_windows_stand_at_multiples_of_their_size(entries: list[Entry]) -> None:
    addresses = layout(entries)
    taken: set[int] = set()
    for each in entries:
        here = range(addresses[each.name], addresses[each.name] + (1 << each.address_bits))
        assert addresses[each.name] % len(here) == 0
        assert each.words <= len(here) < 2 * each.words
        assert taken.isdisjoint(here)
        taken.update(here)
    registers = [each.name for each in entries if not each.window]
    assert [addresses[name] for name in registers] == list(range(len(registers)))


def test_the_table_is_in_the_order_of_addresses() -> None:
    registers = Registers(MAP)
    table = registers.table()
    assert [address for address, _ in table] == sorted(registers.addresses.values())
    assert {each.name: address for address, each in table} == layout(MAP)
    Simulator(registers)


def test_the_whole_range_of_addresses_may_be_used_and_no_more() -> None:
    half = Entry(name="a", access="read", words=1 << ADDRESS_BITS - 1, meaning="", window=True)
    more = Entry(name="b", access="read", words=1 << ADDRESS_BITS - 1, meaning="", window=True)
    one = Entry(name="c", access="read", meaning="")
    assert layout([half, more]) == {"a": 0, "b": 1 << ADDRESS_BITS - 1}
    with pytest.raises(ValueError, match=f"the registers need {3 << ADDRESS_BITS - 1} addresses, and there are"):
        layout([one, half, more])


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
def test_two_entries_of_one_name_are_refused() -> None:
    one = Entry(name="same", access="read", meaning="")
    with pytest.raises(ValueError, match="entries must have different names"):
        Registers([one, one])
    gc.collect()  # now, not in a later test
