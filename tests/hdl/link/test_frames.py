"""The link against a model of its protocol, and the host's reading of frames: whatever comes, no state is lost."""

from __future__ import annotations

import random
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator
from cobs import cobs
from hypothesis import given, settings
from hypothesis import strategies as st

from neuristor.boards.link import LONGEST, Answer, Frames, frame
from neuristor.hdl.link.frames import ADDRESS_BITS, COUNTERS, MOST_WORDS, Link, Operation, Status

HELLO, READ, WRITE = Operation.HELLO, Operation.READ, Operation.WRITE
RAM, POP, PUSH, TOP = range(300), 400, 401, (1 << ADDRESS_BITS) - 1
ROOM = 40
"""Words that the stream takes."""


class Transfer(NamedTuple):
    """One on the bus."""

    write: int
    address: int
    data: int
    """Written, or read; 0 if refused."""
    refused: bool


class Slave:
    """What is behind the link: a memory, the highest address, and a stream with a way in and a way out."""

    def __init__(self) -> None:
        # mostly without zero bytes, which makes long blocks
        self.words = {n: n * 0x9E3779B1 & 0xFFFF_FFFF | 0x01010101 for n in (*RAM, TOP)}
        self.stream: deque[int] = deque()
        self.log: list[Transfer] = []

    def ask(self, write: int, address: int, given: int) -> Transfer:
        """Carry a transfer out, or refuse it."""
        data: int | None = None
        if address in self.words:
            if write:
                self.words[address] = given
            data = self.words[address]
        elif write and address == PUSH and len(self.stream) < ROOM:
            self.stream.append(given)
            data = given
        elif not write and address == POP and self.stream:
            data = self.stream.popleft()
        self.log.append(Transfer(write, address, data or 0, data is None))
        return self.log[-1]


class Model:
    """The protocol, a frame at a time."""

    def __init__(self) -> None:
        self.slave = Slave()
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.session: int | None = None
        self.last = 0
        self.answer = b""

    def hear(self, stuffed: bytes, *, busy: bool = False) -> bytes:
        """Take the bytes up to a zero; the answer, with its zero, or nothing."""
        if busy:
            self.counters["missed"] += len(stuffed) > 1  # a byte alone says how long a block is, but there is none
            return b""
        name = self._judge(stuffed)
        if name:
            self.counters[name] += 1
        return self.answer if name in ("accepted", "repeated") else b""

    def _judge(self, stuffed: bytes) -> str:
        try:
            content = bytes(cobs.decode(stuffed))
        except cobs.DecodeError:
            return "malformed"
        if not content:
            return ""
        if len(content) % 4 or len(content) < 12 or len(content) > 1023:
            return "malformed"
        if zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
            return "corrupt"
        first, second, *words = (int.from_bytes(content[n : n + 4], "little") for n in range(0, len(content) - 4, 4))
        operation, count = first & 0xFF, second >> 20 & 0xFF
        if operation not in tuple(Operation) or count > MOST_WORDS:
            return "malformed"
        if len(words) != (count if operation == WRITE else 0):
            return "malformed"
        return self._obey(first, second, words)

    def _obey(self, first: int, second: int, words: list[int]) -> str:
        session, sequence, operation = first >> 16, first >> 8 & 0xFF, first & 0xFF
        ours = session == self.session
        if ours and sequence == self.last:
            return "repeated"
        if not (ours and sequence == (self.last + 1) % 256) and (ours or operation != HELLO):
            return "foreign"
        self.session, self.last = session, sequence
        address, count, fixed = second & TOP, second >> 20 & 0xFF, second >> 31
        got: list[int] = []
        status = Status.DONE
        for n in range(count if operation != HELLO else 0):
            at = address if fixed else (address + n) & TOP
            done = self.slave.ask(int(operation == WRITE), at, words[n] if operation == WRITE else 0)
            if done.refused:
                status = Status.REFUSED
                break
            got.append(done.data)
        head = [first | 0x80, fixed << 31 | status << 28 | len(got) << 20 | address]
        content = b"".join(word.to_bytes(4, "little") for word in head + (got if operation == READ else []))
        self.answer = bytes(cobs.encode(content + zlib.crc32(content).to_bytes(4, "little"))) + b"\0"
        return "accepted"


