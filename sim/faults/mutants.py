"""Mutants of a circuit: small faults that the test vectors must detect, or that are proved to change nothing.

Yosys changes one bit of one cell for each mutant. Many mutants are put into one netlist with a select input, which is
compiled once. Each is run with the vectors until it differs from the bit-true model, in a bit or in a clock. A mutant
that survives is either proved equivalent to the circuit (by ``neuristor.sim.proofs``), or shows a gap in the vectors.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.rows import pack_drive, pack_state, unpack_output
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.scoreboard import compare
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.stalls import StreamError
from neuristor.sim.netlists.netlist import run_yosys
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import summary
from neuristor.sim.proofs.equal_lanes import Known, Moment, same_lane
from neuristor.sim.proofs.initial_states import initial_state

__all__ = ["AIMED", "ArrayVectors", "Given", "Mutant", "Mutated", "Piece", "Score", "Vectors", "mutants", "score"]

SELECT, COUNT, COUNT_BITS = "mutant_select", "count_from_outside", 64
"""Inputs added to the netlist: the selected mutant, and the value to set a counter to, with its width."""
TOGETHER = 200
"""Mutants in one netlist: each makes it slower to compile and to run."""
AIMED = -1
"""Number of a piece, in `Score.killed`, that was made for one mutant from a counterexample."""
STALLS = 20
"""Stall patterns tried with each counterexample: some mutants differ only if the lane stalls in a particular clock."""
MOST_CLOCKS = 4
"""A mutant that takes more than this multiple of the clocks of the circuit is stuck."""


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Parameters
    ----------
    command : str
        The Yosys command ``mutate`` that makes it.
    """

    command: str

    def _option(self, name: str) -> str:
        words = shlex.split(self.command.replace("\\", "\\\\"))
        return words[words.index(f"-{name}") + 1] if f"-{name}" in words else ""

    @property
    def module(self) -> str:
        """Name of the module with the fault."""
        return self._option("module")

    @property
    def port(self) -> str:
        """Name of the cell port with the fault."""
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

    Parameters
    ----------
    text : str
        RTLIL of the circuit, not flattened.
    mutants : tuple of Mutant
        The faults.
    counters : mapping of str to int
        Registers that the vectors can set, and their widths in bits.
    """

    text: str
    mutants: tuple[Mutant, ...]
    counters: Mapping[str, int]

    def one(self, mutant: Mutant) -> str:
        """The circuit with one fault.

        Parameters
        ----------
        mutant : Mutant
            The fault.

        Returns
        -------
        str
            RTLIL.
        """
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            folder = Path(scratch)
            (folder / "circuit.il").write_text(self.text)
            run_yosys(["read_rtlil circuit.il", mutant.command, "write_rtlil mutant.il"], folder, "Yosys failed")
            return (folder / "mutant.il").read_text()

    def verilog(self, some: Sequence[Mutant]) -> str:
        """The circuit with some faults that can be selected, as one module.

        Parameters
        ----------
        some : sequence of Mutant
            The faults. The input `SELECT` selects the first one with 1, and so on; 0 selects none.

        Returns
        -------
        str
            Verilog.
        """
        bits = len(some).bit_length()
        modules = set(re.findall(r"^module (\S+)$", self.text, re.M))
        added = {SELECT: bits, COUNT: COUNT_BITS} | {f"set_{name}": 1 for name in self.counters}
        lines = []
        for line in _settable(self.text, self.counters).splitlines():
            lines.append(line)
            if line.startswith("module "):
                lines += [
                    f"  wire width {width} input {900 + n} \\{name}" for n, (name, width) in enumerate(added.items())
                ]
                lines += [f"  wire width {width} \\next_{name}" for name, width in self.counters.items()]
            elif (found := re.match(r"  cell (\S+) \S+$", line)) and found[1] in modules:
                lines += [f"    connect \\{name} \\{name}" for name in added]
        commands = ["read_rtlil all.il"]
        for number, mutant in enumerate(some, start=1):
            commands.append(mutant.command.replace("mutate", f"mutate -ctrl {SELECT} {bits} {number}", 1))
        commands += ["hierarchy -check -top top", "flatten", "opt_clean", "write_verilog -noattr all.v"]
        with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
            folder = Path(scratch)
            (folder / "all.il").write_text("\n".join(lines) + "\n")
            run_yosys(commands, folder, "Yosys could not make the mutants")
            return (folder / "all.v").read_text()


def mutants(
    component: Any,
    count: int,
    seed: int = 1,
    counters: Mapping[str, int] = MappingProxyType({}),
    within: str = "top",
) -> Mutated:
    """Make a list of faults in a circuit.

    Parameters
    ----------
    component : Component
        The circuit.
    count : int
        Largest number of faults; Yosys spreads them over wires and cells. Clocks have none.
    seed : int
        Seed of the choice.
    counters : mapping of str to int
        As in `Mutated`.
    within : str
        Only the module of this name, and those whose names start with it and a dot, have faults. Parts that exist only
        for the test can so be excluded.
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        (folder / "circuit.il").write_text(to_rtlil(component))
        commands = ["read_rtlil circuit.il", "hierarchy -check -top top", "proc", "memory_collect", "opt_clean"]
        commands += ["write_rtlil proc.il"]
        # Read the written file again, so that cells have the names that they will have when it is read later.
        commands += ["design -reset", "read_rtlil proc.il", f"mutate -list {count} -seed {seed} -o mutants.txt"]
        run_yosys(commands, folder, "Yosys could not list mutants")
        lines = (folder / "mutants.txt").read_text().splitlines()
        lines = [line for line in lines if re.search(rf"-module {re.escape(within)}(?=[. ])", line)]
        chosen = [line for line in lines if not re.search(r"-port \S*clk\b", line, re.I) and "-mode none" not in line]
        text = (folder / "proc.il").read_text()
    return Mutated(text, tuple(map(Mutant, chosen)), counters)


