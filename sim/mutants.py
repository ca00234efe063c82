"""Mutants of a circuit: small faults that the regression's vectors must notice, or that change nothing.

Yosys breaks one bit of one cell at a time. All mutants go into one netlist behind a select input, and are compiled
once. Each gets the vectors until it differs from the bit-true model, in a bit or in a clock. What survives is either
proved equivalent, in the words of `sim.proof`, or is a hole in the vectors.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.back import rtlil  # type: ignore[attr-defined]
from numpy.typing import NDArray

from hdl.rows import pack_drive, unpack_output
from sim.case import Case
from sim.compiled import CompiledModel
from sim.netlist import run_yosys
from sim.proof import initial_state, prove_array, same_lane, summary
from sim.scoreboard import compare
from sim.stalls import StreamError

__all__ = ["Mutant", "Mutated", "Score", "Vectors", "mutants", "score"]

SELECT, SET, COUNT = "mutant_select", "set_saturations", "saturations_from_outside"
TOGETHER = 200
"""Mutants in one netlist: each makes it slower to compile and to run."""
MOST_CLOCKS = 4
"""A mutant that takes so many times the clocks is stuck."""


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes
    ----------
    command : str
        Yosys' own words.
    """

    command: str

    def _option(self, name: str) -> str:
        words = shlex.split(self.command.replace("\\", "\\\\"))
        return words[words.index(f"-{name}") + 1] if f"-{name}" in words else ""

    @property
    def module(self) -> str:
        """The module it is in."""
        return self._option("module")

    @property
    def port(self) -> str:
        """The port of the cell that it breaks."""
        return self._option("port")

    def __str__(self) -> str:
        kinds = {
            "inv": "is inverted",
            "const0": "is 0",
            "const1": "is 1",
            "cnot0": "is inverted while bit {} is 0",
            "cnot1": "is inverted while bit {} is 1",
        }
        wire = self._option("wire")
        near = f", bit {self._option('wirebit')} of {wire}" if wire else ""
        what = kinds[self._option("mode")].format(self._option("ctrlbit"))
        cell, bit = self._option("cell"), self._option("portbit")
        return f"{self.module}: bit {bit} of port {self.port} of cell {cell}{near} {what}"


@dataclass(frozen=True)
class Mutated:
    """A circuit, and faults for it.

    Attributes
    ----------
    text : str
        RTLIL of the circuit, in modules.
    mutants : tuple of Mutant
    """

    text: str
    mutants: tuple[Mutant, ...]

    def one(self, mutant: Mutant) -> str:
        """RTLIL of the circuit with one fault."""
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            folder = Path(scratch)
            (folder / "circuit.il").write_text(self.text)
            run_yosys(["read_rtlil circuit.il", mutant.command, "write_rtlil mutant.il"], folder, "Yosys failed")
            return (folder / "mutant.il").read_text()

    def verilog(self, some: Sequence[Mutant]) -> str:
        """Some of them in one module, with an input that selects the first as 1, and so on."""
        bits = len(some).bit_length()
        modules = set(re.findall(r"^module (\S+)$", self.text, re.M))
        lines = []
        for line in _settable(self.text).splitlines():
            lines.append(line)
            if line.startswith("module "):
                lines.append(f"  wire width {bits} input 999 \\{SELECT}")
            elif (found := re.match(r"  cell (\S+) \S+$", line)) and found[1] in modules:
                lines.append(f"    connect \\{SELECT} \\{SELECT}")
        commands = ["read_rtlil all.il"]
        for number, mutant in enumerate(some, start=1):
            commands.append(mutant.command.replace("mutate", f"mutate -ctrl {SELECT} {bits} {number}", 1))
        commands += ["hierarchy -check -top top", "flatten", "opt_clean", "write_verilog -noattr all.v"]
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            folder = Path(scratch)
            (folder / "all.il").write_text("\n".join(lines) + "\n")
            run_yosys(commands, folder, "Yosys could not make the mutants")
            return (folder / "all.v").read_text()


