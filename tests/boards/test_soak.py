"""An array on a board for fifty million clocks, with traffic all the time: bit for bit, and every count adds up."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuristor.boards.host import ArrayBoard, Client, Recording, fitting, open_board
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Content, Record
from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.neurons.lif import LifArray
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.virtual_board import VirtualBoard
from tests.samples.lif import lif_drive, lif_params

pytestmark = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")

CYCLES = 50_000_000
LANES = 8
RECORDS = (
    *(0, Record.SPIKES, Record.SPIKES, Record.STATE, Record.LAST_STATE),
    *(Record.SPIKES | Record.STATE, Record.SPIKES | Record.LAST_STATE),
)


class Soak:
    """A board, and the model that must agree."""

    def __init__(self, board: ArrayBoard, params: list[LifParams], seed: int) -> None:
        self.board, self.core, self.draw = board, board.core, random.Random(seed)
        self.others: list[tuple[LifParams, list[Content]]] = []
        for each in params:
            other = core_of(each)
            other.describe_only()
            self.others.append((each, fitting(self.core, other)))
        self.model = LifBitTrue(params[0])
        self.words = {content.name: list(content.words) for content in self.core.contents()}
        """What is loaded."""
        self.ticks = self.spikes = 0
        """Since reset."""
        self.totals: Counter[str] = Counter()

    def step(self) -> None:
        """Something a host does."""
        step = self.draw.choice(
            (self.play, self.play, self.play, self.load, self.read, self.count, self.stop, self.reset)
        )
        step()
        self.totals[step.__name__] += 1

    def _compare(self, recording: Recording, drive: NDArray[np.int64], record: int, lengths: list[int]) -> None:
        first = self.ticks
        made = self.model.run(drive)
        self.ticks += len(drive)
        self.spikes += int(made["spike"].sum())
        self.totals["ticks"] += len(drive)
        self.totals["spikes"] += int(made["spike"].sum())
        assert recording.ticks == self.ticks
        fired = np.argwhere(made["spike"]) + np.array([first, 0]) if record & Record.SPIKES else np.zeros((0, 2))
        assert np.array_equal(recording.spikes, fired)
        ticks, trace = self.board.trace(recording)
        ends = np.cumsum(lengths, dtype=np.int64) - 1
        shown = np.arange(len(drive)) if record & Record.STATE else ends if record & Record.LAST_STATE else ends[:0]
        assert np.array_equal(ticks, first + shown)
        for name, found in trace.items():
            assert np.array_equal(found, made[name][shown]), name

    def play(self) -> None:
        """Records of stimulus, and all that is recorded."""
        lengths = [
            self.draw.choice((1, 2, 7, 30, self.draw.randrange(1, 60))) for _ in range(self.draw.randrange(1, 7))
        ]
        held = lif_drive(self.model.params, len(lengths), seed=self.draw.getrandbits(32))
        record = self.draw.choice(RECORDS)
        recording = Recording(self.core, self.board.places)
        records = zip(lengths, self.board.words(held), strict=True)
        for _ in self.board.play(records, record, recording):
            pass
        assert recording.records == len(lengths)
        self._compare(recording, np.repeat(held, lengths, axis=0), record, lengths)

    def stop(self) -> None:
        """A record that is far too long is ended in the middle."""
        held = lif_drive(self.model.params, 1, seed=self.draw.getrandbits(32))
        self.board.write("record", 0)
        (words,) = self.board.words(held)
        assert self.board.client.write(self.at("stimulus"), [1_000_000, *words], fixed=True) == 1 + len(words)
        before = self.board.read("ticks")
        self.board.stop()
        while self.board.busy:
            pass
        ended = self.board.read("ticks")
        assert self.ticks <= before <= ended < self.ticks + 1_000_000
        recording = Recording(self.core, self.board.places, ticks=ended)
        self._compare(recording, np.repeat(held, ended - self.ticks, axis=0), 0, [])

    def load(self) -> None:
        """Other thresholds, or other numbers of all neurons; the neurons go on as they are."""
        params, contents = self.draw.choice(self.others)
        for name, words in contents:
            first = 0
            while first < len(words):
                some = words[first : first + self.draw.randrange(1, 30)]
                assert self.board.client.write(self.at(name) + first, some) == len(some)
                first += len(some)
            self.words[name] = list(words)
        self.model.params = params

    def reset(self) -> None:
        """All neurons begin anew; what was loaded stays."""
        self.count()
        self.board.reset()
        self.model.reset()
        self.ticks = self.spikes = 0

    def read(self) -> None:
        """What was loaded is there; parameters are not read while a record is played."""
        for name, words in self.words.items():
            entry = self.core.registers.entries[name]
            assert (self.board.read_window(name) if entry.window else [self.board.read(name)]) == words

    def count(self) -> None:
        """Counters of the core."""
        found = self.board.counters()
        self.totals["saturations"] = max(self.totals["saturations"], found["saturations"])
        assert found["ticks"] == self.ticks
        assert found["spikes"] == self.spikes
        assert found["saturations"] == self.model.saturations
        assert found["status"] == 2 * (self.model.saturations > 0)
        assert found["stimulus_room"] == 512
        assert found["output_level"] == 0

    def at(self, name: str) -> int:
        return self.core.registers.addresses[name]


def core_of(params: LifParams) -> ArrayCore:
    return ArrayCore(LifArray(params, LANES, loadable=True), "lif")


def soak(vo2: Circuit, cycles: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """So many clocks; what was counted."""
    built = lif_params(vo2, "saturating", 64, threshold_d2d=0.03)
    params = [
        built,
        replace(built, seed=5),
        replace(built, seed=6, tau=0.6 * built.tau),
        replace(built, hold=built.hold + 0.05, threshold=built.threshold + 0.1),
        replace(built, refractory=built.refractory / 2),
    ]
    commands = 0

    def counted(client: Client, *arguments: Any, **options: Any) -> Any:
        nonlocal commands
        answer = whole(client, *arguments, **options)
        commands += 1
        return answer

    whole = Client._command
    monkeypatch.setattr(Client, "_command", counted)
    began = time.monotonic()
    with VirtualBoard(SerialCore(core_of(built), 4)) as virtual, open_board(core_of(built), virtual.port) as board:
        board.load()
        work = Soak(board, params, seed=1)
        # A slow host lets many clocks go by between two commands.
        while virtual.cycles < cycles or work.totals["play"] < 4:
            work.step()
        for step in (work.play, work.read, work.count):
            step()
        names = ("repeated", "foreign", "corrupt", "malformed", "missed", "accepted")
        links = {name: board.read(f"link_{name}") for name in names}
        assert links["accepted"] == commands % (1 << 16)  # the one that read it was the last
        # without faults on the line, all else is what the host sent twice
        assert (links["repeated"] + links["missed"]) % (1 << 16) == board.client.repeats
        assert links["foreign"] == links["corrupt"] == links["malformed"] == 0
        assert board.client._frames.damaged == 0
        used = virtual.cycles
    return {
        "cycles": used,
        "seconds": round(time.monotonic() - began, 1),
        "commands": commands,
        "repeats": board.client.repeats,
        **links,
        **work.totals,
    }


@pytest.mark.slow
def test_an_array_on_a_board_is_the_model_for_half_a_million_clocks(
    vo2: Circuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = soak(vo2, 500_000, monkeypatch)
    assert min(found[name] for name in ("play", "ticks", "spikes")) > 0


@pytest.mark.slow
def test_an_array_on_a_board_is_the_model_for_fifty_million_clocks(
    vo2: Circuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = soak(vo2, CYCLES, monkeypatch)
    print(found)
    assert found["cycles"] >= CYCLES
    assert min(found[step] for step in ("play", "stop", "load", "reset", "read", "count", "spikes", "saturations")) > 3
