"""Soft errors: single bits of the circuit are inverted during a run, and the effect on the network is measured.

Ionizing particles invert bits of registers and block RAM. Such a bit flip may be masked, may change some spikes until
the neuron has recovered, may have a lasting effect, or may stop the array. With protection
(``neuristor.hdl.protection``), flips in the parameter memory are detected, or corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.hdl.array import state_layout
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.benches.case import Case
from neuristor.sim.engines.compiled import CompiledModel
from neuristor.sim.engines.stalls import StreamError

__all__ = ["Bits", "Upsets", "campaign", "kinds"]


@dataclass(frozen=True)
class Bits:
    """Some bits of a register or memory.

    Parameters
    ----------
    name : str
        Name in the Verilog.
    rows : int
        Number of rows; 1 for a register.
    bits : tuple of int
        Numbers of the bits in each row.
    """

    name: str
    rows: int
    bits: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of bits in all rows."""
        return self.rows * len(self.bits)


@dataclass(frozen=True)
class Upsets:
    """Effects of bit flips in one kind of bits.

    Parameters
    ----------
    kind : str
        Purpose of the bits.
    bits : int
        Number of bits of this kind in the circuit.
    injections : int
        Number of flips.
    masked : int
        Flips that changed no state bit and no spike.
    stopped : int
        Flips after which the array was stuck, or violated the stream handshake.
    lasting : int
        Flips after which a state bit or spike still differed in the last tick.
    spikes : float
        Mean number of additional or missing spikes per flip that was not masked and did not stop the array.
    recovery : tuple of int
        Ticks until all states equalled those without the flip: median and maximum over the flips with recovery.
    detected : int
        Flips that the protection detected.
    silent : int
        Flips that were neither masked nor detected.
    """

    kind: str
    bits: int
    injections: int
    masked: int
    stopped: int
    lasting: int
    spikes: float
    recovery: tuple[int, int]
    detected: int
    silent: int