class Bench:
    """A link in Amaranth's simulator between a wire and a slave of its own, and the model beside.

    Parameters
    ----------
    seed : int
        Of pauses on the wire, waits on the bus, and when answers are taken.
    steady : bool
        None of these: a byte a clock.
    link : Link, optional
        Another one than that of ``neuristor.hdl.link.frames``.
    """

    def __init__(self, seed: int, *, steady: bool = False, link: Any = None) -> None:
        self.draw, self.steady = random.Random(seed), steady
        self.link, self.slave, self.model = Link() if link is None else link, Slave(), Model()
        self.held = False
        """The slave does not answer."""
        self.deaf = False
        """Nobody takes an answer."""
        self.transfers_begun = 0
        self.got = bytearray()
        self.wanted = bytearray()
        self._ctx: Any = None

    def run(self, script: Callable[[], Any]) -> None:
        """Run a script that calls `send` and `finish`."""
        simulator = Simulator(self.link)
        simulator.add_clock(1e-6)

        async def testbench(ctx: Any) -> None:
            self._ctx = ctx
            await script()

        simulator.add_testbench(testbench)
        simulator.add_testbench(self._bus, background=True)
        simulator.add_testbench(self._listen, background=True)
        simulator.run()

    def _rarely(self) -> int:
        return 0 if self.steady else self.draw.choice((0, 0, 0, 1, 2, 7))

    async def _bus(self, ctx: Any) -> None:
        bus = self.link.bus
        while True:
            await ctx.tick()
            if not (ctx.get(bus.cyc) and ctx.get(bus.stb)):
                continue
            self.transfers_begun += 1
            asked = [ctx.get(part) for part in (bus.we, bus.adr, bus.dat_w, bus.sel)]
            wait = self._rarely()
            while self.held or wait > 0:
                wait -= 1
                await ctx.tick()
                assert ctx.get(bus.cyc)
                assert asked == [ctx.get(part) for part in (bus.we, bus.adr, bus.dat_w, bus.sel)]
            write, address, given, sel = asked
            assert sel == 0xF
            done = self.slave.ask(write, address, given)
            ctx.set(bus.dat_r, done.data)
            ctx.set(bus.err if done.refused else bus.ack, 1)
            await ctx.tick()
            ctx.set(bus.dat_r, 0xDEAD_BEEF)
            ctx.set(bus.ack, 0)
            ctx.set(bus.err, 0)

    async def _listen(self, ctx: Any) -> None:
        o = self.link.o
        while True:
            taken = not self.deaf and not self._rarely()
            ctx.set(o.ready, taken)
            if taken and ctx.get(o.valid):
                self.got.append(ctx.get(o.payload))
            await ctx.tick()

    async def tick(self) -> None:
        """A clock."""
        await self._ctx.tick()

    async def put(self, data: bytes) -> None:
        """Bytes onto the wire, and nothing else."""
        ctx, i = self._ctx, self.link.i
        for byte in data:
            ctx.set(i.valid, 1)
            ctx.set(i.payload, byte)
            assert ctx.get(i.ready), "bytes that come are always taken"
            await ctx.tick()
            ctx.set(i.valid, 0)
            ctx.set(i.payload, 0xA5)
            for _ in range(self._rarely()):
                await ctx.tick()

    async def send(self, data: bytes, *, busy: bool = False) -> None:
        """Bytes that end with a zero; wait for the answers and compare. While `busy`, there are none."""
        pieces = data.split(b"\0")
        assert not pieces.pop()
        for piece in pieces:
            await self.put(piece + b"\0")
            self.wanted += self.model.hear(piece, busy=busy) if piece else b""
            if not busy:
                await self.settle()

    async def begin(self, data: bytes) -> None:
        """A command that stays at work until `finish`."""
        self.held, before = True, self.transfers_begun
        await self.put(data)
        for _ in range(20):
            await self.tick()
        assert self.transfers_begun == before + 1, "the command must be at work"
        self.wanted += self.model.hear(data[:-1])
        # nothing was carried out yet, although the model has
        assert len(self.slave.log) < len(self.model.slave.log)

    async def finish(self) -> None:
        """Let the command that is at work end."""
        self.held = False
        await self.settle()

    async def settle(self) -> None:
        """Wait for what is due, and a little longer; all must be as in the model."""
        for _ in range(20_000):
            if len(self.got) >= len(self.wanted):
                break
            await self.tick()
        for _ in range(12):
            await self.tick()
        self.check()

    def check(self) -> None:
        """Compare all."""
        assert self.got == self.wanted
        assert {name: self._ctx.get(getattr(self.link, name)) for name in COUNTERS} == self.model.counters
        assert self.slave.log == self.model.slave.log
        assert (self.slave.words, self.slave.stream) == (self.model.slave.words, self.model.slave.stream)


