"""Test vectors for mutants of networks of phase oscillators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from amaranth.hdl import Cat, Module, Signal, Value
from numpy.typing import NDArray

from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.noise import first_states
from neuristor.hdl.onn import Onn
from neuristor.sim.benches.onn import OnnCase, Stretch
from neuristor.sim.engines.compiled import CompiledModel, pack_rows, unpack_rows
from neuristor.sim.faults.mutants import Given, Mutant, Mutated, Vectors
from neuristor.sim.faults.network_mutants.common import CommandWrapper, indistinguishable

__all__ = ["OnnDesk", "OnnPiece", "OnnVectors"]

LONGEST = 100_000
"""Largest number of clocks for one command."""


class OnnDesk(CommandWrapper):
    """Command wrapper of an oscillator network; it answers each command with the whole state, once the network is idle.

    The commands are weights (0), initial phases (1), numbers of ticks to run (2), and `BEGIN` (3) with the seed.

    Parameters
    ----------
    onn : Onn
        The network.
    """

    BEGIN = 3
    """Number of the command that starts from the initial phases."""

    def __init__(self, onn: Onn) -> None:
        self.fields = {
            name: len(Value.cast(getattr(onn, name)))
            for name in ("tick", "changed", "toggles", "settled", "phases", "outputs", "references", "totals")
        }
        super().__init__(onn, ["weight", "phase", "advance"], sum(self.fields.values()))

    def elaborate(self, platform: object) -> Module:
        """Accept one command at a time."""
        m = Module()
        m.submodules.inner = onn = self.inner
        asked = Signal()
        may = ~asked & ~onn.busy
        kind, word = self.accept(m, may)
        m.d.comb += [
            onn.begin.eq(self.i.valid & may & (kind == self.BEGIN)),
            onn.seed.eq(word),
            self.o.valid.eq(asked & ~onn.busy),
            self.o.payload.eq(Cat(getattr(onn, name) for name in self.fields)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += asked.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += asked.eq(0)
        self.observe(m, (onn.toggled.valid, Value.cast(onn.toggled)))
        return m


@dataclass(frozen=True)
class OnnPiece:
    """One run of an oscillator network, from a reset on.

    Parameters
    ----------
    params : OnnParams
        The network, with the weights to write.
    phases : ndarray of int64, shape (count,)
        Initial phases, 0 to 2**phase_bits - 1.
    seed : int
        Seed of the noise.
    stretches : tuple of Stretch
        Ticks, noise and window of each part of the run.
    stall_seed : int or None
        Seed of the stall pattern; None for no stalls.
    cut : int or None
        Clocks of the last stretch after which the circuit is reset and the run begins again; None for no reset.
    counted : dict of str to int
        Values that counters are set to after the beginning.
    rows : ndarray of uint8, shape (commands, bytes)
        The commands.
    """

    params: OnnParams
    phases: NDArray[np.int64]
    seed: int
    stretches: tuple[Stretch, ...]
    stall_seed: int | None = None
    cut: int | None = None
    counted: dict[str, int] = field(default_factory=dict)
    rows: NDArray[np.uint8] = field(kw_only=True)


class OnnVectors(Vectors):
    """Vectors for a network of oscillators, with other weights, phases, noise and stretches in each piece.

    Parameters
    ----------
    case : OnnCase
        The network, and the first piece.
    seed : int
        Seed of the random numbers.
    """

    within = "top.inner"
    counters: ClassVar[dict[str, int]] = {"tick": 32, "changed": 32, "toggles": 48}

    def __init__(self, case: OnnCase, seed: int = 1) -> None:
        self.component = OnnDesk(Onn(case.params, case.parts))
        random, given = np.random.default_rng(seed), case.params
        high = (1 << given.weight_bits - 1) - 1
        low = -high - 1

        def made(params: OnnParams, phases: NDArray[np.int64], number: int, way: Any, **more: Any) -> OnnPiece:
            rows = pack_rows(self._commands(params, phases, number, way), len(self.component.i.payload))
            return OnnPiece(params, phases, number, way, rows=rows, **more)

        def piece(stretches: int, density: float, **more: Any) -> OnnPiece:
            drawn = random.integers(low, high, given.weights.shape, endpoint=True)
            if random.random() < 0.3:
                drawn = random.choice([low, high, 0, -1, 1], given.weights.shape)
            weights = drawn * (random.random(drawn.shape) < density)
            most = (1 << given.noise_bits) - 1
            few = [0, 1, 1, 2, 3, given.half]
            way = [
                Stretch(
                    int(random.choice([*few, int(random.integers(1, 5 * given.half)), int(random.integers(400))])),
                    int(random.choice([0, 1, most, int(random.integers(most + 1))])) if most else 0,
                    int(random.choice([0, 1, 2, given.half - 1, given.half, given.half])),
                )
                for _ in range(stretches)
            ]
            phases = random.integers(0, given.raw.period, given.count)
            number = int(random.integers(1 << 31))
            return made(replace(given, weights=weights), phases, number, tuple(way), **more)

        def counted(value: int) -> dict[str, int]:
            ticks = value & 0x7FFF_FFFF & -given.raw.period
            return {"tick": ticks, "changed": ticks, "toggles": value & (1 << 48) - 1}

        own = made(given, case.phases, case.seed, tuple(case.stretches))
        self.pieces = [
            own,
            *(piece(6, density) for density in (0.0, 0.2, 0.5, 1.0)),
            *(piece(3, 0.6, cut=clocks) for clocks in range(24)),
            *(piece(12, density, stall_seed=n) for n, density in enumerate((0.1, 0.3, 0.6, 1.0))),
            *(piece(20, random.random()) for _ in range(60)),
            # Each bit of the counters changes in both directions. `tick` must keep its phase within the period.
            *(piece(3, 0.6, counted=counted((1 << bit) - 1)) for bit in range(given.phase_bits, 49)),
            *(piece(4, 0.6, counted=counted(0x5555_5555_5555 << shift)) for shift in (0, 1)),
        ]
        self.long = [piece(40, random.random()) for _ in range(400)]

    def _commands(
        self, params: OnnParams, phases: NDArray[np.int64], seed: int, stretches: Sequence[Stretch]
    ) -> list[int]:
        """The commands of a run: weights, phases, begin, and the stretches."""
        wrapper, onn = self.component, self.component.inner
        made = [
            wrapper.command(0, {"chunk": chunk, "column": column, "data": onn.word(params.weights, column, chunk)})
            for column in range(params.count)
            for chunk in range(onn.chunks)
        ]
        made += [wrapper.command(1, {"oscillator": n, "value": phase}) for n, phase in enumerate(phases.tolist())]
        made.append(wrapper.command(wrapper.BEGIN, int(first_states(seed, 1)[0])))
        for ticks, noise, window in stretches:
            made.append(wrapper.command(2, {"ticks": ticks, "settle": 0, "noise": noise, "window": window}))
        return made

    def play(self, circuit: CompiledModel, piece: OnnPiece, limit: int | None = None) -> Given:
        """Run a piece of the vectors; see `Vectors.play`.

        Parameters
        ----------
        circuit : CompiledModel
            The circuit, or a mutant.
        piece : OnnPiece
            The piece.
        limit : int, optional
            Largest number of clocks; unlimited by default.

        Returns
        -------
        Given
            Outputs of the circuit.
        """
        circuit.reset()
        rows = piece.rows
        if piece.cut is not None:
            circuit.exchange(rows, len(rows) - 1, max_cycles=limit, idle_limit=LONGEST)
            circuit.wait(piece.cut)
            circuit.reset(1 + piece.cut % 2)
        begun = len(rows) - len(piece.stretches)
        first, passed = circuit.exchange(rows[:begun], stall_seed=piece.stall_seed, max_cycles=limit)
        for name, value in piece.counted.items():
            self.set_counter(circuit, name, value)
        rest, clocks = circuit.exchange(rows[begun:], stall_seed=piece.stall_seed, max_cycles=limit, idle_limit=LONGEST)
        return Given.of(circuit, np.concatenate([first, rest]), passed + clocks)

    def check(self, piece: OnnPiece, given: Given) -> None:
        """Compare the outputs of the circuit with the bit-true model; a ``ValueError`` is raised if they differ.

        Parameters
        ----------
        piece : OnnPiece
            The piece.
        given : Given
            Outputs of the circuit.
        """
        model = OnnBitTrue(piece.params, piece.phases, piece.seed)
        answers = unpack_rows(given.rows)[-1 - len(piece.stretches) :]
        self._compare(model, answers[0], 0)
        model.tick = piece.counted.get("tick", model.tick)
        for name in set(piece.counted) - {"tick"}:
            getattr(model, name)[:] = piece.counted[name]
        for number, (answer, stretch) in enumerate(zip(answers[1:], piece.stretches, strict=True), start=1):
            for _ in range(stretch.ticks):
                model.step(stretch.noise, stretch.window)
            self._compare(model, answer, number)

    def _compare(self, model: OnnBitTrue, answer: int, number: int) -> None:
        """Compare an answer with the state of the model.

        Raises
        ------
        ValueError
            If they differ.
        """
        if answer != self._snapshot(model):
            raise ValueError(f"the circuit itself is not its model after {number} stretches of ticks")

    def _snapshot(self, model: OnnBitTrue) -> int:
        """The state of the model, as an answer of the wrapper."""
        made = at = 0
        own: dict[str, Any] = {
            "tick": [model.tick],
            "changed": model.changed,
            "toggles": model.toggles,
            "settled": model.settled,
        }
        own |= {"phases": model.phase[0], "outputs": model.output[0]}
        own |= {"references": model.reference[0], "totals": model.total[0]}
        for name, width in self.component.fields.items():
            words = [int(word) for word in own[name]]
            each = width // len(words)
            for word in words:
                made |= (word & ((1 << each) - 1)) << at
                at += each
        return made

    def judge(self, made: Mutated, mutant: Mutant) -> tuple[bool, list[OnnPiece]]:
        """Try to prove a mutant equivalent, step by step or over all sequences of inputs; see `Vectors.judge`.

        Parameters
        ----------
        made : Mutated
            The circuit and its mutants.
        mutant : Mutant
            The mutant.

        Returns
        -------
        proved : bool
            Whether the mutant is proved equivalent.
        pieces : list of OnnPiece
            Always empty: the solver gives no vectors for networks.
        """
        return indistinguishable(made.text, made.one(mutant)), []
