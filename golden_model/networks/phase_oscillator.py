"""Phase oscillators: square waves whose phase follows the weighted sum of the other outputs in the network.

Time is counted in time steps (ticks). A period P has ``2**phase_bits`` ticks. The output of an oscillator with phase
``phi`` is high for half a period, from tick phi on::

    o(t) = 1 if (t - phi) mod P < P / 2 else 0                                             (1)

The network forms for each oscillator a weighted sum S of all outputs, as +1 and -1. The sign of S is a second square
wave, the reference; at a sum of zero the reference keeps its value. When the reference rises, the oscillator aligns its
phase to it::

    S > 0 -> reference = 1,  S < 0 -> reference = 0,  S = 0 -> unchanged                   (2)
    the reference rises in tick t, and (t - phi) mod P > 1  ->  phi <- t                   (3)

While a network is annealed, (2) may be disabled in some ticks, and (3) may be disabled by a random bit: see ``onn``.

An oscillator whose output rises in the same tick as its reference, or rose in the tick before, keeps its phase.
Otherwise two oscillators could exchange a difference of one tick forever. A new phase takes effect in the next tick.

References
----------
M. Abernot et al., Front. Neurosci. 15, 2021, 10.3389/fnins.2021.713054 (digital oscillators, aligned at the rising edge
of the sign of their weighted sum). The rule for ties and for a difference of one tick is our own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from neuristor.golden_model.fixed import select

__all__ = ["PhaseOscillatorRaw", "output", "step"]


class PhaseOscillatorRaw(NamedTuple):
    """The integers from which the circuit is built."""

    phase_bits: int
    """Word length of a phase: a period has ``2**phase_bits`` ticks."""

    @property
    def period(self) -> int:
        """Period P, in ticks."""
        return 1 << self.phase_bits


def output(raw: PhaseOscillatorRaw, phase: Any, tick: Any) -> Any:
    """Output of an oscillator, 1 or 0 (equation 1); on integers, arrays or hardware values.

    Parameters
    ----------
    raw : PhaseOscillatorRaw
        The integers of the oscillator.
    phase : int, ndarray of int, or a hardware value
        Phase phi, in ticks, 0 to P - 1.
    tick : int, ndarray of int, or a hardware value
        Present tick t, since the start or modulo P.
    """
    return (((tick - phase) & (raw.period - 1)) >> (raw.phase_bits - 1)) ^ 1


def step(
    raw: PhaseOscillatorRaw, phase: Any, reference: Any, total: Any, tick: Any, allowed: Any = 1
) -> tuple[Any, Any, Any]:
    """Advance an oscillator by one tick (equations 2 and 3); on integers, arrays or hardware values.

    Parameters
    ----------
    raw : PhaseOscillatorRaw
        The integers of the oscillator.
    phase : int, ndarray of int, or a hardware value
        Phase phi, in ticks, 0 to P - 1.
    reference : int, ndarray of int, or a hardware value
        Reference after the tick before, 1 or 0.
    total : int, ndarray of int, or a hardware value
        Weighted sum S of the outputs of this tick.
    tick : int, ndarray of int, or a hardware value
        Present tick t, since the start or modulo P.
    allowed : int, ndarray of int, or a hardware value
        1 if the phase may change in this tick, else 0.

    Returns
    -------
    phase : int, ndarray of int, or a hardware value
        New phase, in ticks, 0 to P - 1.
    reference : int, ndarray of int, or a hardware value
        New reference, 1 or 0.
    moved : bool, ndarray of bool, or a hardware value
        Whether the phase was set to the present tick.
    """
    after = select(total > 0, 1, select(total < 0, 0, reference))
    lead = (tick - phase) & (raw.period - 1)
    moved = (after == 1) & (reference == 0) & (lead > 1) & (allowed == 1)
    return select(moved, tick & (raw.period - 1), phase), after, moved