def raw(session: int, sequence: int, operation: int, second: int, words: Iterable[int] = (), spoil: int = 0) -> bytes:
    """Any frame whose CRC is right, but for `spoil`."""
    content = b"".join(
        word.to_bytes(4, "little") for word in (session << 16 | sequence << 8 | operation, second, *words)
    )
    crc = zlib.crc32(content) ^ spoil
    return bytes(cobs.encode(content + crc.to_bytes(4, "little"))) + b"\0"


class Traffic:
    """Makes frames of every kind for a bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.draw = bench, bench.draw

    @property
    def session(self) -> int:
        return self.bench.model.session or 0

    @property
    def following(self) -> int:
        return (self.bench.model.last + 1) % 256

    def command(self, session: int, sequence: int) -> bytes:
        """A good one, whatever its session and sequence."""
        draw = self.draw
        count = draw.choice((0, 1, 1, 2, 3, 5, 9, draw.randrange(129)) if draw.random() < 0.3 else (0, 1, 2, 3))
        fixed = draw.random() < 0.4
        if draw.random() < 0.05:
            return frame(HELLO, session, sequence, draw.randrange(1 << 20), count=count, fixed=fixed)
        address = draw.choice((draw.randrange(310), 298, 299, POP, PUSH, TOP - 1, TOP, 500))
        if draw.random() < 0.5:
            address = POP if draw.random() < 0.3 else address
            return frame(READ, session, sequence, address, count=count, fixed=fixed)
        address = PUSH if draw.random() < 0.3 else address
        words = [draw.choice((0, 0xFFFF_FFFF, draw.getrandbits(32))) for _ in range(count)]
        return frame(WRITE, session, sequence, address, words, fixed=fixed)

    def good(self) -> bytes:
        return self.command(self.session, self.following)

    def another(self) -> int:
        """A session that is not ours."""
        return (self.session + self.draw.choice((1, 2, 256, 0x8000, self.draw.randrange(1, 0x10000)))) % 0x10000

    def step(self, kind: str) -> bytes:
        """Bytes of one kind."""
        draw, session, following = self.draw, self.session, self.following
        whole = self.good()
        if kind == "good":
            return whole
        if kind == "flipped":
            spoilt = bytearray(whole)
            for _ in range(draw.choice((1, 1, 2, 3, 8))):
                spoilt[draw.randrange(len(spoilt) - 1)] ^= 1 << draw.randrange(8)
            return bytes(spoilt)
        if kind == "truncated":
            return whole[: draw.randrange(1, len(whole) - 1)] + b"\0"
        if kind == "head lost":
            return whole[draw.randrange(1, len(whole)) :]
        if kind == "byte lost":
            place = draw.randrange(len(whole) - 1)
            return whole[:place] + whole[place + 1 :]
        if kind == "byte twice":
            place = draw.randrange(len(whole) - 1)
            return whole[: place + 1] + whole[place:]
        if kind == "byte more":
            place = draw.randrange(len(whole))
            return whole[:place] + draw.randbytes(1) + whole[place:]
        if kind == "end lost":
            return whole[:-1] + self.good()
        if kind == "wrong CRC":
            return raw(session, following, WRITE, 1 << 20 | 7, [draw.getrandbits(32)], spoil=1 << draw.randrange(32))
        if kind == "repeated":
            return self.command(session, self.bench.model.last)  # the sequence counts, not what is in it
        if kind == "other session":
            return next(
                each
                for each in iter(lambda: self.command(self.another(), draw.randrange(256)), b"")
                if cobs.decode(each[:-1])[0] != HELLO
            )
        if kind == "other sequence":
            return self.command(session, (following + draw.choice((1, 2, 128, 254, draw.randrange(1, 255)))) % 256)
        if kind == "other session, right sequence":
            return raw(self.another(), draw.choice((following, self.bench.model.last)), draw.choice((READ, WRITE)), 5)
        if kind == "begins anew":
            return frame(HELLO, self.another(), draw.randrange(256))
        if kind == "too long":
            words = [draw.getrandbits(32) for _ in range(draw.choice((129, 130, 200, 252, 253, 254, 255, 256, 300)))]
            return raw(session, following, WRITE, (len(words) & 0xFF) << 20, words)
        if kind == "too long, with a command at its end":
            words = [draw.getrandbits(32) for _ in range(254)]
            return raw(session, following, WRITE, 0, [*words, session << 16 | following << 8 | READ, 1 << 20 | 5])
        if kind == "too many":
            return raw(session, following, draw.choice((READ, HELLO)), draw.randrange(129, 256) << 20 | 3)
        if kind == "wrong length":
            count, words = draw.randrange(5), [draw.getrandbits(32) for _ in range(draw.randrange(5))]
            count += count == len(words)
            return raw(session, following, WRITE, count << 20 | 3, words)
        if kind == "words where none belong":
            words = [draw.getrandbits(32) for _ in range(draw.randrange(1, 5))]
            return raw(session, following, draw.choice((READ, HELLO)), len(words) << 20 | 3, words)
        if kind == "ends within a block":
            spoilt, place = bytearray(whole), 0
            while place + spoilt[place] < len(whole) - 1:
                place += spoilt[place]
            spoilt[place] += draw.randrange(1, 256 - spoilt[place]) if spoilt[place] < 255 else 0
            return bytes(spoilt)
        if kind == "no such operation":
            return raw(session, following, draw.choice((0, 4, 0x81, 0x82, 0x83, 0xFF)), 0)
        if kind == "short":
            content = draw.randbytes(draw.choice((1, 2, 3, 4, 5)))
            whole = content + zlib.crc32(content).to_bytes(4, "little")
            return bytes(cobs.encode(whole)) + b"\0"
        if kind == "nothing":
            return draw.choice((b"\0", b"\0\0\0", b"\x01\0"))
        assert kind == "junk"
        return draw.randbytes(draw.choice((1, 2, 3, 10, 40))) + b"\0"


KINDS = (
    *("flipped", "truncated", "head lost", "byte lost", "byte twice", "byte more", "end lost", "wrong CRC"),
    *("repeated", "repeated", "other session", "other sequence", "other session, right sequence", "begins anew"),
    *("too long", "too long, with a command at its end", "too many", "wrong length", "ends within a block"),
    *("words where none belong", "no such operation", "short", "nothing", "junk"),
)


@pytest.mark.few(1)
@pytest.mark.parametrize("seed", range(3))
def test_state_counters_and_answers_are_those_of_the_model(seed: int) -> None:
    bench = Bench(seed, steady=seed % 2 == 0)
    traffic = Traffic(bench)
    kinds = [*KINDS * 4, *["good"] * 40]

    async def script() -> None:
        await bench.send(traffic.command(7, 7))  # nobody has said hello
        for sequence in (255, 0, 1):
            await bench.send(frame(READ, 0, sequence, 0, count=1))
        await bench.send(frame(HELLO, 0, bench.draw.randrange(250, 256)))
        for kind in bench.draw.sample(kinds, len(kinds)):
            await bench.send(traffic.step(kind))
        await bench.send(frame(READ, traffic.session, traffic.following, TOP, count=3))

    bench.run(script)
    assert min(value for name, value in bench.model.counters.items() if name != "missed") > 2
    assert any(each.refused for each in bench.slave.log)
    assert [each.address for each in bench.slave.log[-3:]] == [TOP, 0, 1]


@pytest.mark.few(1)
@pytest.mark.parametrize("seed", range(2))
def test_what_comes_while_a_command_is_at_work_is_missed_and_changes_nothing(seed: int) -> None:
    bench = Bench(seed)
    traffic = Traffic(bench)

    async def script() -> None:
        await bench.send(frame(HELLO, 1, 2))
        for turn in range(15):
            words = [bench.draw.getrandbits(32) for _ in range(bench.draw.randrange(1, 6))]
            at_work = (
                frame(READ, traffic.session, traffic.following, turn, count=3)
                if turn % 3 == 0
                else frame(WRITE, traffic.session, traffic.following, 10 * turn, words)
            )
            await bench.begin(at_work)
            await bench.send(at_work, busy=True)
            await bench.send(frame(HELLO, 9, 9), busy=True)
            for _ in range(bench.draw.randrange(6)):
                await bench.send(traffic.step(bench.draw.choice(KINDS)), busy=True)
            await bench.finish()
            await bench.send(at_work)  # now it is a repeat
            await bench.send(traffic.good())

    bench.run(script)
    assert bench.model.counters["missed"] > 40
    assert bench.model.counters["repeated"] >= 15


@pytest.mark.few(3)
@pytest.mark.parametrize("cut", range(1, 17))
def test_a_frame_that_begins_while_a_command_is_at_work_is_missed_as_a_whole(cut: int) -> None:
    bench = Bench(cut, steady=True)

    async def script() -> None:
        await bench.send(frame(HELLO, 1, 255))
        await bench.begin(frame(WRITE, 1, 0, 20, [5]))
        following = frame(WRITE, 1, 1, 21, [0x01020304])
        assert len(following) > 17
        await bench.put(following[:cut])
        bench.held = False
        for _ in range(200):  # answered, while the frame is not at its end
            await bench.tick()
        assert bench.got == bench.wanted
        await bench.put(following[cut:])
        # a byte that says how long a block is, is not of a frame yet
        bench.wanted += bench.model.hear(following[:-1], busy=cut > 1)
        await bench.settle()
        await bench.send(following)
        await bench.send(frame(READ, 1, 2, 20, count=2))

    bench.run(script)


@pytest.mark.parametrize("words", [0, 1, 128])
def test_a_frame_right_behind_another_is_missed_and_one_right_behind_the_answer_is_not(words: int) -> None:
    bench = Bench(1, steady=True)

    async def script() -> None:
        await bench.send(frame(HELLO, 3, 0))
        for turn in range(4):
            command = frame(WRITE, 3, turn + 1, 0, [turn] * words)
            other = frame(READ, 3, turn + 2, 0, count=1)
            await bench.put(command + other)
            bench.wanted += bench.model.hear(command[:-1])
            bench.model.hear(other[:-1], busy=True)
            while len(bench.got) < len(bench.wanted):
                await bench.tick()
            await bench.send(command)

    bench.run(script)
    assert bench.model.counters == {
        "accepted": 5,
        "repeated": 4,
        "foreign": 0,
        "corrupt": 0,
        "malformed": 0,
        "missed": 4,
    }


def test_an_answer_that_nobody_takes_holds_up_commands_and_loses_none() -> None:
    bench = Bench(5, steady=True)

    async def script() -> None:
        await bench.send(frame(HELLO, 3, 0))
        for turn in range(3):
            bench.deaf = True
            command = frame(READ, 3, turn + 1, 0, count=128)
            await bench.put(command)
            bench.wanted += bench.model.hear(command[:-1])
            for _ in range(3000):
                await bench.tick()
            assert len(bench.got) < len(bench.wanted)
            await bench.send(frame(WRITE, 3, turn + 2, 0, [1]), busy=True)
            bench.deaf = False
            await bench.settle()

    bench.run(script)


def test_each_bit_of_a_frame_flipped_changes_nothing() -> None:
    bench = Bench(2, steady=True)

    async def script() -> None:
        await bench.send(frame(HELLO, 0x1234, 0x55))
        command = frame(WRITE, 0x1234, 0x56, 3, [0, 0xFFFF_FFFF])
        for place in range(len(command) - 1):
            for bit in range(8):
                spoilt = bytearray(command)
                spoilt[place] ^= 1 << bit
                await bench.send(bytes(spoilt))
        assert bench.model.counters["accepted"] == 1
        assert bench.slave.log == []
        await bench.send(command)
        assert len(bench.slave.log) == 2

    bench.run(script)


@pytest.mark.extended
def test_every_sequence_comes_round_and_only_the_next_and_the_last_are_answered() -> None:
    bench = Bench(3, steady=True)

    async def script() -> None:
        await bench.send(frame(HELLO, 2, 77))
        for sequence in range(256):
            if sequence in (77, 78):
                continue
            await bench.send(frame(WRITE, 2, sequence, 1, [sequence]))
        assert bench.slave.log == []
        for n in range(300):
            await bench.send(frame(WRITE, 2, (78 + n) % 256, n, [n] if n % 7 == 0 else []))
            if n % 7 == 0:
                await bench.send(frame(WRITE, 2, (78 + n) % 256, n, [n]))

    bench.run(script)
    assert bench.model.counters["foreign"] == 254
    assert bench.model.counters["accepted"] == 301
    assert bench.model.counters["repeated"] == 43


def test_hello_of_the_same_session_does_not_turn_the_sequence_back() -> None:
    bench = Bench(4, steady=True)

    async def script() -> None:
        hello = frame(HELLO, 5, 10)
        await bench.send(hello)
        await bench.send(hello)
        await bench.send(frame(WRITE, 5, 11, PUSH, [1]))
        await bench.send(frame(WRITE, 5, 12, PUSH, [2]))
        await bench.send(hello)  # an old one: foreign
        await bench.send(frame(WRITE, 5, 11, PUSH, [1]))
        await bench.send(frame(READ, 5, 13, POP, count=5, fixed=True))
        await bench.send(frame(READ, 5, 13, POP, count=5, fixed=True))

    bench.run(script)
    assert [each.data for each in bench.slave.log] == [1, 2, 1, 2, 0]
    assert bench.model.counters["foreign"] == 2


def mutant(module: str, before: str, after: str) -> Any:
    """A link with one change in the source of ``neuristor.hdl.link.frames`` or of ``neuristor.hdl.link.cobs``."""
    made = {}
    for name in ("neuristor.hdl.link.cobs", "neuristor.hdl.link.frames"):
        source = Path(import_module(name).__file__ or "").read_text(encoding="utf-8")
        if name == module:
            assert source.count(before) == 1, "the mutation must hit exactly one place"
            source = source.replace(before, after)
        made[name] = ModuleType(name + "_mutant")
        exec(compile(source, name, "exec"), made[name].__dict__)
    blocks = {name: made["neuristor.hdl.link.cobs"].__dict__[name] for name in ("CobsDecoder", "CobsEncoder")}
    made["neuristor.hdl.link.frames"].__dict__.update(blocks)
    return made["neuristor.hdl.link.frames"].Link()


def ends_with_zero(session: int, sequence: int) -> bytes:
    """A command whose answer does: its CRC's last byte is zero."""
    for address in range(1 << ADDRESS_BITS):
        head = (session << 16 | sequence << 8 | 0x80 | READ).to_bytes(4, "little") + address.to_bytes(4, "little")
        if zlib.crc32(head) >> 24 == 0:
            return frame(READ, session, sequence, address, count=0)
    raise AssertionError("there is none")