def mutants(array: Any, count: int, seed: int = 1) -> Mutated:
    """Faults all over a circuit.

    Parameters
    ----------
    array : NeuronArray
    count : int
        How many at most; Yosys spreads them over wires and cells. Clocks are left alone.
    seed : int
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        (folder / "circuit.il").write_text(rtlil.convert(array, name="top", emit_src=False))
        commands = ["read_rtlil circuit.il", "hierarchy -check -top top", "proc", "memory_collect", "opt_clean"]
        commands += ["write_rtlil proc.il"]
        # What comes after reads what was written: cells have the names they will have again.
        commands += ["design -reset", "read_rtlil proc.il", f"mutate -list {count} -seed {seed} -o mutants.txt"]
        run_yosys(commands, folder, "Yosys could not list mutants")
        lines = (folder / "mutants.txt").read_text().splitlines()
        chosen = [line for line in lines if not re.search(r"-port \S*CLK\b", line) and "-mode none" not in line]
        text = (folder / "proc.il").read_text()
    return Mutated(text, tuple(map(Mutant, chosen)))


def _settable(text: str) -> str:
    """The counter of clamped updates can be set from outside: waiting for it to overflow takes too long."""
    made, found = re.subn(
        r"(  cell \$dff \S+\n(?:    .*\n)*?    connect \\D )(.+)"
        r"(\n(?:    .*\n)*?    connect \\Q \\saturations\n  end\n)",
        rf"\1\\saturations_next\3  cell $mux $set\n    parameter \\WIDTH 32\n    connect \\A \2\n"
        rf"    connect \\B \\{COUNT}\n    connect \\S \\{SET}\n    connect \\Y \\saturations_next\n  end\n",
        text,
    )
    if found != 1:
        raise ValueError("the circuit has no counter of clamped updates")
    wires = f"  wire input 997 \\{SET}\n  wire width 32 input 998 \\{COUNT}\n  wire width 32 \\saturations_next\n"
    return made.replace("\nmodule \\top\n", "\nmodule \\top\n" + wires, 1)


# --- vectors


@dataclass(frozen=True)
class Piece:
    """A part of the vectors, from a reset on.

    Attributes
    ----------
    drive_raw : ndarray of int64, shape (ticks, count)
    stall_seed : int or None
    cut : int or None
        Rows after which a reset comes in mid-run; what was given until then is compared too.
    saturations : int or None
        What the counter of clamped updates is set to beforehand: waiting for it to overflow takes too long.
    """

    drive_raw: NDArray[np.int64]
    stall_seed: int | None = None
    cut: int | None = None
    saturations: int | None = None


@dataclass
class Vectors:
    """What every mutant is run against.

    Parameters
    ----------
    case : Case
    seed : int
    """

    case: Case
    seed: int = 1
    pieces: list[Piece] = field(init=False)
    long: list[Piece] = field(init=False)

    def __post_init__(self) -> None:
        params, random = self.case.params, np.random.default_rng(self.seed)
        drive, count, rows = params.drive, params.count, -(-params.count // self.case.lanes)
        shift = drive.frac_bits - params.membrane.frac_bits
        inside = [params.membrane.min_raw, params.membrane.max_raw]
        inside += [int(v) for name in ("threshold", "hold") for v in getattr(params, f"{name}_raw", [])[:4]]
        levels = [drive.min_raw, drive.max_raw, 0, drive.min_raw // 2, drive.max_raw // 2]
        levels += [value << shift if shift >= 0 else value >> -shift for value in inside]
        corners = np.unique(np.clip([[v - 1, v, v + 1] for v in levels], drive.min_raw, drive.max_raw)).astype(np.int64)
        own = self.case.drive_raw[:200]

        def held(ticks: int, hold: int) -> NDArray[np.int64]:
            return np.repeat(random.choice(corners, (-(-ticks // hold), count)), hold, axis=0)[:ticks]

        def anything(ticks: int) -> NDArray[np.int64]:
            return random.integers(drive.min_raw, drive.max_raw + 1, (ticks, count))

        def near(ticks: int) -> NDArray[np.int64]:
            # Long beside a level, and a little about it.
            far = random.choice(levels, (-(-ticks // 30), count)) + random.integers(-40, 41, (-(-ticks // 30), count))
            drawn = np.repeat(far, 30, axis=0)[:ticks] + random.integers(-3, 4, (ticks, count))
            return np.asarray(np.clip(drawn, drive.min_raw, drive.max_raw))

        def scaled(ticks: int) -> NDArray[np.int64]:
            size = np.exp2(random.uniform(0, drive.width - 1, (ticks, count))) * random.choice([-1, 1], (ticks, count))
            return np.asarray(np.clip(size.astype(np.int64), drive.min_raw, drive.max_raw))

        def moderate(ticks: int) -> NDArray[np.int64]:
            # What keeps neurons busy: the case's own input, and a little about it.
            some = self.case.drive_raw[random.integers(len(self.case.drive_raw), size=-(-ticks // 40))]
            drawn = np.repeat(some, 40, axis=0)[:ticks] + random.integers(-9, 10, (ticks, count))
            return np.asarray(np.clip(drawn, drive.min_raw, drive.max_raw))

        self.pieces = [
            Piece(own[:60]),
            Piece(anything(40), stall_seed=1),
            *(Piece(anything(4), cut=cut) for cut in range(min(3 * rows, 12))),
            Piece(held(120, 6), stall_seed=2),
            # Each bit of the counter goes up and down, whatever the neurons do.
            *(Piece(held(6, 3), saturations=start) for start in (0xFFFF_FFFF, 0x5555_5555, 0xAAAA_AAAA, 0x7FFF_FFFE)),
            *(Piece(held(4, 2), saturations=(1 << bit) - 1) for bit in range(1, 33)),
            Piece(held(300, 20)),
            Piece(own, stall_seed=3),
            Piece(anything(300)),
            Piece(held(200, 1), stall_seed=4),
            Piece(scaled(1000)),
            Piece(moderate(12_000)),
            Piece(near(3000)),
            Piece(scaled(5000), stall_seed=5),
            Piece(near(5000), stall_seed=6),
        ]
        self.long = [
            *(Piece(moderate(30_000), stall_seed=seed) for seed in (None, 7)),
            *(Piece(near(30_000), stall_seed=seed) for seed in (None, 8)),
            Piece(scaled(30_000), stall_seed=9),
        ]

    def expected(self, circuit: CompiledModel, pieces: Sequence[Piece]) -> list[_Given]:
        """What the circuit gives, after it was seen to be what the bit-true model gives.

        Raises
        ------
        ValueError
            If it is not.
        """
        made = []
        for piece in pieces:
            given = _play(self.case, circuit, piece)
            model = self.case.bit_true()
            if piece.cut is None:
                trace = model.run(piece.drive_raw)
                difference = compare(trace, unpack_output(self.case.params, self.case.lanes, given.rows))
                if difference is not None:
                    raise ValueError(f"the circuit itself is not its model: {difference}")
                before = piece.saturations or 0
                if given.saturations != min(before + model.saturations, 0xFFFF_FFFF):
                    raise ValueError("the circuit itself does not count clamped updates as its model")
            made.append(given)
        return made


@dataclass(frozen=True)
class _Given:
    """What came out of a piece."""

    rows: NDArray[np.uint8]
    clocks: int
    saturated: int
    saturations: int

    def same(self, other: _Given) -> bool:
        return self.rows.tobytes() == other.rows.tobytes() and (self.clocks, self.saturated, self.saturations) == (
            other.clocks,
            other.saturated,
            other.saturations,
        )


def _play(case: Case, circuit: CompiledModel, piece: Piece, limit: int | None = None) -> _Given:
    circuit.reset()
    if piece.saturations is not None:
        circuit.drive(COUNT, piece.saturations)
        circuit.drive(SET, 1)
        circuit.wait(1)
        circuit.drive(SET, 0)
    rows = pack_drive(case.params, case.lanes, piece.drive_raw)
    if piece.cut is not None:
        # As many rows in as out, or a few more that are then lost.
        circuit.exchange(rows[: piece.cut + 1], piece.cut, max_cycles=limit)
        circuit.reset(1 + piece.cut % 3)
    out, clocks = circuit.exchange(rows, stall_seed=piece.stall_seed, max_cycles=limit)
    return _Given(out, clocks, circuit.status("saturated"), circuit.status("saturations"))


# --- the score


@dataclass(frozen=True)
class Score:
    """What became of the mutants.

    Attributes
    ----------
    killed : dict of Mutant to int
        By the piece of the vectors that noticed them.
    equivalent, survivors : tuple of Mutant
        Of those that nothing noticed: proved to change nothing, and not.
    """

    killed: dict[Mutant, int]
    equivalent: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]

    @property
    def value(self) -> float:
        """The fraction of those that change anything that was killed."""
        real = len(self.killed) + len(self.survivors)
        return len(self.killed) / real if real else 1.0

    def modules(self) -> Iterator[tuple[str, int, int, int]]:
        """Of each module: killed, equivalent, survivors."""
        counts = [Counter(each.module for each in group) for group in (self.killed, self.equivalent, self.survivors)]
        for name in sorted(set().union(*counts)):
            yield name, counts[0][name], counts[1][name], counts[2][name]


def score(
    case: Case,
    count: int,
    *,
    seed: int = 1,
    prove: bool = True,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Score:
    """Make mutants of a case's circuit, run them, and prove what survives.

    Parameters
    ----------
    case : Case
    count : int
        Mutants, at most.
    seed : int
        Of the choice of mutants, and of the vectors.
    prove : bool
        Whether to try to prove survivors equivalent.
    progress : callable
        Told what goes on, and how many of how many are done.

    Raises
    ------
    ValueError
        If the circuit itself is not its model.
    """
    array = case.array()
    made = mutants(array, count, seed)
    vectors = Vectors(case, seed)
    killed: dict[Mutant, int] = {}
    alive: list[tuple[Mutant, int, CompiledModel]] = []
    for first in range(0, len(made.mutants), TOGETHER):
        some = made.mutants[first : first + TOGETHER]
        progress("compiling", first, len(made.mutants))
        circuit = CompiledModel(made.verilog(some), "top")
        expected = vectors.expected(circuit, vectors.pieces)
        for number, mutant in enumerate(some, start=1):
            progress("running", first + number, len(made.mutants))
            place = _kill(case, circuit, number, vectors.pieces, expected)
            if place is None:
                alive.append((mutant, number, circuit))
            else:
                killed[mutant] = place
    equivalent: list[Mutant] = []
    unknown = []
    for done, (mutant, number, circuit) in enumerate(alive):
        progress("proving", done, len(alive))
        if prove and changes_nothing(case, array, made, mutant):
            equivalent.append(mutant)
        else:
            unknown.append((mutant, number, circuit))
    survivors: list[Mutant] = []
    for done, (mutant, number, circuit) in enumerate(unknown):
        progress("running longer", done, len(unknown))
        place = _longer(case, circuit, number, vectors)
        if place is None:
            survivors.append(mutant)
        else:
            killed[mutant] = place
    return Score(killed, tuple(equivalent), tuple(survivors))


def _longer(case: Case, circuit: CompiledModel, number: int, vectors: Vectors) -> int | None:
    """As `_kill`, with the pieces that are too long to be run for all."""
    for place, piece in enumerate(vectors.long, start=len(vectors.pieces)):
        circuit.fresh()
        expected = vectors.expected(circuit, [piece])
        if _kill(case, circuit, number, [piece], expected) is not None:
            return place
    return None


def _kill(
    case: Case, circuit: CompiledModel, number: int, pieces: Sequence[Piece], expected: Sequence[_Given]
) -> int | None:
    """The piece that tells the mutant from the circuit; None if none does."""
    circuit.fresh()
    circuit.drive(SELECT, number)
    for place, (piece, wanted) in enumerate(zip(pieces, expected, strict=True)):
        try:
            given = _play(case, circuit, piece, MOST_CLOCKS * wanted.clocks + 1000)
        except StreamError:
            return place
        if not given.same(wanted):
            return place
    return None


def changes_nothing(case: Case, array: Any, made: Mutated, mutant: Mutant) -> bool:
    """Whether it is proved that a mutant cannot be told from the circuit.

    One in a lane: the lane gives the same as the sound one, from any state it can be in. One outside: all that is
    claimed of an array holds of it.
    """
    text = made.one(mutant)
    module = mutant.module
    if found := re.match(r"top\.lane_(\d+)(?=\.|$)", module):
        return same_lane(case.neuron, case.params, array, int(found[1]), made.text, text)
    claims = list(prove_array(array, initial_state(case.neuron, case.params), text))
    return summary(claims) is True and all(claim.tried for claim in claims)
