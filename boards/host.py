"""The host's side of a board: NumPy in, NumPy out, over a serial port.

The board may be real or virtual (``neuristor.sim.engines.virtual_board``): both are a serial port, and nothing
here knows which it is::

    core = ArrayCore(array, "lif")
    with open_board(core, "/dev/ttyUSB1") as board:
        board.load()
        heard = board.run(drive_raw, ticks=50)
        heard.spikes            # shape (n, 2): tick, neuron

A command is repeated until it is answered, and carried out once (``neuristor.hdl.link.frames``).
"""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import serial
from numpy.typing import NDArray

from neuristor.boards.link import Answer, Frames, frame
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import MAGIC, Content, Core, Kind, Record, StreamCore
from neuristor.hdl.link.frames import MOST_WORDS, Operation, Status
from neuristor.hdl.link.onn import BEGIN, NOISE_BITS, SETTLE, OnnCore
from neuristor.hdl.link.serial import BAUD
from neuristor.hdl.link.snn import SnnCore
from neuristor.hdl.rows import pack_drive, unpack_state

__all__ = [
    "ArrayBoard",
    "BoardError",
    "BoardLostError",
    "Heard",
    "HostBoard",
    "OnnBoard",
    "SnnBoard",
    "WrongBoardError",
    "open_board",
]

Integers = NDArray[np.int64]

TRIES = 6
TIMEOUT = 0.25
"""In second, beyond the time on the wire; doubled up to 2 s from one try to the next."""


class BoardError(RuntimeError):
    """A board did not do what it was asked: one sentence."""


class BoardLostError(BoardError):
    """The board does not answer, or its port is gone."""


class WrongBoardError(BoardError):
    """What is on the board is not what was expected there."""


class Client:
    """Commands over a serial port, each answered once.

    Parameters
    ----------
    port : str
    baud : int
    tries : int
    timeout : float
        Of the first try, in second, beyond the time on the wire.

    Raises
    ------
    BoardLostError
        If the port cannot be opened, or nobody answers.
    """

    def __init__(self, port: str, baud: int = BAUD, tries: int = TRIES, timeout: float = TIMEOUT) -> None:
        self.port, self.baud, self.tries, self.timeout = port, baud, tries, timeout
        self.repeats = 0
        """How many commands had to be sent again."""
        self._serial: serial.Serial | None = None
        self._session = self._sequence = 0
        self._in_doubt = False
        """The last command was given up or interrupted: nobody knows whether it was carried out."""
        self.connect()

    def connect(self) -> None:
        """Open the port and begin a session."""
        self.close()
        try:
            self._serial = serial.Serial(self.port, self.baud, timeout=0, write_timeout=5, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            raise BoardLostError(f"{self.port} cannot be opened: {_reason(error)}; see `neuristor doctor`") from None
        self._frames = Frames()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def read(self, address: int, count: int, *, fixed: bool = False) -> list[int]:
        """Words, as many as there are; `fixed` for those of a stream."""
        found: list[int] = []
        while len(found) < count:
            some = min(count - len(found), MOST_WORDS)
            at = address if fixed else address + len(found)
            answer = self._command(Operation.READ, at, count=some, fixed=fixed)
            found += answer.words
            if answer.status != Status.DONE:
                break
        return found

    def write(self, address: int, words: Sequence[int], *, fixed: bool = False) -> int:
        """Write words, and return how many were taken."""
        done = 0
        while done < len(words):
            some = words[done : done + MOST_WORDS]
            answer = self._command(Operation.WRITE, address if fixed else address + done, some, fixed=fixed)
            done += answer.done
            if answer.status != Status.DONE:
                break
        return done

    def _begin(self) -> None:
        """Begin another session: what was sent before is over."""
        self._session = 1 + (self._session + secrets.randbelow(0xFFFE)) % 0xFFFF
        self._sequence = secrets.randbelow(256)
        self._command(Operation.HELLO)

    def _command(
        self,
        operation: Operation,
        address: int = 0,
        words: Sequence[int] = (),
        *,
        count: int | None = None,
        fixed: bool = False,
    ) -> Answer:
        if self._in_doubt and operation != Operation.HELLO:
            self._begin()  # under the number of the last command, the board would take this one for it
        sent = frame(operation, self._session, self._sequence, address, words, count=count, fixed=fixed)
        self._in_doubt = True
        wire = 10 * (len(sent) + 4 * (count or 0) + 32) / self.baud
        patience = self.timeout
        for number in range(self.tries):
            self.repeats += number > 0
            answer = self._exchange(sent, operation, patience + wire)
            if answer is not None:
                self._sequence, self._in_doubt = (self._sequence + 1) & 0xFF, False
                asked = 0 if operation == Operation.HELLO else len(words) if count is None else count
                if answer.done > asked or (answer.done < asked and answer.status == Status.DONE):
                    raise BoardError(f"{self.port}: the board answers {answer.done} words where {asked} were asked for")
                return answer
            patience = min(2 * patience, 2.0)
        raise BoardLostError(
            f"no answer from {self.port} in {self.tries} tries; is it the board's serial port, and is the bitstream "
            "on it, and was it not reset since?"
        )

    def _exchange(self, sent: bytes, operation: Operation, patience: float) -> Answer | None:
        """One try: the answer, or None."""
        if self._serial is None:
            raise BoardLostError(f"{self.port} is not open")
        try:
            self._serial.write(sent)
            ends = time.monotonic() + patience
            while (left := ends - time.monotonic()) > 0:
                self._serial.timeout = left
                received = self._serial.read(max(1, self._serial.in_waiting))
                for answer in self._frames.feed(received):
                    if answer[:3] == (operation, self._session, self._sequence):
                        return answer
        except (serial.SerialException, OSError, TypeError) as error:
            self.close()
            raise BoardLostError(f"{self.port} is gone: {_reason(error)}") from None
        return None


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0] if text else type(error).__name__