def _settable(text: str, counters: Mapping[str, int]) -> str:
    """RTLIL of the circuit with inputs that set its counters: counting to large values takes too long.

    Raises
    ------
    ValueError
        If a counter is not found exactly once.
    """
    for name, width in counters.items():
        text, found = re.subn(
            rf"(  cell \$dff \S+\n(?:    .*\n)*?    connect \\D )(.+)"
            rf"(\n(?:    .*\n)*?    connect \\Q \\{name}\n  end\n)",
            rf"\1\\next_{name}\3  cell $mux $set_{name}\n    parameter \\WIDTH {width}\n    connect \\A \2\n"
            rf"    connect \\B \\{COUNT} [{width - 1}:0]\n    connect \\S \\set_{name}\n"
            rf"    connect \\Y \\next_{name}\n  end\n",
            text,
        )
        if found != 1:
            raise ValueError(f"the circuit has {found} counters {name}")
    return text


# --- vectors


@dataclass(frozen=True)
class Piece:
    """A part of the vectors; it starts with a reset.

    Parameters
    ----------
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words of each tick.
    stall_seed : int, optional
        Seed of random stalls at input and output; no stalls when absent.
    cut : int, optional
        Output rows after which a first run is interrupted by a reset; the whole input follows.
    saturations : int, optional
        Value that the counter of clamped updates is set to at the start: counting to its overflow takes too long.
    states : dict of str to ndarray of int64, shape (ticks, count), optional
        States to write into the memory before each tick, by field. The piece then tests single steps, from states that
        a run from reset may take hours to reach.
    """

    drive_raw: NDArray[np.int64]
    stall_seed: int | None = None
    cut: int | None = None
    saturations: int | None = None
    states: dict[str, NDArray[np.int64]] | None = None


