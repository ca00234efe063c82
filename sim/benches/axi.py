"""cocotb bench of the AXI4-Lite bridge: exported Verilog in the wrapper for Vivado, driven by cocotbext-axi."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from cocotb.clock import Clock

from neuristor.hdl.link.axi import OKAY, SLVERR, Axi4Lite, AxiToWishbone, vivado_wrapper
from neuristor.hdl.link.wishbone import Wishbone
from neuristor.hdl.noise import advance
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import judge, loaded
from neuristor.sim.engines.simulators import CocotbResult

__all__ = [
    "AxiCase",
    "AxiRegisters",
    "RegisterFile",
    "answers_as_a_dict",
    "many_requests_at_a_time_keep_their_order",
    "reset_in_mid_traffic",
    "verify",
]

TOP, INNER = "axi", "axi_registers"
NOISE = 0x2545F491
"""Seed of the wait times of the registers."""
PATIENCE = 1000
"""Clocks without a transfer after which the circuit counts as stuck; the tests always have a request waiting."""


class RegisterFile(wiring.Component):
    """Registers on Wishbone whose answers can be delayed.

    Parameters
    ----------
    address_bits : int
        Width of the bus's word address.
    words : int
        Number of registers, from address 0. The answer is `err` for other addresses and for writes of part of a word.

    Members
    -------
    bus : In(Wishbone(address_bits))
        Answers in the clock of the request. `dat_r` is inverted while `ack` is 0, so that a wrong sampling shows.
    hold : In(1)
        Delays the answer.
    """

    bus: Any
    hold: Signal

    def __init__(self, address_bits: int, words: int) -> None:
        self.words = words
        super().__init__({"bus": In(Wishbone(address_bits)), "hold": In(1)})

    def elaborate(self, platform: object) -> Module:
        """One register for each word."""
        m = Module()
        bus = self.bus
        words = Array(Signal(32, name=f"word_{n}") for n in range(self.words))
        place, word = Signal(range(max(2, self.words))), Signal(32)
        answers, good = Signal(), Signal()
        m.d.comb += [
            place.eq(bus.adr),
            word.eq(words[place]),
            answers.eq(bus.cyc & bus.stb & ~self.hold),
            good.eq((bus.adr < self.words) & (~bus.we | (bus.sel == 0xF))),
            bus.ack.eq(answers & good),
            bus.err.eq(answers & ~good),
            bus.dat_r.eq(Mux(bus.ack, word, ~word)),
        ]
        with m.If(bus.ack & bus.we):
            m.d.sync += words[place].eq(bus.dat_w)
        return m


class AxiRegisters(wiring.Component):
    """The bridge, with registers that wait for a random number of clocks (3 on average) before they answer.

    Parameters
    ----------
    address_bits, words : int
        As for `RegisterFile`.

    Members
    -------
    axi : In(Axi4Lite(address_bits + 2))
        The port of the bridge.
    """

    axi: Any

    def __init__(self, address_bits: int, words: int) -> None:
        self.address_bits, self.words = address_bits, words
        super().__init__({"axi": In(Axi4Lite(address_bits + 2))})

    def elaborate(self, platform: object) -> Module:
        """The bridge, the registers, and a random generator that delays their answers."""
        m = Module()
        m.submodules.bridge = bridge = AxiToWishbone(self.address_bits)
        m.submodules.registers = registers = RegisterFile(self.address_bits, self.words)
        wiring.connect(m, wiring.flipped(self.axi), bridge.axi)
        wiring.connect(m, bridge.bus, registers.bus)
        noise = Signal(32, init=NOISE)
        m.d.sync += noise.eq(advance(noise))
        m.d.comb += registers.hold.eq(noise[:2] != 0)
        return m


@dataclass(frozen=True, kw_only=True)
class AxiCase:
    """Size of the registers, and number of requests.

    Parameters
    ----------
    address_bits, words : int
        As for `AxiRegisters`; there must be addresses without a register.
    operations : int
        Number of writes and reads of the first test, one after the other.
    seed : int
        Seed of requests, data and stalls.
    """

    address_bits: int = 6
    words: int = 16
    operations: int = 500
    seed: int = 1

    def verilog(self) -> str:
        """The circuit and its wrapper as Verilog.

        Returns
        -------
        str
            Verilog text with the top module `TOP`.
        """
        inner = AxiRegisters(self.address_bits, self.words)
        return export(inner, INNER, wrapper=vivado_wrapper(inner, INNER, TOP))


def verify(case: AxiCase, simulator: str, log_dir: Path | None = None, verilog: str | None = None) -> CocotbResult:
    """Compare every response of the bridge with a model of the registers, a dict.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : AxiCase
        Size and number of requests.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    log_dir : Path, optional
        Folder for the simulator's log; by default it is not kept.
    verilog : str, optional
        Verilog to run in place of the case's own, such as a netlist or a mutant.

    Returns
    -------
    CocotbResult
        Number of tests, failures, and messages.
    """
    return judge(case, simulator, TOP, "neuristor.sim.benches.axi", log_dir, verilog)


class _Watch:
    """Checks that a waiting response does not change, that none precedes its request, and that traffic never stops."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.passed = dict.fromkeys(("aw", "w", "b", "ar", "r"), 0)
        self.stalls = {"b": 0, "r": 0}
        self.leads = {"aw": 0, "w": 0}
        """Clocks in which the address of a write had been transferred before its data, and the reverse."""
        self._waiting: dict[str, tuple[int, ...]] = {}
        self._quiet = 0
        cocotb.start_soon(self._run())

    def _read(self, *names: str) -> tuple[int, ...]:
        return tuple(int(getattr(self.dut, f"s_axi_{name}").value) for name in names)

    async def _run(self) -> None:
        while True:
            await self.dut.s_axi_aclk.falling_edge
            if self._read("aresetn") == (0,):
                self.passed = dict.fromkeys(self.passed, 0)
                self._waiting, self._quiet = {}, 0
                continue
            self._look("b", ("bresp",), min(self.passed["aw"], self.passed["w"]))
            self._look("r", ("rresp", "rdata"), self.passed["ar"])
            self._quiet += 1
            for channel in self.passed:
                if self._read(f"{channel}valid", f"{channel}ready") == (1, 1):
                    self.passed[channel] += 1
                    self._quiet = 0
            assert self._quiet < PATIENCE, f"no transfer for {PATIENCE} clocks: {self.passed}"
            self.leads["aw"] += self.passed["aw"] > self.passed["w"]
            self.leads["w"] += self.passed["w"] > self.passed["aw"]

    def _look(self, channel: str, payload: tuple[str, ...], asked: int) -> None:
        valid, ready = self._read(f"{channel}valid", f"{channel}ready")
        now = self._read(*payload) if valid else ()
        before = self._waiting.pop(channel, now)
        assert now == before, f"channel {channel}: {before} changed to {now} before it was accepted"
        assert not valid or asked > self.passed[channel], f"channel {channel}: a response without a request"
        if valid and not ready:
            self.stalls[channel] += 1
            self._waiting[channel] = now


