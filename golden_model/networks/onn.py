"""Oscillatory neural networks: N phase oscillators, every one coupled to every other by a weight.

A sum ``S_i = sum_j w_ij (2 o_j - 1)`` changes only when an output toggles, twice a period each, and then by
``2 w_ij``. So it is never computed anew: work is done for what toggles, whatever the number of ticks in a
period. The order within a tick, the same in the model and in the circuit:

1. the outputs follow their phases;
2. for each that toggled, its column of the weights is added to, or taken from, all sums;
3. each oscillator compares its sum with zero, and may restart (``phase_oscillator``).

At the beginning one full pass makes the sums; a reference whose sum is then zero is the oscillator's output.
The network has settled when no phase was set anew for a whole period. Equal oscillators that repel each other and
begin in phase never do: nothing tells them apart, as long as there is no noise.

Annealing has two means, both of which cost no coupling time:

- *Noise*: before it is compared, each sum is moved by +a or -a, and thereafter back. The signs are independent, a is
  common to all, anew in each tick, and uniform from 0 to `noise`. As all oscillators act at once, each may restart
  only if a toss of its own allows it (else, neighbours would follow each other's past for ever).
- *Injection* at twice the frequency (SHIL): references are sampled only in the first `window` ticks of each half
  period. With all ticks there is no injection; with one, every new phase is 0 or half a period: an Ising machine.

Both random bits of an oscillator come from words of one xorshift generator that wander along the network, 32
oscillators a tick: one flip-flop a bit, and no logic.

References
----------
B. Haverkort and A. Todri-Sanial, Front. Neurosci. 2026, 10.3389/fnins.2025.1658490 (the largest such network
published for a small FPGA: 506 oscillators, 5-bit weights, 4-bit phase, sums computed anew in every tick).
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

from neuristor.golden_model.networks.ising import Ising
from neuristor.golden_model.networks.phase_oscillator import PhaseOscillatorRaw, output, step
from neuristor.golden_model.neurons.neuron import positive, whole
from neuristor.golden_model.noise import advance, first_states

__all__ = ["OnnBitTrue", "OnnParams", "Segment", "Solution", "cooling", "energy", "solve", "spins"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
MOST = 4096
"""Oscillators that a network may have."""
MOST_AT_ONCE = 20_000_000
"""Trials times spins of a problem: some gigabytes."""
VISIT = 40
"""Clocks that a tick takes at most, beside a clock for each column."""
SPARSE = 0.1
"""Share of weights that are not zero, below which the model multiplies only those."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnParams:
    """A network, and what its word lengths are.

    Parameters
    ----------
    weights : ndarray of int, shape (count, count)
        ``weights[i, j]``: what oscillator i feels of oscillator j.
    weight_bits : int
        Of each weight, signed, 1 to 8: 1 bit is -1 or 0.
    phase_bits : int
        A period has ``2**phase_bits`` ticks; 4 to 8.
    noise_bits : int
        The largest noise is ``2**noise_bits - 1``; 0 to 16, 0 for a network that cannot be annealed by noise.
    symmetric : bool
        The memory holds one half of the matrix.

    Raises
    ------
    TypeError
        If the weights are no integers.
    ValueError
        If their shape is wrong, or they are not symmetric where that is said.
    OverflowError
        If one does not fit its bits.
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
                f"weights must be symmetric, as symmetric says; oscillators {i} and {j} have {weights[i, j]} and "
                f"{weights[j, i]}"
            )
        object.__setattr__(self, "weights", weights.astype(np.int64))

    @property
    def count(self) -> int:
        """Oscillators."""
        return len(self.weights)

    @cached_property
    def raw(self) -> PhaseOscillatorRaw:
        """The integers of one oscillator."""
        return PhaseOscillatorRaw(self.phase_bits)

    @property
    def total_bits(self) -> int:
        """Of a sum, signed: the largest of any weights and any noise fits, so that none can saturate."""
        return ((self.count << (self.weight_bits - 1)) + (1 << self.noise_bits) - 1).bit_length() + 1

    @property
    def half(self) -> int:
        """Ticks of half a period: the window that leaves all open."""
        return self.raw.period // 2

    def check_annealing(self, noise: int, window: int) -> None:
        """Raise ValueError if the network cannot have such noise or such a window."""
        whole("noise", noise, 0, (1 << self.noise_bits) - 1)
        whole("window", window, 1, self.half)


class Segment(NamedTuple):
    """A part of a schedule: so many periods, with so much noise and so long a window."""

    periods: int
    noise: int
    window: int


def cooling(periods: int, noise: int, window: int = 1, steps: int = 64, last: int = 0) -> list[Segment]:
    """A schedule that takes the noise down, linearly.

    Parameters
    ----------
    periods : int
        Of the whole.
    noise : int
        At the beginning.
    window : int
        Throughout; 1 is full injection.
    steps : int
        Segments, at most.
    last : int
        Noise at the end.
    """
    steps = min(steps, periods)
    ends = [periods * (n + 1) // steps for n in range(steps)]
    return [
        Segment(end - begin, last + (noise - last) * (steps - 1 - n) // max(steps - 1, 1), window)
        for n, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]


class OnnBitTrue:
    """A network of phase oscillators, many trials at once: the specification of the circuit.

    Parameters
    ----------
    params : OnnParams
    phases : array_like of int, shape (trials, count)
        At the beginning, each 0 to ``2**phase_bits`` - 1.
    seed : int
        Of the noise; each trial has its own generator.
    detuning : array_like of float, shape (count,), optional
        How much faster each oscillator is than the others, as a part of its frequency, between -0.5 and 0.5: its phase
        slips by a tick now and then. For comparison with devices that are not all alike; those of the circuit are.

    Attributes
    ----------
    phase, output, reference, total : ndarray of int64, shape (trials, count)
        The state: equations 1 to 3 of ``phase_oscillator``.
    tick : int
        Since the beginning.
    toggles : ndarray of int64, shape (trials,)
        Outputs that have toggled.
    visits : ndarray of int64, shape (trials,)
        Ticks that the circuit stops at: a phase stands there, or stood; or noise or injection may move one.
    changed : ndarray of int64, shape (trials,)
        The last tick in which a phase was set anew; 0 if none was.
    state : ndarray of int64, shape (trials,)
        Of the generators of noise.

    Raises
    ------
    TypeError, ValueError
        If the phases, or the detuning, are none of this network.
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
        # Ticks of half a period in which an output may toggle; and whether a phase is new, to be seen in the next tick.
        self._occupied = np.ones((len(phase), params.half), dtype=bool)
        self._fresh = np.zeros(len(phase), dtype=bool)

    @property
    def phase(self) -> Integers:
        """Of each oscillator, in ticks."""
        return self._phase.astype(np.int64)

    @property
    def output(self) -> Integers:
        """1 or 0."""
        return self._output.astype(np.int64)

    @property
    def reference(self) -> Integers:
        """1 or 0."""
        return self._reference.astype(np.int64)

    @property
    def total(self) -> Integers:
        """The sums."""
        return np.asarray(self._total, dtype=np.int64)

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Of each trial: no phase was set anew for a period, shape (trials,)."""
        return np.asarray(self.tick - self.changed >= self.params.raw.period)

    @property
    def clocks(self) -> Integers:
        """The most that the circuit takes, one column a clock, shape (trials,)."""
        return self.toggles + VISIT * self.visits

    def step(self, noise: int = 0, window: int | None = None) -> None:
        """Advance one tick.

        Parameters
        ----------
        noise : int
            The most that a sum is moved by.
        window : int, optional
            Ticks of each half period in which references are sampled; all by default.
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
            return  # what has not changed says nothing new
        rows = _indices(visited)
        total, allowed = self._total[rows], np.ones(1, dtype=np.uint8)
        if noise:  # all are visited
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
        """Let phases drift; wherever they come to stand is to be looked at."""
        self._ahead += drift
        ticks = np.trunc(self._ahead)
        if ticks.any():
            self._ahead -= ticks
            mask = self.params.raw.period - 1
            self._phase = np.asarray((self._phase - ticks.astype(np.int64)) & mask, dtype=np.uint8)
            self._occupied[:] = True
            self._fresh[:] = True

    def _follow(self, rows: Any, place: int, now: int) -> None:
        """Let outputs of some trials follow their phases, and add to the sums what toggles."""
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
        """What to add to each sum in this tick; the tosses are made, too."""
        for register in (self._signs, self._tosses):
            word = self._draw()[:, None] >> np.arange(min(32, register.shape[1])) & 1
            register[:, 32:] = register[:, :-32].copy()
            register[:, :32] = word
        most = ((noise + 1) * (self._draw() >> 16) >> 16).astype(self._twice.dtype)[:, None]
        return np.where(self._signs, most, -most)

    def run(self, periods: int, noise: int = 0, window: int | None = None) -> None:
        """Advance so many periods, or, without noise, until all trials have settled.

        Parameters
        ----------
        periods : int
            At least 1.
        noise, window
            As in `step`.

        Raises
        ------
        ValueError
            If one is outside its range.
        """
        whole("periods", periods, 1, 1_000_000)
        self.params.check_annealing(noise, self.params.half if window is None else window)
        for _ in range(periods):
            for _ in range(self.params.raw.period):
                self.step(noise, window)
            if not noise and self.settled.all():
                return