class Vectors(ABC):
    """Test vectors for the mutants of a circuit.

    Attributes
    ----------
    component : Component
        The circuit.
    counters : dict of str to int
        Its counters that the vectors set, and their widths in bits.
    within : str
        The modules with faults, as in `mutants`.
    pieces : list
        Parts of the vectors; each starts with a reset.
    long : list
        Long parts, for mutants that survive the others.
    """

    component: Any
    counters: ClassVar[dict[str, int]]
    within: ClassVar[str] = "top"
    pieces: list[Any]
    long: list[Any]

    @staticmethod
    def set_counter(circuit: CompiledModel, name: str, value: int) -> None:
        """Set a counter; takes one clock.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit.
        name : str
            Name of the counter.
        value : int
            Its new value.
        """
        circuit.drive(COUNT, value)
        circuit.drive(f"set_{name}", 1)
        circuit.wait(1)
        circuit.drive(f"set_{name}", 0)

    @abstractmethod
    def play(self, circuit: CompiledModel, piece: Any, limit: int | None = None) -> Given:
        """Run a piece.

        A ``StreamError`` is raised if the circuit is stuck, or violates the rules of its streams.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit, with a mutant or none selected.
        piece : object
            One of `pieces` or `long`.
        limit : int, optional
            Clocks after which the circuit counts as stuck; the default of `CompiledModel.exchange` when absent.

        Returns
        -------
        Given
            The output of the circuit.
        """

    @abstractmethod
    def check(self, piece: Any, given: Given) -> None:
        """Compare the output of the circuit without fault with the bit-true model.

        A ``ValueError`` is raised if they differ.

        Parameters
        ----------
        piece : object
            The piece.
        given : Given
            The output of the circuit.
        """

    def notices(self, circuit: CompiledModel, number: int, pieces: Sequence[Any]) -> bool:
        """Whether one of some pieces detects a mutant.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit.
        number : int
            Number of the mutant, for the input `SELECT`.
        pieces : sequence
            The pieces.
        """
        for piece in pieces:
            circuit.fresh()
            if _kill(self, circuit, number, [piece], self.expected(circuit, [piece])) is not None:
                return True
        return False

    @abstractmethod
    def judge(self, made: Mutated, mutant: Mutant) -> tuple[bool, list[Any]]:
        """Try to prove that a mutant is equivalent to the circuit.

        Parameters
        ----------
        made : Mutated
            The circuit.
        mutant : Mutant
            The mutant.

        Returns
        -------
        proved : bool
            Whether it is proved.
        pieces : list
            Pieces that may detect the mutant, made from counterexamples.
        """

    def expected(self, circuit: CompiledModel, pieces: Sequence[Any]) -> list[Given]:
        """The outputs of the circuit without fault, compared with the bit-true model.

        A ``ValueError`` is raised if they differ.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit.
        pieces : sequence
            The pieces to run.
        """
        made = []
        for piece in pieces:
            made.append(self.play(circuit, piece))
            self.check(piece, made[-1])
        return made


@dataclass(frozen=True)
class Given:
    """The output of a circuit for a piece.

    Parameters
    ----------
    rows : ndarray of uint8, shape (transfers, bytes)
        Transfers of the output stream.
    clocks : int
        Clocks used.
    flat : dict of str to int
        All other outputs at the end, by name.
    """

    rows: NDArray[np.uint8]
    clocks: int
    flat: dict[str, int]

    @classmethod
    def of(cls, circuit: CompiledModel, rows: NDArray[np.uint8], clocks: int) -> Given:
        """Read the other outputs of a circuit.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit.
        rows : ndarray of uint8, shape (transfers, bytes)
            Transfers of the output stream.
        clocks : int
            Clocks used.
        """
        return cls(rows, clocks, {name: circuit.status(name) for name in circuit.outputs})

    def same(self, other: Given) -> bool:
        """Whether two outputs are equal, clocks included.

        Parameters
        ----------
        other : Given
            The other output.
        """
        return (self.clocks, self.flat) == (other.clocks, other.flat) and self.rows.tobytes() == other.rows.tobytes()


