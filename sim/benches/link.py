"""cocotb bench of the serial link: commands to exported Verilog over a line that flips, loses and inserts bits."""

from __future__ import annotations

import random
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cocotb
from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from cobs import cobs
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from neuristor.hdl.link.frames import ADDRESS_BITS, COUNTERS, Link, Operation, Status
from neuristor.hdl.link.uart import UartReceiver, UartTransmitter
from neuristor.hdl.link.wishbone import Wishbone
from neuristor.hdl.noise import advance
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import judge, loaded
from neuristor.sim.engines.simulators import CocotbResult

__all__ = [
    "LinkCase",
    "LinkedSums",
    "Sums",
    "after_reset_a_session_must_begin",
    "each_command_is_carried_out_once",
    "verify",
]

TOP = "link"
PERIOD = 10_000
"""Period of the clock, in picoseconds."""
NOISE = 0x1F123BB5
"""Seed of the wait times of the registers."""
TRIES = 6
"""Most times that a command is sent: a frame that lost its end also spoils the next one."""


class Sums(wiring.Component):
    """Registers on Wishbone that add up the words written to them, so that a lost or repeated write changes the sum.

    Parameters
    ----------
    words : int
        Number of registers, from address 0; the answer is `err` for other addresses.

    Members
    -------
    bus : In(Wishbone(ADDRESS_BITS))
        Answers in the clock of the request. `dat_r` is inverted while `ack` is 0, so that a wrong sampling shows.
    hold : In(1)
        Delays the answer.
    look : In(range(words))
        The number of a register.
    seen : Out(32)
        The sum in that register, combinational.
    transfers : Out(32)
        Number of transfers acknowledged.
    """

    bus: Any
    hold: Signal
    look: Signal
    seen: Signal
    transfers: Signal

    def __init__(self, words: int) -> None:
        self.words = words
        super().__init__(
            {
                "bus": In(Wishbone(ADDRESS_BITS)),
                "hold": In(1),
                "look": In(range(max(2, words))),
                "seen": Out(32),
                "transfers": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """One register for each word."""
        m = Module()
        bus = self.bus
        words = Array(Signal(32, name=f"word_{n}") for n in range(self.words))
        place, answers = Signal(range(max(2, self.words))), Signal()
        m.d.comb += [
            place.eq(bus.adr),
            answers.eq(bus.cyc & bus.stb & ~self.hold),
            bus.ack.eq(answers & (bus.adr < self.words)),
            bus.err.eq(answers & (bus.adr >= self.words)),
            bus.dat_r.eq(~words[place]),
            self.seen.eq(words[self.look]),
        ]
        with m.If(bus.ack):
            m.d.comb += bus.dat_r.eq(words[place])
            m.d.sync += self.transfers.eq(self.transfers + 1)
            with m.If(bus.we):
                m.d.sync += words[place].eq(words[place] + bus.dat_w)
        return m


class LinkedSums(wiring.Component):
    """A UART, a link, and registers that wait for a random number of clocks (3 on average) before they answer.

    Parameters
    ----------
    clocks : int
        Clocks that a bit lasts, at least 4.
    words : int
        Number of registers, as for `Sums`.
    link : Link, optional
        Replaces the link of ``neuristor.hdl.link.frames``, for instance by a faulty one.

    Members
    -------
    rx, tx : In(1), Out(1)
        The serial line, 1 when idle.
    look, seen, transfers : In(range(words)), Out(32), Out(32)
        As for `Sums`.
    accepted, repeated, foreign, corrupt, malformed, missed : Out(16)
        The counters of the link.
    """

    rx: Signal
    tx: Signal

    def __init__(self, clocks: int, words: int, link: Any = None) -> None:
        self.clocks, self.words, self.link = clocks, words, Link() if link is None else link
        rx, tx = In(1, init=1), Out(1, init=1)  # type: ignore[call-arg]  # not in amaranth-stubs
        super().__init__(
            {"rx": rx, "tx": tx, "look": In(range(max(2, words))), "seen": Out(32), "transfers": Out(32)}
            | dict.fromkeys(COUNTERS, Out(16))
        )

    def elaborate(self, platform: object) -> Module:
        """UART, link, registers, and a random generator that delays their answers."""
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.clocks)
        m.submodules.transmitter = transmitter = UartTransmitter(self.clocks)
        m.submodules.link = link = self.link
        m.submodules.sums = sums = Sums(self.words)
        wiring.connect(m, receiver.o, link.i)
        wiring.connect(m, link.o, transmitter.i)
        wiring.connect(m, link.bus, sums.bus)
        noise = Signal(32, init=NOISE)
        m.d.sync += noise.eq(advance(noise))
        names = ("look", "seen", "transfers")
        look, seen, transfers = (getattr(self, name) for name in names)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            sums.hold.eq(noise[:2] != 0),
            sums.look.eq(look),
            seen.eq(sums.seen),
            transfers.eq(sums.transfers),
            *(getattr(self, name).eq(getattr(link, name)) for name in COUNTERS),
        ]
        return m