@dataclass(eq=False)
class Heard:
    """What a board has said of its neurons.

    Attributes
    ----------
    records : int
        How many are over.
    ticks : int
        Since reset, as far as is known.
    count : int
        Spikes.
    """

    core: StreamCore
    places: Integers
    """The number of the neuron at each place of the output; beyond the last neuron there are places that never fire."""
    records: int = 0
    ticks: int = 0
    count: int = 0
    _tick: int = 0
    _spikes: list[tuple[int, int, int]] = field(default_factory=list)
    _states: list[tuple[int, int, list[int]]] = field(default_factory=list)
    _group: int = -1
    _words: list[int] = field(default_factory=list)

    def take(self, words: Iterable[int]) -> None:
        """Take words of the output."""
        chunk = self.core.chunk
        needed = -(-self.core.state_bits // 32)
        for word in words:
            if self._group >= 0:
                self._words.append(word)
                if len(self._words) == needed:
                    self._states.append((self._tick, self._group, self._words))
                    self._group, self._words = -1, []
                continue
            kind, content = word >> 30, word & 0x3FFF_FFFF
            if kind == Kind.TICK:
                self._tick = self._whole(content)
            elif kind == Kind.SPIKES:
                bits = content & ((1 << chunk) - 1)
                if content >> chunk >= self.core.groups * self.core.chunks:
                    raise BoardError(
                        f"the board speaks of spikes {content >> chunk} of a tick, which has "
                        f"{self.core.groups * self.core.chunks}: what it says is damaged"
                    )
                self._spikes.append((self._tick, content >> chunk, bits))
                self.count += bits.bit_count()
            elif kind == Kind.STATE:
                if content >= self.core.groups:
                    raise BoardError(
                        f"the board speaks of state {content} of {self.core.groups}: what it says is damaged"
                    )
                self._group = content
            else:
                self.records += 1
                self.ticks = self._whole(content)

    def _whole(self, low: int) -> int:
        """A tick of which 30 bits are known: none is before the last."""
        base = self._tick & ~0x3FFF_FFFF
        return base + low + ((base + low < self._tick) << 30)

    @property
    def spikes(self) -> Integers:
        """Shape (n, 2): tick and neuron of each spike, in order."""
        return self._located(0, len(self._spikes))

    def _located(self, begin: int, end: int) -> Integers:
        if begin == end:
            return np.zeros((0, 2), dtype=np.int64)
        found = np.array(self._spikes[begin:end], dtype=np.int64)
        which, bit = np.nonzero(found[:, 2:] >> np.arange(self.core.chunk) & 1)
        group, part = np.divmod(found[which, 1], self.core.chunks)
        place = group * self.core.lanes + part * self.core.chunk + bit
        if len(place) and place.max() >= len(self.places):
            raise BoardError("the board speaks of spikes of neurons that there are not: what it says is damaged")
        return np.stack([found[which, 0], self.places[place]], axis=1)

    def raster(self, first: int, ticks: int) -> Integers:
        """The same as an array of 0 and 1, shape (ticks, neurons)."""
        made = np.zeros((ticks, self.core.neurons), dtype=np.int64)
        spikes = self._located(bisect_left(self._spikes, (first,)), bisect_left(self._spikes, (first + ticks,)))
        if len(spikes) and spikes[:, 1].max() >= self.core.neurons:
            raise BoardError("the board speaks of spikes of neurons that there are not: what it says is damaged")
        made[spikes[:, 0] - first, spikes[:, 1]] = 1
        return made

    def states(self, first: int = 0) -> tuple[Integers, NDArray[np.uint8]]:
        """Ticks whose state was recorded, shape (n,), and it as bits, shape (n, groups, bits); from `first` on."""
        groups, bits = self.core.groups, self.core.state_bits
        begin = bisect_left(self._states, (first,))
        some = self._states[begin : begin + (len(self._states) - begin) // groups * groups]
        words = np.array([each[2] for each in some], dtype="<u4").reshape(-1, -(-bits // 32))
        spread = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :bits]
        ticks = np.array([each[0] for each in some], dtype=np.int64)[::groups]
        return ticks, spread.reshape(-1, groups, bits)


class HostBoard:
    """A board with a core on it; a context manager.

    Parameters
    ----------
    core : Core
        What is expected there; it is not built into anything.
    client : Client

    Raises
    ------
    WrongBoardError
        If something else is there.
    """

    core: Any

    def __init__(self, core: Core, client: Client) -> None:
        self.core, self.client = core, client
        self._addresses, self._entries = core.registers.addresses, core.registers.entries
        self._check()

    def _check(self) -> None:
        names = ["magic", *(f"identity_{n}" for n in range(8))]
        magic, *identity = self.client.read(self._addresses[names[0]], len(names)) or [0]
        if magic != MAGIC:
            raise WrongBoardError(f"{self.client.port}: there is no core of Neuristor on this board")
        found = "".join(f"{word:08x}" for word in identity)
        if found != self.core.identity:
            raise WrongBoardError(
                f"{self.client.port}: the bitstream on the board is not this design's: wanted "
                f"{self.core.identity[:16]}, found {found[:16]}; build and program it, or name the design it is of"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the board go; it goes on with what it was told to do."""
        self.client.close()

    def reconnect(self, patience: float = 10.0) -> None:
        """Open the port again, once it is back.

        Parameters
        ----------
        patience : float
            In second.

        Raises
        ------
        BoardLostError
            If it does not come back.
        """
        ends = time.monotonic() + patience
        while True:
            try:
                self.client.connect()
                break
            except BoardLostError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)
        self._check()

    def read(self, name: str) -> int:
        """A register."""
        words = self.client.read(self._addresses[name], 1)
        if not words:
            raise BoardError(f"the board refuses to read {name}")
        return words[0]

    def write(self, name: str, word: int) -> None:
        """Write a register."""
        if self.client.write(self._addresses[name], [word]) != 1:
            raise BoardError(f"the board refuses to write {name}")

    def read_window(self, name: str) -> list[int]:
        """All words of a window."""
        entry = self._entries[name]
        words = self.client.read(self._addresses[name], entry.words)
        if len(words) != entry.words:
            raise BoardError(f"the board refuses to read {name}, as it is busy")
        return words

    @property
    def busy(self) -> bool:
        """Whether a record is played."""
        return bool(self.read("status") & 1)

    def counters(self) -> dict[str, int]:
        """What the link and the core have counted."""
        names = [name for name, each in self._entries.items() if each.access == "read" and not each.window]
        return {name: self.read(name) for name in names if name != "magic" and not name.startswith("identity")}

    def reset(self) -> None:
        """Every neuron as after power up; what was loaded stays."""
        self.write("control", 1)

    def stop(self) -> None:
        """End the record that is played."""
        self.write("control", 2)

    def load(self, other: Core | None = None, progress: Callable[[float], None] | None = None) -> None:
        """Load all that can be loaded, and reset.

        Parameters
        ----------
        other : Core, optional
            Of the same structure; that on the board by default.
        progress : callable, optional
            Told the part that is done.

        Raises
        ------
        ValueError
            If `other` needs another bitstream.
        BoardError
            If the board is busy.
        """
        contents = self.core.contents() if other is None else fitting(self.core, other)
        total, done = sum(len(each.words) for each in contents), 0
        for name, words in contents:
            for start in range(0, len(words), MOST_WORDS):
                some = words[start : start + MOST_WORDS]
                if self.client.write(self._addresses[name] + start, some) != len(some):
                    raise BoardError(f"the board refuses to load {name}: it is busy")
                done += len(some)
                if progress is not None:
                    progress(done / total)
        self.reset()

    def loaded(self) -> list[str]:
        """Names of what can be read back and is not what was loaded last from `core`."""
        wrong = []
        for name, words in self.core.contents():
            entry = self._entries[name]
            if entry.access == "read and write":
                found = self.read_window(name) if entry.window else [self.read(name)]
                if found != words:
                    wrong.append(name)
        return wrong


def fitting(built: Core, other: Core) -> list[Content]:
    """What `other` has in the registers and windows of `built`.

    Raises
    ------
    ValueError
        With the first thing that is built in and differs.
    """
    for each in (built, other):
        each.describe_only()
    own, wanted = dict(built.structure()), dict(other.structure())
    for name, value in _flat(own).items():
        found = _flat(wanted).get(name)
        if found != value and not name.endswith(_SHIFTS):
            raise ValueError(f"{name} is built in as {value!r}, and cannot be {found!r} without a new bitstream")
    made: list[Content] = built.contents_for(other.circuit)  # type: ignore[attr-defined]
    return made


_SHIFTS = ("raw.k_shift", "raw.noise_shift")
"""What a coefficient can be scaled for."""


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in _flat(each, f"{name}.{key}" if name else key).items()}
    return {name: value}


class StreamBoard(HostBoard):
    """A board whose core plays records."""

    core: StreamCore

    @property
    def places(self) -> Integers:
        """The number of the neuron at each place of the output."""
        return np.arange(self.core.lanes * self.core.groups)

    def play(
        self, records: Iterable[tuple[int, Sequence[int]]], record: int = Record.SPIKES, heard: Heard | None = None
    ) -> Iterator[Heard]:
        """Send records and hear what comes of them, as it comes.

        Parameters
        ----------
        records : iterable of (ticks, words)
            How long, and the input of a tick.
        record : int
            Bits of `Record`; with none, only the end is waited for.
        heard : Heard, optional
            Goes on with that one.

        Yields
        ------
        Heard
            The same one, whenever a record is over or something came. It keeps all that has come, whatever happens.
        """
        heard = Heard(self.core, self.places) if heard is None else heard
        self.write("record", record)
        source, sent, first, more = iter(records), 0, heard.records, True
        waiting: list[int] = []
        while True:
            while more and len(waiting) < MOST_WORDS:
                item = next(source, None)
                if item is None:
                    more = False
                else:
                    waiting += [item[0], *item[1]]
                    sent += 1
            if waiting:
                done = self.client.write(self._addresses["stimulus"], waiting[:MOST_WORDS], fixed=True)
                del waiting[:done]
            if record:
                words = self.client.read(self._addresses["output"], MOST_WORDS, fixed=True)
                heard.take(words)
                if words:
                    yield heard
                if not more and not waiting and heard.records - first >= sent:
                    return
            elif not more and not waiting and not self.busy:
                heard.records += sent
                heard.ticks = self.read("ticks")
                yield heard
                return


class ArrayBoard(StreamBoard):
    """A board with an array of neurons."""

    core: ArrayCore

    def words(self, drive_raw: Integers) -> list[list[int]]:
        """Drive words of ticks, shape (ticks, count), as the words of records."""
        core = self.core
        rows = pack_drive(core.params, core.lanes, drive_raw)
        padded = np.zeros((len(rows), 4 * -(-rows.shape[1] // 4)), dtype=np.uint8)
        padded[:, : rows.shape[1]] = rows
        made: list[list[int]] = padded.view("<u4").reshape(len(drive_raw), -1).tolist()
        return made

    def run(self, drive_raw: Integers, ticks: int, record: int = Record.SPIKES) -> Heard:
        """Hold one input, or one after the other, each for some ticks.

        Parameters
        ----------
        drive_raw : ndarray of int64, shape (count,) or (frames, count)
        ticks : int
        record : int
            Bits of `Record`.
        """
        frames = np.atleast_2d(np.asarray(drive_raw))
        heard = Heard(self.core, self.places)
        for _ in self.play(((ticks, words) for words in self.words(frames)), record, heard):
            pass
        return heard

    def trace(self, heard: Heard, first: int = 0) -> tuple[Integers, dict[str, Integers]]:
        """Ticks whose state was recorded, from `first` on, and each field of it, shape (ticks, count)."""
        ticks, bits = heard.states(first)
        return ticks, unpack_state(self.core.params, bits.reshape(len(ticks), bits.shape[1] * bits.shape[2]))


class SnnBoard(StreamBoard):
    """A board with a spiking network."""

    core: SnnCore

    @property
    def places(self) -> Integers:
        """The natural number of the neuron at each place of the last layer."""
        return self.core.circuit.plans[-1].places

    def words(self, inputs: Integers) -> list[list[int]]:
        """Inputs of ticks, shape (ticks, inputs), as the words of records."""
        core = self.core
        parts = -(-core.input_bits // 32)
        payloads = core.circuit.payloads(inputs)
        spread = [value >> (32 * part) & 0xFFFF_FFFF for value in payloads for part in range(parts)]
        return [spread[n : n + core.input_words] for n in range(0, len(spread), core.input_words)]

    def run(self, inputs: Integers, record: int = Record.SPIKES) -> Heard:
        """Hear ticks, shape (ticks, inputs), one after the other."""
        heard = Heard(self.core, self.places)
        for _ in self.play(((1, words) for words in self.words(inputs)), record, heard):
            pass
        return heard

    def trace(self, heard: Heard, first: int = 0) -> tuple[Integers, dict[str, Integers]]:
        """Ticks whose state was recorded, from `first` on, and `membrane` of the last layer, shape (ticks, neurons)."""
        ticks, bits = heard.states(first)
        width = self.core.circuit.plans[-1].params.membrane_bits
        weights = 1 << np.arange(width, dtype=np.int64)
        weights[-1] = -weights[-1]
        membranes = np.zeros((len(ticks), len(self.places)), dtype=np.int64)
        membranes[:, self.places] = bits.reshape(len(ticks), len(self.places), width) @ weights
        return ticks, {"membrane": membranes}


class OnnBoard(HostBoard):
    """A board with a network of phase oscillators."""

    core: OnnCore

    def phases(self, phases: Integers) -> None:
        """Set the phases to begin with, shape (count,)."""
        words = np.asarray(phases).tolist()
        if self.client.write(self._addresses["phases"], words) != len(words):
            raise BoardError("the board refuses phases, as it is busy")

    def advance(
        self, ticks: int, *, settle: bool = False, noise: int = 0, window: int | None = None, begin: bool = False
    ) -> None:
        """Go on for some ticks, and wait until that is done.

        Parameters
        ----------
        ticks : int
        settle : bool
            End earlier, when the phases have settled.
        noise, window : int
            As for ``OnnBitTrue.step``.
        begin : bool
            From tick 0, and the phases that were set.
        """
        params = self.core.circuit.params
        span = params.half if window is None else window
        record = [ticks | SETTLE * settle, span << NOISE_BITS | noise | BEGIN * begin]
        if self.client.write(self._addresses["schedule"], record, fixed=True) != 2:
            raise BoardError("the board's schedule is full")
        while self.busy:
            pass

    def seed(self, state: int) -> None:
        """The state of the generator of noise to begin with."""
        self.write("seed", state)

    def state(self) -> dict[str, Integers]:
        """What can be read of the oscillators, each shape (count,); and `tick`, `changed` and `toggles`."""
        params = self.core.circuit.params
        bits = np.unpackbits(np.array(self.read_window("state"), dtype="<u4").view(np.uint8), bitorder="little")
        found: dict[str, Integers] = {}
        widths = {"outputs": 1, "references": 1, "phases": params.phase_bits, "totals": params.total_bits}
        low = 0
        for name in self.core.watched:
            width = widths[name]
            weights = 1 << np.arange(width, dtype=np.int64)
            if name == "totals":
                weights[-1] = -weights[-1]
            part = bits[low : low + width * params.count].reshape(params.count, width)
            found[name] = part @ weights
            low += width * params.count
        return found | {
            name: np.array(self.read(register))
            for name, register in (("tick", "ticks"), ("changed", "changed"), ("toggles", "toggles"))
        }


_BOARDS: tuple[tuple[type[Core], type[HostBoard]], ...] = (
    (ArrayCore, ArrayBoard),
    (SnnCore, SnnBoard),
    (OnnCore, OnnBoard),
)


def open_board(core: Core, port: str, baud: int = BAUD, **options: Any) -> Any:
    """Open a board with a core on it.

    Parameters
    ----------
    core : Core
        What is expected there.
    port : str
        A serial port, such as ``/dev/ttyUSB1``, or a virtual board's.
    baud : int
    **options
        Of `Client`.

    Returns
    -------
    ArrayBoard, SnnBoard or OnnBoard

    Raises
    ------
    BoardLostError, WrongBoardError
        In one sentence.
    """
    core.describe_only()
    kind = next(host for of, host in _BOARDS if isinstance(core, of))
    client = Client(port, baud, **options)
    try:
        return kind(core, client)
    except BaseException:
        client.close()
        raise