class ArrayVectors(Vectors):
    """Test vectors for an array of neurons.

    Parameters
    ----------
    case : Case
        The array, and an input for it.
    seed : int
        Seed of the vectors.
    """

    counters: ClassVar[dict[str, int]] = {"saturations": 32}

    def __init__(self, case: Case, seed: int = 1) -> None:
        self.case, self.component = case, case.array()
        params, random = self.case.params, np.random.default_rng(seed)
        drive, count, rows = params.drive, params.count, -(-params.count // self.case.lanes)
        shift = drive.frac_bits - params.membrane.frac_bits
        inside = [params.membrane.min_raw, params.membrane.max_raw]
        own_numbers = self.case.bit_true().rule.parameters
        at = [name for name in ("threshold_raw", "hold_raw") if name in own_numbers]
        inside += [int(v) for name in at for v in getattr(params, name)[:4]]
        levels = [drive.min_raw, drive.max_raw, 0, drive.min_raw // 2, drive.max_raw // 2]
        levels += [value << shift if shift >= 0 else value >> -shift for value in inside]
        corners = np.unique(np.clip([[v - 1, v, v + 1] for v in levels], drive.min_raw, drive.max_raw)).astype(np.int64)
        own = self.case.drive_raw[:200]

        def held(ticks: int, hold: int) -> NDArray[np.int64]:
            return np.repeat(random.choice(corners, (-(-ticks // hold), count)), hold, axis=0)[:ticks]

        def anything(ticks: int) -> NDArray[np.int64]:
            return random.integers(drive.min_raw, drive.max_raw + 1, (ticks, count))

        def near(ticks: int) -> NDArray[np.int64]:
            # For 30 ticks near a level, with small changes.
            far = random.choice(levels, (-(-ticks // 30), count)) + random.integers(-40, 41, (-(-ticks // 30), count))
            drawn = np.repeat(far, 30, axis=0)[:ticks] + random.integers(-3, 4, (ticks, count))
            return np.asarray(np.clip(drawn, drive.min_raw, drive.max_raw))

        def scaled(ticks: int) -> NDArray[np.int64]:
            size = np.exp2(random.uniform(0, drive.width - 1, (ticks, count))) * random.choice([-1, 1], (ticks, count))
            return np.asarray(np.clip(size.astype(np.int64), drive.min_raw, drive.max_raw))

        def moderate(ticks: int) -> NDArray[np.int64]:
            # Inputs under which neurons fire: those of the case, with small changes.
            some = self.case.drive_raw[random.integers(len(self.case.drive_raw), size=-(-ticks // 40))]
            drawn = np.repeat(some, 40, axis=0)[:ticks] + random.integers(-9, 10, (ticks, count))
            return np.asarray(np.clip(drawn, drive.min_raw, drive.max_raw))

        def steps(ticks: int, stall_seed: int | None = None) -> Piece:
            drives = np.stack([scaled(ticks), anything(ticks), held(ticks, 1), moderate(ticks), near(ticks)])
            chosen = random.integers(len(drives), size=(ticks, count))
            drawn = np.take_along_axis(drives, chosen[None], axis=0)[0]
            return Piece(drawn, stall_seed=stall_seed, states=self._states(random, ticks, inside))

        self._steps = steps
        self.pieces = [
            Piece(own[:60]),
            Piece(np.zeros((10, count), dtype=np.int64)),
            Piece(anything(40), stall_seed=1),
            *(Piece(anything(4), cut=cut) for cut in range(min(3 * rows, 12))),
            Piece(held(120, 6), stall_seed=2),
            # Each bit of the counter toggles in both directions, whatever the neurons do.
            *(Piece(held(6, 3), saturations=start) for start in (0xFFFF_FFFF, 0x5555_5555, 0xAAAA_AAAA, 0x7FFF_FFFE)),
            *(Piece(held(4, 2), saturations=(1 << bit) - 1) for bit in range(1, 33)),
            Piece(held(300, 20)),
            Piece(own, stall_seed=3),
            Piece(anything(300)),
            Piece(held(200, 1), stall_seed=4),
            Piece(scaled(1000)),
            *([] if self._coupled else [steps(6000), steps(2000, 10)]),
            Piece(moderate(12_000)),
            Piece(near(3000)),
            Piece(scaled(5000), stall_seed=5),
            Piece(near(5000), stall_seed=6),
        ]
        self.long = [
            *(Piece(moderate(30_000), stall_seed=seed) for seed in (None, 7)),
            *(Piece(near(30_000), stall_seed=seed) for seed in (None, 8)),
            Piece(scaled(30_000), stall_seed=9),
            *([] if self._coupled else [steps(60_000)]),
        ]

    @property
    def _coupled(self) -> bool:
        # The coupling term has memories of its own, which the vectors cannot set: no single steps.
        return self.case.params.coupling is not None

    def _states(self, random: np.random.Generator, ticks: int, levels: Sequence[int]) -> dict[str, NDArray[np.int64]]:
        """Random states: any, of all magnitudes, near ends and levels, near states of a run, and states of a run."""
        params, shape = self.case.params, (ticks, self.case.params.count)
        happened = self.case.bit_true().run(self.case.drive_raw)
        when = random.integers(len(self.case.drive_raw), size=shape)
        made = {}
        for name, width, is_signed in params.state_fields:
            low, high = (-(1 << width - 1), (1 << width - 1) - 1) if is_signed else (0, (1 << width) - 1)
            some = np.array([low, low + 1, 0, 1, high - 1, high])
            if name == "membrane":
                some = np.concatenate([some, levels])
            own = happened[name][when, np.arange(params.count)]
            size = np.exp2(random.uniform(0, width, shape)) * random.choice([-1, 1] if is_signed else [1], shape)
            kinds = np.stack(
                [
                    random.integers(low, high + 1, shape),
                    size.astype(np.int64),
                    random.choice(some, shape) + random.integers(-3, 4, shape),
                    own + random.integers(-9, 10, shape),
                    own,
                ]
            )
            drawn = np.take_along_axis(kinds, random.integers(len(kinds), size=shape)[None], axis=0)[0]
            made[name] = np.clip(drawn, low, high).astype(np.int64)
        return _possible(self.case, made)

    def play(self, circuit: CompiledModel, piece: Piece, limit: int | None = None) -> Given:
        """Run a piece; as `Vectors.play`.

        Parameters
        ----------
        circuit : CompiledModel
            The compiled circuit.
        piece : Piece
            The piece.
        limit : int, optional
            Clocks after which the circuit counts as stuck.
        """
        case = self.case
        circuit.reset()
        if piece.saturations is not None:
            self.set_counter(circuit, "saturations", piece.saturations)
        rows = pack_drive(case.params, case.lanes, piece.drive_raw)
        if piece.cut is not None:
            # One more row in than out: it is in the pipeline at the reset.
            circuit.exchange(rows[: piece.cut + 1], piece.cut, max_cycles=limit)
            circuit.reset(1 + piece.cut % 3)
        if piece.states is None:
            return Given.of(circuit, *circuit.exchange(rows, stall_seed=piece.stall_seed, max_cycles=limit))
        circuit.wait(case.timing["cycles_after_reset"])
        rows = rows.reshape(len(piece.drive_raw), -1, rows.shape[1])
        parts, clocks = [], 0
        for tick, words in enumerate(pack_state(case.params, case.lanes, piece.states)):
            for row, word in enumerate(words):
                circuit.poke("state_memory", row, word)
            seed = None if piece.stall_seed is None else piece.stall_seed + tick
            part, passed = circuit.exchange(rows[tick], stall_seed=seed, max_cycles=limit)
            parts.append(part)
            clocks += passed
        return Given.of(circuit, np.concatenate(parts), clocks)

    def check(self, piece: Piece, given: Given) -> None:
        """Compare the output with the bit-true model, with the count of saturations; as `Vectors.check`.

        Parameters
        ----------
        piece : Piece
            The piece.
        given : Given
            The output of the circuit.

        Raises
        ------
        ValueError
            If they differ.
        """
        model = self.case.bit_true()
        trace = model.run(piece.drive_raw) if piece.states is None else _single_steps(model, piece)
        difference = compare(trace, unpack_output(self.case.params, self.case.lanes, given.rows))
        if difference is not None:
            raise ValueError(f"the circuit itself is not its model: {difference}")
        before = piece.saturations or 0
        if piece.cut is None and given.flat["saturations"] != min(before + model.saturations, 0xFFFF_FFFF):
            raise ValueError("the circuit itself does not count clamped updates as its model")

    def judge(self, made: Mutated, mutant: Mutant) -> tuple[bool, list[Piece]]:
        """Try to prove that a mutant is equivalent to the circuit; as `Vectors.judge`.

        A mutant in a lane is equivalent if the lane has the same results as the lane without fault, from every state in
        which the invariants hold. A mutant outside the lanes is equivalent if all claims about arrays hold for it.

        Parameters
        ----------
        made : Mutated
            The circuit.
        mutant : Mutant
            The mutant.
        """
        case, text = self.case, made.one(mutant)
        if found := re.match(r"top\.lane_(\d+)(?=\.|$)", mutant.module):
            proved, moments = same_lane(case.neuron.model, case.params, self.component, int(found[1]), made.text, text)
            return proved, self._aimed(moments)
        claims = list(prove_array(self.component, initial_state(case.neuron.model, case.params), text))
        return summary(claims) is True and all(claim.tried for claim in claims), []

    def _aimed(self, moments: Sequence[Moment]) -> list[Piece]:
        """Single steps from the counterexamples of a solver, with and without stalls."""
        if not moments or self._coupled:
            return []
        pieces = []
        for seed in (None, *range(11, 11 + STALLS)):
            # Neurons before and after it may matter: some steps have it in all neurons, others in one.
            some = self._steps(40 * len(moments), seed)
            assert some.states is not None
            for tick in range(len(some.drive_raw)):
                moment, neuron = moments[tick % len(moments)], tick // len(moments) % self.case.params.count
                which = slice(None) if tick < 2 * len(moments) else neuron
                some.drive_raw[tick, which] = moment.drive
                for name, column in some.states.items():
                    column[tick, which] = moment.state[name]
            pieces.append(replace(some, states=_possible(self.case, some.states)))
        return pieces


def _possible(case: Case, states: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """The states, with the initial one in place of those that violate the invariants of the golden model."""
    fine = np.ones(next(iter(states.values())).shape, dtype=bool)
    for holds in case.neuron.model.invariants(case.params.raw, Known(states)).values():
        fine &= holds
    if "noise" in states:
        fine &= states["noise"] != 0
    initial = case.bit_true()
    return {name: np.where(fine, column, getattr(initial, name)) for name, column in states.items()}


def _single_steps(model: Any, piece: Piece) -> dict[str, NDArray[np.int64]]:
    """The trace of the bit-true model, with one step from each state."""
    assert piece.states is not None
    trace = {name: np.empty_like(column) for name, column in piece.states.items()}
    spikes = np.empty_like(piece.drive_raw)
    for tick, drive in enumerate(piece.drive_raw):
        for name, column in piece.states.items():
            setattr(model, name, column[tick].copy())
        spikes[tick] = model.step(drive)
        for name, column in trace.items():
            column[tick] = getattr(model, name)
    return {"spike": spikes} | trace


# --- the score


@dataclass(frozen=True)
class Score:
    """Result of the mutants of a circuit.

    Parameters
    ----------
    killed : dict of Mutant to int
        Mutants that were detected, with the index of the first piece that detected each; for a long piece, the number
        of pieces; for a piece made for the mutant, `AIMED`.
    equivalent : tuple of Mutant
        Mutants that are proved equivalent to the circuit.
    survivors : tuple of Mutant
        Mutants that were neither detected nor proved equivalent.
    """

    killed: dict[Mutant, int]
    equivalent: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]

    @property
    def value(self) -> float:
        """Detected mutants as a fraction of those not proved equivalent; 1 if there are none."""
        real = len(self.killed) + len(self.survivors)
        return len(self.killed) / real if real else 1.0

    def modules(self) -> Iterator[tuple[str, int, int, int]]:
        """Name and numbers of killed mutants, equivalent mutants and survivors of each module, by name."""
        counts = [Counter(each.module for each in group) for group in (self.killed, self.equivalent, self.survivors)]
        for name in sorted(set().union(*counts)):
            yield name, counts[0][name], counts[1][name], counts[2][name]


def score(
    vectors: Vectors,
    count: int,
    *,
    seed: int = 1,
    prove: bool = True,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Score:
    """Make mutants of a circuit, run them, and try to prove that the survivors are equivalent.

    A ``ValueError`` is raised if the circuit itself differs from its bit-true model.

    Parameters
    ----------
    vectors : Vectors
        Test vectors of the circuit.
    count : int
        Largest number of mutants.
    seed : int
        Seed of the choice of mutants.
    prove : bool
        Whether to try to prove survivors equivalent.
    progress : callable
        ``progress(what, done, total)`` is called with a word for the present step and its progress.
    """
    made = mutants(vectors.component, count, seed, vectors.counters, vectors.within)
    killed: dict[Mutant, int] = {}
    alive: list[tuple[Mutant, int, CompiledModel]] = []
    for first in range(0, len(made.mutants), TOGETHER):
        some = made.mutants[first : first + TOGETHER]
        progress("compiling", first, len(made.mutants))
        circuit = CompiledModel(made.verilog(some), "top", state=True, fast=len(some) > 50)
        expected = vectors.expected(circuit, vectors.pieces)
        for number, mutant in enumerate(some, start=1):
            progress("running", first + number, len(made.mutants))
            place = _kill(vectors, circuit, number, vectors.pieces, expected)
            if place is None:
                alive.append((mutant, number, circuit))
            else:
                killed[mutant] = place
    equivalent: list[Mutant] = []
    survivors: list[Mutant] = []
    for done, (mutant, number, circuit) in enumerate(alive):
        progress("proving", done, len(alive))
        proved, aimed = vectors.judge(made, mutant) if prove else (False, [])
        if proved:
            equivalent.append(mutant)
        elif vectors.notices(circuit, number, aimed):
            killed[mutant] = AIMED
        else:
            progress("running longer", done, len(alive))
            if vectors.notices(circuit, number, vectors.long):
                killed[mutant] = len(vectors.pieces)
            else:
                survivors.append(mutant)
    return Score(killed, tuple(equivalent), tuple(survivors))


def _kill(
    vectors: Vectors, circuit: CompiledModel, number: int, pieces: Sequence[Any], expected: Sequence[Given]
) -> int | None:
    """The index of the first piece that detects a mutant; None if none does."""
    circuit.fresh()
    circuit.drive(SELECT, number)
    for place, (piece, wanted) in enumerate(zip(pieces, expected, strict=True)):
        try:
            given = vectors.play(circuit, piece, MOST_CLOCKS * wanted.clocks + 1000)
        except StreamError:
            return place
        if not given.same(wanted):
            return place
    return None
