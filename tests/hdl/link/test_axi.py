"""The AXI4-Lite bridge against a dict, clock by clock, under any pattern of stalls."""

from __future__ import annotations

import gc
import random
import re
from collections import deque
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from neuristor.hdl.link.axi import OKAY, SLVERR, Axi4Lite, AxiToWishbone, vivado_wrapper
from neuristor.hdl.verilog import export
from neuristor.sim.benches.axi import RegisterFile

REQUESTS = {"aw": ("awaddr", "awprot"), "w": ("wdata", "wstrb"), "ar": ("araddr", "arprot")}
ANSWERS = {"b": ("bresp",), "r": ("rresp", "rdata")}
STALLS: dict[str, dict[str, float]] = {
    "none": {},
    "some": {"aw": 0.3, "w": 0.3, "ar": 0.3, "b": 0.3, "r": 0.3, "bus": 0.3},
    "many": {"aw": 0.8, "w": 0.8, "ar": 0.8, "b": 0.8, "r": 0.8, "bus": 0.8},
    "address late": {"aw": 0.9},
    "data late": {"w": 0.9},
    "answers not taken": {"b": 0.9, "r": 0.9},
    "writes not taken": {"b": 0.95},
    "reads not taken": {"r": 0.95},
    "slow bus": {"bus": 0.9},
}
"""The share of clocks in which something waits, by name of the channel."""


class Done(NamedTuple):
    """A transfer on the bus."""

    clock: int
    write: int
    address: int
    data: int
    strobes: int


class Bench:
    """A manager, the bridge and registers; every answer is compared with that of a dict in the order of the bus.

    Parameters
    ----------
    address_bits, words : int
        As of `RegisterFile`.
    stalls : dict of float
        One of `STALLS`.
    seed : int
    writes : list of (int, int, int)
        Address in bytes, data, strobes.
    reads : list of int
        Addresses in bytes.
    patient : bool
        Answers are taken only when they have been there for some clocks.
    """

    def __init__(
        self,
        address_bits: int,
        words: int,
        stalls: dict[str, float],
        seed: int,
        writes: list[tuple[int, int, int]],
        reads: list[int],
        patient: bool = False,
    ) -> None:
        self.bridge, self.registers = AxiToWishbone(address_bits), RegisterFile(address_bits, words)
        self.axi = self.bridge.axi
        self.stalls, self.draw, self.patient = stalls, random.Random(seed), patient
        self.writes, self.reads = writes, reads
        self.queues = {
            "aw": deque((address, self.draw.getrandbits(3)) for address, _, _ in writes),
            "w": deque((data, strobes) for _, data, strobes in writes),
            "ar": deque((address, self.draw.getrandbits(3)) for address in reads),
        }
        self.words = dict.fromkeys(range(words), 0)
        self.due: dict[str, deque[tuple[int, ...]]] = {"b": deque(), "r": deque()}
        self.bus: list[Done] = []
        self.answers: dict[str, list[tuple[int, ...]]] = {"b": [], "r": []}
        self.clocks: dict[str, list[int]] = {name: [] for name in (*REQUESTS, *ANSWERS)}
        """Of the transfers of each channel."""
        self.offered = dict.fromkeys(REQUESTS, False)
        self.waiting: dict[str, tuple[int, ...]] = {}
        """Answers not taken in the last clock, and what the bus was asked and has not answered."""
        self.age = dict.fromkeys(ANSWERS, 0)

    def run(self, limit: int = 20_000) -> Bench:
        """All requests, until all are answered."""
        m = Module()
        m.submodules.bridge, m.submodules.registers = self.bridge, self.registers
        wiring.connect(m, self.bridge.bus, self.registers.bus)
        simulator = Simulator(m)
        simulator.add_clock(1e-6)

        async def testbench(ctx: Any) -> None:
            for clock in range(limit):
                self._drive(ctx)
                self._check(ctx, clock)
                await ctx.tick()
                if all(len(self.answers[c]) == len(asked) for c, asked in (("b", self.writes), ("r", self.reads))):
                    break
            else:
                raise AssertionError(f"not all is answered after {limit} clocks")
            for _ in range(5):  # nothing more comes
                assert not any(ctx.get(self._signal(f"{channel}valid")) for channel in ANSWERS)
                assert not ctx.get(self.bridge.bus.cyc)
                await ctx.tick()

        simulator.add_testbench(testbench)
        simulator.run()
        return self

    def _signal(self, name: str) -> Any:
        return getattr(self.axi, name)

    def _stalled(self, name: str) -> bool:
        return self.draw.random() < self.stalls.get(name, 0.0)

    def _drive(self, ctx: Any) -> None:
        for channel, names in REQUESTS.items():
            queue = self.queues[channel]
            if not self.offered[channel]:
                self.offered[channel] = bool(queue) and not self._stalled(channel)
                ctx.set(self._signal(f"{channel}valid"), int(self.offered[channel]))
                # what stands there without `valid` is nothing to anybody
                payload = queue[0] if self.offered[channel] else (self.draw.getrandbits(32), self.draw.getrandbits(3))
                for name, value in zip(names, payload, strict=True):
                    signal = self._signal(name)
                    ctx.set(signal, value & ((1 << len(signal)) - 1))
        for channel in ANSWERS:
            ready = self.age[channel] > 7 if self.patient else not self._stalled(channel)
            ctx.set(self._signal(f"{channel}ready"), int(ready))
        ctx.set(self.registers.hold, int(self._stalled("bus")))

    def _check(self, ctx: Any, clock: int) -> None:
        for channel, names in ANSWERS.items():
            valid, ready = (ctx.get(self._signal(f"{channel}{name}")) for name in ("valid", "ready"))
            now = tuple(ctx.get(self._signal(name)) for name in names) if valid else ()
            assert now == self.waiting.pop(channel, now), f"clock {clock}, channel {channel}: changed before taken"
            self.age[channel] = self.age[channel] + 1 if valid and not ready else 0
            if valid:
                wanted = self.due[channel][0]
                assert now[: len(wanted)] == wanted, f"clock {clock}, channel {channel}: {now}, not {wanted}"
                if ready:
                    self.due[channel].popleft()
                    self.answers[channel].append(now)
                    self.clocks[channel].append(clock)
                else:
                    self.waiting[channel] = now
        bus = self.bridge.bus
        assert ctx.get(bus.stb) == ctx.get(bus.cyc)
        asked: tuple[int, ...] = ()
        if ctx.get(bus.cyc):
            write = ctx.get(bus.we)
            asked = (write, ctx.get(bus.adr), ctx.get(bus.dat_w) if write else 0, ctx.get(bus.sel))
        assert asked == self.waiting.pop("bus", asked), f"clock {clock}: the bus changed before it was answered"
        if asked and not (ctx.get(bus.ack) or ctx.get(bus.err)):
            self.waiting["bus"] = asked
        elif asked:
            one = Done(clock, *asked)
            self.bus.append(one)
            if one.write:
                good = one.address in self.words and one.strobes == 0xF
                if good:
                    self.words[one.address] = one.data
                self.due["b"].append((OKAY if good else SLVERR,))
            else:
                good = one.address in self.words
                self.due["r"].append((OKAY, self.words[one.address]) if good else (SLVERR,))
        for channel in REQUESTS:
            if self.offered[channel] and ctx.get(self._signal(f"{channel}ready")):
                self.offered[channel] = False
                self.queues[channel].popleft()
                self.clocks[channel].append(clock)

    def check_bus(self) -> None:
        """Each request went to the bus once, and each kind in its order."""
        writes = [(one.address, one.data, one.strobes) for one in self.bus if one.write]
        reads = [(one.address, one.strobes) for one in self.bus if not one.write]
        assert writes == [(address >> 2, data, strobes) for address, data, strobes in self.writes]
        assert reads == [(address >> 2, 0xF) for address in self.reads]