@dataclass(frozen=True, kw_only=True)
class LinkCase:
    """Size of the circuit, and number of commands.

    Parameters
    ----------
    clocks, words : int
        As for `LinkedSums`; there must be addresses without a register.
    commands : int
        Number of commands of the first test, one after the other.
    most : int
        Words of the longest command.
    seed : int
        Seed of commands, data and faults of the line.
    """

    clocks: int = 6
    words: int = 24
    commands: int = 150
    most: int = 70
    seed: int = 1

    def verilog(self, link: Any = None) -> str:
        """The circuit as Verilog.

        Parameters
        ----------
        link : Link, optional
            Replaces the link of ``neuristor.hdl.link.frames``.

        Returns
        -------
        str
            Verilog text with the top module `TOP`.
        """
        return export(LinkedSums(self.clocks, self.words, link), TOP)


def verify(case: LinkCase, simulator: str, log_dir: Path | None = None, verilog: str | None = None) -> CocotbResult:
    """Compare every answer, every sum and the count of commands with a model of the link.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : LinkCase
        Size and number of commands.
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
    return judge(case, simulator, TOP, "neuristor.sim.benches.link", log_dir, verilog)


class _Answer(NamedTuple):
    operation: int
    session: int
    sequence: int
    status: int
    done: int
    words: list[int]


def _words(content: bytes) -> list[int]:
    return [int.from_bytes(content[n : n + 4], "little") for n in range(0, len(content), 4)]


def _frame(words: Sequence[int]) -> bytes:
    """Encode words as a frame, without the zero at its end."""
    content = b"".join(word.to_bytes(4, "little") for word in words)
    return bytes(cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")))


def _answer(stuffed: bytes) -> _Answer | None:
    """Decode the bytes up to a zero; None if they are not an answer."""
    try:
        content = bytes(cobs.decode(stuffed))
    except cobs.DecodeError:
        return None
    if len(content) % 4 or len(content) < 12 or zlib.crc32(content[:-4]).to_bytes(4, "little") != content[-4:]:
        return None
    first, second, *words = _words(content[:-4])
    return _Answer(first & 0xFF, first >> 16, first >> 8 & 0xFF, second >> 28 & 7, second >> 20 & 0xFF, words)


class _Line:
    """Drives `rx`, with faults if asked to, and receives the frames on `tx`."""

    FAULTS = (
        *("none", "none", "bits flipped", "bit lost", "bit added", "byte lost", "byte twice", "bytes added", "cut"),
        *("no end", "pause", "pause in a byte", "glitch", "break", "twice", "lost", "head lost"),
    )

    def __init__(self, dut: Any, clocks: int, draw: random.Random) -> None:
        self.dut, self.draw, self.bit = dut, draw, clocks * PERIOD
        self.frames: deque[bytes] = deque()
        """Frames received, each without the zero at its end."""
        self.flip_after: int | None = None
        """Bytes until one is received with a flipped bit; None for no such fault."""
        dut.rx.value = 1
        cocotb.start_soon(self._listen())

    async def _listen(self) -> None:
        tx, received = self.dut.tx, bytearray()
        while True:
            await FallingEdge(tx)
            await Timer(self.bit + self.bit // 2, "ps")
            byte = 0
            for n in range(8):
                byte |= int(tx.value) << n
                await Timer(self.bit, "ps")
            assert int(tx.value), "a stop bit is missing"
            if self.flip_after is not None:
                self.flip_after -= 1
                if self.flip_after < 0:
                    byte, self.flip_after = byte ^ 1 << self.draw.randrange(8), None
            if byte:
                received.append(byte)
            elif received:
                self.frames.append(bytes(received))
                received.clear()

    async def send(self, data: bytes, fault: str = "none") -> None:
        """Send a frame with its zero, at a bit rate that is off by up to 2 %.

        Parameters
        ----------
        data : bytes
            The frame on the wire.
        fault : str
            One of `FAULTS`.
        """
        draw = self.draw
        place, some = draw.randrange(len(data)), draw.choice((1, 1, 2, 5))
        spoilt = {
            "byte lost": data[:place] + data[place + some :],
            "byte twice": data[: place + some] + data[place:],
            "bytes added": data[:place] + draw.randbytes(some) + data[place:],
            "cut": data[:place] + b"\0",
            "no end": data[:-1],
            "twice": data + data,
            "lost": b"",
            "head lost": data[place:],
        }.get(fault, data)
        rate = 1 + draw.uniform(-0.02, 0.02)
        bits = [level for byte in spoilt for level in (0, *(byte >> n & 1 for n in range(8)), 1)]
        wave = [(level, self.bit * rate) for level in bits]
        if bits:
            self._spoil(wave, fault, draw.randrange(len(wave)), some)
        owed = 0.0
        for level, time in wave:
            self.dut.rx.value = level
            owed += time
            whole = max(1, int(owed))
            await Timer(whole, "ps")
            owed -= whole
        self.dut.rx.value = 1
        await Timer(self.bit, "ps")

    def _spoil(self, wave: list[tuple[int, float]], fault: str, place: int, some: int) -> None:
        level, time = wave[place]
        if fault == "bits flipped":
            for _ in range(some):
                n = self.draw.randrange(len(wave))
                wave[n] = (1 - wave[n][0], wave[n][1])
        elif fault == "bit lost":
            del wave[place]
        elif fault == "bit added":
            wave.insert(place, (self.draw.randrange(2), time))
        elif fault == "pause":
            wave.insert(place // 10 * 10, (1, self.draw.randrange(1, 60) * time))
        elif fault == "pause in a byte":
            wave.insert(place, (1, self.draw.randrange(1, 60) * time))
        elif fault == "glitch":
            parts = sorted(self.draw.random() for _ in range(2))
            wave[place : place + 1] = [
                (level, parts[0] * time),
                (1 - level, (parts[1] - parts[0]) * time),
                (level, (1 - parts[1]) * time),
            ]
        elif fault == "break":
            wave.insert(place, (0, self.draw.randrange(10, 60) * time))


class _Host:
    """A host: sends commands, repeats each until it is answered, and compares the answers with a model."""

    def __init__(self, dut: Any, case: LinkCase, seed: int) -> None:
        self.dut, self.case, self.draw = dut, case, random.Random(seed)
        self.line = _Line(dut, case.clocks, self.draw)
        self.session = self.sequence = 0
        self.sums = [0] * case.words
        self.transfers = self.commands = self.repeats = 0
        self.last = b""

    async def begin(self, fault: str = "none") -> None:
        """Begin a session; `fault` is a fault of the line."""
        self.session = self.session % 0xFFFF + self.draw.randrange(1, 3)
        self.sequence = self.draw.choice((0, 7, 253, 254, 255))
        await self.ask(Operation.HELLO, 0, [], 0, 0, fault)

    async def command(self, fault: str) -> None:
        """Send a random command; the line has a fault when it is sent first."""
        draw, case = self.draw, self.case
        count = draw.choice((0, 1, 1, 2, 3, 5, draw.randrange(case.most + 1), case.most))
        fixed, writes = int(draw.random() < 0.3), draw.random() < 0.6
        address = draw.randrange(case.words + 2)
        full = draw.choice((0, 0x01010101))  # without zero bytes, COBS blocks are long
        given = [draw.getrandbits(32) | full for _ in range(count)]
        await self.ask(Operation.WRITE if writes else Operation.READ, address, given, count, fixed, fault)

    async def ask(
        self, operation: Operation, address: int, given: Sequence[int], count: int, fixed: int, fault: str
    ) -> None:
        """Send a command until it is answered, and compare the answer.

        Parameters
        ----------
        operation : Operation
            What to do.
        address : int
            The first register.
        given : sequence of int
            The words to write.
        count : int
            Number of words.
        fixed : int
            1 if all words have the same address.
        fault : str
            Fault of the line when the command is sent first.

        Raises
        ------
        AssertionError
            If there is no answer, or it differs from the model.
        """
        sent = given if operation == Operation.WRITE else []
        head = [self.session << 16 | self.sequence << 8 | operation, fixed << 31 | count << 20 | address]
        self.last = _frame([*head, *sent]) + b"\0"
        wanted = self._carry_out(operation, address, given, count, fixed)
        for number in range(TRIES):
            if self.draw.random() < 0.3 and number == 0 and fault != "none":
                self.line.flip_after = self.draw.randrange(14)
            await self.line.send(self.last, fault if number == 0 else "none")
            answer = await self._receive(40 + 4 * count)
            self.line.flip_after = None
            if answer is not None:
                break
            self.repeats += 1
        else:
            raise AssertionError(f"no answer to command {self.commands} after {fault} in {TRIES} tries")
        assert answer == wanted, f"command {self.commands} after {fault}: the model answers {wanted}, the link {answer}"
        self.sequence = (self.sequence + 1) & 0xFF
        assert int(self.dut.transfers.value) == self.transfers, (
            f"command {self.commands} after {fault}: the model counts {self.transfers} transfers, "
            f"the circuit {int(self.dut.transfers.value)}"
        )

    def _carry_out(self, operation: Operation, address: int, given: Sequence[int], count: int, fixed: int) -> _Answer:
        self.commands += 1
        words: list[int] = []
        status = Status.DONE
        for n in range(count if operation != Operation.HELLO else 0):
            place = address if fixed else address + n
            if place >= self.case.words:
                status = Status.REFUSED
                break
            if operation == Operation.WRITE:
                self.sums[place] = self.sums[place] + given[n] & 0xFFFF_FFFF
            words.append(self.sums[place])
            self.transfers += 1
        done = len(words)
        words = words if operation == Operation.READ else []
        return _Answer(operation | 0x80, self.session, self.sequence, status, done, words)

    async def _receive(self, patience: int) -> _Answer | None:
        """The answer to the present command, or None after the time of `patience` bytes; older answers are ignored."""
        for _ in range(10 * patience):
            while self.line.frames:
                answer = _answer(self.line.frames.popleft())
                if answer is not None and (answer.session, answer.sequence) == (self.session, self.sequence):
                    return answer
            await Timer(self.line.bit, "ps")
        return None

    async def disturb(self) -> None:
        """Send a frame with a correct CRC but another session or sequence number: it must change nothing."""
        draw = self.draw
        session, sequence = self.session, (self.sequence + draw.randrange(1, 254)) & 0xFF
        if draw.random() < 0.5:
            session, sequence = session % 0xFFFF + 3, self.sequence
        operation = draw.choice((Operation.READ, Operation.WRITE))
        words = [draw.getrandbits(32)] if operation == Operation.WRITE else []
        await self.line.send(_frame([session << 16 | sequence << 8 | operation, 1 << 20, *words]) + b"\0")

    async def compare(self) -> None:
        """Compare all sums, and the count of commands."""
        for n, wanted in enumerate(self.sums):
            self.dut.look.value = n
            await self.dut.clk.falling_edge
            got = int(self.dut.seen.value)
            assert got == wanted, f"after command {self.commands}, sum {n}: the model has {wanted}, the circuit {got}"
        got = int(self.dut.accepted.value)
        assert got == self.commands, f"the model has accepted {self.commands} commands, the link {got}"


async def _reset(dut: Any) -> None:
    dut.rst.value = 1
    dut.look.value = 0
    for _ in range(2):
        await dut.clk.falling_edge
    dut.rst.value = 0
    await Timer(30 * PERIOD, "ps")


async def _start(dut: Any, case: LinkCase, seed: int) -> _Host:
    Clock(dut.clk, PERIOD, "ps").start()
    host = _Host(dut, case, seed)
    await _reset(dut)
    return host


@cocotb.test()
async def each_command_is_carried_out_once(dut: Any) -> None:
    """Commands with all faults of the line, damaged answers, frames of other sessions, and new sessions."""
    case: LinkCase = loaded()
    host = await _start(dut, case, case.seed)
    await host.begin()
    faults: list[str] = []
    while len(faults) < case.commands:
        faults += host.draw.sample(_Line.FAULTS, len(_Line.FAULTS))
    for n, fault in enumerate(faults[: case.commands], start=1):
        if host.draw.random() < 0.1:
            await host.disturb()
        await (host.begin(fault) if host.draw.random() < 0.04 else host.command(fault))
        if host.draw.random() < 0.1:
            await host.line.send(host.last)  # a repetition whose answer arrives during the next command
        if n % 10 == 0:
            await host.compare()
    await host.command("none")
    await host.compare()
    counted = {name: int(getattr(dut, name).value) for name in COUNTERS}
    cocotb.log.info("%s commands, %s repeats, counters %s", host.commands, host.repeats, counted)
    if case.commands >= 100:
        assert min(counted.values()) > 0, f"not every kind of frame occurred: {counted}"


@cocotb.test()
async def after_reset_a_session_must_begin(dut: Any) -> None:
    """A reset between and within commands: then the old session is foreign until a new one begins."""
    case: LinkCase = loaded()
    host = await _start(dut, case, case.seed + 1)
    for bits in (0, 3, 95, 333):
        await host.begin()
        for _ in range(3):
            await host.command("none")
        following = _frame([host.session << 16 | host.sequence << 8 | Operation.WRITE, 2 << 20, 5, 6]) + b"\0"
        sending = cocotb.start_soon(host.line.send(following))
        if bits:
            await Timer(bits * host.line.bit, "ps")
        else:
            await sending
        await _reset(dut)
        await sending
        await Timer(600 * host.line.bit, "ps")
        host.line.frames.clear()
        host.sums, host.transfers, host.commands = [0] * case.words, 0, 0
        await host.line.send(b"\0")
        before = int(dut.foreign.value)
        await host.line.send(following)
        assert await host._receive(60) is None
        assert int(dut.foreign.value) == before + 1
        await host.compare()