def _indices(chosen: NDArray[np.bool_]) -> Any:
    """What picks the chosen trials: all of them without a copy."""
    return slice(None) if chosen.all() else np.flatnonzero(chosen)


def _detuning(detuning: ArrayLike, count: int) -> Floats:
    made = np.asarray(detuning, dtype=np.float64)
    if made.shape != (count,):
        raise ValueError(f"detuning must have shape ({count},), not {made.shape}")
    if not (np.abs(made) < 0.5).all():
        raise ValueError("detuning must be between -0.5 and 0.5")
    return made


def spins(phases: ArrayLike, phase_bits: int) -> Integers:
    """+1 for an oscillator within a quarter of a period of oscillator 0, -1 for any other.

    Parameters
    ----------
    phases : array_like of int, shape (..., count)
    phase_bits : int
    """
    phase, quarter = np.asarray(phases, dtype=np.int64), 1 << (phase_bits - 2)
    away = (phase - phase[..., :1] + quarter) & ((1 << phase_bits) - 1)
    return np.where(away < 2 * quarter, 1, -1)


def energy(weights: ArrayLike, spins: ArrayLike) -> Floats:
    """Ising energy ``-1/2 sum w_ij s_i s_j``, without the diagonal.

    Parameters
    ----------
    weights : array_like, shape (count, count)
    spins : array_like of int, shape (..., count)

    Returns
    -------
    ndarray of float, shape (...)
    """
    matrix, s = np.array(weights, dtype=np.float64), np.asarray(spins, dtype=np.float64)
    np.fill_diagonal(matrix, 0)
    return np.asarray(-0.5 * np.einsum("...i,...i->...", s @ matrix.T, s))


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """What an annealed network found.

    Parameters
    ----------
    spins : ndarray of int, shape (count,)
        The best of all trials.
    energy : float
        Of these.
    energies : ndarray of float, shape (trials,)
        The best of each trial.
    clocks : ndarray of int, shape (trials,)
        The most that the circuit takes for the whole schedule.
    clocks_to_target : ndarray of float, shape (trials,)
        Until the target was met; infinite where it was not, or there was none.
    history : ndarray of float, shape (segments, trials)
        The energy at the end of each part of the schedule.
    params : OnnParams
    schedule : tuple of Segment
    seed : int
    variables : tuple
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
    """Anneal a network of oscillators until its spins have a low energy: the bits are those of the circuit.

    Parameters
    ----------
    problem : Ising or dimod.BinaryQuadraticModel
        Fields cost one more oscillator, to which the others' phases are compared.
    trials : int
        Runs from random spins, side by side.
    periods : int
        Of the schedule; more find lower energies.
    weight_bits, phase_bits : int
        The couplings are scaled to what fits the weights, and rounded.
    noise : float
        At the beginning, in units of the root mean square that a sum has with random spins.
    last : float
        At the end, in the same units; sparse graphs with equal weights like about 1.
    seed : int
        Of the first spins and of the noise.
    target : float, optional
        An energy to be met: how long that takes is said.
    progress : callable, optional
        Takes the part of the schedule that is done, and the lowest energy so far.

    Returns
    -------
    Solution

    Raises
    ------
    TypeError, ValueError
        If the problem is none, or a parameter is outside its range.

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
    """Weights as integers: as large as fits, and whole multiples where they were whole."""
    largest = float(np.abs(real).max())
    room = (1 << (bits - 1)) - 1
    if not largest:
        return real.astype(np.int64)
    scale = room / largest
    if scale >= 1 and (real == np.floor(real)).all():
        scale = float(math.floor(scale))
    return np.floor(real * scale + 0.5).astype(np.int64)
