"""cocotb bench: the driver of a board runs a session over the bus of an exported core, and compares what it gets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, Timer

from neuristor.boards.host import ArrayBoard, OnnBoard, SnnBoard
from neuristor.boards.host.client import Client
from neuristor.boards.link import Frames
from neuristor.hdl.link.axi import vivado_wrapper
from neuristor.hdl.link.buses import AxiCore, WishboneCore
from neuristor.hdl.link.core import Core
from neuristor.hdl.link.frames import Operation
from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.verilog import export
from neuristor.session import ArraySession, OnnOptions, OnnSession, Session, SnnSession, open_session
from neuristor.sim.benches.core import AxiMaster, WishboneMaster
from neuristor.sim.benches.shell import loaded

BUSES = ("axi4-lite", "wishbone", "serial")
PERIOD = 10
"""Of the clock, in nanoseconds."""
BIT = 4
"""Clocks of a bit of the serial line, the fewest possible."""
PATIENCE = 2_000_000
"""Clocks to wait for an answer on the serial line."""


@dataclass(frozen=True, kw_only=True)
class HostCase:
    """A file that runs on a core behind a bus."""

    path: Path
    bus: str
    frames: int | None = None
    options: OnnOptions = field(default_factory=OnnOptions)
    name: str = "some_core"

    def session(self) -> Session:
        return open_session(self.path, self.options, frames=self.frames)

    def core(self) -> Core:
        return self.session().core(linked=self.bus == "serial")

    @property
    def top(self) -> str:
        return f"{self.name}_axi" if self.bus == "axi4-lite" else self.name

    def verilog(self) -> str:
        core = self.core()
        if self.bus == "serial":
            return export(SerialCore(core, BIT), self.name)
        if self.bus == "wishbone":
            return export(WishboneCore(core), self.name)
        made = AxiCore(core)
        return export(made, self.name, wrapper=vivado_wrapper(made, self.name, self.top))


class BusClient:
    """Words over a bus, with the interface of `Client`."""

    port = "simulation"

    def __init__(self, bus: Any) -> None:
        self._bus = bus

    async def _read(self, address: int, count: int, fixed: bool) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            word = await self._bus.read(address if fixed else address + len(found))
            if word is None:
                break
            found.append(word)
        return found

    async def _write(self, address: int, words: Sequence[int], fixed: bool) -> int:
        for done, word in enumerate(words):
            if not await self._bus.write(address if fixed else address + done, word):
                return done
        return len(words)

    def read(self, address: int, count: int, *, fixed: bool = False) -> list[int]:
        found: list[int] = resume(self._read)(address, count, fixed)
        return found

    def write(self, address: int, words: Sequence[int], *, fixed: bool = False) -> int:
        done: int = resume(self._write)(address, words, fixed)
        return done

    def close(self) -> None:
        pass


class SerialClient(Client):
    """The client of a board at a serial line of the simulation."""

    def __init__(self, dut: Any, received: bytearray) -> None:
        self._dut, self._received = dut, received
        super().__init__("simulation", tries=1)

    def connect(self) -> None:
        self._frames = Frames()
        self._begin()

    async def _transfer(self, sent: bytes, wanted: tuple[Operation, int, int]) -> Any:
        for byte in sent:
            for level in [0, *((byte >> n) & 1 for n in range(8)), 1]:
                self._dut.rx.value = level
                await Timer(BIT * PERIOD, "ns")
        for _ in range(PATIENCE // 100):
            given, self._received[:] = bytes(self._received), b""
            for answer in self._frames.feed(given):
                if answer[:3] == wanted:
                    return answer
            await Timer(100 * PERIOD, "ns")
        return None

    def _exchange(self, sent: bytes, operation: Operation, patience: float) -> Any:
        return resume(self._transfer)(sent, (operation, self._session, self._sequence))


async def receive(tx: Any, received: bytearray) -> None:
    """Receive bytes from a serial line, for ever."""
    bit = BIT * PERIOD
    while True:
        await FallingEdge(tx)
        await Timer(bit // 2, "ns")
        byte = 0
        for n in range(8):
            await Timer(bit, "ns")
            byte |= int(tx.value) << n
        await Timer(bit, "ns")
        assert int(tx.value) == 1, "no stop bit"
        received.append(byte)


@cocotb.test()
async def the_driver_gets_what_the_model_gives(dut: Any) -> None:
    """Load all parameters, stream the input; the session compares what comes with the model."""
    case: HostCase = loaded()
    bus: Any = None
    if case.bus == "serial":
        dut.rx.value, dut.rst.value = 1, 1
        clock, reset = dut.clk, (dut.rst, 0)
    else:
        bus = (AxiMaster if case.bus == "axi4-lite" else WishboneMaster)(dut, random.Random(1))
        clock, reset = bus.clock, bus.reset
    Clock(clock, PERIOD, "ns").start()
    for _ in range(3):
        await FallingEdge(clock)
    reset[0].value = reset[1]
    for _ in range(20):
        await FallingEdge(clock)

    received = bytearray()
    if case.bus == "serial":
        cocotb.start_soon(receive(dut.tx, received))

    def run() -> int:
        session = case.session()
        kind: Any = {ArraySession: ArrayBoard, SnnSession: SnnBoard, OnnSession: OnnBoard}[type(session)]
        core = case.core()
        core.describe_only()
        client = SerialClient(dut, received) if case.bus == "serial" else BusClient(bus)
        board = kind(core, client)
        board.load(core)
        steps = 0
        for step in session.steps(board):
            assert step.difference is None, step.difference
            steps += 1
        return steps

    steps = await bridge(run)()
    assert steps > 0
    dut._log.info("compared %d steps", steps)