async def gauntlet(bench: Bench) -> None:
    """A little of everything."""
    traffic = Traffic(bench)
    for sequence in (255, 0, 1):
        await bench.send(frame(READ, 0, sequence, 0, count=1))
    await bench.send(frame(HELLO, 2, 254))
    for kind in bench.draw.sample(KINDS, len(KINDS)):
        await bench.send(traffic.step(kind))
    await bench.send(raw(traffic.session, traffic.following, READ, 129 << 20))
    await bench.send(raw(traffic.session, traffic.following, WRITE, 129 << 20, range(129)))
    for count in (128, 60):  # long blocks in the answer, and in the command
        await bench.send(frame(READ, traffic.session, traffic.following, 0, count=count))
        words = [bench.draw.getrandbits(32) | 0x01010101 for _ in range(count)]
        await bench.send(frame(WRITE, traffic.session, traffic.following, 70, words))
    await bench.send(ends_with_zero(traffic.session, traffic.following))
    await bench.send(frame(READ, traffic.session, traffic.following, POP, count=99, fixed=True))
    await bench.send(frame(WRITE, traffic.session, traffic.following, PUSH, [1, 2, 3], fixed=True))
    at_work = frame(READ, traffic.session, traffic.following, POP, count=2, fixed=True)
    await bench.begin(at_work)
    await bench.send(frame(HELLO, 9, 9), busy=True)
    await bench.put(at_work[:5])
    await bench.finish()
    await bench.put(at_work[5:] + at_work[:3] + b"\0")
    bench.model.hear(at_work[:-1], busy=True)
    bench.wanted += bench.model.hear(at_work[:3])
    await bench.send(at_work)
    await bench.send(frame(HELLO, traffic.session, 254))
    for kind in bench.draw.sample(KINDS, len(KINDS)):
        await bench.send(traffic.step(kind))
    await bench.send(frame(READ, traffic.session, traffic.following, 100, count=3))


