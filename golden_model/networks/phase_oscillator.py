"""Phase oscillators: square waves that take over the phase of what the rest of their network asks for.

An oscillator with phase ``phi`` is high for half a period of ``2**phase_bits`` ticks, from tick phi on::

    o(t) = 1 if (t - phi) mod P < P / 2 else 0                                             (1)

Its network forms a weighted sum S of all outputs, as +1 and -1. The sign of S is a square wave of its own, the
reference; a sum of zero leaves it as it was. When the reference rises, the oscillator restarts there::

    S > 0 -> reference = 1,  S < 0 -> reference = 0,  S = 0 -> as before                   (2)
    the reference rises in tick t, and (t - phi) mod P > 1  ->  phi <- t                   (3)

In a network that is annealed, a tick may be closed to (2), and a toss may forbid (3): see ``onn``.

An oscillator that rises in the same tick, or rose in the last one, is as near to its reference as a tick can tell;
without that, two of them would hand one tick's difference to and fro for ever. A new phase acts from the next tick on.

References
----------
M. Abernot et al., Front. Neurosci. 15, 2021, 10.3389/fnins.2021.713054 (digital oscillators, aligned at the rising edge
of the sign of their weighted sum). The rule for ties and for a difference of one tick is ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from neuristor.golden_model.fixed import select

__all__ = ["PhaseOscillatorRaw", "output", "step"]


class PhaseOscillatorRaw(NamedTuple):
    """The integers the circuit is built from."""

    phase_bits: int

    @property
    def period(self) -> int:
        """Ticks."""
        return 1 << self.phase_bits


def output(raw: PhaseOscillatorRaw, phase: Any, tick: Any) -> Any:
    """Equation 1: 1 or 0, on integers, arrays or hardware values alike."""
    return (((tick - phase) & (raw.period - 1)) >> (raw.phase_bits - 1)) ^ 1


def step(
    raw: PhaseOscillatorRaw, phase: Any, reference: Any, total: Any, tick: Any, allowed: Any = 1
) -> tuple[Any, Any, Any]:
    """What a tick does to an oscillator, on integers, arrays or hardware values alike.

    Parameters
    ----------
    raw : PhaseOscillatorRaw
    phase, reference
        Of the oscillator.
    total
        S, with the outputs of this tick.
    tick
        Since the beginning.
    allowed
        Whether the phase may be set anew in this tick.

    Returns
    -------
    phase, reference, moved
        `moved`: whether the phase was set anew.
    """
    after = select(total > 0, 1, select(total < 0, 0, reference))
    lead = (tick - phase) & (raw.period - 1)
    moved = (after == 1) & (reference == 0) & (lead > 1) & (allowed == 1)
    return select(moved, tick & (raw.period - 1), phase), after, moved