def _pauses(seed: str) -> Iterator[bool]:
    """Pauses of a channel: phases without, with some and with many of them."""
    draw = random.Random(seed)
    while True:
        share = draw.choice((0.0, 0.3, 0.8))
        for _ in range(draw.randint(10, 60)):
            yield draw.random() < share


async def _start(dut: Any, seed: int) -> tuple[Any, _Watch]:
    """Start the clock, reset, and make a manager that pauses on all channels."""
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster

    dut.s_axi_aresetn.value = 0
    Clock(dut.s_axi_aclk, 10, "ns").start()
    manager = AxiLiteMaster(
        AxiLiteBus.from_prefix(dut, "s_axi"), dut.s_axi_aclk, dut.s_axi_aresetn, reset_active_level=False
    )
    writer, reader = manager.write_if, manager.read_if
    for channel in (writer.aw_channel, writer.w_channel, writer.b_channel, reader.ar_channel, reader.r_channel):
        channel.set_pause_generator(_pauses(f"{seed} {channel.bus._name} {type(channel).__name__}"))
    watch = _Watch(dut)
    await _reset(dut)
    return manager, watch


async def _reset(dut: Any) -> None:
    dut.s_axi_aresetn.value = 0
    for _ in range(3):
        await dut.s_axi_aclk.falling_edge
    dut.s_axi_aresetn.value = 1
    await dut.s_axi_aclk.falling_edge