MUTANTS = {
    "takes a wrong CRC": ("frames", "~crc.match_detected", "crc.match_detected & 0"),
    "takes a frame that ends within a block": ("frames", "~decoder.o.p.bad & ", ""),
    "takes a frame of any length": ("frames", " & (count == words << 2)", ""),
    "takes too many words": ("frames", "count <= MOST_WORDS)", "count <= MOST_WORDS + 1)"),
    "begins again in a frame that is too long": ("frames", "count + ~count.all()", "count + 1"),
    "goes on with the last CRC": ("frames", "crc.start.eq(fresh)", "crc.start.eq(0)"),
    "counts nothing that it missed": ("frames", "self.missed.eq(1)", "self.missed.eq(0)"),
    "takes the rest of a frame that it missed": ("frames", "skip | self.busy", "self.busy"),
    "accepts a frame while a command is executed": ("frames", "ignored = skip | self.busy", "ignored = skip"),
    "carries a repeat out again": ("frames", "sequence == state.expected)", "sequence - state.expected + 1)[1:8] == 0"),
    "takes any sequence": ("frames", "sequence == state.expected)", "sequence != (state.expected - 1)[:8])"),
    "takes any session": ("frames", "state.known & (first.session == state.session)", "state.known"),
    "needs no hello": ("frames", "state.known & (first.session == state.session)", "first.session == state.session"),
    "begins again with an old hello": ("frames", "m.If(~ours & is_hello)", "m.If(is_hello)"),
    "begins with any command": ("frames", "m.If(~ours & is_hello)", "m.If(~ours)"),
    "answers from what came": ("frames", "sender.word.eq(read.data)", "sender.word.eq(receiver.word)"),
    "answers a repeat with its own head": (
        "frames",
        "sender.first.eq(answer_first)",
        "sender.first.eq(first.as_value() | 0x80)",
    ),
    "counts a repeat as foreign": ("frames", 'counts["repeated"].eq(1)', 'counts["foreign"].eq(1)'),
    "goes on after a refusal": ("frames", "status.eq(Status.REFUSED)", "status.eq(Status.DONE)"),
    "never keeps the address": ("frames", "Mux(second.fixed, 0, done)", "done"),
    "makes blocks that are too long": ("cobs", "count == BLOCK - 1", "count == BLOCK"),
    "makes blocks that are too short": ("cobs", "count == BLOCK - 1", "count == BLOCK - 2"),
    "puts a zero after the longest block": ("cobs", "(~first & ~full)", "~first"),
    "forgets a zero at the end": ("cobs", "again.eq(self.i.p.last & zero)", "again.eq(0)"),
}


