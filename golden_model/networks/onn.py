"""Oscillatory neural networks: N phase oscillators, each coupled to every other one by a weight.

The weighted sum ``S_i = sum_j w_ij (2 o_j - 1)`` changes only when an output toggles, and then by ``2 w_ij``. Each
output toggles twice per period. Therefore the sums are updated at each toggle and not recomputed in each time step
(tick): the work per period does not depend on the number of ticks in a period. The order within a tick is the same in
the model and in the circuit:

1. The outputs follow their phases.
2. For each output that toggles, its column of the weights is added to, or subtracted from, all sums.
3. Each oscillator compares its sum with zero and may set its phase to the present tick (``phase_oscillator``).

At the start, the sums are computed once in full. Where the sum is then zero, the reference is the output of the
oscillator. The network has settled when no phase has changed for a whole period. Equal oscillators that repel each
other and start in phase never settle without noise, because they are all in the same state.

There are two means of annealing. Neither costs clocks for the coupling:

- *Noise*: each sum is offset by +a or -a for its comparison with zero. The signs are independent. The amplitude a is
  common to all oscillators, new in each tick, and uniform from 0 to `noise`. Because all oscillators act at the same
  time, each may change its phase only if a random bit of its own is 1. Otherwise neighbours could follow each other's
  previous phase forever.
- *Injection* at twice the frequency (sub-harmonic injection locking, SHIL): references are sampled only in the first
  `window` ticks of each half period. If the window is the whole half period, there is no injection. If it is one tick,
  each new phase is 0 or half a period: the network is an Ising machine.

The two random bits of an oscillator come from a xorshift generator. Its words are shifted along the network by 32
oscillators per tick, which takes one flip-flop per bit and no logic.

References
----------
B. Haverkort and A. Todri-Sanial, Front. Neurosci. 2026, 10.3389/fnins.2025.1658490 (the largest such network
published for a small FPGA: 506 oscillators, 5-bit weights, 4-bit phase, sums recomputed in each tick).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.networks.ising import Ising
from neuristor.golden_model.networks.phase_oscillator import PhaseOscillatorRaw, output, step
from neuristor.golden_model.noise import advance, first_states

__all__ = [
    "OnnBitTrue",
    "OnnParams",
    "Segment",
    "Solution",
    "cooling",
    "energy",
    "solve",
    "spins",
    "visit_clocks",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
MOST = 4096
"""Largest number of oscillators in a network."""
MOST_AT_ONCE = 20_000_000
"""Largest product of trials and spins of a problem: some gigabytes."""
SPARSE = 0.1
"""Fraction of nonzero weights below which the model uses a sparse matrix."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnParams:
    """A network and its word lengths.

    Parameters
    ----------
    weights : ndarray of int, shape (count, count)
        ``weights[i, j]`` is the synaptic weight w_ij from oscillator j to oscillator i; 2 to 4096 oscillators.
    weight_bits : int
        Word length of a weight, signed, 1 to 8; a weight of 1 bit is -1 or 0.
    phase_bits : int
        Word length of a phase, 4 to 8; a period has ``2**phase_bits`` ticks.
    noise_bits : int
        Word length of the noise amplitude, 0 to 16; its largest value is ``2**noise_bits - 1``. 0 for a network
        without noise.
    symmetric : bool
        Whether the weights must be symmetric; they are checked. The circuit stores the whole matrix in any case.

    Raises
    ------
    TypeError
        If the weights are not integers.
    ValueError
        If a word length is outside its range, the shape of the weights is wrong, or they are not symmetric although
        `symmetric` is set.
    OverflowError
        If a weight does not fit into `weight_bits`.
    """

    weights: Integers
    weight_bits: int = 5
    phase_bits: int = 4
    noise_bits: int = 0
    symmetric: bool = False

    def __post_init__(self) -> None:
        whole("weight_bits", self.weight_bits, 1, 8)
        whole("phase_bits", self.phase_bits, 4, 8)
        whole("noise_bits", self.noise_bits, 0, 16)
        weights = np.asarray(self.weights)
        if weights.dtype.kind == "f" and not np.isfinite(weights).all():
            raise ValueError("weights must be integers, but they hold a NaN or an infinity")
        if weights.dtype.kind != "i":
            raise TypeError(f"weights must be integers, not {weights.dtype}; quantize them first")
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not 2 <= len(weights) <= MOST:
            raise ValueError(f"weights must have shape (n, n) with n from 2 to {MOST}, not {weights.shape}")
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        outside = np.argwhere((weights < low) | (weights > high))
        if len(outside):
            i, j = outside[0].tolist()
            raise OverflowError(
                f"weights must be between {low} and {high} with {self.weight_bits} bits, not {weights[i, j]} (from "
                f"oscillator {j} to {i})"
            )
        if self.symmetric and (weights != weights.T).any():
            i, j = np.argwhere(weights != weights.T)[0].tolist()
            raise ValueError(
                f"weights must be symmetric if symmetric is set, but oscillators {i} and {j} have {weights[i, j]} and "
                f"{weights[j, i]}"
            )
        object.__setattr__(self, "weights", weights.astype(np.int64))

    @property
    def count(self) -> int:
        """Number of oscillators."""
        return len(self.weights)

    @cached_property
    def raw(self) -> PhaseOscillatorRaw:
        """The integers of one oscillator."""
        return PhaseOscillatorRaw(self.phase_bits)

    @property
    def total_bits(self) -> int:
        """Word length of a sum, signed. The largest possible sum with noise fits, so no sum can saturate."""
        return ((self.count << (self.weight_bits - 1)) + (1 << self.noise_bits) - 1).bit_length() + 1

    @property
    def half(self) -> int:
        """Ticks of half a period; as a window, this means no injection."""
        return self.raw.period // 2

    def check_annealing(self, noise: int, window: int) -> None:
        """Check noise and window of an annealing step; raises a ValueError if one is outside its range.

        Parameters
        ----------
        noise : int
            Largest noise amplitude, 0 to ``2**noise_bits - 1``.
        window : int
            Ticks of each half period in which references are sampled, 1 to `half`.
        """
        whole("noise", noise, 0, (1 << self.noise_bits) - 1)
        whole("window", window, 1, self.half)