def _bytes(word: int) -> bytes:
    return word.to_bytes(4, "little")


async def _write(manager: Any, address: int, data: bytes, wanted: int) -> None:
    answer = await manager.write(address, data)
    assert answer.resp == wanted, f"write of {data.hex()} at {address:#x}: {answer.resp!r} instead of {wanted}"


async def _read(manager: Any, address: int, wanted: bytes | None, count: int = 4) -> None:
    answer = await manager.read(address, count)
    response = SLVERR if wanted is None else OKAY
    assert answer.resp == response, f"read at {address:#x}: {answer.resp!r} instead of {response}"
    assert wanted is None or answer.data == wanted, f"read at {address:#x}: {answer.data.hex()}, not {wanted.hex()}"


async def _operate(manager: Any, case: AxiCase, draw: random.Random, count: int) -> None:
    """Random requests, one after the other; then all words are read. The registers must be zero at first."""
    words = dict.fromkeys(range(case.words), 0)
    for _ in range(count):
        bad = draw.random() < 0.15
        n = draw.randrange(case.words, 1 << case.address_bits) if bad else draw.randrange(case.words)
        first, last = sorted(draw.choices(range(4), k=2)) if draw.random() < 0.4 else (0, 3)
        address, size = 4 * n + first, last - first + 1
        if draw.random() < 0.5:
            # A write of less than a word is an error and changes nothing.
            good, data = not bad and size == 4, draw.randbytes(size)
            await _write(manager, address, data, OKAY if good else SLVERR)
            if good:
                words[n] = int.from_bytes(data, "little")
        else:
            await _read(manager, address, None if bad else _bytes(words[n])[first : last + 1], size)
    for n, word in words.items():
        await _read(manager, 4 * n, _bytes(word))


@cocotb.test()
async def answers_as_a_dict(dut: Any) -> None:
    """Writes and reads of words and of parts of words, at addresses with and without a register."""
    case: AxiCase = loaded()
    manager, watch = await _start(dut, case.seed)
    await _operate(manager, case, random.Random(case.seed), case.operations)
    assert min(*watch.leads.values(), *watch.stalls.values()) > 0, f"not every kind of stall occurred: {vars(watch)}"


@cocotb.test()
async def many_requests_at_a_time_keep_their_order(dut: Any) -> None:
    """Half of the registers are written while the other half are read; words are written more than once."""
    case: AxiCase = loaded()
    manager, _ = await _start(dut, case.seed + 1)
    draw = random.Random(case.seed + 1)
    words = dict.fromkeys(range(case.words), 0)
    for turn in range(12):
        tasks, before = [], dict(words)
        for _ in range(40):
            bad = draw.random() < 0.1
            n = draw.randrange(case.words, 1 << case.address_bits) if bad else draw.randrange(case.words)
            if n % 2 == turn % 2:
                word = draw.getrandbits(32)
                tasks.append(cocotb.start_soon(_write(manager, 4 * n, _bytes(word), SLVERR if bad else OKAY)))
                if not bad:
                    words[n] = word
            else:
                tasks.append(cocotb.start_soon(_read(manager, 4 * n, None if bad else _bytes(before[n]))))
        for task in tasks:
            await task


@cocotb.test()
async def reset_in_mid_traffic(dut: Any) -> None:
    """A reset during requests: then the registers are zero, and the bridge works as after configuration."""
    case: AxiCase = loaded()
    manager, _ = await _start(dut, case.seed + 2)
    draw = random.Random(case.seed + 2)
    for clocks in itertools.chain(range(1, 12), (20, 50)):
        events = []
        for n in range(20):
            events.append(manager.init_write(4 * (n % case.words), draw.randbytes(4)))
            events.append(manager.init_read(4 * (n % case.words), 4))
        for _ in range(clocks):
            await dut.s_axi_aclk.falling_edge
        assert not all(event.is_set() for event in events), "no request is in progress"
        await _reset(dut)
        await _operate(manager, case, draw, 10)
