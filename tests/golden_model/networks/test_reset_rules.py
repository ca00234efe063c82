"""Reset rules: the float reference and the bit-true model against the equations, written down independently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.snn import (
    INPUT,
    RESETS,
    Layer,
    Network,
    Neurons,
    Projection,
    ResetRule,
    SnnBitTrue,
    SnnReference,
    Words,
    quantized,
)
from neuristor.golden_model.networks.synapses import Dense
from neuristor.golden_model.variability import Variability

BETA, LIMIT = 0.875, 1.0


def expected(rule: str, inputs: list[float]) -> list[int]:
    """Spikes of one neuron with threshold 1, reset 0 and decay 0.875."""
    v, late, made = 0.0, False, []
    for x in inputs:
        u = BETA * v + x
        if rule == "subtract_late":  # snnTorch: subtract, reset_delay=True
            u -= LIMIT if v > LIMIT else 0.0
            spike, v = u > LIMIT, u
        elif rule == "subtract_guarded":  # snnTorch: subtract, reset_delay=False
            before = v > LIMIT
            spike = u - LIMIT * before > LIMIT
            v = u - LIMIT * before - LIMIT * (int(spike) - int(before))
        elif rule == "to_value_late":  # snnTorch: zero, reset_delay=True, of Synaptic and the recurrent neurons
            u = 0.0 if late else u
            spike = u > LIMIT
            v, late = (0.0 if spike else u), spike
        else:
            spike = u > LIMIT
            v = {"to_value": 0.0, "subtract": u - LIMIT, "none": u}[rule] if spike else u
        made.append(int(spike))
    return made


def network(rule: ResetRule, weights: list[float], **more: Any) -> Network:
    neurons = Neurons(count=1, tau=8.0, r=8.0, reset_rule=rule, **more)
    synapses = Dense(weights=np.array([weights]))
    layer = Layer(name="one", shape=(1,), neurons=neurons, projections=(Projection(source=INPUT, synapses=synapses),))
    return Network(dt=1.0, input_shape=(len(weights),), layers=(layer,))


# 0.625 twice, then nothing; three thresholds at once; strong input all the time; positive and negative input.
WEIGHTS = [0.625, 3.25, 1.4375, -0.8125]
INPUTS = {
    "once above": [0, 0, None, None, None, None],
    "three thresholds at once": [1, None, None, None, None, 0],
    "strong": [2] * 12,
    "between one and two": [0] * 16,
    "up and down": [1, 3, 3, 2, None, 1, 3, 0, 0, 2, 3, 3, 1],
    "random": [None if n > 3 else n for n in np.random.default_rng(0).integers(0, 6, 200).tolist()],
}


@pytest.mark.parametrize("rule", RESETS)
@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
def test_spikes_are_those_of_the_rule(rule: ResetRule, inputs: list[int | None]) -> None:
    wanted = expected(rule, [0.0 if n is None else WEIGHTS[n] for n in inputs])
    spikes = np.array([[int(n == k) for k in range(4)] for n in inputs])
    made = network(rule, WEIGHTS)
    assert SnnReference(made).run(spikes)[0][:, 0, 0].astype(int).tolist() == wanted
    params = quantized(made, Words(16, 30, coefficient_bits=16, level=0.02))
    assert SnnBitTrue(params).run(spikes)[0]["spike"][:, 0, 0].astype(int).tolist() == wanted


def test_the_rules_differ() -> None:
    spikes = np.random.default_rng(1).random((200, 4)) < 0.3
    trains = {SnnReference(network(rule, WEIGHTS)).run(spikes)[0].tobytes() for rule in RESETS}
    assert len(trains) == len(RESETS)


def test_broken_devices_and_refractory_periods_keep_the_rule() -> None:
    """Devices that never fire are never reset, whatever the rule; a refractory neuron is reset after its period."""
    off = network("subtract_late", [3.0], spread=Variability(stuck_off=1.0))
    model = SnnReference(off)
    for _ in range(3):
        model.step(np.array([[1]]))
    assert model.membrane[0][0, 0] == 3 * (1 + BETA + BETA**2)
    for rule in ("subtract_late", "subtract_guarded", "none", "to_value_late"):
        made = network(rule, [1.5], refractory=2.0)
        ones = np.ones((20, 1), dtype=int)
        spikes = SnnReference(made).run(ones)[0][:, 0, 0]
        gap = 4 if rule == "to_value_late" else 3
        assert np.flatnonzero(spikes)[:3].tolist() == [0, gap, 2 * gap]
        params = quantized(made, Words(16, 30, coefficient_bits=16, level=0.02))
        assert (SnnBitTrue(params).run(ones)[0]["spike"][:, 0, 0] == spikes).all()


def test_wrong_rules_are_refused() -> None:
    with pytest.raises(ValueError, match=r"reset rule must be one of to_value, .*, none, not 'zero'"):
        Neurons(count=1, reset_rule="zero")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold_c2c must be 0 with the reset rule 'subtract_late'"):
        Neurons(count=1, reset_rule="subtract_late", spread=Variability(threshold_c2c=0.1))