def traffic(address_bits: int, words: int, seed: int, count: int) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Writes and reads: some addresses are beyond the registers, some unaligned, some strobes partial."""
    draw = random.Random(seed)

    def address() -> int:
        place = draw.randrange(1 << address_bits) if draw.random() < 0.2 else draw.randrange(words)
        return 4 * place + draw.choice((0, 0, 0, 1, 2, 3))

    writes = [(address(), draw.getrandbits(32), draw.choice((0xF, 0xF, draw.randrange(16)))) for _ in range(count)]
    return writes, [address() for _ in range(count)]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("address_bits", "words"), [(1, 1), (4, 11)])
def test_answers_are_those_of_a_dict_under_any_stalls(address_bits: int, words: int, stalls: str) -> None:
    writes, reads = traffic(address_bits, words, seed=1, count=120)
    bench = Bench(address_bits, words, STALLS[stalls], 2, writes, reads).run()
    bench.check_bus()
    responses = {channel: {answer[0] for answer in bench.answers[channel]} for channel in ANSWERS}
    assert responses == {"b": {OKAY, SLVERR}, "r": {OKAY, SLVERR}}


def test_address_and_data_of_a_write_come_in_any_order() -> None:
    writes, reads = traffic(4, 11, seed=3, count=60)
    bench = Bench(4, 11, {"aw": 0.6, "w": 0.6}, 4, writes, reads).run()
    order = {(aw > w) - (aw < w) for aw, w in zip(bench.clocks["aw"], bench.clocks["w"], strict=True)}
    assert order == {-1, 0, 1}


def test_an_answer_does_not_wait_for_ready_and_keeps_still() -> None:
    writes, reads = traffic(4, 11, seed=5, count=30)
    bench = Bench(4, 11, {}, 6, writes, reads, patient=True).run()
    bench.check_bus()


@pytest.mark.parametrize(
    ("writes", "reads", "b", "r"),
    [
        ([(8, 0x1234_5678, 0xF), (11, 0xDEAD_BEEF, 0xF)], [8, 9, 10, 11], [OKAY, OKAY], None),
        ([(44, 1, 0xF)], [44, 60], [SLVERR], [(SLVERR,), (SLVERR,)]),
        ([(4, 0xFFFF_FFFF, strobes) for strobes in range(15)], [4] * 40, [SLVERR] * 15, [(OKAY, 0)] * 40),
    ],
    ids=["unaligned", "no such register", "parts of a word"],
)
def test_addresses_and_strobes(
    writes: list[tuple[int, int, int]], reads: list[int], b: list[int], r: list[tuple[int, ...]] | None
) -> None:
    bench = Bench(4, 11, {}, 7, writes, reads).run()
    assert [answer[0] for answer in bench.answers["b"]] == b
    if r is not None:
        assert [answer[: len(wanted)] for answer, wanted in zip(bench.answers["r"], r, strict=True)] == r
    bench.check_bus()


def test_writes_and_reads_take_turns() -> None:
    writes, reads = traffic(4, 11, seed=8, count=50)
    bench = Bench(4, 11, {}, 9, writes, reads).run()
    assert [one.write for one in bench.bus] == [1, 0] * 50
    clocks = [one.clock for one in bench.bus]
    assert {after - before for before, after in pairwise(clocks)} == {2}


def test_a_kind_that_is_not_taken_does_not_stop_the_other() -> None:
    writes, reads = traffic(4, 11, seed=10, count=20)
    bench = Bench(4, 11, {"b": 1.0}, 11, writes, reads)
    with pytest.raises(AssertionError, match="not all is answered"):
        bench.run(limit=200)
    assert len(bench.answers["r"]) == 20
    bench = Bench(4, 11, {"r": 1.0}, 11, writes, reads)
    with pytest.raises(AssertionError, match="not all is answered"):
        bench.run(limit=200)
    assert len(bench.answers["b"]) == 20


def test_latency_is_what_the_bridge_says() -> None:
    for stalls in ({}, {"aw": 0.7, "w": 0.7, "ar": 0.7}):
        bench = Bench(4, 11, stalls, 12, [(4, 5, 0xF)], []).run()
        asked = max(bench.clocks["aw"][0], bench.clocks["w"][0])
        assert bench.clocks["b"][0] - asked == bench.bridge.latency
        bench = Bench(4, 11, stalls, 13, [], [4]).run()
        assert bench.clocks["r"][0] - bench.clocks["ar"][0] == bench.bridge.latency


def test_the_wrapper_has_the_ports_and_nothing_else() -> None:
    bridge = AxiToWishbone(4)
    wrapper = vivado_wrapper(bridge, "core", "core_axi")
    text = wrapper.text
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    assert "input  wire [5:0] s_axi_awaddr" in lines
    assert "output wire [31:0] s_axi_rdata" in lines
    assert "output wire s_axi_bvalid" in lines
    assert "output wire [3:0] bus_adr" in lines  # not of AXI: passed on
    for member in Axi4Lite(6).members:
        assert f".axi_{member}(s_axi_{member})" in lines
    assert text.startswith("module core_axi (\n")
    assert text.endswith(");\nendmodule\n")
    assert text.count("module") == 2
    assert text == vivado_wrapper(bridge, "core", "core_axi").text
    made = export(bridge, "core", wrapper=wrapper)
    assert text in made
    header = made.split("/* verilator")[0]
    for name, flow, _ in wrapper.ports:
        assert re.search(rf"^//   {flow} +\[\d+:0\] {name}$", header, re.MULTILINE)
    assert not re.search(r" (clk|rst|axi_\w+)$", header, re.MULTILINE)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
def test_nonsense_is_refused() -> None:
    for bits in (2, 33, 4.0, "8"):
        with pytest.raises(ValueError, match=f"address_bits must be an integer between 3 and 32, not {bits!r}"):
            Axi4Lite(bits)  # type: ignore[arg-type]
    bridge = AxiToWishbone(4)
    for name in ("", "2d", "wire", "a b", "è", "a__b", "a_", "Signal"):
        with pytest.raises(ValueError, match="name must be letters, digits and single underscores"):
            vivado_wrapper(bridge, "core", name)
        with pytest.raises(ValueError, match="module must be letters, digits and single underscores"):
            vivado_wrapper(bridge, name, "core_axi")
    with pytest.raises(ValueError, match="name must differ"):
        vivado_wrapper(bridge, "core", "core")
    gc.collect()  # now, not in a later test


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
def test_a_bridge_to_no_bus_is_refused() -> None:
    for bits in (0, 31):
        with pytest.raises(ValueError, match=f"address_bits must be an integer between 1 and 30, not {bits}"):
            AxiToWishbone(bits)
    gc.collect()  # now, not in a later test
