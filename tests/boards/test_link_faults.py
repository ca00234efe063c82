"""The driver and a board with a bad cable between them: nothing is lost, doubled or wrong, whatever the cable does."""

from __future__ import annotations

import os
import pty
import random
import select
import threading
import time
import tty
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pytest
import serial
from amaranth.hdl import Module, Signal
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from cobs import cobs

from neuristor.boards.host import BoardLostError, Client
from neuristor.hdl.link.core import Content, Core
from neuristor.hdl.link.frames import COUNTERS, MOST_WORDS, Operation
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.link.serial import SerialCore
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.virtual_board import VirtualBoard
from tests.hdl.link.test_frames import raw

pytestmark = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")

CLOCKS = 4
"""Of a bit: a small number makes a fast board."""
WORDS, ROOM = 200, 64
"""Of the memory, and of the stream."""
FAULTS = (
    *("flip", "flip", "lose bytes", "double bytes", "lose frame", "double frame", "junk", "cut", "pause", "late"),
    *("no end", "zeros", "no start"),
)


class Scratch(Core):
    """A memory, and a stream that gives back what it was given."""

    def __init__(self) -> None:
        super().__init__(
            [
                Entry(name="given", access="read", meaning="words that the stream took; wraps"),
                Entry(name="key", access="read and write", meaning=""),
                Entry(name="memory", access="read and write", words=WORDS, meaning="", window=True),
                Entry(name="push", access="write", meaning="", window=True),
                Entry(name="pop", access="read", meaning="", window=True),
            ]
        )

    def structure(self) -> Mapping[str, Any]:
        return {"kind": "scratch"}

    def contents(self) -> list[Content]:
        return []

    def describe(self, m: Module, registers: Registers, reset: Signal) -> None:
        memory: Any = Memory(shape=32, depth=WORDS, init=[])
        m.submodules.memory = memory
        read, write = memory.read_port(), memory.write_port()
        window, arrived = registers.memory, Signal()
        m.d.sync += arrived.eq(window.request & ~window.write & ~arrived)
        m.d.comb += [
            read.addr.eq(window.address),
            write.addr.eq(window.address),
            write.data.eq(window.given),
            write.en.eq(window.request & window.write),
            window.data.eq(read.data),
            window.done.eq(window.write | arrived),
        ]
        m.submodules.stream = stream = SyncFIFOBuffered(width=32, depth=ROOM)
        push, pop = registers.push, registers.pop
        m.d.comb += [
            stream.w_data.eq(push.given),
            stream.w_en.eq(push.request),
            push.done.eq(stream.w_rdy),
            push.refused.eq(~stream.w_rdy),
            stream.r_en.eq(pop.request),
            pop.data.eq(stream.r_data),
            pop.done.eq(stream.r_rdy),
            pop.refused.eq(~stream.r_rdy),
        ]
        given = Signal(32)
        with m.If(push.request & stream.w_rdy):
            m.d.sync += given.eq(given + 1)
        m.d.comb += registers.given.eq(given)


def kind_of(stuffed: bytes) -> str:
    """What the bytes up to a zero are, by nobody's circuit: "nothing", "whole", "corrupt" or "malformed"."""
    try:
        content = bytes(cobs.decode(stuffed))
    except cobs.DecodeError:
        return "malformed"
    if not content:
        return "nothing"
    if len(content) % 4 or not 12 <= len(content) <= 1023:
        return "malformed"
    if zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return "corrupt"
    return "whole"


