from __future__ import annotations

import numpy as np
import pytest

from neuristor.golden_model.networks.phase_oscillator import PhaseOscillatorRaw, output, step


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_output_is_high_for_half_a_period_from_the_phase_on(bits: int) -> None:
    raw = PhaseOscillatorRaw(bits)
    ticks = np.arange(3 * raw.period)
    for phase in (0, 1, raw.period // 2, raw.period - 1):
        wave = output(raw, phase, ticks)
        high = [(t - phase) % raw.period < raw.period // 2 for t in ticks.tolist()]
        assert wave.tolist() == [int(each) for each in high]


def test_step_is_the_rule_for_every_state_and_the_same_for_integers_and_arrays() -> None:
    raw = PhaseOscillatorRaw(4)
    states = [(p, r, s, t) for p in range(16) for r in (0, 1) for s in (-3, 0, 2) for t in range(40)]
    columns = [np.array(column) for column in zip(*states, strict=True)]
    made = [each.tolist() for each in step(raw, *columns)]
    for n, (phase, reference, total, tick) in enumerate(states):
        wanted = reference if total == 0 else int(total > 0)
        rises = wanted == 1 and reference == 0 and (tick - phase) % 16 not in (0, 1)
        expected = (tick % 16 if rises else phase, wanted, rises)
        assert tuple(each[n] for each in made) == expected
        assert step(raw, phase, reference, total, tick) == expected