@pytest.mark.extended
def test_the_gauntlet_is_passed() -> None:
    bench = Bench(1, steady=True)
    bench.run(lambda: gauntlet(bench))


@pytest.mark.few(6)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_link_is_caught(name: str) -> None:
    module, before, after = MUTANTS[name]
    bench = Bench(1, steady=True, link=mutant(f"neuristor.hdl.link.{module}", before, after))
    with pytest.raises(AssertionError):
        bench.run(lambda: gauntlet(bench))


# The host's side


answers = st.builds(
    Answer,
    st.sampled_from([1, 2, 3]),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 7),
    st.integers(0, 255),
    st.lists(st.integers(0, 0xFFFF_FFFF), max_size=255).map(tuple),
)


def said(answer: Answer) -> tuple[Answer, bytes]:
    """An answer as a board sends it; one to a read has as many words as it says, any other none."""
    is_read = answer.operation == READ
    answer = answer._replace(**({"done": len(answer.words)} if is_read else {"words": ()}))
    second = answer.status << 28 | answer.done << 20
    return answer, raw(answer.session, answer.sequence, answer.operation | 0x80, second, answer.words)


def in_pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[first:last] for first, last in pairwise(places)]


@settings(max_examples=150, deadline=None)
@given(st.lists(answers, max_size=4), st.lists(st.integers(0, 10_000), max_size=6))
def test_answers_come_back_however_they_are_cut(each: list[Answer], cuts: list[int]) -> None:
    both = [said(answer) for answer in each]
    frames = Frames()
    found = [answer for piece in in_pieces(b"".join(b for _, b in both), cuts) for answer in frames.feed(piece)]
    assert found == [answer for answer, _ in both]
    assert frames.damaged == 0


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.lists(st.sampled_from([0, 1, 2, 3, 255])).map(bytes)), max_size=8))
def test_of_any_bytes_nothing_comes_and_nothing_breaks(pieces: list[bytes]) -> None:
    frames = Frames()
    assert [answer for piece in pieces for answer in frames.feed(piece)] == []
    whole = b"".join(pieces).split(b"\0")[:-1]
    assert frames.damaged == sum(map(bool, whole))
    answer, stuffed = said(Answer(READ, 1, 2, 0, 2, (3, 4)))
    assert frames.feed(b"\0" + stuffed) == [answer]