class Way:
    """One direction of a cable: frames go in whole, and come out as the cable leaves them."""

    def __init__(self, source: int, target: int, draw: random.Random) -> None:
        self.source, self.target, self.draw = source, target, draw
        self.faults = 0.0
        """The part of the frames that suffer."""
        self.cut = False
        """Nothing comes through."""
        self.longest_pause = 0.03
        self.done: Counter[str] = Counter()
        """Faults, by what they were."""
        self.came: Counter[str] = Counter()
        """What came out, by `kind_of`; single bytes apart, for a board at work does not count those."""
        self.frames = 0
        self.quiet = True
        self._late: list[tuple[int, bytes]] = []
        self._waiting = self._rest = b""
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            ready, _, _ = select.select([self.source], [], [], 0.02)
            self.quiet = not ready
            if not ready:
                continue
            *frames, self._waiting = (self._waiting + os.read(self.source, 4096)).split(b"\0")
            for each in frames:
                self.frames += 1
                self._pass(each + b"\0")

    def _pass(self, frame: bytes) -> None:
        late = [each for due, each in self._late if due <= self.frames]
        self._late = [each for each in self._late if each[0] > self.frames]
        if self.cut:
            return
        for each in late if self.faults else []:
            self._put(each)
        if self.draw.random() >= self.faults:
            self._put(frame)
            return
        name = self.draw.choice(FAULTS)
        self.done[name] += 1
        self._put(self._spoilt(name, bytearray(frame)))

    def _spoilt(self, name: str, frame: bytearray) -> bytes:
        draw, some = self.draw, self.draw.choice((1, 1, 1, 2, 3))
        place = draw.randrange(len(frame))
        if name == "flip":
            for _ in range(some):
                frame[draw.randrange(len(frame))] ^= 1 << draw.randrange(8)
        elif name == "lose bytes":
            del frame[place : place + some]
        elif name == "double bytes":
            frame[place:place] = frame[place : place + some]
        elif name == "lose frame":
            frame.clear()
        elif name == "double frame":
            frame *= 1 + some
        elif name == "junk":
            frame[place:place] = draw.randbytes(draw.randrange(1, 20))
        elif name == "zeros":
            frame[place:place] = bytes(some)
        elif name == "cut":
            del frame[place:]
        elif name == "no end":
            del frame[-1]
        elif name == "no start":
            del frame[: place + 1]
        elif name == "pause":
            self._put(bytes(frame[:place]))
            time.sleep(draw.random() * self.longest_pause)
            del frame[:place]
        elif name == "late" and kind_of(bytes(frame[:-1])) == "whole" and cobs.decode(frame[:-1])[0] != Operation.HELLO:
            # it comes once more, after some others: not as a wire would, but as a bad driver or hub might
            self._late.append((self.frames + draw.randrange(1, 60), bytes(frame)))
        return bytes(frame)

    def _put(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\0")
        for each in filter(None, whole):
            kind = kind_of(each)
            self.came["single" if kind == "malformed" and len(each) == 1 else kind] += 1
        while data:
            data = data[os.write(self.target, data) :]


class Cable:
    """Between a client and a board: a pseudo-terminal, and a thread for each direction."""

    def __init__(self, port: str, seed: int) -> None:
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._host, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self.down = Way(self._host, self._board, random.Random(seed))
        self.up = Way(self._board, self._host, random.Random(seed + 1))

    def set_faults(self, part: float) -> None:
        self.down.faults = self.up.faults = part

    def rest(self) -> None:
        """Faults are over; wait until nothing is on its way."""
        self.set_faults(0.0)
        calm = 0
        while calm < 5:
            time.sleep(0.03)
            calm = calm + 1 if self.down.quiet and self.up.quiet else 0

    def close(self) -> None:
        for way in (self.down, self.up):
            way.close()
        for end in (self._board, self._host, self._theirs):
            os.close(end)


@contextmanager
def connected(seed: int, **options: Any) -> Iterator[tuple[Client, Cable]]:
    """A client on a cable to a board."""
    with VirtualBoard(SerialCore(Scratch(), CLOCKS)) as board:
        cable = Cable(board.port, seed)
        try:
            client = Client(cable.port, **{"timeout": 0.02, "tries": 60, **options})
            try:
                yield client, cable
            finally:
                client.close()
        finally:
            cable.close()


@pytest.fixture(scope="module")
def addresses() -> dict[str, int]:
    core = Scratch()
    core.describe_only()
    return core.registers.addresses


class Work:
    """Commands, each with what it must give; a stream shows every one that is lost or doubled."""

    def __init__(self, client: Client, addresses: Mapping[str, int], seed: int) -> None:
        self.client, self.at, self.draw = client, addresses, random.Random(seed)
        self.memory = [0] * WORDS
        self.stream: deque[int] = deque()
        self.given = self.commands = 0
        client.write(self.at["memory"], self.memory)
        self.commands += 1 + -(-WORDS // MOST_WORDS)  # and that of the beginning

    def few(self, most: int) -> int:
        return self.draw.choice((1, 1, 2, 3, self.draw.randrange(1, most + 1))) if self.draw.random() < 0.9 else most

    def step(self) -> None:
        """A command."""
        self.commands += 1
        self.draw.choice((self.store, self.load, self.push, self.push, self.pop, self.pop, self.count))()

    def store(self) -> None:
        count = self.few(MOST_WORDS)
        place = self.draw.randrange(WORDS - count)
        full = 0x01010101 if self.draw.random() < 0.9 else 0  # without zero bytes, blocks are long
        words = [self.draw.getrandbits(32) | full for _ in range(count)]
        assert self.client.write(self.at["memory"] + place, words) == count
        self.memory[place : place + count] = words

    def load(self) -> None:
        count = self.few(MOST_WORDS)
        place = self.draw.randrange(WORDS - count)
        assert self.client.read(self.at["memory"] + place, count) == self.memory[place : place + count]

    def push(self) -> None:
        # what is pushed is numbered, so that each word is there once
        words = [self.given + n & 0xFFFF_FFFF for n in range(self.few(20))]
        taken = min(len(words), ROOM - len(self.stream))
        assert self.client.write(self.at["push"], words, fixed=True) == taken
        self.stream.extend(words[:taken])
        self.given += taken

    def pop(self) -> None:
        count = self.few(20)
        wanted = [self.stream.popleft() for _ in range(min(count, len(self.stream)))]
        assert self.client.read(self.at["pop"], count, fixed=True) == wanted

    def count(self) -> None:
        assert self.client.read(self.at["given"], 1) == [self.given]

    def finish(self) -> dict[str, int]:
        """All there is, at the end; the counters of the link."""
        for first in range(0, WORDS, 50):
            self.commands += 1
            assert self.client.read(self.at["memory"] + first, 50) == self.memory[first : first + 50]
        while self.stream:
            self.commands += 1
            self.pop()
        self.commands += 1
        assert self.client.read(self.at["pop"], 1, fixed=True) == []
        self.commands += 1
        self.count()
        self.commands += 1
        words = self.client.read(self.at["link_accepted"], len(COUNTERS))
        return dict(zip(COUNTERS, words, strict=True))


def campaign(addresses: Mapping[str, int], frames: int, faults: float, seed: int) -> dict[str, Any]:
    """Commands over a bad cable until the client has sent so many frames, and all counts at the end."""
    began = time.monotonic()
    with connected(seed) as (client, cable):
        cable.set_faults(faults)
        work = Work(client, addresses, seed + 2)
        while cable.down.frames < frames:
            work.step()
        cable.rest()
        # the last frame may have no end; what comes next is lost with it, for the last time
        work.count()
        work.commands += 1
        cable.rest()
        client.timeout, repeats = 5.0, client.repeats
        counters = work.finish()
        assert client.repeats == repeats, "without faults nothing is repeated"
        down, up = cable.down, cable.up
        assert counters["accepted"] == work.commands % (1 << 16)
        # every frame that came to the board was counted, as what it was, or as missed
        total = sum(down.came[kind] for kind in ("whole", "corrupt", "malformed"))
        singles = (sum(counters.values()) - total) % (1 << 16)
        assert singles <= down.came["single"]
        assert counters["corrupt"] <= down.came["corrupt"]
        assert counters["malformed"] <= down.came["malformed"] + singles
        assert counters["repeated"] + counters["foreign"] <= down.came["whole"] - work.commands
        # and so was every one that came to the host
        assert client._frames.damaged == up.came.total() - up.came["whole"]
        if frames >= 2000:  # enough that each must have come
            assert min(way.done[name] for way in (down, up) for name in FAULTS) > 0
            assert min(counters.values()) > 0
        return {
            "commands": work.commands,
            "repeats": client.repeats,
            "frames": (down.frames, up.frames),
            "faults": (down.done.total(), up.done.total()),
            "counters": counters,
            "damaged": client._frames.damaged,
            "seconds": round(time.monotonic() - began, 1),
        }


@pytest.mark.extended
def test_a_good_cable_repeats_nothing_and_counts_nothing_but_commands(addresses: dict[str, int]) -> None:
    with connected(1, timeout=5.0) as (client, cable):
        work = Work(client, addresses, 1)
        while work.commands < 400:
            work.step()
        assert work.finish() == dict.fromkeys(COUNTERS, 0) | {"accepted": work.commands}
        assert (client.repeats, client._frames.damaged) == (0, 0)
        assert cable.down.frames == cable.up.frames == work.commands


@pytest.mark.parametrize(
    ("faults", "frames"),
    [pytest.param(0.15, 2000, marks=pytest.mark.slow), pytest.param(0.3, 250, marks=pytest.mark.extended), (0.3, 60)],
)
def test_a_bad_cable_loses_doubles_and_changes_no_command(
    addresses: dict[str, int], faults: float, frames: int
) -> None:
    found = campaign(addresses, frames, faults, seed=int(100 * faults))
    assert found["repeats"] > frames * faults / 4


@pytest.mark.slow
def test_a_hundred_thousand_frames_over_a_bad_cable(addresses: dict[str, int]) -> None:
    found = campaign(addresses, 100_000, 0.1, seed=7)
    print(found)
    assert found["frames"][0] >= 100_000


@pytest.mark.parametrize("seed", [1, 2])
def test_sessions_come_and_go_over_a_bad_cable_and_the_board_is_the_same(addresses: dict[str, int], seed: int) -> None:
    with connected(seed) as (client, cable):
        cable.set_faults(0.15)
        work = Work(client, addresses, seed)
        for _ in range(25):
            for _ in range(work.draw.randrange(8)):
                work.step()
            client.connect()
        cable.rest()
        work.count()
        work.finish()


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_cable_that_was_pulled_and_put_back_costs_time_only(addresses: dict[str, int], way: str) -> None:
    with connected(3) as (client, cable):
        work = Work(client, addresses, 3)
        for _ in range(3):
            work.push()
            getattr(cable, way).cut = True
            back = threading.Timer(0.3, setattr, (getattr(cable, way), "cut", False))
            back.start()
            work.push()
            back.join()
            work.pop()
        assert client.repeats >= 3
        work.finish()


@pytest.mark.parametrize("way", ["down", "up"])
def test_after_a_command_was_given_up_the_next_one_is_carried_out(addresses: dict[str, int], way: str) -> None:
    # with the answers lost, the board has carried it out; under its number, it would take the next one for it
    with connected(4, timeout=0.1, tries=4) as (client, cable):
        for n in range(2):
            getattr(cable, way).cut = True
            with pytest.raises(BoardLostError, match=r"no answer from .* in 4 tries"):
                client.write(addresses["push"], [10 * n, 10 * n + 1], fixed=True)
            getattr(cable, way).cut = False
            client.tries = 30  # a busy machine is not a lost board
            assert client.write(addresses["push"], [10 * n + 5], fixed=True) == 1
            given_up = [10 * n, 10 * n + 1] if way == "up" else []
            assert client.read(addresses["pop"], 9, fixed=True) == [*given_up, 10 * n + 5]
            client.tries = 4


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_after_a_command_was_interrupted_the_next_one_is_carried_out(
    addresses: dict[str, int], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(5, timeout=0.5, tries=8) as (client, cable):

        def write(port: serial.Serial, data: bytes) -> None:
            whole(port, {"before": b"", "within": data[:9], "after": data}[moment])
            raise KeyboardInterrupt

        whole = serial.Serial.write
        for n in range(3):
            with monkeypatch.context() as patch:
                patch.setattr(serial.Serial, "write", write)
                with pytest.raises(KeyboardInterrupt):
                    client.write(addresses["push"], [10 * n], fixed=True)
            cable.rest()  # the answer is there, and is not taken for that of the next one
            assert client.write(addresses["push"], [10 * n + 5], fixed=True) == 1
            carried_out = [10 * n] if moment == "after" else []
            assert client.read(addresses["pop"], 9, fixed=True) == [*carried_out, 10 * n + 5]


def test_a_session_that_the_board_has_had_is_not_drawn_again(
    addresses: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda most: most - 1)
    with connected(6, timeout=0.5, tries=8) as (client, _):
        for n in range(3):
            assert client.write(addresses["push"], [n], fixed=True) == 1
            client.connect()
        assert client.read(addresses["pop"], 9, fixed=True) == [0, 1, 2]


@pytest.mark.parametrize("other", ["operation", "sequence", "session", "none"])
def test_an_answer_to_something_else_is_not_taken(addresses: dict[str, int], other: str) -> None:
    with connected(7, timeout=1.0) as (client, cable):
        client.write(addresses["key"], [5])
        operation, sequence, session = Operation.READ | 0x80, client._sequence, client._session
        operation ^= (Operation.READ ^ Operation.WRITE) * (other == "operation")
        sequence = (sequence - (other == "sequence")) & 0xFF
        session ^= other == "session"
        words = [6] if operation == Operation.READ | 0x80 else []
        cable.up._put(raw(session, sequence, operation, 1 << 20, words))
        assert client.read(addresses["key"], 1) == [6 if other == "none" else 5]


JUNK = {
    "end": b"\0",
    "empty frame": b"\x01",
    "long": b"\xff" * 3000,
    "all bytes": bytes(range(256)) * 8,
    "ends within a block": b"\x05\0" * 50,
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_from_both_sides_before_the_first_command_does_no_harm(addresses: dict[str, int], name: str) -> None:
    junk = JUNK[name]
    with VirtualBoard(SerialCore(Scratch(), CLOCKS)) as board:
        cable = Cable(board.port, 8)
        try:
            cable.down._put(junk)
            cable.up._put(junk)
            with closing(Client(cable.port, timeout=0.05, tries=20)) as client:
                assert client.write(addresses["key"], [0xCAFE]) == 1
                cable.up._put(junk)
                cable.down._put(junk)
                assert client.read(addresses["key"], 1) == [0xCAFE]
        finally:
            cable.close()