def visit_clocks(parts: int = 1, noisy: bool = True) -> int:
    """Clocks in which the circuit computes a tick that it does not skip, at most, and finds the next one.

    `parts` clocks more are taken by each output that toggles. That no tick takes longer is proved by
    ``neuristor.sim.proofs.onn_proof``.

    Parameters
    ----------
    parts : int
        Clocks in which a column of weights is read.
    noisy : bool
        Whether noise is added to the sums.

    Returns
    -------
    int
        The clocks.
    """
    return 21 + 2 * parts if noisy else 12


class Segment(NamedTuple):
    """A part of an annealing schedule."""

    periods: int
    """Duration, in periods."""
    noise: int
    """Largest noise amplitude, in units of a weighted sum."""
    window: int
    """Ticks of each half period in which references are sampled."""


def cooling(periods: int, noise: int, window: int = 1, steps: int = 64, last: int = 0) -> list[Segment]:
    """An annealing schedule that lowers the noise linearly.

    Parameters
    ----------
    periods : int
        Total duration, in periods; at least 1.
    noise : int
        Largest noise amplitude of the first segment.
    window : int
        Window of all segments, in ticks; 1 is full injection.
    steps : int
        Largest number of segments; at least 1.
    last : int
        Largest noise amplitude of the last segment.

    Returns
    -------
    list of Segment
        In order of time.
    """
    steps = min(steps, periods)
    ends = [periods * (n + 1) // steps for n in range(steps)]
    return [
        Segment(end - begin, last + (noise - last) * (steps - 1 - n) // max(steps - 1, 1), window)
        for n, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]


class OnnBitTrue:
    """The bit-true network, with many trials at the same time: the specification of the circuit.

    Parameters
    ----------
    params : OnnParams
        Weights and word lengths.
    phases : array_like of int, shape (trials, count)
        Initial phases, in ticks, each 0 to ``2**phase_bits - 1``.
    seed : int
        Seed of the noise; each trial has its own generator.
    detuning : array_like of float, shape (count,), optional
        Relative frequency deviation of each oscillator, above -0.5 and below 0.5; 0 by default. The phase of a
        detuned oscillator slips by a tick from time to time. This is for comparison with devices that differ from
        each other; the oscillators of the circuit are all equal.

    Attributes
    ----------
    phase, output, reference, total : ndarray of int64, shape (trials, count)
        The state: phi, o, reference and S in equations 1 to 3 of ``phase_oscillator``.
    tick : int
        Ticks since the start.
    toggles : ndarray of int64, shape (trials,)
        Number of times that an output has toggled.
    visits : ndarray of int64, shape (trials,)
        Number of ticks that the circuit visits. It skips a tick if no phase is or was there, and neither noise nor
        injection can change one.
    changed : ndarray of int64, shape (trials,)
        The last tick in which a phase changed; 0 if none has changed.
    state : ndarray of int64, shape (trials,)
        States of the noise generators.

    Raises
    ------
    TypeError
        If the phases are not integers.
    ValueError
        If the phases or the detuning have another shape or are outside their range.
    """

    def __init__(
        self, params: OnnParams, phases: ArrayLike, seed: int = 0, *, detuning: ArrayLike | None = None
    ) -> None:
        phase: Any = np.atleast_2d(np.asarray(phases))
        if phase.dtype.kind != "i":
            raise TypeError(f"phases must hold integers, not {phase.dtype}")
        if phase.ndim != 2 or phase.shape[1] != params.count:
            raise ValueError(f"phases must have shape (trials, {params.count}), not {phase.shape}")
        if phase.size and (phase.min() < 0 or phase.max() >= params.raw.period):
            raise ValueError(f"phases must be 0 to {params.raw.period - 1}, not {phase.min()} to {phase.max()}")
        self.params = params
        # Sums of integers are exact in floating point far beyond what can occur, and products are much faster.
        exact = np.float32 if params.total_bits < 24 else np.float64
        weights: Any = params.weights.astype(exact)
        sparse = np.count_nonzero(weights) < SPARSE * weights.size
        self._rows: Any = scipy.sparse.csr_array(weights) if sparse else None
        self._twice = np.ascontiguousarray(2 * weights.T)
        self._drift = None if detuning is None else _detuning(detuning, params.count)
        self._ahead = np.zeros(params.count)
        self.tick = 0
        self._phase: Bytes = phase.astype(np.uint8)
        self._output: Bytes = output(params.raw, self._phase, 0)
        self._total = (2 * self.output - 1).astype(exact) @ weights.T
        self._reference: Bytes = np.where(self._total == 0, self._output, self._total > 0).astype(np.uint8)
        self.toggles, self.visits, self.changed = (np.zeros(len(phase), dtype=np.int64) for _ in range(3))
        self.state: NDArray[Any] = first_states(seed, len(phase))
        self._signs: Bytes = np.zeros(phase.shape, dtype=np.uint8)
        self._tosses: Bytes = np.zeros(phase.shape, dtype=np.uint8)
        # Ticks of half a period in which an output may toggle; whether a new phase takes effect in the next tick.
        self._occupied = np.ones((len(phase), params.half), dtype=bool)
        self._fresh = np.zeros(len(phase), dtype=bool)

    @property
    def phase(self) -> Integers:
        """Phase of each oscillator, in ticks, shape (trials, count)."""
        return self._phase.astype(np.int64)

    @property
    def output(self) -> Integers:
        """Output of each oscillator, 1 or 0, shape (trials, count)."""
        return self._output.astype(np.int64)

    @property
    def reference(self) -> Integers:
        """Reference of each oscillator, 1 or 0, shape (trials, count)."""
        return self._reference.astype(np.int64)

    @property
    def total(self) -> Integers:
        """Weighted sum of each oscillator, shape (trials, count)."""
        return np.asarray(self._total, dtype=np.int64)

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Whether no phase has changed for a period, shape (trials,)."""
        return np.asarray(self.tick - self.changed >= self.params.raw.period)

    @property
    def clocks(self) -> Integers:
        """Upper bound of the clocks that the circuit takes with one column per clock, shape (trials,)."""
        return self.toggles + visit_clocks() * self.visits

    def step(self, noise: int = 0, window: int | None = None) -> None:
        """Advance by one tick.

        Parameters
        ----------
        noise : int
            Largest noise amplitude, 0 to ``2**noise_bits - 1``.
        window : int, optional
            Ticks of each half period in which references are sampled, from 1; all by default.
        """
        self.tick += 1
        raw, half = self.params.raw, self.params.half
        place, now = self.tick % half, self.tick % raw.period
        sampled = window is None or place < window
        annealed = noise > 0 or (window is not None and window < half)
        if self._drift is not None:
            self._slip(self._drift)
        seen = self._fresh | self._occupied[:, place]
        visited = seen | (annealed and sampled)
        self.visits += visited
        self._fresh[:] = False
        self._follow(_indices(seen), place, now)
        if not (sampled and visited.any()):
            return  # nothing has changed, so no reference can change
        rows = _indices(visited)
        total, allowed = self._total[rows], np.ones(1, dtype=np.uint8)
        if noise:  # all trials are visited
            total = total + self._moves(noise)
            allowed = self._tosses
        phase, reference, moved = step(raw, self._phase[rows], self._reference[rows], total, now, allowed)
        self._phase[rows], self._reference[rows] = phase, reference
        moving = np.zeros_like(seen)
        moving[rows] = moved.any(axis=1)
        self._fresh[moving] = True
        self._occupied[moving, place] = True
        self.changed[moving] = self.tick

    def _slip(self, drift: Floats) -> None:
        """Let the phases of detuned oscillators drift; visit all ticks afterwards."""
        self._ahead += drift
        ticks = np.trunc(self._ahead)
        if ticks.any():
            self._ahead -= ticks
            mask = self.params.raw.period - 1
            self._phase = np.asarray((self._phase - ticks.astype(np.int64)) & mask, dtype=np.uint8)
            self._occupied[:] = True
            self._fresh[:] = True

    def _follow(self, rows: Any, place: int, now: int) -> None:
        """Let the outputs of some trials follow their phases, and update the sums for those that toggle."""
        phase, before = self._phase[rows], self._output[rows]
        if not len(phase):
            return
        after: Bytes = output(self.params.raw, phase, now)
        change = after.astype(np.int8) - before.astype(np.int8)
        self._output[rows] = after
        self._occupied[rows, place] = ((phase & (self.params.half - 1)) == place).any(axis=1)
        toggling = np.flatnonzero(change.any(axis=0))
        if not len(toggling):
            return
        part = change.astype(self._twice.dtype)
        if self._rows is not None:
            self._total[rows] += 2 * (self._rows @ part.T).T
        elif len(toggling) > change.shape[1] // 2:
            self._total[rows] += part @ self._twice
        else:
            self._total[rows] += part[:, toggling] @ self._twice[toggling]
        self.toggles[rows] += np.count_nonzero(change, axis=1)

    def _draw(self) -> Integers:
        self.state = advance(self.state)
        return self.state

    def _moves(self, noise: int) -> Any:
        """The offset of each sum in this tick; also draws the bits that allow phases to change."""
        for register in (self._signs, self._tosses):
            word = self._draw()[:, None] >> np.arange(min(32, register.shape[1])) & 1
            register[:, 32:] = register[:, :-32].copy()
            register[:, :32] = word
        most = ((noise + 1) * (self._draw() >> 16) >> 16).astype(self._twice.dtype)[:, None]
        return np.where(self._signs, most, -most)

    def run(self, periods: int, noise: int = 0, window: int | None = None) -> None:
        """Advance by a number of periods; without noise, stop when all trials have settled.

        A ValueError is raised if an argument is outside its range.

        Parameters
        ----------
        periods : int
            Number of periods, 1 to 1 000 000.
        noise : int
            Largest noise amplitude, 0 to ``2**noise_bits - 1``.
        window : int, optional
            Ticks of each half period in which references are sampled, 1 to `OnnParams.half`; all by default.
        """
        whole("periods", periods, 1, 1_000_000)
        self.params.check_annealing(noise, self.params.half if window is None else window)
        for _ in range(periods):
            for _ in range(self.params.raw.period):
                self.step(noise, window)
            if not noise and self.settled.all():
                return


def _indices(chosen: NDArray[np.bool_]) -> Any:
    """An index of the chosen trials; a slice if all are chosen, which makes no copy."""
    return slice(None) if chosen.all() else np.flatnonzero(chosen)


def _detuning(detuning: ArrayLike, count: int) -> Floats:
    made = np.asarray(detuning, dtype=np.float64)
    if made.shape != (count,):
        raise ValueError(f"detuning must have shape ({count},), not {made.shape}")
    if not (np.abs(made) < 0.5).all():
        raise ValueError("detuning must be between -0.5 and 0.5")
    return made


def spins(phases: ArrayLike, phase_bits: int) -> Integers:
    """Spins of oscillators: +1 for a phase within a quarter of a period of oscillator 0, else -1.

    Parameters
    ----------
    phases : array_like of int, shape (..., count)
        Phases, in ticks.
    phase_bits : int
        A period has ``2**phase_bits`` ticks; at least 2.

    Returns
    -------
    ndarray of int64, shape (..., count)
        +1 and -1.
    """
    phase, quarter = np.asarray(phases, dtype=np.int64), 1 << (phase_bits - 2)
    away = (phase - phase[..., :1] + quarter) & ((1 << phase_bits) - 1)
    return np.where(away < 2 * quarter, 1, -1)


def energy(weights: ArrayLike, spins: ArrayLike) -> Floats:
    """Ising energy ``-1/2 sum w_ij s_i s_j``, without the diagonal.

    Parameters
    ----------
    weights : array_like, shape (count, count)
        w.
    spins : array_like of int, shape (..., count)
        s, each +1 or -1.

    Returns
    -------
    ndarray of float, shape (...)
        Energies, in units of a weight.
    """
    matrix, s = np.array(weights, dtype=np.float64), np.asarray(spins, dtype=np.float64)
    np.fill_diagonal(matrix, 0)
    return np.asarray(-0.5 * np.einsum("...i,...i->...", s @ matrix.T, s))


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """Result of annealing a network.

    Parameters
    ----------
    spins : ndarray of int, shape (count,)
        Spins with the lowest energy of all trials, each +1 or -1.
    energy : float
        Their energy.
    energies : ndarray of float, shape (trials,)
        Lowest energy of each trial.
    clocks : ndarray of int, shape (trials,)
        Upper bound of the clocks that the circuit takes for the whole schedule.
    clocks_to_target : ndarray of float, shape (trials,)
        Clocks until the target was reached; infinite if it was not reached, or without a target.
    history : ndarray of float, shape (segments, trials)
        Energy at the end of each segment of the schedule.
    params : OnnParams
        The network that was annealed.
    schedule : tuple of Segment
        The annealing schedule.
    seed : int
        Seed of the initial spins and of the noise.
    variables : tuple
        Name of each spin.
    """

    spins: Integers
    energy: float
    energies: Floats
    clocks: Integers
    clocks_to_target: Floats
    history: Floats
    params: OnnParams
    schedule: tuple[Segment, ...]
    seed: int
    variables: tuple[Any, ...]

    @property
    def sample(self) -> dict[Any, int]:
        """The spin of each variable."""
        return dict(zip(self.variables, self.spins.tolist(), strict=True))


def solve(
    problem: Any,
    *,
    trials: int = 20,
    periods: int = 1000,
    weight_bits: int = 5,
    phase_bits: int = 4,
    noise: float = 2.0,
    last: float = 0.0,
    seed: int = 0,
    target: float | None = None,
    progress: Callable[[float, float], object] | None = None,
) -> Solution:
    """Find spins of low energy by annealing a network of oscillators; bit-true to the circuit.

    Parameters
    ----------
    problem : Ising or dimod.BinaryQuadraticModel
        The problem. With fields it takes one more oscillator, whose phase is the reference of the spins.
    trials : int
        Number of runs from random spins, at the same time, 1 to 100 000.
    periods : int
        Duration of the schedule, in periods, 1 to 10 000 000; longer schedules find lower energies.
    weight_bits, phase_bits : int
        Word lengths of the weights, 2 to 8, and of the phases, 4 to 8. The couplings are scaled to the range of the
        weights and rounded.
    noise : float
        Initial noise, in units of the root mean square of a weighted sum of random spins; zero or more.
    last : float
        Final noise, in the same unit; zero or more. About 1 is good for sparse graphs with equal weights.
    seed : int
        Seed of the initial spins and of the noise.
    target : float, optional
        Energy for which the time to reach it is recorded.
    progress : callable, optional
        Called after each segment with the completed fraction of the schedule and the lowest energy so far.

    Returns
    -------
    Solution
        The best spins and the course of all trials.

    Raises
    ------
    TypeError
        If the problem is of neither kind.
    ValueError
        If the problem is too large, or a parameter is outside its range.

    Examples
    --------
    >>> from neuristor.golden_model.networks.ising import Graph, max_cut
    >>> square = Graph(tuple("abcd"), np.array([[0, 1], [1, 2], [2, 3], [3, 0]]), np.ones(4))
    >>> float(square.cut(solve(max_cut(square)).spins))
    4.0
    """
    if not isinstance(problem, Ising) and not hasattr(problem, "to_ising"):
        raise TypeError(f"problem must be an Ising or a binary quadratic model of dimod, not {type(problem).__name__}")
    ising = problem if isinstance(problem, Ising) else Ising.from_bqm(problem)
    whole("trials", trials, 1, 100_000)
    whole("periods", periods, 1, 10_000_000)
    whole("weight_bits", weight_bits, 2, 8)
    positive("noise", noise, zero=True)
    positive("last", last, zero=True)
    count, extra = len(ising.fields), int(ising.fields.any())
    if not 2 <= count + extra <= MOST:
        raise ValueError(f"a problem must have 2 to {MOST} spins, with one more for fields, not {count + extra}")
    if trials * (count + extra) > MOST_AT_ONCE:
        raise ValueError(f"trials times spins must be at most {MOST_AT_ONCE}, not {trials} x {count + extra}")
    real = np.zeros((count + extra, count + extra))
    real[extra:, extra:] = -ising.couplings
    if extra:
        real[0, 1:] = real[1:, 0] = -ising.fields
    weights = _scaled(real, weight_bits)
    usual = math.sqrt((weights.astype(np.float64) ** 2).sum() / len(weights))
    level, end = round(noise * usual), round(last * usual)
    bits = max(level.bit_length(), end.bit_length(), 1)
    params = OnnParams(weights=weights, weight_bits=weight_bits, phase_bits=phase_bits, noise_bits=bits)
    schedule = cooling(periods, level, steps=256, last=end)
    first = np.random.default_rng(seed).integers(0, 2, (trials, params.count)) * params.half
    network = OnnBitTrue(params, first, seed)
    best, energies = np.zeros((trials, count), dtype=np.int64), np.full(trials, np.inf)
    reached, history = np.full(trials, np.inf), np.empty((len(schedule), trials))
    for n, segment in enumerate(schedule):
        network.run(segment.periods, segment.noise, segment.window)
        found = spins(network.phase, phase_bits)[:, extra:]
        history[n] = now = ising.energy(found)
        better = now < energies
        best[better], energies[better] = found[better], now[better]
        if target is not None:
            met = (energies <= target) & np.isinf(reached)
            reached[met] = network.clocks[met]
        if progress is not None:
            progress((n + 1) / len(schedule), float(energies.min()))
    winner = int(energies.argmin())
    return Solution(
        spins=best[winner],
        energy=float(energies[winner]),
        energies=energies,
        clocks=network.clocks,
        clocks_to_target=reached,
        history=history,
        params=params,
        schedule=tuple(schedule),
        seed=seed,
        variables=ising.variables,
    )


def _scaled(real: Floats, bits: int) -> Integers:
    """Weights as integers, as large as fits; integer weights are multiplied by an integer if possible."""
    largest = float(np.abs(real).max())
    room = (1 << (bits - 1)) - 1
    if not largest:
        return real.astype(np.int64)
    scale = room / largest
    if scale >= 1 and (real == np.floor(real)).all():
        scale = float(math.floor(scale))
    return np.floor(real * scale + 0.5).astype(np.int64)