@settings(max_examples=400, deadline=None)
@given(answers, st.data())
def test_of_a_damaged_answer_nothing_comes(answer: Answer, data: st.DataObject) -> None:
    answer, stuffed = said(answer)
    spoilt = bytearray(stuffed)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(spoilt) - 1))
        what = data.draw(st.sampled_from(("flip", "drop", "double", "more")))
        if what == "flip":
            spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "drop":
            del spoilt[place]
        elif what == "double":
            spoilt.insert(place, spoilt[place])
        else:
            spoilt.insert(place, data.draw(st.integers(0, 255)))
        if not spoilt:
            break
    frames = Frames()
    found = frames.feed(bytes(spoilt) + b"\0")
    assert found in ([], [answer])
    if found:  # it came whole: nothing but zeros, which are not of it, was added or lost, or the changes cancelled
        assert stuffed[:-1] in bytes(spoilt).split(b"\0")
    both = [said(Answer(WRITE, 9, 9, 1, 7, ()))]
    assert frames.feed(b"\0" + both[0][1]) == [both[0][0]]


@pytest.mark.parametrize(
    ("operation", "second", "words"),
    [
        (READ, 1 << 20, [5]),  # a command is no answer
        (READ | 0x80, 2 << 20, [5]),
        (READ | 0x80, 0, [5]),
        (READ | 0x80, 1 << 20, []),
        (WRITE | 0x80, 1 << 20, [5]),
        (HELLO | 0x80, 0, [5]),
    ],
)
def test_what_is_no_answer_is_damaged_although_its_crc_is_right(operation: int, second: int, words: list[int]) -> None:
    frames = Frames()
    assert frames.feed(raw(1, 2, operation, second, words)) == []
    assert frames.damaged == 1


def test_bytes_without_a_zero_are_not_kept_for_ever() -> None:
    frames = Frames()
    for _ in range(100):
        assert frames.feed(b"\xff" * 100) == []
        assert len(frames._rest) <= LONGEST
    assert frames.damaged >= 2
    answer, stuffed = said(Answer(READ, 1, 2, 0, 1, (3,)))
    assert frames.feed(b"\0" + stuffed) == [answer]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(list(Operation)),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, TOP),
    st.lists(st.integers(0, 0xFFFF_FFFF), max_size=MOST_WORDS),
    st.booleans(),
)
def test_a_command_is_its_words_stuffed_and_ended(
    operation: Operation, session: int, sequence: int, address: int, words: list[int], fixed: bool
) -> None:
    second = fixed << 31 | len(words) << 20 | address
    given_words = words if operation == WRITE else []
    made = frame(operation, session, sequence, address, given_words, count=len(words), fixed=fixed)
    assert made == raw(session, sequence, operation, second, given_words)
    assert made.count(0) == 1
    assert made[-1] == 0