def kinds(case: Case, circuit: CompiledModel) -> dict[str, list[Bits]]:
    """Group all state bits of a circuit by purpose.

    Parameters
    ----------
    case : Case
        The array.
    circuit : CompiledModel
        Its compiled model, made with ``state=True``.

    Returns
    -------
    dict of str to list of Bits
        The bits of each kind.
    """
    made: dict[str, list[Bits]] = {}
    layout = state_layout(case.params)
    rows = -(-case.params.count // case.lanes)
    for name, (width, depth) in sorted(circuit.state.items()):
        if name == "state_memory":
            for member in layout.members:
                part = layout[member]
                some = [
                    lane * layout.size + part.offset + bit for lane in range(case.lanes) for bit in range(part.width)
                ]
                made.setdefault(f"state memory, {member}", []).append(Bits(name, rows, tuple(some)))
            continue
        if name == "parameter_memory":
            kind, depth = "parameter memory", rows
        elif name.startswith("lane_"):
            kind = "lanes, their registers"
        elif name in ("saturated", "saturations", "memory_faults") or name.endswith("_was_read"):
            kind = "counters of saturation and faults"
        elif depth > 1:
            kind = "other memories"
        elif name.startswith("_") or name == "drives":
            kind = "rows read and taken"
        else:
            kind = "control"
        made.setdefault(kind, []).append(Bits(name, depth, tuple(range(width))))
    return made


def campaign(
    case: Case,
    injections: int,
    *,
    ticks: int = 200,
    seed: int = 1,
    only: str = "",
    progress: Callable[[str, int, int], None] = lambda kind, done, total: None,
) -> Iterator[Upsets]:
    """Invert bits of each kind, and compare each run with the bit-true model in every tick.

    Parameters
    ----------
    case : Case
        The array and its input.
    injections : int
        Number of flips of each kind; each has its own run.
    ticks : int
        Largest number of ticks of a run.
    seed : int
        Seed for the choice of bits and times.
    only : str
        Beginning of the names of the kinds to use; all by default.
    progress : callable
        Called with the kind, the number of flips done, and the number of all flips.

    Yields
    ------
    Upsets
        The result of each kind.
    """
    circuit = CompiledModel(case.verilog, case.toplevel, state=True, fast=True)
    drive = case.drive_raw[:ticks]
    expected = case.bit_true().run(drive)
    rows = pack_drive(case.params, case.lanes, drive)
    random, latency = np.random.default_rng(seed), case.timing["latency"]
    for kind, places in kinds(case, circuit).items():
        if not kind.startswith(only):
            continue
        sizes = np.array([place.count for place in places])
        results: list[_Result] = []
        for done in range(injections):
            progress(kind, done, injections)
            place = places[int(random.choice(len(places), p=sizes / sizes.sum()))]
            row, bit = int(random.integers(place.rows)), int(random.choice(place.bits))
            at = int(random.integers(latency, len(rows) * 3 // 4))
            under_way = int(random.integers(1, latency + 1))
            results.append(_one(case, circuit, expected, rows, place.name, row, bit, at, under_way))
        yield _summed(kind, int(sizes.sum()), results)


@dataclass(frozen=True)
class _Result:
    """Effect of one flip."""

    stopped: bool
    spikes: int
    recovery: int | None
    """Ticks until recovery; 0 if nothing changed, None if it did not recover."""
    detected: bool


def _one(
    case: Case,
    circuit: CompiledModel,
    expected: dict[str, NDArray[np.int64]],
    rows: NDArray[np.uint8],
    name: str,
    row: int,
    bit: int,
    at: int,
    under_way: int,
) -> _Result:
    """Run with one flip, after `at` input rows, while `under_way` of them (or fewer) are still in the array."""
    per_tick = -(-case.params.count // case.lanes)
    first = None
    while first is None:
        circuit.fresh()
        try:
            first, _ = circuit.exchange(rows[:at], at - under_way, idle_limit=case.timing["cycles_after_reset"] + 200)
        except StreamError:  # the array never holds this many rows at once
            under_way -= 1
    try:
        circuit.flip(name, row, bit)
        second, _ = circuit.exchange(rows[at:], len(rows) - at + under_way)
        got = unpack_output(case.params, case.lanes, np.concatenate([first, second]))
    except (StreamError, ValueError):  # stuck, or rows out of order
        return _Result(True, 0, None, _faults(circuit))
    wrong = np.zeros(len(expected["spike"]), bool)
    for field, column in expected.items():
        wrong |= (got[field] != column).any(axis=1)
    changed = int(np.abs(got["spike"] - expected["spike"]).sum())
    found = np.flatnonzero(wrong)
    if len(found) == 0:
        return _Result(False, 0, 0, _faults(circuit))
    last = int(found[-1])
    recovered = None if last == len(wrong) - 1 else last + 1 - at // per_tick
    return _Result(False, changed, recovered, _faults(circuit))


def _faults(circuit: CompiledModel) -> bool:
    """Whether the protection detected a fault."""
    return "memory_faults" in circuit.outputs and circuit.status("memory_faults") > 0


def _summed(kind: str, bits: int, results: list[_Result]) -> Upsets:
    """The statistics of a kind."""
    masked = [each for each in results if not each.stopped and each.recovery == 0]
    seen: list[Any] = [each for each in results if not each.stopped and each.recovery != 0]
    times = [each.recovery for each in seen if each.recovery is not None]
    return Upsets(
        kind=kind,
        bits=bits,
        injections=len(results),
        masked=len(masked),
        stopped=sum(each.stopped for each in results),
        lasting=sum(each.recovery is None for each in seen),
        spikes=float(np.mean([each.spikes for each in seen])) if seen else 0.0,
        recovery=(int(np.median(times)), max(times)) if times else (0, 0),
        detected=sum(each.detected for each in results),
        silent=sum((each.stopped or each.recovery != 0) and not each.detected for each in results),
    )
